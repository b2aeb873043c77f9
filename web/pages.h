/*
 * The pages: JSON objects of the API (docs/api.md) in, HTML out.  Pure functions: whatever is foreign text goes through the escaping writer
 * of web/html.h.  Every page is complete without JavaScript; live.js only keeps a running bisection up to date.
 */
#ifndef WEB_PAGES_H
#define WEB_PAGES_H

#include <jansson.h>
#include <stdint.h>

#include "base/str.h"
#include "web/log_window.h"

/* `bisections`, `jobs`: arrays of short objects, newest first; `status`: GET /api/v1/status.  All borrowed; output is appended. */
void page_home(struct str *out, const json_t *bisections, const json_t *jobs, const json_t *status);
void page_bisection(struct str *out, const json_t *bisection);
/* Only what changes while it runs (inside <main id="live">): live.js puts it in place of the old one. */
void page_bisection_live(struct str *out, const json_t *bisection);
void page_job(struct str *out, const json_t *job);
/*
 * The lines of a window, numbered and each with the id L<number>; `marked` is the number of the line that is highlighted (0: none).
 * Links to a line of any log are made by page_log_address.
 */
void page_log(struct str *out, const char *unit, const struct log_window *window, uint64_t marked, bool live);
/* Which line a window begins with so that `marked` is well inside. */
uint64_t page_log_from(uint64_t marked);
/* ` href="/units/UNIT/log?line=17#L17"`; line 0: the whole log. */
void page_log_address(struct str *out, const char *unit, uint64_t line);
void page_boxes(struct str *out, const json_t *boxes);	/* GET /api/v1/boxes */
void page_status(struct str *out, const json_t *status, const json_t *funnel);
/* `message` may be NULL; `next` is the path (as it was sent) to go to afterwards. */
void page_login(struct str *out, const char *message, const char *next);
/* Says what can be done, too. */
void page_error(struct str *out, int status, const char *message);

#endif
