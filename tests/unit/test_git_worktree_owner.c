/* Whose a work tree is: one owner at a time, and of the user's own repository nothing changes. */
#include "git/worktree.h"

#include <check.h>
#include <dirent.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "tests/unit/git_fixture.h"
#include "tests/unit/worktree_fixture.h"

/* --- The user's own repository. --- */

static void add_files(struct strv *ret, const char *directory)
{
	struct str path = STR_INIT;
	struct dirent *entry;
	DIR *dir = opendir(directory);

	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir))) {
		struct str text = STR_INIT;
		struct stat st;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		str_setf(&path, "%s/%s", directory, entry->d_name);
		ck_assert_int_eq(lstat(path.buf, &st), 0);
		if (S_ISDIR(st.st_mode)) {
			strv_push(ret, path.buf);
			add_files(ret, path.buf);
		} else {
			ck_assert_int_eq(file_read(&text, path.buf, 1 << 20, &err), 0);
			strv_pushf(ret, "%s %ld.%09ld %zu", path.buf, (long)st.st_mtim.tv_sec,
				st.st_mtim.tv_nsec, text.len);
		}
		str_release(&text);
	}
	closedir(dir);
	str_release(&path);
	strv_sort_unique(ret);
}

START_TEST(the_users_repository_is_left_as_it_was)
{
	struct strv before = STRV_INIT, after = STRV_INIT;

	git_ok("r", "checkout", "--quiet", "-b", "main", "b", NULL);
	fixture_write("r/f", "being edited");
	fixture_write("r/staged", "staged");
	git_ok("r", "add", "staged", NULL);
	ck_assert_int_eq(dir_make("r/.git/hooks", 0755, &err), 0);
	fixture_write("r/.git/hooks/post-checkout", "#!/bin/sh\ntouch ran\n");
	fixture_write("r/.git/hooks/post-index-change", "#!/bin/sh\ntouch ran\n");
	ck_assert_int_eq(chmod("r/.git/hooks/post-checkout", 0755), 0);
	ck_assert_int_eq(chmod("r/.git/hooks/post-index-change", 0755), 0);
	git_ok("r", "config", "gc.auto", "1", NULL);
	git_ok("r", "config", "gc.pruneExpire", "now", NULL);
	git_ok("r", "config", "core.fsmonitor", "true", NULL);
	add_files(&before, "r");
	take();
	/* Only what we run: a git of the test would find the hooks. */
	ck_assert_int_eq(checkout("m", WORKTREE_KEEP), 0);
	ck_assert(!fixture_exists(in_tree("ran")));
	ck_assert_int_eq(checkout("a", WORKTREE_CLEAN), 0);
	ck_assert(!fixture_exists(in_tree("ran")));
	ck_assert_int_eq(worktree_remove(tree, &err), 0);
	tree = NULL;
	add_files(&after, "r");
	ck_assert_uint_eq(before.n, after.n);
	for (size_t i = 0; i < before.n; i++)
		ck_assert_str_eq(before.v[i], after.v[i]);
	ck_assert(!fixture_exists("trees/0") && !fixture_exists("trees/0.lock"));
	strv_release(&before);
	strv_release(&after);
}
END_TEST

START_TEST(filters_of_the_repositorys_configuration_apply)
{
	git_ok("r", "config", "core.autocrlf", "true", NULL);
	git_ok("r", "config", "filter.shout.smudge", "tr a-z A-Z", NULL);
	git_ok("r", "config", "filter.shout.clean", "tr A-Z a-z", NULL);
	git_ok("r", "checkout", "--quiet", "-b", "main", "a", NULL);
	fixture_write("r/.gitattributes", "loud filter=shout\n");
	fixture_write("r/loud", "hello\n");
	repo_commit("r", "with a filter");
	take();
	ck_assert_msg(checkout("main", WORKTREE_KEEP) == 0, "%s", err.text);
	ck_assert(fixture_holds(in_tree("loud"), "HELLO\r\n"));
	ck_assert(fixture_holds(in_tree("files/a"), "1\r\n"));
}
END_TEST

