#include "base/http_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <jansson.h>
#include <limits.h>
#include <microhttpd.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"
#include "base/http_target.h"
#include "base/mem.h"

#define CONNECTIONS_STANDARD	1000
#define CONNECTIONS_SPARE	64		/* above the limit, only to be told 503 */
#define IDLE_STANDARD_S		60
#define CONNECTION_MEMORY	(128u << 10)	/* headers twice over, and a read buffer */
#define READ_INCREMENT		(16u << 10)
#define STREAM_BLOCK		(16u << 10)
#define DISCARD_MAX		(1u << 20)	/* of a refused body, so that the client reads the answer */

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

/* --- The life of a request. --- */

static void request_free(struct http_request *request)
{
	struct http_server *server = request->server;

	if (request->prev)
		request->prev->next = request->next;
	else
		server->requests = request->next;
	if (request->next)
		request->next->prev = request->prev;
	if (request->release)
		request->release(request->context);
	if (request->watch)
		event_free(request->watch);
	file_close(&request->file_fd);
	free(request->method);
	free(request->target);
	free(request->path);
	free(request->address);
	strv_release(&request->params);
	strv_release(&request->queries);
	strv_release(&request->headers);
	str_release(&request->body);
	str_release(&request->answer);
	free(request);
}

static bool is_answered(const struct http_request *request)
{
	return request->stream ? request->stream_ended : request->stage >= STAGE_ANSWERED;
}

static void request_lost(struct http_request *request)
{
	request->gone = true;
	if (is_answered(request) || !request->on_close || request->told)
		return;
	request->told = true;
	request->on_close(request, request->on_close_arg);
}

static void request_resume(struct http_request *request)
{
	if (!request->suspended)
		return;
	request->suspended = false;
	event_del(request->watch);
	MHD_resume_connection(request->connection);
	request->server->resumed = true;
	event_active(request->server->timer, EV_TIMEOUT, 0);
}

static void on_client_left(evutil_socket_t fd, short what, void *arg)
{
	struct http_request *request = arg;

	request_resume(request);
	request_lost(request);
}

static int connection_fd(struct MHD_Connection *connection)
{
	return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
}

/* libmicrohttpd does not look at a suspended connection, so we do. */
static void request_suspend(struct http_request *request)
{
	int fd = connection_fd(request->connection);

	MHD_suspend_connection(request->connection);
	request->suspended = true;
	if (!request->watch) {
		request->watch = event_new(request->server->loop, fd, EV_CLOSED, on_client_left, request);
		if (!request->watch)
			abort();
	}
	event_add(request->watch, NULL);
}

/* In the middle of sending: the socket's end wakes libmicrohttpd, which then tells us. */
static void request_cut(struct http_request *request)
{
	request->gone = true;
	shutdown(connection_fd(request->connection), SHUT_RDWR);
	request_resume(request);
}

static char *client_address(struct MHD_Connection *connection)
{
	const struct sockaddr *addr =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr;
	socklen_t len = addr && addr->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) :
		sizeof(struct sockaddr_in);
	char host[NI_MAXHOST];

	if (!addr || getnameinfo(addr, len, host, sizeof(host), NULL, 0, NI_NUMERICHOST) != 0)
		return mem_strdup("");
	return mem_strdup(host);
}

/* The first thing libmicrohttpd tells of a request; what we return is its *con_cls from then on. */
static void *on_target(void *arg, const char *target, struct MHD_Connection *connection)
{
	struct http_server *server = arg;
	struct http_request *request = mem_alloc(sizeof(*request));

	request->server = server;
	request->connection = connection;
	request->target = mem_strdup(target);
	request->path = mem_strndup(target, strcspn(target, "?"));
	request->method = mem_strdup("");
	request->address = client_address(connection);
	request->file_fd = -1;
	str_init(&request->body);
	str_init(&request->answer);
	request->next = server->requests;
	if (request->next)
		request->next->prev = request;
	server->requests = request;
	return request;
}

static void on_completed(void *arg, struct MHD_Connection *connection, void **con_cls,
	enum MHD_RequestTerminationCode code)
{
	struct http_request *request = *con_cls;

