#include "git/command.h"

#include <git2.h>
#include <pthread.h>

#include "base/child.h"
#include "base/mem.h"
#include "git/mirror.h"

#define WORDS_MAX 400
#define OUTPUT_MAX ((size_t)64 << 20)

static pthread_once_t library_once = PTHREAD_ONCE_INIT;

static void library_start(void)
{
	/*
	 * What newer gits write into version 1 repositories and what changes nothing for a reader
	 * of commits.
	 */
	static const char *extensions[] = { "worktreeconfig", "partialclone", "preciousobjects" };

	git_libgit2_init();
	git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0);
	git_libgit2_opts(
		GIT_OPT_SET_EXTENSIONS, extensions, sizeof(extensions) / sizeof(extensions[0]));
	/* The same configuration for everybody: the repository's own. */
	git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, GIT_CONFIG_LEVEL_SYSTEM, "");
	git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, GIT_CONFIG_LEVEL_XDG, "");
	git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, GIT_CONFIG_LEVEL_GLOBAL, "");
	git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, GIT_CONFIG_LEVEL_PROGRAMDATA, "");
	/* A walk reads every commit once: keeping them only costs memory. */
	git_libgit2_opts(GIT_OPT_SET_CACHE_OBJECT_LIMIT, GIT_OBJECT_COMMIT, (size_t)0);
}

void git_library_start(void)
{
	pthread_once(&library_once, library_start);
}

const char *git_library_words(void)
{
	const git_error *last = git_error_last();

	return last && last->message ? last->message : "no reason given";
}

/* True for lines of git that tell a person nothing about this failure. */
static bool is_chatter(const char *line)
{
	static const char *const prefixes[] = {
		"Cloning into",
		"warning:",
		"hint:",
		"Please make sure you have the correct access rights",
		"and the repository exists.",
		"From ",
		" * ",
		" + ",
		" - ",
		"Note:",
	};

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		if (str_has_prefix(line, prefixes[i]))
			return true;
	}
	return false;
}

/* Standard error as one line: what matters of it, joined by "; ". */
static void add_words(struct str *ret, const struct str *complaint)
{
	struct str line = STR_INIT;
	size_t start = ret->len;

	for (const char *p = complaint->buf; *p && ret->len - start < WORDS_MAX;) {
		size_t len = strcspn(p, "\r\n");
		size_t room = WORDS_MAX - (ret->len - start);

		str_clear(&line);
		str_add_bytes(&line, p, len);
		str_trim_right(&line);
		if (line.len && !is_chatter(line.buf)) {
			const char *text = line.buf;

			if (str_has_prefix(text, "fatal: "))
				text += strlen("fatal: ");
			if (ret->len > start)
				str_add(ret, "; ");
			str_add_printable(ret, text, strlen(text), room);
		}
		p += len;
		p += strspn(p, "\r\n");
	}
	str_release(&line);
}

int git_call(int *ret_status, struct str *ret_out, struct str *ret_words,
	const struct git_call *call, struct error *err)
{
	struct child_options options = CHILD_OPTIONS_INIT;
	struct child_exit exit;
	struct strv argv = STRV_INIT;
	struct str complaint = STR_INIT, words = STR_INIT;
	const char *verb = call->argv[0];
	int result;

	strv_push(&argv, "git");
	if (call->git_dir)
		strv_pushf(&argv, "--git-dir=%s", call->git_dir);
	if (call->work_tree)
		strv_pushf(&argv, "--work-tree=%s", call->work_tree);
	strv_push_all(&argv, call->argv);

	options.argv = strv_argv(&argv);
	options.env = git_environment();
	options.directory = call->work_tree ? call->work_tree : call->directory;
	options.stdout_fd = ret_out ? CHILD_PIPE : CHILD_NULL;
	options.stderr_fd = CHILD_PIPE;
	options.timeout_ms = call->timeout_ms;
	if (call->keep_fd > 0) {
		options.keep_fds = &call->keep_fd;
		options.n_keep_fds = 1;
	}
	result = child_run(&exit, ret_out, &complaint, NULL, 0, OUTPUT_MAX, &options, err);
	if (result < 0)
		goto out;
	add_words(&words, &complaint);
	if (exit.timed_out) {
		result = error_set(err, ERR_TIMEOUT, "git %s did not end within %lld s", verb,
			(long long)(call->timeout_ms / 1000));
	} else if (exit.signal) {
		result = error_set(err, ERR_FAILED, "git %s was killed by signal %d (%s)", verb,
			exit.signal, strsignal(exit.signal));
	} else if (ret_status) {
		*ret_status = exit.status;
		if (ret_words)
			str_add(ret_words, words.buf);
	} else if (exit.status) {
		bool full = strstr(complaint.buf, "No space left on device") ||
			strstr(complaint.buf, "Disk quota exceeded");

		result = error_set(err, full ? ERR_NO_SPACE : ERR_FAILED, "git %s: %s", verb,
			words.len ? words.buf : "it failed and gave no reason");
	}
out:
	str_release(&complaint);
	str_release(&words);
	strv_release(&argv);
	return result;
}
