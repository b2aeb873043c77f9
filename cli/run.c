#include "cli/run.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/child.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "cli/budget.h"
#include "cli/run_engine.h"
#include "cli/run_journal.h"
#include "cli/run_progress.h"
#include "cli/run_report.h"
#include "cli/run_tree.h"
#include "git/history.h"
#include "git/mirror.h"
#include "git/worktree.h"
#include "job/errorid.h"

/* Prior chance that a bad commit always shows the error, unless the user says that it comes and goes. */
#define REPRODUCIBLE 0.9

struct run_values {
	struct strv good;
	char *bad;
	long long jobs, timeout_s;
	char *confidence, *budget;
	char *error_id, *match, *metric, *direction, *build, *rules_dir;
	long long samples;
	bool clean, first_parent, fix, prior_from_error, trust, trust_ends, flaky, keep_worktrees, json, verbose;
	bool go_on, abort, restart;
};

#define AT(member) offsetof(struct run_values, member)

static const struct setting run_settings[] = {
	{ .type = SETTING_HEADING, .name = "", .help = "The range" },
	{ .name = "good", .type = SETTING_LIST, .offset = AT(good), .argument = "REV", .only_command_line = true,
		.help = "A commit without the error.  One that is no ancestor of the bad "
			"end is replaced by the merge base of the two." },
	{ .name = "bad", .type = SETTING_STRING, .offset = AT(bad), .argument = "REV", .only_command_line = true,
		.help = "A commit with the error." },
	{ .name = "fix", .type = SETTING_FLAG, .offset = AT(fix), .only_command_line = true,
		.help = "Find the first commit without the error instead: --bad is the old end, which shows it, --good the "
			"new one, which does not any more.  A commit that does not contain the old end is not run, and "
			"never named alone: it may lack the error because that was not there yet." },
	{ .name = "first-parent", .type = SETTING_FLAG, .offset = AT(first_parent), .only_command_line = true,
		.help = "Follow only the first parent of merges." },
	{ .type = SETTING_HEADING, .name = "", .help = "What is evidence" },
	{ .name = "error-id", .type = SETTING_STRING, .offset = AT(error_id), .argument = "ID",
		.only_command_line = true,
		.help = "Only this error, found in the output, makes a commit bad, whatever the exit status.  Without "
			"it a run is good if it got to its end (exit status 0, or all points of a TAP plan), and says "
			"nothing otherwise.  An id of a build error (build-pkg.*) makes the build the run, "
			"each time from a clean tree." },
	{ .name = "match", .type = SETTING_STRING, .offset = AT(match), .argument = "REGEX",
		.only_command_line = true,
		.help = "The same for any line of output that this Perl-compatible pattern matches." },
	{ .name = "rules-dir", .type = SETTING_STRING, .offset = AT(rules_dir), .argument = "DIR",
		.only_command_line = true,
		.help = "Directory with the rules of error ids (*.yaml); default: those installed with this program." },
	{ .name = "metric", .type = SETTING_STRING, .offset = AT(metric), .argument = "REGEX",
		.only_command_line = true,
		.help = "A number in the output is what counts (a time, a size): find the commit that changed it.  REGEX has one "
			"group, around the number, as in 'time: ([0-9.]+) ms'; of several lines that match the last one counts.  Both ends "
			"are run several times first, in turns, which tells how much the number varies; a run that fails says nothing.  "
			"With -j, runs at the same time must not slow each other down." },
	{ .name = "direction", .type = SETTING_STRING, .offset = AT(direction), .argument = "up|down|either",
		.only_command_line = true,
		.help = "How the metric of the bad end differs.  Default: either." },
	{ .name = "samples", .type = SETTING_NUMBER, .offset = AT(samples), .argument = "N", .min = METRIC_LEAST, .max = 10000,
		.only_command_line = true,
		.help = "Runs of each end for the metric.  Default: 12, for a change of two deviations; a smaller one needs more." },
	{ .name = "trust", .type = SETTING_FLAG, .offset = AT(trust), .only_command_line = true,
		.help = "Believe both ends unseen and every single run, as git bisect does: fewest runs, no checks." },
	{ .name = "trust-ends", .type = SETTING_FLAG, .offset = AT(trust_ends), .only_command_line = true,
		.help = "Believe both ends unseen; the culprit is still confirmed." },
	{ .name = "flaky", .type = SETTING_FLAG, .offset = AT(flaky), .only_command_line = true,
		.help = "The error may come and go: more runs before a commit is named.  Without it bad commits are "
			"expected to show the error every time, until one is seen that does not." },
	{ .name = "prior-from-error", .type = SETTING_FLAG, .offset = AT(prior_from_error), .only_command_line = true,
		.help = "Try commits first that touch a file which the error names (lines of compilers, stack frames, kernel "
			"messages).  What it names is read from the first run that shows it; that it names the wrong file "
			"costs a run or two." },
	{ .name = "confidence", .type = SETTING_STRING, .offset = AT(confidence), .argument = "P",
		.only_command_line = true,
		.help = "How sure the verdict has to be, from 0.5 to 0.999999.  Default: 0.99." },
	{ .name = "budget", .type = SETTING_STRING, .offset = AT(budget), .argument = "RUNS|TIME",
		.only_command_line = true,
		.help = "End after so many runs (500), or after so much time (90s, 15m, 6h, 2d), with the likeliest commits "
			"so far.  What went before --continue counts.  Default: 5000 runs, any time." },
	{ .type = SETTING_HEADING, .name = "", .help = "Running" },
	{ .name = "jobs", .letter = 'j', .type = SETTING_NUMBER, .offset = AT(jobs), .argument = "N", .min = 1,
		.max = 256, .only_command_line = true,
		.help = "Commits tested at once, each in a work tree of its own.  Default: 1." },
	{ .name = "build", .type = SETTING_STRING, .offset = AT(build), .argument = "SCRIPT",
		.only_command_line = true,
		.help = "A script for `sh -c` that builds a commit before the command tests it.  A commit that does "
			"not build is passed over.  Repeated tests of a commit use the build that is there." },
	{ .name = "timeout", .type = SETTING_SECONDS, .offset = AT(timeout_s), .argument = "TIME",
		.only_command_line = true,
		.help = "End a build or a test that takes longer (90s, 15m, 6h); such a run says nothing." },
	{ .name = "clean", .type = SETTING_FLAG, .offset = AT(clean), .only_command_line = true,
		.help = "Remove untracked and ignored files before each build, too.  Without this they stay, so that "
			"builds are incremental." },
	{ .name = "keep-worktrees", .type = SETTING_FLAG, .offset = AT(keep_worktrees), .only_command_line = true,
		.help = "Leave the work trees for the next run, which starts warm then." },
	{ .type = SETTING_HEADING, .name = "", .help = "Output" },
	{ .name = "json", .type = SETTING_FLAG, .offset = AT(json), .only_command_line = true,
		.help = "Print the result as one JSON object on one line." },
	{ .name = "verbose", .letter = 'v', .type = SETTING_FLAG, .offset = AT(verbose), .only_command_line = true,
		.help = "Show the output of builds and tests as it comes." },
	{ .type = SETTING_HEADING, .name = "", .help = "A run that was interrupted" },
	{ .name = "continue", .type = SETTING_FLAG, .offset = AT(go_on), .only_command_line = true,
		.help = "Go on where the last run stopped: no finished run is repeated.  Range, command and what is "
			"evidence are those of that run; -j, -v, --json and --keep-worktrees may be given anew.  --budget gives so many runs or "
			"so much time more from now on, also to a run that has ended because its budget was spent." },
	{ .name = "abort", .type = SETTING_FLAG, .offset = AT(abort), .only_command_line = true,
		.help = "Forget the last run and remove its work trees." },
	{ .name = "restart", .type = SETTING_FLAG, .offset = AT(restart), .only_command_line = true,
		.help = "Forget the last run, and start this one." },
	{ .name = NULL },
};

