/* The artifact directory and the live logs. */
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "store/artifacts.h"

#define HELLO "hello\n"
#define HELLO_SHA256 "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"
#define OTHER_SHA256 "0000000000000000000000000000000000000000000000000000000000000000"

static char *room;
static char *dir;
static struct artifacts *artifacts;
static struct error err;

#define assert_ok(call) ck_assert_msg((call) == 0, "%s:%d: %s", __func__, __LINE__, err.text)

static void set_up(void)
{
	const char *tmp = getenv("TMPDIR");

	room = mem_printf("%s/bisectd-artifacts-XXXXXX", tmp ? tmp : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(room));
	dir = mem_printf("%s/artifacts", room);
	assert_ok(artifacts_open(&artifacts, dir, &err));
}

static void tear_down(void)
{
	artifacts_free(artifacts);
	dir_remove(room, NULL);
	free(dir);
	free(room);
}

/* How many files stand below `path`. */
static unsigned count_files(const char *path)
{
	struct dirent *entry;
	unsigned n = 0;
	DIR *open_dir = opendir(path);

	if (!open_dir)
		return 0;
	while ((entry = readdir(open_dir))) {
		char *below;

		if (entry->d_name[0] == '.')
			continue;
		below = mem_printf("%s/%s", path, entry->d_name);
		n += entry->d_type == DT_DIR ? count_files(below) : 1;
		free(below);
	}
	closedir(open_dir);
	return n;
}

static void assert_content(const char *sha256, const char *bytes, size_t len)
{
	char *buf = mem_alloc(len + 1);
	uint64_t size = 0;
	int fd = -1;

	assert_ok(artifact_open(&fd, &size, artifacts, sha256, &err));
	ck_assert_uint_eq(size, len);
	ck_assert_int_eq(read(fd, buf, len + 1), (ssize_t)len);
	ck_assert(memcmp(buf, bytes, len) == 0);
	ck_assert_int_ne(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
	close(fd);
	free(buf);
}

START_TEST(what_was_put_is_found_by_its_hash)
{
	char sha256[HASH_HEX_LEN + 1];

	ck_assert(!artifact_exists(artifacts, HELLO_SHA256));
	assert_ok(artifact_put(artifacts, HELLO, strlen(HELLO), sha256, &err));
	ck_assert_str_eq(sha256, HELLO_SHA256);
	ck_assert(artifact_exists(artifacts, HELLO_SHA256));
	assert_content(HELLO_SHA256, HELLO, strlen(HELLO));
	/* put twice is put once */
	assert_ok(artifact_put(artifacts, HELLO, strlen(HELLO), sha256, &err));
	ck_assert_uint_eq(count_files(dir), 1);
}
END_TEST

START_TEST(the_empty_file_is_an_artifact_too)
{
	char sha256[HASH_HEX_LEN + 1];

	assert_ok(artifact_put(artifacts, "", 0, sha256, &err));
	assert_content(sha256, "", 0);
}
END_TEST

START_TEST(content_in_pieces_is_invisible_before_its_commit)
{
	struct artifact_writer *writer = NULL;
	char sha256[HASH_HEX_LEN + 1];

	assert_ok(artifact_begin(&writer, artifacts, &err));
	assert_ok(artifact_write(writer, "hel", 3, &err));
	assert_ok(artifact_write(writer, "", 0, &err));
	assert_ok(artifact_write(writer, "lo\n", 3, &err));
	ck_assert(!artifact_exists(artifacts, HELLO_SHA256));
	assert_ok(artifact_commit(writer, HELLO_SHA256, sha256, &err));
	assert_content(HELLO_SHA256, HELLO, strlen(HELLO));
}
END_TEST

START_TEST(content_that_does_not_match_its_name_is_refused)
{
	struct artifact_writer *writer = NULL;
	char sha256[HASH_HEX_LEN + 1] = "untouched";

	assert_ok(artifact_begin(&writer, artifacts, &err));
	assert_ok(artifact_write(writer, HELLO, strlen(HELLO), &err));
	ck_assert_int_eq(artifact_commit(writer, OTHER_SHA256, sha256, &err), -ERR_CORRUPT);
	ck_assert_ptr_nonnull(strstr(err.text, HELLO_SHA256));
	ck_assert_ptr_nonnull(strstr(err.text, OTHER_SHA256));
	ck_assert_str_eq(sha256, "untouched");
	ck_assert_uint_eq(count_files(dir), 0);
}
END_TEST

START_TEST(an_aborted_writer_leaves_nothing)
{
	struct artifact_writer *writer = NULL;

	assert_ok(artifact_begin(&writer, artifacts, &err));
	assert_ok(artifact_write(writer, HELLO, strlen(HELLO), &err));
	artifact_abort(writer);
	artifact_abort(NULL);
	ck_assert_uint_eq(count_files(dir), 0);
}
END_TEST

START_TEST(a_name_that_is_no_hash_is_invalid)
{
	static const char *const names[] = { "", "abc", "../../etc/passwd", "5891B5B522D5DF086D0FF0B110FBD9D21BB4FC7163AF34D08286A2E846F6BE03",
		(HELLO_SHA256 "0"), ("/" HELLO_SHA256) };
	int fd = -1;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		ck_assert_int_eq(artifact_open(&fd, NULL, artifacts, names[i], &err), -ERR_INVALID);
		ck_assert(!artifact_exists(artifacts, names[i]));
	}
	ck_assert(!artifact_exists(artifacts, NULL));
	ck_assert_int_eq(artifact_open(&fd, NULL, artifacts, OTHER_SHA256, &err), -ERR_NOT_FOUND);
	ck_assert_int_eq(fd, -1);
}
END_TEST

