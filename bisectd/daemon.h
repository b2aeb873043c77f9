/*
 * The daemon: what its parts share, and how they call each other.  One loop, one thread; what blocks (git, large graphs) goes to the worker
 * pool.  Redis and SQLite are local and answer in about a millisecond; they are called directly, Redis with a timeout.
 *
 * Flow: api.c takes requests -> jobs.c and bisection.c decide which units are wanted -> units.c puts them in the queue -> agents claim them
 * (api_units.c), results go to the warehouse first, then the queue entry is finished, then daemon_unit_ended() tells everybody who waits.
 */
#ifndef BISECTD_DAEMON_H
#define BISECTD_DAEMON_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/http_server.h"
#include "base/search_path.h"
#include "base/str.h"
#include "base/worker.h"
#include "bisectd/health.h"
#include "job/job.h"
#include "job/suite.h"
#include "store/artifacts.h"
#include "store/queue.h"
#include "store/redis_server.h"
#include "store/warehouse.h"

struct event_base;
struct event;
struct bisection;
struct box;
struct job_run;

enum role { ROLE_ANYONE, ROLE_VIEWER, ROLE_SUBMITTER, ROLE_AGENT, ROLE_ADMIN, ROLE_NKINDS };

struct daemon {
	struct event_base *loop;
	struct worker_pool *workers;
	struct redis_server *redis;	/* NULL: a configured one */
	struct queue *queue;
	struct warehouse *warehouse;
	struct artifacts *artifacts;
	struct http_server *http;

	char *state_dir, *mirrors_dir;
	bool local_repositories;
	bool auth;			/* false: everybody is admin (loopback only) */
	bool anonymous_viewer;
	int64_t lease_ms;
	long long test_memory, build_memory;
	struct search_path suite_path;
	struct job_files suite_files;
	char arch[16];
	int64_t started_ms;
	int64_t back_ms;		/* since when leases can be renewed without a break: our start, or Redis's return */

	struct bisection *bisections;	/* open ones */
	struct job_run *jobs;		/* open ones */
	struct box *boxes;		/* agents and their health, by name: boxes.h */
	unsigned n_boxes;
	struct health_rules health;
	char *boxes_told;		/* how they were when waiting bisections were last told */
	int64_t boxes_forgot_ms;
	struct claim *claims;		/* requests that wait for a unit */
	struct subscriber *subscribers;	/* server-sent events */
	struct event *tick;
	struct event *advance;		/* zero-timeout: something changed, see daemon_wake */
	bool queue_was_down;
	bool reconcile;			/* the queue may hold what nobody waits for, or what has its result: units_reconcile */
	int64_t forgot_ms;
};

/* Something changed: every open job and bisection takes its next steps, waiting claims are tried again.  Cheap, runs once a loop turn. */
void daemon_wake(struct daemon *daemon);

/* --- units.c --- */
enum unit_progress { UNIT_WAITING, UNIT_ENDED, UNIT_FAILED };

/* What one observation of a tree needs: names and keys, made once. */
struct unit_plan {
	char build_key[HASH_HEX_LEN + 1];
	char test_key[HASH_HEX_LEN + 1];
	char build_unit[64];
	char test_unit[64];
	char commit[41], tree[41];
	char revert[41];		/* "" or the commit reverted on top of `commit` */
	unsigned repeat;
	const struct strv *avoid;	/* boxes that do not test it while another one could; borrowed, may be NULL */
};
void unit_plan_make(struct unit_plan *ret, const struct job *job, const char *commit, const char *tree, const char *revert, unsigned repeat);

/*
 * Moves the plan on as far as it goes now: looks for the result, then for the build, else queues what is missing (again, harmlessly).
 * UNIT_ENDED: *ret_result (test ran) or *ret_build (it broke, or only the build was wanted) is filled, the other has a NULL unit.
 * UNIT_WAITING: *ret_stage is "waiting", "building" or "testing".  UNIT_FAILED: err says why (temporary: try again at the next tick).
 */
enum unit_progress unit_plan_advance(struct daemon *daemon, const struct unit_plan *plan, const struct job *job, bool build_only, int priority,
	const char **ret_stage, struct result_row *ret_result, struct build_row *ret_build, struct error *err);
/* Cancels the plan's units unless another open probe or job waits for them. */
void unit_plan_cancel(struct daemon *daemon, const struct unit_plan *plan);
/* A unit used up its attempts: everybody who waits for it is told (infra), with how often it failed and why the last time. */
void daemon_unit_exhausted(struct daemon *daemon, const struct unit_loss *loss, const char *reason);
/*
 * Queue and warehouse agree again, after a start or an outage: units that have their result are settled, units that nobody waits for are cancelled.
 * What is wanted and is not in the queue, unit_plan_advance adds.
 */
int units_reconcile(struct daemon *daemon, struct error *err);
/* Has this unit, with this payload, its result already?  Then nobody needs to run it. */
bool unit_is_known(struct daemon *daemon, const char *unit, const char *payload);
/* Leases that ran out: their units are offered again. */
int units_expire(struct daemon *daemon, struct error *err);