START_TEST(other_work_trees_of_the_user_are_not_touched)
{
	char *listed;

	git_ok("r", "worktree", "add", "--quiet", "--detach", "../users", "a", NULL);
	git_ok("r", "worktree", "add", "--quiet", "--detach", "../gone", "a", NULL);
	ck_assert_int_eq(dir_remove("gone", &err), 0);
	listed = mem_strdup(git_says("r", "worktree", "list", "--porcelain", NULL));
	take();
	expect_checkout("b", WORKTREE_KEEP);
	ck_assert_ptr_nonnull(strstr(
		git_says("r", "worktree", "list", "--porcelain", NULL), worktree_path(tree)));
	/* Nothing of ours looks as if it could be pruned. */
	ck_assert_ptr_null(strstr(
		git_says("r", "worktree", "prune", "--dry-run", "--expire=now", NULL), "bisectd"));
	give_back();
	ck_assert_int_eq(worktree_remove_all("r/.git", "trees", &err), 0);
	ck_assert_str_eq(git_says("r", "worktree", "list", "--porcelain", NULL), listed);
	free(listed);
}
END_TEST

START_TEST(a_bare_repository_has_work_trees_too)
{
	git_ok(NULL, "clone", "--quiet", "--bare", "r", "bare.git", NULL);
	ck_assert_int_eq(worktree_take(&tree, "bare.git", "trees", 1, &err), 0);
	expect_checkout("m", WORKTREE_KEEP);
	ck_assert_int_eq(worktree_remove(tree, &err), 0);
	tree = NULL;
	ck_assert(!fixture_exists("bare.git/worktrees"));
	ck_assert_int_eq(worktree_take(&tree, "nowhere.git", "trees", 1, &err), -ERR_NOT_FOUND);
}
END_TEST

/* --- Whose a tree is. --- */

START_TEST(a_taken_tree_is_nobody_elses_and_the_lowest_free_number_is_next)
{
	struct worktree *other = NULL, *third = NULL;

	ck_assert_int_eq(worktree_take(&tree, "r/.git", "trees", 2, &err), 0);
	ck_assert_int_eq(worktree_take(&other, "r/.git", "trees", 2, &err), 0);
	ck_assert(str_has_suffix(worktree_path(tree), "/trees/0"));
	ck_assert(str_has_suffix(worktree_path(other), "/trees/1"));
	ck_assert_int_eq(worktree_take(&third, "r/.git", "trees", 2, &err), -ERR_UNAVAILABLE);
	ck_assert_ptr_nonnull(strstr(err.text, "all 2 work trees"));
	give_back();
	take();
	ck_assert(str_has_suffix(worktree_path(tree), "/trees/0"));
	worktree_give_back(other);
	worktree_give_back(NULL);
}
END_TEST

