/* One unit: its directory, its lease, its steps and its end.  The log is in run_log.c. */
#include "agent/run.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"

enum {
	TRANSFER_MS = 30 * 60 * 1000,
	STANDARD_TIMEOUT_S = 3600,
	TIMEOUT_MAX_S = 30 * 24 * 3600,
	SCRIPT_BINDS_MAX = 16,
	RENEW_MAX_MS = 5000, /* a cancelled unit is learned of by then */
	FINISH_PATIENCE = 5, /* a result is dearer than an artifact: so many times the patience */
	DISK_LOOK_MS = 250,
	/* Fetching, packing, unpacking; two fetches have 30 minutes each. */
	WORK_MAX_MS = 90 * 60 * 1000,
};

/* --- What the kind may ask --- */

const json_t *run_payload(const struct run *run)
{
	return run->payload;
}

const char *run_text(const struct run *run, const char *key)
{
	return json_string_value(json_object_get(run->payload, key));
}

int64_t run_number(const struct run *run, const char *key)
{
	return json_integer_value(json_object_get(run->payload, key));
}

void run_texts(struct strv *ret, const struct run *run, const char *key)
{
	const json_t *array = json_object_get(run->payload, key);

	for (size_t i = 0; i < json_array_size(array); i++)
		if (json_is_string(json_array_get(array, i)))
			strv_push(ret, json_string_value(json_array_get(array, i)));
}

const char *run_directory(const struct run *run)
{
	return run->directory;
}

void run_path(struct str *ret, const struct run *run, const char *name)
{
	str_setf(ret, "%s/%s", run->directory, name);
}

struct agent *run_agent(const struct run *run)
{
	return run->agent;
}

void **run_own(struct run *run)
{
	return &run->own;
}

int64_t run_started_ms(const struct run *run)
{
	return run->started_ms;
}

char *run_url(const struct run *run, const char *action)
{
	return mem_printf("/api/v1/units/%s/%s", run->id, action);
}

/* {"agent","epoch"} and what comes on top (an object or NULL, taken). */
static char *run_body(const struct run *run, json_t *more)
{
	json_t *body = json_pack("{s:s, s:I}", "agent", run->agent->name, "epoch", (json_int_t)run->epoch);
	char *text;

	if (more)
		json_object_update(body, more);
	json_decref(more);
	text = json_dumps(body, JSON_COMPACT);
	json_decref(body);
	if (!text)
		abort();
	return text;
}

/* --- The end --- */

static void run_dispose(struct run *run)
{
	struct agent *agent = run->agent;
	struct event **events[] = { &run->log_timer, &run->renew_timer, &run->disk_timer };
	struct run **link = &agent->runs;
	struct error err = ERROR_INIT;
	enum run_end end = run->end;

	if (run->started)
		agent->kind->stop(run, agent->context);
	exchange_cancel(run->release);
	http_call_cancel(run->log_call);
	http_call_cancel(run->renew_call);
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		if (*events[i])
			event_free(*events[i]);
	while (*link && *link != run)
		link = &(*link)->next;
	if (*link) {
		*link = run->next;
		agent->n_runs--;
	}
	file_close(&run->log_fd);
	if (run->directory && dir_remove(run->directory, &err) < 0)
		log_warning("cannot remove %s: %s; the next start tries again", run->directory, err.text);
	if (run->lock_path)
		unlink(run->lock_path);
	file_close(&run->lock_fd);
	json_decref(run->unit);
	json_decref(run->result);
	str_release(&run->wanted_sha);
	free(run->wanted_path);
	free(run->directory);
	free(run->lock_path);
	free(run->log_path);
	free(run);
	agent_run_gone(agent, end);
}

/* True: the run is over, and gone where nothing was left to wait for. */
static bool run_settle(struct run *run)
{
	if (!run->over)
		return false;
	if (run->step == STEP_NONE && !run->release)
		run_dispose(run);
	return true;
}

