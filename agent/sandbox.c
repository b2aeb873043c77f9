#include "agent/sandbox.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "agent/cgroup.h"
#include "agent/sandbox_view.h"
#include "base/child.h"
#include "base/child_guard.h"
#include "base/file.h"
#include "base/mem.h"

enum {
	STATUS_MAX = 16 << 10,	/* bytes of bubblewrap's status that are kept */
	TAIL_MAX = 2000,	/* of the output, for its last line */
	WATCH_MS = 200,
	LAST_DEATH_MS = 10000,	/* how long the last processes may take to die after the first one */
	SELF_TEST_MS = 20000,
	OUTPUT_MAX = 16 << 20,
};

#define OOM_UNTOLD UINT64_MAX

struct sandbox_host {
	char *box, *bwrap;
	struct strv hide;
	struct cgroups *cgroups;	/* NULL: resource limits */
	enum sandbox_mode mode;
	char *description;
	struct child_guard *guard;	/* kills what we leave behind if we are killed */
};

struct sandbox {
	struct sandbox_host *host;
	struct sandbox_events events;
	struct child *child;
	struct cgroup *cgroup;
	struct event *on_status, *on_gone, *watch;
	int status_fd;			/* bubblewrap's reports, JSON */
	struct str status;
	int init_fd;			/* pidfd of the process namespace's first process */
	char namespace[40];		/* "pid:[...]" */
	bool exited, busy, dead;	/* dead: sandbox_free was called in a callback */
	bool uses_rlimits;
	uint64_t processes;
	uint64_t oom_before;
	struct str tail;
	struct sandbox_end end;
	bool have_exit_code;
};

static const char *const mode_words[SANDBOX_NMODES] = {
	[SANDBOX_USER_LOCKED] = "user namespaces",
	[SANDBOX_USER] = "user namespaces (nested ones not forbidden)",
	[SANDBOX_PLAIN] = "root without user namespaces",
};

/* --- What bubblewrap reports --- */

static void take_report(struct sandbox *sandbox, const json_t *report)
{
	const json_t *pid = json_object_get(report, "child-pid");
	const json_t *namespace = json_object_get(report, "pid-namespace");
	const json_t *code = json_object_get(report, "exit-code");

	if (json_is_integer(pid) && sandbox->init_fd < 0)
		sandbox->init_fd = pidfd_open((pid_t)json_integer_value(pid), 0);
	if (json_is_integer(namespace))
		snprintf(sandbox->namespace, sizeof(sandbox->namespace), "pid:[%" JSON_INTEGER_FORMAT "]",
			json_integer_value(namespace));
	if (json_is_integer(code)) {
		sandbox->have_exit_code = true;
		sandbox->end.status = (int)json_integer_value(code);
	}
}

static void read_status(struct sandbox *sandbox)
{
	char bytes[512];
	ssize_t n;
	char *end;

	while (sandbox->status_fd >= 0) {
		n = read(sandbox->status_fd, bytes, sizeof(bytes));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n <= 0 || sandbox->status.len + (size_t)n > STATUS_MAX) {
			if (sandbox->on_status)
				event_del(sandbox->on_status);
			file_close(&sandbox->status_fd);
			break;
		}
		str_add_bytes(&sandbox->status, bytes, (size_t)n);
	}
	while ((end = memchr(sandbox->status.buf, '\n', sandbox->status.len))) {
		size_t len = (size_t)(end - sandbox->status.buf) + 1;
		json_t *report = json_loadb(sandbox->status.buf, len, 0, NULL);

		take_report(sandbox, report);
		json_decref(report);
		str_remove_front(&sandbox->status, len);
	}
}

static void on_status(evutil_socket_t fd, short what, void *arg)
{
	read_status(arg);
}

/* --- Where nothing else bounds the number of processes --- */

static uint64_t count_processes(const char *namespace)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	uint64_t n = 0;

	while (proc && (entry = readdir(proc))) {
		char path[64], link[64];
		ssize_t len;

		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		snprintf(path, sizeof(path), "%.20s/ns/pid", entry->d_name);
		len = readlinkat(dirfd(proc), path, link, sizeof(link) - 1);
		if (len <= 0)
			continue;
		link[len] = '\0';
		n += !strcmp(link, namespace);
	}
	if (proc)
		closedir(proc);
	return n;
}

