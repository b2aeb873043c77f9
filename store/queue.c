#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "store/queue.h"
#include "store/queue_lua.h"
#include "store/redis_connection.h"

#define QUEUE_ID_MAX 256
#define QUEUE_PRIORITY_MAX 9
#define PATIENCE_OUT_MS 250

struct queue {
	char *address;
	char *password;
	char *prefix;
	redisContext *context;		/* NULL: to be made by the next call */
	int patience_ms;		/* of the next call: short after one without an answer */
	int64_t out_until_ms;		/* steady: no call before */
	struct queue_rules rules;
};

static const char *const state_names[UNIT_NSTATES] = {
	[UNIT_ABSENT] = "absent",
	[UNIT_READY] = "ready",
	[UNIT_LEASED] = "leased",
	[UNIT_DONE] = "done",
	[UNIT_CANCELLED] = "cancelled",
};

/* Row: from.  Bits: to.  The functions in queue.lua hold the same table. */
static const unsigned moves[UNIT_NSTATES] = {
	[UNIT_ABSENT] = 1u << UNIT_READY,
	[UNIT_READY] = 1u << UNIT_LEASED | 1u << UNIT_DONE | 1u << UNIT_CANCELLED,
	[UNIT_LEASED] = 1u << UNIT_READY | 1u << UNIT_DONE | 1u << UNIT_CANCELLED,
	[UNIT_DONE] = 1u << UNIT_ABSENT,
	[UNIT_CANCELLED] = 1u << UNIT_ABSENT | 1u << UNIT_READY | 1u << UNIT_DONE,
};

static const char *const blame_names[BLAME_NKINDS] = {
	[BLAME_BOX] = "box",
	[BLAME_UNIT] = "unit",
	[BLAME_FARM] = "farm",
	[BLAME_STOP] = "stop",
};

const char *unit_blame_name(enum unit_blame blame)
{
	return (unsigned)blame < BLAME_NKINDS ? blame_names[blame] : "unknown";
}

bool unit_blame_of_name(enum unit_blame *ret, const char *name)
{
	for (unsigned i = 0; i < BLAME_NKINDS; i++) {
		if (name && strcmp(blame_names[i], name) == 0) {
			*ret = (enum unit_blame)i;
			return true;
		}
	}
	return false;
}

const char *unit_state_name(enum unit_state state)
{
	return (unsigned)state < UNIT_NSTATES ? state_names[state] : "unknown";
}

bool unit_may_move(enum unit_state from, enum unit_state to)
{
	return (unsigned)from < UNIT_NSTATES && (unsigned)to < UNIT_NSTATES && (moves[from] & 1u << to);
}

static int state_of_name(enum unit_state *ret, const char *name, struct error *err)
{
	for (unsigned i = 0; i < UNIT_NSTATES; i++) {
		if (strcmp(state_names[i], name) == 0) {
			*ret = (enum unit_state)i;
			return 0;
		}
	}
	return error_set(err, ERR_CORRUPT, "the queue holds a unit in state '%s'", name);
}

/* --- the connection --- */

static void disconnect(struct queue *queue)
{
	if (queue->context)
		redisFree(queue->context);
	queue->context = NULL;
}

static int remaining_ms(int64_t deadline_ms)
{
	int64_t left = deadline_ms - clock_steady_ms();

	return left < 1 ? 1 : left > QUEUE_TIMEOUT_MS ? QUEUE_TIMEOUT_MS : (int)left;
}

/* A command on the open connection, which is closed if it broke. */
static int command(redisReply **ret_reply, struct queue *queue, const struct strv *argv, int64_t deadline_ms, struct error *err)
{
	bool broken;
	int rc = redis_command(ret_reply, queue->context, argv, remaining_ms(deadline_ms), &broken, err);

	if (broken)
		disconnect(queue);
	return rc;
}

/* FUNCTION LIST answers a list of libraries, each a flat list of names and values. */
static bool library_is_ours(const redisReply *libraries)
{
	for (size_t i = 0; libraries->type == REDIS_REPLY_ARRAY && i < libraries->elements; i++) {
		const redisReply *library = libraries->element[i];

		for (size_t j = 0; library->type == REDIS_REPLY_ARRAY && j + 1 < library->elements; j += 2) {
			const redisReply *name = library->element[j], *value = library->element[j + 1];

			if (name->type == REDIS_REPLY_STRING && value->type == REDIS_REPLY_STRING &&
				strcmp(name->str, "library_code") == 0 && strcmp(value->str, queue_lua) == 0)
				return true;
		}
	}
	return false;
}

