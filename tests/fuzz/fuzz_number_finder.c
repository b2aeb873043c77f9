/* Any bytes as the output of a run: a finite number or none, the same however it is cut into pieces. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "cli/number_finder.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static double find(const char *bytes, size_t len, size_t piece)
{
	struct number_finder *finder;
	double value;

	if (number_finder_new(&finder, "([-+.0-9a-zA-Z]+)", NULL) < 0)
		abort();
	for (size_t at = 0; at < len; at += piece)
		number_finder_feed(finder, bytes + at, len - at < piece ? len - at : piece);
	value = number_finder_end(finder);
	number_finder_free(finder);
	return value;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	double whole = find((const char *)bytes, len, len ? len : 1), pieces = find((const char *)bytes, len, 7);

	if (isinf(whole) || (isnan(whole) ? !isnan(pieces) : whole != pieces))
		abort();
	return 0;
}
