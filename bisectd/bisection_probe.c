#include "bisectd/bisection.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "job/errorid.h"
#include "job/passed_cases.h"

#define PROBE_PRIORITY 4
#define SUBJECT_MAX 300

void probe_free(struct probe *probe)
{
	if (!probe)
		return;
	probe_row_release(&probe->row);
	free(probe->subject);
	free(probe->outcome);
	free(probe->box);
	free(probe->matched_line);
	free(probe->exhausted);
	free(probe);
}

static struct probe *probe_new(struct bisection *b)
{
	struct probe *probe = mem_alloc(sizeof(*probe));

	MEM_GROW(b->probes, b->n_probes + 1, b->cap_probes);
	b->probes[b->n_probes++] = probe;
	probe->vertex = UINT32_MAX;
	probe->stage = "waiting";
	return probe;
}

static bool has_observation(const struct probe *probe, const char *observation)
{
	return probe->row.observation && !strcmp(probe->row.observation, observation);
}

/* A reverted tree and the commit it stands on share a commit id, but no runs. */
static bool same_target(const struct probe *probe, enum probe_kind kind, const char *commit)
{
	return (probe->kind == PROBE_REVERT) == (kind == PROBE_REVERT) &&
		!strcmp(probe->row.commit, commit);
}

static unsigned free_repeat(const struct bisection *b, enum probe_kind kind, const char *commit)
{
	for (unsigned repeat = 0;; repeat++) {
		bool used = false;

		for (size_t i = 0; i < b->n_probes && !used; i++) {
			const struct probe *probe = b->probes[i];

			used = probe->row.repeat == repeat && same_target(probe, kind, commit) &&
				!probe->orphan && !has_observation(probe, "cancelled");
		}
		if (!used)
			return repeat;
	}
}

static int probe_store(struct bisection *b, struct probe *probe, struct error *err)
{
	return warehouse_probe_put(b->daemon->warehouse, &probe->row, err);
}

static void probe_describe(struct bisection *b, struct probe *probe)
{
	struct commit_info info = { 0 };
	struct str subject = STR_INIT;

	if (!probe->subject && b->repository &&
		commit_info_read(&info, b->repository, probe->row.commit, NULL) == 0) {
		/* As stored it may be no UTF-8, which JSON cannot hold. */
		str_add_printable(&subject, info.subject, strlen(info.subject), SUBJECT_MAX);
		probe->subject = str_detach(&subject);
	}
	commit_info_release(&info);
}

/* Above every one in the journal, which may have gaps: what could not be written is not there. */
static unsigned next_seq(const struct bisection *b)
{
	unsigned next = 0;

	for (size_t i = 0; i < b->n_probes; i++)
		if (b->probes[i]->row.seq >= next)
			next = b->probes[i]->row.seq + 1;
	return next;
}

static struct probe *probe_add(struct bisection *b, const char *commit, const char *purpose, unsigned repeat)
{
	unsigned seq = next_seq(b);
	struct probe *probe = probe_new(b);

	probe->row.bisection = mem_strdup(b->row.id);
	probe->row.seq = seq;
	probe->row.commit = mem_strdup(commit);
	probe->row.purpose = mem_strdup(purpose);
	probe->row.repeat = repeat;
	probe->row.asked_ms = clock_wall_ms();
	return probe;
}

struct probe *probe_open(struct bisection *b, enum probe_kind kind, uint32_t vertex,
	const char *commit, const char *tree, const char *revert, const char *purpose)
{
	unsigned repeat = free_repeat(b, kind, commit);
	struct probe *probe = NULL;
	struct error err = ERROR_INIT;
	bool is_new = false;

	for (size_t i = 0; i < b->n_probes && !probe; i++) {
		struct probe *old = b->probes[i];

		if (old->orphan && old->row.repeat == repeat && same_target(old, kind, commit))
			probe = old;
	}
	if (probe) {
		probe->orphan = false;
		free(probe->row.purpose);
		probe->row.purpose = mem_strdup(purpose);
	} else {
		probe = probe_add(b, commit, purpose, repeat);
		is_new = true;
	}
	probe->kind = kind;
	probe->vertex = vertex;
	probe->open = true;
	b->belief_stale = true;
	unit_plan_make(&probe->plan, b->job, commit, tree, revert, repeat);
	probe->plan.avoid = &b->resting;
	free(probe->row.build_unit);
	free(probe->row.test_unit);
	probe->row.build_unit = mem_strdup(probe->plan.build_unit);
	probe->row.test_unit = b->build_only ? NULL : mem_strdup(probe->plan.test_unit);
	probe_describe(b, probe);
	if (probe_store(b, probe, &err) == 0)
		return probe;
	bisection_hindered(b, &err);
	if (is_new) {
		b->n_probes--;
		probe_free(probe);
	} else {
		probe->open = false;
		probe->orphan = true;
	}
	return NULL;
}

