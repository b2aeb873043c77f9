/* A server with a route for everything there is to test, our own client and a raw socket, all on one loop. */
#ifndef TESTS_UNIT_HTTP_FIXTURE_H
#define TESTS_UNIT_HTTP_FIXTURE_H

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/time.h>

#include "base/error.h"
#include "base/http_client.h"
#include "base/http_server.h"
#include "base/str.h"

extern struct event_base *loop;
extern struct http_server *server;	/* a test that frees it starts another, or sets it to NULL */
extern struct http_client *client;
extern struct error err;

/* What the handlers saw and hold; nothing before each test. */
extern struct http_request *held;	/* a long poll or stream */
extern int closed, released, begun;	/* how many requests were left by their client, contexts let go, uploads begun */
extern int refused_at;			/* an upload ends at so many bytes; 0: none does */
extern size_t received;			/* bytes of uploads */
extern struct str seen;			/* for what a test's own callback was given; released after the test */

/*
 * /echo/{id}, also below /secret for who says "Bearer right"; /files/{path...}; /poll and /wake, which answers it; /events, a
 * stream; /upload, and /limited to 2,000,000 bytes; /file, of 5,000,000; /error; /redirect.  Ends in a row of NULL.
 */
extern const struct http_route routes[];

void set_up(void);
void tear_down(void);
void start_server(unsigned connections);	/* at most so many at once; 0: as many as a server allows by itself */

int big_file(size_t size);		/* in memory, of zeros; the caller closes it */

/* Turns the loop until something is so. */
#define UNTIL(condition) \
	do { \
		struct event *late_ = evtimer_new(loop, on_too_late, NULL); \
		struct timeval tv_ = { .tv_sec = 20 }; \
		event_add(late_, &tv_); \
		while (!(condition)) \
			event_base_loop(loop, EVLOOP_ONCE); \
		event_free(late_); \
	} while (0)

void on_too_late(evutil_socket_t fd, short what, void *arg);	/* the test has failed */
/* Turns the loop for a while: for what must not happen. */
void turn(int ms);

/* Through our own client.  The body of a reply is released by the test. */

struct reply {
	bool done;
	int status;
	struct str body;
	struct error failure;
};

#define PLAIN ((struct http_call_options)HTTP_CALL_INIT)

/* Fills the struct reply that is arg. */
void on_done(const struct http_answer *answer, const struct error *failure, void *arg);
const char *url_of(const char *path);	/* good for the next 3 calls */
/* The reply must last until it is done, or the call is cancelled. */
struct http_call *begin(struct reply *reply, const char *method, const char *path,
	struct http_call_options options);
void call(struct reply *reply, const char *method, const char *path, struct http_call_options options);
/* There must be an answer with that status, and that body unless it is NULL. */
void expect(const char *method, const char *path, struct http_call_options options, int status,
	const char *body);

/* Through a socket, for what a well-behaved client does not send. */

struct raw {
	int fd;
	struct event *on_read, *on_write;
	struct str out, in;
	bool closed;
};

void raw_open(struct raw *raw, const char *text);	/* and sends the text; ended by raw_close */
void raw_send(struct raw *raw, const char *text);
void raw_close(struct raw *raw);
/* A whole request; the answer must begin with that line. */
void expect_raw(const char *request, const char *first_line);

#endif
