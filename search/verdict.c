/*
 * When to stop, and what the observations amount to, in a word and in a sentence.
 */
#include <math.h>
#include <stdarg.h>

#include "base/mem.h"
#include "search/internal.h"

#define PASSES_MAX 20u		/* a culprit that passed so often itself is not asked again */
#define RANKED_MAX 20u
#define IGNORED_MAX 30u
#define UNEVEN 1.0	/* nats */
#define BLAME 2		/* before somebody is blamed, the chance that nobody is to blame counts twice */
#define CAUTION 8.0	/* runs: where bad commits passed, after n of their runs n^2 / (n^2 + CAUTION^2) of the doubt is left
			 * to a verdict, as a rate of few runs is a guess, and guesses that are too bold stop first */
#define SHOWN 1u	/* failures of a culprit itself, */
#define SHOWN_AGAIN 2u	/* and further ones where bad commits never passed so far, ... */
#define EXPECTED 0.5	/* unless that is what the prior of reproducible says, */
#define KNOWN_RUNS 20u	/* or so many earlier runs of bad commits */

bool commit_is_given_up(const struct search *search, uint32_t v)
{
	const unsigned *counts = search->counts[v];

	/* one that says something now and then earns further tries: a test may skip often */
	return counts[OBSERVED_BROKEN] || counts[OBSERVED_SKIP] >
		search->options.skip_retries + commit_shown(search, v) + commit_passed(search, v);
}

unsigned commit_shown(const struct search *search, uint32_t v)
{
	return search->counts[v][OBSERVED_BAD] + (search->measured ? search->measured[v][1] : 0);
}

unsigned commit_passed(const struct search *search, uint32_t v)
{
	return search->counts[v][OBSERVED_GOOD] + (search->measured ? search->measured[v][0] : 0);
}

bool commit_was_seen(const struct search *search, uint32_t v)
{
	return commit_shown(search, v) || commit_passed(search, v);
}

bool commit_is_dead(const struct search *search, uint32_t v)
{
	const bool *presumed = search->state->presumed;

	return commit_is_given_up(search, v) || (search->untold && search->untold[v]) ||
		(presumed && presumed[v]);
}

bool commit_is_set_aside(const struct search *search, uint32_t v)
{
	return search->counts[v][OBSERVED_SKIP] > commit_shown(search, v) + commit_passed(search, v);
}

unsigned commit_flights(const struct search *search, uint32_t v)
{
	unsigned n = 0;

	for (size_t i = 0; i < search->n_flights; i++)
		n += search->flights[i].commit == v;
	return n;
}

bool commit_has_artifact(const struct search *search, uint32_t v)
{
	return (search->has_artifact && search->has_artifact[v]) || commit_was_seen(search, v);
}

bool commit_is_being_built(const struct search *search, uint32_t v)
{
	return search->options.build_cost > 0 && commit_flights(search, v) &&
		!commit_has_artifact(search, v);
}

static unsigned missing(unsigned want, unsigned have)
{
	return have < want ? want - have : 0;
}

/* An end that must show the error: some failures, or so many passes that it does not. */
static unsigned wanted_shown(const struct search *search, uint32_t v)
{
	const struct search_options *options = &search->options;
	unsigned fails = commit_shown(search, v) + search->earlier[0];
	unsigned passes = commit_passed(search, v);

	if (!fails)
		return passes < options->verify_max ? options->verify_runs : 0;
	/* the rate of a flaky one is asked for in the search, where it matters */
	return missing(options->verify_runs, fails + passes);
}

static unsigned wanted_passed(const struct search *search, uint32_t v)
{
	if (!search->options.verify_good)
		return 0;
	return missing(1, commit_shown(search, v) + commit_passed(search, v));
}

static unsigned wanted_of_end(const struct search *search, uint32_t v, bool shows)
{
	if (search->options.trust_ends || commit_is_dead(search, v))
		return 0;
	return shows ? wanted_shown(search, v) : wanted_passed(search, v);
}

unsigned wanted_verify_new(const struct search *search)
{
	return wanted_of_end(search, search->bad, !search->options.fix);
}

unsigned wanted_verify_old(const struct search *search, uint32_t end)
{
	return wanted_of_end(search, end, search->options.fix);
}

