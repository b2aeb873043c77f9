#include "web/pages.h"

#include "base/clock.h"
#include "web/chart.h"
#include "web/html.h"

#define PROBES_OPEN 60		/* of more runs the older ones are folded */
#define CANDIDATES_SHOWN 50

static const char *text_of(const json_t *row, const char *key)
{
	return json_string_value(json_object_get(row, key));
}

static json_int_t number_of(const json_t *row, const char *key)
{
	return json_integer_value(json_object_get(row, key));
}

static void short_commit(struct str *out, const char *hex)
{
	html_raw(out, "<code class=\"commit\"");
	html_attr(out, "title", hex);
	html_raw(out, ">");
	html_textf(out, "%.12s", hex ? hex : "");
	html_raw(out, "</code>");
}

static void checks(struct str *out, const json_t *list)
{
	size_t i;
	json_t *row;

	if (!json_array_size(list))
		return;
	html_raw(out, "<table class=\"checks\"><caption>Checks</caption><tbody>");
	json_array_foreach((json_t *)list, i, row) {
		json_t *passed = json_object_get(row, "passed");

		html_raw(out, json_is_true(passed) ? "<tr><td class=\"mark good\">&#10003;</td><th>" :
			json_is_false(passed)	     ? "<tr><td class=\"mark bad\">&#10007;</td><th>" :
						       "<tr><td class=\"mark\">&ndash;</td><th>");
		html_text(out, text_of(row, "name"));
		html_raw(out, "</th><td>");
		html_text(out, text_of(row, "result"));
		html_raw(out, "</td></tr>");
	}
	html_raw(out, "</tbody></table>");
}

static void candidates(struct str *out, const json_t *list, bool undecided)
{
	size_t i, n = json_array_size(list);
	json_t *row;

	if (n < (undecided ? 1 : 2))
		return;
	html_raw(out, undecided ? "<p>The likeliest, best first:</p>" :
		"<p>It is one of these; nothing that can be run tells them apart:</p>");
	html_raw(out, "<ul class=\"candidates\">");
	json_array_foreach((json_t *)list, i, row) {
		if (i == CANDIDATES_SHOWN && n > CANDIDATES_SHOWN + 1) {
			html_raw(out, "<li class=\"note\">");
			html_textf(out, "and %zu more", n - i);
			html_raw(out, "</li>");
			break;
		}
		html_raw(out, "<li>");
		short_commit(out, text_of(row, "commit"));
		html_raw(out, " ");
		html_text(out, text_of(row, "subject"));
		html_raw(out, "</li>");
	}
	html_raw(out, "</ul>");
}

/* What is above a verdict, for people. */
static const char *verdict_title(const char *kind, bool fix)
{
	static const char *const rows[][2] = {
		{ "culprit", "First bad commit" },	{ "range", "One of a few commits" },
		{ "not-reproduced", "Not reproduced" }, { "no-good-commit", "No good commit" },
		{ "inconsistent", "Inconsistent" },	{ "no-change", "No change in this range" },
		{ "undecided", "Undecided" },
	};

	if (fix && kind && !strcmp(kind, "culprit"))
		return "First good commit";
	if (fix && kind && !strcmp(kind, "no-good-commit"))
		return "Not fixed";
	for (size_t i = 0; kind && i < sizeof(rows) / sizeof(*rows); i++)
		if (!strcmp(rows[i][0], kind))
			return rows[i][1];
	return kind;
}

static void left_out(struct str *out, const json_t *boxes)
{
	size_t i;
	json_t *box;

	if (!json_array_size(boxes))
		return;
	html_raw(out, "<p class=\"alarm left-out\">");
	html_raw(out, json_array_size(boxes) == 1 ? "A box fails good commits, and what it found is left out: " :
		"Boxes fail good commits, and what they found is left out: ");
	json_array_foreach((json_t *)boxes, i, box) {
		html_raw(out, i ? ", " : "");
		html_text(out, json_string_value(box));
	}
	html_raw(out, "</p>");
}

static void why(struct str *out, const json_t *list)
{
	size_t i;
	json_t *sentence;

	if (!json_array_size(list))
		return;
	html_raw(out, "<h3>How sure, and why</h3><ul class=\"why\">");
	json_array_foreach((json_t *)list, i, sentence) {
		html_raw(out, "<li>");
		html_text(out, json_string_value(sentence));
		html_raw(out, "</li>");
	}
	html_raw(out, "</ul>");
}

