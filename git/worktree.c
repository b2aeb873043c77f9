#include "git/worktree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "git/command.h"
#include "git/index.h"
#include "git/repository.h"

#define CHECKOUT_MS                                                                                \
	(60 * 60 * 1000) /* a large tree on a slow disk, or a filter that asks a server: long, but \
			    not for ever */
#define SMALL_FILE 8192
#define ID_HEX 16
#define NUMBER_MAX 1000000
#define COMPARED_MAX 32 /* files compared byte by byte before the whole tree is made anew instead  \
			 */
#define RACY_FEW 200 /* files that git may just as well read once more */

/*
 * A tree is registered as git itself does it (gitrepository-layout(5)), but by our own hand: the
 * name of the registration follows from the tree's path, so that it can be found and repaired
 * whatever is left of it, and nothing else of the repository is read, written or pruned.
 */
struct worktree {
	struct repository *repository;
	char *git_dir;		/* the common one */
	char *path;		/* DIR/<number> */
	char *admin;		/* GIT_DIR/worktrees/<id> */
	char *busy;		/* ADMIN/bisectd-busy: there while a checkout is under way */
	char *index;		/* ADMIN/index */
	int lock_fd;
	/* The last checkout, if it was verified without a git at the moment `seen`; else "". */
	char at[GIT_HEX + 1];
	struct timespec seen;
	size_t n_racy;
	bool is_changed;	/* by what runs in it: its tracked files do not stay as they are */
};

static char *real_path(const char *path, struct error *err)
{
	char *real = realpath(path, NULL);

	if (!real) {
		error_errno(err, errno, "%s", path);
	} else if (strchr(real, '\n')) {
		error_set(
			err, ERR_INVALID, "git keeps no work tree below a path with a line break");
		free(real);
		real = NULL;
	}
	return real;
}

static void free_tree(struct worktree *worktree)
{
	repository_free(worktree->repository);
	free(worktree->git_dir);
	free(worktree->path);
	free(worktree->admin);
	free(worktree->busy);
	free(worktree->index);
	file_close(&worktree->lock_fd);
	free(worktree);
}

/* `dir` and git_dir are real paths. */
static char *admin_of(const char *git_dir, const char *path)
{
	char hex[HASH_HEX_LEN + 1];

	hash_bytes(path, strlen(path), hex);
	return mem_printf("%s/worktrees/bisectd-%.*s", git_dir, ID_HEX, hex);
}

int worktree_take(struct worktree **ret, const char *git_dir, const char *dir, unsigned max,
	struct error *err)
{
	struct worktree *worktree = mem_alloc(sizeof(*worktree));
	struct str lock = STR_INIT;
	char *real = NULL;
	unsigned number;
	int result;

	worktree->lock_fd = -1;
	if ((result = repository_open(&worktree->repository, git_dir, err)) < 0 ||
		(result = dir_make(dir, 0755, err)) < 0)
		goto out;
	result = -ERR_IO;
	if (!(worktree->git_dir = real_path(repository_git_dir(worktree->repository), err)) ||
		!(real = real_path(dir, err)))
		goto out;
	for (number = 0; number < max; number++) {
		struct error held = ERROR_INIT;

		result = file_lock(
			&worktree->lock_fd, str_setf(&lock, "%s/%u.lock", real, number), 0, &held);
		if (result == 0)
			break;
		if (result != -ERR_UNAVAILABLE) {
			error_set(err, held.code, "%s", held.text);
			goto out;
		}
	}
	if (number == max) {
		result = error_set(
			err, ERR_UNAVAILABLE, "all %u work trees in %s are taken", max, dir);
		goto out;
	}
	worktree->path = mem_printf("%s/%u", real, number);
	worktree->admin = admin_of(worktree->git_dir, worktree->path);
	worktree->busy = mem_printf("%s/bisectd-busy", worktree->admin);
	worktree->index = mem_printf("%s/index", worktree->admin);
	*ret = worktree;
	worktree = NULL;
	result = 0;
out:
	if (worktree)
		free_tree(worktree);
	free(real);
	str_release(&lock);
	return result;
}

const char *worktree_path(const struct worktree *worktree)
{
	return worktree->path;
}

int worktree_lock_fd(const struct worktree *worktree)
{
	return worktree->lock_fd;
}

