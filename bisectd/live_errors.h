/* What the log of a run in progress shows so far, for whoever looks at its job. */
#ifndef BISECTD_LIVE_ERRORS_H
#define BISECTD_LIVE_ERRORS_H

#include <jansson.h>

#include "bisectd/daemon.h"

#define LIVE_ERRORS_BYTES (4u << 20)	/* of the log's start; reading these takes some 15 ms, in the loop */

/*
 * {"unit", "errors": [{"id","line","line_number","count"}, ...]} of the build or test that a job waits for; NULL (and a line in the log) where there
 * is none, or nothing of it came.  It is a look, no evidence: the agent's own result comes with the end.
 */
json_t *live_errors(struct daemon *daemon, const struct job_row *row);

#endif
