#include "cli/run_engine.h"

#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "base/child_guard.h"
#include "base/clock.h"
#include "base/mem.h"
#include "cli/run_loop.h"

#define TICK_S 1
#define SPARE_TREES 3		/* kept beside the slots' own for the builds of probable culprit and parents */
#define LOST_TREES 16		/* numbers that may be held by processes of a killed run */
#define LAST_PART 0.2		/* of a run: so near its end it is not stopped as useless, */
#define LATE_PART 0.2		/* and this much later it was not near it */

static int64_t elapsed_ms(const struct loop *loop)
{
	return loop->engine->elapsed_ms + clock_steady_ms() - loop->start_ms;
}

static bool has_verdict(struct loop *loop)
{
	if (loop->engine->plan->metric && measure_has_no_change(&loop->engine->measure))
		return true;
	return search_verdict(loop->engine->search)->kind != VERDICT_NONE;
}

/* --- Telling --- */

/* Runs that halving still needs, shared by the slots (k probes at once divide by k + 1 rather than 2). */
static int64_t time_left_ms(struct loop *loop)
{
	unsigned runs = search_runs_left(loop->engine->search);
	unsigned speed = 0;

	if (!loop->n_runs || !runs)
		return -1;
	for (unsigned n = loop->engine->jobs + 1; n > 1; n /= 2)
		speed++;
	return loop->run_ms / loop->n_runs * (int64_t)((runs + speed - 1) / speed);
}

static void show(struct loop *loop)
{
	struct search *search = loop->engine->search;
	struct progress_state state;

	if (!loop->engine->progress->terminal || loop->stopping)
		return;
	state.left = search_remaining(search);
	state.running = loop->busy;
	state.runs = loop->engine->n_records;
	state.time_left_ms = time_left_ms(loop);
	state.phase = search_phase_name(search_phase(search));
	progress_show(loop->engine->progress, &state);
}

static void tell(struct loop *loop, const struct run_record *record, const struct tree_result *result)
{
	struct engine *engine = loop->engine;
	bool why = result->error.text[0] != '\0';
	char value[40] = "";

	if (engine->progress->terminal && !why)
		return;
	if (isfinite(record->value))
		snprintf(value, sizeof(value), "%.6g%s", record->value, record->is_sample ? "" : ", ");
	progress_say(engine->progress, "run %zu: %.8s %s%s%s%s%s (%zu left)", engine->n_records, record->commit, value,
		record->is_sample && value[0] ? "" : observation_name(record->observation), why ? " (" : "", result->error.text, why ? ")" : "",
		search_remaining(engine->search));
}

/* --- Stopping --- */

static bool is_command_in_doubt(const struct loop *loop)
{
	return loop->command == COMMAND_DOUBTED || loop->command == COMMAND_CHECKING;
}

static void leave_if_done(struct loop *loop)
{
	if (!loop->busy && (loop->stopping || !is_command_in_doubt(loop)) && (loop->stopping || has_verdict(loop)))
		event_base_loopbreak(loop->base);
}

static void stop_slot(struct loop *loop, struct slot *slot, bool hard)
{
	if (!tree_is_busy(slot->tree))
		return;
	if (slot->tree == loop->checking) {
		if (loop->stopping)
			tree_stop(slot->tree, hard);
		return;
	}
	if (!slot->dropped)
		search_drop(loop->engine->search, slot->probe.commit);
	slot->dropped = true;
	tree_stop(slot->tree, hard);
}

static void stop_all(struct loop *loop, bool hard)
{
	for (size_t i = 0; i < loop->n_waiting; i++)
		search_drop(loop->engine->search, loop->waiting[i].probe.commit);
	loop->n_waiting = 0;
	for (size_t i = 0; i < loop->n_slots; i++)
		stop_slot(loop, &loop->slots[i], hard);
}

static void fail(struct loop *loop, const struct error *failure)
{
	if (!loop->failed)
		loop->failure = *failure;
	loop->failed = loop->stopping = true;
	stop_all(loop, false);
}

