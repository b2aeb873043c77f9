/*
 * What the warehouse's files share: running one statement with its values, and reading columns.
 * A statement is prepared for each call; that costs some microseconds, a commit costs milliseconds.
 */
#ifndef STORE_WAREHOUSE_INTERNAL_H
#define STORE_WAREHOUSE_INTERNAL_H

#include <jansson.h>
#include <sqlite3.h>
#include <stdint.h>

#include "base/error.h"
#include "store/warehouse.h"

struct warehouse {
	sqlite3 *db;
	char *path;
	void (*on_damage)(const char *what, void *arg);
	void *damage_arg;
};

/* Sets err from SQLite's words for the last failure on this connection and returns the code. */
int warehouse_error(struct error *err, struct warehouse *warehouse, int sqlite_code, const char *doing);

/*
 * Prepares and binds.  One letter of `types` a value: 's' const char * (NULL is NULL; borrowed until the statement ends), 'i' int64_t (cast it),
 * 'j' json_t * (NULL is NULL).  The caller ends *ret with sqlite3_finalize.
 */
int query_start(sqlite3_stmt **ret, struct warehouse *warehouse, struct error *err, const char *sql, const char *types, ...);
/* 1 for a row, 0 at the end, or a negative error code. */
int query_step(sqlite3_stmt *query, struct warehouse *warehouse, struct error *err);
/* A statement without an answer, as one transaction unless one is open. */
int query_run(struct warehouse *warehouse, struct error *err, const char *sql, const char *types, ...);

int transaction_begin(struct warehouse *warehouse, struct error *err);
/* Commits if rc is 0, else rolls back; gives rc or the commit's failure. */
int transaction_end(struct warehouse *warehouse, int rc, struct error *err);

char *column_text(sqlite3_stmt *query, int column);		/* owned by the caller; NULL for NULL */
int column_json(json_t **ret, sqlite3_stmt *query, int column, struct error *err);	/* NULL for NULL; ERR_CORRUPT */

/* A row of a list that cannot be read (ERR_CORRUPT: a column holds no JSON) is told of and passed over. */
void row_is_damaged(struct warehouse *warehouse, const char *kind, sqlite3_stmt *query, const struct error *why);

#endif
