/*
 * The warehouse: the memory of everything that was asked and seen (SQLite, WAL, synchronous=FULL).
 *
 * Every write is one transaction and idempotent: done twice is done once.  JSON columns are jansson objects at this interface;
 * returned objects are new references.  ERR_NO_SPACE and ERR_IO leave the database as it was; ERR_CORRUPT is for an operator, ERR_UNAVAILABLE means
 * that another process kept it locked for 5 s.  A limit of 0 is none.  An `each` may call the warehouse.
 */
#ifndef STORE_WAREHOUSE_H
#define STORE_WAREHOUSE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/str.h"

struct warehouse;

/* Makes or migrates the schema (PRAGMA user_version); a newer schema than ours is ERR_INVALID. */
int warehouse_open(struct warehouse **ret, const char *path, struct error *err);
void warehouse_free(struct warehouse *warehouse);
/*
 * One damaged row does not stand in the way of the others: where rows are listed, one with a column that holds no JSON is passed over, and
 * on_damage is told in a line.  To get it by its id is ERR_CORRUPT.
 */
void warehouse_on_damage(struct warehouse *warehouse, void (*on_damage)(const char *what, void *arg), void *arg);

/* --- jobs: intent and record --- */
struct job_row {
	char *id;			/* 12 hex, random */
	char *intent;			/* what was asked for, can be asked for again: one document of job/job_expand.h, as YAML */
	char *resolved;			/* what runs: the native job that job_read reads; NULL: the intent is one (older rows) */
	char *identity;			/* job_identity */
	char *commit;			/* 40 hex once resolved, else NULL */
	char *tree;
	char *state;			/* waiting, building, testing, done, failed, cancelled */
	char *message;			/* why it failed, or NULL */
	char *build_unit, *test_unit;	/* NULL until known */
	char *submitter;		/* token name */
	int64_t created_ms, updated_ms;
};
int warehouse_job_put(struct warehouse *warehouse, const struct job_row *row, struct error *err);	/* insert or replace by id */
/* All of them or none. */
int warehouse_jobs_put(struct warehouse *warehouse, const struct job_row *const *rows, size_t n, struct error *err);
int warehouse_job_get(struct warehouse *warehouse, const char *id, struct job_row *ret, struct error *err);
void job_row_release(struct job_row *row);
/* Newest first; open_only: waiting, building, testing.  Calls `each`; false stops. */
int warehouse_jobs(struct warehouse *warehouse, bool open_only, unsigned limit, bool (*each)(const struct job_row *row, void *arg), void *arg, struct error *err);

/* --- builds: by build key --- */
struct build_row {
	char *build_key;
	char *unit;
	char *outcome;			/* pass, broken, infra (given up) */
	char *artifact;			/* SHA-256 of the packed products; NULL unless pass */
	char *log;			/* SHA-256 of the zstd log */
	char *commit;			/* built from */
	char *agent;
	char *message;
	int64_t started_ms, finished_ms;
	json_t *details;		/* exit status, resource use, error ids [{"id","line","line_number"}], ... or NULL */
};
int warehouse_build_put(struct warehouse *warehouse, const struct build_row *row, struct error *err);	/* keeps the first pass/broken */
int warehouse_build_get(struct warehouse *warehouse, const char *build_key, struct build_row *ret, struct error *err);
/* Its products are lost: it may be built again.  Not there is fine. */
int warehouse_build_remove(struct warehouse *warehouse, const char *build_key, struct error *err);
int warehouse_build_of_unit(struct warehouse *warehouse, const char *unit, struct build_row *ret, struct error *err);
void build_row_release(struct build_row *row);

