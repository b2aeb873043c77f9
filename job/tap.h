/*
 * The Test Anything Protocol, versions 12 to 14 and the kernel's KTAP, as far as two questions need
 * it: which test points failed, and did all that were planned run?
 *
 * Several programs may write one after the other: then each has its own plan, and all must be
 * complete.
 */
#ifndef JOB_TAP_H
#define JOB_TAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

#define TAP_POINTS_MAX (1u << 20) /* a longer plan is never complete */
#define TAP_DEPTH_MAX 8u          /* subtests below these have the name of the deepest that is kept */

/* A test whose subtests are being read: "# Subtest: NAME" of KTAP and TAP 14, "# selftests: NAME" of kselftest's runner. */
struct tap_parent {
	struct str name;
	size_t indent; /* columns before its line's '#' */
	size_t inner;  /* columns before its plan and points; SIZE_MAX as long as none was seen */
};

struct tap {
	uint8_t *seen; /* bitmap of points of the plan that is being read */
	size_t seen_cap;
	uint32_t planned, points, last, highest;
	bool has_plan, plan_was_last;
	bool any_plan, any_point;
	bool broken; /* a plan that was not kept, or "Bail out!" */
	bool several; /* more than one program has written */
	struct tap_parent parents[TAP_DEPTH_MAX];
	size_t n_parents;
};

enum tap_line { TAP_NONE, TAP_OTHER, TAP_EXCUSED, TAP_PASSED, TAP_FAILED };

void tap_init(struct tap *tap);
void tap_release(struct tap *tap);

/*
 * Reads one line.  TAP_PASSED and TAP_FAILED give the point's name (its number if it has no other),
 * borrowed from `text`.  A point of a subtest, which is indented or in a comment, counts for its own
 * failure and not for the plan; TAP_EXCUSED is one with "# TODO" or "# SKIP", however it
 * went, and one that passed without a name.
 */
enum tap_line tap_line(
        struct tap *tap, const char *text, size_t len, const char **ret_name, size_t *ret_len);

/* Adds the names of the tests that the point of the last line is a subtest of, outermost first, each with a '.' behind it. */
void tap_add_parents(const struct tap *tap, struct str *ret);

bool tap_is_complete(
        const struct tap *tap);            /* there was a plan, and every planned point was seen */
bool tap_is_broken(const struct tap *tap); /* there was TAP, and it stopped early */
/*
 * Several programs wrote, and not all to their end: a point that passed may be another program's than the one of its name that is
 * missing.
 */
bool tap_is_mixed_up(const struct tap *tap);

#endif
