/* A warm work tree: after a checkout everything tracked is the commit's, whatever builds and killed processes left in it. */
#include "git/worktree.h"

#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "git/index.h"
#include "tests/unit/git_fixture.h"
#include "tests/unit/worktree_fixture.h"

/*
 * The tree's directory below .git/worktrees, which only the tests need to know; the caller frees.
 */
static char *admin(void)
{
	return mem_strdup(git_says(worktree_path(tree), "rev-parse", "--absolute-git-dir", NULL));
}

static void expect_no_untracked(void)
{
	ck_assert_str_eq(
		git_says(worktree_path(tree), "status", "--porcelain", "--ignored", NULL), "");
}

START_TEST(a_checkout_has_the_files_of_its_commit_and_of_no_other)
{
	take();
	expect_checkout("m", WORKTREE_KEEP);
	ck_assert(fixture_exists(in_tree("files/c")));
	expect_checkout("a", WORKTREE_KEEP);
	ck_assert(fixture_holds(in_tree("f"), "a"));
	ck_assert(!fixture_exists(in_tree("files/c")));
	expect_checkout("c", WORKTREE_KEEP);
	ck_assert(fixture_holds(in_tree("f"), "c"));
	expect_no_untracked();
}
END_TEST

START_TEST(untracked_files_stay_or_go_as_asked)
{
	take();
	expect_checkout("a", WORKTREE_KEEP);
	fixture_write(in_tree("built.o"), "object");
	ck_assert_int_eq(dir_make(in_tree("deep/repository/.git"), 0755, &err), 0);
	expect_checkout("b", WORKTREE_KEEP);
	ck_assert(fixture_holds(in_tree("built.o"), "object"));
	fixture_write(in_tree(".gitignore"), "*\n");
	expect_checkout("c", WORKTREE_CLEAN);
	ck_assert(!fixture_exists(in_tree("built.o")));
	ck_assert(!fixture_exists(in_tree("deep")));
	expect_no_untracked();
}
END_TEST

START_TEST(a_tracked_file_that_was_tampered_with_is_restored)
{
	take();
	expect_checkout("b", WORKTREE_KEEP);
	/* The same size in the same moment, gone, executable, a link, a directory. */
	fixture_write(in_tree("f"), "X");
	ck_assert_int_eq(unlink(in_tree("files/a")), 0);
	expect_checkout("b", WORKTREE_KEEP);
	ck_assert(fixture_holds(in_tree("f"), "b"));
	ck_assert(fixture_holds(in_tree("files/a"), "1\n"));
	ck_assert_int_eq(chmod(in_tree("f"), 0755), 0);
	ck_assert_int_eq(unlink(in_tree("files/a")), 0);
	ck_assert_int_eq(symlink("/etc/passwd", in_tree("files/a")), 0);
	expect_checkout("b", WORKTREE_KEEP);
	ck_assert(fixture_holds(in_tree("files/a"), "1\n"));
	ck_assert_int_eq(unlink(in_tree("f")), 0);
	ck_assert_int_eq(dir_make(in_tree("f/with/files"), 0755, &err), 0);
	expect_checkout("c", WORKTREE_KEEP);
	ck_assert(fixture_holds(in_tree("f"), "c"));
}
END_TEST

START_TEST(a_staged_change_and_a_branch_made_by_a_build_are_undone)
{
	take();
	expect_checkout("b", WORKTREE_KEEP);
	fixture_write(in_tree("f"), "staged");
	fixture_write(in_tree("added"), "staged");
	git_ok(worktree_path(tree), "add", "--all", NULL);
	git_ok(worktree_path(tree), "checkout", "--quiet", "-b", "by-build", NULL);
	expect_checkout("b", WORKTREE_KEEP);
	ck_assert(fixture_holds(in_tree("f"), "b"));
	ck_assert(!fixture_exists(in_tree("added")));
	ck_assert_str_eq(repo_id("r", "by-build"), repo_id("r", "b"));
	ck_assert_str_eq(
		git_says(worktree_path(tree), "rev-parse", "--abbrev-ref", "HEAD", NULL), "HEAD");
}
END_TEST

