#include "git/history.h"

#include <git2.h>
#include <stdlib.h>

#include "base/mem.h"
#include "git/command.h"
#include "git/repository.h"
#include "git/walk.h"

/* What history_load works with until the arrays are made. */
struct load {
	struct walk walk;
	struct repository *repository;
	bool first_parent;
	const char *old_word, *new_word;	/* what people call the ends */
	uint32_t bad;
	uint32_t *good;		/* as asked for, each once */
	size_t n_good;
	uint32_t *end;		/* after the merge-base rule, each once */
	size_t n_end, cap_end;
	struct strv notes;
	uint32_t *order;	/* walk numbers of the vertices */
	uint32_t *vertex;	/* per walk number, or UINT32_MAX */
	size_t n_order, cap_order;
};

static const char *hex_of(char hex[GIT_HEX + 1], const struct load *load, uint32_t number)
{
	git_oid_tostr(hex, GIT_HEX + 1, &load->walk.commits[number].oid);
	return hex;
}

static bool has(const uint32_t *list, size_t n, uint32_t number)
{
	for (size_t i = 0; i < n; i++) {
		if (list[i] == number)
			return true;
	}
	return false;
}

static void add_end(struct load *load, uint32_t number)
{
	if (has(load->end, load->n_end, number))
		return;
	MEM_GROW(load->end, load->n_end + 1, load->cap_end);
	load->end[load->n_end++] = number;
}

static int find_commit(uint32_t *ret, struct load *load, const char *hex, struct error *err)
{
	git_commit *commit;
	int result = repository_commit(&commit, load->repository, hex, err);

	if (result == 0) {
		result = walk_read(ret, &load->walk, git_commit_id(commit), err);
		git_commit_free(commit);
	}
	return result;
}

static int find_ends(struct load *load, const char *const *good, const char *bad, struct error *err)
{
	size_t n = 0;
	int result = find_commit(&load->bad, load, bad, err);

	if (result < 0) {
		error_prefix(err, "%s end", load->new_word);
		return result;
	}
	while (good[n])
		n++;
	if (!n)
		return error_set(err, ERR_INVALID, "a range needs at least one %s commit", load->old_word);
	load->good = mem_array(n, sizeof(*load->good));
	for (size_t i = 0; i < n; i++) {
		uint32_t number;

		if ((result = find_commit(&number, load, good[i], err)) < 0) {
			error_prefix(err, "%s end", load->old_word);
			return result;
		}
		if (number == load->bad)
			return error_set(err, ERR_INVALID,
				"commit %.12s is both the good and the bad end: "
				"there is nothing to search",
				bad);
		if (!has(load->good, load->n_good, number))
			load->good[load->n_good++] = number;
	}
	return 0;
}

static int empty_range(const struct load *load, uint32_t good, struct error *err)
{
	char bad_hex[GIT_HEX + 1], good_hex[GIT_HEX + 1];

	return error_set(err, ERR_INVALID,
		"the range is empty: %s commit %.12s is an ancestor of %s commit %.12s "
		"(are good and bad the wrong way round?)",
		load->new_word, hex_of(bad_hex, load, load->bad), load->old_word, hex_of(good_hex, load, good));
}

static void note_merge_bases(struct load *load, uint32_t good, const uint32_t *bases, size_t n)
{
	struct str note = STR_INIT;
	char hex[GIT_HEX + 1];

	str_addf(&note,
		"%s commit %.12s is not an ancestor of the %s commit; using the merge base%s",
		load->old_word, hex_of(hex, load, good), load->new_word, n > 1 ? "s" : "");
	for (size_t i = 0; i < n; i++) {
		str_addf(&note, "%s %.12s", i ? "," : "", hex_of(hex, load, bases[i]));
		add_end(load, bases[i]);
	}
	strv_push(&load->notes, note.buf);
	str_release(&note);
}

static int no_common_history(const struct load *load, uint32_t good, struct error *err)
{
	char bad_hex[GIT_HEX + 1], good_hex[GIT_HEX + 1];

	return error_set(err, ERR_INVALID,
		"%s commit %.12s and %s commit %.12s have no common history%s",
		load->old_word, hex_of(good_hex, load, good), load->new_word, hex_of(bad_hex, load, load->bad),
		load->walk.n_cuts ? " in this shallow clone (git fetch --unshallow brings the rest)"
				  : "");
}

