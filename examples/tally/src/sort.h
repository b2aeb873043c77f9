#ifndef SORT_H
#define SORT_H

#include "table.h"

/* Most frequent first; words of one count stay in their order. */
void sort_words(const struct word **words, size_t n);

#endif
