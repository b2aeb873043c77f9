#include "bisectd/bisection.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "git/mirror.h"

#define FETCH_TIMEOUT_MS (30 * 60 * 1000)
#define REVISION_MAX 256
#define ORPHANS_KEPT_MS 90000
#define LOAD_TRIES 3
#define LOAD_PAUSE_MS 1000	/* doubled twice with every try */
#define LOAD_PAUSE_MAX_MS 30000

/* --- what a worker thread does: fetch, resolve, load the graph, make the revert --- */

struct load_work {
	struct bisection *b;
	char *mirrors_dir, *url, *bad;
	struct strv good;
	bool local, revert;
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
	if (r == 0)
		r = history_load(&work->history, work->repository, strv_argv(&hexes), work->bad_hex,
			false, &work->err);
	work->have_history = r == 0;
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

static void load_on_worker(void *arg)
{
	struct load_work *work = arg;
	struct str path = STR_INIT;
	const char *want = hash_is_hex(work->bad, GIT_HEX) ? work->bad : NULL;

	work->result = mirror_update(&path, work->mirrors_dir, work->url, want, work->local,
		FETCH_TIMEOUT_MS, &work->err);
	if (work->result == 0)
		work->result = repository_open(&work->repository, path.buf, &work->err);
	if (work->result == 0)
		work->result = repository_resolve(work->bad_hex, work->repository, work->bad,
			&work->err);
	if (work->result < 0) {
		str_release(&path);
		return;
	}
	if (work->revert) {
		work->result = make_revert(work);
	} else if (work->good.n) {
		work->result = load_range(work);
	} else {
		work->steps = mem_array(BISECTION_STEPS_MAX, sizeof(*work->steps));
		work->result = history_steps_back(work->steps, &work->n_steps, BISECTION_STEPS_MAX,
			work->repository, work->bad_hex, &work->err);
	}
	str_release(&path);
}

static void load_done(void *arg, bool cancelled);

static void bisection_load(struct bisection *b, const char *culprit)
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
	work->revert = culprit;
	work->culprit = mem_strdup(culprit);
	while (rest && *rest) {
		size_t len = strcspn(rest, " ");

		strv_pushf(&work->good, "%.*s", (int)len, rest);
		rest += len + (rest[len] == ' ');
	}
	worker_pool_run(b->daemon->workers, load_on_worker, load_done, work);
}

/* --- life --- */

static void bisection_free(struct bisection *b)
{
	if (!b)
		return;
	search_free(b->search);
	if (b->have_history)
		history_release(&b->history);
	repository_free(b->repository);
	for (size_t i = 0; i < b->n_probes; i++)
		probe_free(b->probes[i]);
	free(b->probes);
	free(b->steps_back);
	free(b->revert_note);
	json_decref(b->belief);
	json_decref(b->end_verdict);
	free(b->end_state);
	free(b->end_message);
	free(b->trouble);
	job_free(b->job);
	bisection_row_release(&b->row);
	free(b);
}

static void set_text(char **field, const char *text)
{
	char *copy = mem_strdup(text);

	free(*field);
	*field = copy;
}

static int bisection_store(struct bisection *b, const char *phase, struct error *err)
{
	if (phase && (!b->row.phase || strcmp(b->row.phase, phase)))
		set_text(&b->row.phase, phase);
	b->row.updated_ms = clock_wall_ms();
	events_bisection_changed(b->daemon, b->row.id);
	return warehouse_bisection_put(b->daemon->warehouse, &b->row, err);
}

/* Where it stands, for people and a restart.  The journal is what counts: this is written again at the next step. */
static void bisection_note(struct bisection *b, const char *phase)
{
	struct error err = ERROR_INIT;

	if (bisection_store(b, phase, &err) < 0)
		bisection_hindered(b, &err);
}

void bisection_hindered(struct bisection *b, const struct error *err)
{
	if (!b->trouble)
		log_warning("bisection %s waits: %s", b->row.id, err->text);
	if (!b->trouble || strcmp(b->trouble, err->text)) {
		set_text(&b->trouble, err->text);
		events_bisection_changed(b->daemon, b->row.id);
	}
	b->hindered = true;
}

