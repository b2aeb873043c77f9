/*
 * Errors as values.
 *
 * A function that can fail returns 0 or a negative `enum error_code`; its last parameter is a
 * `struct error *` that may be NULL.  On failure it holds one line that a person can act on: what was
 * read, what was expected, and where (file:line:column for anything a person wrote).
 *
 *	if (file_read(&text, path, LIMIT, err) < 0)
 *		return error_prefix(err, "cannot read the job");
 *
 * A struct error owns nothing and needs no release.  Text longer than ERROR_TEXT_MAX is cut at a
 * character boundary; control bytes of foreign text are shown as \xNN.
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

enum error_code {
	ERR_NONE,
	ERR_INVALID,		/* the input is wrong and stays wrong */
	ERR_NOT_FOUND,
	ERR_EXISTS,
	ERR_LIMIT,		/* larger, deeper or more than a named limit allows */
	ERR_IO,			/* the operating system refused */
	ERR_NO_SPACE,		/* disk or quota full: temporary, for an operator to mend */
	ERR_UNAVAILABLE,	/* a peer does not answer now: temporary, try again */
	ERR_TIMEOUT,		/* a deadline passed */
	ERR_STALE,		/* an old epoch: somebody else holds this now */
	ERR_CANCELLED,
	ERR_DENIED,		/* not allowed for this caller */
	ERR_CORRUPT,		/* stored data is not what its name or checksum says */
	ERR_FAILED,		/* a program that we ran failed */
	ERR_NCODES
};

#define ERROR_TEXT_MAX 1024

struct error {
	enum error_code code;
	char text[ERROR_TEXT_MAX];
};

#define ERROR_INIT { ERR_NONE, "" }

/* Sets *err (if not NULL) and returns -code, so that `return error_set(err, ...)` reads well. */
int error_set(struct error *err, enum error_code code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * The same from an errno value: ": " and the system's words for it are appended.  ENOENT gives
 * ERR_NOT_FOUND, EEXIST ERR_EXISTS, ENOSPC and EDQUOT ERR_NO_SPACE, EACCES and EPERM ERR_DENIED, the rest ERR_IO.
 */
int error_errno(struct error *err, int errno_value, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Puts "text: " before what err says already; returns -err->code (-ERR_FAILED for a NULL err). */
int error_prefix(struct error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* "invalid", "not-found", ...: the word the API uses.  Never NULL. */
const char *error_code_name(enum error_code code);

#endif
