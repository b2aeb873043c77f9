/*
 * Error ids: short stable names of the errors in a log, `<source>.<normalised text>`, after the
 * naming that Compass-CI and lkp-tests use (facts in docs/error-ids.md).  Streaming: bytes in as
 * they come, ids out with the line they came from.
 */
#ifndef JOB_ERRORID_H
#define JOB_ERRORID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/str.h"
#include "job/rules.h"

#define ERRORID_VERSION 4	/* of this code; part of rules_version(), stored with every id */

enum error_source {
	SOURCE_BUILD,		/* compiler, linker, make: "build-pkg." */
	SOURCE_STDERR,		/* a program's standard error (or merged output): "stderr." */
	SOURCE_DMESG,		/* a kernel console: "dmesg." */
	SOURCE_KMSG,		/* kernel log with levels: "kmsg." */
	/*
	 * Test output: failed cases as "<suite>.<case>.fail", lines that tell of a failure as
	 * "stderr.", lines of a kernel's console ("[   12.345678] ") as "dmesg.", and metrics.
	 */
	SOURCE_TEST,
	SOURCE_LAST_STATE,	/* lkp's file of that name, "name: number" lines: "last_state.", as stats.json has them */
	SOURCE_NKINDS
};

#define ERRORID_LINE_MAX (8u << 10)	/* bytes of a line that are looked at; the rest is passed over */
#define ERRORID_ID_MAX 300		/* bytes; longer ids end in "~" and 8 hex of their SHA-256 */
#define ERRORID_COUNT_MAX 1000		/* different ids kept of one log; more are counted only */
#define ERRORID_ALIASES_MAX 12		/* other names kept of one id */
#define METRICS_MAX 1000		/* different metrics kept of one log */

/*
 * Errors of one run that most likely have one cause (a BUG, its Oops and the panic after it) are
 * one finding; of each, one is the representative: what to bisect.  Both are set by
 * extractor_end(); before it, findings only grow.
 */
struct found_error {
	char *id;
	char *line;		/* the line as it stood, printable, at most 1000 bytes */
	uint64_t line_number;	/* from 1, of its first appearance */
	uint64_t offset;	/* bytes before that line */
	uint64_t count;		/* how often */
	struct strv aliases;	/* other names it goes by: lkp's spelling where that differs */
	enum error_severity severity;
	char *function;		/* where it (for a representative: its finding) happened, or NULL */
	uint32_t finding;	/* from 0 */
	bool telling;		/* the id tells one bug from others of its kind: the guilty function, a pair of locks */
	bool part;		/* it says more of another error, or comes of it */
	bool representative;
};

/* "<suite>.<name>" of the `name: number` lines of a test; of a name that comes again, the mean. */
struct found_metric {
	char *name;
	double value;
	uint64_t count;
};

struct extractor;

/*
 * `suite` names test cases; `match` is NULL or a PCRE2 pattern whose lines give the id
 * errorid_of_match().  Fails if the rules cannot be read (rules_standard()).
 */
int extractor_new(struct extractor **ret, enum error_source source, const char *suite,
        const char *match, struct error *err);
void extractor_free(struct extractor *extractor);
/*
 * Before the first byte: the log ends in lkp's stats.json, behind a line LKP_STATS_LOG_MARK (lkp_stats.h) or, if it is one, from
 * its start.  Its failures are errors and its other numbers metrics; the lines of it are read only for `match`.  A run without a
 * whole one did not get to its end, and one with it did whatever its exit status says.
 */
void extractor_expect_lkp_stats(struct extractor *extractor, bool from_start);
bool extractor_has_lkp_stats(const struct extractor *extractor);	/* the mark was seen */
/* After extractor_end: what is wrong with the stats.json that was expected, one line; NULL: nothing. */
const char *extractor_lkp_stats_problem(const struct extractor *extractor);
void extractor_feed(struct extractor *extractor, const char *bytes, size_t len);

/*
 * The last line, and what only the end tells: exit_status 0..255 or 128+signal.  A non-zero end
 * gives "last_state.exit_<n>" (or "last_state.signal_<NAME>" or "last_state.timeout"), on line 0,
 * and a kernel that began to start and never ran a program "dmesg.BUG:kernel_hang_in_boot_stage".
 */
void extractor_end(struct extractor *extractor, int exit_status, int signal, bool timed_out);

/* In order of appearance; borrowed. */
size_t extractor_results(const struct extractor *extractor, const struct found_error **ret);
size_t extractor_metrics(const struct extractor *extractor, const struct found_metric **ret);

uint64_t extractor_lines(const struct extractor *extractor);
uint64_t extractor_dropped(const struct extractor *extractor);	/* lines whose id found no room */
/* Lines on which `match` or a rule met its limit of steps, and the latest such rule's name. */
uint64_t extractor_gave_up(const struct extractor *extractor);
const char *extractor_gave_up_rule(const struct extractor *extractor);	/* "match" for `match` */
const char *extractor_rules(const struct extractor *extractor);	/* rules_version() of its rules */

/*
 * After extractor_end: did the run get to its end, so that the absence of an id means something?
 * Exit status 0, unless TAP was written that stopped early (`tests | tee log` ends in 0); or a
 * normal exit with a complete TAP plan (1..N, and all N points seen, no "Bail out!") or a whole
 * stats.json; if that was expected, not without it.  Never after a signal, a timeout, or a line on
 * which `match` or a rule gave up; nor, without `match`, when ids were dropped: what is not in a list
 * that is not whole may have been in the log.
 */
bool extractor_ran_to_its_end(const struct extractor *extractor);

/*
 * After extractor_end: does the log say that the test case passed that `asked`, "<suite>.<case>.fail", is the failure of?  Then it
 * did not fail, however the run went on.  Never where it failed as well, nor when ids were dropped, a line was given up, or one of
 * several programs that wrote TAP, or pytest, did not get to its end.
 */
bool extractor_case_passed(struct extractor *extractor, const char *asked);
/* All of them as passed_cases_text() (job/passed_cases.h); NULL: none.  The caller frees. */
char *extractor_passed(struct extractor *extractor);
size_t extractor_passed_count(struct extractor *extractor);

/*
 * The id of job.error.match: "match." and the pattern normalised (blanks to '_', quotes to '~', cut
 * like any id).  Caller frees.
 */
char *errorid_of_match(const char *pattern);

/*
 * True if `asked`, as a person or another system writes it, is `id` or one of its aliases (NULL:
 * none).  The infix ".eid." of Compass-CI counts as ".", and makepkg, pkgbuild and rpmbuild as
 * build-pkg: they are other names of one log.
 */
bool errorid_is(const char *asked, const char *id, const struct strv *aliases);
/* makepkg, pkgbuild, rpmbuild */
bool errorid_is_build_source(const char *name, size_t len);
/* What errorid_is() compares: `asked` in our spelling of the source.  Caller frees. */
char *errorid_plain_source(const char *asked);

/*
 * One line normalised as `source` does, without prefix (for tests and tools).  NULL if there are no
 * rules.  Caller frees.
 */
char *errorid_normalise(enum error_source source, const char *line, size_t len);

#endif
