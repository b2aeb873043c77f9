#include "cli/remote.h"

#include <jansson.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/http_client.h"
#include "base/mem.h"
#include "cli/run.h"
#include "cli/show.h"

#define JOB_TEXT_MAX (16u << 20)	/* the daemon's own limit is lower and says so */
#define POLL_MS 300
#define AWAY_MAX_MS 60000

struct remote_values {
	char *server, *token_file;
	bool json;
	char *error_id, *job, *bad, *role, *commit;
	struct strv good;
	bool again, wait, jobs;
	long long limit;
};

#define AT(member) offsetof(struct remote_values, member)
#define SERVER_ROWS \
	{ "", 0, SETTING_HEADING, 0, NULL, NULL, 0, 0, "The daemon", false }, \
	{ "server", 's', SETTING_STRING, AT(server), "URL", "http://127.0.0.1:8430", 0, 0, \
		"Address of bisectd.", false }, \
	{ "token-file", 0, SETTING_STRING, AT(token_file), "FILE", NULL, 0, 0, \
		"File with the token to show (an environment variable BISECTD_TOKEN comes before it).", false }, \
	{ "json", 0, SETTING_FLAG, AT(json), NULL, NULL, 0, 0, "Print the answer as JSON.", true }, \
	{ NULL, 0, SETTING_HEADING, 0, NULL, NULL, 0, 0, NULL, false }

static const struct setting plain_settings[] = { SERVER_ROWS };
static const struct setting submit_settings[] = {
	{ "wait", 'w', SETTING_FLAG, AT(wait), NULL, NULL, 0, 0, "Wait for its end and show the result.", true },
	SERVER_ROWS
};
static const struct setting bisect_settings[] = {
	{ "error-id", 'e', SETTING_STRING, AT(error_id), "ID", NULL, 0, 0, "The error to look for.", true },
	{ "job", 0, SETTING_STRING, AT(job), "JOB", NULL, 0, 0, "A submitted job that showed it.", true },
	{ "good", 0, SETTING_LIST, AT(good), "REV", NULL, 0, 0,
		"A commit without the error; may be given several times. Without one, bisectd looks for one.", true },
	{ "bad", 0, SETTING_STRING, AT(bad), "REV", NULL, 0, 0,
		"A commit with the error; default: the job's commit.", true },
	{ "again", 0, SETTING_FLAG, AT(again), NULL, NULL, 0, 0,
		"Start anew where the same question was answered before. Runs already made are still used.", true },
	{ "watch", 'w', SETTING_FLAG, AT(wait), NULL, NULL, 0, 0, "Show progress and wait for the verdict.", true },
	SERVER_ROWS
};
static const struct setting list_settings[] = {
	{ "jobs", 0, SETTING_FLAG, AT(jobs), NULL, NULL, 0, 0, "List jobs instead of bisections.", true },
	{ "limit", 'n', SETTING_NUMBER, AT(limit), "N", "20", 1, 1000, "At most so many, newest first.", true },
	SERVER_ROWS
};
static const struct setting resubmit_settings[] = {
	{ "commit", 0, SETTING_STRING, AT(commit), "REV", NULL, 0, 0, "Another upstream_commit.", true },
	{ "wait", 'w', SETTING_FLAG, AT(wait), NULL, NULL, 0, 0, "Wait for its end and show the result.", true },
	SERVER_ROWS
};
static const struct setting token_settings[] = {
	{ "role", 'r', SETTING_STRING, AT(role), "ROLE", "viewer", 0, 0,
		"viewer (reads), submitter (asks for jobs and bisections), agent (builders and testers) or admin.", true },
	SERVER_ROWS
};

#define ROW(NAME, SYNOPSIS, SUMMARY, DESCRIPTION, SETTINGS) \
	{ .name = NAME, .synopsis = SYNOPSIS, .summary = SUMMARY, .description = DESCRIPTION, \
		.settings = SETTINGS, .size = sizeof(struct remote_values) }

const struct command submit_command = ROW("submit", "[options] job.yaml", "run a job: build its commit and test it",
	"Prints the id of the job. The file \"-\" is standard input.", submit_settings);
