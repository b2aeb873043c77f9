#include "job/job_load.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/yaml.h"
#include "base/yaml_braces.h"
#include "job/job_check.h"
#include "job/job_fields.h"
#include "job/job_keys.h"
#include "job/job_template.h"

struct loader {
	const struct job_files *files;
	struct job_documents *documents;
	const char *where; /* the file that is being read; owned by documents->names */
	size_t n_files, bytes, values, depth, merge_depth;
	const char *open[JOB_MERGE_DEPTH_MAX + 1]; /* paths of the files that are being read */
	size_t n_open;
	/* Documents of included files but the first of each: they follow the one that is being read. */
	struct value **following;
	size_t n_following, cap_following;
	bool may_follow;
	struct error *err;
};

/* What a file or mapping gives to the one that merges it. */
struct loaded {
	struct value *mapping;
	struct value *overrides; /* the sum of its `override:`, or NULL */
};

static const char *keep_name(struct job_documents *documents, const char *name)
{
	strv_push(&documents->names, name);
	return documents->names.v[documents->names.n - 1];
}

static struct place place_of(const struct loader *l, const struct yaml_node *node)
{
	return (struct place){ l->where, node->line, node->column };
}

#define fail(l, node, ...) fail_as(l, ERR_INVALID, node, __VA_ARGS__)
#define fail_as(l, code, node, ...)                                                                \
	value_error((l)->err, code, &(struct place){ (l)->where, (node)->line, (node)->column },   \
	        __VA_ARGS__)

static const char *type_name(const struct yaml_node *node)
{
	return yaml_is_null(node)            ? "nothing"
	       : node->type == YAML_SEQUENCE ? "a list"
	       : node->type == YAML_MAPPING  ? "a mapping"
	                                     : "text";
}

static bool is_merge_key(const struct yaml_node *key)
{
	return !key->quoted && strcmp(key->text, "<<") == 0;
}

static int load_node(struct loader *l, const struct yaml_node *node, struct value **ret);
static int load_mapping(
        struct loader *l, const struct yaml_node *node, bool top, struct loaded *ret);
static int load_file(struct loader *l, const struct yaml_node *at, bool top, struct loaded *ret);

/* --- `<<` --- */

static void merge_overrides(struct value **into, struct value *more)
{
	if (!more)
		return;
	if (*into)
		value_merge(*into, more);
	else
		*into = more;
}

/* Keys that are there win.  Increments of both count. */
static void merge_weak(struct value *into, struct value *from)
{
	for (size_t i = 0; i < from->n; i++) {
		struct value_field *field = &from->fields[i];

		if (value_field(into, field->key))
			continue;
		value_set(into, field->key, field->place, field->value);
		field->value = NULL;
	}
	value_free(from);
}

/* `<<: {file: a.yaml, disk: 1SSD}` of lkp-tests: a file, and what is said otherwise; NULL: it is a mapping as any. */
static const struct yaml_node *included_file(const struct yaml_node *value)
{
	const struct yaml_node *file = value->type == YAML_MAPPING ? yaml_get(value, "file") : NULL;

	return file && file->type == YAML_SCALAR && str_has_suffix(file->text, ".yaml") ? file : NULL;
}

/* What stands beside "file" wins over the file, in each of its documents. */
static void put_over(struct loaded *below, const struct value *beside)
{
	for (size_t i = 0; below->overrides && i < beside->n; i++)
		value_free(value_take(below->overrides, beside->fields[i].key));
	value_merge(below->mapping, value_copy(beside));
}

/* "ignore: [os, testbox]" beside "file": keys that the file is to be read without. */
static int leave_out(struct loader *l, struct loaded *below, const struct yaml_node *ignored)
{
	size_t n = ignored->type == YAML_SEQUENCE ? ignored->n : 1;

	for (size_t i = 0; i < n; i++) {
		const struct yaml_node *key = ignored->type == YAML_SEQUENCE ? ignored->values[i] : ignored;

		if (key->type != YAML_SCALAR)
			return fail(l, key, "found %s as \"ignore\", allowed: a key of the file, or a list of keys", type_name(key));
		value_free(value_take(below->mapping, key->text));
		if (below->overrides)
			value_free(value_take(below->overrides, key->text));
	}
	return 0;
}