const struct command run_command = {
	.name = "run",
	.synopsis = "--good REV --bad REV [options] [--] COMMAND [ARGUMENT...]",
	.summary = "find the first bad commit of this repository, as git bisect run does",
	.description =
		"Runs COMMAND on commits between a good and a bad one, each checked out in a work tree below the git "
		"directory, and names the first bad commit.  The checkout you stand in, its index, HEAD and refs are left "
		"alone; a git bisect may be under way.  COMMAND starts in the root of the work tree, or where you "
		"stand below it; its standard input is empty and its output goes to a log below bisectd/logs in the git "
		"directory.  It finds the commit in BISECTD_COMMIT and the number of its work tree, from 0, in "
		"BISECTD_SLOT (for ports and other things that runs at the same time must not share).\n\n"
		"Its exit status means what it means to git bisect run: 0 good, 1 to 127 bad, 125 cannot be tested; 128 "
		"and more, or death by a signal, ends the bisection, and so does 126 or 127 (a shell did not find or may not "
		"run a command) where a good end gives it, too.  A COMMAND that is a tracked file and is missing in a commit "
		"says nothing of that commit; one that is not tracked is run from where it is.\n\n"
		"Both ends are verified, and the culprit and its parents are run again before they are believed, unless "
		"--trust is given.\n\n"
		"Exit status: 0 the first bad commit (with --fix the first good one) was found; 1 failure, or COMMAND ended with 128 or more; 2 wrong usage; "
		"3 only commits that cannot be tested are left; 4 the bad end does not show the error; 5 a good end shows "
		"the error; 6 the observations contradict each other; 7 the error shows alike everywhere; 8 the budget "
		"is spent, or no run can tell more; 130 interrupted, --continue goes on.",
	.settings = run_settings,
	.size = sizeof(struct run_values),
};