/* One good end: kept if it is an ancestor of bad, else replaced by the merge bases. */
static int settle_end(struct load *load, uint32_t good, struct error *err)
{
	uint32_t *bases = NULL;
	size_t n = 0;
	char hex[GIT_HEX + 1];
	int result = walk_merge_bases(&bases, &n, &load->walk, load->bad, good, err);

	if (result < 0)
		return result;
	if (n == 1 && bases[0] == load->bad)
		result = empty_range(load, good, err);
	else if (n == 1 && bases[0] == good)
		add_end(load, good);
	else if (n)
		note_merge_bases(load, good, bases, n);
	else
		strv_pushf(&load->notes,
			"%s commit %.12s has no common history with the %s commit; left out",
			load->old_word, hex_of(hex, load, good), load->new_word);
	free(bases);
	return result;
}

/* Colours as they are to be at the end, and the good ends after the merge-base rule. */
static int settle_ends(struct load *load, struct error *err)
{
	struct walk *walk = &load->walk;
	bool *is_ancestor = mem_array(load->n_good, sizeof(*is_ancestor));
	bool bad_is_good, repainted = false;
	int result = walk_paint(
		walk, load->bad, load->good, load->n_good, load->first_parent, false, err);

	if (result < 0)
		goto out;
	/* Along first parents the bad colour does not reach what a merge brought in. */
	for (size_t i = 0; i < load->n_good; i++)
		is_ancestor[i] = walk->commits[load->good[i]].colour & WALK_BAD;
	bad_is_good = walk->commits[load->bad].colour & WALK_GOOD;
	for (size_t i = 0; i < load->n_good; i++) {
		if (is_ancestor[i] && !bad_is_good) {
			add_end(load, load->good[i]);
			continue;
		}
		repainted = true;
		if ((result = settle_end(load, load->good[i], err)) < 0)
			goto out;
	}
	if (!load->n_end)
		result = no_common_history(load, load->good[0], err);
	else if (repainted)
		result = walk_paint(
			walk, load->bad, load->good, load->n_good, load->first_parent, false, err);
out:
	free(is_ancestor);
	return result;
}

/* --- The order of vertices: parents first, first parents before the others. --- */

static bool is_candidate(const struct load *load, uint32_t number)
{
	return (load->walk.commits[number].colour & WALK_BOTH) == WALK_BAD;
}

static uint32_t parents_walked(const struct load *load, uint32_t number)
{
	uint32_t n = load->walk.commits[number].n_parents;

	if (!is_candidate(load, number))
		return 0;
	return load->first_parent && n > 1 ? 1 : n;
}

static void add_to_order(struct load *load, uint32_t number)
{
	if (load->vertex[number] != UINT32_MAX)
		return;
	MEM_GROW(load->order, load->n_order + 1, load->cap_order);
	load->vertex[number] = (uint32_t)load->n_order;
	load->order[load->n_order++] = number;
}

static int order_vertices(struct load *load, struct error *err)
{
	struct level { uint32_t number, next; } *stack = NULL;
	size_t depth = 0, cap = 0;
	char hex[GIT_HEX + 1];
	int result = 0;

	load->vertex = mem_array(load->walk.n, sizeof(*load->vertex));
	memset(load->vertex, 0xff, load->walk.n * sizeof(*load->vertex));
	for (size_t i = 0; i < load->n_end; i++)
		add_to_order(load, load->end[i]);
	MEM_GROW(stack, 1, cap);
	stack[depth++] = (struct level){ load->bad, 0 };
	while (depth) {
		struct level *top = &stack[depth - 1];
		const struct walk_commit *commit = &load->walk.commits[top->number];
		uint32_t parent;

		if (commit->cut && is_candidate(load, top->number)) {
			result = error_set(err, ERR_INVALID,
				"the history in %s is cut off at %.12s, inside the range: it is a "
				"shallow clone (git fetch --unshallow brings the rest)",
				load->walk.where, hex_of(hex, load, top->number));
			break;
		}
		if (top->next == parents_walked(load, top->number)) {
			add_to_order(load, top->number);
			depth--;
			continue;
		}
		parent = load->walk.parents[commit->first + top->next++];
		if (load->vertex[parent] != UINT32_MAX)
			continue;
		MEM_GROW(stack, depth + 1, cap);
		stack[depth++] = (struct level){ parent, 0 };
	}
	free(stack);
	return result;
}

