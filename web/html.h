/*
 * Writing HTML: the safe call is the short one.  html_text and html_attr escape; html_raw is for literals of our own only.
 */
#ifndef WEB_HTML_H
#define WEB_HTML_H

#include <stdint.h>

#include "base/str.h"

void html_raw(struct str *out, const char *literal);
void html_text(struct str *out, const char *text);			/* NULL writes nothing */
void html_text_bytes(struct str *out, const char *text, size_t len);	/* bytes no page may hold become U+FFFD */
/* A long name without spaces (an error id, a path), which may be broken after its points and dashes. */
void html_breakable(struct str *out, const char *text);
/* ` name="value"`, escaped; a NULL value writes nothing. */
void html_attr(struct str *out, const char *name, const char *value);
void html_attrf(struct str *out, const char *name, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void html_textf(struct str *out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* <time datetime="...">2026-11-23 10:15 UTC</time> */
void html_time(struct str *out, int64_t wall_ms);

void html_page_begin(struct str *out, const char *title, const char *stream);	/* `stream`: address of an event stream or NULL */
void html_page_end(struct str *out);

#endif