static void bisection_unhindered(struct bisection *b)
{
	if (!b->trouble)
		return;
	log_info("bisection %s goes on", b->row.id);
	set_text(&b->trouble, NULL);
	events_bisection_changed(b->daemon, b->row.id);
}

static void bisection_unlink(struct bisection *b)
{
	struct bisection **link = &b->daemon->bisections;

	while (*link && *link != b)
		link = &(*link)->next;
	if (*link)
		*link = b->next;
}

/* Stored with the whole report, or the row is as it was: nobody is told of an end that a restart would not know. */
static int store_end(struct bisection *b, struct error *err)
{
	struct bisection_row before = b->row;
	char done[] = "done", *trouble = b->trouble;
	int r;

	b->trouble = NULL;
	b->row.state = b->end_state;
	b->row.message = b->end_message;
	b->row.phase = done;
	b->row.finished_ms = b->row.updated_ms = clock_wall_ms();
	b->row.verdict = b->end_verdict;
	b->row.range = NULL;
	b->row.range = bisection_json(b);
	r = warehouse_bisection_put(b->daemon->warehouse, &b->row, err);
	json_decref(b->row.range);
	b->row = before;
	b->trouble = trouble;
	return r;
}

/* b is gone afterwards where this gives 0, or goes with its worker. */
static int bisection_try_end(struct bisection *b, struct error *err)
{
	int r = store_end(b, err);

	if (r < 0) {
		bisection_hindered(b, err);
		return r;
	}
	log_info("bisection %s: %s%s%s", b->row.id, b->end_state, b->end_message ? ": " : "",
		b->end_message ? b->end_message : "");
	events_bisection_changed(b->daemon, b->row.id);
	bisection_unlink(b);
	if (b->working)
		b->gone = true;
	else
		bisection_free(b);
	return 0;
}

static void bisection_decide(struct bisection *b, const char *state, const char *message,
	json_t *verdict)
{
	for (size_t i = 0; i < b->n_probes; i++)
		if (b->probes[i]->open || b->probes[i]->orphan)
			probe_cancel(b, b->probes[i], "the bisection ended");
	set_text(&b->end_state, state);
	set_text(&b->end_message, message);
	json_decref(b->end_verdict);
	b->end_verdict = verdict;
}

/* The last word: stored, then announced.  If it cannot be stored now, the next tick tries again.  b may be gone afterwards. */
static void bisection_end(struct bisection *b, const char *state, const char *message,
	json_t *verdict)
{
	struct error err = ERROR_INIT;

	bisection_decide(b, state, message, verdict);
	bisection_try_end(b, &err);
}

static void bisection_finish(struct bisection *b, json_t *verdict)
{
	const char *kind = json_string_value(json_object_get(verdict, "verdict"));
	const char *commit = json_string_value(json_object_get(verdict, "commit"));
	char *message = commit ? mem_printf("%s %s", kind, commit) : mem_strdup(kind);

	bisection_end(b, "done", message, verdict);
	free(message);
}

/* --- steps --- */

static unsigned slots(const struct bisection *b)
{
	struct daemon *daemon = b->daemon;
	const char *arch = b->job->os_arch ? b->job->os_arch : daemon->arch;
	char *build_lane = mem_printf("build/%s", arch), *test_lane = mem_printf("test/dc/%s", arch);
	unsigned builders = agents_slots(daemon, build_lane);
	unsigned testers = agents_slots(daemon, test_lane);
	unsigned all = builders > testers ? builders : testers, open = 0;
	json_int_t wanted = json_integer_value(json_object_get(b->row.options, "slots"));

	free(build_lane);
	free(test_lane);
	for (const struct bisection *other = daemon->bisections; other; other = other->next)
		open++;
	if (wanted > 0)
		all = (unsigned)wanted;
	else if (open > 1)
		all = (all + open - 1) / open;
	if (all < 1)
		all = 1;
	return all > BISECTION_SLOTS_MAX ? BISECTION_SLOTS_MAX : all;
}

