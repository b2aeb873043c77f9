/*
 * The queue: units of work in Redis, moved between states by Redis Functions only (store/queue.lua).
 *
 * A unit is a build or a test run.  Its id is made from what it does (store/warehouse.h), so adding it twice is adding it
 * once.  States:
 *
 *	ready -> leased -> done          (or cancelled from either; leased -> ready when the lease expires or is released)
 *
 * Every lease has an epoch higher than the one before; renew, finish and release with an older epoch are ERR_STALE.
 * What is lost with Redis is only what was in flight: results are in the warehouse before a unit is finished here.
 *
 * Calls block for at most QUEUE_TIMEOUT_MS; ERR_UNAVAILABLE means try again later (the connection is made anew by the next call).  After a call
 * that got no answer in that time the next ones fail at once, and once in QUEUE_OUT_MS one is made with little patience, until Redis answers again.
 * All times are wall milliseconds handed in by the caller, so that tests own the clock.
 */
#ifndef STORE_QUEUE_H
#define STORE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/str.h"

#define QUEUE_TIMEOUT_MS 2000
#define QUEUE_OUT_MS 1000
#define QUEUE_ATTEMPTS_MAX 8
#define QUEUE_LEASE_LOST "its box was not heard of any more"	/* the reason of a lease that ran out */

enum unit_state { UNIT_ABSENT, UNIT_READY, UNIT_LEASED, UNIT_DONE, UNIT_CANCELLED, UNIT_NSTATES };
const char *unit_state_name(enum unit_state state);
bool unit_may_move(enum unit_state from, enum unit_state to);	/* the table of moves; queue.lua holds the same */

struct queue;

/* `address`: "unix:/path" or "host:port"; `prefix` separates installations in one Redis.  Loads the function library if it is not the current one.
 * Ignores SIGPIPE from then on, unless the process handles it. */
int queue_open(struct queue **ret, const char *address, const char *password, const char *prefix, struct error *err);
void queue_free(struct queue *queue);
int queue_ping(struct queue *queue, struct error *err);

/*
 * What becomes of units that fail by the farm's fault.  A unit is given up (cancelled) after attempts_max leases that were lost or given back, but not
 * before patience_ms after the first of them (which outages of the whole farm are given, so not where each box that failed has finished another unit
 * since), and not while boxes that have not tried it could (until four times as many attempts).  The box that
 * failed on it is kept off it for pause_ms, doubling up to pause_max_ms; every other box may have it at once.
 */
struct queue_rules {
	unsigned attempts_max;
	int64_t pause_ms, pause_max_ms, patience_ms;
};
#define QUEUE_RULES_INIT { QUEUE_ATTEMPTS_MAX, 5000, 300000, 600000 }
void queue_set_rules(struct queue *queue, const struct queue_rules *rules);

struct unit_spec {
	const char *id;
	const char *lane;	/* which agents may take it: "build/<arch>" or "test/<kind>/<arch>" */
	int priority;		/* 0..9, 9 first; equal ones first come, first served */
	const char *payload;	/* JSON handed to the agent */
	const struct strv *avoid;	/* owners that do not get it before avoid_until_ms, also where it was added before; NULL: none */
	int64_t avoid_until_ms;
};

/*
 * Adds a unit if it is absent or cancelled.  *ret_state is what it was before (UNIT_ABSENT: newly added; UNIT_DONE: nothing to do).
 * A ready unit's priority is raised if the new one is higher.
 */
int queue_add(struct queue *queue, const struct unit_spec *spec, int64_t now_ms, enum unit_state *ret_state, struct error *err);

struct lease {
	char *id;
	char *payload;
	uint64_t epoch;
	unsigned attempt;	/* from 1 */
	int64_t until_ms;
};
/*
 * The best ready unit of these lanes (NULL-ended), or ret->id NULL when there is none.  Epochs never fall below now_ms, so that they also grow
 * when Redis lost everything.
 */
int queue_claim(struct queue *queue, const char *const *lanes, const char *owner, int64_t now_ms, int64_t lease_ms, struct lease *ret,
	struct error *err);
