#include "base/hash.h"
#include "job/errorid.h"
#include "job/normalise.h"

struct style {
	char blank;
	bool keep_numbers;
	bool collapse; /* three or more punctuation marks in a row are one ':' */
	bool as_lkp;
};

#define TRAILING "-_.,;:#![(*"

static bool is_digit(unsigned char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_word(unsigned char c)
{
	return is_digit(c) || is_letter(c) || c == '_';
}

static bool is_hex(unsigned char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_blank(unsigned char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Letters of any script take a blank between them; the rest makes it go. */
static bool keeps_blank(unsigned char c)
{
	return is_digit(c) || is_letter(c) || c >= 0x80;
}

/* Bytes of the UTF-8 character at p; 0 if it is none. */
static size_t utf8_len(const unsigned char *p, size_t len)
{
	size_t want = *p < 0x80                 ? 1
	              : *p >= 0xc2 && *p < 0xe0 ? 2
	              : *p >= 0xe0 && *p < 0xf0 ? 3
	              : *p >= 0xf0 && *p < 0xf5 ? 4
	                                        : 0;

	if (want == 0 || want > len)
		return 0;
	for (size_t i = 1; i < want; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((*p == 0xe0 && p[1] < 0xa0) || (*p == 0xed && p[1] >= 0xa0) ||
	        (*p == 0xf0 && p[1] < 0x90) || (*p == 0xf4 && p[1] >= 0x90))
		return 0;
	return want;
}

/* Bytes of the escape sequence at p, which begins with ESC (ECMA-48: CSI, OSC and the short ones).
 */
static size_t escape_len(const unsigned char *p, size_t len)
{
	size_t i = 1;

	if (i < len && p[i] == '[') {
		for (i++; i < len && p[i] >= 0x20 && p[i] <= 0x3f; i++)
			;
		return i < len && p[i] >= 0x40 && p[i] <= 0x7e ? i + 1 : i;
	}
	if (i < len && (p[i] == ']' || p[i] == 'P' || p[i] == '_' || p[i] == '^')) {
		for (i++; i < len && p[i] != '\a' && p[i] != 0x1b; i++)
			;
		if (i < len && p[i] == 0x1b)
			return i + 1 < len && p[i + 1] == '\\' ? i + 2 : i;
		return i < len ? i + 1 : i;
	}
	for (; i < len && p[i] >= 0x20 && p[i] <= 0x2f; i++)
		;
	return i < len && p[i] >= 0x30 && p[i] <= 0x7e ? i + 1 : i;
}

void clean_line(struct str *ret, const char *text, size_t len)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t start = 0, i = 0;

	while (i < len) {
		size_t drop = 0;

		if (p[i] == 0x1b)
			drop = escape_len(p + i, len - i);
		else if ((p[i] < 0x20 && p[i] != '\t') || p[i] == 0x7f)
			drop = 1;
		else if (p[i] == 0xc2 && i + 1 < len && p[i + 1] >= 0x80 && p[i + 1] < 0xa0)
			drop = 2; /* control characters beyond ASCII */
		if (drop == 0) {
			i++;
			continue;
		}
		str_add_bytes(ret, text + start, i - start);
		i += drop;
		start = i;
	}
	str_add_bytes(ret, text + start, len - start);
}

/* Eight bytes at a time: which of them are below blank, DEL or beyond ASCII needs a closer look. */
bool line_is_clean(const char *text, size_t len)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t i = 0;

	while (i < len) {
		uint64_t word;

		if (i + sizeof(word) <= len) {
			memcpy(&word, p + i, sizeof(word));
			if (!(((word - 0x2020202020202020u) | (word + 0x0101010101010101u) | word) &
			            0x8080808080808080u)) {
				i += sizeof(word);
				continue;
			}
		}
		for (size_t end = i + sizeof(word) < len ? i + sizeof(word) : len; i < end; i++)
			if ((p[i] < 0x20 && p[i] != '\t') || p[i] == 0x7f || p[i] == 0xc2)
				return false;
	}
	return true;
}

void clean_line_as_lkp(struct str *ret, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] >= 0x20 || text[i] == '\t')
			str_add_char(ret, text[i]);
}

static size_t digits_len(const unsigned char *p, size_t len)
{
	size_t i = 0;

	while (i < len && is_digit(p[i]))
		i++;
	return i;
}

static size_t hex_len(const unsigned char *p, size_t len)
{
	size_t i = 0;

	while (i < len && is_hex(p[i]))
		i++;
	return i;
}

