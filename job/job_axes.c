#include "job/job_axes.h"

#include "base/mem.h"
#include "job/job_expand.h"
#include "job/job_keys.h"

#define LINKED_KEYS_MAX 16
#define LABEL_VALUE_MAX 60

/* Keys that change together, and the values that they take: row by row. */
struct axis {
	char *program;        /* whose parameters they are; NULL: keys of the job */
	struct strv keys;     /* of the job: may be paths */
	struct value ***rows; /* rows[i][key] */
	size_t n_rows;
	struct place place;
};

struct job_axes {
	struct axis *v;
	size_t n, cap;
};

static void row_free(const struct axis *axis, struct value **row)
{
	for (size_t k = 0; k < axis->keys.n; k++)
		value_free(row[k]);
	free(row);
}

static void axis_release(struct axis *axis)
{
	for (size_t i = 0; i < axis->n_rows; i++)
		row_free(axis, axis->rows[i]);
	free(axis->rows);
	free(axis->program);
	strv_release(&axis->keys);
}

void job_axes_free(struct job_axes *axes)
{
	if (!axes)
		return;
	for (size_t i = 0; i < axes->n; i++)
		axis_release(&axes->v[i]);
	free(axes->v);
	free(axes);
}

static const char *text_of(const struct value *value)
{
	return value->type == YAML_SCALAR ? value->text : "";
}

static int compare_values(const void *a, const void *b)
{
	struct value *const *const *x = a, *const *const *y = b;

	return strverscmp(text_of(**x), text_of(**y));
}

static bool is_same_row(struct value *const *a, struct value *const *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!value_is_equal(a[i], b[i]))
			return false;
	return true;
}

/* Sorted, each once.  Only the first key sorts rows that are linked; rows alike in it keep their
 * order. */
static void sort_rows(struct axis *axis)
{
	size_t kept = 0;

	for (size_t i = 1; i < axis->n_rows; i++) /* stable, which qsort is not; rows are few */
		for (size_t j = i; j > 0 && compare_values(&axis->rows[j - 1], &axis->rows[j]) > 0;
		        j--) {
			struct value **row = axis->rows[j];

			axis->rows[j] = axis->rows[j - 1];
			axis->rows[j - 1] = row;
		}
	for (size_t i = 0; i < axis->n_rows; i++) {
		if (kept && is_same_row(axis->rows[kept - 1], axis->rows[i], axis->keys.n)) {
			row_free(axis, axis->rows[i]);
		} else {
			axis->rows[kept++] = axis->rows[i];
		}
	}
	axis->n_rows = kept;
}

static int check_rows(const struct value *list, struct error *err)
{
	if (list->n == 0)
		return value_error(err, ERR_INVALID, &list->place,
		        "found an empty list, allowed: values, of which each makes a job");
	if (list->n > JOB_JOBS_MAX)
		return value_error(err, ERR_LIMIT, &list->place,
		        "found a list that makes more than %d jobs, which is the limit",
		        JOB_JOBS_MAX);
	return 0;
}

static int add_axis(struct job_axes *axes, struct axis *axis, struct error *err)
{
	if (axes->n >= JOB_AXES_MAX) {
		axis_release(axis);
		return value_error(err, ERR_LIMIT, &axis->place,
		        "found more than %d lists that make jobs, which is the limit",
		        JOB_AXES_MAX);
	}
	sort_rows(axis);
	MEM_GROW(axes->v, axes->n + 1, axes->cap);
	axes->v[axes->n++] = *axis;
	return 0;
}

/* A list as a value would make jobs again when the job is expanded once more. */
static int check_no_lists(const struct value *list, struct error *err)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->fields[i].value->type == YAML_SEQUENCE)
			return value_error(err, ERR_INVALID, &list->fields[i].value->place,
			        "found a list in a list that makes jobs, allowed: values, of which "
			        "each makes a job");
	return 0;
}

static int add_list(struct job_axes *axes, const char *program, const struct value_field *field,
        struct error *err)
{
	const struct value *list = field->value;
	struct axis axis = { .program = mem_strdup(program), .place = list->place };
	int rc = check_rows(list, err);

	if (rc == 0)
		rc = check_no_lists(list, err);
	if (rc < 0) {
		axis_release(&axis);
		return rc;
	}
	strv_push(&axis.keys, field->key);
	axis.rows = mem_array(list->n, sizeof(*axis.rows));
	for (size_t i = 0; i < list->n; i++) {
		axis.rows[i] = mem_array(1, sizeof(**axis.rows));
		axis.rows[i][0] = value_copy(list->fields[i].value);
	}
	axis.n_rows = list->n;
	return add_axis(axes, &axis, err);
}

/* --- linked keys --- */

