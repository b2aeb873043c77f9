#include "cli/run_tree.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/child.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/worker.h"
#include "cli/number_finder.h"
#include "git/worktree.h"
#include "job/errorid.h"

#define SUITE "run"		/* names the cases of an --error-id that names no suite */
#define STOP_GRACE_S 2

extern char **environ;

enum tree_state { TREE_IDLE, TREE_CHECKOUT, TREE_BUILD, TREE_COMMAND };

struct tree {
	const struct tree_context *context;
	unsigned slot;
	enum tree_state state;
	struct worktree *worktree;	/* NULL before the first checkout */
	char commit[GIT_HEX + 1];
	char built[GIT_HEX + 1];
	unsigned sequence;
	bool stopping;
	bool reuse;			/* the build of `commit` lies here already */
	int64_t begun_ms, build_begun_ms;
	int checkout;			/* what the worker's checkout returned */
	struct tree_result result;

	struct child *child;
	struct extractor *extractor;	/* NULL: only the exit status or a number counts */
	struct number_finder *finder;	/* of the number; NULL */
	int log_fd;
	struct event *kill_timer;
};

static void tree_begin_build(struct tree *tree);
static void tree_begin_command(struct tree *tree);

/* --- The error asked for --- */

static bool has_build_id(const struct run_plan *plan)
{
	return plan->error_id && str_has_prefix(plan->error_id, "build-pkg.");
}

bool plan_build_decides(const struct run_plan *plan)
{
	return plan->build && has_build_id(plan);
}

/* A compiler's warning shows only where the file is compiled, so its absence means something only in a build from nothing. */
static bool plan_wants_clean(const struct run_plan *plan)
{
	return plan->clean || has_build_id(plan);
}

/* *ret stays NULL where nothing but the exit status counts. */
static int extractor_for(struct extractor **ret, const struct run_plan *plan, bool of_build, struct error *err)
{
	static const struct { const char *prefix; enum error_source source; } prefixes[] = {
		{ "build-pkg.", SOURCE_BUILD }, { "dmesg.", SOURCE_DMESG },	{ "kmsg.", SOURCE_KMSG },
		{ "stderr.", SOURCE_TEST },	{ "last_state.", SOURCE_TEST }, { "match.", SOURCE_TEST },
	};
	const char *dot;
	char *suite;
	int r;

	if (plan->match)
		return extractor_new(ret, of_build ? SOURCE_BUILD : SOURCE_TEST, SUITE, plan->match, err);
	if (!plan->error_id || (of_build && !has_build_id(plan)))
		return 0;
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(*prefixes); i++)
		if (str_has_prefix(plan->error_id, prefixes[i].prefix))
			return extractor_new(ret, prefixes[i].source, SUITE, NULL, err);
	/* "<suite>.<case>.fail", as a result of the service has it. */
	dot = strchr(plan->error_id, '.');
	suite = dot ? mem_strndup(plan->error_id, (size_t)(dot - plan->error_id)) : mem_strdup(SUITE);
	r = extractor_new(ret, SOURCE_TEST, suite, NULL, err);
	free(suite);
	return r;
}

int plan_check_error(const struct run_plan *plan, struct error *err)
{
	struct extractor *extractor = NULL;
	const char *dot;
	int r;

	if (plan->error_id) {
		dot = strchr(plan->error_id, '.');
		if (!dot || dot == plan->error_id || !dot[1])
			return error_set(err, ERR_INVALID,
				"'%s' is no error id: expected '<source>.<text>', as in 'stderr.Segmentation_fault'; "
				"for a pattern use --match", plan->error_id);
	}
	if (plan->metric) {
		struct number_finder *finder = NULL;

		r = number_finder_new(&finder, plan->metric, err);
		number_finder_free(finder);
		return r < 0 ? error_prefix(err, "--metric") : 0;
	}
	r = extractor_for(&extractor, plan, false, err);
	extractor_free(extractor);
	return r;
}

/* True: seen, *ret_at bytes into the log (-1: in no line of it).  *ret_complete: if not seen, that means something. */
static bool error_was_seen(bool *ret_complete, int64_t *ret_at, const struct run_plan *plan,
	struct extractor *extractor)
{
	const struct found_error *found;
	size_t n = extractor_results(extractor, &found);
	char *of_match = plan->match ? errorid_of_match(plan->match) : NULL;
	const char *wanted = of_match ? of_match : plan->error_id;
	bool seen = false;