static int load_library(struct queue *queue, int64_t deadline_ms, struct error *err)
{
	struct strv argv = STRV_INIT;
	redisReply *reply = NULL;
	int rc;

	strv_push_many(&argv, "FUNCTION", "LIST", "LIBRARYNAME", "bisectd", "WITHCODE", NULL);
	rc = command(&reply, queue, &argv, deadline_ms, err);
	if (rc < 0)
		goto out;
	if (library_is_ours(reply))
		goto out;
	strv_release(&argv);
	strv_push_many(&argv, "FUNCTION", "LOAD", "REPLACE", queue_lua, NULL);
	rc = command(NULL, queue, &argv, deadline_ms, err);
out:
	if (rc == -ERR_FAILED)
		error_prefix(err, "cannot load the queue's functions (Redis 7 or newer is needed)");
	if (reply)
		freeReplyObject(reply);
	strv_release(&argv);
	return rc;
}

static int connect_queue(struct queue *queue, int64_t deadline_ms, struct error *err)
{
	struct strv argv = STRV_INIT;
	int rc;

	/* A Redis that was restarted since the last call costs no failed call. */
	if (queue->context && redis_connection_is_alive(queue->context))
		return 0;
	disconnect(queue);
	rc = redis_connect(&queue->context, queue->address, remaining_ms(deadline_ms), err);
	if (rc < 0)
		goto out;
	if (queue->password) {
		strv_push_many(&argv, "AUTH", queue->password, NULL);
		rc = command(NULL, queue, &argv, deadline_ms, err);
		if (rc < 0)
			goto out;
	}
	rc = load_library(queue, deadline_ms, err);
out:
	if (rc < 0)
		disconnect(queue);
	strv_release(&argv);
	return rc;
}

/* One that is gone refuses at once, which costs nobody time; one that hangs would cost each caller the whole of it. */
static void note_patience(struct queue *queue, int rc, int64_t began_ms)
{
	int64_t now_ms = clock_steady_ms();

	if (rc != -ERR_UNAVAILABLE) {
		queue->patience_ms = QUEUE_TIMEOUT_MS;
	} else if (now_ms - began_ms >= queue->patience_ms - 1) {
		queue->out_until_ms = now_ms + QUEUE_OUT_MS;
		/* Longer with every try, for one that is only slow. */
		queue->patience_ms = queue->patience_ms == QUEUE_TIMEOUT_MS ? PATIENCE_OUT_MS : queue->patience_ms * 2;
	}
}

/*
 * Calls one of the functions: `argv` was begun by begin() and is emptied here.  A call whose answer was lost is never sent twice; only one that
 * Redis refused to know (its functions were flushed) is.
 */
static int call(redisReply **ret_reply, struct queue *queue, struct strv *argv, struct error *err)
{
	int64_t began_ms = clock_steady_ms(), deadline_ms = began_ms + queue->patience_ms;
	struct error local = ERROR_INIT;
	int rc;

	if (began_ms < queue->out_until_ms) {
		rc = error_set(&local, ERR_UNAVAILABLE, "Redis does not answer; it is asked again every second");
		goto out;
	}
	rc = connect_queue(queue, deadline_ms, &local);
	if (rc < 0)
		goto out;
	rc = command(ret_reply, queue, argv, deadline_ms, &local);
	if (rc == -ERR_FAILED && strstr(local.text, "Function not found")) {
		rc = load_library(queue, deadline_ms, &local);
		if (rc == 0)
			rc = command(ret_reply, queue, argv, deadline_ms, &local);
	}
	note_patience(queue, rc, began_ms);
out:
	if (rc < 0 && err)
		*err = local;
	strv_release(argv);
	return rc;
}

static struct strv begin(const struct queue *queue, const char *function)
{
	struct strv argv = STRV_INIT;

	strv_push_many(&argv, "FCALL", function, "1", queue->prefix, NULL);
	return argv;
}

static struct strv begin_with_epoch(const struct queue *queue, const char *function, const char *id, uint64_t epoch)
{
	struct strv argv = begin(queue, function);

	strv_push(&argv, id);
	strv_pushf(&argv, "%llu", (unsigned long long)epoch);
	return argv;
}

static void push_number(struct strv *argv, int64_t number)
{
	strv_pushf(argv, "%lld", (long long)number);
}

static int unexpected(struct error *err, const char *function)
{
	return error_set(err, ERR_CORRUPT, "Redis gave an answer of an unknown form to %s", function);
}

/* Element i of a list as text; NULL if it is not there. */
static const char *text_at(const redisReply *reply, size_t i)
{
	if (reply->type != REDIS_REPLY_ARRAY || i >= reply->elements || reply->element[i]->type != REDIS_REPLY_STRING)
		return NULL;
	return reply->element[i]->str;
}

