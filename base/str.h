/*
 * Strings that grow, and vectors of strings.
 *
 * struct str: buf is never NULL and always ends in NUL at buf[len]; it may hold NUL bytes before.
 * Start with STR_INIT or str_init(), end with str_release(), which leaves it ready for use again.
 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct str {
	char *buf;
	size_t len;
	size_t cap;		/* 0: buf is the shared empty string */
};

extern char str_empty[1];
#define STR_INIT { str_empty, 0, 0 }

void str_init(struct str *s);
void str_release(struct str *s);
void str_clear(struct str *s);				/* length 0, memory kept */
char *str_detach(struct str *s);			/* the caller frees; s is empty again */
void str_reserve(struct str *s, size_t more);
void str_add(struct str *s, const char *text);		/* NULL adds nothing */
void str_add_bytes(struct str *s, const void *bytes, size_t len);
void str_add_char(struct str *s, char c);
void str_addf(struct str *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void str_vaddf(struct str *s, const char *fmt, va_list ap);
void str_set_len(struct str *s, size_t len);		/* only shortens */
void str_remove_front(struct str *s, size_t len);
void str_trim_right(struct str *s);			/* white space and newlines at the end go */

/* Appends foreign bytes for a terminal or a log: printable UTF-8 as it is, the rest as \xNN, at most `max` bytes of output. */
void str_add_printable(struct str *s, const void *bytes, size_t len, size_t max);

/*
 * The length of the terminal control sequence that begins at `bytes` (ECMA-48 section 5.4: ESC [, parameters, a final
 * byte, as colours are), or 0 if none does.
 */
size_t str_control_sequence(const void *bytes, size_t len);

/*
 * The UTF-8 character at `bytes` (RFC 3629: shortest form, no surrogates, at most U+10FFFF): its length of 1 to 4
 * bytes and its code in *ret_code; 0 if there is none within `len` bytes.
 */
size_t str_utf8(const void *bytes, size_t len, unsigned *ret_code);

/* Formats printf-like into `s` after emptying it; returns s->buf, for short-lived uses. */
const char *str_setf(struct str *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

bool str_has_prefix(const char *s, const char *prefix);
bool str_has_suffix(const char *s, const char *suffix);

/* Whole-string decimal number in [min, max]; false leaves *ret untouched. */
bool str_to_long(const char *s, long long min, long long max, long long *ret);

/* "90", "90s", "15m", "6h", "2d" to seconds; "512", "64k", "8m", "2g" to bytes.  False leaves *ret untouched. */
bool str_to_seconds(const char *s, long long *ret);
bool str_to_bytes(const char *s, long long *ret);

/* Argument vectors and lists: v is NULL-terminated, every string owned. */
struct strv {
	char **v;
	size_t n;
	size_t cap;
};

#define STRV_INIT { NULL, 0, 0 }

void strv_release(struct strv *l);
void strv_push(struct strv *l, const char *s);
void strv_pushf(struct strv *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void strv_push_all(struct strv *l, const char *const *v);	/* up to the NULL */
void strv_push_many(struct strv *l, ...) __attribute__((sentinel));
bool strv_has(const struct strv *l, const char *s);
void strv_sort_unique(struct strv *l);
/* For execve: never NULL even when empty. */
const char *const *strv_argv(const struct strv *l);

#endif
