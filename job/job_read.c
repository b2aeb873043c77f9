#include <inttypes.h>

#include "base/file.h"
#include "base/mem.h"
#include "job/errorid.h"
#include "job/job.h"
#include "job/job_check.h"
#include "job/job_defaults.h"
#include "job/job_lower.h"
#include "job/log_kinds.h"
#include "job/pattern.h"

#define SCRIPT_MAX (64u << 10)
#define TEXT_MAX 4096
#define WORD_MAX 64
#define ENV_COUNT_MAX 200
#define ENV_BYTES_MAX (64u << 10)
#define KEEP_COUNT_MAX 1000
#define KEEP_BYTES_MAX (64u << 10)

struct reader {
	struct job *job;
	struct error *err;
	size_t bytes; /* of the list that is being read */
	struct strv *env;
};

/* A key of a mapping: `read` puts its value into the job. */
struct key {
	const char *name;
	bool required;
	int (*read)(struct reader *r, const struct value *value, const char *name);
};

struct mapping {
	const char *name;       /* "build" in "build.run"; "" for the job itself */
	const struct key *keys; /* up to a NULL name */
};

#define fail(r, node, ...) value_error((r)->err, ERR_INVALID, &(node)->place, __VA_ARGS__)

/* Mappings whose keys are known */

static int unknown_key(
        struct reader *r, const struct value_field *field, const struct mapping *mapping)
{
	struct str allowed = STR_INIT, suggestion = STR_INIT;
	const char *nearest;
	const char *names[32];
	size_t n = 0;
	int rc;

	for (const struct key *k = mapping->keys; k->name; k++) {
		str_addf(&allowed, "%s%s", n ? ", " : "", k->name);
		names[n++] = k->name;
	}
	names[n] = NULL;
	nearest = check_nearest(field->key, names);
	if (nearest)
		str_addf(&suggestion, "; did you mean \"%s\"?", nearest);
	rc = fail(r, field, "found the key \"%.100s\"%s%s%s Allowed%s%s: %s", field->key,
	        *mapping->name ? " in " : "", mapping->name, nearest ? suggestion.buf : ".",
	        *mapping->name ? " in " : "", mapping->name, allowed.buf);
	str_release(&allowed);
	str_release(&suggestion);
	return rc;
}

static const struct key *find_key(const struct mapping *mapping, const char *name)
{
	for (const struct key *k = mapping->keys; k->name; k++)
		if (strcmp(k->name, name) == 0)
			return k;
	return NULL;
}

static int read_fields(struct reader *r, const struct value *node, const struct mapping *mapping)
{
	struct str full = STR_INIT;
	int rc = 0;

	for (size_t i = 0; i < node->n && rc == 0; i++) {
		const struct value_field *field = &node->fields[i];
		const struct key *known = find_key(mapping, field->key);

		str_setf(&full, "%s%s%s", mapping->name, *mapping->name ? "." : "", field->key);
		if (!known)
			rc = unknown_key(r, field, mapping);
		else if (!value_is_null(field->value))
			rc = known->read(r, field->value, full.buf);
		else if (known->required)
			rc = fail(r, field, "found nothing after \"%s\", which is required",
			        full.buf);
	}
	for (const struct key *k = mapping->keys; k->name && rc == 0; k++)
		if (k->required && !value_field(node, k->name))
			rc = fail(r, node, "found no \"%s%s%s\", which is required", mapping->name,
			        *mapping->name ? "." : "", k->name);
	str_release(&full);
	return rc;
}

static int read_mapping(struct reader *r, const struct value *node, const struct mapping *mapping)
{
	struct str allowed = STR_INIT;
	int rc;

	if (node->type == YAML_MAPPING)
		return read_fields(r, node, mapping);
	for (const struct key *k = mapping->keys; k->name; k++)
		str_addf(&allowed, "%s%s", k == mapping->keys ? "" : ", ", k->name);
	rc = fail(r, node, "found %s%s%s, allowed: a mapping with %s", value_type_name(node),
	        *mapping->name ? " as " : "", mapping->name, allowed.buf);
	str_release(&allowed);
	return rc;
}

/* Values */

static int read_text(
        struct reader *r, const struct value *value, const char *name, size_t max, const char **ret)
{
	size_t len;

