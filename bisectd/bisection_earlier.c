/* Runs from before, outside of the range, whose side is known: how often the error shows need not be learnt again. */
#include "bisectd/bisection.h"

#include "base/log.h"
#include "base/mem.h"

/* The newest ones say most, and a bisection does not wait for all of them. */
#define RUNS_MAX 2000
#define BISECTIONS_MAX 64
#define CAUSES_MAX 8
#define ANCESTORS_MAX 64

/*
 * How many runs a side may weigh.  One change can make a test fail at another rate, so runs that showed another cause say nothing of how often this
 * one shows: with 30 failures and no pass of another, five of six errors that show every second time were blamed on the wrong commit (200
 * commits on a line), and with two and two still one of 16 that show every fifth.
 */
#define SAME_BAD_MAX 30
#define SAME_GOOD_MAX 100
#define OTHER_GOOD_MAX 30

struct side {
	unsigned bad, good;		/* runs that showed the error, and that did not */
};

struct sides {
	struct side bad, good;		/* commits with the error, and without */
};

struct commit_runs {
	char commit[GIT_HEX + 1], tree[GIT_HEX + 1];
	struct side seen;
	bool used;
};

/* What a finished bisection of the error named. */
struct cause {
	char culprit[GIT_HEX + 1], bad[GIT_HEX + 1];
	struct strv good;
};

struct earlier {
	const struct bisection *b;	/* while it is gathered */
	struct commit_runs *commits;
	size_t n_commits, cap_commits;
	struct cause causes[CAUSES_MAX];	/* newest first */
	size_t n_causes;
	struct strv sick;		/* boxes that a bisection left out */
	struct sides same, other;	/* out: of the newest cause, if it is the one that is looked for again; of the rest */
};

void earlier_free(struct earlier *earlier)
{
	if (!earlier)
		return;
	for (size_t i = 0; i < earlier->n_causes; i++)
		strv_release(&earlier->causes[i].good);
	strv_release(&earlier->sick);
	free(earlier->commits);
	free(earlier);
}

/* --- what the warehouse has --- */

static void split(struct strv *ret, const char *text)
{
	while (*text) {
		size_t len = strcspn(text, " ");

		strv_pushf(ret, "%.*s", (int)len, text);
		text += len + (text[len] == ' ');
	}
}

static bool failed_check(const json_t *verdict)
{
	size_t i;
	json_t *check;

	json_array_foreach(json_object_get(verdict, "checks"), i, check)
		if (json_is_false(json_object_get(check, "passed")))
			return true;
	return false;
}

/* Only a culprit that stood every check. */
static bool gather_cause(const struct bisection_row *row, void *arg)
{
	struct earlier *earlier = arg;
	const json_t *boxes = json_object_get(row->verdict, "left_out");
	const char *kind = json_string_value(json_object_get(row->verdict, "verdict"));
	const char *culprit = json_string_value(json_object_get(row->verdict, "commit"));
	struct cause *cause = &earlier->causes[earlier->n_causes];

	for (size_t i = 0; i < json_array_size(boxes); i++) {
		const char *name = json_string_value(json_array_get(boxes, i));

		if (name)
			strv_push(&earlier->sick, name);
	}
	if (!kind || strcmp(kind, "culprit") || !culprit || json_object_get(row->verdict, "fix") ||
		failed_check(row->verdict) || !row->good || !row->bad)
		return true;
	snprintf(cause->culprit, sizeof(cause->culprit), "%s", culprit);
	snprintf(cause->bad, sizeof(cause->bad), "%s", row->bad);
	split(&cause->good, row->good);
	return ++earlier->n_causes < CAUSES_MAX;
}

static struct commit_runs *runs_of(struct earlier *earlier, const struct result_row *result)
{
	struct commit_runs *runs;

	for (size_t i = 0; i < earlier->n_commits; i++) {
		runs = &earlier->commits[i];
		if (!strcmp(runs->commit, result->commit) && !strcmp(runs->tree, result->tree))
			return runs;
	}
	MEM_GROW(earlier->commits, earlier->n_commits + 1, earlier->cap_commits);
	runs = &earlier->commits[earlier->n_commits++];
	*runs = (struct commit_runs){ .used = false };
	snprintf(runs->commit, sizeof(runs->commit), "%s", result->commit);
	snprintf(runs->tree, sizeof(runs->tree), "%s", result->tree);
	return runs;
}

