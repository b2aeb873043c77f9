/*
 * What Python's unittest says of a case whose method has a docstring: its first line stands behind the case's name, on a line of its
 * own, with -v ("test_x (tests.T.test_x)", "Reads a number. ... FAIL") as in the report of a failure ("FAIL: test_x
 * (tests.T.test_x)", "Reads a number.").  The case is the same with and without.
 */
#ifndef JOB_UNITTEST_H
#define JOB_UNITTEST_H

#include <stdbool.h>

#include "base/str.h"

struct unittest {
	struct str line; /* what the line before named, alone, and then how it ended, too; empty: nothing */
	bool in_header;  /* the line before is the first of a report */
};

enum unittest_line {
	UNITTEST_NOT,       /* the line stands for itself */
	UNITTEST_DOCSTRING, /* it says nothing of its own */
	UNITTEST_VERDICT    /* with the one before it is `line`, as if there were no docstring */
};

void unittest_init(struct unittest *unittest);
void unittest_release(struct unittest *unittest);
/* A line that is not empty; `in_section`: what tells reports apart stands before it. */
enum unittest_line unittest_read(struct unittest *unittest, const char *line, bool in_section);
/* An empty line. */
void unittest_read_blank(struct unittest *unittest);

#endif
