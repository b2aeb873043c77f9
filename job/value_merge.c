#include <search.h>

#include "base/mem.h"
#include "job/value.h"

/* The items of a list, to be found by value: texts in a tree (tsearch), as there may be very many;
 * the others one by one. */
struct items {
	void *texts;
	const struct value *list;
};

static int compare_texts(const void *a, const void *b)
{
	const struct value *x = a, *y = b;
	int order = strcmp(x->text, y->text);

	return order ? order : value_is_null(x) - value_is_null(y);
}

static void add_text(struct items *items, const struct value *item)
{
	if (item->type == YAML_SCALAR && !tsearch(item, &items->texts, compare_texts))
		abort();
}

static struct items items_of(const struct value *list)
{
	struct items items = { NULL, list };

	for (size_t i = 0; i < list->n; i++)
		add_text(&items, list->fields[i].value);
	return items;
}

static bool items_have(struct items *items, const struct value *item)
{
	if (item->type == YAML_SCALAR)
		return tfind(item, &items->texts, compare_texts);
	for (size_t i = 0; i < items->list->n; i++)
		if (value_is_equal(items->list->fields[i].value, item))
			return true;
	return false;
}

static void keep(void *item)
{
}

static void items_release(struct items *items)
{
	tdestroy(items->texts, keep);
}

/* A value as the list of what it names: items, keys, or words. */
static struct value *as_list(struct value *value)
{
	struct value *list;
	char *word, *rest;

	if (value->type == YAML_SEQUENCE)
		return value;
	list = value_new(YAML_SEQUENCE, value->place);
	if (value->type == YAML_MAPPING) {
		for (size_t i = 0; i < value->n; i++)
			value_append(list,
			        value_text(value->fields[i].key, true, value->fields[i].place));
	} else if (!value_is_null(value)) {
		for (word = strtok_r(value->text, " \t\n", &rest); word;
		        word = strtok_r(NULL, " \t\n", &rest))
			value_append(list, value_text(word, value->quoted, value->place));
	}
	value_free(value);
	return list;
}

static struct value *list_of(struct value *item)
{
	struct value *list = value_new(YAML_SEQUENCE, item->place);

	value_append(list, item);
	return list;
}

static struct value *as_words(struct value *list, struct place place)
{
	struct str words = STR_INIT;
	struct value *text;

	for (size_t i = 0; i < list->n; i++)
		if (list->fields[i].value->type == YAML_SCALAR)
			str_addf(&words, "%s%s", words.len ? " " : "", list->fields[i].value->text);
	text = value_text(words.buf, true, place);
	str_release(&words);
	value_free(list);
	return text;
}

static void append_new(struct value *list, struct value *more)
{
	struct items items = items_of(list);

	for (size_t i = 0; i < more->n; i++) {
		if (items_have(&items, more->fields[i].value))
			continue;
		add_text(&items, more->fields[i].value);
		value_append(list, more->fields[i].value);
		more->fields[i].value = NULL;
	}
	items_release(&items);
	value_free(more);
}

/* Both are taken over. */
static struct value *add_value(struct value *old, struct value *more)
{
	struct place place = more->place;

	if (value_is_null(old)) {
		value_free(old);
		return more;
	}
	if (value_is_null(more)) {
		value_free(more);
		return old;
	}
	if (old->type == YAML_MAPPING && more->type == YAML_MAPPING) {
		value_merge(old, more);
		return old;
	}
	if (old->type == YAML_SCALAR && more->type == YAML_SCALAR) {
		char *text = mem_printf(
		        "%s%s%s", old->text, *old->text && *more->text ? " " : "", more->text);

		value_free(old);
		value_free(more);
		old = value_text(text, true, place);
		free(text);
		return old;
	}
	/* An item, or the words that stand for a list. */
	if (more->type == YAML_MAPPING)
		more = list_of(more);
	old = old->type == YAML_MAPPING ? list_of(old) : as_list(old);
	append_new(old, as_list(more));
	return old;
}

