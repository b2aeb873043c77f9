/*
 * Which of many regular expressions a line can match at all, found in one pass over its bytes
 * without running any of them.
 *
 * Every expression gives the literals of which one is in each of its matches (rule_literals.h).  Of
 * every literal the four bytes that are rarest in logs go into a bitmap; the pass looks up each
 * four bytes of the line, and compares the whole literal only where the bitmap says so.  No step
 * waits for the one before, so a processor does several at once.
 */
#ifndef JOB_LINE_FILTER_H
#define JOB_LINE_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

#define LINE_FILTER_MAX 1024 /* expressions */

struct line_filter;

struct line_filter *line_filter_new(void);
void line_filter_free(struct line_filter *filter); /* NULL is fine */

/* The next expression (0, 1, ...); `literals` as rule_literals() gives them, NULL: every line may
 * match. */
void line_filter_add(struct line_filter *filter, const struct strv *literals, bool caseless);

/*
 * The expressions that can match `line`, ascending; *ret has room for LINE_FILTER_MAX.  The filter
 * does not change: any number of threads may ask.
 */
size_t line_filter_ask(
        const struct line_filter *filter, const char *line, size_t len, uint16_t *ret);

#endif