START_TEST(the_lock_dies_with_its_owner)
{
	int ready[2];
	char byte;
	pid_t pid;

	ck_assert_int_eq(pipe(ready), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		close(ready[0]);
		if (worktree_take(&tree, "r/.git", "trees", 1, NULL) < 0 ||
			write(ready[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	ck_assert_int_eq(worktree_take(&tree, "r/.git", "trees", 1, &err), -ERR_UNAVAILABLE);
	/* Nor is it removed from under its owner. */
	ck_assert_int_eq(worktree_remove_all("r/.git", "trees", &err), 0);
	ck_assert(fixture_exists("trees/0.lock"));
	kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	ck_assert_int_eq(worktree_take(&tree, "r/.git", "trees", 1, &err), 0);
	close(ready[0]);
}
END_TEST

START_TEST(a_child_with_the_lock_keeps_the_tree_taken)
{
	int input[2], lock;
	pid_t pid;

	ck_assert_int_eq(pipe(input), 0);
	take();
	lock = worktree_lock_fd(tree);
	ck_assert_int_ge(lock, 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		char byte;

		close(input[1]);
		_exit((int)read(input[0], &byte, 1));
	}
	close(input[0]);
	give_back();
	ck_assert_int_eq(worktree_take(&tree, "r/.git", "trees", 1, &err), -ERR_UNAVAILABLE);
	close(input[1]);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	ck_assert_int_eq(worktree_take(&tree, "r/.git", "trees", 1, &err), 0);
}
END_TEST

START_TEST(four_processes_work_side_by_side)
{
	static const char *const revisions[] = { "a", "m", "x", "c", "b" };
	char ids[5][GIT_HEX + 1];
	pid_t pids[4];

	for (size_t i = 0; i < 5; i++)
		memcpy(ids[i], repo_id("r", revisions[i]), sizeof(ids[i]));
	for (size_t p = 0; p < 4; p++) {
		pids[p] = fork();
		ck_assert_int_ge(pids[p], 0);
		if (pids[p] > 0)
			continue;
		if (worktree_take(&tree, "r/.git", "trees", 4, NULL) < 0)
			_exit(1);
		for (size_t i = 0; i < 15; i++) {
			size_t which = (i * (p + 1)) % 5;

			if (worktree_checkout(tree, ids[which],
				    i % 4 ? WORKTREE_KEEP : WORKTREE_CLEAN, NULL) < 0)
				_exit(2);
			if (!fixture_holds(in_tree("f"), revisions[which]))
				_exit(3);
		}
		_exit(0);
	}
	for (size_t p = 0; p < 4; p++) {
		int status;

		ck_assert_int_eq(waitpid(pids[p], &status, 0), pids[p]);
		ck_assert_int_eq(status, 0);
	}
	ck_assert_int_eq(worktree_remove_all("r/.git", "trees", &err), 0);
	ck_assert(!fixture_exists("r/.git/worktrees"));
}
END_TEST

START_TEST(all_trees_go_and_their_registrations_with_them)
{
	take();
	expect_checkout("a", WORKTREE_KEEP);
	give_back();
	fixture_write("trees/not-ours", "x");
	ck_assert_int_eq(worktree_remove_all("r/.git", "trees", &err), 0);
	ck_assert(!fixture_exists("trees/0") && !fixture_exists("trees/0.lock"));
	ck_assert(fixture_exists("trees/not-ours"));
	/* Also where somebody removed the directory. */
	take();
	expect_checkout("a", WORKTREE_KEEP);
	give_back();
	ck_assert_int_eq(dir_remove("trees", &err), 0);
	ck_assert(fixture_exists("r/.git/worktrees"));
	ck_assert_int_eq(worktree_remove_all("r/.git", "trees", &err), 0);
	ck_assert(!fixture_exists("r/.git/worktrees"));
	ck_assert(!fixture_exists("trees"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("git/worktree owner");
	TCase *tests = tcase_create("owner");
	SRunner *runner;
	int failed;

	fixture_environment();
	tcase_add_checked_fixture(tests, enter, leave);
	tcase_add_test(tests, the_users_repository_is_left_as_it_was);
	tcase_add_test(tests, filters_of_the_repositorys_configuration_apply);
	tcase_add_test(tests, other_work_trees_of_the_user_are_not_touched);
	tcase_add_test(tests, a_bare_repository_has_work_trees_too);
	tcase_add_test(tests, a_taken_tree_is_nobody_elses_and_the_lowest_free_number_is_next);
	tcase_add_test(tests, the_lock_dies_with_its_owner);
	tcase_add_test(tests, a_child_with_the_lock_keeps_the_tree_taken);
	tcase_add_test(tests, four_processes_work_side_by_side);
	tcase_add_test(tests, all_trees_go_and_their_registrations_with_them);
	tcase_set_timeout(tests, 120);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_set_fork_status(runner, CK_FORK);	/* what one test leaves behind would be in the way of the next */
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