void worktree_give_back(struct worktree *worktree)
{
	if (worktree)
		free_tree(worktree);
}

/* --- The registration. --- */

/* The file PLACE/name holds exactly this line. */
static bool holds_line(const char *place, const char *name, const char *line)
{
	struct str path = STR_INIT, text = STR_INIT;
	struct stat st;
	bool holds;

	str_addf(&path, "%s/%s", place, name);
	holds = lstat(path.buf, &st) == 0 && S_ISREG(st.st_mode) &&
		file_read(&text, path.buf, SMALL_FILE, NULL) == 0 && text.len == strlen(line) + 1 &&
		text.buf[text.len - 1] == '\n' && str_has_prefix(text.buf, line);
	str_release(&path);
	str_release(&text);
	return holds;
}

/* Not through fsync: what a crash loses here is repaired, and a checkout must be quick. */
static int write_line(const char *place, const char *name, const char *line, struct error *err)
{
	struct str path = STR_INIT, fresh = STR_INIT;
	int result = 0;
	int fd;

	str_addf(&path, "%s/%s", place, name);
	str_addf(&fresh, "%s/%s.bisectd", place, name);
	fd = open(fresh.buf, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0 || dprintf(fd, "%s\n", line) < 0 || rename(fresh.buf, path.buf) < 0)
		result = error_errno(err, errno, "cannot write %s", path.buf);
	file_close(&fd);
	str_release(&path);
	str_release(&fresh);
	return result;
}

/* PATH/.git, which may be anything that a build put in its place. */
static int repair_link(const struct worktree *worktree, struct error *err)
{
	char *line = mem_printf("gitdir: %s", worktree->admin);
	char *path = mem_printf("%s/.git", worktree->path);
	int result = 0;

	if (!holds_line(worktree->path, ".git", line)) {
		result = dir_remove(path, err);
		if (result == 0)
			result = write_line(worktree->path, ".git", line, err);
	}
	free(line);
	free(path);
	return result;
}

static bool is_registered(const struct worktree *worktree)
{
	char *link = mem_printf("%s/.git", worktree->path);
	struct stat st;
	bool is = lstat(worktree->path, &st) == 0 && S_ISDIR(st.st_mode) &&
		  access(worktree->index, R_OK) == 0 && holds_line(worktree->admin, "gitdir", link) &&
		  holds_line(worktree->admin, "commondir", "../..");

	free(link);
	return is;
}

/*
 * An empty tree and its registration, the latter put in place whole: git prunes one that it finds
 * half made.
 */
static int register_tree(const struct worktree *worktree, const char *hex, struct error *err)
{
	char *fresh = mem_printf("%s/%s.new", worktree->git_dir, strrchr(worktree->admin, '/') + 1);
	char *parent = mem_printf("%s/worktrees", worktree->git_dir);
	char *link = mem_printf("%s/.git", worktree->path);
	int result;

	if ((result = dir_remove(worktree->path, err)) < 0 ||
		(result = dir_make(worktree->path, 0755, err)) < 0 ||
		(result = repair_link(worktree, err)) < 0 ||
		(result = dir_remove(worktree->admin, err)) < 0 ||
		(result = dir_remove(fresh, err)) < 0 ||
		(result = dir_make(fresh, 0755, err)) < 0 ||
		(result = write_line(fresh, "gitdir", link, err)) < 0 ||
		(result = write_line(fresh, "commondir", "../..", err)) < 0 ||
		(result = write_line(fresh, "HEAD", hex, err)) < 0 ||
		(result = dir_make(parent, 0755, err)) < 0)
		goto out;
	if (rename(fresh, worktree->admin) < 0)
		result = error_errno(
			err, errno, "cannot register the work tree at %s", worktree->admin);
out:
	if (result < 0)
		dir_remove(fresh, NULL);
	free(fresh);
	free(parent);
	free(link);
	return result;
}

/* --- Checkout. --- */

static int run_git(const struct worktree *worktree, int *ret_status, struct str *ret_out,
	const char *const *argv, struct error *err)
{
	/*
	 * git must not go looking for a repository: in a tree that lost its .git file it would find
	 * the user's own.
	 */
	struct git_call call = { .argv = argv,
		.git_dir = worktree->admin,
		.work_tree = worktree->path,
		.keep_fd = worktree->lock_fd,
		.timeout_ms = CHECKOUT_MS };

	return git_call(ret_status, ret_out, NULL, &call, err);
}