/* {file: a.yaml, ignore: [b], key: value} */
static int load_file_beside(struct loader *l, const struct yaml_node *value, bool top, struct loaded *ret)
{
	const struct yaml_node *file = included_file(value), *ignored = yaml_get(value, "ignore");
	struct loaded beside = { 0 }, below = { 0 };
	size_t following = l->n_following;
	int rc = load_mapping(l, value, top, &beside);

	if (rc < 0)
		return rc;
	value_free(value_take(beside.mapping, "file"));
	value_free(value_take(beside.mapping, "ignore"));
	rc = load_file(l, file, top, &below);
	if (rc == 0 && ignored)
		rc = leave_out(l, &below, ignored);
	for (size_t i = following; i < l->n_following && rc == 0; i++) {
		struct loaded one = { .mapping = l->following[i] };

		if (ignored)
			rc = leave_out(l, &one, ignored);
		put_over(&one, beside.mapping);
	}
	if (rc == 0) {
		put_over(&below, beside.mapping);
		merge_overrides(&below.overrides, beside.overrides);
		*ret = below;
	} else {
		value_free(below.mapping);
		value_free(below.overrides);
		value_free(beside.overrides);
	}
	value_free(beside.mapping);
	return rc;
}

static int load_merged_one(struct loader *l, const struct yaml_node *value, bool top,
        struct value *into, struct value **overrides)
{
	struct loaded loaded = { 0 };
	int rc;

	if (l->merge_depth >= JOB_MERGE_DEPTH_MAX)
		return fail_as(l, ERR_LIMIT, value,
		        "found \"<<\" inside \"<<\" more than %d deep, which is the limit",
		        JOB_MERGE_DEPTH_MAX);
	l->merge_depth++;
	if (value->type == YAML_SCALAR)
		rc = load_file(l, value, top, &loaded);
	else
		rc = included_file(value) ? load_file_beside(l, value, top, &loaded) : load_mapping(l, value, top, &loaded);
	l->merge_depth--;
	if (rc < 0)
		return rc;
	merge_weak(into, loaded.mapping);
	if (into->n > JOB_KEYS_MAX) {
		value_free(loaded.overrides);
		return fail_as(l, ERR_LIMIT, value,
		        "found more than %d keys in one mapping, which is the limit", JOB_KEYS_MAX);
	}
	merge_overrides(overrides, loaded.overrides);
	return 0;
}

/* Merges what stands after one "<<" into `into`, which is what is there so far of lower authority.
 */
static int load_merged(struct loader *l, const struct yaml_node *value, bool top,
        struct value *into, struct value **overrides)
{
	int rc = 0;

	if (yaml_is_null(value))
		return 0;
	if (value->type != YAML_SEQUENCE)
		return load_merged_one(l, value, top, into, overrides);
	for (size_t i = 0; i < value->n && rc == 0; i++) {
		if (value->values[i]->type == YAML_SEQUENCE || yaml_is_null(value->values[i]))
			return fail(l, value->values[i],
			        "found %s in the list after \"<<\", allowed: *anchor or a file, as "
			        "include/vm.yaml",
			        type_name(value->values[i]));
		rc = load_merged_one(l, value->values[i], top, into, overrides);
	}
	return rc;
}

static int check_cycle(struct loader *l, const struct yaml_node *at, const char *path)
{
	struct str chain = STR_INIT;
	size_t i = 0;
	int rc;

	while (i < l->n_open && strcmp(l->open[i], path) != 0)
		i++;
	if (i == l->n_open)
		return 0;
	for (; i < l->n_open; i++)
		str_addf(&chain, "%s -> ", l->open[i]);
	rc = fail(l, at, "found files that include each other: %s%s", chain.buf, path);
	str_release(&chain);
	return rc;
}