	if (value->type != YAML_SCALAR)
		return fail(r, value, "found %s as \"%s\", allowed: text", value_type_name(value),
		        name);
	len = strlen(value->text);
	if (len == 0)
		return fail(r, value, "found an empty text as \"%s\"", name);
	if (len > max)
		return fail(r, value, "found %zu bytes in \"%s\", allowed: at most %zu", len, name,
		        max);
	if (check_has_control(value->text))
		return fail(r, value,
		        "found a control character in \"%s\", allowed: text with tabs and "
		        "newlines%s",
		        name, strchr(value->text, '\r') ? " (the file has \\r escapes)" : "");
	*ret = value->text;
	return 0;
}

static int read_line_of_text(
        struct reader *r, const struct value *value, const char *name, const char **ret)
{
	int rc = read_text(r, value, name, TEXT_MAX, ret);

	if (rc == 0 && strpbrk(*ret, "\n\t"))
		return fail(r, value, "found several lines or a tab in \"%s\", allowed: one line",
		        name);
	return rc;
}

static int read_word(struct reader *r, const struct value *value, const char *name, char **ret)
{
	const char *text;
	int rc = read_text(r, value, name, WORD_MAX, &text);

	if (rc < 0)
		return rc;
	if (!check_is_word(text))
		return fail(r, value,
		        "found \"%s\" as \"%s\", allowed: a word of letters, digits and . _ + - "
		        "that begins with a "
		        "letter or digit",
		        text, name);
	*ret = mem_strdup(text);
	return 0;
}

static int read_choice(struct reader *r, const struct value *value, const char *name,
        const char *const *choices, const char *hint, char **ret)
{
	struct str allowed = STR_INIT;
	const char *text, *nearest = hint;
	int rc = read_text(r, value, name, TEXT_MAX, &text);

	if (rc < 0)
		return rc;
	for (const char *const *choice = choices; *choice; choice++) {
		if (strcmp(*choice, text) == 0) {
			*ret = mem_strdup(text);
			goto out;
		}
		str_addf(&allowed, "%s%s", allowed.len ? ", " : "", *choice);
	}
	if (!nearest)
		nearest = check_nearest(text, choices);
	rc = fail(r, value, "found \"%.100s\" as \"%s\", allowed: %s%s%s%s", text, name,
	        allowed.buf, nearest ? "; did you mean \"" : "", nearest ? nearest : "",
	        nearest ? "\"?" : "");
out:
	str_release(&allowed);
	return rc;
}

static int read_suite(struct reader *r, const struct value *value, const char *name)
{
	return read_word(r, value, name, &r->job->suite);
}

static int read_category(struct reader *r, const struct value *value, const char *name)
{
	static const char *const categories[] = { "functional", "benchmark", "noise-benchmark",
		NULL };

	return read_choice(r, value, name, categories, NULL, &r->job->category);
}

static int read_testbox(struct reader *r, const struct value *value, const char *name)
{
	struct error why = ERROR_INIT;
	struct testbox box;
	const char *text;
	int rc = read_line_of_text(r, value, name, &text);

	if (rc < 0)
		return rc;
	if (testbox_read(&box, text, &why) < 0)
		return fail(r, value, "found %s", why.text);
	r->job->box_cpus = box.cpus;
	r->job->box_memory = box.memory;
	r->job->testbox = mem_strdup(text);
	return 0;
}

/* "vm-2p8g.aarch64" is vm-2p8g with that os_arch. */
static int settle_arch(struct reader *r, const struct value *doc)
{
	struct job *job = r->job;
	struct testbox box;

	if (testbox_read(&box, job->testbox, r->err) < 0 || !*box.arch)
		return 0;
	if (job->os_arch && strcmp(box.arch, job->os_arch) != 0)
		return fail(r, value_get(doc, "testbox"),
		        "found a testbox of %s beside os_arch %s, allowed: one architecture",
		        box.arch, job->os_arch);
	job->testbox[strlen(job->testbox) - strlen(box.arch) - 1] = '\0';
	if (!job->os_arch)
		job->os_arch = mem_strdup(box.arch);
	return 0;
}

static int read_os(struct reader *r, const struct value *value, const char *name)
{
	return read_word(r, value, name, &r->job->os);
}

static int read_os_version(struct reader *r, const struct value *value, const char *name)
{
	return read_word(r, value, name, &r->job->os_version);
}