/* Many names, few boxes: 32 bits tell them apart, and are the same after a restart. */
static uint32_t box_number(const char *name)
{
	char hex[HASH_HEX_LEN + 1];
	uint32_t number;

	if (!name)
		return 0;
	hash_bytes(name, strlen(name), hex);
	hex[8] = '\0';
	number = (uint32_t)strtoul(hex, NULL, 16);
	return number ? number : 1;
}

const char *probes_box(const struct bisection *b, uint32_t number)
{
	for (size_t i = 0; i < b->n_probes; i++)
		if (b->probes[i]->box && box_number(b->probes[i]->box) == number)
			return b->probes[i]->box;
	return NULL;
}

static void note_end(struct probe *probe, const char *outcome, const char *box)
{
	bisection_set_text(&probe->outcome, outcome);
	bisection_set_text(&probe->box, box);
}

bool error_is_called(const json_t *error, const char *asked)
{
	const char *id = json_string_value(json_object_get(error, "id"));
	const json_t *alias;
	size_t i;

	if (id && errorid_is(asked, id, NULL))
		return true;
	json_array_foreach(json_object_get(error, "aliases"), i, alias)
		if (json_is_string(alias) && errorid_is(asked, json_string_value(alias), NULL))
			return true;
	return false;
}

/* The error asked for among those of a run, or NULL. */
static const json_t *error_among(const struct bisection *b, const json_t *errors)
{
	size_t i;
	json_t *item;

	json_array_foreach((json_t *)errors, i, item) {
		if (error_is_called(item, b->row.error_id))
			return item;
	}
	return NULL;
}

/* Keeps its line for the page. */
static bool find_error(const struct bisection *b, struct probe *probe, const json_t *errors)
{
	const json_t *item = error_among(b, errors);

	if (!item)
		return false;
	bisection_set_text(&probe->matched_line, json_string_value(json_object_get(item, "line")));
	probe->matched_number = json_integer_value(json_object_get(item, "line_number"));
	return true;
}

static const char *first_error(const json_t *errors)
{
	const char *id = json_string_value(
		json_object_get(json_array_get(errors, 0), "id"));

	return id ? id : "no error that we know";
}

/* The error asked for is the failure of a test case that passed in this run. */
static bool case_passed(const struct bisection *b, const struct result_row *result)
{
	char *asked = errorid_plain_source(b->row.error_id);
	bool passed = passed_text_has(result->passed, asked);

	free(asked);
	return passed;
}

/*
 * The rules that never bend: only the error asked for is evidence, and its absence needs a run that came to its end, or at least to
 * the end of the test case that would have failed.
 */
enum observation bisection_observation(const struct bisection *b, const struct result_row *result)
{
	if (error_among(b, result->errors))
		return OBSERVED_BAD;
	if (strcmp(result->outcome, "infra") && case_passed(b, result))
		return OBSERVED_GOOD;
	if (result->complete && strcmp(result->outcome, "infra") && strcmp(result->outcome, "broken"))
		return OBSERVED_GOOD;
	return OBSERVED_SKIP;
}

static enum observation judge_result(const struct bisection *b, struct probe *probe,
	const struct result_row *result, struct str *note)
{
	enum observation observation = bisection_observation(b, result);

	note_end(probe, result->outcome, result->agent);
	find_error(b, probe, result->errors);
	if (observation == OBSERVED_GOOD && !result->complete)
		str_addf(note, "%sthe run failed, but this case passed", note->len ? "; " : "");
	if (observation != OBSERVED_SKIP)
		return observation;
	if (note->len)
		str_add(note, "; ");
	if (!strcmp(result->outcome, "infra") || !strcmp(result->outcome, "broken")) {
		str_addf(note, "the test could not run: %s",
			result->message ? result->message : result->outcome);
		return OBSERVED_SKIP;
	}
	str_addf(note, "ended early (exit status %d) with another error: %s", result->exit_status,
		first_error(result->errors));
	return OBSERVED_SKIP;
}

static enum observation judge_build(const struct bisection *b, struct probe *probe,
	const struct build_row *build, struct str *note)
{
	const json_t *errors = build->details ? json_object_get(build->details, "errors") : NULL;

	note_end(probe, build->outcome, build->agent);
	if (!strcmp(build->outcome, "pass"))
		return OBSERVED_GOOD;
	if (find_error(b, probe, errors))
		return OBSERVED_BAD;
	str_addf(note, "does not build: %s", first_error(errors));
	return OBSERVED_BROKEN;
}

