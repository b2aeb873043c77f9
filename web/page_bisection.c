#include "web/pages.h"

#include "base/clock.h"
#include "web/chart.h"
#include "web/html.h"

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

static void candidates(struct str *out, const json_t *list)
{
	size_t i;
	json_t *row;

	if (json_array_size(list) < 2)
		return;
	html_raw(out, "<p>The culprit is one of these; nothing that can be run tells them apart:</p><ul class=\"candidates\">");
	json_array_foreach((json_t *)list, i, row) {
		html_raw(out, "<li>");
		short_commit(out, text_of(row, "commit"));
		html_raw(out, " ");
		html_text(out, text_of(row, "subject"));
		html_raw(out, "</li>");
	}
	html_raw(out, "</ul>");
}

static void verdict(struct str *out, const json_t *v)
{
	const char *kind = text_of(v, "verdict"), *commit = text_of(v, "commit");
	double confidence = json_number_value(json_object_get(v, "confidence"));

	html_raw(out, "<section class=\"verdict\" id=\"verdict\"><h2>");
	if (kind && !strcmp(kind, "culprit"))
		html_raw(out, "First bad commit");
	else
		html_text(out, kind);
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
	if (confidence > 0) {
		html_raw(out, "<p>Confidence ");
		html_textf(out, "%.2f %%", 100 * (confidence > 0.9999 ? 0.9999 : confidence));
		html_textf(out, ", %lld runs, ", (long long)number_of(v, "runs"));
		char duration[40];

		html_text(out, clock_format_duration(duration, sizeof(duration),
			(int64_t)(1000 * json_number_value(json_object_get(v, "seconds")))));
		html_raw(out, ".</p>");
	}
	candidates(out, json_object_get(v, "candidates"));
	checks(out, json_object_get(v, "checks"));
	html_raw(out, "</section>");
}

static void log_link(struct str *out, const char *unit, const char *label, json_int_t line)
{
	if (!unit)
		return;
	html_raw(out, " <a");
	if (line > 0)
		html_attrf(out, "href", "/units/%s/log?line=%lld#marked", unit, (long long)line);
	else
		html_attrf(out, "href", "/units/%s/log", unit);
	html_raw(out, ">");
	html_raw(out, label);
	html_raw(out, "</a>");
}

static void probe_row(struct str *out, const json_t *probe)
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
	html_raw(out, "><td data-label=\"#\">");
	html_textf(out, "%lld", (long long)number_of(probe, "seq") + 1);
	html_raw(out, "</td><td data-label=\"commit\">");
	short_commit(out, text_of(probe, "commit"));
	html_raw(out, " <span class=\"subject\">");
	html_text(out, text_of(probe, "subject"));
	html_raw(out, "</span></td><td data-label=\"why\">");
	html_text(out, text_of(probe, "purpose"));
	if (number_of(probe, "repeat"))
		html_textf(out, " (run %lld)", (long long)number_of(probe, "repeat") + 1);
	html_raw(out, "</td><td data-label=\"saw\"><span class=\"badge\">");
	html_text(out, observation ? observation : state);
	html_raw(out, "</span></td><td data-label=\"evidence\">");
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
	if (!only_build || !observation)
		log_link(out, text_of(probe, "test_unit"), "log",
			matched ? number_of(matched, "line_number") : 0);
	log_link(out, text_of(probe, "build_unit"), "build",
		only_build && matched ? number_of(matched, "line_number") : 0);
	html_raw(out, "</td><td data-label=\"took\">");
	if (seen > asked)
		html_text(out, clock_format_duration(duration, sizeof(duration), seen - asked));
	html_raw(out, "</td></tr>\n");
}

static void probes(struct str *out, const json_t *list)
{
	html_raw(out, "<h2>Runs</h2><table class=\"probes\"><thead><tr><th>#</th><th>commit</th><th>why</th><th>saw</th>"
		"<th>evidence</th><th>took</th></tr></thead><tbody>");
	for (size_t i = json_array_size(list); i-- > 0;)
		probe_row(out, json_array_get(list, i));
	html_raw(out, "</tbody></table>");
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
}

void page_bisection_live(struct str *out, const json_t *b)
{
	const json_t *v = json_object_get(b, "verdict");
	const json_t *good = json_object_get(b, "good");
	bool done = json_is_object(v);
	const char *state = text_of(b, "state");
	size_t i;
	json_t *row;

	html_raw(out, "<main id=\"live\"");
	html_attr(out, "data-state", state);
	html_raw(out, "><h1>");
	html_text(out, text_of(b, "error_id"));
	html_raw(out, "</h1><dl class=\"facts\"><dt>State</dt><dd><span class=\"badge\">");
	html_text(out, state);
	html_raw(out, "</span>");
	if (!done && text_of(b, "message")) {
		html_raw(out, " ");
		html_text(out, text_of(b, "message"));
	}
	html_raw(out, "</dd><dt>Repository</dt><dd>");
	html_text(out, text_of(b, "repo"));
	html_raw(out, "</dd><dt>Bad end</dt><dd>");
	short_commit(out, text_of(b, "bad"));
	html_raw(out, "</dd><dt>Good end</dt><dd>");
	json_array_foreach((json_t *)good, i, row) {
		short_commit(out, json_string_value(row));
		html_raw(out, " ");
	}
	html_raw(out, "</dd><dt>Commits</dt><dd>");
	if (json_object_get(b, "commits"))
		html_textf(out, "%lld", (long long)number_of(b, "commits"));
	html_raw(out, "</dd><dt>Job</dt><dd><a");
	html_attrf(out, "href", "/jobs/%s", text_of(b, "job_id"));
	html_raw(out, ">");
	html_text(out, text_of(b, "job_id"));
	html_raw(out, "</a></dd><dt>Asked</dt><dd>");
	html_time(out, number_of(b, "created_ms"));
	html_raw(out, "</dd></dl>");
	json_array_foreach(json_object_get(b, "notes"), i, row) {
		html_raw(out, "<p class=\"note\">");
		html_text(out, json_string_value(row));
		html_raw(out, "</p>");
	}
	if (done)
		verdict(out, v);
	else if (state && (!strcmp(state, "running") || !strcmp(state, "waiting")))
		progress(out, b);
	chart_belief(out, json_object_get(b, "belief"), done ? text_of(v, "commit") : NULL);
	probes(out, json_object_get(b, "probes"));
	html_raw(out, "</main>");
}

void page_bisection(struct str *out, const json_t *b)
{
	const char *state = text_of(b, "state"), *id = text_of(b, "id");
	bool live = state && (!strcmp(state, "running") || !strcmp(state, "waiting"));
	struct str stream = STR_INIT;

	if (live)
		str_addf(&stream, "/api/v1/bisections/%s/events", id);
	html_page_begin(out, text_of(b, "error_id"), live ? stream.buf : NULL);
	page_bisection_live(out, b);
	if (live)
		html_raw(out, "<details id=\"output\"><summary>Output of the runs in progress</summary><pre id=\"tail\"></pre></details>");
	html_page_end(out);
	str_release(&stream);
}
