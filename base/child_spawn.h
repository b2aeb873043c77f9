/* What child.c and child_run.c have in common: descriptors, start, signals to all of a child. */
#ifndef BASE_CHILD_SPAWN_H
#define BASE_CHILD_SPAWN_H

#include "base/child.h"

#define CHILD_GRACE_MS		2000
#define CHILD_DRAIN_MS		1000	/* for pipes that a grandchild still holds */
#define CHILD_READ_SIZE		(32u << 10)

enum child_phase { PHASE_RUNNING, PHASE_TERMINATED, PHASE_KILLED, PHASE_DRAINING, PHASE_ENDED };

/* The descriptors of one start: what the child gets, what we read, what is closed after the start. */
struct child_stdio {
	int child[3];
	int ours[3];			/* read ends of pipes; [0] is unused */
	int close_after[4];
	size_t n_close;
};

/* What the options ask for; on failure nothing is open. */
int child_stdio_open(struct child_stdio *io, const struct child_options *options, struct error *err);
/* The child's ends after the start; `ours`: the read ends of pipes, too. */
void child_stdio_close(struct child_stdio *io, bool ours);

/* Executes with the three descriptors in `stdio`; *ret_pidfd is close-on-exec. */
int child_spawn(pid_t *ret_pid, int *ret_pidfd, const struct child_options *options, const int stdio[3], struct error *err);

/* Only while the leader is not reaped: until then its number is no one else's. */
void child_signal_session(pid_t leader, int sig);
void child_reap(pid_t pid, struct child_exit *exit);

/* Not clock_steady_ms: a test that stops that clock must not stop deadlines of real processes. */
int64_t child_now_ms(void);

#endif
