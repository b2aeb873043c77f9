#include "job/value.h"

#include <stdarg.h>

#include "base/mem.h"

struct value *value_new(enum yaml_type type, struct place place)
{
	struct value *value = mem_alloc(sizeof(*value));

	value->type = type;
	value->place = place;
	return value;
}

struct value *value_text(const char *text, bool quoted, struct place place)
{
	struct value *value = value_new(YAML_SCALAR, place);

	value->text = mem_strdup(text);
	value->quoted = quoted;
	return value;
}

void value_free(struct value *value)
{
	if (!value)
		return;
	for (size_t i = 0; i < value->n; i++) {
		free(value->fields[i].key);
		value_free(value->fields[i].value);
	}
	free(value->fields);
	free(value->text);
	free(value);
}

struct value *value_copy(const struct value *value)
{
	struct value *copy;

	if (!value)
		return NULL;
	copy = value_new(value->type, value->place);
	copy->text = mem_strdup(value->text);
	copy->quoted = value->quoted;
	copy->fields = mem_array(value->n, sizeof(*copy->fields));
	copy->n = copy->cap = value->n;
	for (size_t i = 0; i < value->n; i++) {
		copy->fields[i] = value->fields[i];
		copy->fields[i].key = mem_strdup(value->fields[i].key);
		copy->fields[i].value = value_copy(value->fields[i].value);
	}
	return copy;
}

size_t value_count(const struct value *value)
{
	size_t count = 1;

	for (size_t i = 0; i < value->n; i++)
		count += value_count(value->fields[i].value);
	return count;
}

bool value_is_null(const struct value *value)
{
	static const char *const words[] = { "", "~", "null", "Null", "NULL" };

	if (!value)
		return true;
	if (value->type != YAML_SCALAR || value->quoted)
		return false;
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strcmp(value->text, words[i]) == 0)
			return true;
	return false;
}

bool value_is_equal(const struct value *a, const struct value *b)
{
	if (a->type != b->type || a->n != b->n)
		return false;
	if (a->type == YAML_SCALAR)
		return strcmp(a->text, b->text) == 0 && value_is_null(a) == value_is_null(b);
	for (size_t i = 0; i < a->n; i++) {
		const struct value *other = a->type == YAML_MAPPING ? value_get(b, a->fields[i].key)
		                                                    : b->fields[i].value;

		if (!other || !value_is_equal(a->fields[i].value, other))
			return false;
	}
	return true;
}

const char *value_type_name(const struct value *value)
{
	return value_is_null(value)           ? "nothing"
	       : value->type == YAML_SEQUENCE ? "a list"
	       : value->type == YAML_MAPPING  ? "a mapping"
	                                      : "text";
}

struct value_field *value_field(const struct value *mapping, const char *key)
{
	if (!mapping || mapping->type != YAML_MAPPING)
		return NULL;
	for (size_t i = 0; i < mapping->n; i++)
		if (strcmp(mapping->fields[i].key, key) == 0)
			return &mapping->fields[i];
	return NULL;
}

struct value *value_get(const struct value *mapping, const char *key)
{
	struct value_field *field = value_field(mapping, key);

	return field ? field->value : NULL;
}

struct value *value_get_path(const struct value *mapping, const char *path)
{
	struct value *found = value_get(mapping, path);

	for (const char *dot = strchr(path, '.'); dot && !found; dot = strchr(dot + 1, '.')) {
		char *key = mem_strndup(path, (size_t)(dot - path));
		const struct value *inner = value_get(mapping, key);

		free(key);
		if (inner)
			found = value_get_path(inner, dot + 1);
	}
	return found;
}

static struct value_field *add_field(struct value *value)
{
	MEM_GROW(value->fields, value->n + 1, value->cap);
	value->fields[value->n] = (struct value_field){ 0 };
	return &value->fields[value->n++];
}

void value_set(struct value *mapping, const char *key, struct place place, struct value *value)
{
	struct value_field *field = value_field(mapping, key);

	if (!field) {
		field = add_field(mapping);
		field->key = mem_strdup(key);
	}
	if (field->value != value)
		value_free(field->value);
	field->place = place;
	field->value = value;
}

void value_set_path(
        struct value *mapping, const char *path, struct place place, struct value *value)
{
	const char *dot = strchr(path, '.');

	for (int depth = 1; dot && depth < VALUE_PATH_MAX; depth++, dot = strchr(path, '.')) {
		char *key = mem_strndup(path, (size_t)(dot - path));
		struct value *inner = value_get(mapping, key);

		if (!inner || inner->type != YAML_MAPPING) {
			inner = value_new(YAML_MAPPING, place);
			value_set(mapping, key, place, inner);
		}
		free(key);
		mapping = inner;
		path = dot + 1;
	}
	value_set(mapping, path, place, value);
}

struct value *value_take(struct value *mapping, const char *key)
{
	struct value_field *field = value_field(mapping, key);
	struct value *value;
	size_t i;

	if (!field)
		return NULL;
	value = field->value;
	free(field->key);
	i = (size_t)(field - mapping->fields);
	memmove(field, field + 1, (mapping->n - i - 1) * sizeof(*field));
	mapping->n--;
	return value;
}

void value_append(struct value *list, struct value *value)
{
	struct value_field *field = add_field(list);

	field->place = value->place;
	field->value = value;
}

int value_error(
        struct error *err, enum error_code code, const struct place *place, const char *fmt, ...)
{
	struct str text = STR_INIT;
	va_list ap;
	int ret;

	va_start(ap, fmt);
	str_vaddf(&text, fmt, ap);
	va_end(ap);
	if (place->line)
		ret = error_set(err, code, "%s:%zu:%zu: %s", place->where, place->line,
		        place->column, text.buf);
	else
		ret = error_set(err, code, "%s: %s", place->where, text.buf);
	str_release(&text);
	return ret;
}