	if (!request)
		return;
	*con_cls = NULL;
	if (request->watch)
		event_del(request->watch);
	request->suspended = false;
	request_lost(request);
	request->connection = NULL;
	/* A handler that never asked to be told still holds us: it lives on until it answers. */
	if (request->called && !request->told && !is_answered(request))
		return;
	request_free(request);
}

/* --- Routes. --- */

static bool serves(const struct http_route *route, const char *method)
{
	return strcmp(route->method, method) == 0 ||
		(strcmp(route->method, "GET") == 0 && strcmp(method, "HEAD") == 0);
}

/* False leaves in `allowed` what the path's other rows would take. */
static bool find_route(struct http_request *request, struct str *allowed)
{
	for (const struct http_route *route = request->server->options.routes; route->method; route++) {
		if (!http_target_match(route->pattern, request->path, &request->params))
			continue;
		if (serves(route, request->method)) {
			request->route = route;
			return true;
		}
		if (!strstr(allowed->buf, route->method))
			str_addf(allowed, "%s%s%s", allowed->len ? ", " : "", route->method,
				strcmp(route->method, "GET") == 0 ? ", HEAD" : "");
	}
	strv_release(&request->params);
	return false;
}

/* --- Answering. --- */

static const char *pair_get(const struct strv *pairs, const char *name)
{
	for (size_t i = 0; i + 1 < pairs->n; i += 2)
		if (strcmp(pairs->v[i], name) == 0)
			return pairs->v[i + 1];
	return NULL;
}

/* True if the request takes an answer now; the caller fills it in and calls request_answered. */
static bool request_takes_answer(struct http_request *request, int status, const char *content_type)
{
	if (request->stage >= STAGE_ANSWERED || request->told)
		return false;
	request->stage = STAGE_ANSWERED;
	request->status = status;
	if (content_type)
		http_set_response_header(request, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
	return true;
}

static void request_answered(struct http_request *request)
{
	/* The client left long ago, and nobody else holds this any more. */
	if (!request->connection && is_answered(request))
		request_free(request);
	else if (request->connection)
		request_resume(request);
}

static ssize_t on_stream_room(void *arg, uint64_t pos, char *buf, size_t max)
{
	struct http_request *request = arg;
	size_t left = request->answer.len - request->stream_at, len = left < max ? left : max;

	if (request->gone)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	if (len == 0 && request->stream_ended)
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (len == 0) {
		request_suspend(request);
		return 0;
	}
	memcpy(buf, request->answer.buf + request->stream_at, len);
	request->stream_at += len;
	/* Moving the rest to the front only now and then keeps this linear. */
	if (request->stream_at > request->answer.len / 2) {
		str_remove_front(&request->answer, request->stream_at);
		request->stream_at = 0;
	}
	return (ssize_t)len;
}

static struct MHD_Response *make_response(struct http_request *request)
{
	struct MHD_Response *response;

	if (request->stream) {
		response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK,
			on_stream_room, request, NULL);
	} else if (request->file_fd >= 0) {
		response = MHD_create_response_from_fd64(request->file_size, request->file_fd);
		if (response)
			request->file_fd = -1;
	} else if (request->answer.len > 0) {
		size_t len = request->answer.len;

		response = MHD_create_response_from_buffer(len, str_detach(&request->answer),
			MHD_RESPMEM_MUST_FREE);
	} else {
		response = MHD_create_response_from_buffer(0, str_empty, MHD_RESPMEM_PERSISTENT);
	}
	for (size_t i = 0; response && i + 1 < request->headers.n; i += 2)
		MHD_add_response_header(response, request->headers.v[i], request->headers.v[i + 1]);
	return response;
}

static enum MHD_Result queue_answer(struct http_request *request)
{
	struct MHD_Response *response;
	enum MHD_Result r;

	if (request->gone)
		return MHD_NO;
	response = make_response(request);
	if (!response)
		return MHD_NO;
	request->stage = STAGE_QUEUED;
	r = MHD_queue_response(request->connection, (unsigned)request->status, response);
	MHD_destroy_response(response);
	return r;
}

