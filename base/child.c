#include "base/child.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <dirent.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

#define GRACE_STANDARD_MS	2000
#define DRAIN_MS		1000	/* for pipes that a grandchild still holds */
#define OUTPUT_STANDARD		(16u << 20)
#define READ_SIZE		(32u << 10)
#define READS_A_TURN		8	/* so that one loud child does not starve the loop */

/* --- Between fork and exec. --- */

enum step { STEP_PARENT, STEP_STDIO, STEP_KEEP, STEP_CGROUP, STEP_LIMIT, STEP_DIRECTORY, STEP_EXEC };

/* What the child sends through the pipe when it cannot become the program. */
struct failure {
	int step;
	int errno_value;
	size_t index;
};

/* Everything the child needs, made before the fork: after it nothing may allocate. */
struct plan {
	const struct child_options *options;
	const char *const *env;
	struct strv programs;		/* argv[0] in each directory of PATH */
	int stdio[3];			/* -1: leave what is inherited */
	int report_fd;
	int open_max;
	pid_t parent;
};

static _Noreturn void child_fail(const struct plan *plan, enum step step, size_t index)
{
	struct failure failure = { .step = (int)step, .errno_value = errno, .index = index };
	ssize_t n;

	do
		n = write(plan->report_fd, &failure, sizeof(failure));
	while (n < 0 && errno == EINTR);
	_exit(127);
}