static int check_path(struct loader *l, const struct yaml_node *at, const char *path)
{
	if (!l->files)
		return fail(l, at,
		        "found the file \"%.100s\" after \"<<\", allowed: *anchor or a list of "
		        "them (files are not "
		        "read here; bisectctl puts them in)",
		        at->text);
	if (!path_is_inside(path) || *path == '-' || check_has_control(path))
		return fail(l, at,
		        "found \"%.200s\" after \"<<\", allowed: the path of a file below a "
		        "directory of the "
		        "search path, without \"..\" and \".\"",
		        at->text);
	if (l->n_files >= JOB_FILES_MAX)
		return fail_as(l, ERR_LIMIT, at,
		        "found more than %d files after \"<<\", which is the limit", JOB_FILES_MAX);
	return check_cycle(l, at, path);
}

static int load_text(struct loader *l, const char *text, size_t len, bool top, struct loaded *ret);

static int load_file(struct loader *l, const struct yaml_node *at, bool top, struct loaded *ret)
{
	struct str text = STR_INIT, name = STR_INIT;
	struct error why = ERROR_INIT;
	const char *outer = l->where, *path = at->text;
	int rc;

	while (str_has_prefix(path, "./"))
		path += 2;
	rc = check_path(l, at, path);
	if (rc < 0)
		return rc;
	if (l->files->read(l->files->arg, path, &text, &name, &why) < 0) {
		/* A file that is not there is a mistake in the one that names it. */
		rc = fail_as(l, why.code == ERR_NOT_FOUND ? ERR_INVALID : why.code, at, "found the file \"%.200s\" after \"<<\": %s",
		        at->text, why.text);
		goto out;
	}
	l->n_files++;
	l->bytes += text.len;
	if (l->bytes > JOB_FILES_BYTES_MAX) {
		rc = fail_as(l, ERR_LIMIT, at,
		        "found more than %u bytes in the files after \"<<\", which is the limit",
		        JOB_FILES_BYTES_MAX);
		goto out;
	}
	l->open[l->n_open++] = path;
	l->where = keep_name(l->documents, name.buf);
	rc = load_text(l, text.buf, text.len, top, ret);
	l->where = outer;
	l->n_open--;
out:
	str_release(&text);
	str_release(&name);
	return rc;
}

/* --- mappings --- */

static bool is_anchor_holder(const char *key)
{
	return *key == '.' || str_has_prefix(key, "x-");
}

/* "a.b.c", of words; what else has dots is a key as it is. */
static bool is_path(const char *key)
{
	return strchr(key, '.') && *key != '.' && key[strlen(key) - 1] != '.' &&
	       !strstr(key, "..") && !strpbrk(key, " |:/");
}

static int check_key(struct loader *l, const struct yaml_node *key)
{
	if (key->type != YAML_SCALAR)
		return fail(l, key, "found %s as a key, allowed: a word", type_name(key));
	if (strlen(key->text) > JOB_KEY_LENGTH_MAX)
		return fail_as(l, ERR_LIMIT, key, "found a key of %zu bytes, allowed: at most %d",
		        strlen(key->text), JOB_KEY_LENGTH_MAX);
	return 0;
}

/* `paths` has the first keys of paths that were written in this mapping: a mapping of that name
 * adds to them. */
static void set_written(struct value *into, struct strv *paths, const struct yaml_node *key,
        struct place place, bool top, struct value *value)
{
	struct value *old = value_get(into, key->text);
	size_t len = strlen(key->text);

	if (top && is_path(key->text)) {
		struct value *more = value_new(YAML_MAPPING, place);
		char *first = mem_strndup(key->text, strcspn(key->text, "."));

		value_set_path(more, key->text, place, value);
		value_merge(into, more);
		strv_push(paths, first);
		free(first);
	} else if (old && ((strv_has(paths, key->text) && old->type == YAML_MAPPING &&
	                           value->type == YAML_MAPPING) ||
	                          (len > 1 && strchr("+-", key->text[len - 1])))) {
		struct value *more = value_new(YAML_MAPPING, place);

		value_set(more, key->text, place, value);
		value_merge(into, more);
	} else {
		value_set(into, key->text, place, value);
	}
}