const struct command bisect_command = ROW("bisect", "--error-id ID (--job JOB | job.yaml) [options]",
	"find the first bad commit of an error",
	"Prints the id of the bisection. Asking twice for the same error, repository and job gives the same bisection.\n\n"
	"Exit status with --watch: as that of bisectctl run.", bisect_settings);
const struct command watch_command = ROW("watch", "[options] BISECTION", "show progress until the verdict",
	"Exit status: 0 culprit, 1 failed or cancelled, 3 range, 4 not reproduced, 5 no good commit, 6 inconsistent.",
	plain_settings);
const struct command show_command = ROW("show", "[options] ID", "show a bisection or a job with its results", "", plain_settings);
const struct command list_command = ROW("list", "[options]", "list bisections or jobs", "", list_settings);
const struct command cancel_command = ROW("cancel", "[options] ID", "cancel a bisection or a job", "", plain_settings);
const struct command log_command = ROW("log", "[options] UNIT|JOB", "print the log of a run",
	"For a job: of its test if there is one, else of its build.", plain_settings);
const struct command resubmit_command = ROW("resubmit", "[options] JOB", "submit a job once more as it was",
	"With --commit for another commit. A run that was made before is not repeated: its result is the answer.",
	resubmit_settings);
const struct command token_command = ROW("token", "[options] create NAME | list | revoke NAME", "make and revoke tokens",
	"Needs a token of role admin. The secret is printed once and stored nowhere but as its hash.", token_settings);

struct remote {
	struct remote_values values;
	const struct command *command;
	struct strv arguments;
	struct str token;
	struct error err;
};

/* --- calls --- */

static int read_token(struct remote *remote)
{
	const char *given = getenv("BISECTD_TOKEN");

	if (given)
		str_add(&remote->token, given);
	else if (remote->values.token_file &&
		file_read(&remote->token, remote->values.token_file, 4096, &remote->err) < 0)
		return error_prefix(&remote->err, "--token-file");
	str_trim_right(&remote->token);
	return 0;
}

static int call_raw(struct remote *remote, const char *method, const char *path, const char *type,
	const char *body, size_t len, struct http_answer *ret)
{
	struct http_call_options options = HTTP_CALL_INIT;
	struct str url = STR_INIT;
	int r;

	str_addf(&url, "%s%s", remote->values.server, path);
	options.method = method;
	options.url = url.buf;
	options.token = remote->token.len ? remote->token.buf : NULL;
	options.content_type = type;
	options.body = body;
	options.body_len = len;
	r = http_call_run(ret, &options, &remote->err);
	str_release(&url);
	if (r == 0 && ret->status >= 400) {
		http_answer_error(&remote->err, ret, path);
		http_answer_release(ret);
		r = -(int)remote->err.code;
	}
	return r;
}

static json_t *call(struct remote *remote, const char *method, const char *path, json_t *body)
{
	char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	struct http_answer answer = { 0 };
	json_t *object = NULL;

	json_decref(body);
	if (call_raw(remote, method, path, text ? "application/json" : NULL, text,
		    text ? strlen(text) : 0, &answer) == 0) {
		object = json_loadb(answer.body.buf, answer.body.len, 0, NULL);
		if (!object)
			error_set(&remote->err, ERR_CORRUPT, "%s%s did not answer with JSON",
				remote->values.server, path);
		http_answer_release(&answer);
	}
	free(text);
	return object;
}

static json_t *get_named(struct remote *remote, const char *what, const char *id)
{
	char *path = mem_printf("/api/v1/%s/%s", what, id);
	json_t *object = call(remote, "GET", path, NULL);

	free(path);
	return object;
}

static void print_json(const json_t *object)
{
	json_dumpf(object, stdout, JSON_COMPACT);
	putchar('\n');
}

static void print_str(struct str *text)
{
	fwrite(text->buf, 1, text->len, stdout);
	str_release(text);
}

static const char *id_of(const json_t *object)
{
	const char *id = json_string_value(json_object_get(object, "id"));

	return id ? id : "";
}

/* --- life of a command --- */

static bool id_is_fine(const char *id)
{
	size_t len = strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789-");

	return len > 0 && len <= 80 && !id[len];
}

