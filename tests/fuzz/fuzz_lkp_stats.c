/*
 * Any bytes as lkp's stats.json: keys stand where they are said to stand, and in a log the errors and metrics do not depend on how
 * the bytes were cut.  The first byte chooses whether a log goes before it, the second the size of the pieces.
 */
#include <stdint.h>
#include <stdlib.h>

#include <jansson.h>

#include "job/errorid.h"
#include "job/lkp_stats.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void require(int ok)
{
	if (!ok)
		abort();
}

static struct extractor *extract(const char *text, size_t len, size_t piece, bool from_start)
{
	struct extractor *x = NULL;

	require(extractor_new(&x, SOURCE_TEST, "demo", NULL, NULL) == 0);
	extractor_expect_lkp_stats(x, from_start);
	for (size_t at = 0; at < len; at += piece)
		extractor_feed(x, text + at, len - at < piece ? len - at : piece);
	extractor_end(x, 0, 0, false);
	return x;
}

static void check_id(const char *id)
{
	require(*id && strlen(id) <= ERRORID_ID_MAX);
	for (; *id; id++)
		require((unsigned char)*id > ' ' && *id != 0x7f && !strchr("\"\\$", *id));
}

static void check_log(const char *text, size_t len, size_t piece, bool from_start)
{
	struct extractor *whole = extract(text, len, len, from_start);
	struct extractor *pieces = extract(text, len, piece, from_start);
	const struct found_error *found, *again;
	const struct found_metric *metrics, *others;
	size_t n = extractor_results(whole, &found);

	require(n == extractor_results(pieces, &again));
	for (size_t i = 0; i < n; i++) {
		check_id(found[i].id);
		require(!strcmp(found[i].id, again[i].id) && !strcmp(found[i].line, again[i].line));
		require(found[i].line_number == again[i].line_number && found[i].offset <= len);
		require(found[i].line_number <= extractor_lines(whole));
	}
	n = extractor_metrics(whole, &metrics);
	require(n == extractor_metrics(pieces, &others) && n <= METRICS_MAX);
	for (size_t i = 0; i < n; i++)
		require(!strcmp(metrics[i].name, others[i].name));
	require(extractor_ran_to_its_end(whole) == extractor_ran_to_its_end(pieces));
	require(extractor_ran_to_its_end(whole) || extractor_lkp_stats_problem(whole) ||
		extractor_dropped(whole) || extractor_gave_up(whole) || !from_start);
	extractor_free(whole);
	extractor_free(pieces);
}

/* `"key": number` of the text, read alone, is that key and that number. */
static void check_place(const char *text, size_t len, const struct lkp_stat *stat)
{
	struct str object = STR_INIT;
	json_t *read;

	require(stat->offset < len && stat->len <= len - stat->offset);
	require(stat->line_offset <= stat->offset);
	str_add(&object, "{");
	str_add_bytes(&object, text + stat->offset, stat->len);
	str_add(&object, "}");
	read = json_loadb(object.buf, object.len, 0, NULL);
	require(json_is_number(json_object_get(read, stat->key)));
	require(json_number_value(json_object_get(read, stat->key)) == stat->value);
	json_decref(read);
	str_release(&object);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct lkp_stats stats = { 0 };
	const char *text = (const char *)bytes + 2;

	if (len < 3)
		return 0;
	len -= 2;
	if (lkp_stats_read(&stats, "stats.json", text, len, NULL) == 0)
		for (size_t i = 0; i < stats.n; i++)
			check_place(text, len, &stats.v[i]);
	lkp_stats_release(&stats);
	check_log(text, len, bytes[1] % 64 + 1, bytes[0] & 1);
	return 0;
}
