/* The other pages: home, job, log, status, login, error. */
#include "web/pages.h"

#include "base/clock.h"
#include "web/html.h"

#define LOG_LINES_MAX 100000

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

static void bisections_table(struct str *out, const json_t *bisections)
{
	size_t i;
	json_t *row;

	if (!json_array_size(bisections)) {
		html_raw(out,
			"<p>None yet. <code>bisectctl bisect --error-id ID job.yaml</code> starts one.</p>");
		return;
	}
	html_raw(out, "<table class=\"list\"><thead><tr><th>error</th><th>state</th><th>verdict</th><th>asked</th></tr></thead><tbody>");
	json_array_foreach((json_t *)bisections, i, row) {
		const json_t *v = json_object_get(row, "verdict");

		html_raw(out, "<tr><td data-label=\"error\"><a");
		html_attrf(out, "href", "/bisections/%s", text_of(row, "id"));
		html_raw(out, ">");
		html_text(out, text_of(row, "error_id"));
		html_raw(out, "</a></td><td data-label=\"state\">");
		badge(out, text_of(row, "state"));
		html_raw(out, " ");
		if (!json_is_object(v))
			html_text(out, text_of(row, "phase"));
		html_raw(out, "</td><td data-label=\"verdict\">");
		if (json_is_object(v)) {
			if (text_of(v, "commit")) {
				html_raw(out, "<code>");
				html_textf(out, "%.12s", text_of(v, "commit"));
				html_raw(out, "</code> ");
				html_text(out, text_of(v, "subject"));
			} else {
				html_text(out, text_of(v, "verdict"));
			}
		} else {
			html_text(out, text_of(row, "message"));
		}
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
		html_raw(out, "<p>None yet. <code>bisectctl submit job.yaml</code> runs one.</p>");
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

void page_home(struct str *out, const json_t *bisections, const json_t *jobs, const json_t *status)
{
	const json_t *queue = json_object_get(status, "queue");

	html_page_begin(out, "Bisections", NULL);
	html_raw(out, "<main><h1>Bisections</h1>");
	if (json_is_false(json_object_get(status, "redis")))
		html_raw(out, "<p class=\"alarm\">Redis does not answer: nothing new is started until it is back.</p>");
	if (!json_array_size(json_object_get(status, "agents")))
		html_raw(out, "<p class=\"alarm\">No builder or tester has asked for work yet.</p>");
	bisections_table(out, bisections);
	html_raw(out, "<h2>Jobs</h2>");
	jobs_table(out, jobs);
	html_raw(out, "<p class=\"note\">");
	html_textf(out, "%lld units wait, %lld are being worked on.",
		(long long)number_of(queue, "ready"), (long long)number_of(queue, "leased"));
	html_raw(out, "</p></main>");
	html_page_end(out);
}

static void errors_table(struct str *out, const char *unit, const json_t *errors)
{
	size_t i;
	json_t *row;

	if (!json_array_size(errors))
		return;
	html_raw(out, "<table class=\"errors\"><thead><tr><th>error id</th><th>line</th></tr></thead><tbody>");
	json_array_foreach((json_t *)errors, i, row) {
		json_int_t line = number_of(row, "line_number");

		html_raw(out, "<tr><td data-label=\"error id\"><code class=\"line\">");
		html_text(out, text_of(row, "id"));
		html_raw(out, "</code></td><td data-label=\"line\">");
		if (line > 0) {
			html_raw(out, "<a");
			html_attrf(out, "href", "/units/%s/log?line=%lld#marked", unit, (long long)line);
			html_raw(out, ">");
			html_textf(out, "%lld", (long long)line);
			html_raw(out, "</a>");
		}
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
	html_raw(out, " <a");
	html_attrf(out, "href", "/units/%s/log", unit);
	html_raw(out, ">log</a>");
	if (artifact) {
		html_raw(out, " <a");
		html_attrf(out, "href", "/api/v1/artifacts/%s", artifact);
		html_attrf(out, "download", "%.12s.tar.zst", artifact);
		html_raw(out, ">files (tar.zst)</a>");
	}
	html_raw(out, "</p>");
	errors_table(out, unit, json_object_get(run, "errors"));
}

void page_job(struct str *out, const json_t *job)
{
	html_page_begin(out, text_of(job, "id"), NULL);
	html_raw(out, "<main><h1>Job ");
	html_text(out, text_of(job, "id"));
	html_raw(out, "</h1><dl class=\"facts\"><dt>State</dt><dd>");
	badge(out, text_of(job, "state"));
	html_raw(out, " ");
	html_text(out, text_of(job, "message"));
	html_raw(out, "</dd><dt>Repository</dt><dd>");
	html_text(out, text_of(job, "repo"));
	html_raw(out, "</dd><dt>Commit</dt><dd><code>");
	html_text(out, text_of(job, "commit"));
	html_raw(out, "</code></dd><dt>Asked</dt><dd>");
	html_time(out, number_of(job, "created_ms"));
	html_raw(out, "</dd></dl>");
	run_section(out, "Build", json_object_get(job, "build"));
	run_section(out, "Test", json_object_get(job, "result"));
	html_raw(out, "<h2>job.yaml</h2><pre>");
	html_text(out, text_of(job, "intent"));
	html_raw(out, "</pre></main>");
	html_page_end(out);
}

void page_log(struct str *out, const char *unit, const char *text, size_t len, uint64_t marked, int live)
{
	uint64_t line = 0;

	html_page_begin(out, unit, NULL);
	html_raw(out, "<main class=\"wide\"><h1>Log of ");
	html_text(out, unit);
	html_raw(out, "</h1><p>");
	if (live)
		html_raw(out, "It still runs; this is what it has written so far. ");
	html_raw(out, "<a");
	html_attrf(out, "href", "/api/v1/units/%s/log", unit);
	html_raw(out, ">as plain text</a></p><pre class=\"log\">");
	for (size_t at = 0; at < len && line < LOG_LINES_MAX;) {
		const char *end = memchr(text + at, '\n', len - at);
		size_t n = end ? (size_t)(end - text) - at : len - at;

		line++;
		html_raw(out, line == marked ? "<span class=\"l marked\" id=\"marked\"" : "<span class=\"l\"");
		html_attrf(out, "data-n", "%llu", (unsigned long long)line);
		html_raw(out, ">");
		html_text_bytes(out, text + at, n);
		html_raw(out, "\n</span>");
		at += n + 1;
	}
	html_raw(out, "</pre>");
	if (!len)
		html_raw(out, "<p>Nothing was written.</p>");
	if (line == LOG_LINES_MAX)
		html_raw(out, "<p>The rest is in the plain text.</p>");
	html_raw(out, "</main>");
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

void page_login(struct str *out, const char *message, const char *next)
{
	html_page_begin(out, "Token", NULL);
	html_raw(out, "<main><h1>A token is needed</h1>");
	if (message) {
		html_raw(out, "<p class=\"alarm\">");
		html_text(out, message);
		html_raw(out, "</p>");
	}
	html_raw(out,
		"<form method=\"post\" action=\"/login\"><label>Token <input type=\"password\" name=\"token\" autocomplete=\"current-password\" required></label> "
		"<button>Enter</button></form><p>An administrator makes one: <code>bisectctl token create NAME --role viewer</code></p></main>");
	html_page_end(out);
}

void page_error(struct str *out, int status, const char *message)
{
	html_page_begin(out, status == 404 ? "Not found" : "Error", NULL);
	html_raw(out, "<main><h1>");
	html_raw(out, status == 404 ? "Not found" : "Error");
	html_raw(out, "</h1><p>");
	html_text(out, message);
	html_raw(out, "</p></main>");
	html_page_end(out);
}