START_TEST(what_is_untracked_gives_way_to_what_is_tracked)
{
	take();
	expect_checkout("a", WORKTREE_KEEP);
	fixture_write(in_tree("files/b"), "in the way");
	ck_assert_int_eq(dir_make(in_tree("files/c/inside"), 0755, &err), 0);
	fixture_write(in_tree("files/c/inside/file"), "in the way");
	expect_checkout("c", WORKTREE_KEEP);
	ck_assert(fixture_holds(in_tree("files/b"), "1\n"));
	ck_assert(fixture_holds(in_tree("files/c"), "1\n"));
}
END_TEST

START_TEST(a_directory_that_became_a_link_is_not_followed)
{
	take();
	expect_checkout("b", WORKTREE_KEEP);
	ck_assert_int_eq(dir_make("outside", 0755, &err), 0);
	ck_assert_int_eq(dir_remove(in_tree("files"), &err), 0);
	ck_assert_int_eq(symlink("../../outside", in_tree("files")), 0);
	expect_checkout("c", WORKTREE_KEEP);
	ck_assert(fixture_holds(in_tree("files/c"), "1\n"));
	ck_assert(!fixture_exists("outside/c"));
}
END_TEST

START_TEST(a_commit_that_is_not_there_is_not_found_and_changes_nothing)
{
	take();
	expect_checkout("b", WORKTREE_KEEP);
	ck_assert_int_eq(worktree_checkout(tree, "0123456789012345678901234567890123456789",
				 WORKTREE_KEEP, &err),
		-ERR_NOT_FOUND);
	ck_assert_int_eq(worktree_checkout(tree, "b", WORKTREE_KEEP, &err), -ERR_NOT_FOUND);
	expect_commit("b");
	/* One that arrives later is seen. */
	fixture_write(in_tree("f"), "later");
	git_ok(worktree_path(tree), "commit", "--quiet", "-am", "later", NULL);
	git_ok("r", "branch", "later", git_says(worktree_path(tree), "rev-parse", "HEAD", NULL),
		NULL);
	expect_checkout("a", WORKTREE_KEEP);
	expect_checkout("later", WORKTREE_KEEP);
}
END_TEST

/* --- What the dead leave behind. --- */

START_TEST(leftover_locks_are_removed_and_untracked_files_stay)
{
	char *place;

	take();
	expect_checkout("b", WORKTREE_KEEP);
	place = admin();
	fixture_write(in_tree("built.o"), "object");
	fixture_write(str_setf(&path_of, "%s/index.lock", place), "");
	fixture_write(str_setf(&path_of, "%s/HEAD.lock", place), "");
	expect_checkout("c", WORKTREE_KEEP);
	ck_assert(!fixture_exists(str_setf(&path_of, "%s/index.lock", place)));
	ck_assert(fixture_holds(in_tree("built.o"), "object"));
	free(place);
}
END_TEST

START_TEST(half_a_checkout_is_finished_without_files_of_another_commit)
{
	char *place;

	take();
	expect_checkout("a", WORKTREE_KEEP);
	place = admin();
	/*
	 * As git leaves it when killed: new files written, the index still the old one; our mark
	 * says so.
	 */
	fixture_write(str_setf(&path_of, "%s/bisectd-busy", place), "");
	fixture_write(str_setf(&path_of, "%s/index.lock", place), "DIRC");
	fixture_write(in_tree("files/b"), "1\n");
	expect_checkout("x", WORKTREE_KEEP);
	ck_assert(!fixture_exists(in_tree("files/b")));
	expect_no_untracked();
	/* Only once. */
	fixture_write(in_tree("built.o"), "object");
	expect_checkout("a", WORKTREE_KEEP);
	ck_assert(fixture_exists(in_tree("built.o")));
	free(place);
}
END_TEST

