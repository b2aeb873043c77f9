#include "git/mirror.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <git2.h>
#include <limits.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "git/command.h"
#include "git/history.h"

#define URL_MAX 4096
#define PACKS_MAX 40 /* each fetch adds a pack, and gc is off: from here on they are put together  \
		      */
#define NAME_HEX 16
#define REF_DEPTH_MAX 64

/* --- The environment. --- */

static pthread_once_t environment_once = PTHREAD_ONCE_INIT;
static struct strv environment;

/*
 * Settings of the command scope: above what any repository says, and the one scope in which
 * safe.directory counts. fetch.unpackLimit: objects arrive as a whole pack or not at all, so a
 * commit that is there has its history too.
 */
static const char *const settings[][2] = {
	{ "safe.directory", "*" },
	{ "core.hooksPath", "/dev/null" },
	{ "core.fsmonitor", "false" },
	{ "gc.auto", "0" },
	{ "maintenance.auto", "false" },
	{ "fetch.unpackLimit", "1" },
	{ "fetch.recurseSubmodules", "false" },
	{ "submodule.recurse", "false" },
	{ "advice.detachedHead", "false" },
	{ "advice.graftFileDeprecated", "false" },
	{ "checkout.thresholdForParallelism", "2000" },
};

/*
 * Workers write the files of a great checkout; they cost more than they save where files are few, and where other checkouts keep the
 * processors busy: four at once of 2,000 files take 0.27 s on two of them, and 0.47 s with two workers each.
 */
#define CHECKOUT_WORKERS_MAX 4

static bool with_user_config;
static unsigned checkouts = 1;		/* at once */

static bool is_passed_on(const char *variable)
{
	static const char *const kept[] = { "GIT_SSL_CAINFO=", "GIT_SSL_CAPATH=" };
	static const char *const dropped[] = { "GIT_", "LC_", "LANG=", "LANGUAGE=", "SSH_ASKPASS" };

	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
		if (str_has_prefix(variable, kept[i]))
			return true;
	}
	for (size_t i = 0; i < sizeof(dropped) / sizeof(dropped[0]); i++) {
		if (str_has_prefix(variable, dropped[i]))
			return false;
	}
	return true;
}

static void environment_build(void)
{
	size_t n = sizeof(settings) / sizeof(settings[0]);
	long workers = sysconf(_SC_NPROCESSORS_ONLN);

	for (char **variable = environ; variable && *variable; variable++) {
		if (is_passed_on(*variable))
			strv_push(&environment, *variable);
	}
	/* An empty GIT_ASKPASS also keeps git from looking for another program that asks. */
	strv_push_many(&environment, "LC_ALL=C", "GIT_TERMINAL_PROMPT=0",
		"GIT_ASKPASS=", "GIT_OPTIONAL_LOCKS=0",
		"GIT_ALLOW_PROTOCOL=file:git:http:https:ssh",
		"GIT_SSH_COMMAND=ssh -o BatchMode=yes -o ConnectTimeout=30",
		"GIT_NO_REPLACE_OBJECTS=1", "GIT_GRAFT_FILE=/dev/null", "GIT_EDITOR=false",
		"GIT_PAGER=cat", NULL);
	if (!with_user_config)
		strv_push_many(&environment, "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null",
			"GIT_ATTR_NOSYSTEM=1", NULL);
	strv_pushf(&environment, "GIT_CONFIG_COUNT=%zu", n + 1);
	for (size_t i = 0; i < n; i++) {
		strv_pushf(&environment, "GIT_CONFIG_KEY_%zu=%s", i, settings[i][0]);
		strv_pushf(&environment, "GIT_CONFIG_VALUE_%zu=%s", i, settings[i][1]);
	}
	workers /= checkouts;
	if (workers < 1 || workers > CHECKOUT_WORKERS_MAX)
		workers = workers < 1 ? 1 : CHECKOUT_WORKERS_MAX;
	strv_pushf(&environment, "GIT_CONFIG_KEY_%zu=checkout.workers", n);
	strv_pushf(&environment, "GIT_CONFIG_VALUE_%zu=%ld", n, workers);
}

