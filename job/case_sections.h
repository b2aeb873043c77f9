/*
 * Parts of a test's output that tell of one case, under a heading with its name: cargo's "---- tests::adds stdout ----", pytest's
 * "____ TestStore.test_empty ____".  What stands there is of the finding of that case, whose own line may come before (cargo) or at
 * the end (pytest's "FAILED a.py::TestStore::test_empty").
 */
#ifndef JOB_CASE_SECTIONS_H
#define JOB_CASE_SECTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CASE_SECTIONS_MAX 1000u /* cases and headings of one log; what comes later stands alone */

struct case_section {
	char *name;	 /* as a heading has it */
	int64_t finding; /* -1: no error of it yet */
	bool noted;	 /* the case's own line was seen, */
	bool headed;	 /* and so was its heading */
};

struct case_sections {
	struct case_section *v;
	size_t n, cap;
	size_t open; /* the index of the one whose lines come, plus 1; 0: none */
};

void case_sections_release(struct case_sections *sections);

/* A heading; the name is not NUL-terminated. */
void case_sections_begin(struct case_sections *sections, const char *name, size_t len);
void case_sections_end(struct case_sections *sections);
/* That of the heading above this line; NULL: none.  Borrowed until the next call. */
struct case_section *case_sections_open(struct case_sections *sections);

/* The line of a failed case, by its own name ("a.py::TestStore::test_empty"); NULL: there are too many. */
struct case_section *case_sections_case(struct case_sections *sections, const char *name, size_t len);
/* One whose line or heading was seen, by the name of a heading; NULL: none. */
struct case_section *case_sections_find(struct case_sections *sections, const char *name, size_t len);

#endif
