/* What was spent on a kind of run before, and what it left behind. */
#include <stdlib.h>

#include "store/warehouse.h"
#include "store/warehouse_internal.h"

#define NEWEST "200"		/* so many runs make a median: machines and tests change */

/* The statement gives durations in ascending order. */
static int median(int64_t *ret, struct warehouse *warehouse, const char *sql, const char *identity, struct error *err)
{
	sqlite3_stmt *query;
	int64_t middle = -1;
	int rc = query_start(&query, warehouse, err, sql, "s", identity);

	if (rc < 0)
		return rc;
	while ((rc = query_step(query, warehouse, err)) > 0)
		/* the last row i of n, counted from 0, with 2 i < n */
		if (2 * sqlite3_column_int64(query, 1) < sqlite3_column_int64(query, 2))
			middle = sqlite3_column_int64(query, 0);
	sqlite3_finalize(query);
	if (rc == 0)
		*ret = middle;
	return rc;
}

int warehouse_durations(struct warehouse *warehouse, const char *identity, int64_t *ret_build_ms, int64_t *ret_test_ms, struct error *err)
{
	int64_t build = -1;
	int rc = median(&build, warehouse,
		"SELECT took, row_number() OVER (ORDER BY took) - 1, count(*) OVER () FROM"
		" (SELECT finished_ms - started_ms AS took FROM builds WHERE outcome = 'pass' AND artifact IN"
		"  (SELECT artifact FROM results WHERE identity = ? ORDER BY finished_ms DESC LIMIT " NEWEST ")"
		"  ORDER BY finished_ms DESC LIMIT " NEWEST ") ORDER BY took",
		identity, err);

	if (rc == 0)
		rc = median(ret_test_ms, warehouse,
			"SELECT took, row_number() OVER (ORDER BY took) - 1, count(*) OVER () FROM"
			" (SELECT finished_ms - started_ms AS took FROM results WHERE identity = ? AND outcome IN ('pass', 'fail')"
			"  ORDER BY finished_ms DESC LIMIT " NEWEST ") ORDER BY took",
			identity, err);
	if (rc == 0)
		*ret_build_ms = build;
	return rc;
}

int warehouse_built(struct warehouse *warehouse, bool (*each)(const struct build_row *row, void *arg), void *arg, struct error *err)
{
	sqlite3_stmt *query;
	bool more = true;
	int rc = query_start(&query, warehouse, err,
		"SELECT build_key, commit_id, artifact FROM builds WHERE outcome = 'pass' AND commit_id NOT NULL AND artifact NOT NULL", "");

	if (rc < 0)
		return rc;
	while (more && (rc = query_step(query, warehouse, err)) > 0) {
		struct build_row row = {
			.build_key = (char *)sqlite3_column_text(query, 0),
			.commit = (char *)sqlite3_column_text(query, 1),
			.artifact = (char *)sqlite3_column_text(query, 2),
		};

		more = each(&row, arg);
	}
	sqlite3_finalize(query);
	return rc < 0 ? rc : 0;
}
