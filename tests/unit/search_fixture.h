/* One search on a small history, and short words for its runs and what it makes of them. */
#ifndef TESTS_UNIT_SEARCH_FIXTURE_H
#define TESTS_UNIT_SEARCH_FIXTURE_H

#include <stddef.h>
#include <stdint.h>

#include "search/search.h"

/* Empty before each test.  Who starts a second search in one test frees the first, and the graph if it is to be another. */
extern struct graph graph;
extern struct search *search;
extern struct search_options options;	/* for the next start_...() */

void set_up(void);
void tear_down(void);			/* frees the search and the graph */

uint32_t add(size_t n, const uint32_t *parents);	/* a commit to the graph; its number */

/* A line and a search on it: 0 is the good end, 1..n are candidates, n is the bad end. */
void start_linear(uint32_t n);
void start_trusted(uint32_t n);		/* the same; every end and every run is believed */

/* Runs that nobody asked for. */
void see(uint32_t v, enum observation observation);
void see_times(uint32_t v, enum observation observation, unsigned times);
void see_both_ends(uint32_t bad);	/* twice each, as they should be; 0 is the good one */

/* The next probe, which must be there, and be that one. */
struct search_probe take(void);
void take_expecting(uint32_t commit, enum search_purpose purpose);
void none_to_take(void);		/* none must be there */
void answer(uint32_t v, enum observation observation);	/* to a probe that was taken */

enum verdict_kind kind(void);		/* of the verdict as it stands */
double believed(uint32_t v);		/* that v is the culprit; in a graph of 64 commits or less */

/* Runs of `v` as if the error always showed. */
enum observation as_if(uint32_t culprit, uint32_t v);
/* One slot on a line, to the verdict; how many runs it took. */
unsigned play_linear(uint32_t culprit);

#endif
