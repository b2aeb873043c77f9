/*
 * JUnit XML, as pytest, gradle, ctest and many others write it: a <testcase> with a <failure> or
 * <error> in it has failed. Reads tag by tag, so that a report on one line of megabytes takes no
 * more room than another.
 */
#ifndef JOB_JUNIT_H
#define JOB_JUNIT_H

#include <stdbool.h>

#include "base/str.h"

#define JUNIT_SUITES_MAX 64 /* in each other; what is deeper goes by the name of the last */

enum junit_tag { JUNIT_OTHER, JUNIT_PASSED, JUNIT_FAILED };

struct junit {
	bool in_case, noted;
	bool may_pass;      /* it was run, and nothing was said against it yet */
	struct strv suites; /* the names of those that are open, the innermost last; at most JUNIT_SUITES_MAX */
	struct str name;    /* "<classname>.<name>", or "<suite>.<name>" where there is no class */
	struct str failure; /* "<type>: <message>" of what it failed with; may be empty */
	struct str tag;     /* what has come of a tag that is not whole yet */
	char quote;         /* of the value in which the tag ends so far; 0: none */
	bool in_tag;
	const char *passing; /* before the ">" that ends what is no markup: a comment, CDATA; NULL: in none */
	int depth;          /* suites that are open */
	bool ended;         /* the outermost was closed: what follows is no XML */
};

void junit_release(struct junit *junit);
/* True if a line begins such a report. */
bool junit_begins(const char *line, size_t len);
/*
 * What stands before a ">" (closed) or before the end of a line. JUNIT_FAILED if a case has failed, once for each: `name` and
 * `failure` tell of it. JUNIT_PASSED at the end of one that was run and neither failed nor was skipped. A tag may go on over lines
 * and have ">" in its values; one that is longer than ERRORID_LINE_MAX is passed over.
 */
enum junit_tag junit_read(struct junit *junit, const char *text, size_t len, bool closed);

#endif
