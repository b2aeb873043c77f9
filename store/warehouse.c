#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "store/warehouse.h"
#include "store/warehouse_internal.h"

#define BUSY_MS 5000
#define APPLICATION_ID 0x62736374	/* "bsct": in the file's header, for file(1) and against opening somebody else's */

/* Row n brings a database of version n to version n + 1.  A row that was once released is never changed: add one. */
static const char *const migrations[] = {
	"CREATE TABLE jobs ("
	"	id TEXT PRIMARY KEY NOT NULL, intent TEXT, identity TEXT, commit_id TEXT, tree TEXT,"
	"	state TEXT NOT NULL CHECK (state IN ('waiting', 'building', 'testing', 'done', 'failed', 'cancelled')),"
	"	message TEXT, build_unit TEXT, test_unit TEXT, submitter TEXT,"
	"	created_ms INTEGER NOT NULL, updated_ms INTEGER NOT NULL);"
	"CREATE INDEX jobs_by_time ON jobs (created_ms);"
	"CREATE INDEX jobs_open ON jobs (created_ms) WHERE state IN ('waiting', 'building', 'testing');"

	"CREATE TABLE builds ("
	"	build_key TEXT PRIMARY KEY NOT NULL, unit TEXT,"
	"	outcome TEXT NOT NULL CHECK (outcome IN ('pass', 'broken', 'infra')),"
	"	artifact TEXT, log TEXT, commit_id TEXT, agent TEXT, message TEXT,"
	"	started_ms INTEGER NOT NULL, finished_ms INTEGER NOT NULL, details TEXT);"

	"CREATE TABLE results ("
	"	unit TEXT PRIMARY KEY NOT NULL, test_key TEXT, identity TEXT, repeat INTEGER NOT NULL,"
	"	commit_id TEXT, tree TEXT, outcome TEXT NOT NULL CHECK (outcome IN ('pass', 'fail', 'broken', 'infra')),"
	"	complete INTEGER NOT NULL, exit_status INTEGER NOT NULL, log TEXT, artifact TEXT, agent TEXT, box TEXT,"
	"	message TEXT, started_ms INTEGER NOT NULL, finished_ms INTEGER NOT NULL, errors TEXT, usage TEXT);"
	"CREATE INDEX results_by_key ON results (test_key, repeat);"
	"CREATE INDEX results_by_identity ON results (identity, finished_ms);"
	"CREATE TABLE result_errors ("
	"	error_id TEXT NOT NULL, finished_ms INTEGER NOT NULL,"
	"	unit TEXT NOT NULL REFERENCES results (unit) ON DELETE CASCADE,"
	"	PRIMARY KEY (error_id, finished_ms, unit)) WITHOUT ROWID;"
	"CREATE INDEX result_errors_by_unit ON result_errors (unit);"

	"CREATE TABLE bisections ("
	"	id TEXT PRIMARY KEY NOT NULL, dedupe_key TEXT, error_id TEXT, job_id TEXT, identity TEXT, good TEXT, bad TEXT,"
	"	state TEXT NOT NULL CHECK (state IN ('waiting', 'running', 'done', 'failed', 'cancelled')),"
	"	phase TEXT, message TEXT, submitter TEXT,"
	"	created_ms INTEGER NOT NULL, updated_ms INTEGER NOT NULL, finished_ms INTEGER NOT NULL,"
	"	options TEXT, verdict TEXT, range TEXT);"
	"CREATE INDEX bisections_by_time ON bisections (created_ms);"
	"CREATE INDEX bisections_open ON bisections (created_ms) WHERE state IN ('waiting', 'running');"
	"CREATE INDEX bisections_by_key ON bisections (dedupe_key, created_ms);"
	"CREATE TABLE probes ("
	"	bisection TEXT NOT NULL REFERENCES bisections (id) ON DELETE CASCADE, seq INTEGER NOT NULL,"
	"	commit_id TEXT, purpose TEXT, repeat INTEGER NOT NULL, build_unit TEXT, test_unit TEXT, observation TEXT, note TEXT,"
	"	asked_ms INTEGER NOT NULL, seen_ms INTEGER NOT NULL, PRIMARY KEY (bisection, seq));"

	"CREATE TABLE tokens ("
	"	name TEXT PRIMARY KEY NOT NULL, role TEXT NOT NULL, hash TEXT NOT NULL UNIQUE,"
	"	created_ms INTEGER NOT NULL, revoked INTEGER NOT NULL);"
	"CREATE TABLE funnel ("
	"	day TEXT NOT NULL, stage TEXT NOT NULL, reason TEXT NOT NULL, count INTEGER NOT NULL,"
	"	PRIMARY KEY (day, stage, reason)) WITHOUT ROWID;",

	"CREATE TABLE boxes ("
	"	name TEXT PRIMARY KEY NOT NULL, kind TEXT, seen_ms INTEGER NOT NULL, finished INTEGER NOT NULL, failures INTEGER NOT NULL,"
	"	in_a_row INTEGER NOT NULL, reason TEXT, failed_unit TEXT, failed_ms INTEGER NOT NULL, finished_ms INTEGER NOT NULL,"
	"	charged_ms INTEGER NOT NULL, quarantines INTEGER NOT NULL, quarantined_until_ms INTEGER NOT NULL, charges TEXT) WITHOUT ROWID;",

	"CREATE INDEX IF NOT EXISTS builds_by_unit ON builds (unit);",

	"CREATE INDEX IF NOT EXISTS builds_by_artifact ON builds (artifact);",

	"ALTER TABLE bisections ADD COLUMN learnt TEXT;"
	"CREATE INDEX bisections_by_error ON bisections (error_id, identity, finished_ms);",
	"ALTER TABLE jobs ADD COLUMN resolved TEXT;",
	"ALTER TABLE results ADD COLUMN metrics TEXT;",
	"ALTER TABLE results ADD COLUMN passed TEXT;",
};

