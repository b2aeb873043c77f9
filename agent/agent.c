/* The program: settings, sandbox, claims, signals. */
#include "config.h"

#include "agent/internal.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"

enum {
	WAIT_S = 30,
	STOP_S = 8,
	TOKEN_MAX = 4096,
	INFRA_PAUSE_MAX_MS = 30000,
	DISK_PAUSE_MS = 5000,
	ANSWER_MAX = 16 << 20,
};

static void claim(struct agent *agent);

const void *agent_values(const struct agent *agent)
{
	return agent->values;
}

const char *agent_state_dir(const struct agent *agent)
{
	return agent->state_dir;
}

const char *agent_arch(const struct agent *agent)
{
	return agent->arch;
}

unsigned agent_slots(const struct agent *agent)
{
	return (unsigned)((const struct agent_values *)agent->values)->slots;
}

/* --- Claims --- */

static void claim_in(struct agent *agent, int64_t ms)
{
	struct timeval time = { ms / 1000, ms % 1000 * 1000 };

	event_add(agent->claim_again, &time);
}

static void claim_later(struct agent *agent)
{
	claim_in(agent, agent->claim_pause_ms);
	agent->claim_pause_ms *= 2;
	if (agent->claim_pause_ms > PAUSE_MAX_MS)
		agent->claim_pause_ms = PAUSE_MAX_MS;
}

static void take_unit(struct agent *agent, const struct http_answer *answer)
{
	struct error err = ERROR_INIT;
	json_t *unit = json_loadb(answer->body.buf, answer->body.len, 0, NULL);

	if (!unit)
		error_set(&err, ERR_INVALID, "the answer to a claim is not JSON");
	if (!unit || run_new(agent, unit, &err) < 0) {
		log_error("%s", err.text);
		claim_later(agent);
	} else {
		agent->claim_pause_ms = PAUSE_MIN_MS;
		claim_in(agent, 0);
	}
	json_decref(unit);
}

static void on_claimed(const struct http_answer *answer, const struct error *failure, void *arg)
{
	struct agent *agent = arg;
	struct error err = ERROR_INIT;

	agent->claim = NULL;
	if (!answer) {
		agent_note_away(agent, failure->text);
		claim_later(agent);
		return;
	}
	if (answer->status >= 400) {
		http_answer_error(&err, answer, "cannot ask for work");
		agent_note_away(agent, err.text);
		claim_later(agent);
		return;
	}
	agent_note_back(agent);
	if (answer->status == 200) {
		take_unit(agent, answer);
	} else {
		/* A server that answers at once, unlike ours, is not to be flooded. */
		agent->claim_pause_ms = PAUSE_MIN_MS;
		claim_in(agent, agent->told_disk ? DISK_PAUSE_MS : PAUSE_MIN_MS / 10);
	}
}

/* A daemon that is told of trouble gives no work, and tells people. */
static char *claim_body(const struct agent *agent)
{
	json_t *lanes = json_array(), *body;
	char *text, *trouble;

	for (size_t i = 0; i < agent->lanes.n; i++)
		json_array_append_new(lanes, json_string(agent->lanes.v[i]));
	body = json_pack("{s:s, s:o, s:i, s:i}", "agent", agent->name, "lanes", lanes, "wait_s",
		agent->told_disk ? 0 : WAIT_S, "slots", (int)agent_slots(agent));
	if (agent->told_disk) {
		trouble = mem_printf("the disk of %s is full", agent->state_dir);
		json_object_set_new(body, "trouble", result_string(trouble));
		free(trouble);
	}
	text = json_dumps(body, JSON_COMPACT);
	json_decref(body);
	if (!text)
		abort();
	return text;
}