void git_environment_keep_user_config(void)
{
	with_user_config = true;
}

void git_environment_checkouts(unsigned at_once)
{
	checkouts = at_once ? at_once : 1;
}

const char *const *git_environment(void)
{
	pthread_once(&environment_once, environment_build);
	return strv_argv(&environment);
}

/* --- Addresses. --- */

static bool is_host_char(char c)
{
	return isalnum((unsigned char)c) || c == '.' || c == '-' || c == '_';
}

/*
 * "host", "host:22", "[::1]:22" at the start of `s`, up to '/' or the end; never something ssh
 * takes for an option.
 */
static bool is_host(const char *s)
{
	if (*s == '[') {
		s++;
		if (!isxdigit((unsigned char)*s) && *s != ':')
			return false;
		s += strspn(s, "0123456789abcdefABCDEF:.");
		if (*s++ != ']')
			return false;
	} else {
		if (!isalnum((unsigned char)*s))
			return false;
		while (is_host_char(*s))
			s++;
	}
	if (*s == ':') {
		s++;
		s += strspn(s, "0123456789");
	}
	return *s == '/' || *s == '\0';
}

/* What follows "scheme://": [user[:password]@]host[:port]/path */
static bool is_authority(const char *s)
{
	size_t len = strcspn(s, "/");
	const char *at = memrchr(s, '@', len);

	if (*s == '-')
		return false;
	return is_host(at ? at + 1 : s) && s[len] == '/' && s[len + 1] != '\0';
}

/* user@host:path */
static bool is_scp_form(const char *s)
{
	size_t user = 0;

	if (!isalnum((unsigned char)*s) && *s != '_')
		return false;
	while (is_host_char(s[user]))
		user++;
	if (s[user] != '@' || !isalnum((unsigned char)s[user + 1]))
		return false;
	s += user + 1;
	while (is_host_char(*s))
		s++;
	return s[0] == ':' && s[1] != ':' && s[1] != '\0' && s[1] != '-';
}

int mirror_check_url(const char *url, bool local, struct error *err)
{
	static const char *const schemes[] = { "https://", "http://", "ssh://", "git://" };
	struct str shown = STR_INIT;
	size_t len = strlen(url);
	bool plain = len > 0 && len <= URL_MAX;
	bool fine = false;

	for (size_t i = 0; plain && i < len; i++) {
		unsigned char c = (unsigned char)url[i];

		/* A path of this host may hold blanks; no address may hold control bytes. */
		if (c < ' ' || c == 0x7f || (c == ' ' && !(local && url[0] == '/')))
			plain = false;
	}
	if (plain) {
		for (size_t i = 0; !fine && i < sizeof(schemes) / sizeof(schemes[0]); i++) {
			if (str_has_prefix(url, schemes[i]))
				fine = is_authority(url + strlen(schemes[i]));
		}
		if (!fine && local)
			fine = url[0] == '/' || str_has_prefix(url, "file:///");
		if (!fine)
			fine = is_scp_form(url);
	}
	if (fine)
		return 0;
	str_add_printable(&shown, url, len, 200);
	error_set(err, ERR_INVALID,
		"'%s' is no repository address that is allowed: https://, http://, ssh://, git://, "
		"user@host:path%s",
		shown.buf, local ? ", file:// or an absolute path" : "");
	str_release(&shown);
	return -ERR_INVALID;
}

void mirror_path(struct str *ret, const char *mirrors_dir, const char *url)
{
	char hex[HASH_HEX_LEN + 1];

	hash_bytes(url, strlen(url), hex);
	str_addf(ret, "%s/%.*s.git", mirrors_dir, NAME_HEX, hex);
}

/* --- One update. --- */

struct update {
	const char *url;
	const char *want;		/* or NULL */
	int64_t deadline_ms;		/* steady; 0: none */
	struct str path;		/* the mirror */
	struct str fresh;		/* where a new one grows */
	int lock_fd;
};

/* What is left of the time, as git_call wants it; less than 1: none is left. */
static int64_t time_left(const struct update *update)
{
	int64_t left;

	if (!update->deadline_ms)
		return 0;
	left = update->deadline_ms - clock_steady_ms();
	return left > 0 ? left : -1;
}

