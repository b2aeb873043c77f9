#include "cli/number_finder.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "job/pattern.h"

#define LINE_MAX_READ 8192
#define NUMBER_MAX 64		/* bytes of a number */

struct number_finder {
	struct pattern *pattern;
	struct str line;
	double value;
};

int number_finder_new(struct number_finder **ret, const char *regex, struct error *err)
{
	struct pattern *pattern;
	struct number_finder *finder;
	int r = pattern_new(&pattern, regex, err);

	if (r < 0)
		return r;
	if (pattern_groups(pattern) != 1) {
		r = error_set(err, ERR_INVALID, "'%.100s' has %u groups, needed is one, around the number: 'time: ([0-9.]+)'", regex,
			pattern_groups(pattern));
		pattern_free(pattern);
		return r;
	}
	finder = mem_alloc(sizeof(*finder));
	finder->pattern = pattern;
	str_init(&finder->line);
	finder->value = NAN;
	*ret = finder;
	return 0;
}

static void read_line(struct number_finder *finder)
{
	struct pattern_group groups[PATTERN_GROUPS_MAX];
	char text[NUMBER_MAX + 1], *end;
	double value;

	if (pattern_match(finder->pattern, finder->line.buf, finder->line.len, groups) == PATTERN_YES && groups[1].text &&
		groups[1].len && groups[1].len <= NUMBER_MAX) {
		memcpy(text, groups[1].text, groups[1].len);
		text[groups[1].len] = '\0';
		value = strtod(text, &end);
		if (!*end && isfinite(value))
			finder->value = value;
	}
	str_clear(&finder->line);
}

void number_finder_feed(struct number_finder *finder, const char *bytes, size_t len)
{
	while (len) {
		const char *end = memchr(bytes, '\n', len);
		size_t part = end ? (size_t)(end - bytes) : len;
		size_t room = LINE_MAX_READ - finder->line.len;

		str_add_bytes(&finder->line, bytes, part < room ? part : room);
		if (!end)
			return;
		read_line(finder);
		bytes += part + 1;
		len -= part + 1;
	}
}

double number_finder_end(struct number_finder *finder)
{
	read_line(finder);
	return finder->value;
}

void number_finder_free(struct number_finder *finder)
{
	if (!finder)
		return;
	pattern_free(finder->pattern);
	str_release(&finder->line);
	free(finder);
}