bool ends_pending(const struct search *search)
{
	if (wanted_verify_new(search))
		return true;
	for (size_t i = 0; i < search->n_good; i++)
		if (wanted_verify_old(search, search->good[i]))
			return true;
	return false;
}

/* Where no run is in doubt a commit need not be run itself: what contains it, or is contained, tells the same. */
static bool believes_every_run(const struct search *search)
{
	return search->model.known && !(search->model.good_fail > 0) &&
		!(search->model.bad_pass > 0);
}

/* Runs of the commits that are bad if `culprit` is the culprit. */
static unsigned bad_passes(const struct search *search, uint32_t culprit)
{
	uint32_t inside = search->passes[culprit];

	return search->earlier[1] + (search->options.fix ? search->n_passes - inside : inside);
}

static unsigned bad_fails(const struct search *search, uint32_t culprit)
{
	uint32_t inside = search->fails[culprit];

	return search->earlier[0] + (search->options.fix ? search->n_fails - inside : inside);
}

/*
 * How often `tip` itself, or in a fix its parent, has to fail.  An error that comes and goes may look for long as if it always
 * showed.  Where it mostly hides, failures give it away sooner than passes of the parent, which tell more of the commits.
 */
static unsigned wanted_failures(const struct search *search, uint32_t tip)
{
	bool seems_certain = !search->model.known && !search->measured && !bad_passes(search, tip);

	if (search->options.confirm_bad)
		return search->options.confirm_bad;
	if (!seems_certain || search->model.bad.spike >= EXPECTED || search->earlier[0] >= KNOWN_RUNS)
		return SHOWN;
	return SHOWN + SHOWN_AGAIN;
}

/* Results of their own that the verdict on `tip` rests on: of itself, or of a parent of it, which is v. */
static unsigned wanted_confirm(const struct search *search, uint32_t tip, uint32_t v)
{
	const struct search_options *options = &search->options;
	unsigned shown = commit_shown(search, v), passed = commit_passed(search, v);
	bool shows = (v == tip) != options->fix;

	if (believes_every_run(search) || commit_is_dead(search, v) ||
		(options->trust_ends && (v == search->bad || search->is_good_end[v])))
		return 0;
	if (shows && passed >= PASSES_MAX)
		return 0;
	return shows ? missing(wanted_failures(search, tip), shown) :
		missing(options->confirm_good, passed);
}

bool state_is_sure(const struct search *search, const struct state *state)
{
	double nobody = (BLAME - 1) * mass_of_no_culprit(state), doubt;

	if (state->impossible || state->top == UINT32_MAX)
		return false;
	doubt = 1 - search->options.confidence;
	if (!search->model.known && bad_passes(search, state->top)) {
		double n = bad_fails(search, state->top) + bad_passes(search, state->top);

		doubt *= n * n / (n * n + CAUTION * CAUTION);
	}
	return state->set_mass >= (1 - doubt) * (1 + nobody);
}

static bool still_wanted(const struct search *search, uint32_t v, unsigned wanted, bool flights)
{
	if (!flights)
		return wanted;
	return wanted > commit_flights(search, v) && !commit_is_being_built(search, v);
}

static uint32_t tip_of(const struct state *state)
{
	return state->n_set > 1 ? state->set[state->n_set - 1] : state->top;
}

/* The newest of a set, or the culprit itself, and the parents of the culprit. */
uint32_t next_witness(const struct search *search, const struct state *state, bool flights,
	enum search_purpose *ret)
{
	const struct graph *graph = search->graph;
	uint32_t tip = tip_of(state);
	bool fix = search->options.fix;

	if (still_wanted(search, tip, wanted_confirm(search, tip, tip), flights)) {
		*ret = fix ? PURPOSE_CONFIRM_GOOD : PURPOSE_CONFIRM_BAD;
		return tip;
	}
	if (state->n_set > 1)
		return UINT32_MAX;
	for (uint32_t e = graph->first[tip]; e < graph->first[tip + 1]; e++) {
		uint32_t parent = graph->parent[e];

		if (!still_wanted(search, parent, wanted_confirm(search, tip, parent), flights))
			continue;
		*ret = fix ? PURPOSE_CONFIRM_BAD : PURPOSE_CONFIRM_GOOD;
		return parent;
	}
	return UINT32_MAX;
}

