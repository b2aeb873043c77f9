/* A file of rules, from YAML to tables. */
#include "base/mem.h"
#include "base/yaml.h"
#include "job/rule_literals.h"
#include "job/rules_internal.h"

static const char *const kind_names[RULE_NKINDS] = {
	[RULE_ERROR] = "errors",
	[RULE_IGNORE] = "ignore",
	[RULE_MARK] = "marks",
	[RULE_REWRITE] = "rewrite",
	[RULE_FRAME] = "frames",
	[RULE_HELPER] = "helpers",
};

static const char *const log_names[RULES_NLOGS] = {
	[RULES_BUILD] = "build",
	[RULES_BUILD_FRAME] = "build-frame",
	[RULES_STDERR] = "stderr",
	[RULES_TEST] = "test",
	[RULES_DMESG] = "dmesg",
	[RULES_KMSG] = "kmsg",
	[RULES_CASE] = "case",
	[RULES_NAME] = "name",
};

static const char *const severity_names[SEVERITY_COUNT] = {
	[SEVERITY_WARNING] = "warning",
	[SEVERITY_ERROR] = "error",
	[SEVERITY_CRASH] = "crash",
};

const char *severity_name(enum error_severity severity)
{
	return severity_names[severity];
}

/* Which keys a kind's rule may have, and which it must. */
enum key {
	KEY_NAME,
	KEY_LOG,
	KEY_MATCH,
	KEY_ID,
	KEY_CASE,
	KEY_PASSED,
	KEY_SEVERITY,
	KEY_PART,
	KEY_FUNCTION,
	KEY_NAMES,
	KEY_PLACE,
	KEY_ONCE,
	KEY_WITH,
	KEY_IN,
	NKEYS
};

static const char *const key_names[NKEYS] = { "name", "log", "match", "id", "case", "passed",
	"severity", "part", "function", "names", "place", "once", "with",
	"in" };

#define BIT(key) (1u << (key))
static const struct {
	unsigned must, may;
} keys_of[RULE_NKINDS] = {
	[RULE_ERROR] = { BIT(KEY_NAME) | BIT(KEY_LOG) | BIT(KEY_MATCH),
	        BIT(KEY_ID) | BIT(KEY_CASE) | BIT(KEY_PASSED) | BIT(KEY_SEVERITY) |
	                BIT(KEY_PART) | BIT(KEY_FUNCTION) | BIT(KEY_NAMES) | BIT(KEY_PLACE) | BIT(KEY_ONCE) },
	[RULE_IGNORE] = { BIT(KEY_NAME) | BIT(KEY_LOG) | BIT(KEY_MATCH), 0 },
	[RULE_MARK] = { BIT(KEY_NAME) | BIT(KEY_LOG) | BIT(KEY_MATCH), 0 },
	[RULE_REWRITE] = { BIT(KEY_NAME) | BIT(KEY_LOG) | BIT(KEY_MATCH) | BIT(KEY_WITH),
	        BIT(KEY_IN) },
	[RULE_FRAME] = { BIT(KEY_NAME) | BIT(KEY_LOG) | BIT(KEY_MATCH), 0 },
	[RULE_HELPER] = { BIT(KEY_NAME) | BIT(KEY_MATCH), BIT(KEY_LOG) },
};

/* One file while it is read. */
struct file {
	struct rules *rules;
	const struct yaml *doc;
	enum rule_kind kind;
};

static void list_words(struct str *ret, const char *const *words, size_t n, unsigned bits)
{
	for (size_t i = 0; i < n; i++)
		if (bits & BIT(i))
			str_addf(ret, "%s%s", ret->len ? ", " : "", words[i]);
}

static int wrong_word(const struct file *file, const struct yaml_node *at, const char *what,
        const char *const *words, size_t n, unsigned bits, struct error *err)
{
	struct str allowed = STR_INIT;

	list_words(&allowed, words, n, bits);
	yaml_error(err, file->doc, at, "%s: found '%.80s', allowed is %s", what,
	        at->type == YAML_SCALAR ? at->text : "a list or mapping", allowed.buf);
	str_release(&allowed);
	return -ERR_INVALID;
}

static int find_word(const struct file *file, const struct yaml_node *node, const char *what,
        const char *const *words, size_t n, unsigned bits, struct error *err)
{
	for (size_t i = 0; node->type == YAML_SCALAR && i < n; i++)
		if ((bits & BIT(i)) && !strcmp(node->text, words[i]))
			return (int)i;
	return wrong_word(file, node, what, words, n, bits, err);
}

