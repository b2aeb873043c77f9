#include "base/str.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdint.h>

#include "base/mem.h"

char str_empty[1];

void str_init(struct str *s)
{
	*s = (struct str)STR_INIT;
}

void str_release(struct str *s)
{
	if (s->cap)
		free(s->buf);
	str_init(s);
}

void str_clear(struct str *s)
{
	str_set_len(s, 0);
}

char *str_detach(struct str *s)
{
	char *buf = s->cap ? s->buf : mem_strdup("");

	str_init(s);
	return buf;
}

void str_reserve(struct str *s, size_t more)
{
	size_t want;
	char *buf = s->cap ? s->buf : NULL;

	if (__builtin_add_overflow(s->len, more, &want) || want == SIZE_MAX)
		abort();
	want++;
	if (want <= s->cap)
		return;
	MEM_GROW(buf, want, s->cap);
	s->buf = buf;
	s->buf[s->len] = '\0';
}

void str_add(struct str *s, const char *text)
{
	if (text)
		str_add_bytes(s, text, strlen(text));
}

void str_add_bytes(struct str *s, const void *bytes, size_t len)
{
	if (!len)
		return;
	str_reserve(s, len);
	memcpy(s->buf + s->len, bytes, len);
	s->len += len;
	s->buf[s->len] = '\0';
}

void str_add_char(struct str *s, char c)
{
	str_add_bytes(s, &c, 1);
}

void str_addf(struct str *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	str_vaddf(s, fmt, ap);
	va_end(ap);
}

void str_vaddf(struct str *s, const char *fmt, va_list ap)
{
	va_list again;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (n < 0) /* more than INT_MAX bytes: no caller means that */
		abort();
	str_reserve(s, (size_t)n);
	if (n)
		vsnprintf(s->buf + s->len, (size_t)n + 1, fmt, ap);
	s->len += (size_t)n;
}

const char *str_setf(struct str *s, const char *fmt, ...)
{
	va_list ap;

	str_clear(s);
	va_start(ap, fmt);
	str_vaddf(s, fmt, ap);
	va_end(ap);
	return s->buf;
}

void str_set_len(struct str *s, size_t len)
{
	if (len >= s->len)
		return;
	s->len = len;
	s->buf[len] = '\0';
}

void str_remove_front(struct str *s, size_t len)
{
	if (!len)
		return;
	if (len >= s->len) {
		str_clear(s);
		return;
	}
	memmove(s->buf, s->buf + len, s->len - len + 1);
	s->len -= len;
}

void str_trim_right(struct str *s)
{
	size_t len = s->len;

	while (len && isspace((unsigned char)s->buf[len - 1]))
		len--;
	str_set_len(s, len);
}

