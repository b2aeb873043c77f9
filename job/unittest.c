#include "job/unittest.h"

#include <string.h>

void unittest_init(struct unittest *u)
{
	*u = (struct unittest){ .line = STR_INIT };
}

void unittest_release(struct unittest *u)
{
	str_release(&u->line);
}

void unittest_read_blank(struct unittest *u)
{
	str_clear(&u->line);
	u->in_header = false;
}

static size_t word_len(const char *text, const char *more)
{
	size_t len = 0;

	while ((text[len] >= 'a' && text[len] <= 'z') || (text[len] >= 'A' && text[len] <= 'Z') ||
	        (text[len] >= '0' && text[len] <= '9') || (text[len] && strchr(more, text[len])))
		len++;
	return len;
}

/* "test_x (tests.T.test_x)": its length; 0: the line does not begin so.  Behind it may stand which subtest it is. */
static size_t name_len(const char *line)
{
	size_t len, place;

	if (!str_has_prefix(line, "test"))
		return 0;
	len = word_len(line, "_");
	if (!str_has_prefix(line + len, " ("))
		return 0;
	len += 2;
	place = word_len(line + len, "_.<>");
	if (!place || line[len + place] != ')' || !memchr(line + len, '.', place))
		return 0;
	return len + place + 1;
}

static bool is_name(const char *line)
{
	size_t len = name_len(line), end = strlen(line);

	if (!len || len == end)
		return len;
	return line[len] == ' ' && strchr("([", line[len + 1]) && strchr(")]", line[end - 1]);
}

static const char *verdict(const char *line)
{
	static const char *const ends[] = { " ... ok", " ... FAIL", " ... ERROR" };

	const char *first = strstr(line, " ... ");

	/* What the case itself printed may have dots, too. */
	if (!first || strstr(first + 1, " ... "))
		return NULL;
	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++)
		if (strcmp(first, ends[i]) == 0)
			return ends[i];
	return NULL;
}

/* A subtest has two blanks in front. */
static const char *may_be_name(const char *line)
{
	if (*line == ' ' && line[1] == ' ')
		line += 2;
	return *line == 't' ? line : NULL;
}

enum unittest_line unittest_read(struct unittest *u, const char *line, bool in_section)
{
	bool in_header = u->in_header;
	const char *end;

	if (!in_header && !u->line.len && !in_section && !may_be_name(line))
		return UNITTEST_NOT;
	u->in_header = false;
	if (in_header)
		return *line == '-' && str_has_prefix(line, "--------------------") ? UNITTEST_NOT : UNITTEST_DOCSTRING;
	if (u->line.len && !name_len(line) && (end = verdict(line))) {
		str_add(&u->line, end);
		return UNITTEST_VERDICT;
	}
	str_clear(&u->line);
	if (in_section && (str_has_prefix(line, "FAIL: ") || str_has_prefix(line, "ERROR: ")))
		u->in_header = is_name(strchr(line, ' ') + 1);
	line = may_be_name(line);
	if (line && is_name(line))
		str_add(&u->line, line);
	return UNITTEST_NOT;
}
