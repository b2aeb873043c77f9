/* The warehouse's tables but the results: rows come back as they were put, are listed and found, and done twice is done once. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tests/unit/warehouse_fixture.h"

/* --- jobs --- */

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

/* --- bisections and probes --- */

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

int main(void)
{
	Suite *suite = suite_create("warehouse");
	TCase *tables = tcase_create("tables");
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
	tcase_add_test(tables, a_bisection_comes_back_as_it_was_put_last);
	tcase_add_test(tables, the_newest_bisection_of_a_key_that_was_not_given_up_is_found);
	tcase_add_test(tables, bisections_are_listed_newest_first_and_open_ones_alone);
	tcase_add_test(tables, finished_bisections_of_an_error_are_found_newest_first);
	tcase_add_test(tables, probes_come_in_the_order_asked_for);
	tcase_add_test(tables, a_probe_of_no_bisection_is_refused);
	tcase_add_test(tables, a_token_is_found_by_its_hash_until_it_is_revoked);
	tcase_add_test(tables, the_health_of_a_box_is_remembered_and_replaced);
	tcase_add_test(tables, the_funnel_counts_by_day_stage_and_reason);
	tcase_add_test(tables, several_jobs_are_stored_all_or_none);
	suite_add_tcase(suite, tables);

	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
