/*
 * The sandbox in which every build and every test runs: bubblewrap, started by bisect-box
 * (agent/box_main.c).
 *
 * Inside: no network (an empty loopback only), no capabilities and no way to get any, own process,
 * IPC, host name and mount namespaces, own /tmp, a cleared environment (PATH, HOME=/tmp,
 * LANG=C.UTF-8 and what was asked for), the host's root read-only, or, with a scratch directory,
 * under an overlay whose writes are thrown away.  Hidden, also from a sandbox that root made: home
 * directories, /run, /sys (but for the cpus), most of /var, password and key files in /etc, the
 * directories named in sandbox_host_options, writable parts of /proc. Bounds: memory and processes
 * by a control group where agent/cgroup.h finds one usable, else RLIMIT_AS for each process and
 * RLIMIT_NPROC (which the kernel does not apply to root: there the processes are counted five times
 * a second); file size, no core files, time.  Everything dies with the agent and at the end of its
 * first process.
 *
 * Two ways to make it, tried in this order: with a user namespace (the program sees itself as an
 * ordinary user), or, as root where user namespaces are refused, without (it sees itself as uid 0,
 * without capabilities).
 */
#ifndef AGENT_SANDBOX_H
#define AGENT_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>

#include "base/error.h"
#include "base/str.h"

struct event_base;
struct sandbox_host;
struct sandbox;

struct sandbox_host_options {
	const char *box;		/* path of bisect-box */
	const char *const *hide;	/* NULL-ended absolute paths (files or directories) that no sandbox sees; may be NULL */
	bool without_cgroup;		/* tests: resource limits only */
	bool without_user_namespace;	/* tests: as where they are refused (works only as root) */
};

/*
 * Finds what is needed and runs `true` in a sandbox.  ERR_UNAVAILABLE: it cannot be made; err says
 * what is missing and how to mend it.  Blocks for some ten milliseconds; for the start of a
 * program.
 */
int sandbox_host_new(struct sandbox_host **ret, const struct sandbox_host_options *options,
	struct error *err);
void sandbox_host_free(struct sandbox_host *host);	/* after all its sandboxes; NULL is fine */
const char *sandbox_host_describe(const struct sandbox_host *host);	/* a line for the log */

struct sandbox_bind {
	const char *source;		/* on the host */
	const char *destination;	/* absolute */
	bool writable;
};

struct sandbox_options {
	const char *const *argv;	/* argv[0] looked up in the sandbox's PATH */
	const char *const *env;		/* "NAME=value", after the defaults; may be NULL */
	const char *directory;		/* inside; NULL: / */
	const struct sandbox_bind *binds;	/* in this order, after everything is hidden */
	size_t n_binds;
	const char *scratch;		/* NULL: root read-only; else an empty directory for an overlay's writes */
	uint64_t memory;		/* bytes; 0: no bound */
	uint64_t processes;		/* 0: no bound */
	uint64_t file_size;		/* bytes; 0: no bound */
	int64_t timeout_ms;		/* 0: none */
	int hold_fd;			/* > 0: kept open until the last process of the sandbox is gone, e.g. a lock */
};

enum sandbox_oom { SANDBOX_OOM_NONE, SANDBOX_OOM_LIMIT, SANDBOX_OOM_HOST };

struct sandbox_end {
	bool failed;			/* the sandbox could not be made or broke: the farm's fault; see reason */
	bool killed;			/* by sandbox_kill */
	bool timed_out;
	bool too_many_processes;	/* killed for that (only where neither control group nor RLIMIT_NPROC hold) */
	enum sandbox_oom oom;		/* something in it was killed for lack of memory: its own bound, or the machine's */
	int status;			/* 0..255, or 128 + signal, as a shell tells it */
	int signal;			/* status - 128 where that is a signal, else 0 */
	int64_t wall_ms;
	int64_t user_ms, system_ms;
	uint64_t max_rss;		/* bytes; of the largest process */
	char reason[ERROR_TEXT_MAX];	/* of `failed`: one line */
};

struct sandbox_events {
	void (*on_output)(const char *bytes, size_t len, void *arg);	/* stdout and stderr as they came */
	/* Once, when no process of it is left.  The sandbox is freed after this returns. */
	void (*on_end)(const struct sandbox_end *end, void *arg);
	void *arg;
};

/* On failure (the sandbox did not start at all) no event comes. */
int sandbox_start(struct sandbox **ret, struct sandbox_host *host, struct event_base *loop,
	const struct sandbox_options *options, const struct sandbox_events *events, struct error *err);
void sandbox_kill(struct sandbox *sandbox);	/* at once; on_end still comes */
void sandbox_free(struct sandbox *sandbox);	/* kills; no event any more; NULL is fine */

/*
 * Blocking, for the self-test, tools and tests; output (may be NULL) is appended to, at most 16
 * MiB.
 */
int sandbox_run(struct sandbox_end *ret, struct str *ret_output, struct sandbox_host *host,
	const struct sandbox_options *options, struct error *err);

#endif
