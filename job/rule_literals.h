/*
 * What a line must hold so that a regular expression can match it: a set of literals of which one
 * is in every match. Found by reading the expression, so that nobody has to write it down twice;
 * whatever is not understood makes the set smaller in what it promises, never wrong.
 */
#ifndef JOB_RULE_LITERALS_H
#define JOB_RULE_LITERALS_H

#include <stdbool.h>

#include "base/str.h"

#define RULE_LITERAL_MIN 4   /* bytes: shorter ones are in every other line */
#define RULE_LITERALS_MAX 64 /* alternatives of one expression */

/*
 * False: nothing that long is in every match, so that every line has to be tried.  *ret is a set
 * that the caller releases.  *ret_caseless: part of the expression does not care for case (`(?i:`),
 * so that the literals are ASCII lower case and the line is to be searched without case.  (Such an
 * expression would match U+017F for an s and U+212A for a k; such a line is not found.)
 */
bool rule_literals(struct strv *ret, bool *ret_caseless, const char *regex);

#endif