/* Everything of one call, so that there is one way out. */
struct run {
	struct run_values values;
	struct strv command;
	unsigned budget_runs;		/* of --budget; 0: not given */
	int64_t budget_s;		/* likewise */
	struct repository *repository;
	char *state_dir, *trees_dir, *logs_dir;
	int lock;
	struct run_plan plan;
	struct history history;
	bool has_history;
	struct search *search;
	struct journal *journal;
	struct engine engine;
	struct progress progress;
};

static void run_release(struct run *run)
{
	journal_free(run->journal);
	search_free(run->search);
	if (run->has_history)
		history_release(&run->history);
	run_plan_release(&run->plan);
	free(run->engine.records);
	prior_release(&run->engine.prior);
	measure_release(&run->engine.measure);
	repository_free(run->repository);
	free(run->state_dir);
	free(run->trees_dir);
	free(run->logs_dir);
	strv_release(&run->command);
	settings_release(&run->values, &run_command);
	file_close(&run->lock);
}

/* --- Before anything is touched --- */

static int direction_read(enum metric_direction *ret, const char *text, struct error *err)
{
	static const char *const names[METRIC_NDIRECTIONS] = { "either", "up", "down" };

	for (int i = 0; i < METRIC_NDIRECTIONS; i++) {
		if (!strcmp(names[i], text)) {
			*ret = (enum metric_direction)i;
			return 0;
		}
	}
	return error_set(err, ERR_INVALID, "--direction: found \"%.40s\", allowed are up, down, either", text);
}

static int check_metric(const struct run_values *values, struct error *err)
{
	enum metric_direction direction;

	if (!values->metric && (values->direction || values->samples))
		return error_set(err, ERR_INVALID, "--direction and --samples belong to --metric REGEX, which is missing");
	if (values->metric && (values->error_id || values->match || values->fix || values->trust || values->trust_ends ||
		values->flaky || values->prior_from_error))
		return error_set(err, ERR_INVALID, "--metric excludes --error-id, --match, --fix, --trust, --trust-ends, --flaky and "
			"--prior-from-error: there is no error, and both ends are measured");
	return values->direction ? direction_read(&direction, values->direction, err) : 0;
}

