#include "job/traceback.h"

#include <string.h>

#define LINES_MAX 2000 /* of one traceback; then something else is going on */
#define QUOTED_MAX 12  /* lines that Node puts before the exception */
#define OTHERS_MAX 8

static const char python_header[] = "Traceback (most recent call last):";

void traceback_init(struct traceback *t)
{
	*t = (struct traceback){ .text = STR_INIT, .others = STRV_INIT };
}

void traceback_release(struct traceback *t)
{
	str_release(&t->text);
	strv_release(&t->others);
}

static void set_text(struct traceback *t, const char *text, size_t len)
{
	str_clear(&t->text);
	str_add_bytes(&t->text, text, len);
}

static void begin(struct traceback *t, enum traceback_kind kind, size_t indent, uint64_t number,
        uint64_t offset)
{
	t->kind = kind;
	t->crash = kind == TRACEBACK_CXX || kind == TRACEBACK_RUST;
	t->indent = indent;
	t->lines = 0;
	t->named = false;
	t->number = number;
	t->offset = offset;
	strv_release(&t->others);
}

static void add_other(struct traceback *t, const char *line)
{
	if (t->others.n < OTHERS_MAX)
		strv_push(&t->others, line);
}

static bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '.';
}

/* "KeyError: 'x'", "json.decoder.JSONDecodeError: ...", "zlib.error: ..."; not "make: ***". */
static bool names_exception(const char *line)
{
	bool capital = false;
	const char *p;

	for (p = line; is_name_char(*p); p++)
		capital |= (*p >= 'A' && *p <= 'Z') || *p == '.';
	return capital && (*p == ':' || *p == '\0');
}

/* "/srv/demo/node.js:1", "node:internal/modules/cjs/loader:1143": what Node writes above the line
 * that it quotes. */
static bool is_quoted_place(const char *line, size_t len)
{
	static const char *const kinds[] = { ".js:", ".mjs:", ".cjs:", ".ts:" };
	const char *colon = memrchr(line, ':', len);

	if (!colon || colon == line || !colon[1] || colon[1 + strspn(colon + 1, "0123456789")] ||
	        strpbrk(line, " \t"))
		return false;
	if (str_has_prefix(line, "node:"))
		return true;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		size_t n = strlen(kinds[i]);

		if ((size_t)(colon + 1 - line) > n && !memcmp(colon + 1 - n, kinds[i], n))
			return true;
	}
	return false;
}

/* `  File "a.py", line 3`: a syntax error of Python has no frames and no header. */
static bool is_syntax_place(const char *line, size_t len)
{
	const char *number = memrchr(line, ' ', len);

	return str_has_prefix(line, "  File \"") && number - line > 6 &&
	       !memcmp(number - 6, ", line", 6) && number[1] &&
	       !number[1 + strspn(number + 1, "0123456789")];
}

static enum traceback_answer read_start(
        struct traceback *t, const char *line, size_t len, uint64_t number, uint64_t offset)
{
	if (line[len - 1] == ':' && str_has_suffix(line, python_header)) {
		begin(t, TRACEBACK_PYTHON, strspn(line, " \t"), number, offset);
		set_text(t, python_header, strlen(python_header));
		add_other(t, python_header);
	} else if (t->quotes && is_syntax_place(line, len)) {
		begin(t, TRACEBACK_PYTHON, 0, number, offset);
		set_text(t, line, len);
		add_other(t, line);
	} else if (*line == 'E' && line[len - 1] != ':' && str_has_prefix(line, "Exception in thread ")) {
		begin(t, TRACEBACK_JAVA, 0, number, offset);
		set_text(t, line, len);
		add_other(t, line);
	} else if (*line == 't' && line[len - 1] == ':' && str_has_prefix(line, "thread '") &&
	           strstr(line, " panicked at ")) {
		begin(t, TRACEBACK_RUST, 0, number, offset);
		set_text(t, line, len);
		add_other(t, line);
	} else if (*line == 't' && str_has_prefix(line, "terminate called after throwing ")) {
		begin(t, TRACEBACK_CXX, 0, number, offset);
		set_text(t, line, len);
		add_other(t, line);
	} else if (*line == 'g' && line[len - 1] == ':' && str_has_prefix(line, "goroutine ") &&
	           strstr(line, " [")) {
		begin(t, TRACEBACK_GO, 0, number, offset);
	} else if (t->quotes && is_quoted_place(line, len)) {
		begin(t, TRACEBACK_NODE, 0, number, offset);
		set_text(t, line, len);
		add_other(t, line);
	} else {
		return TRACEBACK_NOT;
	}
	return TRACEBACK_WITHIN;
}

