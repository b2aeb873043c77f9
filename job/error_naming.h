/*
 * What an error is called, and the reports whose name waits for a function: between the readers of lines (error_readers.c,
 * error_test.c) and the notes (error_notes.h).  All act on the line in x->place.
 */
#ifndef JOB_ERROR_NAMING_H
#define JOB_ERROR_NAMING_H

#include "job/extractor.h"

/* What an id is made of, besides its text. */
struct naming {
	enum rule_log log;
	enum normal_style style;
	enum weight weight;
	enum error_severity severity;
	enum rule_part part;
	const char *function;
	bool telling; /* as of struct found_error */
	const char *in_function; /* what the id gets " in " and this for; NULL: it does not */
	int64_t finding;
};

/* As the rule has it; NULL: a warning that no rule knows. */
struct naming naming_of(enum rule_log log, const struct rule *rule);
/* The name that lkp gives to a text, added to `ret` if there is one. */
void add_alias(struct extractor *x, struct strv *ret, enum rule_log log, const char *text, size_t len);
/* Notes the error that a text is; x->id is its id then, and empty if nothing is left of it.  `raw` is for aliases; NULL: none. */
void note_text(struct extractor *x, const struct naming *naming, const char *text, size_t len,
        const struct place *place, const char *raw, size_t raw_len);

/* A subtest with the tests around it goes by its own name, the last `own_len` bytes, as well. */
void note_case(struct extractor *x, const char *name, size_t len, size_t own_len);
/* One of go test is noted when its package is known: "<package>.<name>", or by its name alone if nothing told (`len` 0). */
void note_go_case(struct extractor *x, const char *name);
/* One for which there is no room: of whatever package it is, that of the same name in any package is not known not to have failed. */
void note_go_case_alone(struct extractor *x, const char *name);
void note_go_package(struct extractor *x, const char *package, size_t len);
void note_pass(struct extractor *x, const char *name, size_t len);

/* The finding of the case that the section above a line of this log is of; -1: of none. */
int64_t finding_of_section(struct extractor *x, enum rule_log log);

/* Asks the rules; what a mark tells of the run is noted, and that one gave up. */
void ask_rules(struct extractor *x, enum rule_log log, const struct rule_line *line, struct rule_hit *hit);
/* A line that a rule knows: noted, now or when its report names a function. */
void note_hit(struct extractor *x, enum rule_log log, const struct rule_hit *hit,
        const struct kernel_prefix *prefix, const char *text, size_t len, const char *raw, size_t raw_len);
/* Shows a line to the reports that wait (`prefix`: of this caller; NULL: of anybody).  True: it is a frame of one. */
bool show_to_reports(struct extractor *x, enum rule_log log, const struct kernel_prefix *prefix,
        const char *text, size_t len);
/* Those that wait get their names without a function. */
void close_reports(struct extractor *x, enum rule_log log, const struct kernel_prefix *prefix);

#endif
