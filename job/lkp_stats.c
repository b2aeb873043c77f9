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

static int compare_stats(const void *a, const void *b)
{
	return strcmp(((const struct lkp_stat *)a)->key, ((const struct lkp_stat *)b)->key);
}

static void take(struct lkp_stats *stats, const char *key, const json_t *value)
{
	size_t len = strlen(key);
	struct lkp_stat *stat;

	if (!json_is_number(value) || len == 0 || len > LKP_STATS_KEY_MAX) {
		stats->left_out++;
		return;
	}
	stat = &stats->v[stats->n++];
	stat->key = mem_strdup(key);
	stat->value = json_number_value(value);
	stat->is_error = stat->value != 0 && lkp_stat_is_error(key);
	if (stat->value != 0 && strcmp(key, "last_state.is_incomplete_run") == 0)
		stats->is_incomplete = true;
}

int lkp_stats_read(
        struct lkp_stats *ret, const char *where, const char *text, size_t len, struct error *err)
{
	struct lkp_stats stats = { 0 };
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
		stats.v = mem_array(json_object_size(object), sizeof(*stats.v));
		json_object_foreach(object, key, value) take(&stats, key, value);
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

const char *lkp_stats_in_log(const char *log, size_t len, size_t *ret_len)
{
	static const char mark[] = LKP_STATS_LOG_MARK "\n";
	const char *end = log + len, *found = NULL;

	for (const char *at = log; (at = memmem(at, (size_t)(end - at), mark, sizeof(mark) - 1));
	        at++)
		if (at == log || at[-1] == '\n')
			found = at + sizeof(mark) - 1;
	if (found)
		*ret_len = (size_t)(end - found);
	return found;
}
