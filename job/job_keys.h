/* The keys of a job.yaml that have a meaning here (job/job.h). */
#ifndef JOB_JOB_KEYS_H
#define JOB_JOB_KEYS_H

#include <stdbool.h>

bool job_key_is_own(const char *key);
/* The key that another one of the field means, "os_arch" of "arch"; NULL: it means itself. */
const char *job_own_name(const char *key);

#endif
