#include "base/settings.h"

#include <limits.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/settings_table.h"
#include "base/yaml.h"

/*
 * What a value was given for, before anything is stored: the command line is read first but has the
 * last word.
 */
struct given {
	const struct setting *setting;
	const char *value; /* borrowed from argv */
};

struct reading {
	const struct command *command;
	const char *program;
	void *values;
	struct given *given;
	size_t n_given, cap_given;
	struct strv arguments;
	bool help;
};

/* Edits (insert, delete, replace) between two short names; long ones are never near. */
static size_t distance(const char *a, const char *b)
{
	enum { LONGEST = 40 };
	size_t row[LONGEST + 1];
	size_t n = strlen(a), m = strlen(b), i, j;

	if (n > LONGEST || m > LONGEST)
		return LONGEST;
	for (j = 0; j <= m; j++)
		row[j] = j;
	for (i = 1; i <= n; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (j = 1; j <= m; j++) {
			size_t above = row[j];
			size_t best = diagonal + (a[i - 1] != b[j - 1]);

			if (above + 1 < best)
				best = above + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
			diagonal = above;
		}
	}
	return row[m];
}

static const struct setting *find_nearest(const struct command *command, const char *name)
{
	const struct setting *s, *nearest = NULL;
	size_t best = 3;

	for (s = command->settings; s && s->name; s++) {
		size_t d;

		if (!setting_is_row(s))
			continue;
		d = distance(name, s->name);
		if (strlen(name) >= 3 && str_has_prefix(s->name, name))
			d = d < 2 ? d : 2;
		if (d < best && d < strlen(s->name)) {
			best = d;
			nearest = s;
		}
	}
	return nearest;
}

static void *slot_of(void *values, const struct setting *s)
{
	return (char *)values + s->offset;
}

static void add_amount(struct str *to, enum setting_type type, long long amount)
{
	static const struct {
		enum setting_type type;
		long long factor;
		const char *unit;
	} units[] = {
		{ SETTING_SECONDS, 86400, "d" },
		{ SETTING_SECONDS, 3600, "h" },
		{ SETTING_SECONDS, 60, "m" },
		{ SETTING_SECONDS, 1, "s" },
		{ SETTING_BYTES, 1 << 30, "g" },
		{ SETTING_BYTES, 1 << 20, "m" },
		{ SETTING_BYTES, 1 << 10, "k" },
	};
	size_t i;

	for (i = 0; i < sizeof(units) / sizeof(*units); i++) {
		if (units[i].type == type && amount && amount % units[i].factor == 0) {
			str_addf(to, "%lld%s", amount / units[i].factor, units[i].unit);
			return;
		}
	}
	str_addf(to, "%lld", amount);
}

static void add_allowed(struct str *to, const struct setting *s)
{
	if (s->type == SETTING_FLAG) {
		str_add(to, "yes or no");
		return;
	}
	if (s->type == SETTING_SECONDS)
		str_add(to, "a time such as 90s, 15m or 6h");
	else if (s->type == SETTING_BYTES)
		str_add(to, "a size such as 64k, 512m or 2g");
	else
		str_add(to, "a whole number");
	if (!s->min && !s->max) {
		str_add(to, s->type == SETTING_NUMBER ? " from 0" : "");
	} else if (s->max == LLONG_MAX || s->max < s->min) {
		str_add(to, " of at least ");
		add_amount(to, s->type, s->min);
	} else {
		str_add(to, " from ");
		add_amount(to, s->type, s->min);
		str_add(to, " to ");
		add_amount(to, s->type, s->max);
	}
}

static bool parse_amount(const struct setting *s, const char *text, long long *ret)
{
	bool any = !s->min && !s->max;
	long long max = any || s->max < s->min ? LLONG_MAX : s->max;
	long long amount = 0;
	bool ok;

	if (s->type == SETTING_SECONDS)
		ok = str_to_seconds(text, &amount);
	else if (s->type == SETTING_BYTES)
		ok = str_to_bytes(text, &amount);
	else
		ok = str_to_long(text, LLONG_MIN, LLONG_MAX, &amount);
	if (!ok || amount < s->min || amount > max)
		return false;
	*ret = amount;
	return true;
}

