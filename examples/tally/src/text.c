#include "text.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* Longer words are cut. */
#define WORD_BYTES_MAX @word_bytes@

char *text_next_word(const char **text)
{
	const char *p = *text;
	size_t len = 0;
	char *word;

	while (*p && !isalpha((unsigned char)*p))
		p++;
	while (isalpha((unsigned char)p[len]))
		len++;
	*text = p + len;
	if (len == 0)
		return NULL;
	if (len > WORD_BYTES_MAX)
		len = WORD_BYTES_MAX;
	word = calloc(len + 1, 1);
	if (!word)
		abort();
	for (size_t i = 0; i < len; i++)
		word[i] = (char)tolower((unsigned char)p[i]);
	return word;
}
