#include "job/case_sections.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"

void case_sections_release(struct case_sections *sections)
{
	for (size_t i = 0; i < sections->n; i++)
		free(sections->v[i].name);
	free(sections->v);
	*sections = (struct case_sections){ 0 };
}

static bool is_named(const struct case_section *section, const char *name, size_t len)
{
	return strlen(section->name) == len && !memcmp(section->name, name, len);
}

static struct case_section *add(struct case_sections *sections, const char *name, size_t len)
{
	struct case_section *section;

	if (sections->n == CASE_SECTIONS_MAX)
		return NULL;
	MEM_GROW(sections->v, sections->n + 1, sections->cap);
	section = &sections->v[sections->n++];
	*section = (struct case_section){ .name = mem_strndup(name, len), .finding = -1 };
	return section;
}

void case_sections_begin(struct case_sections *sections, const char *name, size_t len)
{
	struct case_section *section = NULL;

	for (size_t i = 0; i < sections->n && !section; i++)
		if (!sections->v[i].headed && is_named(&sections->v[i], name, len))
			section = &sections->v[i];
	if (!section)
		section = add(sections, name, len);
	if (section)
		section->headed = true;
	sections->open = section ? (size_t)(section - sections->v) + 1 : 0;
}

void case_sections_end(struct case_sections *sections)
{
	sections->open = 0;
}

struct case_section *case_sections_open(struct case_sections *sections)
{
	return sections->open ? &sections->v[sections->open - 1] : NULL;
}

/* "a.py::TestStore::test_empty" stands as "TestStore.test_empty" in a heading. */
static void heading_of(struct str *ret, const char *name, size_t len)
{
	const char *parts = memmem(name, len, "::", 2), *end = name + len, *at;

	if (!parts || parts - name < 3 || memcmp(parts - 3, ".py", 3) != 0) {
		str_add_bytes(ret, name, len);
		return;
	}
	at = parts + 2;
	while ((parts = memmem(at, (size_t)(end - at), "::", 2)) && !memchr(at, '[', (size_t)(parts - at))) {
		str_add_bytes(ret, at, (size_t)(parts - at));
		str_add_char(ret, '.');
		at = parts + 2;
	}
	str_add_bytes(ret, at, (size_t)(end - at));
}

struct case_section *case_sections_case(struct case_sections *sections, const char *name, size_t len)
{
	struct case_section *section = NULL;
	struct str heading = STR_INIT;

	heading_of(&heading, name, len);
	for (size_t i = 0; i < sections->n && !section; i++)
		if (!sections->v[i].noted && is_named(&sections->v[i], heading.buf, heading.len))
			section = &sections->v[i];
	if (!section)
		section = add(sections, heading.buf, heading.len);
	if (section)
		section->noted = true;
	str_release(&heading);
	return section;
}

struct case_section *case_sections_find(struct case_sections *sections, const char *name, size_t len)
{
	for (size_t i = sections->n; i > 0; i--)
		if (is_named(&sections->v[i - 1], name, len))
			return &sections->v[i - 1];
	return NULL;
}
