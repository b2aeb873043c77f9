#include "job/job_expand.h"

#include "base/mem.h"
#include "job/job_axes.h"
#include "job/job_fields.h"
#include "job/job_keys.h"
#include "job/job_template.h"

#define ROLE_PREFIX "if role "

/* --- roles --- */

static bool list_has_text(const struct value *list, const char *text)
{
	for (size_t i = 0; list->type == YAML_SEQUENCE && i < list->n; i++)
		if (list->fields[i].value->type == YAML_SCALAR &&
		        strcmp(list->fields[i].value->text, text) == 0)
			return true;
	return false;
}

static bool has_word(const char *text, const char *word, size_t len)
{
	while (*text) {
		size_t n = strcspn(text, " ,");

		if (n == len && strncmp(text, word, n) == 0)
			return true;
		text += n;
		text += strspn(text, " ,");
	}
	return false;
}

/* Does this testbox play one of the roles that `names` ("server client") lists? */
static bool plays(const struct value *roles, const char *names)
{
	if (value_is_null(roles))
		return true;
	while (*names) {
		size_t n = strcspn(names, " ,");
		char *name = mem_strndup(names, n);
		bool found =
		        n &&
		        (list_has_text(roles, name) || value_get(roles, name) ||
		                (roles->type == YAML_SCALAR && has_word(roles->text, name, n)));

		free(name);
		if (found)
			return true;
		names += n;
		names += strspn(names, " ,");
	}
	return false;
}

static int merge_roles(struct value *doc, struct error *err)
{
	for (size_t i = 0; i < doc->n;) {
		struct value_field *field = &doc->fields[i];
		const struct value *roles =
		        value_get(doc, "role") ? value_get(doc, "role") : value_get(doc, "roles");
		struct value *block;
		bool played;

		if (!str_has_prefix(field->key, ROLE_PREFIX)) {
			i++;
			continue;
		}
		if (field->value->type != YAML_MAPPING)
			return value_error(err, ERR_INVALID, &field->place,
			        "found %s after \"%.100s\", allowed: a mapping of keys of the job",
			        value_type_name(field->value), field->key);
		played = plays(roles, field->key + strlen(ROLE_PREFIX));
		block = value_take(doc, field->key);
		if (played)
			value_merge(doc, block);
		else
			value_free(block);
	}
	return 0;
}

/* --- other places of a key --- */

/* A job runs in one testbox. */
static int check_cluster(const struct value *doc, struct error *err)
{
	const struct value *cluster = value_get(doc, "cluster");

	if (value_is_null(cluster) ||
	        (cluster->type == YAML_SCALAR && (strcmp(cluster->text, "cs-localhost") == 0 ||
	                                                 strcmp(cluster->text, "localhost") == 0)))
		return 0;
	return value_error(err, ERR_INVALID, &cluster->place,
	        "found a cluster, allowed: none, or cs-localhost; a job runs in one testbox, which "
	        "plays all roles");
}

/* The mappings in "pp", "program" and "run" belong to the programs. */
static int hoist_programs(struct value *doc, const char *key, struct error *err)
{
	struct value *programs = value_take(doc, key);
	int rc;

	if (value_is_null(programs)) {
		value_free(programs);
		return 0;
	}
	if (programs->type != YAML_MAPPING) {
		rc = value_error(err, ERR_INVALID, &programs->place,
		        "found %s as \"%s\", allowed: a mapping of programs, as {ltp: {test: mm}}",
		        value_type_name(programs), key);
		value_free(programs);
		return rc;
	}
	value_merge(doc, programs);
	return 0;
}

static const char *const other_names[][2] = { { "tbox_group", "testbox" }, { "arch", "os_arch" } };

const char *job_own_name(const char *key)
{
	for (size_t i = 0; i < sizeof(other_names) / sizeof(*other_names); i++)
		if (strcmp(other_names[i][0], key) == 0)
			return other_names[i][1];
	return NULL;
}

static void rename_key(struct value *doc, const char *from, const char *to)
{
	struct value_field *field = value_field(doc, from);
	struct place place;

	if (!field || value_is_null(field->value) || !value_is_null(value_get(doc, to)))
		return;
	place = field->place;
	value_set(doc, to, place, value_take(doc, from));
}

static int normalise(struct value *doc, struct error *err)
{
	int rc = check_cluster(doc, err);

	if (rc == 0)
		rc = merge_roles(doc, err);
	if (rc == 0)
		rc = hoist_programs(doc, "pp", err);
	if (rc == 0)
		rc = hoist_programs(doc, "program", err);
	/* A script in its place is told to be an unknown key, with what was meant. */
	if (rc == 0 && value_get(doc, "run") && value_get(doc, "run")->type == YAML_MAPPING)
		rc = hoist_programs(doc, "run", err);
	for (size_t i = 0; i < sizeof(other_names) / sizeof(*other_names); i++)
		rename_key(doc, other_names[i][0], other_names[i][1]);
	return rc;
}

