#include <stdlib.h>

#include "store/warehouse.h"
#include "store/warehouse_internal.h"

/* --- bisections --- */

#define BISECTION_COLUMNS "id, dedupe_key, error_id, job_id, identity, good, bad, state, phase, message, submitter," \
	" created_ms, updated_ms, finished_ms, options, verdict, range, learnt"
#define SELECT_BISECTIONS "SELECT " BISECTION_COLUMNS " FROM bisections"

int warehouse_bisection_put(struct warehouse *warehouse, const struct bisection_row *row, struct error *err)
{
	return query_run(warehouse, err,
		"INSERT INTO bisections (" BISECTION_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
		" ON CONFLICT (id) DO UPDATE SET dedupe_key = excluded.dedupe_key, error_id = excluded.error_id, job_id = excluded.job_id,"
		" identity = excluded.identity, good = excluded.good, bad = excluded.bad, state = excluded.state, phase = excluded.phase,"
		" message = excluded.message, submitter = excluded.submitter, created_ms = excluded.created_ms,"
		" updated_ms = excluded.updated_ms, finished_ms = excluded.finished_ms, options = excluded.options,"
		" verdict = excluded.verdict, range = excluded.range, learnt = excluded.learnt",
		"sssssssssssiiijjjj", row->id, row->dedupe_key, row->error_id, row->job_id, row->identity, row->good, row->bad, row->state,
		row->phase, row->message, row->submitter, row->created_ms, row->updated_ms, row->finished_ms, row->options, row->verdict,
		row->range, row->learnt);
}

static int bisection_of(struct bisection_row *ret, sqlite3_stmt *query, struct error *err)
{
	struct bisection_row row = {
		.id = column_text(query, 0),
		.dedupe_key = column_text(query, 1),
		.error_id = column_text(query, 2),
		.job_id = column_text(query, 3),
		.identity = column_text(query, 4),
		.good = column_text(query, 5),
		.bad = column_text(query, 6),
		.state = column_text(query, 7),
		.phase = column_text(query, 8),
		.message = column_text(query, 9),
		.submitter = column_text(query, 10),
		.created_ms = sqlite3_column_int64(query, 11),
		.updated_ms = sqlite3_column_int64(query, 12),
		.finished_ms = sqlite3_column_int64(query, 13),
	};
	int rc = column_json(&row.options, query, 14, err);

	if (rc == 0)
		rc = column_json(&row.verdict, query, 15, err);
	if (rc == 0)
		rc = column_json(&row.range, query, 16, err);
	if (rc == 0)
		rc = column_json(&row.learnt, query, 17, err);
	if (rc < 0)
		bisection_row_release(&row);
	else
		*ret = row;
	return rc;
}

static int one_bisection(struct warehouse *warehouse, const char *sql, const char *key, struct bisection_row *ret, struct error *err)
{
	sqlite3_stmt *query;
	int rc = query_start(&query, warehouse, err, sql, "s", key);

	if (rc < 0)
		return rc;
	rc = query_step(query, warehouse, err);
	if (rc > 0)
		rc = bisection_of(ret, query, err);
	else if (rc == 0)
		rc = error_set(err, ERR_NOT_FOUND, "no bisection %s", key);
	sqlite3_finalize(query);
	return rc;
}

int warehouse_bisection_get(struct warehouse *warehouse, const char *id, struct bisection_row *ret, struct error *err)
{
	return one_bisection(warehouse, SELECT_BISECTIONS " WHERE id = ?", id, ret, err);
}

int warehouse_bisection_find(struct warehouse *warehouse, const char *dedupe_key, struct bisection_row *ret, struct error *err)
{
	return one_bisection(warehouse, SELECT_BISECTIONS " WHERE dedupe_key = ? AND state NOT IN ('cancelled', 'failed')"
		" ORDER BY created_ms DESC, rowid DESC LIMIT 1", dedupe_key, ret, err);
}

void bisection_row_release(struct bisection_row *row)
{
	free(row->id);
	free(row->dedupe_key);
	free(row->error_id);
	free(row->job_id);
	free(row->identity);
	free(row->good);
	free(row->bad);
	free(row->state);
	free(row->phase);
	free(row->message);
	free(row->submitter);
	json_decref(row->options);
	json_decref(row->verdict);
	json_decref(row->range);
	json_decref(row->learnt);
	*row = (struct bisection_row){ 0 };
}

/* Ends the query. */
static int each_bisection(sqlite3_stmt *query, struct warehouse *warehouse, bool (*each)(const struct bisection_row *row, void *arg),
	void *arg, struct error *err)
{
	bool more = true;
	int rc = 0;

	while (more && (rc = query_step(query, warehouse, err)) > 0) {
		struct error why = ERROR_INIT;
		struct bisection_row row;

		if (bisection_of(&row, query, &why) < 0) {
			row_is_damaged(warehouse, "bisection", query, &why);
			continue;
		}
		more = each(&row, arg);
		bisection_row_release(&row);
	}
	sqlite3_finalize(query);
	return rc < 0 ? rc : 0;
}

