#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/child.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/redis_connection.h"
#include "store/redis_server.h"

#define START_PATIENCE_MS 10000
#define START_STEP_MS 10
#define OLD_PATIENCE_MS 3000		/* for a server that was asked to end */
#define STOP_PATIENCE_MS 5000
#define PAUSE_MIN_MS 100
#define PAUSE_MAX_MS 5000
#define STEADY_MS 10000			/* a server that lived this long is tried again at once */
#define WATCH_MS 1000
#define DOUBT_MS 250
#define SILENT_MS 5000
#define DIR_MAX 900			/* Redis keeps its directory in 1024 bytes */
#define LOG_KEEP (1 << 20)
#define LOG_LOOK (64 << 10)
#define REDIS_PID_TEXT_MAX 64

/* Paths are relative to the directory it runs in: no foreign text gets into this file. */
static const char configuration[] =
	"# Written by bisectd at every start.\n"
	"port 0\n"
	"unixsocket redis.sock\n"
	"unixsocketperm 700\n"
	"daemonize no\n"
	"databases 1\n"
	"dir .\n"
	"logfile \"\"\n"
	"loglevel notice\n"
	"save \"\"\n"
	"appendonly yes\n"
	"appendfsync always\n"
	"no-appendfsync-on-rewrite no\n"
	"aof-load-truncated yes\n"
	"aof-use-rdb-preamble yes\n"
	"auto-aof-rewrite-percentage 100\n"
	"auto-aof-rewrite-min-size 32mb\n"
	"stop-writes-on-bgsave-error no\n"
	"maxmemory-policy noeviction\n"
	"always-show-logo no\n";

struct redis_server {
	struct event_base *loop;
	char *dir;
	char *address;
	int lock_fd;			/* dir.lock */
	int pid_fd;			/* dir.pid; shared with the server */
	struct child *child;		/* NULL between a death and the next start */
	struct event *again;		/* the next start */
	struct event *watch;		/* is the directory still there? */
	int64_t started_ms;
	int64_t silent_ms;		/* steady: since when it says nothing; 0: it does */
	int64_t pause_ms;
	off_t log_start;		/* what the present server wrote begins here */
	bool socket_seen;
	dev_t socket_dev;
	ino_t socket_ino;
};

static const char *path_in(struct str *path, const struct redis_server *server, const char *name)
{
	return str_setf(path, "%s/%s", server->dir, name);
}

/* --- the server of a process that was killed --- */

static bool is_redis(pid_t pid)
{
	struct str path = STR_INIT, name = STR_INIT;
	bool answer = false;

	str_addf(&path, "/proc/%d/comm", (int)pid);
	if (file_read(&name, path.buf, 4096, NULL) == 0) {
		str_trim_right(&name);
		answer = strcmp(name.buf, "redis-server") == 0;
	}
	str_release(&path);
	str_release(&name);
	return answer;
}

/* Ends the process that dir.pid names, which is believed only because somebody holds that file's lock. */
static void end_old_server(const char *pid_path)
{
	struct str text = STR_INIT;
	struct pollfd poll_fd = { .fd = -1, .events = POLLIN };
	long long pid;

	if (file_read(&text, pid_path, REDIS_PID_TEXT_MAX, NULL) < 0)
		goto out;
	str_trim_right(&text);
	if (!str_to_long(text.buf, 2, INT32_MAX, &pid))
		goto out;
	poll_fd.fd = pidfd_open((pid_t)pid, 0);
	if (poll_fd.fd < 0 || !is_redis((pid_t)pid))
		goto out;
	pidfd_send_signal(poll_fd.fd, SIGTERM, NULL, 0);
	if (poll(&poll_fd, 1, OLD_PATIENCE_MS) == 1)
		goto out;
	log_warning("redis-server %lld of an earlier run does not end when asked to: it is killed", pid);
	pidfd_send_signal(poll_fd.fd, SIGKILL, NULL, 0);
	(void)poll(&poll_fd, 1, OLD_PATIENCE_MS);
out:
	file_close(&poll_fd.fd);
	str_release(&text);
}

