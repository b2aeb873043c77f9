#include <check.h>

#include "base/mem.h"
#include "base/str.h"
#include "job/errorid.h"
#include "job/lkp_stats.h"
#include "job/log_kinds.h"

START_TEST(errors_are_what_the_field_takes_for_errors)
{
	static const char *const errors[] = {
		"dmesg.BUG:KASAN:slab-out-of-bounds_in_vfs_read", "kmsg.rcu:INFO:rcu_sched_detected_stalls", "stderr.curl:(#)Failed",
		"last_state.test.ltp.exit_code.1", "ltp.munlockall01.fail", "xfstests.generic.001.fail", "x.y.error.z",
		"build-pkg.fs/inode.c:error:expected", "kmemleak.backtrace.unreferenced_object.f", "unixbench.killed_by.SIGKILL",
	};
	static const char *const others[] = {
		"ltp.munlockall01.pass", "hackbench.throughput", "x.fail_rate", "dmesg.timestamp:last", "dmesg.bootstage:last",
		"last_state.time.x", "kmsg.timestamp.x", "dmesg.message:x", "dmesg.pattern:x", "fail", "build-pkg.note", ".fail",
	};

	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++)
		ck_assert_msg(lkp_stat_is_error(errors[i]), "%s", errors[i]);
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		ck_assert_msg(!lkp_stat_is_error(others[i]), "%s", others[i]);
}
END_TEST

START_TEST(a_file_gives_numbers_and_errors)
{
	static const char text[] = "{\"ltp.b.fail\": 1, \"ltp.a.pass\": 1, \"ltp.c.fail\": 0, \"x.time\": 1.5, \"x.note\": \"text\",\n"
				   "\"last_state.is_incomplete_run\": 1}";
	struct lkp_stats stats;
	struct error err = ERROR_INIT;

	ck_assert_msg(lkp_stats_read(&stats, "stats.json", text, strlen(text), &err) == 0, "%s", err.text);
	ck_assert_uint_eq(stats.n, 5);
	ck_assert_uint_eq(stats.left_out, 1);
	ck_assert(stats.is_incomplete);
	ck_assert_str_eq(stats.v[0].key, "last_state.is_incomplete_run");
	ck_assert_str_eq(stats.v[2].key, "ltp.b.fail");
	ck_assert(stats.v[2].is_error);
	ck_assert(!stats.v[1].is_error);
	ck_assert(!stats.v[3].is_error);
	ck_assert_double_eq(stats.v[4].value, 1.5);
	lkp_stats_release(&stats);
}
END_TEST

START_TEST(what_is_no_stats_file_is_refused_with_its_place)
{
	static const struct {
		const char *text, *message;
	} wrong[] = {
		{ "", "stats.json:1:0: found no JSON" },
		{ "{\"a\": 1,\n}", "stats.json:2:" },
		{ "[1]", "stats.json:1:1: found no object" },
		{ "{\"a\": 1, \"a\": 2}", "stats.json:1:" },
	};
	struct lkp_stats stats;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		struct error err = ERROR_INIT;

		ck_assert_int_lt(lkp_stats_read(&stats, "stats.json", wrong[i].text, strlen(wrong[i].text), &err), 0);
		ck_assert_msg(str_has_prefix(err.text, wrong[i].message), "%s", err.text);
	}
}
END_TEST


START_TEST(every_stat_keeps_its_place_in_the_text)
{
	static const char text[] = "{\n  \"b.fail\" : 1,\n  \"x\": {\"in.fail\": [1]},\n\t\"a\\\"}.fail\": 2.5, \"c\": 3}";
	struct lkp_stats stats;
	struct error err = ERROR_INIT;

	ck_assert_msg(lkp_stats_read(&stats, "stats.json", text, strlen(text), &err) == 0, "%s", err.text);
	ck_assert_uint_eq(stats.n, 3);
	ck_assert_str_eq(stats.v[0].key, "a\"}.fail");
	ck_assert_uint_eq(stats.v[0].line, 4);
	ck_assert(!strncmp(text + stats.v[0].offset, "\"a\\\"}.fail\": 2.5", stats.v[0].len));
	ck_assert_uint_eq(stats.v[1].line, 2);
	ck_assert_uint_eq(stats.v[1].line_offset, 2);
	ck_assert_uint_eq(stats.v[1].len, strlen("\"b.fail\" : 1"));
	ck_assert_uint_eq(stats.v[2].line, 4);
	lkp_stats_release(&stats);
}
END_TEST

