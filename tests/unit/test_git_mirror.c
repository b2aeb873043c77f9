#include "git/mirror.h"

#include <arpa/inet.h>
#include <check.h>
#include <dirent.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "git/history.h"
#include "tests/unit/git_fixture.h"

#define LONG_MS 60000

static struct error err;
static struct str mirror = STR_INIT;
static char *url;		/* of the repository "r" */

static void enter(void)
{
	fixture_enter();
	err = (struct error)ERROR_INIT;
	url = mem_printf("%s/r", fixture_directory());
}

static void leave(void)
{
	str_release(&mirror);
	free(url);
	fixture_leave();
}

static int update(const char *from, const char *want, int64_t timeout_ms)
{
	str_clear(&mirror);
	return mirror_update(&mirror, "mirrors", from, want, true, timeout_ms, &err);
}

static void expect_update(const char *want)
{
	ck_assert_msg(update(url, want, LONG_MS) == 0, "%s", err.text);
	ck_assert(str_has_prefix(mirror.buf, "mirrors/"));
	if (want)
		ck_assert_str_eq(repo_id(mirror.buf, want), want);
}

/* What stands in the directory of mirrors besides the mirror and its lock. */
static void expect_nothing_left(void)
{
	struct str path = STR_INIT;

	mirror_path(&path, "mirrors", url);
	str_set_len(&path, path.len - strlen(".git"));
	str_add(&path, ".new");
	ck_assert(!fixture_exists(path.buf));
	str_release(&path);
}

