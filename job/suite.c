#include "job/suite.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/yaml.h"
#include "job/job_check.h"
#include "job/job_defaults.h"
#include "job/log_kinds.h"

#define SUITES_MAX 1000
#define LINE_MAX_LENGTH 500

static const char *const type_names[] = { "text", "word", "number", "flag", "time", "list",
	"script", NULL };
static const char *const category_names[] = { "functional", "benchmark", "noise-benchmark", NULL };

struct reader {
	const struct yaml *doc;
	struct suite *suite;
	struct suite_parameter *parameter; /* that is being read */
	struct error *err;
};

struct key {
	const char *name;
	int (*read)(struct reader *r, const struct yaml_node *value, const char *name);
};

#define fail(r, node, ...) yaml_error((r)->err, (r)->doc, node, __VA_ARGS__)

static const char *join(struct str *ret, const char *const *names)
{
	str_clear(ret);
	for (; *names; names++)
		str_addf(ret, "%s%s", ret->len ? ", " : "", *names);
	return ret->buf;
}

static int read_mapping(
        struct reader *r, const struct yaml_node *node, const char *what, const struct key *keys)
{
	const char *names[16] = { NULL };
	struct str allowed = STR_INIT;
	int rc = 0;

	for (size_t i = 0; keys[i].name; i++)
		names[i] = keys[i].name;
	if (!node || node->type != YAML_MAPPING)
		rc = fail(r, node, "found no mapping in %s, allowed: one with %s", what,
		        join(&allowed, names));
	for (size_t i = 0; rc == 0 && i < node->n; i++) {
		const struct key *key = keys;

		while (key->name && strcmp(key->name, node->keys[i]->text) != 0)
			key++;
		if (key->name)
			rc = key->read(r, node->values[i], key->name);
		else
			rc = fail(r, node->keys[i], "found the key \"%.100s\" in %s, allowed: %s",
			        node->keys[i]->text, what, join(&allowed, names));
	}
	str_release(&allowed);
	return rc;
}

static int read_text(struct reader *r, const struct yaml_node *value, const char *name,
        bool many_lines, char **ret)
{
	if (value->type != YAML_SCALAR || check_has_control(value->text) ||
	        strlen(value->text) > SUITE_FILE_MAX ||
	        (!many_lines &&
	                (strchr(value->text, '\n') || strlen(value->text) > LINE_MAX_LENGTH)))
		return fail(r, value, "found something else as \"%s\", allowed: %s", name,
		        many_lines ? "a text" : "one line");
	free(*ret);
	*ret = mem_strdup(value->text);
	return 0;
}

static int read_choice(struct reader *r, const struct yaml_node *value, const char *name,
        const char *const *names, size_t *ret)
{
	struct str allowed = STR_INIT;
	int rc = -ERR_INVALID;

	for (size_t i = 0; names[i] && rc < 0; i++)
		if (value->type == YAML_SCALAR && strcmp(names[i], value->text) == 0) {
			*ret = i;
			rc = 0;
		}
	if (rc < 0)
		rc = fail(r, value, "found \"%.100s\" as \"%s\", allowed: %s",
		        value->type == YAML_SCALAR ? value->text : "[...]", name,
		        join(&allowed, names));
	str_release(&allowed);
	return rc;
}

static int read_list(
        struct reader *r, const struct yaml_node *value, const char *name, struct strv *ret)
{
	if (value->type != YAML_SEQUENCE || value->n > 100)
		return fail(r, value, "found no list of at most 100 as \"%s\"", name);
	strv_release(ret);
	for (size_t i = 0; i < value->n; i++) {
		if (value->values[i]->type != YAML_SCALAR ||
		        strpbrk(value->values[i]->text, "\n\t"))
			return fail(r, value->values[i], "found no line of text in \"%s\"", name);
		strv_push(ret, value->values[i]->text);
	}
	return 0;
}

static int read_bool(struct reader *r, const struct yaml_node *value, const char *name, bool *ret)
{
	static const char *const words[] = { "no", "yes", "false", "true", NULL };
	size_t which;
	int rc = read_choice(r, value, name, words, &which);

	if (rc == 0)
		*ret = which & 1;
	return rc;
}

/* --- parameters --- */

static int read_type(struct reader *r, const struct yaml_node *value, const char *name)
{
	size_t type;
	int rc = read_choice(r, value, name, type_names, &type);

	if (rc == 0)
		r->parameter->type = (enum suite_parameter_type)type;
	return rc;
}

static int read_default(struct reader *r, const struct yaml_node *value, const char *name)
{
	return read_text(r, value, name, true, &r->parameter->standard);
}