static int begin_search(struct bisection *b, struct error *err)
{
	struct search_options options = {
		.in_range = b->history.in_range,
	};
	int r;

	/* A build is not run again: one result of it is all there is. */
	if (b->build_only)
		options.trust_runs = true;
	r = probes_add_known(b, err);
	if (r < 0)
		return r;
	r = search_new(&b->search, &b->history.graph, b->history.bad, b->history.good,
		b->history.n_good, &options, err);
	if (r < 0)
		return r;
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

static void load_later(struct bisection *b, const struct error *err)
{
	int64_t pause = (int64_t)LOAD_PAUSE_MS << (b->failures < 5 ? 2 * (b->failures - 1) : 10);

	b->retry_ms = clock_steady_ms() + (pause < LOAD_PAUSE_MAX_MS ? pause : LOAD_PAUSE_MAX_MS);
	bisection_hindered(b, err);
}

static void take_range(struct bisection *b, struct load_work *work)
{
	struct error err = ERROR_INIT;

	set_text(&b->row.good, work->good_hexes.buf);
	/* The search stands on the history: both are new. */
	search_free(b->search);
	b->search = NULL;
	if (b->have_history)
		history_release(&b->history);
	b->history = work->history;
	b->have_history = true;
	work->have_history = false;
	if (begin_search(b, &err) == 0) {
		bisection_note(b, "search");
	} else if (is_temporary(&err, ++b->failures)) {
		load_later(b, &err);
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
		load_later(b, &work->err);
		return;
	}
	if (work->revert) {
		if (work->result < 0)
			set_text(&b->revert_note, work->err.text);
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
	set_text(&b->row.bad, work->bad_hex);
	set_text(&b->row.state, "running");
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
	free(work->mirrors_dir);
	free(work->url);
	free(work->bad);
	free(work->culprit);
	free(work->steps);
	str_release(&work->good_hexes);
	strv_release(&work->good);
	free(work);
}

static bool commit_open(const struct bisection *b, const char *commit)
{
	for (size_t i = 0; i < b->n_probes; i++)
		if (b->probes[i]->open && !strcmp(b->probes[i]->row.commit, commit))
			return true;
	return false;
}

static bool open_at(struct bisection *b, const char *commit, const char *purpose)
{
	struct commit_info info = { 0 };
	bool opened = false;

	struct error err = ERROR_INIT;

	if (commit_info_read(&info, b->repository, commit, &err) == 0) {
		opened = probe_open(b, PROBE_FIND_GOOD, UINT32_MAX, commit, info.tree, NULL,
			purpose);
	} else {
		/* The mirror was damaged or deleted: it is made again. */
		b->step = STEP_LOADING;
		b->failures = 1;
		load_later(b, &err);
	}
	commit_info_release(&info);
	return opened;
}

static unsigned runs_at(const struct bisection *b, const char *commit)
{
	return probes_count(b, PROBE_FIND_GOOD, commit, "good") +
		probes_count(b, PROBE_FIND_GOOD, commit, "bad") +
		probes_count(b, PROBE_FIND_GOOD, commit, "skip") +
		probes_count(b, PROBE_FIND_GOOD, commit, "broken");
}

static void use_good(struct bisection *b, const char *commit)
{
	for (size_t i = 0; i < b->n_probes; i++)
		if (b->probes[i]->open)
			probe_cancel(b, b->probes[i], "a good end was found");
	set_text(&b->row.good, commit);
	bisection_note(b, "fetch");
	b->step = STEP_LOADING;
	bisection_load(b, NULL);
}

/*
 * No good end was given: first the bad end must show the error, then commits further and further back are run until one is good.  The nearest good
 * one is taken.  True when something moved.
 */
static bool find_good(struct bisection *b)
{
	bool reproduced = probes_count(b, PROBE_FIND_GOOD, b->row.bad, "bad") > 0;
	unsigned runs = runs_at(b, b->row.bad), free_slots = slots(b);
	size_t open = probes_count_open(b);

	if (!reproduced) {
		if (probes_count(b, PROBE_FIND_GOOD, b->row.bad, "broken")) {
			bisection_finish(b, verdict_without_search(b, "not-reproduced",
				"the bad end does not build, so the error cannot show"));
			return false;
		}
		if (runs >= BISECTION_VERIFY_RUNS) {
			bisection_finish(b, verdict_without_search(b, "not-reproduced",
				"the bad end never showed the error"));
			return false;
		}
		return open == 0 && open_at(b, b->row.bad, "find-good");
	}
	for (size_t i = 0; i < b->n_steps_back; i++) {
		const char *commit = b->steps_back[i];

		if (probes_count(b, PROBE_FIND_GOOD, commit, "bad"))
			continue;
		if (probes_count(b, PROBE_FIND_GOOD, commit, "good")) {
			use_good(b, commit);
			return false;
		}
		if (commit_open(b, commit) || !runs_at(b, commit)) {
			/* Nearer than any good one so far: wait for it, and use the other slots for the next ones. */
			if (!commit_open(b, commit) && open < free_slots &&
				open_at(b, commit, "find-good"))
				open++;
			if (b->step != STEP_FINDING_GOOD)
				return false;
			if (open < free_slots)
				continue;
			return false;
		}
	}
	if (open == 0)
		bisection_finish(b, verdict_without_search(b, "no-good-commit",
			"every commit tried back to the first one shows the error or cannot be tested"));
	return false;
}

static void drop_useless(struct bisection *b)
{
	uint32_t useless[BISECTION_SLOTS_MAX];
	size_t n = search_useless(b->search, useless, BISECTION_SLOTS_MAX);

	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < b->n_probes; j++) {
			struct probe *probe = b->probes[j];

			if (!probe->open || probe->vertex != useless[i])
				continue;
			probe_cancel(b, probe, "another result made it useless");
			search_drop(b->search, useless[i]);
		}
	}
}