static int read_os_arch(struct reader *r, const struct value *value, const char *name)
{
	static const char *const arches[] = { "x86_64", "aarch64", NULL };
	const char *hint = NULL;

	if (value->type == YAML_SCALAR &&
	        (strcmp(value->text, "amd64") == 0 || strcmp(value->text, "x86-64") == 0))
		hint = "x86_64";
	else if (value->type == YAML_SCALAR && strncmp(value->text, "arm", 3) == 0)
		hint = "aarch64";
	return read_choice(r, value, name, arches, hint, &r->job->os_arch);
}

static int read_repo(struct reader *r, const struct value *value, const char *name)
{
	const char *text;
	int rc = read_line_of_text(r, value, name, &text);

	if (rc < 0)
		return rc;
	if (*text == '-')
		return fail(r, value,
		        "found \"%.100s\" as \"%s\", allowed: a name that does not begin with "
		        "\"-\"",
		        text, name);
	r->job->upstream_repo = mem_strdup(text);
	return 0;
}

static int read_url(struct reader *r, const struct value *value, const char *name)
{
	const char *text, *wrong;
	int rc = read_line_of_text(r, value, name, &text);

	if (rc < 0)
		return rc;
	if ((wrong = check_url(text)))
		return fail(r, value, "found \"%.200s\" as \"%s\", allowed: %s", text, name, wrong);
	r->job->upstream_url = mem_strdup(text);
	return 0;
}

static int read_commit(struct reader *r, const struct value *value, const char *name)
{
	const char *text, *wrong;
	int rc = read_line_of_text(r, value, name, &text);

	if (rc < 0)
		return rc;
	if ((wrong = check_revision(text)))
		return fail(r, value, "found \"%.200s\" as \"%s\", allowed: %s", text, name, wrong);
	r->job->upstream_commit = mem_strdup(text);
	return 0;
}

static int read_script(struct reader *r, const struct value *value, const char *name, char **ret)
{
	const char *text;
	int rc;

	if (value->type == YAML_SEQUENCE)
		return fail(r, value,
		        "found a list as \"%s\", allowed: one text; \"|\" after the colon begins "
		        "one of several lines",
		        name);
	rc = read_text(r, value, name, SCRIPT_MAX, &text);
	if (rc < 0)
		return rc;
	if (text[strspn(text, " \t\n")] == '\0')
		return fail(r, value, "found only blanks in \"%s\", allowed: a script for /bin/sh",
		        name);
	*ret = mem_strdup(text);
	return 0;
}

static int read_build_run(struct reader *r, const struct value *value, const char *name)
{
	return read_script(r, value, name, &r->job->build_run);
}

static int read_test_run(struct reader *r, const struct value *value, const char *name)
{
	return read_script(r, value, name, &r->job->test_run);
}

static int read_keep_entry(struct reader *r, const struct value *value, const char *name)
{
	const char *text;
	char *path;
	size_t len;
	bool inside;
	int rc = read_line_of_text(r, value, name, &text);

	if (rc < 0)
		return rc;
	/* "tests/" is the directory with all that is in it. */
	len = strlen(text);
	path = mem_strndup(text, len > 1 && text[len - 1] == '/' ? len - 1 : len);
	inside = path_is_inside(path);
	free(path);
	if (!inside || *text == '-')
		return fail(r, value,
		        "found \"%.200s\" in \"%s\", allowed: paths and globs below the source, "
		        "without \"..\" and "
		        "\".\", that do not begin with \"/\" or \"-\"",
		        text, name);
	r->bytes += len + 1;
	if (r->bytes > KEEP_BYTES_MAX)
		return fail(r, value, "found more than %u bytes in \"%s\", which is the limit",
		        KEEP_BYTES_MAX, name);
	strv_push(&r->job->build_keep, text);
	return 0;
}

static int read_keep(struct reader *r, const struct value *value, const char *name)
{
	int rc = 0;

	if (value->type != YAML_SEQUENCE)
		return fail(r, value,
		        "found %s as \"%s\", allowed: a list of paths, as [app, tests/]",
		        value_type_name(value), name);
	if (value->n > KEEP_COUNT_MAX)
		return fail(r, value, "found %zu entries in \"%s\", allowed: at most %d", value->n,
		        name, KEEP_COUNT_MAX);
	r->bytes = 0;
	for (size_t i = 0; i < value->n && rc == 0; i++)
		rc = read_keep_entry(r, value->fields[i].value, name);
	return rc;
}

static int read_build(struct reader *r, const struct value *value, const char *name)
{
	static const struct key keys[] = { { "run", false, read_build_run },
		{ "keep", false, read_keep }, { 0 } };
	static const struct mapping build = { "build", keys };

	return read_mapping(r, value, &build);
}

