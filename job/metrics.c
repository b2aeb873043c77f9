#include "job/metrics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define NUMBER_MAX 40 /* bytes */

void metrics_release(struct metrics *metrics)
{
	for (size_t i = 0; i < metrics->n; i++)
		free(metrics->found[i].name);
	free(metrics->found);
	*metrics = (struct metrics){ 0 };
}

/* Bytes of a name of letters, digits and _ . / % - + @ that begins with a letter, and of the ':'
 * behind it; 0: none. */
static size_t name_len(const char *line, size_t len)
{
	size_t n = 0;

	while (n < len && n <= METRIC_NAME_MAX &&
	        ((line[n] >= 'a' && line[n] <= 'z') || (line[n] >= 'A' && line[n] <= 'Z') ||
	                (n && ((line[n] >= '0' && line[n] <= '9') || strchr("_./%-+@", line[n])))))
		n++;
	return n && n <= METRIC_NAME_MAX && n < len && line[n] == ':' ? n : 0;
}

static bool read_number(double *ret, const char *text, size_t len)
{
	char number[NUMBER_MAX + 1], *end;

	while (len && *text == ' ') {
		text++;
		len--;
	}
	if (!len || len > NUMBER_MAX)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!strchr("0123456789.eE+-", text[i]))
			return false;
	memcpy(number, text, len);
	number[len] = '\0';
	*ret = strtod(number, &end);
	return !*end && end != number && isfinite(*ret);
}

/* The metric of that name, new with count 0 if there was none; NULL: there is no room. */
static struct found_metric *find(struct metrics *metrics, const char *name)
{
	for (size_t i = 0; i < metrics->n; i++)
		if (!strcmp(metrics->found[i].name, name))
			return &metrics->found[i];
	if (metrics->n >= METRICS_MAX)
		return NULL;
	MEM_GROW(metrics->found, metrics->n + 1, metrics->cap);
	metrics->found[metrics->n] = (struct found_metric){ .name = mem_strdup(name) };
	return &metrics->found[metrics->n++];
}

static void add(struct metrics *metrics, const char *name, double value)
{
	struct found_metric *metric = find(metrics, name);

	if (!metric)
		return;
	metric->count++;
	metric->value += (value - metric->value) / (double)metric->count;
}

bool metrics_set(struct metrics *metrics, const char *name, double value)
{
	struct found_metric *metric = find(metrics, name);

	if (!metric)
		return false;
	metric->count = 1;
	metric->value = value;
	return true;
}

bool metrics_read(struct metrics *metrics, const char *suite, const char *line, size_t len)
{
	struct str name = STR_INIT;
	double value;
	size_t n;

	if (!len || !((line[len - 1] >= '0' && line[len - 1] <= '9') || line[len - 1] == '.'))
		return false;
	n = name_len(line, len);
	if (!n || n + 1 >= len || line[n + 1] != ' ' ||
	        !read_number(&value, line + n + 1, len - n - 1))
		return false;
	str_addf(&name, "%s.", suite);
	str_add_bytes(&name, line, n);
	add(metrics, name.buf, value);
	str_release(&name);
	return true;
}