static int run_git(const struct update *update, const char *git_dir, const char *const *argv,
	struct error *err)
{
	struct git_call call = { .argv = argv, .git_dir = git_dir, .keep_fd = update->lock_fd };

	call.timeout_ms = time_left(update);
	if (call.timeout_ms < 0)
		return error_set(err, ERR_TIMEOUT, "no time is left for git %s", argv[0]);
	return git_call(NULL, NULL, NULL, &call, err);
}

/*
 * A failed talk with a remote: not our fault and perhaps better later, unless the error is of
 * another kind.
 */
static int unreachable(struct error *err, const struct error *cause, const char *url)
{
	enum error_code code = cause->code == ERR_FAILED ? ERR_UNAVAILABLE : cause->code;

	/* git's advice would not help: the git that refuses sees no setting of ours. */
	if (strstr(cause->text, "dubious ownership"))
		return error_set(err, ERR_DENIED,
			"%s belongs to another user: bisectd reads a local repository only as its owner",
			url);
	return error_set(err, code, "cannot fetch from %s: %s", url, cause->text);
}

/*
 * ERR_NOT_FOUND: there is no mirror.  ERR_CORRUPT: there is something else.  1: it has `want`, 0:
 * it has not.
 */
static int mirror_has(const char *path, const char *want, struct error *err)
{
	git_repository *repository = NULL;
	git_commit *commit = NULL;
	git_oid oid;
	int result = 0;

	if (access(path, F_OK) < 0)
		return error_errno(err, errno, "mirror %s", path);
	if (git_repository_open_bare(&repository, path) < 0)
		return error_set(err, ERR_CORRUPT, "mirror %s: %s", path, git_library_words());
	if (want && git_oid_fromstr(&oid, want) == 0 &&
		git_commit_lookup(&commit, repository, &oid) == 0)
		result = 1;
	git_commit_free(commit);
	git_repository_free(repository);
	return result;
}

/* ERR_CORRUPT where a reference names an object that is gone: a pack was lost or cut short. */
static int check_references(git_repository *repository, struct error *err)
{
	git_reference_iterator *references = NULL;
	git_reference *reference = NULL;
	git_odb *objects = NULL;
	int result = 0;

	if (git_repository_odb(&objects, repository) < 0 ||
		git_reference_iterator_new(&references, repository) < 0)
		result = error_set(err, ERR_CORRUPT, "%s: %s", git_repository_path(repository),
			git_library_words());
	while (result == 0 && git_reference_next(&reference, references) == 0) {
		const git_oid *oid = git_reference_target(reference);

		if (oid && !git_odb_exists(objects, oid))
			result = error_set(err, ERR_CORRUPT, "%s: the object of %s is not there",
				git_repository_path(repository), git_reference_name(reference));
		git_reference_free(reference);
	}
	git_reference_iterator_free(references);
	git_odb_free(objects);
	return result;
}

/* As far as can be told without reading all of it. ERR_NOT_FOUND, ERR_CORRUPT: as mirror_has(). */
static int mirror_check(const char *path, struct error *err)
{
	git_repository *repository = NULL;
	int result = mirror_has(path, NULL, err);

	if (result < 0)
		return result;
	if (git_repository_open_bare(&repository, path) < 0)
		return error_set(err, ERR_CORRUPT, "mirror %s: %s", path, git_library_words());
	result = check_references(repository, err);
	git_repository_free(repository);
	return result;
}

static int mirror_make(struct update *update, struct error *err)
{
	const char *argv[] = { "clone", "--quiet", "--bare", "--no-local", "--template=", "--",
		update->url, update->fresh.buf, NULL };
	struct error cause = ERROR_INIT;
	int result;

	if ((result = dir_remove(update->fresh.buf, err)) < 0)
		return result;
	if (run_git(update, NULL, argv, &cause) < 0) {
		dir_remove(update->fresh.buf, NULL);
		return unreachable(err, &cause, update->url);
	}
	if (rename(update->fresh.buf, update->path.buf) < 0) {
		result = error_errno(
			err, errno, "cannot put the new mirror at %s", update->path.buf);
		dir_remove(update->fresh.buf, NULL);
		return result;
	}
	return 0;
}

