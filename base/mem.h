/*
 * Memory.  Allocation failure aborts the process: the store knows everything, so that a restart goes on.
 * A size that comes from outside is compared with a named limit before it reaches these.
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

void *mem_alloc(size_t size);			/* zeroed; never NULL, not even for 0 */
void *mem_array(size_t count, size_t size);	/* zeroed; aborts if the product overflows */
void *mem_resize(void *p, size_t count, size_t size);	/* new bytes are not zeroed */
char *mem_strdup(const char *s);		/* NULL gives NULL */
char *mem_strndup(const char *s, size_t len);
char *mem_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Makes room for `want` elements in `array` (a pointer), whose capacity lives in `cap`. */
#define MEM_GROW(array, want, cap) \
	((array) = mem_grow_((array), (want), &(cap), sizeof(*(array))))
void *mem_grow_(void *array, size_t want, size_t *cap, size_t size);

#endif
