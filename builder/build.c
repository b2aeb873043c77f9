#include "builder/build.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <unistd.h>

#include "agent/pack.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "builder/prepare.h"

#define FETCH_MAX_MS (30 * 60 * 1000)
#define SOURCE_DIR "/build"

struct build {
	struct run *run;
	struct builder *builder;
	struct prepare prepare;
	struct strv keep;
	struct extractor *extractor;
	bool passed, clean;		/* clean: built from a tree without leftovers */
	bool ran;
	struct sandbox_end end;
	char *message;
	/*
	 * Between the loop and the worker thread, one at a time.  What succeeds may leave words in
	 * err: rc tells.
	 */
	int rc;
	struct error err;
	struct str archive, log;
	char archive_sha[HASH_HEX_LEN + 1], log_sha[HASH_HEX_LEN + 1];
};

static void run_script(struct build *build);

/* --- The end: log and archive become artifacts, then the result goes out --- */

static void send(struct run *run)
{
	struct build *build = *run_own(run);
	json_t *result = json_pack("{s:s, s:s, s:i, s:I, s:I}", "outcome",
		build->passed ? "pass" : "broken", "log", build->log_sha, "exit_status", build->end.status,
		"started_ms", (json_int_t)run_started_ms(run), "finished_ms", (json_int_t)clock_wall_ms());

	json_object_set_new(result, "artifact",
		build->passed ? json_string(build->archive_sha) : json_null());
	json_object_set_new(result, "message", result_string(build->message));
	json_object_set_new(result, "errors", result_errors(build->extractor));
	json_object_set_new(result, "usage", result_usage(&build->end));
	run_finish(run, result);
}

static void store_log(struct run *run)
{
	struct build *build = *run_own(run);

	run_store(run, build->log.buf, build->log_sha, send);
}

static int hash_path(char hex[HASH_HEX_LEN + 1], const char *path, struct error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc;

	if (fd < 0)
		return error_errno(err, errno, "cannot open %s", path);
	rc = hash_file(fd, hex, err);
	close(fd);
	return rc;
}

static void do_pack_log(void *arg)
{
	struct build *build = arg;

	build->rc = compress_file(build->log.buf, run_log_path(build->run), &build->err);
	if (build->rc == 0)
		build->rc = hash_path(build->log_sha, build->log.buf, &build->err);
}

static void on_log_packed(struct run *run)
{
	struct build *build = *run_own(run);

	if (build->rc < 0)
		run_release(run, "cannot keep the log: %s", build->err.text);
	else if (build->passed)
		run_store(run, build->archive.buf, build->archive_sha, store_log);
	else
		store_log(run);
}

static void pack_log(struct build *build)
{
	run_path(&build->log, build->run, "log.zst");
	run_work(build->run, do_pack_log, on_log_packed, build);
}

static void broken(struct build *build, const char *message)
{
	build->passed = false;
	free(build->message);
	build->message = mem_strdup(message);
	run_logf(build->run, "%s[bisectd] %s\n", build->ran ? "\n" : "", message);
	pack_log(build);
}

static void do_pack(void *arg)
{
	struct build *build = arg;

	build->rc = pack_tree(build->archive.buf, worktree_path(build->prepare.worktree),
		strv_argv(&build->keep), &build->err);
	if (build->rc == 0)
		build->rc = hash_path(build->archive_sha, build->archive.buf, &build->err);
}

static void on_packed(struct run *run)
{
	struct build *build = *run_own(run);

	switch (build->rc) {
	case 0:
		pack_log(build);
		break;
	case -ERR_NOT_FOUND:
	case -ERR_INVALID:
	case -ERR_LIMIT:
		broken(build, build->err.text);
		break;
	default:
		run_release(run, "cannot pack the kept files: %s", build->err.text);
	}
}

static void pack(struct build *build)
{
	build->passed = true;
	run_path(&build->archive, build->run, "kept.tar.zst");
	run_work(build->run, do_pack, on_packed, build);
}

/* --- The script --- */

