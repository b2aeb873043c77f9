/* What agents speak: claim, renew, log, finish, release (docs/api.md). */
#include "bisectd/api_units.h"

#include <event2/event.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "bisectd/boxes.h"
#include "job/passed_cases.h"

#define WAIT_MAX_S 60
#define LANES_MAX 16
#define LOG_MAX (64u << 20)
#define REASON_MAX 500
#define EXPIRE_AT_ONCE 100
#define RENEW_SLACK_MS 6000	/* agents that could not renew try again every 5 s at least */

struct claim {
	struct daemon *daemon;
	struct http_request *request;
	char *agent;
	struct strv lanes;
	int64_t until_ms;		/* steady */
	struct claim *next;
};

/* --- claims --- */

static void claim_unlink(struct claim *claim)
{
	struct claim **link = &claim->daemon->claims;

	while (*link && *link != claim)
		link = &(*link)->next;
	if (*link)
		*link = claim->next;
}

static void claim_free(struct claim *claim)
{
	claim_unlink(claim);
	http_on_close(claim->request, NULL, NULL);
	free(claim->agent);
	strv_release(&claim->lanes);
	free(claim);
}

static void claim_gone(struct http_request *request, void *arg)
{
	claim_free(arg);
}

/* The next unit that has no result yet.  One whose end Redis did not learn of (it was away, or lost
 * it) is ended here, not run again. */
static int claim_unknown(struct claim *claim, struct lease *ret, struct error *err)
{
	struct daemon *daemon = claim->daemon;

	for (;;) {
		int r = queue_claim(daemon->queue, strv_argv(&claim->lanes), claim->agent,
			clock_wall_ms(), daemon->lease_ms, ret, err);

		if (r < 0 || !ret->id || !unit_is_known(daemon, ret->id, ret->payload))
			return r;
		r = queue_finish(daemon->queue, ret->id, ret->epoch, err);
		log_info("unit %s has its result: nobody runs it again", ret->id);
		lease_release(ret);
		if (r < 0)
			return r;
	}
}

/* True when the request was answered (and the claim is gone). */
static bool claim_try(struct claim *claim)
{
	struct daemon *daemon = claim->daemon;
	struct http_request *request = claim->request;
	struct error err = ERROR_INIT;
	struct lease lease = { 0 };
	json_t *payload;
	int r = 0;

	if (boxes_may_claim(daemon, claim->agent))
		r = claim_unknown(claim, &lease, &err);
	if (r < 0) {
		claim_free(claim);
		http_respond_error(request, &err);
		return true;
	}
	if (!lease.id) {
		if (clock_steady_ms() < claim->until_ms)
			return false;
		boxes_holds(daemon, claim->agent, NULL);
		claim_free(claim);
		http_respond(request, 204, NULL, NULL, 0);
		return true;
	}
	payload = json_loads(lease.payload, 0, NULL);
	boxes_claimed(daemon, claim->agent, lease.id);
	log_info("unit %s goes to %s (attempt %u)", lease.id, claim->agent, lease.attempt);
	claim_free(claim);
	api_respond_json(request, 200,
		json_pack("{s:s, s:I, s:I, s:i, s:o}", "id", lease.id, "epoch",
			(json_int_t)lease.epoch, "lease_ms", (json_int_t)daemon->lease_ms,
			"attempt", (int)lease.attempt, "payload", payload ? payload : json_null()));
	lease_release(&lease);
	daemon_wake(daemon);
	return true;
}

void claims_try(struct daemon *daemon)
{
	struct claim *next;

	for (struct claim *claim = daemon->claims; claim; claim = next) {
		next = claim->next;
		claim_try(claim);
	}
}

void claims_free(struct daemon *daemon)
{
	while (daemon->claims)
		claim_free(daemon->claims);
}

static json_t *body_object(struct http_request *request, struct error *err)
{
	const struct str *body = http_body(request);
	json_error_t where;
	json_t *object = json_loadb(body->buf, body->len, 0, &where);

	if (!object)
		error_set(err, ERR_INVALID, "body:%d:%d: not JSON: %s", where.line, where.column,
			where.text);
	else if (!json_is_object(object)) {
		error_set(err, ERR_INVALID, "body: found no object, allowed is one JSON object");
		json_decref(object);
		object = NULL;
	}
	return object;
}

