/*
 * bisectd --standalone: builder and tester as children of the daemon under one state directory, started again when they die
 * (pauses 0.2 s, doubling to 10 s).  They stop with the daemon.
 */
#ifndef BISECTD_STANDALONE_H
#define BISECTD_STANDALONE_H

#include "base/error.h"
#include "base/str.h"

struct event_base;
struct standalone;

struct standalone_options {
	const char *state_dir, *mirrors_dir;
	const char *program_dir;	/* where bisect-builder and bisect-tester are */
	int port;			/* of the daemon, on 127.0.0.1 */
	const char *address;
	long long build_slots, test_slots;
	const char *ccache;		/* "yes" or "no" */
	long long memory;
	bool local_repositories;
};

int standalone_start(struct standalone **ret, struct event_base *loop, const struct standalone_options *options, struct error *err);
/* SIGTERM to the children; `done` (may be NULL) on the loop when both are gone or after 10 s.  NULL is fine. */
void standalone_stop(struct standalone *standalone, void (*done)(void *arg), void *arg);
void standalone_free(struct standalone *standalone);

#endif
