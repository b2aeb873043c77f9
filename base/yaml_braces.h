/*
 * `key: {{ name }}`, as templates have it: to YAML this is a mapping whose key is a mapping, and what follows the braces is none at
 * all.  Here such a value gets the quotes that make it a text.
 */
#ifndef BASE_YAML_BRACES_H
#define BASE_YAML_BRACES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

/*
 * An unquoted value that begins with "{{" is put into single quotes, to the end of the line that has its "}}" (a comment stays
 * outside) or, in a list or mapping in brackets, to the "}}".  False: there is no such value, and *ret_text is untouched.  Lines
 * stay where they are.  Goes no further than the first thing that is no YAML, or braces that do not end.
 */
bool yaml_quote_braces(struct str *ret_text, const char *text, size_t len);

#endif