static void verdict(struct str *out, const json_t *v)
{
	const char *kind = text_of(v, "verdict"), *commit = text_of(v, "commit");
	double confidence = json_number_value(json_object_get(v, "confidence"));
	char duration[40];

	html_raw(out, "<section");
	html_attrf(out, "class", "verdict %s", kind ? kind : "");
	html_raw(out, " id=\"verdict\"><h2>");
	html_text(out, verdict_title(kind, json_is_true(json_object_get(v, "fix"))));
	html_raw(out, "</h2>");
	if (commit) {
		html_raw(out, "<p class=\"culprit\"><code>");
		html_text(out, commit);
		html_raw(out, "</code><br><strong>");
		html_text(out, text_of(v, "subject"));
		html_raw(out, "</strong>");
		if (text_of(v, "author")) {
			html_raw(out, "<br>");
			html_text(out, text_of(v, "author"));
			html_raw(out, ", ");
			html_time(out, number_of(v, "time_s") * 1000);
		}
		html_raw(out, "</p>");
	}
	html_raw(out, "<p>");
	html_text(out, text_of(v, "reason"));
	html_raw(out, "</p>");
	html_raw(out, "<p>");
	if (confidence > 0)
		html_textf(out, "Confidence %.2f %%, ", 100 * (confidence > 0.9999 ? 0.9999 : confidence));
	html_textf(out, "%lld run%s, ", (long long)number_of(v, "runs"), number_of(v, "runs") == 1 ? "" : "s");
	html_text(out, clock_format_duration(duration, sizeof(duration),
		(int64_t)(1000 * json_number_value(json_object_get(v, "seconds")))));
	html_raw(out, ".</p>");
	why(out, json_object_get(v, "why"));
	candidates(out, json_object_get(v, "candidates"), kind && !strcmp(kind, "undecided"));
	checks(out, json_object_get(v, "checks"));
	html_raw(out, "</section>");
}

static void log_link(struct str *out, const char *unit, const char *label, json_int_t line)
{
	if (!unit)
		return;
	html_raw(out, " <a");
	page_log_address(out, unit, line > 0 ? (uint64_t)line : 0);
	html_raw(out, ">");
	html_raw(out, label);
	html_raw(out, "</a>");
}

/* The purpose of a run in words. */
static const char *purpose_text(const char *purpose, bool fix)
{
	static const char *const of_fix[][2] = {
		{ "confirm-bad", "is its parent bad?" }, { "confirm-good", "is the fix good?" },
		{ "revert", "good end without the fix" },
	};
	static const char *const rows[][2] = {
		{ "verify-bad", "is the bad end bad?" },	{ "verify-good", "is the good end good?" },
		{ "find-good", "looks for a good end" },	{ "confirm-bad", "is the culprit bad?" },
		{ "confirm-good", "is its parent good?" },	{ "revert", "bad end without the culprit" },
		{ "known", "known from before" },
	};

	for (size_t i = 0; fix && purpose && i < sizeof(of_fix) / sizeof(*of_fix); i++)
		if (!strcmp(of_fix[i][0], purpose))
			return of_fix[i][1];
	for (size_t i = 0; purpose && i < sizeof(rows) / sizeof(*rows); i++)
		if (!strcmp(rows[i][0], purpose))
			return rows[i][1];
	return purpose;
}

static void probe_row(struct str *out, const json_t *probe, bool fix)
{
	const char *observation = text_of(probe, "observation"), *state = text_of(probe, "state");
	const json_t *matched = json_object_get(probe, "matched");
	json_int_t asked = number_of(probe, "asked_ms"), seen = number_of(probe, "seen_ms");
	bool only_build = !text_of(probe, "outcome") || !text_of(probe, "test_unit") ||
		(observation && !strcmp(observation, "broken"));
	char duration[40];

	html_raw(out, "<tr");
	html_attrf(out, "class", "probe %s", observation ? observation : "open");
	html_attrf(out, "id", "probe-%lld", (long long)number_of(probe, "seq"));
	html_raw(out, "><td class=\"seq\">");
	html_textf(out, "%lld", (long long)number_of(probe, "seq") + 1);
	html_raw(out, "</td><td class=\"saw\"><span class=\"badge\">");
	html_text(out, observation ? observation : state);
	html_raw(out, "</span></td><td class=\"what\">");
	short_commit(out, text_of(probe, "commit"));
	html_raw(out, " <span class=\"subject\">");
	html_text(out, text_of(probe, "subject"));
	html_raw(out, "</span>");
	if (matched) {
		html_raw(out, "<code class=\"line\">");
		html_text(out, text_of(matched, "line"));
		html_raw(out, "</code>");
	}
	if (text_of(probe, "note")) {
		html_raw(out, "<span class=\"note\">");
		html_text(out, text_of(probe, "note"));
		html_raw(out, "</span>");
	}
	html_raw(out, "</td><td class=\"why\">");
	html_text(out, purpose_text(text_of(probe, "purpose"), fix));
	if (number_of(probe, "repeat"))
		html_textf(out, " (run %lld)", (long long)number_of(probe, "repeat") + 1);
	html_raw(out, "</td><td class=\"took\">");
	if (seen > asked)
		html_text(out, clock_format_duration(duration, sizeof(duration), seen - asked));
	html_raw(out, "</td><td class=\"logs\">");
	if (!only_build || !observation)
		log_link(out, text_of(probe, "test_unit"), "test",
			matched ? number_of(matched, "line_number") : 0);
	log_link(out, text_of(probe, "build_unit"), "build",
		only_build && matched ? number_of(matched, "line_number") : 0);
	html_raw(out, "</td></tr>\n");
}

