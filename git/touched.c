#include "git/touched.h"

#include <git2.h>

#include "base/mem.h"
#include "git/command.h"
#include "git/repository.h"

#define SHARE 0.5
#define RAISE_MAX 50

/* --- Names to paths --- */

struct name {
	const char *text;
	size_t best;		/* bytes of the longest common end so far */
	struct strv paths;	/* with that */
};

struct resolve {
	struct name *names;
	size_t n;
	struct str path;	/* scratch */
};

static const char *base_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Is one of them the whole end of the other, in whole components? */
static size_t common_end(const char *a, const char *b)
{
	size_t a_len = strlen(a), b_len = strlen(b), len = a_len < b_len ? a_len : b_len;
	const char *rest = a_len < b_len ? b : a;
	size_t rest_len = a_len < b_len ? b_len : a_len;

	if (memcmp(a + a_len - len, b + b_len - len, len) != 0)
		return 0;
	return rest_len == len || rest[rest_len - len - 1] == '/' ? len : 0;
}

static int on_entry(const char *root, const git_tree_entry *entry, void *arg)
{
	struct resolve *resolve = arg;
	const char *base = git_tree_entry_name(entry);

	if (git_tree_entry_type(entry) != GIT_OBJECT_BLOB)
		return 0;
	for (size_t i = 0; i < resolve->n; i++) {
		struct name *name = &resolve->names[i];
		size_t len;

		if (strcmp(base_of(name->text), base) != 0)
			continue;
		len = common_end(name->text, str_setf(&resolve->path, "%s%s", root, base));
		if (len < name->best || !len)
			continue;
		if (len > name->best)
			strv_release(&name->paths);
		name->best = len;
		if (name->paths.n <= TOUCHED_SAME_NAME_MAX)
			strv_push(&name->paths, resolve->path.buf);
	}
	return 0;
}

int touched_resolve(struct strv *ret_paths, struct repository *repository, const char *hex, const struct strv *names,
	struct error *err)
{
	struct resolve resolve = { .n = names->n < TOUCHED_NAMES_MAX ? names->n : TOUCHED_NAMES_MAX, .path = STR_INIT };
	git_commit *commit = NULL;
	git_tree *tree = NULL;
	int r;

	r = repository_commit(&commit, repository, hex, err);
	if (r < 0)
		return r;
	resolve.names = mem_array(resolve.n, sizeof(*resolve.names));
	for (size_t i = 0; i < resolve.n; i++)
		resolve.names[i].text = names->v[i];
	if (resolve.n && (git_commit_tree(&tree, commit) < 0 || git_tree_walk(tree, GIT_TREEWALK_PRE, on_entry, &resolve) < 0))
		r = error_set(err, ERR_CORRUPT, "cannot read the files of commit %s: %s", hex, git_library_words());
	for (size_t i = 0; i < resolve.n; i++) {
		if (r >= 0 && resolve.names[i].paths.n <= TOUCHED_SAME_NAME_MAX)
			strv_push_all(ret_paths, strv_argv(&resolve.names[i].paths));
		strv_release(&resolve.names[i].paths);
	}
	strv_sort_unique(ret_paths);
	free(resolve.names);
	str_release(&resolve.path);
	git_tree_free(tree);
	git_commit_free(commit);
	return r;
}

/* --- What stands at a path --- */

/* The entry of one directory, as the tree read last had it: from commit to commit most trees below the root stay. */
struct step {
	git_oid tree, entry;
	bool known, is_tree, exists;
};

struct path {
	struct strv parts;
	struct step *steps;	/* one a part */
};

struct touch {
	struct repository *repository;
	struct path *paths;
	size_t n;
};

static int step_take(struct step *step, struct repository *repository, const git_oid *tree_id, const char *part)
{
	const git_tree_entry *entry;
	git_tree *tree;

	if (step->known && git_oid_equal(&step->tree, tree_id))
		return 0;
	step->known = false;
	if (git_tree_lookup(&tree, repository->handle, tree_id) < 0)
		return -1;
	entry = git_tree_entry_byname(tree, part);
	git_oid_cpy(&step->tree, tree_id);
	step->exists = entry != NULL;
	step->is_tree = entry && git_tree_entry_type(entry) == GIT_OBJECT_TREE;
	if (entry)
		git_oid_cpy(&step->entry, git_tree_entry_id(entry));
	step->known = true;
	git_tree_free(tree);
	return 0;
}

