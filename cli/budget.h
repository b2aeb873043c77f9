/* What --budget says: a number of runs, or a time. */
#ifndef CLI_BUDGET_H
#define CLI_BUDGET_H

#include <stdint.h>

#include "base/error.h"

#define BUDGET_RUNS_MAX 1000000u
#define BUDGET_SECONDS_MAX (3650LL * 24 * 3600)

/*
 * "500" is a number of runs, from 1 to BUDGET_RUNS_MAX; with a unit ("90s", "15m", "6h", "2d") it is a time, from 1 s to
 * BUDGET_SECONDS_MAX.  Only what was given is set, the other stays as it was.  ERR_INVALID: "is neither ...", in one line.
 */
int budget_read(unsigned *ret_runs, int64_t *ret_seconds, const char *text, struct error *err);

#endif
