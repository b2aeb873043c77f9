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

#define TAP_POINTS_MAX (1u << 20) /* a longer plan is never complete */

struct tap {
	uint8_t *seen; /* bitmap of points of the plan that is being read */
	size_t seen_cap;
	uint32_t planned, points, last, highest;
	bool has_plan, plan_was_last;
	bool any_plan, any_point;
	bool broken; /* a plan that was not kept, or "Bail out!" */
};

enum tap_line { TAP_NONE, TAP_OTHER, TAP_PASSED, TAP_FAILED };

void tap_init(struct tap *tap);
void tap_release(struct tap *tap);

/*
 * Reads one line.  TAP_FAILED gives the point's name (its number if it has no other), borrowed from
 * `text`.  A point of a subtest, which is indented or in a comment, counts for its own failure and
 * not for the plan; "# TODO" is no failure.
 */
enum tap_line tap_line(
        struct tap *tap, const char *text, size_t len, const char **ret_name, size_t *ret_len);

bool tap_is_complete(
        const struct tap *tap);            /* there was a plan, and every planned point was seen */
bool tap_is_broken(const struct tap *tap); /* there was TAP, and it stopped early */

#endif