static void run_halt(struct run *run)
{
	switch (run->step) {
	case STEP_SANDBOX:
		sandbox_kill(run->sandbox);
		break;
	case STEP_EXCHANGE:
		exchange_cancel(run->exchange);
		run->exchange = NULL;
		run->step = STEP_NONE;
		break;
	case STEP_FLUSH:
		run->step = STEP_NONE;
		break;
	case STEP_WORK:		/* comes to its end by itself */
	case STEP_NONE:
		break;
	}
}

/*
 * Never frees the run by itself: callers may be deep in a callback of it.  A timer of no length
 * does, where no step is there to end.
 */
void run_abandon(struct run *run, const char *why)
{
	static const struct timeval now = { 0, 0 };

	if (run->over)
		return;
	log_info("unit %s is dropped: %s", run->id, why);
	run->over = true;
	run_halt(run);
	event_add(run->renew_timer, &now);
}

static void on_released(struct exchange *exchange, const struct http_answer *answer, void *arg)
{
	struct run *run = arg;

	run->release = NULL;
	run->over = true;
	run_settle(run);
}

static void start_release(struct run *run, enum fault fault, const char *reason)
{
	static const char *const causes[FAULT_NKINDS] = { [FAULT_BOX] = "box",
		[FAULT_UNIT] = "unit",
		[FAULT_FARM] = "farm",
		[FAULT_STOP] = "stop" };
	json_t *body =
		json_pack("{s:o, s:s}", "reason", result_string(reason), "cause", causes[fault]);
	char *path = run_url(run, "release");

	run->over = true;
	run->end = fault == FAULT_UNIT ? RUN_DROPPED : RUN_FAILED;
	run->release = exchange_start(run->agent, "POST", path, run_body(run, body), NULL, NULL,
		CALL_MS, 0, on_released, run);
	free(path);
}

static void release(struct run *run, enum fault fault, const char *fmt, va_list ap)
{
	struct str reason = STR_INIT;

	str_vaddf(&reason, fmt, ap);
	log_warning("unit %s is given back: %s", run->id, reason.buf);
	start_release(run, fault, reason.buf);
	str_release(&reason);
}

void run_release_for(struct run *run, enum fault fault, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	release(run, fault, fmt, ap);
	va_end(ap);
}

void run_release(struct run *run, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	release(run, FAULT_BOX, fmt, ap);
	va_end(ap);
}

unsigned run_attempt(const struct run *run)
{
	json_int_t attempt = json_integer_value(json_object_get(run->unit, "attempt"));

	return attempt > 0 && attempt < 1000000 ? (unsigned)attempt : 1;
}

struct run *run_next(const struct run *run)
{
	return run->next;
}

/* A worker's step cannot be ended: the unit goes back at once, the run when the step is over. */
void run_give_up(struct run *run, enum fault fault, const char *reason)
{
	if (run->release || (run->over && run->step == STEP_NONE))
		return;
	run_halt(run);
	start_release(run, fault, reason);
}

static void on_finished(struct exchange *exchange, const struct http_answer *answer, void *arg)
{
	struct run *run = arg;
	struct error err = ERROR_INIT;

	run->exchange = NULL;
	run->step = STEP_NONE;
	run->over = true;
	if (answer->status >= 400) {
		http_answer_error(&err, answer, "the result was refused");
		if (answer->status != 409) {
			run_release_for(run, answer->status >= 500 ? FAULT_FARM : FAULT_BOX, "%s",
				err.text);
			return;
		}
		log_info("unit %s: %s", run->id, err.text);
	} else {
		run->end = RUN_FINISHED;
	}
	run_settle(run);
}

static int64_t patience_ms(const struct run *run)
{
	return ((const struct agent_values *)run->agent->values)->patience * 1000;
}

