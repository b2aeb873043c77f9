/* Loading: what a worker thread reads of the repository, and what becomes of it. */
#include "bisectd/bisection.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/mem.h"
#include "git/mirror.h"

#define FETCH_TIMEOUT_MS (30 * 60 * 1000)
#define LOAD_TRIES 3
#define SEARCH_RUNS_MAX 5000	/* what the search takes by itself */
#define LOAD_PAUSE_MS 1000	/* doubled twice with every try */
#define LOAD_PAUSE_MAX_MS 30000

/* --- what a worker thread does: fetch, resolve, load the graph, make the revert --- */

struct load_work {
	struct bisection *b;
	char *mirrors_dir, *url, *bad;
	struct strv good;
	bool local, first_parent, fix, revert;
	struct earlier *earlier;	/* weighed with the range; may be NULL */
	char *culprit;			/* with revert */
	struct repository *repository;	/* out, from here on */
	char bad_hex[GIT_HEX + 1];
	struct str good_hexes;		/* joined by ' ' */
	struct history history;
	bool have_history;
	char (*steps)[GIT_HEX + 1];
	size_t n_steps;
	char revert_commit[GIT_HEX + 1], revert_tree[GIT_HEX + 1];
	int result;
	struct error err;		/* says why, where result is negative */
};

/* Where the old end is no ancestor, a commit without the error may be one that never had it. */
static int check_ends_of_fix(struct load_work *work, const char *old)
{
	if (!strcmp(old, work->bad_hex))
		return error_set(&work->err, ERR_INVALID, "the commit with the error and the one without it are the same: %.12s",
			old);
	if (!repository_is_ancestor(work->repository, old, work->bad_hex))
		return error_set(&work->err, ERR_INVALID,
			"the commit with the error (%.12s) is no ancestor of the one without it (%.12s), so nothing between them fixed it",
			old, work->bad_hex);
	return 0;
}

static int load_range(struct load_work *work)
{
	struct strv hexes = STRV_INIT;
	char hex[GIT_HEX + 1];
	int r = 0;

	for (size_t i = 0; i < work->good.n && r == 0; i++) {
		r = repository_resolve(hex, work->repository, work->good.v[i], &work->err);
		if (r == 0) {
			strv_push(&hexes, hex);
			str_addf(&work->good_hexes, "%s%s", i ? " " : "", hex);
		}
	}
	if (r == 0 && work->fix)
		r = check_ends_of_fix(work, hexes.v[0]);
	if (r == 0)
		r = history_load(&work->history, work->repository, strv_argv(&hexes), work->bad_hex,
			work->first_parent, &work->err);
	work->have_history = r == 0;
	if (work->have_history && work->earlier)
		earlier_weigh(work->earlier, work->repository, &work->history, work->fix);
	strv_release(&hexes);
	return r;
}

static int make_revert(struct load_work *work)
{
	struct commit_info info = { 0 };
	int r = repository_make_revert(work->revert_commit, work->repository, work->bad_hex,
		work->culprit, &work->err);

	if (r == 0)
		r = commit_info_read(&info, work->repository, work->revert_commit, &work->err);
	if (r == 0)
		snprintf(work->revert_tree, sizeof(work->revert_tree), "%s", info.tree);
	commit_info_release(&info);
	return r;
}

static int read_mirror(struct load_work *work, const char *path)
{
	int r = repository_open(&work->repository, path, &work->err);

	if (r == 0)
		r = repository_resolve(work->bad_hex, work->repository, work->bad, &work->err);
	if (r < 0)
		return r;
	if (work->revert)
		return make_revert(work);
	if (work->good.n)
		return load_range(work);
	work->steps = mem_array(BISECTION_STEPS_MAX, sizeof(*work->steps));
	return history_steps_back(work->steps, &work->n_steps, BISECTION_STEPS_MAX, work->repository,
		work->bad_hex, &work->err);
}

static void load_on_worker(void *arg)
{
	struct load_work *work = arg;
	struct str path = STR_INIT;
	const char *want = hash_is_hex(work->bad, GIT_HEX) ? work->bad : NULL;

	work->result = mirror_update(&path, work->mirrors_dir, work->url, want, work->local,
		FETCH_TIMEOUT_MS, &work->err);
	if (work->result == 0)
		work->result = mirror_excuse(read_mirror(work, path.buf), path.buf, &work->err);
	str_release(&path);
}

static void load_done(void *arg, bool cancelled);

void bisection_load(struct bisection *b, const char *culprit)
{
	struct load_work *work = mem_alloc(sizeof(*work));
	const char *rest = b->row.good;

	b->working = true;
	str_init(&work->good_hexes);
	work->b = b;
	work->mirrors_dir = mem_strdup(b->daemon->mirrors_dir);
	work->url = mem_strdup(b->job->upstream_url);
	work->bad = mem_strdup(b->row.bad);
	work->local = b->daemon->local_repositories;
	work->first_parent = b->options.first_parent;
	work->fix = b->options.fix;
	work->revert = culprit;
	work->culprit = mem_strdup(culprit);
	while (rest && *rest) {
		size_t len = strcspn(rest, " ");

		strv_pushf(&work->good, "%.*s", (int)len, rest);
		rest += len + (rest[len] == ' ');
	}
	if (work->good.n && !culprit)
		work->earlier = earlier_gather(b);
	worker_pool_run(b->daemon->workers, load_on_worker, load_done, work);
}

/* --- what became of it --- */

