#include "bisectd/bisection_options.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

#define RUNS_MAX 1000000
#define SECONDS_MAX (3650.0 * 24 * 3600)
#define SLOTS_MAX 16
/* What is said to be certain could not be unlearnt. */
#define REPRODUCIBLE_LEAST 0.001

enum option_type { OPTION_REAL, OPTION_COUNT, OPTION_SECONDS, OPTION_BOOL };

#define AT(member) offsetof(struct bisection_options, member)

static const struct option {
	const char *name;
	enum option_type type;
	size_t offset;
	double min, max;
} rows[] = {
	{ "confidence", OPTION_REAL, AT(confidence), 0.5, 0.999999 },
	{ "max_runs", OPTION_COUNT, AT(max_runs), 1, RUNS_MAX },
	{ "max_seconds", OPTION_SECONDS, AT(max_seconds), 1, SECONDS_MAX },
	{ "first_parent", OPTION_BOOL, AT(first_parent), 0, 0 },
	{ "fix", OPTION_BOOL, AT(fix), 0, 0 },
	{ "prior_from_error", OPTION_BOOL, AT(prior_from_error), 0, 0 },
	{ "reproducible", OPTION_REAL, AT(reproducible), 0, 1 },
	{ "slots", OPTION_COUNT, AT(slots), 1, SLOTS_MAX },
};

#define N_ROWS (sizeof(rows) / sizeof(*rows))

static int wrong_key(const char *key, struct error *err)
{
	struct str allowed = STR_INIT;
	int r;

	for (size_t i = 0; i < N_ROWS; i++)
		str_addf(&allowed, "%s%s", i ? ", " : "", rows[i].name);
	r = error_set(err, ERR_INVALID, "options: found \"%.80s\", allowed are %s", key, allowed.buf);
	str_release(&allowed);
	return r;
}

static int wrong_value(const struct option *row, const json_t *value, struct error *err)
{
	char *found = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
	int r;

	if (row->type == OPTION_BOOL)
		r = error_set(err, ERR_INVALID, "options.%s: found %.80s, allowed are true and false",
			row->name, found ? found : "something");
	else
		r = error_set(err, ERR_INVALID, "options.%s: found %.80s, allowed is a %snumber from %.6g to %.9g",
			row->name, found ? found : "something", row->type == OPTION_REAL ? "" : "whole ",
			row->min, row->max);
	free(found);
	return r;
}

static int read_one(struct bisection_options *ret, const struct option *row, const json_t *value,
	struct error *err)
{
	char *field = (char *)ret + row->offset;
	double number = json_number_value(value);

	if (row->type == OPTION_BOOL ? !json_is_boolean(value) :
			(row->type == OPTION_REAL ? !json_is_number(value) : !json_is_integer(value)) ||
			!(number >= row->min && number <= row->max))
		return wrong_value(row, value, err);
	switch (row->type) {
	case OPTION_REAL:
		*(double *)field = number;
		break;
	case OPTION_COUNT:
		*(unsigned *)field = (unsigned)json_integer_value(value);
		break;
	case OPTION_SECONDS:
		*(int64_t *)field = json_integer_value(value);
		break;
	case OPTION_BOOL:
		*(bool *)field = json_is_true(value);
		break;
	}
	return 0;
}

int bisection_options_read(struct bisection_options *ret, const json_t *options, struct error *err)
{
	struct bisection_options read = { .prior_from_error = true };
	const char *key;
	json_t *value;
	int r = 0;

	if (options && !json_is_object(options))
		return error_set(err, ERR_INVALID, "options: allowed is one JSON object");
	json_object_foreach((json_t *)options, key, value) {
		const struct option *row = NULL;

		for (size_t i = 0; i < N_ROWS && !row; i++)
			if (!strcmp(rows[i].name, key))
				row = &rows[i];
		r = row ? read_one(&read, row, value, err) : wrong_key(key, err);
		if (r < 0)
			return r;
	}
	if (options && json_object_get(options, "reproducible")) {
		if (read.reproducible < REPRODUCIBLE_LEAST)
			read.reproducible = REPRODUCIBLE_LEAST;
		if (read.reproducible > 1 - REPRODUCIBLE_LEAST)
			read.reproducible = 1 - REPRODUCIBLE_LEAST;
	}
	*ret = read;
	return 0;
}