static bool gather_run(const struct result_row *result, void *arg)
{
	struct earlier *earlier = arg;
	enum observation observation = bisection_observation(earlier->b, result);

	if (observation == OBSERVED_SKIP || !result->commit || !result->tree ||
		(result->agent && strv_has(&earlier->sick, result->agent)))
		return true;
	if (observation == OBSERVED_BAD)
		runs_of(earlier, result)->seen.bad++;
	else
		runs_of(earlier, result)->seen.good++;
	return true;
}

struct earlier *earlier_gather(struct bisection *b)
{
	struct warehouse *warehouse = b->daemon->warehouse;
	struct earlier *earlier;
	struct error err = ERROR_INIT;
	int r;

	/* Builds are believed as they come: there is no rate to learn. */
	if (b->build_only || json_object_get(b->row.learnt, "earlier"))
		return NULL;
	earlier = mem_alloc(sizeof(*earlier));
	earlier->b = b;
	r = warehouse_bisections_of_error(warehouse, b->row.error_id, b->row.identity, BISECTIONS_MAX, gather_cause, earlier, &err);
	if (r == 0)
		r = warehouse_results_newest(warehouse, b->row.identity, RUNS_MAX, gather_run, earlier, &err);
	earlier->b = NULL;
	if (r == 0)
		return earlier;
	/* It saves runs and is needed for nothing. */
	log_warning("bisection %s goes without earlier runs: %s", b->row.id, err.text);
	earlier_free(earlier);
	return NULL;
}

/* --- on which side they lie --- */

static void add(struct side *sum, struct commit_runs *runs)
{
	sum->bad += runs->seen.bad;
	sum->good += runs->seen.good;
	runs->used = true;
}

/* Within the range of a finished bisection its verdict says it. */
static void weigh_cause(struct earlier *earlier, const struct cause *cause, struct repository *repository, struct sides *sums)
{
	struct history history;
	bool *contains;
	uint32_t culprit;

	/* Of another repository, or gone from this one. */
	if (history_load(&history, repository, strv_argv(&cause->good), cause->bad, false, NULL) < 0)
		return;
	contains = mem_array(history.graph.n, sizeof(*contains));
	culprit = history_find(&history, cause->culprit);
	if (culprit < history.graph.n)
		contains[culprit] = true;
	for (uint32_t v = 0; v < history.graph.n; v++)
		for (uint32_t e = history.graph.first[v]; e < history.graph.first[v + 1]; e++)
			contains[v] |= contains[history.graph.parent[e]];
	for (size_t i = 0; i < earlier->n_commits && culprit < history.graph.n; i++) {
		struct commit_runs *runs = &earlier->commits[i];
		uint32_t v = runs->used ? UINT32_MAX : history_find(&history, runs->commit);

		/* A revert is stored under the commit it stands on, with another tree. */
		if (v != UINT32_MAX && !strcmp(history.tree[v], runs->tree))
			add(contains[v] ? &sums->bad : &sums->good, runs);
	}
	free(contains);
	history_release(&history);
}

static bool is_of_commit(struct repository *repository, const struct commit_runs *runs)
{
	struct commit_info info = { 0 };
	bool same = commit_info_read(&info, repository, runs->commit, NULL) == 0 && !strcmp(info.tree, runs->tree);

	commit_info_release(&info);
	return same;
}

/*
 * What the good ends contain is good like them.  Where one of these commits showed the error, it may have had it and lost it again: then nothing
 * follows from any of them.
 */
static void weigh_ancestors(struct earlier *earlier, struct repository *repository, const struct history *history)
{
	struct side sum = { 0 };
	unsigned looked_at = 0;

	for (size_t i = 0; i < earlier->n_commits && looked_at < ANCESTORS_MAX; i++) {
		struct commit_runs *runs = &earlier->commits[i];

		if (runs->used || !is_of_commit(repository, runs))
			continue;
		looked_at++;
		for (size_t j = 0; j < history->n_good && !runs->used; j++)
			if (repository_is_ancestor(repository, runs->commit, history->hex[history->good[j]]))
				add(&sum, runs);
	}
	if (sum.bad)
		return;
	earlier->same.good.good += sum.good;
	earlier->other.good.good += sum.good;
}

