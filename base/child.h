/*
 * Child processes.
 *
 * Every child runs in a session of its own with default signals and only the descriptors it was given
 * (close_range before exec); between vfork and exec nothing but async-signal-safe calls happens, and a failure
 * there comes back through a pipe as an ordinary error ("cannot run make: No such file or directory").
 * A child dies with its parent (PR_SET_PDEATHSIG on the leader) unless `outlives` is set; what its process group
 * left running when it ended is killed then, too.  (The kernel takes the *thread* that starts it for the parent: a thread
 * that starts a child stays until the child's end.)
 * Arguments are vectors: no shell is involved unless argv names one.
 */
#ifndef BASE_CHILD_H
#define BASE_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/str.h"

struct event_base;
struct child_guard;

enum { CHILD_NULL = -1, CHILD_PIPE = -2, CHILD_INHERIT = -3 };

struct child_limit { int resource; rlim_t value; };	/* soft and hard, setrlimit(2) */

struct child_exit {
	int status;			/* exit status 0..255, or 128 + signal */
	int signal;			/* 0 unless it died by one */
	bool timed_out;			/* we killed it at its deadline */
	bool lost_output;		/* output went on past the limit (child_run only) */
	int64_t wall_ms;
	struct rusage usage;
};

struct child_options {
	const char *const *argv;	/* argv[0] is looked up in the PATH of env */
	const char *const *env;		/* NULL: this process's own */
	const char *directory;		/* NULL: this process's own */
	int stdin_fd;			/* a descriptor or CHILD_NULL/CHILD_INHERIT; child_run: see input */
	int stdout_fd;			/* a descriptor or CHILD_*; zero-initialised options mean fd 0: use CHILD_OPTIONS_INIT */
	int stderr_fd;			/* CHILD_PIPE with merge_output: into stdout's pipe, in order */
	bool merge_output;
	const int *keep_fds;		/* further descriptors kept open across exec under their own numbers */
	size_t n_keep_fds;
	int64_t timeout_ms;		/* 0: none.  Then SIGTERM to the whole session, after grace_ms SIGKILL */
	int64_t grace_ms;		/* 0: 2000 */
	const struct child_limit *limits;
	size_t n_limits;
	const char *const *cgroup_procs;	/* NULL or list of cgroup.procs files the child writes itself into before exec */
	struct child_guard *guard;		/* child_start only: base/child_guard.h; borrowed until its end; NULL: none */
	bool outlives;
};

#define CHILD_OPTIONS_INIT { .stdin_fd = CHILD_NULL, .stdout_fd = CHILD_NULL, .stderr_fd = CHILD_NULL }

/* --- With a loop: nothing blocks. --- */

struct child;

struct child_events {
	/* Bytes from stdout (stream 1) or stderr (2) when CHILD_PIPE.  May call child_pause. */
	void (*on_output)(struct child *child, int stream, const char *bytes, size_t len, void *arg);
	/* Once, after the process is reaped AND its pipes are at their end (or 1 s after the reaping, whichever
	 * is first: a grandchild may hold them).  The callee may call child_free here. */
	void (*on_exit)(struct child *child, const struct child_exit *exit, void *arg);
	void *arg;
};

int child_start(struct child **ret, struct event_base *loop, const struct child_options *options,
	const struct child_events *events, struct error *err);
pid_t child_pid(const struct child *child);
void child_kill(struct child *child, int signal);	/* the whole session; fine after its end */
void child_pause(struct child *child, bool paused);	/* stops and resumes reading; on_exit waits for the resuming */
void child_free(struct child *child);			/* kills and reaps what still runs; on_exit is not called; NULL is fine */

/* --- Without a loop: for tools and worker threads. --- */

/*
 * Runs to the end (or timeout) and reaps.  `input` (may be NULL) goes to standard input.  Where stdout_fd or
 * stderr_fd is CHILD_PIPE, output is appended to ret_out / ret_err (both may be NULL), at most `max_output`
 * bytes each (0: 16 MiB).  A non-zero exit is not an error here: look at *ret_exit.
 */
int child_run(struct child_exit *ret_exit, struct str *ret_out, struct str *ret_err, const char *input,
	size_t input_len, size_t max_output, const struct child_options *options, struct error *err);

/* child_run for a command that must succeed: ERR_FAILED with the last line of its standard error. */
int child_check(struct str *ret_out, const char *const *argv, const char *directory, int64_t timeout_ms,
	struct error *err);

#endif
