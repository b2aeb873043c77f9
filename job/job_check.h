/* What single values of a job.yaml may be.  Pure text in, answers out. */
#ifndef JOB_JOB_CHECK_H
#define JOB_JOB_CHECK_H

#include <stdbool.h>

bool check_has_control(const char *text); /* other than tab and newline; also those beyond ASCII */
bool check_is_word(const char *text);
bool check_is_variable(const char *text); /* the name of an environment variable */

/*
 * NULL if it is fine, else what would be allowed.  Both end up as arguments of git: nothing that
 * begins with "-", and no transport that runs a program ("ext::sh -c ...").
 */
const char *check_url(const char *url);
const char *check_revision(const char *revision);

/* The one of `names` (up to NULL) that `text` is most likely meant to be; NULL if none is close. */
const char *check_nearest(const char *text, const char *const *names);

#endif
