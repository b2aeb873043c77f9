#include "base/http_client.h"
#include "base/http_server.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

#define BIG (100u << 20)

static struct event_base *loop;
static struct http_server *server;
static struct http_client *client;
static struct error err;

/* What the handlers saw and hold. */
static struct http_request *held;	/* a long poll or stream */
static int closed, released, begun, refused_at;
static size_t received;
static struct str seen = STR_INIT;

/* --- The server under test. --- */

static void on_closed(struct http_request *request, void *arg)
{
	ck_assert_ptr_eq(request, held);
	held = NULL;
	closed++;
}

static void on_released(void *context)
{
	released += *(int *)context;
}

static void handle_echo(struct http_request *request, void *arg)
{
	struct str text = STR_INIT;
	const char *query = http_query(request, "q"), *header = http_header(request, "X-Thing"),
		*cookie = http_cookie(request, "c");

	str_addf(&text, "%s id=%s q=%s h=%s c=%s body=%s", http_method(request), http_param(request, "id"),
		query ? query : "-", header ? header : "-", cookie ? cookie : "-", http_body(request)->buf);
	http_respond(request, 200, "text/plain", text.buf, text.len);
	str_release(&text);
}

static void handle_rest(struct http_request *request, void *arg)
{
	const char *rest = http_param(request, "path");

	http_respond(request, 200, "text/plain", rest, strlen(rest));
}

static void handle_poll(struct http_request *request, void *arg)
{
	static int one = 1;

	held = request;
	http_set_context(request, &one, on_released);
	if (!http_query(request, "careless"))
		http_on_close(request, on_closed, NULL);
}

static void handle_wake(struct http_request *request, void *arg)
{
	if (held)
		http_respond(held, 200, "text/plain", "woken", 5);
	held = NULL;
	http_respond(request, 204, NULL, NULL, 0);
}

static void handle_events(struct http_request *request, void *arg)
{
	held = request;
	if (!http_query(request, "careless"))
		http_on_close(request, on_closed, NULL);
	http_stream_begin(request, "text/event-stream");
	if (http_query(request, "first"))
		http_stream_write(request, "data: 0\n\n", 9);
}

static bool upload_begin(struct http_request *request, void *arg)
{
	begun++;
	if (!http_query(request, "refuse"))
		return true;
	http_respond(request, 409, "text/plain", "no need", 7);
	return false;
}

static bool upload_data(struct http_request *request, const char *bytes, size_t len, void *arg)
{
	received += len;
	if (!refused_at || received < (size_t)refused_at)
		return true;
	http_respond(request, 507, "text/plain", "full", 4);
	return false;
}

static void handle_upload(struct http_request *request, void *arg)
{
	char text[32];

	snprintf(text, sizeof(text), "%zu", received);
	http_respond(request, 201, "text/plain", text, strlen(text));
}

static int big_file(size_t size)
{
	int fd = memfd_create("big", MFD_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, (off_t)size), 0);
	return fd;
}

static void handle_file(struct http_request *request, void *arg)
{
	http_respond_file(request, "application/octet-stream", big_file(5000000), 5000000);
}

static void handle_error(struct http_request *request, void *arg)
{
	struct error bad = { ERR_STALE, "epoch 4 is over: \xff\"" };

	http_respond_error(request, &bad);
	http_respond(request, 200, NULL, "twice", 5);
}

static void handle_redirect(struct http_request *request, void *arg)
{
	http_set_response_header(request, "X-Bad", "a\r\nSet-Cookie: stolen=1");
	http_respond_redirect(request, "/echo/there");
}

static bool authorize(struct http_request *request, int role, void *arg)
{
	const char *token = http_header(request, "Authorization");

	if (role == 0 || (token && strcmp(token, "Bearer right") == 0))
		return true;
	http_respond(request, 401, "text/plain", "who are you", 11);
	return false;
}

static const struct http_route routes[] = {
	{ "GET", "/echo/{id}", HTTP_BODY_NONE, 0, 0, handle_echo, NULL, NULL },
	{ "POST", "/echo/{id}", HTTP_BODY_MEMORY, 1000, 0, handle_echo, NULL, NULL },
	{ "GET", "/secret/{id}", HTTP_BODY_NONE, 0, 1, handle_echo, NULL, NULL },
	{ "POST", "/secret/{id}", HTTP_BODY_MEMORY, 0, 1, handle_echo, NULL, NULL },
	{ "GET", "/files/{path...}", HTTP_BODY_NONE, 0, 0, handle_rest, NULL, NULL },
	{ "GET", "/poll", HTTP_BODY_NONE, 0, 0, handle_poll, NULL, NULL },
	{ "POST", "/wake", HTTP_BODY_NONE, 0, 0, handle_wake, NULL, NULL },
	{ "GET", "/events", HTTP_BODY_NONE, 0, 0, handle_events, NULL, NULL },
	{ "PUT", "/upload", HTTP_BODY_STREAM, 0, 0, handle_upload, upload_begin, upload_data },
	{ "PUT", "/limited", HTTP_BODY_STREAM, 2000000, 0, handle_upload, upload_begin, upload_data },
	{ "GET", "/file", HTTP_BODY_NONE, 0, 0, handle_file, NULL, NULL },
	{ "GET", "/error", HTTP_BODY_NONE, 0, 0, handle_error, NULL, NULL },
	{ "GET", "/redirect", HTTP_BODY_NONE, 0, 0, handle_redirect, NULL, NULL },
	{ NULL, NULL, HTTP_BODY_NONE, 0, 0, NULL, NULL, NULL },
};

