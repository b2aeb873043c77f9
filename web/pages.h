/*
 * The pages: JSON objects of the API (docs/api.md) in, HTML out.  Pure functions: whatever is foreign text goes through the escaping writer
 * of web/html.h.  Every page is complete without JavaScript; live.js only keeps a running bisection up to date.
 */
#ifndef WEB_PAGES_H
#define WEB_PAGES_H

#include <jansson.h>
#include <stdint.h>

#include "base/str.h"

/* `bisections`, `jobs`: arrays of short objects, newest first; `status`: GET /api/v1/status.  All borrowed; output is appended. */
void page_home(struct str *out, const json_t *bisections, const json_t *jobs, const json_t *status);
void page_bisection(struct str *out, const json_t *bisection);
/* Only what changes while it runs (inside <main id="live">): live.js puts it in place of the old one. */
void page_bisection_live(struct str *out, const json_t *bisection);
void page_job(struct str *out, const json_t *job);
/* A log with numbered lines; `marked` is a line number (0: none) that is highlighted and has id "marked". */
void page_log(struct str *out, const char *unit, const char *text, size_t len, uint64_t marked, int live);
void page_status(struct str *out, const json_t *status, const json_t *funnel);
void page_login(struct str *out, const char *message, const char *next);
void page_error(struct str *out, int status, const char *message);

#endif