void units_claim(struct http_request *request, void *arg)
{
	struct daemon *daemon = arg;
	struct error err = ERROR_INIT;
	json_t *body = body_object(request, &err), *lanes, *item;
	struct claim *claim;
	const char *agent, *trouble;
	json_int_t wait_s, slots;
	size_t i;

	if (!body) {
		http_respond_error(request, &err);
		return;
	}
	agent = json_string_value(json_object_get(body, "agent"));
	lanes = json_object_get(body, "lanes");
	wait_s = json_integer_value(json_object_get(body, "wait_s"));
	slots = json_integer_value(json_object_get(body, "slots"));
	trouble = json_string_value(json_object_get(body, "trouble"));
	if (!agent || !*agent || strlen(agent) > 200 || !json_array_size(lanes) ||
		json_array_size(lanes) > LANES_MAX || wait_s < 0 || wait_s > WAIT_MAX_S) {
		error_set(&err, ERR_INVALID,
			"body: allowed is {\"agent\": name, \"lanes\": 1 to %d names, \"wait_s\": 0 to %d}",
			LANES_MAX, WAIT_MAX_S);
		http_respond_error(request, &err);
		json_decref(body);
		return;
	}
	claim = mem_alloc(sizeof(*claim));
	claim->daemon = daemon;
	claim->request = request;
	claim->agent = mem_strdup(agent);
	json_array_foreach(lanes, i, item) {
		if (json_string_value(item))
			strv_push(&claim->lanes, json_string_value(item));
	}
	claim->until_ms = clock_steady_ms() + wait_s * 1000;
	if (boxes_asks(daemon, agent, &claim->lanes,
		    slots > 0 && slots < 1000 ? (unsigned)slots : 1, trouble, &err) < 0 ||
		trouble) {
		if (trouble && !err.code)
			http_respond(request, 204, NULL, NULL, 0);
		else
			http_respond_error(request, &err);
		strv_release(&claim->lanes);
		free(claim->agent);
		free(claim);
		json_decref(body);
		return;
	}
	claim->next = daemon->claims;
	daemon->claims = claim;
	http_on_close(request, claim_gone, claim);
	claim_try(claim);
	json_decref(body);
}

/* --- a held unit --- */

static bool read_epoch(const json_t *body, uint64_t *ret, struct error *err)
{
	json_t *epoch = json_object_get(body, "epoch");

	if (!json_is_integer(epoch) || json_integer_value(epoch) <= 0) {
		error_set(err, ERR_INVALID, "body: \"epoch\" is missing or no positive number");
		return false;
	}
	*ret = (uint64_t)json_integer_value(epoch);
	return true;
}

static void agent_alive(struct daemon *daemon, const json_t *body, const char *unit)
{
	const char *name = json_string_value(json_object_get(body, "agent"));

	if (name)
		boxes_holds(daemon, name, unit);
}

void units_renew(struct http_request *request, void *arg)
{
	struct daemon *daemon = arg;
	struct error err = ERROR_INIT;
	json_t *body = body_object(request, &err);
	const char *unit = http_param(request, "id");
	uint64_t epoch;

	if (!body || !read_epoch(body, &epoch, &err) ||
		queue_renew(daemon->queue, unit, epoch, clock_wall_ms(), daemon->lease_ms, &err) < 0) {
		http_respond_error(request, &err);
	} else {
		agent_alive(daemon, body, unit);
		api_respond_json(request, 200,
			json_pack("{s:I}", "lease_ms", (json_int_t)daemon->lease_ms));
	}
	json_decref(body);
}

void units_log(struct http_request *request, void *arg)
{
	struct daemon *daemon = arg;
	const struct str *body = http_body(request);
	const char *unit = http_param(request, "id");
	const char *epoch_text = http_query(request, "epoch");
	const char *offset_text = http_query(request, "offset");
	struct error err = ERROR_INIT;
	long long epoch = 0, offset = 0;

	if (!epoch_text || !str_to_long(epoch_text, 1, INT64_MAX, &epoch) || !offset_text ||
		!str_to_long(offset_text, 0, LOG_MAX, &offset)) {
		error_set(&err, ERR_INVALID, "query: epoch and offset must be numbers, offset at most %u",
			LOG_MAX);
		http_respond_error(request, &err);
		return;
	}
	if (queue_check(daemon->queue, unit, (uint64_t)epoch, &err) < 0 ||
		live_log_append(daemon->artifacts, unit, (uint64_t)epoch, (uint64_t)offset,
			body->buf, body->len, &err) < 0) {
		http_respond_error(request, &err);
		return;
	}
	events_log(daemon, unit, (uint64_t)offset, body->buf, body->len);
	http_respond(request, 204, NULL, NULL, 0);
}

/* --- results: text of an agent becomes a row, whatever is not of the form is refused --- */

static const char *text_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static bool word_in(const char *word, const char *const *allowed)
{
	for (; word && *allowed; allowed++)
		if (!strcmp(word, *allowed))
			return true;
	return false;
}

static bool hash_or_null(const json_t *object, const char *key)
{
	const char *value = text_of(object, key);

	return !value || hash_is_hex(value, HASH_HEX_LEN);
}