START_TEST(addresses_are_taken_or_refused_before_git_sees_them)
{
	static const struct { const char *url; bool everywhere, here; } rows[] = {
		{ "https://example.org/r.git", true, true },
		{ "http://example.org:8080/r", true, true },
		{ "https://user:secret@example.org/r", true, true },
		{ "ssh://git@example.org:22/~me/r", true, true },
		{ "ssh://[::1]:22/r", true, true },
		{ "git://example.org/r", true, true },
		{ "git@example.org:me/r.git", true, true },
		{ "/srv/r", false, true },
		{ "/srv/with blank/r", false, true },
		{ "file:///srv/r", false, true },
		{ "file://host/r", false, false },
		{ "", false, false },
		{ "r", false, false },
		{ "../r", false, false },
		{ "ext::sh -c 'touch pwned'", false, false },
		{ "ext::true", false, false },
		{ "fd::17", false, false },
		{ "git@host::x", false, false },
		{ "--upload-pack=touch pwned", false, false },
		{ "-oProxyCommand=x:y", false, false },
		{ "ssh://-oProxyCommand=touch/x", false, false },
		{ "ssh://me@-oProxyCommand=touch/x", false, false },
		{ "-x@host:path", false, false },
		{ "me@-host:path", false, false },
		{ "me@host:-path", false, false },
		{ "https://", false, false },
		{ "https:///r", false, false },
		{ "https://host", false, false },
		{ "https://host/a b", false, false },
		{ "https://host/a\nb", false, false },
		{ "/srv/\033[2Jr", false, false },
		{ "ftp://host/r", false, false },
		{ "host:path", false, false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ck_assert_msg(
			(mirror_check_url(rows[i].url, false, &err) == 0) == rows[i].everywhere,
			"%s", rows[i].url);
		ck_assert_msg((mirror_check_url(rows[i].url, true, &err) == 0) == rows[i].here,
			"%s", rows[i].url);
		if (rows[i].here)
			continue;
		ck_assert_int_eq(err.code, ERR_INVALID);
		ck_assert_ptr_nonnull(strstr(err.text, "https://"));
		ck_assert_int_eq(update(rows[i].url, NULL, LONG_MS), -ERR_INVALID);
		ck_assert(!fixture_exists("mirrors"));
	}
	ck_assert_int_eq(
		mirror_update(&mirror, "mirrors", url, NULL, false, LONG_MS, &err), -ERR_INVALID);
}
END_TEST

START_TEST(a_mirror_is_made_and_named_after_its_address)
{
	struct str path = STR_INIT;

	repo_import("r", "a\nb a\n");
	git_ok("r", "tag", "v1", "a", NULL);
	expect_update(repo_id("r", "b"));
	mirror_path(&path, "mirrors", url);
	ck_assert_str_eq(path.buf, mirror.buf);
	ck_assert_str_eq(repo_id(mirror.buf, "v1"), repo_id("r", "a"));
	ck_assert_str_eq(git_says(mirror.buf, "rev-parse", "--is-bare-repository", NULL), "true");
	expect_nothing_left();
	str_release(&path);
}
END_TEST

START_TEST(a_commit_that_is_there_is_not_fetched_again)
{
	char *id;

	repo_import("r", "a\nb a\n");
	id = mem_strdup(repo_id("r", "b"));
	expect_update(id);
	ck_assert_int_eq(dir_remove("r", &err), 0);
	expect_update(id);
	ck_assert_int_eq(update(url, NULL, LONG_MS), -ERR_UNAVAILABLE);
	free(id);
}
END_TEST

START_TEST(what_is_new_is_fetched_and_what_went_goes)
{
	repo_import("r", "a\nb a\n");
	expect_update(NULL);
	git_ok("r", "branch", "-D", "b", NULL);
	git_ok("r", "branch", "b/below", "a", NULL);
	git_ok("r", "checkout", "--quiet", "-b", "main", "a", NULL);
	fixture_write("r/new", "new\n");
	expect_update(repo_commit("r", "new"));
	ck_assert_str_eq(repo_id(mirror.buf, "b/below"), repo_id("r", "a"));
	/* A branch that was rewound. */
	git_ok("r", "reset", "--quiet", "--hard", "a", NULL);
	fixture_write("r/other", "other\n");
	expect_update(repo_commit("r", "other"));
	ck_assert_str_eq(repo_id(mirror.buf, "main"), repo_id("r", "main"));
	expect_update(NULL);
}
END_TEST

START_TEST(a_commit_on_no_branch_is_asked_for_by_name)
{
	const char *id;

	repo_import("r", "a\nb a\n");
	id = repo_id("r", "b");
	git_ok("r", "branch", "-D", "b", NULL);
	expect_update(id);
	ck_assert_str_eq(
		git_says(mirror.buf, "for-each-ref", "--format=%(refname)", "refs/heads", NULL),
		"refs/heads/a");
}
END_TEST

START_TEST(a_commit_that_the_remote_has_not_is_not_found)
{
	static const char *const nowhere = "0123456789012345678901234567890123456789";

	repo_import("r", "a\n");
	ck_assert_int_eq(update(url, nowhere, LONG_MS), -ERR_NOT_FOUND);
	ck_assert_ptr_nonnull(strstr(err.text, nowhere));
	ck_assert_ptr_nonnull(strstr(err.text, url));
	ck_assert_int_eq(update(url, nowhere, LONG_MS), -ERR_NOT_FOUND);
	ck_assert_int_eq(update(url, repo_id("r", "a^{tree}"), LONG_MS), -ERR_NOT_FOUND);
	ck_assert_int_eq(update(url, "main", LONG_MS), -ERR_INVALID);
	ck_assert_uint_eq(mirror.len, 0);
}
END_TEST

START_TEST(an_empty_repository_has_no_commit)
{
	git_ok(NULL, "init", "--quiet", "--bare", "r", NULL);
	expect_update(NULL);
	ck_assert_int_eq(
		update(url, "0123456789012345678901234567890123456789", LONG_MS), -ERR_NOT_FOUND);
}
END_TEST

START_TEST(a_repository_that_cannot_be_reached_is_unavailable_in_its_own_words)
{
	ck_assert_int_eq(update(url, NULL, LONG_MS), -ERR_UNAVAILABLE);
	ck_assert_ptr_nonnull(strstr(err.text, "does not exist"));
	ck_assert_ptr_null(strchr(err.text, '\n'));
	expect_nothing_left();
	ck_assert_int_eq(update("http://127.0.0.1:1/r", NULL, LONG_MS), -ERR_UNAVAILABLE);
	ck_assert_ptr_nonnull(strstr(err.text, "onnect"));
	/* The way back: when it is there, it is taken. */
	repo_import("r", "a\n");
	expect_update(repo_id("r", "a"));
}
END_TEST

START_TEST(a_server_that_never_answers_ends_at_the_deadline)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int64_t begin_ms = clock_steady_ms();
	char *silent;

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, len), 0);
	ck_assert_int_eq(listen(fd, 4), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	silent = mem_printf("git://127.0.0.1:%u/r", ntohs(address.sin_port));
	ck_assert_int_eq(update(silent, NULL, 500), -ERR_TIMEOUT);
	ck_assert_int_lt(clock_steady_ms() - begin_ms, 20000);
	free(silent);
	close(fd);
}
END_TEST

