/*
 * A suite: a test program that a job.yaml can name instead of writing its scripts.  It is a folder of two files:
 *
 *	suites/NAME/suite.yaml
 *		summary: one line			# required
 *		needs: one line				# what a testbox must have; shown by `bisectctl expand`
 *		category: functional			# functional (default) | benchmark | noise-benchmark
 *		timeout: 2h				# of a job that sets none
 *		packages: [make, gcc]			# Debian's names of what the testbox needs
 *		logs: [tap, stderr]			# what its output is, see job/log_kinds.h
 *		build: {run: script, keep: [paths]}	# of a job that sets none
 *		parameters:
 *		  NAME:					# a variable of both scripts: letters, digits, _
 *		    type: text				# text (default) | word | number | flag | time | list | script
 *		    default: value			# a parameter without one is left out of the environment
 *		    required: yes
 *		    allowed: [a, b]			# no other values
 *		    stage: test				# test: of the test script alone, so that jobs share their build; default: both
 *		    help: one line			# required
 *	suites/NAME/run					# the test script, for /bin/sh in the testbox
 *
 * A parameter reaches the scripts as an environment variable of its name, and is never put into their text.  A flag is "1" or not
 * there; a list is its items, one a line.  A list of values under a parameter of another type makes a job of each.
 */
#ifndef JOB_SUITE_H
#define JOB_SUITE_H

#include <stdint.h>

#include "base/error.h"
#include "job/job_load.h"

#define SUITE_PARAMETERS_MAX 64
#define SUITE_FILE_MAX (64u << 10)

enum suite_parameter_type {
	PARAMETER_TEXT,
	PARAMETER_WORD,
	PARAMETER_NUMBER,
	PARAMETER_FLAG,
	PARAMETER_TIME,
	PARAMETER_LIST,
	PARAMETER_SCRIPT,
	PARAMETER_NTYPES
};

struct suite_parameter {
	char *name, *standard, *help;	/* standard: as the environment has it; NULL: none */
	enum suite_parameter_type type;
	bool required, only_test;
	struct strv allowed;
};

struct suite {
	char *name, *summary, *needs, *category;	/* needs, category: may be NULL */
	int64_t timeout_s;				/* 0: not said */
	struct strv packages, logs, build_keep;
	char *build_run, *run;				/* build_run may be NULL */
	struct suite_parameter *parameters;		/* in the order written; the first takes `NAME: value` */
	size_t n_parameters;
};

/* From the two texts; names of files are for messages. */
int suite_read(struct suite **ret, const char *name, const struct job_text *yaml, const struct job_text *run, struct error *err);
void suite_free(struct suite *suite);			/* NULL is fine */
const struct suite_parameter *suite_parameter(const struct suite *suite, const char *name);	/* NULL: it has none of that name */

/*
 * A value of a job as the text that the script gets in *ret (owned; NULL: not set).  ERR_INVALID with the value's place.
 */
int suite_parameter_value(char **ret, const struct suite *suite, const struct suite_parameter *parameter,
	const struct value *value, struct error *err);

/* The suites that `files` gives (as "NAME/suite.yaml" and "NAME/run"), each read once.  NULL files: there are none. */
struct suites;
struct suites *suites_new(const struct job_files *files);
void suites_free(struct suites *suites);
/* NULL `suites` has none.  ERR_NOT_FOUND, with err left as it is: there is no suite of that name. */
int suites_find(const struct suite **ret, struct suites *suites, const char *name, struct error *err);

#endif