static int64_t number_at(const redisReply *reply, size_t i)
{
	const char *text = text_at(reply, i);

	if (text)
		return strtoll(text, NULL, 10);
	if (reply->type == REDIS_REPLY_ARRAY && i < reply->elements && reply->element[i]->type == REDIS_REPLY_INTEGER)
		return reply->element[i]->integer;
	return 0;
}

/* --- opening --- */

int queue_open(struct queue **ret, const char *address, const char *password, const char *prefix, struct error *err)
{
	struct queue *queue = mem_alloc(sizeof(*queue));
	struct sigaction action;
	int rc;

	/* hiredis writes with write(2): a Redis that dies at that moment must be an error, not our end. */
	if (sigaction(SIGPIPE, NULL, &action) == 0 && action.sa_handler == SIG_DFL)
		signal(SIGPIPE, SIG_IGN);
	queue->rules = (struct queue_rules)QUEUE_RULES_INIT;
	queue->patience_ms = QUEUE_TIMEOUT_MS;
	queue->address = mem_strdup(address);
	queue->password = mem_strdup(password);
	queue->prefix = mem_strdup(prefix && *prefix ? prefix : "bisectd");
	rc = connect_queue(queue, clock_steady_ms() + QUEUE_TIMEOUT_MS, err);
	if (rc < 0)
		queue_free(queue);
	else
		*ret = queue;
	return rc;
}

void queue_free(struct queue *queue)
{
	if (!queue)
		return;
	disconnect(queue);
	free(queue->address);
	free(queue->password);
	free(queue->prefix);
	free(queue);
}

void queue_set_rules(struct queue *queue, const struct queue_rules *rules)
{
	queue->rules = *rules;
}

int queue_ping(struct queue *queue, struct error *err)
{
	struct strv argv = STRV_INIT;

	strv_push(&argv, "PING");
	return call(NULL, queue, &argv, err);
}

/* --- adding and claiming --- */

static bool is_name(const char *s)
{
	return s && *s && strlen(s) <= QUEUE_ID_MAX;
}

int queue_add(struct queue *queue, const struct unit_spec *spec, int64_t now_ms, enum unit_state *ret_state, struct error *err)
{
	enum unit_state before = UNIT_ABSENT;
	redisReply *reply = NULL;
	struct strv argv;
	int rc;

	if (!is_name(spec->id) || !is_name(spec->lane))
		return error_set(err, ERR_INVALID, "a unit needs an id and a lane of 1 to %d bytes", QUEUE_ID_MAX);
	if (spec->priority < 0 || spec->priority > QUEUE_PRIORITY_MAX)
		return error_set(err, ERR_INVALID, "unit %s: priority %d, allowed are 0 to %d", spec->id, spec->priority, QUEUE_PRIORITY_MAX);
	argv = begin(queue, "bisectd_add");
	strv_push_many(&argv, spec->id, spec->lane, NULL);
	push_number(&argv, spec->priority);
	strv_push(&argv, spec->payload ? spec->payload : "");
	push_number(&argv, now_ms);
	push_number(&argv, spec->avoid_until_ms);
	if (spec->avoid)
		strv_push_all(&argv, strv_argv(spec->avoid));
	rc = call(&reply, queue, &argv, err);
	if (rc < 0)
		return rc;
	rc = reply->type == REDIS_REPLY_STRING ? state_of_name(&before, reply->str, err) : unexpected(err, "bisectd_add");
	if (rc == 0 && ret_state)
		*ret_state = before;
	freeReplyObject(reply);
	return rc;
}

int queue_claim(struct queue *queue, const char *const *lanes, const char *owner, int64_t now_ms, int64_t lease_ms, struct lease *ret,
	struct error *err)
{
	struct strv argv = begin(queue, "bisectd_claim");
	redisReply *reply = NULL;
	int rc;

	strv_push(&argv, owner);
	push_number(&argv, now_ms);
	push_number(&argv, lease_ms);
	strv_push_all(&argv, lanes);
	rc = call(&reply, queue, &argv, err);
	if (rc < 0)
		return rc;
	if (reply->type == REDIS_REPLY_ARRAY && reply->elements == 0) {
		*ret = (struct lease){ 0 };
	} else if (text_at(reply, 0) && text_at(reply, 1)) {
		*ret = (struct lease){
			.id = mem_strdup(text_at(reply, 0)),
			.payload = mem_strdup(text_at(reply, 1)),
			.epoch = (uint64_t)number_at(reply, 2),
			.attempt = (unsigned)number_at(reply, 3),
			.until_ms = number_at(reply, 4),
		};
	} else {
		rc = unexpected(err, "bisectd_claim");
	}
	freeReplyObject(reply);
	return rc;
}

