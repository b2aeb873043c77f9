/*
 * Reports of an error over several lines, made one: tracebacks of Python (the last line names the
 * exception), Java (the header, or the last "Caused by:"), Node (the source quoted before the
 * exception), Go (goroutines after the panic), Rust (the message on the line after "panicked at"),
 * C++ (what() after "terminate called").  What stands in them otherwise says where it went through,
 * and changes with every edit.
 */
#ifndef JOB_TRACEBACK_H
#define JOB_TRACEBACK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

enum traceback_kind {
	TRACEBACK_NONE,
	TRACEBACK_PYTHON,
	TRACEBACK_JAVA,
	TRACEBACK_NODE,
	TRACEBACK_GO,
	TRACEBACK_RUST,
	TRACEBACK_CXX
};

struct traceback {
	enum traceback_kind kind;
	size_t indent;
	unsigned lines;
	bool named;              /* Node: the exception was named, the rest says more of it */
	struct str text;         /* of the error */
	struct strv others;      /* lines that would be an error by themselves, some of them */
	uint64_t number, offset; /* where it begins */
	bool crash;              /* the program died of it: C++, Rust */
	bool quotes;             /* the log is standard error: what Node quotes counts */
};

enum traceback_answer {
	TRACEBACK_NOT,    /* the line has nothing to do with it */
	TRACEBACK_WITHIN, /* the line is part of one */
	TRACEBACK_ENDED,  /* the line is the last: the error is in `text`, others in `others` */
	TRACEBACK_CUT /* one ended before this line, as ENDED; the line itself is to be read again
	               */
};

void traceback_init(struct traceback *traceback);
void traceback_release(struct traceback *traceback);
enum traceback_answer traceback_read(struct traceback *traceback, const char *line, size_t len,
        uint64_t number, uint64_t offset);
/* The log ended: true if one was open; the error is in `text`. */
bool traceback_end(struct traceback *traceback);

#endif
