#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "job/lkp_stats.h"
#include "testers/kept_stats.h"

static struct str top, files, path;

static void make_files(void)
{
	char name[] = "/tmp/kept-stats-XXXXXX";

	ck_assert_ptr_nonnull(mkdtemp(name));
	str_init(&top);
	str_init(&files);
	str_init(&path);
	str_add(&top, name);
	str_setf(&files, "%s/files", name);
	ck_assert_int_eq(mkdir(files.buf, 0755), 0);
}

static void remove_files(void)
{
	ck_assert_int_eq(dir_remove(top.buf, NULL), 0);
	str_release(&top);
	str_release(&files);
	str_release(&path);
}

static const char *at(const char *name)
{
	return str_setf(&path, "%s/%s", top.buf, name);
}

static void put(const char *name, const char *text)
{
	int fd = open(at(name), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(file_write_all(fd, text, strlen(text), NULL), 0);
	file_close(&fd);
}

static void must_read(const char *expected)
{
	struct str text = STR_INIT;
	int rc = kept_stats_read(&text, files.buf, NULL);

	ck_assert_int_eq(rc, expected ? 0 : -ERR_NOT_FOUND);
	ck_assert_str_eq(text.len ? text.buf : "", expected ? expected : "");
	str_release(&text);
}

START_TEST(the_file_of_the_result_comes_before_the_one_beside_it)
{
	must_read(NULL);
	put("files/stats.json", "{\"a\": 1}");
	must_read("{\"a\": 1}");
	ck_assert_int_eq(mkdir(at("files/result"), 0755), 0);
	put("files/result/stats.json", "{\"b\": 1}");
	must_read("{\"b\": 1}");
	kept_stats_remove(files.buf);
	must_read(NULL);
}
END_TEST

START_TEST(links_lead_nowhere)
{
	put("stats.json", "{\"secret\": 1}");
	ck_assert_int_eq(symlink("../stats.json", at("files/stats.json")), 0);
	ck_assert_int_eq(symlink("..", at("files/result")), 0);
	must_read(NULL);
	kept_stats_remove(files.buf);
	ck_assert_int_eq(access(at("stats.json"), F_OK), 0);
}
END_TEST

START_TEST(what_is_no_file_is_not_waited_for)
{
	ck_assert_int_eq(mkdir(at("files/result"), 0755), 0);
	ck_assert_int_eq(mkfifo(at("files/result/stats.json"), 0600), 0);
	ck_assert_int_eq(mkdir(at("files/stats.json"), 0755), 0);
	must_read(NULL);
	kept_stats_remove(files.buf);
	ck_assert_int_eq(access(at("files/stats.json"), F_OK), 0);
}
END_TEST

START_TEST(of_a_long_file_one_byte_more_than_is_allowed_is_read)
{
	struct str text = STR_INIT;

	put("files/stats.json", "{");
	ck_assert_int_eq(truncate(at("files/stats.json"), 5L * LKP_STATS_TEXT_MAX), 0);
	ck_assert_int_eq(kept_stats_read(&text, files.buf, NULL), 0);
	ck_assert_uint_eq(text.len, LKP_STATS_TEXT_MAX + 1);
	str_release(&text);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("kept stats");
	TCase *tc = tcase_create("files");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, make_files, remove_files);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, the_file_of_the_result_comes_before_the_one_beside_it);
	tcase_add_test(tc, links_lead_nowhere);
	tcase_add_test(tc, what_is_no_file_is_not_waited_for);
	tcase_add_test(tc, of_a_long_file_one_byte_more_than_is_allowed_is_read);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
