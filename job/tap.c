#include "base/mem.h"
#include "job/tap.h"

void tap_init(struct tap *tap)
{
	*tap = (struct tap){ 0 };
}

void tap_release(struct tap *tap)
{
	free(tap->seen);
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

static enum tap_line read_point(struct tap *tap, const char *p, const char *end, bool top,
        bool failed, const char **ret_name, size_t *ret_len)
{
	const char *number_start, *number_end, *name;
	uint32_t number = 0;
	bool expected;

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

	if (top)
		note_point(tap, number_end ? number : 0);
	if (!failed || expected)
		return TAP_PASSED;
	if (name == end && number_end) {
		name = number_start;
		end = number_end;
	}
	*ret_name = name;
	*ret_len = (size_t)(end - name);
	return TAP_FAILED;
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
		return read_point(tap, after, end, top, true, ret_name, ret_len);
	if ((after = skip_word(p, end, "ok")))
		return read_point(tap, after, end, top, false, ret_name, ret_len);
	if (top && has_word(p, end, "Bail out!")) {
		tap->broken = tap->any_point = true;
		return TAP_OTHER;
	}
	if (top && end - p > 3 && memcmp(p, "1..", 3) == 0 &&
	        (after = read_number(p + 3, end, &planned))) {
		after = skip_blanks(after, end);
		if (after < end && *after != '#')
			return TAP_NONE;
		note_plan(tap, planned);
		return TAP_OTHER;
	}
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