START_TEST(whatever_is_broken_in_a_tree_is_mended)
{
	static const struct { const char *file, *text;
	} rows[] = {
		{ "HEAD", "garbage\n" },
		{ "HEAD", "" },
		{ "HEAD", "ref: refs/heads/nothing\n" },
		{ "HEAD", "0123456789012345678901234567890123456789\n" },
		{ "HEAD", NULL },
		{ "index", "garbage" },
		{ "index", "" },
		{ "index", NULL },
		{ "gitdir", "/nowhere/.git\n" },
		{ "gitdir", NULL },
		{ "commondir", "/nowhere\n" },
		{ "commondir", NULL },
	};
	char *place;

	take();
	expect_checkout("a", WORKTREE_KEEP);
	place = admin();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		str_setf(&path_of, "%s/%s", place, rows[i].file);
		ck_assert_int_eq(unlink(path_of.buf), 0);
		if (rows[i].text)
			fixture_write(path_of.buf, rows[i].text);
		expect_checkout(i % 2 ? "m" : "x", WORKTREE_KEEP);
		expect_no_untracked();
	}
	ck_assert_int_eq(dir_remove(place, &err), 0);
	expect_checkout("b", WORKTREE_KEEP);
	ck_assert_int_eq(dir_remove(worktree_path(tree), &err), 0);
	expect_checkout("c", WORKTREE_KEEP);
	ck_assert_int_eq(dir_remove(worktree_path(tree), &err), 0);
	fixture_write(worktree_path(tree), "a file in its place");
	expect_checkout("b", WORKTREE_KEEP);
	expect_no_untracked();
	free(place);
}
END_TEST

START_TEST(a_lost_git_file_is_written_again_and_the_tree_stays_warm)
{
	take();
	expect_checkout("a", WORKTREE_KEEP);
	fixture_write(in_tree("built.o"), "object");
	ck_assert_int_eq(unlink(in_tree(".git")), 0);
	expect_checkout("b", WORKTREE_KEEP);
	ck_assert_int_eq(unlink(in_tree(".git")), 0);
	ck_assert_int_eq(dir_make(in_tree(".git/objects"), 0755, &err), 0);
	expect_checkout("c", WORKTREE_KEEP);
	ck_assert_int_eq(unlink(in_tree(".git")), 0);
	ck_assert_int_eq(symlink("/etc/passwd", in_tree(".git")), 0);
	expect_checkout("b", WORKTREE_KEEP);
	ck_assert(fixture_holds(in_tree("built.o"), "object"));
}
END_TEST

START_TEST(a_lost_git_file_does_not_let_git_loose_on_the_repository_around)
{
	git_ok("r", "checkout", "--quiet", "m", NULL);
	fixture_write("r/f", "the user's own change");
	ck_assert_int_eq(worktree_take(&tree, "r/.git", "r/.git/trees", 1, &err), 0);
	expect_checkout("a", WORKTREE_CLEAN);
	give_back();
	ck_assert_int_eq(worktree_take(&tree, "r/.git", "r/trees", 1, &err), 0);
	expect_checkout("a", WORKTREE_CLEAN);
	fixture_write("r/untracked", "too");
	ck_assert_int_eq(unlink(in_tree(".git")), 0);
	expect_checkout("b", WORKTREE_CLEAN);
	ck_assert(fixture_holds("r/f", "the user's own change"));
	ck_assert(fixture_holds("r/untracked", "too"));
}
END_TEST

START_TEST(a_read_only_directory_is_no_obstacle)
{
	take();
	expect_checkout("a", WORKTREE_KEEP);
	ck_assert_int_eq(dir_make(in_tree("build/out"), 0755, &err), 0);
	fixture_write(in_tree("build/out/file"), "x");
	ck_assert_int_eq(chmod(in_tree("build/out"), 0555), 0);
	ck_assert_int_eq(chmod(in_tree("files"), 0555), 0);
	expect_checkout("c", WORKTREE_CLEAN);
	expect_no_untracked();
}
END_TEST

