#include "job/job_lower.h"

#include "base/mem.h"
#include "job/job_check.h"
#include "job/job_commit.h"
#include "job/job_defaults.h"
#include "job/job_fields.h"
#include "job/job_keys.h"

#define LKP_SUITE "lkp"
#define N_NATIVE 15

/* The first N_NATIVE are those of a native job. */
static const char *const own_keys[] = { "suite", "category", "testbox", "os", "os_version",
	"os_arch", "upstream_repo", "upstream_url", "upstream_commit", "build", "test", "env",
	"timeout", "runtime", "error", "commit", "bisect_commit", "config", "ss", "setup", "daemon",
	"lkp_src", NULL };

static const char *const package_keys[] = { "commit", "config", "fork", "pkg_ver", "testbox",
	NULL };

struct lowering {
	const struct value *doc;
	struct suites *suites;
	struct error *err;
	struct value *native, *env, *test_env;
	const struct suite *suite;   /* of the program; NULL: it has scripts of its own */
	const struct value *program; /* its parameters; may be NULL */
	struct strv programs;
	struct job_commit commit;
};

#define fail(l, at, ...) value_error((l)->err, ERR_INVALID, &(at)->place, __VA_ARGS__)

bool job_key_is_own(const char *key)
{
	for (size_t i = 0; own_keys[i]; i++)
		if (strcmp(own_keys[i], key) == 0)
			return true;
	return false;
}

static const struct value *get(const struct lowering *l, const char *key)
{
	const struct value *value = value_get(l->doc, key);

	return value_is_null(value) ? NULL : value;
}

static bool is_lkp(const struct lowering *l)
{
	return get(l, "lkp_src");
}

/* The scripts of the job's author; NULL: there are none.  (`test: write1` is a parameter where lkp-tests runs the job.) */
static const struct value *own_test(const struct lowering *l)
{
	const struct value *test = get(l, "test");

	return test && is_lkp(l) && strv_has(&l->programs, "test") ? NULL : test;
}

/* --- keys that nobody knows --- */

/* Names that people bring from elsewhere. */
static const char *hint(const char *name)
{
	static const char *const others[][2] = {
		{ "url", "upstream_url" },
		{ "git", "upstream_url" },
		{ "repo", "upstream_repo" },
		{ "run", "test" },
		{ "script", "test" },
		{ "environment", "env" },
		{ "match", "error" },
	};

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (strcmp(others[i][0], name) == 0)
			return others[i][1];
	return NULL;
}

/* Those of suites/, for the nearest name only: others are found by asking for them. */
static const char *const shipped_suites[] = { "cmd", "make-check", "build-kernel", "boot", "kselftest",
	"ltp", "kunit", "lkp", NULL };

static int unknown_key(struct lowering *l, const struct value_field *field)
{
	const char *nearest = hint(field->key);
	struct str allowed = STR_INIT;
	int rc;

	if (!nearest)
		nearest = check_nearest(field->key, own_keys);
	if (!nearest)
		nearest = check_nearest(field->key, shipped_suites);
	if (!nearest)
		nearest = check_nearest(field->key, job_field_names);
	for (size_t i = 0; own_keys[i]; i++)
		str_addf(&allowed, "%s%s", i ? ", " : "", own_keys[i]);
	rc = fail(l, field, "found the key \"%.100s\"%s%s%s Allowed: %s, the name of a suite, "
	        "or with \"lkp_src\" of a program of lkp-tests",
	        field->key, nearest ? "; did you mean \"" : ".", nearest ? nearest : "",
	        nearest ? "\"?" : "", allowed.buf);
	str_release(&allowed);
	return rc;
}

/*
 * What is no key of ours is a program or a parameter of lkp-tests where it runs the job, unless it looks like a slip of the fingers.
 * lkp-tests has no name that does; those that are near a key begin with another letter, as kbuild.
 */
static const char *meant_key(const struct lowering *l, const char *key)
{
	const char *nearest = is_lkp(l) && !job_key_is_own(key) ? check_nearest(key, own_keys) : NULL;

	return nearest && strlen(nearest) > 4 && *nearest == *key ? nearest : NULL;
}

