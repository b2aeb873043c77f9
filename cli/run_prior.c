#include "cli/run_prior.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "cli/run_tree.h"
#include "git/touched.h"
#include "job/error_files.h"

/* Tracebacks come before the error or after it; what is further away is of something else. */
#define BEFORE (2 << 10)
#define AFTER (8 << 10)
#define END (64 << 10)		/* where no line is known: the last of the log */

void prior_release(struct prior *prior)
{
	strv_release(&prior->files);
	free(prior->values);
	*prior = (struct prior){ .n_commits = 0 };
}

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

/* A warning stands in every build's log, and speaks of something else. */
static bool is_aside(const char *line, size_t len)
{
	return memmem(line, len, "warning:", 8) || memmem(line, len, "note:", 5);
}

/* `wanted`: where the line of the error begins in `text`; SIZE_MAX: none is known. */
static void find_names(struct strv *ret, const struct str *text, size_t wanted)
{
	/* The error's own first: there is room for some names only. */
	if (wanted < text->len)
		error_files_find(ret, text->buf + wanted, strcspn(text->buf + wanted, "\n"));
	for (size_t at = 0; at < text->len;) {
		const char *line = text->buf + at, *end = memchr(line, '\n', text->len - at);
		size_t len = end ? (size_t)(end - line) : text->len - at;

		if (!is_aside(line, len))
			error_files_find(ret, line, len);
		at += len + 1;
	}
}

static int names_from_log(struct strv *ret, const char *logs_dir, const struct run_record *record, struct error *err)
{
	struct str text = STR_INIT;
	off_t from, to;
	int fd = -1, r;

	r = open_log(&fd, logs_dir, record, err);
	if (r < 0)
		return r;
	if (record->error_at >= 0) {
		from = record->error_at > BEFORE ? record->error_at - BEFORE : 0;
		to = record->error_at + AFTER;
	} else {
		to = lseek(fd, 0, SEEK_END);
		from = to > END ? to - END : 0;
	}
	r = read_part(&text, fd, from, to, err);
	if (r >= 0)
		find_names(ret, &text, record->error_at >= 0 ? (size_t)(record->error_at - from) : SIZE_MAX);
	str_release(&text);
	file_close(&fd);
	return r;
}

static int fill(struct prior *ret, struct repository *repository, const struct history *history,
	const struct strv *files, struct error *err)
{
	bool *touched;
	int r;

	prior_release(ret);
	strv_push_all(&ret->files, strv_argv(files));
	if (!files->n)
		return 0;
	r = touched_load(&touched, repository, history, files, err);
	if (r < 0)
		return r;
	for (uint32_t v = 0; v < history->graph.n; v++)
		ret->n_commits += touched[v];
	ret->values = touched_prior(history, touched);
	free(touched);
	return 0;
}

int prior_from_files(struct prior *ret, const char *git_dir, const struct history *history, const struct strv *files,
	struct error *err)
{
	struct repository *repository;
	int r = repository_open(&repository, git_dir, err);

	if (r < 0)
		return r;
	r = fill(ret, repository, history, files, err);
	repository_free(repository);
	return r;
}

int prior_from_log(struct prior *ret, const char *git_dir, const struct history *history, const char *logs_dir,
	const struct run_record *record, struct error *err)
{
	struct strv names = STRV_INIT, files = STRV_INIT;
	struct repository *repository = NULL;
	int r;

	r = names_from_log(&names, logs_dir, record, err);
	if (r >= 0)
		r = repository_open(&repository, git_dir, err);
	if (r >= 0)
		r = touched_resolve(&files, repository, record->commit, &names, err);
	if (r >= 0)
		r = fill(ret, repository, history, &files, err);
	repository_free(repository);
	strv_release(&names);
	strv_release(&files);
	return r;
}