/* A list grows by the value; everything else is replaced. */
static int store(void *values, const struct setting *s, const char *text, const char *where,
        struct error *err)
{
	void *slot = slot_of(values, s);
	struct str allowed = STR_INIT;
	bool ok = true;
	int ret = 0;

	switch (s->type) {
	case SETTING_FLAG:
		ok = setting_parse_flag(text, slot);
		break;
	case SETTING_STRING:
		free(*(char **)slot);
		*(char **)slot = mem_strdup(text);
		break;
	case SETTING_LIST:
		strv_push(slot, text);
		break;
	case SETTING_NUMBER:
	case SETTING_SECONDS:
	case SETTING_BYTES:
		ok = parse_amount(s, text, slot);
		break;
	case SETTING_HEADING:
		break;
	}
	if (!ok) {
		add_allowed(&allowed, s);
		ret = error_set(err, ERR_INVALID, "%s: \"%.200s\" is not allowed, only %s", where,
		        text, allowed.buf);
	}
	str_release(&allowed);
	return ret;
}

static void forget_list(void *values, const struct setting *s)
{
	if (s->type == SETTING_LIST)
		strv_release(slot_of(values, s));
}

/* --- the command line --- */

static int unknown_option(
        struct reading *r, const char *option, const char *name, struct error *err)
{
	const struct setting *near = find_nearest(r->command, name);
	struct str hint = STR_INIT;
	int ret;

	if (near) {
		str_addf(&hint, "did you mean --%s?", near->name);
	} else {
		str_add(&hint, "\"");
		setting_add_command(&hint, r->program, r->command);
		str_add(&hint, " --help\" lists them");
	}
	ret = error_set(err, ERR_INVALID, "unknown option %.200s; %s", option, hint.buf);
	str_release(&hint);
	return ret;
}

static void give(struct reading *r, const struct setting *s, const char *value)
{
	MEM_GROW(r->given, r->n_given + 1, r->cap_given);
	r->given[r->n_given++] = (struct given){ s, value };
}

/* `rest` is what stood in the same word, or NULL: then the next word is the value. */
static int take_value(struct reading *r, const struct setting *s, const char *rest, int argc,
        char **argv, int *at, struct error *err)
{
	if (!rest && *at + 1 >= argc)
		return error_set(err, ERR_INVALID, "--%s: a value is missing (%s)", s->name,
		        setting_argument(s));
	give(r, s, rest ? rest : argv[++*at]);
	return 0;
}

static int read_long_option(struct reading *r, int argc, char **argv, int *at, struct error *err)
{
	const char *word = argv[*at] + 2;
	const char *equals = strchr(word, '=');
	char *name = equals ? mem_strndup(word, (size_t)(equals - word)) : mem_strdup(word);
	const struct setting *s = setting_find(r->command, name);
	bool negated = false;
	int ret = 0;

	if (!s && str_has_prefix(name, "no-")) {
		s = setting_find(r->command, name + 3);
		if (s && s->type != SETTING_FLAG)
			s = NULL;
		negated = s != NULL;
	}
	if (!s && strcmp(name, "help") == 0 && !equals)
		r->help = true;
	else if (!s)
		ret = unknown_option(r, argv[*at], name, err);
	else if (s->type != SETTING_FLAG)
		ret = take_value(r, s, equals ? equals + 1 : NULL, argc, argv, at, err);
	else if (equals)
		ret = error_set(err, ERR_INVALID,
		        "--%s takes no value; --%s and --no-%s are all there is", name, s->name,
		        s->name);
	else
		give(r, s, negated ? "no" : "yes");
	free(name);
	return ret;
}

