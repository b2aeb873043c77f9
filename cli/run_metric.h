/*
 * --metric: a number in the command's output is what counts.  First both ends are sampled, a number of times each, which says how the numbers
 * of each side lie (search/metric.h); then every number is held against both.
 */
#ifndef CLI_RUN_METRIC_H
#define CLI_RUN_METRIC_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "cli/run_journal.h"
#include "git/history.h"
#include "search/metric.h"
#include "search/search.h"

/* --- What the ends measure --- */

struct measure {
	const struct run_plan *plan;	/* borrowed */
	double *good, *bad;		/* samples of the ends */
	size_t n_good, n_bad, cap_good, cap_bad;
	unsigned silent_good, silent_bad;	/* runs of them that gave none */
	bool known;			/* all samples are there, and so is ... */
	struct metric metric;
};

/* Runs of an end that give no number before it is said that it has none. */
#define MEASURE_SILENT_MAX 3u

void measure_release(struct measure *measure);

/* "12.5 and 13.1, 12 runs each": what the ends measure, for people. */
void measure_say(struct str *ret, const struct measure *measure);

/*
 * A sample.  When it was the last one, `known` is set.  ERR_FAILED: an end gives no number, or the numbers are too large.
 */
int measure_add(struct measure *measure, const struct run_record *record, bool is_bad_end, struct error *err);

/* A run of the search: what it observed, as the record keeps it, is set from its number. */
void measure_judge(const struct measure *measure, struct run_record *record);
void measure_tell(const struct measure *measure, struct search *search, uint32_t commit, const struct run_record *record,
	bool in_flight);

/* The ends do not differ: the verdict of that. */
bool measure_has_no_change(const struct measure *measure);
void measure_no_change(const struct measure *measure, struct search_verdict *ret);

/* --- The verdict --- */

struct measured {
	double mean;
	size_t runs;
};

/* All runs of the commits that contain `culprit`, and of the others; those of `commit` alone. */
void measure_sides(struct measured *ret_with, struct measured *ret_without, const struct history *history, uint32_t culprit,
	const struct run_record *records, size_t n);
struct measured measure_of(const struct history *history, uint32_t commit, const struct run_record *records, size_t n);

/* Writes the reason of a culprit in numbers. */
void measure_reason(const struct measure *measure, const struct history *history, const struct run_record *records, size_t n,
	struct search_verdict *verdict);
json_t *measure_to_json(const struct measure *measure, const struct history *history, const struct search_verdict *verdict,
	const struct run_record *records, size_t n);

#endif
