#include <check.h>
#include <dirent.h>

#include "base/file.h"
#include "base/mem.h"
#include "job/errorid.h"
#include "job/passed_cases.h"

#define LOG_MAX (1u << 20)

static struct extractor *start(enum error_source source, const char *match)
{
	struct error err = ERROR_INIT;
	struct extractor *x = NULL;

	ck_assert_msg(extractor_new(&x, source, "demo", match, &err) == 0, "%s", err.text);
	return x;
}

static struct extractor *feed_all(enum error_source source, const char *text)
{
	struct extractor *x = start(source, NULL);

	extractor_feed(x, text, strlen(text));
	return x;
}

/* The ids in order, each with a newline. */
static char *ids_of(const struct extractor *x)
{
	const struct found_error *found;
	size_t n = extractor_results(x, &found);
	struct str ids = STR_INIT;

	for (size_t i = 0; i < n; i++)
		str_addf(&ids, "%s\n", found[i].id);
	return str_detach(&ids);
}

static void must_give(enum error_source source, const char *text, const char *expected)
{
	struct extractor *x = feed_all(source, text);
	char *ids;

	extractor_end(x, 0, 0, false);
	ids = ids_of(x);
	ck_assert_str_eq(ids, expected);
	free(ids);
	extractor_free(x);
}

static void must_normalise(enum error_source source, const char *line, const char *expected)
{
	char *id = errorid_normalise(source, line, strlen(line));

	ck_assert_str_eq(id, expected);
	free(id);
}

static bool ran_to_its_end(const char *text, int exit_status, int signal, bool timed_out)
{
	struct extractor *x = feed_all(SOURCE_TEST, text);
	bool answer;

	extractor_end(x, exit_status, signal, timed_out);
	answer = extractor_ran_to_its_end(x);
	extractor_free(x);
	return answer;
}

/* tests/errors/<source>-<what>.log, and .ids: "# exit=N" if it is not 0, then the ids in order. */

static void read_text(
        struct str *ret, const char *dir, const char *name, size_t name_len, const char *suffix)
{
	struct error err = ERROR_INIT;
	struct str path = STR_INIT;

	str_setf(&path, "%s/%.*s%s", dir, (int)name_len, name, suffix);
	ck_assert_msg(file_read(ret, path.buf, LOG_MAX, &err) == 0, "%s", err.text);
	str_release(&path);
}

static enum error_source source_of(const char *name)
{
	static const char *const prefixes[SOURCE_NKINDS] = {
		[SOURCE_BUILD] = "build-",
		[SOURCE_STDERR] = "stderr-",
		[SOURCE_DMESG] = "dmesg-",
		[SOURCE_KMSG] = "kmsg-",
		[SOURCE_LAST_STATE] = "last_state-",
		[SOURCE_TEST] = "test-",
	};

	for (int i = 0; i < SOURCE_NKINDS; i++)
		if (str_has_prefix(name, prefixes[i]))
			return (enum error_source)i;
	ck_abort_msg("%s: no source", name);
	return SOURCE_NKINDS;
}

static void must_give_in_pieces(const char *name, const struct str *log, const char *expected,
        int exit_status, size_t piece)
{
	struct extractor *x = start(source_of(name), NULL);
	char *ids;

	for (size_t at = 0; at < log->len; at += piece)
		extractor_feed(x, log->buf + at, log->len - at < piece ? log->len - at : piece);
	extractor_end(x, exit_status, 0, false);
	ids = ids_of(x);
	ck_assert_msg(
	        strcmp(ids, expected) == 0, "%s in pieces of %zu gives\n%s", name, piece, ids);
	free(ids);
	extractor_free(x);
}

static void errors_dir(struct str *ret)
{
	const char *srcdir = getenv("srcdir");

	str_setf(ret, "%s/tests/errors", srcdir ? srcdir : ".");
}

START_TEST(recorded_logs_give_their_ids_however_they_are_cut)
{
	struct str dir = STR_INIT;
	struct dirent *entry;
	unsigned logs = 0;
	DIR *handle;

	errors_dir(&dir);
	handle = opendir(dir.buf);
	ck_assert_msg(handle != NULL, "no directory %s", dir.buf);
	while ((entry = readdir(handle))) {
		size_t len = strlen(entry->d_name);
		struct str log = STR_INIT, expected = STR_INIT;
		int exit_status = 0;

		if (!str_has_suffix(entry->d_name, ".log"))
			continue;
		read_text(&log, dir.buf, entry->d_name, len - 4, ".log");
		read_text(&expected, dir.buf, entry->d_name, len - 4, ".ids");
		if (str_has_prefix(expected.buf, "# exit=")) {
			exit_status = atoi(expected.buf + 7);
			str_remove_front(&expected, strcspn(expected.buf, "\n") + 1);
		}
		must_give_in_pieces(entry->d_name, &log, expected.buf, exit_status, LOG_MAX);
		must_give_in_pieces(entry->d_name, &log, expected.buf, exit_status, 1);
		must_give_in_pieces(entry->d_name, &log, expected.buf, exit_status, 7);
		str_release(&log);
		str_release(&expected);
		logs++;
	}
	closedir(handle);
	str_release(&dir);
	ck_assert_uint_ge(logs, 25);
}
END_TEST

START_TEST(colours_and_locale_do_not_change_an_id)
{
	struct str dir = STR_INIT, plain = STR_INIT, colour = STR_INIT, locale = STR_INIT;

	errors_dir(&dir);
	read_text(&plain, dir.buf, "build-gcc-c", 11, ".ids");
	read_text(&colour, dir.buf, "build-gcc-colour", 16, ".ids");
	read_text(&locale, dir.buf, "build-gcc-locale-c", 18, ".ids");
	ck_assert_str_eq(plain.buf, colour.buf);
	ck_assert_str_eq(plain.buf, locale.buf);
	str_release(&dir);
	str_release(&plain);
	str_release(&colour);
	str_release(&locale);
}
END_TEST

