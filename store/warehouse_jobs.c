#include <stdlib.h>

#include "store/warehouse.h"
#include "store/warehouse_internal.h"

/* --- jobs --- */

#define JOB_COLUMNS "id, intent, identity, commit_id, tree, state, message, build_unit, test_unit, submitter, created_ms, updated_ms, resolved"

int warehouse_job_put(struct warehouse *warehouse, const struct job_row *row, struct error *err)
{
	return query_run(warehouse, err,
		"INSERT INTO jobs (" JOB_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
		" ON CONFLICT (id) DO UPDATE SET intent = excluded.intent, identity = excluded.identity, commit_id = excluded.commit_id,"
		" tree = excluded.tree, state = excluded.state, message = excluded.message, build_unit = excluded.build_unit,"
		" test_unit = excluded.test_unit, submitter = excluded.submitter, created_ms = excluded.created_ms,"
		" updated_ms = excluded.updated_ms, resolved = excluded.resolved",
		"ssssssssssiis", row->id, row->intent, row->identity, row->commit, row->tree, row->state, row->message, row->build_unit,
		row->test_unit, row->submitter, row->created_ms, row->updated_ms, row->resolved);
}

int warehouse_jobs_put(struct warehouse *warehouse, const struct job_row *const *rows, size_t n, struct error *err)
{
	int rc = transaction_begin(warehouse, err);

	if (rc < 0)
		return rc;
	for (size_t i = 0; i < n && rc == 0; i++)
		rc = warehouse_job_put(warehouse, rows[i], err);
	return transaction_end(warehouse, rc, err);
}

static void job_of(struct job_row *row, sqlite3_stmt *query)
{
	*row = (struct job_row){
		.id = column_text(query, 0),
		.intent = column_text(query, 1),
		.identity = column_text(query, 2),
		.commit = column_text(query, 3),
		.tree = column_text(query, 4),
		.state = column_text(query, 5),
		.message = column_text(query, 6),
		.build_unit = column_text(query, 7),
		.test_unit = column_text(query, 8),
		.submitter = column_text(query, 9),
		.created_ms = sqlite3_column_int64(query, 10),
		.updated_ms = sqlite3_column_int64(query, 11),
		.resolved = column_text(query, 12),
	};
}

int warehouse_job_get(struct warehouse *warehouse, const char *id, struct job_row *ret, struct error *err)
{
	sqlite3_stmt *query;
	int rc = query_start(&query, warehouse, err, "SELECT " JOB_COLUMNS " FROM jobs WHERE id = ?", "s", id);

	if (rc < 0)
		return rc;
	rc = query_step(query, warehouse, err);
	if (rc > 0) {
		job_of(ret, query);
		rc = 0;
	} else if (rc == 0) {
		rc = error_set(err, ERR_NOT_FOUND, "no job %s", id);
	}
	sqlite3_finalize(query);
	return rc;
}

void job_row_release(struct job_row *row)
{
	free(row->id);
	free(row->intent);
	free(row->resolved);
	free(row->identity);
	free(row->commit);
	free(row->tree);
	free(row->state);
	free(row->message);
	free(row->build_unit);
	free(row->test_unit);
	free(row->submitter);
	*row = (struct job_row){ 0 };
}

int warehouse_jobs(struct warehouse *warehouse, bool open_only, unsigned limit, bool (*each)(const struct job_row *row, void *arg),
	void *arg, struct error *err)
{
	/* The condition is spelled as in the partial index, or SQLite would not use that. */
	const char *sql = open_only
		? "SELECT " JOB_COLUMNS " FROM jobs WHERE state IN ('waiting', 'building', 'testing')"
		  " ORDER BY created_ms DESC, rowid DESC LIMIT ?"
		: "SELECT " JOB_COLUMNS " FROM jobs ORDER BY created_ms DESC, rowid DESC LIMIT ?";
	sqlite3_stmt *query;
	bool more = true;
	int rc = query_start(&query, warehouse, err, sql, "i", limit ? (int64_t)limit : (int64_t)-1);

	if (rc < 0)
		return rc;
	while (more && (rc = query_step(query, warehouse, err)) > 0) {
		struct job_row row;

		job_of(&row, query);
		more = each(&row, arg);
		job_row_release(&row);
	}
	sqlite3_finalize(query);
	return rc < 0 ? rc : 0;
}

/* --- builds --- */

#define BUILD_COLUMNS "build_key, unit, outcome, artifact, log, commit_id, agent, message, started_ms, finished_ms, details"

int warehouse_build_put(struct warehouse *warehouse, const struct build_row *row, struct error *err)
{
	return query_run(warehouse, err,
		"INSERT INTO builds (" BUILD_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
		" ON CONFLICT (build_key) DO UPDATE SET unit = excluded.unit, outcome = excluded.outcome, artifact = excluded.artifact,"
		" log = excluded.log, commit_id = excluded.commit_id, agent = excluded.agent, message = excluded.message,"
		" started_ms = excluded.started_ms, finished_ms = excluded.finished_ms, details = excluded.details"
		" WHERE builds.outcome = 'infra'",
		"ssssssssiij", row->build_key, row->unit, row->outcome, row->artifact, row->log, row->commit, row->agent, row->message,
		row->started_ms, row->finished_ms, row->details);
}

static int build_get(struct warehouse *warehouse, const char *sql, const char *build_key, struct build_row *ret, struct error *err)
{
	struct build_row row;
	sqlite3_stmt *query;
	int rc = query_start(&query, warehouse, err, sql, "s", build_key);

	if (rc < 0)
		return rc;
	rc = query_step(query, warehouse, err);
	if (rc == 0)
		rc = error_set(err, ERR_NOT_FOUND, "no build %s", build_key);
	if (rc < 0)
		goto out;
	row = (struct build_row){
		.build_key = column_text(query, 0),
		.unit = column_text(query, 1),
		.outcome = column_text(query, 2),
		.artifact = column_text(query, 3),
		.log = column_text(query, 4),
		.commit = column_text(query, 5),
		.agent = column_text(query, 6),
		.message = column_text(query, 7),
		.started_ms = sqlite3_column_int64(query, 8),
		.finished_ms = sqlite3_column_int64(query, 9),
	};
	rc = column_json(&row.details, query, 10, err);
	if (rc < 0)
		build_row_release(&row);
	else
		*ret = row;
out:
	sqlite3_finalize(query);
	return rc;
}

int warehouse_build_get(struct warehouse *warehouse, const char *build_key, struct build_row *ret, struct error *err)
{
	return build_get(warehouse, "SELECT " BUILD_COLUMNS " FROM builds WHERE build_key = ?", build_key, ret, err);
}

int warehouse_build_remove(struct warehouse *warehouse, const char *build_key, struct error *err)
{
	return query_run(warehouse, err, "DELETE FROM builds WHERE build_key = ?", "s", build_key);
}

int warehouse_build_of_unit(struct warehouse *warehouse, const char *unit, struct build_row *ret, struct error *err)
{
	return build_get(warehouse, "SELECT " BUILD_COLUMNS " FROM builds WHERE unit = ?", unit, ret, err);
}

void build_row_release(struct build_row *row)
{
	free(row->build_key);
	free(row->unit);
	free(row->outcome);
	free(row->artifact);
	free(row->log);
	free(row->commit);
	free(row->agent);
	free(row->message);
	json_decref(row->details);
	*row = (struct build_row){ 0 };
}