static void do_clean(void *arg)
{
	struct build *build = arg;

	build->rc = prepare_clean(&build->prepare, &build->err);
}

static void on_clean(struct run *run)
{
	struct build *build = *run_own(run);

	if (build->rc < 0)
		run_release(run, "cannot clean the work tree: %s", build->err.text);
	else
		run_script(build);
}

static void build_again(struct build *build)
{
	run_logf(build->run, "\n[bisectd] this was in a tree with files of earlier builds; "
		"once more in a clean one\n\n");
	build->clean = true;
	run_work(build->run, do_clean, on_clean, build);
}

static void judge(struct build *build)
{
	const struct sandbox_end *end = &build->end;
	struct str message = STR_INIT;

	extractor_end(build->extractor, end->status, end->signal, end->timed_out);
	if (end->timed_out)
		str_setf(&message, "the build did not end in time (%" PRId64 " s)",
			run_number(build->run, "timeout_s"));
	else if (end->too_many_processes)
		str_setf(&message, "the build made too many processes");
	else if (end->signal)
		str_setf(&message, "the build ended by signal %d", end->signal);
	else
		str_setf(&message, "the build ended with status %d", end->status);
	if (end->status == 0 && !end->timed_out && !end->too_many_processes)
		pack(build);
	/* A timeout is not repeated: it would hold this slot twice as long. */
	else if (!build->clean && !end->timed_out)
		build_again(build);
	else
		broken(build, message.buf);
	str_release(&message);
}

static void on_script_end(struct run *run, const struct sandbox_end *end)
{
	struct build *build = *run_own(run);
	int64_t wall = build->end.wall_ms, user = build->end.user_ms, system_ms = build->end.system_ms;

	build->end = *end;
	build->end.wall_ms += wall;
	build->end.user_ms += user;
	build->end.system_ms += system_ms;
	if (end->failed)
		run_release(run, "%s", end->reason);
	else if (end->oom == SANDBOX_OOM_LIMIT)
		run_release_for(run, FAULT_UNIT,
			"out of memory: the build needs more than the %" PRId64 " MiB it may have",
			run_number(run, "memory") >> 20);
	else if (end->oom)
		run_release(run, "out of memory: this machine has none left");
	else if (end->status && run_disk_was_full(run))
		run_release(run, "the disk of %s is full", worktree_path(build->prepare.worktree));
	else if (end->signal == SIGKILL && !end->timed_out && !end->too_many_processes)
		run_release(run, "the build was killed by somebody else (signal 9)");
	else
		judge(build);
}

