#include "job/go_cases.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

bool go_cases_is_one(const char *line)
{
	return str_has_prefix(line + strspn(line, " "), "--- FAIL: ");
}

bool go_cases_is_end(const char *line)
{
	return (*line == 'F' || *line == 'P') && (!strcmp(line, "FAIL") || !strcmp(line, "PASS"));
}

size_t go_cases_package(const char **ret, bool *ret_ok, const char *line)
{
	if ((*line != 'F' && *line != 'o') || (!str_has_prefix(line, "FAIL\t") && !str_has_prefix(line, "ok  \t")))
		return 0;
	*ret_ok = *line == 'o';
	*ret = strchr(line, '\t') + 1;
	return strcspn(*ret, " \t");
}

void go_cases_add(struct go_cases *cases, const struct go_case *added)
{
	struct go_case *last;

	MEM_GROW(cases->v, cases->n + 1, cases->cap);
	last = &cases->v[cases->n++];
	*last = *added;
	last->name = mem_strdup(added->name);
	last->line = mem_strdup(added->line);
	cases->ended = false;
}

void go_cases_clear(struct go_cases *cases)
{
	for (size_t i = 0; i < cases->n; i++) {
		free(cases->v[i].name);
		free(cases->v[i].line);
	}
	free(cases->v);
	cases->v = NULL;
	cases->n = cases->cap = 0;
}