bool is_witness(const struct search *search, const struct state *state, uint32_t v)
{
	const struct graph *graph = search->graph;
	uint32_t tip = tip_of(state);

	if (v == tip)
		return wanted_confirm(search, tip, v);
	for (uint32_t e = graph->first[tip]; e < graph->first[tip + 1] && state->n_set < 2; e++)
		if (graph->parent[e] == v)
			return wanted_confirm(search, tip, v);
	return false;
}

__attribute__((format(printf, 2, 3)))
static void say(struct search_verdict *verdict, const char *fmt, ...)
{
	size_t have = strlen(verdict->reason);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(verdict->reason + have, sizeof(verdict->reason) - have, fmt, ap);
	va_end(ap);
}

static const char *runs(unsigned n)
{
	return n == 1 ? "run" : "runs";
}

static double percent(double x)
{
	return x > 0.9999 ? 99.99 : 100 * x;
}

/* A commit that counted as good from the start and shows the error: an end, or what is older. */
static uint32_t find_bad_good(const struct search *search)
{
	uint32_t worst = UINT32_MAX;

	if (search->options.fix)
		return commit_shown(search, search->bad) ? search->bad : UINT32_MAX;
	for (size_t i = 0; i < search->n_good; i++) {
		uint32_t v = search->good[i];

		if (commit_shown(search, v) && (worst == UINT32_MAX ||
			commit_shown(search, v) > commit_shown(search, worst)))
			worst = v;
	}
	if (worst != UINT32_MAX)
		return worst;
	for (uint32_t v = 0; v < search->graph->n; v++) {
		if (search->supposed_good[v] && commit_shown(search, v))
			return v;
	}
	return UINT32_MAX;
}

static bool believes_every_failure(const struct search *search)
{
	return search->model.known && !(search->model.good_fail > 0);
}

/* log B(a + 1/2, b + 1/2) / B(1/2, 1/2): of so many failures and passes at one unknown rate */
static double log_at_one_rate(unsigned fails, unsigned passes)
{
	int sign;

	return lgamma_r(fails + 0.5, &sign) + lgamma_r(passes + 0.5, &sign) -
		lgamma_r(fails + passes + 1.0, &sign) - log(M_PI);
}

/* Commits with rates of their own explain the runs better than one rate for all. */
static bool rates_differ(const struct search *search)
{
	double apart = -log_at_one_rate(search->n_fails, search->n_passes);

	for (uint32_t v = 0; v < search->graph->n; v++)
		apart += log_at_one_rate(search->counts[v][OBSERVED_BAD],
			search->counts[v][OBSERVED_GOOD]);
	return apart > UNEVEN;
}

static bool no_good_commit(const struct search *search, const struct state *state,
	struct search_verdict *verdict)
{
	double mass = mass_of_no_culprit(state);
	uint32_t v = find_bad_good(search);
	unsigned bad, all;

	if (v == UINT32_MAX)
		return false;
	if (!believes_every_failure(search) && mass < search->options.confidence)
		return false;
	bad = commit_shown(search, v);
	all = bad + commit_passed(search, v);
	verdict->confidence = mass > 0 ? mass : 1;
	verdict->culprit = v;
	if (state->mass_null > state->mass_old + state->mass_ends &&
		search->n_passes + search->earlier[1] && !rates_differ(search)) {
		verdict->kind = VERDICT_NO_CHANGE;
		say(verdict, "The error shows at the same rate everywhere, in %u of %u %s of all and "
			"in %u of %u of a commit given as good: no commit of the range changed it.",
			search->n_fails, search->n_fails + search->n_passes,
			runs(search->n_fails + search->n_passes), bad, all);
		return true;
	}
	verdict->kind = VERDICT_NO_GOOD_COMMIT;
	if (search->options.fix)
		say(verdict, "The new end still shows the error, in %u of %u %s: it is not fixed.",
			bad, all, runs(all));
	else
		say(verdict, "A commit %s already shows the error, in %u of %u %s: the error is older "
			"than the range.", search->is_good_end[v] ? "given as good" :
			"older than the range", bad, all, runs(all));
	return true;
}