static void on_signal(evutil_socket_t signal_number, short what, void *arg)
{
	struct loop *loop = arg;

	loop->signals++;
	loop->stopping = true;
	progress_clear(loop->engine->progress);
	stop_all(loop, loop->signals > 1);
	leave_if_done(loop);
}

static void on_spent(evutil_socket_t fd, short what, void *arg)
{
	struct loop *loop = arg;

	if (loop->stopping)
		return;
	search_spend(loop->engine->search);
	/* It stopped by itself: what an end in doubt would add is not worth more than was given. */
	loop->engine->spent = loop->stopping = true;
	progress_clear(loop->engine->progress);
	stop_all(loop, false);
	leave_if_done(loop);
}

/* --- Starting --- */

static void start(struct loop *loop, struct slot *slot, const struct search_probe *probe)
{
	slot->probe = *probe;
	slot->dropped = slot->is_sample = false;
	slot->used = ++loop->uses;
	slot->builds = strcmp(tree_built(slot->tree), loop_hex(loop, probe->commit));
	slot->begun_ms = clock_steady_ms();
	loop->busy++;
	tree_start(slot->tree, loop_hex(loop, probe->commit), ++loop->sequence);
}

/* No probe of the search: nothing is written down, and nothing observed. */
static void start_check(struct loop *loop)
{
	const struct history *history = loop->engine->history;
	uint32_t good = loop->engine->plan->fix ? history->bad : history->good[0];
	struct slot *slot = loop_slot_for(loop, good);

	loop->command = COMMAND_CHECKING;
	loop->checking = slot->tree;
	start(loop, slot, &(struct search_probe){ .commit = good });
	slot->dropped = true;
}

/* The ends in turns, so that a machine that gets slower makes no difference.  False: all that are wanted are there or on their way. */
static bool start_sample(struct loop *loop)
{
	const struct history *history = loop->engine->history;
	const struct measure *measure = &loop->engine->measure;
	size_t n_good = measure->n_good, n_bad = measure->n_bad, wanted = (size_t)loop->engine->plan->samples;
	struct search_probe probe = { .purpose = PURPOSE_VERIFY_BAD };
	struct slot *slot;

	for (size_t i = 0; i < loop->n_slots; i++) {
		if (!tree_is_busy(loop->slots[i].tree) || !loop->slots[i].is_sample)
			continue;
		n_bad += loop->slots[i].probe.commit == history->bad;
		n_good += loop->slots[i].probe.commit != history->bad;
	}
	if (n_good >= wanted && n_bad >= wanted)
		return false;
	if (n_good <= n_bad) {
		probe.purpose = PURPOSE_VERIFY_GOOD;
		probe.commit = history->good[n_good % history->n_good];
	} else {
		probe.commit = history->bad;
	}
	slot = loop_slot_for(loop, probe.commit);
	start(loop, slot, &probe);
	slot->is_sample = true;
	return true;
}

static bool start_waiting(struct loop *loop)
{
	for (size_t i = 0; i < loop->n_waiting; i++) {
		struct search_probe probe = loop->waiting[i].probe;

		if (tree_is_busy(loop->waiting[i].tree))
			continue;
		loop->waiting[i] = loop->waiting[--loop->n_waiting];
		start(loop, loop_slot_for(loop, probe.commit), &probe);
		return true;
	}
	return false;
}

