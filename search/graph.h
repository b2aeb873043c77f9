/*
 * A commit graph as arrays: compressed rows of parents, vertices in topological order (every parent's number is smaller than
 * its child's).
 */
#ifndef SEARCH_GRAPH_H
#define SEARCH_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct graph {
	uint32_t n;
	uint32_t *first;	/* n + 1: parents of v are parent[first[v]] .. parent[first[v + 1] - 1] */
	uint32_t *parent;
};

/* Grows a graph a vertex at a time; parents must exist already (else ERR_INVALID).  Doubled parents are kept once. */
int graph_add(struct graph *graph, const uint32_t *parents, size_t n_parents, uint32_t *ret_vertex, struct error *err);
void graph_release(struct graph *graph);

bool graph_is_ancestor(const struct graph *graph, uint32_t ancestor, uint32_t descendant);	/* or the same; O(n) */

/* Marks ancestors-or-self of v in bitmap[n]. */
void graph_mark_ancestors(const struct graph *graph, uint32_t v, bool *bitmap);

/*
 * ret[v] = sum of weight[a] over all ancestors-or-self a of v (weight NULL: 1 each where in[v], in NULL: all), exactly, merges counted once:
 * blocks of 512 vertices are swept as bit columns down the topological order (O(n * edges / 512) word operations).
 */
void graph_ancestor_weights(const struct graph *graph, const bool *in, const double *weight, double *ret);

#endif
