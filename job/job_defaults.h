/* What a job.yaml that leaves a key out means; for job_read and job_print. */
#ifndef JOB_JOB_DEFAULTS_H
#define JOB_JOB_DEFAULTS_H

#include <stdint.h>

#define JOB_CATEGORY_DEFAULT	"functional"
#define JOB_TESTBOX_DEFAULT	"dc-2g"
#define JOB_TIMEOUT_DEFAULT_S	3600
#define JOB_TIMEOUT_MAX_S	(30 * 24 * 3600)

/* With a runtime, an eighth more than that and at least five minutes, as Compass-CI has it. */
static inline int64_t job_default_timeout(int64_t runtime_s)
{
	int64_t timeout = runtime_s + (runtime_s / 8 > 300 ? runtime_s / 8 : 300);

	if (timeout < JOB_TIMEOUT_DEFAULT_S)
		timeout = JOB_TIMEOUT_DEFAULT_S;
	return timeout < JOB_TIMEOUT_MAX_S ? timeout : JOB_TIMEOUT_MAX_S;
}

#endif
