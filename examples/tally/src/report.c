#include "report.h"

#include <stdlib.h>

#include "sort.h"

/* Without --top. */
#define TOP_DEFAULT @top_default@

static int by_first(const void *a, const void *b)
{
	size_t x = (*(const struct word *const *)a)->first, y = (*(const struct word *const *)b)->first;

	return (x > y) - (x < y);
}

size_t report_top(const struct word ***ret, const struct table *table, size_t top)
{
	const struct word **words = calloc(table->used + 1, sizeof(*words));
	size_t n = 0;

	if (!words)
		abort();
	for (size_t i = 0; i < table->size; i++)
		if (table->slots[i].text)
			words[n++] = &table->slots[i];
	qsort(words, n, sizeof(*words), by_first);
	sort_words(words, n);
	*ret = words;
	if (top == 0)
		top = TOP_DEFAULT;
	return n < top ? n : top;
}
