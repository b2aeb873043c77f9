/* What a struct repository of history.h is made of, for this room only. */
#ifndef GIT_REPOSITORY_H
#define GIT_REPOSITORY_H

#include <git2.h>

#include "base/error.h"

struct repository {
	git_repository *handle;
	char *git_dir;		/* the common one */
	char *own_git_dir;	/* of the work tree that was opened: HEAD is here */
	char *work_tree;	/* or NULL */
};

/* The commit of 40 hex digits.  ERR_NOT_FOUND: "no commit 'x' in PATH". */
int repository_commit(
	git_commit **ret, struct repository *repository, const char *hex, struct error *err);

#endif
