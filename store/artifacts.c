#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "store/artifacts.h"
#include "store/artifacts_internal.h"

/*
 * A file that is being written is DIR/tmp/<random>, locked by its writer: whoever can lock it knows that the writer is dead.
 */
struct artifact_writer {
	struct artifacts *artifacts;
	struct hash *hash;
	char *path;
	int fd;
	bool failed;
};

/* --- opening --- */

/* Removes what dead writers left.  What cannot be removed does no harm. */
static void sweep(const char *tmp)
{
	struct str path = STR_INIT;
	struct dirent *entry;
	DIR *dir = opendir(tmp);
	int fd;

	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		fd = open(str_setf(&path, "%s/%s", tmp, entry->d_name), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
		if (fd < 0)
			continue;
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			unlink(path.buf);
		close(fd);
	}
	closedir(dir);
	str_release(&path);
}

int artifacts_open(struct artifacts **ret, const char *dir, struct error *err)
{
	struct artifacts *artifacts = mem_alloc(sizeof(*artifacts));
	int rc;

	artifacts->dir = mem_strdup(dir);
	artifacts->tmp = mem_printf("%s/tmp", dir);
	artifacts->live = mem_printf("%s/live", dir);
	rc = dir_make(artifacts->tmp, 0700, err);
	if (rc == 0)
		rc = dir_make(artifacts->live, 0700, err);
	if (rc < 0) {
		artifacts_free(artifacts);
		return rc;
	}
	sweep(artifacts->tmp);
	*ret = artifacts;
	return 0;
}

void artifacts_free(struct artifacts *artifacts)
{
	if (!artifacts)
		return;
	free(artifacts->dir);
	free(artifacts->tmp);
	free(artifacts->live);
	free(artifacts);
}

/* --- reading --- */

static void path_of(struct str *path, const struct artifacts *artifacts, const char *sha256)
{
	str_setf(path, "%s/%.2s/%s", artifacts->dir, sha256, sha256);
}

bool artifact_exists(struct artifacts *artifacts, const char *sha256)
{
	struct str path = STR_INIT;
	struct stat st;
	bool answer;

	if (!sha256 || !hash_is_hex(sha256, HASH_HEX_LEN))
		return false;
	path_of(&path, artifacts, sha256);
	answer = stat(path.buf, &st) == 0 && S_ISREG(st.st_mode);
	str_release(&path);
	return answer;
}

int artifact_open(int *ret_fd, uint64_t *ret_size, struct artifacts *artifacts, const char *sha256, struct error *err)
{
	struct str path = STR_INIT;
	struct stat st;
	int fd = -1, rc = 0;

	if (!sha256 || !hash_is_hex(sha256, HASH_HEX_LEN))
		return error_set(err, ERR_INVALID, "an artifact is named by the %d lower-case hex digits of its SHA-256", HASH_HEX_LEN);
	path_of(&path, artifacts, sha256);
	fd = open(path.buf, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0) {
		if (errno == ENOENT)
			rc = error_set(err, ERR_NOT_FOUND, "no artifact %s", sha256);
		else
			rc = error_errno(err, errno, "cannot open artifact %s", sha256);
		goto out;
	}
	if (fstat(fd, &st) < 0) {
		rc = error_errno(err, errno, "cannot look at artifact %s", sha256);
		goto out;
	}
	if (!S_ISREG(st.st_mode)) {
		rc = error_set(err, ERR_CORRUPT, "artifact %s is not a regular file", sha256);
		goto out;
	}
	*ret_fd = fd;
	if (ret_size)
		*ret_size = (uint64_t)st.st_size;
	fd = -1;
out:
	file_close(&fd);
	str_release(&path);
	return rc;
}

/* --- writing --- */

