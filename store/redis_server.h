/*
 * The private Redis: redis-server on a unix socket in the state directory, durable (appendonly, fsync always), no TCP port, watched over and
 * started again when it dies or when its directory is deleted (then it starts empty).
 *
 * Beside `dir` stand two locks.  `dir`.lock is held by the process that called redis_server_start.  `dir`.pid names the server's pid and is
 * held by the server itself, so that two never write one append-only file: a server that outlived its bisectd (it should die with it) is asked
 * to end, and killed if it does not.  Data that Redis refuses to load are set aside as `dir`/appendonlydir.damaged.
 */
#ifndef STORE_REDIS_SERVER_H
#define STORE_REDIS_SERVER_H

#include "base/error.h"
#include "base/str.h"

struct event_base;
struct redis_server;

/*
 * `dir` is made; blocks until it answers (at most 10 s).  Restarts happen on the loop, with growing pauses (100 ms .. 5 s).
 * ERR_UNAVAILABLE when another process has a server in this directory.
 */
int redis_server_start(struct redis_server **ret, struct event_base *loop, const char *dir, struct error *err);
const char *redis_server_address(const struct redis_server *server);	/* "unix:/.../redis.sock" */
int redis_server_pid(const struct redis_server *server);	/* -1 between a death and the next start */
/*
 * A call got no answer: looks (for 250 ms at most) whether the server says anything at all.  One that has been silent for 5 s of such doubts is killed,
 * and started again like any that died.  To be called about once a second while calls fail.
 */
void redis_server_doubt(struct redis_server *server);
void redis_server_stop(struct redis_server *server);	/* SHUTDOWN, then by signal; NULL is fine */

#endif
