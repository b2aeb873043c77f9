/* bisect-sim: plays many bisections and prints what they cost and how often they were right. */
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>

#include "base/mem.h"
#include "base/settings.h"
#include "sim/sim.h"

struct values {
	char *graph, *policy, *bad_pass, *false_fail, *target, *build_mean, *build_cv, *test, *broken, *cached, *sick, *lost,
		*no_change_prior, *reproducible, *broken_run;
	long long from, repeat, history, history_good, slots, trials, seed, max_runs, verify_runs, confirm_bad, confirm_good;
	bool no_change, trust, json, calibration;
};

#define AT(member) offsetof(struct values, member)
#define TEXT(NAME, MEMBER, ARGUMENT, STANDARD, HELP) \
	{ .name = NAME, .type = SETTING_STRING, .offset = AT(MEMBER), .argument = ARGUMENT, .standard = STANDARD, .help = HELP, \
		.only_command_line = true }
#define NUMBER(NAME, MEMBER, STANDARD, MIN, MAX, HELP) \
	{ .name = NAME, .type = SETTING_NUMBER, .offset = AT(MEMBER), .argument = "N", .standard = STANDARD, .min = MIN, \
		.max = MAX, .help = HELP, .only_command_line = true }
#define FLAG(NAME, MEMBER, HELP) \
	{ .name = NAME, .type = SETTING_FLAG, .offset = AT(MEMBER), .help = HELP, .only_command_line = true }

static const struct setting settings[] = {
	{ .type = SETTING_HEADING, .name = "", .help = "The history" },
	TEXT("graph", graph, "GRAPH", "linear:1000", "linear:N, kernel:N (generated, nested merges) or a file with a line of "
		"parents' line numbers for each commit, parents first; the last line is the bad end."),
	NUMBER("from", from, "-1", -1, 4294967294, "The good end: a line number of the file, counted from 0.  Default: what is "
		"older than the file."),
	{ .type = SETTING_HEADING, .name = "", .help = "The error" },
	TEXT("p", bad_pass, "P", "0", "Chance that a run of a bad commit passes."),
	TEXT("false-fail", false_fail, "F", "0", "Chance that a run of a good commit fails."),
	FLAG("no-change", no_change, "There is no culprit: every commit fails with 1 - P."),
	NUMBER("history", history, "0", 0, 1000000, "Runs of the bad end that are known before."),
	NUMBER("history-good", history_good, "-1", -1, 1000000, "Runs of good commits that are known before.  Default: 100 if there "
		"is a history."),
	{ .type = SETTING_HEADING, .name = "", .help = "The policy" },
	TEXT("policy", policy, "NAME", "ours", "ours; oracle (ours, knowing P and F, ends believed); git (with --repeat); bayesect "
		"(git_bayesect's, on the first-parent line); ksection (k equal steps and a barrier)."),
	NUMBER("repeat", repeat, "1", 1, 1000, "git and ksection: passes that make a commit good."),
	FLAG("trust", trust, "ours: believe the ends and every run."),
	TEXT("target", target, "T", "0.99", "Posterior at which to stop."),
	TEXT("reproducible", reproducible, "Q", "0", "ours: prior of an error that bad commits always show; 0: its own."),
	TEXT("no-change-prior", no_change_prior, "Q", "0", "ours: prior of no change; 0: its own, -1: none."),
	NUMBER("verify-runs", verify_runs, "0", 0, 100, "ours: failures of the bad end before the search; 0: its own."),
	NUMBER("confirm-bad", confirm_bad, "0", 0, 100, "ours: failures of the culprit; 0: its own."),
	NUMBER("confirm-good", confirm_good, "0", 0, 100, "ours: passes of each of its parents; 0: its own."),
	NUMBER("max-runs", max_runs, "0", 0, 1000000, "Give up after so many runs; 0: the policy's own."),
	{ .type = SETTING_HEADING, .name = "", .help = "The farm" },
	NUMBER("slots", slots, "1", 1, 64, "Runs at once."),
	TEXT("build-mean", build_mean, "M", "0", "Minutes of a build, log-normally distributed; 0: only runs are counted."),
	TEXT("build-cv", build_cv, "C", "0.5", "Standard deviation of a build by its mean."),
	TEXT("test", test, "T", "2", "Minutes of a test."),
	TEXT("broken", broken, "B", "0", "Share of commits that do not build; they fail after a random part of their build."),
	TEXT("broken-run", broken_run, "L", "1", "How many of them stand together, on average."),
	TEXT("cached", cached, "C", "0", "Share of commits that are built already."),
	TEXT("sick", sick, "F", "0", "One slot fails good commits with this chance."),
	TEXT("lost", lost, "L", "0", "Share of runs that end without a result."),
	{ .type = SETTING_HEADING, .name = "", .help = "The experiment" },
	NUMBER("trials", trials, "1000", 1, 10000000, "Bisections."),
	NUMBER("seed", seed, "1", 0, 9007199254740991, "Of the random numbers."),
	FLAG("calibration", calibration, "Print claimed confidence and share of right verdicts, by tenths of the verdicts."),
	FLAG("json", json, "Print one JSON object on one line."),
	{ .name = NULL },
};

