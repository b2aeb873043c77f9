/* What rules_read.c makes and rules.c asks. */
#ifndef JOB_RULES_INTERNAL_H
#define JOB_RULES_INTERNAL_H

#include "base/hash.h"
#include "job/line_filter.h"
#include "job/rules.h"

enum rule_kind {
	RULE_ERROR,
	RULE_IGNORE,
	RULE_MARK,
	RULE_REWRITE,
	RULE_FRAME,
	RULE_HELPER,
	RULE_NKINDS
};

/* One expression of a rule, and where it stands for messages. */
struct rule_pattern {
	struct rule *rule;
	struct pattern *pattern;
	char *regex, *where;
	uint16_t number; /* of all */
	enum rule_kind kind;
};

struct rule_table {
	struct line_filter *filter;
	const struct rule_pattern **rows;
	size_t n, cap;
};

struct rules {
	struct rule **rules;
	size_t n, cap;
	struct rule_pattern **patterns;
	size_t n_patterns, cap_patterns;
	struct rule_table lines[RULES_NLOGS]; /* errors and what is ignored, by log */
	struct rule_table rewrites[RULES_NLOGS];
	struct rule_table frames[RULES_NLOGS];
	struct rule_table helpers[RULES_NLOGS];
	struct str text; /* of all files, for the hash */
	char version[32];
};

/* `name` is the file for messages. */
int rules_read(
        struct rules *rules, const char *name, const char *text, size_t len, struct error *err);

#endif
