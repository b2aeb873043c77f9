/*
 * From a line of a log to the text of an error id: what changes from run to run (numbers,
 * addresses, hashes, kernel versions) becomes '#', quotes '~', blanks '_' (or '-' in build ids).
 * The rules of rewriting (rules.h) come before it.  The facts that this follows are in
 * docs/error-ids.md.
 *
 * Texts are bytes: UTF-8 or not, without NUL.  What comes out has no blank, control byte, `"`, `\`
 * or `$`; it is for argument vectors, files and stored text all the same, never for a shell line.
 */
#ifndef JOB_NORMALISE_H
#define JOB_NORMALISE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

/* Appends `text` without colour codes, other escape sequences and control bytes; a tab stays. */
void clean_line(struct str *ret, const char *text, size_t len);
/* True if clean_line would append `text` as it is. */
bool line_is_clean(const char *text, size_t len);
/* Appends `text` with its colours, without the control bytes alone: what lkp-tests sees. */
void clean_line_as_lkp(struct str *ret, const char *text, size_t len);

enum normal_style {
	NORMAL_PLAIN, /* stderr, kernel, tests: blanks to '_' */
	NORMAL_BUILD, /* compilers: blanks to '-', positions dropped */
	NORMAL_NAME,  /* a test case: its numbers stay */
};

/*
 * Appends the id's text, which may be empty.  `text` is a clean line.  as_lkp: as lkp-tests
 * (2026-07) replaces numbers, hashes and versions, for aliases.
 */
void normalise(struct str *ret, const char *text, size_t len, enum normal_style style, bool as_lkp);

void normalise_pattern(struct str *ret, const char *text, size_t len); /* job.error.match */

/*
 * "2024-01-02T10:00:00.1234567Z ", which runners of CI and `docker logs -t` write in front of each line: its length, or 0.
 */
size_t runner_time(const char *text, size_t len);

/*
 * What stands before the text of a kernel's line: "[ time] [T1] ", "<4>", "kern  :err   :",
 * "[Tue Jan 31 10:22:33 2023] " of dmesg -T, "2023-01-31T10:22:33,123456+00:00 " of its iso format,
 * "3,1234,5678,-;" of /dev/kmsg, "May  1 10:00:00 host kernel: " of a syslog, "[ time] host kernel: " of a journal, "[ time]<4> ",
 * and these together; before all of it runner_time() or the clock of a console server, "[00:12:13] ".
 */
struct kernel_prefix {
	size_t len;
	size_t blanks; /* of `len`, those after the one that separates it from the text */
	bool has_time;
	bool has_clock; /* of who wrote it down, in front of all */
	const char *caller; /* "T1", "C0"; the line's, not terminated; NULL: not told */
	size_t caller_len;
};
void kernel_prefix(struct kernel_prefix *ret, const char *text, size_t len);

/*
 * Makes `id` at most ERRORID_ID_MAX bytes long: what is longer is cut at a character and ends in
 * "~" and 8 hex digits of the SHA-256 of the whole.
 */
void cut_id(struct str *id);

#endif
