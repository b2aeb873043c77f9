/*
 * What the output of a test may be, by the names that people write: `logs:` of suites and jobs, `bisectctl errors --kind`.
 */
#ifndef JOB_LOG_KINDS_H
#define JOB_LOG_KINDS_H

#include "base/str.h"
#include "job/errorid.h"

#define LOG_KIND_LKP_STATS "lkp-stats"

/* The names, up to NULL.  All of them may stand in `logs`. */
extern const char *const log_kind_names[];

/*
 * How a log of this one kind is read; the other names of build-pkg (errorid_is_build_source()) are kinds, too.  False: there is
 * no such kind, *ret is untouched.
 */
bool log_kind_source(enum error_source *ret, const char *name);
/* What a log that is read so is called; SOURCE_TEST has many names and is "test". */
const char *log_kind_of_source(enum error_source source);

struct log_reading {
	enum error_source source;
	bool lkp_stats; /* a stats.json belongs to it (extractor_expect_lkp_stats()) */
};

/*
 * How the output of a test is read whose `logs` are these: as the one kind if there is one only (build-pkg beside others is the
 * build's, last_state lkp's), else as SOURCE_TEST, which recognises what is in it.  ERR_INVALID: a kind that nobody knows here.
 */
int log_reading_of(struct log_reading *ret, const struct strv *kinds, struct error *err);

#endif
