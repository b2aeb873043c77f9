#include "config.h"

#include <event2/event.h>
#include <signal.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/settings.h"
#include "bisectd/boxes.h"
#include "bisectd/daemon.h"
#include "bisectd/standalone.h"
#include "git/mirror.h"

#define FORGET_AFTER_MS (24LL * 3600 * 1000)
#define INSTALLATION_BYTES 6
#define FORGET_EVERY_MS (3600LL * 1000)
#define RETRY_PAUSE_MAX_MS (300LL * 1000)
#define STOP_PATIENCE_S 5
#define WORKERS 4	/* threads that fetch: as many repositories that do not answer hold up the others */

struct settings_values {
	char *config, *state_dir, *listen, *redis, *redis_password, *program_dir, *port_file, *log_level;
	long long port, lease, build_slots, test_slots, test_memory, build_memory;
	long long quarantine_after, quarantine_time, quarantine_max, max_attempts, retry_pause, give_up_after;
	struct strv suite_dirs;
	bool standalone, no_auth, local_repositories, private_pages;
	bool version, man;
};

#define AT(field) offsetof(struct settings_values, field)
static const struct setting settings[] = {
	{ "", 0, SETTING_HEADING, 0, NULL, NULL, 0, 0, "Where", false },
	{ "config", 'c', SETTING_STRING, AT(config), "FILE", NULL, 0, 0,
		"Read settings from this YAML file (`name: value`).", true },
	{ "state-dir", 'd', SETTING_STRING, AT(state_dir), "DIR", "/var/lib/bisectd", 0, 0,
		"Everything that lasts: warehouse, artifacts, mirrors, tokens, the private Redis.", false },
	{ "listen", 'l', SETTING_STRING, AT(listen), "ADDRESS", "127.0.0.1", 0, 0,
		"Address to listen on.", false },
	{ "port", 'p', SETTING_NUMBER, AT(port), "N", "8430", 0, 65535,
		"Port to listen on; 0 takes a free one.", false },
	{ "port-file", 0, SETTING_STRING, AT(port_file), "FILE", NULL, 0, 0,
		"Write the port here when ready.", false },
	{ "redis", 0, SETTING_STRING, AT(redis), "ADDRESS", NULL, 0, 0,
		"Use this Redis (unix:/path or host:port) instead of a private one in the state directory.", false },
	{ "redis-password", 0, SETTING_STRING, AT(redis_password), "TEXT", NULL, 0, 0,
		"Its password.", false },
	{ "", 0, SETTING_HEADING, 0, NULL, NULL, 0, 0, "Who may do what", false },
	{ "no-tokens", 0, SETTING_FLAG, AT(no_auth), NULL, NULL, 0, 0,
		"Ask nobody for a token: everybody who reaches the port may do everything. Only on a loopback address.", false },
	{ "private-pages", 0, SETTING_FLAG, AT(private_pages), NULL, NULL, 0, 0,
		"Pages and reading need a token on a loopback address too (elsewhere they always do).", false },
	{ "local-repositories", 0, SETTING_FLAG, AT(local_repositories), NULL, NULL, 0, 0,
		"Jobs may name repositories by absolute path or file://.", false },
	{ "", 0, SETTING_HEADING, 0, NULL, NULL, 0, 0, "Work", false },
	{ "lease", 0, SETTING_SECONDS, AT(lease), "TIME", "60s", 2, 3600,
		"How long a unit stays with an agent that is not heard of.", false },
	{ "quarantine-after", 0, SETTING_NUMBER, AT(quarantine_after), "N", "3", 1, 1000,
		"Failures of a box in a row, on different units and none of them the unit's fault, before it gets no work for a while.", false },
	{ "quarantine-time", 0, SETTING_SECONDS, AT(quarantine_time), "TIME", "60s", 1, 86400,
		"How long the first time; doubled each time that it then fails again.", false },
	{ "quarantine-max", 0, SETTING_SECONDS, AT(quarantine_max), "TIME", "1h", 1, 864000,
		"How long at most.", false },
	{ "max-attempts", 0, SETTING_NUMBER, AT(max_attempts), "N", "8", 1, 1000,
		"Times that a unit may fail by the farm's fault before it is given up.", false },
	{ "give-up-after", 0, SETTING_SECONDS, AT(give_up_after), "TIME", "10m", 0, 864000,
		"Not before this time after its first failure, so that an outage of the whole farm skips no commit.", false },
	{ "retry-pause", 0, SETTING_SECONDS, AT(retry_pause), "TIME", "5s", 0, 3600,
		"How long a box that failed on a unit is not offered it; doubled each time up to five minutes. Other boxes get it at once.", false },
	{ "test-memory", 0, SETTING_BYTES, AT(test_memory), "SIZE", "2g", 0, 0,
		"Memory of a test whose testbox names none.", false },
	{ "build-memory", 0, SETTING_BYTES, AT(build_memory), "SIZE", "4g", 0, 0,
		"Memory of a build.", false },
	{ "suite-dir", 0, SETTING_LIST, AT(suite_dirs), "DIR", NULL, 0, 0,
		"Look here for suites (folders with suite.yaml and run) before those of the installation.", false },
	{ "", 0, SETTING_HEADING, 0, NULL, NULL, 0, 0, "One machine", false },
	{ "standalone", 0, SETTING_FLAG, AT(standalone), NULL, NULL, 0, 0,
		"Run a builder and a tester as children, all under the state directory; local repositories are allowed.", false },
	{ "build-slots", 0, SETTING_NUMBER, AT(build_slots), "N", "0", 0, 256,
		"Builds at once; 0: one for every two processors.", false },
	{ "test-slots", 0, SETTING_NUMBER, AT(test_slots), "N", "0", 0, 256,
		"Tests at once; 0: one for every two processors.", false },
	{ "program-dir", 0, SETTING_STRING, AT(program_dir), "DIR", NULL, 0, 0,
		"Where bisect-builder and bisect-tester are; default: beside bisectd.", false },
	{ "", 0, SETTING_HEADING, 0, NULL, NULL, 0, 0, "Other", false },
	{ "log-level", 0, SETTING_STRING, AT(log_level), "LEVEL", "info", 0, 0,
		"error, warning, info or debug.", false },
	{ "version", 'V', SETTING_FLAG, AT(version), NULL, NULL, 0, 0, "Print the version.", true },
	{ NULL, 0, SETTING_HEADING, 0, NULL, NULL, 0, 0, NULL, false },
};