static int check_keys(struct lowering *l)
{
	for (size_t i = 0; i < l->doc->n; i++) {
		const struct value_field *field = &l->doc->fields[i];

		if (strv_has(&l->programs, field->key) && meant_key(l, field->key))
			return fail(l, field, "found the key \"%.100s\", which is no program or parameter of lkp-tests; did you mean \"%s\"?",
			        field->key, meant_key(l, field->key));
		if (!job_key_is_own(field->key) && !strv_has(&l->programs, field->key) &&
		        !job_field_is_known(field->key))
			return unknown_key(l, field);
	}
	return 0;
}

/* --- the environment --- */

/* In `env`, which is l->env or l->test_env. */
static int set_variable_in(struct lowering *l, struct value *env, const char *name,
        const char *text, struct place place)
{
	const struct value_field *given = value_field(l->env, name);

	if (!check_is_variable(name))
		return value_error(l->err, ERR_INVALID, &place,
		        "found \"%.100s\", which cannot be the name of a variable", name);
	if (given)
		return fail(l, given,
		        "found \"%.100s\" in \"env\", which is a parameter of the job, too; "
		        "allowed: one of them",
		        name);
	value_set(env, name, place, value_text(text, true, place));
	return 0;
}

static int set_variable(struct lowering *l, const char *name, const char *text, struct place place)
{
	return set_variable_in(l, l->env, name, text, place);
}

/* "ss_<package>_<key>", with "_" for what no variable can hold. */
static int set_package_variable(
        struct lowering *l, const char *package, const struct value_field *field)
{
	char *name = mem_printf("ss_%s_%s", package, field->key);
	int rc;

	for (char *p = name; *p; p++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_", *p))
			*p = '_';
	rc = set_variable(l, name, field->value->text, field->place);
	free(name);
	return rc;
}

static int read_package(struct lowering *l, const struct value_field *package)
{
	int rc = 0;

	if (value_is_null(package->value))
		return 0;
	if (package->value->type != YAML_MAPPING)
		return fail(l, package,
		        "found %s as \"ss.%.100s\", allowed: a mapping with commit, config, ...",
		        value_type_name(package->value), package->key);
	for (size_t i = 0; i < package->value->n && rc == 0; i++) {
		const struct value_field *field = &package->value->fields[i];
		const char *nearest = check_nearest(field->key, package_keys);
		bool known = false;

		for (size_t k = 0; package_keys[k]; k++)
			known |= strcmp(package_keys[k], field->key) == 0;
		if (*field->key == '_' || value_is_null(field->value))
			continue;
		if (!known && !check_is_variable(field->key))
			rc = fail(l, field,
			        "found the key \"%.100s\" in ss.%.100s%s%s%s, allowed: %s, options "
			        "of the package, and keys that begin with \"_\"",
			        field->key, package->key, nearest ? "; did you mean \"" : "",
			        nearest ? nearest : "", nearest ? "\"?" : "",
			        "commit, config, fork, pkg_ver, testbox");
		else if (field->value->type != YAML_SCALAR)
			rc = fail(l, field, "found %s as \"ss.%.100s.%.100s\", allowed: text",
			        value_type_name(field->value), package->key, field->key);
		else if (field->value != l->commit.commit)
			rc = set_package_variable(l, package->key, field);
	}
	return rc;
}

static int read_packages(struct lowering *l)
{
	const struct value *packages = get(l, "ss");
	int rc = 0;

	if (packages && packages->type != YAML_MAPPING)
		return fail(l, packages,
		        "found %s as \"ss\", allowed: a mapping of packages, as {linux: {commit: "
		        "v6.1}}",
		        value_type_name(packages));
	for (size_t i = 0; packages && i < packages->n && rc == 0; i++)
		rc = read_package(l, &packages->fields[i]);
	return rc;
}

/* A commit that does not vary is a parameter like any other. */
static int read_other_commits(struct lowering *l)
{
	static const char *const keys[] = { "upstream_commit", "commit" };
	int rc = 0;

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys) && rc == 0; i++) {
		const struct value *commit = get(l, keys[i]);

		if (!commit || commit == l->commit.commit)
			continue;
		if (commit->type != YAML_SCALAR)
			return fail(l, commit, "found %s as \"%s\", allowed: text",
			        value_type_name(commit), keys[i]);
		rc = set_variable(l, keys[i], commit->text, commit->place);
	}
	return rc;
}

