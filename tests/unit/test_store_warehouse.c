/* The warehouse: every table, done twice, killed in the middle, full, damaged, and of another version. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "store/warehouse.h"

#define HEX40 "0123456789abcdef0123456789abcdef01234567"

static char *room;
static char *path;
static struct warehouse *warehouse;
static struct error err;

#define assert_ok(call) ck_assert_msg((call) == 0, "%s:%d: %s", __func__, __LINE__, err.text)

static void set_up(void)
{
	const char *tmp = getenv("TMPDIR");

	room = mem_printf("%s/bisectd-warehouse-XXXXXX", tmp ? tmp : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(room));
	path = mem_printf("%s/warehouse.db", room);
	assert_ok(warehouse_open(&warehouse, path, &err));
}

static void tear_down(void)
{
	warehouse_free(warehouse);
	dir_remove(room, NULL);
	free(path);
	free(room);
}

static void reopen(void)
{
	warehouse_free(warehouse);
	warehouse = NULL;
	assert_ok(warehouse_open(&warehouse, path, &err));
}

/* Another connection, for what the interface does not allow. */
static void sql(const char *text)
{
	sqlite3 *db = NULL;

	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	ck_assert_msg(sqlite3_exec(db, text, NULL, NULL, NULL) == SQLITE_OK, "%s: %s", text, sqlite3_errmsg(db));
	sqlite3_close(db);
}

static int schema_version(void)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *query = NULL;
	int version;

	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	ck_assert_int_eq(sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &query, NULL), SQLITE_OK);
	ck_assert_int_eq(sqlite3_step(query), SQLITE_ROW);
	version = sqlite3_column_int(query, 0);
	sqlite3_finalize(query);
	sqlite3_close(db);
	return version;
}

/* Compares JSON by value. */
static void assert_json(const json_t *value, const char *expected)
{
	json_t *wanted = json_loads(expected, JSON_DECODE_ANY, NULL);

	ck_assert_ptr_nonnull(wanted);
	ck_assert(json_equal(value, wanted));
	json_decref(wanted);
}

/* Ids in the order in which `each` got them, joined by blanks; stops after `stop` rows. */
struct seen {
	struct str ids;
	unsigned n, stop;
};

static bool note(struct seen *seen, const char *id)
{
	str_addf(&seen->ids, "%s%s", seen->n ? " " : "", id);
	return ++seen->n != seen->stop;
}

#define SEEN_INIT { STR_INIT, 0, 0 }

static void assert_seen(struct seen *seen, const char *expected)
{
	ck_assert_str_eq(seen->ids.buf, expected);
	str_release(&seen->ids);
	seen->n = 0;
}

/* --- jobs --- */

static struct job_row a_job(char *id, int64_t created_ms)
{
	return (struct job_row){
		.id = id, .intent = (char *)"suite: x\n", .identity = (char *)"identity", .state = (char *)"waiting",
		.submitter = (char *)"me", .created_ms = created_ms, .updated_ms = created_ms,
	};
}

static bool note_job(const struct job_row *row, void *arg)
{
	return note(arg, row->id);
}

START_TEST(a_job_comes_back_as_it_was_put)
{
	struct job_row row = a_job((char *)"j1", 100), back = { 0 };

	row.intent = (char *)"suite: \"'; DROP TABLE jobs; --\"\n\xc3\xa4";
	assert_ok(warehouse_job_put(warehouse, &row, &err));
	assert_ok(warehouse_job_get(warehouse, "j1", &back, &err));
	ck_assert_str_eq(back.intent, row.intent);
	ck_assert_str_eq(back.identity, "identity");
	ck_assert_str_eq(back.state, "waiting");
	ck_assert_str_eq(back.submitter, "me");
	ck_assert_ptr_null(back.commit);
	ck_assert_ptr_null(back.tree);
	ck_assert_ptr_null(back.message);
	ck_assert_ptr_null(back.build_unit);
	ck_assert_ptr_null(back.test_unit);
	ck_assert_int_eq(back.created_ms, 100);
	job_row_release(&back);
}
END_TEST

START_TEST(a_job_put_again_is_replaced)
{
	struct job_row row = a_job((char *)"j1", 100), back = { 0 };
	struct seen seen = SEEN_INIT;

	assert_ok(warehouse_job_put(warehouse, &row, &err));
	row.state = (char *)"testing";
	row.commit = (char *)HEX40;
	row.tree = (char *)"tree";
	row.message = (char *)"message";
	row.build_unit = (char *)"b";
	row.test_unit = (char *)"t";
	row.updated_ms = 200;
	assert_ok(warehouse_job_put(warehouse, &row, &err));
	assert_ok(warehouse_job_put(warehouse, &row, &err));
	reopen();
	assert_ok(warehouse_job_get(warehouse, "j1", &back, &err));
	ck_assert_str_eq(back.state, "testing");
	ck_assert_str_eq(back.commit, HEX40);
	ck_assert_str_eq(back.tree, "tree");
	ck_assert_str_eq(back.message, "message");
	ck_assert_str_eq(back.build_unit, "b");
	ck_assert_str_eq(back.test_unit, "t");
	ck_assert_int_eq(back.updated_ms, 200);
	job_row_release(&back);
	assert_ok(warehouse_jobs(warehouse, false, 0, note_job, &seen, &err));
	assert_seen(&seen, "j1");
}
END_TEST

START_TEST(jobs_are_listed_newest_first_and_open_ones_alone)
{
	static const char *const states[] = { "done", "waiting", "failed", "building", "testing", "cancelled" };
	struct seen seen = SEEN_INIT;

	for (int i = 0; i < 6; i++) {
		char *id = mem_printf("j%d", i);
		struct job_row row = a_job(id, 100 + i / 2);

		row.state = (char *)states[i];
		assert_ok(warehouse_job_put(warehouse, &row, &err));
		free(id);
	}
	assert_ok(warehouse_jobs(warehouse, false, 0, note_job, &seen, &err));
	assert_seen(&seen, "j5 j4 j3 j2 j1 j0");
	assert_ok(warehouse_jobs(warehouse, true, 0, note_job, &seen, &err));
	assert_seen(&seen, "j4 j3 j1");
	assert_ok(warehouse_jobs(warehouse, false, 2, note_job, &seen, &err));
	assert_seen(&seen, "j5 j4");
	seen.stop = 3;
	assert_ok(warehouse_jobs(warehouse, false, 0, note_job, &seen, &err));
	assert_seen(&seen, "j5 j4 j3");
}
END_TEST