START_TEST(text_that_its_own_attributes_would_change_is_no_endless_repair)
{
	const char *id;

	/*
	 * CRLF in the repository, "text" in .gitattributes: to git such a file is modified for
	 * ever.
	 */
	git_ok("r", "checkout", "--quiet", "-b", "crlf", "a", NULL);
	fixture_write("r/dos.txt", "one\r\ntwo\r\n");
	repo_commit("r", "a dos file");
	fixture_write("r/.gitattributes", "*.txt text eol=lf\n");
	git_ok("r", "add", ".gitattributes", NULL);
	git_ok("r", "commit", "--quiet", "-m", "attributes", NULL);
	id = repo_id("r", "HEAD");
	take();
	for (unsigned i = 0; i < 3; i++) {
		ck_assert_int_eq(worktree_checkout(tree, id, WORKTREE_KEEP, &err), 0);
		ck_assert(fixture_holds(in_tree("dos.txt"), "one\r\ntwo\r\n"));
		if (i == 0)
			fixture_write(in_tree("built.o"), "object");
		ck_assert(fixture_holds(in_tree("built.o"), "object"));
		expect_checkout("b", WORKTREE_KEEP);
	}
	ck_assert_int_eq(worktree_checkout(tree, id, WORKTREE_KEEP, &err), 0);
	fixture_write(in_tree("dos.txt"), "one\r\nTWO\r\n");
	ck_assert_int_eq(worktree_checkout(tree, id, WORKTREE_KEEP, &err), 0);
	ck_assert(fixture_holds(in_tree("dos.txt"), "one\r\ntwo\r\n"));
}
END_TEST

START_TEST(a_tree_that_does_not_become_its_commit_is_refused)
{
	const char *id;

	/*
	 * A filter that spoils another file behind git's back, in whatever order git writes the
	 * two: the one that was written first ends wrong.
	 */
	git_ok("r", "config", "filter.spoil.smudge",
		"cat; for other in f zoo; do "
		"if test %f != $other && test -e $other; then echo spoilt >$other; fi; done",
		NULL);
	git_ok("r", "checkout", "--quiet", "-b", "main", "b", NULL);
	fixture_write("r/.gitattributes", "f filter=spoil\nzoo filter=spoil\n");
	fixture_write("r/f", "y\n");
	fixture_write("r/zoo", "x\n");
	git_ok("r", "-c", "filter.spoil.smudge=cat", "add", ".gitattributes", "f", "zoo", NULL);
	git_ok("r", "commit", "--quiet", "-m", "spoil", NULL);
	id = repo_id("r", "HEAD");
	take();
	expect_checkout("a", WORKTREE_KEEP);
	ck_assert_int_eq(worktree_checkout(tree, id, WORKTREE_KEEP, &err), -ERR_CORRUPT);
	ck_assert_ptr_nonnull(strstr(err.text, "differs from commit"));
	expect_checkout("b", WORKTREE_KEEP);
	expect_no_untracked();
}
END_TEST

/* A commit of many small files, which are all made in one moment; its id. */
static const char *make_many_files(void)
{
	struct str name = STR_INIT;

	git_ok("r", "checkout", "--quiet", "-b", "many", "b", NULL);
	for (unsigned i = 0; i < 2400; i++) {
		str_setf(&name, "r/many/%u/%u", i % 7, i);
		if (i < 7) {
			str_set_len(&name, strlen("r/many/0"));
			ck_assert_int_eq(dir_make(name.buf, 0755, &err), 0);
			str_setf(&name, "r/many/%u/%u", i % 7, i);
		}
		fixture_write(name.buf, "of one size");
	}
	str_release(&name);
	return repo_commit("r", "many files");
}

/* Into the file as it is: it stays the same inode and keeps its size. */
static void overwrite(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(file_write_all(fd, text, strlen(text), &err), 0);
	file_close(&fd);
}

START_TEST(a_change_in_the_moment_of_a_great_checkout_is_seen_and_the_tree_stays_warm)
{
	const char *many = make_many_files(), *next;

	fixture_write("r/f", "next");
	next = repo_commit("r", "next");
	take();
	for (unsigned i = 0; i < 4; i++) {
		ck_assert_int_eq(worktree_checkout(tree, many, WORKTREE_KEEP, &err), 0);
		if (i == 0)
			fixture_write(in_tree("built.o"), "object");
		overwrite(in_tree("many/3/703"), "OF ONE SIZE");
		if (i > 1)
			ck_assert_int_eq(unlink(in_tree("many/4/704")), 0);
		ck_assert_int_eq(worktree_checkout(tree, next, WORKTREE_KEEP, &err), 0);
		ck_assert(fixture_holds(in_tree("f"), "next"));
		ck_assert(fixture_holds(in_tree("many/3/703"), "of one size"));
		ck_assert(fixture_holds(in_tree("many/4/704"), "of one size"));
		ck_assert(fixture_holds(in_tree("built.o"), "object"));
	}
	ck_assert_str_eq(git_says(worktree_path(tree), "status", "--porcelain",
				 "--untracked-files=no", NULL),
		"");
}
END_TEST

