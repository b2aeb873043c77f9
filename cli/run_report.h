/* The result of a run on standard output: text like git's, or one JSON object on one line. */
#ifndef CLI_RUN_REPORT_H
#define CLI_RUN_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/run_journal.h"
#include "cli/run_prior.h"
#include "git/history.h"
#include "cli/run_metric.h"
#include "search/search.h"

struct report {
	const struct run_plan *plan;
	struct repository *repository;
	const struct history *history;
	struct search *search;
	const struct run_record *records;
	size_t n_records;
	int64_t elapsed_ms;
	const char *logs_dir;
	const struct prior *prior;	/* NULL: none was asked for, or learnt */
	const struct measure *measure;	/* NULL: there was no metric */
	bool json;
};

/* A standing verdict; returns the exit status that belongs to it (enum run_exit). */
int report_verdict(const struct report *report);

/* {"verdict": kind, "commit": null, ..., "reason": reason}, for an end without a verdict ("error", "interrupted"). */
void report_no_verdict(const char *kind, const char *reason, size_t runs, int64_t elapsed_ms);

#endif
