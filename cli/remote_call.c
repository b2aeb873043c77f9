#include "cli/remote_call.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "cli/run.h"

#define POLL_MS 300
#define AWAY_MAX_MS 300000

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
	for (size_t i = 0; i < remote->token.len; i++)
		if ((unsigned char)remote->token.buf[i] <= ' ')
			return error_set(&remote->err, ERR_INVALID, "the token is not one word");
	return 0;
}

/* What curl says begins with method and address, which say little to a person. */
static void unreachable(struct remote *remote, const char *method, const char *url)
{
	size_t skip = strlen(method) + 1 + strlen(url) + 2;
	char *why = mem_strdup(strlen(remote->err.text) > skip ? remote->err.text + skip : remote->err.text);

	if (remote->err.code == ERR_UNAVAILABLE || remote->err.code == ERR_TIMEOUT)
		error_set(&remote->err, remote->err.code, "no bisectd answers at %s (--server names another): %s",
			remote->values.server, why);
	else if (remote->err.code == ERR_INVALID)
		error_set(&remote->err, ERR_INVALID, "--server '%s': %s", remote->values.server, why);
	free(why);
}

int remote_call_raw(struct remote *remote, const char *method, const char *path, const char *type,
	const char *body, size_t len, struct http_answer *ret)
{
	struct http_call_options options = HTTP_CALL_INIT;
	size_t server_len = strlen(remote->values.server);
	struct str url = STR_INIT;
	int r;

	while (server_len && remote->values.server[server_len - 1] == '/')
		server_len--;
	str_add_bytes(&url, remote->values.server, server_len);
	str_add(&url, path);
	options.method = method;
	options.url = url.buf;
	options.token = remote->token.len ? remote->token.buf : NULL;
	options.content_type = type;
	options.body = body;
	options.body_len = len;
	r = http_call_run(ret, &options, &remote->err);
	if (r < 0) {
		unreachable(remote, method, url.buf);
	} else {
		remote->answered = true;
		if (ret->status >= 400) {
			http_answer_error(&remote->err, ret, NULL);
			if (ret->status == 401 && !remote->token.len)
				error_set(&remote->err, ERR_DENIED, "bisectd at %s asks for a token: "
					"it is taken from BISECTD_TOKEN or --token-file", remote->values.server);
			http_answer_release(ret);
			r = -(int)remote->err.code;
		}
	}
	str_release(&url);
	return r;
}

json_t *remote_call(struct remote *remote, const char *method, const char *path, json_t *body)
{
	char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	struct http_answer answer = { 0 };
	json_t *object = NULL;

	json_decref(body);
	if (remote_call_raw(remote, method, path, text ? "application/json" : NULL, text,
		    text ? strlen(text) : 0, &answer) == 0) {
		object = json_loadb(answer.body.buf, answer.body.len, 0, NULL);
		if (!object)
			error_set(&remote->err, ERR_CORRUPT, "what answers at %s is no bisectd: %s is not JSON",
				remote->values.server, path);
		http_answer_release(&answer);
	}
	free(text);
	return object;
}

json_t *remote_get(struct remote *remote, const char *what, const char *id)
{
	char *path = mem_printf("/api/v1/%s/%s", what, id);
	json_t *object = remote_call(remote, "GET", path, NULL);

	free(path);
	return object;
}

void print_json(const json_t *object)
{
	json_dumpf(object, stdout, JSON_COMPACT | JSON_REAL_PRECISION(15));
	putchar('\n');
}

void print_lines(FILE *file, const struct str *text)
{
	struct str shown = STR_INIT;

	for (size_t at = 0; at < text->len;) {
		const char *newline = memchr(text->buf + at, '\n', text->len - at);
		size_t len = newline ? (size_t)(newline - text->buf) - at : text->len - at;

		str_add_printable(&shown, text->buf + at, len, SIZE_MAX);
		if (newline)
			str_add_char(&shown, '\n');
		at += len + (newline != NULL);
	}
	fwrite(shown.buf, 1, shown.len, file);
	str_release(&shown);
}

void print_str(struct str *text)
{
	print_lines(stdout, text);
	str_release(text);
}

