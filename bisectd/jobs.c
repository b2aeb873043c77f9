/* Submitted jobs: resolve the commit, build it, test it once, keep the record. */
#include "bisectd/daemon.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "bisectd/boxes.h"
#include "git/history.h"
#include "git/mirror.h"
#include "job/job_commit.h"
#include "job/job_lower.h"

#define FETCH_TIMEOUT_MS (30 * 60 * 1000)
#define JOB_PRIORITY 5
#define RESOLVE_TRIES 3
#define RESOLVE_PAUSE_MS 1000	/* doubled twice with every try */
#define RESOLVE_PAUSE_MAX_MS 30000

struct job_run {
	struct job_row row;
	struct job *job;
	struct unit_plan plan;
	bool resolving;			/* a worker has it */
	bool gone;			/* cancelled while a worker had it */
	char *exhausted;		/* the farm failed: why */
	unsigned failures;		/* to resolve the commit */
	int64_t retry_ms;		/* steady: not tried again before */
	char *trouble;			/* why it cannot go on at this moment, or NULL */
	const char *end_state;		/* it has ended, which could not be stored so far; NULL: it has not */
	char *end_message;
	struct job_run *next;
};

struct resolve_work {
	struct daemon *daemon;
	struct job_run *run;
	char *mirrors_dir, *url, *revision;
	bool local;
	char commit[GIT_HEX + 1], tree[GIT_HEX + 1];
	bool resolved;
	struct error err;		/* why not */
};

static void job_run_free(struct job_run *run)
{
	if (!run)
		return;
	job_row_release(&run->row);
	job_free(run->job);
	free(run->exhausted);
	free(run->trouble);
	free(run->end_message);
	free(run);
}

static int job_store(struct daemon *daemon, struct job_run *run, const char *state,
	const char *message, struct error *err)
{
	char *old_state = run->row.state, *old_message = run->row.message;
	int r;

	run->row.state = mem_strdup(state);
	run->row.message = mem_strdup(message);
	run->row.updated_ms = clock_wall_ms();
	r = warehouse_job_put(daemon->warehouse, &run->row, err);
	if (r < 0) {
		free(run->row.state);
		free(run->row.message);
		run->row.state = old_state;
		run->row.message = old_message;
		return r;
	}
	free(old_state);
	free(old_message);
	return 0;
}

static void job_unlink(struct daemon *daemon, struct job_run *run)
{
	struct job_run **link = &daemon->jobs;

	while (*link && *link != run)
		link = &(*link)->next;
	if (*link)
		*link = run->next;
}

/* NULL: nothing hinders it any more.  Logged when it begins and ends. */
static void job_hindered(struct job_run *run, const char *why)
{
	char *copy = mem_strdup(why);

	if (why && !run->trouble)
		log_warning("job %s waits: %s", run->row.id, why);
	else if (!why && run->trouble)
		log_info("job %s goes on", run->row.id);
	free(run->trouble);
	run->trouble = copy;
}

/* Stores the last state and forgets the run; if that cannot be stored now, the next tick tries again. */
static int job_try_end(struct daemon *daemon, struct job_run *run, struct error *err)
{
	int r = job_store(daemon, run, run->end_state, run->end_message, err);

	if (r < 0) {
		job_hindered(run, err->text);
		return r;
	}
	job_unlink(daemon, run);
	if (run->resolving)
		run->gone = true;
	else
		job_run_free(run);
	return 0;
}

/* The run may be gone afterwards. */
static int job_end(struct daemon *daemon, struct job_run *run, const char *state,
	const char *message, struct error *err)
{
	char *copy = mem_strdup(message);

	run->end_state = state;
	free(run->end_message);
	run->end_message = copy;
	return job_try_end(daemon, run, err);
}

static int read_mirror(struct resolve_work *work, const char *path)
{
	struct repository *repository = NULL;
	struct commit_info info = { 0 };
	int r = repository_open(&repository, path, &work->err);

	if (r == 0)
		r = repository_resolve(work->commit, repository, work->revision, &work->err);
	if (r == 0)
		r = commit_info_read(&info, repository, work->commit, &work->err);
	if (r == 0)
		snprintf(work->tree, sizeof(work->tree), "%s", info.tree);
	commit_info_release(&info);
	repository_free(repository);
	return r;
}

