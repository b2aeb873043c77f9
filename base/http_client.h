/*
 * An HTTP client on libcurl: in a loop (agents) or blocking (command line tools).
 * Redirects are not followed; only http and https are spoken.
 */
#ifndef BASE_HTTP_CLIENT_H
#define BASE_HTTP_CLIENT_H

#include <stdint.h>
#include <stdbool.h>

#include "base/error.h"
#include "base/str.h"

struct event_base;
struct http_client;
struct http_call;

struct http_call_options {
	const char *method;
	const char *url;
	const char *token;		/* NULL or the bearer token */
	const char *content_type;	/* of the body; NULL: none */
	const void *body;		/* copied */
	size_t body_len;
	int body_fd;			/* > 0: upload this file instead (not closed) of body_len bytes */
	int output_fd;			/* > 0: a 2xx answer's body is written here (not closed); else into `answer` */
	size_t answer_max;		/* 0: 16 MiB (output_fd: no limit); more is ERR_LIMIT */
	int64_t timeout_ms;		/* 0: 30 s; for the whole call.  -1: none (streams) */
	/* Streams: called with pieces of a 2xx answer as they arrive; false ends the call (`done` comes, without failure). */
	bool (*on_data)(const char *bytes, size_t len, void *arg);
	void *arg;
};

#define HTTP_CALL_INIT { .method = "GET", .body_fd = -1, .output_fd = -1 }

/* A status >= 400 is an answer, not an error; no answer at all is ERR_UNAVAILABLE or ERR_TIMEOUT. */
struct http_answer {
	int status;
	struct str body;
};

/* --- In a loop --- */
int http_client_new(struct http_client **ret, struct event_base *loop, struct error *err);
void http_client_free(struct http_client *client);	/* calls under way end without `done`; NULL is fine */

/* `done` is called once, never before this returns; failure is NULL where an answer came.  The answer's body is borrowed for that call. */
struct http_call *http_call_start(struct http_client *client, const struct http_call_options *options,
	void (*done)(const struct http_answer *answer, const struct error *failure, void *arg), void *arg);
void http_call_cancel(struct http_call *call);		/* no `done` any more; the pointer dies; NULL is fine */

/* --- Blocking --- */
int http_call_run(struct http_answer *ret, const struct http_call_options *options, struct error *err);
void http_answer_release(struct http_answer *answer);

/* The "message" (or first line) of an error answer, for people; always something.  `what` goes before it and may be NULL. */
void http_answer_error(struct error *err, const struct http_answer *answer, const char *what);

#endif
