/*
 * Boxes that make errors of their own.
 *
 * A box is judged by what all the others found.  If it is well, its runs are like theirs; if it
 * is sick, bad commits fail on it as anywhere, and good ones at a rate of its own (prior: that
 * of "null").  Summed over all hypotheses about the culprit, each with the weight that the other
 * boxes give it, the likelihood ratio of the two, against PRIOR_SICK, decides whether it is left
 * out. Runs of a box that is left out count as skips: they say nothing, and a commit that got
 * nothing else is given up in the end.
 *
 * Before a verdict, a box is also put aside if all hangs on it: where the verdict would be false
 * were it sick, and that chance times the doubt which the others leave is more than the verdict
 * may have.  Its runs then wait for others to agree.  Where none comes, because there is no other
 * to be had, they count after all: a box that ran a commit several times alone is believed.
 */
#include <math.h>

#include "base/mem.h"
#include "search/internal.h"

#define PRIOR_SICK 0.02
#define SURE_SICK 0.95		/* posterior */
#define LEAST_FAILS 2u
#define LEAST_DOUBT 0.01	/* that a box may leave, however much confidence is asked for */
#define ALONE_RUNS 4u		/* of one commit that no other box ran: nobody else will */

static bool is_left_out(const struct search *search, uint32_t box)
{
	for (size_t i = 0; i < search->n_left_out; i++)
		if (search->left_out[i].box == box)
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

/* Takes the results of a box out (-1) or in (1). */
static void count_box(struct search *search, uint32_t box, int change)
{
	for (size_t i = find(search, box, 0);
		i < search->n_by_box && search->by_box[i].box == box; i++) {
		const struct box_count *at = &search->by_box[i];

		count_runs(search, at->commit, change * (int)at->fails, change * (int)at->passes);
	}
}

/* As count_box, but its runs become skips, so that no commit is tried on it for ever. */
static void count_skips(struct search *search, uint32_t box, int change)
{
	for (size_t i = find(search, box, 0);
		i < search->n_by_box && search->by_box[i].box == box; i++) {
		const struct box_count *at = &search->by_box[i];

		count_skipped(search, at->commit, -change * (int)(at->fails + at->passes));
	}
	count_box(search, box, change);
}

void boxes_take_back(struct search *search)
{
	while (search->n_left_out) {
		const struct left_out *last = &search->left_out[--search->n_left_out];

		if (last->sick)
			count_skips(search, last->box, 1);
		else
			count_box(search, last->box, 1);
	}
}

unsigned boxes_sick(const struct search *search)
{
	unsigned n = 0;

	for (size_t i = 0; i < search->n_left_out; i++)
		n += search->left_out[i].sick;
	return n;
}

unsigned boxes_ignored(const struct search *search)
{
	unsigned n = 0;

	for (size_t i = 0; i < search->n_by_box && search->n_left_out; i++) {
		const struct box_count *at = &search->by_box[i];

		for (size_t k = 0; k < search->n_left_out; k++)
			if (search->left_out[k].box == at->box && search->left_out[k].sick)
				n += at->fails + at->passes;
	}
	return n;
}

/* Log likelihood of what a box found, were it sick: it fails good commits at a rate of its own. */
static double likelihood_if_sick(struct search *search, uint32_t bad_f, uint32_t bad_p,
	uint32_t box_bad_f, uint32_t box_bad_p, const struct box_count *box)
{
	struct model *model = &search->model;
	const unsigned *earlier = search->earlier;

	bad_f += earlier[0];
	bad_p += earlier[1];
	return model_bad(model, bad_f + box_bad_f, bad_p + box_bad_p) -
		model_bad(model, bad_f, bad_p) +
		model_null(model, box->fails - box_bad_f, box->passes - box_bad_p);
}

/* What a box found at the descendants-or-self of each commit. */
struct box_sums {
	const struct box_count *at;	/* borrowed: at each commit that it ran */
	size_t n_at;
	uint32_t *fails, *passes;
};

/* Like count_runs for all of its commits, 64 of them in one sweep. */
static struct box_sums sum_box(const struct search *search, uint32_t box)
{
	const struct graph *graph = search->graph;
	struct box_sums sums = { .at = search->by_box + find(search, box, 0) };
	uint64_t *row = mem_array(graph->n, sizeof(*row));

	while (sums.at + sums.n_at < search->by_box + search->n_by_box &&
		sums.at[sums.n_at].box == box)
		sums.n_at++;
	sums.fails = mem_array(graph->n, sizeof(*sums.fails));
	sums.passes = mem_array(graph->n, sizeof(*sums.passes));
	for (size_t begin = 0; begin < sums.n_at; begin += 64) {
		uint32_t fails = 0, passes = 0;
		uint64_t last = 0;

		memset(row, 0, graph->n * sizeof(*row));
		for (size_t i = begin; i < sums.n_at && i < begin + 64; i++)
			row[sums.at[i].commit] = UINT64_C(1) << (i - begin);
		for (uint32_t v = graph->n; v-- > 0;) {
			for (uint32_t e = graph->first[v]; row[v] && e < graph->first[v + 1]; e++)
				row[graph->parent[e]] |= row[v];
			if (row[v] != last) {
				fails = passes = 0;
				for (uint64_t bits = last = row[v]; bits; bits &= bits - 1) {
					size_t i = begin + (size_t)__builtin_ctzll(bits);

					fails += sums.at[i].fails;
					passes += sums.at[i].passes;
				}
			}
			sums.fails[v] += fails;
			sums.passes[v] += passes;
		}
	}
	free(row);
	return sums;
}

/* Takes the sums out for a look (-1) or in again (1); who is given up is not counted anew. */
static void shift(struct search *search, const struct box_sums *sums, int change)
{
	for (uint32_t v = 0; v < search->graph->n; v++) {
		search->fails[v] += (uint32_t)change * sums->fails[v];
		search->passes[v] += (uint32_t)change * sums->passes[v];
	}
	for (size_t i = 0; i < sums->n_at; i++) {
		const struct box_count *at = &sums->at[i];

		search->counts[at->commit][OBSERVED_BAD] += (unsigned)change * at->fails;
		search->counts[at->commit][OBSERVED_GOOD] += (unsigned)change * at->passes;
		search->n_fails += (unsigned)change * at->fails;
		search->n_passes += (unsigned)change * at->passes;
	}
}

/* Log likelihood ratio of sick against well; all: the evidence with the box. */
static double compare(struct search *search, const struct state *without, double all,
	const struct box_sums *sums, const struct box_count *box)
{
	double sum = without->mass_old *
		exp(likelihood_if_sick(search, search->n_fails, search->n_passes, box->fails,
		box->passes, box));

	uint32_t last[4] = { 0 };
	double factor = -1;

	sum += without->mass_null * exp(model_null(&search->model, box->fails, box->passes));
	for (uint32_t v = search->first; v <= search->last; v++) {
		uint32_t f = search->fails[v], p = search->passes[v];
		uint32_t box_f = sums->fails[v], box_p = sums->passes[v];

		if (!(without->mass[v] > 0))
			continue;
		if (search->options.fix) {
			f = search->n_fails - f;
			p = search->n_passes - p;
			box_f = box->fails - box_f;
			box_p = box->passes - box_p;
		}
		/* neighbours mostly have the same counts */
		if (factor < 0 || f != last[0] || p != last[1] || box_f != last[2] || box_p != last[3])
			factor = exp(likelihood_if_sick(search, f, p, box_f, box_p, box));
		memcpy(last, (uint32_t[]){ f, p, box_f, box_p }, sizeof(last));
		sum += without->mass[v] * factor;
	}
	return log(sum) - (all - without->log_evidence);
}

/* How a box looks beside the others. */
struct look {
	double sick;		/* log likelihood ratio against well */
	double top;		/* belief in the likeliest candidate without it */
};

static struct look look_at(struct search *search, const struct state *all,
	const struct box_count *box)
{
	struct state *without = mem_alloc(sizeof(*without));
	struct box_sums sums = sum_box(search, box->box);
	struct look look = { -INFINITY, 1 };

	shift(search, &sums, -1);
	belief_make(search, without);
	if (!without->impossible) {
		look.sick = compare(search, without, all->log_evidence, &sums, box);
		look.top = all->top == UINT32_MAX ? 1 : without->mass[all->top];
	}
	shift(search, &sums, 1);
	state_release(without);
	free(without);
	free(sums.fails);
	free(sums.passes);
	return look;
}

static void leave_out(struct search *search, uint32_t box, bool sick)
{
	MEM_GROW(search->left_out, search->n_left_out + 1, search->cap_left_out);
	search->left_out[search->n_left_out++] = (struct left_out){ box, sick };
	if (sick)
		count_skips(search, box, -1);
	else
		count_box(search, box, -1);
}

static double logit(double p)
{
	return log(p / (1 - p));
}

/* Oftener than all together; the others are only worth a closer look before a verdict. */
static bool fails_often(const struct search *search, const struct box_count *box)
{
	return (uint64_t)box->fails * (search->n_fails + search->n_passes) >
		(uint64_t)search->n_fails * (box->fails + box->passes);
}

/* Did it run a commit again and again that no other box ran? */
static bool is_alone(const struct search *search, uint32_t box)
{
	for (size_t i = find(search, box, 0);
		i < search->n_by_box && search->by_box[i].box == box; i++) {
		const struct box_count *at = &search->by_box[i];
		bool alone = at->fails + at->passes >= ALONE_RUNS;

		for (size_t k = 0; k < search->n_by_box && alone; k++)
			alone = search->by_box[k].commit != at->commit || k == i;
		if (alone)
			return true;
	}
	return false;
}

bool boxes_leave_out(struct search *search, const struct state *state)
{
	double worst = logit(SURE_SICK) - logit(PRIOR_SICK), most = 0, bound;
	uint32_t sick = 0, doubtful = 0, n_boxes = 0;
	bool sure = state_is_sure(search, state);

	if (state->impossible || (search->model.known && !(search->model.good_fail > 0)))
		return false;	/* every run is believed */
	bound = fmax(1 - search->options.confidence, LEAST_DOUBT);
	for (size_t i = 0; i < search->n_by_box; i++)
		n_boxes += !i || search->by_box[i].box != search->by_box[i - 1].box;
	/* in order of their numbers, so that the smaller one wins a tie */
	for (size_t i = 0; i < search->n_by_box && n_boxes > 2;) {
		struct box_count sum = { .box = search->by_box[i].box };
		struct look look;
		double doubt;

		for (; i < search->n_by_box && search->by_box[i].box == sum.box; i++) {
			sum.fails += search->by_box[i].fails;
			sum.passes += search->by_box[i].passes;
		}
		if (is_left_out(search, sum.box) || sum.fails < (sure ? 1 : LEAST_FAILS) ||
			(!sure && !fails_often(search, &sum)))
			continue;
		look = look_at(search, state, &sum);
		if (look.sick > worst && sum.fails >= LEAST_FAILS) {
			worst = look.sick;
			sick = sum.box;
		}
		doubt = (1 - look.top) / (1 + exp(-look.sick - logit(PRIOR_SICK)));
		if (sure && doubt > bound && doubt > most && !is_alone(search, sum.box)) {
			most = doubt;
			doubtful = sum.box;
		}
	}
	if (!sick && !doubtful)
		return false;
	leave_out(search, sick ? sick : doubtful, sick);
	return true;
}
