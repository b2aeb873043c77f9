#include "tests/unit/git_fixture.h"

#include <check.h>
#include <limits.h>
#include <stdarg.h>
#include <unistd.h>

#include "base/child.h"
#include "base/file.h"
#include "base/mem.h"

#define NAMES_MAX 20000
#define GIT_MS 120000

static char directory[PATH_MAX];
static struct str said = STR_INIT;

void fixture_environment(void)
{
	static const char *const gone[] = { "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE",
		"GIT_CONFIG_COUNT", "GIT_OBJECT_DIRECTORY", "GIT_CONFIG_PARAMETERS",
		"GIT_CEILING_DIRECTORIES", "GIT_COMMON_DIR" };
	static const char *const set[][2] = {
		{ "GIT_CONFIG_GLOBAL", "/dev/null" },
		{ "GIT_CONFIG_NOSYSTEM", "1" },
		{ "LC_ALL", "C" },
		{ "GIT_AUTHOR_NAME", "A U Thor" },
		{ "GIT_AUTHOR_EMAIL", "author@example.org" },
		{ "GIT_AUTHOR_DATE", "1700000000 +0000" },
		{ "GIT_COMMITTER_NAME", "C O Mitter" },
		{ "GIT_COMMITTER_EMAIL", "committer@example.org" },
		{ "GIT_COMMITTER_DATE", "1700000000 +0000" },
	};

	for (size_t i = 0; i < sizeof(gone) / sizeof(gone[0]); i++)
		unsetenv(gone[i]);
	for (size_t i = 0; i < sizeof(set) / sizeof(set[0]); i++)
		setenv(set[i][0], set[i][1], 1);
}