START_TEST(what_changes_from_run_to_run_is_left_out)
{
	must_normalise(SOURCE_STDERR, "error 42 at 0xdeadBEEF after 12.5s", "error#at#after#s");
	must_normalise(SOURCE_STDERR, "error 42 at 0xdeadBEEF after 3.5s", "error#at#after#s");
	must_normalise(SOURCE_STDERR, "on 6.6.0-rc1-00048-g5a35435ef4e6e+ x", "on#+x");
	must_normalise(SOURCE_STDERR, "since 28-Dec-2013 only", "since#only");
	must_normalise(SOURCE_STDERR, "HEAD is 0123456789abcdef0123456789abcdef01234567 here",
	        "HEAD_is#here");
	must_normalise(SOURCE_STDERR, "HEAD is 01ab45678901 here", "HEAD_is#here");
	must_normalise(SOURCE_STDERR, "id 123E4567-E89B-12D3-A456-426614174000 gone", "id#gone");
	must_normalise(SOURCE_STDERR, "bytes DEADBEEF and CAFE", "bytes#and_CAFE");
	must_normalise(SOURCE_STDERR, "v9fs and 9p differ, face2face and feedback stay",
	        "v9fs_and#p_differ,face2face_and_feedback_stay");
	must_normalise(
	        SOURCE_STDERR, "cannot write /tmp/tmp.x8Kq2LmN0p/out", "cannot_write/tmp/#/out");
	must_normalise(
	        SOURCE_STDERR, "cannot write /tmp/demo.Ab3xYz/out", "cannot_write/tmp/#/out");
	must_normalise(
	        SOURCE_STDERR, "cannot write /tmp/project/out", "cannot_write/tmp/project/out");
	must_normalise(SOURCE_BUILD, "/tmp/project/src/a.c:3:5: error: no", "src/a.c:error:no");
	must_normalise(SOURCE_DMESG, "<4>[   12.345678][    T1] eth0: bad", "eth#:bad");
}
END_TEST

START_TEST(an_id_has_no_blank_quote_dollar_or_control)
{
	must_normalise(SOURCE_STDERR, "a \"b\" \\c $d `e` ; \x01\x02 f\tg", "a~b~~c~d`e`;f_g");
	must_normalise(SOURCE_STDERR,
	        "bad \xff\xfe bytes and caf\xc3\xa9 \xc3\xbc"
	        "ber",
	        "bad~~bytes_and_caf\xc3\xa9_\xc3\xbc"
	        "ber");
	must_normalise(SOURCE_STDERR, "ends in marks -_.,;:#![(*", "ends_in_marks");
	must_normalise(SOURCE_STDERR, "   ", "");
	must_normalise(SOURCE_STDERR, "", "");
}
END_TEST

START_TEST(a_long_id_is_cut_and_stays_different)
{
	struct str a = STR_INIT, b = STR_INIT;
	char *x, *y;

	for (int i = 0; i < 100; i++)
		str_add(&a, "w\xc3\xb6rd ");
	str_add(&b, a.buf);
	str_add(&a, "one");
	str_add(&b, "two");
	x = errorid_normalise(SOURCE_STDERR, a.buf, a.len);
	y = errorid_normalise(SOURCE_STDERR, b.buf, b.len);
	ck_assert_uint_le(strlen(x), ERRORID_ID_MAX);
	ck_assert_uint_gt(strlen(x), ERRORID_ID_MAX - 12);
	ck_assert_int_eq(x[strlen(x) - 9], '~');
	ck_assert_str_ne(x, y);
	free(x);
	free(y);
	str_release(&a);
	str_release(&b);
}
END_TEST

START_TEST(an_id_knows_its_line_its_place_and_how_often)
{
	static const char text[] =
	        "fine\nmore\r\n\x1b[31mError: \x1b[0mit broke\nfine\nError: it broke\nError: once";
	struct extractor *x = feed_all(SOURCE_TEST, text);
	const struct found_error *found;

	extractor_end(x, 3, 0, false);
	ck_assert_uint_eq(extractor_results(x, &found), 3);
	ck_assert_str_eq(found[0].id, "stderr.Error:it_broke");
	ck_assert_str_eq(found[0].line, "Error: it broke");
	ck_assert_uint_eq(found[0].line_number, 3);
	ck_assert_uint_eq(found[0].offset, 11);
	ck_assert_uint_eq(found[0].count, 2);
	ck_assert_uint_eq(found[1].line_number, 6);
	ck_assert_str_eq(found[2].id, "last_state.exit_3");
	ck_assert(errorid_is("last_state.eid.exit_fail", found[2].id, &found[2].aliases));
	ck_assert_uint_eq(found[2].line_number, 0);
	ck_assert_uint_eq(extractor_lines(x), 6);
	extractor_free(x);
}
END_TEST

START_TEST(the_end_of_a_run_is_an_error_too)
{
	static const struct {
		int exit_status, signal;
		bool timed_out;
		const char *id;
	} ends[] = {
		{ 0, 0, false, "" },
		{ 1, 0, false, "last_state.exit_1\n" },
		{ 255, 0, false, "last_state.exit_255\n" },
		{ 0, 11, false, "last_state.signal_SEGV\n" },
		{ 139, 0, false, "last_state.signal_SEGV\n" },
		{ 134, 6, false, "last_state.signal_ABRT\n" },
		{ 0, 34, false, "last_state.signal_34\n" },
		{ 137, 9, true, "last_state.timeout\n" },
	};

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		struct extractor *x = start(SOURCE_STDERR, NULL);
		char *ids;

		extractor_end(x, ends[i].exit_status, ends[i].signal, ends[i].timed_out);
		ids = ids_of(x);
		ck_assert_str_eq(ids, ends[i].id);
		free(ids);
		extractor_free(x);
	}
}
END_TEST