static int check_usage(struct run *run, struct error *err)
{
	int r;

	const struct run_values *values = &run->values;
	bool describes = values->good.n || values->bad || values->error_id || values->match || values->build ||
		values->rules_dir || values->timeout_s || values->clean || values->first_parent || values->fix || values->trust || values->trust_ends ||
		values->flaky || values->prior_from_error || values->confidence || values->metric ||
		values->direction || values->samples || run->command.n;

	if (values->go_on + values->abort + values->restart > 1)
		return error_set(err, ERR_INVALID, "--continue, --abort and --restart exclude each other");
	if (values->budget && budget_read(&run->budget_runs, &run->budget_s, values->budget, err) < 0)
		return error_prefix(err, "--budget");
	if (values->go_on || values->abort) {
		if (describes || (values->abort && values->budget))
			return error_set(err, ERR_INVALID, "%s takes range and command from the run that was interrupted: "
				"give neither", values->go_on ? "--continue" : "--abort");
		return 0;
	}
	if (!values->good.n || !values->bad)
		return error_set(err, ERR_INVALID, "%s is missing (see --help)",
			values->bad ? "--good REV" : "--bad REV");
	if (values->fix && values->good.n > 1)
		return error_set(err, ERR_INVALID, "--fix takes one --good: the newer end, without the error");
	if (values->error_id && values->match)
		return error_set(err, ERR_INVALID, "--error-id and --match exclude each other");
	if (values->rules_dir && !values->error_id && !values->match)
		return error_set(err, ERR_INVALID, "--rules-dir belongs to --error-id ID or --match REGEX, which are missing");
	r = check_metric(values, err);
	if (r < 0)
		return r;
	if (!run->command.n && !(values->build && values->error_id && str_has_prefix(values->error_id, "build-pkg.")))
		return error_set(err, ERR_INVALID, "the command to run is missing (see --help)");
	return 0;
}

/* Where the user stands below the root of the work tree; "" outside of one. */
static char *directory_below(const char *root)
{
	char *here = realpath(".", NULL), *top = root ? realpath(root, NULL) : NULL, *below = NULL;
	size_t len = top ? strlen(top) : 0;

	if (here && top && str_has_prefix(here, top) && here[len] == '/')
		below = mem_strdup(here + len + 1);
	free(here);
	free(top);
	return below ? below : mem_strdup("");
}

/* Is this path, seen from here, in the commit? */
static bool is_in_commit(const char *hex, const char *path)
{
	char *object = mem_printf("%s:%s%s", hex,
		str_has_prefix(path, "./") || str_has_prefix(path, "../") ? "" : "./", path);
	const char *argv[] = { "git", "cat-file", "-e", object, NULL };
	bool is = child_check(NULL, argv, NULL, 60000, NULL) >= 0;

	free(object);
	return is;
}

static bool is_own_file(const struct run_plan *plan, const char *path)
{
	struct stat st;

	return path[0] != '/' && path[0] != '-' && !stat(path, &st) && S_ISREG(st.st_mode) &&
		!is_in_commit(run_plan_new_end(plan), path);
}

/*
 * A script of one's own lies in the checkout and is not tracked; git bisect run finds it there in every commit.  The work trees do
 * not have it, so the command is run from where it is; an argument that looks like such a file is only pointed out.
 */
static void find_own_files(struct run *run)
{
	struct run_plan *plan = &run->plan;

	for (size_t i = 0; i < plan->command.n; i++) {
		char *path;

		if ((i == 0 && !strchr(plan->command.v[0], '/')) || !is_own_file(plan, plan->command.v[i]))
			continue;
		path = realpath(plan->command.v[i], NULL);
		if (i == 0 && path) {
			progress_say(&run->progress, "note: %s is not tracked: it is run from where it is",
				plan->command.v[0]);
			free(plan->command.v[0]);
			plan->command.v[0] = path;
			path = NULL;
		} else if (path) {
			progress_say(&run->progress, "note: %s is not tracked, the work trees do not have it; if the "
				"command is to read it, name it %s", plan->command.v[i], path);
		}
		free(path);
	}
}

