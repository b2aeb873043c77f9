#include "base/mem.h"

#include <stdarg.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

/* From here on memory is asked for in huge pages: a graph of a million commits would take a second of page faults. */
#define HUGE_PAGE ((size_t)2 << 20)
#define HUGE_MIN (4 * HUGE_PAGE)

static _Noreturn void out_of_memory(void)
{
	static const char text[] = "out of memory\n";
	ssize_t n = write(STDERR_FILENO, text, sizeof(text) - 1);

	(void)n;
	abort();
}

void *mem_alloc(size_t size)
{
	void *p = calloc(1, size ? size : 1);

	if (!p)
		out_of_memory();
	return p;
}

/* Only a hint, and only for what lies within the block: its neighbours are not ours. */
static void prefer_huge_pages(void *p, size_t bytes)
{
	size_t skip = -(uintptr_t)p & (HUGE_PAGE - 1);

	if (bytes >= HUGE_MIN)
		(void)madvise((char *)p + skip, (bytes - skip) & ~(HUGE_PAGE - 1), MADV_HUGEPAGE);
}

void *mem_array(size_t count, size_t size)
{
	void *p = calloc(count && size ? count : 1, count && size ? size : 1);

	if (!p)
		out_of_memory();
	prefer_huge_pages(p, count * size);
	return p;
}

void *mem_resize(void *p, size_t count, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(count, size, &bytes))
		out_of_memory();
	p = realloc(p, bytes ? bytes : 1);
	if (!p)
		out_of_memory();
	return p;
}

char *mem_strdup(const char *s)
{
	return s ? mem_strndup(s, strlen(s)) : NULL;
}

char *mem_strndup(const char *s, size_t len)
{
	size_t n = strnlen(s, len);
	char *copy = mem_resize(NULL, n + 1, 1);

	memcpy(copy, s, n);
	copy[n] = '\0';
	return copy;
}

char *mem_printf(const char *fmt, ...)
{
	va_list ap;
	char *text;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		out_of_memory();
	va_end(ap);
	return text;
}

void *mem_grow_(void *array, size_t want, size_t *cap, size_t size)
{
	size_t room;

	if (want <= *cap)
		return array;
	room = *cap > SIZE_MAX / 2 ? want : *cap + *cap / 2;
	if (room < want)
		room = want;
	if (room < 8)
		room = 8;
	array = mem_resize(array, room, size);
	*cap = room;
	return array;
}
