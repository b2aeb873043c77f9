/*
 * Keys that job files of the field (Compass-CI, lkp-tests) carry and that change nothing of what runs here: who asked, where it was
 * queued, what is watched beside it.  They are kept, shown, and told to be without effect; they are not in the identity of a job.
 * The names are those that those systems document.
 */
#ifndef JOB_JOB_FIELDS_H
#define JOB_JOB_FIELDS_H

#include <stdbool.h>

bool job_field_is_known(const char *key);
/* The names, sorted, up to NULL: for the nearest one. */
extern const char *const job_field_names[];

#endif