/* A scalar or a list of them, `each` for every one. */
static int for_each(const struct file *file, const struct yaml_node *node, const char *what,
        int (*each)(const struct file *file, const struct yaml_node *item, void *arg,
                struct error *err),
        void *arg, struct error *err)
{
	int r = 0;

	if (node->type == YAML_SCALAR)
		return each(file, node, arg, err);
	if (node->type != YAML_SEQUENCE || node->n == 0)
		return yaml_error(err, file->doc, node,
		        "%s: found %s, allowed is a text or a list of texts", what,
		        node->type == YAML_MAPPING ? "a mapping" : "an empty list");
	for (size_t i = 0; i < node->n && r == 0; i++) {
		if (node->values[i]->type != YAML_SCALAR)
			return yaml_error(err, file->doc, node->values[i],
			        "%s: a list of texts is allowed here", what);
		r = each(file, node->values[i], arg, err);
	}
	return r;
}

static int add_log(
        const struct file *file, const struct yaml_node *item, void *arg, struct error *err)
{
	unsigned allowed = BIT(RULES_NLOGS) - 1;
	unsigned *logs = arg;
	int log;

	if (file->kind != RULE_REWRITE)
		allowed &= ~(BIT(RULES_CASE) | BIT(RULES_NAME));
	log = find_word(file, item, "log", log_names, RULES_NLOGS, allowed, err);
	if (log >= 0)
		*logs |= BIT(log);
	return log < 0 ? log : 0;
}

static void table_add(struct rule_table *table, const struct rule_pattern *row,
        const struct strv *literals, bool caseless)
{
	if (!table->filter)
		table->filter = line_filter_new();
	line_filter_add(table->filter, literals, caseless);
	MEM_GROW(table->rows, table->n + 1, table->cap);
	table->rows[table->n++] = row;
}

static void file_row(const struct file *file, const struct rule_pattern *row, unsigned logs)
{
	struct rule_table *by_kind[RULE_NKINDS] = {
		[RULE_ERROR] = file->rules->lines,
		[RULE_IGNORE] = file->rules->lines,
		[RULE_MARK] = file->rules->lines,
		[RULE_REWRITE] = file->rules->rewrites,
		[RULE_FRAME] = file->rules->frames,
	};
	struct strv literals = STRV_INIT;
	bool caseless = false, known = rule_literals(&literals, &caseless, row->regex);

	for (int log = 0; log < RULES_NLOGS; log++)
		if (file->kind == RULE_HELPER && (!logs || (logs & BIT(log))))
			table_add(&file->rules->helpers[log], row, NULL, false);
		else if (logs & BIT(log))
			table_add(&by_kind[file->kind][log], row, known ? &literals : NULL, caseless);
	strv_release(&literals);
}

/* The highest $N of a template, -1: none. */
static int highest_group(const char *template)
{
	int highest = -1;

	for (const char *p = template; p && *p; p++) {
		if (*p != '$')
			continue;
		if (p[1] >= '0' && p[1] <= '9' && p[1] - '0' > highest)
			highest = p[1] - '0';
		if (p[1] == '$')
			p++;
	}
	return highest;
}

struct adding {
	struct rule *rule;
	unsigned logs;
};

/* An expression of a rule, which is not asked for yet. */
static int new_pattern(struct rule_pattern **ret, const struct file *file, const struct yaml_node *item, enum key key,
        struct rule *rule, struct error *err)
{
	struct rules *rules = file->rules;
	struct error why = ERROR_INIT;
	struct pattern *pattern;
	struct rule_pattern *row;

	if (rules->n_patterns >= RULES_PATTERNS_MAX)
		return yaml_error(err, file->doc, item, "more than %d expressions, in all files",
		        RULES_PATTERNS_MAX);
	if (pattern_new(&pattern, item->text, &why) < 0)
		return yaml_error(err, file->doc, item, "%s: %s", key_names[key], why.text);
	row = mem_alloc(sizeof(*row));
	row->rule = rule;
	row->pattern = pattern;
	row->regex = mem_strdup(item->text);
	row->where = mem_printf("%s:%zu:%zu", yaml_where(file->doc), item->line, item->column);
	row->number = (uint16_t)rules->n_patterns;
	row->kind = file->kind;
	MEM_GROW(rules->patterns, rules->n_patterns + 1, rules->cap_patterns);
	rules->patterns[rules->n_patterns++] = row;
	*ret = row;
	return 0;
}