/* --- In the log of a run --- */

static struct extractor *read_in_pieces(const char *log, size_t piece, int exit_status)
{
	size_t len = strlen(log);
	struct error err = ERROR_INIT;
	struct extractor *x;

	ck_assert_msg(extractor_new(&x, SOURCE_TEST, "demo", NULL, &err) == 0, "%s", err.text);
	extractor_expect_lkp_stats(x, false);
	for (size_t at = 0; at < len; at += piece)
		extractor_feed(x, log + at, len - at < piece ? len - at : piece);
	extractor_end(x, exit_status, 0, false);
	return x;
}

static struct extractor *read_log(const char *log, int exit_status)
{
	return read_in_pieces(log, strlen(log), exit_status);
}

static char *ids_of(const struct extractor *x)
{
	const struct found_error *found;
	size_t n = extractor_results(x, &found);
	struct str ids = STR_INIT;

	for (size_t i = 0; i < n; i++)
		str_addf(&ids, "%s@%d*%d\n", found[i].id, (int)found[i].line_number, (int)found[i].count);
	return str_detach(&ids);
}

static void must_give(const char *log, const char *expected)
{
	for (size_t piece = 1; piece <= strlen(log); piece = piece * 3 + 1) {
		struct extractor *x = read_in_pieces(log, piece, 0);
		char *ids = ids_of(x);

		ck_assert_str_eq(ids, expected);
		free(ids);
		extractor_free(x);
	}
}

#define MARK LKP_STATS_LOG_MARK "\n"

START_TEST(failures_of_stats_are_errors_beside_those_of_the_log)
{
	must_give("not ok 1 - b\n" MARK "{\n \"demo.z.fail\": 2,\n \"ltp.mm.fail\": 1, \"ltp.mm.pass\": 7,\n \"x.y.fail\": 0\n}\n",
		"demo.b.fail@1*1\ndemo.z.fail@4*1\nltp.mm.fail@5*1\n");
}
END_TEST

START_TEST(an_error_that_log_and_stats_have_is_there_once)
{
	must_give("not ok 1 - b\n" MARK "{\"demo.b.fail\": 1}\n", "demo.b.fail@1*1\n");
	/* The same by another name: lkp's of KASAN's report. */
	must_give("[    5.000000] BUG: KASAN: slab-out-of-bounds in memcpy+0x1/0x2\n"
		  "[    5.000001] Call Trace:\n[    5.000002]  memcpy+0x1/0x2\n[    5.000003]  demo_fill+0x1/0x2\n" MARK
		  "{\"dmesg.BUG:KASAN:slab-out-of-bounds_in_memcpy\": 1}\n",
		"dmesg.BUG:KASAN:slab-out-of-bounds_in_demo_fill@1*1\n");
}
END_TEST

START_TEST(lines_of_stats_are_no_lines_of_the_log)
{
	must_give(MARK "{\"stderr.main.c:error:x\": 1,\n \"x.note\": \"Error: segmentation fault\"\n}\n",
		"stderr.main.c:error:x@2*1\n");
	/* The last one counts. */
	must_give(MARK "{\"old.fail\": 1}\n" MARK "{\"a.new.fail\": 1}\n", "a.new.fail@4*1\n");
}
END_TEST

START_TEST(a_key_that_is_no_id_becomes_one_and_keeps_its_name)
{
	struct extractor *x = read_log(MARK "{\"ltp.a b$c.fail\": 1, \"makepkg.eid.a.c:error:x\": 0}", 0);
	const struct found_error *found;

	ck_assert_uint_eq(extractor_results(x, &found), 1);
	ck_assert_str_eq(found->id, "ltp.a_b~c.fail");
	ck_assert(errorid_is("ltp.a b$c.fail", found->id, &found->aliases));
	ck_assert_str_eq(found->line, "\"ltp.a b$c.fail\": 1");
	ck_assert(found->representative);
	extractor_free(x);
}
END_TEST

