#include "job/job_template.h"

#include "base/mem.h"
#include "job/job_check.h"
#include "job/job_load.h"

#define NAME_LENGTH_MAX 200

/* --- ERB --- */

static int refuse_line(const char *where, size_t number, struct error *err)
{
	return error_set(err, ERR_INVALID,
	        "%s:%zu:1: found a line that begins with \"%%\" (ERB), which is not run here; "
	        "allowed: data only: write "
	        "the lines that it makes, a list where it loops, or KEY=VALUE on the command line",
	        where, number);
}

/* "<%" is no ERB inside a word of another language. */
static const char *find_tag(const char *line, const char *line_end)
{
	const char *first = line, *at;

	while (first < line_end && (*first == ' ' || *first == '\t'))
		first++;
	if (first == line_end || *first == '#')
		return NULL;
	at = memmem(first, (size_t)(line_end - first), "<%", 2);
	return at && (at + 2 == line_end || strchr("= \t-#%\r", at[2])) ? at : NULL;
}

static bool is_directive(const char *line, size_t len)
{
	return (len > 6 && memcmp(line, "%YAML ", 6) == 0) ||
	       (len > 5 && memcmp(line, "%TAG ", 5) == 0);
}

/* They would otherwise fail as strange YAML, or worse, not fail. */
int job_refuse_templates(const char *where, const char *text, size_t len, struct error *err)
{
	const char *line = text, *end = text + len;

	for (size_t number = 1; line < end; number++) {
		const char *line_end = memchr(line, '\n', (size_t)(end - line)), *at;

		if (!line_end)
			line_end = end;
		if (line < line_end && *line == '%' &&
		        !is_directive(line, (size_t)(line_end - line)))
			return refuse_line(where, number, err);
		at = find_tag(line, line_end);
		if (at)
			return error_set(err, ERR_INVALID,
			        "%s:%zu:%zu: found the ERB template \"<%%\", which is not run "
			        "here; allowed: the "
			        "value itself, {{ name }} for the value of another key, or a "
			        "variable of \"env\" in a "
			        "script",
			        where, number, (size_t)(at - line) + 1);
		line = line_end < end ? line_end + 1 : end;
	}
	return 0;
}

/* --- {{ name }} --- */

struct substitution {
	const struct value *job;
	size_t bytes; /* of all that was filled in so far */
	struct error *err;
};

static bool is_name(const char *name)
{
	return *name &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") ==
	               strlen(name);
}

static int fill_in(
        struct substitution *s, struct str *ret, const struct value *value, unsigned depth);

static int add_named(struct substitution *s, struct str *ret, const char *name,
        const struct value *at, unsigned depth)
{
	const struct value *named;

	if (!is_name(name))
		return value_error(s->err, ERR_INVALID, &at->place,
		        "found \"{{ %.100s }}\", allowed between the braces: the name of a key, as "
		        "os or ltp.test; no "
		        "expressions",
		        name);
	named = value_get_path(s->job, name);
	if (!named)
		return value_error(s->err, ERR_INVALID, &at->place,
		        "found \"{{ %.100s }}\", but the job has no key \"%.100s\"", name, name);
	if (named->type != YAML_SCALAR)
		return value_error(s->err, ERR_INVALID, &at->place,
		        "found \"{{ %.100s }}\", which is %s, allowed: the name of a key with one "
		        "text",
		        name, value_type_name(named));
	if (depth >= JOB_TEMPLATE_DEPTH_MAX)
		return value_error(s->err, ERR_LIMIT, &at->place,
		        "found \"{{ %.100s }}\" more than %d deep in other names; do they name "
		        "each other?",
		        name, JOB_TEMPLATE_DEPTH_MAX);
	return value_is_null(named) ? 0 : fill_in(s, ret, named, depth + 1);
}

/* Appends the value's text with all names filled in. */
static int fill_in(
        struct substitution *s, struct str *ret, const struct value *value, unsigned depth)
{
	const char *at = value->text, *open, *close;
	int rc = 0;

	while (rc == 0 && (open = strstr(at, "{{"))) {
		const char *name = open + 2 + strspn(open + 2, " \t");
		size_t len;
		char *copy;

		str_add_bytes(ret, at, (size_t)(open - at));
		close = strstr(name, "}}");
		if (!close)
			return value_error(s->err, ERR_INVALID, &value->place,
			        "found \"{{\" without \"}}\" after it");
		len = (size_t)(close - name);
		while (len && (name[len - 1] == ' ' || name[len - 1] == '\t'))
			len--;
		copy = mem_strndup(name, len < NAME_LENGTH_MAX ? len : NAME_LENGTH_MAX);
		rc = add_named(s, ret, copy, value, depth);
		free(copy);
		at = close + 2;
		s->bytes += len + 4;
		if (rc == 0 && ret->len + s->bytes > JOB_TEXT_LENGTH_MAX)
			rc = value_error(s->err, ERR_LIMIT, &value->place,
			        "found more than %u bytes with all names filled in, which is the "
			        "limit of a job",
			        JOB_TEXT_LENGTH_MAX);
	}
	if (rc == 0)
		str_add(ret, at);
	return rc;
}

static bool is_other_language(const char *key, unsigned depth)
{
	static const char *const keys[] = { "env", "error", "setup", "daemon", "cmd" };

	if (strcmp(key, "run") == 0)
		return true;
	for (size_t i = 0; depth == 0 && i < sizeof(keys) / sizeof(*keys); i++)
		if (strcmp(key, keys[i]) == 0)
			return true;
	return false;
}

static int substitute(struct substitution *s, struct value *value, unsigned depth)
{
	int rc = 0;

	for (size_t i = 0; i < value->n && rc == 0; i++) {
		struct value *inner = value->fields[i].value;
		struct str text = STR_INIT;

		if (value->type == YAML_MAPPING && is_other_language(value->fields[i].key, depth))
			continue;
		if (inner->type != YAML_SCALAR) {
			rc = substitute(s, inner, depth + 1);
			continue;
		}
		if (!strstr(inner->text, "{{"))
			continue;
		rc = fill_in(s, &text, inner, 0);
		s->bytes += text.len;
		if (rc == 0) {
			free(inner->text);
			inner->text = str_detach(&text);
			inner->quoted = true;
		}
		str_release(&text);
	}
	return rc;
}

int job_substitute(struct value *job, struct error *err)
{
	struct substitution s = { .job = job, .err = err };

	return substitute(&s, job, 0);
}