static void claim(struct agent *agent)
{
	struct http_call_options options = HTTP_CALL_INIT;
	char *url, *body;
	bool full;

	if (agent->claim || agent->stopping || agent->n_runs >= agent_slots(agent) ||
	    event_pending(agent->claim_again, EV_TIMEOUT, NULL))
		return;
	full = disk_is_full(agent->state_dir);
	if (full && !agent->told_disk)
		log_error("%s is full: no work is taken until there is room", agent->state_dir);
	agent->told_disk = full;
	url = agent_url(agent, "/api/v1/units/claim");
	body = claim_body(agent);
	options.method = "POST";
	options.url = url;
	options.token = agent->token.len ? agent->token.buf : NULL;
	options.content_type = "application/json";
	options.body = body;
	options.body_len = strlen(body);
	options.timeout_ms = (WAIT_S + 15) * 1000;
	options.answer_max = ANSWER_MAX;
	agent->claim = http_call_start(agent->http, &options, on_claimed, agent);
	free(url);
	free(body);
}

static void on_claim_time(evutil_socket_t fd, short what, void *arg)
{
	claim(arg);
}

/* Trouble of our own that comes again and again: others may have more luck with those units. */
static int64_t infra_pause_ms(const struct agent *agent)
{
	int64_t pause = PAUSE_MIN_MS;

	for (unsigned i = 1; i < agent->infra_failures && pause < INFRA_PAUSE_MAX_MS; i++)
		pause *= 2;
	return pause < INFRA_PAUSE_MAX_MS ? pause : INFRA_PAUSE_MAX_MS;
}

void agent_run_gone(struct agent *agent, enum run_end end)
{
	if (end == RUN_FAILED)
		agent->infra_failures++;
	else if (end == RUN_FINISHED)
		agent->infra_failures = 0;
	if (agent->stopping) {
		if (!agent->n_runs)
			event_base_loopbreak(agent->loop);
		return;
	}
	if (end == RUN_FAILED)
		claim_in(agent, infra_pause_ms(agent));
	else
		claim(agent);
}

/* --- Stopping --- */

static void on_stop_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct agent *agent = arg;

	event_base_loopbreak(agent->loop);
}

static void on_stop(evutil_socket_t signal_number, short what, void *arg)
{
	static const struct timeval patience = { STOP_S, 0 };
	struct agent *agent = arg;
	struct run *next;

	if (agent->stopping) {
		event_base_loopbreak(agent->loop);
		return;
	}
	log_info("stopping on signal %d", (int)signal_number);
	agent->stopping = true;
	event_del(agent->claim_again);
	http_call_cancel(agent->claim);
	agent->claim = NULL;
	if (!agent->n_runs) {
		event_base_loopbreak(agent->loop);
		return;
	}
	event_add(agent->stop_deadline, &patience);
	for (struct run *run = agent->runs; run; run = next) {
		next = run_next(run);
		run_give_up(run, FAULT_STOP, "the agent stops");
	}
}

/* --- The start --- */

/* Removes what killed agents left: everything in STATE/work whose lock nobody holds. */
static int clean_work(const char *work, struct error *err)
{
	struct strv names = STRV_INIT;
	struct str path = STR_INIT;
	struct dirent *entry;
	int all = -1, rc;
	DIR *dir;

	rc = file_lock(&all, str_setf(&path, "%s/.lock", work), 10000, err);
	if (rc < 0)
		goto out;
	dir = opendir(work);
	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.' && !str_has_suffix(entry->d_name, ".lock"))
			strv_push(&names, entry->d_name);
	if (dir)
		closedir(dir);
	for (size_t i = 0; i < names.n; i++) {
		int lock;

		if (file_lock(&lock, str_setf(&path, "%s/%s.lock", work, names.v[i]), 0, NULL) < 0)
			continue;
		dir_remove(str_setf(&path, "%s/%s", work, names.v[i]), NULL);
		unlink(str_setf(&path, "%s/%s.lock", work, names.v[i]));
		close(lock);
	}
out:
	file_close(&all);
	str_release(&path);
	strv_release(&names);
	return rc;
}

static int open_state(struct agent *agent, struct error *err)
{
	struct agent_values *values = agent->values;
	struct str work = STR_INIT;
	int rc;

	rc = dir_make(values->state_dir, 0700, err);
	if (rc < 0)
		return rc;
	agent->state_dir = realpath(values->state_dir, NULL);
	if (!agent->state_dir)
		return error_errno(err, errno, "cannot open %s", values->state_dir);
	str_setf(&work, "%s/work", agent->state_dir);
	rc = dir_make(work.buf, 0700, err);
	if (rc == 0)
		rc = clean_work(work.buf, err);
	str_release(&work);
	return rc;
}

