#include "cli/run_report.h"

#include <jansson.h>
#include <math.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "cli/run.h"
#include "cli/run_evidence.h"
#include "cli/run_tree.h"

#define LINE_MAX_SHOWN 1000

struct check {
	char *name;
	const char *commit;
	char *result;
	int passed;		/* -1: nothing was asked */
};

struct checks {
	struct check *v;
	size_t n, cap;
};

static const int exits[VERDICT_NKINDS] = {
	[VERDICT_NONE] = RUN_EXIT_FAILED,
	[VERDICT_CULPRIT] = RUN_EXIT_CULPRIT,
	[VERDICT_RANGE] = RUN_EXIT_RANGE,
	[VERDICT_NOT_REPRODUCED] = RUN_EXIT_NOT_REPRODUCED,
	[VERDICT_NO_GOOD_COMMIT] = RUN_EXIT_NO_GOOD_COMMIT,
	[VERDICT_INCONSISTENT] = RUN_EXIT_INCONSISTENT,
	[VERDICT_NO_CHANGE] = RUN_EXIT_NO_CHANGE,
	[VERDICT_UNDECIDED] = RUN_EXIT_UNDECIDED,
};

/* --- Checks --- */

static void check_add(struct checks *checks, const struct report *report, const char *name, uint32_t commit,
	enum observation wanted, bool believed)
{
	unsigned counts[OBSERVED_NKINDS], runs = 0;
	struct check *check;

	search_counts(report->search, commit, counts);
	for (unsigned i = 0; i < OBSERVED_NKINDS; i++)
		runs += counts[i];
	MEM_GROW(checks->v, checks->n + 1, checks->cap);
	check = &checks->v[checks->n++];
	check->name = mem_strdup(name);
	check->commit = report->history->hex[commit];
	check->passed = counts[wanted] > 0;
	if (!runs) {
		check->result = mem_strdup(believed ? "believed, not run" : "not run");
		check->passed = -1;
		return;
	}
	/* A bad commit may pass by luck; a good one must never show the error. */
	if (wanted == OBSERVED_GOOD && counts[OBSERVED_BAD])
		check->passed = 0;
	check->result = mem_printf("%s in %u of %u run%s", wanted == OBSERVED_BAD ? "bad" : "good", counts[wanted],
		runs, runs == 1 ? "" : "s");
}

/* A good end that the search had no need to run: the good commits that contain it speak for it. */
static void check_good_end(struct checks *checks, const struct report *report, const struct search_verdict *verdict,
	uint32_t end, bool believed)
{
	unsigned own[OBSERVED_NKINDS], above[OBSERVED_NKINDS];
	struct check *check;

	check_add(checks, report, "good end", end, OBSERVED_GOOD, believed);
	check = &checks->v[checks->n - 1];
	if (check->passed >= 0 || believed || verdict->kind != VERDICT_CULPRIT)
		return;
	search_counts(report->search, end, own);
	search_counts_above(report->search, end, verdict->culprit, above);
	if (own[OBSERVED_SKIP] || own[OBSERVED_BROKEN] || !above[OBSERVED_GOOD] || above[OBSERVED_BAD])
		return;
	free(check->result);
	check->result = mem_printf("not run; commits that contain it are good in %u of %u run%s", above[OBSERVED_GOOD],
		above[OBSERVED_GOOD], above[OBSERVED_GOOD] == 1 ? "" : "s");
	check->passed = 1;
}

static void check_number(struct checks *checks, const struct report *report, const char *name, uint32_t commit, bool want_bad)
{
	struct measured of = measure_of(report->history, commit, report->records, report->n_records);
	struct check *check;

	MEM_GROW(checks->v, checks->n + 1, checks->cap);
	check = &checks->v[checks->n++];
	check->name = mem_strdup(name);
	check->commit = report->history->hex[commit];
	check->passed = !of.runs || !report->measure->known || !report->measure->metric.differs ? -1 :
		(metric_log_ratio(&report->measure->metric, of.mean) > 0) == want_bad;
	check->result = of.runs ? mem_printf("%.6g on average of %zu run%s", of.mean, of.runs, of.runs == 1 ? "" : "s") :
		mem_strdup("not run");
}

static void check_numbers(struct checks *checks, const struct report *report, const struct search_verdict *verdict)
{
	const struct history *history = report->history;
	const struct graph *graph = &history->graph;

	check_number(checks, report, "bad end", history->bad, true);
	for (size_t i = 0; i < history->n_good; i++)
		check_number(checks, report, "good end", history->good[i], false);
	if (verdict->kind != VERDICT_CULPRIT)
		return;
	check_number(checks, report, "culprit", verdict->culprit, true);
	for (uint32_t e = graph->first[verdict->culprit]; e < graph->first[verdict->culprit + 1]; e++)
		check_number(checks, report, "parent", graph->parent[e], false);
}

