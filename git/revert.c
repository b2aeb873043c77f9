#include <git2.h>
#include <stdlib.h>

#include "base/mem.h"
#include "git/command.h"
#include "git/history.h"
#include "git/repository.h"

/*
 * Whose name stands on what we make.  The date is that of `onto`: the same everywhere, and not
 * before its parent's.
 */
#define REVERT_NAME "bisectd"
#define REVERT_MAIL "bisectd@localhost"

static int conflict_error(
	struct error *err, git_index *index, const char *onto, const char *culprit)
{
	git_index_conflict_iterator *iterator = NULL;
	const git_index_entry *base = NULL, *ours = NULL, *theirs = NULL;
	struct str path = STR_INIT;

	if (git_index_conflict_iterator_new(&iterator, index) == 0 &&
		git_index_conflict_next(&base, &ours, &theirs, iterator) == 0) {
		const git_index_entry *any = ours ? ours : base ? base : theirs;

		str_add(&path, " in ");
		str_add_printable(&path, any->path, strlen(any->path), 200);
	}
	git_index_conflict_iterator_free(iterator);
	error_set(err, ERR_INVALID, "reverting %.12s does not apply on %.12s: conflict%s", culprit,
		onto, path.buf);
	str_release(&path);
	return -ERR_INVALID;
}

/* `title`: the culprit's first line, as stored. */
static int write_commit(char ret_hex[GIT_HEX + 1], git_repository *handle, git_commit *base,
	git_tree *tree, const char *culprit, const char *title, struct error *err)
{
	const git_commit *parents[] = { base };
	char *message = mem_printf("Revert \"%s\"\n\nThis reverts commit %s.\n", title, culprit);
	git_signature *who = NULL;
	git_oid oid;
	int result = 0;

	if (git_signature_new(&who, REVERT_NAME, REVERT_MAIL, git_commit_time(base), 0) < 0 ||
		git_commit_create(&oid, handle, NULL, who, who, NULL, message, tree, 1, parents) <
			0)
		result = error_set(err, ERR_IO, "cannot write the commit that reverts %.12s: %s",
			culprit, git_library_words());
	else
		git_oid_tostr(ret_hex, GIT_HEX + 1, &oid);
	git_signature_free(who);
	free(message);
	return result;
}

int repository_make_revert(char ret_hex[GIT_HEX + 1], struct repository *repository,
	const char *onto, const char *culprit, struct error *err)
{
	git_merge_options options;
	struct commit_info info = { 0 };
	git_commit *base = NULL, *undone = NULL;
	git_index *index = NULL;
	git_tree *tree = NULL;
	git_oid oid;
	int result;

	git_merge_options_init(&options, GIT_MERGE_OPTIONS_VERSION);
	if ((result = repository_commit(&base, repository, onto, err)) < 0 ||
		(result = repository_commit(&undone, repository, culprit, err)) < 0 ||
		(result = commit_info_read(&info, repository, culprit, err)) < 0)
		goto out;
	if (git_revert_commit(&index, repository->handle, undone, base, info.n_parents > 1 ? 1 : 0,
		    &options) < 0) {
		result = error_set(
			err, ERR_CORRUPT, "cannot revert %.12s: %s", culprit, git_library_words());
		goto out;
	}
	if (git_index_has_conflicts(index)) {
		result = conflict_error(err, index, onto, culprit);
		goto out;
	}
	if (git_index_write_tree_to(&oid, index, repository->handle) < 0 ||
		git_tree_lookup(&tree, repository->handle, &oid) < 0) {
		result = error_set(err, ERR_IO, "cannot write the tree without %.12s: %s", culprit,
			git_library_words());
		goto out;
	}
	if (git_oid_equal(&oid, git_commit_tree_id(base))) {
		result = error_set(err, ERR_INVALID,
			"reverting %.12s changes nothing on %.12s: what it did is gone already",
			culprit, onto);
		goto out;
	}
	result = write_commit(ret_hex, repository->handle, base, tree, culprit, info.subject, err);
out:
	commit_info_release(&info);
	git_tree_free(tree);
	git_index_free(index);
	git_commit_free(undone);
	git_commit_free(base);
	return result;
}
