#ifndef TABLE_H
#define TABLE_H

#include <stddef.h>

struct word {
	char *text;
	unsigned long count;
	size_t first;		/* how many other words came before it */
};

/* A hash table of words; all zero is an empty one. */
struct table {
	struct word *slots;
	size_t size;
@unless renamed@	size_t used;
@if renamed@	size_t taken;
};

struct word *table_add(struct table *table, const char *text);
const struct word *table_find(const struct table *table, const char *text);
void table_release(struct table *table);

#endif