static int read_config(struct lowering *l)
{
	const struct value *config = get(l, "config");

	if (!config || (l->suite && suite_parameter(l->suite, "config")))
		return 0;
	if (config->type != YAML_SCALAR)
		return fail(l, config, "found %s as \"config\", allowed: text",
		        value_type_name(config));
	return set_variable(l, "config", config->text, config->place);
}

/* --- the program --- */

static int several_programs(struct lowering *l)
{
	struct str names = STR_INIT;
	int rc;

	for (size_t i = 0; i < l->programs.n && i < 10; i++)
		str_addf(&names, "%s%s", i ? ", " : "", l->programs.v[i]);
	rc = fail(l, value_field(l->doc, l->programs.v[1]),
	        "found %zu programs: %s; allowed: one a job, or lkp_src, which runs several",
	        l->programs.n, names.buf);
	str_release(&names);
	return rc;
}

static int find_suite(struct lowering *l, const char *name, const struct value *at)
{
	int rc = suites_find(&l->suite, l->suites, name, l->err);

	if (rc == -ERR_NOT_FOUND)
		rc = fail(l, at,
		        "found the program \"%s\", but no suite of that name in the search path",
		        name);
	return rc;
}

/* The suite whose script is the test, if `test` is not written. */
static int find_program(struct lowering *l)
{
	const struct value *suite = get(l, "suite"), *test;
	int rc = job_programs(&l->programs, l->doc, l->suites, l->err);

	if (rc < 0)
		return rc;
	test = own_test(l);
	if (test && (l->programs.n || is_lkp(l)))
		return fail(l,
		        l->programs.n ? value_get(l->doc, l->programs.v[0]) : get(l, "lkp_src"),
		        "found a program beside \"test\" (line %zu), allowed: one of them",
		        test->place.line);
	if (test)
		return 0;
	if (is_lkp(l))
		return find_suite(l, LKP_SUITE, get(l, "lkp_src"));
	if (l->programs.n > 1)
		return several_programs(l);
	if (l->programs.n == 1) {
		l->program = get(l, l->programs.v[0]);
		return find_suite(l, l->programs.v[0], l->doc);
	}
	if (!suite || suite->type != YAML_SCALAR)
		return 0;
	rc = suites_find(&l->suite, l->suites, suite->text, l->err);
	return rc == -ERR_NOT_FOUND ? 0 : rc;
}

static int unknown_parameter(struct lowering *l, const struct value_field *field)
{
	const char *names[SUITE_PARAMETERS_MAX + 1] = { NULL }, *nearest;
	struct str allowed = STR_INIT;
	int rc;

	for (size_t i = 0; i < l->suite->n_parameters; i++) {
		names[i] = l->suite->parameters[i].name;
		str_addf(&allowed, "%s%s", i ? ", " : "", names[i]);
	}
	nearest = check_nearest(field->key, names);
	rc = fail(l, field, "found the parameter \"%.100s\" of %s%s%s%s Allowed: %s", field->key,
	        l->suite->name, nearest ? "; did you mean \"" : ".", nearest ? nearest : "",
	        nearest ? "\"?" : "", allowed.len ? allowed.buf : "none");
	str_release(&allowed);
	return rc;
}

/* What the job gives for a parameter; NULL: nothing. */
static const struct value *given_value(struct lowering *l, const struct suite_parameter *parameter)
{
	const struct value *value = NULL;

	if (l->program && l->program->type == YAML_MAPPING)
		value = value_get(l->program, parameter->name);
	else if (l->program && parameter == &l->suite->parameters[0])
		value = l->program;
	if (value_is_null(value) && strcmp(parameter->name, "config") == 0)
		value = get(l, "config");
	return value_is_null(value) ? NULL : value;
}