/* --- jobs.c --- */
struct job_request {
	const char *yaml, *where;	/* a text of job/job_load.h without files; its name in messages */
	size_t len;
	const struct strv *arguments;	/* KEY=VALUE over it; NULL: none */
	const char *commit;		/* instead of that which varies; NULL: as it is */
	const char *submitter;
	bool one;			/* refuse a text that makes several jobs, and list them */
};
/* The jobs that the text makes, all or none: each is checked, then they are stored at once.  Appends their ids. */
int jobs_submit(struct daemon *daemon, const struct job_request *request, struct strv *ret_ids, struct error *err);
/* What a row's job runs. */
int job_of_row(struct job **ret, const struct job_row *row, struct error *err);
int jobs_resume(struct daemon *daemon, struct error *err);
int jobs_cancel(struct daemon *daemon, const char *id, struct error *err);
void jobs_advance(struct daemon *daemon);
bool jobs_want(const struct daemon *daemon, const char *unit);
void jobs_tests_of(const struct daemon *daemon, const char *build_key, struct strv *ret);	/* as bisections_tests_of */
void jobs_exhausted(struct daemon *daemon, const char *unit, const char *why);
void jobs_free(struct daemon *daemon);
json_t *job_json(struct daemon *daemon, const struct job_row *row);

/* --- bisection.c --- */
struct bisection_request {
	const char *error_id;
	const char *job_id;
	const struct strv *good;	/* revisions; may be empty */
	const char *bad;		/* NULL: the job's commit */
	bool again;
	const json_t *options;		/* bisection_options.h; may be NULL */
	const char *submitter;
};
int bisections_check(const struct bisection_request *request, struct error *err);	/* all but the job; part of the next */
/*
 * *ret_continued: it had ended undecided, and goes on with the budget that was asked for now.
 */
int bisections_request(struct daemon *daemon, const struct bisection_request *request, char ret_id[13], bool *ret_existing, bool *ret_continued,
	struct error *err);
/*
 * One that is open, or has ended undecided, gets a further budget from now on: "max_runs" and "max_seconds" of `options` are added to what was spent
 * (one that is not given is no limit any more); of an ended one "confidence", "reproducible" and "slots" may change as well.  All its results are kept.
 * ERR_EXISTS: it has another verdict.
 */
int bisections_continue(struct daemon *daemon, const char *id, const json_t *options, struct error *err);
int bisections_resume(struct daemon *daemon, struct error *err);
int bisections_cancel(struct daemon *daemon, const char *id, struct error *err);
void bisections_advance(struct daemon *daemon);
bool bisections_want(const struct daemon *daemon, const char *unit);
bool bisections_one_wants(const struct daemon *daemon, const char *id, const char *unit);
/* Appends the test units of all open probes that use this build. */
void bisections_tests_of(const struct daemon *daemon, const char *build_key, struct strv *ret);
/* A new result of this job identity is in the warehouse: every open bisection of it takes its part at its next step. */
void bisections_result_came(struct daemon *daemon, const char *identity);
void bisections_exhausted(struct daemon *daemon, const char *unit, const char *why);
void bisections_free(struct daemon *daemon);
json_t *bisection_json_of(struct daemon *daemon, const char *id, struct error *err);	/* running or finished */
json_t *bisection_json_short(const struct bisection_row *row);

/* --- events.c --- */
void events_subscribe(struct daemon *daemon, struct http_request *request, const char *bisection);
void events_bisection_changed(struct daemon *daemon, const char *bisection);
void events_log(struct daemon *daemon, const char *unit, uint64_t offset, const char *bytes, size_t len);
void events_tick(struct daemon *daemon);		/* sends what changed, and comments to find gone clients */
void events_free(struct daemon *daemon);

/* --- api_units.c --- */
void claims_try(struct daemon *daemon);
void claims_free(struct daemon *daemon);

/* --- boxes.c (the rest is in boxes.h) --- */
unsigned agents_slots(const struct daemon *daemon, const char *lane);	/* of agents seen in the last 90 s that may work */
json_t *agents_json(const struct daemon *daemon);

/* --- api.c --- */
extern const struct http_route api_routes[];
bool api_authorize(struct http_request *request, int role, void *daemon);
void api_not_found(struct http_request *request, void *daemon);
void api_respond_json(struct http_request *request, int status, json_t *body);	/* takes the reference */
json_t *api_read_body(struct http_request *request);	/* one JSON object; NULL: answered with what is wrong */
char *api_caller_name(struct daemon *daemon, struct http_request *request);	/* of the calling token; owned by the caller */
unsigned api_query_limit(struct http_request *request);	/* ?limit=N */
/* The log of a unit, finished or running, from offset on. */
int unit_log_read(struct daemon *daemon, const char *unit, uint64_t offset, size_t max, struct str *ret, bool *ret_live, struct error *err);

/* --- tokens.c --- */
int tokens_make(struct daemon *daemon, const char *name, const char *role, struct str *ret_secret, struct error *err);
/* An unknown secret is ROLE_ANYONE.  ret_name (may be NULL) is owned by the caller, NULL for an unknown one. */
int tokens_role(enum role *ret, struct daemon *daemon, const char *secret, char **ret_name, struct error *err);
/* The first start: admin and agent tokens in files of mode 0600 in the state directory. */
int tokens_bootstrap(struct daemon *daemon, struct error *err);
const char *role_name(enum role role);
/* Rows of the table in api.c. */
void tokens_get(struct http_request *request, void *daemon);
void tokens_post(struct http_request *request, void *daemon);
void tokens_delete(struct http_request *request, void *daemon);

#endif