static int add_pattern(
        const struct file *file, const struct yaml_node *item, void *arg, struct error *err)
{
	struct adding *adding = arg;
	const char *const templates[] = { adding->rule->id, adding->rule->case_name,
		adding->rule->passed_name, adding->rule->function, adding->rule->names, adding->rule->with };
	struct rule_pattern *row;
	unsigned groups;
	int r = new_pattern(&row, file, item, KEY_MATCH, adding->rule, err);

	if (r < 0)
		return r;
	groups = pattern_groups(row->pattern);
	if (groups >= PATTERN_GROUPS_MAX)
		groups = PATTERN_GROUPS_MAX - 1;
	for (size_t i = 0; i < sizeof(templates) / sizeof(*templates); i++)
		if (highest_group(templates[i]) > (int)groups)
			return yaml_error(err, file->doc, item,
			        "match: has %u groups, but '%.80s' wants $%d", groups, templates[i],
			        highest_group(templates[i]));
	if (file->kind == RULE_MARK && !strcmp(adding->rule->name, "case-section-begins") && groups < 1)
		return yaml_error(err, file->doc, item, "match: names its case with group 1, there is none");
	if (file->kind == RULE_FRAME && groups < 1)
		return yaml_error(err, file->doc, item,
		        "match: a frame names its function with group 1, there is none");
	file_row(file, row, adding->logs);
	return 0;
}

static int check_keys(const struct file *file, const struct yaml_node *node, struct error *err)
{
	unsigned allowed = keys_of[file->kind].must | keys_of[file->kind].may;

	if (node->type != YAML_MAPPING)
		return yaml_error(err, file->doc, node,
		        "%s: a rule is a mapping with name, match and more",
		        kind_names[file->kind]);
	for (size_t i = 0; i < node->n; i++)
		if (find_word(file, node->keys[i], kind_names[file->kind], key_names, NKEYS,
		            allowed, err) < 0)
			return -ERR_INVALID;
	for (int key = 0; key < NKEYS; key++)
		if ((keys_of[file->kind].must & BIT(key)) && !yaml_get(node, key_names[key]))
			return yaml_error(err, file->doc, node, "%s: a rule without '%s'",
			        kind_names[file->kind], key_names[key]);
	return 0;
}

static int read_text(const struct file *file, const struct yaml_node *rule, enum key key,
        char **ret, struct error *err)
{
	const struct yaml_node *node = yaml_get(rule, key_names[key]);

	if (!node)
		return 0;
	if (node->type != YAML_SCALAR)
		return yaml_error(
		        err, file->doc, node, "%s: a text is allowed here", key_names[key]);
	*ret = mem_strdup(node->text);
	return 0;
}

static int read_place(const struct file *file, const struct yaml_node *rule, struct rule *ret, struct error *err)
{
	const struct yaml_node *node = yaml_get(rule, key_names[KEY_PLACE]);
	struct rule_pattern *row;
	int r;

	if (!node)
		return 0;
	if (node->type != YAML_SCALAR)
		return yaml_error(err, file->doc, node, "place: a text is allowed here");
	if ((r = new_pattern(&row, file, node, KEY_PLACE, ret, err)) < 0)
		return r;
	if (pattern_groups(row->pattern) < 1)
		return yaml_error(err, file->doc, node, "place: names the place with group 1, there is none");
	ret->place = row->pattern;
	return 0;
}