static int read_logs(struct reader *r, const struct value *value, const char *name)
{
	int rc = 0;

	if (value->type != YAML_SEQUENCE)
		return fail(r, value,
		        "found %s as \"%s\", allowed: a list of kinds of logs, as [tap, stderr]",
		        value_type_name(value), name);
	for (size_t i = 0; i < value->n && rc == 0; i++) {
		char *kind = NULL;

		rc = read_choice(r, value->fields[i].value, name, log_kind_names, NULL, &kind);
		if (rc == 0 && !strv_has(&r->job->test_logs, kind))
			strv_push(&r->job->test_logs, kind);
		free(kind);
	}
	return rc;
}

static int read_variable(struct reader *r, const struct value_field *entry)
{
	const char *name = entry->key;

	if (!check_is_variable(name))
		return fail(r, entry,
		        "found \"%.100s\" as a name in \"env\", allowed: letters, digits and _, at "
		        "most 200, not "
		        "beginning with a digit",
		        name);
	if (value_is_null(entry->value))
		return 0; /* takes a merged one away */
	if (entry->value->type != YAML_SCALAR)
		return fail(r, entry->value,
		        "found %s as the value of \"env.%s\", allowed: text or a number",
		        value_type_name(entry->value), name);
	if (check_has_control(entry->value->text))
		return fail(r, entry->value,
		        "found a control character in \"env.%s\", allowed: text with tabs and "
		        "newlines",
		        name);
	r->bytes += strlen(name) + strlen(entry->value->text) + 2;
	if (r->bytes > ENV_BYTES_MAX)
		return fail(r, entry->value,
		        "found more than %u bytes in \"env\", which is the limit", ENV_BYTES_MAX);
	strv_pushf(r->env, "%s=%s", name, entry->value->text);
	return 0;
}

/* By name: '=' as the end of a name sorts before everything. */
static int compare_variables(const void *a, const void *b)
{
	const char *x = *(const char *const *)a, *y = *(const char *const *)b;

	while (*x == *y && *x != '=')
		x++, y++;
	return *x == *y    ? 0
	       : *x == '=' ? -1
	       : *y == '=' ? 1
	                   : (unsigned char)*x - (unsigned char)*y;
}

static int read_variables(
        struct reader *r, const struct value *value, const char *name, struct strv *ret)
{
	int rc = 0;

	if (value->type != YAML_MAPPING)
		return fail(r, value,
		        "found %s as \"%s\", allowed: a mapping of names to values, as {LANG: C}",
		        value_type_name(value), name);
	if (value->n > ENV_COUNT_MAX)
		rc = fail(r, value, "found %zu entries in \"env\", allowed: at most %d", value->n,
		        ENV_COUNT_MAX);
	r->bytes = 0;
	r->env = ret;
	for (size_t i = 0; i < value->n && rc == 0; i++)
		rc = read_variable(r, &value->fields[i]);
	if (rc == 0 && ret->n)
		qsort(ret->v, ret->n, sizeof(char *), compare_variables);
	return rc;
}

static int read_env(struct reader *r, const struct value *value, const char *name)
{
	return read_variables(r, value, name, &r->job->env);
}

static int read_test_env(struct reader *r, const struct value *value, const char *name)
{
	return read_variables(r, value, name, &r->job->test_env);
}

static int read_test(struct reader *r, const struct value *value, const char *name)
{
	static const struct key keys[] = { { "run", true, read_test_run },
		{ "env", false, read_test_env }, { "logs", false, read_logs }, { 0 } };
	static const struct mapping test = { "test", keys };

	return read_mapping(r, value, &test);
}

static int read_time(struct reader *r, const struct value *value, const char *name, int64_t *ret)
{
	const char *text;
	long long seconds;
	int rc = read_line_of_text(r, value, name, &text);

	if (rc < 0)
		return rc;
	if (!str_to_seconds(text, &seconds) || seconds < 1 || seconds > JOB_TIMEOUT_MAX_S)
		return fail(r, value,
		        "found \"%.100s\" as \"%s\", allowed: a time from 1s to 30d, as 90s, 30m, "
		        "6h, 2d",
		        text, name);
	*ret = seconds;
	return 0;
}

static int read_timeout(struct reader *r, const struct value *value, const char *name)
{
	return read_time(r, value, name, &r->job->timeout_s);
}

static int read_runtime(struct reader *r, const struct value *value, const char *name)
{
	return read_time(r, value, name, &r->job->runtime_s);
}