/* Returns -1 to go on, else the exit status.  `ids`: how many arguments, each of them an id. */
static int remote_begin(struct remote *remote, const struct command *command, int argc, char **argv,
	size_t min, size_t max, bool ids)
{
	bool done = false;
	int r;

	remote->command = command;
	r = settings_read(&remote->values, &remote->arguments, &done, command, "bisectctl", argc, argv,
		NULL, false, &remote->err);
	if (r < 0) {
		fprintf(stderr, "bisectctl %s: %s\n", command->name, remote->err.text);
		return RUN_EXIT_USAGE;
	}
	if (done) {
		settings_release(&remote->values, command);
		strv_release(&remote->arguments);
		return 0;
	}
	if (remote->arguments.n < min || remote->arguments.n > max)
		r = error_set(&remote->err, ERR_INVALID, "found %zu arguments; usage: bisectctl %s %s",
			remote->arguments.n, command->name, command->synopsis);
	for (size_t i = 0; ids && r == 0 && i < remote->arguments.n; i++)
		if (!id_is_fine(remote->arguments.v[i]))
			r = error_set(&remote->err, ERR_INVALID,
				"'%.80s' is no id: allowed are lower-case letters, digits and -",
				remote->arguments.v[i]);
	if (r == 0)
		r = read_token(remote);
	return -1;
}

static int remote_end(struct remote *remote, int status)
{
	if (remote->err.code) {
		fprintf(stderr, "bisectctl %s: %s\n", remote->command->name, remote->err.text);
		if (status == 0)
			status = remote->err.code == ERR_INVALID ? RUN_EXIT_USAGE : RUN_EXIT_FAILED;
	}
	settings_release(&remote->values, remote->command);
	strv_release(&remote->arguments);
	str_release(&remote->token);
	return status;
}

static void pause_ms(int ms)
{
	struct timespec time = { ms / 1000, ms % 1000 * 1000000L };

	nanosleep(&time, NULL);
}

/* GET until `ended`; a daemon that is away for less than AWAY_MAX_MS is waited for. */
static json_t *wait_for(struct remote *remote, const char *what, const char *id,
	bool (*ended)(struct remote *remote, const json_t *object, void *arg), void *arg)
{
	int64_t away_since = 0;

	for (;;) {
		json_t *object = get_named(remote, what, id);

		if (object) {
			away_since = 0;
			if (ended(remote, object, arg))
				return object;
			json_decref(object);
		} else if (remote->err.code == ERR_UNAVAILABLE || remote->err.code == ERR_TIMEOUT) {
			int64_t now = clock_steady_ms();

			if (!away_since)
				away_since = now;
			if (now - away_since > AWAY_MAX_MS)
				return NULL;
			remote->err = (struct error)ERROR_INIT;
		} else {
			return NULL;
		}
		pause_ms(POLL_MS);
	}
}

static bool job_ended(struct remote *remote, const json_t *job, void *arg)
{
	const char *state = json_string_value(json_object_get(job, "state"));

	return !state || (strcmp(state, "waiting") && strcmp(state, "building") &&
		strcmp(state, "testing"));
}

static void print_job(struct remote *remote, const json_t *job)
{
	struct str text = STR_INIT;

	if (remote->values.json) {
		print_json(job);
		return;
	}
	show_job(&text, job);
	print_str(&text);
}

static int submitted(struct remote *remote, json_t *answer)
{
	json_t *job;
	const char *state;
	int status = 0;

	if (!answer)
		return RUN_EXIT_FAILED;
	if (!remote->values.wait) {
		if (remote->values.json)
			print_json(answer);
		else
			puts(id_of(answer));
	} else {
		job = wait_for(remote, "jobs", id_of(answer), job_ended, NULL);
		if (job) {
			print_job(remote, job);
			state = json_string_value(json_object_get(job, "state"));
			status = state && !strcmp(state, "done") ? 0 : RUN_EXIT_FAILED;
		}
		json_decref(job);
	}
	json_decref(answer);
	return status;
}

