/* All tests, as TAP. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "number.h"
#include "report.h"
#include "sort.h"
#include "text.h"
#include "words.h"

static bool words_are_split_at_blanks(void)
{
	const char *text = "Two words.";
	char *a = text_next_word(&text), *b = text_next_word(&text), *c = text_next_word(&text);
	bool fine = a && b && !c && !strcmp(a, "two") && !strcmp(b, "words");

	free(a);
	free(b);
	return fine;
}

static bool an_empty_text_has_no_words(void)
{
	const char *text = " ... 12";

	return !text_next_word(&text);
}

static bool common_words_are_known(void)
{
	return word_is_common("the") && !word_is_common("bisection");
}

static bool a_table_counts(void)
{
	struct table table = { 0 };
	bool fine;

	table_add(&table, "a");
	table_add(&table, "b");
	table_add(&table, "a");
	fine = table_find(&table, "a")->count == 2 && table_find(&table, "b")->count == 1 && !table_find(&table, "c");
	table_release(&table);
	return fine;
}

static bool a_table_that_grows_keeps_its_words(void)
{
	struct table table = { 0 };
	char name[20];
	bool fine = true;

	for (int i = 0; i < 2000; i++) {
		snprintf(name, sizeof(name), "word%d", i);
		table_add(&table, name);
	}
	for (int i = 0; i < 2000; i++) {
		snprintf(name, sizeof(name), "word%d", i);
		fine = fine && table_find(&table, name);
	}
	table_release(&table);
	return fine;
}

static bool sorted(const unsigned long *counts, size_t n, const size_t *expected)
{
	struct word words[16] = { 0 };
	const struct word *order[16];
	bool fine = true;

	for (size_t i = 0; i < n; i++) {
		words[i].count = counts[i];
		order[i] = &words[i];
	}
	sort_words(order, n);
	for (size_t i = 0; i < n; i++)
		fine = fine && order[i] == &words[expected[i]];
	return fine;
}

static bool the_most_frequent_word_is_first(void)
{
	return sorted((unsigned long[]){ 1, 3, 2 }, 3, (size_t[]){ 1, 2, 0 });
}

static bool words_of_one_count_keep_their_order(void)
{
	return sorted((unsigned long[]){ 1, 2, 1, 2, 1 }, 5, (size_t[]){ 1, 3, 0, 2, 4 });
}

static bool a_report_ends_where_it_is_told(void)
{
	struct table table = { 0 };
	const struct word **words;
	bool fine;

	table_add(&table, "one");
	table_add(&table, "two");
	table_add(&table, "two");
	fine = report_top(&words, &table, 1) == 1 && !strcmp(words[0]->text, "two");
	free(words);
	table_release(&table);
	return fine;
}

static const struct {
	const char *text;
	long value;
} numbers[] = {
	{ "2k", 2000 },
	{ "k", -1 },
@numbers@
};

#define CASE(NAME) { #NAME, NAME }
static const struct {
	const char *name;
	bool (*run)(void);
} cases[] = {
	CASE(words_are_split_at_blanks),
	CASE(an_empty_text_has_no_words),
	CASE(common_words_are_known),
	CASE(a_table_counts),
	CASE(a_table_that_grows_keeps_its_words),
	CASE(the_most_frequent_word_is_first),
	CASE(words_of_one_count_keep_their_order),
	CASE(a_report_ends_where_it_is_told),
};
#define N(ARRAY) (sizeof(ARRAY) / sizeof(*(ARRAY)))

static size_t done, failed;

static void point(bool passed, const char *what, const char *name)
{
	printf("%s %zu - %s%s\n", passed ? "ok" : "not ok", ++done, what, name);
	fflush(stdout);
	failed += !passed;
}

int main(void)
{
	printf("1..%zu\n", N(cases) + N(numbers));
	for (size_t i = 0; i < N(numbers); i++)
		point(number_read(numbers[i].text) == numbers[i].value, "number ", numbers[i].text);
	for (size_t i = 0; i < N(cases); i++)
		point(cases[i].run(), "", cases[i].name);
	return failed > 0;
}
