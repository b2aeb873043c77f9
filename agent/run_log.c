/* A run's log: a local file whose new bytes go to the daemon in pieces, each with its offset. */
#include "agent/run.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"

enum {
	BATCH_MS = 500,
	BATCH_BYTES = 64 << 10,
	PIECE_MAX = 256 << 10,		/* of what waits when the daemon was away */
	LOG_MAX = 60 << 20,
};

static void send_piece(struct run *run);

static void send_in(struct run *run, int64_t ms)
{
	struct timeval time = { ms / 1000, ms % 1000 * 1000 };

	event_add(run->log_timer, &time);
}

static void on_sent(const struct http_answer *answer, const struct error *failure, void *arg)
{
	struct run *run = arg;
	struct error err = ERROR_INIT;

	run->log_call = NULL;
	if (!answer || answer->status >= 500 || answer->status == 429) {
		agent_note_away(run->agent, failure ? failure->text : "server error");
		run->log_pause_ms = run->log_pause_ms * 2 < PAUSE_MAX_MS ? run->log_pause_ms * 2 : PAUSE_MAX_MS;
		send_in(run, run->log_pause_ms);
		run_flushed(run);
		return;
	}
	agent_note_back(run->agent);
	run->log_pause_ms = PAUSE_MIN_MS;
	if (answer->status == 409) {
		http_answer_error(&err, answer, "the log is not wanted");
		run_abandon(run, err.text);
		return;
	}
	if (answer->status >= 400) {
		http_answer_error(&err, answer, "the log is not shown live");
		log_warning("unit %s: %s", run->id, err.text);
		run->log_off = true;
	} else {
		run->log_sent += run->log_sending;
	}
	if (!run->log_off && run->log_sent < run->log_len &&
	    (run->step == STEP_FLUSH || run->log_len - run->log_sent >= BATCH_BYTES))
		send_piece(run);
	else if (run->step == STEP_FLUSH)
		run_flushed(run);
	else if (run->log_sent < run->log_len)
		send_in(run, BATCH_MS);
}

static void send_piece(struct run *run)
{
	struct http_call_options options = HTTP_CALL_INIT;
	uint64_t len = run->log_len - run->log_sent;
	struct str path = STR_INIT;
	char *bytes, *action;
	ssize_t n;

	if (run->log_call || run->log_off || run->over || !len)
		return;
	bytes = mem_alloc(len < PIECE_MAX ? len : PIECE_MAX);
	n = pread(run->log_fd, bytes, len < PIECE_MAX ? len : PIECE_MAX, (off_t)run->log_sent);
	if (n <= 0) {
		run->log_off = true;
		free(bytes);
		return;
	}
	action = run_url(run, "log");
	str_setf(&path, "%s%s?epoch=%" PRIu64 "&offset=%" PRIu64, run->agent->server, action, run->epoch,
		run->log_sent);
	options.method = "POST";
	options.url = path.buf;
	options.token = run->agent->token.len ? run->agent->token.buf : NULL;
	options.content_type = "application/octet-stream";
	options.body = bytes;
	options.body_len = (size_t)n;
	run->log_sending = (uint64_t)n;
	event_del(run->log_timer);
	run->log_call = http_call_start(run->agent->http, &options, on_sent, run);
	free(action);
	free(bytes);
	str_release(&path);
}

static void on_log_time(evutil_socket_t fd, short what, void *arg)
{
	send_piece(arg);
}

int run_log_open(struct run *run, struct error *err)
{
	run->log_path = mem_printf("%s/log", run->directory);
	run->log_pause_ms = PAUSE_MIN_MS;
	run->log_fd = open(run->log_path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (run->log_fd < 0)
		return error_errno(err, errno, "cannot make %s", run->log_path);
	run->log_timer = evtimer_new(run->agent->loop, on_log_time, run);
	if (!run->log_timer)
		abort();
	return 0;
}

const char *run_log_path(const struct run *run)
{
	return run->log_path;
}

static void append(struct run *run, const char *bytes, size_t len)
{
	struct error err = ERROR_INIT;

	if (run->log_errno)
		return;
	errno = 0;
	if (file_write_all(run->log_fd, bytes, len, &err) < 0) {
		run->log_errno = err.code == ERR_NO_SPACE ? ENOSPC : errno ? errno : EIO;
		return;
	}
	run->log_len += len;
	for (const char *at = bytes; (at = memchr(at, '\n', len - (size_t)(at - bytes))); at++)
		run->log_lines++;
}

uint64_t run_log_lines(const struct run *run)
{
	return run->log_lines;
}

void run_log(struct run *run, const char *bytes, size_t len)
{
	static const char cut[] = "\n[bisectd] the log is cut here: it is too long\n";

	if (run->log_cut || !len)
		return;
	if (run->log_len + len > LOG_MAX) {
		run->log_cut = true;
		append(run, bytes, LOG_MAX - run->log_len);
		append(run, cut, strlen(cut));
	} else {
		append(run, bytes, len);
	}
	if (run->log_len - run->log_sent >= BATCH_BYTES && run->log_pause_ms == PAUSE_MIN_MS)
		send_piece(run);
	else if (!event_pending(run->log_timer, EV_TIMEOUT, NULL) && !run->log_call)
		send_in(run, BATCH_MS);
}

void run_logf(struct run *run, const char *fmt, ...)
{
	struct str text = STR_INIT;
	va_list ap;

	va_start(ap, fmt);
	str_vaddf(&text, fmt, ap);
	va_end(ap);
	run_log(run, text.buf, text.len);
	str_release(&text);
}

void run_log_flush(struct run *run)
{
	if (run->log_call)
		return;
	if (!run->log_off && run->log_sent < run->log_len)
		send_piece(run);
	if (!run->log_call)
		run_flushed(run);
}