/* What is to be added to a key that is overridden later is overridden, too. */
static void drop_increments(struct value *into, const struct value *override)
{
	for (size_t i = 0; i < override->n; i++)
		for (const char *sign = "+-"; *sign; sign++) {
			char *key = mem_printf("%s%c", override->fields[i].key, *sign);

			value_free(value_take(into, key));
			free(key);
		}
}

static void apply_override(struct value *into, struct value **overrides, struct value *override)
{
	drop_increments(into, override);
	value_merge(into, value_copy(override));
	merge_overrides(overrides, override);
}

static int load_override(struct loader *l, const struct yaml_node *node, struct value *into,
        struct value **overrides)
{
	struct loaded loaded = { 0 };
	int rc;

	if (yaml_is_null(node))
		return 0;
	if (node->type != YAML_MAPPING)
		return fail(l, node,
		        "found %s as \"override\", allowed: a mapping of keys of the job",
		        type_name(node));
	rc = load_mapping(l, node, true, &loaded);
	if (rc < 0)
		return rc;
	merge_overrides(&loaded.mapping, loaded.overrides);
	apply_override(into, overrides, loaded.mapping);
	return 0;
}

/* In the order written, so that `override:` wins over what stands before it. */
static int load_written(struct loader *l, const struct yaml_node *node, bool top,
        struct loaded *ret, struct value **merged_overrides)
{
	struct strv paths = STRV_INIT;
	int rc = 0;

	for (size_t i = 0, merge = 0; i < node->n && rc == 0; i++) {
		const struct yaml_node *key = node->keys[i];
		struct value *value;

		if (is_merge_key(key)) {
			struct value *override = merged_overrides[merge++];

			if (override) {
				apply_override(ret->mapping, &ret->overrides, override);
				merged_overrides[merge - 1] = NULL;
			}
		} else if (top && is_anchor_holder(key->text)) {
			continue;
		} else if (top && strcmp(key->text, "override") == 0) {
			rc = load_override(l, node->values[i], ret->mapping, &ret->overrides);
		} else {
			rc = load_node(l, node->values[i], &value);
			if (rc == 0)
				set_written(
				        ret->mapping, &paths, key, place_of(l, key), top, value);
		}
	}
	strv_release(&paths);
	return rc;
}

/* "k+" beside k: the sum, at once.  What waits for a later merge stays. */
static struct value *merge_own_increments(struct value *mapping)
{
	struct value *merged = value_new(YAML_MAPPING, mapping->place);

	value_merge(merged, mapping);
	return merged;
}

static int load_mapping(
        struct loader *l, const struct yaml_node *node, bool top, struct loaded *ret)
{
	struct loaded loaded = { .mapping = value_new(YAML_MAPPING, place_of(l, node)) };
	struct value **merged_overrides = mem_array(node->n, sizeof(*merged_overrides));
	size_t merges = 0;
	int rc = 0;

	if (node->n > JOB_KEYS_MAX)
		rc = fail_as(l, ERR_LIMIT, node->keys[JOB_KEYS_MAX],
		        "found more than %d keys in one mapping, which is the limit", JOB_KEYS_MAX);
	for (size_t i = 0; i < node->n && rc == 0; i++) {
		rc = check_key(l, node->keys[i]);
		if (rc == 0 && is_merge_key(node->keys[i])) {
			rc = load_merged(
			        l, node->values[i], top, loaded.mapping, &merged_overrides[merges]);
			merges++;
		}
	}
	if (rc == 0)
		rc = load_written(l, node, top, &loaded, merged_overrides);
	for (size_t i = 0; i < merges; i++)
		value_free(merged_overrides[i]);
	free(merged_overrides);
	if (rc < 0) {
		value_free(loaded.mapping);
		value_free(loaded.overrides);
		return rc;
	}
	loaded.mapping = merge_own_increments(loaded.mapping);
	*ret = loaded;
	return 0;
}

