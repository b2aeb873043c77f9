/* KEY=VALUE of a command line. */
#include "base/mem.h"
#include "base/yaml.h"
#include "base/yaml_braces.h"
#include "job/job_check.h"
#include "job/job_load.h"

/* Letters of a key before the "=": of a path, of linked keys, of an increment. */
static size_t key_length(const char *text)
{
	return strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-+|:");
}

bool job_is_argument(const char *text)
{
	size_t len = key_length(text);

	return len > 0 && *text != '-' && *text != '.' && text[len] == '=';
}

static bool is_text(const char *text)
{
	size_t left = strlen(text), len;
	unsigned code;

	if (check_has_control(text))
		return false;
	for (; left; text += len, left -= len)
		if (!(len = str_utf8(text, left, &code)) || code == 0xfffe || code == 0xffff)
			return false;
	return true;
}

/* [a, b] and {a: b}. */
static struct value *value_of_node(const struct yaml_node *node, struct place place)
{
	struct value *value;

	if (node->type == YAML_SCALAR)
		return value_text(node->text, node->quoted, place);
	value = value_new(node->type, place);
	for (size_t i = 0; i < node->n; i++) {
		struct value *inner = value_of_node(node->values[i], place);

		if (node->type == YAML_MAPPING)
			value_set(value, node->keys[i]->text, place, inner);
		else
			value_append(value, inner);
	}
	return value;
}

static int read_value(struct value **ret, const char *text, struct place place, struct error *err)
{
	struct str quoted = STR_INIT;
	struct yaml *doc;
	int rc;

	if (*text != '[' && (*text != '{' || text[1] == '{')) {
		*ret = value_text(text, false, place);
		return 0;
	}
	if (yaml_quote_braces(&quoted, text, strlen(text)))
		text = quoted.buf;
	rc = yaml_read(&doc, place.where, text, strlen(text), err);
	str_release(&quoted);
	if (rc < 0)
		return rc;
	*ret = value_of_node(yaml_root(doc), place);
	yaml_free(doc);
	return 0;
}

/* "a:b" of "a:b=1:2" as the key and value "a|b: 1|2". */
static void link_by_bars(char *key, struct value *value)
{
	if (!strchr(key, ':') || value->type != YAML_SCALAR)
		return;
	for (char *p = key; (p = strchr(p, ':'));)
		*p = '|';
	for (char *p = value->text; (p = strchr(p, ':'));)
		*p = '|';
}

static int set_argument(
        struct value *into, const char *argument, struct place place, struct error *err)
{
	size_t len = key_length(argument);
	struct value *value, *more;
	char *key;
	int rc;

	if (!job_is_argument(argument) || !is_text(argument))
		return value_error(err, ERR_INVALID, &place,
		        "found no KEY=VALUE, allowed: os=debian, ltp.test=syscalls, mail_to+=a, "
		        "ss.linux.commit=v6.1");
	if (strlen(argument) > JOB_TEXT_LENGTH_MAX || len > JOB_KEY_LENGTH_MAX)
		return value_error(err, ERR_LIMIT, &place,
		        "found more than %u bytes, which is the limit", JOB_TEXT_LENGTH_MAX);
	rc = read_value(&value, argument + len + 1, place, err);
	if (rc < 0)
		return rc;
	key = mem_strndup(argument, len);
	link_by_bars(key, value);
	more = value_new(YAML_MAPPING, place);
	if (strchr(key, '|'))
		value_set(more, key, place, value);
	else
		value_set_path(more, key, place, value);
	value_merge(into, more);
	free(key);
	return 0;
}

int job_set_arguments(struct value *into, struct job_documents *names, const struct strv *arguments,
        struct error *err)
{
	int rc = 0;

	if (arguments->n > JOB_ARGUMENTS_MAX)
		return error_set(err, ERR_LIMIT, "found %zu of KEY=VALUE, allowed: at most %d",
		        arguments->n, JOB_ARGUMENTS_MAX);
	for (size_t i = 0; i < arguments->n && rc == 0; i++) {
		struct str name = STR_INIT, shown = STR_INIT;

		str_add_printable(&shown, arguments->v[i], strlen(arguments->v[i]), 80);
		str_addf(&name, "argument \"%s\"", shown.buf);
		strv_push(&names->names, name.buf);
		rc = set_argument(into, arguments->v[i],
		        (struct place){ names->names.v[names->names.n - 1], 0, 0 }, err);
		str_release(&name);
		str_release(&shown);
	}
	return rc;
}
