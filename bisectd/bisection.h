/*
 * One bisection in memory: private to bisection.c (the state machine), bisection_load.c (its repository), bisection_request.c (how it begins),
 * bisection_probe.c (its probes) and bisection_report.c (what is told of it).
 *
 *	LOADING -> [FINDING_GOOD -> LOADING] -> SEARCHING -> [PREPARING_REVERT -> REVERTING] -> gone (state done, failed or cancelled in the warehouse)
 *
 * Every step has a way out.  LOADING and PREPARING_REVERT end with their worker, which has a deadline; where the disk is full they are tried again
 * until it is not, where the repository cannot be reached a few times.  The other steps wait for open probes, each of which ends with a result, or when
 * the farm gave it up; while nobody can run them, the report says who is missing.  A budget that is spent ends any of them with what is known by
 * then.  An end that cannot be stored stays pending and is tried again.
 *
 * Everything here can be made again from the warehouse: the row, the journal of probes, the results.  A restart replays the journal into a new search
 * and goes on; probes that were open are taken up again under the same unit ids if the search still wants them.
 */
#ifndef BISECTD_BISECTION_H
#define BISECTD_BISECTION_H

#include "bisectd/bisection_options.h"
#include "bisectd/daemon.h"
#include "git/error_prior.h"
#include "git/history.h"
#include "search/search.h"

#define BISECTION_SLOTS_MAX 16
#define BISECTION_VERIFY_RUNS 30
#define BISECTION_REVERT_RUNS 2
#define BISECTION_STEPS_MAX 24
#define SEARCH_CONFIDENCE 0.99	/* as the search has it unless told */

enum bisection_step { STEP_LOADING, STEP_FINDING_GOOD, STEP_SEARCHING, STEP_PREPARING_REVERT, STEP_REVERTING };

enum probe_kind { PROBE_SEARCH, PROBE_FIND_GOOD, PROBE_REVERT };

struct probe {
	struct probe_row row;
	enum probe_kind kind;
	struct unit_plan plan;
	uint32_t vertex;		/* UINT32_MAX before the history is loaded and for reverts */
	bool open;
	bool orphan;			/* open in the journal of an earlier life, not yet wanted again */
	char *exhausted;		/* the farm failed: why */
	const char *stage;		/* waiting, building, testing, done */
	char *subject;
	char *outcome;			/* of its run or build; NULL while open */
	char *box;			/* that made it; NULL where nobody did */
	char *matched_line;
	json_int_t matched_number;
};

/* row.bad is the new end and row.good the old ones, also where a fix is looked for and the new end is the good one. */
struct bisection {
	struct daemon *daemon;
	struct bisection_row row;
	struct job *job;
	struct bisection_options options;	/* as row.options has them */
	bool build_only;		/* the error is one of the build: no test is run */
	enum bisection_step step;
	bool working;			/* a worker thread has it */
	bool gone;			/* has ended while a worker had it: the worker's end frees it */
	unsigned failures;		/* of loading, in a row */
	int64_t retry_ms;		/* steady: not loaded again before */
	char *trouble;			/* why it cannot go on at this moment (disk full, no Redis), or NULL */
	bool hindered;			/* by that, in the present round */
	char *end_state, *end_message;	/* it has ended, which could not be stored so far; NULL: it has not */
	json_t *end_verdict;
	struct repository *repository;
	struct history history;
	bool have_history;
	uint32_t *by_hex;		/* all vertices, by commit */
	struct strv resting;		/* boxes that better get no further test of it (search_resting) */
	size_t n_left_out;		/* how many of them were logged, because what they found is left out */
	struct search *search;
	bool told_prior;		/* what the error names is known, and the search knows of it */
	struct prior prior;
	bool told_earlier;		/* the search knows of the runs in row.learnt */
	int64_t results_after;		/* results of the job identity up to this row are in the journal, as far as they are of the range */
	bool results_came;		/* and there are newer ones */
	struct probe **probes;
	size_t n_probes, cap_probes;
	char (*steps_back)[GIT_HEX + 1];
	size_t n_steps_back;
	char revert_commit[GIT_HEX + 1], revert_tree[GIT_HEX + 1];
	char *revert_note;		/* why it could not be made */
	bool belief_stale;		/* what was seen or is in flight changed since it was told */
	json_t *belief;
	struct bisection *next;
};

/* --- bisection.c --- */

/* It cannot go on now: told to people, logged when it begins.  Cleared by a round in which nothing hinders. */
void bisection_hindered(struct bisection *b, const struct error *err);
void bisection_set_text(char **field, const char *text);	/* a copy of text, which may be NULL */
/* Writes the row, with another phase unless that is NULL. */
int bisection_store(struct bisection *b, const char *phase, struct error *err);
/* The same where it stands for people and a restart: what cannot be written now is written at the next step. */
void bisection_note(struct bisection *b, const char *phase);
/* How it ends, not yet stored: its probes are cancelled.  Takes the verdict (may be NULL). */
void bisection_decide(struct bisection *b, const char *state, const char *message, json_t *verdict);
/* Stores what was decided.  On success b is gone, or goes with its worker. */
int bisection_try_end(struct bisection *b, struct error *err);
/* Both; tried again at the next tick where it cannot be stored.  b may be gone afterwards. */
void bisection_end(struct bisection *b, const char *state, const char *message, json_t *verdict);
void bisection_finish(struct bisection *b, json_t *verdict);	/* the same with a verdict */
void bisection_free(struct bisection *b);			/* NULL is fine */