static const struct command command = {
	.name = "bisect-sim",
	.synopsis = "[options]",
	.summary = "measure bisection policies on simulated histories",
	.settings = settings,
	.size = sizeof(struct values),
};

static int parse_real(const char *name, const char *text, double min, double max, double *ret, struct error *err)
{
	char *end;

	errno = 0;
	*ret = strtod(text, &end);
	if (end == text || *end || errno || !(*ret >= min && *ret <= max))
		return error_set(err, ERR_INVALID, "--%s: \"%s\" is no number from %g to %g", name, text, min, max);
	return 0;
}

static int read_settings(const struct values *v, struct settings *s, struct error *err)
{
	*s = (struct settings){
		.no_change = v->no_change,
		.trust = v->trust,
		.earlier_bad = (unsigned)v->history,
		.earlier_good = v->history_good >= 0 ? (unsigned)v->history_good : v->history ? 100 : 0,
		.slots = (unsigned)v->slots,
		.repeat = (unsigned)v->repeat,
		.max_runs = (unsigned)v->max_runs,
		.verify_runs = (unsigned)v->verify_runs,
		.confirm_bad = (unsigned)v->confirm_bad,
		.confirm_good = (unsigned)v->confirm_good,
	};
	const struct {
		const char *name, *text;
		double min, max, *ret;
	} reals[] = {
		{ "p", v->bad_pass, 0, 1, &s->bad_pass },
		{ "false-fail", v->false_fail, 0, 1, &s->false_fail },
		{ "target", v->target, 0.5, 0.999999, &s->target },
		{ "reproducible", v->reproducible, 0, 0.999, &s->reproducible },
		{ "no-change-prior", v->no_change_prior, -1, 0.99, &s->no_change_prior },
		{ "build-mean", v->build_mean, 0, 1e6, &s->build_mean },
		{ "build-cv", v->build_cv, 0, 10, &s->build_cv },
		{ "test", v->test, 1e-3, 1e6, &s->test },
		{ "broken", v->broken, 0, 0.9, &s->broken },
		{ "broken-run", v->broken_run, 1, 1e6, &s->broken_run },
		{ "cached", v->cached, 0, 1, &s->cached },
		{ "sick", v->sick, 0, 1, &s->sick },
		{ "lost", v->lost, 0, 0.9, &s->lost },
	};

	for (size_t i = 0; i < sizeof(reals) / sizeof(*reals); i++) {
		int r = parse_real(reals[i].name, reals[i].text, reals[i].min, reals[i].max, reals[i].ret, err);

		if (r < 0)
			return r;
	}
	return 0;
}