/* What the work trees will lack, told before hours are spent on it. */
static int check_work_trees(struct run *run, struct error *err)
{
	struct run_plan *plan = &run->plan;
	char *modules = mem_printf("%s:.gitmodules", run_plan_new_end(plan));
	const char *argv[] = { "git", "cat-file", "-e", modules, NULL };
	bool has_modules = child_check(NULL, argv, NULL, 60000, NULL) >= 0;

	free(modules);
	if (*plan->directory && !is_in_commit(run_plan_new_end(plan), ""))
		return error_set(err, ERR_INVALID, "the directory you stand in, %s, is not in the %s commit: start from one that is",
			plan->directory, plan->fix ? "good" : "bad");
	if (has_modules)
		progress_say(&run->progress, "note: submodules are not checked out in the work trees; "
			"`git submodule update --init` in --build or the command does it");
	find_own_files(run);
	return 0;
}

static int plan_make(struct run *run, struct error *err)
{
	const struct run_values *values = &run->values;
	struct run_plan *plan = &run->plan;
	char hex[GIT_HEX + 1];
	int r;

	for (size_t i = 0; i < values->good.n; i++) {
		r = repository_resolve(hex, run->repository, values->good.v[i], err);
		if (r < 0)
			return error_prefix(err, "--good");
		if (!strv_has(&plan->good, hex))
			strv_push(&plan->good, hex);
	}
	r = repository_resolve(plan->bad, run->repository, values->bad, err);
	if (r < 0)
		return error_prefix(err, "--bad");
	strv_push_all(&plan->command, strv_argv(&run->command));
	if (values->confidence) {
		char *end;

		plan->confidence = strtod(values->confidence, &end);
		if (end == values->confidence || *end || !(plan->confidence >= 0.5 && plan->confidence <= 0.999999))
			return error_set(err, ERR_INVALID, "--confidence: \"%s\" is no number from 0.5 to 0.999999",
				values->confidence);
	}
	plan->build = mem_strdup(values->build);
	plan->error_id = mem_strdup(values->error_id);
	plan->match = mem_strdup(values->match);
	plan->metric = mem_strdup(values->metric);
	plan->rules_dir = values->rules_dir ? realpath(values->rules_dir, NULL) : NULL;
	if (values->direction)
		direction_read(&plan->direction, values->direction, NULL);
	plan->samples = values->samples ? values->samples : METRIC_ENOUGH;
	plan->directory = directory_below(repository_work_tree(run->repository));
	plan->trust = values->trust;
	plan->trust_ends = values->trust_ends;
	plan->flaky = values->flaky;
	plan->clean = values->clean;
	plan->first_parent = values->first_parent;
	plan->fix = values->fix;
	plan->prior_from_error = values->prior_from_error;
	plan->timeout_s = values->timeout_s;
	plan->budget = run->budget_runs;
	plan->budget_s = run->budget_s;
	plan->jobs = values->jobs ? values->jobs : 1;
	plan->started_ms = clock_wall_ms();
	return check_work_trees(run, err);
}

/* The repository, its state directory, and the lock on it. */
static int run_open(struct run *run, struct error *err)
{
	char *lock;
	int r;

	r = repository_open(&run->repository, ".", err);
	if (r < 0)
		return r;
	run->state_dir = mem_printf("%s/bisectd", repository_git_dir(run->repository));
	run->trees_dir = mem_printf("%s/worktrees", run->state_dir);
	run->logs_dir = mem_printf("%s/logs", run->state_dir);
	r = dir_make(run->state_dir, 0777, err);
	if (r < 0)
		return r;
	lock = mem_printf("%s/run.lock", run->state_dir);
	r = file_lock(&run->lock, lock, 0, err);
	free(lock);
	if (r == -ERR_UNAVAILABLE)
		return error_set(err, ERR_UNAVAILABLE, "another `bisectctl run` is at work in this repository (%s)",
			run->state_dir);
	return r;
}

