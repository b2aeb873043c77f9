/*
 * The health of a box: which failures of the farm count against it, when it is put in quarantine,
 * and how it comes out.  Pure: a row of the warehouse and the time in, the row changed.  A box is
 * an agent, by its name.
 *
 * In words (docs/operators.md says the same to operators):
 *  - A failure counts once a unit, and only while no other box failed on that unit: then the unit
 * is suspected, and what it cost is taken back.
 *  - When a suspected unit is finished after all, it was fine: it counts against the boxes that
 * failed on it and finished nothing since.
 *  - Units lost by one incident (they were held at the same time) count as one.
 *  - `after` failures that count, none finished in between: quarantine, first_ms long.  After it
 * the box is on probation: one unit at a time.  A finished unit clears the record, a failure that
 * counts brings a quarantine twice as long, up to max_ms.
 */
#ifndef BISECTD_HEALTH_H
#define BISECTD_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#include "store/queue.h"
#include "store/warehouse.h"

struct health_rules {
	unsigned after;
	int64_t first_ms, max_ms;
};

enum health { HEALTH_OK, HEALTH_QUARANTINE, HEALTH_PROBATION };

/* Never longer than max_ms from now, whatever a clock that was set wrong once has written. */
enum health health_of(const struct box_row *box, const struct health_rules *rules, int64_t now_ms);

/* The box failed on a unit.  True if it is in quarantine by that. */
bool health_failed(struct box_row *box, const struct health_rules *rules,
	const struct unit_loss *loss, enum unit_blame blame, const char *reason, int64_t now_ms);
/* The unit is suspected: it does not count any more.  A quarantine that has begun goes on.  True if
 * that changed something. */
bool health_take_back(struct box_row *box, const char *unit);
/* A suspected unit was fine, and the box failed on it at at_ms.  *ret_quarantined as health_failed;
 * true if that changed something. */
bool health_blame_again(struct box_row *box, const struct health_rules *rules, const char *unit,
	int64_t at_ms, int64_t now_ms, bool *ret_quarantined);
void health_finished(struct box_row *box, const struct health_rules *rules, int64_t now_ms);
void health_clear(struct box_row *box); /* out of quarantine and probation, on request */

#endif
