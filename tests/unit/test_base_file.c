#include "base/file.h"
#include "base/mem.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/test_base_file.XXXXXX";
static struct error err;

static void enter_directory(void)
{
	err = (struct error)ERROR_INIT;
	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_eq(chdir(dir), 0);
}

static void leave_directory(void)
{
	ck_assert_int_eq(chdir("/"), 0);
	ck_assert_int_eq(dir_remove(dir, NULL), 0);
	ck_assert_int_ne(access(dir, F_OK), 0);
}

static void write_file(const char *path, const char *text)
{
	ck_assert_int_eq(file_write_atomic(path, text, strlen(text), 0644, &err), 0);
}

START_TEST(a_file_is_read_whole_or_not_at_all)
{
	struct str text = STR_INIT;

	write_file("f", "12345");
	str_add(&text, "has ");
	ck_assert_int_eq(file_read(&text, "f", 5, &err), 0);
	ck_assert_str_eq(text.buf, "has 12345");
	ck_assert_int_eq(file_read(&text, "f", 4, &err), -ERR_LIMIT);
	ck_assert_str_eq(err.text, "f is longer than the 4 bytes allowed");
	ck_assert_str_eq(text.buf, "has 12345");
	ck_assert_int_eq(file_read(&text, "gone", 4, &err), -ERR_NOT_FOUND);
	ck_assert_str_eq(err.text, "cannot open gone: No such file or directory");
	ck_assert_int_eq(file_read(&text, ".", 4, &err), -ERR_IO);
	ck_assert_str_eq(text.buf, "has 12345");
	str_release(&text);
}
END_TEST

START_TEST(a_file_larger_than_one_read_comes_whole)
{
	struct str text = STR_INIT, back = STR_INIT;

	while (text.len < 500000)
		str_addf(&text, "%zu ", text.len);
	ck_assert_int_eq(file_write_atomic("f", text.buf, text.len, 0600, &err), 0);
	ck_assert_int_eq(file_read(&back, "f", (size_t)-1, &err), 0);
	ck_assert_uint_eq(back.len, text.len);
	ck_assert_mem_eq(back.buf, text.buf, text.len);
	str_release(&text);
	str_release(&back);
}
END_TEST

START_TEST(dash_is_standard_input)
{
	struct str text = STR_INIT;
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_eq(file_write_all(ends[1], "typed", 5, &err), 0);
	close(ends[1]);
	dup2(ends[0], STDIN_FILENO);
	close(ends[0]);
	ck_assert_int_eq(file_read(&text, "-", 100, &err), 0);
	ck_assert_str_eq(text.buf, "typed");
	str_release(&text);
}
END_TEST

START_TEST(a_file_that_could_not_be_written_keeps_its_old_content)
{
	const struct rlimit small = { 1000, 1000 };
	struct str text = STR_INIT;
	char *large = mem_alloc(5000);

	write_file("f", "old");
	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
	ck_assert_int_eq(file_write_atomic("f", large, 5000, 0644, &err), -ERR_IO);
	ck_assert_int_eq(file_read(&text, "f", 100, &err), 0);
	ck_assert_str_eq(text.buf, "old");
	unlink("f");
	/* No temporary file stayed behind. */
	ck_assert_int_eq(rmdir(dir), 0);
	ck_assert_int_eq(mkdir(dir, 0700), 0);
	free(large);
	str_release(&text);
}
END_TEST

