#include "tests/unit/http_fixture.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

struct event_base *loop;
struct http_server *server;
struct http_client *client;
struct error err;
struct http_request *held;
int closed, released, begun, refused_at;
size_t received;
struct str seen = STR_INIT;

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

int big_file(size_t size)
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

const struct http_route routes[] = {
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

void start_server(unsigned connections)
{
	struct http_server_options options = {
		.address = "127.0.0.1", .routes = routes, .authorize = authorize, .connections = connections,
	};

	ck_assert_int_eq(http_server_new(&server, loop, &options, &err), 0);
	ck_assert_int_gt(http_server_port(server), 0);
}

void set_up(void)
{
	err = (struct error)ERROR_INIT;
	held = NULL;
	closed = released = begun = refused_at = 0;
	received = 0;
	loop = event_base_new();
	start_server(0);
	ck_assert_int_eq(http_client_new(&client, loop, &err), 0);
}

void tear_down(void)
{
	http_client_free(client);
	http_server_free(server);
	event_base_free(loop);
	str_release(&seen);
}

/* --- Turning the loop until something is so. --- */

void on_too_late(evutil_socket_t fd, short what, void *arg)
{
	ck_abort_msg("waited too long");
}

static void on_pause_over(evutil_socket_t fd, short what, void *arg)
{
	*(bool *)arg = true;
}

void turn(int ms)
{
	struct timeval tv = { .tv_usec = ms * 1000 };
	bool over = false;

	event_base_once(loop, -1, EV_TIMEOUT, on_pause_over, &over, &tv);
	UNTIL(over);
}

/* --- Through our own client. --- */

void on_done(const struct http_answer *answer, const struct error *failure, void *arg)
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

const char *url_of(const char *path)
{
	static char url[4][512];
	static unsigned turn_of;
	char *ret = url[turn_of++ % 4];

	snprintf(ret, sizeof(url[0]), "http://127.0.0.1:%d%s", http_server_port(server), path);
	return ret;
}

struct http_call *begin(struct reply *reply, const char *method, const char *path,
	struct http_call_options options)
{
	*reply = (struct reply){ .body = STR_INIT, .failure = ERROR_INIT };
	options.method = method;
	options.url = url_of(path);
	return http_call_start(client, &options, on_done, reply);
}

void call(struct reply *reply, const char *method, const char *path, struct http_call_options options)
{
	begin(reply, method, path, options);
	UNTIL(reply->done);
}

void expect(const char *method, const char *path, struct http_call_options options, int status,
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

/* --- Through a socket, for what a well-behaved client does not send. --- */

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

void raw_send(struct raw *raw, const char *text)
{
	str_add(&raw->out, text);
	event_add(raw->on_write, NULL);
}

void raw_open(struct raw *raw, const char *text)
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

void raw_close(struct raw *raw)
{
	event_free(raw->on_read);
	event_free(raw->on_write);
	close(raw->fd);
	str_release(&raw->in);
	str_release(&raw->out);
}

void expect_raw(const char *request, const char *first_line)
{
	struct raw raw;

	raw_open(&raw, request);
	UNTIL(strstr(raw.in.buf, "\r\n\r\n") || raw.closed);
	raw.in.buf[strcspn(raw.in.buf, "\r")] = '\0';
	ck_assert_str_eq(raw.in.buf, first_line);
	raw_close(&raw);
}