static void fill(struct loop *loop)
{
	struct engine *engine = loop->engine;
	struct search_probe probe;

	while (!loop->stopping && !loop->learning.busy && loop->busy < engine->jobs) {
		struct tree *tree;

		if (loop_is_sampling(loop)) {
			if (!start_sample(loop))
				break;
			continue;
		}
		if (loop->command == COMMAND_DOUBTED) {
			start_check(loop);
			continue;
		}
		if (start_waiting(loop))
			continue;
		/* Waiting probes stand for slots too, or one slow commit would collect them all. */
		if (loop->n_waiting >= engine->jobs || has_verdict(loop) || !search_next(engine->search, &probe))
			break;
		tree = loop_tree_to_wait_for(loop, probe.commit);
		if (!tree) {
			start(loop, loop_slot_for(loop, probe.commit), &probe);
			continue;
		}
		MEM_GROW(loop->waiting, loop->n_waiting + 1, loop->waiting_cap);
		loop->waiting[loop->n_waiting++] = (struct waiting){ tree, probe };
	}
	if (!loop->stopping && !loop->busy && !loop->learning.busy && !has_verdict(loop) && !is_command_in_doubt(loop)) {
		struct error failure = ERROR_INIT;

		error_set(&failure, ERR_FAILED, "the search has no verdict and nothing to run; please report this");
		fail(loop, &failure);
	}
}

/* --- What the error names --- */

static void learn_work(void *arg)
{
	struct loop *loop = arg;
	struct learning *learning = &loop->learning;

	learning->result = prior_of_log(&learning->prior, loop->engine->git_dir, loop->engine->history,
		loop->context.logs_dir, &learning->record, &learning->error);
}

static void tell_prior(struct loop *loop)
{
	struct str text = STR_INIT;

	prior_say(&text, &loop->engine->prior, loop->engine->history);
	progress_say(loop->engine->progress, "note: %s", text.buf);
	str_release(&text);
}

static void learn_done(void *arg, bool cancelled)
{
	struct loop *loop = arg;
	struct engine *engine = loop->engine;
	struct learning *learning = &loop->learning;
	struct error failure = ERROR_INIT;

	learning->busy = false;
	if (cancelled)
		return;
	if (learning->result < 0)
		progress_say(engine->progress, "note: all commits are alike, as what the error names cannot be found out: %s",
			learning->error.text);
	engine->prior = learning->prior;
	learning->prior = (struct prior){ .n_commits = 0 };
	engine->plan->prior_known = true;
	strv_push_all(&engine->plan->prior_files, strv_argv(&engine->prior.files));
	if (journal_note_prior(engine->journal, engine->plan, &failure) < 0)
		fail(loop, &failure);
	if (learning->result >= 0)
		tell_prior(loop);
	if (engine->prior.values)
		search_set_prior(engine->search, engine->prior.values);
	fill(loop);
	show(loop);
	leave_if_done(loop);
}

/* Once, from the first run that shows the error. */
static void learn_prior(struct loop *loop)
{
	const struct engine *engine = loop->engine;
	size_t i = 0;

	if (!engine->plan->prior_from_error || engine->plan->prior_known || loop->learning.busy || has_verdict(loop))
		return;
	while (i < engine->n_records && engine->records[i].observation != OBSERVED_BAD)
		i++;
	if (i == engine->n_records)
		return;
	loop->learning = (struct learning){ .busy = true, .record = engine->records[i] };
	worker_pool_run(loop->pool, learn_work, learn_done, loop);
}

/* --- Ends of runs --- */

/*
 * What a run tells that is nearly through costs nothing any more, and it saves some of the repeats that the verdict asks for in the end:
 * two to four of a hundred minutes with four slots.  Where every run is believed nothing is repeated.
 */
static bool is_about_to_end(const struct loop *loop, const struct slot *slot)
{
	double length, left;

	if (loop->engine->plan->trust || !loop->n_commands)
		return false;
	length = (double)loop->command_ms / loop->n_commands;
	if (slot->builds && loop->n_builds)
		length += (double)loop->build_ms / loop->n_builds;
	left = length - (double)(clock_steady_ms() - slot->begun_ms);
	return left <= LAST_PART * length && left > -LATE_PART * length;
}

