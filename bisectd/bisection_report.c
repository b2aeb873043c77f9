/* What is told of a bisection: one JSON object for the API, the pages and the event stream (docs/api.md). */
#include "bisectd/bisection.h"

#include "base/clock.h"
#include "base/mem.h"
#include "bisectd/boxes.h"

#define BELIEF_ROWS_MAX 200
#define LEFT_OUT_MAX 100

static json_t *commit_row(struct bisection *b, uint32_t vertex)
{
	struct commit_info info = { 0 };
	json_t *row = json_pack("{s:s}", "commit", b->history.hex[vertex]);

	if (b->repository &&
		commit_info_read(&info, b->repository, b->history.hex[vertex], NULL) == 0) {
		struct str subject = STR_INIT;

		str_add_printable(&subject, info.subject, strlen(info.subject), 300);
		json_object_set_new(row, "subject", json_string(subject.buf));
		str_release(&subject);
	}
	commit_info_release(&info);
	return row;
}

static unsigned in_flight(const struct bisection *b, const uint32_t *commits, size_t n)
{
	unsigned flights = 0;

	for (size_t i = 0; i < b->n_probes; i++)
		for (size_t j = 0; b->probes[i]->open && j < n; j++)
			flights += b->probes[i]->vertex == commits[j];
	return flights;
}

/* The remaining candidates, oldest first; more than BELIEF_ROWS_MAX are joined into groups of equal size. */
static json_t *belief_json(struct bisection *b)
{
	json_t *rows = json_array();
	double *p;
	uint32_t *left;
	size_t n = 0, rows_n;

	if (!b->search)
		return rows;
	p = mem_array(b->history.graph.n, sizeof(*p));
	left = mem_array(b->history.graph.n, sizeof(*left));
	search_belief(b->search, p);
	for (uint32_t v = 0; v < b->history.graph.n; v++)
		if (search_is_candidate(b->search, v))
			left[n++] = v;
	rows_n = n > BELIEF_ROWS_MAX ? BELIEF_ROWS_MAX : n;
	for (size_t i = 0; i < rows_n; i++) {
		size_t from = n * i / rows_n, to = n * (i + 1) / rows_n;
		json_t *row = commit_row(b, left[from]);
		unsigned flights = in_flight(b, left + from, to - from);
		double sum = 0;

		for (size_t j = from; j < to; j++)
			sum += p[left[j]];
		json_object_set_new(row, "p", json_real(sum));
		if (flights)
			json_object_set_new(row, "in_flight", json_integer(flights));
		if (to - from > 1) {
			json_object_set_new(row, "to", json_string(b->history.hex[left[to - 1]]));
			json_object_set_new(row, "n", json_integer((json_int_t)(to - from)));
		}
		json_array_append_new(rows, row);
	}
	free(left);
	free(p);
	return rows;
}

static json_t *probe_json(const struct probe *probe)
{
	json_t *row = json_pack("{s:i, s:s, s:s?, s:s, s:i, s:s?, s:s?, s:s?, s:s?, s:I, s:I, s:s, s:s?, s:s?}",
		"seq", (int)probe->row.seq, "commit", probe->row.commit, "subject", probe->subject,
		"purpose", probe->row.purpose, "repeat", (int)probe->row.repeat, "build_unit",
		probe->row.build_unit, "test_unit", probe->row.test_unit, "observation",
		probe->row.observation, "note", probe->row.note, "asked_ms",
		(json_int_t)probe->row.asked_ms, "seen_ms", (json_int_t)probe->row.seen_ms, "state",
		probe->stage, "outcome", probe->outcome, "box", probe->box);

	if (probe->matched_line)
		json_object_set_new(row, "matched",
			json_pack("{s:s, s:I}", "line", probe->matched_line, "line_number",
				probe->matched_number));
	return row;
}

void bisection_resting(struct bisection *b, struct strv *ret)
{
	uint32_t boxes[LEFT_OUT_MAX];
	size_t n = b->search ? search_resting(b->search, boxes, LEFT_OUT_MAX) : 0;

	for (size_t i = 0; i < n; i++) {
		const char *name = probes_box(b, boxes[i]);

		if (name)
			strv_push(ret, name);
	}
}

json_t *bisection_left_out_json(struct bisection *b)
{
	uint32_t boxes[LEFT_OUT_MAX];
	size_t n = b->search ? search_left_out(b->search, boxes, LEFT_OUT_MAX) : 0;
	json_t *names = json_array();

	for (size_t i = 0; i < n; i++) {
		const char *name = probes_box(b, boxes[i]);

		if (name)
			json_array_append_new(names, json_string(name));
	}
	return names;
}