static void begin_revert(struct bisection *b, uint32_t culprit)
{
	b->step = STEP_PREPARING_REVERT;
	b->failures = 0;
	bisection_note(b, "revert");
	bisection_load(b, b->history.hex[culprit]);
}

/* After a start the agents are heard of one by one, with runs in their hands: until then there seem to be few slots. */
static void drop_orphans(struct bisection *b)
{
	if (clock_wall_ms() - b->daemon->started_ms < ORPHANS_KEPT_MS)
		return;
	for (size_t i = 0; i < b->n_probes; i++)
		if (b->probes[i]->orphan && b->probes[i]->kind != PROBE_REVERT)
			probe_cancel(b, b->probes[i], "no longer wanted after a restart");
}

/* True when a probe was opened. */
static bool search_step(struct bisection *b)
{
	const struct search_verdict *verdict;
	struct search_probe wanted;
	bool opened = false, refused = false;

	drop_useless(b);
	verdict = search_verdict(b->search);
	if (verdict->kind == VERDICT_CULPRIT) {
		/* Reverted trees that were open before a restart are taken up again. */
		for (size_t i = 0; i < b->n_probes; i++)
			if ((b->probes[i]->open || b->probes[i]->orphan) && b->probes[i]->kind != PROBE_REVERT)
				probe_cancel(b, b->probes[i], "the culprit is known");
		begin_revert(b, verdict->culprit);
		return false;
	}
	if (verdict->kind != VERDICT_NONE) {
		bisection_finish(b, bisection_verdict_json(b, verdict));
		return false;
	}
	while (probes_count_open(b) < slots(b) && search_next(b->search, &wanted)) {
		if (!probe_open(b, PROBE_SEARCH, wanted.commit, b->history.hex[wanted.commit],
			    b->history.tree[wanted.commit], NULL,
			    search_purpose_name(wanted.purpose))) {
			search_drop(b->search, wanted.commit);
			refused = true;
			break;
		}
		opened = true;
	}
	if (!refused)
		drop_orphans(b);
	/* No state without a way out: the search is deterministic, so asking it again would give the same. */
	if (!opened && !refused && !probes_count_open(b))
		bisection_end(b, "failed", "the search has neither a verdict nor anything left to run", NULL);
	return opened;
}

