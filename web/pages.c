/* The other pages: home, job, status, login, error. */
#include "web/pages.h"

#include "base/clock.h"
#include "web/html.h"

static const char *text_of(const json_t *row, const char *key)
{
	return json_string_value(json_object_get(row, key));
}

static json_int_t number_of(const json_t *row, const char *key)
{
	return json_integer_value(json_object_get(row, key));
}

static void badge(struct str *out, const char *text)
{
	html_raw(out, "<span");
	html_attrf(out, "class", "badge %s", text ? text : "");
	html_raw(out, ">");
	html_text(out, text);
	html_raw(out, "</span>");
}

static bool is_open(const json_t *row)
{
	const char *state = text_of(row, "state");

	return state && (!strcmp(state, "running") || !strcmp(state, "waiting"));
}

/* What is known of a bisection, in one line. */
static void verdict_cell(struct str *out, const json_t *bisection)
{
	const json_t *v = json_object_get(bisection, "verdict");
	size_t candidates = json_array_size(json_object_get(v, "candidates"));
	const char *kind = text_of(v, "verdict"), *commit = text_of(v, "commit");

	if (!json_is_object(v)) {
		html_text(out, is_open(bisection) && !text_of(bisection, "message") ?
			text_of(bisection, "phase") : text_of(bisection, "message"));
		return;
	}
	if (!commit || (kind && strcmp(kind, "culprit") != 0)) {
		html_text(out, kind);
		html_raw(out, " ");
	}
	if (commit) {
		html_raw(out, "<code>");
		html_textf(out, "%.12s", commit);
		html_raw(out, "</code> ");
		html_text(out, text_of(v, "subject"));
	} else if (candidates > 1) {
		html_textf(out, "of %zu commits", candidates);
	}
}

static void bisections_table(struct str *out, const json_t *bisections)
{
	size_t i;
	json_t *row;

	if (!json_array_size(bisections)) {
		html_raw(out,
			"<p class=\"empty\">None yet. Submit a job that shows an error, then ask which commit brought it:<br>"
			"<code>bisectctl submit --wait job.yaml</code><br>"
			"<code>bisectctl bisect --job JOB --error-id ID</code></p>");
		return;
	}
	html_raw(out, "<table class=\"list\"><thead><tr><th>error</th><th>state</th><th>verdict</th><th>asked</th></tr></thead><tbody>");
	json_array_foreach((json_t *)bisections, i, row) {
		html_raw(out, "<tr><td data-label=\"error\" class=\"name\"><a");
		html_attrf(out, "href", "/bisections/%s", text_of(row, "id"));
		html_raw(out, ">");
		html_breakable(out, text_of(row, "error_id"));
		html_raw(out, "</a></td><td data-label=\"state\">");
		badge(out, text_of(row, "state"));
		html_raw(out, "</td><td data-label=\"verdict\">");
		verdict_cell(out, row);
		html_raw(out, "</td><td data-label=\"asked\">");
		html_time(out, number_of(row, "created_ms"));
		html_raw(out, "</td></tr>\n");
	}
	html_raw(out, "</tbody></table>");
}

static void jobs_table(struct str *out, const json_t *jobs)
{
	size_t i;
	json_t *row;

	if (!json_array_size(jobs)) {
		html_raw(out, "<p class=\"empty\">None yet.</p>");
		return;
	}
	html_raw(out, "<table class=\"list\"><thead><tr><th>job</th><th>suite</th><th>commit</th><th>state</th><th>asked</th></tr></thead><tbody>");
	json_array_foreach((json_t *)jobs, i, row) {
		const char *outcome = text_of(json_object_get(row, "result"), "outcome");

		html_raw(out, "<tr><td data-label=\"job\"><a");
		html_attrf(out, "href", "/jobs/%s", text_of(row, "id"));
		html_raw(out, ">");
		html_text(out, text_of(row, "id"));
		html_raw(out, "</a></td><td data-label=\"suite\">");
		html_text(out, text_of(row, "suite"));
		html_raw(out, "</td><td data-label=\"commit\"><code>");
		html_textf(out, "%.12s", text_of(row, "commit") ? text_of(row, "commit") : "");
		html_raw(out, "</code></td><td data-label=\"state\">");
		badge(out, text_of(row, "state"));
		if (outcome) {
			html_raw(out, " ");
			badge(out, outcome);
		}
		html_raw(out, "</td><td data-label=\"asked\">");
		html_time(out, number_of(row, "created_ms"));
		html_raw(out, "</td></tr>\n");
	}
	html_raw(out, "</tbody></table>");
}

