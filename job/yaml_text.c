#include "job/yaml_text.h"

#include <stdbool.h>

/* A word that no YAML reader takes for anything else. */
static bool is_plain(const char *text)
{
	static const char *const words[] = { "null", "true", "false", "yes", "no", "on", "off", "y",
		"n" };
	size_t len = strlen(text);

	if (len == 0 || strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == 0)
		return false;
	if (strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./+-") !=
	        len)
		return false;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcasecmp(text, words[i]) == 0)
			return false;
	return true;
}

/* The code point of the UTF-8 character at p (which is valid: it came through the YAML reader), and
 * its length. */
static unsigned read_utf8(const unsigned char *p, size_t *ret_len)
{
	size_t len = *p < 0x80 ? 1 : *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : 4;
	unsigned c = len == 1 ? *p : *p & (0xffu >> (len + 1));

	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80) {
			*ret_len = 1;
			return *p;
		}
		c = c << 6 | (p[i] & 0x3f);
	}
	*ret_len = len;
	return c;
}

/* Line breaks of other standards, byte order marks and controls: not as they are in YAML. */
static bool needs_escape(unsigned c)
{
	return (c < 0x20 && c != '\t') || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029 ||
	       c == 0xfeff || c == 0xfffe || c == 0xffff;
}

void yaml_text_quoted(struct str *ret, const char *text)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t len;

	str_add_char(ret, '"');
	for (; *p; p += len) {
		unsigned c = read_utf8(p, &len);

		if (c == '"' || c == '\\')
			str_addf(ret, "\\%c", (char)c);
		else if (c == '\n')
			str_add(ret, "\\n");
		else if (c == '\t')
			str_add(ret, "\\t");
		else if (needs_escape(c))
			str_addf(ret, c < 0x100 ? "\\x%02x" : "\\u%04x", c);
		else
			str_add_bytes(ret, p, len);
	}
	str_add_char(ret, '"');
}

void yaml_text_scalar(struct str *ret, const char *text)
{
	if (is_plain(text))
		str_add(ret, text);
	else
		yaml_text_quoted(ret, text);
}

/* A script reads best as it was written, where a literal block can hold it exactly. */
static bool fits_block(const char *text)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t len = strlen(text), n;

	if (!strchr(text, '\n') || *text == ' ' || *text == '\t' || *text == '\n')
		return false;
	if (len >= 2 && text[len - 1] == '\n' &&
	        (text[len - 2] == '\n' || text[len - 2] == ' ' || text[len - 2] == '\t'))
		return false;
	for (; *p; p += n) {
		unsigned c = read_utf8(p, &n);

		if (c != '\n' && needs_escape(c))
			return false;
	}
	return true;
}

void yaml_text_block(struct str *ret, const char *text, unsigned indent)
{
	const char *end;

	if (!fits_block(text)) {
		yaml_text_scalar(ret, text);
		str_add_char(ret, '\n');
		return;
	}
	str_add(ret, text[strlen(text) - 1] == '\n' ? "|\n" : "|-\n");
	for (; *text; text = *end ? end + 1 : end) {
		end = strchrnul(text, '\n');
		if (end > text)
			str_addf(ret, "%*s", (int)indent, "");
		str_add_bytes(ret, text, (size_t)(end - text));
		str_add_char(ret, '\n');
	}
}