/* --- The search --- */

/* A merge base in the place of an old end is nobody's word: git tests it, too. */
static bool has_merge_base(const struct run *run)
{
	const struct history *history = &run->history;

	for (size_t i = 0; i < history->n_good; i++)
		if (run->plan.fix ? strcmp(run->plan.bad, history->hex[history->good[i]]) != 0 :
			!strv_has(&run->plan.good, history->hex[history->good[i]]))
			return true;
	return false;
}

static int search_make(struct run *run, struct error *err)
{
	const char *const old[] = { run->plan.bad, NULL };
	struct search_options options = {
		.fix = run->plan.fix,
		.trust_runs = run->plan.trust || plan_build_decides(&run->plan),
		.reproducible = run->plan.flaky ? 0 : REPRODUCIBLE,
		.confidence = run->plan.confidence,
		.max_runs = (unsigned)run->plan.budget,
	};
	int r;

	if (run->plan.fix)
		r = history_load_fix(&run->history, run->repository, old, run_plan_new_end(&run->plan),
			run->plan.first_parent, err);
	else
		r = history_load(&run->history, run->repository, strv_argv(&run->plan.good), run->plan.bad,
			run->plan.first_parent, err);
	if (r < 0)
		return r;
	run->has_history = true;
	/* That a merge base is like the old end is nobody's word; with `fix` old ends are run anyway. */
	options.verify_good = has_merge_base(run) && !run->plan.fix;
	if (run->plan.prior_known) {
		r = prior_of_files(&run->engine.prior, repository_git_dir(run->repository), &run->history,
			&run->plan.prior_files, err);
		if (r < 0)
			return r;
		options.prior = run->engine.prior.values;
	}
	/* The samples say more of the ends than a run would, and are none of the search. */
	if (run->plan.metric) {
		options.verify_good = false;
		options.trust_ends = true;
		if (options.max_runs)
			options.max_runs = run->plan.budget > 2 * run->plan.samples ?
				(unsigned)(run->plan.budget - 2 * run->plan.samples) : 1;
		run->engine.measure.plan = &run->plan;
		return search_new(&run->search, &run->history.graph, run->history.bad, run->history.good,
			run->history.n_good, &options, err);
	}
	options.trust_ends = (run->plan.trust || run->plan.trust_ends) && !has_merge_base(run);
	return search_new(&run->search, &run->history.graph, run->history.bad, run->history.good,
		run->history.n_good, &options, err);
}

static int replay(struct run *run, struct error *err)
{
	struct engine *engine = &run->engine;
	int r = 0;

	for (size_t i = 0; i < engine->n_records && r == 0; i++) {
		const struct run_record *record = &engine->records[i];
		uint32_t commit = history_find(&run->history, record->commit);

		if (commit == UINT32_MAX)
			return error_set(err, ERR_CORRUPT,
				"the journal speaks of commit %s, which is not in the range any more; --abort forgets it",
				record->commit);
		if (record->is_sample)
			r = measure_add(&engine->measure, record, record->purpose == PURPOSE_VERIFY_BAD, err);
		else if (run->plan.metric)
			measure_tell(&engine->measure, run->search, commit, record, false);
		else
			search_observe(run->search, commit, record->observation, false);
	}
	return r;
}

static int start_anew(struct run *run, struct error *err)
{
	int r;

	if (run->values.restart)
		r = journal_remove(run->state_dir, err);
	else if (journal_exists(run->state_dir))
		r = error_set(err, ERR_EXISTS, "a run in this repository is not finished: go on with it by `bisectctl run "
			"--continue`, forget it by `bisectctl run --abort`, or give --restart");
	else
		r = 0;
	if (r >= 0)
		r = plan_make(run, err);
	if (r >= 0)
		r = search_make(run, err);
	if (r >= 0)
		r = dir_remove(run->logs_dir, err);
	if (r >= 0)
		r = journal_begin(&run->journal, run->state_dir, &run->plan, err);
	return r;
}

