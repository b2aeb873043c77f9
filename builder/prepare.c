#include "builder/prepare.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "git/history.h"
#include "git/mirror.h"

enum {
	SETS_MAX = 6,			/* sets of warm trees that are kept however old they are */
	SET_IDLE_S = 3600,		/* a set used since then is not removed */
	PATH_TEXT_MAX = 8192,
};

/* --- Sets of trees that nobody used for long go --- */

struct set { char *name; time_t used; };

static int by_age(const void *a, const void *b)
{
	time_t x = ((const struct set *)a)->used, y = ((const struct set *)b)->used;

	return x < y ? 1 : x > y ? -1 : 0;
}

static void remove_set(const char *trees_dir, const char *name)
{
	struct str path = STR_INIT, git_dir = STR_INIT;

	str_setf(&path, "%s/%s/repository", trees_dir, name);
	if (file_read(&git_dir, path.buf, PATH_TEXT_MAX, NULL) == 0) {
		str_setf(&path, "%s/%s", trees_dir, name);
		/* Whatever is wrong with the mirror: the directory goes. */
		worktree_remove_all(git_dir.buf, path.buf, NULL);
	}
	str_setf(&path, "%s/%s", trees_dir, name);
	dir_remove(path.buf, NULL);
	str_release(&git_dir);
	str_release(&path);
}

static void remove_old_sets(const char *trees_dir)
{
	struct set *sets = NULL;
	size_t n = 0, cap = 0;
	struct dirent *entry;
	DIR *dir = opendir(trees_dir);

	while (dir && (entry = readdir(dir))) {
		struct stat st;

		if (entry->d_name[0] == '.' || fstatat(dirfd(dir), entry->d_name, &st, 0) < 0 ||
		    !S_ISDIR(st.st_mode))
			continue;
		MEM_GROW(sets, n + 1, cap);
		sets[n].name = mem_strdup(entry->d_name);
		sets[n++].used = st.st_mtime;
	}
	if (dir)
		closedir(dir);
	if (n)
		qsort(sets, n, sizeof(*sets), by_age);
	for (size_t i = 0; i < n; i++) {
		if (i >= SETS_MAX && sets[i].used + SET_IDLE_S < time(NULL))
			remove_set(trees_dir, sets[i].name);
		free(sets[i].name);
	}
	free(sets);
}

/* --- One tree --- */

/*
 * What is built: the commit, or it with the culprit reverted; its tree must be the one that was
 * asked for.
 */
static int find_target(struct prepare *prepare, const char *mirror, struct error *err)
{
	struct repository *repository = NULL;
	struct commit_info info;
	int rc = repository_open(&repository, mirror, err);

	if (rc < 0)
		return rc;
	if (prepare->revert) {
		rc = repository_make_revert(prepare->target, repository, prepare->commit, prepare->revert, err);
		if (rc == -ERR_INVALID)
			prepare->broken = true;
	} else {
		rc = repository_resolve(prepare->target, repository, prepare->commit, err);
	}
	if (rc < 0)
		goto out;
	rc = commit_info_read(&info, repository, prepare->target, err);
	if (rc < 0)
		goto out;
	if (prepare->tree && strcmp(prepare->tree, info.tree))
		rc = error_set(err, ERR_CORRUPT, "commit %s has the tree %s here, and %s was asked for",
			prepare->target, info.tree, prepare->tree);
	commit_info_release(&info);
out:
	repository_free(repository);
	return rc;
}

static void marker(struct str *ret, const struct prepare *prepare)
{
	const char *path = worktree_path(prepare->worktree), *slash = strrchr(path, '/');

	str_setf(ret, "%.*s/built-%s", (int)(slash - path), path, slash + 1);
}

static int take_tree(struct prepare *prepare, const char *mirror, struct error *err)
{
	const struct builder *builder = prepare->builder;
	struct str dir = STR_INIT, path = STR_INIT;
	int rc;

	str_setf(&dir, "%s/%s", builder->trees_dir, prepare->set);
	rc = dir_make(dir.buf, 0700, err);
	if (rc == 0) {
		str_setf(&path, "%s/repository", dir.buf);
		rc = file_write_atomic(path.buf, mirror, strlen(mirror), 0600, err);
	}
	/* Some more than slots: a killed agent's last processes may hold theirs for a moment. */
	if (rc == 0)
		rc = worktree_take(&prepare->worktree, mirror, dir.buf, agent_slots(builder->agent) + 4, err);
	if (rc == 0) {
		marker(&path, prepare);
		prepare->built_in_before = access(path.buf, F_OK) == 0;
		rc = worktree_checkout(prepare->worktree, prepare->target, WORKTREE_KEEP, err);
	}
	str_release(&path);
	str_release(&dir);
	return rc;
}

int prepare_tree(struct prepare *prepare, struct error *err)
{
	const struct builder *builder = prepare->builder;
	struct str mirror = STR_INIT;
	int rc;

	rc = mirror_update(&mirror, builder->mirrors_dir, prepare->url, prepare->commit,
		builder->values->local_repositories, prepare->timeout_ms, err);
	/* A commit that is not there says nothing of it: the daemon has seen it, a lagging copy has
	 * not yet. */
	if (rc == 0 && prepare->revert) {
		str_clear(&mirror);
		rc = mirror_update(&mirror, builder->mirrors_dir, prepare->url, prepare->revert,
			builder->values->local_repositories, prepare->timeout_ms, err);
	}
	if (rc == 0)
		rc = find_target(prepare, mirror.buf, err);
	if (rc == 0) {
		remove_old_sets(builder->trees_dir);
		rc = take_tree(prepare, mirror.buf, err);
	}
	str_release(&mirror);
	return rc;
}

int prepare_clean(struct prepare *prepare, struct error *err)
{
	return worktree_checkout(prepare->worktree, prepare->target, WORKTREE_CLEAN, err);
}

void prepare_mark_built(const struct prepare *prepare)
{
	struct str path = STR_INIT;
	int fd;

	marker(&path, prepare);
	fd = open(path.buf, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd >= 0)
		close(fd);
	str_release(&path);
}
