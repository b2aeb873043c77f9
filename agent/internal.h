/*
 * Shared by agent.c (the program and its claims) and the run*.c (one unit each); nobody else
 * includes this.
 */
#ifndef AGENT_INTERNAL_H
#define AGENT_INTERNAL_H

#include <event2/event.h>

#include "agent/agent.h"
#include "base/http_client.h"
#include "base/worker.h"

enum { PAUSE_MIN_MS = 250, PAUSE_MAX_MS = 5000, CALL_MS = 30000 };

struct agent {
	const struct agent_kind *kind;
	void *values;			/* the kind's struct; begins with struct agent_values */
	void *context;
	char *state_dir, *name, *server;
	char arch[16];
	struct str token;
	struct strv lanes;
	struct event_base *loop;
	struct http_client *http;
	struct worker_pool *workers;
	struct sandbox_host *sandbox;
	struct run *runs;
	unsigned n_runs;
	struct http_call *claim;
	struct event *claim_again, *stop_signal, *interrupt_signal, *stop_deadline;
	int64_t claim_pause_ms;
	unsigned infra_failures;	/* one after another */
	bool away, stopping, told_disk;
};

/*
 * An exchange with the daemon that is repeated until there is an answer, or its owner cancels it.
 */
struct exchange {
	struct agent *agent;
	struct http_call_options options;
	char *url, *body, *path;	/* path: upload from or download to this file */
	int fd;
	struct http_call *call;
	struct event *again;
	int64_t pause_ms;
	int64_t patience_ms,
		refused_ms; /* refused: since when it was answered so (steady); 0: it was not */
	void (*done)(struct exchange *exchange, const struct http_answer *answer, void *arg);
	void *arg;
};

/*
 * body (may be NULL) is taken.  `done` comes once, with an answer below 500 (and not 429), or, when
 * patience_ms (0: for ever) have passed with no better one, with what it is; no answer at all is
 * waited out.  The exchange is freed after it. upload and download are files or NULL; a download
 * starts anew with each try.
 */
struct exchange *exchange_start(struct agent *agent, const char *method, const char *path,
	char *body, const char *upload, const char *download, int64_t timeout_ms,
	int64_t patience_ms,
	void (*done)(struct exchange *exchange, const struct http_answer *answer, void *arg), void *arg);
void exchange_cancel(struct exchange *exchange);	/* NULL is fine */

/* The first bytes of url are the server's; for claims and logs, which have rules of their own. */
char *agent_url(const struct agent *agent, const char *path);
void agent_note_away(struct agent *agent, const char *why);	/* logged once */
void agent_note_back(struct agent *agent);

/* Takes one claim's answer.  ERR_INVALID: not what docs/api.md says. */
int run_new(struct agent *agent, json_t *unit, struct error *err);
struct run *run_next(const struct run *run);
void run_give_up(struct run *run, enum fault fault, const char *reason);	/* kill, release */
enum run_end {
	RUN_FINISHED,
	RUN_DROPPED,
	RUN_FAILED
}; /* dropped: cancelled, lost; failed: the farm's fault */
void agent_run_gone(struct agent *agent, enum run_end end);	/* a slot is free again */

#endif
