/*
 * A request between libmicrohttpd and its handler, for http_server.c (what comes in, and the server) and http_response.c (what goes
 * out).  Others include base/http_server.h.
 */
#ifndef BASE_HTTP_REQUEST_H
#define BASE_HTTP_REQUEST_H

#include <event2/event.h>
#include <microhttpd.h>

#include "base/http_server.h"
#include "base/str.h"

struct http_server {
	struct event_base *loop;
	struct http_server_options options;
	struct MHD_Daemon *daemon;
	struct event *on_ready;
	struct event *timer;
	struct http_request *requests;
	unsigned connections;
	int port;
	bool resumed;			/* some connection, since the last run began */
};

/* A request is in exactly one of these. */
enum stage {
	STAGE_HEADERS,		/* nothing is decided */
	STAGE_BODY,		/* the body comes in */
	STAGE_HANDLED,		/* the handler has been called and may answer whenever it likes */
	STAGE_ANSWERED,		/* one of respond, respond_file, stream_begin was called */
	STAGE_QUEUED,		/* libmicrohttpd has the answer */
	STAGE_REFUSED,		/* answered past libmicrohttpd, in the middle of a body */
};

struct http_request {
	struct http_server *server;
	struct http_request *prev, *next;
	struct MHD_Connection *connection;	/* NULL once it is gone */
	struct event *watch;			/* tells of a client that leaves while we are suspended */
	enum stage stage;
	bool suspended;
	bool gone;				/* the client left: nothing more is sent */
	bool told;				/* on_close was called: the handler has forgotten us */
	bool called;				/* the handler, which may hold on to us */

	const struct http_route *route;
	char *method;
	char *target;				/* as it came, with the query */
	char *path;				/* as it came, without */
	char *address;
	struct strv params;			/* name, value, ... */
	struct strv queries;
	struct str body;
	size_t received;
	size_t discarded;

	void *context;
	void (*release)(void *context);
	void (*on_close)(struct http_request *request, void *arg);
	void *on_close_arg;

	int status;
	struct strv headers;			/* name, value, ... */
	struct str answer;
	int file_fd;				/* -1: the answer is in `answer` */
	uint64_t file_size;
	bool stream, stream_ended;
	size_t stream_at;			/* how much of `answer` a stream has sent already */
};

bool request_is_answered(const struct http_request *request);
void request_free(struct http_request *request);
int request_socket(struct MHD_Connection *connection);
/* libmicrohttpd leaves the connection alone until request_resume(). */
void request_suspend(struct http_request *request);
void request_resume(struct http_request *request);
/* The connection ends, whatever was still to be sent. */
void request_cut(struct http_request *request);

/* Hands over what the handler answered. */
enum MHD_Result request_queue_answer(struct http_request *request);
/* In the middle of a body, of which no more is read. */
enum MHD_Result request_refuse_body(struct http_request *request);
/* {"error": NAME, "message": MESSAGE} */
void request_answer_json(struct http_request *request, int status, const char *name, const char *message);

#endif
