/* Children without a loop, for tools and worker threads. */
#include "base/child_spawn.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"

#define OUTPUT_STANDARD (16u << 20)

/* All of `input` in an unnamed file: no pipe that could fill up, no SIGPIPE from a child that does not read. */
static int input_file(int *ret, const char *input, size_t len, struct error *err)
{
	int fd = memfd_create("input", MFD_CLOEXEC), r;

	if (fd < 0)
		return error_errno(err, errno, "cannot hold the input");
	r = file_write_all(fd, input, len, err);
	if (r == 0 && lseek(fd, 0, SEEK_SET) < 0)
		r = error_errno(err, errno, "cannot rewind the input");
	if (r < 0)
		close(fd);
	else
		*ret = fd;
	return r;
}

/* Appends while `*room` bytes last; false at the end of the pipe. */
static bool take_output(int fd, struct str *out, size_t *room, bool *lost)
{
	char bytes[CHILD_READ_SIZE];
	ssize_t n;

	n = read(fd, bytes, sizeof(bytes));
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (n == 0)
		return false;
	if (out) {
		size_t take = (size_t)n < *room ? (size_t)n : *room;

		if (take < (size_t)n)
			*lost = true;
		str_add_bytes(out, bytes, take);
		*room -= take;
	}
	return true;
}

struct blocking {
	pid_t pid;
	int64_t start_ms;
	int64_t deadline_ms;		/* of this phase; INT64_MAX: none */
	int64_t grace_ms;
	enum child_phase phase;
};

static void blocking_deadline(struct blocking *run, struct child_exit *exit)
{
	if (run->phase == PHASE_RUNNING) {
		exit->timed_out = true;
		run->phase = PHASE_TERMINATED;
		run->deadline_ms = child_now_ms() + run->grace_ms;
		child_signal_session(run->pid, SIGTERM);
	} else if (run->phase == PHASE_TERMINATED) {
		run->phase = PHASE_KILLED;
		run->deadline_ms = INT64_MAX;
		child_signal_session(run->pid, SIGKILL);
	} else {
		run->phase = PHASE_ENDED;
	}
}

/* Until the leader has ended and the pipes too, or CHILD_DRAIN_MS after the leader. */
static void blocking_wait(struct blocking *run, struct child_exit *exit, int pidfd, int pipes[3],
	struct str *const outs[3], size_t max)
{
	size_t room[3] = { 0, max, max };

	while (run->phase != PHASE_ENDED) {
		struct pollfd fds[3] = {
			{ .fd = run->phase == PHASE_DRAINING ? -1 : pidfd, .events = POLLIN },
			{ .fd = pipes[1], .events = POLLIN },
			{ .fd = pipes[2], .events = POLLIN },
		};
		int64_t left = run->deadline_ms - child_now_ms();

		if (left <= 0) {
			blocking_deadline(run, exit);
			continue;
		}
		if (poll(fds, 3, left > INT_MAX ? -1 : (int)left) < 0)
			continue;
		for (int i = 1; i < 3; i++)
			if (fds[i].revents && !take_output(pipes[i], outs[i], &room[i], &exit->lost_output))
				file_close(&pipes[i]);
		if (fds[0].revents) {
			exit->wall_ms = child_now_ms() - run->start_ms;
			run->phase = PHASE_DRAINING;
			run->deadline_ms = child_now_ms() + CHILD_DRAIN_MS;
		}
		if (run->phase == PHASE_DRAINING && pipes[1] < 0 && pipes[2] < 0)
			run->phase = PHASE_ENDED;
	}
}

int child_run(struct child_exit *ret_exit, struct str *ret_out, struct str *ret_err, const char *input,
	size_t input_len, size_t max_output, const struct child_options *options, struct error *err)
{
	struct str *const outs[3] = { NULL, ret_out, ret_err };
	struct child_options own = *options;
	struct child_exit exit = { 0 };
	struct blocking run = { .phase = PHASE_RUNNING, .deadline_ms = INT64_MAX };
	int input_fd = -1, pidfd = -1, r;
	struct child_stdio io;

	if (input) {
		r = input_file(&input_fd, input, input_len, err);
		if (r < 0)
			return r;
		own.stdin_fd = input_fd;
	}
	r = child_stdio_open(&io, &own, err);
	if (r < 0)
		goto out;
	r = child_spawn(&run.pid, &pidfd, &own, io.child, err);
	child_stdio_close(&io, r < 0);
	if (r < 0)
		goto out;
	run.start_ms = child_now_ms();
	run.grace_ms = own.grace_ms > 0 ? own.grace_ms : CHILD_GRACE_MS;
	if (own.timeout_ms > 0)
		run.deadline_ms = run.start_ms + own.timeout_ms;
	blocking_wait(&run, &exit, pidfd, io.ours, outs, max_output ? max_output : OUTPUT_STANDARD);
	if (!own.outlives)
		kill(-run.pid, SIGKILL);
	child_reap(run.pid, &exit);
	child_stdio_close(&io, true);
	if (ret_exit)
		*ret_exit = exit;
out:
	file_close(&pidfd);
	file_close(&input_fd);
	return r;
}

/* The last line with something on it; `text` loses its trailing white space. */
static const char *last_line(struct str *text)
{
	const char *newline;

	str_trim_right(text);
	newline = memrchr(text->buf, '\n', text->len);
	return newline ? newline + 1 : text->buf;
}

int child_check(struct str *ret_out, const char *const *argv, const char *directory, int64_t timeout_ms,
	struct error *err)
{
	struct child_options options = CHILD_OPTIONS_INIT;
	struct str out = STR_INIT, errors = STR_INIT;
	struct child_exit exit;
	const char *line;
	int r;

	options.argv = argv;
	options.directory = directory;
	options.timeout_ms = timeout_ms;
	options.stdout_fd = ret_out ? CHILD_PIPE : CHILD_NULL;
	options.stderr_fd = CHILD_PIPE;
	r = child_run(&exit, &out, &errors, NULL, 0, 0, &options, err);
	if (r < 0)
		goto out;
	line = last_line(&errors);
	if (exit.timed_out)
		r = error_set(err, ERR_TIMEOUT, "%s did not end within %lld ms", argv[0],
			(long long)timeout_ms);
	else if (exit.signal)
		r = error_set(err, ERR_FAILED, "%s was killed by signal %d%s%s", argv[0], exit.signal,
			*line ? ": " : "", line);
	else if (exit.status != 0)
		r = error_set(err, ERR_FAILED, "%s failed with status %d%s%s", argv[0], exit.status,
			*line ? ": " : "", line);
	else if (exit.lost_output && out.len >= OUTPUT_STANDARD)
		r = error_set(err, ERR_LIMIT, "%s wrote more than %u bytes", argv[0], OUTPUT_STANDARD);
	else if (ret_out)
		str_add_bytes(ret_out, out.buf, out.len);
out:
	str_release(&out);
	str_release(&errors);
	return r;
}
