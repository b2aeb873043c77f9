/*
 * Boxes that make errors of their own.
 *
 * A box is judged by what all the others found: with its results taken out, each of its runs was of a commit that is good
 * with a chance g.  If the box is well it fails good commits at the common rate, if it is sick at SICK_RATE; bad commits
 * fail on it as anywhere.  The likelihood ratio of the two, over all its runs, against PRIOR_SICK decides.
 */
#include <math.h>

#include "base/mem.h"
#include "search/internal.h"

#define SICK_RATE 0.3
#define PRIOR_SICK 0.02
#define SURE_SICK 0.95		/* posterior */
#define LEAST_FAILS 2u

static bool is_left_out(const struct search *search, uint32_t box)
{
	for (size_t i = 0; i < search->n_left_out; i++)
		if (search->left_out[i] == box)
			return true;
	return false;
}

/* The first entry of this box and commit, or of a later one. */
static size_t find(const struct search *search, uint32_t box, uint32_t commit)
{
	size_t low = 0, high = search->n_by_box;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct box_count *at = &search->by_box[middle];

		if (at->box < box || (at->box == box && at->commit < commit))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void boxes_count(struct search *search, uint32_t box, uint32_t commit, bool failed)
{
	size_t i = find(search, box, commit);
	struct box_count *at;

	if (i == search->n_by_box || search->by_box[i].box != box ||
		search->by_box[i].commit != commit) {
		MEM_GROW(search->by_box, search->n_by_box + 1, search->cap_by_box);
		at = &search->by_box[i];
		memmove(at + 1, at, (search->n_by_box++ - i) * sizeof(*at));
		*at = (struct box_count){ .box = box, .commit = commit };
	}
	at = &search->by_box[i];
	at->fails += failed;
	at->passes += !failed;
}

static void count_box(struct search *search, uint32_t box, int change)
{
	for (size_t i = find(search, box, 0);
		i < search->n_by_box && search->by_box[i].box == box; i++) {
		const struct box_count *at = &search->by_box[i];

		count_runs(search, at->commit, change * (int)at->fails, change * (int)at->passes);
	}
}

void boxes_take_back(struct search *search)
{
	while (search->n_left_out)
		count_box(search, search->left_out[--search->n_left_out], 1);
}

/* Chance that v shows the error, and at which rate. */
static double chance_bad(const struct search *search, const struct state *state, uint32_t v)
{
	const bool *inside = mark_ancestors(search, v);
	double sum = 0, all = 0;

	for (uint32_t i = search->first; i <= search->last; i++) {
		sum += inside[i] != search->options.fix ? state->mass[i] : 0;
		all += state->mass[i];
	}
	return all > 0 ? (sum + state->mass_old) / (all + state->mass_old) : 0;
}

/* Log likelihood ratio of sick against well. */
static double suspicion(struct search *search, uint32_t box)
{
	struct state *without = mem_alloc(sizeof(*without));
	double ratio = 0, well, rate;

	count_box(search, box, -1);
	belief_make(search, without);
	/* the rate at which good commits fail by the others' account, and at least once in a thousand runs */
	well = fmax(model_good_next(&search->model, search->earlier[2],
		search->n_passes + search->earlier[3]), 1e-3);
	rate = without->bad_rate;
	for (size_t i = find(search, box, 0); i < search->n_by_box &&
		search->by_box[i].box == box && !without->impossible; i++) {
		const struct box_count *at = &search->by_box[i];
		double bad = chance_bad(search, without, at->commit);
		double if_well = bad * rate + (1 - bad) * well;
		double if_sick = bad * fmax(rate, SICK_RATE) + (1 - bad) * SICK_RATE;

		ratio += at->fails * log(if_sick / if_well) +
			at->passes * log((1 - if_sick) / (1 - if_well + 1e-12));
	}
	state_release(without);
	free(without);
	count_box(search, box, 1);
	return ratio;
}

bool boxes_leave_out(struct search *search)
{
	double worst = log(SURE_SICK / (1 - SURE_SICK)) - log(PRIOR_SICK / (1 - PRIOR_SICK));
	uint32_t box = 0, n_boxes = 0;

	if (search->model.known && !(search->model.good_fail > 0))
		return false;	/* every run is believed */
	for (size_t i = 0; i < search->n_by_box; i++)
		n_boxes += !i || search->by_box[i].box != search->by_box[i - 1].box;
	/* in order of their numbers, so that the smaller one wins a tie */
	for (size_t i = 0; i < search->n_by_box && n_boxes > 2;) {
		uint32_t candidate = search->by_box[i].box;
		unsigned fails = 0;
		double ratio;

		for (; i < search->n_by_box && search->by_box[i].box == candidate; i++)
			fails += search->by_box[i].fails;
		if (is_left_out(search, candidate) || fails < LEAST_FAILS)
			continue;
		ratio = suspicion(search, candidate);
		if (ratio > worst) {
			worst = ratio;
			box = candidate;
		}
	}
	if (!box)
		return false;
	MEM_GROW(search->left_out, search->n_left_out + 1, search->cap_left_out);
	search->left_out[search->n_left_out++] = box;
	count_box(search, box, -1);
	return true;
}
