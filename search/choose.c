/*
 * The next probe: the one that tells most for its cost, given everything in flight.
 *
 * What one run of v tells about the culprit is a mutual information that depends on v only through
 * two sums over the hypotheses inside v (its ancestors-or-self); to it comes a share of what the run
 * tells of the rate of bad commits, on which every later run is weighed: docs/search.md.
 */
#include <math.h>

#include "base/mem.h"
#include "search/internal.h"

#define WORDS SEARCH_WORDS
#define COLUMNS (WORDS * 64)
#define LEAST_BITS 1e-9		/* less than this is rounding */
#define LEARN 0.2		/* what a bit about the rate of bad commits is worth, in bits about the culprit, ... */
#define LEARN_TILL 0.05		/* until so much doubt of the likeliest is left, and less in proportion from there on */
#define LEAST_CHANCE 0.01	/* to say something */
#define LEAST_USE 0.02		/* bits: a run that tells less beside those in flight, ... */
#define LEAST_SHARE 0.3		/* and so little of what it would tell alone, ... */
#define LEAST_OF_MOST 0.04	/* or of what one of those tells, waits for them */
#define SPOKEN 0.25	/* as if so many more runs of a skipped commit had said something */
#define ASKED 0.5	/* of so many */
#define HOPELESS 2000.0		/* runs that are still expected: nobody waits for these, */
#define HOPELESS_SHARE 0.4	/* but for so much of a larger budget */
#define LEAST_MASS 1e-7		/* of all candidates that are left out of the columns together */
#define SAME 1e-12		/* scores this near are a tie; the oldest commit wins it */
#define BINS 64
#define BIN_DEPTH 4
#define EXACT_FLIGHTS 4		/* up to here every outcome of what is in flight is gone through */
#define FANTASIES 32
#define MAX_FLIGHTS 64		/* further ones are not taken into account */

/* A hypothesis, or several that stand near each other and are counted as one. */
struct column {
	uint32_t vertex;
	double mass, fail, bits;		/* mass; mass * (difference between the sides) */
	double fail_in, fail_out, bits_out;
};

struct choice {
	const struct search *search;
	const struct state *state;
	double fail_all, bits_all;	/* of all hypotheses, as if all were outside */
	double *inside;			/* n, of search->sums: mass of what is inside of v */
	double *fail, *bits;		/* the same of the columns' fail and bits; in forests only */
	struct column column[COLUMNS];
	unsigned n_columns;
	double *chance;			/* n or NULL: that a commit can be tested */
	double *score;			/* n, of search->sums: bits that a single run tells */
};

static uint64_t *row_of(const struct search *search, uint32_t v)
{
	return search->rows + (size_t)v * search->n_words;
}

static double entropy_part(double p)
{
	return p > 0 ? -p * log2(p) : 0;
}

static double tells(double fail, double bits)
{
	double gain = entropy(fail) - bits;

	return gain > 0 ? gain : 0;
}

/* From the sums over what is inside of v. */
static void score(struct choice *c, uint32_t v, double inside, double fail, double bits)
{
	const struct search *search = c->search;
	bool counts = search->is_good_end[v] ||
		(search->in_range[v] && (inside > 0 || c->state->mass_old > 0));

	c->inside[v] = inside;
	c->score[v] = counts ? tells(c->fail_all + fail, c->bits_all + bits) : 0;
}

/* Good ends that have nothing inside. */
static void score_ends(struct choice *c)
{
	const struct search *search = c->search;

	for (size_t i = 0; i < search->n_good; i++)
		if (search->good[i] < search->first || search->good[i] > search->last)
			score(c, search->good[i], 0, 0, 0);
}