static int read_letters(struct reading *r, int argc, char **argv, int *at, struct error *err)
{
	const char *p;

	for (p = argv[*at] + 1; *p; p++) {
		const struct setting *s = setting_find_letter(r->command, *p);

		if (!s && *p == 'h') {
			r->help = true;
		} else if (!s) {
			char option[] = { '-', *p, '\0' };

			return unknown_option(
			        r, p[1] || p > argv[*at] + 1 ? argv[*at] : option, "", err);
		} else if (s->type != SETTING_FLAG) {
			return take_value(r, s, p[1] ? p + 1 : NULL, argc, argv, at, err);
		} else {
			give(r, s, "yes");
		}
	}
	return 0;
}

static int read_command_line(
        struct reading *r, int argc, char **argv, bool stop_at_argument, struct error *err)
{
	int i;

	for (i = 1; i < argc && !r->help; i++) {
		int ret = 0;

		if (strcmp(argv[i], "--") == 0) {
			i++;
			break;
		}
		if (argv[i][0] != '-' || !argv[i][1]) {
			if (stop_at_argument)
				break;
			strv_push(&r->arguments, argv[i]);
		} else if (argv[i][1] == '-') {
			ret = read_long_option(r, argc, argv, &i, err);
		} else {
			ret = read_letters(r, argc, argv, &i, err);
		}
		if (ret < 0)
			return ret;
	}
	for (; i < argc; i++)
		strv_push(&r->arguments, argv[i]);
	return 0;
}

static int apply_command_line(struct reading *r, struct error *err)
{
	struct str where = STR_INIT;
	size_t i, j;
	int ret = 0;

	for (i = 0; i < r->n_given && ret == 0; i++) {
		const struct setting *s = r->given[i].setting;

		for (j = 0; j < i && r->given[j].setting != s; j++)
			;
		if (j == i)
			forget_list(r->values, s);
		ret = store(
		        r->values, s, r->given[i].value, str_setf(&where, "--%s", s->name), err);
	}
	str_release(&where);
	return ret;
}

/* --- defaults, environment, file --- */

static int apply_defaults(struct reading *r, struct error *err)
{
	const struct setting *s;
	int ret = 0;

	for (s = r->command->settings; s && s->name && ret == 0; s++)
		if (setting_is_row(s) && s->standard)
			ret = store(r->values, s, s->standard, s->name, err);
	return ret;
}

static const char *from_environment(const struct setting *s, struct str *variable)
{
	const char *value;

	str_clear(variable);
	setting_add_variable(variable, s);
	value = getenv(variable->buf);
	return value && *value ? value : NULL;
}

static int store_split(void *values, const struct setting *s, const char *text, const char *where,
        struct error *err)
{
	int ret = 0;

	forget_list(values, s);
	while (*text && ret == 0) {
		size_t n = strcspn(text, ",");
		char *item = mem_strndup(text, n);

		if (n)
			ret = store(values, s, item, where, err);
		free(item);
		text += n + (text[n] == ',');
	}
	return ret;
}

static int apply_environment(struct reading *r, struct error *err)
{
	struct str variable = STR_INIT;
	const struct setting *s;
	int ret = 0;

	for (s = r->command->settings; s && s->name && ret == 0; s++) {
		const char *value = setting_is_row(s) && !s->only_command_line
		                            ? from_environment(s, &variable)
		                            : NULL;

		if (value && s->type == SETTING_LIST)
			ret = store_split(r->values, s, value, variable.buf, err);
		else if (value)
			ret = store(r->values, s, value, variable.buf, err);
	}
	str_release(&variable);
	return ret;
}

static int store_node(struct reading *r, const struct yaml *doc, const struct setting *s,
        const struct yaml_node *node, struct error *err)
{
	struct str where = STR_INIT;
	int ret;

	if (node->type != YAML_SCALAR)
		return yaml_error(err, doc, node, "%s: a single value is wanted here", s->name);
	str_setf(&where, "%s:%zu:%zu: %s", yaml_where(doc), node->line, node->column, s->name);
	ret = store(r->values, s, node->text, where.buf, err);
	str_release(&where);
	return ret;
}