static char *absolute(const char *path)
{
	char *here, *whole;

	if (path[0] == '/')
		return mem_strdup(path);
	here = getcwd(NULL, 0);
	whole = mem_printf("%s/%s", here ? here : "", path);
	free(here);
	return whole;
}

static void hide_push(struct strv *hide, const char *path)
{
	char *whole = absolute(path);

	strv_push(hide, whole);
	free(whole);
}

/* The directory given, else where this program is, else where it was installed. */
static char *find_box(const struct agent_values *values)
{
	char own[PATH_MAX], *box, *slash;
	ssize_t n;

	if (values->libexec_dir)
		return mem_printf("%s/bisect-box", values->libexec_dir);
	n = readlink("/proc/self/exe", own, sizeof(own) - 1);
	if (n > 0) {
		own[n] = '\0';
		slash = strrchr(own, '/');
		box = mem_printf("%.*s/bisect-box", (int)(slash - own), own);
		if (access(box, X_OK) == 0)
			return box;
		free(box);
	}
	return mem_strdup(PKGLIBEXECDIR "/bisect-box");
}

static int open_sandbox(struct agent *agent, const struct strv *more, struct error *err)
{
	struct agent_values *values = agent->values;
	struct sandbox_host_options options = { 0 };
	struct strv hide = STRV_INIT;
	char *found = find_box(values), *box = absolute(found);
	int rc;

	strv_push(&hide, agent->state_dir);
	if (values->token_file)
		hide_push(&hide, values->token_file);
	if (values->config)
		hide_push(&hide, values->config);
	for (size_t i = 0; i < values->hide.n; i++)
		hide_push(&hide, values->hide.v[i]);
	for (size_t i = 0; i < more->n; i++)
		hide_push(&hide, more->v[i]);
	options.box = box;
	options.hide = strv_argv(&hide);
	rc = sandbox_host_new(&agent->sandbox, &options, err);
	if (rc == 0)
		log_info("sandbox: %s", sandbox_host_describe(agent->sandbox));
	strv_release(&hide);
	free(found);
	free(box);
	return rc;
}

static int open_server(struct agent *agent, struct error *err)
{
	struct agent_values *values = agent->values;
	size_t len = strlen(values->server);
	int rc;

	while (len && values->server[len - 1] == '/')
		len--;
	agent->server = mem_strndup(values->server, len);
	if (!str_has_prefix(agent->server, "http://") && !str_has_prefix(agent->server, "https://"))
		return error_set(err, ERR_INVALID,
			"--server: found '%s', allowed is http://HOST:PORT or https://...", values->server);
	if (!values->token_file)
		return 0;
	rc = file_read(&agent->token, values->token_file, TOKEN_MAX, err);
	if (rc < 0)
		return error_prefix(err, "cannot read the token");
	str_trim_right(&agent->token);
	return 0;
}

static void name_agent(struct agent *agent)
{
	struct agent_values *values = agent->values;
	struct utsname machine;

	uname(&machine);
	snprintf(agent->arch, sizeof(agent->arch), "%.15s", machine.machine);
	agent->name = values->name ? mem_strdup(values->name)
				   : mem_printf("%.100s-%s", machine.nodename, agent->kind->name);
}

static struct event *signal_event(struct agent *agent, int signal_number)
{
	struct event *ev = evsignal_new(agent->loop, signal_number, on_stop, agent);

	if (!ev || event_add(ev, NULL) < 0)
		abort();
	return ev;
}

static int open_loop(struct agent *agent, struct error *err)
{
	int rc;

	agent->loop = event_base_new();
	if (!agent->loop)
		return error_set(err, ERR_IO, "cannot make an event loop");
	agent->claim_pause_ms = PAUSE_MIN_MS;
	agent->claim_again = evtimer_new(agent->loop, on_claim_time, agent);
	agent->stop_deadline = evtimer_new(agent->loop, on_stop_deadline, agent);
	if (!agent->claim_again || !agent->stop_deadline)
		abort();
	agent->stop_signal = signal_event(agent, SIGTERM);
	agent->interrupt_signal = signal_event(agent, SIGINT);
	rc = http_client_new(&agent->http, agent->loop, err);
	if (rc == 0)
		rc = worker_pool_new(&agent->workers, agent->loop, agent_slots(agent) + 1, err);
	return rc;
}

