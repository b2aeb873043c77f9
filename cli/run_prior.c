#include "cli/run_prior.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "cli/run_tree.h"

static int open_log(int *ret, const char *logs_dir, const struct run_record *record, struct error *err)
{
	int r = -ERR_NOT_FOUND;

	/* The build's, where the error showed in it and the command was not run. */
	for (unsigned of_build = 0; of_build < 2 && r == -ERR_NOT_FOUND; of_build++) {
		char *name = tree_log_name(record->sequence, record->commit, of_build);
		char *path = mem_printf("%s/%s", logs_dir, name);

		*ret = open(path, O_RDONLY | O_CLOEXEC);
		r = *ret < 0 ? error_errno(err, errno, "cannot open %s", path) : 0;
		free(path);
		free(name);
	}
	return r;
}

/* The bytes from `from` to `to`, as far as there are any. */
static int read_part(struct str *ret, int fd, off_t from, off_t to, struct error *err)
{
	char bytes[8192];

	while (from < to) {
		size_t want = to - from < (off_t)sizeof(bytes) ? (size_t)(to - from) : sizeof(bytes);
		ssize_t n = pread(fd, bytes, want, from);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_errno(err, errno, "cannot read the log");
		if (!n)
			break;
		str_add_bytes(ret, bytes, (size_t)n);
		from += n;
	}
	return 0;
}

/* *ret_wanted: where the line of the error begins in the text. */
static int read_log(struct str *ret, size_t *ret_wanted, const char *logs_dir, const struct run_record *record, struct error *err)
{
	off_t from, to;
	int fd = -1, r;

	r = open_log(&fd, logs_dir, record, err);
	if (r < 0)
		return r;
	if (record->error_at >= 0) {
		from = record->error_at > PRIOR_BEFORE ? record->error_at - PRIOR_BEFORE : 0;
		to = record->error_at + PRIOR_AFTER;
		*ret_wanted = (size_t)(record->error_at - from);
	} else {
		to = lseek(fd, 0, SEEK_END);
		from = to > PRIOR_END ? to - PRIOR_END : 0;
		*ret_wanted = SIZE_MAX;
	}
	r = read_part(ret, fd, from, to, err);
	file_close(&fd);
	return r;
}

int prior_of_files(struct prior *ret, const char *git_dir, const struct history *history, const struct strv *files,
	struct error *err)
{
	struct repository *repository;
	int r = repository_open(&repository, git_dir, err);

	if (r < 0)
		return r;
	r = prior_from_files(ret, repository, history, files, err);
	repository_free(repository);
	return r;
}

int prior_of_log(struct prior *ret, const char *git_dir, const struct history *history, const char *logs_dir,
	const struct run_record *record, struct error *err)
{
	struct repository *repository = NULL;
	struct str text = STR_INIT;
	size_t wanted;
	int r;

	r = read_log(&text, &wanted, logs_dir, record, err);
	if (r >= 0)
		r = repository_open(&repository, git_dir, err);
	if (r >= 0)
		r = prior_from_text(ret, repository, history, record->commit, &text, wanted, err);
	repository_free(repository);
	str_release(&text);
	return r;
}
