/*
 * A small pool of threads for what would block the loop (fetching, loading a graph, hashing a large file).
 * `work` runs on a thread and touches only its own `arg`; `done` runs on the loop afterwards, always, also
 * at worker_pool_free for work that had not begun (with cancelled = true).
 */
#ifndef BASE_WORKER_H
#define BASE_WORKER_H

#include <stdbool.h>

#include "base/error.h"

struct event_base;
struct worker_pool;

int worker_pool_new(struct worker_pool **ret, struct event_base *loop, unsigned threads, struct error *err);
void worker_pool_run(struct worker_pool *pool, void (*work)(void *arg), void (*done)(void *arg, bool cancelled),
	void *arg);
void worker_pool_free(struct worker_pool *pool);	/* waits for work that runs; NULL is fine */

#endif
