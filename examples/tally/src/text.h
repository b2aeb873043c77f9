#ifndef TEXT_H
#define TEXT_H

#include <stddef.h>

/* The next word at or after *text, in lower case; *text moves behind it. NULL at the end. The caller frees it. */
char *text_next_word(const char **text);

#endif