static int take_locks(struct redis_server *server, struct error *err)
{
	struct str path = STR_INIT;
	int rc;

	str_addf(&path, "%s.lock", server->dir);
	rc = file_lock(&server->lock_fd, path.buf, 0, err);
	if (rc < 0) {
		error_prefix(err, "the Redis directory %s is in use by another process", server->dir);
		goto out;
	}
	str_setf(&path, "%s.pid", server->dir);
	rc = file_lock(&server->pid_fd, path.buf, 0, err);
	if (rc == -ERR_UNAVAILABLE) {
		end_old_server(path.buf);
		rc = file_lock(&server->pid_fd, path.buf, OLD_PATIENCE_MS, err);
	}
	if (rc < 0)
		error_prefix(err, "an old redis-server holds %s", server->dir);
out:
	str_release(&path);
	return rc;
}

/* --- starting --- */

/* What the server wrote since its start, or the end of it. */
static void read_log(struct str *ret, const struct redis_server *server)
{
	struct str path = STR_INIT;
	struct stat st;
	off_t start = server->log_start;
	int fd = open(path_in(&path, server, "redis.log"), O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd >= 0 && fstat(fd, &st) == 0) {
		if (st.st_size - start > LOG_LOOK)
			start = st.st_size - LOG_LOOK;
		if (st.st_size > start) {
			char *bytes = mem_alloc((size_t)(st.st_size - start));

			n = pread(fd, bytes, (size_t)(st.st_size - start), start);
			if (n > 0)
				str_add_bytes(ret, bytes, (size_t)n);
			free(bytes);
		}
	}
	file_close(&fd);
	str_release(&path);
}

/*
 * A tail cut short is mended by Redis itself; other damage makes it end at every start.  Losing the queue costs reruns, waiting for a person costs more.
 */
static bool set_damage_aside(const struct redis_server *server)
{
	static const char *const complaints[] = {
		"Bad file format reading the append only file",
		"Unexpected end of file reading the append only file",
		"FATAL AOF MANIFEST FILE ERROR",
		"Terminating server after rdb file reading failure",
		"Unable to obtain the AOF file",
	};
	struct str text = STR_INIT, from = STR_INIT, to = STR_INIT;
	bool damaged = false;

	read_log(&text, server);
	for (size_t i = 0; i < sizeof(complaints) / sizeof(complaints[0]) && !damaged; i++)
		damaged = strstr(text.buf, complaints[i]) != NULL;
	if (damaged) {
		path_in(&from, server, "appendonlydir");
		path_in(&to, server, "appendonlydir.damaged");
		damaged = dir_remove(to.buf, NULL) == 0 && rename(from.buf, to.buf) == 0;
		if (damaged)
			log_error("Redis cannot read its data: they are kept as %s, and the queue starts empty", to.buf);
	}
	str_release(&text);
	str_release(&from);
	str_release(&to);
	return damaged;
}

static void on_exit_of_server(struct child *child, const struct child_exit *exit, void *arg);

static void write_pid(const struct redis_server *server)
{
	struct str text = STR_INIT;

	str_addf(&text, "%d\n", redis_server_pid(server));
	/* Only a help for whoever finds the lock held: without it he waits. */
	if (ftruncate(server->pid_fd, 0) == 0)
		(void)!pwrite(server->pid_fd, text.buf, text.len, 0);
	str_release(&text);
}