static void sum_all(struct choice *c)
{
	const struct search *search = c->search;
	const struct state *state = c->state;

	c->fail_all = state->mass_old * state->old.fail_in + state->mass_null * state->null.fail_in;
	c->bits_all = state->mass_old * state->old.bits_in + state->mass_null * state->null.bits_in;
	for (uint32_t v = search->first; v <= search->last; v++) {
		const struct class *class = &state->class[state->class_of[v]];

		c->fail_all += state->mass[v] * class->fail_out;
		c->bits_all += state->mass[v] * class->bits_out;
	}
}

/* Where nobody has two parents, what is inside of a commit is what is inside of its parent and itself. */
static void sum_forest(struct choice *c)
{
	const struct search *search = c->search;
	const struct state *state = c->state;

	for (uint32_t v = search->first; v <= search->last; v++) {
		const struct class *class = &state->class[state->class_of[v]];
		double inside = 0;

		c->fail[v] = c->bits[v] = 0;
		if (search->in_range[v]) {
			inside = state->mass[v];
			c->fail[v] = state->mass[v] * (class->fail_in - class->fail_out);
			c->bits[v] = state->mass[v] * (class->bits_in - class->bits_out);
			for (uint32_t e = search->graph->first[v]; e < search->graph->first[v + 1]; e++) {
				uint32_t parent = search->graph->parent[e];

				if (!search->in_range[parent])
					continue;
				inside += c->inside[parent];
				c->fail[v] += c->fail[parent];
				c->bits[v] += c->bits[parent];
			}
		}
		score(c, v, inside, c->fail[v], c->bits[v]);
	}
}

static void column_add(struct choice *c, uint32_t v, double mass)
{
	const struct class *class = &c->state->class[c->state->class_of[v]];

	c->column[c->n_columns++] = (struct column){ .vertex = v, .mass = mass,
		.fail = mass * (class->fail_in - class->fail_out),
		.bits = mass * (class->bits_in - class->bits_out), .fail_in = class->fail_in,
		.fail_out = class->fail_out, .bits_out = class->bits_out };
}

/*
 * All candidates that matter, if they are few; otherwise those at equal steps of the mass summed in
 * topological order, which stand for their neighbours.
 */
static void make_columns(struct choice *c)
{
	const struct search *search = c->search;
	const double *mass = c->state->mass;
	double least = LEAST_MASS / (double)search->n_range, sum = 0, step, next;
	unsigned n_columns = search->n_words * 64;
	size_t n = 0;

	for (uint32_t v = search->first; v <= search->last; v++) {
		n += mass[v] > least;
		sum += mass[v];
	}
	if (n <= n_columns) {
		for (uint32_t v = search->first; v <= search->last; v++)
			if (mass[v] > least)
				column_add(c, v, mass[v]);
		return;
	}
	step = sum / n_columns;
	next = step / 2;
	sum = 0;
	for (uint32_t v = search->first; v <= search->last && c->n_columns < n_columns; v++) {
		unsigned hits = 0;

		sum += mass[v];
		for (; next < sum && hits < n_columns; next += step)
			hits++;
		if (hits)
			column_add(c, v, hits * step);
	}
}

static bool has_bit(const uint64_t *row, unsigned i)
{
	return row[i / 64] >> (i % 64) & 1;
}

/* Inline, so that there is one with each number of words that compilers unroll. */
static inline __attribute__((always_inline)) void sweep_words(struct choice *c, const unsigned n_words)
{
	const struct graph *graph = c->search->graph;
	uint64_t *rows = c->search->rows;
	uint32_t first = c->n_columns ? c->column[0].vertex : graph->n;
	unsigned next = 0;

	memset(rows, 0, (size_t)first * n_words * sizeof(*rows));
	for (uint32_t v = first; v < graph->n; v++) {
		uint64_t row[WORDS] = { 0 };

		for (uint32_t e = graph->first[v]; e < graph->first[v + 1]; e++) {
			const uint64_t *from = rows + (size_t)graph->parent[e] * n_words;

			if (graph->parent[e] < first)
				continue;
			for (unsigned i = 0; i < n_words; i++)
				row[i] |= from[i];
		}
		if (next < c->n_columns && c->column[next].vertex == v) {
			row[next / 64] |= UINT64_C(1) << (next % 64);
			next++;
		}
		memcpy(rows + (size_t)v * n_words, row, n_words * sizeof(*rows));
	}
}