int job_programs(
        struct strv *ret, const struct value *doc, struct suites *suites, struct error *err)
{
	bool is_lkp = !value_is_null(value_get(doc, "lkp_src"));
	struct strv programs = STRV_INIT;
	int rc = 0;

	for (size_t i = 0; i < doc->n; i++) {
		const struct value_field *field = &doc->fields[i];
		const struct suite *suite;

		if (is_lkp && strcmp(field->key, "test") == 0 && field->value->type != YAML_MAPPING && !value_is_null(field->value)) {
			strv_push(&programs, field->key);
			continue;
		}
		if (job_key_is_own(field->key) || strchr(field->key, '|'))
			continue;
		rc = suites_find(&suite, suites, field->key, err);
		if (rc < 0 && rc != -ERR_NOT_FOUND)
			break;
		if (rc == 0 || (is_lkp && !job_field_is_known(field->key)))
			strv_push(&programs, field->key);
		rc = 0;
	}
	if (rc < 0)
		strv_release(&programs);
	else
		*ret = programs;
	return rc;
}

/* --- the product --- */

static size_t count_bytes(const struct value *value)
{
	size_t bytes = value->text ? strlen(value->text) : 0;

	for (size_t i = 0; i < value->n; i++)
		bytes += count_bytes(value->fields[i].value) +
		         (value->fields[i].key ? strlen(value->fields[i].key) : 0);
	return bytes;
}

static int check_size(
        const struct job_set *set, const struct value *doc, size_t jobs, struct error *err)
{
	if (jobs > JOB_JOBS_MAX - set->n)
		return value_error(err, ERR_LIMIT, &doc->place,
		        "found lists that make more than %d jobs, which is the limit",
		        JOB_JOBS_MAX);
	if (jobs * value_count(doc) > JOB_VALUES_MAX ||
	        jobs * count_bytes(doc) > JOB_EXPANDED_BYTES_MAX)
		return value_error(err, ERR_LIMIT, &doc->place,
		        "found lists that make %zu jobs of %zu values each, allowed: %d values and "
		        "%u MiB in all",
		        jobs, value_count(doc), JOB_VALUES_MAX, JOB_EXPANDED_BYTES_MAX >> 20);
	return 0;
}

static int add_job(struct job_set *set, const struct value *doc, const struct job_axes *axes,
        size_t which, const char *prefix, struct error *err)
{
	struct value *job = value_copy(doc);
	struct str label = STR_INIT;
	int rc;

	str_add(&label, prefix);
	job_axes_apply(axes, which, job, &label);
	rc = job_substitute(job, err);
	if (rc < 0) {
		value_free(job);
		str_release(&label);
		return rc;
	}
	MEM_GROW(set->v, set->n + 1, set->cap);
	set->v[set->n++] = (struct job_set_entry){ job, str_detach(&label) };
	return 0;
}

static int expand_document(struct job_set *set, struct value *doc, const char *prefix,
        struct suites *suites, struct error *err)
{
	struct job_axes *axes = NULL;
	size_t jobs;
	int rc = normalise(doc, err);

	if (rc == 0)
		rc = job_axes_find(&axes, doc, suites, err);
	if (rc < 0)
		return rc;
	jobs = job_axes_product(axes);
	rc = check_size(set, doc, jobs, err);
	for (size_t i = 0; i < jobs && rc == 0; i++)
		rc = add_job(set, doc, axes, i, prefix, err);
	job_axes_free(axes);
	return rc;
}

int job_expand(struct job_set *ret, struct job_documents *documents, struct suites *suites,
        struct error *err)
{
	struct job_set set = { .names = documents->names, .has_common = documents->has_common };
	struct str prefix = STR_INIT;
	int rc = 0;

	documents->names = (struct strv)STRV_INIT;
	for (size_t i = 0; i < documents->n && rc == 0; i++) {
		if (documents->n > 1)
			str_setf(&prefix, "document=%zu", i + (documents->has_common ? 2 : 1));
		rc = expand_document(&set, documents->v[i], prefix.buf, suites, err);
	}
	str_release(&prefix);
	job_documents_release(documents);
	if (rc < 0)
		job_set_release(&set);
	else
		*ret = set;
	return rc;
}

void job_set_release(struct job_set *set)
{
	for (size_t i = 0; i < set->n; i++) {
		value_free(set->v[i].doc);
		free(set->v[i].label);
	}
	free(set->v);
	strv_release(&set->names);
	*set = (struct job_set){ 0 };
}

int job_set_read(struct job_set *ret, const char *where, const char *text, size_t len,
        const struct job_load_options *options, struct suites *suites, struct error *err)
{
	struct job_documents documents;
	int rc = job_load(&documents, where, text, len, options, err);

	return rc < 0 ? rc : job_expand(ret, &documents, suites, err);
}
