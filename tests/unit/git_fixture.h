/* Real repositories for the tests of git/, each test in a temporary directory of its own. */
#ifndef TESTS_UNIT_GIT_FIXTURE_H
#define TESTS_UNIT_GIT_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"
#include "git/history.h"

/* First in main: the git of the tests is nobody's and everybody's. */
void fixture_environment(void);

void fixture_enter(void);	/* into a new empty directory */
void fixture_leave(void);	/* and it goes */
const char *fixture_directory(void);

void fixture_write(const char *path, const char *text);
bool fixture_holds(const char *path, const char *text);	/* exactly */
bool fixture_exists(const char *path);

/* git in `directory` must succeed. */
void git_ok(const char *directory, ...) __attribute__((sentinel));
/* What it says, without white space at its end; good until the next call. */
const char *git_says(const char *directory, ...) __attribute__((sentinel));

/*
 * A repository with work tree at `path`, nothing checked out, one commit a line, parents before
 * their children: "NAME[@time] [PARENT...]".  Each has a branch of its name, changes the file "f"
 * to its name and adds files/NAME.
 */
void repo_import(const char *path, const char *lines);

/* The 40 hex digits of a revision; good for the next 15 calls. */
const char *repo_id(const char *path, const char *revision);

/* All changes in the work tree become a commit on the current branch; its id. */
const char *repo_commit(const char *path, const char *message);

/* history_load with names of one repository; `good` is NULL-ended. */
int repo_history(struct history *ret, const char *path, const char *bad, bool first_parent,
	struct error *err, const char *const *good);

#endif
