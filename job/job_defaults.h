/* What a job.yaml that leaves a key out means; for job_read and job_print. */
#ifndef JOB_JOB_DEFAULTS_H
#define JOB_JOB_DEFAULTS_H

#define JOB_CATEGORY_DEFAULT	"functional"
#define JOB_TESTBOX_DEFAULT	"dc-2g"
#define JOB_TIMEOUT_DEFAULT_S	3600

#endif