static bool revert_step(struct bisection *b)
{
	const struct search_verdict *verdict = search_verdict(b->search);
	unsigned good = probes_count(b, PROBE_REVERT, b->row.bad, "good");
	unsigned bad = probes_count(b, PROBE_REVERT, b->row.bad, "bad");
	unsigned other = probes_count(b, PROBE_REVERT, b->row.bad, "skip") +
		probes_count(b, PROBE_REVERT, b->row.bad, "broken");
	unsigned wanted = b->build_only ? 1 : BISECTION_REVERT_RUNS;

	if (!b->revert_tree[0] || bad || other || good >= wanted) {
		bisection_finish(b, bisection_verdict_json(b, verdict));
		return false;
	}
	if (probes_count_open(b) + good >= wanted)
		return false;
	return probe_open(b, PROBE_REVERT, UINT32_MAX, b->row.bad, b->revert_tree,
		b->history.hex[verdict->culprit], "revert");
}

static const char *phase_name(struct bisection *b)
{
	if (b->step == STEP_SEARCHING)
		return search_phase_name(search_phase(b->search));
	return b->row.phase;
}

static bool is_open(const struct daemon *daemon, const struct bisection *b)
{
	for (const struct bisection *other = daemon->bisections; other; other = other->next)
		if (other == b)
			return true;
	return false;
}

/* True when something moved.  b may be gone afterwards. */
static bool take_step(struct bisection *b)
{
	bool moved = false;

	for (size_t i = 0; i < b->n_probes; i++)
		if (b->probes[i]->open && probe_advance(b, b->probes[i]))
			moved = true;
	switch (b->step) {
	case STEP_LOADING:
		bisection_load(b, NULL);
		break;
	case STEP_FINDING_GOOD:
		moved |= find_good(b);
		break;
	case STEP_SEARCHING:
		moved |= search_step(b);
		break;
	case STEP_PREPARING_REVERT:
		bisection_load(b, b->history.hex[search_verdict(b->search)->culprit]);
		break;
	case STEP_REVERTING:
		moved |= revert_step(b);
		break;
	}
	return moved;
}

/* b may be gone afterwards. */
static void bisection_advance(struct bisection *b)
{
	struct daemon *daemon = b->daemon;
	struct error err = ERROR_INIT;
	bool moved;

	if (b->working)
		return;
	if (b->end_state) {
		bisection_try_end(b, &err);
		return;
	}
	if (clock_steady_ms() < b->retry_ms)
		return;
	b->hindered = false;
	do {
		moved = take_step(b);
		if (!is_open(daemon, b))
			return;
		if (moved)
			bisection_note(b, phase_name(b));
	} while (moved && !b->working && !b->end_state);
	if (!b->hindered && !b->working)
		bisection_unhindered(b);
}

void bisections_advance(struct daemon *daemon)
{
	struct bisection *next;

	for (struct bisection *b = daemon->bisections; b; b = next) {
		next = b->next;
		bisection_advance(b);
	}
}

/* --- requests --- */

static int check_revision(const char *what, const char *revision, struct error *err)
{
	if (!*revision || *revision == '-' || strlen(revision) > REVISION_MAX ||
		strpbrk(revision, " \t\n"))
		return error_set(err, ERR_INVALID,
			"%s revision '%.80s': found something that is no revision, allowed is a commit, tag or branch of at most %d bytes",
			what, revision, REVISION_MAX);
	return 0;
}

static void dedupe_key(const struct bisection *b, char hex[HASH_HEX_LEN + 1])
{
	struct hash *h = hash_new();

	hash_add_field(h, b->job->upstream_url);
	hash_add_field(h, b->row.error_id);
	hash_add_field(h, b->row.identity);
	hash_finish(h, hex);
}

static void funnel(struct daemon *daemon, const char *stage, const char *reason)
{
	struct error err = ERROR_INIT;

	if (warehouse_funnel_count(daemon->warehouse, stage, reason, clock_wall_ms(), &err) < 0)
		log_warning("cannot count a request: %s", err.text);
}

