#include "base/mem.h"
#include "job/value.h"
#include "job/yaml_text.h"

static int compare_fields(const void *a, const void *b)
{
	const struct value_field *const *x = a, *const *y = b;

	return strcmp((*x)->key, (*y)->key);
}

static void print_fields(struct str *ret, const struct value *value, unsigned indent);

/* A word or number that was written without quotes reads back without them. */
static bool is_bare(const struct value *value)
{
	size_t len = strlen(value->text);

	return !value->quoted && len > 0 && *value->text != '-' && *value->text != '+' &&
	       strspn(value->text,
	               "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./+-") ==
	               len;
}

static void print_scalar(struct str *ret, const struct value *value, unsigned indent)
{
	if (value_is_null(value)) {
		str_add_char(ret, '\n');
		return;
	}
	str_add_char(ret, ' ');
	if (is_bare(value)) {
		str_add(ret, value->text);
		str_add_char(ret, '\n');
	} else {
		yaml_text_block(ret, value->text, indent);
	}
}

/* After "key:" or "-". */
static void print_value(struct str *ret, const struct value *value, unsigned indent)
{
	if (value->type == YAML_SCALAR) {
		print_scalar(ret, value, indent);
	} else if (value->n == 0) {
		str_add(ret, value->type == YAML_MAPPING ? " {}\n" : " []\n");
	} else {
		str_add_char(ret, '\n');
		print_fields(ret, value, indent);
	}
}

static void print_fields(struct str *ret, const struct value *value, unsigned indent)
{
	const struct value_field **sorted = mem_array(value->n, sizeof(*sorted));

	for (size_t i = 0; i < value->n; i++)
		sorted[i] = &value->fields[i];
	if (value->type == YAML_MAPPING)
		qsort(sorted, value->n, sizeof(*sorted), compare_fields);
	for (size_t i = 0; i < value->n; i++) {
		str_addf(ret, "%*s", (int)indent, "");
		if (value->type == YAML_MAPPING) {
			yaml_text_scalar(ret, sorted[i]->key);
			str_add_char(ret, ':');
		} else {
			str_add_char(ret, '-');
		}
		print_value(ret, sorted[i]->value, indent + 2);
	}
	free(sorted);
}

void value_print(struct str *ret, const struct value *value)
{
	if (value->type == YAML_SCALAR) {
		/* Only a document of its own is a scalar. */
		if (!value_is_null(value))
			yaml_text_quoted(ret, value->text);
		str_add_char(ret, '\n');
	} else if (value->n == 0) {
		str_add(ret, value->type == YAML_MAPPING ? "{}\n" : "[]\n");
	} else {
		print_fields(ret, value, 0);
	}
}