static json_t *notes_json(struct bisection *b)
{
	json_t *notes = json_array();

	for (size_t i = 0; b->have_history && i < b->history.notes.n; i++)
		json_array_append_new(notes, json_string(b->history.notes.v[i]));
	if (b->told_prior && b->prior.files.n) {
		struct str text = STR_INIT;

		prior_say(&text, &b->prior, &b->history);
		str_add_char(&text, '.');
		text.buf[0] = 'T';
		json_array_append_new(notes, json_string(text.buf));
		str_release(&text);
	}
	if (b->build_only)
		json_array_append_new(notes,
			json_string("The error is one of the build: builds are the evidence, no test is run."));
	return notes;
}

static json_t *prior_json(const struct bisection *b)
{
	json_t *files = json_array();

	for (size_t i = 0; i < b->prior.files.n; i++) {
		struct str text = STR_INIT;

		str_add_printable(&text, b->prior.files.v[i], strlen(b->prior.files.v[i]), 1000);
		json_array_append_new(files, json_string(text.buf));
		str_release(&text);
	}
	return json_pack("{s:o, s:I}", "files", files, "commits", (json_int_t)b->prior.n_commits);
}

static json_t *good_json(const struct bisection *b)
{
	json_t *good = json_array();

	if (b->options.fix) {
		json_array_append_new(good, json_string(b->row.bad));
	} else if (b->have_history) {
		for (size_t i = 0; i < b->history.n_good; i++)
			json_array_append_new(good,
				json_string(b->history.hex[b->history.good[i]]));
	} else if (b->row.good) {
		json_array_append_new(good, json_string(b->row.good));
	}
	return good;
}

json_t *bisection_json_short(const struct bisection_row *row)
{
	bool fix = json_is_true(json_object_get(row->options, "fix"));

	return json_pack("{s:s, s:s, s:s?, s:s?, s:s, s:s, s:s, s:s?, s:s?, s:I, s:I, s:I, s:O?, s:O?}", "id", row->id,
		"state", row->state, "phase", row->phase, "message", row->message, "error_id",
		row->error_id, "job_id", row->job_id, "identity", row->identity, "bad", fix ? row->good : row->bad,
		"submitter", row->submitter, "created_ms", (json_int_t)row->created_ms,
		"updated_ms", (json_int_t)row->updated_ms, "finished_ms",
		(json_int_t)row->finished_ms, "options", row->options, "verdict", row->verdict);
}

json_t *bisection_json(struct bisection *b)
{
	json_t *object = bisection_json_short(&b->row), *probes = json_array();

	for (size_t i = 0; i < b->n_probes; i++)
		json_array_append_new(probes, probe_json(b->probes[i]));
	json_object_set_new(object, "probes", probes);
	json_object_set_new(object, "repo",
		json_string(b->job->upstream_repo ? b->job->upstream_repo : b->job->upstream_url));
	json_object_set_new(object, "upstream_url", json_string(b->job->upstream_url));
	json_object_set_new(object, "good", good_json(b));
	json_object_set_new(object, "notes", notes_json(b));
	json_object_set_new(object, "runs", json_integer((json_int_t)probes_count_runs(b)));
	if (b->have_history)
		json_object_set_new(object, "commits", json_integer((json_int_t)b->history.n_range));
	if (b->search) {
		json_object_set_new(object, "left_out", bisection_left_out_json(b));
		json_object_set_new(object, "remaining",
			json_integer((json_int_t)search_remaining(b->search)));
		json_object_set_new(object, "runs_left",
			json_integer((json_int_t)search_runs_left(b->search)));
		if (b->told_prior)
			json_object_set_new(object, "prior", prior_json(b));
		if (b->told_earlier)
			json_object_set(object, "earlier", json_object_get(b->row.learnt, "earlier"));
		if (b->step == STEP_SEARCHING && strcmp(b->row.phase, "done"))
			json_object_set_new(object, "phase",
				json_string(search_phase_name(search_phase(b->search))));
	}
	if (b->trouble) {
		json_object_set_new(object, "waiting", json_string(b->trouble));
	} else if (probes_count_open(b)) {
		struct str waits = STR_INIT;

		if (boxes_job_waits(b->daemon, b->job, b->build_only, &waits))
			json_object_set_new(object, "waiting", json_string(waits.buf));
		str_release(&waits);
	}
	if (b->belief_stale || !b->belief) {
		json_decref(b->belief);
		b->belief = belief_json(b);
		b->belief_stale = false;
	}
	json_object_set(object, "belief", b->belief);
	return object;
}

/* --- the verdict --- */