START_TEST(a_run_that_died_early_did_not_get_to_its_end)
{
	ck_assert(ran_to_its_end("hello\n", 0, 0, false));
	ck_assert(!ran_to_its_end("hello\n", 1, 0, false));
	ck_assert(!ran_to_its_end("hello\n", 0, 9, false));
	ck_assert(!ran_to_its_end("hello\n", 137, 0, false));
	ck_assert(!ran_to_its_end("hello\n", 0, 0, true));
	ck_assert(!ran_to_its_end("1..2\nok 1\nnot ok 2\n", 1, 0, true));
	ck_assert(!ran_to_its_end("1..2\nok 1\nnot ok 2\n", 0, 11, false));
	ck_assert(!ran_to_its_end("1..2\nok 1\nnot ok 2\n", 139, 0, false));
}
END_TEST

START_TEST(a_failed_run_with_a_complete_plan_got_to_its_end)
{
	ck_assert(ran_to_its_end("1..2\nok 1\nnot ok 2\n", 1, 0, false));
	ck_assert(ran_to_its_end("ok 1\nnot ok 2\n1..2\n", 1, 0, false));
	ck_assert(ran_to_its_end("1..2\nok\nnot ok - unnumbered", 1, 0, false));
	ck_assert(ran_to_its_end("1..3\nok 3\nok 1\nnot ok 2\n", 1, 0, false));
	ck_assert(ran_to_its_end("1..0 # SKIP nothing here\n", 1, 0, false));
	ck_assert(ran_to_its_end(
	        "1..1\n# Subtest: a\n    1..3\n    ok 1\nnot ok 1 - a\n", 1, 0, false));
	ck_assert(!ran_to_its_end("1..3\nok 1\nnot ok 2\n", 1, 0, false));
	ck_assert(!ran_to_its_end("ok 1\nnot ok 2\n", 1, 0, false));
	ck_assert(!ran_to_its_end("1..2\nok 1\nok 1\n", 1, 0, false));
	ck_assert(!ran_to_its_end("1..2\nok 1\nok 2\nok 3\n", 1, 0, false));
	ck_assert(!ran_to_its_end("1..2\nok 1\nnot ok 2\nBail out!\n", 1, 0, false));
	ck_assert(!ran_to_its_end("1..99999999\nok 99999999\n", 1, 0, false));
}
END_TEST

START_TEST(of_several_programs_each_keeps_its_plan)
{
	ck_assert(ran_to_its_end("1..1\nok 1\n1..2\nok 1\nnot ok 2\n", 1, 0, false));
	ck_assert(ran_to_its_end("ok 1\n1..1\nok 1\nok 2\n1..2\n", 1, 0, false));
	ck_assert(!ran_to_its_end("1..2\nok 1\n1..2\nok 1\nnot ok 2\n", 1, 0, false));
	ck_assert(!ran_to_its_end("ok 1\n1..1\nok 1\n", 1, 0, false));
}
END_TEST

START_TEST(a_good_exit_does_not_hide_a_plan_that_stopped_early)
{
	ck_assert(!ran_to_its_end("1..3\nok 1\n", 0, 0, false));
	ck_assert(!ran_to_its_end("1..3\nBail out!\n", 0, 0, false));
	ck_assert(ran_to_its_end("1..3\n", 0, 0, false)); /* no test point: some other text */
	ck_assert(ran_to_its_end("1..3 of something\nok then\n", 0, 0, false));
}
END_TEST

START_TEST(expected_failures_and_passed_points_are_no_errors)
{
	must_give(SOURCE_TEST,
	        "not ok 1 - later # TODO write it\nnot ok 2 x # SKIP no\nok 3 - error: is "
	        "handled\nXFAIL: y\n",
	        "");
	must_give(SOURCE_TEST, "not ok 1 - with \\# mark\nnot ok 2\nnot ok\nnotok 4\n",
	        "demo.with~#mark.fail\ndemo.2.fail\ndemo.unnamed.fail\n");
}
END_TEST

START_TEST(chatter_of_a_test_is_no_error)
{
	must_give(SOURCE_TEST,
	        "+ make\nstarting 3 servers\nwarning: slow\nno errors: good\nerrors=0\nwe assert "
	        "that nothing failed us: no\n",
	        "stderr.we_assert_that_nothing_failed_us:no\n");
	must_give(SOURCE_STDERR, "starting 3 servers\n", "stderr.starting#servers\n");
}
END_TEST

START_TEST(a_traceback_is_one_error)
{
	static const char text[] = "before: error: x\nTraceback (most recent call last):\n  File "
	                           "\"a.py\", line 3, in f\n    g()\n"
	                           "KeyError: 'x'\nafter\n";

	must_give(SOURCE_TEST, text, "stderr.before:error:x\nstderr.KeyError:'x'\n");
	must_give(SOURCE_BUILD, text, "build-pkg.before:error:x\nbuild-pkg.KeyError:'x'\n");
	must_give(SOURCE_STDERR,
	        "Traceback (most recent call last):\n  File \"a.py\", line 3, in f\n",
	        "stderr.Traceback(most_recent_call_last)\n");
	must_give(SOURCE_TEST,
	        "Traceback (most recent call last):\n  File \"a.py\"\nmake: *** [Makefile:3: t] "
	        "Error 1\n",
	        "stderr.Traceback(most_recent_call_last)\nstderr.make:***[Makefile:#:t]Error\n");
}
END_TEST

START_TEST(a_framed_build_log_counts_only_in_its_frames)
{
	must_give(SOURCE_BUILD,
	        "## ____17:stderr\na.c:1:2: error: in\n## ____18:enderr\nb.c:1:2: error: out\n## "
	        "____19:stderr\n"
	        "c.c:1:2: error: again\n",
	        "build-pkg.a.c:error:in\nbuild-pkg.c.c:error:again\n");
}
END_TEST

