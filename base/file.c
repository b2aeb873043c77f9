#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/mem.h"

#define PATH_LENGTH_MAX 4096
#define LOCK_POLL_MS 20

/*
 * Below this many levels a tree is removed depth first; what is deeper is first moved up (see
 * dir_remove).
 */
#define REMOVE_LEVELS 64

int file_read(struct str *ret, const char *path, size_t limit, struct error *err)
{
	bool is_stdin = strcmp(path, "-") == 0;
	const char *name = is_stdin ? "standard input" : path;
	size_t start = ret->len;
	int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	int result = 0;

	if (fd < 0)
		return error_errno(err, errno, "cannot open %s", path);
	for (;;) {
		size_t have = ret->len - start;
		size_t want = 65536;
		ssize_t n;

		/* One byte more than allowed tells a file that fits from one that is too long. */
		if (want > limit - have)
			want = limit - have + 1;
		str_reserve(ret, want);
		n = read(fd, ret->buf + ret->len, want);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			result = error_errno(err, errno, "cannot read %s", name);
			break;
		}
		if (n == 0)
			break;
		if ((size_t)n > limit - have) {
			result = error_set(err, ERR_LIMIT,
			        "%s is longer than the %zu bytes allowed", name, limit);
			break;
		}
		ret->len += (size_t)n;
	}
	if (result < 0)
		ret->len = start;
	if (ret->cap)
		ret->buf[ret->len] = '\0';
	if (!is_stdin)
		file_close(&fd);
	return result;
}

int file_write_all(int fd, const void *bytes, size_t len, struct error *err)
{
	const char *p = bytes;

	while (len) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_errno(err, errno, "cannot write");
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

int file_sync_dir(const char *path, struct error *err)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int ret = 0;

	if (fd < 0)
		return error_errno(err, errno, "cannot open directory %s", path);
	if (fsync(fd) < 0)
		ret = error_errno(err, errno, "cannot sync directory %s", path);
	file_close(&fd);
	return ret;
}

/* The directory that `path` lies in, owned by the caller. */
static char *parent_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return mem_strdup(".");
	while (slash > path && slash[-1] == '/')
		slash--;
	return slash == path ? mem_strdup("/") : mem_strndup(path, (size_t)(slash - path));
}

int file_write_atomic(
        const char *path, const void *bytes, size_t len, mode_t mode, struct error *err)
{
	char *parent = parent_of(path);
	char unique[17];
	char *temporary;
	int fd, ret;

	random_hex(unique, 8);
	temporary = mem_printf("%s.%s.tmp", path, unique);
	fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (fd < 0) {
		ret = error_errno(err, errno, "cannot make %s", temporary);
		goto out;
	}
	ret = file_write_all(fd, bytes, len, err);
	if (ret < 0) {
		error_prefix(err, "%s", temporary);
		goto out_unlink;
	}
	if (fsync(fd) < 0) {
		ret = error_errno(err, errno, "cannot sync %s", temporary);
		goto out_unlink;
	}
	if (rename(temporary, path) < 0) {
		ret = error_errno(err, errno, "cannot rename %s to %s", temporary, path);
		goto out_unlink;
	}
	ret = file_sync_dir(parent, err);
	goto out;
out_unlink:
	unlink(temporary);
out:
	file_close(&fd);
	free(temporary);
	free(parent);
	return ret;
}

int dir_make(const char *path, mode_t mode, struct error *err)
{
	char *partial = mem_strdup(path);
	struct stat st;
	char *p = partial;
	int ret = 0;

	while (*p) {
		char *end;
		bool last;
		char kept;

		while (*p == '/')
			p++;
		end = p + strcspn(p, "/");
		last = end[strspn(end, "/")] == '\0';
		kept = *end;
		*end = '\0';
		/* As mkdir -p: a parent that we could not enter would be of no use. */
		if (mkdir(partial, last ? mode : mode | 0300) < 0 && errno != EEXIST) {
			ret = error_errno(err, errno, "cannot make directory %s", partial);
			goto out;
		}
		*end = kept;
		p = end;
		if (last)
			break;
	}
	if (stat(path, &st) < 0)
		ret = error_errno(err, errno, "cannot make directory %s", path);
	else if (!S_ISDIR(st.st_mode))
		ret = error_set(err, ERR_EXISTS, "%s is there and is not a directory", path);
out:
	free(partial);
	return ret;
}

/* One dir_remove under way. */
struct removal {
	const char *path;    /* for messages */
	int top_fd;          /* the tree's own directory; -1 until it is open */
	unsigned long moved; /* directories moved up into it so far */
	struct error *err;
};

static int remove_entry(struct removal *r, int parent_fd, const char *name, int level);

static int removal_failed(struct removal *r, const char *name)
{
	return error_errno(r->err, errno, "cannot remove %s (at \"%s\")", r->path, name);
}

