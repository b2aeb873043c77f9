#include <stdlib.h>

#include "store/warehouse.h"
#include "store/warehouse_internal.h"

#define BOX_COLUMNS "name, kind, seen_ms, finished, failures, in_a_row, reason, failed_unit, failed_ms, finished_ms, charged_ms," \
	" quarantines, quarantined_until_ms, charges"

int warehouse_box_put(struct warehouse *warehouse, const struct box_row *row, struct error *err)
{
	return query_run(warehouse, err,
		"INSERT OR REPLACE INTO boxes (" BOX_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		"ssiiiissiiiiij", row->name, row->kind, row->seen_ms, row->finished, row->failures, (int64_t)row->in_a_row, row->reason,
		row->failed_unit, row->failed_ms, row->finished_ms, row->charged_ms, (int64_t)row->quarantines,
		row->quarantined_until_ms, row->charges);
}

static int box_of(struct box_row *ret, sqlite3_stmt *query, struct error *err)
{
	struct box_row row = {
		.name = column_text(query, 0),
		.kind = column_text(query, 1),
		.seen_ms = sqlite3_column_int64(query, 2),
		.finished = sqlite3_column_int64(query, 3),
		.failures = sqlite3_column_int64(query, 4),
		.in_a_row = (unsigned)sqlite3_column_int64(query, 5),
		.reason = column_text(query, 6),
		.failed_unit = column_text(query, 7),
		.failed_ms = sqlite3_column_int64(query, 8),
		.finished_ms = sqlite3_column_int64(query, 9),
		.charged_ms = sqlite3_column_int64(query, 10),
		.quarantines = (unsigned)sqlite3_column_int64(query, 11),
		.quarantined_until_ms = sqlite3_column_int64(query, 12),
	};
	int rc = column_json(&row.charges, query, 13, err);

	if (rc < 0)
		box_row_release(&row);
	else
		*ret = row;
	return rc;
}

int warehouse_boxes(struct warehouse *warehouse, bool (*each)(const struct box_row *row, void *arg), void *arg, struct error *err)
{
	sqlite3_stmt *query;
	bool more = true;
	int rc = query_start(&query, warehouse, err, "SELECT " BOX_COLUMNS " FROM boxes ORDER BY name", "");

	if (rc < 0)
		return rc;
	while (more && (rc = query_step(query, warehouse, err)) > 0) {
		struct error why = ERROR_INIT;
		struct box_row row;

		if (box_of(&row, query, &why) < 0) {
			row_is_damaged(warehouse, "box", query, &why);
			continue;
		}
		more = each(&row, arg);
		box_row_release(&row);
	}
	sqlite3_finalize(query);
	return rc < 0 ? rc : 0;
}

int warehouse_box_remove(struct warehouse *warehouse, const char *name, struct error *err)
{
	return query_run(warehouse, err, "DELETE FROM boxes WHERE name = ?", "s", name);
}

void box_row_release(struct box_row *row)
{
	free(row->name);
	free(row->kind);
	free(row->reason);
	free(row->failed_unit);
	json_decref(row->charges);
	*row = (struct box_row){ 0 };
}
