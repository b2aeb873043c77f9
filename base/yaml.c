#include "base/yaml.h"

#include <search.h>
#include <stdarg.h>

#include <yaml.h>

#include "base/mem.h"
#include "base/str.h"

struct node {
	struct yaml_node pub; /* first, so that a yaml_node of ours is a node */
	bool open;            /* its end is not read yet */
	size_t height;        /* levels of collections from here down, through aliases */
	size_t expanded_nodes;
	size_t expanded_bytes;
};

struct yaml {
	char *where;
	struct node **nodes;
	size_t n, cap;
	struct node **roots; /* of each document; NULL: it is empty */
	size_t n_roots, cap_roots;
};

struct anchor {
	char *name;
	struct node *node;
};

/* A collection that is being read. */
struct level {
	struct node *node;
	struct node *key; /* of a mapping, waiting for its value */
	void *seen;       /* tree (tsearch) of the keys so far */
	size_t cap_keys, cap_values;
	size_t nodes_before, bytes_before;
};

struct reader {
	struct yaml *doc;
	yaml_parser_t parser;
	const char *text;
	size_t len;
	void *anchors; /* tree (tsearch) of struct anchor */
	struct level levels[YAML_DEPTH_MAX];
	size_t depth;
	size_t expanded_nodes, expanded_bytes;
	bool many; /* documents are allowed */
	struct error *err;
};

static int __attribute__((format(printf, 4, 5)))
fail_at(struct reader *r, enum error_code code, const yaml_mark_t *mark, const char *fmt, ...)
{
	struct str text = STR_INIT;
	va_list ap;
	int ret;

	va_start(ap, fmt);
	str_vaddf(&text, fmt, ap);
	va_end(ap);
	ret = error_set(r->err, code, "%s:%zu:%zu: %s", r->doc->where, mark->line + 1,
	        mark->column + 1, text.buf);
	str_release(&text);
	return ret;
}

/* --- what is no YAML at all --- */

static void step(yaml_mark_t *mark, const char *text, size_t left)
{
	if (*text == '\n' || (*text == '\r' && (left < 2 || text[1] != '\n'))) {
		mark->line++;
		mark->column = 0;
	} else {
		mark->column++;
	}
}

/* The characters that YAML 1.1 calls printable (section 5.1), and the byte order mark. */
static bool is_yaml_character(unsigned code)
{
	return code == '\t' || code == '\n' || code == '\r' || (code >= 0x20 && code <= 0x7e) ||
	       code == 0x85 || (code >= 0xa0 && code != 0xfffe && code != 0xffff);
}

static int check_characters(struct reader *r)
{
	yaml_mark_t mark = { 0, 0, 0 };
	size_t at, n;

	for (at = 0; at < r->len; at += n) {
		unsigned code;

		n = str_utf8(r->text + at, r->len - at, &code);
		if (!n)
			return fail_at(r, ERR_INVALID, &mark,
			        "byte 0x%02x found, which is not UTF-8",
			        (unsigned char)r->text[at]);
		if (!is_yaml_character(code))
			return fail_at(r, ERR_INVALID, &mark,
			        "character U+%04X found; control characters are not "
			        "allowed",
			        code);
		step(&mark, r->text + at, r->len - at);
	}
	return 0;
}

/* --- the tree --- */

static int compare_texts(const void *a, const void *b)
{
	return strcmp(((const struct yaml_node *)a)->text, ((const struct yaml_node *)b)->text);
}

static int compare_anchors(const void *a, const void *b)
{
	return strcmp(((const struct anchor *)a)->name, ((const struct anchor *)b)->name);
}

static void keep(void *p)
{
}

static void free_anchor(void *p)
{
	struct anchor *anchor = p;

	free(anchor->name);
	free(anchor);
}