START_TEST(a_state_that_does_not_exist_is_refused)
{
	struct job_row row = a_job((char *)"j1", 100), back = { 0 };

	row.state = (char *)"sleeping";
	ck_assert_int_eq(warehouse_job_put(warehouse, &row, &err), -ERR_INVALID);
	ck_assert_int_eq(warehouse_job_get(warehouse, "j1", &back, &err), -ERR_NOT_FOUND);
}
END_TEST

static bool finish_each(const struct job_row *row, void *arg)
{
	struct job_row done = *row;

	done.state = (char *)"done";
	assert_ok(warehouse_job_put(warehouse, &done, &err));
	return note(arg, row->id);
}

START_TEST(rows_may_be_changed_while_they_are_listed)
{
	struct seen seen = SEEN_INIT;

	for (int i = 0; i < 300; i++) {
		char *id = mem_printf("%03d", i);
		struct job_row row = a_job(id, i);

		assert_ok(warehouse_job_put(warehouse, &row, &err));
		free(id);
	}
	assert_ok(warehouse_jobs(warehouse, true, 0, finish_each, &seen, &err));
	ck_assert_uint_eq(seen.n, 300);
	str_release(&seen.ids);
	seen.n = 0;
	assert_ok(warehouse_jobs(warehouse, true, 0, note_job, &seen, &err));
	assert_seen(&seen, "");
}
END_TEST

/* --- builds --- */

START_TEST(the_first_pass_or_broken_build_is_kept_and_infra_is_replaced)
{
	struct build_row row = {
		.build_key = (char *)"k", .unit = (char *)"u1", .outcome = (char *)"infra", .message = (char *)"given up", .started_ms = 1, .finished_ms = 2,
	}, back = { 0 };

	assert_ok(warehouse_build_put(warehouse, &row, &err));
	assert_ok(warehouse_build_get(warehouse, "k", &back, &err));
	ck_assert_str_eq(back.outcome, "infra");
	ck_assert_str_eq(back.message, "given up");
	ck_assert_ptr_null(back.details);
	build_row_release(&back);

	row = (struct build_row){
		.build_key = (char *)"k", .unit = (char *)"u2", .outcome = (char *)"pass", .artifact = (char *)"a", .log = (char *)"l",
		.commit = (char *)HEX40, .agent = (char *)"builder", .started_ms = 3, .finished_ms = 4,
		.details = json_pack("{s:i, s:[{s:s}]}", "exit_status", 0, "errors", "id", "build-pkg.x"),
	};
	assert_ok(warehouse_build_put(warehouse, &row, &err));
	json_decref(row.details);
	row.details = NULL;
	row.unit = (char *)"u3";
	row.outcome = (char *)"broken";
	assert_ok(warehouse_build_put(warehouse, &row, &err));
	assert_ok(warehouse_build_get(warehouse, "k", &back, &err));
	ck_assert_str_eq(back.unit, "u2");
	ck_assert_str_eq(back.outcome, "pass");
	ck_assert_str_eq(back.artifact, "a");
	ck_assert_str_eq(back.log, "l");
	ck_assert_str_eq(back.commit, HEX40);
	ck_assert_str_eq(back.agent, "builder");
	ck_assert_ptr_null(back.message);
	ck_assert_int_eq(back.started_ms, 3);
	ck_assert_int_eq(back.finished_ms, 4);
	assert_json(back.details, "{\"errors\":[{\"id\":\"build-pkg.x\"}],\"exit_status\":0}");
	build_row_release(&back);
	ck_assert_int_eq(warehouse_build_get(warehouse, "other", &back, &err), -ERR_NOT_FOUND);
	assert_ok(warehouse_build_remove(warehouse, "other", &err));
	assert_ok(warehouse_build_remove(warehouse, "k", &err));
	ck_assert_int_eq(warehouse_build_get(warehouse, "k", &back, &err), -ERR_NOT_FOUND);
}
END_TEST

/* --- results --- */

static struct result_row a_result(char *unit, char *key, char *identity, int64_t finished_ms)
{
	return (struct result_row){
		.unit = unit, .test_key = key, .identity = identity, .outcome = (char *)"pass", .complete = true,
		.started_ms = finished_ms - 1, .finished_ms = finished_ms,
	};
}

static void put_result(const char *unit, const char *key, const char *identity, int64_t finished_ms, unsigned repeat, const char *error_id)
{
	struct result_row row = a_result((char *)unit, (char *)key, (char *)identity, finished_ms);

	row.repeat = repeat;
	if (error_id)
		row.errors = json_pack("[{s:s, s:s, s:i, s:i}]", "id", error_id, "line", "the line", "line_number", 7, "count", 2);
	assert_ok(warehouse_result_put(warehouse, &row, NULL, &err));
	json_decref(row.errors);
}

static bool note_result(const struct result_row *row, void *arg)
{
	return note(arg, row->unit);
}

START_TEST(a_result_comes_back_as_it_was_put)
{
	struct result_row row = a_result((char *)"u", (char *)"k", (char *)"i", 50), back = { 0 };
	bool is_new = false;

	row.repeat = 3;
	row.commit = (char *)HEX40;
	row.tree = (char *)"tree";
	row.outcome = (char *)"fail";
	row.complete = false;
	row.exit_status = 137;
	row.log = (char *)"log";
	row.artifact = (char *)"artifact";
	row.agent = (char *)"agent";
	row.box = (char *)"box";
	row.message = (char *)"message";
	row.passed = (char *)"000000000001";
	row.errors = json_pack("[{s:s, s:s}]", "id", "stderr.it~s_\"$(x)\"", "line", "a\tline \xc3\xa4");
	row.usage = json_pack("{s:i}", "wall_ms", 12);
	assert_ok(warehouse_result_put(warehouse, &row, &is_new, &err));
	ck_assert(is_new);
	reopen();
	assert_ok(warehouse_result_get(warehouse, "u", &back, &err));
	ck_assert_str_eq(back.test_key, "k");
	ck_assert_str_eq(back.identity, "i");
	ck_assert_uint_eq(back.repeat, 3);
	ck_assert_str_eq(back.commit, HEX40);
	ck_assert_str_eq(back.tree, "tree");
	ck_assert_str_eq(back.outcome, "fail");
	ck_assert(!back.complete);
	ck_assert_int_eq(back.exit_status, 137);
	ck_assert_str_eq(back.log, "log");
	ck_assert_str_eq(back.artifact, "artifact");
	ck_assert_str_eq(back.agent, "agent");
	ck_assert_str_eq(back.box, "box");
	ck_assert_str_eq(back.message, "message");
	ck_assert_str_eq(back.passed, "000000000001");
	ck_assert_int_eq(back.started_ms, 49);
	ck_assert_int_eq(back.finished_ms, 50);
	ck_assert(json_equal(back.errors, row.errors));
	ck_assert(json_equal(back.usage, row.usage));
	result_row_release(&back);
	json_decref(row.errors);
	json_decref(row.usage);
}
END_TEST

