/*
 * The stats.json in a log (lkp_stats.h): what follows the last LKP_STATS_LOG_MARK line, to the end.  It is kept as it comes, at
 * most LKP_STATS_TEXT_MAX of it, and read when the log has ended.
 */
#ifndef JOB_STATS_LOG_H
#define JOB_STATS_LOG_H

#include "job/error_notes.h"
#include "job/metrics.h"

struct stats_log {
	bool expected, open; /* open: the mark was seen */
	bool whole;          /* after stats_log_end(): it was there, all of it, of a run that came to its end */
	struct str text;
	uint64_t line, offset; /* of the log, where it begins */
	struct error problem;  /* why it is not whole */
};

void stats_log_init(struct stats_log *stats);
void stats_log_release(struct stats_log *stats);
bool stats_log_is_mark(const char *line, size_t len);
/* What was kept is forgotten: the object begins at this line and offset. */
void stats_log_begin(struct stats_log *stats, uint64_t line, uint64_t offset);
/* A key of it as an id: in our spelling of the source, and without the bytes that no id has. */
void stats_log_id(struct str *ret, const char *key);
void stats_log_feed(struct stats_log *stats, const char *bytes, size_t len);
/*
 * Its errors are noted, each with its key as id unless an error that was found goes by that name, and its other numbers set as
 * metrics.
 */
void stats_log_end(struct stats_log *stats, struct notes *notes, struct metrics *metrics);

#endif
