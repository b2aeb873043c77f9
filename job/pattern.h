/*
 * Regular expressions (PCRE2, with JIT where the machine allows it) that cannot run away: every
 * match has a limit on steps and memory, and says so when it meets one.
 *
 * A struct pattern does not change after pattern_new: any number of threads may match with it.
 */
#ifndef JOB_PATTERN_H
#define JOB_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/str.h"

#define PATTERN_LENGTH_MAX 4096 /* bytes of a regular expression */
#define PATTERN_GROUPS_MAX 8    /* the whole match and seven groups */

struct pattern;

enum pattern_answer {
	PATTERN_NO,
	PATTERN_YES,
	PATTERN_GAVE_UP, /* a limit was met: nothing is known */
};

/* A group that took no part has text NULL. */
struct pattern_group {
	const char *text; /* into the subject */
	size_t len;
};

/* The regex is UTF-8; subjects may hold any bytes.  Errors say what is wrong, and at which
 * character of it. */
int pattern_new(struct pattern **ret, const char *regex, struct error *err);
void pattern_free(struct pattern *pattern); /* NULL is fine */
unsigned pattern_groups(const struct pattern *pattern); /* that it has, besides the whole match */

unsigned pattern_groups(const struct pattern *pattern);	/* how many it has, the whole match not counted */

/* `groups` is NULL or has room for PATTERN_GROUPS_MAX; they are filled on PATTERN_YES. */
enum pattern_answer pattern_match(
        const struct pattern *pattern, const char *text, size_t len, struct pattern_group *groups);

/* Appends `with`, in which $0..$7 are the groups and $$ a dollar. */
void pattern_expand(struct str *ret, const char *with, const struct pattern_group *groups);

/*
 * Replaces every match in `s`; in `with`, $1..$7 are groups and $$ a dollar.  A text on which the
 * pattern gives up stays as it is.  True if anything was replaced.
 */
bool pattern_replace(const struct pattern *pattern, struct str *s, const char *with);

#endif