START_TEST(a_damaged_artifact_is_healed_by_putting_it_again)
{
	char *path = mem_printf("%s/58/%s", dir, HELLO_SHA256);

	assert_ok(artifact_put(artifacts, HELLO, strlen(HELLO), NULL, &err));
	ck_assert_int_eq(chmod(path, 0600), 0);
	ck_assert_int_eq(truncate(path, 2), 0);
	assert_ok(artifact_put(artifacts, HELLO, strlen(HELLO), NULL, &err));
	assert_content(HELLO_SHA256, HELLO, strlen(HELLO));
	free(path);
}
END_TEST

START_TEST(an_artifact_being_read_stays_readable_when_put_again)
{
	char buf[16];
	int fd = -1;

	assert_ok(artifact_put(artifacts, HELLO, strlen(HELLO), NULL, &err));
	assert_ok(artifact_open(&fd, NULL, artifacts, HELLO_SHA256, &err));
	assert_ok(artifact_put(artifacts, HELLO, strlen(HELLO), NULL, &err));
	ck_assert_int_eq(read(fd, buf, sizeof(buf)), (ssize_t)strlen(HELLO));
	close(fd);
}
END_TEST

/* A process that wrote half of an artifact; it is alive. */
static pid_t start_writer(void)
{
	int fds[2];
	pid_t pid;
	char byte;

	ck_assert_int_eq(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		struct artifact_writer *writer;

		if (artifact_begin(&writer, artifacts, NULL) < 0 || artifact_write(writer, "hel", 3, NULL) < 0 || write(fds[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(fds[1]);
	ck_assert_int_eq(read(fds[0], &byte, 1), 1);
	close(fds[0]);
	return pid;
}

START_TEST(a_killed_writer_leaves_nothing_visible)
{
	struct artifacts *again = NULL;
	pid_t dead = start_writer(), living = start_writer();

	ck_assert_int_eq(kill(dead, SIGKILL), 0);
	ck_assert_int_eq(waitpid(dead, NULL, 0), dead);
	ck_assert(!artifact_exists(artifacts, HELLO_SHA256));
	ck_assert_uint_eq(count_files(dir), 2);
	/* The next one to open removes what the dead left, and only that. */
	assert_ok(artifacts_open(&again, dir, &err));
	ck_assert_uint_eq(count_files(dir), 1);
	ck_assert_int_eq(kill(living, SIGKILL), 0);
	ck_assert_int_eq(waitpid(living, NULL, 0), living);
	artifacts_free(again);
	assert_ok(artifacts_open(&again, dir, &err));
	ck_assert_uint_eq(count_files(dir), 0);
	artifacts_free(again);
}
END_TEST

START_TEST(a_directory_deleted_meanwhile_is_made_again)
{
	assert_ok(dir_remove(dir, &err));
	assert_ok(artifact_put(artifacts, HELLO, strlen(HELLO), NULL, &err));
	assert_content(HELLO_SHA256, HELLO, strlen(HELLO));
	assert_ok(dir_remove(dir, &err));
	assert_ok(live_log_append(artifacts, "unit", 1, 0, "x", 1, &err));
}
END_TEST

/* Writes `total` bytes and expects a failure of this code that leaves nothing behind. */
static void assert_does_not_fit(size_t total, int code)
{
	struct artifact_writer *writer = NULL;
	char *bytes = mem_alloc(65536);
	int rc = 0;

	assert_ok(artifact_begin(&writer, artifacts, &err));
	for (size_t done = 0; rc == 0 && done < total; done += 65536)
		rc = artifact_write(writer, bytes, 65536, &err);
	ck_assert_int_eq(rc, code);
	/* A writer that lost a part cannot commit. */
	ck_assert_int_lt(artifact_write(writer, bytes, 1, &err), 0);
	ck_assert_int_lt(artifact_commit(writer, NULL, NULL, &err), 0);
	ck_assert_uint_eq(count_files(dir), 0);
	free(bytes);
}

START_TEST(a_file_size_limit_is_an_error_and_leaves_nothing)
{
	const struct rlimit limit = { .rlim_cur = 200000, .rlim_max = 200000 };

	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_does_not_fit(1 << 20, -ERR_IO);
}
END_TEST

static bool tell(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	file_close(&fd);
	return done;
}

/* Root in a user namespace, without being root outside. */
static bool become_root_inside(void)
{
	char *uid_map = mem_printf("0 %d 1", (int)geteuid()), *gid_map = mem_printf("0 %d 1", (int)getegid());
	bool done = unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 && tell("/proc/self/setgroups", "deny") &&
		tell("/proc/self/uid_map", uid_map) && tell("/proc/self/gid_map", gid_map);

	free(uid_map);
	free(gid_map);
	return done;
}

/* A small file system of our own in a mount namespace that ends with this process; false when the machine does not allow it. */
static bool mount_small(const char *path, const char *options)
{
	if (unshare(CLONE_NEWNS) < 0 && !become_root_inside())
		return false;
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return false;
	return mount("small", path, "tmpfs", 0, options) == 0;
}

START_TEST(a_full_disk_is_no_space_and_leaves_nothing)
{
	if (!mount_small(room, "size=1m")) {
		printf("skipped: a_full_disk_is_no_space_and_leaves_nothing: cannot mount a small tmpfs here: %s\n", strerror(errno));
		return;
	}
	artifacts_free(artifacts);
	assert_ok(artifacts_open(&artifacts, dir, &err));
	assert_does_not_fit(4 << 20, -ERR_NO_SPACE);
	/* and when there is room again, it works */
	assert_ok(artifact_put(artifacts, HELLO, strlen(HELLO), NULL, &err));
	ck_assert_int_eq(umount2(room, MNT_DETACH), 0);
}
END_TEST

/* --- live logs --- */

static void assert_log(const char *expected)
{
	struct str text = STR_INIT;

	assert_ok(live_log_read(&text, artifacts, "unit", 0, 1 << 20, &err));
	ck_assert_str_eq(text.buf, expected);
	str_release(&text);
}

START_TEST(a_log_grows_and_repeated_bytes_are_harmless)
{
	struct str text = STR_INIT;

	assert_ok(live_log_append(artifacts, "unit", 7, 0, "abc", 3, &err));
	assert_ok(live_log_append(artifacts, "unit", 7, 3, "def", 3, &err));
	assert_ok(live_log_append(artifacts, "unit", 7, 3, "def", 3, &err));
	assert_ok(live_log_append(artifacts, "unit", 7, 0, "abc", 3, &err));
	assert_ok(live_log_append(artifacts, "unit", 7, 4, "efgh", 4, &err));
	assert_log("abcdefgh");
	str_add(&text, "> ");
	assert_ok(live_log_read(&text, artifacts, "unit", 2, 3, &err));
	ck_assert_str_eq(text.buf, "> cde");
	assert_ok(live_log_read(&text, artifacts, "unit", 8, 3, &err));
	assert_ok(live_log_read(&text, artifacts, "unit", UINT64_MAX, 3, &err));
	ck_assert_str_eq(text.buf, "> cde");
	str_release(&text);
}
END_TEST

START_TEST(a_newer_epoch_starts_the_log_again_and_an_older_is_refused)
{
	assert_ok(live_log_append(artifacts, "unit", 7, 0, "old text", 8, &err));
	assert_ok(live_log_append(artifacts, "unit", UINT64_C(1795475245123), 0, "new", 3, &err));
	assert_log("new");
	ck_assert_int_eq(live_log_append(artifacts, "unit", 7, 3, "late", 4, &err), -ERR_STALE);
	assert_log("new");
}
END_TEST

START_TEST(bytes_that_never_came_are_dots)
{
	assert_ok(live_log_append(artifacts, "unit", 1, 0, "ab", 2, &err));
	assert_ok(live_log_append(artifacts, "unit", 1, 5, "f", 1, &err));
	assert_log("ab...f");
}
END_TEST

START_TEST(a_log_has_a_limit)
{
	ck_assert_int_eq(live_log_append(artifacts, "unit", 1, LIVE_LOG_MAX, "x", 1, &err), -ERR_LIMIT);
	ck_assert_int_eq(live_log_append(artifacts, "unit", 1, UINT64_MAX, "x", 1, &err), -ERR_LIMIT);
	ck_assert_uint_eq(count_files(dir), 0);
}
END_TEST

START_TEST(a_removed_log_is_not_found)
{
	struct str text = STR_INIT;

	assert_ok(live_log_append(artifacts, "unit", 1, 0, "x", 1, &err));
	live_log_remove(artifacts, "unit");
	live_log_remove(artifacts, "unit");
	ck_assert_int_eq(live_log_read(&text, artifacts, "unit", 0, 10, &err), -ERR_NOT_FOUND);
	str_release(&text);
}
END_TEST

START_TEST(a_log_never_leaves_its_directory)
{
	static const char *const names[] = { "", ".", "..", "../x", "/etc/x", "a/b", ".hidden" };
	char *long_name = mem_alloc(1000);

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		ck_assert_int_eq(live_log_append(artifacts, names[i], 1, 0, "x", 1, &err), -ERR_INVALID);
	memset(long_name, 'a', 999);
	ck_assert_int_eq(live_log_append(artifacts, long_name, 1, 0, "x", 1, &err), -ERR_INVALID);
	free(long_name);
	ck_assert_uint_eq(count_files(room), 0);
}
END_TEST

START_TEST(a_log_whose_beginning_was_lost_in_a_crash_begins_again)
{
	char *path = mem_printf("%s/live/unit", dir);

	assert_ok(live_log_append(artifacts, "unit", 1, 0, "abc", 3, &err));
	ck_assert_int_eq(truncate(path, 10), 0);
	assert_ok(live_log_append(artifacts, "unit", 1, 3, "def", 3, &err));
	assert_log("...def");
	free(path);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("artifacts");
	TCase *files = tcase_create("files"), *logs = tcase_create("live logs");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(files, set_up, tear_down);
	tcase_set_timeout(files, 30);
	tcase_add_test(files, what_was_put_is_found_by_its_hash);
	tcase_add_test(files, the_empty_file_is_an_artifact_too);
	tcase_add_test(files, content_in_pieces_is_invisible_before_its_commit);
	tcase_add_test(files, content_that_does_not_match_its_name_is_refused);
	tcase_add_test(files, an_aborted_writer_leaves_nothing);
	tcase_add_test(files, a_name_that_is_no_hash_is_invalid);
	tcase_add_test(files, a_damaged_artifact_is_healed_by_putting_it_again);
	tcase_add_test(files, an_artifact_being_read_stays_readable_when_put_again);
	tcase_add_test(files, a_killed_writer_leaves_nothing_visible);
	tcase_add_test(files, a_directory_deleted_meanwhile_is_made_again);
	tcase_add_test(files, a_file_size_limit_is_an_error_and_leaves_nothing);
	tcase_add_test(files, a_full_disk_is_no_space_and_leaves_nothing);
	suite_add_tcase(suite, files);
	tcase_add_checked_fixture(logs, set_up, tear_down);
	tcase_set_timeout(logs, 30);
	tcase_add_test(logs, a_log_grows_and_repeated_bytes_are_harmless);
	tcase_add_test(logs, a_newer_epoch_starts_the_log_again_and_an_older_is_refused);
	tcase_add_test(logs, bytes_that_never_came_are_dots);
	tcase_add_test(logs, a_log_has_a_limit);
	tcase_add_test(logs, a_removed_log_is_not_found);
	tcase_add_test(logs, a_log_never_leaves_its_directory);
	tcase_add_test(logs, a_log_whose_beginning_was_lost_in_a_crash_begins_again);
	suite_add_tcase(suite, logs);

	runner = srunner_create(suite);
	srunner_set_fork_status(runner, CK_FORK);	/* what one test leaves behind would be in the way of the next */
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