int warehouse_bisections(struct warehouse *warehouse, bool open_only, unsigned limit,
	bool (*each)(const struct bisection_row *row, void *arg), void *arg, struct error *err)
{
	/* The condition is spelled as in the partial index, or SQLite would not use that. */
	const char *sql = open_only
		? SELECT_BISECTIONS " WHERE state IN ('waiting', 'running') ORDER BY created_ms DESC, rowid DESC LIMIT ?"
		: SELECT_BISECTIONS " ORDER BY created_ms DESC, rowid DESC LIMIT ?";
	sqlite3_stmt *query;
	int rc = query_start(&query, warehouse, err, sql, "i", limit ? (int64_t)limit : (int64_t)-1);

	return rc < 0 ? rc : each_bisection(query, warehouse, each, arg, err);
}

int warehouse_open_bisections(struct warehouse *warehouse, struct strv *ret_ids, struct error *err)
{
	sqlite3_stmt *query;
	int rc = query_start(&query, warehouse, err,
		"SELECT id FROM bisections WHERE state IN ('waiting', 'running') ORDER BY created_ms DESC, rowid DESC", "");

	if (rc < 0)
		return rc;
	while ((rc = query_step(query, warehouse, err)) > 0)
		strv_push(ret_ids, (const char *)sqlite3_column_text(query, 0));
	sqlite3_finalize(query);
	return rc;
}

#define JSON_OR_NULL(column) column " = CASE WHEN json_valid(" column ") THEN " column " END"

int warehouse_bisection_give_up(struct warehouse *warehouse, const char *id, const char *message, int64_t now_ms, struct error *err)
{
	return query_run(warehouse, err,
		"UPDATE bisections SET state = 'failed', phase = 'done', message = ?, finished_ms = ?, updated_ms = ?, "
		JSON_OR_NULL("options") ", " JSON_OR_NULL("verdict") ", " JSON_OR_NULL("range") ", " JSON_OR_NULL("learnt")
		" WHERE id = ?", "siis", message, now_ms, now_ms, id);
}

int warehouse_bisections_of_error(struct warehouse *warehouse, const char *error_id, const char *identity, unsigned limit,
	bool (*each)(const struct bisection_row *row, void *arg), void *arg, struct error *err)
{
	sqlite3_stmt *query;
	int rc = query_start(&query, warehouse, err,
		SELECT_BISECTIONS " WHERE error_id = ? AND identity = ? AND state = 'done' ORDER BY finished_ms DESC, rowid DESC LIMIT ?",
		"ssi", error_id, identity, limit ? (int64_t)limit : (int64_t)-1);

	return rc < 0 ? rc : each_bisection(query, warehouse, each, arg, err);
}

/* --- probes --- */

#define PROBE_COLUMNS "bisection, seq, commit_id, purpose, repeat, build_unit, test_unit, observation, note, asked_ms, seen_ms"

int warehouse_probe_put(struct warehouse *warehouse, const struct probe_row *row, struct error *err)
{
	return query_run(warehouse, err,
		"INSERT INTO probes (" PROBE_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
		" ON CONFLICT (bisection, seq) DO UPDATE SET commit_id = excluded.commit_id, purpose = excluded.purpose,"
		" repeat = excluded.repeat, build_unit = excluded.build_unit, test_unit = excluded.test_unit,"
		" observation = excluded.observation, note = excluded.note, asked_ms = excluded.asked_ms, seen_ms = excluded.seen_ms",
		"sississssii", row->bisection, (int64_t)row->seq, row->commit, row->purpose, (int64_t)row->repeat, row->build_unit,
		row->test_unit, row->observation, row->note, row->asked_ms, row->seen_ms);
}

int warehouse_probes(struct warehouse *warehouse, const char *bisection, bool (*each)(const struct probe_row *row, void *arg), void *arg,
	struct error *err)
{
	sqlite3_stmt *query;
	bool more = true;
	int rc = query_start(&query, warehouse, err, "SELECT " PROBE_COLUMNS " FROM probes WHERE bisection = ? ORDER BY seq", "s", bisection);

	if (rc < 0)
		return rc;
	while (more && (rc = query_step(query, warehouse, err)) > 0) {
		struct probe_row row = {
			.bisection = column_text(query, 0),
			.seq = (unsigned)sqlite3_column_int64(query, 1),
			.commit = column_text(query, 2),
			.purpose = column_text(query, 3),
			.repeat = (unsigned)sqlite3_column_int64(query, 4),
			.build_unit = column_text(query, 5),
			.test_unit = column_text(query, 6),
			.observation = column_text(query, 7),
			.note = column_text(query, 8),
			.asked_ms = sqlite3_column_int64(query, 9),
			.seen_ms = sqlite3_column_int64(query, 10),
		};

		more = each(&row, arg);
		probe_row_release(&row);
	}
	sqlite3_finalize(query);
	return rc < 0 ? rc : 0;
}

void probe_row_release(struct probe_row *row)
{
	free(row->bisection);
	free(row->commit);
	free(row->purpose);
	free(row->build_unit);
	free(row->test_unit);
	free(row->observation);
	free(row->note);
	*row = (struct probe_row){ 0 };
}