void lease_release(struct lease *lease);		/* frees the fields only */

/* ERR_STALE: lost to a newer epoch, back in the ready set, done, or unknown (Redis lost it); ERR_CANCELLED: stop working. */
int queue_renew(struct queue *queue, const char *id, uint64_t epoch, int64_t now_ms, int64_t lease_ms, struct error *err);
/* Is this epoch still the one?  Same errors, but done by this epoch is fine.  For "write the result, then finish". */
int queue_check(struct queue *queue, const char *id, uint64_t epoch, struct error *err);
/* Again with the same epoch is fine. */
int queue_finish(struct queue *queue, const char *id, uint64_t epoch, struct error *err);

/*
 * Whose fault it is that a lease ended without a result.  FARM (a full artifact store) and STOP (the agent was told to stop) are no attempts; after STOP
 * the box is not kept off the unit either.
 */
enum unit_blame { BLAME_BOX, BLAME_UNIT, BLAME_FARM, BLAME_STOP, BLAME_NKINDS };
const char *unit_blame_name(enum unit_blame blame);		/* "box", "unit", "farm", "stop" */
bool unit_blame_of_name(enum unit_blame *ret, const char *name);

struct unit_loss {
	char *id, *owner;
	bool exhausted;		/* cancelled: it is offered no more */
	unsigned times;		/* how often this box failed on it; 0: this was no attempt */
	unsigned boxes;		/* different boxes that failed on it */
	unsigned attempts;
	int64_t claimed_ms;
	int64_t at_ms;		/* when it failed; of a lost lease: when the box was last heard of */
};
void unit_loss_release(struct unit_loss *loss);		/* frees the fields only */

/*
 * leased -> ready, at once.  `reason` is a line for people.  `able`: how many boxes could run it, those that failed included (0: not known).
 */
int queue_release(struct queue *queue, const char *id, uint64_t epoch, enum unit_blame blame, const char *reason, unsigned able, int64_t now_ms,
	struct unit_loss *ret, struct error *err);
/* Whatever epoch: marks done without a lease (reconciling with the warehouse), or cancels.  Absent is fine. */
int queue_settle(struct queue *queue, const char *id, struct error *err);
int queue_cancel(struct queue *queue, const char *id, struct error *err);
/* A done unit whose result is not there (any more) is forgotten, so that it can be added again.  Others stay as they are. */
int queue_again(struct queue *queue, const char *id, struct error *err);

/*
 * Returns expired leases (of lease_ms) to the ready set, at most max, blaming the boxes; those that ended up to forgive_until_ms, while nobody could renew
 * them, blame nobody (times is 0).  Calls `each` for every one (may be NULL); *ret_n counts them.
 */
int queue_expire(struct queue *queue, int64_t now_ms, unsigned max, int64_t lease_ms, int64_t forgive_until_ms, unsigned *ret_n,
	void (*each)(const struct unit_loss *loss, void *arg), void *arg, struct error *err);
/* Forgets done and cancelled units older than age_ms. */
int queue_forget(struct queue *queue, int64_t now_ms, int64_t age_ms, struct error *err);

struct unit_failure { char *owner; unsigned times; int64_t at_ms; enum unit_blame blame; };	/* the last one of this box */
struct unit_info {
	enum unit_state state;
	char *lane, *owner, *payload;
	char *reason;			/* of the last failure; NULL: none */
	uint64_t epoch;
	unsigned attempts;
	int64_t until_ms;
	struct unit_failure *failures;	/* one a box */
	size_t n_failures;
};
int queue_get(struct queue *queue, const char *id, struct unit_info *ret, struct error *err);	/* UNIT_ABSENT is an answer */
void unit_info_release(struct unit_info *info);
/* Ids of all ready and leased units (reconciling, pages). */
int queue_list(struct queue *queue, enum unit_state state, struct strv *ret, struct error *err);
int queue_depths(struct queue *queue, size_t *ret_ready, size_t *ret_leased, struct error *err);

#endif