/* What --budget gives is given from now on. */
static int add_budget(struct run *run, struct error *err)
{
	struct run_plan *plan = &run->plan;

	if (!run->budget_runs && !run->budget_s)
		return 0;
	plan->budget = run->budget_runs ? (long long)run->engine.n_records + run->budget_runs : 0;
	plan->budget_s = run->budget_s ? run->engine.elapsed_ms / 1000 + run->budget_s : 0;
	return journal_note(run->journal, plan, run->engine.elapsed_ms, err);
}

static int start_again(struct run *run, struct error *err)
{
	struct engine *engine = &run->engine;
	int r;

	if (run->values.budget && !journal_exists(run->state_dir)) {
		r = journal_reopen(run->state_dir, err);
		if (r < 0)
			return r;
	}
	r = journal_resume(&run->journal, &run->plan, &engine->records, &engine->n_records, &engine->elapsed_ms,
		run->state_dir, err);
	if (r < 0)
		return r;
	engine->records_cap = engine->n_records;
	rules_use(run->plan.rules_dir);
	r = plan_check_error(&run->plan, err);
	if (r >= 0)
		r = add_budget(run, err);
	if (r < 0)
		return r;
	r = search_make(run, err);
	return r < 0 ? r : replay(run, err);
}

static void tell_start(struct run *run)
{
	const struct history *history = &run->history;

	for (size_t i = 0; i < history->notes.n; i++)
		progress_say(&run->progress, "note: %s", history->notes.v[i]);
	progress_say(&run->progress, "%s %zu commit%s up to %.12s%s", run->plan.fix ?
		"looking for the fix in" : "bisecting", history->n_range,
		history->n_range == 1 ? "" : "s", history->hex[history->bad],
		run->values.go_on ? ", going on after an interruption" : "");
}

/* --- Ends --- */

static int finish(struct run *run, struct error *err)
{
	int r = journal_finish(run->journal, err);

	/* What a killed run left, too. */
	if (r >= 0 && !run->values.keep_worktrees)
		r = worktree_remove_all(repository_git_dir(run->repository), run->trees_dir, err);
	return r;
}

static int abort_run(struct run *run, struct error *err)
{
	bool existed = journal_exists(run->state_dir);
	int r;

	r = journal_remove(run->state_dir, err);
	if (r >= 0)
		r = worktree_remove_all(repository_git_dir(run->repository), run->trees_dir, err);
	if (r < 0)
		return r;
	progress_say(&run->progress, existed ? "the unfinished run is forgotten" : "there was no unfinished run");
	return 0;
}

static int interrupted(struct run *run)
{
	progress_say(&run->progress, "interrupted; %zu finished run%s kept.  To go on: bisectctl run --continue",
		run->engine.n_records, run->engine.n_records == 1 ? " is" : "s are");
	if (run->values.json)
		report_no_verdict("interrupted", "interrupted", run->engine.n_records, run->engine.elapsed_ms);
	return RUN_EXIT_INTERRUPTED;
}

static bool is_undecided(const struct run *run)
{
	return search_verdict(run->search)->kind == VERDICT_UNDECIDED;
}

static bool has_spent_budget(const struct run *run)
{
	const struct run_plan *plan = &run->plan;

	return is_undecided(run) && (run->engine.spent ||
		(plan->budget && (long long)run->engine.n_records >= plan->budget));
}