static void checks_make(struct checks *checks, const struct report *report, const struct search_verdict *verdict)
{
	const struct history *history = report->history;
	const struct graph *graph = &history->graph;
	bool believed = report->plan->trust || report->plan->trust_ends, fix = report->plan->fix;

	if (report->measure) {
		check_numbers(checks, report, verdict);
		return;
	}
	check_add(checks, report, fix ? "good end" : "bad end", history->bad, fix ? OBSERVED_GOOD : OBSERVED_BAD, believed);
	for (size_t i = 0; i < history->n_good; i++) {
		if (fix)
			check_add(checks, report, "bad end", history->good[i], OBSERVED_BAD, believed);
		else
			check_good_end(checks, report, verdict, history->good[i], believed);
	}
	if (verdict->kind != VERDICT_CULPRIT)
		return;
	check_add(checks, report, fix ? "fix" : "culprit", verdict->culprit, fix ? OBSERVED_GOOD : OBSERVED_BAD, believed);
	for (uint32_t e = graph->first[verdict->culprit]; e < graph->first[verdict->culprit + 1]; e++)
		check_add(checks, report, "parent", graph->parent[e], fix ? OBSERVED_BAD : OBSERVED_GOOD,
			believed || !history->in_range[graph->parent[e]]);
}

static void checks_release(struct checks *checks)
{
	for (size_t i = 0; i < checks->n; i++) {
		free(checks->v[i].name);
		free(checks->v[i].result);
	}
	free(checks->v);
}

/* --- JSON --- */

/* Subjects need not be UTF-8. */
static json_t *printable(const char *text)
{
	struct str shown = STR_INIT;
	json_t *json;

	str_add_printable(&shown, text ? text : "", text ? strlen(text) : 0, LINE_MAX_SHOWN);
	json = json_string(shown.buf);
	str_release(&shown);
	return json ? json : json_string("");
}

static double rounded(double value, double unit)
{
	return round(value / unit) * unit;
}

static json_t *checks_to_json(const struct checks *checks)
{
	json_t *list = json_array();

	for (size_t i = 0; i < checks->n; i++) {
		const struct check *check = &checks->v[i];

		json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:o}", "name", check->name, "commit",
			check->commit, "result", check->result, "passed",
			check->passed < 0 ? json_null() : json_boolean(check->passed)));
	}
	return list;
}

static json_t *prior_to_json(const struct prior *prior)
{
	json_t *files = json_array();

	if (!prior) {
		json_decref(files);
		return json_null();
	}
	for (size_t i = 0; i < prior->files.n; i++)
		json_array_append_new(files, printable(prior->files.v[i]));
	return json_pack("{s:o, s:I}", "files", files, "commits", (json_int_t)prior->n_commits);
}

static void print_json(json_t *object)
{
	char *text = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(6));

	printf("%s\n", text);
	fflush(stdout);
	free(text);
	json_decref(object);
}

void report_no_verdict(const char *kind, const char *reason, size_t runs, int64_t elapsed_ms)
{
	json_t *object = json_object();

	json_object_set_new(object, "verdict", json_string(kind));
	json_object_set_new(object, "commit", json_null());
	json_object_set_new(object, "confidence", json_real(0));
	json_object_set_new(object, "candidates", json_array());
	json_object_set_new(object, "runs", json_integer((json_int_t)runs));
	json_object_set_new(object, "seconds", json_real((double)elapsed_ms / 1000));
	json_object_set_new(object, "reason", printable(reason));
	print_json(object);
}

