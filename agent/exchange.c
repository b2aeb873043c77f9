#include "agent/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"

char *agent_url(const struct agent *agent, const char *path)
{
	return mem_printf("%s%s", agent->server, path);
}

void agent_note_away(struct agent *agent, const char *why)
{
	if (!agent->away)
		log_warning("no answer from %s (%s); trying again until it is there", agent->server, why);
	agent->away = true;
}

void agent_note_back(struct agent *agent)
{
	if (agent->away)
		log_info("%s answers again", agent->server);
	agent->away = false;
}

static void exchange_free(struct exchange *exchange)
{
	event_free(exchange->again);
	file_close(&exchange->fd);
	free(exchange->url);
	free(exchange->body);
	free(exchange->path);
	free(exchange);
}

static void exchange_later(struct exchange *exchange)
{
	struct timeval pause = { exchange->pause_ms / 1000, exchange->pause_ms % 1000 * 1000 };

	event_add(exchange->again, &pause);
	exchange->pause_ms *= 2;
	if (exchange->pause_ms > PAUSE_MAX_MS)
		exchange->pause_ms = PAUSE_MAX_MS;
}

static void on_answer(const struct http_answer *answer, const struct error *failure, void *arg)
{
	struct exchange *exchange = arg;
	struct error err = ERROR_INIT;
	int64_t now = clock_steady_ms();

	exchange->call = NULL;
	if (!answer) {
		agent_note_away(exchange->agent, failure->text);
		exchange->refused_ms = 0;
		exchange_later(exchange);
		return;
	}
	if (!exchange->refused_ms)
		exchange->refused_ms = now;
	/* Redis away, no space: mends itself, or an operator does.  Not on this slot for ever. */
	if ((answer->status >= 500 || answer->status == 429) &&
		(!exchange->patience_ms || now - exchange->refused_ms < exchange->patience_ms)) {
		http_answer_error(&err, answer, exchange->options.method);
		agent_note_away(exchange->agent, err.text);
		exchange_later(exchange);
		return;
	}
	agent_note_back(exchange->agent);
	exchange->done(exchange, answer, exchange->arg);
	exchange_free(exchange);
}

/* 0 or -1: a file of ours cannot be opened now (disk full, no descriptors). */
static int open_file(struct exchange *exchange)
{
	bool upload = exchange->options.body_fd != -1;
	struct stat st;

	file_close(&exchange->fd);
	exchange->fd = upload ? open(exchange->path, O_RDONLY | O_CLOEXEC)
			      : open(exchange->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (exchange->fd < 0 || fstat(exchange->fd, &st) < 0)
		return -1;
	if (upload) {
		exchange->options.body_fd = exchange->fd;
		exchange->options.body_len = (size_t)st.st_size;
	} else {
		exchange->options.output_fd = exchange->fd;
	}
	return 0;
}

static void exchange_try(struct exchange *exchange)
{
	if (exchange->path && open_file(exchange) < 0) {
		log_warning("cannot open %s: %s; trying again", exchange->path, strerror(errno));
		exchange_later(exchange);
		return;
	}
	exchange->call = http_call_start(exchange->agent->http, &exchange->options, on_answer, exchange);
}

static void on_again(evutil_socket_t fd, short what, void *arg)
{
	exchange_try(arg);
}

struct exchange *exchange_start(struct agent *agent, const char *method, const char *path,
	char *body, const char *upload, const char *download, int64_t timeout_ms,
	int64_t patience_ms,
	void (*done)(struct exchange *exchange, const struct http_answer *answer, void *arg),
	void *arg)
{
	struct exchange *exchange = mem_alloc(sizeof(*exchange));
	const struct http_call_options standard = HTTP_CALL_INIT;

	exchange->agent = agent;
	exchange->url = agent_url(agent, path);
	exchange->body = body;
	exchange->path = mem_strdup(upload ? upload : download);
	exchange->fd = -1;
	exchange->pause_ms = PAUSE_MIN_MS;
	exchange->patience_ms = patience_ms;
	exchange->done = done;
	exchange->arg = arg;
	exchange->options = standard;
	exchange->options.method = method;
	exchange->options.url = exchange->url;
	exchange->options.token = agent->token.len ? agent->token.buf : NULL;
	exchange->options.timeout_ms = timeout_ms;
	if (body) {
		exchange->options.content_type = "application/json";
		exchange->options.body = body;
		exchange->options.body_len = strlen(body);
	} else if (upload) {
		exchange->options.content_type = "application/octet-stream";
		exchange->options.body_fd = 0;
	}
	exchange->again = evtimer_new(agent->loop, on_again, exchange);
	if (!exchange->again)
		abort();
	exchange_try(exchange);
	return exchange;
}

void exchange_cancel(struct exchange *exchange)
{
	if (!exchange)
		return;
	http_call_cancel(exchange->call);
	exchange_free(exchange);
}
