#include "job/pytest.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

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

/* How many bytes are the letters of cases.  R is of pytest-rerunfailures; s was skipped, u, - and the comma are of subtests. */
static size_t count_letters(const char *text)
{
	size_t len = strspn(text, ".FEsxXRu,-");

	return len && (!text[len] || str_has_prefix(text + len + strspn(text + len, " "), "[")) ? len : 0;
}

static void forget_file(struct pytest *pytest)
{
	free(pytest->files.v[--pytest->files.n]);
	pytest->in_file = false;
}

/* "tests/test_parse.py ..F.   [ 40%]", and a line of letters where they go on. */
static void read_file(struct pytest *pytest, const char *text)
{
	size_t len = strcspn(text, " ");
	bool is_file = text[len] && len > 3 && memcmp(text + len - 3, ".py", 3) == 0;
	const char *letters = is_file ? text + len + 1 : text;
	size_t n_letters = count_letters(letters);
	char *file;

	if (is_file && n_letters && pytest->files.n < PYTEST_FILES_MAX) {
		file = mem_strndup(text, len);
		strv_push(&pytest->files, file);
		free(file);
	}
	if (is_file || !n_letters)
		pytest->in_file = is_file && n_letters && pytest->files.n < PYTEST_FILES_MAX;
	/* One that was skipped has not passed. */
	if (pytest->in_file && memchr(letters, 's', n_letters))
		forget_file(pytest);
	else if (pytest->in_file && strcspn(letters, "u,-") < n_letters)
		forget_file(pytest);
}

/* A file that could not be read has no "::", and what is in it was not run. */
static void read_named(struct pytest *pytest, const char *text)
{
	const char *name = strchr(text, ' ') + 1;

	if (strstr(name, "::"))
		pytest->named++;
	else
		pytest->unsure = true;
}

static void begin(struct pytest *pytest)
{
	/* One that is in progress will not end, or this one is in what a case of it printed. */
	pytest->unsure |= pytest->in_session;
	pytest->in_session = true;
	pytest->in_summary = pytest->in_file = false;
	pytest->named = 0;
}

static void end(struct pytest *pytest, const char *counts)
{
	pytest->in_session = false;
	pytest->unsure |= strstr(counts, " deselected") ||
	                  count_of(counts, " failed") + count_of(counts, " error") != pytest->named;
}

void pytest_read(struct pytest *pytest, const char *text)
{
	const char *counts;

	if (*text == '=' && is_heading(text, "test session starts")) {
		begin(pytest);
	} else if (!pytest->in_session) {
		return;
	} else if (*text == '=' && is_heading(text, "short test summary info")) {
		pytest->in_summary = true;
	} else if (*text == '!' || str_has_prefix(text, "INTERNALERROR>")) {
		pytest->unsure = true; /* "!!!!! stopping after 1 failures !!!!!" */
	} else if (pytest->in_summary && (str_has_prefix(text, "FAILED ") || str_has_prefix(text, "ERROR "))) {
		read_named(pytest, text);
	} else if (*text == '=' && (counts = find_counts(text))) {
		end(pytest, counts);
	} else if (!pytest->in_summary) {
		read_file(pytest, text);
	}
}

bool pytest_is_sure(const struct pytest *pytest)
{
	return !pytest->in_session && !pytest->unsure;
}
