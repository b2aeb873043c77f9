#include "base/mem.h"
#include "job/tap.h"

void tap_init(struct tap *tap)
{
	*tap = (struct tap){ 0 };
	for (size_t i = 0; i < TAP_DEPTH_MAX; i++)
		str_init(&tap->parents[i].name);
}

void tap_release(struct tap *tap)
{
	free(tap->seen);
	for (size_t i = 0; i < TAP_DEPTH_MAX; i++)
		str_release(&tap->parents[i].name);
	tap_init(tap);
}

/* Where `p` stands after a decimal number, which saturates; NULL if there is none. */
static const char *read_number(const char *p, const char *end, uint32_t *ret)
{
	uint32_t number = 0;
	const char *start = p;

	for (; p < end && *p >= '0' && *p <= '9'; p++)
		number = number > TAP_POINTS_MAX ? number : number * 10 + (uint32_t)(*p - '0');
	if (p == start)
		return NULL;
	*ret = number;
	return p;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static const char *skip_blanks(const char *p, const char *end)
{
	while (p < end && is_blank(*p))
		p++;
	return p;
}

static const char *skip_word(const char *p, const char *end, const char *word)
{
	size_t len = strlen(word);

	if ((size_t)(end - p) < len || memcmp(p, word, len) != 0)
		return NULL;
	p += len;
	return p == end || is_blank(*p) || *p == '-' ? p : NULL;
}

static bool plan_is_kept(const struct tap *tap)
{
	return tap->has_plan && tap->points == tap->planned && tap->highest <= tap->planned;
}

static void next_program(struct tap *tap)
{
	tap->several = true;
	if (!plan_is_kept(tap))
		tap->broken = true;
	if (tap->seen)
		memset(tap->seen, 0, tap->seen_cap);
	tap->planned = tap->points = tap->last = tap->highest = 0;
	tap->has_plan = tap->plan_was_last = false;
}

static void note_plan(struct tap *tap, uint32_t planned)
{
	if (tap->has_plan)
		next_program(tap);
	tap->has_plan = tap->any_plan = true;
	tap->plan_was_last = tap->points > 0;
	tap->planned = planned;
	if (planned > TAP_POINTS_MAX)
		tap->broken = true;
}

static void note_point(struct tap *tap, uint32_t number)
{
	size_t byte;

	/* A finished plan and then point 1 again: another program has begun. */
	if (plan_is_kept(tap) && (tap->plan_was_last || number == 1))
		next_program(tap);
	tap->any_point = true;
	if (number == 0)
		number = tap->last + 1;
	if (number > TAP_POINTS_MAX) {
		tap->broken = true;
		return;
	}
	tap->last = number;
	if (number > tap->highest)
		tap->highest = number;

	byte = number / 8;
	if (byte >= tap->seen_cap) {
		size_t cap = byte * 2 + 64;

		tap->seen = mem_resize(tap->seen, cap, 1);
		memset(tap->seen + tap->seen_cap, 0, cap - tap->seen_cap);
		tap->seen_cap = cap;
	}
	if (!(tap->seen[byte] & 1u << number % 8)) {
		tap->seen[byte] |= (uint8_t)(1u << number % 8);
		tap->points++;
	}
}

static bool has_word(const char *p, const char *end, const char *word)
{
	size_t len = strlen(word);

	return (size_t)(end - p) >= len && strncasecmp(p, word, len) == 0;
}

/* Cuts "# directive" off a description; true if it says that a failure was expected. */
static bool cut_directive(const char *p, const char **end)
{
	for (const char *hash = p; hash < *end; hash++) {
		const char *word;

		if (*hash != '#' || (hash > p && (hash[-1] == '\\' || !is_blank(hash[-1]))))
			continue;
		word = skip_blanks(hash + 1, *end);
		/* kselftest writes "# exit=1", "# TIMEOUT 45 seconds" there: no part of the name
		 * either. */
		bool expected = has_word(word, *end, "TODO") || has_word(word, *end, "SKIP") ||
		                has_word(word, *end, "XFAIL");
		*end = hash;
		return expected;
	}
	return false;
}

static const char *skip_text(const char *p, const char *end, const char *text)
{
	size_t len = strlen(text);

	return (size_t)(end - p) >= len && !memcmp(p, text, len) ? p + len : NULL;
}

/* "# Subtest: NAME" stands before the subtests of NAME; the runner of kselftest says "# selftests: COLLECTION: NAME". */
static void note_parent(struct tap *tap, const char *text, const char *p, const char *end)
{
	const char *name = skip_text(p, end, "Subtest:");
	struct tap_parent *parent;
	size_t indent;

	if (name)
		name = skip_blanks(name, end);
	else if (skip_text(p, end, "selftests: "))
		name = p;
	else
		return;
	while (p > text && p[-1] != '#')
		p--;
	if (p == text)
		return;
	indent = (size_t)(p - 1 - text);
	while (end > name && is_blank(end[-1]))
		end--;
	while (tap->n_parents && tap->parents[tap->n_parents - 1].indent >= indent)
		tap->n_parents--;
	if (tap->n_parents == TAP_DEPTH_MAX || name == end)
		return;
	parent = &tap->parents[tap->n_parents++];
	str_clear(&parent->name);
	str_add_bytes(&parent->name, name, (size_t)(end - name));
	parent->indent = indent;
	parent->inner = SIZE_MAX;
}

/*
 * A plan or a point at `indent`: whose subtests are still being read?  KTAP names a test in the column of its subtests, TAP 14 in
 * that of its own point: where nothing was seen inside, a point of its name is its own.
 */
static void close_parents(struct tap *tap, size_t indent, const char *name, size_t len)
{
	while (tap->n_parents) {
		struct tap_parent *top = &tap->parents[tap->n_parents - 1];
		bool own = name && top->name.len == len && !memcmp(top->name.buf, name, len);

		if (indent < top->indent || (top->inner == SIZE_MAX ? own : indent < top->inner)) {
			tap->n_parents--;
			continue;
		}
		if (top->inner == SIZE_MAX)
			top->inner = indent;
		break;
	}
}

void tap_add_parents(const struct tap *tap, struct str *ret)
{
	for (size_t i = 0; i < tap->n_parents; i++) {
		str_add_bytes(ret, tap->parents[i].name.buf, tap->parents[i].name.len);
		str_add_char(ret, '.');
	}
}

static enum tap_line read_point(struct tap *tap, const char *p, const char *end, size_t indent,
        bool failed, const char **ret_name, size_t *ret_len)
{
	const char *number_start, *number_end, *name;
	uint32_t number = 0;
	bool expected, unnamed;

	number_start = skip_blanks(p, end);
	number_end = read_number(number_start, end, &number);
	if (number_end && number_end < end && !is_blank(*number_end) && *number_end != '-')
		number_end = NULL; /* "ok 3rd" is a name */
	name = skip_blanks(number_end ? number_end : number_start, end);
	if (name < end && *name == '-' && (name + 1 == end || is_blank(name[1])))
		name = skip_blanks(name + 1, end);
	expected = cut_directive(name, &end);
	while (end > name && is_blank(end[-1]))
		end--;

	close_parents(tap, indent, name, (size_t)(end - name));
	if (!indent)
		note_point(tap, number_end ? number : 0);
	if (expected)
		return TAP_EXCUSED;
	unnamed = name == end;
	if (unnamed && number_end) {
		name = number_start;
		end = number_end;
	}
	*ret_name = name;
	*ret_len = (size_t)(end - name);
	/* A number alone is that of every program's point. */
	return failed ? TAP_FAILED : unnamed ? TAP_EXCUSED : TAP_PASSED;
}

enum tap_line tap_line(
        struct tap *tap, const char *text, size_t len, const char **ret_name, size_t *ret_len)
{
	const char *p = text, *end = text + len, *after;
	uint32_t planned;
	bool top;

	while (p < end && (is_blank(*p) || *p == '#'))
		p++;
	top = p == text;

	if ((after = skip_word(p, end, "not ok")))
		return read_point(tap, after, end, (size_t)(p - text), true, ret_name, ret_len);
	if ((after = skip_word(p, end, "ok")))
		return read_point(tap, after, end, (size_t)(p - text), false, ret_name, ret_len);
	if (top && has_word(p, end, "Bail out!")) {
		tap->broken = tap->any_point = true;
		return TAP_OTHER;
	}
	if ((after = skip_text(p, end, "1..")) && (after = read_number(after, end, &planned))) {
		after = skip_blanks(after, end);
		if (after < end && *after != '#')
			return TAP_NONE;
		close_parents(tap, (size_t)(p - text), NULL, 0);
		if (!top)
			return TAP_NONE;
		note_plan(tap, planned);
		return TAP_OTHER;
	}
	if (!top)
		note_parent(tap, text, p, end);
	return TAP_NONE;
}

bool tap_is_complete(const struct tap *tap)
{
	return tap->any_plan && !tap->broken && plan_is_kept(tap);
}

bool tap_is_broken(const struct tap *tap)
{
	return (tap->any_plan || tap->broken) && tap->any_point && !tap_is_complete(tap);
}

bool tap_is_mixed_up(const struct tap *tap)
{
	return tap->several && tap_is_broken(tap);
}