static const struct command bisectd_command = {
	.name = "bisectd",
	.synopsis = "[--standalone] [options]",
	.summary = "git bisection service: HTTP API, pages and the search itself",
	.description =
		"bisectd takes an error id and the job.yaml that showed it, hands builds and tests to agents "
		"(bisect-builder, bisect-tester) and names the first bad commit with the evidence for it.\n\n"
		"All that lasts is in the state directory. The process may be killed at any moment: started again, it "
		"goes on where it was, and no finished run is repeated.\n\n"
		"At the first start tokens are written to admin.token and agent.token in the state directory; more are "
		"made with `bisectctl token`.",
	.settings = settings,
	.size = sizeof(struct settings_values),
};

struct program {
	struct daemon daemon;
	struct settings_values values;
	struct queue_rules rules;
	struct standalone *standalone;
	int lock_fd;
	int status;
};

void daemon_wake(struct daemon *daemon)
{
	event_active(daemon->advance, EV_TIMEOUT, 0);
}

static void on_advance(evutil_socket_t fd, short what, void *arg)
{
	struct daemon *daemon = arg;

	jobs_advance(daemon);
	bisections_advance(daemon);
	/* All that is wanted is known by now. */
	if (daemon->reconcile && !daemon->queue_was_down)
		daemon->reconcile = units_reconcile(daemon, NULL) < 0;
	claims_try(daemon);
	events_tick(daemon);
}

static void expire_leases(struct daemon *daemon)
{
	struct error err = ERROR_INIT;
	int64_t now = clock_wall_ms();

	if (daemon->queue_was_down && queue_ping(daemon->queue, NULL) == 0)
		daemon->back_ms = now;
	if (units_expire(daemon, &err) < 0) {
		if (!daemon->queue_was_down)
			log_error("Redis is away: %s", err.text);
		daemon->queue_was_down = daemon->reconcile = true;
		if (daemon->redis)
			redis_server_doubt(daemon->redis);
		return;
	}
	if (daemon->queue_was_down)
		log_info("Redis answers again");
	daemon->queue_was_down = false;
	if (now - daemon->forgot_ms > FORGET_EVERY_MS) {
		daemon->forgot_ms = now;
		queue_forget(daemon->queue, now, FORGET_AFTER_MS, NULL);
	}
}