static int check_name(
        const struct file *file, const struct yaml_node *rule, const char *name, struct error *err)
{
	/* What job/error_readers.c asks marks for. */
	static const char *const marks[] = { "boot-begins", "userspace-runs", "section-begins",
		"stack-begins", "aside-follows", "report-ends", "dump-begins", "case-section-begins", "case-section-ends",
		"death-known", "death-told", "stall-begins" };
	const struct yaml_node *at = yaml_get(rule, "name");

	if (file->kind == RULE_MARK &&
	        find_word(file, at, "marks", marks, sizeof(marks) / sizeof(*marks), ~0u, err) < 0)
		return -ERR_INVALID;
	if (!*name || strlen(name) > 60 ||
	        name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-")])
		return yaml_error(err, file->doc, at,
		        "name: found '%.80s', allowed are a-z, 0-9 and '-', at most 60", name);
	for (size_t i = 0; i + 1 < file->rules->n; i++)
		if (!strcmp(file->rules->rules[i]->name, name))
			return yaml_error(
			        err, file->doc, at, "name: '%s' is another rule's already", name);
	return 0;
}

static int read_choices(
        const struct file *file, const struct yaml_node *node, struct rule *rule, struct error *err)
{
	static const char *const parts[PART_NKINDS] = {
		[PART_OF_NONE] = "none",
		[PART_OF_BEFORE] = "before",
		[PART_OF_NEXT] = "next",
	};
	static const char *const truths[] = { "no", "yes" };
	static const char *const spellings[SPELLING_NKINDS] = {
		[SPELLING_BOTH] = "both",
		[SPELLING_ID] = "id",
		[SPELLING_ALIAS] = "alias",
	};
	const struct yaml_node *in = yaml_get(node, "in");
	const struct yaml_node *severity = yaml_get(node, "severity"),
	                       *part = yaml_get(node, "part");
	const struct yaml_node *once = yaml_get(node, "once");
	int choice;

	rule->severity = SEVERITY_ERROR;
	if (severity) {
		choice = find_word(
		        file, severity, "severity", severity_names, SEVERITY_COUNT, ~0u, err);
		if (choice < 0)
			return choice;
		rule->severity = (enum error_severity)choice;
	}
	if (part) {
		choice = find_word(file, part, "part", parts, PART_NKINDS, ~0u, err);
		if (choice < 0)
			return choice;
		rule->part = (enum rule_part)choice;
	}
	if (in) {
		choice = find_word(file, in, "in", spellings, SPELLING_NKINDS, ~0u, err);
		if (choice < 0)
			return choice;
		rule->in = (enum rule_spelling)choice;
	}
	if (once) {
		choice = find_word(file, once, "once", truths, 2, ~0u, err);
		if (choice < 0)
			return choice;
		rule->once = choice;
	}
	if (rule->function && rule->names)
		return yaml_error(err, file->doc, yaml_get(node, "names"), "both function and names: one of them is allowed");
	if (!!rule->id + !!rule->case_name + !!rule->passed_name > 1)
		return yaml_error(err, file->doc,
		        yaml_get(node, rule->passed_name ? "passed" : "case"),
		        "more than one of id, case and passed: one of them is allowed");
	return 0;
}

static int read_rule(const struct file *file, const struct yaml_node *node, struct error *err)
{
	struct rules *rules = file->rules;
	struct adding adding = { .logs = 0 };
	const struct yaml_node *log;
	struct rule *rule;
	int r = check_keys(file, node, err);

	if (r < 0)
		return r;
	rule = adding.rule = mem_alloc(sizeof(*rule));
	MEM_GROW(rules->rules, rules->n + 1, rules->cap);
	rules->rules[rules->n++] = rule;
	if ((r = read_text(file, node, KEY_NAME, &rule->name, err)) < 0 ||
	        (r = read_text(file, node, KEY_ID, &rule->id, err)) < 0 ||
	        (r = read_text(file, node, KEY_CASE, &rule->case_name, err)) < 0 ||
	        (r = read_text(file, node, KEY_PASSED, &rule->passed_name, err)) < 0 ||
	        (r = read_text(file, node, KEY_FUNCTION, &rule->function, err)) < 0 ||
	        (r = read_text(file, node, KEY_NAMES, &rule->names, err)) < 0 ||
	        (r = read_text(file, node, KEY_WITH, &rule->with, err)) < 0 ||
	        (r = check_name(file, node, rule->name, err)) < 0 ||
	        (r = read_place(file, node, rule, err)) < 0 ||
	        (r = read_choices(file, node, rule, err)) < 0)
		return r;
	log = yaml_get(node, "log");
	if (log && (r = for_each(file, log, "log", add_log, &adding.logs, err)) < 0)
		return r;
	if ((rule->case_name || rule->passed_name) && adding.logs != 1u << RULES_TEST)
		return yaml_error(err, file->doc, log,
		        "log: found another than test beside %s, allowed: test, as only tests have cases",
		        rule->case_name ? "case" : "passed");
	return for_each(file, yaml_get(node, "match"), "match", add_pattern, &adding, err);
}

int rules_read(
        struct rules *rules, const char *name, const char *text, size_t len, struct error *err)
{
	struct file file = { .rules = rules };
	const struct yaml_node *root;
	struct yaml *doc;
	int r = yaml_read(&doc, name, text, len, err);

	if (r < 0)
		return r;
	file.doc = doc;
	root = yaml_root(doc);
	if (root && root->type != YAML_MAPPING)
		r = yaml_error(err, doc, root,
		        "a file of rules is a mapping with errors, ignore, marks, rewrite, frames, "
		        "helpers");
	for (size_t i = 0; root && i < root->n && r == 0; i++) {
		const struct yaml_node *list = root->values[i];
		int kind =
		        find_word(&file, root->keys[i], "rules", kind_names, RULE_NKINDS, ~0u, err);

		if (kind < 0) {
			r = kind;
			break;
		}
		file.kind = (enum rule_kind)kind;
		if (list->type != YAML_SEQUENCE)
			r = yaml_error(err, doc, list, "%s: a list of rules is allowed here",
			        kind_names[kind]);
		for (size_t j = 0; r == 0 && j < list->n; j++)
			r = read_rule(&file, list->values[j], err);
	}
	yaml_free(doc);
	return r;
}