#define VERSION ((int)(sizeof(migrations) / sizeof(migrations[0])))

/* --- errors --- */

static enum error_code code_of(int sqlite_code, int errno_value)
{
	switch (sqlite_code & 0xff) {
	case SQLITE_FULL:
		return ERR_NO_SPACE;
	case SQLITE_IOERR:
	case SQLITE_CANTOPEN:
		if (errno_value == ENOSPC || errno_value == EDQUOT)
			return ERR_NO_SPACE;
		return errno_value == EACCES || errno_value == EPERM ? ERR_DENIED : ERR_IO;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return ERR_CORRUPT;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return ERR_UNAVAILABLE;
	case SQLITE_READONLY:
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return ERR_DENIED;
	case SQLITE_TOOBIG:
		return ERR_LIMIT;
	case SQLITE_CONSTRAINT:
		return sqlite_code == SQLITE_CONSTRAINT_UNIQUE ? ERR_EXISTS : ERR_INVALID;
	default:
		return ERR_IO;
	}
}

int warehouse_error(struct error *err, struct warehouse *warehouse, int sqlite_code, const char *doing)
{
	int errno_value = sqlite3_system_errno(warehouse->db);
	bool system = (sqlite_code & 0xff) == SQLITE_IOERR || (sqlite_code & 0xff) == SQLITE_CANTOPEN;

	return error_set(err, code_of(sqlite_code, errno_value), "database %s: cannot %s: %s%s%s", warehouse->path, doing,
		sqlite3_errmsg(warehouse->db), system && errno_value ? ": " : "", system && errno_value ? strerror(errno_value) : "");
}

/* --- statements --- */

static int bind_json(sqlite3_stmt *query, int i, const json_t *value)
{
	char *text;

	if (!value)
		return sqlite3_bind_null(query, i);
	text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
	if (!text)
		return SQLITE_MISMATCH;
	return sqlite3_bind_text(query, i, text, -1, free);
}

static int bind(sqlite3_stmt *query, const char *types, va_list ap)
{
	int rc = SQLITE_OK;

	for (int i = 1; *types && rc == SQLITE_OK; types++, i++) {
		switch (*types) {
		case 's':
			rc = sqlite3_bind_text(query, i, va_arg(ap, const char *), -1, SQLITE_STATIC);
			break;
		case 'i':
			rc = sqlite3_bind_int64(query, i, va_arg(ap, int64_t));
			break;
		case 'j':
			rc = bind_json(query, i, va_arg(ap, const json_t *));
			break;
		default:
			rc = SQLITE_MISUSE;
		}
	}
	return rc;
}