/* One compiler cache a repository: what hostile code puts in, only its own repository reads. */
static bool add_ccache(struct build *build, struct strv *env, struct str *dir)
{
	const struct builder *builder = build->builder;
	struct error err = ERROR_INIT;
	char hex[HASH_HEX_LEN + 1];

	if (!builder->ccache_programs)
		return false;
	hash_bytes(build->prepare.url, strlen(build->prepare.url), hex);
	str_setf(dir, "%s/%.16s", builder->ccache_dir, hex);
	if (dir_make(dir->buf, 0700, &err) < 0) {
		log_warning("no ccache: %s", err.text);
		return false;
	}
	strv_pushf(env, "PATH=%s:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		builder->ccache_programs);
	strv_push(env, "CCACHE_DIR=/ccache");
	strv_pushf(env, "CCACHE_MAXSIZE=%lldM", builder->values->ccache_size >> 20);
	return true;
}

/* Lines of the second try are counted after those of the first, as they stand in the log. */
static int new_extractor(struct build *build, struct error *err)
{
	uint64_t lines = run_log_lines(build->run);

	extractor_free(build->extractor);
	build->extractor = NULL;
	if (extractor_new(&build->extractor, SOURCE_BUILD, run_text(build->run, "suite"), NULL, err) < 0)
		return -1;
	for (uint64_t i = 0; i < lines; i++)
		extractor_feed(build->extractor, "\n", 1);
	return 0;
}

static void run_script(struct build *build)
{
	struct run *run = build->run;
	const char *tree = worktree_path(build->prepare.worktree);
	struct str git = STR_INIT, ccache = STR_INIT;
	struct strv env = STRV_INIT;
	struct sandbox_bind binds[3];
	struct run_script script = { .script = run_text(run, "run"), .flag = "-e" };
	struct error err = ERROR_INIT;
	size_t n = 0;

	if (new_extractor(build, &err) < 0) {
		run_release(run, "%s", err.text);
		return;
	}
	build->ran = true;
	prepare_mark_built(&build->prepare);
	binds[n++] = (struct sandbox_bind){ tree, SOURCE_DIR, true };
	/* It leads to the mirror, which is not there; what reads it is told so at once. */
	if (access(str_setf(&git, "%s/.git", tree), F_OK) == 0)
		binds[n++] = (struct sandbox_bind){ build->builder->empty, SOURCE_DIR "/.git", false };
	if (add_ccache(build, &env, &ccache))
		binds[n++] = (struct sandbox_bind){ ccache.buf, "/ccache", true };
	script.env_more = strv_argv(&env);
	script.extractor = build->extractor;
	script.options.directory = SOURCE_DIR;
	script.options.binds = binds;
	script.options.n_binds = n;
	script.options.hold_fd = worktree_lock_fd(build->prepare.worktree);
	run_sandbox(run, &script, on_script_end);
	strv_release(&env);
	str_release(&git);
	str_release(&ccache);
}

/* --- The start --- */

static void on_prepared(struct run *run)
{
	struct build *build = *run_own(run);

	if (build->rc < 0) {
		if (build->prepare.broken)
			broken(build, build->err.text);
		else
			run_release(run, "%s", build->err.text);
		return;
	}
	build->clean = !build->prepare.built_in_before;
	if (run_text(run, "run"))
		run_script(build);
	else
		pack(build);
}

static void do_prepare(void *arg)
{
	struct build *build = arg;

	build->rc = prepare_tree(&build->prepare, &build->err);
}

/*
 * Builds of one repository with one script and environment may find each other's files; others
 * never do.
 */
static void name_set(struct build *build)
{
	struct hash *hash = hash_new();
	struct strv env = STRV_INIT;

	run_texts(&env, build->run, "env");
	hash_add_field(hash, build->prepare.url);
	hash_add_field(hash, run_text(build->run, "run"));
	for (size_t i = 0; i < env.n; i++)
		hash_add_field(hash, env.v[i]);
	hash_finish(hash, build->prepare.set);
	build->prepare.set[16] = '\0';
	strv_release(&env);
}

void build_start(struct run *run, void *context)
{
	struct build *build = mem_alloc(sizeof(*build));
	int64_t timeout_ms = run_number(run, "timeout_s") * 1000;

	*run_own(run) = build;
	build->run = run;
	build->builder = context;
	str_init(&build->archive);
	str_init(&build->log);
	run_texts(&build->keep, run, "keep");
	build->prepare.builder = context;
	build->prepare.url = run_text(run, "upstream_url");
	build->prepare.commit = run_text(run, "commit");
	build->prepare.tree = run_text(run, "tree");
	build->prepare.revert = run_text(run, "revert");
	build->prepare.timeout_ms = timeout_ms > 0 && timeout_ms < FETCH_MAX_MS ? timeout_ms : FETCH_MAX_MS;
	if (!build->prepare.url || !build->prepare.commit) {
		run_release(run, "a build unit without upstream_url or commit");
		return;
	}
	name_set(build);
	run_work(run, do_prepare, on_prepared, build);
}

void build_stop(struct run *run, void *context)
{
	struct build *build = *run_own(run);

	if (!build)
		return;
	worktree_give_back(build->prepare.worktree);
	extractor_free(build->extractor);
	strv_release(&build->keep);
	str_release(&build->archive);
	str_release(&build->log);
	free(build->message);
	free(build);
	*run_own(run) = NULL;
}