START_TEST(a_file_is_written_with_its_mode_and_replaced)
{
	struct stat st;

	umask(022);
	ck_assert_int_eq(file_write_atomic("f", "1", 1, 0600, &err), 0);
	ck_assert_int_eq(stat("f", &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	ck_assert_int_eq(file_write_atomic("./f", "", 0, 0644, &err), 0);
	ck_assert_int_eq(stat("f", &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0644);
	ck_assert_int_eq(st.st_size, 0);
	ck_assert_int_eq(file_write_atomic("no/such/f", "", 0, 0644, &err), -ERR_NOT_FOUND);
	ck_assert_int_eq(file_sync_dir("no", &err), -ERR_NOT_FOUND);
}
END_TEST

START_TEST(directories_are_made_with_their_parents)
{
	struct stat st;

	ck_assert_int_eq(dir_make("a/b//c/", 0755, &err), 0);
	ck_assert_int_eq(dir_make("a/b/c", 0755, &err), 0);
	ck_assert_int_eq(dir_make("/", 0755, &err), 0);
	ck_assert_int_eq(stat("a/b/c", &st), 0);
	ck_assert(S_ISDIR(st.st_mode));
	write_file("a/file", "");
	ck_assert_int_eq(dir_make("a/file", 0755, &err), -ERR_EXISTS);
	ck_assert_str_eq(err.text, "a/file is there and is not a directory");
	ck_assert_int_eq(dir_make("a/file/x", 0755, &err), -ERR_IO);
	ck_assert_int_eq(dir_make("", 0755, &err), -ERR_NOT_FOUND);
}
END_TEST

START_TEST(a_tree_goes_without_what_its_links_point_to)
{
	ck_assert_int_eq(dir_make("outside/kept", 0755, &err), 0);
	write_file("outside/file", "");
	ck_assert_int_eq(dir_make("tree/a/b", 0755, &err), 0);
	write_file("tree/a/b/file", "");
	ck_assert_int_eq(symlink("../outside", "tree/link"), 0);
	ck_assert_int_eq(symlink("../../../outside", "tree/a/b/link"), 0);
	ck_assert_int_eq(symlink("tree", "link-to-tree"), 0);
	ck_assert_int_eq(dir_remove("link-to-tree", &err), 0);
	ck_assert_int_eq(access("tree/a", F_OK), 0);
	ck_assert_int_eq(dir_remove("tree/", &err), 0);
	ck_assert_int_ne(access("tree", F_OK), 0);
	ck_assert_int_eq(access("outside/kept", F_OK), 0);
	ck_assert_int_eq(access("outside/file", F_OK), 0);
	ck_assert_int_eq(dir_remove("tree", &err), 0);
	ck_assert_int_eq(dir_remove("outside/file", &err), 0);
}
END_TEST

START_TEST(read_only_directories_go_too)
{
	int fd;

	/* Root may do all of this anyway, so be somebody else. */
	ck_assert_int_eq(chmod(dir, 0777), 0);
	if (geteuid() == 0)
		ck_assert_int_eq(seteuid(65534), 0);
	ck_assert_int_eq(dir_make("tree/a/b", 0755, &err), 0);
	fd = open("tree/a/b/file", O_WRONLY | O_CREAT, 0400);
	ck_assert_int_ge(fd, 0);
	close(fd);
	ck_assert_int_eq(chmod("tree/a/b", 0555), 0);
	ck_assert_int_eq(chmod("tree/a", 0), 0);
	ck_assert_int_eq(chmod("tree", 0500), 0);
	ck_assert_msg(dir_remove("tree", &err) == 0, "%s", err.text);
	ck_assert_int_ne(access("tree", F_OK), 0);
	ck_assert_int_eq(dir_remove("/proc/self/fd", &err), -ERR_DENIED);
	if (getuid() == 0)
		ck_assert_int_eq(seteuid(0), 0);
}
END_TEST

START_TEST(a_tree_deeper_than_any_path_goes)
{
	const struct rlimit few = { 100, 100 };
	int i;

	ck_assert_int_eq(mkdir("tree", 0755), 0);
	ck_assert_int_eq(chdir("tree"), 0);
	for (i = 0; i < 3000; i++) {
		ck_assert_int_eq(mkdir("name-of-some-length", 0755), 0);
		write_file("file", "");
		ck_assert_int_eq(chdir("name-of-some-length"), 0);
	}
	ck_assert_int_eq(chdir(dir), 0);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
	ck_assert_msg(dir_remove("tree", &err) == 0, "%s", err.text);
	ck_assert_int_ne(access("tree", F_OK), 0);
}
END_TEST

START_TEST(a_directory_of_many_entries_goes)
{
	int i;

	ck_assert_int_eq(mkdir("tree", 0755), 0);
	for (i = 0; i < 5000; i++) {
		char *name = mem_printf("tree/%d", i);

		ck_assert_int_eq(mkdir(name, 0755), 0);
		free(name);
	}
	ck_assert_int_eq(dir_remove("tree", &err), 0);
	ck_assert_int_ne(access("tree", F_OK), 0);
}
END_TEST

START_TEST(only_plain_relative_paths_are_inside)
{
	static const char *const inside[] = { "a", "a/b", "...", ".a", "a..b/..c", "a b/\xc3\xa9" };
	static const char *const outside[] = { "", "/", "/a", ".", "..", "a/", "a//b", "./a", "a/.",
		"a/..", "../a", "a/../b", "a\nb" };
	char *longest = mem_alloc(4098);
	size_t i;

	for (i = 0; i < sizeof(inside) / sizeof(*inside); i++)
		ck_assert_msg(path_is_inside(inside[i]), "\"%s\"", inside[i]);
	for (i = 0; i < sizeof(outside) / sizeof(*outside); i++)
		ck_assert_msg(!path_is_inside(outside[i]), "\"%s\"", outside[i]);
	memset(longest, 'a', 4096);
	ck_assert(path_is_inside(longest));
	longest[4096] = 'a';
	ck_assert(!path_is_inside(longest));
	free(longest);
}
END_TEST

START_TEST(a_lock_has_one_holder_and_ends_with_its_descriptor)
{
	int first = -1, second = -1;

	ck_assert_int_eq(file_lock(&first, "lock", 0, &err), 0);
	ck_assert_int_ne(fcntl(first, F_GETFD) & FD_CLOEXEC, 0);
	ck_assert_int_eq(file_lock(&second, "lock", 0, &err), -ERR_UNAVAILABLE);
	ck_assert_int_eq(file_lock(&second, "lock", 50, &err), -ERR_UNAVAILABLE);
	ck_assert_int_eq(second, -1);
	file_close(&first);
	ck_assert_int_eq(first, -1);
	file_close(&first);
	ck_assert_int_eq(file_lock(&second, "lock", 0, &err), 0);
	unlink("lock");
	ck_assert_int_eq(file_lock(&first, "lock", 0, &err), 0);
	file_close(&first);
	file_close(&second);
	ck_assert_int_eq(file_lock(&first, "no/lock", 0, &err), -ERR_NOT_FOUND);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("base/file");
	TCase *tests = tcase_create("file");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tests, enter_directory, leave_directory);
	tcase_add_test(tests, a_file_is_read_whole_or_not_at_all);
	tcase_add_test(tests, a_file_larger_than_one_read_comes_whole);
	tcase_add_test(tests, dash_is_standard_input);
	tcase_add_test(tests, a_file_that_could_not_be_written_keeps_its_old_content);
	tcase_add_test(tests, a_file_is_written_with_its_mode_and_replaced);
	tcase_add_test(tests, directories_are_made_with_their_parents);
	tcase_add_test(tests, a_tree_goes_without_what_its_links_point_to);
	tcase_add_test(tests, read_only_directories_go_too);
	tcase_add_test(tests, a_tree_deeper_than_any_path_goes);
	tcase_add_test(tests, a_directory_of_many_entries_goes);
	tcase_add_test(tests, only_plain_relative_paths_are_inside);
	tcase_add_test(tests, a_lock_has_one_holder_and_ends_with_its_descriptor);
	tcase_set_timeout(tests, 60);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_set_fork_status(runner, CK_FORK);	/* what one test leaves behind would be in the way of the next */
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
