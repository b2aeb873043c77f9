/*
 * One warm work tree of a run and what goes on in it: checkout (on a worker thread), then the build, then the command, each a
 * child with its output in a log; at the end one observation of one commit.
 */
#ifndef CLI_RUN_TREE_H
#define CLI_RUN_TREE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "cli/run_journal.h"

struct child_guard;
struct event_base;
struct worker_pool;
struct tree;

enum tree_end {
	TREE_OBSERVED,
	TREE_STOPPED,		/* by tree_stop: nothing is known */
	TREE_ABORTED,		/* the command ended with 128 or more, or by a signal: `error` tells all */
	TREE_FAILED,		/* our own failure (disk full, git): `error` */
};

struct tree_result {
	enum tree_end end;
	enum observation observation;
	int exit_status;	/* of what decided; -1: the command was not started */
	bool timed_out;
	bool built;
	bool exact_error;
	int64_t error_at;	/* bytes before the line of that error in its log; -1: not known */
	double value;		/* of the metric; NaN: none */
	int64_t wall_ms, build_ms;
	struct error error;	/* also of TREE_OBSERVED: why it says nothing, or empty */
};

/* The same for all trees of a run; borrowed for their lives. */
struct tree_context {
	struct event_base *loop;
	struct worker_pool *pool;
	const struct run_plan *plan;
	const char *git_dir, *trees_dir, *logs_dir;
	unsigned max_trees;
	struct child_guard *guard;
	bool verbose;		/* hand all output to on_output */
	/* Both on the loop.  on_end may start the tree again. */
	void (*on_output)(struct tree *tree, const char *bytes, size_t len, void *arg);
	void (*on_end)(struct tree *tree, const struct tree_result *result, void *arg);
	void *arg;
};

/* Nothing on the disk is touched before the first start.  `slot` (from 0) is told to the command as BISECTD_SLOT. */
struct tree *tree_new(const struct tree_context *context, unsigned slot);

/* While busy: fatal.  `sequence` names the logs.  The build is left out if the commit's products lie here already. */
void tree_start(struct tree *tree, const char *hex, unsigned sequence);

/* Ends what goes on with SIGTERM, 2 s later SIGKILL (at once if `hard`); on_end follows with TREE_STOPPED. */
void tree_stop(struct tree *tree, bool hard);

bool tree_is_busy(const struct tree *tree);
bool tree_keeps_build(const struct tree *tree);	/* false: it is being stopped before what tree_built() names was built */
unsigned tree_slot(const struct tree *tree);
const char *tree_commit(const struct tree *tree);	/* of the run under way or the last one; "" */
unsigned tree_sequence(const struct tree *tree);	/* likewise */
const char *tree_built(const struct tree *tree);	/* whose products lie here or are being made; "" */

/* Idle trees only; of several, each may be removed on a thread of its own. */
void tree_remove_directory(struct tree *tree);
/* Idle trees only.  A directory that is there stays warm for the next run. */
void tree_free(struct tree *tree);

/* Path of a log of run `sequence` of commit `hex`, relative to the logs' directory.  Caller frees. */
char *tree_log_name(unsigned sequence, const char *hex, bool of_build);

/* Whether the error asked for shows in builds only, so that the build is the run and each is made from nothing. */
bool plan_build_decides(const struct run_plan *plan);

/* Checks --error-id, --match and --metric before anything is run. */
int plan_check_error(const struct run_plan *plan, struct error *err);

#endif
