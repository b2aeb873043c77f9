/* What kind of log it is, told by its first lines: for people who do not want to say. */
#ifndef JOB_ERROR_GUESS_H
#define JOB_ERROR_GUESS_H

#include "job/errorid.h"

/* SOURCE_STDERR where nothing tells. */
enum error_source error_source_guess(const char *text, size_t len);

#endif