START_TEST(the_first_result_of_a_unit_stays_for_ever)
{
	struct result_row row = a_result((char *)"u", (char *)"k", (char *)"i", 50), back = { 0 };
	struct seen seen = SEEN_INIT;
	bool is_new = false;

	assert_ok(warehouse_result_put(warehouse, &row, &is_new, &err));
	ck_assert(is_new);
	row.outcome = (char *)"fail";
	row.errors = json_pack("[{s:s}]", "id", "late");
	assert_ok(warehouse_result_put(warehouse, &row, &is_new, &err));
	ck_assert(!is_new);
	json_decref(row.errors);
	assert_ok(warehouse_result_get(warehouse, "u", &back, &err));
	ck_assert_str_eq(back.outcome, "pass");
	ck_assert_ptr_null(back.errors);
	result_row_release(&back);
	assert_ok(warehouse_results_with_error(warehouse, "late", 10, note_result, &seen, &err));
	assert_seen(&seen, "");
}
END_TEST

START_TEST(results_are_found_by_key_and_error)
{
	struct seen seen = SEEN_INIT;

	put_result("u1", "k1", "i1", 30, 1, "e1");
	put_result("u2", "k1", "i1", 20, 0, NULL);
	put_result("u3", "k2", "i1", 10, 0, "e2");
	put_result("u4", "k3", "i2", 40, 0, "e1");
	assert_ok(warehouse_results_of_key(warehouse, "k1", note_result, &seen, &err));
	assert_seen(&seen, "u2 u1");
	assert_ok(warehouse_results_with_error(warehouse, "e1", 0, note_result, &seen, &err));
	assert_seen(&seen, "u4 u1");
	assert_ok(warehouse_results_with_error(warehouse, "e1", 1, note_result, &seen, &err));
	assert_seen(&seen, "u4");
	assert_ok(warehouse_results_with_error(warehouse, "none", 1, note_result, &seen, &err));
	assert_seen(&seen, "");
}
END_TEST

START_TEST(the_newest_results_of_an_identity_are_found)
{
	struct seen seen = SEEN_INIT;

	put_result("u1", "k1", "i1", 30, 1, "e1");
	put_result("u2", "k1", "i1", 20, 0, NULL);
	put_result("u3", "k2", "i2", 10, 0, "e2");
	put_result("u4", "k3", "i1", 40, 0, "e1");
	assert_ok(warehouse_results_newest(warehouse, "i1", 0, note_result, &seen, &err));
	assert_seen(&seen, "u4 u1 u2");
	assert_ok(warehouse_results_newest(warehouse, "i1", 2, note_result, &seen, &err));
	assert_seen(&seen, "u4 u1");
}
END_TEST

START_TEST(an_error_is_found_by_each_of_its_names)
{
	struct result_row row = { .unit = (char *)"u1", .outcome = (char *)"fail", .finished_ms = 5 };
	struct result_row back = { 0 };
	struct seen seen = SEEN_INIT;

	row.errors = json_pack("[{s:s, s:[s, s]}]", "id", "build-pkg.a.c:error:x", "aliases", "build-pkg.a.c:error:[m-x", "build-pkg.y");
	row.metrics = json_pack("{s:f}", "demo.seconds", 1.5);
	assert_ok(warehouse_result_put(warehouse, &row, NULL, &err));
	assert_ok(warehouse_result_get(warehouse, "u1", &back, &err));
	ck_assert(json_equal(back.metrics, row.metrics));
	result_row_release(&back);
	assert_ok(warehouse_results_with_error(warehouse, "build-pkg.a.c:error:x", 1, note_result, &seen, &err));
	assert_seen(&seen, "u1");
	assert_ok(warehouse_results_with_error(warehouse, "build-pkg.y", 1, note_result, &seen, &err));
	assert_seen(&seen, "u1");
	assert_ok(warehouse_results_with_error(warehouse, "makepkg.eid.a.c:error:x", 1, note_result, &seen, &err));
	assert_seen(&seen, "u1");
	assert_ok(warehouse_results_with_error(warehouse, "build-pkg.z", 1, note_result, &seen, &err));
	assert_seen(&seen, "");
	json_decref(row.errors);
	json_decref(row.metrics);
}
END_TEST

static bool note_two(const struct result_row *row, void *arg)
{
	struct seen *seen = arg;

	return note_result(row, seen) && strcmp(row->unit, "u3") != 0;
}

START_TEST(results_that_came_since_are_told_once_in_the_order_they_came)
{
	struct seen seen = SEEN_INIT;
	int64_t after = 0;

	put_result("u9", "k1", "i1", 30, 1, "e1");
	put_result("u2", "k2", "i2", 20, 0, "e1");
	put_result("u1", "k1", "i1", 10, 2, "e1");
	assert_ok(warehouse_results_since(warehouse, "i1", &after, note_result, &seen, &err));
	assert_seen(&seen, "u9 u1");
	assert_ok(warehouse_results_since(warehouse, "i1", &after, note_result, &seen, &err));
	assert_seen(&seen, "");
	put_result("u3", "k1", "i1", 5, 3, "e1");
	/* one that could not be taken comes again */
	assert_ok(warehouse_results_since(warehouse, "i1", &after, note_two, &seen, &err));
	assert_seen(&seen, "u3");
	assert_ok(warehouse_results_since(warehouse, "i1", &after, note_result, &seen, &err));
	assert_seen(&seen, "u3");
}
END_TEST

static bool note_built(const struct build_row *row, void *arg)
{
	struct str *seen = arg;

	str_addf(seen, "%s:%s:%s ", row->build_key, row->commit, row->artifact);
	return true;
}

