/*
 * Which commit varies in a bisection.  A job may name several: `upstream_commit`, `commit`, `ss.<package>.commit`.  If it names one, that
 * one varies.  If it names more, `bisect_commit: KEY` says which; without it the job is refused with the choices.
 *
 * Where it is fetched from: for ss.<package>.commit `ss.<package>._upstream_url`, else `ss.<package>._url`; else, and for the others,
 * `upstream_url`.  (`upstream_url` beside an `upstream_commit` is that one's alone.)
 */
#ifndef JOB_JOB_COMMIT_H
#define JOB_JOB_COMMIT_H

#include "job/value.h"

struct job_commit {
	char *key;				/* "upstream_commit", "commit", "ss.linux.commit"; NULL: the job names none */
	const struct value *commit;		/* in the document */
	const struct value *url;		/* NULL: the job has none */
	char *package;				/* whose address of its own `url` is; NULL: it is upstream_url */
};

int job_commit_find(struct job_commit *ret, const struct value *doc, struct error *err);
void job_commit_release(struct job_commit *commit);

#endif
