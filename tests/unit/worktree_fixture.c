#include "tests/unit/worktree_fixture.h"

#include <check.h>

#include "tests/unit/git_fixture.h"

struct error err;
struct worktree *tree;
struct str path_of = STR_INIT;

void enter(void)
{
	fixture_enter();
	err = (struct error)ERROR_INIT;
	repo_import("r", "a\nb a\nc b\nx a\nm c x\n");
}

void leave(void)
{
	worktree_give_back(tree);
	str_release(&path_of);
	fixture_leave();
}

void take(void)
{
	ck_assert_msg(worktree_take(&tree, "r/.git", "trees", 4, &err) == 0, "%s", err.text);
}

void give_back(void)
{
	worktree_give_back(tree);
	tree = NULL;
}

const char *in_tree(const char *name)
{
	return str_setf(&path_of, "%s/%s", worktree_path(tree), name);
}

int checkout(const char *revision, enum worktree_clean clean)
{
	return worktree_checkout(tree, repo_id("r", revision), clean, &err);
}

void expect_commit(const char *revision)
{
	ck_assert_str_eq(repo_id(worktree_path(tree), "HEAD"), repo_id("r", revision));
	ck_assert_str_eq(git_says(worktree_path(tree), "status", "--porcelain",
				 "--untracked-files=no", NULL),
		"");
}

void expect_checkout(const char *revision, enum worktree_clean clean)
{
	ck_assert_msg(checkout(revision, clean) == 0, "%s", err.text);
	expect_commit(revision);
}
