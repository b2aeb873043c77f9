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

START_TEST(what_agents_say_never_becomes_markup_on_the_boxes_and_home_pages)
{
	json_t *boxes = json_pack("[{s:s, s:s, s:s, s:s, s:s, s:s, s:i}]", "name", EVIL, "kind", EVIL,
		"state", EVIL, "reason", EVIL, "trouble", EVIL, "unit", EVIL, "in_a_row", 3);
	json_t *status = json_pack("{s:[{s:s, s:s, s:I}]}", "quarantined", "name", EVIL, "reason", EVIL,
		"until_ms", (json_int_t)1700000000000);
	struct str out = STR_INIT;

	page_boxes(&out, boxes);
	page_home(&out, NULL, NULL, status);
	ck_assert_ptr_nonnull(strstr(out.buf, "is in quarantine until"));
	ck_assert_ptr_nonnull(strstr(out.buf, "3 in a row"));
	ck_assert_ptr_null(strstr(out.buf, "<script>alert"));
	ck_assert_ptr_null(strstr(out.buf, "'x'"));
	str_release(&out);
	json_decref(boxes);
	json_decref(status);
}
END_TEST

START_TEST(foreign_text_never_becomes_markup_on_any_page)
{
	json_t *b = bisection("running", EVIL), *list = json_array();
	json_t *job = json_pack("{s:s, s:s, s:s, s:s, s:s, s:{s:s, s:s, s:[{s:s, s:i}]}}", "id", "j1",
		"state", EVIL, "intent", EVIL, "repo", EVIL, "message", EVIL, "result", "unit", EVIL,
		"outcome", EVIL, "errors", "id", EVIL, "line_number", 3);
	struct log_window window;
	struct str out = STR_INIT;

	add_verdict(b, EVIL);
	json_array_append(list, b);
	page_bisection(&out, b);
	page_home(&out, list, list, b);
	page_job(&out, job);
	log_window_init(&window, 1);
	log_window_feed(&window, EVIL, strlen(EVIL));
	page_log(&out, EVIL, &window, 1, false);
	log_window_release(&window);
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

START_TEST(job_page_shows_errors_by_finding_and_every_one_of_them)
{
	json_t *job = json_pack("{s:s, s:s, s:{s:s, s:[{s:s, s:i, s:b}, {s:s, s:i, s:b}, {s:s, s:i, s:b}, {s:s, s:i}, {s:s}], s:{s:f}}}",
		"id", "j1", "state", "done", "result", "unit", "u1", "errors",
		"id", "xpart", "finding", 1, "representative", 0, "id", "xother", "finding", 2, "representative", 1,
		"id", "xroot", "finding", 1, "representative", 1, "id", "xalone", "finding", 3, "id", "xold",
		"metrics", "demo.seconds", 1.5);
	struct str out = STR_INIT;
	const char *root, *part;

	page_job(&out, job);
	root = strstr(out.buf, "xroot");
	part = strstr(out.buf, "<tr class=\"part\">");
	ck_assert_ptr_nonnull(root);
	ck_assert_ptr_nonnull(part);
	ck_assert(strstr(out.buf, "xother") < root && root < part && part < strstr(out.buf, "xpart"));
	ck_assert_ptr_nonnull(strstr(out.buf, "xalone"));
	ck_assert_ptr_nonnull(strstr(out.buf, "xold"));
	ck_assert_ptr_nonnull(strstr(out.buf, "seconds"));
	ck_assert_ptr_nonnull(strstr(out.buf, ">1.5<"));
	/* A number is no error: it has no colour of its own. */
	ck_assert_ptr_nonnull(strstr(out.buf, "<tr><td><code>demo"));
	str_release(&out);
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
	ck_assert_ptr_nonnull(strstr(out.buf, "<tr class=\"culprit\">"));
	ck_assert_ptr_nonnull(strstr(out.buf, "/units/t-1-0/log?line=17#L17"));
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

/* A window from line `from` on (0: the last lines) of a log that came in pieces of `piece` bytes. */
static struct log_window window_of(const char *text, uint64_t from, size_t piece)
{
	struct log_window window;
	size_t len = strlen(text);

	log_window_init(&window, from);
	for (size_t at = 0; at < len; at += piece)
		if (!log_window_feed(&window, text + at, len - at < piece ? len - at : piece))
			break;
	return window;
}

START_TEST(log_page_marks_the_line_asked_for_and_every_line_has_an_address)
{
	struct log_window window = window_of("one\ntwo\n\nfour", 1, 2);
	struct str out = STR_INIT;

	page_log(&out, "t-1-0", &window, 2, false);
	ck_assert_ptr_nonnull(strstr(out.buf, "<span class=\"l marked\" id=\"L2\"><a href=\"#L2\" data-n=\"2\""));
	ck_assert_ptr_nonnull(strstr(out.buf, "</a>two\n</span>"));
	ck_assert_ptr_nonnull(strstr(out.buf, "<span class=\"l\" id=\"L4\">"));
	ck_assert_ptr_nonnull(strstr(out.buf, "</a>four\n</span>"));
	ck_assert_ptr_null(strstr(out.buf, "L5"));
	ck_assert_ptr_null(strstr(out.buf, "earlier"));
	str_release(&out);
	log_window_release(&window);
}
END_TEST

/* Line n says n. */
static void numbers(struct str *ret, unsigned n)
{
	for (unsigned i = 1; i <= n; i++)
		str_addf(ret, "%u\n", i);
}

START_TEST(of_a_long_log_only_the_lines_around_the_one_asked_for_are_kept)
{
	struct str text = STR_INIT, out = STR_INIT;
	static const size_t pieces[] = { 1, 7, 4096, 1u << 20 };

	numbers(&text, 100000);
	for (size_t i = 0; i < sizeof(pieces) / sizeof(*pieces); i++) {
		struct log_window window = window_of(text.buf, page_log_from(54321), pieces[i]);

		ck_assert_uint_eq(window.first, 54321 - LOG_WINDOW_LINES / 2);
		ck_assert_uint_eq(window.lines, LOG_WINDOW_LINES);
		ck_assert(window.more);
		ck_assert_uint_eq(window.text.len, 6 * LOG_WINDOW_LINES);
		ck_assert(str_has_prefix(window.text.buf, "53821\n"));
		ck_assert_uint_lt(window.seen, 54321 + LOG_WINDOW_LINES);
		str_clear(&out);
		page_log(&out, "t-1-0", &window, 54321, false);
		ck_assert_ptr_nonnull(strstr(out.buf, "<span class=\"l marked\" id=\"L54321\">"));
		ck_assert_ptr_nonnull(strstr(out.buf, "</a>54321\n"));
		ck_assert_ptr_nonnull(strstr(out.buf, "from=54821"));
		ck_assert_ptr_nonnull(strstr(out.buf, "from=end"));
		log_window_release(&window);
	}
	str_release(&text);
	str_release(&out);
}
END_TEST

START_TEST(the_end_of_a_long_log_is_its_last_lines)
{
	struct str text = STR_INIT;
	static const unsigned lengths[] = { 0, 1, LOG_WINDOW_LINES, 2 * LOG_WINDOW_LINES - 1, 2 * LOG_WINDOW_LINES,
		7 * LOG_WINDOW_LINES + 3 };

	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		struct log_window window;
		char last[32];

		str_clear(&text);
		numbers(&text, lengths[i]);
		window = window_of(text.buf, 0, 1000);
		ck_assert(!window.more);
		ck_assert_uint_eq(window.first + window.lines - 1, lengths[i]);
		ck_assert_uint_lt(window.lines, 2 * LOG_WINDOW_LINES);
		ck_assert_uint_ge(window.lines, lengths[i] < LOG_WINDOW_LINES ? lengths[i] : LOG_WINDOW_LINES);
		snprintf(last, sizeof(last), "%u\n", lengths[i]);
		ck_assert(!lengths[i] || str_has_suffix(window.text.buf, last));
		snprintf(last, sizeof(last), "%u\n", (unsigned)window.first);
		ck_assert(!lengths[i] || str_has_prefix(window.text.buf, last));
		log_window_release(&window);
	}
	str_release(&text);
}
END_TEST

START_TEST(a_line_without_end_is_cut_and_the_next_one_is_whole)
{
	struct str text = STR_INIT;

	for (size_t i = 0; i < 3u << 20; i++)
		str_add_char(&text, 'x');
	str_add(&text, "\nnext\n");
	for (size_t piece = 1000; piece <= text.len; piece *= 50) {
		struct log_window window = window_of(text.buf, 1, piece);

		ck_assert_uint_eq(window.lines, 2);
		ck_assert_uint_lt(window.text.len, LOG_WINDOW_LINE_MAX + 40);
		ck_assert(str_has_suffix(window.text.buf, "xxx [...]\nnext\n"));
		log_window_release(&window);
	}
	str_release(&text);
}
END_TEST

START_TEST(colours_of_a_log_are_taken_off)
{
	struct log_window window = window_of("\033[01;31m\033[Kerror:\033[m bad\r\n\033]0;title\a", 1, 100);
	struct str out = STR_INIT;

	page_log(&out, "t-1-0", &window, 0, false);
	ck_assert_ptr_nonnull(strstr(out.buf, "</a>error: bad\n</span>"));
	ck_assert_ptr_null(strchr(out.buf, '\033'));
	str_release(&out);
	log_window_release(&window);
}
END_TEST

START_TEST(a_chart_of_many_commits_has_few_nodes_and_counts_all)
{
	json_t *belief = json_array();
	struct str out = STR_INIT;
	unsigned nodes = 0;

	for (unsigned i = 0; i < 20000; i++)
		json_array_append_new(belief, json_pack("{s:s, s:f}", "commit",
			"3333333333333333333333333333333333333333", "p", 1.0 / 20000));
	chart_belief(&out, belief, NULL);
	for (const char *at = out.buf; (at = strstr(at, "<rect")); at++)
		nodes++;
	ck_assert_uint_eq(nodes, 200);
	ck_assert_uint_lt(out.len, 40000);
	ck_assert_ptr_nonnull(strstr(out.buf, "20000 commits"));
	ck_assert_ptr_nonnull(strstr(out.buf, "and 99 after it: 0.5 %"));
	str_release(&out);
	json_decref(belief);
}
END_TEST

START_TEST(runs_in_flight_are_marked_on_the_chart_and_told_below_it)
{
	json_t *b = bisection("running", EVIL), *belief = json_object_get(b, "belief");
	json_t *flying = json_deep_copy(json_array_get(json_object_get(b, "probes"), 0));
	struct str out = STR_INIT;

	json_object_set_new(flying, "observation", json_null());
	json_object_set_new(flying, "state", json_string("testing"));
	json_array_append(json_object_get(b, "probes"), flying);
	json_object_set_new(flying, "commit", json_string("5555555555555555555555555555555555555555"));
	json_object_set_new(json_array_get(belief, 0), "in_flight", json_integer(2));
	page_bisection(&out, b);
	ck_assert_ptr_nonnull(strstr(out.buf, "<td class=\"flight\">2 in flight</td>"));
	ck_assert_ptr_nonnull(strstr(out.buf, "In flight: "));
	ck_assert_ptr_nonnull(strstr(out.buf, "testing (no candidate any more)"));
	str_clear(&out);
	for (unsigned i = 0; i < 500; i++)
		json_array_append_new(belief, json_pack("{s:s, s:f}", "commit", "6666666666666666666666666666666666666666",
			"p", 0.0001));
	json_object_set_new(json_array_get(belief, 400), "in_flight", json_integer(1));
	chart_belief(&out, belief, NULL);
	ck_assert_ptr_nonnull(strstr(out.buf, "<rect class=\"flight\""));
	ck_assert_ptr_nonnull(strstr(out.buf, ", 3 in flight\">"));
	str_release(&out);
	json_decref(flying);
	json_decref(b);
}
END_TEST

START_TEST(the_verdict_says_how_sure_it_is_and_why)
{
	json_t *b = bisection("done", "x");
	struct str out = STR_INIT;

	add_verdict(b, "x");
	json_object_set_new(json_object_get(b, "verdict"), "why", json_pack("[s, s]", "It failed in 2 of 2 runs.", EVIL));
	page_bisection(&out, b);
	ck_assert_ptr_nonnull(strstr(out.buf, "How sure, and why"));
	ck_assert_ptr_nonnull(strstr(out.buf, "<li>It failed in 2 of 2 runs.</li>"));
	ck_assert_ptr_null(strstr(out.buf, "<script>alert"));
	str_release(&out);
	json_decref(b);
}
END_TEST

START_TEST(a_chart_of_few_commits_tells_them_by_name)
{
	json_t *b = bisection("running", "stderr.boom");
	struct str out = STR_INIT;

	chart_belief(&out, json_object_get(b, "belief"), "4444444444444444444444444444444444444444");
	ck_assert_ptr_nonnull(strstr(out.buf, ">333333333333</code> <span class=\"subject\">stderr.boom<"));
	ck_assert_ptr_nonnull(strstr(out.buf, "<tr class=\"culprit\">"));
	ck_assert_ptr_nonnull(strstr(out.buf, "75 %"));
	str_release(&out);
	json_decref(b);
}
END_TEST

START_TEST(of_hundreds_of_runs_the_older_ones_are_folded_and_none_is_left_out)
{
	json_t *b = bisection("running", "stderr.boom"), *probes = json_array();
	struct str out = STR_INIT, id = STR_INIT;

	for (int i = 0; i < 500; i++) {
		json_t *probe = json_deep_copy(json_array_get(json_object_get(b, "probes"), 0));

		json_object_set_new(probe, "seq", json_integer(i));
		json_array_append_new(probes, probe);
	}
	json_object_set_new(b, "probes", probes);
	page_bisection(&out, b);
	for (int i = 0; i < 500; i++)
		ck_assert_ptr_nonnull(strstr(out.buf, str_setf(&id, "id=\"probe-%d\"", i)));
	ck_assert_ptr_nonnull(strstr(out.buf, "<details id=\"older\"><summary>The 440 runs before these"));
	str_release(&out);
	str_release(&id);
	json_decref(b);
}
END_TEST

START_TEST(the_token_form_leads_back_to_the_page_that_was_asked_for)
{
	struct str out = STR_INIT;

	page_login(&out, NULL, "/bisections/x%20y?a=1&b=\"");
	ck_assert_ptr_nonnull(strstr(out.buf, "action=\"/login?next=/bisections/x%2520y%3Fa%3D1%26b%3D%22\""));
	str_release(&out);
}
END_TEST

START_TEST(an_error_page_says_what_can_be_done)
{
	struct str out = STR_INIT;

	page_error(&out, 404, "no job");
	ck_assert_ptr_nonnull(strstr(out.buf, "<a href=\"/\">the first page"));
	page_error(&out, 503, "Redis is away");
	ck_assert_ptr_nonnull(strstr(out.buf, "Nothing is lost"));
	page_error(&out, 500, "odd");
	ck_assert_ptr_nonnull(strstr(out.buf, "An error"));
	str_release(&out);
}
END_TEST

START_TEST(text_that_would_be_written_backwards_is_not)
{
	struct str out = STR_INIT;

	html_text(&out, "a\xe2\x80\xae" "b\xc2\x9b" "c");
	ck_assert_str_eq(out.buf, "a\xef\xbf\xbd" "b\xef\xbf\xbd" "c");
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

	tcase_add_test(tc, what_agents_say_never_becomes_markup_on_the_boxes_and_home_pages);
	tcase_add_test(tc, foreign_text_never_becomes_markup_on_any_page);
	tcase_add_test(tc, job_page_shows_errors_by_finding_and_every_one_of_them);
	tcase_add_test(tc, finished_page_shows_verdict_checks_runs_and_chart_and_no_script);
	tcase_add_test(tc, running_page_names_its_event_stream);
	tcase_add_test(tc, log_page_marks_the_line_asked_for_and_every_line_has_an_address);
	tcase_add_test(tc, of_a_long_log_only_the_lines_around_the_one_asked_for_are_kept);
	tcase_add_test(tc, the_end_of_a_long_log_is_its_last_lines);
	tcase_add_test(tc, a_line_without_end_is_cut_and_the_next_one_is_whole);
	tcase_add_test(tc, colours_of_a_log_are_taken_off);
	tcase_add_test(tc, a_chart_of_many_commits_has_few_nodes_and_counts_all);
	tcase_add_test(tc, runs_in_flight_are_marked_on_the_chart_and_told_below_it);
	tcase_add_test(tc, the_verdict_says_how_sure_it_is_and_why);
	tcase_add_test(tc, a_chart_of_few_commits_tells_them_by_name);
	tcase_add_test(tc, of_hundreds_of_runs_the_older_ones_are_folded_and_none_is_left_out);
	tcase_add_test(tc, the_token_form_leads_back_to_the_page_that_was_asked_for);
	tcase_add_test(tc, an_error_page_says_what_can_be_done);
	tcase_add_test(tc, text_that_would_be_written_backwards_is_not);
	tcase_add_test(tc, bytes_that_no_page_may_hold_become_replacement_characters);
	tcase_add_test(tc, every_asset_is_inside_and_others_are_not);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
