/* What agents speak: claim, renew, log, finish, release (docs/api.md). */
#include "bisectd/api_units.h"

#include <event2/event.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#define WAIT_MAX_S 60
#define LANES_MAX 16
#define AGENT_GONE_MS 90000
#define LOG_MAX (64u << 20)

struct claim {
	struct daemon *daemon;
	struct http_request *request;
	char *agent;
	struct strv lanes;
	int64_t until_ms;		/* steady */
	struct claim *next;
};

/* --- agents seen --- */

static void agent_note(struct daemon *daemon, const char *name, const struct strv *lanes,
	unsigned slots, const char *unit)
{
	struct agent_seen *agent = daemon->agents;

	while (agent && strcmp(agent->name, name))
		agent = agent->next;
	if (!agent) {
		agent = mem_alloc(sizeof(*agent));
		agent->name = mem_strdup(name);
		agent->next = daemon->agents;
		daemon->agents = agent;
	}
	agent->seen_ms = clock_wall_ms();
	if (lanes) {
		strv_release(&agent->lanes);
		for (size_t i = 0; i < lanes->n; i++)
			strv_push(&agent->lanes, lanes->v[i]);
		agent->slots = slots;
		free(agent->kind);
		agent->kind = mem_strdup(
			lanes->n && str_has_prefix(lanes->v[0], "build/") ? "build" : "test");
	}
	free(agent->unit);
	agent->unit = mem_strdup(unit);
}

unsigned agents_slots(const struct daemon *daemon, const char *lane)
{
	int64_t now = clock_wall_ms();
	unsigned n = 0;

	for (const struct agent_seen *agent = daemon->agents; agent; agent = agent->next)
		if (now - agent->seen_ms < AGENT_GONE_MS && strv_has(&agent->lanes, lane))
			n += agent->slots;
	return n;
}

json_t *agents_json(const struct daemon *daemon)
{
	json_t *array = json_array();

	for (const struct agent_seen *agent = daemon->agents; agent; agent = agent->next) {
		json_t *lanes = json_array();

		for (size_t i = 0; i < agent->lanes.n; i++)
			json_array_append_new(lanes, json_string(agent->lanes.v[i]));
		json_array_append_new(array,
			json_pack("{s:s, s:s?, s:o, s:i, s:I, s:s?}", "name", agent->name, "kind",
				agent->kind, "lanes", lanes, "slots", (int)agent->slots, "seen_ms",
				(json_int_t)agent->seen_ms, "unit", agent->unit));
	}
	return array;
}

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

/* True when the request was answered (and the claim is gone). */
static bool claim_try(struct claim *claim)
{
	struct daemon *daemon = claim->daemon;
	struct http_request *request = claim->request;
	struct error err = ERROR_INIT;
	struct lease lease = { 0 };
	json_t *payload;
	int r = queue_claim(daemon->queue, strv_argv(&claim->lanes), claim->agent, clock_wall_ms(),
		daemon->lease_ms, &lease, &err);

	if (r < 0) {
		claim_free(claim);
		http_respond_error(request, &err);
		return true;
	}
	if (!lease.id) {
		if (clock_steady_ms() < claim->until_ms)
			return false;
		agent_note(daemon, claim->agent, NULL, 0, NULL);
		claim_free(claim);
		http_respond(request, 204, NULL, NULL, 0);
		return true;
	}
	payload = json_loads(lease.payload, 0, NULL);
	agent_note(daemon, claim->agent, NULL, 0, lease.id);
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
	while (daemon->agents) {
		struct agent_seen *agent = daemon->agents;

		daemon->agents = agent->next;
		free(agent->name);
		free(agent->kind);
		free(agent->unit);
		strv_release(&agent->lanes);
		free(agent);
	}
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
	const char *agent;
	json_int_t wait_s;
	size_t i;

	if (!body) {
		http_respond_error(request, &err);
		return;
	}
	agent = json_string_value(json_object_get(body, "agent"));
	lanes = json_object_get(body, "lanes");
	wait_s = json_integer_value(json_object_get(body, "wait_s"));
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
	json_int_t slots = json_integer_value(json_object_get(body, "slots"));
	agent_note(daemon, agent, &claim->lanes, slots > 0 && slots < 1000 ? (unsigned)slots : 1,
		NULL);
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

	if (name && strlen(name) <= 200)
		agent_note(daemon, name, NULL, 0, unit);
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

	if (!word_in(text_of(result, "outcome"), outcomes) || !hash_or_null(result, "artifact") ||
		!hash_or_null(result, "log"))
		return error_set(err, ERR_INVALID,
			"result of a test: allowed are outcome pass, fail or broken, hashes of 64 hex digits");
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
	return warehouse_result_put(daemon->warehouse, &row, &is_new, err);
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

void units_release(struct http_request *request, void *arg)
{
	struct daemon *daemon = arg;
	struct error err = ERROR_INIT;
	json_t *body = body_object(request, &err);
	const char *unit = http_param(request, "id"), *reason;
	bool exhausted = false;
	uint64_t epoch;

	if (!body || !read_epoch(body, &epoch, &err) ||
		queue_release(daemon->queue, unit, epoch, &exhausted, &err) < 0) {
		http_respond_error(request, &err);
		json_decref(body);
		return;
	}
	reason = text_of(body, "reason");
	agent_alive(daemon, body, NULL);
	log_warning("unit %s was given back: %s", unit, reason ? reason : "no reason told");
	live_log_remove(daemon->artifacts, unit);
	if (exhausted)
		daemon_unit_exhausted(daemon, unit);
	api_respond_json(request, 200, json_pack("{s:b}", "released", 1));
	json_decref(body);
	daemon_wake(daemon);
}
