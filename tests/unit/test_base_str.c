#include "base/clock.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

#include <check.h>
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <unistd.h>

START_TEST(a_string_grows_and_stays_terminated)
{
	struct str s = STR_INIT;
	size_t i;

	ck_assert_str_eq(s.buf, "");
	str_clear(&s);
	str_add(&s, NULL);
	str_addf(&s, "%s", "");
	ck_assert_uint_eq(s.len, 0);
	for (i = 0; i < 1000; i++)
		str_addf(&s, "%zu,", i % 10);
	ck_assert_uint_eq(s.len, 2000);
	ck_assert_int_eq(s.buf[2000], '\0');
	str_set_len(&s, 4);
	ck_assert_str_eq(s.buf, "0,1,");
	str_set_len(&s, 400);
	ck_assert_uint_eq(s.len, 4);
	str_remove_front(&s, 2);
	ck_assert_str_eq(s.buf, "1,");
	str_remove_front(&s, 99);
	ck_assert_str_eq(s.buf, "");
	str_add_bytes(&s, "a\0b", 3);
	ck_assert_uint_eq(s.len, 3);
	ck_assert_mem_eq(s.buf, "a\0b", 4);
	ck_assert_str_eq(str_setf(&s, "%d", 7), "7");
	str_release(&s);
	str_add_char(&s, 'x');
	ck_assert_str_eq(s.buf, "x");
	str_release(&s);
	ck_assert_str_eq(str_empty, "");
}
END_TEST

START_TEST(a_detached_string_belongs_to_the_caller_even_when_empty)
{
	struct str s = STR_INIT;
	char *text = str_detach(&s);

	ck_assert_str_eq(text, "");
	free(text);
	str_add(&s, "kept");
	text = str_detach(&s);
	ck_assert_str_eq(text, "kept");
	ck_assert_str_eq(s.buf, "");
	free(text);
}
END_TEST

START_TEST(only_the_end_is_trimmed)
{
	struct str s = STR_INIT;

	str_add(&s, "  a b \t\r\n\n");
	str_trim_right(&s);
	ck_assert_str_eq(s.buf, "  a b");
	str_setf(&s, " \n");
	str_trim_right(&s);
	ck_assert_str_eq(s.buf, "");
	str_release(&s);
}
END_TEST

START_TEST(foreign_bytes_are_shown_without_moving_the_terminal)
{
	static const char foreign[] =
	        "ok \xc3\xa9\x1b[2J\n\t\xff\xe2\x80\xae\xc0\x80\xed\xa0\x80\xc2\x9b\x7f";
	struct str s = STR_INIT;

	str_add_printable(&s, foreign, sizeof(foreign) - 1, SIZE_MAX);
	ck_assert_str_eq(s.buf,
	        "ok \xc3\xa9\\x1b[2J\\x0a\\x09\\xff\\xe2\\x80\\xae\\xc0\\x80\\xed\\xa0\\x80"
	        "\\xc2\\x9b\\x7f");
	str_release(&s);
}
END_TEST

START_TEST(printable_text_is_cut_between_characters)
{
	struct str s = STR_INIT;

	str_add(&s, "123");
	str_add_printable(&s, "ab\xc3\xa9", 4, 3);
	ck_assert_str_eq(s.buf, "123ab");
	str_clear(&s);
	str_add_printable(&s, "ab\n", 3, 5);
	ck_assert_str_eq(s.buf, "ab");
	str_release(&s);
}
END_TEST

START_TEST(utf8_takes_the_shortest_form_only)
{
	unsigned code = 1;

	ck_assert_uint_eq(str_utf8("a", 1, &code), 1);
	ck_assert_uint_eq(code, 'a');
	ck_assert_uint_eq(str_utf8("\xe2\x82\xac", 3, &code), 3);
	ck_assert_uint_eq(code, 0x20ac);
	ck_assert_uint_eq(str_utf8("\xf4\x8f\xbf\xbf", 4, &code), 4);
	ck_assert_uint_eq(code, 0x10ffff);
	ck_assert_uint_eq(str_utf8("\xf4\x90\x80\x80", 4, &code), 0);
	ck_assert_uint_eq(str_utf8("\xe2\x82", 2, &code), 0);
	ck_assert_uint_eq(str_utf8("\xe0\x80\xaf", 3, &code), 0);
	ck_assert_uint_eq(str_utf8("\x80", 1, &code), 0);
	ck_assert_uint_eq(str_utf8("", 0, &code), 0);
}
END_TEST