static int load_list(struct loader *l, const struct yaml_node *node, struct value **ret)
{
	struct value *list, *item;
	int rc = 0;

	if (node->n > JOB_LIST_MAX)
		return fail_as(l, ERR_LIMIT, node, "found a list of %zu items, allowed: at most %d",
		        node->n, JOB_LIST_MAX);
	list = value_new(YAML_SEQUENCE, place_of(l, node));
	for (size_t i = 0; i < node->n && rc == 0; i++) {
		rc = load_node(l, node->values[i], &item);
		if (rc == 0)
			value_append(list, item);
	}
	if (rc < 0) {
		value_free(list);
		return rc;
	}
	*ret = list;
	return 0;
}

static int load_inner(struct loader *l, const struct yaml_node *node, struct value **ret)
{
	struct loaded loaded = { 0 };
	int rc;

	if (node->type == YAML_SEQUENCE)
		return load_list(l, node, ret);
	rc = load_mapping(l, node, false, &loaded);
	if (rc == 0) {
		merge_overrides(&loaded.mapping, loaded.overrides);
		*ret = loaded.mapping;
	}
	return rc;
}

static int load_node(struct loader *l, const struct yaml_node *node, struct value **ret)
{
	int rc;

	if (++l->values > JOB_VALUES_MAX)
		return fail_as(l, ERR_LIMIT, node,
		        "found more than %d values in the job, which is the limit", JOB_VALUES_MAX);
	if (node->type == YAML_SCALAR) {
		if (strlen(node->text) > JOB_TEXT_LENGTH_MAX)
			return fail_as(l, ERR_LIMIT, node,
			        "found a text of %zu bytes, allowed: at most %u",
			        strlen(node->text), JOB_TEXT_LENGTH_MAX);
		*ret = value_text(node->text, node->quoted, place_of(l, node));
		return 0;
	}
	if (l->depth >= YAML_DEPTH_MAX)
		return fail_as(l, ERR_LIMIT, node, "nested deeper than the %d levels allowed",
		        YAML_DEPTH_MAX);
	l->depth++;
	rc = load_inner(l, node, ret);
	l->depth--;
	return rc;
}

/* --- whole texts --- */

static int parse(struct loader *l, const char *text, size_t len, struct yaml **ret)
{
	struct str quoted = STR_INIT;
	int rc = 0;

	if (len <= YAML_TEXT_MAX) {
		rc = job_refuse_templates(l->where, text, len, l->err);
		if (rc == 0 && yaml_quote_braces(&quoted, text, len)) {
			text = quoted.buf;
			len = quoted.len;
		}
	}
	if (rc == 0)
		rc = yaml_read_stream(ret, l->where, text, len, l->err);
	str_release(&quoted);
	return rc;
}

static int load_root(struct loader *l, const struct yaml_node *root, bool top, struct loaded *ret)
{
	if (yaml_is_null(root)) {
		ret->mapping = value_new(YAML_MAPPING, (struct place){ l->where, 1, 1 });
		return 0;
	}
	if (root->type != YAML_MAPPING)
		return fail(l, root, "found %s, allowed: a mapping with suite, upstream_url, ...",
		        type_name(root));
	return load_mapping(l, root, top, ret);
}

static void insert_following(struct loader *l, size_t at, struct value *mapping)
{
	MEM_GROW(l->following, l->n_following + 1, l->cap_following);
	memmove(l->following + at + 1, l->following + at, (l->n_following - at) * sizeof(*l->following));
	l->following[at] = mapping;
	l->n_following++;
}

