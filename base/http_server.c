#include "base/http_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"
#include "base/http_request.h"
#include "base/http_target.h"
#include "base/mem.h"

#define CONNECTIONS_STANDARD	1000
#define CONNECTIONS_SPARE	64		/* above the limit, only to be told 503 */
#define IDLE_STANDARD_S		60
#define CONNECTION_MEMORY	(128u << 10)	/* headers twice over, and a read buffer */
#define READ_INCREMENT		(16u << 10)
#define DISCARD_MAX		(1u << 20)	/* of a refused body, so that the client reads the answer */

/* --- The life of a request. --- */

void request_free(struct http_request *request)
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

bool request_is_answered(const struct http_request *request)
{
	return request->stream ? request->stream_ended : request->stage >= STAGE_ANSWERED;
}

static void request_lost(struct http_request *request)
{
	request->gone = true;
	if (request_is_answered(request) || !request->on_close || request->told)
		return;
	request->told = true;
	request->on_close(request, request->on_close_arg);
}

void request_resume(struct http_request *request)
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

int request_socket(struct MHD_Connection *connection)
{
	return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
}

/* libmicrohttpd does not look at a suspended connection, so we do. */
void request_suspend(struct http_request *request)
{
	int fd = request_socket(request->connection);

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
void request_cut(struct http_request *request)
{
	request->gone = true;
	shutdown(request_socket(request->connection), SHUT_RDWR);
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
	if (request->called && !request->told && !request_is_answered(request))
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
		request_answer_json(request, 431, "limit", "the headers are longer than 32 KiB");
	} else if (request->server->connections > options->connections) {
		http_set_response_header(request, MHD_HTTP_HEADER_CONNECTION, "close");
		http_set_response_header(request, MHD_HTTP_HEADER_RETRY_AFTER, "1");
		request_answer_json(request, 503, "unavailable", "too many connections are open");
	} else if (!http_target_is_sound(request->path) ||
		   !http_target_queries(&request->queries, request->target + strlen(request->path))) {
		request_answer_json(request, 400, "invalid",
			"the path holds \".\" or \"..\", or an escape that is not %XX");
	} else if (find_route(request, &allowed)) {
		if (options->authorize && !options->authorize(request, request->route->role, options->arg)) {
			request_answer_json(request, 403, "denied", "this is not allowed");
		} else if (request->route->body == HTTP_BODY_NONE && length > 0) {
			request_answer_json(request, 400, "invalid", "this request takes no body");
		} else if (length != ULLONG_MAX && request->route->body_max &&
			   length > request->route->body_max) {
			request_answer_json(request, 413, "limit", "the body is longer than allowed here");
		} else if (request->route->on_begin && !request->route->on_begin(request, options->arg)) {
			request_answer_json(request, 400, "invalid", "this body is refused");
		}
	} else if (allowed.len > 0) {
		http_set_response_header(request, MHD_HTTP_HEADER_ALLOW, allowed.buf);
		request_answer_json(request, 405, "invalid", "the path is right, the method is not");
	} else if (length > 0 || !options->not_found) {
		request_answer_json(request, 404, "not-found", "there is nothing at this path");
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
		return request_queue_answer(request);
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
		request_answer_json(request, 413, "limit", "the body is longer than allowed here");
		return request_refuse_body(request);
	}
	if (route->body == HTTP_BODY_MEMORY) {
		str_add_bytes(&request->body, bytes, len);
	} else if (route->on_data && !route->on_data(request, bytes, len, request->server->options.arg)) {
		request_answer_json(request, 400, "invalid", "this body is refused");
		return request_refuse_body(request);
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
		return request_queue_answer(request);
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

static const char *pair_get(const struct strv *pairs, const char *name)
{
	for (size_t i = 0; i + 1 < pairs->n; i += 2)
		if (strcmp(pairs->v[i], name) == 0)
			return pairs->v[i + 1];
	return NULL;
}

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
