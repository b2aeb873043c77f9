#include "cli/remote.h"

#include <jansson.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "cli/remote_call.h"
#include "cli/run.h"
#include "cli/show.h"

#define LOG_LINE_MAX (1u << 20)

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
	JOB_INPUT_ROWS(AT(job_input)),
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
	{ "confidence", 0, SETTING_STRING, AT(confidence), "P", NULL, 0, 0,
		"How sure the verdict has to be, 0.5 to 0.999999; default 0.99.", true },
	{ "budget", 0, SETTING_STRING, AT(budget), "RUNS|TIME", NULL, 0, 0,
		"End undecided, with the likeliest commits, after so many runs or so much time (90s, 15m, 6h, 2d) from the request on.", true },
	{ "first-parent", 0, SETTING_FLAG, AT(first_parent), NULL, NULL, 0, 0,
		"Follow only the first parents of merges: which merge brought the error?", true },
	{ "fix", 0, SETTING_FLAG, AT(fix), NULL, NULL, 0, 0,
		"Find the first commit without the error: --bad (or the job's commit) shows it, --good, which is newer, does not.", true },
	{ "prior-from-error", 0, SETTING_FLAG, AT(prior_from_error), NULL, "yes", 0, 0,
		"Try commits first that touch a file which the error names; this is so unless --no-prior-from-error is given.", true },
	{ "reproducible", 0, SETTING_STRING, AT(reproducible), "P", NULL, 0, 0,
		"How likely it is, from 0 to 1, that a commit with the error shows it every time; default 0.33.", true },
	{ "again", 0, SETTING_FLAG, AT(again), NULL, NULL, 0, 0,
		"Start anew where the same question was answered before. Runs already made are still used.", true },
	{ "watch", 'w', SETTING_FLAG, AT(wait), NULL, NULL, 0, 0, "Show progress and wait for the verdict.", true },
	JOB_INPUT_ROWS(AT(job_input)),
	SERVER_ROWS
};
static const struct setting list_settings[] = {
	{ "jobs", 0, SETTING_FLAG, AT(jobs), NULL, NULL, 0, 0, "List jobs instead of bisections.", true },
	{ "limit", 'n', SETTING_NUMBER, AT(limit), "N", "20", 1, 1000, "At most so many, newest first.", true },
	SERVER_ROWS
};
static const struct setting resubmit_settings[] = {
	{ "commit", 0, SETTING_STRING, AT(commit), "REV", NULL, 0, 0, "Another commit, under whatever key the job names the one that varies.", true },
	{ "budget", 0, SETTING_STRING, AT(budget), "RUNS|TIME", NULL, 0, 0,
		"A bisection goes on with so many runs or so much time more (90s, 15m, 6h, 2d).", true },
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

#define EXITS "Exit status: 0 done, 1 failure, 2 wrong usage."
#define EXITS_WAIT "Exit status: 0 done (with --wait: the job ran to its end), 1 failure, 2 wrong usage, 130 interrupted."

const struct command submit_command = ROW("submit", "[options] [KEY=VALUE...] job.yaml [KEY=VALUE...]", "run a job: build its commit and test it",
	"Prints the id of the job, or of each where the file makes several (bisectctl expand shows them). The file \"-\" is standard input. "
	"KEY=VALUE after the file wins over what it says, before the file it only fills in what is missing.\n\n" EXITS_WAIT, submit_settings);
const struct command bisect_command = ROW("bisect", "--error-id ID (--job JOB | job.yaml [KEY=VALUE...]) [options]",
	"find the first bad commit of an error",
	"Prints the id of the bisection. Asking twice for the same error, repository and job gives the same bisection, with the options that it was first asked for. "
	"With --budget one that ended undecided goes on, with so many runs or so much time more.\n\n"
	"Exit status: 0 done, 1 failure, 2 wrong usage. With --watch as that of bisectctl watch.", bisect_settings);
const struct command watch_command = ROW("watch", "[options] BISECTION", "show progress until the verdict",
	"A bisectd that goes away is waited for, five minutes long. Ctrl-C ends the watching, not the bisection.\n\n"
	"Exit status: 0 culprit, 1 failed or cancelled, 2 wrong usage, 3 range, 4 not reproduced, 5 no good commit, "
	"6 inconsistent, 7 no change, 8 undecided, 130 interrupted.",
	plain_settings);
const struct command show_command = ROW("show", "[options] ID", "show a bisection or a job with its results", EXITS, plain_settings);
const struct command list_command = ROW("list", "[options]", "list bisections or jobs", EXITS, list_settings);
const struct command cancel_command = ROW("cancel", "[options] ID", "cancel a bisection or a job", EXITS, plain_settings);
const struct command log_command = ROW("log", "[options] UNIT|JOB", "print the log of a run",
	"For a job: of its test if there is one, else of its build. To a terminal colours and control characters are not passed on.\n\n"
	EXITS, plain_settings);
const struct command resubmit_command = ROW("resubmit", "[options] JOB [KEY=VALUE...] | BISECTION", "submit a job once more, or let a bisection go on",
	"A job as it was, or with --commit for another commit, or with other values of its keys. A run that was made before is not repeated: its result is the answer.\n\n"
	"With --budget a bisection that ended undecided goes on with all that it found; one that is running gets that budget from now on.\n\n"
	EXITS_WAIT " With --budget and --wait as that of bisectctl watch.",
	resubmit_settings);
const struct command boxes_command = ROW("boxes", "[options] [list | release NAME]", "list builders and testers, or end a quarantine",
	"A box that fails again and again gets no work for a while. It comes back by itself; release does it at once and needs a token of role admin.\n\n" EXITS,
	plain_settings);
const struct command token_command = ROW("token", "[options] create NAME | list | revoke NAME", "make and revoke tokens",
	"Needs a token of role admin. The secret is printed once and stored nowhere but as its hash.\n\n" EXITS,
	token_settings);

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

/* Waits for one job's end and shows it. */
static int wait_for_job(struct remote *remote, const char *id)
{
	json_t *job = remote_wait(remote, "jobs", id, job_ended, NULL);
	const char *state = json_string_value(json_object_get(job, "state"));
	int status;

	if (!job)
		return remote_not_waited(remote, "job", "show", id);
	print_job(remote, job);
	status = state && !strcmp(state, "done") ? 0 : RUN_EXIT_FAILED;
	json_decref(job);
	return status;
}

/* The answer to jobs, which may be several. */
static int submitted(struct remote *remote, json_t *answer)
{
	const json_t *ids = json_object_get(answer, "ids"), *id;
	int status = 0;
	size_t i;

	if (!answer || !json_is_string(json_object_get(answer, "id"))) {
		if (!remote->err.code)
			error_set(&remote->err, ERR_CORRUPT, "what answers at %s is no bisectd", remote->values.server);
		json_decref(answer);
		return RUN_EXIT_FAILED;
	}
	if (remote->values.json && !remote->values.wait)
		print_json(answer);
	else if (!json_array_size(ids) && !remote->values.wait)
		put_foreign(id_of(answer));
	else if (!json_array_size(ids))
		status = wait_for_job(remote, id_of(answer));
	else
		json_array_foreach(ids, i, id) {
			const char *text = json_string_value(id);
			int one = 0;

			if (!remote->values.wait)
				put_foreign(text ? text : "");
			else
				one = wait_for_job(remote, text ? text : "");
			if (one)
				status = one;
			if (one == RUN_EXIT_INTERRUPTED || remote->err.code)
				break;
		}
	json_decref(answer);
	return status;
}

/* "?name=", of one path component's letters. */
static void add_name(struct str *path, const char *name)
{
	str_add(path, "?name=");
	for (size_t i = 0; name[i] && i < 200; i++)
		if (strchr("/._-", name[i]) || (name[i] >= '0' && name[i] <= '9') || (name[i] >= 'A' && name[i] <= 'Z') ||
			(name[i] >= 'a' && name[i] <= 'z'))
			str_add_char(path, name[i]);
		else
			str_addf(path, "%%%02X", (unsigned)(unsigned char)name[i]);
}

int submit_main(int argc, char **argv)
{
	struct remote remote = { .token = STR_INIT };
	struct http_answer answer = { 0 };
	struct job_input input = { .text = STR_INIT };
	struct str text = STR_INIT, path = STR_INIT;
	int status = remote_begin(&remote, &submit_command, argc, argv, 1, JOB_ARGUMENTS_MAX, false);

	if (status >= 0)
		return status;
	status = 0;
	str_add(&path, "/api/v1/jobs");
	if (!remote.err.code && remote_read_job(&remote, &input, &text) == 0) {
		add_name(&path, input.name);
		if (remote_call_raw(&remote, "POST", path.buf, "application/yaml", text.buf, text.len, &answer) == 0) {
			status = submitted(&remote, json_loadb(answer.body.buf, answer.body.len, 0, NULL));
			http_answer_release(&answer);
		} else {
			remote_explain_job(&remote, &input);
		}
	}
	job_input_release(&input);
	str_release(&text);
	str_release(&path);
	return remote_end(&remote, status);
}

static json_t *resubmit_body(const struct remote *remote)
{
	json_t *body = json_pack("{s:s*}", "upstream_commit", remote->values.commit), *set = json_array();

	for (size_t i = 1; i < remote->arguments.n; i++)
		json_array_append_new(set, json_string(remote->arguments.v[i]));
	if (json_array_size(set))
		json_object_set(body, "set", set);
	json_decref(set);
	return body;
}

int resubmit_main(int argc, char **argv)
{
	struct remote remote = { .token = STR_INIT };
	int status = remote_begin(&remote, &resubmit_command, argc, argv, 1, JOB_ARGUMENTS_MAX, false);
	const struct strv *arguments = &remote.arguments;
	char *path;

	if (status >= 0)
		return status;
	status = 0;
	if (!remote.err.code && !id_is_fine(arguments->v[0]))
		error_set(&remote.err, ERR_INVALID, "'%.80s' is no id: allowed are lower-case letters, digits and -",
			arguments->v[0]);
	for (size_t i = 1; i < arguments->n && !remote.err.code; i++)
		if (!job_is_argument(arguments->v[i]))
			error_set(&remote.err, ERR_INVALID, "found '%.80s', allowed after the id is KEY=VALUE", arguments->v[i]);
	if (!remote.err.code && remote.values.budget && (remote.values.commit || arguments->n > 1))
		error_set(&remote.err, ERR_INVALID, "allowed is --budget for a bisection, or --commit and KEY=VALUE for a job, found both");
	if (!remote.err.code && remote.values.budget) {
		status = bisection_continue(&remote, arguments->v[0]);
	} else if (!remote.err.code) {
		path = mem_printf("/api/v1/jobs/%s/resubmit", arguments->v[0]);
		status = submitted(&remote, remote_call(&remote, "POST", path, resubmit_body(&remote)));
		free(path);
	}
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
	object = remote_get(&remote, "bisections", remote.arguments.v[0]);
	if (object && remote.values.json) {
		print_json(object);
	} else if (object) {
		show_bisection(&text, object);
		print_str(&text);
	} else if (remote.err.code == ERR_NOT_FOUND) {
		remote.err = (struct error)ERROR_INIT;
		object = remote_get(&remote, "jobs", remote.arguments.v[0]);
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
	str_add(&text, what);
	str_trim_right(&text);
	put_foreign(text.buf);
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
	array = remote_call(&remote, "GET", path, NULL);
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
		answer = remote_call(&remote, "POST", path, json_object());
		free(path);
	}
	if (answer)
		printf("%s is cancelled\n", remote.arguments.v[0]);
	json_decref(answer);
	return remote_end(&remote, 0);
}

/* A line of a log for a terminal: without colours, and with nothing else that would steer it. */
static void print_log_line(const char *line, size_t len)
{
	struct str text = STR_INIT;

	for (size_t at = 0, n; at < len; at += n) {
		const char *next = memchr(line + at, '\033', len - at);

		n = str_control_sequence(line + at, len - at);
		if (n)
			continue;
		n = next == line + at ? 1 : next ? (size_t)(next - line) - at : len - at;
		if (line[at] == '\t')
			n = 1;
		else if (memchr(line + at, '\t', n))
			n = (size_t)((const char *)memchr(line + at, '\t', n) - (line + at));
		if (line[at] == '\t')
			str_add_char(&text, '\t');
		else if (line[at] != '\r' || at + 1 < len)
			str_add_printable(&text, line + at, n, SIZE_MAX);
	}
	puts(text.buf);
	str_release(&text);
}

/* Whole lines, and what is left of the last one if `end`; takes what it printed off the front. */
static void print_log_text(struct str *text, bool end)
{
	size_t at = 0;

	while (at < text->len) {
		const char *newline = memchr(text->buf + at, '\n', text->len - at);
		size_t len = newline ? (size_t)(newline - text->buf) - at : text->len - at;

		if (!newline && !end && len < LOG_LINE_MAX)
			break;
		print_log_line(text->buf + at, len);
		at += len + (newline != NULL);
	}
	str_remove_front(text, at);
}

/* The daemon gives a long log in parts. */
static void print_log(struct remote *remote, const char *unit)
{
	bool terminal = isatty(STDOUT_FILENO);
	struct str text = STR_INIT;
	unsigned long long at = 0;

	for (;;) {
		struct http_answer answer = { .body = STR_INIT };
		char *path = mem_printf("/api/v1/units/%s/log?offset=%llu", unit, at);
		int r = remote_call_raw(remote, "GET", path, NULL, NULL, 0, &answer);
		size_t len = r == 0 ? answer.body.len : 0;

		free(path);
		at += len;
		if (terminal) {
			str_add_bytes(&text, answer.body.buf, len);
			print_log_text(&text, !len);
		} else if (len && fwrite(answer.body.buf, 1, len, stdout) < len) {
			len = 0;	/* remote_end tells */
		}
		if (r == 0)
			http_answer_release(&answer);
		if (!len)
			break;
	}
	str_release(&text);
}

int log_main(int argc, char **argv)
{
	struct remote remote = { .token = STR_INIT };
	const char *unit = NULL;
	json_t *job = NULL;
	int status = remote_begin(&remote, &log_command, argc, argv, 1, 1, true);

	if (status >= 0)
		return status;
	if (remote.err.code)
		return remote_end(&remote, 0);
	unit = remote.arguments.v[0];
	if (!str_has_prefix(unit, "t-") && !str_has_prefix(unit, "b-")) {
		job = remote_get(&remote, "jobs", unit);
		unit = json_string_value(json_object_get(json_object_get(job, "result"), "unit"));
		if (!unit)
			unit = json_string_value(json_object_get(json_object_get(job, "build"), "unit"));
		if (!unit)
			unit = json_string_value(json_object_get(job, "build_unit"));
		if (job && (!unit || !id_is_fine(unit)))
			error_set(&remote.err, ERR_NOT_FOUND, "the job has no run yet");
	}
	if (!remote.err.code)
		print_log(&remote, unit);
	json_decref(job);
	return remote_end(&remote, 0);
}

/* --- boxes --- */

static void add_when(struct str *out, const char *before, const json_t *row, const char *key)
{
	char when[40];
	int64_t ms = json_integer_value(json_object_get(row, key));

	if (ms)
		str_addf(out, "%s%s", before, clock_format(when, sizeof(when), ms));
}

static void box_list_row(const json_t *row)
{
	const char *name = json_string_value(json_object_get(row, "name")), *state = json_string_value(json_object_get(row, "state"));
	const char *kind = json_string_value(json_object_get(row, "kind")), *why = json_string_value(json_object_get(row, "trouble"));
	struct str text = STR_INIT;

	if (!why)
		why = json_string_value(json_object_get(row, "reason"));
	str_add(&text, name);
	str_addf(&text, "  %s  %s", kind ? kind : "?", state ? state : "?");
	add_when(&text, " until ", row, "quarantined_until_ms");
	str_addf(&text, "  %lld finished, %lld failed", (long long)json_integer_value(json_object_get(row, "finished")),
		(long long)json_integer_value(json_object_get(row, "failures")));
	add_when(&text, ", last ", row, "failed_ms");
	if (why) {
		str_add(&text, ": ");
		str_add(&text, why);
	}
	put_foreign(text.buf);
	str_release(&text);
}

static void boxes_list(struct remote *remote)
{
	json_t *array = remote_call(remote, "GET", "/api/v1/boxes", NULL), *row;
	size_t i;

	if (array && remote->values.json) {
		print_json(array);
	} else {
		json_array_foreach(array, i, row)
			box_list_row(row);
	}
	json_decref(array);
}

/* A name is foreign text, and one component of a path. */
static void add_path_part(struct str *path, const char *name)
{
	for (const char *at = name; *at; at++)
		str_addf(path, "%%%02X", (unsigned)(unsigned char)*at);
}

static void box_release(struct remote *remote, const char *name)
{
	struct str path = STR_INIT;
	json_t *answer;

	str_add(&path, "/api/v1/boxes/");
	add_path_part(&path, name);
	str_add(&path, "/release");
	answer = remote_call(remote, "POST", path.buf, json_object());
	if (answer)
		printf("%s is released\n", name);
	json_decref(answer);
	str_release(&path);
}

int boxes_main(int argc, char **argv)
{
	struct remote remote = { .token = STR_INIT };
	int status = remote_begin(&remote, &boxes_command, argc, argv, 0, 2, false);
	const char *verb;

	if (status >= 0)
		return status;
	if (remote.err.code)
		return remote_end(&remote, 0);
	verb = remote.arguments.n ? remote.arguments.v[0] : "list";
	if (!strcmp(verb, "list") && remote.arguments.n < 2)
		boxes_list(&remote);
	else if (!strcmp(verb, "release") && remote.arguments.n == 2)
		box_release(&remote, remote.arguments.v[1]);
	else
		error_set(&remote.err, ERR_INVALID, "found '%s', allowed are list, release NAME", verb);
	return remote_end(&remote, 0);
}

/* --- tokens --- */

static void token_list(struct remote *remote)
{
	json_t *array = remote_call(remote, "GET", "/api/v1/tokens", NULL), *row;
	size_t i;

	if (array && remote->values.json) {
		print_json(array);
		json_decref(array);
		return;
	}
	json_array_foreach(array, i, row) {
		const char *name = json_string_value(json_object_get(row, "name"));
		const char *role = json_string_value(json_object_get(row, "role"));
		struct str text = STR_INIT;

		str_addf(&text, "%-24s %-10s %s", name ? name : "", role ? role : "",
			json_is_true(json_object_get(row, "revoked")) ? "revoked" : "");
		str_trim_right(&text);
		put_foreign(text.buf);
		str_release(&text);
	}
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
		answer = remote_call(&remote, "POST", "/api/v1/tokens",
			json_pack("{s:s, s:s}", "name", name, "role", remote.values.role));
		if (answer && remote.values.json)
			print_json(answer);
		else if (answer && json_is_string(json_object_get(answer, "token")))
			put_foreign(json_string_value(json_object_get(answer, "token")));
		else if (answer)
			error_set(&remote.err, ERR_CORRUPT, "the answer holds no token");
	} else if (!strcmp(verb, "revoke") && name) {
		struct str path = STR_INIT;

		str_add(&path, "/api/v1/tokens/");
		add_path_part(&path, name);
		answer = remote_call(&remote, "DELETE", path.buf, NULL);
		if (answer)
			printf("%s is revoked\n", name);
		str_release(&path);
	} else {
		error_set(&remote.err, ERR_INVALID,
			"found '%s%s%s', allowed are create NAME, list, revoke NAME", verb,
			name ? " " : "", name ? name : "");
	}
	json_decref(answer);
	return remote_end(&remote, 0);
}
