/*
 * job.yaml, second half: one document to the jobs that it stands for.  Works on text alone (job/job_load.h has resolved the files).
 *
 *	if role server: {key: value}	# merged where `role` names it; without `role` one testbox plays every role
 *	pp: {ltp: {test: a}}		# is ltp: {test: a};  program: {ltp: ...} is ltp: ...
 *	os: [a, b]			# a job for each; so are os_arch, os_version, testbox, and what is listed under a parameter of a
 *					# program, unless it is of type list.  Several lists: each with each
 *	a|b: 1|2, or [1|2, 3|4], or [[1, 2], [3, 4]]	# move together: two jobs, a=1 b=2 and a=3 b=4
 *	key: "{{ os }}"			# job/job_template.h
 *
 * The jobs come in the order of the documents, then sorted by what differs between them, numbers by value.
 */
#ifndef JOB_JOB_EXPAND_H
#define JOB_JOB_EXPAND_H

#include "job/job_load.h"
#include "job/suite.h"

#define JOB_JOBS_MAX 1000		/* that one job.yaml may make */
#define JOB_AXES_MAX 32			/* lists that one document may have */
#define JOB_EXPANDED_BYTES_MAX (64u << 20)	/* texts of all of them */

struct job_set_entry {
	struct value *doc;
	char *label;			/* what makes it differ from the others, "os=debian ltp.test=mm"; "" if it is the only one */
};

struct job_set {
	struct job_set_entry *v;
	size_t n, cap;
	bool has_common;		/* the first document of the text is common to them and none of them */
	struct strv names;		/* of files, for the places */
};

/* `documents` is used up, on failure too. */
int job_expand(struct job_set *ret, struct job_documents *documents, struct suites *suites, struct error *err);
void job_set_release(struct job_set *set);

/* job_load and job_expand. */
int job_set_read(struct job_set *ret, const char *where, const char *text, size_t len, const struct job_load_options *options,
	struct suites *suites, struct error *err);

/*
 * The programs of a document: its keys that name a suite, or, in a job of lkp-tests (it has `lkp_src`), that nothing else knows.
 * *ret has their names; ERR_INVALID for a suite that cannot be read.
 */
int job_programs(struct strv *ret, const struct value *doc, struct suites *suites, struct error *err);

#endif