int bisections_check(const struct bisection_request *request, struct error *err)
{
	int r = 0;

	if (!request->error_id || !*request->error_id || strlen(request->error_id) > 1000)
		return error_set(err, ERR_INVALID,
			"error_id: found %s, allowed is the id of an error, 1 to 1000 bytes",
			request->error_id && *request->error_id ? "more" : "nothing");
	for (size_t i = 0; i < request->good->n && r == 0; i++)
		r = check_revision("good", request->good->v[i], err);
	if (r == 0 && request->bad)
		r = check_revision("bad", request->bad, err);
	return r;
}

static int request_new(struct daemon *daemon, const struct bisection_request *request,
	struct bisection *b, bool *ret_existing, struct error *err)
{
	struct job_row job;
	struct bisection_row old;
	struct str good = STR_INIT;
	char key[HASH_HEX_LEN + 1], id[13];
	int r = warehouse_job_get(daemon->warehouse, request->job_id, &job, err);

	if (r < 0)
		return r == -ERR_NOT_FOUND ?
			error_set(err, ERR_NOT_FOUND, "no job '%.40s'", request->job_id) : r;
	r = job_read(&b->job, job.id, job.intent, strlen(job.intent), err);
	if (r < 0)
		goto out;
	b->daemon = daemon;
	b->row.error_id = mem_strdup(request->error_id);
	b->row.identity = mem_strdup(job.identity);
	dedupe_key(b, key);
	if (!request->again &&
		warehouse_bisection_find(daemon->warehouse, key, &old, NULL) == 0) {
		b->row.id = mem_strdup(old.id);
		bisection_row_release(&old);
		*ret_existing = true;
		r = 0;
		goto out;
	}
	random_hex(id, 6);
	for (size_t i = 0; i < request->good->n; i++)
		str_addf(&good, "%s%s", i ? " " : "", request->good->v[i]);
	b->row.id = mem_strdup(id);
	b->row.dedupe_key = mem_strdup(key);
	b->row.job_id = mem_strdup(job.id);
	b->row.good = good.len ? str_detach(&good) : NULL;
	b->row.bad = mem_strdup(request->bad ? request->bad :
		job.commit		     ? job.commit :
					       b->job->upstream_commit);
	b->row.state = mem_strdup("waiting");
	b->row.phase = mem_strdup("fetch");
	b->row.submitter = mem_strdup(request->submitter);
	b->row.created_ms = clock_wall_ms();
	b->row.options = json_object();
	b->build_only = str_has_prefix(request->error_id, "build-pkg.");
	*ret_existing = false;
	r = bisection_store(b, NULL, err);
out:
	str_release(&good);
	job_row_release(&job);
	return r;
}

int bisections_request(struct daemon *daemon, const struct bisection_request *request,
	char ret_id[13], bool *ret_existing, struct error *err)
{
	struct bisection *b = NULL;
	int r;

	funnel(daemon, "seen", "");
	r = bisections_check(request, err);
	if (r < 0)
		goto refuse;
	b = mem_alloc(sizeof(*b));
	r = request_new(daemon, request, b, ret_existing, err);
	if (r < 0)
		goto refuse;
	snprintf(ret_id, 13, "%s", b->row.id);
	if (*ret_existing) {
		funnel(daemon, "refused", "exists already");
		bisection_free(b);
		return 0;
	}
	funnel(daemon, "taken", "");
	b->next = daemon->bisections;
	daemon->bisections = b;
	daemon_wake(daemon);
	return 0;
refuse:
	funnel(daemon, "refused", error_code_name((enum error_code)-r));
	bisection_free(b);
	return r;
}

static bool resume_id(const struct bisection_row *row, void *arg)
{
	strv_push(arg, row->id);
	return true;
}