static int read_required(struct reader *r, const struct yaml_node *value, const char *name)
{
	return read_bool(r, value, name, &r->parameter->required);
}

static int read_allowed(struct reader *r, const struct yaml_node *value, const char *name)
{
	return read_list(r, value, name, &r->parameter->allowed);
}

static int read_help(struct reader *r, const struct yaml_node *value, const char *name)
{
	return read_text(r, value, name, false, &r->parameter->help);
}

static int read_stage(struct reader *r, const struct yaml_node *value, const char *name)
{
	static const char *const stages[] = { "both", "test", NULL };
	size_t which;
	int rc = read_choice(r, value, name, stages, &which);

	if (rc == 0)
		r->parameter->only_test = which;
	return rc;
}

static const struct key parameter_keys[] = { { "type", read_type }, { "default", read_default },
	{ "required", read_required }, { "allowed", read_allowed }, { "stage", read_stage },
	{ "help", read_help }, { 0 } };

static int read_parameters(struct reader *r, const struct yaml_node *value, const char *name)
{
	struct suite *suite = r->suite;
	int rc = 0;

	if (value->type != YAML_MAPPING || value->n > SUITE_PARAMETERS_MAX)
		return fail(r, value, "found no mapping of at most %d as \"%s\"",
		        SUITE_PARAMETERS_MAX, name);
	if (suite->parameters)
		return fail(r, value, "found \"%s\" twice", name);
	suite->parameters = mem_array(value->n, sizeof(*suite->parameters));
	suite->n_parameters = value->n;
	for (size_t i = 0; i < value->n && rc == 0; i++) {
		const struct yaml_node *key = value->keys[i];

		r->parameter = &suite->parameters[i];
		r->parameter->name = mem_strdup(key->text);
		if (!check_is_variable(key->text))
			return fail(r, key,
			        "found the parameter \"%.100s\", allowed: letters, digits and _",
			        key->text);
		rc = read_mapping(r, value->values[i], "a parameter", parameter_keys);
		if (rc == 0 && !r->parameter->help)
			rc = fail(r, key,
			        "found no \"help\" of the parameter \"%s\", which is required",
			        key->text);
	}
	return rc;
}

/* --- the suite --- */

static int read_summary(struct reader *r, const struct yaml_node *value, const char *name)
{
	return read_text(r, value, name, false, &r->suite->summary);
}

static int read_needs(struct reader *r, const struct yaml_node *value, const char *name)
{
	return read_text(r, value, name, false, &r->suite->needs);
}

static int read_category(struct reader *r, const struct yaml_node *value, const char *name)
{
	size_t which;
	int rc = read_choice(r, value, name, category_names, &which);

	if (rc == 0) {
		free(r->suite->category);
		r->suite->category = mem_strdup(category_names[which]);
	}
	return rc;
}

static int read_timeout(struct reader *r, const struct yaml_node *value, const char *name)
{
	long long seconds;

	if (value->type != YAML_SCALAR || !str_to_seconds(value->text, &seconds) || seconds < 1 ||
	        seconds > JOB_TIMEOUT_MAX_S)
		return fail(r, value, "found no time from 1s to 30d as \"%s\"", name);
	r->suite->timeout_s = seconds;
	return 0;
}

static int read_packages(struct reader *r, const struct yaml_node *value, const char *name)
{
	return read_list(r, value, name, &r->suite->packages);
}

static int read_logs(struct reader *r, const struct yaml_node *value, const char *name)
{
	int rc = read_list(r, value, name, &r->suite->logs);
	size_t kind;

	for (size_t i = 0; rc == 0 && i < value->n; i++)
		rc = read_choice(r, value->values[i], name, log_kind_names, &kind);
	return rc;
}

static int read_build_run(struct reader *r, const struct yaml_node *value, const char *name)
{
	return read_text(r, value, name, true, &r->suite->build_run);
}

static int read_build_keep(struct reader *r, const struct yaml_node *value, const char *name)
{
	return read_list(r, value, name, &r->suite->build_keep);
}

static int read_build(struct reader *r, const struct yaml_node *value, const char *name)
{
	static const struct key keys[] = { { "run", read_build_run }, { "keep", read_build_keep },
		{ 0 } };

	return read_mapping(r, value, name, keys);
}

static const struct key suite_keys[] = { { "summary", read_summary }, { "needs", read_needs },
	{ "category", read_category }, { "timeout", read_timeout }, { "packages", read_packages },
	{ "logs", read_logs }, { "build", read_build }, { "parameters", read_parameters }, { 0 } };

