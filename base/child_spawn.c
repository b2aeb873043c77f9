#include "base/child_spawn.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/child_guard.h"
#include "base/file.h"
#include "base/mem.h"

/* --- Between vfork and exec: on the memory of the parent, whose thread waits meanwhile. --- */

enum step { STEP_PARENT, STEP_STDIO, STEP_KEEP, STEP_CGROUP, STEP_LIMIT, STEP_DIRECTORY, STEP_EXEC };

/* What the child sends through the pipe when it cannot become the program. */
struct failure {
	int step;
	int errno_value;
	size_t index;
};

/* Everything the child needs, made before: it may neither allocate nor change what is the parent's. */
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
	/* By the child: the parent may be killed before it comes to it, when the program has started others already. */
	child_guard_add(options->guard, getpid());
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

int child_spawn(pid_t *ret_pid, int *ret_pidfd, const struct child_options *options,
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

	/*
	 * A copy of the memory would cost more than all else (a page fault for each page that we write to afterwards, in every
	 * thread).  No handler of ours may run in the child: on our memory less than ever.
	 */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pid = vfork();
	if (pid == 0)
		child_become(&plan);
	r = errno;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (pid < 0) {
		r = error_errno(err, r, "cannot run %s: vfork", options->argv[0]);
		goto out;
	}
	file_close(&report[1]);
	r = read_report(report[0], pid, options, err);
	if (r < 0) {
		child_guard_remove(options->guard, pid);
		goto out;
	}
	pidfd = pidfd_open(pid, 0);
	if (pidfd < 0) {
		r = error_errno(err, errno, "cannot run %s: pidfd", options->argv[0]);
		kill(-pid, SIGKILL);
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
		child_guard_remove(options->guard, pid);
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

static int stdio_pipe(struct child_stdio *io, int stream)
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

void child_stdio_close(struct child_stdio *io, bool ours)
{
	for (size_t i = 0; i < io->n_close; i++)
		file_close(&io->close_after[i]);
	io->n_close = 0;
	for (int i = 0; ours && i < 3; i++)
		file_close(&io->ours[i]);
}

int child_stdio_open(struct child_stdio *io, const struct child_options *options, struct error *err)
{
	const int wanted[3] = { options->stdin_fd, options->stdout_fd, options->stderr_fd };
	int null_fd = -1, r;

	*io = (struct child_stdio){ .child = { -1, -1, -1 }, .ours = { -1, -1, -1 } };
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
	child_stdio_close(io, true);
	return r;
}

int64_t child_now_ms(void)
{
	struct timespec ts;

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

void child_signal_session(pid_t leader, int sig)
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

void child_reap(pid_t pid, struct child_exit *exit)
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
