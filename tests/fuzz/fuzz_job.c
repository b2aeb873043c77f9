/*
 * Any bytes: a job.yaml, or several files of which the first includes the others (they are split at NUL bytes: name of the file,
 * its text, and so on; what begins with "=" is KEY=VALUE).  The answer is one line that says where, or jobs that survive printing
 * and reading.
 */
#include <stdint.h>

#include "job/job.h"
#include "job/job_lower.h"

#define PARTS_MAX 16

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void require(int ok)
{
	if (!ok)
		abort();
}

/* --- input --- */

struct input {
	struct strv parts; /* the job, then names and texts by turns */
	struct strv arguments;
};

static void split(struct input *input, const uint8_t *bytes, size_t len)
{
	while (len && input->parts.n < PARTS_MAX) {
		size_t n = strnlen((const char *)bytes, len);
		struct str part = STR_INIT;

		str_add_bytes(&part, bytes, n);
		if (input->parts.n && part.len && *part.buf == '=')
			strv_push(&input->arguments, part.buf + 1);
		else
			strv_push(&input->parts, part.buf);
		str_release(&part);
		bytes += n;
		len -= n;
		if (len)
			bytes++, len--;
	}
	if (!input->parts.n)
		strv_push(&input->parts, "");
}

static int read_part(void *arg, const char *path, struct str *ret_text, struct str *ret_name, struct error *err)
{
	const struct input *input = arg;

	for (size_t i = 1; i + 1 < input->parts.n; i += 2)
		if (strcmp(input->parts.v[i], path) == 0) {
			str_add(ret_text, input->parts.v[i + 1]);
			str_addf(ret_name, "job.yaml/%s", path);
			return 0;
		}
	return error_set(err, ERR_NOT_FOUND, "it is nowhere");
}

/* "ltp" is there, whatever the input says; others may be in it. */
static int read_suite(void *arg, const char *path, struct str *ret_text, struct str *ret_name, struct error *err)
{
	str_addf(ret_name, "job.yaml/%s", path);
	if (strcmp(path, "ltp/suite.yaml") == 0)
		str_add(ret_text, "summary: s\nlogs: [ltp]\nbuild: {run: make}\nparameters:\n  test: {help: h}\n"
				  "  nr: {type: number, default: 1, help: h}\n  list: {type: list, help: h}\n");
	else if (strcmp(path, "ltp/run") == 0 || strcmp(path, "lkp/run") == 0)
		str_add(ret_text, "run\n");
	else if (strcmp(path, "lkp/suite.yaml") == 0)
		str_add(ret_text, "summary: s\nparameters:\n  lkp_src: {required: yes, help: h}\n  lkp_job: {type: script, help: h}\n");
	else
		return read_part(arg, path, ret_text, ret_name, err);
	return 0;
}

/* --- checks --- */

/* Once more through text gives the same job. */
static void check_native(const struct job *job)
{
	char identity[HASH_HEX_LEN + 1], again_identity[HASH_HEX_LEN + 1];
	struct str text = STR_INIT, again_text = STR_INIT;
	struct error err = ERROR_INIT;
	struct job *again = NULL;

	job_print(&text, job);
	if (job_read(&again, "printed", text.buf, text.len, &err) < 0) {
		fprintf(stderr, "%s\n%s", err.text, text.buf);
		abort();
	}
	job_print(&again_text, again);
	require(strcmp(text.buf, again_text.buf) == 0);
	job_identity(job, identity);
	job_identity(again, again_identity);
	require(strcmp(identity, again_identity) == 0);
	require(strcmp(job->upstream_commit, again->upstream_commit) == 0);
	require(job->timeout_s == again->timeout_s && job->runtime_s == again->runtime_s);
	require(*job->upstream_url != '-' && *job->upstream_commit != '-');
	job_free(again);
	str_release(&text);
	str_release(&again_text);
}

/* A document that was expanded is one job, and that one. */
static void check_intent(const struct value *doc, struct suites *suites)
{
	struct str text = STR_INIT, again = STR_INIT;
	struct error err = ERROR_INIT;
	struct job_set set;

	value_print(&text, doc);
	if (job_set_read(&set, "printed", text.buf, text.len, NULL, suites, &err) == 0) {
		require(set.n == 1);
		value_print(&again, set.v[0].doc);
		require(strcmp(text.buf, again.buf) == 0);
		job_set_release(&set);
	} else if (err.code != ERR_LIMIT) { /* a text may be longer or deeper than it was before */
		fprintf(stderr, "%s\n%s", err.text, text.buf);
		abort();
	}
	str_release(&text);
	str_release(&again);
}

static bool has_place(const char *text)
{
	return str_has_prefix(text, "job.yaml") || str_has_prefix(text, "argument \"") || str_has_prefix(text, "found ");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct input input = { 0 };
	struct job_files files = { read_part, &input }, suite_files = { read_suite, &input };
	struct job_load_options options = { .files = &files, .after = &input.arguments };
	struct suites *suites = suites_new(&suite_files);
	struct error err = ERROR_INIT;
	struct job_set set = { 0 };

	split(&input, bytes, len);
	if (job_set_read(&set, "job.yaml", input.parts.v[0], strlen(input.parts.v[0]), &options, suites, &err) < 0)
		require(set.n == 0 && has_place(err.text));
	for (size_t i = 0; i < set.n && i < 20; i++) {
		struct strv lines = STRV_INIT;
		struct job *job = NULL;

		job_explain(&lines, set.v[i].doc, suites);
		strv_release(&lines);
		if (job_from_document(&job, set.v[i].doc, suites, &err) < 0) {
			require(job == NULL && has_place(err.text));
			continue;
		}
		check_native(job);
		check_intent(set.v[i].doc, suites);
		job_free(job);
	}
	job_set_release(&set);
	suites_free(suites);
	strv_release(&input.parts);
	strv_release(&input.arguments);
	return 0;
}