static int begin_search(struct bisection *b, struct error *err)
{
	struct search_options options = {
		.in_range = b->history.in_range,
		.confidence = b->options.confidence,
		.reproducible = b->options.reproducible,
		.fix = b->options.fix,
		/* That it is fixed at the new end is what is asked; nobody has seen it. */
		.verify_good = b->options.fix,
		/* What was known before is not paid for: the budget is counted here, and this is for its scale. */
		.max_runs = b->options.max_runs > SEARCH_RUNS_MAX ? b->options.max_runs : 0,
	};
	int r;

	/* A build is not run again: one result of it is all there is. */
	if (b->build_only)
		options.trust_runs = true;
	/* Of another range others are of use. */
	b->results_after = 0;
	b->told_earlier = b->told_prior = false;
	r = bisection_costs(b, &options, err);
	if (r == 0)
		r = probes_add_known(b, err);
	if (r < 0)
		return r;
	r = search_new(&b->search, &b->history.graph, b->history.bad, b->history.good,
		b->history.n_good, &options, err);
	if (r < 0)
		return r;
	r = bisection_tell_built(b, err);
	if (r < 0) {
		search_free(b->search);
		b->search = NULL;
		return r;
	}
	probes_feed(b);
	b->step = STEP_SEARCHING;
	b->belief_stale = true;
	return 0;
}

/* May loading go better later?  A full disk is waited for, a repository out of reach for some tries. */
static bool is_temporary(const struct error *err, unsigned failures)
{
	return err->code == ERR_NO_SPACE ||
		((err->code == ERR_UNAVAILABLE || err->code == ERR_TIMEOUT) && failures < LOAD_TRIES);
}

void bisection_load_later(struct bisection *b, const struct error *err)
{
	int64_t pause = (int64_t)LOAD_PAUSE_MS << (b->failures < 5 ? 2 * (b->failures - 1) : 10);

	b->retry_ms = clock_steady_ms() + (pause < LOAD_PAUSE_MAX_MS ? pause : LOAD_PAUSE_MAX_MS);
	bisection_hindered(b, err);
}

static int compare_hex(const void *a, const void *b, void *history)
{
	const struct history *h = history;

	return strcmp(h->hex[*(const uint32_t *)a], h->hex[*(const uint32_t *)b]);
}

static void sort_by_hex(struct bisection *b)
{
	free(b->by_hex);
	b->by_hex = mem_array(b->history.graph.n, sizeof(*b->by_hex));
	for (uint32_t v = 0; v < b->history.graph.n; v++)
		b->by_hex[v] = v;
	qsort_r(b->by_hex, b->history.graph.n, sizeof(*b->by_hex), compare_hex, &b->history);
}

uint32_t bisection_vertex(const struct bisection *b, const char *hex)
{
	size_t low = 0, high = b->have_history ? b->history.graph.n : 0;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(b->history.hex[b->by_hex[middle]], hex);

		if (order == 0)
			return b->by_hex[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return UINT32_MAX;
}

static void take_range(struct bisection *b, struct load_work *work)
{
	struct error err = ERROR_INIT;

	bisection_set_text(&b->row.good, work->good_hexes.buf);
	/* The search stands on the history: both are new. */
	search_free(b->search);
	b->search = NULL;
	if (b->have_history)
		history_release(&b->history);
	b->history = work->history;
	b->have_history = true;
	work->have_history = false;
	sort_by_hex(b);
	earlier_keep(b, work->earlier);
	if (begin_search(b, &err) == 0) {
		bisection_note(b, "search");
	} else if (is_temporary(&err, ++b->failures)) {
		bisection_load_later(b, &err);
	} else {
		bisection_end(b, "failed", err.text, NULL);
	}
}

/* b may be gone afterwards. */
static void load_ended(struct bisection *b, struct load_work *work)
{
	if (work->repository) {
		repository_free(b->repository);
		b->repository = work->repository;
		work->repository = NULL;
	}
	if (work->result < 0 && is_temporary(&work->err, ++b->failures)) {
		bisection_load_later(b, &work->err);
		return;
	}
	if (work->revert) {
		if (work->result < 0)
			bisection_set_text(&b->revert_note, work->err.text);
		memcpy(b->revert_commit, work->revert_commit, sizeof(b->revert_commit));
		memcpy(b->revert_tree, work->revert_tree, sizeof(b->revert_tree));
		b->step = STEP_REVERTING;
		return;
	}
	if (work->result < 0) {
		bisection_end(b, "failed", work->err.text, NULL);
		return;
	}
	b->failures = 0;
	bisection_set_text(&b->row.bad, work->bad_hex);
	bisection_set_text(&b->row.state, "running");
	if (work->have_history) {
		take_range(b, work);
		return;
	}
	free(b->steps_back);
	b->steps_back = work->steps;
	b->n_steps_back = work->n_steps;
	work->steps = NULL;
	b->step = STEP_FINDING_GOOD;
	bisection_note(b, "find-good");
}

static void load_done(void *arg, bool cancelled)
{
	struct load_work *work = arg;
	struct bisection *b = work->b;
	struct daemon *daemon = b->daemon;

	b->working = false;
	if (b->gone)
		bisection_free(b);
	else if (!cancelled && !b->end_state)
		load_ended(b, work);
	if (!cancelled)
		daemon_wake(daemon);
	if (work->have_history)
		history_release(&work->history);
	repository_free(work->repository);
	earlier_free(work->earlier);
	free(work->mirrors_dir);
	free(work->url);
	free(work->bad);
	free(work->culprit);
	free(work->steps);
	str_release(&work->good_hexes);
	strv_release(&work->good);
	free(work);
}
