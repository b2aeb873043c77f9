#include "cli/show.h"

#include "base/clock.h"
#include "cli/run.h"

#define TEXT_MAX 300

static const char *text_of(const json_t *row, const char *key)
{
	const char *text = json_string_value(json_object_get(row, key));

	return text ? text : "";
}

static long long number_of(const json_t *row, const char *key)
{
	return (long long)json_integer_value(json_object_get(row, key));
}

static void add_foreign(struct str *out, const char *text)
{
	str_add_printable(out, text, strlen(text), TEXT_MAX);
}

static void show_field(struct str *out, const char *label, const char *text)
{
	str_addf(out, "  %s", label);
	add_foreign(out, text ? text : "");
	str_add_char(out, '\n');
}

static bool ended(const json_t *bisection)
{
	const char *state = text_of(bisection, "state");

	return strcmp(state, "running") && strcmp(state, "waiting");
}

static void add_left_out(struct str *out, const json_t *boxes)
{
	size_t i;
	json_t *box;

	json_array_foreach((json_t *)boxes, i, box) {
		str_add(out, i ? ", " : "");
		add_foreign(out, json_string_value(box) ? json_string_value(box) : "");
	}
}

void show_progress(struct str *out, const json_t *bisection)
{
	const json_t *probes = json_object_get(bisection, "probes");
	size_t i, running = 0;
	json_t *probe;

	json_array_foreach((json_t *)probes, i, probe) {
		const char *state = text_of(probe, "state");

		running += !strcmp(state, "building") || !strcmp(state, "testing");
	}
	add_foreign(out, text_of(bisection, "phase"));
	str_add(out, ": ");
	if (json_object_get(bisection, "remaining"))
		str_addf(out, "%lld of %lld commits left, ", number_of(bisection, "remaining"),
			number_of(bisection, "commits"));
	str_addf(out, "%lld runs done, %zu running", number_of(bisection, "runs"), running);
	if (json_object_get(bisection, "runs_left"))
		str_addf(out, ", about %lld to go", number_of(bisection, "runs_left"));
	if (json_array_size(json_object_get(bisection, "left_out"))) {
		str_add(out, ". Left out, as it fails good commits: ");
		add_left_out(out, json_object_get(bisection, "left_out"));
	}
	if (*text_of(bisection, "waiting")) {
		str_add(out, ". ");
		add_foreign(out, text_of(bisection, "waiting"));
	}
}

void show_probe(struct str *out, const json_t *probe)
{
	const json_t *matched = json_object_get(probe, "matched");

	str_addf(out, "run %lld: %.12s %s (%s) ", number_of(probe, "seq") + 1,
		text_of(probe, "commit"), text_of(probe, "observation"), text_of(probe, "purpose"));
	add_foreign(out, text_of(probe, "subject"));
	if (matched) {
		str_add(out, "\n    ");
		add_foreign(out, text_of(matched, "line"));
	} else if (*text_of(probe, "note")) {
		str_add(out, "\n    ");
		add_foreign(out, text_of(probe, "note"));
	}
}

static void show_candidates(struct str *out, const json_t *verdict)
{
	bool undecided = !strcmp(text_of(verdict, "verdict"), "undecided");
	size_t i;
	json_t *row;

	if (json_array_size(json_object_get(verdict, "candidates")) < (undecided ? 1 : 2))
		return;
	if (undecided)
		str_add(out, "The likeliest so far:\n");
	else
		str_add(out, "Nothing that can be run tells these apart:\n");
	json_array_foreach(json_object_get(verdict, "candidates"), i, row) {
		str_addf(out, "  %s ", text_of(row, "commit"));
		add_foreign(out, text_of(row, "subject"));
		str_add_char(out, '\n');
	}
}

void show_verdict(struct str *out, const json_t *bisection)
{
	const json_t *verdict = json_object_get(bisection, "verdict");
	double confidence = json_number_value(json_object_get(verdict, "confidence"));
	bool fix = json_is_true(json_object_get(verdict, "fix"));
	char duration[40];
	size_t i;
	json_t *check;

	if (!json_is_object(verdict)) {
		str_addf(out, "%s: ", text_of(bisection, "state"));
		add_foreign(out, text_of(bisection, "message"));
		str_add_char(out, '\n');
		return;
	}
	if (!strcmp(text_of(verdict, "verdict"), "culprit")) {
		char when[40];

		str_addf(out, "%s is the first %s commit\n", text_of(verdict, "commit"), fix ? "good" : "bad");
		str_add(out, "  subject:    ");
		add_foreign(out, text_of(verdict, "subject"));
		str_add(out, "\n  author:     ");
		add_foreign(out, text_of(verdict, "author"));
		str_addf(out, ", %s\n",
			clock_format(when, sizeof(when), number_of(verdict, "time_s") * 1000));
	} else if (fix && !strcmp(text_of(verdict, "verdict"), "no-good-commit")) {
		str_addf(out, "not fixed: %s shows the error\n", text_of(verdict, "commit"));
	} else {
		str_addf(out, "verdict: %s", text_of(verdict, "verdict"));
		if (*text_of(verdict, "commit"))
			str_addf(out, " (%s)", text_of(verdict, "commit"));
		str_add_char(out, '\n');
	}
	str_add(out, "  reason:     ");
	add_foreign(out, text_of(verdict, "reason"));
	str_addf(out, "\n  confidence: %.2f %%, %lld runs, %s\n",
		100 * (confidence > 0.9999 ? 0.9999 : confidence), number_of(verdict, "runs"),
		clock_format_duration(duration, sizeof(duration),
			(int64_t)(1000 * json_number_value(json_object_get(verdict, "seconds")))));
	json_array_foreach(json_object_get(verdict, "why"), i, check)
		show_field(out, i ? "            " : "why:        ", json_string_value(check));
	show_candidates(out, verdict);
	json_array_foreach(json_object_get(verdict, "checks"), i, check) {
		const json_t *passed = json_object_get(check, "passed");

		str_addf(out, "  %s %-18s ", json_is_true(passed) ? "[ok]" :
			json_is_false(passed)			  ? "[NO]" :
								    "[--]",
			text_of(check, "name"));
		add_foreign(out, text_of(check, "result"));
		str_add_char(out, '\n');
	}
}

