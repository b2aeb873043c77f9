/*
 * A YAML document as a tree that can be changed and that remembers where each part was written, across files.
 *
 * A tree owns all its values.  A place points to the name of its file, which belongs to whoever loaded the tree and
 * lives at least as long.  Trees are at most YAML_DEPTH_MAX deep: the loader sees to it, and no function here adds depth
 * but value_set_path.
 */
#ifndef JOB_VALUE_H
#define JOB_VALUE_H

#include "base/error.h"
#include "base/str.h"
#include "base/yaml.h"

struct place {
	const char *where;		/* "job.yaml", or "command line" */
	size_t line, column;		/* from 1; line 0: the whole of it, and only `where` is told */
};

struct value_field {
	char *key;			/* of a mapping; NULL in a list */
	struct place place;		/* of the key */
	struct value *value;
};

struct value {
	enum yaml_type type;
	struct place place;
	char *text;			/* scalar */
	bool quoted;			/* always text, never null */
	size_t n, cap;
	struct value_field *fields;	/* of a mapping or a list, in order */
};

struct value *value_new(enum yaml_type type, struct place place);
struct value *value_text(const char *text, bool quoted, struct place place);
void value_free(struct value *value);			/* NULL is fine */
struct value *value_copy(const struct value *value);	/* NULL gives NULL */
size_t value_count(const struct value *value);		/* values in the tree, itself included */

bool value_is_null(const struct value *value);		/* NULL, unquoted empty, ~, null */
bool value_is_equal(const struct value *a, const struct value *b);	/* the order of keys does not matter */
const char *value_type_name(const struct value *value);	/* "a list", "a mapping", "text", "nothing" */

/* NULL: there is none, or it is no mapping. */
struct value *value_get(const struct value *mapping, const char *key);
struct value_field *value_field(const struct value *mapping, const char *key);
/* The value at "a.b.c"; a key that itself holds dots is found, too. */
struct value *value_get_path(const struct value *mapping, const char *path);

/* Takes over `value` and replaces what stood there. */
void value_set(struct value *mapping, const char *key, struct place place, struct value *value);
/*
 * The same at a path of keys; what is in between is made, and replaced where it is no mapping.  At most
 * VALUE_PATH_MAX keys; what is beyond is one key with dots.
 */
#define VALUE_PATH_MAX 8
void value_set_path(struct value *mapping, const char *path, struct place place, struct value *value);
struct value *value_take(struct value *mapping, const char *key);	/* out of it; NULL if absent */
void value_append(struct value *list, struct value *value);

/*
 * Merges `from` (taken over) into `into`, both mappings, through mappings in mappings: its other values replace those that
 * are there.  "k+" adds to the value k: an item to a list, keys to a mapping, words to a text; "k-" takes away
 * (items, keys, words).  One without a k to work on yet stays as it is, for a later merge.
 */
void value_merge(struct value *into, struct value *from);
/* At the end of all merging: "k+" without k is k, "k-" without k is nothing. */
void value_settle(struct value *mapping);

/* As YAML: keys sorted (unless it is a list), two blanks a level, scripts as literal blocks.  Read back it is the same tree. */
void value_print(struct str *ret, const struct value *value);

/* "where:line:column: text" and -code. */
int value_error(struct error *err, enum error_code code, const struct place *place, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

#endif
