/*
 * What pytest does not say: which cases passed.  Without -v a file of tests is a line of letters,
 *
 *     ===== test session starts =====
 *     tests/test_parse.py ..F.                                [ 40%]
 *     ...
 *     ===== short test summary info =====
 *     FAILED tests/test_parse.py::test_empty - assert 1 == 0
 *     ===== 1 failed, 9 passed in 0.12s =====
 *
 * but those that failed are named at the end.  So where each session came to its end, ran all that it found, and named as many as
 * it counted, no other case of the files that they ran has failed.  (Output of pytest 7 and 8.)
 */
#ifndef JOB_PYTEST_H
#define JOB_PYTEST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

#define PYTEST_FILES_MAX 4096u	/* of all sessions; nothing is said of further ones */

struct pytest {
	bool in_session, in_summary;
	bool unsure;		/* a session did not end, was in the output of another, left cases out, or named less than it counted */
	bool in_file;		/* the letters of the last file may go on */
	unsigned long named;	/* failures, in the summary of this session */
	struct strv files;	/* in which no case was skipped, as they stand before the "::" of a case */
};

void pytest_release(struct pytest *pytest);
/* Reads one line, NUL-terminated. */
void pytest_read(struct pytest *pytest, const char *text);
/* After all lines: what is told of `files` is true. */
bool pytest_is_sure(const struct pytest *pytest);

#endif