static void sweep_rows(struct choice *c)
{
	if (c->search->n_words == WORDS)
		sweep_words(c, WORDS);
	else
		sweep_words(c, SEARCH_WORDS_LARGE);
}

struct sums {
	double inside, fail, bits;
};

static void sums_add(struct sums *sums, const struct sums *add)
{
	sums->inside += add->inside;
	sums->fail += add->fail;
	sums->bits += add->bits;
}

/* For each byte of a row the sums of every set of its columns. */
static void fill_table(const struct choice *c, struct sums (*table)[256], unsigned n_bytes)
{
	for (unsigned byte = 0; byte < n_bytes; byte++) {
		for (unsigned bits = 1; bits < 256; bits++) {
			unsigned i = byte * 8 + (unsigned)__builtin_ctz(bits);
			const struct column *column = &c->column[i];

			table[byte][bits] = table[byte][bits & (bits - 1)];
			if (i < c->n_columns)
				sums_add(&table[byte][bits], &(struct sums){ column->mass, column->fail,
					column->bits });
		}
	}
}

/*
 * The sums of every commit, from its row, a byte at a time.  Columns stand in the order of the history: most words
 * of a row are all in or all out.
 */
static void sum_rows(struct choice *c)
{
	unsigned n_words = (c->n_columns + 63) / 64;
	struct sums (*table)[256] = mem_array((size_t)n_words * 8, sizeof(*table));
	struct sums whole[WORDS] = { { 0 } };
	uint64_t full[WORDS] = { 0 };

	fill_table(c, table, (c->n_columns + 7) / 8);
	for (unsigned i = 0; i < c->n_columns; i++)
		full[i / 64] |= UINT64_C(1) << (i % 64);
	for (unsigned byte = 0; byte < n_words * 8; byte++)
		sums_add(&whole[byte / 8], &table[byte][full[byte / 8] >> (byte % 8 * 8) & 0xff]);
	for (uint32_t v = c->search->first; v <= c->search->last; v++) {
		const uint64_t *row = row_of(c->search, v);
		struct sums sum = { 0 };

		for (unsigned word = 0; word < n_words; word++) {
			uint64_t bits = row[word];

			if (bits == full[word]) {
				sums_add(&sum, &whole[word]);
				continue;
			}
			for (unsigned byte = word * 8; bits; byte++, bits >>= 8)
				sums_add(&sum, &table[byte][bits & 0xff]);
		}
		score(c, v, sum.inside, sum.fail, sum.bits);
	}
	free(table);
}

/* Chance that a commit which was skipped says something this time. */
static double chance_to_speak(const struct search *search, uint32_t v)
{
	unsigned seen = commit_shown(search, v) + commit_passed(search, v);
	unsigned skips = search->counts[v][OBSERVED_SKIP];

	return skips ? (seen + SPOKEN) / (seen + skips + ASKED) : 1;
}

/* A chance to say something, for what a run costs. */
static double worth(const struct choice *c, uint32_t v)
{
	const struct search_options *options = &c->search->options;
	double speaks = chance_to_speak(c->search, v), cost = options->test_cost;
	double chance = c->chance && speaks >= 1 ? c->chance[v] : speaks;

	if (commit_has_artifact(c->search, v) || !(options->build_cost > 0))
		return speaks / cost;
	chance = fmax(chance, LEAST_CHANCE);
	return chance / (options->build_cost + chance * cost);
}

static bool is_offered(const struct choice *c, uint32_t v, bool set_aside)
{
	const struct search *search = c->search;

	if (commit_is_dead(search, v) || commit_is_set_aside(search, v) != set_aside)
		return false;
	if (!commit_flights(search, v))
		return true;
	/* what is being built cannot be tested yet; what nobody doubts need not be run twice at once */
	if (search->options.trust_runs || commit_is_being_built(search, v))
		return false;
	return !set_aside;
}

