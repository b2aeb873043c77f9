/*
 * YAML 1.1 (libyaml) as a tree that remembers where each thing stood.
 *
 * Only data: tags and directives other than %YAML are refused.  Aliases share the node of their anchor, an alias
 * inside its own anchor is refused, and the size of the fully expanded tree counts, so that a few lines cannot
 * become gigabytes.  `<<` is an ordinary key here: merging belongs to job/.
 */
#ifndef BASE_YAML_H
#define BASE_YAML_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

#define YAML_TEXT_MAX	(1u << 20)	/* bytes of one document */
#define YAML_DEPTH_MAX	64
#define YAML_NODES_MAX	100000		/* after expanding aliases */
#define YAML_EXPANDED_MAX (8u << 20)	/* bytes of all scalars, after expanding aliases */

#define YAML_DOCUMENTS_MAX 1000

enum yaml_type { YAML_SCALAR, YAML_SEQUENCE, YAML_MAPPING };

struct yaml_node {
	enum yaml_type type;
	size_t line, column;		/* from 1 */
	char *text;			/* scalar; NUL-terminated, UTF-8 without NUL bytes */
	bool quoted;			/* 'x', "x", | or >: always a string, never null/number/boolean */
	size_t n;			/* items or pairs */
	struct yaml_node **keys;	/* mapping: n keys, in the order written (doubles are refused, except "<<") */
	struct yaml_node **values;	/* mapping: n values; sequence: n items */
};

struct yaml;				/* the document; owns every node */

/*
 * Exactly one document, UTF-8 without control characters.  Keys are scalars.  Errors are "where:line:column: what was
 * found, what is allowed": ERR_LIMIT for the limits above (seen while reading: memory and time stay bounded), else
 * ERR_INVALID.  No walk down the tree goes deeper than YAML_DEPTH_MAX, through aliases neither.
 */
int yaml_read(struct yaml **ret_doc, const char *where, const char *text, size_t len, struct error *err);
/* libyaml exports a yaml_free of its own and would call ours instead: another name for the linker.  NULL is fine. */
void yaml_free(struct yaml *doc) __asm__("base_yaml_free");
const struct yaml_node *yaml_root(const struct yaml *doc);	/* the first; NULL for an empty document */

/*
 * The same for a text of up to YAML_DOCUMENTS_MAX documents, which share the limits above.  Anchors end with their document.
 * yaml_count is how many there are, 0 for a text without any; yaml_document(doc, i) is NULL for an empty one.
 */
int yaml_read_stream(struct yaml **ret_doc, const char *where, const char *text, size_t len, struct error *err);
size_t yaml_count(const struct yaml *doc);
const struct yaml_node *yaml_document(const struct yaml *doc, size_t i);
const char *yaml_where(const struct yaml *doc);

const struct yaml_node *yaml_get(const struct yaml_node *mapping, const char *key);	/* NULL if absent or no mapping */
bool yaml_is_null(const struct yaml_node *node);	/* NULL, unquoted empty, ~, null */

/* Sets err to "where:line:column: text" and returns -ERR_INVALID. */
int yaml_error(struct error *err, const struct yaml *doc, const struct yaml_node *at, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

#endif
