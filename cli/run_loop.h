/*
 * The state of a run's loop, shared by run_engine.c, which starts and ends the runs, and run_slots.c, which finds each a work tree.
 */
#ifndef CLI_RUN_LOOP_H
#define CLI_RUN_LOOP_H

#include <event2/event.h>

#include "base/worker.h"
#include "cli/run_engine.h"
#include "cli/run_tree.h"

struct waiting {		/* a probe whose build lies (or is being made) in a busy tree */
	struct tree *tree;
	struct search_probe probe;
};

struct slot {
	struct tree *tree;
	struct search_probe probe;
	bool dropped;		/* told to the search already */
	bool is_sample;		/* of an end: the search does not know of it */
	bool builds;		/* its products do not lie there yet */
	int64_t begun_ms;	/* steady */
	uint64_t used;		/* order of last use */
};

struct loop {
	struct engine *engine;
	struct event_base *base;
	struct worker_pool *pool;
	struct tree_context context;
	struct slot *slots;
	size_t n_slots, slots_cap;
	size_t max_slots;
	struct waiting *waiting;
	size_t n_waiting, waiting_cap;
	unsigned busy;
	unsigned sequence;
	uint64_t uses;
	int64_t start_ms;

	/* Of this session: what building and testing take. */
	int64_t first_build_ms, build_ms, command_ms, run_ms;
	unsigned n_builds, n_commands, n_runs;

	/* A command that may not exist: is that so on a good end, too?  Asked where the ends are believed. */
	enum { COMMAND_UNDOUBTED, COMMAND_DOUBTED, COMMAND_CHECKING, COMMAND_CHECKED } command;
	struct tree *checking;
	bool bogus;			/* it was */

	bool spared;			/* a run that is useless goes on, as it is about to end */

	/* What the error names is looked up on a worker; no probe is chosen meanwhile. */
	struct learning {
		bool busy;
		struct run_record record;
		struct prior prior;
		struct error error;
		int result;
	} learning;

	unsigned signals;
	bool stopping;
	bool failed;
	struct error failure;
};

const char *loop_hex(const struct loop *loop, uint32_t commit);
/* The ends are measured before anything is searched. */
bool loop_is_sampling(const struct loop *loop);

struct slot *loop_slot_add(struct loop *loop);
/* An idle tree for a commit: the one that holds its build, the last used one that may be overwritten, a new one, the least worth one. */
struct slot *loop_slot_for(struct loop *loop, uint32_t commit);
/* The busy tree in which this commit's build lies or is being made, if waiting for it is better than building it once more. */
struct tree *loop_tree_to_wait_for(struct loop *loop, uint32_t commit);

#endif
