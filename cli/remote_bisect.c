/* bisectctl bisect and watch. */
#include <jansson.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "cli/budget.h"
#include "cli/remote.h"
#include "cli/remote_call.h"
#include "cli/run.h"
#include "cli/show.h"

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
	struct winsize size;
	int columns = 80;

	/* A wrapped line could not be rewritten. */
	if (watch->terminal && ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1)
		columns = size.ws_col;
	if (watch->terminal)
		fprintf(stderr, "\r\033[K%.*s", columns - 1, text);
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
		str_add_char(&text, '\n');
		if (watch->terminal)
			fputs("\r\033[K", stderr);
		print_lines(stderr, &text);
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
	json_t *bisection = remote_wait(remote, "bisections", id, watch_step, &state);
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
	} else {
		status = remote_not_waited(remote, "bisection", "watch", id);
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

/* --- asking --- */

static int add_number(json_t *options, const char *key, const char *option, const char *text,
	double min, double max, struct error *err)
{
	char *end;
	double number;

	if (!text)
		return 0;
	number = strtod(text, &end);
	if (end == text || *end || !(number >= min && number <= max))
		return error_set(err, ERR_INVALID, "--%s: \"%.80s\" is no number from %g to %.9g", option, text,
			min, max);
	json_object_set_new(options, key, json_real(number));
	return 0;
}

static int add_budget(json_t *options, const char *text, struct error *err)
{
	unsigned runs = 0;
	int64_t seconds = 0;

	if (!text)
		return 0;
	if (budget_read(&runs, &seconds, text, err) < 0)
		return error_prefix(err, "--budget");
	if (runs)
		json_object_set_new(options, "max_runs", json_integer(runs));
	if (seconds)
		json_object_set_new(options, "max_seconds", json_integer(seconds));
	return 0;
}

/* NULL: wrong. */
static json_t *bisect_options(const struct remote_values *values, struct error *err)
{
	json_t *options = json_object();
	int r = add_number(options, "confidence", "confidence", values->confidence, 0.5, 0.999999, err);

	if (r == 0)
		r = add_number(options, "reproducible", "reproducible", values->reproducible, 0, 1, err);
	if (r == 0)
		r = add_budget(options, values->budget, err);
	if (values->first_parent)
		json_object_set_new(options, "first_parent", json_true());
	if (values->fix)
		json_object_set_new(options, "fix", json_true());
	if (!values->prior_from_error)
		json_object_set_new(options, "prior_from_error", json_false());
	if (r == 0 && values->fix && values->good.n != 1)
		r = error_set(err, ERR_INVALID, "found %zu of --good; with --fix one is needed, a commit without the error",
			values->good.n);
	if (r == 0)
		return options;
	json_decref(options);
	return NULL;
}

static int bisect(struct remote *remote)
{
	struct remote_values *values = &remote->values;
	json_t *body, *good, *answer, *options = bisect_options(values, &remote->err);
	struct job_input input = { .text = STR_INIT };
	struct str text = STR_INIT;
	int status = 0;

	if (!options)
		return 0;
	good = json_array();
	for (size_t i = 0; i < values->good.n; i++)
		json_array_append_new(good, json_string(values->good.v[i]));
	body = json_pack("{s:s, s:o, s:b, s:s*, s:s*}", "error_id", values->error_id, "good", good,
		"again", (int)values->again, "bad", values->bad, "job_id", values->job);
	if (json_object_size(options))
		json_object_set(body, "options", options);
	json_decref(options);
	if (!values->job && remote_read_job(remote, &input, &text) == 0)
		json_object_set_new(body, "job", json_stringn(text.buf, text.len));
	str_release(&text);
	if (remote->err.code) {
		json_decref(body);
		job_input_release(&input);
		return 0;
	}
	answer = remote_call(remote, "POST", "/api/v1/bisections", body);
	remote_explain_job(remote, &input);
	job_input_release(&input);
	if (!answer)
		return RUN_EXIT_FAILED;
	if (values->wait) {
		if (!id_is_fine(id_of(answer))) {
			error_set(&remote->err, ERR_CORRUPT, "what answers at %s is no bisectd", values->server);
			json_decref(answer);
			return RUN_EXIT_FAILED;
		}
		fprintf(stderr, "bisection %s: %s/bisections/%s\n", id_of(answer), values->server,
			id_of(answer));
		status = watch(remote, id_of(answer));
	} else if (values->json) {
		print_json(answer);
	} else {
		put_foreign(id_of(answer));
	}
	json_decref(answer);
	return status;
}

int bisection_continue(struct remote *remote, const char *id)
{
	json_t *options = json_object(), *answer;
	char *path;
	int status = 0;

	if (add_budget(options, remote->values.budget, &remote->err) < 0) {
		json_decref(options);
		return 0;
	}
	path = mem_printf("/api/v1/bisections/%s/continue", id);
	answer = remote_call(remote, "POST", path, json_pack("{s:o}", "options", options));
	free(path);
	if (!answer)
		return RUN_EXIT_FAILED;
	if (remote->values.wait)
		status = watch(remote, id);
	else if (remote->values.json)
		print_json(answer);
	else
		put_foreign(id);
	json_decref(answer);
	return status;
}

int bisect_main(int argc, char **argv)
{
	struct remote remote = { .token = STR_INIT };
	int status = remote_begin(&remote, &bisect_command, argc, argv, 0, JOB_ARGUMENTS_MAX, false);

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