static void resolve_on_worker(void *arg)
{
	struct resolve_work *work = arg;
	struct str path = STR_INIT;
	const char *want = hash_is_hex(work->revision, GIT_HEX) ? work->revision : NULL;

	work->resolved = mirror_update(&path, work->mirrors_dir, work->url, want, work->local,
		FETCH_TIMEOUT_MS, &work->err) == 0 &&
		mirror_excuse(read_mirror(work, path.buf), path.buf, &work->err) == 0;
	str_release(&path);
}

/* May it go better later?  A full disk is waited for, a repository out of reach for some tries. */
static bool is_temporary(const struct error *err, unsigned failures)
{
	return err->code == ERR_NO_SPACE ||
		((err->code == ERR_UNAVAILABLE || err->code == ERR_TIMEOUT) && failures < RESOLVE_TRIES);
}

/* The run may be gone afterwards. */
static void resolve_ended(struct daemon *daemon, struct job_run *run, const struct resolve_work *work)
{
	struct error err = ERROR_INIT;

	if (work->resolved) {
		run->row.commit = mem_strdup(work->commit);
		run->row.tree = mem_strdup(work->tree);
	} else if (is_temporary(&work->err, ++run->failures)) {
		int64_t pause = (int64_t)RESOLVE_PAUSE_MS << (run->failures < 5 ? 2 * (run->failures - 1) : 10);

		run->retry_ms = clock_steady_ms() + (pause < RESOLVE_PAUSE_MAX_MS ? pause : RESOLVE_PAUSE_MAX_MS);
		job_hindered(run, work->err.text);
	} else {
		job_end(daemon, run, "failed", work->err.text, &err);
	}
}

static void resolve_done(void *arg, bool cancelled)
{
	struct resolve_work *work = arg;
	struct job_run *run = work->run;
	struct daemon *daemon = work->daemon;

	run->resolving = false;
	if (run->gone) {
		job_run_free(run);
	} else if (!cancelled && !run->end_state) {
		resolve_ended(daemon, run, work);
		daemon_wake(daemon);
	}
	free(work->mirrors_dir);
	free(work->url);
	free(work->revision);
	free(work);
}

static void job_resolve(struct daemon *daemon, struct job_run *run)
{
	struct resolve_work *work = mem_alloc(sizeof(*work));

	run->resolving = true;
	work->daemon = daemon;
	work->run = run;
	work->mirrors_dir = mem_strdup(daemon->mirrors_dir);
	work->url = mem_strdup(run->job->upstream_url);
	work->revision = mem_strdup(run->job->upstream_commit);
	work->local = daemon->local_repositories;
	worker_pool_run(daemon->workers, resolve_on_worker, resolve_done, work);
}

static void job_advance(struct daemon *daemon, struct job_run *run)
{
	struct result_row result;
	struct build_row build;
	struct error err = ERROR_INIT;
	const char *stage;
	enum unit_progress progress;

	if (run->resolving)
		return;
	if (run->end_state) {
		job_try_end(daemon, run, &err);
		return;
	}
	if (!run->row.commit) {
		if (clock_steady_ms() >= run->retry_ms)
			job_resolve(daemon, run);
		return;
	}
	if (run->exhausted) {
		job_end(daemon, run, "failed", run->exhausted, &err);
		return;
	}
	if (!run->row.build_unit) {
		unit_plan_make(&run->plan, run->job, run->row.commit, run->row.tree, NULL, 0);
		run->row.build_unit = mem_strdup(run->plan.build_unit);
		run->row.test_unit = mem_strdup(run->plan.test_unit);
	}
	progress = unit_plan_advance(daemon, &run->plan, run->job, false, JOB_PRIORITY, &stage, &result,
		&build, &err);
	if (progress == UNIT_ENDED)
		/* Where the build broke, the run of this job ends there. */
		job_end(daemon, run, "done", result.unit ? NULL : "the build broke", &err);
	else if (progress == UNIT_FAILED ||
		(strcmp(run->row.state, stage) && job_store(daemon, run, stage, NULL, &err) < 0))
		job_hindered(run, err.text);
	else
		job_hindered(run, NULL);
	result_row_release(&result);
	build_row_release(&build);
}