static int apply_pair(struct reading *r, const struct yaml *doc, const struct yaml_node *key,
        const struct yaml_node *value, struct error *err)
{
	const struct setting *s = setting_find(r->command, key->text);
	size_t i;
	int ret = 0;

	if (!s) {
		const struct setting *near = find_nearest(r->command, key->text);

		return yaml_error(err, doc, key, "unknown setting \"%.200s\"%s%s%s", key->text,
		        near ? "; did you mean \"" : "", near ? near->name : "", near ? "\"?" : "");
	}
	if (s->only_command_line)
		return yaml_error(
		        err, doc, key, "%s can be given on the command line only", s->name);
	if (yaml_is_null(value))
		return 0;
	forget_list(r->values, s);
	if (s->type != SETTING_LIST || value->type != YAML_SEQUENCE)
		return store_node(r, doc, s, value, err);
	for (i = 0; i < value->n && ret == 0; i++)
		ret = store_node(r, doc, s, value->values[i], err);
	return ret;
}

static int apply_file(struct reading *r, const char *path, struct error *err)
{
	const struct yaml_node *root;
	struct str text = STR_INIT;
	struct yaml *doc = NULL;
	size_t i;
	int ret;

	ret = file_read(&text, path, YAML_TEXT_MAX, err);
	if (ret == 0)
		ret = yaml_read(&doc, path, text.buf, text.len, err);
	if (ret < 0)
		goto out;
	root = yaml_root(doc);
	if (root && root->type != YAML_MAPPING) {
		ret = yaml_error(err, doc, root, "lines of \"name: value\" are wanted here");
		goto out;
	}
	for (i = 0; root && i < root->n && ret == 0; i++)
		ret = apply_pair(r, doc, root->keys[i], root->values[i], err);
out:
	yaml_free(doc);
	str_release(&text);
	return ret;
}

static const char *choose_config(const struct reading *r, const char *config)
{
	const struct setting *s = setting_find(r->command, "config");
	struct str variable = STR_INIT;
	const char *value;
	size_t i;

	if (!s || s->type != SETTING_STRING)
		return config;
	for (i = r->n_given; i > 0; i--)
		if (r->given[i - 1].setting == s)
			return r->given[i - 1].value;
	value = s->only_command_line ? NULL : from_environment(s, &variable);
	str_release(&variable);
	return value ? value : config;
}

int settings_read(void *values, struct strv *ret_arguments, bool *ret_done,
        const struct command *command, const char *program, int argc, char **argv,
        const char *config, bool stop_at_argument, struct error *err)
{
	struct reading r = { .command = command, .program = program, .values = values };
	int ret;

	memset(values, 0, command->size);
	*ret_done = false;
	ret = read_command_line(&r, argc, argv, stop_at_argument, err);
	if (ret == 0 && r.help) {
		settings_print_help(program, command);
		*ret_done = true;
		goto out;
	}
	if (ret == 0)
		ret = apply_defaults(&r, err);
	config = choose_config(&r, config);
	if (ret == 0 && config)
		ret = apply_file(&r, config, err);
	if (ret == 0)
		ret = apply_environment(&r, err);
	if (ret == 0)
		ret = apply_command_line(&r, err);
	if (ret == 0 && !ret_arguments && r.arguments.n)
		ret = error_set(
		        err, ERR_INVALID, "\"%.200s\" is one argument too many", r.arguments.v[0]);
	if (ret == 0 && ret_arguments) {
		*ret_arguments = r.arguments;
		r.arguments = (struct strv)STRV_INIT;
	}
out:
	if (ret < 0)
		settings_release(values, command);
	strv_release(&r.arguments);
	free(r.given);
	return ret;
}

void settings_release(void *values, const struct command *command)
{
	const struct setting *s;

	for (s = command->settings; s && s->name; s++) {
		if (s->type == SETTING_STRING)
			free(*(char **)slot_of(values, s));
		else if (s->type == SETTING_LIST)
			strv_release(slot_of(values, s));
	}
	memset(values, 0, command->size);
}