START_TEST(another_process_that_never_ends_is_waited_for_until_the_deadline)
{
	struct str lock = STR_INIT;
	int fd = -1;

	repo_import("r", "a\n");
	expect_update(NULL);
	mirror_path(&lock, "mirrors", url);
	str_set_len(&lock, lock.len - strlen(".git"));
	str_add(&lock, ".lock");
	ck_assert_int_eq(file_lock(&fd, lock.buf, 0, &err), 0);
	ck_assert_int_eq(update(url, NULL, 100), -ERR_TIMEOUT);
	/* Who only wants what is there does not wait. */
	expect_update(repo_id("r", "a"));
	file_close(&fd);
	expect_update(NULL);
	str_release(&lock);
}
END_TEST

START_TEST(what_a_killed_fetch_left_is_removed)
{
	static const char *const leftovers[] = {
		"refs/heads/main.lock",
		"refs/tags/deep/er/x.lock",
		"packed-refs.lock",
		"HEAD.lock",
		"shallow.lock",
		"objects/pack/tmp_pack_x",
		"objects/pack/tmp_idx_x",
		"objects/pack/.tmp-1-pack-x.pack",
	};
	struct str path = STR_INIT;

	repo_import("r", "a\nb a\n");
	expect_update(repo_id("r", "b"));
	git_ok("r", "checkout", "--quiet", "-b", "main", "b", NULL);
	ck_assert_int_eq(
		dir_make(str_setf(&path, "%s/refs/tags/deep/er", mirror.buf), 0755, &err), 0);
	for (size_t i = 0; i < sizeof(leftovers) / sizeof(leftovers[0]); i++)
		fixture_write(str_setf(&path, "%s/%s", mirror.buf, leftovers[i]), "x");
	git_ok("r", "tag", "gone", "b", NULL);
	git_ok("r", "branch", "-D", "b", NULL);
	fixture_write("r/x", "x\n");
	expect_update(repo_commit("r", "new"));
	for (size_t i = 0; i < sizeof(leftovers) / sizeof(leftovers[0]); i++)
		ck_assert_msg(!fixture_exists(str_setf(&path, "%s/%s", mirror.buf, leftovers[i])),
			"%s", leftovers[i]);
	str_release(&path);
}
END_TEST

START_TEST(half_a_clone_is_begun_again_and_a_damaged_mirror_made_anew)
{
	struct str path = STR_INIT;

	repo_import("r", "a\n");
	mirror_path(&path, "mirrors", url);
	str_set_len(&path, path.len - strlen(".git"));
	str_add(&path, ".new/objects/pack");
	ck_assert_int_eq(dir_make(path.buf, 0755, &err), 0);
	str_add(&path, "/tmp_pack_x");
	fixture_write(path.buf, "half");
	expect_update(repo_id("r", "a"));
	expect_nothing_left();
	ck_assert_int_eq(unlink(str_setf(&path, "%s/HEAD", mirror.buf)), 0);
	expect_update(repo_id("r", "a"));
	str_release(&path);
}
END_TEST

/* What reading `want` in the mirror ends with, as one hears it who asks mirror_excuse(). */
static int read_excused(const char *want)
{
	struct repository *repository = NULL;
	struct commit_info info = { 0 };
	int result = repository_open(&repository, mirror.buf, &err);

	if (result == 0)
		result = commit_info_read(&info, repository, want, &err);
	commit_info_release(&info);
	repository_free(repository);
	return mirror_excuse(result, mirror.buf, &err);
}

START_TEST(a_mirror_that_goes_while_it_is_read_is_an_excuse_and_a_whole_one_none)
{
	char want[GIT_HEX + 1];

	repo_import("r", "a\n");
	snprintf(want, sizeof(want), "%s", repo_id("r", "a"));
	expect_update(want);
	ck_assert_int_eq(read_excused(want), 0);
	want[0] = want[0] == '0' ? '1' : '0';
	ck_assert_int_eq(read_excused(want), -ERR_NOT_FOUND);
	ck_assert(strstr(err.text, want) != NULL);

	ck_assert_int_eq(dir_remove(mirror.buf, &err), 0);
	ck_assert_int_eq(read_excused(want), -ERR_UNAVAILABLE);
	ck_assert(strstr(err.text, "deleted") != NULL);
}
END_TEST

