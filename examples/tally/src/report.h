#ifndef REPORT_H
#define REPORT_H

#include "table.h"

/* The words of a table, the most frequent first, at most `top` of them: how many there are.  The caller frees *ret. */
size_t report_top(const struct word ***ret, const struct table *table, size_t top);

#endif