size_t str_utf8(const void *bytes, size_t len, unsigned *ret_code)
{
	static const unsigned least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *p = bytes;
	unsigned code;
	size_t n, i;

	if (!len)
		return 0;
	if (p[0] < 0x80) {
		*ret_code = p[0];
		return 1;
	}
	if ((p[0] & 0xe0) == 0xc0)
		n = 2;
	else if ((p[0] & 0xf0) == 0xe0)
		n = 3;
	else if ((p[0] & 0xf8) == 0xf0)
		n = 4;
	else
		return 0;
	if (n > len)
		return 0;
	code = p[0] & (0x7fu >> n);
	for (i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (p[i] & 0x3f);
	}
	if (code < least[n] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return 0;
	*ret_code = code;
	return n;
}

/*
 * Controls, and what moves or hides text without being seen: direction marks, line separators, the
 * BOM.
 */
static bool is_printable(unsigned code)
{
	return code >= 0x20 && !(code >= 0x7f && code < 0xa0) &&
	       !(code >= 0x200b && code <= 0x200f) && !(code >= 0x2028 && code <= 0x202e) &&
	       !(code >= 0x2060 && code <= 0x206f) && code != 0xfeff &&
	       !(code >= 0xfff9 && code <= 0xfffb) && (code & 0xfffe) != 0xfffe;
}

void str_add_printable(struct str *s, const void *bytes, size_t len, size_t max)
{
	const unsigned char *p = bytes;

	while (len) {
		unsigned code;
		size_t n = str_utf8(p, len, &code);
		bool as_it_is = n && is_printable(code);
		size_t shown, i;

		n = n ? n : 1;
		shown = as_it_is ? n : 4 * n;
		if (shown > max)
			return;
		if (as_it_is)
			str_add_bytes(s, p, n);
		for (i = 0; !as_it_is && i < n; i++)
			str_addf(s, "\\x%02x", p[i]);
		p += n;
		len -= n;
		max -= shown;
	}
}

size_t str_control_sequence(const void *bytes, size_t len)
{
	const unsigned char *p = bytes;
	size_t n = 2;

	if (len < 3 || p[0] != 0x1b || p[1] != '[')
		return 0;
	while (n < len && p[n] >= 0x20 && p[n] < 0x40)
		n++;
	return n < len && p[n] >= 0x40 && p[n] < 0x7f ? n + 1 : 0;
}

bool str_has_prefix(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool str_has_suffix(const char *s, const char *suffix)
{
	size_t len = strlen(s);
	size_t n = strlen(suffix);

	return len >= n && memcmp(s + len - n, suffix, n) == 0;
}

bool str_to_long(const char *s, long long min, long long max, long long *ret)
{
	const char *digits = *s == '-' ? s + 1 : s;
	long long value;

	if (!*digits || digits[strspn(digits, "0123456789")])
		return false;
	errno = 0;
	value = strtoll(s, NULL, 10);
	if (errno || value < min || value > max)
		return false;
	*ret = value;
	return true;
}

struct unit {
	char letter;
	long long factor;
};

static bool to_long_with_unit(const char *s, const struct unit *units, long long *ret)
{
	size_t n = strspn(s, "0123456789");
	long long value, factor = 1;
	char *digits;
	bool ok;

	if (s[n]) {
		while (units->letter && units->letter != tolower((unsigned char)s[n]))
			units++;
		if (!units->letter || s[n + 1])
			return false;
		factor = units->factor;
	}
	digits = mem_strndup(s, n);
	ok = str_to_long(digits, 0, LLONG_MAX / factor, &value);
	free(digits);
	if (ok)
		*ret = value * factor;
	return ok;
}

bool str_to_seconds(const char *s, long long *ret)
{
	static const struct unit units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 },
		{ 0, 0 } };

	return to_long_with_unit(s, units, ret);
}

bool str_to_bytes(const char *s, long long *ret)
{
	static const struct unit units[] = {
		{ 'k', 1LL << 10 },
		{ 'm', 1LL << 20 },
		{ 'g', 1LL << 30 },
		{ 0, 0 },
	};

	return to_long_with_unit(s, units, ret);
}

void strv_release(struct strv *l)
{
	size_t i;

	for (i = 0; i < l->n; i++)
		free(l->v[i]);
	free(l->v);
	*l = (struct strv)STRV_INIT;
}

static void push_owned(struct strv *l, char *s)
{
	MEM_GROW(l->v, l->n + 2, l->cap);
	l->v[l->n++] = s;
	l->v[l->n] = NULL;
}

void strv_push(struct strv *l, const char *s)
{
	if (s)
		push_owned(l, mem_strdup(s));
}

void strv_pushf(struct strv *l, const char *fmt, ...)
{
	struct str text = STR_INIT;
	va_list ap;

	va_start(ap, fmt);
	str_vaddf(&text, fmt, ap);
	va_end(ap);
	push_owned(l, str_detach(&text));
}

void strv_push_all(struct strv *l, const char *const *v)
{
	for (; v && *v; v++)
		strv_push(l, *v);
}

void strv_push_many(struct strv *l, ...)
{
	const char *s;
	va_list ap;

	va_start(ap, l);
	while ((s = va_arg(ap, const char *)))
		strv_push(l, s);
	va_end(ap);
}

bool strv_has(const struct strv *l, const char *s)
{
	size_t i;

	for (i = 0; i < l->n; i++)
		if (strcmp(l->v[i], s) == 0)
			return true;
	return false;
}

static int compare_strings(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void strv_sort_unique(struct strv *l)
{
	size_t i, kept = 0;

	if (!l->n)
		return;
	qsort(l->v, l->n, sizeof(*l->v), compare_strings);
	for (i = 1; i < l->n; i++) {
		if (strcmp(l->v[kept], l->v[i]) == 0)
			free(l->v[i]);
		else
			l->v[++kept] = l->v[i];
	}
	l->n = kept + 1;
	l->v[l->n] = NULL;
}

const char *const *strv_argv(const struct strv *l)
{
	static const char *const empty[] = { NULL };

	return l->v ? (const char *const *)l->v : empty;
}
