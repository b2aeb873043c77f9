/*
 * One blocking connection to a Redis: what queue.c and redis_server.c share.  Nothing outside store/ includes this.
 */
#ifndef STORE_REDIS_CONNECTION_H
#define STORE_REDIS_CONNECTION_H

#include <hiredis/hiredis.h>
#include <stdbool.h>

#include "base/error.h"
#include "base/str.h"

/*
 * `address`: "unix:/path" (of any length) or "host:port" or "[address]:port".  On success *ret is a connection owned by the caller
 * (redisFree).  ERR_INVALID for an address of another form, ERR_UNAVAILABLE when nobody answers there.
 */
int redis_connect(redisContext **ret, const char *address, int timeout_ms, struct error *err);

/*
 * One command, answered within timeout_ms.  On success *ret_reply is owned by the caller (freeReplyObject) and no error reply; ret_reply may be NULL.
 * ERR_UNAVAILABLE: the connection is of no use any more if *ret_broken.  An error reply is told by its first word: STALE, CANCELLED,
 * NOAUTH and the like (ERR_DENIED), OOM (ERR_NO_SPACE), LOADING, MISCONF, READONLY and the like (ERR_UNAVAILABLE), others ERR_FAILED.
 */
int redis_command(redisReply **ret_reply, redisContext *context, const struct strv *argv, int timeout_ms, bool *ret_broken,
	struct error *err);

/* False when the other side closed the connection, or sent what nobody asked for. */
bool redis_connection_is_alive(const redisContext *context);

#endif