/* Once a second: whatever was missed (Redis away, a full disk) is tried again here, so that nothing waits for a person. */
static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct daemon *daemon = arg;

	expire_leases(daemon);
	boxes_tick(daemon);
	on_advance(-1, 0, daemon);
}

/* A worker may be in the middle of a long fetch, which begins again at the next start: nothing that counts is only in memory. */
static void on_patience_end(int signal)
{
	static const char text[] = "bisectd: a fetch did not end in time: leaving without it\n";

	(void)!write(STDERR_FILENO, text, sizeof(text) - 1);
	_exit(0);
}

static void leave_loop(void *arg)
{
	struct program *program = arg;

	signal(SIGALRM, on_patience_end);
	alarm(STOP_PATIENCE_S);
	event_base_loopexit(program->daemon.loop, NULL);
}

static void on_signal(evutil_socket_t signal, short what, void *arg)
{
	struct program *program = arg;

	log_info("stopping on signal %d", (int)signal);
	standalone_stop(program->standalone, leave_loop, program);
}

static void on_child(evutil_socket_t fd, short what, void *arg)
{
}

static bool is_loopback(const char *address)
{
	return !strcmp(address, "127.0.0.1") || !strcmp(address, "::1") ||
		!strncmp(address, "127.", 4) || !strcmp(address, "localhost");
}

static int check_values(const struct settings_values *values, struct error *err)
{
	if (values->no_auth && !is_loopback(values->listen))
		return error_set(err, ERR_INVALID,
			"--no-tokens with --listen %s: found an address that others reach, allowed is a loopback address",
			values->listen);
	return 0;
}

static void on_damage(const char *what, void *arg)
{
	log_error("%s", what);
}

/*
 * Two installations may be given one Redis: each has units under a name of its own, kept in its state directory, or the one would cancel what
 * the other queued.
 */
static int installation_prefix(struct str *ret, const struct daemon *daemon, struct error *err)
{
	char id[2 * INSTALLATION_BYTES + 1];
	struct str path = STR_INIT, text = STR_INIT;
	int r;

	str_addf(&path, "%s/installation", daemon->state_dir);
	r = file_read(&text, path.buf, 64, err);
	if (r == -ERR_NOT_FOUND) {
		random_hex(id, INSTALLATION_BYTES);
		str_setf(&text, "%s\n", id);
		r = file_write_atomic(path.buf, text.buf, text.len, 0600, err);
	}
	str_trim_right(&text);
	if (r == 0 && (text.len != 2 * INSTALLATION_BYTES || strspn(text.buf, "0123456789abcdef") != text.len))
		r = error_set(err, ERR_CORRUPT, "%s: found %zu bytes, expected %d hex digits; delete it, and what was queued runs again",
			path.buf, text.len, 2 * INSTALLATION_BYTES);
	if (r == 0)
		str_addf(ret, "bisectd:%s", text.buf);
	str_release(&path);
	str_release(&text);
	return r;
}

static int open_stores(struct program *program, struct error *err)
{
	struct daemon *daemon = &program->daemon;
	struct settings_values *values = &program->values;
	struct str path = STR_INIT, prefix = STR_INIT;
	const char *address = values->redis;
	int r = dir_make(daemon->state_dir, 0700, err);

	if (r < 0)
		goto out;
	str_setf(&path, "%s/lock", daemon->state_dir);
	/* The one before us may still be dying. */
	r = file_lock(&program->lock_fd, path.buf, 10000, err);
	if (r < 0) {
		error_prefix(err, "another bisectd uses %s", daemon->state_dir);
		goto out;
	}
	r = dir_make(daemon->mirrors_dir, 0700, err);
	if (r < 0)
		goto out;
	str_setf(&path, "%s/warehouse.db", daemon->state_dir);
	r = warehouse_open(&daemon->warehouse, path.buf, err);
	if (r < 0)
		goto out;
	warehouse_on_damage(daemon->warehouse, on_damage, NULL);
	str_setf(&path, "%s/artifacts", daemon->state_dir);
	r = artifacts_open(&daemon->artifacts, path.buf, err);
	if (r < 0)
		goto out;
	if (!address) {
		str_setf(&path, "%s/redis", daemon->state_dir);
		r = redis_server_start(&daemon->redis, daemon->loop, path.buf, err);
		if (r < 0)
			goto out;
		address = redis_server_address(daemon->redis);
	}
	if (daemon->redis)
		str_add(&prefix, "bisectd");
	else
		r = installation_prefix(&prefix, daemon, err);
	if (r < 0)
		goto out;
	r = queue_open(&daemon->queue, address, values->redis_password, prefix.buf, err);
	if (r == 0)
		queue_set_rules(daemon->queue, &program->rules);
	if (r == 0)
		r = tokens_bootstrap(daemon, err);
out:
	str_release(&path);
	str_release(&prefix);
	return r;
}

