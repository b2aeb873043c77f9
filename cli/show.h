/* Objects of the API (docs/api.md) as text for a terminal.  Foreign text is made printable. */
#ifndef CLI_SHOW_H
#define CLI_SHOW_H

#include <jansson.h>

#include "base/str.h"

void show_bisection(struct str *out, const json_t *bisection);
void show_verdict(struct str *out, const json_t *bisection);
void show_job(struct str *out, const json_t *job);
/* One line, without a newline: "search: 12 of 420 commits left, 9 runs, 2 running, about 3 to go". */
void show_progress(struct str *out, const json_t *bisection);
/* A probe that ended: "run 7: 1a2b3c4d5e6f bad (search) subject". */
void show_probe(struct str *out, const json_t *probe);
/* The exit status of `bisectctl watch`: as those of `bisectctl run`. */
int verdict_exit_status(const json_t *bisection);

#endif