static void child_reset_signals(void)
{
	struct sigaction standard = { .sa_handler = SIG_DFL };
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++)
		if (sig != SIGKILL && sig != SIGSTOP)
			sigaction(sig, &standard, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void child_set_fds(const struct plan *plan)
{
	int fds[3];

	/* First all out of the way: a source may be 0, 1 or 2 itself. */
	for (int i = 0; i < 3; i++) {
		fds[i] = plan->stdio[i] < 0 ? -1 : fcntl(plan->stdio[i], F_DUPFD_CLOEXEC, 3);
		if (plan->stdio[i] >= 0 && fds[i] < 0)
			child_fail(plan, STEP_STDIO, (size_t)i);
	}
	for (int i = 0; i < 3; i++)
		if (fds[i] >= 0 && dup2(fds[i], i) < 0)
			child_fail(plan, STEP_STDIO, (size_t)i);

	/* Close at exec rather than now: the report pipe must live until then. */
	if (close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
		for (int fd = 3; fd < plan->open_max; fd++)
			fcntl(fd, F_SETFD, FD_CLOEXEC);
	for (size_t i = 0; i < plan->options->n_keep_fds; i++)
		if (fcntl(plan->options->keep_fds[i], F_SETFD, 0) < 0)
			child_fail(plan, STEP_KEEP, i);
}

static void child_set_limits(const struct plan *plan)
{
	for (size_t i = 0; i < plan->options->n_limits; i++) {
		const struct child_limit *limit = &plan->options->limits[i];
		struct rlimit value = { limit->value, limit->value }, now;

		if (setrlimit((unsigned)limit->resource, &value) == 0)
			continue;
		/* A hard limit below the wanted one is stricter already. */
		if (errno != EPERM || getrlimit((unsigned)limit->resource, &now) < 0)
			child_fail(plan, STEP_LIMIT, i);
		now.rlim_cur = now.rlim_max;
		if (setrlimit((unsigned)limit->resource, &now) < 0)
			child_fail(plan, STEP_LIMIT, i);
	}
}

static void child_join_cgroups(const struct plan *plan)
{
	const char *const *path = plan->options->cgroup_procs;

	for (size_t i = 0; path && path[i]; i++) {
		int fd = open(path[i], O_WRONLY | O_CLOEXEC);

		if (fd < 0 || write(fd, "0\n", 2) != 2)
			child_fail(plan, STEP_CGROUP, i);
		close(fd);
	}
}

static _Noreturn void child_become(const struct plan *plan)
{
	const struct child_options *options = plan->options;
	int errno_value = ENOENT;

	child_reset_signals();
	setsid();
	if (!options->outlives) {
		if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
			child_fail(plan, STEP_PARENT, 0);
		/* The parent may have died before prctl took hold. */
		if (getppid() != plan->parent)
			_exit(127);
	}
	child_join_cgroups(plan);
	child_set_fds(plan);
	if (options->directory && chdir(options->directory) < 0)
		child_fail(plan, STEP_DIRECTORY, 0);
	child_set_limits(plan);
	for (size_t i = 0; i < plan->programs.n; i++) {
		execve(plan->programs.v[i], (char *const *)options->argv, (char *const *)plan->env);
		if (errno == EACCES || (errno != ENOENT && errno != ENOTDIR))
			errno_value = errno;
		if (errno != EACCES && errno != ENOENT && errno != ENOTDIR)
			break;
	}
	errno = errno_value;
	child_fail(plan, STEP_EXEC, 0);
}

/* --- The parent's side of it. --- */

static const char *env_path(const char *const *env)
{
	for (; *env; env++)
		if (str_has_prefix(*env, "PATH="))
			return *env + strlen("PATH=");
	return "/usr/local/bin:/usr/bin:/bin";
}

/* An empty part of PATH means the current directory to a shell; here it means nothing. */
static void find_programs(struct strv *programs, const char *name, const char *const *env)
{
	const char *dir, *end;

	if (strchr(name, '/')) {
		strv_push(programs, name);
		return;
	}
	for (dir = env_path(env); *dir; dir = *end ? end + 1 : end) {
		end = strchrnul(dir, ':');
		if (end > dir)
			strv_pushf(programs, "%.*s/%s", (int)(end - dir), dir, name);
	}
}

/* A report pipe below 3 would be overwritten by the child's own standard descriptors. */
static int above_stdio(int *fd)
{
	int higher;

	if (*fd > STDERR_FILENO)
		return 0;
	higher = fcntl(*fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	if (higher < 0)
		return -1;
	close(*fd);
	*fd = higher;
	return 0;
}

static int failure_error(const struct failure *failure, const struct child_options *options,
	struct error *err)
{
	int e = failure->errno_value;

	switch ((enum step)failure->step) {
	case STEP_STDIO:
		return error_errno(err, e, "cannot run %s: standard descriptor %zu", options->argv[0],
			failure->index);
	case STEP_KEEP:
		return error_errno(err, e, "cannot run %s: descriptor %d", options->argv[0],
			options->keep_fds[failure->index]);
	case STEP_CGROUP:
		return error_errno(err, e, "cannot run %s: cannot join the control group at %s",
			options->argv[0], options->cgroup_procs[failure->index]);
	case STEP_LIMIT:
		return error_errno(err, e, "cannot run %s: cannot set resource limit %d",
			options->argv[0], options->limits[failure->index].resource);
	case STEP_DIRECTORY:
		return error_errno(err, e, "cannot run %s in %s", options->argv[0], options->directory);
	case STEP_PARENT:
	case STEP_EXEC:
		break;
	}
	return error_errno(err, e, "cannot run %s", options->argv[0]);
}

/* Waits until the program is running (the pipe closes at exec) or has told why it does not. */
static int read_report(int fd, pid_t pid, const struct child_options *options, struct error *err)
{
	struct failure failure;
	ssize_t n;

	do
		n = read(fd, &failure, sizeof(failure));
	while (n < 0 && errno == EINTR);
	if (n != (ssize_t)sizeof(failure))
		return 0;
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return failure_error(&failure, options, err);
}

/* With SIGCHLD ignored, as an odd starter of ours may have left it, no exit status could be collected. */
static void collect_children(void)
{
	struct sigaction action;

	if (sigaction(SIGCHLD, NULL, &action) == 0 && action.sa_handler == SIG_IGN) {
		action = (struct sigaction){ .sa_handler = SIG_DFL };
		sigaction(SIGCHLD, &action, NULL);
	}
}

/* Forks and executes with the three descriptors in `stdio`; *ret_pidfd is close-on-exec. */
static int spawn(pid_t *ret_pid, int *ret_pidfd, const struct child_options *options,
	const int stdio[3], struct error *err)
{
	struct plan plan = { .options = options, .programs = STRV_INIT };
	int report[2] = { -1, -1 }, pidfd = -1, r;
	sigset_t all, before;
	pid_t pid;

	plan.env = options->env ? options->env : (const char *const *)environ;
	plan.parent = getpid();
	plan.open_max = (int)sysconf(_SC_OPEN_MAX);
	memcpy(plan.stdio, stdio, sizeof(plan.stdio));
	find_programs(&plan.programs, options->argv[0], plan.env);
	collect_children();
	if (pipe2(report, O_CLOEXEC) < 0 || above_stdio(&report[1]) < 0) {
		r = error_errno(err, errno, "cannot run %s: pipe", options->argv[0]);
		goto out;
	}
	plan.report_fd = report[1];

	/* No handler of ours may run in the child. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pid = fork();
	if (pid == 0)
		child_become(&plan);
	r = errno;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (pid < 0) {
		r = error_errno(err, r, "cannot run %s: fork", options->argv[0]);
		goto out;
	}
	file_close(&report[1]);
	r = read_report(report[0], pid, options, err);
	if (r < 0)
		goto out;
	pidfd = pidfd_open(pid, 0);
	if (pidfd < 0) {
		r = error_errno(err, errno, "cannot run %s: pidfd", options->argv[0]);
		kill(-pid, SIGKILL);
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
		goto out;
	}
	*ret_pid = pid;
	*ret_pidfd = pidfd;
out:
	file_close(&report[0]);
	file_close(&report[1]);
	strv_release(&plan.programs);
	return r;
}

/* The descriptors of one start: what the child gets, what we read, what is closed after the fork. */
struct stdio {
	int child[3];
	int ours[3];			/* read ends of pipes; [0] is unused */
	int close_after[4];
	size_t n_close;
};

static int stdio_pipe(struct stdio *io, int stream)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -1;
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	io->ours[stream] = fds[0];
	io->child[stream] = fds[1];
	io->close_after[io->n_close++] = fds[1];
	return 0;
}

static void stdio_close(struct stdio *io, bool ours)
{
	for (size_t i = 0; i < io->n_close; i++)
		file_close(&io->close_after[i]);
	io->n_close = 0;
	for (int i = 0; ours && i < 3; i++)
		file_close(&io->ours[i]);
}

static int stdio_open(struct stdio *io, const struct child_options *options, struct error *err)
{
	const int wanted[3] = { options->stdin_fd, options->stdout_fd, options->stderr_fd };
	int null_fd = -1, r;

	*io = (struct stdio){ .child = { -1, -1, -1 }, .ours = { -1, -1, -1 } };
	for (int i = 0; i < 3; i++) {
		if (i == 2 && options->merge_output) {
			io->child[2] = io->child[1] >= 0 ? io->child[1] : STDOUT_FILENO;
		} else if (wanted[i] == CHILD_NULL) {
			if (null_fd < 0) {
				null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
				if (null_fd < 0)
					goto fail;
				io->close_after[io->n_close++] = null_fd;
			}
			io->child[i] = null_fd;
		} else if (wanted[i] == CHILD_PIPE) {
			if (i == 0) {
				errno = EINVAL;
				goto fail;
			}
			if (stdio_pipe(io, i) < 0)
				goto fail;
		} else if (wanted[i] >= 0) {
			io->child[i] = wanted[i];
		}
	}
	return 0;
fail:
	r = error_errno(err, errno, "cannot run %s: standard descriptors", options->argv[0]);
	stdio_close(io, true);
	return r;
}

static int64_t now_ms(void)
{
	struct timespec ts;

	/* Not clock_steady_ms: a test that stops that clock must not stop deadlines of real processes. */
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* The session a process is in, or -1; field 6 of /proc/PID/stat, counted after the name's last ')'. */
static pid_t session_of(const char *pid_text)
{
	char path[32], text[512], state;
	int session = -1, group, parent, fd;
	const char *rest;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%.15s/stat", pid_text);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return -1;
	text[n] = '\0';
	rest = strrchr(text, ')');
	if (!rest || sscanf(rest + 1, " %c %d %d %d", &state, &parent, &group, &session) != 4 ||
	    state == 'Z' || state == 'X')
		return -1;
	return session;
}

/* Only while the leader is not reaped: until then its number is no one else's. */
static void signal_session(pid_t leader, int sig)
{
	struct dirent *entry;
	DIR *proc;

	/* The leader itself cannot leave its group, so that it gets this once. */
	kill(-leader, sig);
	/* Shells with job control put what they start into groups of its own. */
	proc = opendir("/proc");
	while (proc && (entry = readdir(proc))) {
		pid_t pid = (pid_t)atoi(entry->d_name);

		if (pid > 0 && pid != leader && session_of(entry->d_name) == leader &&
		    getpgid(pid) != leader)
			kill(pid, sig);
	}
	if (proc)
		closedir(proc);
}

static void reap(pid_t pid, struct child_exit *exit)
{
	pid_t r;
	int status = 0;

	do
		r = wait4(pid, &status, 0, &exit->usage);
	while (r < 0 && errno == EINTR);
	if (r < 0) {
		exit->status = 255;
	} else if (WIFSIGNALED(status)) {
		exit->signal = WTERMSIG(status);
		exit->status = 128 + exit->signal;
	} else {
		exit->status = WEXITSTATUS(status);
	}
}

/* --- With a loop. --- */

enum phase { PHASE_RUNNING, PHASE_TERMINATED, PHASE_KILLED, PHASE_DRAINING, PHASE_ENDED };

struct child {
	pid_t pid;
	int pidfd;
	int pipes[3];
	struct event *on_pipe[3];
	struct event *on_pidfd;
	struct event *timer;
	struct child_events events;
	struct child_exit exit;
	enum phase phase;
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
	reap(child->pid, &child->exit);
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
	char bytes[READ_SIZE];

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
	child->exit.wall_ms = now_ms() - child->start_ms;
	child->phase = PHASE_DRAINING;
	if (!child->paused)
		child_arm(child, DRAIN_MS);
	child_drained(child);
}

static void on_child_timer(evutil_socket_t fd, short what, void *arg)
{
	struct child *child = arg;

	switch (child->phase) {
	case PHASE_RUNNING:
		child->exit.timed_out = true;
		child->phase = PHASE_TERMINATED;
		signal_session(child->pid, SIGTERM);
		child_arm(child, child->grace_ms);
		break;
	case PHASE_TERMINATED:
		child->phase = PHASE_KILLED;
		signal_session(child->pid, SIGKILL);
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
	struct stdio io;
	int pidfd, r;
	pid_t pid;

	r = stdio_open(&io, options, err);
	if (r < 0)
		return r;
	r = spawn(&pid, &pidfd, options, io.child, err);
	stdio_close(&io, r < 0);
	if (r < 0)
		return r;
	child = mem_alloc(sizeof(*child));
	child->pid = pid;
	child->pidfd = pidfd;
	child->start_ms = now_ms();
	child->grace_ms = options->grace_ms > 0 ? options->grace_ms : GRACE_STANDARD_MS;
	child->outlives = options->outlives;
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
		signal_session(child->pid, signal);
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
		child_arm(child, DRAIN_MS);
}

void child_free(struct child *child)
{
	struct pollfd wait;

	if (!child)
		return;
	if (child->phase != PHASE_ENDED) {
		signal_session(child->pid, SIGKILL);
		/* A process stuck in the kernel must not hang the loop; it stays a zombie of ours then. */
		wait = (struct pollfd){ .fd = child->pidfd, .events = POLLIN };
		if (poll(&wait, 1, GRACE_STANDARD_MS) > 0)
			reap(child->pid, &child->exit);
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

/* --- Without a loop. --- */

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
	char bytes[READ_SIZE];
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
	enum phase phase;
};

static void blocking_deadline(struct blocking *run, struct child_exit *exit)
{
	if (run->phase == PHASE_RUNNING) {
		exit->timed_out = true;
		run->phase = PHASE_TERMINATED;
		run->deadline_ms = now_ms() + run->grace_ms;
		signal_session(run->pid, SIGTERM);
	} else if (run->phase == PHASE_TERMINATED) {
		run->phase = PHASE_KILLED;
		run->deadline_ms = INT64_MAX;
		signal_session(run->pid, SIGKILL);
	} else {
		run->phase = PHASE_ENDED;
	}
}

/* Until the leader has ended and the pipes too, or DRAIN_MS after the leader. */
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
		int64_t left = run->deadline_ms - now_ms();

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
			exit->wall_ms = now_ms() - run->start_ms;
			run->phase = PHASE_DRAINING;
			run->deadline_ms = now_ms() + DRAIN_MS;
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
	struct stdio io;

	if (input) {
		r = input_file(&input_fd, input, input_len, err);
		if (r < 0)
			return r;
		own.stdin_fd = input_fd;
	}
	r = stdio_open(&io, &own, err);
	if (r < 0)
		goto out;
	r = spawn(&run.pid, &pidfd, &own, io.child, err);
	stdio_close(&io, r < 0);
	if (r < 0)
		goto out;
	run.start_ms = now_ms();
	run.grace_ms = own.grace_ms > 0 ? own.grace_ms : GRACE_STANDARD_MS;
	if (own.timeout_ms > 0)
		run.deadline_ms = run.start_ms + own.timeout_ms;
	blocking_wait(&run, &exit, pidfd, io.ours, outs, max_output ? max_output : OUTPUT_STANDARD);
	if (!own.outlives)
		kill(-run.pid, SIGKILL);
	reap(run.pid, &exit);
	stdio_close(&io, true);
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