static int count(struct reader *r, const yaml_mark_t *mark, size_t nodes, size_t bytes)
{
	r->expanded_nodes += nodes;
	r->expanded_bytes += bytes;
	if (r->expanded_nodes > YAML_NODES_MAX)
		return fail_at(r, ERR_LIMIT, mark,
		        "more than %d values, counting what aliases repeat", YAML_NODES_MAX);
	if (r->expanded_bytes > YAML_EXPANDED_MAX)
		return fail_at(r, ERR_LIMIT, mark,
		        "more than %u bytes, counting what aliases repeat", YAML_EXPANDED_MAX);
	return 0;
}

static struct node *new_node(struct reader *r, enum yaml_type type, const yaml_mark_t *mark)
{
	struct yaml *doc = r->doc;
	struct node *node = mem_alloc(sizeof(*node));

	node->pub.type = type;
	node->pub.line = mark->line + 1;
	node->pub.column = mark->column + 1;
	MEM_GROW(doc->nodes, doc->n + 1, doc->cap);
	doc->nodes[doc->n++] = node;
	return node;
}

/* A name may be given again; from there on it means the newer node. */
static void set_anchor(struct reader *r, const char *name, struct node *node)
{
	struct anchor *anchor = mem_alloc(sizeof(*anchor));
	struct anchor **found;

	anchor->name = mem_strdup(name);
	anchor->node = node;
	found = tsearch(anchor, &r->anchors, compare_anchors);
	if (!found)
		abort();
	if (*found != anchor) {
		(*found)->node = node;
		free_anchor(anchor);
	}
}

static int add_key(struct reader *r, struct level *level, struct node *key, const yaml_mark_t *mark)
{
	bool is_merge;

	if (key->pub.type != YAML_SCALAR)
		return fail_at(r, ERR_INVALID, mark,
		        "a key has to be one word or text, not a list or mapping; text that begins "
		        "with { or [ needs quotes");
	is_merge = strcmp(key->pub.text, "<<") == 0;
	if (!is_merge) {
		struct yaml_node **found = tfind(&key->pub, &level->seen, compare_texts);

		if (found)
			return fail_at(r, ERR_INVALID, mark,
			        "key \"%.200s\" stands here again, after line %zu", key->pub.text,
			        (*found)->line);
		if (!tsearch(&key->pub, &level->seen, compare_texts))
			abort();
	}
	level->key = key;
	return 0;
}

/* Puts a node where the parser stands; for a collection this is its beginning. */
static int place(struct reader *r, struct node *node, const yaml_mark_t *mark)
{
	struct level *level = r->depth ? &r->levels[r->depth - 1] : NULL;
	struct yaml_node *into;

	if (!level) {
		r->doc->roots[r->doc->n_roots - 1] = node;
		return 0;
	}
	into = &level->node->pub;
	if (into->type == YAML_MAPPING && !level->key)
		return add_key(r, level, node, mark);
	MEM_GROW(into->values, into->n + 1, level->cap_values);
	into->values[into->n] = &node->pub;
	if (into->type == YAML_MAPPING) {
		MEM_GROW(into->keys, into->n + 1, level->cap_keys);
		into->keys[into->n] = &level->key->pub;
		level->key = NULL;
	}
	into->n++;
	if (level->node->height < node->height + 1)
		level->node->height = node->height + 1;
	return 0;
}

static int refuse_tag(struct reader *r, const yaml_event_t *event, const yaml_char_t *tag)
{
	return fail_at(r, ERR_INVALID, &event->start_mark,
	        "tag \"%.200s\" found; only plain data is allowed", (const char *)tag);
}

static int take_scalar(struct reader *r, const yaml_event_t *event)
{
	const char *text = (const char *)event->data.scalar.value;
	size_t len = event->data.scalar.length;
	struct node *node;
	int ret;

	if (event->data.scalar.tag)
		return refuse_tag(r, event, event->data.scalar.tag);
	if (memchr(text, '\0', len))
		return fail_at(r, ERR_INVALID, &event->start_mark,
		        "a NUL byte (\\0) found, which no text may hold");
	ret = count(r, &event->start_mark, 1, len);
	if (ret < 0)
		return ret;
	node = new_node(r, YAML_SCALAR, &event->start_mark);
	node->pub.text = mem_strndup(text, len);
	node->pub.quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	node->expanded_nodes = 1;
	node->expanded_bytes = len;
	if (event->data.scalar.anchor)
		set_anchor(r, (const char *)event->data.scalar.anchor, node);
	return place(r, node, &event->start_mark);
}