void lease_release(struct lease *lease)
{
	free(lease->id);
	free(lease->payload);
	*lease = (struct lease){ 0 };
}

/* --- under a lease --- */

int queue_renew(struct queue *queue, const char *id, uint64_t epoch, int64_t now_ms, int64_t lease_ms, struct error *err)
{
	struct strv argv = begin_with_epoch(queue, "bisectd_renew", id, epoch);

	push_number(&argv, now_ms);
	push_number(&argv, lease_ms);
	return call(NULL, queue, &argv, err);
}

int queue_check(struct queue *queue, const char *id, uint64_t epoch, struct error *err)
{
	struct strv argv = begin_with_epoch(queue, "bisectd_check", id, epoch);

	return call(NULL, queue, &argv, err);
}

int queue_finish(struct queue *queue, const char *id, uint64_t epoch, struct error *err)
{
	struct strv argv = begin_with_epoch(queue, "bisectd_finish", id, epoch);

	push_number(&argv, clock_wall_ms());
	return call(NULL, queue, &argv, err);
}

static void push_rules(struct strv *argv, const struct queue_rules *rules)
{
	push_number(argv, rules->attempts_max);
	push_number(argv, rules->pause_ms);
	push_number(argv, rules->pause_max_ms);
	push_number(argv, rules->patience_ms);
}

/* From element `first` on: what give_back() of queue.lua answers. */
static bool loss_at(struct unit_loss *ret, const redisReply *reply, size_t first, const char *id)
{
	if (!id || !text_at(reply, first + 1))
		return false;
	*ret = (struct unit_loss){
		.id = mem_strdup(id),
		.exhausted = number_at(reply, first) == 1,
		.owner = mem_strdup(text_at(reply, first + 1)),
		.times = (unsigned)number_at(reply, first + 2),
		.boxes = (unsigned)number_at(reply, first + 3),
		.attempts = (unsigned)number_at(reply, first + 4),
		.claimed_ms = number_at(reply, first + 5),
		.at_ms = number_at(reply, first + 6),
	};
	return true;
}

void unit_loss_release(struct unit_loss *loss)
{
	free(loss->id);
	free(loss->owner);
	*loss = (struct unit_loss){ 0 };
}

int queue_release(struct queue *queue, const char *id, uint64_t epoch, enum unit_blame blame, const char *reason, unsigned able, int64_t now_ms,
	struct unit_loss *ret, struct error *err)
{
	struct strv argv = begin_with_epoch(queue, "bisectd_release", id, epoch);
	struct unit_loss loss = { 0 };
	redisReply *reply = NULL;
	int rc;

	push_number(&argv, now_ms);
	strv_push_many(&argv, unit_blame_name(blame), reason ? reason : "", NULL);
	push_number(&argv, able);
	push_rules(&argv, &queue->rules);
	rc = call(&reply, queue, &argv, err);
	if (rc < 0)
		return rc;
	if (!loss_at(&loss, reply, 0, id))
		rc = unexpected(err, "bisectd_release");
	else if (ret)
		*ret = loss;
	else
		unit_loss_release(&loss);
	freeReplyObject(reply);
	return rc;
}

/* --- whatever the epoch --- */

static int call_with_time(struct queue *queue, const char *function, const char *id, struct error *err)
{
	struct strv argv = begin(queue, function);

	strv_push(&argv, id);
	push_number(&argv, clock_wall_ms());
	return call(NULL, queue, &argv, err);
}

int queue_settle(struct queue *queue, const char *id, struct error *err)
{
	return call_with_time(queue, "bisectd_settle", id, err);
}

int queue_cancel(struct queue *queue, const char *id, struct error *err)
{
	return call_with_time(queue, "bisectd_cancel", id, err);
}

int queue_again(struct queue *queue, const char *id, struct error *err)
{
	struct strv argv = begin(queue, "bisectd_again");

	strv_push(&argv, id);
	return call(NULL, queue, &argv, err);
}