static void report_json(const struct report *report, const struct search_verdict *verdict, const char *commit,
	const struct commit_info *info, const struct checks *checks, const struct evidence *evidence)
{
	const struct history *history = report->history;
	json_t *object = json_object(), *candidates = json_array(), *likelihoods = json_array(), *good = json_array(), *notes = json_array();

	for (size_t i = 0; i < verdict->n_candidates; i++) {
		json_array_append_new(candidates, json_string(history->hex[verdict->candidates[i]]));
		json_array_append_new(likelihoods, json_real(rounded(evidence->belief[verdict->candidates[i]], 1e-4)));
	}
	if (report->plan->fix)
		json_array_append_new(good, json_string(history->hex[history->bad]));
	for (size_t i = 0; i < history->n_good && !report->plan->fix; i++)
		json_array_append_new(good, json_string(history->hex[history->good[i]]));
	for (size_t i = 0; i < history->notes.n; i++)
		json_array_append_new(notes, printable(history->notes.v[i]));
	json_object_set_new(object, "verdict", json_string(verdict_kind_name(verdict->kind)));
	json_object_set_new(object, "commit", commit ? json_string(commit) : json_null());
	json_object_set_new(object, "subject", info ? printable(info->subject) : json_null());
	json_object_set_new(object, "author", info ? printable(info->author) : json_null());
	json_object_set_new(object, "merge", json_boolean(verdict->kind == VERDICT_CULPRIT && verdict->is_merge));
	json_object_set_new(object, "confidence", json_real(rounded(verdict->confidence, 1e-4)));
	json_object_set_new(object, "candidates", candidates);
	json_object_set_new(object, "likelihoods", likelihoods);
	json_object_set_new(object, "good", good);
	json_object_set_new(object, "bad", json_string(history->hex[report->plan->fix ? history->good[0] : history->bad]));
	json_object_set_new(object, "fix", json_boolean(report->plan->fix));
	json_object_set_new(object, "runs", json_integer((json_int_t)report->n_records));
	json_object_set_new(object, "seconds", json_real((double)report->elapsed_ms / 1000));
	json_object_set_new(object, "checks", checks_to_json(checks));
	json_object_set_new(object, "evidence", report->measure ? json_null() :
		evidence_to_json(evidence, report->search, history, verdict));
	json_object_set_new(object, "metric", report->measure ? measure_to_json(report->measure, history, verdict, report->records,
		report->n_records) : json_null());
	json_object_set_new(object, "prior", prior_to_json(report->prior));
	json_object_set_new(object, "notes", notes);
	json_object_set_new(object, "reason", printable(verdict->reason));
	json_object_set_new(object, "logs", printable(report->logs_dir));
	print_json(object);
}

/* --- Text --- */

static void print_foreign(const char *before, const char *text)
{
	struct str shown = STR_INIT;

	str_add_printable(&shown, text, strlen(text), LINE_MAX_SHOWN);
	printf("%s%s\n", before, shown.buf);
	str_release(&shown);
}

static void print_commit(const struct commit_info *info)
{
	char when[32];

	printf("commit %s\n", info->hex);
	if (info->n_parents > 1) {
		printf("Merge:");
		for (size_t i = 0; i < info->n_parents; i++)
			printf(" %.8s", info->parents[i]);
		printf("\n");
	}
	print_foreign("Author: ", info->author);
	printf("Date:   %s\n\n", clock_format(when, sizeof(when), info->time_s * 1000));
	print_foreign("    ", info->subject);
	printf("\n");
}

/* Where to look when an end of the range is not what it was said to be. */
static void print_log_of(const struct report *report, uint32_t commit)
{
	for (size_t i = report->n_records; i-- > 0;) {
		const struct run_record *record = &report->records[i];
		char *name, *path;

		if (strcmp(record->commit, report->history->hex[commit]) != 0)
			continue;
		printf("its last run: %s", observation_name(record->observation));
		if (record->exit_status >= 0)
			printf(", exit status %d", record->exit_status);
		name = tree_log_name(record->sequence, record->commit, record->exit_status < 0 ||
			(record->observation == OBSERVED_BROKEN && record->built && record->exit_status != 125));
		path = mem_printf("%s/%s", report->logs_dir, name);
		/* Nothing was written where the command could not be started. */
		if (!access(path, F_OK))
			printf(", output in %s", path);
		printf("\n");
		free(path);
		free(name);
		return;
	}
}

/* The one that has to show the error; of several the first that did not. */
static uint32_t end_that_shows(const struct report *report)
{
	const struct history *history = report->history;
	unsigned counts[OBSERVED_NKINDS];

	if (!report->plan->fix)
		return history->bad;
	for (size_t i = 0; i < history->n_good; i++) {
		search_counts(report->search, history->good[i], counts);
		if (!counts[OBSERVED_BAD])
			return history->good[i];
	}
	return history->good[0];
}