/* < 0: an error that nobody has told yet. */
static int bisect(struct run *run, struct error *err)
{
	struct engine *engine = &run->engine;
	struct report report;
	enum engine_end end;
	struct stat st;
	int r, status;

	r = run->values.go_on ? start_again(run, err) : start_anew(run, err);
	if (r >= 0)
		r = dir_make(run->logs_dir, 0777, err);
	if (r < 0)
		return r;
	tell_start(run);
	engine->plan = &run->plan;
	engine->history = &run->history;
	engine->search = run->search;
	engine->journal = run->journal;
	engine->progress = &run->progress;
	engine->git_dir = repository_git_dir(run->repository);
	engine->state_dir = run->state_dir;
	engine->jobs = (unsigned)(run->values.jobs ? run->values.jobs : run->plan.jobs);
	engine->verbose = run->values.verbose;
	engine->keep_trees = run->values.keep_worktrees;
	engine->limit_ms = run->plan.budget_s * 1000;
	r = engine_run(engine, &end, err);
	/* For the next --continue.  Without it only the time of runs that were cut off is missing. */
	if (r < 0 || end == ENGINE_INTERRUPTED || is_undecided(run))
		journal_note(run->journal, &run->plan, engine->elapsed_ms, NULL);
	if (r < 0) {
		progress_say(&run->progress, "%zu finished run%s kept: `bisectctl run --continue` goes on, --abort forgets",
			engine->n_records, engine->n_records == 1 ? " is" : "s are");
		return r;
	}
	if (end == ENGINE_INTERRUPTED)
		return interrupted(run);
	report = (struct report){
		.plan = &run->plan,
		.repository = run->repository,
		.history = &run->history,
		.search = run->search,
		.records = engine->records,
		.n_records = engine->n_records,
		.elapsed_ms = engine->elapsed_ms,
		.logs_dir = run->logs_dir,
		.prior = run->plan.prior_known ? &engine->prior : NULL,
		.measure = run->plan.metric ? &engine->measure : NULL,
		.json = run->values.json,
	};
	r = finish(run, err);
	if (r < 0)
		progress_say(&run->progress, "warning: %s", err->text);
	status = report_verdict(&report);
	if (has_spent_budget(run))
		progress_say(&run->progress, "the budget is spent.  To go on: bisectctl run --continue --budget MORE");
	/* A reader that has seen enough, as head(1), is none of our business. */
	if ((fflush(stdout) != 0 || ferror(stdout)) && !fstat(STDOUT_FILENO, &st) && !S_ISFIFO(st.st_mode))
		return error_set(err, ERR_IO, "cannot write the result (the disk may be full)");
	return status;
}

int run_main(int argc, char **argv)
{
	struct run run = { .lock = -1 };
	struct error err = ERROR_INIT;
	bool done = false;
	int r;

	signal(SIGPIPE, SIG_IGN);
	progress_init(&run.progress);
	git_environment_keep_user_config();
	r = settings_read(&run.values, &run.command, &done, &run_command, "bisectctl", argc, argv, NULL, true, &err);
	if (r < 0) {
		progress_say(&run.progress, "bisectctl run: %s", err.text);
		return RUN_EXIT_USAGE;
	}
	if (done) {
		run_release(&run);
		return 0;
	}
	git_environment_checkouts((unsigned)run.values.jobs);
	git_environment();
	if (run.values.error_id) {
		char *plain = errorid_plain_source(run.values.error_id);

		free(run.values.error_id);
		run.values.error_id = plain;
	}
	r = check_usage(&run, &err);
	rules_use(run.values.rules_dir);
	if (r >= 0 && !run.values.go_on && !run.values.abort) {
		/* A pattern or an id that cannot be meant is wrong usage, too. */
		struct run_plan asked = { .error_id = run.values.error_id, .match = run.values.match, .metric = run.values.metric };

		r = plan_check_error(&asked, &err);
	}
	if (r < 0) {
		progress_say(&run.progress, "bisectctl run: %s", err.text);
		run_release(&run);
		return RUN_EXIT_USAGE;
	}
	r = run_open(&run, &err);
	if (r >= 0)
		r = run.values.abort ? abort_run(&run, &err) : bisect(&run, &err);
	if (r < 0) {
		progress_say(&run.progress, "bisectctl run: %s", err.text);
		if (run.values.json && !run.values.abort)
			report_no_verdict("error", err.text, run.engine.n_records, run.engine.elapsed_ms);
		r = RUN_EXIT_FAILED;
	}
	run_release(&run);
	return r;
}