int queue_expire(struct queue *queue, int64_t now_ms, unsigned max, int64_t lease_ms, int64_t forgive_until_ms, unsigned *ret_n,
	void (*each)(const struct unit_loss *loss, void *arg), void *arg, struct error *err)
{
	struct strv argv = begin(queue, "bisectd_expire");
	redisReply *reply = NULL;
	int rc;

	push_number(&argv, now_ms);
	push_number(&argv, max);
	push_number(&argv, lease_ms);
	push_number(&argv, forgive_until_ms);
	strv_push(&argv, QUEUE_LEASE_LOST);
	push_rules(&argv, &queue->rules);
	rc = call(&reply, queue, &argv, err);
	if (rc < 0)
		return rc;
	if (reply->type != REDIS_REPLY_ARRAY) {
		rc = unexpected(err, "bisectd_expire");
		goto out;
	}
	if (ret_n)
		*ret_n = (unsigned)reply->elements;
	for (size_t i = 0; each && i < reply->elements; i++) {
		struct unit_loss loss;

		if (!loss_at(&loss, reply->element[i], 1, text_at(reply->element[i], 0)))
			continue;
		each(&loss, arg);
		unit_loss_release(&loss);
	}
out:
	freeReplyObject(reply);
	return rc;
}

int queue_forget(struct queue *queue, int64_t now_ms, int64_t age_ms, struct error *err)
{
	bool more = true;
	int rc = 0;

	while (rc == 0 && more) {
		struct strv argv = begin(queue, "bisectd_forget");
		redisReply *reply = NULL;

		push_number(&argv, now_ms - age_ms);
		rc = call(&reply, queue, &argv, err);
		if (rc == 0) {
			more = reply->type == REDIS_REPLY_INTEGER && reply->integer == 1;
			freeReplyObject(reply);
		}
	}
	return rc;
}

/* --- looking --- */

/* From element `first` on: names of boxes, and "times at_ms blame" of each. */
static void read_failures(struct unit_info *info, const redisReply *reply, size_t first)
{
	if (reply->elements < first + 2)
		return;
	info->failures = mem_array((reply->elements - first) / 2, sizeof(*info->failures));
	for (size_t i = first; text_at(reply, i) && text_at(reply, i + 1); i += 2) {
		struct unit_failure *failure = &info->failures[info->n_failures++];
		char *rest;

		failure->owner = mem_strdup(text_at(reply, i));
		failure->times = (unsigned)strtoul(text_at(reply, i + 1), &rest, 10);
		failure->at_ms = strtoll(rest, &rest, 10);
		unit_blame_of_name(&failure->blame, *rest ? rest + 1 : rest);
	}
}

int queue_get(struct queue *queue, const char *id, struct unit_info *ret, struct error *err)
{
	enum unit_state state = UNIT_ABSENT;
	struct strv argv = begin(queue, "bisectd_get");
	redisReply *reply = NULL;
	int rc;

	strv_push(&argv, id);
	rc = call(&reply, queue, &argv, err);
	if (rc < 0)
		return rc;
	rc = text_at(reply, 0) ? state_of_name(&state, text_at(reply, 0), err) : unexpected(err, "bisectd_get");
	if (rc == 0) {
		*ret = (struct unit_info){
			.state = state,
			.lane = mem_strdup(text_at(reply, 1)),
			.owner = mem_strdup(text_at(reply, 2)),
			.epoch = (uint64_t)number_at(reply, 3),
			.attempts = (unsigned)number_at(reply, 4),
			.until_ms = number_at(reply, 5),
			.payload = mem_strdup(text_at(reply, 6)),
			.reason = text_at(reply, 7) && *text_at(reply, 7) ? mem_strdup(text_at(reply, 7)) : NULL,
		};
		read_failures(ret, reply, 8);
	}
	freeReplyObject(reply);
	return rc;
}

void unit_info_release(struct unit_info *info)
{
	free(info->lane);
	free(info->owner);
	free(info->payload);
	free(info->reason);
	for (size_t i = 0; i < info->n_failures; i++)
		free(info->failures[i].owner);
	free(info->failures);
	*info = (struct unit_info){ 0 };
}

int queue_list(struct queue *queue, enum unit_state state, struct strv *ret, struct error *err)
{
	struct strv argv = begin(queue, "bisectd_list");
	redisReply *reply = NULL;
	int rc;

	strv_push(&argv, unit_state_name(state));
	rc = call(&reply, queue, &argv, err);
	if (rc < 0)
		return rc;
	for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i < reply->elements; i++)
		if (text_at(reply, i))
			strv_push(ret, text_at(reply, i));
	freeReplyObject(reply);
	return 0;
}

int queue_depths(struct queue *queue, size_t *ret_ready, size_t *ret_leased, struct error *err)
{
	struct strv argv = begin(queue, "bisectd_depths");
	redisReply *reply = NULL;
	int rc;

	rc = call(&reply, queue, &argv, err);
	if (rc < 0)
		return rc;
	*ret_ready = (size_t)number_at(reply, 0);
	*ret_leased = (size_t)number_at(reply, 1);
	freeReplyObject(reply);
	return 0;
}