static struct value *remove_value(struct value *old, struct value *less)
{
	struct place place = old->place;
	bool is_text = old->type == YAML_SCALAR;

	if (value_is_null(old)) {
		value_free(less);
		return old;
	}
	less = as_list(less);
	if (old->type == YAML_MAPPING) {
		for (size_t i = 0; i < less->n; i++)
			if (less->fields[i].value->type == YAML_SCALAR)
				value_free(value_take(old, less->fields[i].value->text));
	} else {
		struct items items = items_of(less);
		size_t kept = 0;

		old = as_list(old);
		for (size_t i = 0; i < old->n; i++) {
			if (items_have(&items, old->fields[i].value))
				value_free(old->fields[i].value);
			else
				old->fields[kept++] = old->fields[i];
		}
		old->n = kept;
		items_release(&items);
	}
	value_free(less);
	return is_text ? as_words(old, place) : old;
}

/* "k+" and "k-" and what is before the sign, or before several, of which the last counts; false: an ordinary key. */
static bool is_increment(const char *key, char **ret_name, char *ret_sign)
{
	size_t len = strlen(key), name_len = len;

	while (name_len > 1 && (key[name_len - 1] == '+' || key[name_len - 1] == '-'))
		name_len--;
	if (name_len == len)
		return false;
	*ret_name = mem_strndup(key, name_len);
	*ret_sign = key[len - 1];
	return true;
}

static void merge_increment(
        struct value *into, const char *key, struct place place, struct value *value)
{
	struct value_field *base, *pending;
	char *name, sign;

	if (!is_increment(key, &name, &sign))
		return;
	base = value_field(into, name);
	pending = value_field(into, key);
	if (base && sign == '-' && value_is_null(value)) {
		value_free(value_take(into, name));
		value_free(value);
	} else if (base)
		base->value = sign == '+' ? add_value(base->value, value)
		                          : remove_value(base->value, value);
	else if (pending)
		pending->value = add_value(pending->value, value);
	else
		value_set(into, key, place, value);
	free(name);
}

static void merge_field(
        struct value *into, const char *key, struct place place, struct value *value)
{
	struct value *old = value_get(into, key);

	if (old && old->type == YAML_MAPPING && value->type == YAML_MAPPING)
		value_merge(old, value);
	else
		value_set(into, key, place, value);
}

/* First what is set, then what is added and taken away. */
void value_merge(struct value *into, struct value *from)
{
	for (int increments = 0; increments < 2; increments++) {
		for (size_t i = 0; i < from->n; i++) {
			struct value_field *field = &from->fields[i];
			char *name, sign;
			bool is = is_increment(field->key, &name, &sign);

			if (is)
				free(name);
			if (is != increments || !field->value)
				continue;
			if (increments)
				merge_increment(into, field->key, field->place, field->value);
			else
				merge_field(into, field->key, field->place, field->value);
			field->value = NULL;
		}
	}
	value_free(from);
}

/* Values lie in mappings and lists; increments in mappings only. */
void value_settle(struct value *value)
{
	for (size_t i = 0; i < value->n; i++) {
		struct value_field *field = &value->fields[i];
		struct value_field *base;
		char *name, sign;

		value_settle(field->value);
		if (value->type != YAML_MAPPING || !is_increment(field->key, &name, &sign))
			continue;
		base = value_field(value, name);
		if (base || sign == '-') {
			struct value *change = value_take(value, field->key);

			/* The base may have moved. */
			base = value_field(value, name);
			if (!base || value_is_null(change)) {
				if (base && sign == '-') {
					value_free(value_take(value, name));
					i = 0;	/* what stood before it has moved; the rest is settled again */
				}
				value_free(change);
			} else {
				base->value = sign == '+' ? add_value(base->value, change)
				                          : remove_value(base->value, change);
			}
			i--;
			free(name);
		} else {
			free(field->key);
			field->key = name;
		}
	}
}
