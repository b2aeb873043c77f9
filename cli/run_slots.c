#include "cli/run_loop.h"

#include "base/mem.h"

#define CHEAP_BUILD_MS 10000

const char *loop_hex(const struct loop *loop, uint32_t commit)
{
	return loop->engine->history->hex[commit];
}

bool loop_is_sampling(const struct loop *loop)
{
	return loop->engine->plan->metric && !loop->engine->measure.known;
}

static bool is_parent_of_candidate(struct loop *loop, uint32_t commit)
{
	const struct history *history = loop->engine->history;
	const struct graph *graph = &history->graph;

	for (uint32_t v = 0; v < graph->n; v++)
		for (uint32_t e = graph->first[v]; e < graph->first[v + 1]; e++)
			if (graph->parent[e] == commit && history->in_range[v] &&
				search_is_candidate(loop->engine->search, v))
				return true;
	return false;
}

/* The build in this tree may be asked for again: its commit may be the culprit, or a parent of it. */
enum worth { WORTH_NOTHING, WORTH_LITTLE, WORTH_KEEPING };

static enum worth worth_of(struct loop *loop, const struct slot *slot)
{
	unsigned counts[OBSERVED_NKINDS], shown, passed;
	bool is_candidate;
	uint32_t commit;

	if (!loop->engine->plan->build || loop->engine->plan->trust || !tree_built(slot->tree)[0])
		return WORTH_NOTHING;
	commit = history_find(loop->engine->history, tree_built(slot->tree));
	if (commit == UINT32_MAX)
		return WORTH_NOTHING;
	/* The ends are run in turns. */
	if (loop_is_sampling(loop))
		return WORTH_KEEPING;
	search_counts(loop->engine->search, commit, counts);
	shown = counts[loop->engine->plan->fix ? OBSERVED_GOOD : OBSERVED_BAD];
	passed = counts[loop->engine->plan->fix ? OBSERVED_BAD : OBSERVED_GOOD];
	is_candidate = search_is_candidate(loop->engine->search, commit);
	/* One whose test was stopped as useless. */
	if (!shown && !passed)
		return is_candidate || is_parent_of_candidate(loop, commit) ? WORTH_LITTLE : WORTH_NOTHING;
	return (shown ? is_candidate : is_parent_of_candidate(loop, commit)) ? WORTH_KEEPING : WORTH_NOTHING;
}

/*
 * A tree more costs a build from nothing.  That pays where builds are short, or start from nothing anyway; where building on is much
 * cheaper than building anew, it is better to build a confirmed commit twice.
 */
static bool may_add_spare(const struct loop *loop)
{
	if (loop->n_slots >= loop->max_slots || !loop->n_builds)
		return false;
	return loop->engine->plan->clean || loop->first_build_ms <= CHEAP_BUILD_MS ||
		loop->first_build_ms <= 2 * (loop->build_ms / loop->n_builds);
}

struct slot *loop_slot_add(struct loop *loop)
{
	struct slot *slot;

	MEM_GROW(loop->slots, loop->n_slots + 1, loop->slots_cap);
	slot = &loop->slots[loop->n_slots];
	*slot = (struct slot){ .tree = tree_new(&loop->context, (unsigned)loop->n_slots) };
	loop->n_slots++;
	return slot;
}

struct slot *loop_slot_for(struct loop *loop, uint32_t commit)
{
	struct slot *free_slot = NULL, *cheapest = NULL;
	enum worth least = WORTH_NOTHING;

	for (size_t i = 0; i < loop->n_slots; i++) {
		struct slot *slot = &loop->slots[i];
		enum worth worth;

		if (tree_is_busy(slot->tree))
			continue;
		if (!strcmp(tree_built(slot->tree), loop_hex(loop, commit)))
			return slot;
		worth = worth_of(loop, slot);
		if (worth == WORTH_NOTHING && (!free_slot || slot->used > free_slot->used))
			free_slot = slot;
		if (!cheapest || worth < least || (worth == least && slot->used < cheapest->used)) {
			cheapest = slot;
			least = worth;
		}
	}
	if (free_slot)
		return free_slot;
	if (!cheapest || may_add_spare(loop) || (loop_is_sampling(loop) && loop->n_slots < loop->max_slots))
		return loop_slot_add(loop);
	return cheapest;
}

struct tree *loop_tree_to_wait_for(struct loop *loop, uint32_t commit)
{
	int64_t build, command;

	if (!loop->engine->plan->build || plan_build_decides(loop->engine->plan))
		return NULL;
	build = loop->n_builds ? loop->build_ms / loop->n_builds : INT64_MAX;
	command = loop->n_commands ? loop->command_ms / loop->n_commands : 0;
	if (command > 2 * CHEAP_BUILD_MS && build < command)
		return NULL;
	for (size_t i = 0; i < loop->n_slots; i++) {
		struct tree *tree = loop->slots[i].tree;

		if (!tree_is_busy(tree) || !tree_keeps_build(tree) || strcmp(tree_built(tree), loop_hex(loop, commit)))
			continue;
		for (size_t j = 0; j < loop->n_slots; j++)	/* an idle tree with it is better still */
			if (!tree_is_busy(loop->slots[j].tree) &&
				!strcmp(tree_built(loop->slots[j].tree), loop_hex(loop, commit)))
				return NULL;
		return tree;
	}
	return NULL;
}