static int listen_http(struct program *program, struct error *err)
{
	struct daemon *daemon = &program->daemon;
	struct settings_values *values = &program->values;
	struct http_server_options options = {
		.address = values->listen,
		.port = (int)values->port,
		.routes = api_routes,
		.authorize = api_authorize,
		.not_found = api_not_found,
		.arg = daemon,
	};
	char text[16];
	int r = http_server_new(&daemon->http, daemon->loop, &options, err);

	if (r < 0)
		return r;
	log_info("listening on http://%s:%d/", values->listen, http_server_port(daemon->http));
	if (!values->port_file)
		return 0;
	snprintf(text, sizeof(text), "%d\n", http_server_port(daemon->http));
	return file_write_atomic(values->port_file, text, strlen(text), 0644, err);
}

static char *own_directory(void)
{
	char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	char *slash;

	if (n <= 0)
		return mem_strdup(".");
	path[n] = '\0';
	slash = strrchr(path, '/');
	*slash = '\0';
	return mem_strdup(path);
}

static int start_standalone(struct program *program, struct error *err)
{
	struct settings_values *values = &program->values;
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	long long half = cpus > 1 ? cpus / 2 : 1;
	char *own = own_directory();
	struct standalone_options options = {
		.state_dir = program->daemon.state_dir,
		.mirrors_dir = program->daemon.mirrors_dir,
		.program_dir = values->program_dir ? values->program_dir : own,
		.address = values->listen,
		.port = http_server_port(program->daemon.http),
		.build_slots = values->build_slots ? values->build_slots : half,
		.test_slots = values->test_slots ? values->test_slots : half,
		.local_repositories = true,
	};
	int r = standalone_start(&program->standalone, program->daemon.loop, &options, err);

	free(own);
	return r;
}

static int serve(struct program *program, struct error *err)
{
	static const struct timeval second = { 1, 0 };
	struct daemon *daemon = &program->daemon;
	struct event *signals[4];
	int r;

	signals[0] = evsignal_new(daemon->loop, SIGTERM, on_signal, program);
	signals[1] = evsignal_new(daemon->loop, SIGINT, on_signal, program);
	signals[2] = evsignal_new(daemon->loop, SIGHUP, on_signal, program);
	signals[3] = evsignal_new(daemon->loop, SIGCHLD, on_child, program);
	for (int i = 0; i < 4; i++)
		event_add(signals[i], NULL);
	daemon->advance = event_new(daemon->loop, -1, 0, on_advance, daemon);
	daemon->tick = event_new(daemon->loop, -1, EV_PERSIST, on_tick, daemon);
	r = worker_pool_new(&daemon->workers, daemon->loop, WORKERS, err);
	if (r == 0)
		r = open_stores(program, err);
	if (r == 0)
		r = boxes_load(daemon, err);
	if (r == 0)
		r = jobs_resume(daemon, err);
	if (r == 0)
		r = bisections_resume(daemon, err);
	if (r == 0)
		r = listen_http(program, err);
	if (r == 0 && program->values.standalone)
		r = start_standalone(program, err);
	if (r == 0) {
		event_add(daemon->tick, &second);
		daemon->reconcile = true;
		daemon_wake(daemon);
		event_base_dispatch(daemon->loop);
	}
	standalone_free(program->standalone);
	events_free(daemon);
	claims_free(daemon);
	http_server_free(daemon->http);
	worker_pool_free(daemon->workers);
	alarm(0);
	bisections_free(daemon);
	jobs_free(daemon);
	if (daemon->warehouse)
		boxes_free(daemon);
	queue_free(daemon->queue);
	redis_server_stop(daemon->redis);
	artifacts_free(daemon->artifacts);
	warehouse_free(daemon->warehouse);
	event_free(daemon->advance);
	event_free(daemon->tick);
	for (int i = 0; i < 4; i++)
		event_free(signals[i]);
	file_close(&program->lock_fd);
	return r;
}

