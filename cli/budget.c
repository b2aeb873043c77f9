#include "cli/budget.h"

#include "base/str.h"

int budget_read(unsigned *ret_runs, int64_t *ret_seconds, const char *text, struct error *err)
{
	long long number;

	if (str_to_long(text, 1, BUDGET_RUNS_MAX, &number)) {
		*ret_runs = (unsigned)number;
		return 0;
	}
	/* A time without a unit would be a number of runs out of its limits. */
	if (strspn(text, "0123456789") < strlen(text) && str_to_seconds(text, &number) && number >= 1 &&
		number <= BUDGET_SECONDS_MAX) {
		*ret_seconds = number;
		return 0;
	}
	return error_set(err, ERR_INVALID,
		"\"%s\" is neither a number of runs from 1 to %u nor a time (90s, 15m, 6h, 2d) of at most %lld days", text,
		BUDGET_RUNS_MAX, BUDGET_SECONDS_MAX / (24 * 3600));
}