/*
 * libmicrohttpd takes no answer in the middle of a body, and reading all of a body that is refused would be a gift
 * to whoever sends it.  So the answer goes to the socket directly, which nothing else is writing to then; what still
 * comes is thrown away, and the connection ends.
 */
static enum MHD_Result refuse_body(struct http_request *request)
{
	struct str head = STR_INIT;
	int fd = connection_fd(request->connection);

	str_addf(&head, "HTTP/1.1 %d %s\r\nConnection: close\r\nContent-Length: %zu\r\n", request->status,
		MHD_get_reason_phrase_for((unsigned)request->status), request->answer.len);
	for (size_t i = 0; i + 1 < request->headers.n; i += 2)
		str_addf(&head, "%s: %s\r\n", request->headers.v[i], request->headers.v[i + 1]);
	str_add(&head, "\r\n");
	str_add_bytes(&head, request->answer.buf, request->answer.len);
	request->stage = STAGE_REFUSED;
	/* A short write can only be a client that does not read: it gets nothing more. */
	send(fd, head.buf, head.len, MSG_NOSIGNAL | MSG_DONTWAIT);
	shutdown(fd, SHUT_WR);
	str_release(&head);
	str_release(&request->body);
	return MHD_YES;
}

static void respond_json(struct http_request *request, int status, const char *name, const char *message)
{
	json_t *text = json_string(message), *object;
	struct str clean = STR_INIT;
	char *json;

	if (!text) {
		str_add_printable(&clean, message, strlen(message), 4 * ERROR_TEXT_MAX);
		text = json_string(clean.buf);
	}
	object = json_pack("{s:s, s:o}", "error", name, "message", text);
	json = object ? json_dumps(object, JSON_COMPACT) : NULL;
	if (!json)
		abort();
	http_respond(request, status, "application/json", json, strlen(json));
	free(json);
	json_decref(object);
	str_release(&clean);
}

/* --- What libmicrohttpd asks of us. --- */

static bool has_header(struct http_request *request, const char *name)
{
	return http_header(request, name) != NULL;
}

/* The length announced, SIZE_MAX for chunks; libmicrohttpd has refused what is no number. */
static unsigned long long announced_length(struct http_request *request)
{
	const char *length = http_header(request, MHD_HTTP_HEADER_CONTENT_LENGTH);

	if (has_header(request, MHD_HTTP_HEADER_TRANSFER_ENCODING))
		return ULLONG_MAX;
	return length ? strtoull(length, NULL, 10) : 0;
}

/* Everything that can be said before the body; a refusal is an answer. */
static void request_judge(struct http_request *request)
{
	const struct http_server_options *options = &request->server->options;
	unsigned long long length = announced_length(request);
	struct str allowed = STR_INIT;

	if (MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE)->header_size >
	    HTTP_HEADER_MAX) {
		respond_json(request, 431, "limit", "the headers are longer than 32 KiB");
	} else if (request->server->connections > options->connections) {
		http_set_response_header(request, MHD_HTTP_HEADER_CONNECTION, "close");
		http_set_response_header(request, MHD_HTTP_HEADER_RETRY_AFTER, "1");
		respond_json(request, 503, "unavailable", "too many connections are open");
	} else if (!http_target_is_sound(request->path) ||
		   !http_target_queries(&request->queries, request->target + strlen(request->path))) {
		respond_json(request, 400, "invalid",
			"the path holds \".\" or \"..\", or an escape that is not %XX");
	} else if (find_route(request, &allowed)) {
		if (options->authorize && !options->authorize(request, request->route->role, options->arg)) {
			respond_json(request, 403, "denied", "this is not allowed");
		} else if (request->route->body == HTTP_BODY_NONE && length > 0) {
			respond_json(request, 400, "invalid", "this request takes no body");
		} else if (length != ULLONG_MAX && request->route->body_max &&
			   length > request->route->body_max) {
			respond_json(request, 413, "limit", "the body is longer than allowed here");
		} else if (request->route->on_begin && !request->route->on_begin(request, options->arg)) {
			respond_json(request, 400, "invalid", "this body is refused");
		}
	} else if (allowed.len > 0) {
		http_set_response_header(request, MHD_HTTP_HEADER_ALLOW, allowed.buf);
		respond_json(request, 405, "invalid", "the path is right, the method is not");
	} else if (length > 0 || !options->not_found) {
		respond_json(request, 404, "not-found", "there is nothing at this path");
	}
	str_release(&allowed);
}