static void cancel_useless(struct loop *loop)
{
	uint32_t useless[64];
	size_t n = search_useless(loop->engine->search, useless, sizeof(useless) / sizeof(*useless));

	loop->spared = false;
	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < loop->n_waiting;) {
			if (loop->waiting[j].probe.commit != useless[i]) {
				j++;
				continue;
			}
			search_drop(loop->engine->search, useless[i]);
			loop->waiting[j] = loop->waiting[--loop->n_waiting];
		}
		for (size_t j = 0; j < loop->n_slots; j++) {
			struct slot *slot = &loop->slots[j];

			if (slot->probe.commit != useless[i] || !tree_is_busy(slot->tree) || slot->dropped)
				continue;
			if (is_about_to_end(loop, slot))
				loop->spared = true;
			else
				stop_slot(loop, slot, false);
		}
	}
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct loop *loop = arg;

	if (loop->spared && !loop->stopping && !has_verdict(loop))
		cancel_useless(loop);
	show(loop);
}

static void add_times(struct loop *loop, const struct tree_result *result)
{
	loop->run_ms += result->wall_ms;
	loop->n_runs++;
	if (result->built) {
		if (!loop->n_builds++)
			loop->first_build_ms = result->build_ms;
		loop->build_ms += result->build_ms;
	}
	if (result->exit_status >= 0) {
		loop->command_ms += result->wall_ms - result->build_ms;
		loop->n_commands++;
	}
}

static bool is_good_end(const struct loop *loop, uint32_t commit)
{
	const struct history *history = loop->engine->history;

	if (loop->engine->plan->fix)
		return commit == history->bad;
	for (size_t i = 0; i < history->n_good; i++)
		if (history->good[i] == commit)
			return true;
	return false;
}

/* A shell's word for "not found" and "may not be run". */
static bool says_no_command(const struct loop *loop, int exit_status, bool timed_out)
{
	return (exit_status == 126 || exit_status == 127) && !timed_out && !loop->engine->plan->error_id &&
		!loop->engine->plan->match && !loop->engine->plan->metric;
}

/* As git bisect run has it: if a good end gives 126 or 127, too, the status speaks of the command, not of the commit. */
static bool is_bogus(struct loop *loop, uint32_t commit, const struct tree_result *result)
{
	struct error failure = ERROR_INIT;

	if (!says_no_command(loop, result->exit_status, result->timed_out) || !is_good_end(loop, commit))
		return false;
	error_set(&failure, ERR_FAILED, "the command ended with exit status %d at the good end %.12s, too: it %s, which says "
		"nothing of a commit; its output is in %s", result->exit_status, loop_hex(loop, commit),
		result->exit_status == 127 ? "is not found" : "cannot be run", loop->context.logs_dir);
	loop->bogus = true;
	fail(loop, &failure);
	return true;
}

/* The ends are run anyway unless they are believed. */
static void doubt_command(struct loop *loop, const struct run_record *record)
{
	const struct run_plan *plan = loop->engine->plan;

	if (loop->command == COMMAND_UNDOUBTED && (plan->trust || plan->trust_ends) &&
		says_no_command(loop, record->exit_status, record->timed_out))
		loop->command = COMMAND_DOUBTED;
}

static void checked(struct loop *loop, struct slot *slot, const struct tree_result *result)
{
	loop->checking = NULL;
	loop->command = COMMAND_CHECKED;
	if (result->end == TREE_OBSERVED)
		is_bogus(loop, slot->probe.commit, result);
}

static void tell_measure(struct loop *loop)
{
	struct str text = STR_INIT;

	measure_say(&text, &loop->engine->measure);
	progress_say(loop->engine->progress, "note: %s", text.buf);
	str_release(&text);
}

/* The record is in the journal. */
static void sampled(struct loop *loop, const struct run_record *record, const struct tree_result *result)
{
	struct engine *engine = loop->engine;
	struct error failure = ERROR_INIT;

	if (measure_add(&engine->measure, record, record->purpose == PURPOSE_VERIFY_BAD, &failure) < 0) {
		if (failure.code == ERR_FAILED)
			error_set(&failure, ERR_FAILED, "%s%s%s; its output is in %s", failure.text, result->error.text[0] ? ": " : "",
				result->error.text, loop->context.logs_dir);
		fail(loop, &failure);
	} else if (engine->measure.known) {
		tell_measure(loop);
	}
}

