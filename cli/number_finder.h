/* The number that a pattern finds in the output of a run. */
#ifndef CLI_NUMBER_FINDER_H
#define CLI_NUMBER_FINDER_H

#include <stddef.h>

#include "base/error.h"

struct number_finder;

/*
 * The number is the text of the pattern's one group, as strtod reads it, all of it, in the last line that has one.  Of a line the first
 * 8 KiB count; a number has at most 64 bytes.  ERR_INVALID: no pattern, or not exactly one group.
 */
int number_finder_new(struct number_finder **ret, const char *regex, struct error *err);
void number_finder_feed(struct number_finder *finder, const char *bytes, size_t len);
double number_finder_end(struct number_finder *finder);	/* NaN: there was none */
void number_finder_free(struct number_finder *finder);	/* NULL is fine */

#endif