/* A file that is included, or holds defaults: its first document.  The others follow the document that includes it. */
static int load_text(struct loader *l, const char *text, size_t len, bool top, struct loaded *ret)
{
	struct yaml *doc;
	int rc = parse(l, text, len, &doc);

	if (rc < 0)
		return rc;
	if (yaml_count(doc) > 1 && (!top || !l->may_follow))
		rc = fail(l, yaml_document(doc, 1) ? yaml_document(doc, 1) : yaml_root(doc),
		        "found a second document, allowed: one in a file of defaults or below a key");
	if (rc == 0)
		rc = load_root(l, yaml_root(doc), top, ret);
	for (size_t i = 1; i < yaml_count(doc) && rc == 0; i++) {
		struct loaded next = { 0 };
		size_t begin = l->n_following;

		if (yaml_is_null(yaml_document(doc, i)))
			continue;
		rc = load_root(l, yaml_document(doc, i), true, &next);
		if (rc < 0) {
			value_free(ret->mapping);
			value_free(ret->overrides);
			*ret = (struct loaded){ 0 };
			break;
		}
		value_free(next.overrides); /* they have been merged, too */
		insert_following(l, begin, next.mapping);
	}
	yaml_free(doc);
	return rc;
}

static void add_document(struct job_documents *documents, struct value *value)
{
	documents->v = mem_resize(documents->v, documents->n + 1, sizeof(*documents->v));
	documents->v[documents->n++] = value;
}

static int too_many_values(struct loader *l, const struct value *at)
{
	return value_error(l->err, ERR_LIMIT, &at->place,
	        "found more than %d values in all jobs, which is the limit", JOB_VALUES_MAX);
}

static bool begins_with_mark(const char *text, size_t len)
{
	size_t mark_len = strlen(JOB_DOCUMENTS_MARK);

	return len >= mark_len && memcmp(text, JOB_DOCUMENTS_MARK, mark_len) == 0;
}

/* Every document of the text and of the files that it includes, in order. */
static int read_documents(struct loader *l, const struct yaml *doc)
{
	struct job_documents *documents = l->documents;
	int rc = 0;

	l->may_follow = true;
	for (size_t i = 0; i < yaml_count(doc) && rc == 0; i++) {
		struct loaded loaded = { 0 };

		rc = load_root(l, yaml_document(doc, i), true, &loaded);
		if (rc < 0)
			break;
		value_free(loaded.overrides); /* they have been merged, too */
		add_document(documents, loaded.mapping);
		for (size_t k = 0; k < l->n_following; k++)
			add_document(documents, l->following[k]);
		l->n_following = 0;
	}
	l->may_follow = false;
	return rc;
}

/* What the first of several documents says holds for the others. */
static int merge_common(struct loader *l)
{
	struct job_documents *documents = l->documents;
	size_t values = 0;

	for (size_t i = 1; i < documents->n; i++) {
		struct value *whole = value_copy(documents->v[0]);

		values += value_count(whole);
		whole->place = documents->v[i]->place;
		value_merge(whole, documents->v[i]);
		documents->v[i] = whole;
		if (values > JOB_VALUES_MAX)
			return too_many_values(l, whole);
	}
	return 0;
}

/* The common document makes no job, unless it is one of lkp-tests, where it is the first one. */
static bool is_lkp_job(const struct value *doc)
{
	bool has_program = false;

	for (size_t i = 0; i < doc->n; i++)
		has_program |= !job_key_is_own(doc->fields[i].key) && !job_field_is_known(doc->fields[i].key);
	return has_program && !value_is_null(value_get(doc, "lkp_src"));
}

static void settle_common(struct job_documents *documents)
{
	documents->has_common = !is_lkp_job(documents->v[0]);
	if (!documents->has_common)
		return;
	value_free(documents->v[0]);
	documents->n--;
	memmove(documents->v, documents->v + 1, documents->n * sizeof(*documents->v));
}

static int load_documents(struct loader *l, const struct yaml *doc, bool first_is_common)
{
	struct job_documents *documents = l->documents;
	size_t count = yaml_count(doc);
	int rc;

	if (count == 0 || (count == 1 && yaml_is_null(yaml_document(doc, 0))))
		return error_set(l->err, ERR_INVALID,
		        "%s:1:1: found nothing, allowed: a job with at least suite, upstream_url, "
		        "upstream_commit and test",
		        l->where);
	rc = read_documents(l, doc);
	if (rc < 0)
		return rc;
	documents->has_common = first_is_common && documents->n > 1;
	return documents->has_common ? merge_common(l) : 0;
}

