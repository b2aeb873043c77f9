/*
 * The boxes: every agent that was ever heard of, with its health (bisectd/health.h).  All of them
 * are in memory; what must not be forgotten is in the warehouse at once (failures, quarantines),
 * the rest (when it was seen, how much it finished) within a second or a minute.
 */
#ifndef BISECTD_BOXES_H
#define BISECTD_BOXES_H

#include <jansson.h>

#include "bisectd/daemon.h"

struct box;

int boxes_load(struct daemon *daemon, struct error *err);
void boxes_tick(struct daemon *daemon);	/* each second: writes, forgets, tells bisections */
void boxes_free(struct daemon *daemon);

/* --- What an agent says.  Names are 1 to 200 bytes. --- */

/* It asks for work.  `trouble` (may be NULL): why it can take none.  ERR_LIMIT: too many boxes. */
int boxes_asks(struct daemon *daemon, const char *name, const struct strv *lanes, unsigned slots,
	const char *trouble, struct error *err);
/* May it have a unit now?  Not in quarantine; on probation only one at a time. */
bool boxes_may_claim(struct daemon *daemon, const char *name);
void boxes_claimed(struct daemon *daemon, const char *name, const char *unit);
/* It is alive, with this unit or (NULL) none. */
void boxes_holds(struct daemon *daemon, const char *name, const char *unit);

/* --- What became of units --- */

/* `unit` was finished by its owner; what else is known of it is in info. */
void boxes_finished(struct daemon *daemon, const char *unit, const struct unit_info *info);
void boxes_failed(struct daemon *daemon, const struct unit_loss *loss, enum unit_blame blame,
	const char *reason);
/* Out of quarantine, now.  ERR_NOT_FOUND. */
int boxes_release(struct daemon *daemon, const char *name, struct error *err);

/* --- What is told --- */

/* Connected ones that could take a unit of it. */
unsigned boxes_able(const struct daemon *daemon, const char *lane);
/* One besides these can. */
bool boxes_able_besides(const struct daemon *daemon, const char *lane, const struct strv *names);
json_t *boxes_json(const struct daemon *daemon);	/* docs/api.md */
json_t *boxes_quarantined_json(const struct daemon *daemon);
/* Appends why nothing of the lane can be run now: no box of its kind is connected, or none may
 * work.  False: somebody can. */
bool boxes_trouble(const struct daemon *daemon, const char *lane, struct str *ret);
/* The same for all lanes that this job needs. */
bool boxes_job_waits(
	const struct daemon *daemon, const struct job *job, bool build_only, struct str *ret);

/* Rows of the table in api.c. */
void boxes_get(struct http_request *request, void *daemon);
void boxes_post_release(struct http_request *request, void *daemon);

#endif
