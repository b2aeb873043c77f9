#include "job/lkp_stats.h"

#include <jansson.h>

#include "base/mem.h"
#include "base/str.h"

/* ".fail" or ".fail.x", but not ".fail_rate": what follows the word up to the end has no "_". */
static bool ends_in_word(const char *key)
{
	static const char *const words[] = { ".error", ".warn", ".fail" };

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		for (const char *at = key; (at = strstr(at, words[i])); at++)
			if (at > key && !strchr(at + strlen(words[i]), '_'))
				return true;
	return false;
}

bool lkp_stat_is_error(const char *key)
{
	static const char *const all[] = { "dmesg.", "kmsg.", "stderr.", "last_state." };
	static const char *const never[] = { ".time.", ".timestamp.",
		".timestamp:", ".bootstage:" };
	const char *rest = strchr(key, '.');

	if (!rest || str_has_prefix(rest, ".message:") || str_has_prefix(rest, ".pattern:"))
		return false;
	for (size_t i = 0; i < sizeof(never) / sizeof(*never); i++)
		if (strstr(key, never[i]))
			return false;
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		if (str_has_prefix(key, all[i]))
			return true;
	if (str_has_prefix(key, "build-pkg.") &&
	        (strstr(key, ":error:") || strstr(key, ":warning:")))
		return true;
	if (str_has_prefix(key, "kmemleak.") && strstr(key, "unreferenced_object."))
		return true;
	return ends_in_word(key) || strstr(rest, "killed_by");
}

enum error_severity lkp_stat_severity(const char *key)
{
	static const char *const crashes[] = { "dmesg.BUG:", "dmesg.Oops", "dmesg.Kernel_panic",
		"dmesg.kernel_BUG", "dmesg.general_protection_fault", ".killed_by" };
	static const char *const warnings[] = { ":warning:", ".warn", "dmesg.WARNING:" };

	for (size_t i = 0; i < sizeof(crashes) / sizeof(*crashes); i++)
		if (strstr(key, crashes[i]))
			return SEVERITY_CRASH;
	for (size_t i = 0; i < sizeof(warnings) / sizeof(*warnings); i++)
		if (strstr(key, warnings[i]))
			return SEVERITY_WARNING;
	return SEVERITY_ERROR;
}

/* --- Where the keys stand: of a text that is known to be JSON --- */

struct scan {
	const char *begin, *end, *at;
	size_t line, line_offset, depth;
};

/* The end of the string that begins at `at`. */
static const char *string_end(const char *at, const char *end)
{
	for (at++; at < end && *at != '"'; at++)
		at += *at == '\\';
	return at < end ? at + 1 : end;
}

static const char *skip(const char *at, const char *end, const char *bytes)
{
	while (at < end && *at && strchr(bytes, *at))
		at++;
	return at;
}

/* The next key of the outermost object: jansson gives them in the order of the text, too. */
static void next_key(struct scan *scan, struct lkp_stat *stat)
{
	while (scan->at < scan->end) {
		const char *at = scan->at++, *colon;

		if (*at == '\n') {
			scan->line++;
			scan->line_offset = (size_t)(scan->at - scan->begin);
		} else if (*at == '{' || *at == '[') {
			scan->depth++;
		} else if (*at == '}' || *at == ']') {
			scan->depth--;
		} else if (*at == '"') {
			scan->at = string_end(at, scan->end);
			colon = skip(scan->at, scan->end, " \t\r\n");
			if (scan->depth != 1 || colon == scan->end || *colon != ':')
				continue;
			stat->line = scan->line;
			stat->line_offset = scan->line_offset;
			stat->offset = (size_t)(at - scan->begin);
			colon = skip(colon + 1, scan->end, " \t\r\n");
			stat->len = (size_t)(skip(colon, scan->end, "0123456789.eE+-") - at);
			return;
		}
	}
}

static int compare_stats(const void *a, const void *b)
{
	return strcmp(((const struct lkp_stat *)a)->key, ((const struct lkp_stat *)b)->key);
}

static void take(
        struct lkp_stats *stats, struct scan *scan, const char *key, const json_t *value)
{
	struct lkp_stat *stat = &stats->v[stats->n];
	size_t len = strlen(key);

	next_key(scan, stat);
	if (!json_is_number(value) || len == 0 || len > LKP_STATS_KEY_MAX) {
		stats->left_out++;
		return;
	}
	stats->n++;
	stat->key = mem_strdup(key);
	stat->value = json_number_value(value);
	stat->is_error = stat->value != 0 && lkp_stat_is_error(key);
	if (stat->value != 0 && strcmp(key, LKP_STATS_INCOMPLETE) == 0)
		stats->is_incomplete = true;
}

int lkp_stats_read(
        struct lkp_stats *ret, const char *where, const char *text, size_t len, struct error *err)
{
	struct lkp_stats stats = { 0 };
	struct scan scan = { text, text + len, text, 1, 0, 0 };
	json_error_t why;
	json_t *object, *value;
	const char *key;
	int rc = 0;

	if (len > LKP_STATS_TEXT_MAX)
		return error_set(err, ERR_LIMIT, "%s: %zu bytes found, at most %u are allowed",
		        where, len, LKP_STATS_TEXT_MAX);
	object = json_loadb(text, len, JSON_REJECT_DUPLICATES, &why);
	if (!object)
		return error_set(err, ERR_INVALID, "%s:%d:%d: found no JSON: %s", where, why.line,
		        why.column, why.text);
	if (!json_is_object(object))
		rc = error_set(err, ERR_INVALID,
		        "%s:1:1: found no object, allowed: {\"<program>.<key>\": number, ...}",
		        where);
	else if (json_object_size(object) > LKP_STATS_MAX)
		rc = error_set(err, ERR_LIMIT, "%s: %zu keys found, at most %d are allowed", where,
		        json_object_size(object), LKP_STATS_MAX);
	if (rc == 0) {
		stats.v = mem_array(json_object_size(object) + 1, sizeof(*stats.v));
		json_object_foreach(object, key, value) take(&stats, &scan, key, value);
		if (stats.n)
			qsort(stats.v, stats.n, sizeof(*stats.v), compare_stats);
		*ret = stats;
	}
	json_decref(object);
	return rc;
}

void lkp_stats_release(struct lkp_stats *stats)
{
	for (size_t i = 0; i < stats->n; i++)
		free(stats->v[i].key);
	free(stats->v);
	*stats = (struct lkp_stats){ 0 };
}
