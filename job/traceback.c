#include "job/traceback.h"

#include <string.h>

#define LINES_MAX 2000 /* of one traceback; then something else is going on */
#define QUOTED_MAX 12  /* lines that Node puts before the exception */
#define OTHERS_MAX 8

static const char python_header[] = "Traceback (most recent call last):";
static const char cause_line[] = "The above exception was the direct cause of the following exception:";
static const char group_header[] = "+ Exception Group Traceback (most recent call last):";

void traceback_init(struct traceback *t)
{
	*t = (struct traceback){ .text = STR_INIT, .where = STR_INIT, .others = STRV_INIT, .held = { .lines = STRV_INIT } };
}

void traceback_release(struct traceback *t)
{
	str_release(&t->text);
	str_release(&t->where);
	strv_release(&t->others);
	strv_release(&t->held.lines);
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
	t->in_message = t->is_header = kind == TRACEBACK_JAVA;
	t->holds_others = false;
	t->depth = 0;
	str_clear(&t->where);
	t->number = number;
	t->offset = offset;
	strv_release(&t->others);
}

static void add_other(struct traceback *t, const char *line)
{
	if (t->others.n < OTHERS_MAX)
		strv_push(&t->others, line);
}

/* There are many of them, and causes want room, too. */
static void add_frame(struct traceback *t, const char *line)
{
	if (t->others.n < OTHERS_MAX / 2)
		strv_push(&t->others, line);
}

