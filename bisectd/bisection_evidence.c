/* How sure a verdict is, and why: what was seen on either side of the culprit, in numbers and in sentences. */
#include "bisectd/bisection.h"

#include "base/mem.h"

struct seen {
	unsigned bad, good;
};

struct evidence {
	struct seen culprit, parents, containing, others;
	unsigned commits_containing, commits_others;	/* that were run */
};

static void add_counts(struct bisection *b, struct seen *seen, uint32_t v)
{
	unsigned counts[OBSERVED_NKINDS];

	search_counts(b->search, v, counts);
	seen->bad += counts[OBSERVED_BAD];
	seen->good += counts[OBSERVED_GOOD];
}

/* `culprit`: or the newest of several candidates; what contains only some of them is on neither side. */
static struct evidence collect(struct bisection *b, const struct search_verdict *verdict, uint32_t culprit)
{
	const struct graph *graph = &b->history.graph;
	bool *contains = mem_array(graph->n, sizeof(*contains)), *some = mem_array(graph->n, sizeof(*some));
	bool *had = mem_array(graph->n, sizeof(*had));
	struct evidence evidence = { 0 };

	for (size_t i = 0; i < verdict->n_candidates; i++)
		some[verdict->candidates[i]] = true;
	contains[culprit] = some[culprit] = true;
	/* What never had the error says nothing of its fix. */
	for (size_t i = 0; i < b->history.n_good; i++)
		had[b->history.good[i]] = true;
	for (uint32_t v = 0; v < graph->n; v++) {
		struct seen seen = { 0 };

		for (uint32_t e = graph->first[v]; e < graph->first[v + 1]; e++) {
			contains[v] |= contains[graph->parent[e]];
			some[v] |= some[graph->parent[e]];
			had[v] |= had[graph->parent[e]];
		}
		add_counts(b, &seen, v);
		if (!seen.bad && !seen.good)
			continue;
		if (contains[v]) {
			evidence.containing.bad += seen.bad;
			evidence.containing.good += seen.good;
			evidence.commits_containing++;
		} else if (!some[v] && (had[v] || !b->options.fix)) {
			evidence.others.bad += seen.bad;
			evidence.others.good += seen.good;
			evidence.commits_others++;
		}
	}
	add_counts(b, &evidence.culprit, culprit);
	for (uint32_t e = graph->first[culprit]; e < graph->first[culprit + 1]; e++)
		add_counts(b, &evidence.parents, graph->parent[e]);
	free(contains);
	free(some);
	free(had);
	return evidence;
}

static json_t *seen_json(const struct seen *seen)
{
	return json_pack("{s:I, s:I}", "bad", (json_int_t)seen->bad, "good", (json_int_t)seen->good);
}

