#include "job/junit.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "job/errorid.h"

void junit_release(struct junit *junit)
{
	strv_release(&junit->suites);
	str_release(&junit->name);
	str_release(&junit->failure);
	str_release(&junit->tag);
	*junit = (struct junit){ .suites = STRV_INIT, .name = STR_INIT, .failure = STR_INIT, .tag = STR_INIT };
}

bool junit_begins(const char *line, size_t len)
{
	return (len >= 5 && !memcmp(line, "<?xml", 5)) ||
	       (len >= 10 && !memcmp(line, "<testsuite", 10));
}

/* "&#10;" and "&#x0A;" of an ASCII character: the length; 0 if it is none. */
static size_t reference(const char *text, size_t len, unsigned *ret_code)
{
	bool hex = len > 3 && text[2] == 'x';
	size_t n = hex ? 3 : 2;
	unsigned code = 0;

	if (len < 4 || text[0] != '&' || text[1] != '#')
		return 0;
	for (; n < len && isxdigit((unsigned char)text[n]) && code < 0x80; n++) {
		unsigned digit = isdigit((unsigned char)text[n]) ? (unsigned)(text[n] - '0') : (unsigned)((text[n] | 0x20) - 'a') + 10;

		if (digit >= (hex ? 16u : 10u))
			return 0;
		code = code * (hex ? 16 : 10) + digit;
	}
	if (n == len || text[n] != ';' || !code || code >= 0x80)
		return 0;
	*ret_code = code;
	return n + 1;
}

/* The predefined entities of XML and ASCII characters by their number; the rest stays as it is. */
static void add_decoded(struct str *ret, const char *text, size_t len)
{
	static const struct {
		const char *name;
		char c;
	} entities[] = {
		{ "&lt;", '<' },
		{ "&gt;", '>' },
		{ "&amp;", '&' },
		{ "&quot;", '"' },
		{ "&apos;", '\'' },
	};

	for (size_t i = 0; i < len;) {
		bool found = false;
		unsigned code;
		size_t n;

		for (size_t e = 0;
		        text[i] == '&' && !found && e < sizeof(entities) / sizeof(*entities); e++) {
			n = strlen(entities[e].name);
			found = len - i >= n && !memcmp(text + i, entities[e].name, n);
			if (found) {
				str_add_char(ret, entities[e].c);
				i += n;
			}
		}
		if (!found && (n = reference(text + i, len - i, &code))) {
			str_add_char(ret, (char)code);
			i += n;
			found = true;
		}
		if (!found)
			str_add_char(ret, text[i++]);
	}
}

/* Appends the value of an attribute; false: it has none of the name. */
static bool attribute(struct str *ret, const char *tag, size_t len, const char *name)
{
	size_t name_len = strlen(name);
	char quote = 0;

	for (size_t i = 0; i < len; i++) {
		if (quote) {
			if (tag[i] == quote)
				quote = 0;
		} else if (tag[i] == '"' || tag[i] == '\'') {
			quote = tag[i];
		} else if (i && strchr(" \t", tag[i - 1]) && len - i > name_len + 1 &&
		           !memcmp(tag + i, name, name_len) && tag[i + name_len] == '=' &&
		           strchr("\"'", tag[i + name_len + 1])) {
			const char *value = tag + i + name_len + 2;
			const char *end = memchr(value, value[-1], (size_t)(tag + len - value));

			add_decoded(ret, value, (size_t)((end ? end : tag + len) - value));
			return true;
		}
	}
	return false;
}

static bool is_tag(const char *tag, size_t len, const char *name)
{
	size_t n = strlen(name);

	return len >= n && !memcmp(tag, name, n) && (len == n || strchr(" \t/", tag[n]));
}

/* Those of googletest and ctest say it of each case; where nobody says anything, it was run. */
static bool was_run(const char *tag, size_t len)
{
	static const char *const names[] = { "status", "result" };
	static const char *const words[] = { "run", "passed", "pass", "ok", "success", "completed" };
	struct str value = STR_INIT;
	bool run = true;

	for (size_t k = 0; k < sizeof(names) / sizeof(*names) && run; k++) {
		str_clear(&value);
		if (!attribute(&value, tag, len, names[k]))
			continue;
		run = false;
		for (size_t i = 0; i < sizeof(words) / sizeof(*words) && !run; i++)
			run = !strcasecmp(value.buf, words[i]);
	}
	str_release(&value);
	return run;
}

static enum junit_tag end_case(struct junit *junit)
{
	bool passed = junit->may_pass;

	junit->in_case = junit->may_pass = false;
	return passed ? JUNIT_PASSED : JUNIT_OTHER;
}

static enum junit_tag read_case(struct junit *junit, const char *tag, size_t len)
{
	str_clear(&junit->name);
	attribute(&junit->name, tag, len, "classname");
	if (!junit->name.len && junit->suites.n)
		str_add(&junit->name, junit->suites.v[junit->suites.n - 1]);
	if (junit->name.len)
		str_add_char(&junit->name, '.');
	attribute(&junit->name, tag, len, "name");
	junit->noted = false;
	junit->in_case = true;
	junit->may_pass = was_run(tag, len);
	return tag[len - 1] == '/' ? end_case(junit) : JUNIT_OTHER;
}