/* The runs in flight, and how they cut the hypotheses into cells with the same answers. */
struct pending {
	uint32_t commit[MAX_FLIGHTS];
	unsigned n;
	unsigned cell_of[COLUMNS];
	unsigned n_cells;		/* the last two: old, null */
	double *mass, *fail_in, *fail_out;	/* per cell; the rates: means, the masses: sums */
	double *base_fail, *base_bits;	/* per cell: sum of mass * rate and bits, all outside */
	bool *covers;			/* cell * MAX_FLIGHTS + flight */
	unsigned n_fantasies;
	double *share;			/* fantasy */
	double *factor;			/* fantasy * n_cells + cell */
};

static void pending_release(struct pending *p)
{
	free(p->mass);
	free(p->fail_in);
	free(p->fail_out);
	free(p->base_fail);
	free(p->base_bits);
	free(p->covers);
	free(p->share);
	free(p->factor);
}

static void cut_into_cells(const struct choice *c, struct pending *p)
{
	uint64_t pattern[COLUMNS];

	p->n_cells = 0;
	for (unsigned i = 0; i < c->n_columns; i++) {
		uint64_t bits = 0;
		unsigned cell = 0;

		for (unsigned k = 0; k < p->n; k++)
			bits |= (uint64_t)has_bit(row_of(c->search, p->commit[k]), i) << k;
		while (cell < p->n_cells && pattern[cell] != bits)
			cell++;
		if (cell == p->n_cells)
			pattern[p->n_cells++] = bits;
		p->cell_of[i] = cell;
	}
	p->mass = mem_array(p->n_cells + 2, sizeof(double));
	p->fail_in = mem_array(p->n_cells + 2, sizeof(double));
	p->fail_out = mem_array(p->n_cells + 2, sizeof(double));
	p->base_fail = mem_array(p->n_cells + 2, sizeof(double));
	p->base_bits = mem_array(p->n_cells + 2, sizeof(double));
	p->covers = mem_array((size_t)(p->n_cells + 2) * MAX_FLIGHTS, sizeof(bool));
	for (unsigned cell = 0; cell < p->n_cells; cell++)
		for (unsigned k = 0; k < p->n; k++)
			p->covers[cell * MAX_FLIGHTS + k] = pattern[cell] >> k & 1;
}

static void cell_add(struct pending *p, unsigned cell, double mass, double fail_in, double fail_out,
	double bits_out)
{
	p->mass[cell] += mass;
	p->fail_in[cell] += mass * fail_in;
	p->fail_out[cell] += mass * fail_out;
	p->base_fail[cell] += mass * fail_out;
	p->base_bits[cell] += mass * bits_out;
}

static void fill_cells(const struct choice *c, struct pending *p)
{
	const struct state *state = c->state;

	for (unsigned i = 0; i < c->n_columns; i++) {
		const struct column *col = &c->column[i];

		cell_add(p, p->cell_of[i], col->mass, col->fail_in, col->fail_out, col->bits_out);
	}
	cell_add(p, p->n_cells++, state->mass_old, state->old.fail_in, state->old.fail_in,
		state->old.bits_in);
	cell_add(p, p->n_cells++, state->mass_null, state->null.fail_in, state->null.fail_in,
		state->null.bits_in);
	for (unsigned cell = 0; cell < p->n_cells; cell++) {
		if (!(p->mass[cell] > 0))
			continue;
		p->fail_in[cell] /= p->mass[cell];
		p->fail_out[cell] /= p->mass[cell];
	}
}

static double fails(const struct pending *p, unsigned cell, unsigned k)
{
	return p->covers[cell * MAX_FLIGHTS + k] ? p->fail_in[cell] : p->fail_out[cell];
}

