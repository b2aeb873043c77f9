/* Submitted jobs: resolve the commit, build it, test it once, keep the record. */
#include "bisectd/daemon.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "git/history.h"
#include "git/mirror.h"

#define FETCH_TIMEOUT_MS (30 * 60 * 1000)
#define JOB_PRIORITY 5

struct job_run {
	struct job_row row;
	struct job *job;
	struct unit_plan plan;
	bool resolving;			/* a worker has it */
	bool gone;			/* cancelled while a worker had it */
	bool exhausted;
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

/* Stores the last state and forgets the run; if that cannot be stored now, the next tick tries again. */
static bool job_end(struct daemon *daemon, struct job_run *run, const char *state,
	const char *message)
{
	struct error err = ERROR_INIT;

	if (job_store(daemon, run, state, message, &err) < 0) {
		log_error("cannot store job %s: %s", run->row.id, err.text);
		return false;
	}
	job_unlink(daemon, run);
	job_run_free(run);
	return true;
}

static void resolve_on_worker(void *arg)
{
	struct resolve_work *work = arg;
	struct repository *repository = NULL;
	struct commit_info info = { 0 };
	struct str path = STR_INIT;
	const char *want = hash_is_hex(work->revision, GIT_HEX) ? work->revision : NULL;

	if (mirror_update(&path, work->mirrors_dir, work->url, want, work->local, FETCH_TIMEOUT_MS,
		    &work->err) < 0 ||
		repository_open(&repository, path.buf, &work->err) < 0 ||
		repository_resolve(work->commit, repository, work->revision, &work->err) < 0 ||
		commit_info_read(&info, repository, work->commit, &work->err) < 0)
		goto out;
	snprintf(work->tree, sizeof(work->tree), "%s", info.tree);
	work->resolved = true;
out:
	commit_info_release(&info);
	repository_free(repository);
	str_release(&path);
}

static void resolve_done(void *arg, bool cancelled)
{
	struct resolve_work *work = arg;
	struct job_run *run = work->run;
	struct daemon *daemon = work->daemon;

	if (run->gone) {
		job_run_free(run);
	} else {
		run->resolving = false;
		if (!cancelled && !work->resolved) {
			job_end(daemon, run, "failed", work->err.text);
		} else if (!cancelled) {
			run->row.commit = mem_strdup(work->commit);
			run->row.tree = mem_strdup(work->tree);
			daemon_wake(daemon);
		}
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
	if (!run->row.commit) {
		job_resolve(daemon, run);
		return;
	}
	if (run->exhausted) {
		job_end(daemon, run, "failed", "the farm could not run it: every attempt was lost");
		return;
	}
	if (!run->row.build_unit) {
		unit_plan_make(&run->plan, run->job, run->row.commit, run->row.tree, NULL, 0);
		run->row.build_unit = mem_strdup(run->plan.build_unit);
		run->row.test_unit = mem_strdup(run->plan.test_unit);
	}
	progress = unit_plan_advance(daemon, &run->plan, run->job, false, JOB_PRIORITY, &stage, &result,
		&build, &err);
	if (progress == UNIT_ENDED) {
		if (result.unit) {
			job_end(daemon, run, "done", NULL);
		} else {
			/* The build broke: the run of this job ends there. */
			job_end(daemon, run, "done", "the build broke");
		}
	} else if (progress == UNIT_WAITING && strcmp(run->row.state, stage)) {
		if (job_store(daemon, run, stage, NULL, &err) < 0)
			log_error("cannot store job %s: %s", run->row.id, err.text);
	} else if (progress == UNIT_FAILED && err.code != ERR_UNAVAILABLE) {
		log_error("job %s: %s", run->row.id, err.text);
	}
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

int jobs_submit(struct daemon *daemon, const char *yaml, size_t len, const char *where,
	const char *submitter, char ret_id[13], struct error *err)
{
	struct job_run *run = mem_alloc(sizeof(*run));
	struct str intent = STR_INIT;
	char identity[HASH_HEX_LEN + 1], kind[8];
	int r = job_read(&run->job, where, yaml, len, err);

	if (r < 0)
		goto fail;
	r = mirror_check_url(run->job->upstream_url, daemon->local_repositories, err);
	if (r < 0)
		goto fail;
	r = testbox_parse(run->job->testbox, kind, NULL, NULL, err);
	if (r < 0)
		goto fail;
	if (strcmp(kind, "dc")) {
		r = error_set(err, ERR_INVALID,
			"%s: testbox '%s' is of kind '%s', this farm has 'dc' (containers)", where,
			run->job->testbox, kind);
		goto fail;
	}
	job_print(&intent, run->job);
	job_identity(run->job, identity);
	random_hex(ret_id, 6);
	run->row.id = mem_strdup(ret_id);
	run->row.intent = str_detach(&intent);
	run->row.identity = mem_strdup(identity);
	run->row.submitter = mem_strdup(submitter);
	run->row.created_ms = clock_wall_ms();
	r = job_store(daemon, run, "waiting", NULL, err);
	if (r < 0)
		goto fail;
	run->next = daemon->jobs;
	daemon->jobs = run;
	daemon_wake(daemon);
	return 0;
fail:
	str_release(&intent);
	job_run_free(run);
	return r;
}

static void copy_row(struct job_row *to, const struct job_row *from)
{
	*to = *from;
	to->id = mem_strdup(from->id);
	to->intent = mem_strdup(from->intent);
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
	if (job_read(&run->job, row->id, row->intent, strlen(row->intent), &err) < 0) {
		log_error("job %s cannot be read again: %s", row->id, err.text);
		job_run_free(run);
		return true;
	}
	run->next = daemon->jobs;
	daemon->jobs = run;
	return true;
}

int jobs_resume(struct daemon *daemon, struct error *err)
{
	return warehouse_jobs(daemon->warehouse, true, 100000, resume_row, daemon, err);
}

int jobs_cancel(struct daemon *daemon, const char *id, struct error *err)
{
	struct job_run *run = daemon->jobs;
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
	r = job_store(daemon, run, "cancelled", "cancelled on request", err);
	if (r < 0)
		return r;
	job_unlink(daemon, run);
	if (run->row.build_unit)
		unit_plan_cancel(daemon, &run->plan);
	if (run->resolving)
		run->gone = true;
	else
		job_run_free(run);
	return 0;
}

bool jobs_want(const struct daemon *daemon, const char *unit)
{
	for (const struct job_run *run = daemon->jobs; run; run = run->next)
		if (!strcmp(run->plan.build_unit, unit) || !strcmp(run->plan.test_unit, unit))
			return true;
	return false;
}

void jobs_exhausted(struct daemon *daemon, const char *unit)
{
	for (struct job_run *run = daemon->jobs; run; run = run->next)
		if (!strcmp(run->plan.build_unit, unit) || !strcmp(run->plan.test_unit, unit))
			run->exhausted = true;
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

json_t *job_json(struct daemon *daemon, const struct job_row *row)
{
	json_t *object = json_pack("{s:s, s:s, s:s?, s:s?, s:s?, s:s, s:s, s:s?, s:s?, s:s?, s:I, s:I}",
		"id", row->id, "state", row->state, "commit", row->commit, "tree", row->tree,
		"message", row->message, "intent", row->intent, "identity", row->identity,
		"submitter", row->submitter, "build_unit", row->build_unit, "test_unit",
		row->test_unit, "created_ms", (json_int_t)row->created_ms, "updated_ms",
		(json_int_t)row->updated_ms);
	struct result_row result = { 0 };
	struct build_row build = { 0 };
	struct unit_plan plan;
	struct job *job = NULL;

	if (!row->tree || job_read(&job, row->id, row->intent, strlen(row->intent), NULL) < 0)
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