START_TEST(a_pattern_gives_its_id_for_any_line)
{
	static const char text[] =
	        "fine\nthe value 17 \"is\" wrong\nthe value 18 \x1b[1m\"is\"\x1b[0m wrong\n";
	struct extractor *x = start(SOURCE_TEST, "value \\d+ \"is\" wrong");
	const struct found_error *found;

	extractor_feed(x, text, strlen(text));
	extractor_end(x, 0, 0, false);
	ck_assert_uint_eq(extractor_results(x, &found), 1);
	ck_assert_str_eq(found[0].id, "match.value_~d+_~is~_wrong");
	ck_assert_uint_eq(found[0].count, 2);
	ck_assert_uint_eq(found[0].line_number, 2);
	ck_assert(extractor_ran_to_its_end(x));
	extractor_free(x);
}
END_TEST

START_TEST(a_pattern_that_does_not_compile_makes_no_extractor)
{
	struct error err = ERROR_INIT;
	struct extractor *x = NULL;

	ck_assert_int_eq(extractor_new(&x, SOURCE_TEST, "demo", "a(", &err), -ERR_INVALID);
	ck_assert_ptr_null(x);
	ck_assert_msg(strstr(err.text,
	                      "error.match: no valid regular expression, at character 3") != NULL,
	        "%s", err.text);
}
END_TEST

START_TEST(a_pattern_that_runs_away_is_stopped_and_absence_means_nothing)
{
	struct extractor *x = start(SOURCE_TEST, "^(a+)+$|^(?:a|aa|a?)+b\\1c");
	struct str line = STR_INIT;

	for (int i = 0; i < 5000; i++)
		str_add_char(&line, 'a');
	str_add(&line, "!\n");
	extractor_feed(x, line.buf, line.len);
	extractor_end(x, 0, 0, false);
	ck_assert_uint_eq(extractor_gave_up(x), 1);
	ck_assert(!extractor_ran_to_its_end(x));
	extractor_free(x);
	str_release(&line);
}
END_TEST

START_TEST(a_line_without_end_takes_no_more_room_than_another)
{
	static char block[1 << 16];
	struct extractor *x = start(SOURCE_TEST, "needle");
	const struct found_error *found;

	memset(block, 'x', sizeof(block));
	extractor_feed(x, "Error: ", 7);
	for (int i = 0; i < 512; i++)
		extractor_feed(x, block, sizeof(block));
	extractor_feed(x, "needle\nneedle\n", 14);
	extractor_end(x, 0, 0, false);
	ck_assert_uint_eq(extractor_results(x, &found), 2);
	ck_assert_uint_eq(strlen(found[0].id), ERRORID_ID_MAX);
	ck_assert_uint_le(strlen(found[0].line), 1000);
	ck_assert_str_eq(found[1].id, "match.needle");
	ck_assert_uint_eq(found[1].line_number, 2);
	ck_assert_uint_eq(found[1].offset, 7 + 512 * sizeof(block) + 7);
	ck_assert_uint_eq(extractor_lines(x), 2);
	extractor_free(x);
}
END_TEST

/* Different words for numbers, which would be '#'. */
static void add_word(struct str *s, unsigned n)
{
	for (; n; n /= 16)
		str_add_char(s, (char)('g' + n % 16));
}

START_TEST(a_flood_of_ids_is_counted_and_what_matters_still_found)
{
	struct extractor *x = start(SOURCE_STDERR, "needle");
	const struct found_error *found;
	struct str line = STR_INIT;
	size_t n;

	for (unsigned i = 1; i <= 5000; i++) {
		str_setf(&line, "chatter ");
		add_word(&line, i);
		str_add_char(&line, '\n');
		extractor_feed(x, line.buf, line.len);
	}
	for (unsigned i = 1; i <= 5000; i++) {
		str_setf(&line, "error: ");
		add_word(&line, i);
		str_add_char(&line, '\n');
		extractor_feed(x, line.buf, line.len);
	}
	extractor_feed(x, "a needle\n", 9);
	extractor_end(x, 1, 0, false);
	n = extractor_results(x, &found);
	ck_assert_uint_eq(n, ERRORID_COUNT_MAX);
	ck_assert(str_has_prefix(found[n - 3].id, "stderr.error:"));
	ck_assert_str_eq(found[n - 2].id, "match.needle");
	ck_assert_str_eq(found[n - 1].id, "last_state.exit_1");
	ck_assert_uint_eq(extractor_dropped(x), 10001 - (ERRORID_COUNT_MAX - 2));
	extractor_free(x);
	str_release(&line);
}
END_TEST

START_TEST(absence_from_a_list_that_is_not_whole_means_nothing)
{
	for (int with_match = 0; with_match < 2; with_match++) {
		struct extractor *x = start(SOURCE_STDERR, with_match ? "needle" : NULL);
		struct str line = STR_INIT;

		for (unsigned i = 1; i <= 5000; i++) {
			str_setf(&line, "chatter ");
			add_word(&line, i);
			str_add_char(&line, '\n');
			extractor_feed(x, line.buf, line.len);
		}
		extractor_end(x, 0, 0, false);
		ck_assert_uint_gt(extractor_dropped(x), 0);
		ck_assert_int_eq(extractor_ran_to_its_end(x), with_match);
		extractor_free(x);
		str_release(&line);
	}
}
END_TEST

static const struct found_error *find(const struct extractor *x, const char *id)
{
	const struct found_error *found;
	size_t n = extractor_results(x, &found);

	for (size_t i = 0; i < n; i++)
		if (!strcmp(found[i].id, id))
			return &found[i];
	ck_abort_msg("no id %s", id);
	return NULL;
}

START_TEST(what_comes_of_one_cause_is_one_finding_with_one_to_bisect)
{
	static const char text[] =
	        "[    1.0] BUG: kernel NULL pointer dereference, address: 0000000000000010\n"
	        "[    1.1] Oops: 0002 [#1] SMP\n[    1.2] RIP: 0010:demo_open+0x1c/0x60\n"
	        "[    1.3] Kernel panic - not syncing: Fatal exception\n"
	        "[    9.0] UBSAN: shift-out-of-bounds in fs/demo.c:3:4\n";
	struct extractor *x = feed_all(SOURCE_DMESG, text);
	const struct found_error *found;
	size_t n, roots = 0;

	extractor_end(x, 0, 0, false);
	n = extractor_results(x, &found);
	ck_assert_uint_eq(n, 5);
	for (size_t i = 0; i < n; i++) {
		ck_assert_uint_eq(found[i].finding, i == 4);
		roots += found[i].representative;
	}
	ck_assert_uint_eq(roots, 2);
	/* What any such bug would be called is not it. */
	ck_assert(found[2].representative && found[4].representative);
	ck_assert_str_eq(found[2].id, "dmesg.RIP:demo_open");
	ck_assert_int_eq(found[0].severity, SEVERITY_CRASH);
	extractor_free(x);
}
END_TEST