static void add_check(json_t *checks, const char *name, int passed, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

static void add_check(json_t *checks, const char *name, int passed, const char *fmt, ...)
{
	struct str text = STR_INIT;
	va_list ap;

	va_start(ap, fmt);
	str_vaddf(&text, fmt, ap);
	va_end(ap);
	json_array_append_new(checks,
		json_pack("{s:s, s:s, s:o}", "name", name, "result", text.buf, "passed",
			passed < 0 ? json_null() : json_boolean(passed)));
	str_release(&text);
}

static void check_vertex(struct bisection *b, json_t *checks, const char *name, uint32_t vertex,
	bool want_bad)
{
	unsigned counts[OBSERVED_NKINDS], seen, runs;

	search_counts(b->search, vertex, counts);
	seen = want_bad ? counts[OBSERVED_BAD] : counts[OBSERVED_GOOD];
	runs = counts[OBSERVED_BAD] + counts[OBSERVED_GOOD];
	if (!runs) {
		add_check(checks, name, -1, "%.12s: %s", b->history.hex[vertex],
			counts[OBSERVED_SKIP] || counts[OBSERVED_BROKEN] ? "could not be tested" : "not run");
		return;
	}
	add_check(checks, name, want_bad ? seen > 0 : !counts[OBSERVED_BAD],
		want_bad ? "%.12s: the error showed in %u of %u run%s"
			 : "%.12s: no error in %u of %u run%s",
		b->history.hex[vertex], seen, runs, runs == 1 ? "" : "s");
}

/* A good end that the search had no need to run: the good commits that contain it speak for it. */
static void check_good_end(struct bisection *b, json_t *checks, const struct search_verdict *verdict, uint32_t end)
{
	unsigned own[OBSERVED_NKINDS], above[OBSERVED_NKINDS];

	search_counts(b->search, end, own);
	if (verdict->kind == VERDICT_CULPRIT)
		search_counts_above(b->search, end, verdict->culprit, above);
	if (verdict->kind != VERDICT_CULPRIT || own[OBSERVED_GOOD] || own[OBSERVED_BAD] || own[OBSERVED_SKIP] ||
		own[OBSERVED_BROKEN] || !above[OBSERVED_GOOD] || above[OBSERVED_BAD]) {
		check_vertex(b, checks, "good end", end, false);
		return;
	}
	add_check(checks, "good end", 1, "%.12s: not run; no error in %u of %u run%s of good commits that contain it",
		b->history.hex[end], above[OBSERVED_GOOD], above[OBSERVED_GOOD],
		above[OBSERVED_GOOD] == 1 ? "" : "s");
}

static void check_revert(struct bisection *b, json_t *checks)
{
	unsigned good = probes_count(b, PROBE_REVERT, b->row.bad, "good");
	unsigned bad = probes_count(b, PROBE_REVERT, b->row.bad, "bad");

	if (!b->revert_tree[0] && b->revert_note)
		add_check(checks, "reverted", -1, "does not apply: %s", b->revert_note);
	else if (!b->revert_tree[0] || !(good || bad || probes_count(b, PROBE_REVERT, b->row.bad, "skip") ||
		probes_count(b, PROBE_REVERT, b->row.bad, "broken")))
		add_check(checks, "reverted", -1, "not tried: the budget is spent");
	else if (b->options.fix && bad)
		add_check(checks, "reverted", 1,
			"the error is back: it shows on the good end with the fix reverted");
	else if (b->options.fix && good)
		add_check(checks, "reverted", 0,
			"still gone in %u runs of the good end with the fix reverted; there may be a second fix", good);
	else if (bad)
		add_check(checks, "reverted", 0,
			"still bad: the error shows on the bad end with the culprit reverted; there may be a second cause");
	else if (good)
		add_check(checks, "reverted", 1,
			"clean: no error in %u runs of the bad end with the culprit reverted", good);
	else
		add_check(checks, "reverted", -1,
			"could not be tested: the %s does not build or run",
			b->options.fix ? "good end with the fix reverted" : "bad end with the culprit reverted");
}

/* Did the commit change what is tested at all? */
static void check_artifacts(struct bisection *b, json_t *checks, uint32_t culprit)
{
	const struct graph *graph = &b->history.graph;
	struct build_row own = { 0 }, parent = { 0 };
	struct unit_plan plan;

	if (graph->first[culprit] == graph->first[culprit + 1])
		return;
	unit_plan_make(&plan, b->job, b->history.hex[culprit], b->history.tree[culprit], NULL, 0);
	if (warehouse_build_get(b->daemon->warehouse, plan.build_key, &own, NULL) == 0 &&
		own.artifact) {
		uint32_t v = graph->parent[graph->first[culprit]];

		unit_plan_make(&plan, b->job, b->history.hex[v], b->history.tree[v], NULL, 0);
		if (warehouse_build_get(b->daemon->warehouse, plan.build_key, &parent, NULL) == 0 &&
			parent.artifact) {
			bool same = !strcmp(own.artifact, parent.artifact);

			if (same)
				add_check(checks, "changes the build", 0,
					"no: %s and parent build to the same files, so it cannot be the %s by itself",
					b->options.fix ? "fix" : "culprit", b->options.fix ? "fix" : "cause");
			else
				add_check(checks, "changes the build", 1, "yes: %s and parent build to different files",
					b->options.fix ? "fix" : "culprit");
		}
	}
	build_row_release(&own);
	build_row_release(&parent);
}

static json_t *checks_json(struct bisection *b, const struct search_verdict *verdict)
{
	const struct graph *graph = &b->history.graph;
	json_t *checks = json_array();
	uint32_t culprit = verdict->culprit;
	bool fix = b->options.fix;

	check_vertex(b, checks, fix ? "good end" : "bad end", b->history.bad, !fix);
	for (size_t i = 0; i < b->history.n_good; i++) {
		if (fix)
			check_vertex(b, checks, "bad end", b->history.good[i], true);
		else
			check_good_end(b, checks, verdict, b->history.good[i]);
	}
	if (verdict->kind != VERDICT_CULPRIT)
		return checks;
	check_vertex(b, checks, fix ? "fix" : "culprit", culprit, !fix);
	for (uint32_t i = graph->first[culprit]; i < graph->first[culprit + 1]; i++)
		check_vertex(b, checks, verdict->is_merge ? "parent of the merge" : "parent",
			graph->parent[i], fix);
	check_artifacts(b, checks, culprit);
	check_revert(b, checks);
	return checks;
}

json_t *bisection_verdict_json(struct bisection *b, const struct search_verdict *verdict)
{
	bool named = verdict->kind == VERDICT_CULPRIT || verdict->kind == VERDICT_NO_GOOD_COMMIT;
	json_t *candidates = json_array(), *object;
	struct commit_info info = { 0 };

	for (size_t i = 0; i < verdict->n_candidates && i < 1000; i++)
		json_array_append_new(candidates, commit_row(b, verdict->candidates[i]));
	object = json_pack("{s:s, s:f, s:o, s:s, s:o, s:I, s:f, s:b}", "verdict",
		verdict_kind_name(verdict->kind), "confidence", verdict->confidence, "candidates",
		candidates, "reason", verdict->reason, "checks", checks_json(b, verdict), "runs",
		(json_int_t)probes_count_runs(b), "seconds",
		(double)(clock_wall_ms() - b->row.created_ms) / 1000, "is_merge",
		(int)verdict->is_merge);
	if (b->options.fix)
		json_object_set_new(object, "fix", json_true());
	bisection_add_evidence(b, verdict, object);
	if (named && commit_info_read(&info, b->repository, b->history.hex[verdict->culprit],
			     NULL) == 0) {
		struct str text = STR_INIT;

		json_object_set_new(object, "commit", json_string(info.hex));
		str_add_printable(&text, info.subject, strlen(info.subject), 500);
		json_object_set_new(object, "subject", json_string(text.buf));
		str_clear(&text);
		str_add_printable(&text, info.author, strlen(info.author), 500);
		json_object_set_new(object, "author", json_string(text.buf));
		json_object_set_new(object, "time_s", json_integer(info.time_s));
		str_release(&text);
	} else {
		json_object_set_new(object, "commit", json_null());
	}
	commit_info_release(&info);
	return object;
}

json_t *verdict_without_search(struct bisection *b, const char *kind, const char *reason)
{
	return json_pack("{s:s, s:n, s:f, s:[], s:s, s:[], s:I, s:f}", "verdict", kind, "commit",
		"confidence", 0.0, "candidates", "reason", reason, "checks", "runs",
		(json_int_t)probes_count_runs(b), "seconds",
		(double)(clock_wall_ms() - b->row.created_ms) / 1000);
}

json_t *bisection_json_of(struct daemon *daemon, const char *id, struct error *err)
{
	struct bisection_row row;
	json_t *object;

	for (struct bisection *b = daemon->bisections; b; b = b->next)
		if (!strcmp(b->row.id, id))
			return bisection_json(b);
	if (warehouse_bisection_get(daemon->warehouse, id, &row, err) < 0)
		return NULL;
	object = bisection_json_short(&row);
	/* The report as it was when the bisection ended. */
	if (row.range)
		json_object_update_missing(object, row.range);
	bisection_row_release(&row);
	return object;
}
