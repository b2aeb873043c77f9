/*
 * Control groups for sandboxes: bounds on memory and processes of a whole tree, and the knowledge
 * that the kernel killed something in it for lack of memory.
 *
 * Used where this process may make groups below its own: version 2 with delegation (memory and pids
 * can be switched on for children), or version 1 with both controllers writable.  Everywhere else
 * there are none (cgroups_open gives NULL) and the caller falls back to resource limits.
 */
#ifndef AGENT_CGROUP_H
#define AGENT_CGROUP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct cgroups;
struct cgroup;

/*
 * Also removes the empty groups that dead agents left.  NULL: not usable; `why` (if not NULL) then
 * says so in a line.
 */
struct cgroups *cgroups_open(struct error *why);
void cgroups_free(struct cgroups *cgroups);	/* NULL is fine */
int cgroups_version(const struct cgroups *cgroups);	/* 1 or 2 */

/* memory in bytes and processes; 0: no bound.  The name is made from this process's id. */
int cgroup_make(struct cgroup **ret, struct cgroups *cgroups, uint64_t memory, uint64_t processes,
	struct error *err);
/* NULL-ended list of cgroup.procs files for child_options; lives as long as the group. */
const char *const *cgroup_procs(const struct cgroup *cgroup);

enum cgroup_oom { OOM_NONE, OOM_LIMIT, OOM_HOST };	/* killed at its own bound, or because the machine was full */
enum cgroup_oom cgroup_oom(const struct cgroup *cgroup);
uint64_t cgroup_peak(const struct cgroup *cgroup);	/* most memory it ever had, bytes; 0: not known */

void cgroup_kill(const struct cgroup *cgroup);		/* SIGKILL to everything in it */
void cgroup_free(struct cgroup *cgroup);	/* kills what is left and removes the directories; NULL is fine */

#endif