START_TEST(a_failed_case_and_the_end_of_the_run_come_of_the_error_before_them)
{
	struct extractor *x = feed_all(SOURCE_TEST, "1..2\nok 1 - a\n==7==ERROR: AddressSanitizer: "
	                                            "heap-use-after-free on address 0x602 at pc\n"
	                                            "    #0 0x1 in __interceptor_memcpy x.c:1\n    "
	                                            "#1 0x2 in grow h.c:5\nnot ok 2 - grows\n");
	const struct found_error *root;

	extractor_end(x, 1, 0, false);
	root = find(x, "stderr.AddressSanitizer:heap-use-after-free_in_grow");
	ck_assert(root->representative);
	ck_assert_str_eq(root->function, "grow");
	ck_assert_uint_eq(root->line_number, 3);
	ck_assert_uint_eq(find(x, "demo.grows.fail")->finding, root->finding);
	ck_assert_uint_eq(find(x, "last_state.exit_1")->finding, root->finding);
	ck_assert(!find(x, "last_state.exit_1")->representative);
	extractor_free(x);
}
END_TEST

/* One line gives `ours`, which is `asked` too. */
static void must_be_called(
        enum error_source source, const char *text, const char *ours, const char *asked)
{
	struct extractor *x = feed_all(source, text);
	const struct found_error *found;

	extractor_end(x, 0, 0, false);
	found = find(x, ours);
	ck_assert_msg(
	        errorid_is(asked, found->id, &found->aliases), "%s is not called %s", ours, asked);
	ck_assert(!errorid_is("stderr.another", found->id, &found->aliases));
	extractor_free(x);
}

START_TEST(a_subtest_answers_to_its_own_name_and_to_that_with_the_tests_around_it)
{
	/* KTAP names the test in the column of its subtests, ... */
	must_be_called(SOURCE_TEST, "KTAP version 1\n1..1\n    # Subtest: list\n    1..2\n    ok 1 adds\n    not ok 2 list\n",
	        "demo.list.list.fail", "demo.list.fail");
	/* ... TAP 14 in that of its point, which is no subtest of itself, ... */
	must_be_called(SOURCE_TEST, "TAP version 14\n# Subtest: list\n    1..1\n    not ok 1 - adds\nnot ok 1 - list\n1..1\n",
	        "demo.list.adds.fail", "demo.adds.fail");
	must_be_called(SOURCE_TEST, "1..1\n# Subtest: list\nnot ok 1 - list\n", "demo.list.fail", "demo.list.fail");
	/* ... and what comes behind a test is not in it, however that ended. */
	must_be_called(SOURCE_TEST, "    # Subtest: list\n    1..2\n    ok 1 adds\nnot ok 2 other\n", "demo.other.fail",
	        "demo.other.fail");
	must_be_called(SOURCE_TEST, "# selftests: net: tls\n# 1..2\n# selftests: mm: cow\n# not ok 1 fork\n",
	        "demo.mm.cow.fork.fail", "demo.fork.fail");
	must_be_called(SOURCE_TEST, "# selftests: net: tls\n# # Subtest: send\n# # 1..2\n# # not ok 2 more\n# not ok 1 send\n",
	        "demo.net.tls.send.more.fail", "demo.more.fail");
}
END_TEST

/* The case is known to have passed in this output of a run that ended with 1. */
static bool case_passed(const char *text, const char *asked)
{
	struct extractor *x = feed_all(SOURCE_TEST, text);
	char *cases;
	bool passed;

	extractor_end(x, 1, 0, false);
	passed = extractor_case_passed(x, asked);
	cases = extractor_passed(x);
	ck_assert_int_eq(passed_text_has(cases, asked), passed);
	ck_assert(!cases || passed_text_is_valid(cases));
	free(cases);
	extractor_free(x);
	return passed;
}