/*
 * "6.6.0-rc1", "5.10-rc7-00048-g5a35435ef4e6e".  A dot or dash must follow the second number: 3.5s
 * is a time, and "#" for it with "#s" for 12.5s would be two ids of one error.
 */
static size_t kernel_version_len(const unsigned char *p, size_t len)
{
	size_t i;

	if (len < 4 || p[0] < '3' || p[0] > '9' || p[1] != '.')
		return 0;
	i = digits_len(p + 2, len - 2);
	if (i == 0)
		return 0;
	i += 2;
	if (i + 1 >= len ||
	        !((p[i] == '.' && is_digit(p[i + 1])) || (p[i] == '-' && keeps_blank(p[i + 1]))))
		return 0;
	while (i < len &&
	        (p[i] == '-' || p[i] == '.' || is_digit(p[i]) || (p[i] >= 'a' && p[i] <= 'z')))
		i++;
	return i;
}

static size_t date_len(const unsigned char *p, size_t len)
{
	size_t day = digits_len(p, len), year;

	if (day < 1 || day > 2 || len - day < 9 || p[day] != '-' || !is_letter(p[day + 1]) ||
	        !is_letter(p[day + 2]) || !is_letter(p[day + 3]) || p[day + 4] != '-')
		return 0;
	year = digits_len(p + day + 5, len - day - 5);
	return year == 4 ? day + 9 : 0;
}

static size_t uuid_len(const unsigned char *p, size_t len)
{
	static const size_t parts[] = { 8, 4, 4, 4, 12 };
	size_t at = 0;

	for (size_t i = 0; i < 5; i++) {
		if (hex_len(p + at, len - at) != parts[i])
			return 0;
		at += parts[i];
		if (i < 4 && (at >= len || p[at++] != '-'))
			return 0;
	}
	return at < len && is_word(p[at]) ? 0 : at;
}

/* A hash, an address, a commit: hex digits up to the end of the word that no word of a language is.
 */
static size_t hex_word_len(const unsigned char *p, size_t len, bool keep_numbers)
{
	size_t n = hex_len(p, len), digits = 0, upper = 0;
	bool round = n == 40 || n == 64;

	if (n < 8 || (n < len && is_word(p[n])))
		return 0;
	if (keep_numbers)
		return round ? n : 0;
	for (size_t i = 0; i < n; i++) {
		digits += is_digit(p[i]);
		upper += p[i] >= 'A' && p[i] <= 'F';
	}
	if (digits > 1 && digits < n) /* "face2face" is a word */
		return n;
	return round || (digits == 0 && upper == n && (n == 8 || n == 16)) ? n : 0;
}

/* The same as lkp-tests has it: fewer forms, lower-case hex only. */
static size_t changing_len_as_lkp(const unsigned char *p, size_t len)
{
	size_t n;

	if (len > 3 && p[0] >= '3' && p[0] <= '9' && p[1] == '.' &&
	        (n = digits_len(p + 2, len - 2))) {
		size_t end = n + 2;

		while (end < len && (p[end] == '-' || p[end] == '.' || is_digit(p[end]) ||
		                            (p[end] >= 'a' && p[end] <= 'z')))
			end++;
		if (end > n + 2 || n > 1)
			return end;
	}
	if ((n = date_len(p, len)))
		return n;
	if (len > 2 && p[0] == '0' && p[1] == 'x') {
		for (n = 2; n < len && (is_digit(p[n]) || (p[n] >= 'a' && p[n] <= 'f')); n++)
			;
		if (n > 2)
			return n;
	}
	if (hex_len(p, len) == 40)
		return 40;
	for (n = 0; n < len && (is_digit(p[n]) || (n && p[n] == '.')); n++)
		;
	return n;
}

/* Bytes at p that change from run to run and become '#'; p stands at the start of a word. */
static size_t changing_len(const unsigned char *p, size_t len, bool keep_numbers)
{
	size_t n;

	/* What a rewrite cut behind "0x" is gone: lkp's spelling, too. */
	if (len == 2 && p[0] == '0' && p[1] == 'x')
		return 0;
	if (len > 2 && p[0] == '0' && (p[1] == 'x' || p[1] == 'X') && is_hex(p[2]))
		return 2 + hex_len(p + 2, len - 2);
	if ((n = uuid_len(p, len)) || (n = hex_word_len(p, len, keep_numbers)))
		return n;
	if (keep_numbers || !is_digit(*p))
		return 0;
	if ((n = kernel_version_len(p, len)) || (n = date_len(p, len)))
		return n;
	for (n = 1; n < len && (is_digit(p[n]) || p[n] == '.'); n++)
		;
	return n;
}