static void observed(struct loop *loop, struct slot *slot, const struct tree_result *result)
{
	struct engine *engine = loop->engine;
	struct run_record record = { .observation = result->observation };

	if (is_bogus(loop, slot->probe.commit, result)) {
		search_drop(engine->search, slot->probe.commit);
		return;
	}
	memcpy(record.commit, tree_commit(slot->tree), GIT_HEX + 1);
	record.purpose = slot->probe.purpose;
	record.sequence = tree_sequence(slot->tree);
	record.exit_status = result->exit_status;
	record.timed_out = result->timed_out;
	record.built = result->built;
	record.exact_error = result->exact_error;
	record.error_at = result->error_at;
	record.value = result->value;
	record.is_sample = slot->is_sample;
	if (engine->measure.known)
		measure_judge(&engine->measure, &record);
	record.wall_ms = result->wall_ms;
	record.elapsed_ms = elapsed_ms(loop);
	if (journal_add(engine->journal, &record, &loop->failure) < 0) {
		struct error failure = loop->failure;

		search_drop(engine->search, slot->probe.commit);
		fail(loop, &failure);
		return;
	}
	MEM_GROW(engine->records, engine->n_records + 1, engine->records_cap);
	engine->records[engine->n_records++] = record;
	doubt_command(loop, &record);
	if (record.is_sample)
		sampled(loop, &record, result);
	else if (engine->plan->metric)
		measure_tell(&engine->measure, engine->search, slot->probe.commit, &record, true);
	else
		search_observe(engine->search, slot->probe.commit, result->observation, true);
	add_times(loop, result);
	tell(loop, &record, result);
	if (has_verdict(loop))
		stop_all(loop, false);
	else
		cancel_useless(loop);
	learn_prior(loop);
}

static struct slot *slot_of(struct loop *loop, const struct tree *tree)
{
	return &loop->slots[tree_slot(tree)];
}

static void on_end(struct tree *tree, const struct tree_result *result, void *arg)
{
	struct loop *loop = arg;
	struct slot *slot = slot_of(loop, tree);

	loop->busy--;
	if (tree == loop->checking) {
		checked(loop, slot, result);
	} else if (!slot->dropped && result->end == TREE_OBSERVED) {
		observed(loop, slot, result);
	} else if (!slot->dropped) {
		search_drop(loop->engine->search, slot->probe.commit);
	}
	if (result->end == TREE_FAILED || result->end == TREE_ABORTED)
		fail(loop, &result->error);
	fill(loop);
	show(loop);
	leave_if_done(loop);
}

static void on_output(struct tree *tree, const char *bytes, size_t len, void *arg)
{
	struct loop *loop = arg;

	progress_pass_on(loop->engine->progress, bytes, len);
}

/* --- The run --- */

static unsigned last_sequence(const struct engine *engine)
{
	unsigned last = 0;

	for (size_t i = 0; i < engine->n_records; i++)
		if (engine->records[i].sequence > last)
			last = engine->records[i].sequence;
	return last;
}

static struct event *add_event(struct loop *loop, struct event *event, const struct timeval *every)
{
	if (!event || event_add(event, every) < 0)
		abort();
	return event;
}

/* A processor each, those that are over first: sharing the processors all would be over late, and with more switching. */
static unsigned checkouts_at_once(unsigned jobs)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);

	return processors >= 1 && (unsigned)processors < jobs ? (unsigned)processors : jobs;
}

