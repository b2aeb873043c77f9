#include <check.h>

#include "base/str.h"
#include "job/lkp_stats.h"

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

START_TEST(the_object_is_found_at_the_end_of_a_log)
{
	static const char log[] = "text\n" LKP_STATS_LOG_MARK "\n{\"old.fail\": 1}\nx " LKP_STATS_LOG_MARK "\n" LKP_STATS_LOG_MARK
				  "\n{\"new.fail\": 1}\n";
	size_t len;
	const char *found = lkp_stats_in_log(log, strlen(log), &len);

	ck_assert_str_eq(found, "{\"new.fail\": 1}\n");
	ck_assert_uint_eq(len, strlen(found));
	ck_assert_ptr_null(lkp_stats_in_log("nothing\n", 8, &len));
	ck_assert_ptr_null(lkp_stats_in_log("", 0, &len));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("lkp stats");
	TCase *tc = tcase_create("stats");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, errors_are_what_the_field_takes_for_errors);
	tcase_add_test(tc, a_file_gives_numbers_and_errors);
	tcase_add_test(tc, what_is_no_stats_file_is_refused_with_its_place);
	tcase_add_test(tc, the_object_is_found_at_the_end_of_a_log);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