static void read_failure(struct junit *junit, const char *tag, size_t len)
{
	str_clear(&junit->failure);
	attribute(&junit->failure, tag, len, "message");
	str_set_len(&junit->failure, strcspn(junit->failure.buf, "\n"));
	junit->noted = true;
}

/* True: the text is in a comment or in CDATA, whatever it looks like. */
static bool pass_over(struct junit *junit, const char *text, size_t len, bool closed)
{
	static const struct {
		const char *begin, *end;
	} kinds[] = { { "<!--", "--" }, { "<![CDATA[", "]]" } };
	const char *first = NULL, *inner = text;
	bool within = junit->passing;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds) && !within; i++) {
		const char *found = memmem(text, first ? (size_t)(first - text) : len, kinds[i].begin, strlen(kinds[i].begin));

		if (found) {
			first = found;
			inner = found + strlen(kinds[i].begin);
			junit->passing = kinds[i].end;
		}
	}
	/* In a tag it is part of a value. */
	if (first && (junit->in_tag || memchr(text, '<', (size_t)(first - text))))
		junit->passing = NULL;
	if (!junit->passing)
		return false;
	junit->in_tag = false;
	len -= (size_t)(inner - text);
	if (closed && len >= 2 && !memcmp(inner + len - 2, junit->passing, 2))
		junit->passing = NULL;
	return true;
}

static bool add_to_tag(struct junit *junit, const char *text, size_t len)
{
	if (junit->tag.len + len > ERRORID_LINE_MAX)
		junit->in_tag = false;
	for (size_t i = 0; i < len && junit->in_tag; i++)
		if (junit->quote ? text[i] == junit->quote : text[i] == '"' || text[i] == '\'')
			junit->quote = junit->quote ? '\0' : text[i];
	if (junit->in_tag)
		str_add_bytes(&junit->tag, text, len);
	return junit->in_tag;
}

/* In XML no value has a "<" in it, but reporters that do not know that write them. */
static bool is_in_value(const struct junit *junit)
{
	static const char *const names[] = { "testcase", "failure", "error", "skipped", "testsuite", "testsuites" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names) && junit->in_tag && junit->quote; i++)
		if (is_tag(junit->tag.buf, junit->tag.len, names[i]))
			return true;
	return false;
}

/* Adds to the tag; true if it is whole. */
static bool collect(struct junit *junit, const char *text, size_t len, bool closed)
{
	const char *begin;

	while ((begin = memchr(text, '<', len))) {
		size_t before = (size_t)(begin - text) + 1;

		if (junit->in_tag && add_to_tag(junit, text, before - 1) && is_in_value(junit)) {
			add_to_tag(junit, "<", 1);
		} else {
			/* What was open before was no tag. */
			str_clear(&junit->tag);
			junit->quote = '\0';
			junit->in_tag = before < len && (isalpha((unsigned char)begin[1]) || begin[1] == '/');
		}
		text += before;
		len -= before;
	}
	if (!junit->in_tag || !add_to_tag(junit, text, len))
		return false;
	if (closed && !junit->quote) {
		junit->in_tag = false;
		return true;
	}
	str_add_char(&junit->tag, closed ? '>' : ' ');
	return false;
}

static void begin_suite(struct junit *junit, const char *tag, size_t len)
{
	struct str name = STR_INIT;

	if (tag[len - 1] == '/')
		return;
	if (is_tag(tag, len, "testsuite"))
		attribute(&name, tag, len, "name");
	if (junit->depth++ < JUNIT_SUITES_MAX)
		strv_push(&junit->suites, name.buf);
	str_release(&name);
}

static void end_suite(struct junit *junit)
{
	if (junit->depth <= JUNIT_SUITES_MAX && junit->suites.n) {
		free(junit->suites.v[--junit->suites.n]);
		junit->suites.v[junit->suites.n] = NULL;
	}
	junit->ended = junit->depth-- <= 1;
}

enum junit_tag junit_read(struct junit *junit, const char *text, size_t len, bool closed)
{
	const char *tag;
	bool failed;

	if (pass_over(junit, text, len, closed) || !collect(junit, text, len, closed))
		return JUNIT_OTHER;
	tag = junit->tag.buf;
	len = junit->tag.len;
	failed = is_tag(tag, len, "failure") || is_tag(tag, len, "error");
	if (failed || is_tag(tag, len, "skipped"))
		junit->may_pass = false;
	if (is_tag(tag, len, "testsuite") || is_tag(tag, len, "testsuites")) {
		begin_suite(junit, tag, len);
	} else if (is_tag(tag, len, "/testsuite") || is_tag(tag, len, "/testsuites")) {
		end_suite(junit);
	} else if (is_tag(tag, len, "testcase")) {
		return read_case(junit, tag, len);
	} else if (is_tag(tag, len, "/testcase")) {
		return end_case(junit);
	} else if (failed && junit->in_case && !junit->noted) {
		read_failure(junit, tag, len);
		return JUNIT_FAILED;
	}
	return JUNIT_OTHER;
}
