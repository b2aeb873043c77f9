#include "search/graph.h"

#include "base/mem.h"
#include "search/internal.h"

#define BLOCK_WORDS 8
#define BLOCK_COLUMNS (BLOCK_WORDS * 64)
#define BLOCK_BYTES (BLOCK_COLUMNS / 8)
#define MAX_RUNS 4		/* with more weights in a block, bytes are looked up in a table */

/* The arrays carry no capacity: they grow when a count reaches a power of two. */
static size_t room_for(size_t count)
{
	size_t room = 16;

	while (room < count)
		room *= 2;
	return room;
}

static uint32_t *grow(uint32_t *array, size_t have, size_t want)
{
	if (array && room_for(have) == room_for(want))
		return array;
	return mem_resize(array, room_for(want), sizeof(*array));
}

int graph_add(struct graph *graph, const uint32_t *parents, size_t n_parents, uint32_t *ret_vertex,
	struct error *err)
{
	uint32_t begin = graph->first ? graph->first[graph->n] : 0, end = begin;

	if (graph->n >= UINT32_MAX - 1 || n_parents > UINT32_MAX - begin)
		return error_set(err, ERR_LIMIT, "the commit graph is too large");
	for (size_t i = 0; i < n_parents; i++) {
		if (parents[i] >= graph->n)
			return error_set(err, ERR_INVALID,
				"vertex %u of the commit graph names parent %u, "
				"which does not exist yet",
				(unsigned)graph->n, (unsigned)parents[i]);
	}
	graph->first = grow(graph->first, (size_t)graph->n + 1, (size_t)graph->n + 2);
	graph->parent = grow(graph->parent, begin, begin + n_parents);
	graph->first[graph->n] = begin;
	for (size_t i = 0; i < n_parents; i++) {
		uint32_t k = begin;

		while (k < end && graph->parent[k] != parents[i])
			k++;
		if (k == end)
			graph->parent[end++] = parents[i];
	}
	if (ret_vertex)
		*ret_vertex = graph->n;
	graph->first[++graph->n] = end;
	return 0;
}

void graph_release(struct graph *graph)
{
	free(graph->first);
	free(graph->parent);
	*graph = (struct graph){ 0 };
}

void graph_close_ancestors(const struct graph *graph, bool *marked)
{
	for (uint32_t v = graph->n; v-- > 0;) {
		if (!marked[v])
			continue;
		for (uint32_t e = graph->first[v]; e < graph->first[v + 1]; e++)
			marked[graph->parent[e]] = true;
	}
}

void graph_close_descendants(const struct graph *graph, bool *marked)
{
	for (uint32_t v = 0; v < graph->n; v++) {
		for (uint32_t e = graph->first[v]; e < graph->first[v + 1] && !marked[v]; e++)
			marked[v] = marked[graph->parent[e]];
	}
}

void graph_mark_ancestors(const struct graph *graph, uint32_t v, bool *bitmap)
{
	for (uint32_t i = 0; i < graph->n; i++)
		bitmap[i] = i == v;
	graph_close_ancestors(graph, bitmap);
}

bool graph_is_ancestor(const struct graph *graph, uint32_t ancestor, uint32_t descendant)
{
	bool *marked, answer;

	if (ancestor >= descendant || descendant >= graph->n)
		return ancestor == descendant;
	marked = mem_array(graph->n, sizeof(*marked));
	graph_mark_ancestors(graph, descendant, marked);
	answer = marked[ancestor];
	free(marked);
	return answer;
}

/*
 * Bits set in a row.  By hand (Warren, Hacker's Delight 5-1), because the baseline x86-64 has no
 * popcount instruction and the compiler would call a library function for every word.
 */
static inline unsigned count_bits(const uint64_t *row, const uint64_t *mask)
{
	const uint64_t m1 = 0x5555555555555555, m2 = 0x3333333333333333;
	const uint64_t m4 = 0x0f0f0f0f0f0f0f0f, m8 = 0x00ff00ff00ff00ff;
	uint64_t bytes = 0;

	for (unsigned i = 0; i < BLOCK_WORDS; i++) {
		uint64_t x = row[i] & mask[i];

		x -= (x >> 1) & m1;
		x = (x & m2) + ((x >> 2) & m2);
		bytes += (x + (x >> 4)) & m4;
	}
	/* eight words of at most 8 a byte: no byte has overflowed; the sum of all needs 16 bits */
	bytes = (bytes & m8) + ((bytes >> 8) & m8);
	return (bytes * 0x0001000100010001) >> 48;
}