static void fill_daemon(struct program *program)
{
	struct daemon *daemon = &program->daemon;
	struct settings_values *values = &program->values;
	struct utsname machine;

	/* Children run elsewhere: every path is absolute. */
	if (values->state_dir[0] == '/') {
		daemon->state_dir = mem_strdup(values->state_dir);
	} else {
		char *here = getcwd(NULL, 0);

		daemon->state_dir = mem_printf("%s/%s", here ? here : "", values->state_dir);
		free(here);
	}
	daemon->mirrors_dir = mem_printf("%s/mirrors", daemon->state_dir);
	daemon->local_repositories = values->local_repositories || values->standalone;
	daemon->auth = !values->no_auth;
	daemon->anonymous_viewer = is_loopback(values->listen) && !values->private_pages;
	daemon->lease_ms = values->lease * 1000;
	daemon->health = (struct health_rules){ (unsigned)values->quarantine_after, values->quarantine_time * 1000,
		(values->quarantine_max > values->quarantine_time ? values->quarantine_max : values->quarantine_time) * 1000 };
	program->rules = (struct queue_rules){ (unsigned)values->max_attempts, values->retry_pause * 1000, RETRY_PAUSE_MAX_MS,
		values->give_up_after * 1000 };
	for (size_t i = 0; i < values->suite_dirs.n; i++)
		strv_push(&daemon->suite_path.dirs, values->suite_dirs.v[i]);
	search_path_add_own(&daemon->suite_path, "suites");
	daemon->suite_path.limit = SUITE_FILE_MAX;
	daemon->suite_files = (struct job_files){ search_path_read, &daemon->suite_path };
	daemon->test_memory = values->test_memory;
	daemon->build_memory = values->build_memory;
	uname(&machine);
	snprintf(daemon->arch, sizeof(daemon->arch), "%.15s", machine.machine);
	daemon->started_ms = daemon->back_ms = clock_wall_ms();
}

static bool log_level_parse(const char *name, enum log_level *ret)
{
	static const char *const names[] = { "error", "warning", "info", "debug" };

	for (int i = 0; i < LOG_NLEVELS; i++) {
		if (!strcmp(name, names[i])) {
			*ret = (enum log_level)i;
			return true;
		}
	}
	return false;
}

/* The configuration file is named on the command line, and read below it. */
static const char *find_config(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if ((!strcmp(argv[i], "--config") || !strcmp(argv[i], "-c")) && i + 1 < argc)
			return argv[i + 1];
		if (str_has_prefix(argv[i], "--config="))
			return argv[i] + strlen("--config=");
	}
	return NULL;
}

int main(int argc, char **argv)
{
	struct program program = { .lock_fd = -1 };
	struct strv rest = STRV_INIT;
	struct error err = ERROR_INIT;
	enum log_level level;
	bool done = false;
	int r;

	log_open("bisectd", LOG_LEVEL_INFO);
	if (argc == 2 && !strcmp(argv[1], "--man")) {
		settings_print_man("bisectd", 8, &bisectd_command, NULL);
		return 0;
	}
	r = settings_read(&program.values, &rest, &done, &bisectd_command, "bisectd", argc, argv,
		find_config(argc, argv), false, &err);
	if (r < 0 || done)
		goto out;
	if (program.values.version) {
		puts("bisectd " PACKAGE_VERSION);
		goto out;
	}
	if (rest.n) {
		r = error_set(&err, ERR_INVALID, "found '%s', allowed are only options; see --help", rest.v[0]);
		goto out;
	}
	if (!log_level_parse(program.values.log_level, &level)) {
		r = error_set(&err, ERR_INVALID,
			"--log-level: found '%s', allowed are error, warning, info, debug",
			program.values.log_level);
		goto out;
	}
	r = check_values(&program.values, &err);
	if (r < 0)
		goto out;
	log_open("bisectd", level);
	signal(SIGPIPE, SIG_IGN);
	git_environment();
	fill_daemon(&program);
	program.daemon.loop = event_base_new();
	r = serve(&program, &err);
	event_base_free(program.daemon.loop);
	search_path_release(&program.daemon.suite_path);
	free(program.daemon.state_dir);
	free(program.daemon.mirrors_dir);
out:
	if (r < 0)
		log_error("%s", err.text);
	settings_release(&program.values, &bisectd_command);
	strv_release(&rest);
	return r < 0 ? (err.code == ERR_INVALID ? 2 : 1) : 0;
}
