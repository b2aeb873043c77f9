#include "job/stats_log.h"

#include "base/mem.h"
#include "job/errorid.h"
#include "job/lkp_stats.h"
#include "job/normalise.h"

#define WHERE "stats.json"

void stats_log_init(struct stats_log *stats)
{
	*stats = (struct stats_log){ 0 };
	str_init(&stats->text);
}

void stats_log_release(struct stats_log *stats)
{
	str_release(&stats->text);
}

bool stats_log_is_mark(const char *line, size_t len)
{
	return len == strlen(LKP_STATS_LOG_MARK) && memcmp(line, LKP_STATS_LOG_MARK, len) == 0;
}

void stats_log_begin(struct stats_log *stats, uint64_t line, uint64_t offset)
{
	str_clear(&stats->text);
	stats->open = true;
	stats->line = line;
	stats->offset = offset;
}

void stats_log_feed(struct stats_log *stats, const char *bytes, size_t len)
{
	/* One byte too many tells that there was more. */
	size_t room = LKP_STATS_TEXT_MAX + 1 - stats->text.len;

	if (stats->open)
		str_add_bytes(&stats->text, bytes, len < room ? len : room);
}

void stats_log_id(struct str *ret, const char *key)
{
	char *plain = errorid_plain_source(key);

	str_clear(ret);
	for (const char *p = plain; *p; p++) {
		if (*p == ' ' || *p == '\t')
			str_add_char(ret, '_');
		else
			str_add_char(ret, (unsigned char)*p < ' ' || *p == 0x7f || strchr("\"\\$", *p)
			                          ? '~'
			                          : *p);
	}
	cut_id(ret);
	free(plain);
}

/* The names that errors of the log have besides their ids, sorted. */
static void collect_aliases(struct strv *ret, const struct notes *notes)
{
	for (size_t i = 0; i < notes->n; i++)
		for (size_t j = 0; j < notes->found[i].aliases.n; j++)
			strv_push(ret, notes->found[i].aliases.v[j]);
	strv_sort_unique(ret);
}

static int compare_names(const void *key, const void *element)
{
	return strcmp(key, *(char *const *)element);
}

static bool is_among(const struct strv *sorted, const char *name)
{
	return sorted->n && bsearch(name, sorted->v, sorted->n, sizeof(*sorted->v), compare_names);
}

static void note_stat(struct notes *notes, const struct stats_log *log, const struct lkp_stat *stat,
        const char *id)
{
	struct place place = { log->text.buf + stat->offset, stat->len, log->line + stat->line - 1,
		log->offset + stat->line_offset };
	struct strv aliases = STRV_INIT;

	strv_push(&aliases, stat->key);
	notes_add(notes, &(struct note){
	                         .id = id,
	                         .weight = WEIGHT_ORDINARY,
	                         .severity = lkp_stat_severity(stat->key),
	                         .aliases = &aliases,
	                         .place = &place,
	                         .finding = -1,
	                 });
	strv_release(&aliases);
}

static void take_stats(const struct stats_log *log, const struct lkp_stats *stats,
        struct notes *notes, struct metrics *metrics)
{
	struct strv aliases = STRV_INIT;
	struct str id = STR_INIT;
	bool room = true;

	collect_aliases(&aliases, notes);
	for (size_t i = 0; i < stats->n; i++) {
		const struct lkp_stat *stat = &stats->v[i];

		if (!stat->is_error && (!room || lkp_stat_is_error(stat->key)))
			continue;
		stats_log_id(&id, stat->key);
		if (!stat->is_error)
			room = metrics_set(metrics, id.buf, stat->value);
		else if (!notes_count(notes, id.buf) && !is_among(&aliases, stat->key))
			note_stat(notes, log, stat, id.buf);
	}
	strv_release(&aliases);
	str_release(&id);
}

void stats_log_end(struct stats_log *log, struct notes *notes, struct metrics *metrics)
{
	struct lkp_stats stats = { 0 };

	if (!log->open) {
		error_set(&log->problem, ERR_NOT_FOUND, WHERE ": there is none");
		return;
	}
	if (lkp_stats_read(&stats, WHERE, log->text.buf, log->text.len, &log->problem) < 0)
		return;
	take_stats(log, &stats, notes, metrics);
	log->whole = !stats.is_incomplete;
	if (stats.is_incomplete)
		error_set(&log->problem, ERR_INVALID,
		        WHERE ": it says that the run did not come to its end");
	lkp_stats_release(&stats);
}
