#include <stdarg.h>
#include <stdlib.h>

#include "job/errorid.h"
#include "store/warehouse.h"
#include "store/warehouse_internal.h"

#define RESULT_COLUMNS "unit, test_key, identity, repeat, commit_id, tree, outcome, complete, exit_status, log, artifact, agent, box," \
	" message, started_ms, finished_ms, errors, usage, metrics, passed"
#define ROWID_COLUMN 20		/* behind those */
#define SELECT_RESULTS "SELECT " RESULT_COLUMNS " FROM results"

static int put_name(struct warehouse *warehouse, const struct result_row *row, const char *id, struct error *err)
{
	return query_run(warehouse, err, "INSERT OR IGNORE INTO result_errors (error_id, finished_ms, unit) VALUES (?, ?, ?)", "sis", id,
		row->finished_ms, row->unit);
}

/* The error ids once more, as rows, by each of their names: for asking who else saw one. */
static int put_errors(struct warehouse *warehouse, const struct result_row *row, struct error *err)
{
	const json_t *item, *alias;
	size_t i, j;
	int rc = 0;

	if (row->errors && !json_is_array(row->errors))
		return error_set(err, ERR_INVALID, "the errors of a result are a list");
	json_array_foreach(row->errors, i, item) {
		const char *id = json_string_value(json_object_get(item, "id"));

		if (!id)
			return error_set(err, ERR_INVALID, "error %zu of a result has no id", i);
		rc = put_name(warehouse, row, id, err);
		json_array_foreach(json_object_get(item, "aliases"), j, alias)
			if (rc == 0 && json_is_string(alias))
				rc = put_name(warehouse, row, json_string_value(alias), err);
		if (rc < 0)
			break;
	}
	return rc;
}

int warehouse_result_put(struct warehouse *warehouse, const struct result_row *row, bool *ret_new, struct error *err)
{
	bool is_new = false;
	int rc = transaction_begin(warehouse, err);

	if (rc < 0)
		return rc;
	rc = query_run(warehouse, err,
		"INSERT INTO results (" RESULT_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
		" ON CONFLICT (unit) DO NOTHING",
		"sssisssiisssssiijjjs", row->unit, row->test_key, row->identity, (int64_t)row->repeat, row->commit, row->tree, row->outcome,
		(int64_t)row->complete, (int64_t)row->exit_status, row->log, row->artifact, row->agent, row->box, row->message,
		row->started_ms, row->finished_ms, row->errors, row->usage, row->metrics, row->passed);
	if (rc == 0) {
		is_new = sqlite3_changes(warehouse->db) > 0;
		if (is_new)
			rc = put_errors(warehouse, row, err);
	}
	rc = transaction_end(warehouse, rc, err);
	if (rc == 0 && ret_new)
		*ret_new = is_new;
	return rc;
}

static int result_of(struct result_row *ret, sqlite3_stmt *query, struct error *err)
{
	struct result_row row = {
		.unit = column_text(query, 0),
		.test_key = column_text(query, 1),
		.identity = column_text(query, 2),
		.repeat = (unsigned)sqlite3_column_int64(query, 3),
		.commit = column_text(query, 4),
		.tree = column_text(query, 5),
		.outcome = column_text(query, 6),
		.complete = sqlite3_column_int(query, 7) != 0,
		.exit_status = sqlite3_column_int(query, 8),
		.log = column_text(query, 9),
		.artifact = column_text(query, 10),
		.agent = column_text(query, 11),
		.box = column_text(query, 12),
		.message = column_text(query, 13),
		.started_ms = sqlite3_column_int64(query, 14),
		.finished_ms = sqlite3_column_int64(query, 15),
		.passed = column_text(query, 19),
	};
	int rc = column_json(&row.errors, query, 16, err);

	if (rc == 0)
		rc = column_json(&row.usage, query, 17, err);
	if (rc == 0)
		rc = column_json(&row.metrics, query, 18, err);
	if (rc < 0)
		result_row_release(&row);
	else
		*ret = row;
	return rc;
}

