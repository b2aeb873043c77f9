/* The warehouse's results: the first one stays, and all are found by key, by error, by identity, and as they come. */
#include <check.h>
#include <string.h>

#include "tests/unit/warehouse_fixture.h"

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

int main(void)
{
	Suite *suite = suite_create("warehouse results");
	TCase *results = tcase_create("results");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(results, set_up, tear_down);
	tcase_set_timeout(results, 30);
	tcase_add_test(results, a_result_comes_back_as_it_was_put);
	tcase_add_test(results, the_first_result_of_a_unit_stays_for_ever);
	tcase_add_test(results, results_are_found_by_key_and_error);
	tcase_add_test(results, the_newest_results_of_an_identity_are_found);
	tcase_add_test(results, an_error_is_found_by_each_of_its_names);
	tcase_add_test(results, results_that_came_since_are_told_once_in_the_order_they_came);
	tcase_add_test(results, the_median_of_what_runs_took_is_known_by_identity);
	tcase_add_test(results, a_result_with_an_error_without_id_is_refused_whole);
	suite_add_tcase(suite, results);

	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