void jobs_advance(struct daemon *daemon)
{
	struct job_run *next;

	for (struct job_run *run = daemon->jobs; run; run = next) {
		next = run->next;
		job_advance(daemon, run);
	}
}

int job_of_row(struct job **ret, const struct job_row *row, struct error *err)
{
	const char *text = row->resolved ? row->resolved : row->intent;

	return job_read(ret, row->id, text, strlen(text), err);
}

/* Does this farm take the job? */
static int check_job(struct daemon *daemon, const struct job *job, const char *where, struct error *err)
{
	char kind[8];
	int r = mirror_check_url(job->upstream_url, daemon->local_repositories, err);

	if (r == 0)
		r = testbox_parse(job->testbox, kind, NULL, NULL, err);
	if (r == 0 && strcmp(kind, "dc"))
		r = error_set(err, ERR_INVALID, "%s: testbox '%s' is of kind '%s', this farm has 'dc' (containers)", where,
			job->testbox, kind);
	return r;
}

static int make_run(struct job_run **ret, struct daemon *daemon, const struct job_request *request, const struct value *doc,
	struct suites *suites, struct error *err)
{
	struct job_run *run = mem_alloc(sizeof(*run));
	struct str intent = STR_INIT, resolved = STR_INIT;
	char identity[HASH_HEX_LEN + 1], id[13];
	int r = job_from_document(&run->job, doc, suites, err);

	if (r == 0)
		r = check_job(daemon, run->job, request->where, err);
	if (r < 0) {
		job_run_free(run);
		return r;
	}
	value_print(&intent, doc);
	if (intent.len > YAML_TEXT_MAX) {
		r = error_set(err, ERR_LIMIT, "%s: found a job of %zu bytes when expanded, at most %u are allowed", request->where,
			intent.len, YAML_TEXT_MAX);
		str_release(&intent);
		job_run_free(run);
		return r;
	}
	job_print(&resolved, run->job);
	job_identity(run->job, identity);
	random_hex(id, 6);
	run->row.id = mem_strdup(id);
	run->row.intent = str_detach(&intent);
	run->row.resolved = str_detach(&resolved);
	run->row.identity = mem_strdup(identity);
	run->row.submitter = mem_strdup(request->submitter);
	run->row.created_ms = clock_wall_ms();
	*ret = run;
	return 0;
}

/* The commit that varies is set in each job, under whatever name it has there. */
static int set_commit(struct job_set *set, const char *text, struct error *err)
{
	int r = 0;

	for (size_t i = 0; i < set->n && r == 0; i++) {
		struct value *doc = set->v[i].doc;
		struct place place = { "commit", 0, 0 };
		struct job_commit commit;

		r = job_commit_find(&commit, doc, err);
		if (r < 0)
			break;
		value_set_path(doc, commit.key ? commit.key : "upstream_commit", place, value_text(text, true, place));
		job_commit_release(&commit);
	}
	return r;
}

static int refuse_several(const struct job_set *set, const char *where, struct error *err)
{
	struct str jobs = STR_INIT;
	int r;

	for (size_t i = 0; i < set->n && i < 10; i++)
		str_addf(&jobs, "%s%s", i ? "; " : "", set->v[i].label);
	r = error_set(err, ERR_INVALID, "%s: found %zu jobs, one is allowed here; choose it with KEY=VALUE: %s%s", where, set->n,
		jobs.buf, set->n > 10 ? "; ..." : "");
	str_release(&jobs);
	return r;
}

static int read_jobs(struct job_set *ret, const struct job_request *request, struct suites *suites, struct error *err)
{
	struct job_load_options options = { .after = request->arguments };
	struct job_set set;
	int r = job_set_read(&set, request->where, request->yaml, request->len, &options, suites, err);

	if (r < 0)
		return r;
	if (request->one && set.n > 1)
		r = refuse_several(&set, request->where, err);
	if (r == 0 && request->commit)
		r = set_commit(&set, request->commit, err);
	if (r < 0)
		job_set_release(&set);
	else
		*ret = set;
	return r;
}

