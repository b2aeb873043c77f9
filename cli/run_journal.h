/*
 * What lasts of a run: DIR/run.jsonl.  Its first line is the plan, each further line one finished run, or a note of what changed
 * (the budget), was learnt (files that the error names), and of the time that went by.  A line is on the disk
 * (fsync) before the search hears of the run, so that `kill -9` costs the runs in flight and no other; a last line that a crash
 * cut short is dropped.  The caller holds the lock of DIR.
 */
#ifndef CLI_RUN_JOURNAL_H
#define CLI_RUN_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/str.h"
#include "git/history.h"
#include "search/metric.h"
#include "search/search.h"

/* All that decides what a run observes; the rest (slots, verbosity) may change from one --continue to the next. */
struct run_plan {
	struct strv good;		/* 40 hex each, as the user's revisions were resolved */
	char bad[GIT_HEX + 1];
	struct strv command;
	char *build;			/* for `sh -c`; NULL: the command does it all */
	char *error_id;			/* at most one of these two; both NULL: the exit status decides */
	char *match;
	char *metric;			/* a number is what counts: the pattern that has it in its group; else NULL */
	enum metric_direction direction;
	long long samples;		/* of the metric, of each side, before the search */
	char *rules_dir;		/* of error ids; NULL: those that the process finds by itself */
	char *directory;		/* below the work tree, where the command runs; "" its root */
	bool trust, trust_ends, flaky;
	bool clean;
	bool first_parent;
	bool fix;			/* of two ends the good one is the newer: the first commit without the error */
	bool prior_from_error;
	bool prior_known;		/* the next was learnt */
	struct strv prior_files;	/* of the repository, that the error names */
	long long timeout_s;		/* 0: none */
	double confidence;		/* of the verdict; 0: the search's own default */
	long long budget;		/* runs in all; 0: the search's own default */
	long long budget_s;		/* in all; 0: none.  These two may change from one --continue to the next */
	long long jobs;
	int64_t started_ms;
};

void run_plan_release(struct run_plan *plan);
const char *run_plan_new_end(const struct run_plan *plan);	/* 40 hex: the bad end, or with `fix` the good one */

struct run_record {
	char commit[GIT_HEX + 1];
	enum observation observation;
	enum search_purpose purpose;
	unsigned sequence;		/* names the log, from 1; numbers of runs that were killed are missing */
	int exit_status;		/* 0..255, 128 + signal; -1: the command was not run */
	bool timed_out;
	bool built;			/* a build was part of it */
	bool exact_error;		/* the error asked for was seen */
	int64_t error_at;		/* bytes before its line in the log; -1: not known */
	double value;			/* of the metric; NaN: none */
	bool is_sample;			/* of an end, for the metric's distribution: no observation of the search */
	int64_t wall_ms;		/* checkout, build and command */
	int64_t elapsed_ms;		/* since the start of the bisection, pauses between --continue left out */
};

struct journal;

bool journal_exists(const char *dir);

/* ERR_EXISTS if there is one. */
int journal_begin(struct journal **ret, const char *dir, const struct run_plan *plan, struct error *err);

/*
 * The caller releases *ret_plan and frees *ret_records; *ret_elapsed_ms is what went by so far.  ERR_NOT_FOUND: nothing to go
 * on with; ERR_CORRUPT names the line.
 */
int journal_resume(struct journal **ret, struct run_plan *ret_plan, struct run_record **ret_records, size_t *ret_n,
	int64_t *ret_elapsed_ms, const char *dir, struct error *err);

/* The run that ended last is unfinished again (its budget was spent).  ERR_NOT_FOUND: there is none; ERR_EXISTS. */
int journal_reopen(const char *dir, struct error *err);

/* Durable when it returns 0. */
int journal_add(struct journal *journal, const struct run_record *record, struct error *err);

/* The budget as it is in the plan now, and the time that went by, runs that were cut off included.  Durable when it returns 0. */
int journal_note(struct journal *journal, const struct run_plan *plan, int64_t elapsed_ms, struct error *err);

/* What was learnt of the prior, as it is in the plan now.  Durable when it returns 0. */
int journal_note_prior(struct journal *journal, const struct run_plan *plan, struct error *err);

/* The run is over: the journal becomes DIR/last.jsonl. */
int journal_finish(struct journal *journal, struct error *err);

int journal_remove(const char *dir, struct error *err);	/* one that is not there is fine */
void journal_free(struct journal *journal);		/* closes it; NULL is fine */

const char *observation_name(enum observation observation);	/* "good", "bad", "skip", "broken" */

#endif
