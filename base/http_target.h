/* The target of a request (RFC 9112 section 3.2): path and query, and the patterns of routes. */
#ifndef BASE_HTTP_TARGET_H
#define BASE_HTTP_TARGET_H

#include <stdbool.h>

#include "base/str.h"

/* Every component of `path` decodes and is neither "." nor "..". */
bool http_target_is_sound(const char *path);

/* "?a=b&c" into name, value, ..., decoded; "" gives none.  False: an escape is wrong. */
bool http_target_queries(struct strv *ret, const char *query);

/* Does `path` fit a pattern as in struct http_route?  Both begin with '/'.  `params` (name, value, ...) is filled as far as it matched. */
bool http_target_match(const char *pattern, const char *path, struct strv *params);

#endif
