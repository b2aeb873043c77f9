/* The parts of an extractor, for errorid.c (lines, the end), error_readers.c and error_test.c (what a line is). */
#ifndef JOB_EXTRACTOR_H
#define JOB_EXTRACTOR_H

#include "job/case_sections.h"
#include "job/error_notes.h"
#include "job/go_cases.h"
#include "job/junit.h"
#include "job/lockdep.h"
#include "job/metrics.h"
#include "job/normalise.h"
#include "job/passed_cases.h"
#include "job/pattern.h"
#include "job/pytest.h"
#include "job/stats_log.h"
#include "job/tap.h"
#include "job/traceback.h"
#include "job/unittest.h"

/*
 * lkp's package builds frame the standard error in the log, and the output, too; once a mark of either was seen, only frames of
 * standard error count.  What stood before the first mark was told when it came, and stays.
 */
enum frame { NO_FRAMES, IN_FRAME, BETWEEN_FRAMES };

/* An error whose report goes on: its id waits for the function that is guilty. */
#define REPORTS_MAX 4
#define REPORT_LINES 80 /* between the header of a report and the frame that is looked for */

struct report {
	bool open;
	bool awaits_next; /* its own header is still to come */
	enum rule_log log;
	char caller[16]; /* of the kernel's lines: processors write in turns */
	const struct rule *rule;
	struct str text, raw; /* what is normalised; the line */
	bool of_case;         /* it stands in a section of one */
	struct str function;  /* that the header names, a helper; may be empty */
	uint32_t finding;
	unsigned lines;
	uint64_t number, offset;
};

struct extractor {
	enum error_source source;
	const struct rules *rules;
	char *suite;
	struct pattern *match;
	struct line_filter *match_filter;
	char *match_id;

	struct str line; /* the line so far, at most ERRORID_LINE_MAX of it */
	struct str clean, raw, text, id;
	struct str rewritten; /* what an id is made of */
	uint64_t offset; /* bytes fed */
	uint64_t line_offset, line_number;
	struct place place;
	unsigned char byte_order_mark; /* bytes of it that were read; more than it has: it is over */
	bool in_line; /* the line has a byte, kept or passed over */

	enum frame frame;
	struct traceback traceback;
	struct report reports[REPORTS_MAX];
	unsigned open_reports;
	struct tap tap;
	struct junit junit;
	struct pytest pytest;
	struct unittest unittest;
	struct go_cases go;
	struct case_sections sections;
	struct str cause; /* the id of the latest traceback */
	struct passed_cases passed;
	struct lockdep lockdep;
	struct metrics metrics;
	struct stats_log stats;
	bool incomplete; /* it says itself that the run did not get to its end */
	bool mark; /* the line that is read begins them */
	bool xml;                   /* tags end a line, ... */
	bool tag_closed;            /* as this one did */
	bool boots, userspace;      /* a kernel said that it starts; that programs run */
	bool in_section, case_open; /* a report that names a case begins with a section; what
	                               follows comes of the case */
	bool point_failed, in_block; /* of TAP: the line before; its YAML block is read */
	size_t failed_indent;       /* of the last test point that failed */
	uint64_t died_line; /* in which a kernel said that a program died; 0: none did */
	uint32_t died_finding;
	bool case_follows; /* an error stands since the last test point: a case that fails now comes
	                      of it */

	struct notes notes;
	uint64_t gave_up;
	const char *gave_up_rule;
	uint8_t tired[RULES_PATTERNS_MAX];
	unsigned match_tired;

	bool ended, ran_to_its_end;
};

/* One clean line, not empty, in x->place; its raw bytes may differ by colours. */
void extractor_read(struct extractor *x, const char *raw, size_t raw_len);
/* An empty line: it ends what blank lines end. */
void extractor_read_blank(struct extractor *x);
/* The log ended: what was waiting is noted. */
void extractor_flush(struct extractor *x);
void extractor_note_hang(
        struct extractor *x); /* after a timeout: a kernel that never got to run programs */

#endif
