#include "bisectd/live_errors.h"

#include <string.h>

#include "base/log.h"
#include "job/errorid.h"
#include "job/log_kinds.h"
#include "store/artifacts.h"

#define PIECE (256u << 10)

static int begin_reading(struct extractor **ret, const struct job *job, bool building, struct error *err)
{
	struct log_reading reading = { .source = SOURCE_BUILD };
	int r = building ? 0 : log_reading_of(&reading, &job->test_logs, err);

	return r < 0 ? r : extractor_new(ret, reading.source, job->suite, building ? NULL : job->error_match, err);
}

/* Its last line is not read before it is whole. */
static int read_log(struct daemon *daemon, struct extractor *extractor, const char *unit, struct error *err)
{
	struct str piece = STR_INIT;
	uint64_t at = 0;
	int r;

	do {
		str_clear(&piece);
		r = live_log_read(&piece, daemon->artifacts, unit, at, PIECE, err);
		if (r == 0)
			extractor_feed(extractor, piece.buf, piece.len);
		at += piece.len;
	} while (r == 0 && piece.len && at < LIVE_ERRORS_BYTES);
	str_release(&piece);
	return r;
}

static json_t *seen(const struct extractor *extractor, const char *unit)
{
	const struct found_error *errors;
	size_t n = extractor_results(extractor, &errors);
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_pack("{s:s, s:s, s:I, s:I}", "id", errors[i].id, "line", errors[i].line,
			"line_number", (json_int_t)errors[i].line_number, "count", (json_int_t)errors[i].count));
	return json_pack("{s:s, s:o}", "unit", unit, "errors", list);
}

json_t *live_errors(struct daemon *daemon, const struct job_row *row)
{
	bool building = !strcmp(row->state, "building");
	const char *unit = building ? row->build_unit : row->test_unit;
	struct error err = ERROR_INIT;
	struct extractor *extractor = NULL;
	struct job *job = NULL;
	json_t *object = NULL;
	int r;

	if (!unit || (!building && strcmp(row->state, "testing") != 0))
		return NULL;
	r = job_of_row(&job, row, &err);
	if (r == 0)
		r = begin_reading(&extractor, job, building, &err);
	if (r == 0)
		r = read_log(daemon, extractor, unit, &err);
	if (r == 0)
		object = seen(extractor, unit);
	else if (r != -ERR_NOT_FOUND)
		log_warning("the log of unit %s in progress cannot be read: %s", unit, err.text);
	extractor_free(extractor);
	job_free(job);
	return object;
}