static void send_result(struct run *run)
{
	char *path = run_url(run, "finish");

	run->step = STEP_EXCHANGE;
	run->exchange = exchange_start(run->agent, "POST", path,
		run_body(run, json_pack("{s:O}", "result", run->result)), NULL, NULL, CALL_MS,
		FINISH_PATIENCE * patience_ms(run), on_finished, run);
	free(path);
}

void run_flushed(struct run *run)
{
	if (run->step == STEP_FLUSH)
		send_result(run);
}

void run_finish(struct run *run, json_t *result)
{
	const char *outcome = json_string_value(json_object_get(result, "outcome"));

	run->result = result;
	log_info("unit %s: %s", run->id, outcome ? outcome : "done");
	/*
	 * The daemon drops the live log at the end; whoever watches it should have seen all of it.
	 */
	run->step = STEP_FLUSH;
	run_log_flush(run);
}

/* --- Steps --- */

/* The step is over: true if the kind wants to hear of it. */
static bool step_ended(struct run *run)
{
	run->step = STEP_NONE;
	return !run_settle(run);
}

static void do_work(void *arg)
{
	struct run *run = arg;

	run->work(run->work_arg);
}

static void on_work_done(void *arg, bool cancelled)
{
	struct run *run = arg;

	/* Only at the end of the program, where nobody waits for it. */
	if (!cancelled && step_ended(run))
		run->on_done(run);
}

void run_work(struct run *run, void (*work)(void *arg), void (*done)(struct run *run), void *arg)
{
	run->step = STEP_WORK;
	run->step_since_ms = clock_steady_ms();
	run->work = work;
	run->work_arg = arg;
	run->on_done = done;
	worker_pool_run(run->agent->workers, do_work, on_work_done, run);
}

static void on_sandbox_output(const char *bytes, size_t len, void *arg)
{
	struct run *run = arg;

	if (run->extractor)
		extractor_feed(run->extractor, bytes, len);
	run_log(run, bytes, len);
	if (run->log_errno && !run->over)
		sandbox_kill(run->sandbox);
}

/*
 * Looked at while it runs as well: a compiler that found no room removes what it wrote, and at the
 * end there is room again.
 */
static void look_at_disk(struct run *run)
{
	run->disk_was_full = run->disk_was_full || disk_is_full(run->directory);
}

static void on_disk_time(evutil_socket_t fd, short what, void *arg)
{
	look_at_disk(arg);
}

static void watch_disk(struct run *run)
{
	static const struct timeval period = { 0, DISK_LOOK_MS * 1000 };

	if (!run->disk_timer)
		run->disk_timer = event_new(run->agent->loop, -1, EV_PERSIST, on_disk_time, run);
	if (!run->disk_timer)
		abort();
	run->disk_was_full = false;
	event_add(run->disk_timer, &period);
}

bool run_disk_was_full(const struct run *run)
{
	return run->disk_was_full;
}

static void on_sandbox_end(const struct sandbox_end *end, void *arg)
{
	struct run *run = arg;

	run->sandbox = NULL;
	event_del(run->disk_timer);
	look_at_disk(run);
	if (!step_ended(run))
		return;
	if (run->log_errno)
		run_release(run, "cannot write the log: %s", strerror(run->log_errno));
	else
		run->on_sandbox(run, end);
}

static int64_t script_timeout_ms(const struct run *run)
{
	int64_t seconds = run_number(run, "timeout_s");

	if (seconds <= 0)
		seconds = STANDARD_TIMEOUT_S;
	return (seconds < TIMEOUT_MAX_S ? seconds : TIMEOUT_MAX_S) * 1000;
}

static int start_script(struct run *run, const struct run_script *script, const char *path,
	struct error *err)
{
	const struct agent_values *values = run->agent->values;
	const struct sandbox_events events = { on_sandbox_output, on_sandbox_end, run };
	struct sandbox_bind binds[SCRIPT_BINDS_MAX + 1];
	const char *argv[] = { "/bin/sh", "/run/job/script", NULL, NULL };
	struct sandbox_options options = script->options;
	struct strv env = STRV_INIT;
	int rc;

