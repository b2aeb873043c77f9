/*
 * From a line of a log to the text of an error id: what changes from run to run (numbers,
 * addresses, hashes, kernel versions, temporary names) becomes '#', quotes '~', blanks '_' (or '-'
 * in build ids).  The facts that this follows are in docs/error-ids.md.
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

/* Appends the id's text, which may be empty.  `text` is a clean line. */
void normalise_plain(
        struct str *ret, const char *text, size_t len); /* stderr, tests: blanks to '_' */
void normalise_build(struct str *ret, const char *text,
        size_t len); /* compilers: blanks to '-', positions dropped */
void normalise_kernel(
        struct str *ret, const char *text, size_t len); /* after the log prefix: dmesg and kmsg */
void normalise_name(
        struct str *ret, const char *text, size_t len); /* a test case: its numbers stay */
void normalise_pattern(struct str *ret, const char *text, size_t len); /* job.error.match */

/* Bytes of "[ time] [T1] ", "<4>", "kern  :err   :" and the like at the start of a kernel log line.
 */
size_t kernel_prefix_len(const char *text, size_t len);

/*
 * Makes `id` at most ERRORID_ID_MAX bytes long: what is longer is cut at a character and ends in
 * "~" and 8 hex digits of the SHA-256 of the whole.
 */
void cut_id(struct str *id);

#endif