static int start(sqlite3_stmt **ret, struct warehouse *warehouse, struct error *err, const char *sql, const char *types, va_list ap)
{
	sqlite3_stmt *query = NULL;
	int code = sqlite3_prepare_v2(warehouse->db, sql, -1, &query, NULL);

	if (code != SQLITE_OK)
		return warehouse_error(err, warehouse, code, "read the request");
	code = bind(query, types, ap);
	if (code != SQLITE_OK) {
		sqlite3_finalize(query);
		if (code == SQLITE_MISMATCH)
			return error_set(err, ERR_INVALID, "a value is no JSON");
		return warehouse_error(err, warehouse, code, "take a value");
	}
	*ret = query;
	return 0;
}

int query_start(sqlite3_stmt **ret, struct warehouse *warehouse, struct error *err, const char *sql, const char *types, ...)
{
	va_list ap;
	int rc;

	va_start(ap, types);
	rc = start(ret, warehouse, err, sql, types, ap);
	va_end(ap);
	return rc;
}

int query_step(sqlite3_stmt *query, struct warehouse *warehouse, struct error *err)
{
	int code = sqlite3_step(query);

	if (code == SQLITE_ROW)
		return 1;
	if (code == SQLITE_DONE)
		return 0;
	return warehouse_error(err, warehouse, code, sqlite3_stmt_readonly(query) ? "read" : "write");
}

int query_run(struct warehouse *warehouse, struct error *err, const char *sql, const char *types, ...)
{
	sqlite3_stmt *query;
	va_list ap;
	int rc;

	va_start(ap, types);
	rc = start(&query, warehouse, err, sql, types, ap);
	va_end(ap);
	if (rc < 0)
		return rc;
	do {
		rc = query_step(query, warehouse, err);
	} while (rc > 0);
	sqlite3_finalize(query);
	return rc;
}

int transaction_begin(struct warehouse *warehouse, struct error *err)
{
	return query_run(warehouse, err, "BEGIN IMMEDIATE", "");
}

int transaction_end(struct warehouse *warehouse, int rc, struct error *err)
{
	if (rc == 0)
		rc = query_run(warehouse, err, "COMMIT", "");
	/* Some failures roll back by themselves. */
	if (rc < 0 && !sqlite3_get_autocommit(warehouse->db))
		query_run(warehouse, NULL, "ROLLBACK", "");
	return rc;
}

char *column_text(sqlite3_stmt *query, int column)
{
	return mem_strdup((const char *)sqlite3_column_text(query, column));
}

int column_json(json_t **ret, sqlite3_stmt *query, int column, struct error *err)
{
	const char *text = (const char *)sqlite3_column_text(query, column);
	json_error_t where;
	json_t *value;

	if (!text) {
		*ret = NULL;
		return 0;
	}
	value = json_loads(text, JSON_DECODE_ANY | JSON_ALLOW_NUL, &where);
	if (!value)
		return error_set(err, ERR_CORRUPT, "column %s holds no JSON: %s", sqlite3_column_name(query, column), where.text);
	*ret = value;
	return 0;
}

void row_is_damaged(struct warehouse *warehouse, const char *kind, sqlite3_stmt *query, const struct error *why)
{
	const char *id = (const char *)sqlite3_column_text(query, 0);
	char *what = mem_printf("database %s: %s %s is passed over: %s", warehouse->path, kind, id ? id : "without a name", why->text);

	if (warehouse->on_damage)
		warehouse->on_damage(what, warehouse->damage_arg);
	free(what);
}

void warehouse_on_damage(struct warehouse *warehouse, void (*on_damage)(const char *what, void *arg), void *arg)
{
	warehouse->on_damage = on_damage;
	warehouse->damage_arg = arg;
}

/* --- opening --- */

static int ask_number(int64_t *ret, struct warehouse *warehouse, const char *sql, struct error *err)
{
	sqlite3_stmt *query;
	int rc = query_start(&query, warehouse, err, sql, "");

	if (rc < 0)
		return rc;
	rc = query_step(query, warehouse, err);
	if (rc > 0)
		*ret = sqlite3_column_int64(query, 0);
	sqlite3_finalize(query);
	return rc < 0 ? rc : 0;
}

