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

static void count_box(struct search *search, uint32_t box, int change)
{
	for (size_t i = 0; i < search->n_by_box; i++)
		if (search->by_box[i].box == box)
			count_run(search, search->by_box[i].commit, search->by_box[i].observation, change);
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
	for (size_t i = 0; i < search->n_by_box && !without->impossible; i++) {
		const struct run_of_box *run = &search->by_box[i];
		double bad, if_well, if_sick;

		if (run->box != box)
			continue;
		bad = chance_bad(search, without, run->commit);
		if_well = bad * rate + (1 - bad) * well;
		if_sick = bad * fmax(rate, SICK_RATE) + (1 - bad) * SICK_RATE;
		ratio += run->observation == OBSERVED_BAD ? log(if_sick / if_well) :
			log((1 - if_sick) / (1 - if_well + 1e-12));
	}
	state_release(without);
	free(without);
	count_box(search, box, 1);
	return ratio;
}

static unsigned count_fails(const struct search *search, uint32_t box)
{
	unsigned fails = 0;

	for (size_t i = 0; i < search->n_by_box; i++)
		fails += search->by_box[i].box == box &&
			search->by_box[i].observation == OBSERVED_BAD;
	return fails;
}

/* Each box once, at its first run. */
static bool is_first(const struct search *search, size_t k)
{
	for (size_t i = 0; i < k; i++)
		if (search->by_box[i].box == search->by_box[k].box)
			return false;
	return true;
}

bool boxes_leave_out(struct search *search, const struct state *state)
{
	double worst = log(SURE_SICK / (1 - SURE_SICK)) - log(PRIOR_SICK / (1 - PRIOR_SICK));
	uint32_t box = 0, n_boxes = 0;

	if (search->model.known && !(search->model.good_fail > 0))
		return false;	/* every run is believed */
	for (size_t i = 0; i < search->n_by_box; i++)
		n_boxes += is_first(search, i);
	for (size_t i = 0; i < search->n_by_box && n_boxes > 2; i++) {
		uint32_t candidate = search->by_box[i].box;
		double ratio;

		if (!is_first(search, i) || is_left_out(search, candidate) ||
			count_fails(search, candidate) < LEAST_FAILS)
			continue;
		ratio = suspicion(search, candidate);
		/* the smaller number wins a tie, whatever came first */
		if (ratio > worst || (box && ratio >= worst && candidate < box)) {
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