int submit_main(int argc, char **argv)
{
	struct remote remote = { .token = STR_INIT };
	struct http_answer answer = { 0 };
	struct str text = STR_INIT;
	int status = remote_begin(&remote, &submit_command, argc, argv, 1, 1, false);

	if (status >= 0)
		return status;
	status = 0;
	if (!remote.err.code &&
		file_read(&text, remote.arguments.v[0], JOB_TEXT_MAX, &remote.err) == 0 &&
		call_raw(&remote, "POST", "/api/v1/jobs", "application/yaml", text.buf, text.len,
			&answer) == 0) {
		status = submitted(&remote, json_loadb(answer.body.buf, answer.body.len, 0, NULL));
		http_answer_release(&answer);
	}
	str_release(&text);
	return remote_end(&remote, status);
}

int resubmit_main(int argc, char **argv)
{
	struct remote remote = { .token = STR_INIT };
	int status = remote_begin(&remote, &resubmit_command, argc, argv, 1, 1, true);
	char *path;

	if (status >= 0)
		return status;
	status = 0;
	if (!remote.err.code) {
		path = mem_printf("/api/v1/jobs/%s/resubmit", remote.arguments.v[0]);
		status = submitted(&remote, call(&remote, "POST", path,
			json_pack("{s:s*}", "upstream_commit", remote.values.commit)));
		free(path);
	}
	return remote_end(&remote, status);
}

/* --- watching --- */

struct watch {
	size_t shown;		/* bits of seqs would be more than needed: probes end in any order, so each is marked */
	bool *seen;
	size_t cap;
	bool terminal;
	struct str last;
};

static void watch_line(struct watch *watch, const char *text)
{
	if (watch->terminal)
		fprintf(stderr, "\r\033[K%s", text);
	else if (strcmp(watch->last.buf, text))
		fprintf(stderr, "%s\n", text);
	fflush(stderr);
	str_clear(&watch->last);
	str_add(&watch->last, text);
}

static bool watch_step(struct remote *remote, const json_t *bisection, void *arg)
{
	const char *state = json_string_value(json_object_get(bisection, "state"));
	bool ended = state && strcmp(state, "running") && strcmp(state, "waiting");
	struct watch *watch = arg;
	struct str text = STR_INIT;
	size_t i;
	json_t *probe;

	json_array_foreach(json_object_get(bisection, "probes"), i, probe) {
		const char *observation = json_string_value(json_object_get(probe, "observation"));

		if (i >= watch->cap)
			MEM_GROW(watch->seen, i + 1, watch->cap);
		while (watch->shown <= i)
			watch->seen[watch->shown++] = false;
		if (watch->seen[i] || !observation || !strcmp(observation, "cancelled"))
			continue;
		watch->seen[i] = true;
		str_clear(&text);
		show_probe(&text, probe);
		fprintf(stderr, "%s%s\n", watch->terminal ? "\r\033[K" : "", text.buf);
	}
	str_clear(&text);
	show_progress(&text, bisection);
	if (!ended)
		watch_line(watch, text.buf);
	else if (watch->terminal)
		fputs("\r\033[K", stderr);
	str_release(&text);
	return ended;
}

static int watch(struct remote *remote, const char *id)
{
	struct watch state = { .terminal = isatty(STDERR_FILENO), .last = STR_INIT };
	json_t *bisection = wait_for(remote, "bisections", id, watch_step, &state);
	struct str text = STR_INIT;
	int status = RUN_EXIT_FAILED;

	if (bisection) {
		status = verdict_exit_status(bisection);
		if (remote->values.json) {
			print_json(bisection);
		} else {
			show_verdict(&text, bisection);
			print_str(&text);
		}
	}
	json_decref(bisection);
	free(state.seen);
	str_release(&state.last);
	return status;
}

int watch_main(int argc, char **argv)
{
	struct remote remote = { .token = STR_INIT };
	int status = remote_begin(&remote, &watch_command, argc, argv, 1, 1, true);

	if (status >= 0)
		return status;
	status = remote.err.code ? 0 : watch(&remote, remote.arguments.v[0]);
	return remote_end(&remote, status);
}