	for (size_t i = 0; i < n && !seen; i++) {
		seen = of_match ? !strcmp(found[i].id, wanted) : errorid_is(wanted, found[i].id, &found[i].aliases);
		if (seen)
			*ret_at = found[i].line_number ? (int64_t)found[i].offset : -1;
	}
	free(of_match);
	/* With the table full, the one asked for may be among those that were counted only. */
	*ret_complete = (extractor_ran_to_its_end(extractor) && n < ERRORID_COUNT_MAX) ||
		(plan->error_id && extractor_case_passed(extractor, plan->error_id));
	return seen;
}

/* --- Life --- */

struct tree *tree_new(const struct tree_context *context, unsigned slot)
{
	struct tree *tree = mem_alloc(sizeof(*tree));

	tree->context = context;
	tree->slot = slot;
	tree->log_fd = -1;
	return tree;
}

bool tree_is_busy(const struct tree *tree)
{
	return tree->state != TREE_IDLE;
}

bool tree_keeps_build(const struct tree *tree)
{
	return !tree->stopping || tree->reuse || tree->state == TREE_COMMAND;
}

unsigned tree_slot(const struct tree *tree)
{
	return tree->slot;
}

const char *tree_commit(const struct tree *tree)
{
	return tree->commit;
}

unsigned tree_sequence(const struct tree *tree)
{
	return tree->sequence;
}

const char *tree_built(const struct tree *tree)
{
	return tree->built;
}

char *tree_log_name(unsigned sequence, const char *hex, bool of_build)
{
	return mem_printf("%u-%.8s%s.log", sequence, hex, of_build ? ".build" : "");
}

void tree_remove_directory(struct tree *tree)
{
	/* What cannot be removed now is removed with the next run's trees. */
	if (tree->worktree)
		worktree_remove(tree->worktree, NULL);
	tree->worktree = NULL;
}

void tree_free(struct tree *tree)
{
	if (!tree)
		return;
	child_free(tree->child);
	extractor_free(tree->extractor);
	number_finder_free(tree->finder);
	file_close(&tree->log_fd);
	if (tree->kill_timer)
		event_free(tree->kill_timer);
	worktree_give_back(tree->worktree);
	free(tree);
}

/* The one way out of every run.  The tree may be busy again when this returns. */
static void tree_finish(struct tree *tree, enum tree_end end)
{
	struct tree_result result;

	child_free(tree->child);
	tree->child = NULL;
	extractor_free(tree->extractor);
	tree->extractor = NULL;
	number_finder_free(tree->finder);
	tree->finder = NULL;
	file_close(&tree->log_fd);
	if (tree->kill_timer)
		event_del(tree->kill_timer);
	if (tree->stopping && end != TREE_FAILED)
		end = TREE_STOPPED;
	tree->stopping = false;
	tree->state = TREE_IDLE;
	tree->result.end = end;
	tree->result.wall_ms = clock_steady_ms() - tree->begun_ms;
	result = tree->result;
	tree->context->on_end(tree, &result, tree->context->arg);
}

static void tree_observe(struct tree *tree, enum observation observation)
{
	tree->result.observation = observation;
	tree_finish(tree, TREE_OBSERVED);
}

/* --- Checkout --- */

static void checkout_work(void *arg)
{
	struct tree *tree = arg;
	const struct tree_context *context = tree->context;
	bool clean = !tree->reuse && plan_wants_clean(context->plan);

	tree->checkout = 0;
	if (!tree->worktree)
		tree->checkout = worktree_take(&tree->worktree, context->git_dir, context->trees_dir,
			context->max_trees, &tree->result.error);
	if (tree->checkout >= 0)
		tree->checkout = worktree_checkout(tree->worktree, tree->commit,
			clean ? WORKTREE_CLEAN : WORKTREE_KEEP, &tree->result.error);
}

static void checkout_done(void *arg, bool cancelled)
{
	struct tree *tree = arg;

	if (tree->checkout < 0) {
		tree->built[0] = '\0';
		tree_finish(tree, tree->stopping ? TREE_STOPPED : TREE_FAILED);
	} else if (cancelled || tree->stopping) {
		tree->stopping = true;
		if (!tree->reuse)
			tree->built[0] = '\0';
		tree_finish(tree, TREE_STOPPED);
	} else if (tree->context->plan->build && !tree->reuse) {
		tree_begin_build(tree);
	} else {
		tree_begin_command(tree);
	}
}