static void say(json_t *why, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void say(json_t *why, const char *fmt, ...)
{
	struct str text = STR_INIT;
	va_list ap;

	va_start(ap, fmt);
	str_vaddf(&text, fmt, ap);
	va_end(ap);
	json_array_append_new(why, json_string(text.buf));
	str_release(&text);
}

static const char *plural(unsigned n)
{
	return n == 1 ? "" : "s";
}

static void say_confidence(struct bisection *b, json_t *why, const struct search_verdict *verdict)
{
	double asked = b->options.confidence > 0 ? b->options.confidence : SEARCH_CONFIDENCE;
	double sure = verdict->confidence > 0.9999 && asked <= 0.9999 ? 0.9999 : verdict->confidence;

	if (sure > 0.999999)
		sure = 0.999999;
	if (b->build_only)
		say(why, "A build that is made twice comes out the same: every one of them is believed.");
	else if (verdict->kind == VERDICT_UNDECIDED)
		say(why, "All that is listed together is the cause with %.6g %%, less than the %.6g %% asked for or not tested enough.",
			100 * sure, 100 * asked);
	else
		say(why, "%.6g %% sure, given every run and how often the error shows; %.6g %% were asked for.", 100 * sure,
			100 * asked);
}

static void say_own(struct bisection *b, json_t *why, const struct search_verdict *verdict, const struct evidence *evidence)
{
	bool fix = b->options.fix;
	const struct seen *own = &evidence->culprit, *parents = &evidence->parents;
	unsigned runs = own->bad + own->good;

	say(why, "The commit itself %s in %u of its %u run%s, its parent%s %s in %u of %u.", fix ? "passed" : "failed",
		fix ? own->good : own->bad, runs, plural(runs), verdict->is_merge ? "s" : "", fix ? "failed" : "passed",
		fix ? parents->bad : parents->good, parents->bad + parents->good);
}

static void say_sides(json_t *why, const struct evidence *evidence, bool several)
{
	unsigned with = evidence->containing.bad + evidence->containing.good;
	unsigned without = evidence->others.bad + evidence->others.good;
	const char *it = several ? "all of the candidates" : "it";

	say(why, "The error showed in %u of %u run%s of %u commit%s that contain%s %s.", evidence->containing.bad, with,
		plural(with), evidence->commits_containing, plural(evidence->commits_containing),
		evidence->commits_containing == 1 ? "s" : "", it);
	say(why, "It showed in %u of %u run%s of %u commit%s without %s.", evidence->others.bad, without, plural(without),
		evidence->commits_others, plural(evidence->commits_others), several ? "any of them" : "it");
}

/* Zero where the search was not told of them. */
static json_int_t earlier_runs(const struct bisection *b, const char *side, const char *seen)
{
	return b->told_earlier ? json_integer_value(json_object_get(json_object_get(json_object_get(b->row.learnt, "earlier"), side), seen)) : 0;
}

static void say_earlier(const struct bisection *b, json_t *why)
{
	json_int_t bad = earlier_runs(b, "bad", "bad"), passes = earlier_runs(b, "bad", "good");
	json_int_t fails = earlier_runs(b, "good", "bad"), good = earlier_runs(b, "good", "good");

	if (bad + passes)
		say(why, "Outside of the range, runs of commits with %s count for how often it shows: %lld of %lld.",
			json_is_true(json_object_get(json_object_get(b->row.learnt, "earlier"), "same_cause")) ?
			"the error" : "an earlier cause of the error", (long long)bad, (long long)(bad + passes));
	if (fails + good)
		say(why, "Outside of the range, runs of commits without it count for how often it shows there: %lld of %lld.",
			(long long)fails, (long long)(fails + good));
}

static void say_left_out(json_t *why, const json_t *boxes)
{
	size_t i;
	json_t *box;

	json_array_foreach((json_t *)boxes, i, box)
		say(why, "Box %s fails good commits: its results are left out.", json_string_value(box));
}

void bisection_add_evidence(struct bisection *b, const struct search_verdict *verdict, json_t *object)
{
	bool one = verdict->kind == VERDICT_CULPRIT, several = verdict->kind == VERDICT_RANGE;
	json_t *why = json_array(), *boxes = bisection_left_out_json(b);

	if (one || several || verdict->kind == VERDICT_UNDECIDED)
		say_confidence(b, why, verdict);
	if (one || (several && verdict->n_candidates)) {
		uint32_t culprit = one ? verdict->culprit : verdict->candidates[verdict->n_candidates - 1];
		struct evidence evidence = collect(b, verdict, culprit);

		if (one)
			say_own(b, why, verdict, &evidence);
		say_sides(why, &evidence, several);
		json_object_set_new(object, "evidence",
			json_pack("{s:o, s:o, s:o, s:o}", "culprit", one ? seen_json(&evidence.culprit) : json_null(),
				"parents", one ? seen_json(&evidence.parents) : json_null(), "containing",
				seen_json(&evidence.containing), "not_containing", seen_json(&evidence.others)));
	}
	if (verdict->kind != VERDICT_NOT_REPRODUCED)
		say_earlier(b, why);
	if (b->prior.values)
		say(why, "%zu of %zu commits touch what the error names, and were tried first.", b->prior.n_commits,
			b->history.n_range);
	say_left_out(why, boxes);
	json_object_set_new(object, "left_out", boxes);
	json_object_set_new(object, "why", why);
}