static int read_graph(const struct values *v, struct graph *ret, struct error *err)
{
	const char *colon = strchr(v->graph, ':');
	bool linear = !strncmp(v->graph, "linear:", 7), kernel = !strncmp(v->graph, "kernel:", 7);
	double n;
	int r;

	if (!linear && !kernel)
		return graph_read(ret, v->graph, v->from < 0 ? UINT32_MAX : (uint32_t)v->from, err);
	r = parse_real("graph", colon + 1, 1, 1e8, &n, err);
	if (r < 0)
		return r;
	return linear ? graph_linear(ret, (uint32_t)n, err) : graph_kernel(ret, (uint32_t)n, err);
}

static int find_policy(const char *name, const struct policy **ret, struct error *err)
{
	static const struct policy *const all[] = { &policy_ours, &policy_oracle, &policy_git, &policy_bayesect, &policy_ksection };

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		if (strcmp(all[i]->name, name))
			continue;
		*ret = all[i];
		return 0;
	}
	return error_set(err, ERR_INVALID, "--policy: \"%s\" is none of ours, oracle, git, bayesect, ksection", name);
}

struct claim {
	double confidence;
	bool right;
};

struct tally {
	size_t n, right, wrong, undecided, n_claims;
	double runs, minutes, machine, *run_list, *first_ms, *later_ms;
	size_t n_later, cap_later;
	struct claim *claims;
};

