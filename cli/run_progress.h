/*
 * What a run tells on standard error while it goes on: at a terminal one line that is rewritten, elsewhere one plain line for
 * each finished run.
 */
#ifndef CLI_RUN_PROGRESS_H
#define CLI_RUN_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct progress {
	bool terminal;
	bool shown;		/* the line stands on the terminal now */
	bool line_open;		/* output of the command ended within a line */
};

struct progress_state {
	size_t left;		/* commits that may still be the culprit */
	unsigned running;
	size_t runs;
	int64_t time_left_ms;	/* -1: unknown */
	const char *phase;
};

void progress_init(struct progress *progress);

/* A line of its own that stays. */
void progress_say(struct progress *progress, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Rewrites the line; nothing where there is no terminal. */
void progress_show(struct progress *progress, const struct progress_state *state);
void progress_clear(struct progress *progress);

/* Output of the command, as it is. */
void progress_pass_on(struct progress *progress, const char *bytes, size_t len);

#endif
