/* What may be asked of a bisection besides its question: how sure, how much it may cost, what it looks for (docs/api.md). */
#ifndef BISECTD_BISECTION_OPTIONS_H
#define BISECTD_BISECTION_OPTIONS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct bisection_options {
	double confidence;	/* of the verdict; 0: as the search has it */
	double reproducible;	/* prior of an error that a bad commit always shows; 0: as the search has it */
	unsigned max_runs;	/* of its own, what was known before is free; 0: no such limit */
	int64_t max_seconds;	/* wall time since it was opened; 0: no such limit */
	unsigned slots;		/* runs at once; 0: its share of the farm */
	bool first_parent;
	bool prior_from_error;	/* commits that touch a file which the error names are tried first; true unless given */
	bool fix;		/* the first commit without the error is looked for: an old end has it, the new end not */
};

/*
 * From an object as a request has it, and as the row keeps it; NULL is none.  ERR_INVALID: "options.KEY: found ..., allowed is ...".
 * *ret is untouched then.
 */
int bisection_options_read(struct bisection_options *ret, const json_t *options, struct error *err);

#endif