/* From the newest of them back to number `to`. */
static void probes_table(struct str *out, const json_t *list, size_t from, size_t to, bool fix)
{
	html_raw(out, "<table class=\"probes\"><thead><tr><th class=\"seq\">#</th><th class=\"saw\">saw</th>"
		"<th class=\"what\">commit and evidence</th><th class=\"why\">why</th><th class=\"took\">took</th>"
		"<th class=\"logs\">logs</th></tr></thead><tbody>");
	for (size_t i = from; i-- > to;)
		probe_row(out, json_array_get(list, i), fix);
	html_raw(out, "</tbody></table>");
}

static void probes(struct str *out, const json_t *list, bool fix)
{
	size_t n = json_array_size(list), older = n > PROBES_OPEN + PROBES_OPEN / 2 ? n - PROBES_OPEN : 0;

	html_raw(out, "<h2>Runs</h2>");
	if (!n) {
		html_raw(out, "<p class=\"note\">None yet.</p>");
		return;
	}
	probes_table(out, list, n, older, fix);
	if (!older)
		return;
	html_raw(out, "<details id=\"older\"><summary>");
	html_textf(out, "The %zu runs before these", older);
	html_raw(out, "</summary>");
	probes_table(out, list, older, 0, fix);
	html_raw(out, "</details>");
}

static void progress(struct str *out, const json_t *b)
{
	html_raw(out, "<p class=\"progress\">");
	html_raw(out, "<span class=\"badge\">");
	html_text(out, text_of(b, "phase"));
	html_raw(out, "</span> ");
	if (json_object_get(b, "remaining"))
		html_textf(out, "%lld of %lld commits left, %lld runs done, about %lld to go.",
			(long long)number_of(b, "remaining"), (long long)number_of(b, "commits"),
			(long long)number_of(b, "runs"), (long long)number_of(b, "runs_left"));
	else
		html_textf(out, "%lld runs done.", (long long)number_of(b, "runs"));
	html_raw(out, "</p>");
	left_out(out, json_object_get(b, "left_out"));
	if (text_of(b, "waiting")) {
		html_raw(out, "<p class=\"alarm\">");
		html_text(out, text_of(b, "waiting"));
		html_raw(out, "</p>");
	}
}

static bool is_open(const char *state)
{
	return state && (!strcmp(state, "running") || !strcmp(state, "waiting"));
}

/* What was asked besides the question, if it was. */
static void options_fact(struct str *out, const json_t *options)
{
	static const struct { const char *key, *before, *after; } rows[] = {
		{ "confidence", "confidence ", "" }, { "max_runs", "at most ", " runs" },
		{ "reproducible", "reproducible ", "" }, { "slots", "", " at once" },
	};
	const json_t *seconds = json_object_get(options, "max_seconds");
	struct str text = STR_INIT;
	char duration[40];

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const json_t *value = json_object_get(options, rows[i].key);

		if (json_is_number(value))
			str_addf(&text, "%s%s%.9g%s", text.len ? ", " : "", rows[i].before,
				json_number_value(value), rows[i].after);
	}
	if (json_is_integer(seconds))
		str_addf(&text, "%sat most %s", text.len ? ", " : "",
			clock_format_duration(duration, sizeof(duration), 1000 * json_integer_value(seconds)));
	if (json_is_true(json_object_get(options, "first_parent")))
		str_addf(&text, "%sfirst parents only", text.len ? ", " : "");
	if (json_is_true(json_object_get(options, "fix")))
		str_addf(&text, "%slooks for the fix", text.len ? ", " : "");
	if (json_is_false(json_object_get(options, "prior_from_error")))
		str_addf(&text, "%sall commits alike", text.len ? ", " : "");
	if (text.len) {
		html_raw(out, "<dt>Options</dt><dd>");
		html_text(out, text.buf);
		html_raw(out, "</dd>");
	}
	str_release(&text);
}