/*
 * Removes *.lock below a directory of references: only fetches write there, and the lock for those
 * is ours.
 */
static void remove_ref_locks(const char *directory, unsigned depth)
{
	struct str path = STR_INIT;
	struct dirent *entry;
	DIR *dir = depth < REF_DEPTH_MAX ? opendir(directory) : NULL;

	while (dir && (entry = readdir(dir))) {
		struct stat st;

		if (entry->d_name[0] == '.')
			continue;
		str_setf(&path, "%s/%s", directory, entry->d_name);
		if (lstat(path.buf, &st) < 0)
			continue;
		if (S_ISDIR(st.st_mode))
			remove_ref_locks(path.buf, depth + 1);
		else if (str_has_suffix(entry->d_name, ".lock"))
			unlink(path.buf);
	}
	if (dir)
		closedir(dir);
	str_release(&path);
}

/*
 * What a killed fetch left.  Loose tmp_obj_* files stay: they may be another process's at this
 * moment. Returns how many packs there are.
 */
static unsigned remove_leftovers(const char *mirror)
{
	static const char *const locks[] = {
		"HEAD.lock",
		"config.lock",
		"packed-refs.lock",
		"packed-refs.new",
		"shallow.lock",
		"index.lock",
	};
	struct str path = STR_INIT, packs = STR_INIT;
	struct dirent *entry;
	unsigned n_packs = 0;
	DIR *dir;

	for (size_t i = 0; i < sizeof(locks) / sizeof(locks[0]); i++)
		unlink(str_setf(&path, "%s/%s", mirror, locks[i]));
	remove_ref_locks(str_setf(&path, "%s/refs", mirror), 0);
	str_setf(&packs, "%s/objects/pack", mirror);
	dir = opendir(packs.buf);
	while (dir && (entry = readdir(dir))) {
		if (str_has_prefix(entry->d_name, "tmp_") || str_has_prefix(entry->d_name, ".tmp-"))
			unlink(str_setf(&path, "%s/%s", packs.buf, entry->d_name));
		else if (str_has_suffix(entry->d_name, ".pack"))
			n_packs++;
	}
	if (dir)
		closedir(dir);
	str_release(&path);
	str_release(&packs);
	return n_packs;
}

static int mirror_fetch(struct update *update, struct error *err)
{
	const char *argv[] = { "fetch", "--quiet", "--prune", "--no-tags", "--no-write-fetch-head",
		"--no-recurse-submodules", "--end-of-options", update->url,
		"+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*", NULL };
	const char *repack[] = { "repack", "-d", "-q", "--geometric=2", NULL };
	unsigned n_packs = remove_leftovers(update->path.buf);
	struct error cause = ERROR_INIT;

	if (run_git(update, update->path.buf, argv, &cause) < 0)
		return unreachable(err, &cause, update->url);
	/* Only for speed: what fails here is tried again after the next fetch. */
	if (n_packs >= PACKS_MAX)
		run_git(update, update->path.buf, repack, NULL);
	return 0;
}

/*
 * A commit that no branch or tag holds (any more): many servers give it when it is asked for by
 * name.
 */
static int mirror_fetch_commit(struct update *update, struct error *err)
{
	static const char *const refusals[] = {
		"not our ref",
		"unadvertised object",
		"no such remote ref",
		"couldn't find remote ref",
	};
	struct str refspec = STR_INIT;
	const char *argv[] = {
		"fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules",
		"--end-of-options", update->url, NULL, NULL
	};
	struct error cause = ERROR_INIT;
	int result = 0;

	str_addf(&refspec, "+%s:refs/bisectd/%s", update->want, update->want);
	argv[7] = refspec.buf;
	if (run_git(update, update->path.buf, argv, &cause) < 0) {
		result = unreachable(err, &cause, update->url);
		for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
			if (strstr(cause.text, refusals[i]))
				result = error_set(err, ERR_NOT_FOUND, "%s has no commit %s",
					update->url, update->want);
		}
	}
	str_release(&refspec);
	return result;
}

