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
 * DIR/live/<unit>: a line of HEADER_LEN bytes that tells the epoch, then the log.  A newer epoch starts it again.
 */
#define HEADER_FORMAT "epoch %020llu\n"
#define HEADER_LEN 27
#define UNIT_NAME_MAX 200

static int path_of(struct str *path, const struct artifacts *artifacts, const char *unit, struct error *err)
{
	if (!unit || !path_is_inside(unit) || strchr(unit, '/') || unit[0] == '.' || strlen(unit) > UNIT_NAME_MAX)
		return error_set(err, ERR_INVALID, "this is no name of a unit");
	str_setf(path, "%s/%s", artifacts->live, unit);
	return 0;
}

/* The epoch in the header; false where a crash left none. */
static bool read_epoch(uint64_t *ret, int fd)
{
	char header[HEADER_LEN + 1] = "";
	char *end;

	if (pread(fd, header, HEADER_LEN, 0) != HEADER_LEN || memcmp(header, "epoch ", 6) != 0)
		return false;
	*ret = strtoull(header + 6, &end, 10);
	return end == header + HEADER_LEN - 1;
}

static int begin_log(int fd, uint64_t epoch, struct error *err)
{
	char header[HEADER_LEN + 1];

	snprintf(header, sizeof(header), HEADER_FORMAT, (unsigned long long)epoch);
	if (ftruncate(fd, 0) < 0)
		return error_errno(err, errno, "cannot empty a log");
	if (lseek(fd, 0, SEEK_SET) < 0)
		return error_errno(err, errno, "cannot begin a log");
	return file_write_all(fd, header, HEADER_LEN, err);
}

/* Where bytes were lost on the way, dots keep the offsets right. */
static int fill_gap(int fd, uint64_t len, struct error *err)
{
	char dots[4096];
	int rc = 0;

	memset(dots, '.', sizeof(dots));
	while (rc == 0 && len > 0) {
		size_t n = len < sizeof(dots) ? (size_t)len : sizeof(dots);

		rc = file_write_all(fd, dots, n, err);
		len -= n;
	}
	return rc;
}

static int append_at(int fd, uint64_t offset, const char *bytes, size_t len, struct error *err)
{
	struct stat st;
	uint64_t have;
	int rc = 0;

	if (fstat(fd, &st) < 0 || lseek(fd, 0, SEEK_END) < 0)
		return error_errno(err, errno, "cannot look at a log");
	have = (uint64_t)st.st_size - HEADER_LEN;
	if (offset > have)
		rc = fill_gap(fd, offset - have, err);
	if (rc < 0)
		return rc;
	if (offset < have) {
		uint64_t known = have - offset;

		if (known >= len)
			return 0;
		bytes += known;
		len -= (size_t)known;
	}
	return file_write_all(fd, bytes, len, err);
}

int live_log_append(struct artifacts *artifacts, const char *unit, uint64_t epoch, uint64_t offset, const void *bytes, size_t len,
	struct error *err)
{
	struct str path = STR_INIT;
	uint64_t present;
	int fd = -1, rc;

	rc = path_of(&path, artifacts, unit, err);
	if (rc < 0)
		goto out;
	if (len > LIVE_LOG_MAX || offset > LIVE_LOG_MAX - len) {
		rc = error_set(err, ERR_LIMIT, "the log of unit %s is longer than %u bytes", unit, LIVE_LOG_MAX);
		goto out;
	}
	fd = open(path.buf, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 && errno == ENOENT) {
		/* The directory was deleted while we run. */
		rc = dir_make(artifacts->live, 0700, err);
		if (rc < 0)
			goto out;
		fd = open(path.buf, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	}
	if (fd < 0 || flock(fd, LOCK_EX) < 0) {
		rc = error_errno(err, errno, "cannot open the log of unit %s", unit);
		goto out;
	}
	if (!read_epoch(&present, fd) || present < epoch) {
		rc = begin_log(fd, epoch, err);
	} else if (present > epoch) {
		rc = error_set(err, ERR_STALE, "the log of unit %s belongs to epoch %llu", unit, (unsigned long long)present);
	}
	if (rc == 0)
		rc = append_at(fd, offset, bytes, len, err);
out:
	file_close(&fd);
	str_release(&path);
	return rc;
}

int live_log_read(struct str *ret, struct artifacts *artifacts, const char *unit, uint64_t offset, size_t max, struct error *err)
{
	struct str path = STR_INIT;
	char *bytes = NULL;
	struct stat st;
	uint64_t have, want;
	ssize_t n;
	int fd = -1, rc;

	rc = path_of(&path, artifacts, unit, err);
	if (rc < 0)
		goto out;
	fd = open(path.buf, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 && errno == ENOENT) {
		rc = error_set(err, ERR_NOT_FOUND, "unit %s has written no log yet", unit);
		goto out;
	}
	if (fd < 0 || fstat(fd, &st) < 0) {
		rc = error_errno(err, errno, "no log of unit %s", unit);
		goto out;
	}
	have = st.st_size > HEADER_LEN ? (uint64_t)st.st_size - HEADER_LEN : 0;
	if (offset >= have)
		goto out;
	want = have - offset < max ? have - offset : max;
	bytes = mem_alloc((size_t)want);
	n = pread(fd, bytes, (size_t)want, (off_t)(offset + HEADER_LEN));
	if (n < 0)
		rc = error_errno(err, errno, "cannot read the log of unit %s", unit);
	else
		str_add_bytes(ret, bytes, (size_t)n);
out:
	free(bytes);
	file_close(&fd);
	str_release(&path);
	return rc;
}

void live_log_remove(struct artifacts *artifacts, const char *unit)
{
	struct str path = STR_INIT;

	if (path_of(&path, artifacts, unit, NULL) == 0)
		unlink(path.buf);
	str_release(&path);
}