static void on_watch(evutil_socket_t fd, short what, void *arg)
{
	struct sandbox *sandbox = arg;

	read_status(sandbox);
	if (!sandbox->namespace[0] || sandbox->exited ||
	    count_processes(sandbox->namespace) <= sandbox->processes)
		return;
	sandbox->end.too_many_processes = true;
	child_kill(sandbox->child, SIGKILL);
	if (sandbox->init_fd >= 0)
		pidfd_send_signal(sandbox->init_fd, SIGKILL, NULL, 0);
}

/* --- The end --- */

static void dispose(struct sandbox *sandbox)
{
	struct event **events[] = { &sandbox->on_status, &sandbox->on_gone, &sandbox->watch };

	child_free(sandbox->child);
	/* The monitor's death kills them as well; this does not wait for it. */
	if (sandbox->init_fd >= 0)
		pidfd_send_signal(sandbox->init_fd, SIGKILL, NULL, 0);
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		if (*events[i])
			event_free(*events[i]);
	cgroup_free(sandbox->cgroup);
	file_close(&sandbox->status_fd);
	file_close(&sandbox->init_fd);
	str_release(&sandbox->status);
	str_release(&sandbox->tail);
	free(sandbox);
}

void sandbox_free(struct sandbox *sandbox)
{
	if (!sandbox)
		return;
	sandbox->dead = true;
	if (!sandbox->busy)
		dispose(sandbox);
}

/* How often the kernel killed for lack of memory anywhere; OOM_UNTOLD where it does not tell. */
static uint64_t host_oom_kills(void)
{
	struct str text = STR_INIT;
	const char *at;
	uint64_t n = OOM_UNTOLD;

	if (file_read(&text, "/proc/vmstat", 1 << 20, NULL) == 0) {
		at = strstr(text.buf, "\noom_kill ");
		if (at)
			n = strtoull(at + strlen("\noom_kill "), NULL, 10);
	}
	str_release(&text);
	return n;
}

static void find_oom(struct sandbox *sandbox)
{
	struct sandbox_end *end = &sandbox->end;
	uint64_t kills;

	if (sandbox->cgroup) {
		end->oom = (enum sandbox_oom)cgroup_oom(sandbox->cgroup);
		if (!end->max_rss)
			end->max_rss = cgroup_peak(sandbox->cgroup);
	} else if ((!sandbox->have_exit_code || end->status == 128 + SIGKILL) && !end->timed_out &&
		   !end->killed && !end->too_many_processes) {
		/* Not certain that it was one of ours; it costs another run where it was not. */
		kills = host_oom_kills();
		if (kills > sandbox->oom_before || kills == OOM_UNTOLD)
			end->oom = SANDBOX_OOM_HOST;
	}
}

/*
 * The last line of the output, which is bubblewrap's or bisect-box's own if no program was started.
 */
static void set_reason(struct sandbox *sandbox, const struct child_exit *exit)
{
	struct sandbox_end *end = &sandbox->end;
	struct str line = STR_INIT;
	const char *last;

	str_trim_right(&sandbox->tail);
	last = memrchr(sandbox->tail.buf, '\n', sandbox->tail.len);
	last = last ? last + 1 : sandbox->tail.buf;
	str_add_printable(&line, last, strlen(last), 500);
	if (line.len)
		snprintf(end->reason, sizeof(end->reason), "no sandbox: %s", line.buf);
	else if (exit->signal)
		snprintf(end->reason, sizeof(end->reason), "the sandbox was killed by signal %d",
			exit->signal);
	else
		snprintf(end->reason, sizeof(end->reason), "the sandbox ended with status %d",
			exit->status);
	str_release(&line);
}

static void finish(struct sandbox *sandbox)
{
	sandbox->busy = true;
	find_oom(sandbox);
	if (sandbox->end.oom && sandbox->end.failed)
		sandbox->end.failed = false;
	if (sandbox->events.on_end && !sandbox->dead)
		sandbox->events.on_end(&sandbox->end, sandbox->events.arg);
	dispose(sandbox);
}

static void on_gone(evutil_socket_t fd, short what, void *arg)
{
	finish(arg);
}