static void agent_release(struct agent *agent)
{
	struct event *events[] = { agent->claim_again, agent->stop_deadline, agent->stop_signal,
		agent->interrupt_signal };

	worker_pool_free(agent->workers);
	if (agent->kind->close && agent->context)
		agent->kind->close(agent->context);
	http_client_free(agent->http);
	sandbox_host_free(agent->sandbox);
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		if (events[i])
			event_free(events[i]);
	if (agent->loop)
		event_base_free(agent->loop);
	strv_release(&agent->lanes);
	str_release(&agent->token);
	free(agent->state_dir);
	free(agent->name);
	free(agent->server);
}

/* Without rules no error would be found, and every run would look clean: then nothing is claimed. */
static int open_rules(const struct agent *agent, struct error *err)
{
	const struct agent_values *values = agent->values;
	const struct rules *rules;

	rules_use(values->rules_dir);
	return rules_standard(&rules, err);
}

static int serve(struct agent *agent, struct error *err)
{
	struct strv hide = STRV_INIT;
	int rc;

	name_agent(agent);
	rc = open_rules(agent, err);
	if (rc == 0)
		rc = open_server(agent, err);
	if (rc == 0)
		rc = open_state(agent, err);
	if (rc == 0)
		rc = agent->kind->open(&agent->context, agent, &hide, err);
	if (rc == 0)
		rc = open_sandbox(agent, &hide, err);
	if (rc == 0)
		rc = open_loop(agent, err);
	strv_release(&hide);
	if (rc == 0) {
		agent->kind->lanes(&agent->lanes, agent);
		log_info("%s asks %s for work", agent->name, agent->server);
		claim(agent);
		event_base_dispatch(agent->loop);
		/*
		 * A worker thread that is still fetching would be waited for, and what it does is
		 * of no use any more: the kernel ends it, its children and the locks.
		 */
		if (agent->n_runs)
			_exit(0);
	}
	agent_release(agent);
	return rc;
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

static int set_log_level(const char *program, const char *name, struct error *err)
{
	static const char *const names[] = { "error", "warning", "info", "debug" };

	for (int i = 0; i < LOG_NLEVELS; i++)
		if (!strcmp(name, names[i])) {
			log_open(program, (enum log_level)i);
			return 0;
		}
	return error_set(err, ERR_INVALID,
		"--log-level: found '%s', allowed are error, warning, info, debug", name);
}

int agent_main(const struct agent_kind *kind, int argc, char **argv)
{
	const struct command *command = kind->command;
	struct agent agent = { .kind = kind };
	struct agent_values *values;
	struct strv rest = STRV_INIT;
	struct error err = ERROR_INIT;
	bool done = false, filled = false;
	int rc;

	log_open(command->name, LOG_LEVEL_INFO);
	if (argc == 2 && !strcmp(argv[1], "--man")) {
		settings_print_man(command->name, 8, command, NULL);
		return 0;
	}
	str_init(&agent.token);
	agent.values = values = mem_alloc(command->size);
	rc = settings_read(values, &rest, &done, command, command->name, argc, argv,
		find_config(argc, argv), false, &err);
	filled = rc == 0;
	if (rc < 0 || done)
		goto out;
	if (values->version) {
		printf("%s %s\n", command->name, PACKAGE_VERSION);
		goto out;
	}
	if (rest.n)
		rc = error_set(&err, ERR_INVALID, "found '%s', allowed are only options; see --help",
			rest.v[0]);
	if (rc == 0)
		rc = set_log_level(command->name, values->log_level, &err);
	if (rc < 0)
		goto out;
	signal(SIGPIPE, SIG_IGN);
	rc = serve(&agent, &err);
out:
	if (rc < 0)
		log_error("%s", err.text);
	if (filled)
		settings_release(values, command);
	free(values);
	strv_release(&rest);
	return rc < 0 ? (err.code == ERR_INVALID ? 2 : 1) : 0;
}