START_TEST(numbers_of_stats_are_metrics_and_win_over_the_log)
{
	struct extractor *x = read_log("throughput: 4\n" MARK "{\"demo.throughput\": 5, \"x.y\": 1.5, \"x.y.fail\": 0}", 0);
	const struct found_metric *metric;

	ck_assert_uint_eq(extractor_metrics(x, &metric), 2);
	ck_assert_str_eq(metric[0].name, "demo.throughput");
	ck_assert_double_eq(metric[0].value, 5);
	ck_assert_str_eq(metric[1].name, "x.y");
	extractor_free(x);
}
END_TEST

START_TEST(a_run_without_whole_stats_did_not_get_to_its_end)
{
	static const struct {
		const char *log;
		int exit_status;
		const char *problem; /* NULL: it did */
	} cases[] = {
		{ "1..1\nok 1 - a\n", 0, "stats.json: there is none" },
		{ "1..1\nok 1 - a\n" LKP_STATS_LOG_MARK, 0, "stats.json: there is none" },
		{ MARK, 0, "stats.json:1:0: found no JSON" },
		{ MARK "{\"a.b.fail\": 1,\n\"c\": ", 0, "stats.json:2:" },
		{ MARK "{\"a\": 1}\nand more\n", 0, "stats.json:2:" },
		{ MARK "{\"last_state.is_incomplete_run\": 1}\n", 0, "stats.json: it says that the run did not come to its end" },
		{ MARK "{\"a\": 1}\n", 0, NULL },
		{ MARK "{\"a\": 1}\n", 3, NULL },
		{ MARK "{}", 0, NULL },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct extractor *x = read_log(cases[i].log, cases[i].exit_status);
		const char *problem = extractor_lkp_stats_problem(x);

		ck_assert_msg(extractor_ran_to_its_end(x) == !cases[i].problem, "%zu: %s", i, problem);
		ck_assert_msg(!problem == !cases[i].problem, "%zu: %s", i, problem);
		ck_assert_msg(!problem || str_has_prefix(problem, cases[i].problem), "%zu: %s", i, problem);
		extractor_free(x);
	}
}
END_TEST

START_TEST(a_signal_or_too_many_bytes_are_no_end)
{
	struct extractor *x = read_log(MARK "{\"a\": 1}\n", 139);
	struct str log = STR_INIT;

	ck_assert(!extractor_ran_to_its_end(x));
	extractor_free(x);
	str_add(&log, MARK "{\"a\": 1");
	while (log.len < LKP_STATS_TEXT_MAX + 100)
		str_add(&log, "                                                                \n");
	str_add(&log, "}");
	x = read_log(log.buf, 0);
	ck_assert(!extractor_ran_to_its_end(x));
	ck_assert(str_has_prefix(extractor_lkp_stats_problem(x), "stats.json: 16777217 bytes found"));
	extractor_free(x);
	str_release(&log);
}
END_TEST

START_TEST(a_log_that_expects_no_stats_is_read_as_ever)
{
	struct error err = ERROR_INIT;
	static const char log[] = MARK "{\"a.b.fail\": 1}\n";
	struct extractor *x;

	ck_assert_int_eq(extractor_new(&x, SOURCE_TEST, "demo", NULL, &err), 0);
	extractor_feed(x, log, strlen(log));
	extractor_end(x, 0, 0, false);
	ck_assert(extractor_ran_to_its_end(x));
	ck_assert_ptr_null(extractor_lkp_stats_problem(x));
	extractor_free(x);
}
END_TEST

/* --- What kinds of logs there are --- */

