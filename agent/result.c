/* Parts of results (agent.h). */
#include "agent/agent.h"

#include <sys/statvfs.h>

enum { FREE_MIN = 32 << 20, FREE_FILES_MIN = 64, LINE_MAX_SHOWN = 2000 };

json_t *result_string(const char *text)
{
	struct str shown = STR_INIT;
	json_t *value;

	if (!text)
		return json_null();
	value = json_string(text);
	if (!value) {
		/* Not UTF-8. */
		str_add_printable(&shown, text, strlen(text), LINE_MAX_SHOWN);
		value = json_string(shown.buf);
		str_release(&shown);
	}
	return value ? value : json_null();
}

json_t *result_usage(const struct sandbox_end *end)
{
	return json_pack("{s:I, s:I, s:I, s:I}", "wall_ms", (json_int_t)end->wall_ms, "user_ms",
		(json_int_t)end->user_ms, "system_ms", (json_int_t)end->system_ms, "max_rss",
		(json_int_t)end->max_rss);
}

static json_t *result_strings(const struct strv *texts)
{
	json_t *array = json_array();

	for (size_t i = 0; i < texts->n; i++)
		json_array_append_new(array, result_string(texts->v[i]));
	return array;
}

json_t *result_errors(const struct extractor *extractor)
{
	const struct found_error *errors = NULL;
	size_t n = extractor ? extractor_results(extractor, &errors) : 0;
	json_t *array = json_array();

	for (size_t i = 0; i < n; i++) {
		json_t *item = json_pack("{s:o, s:o, s:I, s:I, s:s, s:I, s:b, s:s}",
			"id", result_string(errors[i].id), "line", result_string(errors[i].line),
			"line_number", (json_int_t)errors[i].line_number,
			"count", (json_int_t)errors[i].count,
			"severity", severity_name(errors[i].severity),
			"finding", (json_int_t)errors[i].finding + 1,
			"representative", (int)errors[i].representative,
			"rules", extractor_rules(extractor));

		if (errors[i].function)
			json_object_set_new(item, "function", result_string(errors[i].function));
		if (errors[i].aliases.n)
			json_object_set_new(item, "aliases", result_strings(&errors[i].aliases));
		json_array_append_new(array, item);
	}
	return array;
}

json_t *result_metrics(const struct extractor *extractor)
{
	const struct found_metric *metrics = NULL;
	size_t n = extractor ? extractor_metrics(extractor, &metrics) : 0;
	json_t *object = json_object();

	for (size_t i = 0; i < n; i++)
		json_object_set_new(object, metrics[i].name, json_real(metrics[i].value));
	return object;
}

json_t *result_passed(struct extractor *extractor)
{
	char *passed = extractor ? extractor_passed(extractor) : NULL;
	json_t *value = result_string(passed);

	free(passed);
	return value;
}

bool disk_is_full(const char *path)
{
	struct statvfs fs;

	if (statvfs(path, &fs) < 0)
		return false;
	return (uint64_t)fs.f_bavail * fs.f_frsize < FREE_MIN ||
		(fs.f_files && fs.f_favail < FREE_FILES_MIN);
}