/* True if the file is, byte for byte, what a checkout of this commit writes. */
static bool is_as_checked_out(const struct worktree *worktree, const char *hex, const char *name)
{
	char *object = mem_printf("%s:%s", hex, name),
	     *path = mem_printf("%s/%s", worktree->path, name);
	const char *argv[] = { "cat-file", "--filters", object, NULL };
	struct str want = STR_INIT, have = STR_INIT;
	struct stat st;
	bool is = false;

	if (lstat(path, &st) == 0 && S_ISREG(st.st_mode) &&
		run_git(worktree, NULL, &want, argv, NULL) == 0 && (size_t)st.st_size == want.len &&
		file_read(&have, path, want.len, NULL) == 0)
		is = have.len == want.len && memcmp(have.buf, want.buf, have.len) == 0;
	free(object);
	free(path);
	str_release(&want);
	str_release(&have);
	return is;
}

/*
 * Whether every file that git calls modified is nevertheless as a checkout writes it.  That happens
 * for ever where a commit holds text that its own .gitattributes would normalise.  Of a great many
 * files in a tree made this moment only some are looked at: there is no better tree to be had.
 */
static int check_modified(
	const struct worktree *worktree, const char *hex, bool fresh, struct error *err)
{
	const char *argv[] = { "diff-files", "--name-only", "-z", "--ignore-submodules=all", NULL };
	struct str names = STR_INIT, shown = STR_INIT;
	unsigned n = 0;
	int result = run_git(worktree, NULL, &names, argv, err);

	if (result < 0)
		goto out;
	for (const char *name = names.buf; name < names.buf + names.len; name += strlen(name) + 1) {
		if (++n > COMPARED_MAX ? fresh : is_as_checked_out(worktree, hex, name))
			continue;
		str_add_printable(&shown, name, strlen(name), 200);
		result = error_set(err, ERR_CORRUPT,
			"file %s in %s differs from commit %.12s after its checkout", shown.buf,
			worktree->path, hex);
		break;
	}
out:
	str_release(&names);
	str_release(&shown);
	return result;
}

/* The tree id of the index; index NULL: of a kind that only git reads. */
static int index_id(char ret_hex[GIT_HEX + 1], const struct worktree *worktree,
	struct tree_index *index, struct error *err)
{
	const char *argv[] = { "write-tree", NULL };
	struct str out = STR_INIT;
	int result;

	if (index && tree_index_id(ret_hex, index, worktree->repository))
		return 0;
	if ((result = run_git(worktree, NULL, &out, argv, err)) < 0)
		goto out;
	str_trim_right(&out);
	if (hash_is_hex(out.buf, GIT_HEX))
		memcpy(ret_hex, out.buf, GIT_HEX + 1);
	else
		result = error_set(
			err, ERR_CORRUPT, "git write-tree gives no id in %s", worktree->path);
out:
	str_release(&out);
	return result;
}

/* Without a git: true if the tree is the commit's, false if that is not known. */
static bool is_clean(struct worktree *worktree, struct tree_index *index, const char *hex,
	const char *have, const char *tree)
{
	if (!index || strcmp(have, tree) != 0 || !tree_index_is_clean(&worktree->seen, index))
		return false;
	worktree->n_racy = tree_index_racy(index);
	memcpy(worktree->at, hex, GIT_HEX);
	return true;
}

/* The promise of worktree_checkout. */
static int verify(struct worktree *worktree, const char *hex, const char *tree, bool fresh,
	struct error *err)
{
	const char *diff_files[] = { "diff-files", "--quiet", "--ignore-submodules=all", NULL };
	struct tree_index *index = tree_index_open(worktree->index, worktree->path);
	char have[GIT_HEX + 1];
	int status = 0;
	int result = index_id(have, worktree, index, err);

