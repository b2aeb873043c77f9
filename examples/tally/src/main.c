#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "number.h"
#include "report.h"
#include "text.h"
#include "words.h"

int main(int argc, char **argv)
{
	struct table table = { 0 };
	const struct word **words;
	char *line = NULL;
	size_t size = 0, n;
	long top = 0;

	if (argc == 3 && !strcmp(argv[1], "--top"))
		top = number_read(argv[2]);
	if ((argc != 1 && argc != 3) || top < 0) {
		fputs("usage: tally [--top NUMBER] < text\n", stderr);
		return 2;
	}
	while (getline(&line, &size, stdin) > 0) {
		const char *rest = line;
		char *word;

		while ((word = text_next_word(&rest))) {
			if (!word_is_common(word))
				table_add(&table, word);
			free(word);
		}
	}
	n = report_top(&words, &table, (size_t)top);
	for (size_t i = 0; i < n; i++)
		printf("%8lu %s\n", words[i]->count, words[i]->text);
	free(words);
	free(line);
	table_release(&table);
	return 0;
}