/* A default is no other than a value that a job could give. */
static int check_defaults(struct reader *r)
{
	int rc = 0;

	for (size_t i = 0; i < r->suite->n_parameters && rc == 0; i++) {
		struct suite_parameter *parameter = &r->suite->parameters[i];
		struct value *value;
		char *text = NULL;

		if (!parameter->standard)
			continue;
		value = value_text(
		        parameter->standard, true, (struct place){ yaml_where(r->doc), 0, 0 });
		rc = suite_parameter_value(&text, r->suite, parameter, value, r->err);
		value_free(value);
		if (rc == 0) {
			free(parameter->standard);
			parameter->standard = text;
		}
	}
	return rc;
}

int suite_read(struct suite **ret, const char *name, const struct job_text *yaml,
        const struct job_text *run, struct error *err)
{
	struct reader r = { .err = err };
	struct yaml *doc = NULL;
	int rc = yaml_read(&doc, yaml->name, yaml->text, yaml->len, err);

	if (rc < 0)
		return rc;
	r.doc = doc;
	r.suite = mem_alloc(sizeof(*r.suite));
	r.suite->name = mem_strdup(name);
	rc = read_mapping(&r, yaml_root(doc), "a suite", suite_keys);
	if (rc == 0 && !r.suite->summary)
		rc = fail(&r, yaml_root(doc), "found no \"summary\", which is required");
	if (rc == 0)
		rc = check_defaults(&r);
	if (rc == 0 && (run->len == 0 || memchr(run->text, '\0', run->len)))
		rc = error_set(err, ERR_INVALID, "%s: found no text, allowed: a script for /bin/sh",
		        run->name);
	yaml_free(doc);
	if (rc < 0) {
		suite_free(r.suite);
		return rc;
	}
	r.suite->run = mem_strndup(run->text, run->len);
	*ret = r.suite;
	return 0;
}

void suite_free(struct suite *suite)
{
	if (!suite)
		return;
	for (size_t i = 0; i < suite->n_parameters; i++) {
		free(suite->parameters[i].name);
		free(suite->parameters[i].standard);
		free(suite->parameters[i].help);
		strv_release(&suite->parameters[i].allowed);
	}
	free(suite->parameters);
	free(suite->name);
	free(suite->summary);
	free(suite->needs);
	free(suite->category);
	free(suite->build_run);
	free(suite->run);
	strv_release(&suite->packages);
	strv_release(&suite->logs);
	strv_release(&suite->build_keep);
	free(suite);
}

const struct suite_parameter *suite_parameter(const struct suite *suite, const char *name)
{
	for (size_t i = 0; i < suite->n_parameters; i++)
		if (strcmp(suite->parameters[i].name, name) == 0)
			return &suite->parameters[i];
	return NULL;
}

/* --- values --- */

static int wrong_value(const struct suite *suite, const struct suite_parameter *parameter,
        const struct value *value, const char *allowed, struct error *err)
{
	return value_error(err, ERR_INVALID, &value->place,
	        "found %s%.100s%s as \"%s.%s\", allowed: %s",
	        value->type == YAML_SCALAR ? "\"" : "",
	        value->type == YAML_SCALAR ? value->text : value_type_name(value),
	        value->type == YAML_SCALAR ? "\"" : "", suite->name, parameter->name, allowed);
}

static int list_value(char **ret, const struct suite *suite,
        const struct suite_parameter *parameter, const struct value *value, struct error *err)
{
	struct str text = STR_INIT;

	if (value->type == YAML_SCALAR && !strchr(value->text, '\n')) {
		*ret = mem_strdup(value->text);
		return 0;
	}
	for (size_t i = 0; value->type == YAML_SEQUENCE && i < value->n; i++) {
		const struct value *item = value->fields[i].value;

		if (item->type != YAML_SCALAR || strpbrk(item->text, "\n\t")) {
			str_release(&text);
			return wrong_value(suite, parameter, item, "a list of lines of text", err);
		}
		str_addf(&text, "%s%s", i ? "\n" : "", item->text);
	}
	if (value->type != YAML_SEQUENCE)
		return wrong_value(suite, parameter, value, "a list of lines of text", err);
	*ret = str_detach(&text);
	return 0;
}

static int flag_value(char **ret, const struct suite *suite,
        const struct suite_parameter *parameter, const struct value *value, struct error *err)
{
	static const char *const yes[] = { "yes", "true", "on", "1", NULL }, *const no[] = { "no",
		"false", "off", "0", NULL };

	for (size_t i = 0; yes[i]; i++)
		if (strcasecmp(value->text, yes[i]) == 0) {
			*ret = mem_strdup("1");
			return 0;
		} else if (strcasecmp(value->text, no[i]) == 0) {
			*ret = NULL;
			return 0;
		}
	return wrong_value(suite, parameter, value, "yes or no", err);
}