/* Somebody else's database is refused before anything in it is touched. */
static int check_owner(struct warehouse *warehouse, struct error *err)
{
	int64_t application = 0, tables = 0;
	int rc;

	rc = ask_number(&application, warehouse, "PRAGMA application_id", err);
	if (rc == 0)
		rc = ask_number(&tables, warehouse, "SELECT count(*) FROM sqlite_schema", err);
	if (rc == 0 && application != APPLICATION_ID && (application != 0 || tables != 0))
		rc = error_set(err, ERR_INVALID, "%s is a database of another program", warehouse->path);
	return rc;
}

/* PRAGMAs take no bound values, hence the text. */
static int set_number(struct warehouse *warehouse, const char *pragma, int value, struct error *err)
{
	char *sql = mem_printf("PRAGMA %s = %d", pragma, value);
	int rc = query_run(warehouse, err, sql, "");

	free(sql);
	return rc;
}

static int migrate_from(struct warehouse *warehouse, int64_t version, struct error *err)
{
	int rc = 0;

	if (version > VERSION)
		return error_set(err, ERR_INVALID, "database %s has schema %lld, this bisectd knows schemas up to %d: it is of a newer version",
			warehouse->path, (long long)version, VERSION);
	for (int i = (int)version; i < VERSION && rc == 0; i++) {
		int code = sqlite3_exec(warehouse->db, migrations[i], NULL, NULL, NULL);

		if (code != SQLITE_OK)
			rc = warehouse_error(err, warehouse, code, "change the schema");
	}
	if (rc == 0 && version < VERSION)
		rc = set_number(warehouse, "user_version", VERSION, err);
	if (rc == 0 && version < VERSION)
		rc = set_number(warehouse, "application_id", APPLICATION_ID, err);
	return rc;
}

static int migrate(struct warehouse *warehouse, struct error *err)
{
	int64_t version = 0;
	int rc;

	/* Read under the write lock: another process may be migrating too. */
	rc = transaction_begin(warehouse, err);
	if (rc < 0)
		return rc;
	rc = ask_number(&version, warehouse, "PRAGMA user_version", err);
	if (rc == 0)
		rc = migrate_from(warehouse, version, err);
	return transaction_end(warehouse, rc, err);
}

static int set_up(struct warehouse *warehouse, struct error *err)
{
	static const char *const settings[] = {
		"PRAGMA journal_mode = WAL",
		"PRAGMA synchronous = FULL",
		"PRAGMA foreign_keys = ON",
		"PRAGMA trusted_schema = OFF",
		"PRAGMA journal_size_limit = 67108864",
	};
	int rc;

	sqlite3_extended_result_codes(warehouse->db, 1);
	sqlite3_busy_timeout(warehouse->db, BUSY_MS);
	rc = check_owner(warehouse, err);
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]) && rc == 0; i++)
		rc = query_run(warehouse, err, settings[i], "");
	if (rc == 0)
		rc = migrate(warehouse, err);
	return rc;
}

int warehouse_open(struct warehouse **ret, const char *path, struct error *err)
{
	struct warehouse *warehouse = mem_alloc(sizeof(*warehouse));
	int code, fd, rc = 0;

	/* "file:..." and ":memory:" mean something else to SQLite; a path is a path. */
	warehouse->path = path[0] == '/' ? mem_strdup(path) : mem_printf("./%s", path);
	/* SQLite would make it readable for everyone (umask permitting); its side files take the mode of the first. */
	fd = open(warehouse->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0) {
		rc = error_errno(err, errno, "cannot open the database %s", path);
		goto out;
	}
	file_close(&fd);
	code = sqlite3_open_v2(warehouse->path, &warehouse->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);
	if (code != SQLITE_OK)
		rc = warehouse_error(err, warehouse, code, "open it");
	else
		rc = set_up(warehouse, err);
out:
	if (rc < 0)
		warehouse_free(warehouse);
	else
		*ret = warehouse;
	return rc;
}

void warehouse_free(struct warehouse *warehouse)
{
	if (!warehouse)
		return;
	sqlite3_close(warehouse->db);
	free(warehouse->path);
	free(warehouse);
}

/* --- tokens --- */

