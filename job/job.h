/*
 * The native job: what to build, what to run, where, as scripts.  A job.yaml may be written like this; the language around it (files,
 * lists, programs of suites) is job/job_load.h, job/job_expand.h and job/job_lower.h, and comes to this.
 *
 *	suite: example			# required: a word
 *	category: functional		# functional (default) | benchmark | noise-benchmark
 *	testbox: dc-2g			# kind and size; default dc-2g
 *	os: debian			# default: any, the tester's own root
 *	os_version: "12"
 *	os_arch: x86_64			# default: any
 *	upstream_repo: e/example/example	# a short name for people and identity; default: upstream_url
 *	upstream_url: https://... 	# required
 *	upstream_commit: v1.2		# required: revision that git knows there
 *	build:
 *	  run: make -j$(nproc)		# a script for /bin/sh -e in the sandbox, cwd the source; absent: nothing to build
 *	  keep: [app, tests/]		# relative paths or globs the test needs; default: everything
 *	test:
 *	  run: ./tests/run.sh		# required: a script for /bin/sh in the testbox, cwd where the kept files are
 *	  env: {CASE: a}		# for this script alone: jobs that differ here share their build
 *	  logs: [tap, stderr]		# what its output is
 *	env: {LANG: C}			# for both scripts
 *	timeout: 30m			# most that one build or one test may take; default 1h
 *	runtime: 5m			# what it usually takes; for planning only
 *	error: {match: 'regex'}		# this, in the test's output, is the error: gives the id "match.<normalised regex>"
 *
 * Wrong key, type or value:
 * "file:line:column: what was found, what is allowed", with the nearest allowed key where one is close.
 *
 * The intent is what was submitted, the resolved job is this one; the record (ids, machine, times, results) lives in the warehouse beside them.
 */
#ifndef JOB_JOB_H
#define JOB_JOB_H

#include <stdint.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/str.h"

struct job {
	char *suite, *category, *testbox;
	char *os, *os_version, *os_arch;	/* NULL: any */
	char *upstream_repo, *upstream_url, *upstream_commit;
	char *build_run;			/* NULL: nothing to build */
	struct strv build_keep;			/* empty: everything */
	char *test_run;
	struct strv test_env;			/* of the test script alone, over env */
	struct strv test_logs;			/* what its output is (job/log_kinds.h); empty: whatever is found in it */
	struct strv env;			/* "NAME=value", sorted by name */
	int64_t timeout_s, runtime_s;		/* runtime_s 0: unknown */
	char *error_match;			/* NULL or a PCRE2 pattern that compiles */
	unsigned box_cpus;			/* from testbox: "vm-2p8g" 2 and 8 GiB, "dc-2g" 0 (any) and 2 GiB */
	uint64_t box_memory;			/* bytes; 0: the kind says none */
};

/*
 * Reads a job.yaml of `len` bytes named `where` (for messages only) that makes one job, without files and suites.  On success *ret is a new job owned by
 * the caller; on failure *ret is untouched and err holds "where:line:column: ...".
 */
int job_read(struct job **ret, const char *where, const char *text, size_t len, struct error *err);
void job_free(struct job *job);			/* NULL is fine */
struct job *job_copy(const struct job *job);

/* The intent as YAML that job_read reads back to the same job: keys in the order above, defaults left out. */
void job_print(struct str *ret, const struct job *job);

/*
 * What makes two results comparable: repository, os, os_version, os_arch, testbox kind and size, suite, category, build and test
 * scripts, kept files, env, test.env, test.logs, error match.  Not in it: commit, times, ids, machine.  SHA-256 of the fields with lengths.
 */
void job_identity(const struct job *job, char hex[HASH_HEX_LEN + 1]);

/* hash(tree id, build script, keep, env, os, os_version, os_arch): two commits with one tree share a build. */
void job_build_key(const struct job *job, const char *tree, char hex[HASH_HEX_LEN + 1]);
/* hash(build key, test script, env, testbox, test.env, test.logs): what a test run observes.  */
void job_test_key(const struct job *job, const char *tree, char hex[HASH_HEX_LEN + 1]);

/*
 * The name of a testbox: where a test runs.
 *
 *	dc-2g, dc-4p8g			a container: memory, CPUs
 *	vm-2p8g				a virtual machine of 2 CPUs and 8 GiB
 *	taishan200-2280-2s64p-256g	machines of a model: 2 sockets with 64 CPUs in all, 256 GiB
 *	hw-desk				a machine without a stated size
 *	NAME--a61			one machine of the group NAME
 *	vm-2p8g.host-3			one that is running: the third on the host `host`
 *	NAME.aarch64			of an architecture, as names of queues end
 */
struct testbox {
	char kind[8];			/* "dc", "vm", "hw" */
	unsigned cpus;			/* 0: not said */
	uint64_t memory;		/* bytes; 0: not said */
	char group[65];			/* the name without machine, instance and architecture: what results are compared by */
	char machine[65];		/* "a61", "host-3"; "": any */
	char arch[16];			/* "x86_64", "aarch64"; "": not said */
};

/* ERR_INVALID tells the forms. */
int testbox_read(struct testbox *ret, const char *name, struct error *err);
/* The same for who wants less; ret_cpus and ret_memory may be NULL. */
int testbox_parse(const char *name, char ret_kind[8], unsigned *ret_cpus, uint64_t *ret_memory, struct error *err);

#endif