static int set_parameters(struct lowering *l)
{
	int rc = 0;

	for (size_t i = 0; l->program && l->program->type == YAML_MAPPING && i < l->program->n; i++)
		if (!suite_parameter(l->suite, l->program->fields[i].key))
			return unknown_parameter(l, &l->program->fields[i]);
	if (l->program && l->program->type != YAML_MAPPING && !l->suite->n_parameters)
		return fail(l, l->program, "found %s after \"%s\", which has no parameters",
		        value_type_name(l->program), l->suite->name);
	for (size_t i = 0; i < l->suite->n_parameters && rc == 0; i++) {
		const struct suite_parameter *parameter = &l->suite->parameters[i];
		const struct value *value = given_value(l, parameter);
		char *text = NULL;

		if (!value && parameter->required)
			return fail(l, l->program ? l->program : l->doc,
			        "found no \"%s.%s\", which is required: %s", l->suite->name,
			        parameter->name, parameter->help);
		rc = suite_parameter_value(&text, l->suite, parameter, value, l->err);
		if (rc == 0 && text)
			rc = set_variable_in(l, parameter->only_test ? l->test_env : l->env,
			        parameter->name, text, value ? value->place : l->doc->place);
		free(text);
	}
	return rc;
}

/* Keys that lkp-tests gets beside its programs. */
static const char *const lkp_keys[] = { "suite", "testcase", "category", "setup", "daemon", "runtime", "cluster" };

static bool is_lkp_key(const struct lowering *l, const char *key)
{
	for (size_t i = 0; is_lkp(l) && i < sizeof(lkp_keys) / sizeof(*lkp_keys); i++)
		if (strcmp(lkp_keys[i], key) == 0)
			return true;
	return false;
}

/* lkp-tests gets what it would run, without what varies or says who asked. */
static void add_lkp_program(struct lowering *l, struct value *ret)
{
	struct value *job = value_new(YAML_MAPPING, l->doc->place);
	struct str text = STR_INIT;

	for (size_t i = 0; i < sizeof(lkp_keys) / sizeof(*lkp_keys); i++)
		if (get(l, lkp_keys[i]))
			value_set(job, lkp_keys[i], l->doc->place, value_copy(get(l, lkp_keys[i])));
	/* It sorts its results by test case, and ends early if there is none. */
	if (!get(l, "testcase") && get(l, "suite"))
		value_set(job, "testcase", l->doc->place, value_copy(get(l, "suite")));
	for (size_t i = 0; i < l->programs.n; i++)
		value_set(job, l->programs.v[i], l->doc->place,
		        value_copy(value_get(l->doc, l->programs.v[i])));
	value_print(&text, job);
	value_set(ret, "lkp_src", l->doc->place, value_copy(get(l, "lkp_src")));
	value_set(ret, "lkp_job", l->doc->place, value_text(text.buf, true, l->doc->place));
	value_free(job);
	str_release(&text);
}

/* --- scripts --- */

static int step_text(struct lowering *l, const char *key, const char **ret)
{
	const struct value *step = get(l, key), *run;

	*ret = NULL;
	if (!step || (is_lkp(l) && l->suite))
		return 0;
	run = step->type == YAML_MAPPING ? value_get(step, "run") : step;
	if (step->type == YAML_MAPPING && (step->n != 1 || !run))
		return fail(l, step,
		        "found programs in \"%s\", allowed: a script, or programs of lkp-tests "
		        "with lkp_src",
		        key);
	if (run->type != YAML_SCALAR || !*run->text)
		return fail(
		        l, run, "found %s as \"%s\", allowed: a script", value_type_name(run), key);
	*ret = run->text;
	return 0;
}

/* Scripts of the job's author around a script. */
static int add_steps(struct lowering *l, struct str *script, const char *run)
{
	const char *setup, *daemon;
	int rc = step_text(l, "setup", &setup);

	if (rc == 0)
		rc = step_text(l, "daemon", &daemon);
	if (rc < 0)
		return rc;
	if (setup)
		str_addf(script,
		        "{\n%s\n} || { echo 'the setup of the job failed' >&2; exit 126; }\n",
		        setup);
	if (daemon)
		str_addf(script,
		        "{\n%s\n} </dev/null &\ndaemon_pid=$!\ntrap 'kill \"$daemon_pid\" "
		        "2>/dev/null' EXIT\n",
		        daemon);
	str_add(script, run);
	return 0;
}

