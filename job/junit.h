/*
 * JUnit XML, as pytest, gradle, ctest and many others write it: a <testcase> with a <failure> or
 * <error> in it has failed. Reads tag by tag, so that a report on one line of megabytes takes no
 * more room than another.
 */
#ifndef JOB_JUNIT_H
#define JOB_JUNIT_H

#include <stdbool.h>

#include "base/str.h"

struct junit {
	bool in_case, noted;
	struct str name;    /* "<classname>.<name>" */
	struct str failure; /* "<type>: <message>" of what it failed with; may be empty */
	struct str tag;     /* what has come of a tag that is not whole yet */
	bool in_tag;
	int depth;          /* suites that are open */
	bool ended;         /* the outermost was closed: what follows is no XML */
};

void junit_release(struct junit *junit);
/* True if a line begins such a report. */
bool junit_begins(const char *line, size_t len);
/*
 * What stands before a ">" (closed) or before the end of a line. True if a case has failed, once for each: `name` and `failure`
 * tell of it. A tag may go on over lines and have ">" in its values; one that is longer than ERRORID_LINE_MAX is passed over.
 */
bool junit_read(struct junit *junit, const char *text, size_t len, bool closed);

#endif
