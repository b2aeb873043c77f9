#include "bisectd/daemon.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "bisectd/boxes.h"

/* Said again at every step; so long nobody has it where only these boxes are left. */
#define AVOID_MS 30000

void unit_plan_make(struct unit_plan *ret, const struct job *job, const char *commit,
	const char *tree, const char *revert, unsigned repeat)
{
	memset(ret, 0, sizeof(*ret));
	job_build_key(job, tree, ret->build_key);
	job_test_key(job, tree, ret->test_key);
	snprintf(ret->build_unit, sizeof(ret->build_unit), "b-%.40s", ret->build_key);
	snprintf(ret->test_unit, sizeof(ret->test_unit), "t-%.40s-%u", ret->test_key, repeat);
	snprintf(ret->commit, sizeof(ret->commit), "%s", commit);
	snprintf(ret->tree, sizeof(ret->tree), "%s", tree);
	snprintf(ret->revert, sizeof(ret->revert), "%s", revert ? revert : "");
	ret->repeat = repeat;
}

static json_t *strings_json(const struct strv *list)
{
	json_t *array = json_array();

	for (size_t i = 0; i < list->n; i++)
		json_array_append_new(array, json_string(list->v[i]));
	return array;
}

static json_t *build_payload(struct daemon *daemon, const struct unit_plan *plan,
	const struct job *job)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s?, s:s?, s:o, s:o, s:I, s:s, s:I}",
		"kind", "build", "build_key", plan->build_key, "upstream_url", job->upstream_url,
		"commit", plan->commit, "tree", plan->tree,
		"revert", plan->revert[0] ? plan->revert : NULL, "run", job->build_run,
		"keep", strings_json(&job->build_keep), "env", strings_json(&job->env),
		"timeout_s", (json_int_t)job->timeout_s, "suite", job->suite,
		"memory", (json_int_t)daemon->build_memory);
}

static json_t *test_env_json(const struct job *job)
{
	json_t *env = strings_json(&job->env);

	for (size_t i = 0; i < job->test_env.n; i++)
		json_array_append_new(env, json_string(job->test_env.v[i]));
	return env;
}

static json_t *test_payload(struct daemon *daemon, const struct unit_plan *plan,
	const struct job *job, const char *artifact)
{
	json_int_t memory = job->box_memory ? (json_int_t)job->box_memory : daemon->test_memory;
	char identity[HASH_HEX_LEN + 1];

	job_identity(job, identity);
	return json_pack("{s:s, s:s, s:s, s:i, s:s, s:s, s:s, s:s, s:o, s:I, s:s, s:s, s:s?, s:o*, s:I}",
		"kind", "test", "test_key", plan->test_key, "identity", identity, "repeat",
		(int)plan->repeat, "commit", plan->commit, "tree", plan->tree, "artifact", artifact, "run", job->test_run,
		"env", test_env_json(job), "timeout_s", (json_int_t)job->timeout_s,
		"suite", job->suite, "testbox", job->testbox, "match", job->error_match,
		"logs", job->test_logs.n ? strings_json(&job->test_logs) : NULL, "memory", memory);
}

/* Queues the unit, whose result the warehouse has not, unless it is there; what state it is in now. */
static int queue_unit(struct daemon *daemon, const char *unit, const char *lane, int priority,
	json_t *payload, const struct strv *avoid, enum unit_state *ret_state, struct error *err)
{
	char *text = json_dumps(payload, JSON_COMPACT);
	struct unit_spec spec = { .id = unit, .lane = lane, .priority = priority, .payload = text };
	int r;

	if (avoid && avoid->n && boxes_able_besides(daemon, lane, avoid)) {
		spec.avoid = avoid;
		spec.avoid_until_ms = clock_wall_ms() + AVOID_MS;
	}
	r = queue_add(daemon->queue, &spec, clock_wall_ms(), ret_state, err);

	/* Results are written first: one that is done without was lost since. */
	if (r == 0 && *ret_state == UNIT_DONE) {
		log_warning("unit %s is done, and its result is lost: it is run again", unit);
		r = queue_again(daemon->queue, unit, err);
		if (r == 0)
			r = queue_add(daemon->queue, &spec, clock_wall_ms(), ret_state, err);
	}
	free(text);
	json_decref(payload);
	return r;
}

/*
 * The products of a build are not there any more.  Tests that name them are taken back, for the next build may come out otherwise; the row goes last, so
 * that all of this is done again where it was cut short.
 */
static int build_again(struct daemon *daemon, const struct unit_plan *plan, const char *artifact,
	struct error *err)
{
	struct strv tests = STRV_INIT;
	int r = 0;

	log_warning("artifact %s of %s is not there any more: it is built again", artifact, plan->build_unit);
	jobs_tests_of(daemon, plan->build_key, &tests);
	bisections_tests_of(daemon, plan->build_key, &tests);
	for (size_t i = 0; i < tests.n && r == 0; i++)
		r = queue_cancel(daemon->queue, tests.v[i], err);
	if (r == 0)
		r = queue_again(daemon->queue, plan->build_unit, err);
	if (r == 0)
		r = warehouse_build_remove(daemon->warehouse, plan->build_key, err);
	strv_release(&tests);
	return r;
}