START_TEST(a_mirror_whose_objects_are_damaged_is_made_anew)
{
	struct str path = STR_INIT, sub = STR_INIT;
	char want[GIT_HEX + 1];
	struct dirent *entry;
	DIR *dir;

	repo_import("r", "a\n");
	snprintf(want, sizeof(want), "%s", repo_id("r", "a"));
	expect_update(want);
	dir = opendir(str_setf(&path, "%s/objects/pack", mirror.buf));
	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir))) {
		if (str_has_suffix(entry->d_name, ".pack")) {
			str_setf(&sub, "%s/%s", path.buf, entry->d_name);
			ck_assert_int_eq(truncate(sub.buf, 16), 0);
		}
	}
	closedir(dir);
	ck_assert(sub.len > 0);
	ck_assert_int_eq(read_excused(want), -ERR_UNAVAILABLE);
	ck_assert_msg(strstr(err.text, "damaged") != NULL, "%s", err.text);
	expect_update(want);
	ck_assert_int_eq(read_excused(want), 0);
	str_release(&path);
	str_release(&sub);
}
END_TEST

/* A child that updates; it ends by _exit, so that nothing of the test is undone twice. */
static pid_t start_update(const char *want)
{
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		_exit(update(url, want, LONG_MS) == 0 ? 0 : 1);
	return pid;
}

static int end_of(pid_t pid)
{
	int status;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return status;
}

static void import_many(unsigned commits)
{
	struct str lines = STR_INIT;

	str_add(&lines, "c0\n");
	for (unsigned i = 1; i < commits; i++)
		str_addf(&lines, "c%u c%u\n", i, i - 1);
	repo_import("r", lines.buf);
	str_release(&lines);
}

START_TEST(two_processes_at_once_make_one_mirror)
{
	pid_t pids[4];

	import_many(200);
	for (size_t i = 0; i < 4; i++)
		pids[i] = start_update(i % 2 ? repo_id("r", "c199") : NULL);
	for (size_t i = 0; i < 4; i++)
		ck_assert_int_eq(end_of(pids[i]), 0);
	expect_update(repo_id("r", "c199"));
	expect_nothing_left();
	git_ok(mirror.buf, "fsck", "--no-progress", NULL);
}
END_TEST

START_TEST(a_process_killed_at_any_moment_leaves_nothing_that_matters)
{
	struct str fresh = STR_INIT;

	import_many(300);
	mirror_path(&fresh, "mirrors", url);
	str_set_len(&fresh, fresh.len - strlen(".git"));
	str_add(&fresh, ".new");
	for (unsigned i = 0; i < 6; i++) {
		pid_t pid = start_update(NULL);

		/* The moment: at once, or when the clone has begun. */
		for (unsigned k = 0; i % 2 && k < 2000000 && !fixture_exists(fresh.buf); k++) {
			int status;

			if (waitpid(pid, &status, WNOHANG) == pid) {
				pid = 0;
				break;
			}
		}
		if (pid > 0) {
			kill(pid, SIGKILL);
			end_of(pid);
		}
	}
	expect_update(repo_id("r", "c299"));
	expect_nothing_left();
	git_ok(mirror.buf, "fsck", "--no-progress", NULL);
	str_release(&fresh);
}
END_TEST

START_TEST(many_fetches_do_not_pile_up_packs)
{
	struct str packs = STR_INIT;
	unsigned n = 0;
	const char *p;

	repo_import("r", "a\n");
	git_ok("r", "checkout", "--quiet", "-b", "main", "a", NULL);
	for (unsigned i = 0; i < 45; i++) {
		repo_commit("r", "one more");
		expect_update(NULL);
	}
	str_add(&packs, git_says(mirror.buf, "count-objects", "-v", NULL));
	p = strstr(packs.buf, "packs: ");
	ck_assert_ptr_nonnull(p);
	n = (unsigned)strtoul(p + strlen("packs: "), NULL, 10);
	ck_assert_uint_lt(n, 40);
	git_ok(mirror.buf, "fsck", "--no-progress", NULL);
	str_release(&packs);
}
END_TEST

static const char *value_of(const char *name)
{
	const char *found = NULL;
	size_t len = strlen(name);

	for (const char *const *env = git_environment(); *env; env++) {
		if (strncmp(*env, name, len) == 0 && (*env)[len] == '=') {
			ck_assert_msg(!found, "%s twice", name);
			found = *env + len + 1;
		}
	}
	return found;
}

/* Of those that git is given by its environment. */
static const char *setting_of(const char *key)
{
	char name[40];
	int n = atoi(value_of("GIT_CONFIG_COUNT"));

	for (int i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "GIT_CONFIG_KEY_%d", i);
		if (strcmp(value_of(name), key))
			continue;
		snprintf(name, sizeof(name), "GIT_CONFIG_VALUE_%d", i);
		return value_of(name);
	}
	return NULL;
}

