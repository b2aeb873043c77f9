/*
 * The rules of error ids: which lines of which log are an error, what it is called, what is
 * harmless.  They are data, rules/NAME.yaml, read once and never changed:
 *
 *	errors:
 *	  - name: kernel-bug		# unique; for messages
 *	    log: dmesg			# or a list of: build build-frame stderr test dmesg kmsg
 *	    match: '\bBUG: (\w+)'	# or a list of PCRE2 expressions
 *	    id: 'BUG: $1'		# what is normalised; absent: the line
 *	    case: '$1'			# instead of id: the name of a test case that failed
 *	    severity: crash		# error (default), warning, crash
 *	    part: before		# is of one finding with the error before it (or: next)
 *	    function: '$2'		# '' or where it happened: the id gets " in " and it
 *					# (or has it in the place of {function} in `id`)
 *	    names: '$2'			# the function that the id has already: where it happened
 *	    place: '^ --> (\S+):'	# the next line, if it matches: group 1 is put in front of
 *					# the id, and the line is done with
 *	    once: yes			# not in or after a stack, until another error
 *	ignore:				# name, log, match: no error, whatever stands above
 *	rewrite:			# name, log (also: case), match, with: '$1'; before normalising
 *	marks:				# name, log, match: no error, but tells of the run:
 *					# "boot-begins", "userspace-runs", "section-begins", "stack-begins",
 *					# "aside-follows" (the next line is no frame of the stack), "report-ends",
 *					# "dump-begins" (of another processor: what waits has ended, no stack has begun)
 *					# "case-section-begins" (group 1: the case), "case-section-ends",
 *					# "death-known", "death-told" (the same again, by who started the program),
 *					# "stall-begins" (a stack tells who hangs by what it interrupted)
 *	frames:				# name, log, match: a line of a stack, group 1 its function
 *	helpers:			# name, match, log (absent: all): functions in which nobody is guilty
 *
 * The first that matches counts, in the order of files and rows.  Instead of a function that is ''
 * or a helper (allocators, locks, memcpy) stands the first of the stack below that is none.
 */
#ifndef JOB_RULES_H
#define JOB_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/str.h"
#include "job/pattern.h"

#define RULES_FILES_MAX 100
#define RULES_PATTERNS_MAX 1024		/* of all files */
#define RULES_FILE_MAX (256u << 10)	/* bytes of one file */

enum rule_log {
	RULES_BUILD,
	RULES_BUILD_FRAME,	/* of a build, between the marks of lkp's package builds */
	RULES_STDERR,
	RULES_TEST,
	RULES_DMESG,
	RULES_KMSG,
	RULES_CASE,		/* the end of a line of a test, before its case's name is read */
	RULES_NAME,		/* the name of a test case */
	RULES_NLOGS
};

enum error_severity { SEVERITY_WARNING, SEVERITY_ERROR, SEVERITY_CRASH, SEVERITY_COUNT };
enum rule_spelling { SPELLING_BOTH, SPELLING_ID, SPELLING_ALIAS, SPELLING_NKINDS };
enum rule_part { PART_OF_NONE, PART_OF_BEFORE, PART_OF_NEXT, PART_NKINDS };
const char *severity_name(enum error_severity severity);	/* "warning", "error", "crash" */

struct rule {
	char *name;
	char *id, *case_name, *function, *names, *with;	/* templates, NULL: not given */
	char *passed_name;	/* template of a case that passed: no error; the time it took may stand behind it */
	enum error_severity severity;
	enum rule_part part;
	enum rule_spelling in;	/* of a rewrite: for our name of an error, for lkp's, or both */
	bool once;
	const struct pattern *place; /* of the line behind it, which names where it is with group 1; NULL: not given */
};

struct rules;

/*
 * Reads the .yaml files of a directory (by name), or one file.  Errors are "file:line:column: what
 * was found, what is allowed"; a directory without a rule is one too.
 */
int rules_load(struct rules **ret, const char *path, struct error *err);
void rules_free(struct rules *rules);		/* NULL is fine */

/* Expressions that give up on lines made to be hard for them: a line each, with its place. */
void rules_check_time(const struct rules *rules, struct strv *ret);
size_t rules_count(const struct rules *rules);	/* expressions */
size_t rules_always(const struct rules *rules);	/* those with no literal: tried on every line */

/* "<ERRORID_VERSION>.<12 hex digits of the SHA-256 of all files>": stored with every id. */
const char *rules_version(const struct rules *rules);

/*
 * The rules of this process, read at the first call and then kept: from the directory of
 * rules_use(), else $BISECTD_RULES_DIR, else the source tree if the program runs where it was
 * built, else where they are installed.  Any thread may call it.
 */
int rules_standard(const struct rules **ret, struct error *err);
const char *rules_standard_dir(void);
void rules_use(const char *dir);	/* before the first rules_standard(); NULL changes nothing */

struct rule_line {
	const char *text;
	size_t len;
	size_t skip;		/* bytes that cases see and errors do not: blanks, "# " of TAP */
	bool no_cases;
};

/* What a line is.  Borrowed texts are the line's. */
struct rule_hit {
	const struct rule *rule;	/* NULL: no error that a rule knows */
	enum rule_part part;		/* the rule's; the caller may know better */
	bool ignored;
	const struct rule *mark;	/* NULL, or what the line says of the run (marks:), ... */
	struct pattern_group mark_group;	/* and group 1 of it, if it has one */
	struct pattern_group groups[PATTERN_GROUPS_MAX];
	const struct rule *gave_up;	/* not NULL: it met its limit of steps, nothing is known */
};

/*
 * `tired` has RULES_PATTERNS_MAX counters that the caller keeps between lines: an expression that
 * gave up too often on this log is not tried again, and counts as one that gave up.
 */
void rules_ask(const struct rules *rules, enum rule_log log, const struct rule_line *line,
        uint8_t *tired, struct rule_hit *ret);
void rules_rewrite(
        const struct rules *rules, enum rule_log log, enum rule_spelling spelling, struct str *line);

/* The function of a line of a stack; false: it is none. */
bool rules_frame(const struct rules *rules, enum rule_log log, const char *text, size_t len,
        struct pattern_group *ret);
bool rules_is_helper(const struct rules *rules, enum rule_log log, const char *function, size_t len);

#endif