static int resume_one(struct daemon *daemon, const char *id, struct error *err)
{
	struct bisection *b = mem_alloc(sizeof(*b));
	struct job_row job = { 0 };
	int r;

	b->daemon = daemon;
	r = warehouse_bisection_get(daemon->warehouse, id, &b->row, err);
	if (r < 0)
		goto out;
	r = warehouse_job_get(daemon->warehouse, b->row.job_id, &job, err);
	if (r < 0)
		goto out;
	r = job_read(&b->job, job.id, job.intent, strlen(job.intent), err);
	if (r < 0)
		goto out;
	b->build_only = str_has_prefix(b->row.error_id, "build-pkg.");
	r = probes_load(b, err);
out:
	job_row_release(&job);
	/* What is lost or damaged stays so: it must not stand in the way of the same question asked again. */
	if (r == -ERR_NOT_FOUND || r == -ERR_INVALID || r == -ERR_CORRUPT || r == -ERR_LIMIT) {
		error_prefix(err, "it cannot go on after a restart");
		log_error("bisection %s: %s", id, err->text);
		set_text(&b->row.state, "failed");
		set_text(&b->row.message, err->text);
		b->row.finished_ms = clock_wall_ms();
		r = b->row.id ? bisection_store(b, "done", err) : 0;
		bisection_free(b);
		return r;
	}
	if (r < 0) {
		bisection_free(b);
		return r;
	}
	b->next = daemon->bisections;
	daemon->bisections = b;
	log_info("bisection %s goes on: %zu runs are known", id, probes_count_runs(b));
	return 0;
}

int bisections_resume(struct daemon *daemon, struct error *err)
{
	struct strv ids = STRV_INIT;
	int r = warehouse_bisections(daemon->warehouse, true, 100000, resume_id, &ids, err);

	for (size_t i = 0; i < ids.n && r == 0; i++)
		r = resume_one(daemon, ids.v[i], err);
	strv_release(&ids);
	return r;
}

int bisections_cancel(struct daemon *daemon, const char *id, struct error *err)
{
	struct bisection *b = daemon->bisections;
	struct bisection_row row;
	int r;

	while (b && strcmp(b->row.id, id))
		b = b->next;
	if (!b) {
		r = warehouse_bisection_get(daemon->warehouse, id, &row, err);
		if (r < 0)
			return r;
		r = error_set(err, ERR_CANCELLED, "bisection %s has ended already: %s", id,
			row.state);
		bisection_row_release(&row);
		return r;
	}
	if (!b->end_state)
		bisection_decide(b, "cancelled", "cancelled on request", NULL);
	r = bisection_try_end(b, err);
	return r < 0 ? error_prefix(err, "it is stopped, which cannot be written now and is tried again") : 0;
}

/* Those of a journal that was not replayed yet count: their bisection is about to ask for them again. */
static bool bisection_wants(const struct bisection *b, const char *unit)
{
	for (size_t i = 0; i < b->n_probes; i++) {
		const struct probe *probe = b->probes[i];

		if ((probe->open || probe->orphan) && (!strcmp(probe->plan.build_unit, unit) ||
			!strcmp(probe->plan.test_unit, unit)))
			return true;
	}
	return false;
}

bool bisections_want(const struct daemon *daemon, const char *unit)
{
	for (const struct bisection *b = daemon->bisections; b; b = b->next)
		if (bisection_wants(b, unit))
			return true;
	return false;
}

bool bisections_one_wants(const struct daemon *daemon, const char *id, const char *unit)
{
	for (const struct bisection *b = daemon->bisections; b; b = b->next)
		if (!strcmp(b->row.id, id))
			return bisection_wants(b, unit);
	return false;
}

void bisections_tests_of(const struct daemon *daemon, const char *build_key, struct strv *ret)
{
	for (const struct bisection *b = daemon->bisections; b; b = b->next)
		for (size_t i = 0; i < b->n_probes; i++)
			if (b->probes[i]->open && !strcmp(b->probes[i]->plan.build_key, build_key))
				strv_push(ret, b->probes[i]->plan.test_unit);
}

void bisections_exhausted(struct daemon *daemon, const char *unit, const char *why)
{
	for (struct bisection *b = daemon->bisections; b; b = b->next)
		for (size_t i = 0; i < b->n_probes; i++)
			if (b->probes[i]->open && !b->probes[i]->exhausted &&
				(!strcmp(b->probes[i]->plan.build_unit, unit) ||
					!strcmp(b->probes[i]->plan.test_unit, unit)))
				b->probes[i]->exhausted = mem_strdup(why);
}

void bisections_free(struct daemon *daemon)
{
	while (daemon->bisections) {
		struct bisection *b = daemon->bisections;

		daemon->bisections = b->next;
		bisection_free(b);
	}
}