static int fill(struct history *ret, const struct load *load, struct error *err)
{
	uint32_t *parents = NULL;
	size_t cap = 0;
	int result = 0;

	ret->hex = mem_array(load->n_order, sizeof(*ret->hex));
	ret->tree = mem_array(load->n_order, sizeof(*ret->tree));
	ret->in_range = mem_array(load->n_order, sizeof(*ret->in_range));
	for (size_t v = 0; v < load->n_order; v++) {
		uint32_t number = load->order[v], n = parents_walked(load, number), vertex;
		const struct walk_commit *commit = &load->walk.commits[number];

		git_oid_tostr(ret->hex[v], GIT_HEX + 1, &commit->oid);
		git_oid_tostr(ret->tree[v], GIT_HEX + 1, &commit->tree);
		ret->in_range[v] = is_candidate(load, number);
		ret->n_range += ret->in_range[v];
		MEM_GROW(parents, n, cap);
		for (uint32_t i = 0; i < n; i++)
			parents[i] = load->vertex[load->walk.parents[commit->first + i]];
		if ((result = graph_add(&ret->graph, parents, n, &vertex, err)) < 0)
			break;
	}
	free(parents);
	ret->bad = load->vertex[load->bad];
	ret->n_good = load->n_end;
	ret->good = mem_array(load->n_end, sizeof(*ret->good));
	for (size_t i = 0; i < load->n_end; i++)
		ret->good[i] = load->vertex[load->end[i]];
	return result;
}

static int load_range(struct history *ret, struct repository *repository, const char *const *good,
	const char *bad, bool first_parent, bool fix, struct error *err)
{
	struct load load = { .repository = repository, .first_parent = first_parent,
		.old_word = fix ? "bad" : "good", .new_word = fix ? "good" : "bad" };
	struct history history = { 0 };
	int result = walk_open(&load.walk, repository->handle, repository->git_dir, err);

	if (result < 0)
		return result;
	if ((result = find_ends(&load, good, bad, err)) < 0 ||
		(result = settle_ends(&load, err)) < 0 ||
		(result = order_vertices(&load, err)) < 0 ||
		(result = fill(&history, &load, err)) < 0)
		goto out;
	history.notes = load.notes;
	load.notes = (struct strv)STRV_INIT;
	*ret = history;
	history = (struct history){ 0 };
out:
	history_release(&history);
	strv_release(&load.notes);
	free(load.good);
	free(load.end);
	free(load.order);
	free(load.vertex);
	walk_release(&load.walk);
	return result;
}

int history_load(struct history *ret, struct repository *repository, const char *const *good,
	const char *bad, bool first_parent, struct error *err)
{
	return load_range(ret, repository, good, bad, first_parent, false, err);
}

int history_load_fix(struct history *ret, struct repository *repository, const char *const *old,
	const char *fixed, bool first_parent, struct error *err)
{
	return load_range(ret, repository, old, fixed, first_parent, true, err);
}

void history_release(struct history *history)
{
	graph_release(&history->graph);
	free(history->hex);
	free(history->tree);
	free(history->good);
	free(history->in_range);
	strv_release(&history->notes);
	*history = (struct history){ 0 };
}

uint32_t history_find(const struct history *history, const char *hex)
{
	for (uint32_t v = 0; v < history->graph.n; v++) {
		if (strcmp(history->hex[v], hex) == 0)
			return v;
	}
	return UINT32_MAX;
}

int history_steps_back(char (*ret)[GIT_HEX + 1], size_t *ret_n, size_t max,
	struct repository *repository, const char *bad, struct error *err)
{
	struct load load = { .repository = repository };
	uint32_t number, distance = 0, next = 1;
	size_t n = 0;
	int result = walk_open(&load.walk, repository->handle, repository->git_dir, err);

	if (result < 0)
		return result;
	if ((result = find_commit(&number, &load, bad, err)) < 0)
		goto out;
	while (load.walk.commits[number].n_parents) {
		git_oid parent =
			load.walk.commits[load.walk.parents[load.walk.commits[number].first]].oid;

		if ((result = walk_read(&number, &load.walk, &parent, err)) < 0)
			goto out;
		distance++;
		/* The last place is the root's. */
		if (distance == next && n + 1 < max)
			hex_of(ret[n++], &load, number);
		if (distance == next)
			next = next > UINT32_MAX / 4 ? UINT32_MAX : next * 4;
	}
	if (distance && max) {
		char root[GIT_HEX + 1];

		hex_of(root, &load, number);
		if (!n || strcmp(ret[n - 1], root) != 0)
			memcpy(ret[n++], root, sizeof(root));
	}
	*ret_n = n;
out:
	walk_release(&load.walk);
	return result;
}
