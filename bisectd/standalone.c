#include "bisectd/standalone.h"

#include <event2/event.h>
#include <signal.h>

#include "base/child.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"

#define PAUSE_MIN_MS 200
#define PAUSE_MAX_MS 10000
#define STOP_MS 10000
#define STEADY_MS 30000		/* lived that long: the next pause is short again */

struct part {
	struct standalone *standalone;
	const char *name;
	struct strv argv;
	struct child *child;
	struct event *again;
	int64_t pause_ms, started_ms;
};

struct standalone {
	struct event_base *loop;
	struct part parts[2];
	bool stopping;
	struct event *deadline;
	void (*done)(void *arg);
	void *arg;
};

static void part_start(struct part *part);

static void stopped_if_all(struct standalone *s)
{
	if (!s->stopping || s->parts[0].child || s->parts[1].child)
		return;
	event_del(s->deadline);
	if (s->done) {
		void (*done)(void *arg) = s->done;

		s->done = NULL;
		done(s->arg);
	}
}

static void on_part_exit(struct child *child, const struct child_exit *exit, void *arg)
{
	struct part *part = arg;
	struct timeval pause;

	child_free(child);
	part->child = NULL;
	if (part->standalone->stopping) {
		stopped_if_all(part->standalone);
		return;
	}
	if (clock_steady_ms() - part->started_ms > STEADY_MS)
		part->pause_ms = PAUSE_MIN_MS;
	log_warning("%s ended with status %d; it is started again in %lld ms", part->name,
		exit->status, (long long)part->pause_ms);
	pause.tv_sec = part->pause_ms / 1000;
	pause.tv_usec = part->pause_ms % 1000 * 1000;
	part->pause_ms *= 2;
	if (part->pause_ms > PAUSE_MAX_MS)
		part->pause_ms = PAUSE_MAX_MS;
	event_add(part->again, &pause);
}

static void on_again(evutil_socket_t fd, short what, void *arg)
{
	part_start(arg);
}

static void part_start(struct part *part)
{
	static const struct timeval later = { 10, 0 };
	struct child_options options = CHILD_OPTIONS_INIT;
	struct child_events events = { .on_exit = on_part_exit, .arg = part };
	struct error err = ERROR_INIT;

	options.argv = strv_argv(&part->argv);
	options.stdout_fd = options.stderr_fd = CHILD_INHERIT;
	part->started_ms = clock_steady_ms();
	if (child_start(&part->child, part->standalone->loop, &options, &events, &err) < 0) {
		log_error("cannot start %s: %s", part->name, err.text);
		event_add(part->again, &later);
	}
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct standalone *s = arg;

	for (int i = 0; i < 2; i++) {
		child_free(s->parts[i].child);
		s->parts[i].child = NULL;
	}
	stopped_if_all(s);
}

static void add_arguments(struct strv *argv, const struct standalone_options *options,
	const char *name, const char *state, long long slots)
{
	strv_pushf(argv, "%s/%s", options->program_dir, name);
	strv_push(argv, "--server");
	strv_pushf(argv, strchr(options->address, ':') ? "http://[%s]:%d" : "http://%s:%d",
		options->address, options->port);
	strv_push(argv, "--token-file");
	strv_pushf(argv, "%s/agent.token", options->state_dir);
	strv_push(argv, "--state-dir");
	strv_pushf(argv, "%s/%s", options->state_dir, state);
	strv_push(argv, "--slots");
	strv_pushf(argv, "%lld", slots);
	strv_push(argv, "--libexec-dir");
	strv_push(argv, options->program_dir);
	strv_push(argv, "--hide");
	strv_push(argv, options->state_dir);
	if (options->memory) {
		strv_push(argv, "--memory");
		strv_pushf(argv, "%lld", options->memory);
	}
}

int standalone_start(struct standalone **ret, struct event_base *loop,
	const struct standalone_options *options, struct error *err)
{
	struct standalone *s = mem_alloc(sizeof(*s));
	struct part *builder = &s->parts[0], *tester = &s->parts[1];

	s->loop = loop;
	s->deadline = evtimer_new(loop, on_deadline, s);
	for (int i = 0; i < 2; i++) {
		s->parts[i].standalone = s;
		s->parts[i].pause_ms = PAUSE_MIN_MS;
		s->parts[i].again = evtimer_new(loop, on_again, &s->parts[i]);
	}
	builder->name = "bisect-builder";
	add_arguments(&builder->argv, options, builder->name, "builder", options->build_slots);
	strv_push(&builder->argv, "--mirrors-dir");
	strv_push(&builder->argv, options->mirrors_dir);
	if (options->local_repositories)
		strv_push(&builder->argv, "--local-repositories");
	tester->name = "bisect-tester";
	add_arguments(&tester->argv, options, tester->name, "tester", options->test_slots);
	part_start(builder);
	part_start(tester);
	*ret = s;
	return 0;
}

void standalone_stop(struct standalone *s, void (*done)(void *arg), void *arg)
{
	static const struct timeval patience = { STOP_MS / 1000, 0 };

	if (!s) {
		if (done)
			done(arg);
		return;
	}
	s->stopping = true;
	s->done = done;
	s->arg = arg;
	event_add(s->deadline, &patience);
	for (int i = 0; i < 2; i++) {
		event_del(s->parts[i].again);
		if (s->parts[i].child)
			child_kill(s->parts[i].child, SIGTERM);
	}
	stopped_if_all(s);
}

void standalone_free(struct standalone *s)
{
	if (!s)
		return;
	for (int i = 0; i < 2; i++) {
		child_free(s->parts[i].child);
		event_free(s->parts[i].again);
		strv_release(&s->parts[i].argv);
	}
	event_free(s->deadline);
	free(s);
}
