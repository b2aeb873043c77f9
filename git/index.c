#include "git/index.h"

#include <fcntl.h>
#include <git2.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "git/repository.h"

#define LINK_MAX_BYTES 65536

struct tree_index {
	const char *path, *work_tree;
	git_index *handle;
	struct timespec written;	/* the index file itself */
};

struct tree_index *tree_index_open(const char *path, const char *work_tree)
{
	struct tree_index *index;
	git_index *handle = NULL;
	struct stat st;

	if (lstat(path, &st) < 0 || !S_ISREG(st.st_mode) || git_index_open(&handle, path) < 0)
		return NULL;
	index = mem_alloc(sizeof(*index));
	index->path = path;
	index->work_tree = work_tree;
	index->handle = handle;
	index->written = st.st_mtim;
	return index;
}

void tree_index_free(struct tree_index *index)
{
	if (!index)
		return;
	git_index_free(index->handle);
	free(index);
}

bool tree_index_id(
	char ret_hex[GIT_HEX + 1], struct tree_index *index, struct repository *repository)
{
	git_oid oid;

	if (git_index_write_tree_to(&oid, index->handle, repository->handle) < 0)
		return false;
	git_oid_tostr(ret_hex, GIT_HEX + 1, &oid);
	return true;
}

/* As git itself does it: in whole seconds. */
static bool is_racy(const struct tree_index *index, const git_index_entry *entry)
{
	return entry->mtime.seconds >= (int32_t)index->written.tv_sec;
}

size_t tree_index_racy(const struct tree_index *index)
{
	size_t n = git_index_entrycount(index->handle), racy = 0;

	for (size_t i = 0; i < n; i++)
		racy += is_racy(index, git_index_get_byindex(index->handle, i));
	return racy;
}

/* --- The walk over the files. --- */

/* The directory of the entry that was looked at last: the next one is mostly in the same. */
struct place {
	int root_fd, fd;
	struct str directory;
};

/* A directory below the root that no symbolic link leads to; -1. */
static int open_below(int root_fd, const char *directory)
{
	struct open_how how = {
		.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH,
	};

	return (int)syscall(SYS_openat2, root_fd, directory, &how, sizeof(how));
}

/* lstat of `path` below the root; false: it is not there, or behind a symbolic link. */
static bool look_at(struct stat *ret, struct place *place, const char *path)
{
	const char *slash = strrchr(path, '/');
	size_t len = slash ? (size_t)(slash - path) : 0;

	if (len != place->directory.len || memcmp(path, place->directory.buf, len) != 0) {
		if (place->fd != place->root_fd)
			file_close(&place->fd);
		str_clear(&place->directory);
		str_add_bytes(&place->directory, path, len);
		place->fd = len ? open_below(place->root_fd, place->directory.buf) : place->root_fd;
	}
	return place->fd >= 0 &&
	       fstatat(place->fd, slash ? slash + 1 : path, ret, AT_SYMLINK_NOFOLLOW) == 0;
}

static bool is_of_mode(const struct stat *st, uint32_t mode)
{
	if (mode == GIT_FILEMODE_LINK)
		return S_ISLNK(st->st_mode);
	return S_ISREG(st->st_mode) &&
	       (mode == GIT_FILEMODE_BLOB_EXECUTABLE) == !!(st->st_mode & 0100);
}

static bool same_time(const git_index_time *time, const struct timespec *other)
{
	return time->seconds == (int32_t)other->tv_sec &&
	       time->nanoseconds == (uint32_t)other->tv_nsec;
}

static bool is_untouched(const struct stat *st, const git_index_entry *entry)
{
	return same_time(&entry->mtime, &st->st_mtim) && same_time(&entry->ctime, &st->st_ctim) &&
	       entry->file_size == (uint32_t)st->st_size && entry->ino == (uint32_t)st->st_ino &&
	       entry->uid == st->st_uid && entry->gid == st->st_gid && is_of_mode(st, entry->mode);
}

