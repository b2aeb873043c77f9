/* The belief over the remaining commits as an SVG drawing in the page: no script, scales with the screen. */
#ifndef WEB_CHART_H
#define WEB_CHART_H

#include <jansson.h>

#include "base/str.h"

/* `belief`: rows of the API's "belief", oldest first; `culprit` (may be NULL) is marked. */
void chart_belief(struct str *out, const json_t *belief, const char *culprit);

#endif