static int bisect(struct remote *remote)
{
	struct remote_values *values = &remote->values;
	json_t *body, *good = json_array(), *answer;
	struct str text = STR_INIT;
	int status = 0;

	for (size_t i = 0; i < values->good.n; i++)
		json_array_append_new(good, json_string(values->good.v[i]));
	body = json_pack("{s:s, s:o, s:b, s:s*, s:s*}", "error_id", values->error_id, "good", good,
		"again", (int)values->again, "bad", values->bad, "job_id", values->job);
	if (!values->job) {
		if (file_read(&text, remote->arguments.v[0], JOB_TEXT_MAX, &remote->err) < 0) {
			json_decref(body);
			return RUN_EXIT_FAILED;
		}
		json_object_set_new(body, "job", json_stringn(text.buf, text.len));
		str_release(&text);
	}
	answer = call(remote, "POST", "/api/v1/bisections", body);
	if (!answer)
		return RUN_EXIT_FAILED;
	if (values->wait) {
		fprintf(stderr, "bisection %s: %s/bisections/%s\n", id_of(answer), values->server,
			id_of(answer));
		status = watch(remote, id_of(answer));
	} else if (values->json) {
		print_json(answer);
	} else {
		puts(id_of(answer));
	}
	json_decref(answer);
	return status;
}

int bisect_main(int argc, char **argv)
{
	struct remote remote = { .token = STR_INIT };
	int status = remote_begin(&remote, &bisect_command, argc, argv, 0, 1, false);

	if (status >= 0)
		return status;
	status = 0;
	if (!remote.err.code && !remote.values.error_id)
		error_set(&remote.err, ERR_INVALID, "found no --error-id, one is needed");
	if (!remote.err.code && !remote.values.job == !remote.arguments.n)
		error_set(&remote.err, ERR_INVALID,
			"allowed is either --job JOB or a job.yaml, found %s",
			remote.values.job ? "both" : "neither");
	if (!remote.err.code)
		status = bisect(&remote);
	return remote_end(&remote, status);
}

/* --- reading --- */

int show_main(int argc, char **argv)
{
	struct remote remote = { .token = STR_INIT };
	struct str text = STR_INIT;
	json_t *object;
	int status = remote_begin(&remote, &show_command, argc, argv, 1, 1, true);

	if (status >= 0)
		return status;
	if (remote.err.code)
		return remote_end(&remote, 0);
	object = get_named(&remote, "bisections", remote.arguments.v[0]);
	if (object && remote.values.json) {
		print_json(object);
	} else if (object) {
		show_bisection(&text, object);
		print_str(&text);
	} else if (remote.err.code == ERR_NOT_FOUND) {
		remote.err = (struct error)ERROR_INIT;
		object = get_named(&remote, "jobs", remote.arguments.v[0]);
		if (object)
			print_job(&remote, object);
		else if (remote.err.code == ERR_NOT_FOUND)
			error_set(&remote.err, ERR_NOT_FOUND, "no bisection and no job '%s'",
				remote.arguments.v[0]);
	}
	json_decref(object);
	return remote_end(&remote, 0);
}

static void list_row(const json_t *row, bool jobs)
{
	const json_t *verdict = json_object_get(row, "verdict");
	const char *state = json_string_value(json_object_get(row, "state"));
	const char *what = json_string_value(json_object_get(row, jobs ? "suite" : "error_id"));
	const char *commit = json_string_value(
		json_object_get(jobs ? row : verdict, "commit"));
	const char *kind = json_string_value(json_object_get(verdict, "verdict"));
	struct str text = STR_INIT;
	char when[40];

	str_addf(&text, "%s  %s  %-9s %-15s %-12.12s ", id_of(row),
		clock_format(when, sizeof(when), json_integer_value(json_object_get(row, "created_ms"))),
		state ? state : "", kind ? kind : "", commit ? commit : "");
	if (what)
		str_add_printable(&text, what, strlen(what), 200);
	puts(text.buf);
	str_release(&text);
}

int list_main(int argc, char **argv)
{
	struct remote remote = { .token = STR_INIT };
	json_t *array, *row;
	char *path;
	size_t i;
	int status = remote_begin(&remote, &list_command, argc, argv, 0, 0, false);

	if (status >= 0)
		return status;
	if (remote.err.code)
		return remote_end(&remote, 0);
	path = mem_printf("/api/v1/%s?limit=%lld", remote.values.jobs ? "jobs" : "bisections",
		remote.values.limit);
	array = call(&remote, "GET", path, NULL);
	free(path);
	if (array && remote.values.json) {
		print_json(array);
	} else {
		json_array_foreach(array, i, row)
			list_row(row, remote.values.jobs);
	}
	json_decref(array);
	return remote_end(&remote, 0);
}