/* One way in which all the runs in flight may end; given so, the weights of the cells. */
static void fantasy(struct pending *p, uint64_t outcome, double share)
{
	double *factor = p->factor + (size_t)p->n_fantasies * p->n_cells, total = 0;

	for (unsigned cell = 0; cell < p->n_cells; cell++) {
		factor[cell] = 1;
		for (unsigned k = 0; k < p->n; k++) {
			double f = fails(p, cell, k);

			factor[cell] *= outcome >> k & 1 ? f : 1 - f;
		}
		total += p->mass[cell] * factor[cell];
	}
	if (!(total > 1e-9))
		return;
	for (unsigned cell = 0; cell < p->n_cells; cell++)
		factor[cell] /= total;
	p->share[p->n_fantasies++] = share > 0 ? share : total;
}

/* Weyl's sequence: spread evenly, the same every time. */
static double spread(unsigned i, unsigned k)
{
	double x = (i + 1) * 0.6180339887498949 * (k + 1) + k * 0.7548776662466927;

	return x - floor(x);
}

static void sample_fantasies(struct pending *p)
{
	for (unsigned m = 0; m < FANTASIES; m++) {
		double u = (m + 0.5) / FANTASIES, sum = 0;
		unsigned cell = 0;
		uint64_t outcome = 0;

		while (cell + 1 < p->n_cells && (sum += p->mass[cell]) < u)
			cell++;
		for (unsigned k = 0; k < p->n; k++)
			outcome |= (uint64_t)(spread(m, k) < fails(p, cell, k)) << k;
		fantasy(p, outcome, 1.0 / FANTASIES);
	}
}

static bool pending_make(const struct choice *c, struct pending *p)
{
	const struct search *search = c->search;

	for (size_t i = 0; i < search->n_flights && p->n < MAX_FLIGHTS; i++)
		p->commit[p->n++] = search->flights[i].commit;
	if (!p->n)
		return false;
	cut_into_cells(c, p);
	fill_cells(c, p);
	p->share = mem_array(FANTASIES, sizeof(double));
	p->factor = mem_array((size_t)FANTASIES * p->n_cells, sizeof(double));
	if (p->n > EXACT_FLIGHTS) {
		sample_fantasies(p);
		return true;
	}
	for (uint64_t outcome = 0; outcome < UINT64_C(1) << p->n; outcome++)
		fantasy(p, outcome, 0);
	return true;
}

/* What a run of v tells on average over the ways in which the runs in flight may end. */
static double tells_beside(const struct choice *c, const struct pending *p, uint32_t v)
{
	const uint64_t *row = row_of(c->search, v);
	double *fail = mem_array(p->n_cells, sizeof(*fail)), *bits = mem_array(p->n_cells, sizeof(*bits));
	double sum = 0, shares = 0;

	memcpy(fail, p->base_fail, p->n_cells * sizeof(*fail));
	memcpy(bits, p->base_bits, p->n_cells * sizeof(*bits));
	for (unsigned i = 0; i < c->n_columns; i++) {
		if (!has_bit(row, i))
			continue;
		fail[p->cell_of[i]] += c->column[i].fail;
		bits[p->cell_of[i]] += c->column[i].bits;
	}
	for (unsigned m = 0; m < p->n_fantasies; m++) {
		const double *factor = p->factor + (size_t)m * p->n_cells;
		double f = 0, b = 0;

		for (unsigned cell = 0; cell < p->n_cells; cell++) {
			f += factor[cell] * fail[cell];
			b += factor[cell] * bits[cell];
		}
		sum += p->share[m] * tells(f, b);
		shares += p->share[m];
	}
	free(fail);
	free(bits);
	return shares > 0 ? sum / shares : 0;
}

struct best {
	uint32_t commit;
	double bits, score;
};

/*
 * What a run of v is worth that tells so many bits about the culprit.  It tells of the rate as well, if v is bad, and the
 * sooner that is known the better the later runs are chosen.  Those in flight tell of the rate too.
 */