static void emit(
        struct str *out, const char *bytes, size_t len, bool *blank, const struct style *style)
{
	if (*blank && out->len && keeps_blank((unsigned char)out->buf[out->len - 1]) &&
	        keeps_blank((unsigned char)*bytes))
		str_add_char(out, style->blank);
	*blank = false;
	str_add_bytes(out, bytes, len);
}

/* Typographic quotes are the plain ones of another locale. */
static char plain_quote(const unsigned char *p, size_t len)
{
	if (len < 3 || p[0] != 0xe2 || p[1] != 0x80)
		return 0;
	return p[2] == 0x98 || p[2] == 0x99 ? '\'' : p[2] == 0x9c || p[2] == 0x9d ? '~' : 0;
}

static void add_normal(struct str *out, const char *text, size_t len, const struct style *style)
{
	const unsigned char *p = (const unsigned char *)text;
	bool blank = false;

	for (size_t i = 0; i < len;) {
		bool word_start = i == 0 || !is_word(p[i - 1]);
		size_t n;
		char quote;

		if (is_blank(p[i])) {
			blank = true;
			i++;
		} else if (word_start && (n = style->as_lkp ? changing_len_as_lkp(p + i, len - i)
		                                            : changing_len(p + i, len - i,
		                                                      style->keep_numbers))) {
			emit(out, "#", 1, &blank, style);
			i += n;
		} else if (p[i] == 'g' && i > 0 && p[i - 1] == '-' && !style->keep_numbers &&
		           !style->as_lkp && (n = hex_len(p + i + 1, len - i - 1)) >= 7 &&
		           (i + 1 + n == len || !is_word(p[i + 1 + n]))) {
			emit(out, "g#", 2, &blank, style); /* what git describe says */
			i += n + 1;
		} else if (p[i] == '"' || p[i] == '\\' || p[i] == '$' || p[i] < 0x20 ||
		           p[i] == 0x7f) {
			emit(out, "~", 1, &blank, style);
			i++;
		} else if (!style->as_lkp && (quote = plain_quote(p + i, len - i))) {
			emit(out, &quote, 1, &blank, style);
			i += 3;
		} else if ((n = utf8_len(p + i, len - i))) {
			/* The rest of a word, which begins nothing that changes. */
			for (; is_word(p[i]) && i + n < len && is_word(p[i + n]); n++)
				;
			emit(out, text + i, n, &blank, style);
			i += n;
		} else {
			emit(out, "~", 1, &blank, style);
			i++;
		}
	}
}

static bool is_collapsing(char c)
{
	switch (c) {
	case '-':
	case '_':
	case '.':
	case ',':
	case ';':
	case ':':
	case '#':
	case '!':
		return true;
	default:
		return false;
	}
}

static void collapse(struct str *s, size_t from)
{
	size_t to = from;

	for (size_t i = from; i < s->len;) {
		size_t run = 0;

		while (i + run < s->len && is_collapsing(s->buf[i + run]))
			run++;
		if (run >= 3) {
			s->buf[to++] = ':';
			i += run;
		} else {
			for (size_t j = 0; j < run + (run == 0); j++)
				s->buf[to++] = s->buf[i++];
		}
	}
	str_set_len(s, to);
}

/* The directory below /tmp in which something was built says nothing: "/tmp/x/a.c" is "a.c". */
static void add_without_tmp(struct str *ret, const char *text, size_t len)
{
	const char *end = text + len, *at = text, *tmp;

	while ((tmp = memmem(at, (size_t)(end - at), "/tmp/", 5))) {
		const char *dir = tmp + 5, *slash = dir;

		while (slash < end && *slash != '/' && !is_blank((unsigned char)*slash))
			slash++;
		if (slash == dir || slash == end || *slash != '/' ||
		        (tmp > text && (is_word((unsigned char)tmp[-1]) || tmp[-1] == '/' ||
		                               tmp[-1] == '.'))) {
			str_add_bytes(ret, at, (size_t)(dir - at));
			at = dir;
		} else {
			str_add_bytes(ret, at, (size_t)(tmp - at));
			at = slash + 1;
		}
	}
	str_add_bytes(ret, at, (size_t)(end - at));
}