static enum traceback_answer end_with(struct traceback *t, enum traceback_answer answer)
{
	t->kind = TRACEBACK_NONE;
	return answer;
}

static enum traceback_answer read_python(struct traceback *t, const char *line, size_t len)
{
	size_t indent = strspn(line, " \t");

	if (indent == len)
		return TRACEBACK_WITHIN;
	if (indent > t->indent && t->lines <= LINES_MAX) {
		add_other(t, line);
		return TRACEBACK_WITHIN;
	}
	if (!names_exception(line + indent))
		return end_with(t, TRACEBACK_CUT);
	set_text(t, line + indent, len - indent);
	return end_with(t, TRACEBACK_ENDED);
}

/* The root is the last cause: what wraps it is the same for many errors. */
static enum traceback_answer read_java(struct traceback *t, const char *line, size_t len)
{
	const char *p = line + strspn(line, " \t");

	if (str_has_prefix(line, "Caused by: ")) {
		set_text(t, line + 11, len - 11);
		add_other(t, line);
		return TRACEBACK_WITHIN;
	}
	if (t->lines <= LINES_MAX && p > line &&
	        (str_has_prefix(p, "at ") || str_has_prefix(p, "... ") ||
	                str_has_prefix(p, "Suppressed: "))) {
		add_other(t, line);
		return TRACEBACK_WITHIN;
	}
	return end_with(t, TRACEBACK_CUT);
}

static enum traceback_answer read_node(struct traceback *t, const char *line, size_t len)
{
	if (t->named) { /* frames, "Require stack:" and the properties of the exception, to a blank
		           line */
		if (len == 0 || t->lines > LINES_MAX)
			t->kind = TRACEBACK_NONE;
		return TRACEBACK_WITHIN;
	}
	if (len && names_exception(line)) {
		set_text(t, line, len);
		t->named = true;
		return TRACEBACK_ENDED;
	}
	if (t->lines > QUOTED_MAX)
		return end_with(t, TRACEBACK_CUT);
	add_other(t, line);
	return TRACEBACK_WITHIN;
}

/* "main.pick(...)", "	/srv/demo/main.go:9 +0x1d", "created by ...", and the registers after a
 * signal. */
static bool is_of_goroutine(const char *line, size_t len)
{
	static const char *const starts[] = { "\t", "created by ", "goroutine ", "exit status ",
		"...", "[" };
	size_t word = strcspn(line, " \t");

	for (size_t i = 0; i < sizeof(starts) / sizeof(*starts); i++)
		if (str_has_prefix(line, starts[i]))
			return true;
	/* arguments of a call hold blanks, what stands before them does not */
	return (line[len - 1] == ')' && strcspn(line, "(") < word + (word == len)) ||
	       (word <= 6 && str_has_prefix(line + word + strspn(line + word, " \t"), "0x"));
}

enum traceback_answer traceback_read(
        struct traceback *t, const char *line, size_t len, uint64_t number, uint64_t offset)
{
	if (t->kind != TRACEBACK_NONE)
		t->lines++;
	if (t->kind == TRACEBACK_PYTHON && len && line[len - 1] == ':' &&
	        str_has_suffix(line, python_header))
		return read_start(t, line, len, number, offset);
	switch (t->kind) {
	case TRACEBACK_NONE:
		return len ? read_start(t, line, len, number, offset) : TRACEBACK_NOT;
	case TRACEBACK_PYTHON:
		return read_python(t, line, len);
	case TRACEBACK_JAVA:
		return read_java(t, line, len);
	case TRACEBACK_NODE:
		return read_node(t, line, len);
	case TRACEBACK_GO:
		if (t->lines <= LINES_MAX && (len == 0 || is_of_goroutine(line, len)))
			return TRACEBACK_WITHIN;
		t->kind = TRACEBACK_NONE;
		return read_start(t, line, len, number, offset);
	case TRACEBACK_CXX:
		if (!str_has_prefix(line, "  what(): "))
			return end_with(t, TRACEBACK_CUT);
		add_other(t, line);
		str_addf(&t->text, " %s", line);
		return end_with(t, TRACEBACK_ENDED);
	case TRACEBACK_RUST:
		if (len) {
			add_other(t, line);
			str_addf(&t->text, " %s", line);
		}
		return end_with(t, TRACEBACK_ENDED);
	}
	return TRACEBACK_NOT;
}

bool traceback_end(struct traceback *t)
{
	bool open = t->kind != TRACEBACK_NONE && t->kind != TRACEBACK_GO && !t->named;

	t->kind = TRACEBACK_NONE;
	return open;
}