static int read_match(struct reader *r, const struct value *value, const char *name)
{
	struct error why = ERROR_INIT;
	struct pattern *pattern;
	const char *text;
	int rc = read_text(r, value, name, PATTERN_LENGTH_MAX, &text);

	if (rc < 0)
		return rc;
	if (pattern_new(&pattern, text, &why) < 0)
		return fail(r, value, "found %s, allowed: a regular expression (PCRE2) in \"%s\"",
		        why.text, name);
	if (pattern_match(pattern, "", 0, NULL) != PATTERN_NO)
		rc = fail(r, value,
		        "found a pattern that also matches an empty line as \"%s\", allowed: one "
		        "that only the error matches",
		        name);
	pattern_free(pattern);
	if (rc == 0)
		r->job->error_match = mem_strdup(text);
	return rc;
}

static int read_error(struct reader *r, const struct value *value, const char *name)
{
	static const struct key keys[] = { { "match", true, read_match }, { 0 } };
	static const struct mapping error = { "error", keys };

	return read_mapping(r, value, &error);
}

static const struct key job_keys[] = { { "suite", true, read_suite },
	{ "category", false, read_category }, { "testbox", false, read_testbox },
	{ "os", false, read_os }, { "os_version", false, read_os_version },
	{ "os_arch", false, read_os_arch }, { "upstream_repo", false, read_repo },
	{ "upstream_url", true, read_url }, { "upstream_commit", true, read_commit },
	{ "build", false, read_build }, { "test", true, read_test }, { "env", false, read_env },
	{ "timeout", false, read_timeout }, { "runtime", false, read_runtime },
	{ "error", false, read_error }, { 0 } };

static const struct mapping job_mapping = { "", job_keys };

static void set_defaults(struct job *job)
{
	char kind[8];

	if (!job->category)
		job->category = mem_strdup(JOB_CATEGORY_DEFAULT);
	if (!job->testbox) {
		job->testbox = mem_strdup(JOB_TESTBOX_DEFAULT);
		(void)testbox_parse(job->testbox, kind, &job->box_cpus, &job->box_memory, NULL);
	}
	if (!job->upstream_repo)
		job->upstream_repo = mem_strdup(job->upstream_url);
	if (!job->timeout_s)
		job->timeout_s = job_default_timeout(job->runtime_s);
}

/* Compass-CI knows the addresses of its repositories by their names; here a job says its own. */
static int check_address(struct reader *r, const struct value *doc)
{
	const struct value *name = value_get(doc, "upstream_repo");

	if (!name || value_get(doc, "upstream_url"))
		return 0;
	return fail(r, name,
	        "found an upstream_repo without upstream_url, its address, which is required: in the file, "
	        "or as upstream_url=ADDRESS on the command line");
}

static int read_native(struct reader *r, const struct value *doc)
{
	int rc = check_address(r, doc);

	if (rc == 0)
		rc = read_mapping(r, doc, &job_mapping);
	if (rc < 0)
		return rc;
	set_defaults(r->job);
	rc = settle_arch(r, doc);
	if (rc < 0)
		return rc;
	if (r->job->runtime_s > r->job->timeout_s)
		return fail(r, value_get(doc, "runtime"),
		        "found a runtime of %" PRId64
		        "s, allowed: at most the timeout, which is %" PRId64 "s",
		        r->job->runtime_s, r->job->timeout_s);
	return 0;
}

int job_from_document(
        struct job **ret, const struct value *doc, struct suites *suites, struct error *err)
{
	struct reader r = { .err = err };
	struct value *native;
	int rc = job_lower(&native, doc, suites, err);

	if (rc < 0)
		return rc;
	r.job = mem_alloc(sizeof(*r.job));
	rc = read_native(&r, native);
	value_free(native);
	if (rc < 0) {
		job_free(r.job);
		return rc;
	}
	*ret = r.job;
	return 0;
}

int job_read(struct job **ret, const char *where, const char *text, size_t len, struct error *err)
{
	struct job_set set;
	int rc = job_set_read(&set, where, text, len, NULL, NULL, err);

	if (rc < 0)
		return rc;
	if (set.n != 1)
		rc = error_set(err, ERR_INVALID, "%s:1:1: found %zu jobs, one is allowed here",
		        where, set.n);
	else
		rc = job_from_document(ret, set.v[0].doc, NULL, err);
	job_set_release(&set);
	return rc;
}