int warehouse_token_put(struct warehouse *warehouse, const struct token_row *row, struct error *err)
{
	return query_run(warehouse, err,
		"INSERT INTO tokens (name, role, hash, created_ms, revoked) VALUES (?, ?, ?, ?, ?)"
		" ON CONFLICT (name) DO UPDATE SET role = excluded.role, hash = excluded.hash,"
		" created_ms = excluded.created_ms, revoked = excluded.revoked",
		"sssii", row->name, row->role, row->hash, row->created_ms, (int64_t)row->revoked);
}

#define TOKEN_COLUMNS "name, role, hash, created_ms, revoked"

static void token_of(struct token_row *row, sqlite3_stmt *query)
{
	*row = (struct token_row){
		.name = column_text(query, 0),
		.role = column_text(query, 1),
		.hash = column_text(query, 2),
		.created_ms = sqlite3_column_int64(query, 3),
		.revoked = sqlite3_column_int(query, 4) != 0,
	};
}

int warehouse_token_find(struct warehouse *warehouse, const char *hash, struct token_row *ret, struct error *err)
{
	sqlite3_stmt *query;
	int rc = query_start(&query, warehouse, err, "SELECT " TOKEN_COLUMNS " FROM tokens WHERE hash = ? AND NOT revoked", "s", hash);

	if (rc < 0)
		return rc;
	rc = query_step(query, warehouse, err);
	if (rc > 0) {
		token_of(ret, query);
		rc = 0;
	} else if (rc == 0) {
		rc = error_set(err, ERR_NOT_FOUND, "no such token");
	}
	sqlite3_finalize(query);
	return rc;
}

int warehouse_tokens(struct warehouse *warehouse, bool (*each)(const struct token_row *row, void *arg), void *arg, struct error *err)
{
	sqlite3_stmt *query;
	bool more = true;
	int rc = query_start(&query, warehouse, err, "SELECT " TOKEN_COLUMNS " FROM tokens ORDER BY name", "");

	if (rc < 0)
		return rc;
	while (more && (rc = query_step(query, warehouse, err)) > 0) {
		struct token_row row;

		token_of(&row, query);
		more = each(&row, arg);
		token_row_release(&row);
	}
	sqlite3_finalize(query);
	return rc < 0 ? rc : 0;
}

void token_row_release(struct token_row *row)
{
	free(row->name);
	free(row->role);
	free(row->hash);
	*row = (struct token_row){ 0 };
}

/* --- the funnel --- */

#define DAY_SIZE 32

static void day_of(char day[DAY_SIZE], int64_t ms)
{
	time_t seconds = (time_t)(ms / 1000);
	struct tm tm = { 0 };

	gmtime_r(&seconds, &tm);
	if (strftime(day, DAY_SIZE, "%Y-%m-%d", &tm) == 0)
		day[0] = '\0';
}

int warehouse_funnel_count(struct warehouse *warehouse, const char *stage, const char *reason, int64_t now_ms, struct error *err)
{
	char day[DAY_SIZE];

	day_of(day, now_ms);
	return query_run(warehouse, err,
		"INSERT INTO funnel (day, stage, reason, count) VALUES (?, ?, ?, 1)"
		" ON CONFLICT (day, stage, reason) DO UPDATE SET count = count + 1",
		"sss", day, stage, reason ? reason : "");
}

json_t *warehouse_funnel(struct warehouse *warehouse, int64_t since_ms)
{
	char day[DAY_SIZE];
	sqlite3_stmt *query;
	json_t *rows;
	int rc;

	day_of(day, since_ms);
	rc = query_start(&query, warehouse, NULL,
		"SELECT day, stage, reason, count FROM funnel WHERE day >= ? ORDER BY day, stage, reason", "s", day);
	if (rc < 0)
		return NULL;
	rows = json_array();
	while ((rc = query_step(query, warehouse, NULL)) > 0)
		json_array_append_new(rows, json_pack("{s:s, s:s, s:s, s:I}",
			"day", (const char *)sqlite3_column_text(query, 0), "stage", (const char *)sqlite3_column_text(query, 1),
			"reason", (const char *)sqlite3_column_text(query, 2), "count", (json_int_t)sqlite3_column_int64(query, 3)));
	sqlite3_finalize(query);
	if (rc < 0) {
		json_decref(rows);
		return NULL;
	}
	return rows;
}