START_TEST(a_number_is_the_whole_string_and_in_range)
{
	static const char *const wrong[] = { "", "-", "+1", " 1", "1 ", "1x", "0x10", "--1", "101",
		"-11", "99999999999999999999" };
	long long n = 42;
	size_t i;

	for (i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		ck_assert_msg(!str_to_long(wrong[i], -10, 100, &n), "\"%s\"", wrong[i]);
	ck_assert_int_eq(n, 42);
	ck_assert(str_to_long("-10", -10, 100, &n));
	ck_assert_int_eq(n, -10);
	ck_assert(str_to_long("9223372036854775807", 0, LLONG_MAX, &n));
	ck_assert(n == LLONG_MAX);
}
END_TEST

START_TEST(times_and_sizes_have_units)
{
	long long n = 0;

	ck_assert(str_to_seconds("90", &n) && n == 90);
	ck_assert(str_to_seconds("90s", &n) && n == 90);
	ck_assert(str_to_seconds("15m", &n) && n == 900);
	ck_assert(str_to_seconds("6h", &n) && n == 21600);
	ck_assert(str_to_seconds("2d", &n) && n == 172800);
	ck_assert(str_to_bytes("512", &n) && n == 512);
	ck_assert(str_to_bytes("64k", &n) && n == 65536);
	ck_assert(str_to_bytes("8m", &n) && n == 8 << 20);
	ck_assert(str_to_bytes("2g", &n) && n == 2LL << 30);
	n = 7;
	ck_assert(!str_to_seconds("-1", &n) && !str_to_seconds("1.5h", &n) &&
	          !str_to_seconds("m", &n));
	ck_assert(
	        !str_to_seconds("", &n) && !str_to_seconds("5k", &n) && !str_to_seconds("5mm", &n));
	ck_assert(!str_to_bytes("9223372036854775807k", &n) && !str_to_bytes("8589934592g", &n));
	ck_assert_int_eq(n, 7);
}
END_TEST

START_TEST(prefix_and_suffix_are_whole)
{
	ck_assert(str_has_prefix("abc", "ab") && str_has_prefix("abc", "") &&
	          !str_has_prefix("a", "ab"));
	ck_assert(str_has_suffix("abc", "bc") && str_has_suffix("abc", "") &&
	          !str_has_suffix("c", "bc"));
}
END_TEST

START_TEST(a_vector_always_ends_in_null)
{
	static const char *const more[] = { "c", "a", NULL };
	struct strv l = STRV_INIT;

	ck_assert_ptr_nonnull(strv_argv(&l));
	ck_assert_ptr_null(strv_argv(&l)[0]);
	strv_sort_unique(&l);
	strv_push(&l, "b");
	strv_pushf(&l, "%c", 'a');
	strv_push_all(&l, more);
	strv_push_many(&l, "b", "d", NULL);
	ck_assert_uint_eq(l.n, 6);
	ck_assert_ptr_null(l.v[6]);
	strv_sort_unique(&l);
	ck_assert_uint_eq(l.n, 4);
	ck_assert_str_eq(l.v[0], "a");
	ck_assert_str_eq(l.v[3], "d");
	ck_assert_ptr_null(l.v[4]);
	ck_assert(strv_has(&l, "c") && !strv_has(&l, "x"));
	strv_release(&l);
	ck_assert_uint_eq(l.n, 0);
}
END_TEST

START_TEST(an_array_grows_in_steps)
{
	int *array = NULL;
	size_t cap = 0, i, grown = 0;

	for (i = 0; i < 10000; i++) {
		size_t before = cap;

		MEM_GROW(array, i + 1, cap);
		grown += cap != before;
		array[i] = (int)i;
	}
	ck_assert_int_eq(array[9999], 9999);
	ck_assert_uint_lt(grown, 30);
	free(array);
}
END_TEST

START_TEST(an_error_is_one_line_within_its_limit)
{
	struct error err = ERROR_INIT;
	struct str longer = STR_INIT;

	ck_assert_int_eq(error_set(&err, ERR_LIMIT, "line\n%d", 2), -ERR_LIMIT);
	ck_assert_str_eq(err.text, "line\\x0a2");
	while (longer.len < 2 * ERROR_TEXT_MAX)
		str_add(&longer, "\xe2\x82\xac");
	error_set(&err, ERR_INVALID, "%s", longer.buf);
	ck_assert_uint_eq(strlen(err.text), 1023);
	error_set(&err, ERR_INVALID, "x%s", longer.buf);
	ck_assert_uint_eq(strlen(err.text), 1 + 3 * 340);
	ck_assert_int_eq(error_set(NULL, ERR_IO, "nobody looks"), -ERR_IO);
	str_release(&longer);
}
END_TEST

START_TEST(an_error_may_quote_itself)
{
	struct error err = ERROR_INIT;

	error_set(&err, ERR_NOT_FOUND, "no such commit");
	ck_assert_int_eq(error_prefix(&err, "job %d", 7), -ERR_NOT_FOUND);
	ck_assert_str_eq(err.text, "job 7: no such commit");
	error_set(&err, ERR_FAILED, "again: %s", err.text);
	ck_assert_str_eq(err.text, "again: job 7: no such commit");
	ck_assert_int_eq(error_prefix(NULL, "x"), -ERR_FAILED);
}
END_TEST

START_TEST(the_systems_errors_have_codes)
{
	struct error err = ERROR_INIT;

	ck_assert_int_eq(error_errno(&err, ENOENT, "open %s", "f"), -ERR_NOT_FOUND);
	ck_assert_str_eq(err.text, "open f: No such file or directory");
	ck_assert_int_eq(error_errno(&err, EEXIST, "x"), -ERR_EXISTS);
	ck_assert_int_eq(error_errno(&err, ENOSPC, "x"), -ERR_NO_SPACE);
	ck_assert_int_eq(error_errno(&err, EDQUOT, "x"), -ERR_NO_SPACE);
	ck_assert_int_eq(error_errno(&err, EPERM, "x"), -ERR_DENIED);
	ck_assert_int_eq(error_errno(NULL, EIO, "x"), -ERR_IO);
}
END_TEST

START_TEST(every_error_code_has_a_name_of_its_own)
{
	int i, j;

	for (i = 0; i < ERR_NCODES; i++) {
		ck_assert_ptr_nonnull(error_code_name(i));
		for (j = 0; j < i; j++)
			ck_assert_str_ne(error_code_name(i), error_code_name(j));
	}
	ck_assert_str_eq(error_code_name(ERR_NOT_FOUND), "not-found");
	ck_assert_str_eq(error_code_name((enum error_code)999), "unknown");
}
END_TEST

START_TEST(a_log_message_is_one_escaped_line)
{
	struct str want = STR_INIT;
	char got[200];
	int ends[2];
	int saved = dup(STDERR_FILENO);
	ssize_t n;

	ck_assert_int_eq(pipe(ends), 0);
	dup2(ends[1], STDERR_FILENO);
	log_open("bisect-test", LOG_LEVEL_WARNING);
	errno = EIO;
	log_info("not this");
	log_warning("a\nb \x1b[31m%s\n", "red");
	dup2(saved, STDERR_FILENO);
	ck_assert_int_eq(errno, EIO);
	n = read(ends[0], got, sizeof(got) - 1);
	ck_assert_int_gt(n, 0);
	got[n] = '\0';
	str_addf(&want, "bisect-test[%ld]: warning: a\\x0ab \\x1b[31mred\n", (long)getpid());
	ck_assert_str_eq(got, want.buf);
	str_release(&want);
	close(ends[0]);
	close(ends[1]);
	close(saved);
}
END_TEST

START_TEST(a_frozen_clock_stands_still)
{
	int64_t steady = clock_steady_ms();

	clock_freeze(1000, 2000);
	ck_assert_int_eq(clock_wall_ms(), 1000);
	ck_assert_int_eq(clock_steady_ms(), 2000);
	clock_freeze(-1, -1);
	ck_assert_int_ge(clock_steady_ms(), steady);
	ck_assert(clock_wall_ms() > 1500000000000);
}
END_TEST

START_TEST(times_read_well)
{
	static const struct {
		int64_t ms;
		const char *text;
	} rows[] = {
		{ -5, "0 ms" },
		{ 0, "0 ms" },
		{ 999, "999 ms" },
		{ 1449, "1.4 s" },
		{ 59999, "59.9 s" },
		{ 60000, "1 min" },
		{ 200000, "3 min 20 s" },
		{ 7500000, "2 h 5 min" },
		{ 3600000, "1 h" },
		{ 200000000, "2 d 7 h" },
	};
	char buf[40];
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		ck_assert_str_eq(clock_format_duration(buf, sizeof(buf), rows[i].ms), rows[i].text);
	ck_assert_str_eq(clock_format(buf, sizeof(buf), 0), "1970-01-01T00:00:00Z");
	ck_assert_str_eq(clock_format(buf, sizeof(buf), -1), "1969-12-31T23:59:59Z");
	ck_assert_str_eq(clock_format(buf, sizeof(buf), 1795428900123), "2026-11-23T10:15:00Z");
	ck_assert_ptr_eq(clock_format(buf, sizeof(buf), INT64_MAX), buf);
	ck_assert_str_eq(clock_format(buf, 5, 0), "1970");
}
END_TEST

START_TEST(sha256_gives_the_published_values)
{
	char hex[HASH_HEX_LEN + 1];

	hash_bytes("", 0, hex);
	ck_assert_str_eq(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	hash_bytes("abc", 3, hex);
	ck_assert_str_eq(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	ck_assert(hash_is_hex(hex, HASH_HEX_LEN));
	ck_assert(!hash_is_hex(hex, HASH_HEX_LEN - 1) && !hash_is_hex("ABCD", 4) &&
	          !hash_is_hex("ab", 4));
}
END_TEST

static void hash_fields(const char *a, const char *b, char hex[HASH_HEX_LEN + 1])
{
	struct hash *h = hash_new();

	hash_add_field(h, a);
	hash_add_field(h, b);
	hash_finish(h, hex);
}

START_TEST(fields_do_not_run_into_each_other)
{
	char one[HASH_HEX_LEN + 1], two[HASH_HEX_LEN + 1];

	hash_fields("ab", "c", one);
	hash_fields("a", "bc", two);
	ck_assert_str_ne(one, two);
	hash_fields("", NULL, one);
	hash_fields(NULL, "", two);
	ck_assert_str_ne(one, two);
	hash_free(hash_new());
	hash_free(NULL);
}
END_TEST

START_TEST(a_file_is_hashed_from_its_start_and_keeps_its_offset)
{
	char hex[HASH_HEX_LEN + 1], want[HASH_HEX_LEN + 1];
	struct error err = ERROR_INIT;
	struct str text = STR_INIT;
	FILE *f = tmpfile();
	int ends[2];

	while (text.len < 300000)
		str_add(&text, "many bytes ");
	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(write(fileno(f), text.buf, text.len), (ssize_t)text.len);
	lseek(fileno(f), 5, SEEK_SET);
	ck_assert_int_eq(hash_file(fileno(f), hex, &err), 0);
	ck_assert_int_eq(lseek(fileno(f), 0, SEEK_CUR), 5);
	hash_bytes(text.buf, text.len, want);
	ck_assert_str_eq(hex, want);
	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_eq(hash_file(ends[0], hex, &err), -ERR_IO);
	close(ends[0]);
	close(ends[1]);
	fclose(f);
	str_release(&text);
}
END_TEST

START_TEST(random_names_have_their_length_and_differ)
{
	char one[201], two[201];

	random_hex(one, 100);
	random_hex(two, 100);
	ck_assert(hash_is_hex(one, 200));
	ck_assert_str_ne(one, two);
	random_hex(one, 0);
	ck_assert_str_eq(one, "");
}
END_TEST

START_TEST(a_control_sequence_is_measured_only_where_it_is_whole)
{
	ck_assert_uint_eq(str_control_sequence("\033[31mred", 8), 5);
	ck_assert_uint_eq(str_control_sequence("\033[K", 3), 3);
	ck_assert_uint_eq(str_control_sequence("\033[?25h", 6), 6);
	ck_assert_uint_eq(str_control_sequence("\033[31", 4), 0);
	ck_assert_uint_eq(str_control_sequence("\033[3\n1m", 6), 0);
	ck_assert_uint_eq(str_control_sequence("\033]0;title\a", 10), 0);
	ck_assert_uint_eq(str_control_sequence("red", 3), 0);
	ck_assert_uint_eq(str_control_sequence("", 0), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("base/str");
	TCase *tests = tcase_create("str, mem, error, log, clock, hash");
	SRunner *runner;
	int failed;

	tcase_add_test(tests, a_string_grows_and_stays_terminated);
	tcase_add_test(tests, a_control_sequence_is_measured_only_where_it_is_whole);
	tcase_add_test(tests, a_detached_string_belongs_to_the_caller_even_when_empty);
	tcase_add_test(tests, only_the_end_is_trimmed);
	tcase_add_test(tests, foreign_bytes_are_shown_without_moving_the_terminal);
	tcase_add_test(tests, printable_text_is_cut_between_characters);
	tcase_add_test(tests, utf8_takes_the_shortest_form_only);
	tcase_add_test(tests, a_number_is_the_whole_string_and_in_range);
	tcase_add_test(tests, times_and_sizes_have_units);
	tcase_add_test(tests, prefix_and_suffix_are_whole);
	tcase_add_test(tests, a_vector_always_ends_in_null);
	tcase_add_test(tests, an_array_grows_in_steps);
	tcase_add_test(tests, an_error_is_one_line_within_its_limit);
	tcase_add_test(tests, an_error_may_quote_itself);
	tcase_add_test(tests, the_systems_errors_have_codes);
	tcase_add_test(tests, every_error_code_has_a_name_of_its_own);
	tcase_add_test(tests, a_log_message_is_one_escaped_line);
	tcase_add_test(tests, a_frozen_clock_stands_still);
	tcase_add_test(tests, times_read_well);
	tcase_add_test(tests, sha256_gives_the_published_values);
	tcase_add_test(tests, fields_do_not_run_into_each_other);
	tcase_add_test(tests, a_file_is_hashed_from_its_start_and_keeps_its_offset);
	tcase_add_test(tests, random_names_have_their_length_and_differ);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
