#include "testers/kept_stats.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "job/lkp_stats.h"

#define NAME "stats.json"

static const char *const directories[] = { "result", "." };
enum { N_DIRECTORIES = sizeof(directories) / sizeof(*directories) };

/* A directory in `files`; negative: there is none. */
static int open_directory(const char *files, const char *name)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int root = open(files, flags), fd;

	if (root < 0)
		return -1;
	fd = openat(root, name, flags);
	file_close(&root);
	return fd;
}

void kept_stats_remove(const char *files)
{
	for (size_t i = 0; i < N_DIRECTORIES; i++) {
		int dir = open_directory(files, directories[i]);

		if (dir >= 0)
			unlinkat(dir, NAME, 0);
		file_close(&dir);
	}
}

static int open_stats(const char *files)
{
	int fd = -1;

	for (size_t i = 0; i < N_DIRECTORIES && fd < 0; i++) {
		int dir = open_directory(files, directories[i]);
		struct stat st;

		if (dir >= 0)
			fd = openat(dir, NAME, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		if (fd >= 0 && (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)))
			file_close(&fd);
		file_close(&dir);
	}
	return fd;
}

int kept_stats_read(struct str *ret, const char *files, struct error *err)
{
	const size_t max = LKP_STATS_TEXT_MAX + 1;
	struct str text = STR_INIT;
	int fd = open_stats(files), rc = 0;
	char *block;
	ssize_t n;

	if (fd < 0)
		return error_set(err, ERR_NOT_FOUND, "no %s in %s", NAME, files);
	block = mem_alloc(64 << 10);
	while (text.len < max) {
		n = read(fd, block, 64 << 10);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		str_add_bytes(&text, block, (size_t)n < max - text.len ? (size_t)n : max - text.len);
	}
	if (text.len < max && n < 0)
		rc = error_errno(err, errno, "cannot read %s in %s", NAME, files);
	else
		str_add_bytes(ret, text.buf, text.len);
	file_close(&fd);
	free(block);
	str_release(&text);
	return rc;
}
