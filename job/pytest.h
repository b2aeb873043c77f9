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
 * but those that failed are named at the end.  So where it came to its end, and named as many as it counted, no other case of the
 * files that it ran has failed.  (Output of pytest 7 and 8.)
 */
#ifndef JOB_PYTEST_H
#define JOB_PYTEST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

#define PYTEST_FILES_MAX 4096u	/* of one session; nothing is said of further ones */

struct pytest {
	bool in_session, in_summary;
	bool cut;		/* it did not run all that it found */
	unsigned long named;	/* failures, in the summary */
	struct strv files;
};

void pytest_release(struct pytest *pytest);

/*
 * Reads one line, NUL-terminated.  True at the end of a session of which all is known: then `files` are those that it ran, as they
 * stand before the "::" of a case, until the next line is read.
 */
bool pytest_read(struct pytest *pytest, const char *text);

#endif