static bool is_allowed(
        const struct suite_parameter *parameter, const char *text, const char **ret_what)
{
	long long number;

	switch (parameter->type) {
	case PARAMETER_WORD:
		*ret_what =
		        "a word of letters, digits and . _ + - that begins with a letter or digit";
		return check_is_word(text);
	case PARAMETER_NUMBER:
		*ret_what = "a whole number, not negative";
		return str_to_long(text, 0, INT64_MAX, &number);
	case PARAMETER_TIME:
		*ret_what = "a time, as 90s, 30m, 6h, 2d";
		return str_to_seconds(text, &number);
	case PARAMETER_TEXT:
		*ret_what = "one line of text";
		return !strchr(text, '\n');
	default:
		return true;
	}
}

int suite_parameter_value(char **ret, const struct suite *suite,
        const struct suite_parameter *parameter, const struct value *value, struct error *err)
{
	struct str allowed = STR_INIT;
	const char *what = NULL;
	int rc = 0;

	if (value_is_null(value)) {
		*ret = mem_strdup(parameter->standard);
		return 0;
	}
	if (parameter->type == PARAMETER_LIST)
		return list_value(ret, suite, parameter, value, err);
	if (value->type != YAML_SCALAR)
		return wrong_value(suite, parameter, value, "one text", err);
	if (check_has_control(value->text))
		return wrong_value(suite, parameter, value, "text without control characters", err);
	if (parameter->type == PARAMETER_FLAG)
		return flag_value(ret, suite, parameter, value, err);
	if (!is_allowed(parameter, value->text, &what))
		rc = wrong_value(suite, parameter, value, what, err);
	else if (parameter->allowed.n && !strv_has(&parameter->allowed, value->text))
		rc = wrong_value(suite, parameter, value,
		        join(&allowed, strv_argv(&parameter->allowed)), err);
	else
		*ret = mem_strdup(value->text);
	str_release(&allowed);
	return rc;
}

/* --- all of them --- */

struct suites {
	const struct job_files *files;
	struct suite **v;
	size_t n, cap;
	struct strv missing; /* names that were looked for in vain */
};

struct suites *suites_new(const struct job_files *files)
{
	struct suites *suites = mem_alloc(sizeof(*suites));

	suites->files = files;
	return suites;
}

void suites_free(struct suites *suites)
{
	if (!suites)
		return;
	for (size_t i = 0; i < suites->n; i++)
		suite_free(suites->v[i]);
	free(suites->v);
	strv_release(&suites->missing);
	free(suites);
}

static int read_files(
        struct suite **ret, struct suites *suites, const char *name, struct error *err)
{
	struct str yaml = STR_INIT, yaml_name = STR_INIT, run = STR_INIT, run_name = STR_INIT;
	const struct job_files *files = suites->files;
	char *path = mem_printf("%s/suite.yaml", name);
	int rc = files->read(files->arg, path, &yaml, &yaml_name, err);

	free(path);
	if (rc < 0)
		goto out;
	path = mem_printf("%s/run", name);
	rc = files->read(files->arg, path, &run, &run_name, err);
	free(path);
	if (rc == -ERR_NOT_FOUND)
		rc = error_set(err, ERR_INVALID, "suite %s: it has no file \"run\"", name);
	if (rc == 0)
		rc = suite_read(ret, name, &(struct job_text){ yaml_name.buf, yaml.buf, yaml.len },
		        &(struct job_text){ run_name.buf, run.buf, run.len }, err);
out:
	str_release(&yaml);
	str_release(&yaml_name);
	str_release(&run);
	str_release(&run_name);
	return rc;
}

int suites_find(
        const struct suite **ret, struct suites *suites, const char *name, struct error *err)
{
	struct error why = ERROR_INIT;
	struct suite *suite;
	int rc;

	if (!suites || !suites->files || !check_is_word(name) || strlen(name) > 64)
		return -ERR_NOT_FOUND;
	for (size_t i = 0; i < suites->n; i++)
		if (strcmp(suites->v[i]->name, name) == 0) {
			*ret = suites->v[i];
			return 0;
		}
	if (suites->n + suites->missing.n >= SUITES_MAX || strv_has(&suites->missing, name))
		return -ERR_NOT_FOUND;
	rc = read_files(&suite, suites, name, &why);
	if (rc == -ERR_NOT_FOUND)
		strv_push(&suites->missing, name);
	else if (rc < 0)
		error_set(err, why.code, "%s", why.text);
	if (rc < 0)
		return rc;
	MEM_GROW(suites->v, suites->n + 1, suites->cap);
	suites->v[suites->n++] = suite;
	*ret = suite;
	return 0;
}
