/* A window of a log. */
#include "web/pages.h"

#include "web/html.h"

/* What a terminal would make of a line: colours go, a carriage return at the end too. */
static void line_text(struct str *out, const char *line, size_t len)
{
	size_t from = 0;

	if (len && line[len - 1] == '\r')
		len--;
	for (size_t at = 0; at < len;) {
		size_t n = str_control_sequence(line + at, len - at);

		if (!n) {
			at++;
			continue;
		}
		html_text_bytes(out, line + from, at - from);
		at += n;
		from = at;
	}
	html_text_bytes(out, line + from, len - from);
}

static void window_link(struct str *out, const char *unit, uint64_t from, const char *label)
{
	html_raw(out, " <a");
	if (from)
		html_attrf(out, "href", "/units/%s/log?from=%llu", unit, (unsigned long long)from);
	else
		html_attrf(out, "href", "/units/%s/log?from=end", unit);
	html_raw(out, ">");
	html_raw(out, label);
	html_raw(out, "</a>");
}

/* Where in the log this is, and the ways to the rest of it; nothing where all of it is shown. */
static void navigation(struct str *out, const char *unit, const struct log_window *window)
{
	uint64_t last = window->first + window->lines - (window->lines > 0);

	if (window->first <= 1 && !window->more)
		return;
	html_raw(out, "<nav class=\"pages\"><span>");
	html_textf(out, "Lines %llu to %llu", (unsigned long long)window->first, (unsigned long long)last);
	html_raw(out, "</span>");
	if (window->first > 1) {
		window_link(out, unit, 1, "first");
		window_link(out, unit, window->first > LOG_WINDOW_LINES ? window->first - LOG_WINDOW_LINES : 1,
			"earlier");
	}
	if (window->more) {
		window_link(out, unit, last + 1, "later");
		window_link(out, unit, 0, "last");
	}
	html_raw(out, "</nav>");
}

uint64_t page_log_from(uint64_t marked)
{
	return marked > LOG_WINDOW_LINES / 2 ? marked - LOG_WINDOW_LINES / 2 : 1;
}

void page_log_address(struct str *out, const char *unit, uint64_t line)
{
	if (line)
		html_attrf(out, "href", "/units/%s/log?line=%llu#L%llu", unit, (unsigned long long)line,
			(unsigned long long)line);
	else
		html_attrf(out, "href", "/units/%s/log", unit);
}

void page_log(struct str *out, const char *unit, const struct log_window *window, uint64_t marked, bool live)
{
	uint64_t number = window->first;

	html_page_begin(out, unit, NULL);
	html_raw(out, "<main class=\"wide\"><h1 class=\"id\">Log of ");
	html_breakable(out, unit);
	html_raw(out, "</h1><p>");
	if (live)
		html_raw(out, "It still runs; this is what it has written so far. ");
	html_raw(out, "<a");
	html_attrf(out, "href", "/api/v1/units/%s/log", unit);
	html_raw(out, ">as plain text</a></p>");
	if (marked && (marked < window->first || marked >= window->first + window->lines))
		html_textf(out, "The log has no line %llu.", (unsigned long long)marked);
	navigation(out, unit, window);
	if (window->lines)
		html_raw(out, "<pre class=\"log\">");
	for (size_t at = 0; at < window->text.len; number++) {
		const char *line = window->text.buf + at;
		size_t n = (size_t)((const char *)memchr(line, '\n', window->text.len - at) - line);

		html_raw(out, number == marked ? "<span class=\"l marked\"" : "<span class=\"l\"");
		html_attrf(out, "id", "L%llu", (unsigned long long)number);
		html_raw(out, "><a");
		html_attrf(out, "href", "#L%llu", (unsigned long long)number);
		html_attrf(out, "data-n", "%llu", (unsigned long long)number);
		html_attrf(out, "aria-label", "line %llu", (unsigned long long)number);
		html_raw(out, "></a>");
		line_text(out, line, n);
		html_raw(out, "\n</span>");
		at += n + 1;
	}
	html_raw(out, window->lines ? "</pre>" : "<p>Nothing was written.</p>");
	if (window->lines > 40)
		navigation(out, unit, window);
	html_raw(out, "</main>");
	html_page_end(out);
}