START_TEST(the_median_of_what_runs_took_is_known_by_identity)
{
	struct result_row result = a_result((char *)"u", (char *)"k", (char *)"i", 0);
	struct build_row build = { .outcome = (char *)"pass", .commit = (char *)HEX40 };
	char *names[] = { (char *)"1", (char *)"2", (char *)"3", (char *)"4" };
	int64_t build_ms = 7, test_ms = 7, took[] = { 100, 900, 300, 200 };
	struct str seen = STR_INIT;

	assert_ok(warehouse_durations(warehouse, "i", &build_ms, &test_ms, &err));
	ck_assert_int_eq(build_ms, -1);
	ck_assert_int_eq(test_ms, -1);
	for (int n = 0; n < 4; n++) {
		result.unit = result.artifact = build.artifact = build.build_key = build.unit = names[n];
		result.identity = (char *)(n < 3 ? "i" : "other");
		result.started_ms = build.started_ms = 1000;
		result.finished_ms = 1000 + took[n];
		build.finished_ms = 1000 + 2 * took[n];
		assert_ok(warehouse_result_put(warehouse, &result, NULL, &err));
		assert_ok(warehouse_build_put(warehouse, &build, &err));
	}
	assert_ok(warehouse_durations(warehouse, "i", &build_ms, &test_ms, &err));
	ck_assert_int_eq(build_ms, 600);
	ck_assert_int_eq(test_ms, 300);
	build.build_key = build.unit = (char *)"5";
	build.outcome = (char *)"broken";
	build.artifact = NULL;
	assert_ok(warehouse_build_put(warehouse, &build, &err));
	assert_ok(warehouse_built(warehouse, note_built, &seen, &err));
	ck_assert_str_eq(seen.buf, "1:" HEX40 ":1 2:" HEX40 ":2 3:" HEX40 ":3 4:" HEX40 ":4 ");
	str_release(&seen);
}
END_TEST

START_TEST(a_result_with_an_error_without_id_is_refused_whole)
{
	struct result_row row = a_result((char *)"u", (char *)"k", (char *)"i", 50), back = { 0 };
	struct seen seen = SEEN_INIT;

	row.errors = json_pack("[{s:s}, {s:s}]", "id", "e1", "line", "no id");
	ck_assert_int_eq(warehouse_result_put(warehouse, &row, NULL, &err), -ERR_INVALID);
	json_decref(row.errors);
	ck_assert_int_eq(warehouse_result_get(warehouse, "u", &back, &err), -ERR_NOT_FOUND);
	assert_ok(warehouse_results_with_error(warehouse, "e1", 0, note_result, &seen, &err));
	assert_seen(&seen, "");
	/* and the warehouse goes on */
	put_result("u", "k", "i", 50, 0, "e1");
}
END_TEST

/* --- bisections and probes --- */

static struct bisection_row a_bisection(char *id, char *key, char *state, int64_t created_ms)
{
	return (struct bisection_row){
		.id = id, .dedupe_key = key, .error_id = (char *)"stderr.x", .job_id = (char *)"j", .identity = (char *)"i", .bad = (char *)HEX40,
		.state = state, .phase = (char *)"fetch", .submitter = (char *)"me", .created_ms = created_ms, .updated_ms = created_ms,
	};
}

static void put_bisection(const char *id, const char *key, const char *state, int64_t created_ms)
{
	struct bisection_row row = a_bisection((char *)id, (char *)key, (char *)state, created_ms);

	assert_ok(warehouse_bisection_put(warehouse, &row, &err));
}

static bool note_bisection(const struct bisection_row *row, void *arg)
{
	return note(arg, row->id);
}

START_TEST(a_bisection_comes_back_as_it_was_put_last)
{
	struct bisection_row row = a_bisection((char *)"b", (char *)"k", (char *)"waiting", 5), back = { 0 };

	assert_ok(warehouse_bisection_put(warehouse, &row, &err));
	row.state = (char *)"done";
	row.phase = (char *)"done";
	row.good = (char *)"g1 g2";
	row.message = (char *)"message";
	row.updated_ms = 6;
	row.finished_ms = 7;
	row.options = json_pack("{s:i}", "slots", 4);
	row.verdict = json_pack("{s:s, s:f}", "verdict", "culprit", "confidence", 0.875);
	row.range = json_pack("{s:i}", "commits", 400);
	row.learnt = json_pack("{s:[s]}", "files", "a.c");
	assert_ok(warehouse_bisection_put(warehouse, &row, &err));
	reopen();
	assert_ok(warehouse_bisection_get(warehouse, "b", &back, &err));
	ck_assert_str_eq(back.dedupe_key, "k");
	ck_assert_str_eq(back.error_id, "stderr.x");
	ck_assert_str_eq(back.job_id, "j");
	ck_assert_str_eq(back.identity, "i");
	ck_assert_str_eq(back.good, "g1 g2");
	ck_assert_str_eq(back.bad, HEX40);
	ck_assert_str_eq(back.state, "done");
	ck_assert_str_eq(back.phase, "done");
	ck_assert_str_eq(back.message, "message");
	ck_assert_str_eq(back.submitter, "me");
	ck_assert_int_eq(back.created_ms, 5);
	ck_assert_int_eq(back.updated_ms, 6);
	ck_assert_int_eq(back.finished_ms, 7);
	ck_assert(json_equal(back.options, row.options));
	ck_assert(json_equal(back.verdict, row.verdict));
	ck_assert(json_equal(back.range, row.range));
	ck_assert(json_equal(back.learnt, row.learnt));
	bisection_row_release(&back);
	json_decref(row.options);
	json_decref(row.verdict);
	json_decref(row.range);
	json_decref(row.learnt);
	ck_assert_int_eq(warehouse_bisection_get(warehouse, "other", &back, &err), -ERR_NOT_FOUND);
}
END_TEST

START_TEST(the_newest_bisection_of_a_key_that_was_not_given_up_is_found)
{
	struct bisection_row back = { 0 };

	put_bisection("b1", "k", "done", 1);
	put_bisection("b2", "k", "running", 2);
	put_bisection("b3", "k", "cancelled", 3);
	put_bisection("b4", "k", "failed", 4);
	put_bisection("b5", "other", "running", 5);
	assert_ok(warehouse_bisection_find(warehouse, "k", &back, &err));
	ck_assert_str_eq(back.id, "b2");
	bisection_row_release(&back);
	put_bisection("b2", "k", "failed", 2);
	assert_ok(warehouse_bisection_find(warehouse, "k", &back, &err));
	ck_assert_str_eq(back.id, "b1");
	bisection_row_release(&back);
	ck_assert_int_eq(warehouse_bisection_find(warehouse, "none", &back, &err), -ERR_NOT_FOUND);
}
END_TEST

START_TEST(bisections_are_listed_newest_first_and_open_ones_alone)
{
	struct seen seen = SEEN_INIT;

	put_bisection("b1", "k1", "waiting", 1);
	put_bisection("b2", "k2", "done", 2);
	put_bisection("b3", "k3", "running", 3);
	assert_ok(warehouse_bisections(warehouse, false, 0, note_bisection, &seen, &err));
	assert_seen(&seen, "b3 b2 b1");
	assert_ok(warehouse_bisections(warehouse, true, 0, note_bisection, &seen, &err));
	assert_seen(&seen, "b3 b1");
	assert_ok(warehouse_bisections(warehouse, false, 1, note_bisection, &seen, &err));
	assert_seen(&seen, "b3");
}
END_TEST