START_TEST(the_environment_of_git_is_ours)
{
	setenv("GIT_DIR", "/nowhere", 1);
	setenv("GIT_WORK_TREE", "/nowhere", 1);
	setenv("GIT_INDEX_FILE", "/nowhere", 1);
	setenv("GIT_CONFIG_PARAMETERS", "'core.hooksPath=/tmp'", 1);
	setenv("GIT_SSH", "touch", 1);
	setenv("SSH_AUTH_SOCK", "/run/agent", 1);
	setenv("LANG", "de_DE.UTF-8", 1);
	git_environment_checkouts(1 << 20);
	ck_assert_ptr_null(value_of("GIT_DIR"));
	ck_assert_ptr_null(value_of("GIT_WORK_TREE"));
	ck_assert_ptr_null(value_of("GIT_INDEX_FILE"));
	ck_assert_ptr_null(value_of("GIT_CONFIG_PARAMETERS"));
	ck_assert_ptr_null(value_of("GIT_SSH"));
	ck_assert_ptr_null(value_of("LANG"));
	ck_assert_str_eq(value_of("LC_ALL"), "C");
	ck_assert_str_eq(value_of("PATH"), getenv("PATH"));
	ck_assert_str_eq(value_of("SSH_AUTH_SOCK"), "/run/agent");
	ck_assert_str_eq(value_of("GIT_TERMINAL_PROMPT"), "0");
	ck_assert_str_eq(value_of("GIT_CONFIG_GLOBAL"), "/dev/null");
	ck_assert_str_eq(value_of("GIT_ALLOW_PROTOCOL"), "file:git:http:https:ssh");
	ck_assert_ptr_nonnull(strstr(value_of("GIT_SSH_COMMAND"), "BatchMode=yes"));
	ck_assert_str_eq(setting_of("checkout.workers"), "1");
	ck_assert_ptr_eq(git_environment(), git_environment());
}
END_TEST

START_TEST(a_foreign_git_dir_in_the_environment_changes_nothing)
{
	const char *id;

	repo_import("r", "a\nb a\n");
	repo_import("other", "x\n");
	id = repo_id("r", "b");
	setenv("GIT_DIR", "other/.git", 1);
	ck_assert_msg(update(url, id, LONG_MS) == 0, "%s", err.text);
	unsetenv("GIT_DIR");
	ck_assert_str_eq(repo_id(mirror.buf, "b"), id);
	ck_assert_str_eq(
		git_says("other", "for-each-ref", "--format=%(refname)", NULL), "refs/heads/x");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("git/mirror");
	TCase *tests = tcase_create("mirror");
	SRunner *runner;
	int failed;

	fixture_environment();
	tcase_add_checked_fixture(tests, enter, leave);
	tcase_add_test(tests, addresses_are_taken_or_refused_before_git_sees_them);
	tcase_add_test(tests, a_mirror_is_made_and_named_after_its_address);
	tcase_add_test(tests, a_commit_that_is_there_is_not_fetched_again);
	tcase_add_test(tests, what_is_new_is_fetched_and_what_went_goes);
	tcase_add_test(tests, a_commit_on_no_branch_is_asked_for_by_name);
	tcase_add_test(tests, a_commit_that_the_remote_has_not_is_not_found);
	tcase_add_test(tests, an_empty_repository_has_no_commit);
	tcase_add_test(tests, a_repository_that_cannot_be_reached_is_unavailable_in_its_own_words);
	tcase_add_test(tests, a_server_that_never_answers_ends_at_the_deadline);
	tcase_add_test(tests, another_process_that_never_ends_is_waited_for_until_the_deadline);
	tcase_add_test(tests, what_a_killed_fetch_left_is_removed);
	tcase_add_test(tests, half_a_clone_is_begun_again_and_a_damaged_mirror_made_anew);
	tcase_add_test(tests, a_mirror_that_goes_while_it_is_read_is_an_excuse_and_a_whole_one_none);
	tcase_add_test(tests, a_mirror_whose_objects_are_damaged_is_made_anew);
	tcase_add_test(tests, two_processes_at_once_make_one_mirror);
	tcase_add_test(tests, a_process_killed_at_any_moment_leaves_nothing_that_matters);
	tcase_add_test(tests, many_fetches_do_not_pile_up_packs);
	tcase_add_test(tests, the_environment_of_git_is_ours);
	tcase_add_test(tests, a_foreign_git_dir_in_the_environment_changes_nothing);
	tcase_set_timeout(tests, 120);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_set_fork_status(runner, CK_FORK);	/* what one test leaves behind would be in the way of the next */
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