/* What was asked besides the question, if it was. */
static void show_options(struct str *out, const json_t *options)
{
	static const struct { const char *key, *before, *after; } rows[] = {
		{ "confidence", "confidence ", "" }, { "max_runs", "at most ", " runs" },
		{ "max_seconds", "at most ", " s" }, { "reproducible", "reproducible ", "" },
		{ "slots", "", " at once" },
	};
	struct str text = STR_INIT;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const json_t *value = json_object_get(options, rows[i].key);

		if (!json_is_number(value))
			continue;
		str_add(&text, text.len ? ", " : "");
		str_addf(&text, "%s%.9g%s", rows[i].before, json_number_value(value), rows[i].after);
	}
	if (json_is_true(json_object_get(options, "first_parent")))
		str_addf(&text, "%sfirst parents only", text.len ? ", " : "");
	if (json_is_true(json_object_get(options, "fix")))
		str_addf(&text, "%slooks for the fix", text.len ? ", " : "");
	if (json_is_false(json_object_get(options, "prior_from_error")))
		str_addf(&text, "%sall commits alike", text.len ? ", " : "");
	if (text.len)
		show_field(out, "options:    ", text.buf);
	str_release(&text);
}

void show_bisection(struct str *out, const json_t *bisection)
{
	size_t i;
	json_t *probe;

	str_addf(out, "bisection %s: %s\n  error id:   ", text_of(bisection, "id"),
		text_of(bisection, "state"));
	add_foreign(out, text_of(bisection, "error_id"));
	str_add(out, "\n  repository: ");
	add_foreign(out, text_of(bisection, "repo"));
	str_addf(out, "\n  bad:        %s\n", text_of(bisection, "bad"));
	json_array_foreach(json_object_get(bisection, "good"), i, probe)
		show_field(out, "good:       ", json_string_value(probe));
	show_options(out, json_object_get(bisection, "options"));
	json_array_foreach(json_object_get(bisection, "notes"), i, probe)
		show_field(out, "note:       ", json_string_value(probe));
	json_array_foreach(json_object_get(bisection, "probes"), i, probe) {
		if (!*text_of(probe, "observation"))
			continue;
		show_probe(out, probe);
		str_add_char(out, '\n');
	}
	if (ended(bisection)) {
		show_verdict(out, bisection);
	} else {
		show_progress(out, bisection);
		str_add_char(out, '\n');
	}
}

static void show_errors(struct str *out, const json_t *errors)
{
	size_t i;
	json_t *row;

	json_array_foreach((json_t *)errors, i, row) {
		str_add(out, "  ");
		if (number_of(row, "line_number"))
			str_addf(out, "line %lld: ", number_of(row, "line_number"));
		str_add_printable(out, text_of(row, "id"), strlen(text_of(row, "id")), 1000);
		str_add_char(out, '\n');
	}
}

void show_job(struct str *out, const json_t *job)
{
	const json_t *build = json_object_get(job, "build"), *result = json_object_get(job, "result");

	str_addf(out, "job %s: %s", text_of(job, "id"), text_of(job, "state"));
	if (*text_of(job, "message")) {
		str_add(out, ": ");
		add_foreign(out, text_of(job, "message"));
	}
	str_add_char(out, '\n');
	if (*text_of(job, "suite"))
		show_field(out, "suite:  ", text_of(job, "suite"));
	if (*text_of(job, "commit"))
		show_field(out, "commit: ", text_of(job, "commit"));
	if (build) {
		str_addf(out, "  build:  %s (unit %s)\n", text_of(build, "outcome"), text_of(build, "unit"));
		show_errors(out, json_object_get(build, "errors"));
	}
	if (result) {
		str_addf(out, "  test:   %s, exit status %lld (unit %s)\n", text_of(result, "outcome"),
			number_of(result, "exit_status"), text_of(result, "unit"));
		show_errors(out, json_object_get(result, "errors"));
	}
}

int verdict_exit_status(const json_t *bisection)
{
	static const struct { const char *name; int status; } rows[] = {
		{ "culprit", RUN_EXIT_CULPRIT },
		{ "range", RUN_EXIT_RANGE },
		{ "not-reproduced", RUN_EXIT_NOT_REPRODUCED },
		{ "no-good-commit", RUN_EXIT_NO_GOOD_COMMIT },
		{ "inconsistent", RUN_EXIT_INCONSISTENT },
		{ "no-change", RUN_EXIT_NO_CHANGE },
		{ "undecided", RUN_EXIT_UNDECIDED },
	};
	const char *name = text_of(json_object_get(bisection, "verdict"), "verdict");

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (!strcmp(rows[i].name, name))
			return rows[i].status;
	return RUN_EXIT_FAILED;
}
