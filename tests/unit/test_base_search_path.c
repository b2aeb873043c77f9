#include <check.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/search_path.h"

static char root[sizeof("/tmp/search_path.XXXXXX")];

static const char *at(struct str *ret, const char *name)
{
	return str_setf(ret, "%s/%s", root, name);
}

static void put(const char *name, const char *text)
{
	struct str path = STR_INIT;

	ck_assert_int_eq(file_write_atomic(at(&path, name), text, strlen(text), 0644, NULL), 0);
	str_release(&path);
}

static void link_to(const char *target, const char *name)
{
	struct str path = STR_INIT;

	ck_assert_int_eq(symlink(target, at(&path, name)), 0);
	str_release(&path);
}

/* The text of NAME in the directories a, b; or the error's. */
static int look(const char *name, struct str *text, struct error *err)
{
	struct search_path path = { .limit = 100 };
	struct str where = STR_INIT;
	int r;

	strv_pushf(&path.dirs, "%s/a", root);
	strv_pushf(&path.dirs, "%s/b", root);
	str_clear(text);
	r = search_path_read(&path, name, text, &where, err);
	if (r == 0)
		ck_assert(str_has_suffix(where.buf, name));
	search_path_release(&path);
	str_release(&where);
	return r;
}

START_TEST(the_first_directory_that_has_a_file_gives_it)
{
	struct error err = ERROR_INIT;
	struct str text = STR_INIT;

	put("a/x", "of a");
	put("b/x", "of b");
	put("b/y", "of b");
	ck_assert_int_eq(look("x", &text, &err), 0);
	ck_assert_str_eq(text.buf, "of a");
	ck_assert_int_eq(look("y", &text, &err), 0);
	ck_assert_str_eq(text.buf, "of b");
	ck_assert_int_eq(look("z", &text, &err), -ERR_NOT_FOUND);
	ck_assert_ptr_nonnull(strstr(err.text, "/a, "));
	str_release(&text);
}
END_TEST

START_TEST(nothing_outside_of_the_directories_is_read)
{
	struct error err = ERROR_INIT;
	struct str text = STR_INIT, path = STR_INIT;

	put("secret", "secret");
	put("a/in", "inside");
	link_to("../secret", "a/out");
	link_to("in", "a/alias");
	link_to("..", "a/up");
	link_to("loop", "a/loop");
	ck_assert_int_eq(look("../secret", &text, &err), -ERR_DENIED);
	ck_assert_int_eq(look("/etc/passwd", &text, &err), -ERR_DENIED);
	ck_assert_int_eq(look("out", &text, &err), -ERR_DENIED);
	ck_assert_int_eq(look("up/secret", &text, &err), -ERR_DENIED);
	ck_assert_int_lt(look("loop", &text, &err), 0);
	ck_assert_int_eq(look("alias", &text, &err), 0);
	ck_assert_str_eq(text.buf, "inside");
	ck_assert_int_eq(mkfifo(at(&path, "a/pipe"), 0600), 0);
	ck_assert_int_eq(look("pipe", &text, &err), -ERR_DENIED);
	str_release(&text);
	str_release(&path);
}
END_TEST

START_TEST(a_file_that_is_too_long_is_refused)
{
	struct error err = ERROR_INIT;
	struct str text = STR_INIT;

	for (int i = 0; i < 101; i++)
		str_add_char(&text, 'x');
	put("a/long", text.buf);
	ck_assert_int_eq(look("long", &text, &err), -ERR_LIMIT);
	str_release(&text);
}
END_TEST

static void begin(void)
{
	struct str path = STR_INIT;

	snprintf(root, sizeof(root), "/tmp/search_path.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(root));
	ck_assert_int_eq(dir_make(at(&path, "a"), 0755, NULL), 0);
	ck_assert_int_eq(dir_make(at(&path, "b"), 0755, NULL), 0);
	str_release(&path);
}

static void end(void)
{
	dir_remove(root, NULL);
}

int main(void)
{
	Suite *suite = suite_create("search path");
	TCase *tc = tcase_create("search path");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, begin, end);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, the_first_directory_that_has_a_file_gives_it);
	tcase_add_test(tc, nothing_outside_of_the_directories_is_read);
	tcase_add_test(tc, a_file_that_is_too_long_is_refused);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