	if (options.n_binds > SCRIPT_BINDS_MAX)
		return error_set(err, ERR_LIMIT, "too many directories for a sandbox");
	if (script->flag) {
		argv[1] = script->flag;
		argv[2] = "/run/job/script";
	}
	for (size_t i = 0; i < options.n_binds; i++)
		binds[i] = options.binds[i];
	binds[options.n_binds] = (struct sandbox_bind){ path, "/run/job/script", false };
	options.binds = binds;
	options.n_binds++;
	if (script->env_more)
		strv_push_all(&env, script->env_more);
	run_texts(&env, run, "env");
	options.argv = argv;
	options.env = strv_argv(&env);
	options.memory = run_number(run, "memory") > 0 ? (uint64_t)run_number(run, "memory")
						       : (uint64_t)values->memory;
	options.processes = (uint64_t)values->processes;
	options.file_size = (uint64_t)values->file_size;
	options.timeout_ms = script_timeout_ms(run);
	rc = sandbox_start(&run->sandbox, run->agent->sandbox, run->agent->loop, &options, &events, err);
	strv_release(&env);
	return rc;
}

void run_sandbox(struct run *run, const struct run_script *script,
	void (*done)(struct run *run, const struct sandbox_end *end))
{
	struct str path = STR_INIT;
	struct error err = ERROR_INIT;
	int rc;

	run_path(&path, run, "script");
	rc = file_write_atomic(path.buf, script->script, strlen(script->script), 0644, &err);
	if (rc == 0)
		rc = start_script(run, script, path.buf, &err);
	str_release(&path);
	if (rc < 0) {
		run_release(run, "cannot start the sandbox: %s", err.text);
		return;
	}
	run->step = STEP_SANDBOX;
	watch_disk(run);
	run->extractor = script->extractor;
	run->on_sandbox = done;
}

static void run_exchange(struct run *run, const char *method, const char *upload,
	const char *download,
	void (*done)(struct exchange *exchange, const struct http_answer *answer, void *arg))
{
	struct str path = STR_INIT;

	str_setf(&path, "/api/v1/artifacts/%s", run->wanted_sha.buf);
	run->step = STEP_EXCHANGE;
	run->exchange = exchange_start(run->agent, method, path.buf, NULL, upload, download, TRANSFER_MS,
		patience_ms(run), done, run);
	str_release(&path);
}

/* The step's exchange has its answer: 409 ends the run like everywhere. */
static bool exchange_ended(struct run *run)
{
	run->exchange = NULL;
	return step_ended(run);
}

/* A full store refuses it from every box; another refusal is about what came from here. */
static void on_store_refused(struct run *run, const struct http_answer *answer)
{
	struct error err = ERROR_INIT;

	http_answer_error(&err, answer, "the daemon refuses an artifact");
	run_release_for(run, answer->status >= 500 ? FAULT_FARM : FAULT_BOX, "%s", err.text);
}

static void on_stored(struct exchange *exchange, const struct http_answer *answer, void *arg)
{
	struct run *run = arg;

	if (!exchange_ended(run))
		return;
	if (answer->status < 300)
		run->on_done(run);
	else
		on_store_refused(run, answer);
}

static void on_looked_up(struct exchange *exchange, const struct http_answer *answer, void *arg)
{
	struct run *run = arg;

	if (!exchange_ended(run))
		return;
	if (answer->status == 200)
		run->on_done(run);
	else if (answer->status >= 500)
		on_store_refused(run, answer);
	else
		run_exchange(run, "PUT", run->wanted_path, NULL, on_stored);
}

static void want(struct run *run, const char *path, const char *sha256)
{
	free(run->wanted_path);
	run->wanted_path = mem_strdup(path);
	str_clear(&run->wanted_sha);
	str_add(&run->wanted_sha, sha256);
}