enum unit_progress unit_plan_advance(struct daemon *daemon, const struct unit_plan *plan,
	const struct job *job, bool build_only, int priority, const char **ret_stage,
	struct result_row *ret_result, struct build_row *ret_build, struct error *err)
{
	const char *arch = job->os_arch ? job->os_arch : daemon->arch;
	struct str lane = STR_INIT;
	enum unit_state state = UNIT_ABSENT;
	enum unit_progress progress = UNIT_FAILED;
	struct build_row build = { 0 };
	char kind[8];
	int r;

	memset(ret_result, 0, sizeof(*ret_result));
	memset(ret_build, 0, sizeof(*ret_build));
	*ret_stage = "waiting";
	if (!build_only) {
		r = warehouse_result_get(daemon->warehouse, plan->test_unit, ret_result, err);
		if (r == 0)
			return UNIT_ENDED;
		if (r != -ERR_NOT_FOUND)
			return UNIT_FAILED;
	}
	r = warehouse_build_get(daemon->warehouse, plan->build_key, &build, err);
	if (r < 0 && r != -ERR_NOT_FOUND)
		return UNIT_FAILED;
	if (r == 0 && (build_only || strcmp(build.outcome, "pass"))) {
		*ret_build = build;
		return UNIT_ENDED;
	}
	if (r == 0 && !artifact_exists(daemon->artifacts, build.artifact)) {
		r = build_again(daemon, plan, build.artifact, err);
		if (r < 0)
			goto out;
		build_row_release(&build);
		r = -ERR_NOT_FOUND;
	}
	if (r == 0) {
		if (testbox_parse(job->testbox, kind, NULL, NULL, err) < 0)
			goto out;
		str_addf(&lane, "test/%s/%s", kind, arch);
		r = queue_unit(daemon, plan->test_unit, lane.buf, priority,
			test_payload(daemon, plan, job, build.artifact), plan->avoid, &state, err);
	} else {
		str_addf(&lane, "build/%s", arch);
		r = queue_unit(daemon, plan->build_unit, lane.buf, priority,
			build_payload(daemon, plan, job), NULL, &state, err);
	}
	if (r < 0)
		goto out;
	if (state == UNIT_LEASED)
		*ret_stage = build.build_key ? "testing" : "building";
	progress = UNIT_WAITING;
out:
	build_row_release(&build);
	str_release(&lane);
	return progress;
}

static void cancel_unwanted(struct daemon *daemon, const char *unit)
{
	struct error err = ERROR_INIT;

	if (jobs_want(daemon, unit) || bisections_want(daemon, unit))
		return;
	if (queue_cancel(daemon->queue, unit, &err) < 0 && err.code != ERR_NOT_FOUND) {
		log_warning("cannot cancel unit %s now: %s", unit, err.text);
		daemon->reconcile = true;
	}
}

void unit_plan_cancel(struct daemon *daemon, const struct unit_plan *plan)
{
	cancel_unwanted(daemon, plan->test_unit);
	cancel_unwanted(daemon, plan->build_unit);
}

bool unit_is_known(struct daemon *daemon, const char *unit, const char *payload)
{
	json_t *object = payload ? json_loads(payload, 0, NULL) : NULL;
	const char *build_key = json_string_value(json_object_get(object, "build_key"));
	struct result_row result = { 0 };
	struct build_row build = { 0 };
	bool known;

	if (build_key)
		known = warehouse_build_get(daemon->warehouse, build_key, &build, NULL) == 0 &&
			(strcmp(build.outcome, "pass") || artifact_exists(daemon->artifacts, build.artifact));
	else
		known = warehouse_result_get(daemon->warehouse, unit, &result, NULL) == 0;
	result_row_release(&result);
	build_row_release(&build);
	json_decref(object);
	return known;
}

static int reconcile_unit(struct daemon *daemon, const char *unit, struct error *err)
{
	struct unit_info info = { 0 };
	int r = queue_get(daemon->queue, unit, &info, err);

	if (r == 0 && unit_is_known(daemon, unit, info.payload)) {
		log_info("unit %s has its result: nobody runs it again", unit);
		r = queue_settle(daemon->queue, unit, err);
	} else if (r == 0 && !jobs_want(daemon, unit) && !bisections_want(daemon, unit)) {
		log_info("unit %s is not waited for any more: it is cancelled", unit);
		r = queue_cancel(daemon->queue, unit, err);
	}
	unit_info_release(&info);
	return r;
}

int units_reconcile(struct daemon *daemon, struct error *err)
{
	struct strv units = STRV_INIT;
	int r = queue_list(daemon->queue, UNIT_READY, &units, err);

	if (r == 0)
		r = queue_list(daemon->queue, UNIT_LEASED, &units, err);
	for (size_t i = 0; i < units.n && r == 0; i++)
		r = reconcile_unit(daemon, units.v[i], err);
	strv_release(&units);
	return r;
}

void daemon_unit_exhausted(struct daemon *daemon, const struct unit_loss *loss, const char *reason)
{
	char *why = mem_printf("infrastructure failed %u times: the last time on %s: %s", loss->attempts, loss->owner, reason);

	log_warning("unit %s is given up: %s", loss->id, why);
	jobs_exhausted(daemon, loss->id, why);
	bisections_exhausted(daemon, loss->id, why);
	free(why);
	daemon_wake(daemon);
}
