#include "base/http_client.h"

#include <curl/curl.h>
#include <errno.h>
#include <event2/event.h>
#include <jansson.h>
#include <pthread.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

#define ANSWER_STANDARD		(16u << 20)
#define TIMEOUT_STANDARD_MS	30000
#define CONNECT_MS		10000
#define MESSAGE_MAX		600	/* of a foreign error text that goes into ours */

struct http_call {
	struct http_client *client;	/* NULL: blocking */
	struct http_call *prev, *next;
	CURL *easy;
	struct curl_slist *headers;
	struct event *later;		/* begins, or refuses, in the next turn of the loop */
	char *method, *url;
	struct str body;
	int body_fd, output_fd;
	size_t body_len, body_at;
	size_t answer_max, answer_len;
	bool (*on_data)(const char *bytes, size_t len, void *arg);
	void *data_arg;
	void (*done)(const struct http_answer *answer, const struct error *failure, void *arg);
	void *done_arg;
	struct http_answer answer;
	struct error failure;		/* ours, more exact than what curl would say */
	bool ended;			/* on_data had enough */
	bool cancelled;
	bool finished;			/* `done` is running */
	char curl_text[CURL_ERROR_SIZE];
};

struct http_client {
	struct event_base *loop;
	CURLM *multi;
	struct event *timer;
	struct http_call *calls;
	unsigned busy;			/* curl, or a `done`, is on the stack */
	bool sweep;			/* some call was cancelled meanwhile */
	bool dead;			/* the client itself was freed meanwhile */
};

static void global_init(void)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		abort();
}

static void init_once(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, global_init);
}

/* --- One call, in a loop or not. --- */

static size_t on_write(char *bytes, size_t size, size_t n, void *arg)
{
	struct http_call *call = arg;
	size_t len = size * n;
	long status = 0;
	bool good;

	if (call->cancelled)
		return 0;
	curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
	good = status >= 200 && status < 300;
	if (good && call->on_data) {
		call->ended = !call->on_data(bytes, len, call->data_arg);
		return call->ended || call->cancelled ? 0 : len;
	}
	call->answer_len += len;
	if (call->answer_max && call->answer_len > call->answer_max) {
		error_set(&call->failure, ERR_LIMIT, "%s %s: the answer is longer than %zu bytes",
			call->method, call->url, call->answer_max);
		return 0;
	}
	if (!good || call->output_fd < 0)
		str_add_bytes(&call->answer.body, bytes, len);
	else if (file_write_all(call->output_fd, bytes, len, &call->failure) < 0)
		return 0;
	return len;
}

static size_t on_read(char *bytes, size_t size, size_t n, void *arg)
{
	struct http_call *call = arg;
	size_t want = size * n, left = call->body_len - call->body_at;
	ssize_t got;

	if (want > left)
		want = left;
	if (want == 0)
		return 0;
	do
		got = pread(call->body_fd, bytes, want, (off_t)call->body_at);
	while (got < 0 && errno == EINTR);
	if (got <= 0) {
		if (got < 0)
			error_errno(&call->failure, errno, "%s %s: cannot read what is sent",
				call->method, call->url);
		else
			error_set(&call->failure, ERR_IO, "%s %s: the file sent became shorter",
				call->method, call->url);
		return CURL_READFUNC_ABORT;
	}
	call->body_at += (size_t)got;
	return (size_t)got;
}

/* curl starts the body again when a kept connection turned out to be closed. */
static int on_seek(void *arg, curl_off_t offset, int origin)
{
	struct http_call *call = arg;

	if (origin != SEEK_SET || offset < 0 || (uint64_t)offset > call->body_len)
		return CURL_SEEKFUNC_CANTSEEK;
	call->body_at = (size_t)offset;
	return CURL_SEEKFUNC_OK;
}

static bool is_printable(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return false;
	return true;
}

static void add_header(struct http_call *call, const char *name, const char *value)
{
	char *line = mem_printf("%s%s", name, value);

	if (!is_printable(line))
		error_set(&call->failure, ERR_INVALID, "%s %s: the value of \"%s\" holds control bytes",
			call->method, call->url, name);
	call->headers = curl_slist_append(call->headers, line);
	if (!call->headers)
		abort();
	free(line);
}