struct block {
	uint32_t first_vertex;		/* smaller vertices have none of its columns as ancestors */
	unsigned n_runs;
	struct {
		uint64_t mask[BLOCK_WORDS];
		double weight;
	} run[MAX_RUNS];
	double (*table)[256];		/* per byte of a row; used when n_runs > MAX_RUNS */
};

static void block_begin(struct block *block, const uint32_t *columns, unsigned n,
	const double *weight)
{
	double last = 0;

	block->n_runs = 0;
	block->first_vertex = columns[0];
	for (unsigned i = 0; i < n; i++) {
		double w = weight ? weight[columns[i]] : 1;

		if (columns[i] < block->first_vertex)
			block->first_vertex = columns[i];
		if (i == 0 || w < last || w > last) {
			if (block->n_runs < MAX_RUNS) {
				memset(&block->run[block->n_runs], 0, sizeof(block->run[0]));
				block->run[block->n_runs].weight = w;
			}
			block->n_runs++;
		}
		last = w;
		if (block->n_runs <= MAX_RUNS)
			block->run[block->n_runs - 1].mask[i / 64] |= UINT64_C(1) << (i % 64);
	}
	if (block->n_runs <= MAX_RUNS)
		return;
	for (unsigned byte = 0; byte < BLOCK_BYTES; byte++) {
		for (unsigned bits = 1; bits < 256; bits++) {
			unsigned low = (unsigned)__builtin_ctz(bits), i = byte * 8 + low;
			double w = i < n ? (weight ? weight[columns[i]] : 1) : 0;

			block->table[byte][bits] = block->table[byte][bits & (bits - 1)] + w;
		}
	}
}

static inline double row_weight(const struct block *block, const uint64_t *row)
{
	double sum = 0;

	if (block->n_runs <= MAX_RUNS) {
		for (unsigned r = 0; r < block->n_runs; r++)
			sum += block->run[r].weight * count_bits(row, block->run[r].mask);
		return sum;
	}
	for (unsigned byte = 0; byte < BLOCK_BYTES; byte++)
		sum += block->table[byte][row[byte / 8] >> (byte % 8 * 8) & 0xff];
	return sum;
}

void graph_add_column_weights(const struct graph *graph, const uint32_t *columns, size_t n_columns,
	const double *weight, double *sums)
{
	uint64_t (*rows)[BLOCK_WORDS] = mem_array(graph->n, sizeof(*rows));
	uint16_t *bit = mem_array(graph->n, sizeof(*bit));	/* 1 + column in this block */
	struct block block = { .table = mem_array(BLOCK_BYTES, sizeof(*block.table)) };

	for (size_t begin = 0; begin < n_columns; begin += BLOCK_COLUMNS) {
		size_t left = n_columns - begin;
		unsigned n = left < BLOCK_COLUMNS ? (unsigned)left : BLOCK_COLUMNS;

		block_begin(&block, columns + begin, n, weight);
		for (unsigned i = 0; i < n; i++)
			bit[columns[begin + i]] = (uint16_t)(i + 1);
		for (uint32_t v = block.first_vertex; v < graph->n; v++) {
			uint64_t row[BLOCK_WORDS] = { 0 };

			for (uint32_t e = graph->first[v]; e < graph->first[v + 1]; e++) {
				const uint64_t *from = rows[graph->parent[e]];

				if (graph->parent[e] < block.first_vertex)
					continue;
				for (unsigned i = 0; i < BLOCK_WORDS; i++)
					row[i] |= from[i];
			}
			if (bit[v])
				row[(bit[v] - 1u) / 64] |= UINT64_C(1) << ((bit[v] - 1u) % 64);
			memcpy(rows[v], row, sizeof(row));
			sums[v] += row_weight(&block, row);
		}
		for (unsigned i = 0; i < n; i++)
			bit[columns[begin + i]] = 0;
	}
	free(rows);
	free(bit);
	free(block.table);
}

void graph_ancestor_weights(const struct graph *graph, const bool *in, const double *weight,
	double *ret)
{
	uint32_t *columns = mem_array(graph->n, sizeof(*columns));
	size_t n = 0;

	for (uint32_t v = 0; v < graph->n; v++) {
		ret[v] = 0;
		if (!in || in[v])
			columns[n++] = v;
	}
	graph_add_column_weights(graph, columns, n, weight, ret);
	free(columns);
}