/* What git sees whatever its settings and however it was built. */
static bool is_plainly_other(const struct stat *st, const git_index_entry *entry)
{
	return entry->mtime.seconds != (int32_t)st->st_mtim.tv_sec ||
	       entry->file_size != (uint32_t)st->st_size;
}

/*
 * A change of the file after `seen`, a moment of the clock that files are dated by, has another
 * time than the file has now.  A file system whose clock has only whole seconds says nothing.
 */
static bool is_older(const struct stat *st, const struct timespec *seen)
{
	const struct timespec *changed = &st->st_ctim;

	return changed->tv_nsec != 0 &&
	       (changed->tv_sec < seen->tv_sec ||
		       (changed->tv_sec == seen->tv_sec && changed->tv_nsec < seen->tv_nsec));
}

/* The file is the very bytes of its blob: so no filter matters. */
static bool is_blob(const struct tree_index *index, const git_index_entry *entry)
{
	char *path = mem_printf("%s/%s", index->work_tree, entry->path);
	bool is = false;
	git_oid oid;

	if (entry->mode == GIT_FILEMODE_LINK) {
		char *target = mem_alloc(LINK_MAX_BYTES);
		ssize_t len = readlink(path, target, LINK_MAX_BYTES);

		is = len >= 0 && len < LINK_MAX_BYTES &&
		     git_odb_hash(&oid, target, (size_t)len, GIT_OBJECT_BLOB) == 0;
		free(target);
	} else {
		is = git_odb_hashfile(&oid, path, GIT_OBJECT_BLOB) == 0;
	}
	is = is && git_oid_equal(&oid, &entry->id);
	free(path);
	return is;
}

/*
 * True if every file is what its entry says; `racy_only`: if git would see at a glance of every
 * racy one whether it is.
 */
static bool compare(const struct tree_index *index, const struct timespec *seen, bool racy_only)
{
	struct place place = { .directory = STR_INIT };
	size_t n = git_index_entrycount(index->handle);
	bool same = true;

	place.root_fd = open(index->work_tree, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	place.fd = place.root_fd;
	for (size_t i = 0; i < n && same; i++) {
		const git_index_entry *entry = git_index_get_byindex(index->handle, i);
		struct stat st;

		if (entry->mode == GIT_FILEMODE_COMMIT || (racy_only && !is_racy(index, entry)))
			continue;
		if (entry->flags & GIT_INDEX_ENTRY_VALID || entry->flags_extended ||
			GIT_INDEX_ENTRY_STAGE(entry))
			same = false;
		else if (!look_at(&st, &place, entry->path))
			same = racy_only;
		else if (is_untouched(&st, entry))
			same = is_older(&st, seen) || is_blob(index, entry);
		else
			same = racy_only && is_plainly_other(&st, entry);
	}
	if (place.fd != place.root_fd)
		file_close(&place.fd);
	file_close(&place.root_fd);
	str_release(&place.directory);
	return same;
}

bool tree_index_is_clean(struct timespec *ret_seen, const struct tree_index *index)
{
	struct timespec now, begun;

	/*
	 * An index out of the future, be it by tree_index_settle(), says nothing of when its files
	 * were looked at.
	 */
	if (clock_gettime(CLOCK_REALTIME, &now) < 0 || index->written.tv_sec > now.tv_sec ||
		(index->written.tv_sec == now.tv_sec && index->written.tv_nsec > now.tv_nsec))
		return false;
	/* The clock that files are dated by, before the first look at one. */
	if (clock_gettime(CLOCK_REALTIME_COARSE, &begun) < 0 ||
		!compare(index, &index->written, false))
		return false;
	*ret_seen = begun;
	return true;
}

void tree_index_settle(const struct tree_index *index, const struct timespec *seen)
{
	struct timespec times[2];

	if (!compare(index, seen, true) || clock_gettime(CLOCK_REALTIME, &times[0]) < 0)
		return;
	times[0].tv_sec++;
	times[1] = times[0];
	/* Only for speed: git reads the files if this fails. */
	utimensat(AT_FDCWD, index->path, times, AT_SYMLINK_NOFOLLOW);
}