START_TEST(finished_bisections_of_an_error_are_found_newest_first)
{
	struct seen seen = SEEN_INIT;
	struct bisection_row row;

	for (int i = 1; i <= 5; i++) {
		char id[] = { 'b', (char)('0' + i), '\0' };

		row = a_bisection(id, id, (char *)(i == 2 ? "running" : i == 3 ? "failed" : "done"), i);
		row.finished_ms = 10 - i;
		if (i == 5)
			row.identity = (char *)"another";
		assert_ok(warehouse_bisection_put(warehouse, &row, &err));
	}
	assert_ok(warehouse_bisections_of_error(warehouse, "stderr.x", "i", 0, note_bisection, &seen, &err));
	assert_seen(&seen, "b1 b4");
	assert_ok(warehouse_bisections_of_error(warehouse, "stderr.x", "i", 1, note_bisection, &seen, &err));
	assert_seen(&seen, "b1");
	assert_ok(warehouse_bisections_of_error(warehouse, "stderr.y", "i", 0, note_bisection, &seen, &err));
	assert_seen(&seen, "");
}
END_TEST

static bool note_probe(const struct probe_row *row, void *arg)
{
	struct str text = STR_INIT;
	bool more;

	ck_assert_str_eq(row->bisection, "b");
	str_addf(&text, "%u:%s:%u:%s", row->seq, row->purpose, row->repeat, row->observation ? row->observation : "open");
	more = note(arg, text.buf);
	str_release(&text);
	return more;
}

START_TEST(probes_come_in_the_order_asked_for)
{
	struct probe_row row = {
		.bisection = (char *)"b", .seq = 1, .commit = (char *)HEX40, .purpose = (char *)"search", .repeat = 2, .build_unit = (char *)"bu",
		.test_unit = (char *)"tu", .note = (char *)"a note", .asked_ms = 10,
	};
	struct seen seen = SEEN_INIT;

	put_bisection("b", "k", "running", 1);
	put_bisection("other", "k2", "running", 1);
	assert_ok(warehouse_probe_put(warehouse, &row, &err));
	row.seq = 0;
	row.purpose = (char *)"verify";
	assert_ok(warehouse_probe_put(warehouse, &row, &err));
	row.seq = 1;
	row.purpose = (char *)"search";
	row.observation = (char *)"bad";
	row.seen_ms = 20;
	assert_ok(warehouse_probe_put(warehouse, &row, &err));
	assert_ok(warehouse_probe_put(warehouse, &row, &err));
	row.bisection = (char *)"other";
	assert_ok(warehouse_probe_put(warehouse, &row, &err));
	reopen();
	assert_ok(warehouse_probes(warehouse, "b", note_probe, &seen, &err));
	assert_seen(&seen, "0:verify:2:open 1:search:2:bad");
}
END_TEST

START_TEST(a_probe_of_no_bisection_is_refused)
{
	struct probe_row row = { .bisection = (char *)"none", .commit = (char *)HEX40, .purpose = (char *)"search" };

	ck_assert_int_eq(warehouse_probe_put(warehouse, &row, &err), -ERR_INVALID);
}
END_TEST

/* --- tokens and the funnel --- */

static bool note_token(const struct token_row *row, void *arg)
{
	return note(arg, row->revoked ? "revoked" : row->name);
}

START_TEST(a_token_is_found_by_its_hash_until_it_is_revoked)
{
	struct token_row row = { .name = (char *)"me", .role = (char *)"admin", .hash = (char *)"hash1", .created_ms = 9 }, back = { 0 };
	struct seen seen = SEEN_INIT;

	assert_ok(warehouse_token_put(warehouse, &row, &err));
	assert_ok(warehouse_token_put(warehouse, &row, &err));
	assert_ok(warehouse_token_find(warehouse, "hash1", &back, &err));
	ck_assert_str_eq(back.name, "me");
	ck_assert_str_eq(back.role, "admin");
	ck_assert_str_eq(back.hash, "hash1");
	ck_assert_int_eq(back.created_ms, 9);
	ck_assert(!back.revoked);
	token_row_release(&back);
	row.name = (char *)"you";
	ck_assert_int_eq(warehouse_token_put(warehouse, &row, &err), -ERR_EXISTS);
	row.hash = (char *)"hash2";
	assert_ok(warehouse_token_put(warehouse, &row, &err));
	row = (struct token_row){ .name = (char *)"me", .role = (char *)"admin", .hash = (char *)"hash1", .created_ms = 9, .revoked = true };
	assert_ok(warehouse_token_put(warehouse, &row, &err));
	ck_assert_int_eq(warehouse_token_find(warehouse, "hash1", &back, &err), -ERR_NOT_FOUND);
	ck_assert_int_eq(warehouse_token_find(warehouse, "nonsense", &back, &err), -ERR_NOT_FOUND);
	assert_ok(warehouse_tokens(warehouse, note_token, &seen, &err));
	assert_seen(&seen, "revoked you");
}
END_TEST

START_TEST(the_funnel_counts_by_day_stage_and_reason)
{
	const int64_t day = 24 * 3600 * 1000, first = INT64_C(1795392000000);	/* 2026-11-23 */
	json_t *rows;

	assert_ok(warehouse_funnel_count(warehouse, "seen", NULL, first, &err));
	assert_ok(warehouse_funnel_count(warehouse, "seen", NULL, first + day - 1, &err));
	assert_ok(warehouse_funnel_count(warehouse, "refused", "duplicate", first, &err));
	assert_ok(warehouse_funnel_count(warehouse, "seen", NULL, first + day, &err));
	rows = warehouse_funnel(warehouse, first + 5);
	assert_json(rows, "[{\"day\":\"2026-11-23\",\"stage\":\"refused\",\"reason\":\"duplicate\",\"count\":1},"
		"{\"day\":\"2026-11-23\",\"stage\":\"seen\",\"reason\":\"\",\"count\":2},"
		"{\"day\":\"2026-11-24\",\"stage\":\"seen\",\"reason\":\"\",\"count\":1}]");
	json_decref(rows);
	rows = warehouse_funnel(warehouse, first + 2 * day);
	assert_json(rows, "[]");
	json_decref(rows);
}
END_TEST

/* --- what can happen to the file --- */

