#include "web/html.h"

#include "base/clock.h"

void html_raw(struct str *out, const char *literal)
{
	str_add(out, literal);
}

/* Length of the valid UTF-8 sequence at p (1..4), or 0. */
static size_t utf8_len(const unsigned char *p, size_t left)
{
	size_t len = p[0] < 0x80 ? 1 : p[0] >= 0xc2 && p[0] < 0xe0 ? 2 : p[0] >= 0xe0 && p[0] < 0xf0 ? 3 :
		p[0] >= 0xf0 && p[0] < 0xf5					      ? 4 :
										0;

	if (!len || len > left)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
		(p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return len;
}

void html_text_bytes(struct str *out, const char *text, size_t len)
{
	for (size_t i = 0; i < len;) {
		unsigned char c = (unsigned char)text[i];
		size_t n = utf8_len((const unsigned char *)text + i, len - i);

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
		else if (!n || (c < 0x20 && c != '\n' && c != '\t') || c == 0x7f)
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
		"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>");
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
		"<a href=\"/status\">Status</a></nav></header>\n");
}

void html_page_end(struct str *out)
{
	html_raw(out, "</body></html>\n");
}