static struct value *list_of(const struct strv *texts, struct place place)
{
	struct value *list = value_new(YAML_SEQUENCE, place);

	for (size_t i = 0; i < texts->n; i++)
		value_append(list, value_text(texts->v[i], true, place));
	return list;
}

static int set_test(struct lowering *l)
{
	struct place place = l->doc->place;
	struct str script = STR_INIT;
	struct value *test;
	const struct value *run = value_get(own_test(l), "run");
	/* What is no text is refused by its reader. */
	const char *text = run && run->type == YAML_SCALAR ? run->text : NULL;
	int rc = 0;

	if (l->suite || text)
		rc = add_steps(l, &script, l->suite ? l->suite->run : text);
	if (rc == 0 && l->suite) {
		test = value_new(YAML_MAPPING, place);
		value_set(test, "run", place, value_text(script.buf, true, place));
		if (l->suite->logs.n)
			value_set(test, "logs", place, list_of(&l->suite->logs, place));
		if (l->test_env && l->test_env->n) {
			value_set(test, "env", place, l->test_env);
			l->test_env = NULL;
		}
		value_set(l->native, "test", place, test);
	} else if (rc == 0 && text && script.len > strlen(text)) {
		value_set(value_get(l->native, "test"), "run", place,
		        value_text(script.buf, true, run->place));
	}
	str_release(&script);
	return rc;
}

static void set_default(struct lowering *l, const char *key, struct value *value)
{
	if (value_is_null(value_get(l->native, key)))
		value_set(l->native, key, l->doc->place, value);
	else
		value_free(value);
}

/* In seconds; 0: none is given, or none that is right, which is told later. */
static int64_t runtime_of(const struct lowering *l)
{
	const struct value *runtime = get(l, "runtime");
	long long seconds;

	if (!runtime || runtime->type != YAML_SCALAR || !str_to_seconds(runtime->text, &seconds))
		return 0;
	return seconds > 0 && seconds <= JOB_TIMEOUT_MAX_S ? seconds : 0;
}

static void set_defaults(struct lowering *l)
{
	const struct suite *suite = l->suite;
	struct place place = l->doc->place;
	struct value *build = value_new(YAML_MAPPING, place);
	char seconds[24];

	set_default(l, "suite",
	        value_text(l->programs.n ? l->programs.v[0] : suite->name, true, place));
	if (suite->category)
		set_default(l, "category", value_text(suite->category, true, place));
	/* Where the job says how long it takes, its own default may be longer. */
	if (suite->timeout_s && job_default_timeout(runtime_of(l)) <= suite->timeout_s) {
		snprintf(seconds, sizeof(seconds), "%llds", (long long)suite->timeout_s);
		set_default(l, "timeout", value_text(seconds, true, place));
	}
	if (suite->build_run)
		value_set(build, "run", place, value_text(suite->build_run, true, place));
	if (suite->build_keep.n)
		value_set(build, "keep", place, list_of(&suite->build_keep, place));
	if (build->n)
		set_default(l, "build", build);
	else
		value_free(build);
}

/* --- all of it --- */

static void copy_native(struct lowering *l)
{
	for (size_t i = 0; i < l->doc->n; i++) {
		const struct value_field *field = &l->doc->fields[i];

		for (size_t k = 0; k < N_NATIVE; k++)
			if (strcmp(own_keys[k], field->key) == 0)
				value_set(l->native, field->key, field->place,
				        value_copy(field->value));
	}
}

static void set_commit(struct lowering *l)
{
	const struct value *commit = l->commit.commit, *url = l->commit.url;

	if (!l->commit.key || strcmp(l->commit.key, "upstream_commit") == 0)
		return;
	value_set(l->native, "upstream_commit", commit->place, value_copy(commit));
	/* Where the package is fetched from is no part of what it is. */
	if (l->commit.package) {
		value_set(l->native, "upstream_url", url->place, value_copy(url));
		value_set(l->native, "upstream_repo", commit->place, value_text(l->commit.package, true, commit->place));
	}
}