static int take_start(struct reader *r, const yaml_event_t *event, enum yaml_type type,
        const yaml_char_t *anchor, const yaml_char_t *tag)
{
	struct level *level = &r->levels[r->depth];
	struct node *node;
	int ret;

	if (tag)
		return refuse_tag(r, event, tag);
	if (r->depth == YAML_DEPTH_MAX)
		return fail_at(r, ERR_LIMIT, &event->start_mark,
		        "nested deeper than the %d levels allowed", YAML_DEPTH_MAX);
	ret = count(r, &event->start_mark, 1, 0);
	if (ret < 0)
		return ret;
	node = new_node(r, type, &event->start_mark);
	node->open = true;
	if (anchor)
		set_anchor(r, (const char *)anchor, node);
	/* The parent's height is settled at the end, when this one's is known. */
	ret = place(r, node, &event->start_mark);
	if (ret < 0)
		return ret;
	*level = (struct level){ .node = node,
		.nodes_before = r->expanded_nodes - 1,
		.bytes_before = r->expanded_bytes };
	r->depth++;
	return 0;
}

static int take_end(struct reader *r)
{
	struct level *level = &r->levels[--r->depth];
	struct node *node = level->node;

	tdestroy(level->seen, keep);
	if (node->height == 0)
		node->height = 1;
	node->open = false;
	node->expanded_nodes = r->expanded_nodes - level->nodes_before;
	node->expanded_bytes = r->expanded_bytes - level->bytes_before;
	if (r->depth && level[-1].node->height < node->height + 1)
		level[-1].node->height = node->height + 1;
	return 0;
}

static int take_alias(struct reader *r, const yaml_event_t *event)
{
	const yaml_mark_t *mark = &event->start_mark;
	struct anchor wanted = { .name = (char *)event->data.alias.anchor };
	struct anchor **found = tfind(&wanted, &r->anchors, compare_anchors);
	struct node *node;
	int ret;

	if (!found)
		return fail_at(r, ERR_INVALID, mark,
		        "alias *%.200s has no anchor &%.200s before it", wanted.name, wanted.name);
	node = (*found)->node;
	if (node->open)
		return fail_at(r, ERR_INVALID, mark,
		        "alias *%.200s stands inside its own anchor of line %zu", wanted.name,
		        node->pub.line);
	if (r->depth + node->height > YAML_DEPTH_MAX)
		return fail_at(r, ERR_LIMIT, mark,
		        "nested deeper than the %d levels allowed, through alias *%.200s",
		        YAML_DEPTH_MAX, wanted.name);
	ret = count(r, mark, node->expanded_nodes, node->expanded_bytes);
	if (ret < 0)
		return ret;
	return place(r, node, mark);
}

static int take_document(struct reader *r, const yaml_event_t *event)
{
	struct yaml *doc = r->doc;

	if (doc->n_roots && !r->many)
		return fail_at(r, ERR_INVALID, &event->start_mark,
		        "a second document begins; one is allowed");
	if (doc->n_roots == YAML_DOCUMENTS_MAX)
		return fail_at(r, ERR_LIMIT, &event->start_mark,
		        "more than %d documents, which is the limit", YAML_DOCUMENTS_MAX);
	if (event->data.document_start.tag_directives.start !=
	        event->data.document_start.tag_directives.end)
		return fail_at(r, ERR_INVALID, &event->start_mark,
		        "a %%TAG directive found; only plain data is "
		        "allowed");
	tdestroy(r->anchors, free_anchor);
	r->anchors = NULL;
	MEM_GROW(doc->roots, doc->n_roots + 1, doc->cap_roots);
	doc->roots[doc->n_roots++] = NULL;
	return 0;
}

