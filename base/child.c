/* Children in an event loop. */
#include "base/child_guard.h"
#include "base/child_spawn.h"

#include <errno.h>
#include <event2/event.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

#define READS_A_TURN 8		/* so that one loud child does not starve the loop */

struct child {
	pid_t pid;
	int pidfd;
	struct child_guard *guard;	/* NULL: none */
	int pipes[3];
	struct event *on_pipe[3];
	struct event *on_pidfd;
	struct event *timer;
	struct child_events events;
	struct child_exit exit;
	enum child_phase phase;
	int64_t start_ms;
	int64_t grace_ms;
	bool outlives;
	bool paused;
	bool busy;			/* a callback of the owner runs */
	bool dead;			/* freed by its owner during that callback */
};

static void child_arm(struct child *child, int64_t ms)
{
	struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	event_add(child->timer, &tv);
}

static void child_close_pipe(struct child *child, int stream)
{
	if (child->on_pipe[stream])
		event_free(child->on_pipe[stream]);
	child->on_pipe[stream] = NULL;
	file_close(&child->pipes[stream]);
}

static void child_dispose(struct child *child)
{
	child_close_pipe(child, 1);
	child_close_pipe(child, 2);
	if (child->on_pidfd)
		event_free(child->on_pidfd);
	if (child->timer)
		event_free(child->timer);
	file_close(&child->pidfd);
	free(child);
}

static void child_finish(struct child *child)
{
	child_close_pipe(child, 1);
	child_close_pipe(child, 2);
	event_del(child->timer);
	/* The leader is still a zombie: its number cannot belong to a stranger yet. */
	if (!child->outlives)
		kill(-child->pid, SIGKILL);
	child_guard_remove(child->guard, child->pid);
	child_reap(child->pid, &child->exit);
	child->phase = PHASE_ENDED;
	child->busy = true;
	if (child->events.on_exit)
		child->events.on_exit(child, &child->exit, child->events.arg);
	child->busy = false;
	if (child->dead)
		child_dispose(child);
}

static void child_drained(struct child *child)
{
	if (child->phase == PHASE_DRAINING && child->pipes[1] < 0 && child->pipes[2] < 0)
		child_finish(child);
}

static void on_pipe(int fd, int stream, struct child *child)
{
	char bytes[CHILD_READ_SIZE];

	for (int i = 0; i < READS_A_TURN && !child->paused; i++) {
		ssize_t n = read(fd, bytes, sizeof(bytes));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			child_close_pipe(child, stream);
			child_drained(child);
			return;
		}
		if (!child->events.on_output)
			continue;
		child->busy = true;
		child->events.on_output(child, stream, bytes, (size_t)n, child->events.arg);
		child->busy = false;
		if (child->dead) {
			child_dispose(child);
			return;
		}
	}
}

static void on_stdout(evutil_socket_t fd, short what, void *arg)
{
	on_pipe(fd, 1, arg);
}

static void on_stderr(evutil_socket_t fd, short what, void *arg)
{
	on_pipe(fd, 2, arg);
}

static void on_leader_exit(evutil_socket_t fd, short what, void *arg)
{
	struct child *child = arg;

	event_del(child->on_pidfd);
	event_del(child->timer);
	child->exit.wall_ms = child_now_ms() - child->start_ms;
	child->phase = PHASE_DRAINING;
	if (!child->paused)
		child_arm(child, CHILD_DRAIN_MS);
	child_drained(child);
}

static void on_child_timer(evutil_socket_t fd, short what, void *arg)
{
	struct child *child = arg;

	switch (child->phase) {
	case PHASE_RUNNING:
		child->exit.timed_out = true;
		child->phase = PHASE_TERMINATED;
		child_signal_session(child->pid, SIGTERM);
		child_arm(child, child->grace_ms);
		break;
	case PHASE_TERMINATED:
		child->phase = PHASE_KILLED;
		child_signal_session(child->pid, SIGKILL);
		break;
	case PHASE_DRAINING:
		child_finish(child);
		break;
	case PHASE_KILLED:
	case PHASE_ENDED:
		break;
	}
}

static struct event *child_event(struct event_base *loop, int fd, event_callback_fn fn,
	struct child *child)
{
	struct event *ev = event_new(loop, fd, EV_READ | EV_PERSIST, fn, child);

	if (!ev || event_add(ev, NULL) < 0)
		abort();
	return ev;
}

int child_start(struct child **ret, struct event_base *loop, const struct child_options *options,
	const struct child_events *events, struct error *err)
{
	struct child *child;
	struct child_stdio io;
	int pidfd, r;
	pid_t pid;

	r = child_stdio_open(&io, options, err);
	if (r < 0)
		return r;
	r = child_spawn(&pid, &pidfd, options, io.child, err);
	child_stdio_close(&io, r < 0);
	if (r < 0)
		return r;
	child = mem_alloc(sizeof(*child));
	child->pid = pid;
	child->pidfd = pidfd;
	child->start_ms = child_now_ms();
	child->grace_ms = options->grace_ms > 0 ? options->grace_ms : CHILD_GRACE_MS;
	child->outlives = options->outlives;
	child->guard = options->guard;
	if (events)
		child->events = *events;
	memcpy(child->pipes, io.ours, sizeof(child->pipes));
	child->on_pidfd = child_event(loop, pidfd, on_leader_exit, child);
	if (child->pipes[1] >= 0)
		child->on_pipe[1] = child_event(loop, child->pipes[1], on_stdout, child);
	if (child->pipes[2] >= 0)
		child->on_pipe[2] = child_event(loop, child->pipes[2], on_stderr, child);
	child->timer = evtimer_new(loop, on_child_timer, child);
	if (!child->timer)
		abort();
	if (options->timeout_ms > 0)
		child_arm(child, options->timeout_ms);
	*ret = child;
	return 0;
}

pid_t child_pid(const struct child *child)
{
	return child->pid;
}

void child_kill(struct child *child, int signal)
{
	if (child->phase != PHASE_ENDED)
		child_signal_session(child->pid, signal);
}

void child_pause(struct child *child, bool paused)
{
	if (child->paused == paused)
		return;
	child->paused = paused;
	for (int stream = 1; stream <= 2; stream++) {
		if (!child->on_pipe[stream])
			continue;
		if (paused)
			event_del(child->on_pipe[stream]);
		else
			event_add(child->on_pipe[stream], NULL);
	}
	if (child->phase != PHASE_DRAINING)
		return;
	if (paused)
		event_del(child->timer);
	else
		child_arm(child, CHILD_DRAIN_MS);
}

void child_free(struct child *child)
{
	struct pollfd wait;

	if (!child)
		return;
	if (child->phase != PHASE_ENDED) {
		child_signal_session(child->pid, SIGKILL);
		/* A process stuck in the kernel must not hang the loop; it stays a zombie of ours then. */
		wait = (struct pollfd){ .fd = child->pidfd, .events = POLLIN };
		child_guard_remove(child->guard, child->pid);
		if (poll(&wait, 1, CHILD_GRACE_MS) > 0)
			child_reap(child->pid, &child->exit);
		child->phase = PHASE_ENDED;
	}
	if (child->busy) {
		child->dead = true;
		child_close_pipe(child, 1);
		child_close_pipe(child, 2);
		event_del(child->on_pidfd);
		event_del(child->timer);
		return;
	}
	child_dispose(child);
}
