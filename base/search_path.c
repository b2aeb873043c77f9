#include "base/search_path.h"

#include <errno.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

void search_path_add_own(struct search_path *path, const char *name)
{
	char own[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", own, sizeof(own) - 1);

	if (n > 0) {
		own[n] = '\0';
		*strrchr(own, '/') = '\0';
		strv_pushf(&path->dirs, "%s/%s", own, name);
	}
	strv_pushf(&path->dirs, "%s/%s", PKGDATADIR, name);
}

void search_path_release(struct search_path *path)
{
	strv_release(&path->dirs);
}

static bool is_below(const char *file, const char *dir)
{
	size_t len = strlen(dir);

	return strcmp(dir, "/") == 0 || (strncmp(file, dir, len) == 0 && file[len] == '/');
}

/* ERR_NOT_FOUND without a text: it is not in this directory. */
static int read_below(const char *dir, const char *name, size_t limit, struct str *ret_text, struct str *ret_where,
	struct error *err)
{
	char *whole = mem_printf("%s/%s", dir, name);
	char *real_dir = realpath(dir, NULL), *real = real_dir ? realpath(whole, NULL) : NULL;
	const char *shown = strcmp(dir, ".") ? whole : name;
	struct stat status;
	int r = -ERR_NOT_FOUND;

	if (!real || stat(real, &status) < 0) {
		if (errno != ENOENT && errno != ENOTDIR)
			r = error_errno(err, errno, "%s", shown);
	} else if (!is_below(real, real_dir)) {
		r = error_set(err, ERR_DENIED, "%s lies outside of %s", shown, dir);
	} else if (!S_ISREG(status.st_mode)) {
		r = error_set(err, ERR_DENIED, "%s is no regular file", shown);
	} else {
		r = file_read(ret_text, real, limit, err);
		if (r == 0)
			str_add(ret_where, shown);
	}
	free(real_dir);
	free(real);
	free(whole);
	return r;
}

int search_path_read(void *arg, const char *name, struct str *ret_text, struct str *ret_where, struct error *err)
{
	struct search_path *path = arg;
	struct str dirs = STR_INIT;
	int r = -ERR_NOT_FOUND;

	if (!path_is_inside(name))
		return error_set(err, ERR_DENIED, "%.200s: found no path below a directory", name);
	for (size_t i = 0; i < path->dirs.n && r == -ERR_NOT_FOUND; i++) {
		r = read_below(path->dirs.v[i], name, path->limit, ret_text, ret_where, err);
		str_addf(&dirs, "%s%s", i ? ", " : "", path->dirs.v[i]);
	}
	if (r == -ERR_NOT_FOUND)
		error_set(err, ERR_NOT_FOUND, "there is no such file in %s", dirs.len ? dirs.buf : "the search path, which is empty");
	str_release(&dirs);
	return r;
}