/* Writes one row after the other and tells each that was acknowledged. */
static void write_until_killed(int out, int round)
{
	struct warehouse *own = NULL;

	if (warehouse_open(&own, path, NULL) < 0)
		_exit(1);
	for (int i = 0; i < 1000000; i++) {
		char *unit = mem_printf("%d-%d", round, i);
		struct result_row row = a_result(unit, (char *)"k", (char *)"i", i + 1);

		row.errors = json_pack("[{s:s}]", "id", "e");
		if (warehouse_result_put(own, &row, NULL, NULL) < 0 || write(out, &i, sizeof(i)) != sizeof(i))
			_exit(1);
		json_decref(row.errors);
		free(unit);
	}
	_exit(0);
}

START_TEST(every_acknowledged_row_survives_kill_9)
{
	static const int moments[] = { 0, 1, 2, 5, 13, 34, 89, 150, 7, 21 };

	warehouse_free(warehouse);
	warehouse = NULL;
	for (int round = 0; round < 10; round++) {
		struct seen seen = SEEN_INIT;
		int fds[2], i, last = -1;
		pid_t writer;

		ck_assert_int_eq(pipe(fds), 0);
		writer = fork();
		if (writer == 0) {
			close(fds[0]);
			write_until_killed(fds[1], round);
		}
		close(fds[1]);
		while (read(fds[0], &i, sizeof(i)) == sizeof(i)) {
			last = i;
			if (i == moments[round])
				kill(writer, SIGKILL);
		}
		close(fds[0]);
		ck_assert_int_eq(waitpid(writer, NULL, 0), writer);
		ck_assert_int_ge(last, moments[round]);
		assert_ok(warehouse_open(&warehouse, path, &err));
		for (i = 0; i <= last; i++) {
			struct result_row back = { 0 };
			char *unit = mem_printf("%d-%d", round, i);

			assert_ok(warehouse_result_get(warehouse, unit, &back, &err));
			result_row_release(&back);
			free(unit);
		}
		/* The row and its error ids are one. */
		assert_ok(warehouse_results_with_error(warehouse, "e", 0, note_result, &seen, &err));
		i = (int)seen.n;
		str_release(&seen.ids);
		seen = (struct seen)SEEN_INIT;
		assert_ok(warehouse_results_of_key(warehouse, "k", note_result, &seen, &err));
		ck_assert_int_eq((int)seen.n, i);
		str_release(&seen.ids);
		warehouse_free(warehouse);
		warehouse = NULL;
	}
}
END_TEST

/* --- boxes --- */

static bool note_box(const struct box_row *row, void *arg)
{
	return note(arg, row->name);
}

static bool copy_box(const struct box_row *row, void *arg)
{
	struct box_row *copy = arg;

	*copy = *row;
	copy->name = strdup(row->name);
	copy->kind = strdup(row->kind);
	copy->reason = strdup(row->reason);
	copy->failed_unit = strdup(row->failed_unit);
	json_incref(copy->charges);
	return false;
}

START_TEST(the_health_of_a_box_is_remembered_and_replaced)
{
	struct box_row row = {
		.name = (char *)"b 'ox'", .kind = (char *)"build", .seen_ms = 1, .finished = 2, .failures = 3, .in_a_row = 4,
		.reason = (char *)"no room", .failed_unit = (char *)"b-1", .failed_ms = 5, .finished_ms = 6, .charged_ms = 7,
		.quarantines = 8, .quarantined_until_ms = INT64_C(1795475245123),
	}, back = { 0 };
	struct seen seen = SEEN_INIT;

	row.charges = json_pack("[s]", "b-1");
	assert_ok(warehouse_box_put(warehouse, &row, &err));
	row.finished = 9;
	assert_ok(warehouse_box_put(warehouse, &row, &err));
	json_decref(row.charges);
	assert_ok(warehouse_boxes(warehouse, copy_box, &back, &err));
	ck_assert_str_eq(back.name, row.name);
	ck_assert_str_eq(back.kind, "build");
	ck_assert_str_eq(back.reason, "no room");
	ck_assert_str_eq(back.failed_unit, "b-1");
	ck_assert_int_eq(back.seen_ms, 1);
	ck_assert_int_eq(back.finished, 9);
	ck_assert_int_eq(back.failures, 3);
	ck_assert_uint_eq(back.in_a_row, 4);
	ck_assert_int_eq(back.failed_ms, 5);
	ck_assert_int_eq(back.finished_ms, 6);
	ck_assert_int_eq(back.charged_ms, 7);
	ck_assert_uint_eq(back.quarantines, 8);
	ck_assert_int_eq(back.quarantined_until_ms, INT64_C(1795475245123));
	assert_json(back.charges, "[\"b-1\"]");
	box_row_release(&back);
	row = (struct box_row){ .name = (char *)"a" };
	assert_ok(warehouse_box_put(warehouse, &row, &err));
	assert_ok(warehouse_boxes(warehouse, note_box, &seen, &err));
	assert_seen(&seen, "a b 'ox'");
	assert_ok(warehouse_box_remove(warehouse, "b 'ox'", &err));
	assert_ok(warehouse_box_remove(warehouse, "b 'ox'", &err));
	assert_ok(warehouse_boxes(warehouse, note_box, &seen, &err));
	assert_seen(&seen, "a");
}
END_TEST

START_TEST(a_database_from_before_the_boxes_gets_them)
{
	struct job_row job = a_job((char *)"j", 1);
	struct box_row row = { .name = (char *)"a" };

	assert_ok(warehouse_job_put(warehouse, &job, &err));
	warehouse_free(warehouse);
	warehouse = NULL;
	sql("DROP TABLE boxes");
	sql("DROP INDEX bisections_by_error");
	sql("ALTER TABLE bisections DROP COLUMN learnt");
	sql("ALTER TABLE jobs DROP COLUMN resolved");
	sql("ALTER TABLE results DROP COLUMN metrics");
	sql("ALTER TABLE results DROP COLUMN passed");
	sql("PRAGMA user_version = 1");
	assert_ok(warehouse_open(&warehouse, path, &err));
	assert_ok(warehouse_box_put(warehouse, &row, &err));
	assert_ok(warehouse_job_get(warehouse, "j", &job, &err));
	job_row_release(&job);
}
END_TEST

START_TEST(several_jobs_are_stored_all_or_none)
{
	struct job_row a = a_job((char *)"a", 1), b = a_job((char *)"b", 2), back = { 0 };
	const struct job_row *rows[] = { &a, &b };

	a.resolved = (char *)"suite: x\n";
	b.state = (char *)"no such state";
	ck_assert_int_lt(warehouse_jobs_put(warehouse, rows, 2, &err), 0);
	ck_assert_int_eq(warehouse_job_get(warehouse, "a", &back, NULL), -ERR_NOT_FOUND);
	b.state = a.state;
	assert_ok(warehouse_jobs_put(warehouse, rows, 2, &err));
	assert_ok(warehouse_job_get(warehouse, "a", &back, &err));
	ck_assert_str_eq(back.resolved, "suite: x\n");
	job_row_release(&back);
	assert_ok(warehouse_job_get(warehouse, "b", &back, &err));
	ck_assert_ptr_null(back.resolved);
	job_row_release(&back);
}
END_TEST