static const char *const observation_words[OBSERVED_NKINDS] = {
	[OBSERVED_GOOD] = "good",
	[OBSERVED_BAD] = "bad",
	[OBSERVED_SKIP] = "skip",
	[OBSERVED_BROKEN] = "broken",
};

static bool word_to_observation(const char *word, enum observation *ret)
{
	for (int i = 0; i < OBSERVED_NKINDS; i++) {
		if (word && !strcmp(word, observation_words[i])) {
			*ret = (enum observation)i;
			return true;
		}
	}
	return false;
}

/* Journal first, then the search: what is believed is what a restart would read. */
static bool probe_close(struct bisection *b, struct probe *probe, enum observation observation,
	const char *note)
{
	struct error err = ERROR_INIT;
	bool in_flight = probe->open;

	probe->row.observation = mem_strdup(observation_words[observation]);
	probe->row.note = note && *note ? mem_strdup(note) : NULL;
	probe->row.seen_ms = clock_wall_ms();
	if (probe_store(b, probe, &err) < 0) {
		bisection_hindered(b, &err);
		free(probe->row.observation);
		free(probe->row.note);
		probe->row.observation = probe->row.note = NULL;
		return false;
	}
	probe->open = false;
	probe->stage = "done";
	b->belief_stale = true;
	if (probe->kind == PROBE_SEARCH && b->search && probe->vertex != UINT32_MAX)
		search_observe_by(b->search, probe->vertex, observation, in_flight,
			box_number(probe->box));
	log_info("bisection %s: %.12s %s (%s)%s%s", b->row.id, probe->row.commit,
		probe->row.observation, probe->row.purpose, probe->row.note ? ": " : "",
		probe->row.note ? probe->row.note : "");
	return true;
}

bool probe_advance(struct bisection *b, struct probe *probe)
{
	struct result_row result;
	struct build_row build;
	struct error err = ERROR_INIT;
	struct str note = STR_INIT;
	const char *stage;
	bool ended = false;

	if (probe->exhausted) {
		free(probe->outcome);
		probe->outcome = mem_strdup("infra");
		return probe_close(b, probe, OBSERVED_SKIP, probe->exhausted);
	}
	switch (unit_plan_advance(b->daemon, &probe->plan, b->job, b->build_only, PROBE_PRIORITY,
		&stage, &result, &build, &err)) {
	case UNIT_ENDED: {
		enum observation observation = result.unit ? judge_result(b, probe, &result, &note)
							   : judge_build(b, probe, &build, &note);

		ended = probe_close(b, probe, observation, note.buf);
		break;
	}
	case UNIT_WAITING:
		if (strcmp(probe->stage, stage)) {
			probe->stage = stage;
			events_bisection_changed(b->daemon, b->row.id);
		}
		break;
	case UNIT_FAILED:
		bisection_hindered(b, &err);
		break;
	}
	result_row_release(&result);
	build_row_release(&build);
	str_release(&note);
	return ended;
}

void probe_cancel(struct bisection *b, struct probe *probe, const char *note)
{
	struct error err = ERROR_INIT;

	probe->row.observation = mem_strdup("cancelled");
	probe->row.note = mem_strdup(note);
	probe->row.seen_ms = clock_wall_ms();
	probe->open = probe->orphan = false;
	probe->stage = "done";
	b->belief_stale = true;
	/* Not written, it is open for a restart, which then asks whether it is wanted. */
	if (probe_store(b, probe, &err) < 0)
		bisection_hindered(b, &err);
	if (probe->plan.build_unit[0])
		unit_plan_cancel(b->daemon, &probe->plan);
}

static void fill_from_warehouse(struct bisection *b, struct probe *probe)
{
	struct result_row result = { 0 };
	struct build_row build = { 0 };

	if (probe->row.test_unit &&
		warehouse_result_get(b->daemon->warehouse, probe->row.test_unit, &result, NULL) == 0) {
		note_end(probe, result.outcome, result.agent);
		find_error(b, probe, result.errors);
	} else if (probe->row.build_unit &&
		warehouse_build_of_unit(b->daemon->warehouse, probe->row.build_unit, &build, NULL) == 0) {
		note_end(probe, build.outcome, build.agent);
		find_error(b, probe, build.details ? json_object_get(build.details, "errors") : NULL);
	}
	result_row_release(&result);
	build_row_release(&build);
}