static void on_child_exit(struct child *child, const struct child_exit *exit, void *arg)
{
	struct timeval deadline = { LAST_DEATH_MS / 1000, 0 };
	struct sandbox *sandbox = arg;
	struct sandbox_end *end = &sandbox->end;
	struct event_base *loop = event_get_base(sandbox->on_status);

	read_status(sandbox);
	sandbox->exited = true;
	if (sandbox->watch)
		event_del(sandbox->watch);
	end->timed_out = exit->timed_out;
	end->wall_ms = exit->wall_ms;
	end->user_ms = exit->usage.ru_utime.tv_sec * 1000 + exit->usage.ru_utime.tv_usec / 1000;
	end->system_ms = exit->usage.ru_stime.tv_sec * 1000 + exit->usage.ru_stime.tv_usec / 1000;
	end->max_rss = (uint64_t)exit->usage.ru_maxrss * 1024;
	if (!sandbox->have_exit_code) {
		end->status = exit->status;
		end->failed = !end->timed_out && !end->killed && !end->too_many_processes;
		if (end->failed)
			set_reason(sandbox, exit);
	}
	if (end->status > 128 && end->status <= 128 + SIGRTMAX)
		end->signal = end->status - 128;
	if (sandbox->cgroup)
		cgroup_kill(sandbox->cgroup);
	if (sandbox->init_fd < 0) {
		finish(sandbox);
		return;
	}
	/* After the first process of the namespace nobody is left in it. */
	pidfd_send_signal(sandbox->init_fd, SIGKILL, NULL, 0);
	sandbox->on_gone = event_new(loop, sandbox->init_fd, EV_READ, on_gone, sandbox);
	if (!sandbox->on_gone || event_add(sandbox->on_gone, &deadline) < 0)
		abort();
}

static void on_child_output(struct child *child, int stream, const char *bytes, size_t len, void *arg)
{
	struct sandbox *sandbox = arg;

	if (len >= TAIL_MAX)
		str_clear(&sandbox->tail);
	else if (sandbox->tail.len + len > TAIL_MAX)
		str_remove_front(&sandbox->tail, sandbox->tail.len + len - TAIL_MAX);
	str_add_bytes(&sandbox->tail, len > TAIL_MAX ? bytes + len - TAIL_MAX : bytes,
		len > TAIL_MAX ? TAIL_MAX : len);
	if (!sandbox->events.on_output)
		return;
	sandbox->busy = true;
	sandbox->events.on_output(bytes, len, sandbox->events.arg);
	sandbox->busy = false;
	if (sandbox->dead)
		dispose(sandbox);
}

void sandbox_kill(struct sandbox *sandbox)
{
	if (sandbox->exited)
		return;
	sandbox->end.killed = true;
	child_kill(sandbox->child, SIGKILL);
}

/* --- The start --- */

static void add_number(struct strv *args, const char *option, uint64_t value)
{
	if (!value)
		return;
	strv_push(args, option);
	strv_pushf(args, "%" PRIu64, value);
}

static void build_arguments(struct strv *args, struct sandbox *sandbox,
	const struct sandbox_options *options, int status_fd)
{
	struct sandbox_host *host = sandbox->host;

	strv_push(args, host->box);
	if (!sandbox->cgroup) {
		add_number(args, "--memory", options->memory);
		/* The kernel counts all processes of this user, not ours alone. */
		add_number(args, "--processes", options->processes);
	}
	add_number(args, "--file-size", options->file_size);
	sandbox_view_box(args, options, &host->hide);
	strv_push_many(args, "--", host->bwrap, "--json-status-fd", NULL);
	strv_pushf(args, "%d", status_fd);
	if (options->hold_fd > 0) {
		strv_push(args, "--sync-fd");
		strv_pushf(args, "%d", options->hold_fd);
	}
	sandbox_view_bwrap(args, host->mode, options, &host->hide);
	strv_push(args, "--");
	strv_push_all(args, options->argv);
}

static void add_watch(struct sandbox *sandbox, struct event_base *loop, uint64_t processes)
{
	struct timeval period = { 0, WATCH_MS * 1000 };

	sandbox->processes = processes;
	sandbox->watch = event_new(loop, -1, EV_PERSIST, on_watch, sandbox);
	if (!sandbox->watch || event_add(sandbox->watch, &period) < 0)
		abort();
}