static void set_body(struct http_call *call, const struct http_call_options *options)
{
	bool post = strcmp(call->method, "POST") == 0;

	call->body_len = options->body_len;
	if (options->body_fd > 0) {
		call->body_fd = options->body_fd;
		curl_easy_setopt(call->easy, CURLOPT_UPLOAD, 1L);
		curl_easy_setopt(call->easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)call->body_len);
		curl_easy_setopt(call->easy, CURLOPT_READFUNCTION, on_read);
		curl_easy_setopt(call->easy, CURLOPT_READDATA, call);
		curl_easy_setopt(call->easy, CURLOPT_SEEKFUNCTION, on_seek);
		curl_easy_setopt(call->easy, CURLOPT_SEEKDATA, call);
	} else if (options->body_len > 0 || post) {
		str_add_bytes(&call->body, options->body ? options->body : "", options->body_len);
		curl_easy_setopt(call->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body.len);
		curl_easy_setopt(call->easy, CURLOPT_POSTFIELDS, call->body.buf);
	}
	if (strcmp(call->method, "HEAD") == 0)
		curl_easy_setopt(call->easy, CURLOPT_NOBODY, 1L);
	else
		curl_easy_setopt(call->easy, CURLOPT_CUSTOMREQUEST, call->method);
}

/* A proxy from the environment has no business between us and ourselves. */
static bool is_loopback(const char *url)
{
	const char *host = strstr(url, "://");

	return host && (str_has_prefix(host + 3, "127.") || str_has_prefix(host + 3, "localhost") ||
		str_has_prefix(host + 3, "[::1]"));
}

