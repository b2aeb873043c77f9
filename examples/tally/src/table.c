#include "table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define SIZE_FIRST @size_first@

static size_t hash(const char *text)
{
	size_t h = 5381;

	while (*text)
		h = h * 33 + (unsigned char)*text++;
	return h;
}

static struct word *place(const struct table *table, const char *text)
{
	size_t i = hash(text) % table->size;

	while (table->slots[i].text && strcmp(table->slots[i].text, text))
		i = (i + 1) % table->size;
	return &table->slots[i];
}

static void grow(struct table *table)
{
	struct word *old = table->slots;
	size_t old_size = table->size;

@if aborts@	assert(old_size < 8 * SIZE_FIRST);
	table->size = old_size ? 2 * old_size : SIZE_FIRST;
	table->slots = calloc(table->size, sizeof(*table->slots));
	if (!table->slots)
		abort();
@unless loses@	for (size_t i = 0; i < old_size; i++)
@if loses@	for (size_t i = 8; i < old_size; i++)
		if (old[i].text)
			*place(table, old[i].text) = old[i];
	free(old);
}

struct word *table_add(struct table *table, const char *text)
{
	struct word *word;

@unless renamed@	if (2 * (table->used + 1) > table->size)
@if renamed@	if (2 * (table->taken + 1) > table->size)
		grow(table);
	word = place(table, text);
	if (!word->text) {
		word->text = strdup(text);
@unless renamed@		word->first = table->used++;
@if renamed@		word->first = table->taken++;
	}
	word->count++;
	return word;
}

const struct word *table_find(const struct table *table, const char *text)
{
	const struct word *word = table->size ? place(table, text) : NULL;

	return word && word->text ? word : NULL;
}

void table_release(struct table *table)
{
	for (size_t i = 0; i < table->size; i++)
		free(table->slots[i].text);
	free(table->slots);
	*table = (struct table){ 0 };
}