/* All of them in one transaction: a client that was told of a failure can ask again for all. */
static int store_runs(struct daemon *daemon, struct job_run **runs, size_t n, struct strv *ret_ids, struct error *err)
{
	const struct job_row **rows = mem_array(n, sizeof(*rows));
	int r;

	for (size_t i = 0; i < n; i++) {
		runs[i]->row.state = mem_strdup("waiting");
		runs[i]->row.updated_ms = runs[i]->row.created_ms;
		rows[i] = &runs[i]->row;
	}
	r = warehouse_jobs_put(daemon->warehouse, rows, n, err);
	free(rows);
	for (size_t i = 0; i < n && r == 0; i++) {
		strv_push(ret_ids, runs[i]->row.id);
		runs[i]->next = daemon->jobs;
		daemon->jobs = runs[i];
		runs[i] = NULL;
	}
	return r;
}

int jobs_submit(struct daemon *daemon, const struct job_request *request, struct strv *ret_ids, struct error *err)
{
	struct suites *suites = suites_new(&daemon->suite_files);	/* as they are now */
	struct job_set set = { 0 };
	struct job_run **runs = NULL;
	size_t n = 0;
	int r = read_jobs(&set, request, suites, err);

	if (r == 0)
		runs = mem_array(set.n, sizeof(*runs));
	while (n < set.n && r == 0) {
		r = make_run(&runs[n], daemon, request, set.v[n].doc, suites, err);
		if (r == 0)
			n++;
	}
	if (r == 0)
		r = store_runs(daemon, runs, n, ret_ids, err);
	for (size_t i = 0; i < n; i++)
		job_run_free(runs[i]);
	free(runs);
	job_set_release(&set);
	suites_free(suites);
	daemon_wake(daemon);
	return r;
}

static void copy_row(struct job_row *to, const struct job_row *from)
{
	*to = *from;
	to->id = mem_strdup(from->id);
	to->intent = mem_strdup(from->intent);
	to->resolved = mem_strdup(from->resolved);
	to->identity = mem_strdup(from->identity);
	to->commit = mem_strdup(from->commit);
	to->tree = mem_strdup(from->tree);
	to->state = mem_strdup(from->state);
	to->message = mem_strdup(from->message);
	to->build_unit = NULL;		/* made again from the job */
	to->test_unit = NULL;
	to->submitter = mem_strdup(from->submitter);
}

static bool resume_row(const struct job_row *row, void *arg)
{
	struct daemon *daemon = arg;
	struct job_run *run = mem_alloc(sizeof(*run));
	struct error err = ERROR_INIT;

	copy_row(&run->row, row);
	run->next = daemon->jobs;
	daemon->jobs = run;
	if (job_of_row(&run->job, row, &err) < 0) {
		error_prefix(&err, "it cannot go on after a restart");
		log_error("job %s: %s", row->id, err.text);
		job_end(daemon, run, "failed", err.text, &err);
	}
	return true;
}

int jobs_resume(struct daemon *daemon, struct error *err)
{
	return warehouse_jobs(daemon->warehouse, true, 100000, resume_row, daemon, err);
}

int jobs_cancel(struct daemon *daemon, const char *id, struct error *err)
{
	struct job_run *run = daemon->jobs;
	struct unit_plan plan;
	struct job_row row;
	int r;

	while (run && strcmp(run->row.id, id))
		run = run->next;
	if (!run) {
		r = warehouse_job_get(daemon->warehouse, id, &row, err);
		if (r < 0)
			return r;
		r = error_set(err, ERR_CANCELLED, "job %s has ended already: %s", id, row.state);
		job_row_release(&row);
		return r;
	}
	plan = run->plan;
	r = job_end(daemon, run, "cancelled", "cancelled on request", err);
	if (plan.build_unit[0])
		unit_plan_cancel(daemon, &plan);
	return r < 0 ? error_prefix(err, "it is stopped, which cannot be written now and is tried again") : 0;
}

static bool job_wants(const struct job_run *run, const char *unit)
{
	return !run->end_state && (!strcmp(run->plan.build_unit, unit) || !strcmp(run->plan.test_unit, unit));
}

bool jobs_want(const struct daemon *daemon, const char *unit)
{
	for (const struct job_run *run = daemon->jobs; run; run = run->next)
		if (job_wants(run, unit))
			return true;
	return false;
}

