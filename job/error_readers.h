/* What the readers of lines, error_readers.c and error_test.c, have of each other.  `text` is the line without what runners of CI
 * write in front, `raw` the same with its colours. */
#ifndef JOB_ERROR_READERS_H
#define JOB_ERROR_READERS_H

#include "job/extractor.h"

/* True: the line belongs to a traceback and is done with. */
bool read_traceback(struct extractor *x, enum rule_log log, const char *text, size_t len);
void read_dmesg(struct extractor *x, const char *text, size_t len, const struct kernel_prefix *prefix);
void read_test(struct extractor *x, const char *raw, size_t raw_len, const char *text, size_t len);

#endif
