#include "web/html.h"

#include "base/clock.h"

void html_raw(struct str *out, const char *literal)
{
	str_add(out, literal);
}

/* Control characters, C1 ones too, and those that turn the direction of writing, which would show a text as another. */
static bool is_shown(size_t utf8_len, unsigned code)
{
	if (!utf8_len || code == 0x7f || (code < 0x20 && code != '\n' && code != '\t'))
		return false;
	return !(code >= 0x80 && code < 0xa0) && !(code >= 0x202a && code <= 0x202e) &&
		!(code >= 0x2066 && code <= 0x2069);
}

void html_text_bytes(struct str *out, const char *text, size_t len)
{
	for (size_t i = 0; i < len;) {
		unsigned char c = (unsigned char)text[i];
		unsigned code;
		size_t n = str_utf8(text + i, len - i, &code);

		if (c == '&')
			str_add(out, "&amp;");
		else if (c == '<')
			str_add(out, "&lt;");
		else if (c == '>')
			str_add(out, "&gt;");
		else if (c == '"')
			str_add(out, "&quot;");
		else if (c == '\'')
			str_add(out, "&#39;");
		else if (!is_shown(n, code))
			str_add(out, "\xef\xbf\xbd");
		else
			str_add_bytes(out, text + i, n);
		i += n ? n : 1;
	}
}

void html_text(struct str *out, const char *text)
{
	if (text)
		html_text_bytes(out, text, strlen(text));
}

void html_breakable(struct str *out, const char *text)
{
	size_t at = 0;

	while (text && text[at]) {
		size_t len = strcspn(text + at, "._:/=-");

		len += strspn(text + at + len, "._:/=-");
		html_text_bytes(out, text + at, len);
		at += len;
		if (text[at])
			html_raw(out, "<wbr>");
	}
}

void html_attr(struct str *out, const char *name, const char *value)
{
	if (!value)
		return;
	str_addf(out, " %s=\"", name);
	html_text(out, value);
	str_add_char(out, '"');
}

void html_attrf(struct str *out, const char *name, const char *fmt, ...)
{
	struct str value = STR_INIT;
	va_list ap;

	va_start(ap, fmt);
	str_vaddf(&value, fmt, ap);
	va_end(ap);
	html_attr(out, name, value.buf);
	str_release(&value);
}

void html_textf(struct str *out, const char *fmt, ...)
{
	struct str value = STR_INIT;
	va_list ap;

	va_start(ap, fmt);
	str_vaddf(&value, fmt, ap);
	va_end(ap);
	html_text(out, value.buf);
	str_release(&value);
}

void html_time(struct str *out, int64_t wall_ms)
{
	char text[40];

	if (wall_ms <= 0)
		return;
	clock_format(text, sizeof(text), wall_ms);
	html_raw(out, "<time");
	html_attr(out, "datetime", text);
	html_raw(out, ">");
	if (strlen(text) >= 19)
		html_textf(out, "%.10s %.8s", text, text + 11);
	html_raw(out, "</time>");
}

void html_page_begin(struct str *out, const char *title, const char *stream)
{
	html_raw(out,
		"<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
		"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
		"<meta name=\"color-scheme\" content=\"light dark\"><title>");
	html_text(out, title);
	html_raw(out,
		" - bisectd</title><link rel=\"stylesheet\" href=\"/assets/style.css\">"
		"<link rel=\"icon\" href=\"/assets/icon.svg\">");
	if (stream)
		html_raw(out, "<script src=\"/assets/live.js\" defer></script>");
	html_raw(out, "</head><body");
	html_attr(out, "data-stream", stream);
	html_raw(out,
		"><header><a class=\"home\" href=\"/\">bisectd</a><nav><a href=\"/\">Bisections</a>"
		"<a href=\"/boxes\">Boxes</a><a href=\"/status\">Status</a></nav></header>\n");
}

void html_page_end(struct str *out)
{
	html_raw(out, "</body></html>\n");
}