/* Is the newest cause known the one that this bisection is about? */
static bool is_same_cause(const struct cause *cause, struct repository *repository, const struct history *history, bool fix)
{
	uint32_t v;

	if (fix) {
		for (size_t i = 0; i < history->n_good; i++)
			if (!repository_is_ancestor(repository, cause->culprit, history->hex[history->good[i]]))
				return false;
		return true;
	}
	v = history_find(history, cause->culprit);
	return v != UINT32_MAX && history->in_range[v];
}

static bool has_unused(const struct earlier *earlier)
{
	for (size_t i = 0; i < earlier->n_commits; i++)
		if (!earlier->commits[i].used)
			return true;
	return false;
}

void earlier_weigh(struct earlier *earlier, struct repository *repository, const struct history *history, bool fix)
{
	/* What is in the graph is observed there. */
	for (size_t i = 0; i < earlier->n_commits; i++)
		earlier->commits[i].used = history_find(history, earlier->commits[i].commit) != UINT32_MAX;
	for (size_t i = 0; i < earlier->n_causes && has_unused(earlier); i++) {
		bool same = i == 0 && is_same_cause(&earlier->causes[i], repository, history, fix);

		weigh_cause(earlier, &earlier->causes[i], repository, same ? &earlier->same : &earlier->other);
	}
	if (!fix)
		weigh_ancestors(earlier, repository, history);
}

/* --- what counts of it --- */

static unsigned scaled(unsigned n, unsigned all, unsigned max)
{
	unsigned part = all > max ? (unsigned)(((uint64_t)n * max + all / 2) / all) : n;

	/* Never and seldom are not the same to the search. */
	return n && !part ? 1 : part;
}

static struct side weighed(const struct side *side, unsigned max)
{
	unsigned all = side->bad + side->good;

	return (struct side){ scaled(side->bad, all, max), scaled(side->good, all, max) };
}

static json_t *side_json(const struct side *side)
{
	return json_pack("{s:I, s:I}", "bad", (json_int_t)side->bad, "good", (json_int_t)side->good);
}

void earlier_keep(struct bisection *b, const struct earlier *earlier)
{
	struct sides sides = { 0 };
	bool same;

	if (!earlier)
		return;
	same = earlier->same.bad.bad + earlier->same.bad.good > 0;
	if (same) {
		sides.bad = weighed(&earlier->same.bad, SAME_BAD_MAX);
		sides.good = weighed(&earlier->same.good, SAME_GOOD_MAX);
	} else {
		sides.good = weighed(&earlier->other.good, OTHER_GOOD_MAX);
	}
	if (!b->row.learnt)
		b->row.learnt = json_object();
	json_object_set_new(b->row.learnt, "earlier",
		json_pack("{s:o, s:o, s:b}", "bad", side_json(&sides.bad), "good", side_json(&sides.good), "same_cause", (int)same));
}

static unsigned kept(const struct bisection *b, const char *side, const char *seen)
{
	const json_t *sides = json_object_get(json_object_get(b->row.learnt, "earlier"), side);
	json_int_t n = json_integer_value(json_object_get(sides, seen));

	return n > 0 && n <= SAME_GOOD_MAX + 1 ? (unsigned)n : 0;
}

static bool has_shown(struct bisection *b)
{
	unsigned counts[OBSERVED_NKINDS];

	if (!b->options.fix) {
		search_counts(b->search, b->history.bad, counts);
		return counts[OBSERVED_BAD] > 0;
	}
	for (size_t i = 0; i < b->history.n_good; i++) {
		search_counts(b->search, b->history.good[i], counts);
		if (!counts[OBSERVED_BAD])
			return false;
	}
	return true;
}

void bisection_tell_earlier(struct bisection *b)
{
	if (b->told_earlier || !json_object_get(b->row.learnt, "earlier") || !has_shown(b))
		return;
	b->told_earlier = true;
	b->belief_stale = true;
	search_earlier(b->search, kept(b, "bad", "bad"), kept(b, "bad", "good"), kept(b, "good", "bad"),
		kept(b, "good", "good"));
}