void tree_start(struct tree *tree, const char *hex, unsigned sequence)
{
	if (tree->state != TREE_IDLE)
		abort();
	memset(&tree->result, 0, sizeof(tree->result));
	tree->result.exit_status = -1;
	tree->result.error_at = -1;
	tree->result.value = NAN;
	tree->begun_ms = clock_steady_ms();
	tree->sequence = sequence;
	tree->reuse = tree->built[0] && !strcmp(tree->built, hex) && !plan_build_decides(tree->context->plan);
	memcpy(tree->commit, hex, GIT_HEX);
	memcpy(tree->built, hex, GIT_HEX);
	tree->state = TREE_CHECKOUT;
	worker_pool_run(tree->context->pool, checkout_work, checkout_done, tree);
}

/* --- Children --- */

/* The user's environment without what binds git to the user's own checkout. */
static void make_environment(struct strv *ret, const struct tree *tree, const char *directory)
{
	static const char *const dropped[] = {
		"GIT_DIR=", "GIT_WORK_TREE=", "GIT_INDEX_FILE=", "GIT_PREFIX=", "GIT_COMMON_DIR=",
		"GIT_OBJECT_DIRECTORY=", "GIT_NAMESPACE=", "GIT_GRAFT_FILE=", "GIT_SHALLOW_FILE=", "PWD=",
		"OLDPWD=", "BISECTD_COMMIT=", "BISECTD_SLOT=",
	};

	for (char **e = environ; *e; e++) {
		bool drop = false;

		for (size_t i = 0; i < sizeof(dropped) / sizeof(*dropped) && !drop; i++)
			drop = str_has_prefix(*e, dropped[i]);
		if (!drop)
			strv_push(ret, *e);
	}
	strv_pushf(ret, "PWD=%s", directory);
	strv_pushf(ret, "BISECTD_COMMIT=%s", tree->commit);
	strv_pushf(ret, "BISECTD_SLOT=%u", tree->slot);
}

static int open_log(struct tree *tree, bool of_build, struct error *err)
{
	char *name = tree_log_name(tree->sequence, tree->commit, of_build);
	char *path = mem_printf("%s/%s", tree->context->logs_dir, name);
	int r = 0;

	tree->log_fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0666);
	if (tree->log_fd < 0)
		r = error_errno(err, errno, "cannot make the log %s", path);
	free(path);
	free(name);
	return r;
}

static void on_output(struct child *child, int stream, const char *bytes, size_t len, void *arg)
{
	struct tree *tree = arg;

	/* A full disk must not look like a run without the error: the log is checked at the end of the run. */
	if (tree->log_fd >= 0 && file_write_all(tree->log_fd, bytes, len, &tree->result.error) < 0)
		file_close(&tree->log_fd);
	if (tree->extractor)
		extractor_feed(tree->extractor, bytes, len);
	if (tree->finder)
		number_finder_feed(tree->finder, bytes, len);
	if (tree->context->verbose)
		tree->context->on_output(tree, bytes, len, tree->context->arg);
}

/* Takes over what `extractor` points to, also on failure. */
static int start_child(struct tree *tree, const char *const *argv, const char *directory, bool of_build,
	void (*on_exit)(struct child *, const struct child_exit *, void *), struct error *err)
{
	const struct tree_context *context = tree->context;
	struct child_options options = CHILD_OPTIONS_INIT;
	struct child_events events = { on_output, on_exit, tree };
	struct strv environment = STRV_INIT;
	int keep = worktree_lock_fd(tree->worktree);
	int r;

	r = open_log(tree, of_build, err);
	if (r < 0)
		return r;
	make_environment(&environment, tree, directory);
	options.argv = argv;
	options.env = strv_argv(&environment);
	options.directory = directory;
	options.timeout_ms = context->plan->timeout_s * 1000;
	options.guard = context->guard;
	options.keep_fds = &keep;
	options.n_keep_fds = keep >= 0;
	if (tree->extractor || tree->finder || context->verbose) {
		options.stdout_fd = options.stderr_fd = CHILD_PIPE;
		options.merge_output = true;
	} else {
		options.stdout_fd = options.stderr_fd = tree->log_fd;
	}
	r = child_start(&tree->child, context->loop, &options, &events, err);
	strv_release(&environment);
	return r;
}