/* A table: the first word of most lines is looked at. */
static bool is_name_char(char c)
{
	static const bool name[256] = {
		['a' ... 'z'] = true, ['A' ... 'Z'] = true, ['0' ... '9'] = true, ['_'] = true, ['.'] = true,
	};

	return name[(unsigned char)c];
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

/* The same of JavaScript, which may have a code: "TypeError [ERR_INVALID_ARG_TYPE]: ...". */
static bool names_error(const char *line)
{
	const char *code = line;

	while (is_name_char(*code))
		code++;
	if (code == line || !str_has_prefix(code, " ["))
		return names_exception(line);
	code += 2;
	code += strspn(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789");
	return str_has_prefix(code, "]:") || !strcmp(code, "]");
}

static void hold(struct traceback *t, const char *line, uint64_t number, uint64_t offset)
{
	t->held.numbers[t->held.lines.n] = number;
	t->held.offsets[t->held.lines.n] = offset;
	strv_push(&t->held.lines, line);
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

/* "java.io.IOException", "com.demo.Store$Full": a class with its package.  `len` of its name. */
static bool is_qualified(const char *name, size_t len)
{
	const char *dot = memrchr(name, '.', len);

	return dot && dot > name && dot + 1 < name + len && dot[1] >= 'A' && dot[1] <= 'Z' && *name >= 'a' && *name <= 'z';
}

static size_t class_len(const char *line)
{
	size_t len = 0;

	while (is_name_char(line[len]) || (len && line[len] == '$'))
		len++;
	return line[len] == ':' || line[len] == '\0' || str_has_prefix(line + len, " [") ? len : 0;
}

/* What Java and Node print above a stack.  The next line tells whether it is one. */
static bool may_be_printed(const char *line)
{
	size_t len;

	if (!(*line >= 'A' && *line <= 'Z') && !(*line >= 'a' && *line <= 'z'))
		return false;
	len = class_len(line);
	if (len < 5)
		return false;
	return is_qualified(line, len) || !memcmp(line + len - 5, "Error", 5) ||
	       (len >= 9 && !memcmp(line + len - 9, "Exception", 9));
}

/* "3 jobs failed (3 sub-exceptions)" */
static bool tells_of_others(const char *line, size_t len)
{
	return line[len - 1] == ')' && (str_has_suffix(line, " sub-exceptions)") || str_has_suffix(line, " sub-exception)"));
}

/* A group that was raised again has no header: "  | ExceptionGroup: 3 jobs failed (3 sub-exceptions)". */
static bool is_group_without_header(const char *line, size_t len)
{
	return *line == ' ' && tells_of_others(line, len) && str_has_prefix(line + strspn(line, " "), "| ") &&
	       names_exception(line + strspn(line, " ") + 2);
}

/* An exception of a group, whose name comes behind its frames. */
static void begin_exception(struct traceback *t, uint64_t number, uint64_t offset)
{
	t->named = t->holds_others = false;
	t->number = number;
	t->offset = offset;
	set_text(t, python_header, strlen(python_header));
	strv_release(&t->others);
}

/* A group is told of by its own line, as what is in it follows there. */
static enum traceback_answer name_exception(
        struct traceback *t, const char *line, const char *text, size_t len, uint64_t number, uint64_t offset)
{
	t->named = true;
	t->holds_others = tells_of_others(line, len);
	if (t->holds_others) {
		t->number = number;
		t->offset = offset;
	}
	set_text(t, text, strlen(text));
	add_other(t, line);
	return TRACEBACK_ENDED;
}

static enum traceback_answer read_start(
        struct traceback *t, const char *line, size_t len, uint64_t number, uint64_t offset)
{
	if (len == 0)
		return TRACEBACK_NOT;
	t->wraps = t->cause_told;
	t->cause_told = *line == 'T' && !strcmp(line, cause_line);
	if (line[len - 1] == ':' && str_has_suffix(line, group_header)) {
		begin(t, TRACEBACK_GROUP, 0, number, offset);
		begin_exception(t, number, offset);
	} else if (is_group_without_header(line, len)) {
		begin(t, TRACEBACK_GROUP, 0, number, offset);
		return name_exception(t, line, line + strspn(line, " ") + 2, len, number, offset);
	} else if (line[len - 1] == ':' && str_has_suffix(line, python_header)) {
		begin(t, TRACEBACK_PYTHON, strspn(line, " \t"), number, offset);
		set_text(t, python_header, strlen(python_header));
		add_other(t, python_header);
	} else if (t->quotes && is_syntax_place(line, len)) {
		begin(t, TRACEBACK_PYTHON, 0, number, offset);
		set_text(t, line, len);
		add_other(t, line);
	} else if (*line == 'E' && str_has_prefix(line, "Exception in thread ") &&
	           (line[len - 1] != ':' || line[strlen("Exception in thread ")] == '"')) {	/* Python's has no quotes */
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
	} else if (t->printed && may_be_printed(line) && number != t->refused) {
		begin(t, TRACEBACK_PRINTED, 0, number, offset);
		set_text(t, line, len);
		hold(t, line, number, offset);
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

/* `  File "/srv/a.py", line 3, in parse`: functions without a name (<lambda>, <listcomp>) are of the one around them. */
static void read_place(struct traceback *t, const char *line)
{
	static const char begin[] = "File \"", module[] = "<module>";
	const char *number = strstr(line, "\", line "), *function, *slash;

	if (!str_has_prefix(line, begin) || !number || !(function = strstr(number, ", in ")))
		return;
	function += strlen(", in ");
	line += strlen(begin);
	if (!strcmp(function, module)) {
		slash = memrchr(line, '/', (size_t)(number - line));
		line = slash ? slash + 1 : line;
		str_clear(&t->where);
		str_add_bytes(&t->where, line, (size_t)(number - line));
	} else if (*function != '<') {
		str_setf(&t->where, "%s", function);
	}
}

/* An exception without a message (`assert x`) says nothing but where it was raised.  Not those that come from outside, at any place. */
static void add_place(struct traceback *t)
{
	static const char *const anywhere[] = { "Interrupt", "MemoryError", "Timeout", "timeout", "Cancelled", "SystemExit" };

	if (!t->where.len || strchr(t->text.buf, ':'))
		return;
	for (size_t i = 0; i < sizeof(anywhere) / sizeof(*anywhere); i++)
		if (strstr(t->text.buf, anywhere[i]))
			return;
	strv_push(&t->others, t->text.buf); /* however many there are */
	str_addf(&t->text, " in %s", t->where.buf);
}

static enum traceback_answer read_python(struct traceback *t, const char *line, size_t len)
{
	size_t indent = strspn(line, " \t");

	if (indent == len)
		return TRACEBACK_WITHIN;
	if (indent > t->indent && t->lines <= LINES_MAX) {
		read_place(t, line + indent);
		add_other(t, line);
		return TRACEBACK_WITHIN;
	}
	if (!names_exception(line + indent))
		return end_with(t, TRACEBACK_CUT);
	set_text(t, line + indent, len - indent);
	add_place(t);
	return end_with(t, TRACEBACK_ENDED);
}

/* "  | ", "  +-+---------------- 1 ----------------" stand in front of all lines of a group, except those of a message behind its
 * first, which are seen only when the next with a margin comes. */
static enum traceback_answer read_group(
        struct traceback *t, const char *line, size_t len, uint64_t number, uint64_t offset)
{
	static const char *const chains[] = { cause_line,
		"During handling of the above exception, another exception occurred:" };
	const char *p = line + strspn(line, " \t"), *name;

	if (str_has_suffix(line, group_header))
		return read_start(t, line, len, number, offset);
	if (t->lines > LINES_MAX || (*p != '|' && *p != '+')) {
		if (t->lines <= LINES_MAX && t->named && t->held.lines.n < TRACEBACK_HELD_MAX &&
		        !str_has_suffix(line, python_header)) {
			hold(t, line, number, offset);
			return TRACEBACK_WITHIN;
		}
		return end_with(t, t->named ? TRACEBACK_LEFT : TRACEBACK_CUT);
	}
	strv_release(&t->held.lines);
	if (*p == '+') {
		bool closes = p[1 + strspn(p + 1, "-")] == '\0';

		t->depth += str_has_prefix(p, "+-+-");
		if (closes && t->depth <= 1)
			t->kind = TRACEBACK_NONE;
		else if (closes)
			t->depth--;
		else
			begin_exception(t, number, offset);
		return TRACEBACK_WITHIN;
	}
	p += 1 + (p[1] == ' ');
	if (str_has_suffix(p, python_header) || !strcmp(p, chains[0]) || !strcmp(p, chains[1])) {
		begin_exception(t, number, offset);
		add_other(t, line);
		return TRACEBACK_WITHIN;
	}
	for (name = p; is_name_char(*name); name++)
		;
	if (t->named || name == p || (*name && *name != ':')) {
		if (!t->named && *p)
			add_other(t, line);
		return TRACEBACK_WITHIN;
	}
	return name_exception(t, line, p, len, number, offset);
}

/* "at App.read(App.java:3)", "... 3 more": but "at most 3" is of a message. */
static bool is_java_frame(const char *p)
{
	if (str_has_prefix(p, "... "))
		return p[4] >= '0' && p[4] <= '9';
	return str_has_prefix(p, "[CIRCULAR REFERENCE") || (str_has_prefix(p, "at ") && p[3 + strcspn(p + 3, " (")] == '(');
}

/* The first line that was held, which is in `text`. */
static void drop_header(struct traceback *t)
{
	add_other(t, t->text.buf);
	free(t->held.lines.v[0]);
	memmove(t->held.lines.v, t->held.lines.v + 1, t->held.lines.n * sizeof(*t->held.lines.v));
	t->held.lines.n--;
}

/* What was held is of the message.  Of one whose first line ends in a colon the second tells what it is about. */
static void end_message(struct traceback *t)
{
	if (t->is_header && t->held.lines.n && str_has_suffix(t->text.buf, ":"))
		str_addf(&t->text, " %s", t->held.lines.v[0]);
	for (size_t i = 0; i < t->held.lines.n; i++)
		if (*t->held.lines.v[i])
			add_other(t, t->held.lines.v[i]);
	strv_release(&t->held.lines);
	t->is_header = t->in_message = false;
}

/*
 * The root is the last cause: what wraps it is the same for many errors.  An indented one is of something else that went wrong on
 * the way ("Suppressed:"), as a file that could not be closed either.
 */
static enum traceback_answer read_java(
        struct traceback *t, const char *line, size_t len, uint64_t number, uint64_t offset)
{
	const char *p = line + strspn(line, " \t");
	bool cause = str_has_prefix(p, "Caused by: ");

	if (t->lines > LINES_MAX)
		return end_with(t, TRACEBACK_CUT);
	if (cause || (p > line && str_has_prefix(p, "Suppressed: "))) {
		end_message(t);
		t->in_message = true;
		t->is_header = p == line && line[11] != '[';
		if (t->is_header)
			set_text(t, line + 11, len - 11);
	} else if (p > line && is_java_frame(p)) {
		end_message(t);
		add_frame(t, line);
		return TRACEBACK_WITHIN;
	} else if (t->in_message && t->held.lines.n < TRACEBACK_HELD_MAX &&
	           !str_has_prefix(line, "Exception in thread ") && !str_has_suffix(line, python_header)) {
		hold(t, line, number, offset);
		return TRACEBACK_WITHIN;
	} else {
		return end_with(t, TRACEBACK_CUT);
	}
	add_other(t, line);
	return TRACEBACK_WITHIN;
}

/* The root is the innermost cause, as with Java. */
static void read_node_cause(struct traceback *t, const char *line, size_t len)
{
	static const char mark[] = "[cause]: ";
	size_t indent = strspn(line, " ");

	if (indent != t->indent + 2 || !str_has_prefix(line + indent, mark) ||
	        !names_error(line + indent + strlen(mark)))
		return;
	add_other(t, t->text.buf);
	add_other(t, line);
	t->indent = indent;
	set_text(t, line + indent + strlen(mark), len - indent - strlen(mark));
}

/* A program's own: it ends with its frames or its properties. */
static enum traceback_answer read_node_printed(struct traceback *t, const char *line, size_t len)
{
	const char *p = line + strspn(line, " ");
	bool frame = p > line && (str_has_prefix(p, "at ") || is_java_frame(p));

	if (len == 0 || t->lines > LINES_MAX || (!frame && !t->in_braces))
		return end_with(t, TRACEBACK_CUT);
	if (!strcmp(line, "}"))
		return end_with(t, TRACEBACK_ENDED);
	t->in_braces |= str_has_suffix(line, " {");
	read_node_cause(t, line, len);
	add_frame(t, line);
	return TRACEBACK_WITHIN;
}

/* Frames, "Require stack:" and the properties of the exception, to a blank line. */
static enum traceback_answer read_node(struct traceback *t, const char *line, size_t len)
{
	if (t->named) {
		if (len == 0 || t->lines > LINES_MAX)
			return end_with(t, TRACEBACK_ENDED);
		read_node_cause(t, line, len);
	} else if (len && names_error(line)) {
		set_text(t, line, len);
		t->named = true;
	} else if (t->lines > QUOTED_MAX) {
		return end_with(t, TRACEBACK_CUT);
	} else {
		add_other(t, line);
	}
	return TRACEBACK_WITHIN;
}

/* A frame behind it tells that the line that is held is an exception, and what stands between them its message. */
static enum traceback_answer read_printed(
        struct traceback *t, const char *line, size_t len, uint64_t number, uint64_t offset)
{
	const char *p = line + strspn(line, " \t");
	bool qualified = is_qualified(t->text.buf, class_len(t->text.buf)), next = t->held.lines.n == 1;

	if (p > line && is_java_frame(p) && (qualified || (next && *line == '\t'))) {
		t->kind = TRACEBACK_JAVA;
		t->is_header = true;
		drop_header(t);
		return read_java(t, line, len, number, offset);
	}
	if (next && str_has_prefix(line, "    at ")) {
		t->kind = TRACEBACK_NODE_PRINTED;
		t->in_braces = false;
		drop_header(t);
		return read_node_printed(t, line, len);
	}
	if (qualified && t->held.lines.n < TRACEBACK_HELD_MAX && len && !may_be_printed(line)) {
		hold(t, line, number, offset);
		return TRACEBACK_WITHIN;
	}
	t->refused = t->number;
	return end_with(t, TRACEBACK_LEFT);
}

/* "  left: 1", "stack backtrace:", "   3: demo::pick", "             at src/lib.rs:2:3", "note: run with ...". */
static bool is_of_panic(const char *line)
{
	const char *p = line + strspn(line, " ");

	if (p == line)
		return str_has_prefix(line, "stack backtrace:") || str_has_prefix(line, "note: ");
	return str_has_prefix(p, "left: ") || str_has_prefix(p, "right: ") || str_has_prefix(p, "at ") ||
	       str_has_prefix(p + strspn(p, "0123456789"), ": ");
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
		return read_start(t, line, len, number, offset);
	case TRACEBACK_PYTHON:
		return read_python(t, line, len);
	case TRACEBACK_GROUP:
		return read_group(t, line, len, number, offset);
	case TRACEBACK_PRINTED:
		return read_printed(t, line, len, number, offset);
	case TRACEBACK_NODE_PRINTED:
		return read_node_printed(t, line, len);
	case TRACEBACK_JAVA:
		return read_java(t, line, len, number, offset);
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
			t->kind = TRACEBACK_RUST_MORE;
			return TRACEBACK_ENDED;
		}
		return end_with(t, TRACEBACK_ENDED);
	case TRACEBACK_RUST_MORE:
		if (t->lines <= LINES_MAX && is_of_panic(line)) {
			if (*line == 'n')
				t->kind = TRACEBACK_NONE;
			return TRACEBACK_WITHIN;
		}
		t->kind = TRACEBACK_NONE;
		return read_start(t, line, len, number, offset);
	}
	return TRACEBACK_NOT;
}

bool traceback_end(struct traceback *t)
{
	bool open = t->kind != TRACEBACK_NONE && t->kind != TRACEBACK_GO && t->kind != TRACEBACK_RUST_MORE &&
	            t->kind != TRACEBACK_PRINTED && !(t->kind == TRACEBACK_GROUP && t->named);

	if (t->kind == TRACEBACK_PRINTED)
		t->refused = t->number;

	t->kind = TRACEBACK_NONE;
	return open;
}
