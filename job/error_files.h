/*
 * The source files that the text of an error names: lines of compilers and linkers (`dir/file.c:12:5: error`), stack frames
 * (`#1 0x56 in grow /srv/demo/h.c:5`, `File "c.py", line 6`, `at load (/srv/demo/node.js:1:34)`), the kernel's (`WARNING: CPU: 3
 * PID: 77 at fs/inode.c:412`, `kernel BUG at mm/slub.c:123!`), assertions.  What is a name is decided by what stands behind it,
 * a line number; whether there is such a file is for the caller to find out.
 *
 * Outside text: the names are for comparing with those of a repository, never for opening.
 */
#ifndef JOB_ERROR_FILES_H
#define JOB_ERROR_FILES_H

#include <stddef.h>

#include "base/str.h"

#define ERROR_FILES_MAX 64		/* names kept */
#define ERROR_FILES_NAME_MAX 512	/* bytes of a name; longer ones are passed over */

/*
 * Appends each name once, in order of appearance, until *ret has ERROR_FILES_MAX; colour codes and control bytes count as not
 * there.  Names are UTF-8, without "./" and "../" at their start; an absolute one keeps its '/'.
 */
void error_files_find(struct strv *ret, const char *text, size_t len);

#endif