static void say_not_shown(const struct search *search, uint32_t v, const char *end,
	struct search_verdict *verdict)
{
	const unsigned *counts = search->counts[v];
	unsigned passed = commit_passed(search, v);
	unsigned tries = passed + counts[OBSERVED_SKIP] + counts[OBSERVED_BROKEN];

	verdict->kind = VERDICT_NOT_REPRODUCED;
	if (!passed)
		say(verdict, "The %s end could not be tested: %s.", end, counts[OBSERVED_BROKEN] ?
			"it does not build or its test cannot run" :
			"none of its runs reached the place where the error would show");
	else
		say(verdict, "The %s end did not show the error in %u %s%s%s.", end, tries, runs(tries),
			tries > passed ? ", some of which say nothing" : "",
			search->n_fails ? ", although another commit did" : "");
}

static bool not_reproduced(const struct search *search, struct search_verdict *verdict)
{
	if (search->options.trust_ends || search->earlier[0])
		return false;
	if (!search->options.fix) {
		if (commit_shown(search, search->bad) || wanted_verify_new(search))
			return false;
		say_not_shown(search, search->bad, "bad", verdict);
		return true;
	}
	for (size_t i = 0; i < search->n_good; i++) {
		uint32_t end = search->good[i];

		if (commit_shown(search, end) || wanted_verify_old(search, end))
			continue;
		say_not_shown(search, end, "old", verdict);
		return true;
	}
	return false;
}

static void inconsistent(const struct search *search, struct search_verdict *verdict)
{
	verdict->kind = VERDICT_INCONSISTENT;
	say(verdict, "No single commit explains the runs, if every one of them is believed: "
		"a commit %s that contains one which %s, or those that %s have "
		"no commit of the range in common.", search->options.fix ? "failed" : "passed",
		search->options.fix ? "passed" : "failed", search->options.fix ? "passed" : "failed");
}

static void culprit(const struct search *search, const struct state *state,
	struct search_verdict *verdict)
{
	const struct graph *graph = search->graph;
	bool fix = search->options.fix;
	uint32_t v = state->top, n_parents = graph->first[v + 1] - graph->first[v];
	unsigned shown = commit_shown(search, v), passed = commit_passed(search, v);
	unsigned own = fix ? passed : shown, all = shown + passed, untested = 0, seen = 0, tried = 0;

	for (uint32_t e = graph->first[v]; e < graph->first[v + 1]; e++) {
		unsigned bad = commit_shown(search, graph->parent[e]);
		unsigned good = commit_passed(search, graph->parent[e]);

		untested += !(fix ? bad : good);
		seen += fix ? bad : good;
		tried += bad + good;
	}
	verdict->kind = VERDICT_CULPRIT;
	verdict->culprit = v;
	verdict->is_merge = n_parents > 1;
	if (own)
		say(verdict, "It %s in %u of %u %s", fix ? "passed" : "shows the error",
			own, all, runs(all));
	else
		say(verdict, "Every other commit is ruled out, it was not seen to %s itself",
			fix ? "pass" : "fail");
	if (!n_parents)
		say(verdict, "; it is the first commit of its history.");
	else if (untested == n_parents)
		say(verdict, "; its %s taken as %s without a run.", n_parents > 1 ? "parents are" :
			"parent is", fix ? "bad" : "good");
	else
		say(verdict, "; its %s %s in %u of %u.%s", n_parents > 1 ? "parents" : "parent",
			fix ? "showed it" : "passed", seen, tried,
			!untested ? "" : fix ? " Some parents are taken as bad." :
			" Some parents are taken as good.");
}

static void range(const struct search *search, const struct state *state, struct search_verdict *verdict)
{
	verdict->kind = VERDICT_RANGE;
	unsigned unseen = 0;

	for (size_t i = 0; i < state->n_set; i++)
		unseen += state->presumed && state->presumed[state->set[i]];
	say(verdict, "%u commits are left that no run can tell apart: those between the last %s "
		"and the first %s cannot be tested", (unsigned)state->n_set, search->options.fix ? "bad" : "good",
		search->options.fix ? "good" : "bad");
	if (unseen)
		say(verdict, " (%u were not tried, because what stands around them does not build)",
			unseen);
	say(verdict, ".");
}