START_TEST(what_a_command_changes_after_a_great_checkout_is_undone_again_and_again)
{
	const char *many = make_many_files(), *next;

	fixture_write("r/many/5/5", "OF ONE SIZE");
	next = repo_commit("r", "next");
	take();
	for (unsigned i = 0; i < 6; i++) {
		ck_assert_int_eq(
			worktree_checkout(tree, i % 2 ? many : next, WORKTREE_KEEP, &err), 0);
		ck_assert(fixture_holds(
			in_tree("many/5/5"), i % 2 ? "of one size" : "OF ONE SIZE"));
		ck_assert(fixture_holds(in_tree("many/3/703"), "of one size"));
		ck_assert(!fixture_exists(in_tree("added")));
		if (i == 0)
			fixture_write(in_tree("built.o"), "object");
		ck_assert(fixture_holds(in_tree("built.o"), "object"));
		switch (i) {
		case 0:
			break;
		case 1: /* a file in which the next commit differs */
			overwrite(in_tree("many/5/5"), "OF ONE size");
			break;
		case 2: /* a new file in the index */
			fixture_write(in_tree("added"), "x");
			git_ok(worktree_path(tree), "add", "added", NULL);
			break;
		case 3: /* the index of the next commit, and the files of this one */
			git_ok(worktree_path(tree), "read-tree", next, NULL);
			break;
		default: /* one in which it does not */
			overwrite(in_tree("many/3/703"), "of one SIZE");
			break;
		}
	}
}
END_TEST

START_TEST(a_directory_of_untouched_files_behind_a_link_is_no_clean_tree)
{
	const char *many = make_many_files();
	char *place, *path;
	struct tree_index *index;
	struct timespec seen;

	take();
	ck_assert_int_eq(worktree_checkout(tree, many, WORKTREE_KEEP, &err), 0);
	place = admin();
	path = mem_printf("%s/index", place);
	index = tree_index_open(path, worktree_path(tree));
	ck_assert_ptr_nonnull(index);
	ck_assert(tree_index_is_clean(&seen, index));
	ck_assert_int_eq(rename(in_tree("many"), "elsewhere"), 0);
	ck_assert(!tree_index_is_clean(&seen, index));
	ck_assert_int_eq(symlink("../../elsewhere", in_tree("many")), 0);
	ck_assert(fixture_holds(in_tree("many/3/703"), "of one size"));
	ck_assert(!tree_index_is_clean(&seen, index));
	tree_index_free(index);
	ck_assert_ptr_null(tree_index_open("nowhere/index", worktree_path(tree)));
	free(place);
	free(path);
}
END_TEST

START_TEST(kinds_of_index_that_only_git_reads_are_no_obstacle)
{
	git_ok("r", "config", "core.splitIndex", "true", NULL);
	git_ok("r", "config", "core.untrackedCache", "true", NULL);
	take();
	expect_checkout("a", WORKTREE_KEEP);
	expect_checkout("m", WORKTREE_KEEP);
	expect_checkout("x", WORKTREE_CLEAN);
	git_ok("r", "config", "core.splitIndex", "false", NULL);
	git_ok("r", "config", "index.version", "4", NULL);
	expect_checkout("b", WORKTREE_KEEP);
	expect_no_untracked();
}
END_TEST