static int take_event(struct reader *r, const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		return take_document(r, event);
	case YAML_SCALAR_EVENT:
		return take_scalar(r, event);
	case YAML_SEQUENCE_START_EVENT:
		return take_start(r, event, YAML_SEQUENCE, event->data.sequence_start.anchor,
		        event->data.sequence_start.tag);
	case YAML_MAPPING_START_EVENT:
		return take_start(r, event, YAML_MAPPING, event->data.mapping_start.anchor,
		        event->data.mapping_start.tag);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		return take_end(r);
	case YAML_ALIAS_EVENT:
		return take_alias(r, event);
	default:
		return 0;
	}
}

/* --- libyaml's own errors --- */

/* The character at a mark of libyaml, whose index counts characters; 0 at the end. */
static unsigned character_at(
        const struct reader *r, const yaml_mark_t *mark, const char **ret_bytes, size_t *ret_len)
{
	size_t at = 0, i;
	unsigned code = 0;

	*ret_bytes = "";
	*ret_len = 0;
	for (i = 0; at < r->len; i++) {
		size_t n = str_utf8(r->text + at, r->len - at, &code);

		if (i == mark->index) {
			*ret_bytes = r->text + at;
			*ret_len = n;
			return code;
		}
		at += n;
	}
	return 0;
}

/* What libyaml says of the mistakes that people make most, in words for them. */
static const char *plain_problem(const char *problem)
{
	static const char *const words[][2] = {
		{ "did not find expected <document start>",
		        "found a line that is indented less than the first one; keys of one mapping begin in one column" },
		{ "did not find expected key",
		        "found no key here; keys of one mapping begin in one column, as \"key: value\"" },
		{ "did not find expected '-' indicator",
		        "found no \"-\" here; items of one list begin in one column" },
		{ "could not find expected ':'", "found no \":\" after a key, allowed: \"key: value\"" },
		{ "mapping values are not allowed in this context",
		        "found \": \" where no key can stand; a value that holds one goes in quotes" },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(problem, words[i][0]) == 0)
			return words[i][1];
	return problem;
}

static int parser_failed(struct reader *r)
{
	const yaml_parser_t *p = &r->parser;
	const char *problem = plain_problem(p->problem ? p->problem : "cannot be read");
	const yaml_mark_t *mark = &p->problem_mark;

	if (p->error == YAML_MEMORY_ERROR)
		return fail_at(r, ERR_LIMIT, &p->mark, "too large to be read");
	if (p->error == YAML_READER_ERROR) /* check_characters leaves nothing that we know of */
		return fail_at(r, ERR_INVALID, &p->mark, "%s", problem);
	if (strcmp(problem, "found character that cannot start any token") == 0) {
		const char *bytes;
		size_t len;

		if (character_at(r, mark, &bytes, &len) == '\t')
			return fail_at(r, ERR_INVALID, mark, "a tab found; indent with blanks");
		return fail_at(r, ERR_INVALID, mark,
		        "\"%.*s\" cannot begin a value; write the value in quotes", (int)len,
		        bytes);
	}
	if (!p->context)
		return fail_at(r, ERR_INVALID, mark, "%s", problem);
	if (p->context_mark.line == mark->line)
		return fail_at(r, ERR_INVALID, mark, "%s (%s)", problem, p->context);
	return fail_at(r, ERR_INVALID, mark, "%s (%s that begins in line %zu)", problem, p->context,
	        p->context_mark.line + 1);
}

static int read_events(struct reader *r)
{
	yaml_event_t event;
	bool at_end = false;
	int ret = 0;

	while (ret == 0 && !at_end) {
		if (!yaml_parser_parse(&r->parser, &event))
			return parser_failed(r);
		at_end = event.type == YAML_STREAM_END_EVENT;
		ret = take_event(r, &event);
		yaml_event_delete(&event);
	}
	return ret;
}

