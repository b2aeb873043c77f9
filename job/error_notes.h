/*
 * The errors found so far in one log: each id once, with its first line, its other names, and the
 * finding it belongs to.
 */
#ifndef JOB_ERROR_NOTES_H
#define JOB_ERROR_NOTES_H

#include "base/str.h"
#include "job/errorid.h"
#include "job/rules.h"

/* The line that an id is noted for. */
struct place {
	const char *text;
	size_t len;
	uint64_t number, offset;
};

/* Who gets room in a list that fills up. */
enum weight { WEIGHT_PLAIN, WEIGHT_ORDINARY, WEIGHT_ALWAYS };

struct note {
	const char *id;
	enum weight weight;
	enum error_severity severity;
	enum rule_part part;
	const char *function;       /* NULL: unknown */
	bool telling;               /* as of struct found_error */
	const struct strv *aliases; /* NULL: none */
	const struct place *place;
	int64_t finding; /* of notes_reserve(); -1: by `part` and the line */
};

/*
 * Processors write into a kernel's log in turns: what a part belongs to, and whether a stack is being printed, is so of one caller
 * ("T401", "C1") and not of another.  All lines without one are of the same.
 */
#define NOTES_CALLERS 64

struct caller {
	char name[16];
	size_t len;
	uint64_t used;                         /* the line it was last heard in */
	bool in_stack;
	bool stalled;                          /* what a stack interrupted is guilty, not innocent */
	bool aside;                            /* the next line is no frame of a stack, though it may look like one */
	bool has_finding;
	bool again;                            /* it was opened by an error that had been seen before */
	uint32_t finding;                      /* that a part may belong to */
	uint64_t finding_line;                 /* of its latest part */
	enum error_severity finding_severity;  /* of what began it */
	bool awaits_next; /* it was begun by an error that is part of the next */
};

struct notes {
	struct found_error *found;
	size_t n, cap, plain;
	uint16_t *slots; /* index into found, plus 1 */
	uint64_t dropped;

	uint32_t findings;
	struct caller callers[NOTES_CALLERS];
	size_t now, latest; /* whose line is read, 0: no caller's; who opened a finding last */
	size_t heard;       /* who wrote the kernel's line before */
};

void notes_init(struct notes *notes);
void notes_release(struct notes *notes);
/* The next notes are of this caller's lines (not NUL-terminated).  Of more than NOTES_CALLERS one is forgotten to which nothing
 * will belong any more, or else the longest silent. */
struct caller *notes_hear(struct notes *notes, const char *name, size_t len, uint64_t line);
bool notes_has_room(const struct notes *notes, enum weight weight);	/* for an id that is not in the list */
void notes_add(struct notes *notes, const struct note *note);
/*
 * What a part that may name the guilty function is part of.  Behind an error seen before ("NULL pointer dereference" a second
 * time) a function not seen yet is another bug: it is a part of nothing.
 */
enum rule_part notes_part(const struct notes *notes, enum rule_part part, bool telling, uint64_t line);
/* The finding that a part on this line would be of; false: of none. */
bool notes_current(const struct notes *notes, uint64_t line, uint32_t *ret);
/* The finding of an error on this line that gets its name later. */
uint32_t notes_reserve(
        struct notes *notes, enum rule_part part, enum error_severity severity, uint64_t line);
/* What is noted as part of an error before it is of this finding. */
void notes_continue(struct notes *notes, uint32_t finding, uint64_t line);
/* That of an id that is in the list; -1: it is not. */
int64_t notes_finding(const struct notes *notes, const char *id);
/* What follows wraps this error: it is a part, too.  Its finding, or -1. */
int64_t notes_wrap(struct notes *notes, const char *id);
uint64_t notes_count(
        const struct notes *notes, const char *id); /* how often seen; 0: not in the list */
/* More names for an id that is there. */
void notes_add_aliases(struct notes *notes, const char *id, const struct strv *aliases);
/* The finding that the end of a run most likely comes of: the last of the worst.  Later parts
 * belong to it. */
void notes_open_worst(struct notes *notes);
/*
 * At the end, after which nothing is added: puts errors in the order of their lines, marks in each
 * finding the one to bisect, and numbers the findings without gaps.
 */
void notes_choose(struct notes *notes);

#endif