START_TEST(a_newer_schema_is_refused_and_left_alone)
{
	struct job_row row = a_job((char *)"j", 1);
	char back[64];
	int version;

	assert_ok(warehouse_job_put(warehouse, &row, &err));
	warehouse_free(warehouse);
	warehouse = NULL;
	version = schema_version();
	sql("PRAGMA user_version = 1000");
	ck_assert_int_eq(warehouse_open(&warehouse, path, &err), -ERR_INVALID);
	ck_assert_ptr_nonnull(strstr(err.text, "newer"));
	ck_assert_ptr_null(warehouse);
	snprintf(back, sizeof(back), "PRAGMA user_version = %d", version);
	sql(back);
	assert_ok(warehouse_open(&warehouse, path, &err));
	ck_assert_int_eq(warehouse_job_get(warehouse, "j", &row, &err), 0);
	job_row_release(&row);
}
END_TEST

START_TEST(a_database_of_another_program_is_refused)
{
	struct warehouse *other = NULL;
	char *own = path;

	path = mem_printf("%s/other.db", room);
	sql("CREATE TABLE bookmarks (url TEXT)");
	ck_assert_int_eq(warehouse_open(&other, path, &err), -ERR_INVALID);
	ck_assert_ptr_null(other);
	free(path);
	path = own;
}
END_TEST

START_TEST(a_file_that_is_no_database_is_corrupt)
{
	struct warehouse *other = NULL;
	char *name = mem_printf("%s/noise.db", room), *bytes = mem_alloc(100000);

	memset(bytes, 'x', 100000);
	assert_ok(file_write_atomic(name, bytes, 100000, 0600, &err));
	ck_assert_int_eq(warehouse_open(&other, name, &err), -ERR_CORRUPT);
	ck_assert_ptr_nonnull(strstr(err.text, name));
	free(bytes);
	free(name);
}
END_TEST

START_TEST(damaged_pages_are_corrupt_and_not_a_crash)
{
	struct seen seen = SEEN_INIT;
	char *bytes = mem_alloc(4096);
	struct stat st;
	int fd, rc;

	for (int i = 0; i < 200; i++) {
		char *id = mem_printf("j%d", i);
		struct job_row row = a_job(id, i);

		assert_ok(warehouse_job_put(warehouse, &row, &err));
		free(id);
	}
	warehouse_free(warehouse);
	warehouse = NULL;
	memset(bytes, 0xa5, 4096);
	ck_assert_int_eq(stat(path, &st), 0);
	fd = open(path, O_WRONLY);
	for (off_t at = 4096 * 2; at + 4096 <= st.st_size; at += 4096)
		ck_assert_int_eq(pwrite(fd, bytes, 4096, at), 4096);
	close(fd);
	rc = warehouse_open(&warehouse, path, &err);
	if (rc == 0)
		rc = warehouse_jobs(warehouse, false, 0, note_job, &seen, &err);
	ck_assert_int_eq(rc, -ERR_CORRUPT);
	str_release(&seen.ids);
	free(bytes);
}
END_TEST

START_TEST(a_column_that_holds_no_json_is_corrupt)
{
	struct result_row back = { 0 };

	put_result("u", "k", "i", 1, 0, NULL);
	sql("UPDATE results SET usage = '{broken'");
	ck_assert_int_eq(warehouse_result_get(warehouse, "u", &back, &err), -ERR_CORRUPT);
}
END_TEST

static void note_damage(const char *what, void *arg)
{
	note(arg, strstr(what, "result u2 is passed over") ? "result" : strstr(what, "bisection b2 is passed over") ? "bisection" :
		strstr(what, "box n2 is passed over") ? "box" : what);
}

static bool note_box_name(const struct box_row *row, void *arg)
{
	return note(arg, row->name);
}

START_TEST(a_damaged_row_is_told_of_and_stands_in_the_way_of_no_other)
{
	struct seen seen = SEEN_INIT, damage = SEEN_INIT;
	struct strv ids = STRV_INIT;
	struct bisection_row back = { 0 };
	int64_t after = 0;

	warehouse_on_damage(warehouse, note_damage, &damage);
	for (char i = '1'; i <= '3'; i++) {
		char unit[] = { 'u', i, '\0' }, id[] = { 'b', i, '\0' }, name[] = { 'n', i, '\0' };
		struct box_row box = { .name = name };

		put_result(unit, "k", "i", i, 0, NULL);
		put_bisection(id, id, "running", i);
		assert_ok(warehouse_box_put(warehouse, &box, &err));
	}
	sql("UPDATE results SET errors = '[' WHERE unit = 'u2'");
	sql("UPDATE bisections SET options = '{', verdict = '{\"verdict\": 1}' WHERE id = 'b2'");
	sql("UPDATE boxes SET charges = 'x' WHERE name = 'n2'");
	assert_ok(warehouse_results_since(warehouse, "i", &after, note_result, &seen, &err));
	assert_seen(&seen, "u1 u3");
	assert_ok(warehouse_results_newest(warehouse, "i", 0, note_result, &seen, &err));
	assert_seen(&seen, "u3 u1");
	assert_ok(warehouse_bisections(warehouse, false, 0, note_bisection, &seen, &err));
	assert_seen(&seen, "b3 b1");
	assert_ok(warehouse_boxes(warehouse, note_box_name, &seen, &err));
	assert_seen(&seen, "n1 n3");
	assert_seen(&damage, "result result bisection box");
	/* It is still known that it was open. */
	assert_ok(warehouse_open_bisections(warehouse, &ids, &err));
	ck_assert_uint_eq(ids.n, 3);
	ck_assert_str_eq(ids.v[1], "b2");
	strv_release(&ids);
	ck_assert_int_eq(warehouse_bisection_get(warehouse, "b2", &back, &err), -ERR_CORRUPT);
	assert_ok(warehouse_bisection_give_up(warehouse, "b2", "damaged", 77, &err));
	assert_ok(warehouse_bisection_get(warehouse, "b2", &back, &err));
	ck_assert_str_eq(back.state, "failed");
	ck_assert_str_eq(back.message, "damaged");
	ck_assert_int_eq(back.finished_ms, 77);
	ck_assert_ptr_null(back.options);
	ck_assert(json_is_object(back.verdict));
	bisection_row_release(&back);
	warehouse_on_damage(warehouse, NULL, NULL);
}
END_TEST