static int spawn(struct redis_server *server, struct error *err)
{
	static const char *const argv[] = { "redis-server", "redis.conf", NULL };
	const struct child_events events = { .on_exit = on_exit_of_server, .arg = server };
	struct child_options options = CHILD_OPTIONS_INIT;
	struct str path = STR_INIT;
	struct stat st;
	int log_fd = -1, rc;

	rc = dir_make(server->dir, 0700, err);
	if (rc < 0)
		goto out;
	rc = file_write_atomic(path_in(&path, server, "redis.conf"), configuration, strlen(configuration), 0600, err);
	if (rc < 0)
		goto out;
	/* The socket of a dead server must not be taken for the new one's. */
	unlink(path_in(&path, server, "redis.sock"));
	log_fd = open(path_in(&path, server, "redis.log"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (log_fd < 0 || fstat(log_fd, &st) < 0) {
		rc = error_errno(err, errno, "cannot open %s", path.buf);
		goto out;
	}
	if (st.st_size > LOG_KEEP && ftruncate(log_fd, 0) == 0)
		st.st_size = 0;
	server->log_start = st.st_size;
	server->socket_seen = false;
	server->silent_ms = 0;
	server->started_ms = clock_steady_ms();
	options.argv = argv;
	options.directory = server->dir;
	options.stdout_fd = options.stderr_fd = log_fd;
	options.keep_fds = &server->pid_fd;
	options.n_keep_fds = 1;
	rc = child_start(&server->child, server->loop, &options, &events, err);
	if (rc == 0)
		write_pid(server);
out:
	file_close(&log_fd);
	str_release(&path);
	return rc;
}

enum answer { ANSWER_NONE, ANSWER_REFUSED, ANSWER_YES };

/* Refused: it is not there, or says that it is not ready.  None: it takes connections and says nothing. */
static enum answer ask(const struct redis_server *server, int timeout_ms)
{
	struct strv argv = STRV_INIT;
	redisContext *context = NULL;
	enum answer answer = ANSWER_REFUSED;
	bool broken;

	strv_push(&argv, "PING");
	if (redis_connect(&context, server->address, timeout_ms, NULL) == 0) {
		if (redis_command(NULL, context, &argv, timeout_ms, &broken, NULL) == 0)
			answer = ANSWER_YES;
		else if (broken)
			answer = ANSWER_NONE;
		redisFree(context);
	}
	strv_release(&argv);
	return answer;
}

static int not_started(const struct redis_server *server, const char *what, struct error *err)
{
	struct str text = STR_INIT, shown = STR_INIT;
	const char *line;
	int rc;

	read_log(&text, server);
	str_trim_right(&text);
	line = strrchr(text.buf, '\n');
	line = line ? line + 1 : text.buf;
	str_add_printable(&shown, line, strlen(line), 300);
	rc = error_set(err, ERR_UNAVAILABLE, "redis-server in %s %s%s%s", server->dir, what, shown.len ? "; its last words: " : "", shown.buf);
	str_release(&text);
	str_release(&shown);
	return rc;
}

/* Blocks: the loop does not run yet, so the child's end is seen by its pidfd here. */
static int wait_until_it_answers(struct redis_server *server, struct error *err)
{
	struct pollfd poll_fd = { .events = POLLIN };
	int rc = 0;

	poll_fd.fd = pidfd_open(child_pid(server->child), 0);
	if (poll_fd.fd < 0)
		return error_errno(err, errno, "cannot watch redis-server");
	while (ask(server, 1000) != ANSWER_YES) {
		if (poll(&poll_fd, 1, START_STEP_MS) == 1) {
			rc = not_started(server, "ended at once", err);
			break;
		}
		if (clock_steady_ms() - server->started_ms > START_PATIENCE_MS) {
			rc = not_started(server, "does not answer", err);
			break;
		}
	}
	file_close(&poll_fd.fd);
	return rc;
}

/* --- watching over it --- */

static void start_again_in(struct redis_server *server, int64_t ms)
{
	struct timeval pause = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	evtimer_add(server->again, &pause);
}

static void pause_and_start_again(struct redis_server *server)
{
	start_again_in(server, server->pause_ms);
	server->pause_ms *= 2;
	if (server->pause_ms > PAUSE_MAX_MS)
		server->pause_ms = PAUSE_MAX_MS;
}

static void on_exit_of_server(struct child *child, const struct child_exit *exit, void *arg)
{
	struct redis_server *server = arg;

	child_free(child);
	server->child = NULL;
	if (clock_steady_ms() - server->started_ms >= STEADY_MS)
		server->pause_ms = PAUSE_MIN_MS;
	if (exit->signal)
		log_warning("redis-server died by signal %d and is started again", exit->signal);
	else
		log_warning("redis-server ended with status %d and is started again; see %s/redis.log", exit->status, server->dir);
	set_damage_aside(server);
	pause_and_start_again(server);
}

static void on_again(evutil_socket_t fd, short what, void *arg)
{
	struct redis_server *server = arg;
	struct error err = ERROR_INIT;

	if (spawn(server, &err) < 0) {
		log_error("cannot start redis-server again: %s", err.text);
		pause_and_start_again(server);
	}
}

/* A server whose directory was deleted goes on writing into nothing: better an empty queue now than one lost later. */
static void on_watch(evutil_socket_t fd, short what, void *arg)
{
	struct redis_server *server = arg;
	struct str path = STR_INIT;
	struct stat st;
	bool there;

	if (!server->child)
		return;
	there = stat(path_in(&path, server, "redis.sock"), &st) == 0;
	if (!server->socket_seen) {
		if (there) {
			server->socket_seen = true;
			server->socket_dev = st.st_dev;
			server->socket_ino = st.st_ino;
		} else if (clock_steady_ms() - server->started_ms >= STEADY_MS) {
			log_warning("redis-server made no socket in %s: it is started again", server->dir);
			child_kill(server->child, SIGKILL);
		}
		goto out;
	}
	there = there && st.st_dev == server->socket_dev && st.st_ino == server->socket_ino;
	if (there)
		there = access(path_in(&path, server, "appendonlydir"), F_OK) == 0;
	if (!there) {
		log_warning("the Redis directory %s was deleted: starting again, with an empty queue", server->dir);
		child_kill(server->child, SIGKILL);
	}
out:
	str_release(&path);
}

void redis_server_doubt(struct redis_server *server)
{
	if (!server->child)
		return;
	if (ask(server, DOUBT_MS) != ANSWER_NONE) {
		server->silent_ms = 0;
	} else if (!server->silent_ms) {
		server->silent_ms = clock_steady_ms();
	} else if (clock_steady_ms() - server->silent_ms >= SILENT_MS) {
		log_warning("redis-server says nothing for %d s: it is killed and started again", SILENT_MS / 1000);
		child_kill(server->child, SIGKILL);
		server->silent_ms = 0;
	}
}

/* --- from outside --- */

int redis_server_start(struct redis_server **ret, struct event_base *loop, const char *dir, struct error *err)
{
	const struct timeval watch = { .tv_sec = WATCH_MS / 1000, .tv_usec = WATCH_MS % 1000 * 1000 };
	struct redis_server *server = mem_alloc(sizeof(*server));
	char *real;
	int rc;

	server->loop = loop;
	server->lock_fd = server->pid_fd = -1;
	server->pause_ms = PAUSE_MIN_MS;
	rc = dir_make(dir, 0700, err);
	if (rc < 0)
		goto out;
	real = realpath(dir, NULL);
	if (!real) {
		rc = error_errno(err, errno, "cannot find %s", dir);
		goto out;
	}
	server->dir = real;
	server->address = mem_printf("unix:%s/redis.sock", real);
	if (strlen(real) > DIR_MAX) {
		rc = error_set(err, ERR_LIMIT, "the path of the Redis directory has %zu bytes, at most %d are possible", strlen(real), DIR_MAX);
		goto out;
	}
	rc = take_locks(server, err);
	if (rc < 0)
		goto out;
	server->again = evtimer_new(loop, on_again, server);
	server->watch = event_new(loop, -1, EV_PERSIST, on_watch, server);
	for (bool once_more = true;; once_more = false) {
		rc = spawn(server, err);
		if (rc < 0)
			goto out;
		rc = wait_until_it_answers(server, err);
		if (rc == 0)
			break;
		child_free(server->child);
		server->child = NULL;
		if (!once_more || !set_damage_aside(server))
			goto out;
	}
	event_add(server->watch, &watch);
	on_watch(-1, 0, server);	/* remembers which socket is ours */
out:
	if (rc < 0)
		redis_server_stop(server);
	else
		*ret = server;
	return rc;
}

const char *redis_server_address(const struct redis_server *server)
{
	return server->address;
}

int redis_server_pid(const struct redis_server *server)
{
	return server->child ? (int)child_pid(server->child) : -1;
}

static void shut_down(struct redis_server *server)
{
	struct pollfd poll_fd = { .fd = pidfd_open(child_pid(server->child), 0), .events = POLLIN };
	struct strv argv = STRV_INIT;
	redisContext *context = NULL;
	bool broken;

	strv_push(&argv, "SHUTDOWN");
	if (ask(server, 1000) == ANSWER_NONE) {
		child_kill(server->child, SIGKILL);
	} else if (redis_connect(&context, server->address, 1000, NULL) == 0) {
		/* No answer is the right answer. */
		redis_command(NULL, context, &argv, STOP_PATIENCE_MS, &broken, NULL);
		redisFree(context);
	} else {
		child_kill(server->child, SIGTERM);
	}
	if (poll_fd.fd >= 0)
		(void)poll(&poll_fd, 1, STOP_PATIENCE_MS);
	file_close(&poll_fd.fd);
	strv_release(&argv);
}

void redis_server_stop(struct redis_server *server)
{
	if (!server)
		return;
	if (server->child) {
		shut_down(server);
		child_free(server->child);
	}
	if (server->again)
		event_free(server->again);
	if (server->watch)
		event_free(server->watch);
	file_close(&server->pid_fd);
	file_close(&server->lock_fd);
	free(server->dir);
	free(server->address);
	free(server);
}
