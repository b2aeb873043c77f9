#include "base/http_target.h"

#include <string.h>

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* RFC 3986 section 2.1; in a query '+' is a space.  A NUL is refused, for it would hide what follows. */
static bool decode(struct str *ret, const char *s, size_t len, bool query)
{
	str_clear(ret);
	for (size_t i = 0; i < len; i++) {
		int high, low;

		if (s[i] != '%') {
			str_add_char(ret, query && s[i] == '+' ? ' ' : s[i]);
			continue;
		}
		high = i + 2 < len ? hex_digit(s[i + 1]) : -1;
		low = high >= 0 ? hex_digit(s[i + 2]) : -1;
		if (low < 0 || high + low == 0)
			return false;
		str_add_char(ret, (char)(high * 16 + low));
		i += 2;
	}
	return true;
}

bool http_target_queries(struct strv *ret, const char *at)
{
	struct str text = STR_INIT;
	bool good = true;

	while (good && *at) {
		size_t len = strcspn(++at, "&");
		const char *equals = memchr(at, '=', len);
		size_t name_len = equals ? (size_t)(equals - at) : len;

		if (len > 0) {
			good = decode(&text, at, name_len, true);
			strv_push(ret, text.buf);
			good = good && decode(&text, equals ? equals + 1 : "",
				equals ? len - name_len - 1 : 0, true);
			strv_push(ret, text.buf);
		}
		at += len;
	}
	str_release(&text);
	return good;
}

static bool is_dots(const char *s, size_t len)
{
	return (len == 1 && s[0] == '.') || (len == 2 && s[0] == '.' && s[1] == '.');
}

bool http_target_is_sound(const char *path)
{
	struct str part = STR_INIT;
	bool good = *path == '/';

	while (good && *path) {
		size_t len = strcspn(++path, "/");

		good = decode(&part, path, len, false) && !is_dots(part.buf, part.len);
		path += len;
	}
	str_release(&part);
	return good;
}

/* What "{rest...}" takes may be used as a path, so that encoded slashes must not bring in ".." either. */
static bool has_dots(const char *decoded)
{
	for (size_t len; *decoded; decoded += len + (decoded[len] == '/')) {
		len = strcspn(decoded, "/");
		if (is_dots(decoded, len))
			return true;
	}
	return false;
}

bool http_target_match(const char *pattern, const char *path, struct strv *params)
{
	struct str part = STR_INIT;
	bool good = true;

	strv_release(params);
	while (good && *pattern == '/' && *path == '/') {
		size_t pattern_len = strcspn(++pattern, "/"), len = strcspn(++path, "/");

		if (*pattern == '{') {
			bool rest = pattern_len > 5 && strncmp(pattern + pattern_len - 4, "...}", 4) == 0;
			size_t name_len = pattern_len - (rest ? 5 : 2);

			if (rest)
				len = strlen(path);
			good = decode(&part, path, len, false) && (rest ? !has_dots(part.buf) : len > 0);
			strv_pushf(params, "%.*s", (int)name_len, pattern + 1);
			strv_push(params, part.buf);
		} else {
			good = decode(&part, path, len, false) && part.len == pattern_len &&
				strncmp(part.buf, pattern, pattern_len) == 0;
		}
		pattern += pattern_len;
		path += len;
	}
	str_release(&part);
	return good && !*pattern && !*path;
}