/* Boxes that are not believed made most of the runs: further ones would go the same way. */
static bool nobody_heard(const struct search *search)
{
	unsigned ignored = boxes_ignored(search);

	return ignored >= IGNORED_MAX + search->n_fails + search->n_passes;
}

static const char *why_undecided(const struct search *search)
{
	if (nobody_heard(search))
		return "Most runs were made by a box that fails good commits";
	if (search->hopeless)
		return "The error shows too seldom, thousands of runs more would be needed";
	if (search->stuck)
		return "No further run can tell more";
	return search->spent ? "The budget is spent" : "The budget of runs is spent";
}

static bool budget_is_spent(const struct search *search)
{
	return search->spent || search->runs >= search->options.max_runs;
}

/* The likeliest first, as many as hold the confidence asked for, but no endless list. */
static void undecided(const struct search *search, struct state *state)
{
	struct search_verdict *verdict = &state->verdict;
	double sum = 0, nothing = mass_of_no_culprit(state);

	verdict->kind = VERDICT_UNDECIDED;
	state->candidates = mem_array(RANKED_MAX, sizeof(*state->candidates));
	while (verdict->n_candidates < RANKED_MAX && sum < search->options.confidence) {
		uint32_t best = UINT32_MAX;

		for (uint32_t v = search->first; v <= search->last; v++) {
			bool listed = !(state->mass[v] > 0) || !search->in_range[v];

			for (size_t i = 0; i < verdict->n_candidates && !listed; i++)
				listed = state->candidates[i] == v;
			if (!listed && (best == UINT32_MAX || state->mass[v] > state->mass[best]))
				best = v;
		}
		if (best == UINT32_MAX)
			break;
		state->candidates[verdict->n_candidates++] = best;
		sum += state->mass[best];
	}
	verdict->candidates = state->candidates;
	verdict->confidence = sum;
	say(verdict, "%s: %u %s listed, the likeliest with %.1f %%.", why_undecided(search),
		(unsigned)verdict->n_candidates,
		verdict->n_candidates == 1 ? "candidate is" : "candidates are",
		percent(state->top_mass));
	if (nothing > state->top_mass)
		say(verdict, " With %.1f %% no commit of the range changed anything.",
			percent(nothing));
}

static void name(const struct search *search, struct state *state)
{
	struct search_verdict *verdict = &state->verdict;
	bool untestable = false;
	unsigned n_sick = boxes_sick(search);

	if (state->n_set > 1)
		range(search, state, verdict);
	else
		culprit(search, state, verdict);
	for (size_t i = 0; i < search->n_good; i++)
		untestable |= !search->options.trust_ends && commit_is_dead(search, search->good[i]) &&
			!commit_was_seen(search, search->good[i]);
	if (untestable)
		say(verdict, search->options.fix ? " An old end could not be tested and is taken as bad." :
			" A good end could not be tested and is taken as good.");
	if (n_sick)
		say(verdict, " Left out: %u %s good commits.", n_sick,
			n_sick == 1 ? "box that fails" : "boxes that fail");
	verdict->n_candidates = state->n_set > 1 ? state->n_set : 1;
	verdict->candidates = state->n_set > 1 ? state->set : &state->top;
	verdict->confidence = state->set_mass;
}

void verdict_make(const struct search *search, struct state *state)
{
	struct search_verdict *verdict = &state->verdict;
	enum search_purpose purpose;

	*verdict = (struct search_verdict){ .kind = VERDICT_NONE, .culprit = UINT32_MAX };
	if (no_good_commit(search, state, verdict))
		return;
	if (nobody_heard(search)) {
		undecided(search, state);
		return;
	}
	if (not_reproduced(search, verdict))
		return;
	if (ends_pending(search)) {
		if (budget_is_spent(search))
			undecided(search, state);
		return;
	}
	if (state->impossible || (search->stuck && state->top == UINT32_MAX)) {
		inconsistent(search, verdict);
		return;
	}
	if (search->n_dead && state->top != UINT32_MAX && !state_is_sure(search, state))
		belief_find_set(search, state);
	if (state_is_sure(search, state) &&
		next_witness(search, state, false, &purpose) == UINT32_MAX)
		name(search, state);
	else if (search->stuck || budget_is_spent(search))
		undecided(search, state);
}
