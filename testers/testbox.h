/*
 * Kinds of testboxes: one row of a table and one file each.  A kind is chosen by the prefix of the
 * unit's testbox ("dc" of "dc-2g").  To add one: a file with these functions, a row in
 * testers/test.c, a line in testers/local.mk.
 */
#ifndef TESTERS_TESTBOX_H
#define TESTERS_TESTBOX_H

#include "agent/agent.h"

/* Where the kept files are inside of every box: builds wrote this path into what they made. */
#define TESTBOX_DIRECTORY "/build"

struct testbox_script {
	const char *script;		/* for /bin/sh, in TESTBOX_DIRECTORY */
	const char *files;		/* the kept files, unpacked, on this host; the test may change them */
	struct extractor *extractor;	/* gets all output */
};

struct testbox_kind {
	const char *prefix;
	/* A fresh box for one run; nothing of an earlier run is in it.  Failure is the farm's. */
	int (*start)(void **ret_box, struct run *run, struct error *err);
	/*
	 * A step of the run (agent/agent.h): `done` comes at the end of the script, with the box
	 * still there.
	 */
	void (*run)(void *box, struct run *run, const struct testbox_script *script,
		void (*done)(struct run *run, const struct sandbox_end *end));
	void (*stop)(void *box);	/* NULL is fine */
};

extern const struct testbox_kind container_kind;	/* "dc": this host's root under an overlay */

#endif
