#include "number.h"

#include <limits.h>
#include <stddef.h>

static const struct {
	char letter;
	long factor;
} units[] = {
	{ 'd', 12 },
	{ 'k', 1000 },
	{ 'm', 1000000 },
};

long number_read(const char *text)
{
	long value = 0;

	if (*text < '0' || *text > '9')
		return -1;
	for (; *text >= '0' && *text <= '9'; text++) {
		if (value > (LONG_MAX - 9) / 10)
			return -1;
		value = value * 10 + (*text - '0');
	}
	if (!*text)
		return value;
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
		if (text[0] == units[i].letter && !text[1] && value <= LONG_MAX / units[i].factor)
			return value * units[i].factor;
	return -1;
}