static int store_build(struct daemon *daemon, const char *unit, const json_t *payload,
	const json_t *result, struct error *err)
{
	static const char *const outcomes[] = { "pass", "broken", NULL };
	struct build_row row = { 0 };

	if (!word_in(text_of(result, "outcome"), outcomes) || !hash_or_null(result, "artifact") ||
		!hash_or_null(result, "log") ||
		(!strcmp(text_of(result, "outcome"), "pass") && !text_of(result, "artifact")))
		return error_set(err, ERR_INVALID,
			"result of a build: allowed are outcome pass (with artifact) or broken, hashes of 64 hex digits");
	if (text_of(result, "artifact") &&
		!artifact_exists(daemon->artifacts, text_of(result, "artifact")))
		return error_set(err, ERR_INVALID, "result names artifact %s, which was not uploaded",
			text_of(result, "artifact"));
	row.build_key = (char *)text_of(payload, "build_key");
	row.unit = (char *)unit;
	row.outcome = (char *)text_of(result, "outcome");
	row.artifact = (char *)text_of(result, "artifact");
	row.log = (char *)text_of(result, "log");
	row.commit = (char *)text_of(payload, "commit");
	row.agent = (char *)text_of(result, "agent");
	row.message = (char *)text_of(result, "message");
	row.started_ms = json_integer_value(json_object_get(result, "started_ms"));
	row.finished_ms = json_integer_value(json_object_get(result, "finished_ms"));
	row.details = (json_t *)result;
	return warehouse_build_put(daemon->warehouse, &row, err);
}

static int store_result(struct daemon *daemon, const char *unit, const json_t *payload,
	const json_t *result, struct error *err)
{
	static const char *const outcomes[] = { "pass", "fail", "broken", NULL };
	struct result_row row = { 0 };
	bool is_new;
	int r;

	if (!word_in(text_of(result, "outcome"), outcomes) || !hash_or_null(result, "artifact") ||
		!hash_or_null(result, "log"))
		return error_set(err, ERR_INVALID,
			"result of a test: allowed are outcome pass, fail or broken, hashes of 64 hex digits");
	if (text_of(result, "passed") && !passed_text_is_valid(text_of(result, "passed")))
		return error_set(err, ERR_INVALID, "passed of a result: found %.40s, allowed are at most %u cases of %u "
			"hex digits each, in order", text_of(result, "passed"), PASSED_CASES_MAX, PASSED_CASE_DIGITS);
	row.unit = (char *)unit;
	row.test_key = (char *)text_of(payload, "test_key");
	row.identity = (char *)text_of(payload, "identity");
	row.repeat = (unsigned)json_integer_value(json_object_get(payload, "repeat"));
	row.commit = (char *)text_of(payload, "commit");
	row.tree = (char *)text_of(payload, "tree");
	row.outcome = (char *)text_of(result, "outcome");
	row.complete = json_is_true(json_object_get(result, "complete"));
	row.exit_status = (int)json_integer_value(json_object_get(result, "exit_status"));
	row.log = (char *)text_of(result, "log");
	row.artifact = (char *)text_of(payload, "artifact");
	row.agent = (char *)text_of(result, "agent");
	row.box = (char *)text_of(result, "box");
	row.message = (char *)text_of(result, "message");
	row.started_ms = json_integer_value(json_object_get(result, "started_ms"));
	row.finished_ms = json_integer_value(json_object_get(result, "finished_ms"));
	row.errors = json_object_get(result, "errors");
	row.usage = json_object_get(result, "usage");
	row.metrics = json_object_get(result, "metrics");
	row.passed = (char *)text_of(result, "passed");
	r = warehouse_result_put(daemon->warehouse, &row, &is_new, err);
	if (r == 0)
		bisections_result_came(daemon, row.identity);
	return r;
}

/* The order that loses nothing: is the lease still ours, then the warehouse, then the queue. */
static int finish(struct daemon *daemon, const char *unit, uint64_t epoch, json_t *result,
	struct error *err)
{
	struct unit_info info = { 0 };
	json_t *payload = NULL;
	int r = queue_get(daemon->queue, unit, &info, err);