static int go(struct loop *loop, struct error *err)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	enum { NSIGNALS = sizeof(signals) / sizeof(*signals) };
	const struct timeval tick = { TICK_S, 0 };
	struct event *events[NSIGNALS + 1], *limit = NULL;
	int64_t left_ms = loop->engine->limit_ms - loop->engine->elapsed_ms;
	int r;

	r = worker_pool_new(&loop->pool, loop->base, checkouts_at_once(loop->engine->jobs), err);
	if (r < 0)
		return r;
	loop->context.pool = loop->pool;
	for (size_t i = 0; i < NSIGNALS; i++)
		events[i] = add_event(loop, evsignal_new(loop->base, signals[i], on_signal, loop), NULL);
	events[NSIGNALS] = add_event(loop, event_new(loop->base, -1, EV_PERSIST, on_tick, loop), &tick);
	if (loop->engine->limit_ms && left_ms <= 0 && !has_verdict(loop)) {
		on_spent(-1, EV_TIMEOUT, loop);
	} else if (loop->engine->limit_ms && left_ms > 0) {
		const struct timeval left = { left_ms / 1000, left_ms % 1000 * 1000 };

		limit = add_event(loop, evtimer_new(loop->base, on_spent, loop), &left);
	}
	learn_prior(loop);
	fill(loop);
	show(loop);
	if (loop->busy || loop->learning.busy)
		event_base_dispatch(loop->base);
	if (limit)
		event_free(limit);
	for (size_t i = 0; i <= NSIGNALS; i++)
		event_free(events[i]);
	worker_pool_free(loop->pool);
	progress_clear(loop->engine->progress);
	return 0;
}

static void *remove_directory(void *tree)
{
	tree_remove_directory(tree);
	return NULL;
}

/* All at once: it takes as long as a checkout, and somebody waits for the end. */
static void remove_directories(const struct loop *loop)
{
	pthread_t *threads = mem_array(loop->n_slots, sizeof(*threads));
	bool *started = mem_array(loop->n_slots, sizeof(*started));

	for (size_t i = 0; i < loop->n_slots; i++) {
		started[i] = pthread_create(&threads[i], NULL, remove_directory, loop->slots[i].tree) == 0;
		if (!started[i])
			tree_remove_directory(loop->slots[i].tree);
	}
	for (size_t i = 0; i < loop->n_slots; i++)
		if (started[i])
			pthread_join(threads[i], NULL);
	free(threads);
	free(started);
}

int engine_run(struct engine *engine, enum engine_end *ret, struct error *err)
{
	char *trees_dir = mem_printf("%s/worktrees", engine->state_dir);
	char *logs_dir = mem_printf("%s/logs", engine->state_dir);
	struct loop loop = { .engine = engine, .failure = ERROR_INIT };
	struct child_guard *guard = NULL;
	bool done;
	int r;

	loop.base = event_base_new();
	if (!loop.base)
		abort();
	/* Without it a killed run leaves more behind, and that is all. */
	child_guard_start(&guard, NULL);
	loop.start_ms = clock_steady_ms();
	loop.sequence = last_sequence(engine);
	loop.max_slots = engine->jobs + SPARE_TREES;
	loop.context = (struct tree_context){
		.loop = loop.base,
		.plan = engine->plan,
		.git_dir = engine->git_dir,
		.trees_dir = trees_dir,
		.logs_dir = logs_dir,
		.guard = guard,
		.max_trees = (unsigned)loop.max_slots + LOST_TREES,
		.verbose = engine->verbose,
		.on_output = on_output,
		.on_end = on_end,
		.arg = &loop,
	};
	for (size_t i = 0; i < engine->n_records; i++)
		doubt_command(&loop, &engine->records[i]);
	r = go(&loop, err);
	engine->elapsed_ms = elapsed_ms(&loop);
	/* A verdict of runs that turned out to say nothing is none. */
	done = r >= 0 && has_verdict(&loop) && !loop.bogus &&
		(!loop.stopping || engine->spent || !is_command_in_doubt(&loop));
	if (r >= 0 && !done && loop.failed)
		r = error_set(err, loop.failure.code, "%s", loop.failure.text);
	if (done && !engine->keep_trees)
		remove_directories(&loop);
	for (size_t i = 0; i < loop.n_slots; i++)
		tree_free(loop.slots[i].tree);
	event_base_free(loop.base);
	child_guard_free(guard);
	prior_release(&loop.learning.prior);
	free(loop.slots);
	free(loop.waiting);
	free(trees_dir);
	free(logs_dir);
	if (r < 0)
		return r;
	*ret = done ? ENGINE_VERDICT : ENGINE_INTERRUPTED;
	return 0;
}
