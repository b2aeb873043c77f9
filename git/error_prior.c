#include "git/error_prior.h"

#include <stdlib.h>
#include <string.h>

#include "git/touched.h"
#include "job/error_files.h"

void prior_release(struct prior *prior)
{
	strv_release(&prior->files);
	free(prior->values);
	*prior = (struct prior){ .n_commits = 0 };
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

int prior_from_files(struct prior *ret, struct repository *repository, const struct history *history, const struct strv *files,
	struct error *err)
{
	struct prior prior = { .n_commits = 0 };
	bool *touched;
	int r;

	strv_push_all(&prior.files, strv_argv(files));
	if (files->n) {
		r = touched_load(&touched, repository, history, files, err);
		if (r < 0) {
			prior_release(&prior);
			return r;
		}
		for (uint32_t v = 0; v < history->graph.n; v++)
			prior.n_commits += touched[v];
		prior.values = touched_prior(history, touched);
		free(touched);
	}
	*ret = prior;
	return 0;
}

int prior_from_text(struct prior *ret, struct repository *repository, const struct history *history, const char *commit,
	const struct str *text, size_t wanted, struct error *err)
{
	struct strv names = STRV_INIT, files = STRV_INIT;
	int r;

	find_names(&names, text, wanted);
	r = touched_resolve(&files, repository, commit, &names, err);
	if (r >= 0)
		r = prior_from_files(ret, repository, history, &files, err);
	strv_release(&names);
	strv_release(&files);
	return r;
}

void prior_say(struct str *ret, const struct prior *prior, const struct history *history)
{
	if (!prior->files.n) {
		str_add(ret, "the error names no file of the repository: all commits are alike");
		return;
	}
	str_add(ret, "the error names ");
	for (size_t i = 0; i < prior->files.n && i < PRIOR_FILES_SAID; i++) {
		str_add(ret, i ? ", " : "");
		str_add_printable(ret, prior->files.v[i], strlen(prior->files.v[i]), ERROR_FILES_NAME_MAX);
	}
	str_addf(ret, "%s; %zu of %zu commits touch %s%s", prior->files.n > PRIOR_FILES_SAID ? ", ..." : "", prior->n_commits,
		history->n_range, prior->files.n > 1 ? "them" : "it", prior->values ? " and are tried first" : "");
}
