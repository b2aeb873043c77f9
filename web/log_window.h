/*
 * Some lines out of a log of any size: bytes go in as they are read, and only the lines asked for are kept, so that a log of gigabytes
 * costs no more memory than a page of it.
 */
#ifndef WEB_LOG_WINDOW_H
#define WEB_LOG_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

#define LOG_WINDOW_LINES 1000
#define LOG_WINDOW_LINE_MAX 4000	/* bytes kept of a line; what is longer is cut and marked as such */

struct log_window {
	uint64_t from;		/* number of the first line wanted, from 1 on; 0: the last lines */
	uint64_t first;		/* number of the first line in `text` */
	uint64_t lines;		/* how many are in it */
	uint64_t seen;		/* lines that went by, a last one without a newline too */
	bool more;		/* there are lines after those in `text` */
	struct str text;	/* the lines, each with its newline */

	size_t line_len;	/* of the line that comes in */
	bool line_open;
};

/* `from` as in the struct. */
void log_window_init(struct log_window *window, uint64_t from);
void log_window_release(struct log_window *window);

/* The next bytes of the log; false: nothing that follows can matter any more. */
bool log_window_feed(struct log_window *window, const char *bytes, size_t len);

#endif