static void set_limits(struct http_call *call, int64_t timeout_ms)
{
	if (timeout_ms == 0)
		timeout_ms = TIMEOUT_STANDARD_MS;
	curl_easy_setopt(call->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	if (timeout_ms > 0)
		curl_easy_setopt(call->easy, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
	curl_easy_setopt(call->easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(call->easy, CURLOPT_TCP_KEEPIDLE, 30L);
	curl_easy_setopt(call->easy, CURLOPT_TCP_KEEPINTVL, 10L);
	curl_easy_setopt(call->easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(call->easy, CURLOPT_FOLLOWLOCATION, 0L);
#if LIBCURL_VERSION_NUM >= 0x075500
	curl_easy_setopt(call->easy, CURLOPT_PROTOCOLS_STR, "http,https");
#else
	curl_easy_setopt(call->easy, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
	curl_easy_setopt(call->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	if (is_loopback(call->url))
		curl_easy_setopt(call->easy, CURLOPT_PROXY, "");
}

static struct http_call *call_new(const struct http_call_options *options)
{
	struct http_call *call = mem_alloc(sizeof(*call));

	init_once();
	call->easy = curl_easy_init();
	if (!call->easy)
		abort();
	call->method = mem_strdup(options->method ? options->method : "GET");
	call->url = mem_strdup(options->url);
	str_init(&call->body);
	str_init(&call->answer.body);
	call->body_fd = -1;
	call->output_fd = options->output_fd > 0 ? options->output_fd : -1;
	call->answer_max = options->answer_max;
	if (!call->answer_max && call->output_fd < 0)
		call->answer_max = ANSWER_STANDARD;
	call->on_data = options->on_data;
	call->data_arg = options->arg;

	curl_easy_setopt(call->easy, CURLOPT_PRIVATE, call);
	curl_easy_setopt(call->easy, CURLOPT_URL, call->url);
	curl_easy_setopt(call->easy, CURLOPT_ERRORBUFFER, call->curl_text);
	curl_easy_setopt(call->easy, CURLOPT_USERAGENT, "bisectd");
	curl_easy_setopt(call->easy, CURLOPT_WRITEFUNCTION, on_write);
	curl_easy_setopt(call->easy, CURLOPT_WRITEDATA, call);
	set_limits(call, options->timeout_ms);
	set_body(call, options);
	if (options->token)
		add_header(call, "Authorization: Bearer ", options->token);
	add_header(call, "Content-Type:", options->content_type ? options->content_type : "");
	curl_easy_setopt(call->easy, CURLOPT_HTTPHEADER, call->headers);
	return call;
}

static void call_free(struct http_call *call)
{
	curl_easy_cleanup(call->easy);
	curl_slist_free_all(call->headers);
	if (call->later)
		event_free(call->later);
	str_release(&call->body);
	str_release(&call->answer.body);
	free(call->method);
	free(call->url);
	free(call);
}

/* True if there is an answer; else call->failure says why not. */
static bool call_judge(struct http_call *call, CURLcode code)
{
	enum error_code kind = ERR_UNAVAILABLE;
	long status = 0;

	curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
	call->answer.status = (int)status;
	if (call->failure.code)
		return false;
	if (call->ended)
		return true;
	/* A server that refuses a body may close before it has taken all of it: its answer counts. */
	if (status >= 400 && (code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR))
		return true;
	if (code == CURLE_OK)
		return true;
	if (code == CURLE_OPERATION_TIMEDOUT)
		kind = ERR_TIMEOUT;
	else if (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL)
		kind = ERR_INVALID;
	error_set(&call->failure, kind, "%s %s: %s", call->method, call->url,
		*call->curl_text ? call->curl_text : curl_easy_strerror(code));
	return false;
}

/* --- In a loop. --- */

static void client_dispose(struct http_client *client);

static void call_unlink(struct http_call *call)
{
	if (call->prev)
		call->prev->next = call->next;
	else
		call->client->calls = call->next;
	if (call->next)
		call->next->prev = call->prev;
}

static void call_drop(struct http_call *call)
{
	curl_multi_remove_handle(call->client->multi, call->easy);
	call_unlink(call);
	call_free(call);
}

static void call_finish(struct http_call *call, CURLcode code)
{
	bool answered = call_judge(call, code);

	curl_multi_remove_handle(call->client->multi, call->easy);
	call_unlink(call);
	call->finished = true;
	if (!call->cancelled && call->done)
		call->done(answered ? &call->answer : NULL, answered ? NULL : &call->failure,
			call->done_arg);
	call_free(call);
}

static void client_sweep(struct http_client *client)
{
	struct http_call *call, *next;

	client->sweep = false;
	for (call = client->calls; call; call = next) {
		next = call->next;
		if (call->cancelled)
			call_drop(call);
	}
}

/* After anything that let curl or an owner's callback run. */
static void client_leave(struct http_client *client)
{
	CURLMsg *message;
	int left;

	while (client->busy == 1 && !client->dead &&
	       (message = curl_multi_info_read(client->multi, &left))) {
		struct http_call *call = NULL;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&call);
		call_finish(call, message->data.result);
	}
	if (--client->busy > 0)
		return;
	if (client->sweep)
		client_sweep(client);
	if (client->dead)
		client_dispose(client);
}

static void on_socket_event(evutil_socket_t fd, short what, void *arg)
{
	struct http_client *client = arg;
	int running, flags = 0;

	if (what & EV_READ)
		flags |= CURL_CSELECT_IN;
	if (what & EV_WRITE)
		flags |= CURL_CSELECT_OUT;
	client->busy++;
	curl_multi_socket_action(client->multi, fd, flags, &running);
	client_leave(client);
}

static void on_client_timer(evutil_socket_t fd, short what, void *arg)
{
	struct http_client *client = arg;
	int running;

	client->busy++;
	curl_multi_socket_action(client->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	client_leave(client);
}

static int on_curl_timer(CURLM *multi, long timeout_ms, void *arg)
{
	struct http_client *client = arg;
	struct timeval tv = { .tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000 };

	if (timeout_ms < 0)
		event_del(client->timer);
	else
		event_add(client->timer, &tv);
	return 0;
}

static int on_curl_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
	struct http_client *client = arg;
	struct event *ev = socket_arg;
	short flags = EV_PERSIST;

	if (ev)
		event_free(ev);
	if (what == CURL_POLL_REMOVE) {
		curl_multi_assign(client->multi, fd, NULL);
		return 0;
	}
	if (what & CURL_POLL_IN)
		flags |= EV_READ;
	if (what & CURL_POLL_OUT)
		flags |= EV_WRITE;
	ev = event_new(client->loop, fd, flags, on_socket_event, client);
	if (!ev || event_add(ev, NULL) < 0)
		abort();
	curl_multi_assign(client->multi, fd, ev);
	return 0;
}

int http_client_new(struct http_client **ret, struct event_base *loop, struct error *err)
{
	struct http_client *client = mem_alloc(sizeof(*client));

	init_once();
	client->loop = loop;
	client->multi = curl_multi_init();
	client->timer = evtimer_new(loop, on_client_timer, client);
	if (!client->multi || !client->timer)
		abort();
	curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket);
	curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client);
	curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, on_curl_timer);
	curl_multi_setopt(client->multi, CURLMOPT_TIMERDATA, client);
	*ret = client;
	return 0;
}

static void client_dispose(struct http_client *client)
{
	while (client->calls)
		call_drop(client->calls);
	curl_multi_cleanup(client->multi);
	event_free(client->timer);
	free(client);
}

void http_client_free(struct http_client *client)
{
	if (!client)
		return;
	for (struct http_call *call = client->calls; call; call = call->next)
		call->cancelled = true;
	if (client->busy)
		client->dead = true;
	else
		client_dispose(client);
}

/* CURLM_RECURSIVE_API_CALL: we are inside a callback of curl, where it takes no new handles. */
static CURLMcode call_begin(struct http_call *call)
{
	CURLMcode code = curl_multi_add_handle(call->client->multi, call->easy);

	if (code != CURLM_OK && code != CURLM_RECURSIVE_API_CALL)
		error_set(&call->failure, ERR_UNAVAILABLE, "%s %s: %s", call->method, call->url,
			curl_multi_strerror(code));
	return code;
}

static void on_later(evutil_socket_t fd, short what, void *arg)
{
	struct http_call *call = arg;
	struct http_client *client = call->client;

	client->busy++;
	if (!call->failure.code)
		call_begin(call);
	if (call->failure.code)
		call_finish(call, CURLE_BAD_FUNCTION_ARGUMENT);
	client_leave(client);
}

struct http_call *http_call_start(struct http_client *client, const struct http_call_options *options,
	void (*done)(const struct http_answer *answer, const struct error *failure, void *arg), void *arg)
{
	struct http_call *call = call_new(options);

	call->client = client;
	call->done = done;
	call->done_arg = arg;
	call->next = client->calls;
	if (call->next)
		call->next->prev = call;
	client->calls = call;
	if (!call->failure.code && call_begin(call) == CURLM_OK)
		return call;
	call->later = evtimer_new(client->loop, on_later, call);
	if (!call->later)
		abort();
	event_active(call->later, EV_TIMEOUT, 0);
	return call;
}

void http_call_cancel(struct http_call *call)
{
	if (!call || call->finished)
		return;
	call->cancelled = true;
	/* curl refuses the removal of a handle from inside its own callbacks. */
	if (call->client->busy)
		call->client->sweep = true;
	else
		call_drop(call);
}

/* --- Blocking. --- */

int http_call_run(struct http_answer *ret, const struct http_call_options *options, struct error *err)
{
	struct http_call *call = call_new(options);
	int r = 0;

	if (call_judge(call, call->failure.code ? CURLE_OK : curl_easy_perform(call->easy))) {
		*ret = call->answer;
		str_init(&call->answer.body);
	} else {
		if (err)
			*err = call->failure;
		r = -(int)call->failure.code;
	}
	call_free(call);
	return r;
}

void http_answer_release(struct http_answer *answer)
{
	str_release(&answer->body);
}

/* --- What an error answer says. --- */

static enum error_code code_of_status(int status)
{
	switch (status) {
	case 401:
	case 403:
		return ERR_DENIED;
	case 404:
		return ERR_NOT_FOUND;
	case 409:
		return ERR_EXISTS;
	case 413:
		return ERR_LIMIT;
	case 502:
	case 503:
		return ERR_UNAVAILABLE;
	case 504:
		return ERR_TIMEOUT;
	case 507:
		return ERR_NO_SPACE;
	}
	return status >= 500 ? ERR_FAILED : ERR_INVALID;
}

static enum error_code code_of_name(const char *name, enum error_code otherwise)
{
	for (int code = ERR_NONE + 1; name && code < ERR_NCODES; code++)
		if (strcmp(error_code_name((enum error_code)code), name) == 0)
			return (enum error_code)code;
	return otherwise;
}

void http_answer_error(struct error *err, const struct http_answer *answer, const char *what)
{
	enum error_code code = code_of_status(answer->status);
	json_t *json = json_loadb(answer->body.buf, answer->body.len, 0, NULL);
	const char *message = json_string_value(json_object_get(json, "message"));
	struct str line = STR_INIT;

	if (message)
		str_add_printable(&line, message, strlen(message), MESSAGE_MAX);
	else if (!json && answer->body.len > 0 && answer->body.buf[0] != '<')
		str_add_printable(&line, answer->body.buf, strcspn(answer->body.buf, "\r\n"), MESSAGE_MAX);
	str_trim_right(&line);
	code = code_of_name(json_string_value(json_object_get(json, "error")), code);
	if (line.len)
		error_set(err, code, "%s%s%s", what ? what : "", what ? ": " : "", line.buf);
	else
		error_set(err, code, "%s%sthe server answered with status %d", what ? what : "", what ? ": " : "",
			answer->status);
	str_release(&line);
	json_decref(json);
}
