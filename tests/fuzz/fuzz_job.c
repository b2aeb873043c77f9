/* Any bytes: job_read answers with one line that says where, or with a job that survives printing
 * and reading. */
#include <stdint.h>

#include "job/job.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void require(int ok)
{
	if (!ok)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	char identity[HASH_HEX_LEN + 1], again_identity[HASH_HEX_LEN + 1];
	struct str text = STR_INIT, again_text = STR_INIT;
	struct error err = ERROR_INIT;
	struct job *job = NULL, *again = NULL;

	if (job_read(&job, "job.yaml", (const char *)bytes, len, &err) < 0) {
		require(job == NULL);
		require(strncmp(err.text, "job.yaml:", 9) == 0);
		return 0;
	}
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
	job_free(job);
	job_free(again);
	str_release(&text);
	str_release(&again_text);
	return 0;
}
