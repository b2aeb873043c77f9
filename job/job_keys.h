/* The keys of a job.yaml that have a meaning here (job/job.h). */
#ifndef JOB_JOB_KEYS_H
#define JOB_JOB_KEYS_H

#include <stdbool.h>

bool job_key_is_own(const char *key);

#endif