START_TEST(a_checkout_killed_at_any_moment_is_repaired)
{
	struct str lines = STR_INIT;

	/* Enough files that a checkout takes a while. */
	str_add(&lines, "c0\n");
	for (unsigned i = 1; i < 400; i++)
		str_addf(&lines, "c%u c%u\n", i, i - 1);
	repo_import("many", lines.buf);
	for (unsigned i = 0; i < 12; i++) {
		char *old_end = mem_strdup(repo_id("many", "c1")),
		     *new_end = mem_strdup(repo_id("many", "c399"));
		pid_t pid;
		int ready[2];
		char byte;

		ck_assert_int_eq(pipe(ready), 0);
		pid = fork();
		ck_assert_int_ge(pid, 0);
		if (pid == 0) {
			if (worktree_take(&tree, "many/.git", "trees", 1, NULL) < 0)
				_exit(1);
			worktree_checkout(tree, old_end, WORKTREE_KEEP, NULL);
			if (write(ready[1], "x", 1) != 1)
				_exit(1);
			worktree_checkout(tree, new_end, WORKTREE_KEEP, NULL);
			_exit(0);
		}
		close(ready[1]);
		ck_assert_int_eq(read(ready[0], &byte, 1), 1);
		/* The moment: when so many new files are there. */
		for (unsigned k = 0; k < 100000 && i > 0; k++) {
			str_setf(&lines, "trees/0/files/c%u", 30 * i);
			if (fixture_exists(lines.buf))
				break;
		}
		kill(pid, SIGKILL);
		ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
		/* Its git still has the lock for the moment that its own death takes. */
		for (unsigned k = 0; worktree_take(&tree, "many/.git", "trees", 1, &err) < 0; k++)
			ck_assert_uint_lt(k, 1000000);
		ck_assert_msg(
			worktree_checkout(tree, old_end, WORKTREE_KEEP, &err) == 0, "%s", err.text);
		ck_assert_str_eq(
			git_says("trees/0", "status", "--porcelain", "--ignored", NULL), "");
		ck_assert_str_eq(repo_id("trees/0", "HEAD"), old_end);
		give_back();
		close(ready[0]);
		free(old_end);
		free(new_end);
	}
	str_release(&lines);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("git/worktree");
	TCase *tests = tcase_create("worktree");
	SRunner *runner;
	int failed;

	fixture_environment();
	tcase_add_checked_fixture(tests, enter, leave);
	tcase_add_test(tests, a_checkout_has_the_files_of_its_commit_and_of_no_other);
	tcase_add_test(tests, untracked_files_stay_or_go_as_asked);
	tcase_add_test(tests, a_tracked_file_that_was_tampered_with_is_restored);
	tcase_add_test(tests, a_staged_change_and_a_branch_made_by_a_build_are_undone);
	tcase_add_test(tests, what_is_untracked_gives_way_to_what_is_tracked);
	tcase_add_test(tests, a_directory_that_became_a_link_is_not_followed);
	tcase_add_test(tests, a_commit_that_is_not_there_is_not_found_and_changes_nothing);
	tcase_add_test(tests, leftover_locks_are_removed_and_untracked_files_stay);
	tcase_add_test(tests, half_a_checkout_is_finished_without_files_of_another_commit);
	tcase_add_test(tests, whatever_is_broken_in_a_tree_is_mended);
	tcase_add_test(tests, a_lost_git_file_is_written_again_and_the_tree_stays_warm);
	tcase_add_test(tests, a_lost_git_file_does_not_let_git_loose_on_the_repository_around);
	tcase_add_test(tests, a_read_only_directory_is_no_obstacle);
	tcase_add_test(tests, text_that_its_own_attributes_would_change_is_no_endless_repair);
	tcase_add_test(tests, a_tree_that_does_not_become_its_commit_is_refused);
	tcase_add_test(tests,
		a_change_in_the_moment_of_a_great_checkout_is_seen_and_the_tree_stays_warm);
	tcase_add_test(tests,
		what_a_command_changes_after_a_great_checkout_is_undone_again_and_again);
	tcase_add_test(tests, a_directory_of_untouched_files_behind_a_link_is_no_clean_tree);
	tcase_add_test(tests, kinds_of_index_that_only_git_reads_are_no_obstacle);
	tcase_add_test(tests, a_checkout_killed_at_any_moment_is_repaired);
	tcase_set_timeout(tests, 120);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_set_fork_status(runner, CK_FORK);	/* what one test leaves behind would be in the way of the next */
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