/* The id of what stands at the path below this root tree; zeros: nothing. */
static int find_entry(git_oid *ret, struct touch *touch, struct path *path, const git_oid *root)
{
	git_oid id = *root;

	for (size_t i = 0; i < path->parts.n; i++) {
		struct step *step = &path->steps[i];

		if (step_take(step, touch->repository, &id, path->parts.v[i]) < 0)
			return -1;
		if (!step->exists || (i + 1 < path->parts.n && !step->is_tree)) {
			memset(ret, 0, sizeof(*ret));
			return 0;
		}
		id = step->entry;
	}
	*ret = id;
	return 0;
}

static void paths_make(struct touch *touch, const struct strv *paths)
{
	touch->n = paths->n;
	touch->paths = mem_array(touch->n, sizeof(*touch->paths));
	for (size_t i = 0; i < touch->n; i++) {
		const char *text = paths->v[i];

		while (*text) {
			size_t len = strcspn(text, "/");

			strv_pushf(&touch->paths[i].parts, "%.*s", (int)len, text);
			text += len + (text[len] == '/');
		}
		touch->paths[i].steps = mem_array(touch->paths[i].parts.n, sizeof(struct step));
	}
}

static void paths_free(struct touch *touch)
{
	for (size_t i = 0; i < touch->n; i++) {
		strv_release(&touch->paths[i].parts);
		free(touch->paths[i].steps);
	}
	free(touch->paths);
}

/* Is it another thing than at each parent?  `entries` are of one path. */
static bool differs(const struct graph *graph, uint32_t v, const git_oid *entries)
{
	static const git_oid nothing = { { 0 } };

	if (graph->first[v] == graph->first[v + 1])
		return !git_oid_equal(&entries[v], &nothing);
	for (uint32_t e = graph->first[v]; e < graph->first[v + 1]; e++) {
		if (git_oid_equal(&entries[v], &entries[graph->parent[e]]))
			return false;
	}
	return true;
}

int touched_load(bool **ret, struct repository *repository, const struct history *history, const struct strv *paths,
	struct error *err)
{
	uint32_t n = history->graph.n;
	struct touch touch = { .repository = repository };
	bool *touched = mem_array(n, sizeof(*touched));
	git_oid *entries = mem_array(n, sizeof(*entries));
	int r = 0;

	paths_make(&touch, paths);
	for (size_t i = 0; i < touch.n && r >= 0; i++) {
		for (uint32_t v = 0; v < n && r >= 0; v++) {
			git_oid root;

			if (git_oid_fromstr(&root, history->tree[v]) < 0 ||
				find_entry(&entries[v], &touch, &touch.paths[i], &root) < 0)
				r = error_set(err, ERR_CORRUPT, "cannot read the files of commit %s: %s", history->hex[v],
					git_library_words());
		}
		for (uint32_t v = 0; v < n && r >= 0; v++)
			touched[v] |= history->in_range[v] && differs(&history->graph, v, entries);
	}
	paths_free(&touch);
	free(entries);
	if (r < 0)
		free(touched);
	else
		*ret = touched;
	return r;
}

double *touched_prior(const struct history *history, const bool *touched)
{
	uint32_t n = history->graph.n;
	size_t n_touched = 0;
	double raise, *prior;

	for (uint32_t v = 0; v < n; v++)
		n_touched += history->in_range[v] && touched[v];
	if (!n_touched || n_touched == history->n_range)
		return NULL;
	raise = SHARE / (1 - SHARE) * (double)(history->n_range - n_touched) / (double)n_touched;
	if (raise <= 1)
		return NULL;
	if (raise > RAISE_MAX)
		raise = RAISE_MAX;
	prior = mem_array(n, sizeof(*prior));
	for (uint32_t v = 0; v < n; v++)
		prior[v] = touched[v] ? raise : 1;
	return prior;
}
