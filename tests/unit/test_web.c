#include <check.h>
#include <jansson.h>

#include "web/assets.h"
#include "web/chart.h"
#include "web/html.h"
#include "web/pages.h"

#define EVIL "<script>alert('x')</script>\"&"

static json_t *bisection(const char *state, const char *text)
{
	json_t *b = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:[s], s:I, s:i, s:i, s:i, s:i}", "id",
		"0123456789ab", "state", state, "phase", "search", "error_id", text, "job_id", "j1",
		"repo", text, "bad", "1111111111111111111111111111111111111111", "good",
		"2222222222222222222222222222222222222222", "created_ms", (json_int_t)1700000000000,
		"commits", 400, "remaining", 2, "runs", 3, "runs_left", 1);

	json_object_set_new(b, "notes", json_pack("[s]", text));
	json_object_set_new(b, "belief",
		json_pack("[{s:s, s:s, s:f}, {s:s, s:s, s:f}]", "commit",
			"3333333333333333333333333333333333333333", "subject", text, "p", 0.25, "commit",
			"4444444444444444444444444444444444444444", "subject", "b", "p", 0.75));
	json_object_set_new(b, "probes",
		json_pack("[{s:i, s:s, s:s, s:s, s:i, s:s, s:s, s:s, s:s, s:I, s:I, s:s, s:s, s:{s:s, s:i}}]",
			"seq", 0, "commit", "3333333333333333333333333333333333333333", "subject", text,
			"purpose", "search", "repeat", 0, "build_unit", "b-1", "test_unit", "t-1-0",
			"observation", "bad", "note", text, "asked_ms", (json_int_t)1000, "seen_ms",
			(json_int_t)5000, "state", "done", "outcome", "fail", "matched", "line", text,
			"line_number", 17));
	return b;
}

static void add_verdict(json_t *b, const char *text)
{
	json_object_set_new(b, "verdict",
		json_pack("{s:s, s:s, s:s, s:s, s:i, s:f, s:[{s:s}], s:s, s:[{s:s, s:s, s:b}], s:i, s:f}",
			"verdict", "culprit", "commit", "4444444444444444444444444444444444444444",
			"subject", text, "author", text, "time_s", 1700000000, "confidence", 0.995,
			"candidates", "commit", "4444444444444444444444444444444444444444", "reason", text,
			"checks", "name", "bad end", "result", text, "passed", 1, "runs", 12, "seconds",
			34.5));
}

START_TEST(foreign_text_never_becomes_markup_on_any_page)
{
	json_t *b = bisection("running", EVIL), *list = json_array();
	json_t *job = json_pack("{s:s, s:s, s:s, s:s, s:s, s:{s:s, s:s, s:[{s:s, s:i}]}}", "id", "j1",
		"state", EVIL, "intent", EVIL, "repo", EVIL, "message", EVIL, "result", "unit", EVIL,
		"outcome", EVIL, "errors", "id", EVIL, "line_number", 3);
	struct str out = STR_INIT;

	add_verdict(b, EVIL);
	json_array_append(list, b);
	page_bisection(&out, b);
	page_home(&out, list, list, b);
	page_job(&out, job);
	page_log(&out, EVIL, EVIL, strlen(EVIL), 1, 0);
	page_login(&out, EVIL, EVIL);
	page_error(&out, 404, EVIL);
	ck_assert_ptr_null(strstr(out.buf, "<script>alert"));
	ck_assert_ptr_nonnull(strstr(out.buf, "&lt;script&gt;"));
	str_release(&out);
	json_decref(b);
	json_decref(list);
	json_decref(job);
}
END_TEST

START_TEST(finished_page_shows_verdict_checks_runs_and_chart_and_no_script)
{
	json_t *b = bisection("done", "stderr.boom");
	struct str out = STR_INIT;

	add_verdict(b, "break it");
	page_bisection(&out, b);
	ck_assert_ptr_nonnull(strstr(out.buf, "4444444444444444444444444444444444444444"));
	ck_assert_ptr_nonnull(strstr(out.buf, "99.50"));
	ck_assert_ptr_nonnull(strstr(out.buf, "bad end"));
	ck_assert_ptr_nonnull(strstr(out.buf, "<svg"));
	ck_assert_ptr_nonnull(strstr(out.buf, "bar culprit"));
	ck_assert_ptr_nonnull(strstr(out.buf, "/units/t-1-0/log?line=17#marked"));
	ck_assert_ptr_null(strstr(out.buf, "<script"));
	str_release(&out);
	json_decref(b);
}
END_TEST

START_TEST(running_page_names_its_event_stream)
{
	json_t *b = bisection("running", "stderr.boom");
	struct str out = STR_INIT;

	page_bisection(&out, b);
	ck_assert_ptr_nonnull(strstr(out.buf, "data-stream=\"/api/v1/bisections/0123456789ab/events\""));
	ck_assert_ptr_nonnull(strstr(out.buf, "2 of 400 commits left"));
	str_release(&out);
	json_decref(b);
}
END_TEST

START_TEST(log_page_marks_the_line_asked_for_and_numbers_all)
{
	struct str out = STR_INIT;

	page_log(&out, "t-1-0", "one\ntwo\nthree", 13, 2, 0);
	ck_assert_ptr_nonnull(strstr(out.buf, "id=\"marked\" data-n=\"2\">two"));
	ck_assert_ptr_nonnull(strstr(out.buf, "data-n=\"3\">three"));
	str_release(&out);
}
END_TEST

START_TEST(bytes_that_no_page_may_hold_become_replacement_characters)
{
	struct str out = STR_INIT;

	html_text_bytes(&out, "a\xff\x01\xc3\xa9\xed\xa0\x80z", 9);
	ck_assert_str_eq(out.buf,
		"a\xef\xbf\xbd\xef\xbf\xbd\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz");
	str_release(&out);
}
END_TEST

START_TEST(every_asset_is_inside_and_others_are_not)
{
	ck_assert_ptr_nonnull(web_asset_find("style.css"));
	ck_assert_ptr_nonnull(web_asset_find("live.js"));
	ck_assert_ptr_nonnull(web_asset_find("icon.svg"));
	ck_assert_ptr_null(web_asset_find("../pages.c"));
	ck_assert_uint_gt(web_asset_find("style.css")->len, 1000);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("web");
	TCase *tc = tcase_create("web");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, foreign_text_never_becomes_markup_on_any_page);
	tcase_add_test(tc, finished_page_shows_verdict_checks_runs_and_chart_and_no_script);
	tcase_add_test(tc, running_page_names_its_event_stream);
	tcase_add_test(tc, log_page_marks_the_line_asked_for_and_numbers_all);
	tcase_add_test(tc, bytes_that_no_page_may_hold_become_replacement_characters);
	tcase_add_test(tc, every_asset_is_inside_and_others_are_not);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
