/*
 * The tables behind error ids: which lines count, which are known to be harmless, and how kernel
 * lines are rewritten before they are normalised.  Compiled once a process, at first use, and never
 * changed.
 */
#ifndef JOB_RULES_H
#define JOB_RULES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"
#include "job/pattern.h"

enum rule {
	RULE_BUILD,         /* an error or warning in a build log */
	RULE_BUILD_FRAMED,  /* the same between lkp's "## ___:stderr" marks */
	RULE_STDERR_IGNORE, /* standard error that means nothing */
	RULE_SUSPICIOUS,    /* a line of a test's output that tells of a failure */
	RULE_OOPS,          /* a kernel console line that does */
	RULE_OOPS_IGNORE,
	RULE_KMSG, /* a kernel log line that counts at any level */
	RULE_KMSG_IGNORE,
	RULE_KERNEL_PREFIX,
	RULE_TEMPORARY, /* a temporary name; group 1 is what stays */
	RULE_DURATION,  /* the time a test took, at the end of its line */
	RULE_COUNT
};

const struct pattern *rule_pattern(enum rule rule);

/* True if one of the rule's patterns matches; a line on which it gives up does not count. */
bool rule_matches(enum rule rule, const char *text, size_t len);

/* Rewrites a kernel line, without its prefix, into the form whose normal form is the id. */
void rules_rewrite_kernel(struct str *line);

/*
 * The name of the test case that a line of test output says has failed (TAP is read elsewhere):
 * "FAIL: name", "name ... FAILED", "--- FAIL: name (0.1s)" and the other forms in
 * docs/error-ids.md.  Borrowed from `text`.
 */
bool rules_failed_case(const char *text, size_t len, const char **ret_name, size_t *ret_len);

#endif