/* The parts between "|", without blanks around them. */
static void split(struct strv *ret, const char *text)
{
	for (;; text++) {
		size_t len = strcspn(text, "|"), skip = strspn(text, " \t"), n = len;
		char *part;

		if (skip > len)
			skip = len;
		while (n > skip && (text[n - 1] == ' ' || text[n - 1] == '\t'))
			n--;
		part = mem_strndup(text + skip, n - skip);
		strv_push(ret, part);
		free(part);
		text += len;
		if (!*text)
			return;
	}
}

/* One row: a text "1|2", or a list of so many values. */
static int add_row(struct axis *axis, const struct value *value, struct error *err)
{
	struct strv parts = STRV_INIT;
	size_t n = axis->keys.n, found;
	struct value **row;

	if (value->type == YAML_MAPPING)
		return value_error(err, ERR_INVALID, &value->place,
		        "found a mapping, allowed: %zu values for %zu linked keys, as 1|2", n, n);
	if (value->type == YAML_SCALAR)
		split(&parts, value->text);
	found = value->type == YAML_SCALAR ? parts.n : value->n;
	if (found != n) {
		strv_release(&parts);
		return value_error(err, ERR_INVALID, &value->place,
		        "found %zu values for %zu linked keys, allowed: one each, as 1|2", found,
		        n);
	}
	if (value->type == YAML_SEQUENCE && check_no_lists(value, err) < 0)
		return -ERR_INVALID;
	row = mem_array(n, sizeof(*row));
	for (size_t i = 0; i < n; i++)
		row[i] = value->type == YAML_SCALAR
		                 ? value_text(parts.v[i], value->quoted, value->place)
		                 : value_copy(value->fields[i].value);
	strv_release(&parts);
	axis->rows[axis->n_rows++] = row;
	return 0;
}

/* Is [[1, 2], [3, 4]] or [1|2, 3|4] rows, or [1, 2] one row? */
static bool is_rows(const struct value *value)
{
	const struct value *first = value->n ? value->fields[0].value : NULL;

	return value->type == YAML_SEQUENCE &&
	       (!first || first->type != YAML_SCALAR || strchr(first->text, '|'));
}

static int read_linked(struct axis *axis, const struct value *value, struct error *err)
{
	int rc;

	if (axis->keys.n > LINKED_KEYS_MAX)
		return value_error(err, ERR_LIMIT, &axis->place,
		        "found %zu linked keys, allowed: at most %d", axis->keys.n,
		        LINKED_KEYS_MAX);
	for (size_t i = 0; i < axis->keys.n; i++) {
		const char *key = axis->keys.v[i];

		if (!*key)
			return value_error(err, ERR_INVALID, &axis->place,
			        "found no key beside a \"|\", allowed: linked keys, as a|b");
		if (key[1] && strchr("+-", key[strlen(key) - 1]))
			return value_error(err, ERR_INVALID, &axis->place,
			        "found the linked key \"%.100s\", allowed: keys without + or - at their end", key);
	}
	if (!is_rows(value)) {
		axis->rows = mem_array(1, sizeof(*axis->rows));
		return add_row(axis, value, err);
	}
	rc = check_rows(value, err);
	axis->rows = mem_array(value->n, sizeof(*axis->rows));
	for (size_t i = 0; i < value->n && rc == 0; i++)
		rc = add_row(axis, value->fields[i].value, err);
	return rc;
}

/* A key that stands alone as well, as from the command line, chooses the rows that have its value. */
static int choose_rows(struct axis *axis, size_t k, struct value *mapping, struct error *err)
{
	const char *key = axis->keys.v[k];
	const struct value *chosen = axis->program ? value_get(mapping, key) : value_get_path(mapping, key);
	size_t kept = 0;

	if (!chosen)
		return 0;
	for (size_t i = 0; i < axis->n_rows; i++)
		kept += strcmp(text_of(axis->rows[i][k]), text_of(chosen)) == 0;
	if (chosen->type != YAML_SCALAR || !kept)
		return value_error(err, ERR_INVALID, &chosen->place,
		        "found \"%.100s\" alone as well as linked with others (line %zu), allowed: one of them, or alone a value that it has there",
		        key, axis->place.line);
	for (size_t i = kept = 0; i < axis->n_rows; i++)
		if (strcmp(text_of(axis->rows[i][k]), text_of(chosen)) == 0)
			axis->rows[kept++] = axis->rows[i];
		else
			row_free(axis, axis->rows[i]);
	axis->n_rows = kept;
	return 0;
}

static int add_linked(struct job_axes *axes, struct value *mapping, const char *program, size_t i,
        struct error *err)
{
	struct value_field *field = &mapping->fields[i];
	struct axis axis = { .program = mem_strdup(program), .place = field->place };
	struct value *value;
	int rc;

	split(&axis.keys, field->key);
	for (size_t k = 0; k < axis.keys.n && !program; k++) {
		const char *own = job_own_name(axis.keys.v[k]);

		if (own && !strv_has(&axis.keys, own)) {
			free(axis.keys.v[k]);
			axis.keys.v[k] = mem_strdup(own);
		}
	}
	value = value_take(mapping, field->key);
	rc = read_linked(&axis, value, err);
	value_free(value);
	for (size_t k = 0; k < axis.keys.n && rc == 0; k++)
		rc = choose_rows(&axis, k, mapping, err);
	if (rc < 0) {
		axis_release(&axis);
		return rc;
	}
	return add_axis(axes, &axis, err);
}