/* --- results: one run of a test (or a build that broke, seen as a run) --- */
struct result_row {
	char *unit;			/* primary key: one unit, one result, for ever */
	char *test_key;
	char *identity;			/* job identity */
	unsigned repeat;		/* 0, 1, ... of the test key */
	char *commit, *tree;
	char *outcome;			/* pass, fail, broken, infra */
	bool complete;			/* ran to its end: absence of an id means something */
	int exit_status;
	char *log;			/* SHA-256 of the zstd log */
	char *artifact;			/* tested */
	char *agent, *box;
	char *message;
	int64_t started_ms, finished_ms;
	json_t *errors;			/* [{"id","line","line_number","count","aliases",...}], docs/api.md */
	json_t *usage;			/* {"wall_ms","user_ms","system_ms","max_rss"} */
	json_t *metrics;		/* {"<suite>.<name>": number}; NULL: none */
	char *passed;			/* test cases, as in job/passed_cases.h; NULL: none */
};
/* Writes result and its error ids; *ret_new false if it was there already (then nothing changes). */
int warehouse_result_put(struct warehouse *warehouse, const struct result_row *row, bool *ret_new, struct error *err);
int warehouse_result_get(struct warehouse *warehouse, const char *unit, struct result_row *ret, struct error *err);
void result_row_release(struct result_row *row);
int warehouse_results_of_key(struct warehouse *warehouse, const char *test_key, bool (*each)(const struct result_row *row, void *arg), void *arg, struct error *err);
/*
 * Of a job identity, those that came after row *after (0: all), in the order in which they came; *after moves past each for which `each` gives true, and
 * stays before the one for which it does not.
 */
int warehouse_results_since(struct warehouse *warehouse, const char *identity, int64_t *after, bool (*each)(const struct result_row *row, void *arg), void *arg, struct error *err);
/* Of a job identity, newest first. */
int warehouse_results_newest(struct warehouse *warehouse, const char *identity, unsigned limit, bool (*each)(const struct result_row *row, void *arg), void *arg, struct error *err);
/* Results of other identities/repositories that showed an id, by it or an alias (errorid_is()): newest first, for pages. */
int warehouse_results_with_error(struct warehouse *warehouse, const char *error_id, unsigned limit, bool (*each)(const struct result_row *row, void *arg), void *arg, struct error *err);

/* Medians of the newest runs of a job identity, and of the builds that they tested, in ms; -1: none is known. */
int warehouse_durations(struct warehouse *warehouse, const char *identity, int64_t *ret_build_ms, int64_t *ret_test_ms, struct error *err);
/* All builds that passed: of a row only build_key, commit and artifact, borrowed for the call. */
int warehouse_built(struct warehouse *warehouse, bool (*each)(const struct build_row *row, void *arg), void *arg, struct error *err);

/* --- bisections --- */
struct bisection_row {
	char *id;			/* 12 hex, random */
	char *dedupe_key;		/* hash(repository, error id, job identity, good given) */
	char *error_id;
	char *job_id;			/* the job that showed it */
	char *identity;
	char *good, *bad;		/* as resolved, 40 hex; good NULL while looked for; several good joined by ' '; of a fix: old and new end */
	char *state;			/* waiting, running, done, failed, cancelled */
	char *phase;			/* fetch, verify, find-good, search, confirm, revert, done */
	char *message;
	char *submitter;
	int64_t created_ms, updated_ms, finished_ms;
	json_t *options;		/* given: good, slots, priority... */
	json_t *verdict;		/* NULL until there is one: stored before it is announced */
	json_t *range;			/* the report as it was at the end, for pages */
	json_t *learnt;			/* what it found out at its start and goes on with after a restart (bisectd/bisection.h), or NULL */
};
int warehouse_bisection_put(struct warehouse *warehouse, const struct bisection_row *row, struct error *err);
int warehouse_bisection_get(struct warehouse *warehouse, const char *id, struct bisection_row *ret, struct error *err);
/* The newest one of a dedupe key that is not cancelled or failed; ERR_NOT_FOUND. */
int warehouse_bisection_find(struct warehouse *warehouse, const char *dedupe_key, struct bisection_row *ret, struct error *err);
void bisection_row_release(struct bisection_row *row);
/* Ids of those that are waiting or running, damaged ones, too; newest first. */
int warehouse_open_bisections(struct warehouse *warehouse, struct strv *ret_ids, struct error *err);
/* One that cannot be read has failed; what is no JSON in it is taken out, so that the rest can be shown. */
int warehouse_bisection_give_up(struct warehouse *warehouse, const char *id, const char *message, int64_t now_ms, struct error *err);
int warehouse_bisections(struct warehouse *warehouse, bool open_only, unsigned limit, bool (*each)(const struct bisection_row *row, void *arg), void *arg, struct error *err);
/* The finished ones (state done) of an error of a job identity, newest first. */
int warehouse_bisections_of_error(struct warehouse *warehouse, const char *error_id, const char *identity, unsigned limit, bool (*each)(const struct bisection_row *row, void *arg), void *arg, struct error *err);