static bool load_row(const struct probe_row *row, void *arg)
{
	struct bisection *b = arg;
	struct probe *probe = probe_new(b);
	enum observation observation;

	probe->row = *row;
	probe->row.bisection = mem_strdup(row->bisection);
	probe->row.commit = mem_strdup(row->commit);
	probe->row.purpose = mem_strdup(row->purpose);
	probe->row.build_unit = mem_strdup(row->build_unit);
	probe->row.test_unit = mem_strdup(row->test_unit);
	probe->row.observation = mem_strdup(row->observation);
	probe->row.note = mem_strdup(row->note);
	probe->kind = !strcmp(row->purpose, "revert") ? PROBE_REVERT :
		!strcmp(row->purpose, "find-good")    ? PROBE_FIND_GOOD :
							PROBE_SEARCH;
	probe->orphan = !row->observation;
	if (row->build_unit)
		snprintf(probe->plan.build_unit, sizeof(probe->plan.build_unit), "%s", row->build_unit);
	if (row->test_unit)
		snprintf(probe->plan.test_unit, sizeof(probe->plan.test_unit), "%s", row->test_unit);
	if (row->observation)
		probe->stage = "done";
	if (word_to_observation(row->observation, &observation))
		fill_from_warehouse(b, probe);
	return true;
}

int probes_load(struct bisection *b, struct error *err)
{
	return warehouse_probes(b->daemon->warehouse, b->row.id, load_row, b, err);
}

static bool add_known(const struct result_row *result, void *arg)
{
	struct bisection *b = arg;
	uint32_t vertex = bisection_vertex(b, result->commit);
	struct str note = STR_INIT;
	struct probe *probe = NULL;
	enum observation observation;
	bool written = true;

	/* A revert is stored under the commit it stands on, with another tree. */
	if (vertex == UINT32_MAX || strcmp(b->history.tree[vertex], result->tree))
		return true;
	for (size_t i = 0; i < b->n_probes && !probe; i++)
		if (b->probes[i]->row.repeat == result->repeat &&
			same_target(b->probes[i], PROBE_SEARCH, result->commit) &&
			!has_observation(b->probes[i], "cancelled"))
			probe = b->probes[i];
	/*
	 * One that was open in an earlier life and has its result since is closed now.  The others are in the journal, or wait for
	 * this result themselves.
	 */
	if (probe && !probe->orphan)
		return true;
	if (!probe) {
		probe = probe_add(b, result->commit, "known", result->repeat);
		probe->row.test_unit = mem_strdup(result->unit);
		str_add(&note, b->search ? "run for another bisection or job" : "known from an earlier run");
	}
	probe->orphan = false;
	probe->vertex = vertex;
	observation = judge_result(b, probe, result, &note);
	if (!probe_close(b, probe, observation, note.buf)) {
		/* Not believed before it is written: it is read again later. */
		written = false;
		probe->orphan = true;
	}
	str_release(&note);
	return written;
}

int probes_add_known(struct bisection *b, struct error *err)
{
	int r;

	if (b->build_only)
		return 0;
	b->results_came = false;
	r = warehouse_results_since(b->daemon->warehouse, b->row.identity, &b->results_after,
		add_known, b, err);
	b->results_came = b->hindered || r < 0;
	return r;
}

void probes_feed(struct bisection *b)
{
	for (size_t i = 0; i < b->n_probes; i++) {
		struct probe *probe = b->probes[i];
		enum observation observation;

		probe_describe(b, probe);
		if (probe->kind == PROBE_REVERT)
			continue;
		probe->vertex = bisection_vertex(b, probe->row.commit);
		if (probe->vertex != UINT32_MAX &&
			word_to_observation(probe->row.observation, &observation))
			search_observe_by(b->search, probe->vertex, observation, false,
				box_number(probe->box));
	}
}

size_t probes_count_open(const struct bisection *b)
{
	size_t n = 0;

	for (size_t i = 0; i < b->n_probes; i++)
		n += b->probes[i]->open;
	return n;
}

size_t probes_count_runs(const struct bisection *b)
{
	size_t n = 0;

	for (size_t i = 0; i < b->n_probes; i++)
		n += b->probes[i]->row.observation && !has_observation(b->probes[i], "cancelled");
	return n;
}

size_t probes_count_own(const struct bisection *b)
{
	size_t n = 0;

	for (size_t i = 0; i < b->n_probes; i++)
		n += b->probes[i]->row.observation && !has_observation(b->probes[i], "cancelled") &&
			strcmp(b->probes[i]->row.purpose, "known") != 0;
	return n;
}

unsigned probes_count(const struct bisection *b, enum probe_kind kind, const char *commit,
	const char *observation)
{
	unsigned n = 0;

	for (size_t i = 0; i < b->n_probes; i++)
		n += same_target(b->probes[i], kind, commit) &&
			has_observation(b->probes[i], observation);
	return n;
}