static int find_linked(
        struct job_axes *axes, struct value *mapping, const char *program, struct error *err)
{
	int rc = 0;

	for (size_t i = 0; i < mapping->n && rc == 0;)
		if (strchr(mapping->fields[i].key, '|'))
			rc = add_linked(axes, mapping, program, i, err);
		else
			i++;
	return rc;
}

/* --- all lists --- */

static int find_in_program(struct job_axes *axes, struct value *doc, const char *program,
        struct suites *suites, struct error *err)
{
	const struct suite_parameter *parameter;
	const struct suite *suite = NULL;
	struct value_field *own = value_field(doc, program);
	int rc = suites_find(&suite, suites, program, err);

	if (rc < 0 && rc != -ERR_NOT_FOUND)
		return rc;
	parameter = suite && suite->n_parameters ? &suite->parameters[0] : NULL;
	/* `cmd: [a, b]`: of its first parameter.  For lkp-tests, which has parameters beside its programs, each list makes jobs. */
	if (own->value->type == YAML_SEQUENCE &&
	        (parameter ? parameter->type != PARAMETER_LIST : !suite && !value_is_null(value_get(doc, "lkp_src"))))
		return add_list(axes, NULL, own, err);
	if (own->value->type != YAML_MAPPING)
		return 0;
	rc = find_linked(axes, own->value, program, err);
	for (size_t i = 0; i < own->value->n && rc == 0; i++) {
		const struct value_field *field = &own->value->fields[i];

		parameter = suite ? suite_parameter(suite, field->key) : NULL;
		if (field->value->type == YAML_SEQUENCE &&
		        !(parameter && parameter->type == PARAMETER_LIST))
			rc = add_list(axes, program, field, err);
	}
	return rc;
}

static int compare_axes(const void *a, const void *b)
{
	const struct axis *x = a, *y = b;
	int order = strcmp(x->program ? x->program : "", y->program ? y->program : "");

	return order ? order : strcmp(x->keys.v[0], y->keys.v[0]);
}

static int find_all(
        struct job_axes *axes, struct value *doc, struct suites *suites, struct error *err)
{
	static const char *const keys[] = { "os", "os_arch", "os_version", "testbox" };
	struct strv programs = STRV_INIT;
	int rc = find_linked(axes, doc, NULL, err);

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys) && rc == 0; i++) {
		const struct value_field *field = value_field(doc, keys[i]);

		if (field && field->value->type == YAML_SEQUENCE)
			rc = add_list(axes, NULL, field, err);
	}
	if (rc == 0)
		rc = job_programs(&programs, doc, suites, err);
	for (size_t i = 0; i < programs.n && rc == 0; i++)
		rc = find_in_program(axes, doc, programs.v[i], suites, err);
	strv_release(&programs);
	return rc;
}

int job_axes_find(
        struct job_axes **ret, struct value *doc, struct suites *suites, struct error *err)
{
	struct job_axes *axes = mem_alloc(sizeof(*axes));
	int rc = find_all(axes, doc, suites, err);

	if (rc < 0) {
		job_axes_free(axes);
		return rc;
	}
	if (axes->n)
		qsort(axes->v, axes->n, sizeof(*axes->v), compare_axes);
	*ret = axes;
	return 0;
}

size_t job_axes_product(const struct job_axes *axes)
{
	size_t product = 1;

	for (size_t i = 0; i < axes->n; i++)
		if (__builtin_mul_overflow(product, axes->v[i].n_rows, &product))
			return SIZE_MAX;
	return product;
}

static void apply_row(
        const struct axis *axis, struct value **row, struct value *job, struct str *label)
{
	struct value *mapping = axis->program ? value_get(job, axis->program) : job;

	for (size_t k = 0; k < axis->keys.n; k++) {
		const char *key = axis->keys.v[k];

		if (axis->program)
			value_set(mapping, key, axis->place, value_copy(row[k]));
		else
			value_set_path(job, key, axis->place, value_copy(row[k]));
		str_addf(label, "%s%s%s%s=", label->len ? " " : "",
		        axis->program ? axis->program : "", axis->program ? "." : "", key);
		str_add_printable(label, text_of(row[k]), strlen(text_of(row[k])), LABEL_VALUE_MAX);
	}
}

void job_axes_apply(const struct job_axes *axes, size_t which, struct value *job, struct str *label)
{
	size_t left = job_axes_product(axes);

	for (size_t i = 0; i < axes->n; i++) {
		const struct axis *axis = &axes->v[i];

		left /= axis->n_rows;
		apply_row(axis, axis->rows[which / left % axis->n_rows], job, label);
	}
}