static void facts(struct str *out, const json_t *b, bool done)
{
	const char *state = text_of(b, "state");
	size_t i;
	json_t *row;

	html_raw(out, "<dl class=\"facts\"><dt>State</dt><dd><span");
	html_attrf(out, "class", "badge %s", state ? state : "");
	html_raw(out, ">");
	html_text(out, state);
	html_raw(out, "</span>");
	if (!done && text_of(b, "message")) {
		html_raw(out, " ");
		html_text(out, text_of(b, "message"));
	}
	html_raw(out, "</dd><dt>Repository</dt><dd>");
	html_breakable(out, text_of(b, "repo"));
	html_raw(out, "</dd><dt>Bad end</dt><dd>");
	if (text_of(b, "bad"))
		short_commit(out, text_of(b, "bad"));
	html_raw(out, "</dd><dt>Good end</dt><dd>");
	json_array_foreach(json_object_get(b, "good"), i, row) {
		short_commit(out, json_string_value(row));
		html_raw(out, " ");
	}
	if (!i)
		html_raw(out, "<span class=\"note\">none known</span>");
	html_raw(out, "</dd>");
	if (json_object_get(b, "commits")) {
		html_raw(out, "<dt>Range</dt><dd>");
		html_textf(out, "%lld commit%s", (long long)number_of(b, "commits"), number_of(b, "commits") == 1 ? "" : "s");
		html_raw(out, "</dd>");
	}
	options_fact(out, json_object_get(b, "options"));
	html_raw(out, "<dt>Job</dt><dd><a");
	html_attrf(out, "href", "/jobs/%s", text_of(b, "job_id"));
	html_raw(out, ">");
	html_text(out, text_of(b, "job_id"));
	html_raw(out, "</a></dd><dt>Asked</dt><dd>");
	html_time(out, number_of(b, "created_ms"));
	html_raw(out, "</dd></dl>");
}

static bool is_candidate(const json_t *belief, const json_t *probe)
{
	size_t i;
	json_t *row;

	/* In a drawing of groups only the first of each has its name. */
	json_array_foreach((json_t *)belief, i, row) {
		if (json_object_get(row, "n") ||
			json_equal(json_object_get(row, "commit"), json_object_get(probe, "commit")))
			return true;
	}
	return false;
}

/* What is run at this moment: the marks of the chart in words, and what is beside it. */
static void flights(struct str *out, const json_t *b)
{
	const json_t *belief = json_object_get(b, "belief");
	unsigned shown = 0;
	size_t i;
	json_t *probe;

	json_array_foreach(json_object_get(b, "probes"), i, probe) {
		if (text_of(probe, "observation") || !is_open(text_of(b, "state")))
			continue;
		html_raw(out, shown++ ? ", " : "<p class=\"flights\">In flight: ");
		short_commit(out, text_of(probe, "commit"));
		html_raw(out, " ");
		html_text(out, text_of(probe, "state"));
		if (json_array_size(belief) && !is_candidate(belief, probe))
			html_raw(out, " (no candidate any more)");
	}
	if (shown)
		html_raw(out, ".</p>");
}

void page_bisection_live(struct str *out, const json_t *b)
{
	const json_t *v = json_object_get(b, "verdict");
	bool done = json_is_object(v);
	const char *state = text_of(b, "state");
	size_t i;
	json_t *row;

	html_raw(out, "<main id=\"live\"");
	html_attr(out, "data-state", state);
	html_raw(out, "><h1 class=\"id\">");
	html_breakable(out, text_of(b, "error_id"));
	html_raw(out, "</h1>");
	if (done)
		verdict(out, v);
	else if (is_open(state))
		progress(out, b);
	facts(out, b, done);
	json_array_foreach(json_object_get(b, "notes"), i, row) {
		html_raw(out, "<p class=\"note\">");
		html_text(out, json_string_value(row));
		html_raw(out, "</p>");
	}
	chart_belief(out, json_object_get(b, "belief"), done ? text_of(v, "commit") : NULL);
	flights(out, b);
	probes(out, json_object_get(b, "probes"),
		json_is_true(json_object_get(json_object_get(b, "options"), "fix")));
	html_raw(out, "</main>");
}

void page_bisection(struct str *out, const json_t *b)
{
	const char *state = text_of(b, "state"), *id = text_of(b, "id");
	bool live = is_open(state);
	struct str stream = STR_INIT;

	if (live)
		str_addf(&stream, "/api/v1/bisections/%s/events", id);
	html_page_begin(out, text_of(b, "error_id"), live ? stream.buf : NULL);
	if (live)
		html_raw(out, "<p id=\"connection\" role=\"status\" hidden></p>");
	page_bisection_live(out, b);
	if (live)
		html_raw(out, "<details id=\"output\"><summary>Output of the runs in progress</summary><pre id=\"tail\"></pre></details>");
	html_page_end(out);
	str_release(&stream);
}