/* Makes and locks a file.  Between the two somebody who sweeps may have taken it for a dead writer's: then another is made. */
static int make_locked(struct artifact_writer *writer, struct error *err)
{
	char name[2 * 16 + 1];
	struct stat st;

	for (;;) {
		random_hex(name, 16);
		free(writer->path);
		writer->path = mem_printf("%s/%s", writer->artifacts->tmp, name);
		writer->fd = open(writer->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (writer->fd < 0 && errno == ENOENT) {
			/* The directory was deleted while we run. */
			int rc = dir_make(writer->artifacts->tmp, 0700, err);

			if (rc < 0)
				return rc;
			writer->fd = open(writer->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		}
		if (writer->fd < 0)
			return error_errno(err, errno, "cannot make %s", writer->path);
		if (flock(writer->fd, LOCK_EX | LOCK_NB) == 0 && fstat(writer->fd, &st) == 0 && st.st_nlink == 1)
			return 0;
		unlink(writer->path);
		file_close(&writer->fd);
	}
}

int artifact_begin(struct artifact_writer **ret, struct artifacts *artifacts, struct error *err)
{
	struct artifact_writer *writer = mem_alloc(sizeof(*writer));
	int rc;

	writer->artifacts = artifacts;
	writer->fd = -1;
	rc = make_locked(writer, err);
	if (rc < 0) {
		free(writer->path);
		free(writer);
		return rc;
	}
	writer->hash = hash_new();
	*ret = writer;
	return 0;
}

int artifact_write(struct artifact_writer *writer, const void *bytes, size_t len, struct error *err)
{
	int rc;

	if (writer->failed)
		return error_set(err, ERR_IO, "an earlier part of this artifact could not be written");
	rc = file_write_all(writer->fd, bytes, len, err);
	if (rc < 0) {
		writer->failed = true;
		return rc;
	}
	hash_add(writer->hash, bytes, len);
	return 0;
}

void artifact_abort(struct artifact_writer *writer)
{
	if (!writer)
		return;
	if (writer->path)
		unlink(writer->path);
	file_close(&writer->fd);
	hash_free(writer->hash);
	free(writer->path);
	free(writer);
}

/* Durable under its name: the content, the name, and the name of the directory it stands in. */
static int publish(struct artifact_writer *writer, const char *sha256, struct error *err)
{
	struct artifacts *artifacts = writer->artifacts;
	struct str directory = STR_INIT, path = STR_INIT;
	int rc = 0;

	str_addf(&directory, "%s/%.2s", artifacts->dir, sha256);
	path_of(&path, artifacts, sha256);
	if (fchmod(writer->fd, 0400) < 0 || fsync(writer->fd) < 0) {
		rc = error_errno(err, errno, "cannot write artifact %s", sha256);
		goto out;
	}
	if (mkdir(directory.buf, 0700) == 0) {
		rc = file_sync_dir(artifacts->dir, err);
		if (rc < 0)
			goto out;
	} else if (errno != EEXIST) {
		rc = error_errno(err, errno, "cannot make %s", directory.buf);
		goto out;
	}
	/* Over one of that name, if there is one: it has the same content, or was damaged and is whole again. */
	if (rename(writer->path, path.buf) < 0) {
		rc = error_errno(err, errno, "cannot name artifact %s", sha256);
		goto out;
	}
	free(writer->path);
	writer->path = NULL;
	rc = file_sync_dir(directory.buf, err);
out:
	str_release(&directory);
	str_release(&path);
	return rc;
}

int artifact_commit(struct artifact_writer *writer, const char *expected, char ret_sha256[HASH_HEX_LEN + 1], struct error *err)
{
	char sha256[HASH_HEX_LEN + 1];
	int rc;

	if (writer->failed) {
		rc = error_set(err, ERR_IO, "a part of this artifact could not be written");
		goto out;
	}
	hash_finish(writer->hash, sha256);
	writer->hash = NULL;
	if (expected && strcmp(expected, sha256) != 0) {
		rc = error_set(err, ERR_CORRUPT, "the content has SHA-256 %s, its name says %.*s", sha256, HASH_HEX_LEN, expected);
		goto out;
	}
	rc = publish(writer, sha256, err);
	if (rc == 0 && ret_sha256)
		memcpy(ret_sha256, sha256, sizeof(sha256));
out:
	artifact_abort(writer);
	return rc;
}

int artifact_put(struct artifacts *artifacts, const void *bytes, size_t len, char ret_sha256[HASH_HEX_LEN + 1], struct error *err)
{
	struct artifact_writer *writer;
	int rc = artifact_begin(&writer, artifacts, err);

	if (rc < 0)
		return rc;
	rc = artifact_write(writer, bytes, len, err);
	if (rc < 0) {
		artifact_abort(writer);
		return rc;
	}
	return artifact_commit(writer, NULL, ret_sha256, err);
}