void fixture_enter(void)
{
	const char *parent = getenv("TMPDIR");

	snprintf(directory, sizeof(directory), "%s/test_git.XXXXXX", parent ? parent : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	ck_assert_int_eq(chdir(directory), 0);
}

void fixture_leave(void)
{
	str_release(&said);
	ck_assert_int_eq(chdir("/"), 0);
	ck_assert_int_eq(dir_remove(directory, NULL), 0);
}

const char *fixture_directory(void)
{
	return directory;
}

void fixture_write(const char *path, const char *text)
{
	struct error err = ERROR_INIT;

	ck_assert_msg(file_write_atomic(path, text, strlen(text), 0644, &err) == 0, "%s", err.text);
}

bool fixture_holds(const char *path, const char *text)
{
	struct str have = STR_INIT;
	bool holds = file_read(&have, path, 1 << 20, NULL) == 0 && have.len == strlen(text) &&
		memcmp(have.buf, text, have.len) == 0;

	str_release(&have);
	return holds;
}

bool fixture_exists(const char *path)
{
	return access(path, F_OK) == 0;
}

static void run(const char *where, struct str *out, const char *input, size_t input_len,
	const struct strv *argv)
{
	struct child_options options = CHILD_OPTIONS_INIT;
	struct child_exit exit;
	struct str complaint = STR_INIT;
	struct error err = ERROR_INIT;

	options.argv = strv_argv(argv);
	options.directory = where;
	options.stdout_fd = CHILD_PIPE;
	options.stderr_fd = CHILD_PIPE;
	options.timeout_ms = GIT_MS;
	ck_assert_msg(child_run(&exit, out, &complaint, input, input_len, 0, &options, &err) == 0,
		"%s", err.text);
	ck_assert_msg(exit.status == 0, "git %s: %s", argv->v[1], complaint.buf);
	str_release(&complaint);
}

static void collect(struct strv *argv, va_list ap)
{
	const char *word;

	strv_push(argv, "git");
	while ((word = va_arg(ap, const char *)))
		strv_push(argv, word);
}

void git_ok(const char *where, ...)
{
	struct strv argv = STRV_INIT;
	va_list ap;

	va_start(ap, where);
	collect(&argv, ap);
	va_end(ap);
	run(where, NULL, NULL, 0, &argv);
	strv_release(&argv);
}

const char *git_says(const char *where, ...)
{
	struct strv argv = STRV_INIT;
	va_list ap;

	va_start(ap, where);
	collect(&argv, ap);
	va_end(ap);
	str_clear(&said);
	run(where, &said, NULL, 0, &argv);
	strv_release(&argv);
	str_trim_right(&said);
	return said.buf;
}

/* --- fast-import: a thousand commits are one program. --- */

static size_t mark_of(const struct strv *names, const char *name, size_t len)
{
	for (size_t i = names->n; i > 0; i--) {
		if (strncmp(names->v[i - 1], name, len) == 0 && names->v[i - 1][len] == '\0')
			return i;
	}
	ck_abort_msg("no commit %.*s before this", (int)len, name);
	return 0;
}

static void add_import(struct str *stream, struct strv *names, const char *line, size_t len)
{
	size_t name = strcspn(line, "@ \n"), at = name;
	long long time = 1600000000 + 100 * (long long)names->n;

	if (line[at] == '@') {
		time = strtoll(line + at + 1, NULL, 10);
		at += strcspn(line + at, " \n");
	}
	str_addf(stream, "commit refs/heads/%.*s\nmark :%zu\n", (int)name, line, names->n + 1);
	str_addf(stream, "committer C O Mitter <committer@example.org> %lld +0000\n", time);
	str_addf(stream, "data %zu\n%.*s\n", name, (int)name, line);
	for (unsigned n = 0; at < len; n++) {
		size_t parent = strcspn(line + ++at, " \n");

		str_addf(stream, "%s :%zu\n", n ? "merge" : "from",
			mark_of(names, line + at, parent));
		at += parent;
	}
	str_addf(stream, "M 100644 inline f\ndata %zu\n%.*s\n", name, (int)name, line);
	str_addf(stream, "M 100644 inline files/%.*s\ndata 2\n1\n\n", (int)name, line);
	ck_assert_uint_lt(names->n, NAMES_MAX);
	strv_pushf(names, "%.*s", (int)name, line);
}

void repo_import(const char *path, const char *lines)
{
	struct str stream = STR_INIT;
	struct strv names = STRV_INIT, argv = STRV_INIT;

	for (const char *p = lines; *p;) {
		size_t len = strcspn(p, "\n");

		if (len)
			add_import(&stream, &names, p, len);
		p += len + (p[len] == '\n');
	}
	git_ok(NULL, "init", "--quiet", "--initial-branch=unborn", path, NULL);
	strv_push_many(&argv, "git", "fast-import", "--quiet", "--force", NULL);
	run(path, NULL, stream.buf, stream.len, &argv);
	str_release(&stream);
	strv_release(&names);
	strv_release(&argv);
}

const char *repo_id(const char *path, const char *revision)
{
	static char ids[16][GIT_HEX + 1];
	static unsigned next;
	char *id = ids[next++ % 16];
	const char *text = git_says(path, "rev-parse", "--verify", revision, NULL);

	ck_assert_uint_eq(strlen(text), GIT_HEX);
	memcpy(id, text, GIT_HEX + 1);
	return id;
}

const char *repo_commit(const char *path, const char *message)
{
	git_ok(path, "add", "--all", NULL);
	git_ok(path, "commit", "--quiet", "--allow-empty", "-m", message, NULL);
	return repo_id(path, "HEAD");
}

int repo_history(struct history *ret, const char *path, const char *bad, bool first_parent,
	struct error *err, const char *const *good)
{
	struct repository *repository = NULL;
	struct strv ids = STRV_INIT;
	int result;

	ck_assert_msg(repository_open(&repository, path, err) == 0, "%s", err->text);
	while (*good)
		strv_push(&ids, repo_id(path, *good++));
	result = history_load(
		ret, repository, strv_argv(&ids), repo_id(path, bad), first_parent, err);
	strv_release(&ids);
	repository_free(repository);
	return result;
}