void jobs_tests_of(const struct daemon *daemon, const char *build_key, struct strv *ret)
{
	for (const struct job_run *run = daemon->jobs; run; run = run->next)
		if (!run->end_state && !strcmp(run->plan.build_key, build_key))
			strv_push(ret, run->plan.test_unit);
}

void jobs_exhausted(struct daemon *daemon, const char *unit, const char *why)
{
	for (struct job_run *run = daemon->jobs; run; run = run->next)
		if (!run->exhausted && (!strcmp(run->plan.build_unit, unit) || !strcmp(run->plan.test_unit, unit)))
			run->exhausted = mem_strdup(why);
}

void jobs_free(struct daemon *daemon)
{
	while (daemon->jobs) {
		struct job_run *run = daemon->jobs;

		daemon->jobs = run->next;
		job_run_free(run);
	}
}

static json_t *build_json(const struct build_row *build)
{
	json_t *details = build->details ? json_object_get(build->details, "errors") : NULL;

	return json_pack("{s:s, s:s, s:s?, s:s?, s:s?, s:s?, s:I, s:I, s:O?}", "unit", build->unit,
		"outcome", build->outcome, "artifact", build->artifact, "log", build->log, "agent",
		build->agent, "message", build->message, "started_ms",
		(json_int_t)build->started_ms, "finished_ms", (json_int_t)build->finished_ms,
		"errors", details);
}

static json_t *result_json(const struct result_row *result)
{
	return json_pack("{s:s, s:s, s:b, s:i, s:s?, s:s?, s:s?, s:s?, s:s?, s:I, s:I, s:O?, s:O?}",
		"unit", result->unit, "outcome", result->outcome, "complete", (int)result->complete,
		"exit_status", result->exit_status, "log", result->log, "artifact",
		result->artifact, "agent", result->agent, "box", result->box, "message",
		result->message, "started_ms", (json_int_t)result->started_ms, "finished_ms",
		(json_int_t)result->finished_ms, "errors", result->errors, "usage", result->usage);
}

static const struct job_run *job_find(const struct daemon *daemon, const char *id)
{
	for (const struct job_run *run = daemon->jobs; run; run = run->next)
		if (!strcmp(run->row.id, id))
			return run;
	return NULL;
}

json_t *job_json(struct daemon *daemon, const struct job_row *row)
{
	json_t *object = json_pack("{s:s, s:s, s:s?, s:s?, s:s?, s:s, s:s*, s:s, s:s?, s:s?, s:s?, s:I, s:I}",
		"id", row->id, "state", row->state, "commit", row->commit, "tree", row->tree,
		"message", row->message, "intent", row->intent, "resolved", row->resolved, "identity", row->identity,
		"submitter", row->submitter, "build_unit", row->build_unit, "test_unit",
		row->test_unit, "created_ms", (json_int_t)row->created_ms, "updated_ms",
		(json_int_t)row->updated_ms);
	struct result_row result = { 0 };
	struct build_row build = { 0 };
	const struct job_run *run = job_find(daemon, row->id);
	struct unit_plan plan;
	struct job *job = NULL;

	if (run && run->trouble)
		json_object_set_new(object, "waiting", json_string(run->trouble));
	if (run && !run->trouble) {
		struct str waits = STR_INIT;

		if (boxes_job_waits(daemon, run->job, false, &waits))
			json_object_set_new(object, "waiting", json_string(waits.buf));
		str_release(&waits);
	}
	if (!row->tree || job_of_row(&job, row, NULL) < 0)
		return object;
	unit_plan_make(&plan, job, row->commit, row->tree, NULL, 0);
	if (warehouse_build_get(daemon->warehouse, plan.build_key, &build, NULL) == 0)
		json_object_set_new(object, "build", build_json(&build));
	if (warehouse_result_get(daemon->warehouse, plan.test_unit, &result, NULL) == 0)
		json_object_set_new(object, "result", result_json(&result));
	json_object_set_new(object, "suite", json_string(job->suite));
	json_object_set_new(object, "repo",
		json_string(job->upstream_repo ? job->upstream_repo : job->upstream_url));
	result_row_release(&result);
	build_row_release(&build);
	job_free(job);
	return object;
}