int sandbox_start(struct sandbox **ret, struct sandbox_host *host, struct event_base *loop,
	const struct sandbox_options *options, const struct sandbox_events *events, struct error *err)
{
	struct child_options child = CHILD_OPTIONS_INIT;
	const struct child_events child_events = { on_child_output, on_child_exit, NULL };
	struct child_events with_arg = child_events;
	const char *const env[] = { "PATH=/usr/bin:/bin", "LANG=C.UTF-8", NULL };
	struct sandbox *sandbox = mem_alloc(sizeof(*sandbox));
	struct strv args = STRV_INIT;
	int pipe_fds[2] = { -1, -1 }, keep[2], rc;

	sandbox->host = host;
	sandbox->events = *events;
	sandbox->status_fd = sandbox->init_fd = -1;
	str_init(&sandbox->status);
	str_init(&sandbox->tail);
	if (host->cgroups && (options->memory || options->processes)) {
		rc = cgroup_make(&sandbox->cgroup, host->cgroups, options->memory, options->processes, err);
		if (rc < 0)
			goto fail;
	}
	if (pipe2(pipe_fds, O_CLOEXEC) < 0 || fcntl(pipe_fds[0], F_SETFL, O_NONBLOCK) < 0) {
		rc = error_errno(err, errno, "cannot make a pipe");
		goto fail;
	}
	sandbox->status_fd = pipe_fds[0];
	sandbox->on_status = event_new(loop, sandbox->status_fd, EV_READ | EV_PERSIST, on_status, sandbox);
	if (!sandbox->on_status || event_add(sandbox->on_status, NULL) < 0)
		abort();
	build_arguments(&args, sandbox, options, pipe_fds[1]);
	keep[0] = pipe_fds[1];
	keep[1] = options->hold_fd;
	child.argv = strv_argv(&args);
	child.env = env;	/* /proc/1/environ can be read inside */
	child.directory = "/";
	child.stdout_fd = child.stderr_fd = CHILD_PIPE;
	child.merge_output = true;
	child.keep_fds = keep;
	child.n_keep_fds = options->hold_fd > 0 ? 2 : 1;
	child.timeout_ms = options->timeout_ms;
	/* bubblewrap's own child, killed between its birth and its first word, would wait for ever. */
	child.guard = host->guard;
	child.cgroup_procs = sandbox->cgroup ? cgroup_procs(sandbox->cgroup) : NULL;
	with_arg.arg = sandbox;
	sandbox->oom_before = host_oom_kills();
	rc = child_start(&sandbox->child, loop, &child, &with_arg, err);
	if (rc < 0)
		goto fail;
	if (!sandbox->cgroup && options->processes && geteuid() == 0)
		add_watch(sandbox, loop, options->processes);
	file_close(&pipe_fds[1]);
	strv_release(&args);
	*ret = sandbox;
	return 0;
fail:
	file_close(&pipe_fds[1]);
	strv_release(&args);
	dispose(sandbox);
	return rc;
}

/* --- Blocking --- */

struct waiting {
	struct event_base *loop;
	struct str *output;
	struct sandbox_end end;
};

static void on_waited_output(const char *bytes, size_t len, void *arg)
{
	struct waiting *waiting = arg;

	if (waiting->output && waiting->output->len + len <= OUTPUT_MAX)
		str_add_bytes(waiting->output, bytes, len);
}

static void on_waited_end(const struct sandbox_end *end, void *arg)
{
	struct waiting *waiting = arg;

	waiting->end = *end;
	event_base_loopbreak(waiting->loop);
}

int sandbox_run(struct sandbox_end *ret, struct str *ret_output, struct sandbox_host *host,
	const struct sandbox_options *options, struct error *err)
{
	struct waiting waiting = { .output = ret_output };
	const struct sandbox_events events = { on_waited_output, on_waited_end, &waiting };
	struct sandbox *sandbox;
	int rc;

	waiting.loop = event_base_new();
	if (!waiting.loop)
		return error_set(err, ERR_IO, "cannot make an event loop");
	rc = sandbox_start(&sandbox, host, waiting.loop, options, &events, err);
	if (rc == 0) {
		event_base_dispatch(waiting.loop);
		*ret = waiting.end;
	}
	event_base_free(waiting.loop);
	return rc;
}

/* --- The host --- */

