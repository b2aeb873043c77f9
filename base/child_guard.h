/*
 * What a killed program leaves behind.  The leader of a child's session dies with its parent, but what the leader started does not, where the parent
 * had no time to kill it (SIGKILL, out of memory).  A guard is a process of its own, beside the program: it knows the sessions that are under
 * way, sleeps, and when the program is gone it kills them.
 */
#ifndef BASE_CHILD_GUARD_H
#define BASE_CHILD_GUARD_H

#include <sys/types.h>

#include "base/error.h"

struct child_guard;

/* Forks: before the program has threads. */
int child_guard_start(struct child_guard **ret, struct error *err);
void child_guard_free(struct child_guard *guard);	/* ends it, and kills the sessions that are still known; NULL is fine */

/* For child_spawn.c (in the child, before exec) and child.c.  NULL is fine.  A guard that is dead guards nothing more. */
void child_guard_add(struct child_guard *guard, pid_t leader);
void child_guard_remove(struct child_guard *guard, pid_t leader);

#endif