	if (result < 0 || is_clean(worktree, index, hex, have, tree))
		goto out;
	if (strcmp(have, tree) != 0) {
		result = error_set(err, ERR_CORRUPT,
			"work tree %s holds tree %s, commit %.12s is tree %s", worktree->path, have,
			hex, tree);
		goto out;
	}
	result = run_git(worktree, &status, NULL, diff_files, err);
	if (result == 0 && status != 0)
		result = check_modified(worktree, hex, fresh, err);
out:
	tree_index_free(index);
	return result;
}

/* Right after a great tree was made git would read all of its files at the next checkout. */
static void settle(struct worktree *worktree)
{
	struct tree_index *index = NULL;

	if (worktree->at[0] && worktree->n_racy > RACY_FEW)
		index = tree_index_open(worktree->index, worktree->path);
	if (index)
		tree_index_settle(index, &worktree->seen);
	tree_index_free(index);
}

/*
 * From the commit that is there to another: git looks only at the files in which they differ, and
 * does nothing where it would lose a change.  Whether the others are still as they were says the
 * look at all of them afterwards.  False: not known what is there now.
 */
static bool move_on(struct worktree *worktree, const char *from, const char *hex, const char *tree)
{
	const char *read_tree[] = { "read-tree", "-m", "-u", from, hex, NULL };
	struct tree_index *index = NULL;
	char have[GIT_HEX + 1];
	int status;
	bool clean;

	if (!from[0] || worktree->is_changed)
		return false;
	if (run_git(worktree, &status, NULL, read_tree, NULL) == 0 && status == 0)
		index = tree_index_open(worktree->index, worktree->path);
	clean = index && tree_index_id(have, index, worktree->repository) &&
		is_clean(worktree, index, hex, have, tree);
	tree_index_free(index);
	worktree->is_changed = !clean;
	return clean;
}

/* Locks whose owner is dead: we hold the tree, and every git of ours holds it with us. */
static void remove_locks(const struct worktree *worktree)
{
	static const char *const names[] = { "index.lock", "HEAD.lock" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char *path = mem_printf("%s/%s", worktree->admin, names[i]);

		unlink(path);
		free(path);
	}
}

/*
 * One try.  An older try that did not end left files that belong to no index: they go, as in
 * WORKTREE_CLEAN.
 */
static int try_checkout(struct worktree *worktree, const char *hex, const char *tree,
	enum worktree_clean clean, bool fresh, struct error *err)
{
	const char *read_tree[] = { "read-tree", "--reset", "-u", hex, NULL };
	const char *git_clean[] = { "clean", "-ffdxq", NULL };
	bool interrupted = access(worktree->busy, F_OK) == 0, moved;
	char from[GIT_HEX + 1];
	int result;
	int fd;

	remove_locks(worktree);
	settle(worktree);
	memcpy(from, worktree->at, sizeof(from));
	worktree->at[0] = '\0';
	if ((result = repair_link(worktree, err)) < 0)
		return result;
	fd = open(worktree->busy, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0)
		return error_errno(err, errno, "cannot write %s", worktree->busy);
	file_close(&fd);
	if (!holds_line(worktree->admin, "HEAD", hex) &&
		(result = write_line(worktree->admin, "HEAD", hex, err)) < 0)
		return result;
	moved = move_on(worktree, from, hex, tree);
	if (!moved && (result = run_git(worktree, NULL, NULL, read_tree, err)) < 0)
		return result;
	if ((interrupted || clean == WORKTREE_CLEAN) &&
		(result = run_git(worktree, NULL, NULL, git_clean, err)) < 0)
		return result;
	if (!moved && (result = verify(worktree, hex, tree, fresh, err)) < 0)
		return result;
	unlink(worktree->busy);
	return 0;
}

int worktree_checkout(
	struct worktree *worktree, const char *hex, enum worktree_clean clean, struct error *err)
{
	struct commit_info info = { 0 };
	int result = commit_info_read(&info, worktree->repository, hex, err);

	if (result < 0)
		return result;
	/*
	 * What is wrong with a tree is not worth knowing: if it does not work as it is, it is made
	 * anew.
	 */
	if (is_registered(worktree) &&
		try_checkout(worktree, hex, info.tree, clean, false, NULL) == 0)
		goto out;
	if ((result = register_tree(worktree, hex, err)) == 0)
		result = try_checkout(worktree, hex, info.tree, clean, true, err);
out:
	commit_info_release(&info);
	return result;
}

