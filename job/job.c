#include "base/mem.h"
#include "job/job.h"
#include "job/job_defaults.h"

void job_free(struct job *job)
{
	if (!job)
		return;
	free(job->suite);
	free(job->category);
	free(job->testbox);
	free(job->os);
	free(job->os_version);
	free(job->os_arch);
	free(job->upstream_repo);
	free(job->upstream_url);
	free(job->upstream_commit);
	free(job->build_run);
	strv_release(&job->build_keep);
	free(job->test_run);
	strv_release(&job->test_env);
	strv_release(&job->test_logs);
	strv_release(&job->env);
	free(job->error_match);
	free(job);
}

static void copy_list(struct strv *to, const struct strv *from)
{
	*to = (struct strv)STRV_INIT;
	for (size_t i = 0; i < from->n; i++)
		strv_push(to, from->v[i]);
}

struct job *job_copy(const struct job *job)
{
	struct job *copy = mem_alloc(sizeof(*copy));

	*copy = *job;
	copy->suite = mem_strdup(job->suite);
	copy->category = mem_strdup(job->category);
	copy->testbox = mem_strdup(job->testbox);
	copy->os = mem_strdup(job->os);
	copy->os_version = mem_strdup(job->os_version);
	copy->os_arch = mem_strdup(job->os_arch);
	copy->upstream_repo = mem_strdup(job->upstream_repo);
	copy->upstream_url = mem_strdup(job->upstream_url);
	copy->upstream_commit = mem_strdup(job->upstream_commit);
	copy->build_run = mem_strdup(job->build_run);
	copy->test_run = mem_strdup(job->test_run);
	copy->error_match = mem_strdup(job->error_match);
	copy_list(&copy->build_keep, &job->build_keep);
	copy_list(&copy->env, &job->env);
	copy_list(&copy->test_env, &job->test_env);
	copy_list(&copy->test_logs, &job->test_logs);
	return copy;
}

static void add_list(struct hash *h, const struct strv *list)
{
	char count[24];

	snprintf(count, sizeof(count), "%zu", list->n);
	hash_add_field(h, count);
	for (size_t i = 0; i < list->n; i++)
		hash_add_field(h, list->v[i]);
}

/* "x-2p8g--a61" is one machine of the group "x-2p8g", and any of the group is as good. */
static void add_testbox_group(struct hash *h, const char *testbox)
{
	struct testbox box;

	hash_add_field(h, testbox_read(&box, testbox, NULL) == 0 ? box.group : testbox);
}

/* What was hashed before there were these has its identity still. */
static void add_newer(struct hash *h, const struct job *job)
{
	if (!job->test_logs.n && !job->test_env.n)
		return;
	add_list(h, &job->test_logs);
	add_list(h, &job->test_env);
}

void job_identity(const struct job *job, char hex[HASH_HEX_LEN + 1])
{
	struct hash *h = hash_new();

	hash_add_field(h, "job identity 1");
	hash_add_field(h, job->upstream_repo);
	hash_add_field(h, job->os);
	hash_add_field(h, job->os_version);
	hash_add_field(h, job->os_arch);
	add_testbox_group(h, job->testbox);
	hash_add_field(h, job->suite);
	hash_add_field(h, job->category);
	hash_add_field(h, job->build_run);
	hash_add_field(h, job->test_run);
	add_list(h, &job->build_keep);
	add_list(h, &job->env);
	hash_add_field(h, job->error_match);
	add_newer(h, job);
	hash_finish(h, hex);
}

void job_build_key(const struct job *job, const char *tree, char hex[HASH_HEX_LEN + 1])
{
	struct hash *h = hash_new();

	hash_add_field(h, "build key 1");
	hash_add_field(h, tree);
	hash_add_field(h, job->build_run);
	add_list(h, &job->build_keep);
	add_list(h, &job->env);
	hash_add_field(h, job->os);
	hash_add_field(h, job->os_version);
	hash_add_field(h, job->os_arch);
	hash_finish(h, hex);
}

void job_test_key(const struct job *job, const char *tree, char hex[HASH_HEX_LEN + 1])
{
	char build_key[HASH_HEX_LEN + 1];
	struct hash *h = hash_new();

	job_build_key(job, tree, build_key);
	hash_add_field(h, "test key 2");
	hash_add_field(h, build_key);
	hash_add_field(h, job->test_run);
	add_list(h, &job->env);
	hash_add_field(h, job->testbox);
	/* What errors of a run are called hangs on these: the result of another suite would lack the id that is looked for. */
	hash_add_field(h, job->suite);
	hash_add_field(h, job->error_match);
	add_newer(h, job);
	hash_finish(h, hex);
}
