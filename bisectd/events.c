/*
 * Server-sent events: who looks at which bisection.  Changes are collected and sent once a tick, as the whole object: a page needs nothing else to
 * be right, and a missed event costs nothing.
 */
#include "bisectd/daemon.h"

#include "base/clock.h"
#include "base/mem.h"

#define COMMENT_EVERY_MS 10000
#define SEND_EVERY_MS 200

struct subscriber {
	struct daemon *daemon;
	struct http_request *request;
	char *bisection;
	bool changed;
	int64_t sent_ms, comment_ms;
	struct subscriber *next;
};

static void subscriber_gone(struct http_request *request, void *arg)
{
	struct subscriber *s = arg;
	struct subscriber **link = &s->daemon->subscribers;

	while (*link && *link != s)
		link = &(*link)->next;
	if (*link)
		*link = s->next;
	free(s->bisection);
	free(s);
}

void events_subscribe(struct daemon *daemon, struct http_request *request, const char *bisection)
{
	struct subscriber *s = mem_alloc(sizeof(*s));

	s->daemon = daemon;
	s->request = request;
	s->bisection = mem_strdup(bisection);
	s->changed = true;
	s->comment_ms = clock_steady_ms();
	s->next = daemon->subscribers;
	daemon->subscribers = s;
	http_set_response_header(request, "Cache-Control", "no-store");
	http_stream_begin(request, "text/event-stream");
	http_on_close(request, subscriber_gone, s);
	daemon_wake(daemon);
}

void events_bisection_changed(struct daemon *daemon, const char *bisection)
{
	for (struct subscriber *s = daemon->subscribers; s; s = s->next)
		if (!strcmp(s->bisection, bisection))
			s->changed = true;
}

static void send_event(struct subscriber *s, const char *name, json_t *data)
{
	char *text = json_dumps(data, JSON_COMPACT | JSON_REAL_PRECISION(15));
	struct str event = STR_INIT;

	if (!text)
		return;
	/* Compact JSON has no newline: one data line is enough. */
	str_addf(&event, "event: %s\ndata: ", name);
	str_add(&event, text);
	str_add(&event, "\n\n");
	http_stream_write(s->request, event.buf, event.len);
	str_release(&event);
	free(text);
}

void events_log(struct daemon *daemon, const char *unit, uint64_t offset, const char *bytes,
	size_t len)
{
	struct subscriber *next;
	struct str text = STR_INIT;
	json_t *data;

	if (!daemon->subscribers)
		return;
	for (size_t from = 0; from < len;) {
		const char *newline = memchr(bytes + from, '\n', len - from);
		size_t end = newline ? (size_t)(newline - bytes) : len;

		str_add_printable(&text, bytes + from, end - from, 4096);
		if (newline)
			str_add_char(&text, '\n');
		from = end + 1;
	}
	data = json_pack("{s:s, s:I, s:s}", "unit", unit, "offset", (json_int_t)offset, "text",
		text.buf);
	for (struct subscriber *s = daemon->subscribers; s; s = next) {
		next = s->next;
		if (data && bisections_one_wants(daemon, s->bisection, unit))
			send_event(s, "log", data);
	}
	json_decref(data);
	str_release(&text);
}

void events_tick(struct daemon *daemon)
{
	static const char still_here[] = ": still here\n\n";
	int64_t now = clock_steady_ms();
	struct subscriber *next;

	for (struct subscriber *s = daemon->subscribers; s; s = next) {
		next = s->next;
		if (s->changed && now - s->sent_ms >= SEND_EVERY_MS) {
			json_t *object = bisection_json_of(daemon, s->bisection, NULL);

			s->changed = false;
			s->sent_ms = s->comment_ms = now;
			if (object)
				send_event(s, "bisection", object);
			json_decref(object);
		} else if (now - s->comment_ms >= COMMENT_EVERY_MS) {
			s->comment_ms = now;
			http_stream_write(s->request, still_here, strlen(still_here));
		}
	}
}

void events_free(struct daemon *daemon)
{
	while (daemon->subscribers) {
		struct subscriber *s = daemon->subscribers;

		http_stream_end(s->request);
		if (daemon->subscribers == s)	/* not told as gone: ours to free */
			subscriber_gone(s->request, s);
	}
}
