/*
 * Reports of an error over several lines, made one: tracebacks of Python (the last line names the exception; of a group each
 * exception is one), Java (the header, or the last "Caused by:"), Node (the exception, or the innermost "[cause]:"), Go
 * (goroutines after the panic), Rust (the message on the line after "panicked at"), C++ (what() after "terminate called").  What
 * stands in them otherwise says where it went through, and changes with every edit.
 */
#ifndef JOB_TRACEBACK_H
#define JOB_TRACEBACK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

enum traceback_kind {
	TRACEBACK_NONE,
	TRACEBACK_PYTHON,
	TRACEBACK_GROUP, /* of Python: exceptions in an exception */
	TRACEBACK_PRINTED, /* what may be the first line of one that a program of Java or Node prints itself */
	TRACEBACK_JAVA,
	TRACEBACK_NODE,
	TRACEBACK_NODE_PRINTED,
	TRACEBACK_GO,
	TRACEBACK_RUST,
	TRACEBACK_RUST_MORE, /* what Rust says behind the message */
	TRACEBACK_CXX
};

/* Lines of which only those behind them tell whether they are more of a message. */
#define TRACEBACK_HELD_MAX 8

struct traceback_held {
	struct strv lines;
	uint64_t numbers[TRACEBACK_HELD_MAX], offsets[TRACEBACK_HELD_MAX];
};

struct traceback {
	enum traceback_kind kind;
	size_t indent;
	unsigned lines;
	bool named;              /* Node, group: the exception was named, the rest says more of it */
	bool in_message;         /* Java: no frame came since the line that names one */
	bool is_header;          /* Java: what `text` is of is the line that was named last */
	bool holds_others;       /* group: the error is that others follow, which are in it */
	bool cause_told;         /* Python: the line before says that the one above it is the cause of what comes, */
	bool wraps;              /* and this one is that */
	unsigned depth;          /* group: groups that are open */
	struct traceback_held held;
	struct str text;         /* of the error */
	struct str where;        /* Python: the innermost function, or the file of code in none; may be empty */
	struct strv others;      /* lines that would be an error by themselves, some of them */
	uint64_t number, offset; /* where it begins */
	bool crash;              /* the program died of it: C++, Rust */
	bool quotes;             /* the log is standard error: what Node quotes counts */
	bool printed;            /* the log is a program's: what it prints counts */
	uint64_t refused;        /* the line of what was none that was printed: it is not one when it is read again */
	bool in_braces;          /* Node: the properties of the exception */
};

enum traceback_answer {
	TRACEBACK_NOT,    /* the line has nothing to do with it */
	TRACEBACK_WITHIN, /* the line is part of one */
	TRACEBACK_ENDED,  /* the error is in `text`, others in `others`; the line is done with */
	TRACEBACK_CUT,    /* one ended before this line, as ENDED; lines in `held` and then this are to be read again */
	TRACEBACK_LEFT    /* the same without an error: all of them were told */
};

void traceback_init(struct traceback *traceback);
void traceback_release(struct traceback *traceback);
enum traceback_answer traceback_read(struct traceback *traceback, const char *line, size_t len,
        uint64_t number, uint64_t offset);
/* The log ended: true if one was open; the error is in `text`.  Lines in `held` are to be read again. */
bool traceback_end(struct traceback *traceback);

#endif