/* `env` of the job, if it is a mapping; if not, the reader of native jobs says so. */
static int set_environment(struct lowering *l)
{
	const struct value *env = get(l, "env");
	int rc;

	if (env && env->type != YAML_MAPPING)
		return 0;
	l->env = env ? value_copy(env) : value_new(YAML_MAPPING, l->doc->place);
	l->test_env = value_new(YAML_MAPPING, l->doc->place);
	rc = l->suite ? set_parameters(l) : 0;
	if (rc == 0)
		rc = read_config(l);
	if (rc == 0)
		rc = read_packages(l);
	if (rc == 0)
		rc = read_other_commits(l);
	if (rc < 0 || l->env->n == 0) {
		value_free(l->env);
		return rc;
	}
	value_set(l->native, "env", l->env->place, l->env);
	return 0;
}

static int lower(struct lowering *l)
{
	struct value *lkp = NULL;
	int rc = find_program(l);

	if (rc == 0)
		rc = check_keys(l);
	if (rc == 0)
		rc = job_commit_find(&l->commit, l->doc, l->err);
	if (rc < 0)
		return rc;
	if (l->suite && is_lkp(l)) {
		lkp = value_new(YAML_MAPPING, l->doc->place);
		add_lkp_program(l, lkp);
		l->program = lkp;
	}
	l->native = value_new(YAML_MAPPING, l->doc->place);
	copy_native(l);
	set_commit(l);
	if (l->suite)
		set_defaults(l);
	rc = set_environment(l);
	if (rc == 0)
		rc = set_test(l);
	value_free(lkp);
	return rc;
}

int job_lower(struct value **ret, const struct value *doc, struct suites *suites, struct error *err)
{
	struct lowering l = { .doc = doc, .suites = suites, .err = err };
	int rc = lower(&l);

	strv_release(&l.programs);
	job_commit_release(&l.commit);
	value_free(l.test_env);
	if (rc < 0) {
		value_free(l.native);
		return rc;
	}
	*ret = l.native;
	return 0;
}

/* --- for people --- */

static void explain_keys(struct strv *ret, struct lowering *l)
{
	struct str idle = STR_INIT, packages = STR_INIT;
	struct strv idle_keys = STRV_INIT;
	const struct value *ss = get(l, "ss");

	for (size_t i = 0; i < l->doc->n; i++) {
		const char *key = l->doc->fields[i].key;

		if (!job_key_is_own(key) && !strv_has(&l->programs, key) && !is_lkp_key(l, key))
			strv_push(&idle_keys, key);
	}
	strv_sort_unique(&idle_keys);
	for (size_t i = 0; i < idle_keys.n; i++)
		str_addf(&idle, "%s%s", i ? ", " : "", idle_keys.v[i]);
	strv_release(&idle_keys);
	for (size_t i = 0; ss && i < ss->n; i++)
		if (!value_is_null(ss->fields[i].value) &&
		        value_get(ss->fields[i].value, "commit") != l->commit.commit)
			str_addf(&packages, "%s%s", packages.len ? ", " : "", ss->fields[i].key);
	if (packages.len)
		strv_pushf(ret, "not built here, only variables of the scripts: ss of %s",
		        packages.buf);
	if (idle.len)
		strv_pushf(ret, "no effect here: %s", idle.buf);
	str_release(&idle);
	str_release(&packages);
}

void job_explain(struct strv *ret, const struct value *doc, struct suites *suites)
{
	struct lowering l = { .doc = doc, .suites = suites };

	if (job_commit_find(&l.commit, doc, NULL) < 0 || find_program(&l) < 0)
		goto out;
	if (l.commit.key)
		strv_pushf(ret, "bisected: %s", l.commit.key);
	if (l.suite)
		strv_pushf(ret, "suite %s: %s", l.suite->name, l.suite->summary);
	if (l.suite && l.suite->needs)
		strv_pushf(ret, "needs: %s", l.suite->needs);
	explain_keys(ret, &l);
out:
	strv_release(&l.programs);
	job_commit_release(&l.commit);
}