static int update_locked(struct update *update, const char *mirrors_dir, struct error *err)
{
	int has = mirror_has(update->path.buf, update->want, err);
	int result;

	if (has == 1)
		return 0;
	if (has == 0)
		has = mirror_check(update->path.buf, err);
	if (has == -ERR_CORRUPT && (result = dir_remove(update->path.buf, err)) < 0)
		return result;
	if (has == -ERR_CORRUPT || has == -ERR_NOT_FOUND) {
		if ((result = mirror_make(update, err)) < 0)
			return result;
		if ((result = file_sync_dir(mirrors_dir, err)) < 0)
			return result;
	} else if (has < 0) {
		return has;
	} else if ((result = mirror_fetch(update, err)) < 0) {
		return result;
	}
	if (!update->want || (has = mirror_has(update->path.buf, update->want, err)) == 1)
		return 0;
	if (has < 0 || (result = mirror_fetch_commit(update, err)) < 0)
		return has < 0 ? has : result;
	has = mirror_has(update->path.buf, update->want, err);
	if (has == 0)
		return error_set(err, ERR_NOT_FOUND, "%s has an object %s, but it is no commit",
			update->url, update->want);
	return has < 0 ? has : 0;
}

int mirror_update(struct str *ret_path, const char *mirrors_dir, const char *url, const char *want,
	bool local, int64_t timeout_ms, struct error *err)
{
	struct update update = {
		.url = url, .want = want, .path = STR_INIT, .fresh = STR_INIT, .lock_fd = -1
	};
	struct str lock = STR_INIT;
	int64_t wait_ms;
	int result;

	git_library_start();
	if ((result = mirror_check_url(url, local, err)) < 0)
		return result;
	if (want && !hash_is_hex(want, GIT_HEX))
		return error_set(
			err, ERR_INVALID, "a commit to fetch is named by %d hex digits", GIT_HEX);
	if (timeout_ms > 0)
		update.deadline_ms = clock_steady_ms() + timeout_ms;
	mirror_path(&update.path, mirrors_dir, url);

	/* The common case needs no lock: objects only ever arrive. */
	if (want && mirror_has(update.path.buf, want, NULL) == 1)
		goto done;
	if ((result = dir_make(mirrors_dir, 0755, err)) < 0)
		goto out;
	str_addf(&lock, "%.*s.lock", (int)(update.path.len - strlen(".git")), update.path.buf);
	str_addf(&update.fresh, "%.*s.new", (int)(update.path.len - strlen(".git")),
		update.path.buf);
	wait_ms = timeout_ms > 0 && timeout_ms < INT_MAX ? timeout_ms : INT_MAX;
	if ((result = file_lock(&update.lock_fd, lock.buf, (int)wait_ms, err)) < 0) {
		if (result == -ERR_UNAVAILABLE)
			result = error_set(err, ERR_TIMEOUT,
				"another process was fetching %s all the time", url);
		goto out;
	}
	if ((result = update_locked(&update, mirrors_dir, err)) < 0)
		goto out;
done:
	str_add(ret_path, update.path.buf);
	result = 0;
out:
	file_close(&update.lock_fd);
	str_release(&lock);
	str_release(&update.path);
	str_release(&update.fresh);
	return result;
}

int mirror_excuse(int result, const char *path, struct error *err)
{
	struct str head = STR_INIT;
	struct error found = ERROR_INIT;
	int state;

	if (result >= 0)
		return result;
	state = mirror_check(path, &found);
	if (state == -ERR_NOT_FOUND)
		return error_set(err, ERR_UNAVAILABLE, "the mirror was deleted while it was read");
	if (state == 0 && result == -ERR_CORRUPT) {
		/* What it should hold cannot be read. Without its HEAD nobody takes it for whole. */
		unlink(str_setf(&head, "%s/HEAD", path));
		str_release(&head);
		state = -ERR_CORRUPT;
		found = *err;
	}
	if (state != -ERR_CORRUPT)
		return result;
	return error_set(err, ERR_UNAVAILABLE, "the mirror is damaged and will be made anew: %s", found.text);
}