static char *find_program(const char *name)
{
	static const char *const dirs[] = { "/usr/bin", "/bin", "/usr/local/bin", "/usr/sbin", NULL };

	for (size_t i = 0; dirs[i]; i++) {
		char *path = mem_printf("%s/%s", dirs[i], name);

		if (access(path, X_OK) == 0)
			return path;
		free(path);
	}
	return NULL;
}

/* Paths as the kernel knows them; those that do not exist (yet) as they were given. */
static void add_hidden(struct sandbox_host *host, const char *const *hide)
{
	for (; hide && *hide; hide++) {
		char *real = realpath(*hide, NULL);

		if ((real ? real : *hide)[0] == '/')
			strv_push(&host->hide, real ? real : *hide);
		free(real);
	}
	/* Outer directories first, so that what is below them is known to be covered. */
	strv_sort_unique(&host->hide);
}

static int self_test(struct sandbox_host *host, struct error *err)
{
	const char *const argv[] = { "/bin/sh", "-c", "true", NULL };
	const struct sandbox_options options = {
		.argv = argv, .timeout_ms = SELF_TEST_MS, .processes = 4096
	};
	struct sandbox_end end;

	if (sandbox_run(&end, NULL, host, &options, err) < 0)
		return -(int)(err ? err->code : ERR_FAILED);
	if (end.failed)
		return error_set(err, ERR_UNAVAILABLE, "%s", end.reason);
	if (end.timed_out)
		return error_set(err, ERR_UNAVAILABLE, "`true` did not end in %d s", SELF_TEST_MS / 1000);
	if (end.status)
		return error_set(err, ERR_UNAVAILABLE, "`true` ended with status %d", end.status);
	return 0;
}

static int find_mode(struct sandbox_host *host, bool without_user_namespace, struct error *err)
{
	struct error first = ERROR_INIT, last = ERROR_INIT;

	for (int mode = 0; mode < SANDBOX_NMODES; mode++) {
		if (mode == SANDBOX_PLAIN ? geteuid() != 0 : without_user_namespace)
			continue;
		host->mode = (enum sandbox_mode)mode;
		if (self_test(host, &last) == 0)
			return 0;
		if (!first.code)
			first = last;
	}
	return error_set(err, ERR_UNAVAILABLE, "cannot make a sandbox: %s. Builds and tests run in nothing "
		"less; mend this, or run the agent as root",
		first.code ? first.text : "user namespaces are refused and this is not root");
}

int sandbox_host_new(struct sandbox_host **ret, const struct sandbox_host_options *options,
	struct error *err)
{
	struct sandbox_host *host = mem_alloc(sizeof(*host));
	struct error why = ERROR_INIT;
	int rc;

	host->box = mem_strdup(options->box);
	host->bwrap = find_program("bwrap");
	add_hidden(host, options->hide);
	if (!host->bwrap) {
		rc = error_set(err, ERR_UNAVAILABLE,
			"cannot make a sandbox: no bwrap here; install the package bubblewrap");
		goto fail;
	}
	if (access(host->box, X_OK) < 0) {
		rc = error_set(err, ERR_UNAVAILABLE, "cannot make a sandbox: no program %s; name its "
			"directory with --libexec-dir", host->box);
		goto fail;
	}
	if (options->without_cgroup)
		error_set(&why, ERR_UNAVAILABLE, "not wanted");
	else
		host->cgroups = cgroups_open(&why);
	rc = child_guard_start(&host->guard, err);
	if (rc == 0)
		rc = find_mode(host, options->without_user_namespace, err);
	if (rc < 0)
		goto fail;
	if (host->cgroups)
		host->description = mem_printf("bubblewrap with %s, control groups version %d",
			mode_words[host->mode], cgroups_version(host->cgroups));
	else
		host->description = mem_printf("bubblewrap with %s, resource limits (%s)",
			mode_words[host->mode], why.text);
	*ret = host;
	return 0;
fail:
	sandbox_host_free(host);
	return rc;
}

void sandbox_host_free(struct sandbox_host *host)
{
	if (!host)
		return;
	free(host->box);
	free(host->bwrap);
	strv_release(&host->hide);
	cgroups_free(host->cgroups);
	child_guard_free(host->guard);
	free(host->description);
	free(host);
}

const char *sandbox_host_describe(const struct sandbox_host *host)
{
	return host->description;
}
