/* A warehouse in a directory of its own, rows to put into it, and what came back in short. */
#ifndef TESTS_UNIT_WAREHOUSE_FIXTURE_H
#define TESTS_UNIT_WAREHOUSE_FIXTURE_H

#include <check.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/str.h"
#include "store/warehouse.h"

#define HEX40 "0123456789abcdef0123456789abcdef01234567"

extern char *room;			/* the test's directory */
extern char *path;			/* of the database in it */
extern struct warehouse *warehouse;	/* open; a test that frees it sets it to NULL */
extern struct error err;

#define assert_ok(call) ck_assert_msg((call) == 0, "%s:%d: %s", __func__, __LINE__, err.text)

void set_up(void);
void tear_down(void);
void reopen(void);

/* Compares JSON by value. */
void assert_json(const json_t *value, const char *expected);

/* Ids in the order in which `each` got them, joined by blanks; stops after `stop` rows. */
struct seen {
	struct str ids;
	unsigned n, stop;
};

#define SEEN_INIT { STR_INIT, 0, 0 }

bool note(struct seen *seen, const char *id);
void assert_seen(struct seen *seen, const char *expected);	/* and it is empty again */

/* Rows with all that they must have; they borrow their texts. */
struct job_row a_job(char *id, int64_t created_ms);
struct result_row a_result(char *unit, char *key, char *identity, int64_t finished_ms);
struct bisection_row a_bisection(char *id, char *key, char *state, int64_t created_ms);

/* Such a row goes in; error_id may be NULL. */
void put_result(const char *unit, const char *key, const char *identity, int64_t finished_ms, unsigned repeat,
	const char *error_id);
void put_bisection(const char *id, const char *key, const char *state, int64_t created_ms);

/* For the `each` of warehouse_...(); arg is a struct seen. */
bool note_job(const struct job_row *row, void *arg);
bool note_result(const struct result_row *row, void *arg);
bool note_bisection(const struct bisection_row *row, void *arg);

#endif