/* The journal of a bisection: every probe in the order it was asked for, and what came of it. */
struct probe_row {
	char *bisection;
	unsigned seq;			/* from 0 */
	char *commit;
	char *purpose;			/* search_purpose_name, or "revert" */
	unsigned repeat;		/* of the test key */
	char *build_unit, *test_unit;
	char *observation;		/* NULL while open; good, bad, skip, broken, cancelled */
	char *note;			/* why skip, "known from the warehouse", ... or NULL */
	int64_t asked_ms, seen_ms;
};
int warehouse_probe_put(struct warehouse *warehouse, const struct probe_row *row, struct error *err);	/* insert or replace by (bisection, seq) */
int warehouse_probes(struct warehouse *warehouse, const char *bisection, bool (*each)(const struct probe_row *row, void *arg), void *arg, struct error *err);
void probe_row_release(struct probe_row *row);

/* --- tokens: SHA-256 at rest --- */
struct token_row { char *name; char *role; char *hash; int64_t created_ms; bool revoked; };
int warehouse_token_put(struct warehouse *warehouse, const struct token_row *row, struct error *err);
int warehouse_token_find(struct warehouse *warehouse, const char *hash, struct token_row *ret, struct error *err);	/* by hash, not revoked */
int warehouse_tokens(struct warehouse *warehouse, bool (*each)(const struct token_row *row, void *arg), void *arg, struct error *err);
void token_row_release(struct token_row *row);

/* --- boxes: the health of every agent that was ever heard of (bisectd/health.h says what the numbers do) --- */
struct box_row {
	char *name;			/* of the agent: primary key */
	char *kind;			/* build, test, or NULL */
	int64_t seen_ms;
	int64_t finished, failures;	/* units it finished; failures of the farm it had with units, whoever was to blame */
	unsigned in_a_row;		/* failures that count against it, since it last finished one */
	char *reason, *failed_unit;	/* of the last failure; NULL: none */
	int64_t failed_ms;		/* when that was */
	int64_t finished_ms;		/* the last unit it finished */
	int64_t charged_ms;		/* the last failure that counted */
	unsigned quarantines;		/* one after another: not 0 in quarantine and on probation */
	int64_t quarantined_until_ms;	/* 0: never */
	json_t *charges;		/* ids of the units that in_a_row counts, or NULL */
};
int warehouse_box_put(struct warehouse *warehouse, const struct box_row *row, struct error *err);	/* insert or replace by name */
int warehouse_boxes(struct warehouse *warehouse, bool (*each)(const struct box_row *row, void *arg), void *arg, struct error *err);	/* by name */
int warehouse_box_remove(struct warehouse *warehouse, const char *name, struct error *err);	/* not there is fine */
void box_row_release(struct box_row *row);

/* --- the funnel: how many requests came to which stage, per day --- */
int warehouse_funnel_count(struct warehouse *warehouse, const char *stage, const char *reason, int64_t now_ms, struct error *err);
json_t *warehouse_funnel(struct warehouse *warehouse, int64_t since_ms);	/* [{"day","stage","reason","count"}]; NULL when it cannot be read */

#endif