static void start_server(unsigned connections)
{
	struct http_server_options options = {
		.address = "127.0.0.1", .routes = routes, .authorize = authorize, .connections = connections,
	};

	ck_assert_int_eq(http_server_new(&server, loop, &options, &err), 0);
	ck_assert_int_gt(http_server_port(server), 0);
}

static void set_up(void)
{
	err = (struct error)ERROR_INIT;
	held = NULL;
	closed = released = begun = refused_at = 0;
	received = 0;
	loop = event_base_new();
	start_server(0);
	ck_assert_int_eq(http_client_new(&client, loop, &err), 0);
}

static void tear_down(void)
{
	http_client_free(client);
	http_server_free(server);
	event_base_free(loop);
	str_release(&seen);
}

/* --- Turning the loop until something is so. --- */

static void on_too_late(evutil_socket_t fd, short what, void *arg)
{
	ck_abort_msg("waited too long");
}

#define UNTIL(condition) \
	do { \
		struct event *late_ = evtimer_new(loop, on_too_late, NULL); \
		struct timeval tv_ = { .tv_sec = 20 }; \
		event_add(late_, &tv_); \
		while (!(condition)) \
			event_base_loop(loop, EVLOOP_ONCE); \
		event_free(late_); \
	} while (0)

static int64_t cpu_ms(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000 +
		(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000;
}

static void on_pause_over(evutil_socket_t fd, short what, void *arg)
{
	*(bool *)arg = true;
}

/* Turns the loop for a while: for what must not happen. */
static void turn(int ms)
{
	struct timeval tv = { .tv_usec = ms * 1000 };
	bool over = false;

	event_base_once(loop, -1, EV_TIMEOUT, on_pause_over, &over, &tv);
	UNTIL(over);
}

/* --- Through our own client. --- */

struct reply {
	bool done;
	int status;
	struct str body;
	struct error failure;
};

static void on_done(const struct http_answer *answer, const struct error *failure, void *arg)
{
	struct reply *reply = arg;

	ck_assert(!reply->done);
	ck_assert((answer == NULL) != (failure == NULL));
	reply->done = true;
	if (failure)
		reply->failure = *failure;
	if (answer) {
		reply->status = answer->status;
		str_add_bytes(&reply->body, answer->body.buf, answer->body.len);
	}
}

static const char *url_of(const char *path)
{
	static char url[4][512];
	static unsigned turn_of;
	char *ret = url[turn_of++ % 4];

	snprintf(ret, sizeof(url[0]), "http://127.0.0.1:%d%s", http_server_port(server), path);
	return ret;
}

static struct http_call *begin(struct reply *reply, const char *method, const char *path,
	struct http_call_options options)
{
	*reply = (struct reply){ .body = STR_INIT, .failure = ERROR_INIT };
	options.method = method;
	options.url = url_of(path);
	return http_call_start(client, &options, on_done, reply);
}

static void call(struct reply *reply, const char *method, const char *path, struct http_call_options options)
{
	begin(reply, method, path, options);
	UNTIL(reply->done);
}

static void expect(const char *method, const char *path, struct http_call_options options, int status,
	const char *body)
{
	struct reply reply;

	call(&reply, method, path, options);
	ck_assert_str_eq(reply.failure.text, "");
	ck_assert_int_eq(reply.status, status);
	if (body)
		ck_assert_str_eq(reply.body.buf, body);
	str_release(&reply.body);
}

#define PLAIN ((struct http_call_options)HTTP_CALL_INIT)

static struct http_call_options with_body(const char *text, size_t len)
{
	struct http_call_options options = HTTP_CALL_INIT;

	options.body = text;
	options.body_len = len;
	return options;
}

/* --- Through a socket, for what a well-behaved client does not send. --- */

struct raw {
	int fd;
	struct event *on_read, *on_write;
	struct str out, in;
	bool closed;
};

static void on_raw_read(evutil_socket_t fd, short what, void *arg)
{
	struct raw *raw = arg;
	char bytes[16384];
	ssize_t n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);

	if (n > 0) {
		str_add_bytes(&raw->in, bytes, (size_t)n);
	} else if (n == 0 || errno != EAGAIN) {
		raw->closed = true;
		event_del(raw->on_read);
	}
}

static void on_raw_write(evutil_socket_t fd, short what, void *arg)
{
	struct raw *raw = arg;
	ssize_t n = send(fd, raw->out.buf, raw->out.len, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n > 0)
		str_remove_front(&raw->out, (size_t)n);
	if (raw->out.len == 0 || (n < 0 && errno != EAGAIN))
		event_del(raw->on_write);
}

