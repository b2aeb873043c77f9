#include "tests/unit/warehouse_fixture.h"

#include <check.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/mem.h"

char *room;
char *path;
struct warehouse *warehouse;
struct error err;

void set_up(void)
{
	const char *tmp = getenv("TMPDIR");

	room = mem_printf("%s/bisectd-warehouse-XXXXXX", tmp ? tmp : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(room));
	path = mem_printf("%s/warehouse.db", room);
	assert_ok(warehouse_open(&warehouse, path, &err));
}

void tear_down(void)
{
	warehouse_free(warehouse);
	dir_remove(room, NULL);
	free(path);
	free(room);
}

void reopen(void)
{
	warehouse_free(warehouse);
	warehouse = NULL;
	assert_ok(warehouse_open(&warehouse, path, &err));
}

void assert_json(const json_t *value, const char *expected)
{
	json_t *wanted = json_loads(expected, JSON_DECODE_ANY, NULL);

	ck_assert_ptr_nonnull(wanted);
	ck_assert(json_equal(value, wanted));
	json_decref(wanted);
}

bool note(struct seen *seen, const char *id)
{
	str_addf(&seen->ids, "%s%s", seen->n ? " " : "", id);
	return ++seen->n != seen->stop;
}

void assert_seen(struct seen *seen, const char *expected)
{
	ck_assert_str_eq(seen->ids.buf, expected);
	str_release(&seen->ids);
	seen->n = 0;
}

struct job_row a_job(char *id, int64_t created_ms)
{
	return (struct job_row){
		.id = id, .intent = (char *)"suite: x\n", .identity = (char *)"identity", .state = (char *)"waiting",
		.submitter = (char *)"me", .created_ms = created_ms, .updated_ms = created_ms,
	};
}

bool note_job(const struct job_row *row, void *arg)
{
	return note(arg, row->id);
}

struct result_row a_result(char *unit, char *key, char *identity, int64_t finished_ms)
{
	return (struct result_row){
		.unit = unit, .test_key = key, .identity = identity, .outcome = (char *)"pass", .complete = true,
		.started_ms = finished_ms - 1, .finished_ms = finished_ms,
	};
}

void put_result(const char *unit, const char *key, const char *identity, int64_t finished_ms, unsigned repeat, const char *error_id)
{
	struct result_row row = a_result((char *)unit, (char *)key, (char *)identity, finished_ms);

	row.repeat = repeat;
	if (error_id)
		row.errors = json_pack("[{s:s, s:s, s:i, s:i}]", "id", error_id, "line", "the line", "line_number", 7, "count", 2);
	assert_ok(warehouse_result_put(warehouse, &row, NULL, &err));
	json_decref(row.errors);
}

bool note_result(const struct result_row *row, void *arg)
{
	return note(arg, row->unit);
}

struct bisection_row a_bisection(char *id, char *key, char *state, int64_t created_ms)
{
	return (struct bisection_row){
		.id = id, .dedupe_key = key, .error_id = (char *)"stderr.x", .job_id = (char *)"j", .identity = (char *)"i", .bad = (char *)HEX40,
		.state = state, .phase = (char *)"fetch", .submitter = (char *)"me", .created_ms = created_ms, .updated_ms = created_ms,
	};
}

void put_bisection(const char *id, const char *key, const char *state, int64_t created_ms)
{
	struct bisection_row row = a_bisection((char *)id, (char *)key, (char *)state, created_ms);

	assert_ok(warehouse_bisection_put(warehouse, &row, &err));
}

bool note_bisection(const struct bisection_row *row, void *arg)
{
	return note(arg, row->id);
}