static void quarantined(struct str *out, const json_t *boxes)
{
	size_t i;
	json_t *row;

	json_array_foreach((json_t *)boxes, i, row) {
		html_raw(out, "<p class=\"alarm\"><a href=\"/boxes\">");
		html_text(out, text_of(row, "name"));
		html_raw(out, "</a> is in quarantine until ");
		html_time(out, number_of(row, "until_ms"));
		html_raw(out, ": ");
		html_text(out, text_of(row, "reason"));
		html_raw(out, "</p>");
	}
}

void page_home(struct str *out, const json_t *bisections, const json_t *jobs, const json_t *status)
{
	const json_t *queue = json_object_get(status, "queue");

	html_page_begin(out, "Bisections", NULL);
	html_raw(out, "<main><h1>Bisections</h1>");
	if (json_is_false(json_object_get(status, "redis")))
		html_raw(out, "<p class=\"alarm\">Redis does not answer: nothing new is started until it is back.</p>");
	if (!json_array_size(json_object_get(status, "agents")))
		html_raw(out, "<p class=\"alarm\">No builder or tester has asked for work yet.</p>");
	quarantined(out, json_object_get(status, "quarantined"));
	bisections_table(out, bisections);
	html_raw(out, "<h2>Jobs</h2>");
	jobs_table(out, jobs);
	html_raw(out, "<p class=\"note\">");
	html_textf(out, "%lld units wait, %lld are being worked on.",
		(long long)number_of(queue, "ready"), (long long)number_of(queue, "leased"));
	html_raw(out, "</p></main>");
	html_page_end(out);
}

static void error_row(struct str *out, const char *unit, const json_t *error, bool part)
{
	json_int_t line = number_of(error, "line_number");

	html_raw(out, part ? "<tr class=\"part\"><td><code class=\"line\">" : "<tr><td><code class=\"line\">");
	html_breakable(out, text_of(error, "id"));
	html_raw(out, "</code>");
	if (!part && text_of(error, "function")) {
		html_raw(out, " <span class=\"note\">in ");
		html_breakable(out, text_of(error, "function"));
		html_raw(out, "</span>");
	}
	html_raw(out, "</td><td class=\"number\">");
	if (line > 0 && unit) {
		html_raw(out, "<a");
		page_log_address(out, unit, (uint64_t)line);
		html_raw(out, ">");
		html_textf(out, "line %lld", (long long)line);
		html_raw(out, "</a>");
	}
	html_raw(out, "</td></tr>\n");
}

/* The error that stands for a finding; without one (an agent of somebody else) each stands for itself. */
static bool has_representative(const json_t *errors, json_int_t finding)
{
	size_t i;
	json_t *row;

	json_array_foreach((json_t *)errors, i, row)
		if (number_of(row, "finding") == finding && json_is_true(json_object_get(row, "representative")))
			return true;
	return false;
}

/* By finding: the error to bisect, and below it those that most likely come of the same cause. */
static void errors_table(struct str *out, const char *unit, const json_t *errors)
{
	size_t i, j;
	json_t *row, *other;

	if (!json_array_size(errors))
		return;
	html_raw(out, "<table class=\"errors\"><thead><tr><th>error id</th><th class=\"number\">seen in</th></tr></thead><tbody>");
	json_array_foreach((json_t *)errors, i, row) {
		json_int_t finding = number_of(row, "finding");

		if (!has_representative(errors, finding))
			finding = 0;
		if (finding && !json_is_true(json_object_get(row, "representative")))
			continue;
		error_row(out, unit, row, false);
		json_array_foreach((json_t *)errors, j, other)
			if (finding && j != i && number_of(other, "finding") == finding)
				error_row(out, unit, other, true);
	}
	html_raw(out, "</tbody></table>");
}