static int open_to_empty(struct removal *r, int parent_fd, const char *name, int *ret_fd)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(parent_fd, name, flags);
	struct stat st;

	if (fd < 0 && errno == EACCES && fchmodat(parent_fd, name, 0700, AT_SYMLINK_NOFOLLOW) == 0)
		fd = openat(parent_fd, name, flags);
	if (fd < 0)
		return removal_failed(r, name);
	if (fstat(fd, &st) < 0 || ((st.st_mode & 0700) != 0700 && fchmod(fd, 0700) < 0)) {
		int ret = removal_failed(r, name);

		file_close(&fd);
		return ret;
	}
	*ret_fd = fd;
	return 0;
}

/*
 * Takes over fd.  Entries may be skipped while others go, so that it looks again until there are
 * none.
 */
static int empty_directory(struct removal *r, int fd, const char *name, int level)
{
	DIR *dir = fdopendir(fd);
	struct dirent *entry;
	bool seen = true;
	int ret = 0;

	if (!dir) {
		ret = removal_failed(r, name);
		file_close(&fd);
		return ret;
	}
	while (seen) {
		seen = false;
		rewinddir(dir);
		while (errno = 0, (entry = readdir(dir))) {
			if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
				continue;
			seen = true;
			ret = remove_entry(r, dirfd(dir), entry->d_name, level + 1);
			if (ret < 0)
				goto out;
		}
		if (errno) {
			ret = removal_failed(r, name);
			goto out;
		}
	}
out:
	closedir(dir);
	return ret;
}

static int move_up(struct removal *r, int parent_fd, const char *name)
{
	/* To get another parent a directory must be writable itself. */
	if (fchmodat(parent_fd, name, 0700, AT_SYMLINK_NOFOLLOW) < 0)
		return removal_failed(r, name);
	for (;;) {
		char *to = mem_printf(".removing-%lu", r->moved++);
		int ret = renameat(parent_fd, name, r->top_fd, to);

		free(to);
		if (ret == 0)
			return 0;
		if (errno != EEXIST && errno != ENOTEMPTY && errno != ENOTDIR)
			return removal_failed(r, name);
	}
}

static int remove_entry(struct removal *r, int parent_fd, const char *name, int level)
{
	bool is_top = r->top_fd < 0;
	int fd = -1;
	int ret;

	if (unlinkat(parent_fd, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR)
		return removal_failed(r, name);
	if (unlinkat(parent_fd, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return 0;
	if (errno != ENOTEMPTY && errno != EEXIST && errno != EACCES)
		return removal_failed(r, name);
	if (level >= REMOVE_LEVELS)
		return move_up(r, parent_fd, name);
	ret = open_to_empty(r, parent_fd, name, &fd);
	if (ret < 0)
		return ret;
	if (is_top)
		r->top_fd = fd;
	ret = empty_directory(r, fd, name, level);
	if (is_top)
		r->top_fd = -1;
	if (ret == 0 && unlinkat(parent_fd, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		ret = removal_failed(r, name);
	return ret;
}

/*
 * A build may leave a tree deeper than there are descriptors or stack.  So recursion stops at
 * REMOVE_LEVELS, and a directory below that is renamed into the top of the tree, where it is met
 * again.
 */
int dir_remove(const char *path, struct error *err)
{
	struct removal r = { .path = path, .top_fd = -1, .err = err };
	size_t len = strlen(path);
	char *name;
	int ret;

	while (len > 1 && path[len - 1] == '/')
		len--;
	name = mem_strndup(path, len);
	ret = remove_entry(&r, AT_FDCWD, name, 0);
	free(name);
	return ret;
}

bool path_is_inside(const char *name)
{
	size_t len = strlen(name);

	if (!len || len > PATH_LENGTH_MAX || strchr(name, '\n'))
		return false;
	for (;;) {
		size_t n = strcspn(name, "/");

		if (n == 0 || (n == 1 && name[0] == '.') ||
		        (n == 2 && name[0] == '.' && name[1] == '.'))
			return false;
		if (!name[n])
			return true;
		name += n + 1;
	}
}

/*
 * False if the file was removed or replaced between our open and our lock: then we hold a lock
 * nobody else sees.
 */
static bool is_still_at(int fd, const char *path)
{
	struct stat ours, theirs;

	return fstat(fd, &ours) == 0 && stat(path, &theirs) == 0 && ours.st_dev == theirs.st_dev &&
	       ours.st_ino == theirs.st_ino;
}

int file_lock(int *ret_fd, const char *path, int wait_ms, struct error *err)
{
	const struct timespec pause = { .tv_nsec = LOCK_POLL_MS * 1000000L };
	int waited_ms = 0;
	int fd;

	for (;;) {
		fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		if (fd < 0)
			return error_errno(err, errno, "cannot open lock file %s", path);
		if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
			if (is_still_at(fd, path))
				break;
		} else if (errno != EWOULDBLOCK && errno != EINTR) {
			int ret = error_errno(err, errno, "cannot lock %s", path);

			file_close(&fd);
			return ret;
		} else if (waited_ms >= wait_ms) {
			file_close(&fd);
			return error_set(
			        err, ERR_UNAVAILABLE, "%s is locked by another process", path);
		} else {
			nanosleep(&pause, NULL);
			waited_ms += LOCK_POLL_MS;
		}
		file_close(&fd);
	}
	*ret_fd = fd;
	return 0;
}

void file_close(int *fd)
{
	int saved_errno = errno;

	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	errno = saved_errno;
}
