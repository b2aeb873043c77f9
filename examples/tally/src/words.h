#ifndef WORDS_H
#define WORDS_H

#include <stdbool.h>

/* Does this word, in lower case, say little? */
bool word_is_common(const char *word);

#endif