static void metrics_table(struct str *out, const json_t *metrics)
{
	const char *name;
	json_t *value;

	if (!json_object_size(metrics))
		return;
	html_raw(out, "<table class=\"errors\"><thead><tr><th>metric</th><th class=\"number\">value</th></tr></thead><tbody>");
	json_object_foreach((json_t *)metrics, name, value) {
		html_raw(out, "<tr><td><code>");
		html_breakable(out, name);
		html_raw(out, "</code></td><td class=\"number\">");
		html_textf(out, "%.15g", json_number_value(value));
		html_raw(out, "</td></tr>\n");
	}
	html_raw(out, "</tbody></table>");
}

static void run_section(struct str *out, const char *title, const json_t *run)
{
	const char *unit = text_of(run, "unit"), *artifact = text_of(run, "artifact");

	if (!json_is_object(run))
		return;
	html_raw(out, "<h2>");
	html_raw(out, title);
	html_raw(out, "</h2><p>");
	badge(out, text_of(run, "outcome"));
	html_raw(out, " ");
	if (json_object_get(run, "exit_status"))
		html_textf(out, "exit status %lld ", (long long)number_of(run, "exit_status"));
	html_text(out, text_of(run, "message"));
	if (unit) {
		html_raw(out, " <a");
		page_log_address(out, unit, 0);
		html_raw(out, ">log</a>");
	}
	if (artifact) {
		html_raw(out, " <a");
		html_attrf(out, "href", "/api/v1/artifacts/%s", artifact);
		html_attrf(out, "download", "%.12s.tar.zst", artifact);
		html_raw(out, ">files (.tar.zst)</a>");
	}
	html_raw(out, "</p>");
	errors_table(out, unit, json_object_get(run, "errors"));
	metrics_table(out, json_object_get(run, "metrics"));
}

void page_job(struct str *out, const json_t *job)
{
	const char *state = text_of(job, "state");
	bool open = state && (!strcmp(state, "waiting") || !strcmp(state, "building") || !strcmp(state, "testing"));

	html_page_begin(out, text_of(job, "id"), NULL);
	html_raw(out, "<main><h1>Job ");
	html_text(out, text_of(job, "id"));
	html_raw(out, "</h1><dl class=\"facts\"><dt>State</dt><dd>");
	badge(out, text_of(job, "state"));
	html_raw(out, " ");
	html_text(out, text_of(job, "message"));
	if (text_of(job, "waiting")) {
		html_raw(out, " <span class=\"alarm\">");
		html_text(out, text_of(job, "waiting"));
		html_raw(out, "</span>");
	}
	if (open)
		html_raw(out, " <a href=\"\">look again</a>");
	html_raw(out, "</dd><dt>Repository</dt><dd>");
	html_breakable(out, text_of(job, "repo"));
	html_raw(out, "</dd>");
	if (text_of(job, "commit")) {
		html_raw(out, "<dt>Commit</dt><dd><code>");
		html_text(out, text_of(job, "commit"));
		html_raw(out, "</code></dd>");
	}
	html_raw(out, "<dt>Asked</dt><dd>");
	html_time(out, number_of(job, "created_ms"));
	html_raw(out, "</dd></dl>");
	run_section(out, "Build", json_object_get(job, "build"));
	run_section(out, "Test", json_object_get(job, "result"));
	run_section(out, "In progress", json_object_get(job, "running"));
	html_raw(out, "<h2>job.yaml</h2><pre>");
	html_text(out, text_of(job, "intent"));
	html_raw(out, "</pre></main>");
	html_page_end(out);
}