START_TEST(a_full_disk_fails_the_write_and_keeps_what_was_there)
{
	const struct rlimit none = { .rlim_cur = 300000, .rlim_max = RLIM_INFINITY }, plenty = { RLIM_INFINITY, RLIM_INFINITY };
	struct result_row row, back = { 0 };
	char *long_text = mem_alloc(20001);
	int rc = 0, kept = 0;

	memset(long_text, 'x', 20000);
	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &none), 0);
	for (int i = 0; rc == 0 && i < 1000; i++) {
		char *unit = mem_printf("u%d", i);

		row = a_result(unit, (char *)"k", (char *)"i", 1);
		row.message = long_text;
		rc = warehouse_result_put(warehouse, &row, NULL, &err);
		kept += rc == 0;
		free(unit);
	}
	ck_assert_msg(rc == -ERR_NO_SPACE || rc == -ERR_IO, "%d: %s", rc, err.text);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &plenty), 0);
	for (int i = 0; i <= kept; i++) {
		char *unit = mem_printf("u%d", i);

		ck_assert_int_eq(warehouse_result_get(warehouse, unit, &back, &err), i < kept ? 0 : -ERR_NOT_FOUND);
		result_row_release(&back);
		free(unit);
	}
	/* with room again it goes on, without being opened again */
	put_result("after", "k", "i", 1, 0, NULL);
	free(long_text);
}
END_TEST

START_TEST(only_the_owner_may_read_the_file)
{
	struct job_row row = a_job((char *)"j", 1);
	struct stat st;
	char *wal = mem_printf("%s-wal", path);

	assert_ok(warehouse_job_put(warehouse, &row, &err));
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(st.st_mode & 077, 0);
	ck_assert_int_eq(stat(wal, &st), 0);
	ck_assert_int_eq(st.st_mode & 077, 0);
	free(wal);
}
END_TEST

START_TEST(a_directory_that_is_not_there_is_not_found)
{
	struct warehouse *other = NULL;

	ck_assert_int_eq(warehouse_open(&other, "/nonexistent/warehouse.db", &err), -ERR_NOT_FOUND);
	ck_assert_ptr_null(other);
}
END_TEST

START_TEST(two_processes_may_write_at_once)
{
	pid_t pids[3];

	for (int p = 0; p < 3; p++) {
		pids[p] = fork();
		if (pids[p] == 0) {
			struct warehouse *own = NULL;
			int rc = warehouse_open(&own, path, NULL);

			for (int i = 0; rc == 0 && i < 40; i++)
				rc = warehouse_funnel_count(own, "seen", NULL, 0, NULL);
			_exit(rc == 0 ? 0 : 1);
		}
	}
	for (int p = 0; p < 3; p++) {
		int status = -1;

		ck_assert_int_eq(waitpid(pids[p], &status, 0), pids[p]);
		ck_assert_int_eq(status, 0);
	}
	json_t *rows = warehouse_funnel(warehouse, 0);

	assert_json(rows, "[{\"day\":\"1970-01-01\",\"stage\":\"seen\",\"reason\":\"\",\"count\":120}]");
	json_decref(rows);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("warehouse");
	TCase *tables = tcase_create("tables"), *file = tcase_create("file");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tables, set_up, tear_down);
	tcase_set_timeout(tables, 30);
	tcase_add_test(tables, a_job_comes_back_as_it_was_put);
	tcase_add_test(tables, a_job_put_again_is_replaced);
	tcase_add_test(tables, jobs_are_listed_newest_first_and_open_ones_alone);
	tcase_add_test(tables, a_state_that_does_not_exist_is_refused);
	tcase_add_test(tables, rows_may_be_changed_while_they_are_listed);
	tcase_add_test(tables, the_first_pass_or_broken_build_is_kept_and_infra_is_replaced);
	tcase_add_test(tables, a_result_comes_back_as_it_was_put);
	tcase_add_test(tables, the_first_result_of_a_unit_stays_for_ever);
	tcase_add_test(tables, results_are_found_by_key_and_error);
	tcase_add_test(tables, the_newest_results_of_an_identity_are_found);
	tcase_add_test(tables, an_error_is_found_by_each_of_its_names);
	tcase_add_test(tables, results_that_came_since_are_told_once_in_the_order_they_came);
	tcase_add_test(tables, the_median_of_what_runs_took_is_known_by_identity);
	tcase_add_test(tables, a_result_with_an_error_without_id_is_refused_whole);
	tcase_add_test(tables, a_bisection_comes_back_as_it_was_put_last);
	tcase_add_test(tables, the_newest_bisection_of_a_key_that_was_not_given_up_is_found);
	tcase_add_test(tables, bisections_are_listed_newest_first_and_open_ones_alone);
	tcase_add_test(tables, finished_bisections_of_an_error_are_found_newest_first);
	tcase_add_test(tables, probes_come_in_the_order_asked_for);
	tcase_add_test(tables, a_probe_of_no_bisection_is_refused);
	tcase_add_test(tables, a_token_is_found_by_its_hash_until_it_is_revoked);
	tcase_add_test(tables, the_health_of_a_box_is_remembered_and_replaced);
	tcase_add_test(tables, the_funnel_counts_by_day_stage_and_reason);
	suite_add_tcase(suite, tables);
	tcase_add_checked_fixture(file, set_up, tear_down);
	tcase_set_timeout(file, 120);
	tcase_add_test(file, every_acknowledged_row_survives_kill_9);
	tcase_add_test(file, a_database_from_before_the_boxes_gets_them);
	tcase_add_test(file, several_jobs_are_stored_all_or_none);
	tcase_add_test(file, a_newer_schema_is_refused_and_left_alone);
	tcase_add_test(file, a_database_of_another_program_is_refused);
	tcase_add_test(file, a_file_that_is_no_database_is_corrupt);
	tcase_add_test(file, damaged_pages_are_corrupt_and_not_a_crash);
	tcase_add_test(file, a_column_that_holds_no_json_is_corrupt);
	tcase_add_test(file, a_damaged_row_is_told_of_and_stands_in_the_way_of_no_other);
	tcase_add_test(file, a_full_disk_fails_the_write_and_keeps_what_was_there);
	tcase_add_test(file, only_the_owner_may_read_the_file);
	tcase_add_test(file, a_directory_that_is_not_there_is_not_found);
	tcase_add_test(file, two_processes_may_write_at_once);
	suite_add_tcase(suite, file);

	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
