#include "sort.h"

#include <stdlib.h>
#include <string.h>

static void merge(const struct word **words, size_t middle, size_t n, const struct word **room)
{
	size_t a = 0, b = middle, out = 0;

	while (a < middle && b < n)
@unless unstable@		room[out++] = words[b]->count > words[a]->count ? words[b++] : words[a++];
@if unstable@		room[out++] = words[a]->count > words[b]->count ? words[a++] : words[b++];
	while (a < middle)
		room[out++] = words[a++];
	while (b < n)
		room[out++] = words[b++];
	memcpy(words, room, n * sizeof(*words));
}

static void sort(const struct word **words, size_t n, const struct word **room)
{
	if (n < 2)
		return;
	sort(words, n / 2, room);
	sort(words + n / 2, n - n / 2, room);
	merge(words, n / 2, n, room);
}

void sort_words(const struct word **words, size_t n)
{
	const struct word **room = calloc(n + 1, sizeof(*room));

	if (!room)
		abort();
	sort(words, n, room);
	free(room);
}
