#include "base/mem.h"
#include "job/job.h"
#include "job/job_defaults.h"
#include "job/yaml_text.h"

static void add_key(struct str *ret, const char *key, const char *value)
{
	if (!value)
		return;
	str_addf(ret, "%s: ", key);
	yaml_text_scalar(ret, value);
	str_add_char(ret, '\n');
}

static void add_duration(struct str *ret, const char *key, int64_t seconds)
{
	static const struct {
		int64_t s;
		char unit;
	} units[] = { { 86400, 'd' }, { 3600, 'h' }, { 60, 'm' }, { 1, 's' } };

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (seconds % units[i].s != 0)
			continue;
		str_addf(
		        ret, "%s: %lld%c\n", key, (long long)(seconds / units[i].s), units[i].unit);
		return;
	}
}

static void add_env(struct str *ret, const char *indent, const struct strv *env)
{
	if (env->n == 0)
		return;
	str_addf(ret, "%senv:\n", indent);
	for (size_t i = 0; i < env->n; i++) {
		const char *equals = strchr(env->v[i], '=');

		str_addf(ret, "%s  ", indent);
		/* A name such as NO or y is a boolean to some readers. */
		str_add_char(ret, '"');
		str_add_bytes(ret, env->v[i], (size_t)(equals - env->v[i]));
		str_add(ret, "\": ");
		yaml_text_quoted(ret, equals + 1);
		str_add_char(ret, '\n');
	}
}

void job_print(struct str *ret, const struct job *job)
{
	add_key(ret, "suite", job->suite);
	if (strcmp(job->category, JOB_CATEGORY_DEFAULT) != 0)
		add_key(ret, "category", job->category);
	if (strcmp(job->testbox, JOB_TESTBOX_DEFAULT) != 0)
		add_key(ret, "testbox", job->testbox);
	add_key(ret, "os", job->os);
	add_key(ret, "os_version", job->os_version);
	add_key(ret, "os_arch", job->os_arch);
	if (strcmp(job->upstream_repo, job->upstream_url) != 0)
		add_key(ret, "upstream_repo", job->upstream_repo);
	add_key(ret, "upstream_url", job->upstream_url);
	add_key(ret, "upstream_commit", job->upstream_commit);
	if (job->build_run || job->build_keep.n)
		str_add(ret, "build:\n");
	if (job->build_run) {
		str_add(ret, "  run: ");
		yaml_text_block(ret, job->build_run, 4);
	}
	if (job->build_keep.n)
		str_add(ret, "  keep:\n");
	for (size_t i = 0; i < job->build_keep.n; i++) {
		str_add(ret, "    - ");
		yaml_text_scalar(ret, job->build_keep.v[i]);
		str_add_char(ret, '\n');
	}
	str_add(ret, "test:\n  run: ");
	yaml_text_block(ret, job->test_run, 4);
	add_env(ret, "  ", &job->test_env);
	if (job->test_logs.n)
		str_add(ret, "  logs:\n");
	for (size_t i = 0; i < job->test_logs.n; i++)
		str_addf(ret, "    - %s\n", job->test_logs.v[i]);
	add_env(ret, "", &job->env);
	if (job->timeout_s != job_default_timeout(job->runtime_s))
		add_duration(ret, "timeout", job->timeout_s);
	if (job->runtime_s)
		add_duration(ret, "runtime", job->runtime_s);
	if (job->error_match) {
		str_add(ret, "error:\n  match: ");
		yaml_text_scalar(ret, job->error_match);
		str_add_char(ret, '\n');
	}
}