	/* Finished before with the same result, but the answer was lost: say yes again. */
	if (r < 0 || (info.state == UNIT_DONE && info.epoch == epoch))
		goto out;
	r = queue_check(daemon->queue, unit, epoch, err);
	if (r < 0)
		goto out;
	payload = info.payload ? json_loads(info.payload, 0, NULL) : NULL;
	if (!payload) {
		r = error_set(err, ERR_CORRUPT, "unit %s has no readable payload", unit);
		goto out;
	}
	if (!strcmp(text_of(payload, "kind"), "build"))
		r = store_build(daemon, unit, payload, result, err);
	else
		r = store_result(daemon, unit, payload, result, err);
	if (r == 0)
		r = queue_finish(daemon->queue, unit, epoch, err);
	/* Not when it is told for the second time. */
	if (r == 0 && info.state == UNIT_LEASED)
		boxes_finished(daemon, unit, &info);
	if (r == 0)
		live_log_remove(daemon->artifacts, unit);
out:
	json_decref(payload);
	unit_info_release(&info);
	return r;
}

void units_finish(struct http_request *request, void *arg)
{
	struct daemon *daemon = arg;
	struct error err = ERROR_INIT;
	json_t *body = body_object(request, &err), *result;
	const char *unit = http_param(request, "id");
	uint64_t epoch;

	if (!body || !read_epoch(body, &epoch, &err)) {
		http_respond_error(request, &err);
		goto out;
	}
	result = json_object_get(body, "result");
	if (!json_is_object(result)) {
		error_set(&err, ERR_INVALID, "body: \"result\" is missing or no object");
		http_respond_error(request, &err);
		goto out;
	}
	json_object_set(result, "agent", json_object_get(body, "agent"));
	agent_alive(daemon, body, NULL);
	if (finish(daemon, unit, epoch, result, &err) < 0) {
		http_respond_error(request, &err);
		goto out;
	}
	api_respond_json(request, 200, json_pack("{s:b}", "finished", 1));
	daemon_wake(daemon);
out:
	json_decref(body);
}

/* A unit whose farm failed it, and its box: both are told.  Whoever waits for a unit that is given
 * up learns why. */
static void unit_lost(struct daemon *daemon, const struct unit_loss *loss, enum unit_blame blame,
	const char *reason)
{
	log_warning("unit %s was given back by %s: %s", loss->id, loss->owner, reason);
	boxes_failed(daemon, loss, blame, reason);
	live_log_remove(daemon->artifacts, loss->id);
	if (loss->exhausted)
		daemon_unit_exhausted(daemon, loss, reason);
}

static int release(struct daemon *daemon, const char *unit, uint64_t epoch, const json_t *body,
	struct error *err)
{
	const char *cause = text_of(body, "cause"), *told = text_of(body, "reason");
	enum unit_blame blame = BLAME_BOX;
	struct unit_info info = { 0 };
	struct unit_loss loss = { 0 };
	struct str reason = STR_INIT;
	int r;

	if (cause && !unit_blame_of_name(&blame, cause))
		return error_set(err, ERR_INVALID,
			"body: \"cause\": found '%.40s', allowed are box, unit, farm, stop", cause);
	str_add_printable(
		&reason, told ? told : "no reason told", told ? strlen(told) : 14, REASON_MAX);
	r = queue_get(daemon->queue, unit, &info, err);
	if (r == 0)
		r = queue_release(daemon->queue, unit, epoch, blame, reason.buf,
			info.lane ? boxes_able(daemon, info.lane) : 0, clock_wall_ms(), &loss, err);
	if (r == 0)
		unit_lost(daemon, &loss, blame, reason.buf);
	unit_loss_release(&loss);
	unit_info_release(&info);
	str_release(&reason);
	return r;
}

void units_release(struct http_request *request, void *arg)
{
	struct daemon *daemon = arg;
	struct error err = ERROR_INIT;
	json_t *body = body_object(request, &err);
	uint64_t epoch;

	if (!body || !read_epoch(body, &epoch, &err) ||
		release(daemon, http_param(request, "id"), epoch, body, &err) < 0) {
		http_respond_error(request, &err);
		json_decref(body);
		return;
	}
	agent_alive(daemon, body, NULL);
	api_respond_json(request, 200, json_pack("{s:b}", "released", 1));
	json_decref(body);
	daemon_wake(daemon);
}

static void on_expired(const struct unit_loss *loss, void *arg)
{
	unit_lost(arg, loss, loss->times ? BLAME_BOX : BLAME_STOP,
		loss->times ? QUEUE_LEASE_LOST
			    : "its lease ran out while bisectd or Redis was away");
}

int units_expire(struct daemon *daemon, struct error *err)
{
	int64_t slack =
		daemon->lease_ms / 3 < RENEW_SLACK_MS ? daemon->lease_ms / 3 : RENEW_SLACK_MS;
	unsigned n = 0;
	int r = queue_expire(daemon->queue, clock_wall_ms(), EXPIRE_AT_ONCE, daemon->lease_ms,
		daemon->back_ms + slack, &n, on_expired, daemon, err);

	if (r == 0 && n)
		log_warning("%u leases ran out; their units are offered again", n);
	return r;
}
