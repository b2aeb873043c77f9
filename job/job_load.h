/*
 * job.yaml, first half: from files to one mapping a job.
 *
 * What is resolved here is what needs the place where the file stands: `<<:` (anchors and files), `override:`, several
 * documents, defaults, and KEY=VALUE of a command line.  The rest of the language (job/job_expand.h) needs only the text,
 * so that a client resolves files and a server, which reads none, expands.
 *
 * The order of authority, weakest first: files of defaults (an earlier one wins over a later), KEY=VALUE before the file, what is
 * merged with `<<`, what is written, `override:` over all that stands before it, a later document over the first, KEY=VALUE after
 * the file.
 *
 *	<<: *anchor, <<: dir/file.yaml, or a list of these	# of several the first wins; not merged into each other
 *	<<: {file: a.yaml, ignore: [b], key: value}	# the file without b, with key; the other documents of a file follow this one
 *	override: {key: value}			# only at the top of a file or document
 *	a.b.c: value				# is a: {b: {c: value}}; only at the top
 *	key+: value, key-: value		# adds to and takes away from what the key has by then
 *	---					# the first of several documents is common to the others: N make N-1 jobs, or N if
 *						# it is a job of lkp-tests, with `lkp_src` and a program
 *
 * A text that begins with JOB_DOCUMENTS_MARK, as `bisectctl expand` prints it, has no common document: N make N jobs.
 *
 * Keys at the top that begin with "." or "x-" hold anchors and are left out.  ERB is refused.  Every error is
 * "file:line:column: what was found, what is allowed", with the file in which it stands.
 */
#ifndef JOB_JOB_LOAD_H
#define JOB_JOB_LOAD_H

#include "job/value.h"

#define JOB_DOCUMENTS_MARK "# each document is a job\n"
#define JOB_MERGE_DEPTH_MAX 16		/* `<<` in `<<`, files and anchors together */
#define JOB_FILES_MAX 200		/* included by one job.yaml, repeats counted */
#define JOB_FILES_BYTES_MAX (4u << 20)	/* in all */
#define JOB_VALUES_MAX 200000		/* in all documents, after including */
#define JOB_KEYS_MAX 1000		/* of one mapping */
#define JOB_KEY_LENGTH_MAX 256
#define JOB_LIST_MAX 5000
#define JOB_TEXT_LENGTH_MAX (128u << 10)	/* of one scalar */
#define JOB_ARGUMENTS_MAX 200

/*
 * Reads the file that `path` names for whoever loads: an include ("include/vm.yaml"), or a file of a suite.  Appends its text, and
 * its name for messages.  ERR_NOT_FOUND says where it was looked for.  The path is relative and stays inside (path_is_inside).
 */
struct job_files {
	int (*read)(void *arg, const char *path, struct str *ret_text, struct str *ret_name, struct error *err);
	void *arg;
};

struct job_text {
	const char *name, *text;
	size_t len;
};

struct job_load_options {
	const struct job_files *files;		/* NULL: files are not included, and said to be so */
	const struct strv *before, *after;	/* KEY=VALUE; NULL: none */
	const struct job_text *defaults;	/* files, strongest first */
	size_t n_defaults;
};

struct job_documents {
	struct value **v;			/* mappings, one a job (or a family of them, before expansion) */
	size_t n;
	bool has_common;			/* v[0] was the second document, the first is in all of them and makes no job */
	struct strv names;			/* of the files, for the places */
};

/* `options` may be NULL.  The caller releases *ret, which is untouched on failure. */
int job_load(struct job_documents *ret, const char *where, const char *text, size_t len,
	const struct job_load_options *options, struct error *err);
void job_documents_release(struct job_documents *documents);
/* As a text that job_load gives back without files and arguments. */
void job_documents_print(struct str *ret, const struct job_documents *documents);

/*
 * KEY=VALUE, KEY+=VALUE, KEY-=VALUE; KEY may be a path (ltp.test) or linked keys (a|b=1|2, a:b=1:2); a VALUE that begins with [ or {
 * is YAML, one that is empty takes the key away.  Merged over `into`, in this order; places are kept in `names`.
 */
int job_set_arguments(struct value *into, struct job_documents *names, const struct strv *arguments, struct error *err);
/* KEY=VALUE as a command line has it, and no option and no file? */
bool job_is_argument(const char *text);

#endif