int cancel_main(int argc, char **argv)
{
	struct remote remote = { .token = STR_INIT };
	static const char *const kinds[] = { "bisections", "jobs" };
	json_t *answer = NULL;
	int status = remote_begin(&remote, &cancel_command, argc, argv, 1, 1, true);

	if (status >= 0)
		return status;
	for (int i = 0; i < 2 && !answer && (i == 0 ? !remote.err.code : remote.err.code == ERR_NOT_FOUND);
		i++) {
		char *path = mem_printf("/api/v1/%s/%s/cancel", kinds[i], remote.arguments.v[0]);

		remote.err = (struct error)ERROR_INIT;
		answer = call(&remote, "POST", path, json_object());
		free(path);
	}
	if (answer)
		printf("%s is cancelled\n", remote.arguments.v[0]);
	json_decref(answer);
	return remote_end(&remote, 0);
}

int log_main(int argc, char **argv)
{
	struct remote remote = { .token = STR_INIT };
	struct http_answer answer = { 0 };
	const char *unit = NULL;
	json_t *job = NULL;
	char *path;
	int status = remote_begin(&remote, &log_command, argc, argv, 1, 1, true);

	if (status >= 0)
		return status;
	if (remote.err.code)
		return remote_end(&remote, 0);
	unit = remote.arguments.v[0];
	if (!str_has_prefix(unit, "t-") && !str_has_prefix(unit, "b-")) {
		job = get_named(&remote, "jobs", unit);
		unit = json_string_value(json_object_get(json_object_get(job, "result"), "unit"));
		if (!unit)
			unit = json_string_value(json_object_get(json_object_get(job, "build"), "unit"));
		if (!unit)
			unit = json_string_value(json_object_get(job, "build_unit"));
		if (job && !unit)
			error_set(&remote.err, ERR_NOT_FOUND, "the job has no run yet");
	}
	if (unit) {
		path = mem_printf("/api/v1/units/%s/log", unit);
		if (call_raw(&remote, "GET", path, NULL, NULL, 0, &answer) == 0) {
			print_str(&answer.body);
			answer.body = (struct str)STR_INIT;
			http_answer_release(&answer);
		}
		free(path);
	}
	json_decref(job);
	return remote_end(&remote, 0);
}

/* --- tokens --- */

static void token_list(struct remote *remote)
{
	json_t *array = call(remote, "GET", "/api/v1/tokens", NULL), *row;
	size_t i;

	json_array_foreach(array, i, row)
		printf("%-24s %-10s %s\n", json_string_value(json_object_get(row, "name")),
			json_string_value(json_object_get(row, "role")),
			json_is_true(json_object_get(row, "revoked")) ? "revoked" : "");
	json_decref(array);
}

int token_main(int argc, char **argv)
{
	struct remote remote = { .token = STR_INIT };
	const char *verb, *name;
	json_t *answer = NULL;
	int status = remote_begin(&remote, &token_command, argc, argv, 1, 2, false);

	if (status >= 0)
		return status;
	if (remote.err.code)
		return remote_end(&remote, 0);
	verb = remote.arguments.v[0];
	name = remote.arguments.n > 1 ? remote.arguments.v[1] : NULL;
	if (!strcmp(verb, "list") && !name) {
		token_list(&remote);
	} else if (!strcmp(verb, "create") && name) {
		answer = call(&remote, "POST", "/api/v1/tokens",
			json_pack("{s:s, s:s}", "name", name, "role", remote.values.role));
		if (answer)
			puts(json_string_value(json_object_get(answer, "token")));
	} else if (!strcmp(verb, "revoke") && name) {
		char *path = mem_printf("/api/v1/tokens/%s", name);

		answer = call(&remote, "DELETE", path, NULL);
		if (answer)
			printf("%s is revoked\n", name);
		free(path);
	} else {
		error_set(&remote.err, ERR_INVALID,
			"found '%s%s%s', allowed are create NAME, list, revoke NAME", verb,
			name ? " " : "", name ? name : "");
	}
	json_decref(answer);
	return remote_end(&remote, 0);
}