void normalise(struct str *ret, const char *text, size_t len, enum normal_style kind, bool as_lkp)
{
	const struct style style = {
		.blank = kind == NORMAL_BUILD ? '-' : '_',
		.keep_numbers = kind == NORMAL_NAME,
		.collapse = kind == NORMAL_BUILD,
		.as_lkp = as_lkp,
	};
	struct str here = STR_INIT;
	size_t start = ret->len, end;

	if (kind == NORMAL_BUILD && memmem(text, len, "/tmp/", 5)) {
		add_without_tmp(&here, text, len);
		text = here.buf;
		len = here.len;
	}
	add_normal(ret, text, len, &style);
	if (style.collapse)
		collapse(ret, start);
	for (end = ret->len; end > start && strchr(TRAILING, ret->buf[end - 1]); end--)
		;
	str_set_len(ret, end);
	str_release(&here);
}

void normalise_pattern(struct str *ret, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (is_blank(c))
			str_add_char(ret, '_');
		else
			str_add_char(
			        ret, strchr("'\"`\\$", c) || c < 0x20 || c == 0x7f ? '~' : (char)c);
	}
}

/* --- What stands before a kernel's line --- */

static const char *skip_blanks(const char *p, const char *end)
{
	while (p < end && is_blank((unsigned char)*p))
		p++;
	return p;
}

static const char *skip_digits(const char *p, const char *end)
{
	while (p < end && is_digit((unsigned char)*p))
		p++;
	return p;
}

static const char *skip_lower(const char *p, const char *end)
{
	while (p < end && *p >= 'a' && *p <= 'z')
		p++;
	return p;
}

/* True if the text begins so; '0' stands for a digit or blank, 'a' for a letter. */
static bool has_form(const char *p, const char *end, const char *form)
{
	for (; *form; form++, p++) {
		if (p >= end)
			return false;
		unsigned char c = (unsigned char)*p;

		if (*form == '0' && (is_digit(c) || c == ' '))
			continue;
		if (*form == 'a' && is_letter(c))
			continue;
		if (*form == '0' || *form == 'a' || *form != *p)
			return false;
	}
	return true;
}

size_t runner_time(const char *text, size_t len)
{
	static const char form[] = "0000-00-00T00:00:00";
	size_t n = sizeof(form) - 1;

	if (len <= n || text[4] != '-' || text[10] != 'T')
		return 0;
	for (size_t i = 0; i < n; i++)
		if (form[i] == '0' ? text[i] < '0' || text[i] > '9' : text[i] != form[i])
			return 0;
	if (text[n] == '.')
		n = (size_t)(skip_digits(text + n + 1, text + len) - text);
	if (n >= len || text[n] != 'Z')
		return 0;
	/* blanks at the end of a line are gone */
	return n + 1 == len ? n + 1 : text[n + 1] == ' ' ? n + 2 : 0;
}

/* Who writes a console down puts the time in front: a runner of CI, "[00:12:13] ", "[2024-01-02 10:00:00.123] ". */
static const char *skip_clock(const char *p, const char *end)
{
	const char *q;

	if (end - p < 10)
		return p;
	if (has_form(p, end, "0000-00-00 00:00:00 ["))
		return p + 20;
	if (is_digit((unsigned char)*p))
		return p + runner_time(p, (size_t)(end - p));
	if (*p != '[' || !is_digit((unsigned char)p[1]))
		return p;
	q = p + 1;
	if (has_form(q, end, "0000-00-00") && end - q > 10 && (q[10] == 'T' || q[10] == ' '))
		q += 11;
	if (!has_form(q, end, "00:00:00"))
		return p;
	q += 8;
	if (q < end && (*q == '.' || *q == ','))
		q = skip_digits(q + 1, end);
	if (q < end && *q == 'Z')
		q++;
	return q + 1 < end && *q == ']' && q[1] == ' ' ? q + 2 : p;
}

/* Behind the time of syslog: "host kernel:". */
static const char *skip_host(const char *p, const char *end)
{
	const char *q = memmem(p, end - p < 100 ? (size_t)(end - p) : 100, " kernel:", 8);

	return q ? q + 8 : NULL;
}

/* "<4>", "3,1234,5678,-;", "kern  :err   :", "May  1 10:00:00 host kernel:"; `p` itself if none of
 * them stands there. */