static double appeal(const struct choice *c, uint32_t v, double bits)
{
	const struct search *search = c->search;
	double bad = search->options.fix ? 1 - c->inside[v] : c->inside[v];
	double early = fmin(1, (1 - c->state->top_mass) / LEARN_TILL);
	double rate = LEARN * early * c->state->learned / (double)(search->n_flights + 1);

	return (bits + fmax(bad, 0) * rate) * worth(c, v);
}

static void consider(const struct choice *c, struct best *best, uint32_t v, double bits)
{
	double score = appeal(c, v, bits);

	if (bits < LEAST_BITS)
		return;
	if (best->commit != UINT32_MAX && score < best->score + SAME * best->score &&
		!(v < best->commit && score > best->score - SAME * best->score))
		return;
	*best = (struct best){ v, bits, score };
}

static void best_alone(const struct choice *c, struct best *best, bool set_aside)
{
	const struct search *search = c->search;

	for (uint32_t v = search->first; v <= search->last; v++) {
		if (c->score[v] > LEAST_BITS && is_offered(c, v, set_aside))
			consider(c, best, v, c->score[v]);
	}
	for (size_t i = 0; i < search->n_good; i++) {
		if (is_offered(c, search->good[i], set_aside))
			consider(c, best, search->good[i], c->score[search->good[i]]);
	}
}

/* Of each stretch of equal belief the few that promise most alone; only these are looked at closely. */
static void best_beside(const struct choice *c, const struct pending *p, struct best *best,
	bool set_aside)
{
	const struct search *search = c->search;
	uint32_t bin[BINS][BIN_DEPTH];
	double value[BINS][BIN_DEPTH] = { { 0 } };

	for (uint32_t v = search->first; v <= search->last; v++) {
		unsigned b = (unsigned)(c->inside[v] * BINS), k = BIN_DEPTH;
		double score;

		if (c->score[v] <= LEAST_BITS || !is_offered(c, v, set_aside))
			continue;
		b = b < BINS ? b : BINS - 1;
		score = appeal(c, v, c->score[v]);
		while (k > 0 && score > value[b][k - 1] * (1 + SAME))
			k--;
		if (k == BIN_DEPTH)
			continue;
		memmove(&value[b][k + 1], &value[b][k], (BIN_DEPTH - 1 - k) * sizeof(double));
		memmove(&bin[b][k + 1], &bin[b][k], (BIN_DEPTH - 1 - k) * sizeof(uint32_t));
		value[b][k] = score;
		bin[b][k] = v;
	}
	for (unsigned b = 0; b < BINS; b++)
		for (unsigned k = 0; k < BIN_DEPTH && value[b][k] > 0; k++)
			consider(c, best, bin[b][k], tells_beside(c, p, bin[b][k]));
	for (size_t i = 0; i < search->n_good; i++)
		if (is_offered(c, search->good[i], set_aside))
			consider(c, best, search->good[i], tells_beside(c, p, search->good[i]));
}

static void choice_release(struct choice *c)
{
	free(c->chance);
	free(c);
}

static struct choice *choice_make(const struct search *search, const struct state *state)
{
	struct choice *c = mem_alloc(sizeof(*c));

	c->search = search;
	c->state = state;
	c->fail = search->sums[0];
	c->bits = search->sums[1];
	c->inside = search->sums[2];
	c->score = search->sums[3];
	if (search->n_dead || search->n_skips)
		c->chance = chances_to_build(search);
	sum_all(c);
	if (!search->forest || search->n_flights) {
		make_columns(c);
		sweep_rows(c);
	}
	if (search->forest)
		sum_forest(c);
	else
		sum_rows(c);
	score_ends(c);
	return c;
}