/* What is common to the end of both children; false: the run is over already. */
static bool child_ended(struct tree *tree, const struct child_exit *exit)
{
	child_free(tree->child);
	tree->child = NULL;
	if (tree->extractor)
		extractor_end(tree->extractor, exit->status, exit->signal, exit->timed_out);
	tree->result.exit_status = exit->status;
	tree->result.timed_out = exit->timed_out;
	if (tree->stopping) {
		if (tree->state == TREE_BUILD)
			tree->built[0] = '\0';
		tree_finish(tree, TREE_STOPPED);
		return false;
	}
	if (tree->log_fd < 0) {
		error_prefix(&tree->result.error, "cannot write the log");
		tree_finish(tree, TREE_FAILED);
		return false;
	}
	file_close(&tree->log_fd);
	return true;
}

static void on_build_exit(struct child *child, const struct child_exit *exit, void *arg)
{
	struct tree *tree = arg;
	const struct run_plan *plan = tree->context->plan;
	bool complete = false, seen;

	if (!child_ended(tree, exit))
		return;
	tree->result.built = true;
	tree->result.build_ms = clock_steady_ms() - tree->build_begun_ms;
	seen = tree->extractor && error_was_seen(&complete, &tree->result.error_at, plan, tree->extractor);
	extractor_free(tree->extractor);
	tree->extractor = NULL;
	if (exit->status || seen)
		tree->built[0] = '\0';
	if (seen) {
		tree->result.exact_error = true;
		tree_observe(tree, OBSERVED_BAD);
	} else if (exit->timed_out) {
		error_set(&tree->result.error, ERR_TIMEOUT, "the build took too long");
		tree_observe(tree, OBSERVED_SKIP);
	} else if (exit->status >= 128) {
		/* Out of memory, most likely: another run may fare better. */
		error_set(&tree->result.error, ERR_FAILED, "the build was killed");
		tree_observe(tree, OBSERVED_SKIP);
	} else if (exit->status) {
		error_set(&tree->result.error, ERR_FAILED, "does not build");
		tree_observe(tree, OBSERVED_BROKEN);
	} else if (plan_build_decides(plan)) {
		tree_observe(tree, complete ? OBSERVED_GOOD : OBSERVED_SKIP);
	} else {
		tree->result.exit_status = -1;
		tree_begin_command(tree);
	}
}

/* The exit status as evidence, as `git bisect run` has it. */
static void judge_status(struct tree *tree, const struct child_exit *exit)
{
	char *log;

	if (exit->timed_out) {
		error_set(&tree->result.error, ERR_TIMEOUT, "took too long");
		tree_observe(tree, OBSERVED_SKIP);
	} else if (exit->signal || exit->status >= 128) {
		log = tree_log_name(tree->sequence, tree->commit, false);
		if (exit->signal)
			error_set(&tree->result.error, ERR_FAILED,
				"the command was killed by signal %d (%s) at commit %s, which says neither good nor bad; "
				"its output is in %s/%s", exit->signal, strsignal(exit->signal), tree->commit,
				tree->context->logs_dir, log);
		else
			error_set(&tree->result.error, ERR_FAILED,
				"the command ended with exit status %d at commit %s, which says neither good nor bad (0 is "
				"good, 1 to 127 bad, 125 skip); its output is in %s/%s", exit->status, tree->commit,
				tree->context->logs_dir, log);
		free(log);
		tree_finish(tree, TREE_ABORTED);
	} else if (exit->status == 125) {
		tree_observe(tree, OBSERVED_BROKEN);
	} else {
		tree_observe(tree, exit->status ? OBSERVED_BAD : OBSERVED_GOOD);
	}
}

/* The number counts, of a run that went well. */
static void judge_number(struct tree *tree, const struct child_exit *exit)
{
	double value = number_finder_end(tree->finder);

	if (exit->timed_out || exit->signal || exit->status >= 125) {
		judge_status(tree, exit);
	} else if (exit->status) {
		error_set(&tree->result.error, ERR_FAILED, "exit status %d", exit->status);
		tree_observe(tree, OBSERVED_SKIP);
	} else if (!isfinite(value)) {
		error_set(&tree->result.error, ERR_FAILED, "no line of the output has a number that --metric matches");
		tree_observe(tree, OBSERVED_SKIP);
	} else {
		tree->result.value = value;
		tree_observe(tree, OBSERVED_GOOD);
	}
}

