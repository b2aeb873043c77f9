#include "job/pytest.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static void begin(struct pytest *pytest)
{
	strv_release(&pytest->files);
	*pytest = (struct pytest){ .in_session = true };
}

void pytest_release(struct pytest *pytest)
{
	strv_release(&pytest->files);
	*pytest = (struct pytest){ 0 };
}

/* "===== WORDS =====" */
static bool is_heading(const char *text, const char *words)
{
	text += strspn(text, "=");
	if (*text++ != ' ' || !str_has_prefix(text, words))
		return false;
	text += strlen(words);
	return *text == ' ' && text[1] == '=';
}

/* Of "2 failed, 10 passed, 1 error in 0.12s ====" the number before a word; 0: it is not there. */
static unsigned long count_of(const char *counts, const char *word)
{
	for (const char *at = counts; (at = strstr(at, word)); at += strlen(word)) {
		const char *number = at;

		while (number > counts && strchr("0123456789", number[-1]))
			number--;
		if (number < at)
			return strtoul(number, NULL, 10);
	}
	return 0;
}

/* "===== 1 failed, 9 passed in 75.12s (0:01:15) =====" */
static const char *find_counts(const char *text)
{
	const char *counts = text + strspn(text, "="), *in;

	if (counts == text || *counts++ != ' ' || *counts < '0' || *counts > '9')
		return NULL;
	in = strstr(counts, " in ");
	return in && in[4] >= '0' && in[4] <= '9' && str_has_suffix(text, "=") ? counts : NULL;
}

/* "tests/test_parse.py ..F.   [ 40%]": a letter a case, among them those of pytest-rerunfailures (R) and of subtests. */
static void read_file(struct pytest *pytest, const char *text)
{
	size_t len = strcspn(text, " ");
	const char *letters = text + len + 1, *rest;
	char *file;

	if (!text[len] || len < 4 || memcmp(text + len - 3, ".py", 3) != 0)
		return;
	rest = letters + strspn(letters, ".FEsxXRu,-");
	if (rest == letters || (*rest && !str_has_prefix(rest + strspn(rest, " "), "[")))
		return;
	if (pytest->files.n == PYTEST_FILES_MAX)
		return;
	file = mem_strndup(text, len);
	strv_push(&pytest->files, file);
	free(file);
}

/* A file that could not be read has no "::", and what is in it was not run. */
static void read_named(struct pytest *pytest, const char *text)
{
	const char *name = strchr(text, ' ') + 1;

	if (strstr(name, "::"))
		pytest->named++;
	else
		pytest->cut = true;
}

bool pytest_read(struct pytest *pytest, const char *text)
{
	const char *counts;

	if (!pytest->in_session && pytest->files.n)
		strv_release(&pytest->files);
	if (*text == '=' && is_heading(text, "test session starts")) {
		/* one that is in progress will not end */
		begin(pytest);
		return false;
	}
	if (!pytest->in_session)
		return false;
	if (*text == '=' && is_heading(text, "short test summary info")) {
		pytest->in_summary = true;
	} else if (*text == '!' || str_has_prefix(text, "INTERNALERROR>")) {
		pytest->cut = true; /* "!!!!! stopping after 1 failures !!!!!" */
	} else if (pytest->in_summary && (str_has_prefix(text, "FAILED ") || str_has_prefix(text, "ERROR "))) {
		read_named(pytest, text);
	} else if (*text == '=' && (counts = find_counts(text))) {
		pytest->in_session = false;
		return !pytest->cut && count_of(counts, " failed") + count_of(counts, " error") == pytest->named;
	} else if (!pytest->in_summary) {
		read_file(pytest, text);
	}
	return false;
}
