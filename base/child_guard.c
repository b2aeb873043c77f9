#include "base/child_guard.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/child_spawn.h"
#include "base/file.h"
#include "base/mem.h"

#define PASSES 3		/* over a session: who forks while it is read is seen the next time */
#define PAUSE_MS 20

struct child_guard {
	int fd;
	pid_t pid;
};

struct message {
	pid_t leader;
	bool add;
};

/* --- the guard itself --- */

struct leaders {
	pid_t *v;
	size_t n, cap;
};

static void take(struct leaders *leaders, const struct message *message)
{
	if (message->add) {
		MEM_GROW(leaders->v, leaders->n + 1, leaders->cap);
		leaders->v[leaders->n++] = message->leader;
		return;
	}
	for (size_t i = 0; i < leaders->n; i++) {
		if (leaders->v[i] != message->leader)
			continue;
		leaders->v[i] = leaders->v[--leaders->n];
		return;
	}
}

static _Noreturn void guard(int fd)
{
	struct leaders leaders = { .n = 0 };
	struct message message;
	sigset_t all;
	ssize_t n;
	int null;

	/* A Ctrl-C or a stop of the service is for the program, which tells us of its end by ending. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	setsid();
	prctl(PR_SET_NAME, "bisectd-guard");
	if (dup2(fd, STDIN_FILENO) < 0 || (null = open("/dev/null", O_RDWR)) < 0 || dup2(null, STDOUT_FILENO) < 0 ||
		dup2(null, STDERR_FILENO) < 0)
		_exit(1);
	/* Nothing of the program's stays open for us: locks, above all. */
	close_range(3, ~0U, 0);
	while ((n = recv(STDIN_FILENO, &message, sizeof(message), 0)) != 0) {
		if (n < 0 && errno != EINTR)
			break;
		if (n == (ssize_t)sizeof(message))
			take(&leaders, &message);
	}
	for (int pass = 0; pass < PASSES && leaders.n; pass++) {
		for (size_t i = 0; i < leaders.n; i++)
			child_signal_session(leaders.v[i], SIGKILL);
		poll(NULL, 0, PAUSE_MS);
	}
	_exit(0);
}

/* --- the program --- */

int child_guard_start(struct child_guard **ret, struct error *err)
{
	struct child_guard *new;
	int fds[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return error_errno(err, errno, "cannot make a socket");
	pid = fork();
	if (pid == 0)
		guard(fds[1]);
	close(fds[1]);
	if (pid < 0) {
		close(fds[0]);
		return error_errno(err, errno, "cannot fork");
	}
	new = mem_alloc(sizeof(*new));
	new->fd = fds[0];
	new->pid = pid;
	*ret = new;
	return 0;
}

void child_guard_free(struct child_guard *guard)
{
	if (!guard)
		return;
	file_close(&guard->fd);
	while (waitpid(guard->pid, NULL, 0) < 0 && errno == EINTR)
		;
	free(guard);
}

static void tell(struct child_guard *guard, pid_t leader, bool add)
{
	struct message message;

	if (!guard)
		return;
	memset(&message, 0, sizeof(message));
	message.leader = leader;
	message.add = add;
	while (send(guard->fd, &message, sizeof(message), MSG_NOSIGNAL) < 0 && errno == EINTR)
		;
}

void child_guard_add(struct child_guard *guard, pid_t leader)
{
	tell(guard, leader, true);
}

void child_guard_remove(struct child_guard *guard, pid_t leader)
{
	tell(guard, leader, false);
}
