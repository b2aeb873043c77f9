/*
 * stats.json of lkp-tests: one object of "<program>.<key>": number, which its own parsers made of the logs of one run.
 *
 * Which of them are errors is what the field's tools agree on: all of dmesg, kmsg, stderr and last_state; build-pkg's with
 * ":error:" or ":warning:"; others with ".error", ".warn" or ".fail" at their end (without "_" after it), "killed_by", or kmemleak's
 * unreferenced objects.  Times (".time.", ".timestamp", ".bootstage") and "message" and "pattern" rows are none.  A zero is no error.  The key
 * is the error id: it is what people know it by.
 */
#ifndef JOB_LKP_STATS_H
#define JOB_LKP_STATS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "job/rules.h"

#define LKP_STATS_TEXT_MAX (16u << 20)
#define LKP_STATS_MAX 200000		/* keys of one file */
#define LKP_STATS_KEY_MAX 1000		/* bytes; longer ones are left out and counted */
#define LKP_STATS_INCOMPLETE "last_state.is_incomplete_run"	/* the run did not come to its end */
#define LKP_STATS_LOG_MARK "## lkp-stats"	/* the line before the object in the output of suites/lkp/run */

struct lkp_stat {
	char *key;
	double value;
	bool is_error;
	/* Where it stands in the text: its line (from 1) and where that begins; the key with its number. */
	size_t line, line_offset, offset, len;
};

struct lkp_stats {
	struct lkp_stat *v;		/* by key */
	size_t n;
	size_t left_out;		/* no number, or too long a key */
	bool is_incomplete;		/* last_state says that the run did not come to its end */
};

/* `where` is for messages.  *ret is untouched on failure. */
int lkp_stats_read(struct lkp_stats *ret, const char *where, const char *text, size_t len, struct error *err);
void lkp_stats_release(struct lkp_stats *stats);

/* Is that key of a stats.json an error, if its number is not zero? */
bool lkp_stat_is_error(const char *key);
enum error_severity lkp_stat_severity(const char *key);	/* of one that is an error */

#endif