static void print_verdict(const struct report *report, const struct search_verdict *verdict, const char *commit,
	const struct commit_info *info, const struct evidence *evidence)
{
	const struct history *history = report->history;
	bool fix = report->plan->fix;
	const char *wanted = fix ? "good" : "bad";
	uint32_t end = end_that_shows(report);
	unsigned counts[OBSERVED_NKINDS];

	switch (verdict->kind) {
	case VERDICT_CULPRIT:
		printf("%s is the first %s commit\n", commit, wanted);
		if (info)
			print_commit(info);
		if (verdict->is_merge)
			printf("It is a merge, and each of its parents is %s: the %s came with merging them.\n\n",
				fix ? "bad" : "good", fix ? "fix" : "error");
		break;
	case VERDICT_RANGE:
		printf("There are only 'skip'ped commits left to test.\nThe first %s commit could be any of:\n", wanted);
		for (size_t i = 0; i < verdict->n_candidates; i++)
			printf("%s\n", history->hex[verdict->candidates[i]]);
		printf("We cannot bisect more!\n\n");
		break;
	case VERDICT_NOT_REPRODUCED:
		search_counts(report->search, end, counts);
		printf(counts[OBSERVED_GOOD] ? "not reproduced: the bad end %s does not show the error\n" :
			"not reproduced: the bad end %s could not be tested\n", history->hex[end]);
		print_log_of(report, end);
		printf("\n");
		break;
	case VERDICT_NO_GOOD_COMMIT:
		printf("no good commit: the good end %s %s the error\n", commit, fix ? "still shows" : "shows");
		print_log_of(report, verdict->culprit);
		printf("\n");
		break;
	case VERDICT_NO_CHANGE:
		printf("no change: %s\n\n", report->measure ? "the ends measure alike" :
			"the error shows alike on both sides of every commit of the range");
		break;
	case VERDICT_UNDECIDED:
		printf("undecided; the likeliest first %s commits:\n", wanted);
		for (size_t i = 0; i < verdict->n_candidates; i++)
			printf("%s  %.1f %%\n", history->hex[verdict->candidates[i]],
				100 * evidence->belief[verdict->candidates[i]]);
		printf("\n");
		break;
	default:
		printf("%s\n\n", verdict_kind_name(verdict->kind));
	}
	if (verdict->reason[0])
		printf("%s\n", verdict->reason);
}

static void report_text(const struct report *report, const struct search_verdict *verdict, const char *commit,
	const struct commit_info *info, const struct checks *checks, const struct evidence *evidence)
{
	char duration[64];

	print_verdict(report, verdict, commit, info, evidence);
	if (verdict->kind == VERDICT_CULPRIT)
		printf("confidence %.1f %%, ", floor(verdict->confidence * 1000) / 10);
	printf("%zu run%s, %s\n\n", report->n_records, report->n_records == 1 ? "" : "s",
		clock_format_duration(duration, sizeof(duration), report->elapsed_ms));
	for (size_t i = 0; i < checks->n; i++) {
		const struct check *check = &checks->v[i];

		printf("  %-9s %.12s  %-4s %s\n", check->name, check->commit,
			check->passed < 0 ? "-" : check->passed ? "ok" : "FAIL", check->result);
	}
	if (!report->measure)
		evidence_print(evidence, report->history, report->plan->fix);
	if (report->plan->trust && verdict->kind == VERDICT_CULPRIT)
		printf("  --trust: every single run was believed\n");
	if (report->prior && report->prior->files.n) {
		printf("  tried first: %zu commit%s that touch%s what the error names:\n", report->prior->n_commits,
			report->prior->n_commits == 1 ? "" : "s", report->prior->n_commits == 1 ? "es" : "");
		for (size_t i = 0; i < report->prior->files.n; i++)
			print_foreign("    ", report->prior->files.v[i]);
	}
	for (size_t i = 0; i < report->history->notes.n; i++)
		print_foreign("  note: ", report->history->notes.v[i]);
	printf("\nlogs: %s\n", report->logs_dir);
	fflush(stdout);
}

int report_verdict(const struct report *report)
{
	struct search_verdict told = *search_verdict(report->search);
	const struct search_verdict *verdict = &told;
	const struct history *history = report->history;
	struct commit_info info;
	const struct commit_info *known = NULL;
	const char *commit = NULL;
	struct checks checks = { NULL, 0, 0 };
	struct evidence evidence;

	if (report->measure && measure_has_no_change(report->measure))
		measure_no_change(report->measure, &told);
	else if (report->measure && told.kind == VERDICT_CULPRIT)
		measure_reason(report->measure, history, report->records, report->n_records, &told);
	if (verdict->kind == VERDICT_CULPRIT || verdict->kind == VERDICT_NO_GOOD_COMMIT)
		commit = history->hex[verdict->culprit];
	if (commit && commit_info_read(&info, report->repository, commit, NULL) >= 0)
		known = &info;
	checks_make(&checks, report, verdict);
	evidence_make(&evidence, report->search, history, verdict);
	if (report->json)
		report_json(report, verdict, commit, known, &checks, &evidence);
	else
		report_text(report, verdict, commit, known, &checks, &evidence);
	checks_release(&checks);
	evidence_release(&evidence);
	if (known)
		commit_info_release(&info);
	return exits[verdict->kind];
}