static void raw_send(struct raw *raw, const char *text)
{
	str_add(&raw->out, text);
	event_add(raw->on_write, NULL);
}

static void raw_open(struct raw *raw, const char *text)
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = htons((uint16_t)http_server_port(server)) };

	*raw = (struct raw){ .out = STR_INIT, .in = STR_INIT };
	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	raw->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(connect(raw->fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	raw->on_read = event_new(loop, raw->fd, EV_READ | EV_PERSIST, on_raw_read, raw);
	raw->on_write = event_new(loop, raw->fd, EV_WRITE | EV_PERSIST, on_raw_write, raw);
	event_add(raw->on_read, NULL);
	raw_send(raw, text);
}

static void raw_close(struct raw *raw)
{
	event_free(raw->on_read);
	event_free(raw->on_write);
	close(raw->fd);
	str_release(&raw->in);
	str_release(&raw->out);
}

static void expect_raw(const char *request, const char *first_line)
{
	struct raw raw;

	raw_open(&raw, request);
	UNTIL(strstr(raw.in.buf, "\r\n\r\n") || raw.closed);
	raw.in.buf[strcspn(raw.in.buf, "\r")] = '\0';
	ck_assert_str_eq(raw.in.buf, first_line);
	raw_close(&raw);
}

/* --- Routes. --- */

START_TEST(parameters_queries_headers_and_cookies_are_decoded)
{
	struct raw raw;

	expect("GET", "/echo/a%2Fb%20c?x=1&q=a+b%26c%3d", PLAIN, 200, "GET id=a/b c q=a b&c= h=- c=- body=");
	expect("GET", "/echo/a%2F..%2F..%2Fetc", PLAIN, 200, "GET id=a/../../etc q=- h=- c=- body=");
	expect("GET", "/echo/x?q", PLAIN, 200, "GET id=x q= h=- c=- body=");
	expect("POST", "/echo/x+y", with_body("hello", 5), 200, "POST id=x+y q=- h=- c=- body=hello");
	expect("POST", "/echo/x", PLAIN, 200, "POST id=x q=- h=- c=- body=");
	raw_open(&raw, "GET /echo/1 HTTP/1.1\r\nHost: h\r\nx-thing: v\r\nCookie: a=b; c=d\r\nConnection: close\r\n\r\n");
	UNTIL(raw.closed);
	ck_assert_ptr_nonnull(strstr(raw.in.buf, "GET id=1 q=- h=v c=d body="));
	raw_close(&raw);
}
END_TEST

START_TEST(the_rest_of_a_path_stays_below_where_it_starts)
{
	expect("GET", "/files/a/b%20c/d", PLAIN, 200, "a/b c/d");
	expect("GET", "/files/", PLAIN, 200, "");
	expect("GET", "/files", PLAIN, 404, NULL);
	expect("GET", "/files/a%2F..%2F..%2Fetc", PLAIN, 404, NULL);
	expect_raw("GET /files/../etc HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 400 Bad Request");
	expect_raw("GET /files/%2e%2E/etc HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 400 Bad Request");
	expect_raw("GET /files/a/./b HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 400 Bad Request");
	expect_raw("GET /echo/.. HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 400 Bad Request");
	expect_raw("GET /echo/a%00b HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 400 Bad Request");
	expect_raw("GET /echo/a%g0 HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 400 Bad Request");
	expect_raw("GET /echo/a%2 HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 400 Bad Request");
	expect_raw("GET /echo/a?q=%00 HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 400 Bad Request");
	expect_raw("GET http://h/echo/a HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 400 Bad Request");
}
END_TEST

START_TEST(a_path_without_a_row_is_404_and_a_wrong_method_405_with_allow)
{
	struct raw raw;

	expect("GET", "/nothing", PLAIN, 404, "{\"error\":\"not-found\",\"message\":\"there is nothing at this path\"}");
	expect("GET", "/echo/", PLAIN, 404, NULL);
	expect("GET", "/echo/a/b", PLAIN, 404, NULL);
	expect("POST", "/nothing", with_body("body", 4), 404, NULL);
	raw_open(&raw, "DELETE /echo/1 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
	UNTIL(raw.closed);
	ck_assert(str_has_prefix(raw.in.buf, "HTTP/1.1 405 "));
	ck_assert_ptr_nonnull(strstr(raw.in.buf, "\r\nAllow: GET, HEAD, POST\r\n"));
	raw_close(&raw);
}
END_TEST

START_TEST(head_is_get_without_the_body)
{
	struct raw raw;

	raw_open(&raw, "HEAD /file HTTP/1.1\r\nHost: h\r\n\r\nHEAD /echo/1 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
	UNTIL(raw.closed);
	ck_assert_ptr_nonnull(strstr(raw.in.buf, "\r\nContent-Length: 5000000\r\n"));
	ck_assert_uint_lt(raw.in.len, 600);
	ck_assert_ptr_null(strstr(raw.in.buf, "id=1"));
	raw_close(&raw);
	/* A stream has nothing to say to it: it is over at once, and the handler is told. */
	expect("HEAD", "/events", PLAIN, 200, "");
	UNTIL(closed == 1);
}
END_TEST

START_TEST(who_may_not_is_told_before_the_body_is_read)
{
	struct http_call_options options = HTTP_CALL_INIT;

	expect("GET", "/secret/1", PLAIN, 401, "who are you");
	options.token = "right";
	expect("GET", "/secret/1", options, 200, NULL);
	expect("POST", "/secret/1", with_body("small", 5), 401, "who are you");
	options = PLAIN;
	options.body_fd = big_file(BIG);
	options.body_len = BIG;
	expect("POST", "/secret/1", options, 401, "who are you");
	close(options.body_fd);
}
END_TEST

START_TEST(a_second_answer_is_ignored_and_errors_are_json)
{
	struct http_answer answer = { 0, STR_INIT };
	struct reply reply;

	call(&reply, "GET", "/error", PLAIN);
	ck_assert_int_eq(reply.status, 409);
	ck_assert_str_eq(reply.body.buf,
		"{\"error\":\"stale\",\"message\":\"epoch 4 is over: \\\\xff\\\"\"}");
	answer.status = reply.status;
	answer.body = reply.body;
	http_answer_error(&err, &answer, "finish");
	ck_assert_int_eq(err.code, ERR_STALE);
	ck_assert_str_eq(err.text, "finish: epoch 4 is over: \\xff\"");
	str_release(&reply.body);
	answer = (struct http_answer){ 502, STR_INIT };
	http_answer_error(&err, &answer, "claim");
	ck_assert_int_eq(err.code, ERR_UNAVAILABLE);
	ck_assert_str_eq(err.text, "claim: the server answered with status 502");
}
END_TEST

START_TEST(a_redirect_is_an_answer_and_no_header_can_be_smuggled)
{
	struct raw raw;

	expect("GET", "/redirect", PLAIN, 303, "");
	raw_open(&raw, "GET /redirect HTTP/1.0\r\n\r\n");
	UNTIL(raw.closed);
	ck_assert_ptr_nonnull(strstr(raw.in.buf, "Location: /echo/there\r\n"));
	ck_assert_ptr_null(strstr(raw.in.buf, "stolen"));
	raw_close(&raw);
}
END_TEST

/* --- Bodies. --- */

START_TEST(a_body_past_its_limit_is_413_announced_or_in_chunks)
{
	static char text[1002];
	struct raw raw;

	memset(text, 'x', sizeof(text) - 1);
	expect("POST", "/echo/1", with_body(text, 1000), 200, NULL);
	expect("POST", "/echo/1", with_body(text, 1001), 413, NULL);
	raw_open(&raw, "POST /echo/1 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n");
	raw_send(&raw, text);
	UNTIL(raw.closed);
	ck_assert(str_has_prefix(raw.in.buf, "HTTP/1.1 413 "));
	ck_assert_ptr_nonnull(strstr(raw.in.buf, "\"error\":\"limit\""));
	raw_close(&raw);
	expect_raw("POST /echo/1 HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999\r\n\r\n", "HTTP/1.1 413 Content Too Large");
	expect_raw("PUT /limited HTTP/1.1\r\nHost: h\r\nContent-Length: 2000001\r\n\r\n", "HTTP/1.1 413 Content Too Large");
}
END_TEST

START_TEST(a_length_that_is_no_number_is_400)
{
	expect_raw("POST /echo/1 HTTP/1.1\r\nHost: h\r\nContent-Length: abc\r\n\r\n", "HTTP/1.1 400 Bad Request");
	expect_raw("POST /echo/1 HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n", "HTTP/1.1 400 Bad Request");
	expect_raw("POST /echo/1 HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999999\r\n\r\n",
		"HTTP/1.1 413 Content Too Large");
	expect_raw("POST /echo/1 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
		"HTTP/1.1 400 Bad Request");
}
END_TEST

START_TEST(a_body_where_none_belongs_is_400_and_the_connection_lives)
{
	struct raw raw;

	raw_open(&raw, "POST /wake HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nabcde"
		"GET /echo/next HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
	UNTIL(raw.closed);
	ck_assert(str_has_prefix(raw.in.buf, "HTTP/1.1 400 "));
	ck_assert_ptr_nonnull(strstr(raw.in.buf, "id=next"));
	raw_close(&raw);
}
END_TEST

START_TEST(headers_past_the_limit_are_431)
{
	struct str text = STR_INIT;

	str_add(&text, "GET /echo/1 HTTP/1.1\r\nHost: h\r\n");
	while (text.len < HTTP_HEADER_MAX + 1000)
		str_addf(&text, "X-%zu: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n", text.len);
	str_add(&text, "\r\n");
	expect_raw(text.buf, "HTTP/1.1 431 Request Header Fields Too Large");
	str_clear(&text);
	str_add(&text, "GET /echo/1 HTTP/1.1\r\nHost: h\r\nX: ");
	while (text.len < 1000000)
		str_add(&text, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
	expect_raw(text.buf, "HTTP/1.1 431 Request Header Fields Too Large");
	str_release(&text);
}
END_TEST

static long resident_kb(void)
{
	struct str text = STR_INIT;
	const char *at;
	long kb;

	ck_assert_int_eq(file_read(&text, "/proc/self/status", 1 << 20, &err), 0);
	at = strstr(text.buf, "RssAnon:");
	ck_assert_ptr_nonnull(at);
	kb = atol(at + strlen("RssAnon:"));
	str_release(&text);
	return kb;
}

START_TEST(a_hundred_megabytes_go_up_in_flat_memory)
{
	struct http_call_options options = HTTP_CALL_INIT;
	struct reply reply;
	long before, most = 0;

	expect("PUT", "/upload", with_body("warm", 4), 201, "4");
	received = 0;
	before = resident_kb();
	options.body_fd = big_file(BIG);
	options.body_len = BIG;
	begin(&reply, "PUT", "/upload", options);
	for (int turns = 0; !reply.done; turns++) {
		event_base_loop(loop, EVLOOP_ONCE);
		if (turns % 256 == 0 && resident_kb() > most)
			most = resident_kb();
	}
	ck_assert_int_eq(reply.status, 201);
	ck_assert_str_eq(reply.body.buf, "104857600");
	ck_assert_int_eq(begun, 2);
	ck_assert_int_gt(most, 0);
	ck_assert_int_lt(most - before, 8 << 10);
	str_release(&reply.body);
	close(options.body_fd);
}
END_TEST

START_TEST(a_streamed_body_may_be_refused_at_its_start_and_on_its_way)
{
	struct http_call_options options = HTTP_CALL_INIT;

	expect("PUT", "/upload?refuse=1", with_body("abc", 3), 409, "no need");
	options.body_fd = big_file(BIG);
	options.body_len = BIG;
	expect("PUT", "/upload?refuse=1", options, 409, "no need");
	ck_assert_uint_eq(received, 0);
	refused_at = 3000000;
	expect("PUT", "/upload", options, 507, "full");
	ck_assert_uint_lt(received, 4000000);
	close(options.body_fd);
}
END_TEST

START_TEST(an_upload_that_breaks_off_never_reaches_its_handler)
{
	struct raw raw;

	raw_open(&raw, "PUT /upload HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nabc");
	UNTIL(received == 3);
	raw_close(&raw);
	raw_open(&raw, "PUT /upload HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n10\r\nabc");
	UNTIL(received == 6);
	raw_close(&raw);
	expect("GET", "/echo/alive", PLAIN, 200, NULL);
}
END_TEST

START_TEST(a_file_is_sent_whole_into_a_descriptor)
{
	struct http_call_options options = HTTP_CALL_INIT;

	options.output_fd = big_file(0);
	expect("GET", "/file", options, 200, "");
	ck_assert_int_eq(lseek(options.output_fd, 0, SEEK_END), 5000000);
	/* What is no success does not belong there. */
	ck_assert_int_eq(ftruncate(options.output_fd, 0), 0);
	expect("GET", "/error", options, 409, NULL);
	ck_assert_int_eq(lseek(options.output_fd, 0, SEEK_END), 0);
	close(options.output_fd);
}
END_TEST

/* --- Later answers. --- */

START_TEST(a_long_poll_is_answered_later)
{
	struct reply reply;

	begin(&reply, "GET", "/poll", PLAIN);
	UNTIL(held);
	ck_assert(!reply.done);
	expect("POST", "/wake", PLAIN, 204, "");
	UNTIL(reply.done);
	ck_assert_int_eq(reply.status, 200);
	ck_assert_str_eq(reply.body.buf, "woken");
	UNTIL(released == 1);
	ck_assert_int_eq(closed, 0);
	str_release(&reply.body);
}
END_TEST

START_TEST(waiting_costs_no_time)
{
	struct reply reply;
	int64_t before;

	begin(&reply, "GET", "/poll", PLAIN);
	UNTIL(held);
	before = cpu_ms();
	turn(500);
	ck_assert_int_lt(cpu_ms() - before, 100);
	expect("POST", "/wake", PLAIN, 204, "");
	UNTIL(reply.done);
	str_release(&reply.body);
}
END_TEST

START_TEST(a_client_that_leaves_a_long_poll_is_told_at_once)
{
	struct http_call *one;
	struct reply reply;

	one = begin(&reply, "GET", "/poll", PLAIN);
	UNTIL(held);
	http_call_cancel(one);
	UNTIL(closed == 1);
	UNTIL(released == 1);
	ck_assert(!reply.done);
	ck_assert_ptr_null(held);
	str_release(&reply.body);
}
END_TEST

START_TEST(a_late_answer_to_a_client_that_left_hurts_nobody)
{
	struct http_call *one;
	struct reply reply;

	one = begin(&reply, "GET", "/poll?careless=1", PLAIN);
	UNTIL(held);
	http_call_cancel(one);
	turn(50);
	ck_assert_int_eq(released, 0);
	ck_assert_ptr_null(http_header(held, "Host"));
	ck_assert_str_eq(http_query(held, "careless"), "1");
	expect("POST", "/wake", PLAIN, 204, "");
	ck_assert_int_eq(released, 1);
	/* And one that is never answered ends with the server. */
	one = begin(&reply, "GET", "/poll?careless=1", PLAIN);
	UNTIL(held);
	http_call_cancel(one);
	turn(50);
}
END_TEST

START_TEST(a_server_that_ends_tells_those_who_wait)
{
	struct http_request *poll;
	struct reply reply, stream;

	begin(&reply, "GET", "/poll", PLAIN);
	UNTIL(held);
	poll = held;
	held = NULL;
	begin(&stream, "GET", "/events?careless=1", PLAIN);
	UNTIL(held);
	turn(20);
	held = poll;
	http_server_free(server);
	ck_assert_int_eq(closed, 1);
	ck_assert_int_eq(released, 1);
	server = NULL;
	UNTIL(reply.done && stream.done);
	ck_assert_int_eq(reply.failure.code, ERR_UNAVAILABLE);
	start_server(0);
	str_release(&reply.body);
	str_release(&stream.body);
}
END_TEST

/* --- Streams. --- */

static int stop_after, started_inside;
static struct http_call *cancel_inside;
static struct reply inner;

static bool on_data(const char *bytes, size_t len, void *arg)
{
	str_add_bytes(&seen, bytes, len);
	if (started_inside-- == 1)
		begin(&inner, "GET", "/echo/inner", PLAIN);
	if (cancel_inside)
		http_call_cancel(cancel_inside);
	cancel_inside = NULL;
	return !stop_after || seen.len < (size_t)stop_after;
}

static struct http_call_options streaming(void)
{
	struct http_call_options options = HTTP_CALL_INIT;

	options.on_data = on_data;
	options.timeout_ms = -1;
	return options;
}

START_TEST(a_stream_brings_each_piece_as_it_is_written)
{
	struct reply reply;

	begin(&reply, "GET", "/events?first=1", streaming());
	UNTIL(strcmp(seen.buf, "data: 0\n\n") == 0);
	http_stream_write(held, "data: 1\n\n", 9);
	UNTIL(strcmp(seen.buf, "data: 0\n\ndata: 1\n\n") == 0);
	http_stream_write(held, "x", 1);
	http_stream_write(held, "y", 1);
	http_stream_end(held);
	UNTIL(reply.done);
	ck_assert_str_eq(seen.buf, "data: 0\n\ndata: 1\n\nxy");
	ck_assert_int_eq(reply.status, 200);
	ck_assert_int_eq(closed, 0);
	str_release(&reply.body);
}
END_TEST

START_TEST(the_headers_of_a_silent_stream_are_sent_at_once)
{
	struct raw raw;

	raw_open(&raw, "GET /events HTTP/1.1\r\nHost: h\r\n\r\n");
	UNTIL(held);
	/* No Nagle or cork may hold them: those would let go after 200 ms. */
	turn(60);
	ck_assert_ptr_nonnull(strstr(raw.in.buf, "\r\n\r\n"));
	raw_close(&raw);
	UNTIL(closed == 1);
}
END_TEST

START_TEST(a_megabyte_at_a_time_streams_through)
{
	static char block[1 << 20];
	struct reply reply;

	memset(block, 'b', sizeof(block));
	begin(&reply, "GET", "/events", streaming());
	UNTIL(held);
	for (int i = 1; i <= 20; i++) {
		http_stream_write(held, block, sizeof(block));
		UNTIL(seen.len == (size_t)i * sizeof(block));
	}
	http_stream_end(held);
	UNTIL(reply.done);
	ck_assert_uint_eq(strspn(seen.buf, "b"), seen.len);
	str_release(&reply.body);
}
END_TEST

START_TEST(a_client_that_leaves_a_stream_is_told_at_once)
{
	struct raw raw;

	raw_open(&raw, "GET /events?first=1 HTTP/1.1\r\nHost: h\r\n\r\n");
	UNTIL(strstr(raw.in.buf, "data: 0"));
	raw_close(&raw);
	UNTIL(closed == 1);
	expect("GET", "/echo/alive", PLAIN, 200, NULL);
}
END_TEST

START_TEST(a_client_that_leaves_in_the_middle_of_writing_is_told)
{
	static char block[1 << 20];
	struct raw raw;

	raw_open(&raw, "GET /events HTTP/1.1\r\nHost: h\r\n\r\n");
	UNTIL(held);
	http_stream_write(held, block, sizeof(block));
	UNTIL(raw.in.len > 100000);
	raw_close(&raw);
	UNTIL(closed == 1);
}
END_TEST

START_TEST(a_stream_without_a_listener_may_be_written_on)
{
	struct raw raw;

	raw_open(&raw, "GET /events?careless=1 HTTP/1.1\r\nHost: h\r\n\r\n");
	UNTIL(held);
	raw_close(&raw);
	turn(50);
	http_stream_write(held, "x", 1);
	http_stream_end(held);
	expect("GET", "/echo/alive", PLAIN, 200, NULL);
}
END_TEST

START_TEST(a_client_too_slow_for_its_stream_is_cut_off)
{
	static char block[1 << 20];
	struct raw raw;

	raw_open(&raw, "GET /events HTTP/1.1\r\nHost: h\r\n\r\n");
	UNTIL(held);
	event_del(raw.on_read);
	for (int i = 0; i < 200 && held; i++) {
		http_stream_write(held, block, sizeof(block));
		event_base_loop(loop, EVLOOP_NONBLOCK);
	}
	UNTIL(closed == 1);
	raw_close(&raw);
}
END_TEST

/* --- The server's limits. --- */

START_TEST(one_connection_too_many_is_503)
{
	struct raw raw[3];

	http_server_free(server);
	start_server(3);
	for (int i = 0; i < 3; i++) {
		raw_open(&raw[i], "GET /echo/1 HTTP/1.1\r\nHost: h\r\n\r\n");
		UNTIL(strstr(raw[i].in.buf, "id=1"));
	}
	expect_raw("GET /echo/1 HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 503 Service Unavailable");
	for (int i = 0; i < 3; i++)
		raw_close(&raw[i]);
	turn(20);
	expect("GET", "/echo/1", PLAIN, 200, NULL);
}
END_TEST

START_TEST(a_port_in_use_is_an_error_with_its_number)
{
	struct http_server_options options = { .address = "127.0.0.1", .port = http_server_port(server), .routes = routes };
	struct http_server *second = NULL;
	char want[100];

	ck_assert_int_eq(http_server_new(&second, loop, &options, &err), -ERR_IO);
	snprintf(want, sizeof(want), "cannot listen at 127.0.0.1 port %d: Address already in use", options.port);
	ck_assert_str_eq(err.text, want);
	options.address = "localhost.example";
	ck_assert_int_eq(http_server_new(&second, loop, &options, &err), -ERR_INVALID);
	ck_assert_ptr_null(second);
}
END_TEST

/* --- The client. --- */

START_TEST(no_answer_is_an_error_that_says_why)
{
	struct http_call_options options = HTTP_CALL_INIT;
	struct reply reply = { .body = STR_INIT };
	int port = http_server_port(server);

	http_server_free(server);
	server = NULL;
	options.url = "http://127.0.0.1:1/";
	http_call_start(client, &options, on_done, &reply);
	UNTIL(reply.done);
	ck_assert_int_eq(reply.failure.code, ERR_UNAVAILABLE);
	ck_assert_ptr_nonnull(strstr(reply.failure.text, "GET http://127.0.0.1:1/: "));
	reply = (struct reply){ .body = STR_INIT };
	options.url = "file:///etc/passwd";
	http_call_start(client, &options, on_done, &reply);
	UNTIL(reply.done);
	ck_assert_int_eq(reply.failure.code, ERR_INVALID);
	reply = (struct reply){ .body = STR_INIT };
	options.token = "two\nlines";
	http_call_start(client, &options, on_done, &reply);
	ck_assert(!reply.done);
	UNTIL(reply.done);
	ck_assert_int_eq(reply.failure.code, ERR_INVALID);
	ck_assert_int_gt(port, 0);
	start_server(0);
}
END_TEST

START_TEST(a_deadline_for_the_answer_holds)
{
	struct http_call_options options = HTTP_CALL_INIT;
	struct reply reply;

	options.timeout_ms = 100;
	call(&reply, "GET", "/poll", options);
	ck_assert_int_eq(reply.failure.code, ERR_TIMEOUT);
	UNTIL(closed == 1);
}
END_TEST

START_TEST(an_answer_past_its_limit_is_an_error)
{
	struct http_call_options options = HTTP_CALL_INIT;
	struct reply reply;

	options.answer_max = 1000;
	call(&reply, "GET", "/file", options);
	ck_assert_int_eq(reply.failure.code, ERR_LIMIT);
	ck_assert_ptr_nonnull(strstr(reply.failure.text, "longer than 1000 bytes"));
}
END_TEST

START_TEST(on_data_may_end_its_call_or_cancel_it_or_start_another)
{
	struct reply reply;

	stop_after = 5;
	begin(&reply, "GET", "/events?first=1", streaming());
	UNTIL(reply.done);
	ck_assert_int_eq(reply.status, 200);
	UNTIL(closed == 1);

	stop_after = 0;
	cancel_inside = begin(&reply, "GET", "/events?first=1", streaming());
	UNTIL(closed == 2);
	ck_assert(!reply.done);

	started_inside = 1;
	begin(&reply, "GET", "/events?first=1", streaming());
	UNTIL(inner.done);
	ck_assert_int_eq(inner.status, 200);
	str_release(&inner.body);
}
END_TEST

static void free_client(const struct http_answer *answer, const struct error *failure, void *arg)
{
	http_client_free(client);
	client = NULL;
}

START_TEST(a_client_freed_by_its_own_answer_ends_the_other_calls)
{
	struct http_call_options options = HTTP_CALL_INIT;
	struct reply reply;

	begin(&reply, "GET", "/poll", PLAIN);
	UNTIL(held);
	options.url = url_of("/echo/1");
	http_call_start(client, &options, free_client, NULL);
	UNTIL(!client);
	UNTIL(closed == 1);
	ck_assert(!reply.done);
	http_call_cancel(NULL);
}
END_TEST

/* The blocking client needs a server that is not this thread: a process of its own, told its end by a signal. */
START_TEST(the_blocking_client_answers_and_fails_as_the_other)
{
	struct http_call_options options = HTTP_CALL_INIT;
	struct http_answer answer;
	char address[64];
	int fds[2], port = 0;
	pid_t pid;

	ck_assert_int_eq(pipe(fds), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		struct http_server_options own = { .address = "127.0.0.1", .routes = routes };

		loop = event_base_new();
		if (http_server_new(&server, loop, &own, NULL) < 0)
			_exit(1);
		port = http_server_port(server);
		if (write(fds[1], &port, sizeof(port)) < 0)
			_exit(1);
		event_base_dispatch(loop);
		_exit(0);
	}
	ck_assert_int_eq(read(fds[0], &port, sizeof(port)), (ssize_t)sizeof(port));
	snprintf(address, sizeof(address), "http://127.0.0.1:%d/echo/1", port);
	options.url = address;
	options.method = "POST";
	options.body = "b";
	options.body_len = 1;
	ck_assert_int_eq(http_call_run(&answer, &options, &err), 0);
	ck_assert_int_eq(answer.status, 200);
	ck_assert_str_eq(answer.body.buf, "POST id=1 q=- h=- c=- body=b");
	http_answer_release(&answer);
	snprintf(address, sizeof(address), "http://127.0.0.1:%d/poll", port);
	options = PLAIN;
	options.url = address;
	options.timeout_ms = 50;
	ck_assert_int_eq(http_call_run(&answer, &options, &err), -ERR_TIMEOUT);
	kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	ck_assert_int_eq(http_call_run(&answer, &options, &err), -ERR_UNAVAILABLE);
	close(fds[0]);
	close(fds[1]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("base_http");
	TCase *tests = tcase_create("http");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, parameters_queries_headers_and_cookies_are_decoded);
	tcase_add_test(tests, the_rest_of_a_path_stays_below_where_it_starts);
	tcase_add_test(tests, a_path_without_a_row_is_404_and_a_wrong_method_405_with_allow);
	tcase_add_test(tests, head_is_get_without_the_body);
	tcase_add_test(tests, who_may_not_is_told_before_the_body_is_read);
	tcase_add_test(tests, a_second_answer_is_ignored_and_errors_are_json);
	tcase_add_test(tests, a_redirect_is_an_answer_and_no_header_can_be_smuggled);
	tcase_add_test(tests, a_body_past_its_limit_is_413_announced_or_in_chunks);
	tcase_add_test(tests, a_length_that_is_no_number_is_400);
	tcase_add_test(tests, a_body_where_none_belongs_is_400_and_the_connection_lives);
	tcase_add_test(tests, headers_past_the_limit_are_431);
	tcase_add_test(tests, a_hundred_megabytes_go_up_in_flat_memory);
	tcase_add_test(tests, a_streamed_body_may_be_refused_at_its_start_and_on_its_way);
	tcase_add_test(tests, an_upload_that_breaks_off_never_reaches_its_handler);
	tcase_add_test(tests, a_file_is_sent_whole_into_a_descriptor);
	tcase_add_test(tests, a_long_poll_is_answered_later);
	tcase_add_test(tests, waiting_costs_no_time);
	tcase_add_test(tests, a_client_that_leaves_a_long_poll_is_told_at_once);
	tcase_add_test(tests, a_late_answer_to_a_client_that_left_hurts_nobody);
	tcase_add_test(tests, a_server_that_ends_tells_those_who_wait);
	tcase_add_test(tests, a_stream_brings_each_piece_as_it_is_written);
	tcase_add_test(tests, the_headers_of_a_silent_stream_are_sent_at_once);
	tcase_add_test(tests, a_megabyte_at_a_time_streams_through);
	tcase_add_test(tests, a_client_that_leaves_a_stream_is_told_at_once);
	tcase_add_test(tests, a_client_that_leaves_in_the_middle_of_writing_is_told);
	tcase_add_test(tests, a_stream_without_a_listener_may_be_written_on);
	tcase_add_test(tests, a_client_too_slow_for_its_stream_is_cut_off);
	tcase_add_test(tests, one_connection_too_many_is_503);
	tcase_add_test(tests, a_port_in_use_is_an_error_with_its_number);
	tcase_add_test(tests, no_answer_is_an_error_that_says_why);
	tcase_add_test(tests, a_deadline_for_the_answer_holds);
	tcase_add_test(tests, an_answer_past_its_limit_is_an_error);
	tcase_add_test(tests, on_data_may_end_its_call_or_cancel_it_or_start_another);
	tcase_add_test(tests, a_client_freed_by_its_own_answer_ends_the_other_calls);
	tcase_add_test(tests, the_blocking_client_answers_and_fails_as_the_other);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