/* Each of `defaults` gives way to those before it. */
static int load_defaults(
        struct loader *l, const struct job_load_options *options, struct value **ret)
{
	struct value *all = value_new(YAML_MAPPING, (struct place){ "defaults", 0, 0 });
	int rc = 0;

	for (size_t i = 0; i < options->n_defaults && rc == 0; i++) {
		const struct job_text *file = &options->defaults[i];
		struct loaded loaded = { 0 };

		l->where = keep_name(l->documents, file->name);
		rc = load_text(l, file->text, file->len, true, &loaded);
		if (rc < 0)
			break;
		value_free(loaded.overrides);
		value_merge(loaded.mapping, all);
		all = loaded.mapping;
	}
	if (rc < 0) {
		value_free(all);
		return rc;
	}
	*ret = all;
	return 0;
}

/* `ltp:` alone is the program with what the defaults say of it; `~` after a key of ours takes it away. */
static void take_defaults(struct value *doc, const struct value *defaults)
{
	for (size_t i = doc->n; i-- > 0;) {
		const struct value *usual = value_get(defaults, doc->fields[i].key);

		if (usual && usual->type == YAML_MAPPING && value_is_null(doc->fields[i].value) && !job_key_is_own(doc->fields[i].key))
			value_free(value_take(doc, doc->fields[i].key));
	}
}

static int apply_options(struct loader *l, const struct job_load_options *options)
{
	struct job_documents *documents = l->documents;
	struct value *defaults = NULL;
	int rc = load_defaults(l, options, &defaults);

	if (rc == 0 && value_count(defaults) * documents->n > JOB_VALUES_MAX)
		rc = too_many_values(l, documents->v[0]);
	if (rc == 0 && options->before)
		rc = job_set_arguments(defaults, documents, options->before, l->err);
	for (size_t i = 0; i < documents->n && rc == 0; i++) {
		struct value *whole = value_copy(defaults);

		take_defaults(documents->v[i], whole);
		whole->place = documents->v[i]->place;
		value_merge(whole, documents->v[i]);
		documents->v[i] = whole;
		if (options->after)
			rc = job_set_arguments(whole, documents, options->after, l->err);
	}
	value_free(defaults);
	return rc;
}

int job_load(struct job_documents *ret, const char *where, const char *text, size_t len,
        const struct job_load_options *options, struct error *err)
{
	struct job_documents documents = { 0 };
	struct loader l = {
		.documents = &documents, .err = err, .files = options ? options->files : NULL
	};
	struct yaml *doc = NULL;
	int rc;

	l.where = keep_name(&documents, where);
	rc = parse(&l, text, len, &doc);
	if (rc < 0)
		goto out;
	rc = load_documents(&l, doc, !begins_with_mark(text, len));
	yaml_free(doc);
	if (rc == 0 && options)
		rc = apply_options(&l, options);
	for (size_t i = 0; i < documents.n && rc == 0; i++)
		value_settle(documents.v[i]);
	if (rc == 0 && documents.has_common)
		settle_common(&documents);
out:
	for (size_t i = 0; i < l.n_following; i++)
		value_free(l.following[i]);
	free(l.following);
	if (rc < 0)
		job_documents_release(&documents);
	else
		*ret = documents;
	return rc;
}

void job_documents_release(struct job_documents *documents)
{
	for (size_t i = 0; i < documents->n; i++)
		value_free(documents->v[i]);
	free(documents->v);
	strv_release(&documents->names);
	*documents = (struct job_documents){ 0 };
}

void job_documents_print(struct str *ret, const struct job_documents *documents)
{
	if (documents->n > 1)
		str_add(ret, "{}\n---\n");
	for (size_t i = 0; i < documents->n; i++) {
		if (i)
			str_add(ret, "---\n");
		value_print(ret, documents->v[i]);
	}
}