START_TEST(a_case_that_passed_is_known_beside_one_that_failed)
{
	static const struct {
		const char *text, *id;
	} cases[] = {
		{ "FAIL: a\nPASS: b\n", "demo.b.fail" },
		{ "test_b (m.C.test_b) ... ok\n", "demo.test_b(m.C.test_b).fail" },
		{ "  Test: b ...passed\n", "demo.b.fail" },
		{ "[       OK ] S.B (3 ms)\n", "demo.S.B.fail" },
		{ "--- FAIL: TestA (0.00s)\nFAIL\nFAIL\tx.org/a\t0.1s\nok  \tx.org/b\t0.1s\n", "demo.x.org/b.TestB/c.fail" },
		{ "t/x.py::test_b PASSED                    [ 50%]\n", "demo.t/x.py::test_b.fail" },
		{ "[gw0] [ 50%] PASSED t/x.py::test_b \n", "demo.t/x.py::test_b.fail" },
		{ " 2/10 Test  #2: b ................   Passed    0.01 sec\n", "demo.b.fail" },
		{ " 2/10 b OK              0.01s\n", "demo.b.fail" },
		{ "x.c:10:P:core:b:0: Passed\n", "demo.b.fail" },
		{ "b: pass  (0.083s)\n", "demo.b.fail" },
		{ "b                     PASS       0    \n", "demo.b.fail" },
		{ "1..9\nnot ok 1 - a\nok 2 - b\n", "demo.b.fail" },
		{ "    # Subtest: s\n    1..1\n    ok 1 b\n", "demo.s.b.fail" },
		{ "<testsuite><testcase classname=\"c\" name=\"b\"/></testsuite>\n", "demo.c.b.fail" },
		{ "<testsuite><testcase classname=\"c\" name=\"b\">\n<system-out>x</system-out>\n</testcase></testsuite>\n",
		        "demo.c.b.fail" },
		{ "<testsuite><testcase name=\"b\" status=\"run\" result=\"completed\" /></testsuite>\n", "demo.b.fail" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		ck_assert_msg(case_passed(cases[i].text, cases[i].id), "%s: no pass of %s", cases[i].text, cases[i].id);
		ck_assert(!case_passed(cases[i].text, "demo.z.fail"));
	}
}
END_TEST

START_TEST(what_was_not_run_or_failed_as_well_has_not_passed)
{
	static const char *const texts[] = {
		"--- PASS: b (0.00s)\n",
		"test b ... ok\n",
		"<testsuite><testcase name=\"b\" status=\"run\" result=\"skipped\"/></testsuite>\n",
		"ok 1 - b # SKIP no disk\n",
		"ok 1 - b # TODO later\n",
		"ok 1 - b\nnot ok 2 - b\n",
		"SKIP: b\n",
		"b/001 3s ...\n",
		"XFAIL: b\n",
		"PASS: b\nFAIL: b\n",
		"[  SKIPPED ] b (0 ms)\n",
		"t.py::b SKIPPED\n",
		"b 1 TPASS : one of its checks\n",
		"b.c:57: TPASS: one of its checks\n",
		" 2/10 Test  #2: b ................***Skipped   0.01 sec\n",
		" 2/10 b SKIP              0.01s\n",
		"test b ... ignored\n",
		"<testsuite><testcase name=\"b\"><skipped/></testcase></testsuite>\n",
		"<testsuite><testcase name=\"b\"><failure message=\"x\"/></testcase></testsuite>\n",
		"<testsuite><testcase name=\"b\" status=\"notrun\"/></testsuite>\n",
		"<testsuite><testcase name=\"b\"></testsuite>\n",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		ck_assert_msg(!case_passed(texts[i], "demo.b.fail"), "%s", texts[i]);
	/* Of two programs that have a case of one name, the second died. */
	ck_assert(!case_passed("1..1\nok 1 - b\n1..2\nok 1 - a\n", "demo.b.fail"));
	ck_assert(case_passed("1..1\nok 1 - b\n1..2\nok 1 - a\nnot ok 2 - c\n", "demo.b.fail"));
	/* Of go test a package that passed is known, and of one that failed nothing. */
	ck_assert(!case_passed("ok  \tx.org/b\t0.1s [no tests to run]\n", "demo.x.org/b.TestB.fail"));
	ck_assert(!case_passed("--- FAIL: TestA (0.00s)\nFAIL\tx.org/b\t0.1s\n", "demo.x.org/b.TestB.fail"));
	ck_assert(!case_passed("ok  \tx.org/b\t0.1s\n", "demo.TestB.fail"));
	ck_assert(!case_passed("PASS: S\n[       OK ] S.Test (1 ms)\n", "demo.S.TestB.fail"));
	/* Once it is ok, and once it does not build, panics, or is killed. */
	ck_assert(!case_passed("ok  \tx.org/b\t0.1s\nFAIL\tx.org/b [build failed]\n", "demo.x.org/b.TestB.fail"));
	ck_assert(!case_passed("FAIL\tx.org/b [build failed]\nok  \tx.org/b\t0.1s\n", "demo.x.org/b.TestB.fail"));
	ck_assert(!case_passed("ok  \tx.org/b\t0.1s\n--- FAIL: TestB (0.00s)\n", "demo.x.org/b.TestB.fail"));
	ck_assert(!case_passed("--- FAIL: TestB (0.00s)\nok  \tx.org/a\t0.1s\n", "demo.x.org/a.TestC.fail"));
	ck_assert(!case_passed("test_a (m.T.test_a)\nConnects. ... waiting ... ok\n", "demo.test_a(m.T.test_a).fail"));
	ck_assert(case_passed("test_a (m.T.test_a)\nConnects. ... ok\n", "demo.test_a(m.T.test_a).fail"));
	/* A number is no name. */
	ck_assert(!case_passed("ok 1\nok 2\n1..2\nok 1\n", "demo.2.fail"));
	ck_assert(!case_passed("ok\n", "demo.unnamed.fail"));
	/* The short name of a subtest may be that of another. */
	ck_assert(!case_passed("    # Subtest: s\n    1..1\n    ok 1 b\n", "demo.b.fail"));
}
END_TEST

START_TEST(where_errors_were_dropped_no_case_is_known_to_have_passed)
{
	struct str text = STR_INIT;

	str_add(&text, "PASS: b\n");
	for (unsigned i = 0; i <= ERRORID_COUNT_MAX; i++)
		str_addf(&text, "FAIL: a%c%u\n", 'a' + i % 26, i);
	ck_assert(!case_passed(text.buf, "demo.b.fail"));
	str_release(&text);
}
END_TEST

START_TEST(of_too_many_cases_the_same_ones_are_kept_in_any_order)
{
	struct passed_cases up = { 0 }, down = { 0 };
	const unsigned n = 5 * PASSED_CASES_MAX / 2;
	char id[32], *one, *two;

	for (unsigned i = 0; i < n; i++) {
		snprintf(id, sizeof(id), "demo.%u.fail", i);
		passed_cases_add(&up, id);
		passed_cases_add(&up, id);
		snprintf(id, sizeof(id), "demo.%u.fail", n - 1 - i);
		passed_cases_add(&down, id);
	}
	ck_assert_uint_eq(passed_cases_count(&up), PASSED_CASES_MAX);
	one = passed_cases_text(&up);
	two = passed_cases_text(&down);
	ck_assert_str_eq(one, two);
	ck_assert(passed_text_is_valid(one));
	for (unsigned i = 0; i < n; i += 97) {
		snprintf(id, sizeof(id), "demo.%u.fail", i);
		ck_assert_int_eq(passed_text_has(one, id), passed_cases_has(&up, id));
	}
	free(one);
	free(two);
	passed_cases_release(&up);
	passed_cases_release(&down);
}
END_TEST

START_TEST(text_that_is_none_of_passed_cases_is_refused)
{
	ck_assert(passed_text_is_valid("000000000001000000000002"));
	ck_assert(!passed_text_is_valid(""));
	ck_assert(!passed_text_is_valid("00000000000"));
	ck_assert(!passed_text_is_valid("00000000000g"));
	ck_assert(!passed_text_is_valid("00000000000A"));
	ck_assert(!passed_text_is_valid("000000000002000000000001"));
	ck_assert(!passed_text_is_valid("000000000001000000000001"));
	ck_assert(!passed_text_has(NULL, "demo.b.fail"));
}
END_TEST

START_TEST(subtests_as_deep_as_anybody_likes_have_a_name)
{
	struct str text = STR_INIT;
	const struct found_error *found;
	struct extractor *x;

	for (int i = 0; i < 40; i++)
		str_addf(&text, "%*s# Subtest: t%d\n%*s1..1\n", 4 * i, "", i, 4 * i, "");
	str_addf(&text, "%*snot ok 1 deepest\n", 4 * 39, "");
	x = feed_all(SOURCE_TEST, text.buf);
	ck_assert_uint_eq(extractor_results(x, &found), 1);
	ck_assert_str_eq(found[0].id, "demo.t0.t1.t2.t3.t4.t5.t6.t7.deepest.fail");
	extractor_free(x);
	str_release(&text);
}
END_TEST

START_TEST(an_error_answers_to_the_name_that_lkp_gives_it)
{
	static const char traceback[] = "Traceback (most recent call last):\n  File \"a.py\", line "
	                                "3, in f\n    g()\nKeyError: 'x'\n";

	must_be_called(SOURCE_BUILD,
	        "\x1b[01m\x1b[Ka.c:3:5:\x1b[m\x1b[K \x1b[01;31m\x1b[Kerror: \x1b[m\x1b[Kno type\n",
	        "build-pkg.a.c:error:no-type", "build-pkg.[#m[Ka.c:[m[K[:m[Kerror:[m[Kno-type");
	must_be_called(SOURCE_TEST, "error: at 0xABCD in 12.5s\n", "stderr.error:at#in#s",
	        "stderr.error:at#xABCD_in#s");
	must_be_called(SOURCE_STDERR, traceback, "stderr.KeyError:'x'",
	        "stderr.Traceback(most_recent_call_last)");
	must_be_called(
	        SOURCE_STDERR, traceback, "stderr.KeyError:'x'", "stderr.File~a.py~,line#,in_f");
	must_be_called(SOURCE_DMESG,
	        "BUG: KASAN: slab-out-of-bounds in memcpy+0x3c/0x60\n demo_fill+0x9a/0x120 "
	        "[demo]\n",
	        "dmesg.BUG:KASAN:slab-out-of-bounds_in_demo_fill",
	        "dmesg.BUG:KASAN:slab-out-of-bounds_in_memcpy");
	must_be_called(SOURCE_TEST,
	        "==8== Invalid read of size 4\n==8==    at 0x48: memcpy (vg.c:1)\n==8==    by "
	        "0x10: grow (h.c:5)\n",
	        "stderr.valgrind:Invalid_read_in_grow", "stderr.==#==Invalid_read_of_size");
}
END_TEST

START_TEST(the_spelling_of_another_service_is_the_same_error)
{
	ck_assert(
	        errorid_is("makepkg.eid.kernel/a.c:error:x", "build-pkg.kernel/a.c:error:x", NULL));
	ck_assert(errorid_is("rpmbuild.a.c:error:x", "build-pkg.a.c:error:x", NULL));
	ck_assert(errorid_is("stderr.eid.curl:(#)gone", "stderr.curl:(#)gone", NULL));
	ck_assert(errorid_is("ltp.eid.munlockall01.fail", "ltp.munlockall01.fail", NULL));
	ck_assert(errorid_is("last_state.eid.exit_1", "last_state.exit_1", NULL));
	ck_assert(!errorid_is("stderr.x", "stderr.y", NULL));
	ck_assert(!errorid_is("stderr.eid", "stderr", NULL));
	ck_assert(!errorid_is("nothing", "stderr.x", NULL));
}
END_TEST

START_TEST(numbers_behind_a_name_are_metrics_and_their_mean_counts)
{
	struct extractor *x =
	        feed_all(SOURCE_TEST, "throughput: 10\nthroughput: 20\nlatency.p99: 3.5e-1\nnote: "
	                              "words\nversion: 1.2.3\nat 3: 4\n");
	const struct found_metric *metrics;

	extractor_end(x, 0, 0, false);
	ck_assert_uint_eq(extractor_metrics(x, &metrics), 2);
	ck_assert_str_eq(metrics[0].name, "demo.throughput");
	ck_assert(metrics[0].value > 14.9 && metrics[0].value < 15.1);
	ck_assert_uint_eq(metrics[0].count, 2);
	ck_assert_str_eq(metrics[1].name, "demo.latency.p99");
	extractor_free(x);
}
END_TEST

START_TEST(a_kernel_that_never_gets_to_run_programs_hangs_in_boot)
{
	static const char begun[] =
	        "[    0.000000] Linux version 6.12.0 (ci@b)\n[    0.5] clocksource: tsc\n";
	static const char done[] = "[    2.1] Run /init as init process\n";

	for (int source = SOURCE_DMESG; source <= SOURCE_TEST; source += SOURCE_TEST - SOURCE_DMESG)
		for (int userspace = 0; userspace < 2; userspace++)
			for (int timed_out = 0; timed_out < 2; timed_out++) {
				struct extractor *x = feed_all((enum error_source)source, begun);
				char *ids;

				if (userspace)
					extractor_feed(x, done, strlen(done));
				extractor_end(x, timed_out ? 137 : 0, 0, timed_out);
				ids = ids_of(x);
				ck_assert_str_eq(ids, !timed_out  ? ""
				                      : userspace ? "last_state.timeout\n"
				                                  : "last_state.timeout\ndmesg.BUG:"
				                                    "kernel_hang_in_boot_stage\n");
				free(ids);
				extractor_free(x);
			}
}
END_TEST

START_TEST(nul_bytes_crlf_and_broken_utf8_change_no_id)
{
	static const char text[] =
	        "err\0or: it broke\r\nerror: it \xff broke\r\n\0\0error: it broke\0\n";
	struct extractor *x = start(SOURCE_TEST, NULL);
	char *ids;

	extractor_feed(x, text, sizeof(text) - 1);
	extractor_end(x, 0, 0, false);
	ids = ids_of(x);
	ck_assert_str_eq(ids, "stderr.error:it_broke\nstderr.error:it~broke\n");
	ck_assert_uint_eq(extractor_lines(x), 3);
	free(ids);
	extractor_free(x);
}
END_TEST

START_TEST(a_report_of_junit_may_be_one_line_of_megabytes)
{
	static const char passed[] = "<testcase classname=\"a\" name=\"passes\" time=\"0.1\"/>";
	struct extractor *x = feed_all(SOURCE_TEST, "<testsuites><testsuite name=\"s\">");
	char *ids;

	for (int i = 0; i < 20000; i++)
		extractor_feed(x, passed, sizeof(passed) - 1);
	extractor_feed(x,
	        "<testcase classname='a' name='fails'><failure "
	        "message='no'/></testcase></testsuite></testsuites>",
	        96);
	extractor_end(x, 0, 0, false);
	ids = ids_of(x);
	ck_assert_str_eq(ids, "demo.a.fails.fail\n");
	ck_assert_uint_eq(extractor_lines(x), 1);
	free(ids);
	extractor_free(x);
}
END_TEST

START_TEST(no_input_is_no_error)
{
	struct extractor *x = start(SOURCE_TEST, NULL);
	const struct found_error *found;

	ck_assert(!extractor_ran_to_its_end(x));
	extractor_feed(x, "", 0);
	extractor_end(x, 0, 0, false);
	extractor_end(x, 1, 0, false); /* the first end holds */
	ck_assert_uint_eq(extractor_results(x, &found), 0);
	ck_assert_uint_eq(extractor_lines(x), 0);
	ck_assert(extractor_ran_to_its_end(x));
	extractor_free(x);
	extractor_free(NULL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("errorid");
	TCase *tcase = tcase_create("errorid");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, recorded_logs_give_their_ids_however_they_are_cut);
	tcase_add_test(tcase, colours_and_locale_do_not_change_an_id);
	tcase_add_test(tcase, what_changes_from_run_to_run_is_left_out);
	tcase_add_test(tcase, an_id_has_no_blank_quote_dollar_or_control);
	tcase_add_test(tcase, a_long_id_is_cut_and_stays_different);
	tcase_add_test(tcase, an_id_knows_its_line_its_place_and_how_often);
	tcase_add_test(tcase, the_end_of_a_run_is_an_error_too);
	tcase_add_test(tcase, a_run_that_died_early_did_not_get_to_its_end);
	tcase_add_test(tcase, a_failed_run_with_a_complete_plan_got_to_its_end);
	tcase_add_test(tcase, of_several_programs_each_keeps_its_plan);
	tcase_add_test(tcase, a_good_exit_does_not_hide_a_plan_that_stopped_early);
	tcase_add_test(tcase, expected_failures_and_passed_points_are_no_errors);
	tcase_add_test(tcase, chatter_of_a_test_is_no_error);
	tcase_add_test(tcase, a_traceback_is_one_error);
	tcase_add_test(tcase, a_framed_build_log_counts_only_in_its_frames);
	tcase_add_test(tcase, a_pattern_gives_its_id_for_any_line);
	tcase_add_test(tcase, a_pattern_that_does_not_compile_makes_no_extractor);
	tcase_add_test(tcase, a_pattern_that_runs_away_is_stopped_and_absence_means_nothing);
	tcase_add_test(tcase, a_line_without_end_takes_no_more_room_than_another);
	tcase_add_test(tcase, a_flood_of_ids_is_counted_and_what_matters_still_found);
	tcase_add_test(tcase, absence_from_a_list_that_is_not_whole_means_nothing);
	tcase_add_test(tcase, what_comes_of_one_cause_is_one_finding_with_one_to_bisect);
	tcase_add_test(tcase, a_failed_case_and_the_end_of_the_run_come_of_the_error_before_them);
	tcase_add_test(tcase, a_subtest_answers_to_its_own_name_and_to_that_with_the_tests_around_it);
	tcase_add_test(tcase, subtests_as_deep_as_anybody_likes_have_a_name);
	tcase_add_test(tcase, a_case_that_passed_is_known_beside_one_that_failed);
	tcase_add_test(tcase, what_was_not_run_or_failed_as_well_has_not_passed);
	tcase_add_test(tcase, where_errors_were_dropped_no_case_is_known_to_have_passed);
	tcase_add_test(tcase, of_too_many_cases_the_same_ones_are_kept_in_any_order);
	tcase_add_test(tcase, text_that_is_none_of_passed_cases_is_refused);
	tcase_add_test(tcase, an_error_answers_to_the_name_that_lkp_gives_it);
	tcase_add_test(tcase, the_spelling_of_another_service_is_the_same_error);
	tcase_add_test(tcase, numbers_behind_a_name_are_metrics_and_their_mean_counts);
	tcase_add_test(tcase, a_kernel_that_never_gets_to_run_programs_hangs_in_boot);
	tcase_add_test(tcase, nul_bytes_crlf_and_broken_utf8_change_no_id);
	tcase_add_test(tcase, a_report_of_junit_may_be_one_line_of_megabytes);
	tcase_add_test(tcase, no_input_is_no_error);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
