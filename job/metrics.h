/* Metrics of a run: lines of a test's output that are `name: number` and nothing else, as the
 * parsers of lkp-tests print them. */
#ifndef JOB_METRICS_H
#define JOB_METRICS_H

#include "job/errorid.h"

#define METRIC_NAME_MAX 120 /* bytes of a name */

struct metrics {
	struct found_metric *found;
	size_t n, cap;
};

void metrics_release(struct metrics *metrics);
/* True if the line is a metric: it is kept as "<suite>.<name>", or passed over if there are
 * METRICS_MAX others. */
bool metrics_read(struct metrics *metrics, const char *suite, const char *line, size_t len);
/* A number that another program measured, by its whole name; it stands in place of what was read.
 * False: there is no room. */
bool metrics_set(struct metrics *metrics, const char *name, double value);

#endif
