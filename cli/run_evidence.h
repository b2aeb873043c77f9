/* How sure a verdict is, and what it rests on: the runs on both sides of the culprit, and what else it may be. */
#ifndef CLI_RUN_EVIDENCE_H
#define CLI_RUN_EVIDENCE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "git/history.h"
#include "search/search.h"

#define EVIDENCE_OTHERS_MAX 3

/* Runs of some commits: in how many the error showed, in how many it did not, how many say nothing. */
struct evidence_side {
	size_t commits;
	unsigned failed, passed, silent;
};

struct evidence {
	bool has_culprit;
	struct evidence_side own;		/* of the culprit itself; the next four: of all ... */
	struct evidence_side with, without;	/* commits that contain it, and the others */
	double *belief;				/* per vertex; owned */
	double none;				/* that no commit of the range changed anything, or an end is none */
	double other;				/* that it is another commit, ... */
	uint32_t others[EVIDENCE_OTHERS_MAX];	/* the likeliest first */
	size_t n_others;
};

void evidence_make(struct evidence *ret, struct search *search, const struct history *history,
	const struct search_verdict *verdict);
void evidence_release(struct evidence *evidence);

/* The object "evidence" of the result; null without a culprit. */
json_t *evidence_to_json(const struct evidence *evidence, struct search *search, const struct history *history,
	const struct search_verdict *verdict);

/* Its two lines on standard output; nothing without a culprit. */
void evidence_print(const struct evidence *evidence, const struct history *history, bool fix);

#endif