int warehouse_result_get(struct warehouse *warehouse, const char *unit, struct result_row *ret, struct error *err)
{
	sqlite3_stmt *query;
	int rc = query_start(&query, warehouse, err, SELECT_RESULTS " WHERE unit = ?", "s", unit);

	if (rc < 0)
		return rc;
	rc = query_step(query, warehouse, err);
	if (rc > 0)
		rc = result_of(ret, query, err);
	else if (rc == 0)
		rc = error_set(err, ERR_NOT_FOUND, "no result of unit %s", unit);
	sqlite3_finalize(query);
	return rc;
}

void result_row_release(struct result_row *row)
{
	free(row->unit);
	free(row->test_key);
	free(row->identity);
	free(row->commit);
	free(row->tree);
	free(row->outcome);
	free(row->log);
	free(row->artifact);
	free(row->agent);
	free(row->box);
	free(row->message);
	free(row->passed);
	json_decref(row->errors);
	json_decref(row->usage);
	json_decref(row->metrics);
	*row = (struct result_row){ 0 };
}

/* Ends the query. */
static int each_result(sqlite3_stmt *query, struct warehouse *warehouse, bool (*each)(const struct result_row *row, void *arg), void *arg,
	struct error *err)
{
	bool more = true;
	int rc = 0;

	while (more && (rc = query_step(query, warehouse, err)) > 0) {
		struct error why = ERROR_INIT;
		struct result_row row;

		if (result_of(&row, query, &why) < 0) {
			row_is_damaged(warehouse, "result", query, &why);
			continue;
		}
		more = each(&row, arg);
		result_row_release(&row);
	}
	sqlite3_finalize(query);
	return rc < 0 ? rc : 0;
}

int warehouse_results_of_key(struct warehouse *warehouse, const char *test_key, bool (*each)(const struct result_row *row, void *arg),
	void *arg, struct error *err)
{
	sqlite3_stmt *query;
	int rc = query_start(&query, warehouse, err, SELECT_RESULTS " WHERE test_key = ? ORDER BY repeat, rowid", "s", test_key);

	return rc < 0 ? rc : each_result(query, warehouse, each, arg, err);
}

int warehouse_results_since(struct warehouse *warehouse, const char *identity, int64_t *after,
	bool (*each)(const struct result_row *row, void *arg), void *arg, struct error *err)
{
	sqlite3_stmt *query;
	bool more = true;
	int rc = query_start(&query, warehouse, err,
		"SELECT " RESULT_COLUMNS ", rowid FROM results WHERE identity = ? AND rowid > ? ORDER BY rowid", "si", identity, *after);

	if (rc < 0)
		return rc;
	while (more && (rc = query_step(query, warehouse, err)) > 0) {
		struct error why = ERROR_INIT;
		struct result_row row;

		if (result_of(&row, query, &why) < 0) {
			row_is_damaged(warehouse, "result", query, &why);
			*after = sqlite3_column_int64(query, ROWID_COLUMN);
			continue;
		}
		more = each(&row, arg);
		if (more)
			*after = sqlite3_column_int64(query, ROWID_COLUMN);
		result_row_release(&row);
	}
	sqlite3_finalize(query);
	return rc < 0 ? rc : 0;
}

int warehouse_results_newest(struct warehouse *warehouse, const char *identity, unsigned limit,
	bool (*each)(const struct result_row *row, void *arg), void *arg, struct error *err)
{
	sqlite3_stmt *query;
	int rc = query_start(&query, warehouse, err,
		SELECT_RESULTS " WHERE identity = ? ORDER BY finished_ms DESC, rowid DESC LIMIT ?", "si", identity,
		limit ? (int64_t)limit : (int64_t)-1);

	return rc < 0 ? rc : each_result(query, warehouse, each, arg, err);
}

int warehouse_results_with_error(struct warehouse *warehouse, const char *error_id, unsigned limit,
	bool (*each)(const struct result_row *row, void *arg), void *arg, struct error *err)
{
	char *plain = errorid_plain_source(error_id);
	sqlite3_stmt *query;
	int rc = query_start(&query, warehouse, err,
		SELECT_RESULTS " WHERE unit IN (SELECT unit FROM result_errors WHERE error_id IN (?, ?) GROUP BY unit"
		" ORDER BY max(finished_ms) DESC, unit DESC LIMIT ?) ORDER BY finished_ms DESC, unit DESC",
		"ssi", error_id, plain, limit ? (int64_t)limit : (int64_t)-1);

	if (rc == 0)
		rc = each_result(query, warehouse, each, arg, err);
	free(plain);
	return rc;
}