static const char *skip_log_prefix(const char *p, const char *end)
{
	const char *q;

	if (p < end && *p == '<') {
		q = skip_digits(p + 1, end);
		return q > p + 1 && q < end && *q == '>' ? q + 1 : p;
	}
	if (has_form(p, end, "0000-00-00T00:00:00") && (q = skip_host(p + 19, end)))
		return q;
	if (p < end && is_digit((unsigned char)*p)) {
		const char *semicolon = memchr(p, ';', (size_t)(end - p));

		q = skip_digits(p, end);
		return q < end && *q == ',' && semicolon && q + 1 < end &&
		                       is_digit((unsigned char)q[1])
		               ? semicolon + 1
		               : p;
	}
	q = skip_lower(p, end);
	if (q > p) {
		q = skip_blanks(q, end);
		if (q < end && *q == ':') {
			const char *word = q + 1;

			q = skip_lower(word, end);
			if (q > word && (q = skip_blanks(q, end)) < end && *q == ':')
				return q + 1;
		}
		return p;
	}
	if (end - p > 20 && *p >= 'A' && *p <= 'Z' && p[3] == ' ' && p[9] == ':' && p[12] == ':') {
		q = skip_host(p + 15, end);
		return q ? q : p;
	}
	return p;
}

/* "[   12.345678]", also with a blank before the bracket, and the times of dmesg -T and iso. */
static const char *skip_time(const char *p, const char *end)
{
	static const char human[] = "[aaa aaa 00 00:00:00 0000]",
			  iso[] = "0000-00-00T00:00:00,000000+00:00";
	const char *q, *dot;

	if (has_form(p, end, human))
		return p + strlen(human);
	if (has_form(p, end, iso))
		return p + strlen(iso);
	if (p >= end || *p != '[')
		return p;
	q = skip_blanks(p + 1, end);
	dot = skip_digits(q, end);
	if (dot == q || dot >= end || *dot != '.')
		return p;
	q = skip_digits(dot + 1, end);
	if (q == dot + 1)
		return p;
	q = skip_blanks(q, end);
	return q < end && *q == ']' ? q + 1 : p;
}

/* Behind the kernel's time: "<4>", or "host kernel: " as a journal has it. */
static const char *skip_after_time(const char *p, const char *end)
{
	static const char words[] = " kernel: ";
	const char *q = p;

	if (p < end && *p == '<')
		return skip_log_prefix(p, end);
	while (q < end && q - p < 64 && (is_word((unsigned char)*q) || *q == '-' || *q == '.'))
		q++;
	/* the blank that separates stays */
	return q > p && has_form(q, end, words) ? q + sizeof(words) - 2 : p;
}

void kernel_prefix(struct kernel_prefix *ret, const char *text, size_t len)
{
	const char *end = text + len, *begin = skip_clock(text, end), *p = skip_log_prefix(begin, end), *q;
	/* "Jan  2 10:00:00 host kernel:" and the like: it is the kernel's, whatever follows */
	bool syslog = p - begin > 15 && p[-1] == ':' && *begin >= 'A' && *begin <= 'Z';

	p = skip_blanks(p, end);
	*ret = (struct kernel_prefix){ .has_clock = begin > text };
	q = skip_time(p, end);
	ret->has_time = q > p || syslog;
	if (q > p)
		q = skip_after_time(skip_blanks(q, end), end);
	p = skip_blanks(q, end);
	if (p < end && *p == '[') {
		const char *caller = skip_blanks(p + 1, end);

		if (caller + 1 < end && (*caller == 'T' || *caller == 'C')) {
			const char *close;

			q = skip_digits(caller + 1, end);
			close = skip_blanks(q, end);
			if (q > caller + 1 && close < end && *close == ']') {
				ret->caller = caller;
				ret->caller_len = (size_t)(q - caller);
				p = skip_blanks(close + 1, end);
			}
		}
	}
	ret->len = (size_t)(p - text);
	while (p > text && is_blank((unsigned char)p[-1])) {
		p--;
		ret->blanks++;
	}
	ret->blanks -= ret->blanks > 0;
}

void cut_id(struct str *id)
{
	char hex[HASH_HEX_LEN + 1];
	size_t keep = ERRORID_ID_MAX - 9;

	if (id->len <= ERRORID_ID_MAX)
		return;
	hash_bytes(id->buf, id->len, hex);
	while (keep > 0 && ((unsigned char)id->buf[keep] & 0xc0) == 0x80)
		keep--;
	str_set_len(id, keep);
	str_addf(id, "~%.8s", hex);
}
