/*
 * Files that are named relative to a list of directories, as programs look for their data.  The first directory that has the file gives it.
 * A file is a regular one that lies, after all symbolic links, below the directory in which it was found.
 */
#ifndef BASE_SEARCH_PATH_H
#define BASE_SEARCH_PATH_H

#include "base/error.h"
#include "base/str.h"

struct search_path {
	struct strv dirs;
	size_t limit;			/* bytes of one file */
};

/*
 * Adds where data of ours named `name` ("suites") lies: beside the running program, as it does in a build directory, and in the
 * installation's pkgdatadir.
 */
void search_path_add_own(struct search_path *path, const char *name);
void search_path_release(struct search_path *path);

/*
 * Appends the text of the file `name` (path_is_inside) to *ret_text and its path to *ret_where.  `path` is a struct search_path, as the
 * argument of a callback.  ERR_NOT_FOUND lists where it was looked for; ERR_DENIED: it lies outside, or is no regular file.
 */
int search_path_read(void *path, const char *name, struct str *ret_text, struct str *ret_where, struct error *err);

#endif
