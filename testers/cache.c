#include "testers/cache.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/str.h"

struct kept { char *name; struct timespec used; uint64_t bytes; };

bool cache_get(const char *dir, const char *sha256, const char *path)
{
	struct str cached = STR_INIT;
	char hex[HASH_HEX_LEN + 1] = "";
	int fd = -1;
	bool good = false;

	if (!hash_is_hex(sha256, HASH_HEX_LEN))
		return false;
	str_setf(&cached, "%s/%s", dir, sha256);
	unlink(path);
	if (link(cached.buf, path) < 0)
		goto out;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	good = fd >= 0 && hash_file(fd, hex, NULL) == 0 && !strcmp(hex, sha256);
	file_close(&fd);
	if (good) {
		utimensat(AT_FDCWD, cached.buf, NULL, 0);
	} else {
		unlink(path);
		unlink(cached.buf);
	}
out:
	str_release(&cached);
	return good;
}

static int by_use(const void *a, const void *b)
{
	const struct timespec *x = &((const struct kept *)a)->used, *y = &((const struct kept *)b)->used;

	if (x->tv_sec != y->tv_sec)
		return x->tv_sec < y->tv_sec ? -1 : 1;
	return x->tv_nsec < y->tv_nsec ? -1 : x->tv_nsec > y->tv_nsec;
}

static void shrink(const char *dir, uint64_t max_bytes)
{
	struct kept *kept = NULL;
	size_t n = 0, cap = 0;
	uint64_t total = 0;
	struct dirent *entry;
	DIR *list = opendir(dir);

	while (list && (entry = readdir(list))) {
		struct stat st;

		if (!hash_is_hex(entry->d_name, HASH_HEX_LEN) ||
		    fstatat(dirfd(list), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		MEM_GROW(kept, n + 1, cap);
		kept[n].name = mem_strdup(entry->d_name);
		kept[n].used = st.st_mtim;
		kept[n].bytes = (uint64_t)st.st_size;
		total += kept[n++].bytes;
	}
	if (n)
		qsort(kept, n, sizeof(*kept), by_use);
	for (size_t i = 0; i < n; i++) {
		if (total > max_bytes && unlinkat(dirfd(list), kept[i].name, 0) == 0)
			total -= kept[i].bytes;
		free(kept[i].name);
	}
	free(kept);
	if (list)
		closedir(list);
}

void cache_put(const char *dir, const char *sha256, const char *path, uint64_t max_bytes)
{
	struct str cached = STR_INIT;

	/* Another slot may have been first: the same bytes. */
	if (link(path, str_setf(&cached, "%s/%s", dir, sha256)) == 0) {
		utimensat(AT_FDCWD, cached.buf, NULL, 0);
		shrink(dir, max_bytes);
	}
	str_release(&cached);
}
