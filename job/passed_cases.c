#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/str.h"
#include "job/passed_cases.h"

#define GO_PACKAGE ".Test_of_go"	/* the cases of a package together (rules/test.yaml) */

static void digits_of(char ret[PASSED_CASE_DIGITS + 1], const char *id)
{
	char hex[HASH_HEX_LEN + 1];

	hash_bytes(id, strlen(id), hex);
	memcpy(ret, hex, PASSED_CASE_DIGITS);
	ret[PASSED_CASE_DIGITS] = '\0';
}

static uint64_t case_of(const char *id)
{
	char digits[PASSED_CASE_DIGITS + 1];

	digits_of(digits, id);
	return strtoull(digits, NULL, 16);
}

static int compare(const void *a, const void *b)
{
	uint64_t one = *(const uint64_t *)a, two = *(const uint64_t *)b;

	return one < two ? -1 : one > two;
}

void passed_cases_release(struct passed_cases *passed)
{
	free(passed->cases);
	*passed = (struct passed_cases){ 0 };
}

/* Each once, and of too many those with the lowest numbers: which these are does not depend on the order in which they came. */
static void put_in_order(struct passed_cases *passed)
{
	size_t n = 0;

	if (passed->in_order || !passed->n)
		return;
	passed->in_order = true;
	qsort(passed->cases, passed->n, sizeof(*passed->cases), compare);
	for (size_t i = 0; i < passed->n && n < PASSED_CASES_MAX; i++)
		if (!n || passed->cases[i] != passed->cases[n - 1])
			passed->cases[n++] = passed->cases[i];
	passed->n = n;
}

void passed_cases_add(struct passed_cases *passed, const char *id)
{
	if (passed->n == 2 * PASSED_CASES_MAX)
		put_in_order(passed);
	MEM_GROW(passed->cases, passed->n + 1, passed->cap);
	passed->cases[passed->n++] = case_of(id);
	passed->in_order = false;
}

static uint64_t *find(struct passed_cases *passed, const char *id)
{
	uint64_t wanted = case_of(id);

	put_in_order(passed);
	return passed->n ? bsearch(&wanted, passed->cases, passed->n, sizeof(wanted), compare) : NULL;
}


/*
 * What the case is one of: "zip.tests/test_a.py.fail" of "zip.tests/test_a.py::test_b.fail", "zip.example.org/zip/list.Test_of_go.fail" of
 * "zip.example.org/zip/list.TestAdds/one.fail".  NULL: it is no case of pytest or go test.
 */
static char *group_of(const char *id)
{
	static const char file[] = ".py";
	const char *at;

	if (!str_has_suffix(id, ".fail"))
		return NULL;
	if ((at = strstr(id, ".py::")))
		return mem_printf("%.*s%s.fail", (int)(at - id), id, file);
	at = strstr(id, ".Test");
	return at ? mem_printf("%.*s" GO_PACKAGE ".fail", (int)(at - id), id) : NULL;
}

static void remove_one(struct passed_cases *passed, const char *id)
{
	uint64_t *place = find(passed, id);

	if (!place)
		return;
	memmove(place, place + 1, (size_t)(passed->cases + passed->n - place - 1) * sizeof(*place));
	passed->n--;
}

void passed_cases_remove(struct passed_cases *passed, const char *id)
{
	static const char fail[] = ".fail";
	size_t len = strlen(id) - (str_has_suffix(id, fail) ? sizeof(fail) - 1 : 0);
	char *package = mem_printf("%.*s" GO_PACKAGE "%s", (int)len, id, fail);
	char *group = strstr(id, ".py::") ? NULL : group_of(id);

	remove_one(passed, id);
	/* A package of go test that failed once, or a case of it, says nothing of its others. */
	remove_one(passed, package);
	if (group)
		remove_one(passed, group);
	free(package);
	free(group);
}

bool passed_cases_has(struct passed_cases *passed, const char *id)
{
	char *group = group_of(id);
	bool has = find(passed, id) || (group && find(passed, group));

	free(group);
	return has;
}

size_t passed_cases_count(struct passed_cases *passed)
{
	put_in_order(passed);
	return passed->n;
}

char *passed_cases_text(struct passed_cases *passed)
{
	struct str text = STR_INIT;

	put_in_order(passed);
	if (!passed->n)
		return NULL;
	for (size_t i = 0; i < passed->n; i++)
		str_addf(&text, "%0*" PRIx64, (int)PASSED_CASE_DIGITS, passed->cases[i]);
	return str_detach(&text);
}

bool passed_text_is_valid(const char *text)
{
	size_t len = strlen(text);

	if (!len || len % PASSED_CASE_DIGITS || len > (size_t)PASSED_CASES_MAX * PASSED_CASE_DIGITS || !hash_is_hex(text, len))
		return false;
	for (const char *p = text + PASSED_CASE_DIGITS; p < text + len; p += PASSED_CASE_DIGITS)
		if (memcmp(p - PASSED_CASE_DIGITS, p, PASSED_CASE_DIGITS) >= 0)
			return false;
	return true;
}

static int compare_digits(const void *a, const void *b)
{
	return memcmp(a, b, PASSED_CASE_DIGITS);
}

static bool text_has(const char *text, const char *id)
{
	char digits[PASSED_CASE_DIGITS + 1];

	digits_of(digits, id);
	return bsearch(digits, text, strlen(text) / PASSED_CASE_DIGITS, PASSED_CASE_DIGITS, compare_digits);
}

bool passed_text_has(const char *text, const char *id)
{
	char *group;
	bool has;

	if (!text)
		return false;
	group = group_of(id);
	has = text_has(text, id) || (group && text_has(text, group));
	free(group);
	return has;
}