void put_foreign(const char *text)
{
	struct str line = STR_INIT;

	str_add_printable(&line, text, strlen(text), 4096);
	puts(line.buf);
	str_release(&line);
}

const char *id_of(const json_t *object)
{
	const char *id = json_string_value(json_object_get(object, "id"));

	return id ? id : "";
}

/* --- life of a command --- */

bool id_is_fine(const char *id)
{
	size_t len = strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789-");

	return len > 0 && len <= 80 && !id[len];
}

int remote_begin(struct remote *remote, const struct command *command, int argc, char **argv,
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

int remote_end(struct remote *remote, int status)
{
	struct str text = STR_INIT;

	/* A full disk behind ">" must not look like success. */
	if ((fflush(stdout) != 0 || ferror(stdout)) && !remote->err.code)
		error_errno(&remote->err, errno, "cannot write the output");
	if (remote->err.code) {
		str_add_printable(&text, remote->err.text, strlen(remote->err.text), 4096);
		fprintf(stderr, "bisectctl %s: %s\n", remote->command->name, text.buf);
		if (status == 0)
			status = remote->err.code == ERR_INVALID && !remote->answered ? RUN_EXIT_USAGE :
				RUN_EXIT_FAILED;
	}
	str_release(&text);
	settings_release(&remote->values, remote->command);
	strv_release(&remote->arguments);
	str_release(&remote->token);
	return status;
}

/* --- waiting --- */

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal)
{
	interrupted = 1;
}

/* The first Ctrl-C ends the waiting in order, a second one at once. */
static void catch_interrupt(void)
{
	struct sigaction action = { .sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND };

	sigaction(SIGINT, &action, NULL);
}

static void pause_ms(int ms)
{
	struct timespec time = { ms / 1000, ms % 1000 * 1000000L };

	nanosleep(&time, NULL);
}

static void tell_away(const struct remote *remote, bool away)
{
	fprintf(stderr, away ? "%sbisectd at %s does not answer; waiting for it\n" : "%sbisectd at %s is back\n",
		isatty(STDERR_FILENO) ? "\r\033[K" : "", remote->values.server);
}

json_t *remote_wait(struct remote *remote, const char *what, const char *id,
	bool (*ended)(struct remote *remote, const json_t *object, void *arg), void *arg)
{
	int64_t away_since = 0;

	catch_interrupt();
	while (!interrupted) {
		json_t *object = remote_get(remote, what, id);

		if (object) {
			if (away_since)
				tell_away(remote, false);
			away_since = 0;
			if (ended(remote, object, arg))
				return object;
			json_decref(object);
		} else if (remote->answered &&
			(remote->err.code == ERR_UNAVAILABLE || remote->err.code == ERR_TIMEOUT)) {
			int64_t now = clock_steady_ms();

			if (!away_since) {
				away_since = now;
				tell_away(remote, true);
			}
			if (now - away_since > AWAY_MAX_MS)
				return NULL;
			remote->err = (struct error)ERROR_INIT;
		} else {
			return NULL;
		}
		if (!interrupted)
			pause_ms(POLL_MS);
	}
	return NULL;
}

int remote_not_waited(const struct remote *remote, const char *what, const char *command, const char *id)
{
	if (!interrupted)
		return RUN_EXIT_FAILED;
	if (!remote->err.code)
		fprintf(stderr, "%sinterrupted; the %s goes on: bisectctl %s %s\n",
			isatty(STDERR_FILENO) ? "\r\033[K" : "", what, command, id);
	return RUN_EXIT_INTERRUPTED;
}

/* --- jobs --- */

int remote_read_job(struct remote *remote, struct job_input *ret_input, struct str *ret_text)
{
	int r = job_input_read(ret_input, &remote->values.job_input, &remote->arguments, &remote->err);

	return r < 0 ? r : job_input_resolve(ret_text, ret_input, &remote->err);
}

void remote_explain_job(struct remote *remote, struct job_input *input)
{
	struct error err = ERROR_INIT;
	struct job_set set;

	if (!input->changed || (remote->err.code != ERR_INVALID && remote->err.code != ERR_LIMIT))
		return;
	if (job_input_expand(&set, input, &err) < 0)
		remote->err = err;
	else
		job_set_release(&set);
}
