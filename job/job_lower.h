/*
 * From one document of the field's language (job/job_expand.h) to the native job of scripts (job/job.h): its program's suite gives the
 * scripts, its parameters the environment.
 *
 *	ltp: {test: syscalls}		# a suite's name: the test script is suites/ltp/run, $test is "syscalls"
 *	suite: make-check		# without a program and without `test`: that program with its defaults
 *	build: {run: ...}		# wins over the suite's
 *	setup: script			# before the test; where it fails the run is broken, not failed.  setup: {run: script} is the same
 *	daemon: script			# beside the test, ended with it
 *	config: defconfig		# the suite's parameter `config`, else $config
 *	ss: {gcc: {commit: a}}		# $ss_gcc_commit; "_url" and other keys that begin with "_" are not handed on
 *	lkp_src: DIR			# the program is lkp-tests in that directory of the testbox, and runs the document's programs
 *
 * All that reaches the environment is in the identity of the job; the commit that varies (job/job_commit.h) and keys of job/job_fields.h
 * do not reach it.
 */
#ifndef JOB_JOB_LOWER_H
#define JOB_JOB_LOWER_H

#include "job/job.h"
#include "job/job_expand.h"

/* *ret: a mapping of native keys only, owned by the caller; places are those of `doc`. */
int job_lower(struct value **ret, const struct value *doc, struct suites *suites, struct error *err);

/* job_lower, and the job that it gives.  NULL `suites`: there are none. */
int job_from_document(struct job **ret, const struct value *doc, struct suites *suites, struct error *err);

/*
 * What a person wants to know before it runs, as lines without "#": which commit varies, which suite and what it needs, which
 * keys have no effect.  The document is one that job_lower takes.
 */
void job_explain(struct strv *ret, const struct value *doc, struct suites *suites);

#endif