START_TEST(one_kind_with_a_reader_of_its_own_is_read_by_it_and_all_else_as_a_test)
{
	static const struct {
		const char *kinds[4];
		enum error_source source;
		bool lkp_stats;
	} cases[] = {
		{ { "dmesg" }, SOURCE_DMESG, false },
		{ { "kmsg" }, SOURCE_KMSG, false },
		{ { "last_state" }, SOURCE_LAST_STATE, false },
		{ { "dmesg", "last_state" }, SOURCE_DMESG, false },
		{ { "stderr" }, SOURCE_STDERR, false },
		{ { "build-pkg" }, SOURCE_BUILD, false },
		{ { "tap" }, SOURCE_TEST, false },
		{ { "junit" }, SOURCE_TEST, false },
		{ { "tap", "stderr" }, SOURCE_TEST, false },
		{ { "build-pkg", "dmesg" }, SOURCE_DMESG, false },
		{ { "dmesg", "build-pkg" }, SOURCE_DMESG, false },
		{ { "build-pkg", "kselftest", "dmesg" }, SOURCE_TEST, false },
		{ { "lkp-stats" }, SOURCE_TEST, true },
		{ { "lkp-stats", "stderr" }, SOURCE_TEST, true },
		{ { NULL }, SOURCE_TEST, false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct strv kinds = STRV_INIT;
		struct log_reading reading;

		for (size_t j = 0; cases[i].kinds[j]; j++)
			strv_push(&kinds, cases[i].kinds[j]);
		ck_assert_int_eq(log_reading_of(&reading, &kinds, NULL), 0);
		ck_assert_msg(reading.source == cases[i].source, "%zu", i);
		ck_assert_msg(reading.lkp_stats == cases[i].lkp_stats, "%zu", i);
		strv_release(&kinds);
	}
}
END_TEST

START_TEST(a_kind_that_nobody_knows_is_refused_wherever_it_stands)
{
	struct log_reading reading = { .source = SOURCE_KMSG };
	struct strv kinds = STRV_INIT;
	struct error err = ERROR_INIT;

	strv_push(&kinds, "tap");
	strv_push(&kinds, "crystal");
	ck_assert_int_eq(log_reading_of(&reading, &kinds, &err), -ERR_INVALID);
	ck_assert_str_eq(err.text, "no program here reads logs of the kind \"crystal\"");
	ck_assert_int_eq(reading.source, SOURCE_KMSG);
	strv_release(&kinds);
}
END_TEST

START_TEST(every_source_has_a_name_that_leads_back_to_it)
{
	for (int i = 0; i < SOURCE_NKINDS; i++) {
		enum error_source source = SOURCE_NKINDS;
		const char *name = log_kind_of_source((enum error_source)i);

		ck_assert(i == SOURCE_TEST ? !strcmp(name, "test")
					   : log_kind_source(&source, name) && source == (enum error_source)i);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("lkp stats");
	TCase *tc = tcase_create("stats");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, errors_are_what_the_field_takes_for_errors);
	tcase_add_test(tc, a_file_gives_numbers_and_errors);
	tcase_add_test(tc, what_is_no_stats_file_is_refused_with_its_place);
	tcase_add_test(tc, every_stat_keeps_its_place_in_the_text);
	tcase_add_test(tc, failures_of_stats_are_errors_beside_those_of_the_log);
	tcase_add_test(tc, an_error_that_log_and_stats_have_is_there_once);
	tcase_add_test(tc, lines_of_stats_are_no_lines_of_the_log);
	tcase_add_test(tc, a_key_that_is_no_id_becomes_one_and_keeps_its_name);
	tcase_add_test(tc, numbers_of_stats_are_metrics_and_win_over_the_log);
	tcase_add_test(tc, a_run_without_whole_stats_did_not_get_to_its_end);
	tcase_add_test(tc, a_signal_or_too_many_bytes_are_no_end);
	tcase_add_test(tc, a_log_that_expects_no_stats_is_read_as_ever);
	tcase_add_test(tc, one_kind_with_a_reader_of_its_own_is_read_by_it_and_all_else_as_a_test);
	tcase_add_test(tc, a_kind_that_nobody_knows_is_refused_wherever_it_stands);
	tcase_add_test(tc, every_source_has_a_name_that_leads_back_to_it);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
