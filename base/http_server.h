/*
 * An HTTP/1.1 server on libmicrohttpd (external epoll) inside a libevent loop.
 *
 * A table of routes; each request finds its row, its body is taken as the row says, then the handler is called
 * once on the loop.  The handler answers at once or keeps the request and answers later (long poll), or begins a
 * stream (server-sent events, logs).  A request that the client gave up is told by on_close and must not be
 * answered any more.
 *
 * A path with a "." or ".." component, or an escape that is wrong or a NUL, is 400 before any row is looked at; what
 * "{rest...}" takes has no such component either, even where slashes came encoded.  "{id}" is one component, which may
 * hold decoded slashes: it is text, not a path.  Rows are tried in their order.
 *
 * Limits: HTTP_HEADER_MAX of headers (431), the row's body_max (413), `connections` open (503 by refusal), idle
 * connections are closed after idle_s.
 */
#ifndef BASE_HTTP_SERVER_H
#define BASE_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/str.h"

#define HTTP_HEADER_MAX (32u << 10)

struct event_base;
struct http_server;
struct http_request;

enum http_body {
	HTTP_BODY_NONE,		/* a body is refused (400) */
	HTTP_BODY_MEMORY,	/* collected up to body_max bytes, then the handler */
	HTTP_BODY_STREAM,	/* on_begin, on_data as it arrives, then the handler */
};

struct http_route {
	const char *method;		/* "GET" also serves HEAD */
	const char *pattern;		/* "/api/v1/units/{id}/finish"; "{rest...}" last takes the remaining path */
	enum http_body body;
	size_t body_max;		/* for both kinds of body; 0: no limit (streams only) */
	int role;			/* the caller's own number, handed to `authorize` */
	void (*handler)(struct http_request *request, void *arg);
	/* Streams: false refuses (having answered).  Data may be kept with http_set_context. */
	bool (*on_begin)(struct http_request *request, void *arg);
	bool (*on_data)(struct http_request *request, const char *bytes, size_t len, void *arg);
};

struct http_server_options {
	const char *address;		/* "127.0.0.1", "::1", "0.0.0.0" */
	int port;			/* 0: any free one, see http_server_port */
	unsigned connections;		/* 0: 1000 */
	unsigned idle_s;		/* 0: 60 */
	const struct http_route *routes;	/* borrowed for the server's life; ends with a NULL method */
	/* Before the body is read: true to go on; false having answered (401, 403).  NULL: all may. */
	bool (*authorize)(struct http_request *request, int role, void *arg);
	/* Called for any path without a row; NULL: a plain 404. */
	void (*not_found)(struct http_request *request, void *arg);
	void *arg;			/* given to every handler */
};

int http_server_new(struct http_server **ret, struct event_base *loop, const struct http_server_options *options,
	struct error *err);
int http_server_port(const struct http_server *server);
void http_server_free(struct http_server *server);	/* open requests get on_close first; not from a handler; NULL is fine */

/* --- What came in.  Borrowed for the life of the request. --- */
const char *http_method(const struct http_request *request);
const char *http_path(const struct http_request *request);		/* as it was sent (not decoded), without the query */
const char *http_param(const struct http_request *request, const char *name);	/* from the pattern, URL-decoded; never NULL */
const char *http_query(const struct http_request *request, const char *name);	/* URL-decoded or NULL */
const char *http_header(const struct http_request *request, const char *name);	/* NULL if absent */
const char *http_cookie(const struct http_request *request, const char *name);
const char *http_client_address(const struct http_request *request);
const struct str *http_body(const struct http_request *request);		/* HTTP_BODY_MEMORY */

/* The handler's own data; `release` is called when the request ends, however it ends. */
void http_set_context(struct http_request *request, void *context, void (*release)(void *context));
void *http_context(const struct http_request *request);
/*
 * Called, from the loop, if the client goes away before it is answered (a stream: before http_stream_end); after that
 * the request must not be used any more.  A request without it stays usable until its handler answers, into the void.
 * NULL takes it back.
 */
void http_on_close(struct http_request *request, void (*on_close)(struct http_request *request, void *arg), void *arg);

/* --- What goes out: exactly one of respond, respond_file, stream_begin.  Text is copied. --- */
void http_set_response_header(struct http_request *request, const char *name, const char *value);	/* before responding */
void http_respond(struct http_request *request, int status, const char *content_type, const void *body, size_t len);
/* {"error": "<code name>", "message": "<err->text>"} with the status that fits err->code (400, 403, 404, 409, 413, 503, 504, 507, 500). */
void http_respond_error(struct http_request *request, const struct error *err);
/* Takes over fd; sends `size` bytes from its start. */
void http_respond_file(struct http_request *request, const char *content_type, int fd, uint64_t size);
void http_respond_redirect(struct http_request *request, const char *location);		/* 303 */

/* A stream: chunks until http_stream_end.  A client slower than `HTTP_STREAM_BACKLOG` bytes is cut off. */
#define HTTP_STREAM_BACKLOG (4u << 20)
void http_stream_begin(struct http_request *request, const char *content_type);
void http_stream_write(struct http_request *request, const void *bytes, size_t len);
void http_stream_end(struct http_request *request);

#endif
