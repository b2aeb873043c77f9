#include "git/repository.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/mem.h"
#include "git/command.h"
#include "git/history.h"
#include "git/walk.h"

#define REVISION_MAX 4096
#define RESOLVE_MS 60000

static char *without_slash(const char *path)
{
	size_t len;

	if (!path)
		return NULL;
	len = strlen(path);
	while (len > 1 && path[len - 1] == '/')
		len--;
	return mem_strndup(path, len);
}

int repository_open(struct repository **ret, const char *path, struct error *err)
{
	struct repository *repository;
	git_repository *handle;
	int result;

	git_library_start();
	result = git_repository_open_ext(&handle, path, 0, NULL);
	if (result == GIT_ENOTFOUND)
		return error_set(err, ERR_NOT_FOUND, "there is no git repository at %s", path);
	if (result < 0)
		return error_set(err, ERR_CORRUPT, "cannot open the repository at %s: %s", path,
			git_library_words());
	repository = mem_alloc(sizeof(*repository));
	repository->handle = handle;
	repository->git_dir = without_slash(git_repository_commondir(handle));
	repository->own_git_dir = without_slash(git_repository_path(handle));
	repository->work_tree = without_slash(git_repository_workdir(handle));
	*ret = repository;
	return 0;
}

void repository_free(struct repository *repository)
{
	if (!repository)
		return;
	git_repository_free(repository->handle);
	free(repository->git_dir);
	free(repository->own_git_dir);
	free(repository->work_tree);
	free(repository);
}

const char *repository_git_dir(const struct repository *repository)
{
	return repository->git_dir;
}

const char *repository_work_tree(const struct repository *repository)
{
	return repository->work_tree;
}

static int no_commit(struct error *err, const struct repository *repository, const char *revision)
{
	struct str shown = STR_INIT;

	str_add_printable(&shown, revision, strlen(revision), 200);
	error_set(err, ERR_NOT_FOUND, "no commit '%s' in %s", shown.buf,
		repository->work_tree ? repository->work_tree : repository->git_dir);
	str_release(&shown);
	return -ERR_NOT_FOUND;
}

int repository_commit(
	git_commit **ret, struct repository *repository, const char *hex, struct error *err)
{
	git_oid oid;
	int result;

	if (!hash_is_hex(hex, GIT_HEX) || git_oid_fromstr(&oid, hex) < 0)
		return no_commit(err, repository, hex);
	result = git_commit_lookup(ret, repository->handle, &oid);
	if (result == GIT_ENOTFOUND)
		return no_commit(err, repository, hex);
	if (result < 0)
		return error_set(
			err, ERR_CORRUPT, "cannot read commit %s: %s", hex, git_library_words());
	return 0;
}

/* From the id of any object to the commit it names: a tag is followed. */
static int peel(char ret_hex[GIT_HEX + 1], struct repository *repository, const char *hex,
	const char *revision, struct error *err)
{
	git_object *object = NULL, *commit = NULL;
	git_oid oid;
	int result = 0;

	if (git_oid_fromstr(&oid, hex) < 0 ||
		git_object_lookup(&object, repository->handle, &oid, GIT_OBJECT_ANY) < 0 ||
		git_object_peel(&commit, object, GIT_OBJECT_COMMIT) < 0)
		result = no_commit(err, repository, revision);
	else
		git_oid_tostr(ret_hex, GIT_HEX + 1, git_object_id(commit));
	git_object_free(commit);
	git_object_free(object);
	return result;
}

int repository_resolve(char ret_hex[GIT_HEX + 1], struct repository *repository,
	const char *revision, struct error *err)
{
	const char *argv[] = { "rev-parse", "--verify", revision, NULL };
	struct git_call call = {
		.argv = argv, .git_dir = repository->own_git_dir, .timeout_ms = RESOLVE_MS
	};
	struct str out = STR_INIT, words = STR_INIT;
	int status;
	int result;

	if (hash_is_hex(revision, GIT_HEX))
		return peel(ret_hex, repository, revision, revision, err);
	if (revision[0] == '\0' || revision[0] == '-' || strlen(revision) > REVISION_MAX)
		return no_commit(err, repository, revision);
	/* git itself is asked: nobody else knows all that it takes for a revision. */
	result = git_call(&status, &out, &words, &call, err);
	if (result < 0)
		goto out;
	str_trim_right(&out);
	if (status == 0 && hash_is_hex(out.buf, GIT_HEX))
		result = peel(ret_hex, repository, out.buf, revision, err);
	else
		result = no_commit(err, repository, revision);
	if (result < 0 && strstr(words.buf, "is ambiguous"))
		error_prefix(err, "ambiguous");
out:
	str_release(&out);
	str_release(&words);
	return result;
}

int commit_info_read(
	struct commit_info *ret, struct repository *repository, const char *hex, struct error *err)
{
	struct commit_info info = { 0 };
	git_commit *commit;
	const git_signature *author;
	const char *message;
	int result = repository_commit(&commit, repository, hex, err);

	if (result < 0)
		return result;
	git_oid_tostr(info.hex, sizeof(info.hex), git_commit_id(commit));
	git_oid_tostr(info.tree, sizeof(info.tree), git_commit_tree_id(commit));
	message = git_commit_message_raw(commit);
	message += strspn(message, "\n");
	info.subject = mem_strndup(message, strcspn(message, "\n"));
	author = git_commit_author(commit);
	info.author = mem_printf("%s <%s>", author->name, author->email);
	info.time_s = git_commit_time(commit);
	info.n_parents = git_commit_parentcount(commit);
	info.parents = mem_array(info.n_parents, sizeof(*info.parents));
	for (size_t i = 0; i < info.n_parents; i++)
		git_oid_tostr(
			info.parents[i], GIT_HEX + 1, git_commit_parent_id(commit, (unsigned)i));
	git_commit_free(commit);
	*ret = info;
	return 0;
}

void commit_info_release(struct commit_info *info)
{
	free(info->subject);
	free(info->author);
	free(info->parents);
	*info = (struct commit_info){ 0 };
}

bool repository_is_ancestor(
	struct repository *repository, const char *ancestor, const char *descendant)
{
	struct walk walk = { 0 };
	git_oid old_id, new_id;
	uint32_t old_end, new_end, *bases = NULL;
	size_t n = 0;
	bool is = false;

	if (!hash_is_hex(ancestor, GIT_HEX) || !hash_is_hex(descendant, GIT_HEX) ||
		git_oid_fromstr(&old_id, ancestor) < 0 || git_oid_fromstr(&new_id, descendant) < 0)
		return false;
	if (walk_open(&walk, repository->handle, repository->git_dir, NULL) < 0)
		return false;
	if (walk_read(&old_end, &walk, &old_id, NULL) == 0 &&
		walk_read(&new_end, &walk, &new_id, NULL) == 0 &&
		walk_merge_bases(&bases, &n, &walk, new_end, old_end, NULL) == 0)
		is = n == 1 && bases[0] == old_end;
	free(bases);
	walk_release(&walk);
	return is;
}
