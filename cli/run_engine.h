/*
 * The loop of a run: takes probes from the search, gives them to work trees, writes what they saw into the journal, tells the
 * search, until a verdict stands, somebody interrupts, or a run says that it must not go on.
 */
#ifndef CLI_RUN_ENGINE_H
#define CLI_RUN_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "cli/run_journal.h"
#include "cli/run_metric.h"
#include "cli/run_prior.h"
#include "cli/run_progress.h"
#include "git/history.h"
#include "search/search.h"

/* All borrowed, except that `records` grows by what is observed (the caller frees it), and `prior`. */
struct engine {
	struct run_plan *plan;		/* only what is learnt of the prior changes */
	const struct history *history;	/* with plan->fix of history_load_fix */
	struct search *search;
	struct journal *journal;
	struct progress *progress;
	const char *git_dir;
	const char *state_dir;		/* <git_dir>/bisectd */
	unsigned jobs;
	bool verbose;
	bool keep_trees;
	struct run_record *records;	/* all finished runs, also those of before --continue */
	size_t n_records, records_cap;
	struct measure measure;		/* with plan->metric, in and out: the samples (the caller releases it) */
	struct prior prior;		/* in: if plan->prior_known; out: what was learnt (the caller releases it) */
	int64_t elapsed_ms;		/* in: of the sessions before; out: in all */
	int64_t limit_ms;		/* of elapsed_ms: then the search ends as it stands (search_spend); 0: none */
	bool spent;			/* out: that is why it ended */
};

enum engine_end {
	ENGINE_VERDICT,
	ENGINE_INTERRUPTED,
};

/* An error: the run cannot go on now; what was observed is in the journal.  Handles SIGINT, SIGTERM and SIGHUP while it runs. */
int engine_run(struct engine *engine, enum engine_end *ret, struct error *err);

#endif
