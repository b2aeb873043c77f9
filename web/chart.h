/*
 * The belief over the remaining commits in the page: no script, readable on a phone.  Few commits are told by name, a line each;
 * more are the columns of an SVG drawing, at most 200 of them however many commits there are.
 */
#ifndef WEB_CHART_H
#define WEB_CHART_H

#include <jansson.h>

#include "base/str.h"

/* `belief`: rows of the API's "belief", oldest first; `culprit` (may be NULL) is marked. */
void chart_belief(struct str *out, const json_t *belief, const char *culprit);

#endif
