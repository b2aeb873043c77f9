#include "job/error_files.h"

#include <stdbool.h>

#include "job/errorid.h"
#include "job/normalise.h"

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Bytes of the character at `text` that can be part of a file's name in a log; 0: it cannot. */
static size_t name_char(const char *text, size_t len)
{
	unsigned code;
	size_t n;

	if (is_letter(*text) || is_digit(*text) || (*text && strchr("_./-+@~", *text)))
		return 1;
	if ((unsigned char)*text < 0x80)
		return 0;
	n = str_utf8(text, len, &code);
	/* compilers quote in U+2018 and U+2019 */
	return code >= 0x2000 && code <= 0x206f ? 0 : n;
}

static bool begins(const char *text, size_t len, const char *prefix, bool digit)
{
	size_t n = strlen(prefix);

	return len > n - !digit && !memcmp(text, prefix, n) && (!digit || is_digit(text[n]));
}

/* What follows a name: a number of a line, or where the linker is in an object made of it. */
static bool is_position(const char *text, size_t len)
{
	return begins(text, len, ":", true) || begins(text, len, "(", true) || begins(text, len, ":(.", false) ||
		begins(text, len, "\", line ", true) || begins(text, len, "', line ", true) ||
		begins(text, len, " line ", true) || begins(text, len, ": line ", true);
}

/* "cpu" of "cpu:3" is none, "Makefile" of "Makefile:3" is one. */
static bool looks_like_a_file(const char *name, size_t len)
{
	const char *slash = memrchr(name, '/', len);
	const char *base = slash ? slash + 1 : name;
	size_t base_len = len - (size_t)(base - name);
	bool letter = false, dot = false;

	for (size_t i = 0; i < base_len; i++) {
		letter |= is_letter(base[i]) || (unsigned char)base[i] >= 0x80;
		dot |= base[i] == '.' && i + 1 < base_len;
	}
	return letter && (slash || dot || (base[0] >= 'A' && base[0] <= 'Z'));
}

static void add(struct strv *ret, const char *name, size_t len)
{
	struct str kept = STR_INIT;

	for (bool again = true; again;) {
		again = false;
		for (size_t dots = 1; dots <= 2; dots++) {
			if (len > dots && name[dots] == '/' && !strncmp(name, "..", dots)) {
				name += dots + 1;
				len -= dots + 1;
				again = true;
			}
		}
	}
	if (len > ERROR_FILES_NAME_MAX || !looks_like_a_file(name, len))
		return;
	str_add_bytes(&kept, name, len);
	if (!strv_has(ret, kept.buf))
		strv_push(ret, kept.buf);
	str_release(&kept);
}

static void find_in_line(struct strv *ret, const char *line, size_t len)
{
	for (size_t i = 0; i < len && ret->n < ERROR_FILES_MAX;) {
		size_t begin = i, n;

		while (i < len && (n = name_char(line + i, len - i)))
			i += n;
		if (i > begin && is_position(line + i, len - i))
			add(ret, line + begin, i - begin);
		if (i == begin)
			i++;
	}
}

void error_files_find(struct strv *ret, const char *text, size_t len)
{
	struct str clean = STR_INIT;

	for (size_t at = 0; at < len && ret->n < ERROR_FILES_MAX;) {
		const char *end = memchr(text + at, '\n', len - at);
		size_t n = end ? (size_t)(end - text) - at : len - at;

		str_clear(&clean);
		clean_line(&clean, text + at, n < ERRORID_LINE_MAX ? n : ERRORID_LINE_MAX);
		find_in_line(ret, clean.buf, clean.len);
		at += n + 1;
	}
	str_release(&clean);
}
