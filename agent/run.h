/* The inside of a run, shared by run.c and run_log.c; nobody else includes this. */
#ifndef AGENT_RUN_H
#define AGENT_RUN_H

#include "agent/internal.h"

enum step { STEP_NONE, STEP_WORK, STEP_SANDBOX, STEP_EXCHANGE, STEP_FLUSH };

struct run {
	struct agent *agent;
	struct run *next;
	json_t *unit, *payload;		/* payload is part of unit */
	char id[201];
	uint64_t epoch;
	int64_t started_ms;
	char *directory, *lock_path;
	int lock_fd;
	void *own;			/* the kind's */
	bool started;			/* the kind knows of it */
	bool over;			/* no callbacks any more; gone when step and release are */
	enum run_end end;
	struct exchange *release;
	json_t *result;

	enum step step;
	void (*work)(void *arg);
	void *work_arg;
	void (*on_done)(struct run *run);
	struct sandbox *sandbox;
	struct event *disk_timer;	/* looks at the disk while the sandbox runs */
	bool disk_was_full;
	int64_t step_since_ms;		/* steady; of STEP_WORK */
	struct extractor *extractor;	/* the kind's, for the sandbox under way */
	void (*on_sandbox)(struct run *run, const struct sandbox_end *end);
	struct exchange *exchange;
	char *wanted_path;
	struct str wanted_sha;
	void (*on_fetched)(struct run *run, const struct error *err);
	struct error fetch_error;
	int fetch_rc;

	int64_t lease_ms, lease_until_ms, renew_sent_ms, renew_pause_ms;	/* steady clock */
	struct event *renew_timer;
	struct http_call *renew_call;

	char *log_path;
	int log_fd, log_errno;
	uint64_t log_len, log_sent, log_sending, log_lines;
	struct http_call *log_call;
	struct event *log_timer;
	int64_t log_pause_ms;
	bool log_cut, log_off;		/* off: the daemon does not want it */
};

char *run_url(const struct run *run, const char *action);	/* caller frees */
void run_abandon(struct run *run, const char *why);	/* not ours any more: kill, report nothing */

int run_log_open(struct run *run, struct error *err);
void run_log_flush(struct run *run);	/* then run_flushed, in time or not */
void run_flushed(struct run *run);

#endif