static enum MHD_Result request_begin(struct http_request *request, const char *method)
{
	unsigned long long length = announced_length(request);

	free(request->method);
	request->method = mem_strdup(method);
	request->stage = STAGE_BODY;
	request_judge(request);
	if (request->stage != STAGE_ANSWERED)
		return MHD_YES;
	/* A small body is read and dropped: the connection lives on, and no reset overtakes the answer. */
	if (length > DISCARD_MAX || has_header(request, MHD_HTTP_HEADER_EXPECT))
		return queue_answer(request);
	return MHD_YES;
}

static enum MHD_Result request_data(struct http_request *request, const char *bytes, size_t len)
{
	const struct http_route *route = request->route;

	if (request->stage >= STAGE_ANSWERED) {
		request->discarded += len;
		return request->discarded > 64ull * DISCARD_MAX ? MHD_NO : MHD_YES;
	}
	request->received += len;
	if (route->body_max && request->received > route->body_max) {
		respond_json(request, 413, "limit", "the body is longer than allowed here");
		return refuse_body(request);
	}
	if (route->body == HTTP_BODY_MEMORY) {
		str_add_bytes(&request->body, bytes, len);
	} else if (route->on_data && !route->on_data(request, bytes, len, request->server->options.arg)) {
		respond_json(request, 400, "invalid", "this body is refused");
		return refuse_body(request);
	}
	return MHD_YES;
}

static void request_call(struct http_request *request)
{
	const struct http_server_options *options = &request->server->options;

	request->stage = STAGE_HANDLED;
	request->called = true;
	if (request->route)
		request->route->handler(request, options->arg);
	else
		options->not_found(request, options->arg);
}

static enum MHD_Result on_access(void *arg, struct MHD_Connection *connection, const char *url,
	const char *method, const char *version, const char *data, size_t *data_len, void **con_cls)
{
	struct http_request *request = *con_cls;

	if (!request || request->gone)
		return MHD_NO;
	if (request->stage == STAGE_HEADERS)
		return request_begin(request, method);
	if (*data_len > 0) {
		size_t len = *data_len;

		*data_len = 0;
		return request_data(request, data, len);
	}
	if (request->stage == STAGE_REFUSED)
		return MHD_NO;
	if (request->stage == STAGE_BODY)
		request_call(request);
	if (request->stage == STAGE_ANSWERED)
		return queue_answer(request);
	request_suspend(request);
	return MHD_YES;
}

static void on_connection(void *arg, struct MHD_Connection *connection, void **socket_context,
	enum MHD_ConnectionNotificationCode code)
{
	struct http_server *server = arg;

	if (code == MHD_CONNECTION_NOTIFY_STARTED)
		server->connections++;
	else
		server->connections--;
}

/* --- The server. --- */

static void server_run(struct http_server *server)
{
	unsigned long long ms = 0;

	server->resumed = false;
	MHD_run(server->daemon);
	/* In external mode nothing but the next run looks at what was resumed. */
	if (server->resumed || MHD_get_timeout(server->daemon, &ms) == MHD_YES) {
		struct timeval tv = { .tv_sec = (time_t)(ms / 1000), .tv_usec = (suseconds_t)(ms % 1000 * 1000) };

		event_add(server->timer, &tv);
	} else {
		event_del(server->timer);
	}
}

static void on_server_event(evutil_socket_t fd, short what, void *arg)
{
	server_run(arg);
}