/* --- bisection_load.c --- */

/* On a worker thread: the range, or where no good end is known places to look for one; with `culprit` (40 hex) its revert. */
void bisection_load(struct bisection *b, const char *culprit);
/* After a pause; err says why.  b->failures counts. */
void bisection_load_later(struct bisection *b, const struct error *err);

/* Vertex of a commit of the history, or UINT32_MAX: as history_find, in the logarithm of its time. */
uint32_t bisection_vertex(const struct bisection *b, const char *hex);

/* --- bisection_costs.c --- */

/* What builds and tests of this job identity take by the median, or a guess. */
int bisection_costs(struct bisection *b, struct search_options *options, struct error *err);
/* Tells the new search which commits are built. */
int bisection_tell_built(struct bisection *b, struct error *err);

/* --- bisection_earlier.c --- */

/*
 * Runs of the same job identity outside of the range, of which finished bisections of the error or the good ends of this one say on which side
 * they lie: they tell how often the error shows (docs/search.md).  Gathered from the warehouse, weighed on the worker thread, which knows the
 * history, and kept in the row: row.learnt is {"earlier": {"bad": {"bad","good"}, "good": {"bad","good"}, "same_cause": bool}, ...}.
 */
struct earlier;
struct earlier *earlier_gather(struct bisection *b);		/* NULL: there is nothing, or it is known already */
void earlier_weigh(struct earlier *earlier, struct repository *repository, const struct history *history, bool fix);
void earlier_keep(struct bisection *b, const struct earlier *earlier);	/* NULL is fine, here and below */
void earlier_free(struct earlier *earlier);
/*
 * Tells the search, once the end that is said to have the error has shown it: an error that is gone is not reproduced, whatever others saw of it.
 */
void bisection_tell_earlier(struct bisection *b);

/* --- bisection_prior.c --- */

/*
 * Once a run has shown the error: a worker thread reads its log and the history for what it names.  row.learnt keeps {"files": [...]}, so that a restart
 * goes on with the same.  True: the worker has the bisection now.
 */
bool bisection_begin_prior(struct bisection *b);

/* --- bisection_probe.c --- */

/* True if an error of a run (an element of a result's errors) goes by this id: its own, or another system's spelling of it. */
bool error_is_called(const json_t *error, const char *asked);
/* What a result says of its commit: bad, good or skip. */
enum observation bisection_observation(const struct bisection *b, const struct result_row *result);

/* Finds or makes a run of this tree.  NULL: the journal cannot be written now, try again later. */
struct probe *probe_open(struct bisection *b, enum probe_kind kind, uint32_t vertex, const char *commit, const char *tree, const char *revert,
	const char *purpose);
/* True when the probe came to its end by this call.  What hinders it is told with bisection_hindered. */
bool probe_advance(struct bisection *b, struct probe *probe);
void probe_cancel(struct bisection *b, struct probe *probe, const char *note);
int probes_load(struct bisection *b, struct error *err);	/* the journal */
/*
 * Results of the same job identity that others made (jobs, other bisections, an earlier life) are written into the journal, each
 * once, and the search is told if there is one; those in the journal already are passed over.
 */
int probes_add_known(struct bisection *b, struct error *err);
void probes_feed(struct bisection *b);		/* all observations so far into a fresh search */
/* The box that the search knows by this number; NULL: it made no run here. */
const char *probes_box(const struct bisection *b, uint32_t number);
size_t probes_count_open(const struct bisection *b);
size_t probes_count_runs(const struct bisection *b);
size_t probes_count_own(const struct bisection *b);	/* those that were made for it */
/* How often this commit (as probe kind; its tree for reverts) was observed to be so. */
unsigned probes_count(const struct bisection *b, enum probe_kind kind, const char *commit, const char *observation);
void probe_free(struct probe *probe);

/* --- bisection_evidence.c --- */

/* Adds "evidence", "why" and "left_out" to the verdict's JSON (docs/api.md). */
void bisection_add_evidence(struct bisection *b, const struct search_verdict *verdict, json_t *object);

/* --- bisection_report.c --- */
json_t *bisection_left_out_json(struct bisection *b);	/* names of boxes whose results are left out */
void bisection_resting(struct bisection *b, struct strv *ret);	/* appends names of boxes that should rest */
json_t *bisection_json(struct bisection *b);
json_t *bisection_verdict_json(struct bisection *b, const struct search_verdict *verdict);
json_t *verdict_without_search(struct bisection *b, const char *kind, const char *reason);

#endif