static void on_command_exit(struct child *child, const struct child_exit *exit, void *arg)
{
	struct tree *tree = arg;
	bool complete;

	if (!child_ended(tree, exit))
		return;
	if (tree->finder) {
		judge_number(tree, exit);
		return;
	}
	if (!tree->extractor) {
		judge_status(tree, exit);
		return;
	}
	if (error_was_seen(&complete, &tree->result.error_at, tree->context->plan, tree->extractor)) {
		tree->result.exact_error = true;
		tree_observe(tree, OBSERVED_BAD);
	} else if (exit->status == 125 && !exit->signal) {
		tree_observe(tree, OBSERVED_BROKEN);
	} else if (complete) {
		tree_observe(tree, OBSERVED_GOOD);
	} else {
		error_set(&tree->result.error, ERR_FAILED, "ended early without the error asked for");
		tree_observe(tree, OBSERVED_SKIP);
	}
}

/* NULL: the directory is not in this commit. */
static char *tree_directory(const struct tree *tree)
{
	const char *below = tree->context->plan->directory;
	char *path = mem_printf("%s%s%s", worktree_path(tree->worktree), *below ? "/" : "", below);
	struct stat st;

	if (!stat(path, &st) && S_ISDIR(st.st_mode))
		return path;
	free(path);
	return NULL;
}

static void tree_begin_build(struct tree *tree)
{
	const char *argv[] = { "sh", "-c", tree->context->plan->build, NULL };
	char *directory = tree_directory(tree);
	int r;

	tree->state = TREE_BUILD;
	tree->build_begun_ms = clock_steady_ms();
	if (!directory) {
		tree->built[0] = '\0';
		error_set(&tree->result.error, ERR_NOT_FOUND, "has no directory %s", tree->context->plan->directory);
		tree_observe(tree, OBSERVED_BROKEN);
		return;
	}
	r = extractor_for(&tree->extractor, tree->context->plan, true, &tree->result.error);
	if (r >= 0)
		r = start_child(tree, argv, directory, true, on_build_exit, &tree->result.error);
	free(directory);
	if (r < 0) {
		tree->built[0] = '\0';
		tree_finish(tree, TREE_FAILED);
	}
}

static void tree_begin_command(struct tree *tree)
{
	const struct run_plan *plan = tree->context->plan;
	const char *program = plan->command.v[0];
	char *directory = tree_directory(tree);
	int r;

	tree->state = TREE_COMMAND;
	if (!directory) {
		error_set(&tree->result.error, ERR_NOT_FOUND, "has no directory %s", plan->directory);
		tree_observe(tree, OBSERVED_BROKEN);
		return;
	}
	r = extractor_for(&tree->extractor, plan, false, &tree->result.error);
	if (r >= 0 && plan->metric)
		r = number_finder_new(&tree->finder, plan->metric, &tree->result.error);
	if (r >= 0)
		r = start_child(tree, strv_argv(&plan->command), directory, false, on_command_exit,
			&tree->result.error);
	free(directory);
	if (r >= 0)
		return;
	/* A program of the work tree that this commit does not have (yet): the test cannot start, which is no evidence. */
	if (program[0] != '/' && strchr(program, '/') && (r == -ERR_NOT_FOUND || r == -ERR_DENIED))
		tree_observe(tree, OBSERVED_BROKEN);
	else
		tree_finish(tree, TREE_FAILED);
}

/* --- Stopping --- */

static void on_kill_timer(evutil_socket_t fd, short what, void *arg)
{
	struct tree *tree = arg;

	child_kill(tree->child, SIGKILL);
}

void tree_stop(struct tree *tree, bool hard)
{
	const struct timeval grace = { STOP_GRACE_S, 0 };

	if (tree->state == TREE_IDLE || (tree->stopping && !hard))
		return;
	tree->stopping = true;
	if (!tree->child)
		return;
	child_kill(tree->child, hard ? SIGKILL : SIGTERM);
	if (!tree->kill_timer)
		tree->kill_timer = evtimer_new(tree->context->loop, on_kill_timer, tree);
	if (!tree->kill_timer || evtimer_add(tree->kill_timer, &grace) < 0)
		abort();
}