void run_store(struct run *run, const char *path, const char *sha256, void (*done)(struct run *run))
{
	want(run, path, sha256);
	run->on_done = done;
	run_exchange(run, "HEAD", NULL, NULL, on_looked_up);
}

static void check_hash(void *arg)
{
	struct run *run = arg;
	char hex[HASH_HEX_LEN + 1];
	int fd = open(run->wanted_path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		run->fetch_rc = error_errno(&run->fetch_error, errno, "cannot open the artifact");
	else
		run->fetch_rc = hash_file(fd, hex, &run->fetch_error);
	if (run->fetch_rc == 0 && strcmp(hex, run->wanted_sha.buf))
		run->fetch_rc = error_set(&run->fetch_error, ERR_CORRUPT, "the artifact came with SHA-256 %s, its name says %s",
			hex, run->wanted_sha.buf);
	file_close(&fd);
}

static void on_hash_checked(struct run *run)
{
	run->on_fetched(run, run->fetch_rc < 0 ? &run->fetch_error : NULL);
}

static void on_fetched(struct exchange *exchange, const struct http_answer *answer, void *arg)
{
	struct run *run = arg;
	struct error err = ERROR_INIT;

	if (!exchange_ended(run))
		return;
	if (answer->status == 200) {
		run_work(run, check_hash, on_hash_checked, run);
		return;
	}
	http_answer_error(&err, answer, "cannot get the artifact");
	run->on_fetched(run, &err);
}

void run_fetch(struct run *run, const char *path, const char *sha256,
	void (*done)(struct run *run, const struct error *err))
{
	want(run, path, sha256);
	run->on_fetched = done;
	run_exchange(run, "GET", NULL, path, on_fetched);
}

/* --- The lease --- */

static void renew_in(struct run *run, int64_t ms)
{
	struct timeval time = { ms / 1000, ms % 1000 * 1000 };

	event_add(run->renew_timer, &time);
}

static int64_t renew_period_ms(const struct run *run)
{
	return run->lease_ms / 3 < RENEW_MAX_MS ? run->lease_ms / 3 : RENEW_MAX_MS;
}

static void on_renewed(const struct http_answer *answer, const struct error *failure, void *arg)
{
	struct run *run = arg;
	struct error err = ERROR_INIT;

	run->renew_call = NULL;
	if (!answer || answer->status >= 500) {
		agent_note_away(run->agent, failure ? failure->text : "server error");
		run->renew_pause_ms = run->renew_pause_ms * 2 < PAUSE_MAX_MS ? run->renew_pause_ms * 2
									       : PAUSE_MAX_MS;
		renew_in(run, run->renew_pause_ms);
		return;
	}
	agent_note_back(run->agent);
	if (answer->status == 409 || answer->status == 404) {
		http_answer_error(&err, answer, "the lease");
		run_abandon(run, err.text);
		return;
	}
	if (answer->status == 200) {
		run->lease_until_ms = run->renew_sent_ms + run->lease_ms;
		run->renew_pause_ms = PAUSE_MIN_MS;
	} else {
		http_answer_error(&err, answer, "cannot renew a lease");
		log_warning("%s", err.text);
	}
	renew_in(run, renew_period_ms(run));
}

static void on_renew_time(evutil_socket_t fd, short what, void *arg)
{
	struct run *run = arg;
	struct http_call_options options = HTTP_CALL_INIT;
	char *path, *body;

	if (run->over) {
		run_settle(run);
		return;
	}
	run->renew_sent_ms = clock_steady_ms();
	if (run->step == STEP_WORK && run->renew_sent_ms - run->step_since_ms > WORK_MAX_MS) {
		run_give_up(run, FAULT_BOX,
			"the agent's own work (fetching, packing, unpacking) did not end in time");
		return;
	}
	if (run->renew_sent_ms > run->lease_until_ms) {
		run_abandon(run, "the lease ran out while the daemon was away");
		return;
	}
	path = run_url(run, "renew");
	options.url = agent_url(run->agent, path);
	free(path);
	options.method = "POST";
	options.token = run->agent->token.len ? run->agent->token.buf : NULL;
	options.content_type = "application/json";
	options.body = body = run_body(run, NULL);
	options.body_len = strlen(body);
	options.timeout_ms = run->lease_ms / 3 > 1000 ? run->lease_ms / 3 : 1000;
	run->renew_call = http_call_start(run->agent->http, &options, on_renewed, run);
	free((char *)options.url);
	free(body);
}

/* --- The start --- */

/*
 * Creating and cleaning are kept apart by one lock, so that a name without a held lock is always
 * garbage.
 */
static int make_directory(struct run *run, struct error *err)
{
	struct str work = STR_INIT, path = STR_INIT;
	char name[17];
	int all = -1, rc;

	str_setf(&work, "%s/work", run->agent->state_dir);
	rc = file_lock(&all, str_setf(&path, "%s/.lock", work.buf), 2000, err);
	if (rc < 0)
		goto out;
	random_hex(name, 8);
	run->directory = mem_printf("%s/%s", work.buf, name);
	run->lock_path = mem_printf("%s/%s.lock", work.buf, name);
	rc = file_lock(&run->lock_fd, run->lock_path, 0, err);
	if (rc == 0)
		rc = dir_make(run->directory, 0700, err);
out:
	file_close(&all);
	str_release(&work);
	str_release(&path);
	return rc;
}

static bool is_unit_id(const char *id)
{
	return id && *id && strlen(id) <= 200 && strspn(id, "abcdefghijklmnopqrstuvwxyz"
		"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:") == strlen(id) && id[0] != '.';
}

static int read_unit(struct run *run, struct error *err)
{
	const char *id = json_string_value(json_object_get(run->unit, "id"));

	run->payload = json_object_get(run->unit, "payload");
	run->epoch = (uint64_t)json_integer_value(json_object_get(run->unit, "epoch"));
	run->lease_ms = json_integer_value(json_object_get(run->unit, "lease_ms"));
	if (!is_unit_id(id) || !run->epoch || run->lease_ms < 100 || !json_is_object(run->payload))
		return error_set(err, ERR_INVALID, "a claimed unit without a proper id, epoch, lease or payload");
	snprintf(run->id, sizeof(run->id), "%s", id);
	return 0;
}

int run_new(struct agent *agent, json_t *unit, struct error *err)
{
	struct run *run = mem_alloc(sizeof(*run));
	struct error local = ERROR_INIT;
	int rc;

	run->agent = agent;
	run->unit = json_incref(unit);
	run->lock_fd = run->log_fd = -1;
	str_init(&run->wanted_sha);
	run->started_ms = clock_wall_ms();
	run->end = RUN_DROPPED;
	rc = read_unit(run, err);
	if (rc < 0) {
		json_decref(run->unit);
		free(run);
		return rc;
	}
	run->lease_until_ms = clock_steady_ms() + run->lease_ms;
	run->renew_pause_ms = PAUSE_MIN_MS;
	run->renew_timer = evtimer_new(agent->loop, on_renew_time, run);
	if (!run->renew_timer)
		abort();
	renew_in(run, renew_period_ms(run));
	run->next = agent->runs;
	agent->runs = run;
	agent->n_runs++;
	log_info("unit %s: %s (epoch %" PRIu64 ")", run->id,
		run_text(run, "kind") ? run_text(run, "kind") : "?", run->epoch);
	if (make_directory(run, &local) < 0 || run_log_open(run, &local) < 0) {
		run_release(run, "%s", local.text);
		return 0;
	}
	run->started = true;
	agent->kind->start(run, agent->context);
	return 0;
}