static int listen_at(int *ret, int *ret_port, const char *address, int port, struct error *err)
{
	struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_PASSIVE, .ai_socktype = SOCK_STREAM };
	struct sockaddr_storage bound = { 0 };
	socklen_t bound_len = sizeof(bound);
	const int on = 1, idle_s = 30, interval_s = 10, count = 3;
	struct addrinfo *info = NULL;
	char port_text[16];
	int fd = -1, r;

	snprintf(port_text, sizeof(port_text), "%d", port);
	r = getaddrinfo(address, port_text, &hints, &info);
	if (r != 0)
		return error_set(err, ERR_INVALID, "cannot listen at \"%s\" port %d: %s, a numeric address is wanted",
			address, port, gai_strerror(r));
	fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) {
		r = error_errno(err, errno, "cannot listen at %s port %d", address, port);
		goto out;
	}
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	/* Inherited by each connection: a client whose machine vanished is noticed within a minute. */
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof(idle_s));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof(interval_s));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof(count));
	if (bind(fd, info->ai_addr, info->ai_addrlen) < 0 || listen(fd, SOMAXCONN) < 0 ||
	    getsockname(fd, (struct sockaddr *)&bound, &bound_len) < 0) {
		r = error_errno(err, errno, "cannot listen at %s port %d", address, port);
		file_close(&fd);
		goto out;
	}
	*ret = fd;
	*ret_port = ntohs(bound.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&bound)->sin6_port :
		((struct sockaddr_in *)&bound)->sin_port);
	r = 0;
out:
	freeaddrinfo(info);
	return r;
}

/* libmicrohttpd sends files with sendfile(2), which has no MSG_NOSIGNAL. */
static void ignore_sigpipe(void)
{
	struct sigaction action;

	if (sigaction(SIGPIPE, NULL, &action) == 0 && action.sa_handler == SIG_DFL) {
		action = (struct sigaction){ .sa_handler = SIG_IGN };
		sigaction(SIGPIPE, &action, NULL);
	}
}

static struct MHD_Daemon *start_daemon(struct http_server *server, int fd)
{
	return MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_access, server,
		MHD_OPTION_LISTEN_SOCKET, fd,
		MHD_OPTION_CONNECTION_LIMIT, server->options.connections + CONNECTIONS_SPARE,
		MHD_OPTION_CONNECTION_TIMEOUT, server->options.idle_s,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
		MHD_OPTION_CONNECTION_MEMORY_INCREMENT, (size_t)READ_INCREMENT,
		MHD_OPTION_STRICT_FOR_CLIENT, 1,
		MHD_OPTION_URI_LOG_CALLBACK, on_target, server,
		MHD_OPTION_NOTIFY_COMPLETED, on_completed, server,
		MHD_OPTION_NOTIFY_CONNECTION, on_connection, server,
		MHD_OPTION_END);
}

int http_server_new(struct http_server **ret, struct event_base *loop, const struct http_server_options *options,
	struct error *err)
{
	struct http_server *server = mem_alloc(sizeof(*server));
	int fd = -1, r;

	server->loop = loop;
	server->options = *options;
	if (!server->options.connections)
		server->options.connections = CONNECTIONS_STANDARD;
	if (!server->options.idle_s)
		server->options.idle_s = IDLE_STANDARD_S;
	r = listen_at(&fd, &server->port, options->address, options->port, err);
	if (r < 0) {
		free(server);
		return r;
	}
	ignore_sigpipe();
	server->daemon = start_daemon(server, fd);
	if (!server->daemon) {
		r = error_set(err, ERR_IO, "cannot start the HTTP server at %s port %d", options->address,
			server->port);
		free(server);
		return r;
	}
	server->on_ready = event_new(loop, MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd,
		EV_READ | EV_PERSIST, on_server_event, server);
	server->timer = evtimer_new(loop, on_server_event, server);
	if (!server->on_ready || !server->timer || event_add(server->on_ready, NULL) < 0)
		abort();
	/* The first run puts the listening socket into the epoll set. */
	server_run(server);
	*ret = server;
	return 0;
}

int http_server_port(const struct http_server *server)
{
	return server->port;
}

void http_server_free(struct http_server *server)
{
	struct http_request *request, *next;

	if (!server)
		return;
	for (request = server->requests; request; request = next) {
		next = request->next;
		request_lost(request);
	}
	/* libmicrohttpd stops only with no connection suspended. */
	for (request = server->requests; request; request = request->next)
		request_resume(request);
	event_del(server->on_ready);
	MHD_stop_daemon(server->daemon);
	while (server->requests)
		request_free(server->requests);
	event_free(server->on_ready);
	event_free(server->timer);
	free(server);
}

/* --- What came in. --- */