static int read_text(struct yaml **ret_doc, const char *where, const char *text, size_t len,
        bool many, struct error *err)
{
	struct reader *r = mem_alloc(sizeof(*r));
	int ret;

	r->many = many;
	r->doc = mem_alloc(sizeof(*r->doc));
	r->doc->where = mem_strdup(where);
	r->text = text;
	r->len = len;
	r->err = err;
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		r->text += 3;
		r->len -= 3;
	}
	if (len > YAML_TEXT_MAX) {
		ret = fail_at(r, ERR_LIMIT, &(yaml_mark_t){ 0, 0, 0 },
		        "%zu bytes found, at most %u are allowed", len, YAML_TEXT_MAX);
		goto out;
	}
	ret = check_characters(r);
	if (ret < 0)
		goto out;
	if (!yaml_parser_initialize(&r->parser))
		abort();
	yaml_parser_set_encoding(&r->parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r->parser, (const unsigned char *)r->text, r->len);
	ret = read_events(r);
	yaml_parser_delete(&r->parser);
	while (r->depth)
		tdestroy(r->levels[--r->depth].seen, keep);
	tdestroy(r->anchors, free_anchor);
out:
	if (ret == 0)
		*ret_doc = r->doc;
	else
		yaml_free(r->doc);
	free(r);
	return ret;
}

int yaml_read(
        struct yaml **ret_doc, const char *where, const char *text, size_t len, struct error *err)
{
	return read_text(ret_doc, where, text, len, false, err);
}

int yaml_read_stream(
        struct yaml **ret_doc, const char *where, const char *text, size_t len, struct error *err)
{
	return read_text(ret_doc, where, text, len, true, err);
}

void yaml_free(struct yaml *doc)
{
	size_t i;

	if (!doc)
		return;
	for (i = 0; i < doc->n; i++) {
		free(doc->nodes[i]->pub.text);
		free(doc->nodes[i]->pub.keys);
		free(doc->nodes[i]->pub.values);
		free(doc->nodes[i]);
	}
	free(doc->nodes);
	free(doc->roots);
	free(doc->where);
	free(doc);
}

size_t yaml_count(const struct yaml *doc)
{
	return doc->n_roots;
}

const struct yaml_node *yaml_document(const struct yaml *doc, size_t i)
{
	const struct yaml_node *root = doc->roots[i] ? &doc->roots[i]->pub : NULL;

	/* "---" with nothing after it is read as an empty scalar. */
	return root && root->type == YAML_SCALAR && !root->quoted && !*root->text ? NULL : root;
}

const struct yaml_node *yaml_root(const struct yaml *doc)
{
	return doc->n_roots ? yaml_document(doc, 0) : NULL;
}

const char *yaml_where(const struct yaml *doc)
{
	return doc->where;
}

const struct yaml_node *yaml_get(const struct yaml_node *mapping, const char *key)
{
	size_t i;

	if (!mapping || mapping->type != YAML_MAPPING)
		return NULL;
	for (i = 0; i < mapping->n; i++)
		if (strcmp(mapping->keys[i]->text, key) == 0)
			return mapping->values[i];
	return NULL;
}

bool yaml_is_null(const struct yaml_node *node)
{
	static const char *const words[] = { "", "~", "null", "Null", "NULL" };
	size_t i;

	if (!node)
		return true;
	if (node->type != YAML_SCALAR || node->quoted)
		return false;
	for (i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strcmp(node->text, words[i]) == 0)
			return true;
	return false;
}

int yaml_error(
        struct error *err, const struct yaml *doc, const struct yaml_node *at, const char *fmt, ...)
{
	struct str text = STR_INIT;
	va_list ap;
	int ret;

	va_start(ap, fmt);
	str_vaddf(&text, fmt, ap);
	va_end(ap);
	if (at)
		ret = error_set(err, ERR_INVALID, "%s:%zu:%zu: %s", doc->where, at->line,
		        at->column, text.buf);
	else
		ret = error_set(err, ERR_INVALID, "%s: %s", doc->where, text.buf);
	str_release(&text);
	return ret;
}