double choose_bits(const struct search *search, const struct state *state, uint32_t v)
{
	const bool *inside = mark_ancestors(search, v);
	double fail = state->mass_old * state->old.fail_in + state->mass_null * state->null.fail_in;
	double bits = state->mass_old * state->old.bits_in + state->mass_null * state->null.bits_in;

	for (uint32_t i = search->first; i <= search->last; i++) {
		const struct class *class = &state->class[state->class_of[i]];

		if (!(state->mass[i] > 0))
			continue;
		fail += state->mass[i] * (inside[i] ? class->fail_in : class->fail_out);
		bits += state->mass[i] * (inside[i] ? class->bits_in : class->bits_out);
	}
	return tells(fail, bits);
}

/* Does a run in flight that promises more come before another try of a skipped commit? */
static bool waits(const struct choice *c, const struct best *again)
{
	const struct search *search = c->search;

	for (size_t i = 0; i < search->n_flights; i++) {
		const struct flight *flight = &search->flights[i];

		if (!commit_is_dead(search, flight->commit) &&
			!commit_is_set_aside(search, flight->commit) &&
			appeal(c, flight->commit, flight->usefulness) >= again->score)
			return true;
	}
	return false;
}

/* Bits of doubt, about whether anything changed as well. */
static double doubt(const struct search *search, const struct state *state)
{
	double bits = entropy_part(state->mass_old) + entropy_part(state->mass_null);

	for (uint32_t v = search->first; v <= search->last; v++)
		bits += entropy_part(state->mass[v]);
	return bits;
}

/* Would it take thousands of runs, if all told as much as the best one, whatever is in flight? */
static bool is_hopeless(const struct choice *c)
{
	const struct search *search = c->search;
	double best = 0, limit = fmax(HOPELESS, HOPELESS_SHARE * search->options.max_runs);

	for (uint32_t v = search->first; v <= search->last; v++)
		if (c->score[v] > best && !commit_is_dead(search, v))
			best = c->score[v];
	for (size_t i = 0; i < search->n_good; i++)
		if (!commit_is_dead(search, search->good[i]))
			best = fmax(best, c->score[search->good[i]]);
	/* doubt is never more than the logarithm of what it is about */
	return best >= LEAST_BITS && best * limit < log2((double)search->n_range + 2) &&
		best * limit < doubt(search, c->state);
}

/* Of what is in flight the run that tells most, as if it were alone. */
static double most_in_flight(const struct choice *c)
{
	const struct search *search = c->search;
	double most = 0;

	for (size_t i = 0; i < search->n_flights; i++)
		most = fmax(most, c->score[search->flights[i].commit]);
	return most;
}

/* Better no run than one that tells next to nothing beside those in flight. */
static bool is_idle(const struct choice *c, const struct best *best)
{
	return best->bits < LEAST_USE && (best->bits < LEAST_SHARE * c->score[best->commit] ||
		best->bits < LEAST_OF_MOST * most_in_flight(c));
}

bool choose_probe(const struct search *search, const struct state *state, uint32_t *ret,
	double *ret_bits, bool *ret_hopeless)
{
	struct best best = { .commit = UINT32_MAX }, again = best;
	struct pending pending = { .n = 0 };
	struct choice *c;

	if (state->impossible)
		return false;
	c = choice_make(search, state);
	*ret_hopeless = is_hopeless(c);
	if (pending_make(c, &pending))
		best_beside(c, &pending, &best, false);
	else
		best_alone(c, &best, false);
	if (search->n_skips && pending.n)
		best_beside(c, &pending, &again, true);
	else if (search->n_skips)
		best_alone(c, &again, true);
	if (again.score > best.score && !waits(c, &again))
		best = again;
	if (pending.n && best.commit != UINT32_MAX && is_idle(c, &best))
		best.commit = UINT32_MAX;
	pending_release(&pending);
	choice_release(c);
	if (best.commit == UINT32_MAX || *ret_hopeless)
		return false;
	*ret = best.commit;
	*ret_bits = best.bits;
	return true;
}