const char *http_method(const struct http_request *request)
{
	return request->method;
}

const char *http_path(const struct http_request *request)
{
	return request->path;
}

const char *http_param(const struct http_request *request, const char *name)
{
	const char *value = pair_get(&request->params, name);

	return value ? value : "";
}

const char *http_query(const struct http_request *request, const char *name)
{
	return pair_get(&request->queries, name);
}

const char *http_header(const struct http_request *request, const char *name)
{
	return request->connection ?
		MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name) : NULL;
}

const char *http_cookie(const struct http_request *request, const char *name)
{
	return request->connection ?
		MHD_lookup_connection_value(request->connection, MHD_COOKIE_KIND, name) : NULL;
}

const char *http_client_address(const struct http_request *request)
{
	return request->address;
}

const struct str *http_body(const struct http_request *request)
{
	return &request->body;
}

void http_set_context(struct http_request *request, void *context, void (*release)(void *context))
{
	if (request->release && request->context != context)
		request->release(request->context);
	request->context = context;
	request->release = release;
}

void *http_context(const struct http_request *request)
{
	return request->context;
}

void http_on_close(struct http_request *request, void (*on_close)(struct http_request *request, void *arg), void *arg)
{
	request->on_close = on_close;
	request->on_close_arg = arg;
}

/* --- What goes out. --- */

void http_set_response_header(struct http_request *request, const char *name, const char *value)
{
	/* A line break would begin a header of somebody else's choice. */
	for (const char *s = value; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return;
	strv_push(&request->headers, name);
	strv_push(&request->headers, value);
}

void http_respond(struct http_request *request, int status, const char *content_type, const void *body, size_t len)
{
	if (!request_takes_answer(request, status, content_type))
		return;
	str_add_bytes(&request->answer, body, len);
	request_answered(request);
}

static int status_of(enum error_code code)
{
	switch (code) {
	case ERR_INVALID:
		return 400;
	case ERR_DENIED:
		return 403;
	case ERR_NOT_FOUND:
		return 404;
	case ERR_EXISTS:
	case ERR_STALE:
	case ERR_CANCELLED:
		return 409;
	case ERR_LIMIT:
		return 413;
	case ERR_UNAVAILABLE:
		return 503;
	case ERR_TIMEOUT:
		return 504;
	case ERR_NO_SPACE:
		return 507;
	case ERR_NONE:
	case ERR_IO:
	case ERR_CORRUPT:
	case ERR_FAILED:
	case ERR_NCODES:
		break;
	}
	return 500;
}

void http_respond_error(struct http_request *request, const struct error *err)
{
	int status = status_of(err->code);

	if (status == 503)
		http_set_response_header(request, MHD_HTTP_HEADER_RETRY_AFTER, "2");
	respond_json(request, status, error_code_name(err->code), err->text);
}

void http_respond_file(struct http_request *request, const char *content_type, int fd, uint64_t size)
{
	if (!request_takes_answer(request, 200, content_type)) {
		file_close(&fd);
		return;
	}
	request->file_fd = fd;
	request->file_size = size;
	request_answered(request);
}

void http_respond_redirect(struct http_request *request, const char *location)
{
	http_set_response_header(request, MHD_HTTP_HEADER_LOCATION, location);
	http_respond(request, 303, NULL, NULL, 0);
}

void http_stream_begin(struct http_request *request, const char *content_type)
{
	if (!request_takes_answer(request, 200, content_type))
		return;
	request->stream = true;
	request_answered(request);
}

void http_stream_write(struct http_request *request, const void *bytes, size_t len)
{
	if (!request->stream || request->stream_ended || request->gone || len == 0)
		return;
	if (request->answer.len - request->stream_at + len > HTTP_STREAM_BACKLOG) {
		request_cut(request);
		return;
	}
	str_add_bytes(&request->answer, bytes, len);
	/* Before its headers are on their way a stream waits for the handler, not for data. */
	if (request->stage == STAGE_QUEUED)
		request_resume(request);
}

void http_stream_end(struct http_request *request)
{
	if (!request->stream || request->stream_ended)
		return;
	request->stream_ended = true;
	if (!request->connection)
		request_free(request);
	else
		request_resume(request);
}