/* --- Removal. --- */

/* The caller holds the tree's lock. */
static int remove_tree(const char *git_dir, const char *path, const char *admin, struct error *err)
{
	struct str name = STR_INIT;
	int result;

	/* The registration first: a tree without one is only files. */
	if ((result = dir_remove(admin, err)) < 0 || (result = dir_remove(path, err)) < 0)
		goto out;
	rmdir(str_setf(&name, "%s/worktrees", git_dir)); /* as git does, if it was the last */
	unlink(str_setf(&name, "%s.lock", path));
out:
	str_release(&name);
	return result;
}

int worktree_remove(struct worktree *worktree, struct error *err)
{
	int result = remove_tree(worktree->git_dir, worktree->path, worktree->admin, err);

	free_tree(worktree);
	return result;
}

/* The N of "N" or "N.lock". */
static bool number_of(const char *name, char number[16])
{
	size_t len = strspn(name, "0123456789");
	long long value;

	if (!len || len > 7 || (name[len] && strcmp(name + len, ".lock") != 0))
		return false;
	memcpy(number, name, len);
	number[len] = '\0';
	return str_to_long(number, 0, NUMBER_MAX, &value);
}

/* Registrations of trees below `dir`, whose directories may be gone. */
static void add_registered(struct strv *numbers, const char *git_dir, const char *dir)
{
	struct str path = STR_INIT, link = STR_INIT;
	struct dirent *entry;
	size_t len = strlen(dir);
	char number[16];
	DIR *list = opendir(str_setf(&path, "%s/worktrees", git_dir));

	while (list && (entry = readdir(list))) {
		if (!str_has_prefix(entry->d_name, "bisectd-"))
			continue;
		str_clear(&link);
		str_setf(&path, "%s/worktrees/%s/gitdir", git_dir, entry->d_name);
		if (file_read(&link, path.buf, SMALL_FILE, NULL) < 0)
			continue;
		str_trim_right(&link);
		if (!str_has_suffix(link.buf, "/.git"))
			continue;
		str_set_len(&link, link.len - strlen("/.git"));
		if (str_has_prefix(link.buf, dir) && link.buf[len] == '/' &&
			number_of(link.buf + len + 1, number))
			strv_push(numbers, number);
	}
	if (list)
		closedir(list);
	str_release(&path);
	str_release(&link);
}

int worktree_remove_all(const char *git_dir, const char *dir, struct error *err)
{
	struct repository *repository = NULL;
	struct strv numbers = STRV_INIT;
	struct str name = STR_INIT;
	char *real_git_dir = NULL, *real = NULL;
	struct dirent *entry;
	char number[16];
	DIR *list = NULL;
	bool made = access(dir, F_OK) < 0 && errno == ENOENT;
	int result;

	/*
	 * Of a directory that somebody removed the registrations are still there; its real path and
	 * locks are wanted.
	 */
	if ((result = repository_open(&repository, git_dir, err)) < 0 ||
		(result = dir_make(dir, 0755, err)) < 0)
		goto out;
	result = -ERR_IO;
	if (!(real_git_dir = real_path(repository_git_dir(repository), err)) ||
		!(real = real_path(dir, err)))
		goto out;
	if (!(list = opendir(real))) {
		result = error_errno(err, errno, "cannot list %s", dir);
		goto out;
	}
	while ((entry = readdir(list))) {
		if (number_of(entry->d_name, number))
			strv_push(&numbers, number);
	}
	add_registered(&numbers, real_git_dir, real);
	strv_sort_unique(&numbers);
	result = 0;
	for (size_t i = 0; i < numbers.n && result == 0; i++) {
		char *path = mem_printf("%s/%s", real, numbers.v[i]),
		     *admin = admin_of(real_git_dir, path);
		int fd = -1;

		if (file_lock(&fd, str_setf(&name, "%s.lock", path), 0, NULL) == 0)
			result = remove_tree(real_git_dir, path, admin, err);
		file_close(&fd);
		free(path);
		free(admin);
	}
out:
	if (list)
		closedir(list);
	if (made)
		rmdir(dir);
	repository_free(repository);
	strv_release(&numbers);
	str_release(&name);
	free(real_git_dir);
	free(real);
	return result;
}