static int compare_reals(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static int compare_claims(const void *a, const void *b)
{
	const struct claim *x = a, *y = b;

	return x->confidence < y->confidence ? -1 : x->confidence > y->confidence;
}

static double quantile(double *list, size_t n, double q)
{
	if (!n)
		return 0;
	qsort(list, n, sizeof(*list), compare_reals);
	return list[(size_t)((double)(n - 1) * q + 0.5)];
}

static void count(struct tally *t, const struct world *world, const struct settings *s, const struct played *played)
{
	bool decided = played->ended.ending == END_CULPRIT || played->ended.ending == END_RANGE ||
		played->ended.ending == END_NO_CHANGE, right;

	if (s->no_change)
		right = played->ended.ending == END_NO_CHANGE;
	else if (played->ended.ending == END_RANGE)
		right = played->ended.in_range;
	else
		right = played->ended.ending == END_CULPRIT && played->ended.culprit == world->culprit;
	if (decided)
		t->claims[t->n_claims++] = (struct claim){ played->ended.confidence, right };
	t->right += right;
	t->wrong += decided && !right;
	t->undecided += !decided;
	t->run_list[t->n] = played->runs;
	t->first_ms[t->n] = played->n_decisions ? played->decision_ms[0] : 0;
	for (unsigned i = 1; i < played->n_decisions; i++) {
		MEM_GROW(t->later_ms, t->n_later + 1, t->cap_later);
		t->later_ms[t->n_later++] = played->decision_ms[i];
	}
	t->runs += played->runs;
	t->minutes += played->minutes;
	t->machine += played->machine_minutes;
	t->n++;
}

static json_t *calibration(struct tally *t)
{
	json_t *list = json_array();

	qsort(t->claims, t->n_claims, sizeof(*t->claims), compare_claims);
	for (size_t tenth = 0; tenth < 10 && t->n_claims >= 10; tenth++) {
		size_t begin = t->n_claims * tenth / 10, end = t->n_claims * (tenth + 1) / 10, right = 0;
		double claimed = 0;

		for (size_t i = begin; i < end; i++) {
			claimed += t->claims[i].confidence;
			right += t->claims[i].right;
		}
		json_array_append_new(list, json_pack("[f, f]", claimed / (double)(end - begin),
			(double)right / (double)(end - begin)));
	}
	return list;
}

static json_t *settings_json(const struct values *v)
{
	return json_pack("{s:s, s:s, s:f, s:f, s:b, s:I, s:I, s:I, s:b, s:f, s:f, s:f, s:f, s:f, s:f, s:I, s:I}",
		"graph", v->graph, "policy", v->policy, "p", atof(v->bad_pass), "false_fail", atof(v->false_fail),
		"no_change", v->no_change, "history", (json_int_t)v->history, "repeat", (json_int_t)v->repeat,
		"slots", (json_int_t)v->slots, "trust", v->trust, "target", atof(v->target),
		"build_mean", atof(v->build_mean), "build_cv", atof(v->build_cv), "test", atof(v->test),
		"broken", atof(v->broken), "cached", atof(v->cached), "trials", (json_int_t)v->trials,
		"seed", (json_int_t)v->seed);
}

static void print(const struct values *v, struct tally *t)
{
	double n = (double)t->n;
	json_t *object = settings_json(v);

	json_object_set_new(object, "mean_runs", json_real(t->runs / n));
	json_object_set_new(object, "p95_runs", json_real(quantile(t->run_list, t->n, 0.95)));
	json_object_set_new(object, "max_runs", json_real(quantile(t->run_list, t->n, 1)));
	json_object_set_new(object, "accuracy", json_real((double)t->right / n));
	json_object_set_new(object, "wrong", json_real((double)t->wrong / n));
	json_object_set_new(object, "undecided", json_real((double)t->undecided / n));
	json_object_set_new(object, "mean_minutes", json_real(t->minutes / n));
	json_object_set_new(object, "machine_minutes", json_real(t->machine / n));
	json_object_set_new(object, "ms_per_decision_first", json_real(quantile(t->first_ms, t->n, 0.5)));
	json_object_set_new(object, "ms_per_decision_median", json_real(quantile(t->later_ms, t->n_later, 0.5)));
	if (v->calibration)
		json_object_set_new(object, "calibration", calibration(t));
	if (v->json) {
		json_dumpf(object, stdout, JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(6));
		printf("\n");
	} else {
		printf("%s on %s, p %s, false failures %s: %.2f runs (95 %% within %.0f), right %.4f, wrong %.4f, undecided %.4f, "
			"%.1f min, %.1f machine min\n", v->policy, v->graph, v->bad_pass, v->false_fail, t->runs / n,
			quantile(t->run_list, t->n, 0.95), (double)t->right / n, (double)t->wrong / n,
			(double)t->undecided / n, t->minutes / n, t->machine / n);
	}
	json_decref(object);
}

static int simulate(const struct values *v, struct error *err)
{
	struct settings s;
	struct graph graph = { 0 };
	const struct policy *policy = NULL;
	struct played *played;
	struct tally t = { 0 };
	int r = read_settings(v, &s, err);

	if (r == 0)
		r = find_policy(v->policy, &policy, err);
	if (r == 0)
		r = read_graph(v, &graph, err);
	if (r == 0 && graph.n < 2)
		r = error_set(err, ERR_INVALID, "--graph: no commit is newer than the good end");
	if (r < 0) {
		graph_release(&graph);
		return r;
	}
	played = mem_alloc(sizeof(*played));
	t.claims = mem_array((size_t)v->trials, sizeof(*t.claims));
	t.run_list = mem_array((size_t)v->trials, sizeof(double));
	t.first_ms = mem_array((size_t)v->trials, sizeof(double));
	for (long long i = 0; i < v->trials; i++) {
		struct random random = { (uint64_t)v->seed * UINT64_C(0x100000001b3) + (uint64_t)i * UINT64_C(0xd1342543de82ef95) };
		struct world world;

		world_make(&world, &graph, &s, &random);
		play(played, &world, policy, &s, &random);
		count(&t, &world, &s, played);
		world_release(&world);
	}
	print(v, &t);
	free(played);
	free(t.claims);
	free(t.run_list);
	free(t.first_ms);
	free(t.later_ms);
	graph_release(&graph);
	return 0;
}

int main(int argc, char **argv)
{
	struct error err = ERROR_INIT;
	struct values values;
	bool done = false;
	int r = settings_read(&values, NULL, &done, &command, "bisect-sim", argc, argv, NULL, false, &err);

	if (r == 0 && !done) {
		r = simulate(&values, &err);
		settings_release(&values, &command);
	}
	if (r < 0) {
		fprintf(stderr, "bisect-sim: %s\n", err.text);
		return 2;
	}
	return 0;
}
