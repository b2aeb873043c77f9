#include "cli/expand.h"

#include <errno.h>

#include "base/mem.h"
#include "cli/job_input.h"
#include "cli/run.h"
#include "job/job_load.h"
#include "job/job_lower.h"

struct expand_values {
	struct job_input_values job_input;
	bool native;
};

#define AT(member) offsetof(struct expand_values, member)
static const struct setting expand_settings[] = {
	{ "native", 0, SETTING_FLAG, AT(native), NULL, NULL, 0, 0,
		"Print the scripts and the environment that each job comes to, and its identity.", true },
	JOB_INPUT_ROWS(AT(job_input)),
	{ NULL, 0, SETTING_HEADING, 0, NULL, NULL, 0, 0, NULL, false }
};

const struct command expand_command = {
	.name = "expand",
	.synopsis = "[KEY=VALUE...] job.yaml [KEY=VALUE...]",
	.summary = "print the jobs that a job.yaml makes",
	.description =
		"One document a job, keys sorted, so that two can be compared with diff; comments say which commit a bisection varies, "
		"which suite runs and what it needs, and which keys have no effect here. What is printed can be submitted as it is. "
		"No daemon is asked.\n\n"
		"KEY=VALUE after the file wins over it, before the file it only fills in what is missing. KEY may be a path of keys: "
		"ltp.test=syscalls.\n\n"
		"Exit status: 0 done, 1 failure, 2 wrong usage or a wrong job.yaml.",
	.settings = expand_settings,
	.size = sizeof(struct expand_values),
};

/* Words of the job, which may hold anything. */
static void add_comment(struct str *out, const char *text)
{
	str_add(out, "# ");
	str_add_printable(out, text, strlen(text), 4096);
	str_add_char(out, '\n');
}

static int print_native(struct str *out, const struct value *doc, struct suites *suites, struct error *err)
{
	char identity[HASH_HEX_LEN + 1];
	struct job *job;
	int r = job_from_document(&job, doc, suites, err);

	if (r < 0)
		return r;
	job_identity(job, identity);
	str_addf(out, "# identity: %s\n", identity);
	job_print(out, job);
	job_free(job);
	return 0;
}

static int print_jobs(struct str *out, const struct job_set *set, struct suites *suites, bool native, struct error *err)
{
	int r = 0;

	if (set->n > 1)
		str_add(out, JOB_DOCUMENTS_MARK);
	if (set->has_common)
		add_comment(out, "the first document of the file is common to the others, and no job of its own");
	for (size_t i = 0; i < set->n && r == 0; i++) {
		struct strv lines = STRV_INIT;

		if (set->n > 1)
			str_add(out, "---\n");
		if (set->n > 1)
			add_comment(out, set->v[i].label);
		job_explain(&lines, set->v[i].doc, suites);
		for (size_t k = 0; k < lines.n; k++)
			add_comment(out, lines.v[k]);
		strv_release(&lines);
		if (native)
			r = print_native(out, set->v[i].doc, suites, err);
		else
			value_print(out, set->v[i].doc);
	}
	return r;
}

static int expand(const struct expand_values *values, const struct strv *arguments, struct error *err)
{
	struct job_input input;
	struct job_set set = { 0 };
	struct str out = STR_INIT;
	int r = job_input_read(&input, &values->job_input, arguments, err);

	if (r == 0)
		r = job_input_expand(&set, &input, err);
	if (r == 0)
		r = print_jobs(&out, &set, input.suites, values->native, err);
	if (r == 0 && (fwrite(out.buf, 1, out.len, stdout) != out.len || fflush(stdout) != 0))
		r = error_errno(err, errno, "cannot write the output");
	job_set_release(&set);
	job_input_release(&input);
	str_release(&out);
	return r;
}

int expand_main(int argc, char **argv)
{
	struct expand_values values;
	struct strv arguments = STRV_INIT;
	struct error err = ERROR_INIT;
	struct str text = STR_INIT;
	bool done;
	int r = settings_read(&values, &arguments, &done, &expand_command, "bisectctl", argc, argv, NULL, false, &err);

	if (r == 0 && !done) {
		r = expand(&values, &arguments, &err);
		settings_release(&values, &expand_command);
	}
	strv_release(&arguments);
	if (r == 0)
		return 0;
	str_add_printable(&text, err.text, strlen(err.text), 4096);
	fprintf(stderr, "bisectctl expand: %s\n", text.buf);
	str_release(&text);
	return err.code == ERR_INVALID || err.code == ERR_LIMIT ? RUN_EXIT_USAGE : RUN_EXIT_FAILED;
}
