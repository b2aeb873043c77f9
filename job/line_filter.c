#include "job/line_filter.h"

#include <string.h>

#include "base/mem.h"
#include "job/rule_literals.h"

#define GRAM 4
#define BITS 16 /* 8 KiB of bitmap: it stays in the first cache */

_Static_assert(RULE_LITERAL_MIN >= GRAM, "every literal has a gram");

struct entry {
	char *literal;
	bool caseless; /* then it is lower case */
	uint16_t len, offset; /* of its gram */
	uint16_t expression;
	uint32_t hash;
	uint32_t next; /* index plus 1 of the next with this bucket */
};

#define BUCKETS 2048

struct line_filter {
	uint64_t bitmap[(1u << BITS) / 64];
	uint32_t buckets[BUCKETS];
	struct entry *entries;
	size_t n, cap;
	uint16_t *always;
	size_t n_always, cap_always;
	uint16_t expressions;
};

struct line_filter *line_filter_new(void)
{
	return mem_alloc(sizeof(struct line_filter));
}

void line_filter_free(struct line_filter *filter)
{
	if (!filter)
		return;
	for (size_t i = 0; i < filter->n; i++)
		free(filter->entries[i].literal);
	free(filter->entries);
	free(filter->always);
	free(filter);
}

/* Letters without case; other bytes fall together as well, which the comparison of the whole sorts
 * out. */
static uint32_t gram_hash(const char *p)
{
	uint32_t gram;

	memcpy(&gram, p, sizeof(gram));
	return ((gram | 0x20202020u) * 0x9e3779b1u) >> (32 - BITS);
}

static char lower(char c)
{
	return (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
}

/* How rarely a byte stands in a log, roughly. */
static unsigned rarity(char c)
{
	if (c == ' ')
		return 2;
	if (c >= 'a' && c <= 'z')
		return strchr("etaoinsrld", c) ? 1 : strchr("cumpfgbh", c) ? 2 : 4;
	return c == '0' || c == '.' || c == '/' || c == '_' ? 2 : 5;
}

static size_t rarest_gram(const char *literal, size_t len)
{
	size_t best = 0;
	unsigned most = 0;

	for (size_t i = 0; i + GRAM <= len; i++) {
		unsigned sum = 0;

		for (size_t j = 0; j < GRAM; j++)
			sum += rarity(lower(literal[i + j]));
		if (sum > most) {
			most = sum;
			best = i;
		}
	}
	return best;
}

static void add_literal(struct line_filter *filter, const char *literal, bool caseless)
{
	struct entry entry = { .expression = filter->expressions };
	uint32_t *bucket;

	entry.len = (uint16_t)strlen(literal);
	entry.literal = mem_strdup(literal);
	entry.caseless = caseless;
	entry.offset = (uint16_t)rarest_gram(literal, entry.len);
	entry.hash = gram_hash(literal + entry.offset);
	filter->bitmap[entry.hash / 64] |= (uint64_t)1 << entry.hash % 64;
	bucket = &filter->buckets[entry.hash % BUCKETS];
	entry.next = *bucket;
	MEM_GROW(filter->entries, filter->n + 1, filter->cap);
	filter->entries[filter->n++] = entry;
	*bucket = (uint32_t)filter->n;
}

void line_filter_add(struct line_filter *filter, const struct strv *literals, bool caseless)
{
	if (literals) {
		for (size_t i = 0; i < literals->n; i++)
			add_literal(filter, literals->v[i], caseless);
	} else {
		MEM_GROW(filter->always, filter->n_always + 1, filter->cap_always);
		filter->always[filter->n_always++] = filter->expressions;
	}
	filter->expressions++;
}

static bool literal_is_at(const struct entry *entry, const char *line, size_t len, size_t gram)
{
	size_t begin = gram - entry->offset;

	if (gram < entry->offset || len - begin < entry->len)
		return false;
	if (!entry->caseless)
		return !memcmp(line + begin, entry->literal, entry->len);
	for (size_t i = 0; i < entry->len; i++)
		if (lower(line[begin + i]) != entry->literal[i])
			return false;
	return true;
}

/* Puts an expression in its place, once: there are few, mostly none. */
static size_t insert(uint16_t *list, size_t n, uint16_t expression)
{
	size_t at = n;

	while (at > 0 && list[at - 1] > expression)
		at--;
	if (at > 0 && list[at - 1] == expression)
		return n;
	memmove(list + at + 1, list + at, (n - at) * sizeof(*list));
	list[at] = expression;
	return n + 1;
}

static size_t look_closer(const struct line_filter *filter, const char *line, size_t len, size_t at,
        uint32_t hash, uint16_t *ret, size_t n)
{
	for (uint32_t i = filter->buckets[hash % BUCKETS]; i; i = filter->entries[i - 1].next) {
		const struct entry *entry = &filter->entries[i - 1];

		if (entry->hash == hash && literal_is_at(entry, line, len, at))
			n = insert(ret, n, entry->expression);
	}
	return n;
}

size_t line_filter_ask(
        const struct line_filter *filter, const char *line, size_t len, uint16_t *ret)
{
	size_t n = filter->n_always;

	if (n)
		memcpy(ret, filter->always, n * sizeof(*ret));
	for (size_t i = 0; i + GRAM <= len; i++) {
		uint32_t hash = gram_hash(line + i);

		if (filter->bitmap[hash / 64] >> hash % 64 & 1)
			n = look_closer(filter, line, len, i, hash, ret, n);
	}
	return n;
}