void page_status(struct str *out, const json_t *status, const json_t *funnel)
{
	const json_t *queue = json_object_get(status, "queue");
	size_t i;
	json_t *row;

	html_page_begin(out, "Status", NULL);
	html_raw(out, "<main><h1>Status</h1><dl class=\"facts\"><dt>Version</dt><dd>");
	html_text(out, text_of(status, "version"));
	html_raw(out, "</dd><dt>Up since</dt><dd>");
	html_time(out, number_of(status, "started_ms"));
	html_raw(out, "</dd><dt>Redis</dt><dd>");
	html_raw(out, json_is_true(json_object_get(status, "redis")) ? "answers" : "does not answer");
	html_raw(out, "</dd><dt>Units</dt><dd>");
	html_textf(out, "%lld waiting, %lld in work", (long long)number_of(queue, "ready"),
		(long long)number_of(queue, "leased"));
	html_raw(out, "</dd></dl><h2>Agents</h2><table class=\"list\"><thead><tr><th>name</th><th>kind</th><th>slots</th><th>seen</th><th>works on</th></tr></thead><tbody>");
	json_array_foreach(json_object_get(status, "agents"), i, row) {
		html_raw(out, "<tr><td data-label=\"name\">");
		html_text(out, text_of(row, "name"));
		html_raw(out, "</td><td data-label=\"kind\">");
		html_text(out, text_of(row, "kind"));
		html_raw(out, "</td><td data-label=\"slots\">");
		html_textf(out, "%lld", (long long)number_of(row, "slots"));
		html_raw(out, "</td><td data-label=\"seen\">");
		html_time(out, number_of(row, "seen_ms"));
		html_raw(out, "</td><td data-label=\"works on\">");
		html_text(out, text_of(row, "unit"));
		html_raw(out, "</td></tr>\n");
	}
	html_raw(out, "</tbody></table><h2>Requests for bisections, by day</h2><table class=\"list\"><thead><tr><th>day</th><th>stage</th><th>reason</th><th>count</th></tr></thead><tbody>");
	json_array_foreach((json_t *)funnel, i, row) {
		html_raw(out, "<tr><td data-label=\"day\">");
		html_text(out, text_of(row, "day"));
		html_raw(out, "</td><td data-label=\"stage\">");
		html_text(out, text_of(row, "stage"));
		html_raw(out, "</td><td data-label=\"reason\">");
		html_text(out, text_of(row, "reason"));
		html_raw(out, "</td><td data-label=\"count\">");
		html_textf(out, "%lld", (long long)number_of(row, "count"));
		html_raw(out, "</td></tr>\n");
	}
	html_raw(out, "</tbody></table></main>");
	html_page_end(out);
}

/* RFC 3986 section 2.3: what needs no escape in a query. */
static void add_query_value(struct str *out, const char *value)
{
	for (; *value; value++) {
		unsigned char c = (unsigned char)*value;

		if ((c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || strchr("-._~/", c))
			str_add_char(out, (char)c);
		else
			str_addf(out, "%%%02X", c);
	}
}

void page_login(struct str *out, const char *message, const char *next)
{
	struct str action = STR_INIT;

	str_add(&action, "/login?next=");
	add_query_value(&action, next ? next : "/");
	html_page_begin(out, "Token", NULL);
	html_raw(out, "<main><h1>A token is needed</h1>");
	if (message) {
		html_raw(out, "<p class=\"alarm\">");
		html_text(out, message);
		html_raw(out, "</p>");
	}
	html_raw(out, "<form method=\"post\"");
	html_attr(out, "action", action.buf);
	html_raw(out,
		"><label>Token <input type=\"password\" name=\"token\" autocomplete=\"current-password\" required autofocus></label> "
		"<button>Enter</button></form><p class=\"note\">An administrator makes one: "
		"<code>bisectctl token create NAME --role viewer</code>. This browser keeps it until it is closed.</p></main>");
	html_page_end(out);
	str_release(&action);
}

void page_error(struct str *out, int status, const char *message)
{
	static const struct { int status; const char *title, *help; } rows[] = {
		{ 400, "This cannot be asked", "The address is not one of bisectd's." },
		{ 401, "A token is needed", NULL },
		{ 403, "Not allowed", "A token of another role is needed; an administrator makes one." },
		{ 404, "Not found", "The address may be mistyped. All bisections and jobs are on <a href=\"/\">the first page</a>." },
		{ 503, "Not available just now", "bisectd comes back by itself: load this page again in a moment. Nothing is lost." },
		{ 0, "An error", "Loading the page again may help; the log of bisectd says more." },
	};
	size_t i = 0;

	while (rows[i].status && rows[i].status != status)
		i++;
	html_page_begin(out, rows[i].title, NULL);
	html_raw(out, "<main><h1>");
	html_raw(out, rows[i].title);
	html_raw(out, "</h1><p>");
	html_text(out, message);
	html_raw(out, "</p>");
	if (rows[i].help) {
		html_raw(out, "<p class=\"note\">");
		html_raw(out, rows[i].help);
		html_raw(out, "</p>");
	}
	html_raw(out, "</main>");
	html_page_end(out);
}
