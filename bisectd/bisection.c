#include "bisectd/bisection.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#define ORPHANS_KEPT_MS 90000

/* --- life --- */

void bisection_free(struct bisection *b)
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
	free(b->by_hex);
	free(b->revert_note);
	prior_release(&b->prior);
	strv_release(&b->resting);
	json_decref(b->belief);
	json_decref(b->end_verdict);
	free(b->end_state);
	free(b->end_message);
	free(b->trouble);
	job_free(b->job);
	bisection_row_release(&b->row);
	free(b);
}

void bisection_set_text(char **field, const char *text)
{
	char *copy = mem_strdup(text);

	free(*field);
	*field = copy;
}

int bisection_store(struct bisection *b, const char *phase, struct error *err)
{
	if (phase && (!b->row.phase || strcmp(b->row.phase, phase)))
		bisection_set_text(&b->row.phase, phase);
	b->row.updated_ms = clock_wall_ms();
	events_bisection_changed(b->daemon, b->row.id);
	return warehouse_bisection_put(b->daemon->warehouse, &b->row, err);
}

void bisection_note(struct bisection *b, const char *phase)
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
		bisection_set_text(&b->trouble, err->text);
		events_bisection_changed(b->daemon, b->row.id);
	}
	b->hindered = true;
}

static void bisection_unhindered(struct bisection *b)
{
	if (!b->trouble)
		return;
	log_info("bisection %s goes on", b->row.id);
	bisection_set_text(&b->trouble, NULL);
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

int bisection_try_end(struct bisection *b, struct error *err)
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

void bisection_decide(struct bisection *b, const char *state, const char *message,
	json_t *verdict)
{
	for (size_t i = 0; i < b->n_probes; i++)
		if (b->probes[i]->open || b->probes[i]->orphan)
			probe_cancel(b, b->probes[i], "the bisection ended");
	bisection_set_text(&b->end_state, state);
	bisection_set_text(&b->end_message, message);
	json_decref(b->end_verdict);
	b->end_verdict = verdict;
}

void bisection_end(struct bisection *b, const char *state, const char *message,
	json_t *verdict)
{
	struct error err = ERROR_INIT;

	bisection_decide(b, state, message, verdict);
	bisection_try_end(b, &err);
}

void bisection_finish(struct bisection *b, json_t *verdict)
{
	const char *kind = json_string_value(json_object_get(verdict, "verdict"));
	const char *commit = json_string_value(json_object_get(verdict, "commit"));
	char *message;

	if (b->options.fix && !strcmp(kind, "culprit"))
		kind = "fix";
	else if (b->options.fix && !strcmp(kind, "no-good-commit"))
		kind = "not fixed in";
	message = commit ? mem_printf("%s %s", kind, commit) : mem_strdup(kind);

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
	unsigned wanted = b->options.slots;

	free(build_lane);
	free(test_lane);
	for (const struct bisection *other = daemon->bisections; other; other = other->next)
		open++;
	if (wanted > 0)
		all = wanted;
	else if (open > 1)
		all = (all + open - 1) / open;
	if (all < 1)
		all = 1;
	return all > BISECTION_SLOTS_MAX ? BISECTION_SLOTS_MAX : all;
}

/* --- the budget --- */

static bool is_late(const struct bisection *b)
{
	return b->options.max_seconds &&
		clock_wall_ms() - b->row.created_ms >= 1000 * b->options.max_seconds;
}

static bool is_spent(const struct bisection *b)
{
	return is_late(b) || (b->options.max_runs && probes_count_own(b) >= b->options.max_runs);
}

static bool may_begin_run(const struct bisection *b)
{
	size_t open = probes_count_open(b);

	return open < slots(b) &&
		(!b->options.max_runs || probes_count_own(b) + open < b->options.max_runs);
}

/* There is no search yet that could rank anything. */
static void end_undecided(struct bisection *b, const char *before)
{
	struct str reason = STR_INIT;

	str_addf(&reason, "The budget is spent before %s", before);
	if (b->trouble)
		str_addf(&reason, "; %s", b->trouble);
	bisection_finish(b, verdict_without_search(b, "undecided", reason.buf));
	str_release(&reason);
}

/* --- looking for a good end --- */

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
		bisection_load_later(b, &err);
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
	bisection_set_text(&b->row.good, commit);
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
	unsigned runs = runs_at(b, b->row.bad);
	size_t open = probes_count_open(b);

	if (is_spent(b)) {
		end_undecided(b, reproduced ? "a good end was found" : "the bad end showed the error");
		return false;
	}
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
			if (!commit_open(b, commit) && may_begin_run(b) &&
				open_at(b, commit, "find-good"))
				open++;
			if (b->step != STEP_FINDING_GOOD)
				return false;
			if (may_begin_run(b))
				continue;
			return false;
		}
	}
	if (open == 0)
		bisection_finish(b, verdict_without_search(b, "no-good-commit",
			"every commit tried back to the first one shows the error or cannot be tested"));
	return false;
}

/* --- searching --- */

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

/* Left-out boxes are for the operator to know of, and those that should rest for the queue. */
static void note_boxes(struct bisection *b)
{
	json_t *boxes = bisection_left_out_json(b);
	size_t n = json_array_size(boxes);

	if (n > b->n_left_out)
		log_warning("bisection %s leaves out what box %s found: it fails good commits", b->row.id,
			json_string_value(json_array_get(boxes, n - 1)));
	b->n_left_out = n;
	json_decref(boxes);
	strv_release(&b->resting);
	bisection_resting(b, &b->resting);
}

/* What others of the same job identity found since: a run is made once, and counts for every error it may show. */
static void take_others(struct bisection *b)
{
	struct error err = ERROR_INIT;

	if (!b->results_came)
		return;
	if (probes_add_known(b, &err) < 0)
		bisection_hindered(b, &err);
	events_bisection_changed(b->daemon, b->row.id);
}

/* True when a probe was opened. */
static bool search_step(struct bisection *b)
{
	const struct search_verdict *verdict;
	struct search_probe wanted;
	bool opened = false, refused = false;

	take_others(b);
	bisection_tell_earlier(b);
	if (bisection_begin_prior(b))
		return false;
	if (is_spent(b))
		search_spend(b->search);
	drop_useless(b);
	verdict = search_verdict(b->search);
	note_boxes(b);
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
	while (may_begin_run(b) && search_next(b->search, &wanted)) {
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

	if (!b->revert_tree[0] || bad || other || good >= wanted || is_spent(b)) {
		bisection_finish(b, bisection_verdict_json(b, verdict));
		return false;
	}
	if (probes_count_open(b) + good >= wanted || !may_begin_run(b))
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

/* What it waits for to try again comes too late.  b may be gone afterwards. */
static void end_of_waiting(struct bisection *b)
{
	if (b->step == STEP_PREPARING_REVERT)
		bisection_finish(b, bisection_verdict_json(b, search_verdict(b->search)));
	else
		end_undecided(b, "the range could be loaded");
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
	if (clock_steady_ms() < b->retry_ms) {
		if (is_late(b))
			end_of_waiting(b);
		return;
	}
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
