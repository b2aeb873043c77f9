/* The warehouse's file: killed in the middle, full, damaged, of another version or another program, and written by several. */
#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "tests/unit/warehouse_fixture.h"

/* Another connection, for what the interface does not allow. */
static void sql(const char *text)
{
	sqlite3 *db = NULL;

	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	ck_assert_msg(sqlite3_exec(db, text, NULL, NULL, NULL) == SQLITE_OK, "%s: %s", text, sqlite3_errmsg(db));
	sqlite3_close(db);
}

static int schema_version(void)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *query = NULL;
	int version;

	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	ck_assert_int_eq(sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &query, NULL), SQLITE_OK);
	ck_assert_int_eq(sqlite3_step(query), SQLITE_ROW);
	version = sqlite3_column_int(query, 0);
	sqlite3_finalize(query);
	sqlite3_close(db);
	return version;
}

/* Writes one row after the other and tells each that was acknowledged. */
static void write_until_killed(int out, int round)
{
	struct warehouse *own = NULL;

	if (warehouse_open(&own, path, NULL) < 0)
		_exit(1);
	for (int i = 0; i < 1000000; i++) {
		char *unit = mem_printf("%d-%d", round, i);
		struct result_row row = a_result(unit, (char *)"k", (char *)"i", i + 1);

		row.errors = json_pack("[{s:s}]", "id", "e");
		if (warehouse_result_put(own, &row, NULL, NULL) < 0 || write(out, &i, sizeof(i)) != sizeof(i))
			_exit(1);
		json_decref(row.errors);
		free(unit);
	}
	_exit(0);
}

START_TEST(every_acknowledged_row_survives_kill_9)
{
	static const int moments[] = { 0, 1, 2, 5, 13, 34, 89, 150, 7, 21 };

	warehouse_free(warehouse);
	warehouse = NULL;
	for (int round = 0; round < 10; round++) {
		struct seen seen = SEEN_INIT;
		int fds[2], i, last = -1;
		pid_t writer;

		ck_assert_int_eq(pipe(fds), 0);
		writer = fork();
		if (writer == 0) {
			close(fds[0]);
			write_until_killed(fds[1], round);
		}
		close(fds[1]);
		while (read(fds[0], &i, sizeof(i)) == sizeof(i)) {
			last = i;
			if (i == moments[round])
				kill(writer, SIGKILL);
		}
		close(fds[0]);
		ck_assert_int_eq(waitpid(writer, NULL, 0), writer);
		ck_assert_int_ge(last, moments[round]);
		assert_ok(warehouse_open(&warehouse, path, &err));
		for (i = 0; i <= last; i++) {
			struct result_row back = { 0 };
			char *unit = mem_printf("%d-%d", round, i);

			assert_ok(warehouse_result_get(warehouse, unit, &back, &err));
			result_row_release(&back);
			free(unit);
		}
		/* The row and its error ids are one. */
		assert_ok(warehouse_results_with_error(warehouse, "e", 0, note_result, &seen, &err));
		i = (int)seen.n;
		str_release(&seen.ids);
		seen = (struct seen)SEEN_INIT;
		assert_ok(warehouse_results_of_key(warehouse, "k", note_result, &seen, &err));
		ck_assert_int_eq((int)seen.n, i);
		str_release(&seen.ids);
		warehouse_free(warehouse);
		warehouse = NULL;
	}
}
END_TEST

START_TEST(a_database_from_before_the_boxes_gets_them)
{
	struct job_row job = a_job((char *)"j", 1);
	struct box_row row = { .name = (char *)"a" };

	assert_ok(warehouse_job_put(warehouse, &job, &err));
	warehouse_free(warehouse);
	warehouse = NULL;
	sql("DROP TABLE boxes");
	sql("DROP INDEX bisections_by_error");
	sql("ALTER TABLE bisections DROP COLUMN learnt");
	sql("ALTER TABLE jobs DROP COLUMN resolved");
	sql("ALTER TABLE results DROP COLUMN metrics");
	sql("ALTER TABLE results DROP COLUMN passed");
	sql("PRAGMA user_version = 1");
	assert_ok(warehouse_open(&warehouse, path, &err));
	assert_ok(warehouse_box_put(warehouse, &row, &err));
	assert_ok(warehouse_job_get(warehouse, "j", &job, &err));
	job_row_release(&job);
}
END_TEST

START_TEST(a_newer_schema_is_refused_and_left_alone)
{
	struct job_row row = a_job((char *)"j", 1);
	char back[64];
	int version;

	assert_ok(warehouse_job_put(warehouse, &row, &err));
	warehouse_free(warehouse);
	warehouse = NULL;
	version = schema_version();
	sql("PRAGMA user_version = 1000");
	ck_assert_int_eq(warehouse_open(&warehouse, path, &err), -ERR_INVALID);
	ck_assert_ptr_nonnull(strstr(err.text, "newer"));
	ck_assert_ptr_null(warehouse);
	snprintf(back, sizeof(back), "PRAGMA user_version = %d", version);
	sql(back);
	assert_ok(warehouse_open(&warehouse, path, &err));
	ck_assert_int_eq(warehouse_job_get(warehouse, "j", &row, &err), 0);
	job_row_release(&row);
}
END_TEST

START_TEST(a_database_of_another_program_is_refused)
{
	struct warehouse *other = NULL;
	char *own = path;

	path = mem_printf("%s/other.db", room);
	sql("CREATE TABLE bookmarks (url TEXT)");
	ck_assert_int_eq(warehouse_open(&other, path, &err), -ERR_INVALID);
	ck_assert_ptr_null(other);
	free(path);
	path = own;
}
END_TEST

START_TEST(a_file_that_is_no_database_is_corrupt)
{
	struct warehouse *other = NULL;
	char *name = mem_printf("%s/noise.db", room), *bytes = mem_alloc(100000);

	memset(bytes, 'x', 100000);
	assert_ok(file_write_atomic(name, bytes, 100000, 0600, &err));
	ck_assert_int_eq(warehouse_open(&other, name, &err), -ERR_CORRUPT);
	ck_assert_ptr_nonnull(strstr(err.text, name));
	free(bytes);
	free(name);
}
END_TEST

START_TEST(damaged_pages_are_corrupt_and_not_a_crash)
{
	struct seen seen = SEEN_INIT;
	char *bytes = mem_alloc(4096);
	struct stat st;
	int fd, rc;

	for (int i = 0; i < 200; i++) {
		char *id = mem_printf("j%d", i);
		struct job_row row = a_job(id, i);

		assert_ok(warehouse_job_put(warehouse, &row, &err));
		free(id);
	}
	warehouse_free(warehouse);
	warehouse = NULL;
	memset(bytes, 0xa5, 4096);
	ck_assert_int_eq(stat(path, &st), 0);
	fd = open(path, O_WRONLY);
	for (off_t at = 4096 * 2; at + 4096 <= st.st_size; at += 4096)
		ck_assert_int_eq(pwrite(fd, bytes, 4096, at), 4096);
	close(fd);
	rc = warehouse_open(&warehouse, path, &err);
	if (rc == 0)
		rc = warehouse_jobs(warehouse, false, 0, note_job, &seen, &err);
	ck_assert_int_eq(rc, -ERR_CORRUPT);
	str_release(&seen.ids);
	free(bytes);
}
END_TEST

START_TEST(a_column_that_holds_no_json_is_corrupt)
{
	struct result_row back = { 0 };

	put_result("u", "k", "i", 1, 0, NULL);
	sql("UPDATE results SET usage = '{broken'");
	ck_assert_int_eq(warehouse_result_get(warehouse, "u", &back, &err), -ERR_CORRUPT);
}
END_TEST

static void note_damage(const char *what, void *arg)
{
	note(arg, strstr(what, "result u2 is passed over") ? "result" : strstr(what, "bisection b2 is passed over") ? "bisection" :
		strstr(what, "box n2 is passed over") ? "box" : what);
}

static bool note_box_name(const struct box_row *row, void *arg)
{
	return note(arg, row->name);
}

START_TEST(a_damaged_row_is_told_of_and_stands_in_the_way_of_no_other)
{
	struct seen seen = SEEN_INIT, damage = SEEN_INIT;
	struct strv ids = STRV_INIT;
	struct bisection_row back = { 0 };
	int64_t after = 0;

	warehouse_on_damage(warehouse, note_damage, &damage);
	for (char i = '1'; i <= '3'; i++) {
		char unit[] = { 'u', i, '\0' }, id[] = { 'b', i, '\0' }, name[] = { 'n', i, '\0' };
		struct box_row box = { .name = name };

		put_result(unit, "k", "i", i, 0, NULL);
		put_bisection(id, id, "running", i);
		assert_ok(warehouse_box_put(warehouse, &box, &err));
	}
	sql("UPDATE results SET errors = '[' WHERE unit = 'u2'");
	sql("UPDATE bisections SET options = '{', verdict = '{\"verdict\": 1}' WHERE id = 'b2'");
	sql("UPDATE boxes SET charges = 'x' WHERE name = 'n2'");
	assert_ok(warehouse_results_since(warehouse, "i", &after, note_result, &seen, &err));
	assert_seen(&seen, "u1 u3");
	assert_ok(warehouse_results_newest(warehouse, "i", 0, note_result, &seen, &err));
	assert_seen(&seen, "u3 u1");
	assert_ok(warehouse_bisections(warehouse, false, 0, note_bisection, &seen, &err));
	assert_seen(&seen, "b3 b1");
	assert_ok(warehouse_boxes(warehouse, note_box_name, &seen, &err));
	assert_seen(&seen, "n1 n3");
	assert_seen(&damage, "result result bisection box");
	/* It is still known that it was open. */
	assert_ok(warehouse_open_bisections(warehouse, &ids, &err));
	ck_assert_uint_eq(ids.n, 3);
	ck_assert_str_eq(ids.v[1], "b2");
	strv_release(&ids);
	ck_assert_int_eq(warehouse_bisection_get(warehouse, "b2", &back, &err), -ERR_CORRUPT);
	assert_ok(warehouse_bisection_give_up(warehouse, "b2", "damaged", 77, &err));
	assert_ok(warehouse_bisection_get(warehouse, "b2", &back, &err));
	ck_assert_str_eq(back.state, "failed");
	ck_assert_str_eq(back.message, "damaged");
	ck_assert_int_eq(back.finished_ms, 77);
	ck_assert_ptr_null(back.options);
	ck_assert(json_is_object(back.verdict));
	bisection_row_release(&back);
	warehouse_on_damage(warehouse, NULL, NULL);
}
END_TEST

START_TEST(a_full_disk_fails_the_write_and_keeps_what_was_there)
{
	const struct rlimit none = { .rlim_cur = 300000, .rlim_max = RLIM_INFINITY }, plenty = { RLIM_INFINITY, RLIM_INFINITY };
	struct result_row row, back = { 0 };
	char *long_text = mem_alloc(20001);
	int rc = 0, kept = 0;

	memset(long_text, 'x', 20000);
	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &none), 0);
	for (int i = 0; rc == 0 && i < 1000; i++) {
		char *unit = mem_printf("u%d", i);

		row = a_result(unit, (char *)"k", (char *)"i", 1);
		row.message = long_text;
		rc = warehouse_result_put(warehouse, &row, NULL, &err);
		kept += rc == 0;
		free(unit);
	}
	ck_assert_msg(rc == -ERR_NO_SPACE || rc == -ERR_IO, "%d: %s", rc, err.text);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &plenty), 0);
	for (int i = 0; i <= kept; i++) {
		char *unit = mem_printf("u%d", i);

		ck_assert_int_eq(warehouse_result_get(warehouse, unit, &back, &err), i < kept ? 0 : -ERR_NOT_FOUND);
		result_row_release(&back);
		free(unit);
	}
	/* with room again it goes on, without being opened again */
	put_result("after", "k", "i", 1, 0, NULL);
	free(long_text);
}
END_TEST

START_TEST(only_the_owner_may_read_the_file)
{
	struct job_row row = a_job((char *)"j", 1);
	struct stat st;
	char *wal = mem_printf("%s-wal", path);

	assert_ok(warehouse_job_put(warehouse, &row, &err));
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(st.st_mode & 077, 0);
	ck_assert_int_eq(stat(wal, &st), 0);
	ck_assert_int_eq(st.st_mode & 077, 0);
	free(wal);
}
END_TEST

START_TEST(a_directory_that_is_not_there_is_not_found)
{
	struct warehouse *other = NULL;

	ck_assert_int_eq(warehouse_open(&other, "/nonexistent/warehouse.db", &err), -ERR_NOT_FOUND);
	ck_assert_ptr_null(other);
}
END_TEST

START_TEST(two_processes_may_write_at_once)
{
	pid_t pids[3];

	for (int p = 0; p < 3; p++) {
		pids[p] = fork();
		if (pids[p] == 0) {
			struct warehouse *own = NULL;
			int rc = warehouse_open(&own, path, NULL);

			for (int i = 0; rc == 0 && i < 40; i++)
				rc = warehouse_funnel_count(own, "seen", NULL, 0, NULL);
			_exit(rc == 0 ? 0 : 1);
		}
	}
	for (int p = 0; p < 3; p++) {
		int status = -1;

		ck_assert_int_eq(waitpid(pids[p], &status, 0), pids[p]);
		ck_assert_int_eq(status, 0);
	}
	json_t *rows = warehouse_funnel(warehouse, 0);

	assert_json(rows, "[{\"day\":\"1970-01-01\",\"stage\":\"seen\",\"reason\":\"\",\"count\":120}]");
	json_decref(rows);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("warehouse file");
	TCase *file = tcase_create("file");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(file, set_up, tear_down);
	tcase_set_timeout(file, 120);
	tcase_add_test(file, every_acknowledged_row_survives_kill_9);
	tcase_add_test(file, a_database_from_before_the_boxes_gets_them);
	tcase_add_test(file, a_newer_schema_is_refused_and_left_alone);
	tcase_add_test(file, a_database_of_another_program_is_refused);
	tcase_add_test(file, a_file_that_is_no_database_is_corrupt);
	tcase_add_test(file, damaged_pages_are_corrupt_and_not_a_crash);
	tcase_add_test(file, a_column_that_holds_no_json_is_corrupt);
	tcase_add_test(file, a_damaged_row_is_told_of_and_stands_in_the_way_of_no_other);
	tcase_add_test(file, a_full_disk_fails_the_write_and_keeps_what_was_there);
	tcase_add_test(file, only_the_owner_may_read_the_file);
	tcase_add_test(file, a_directory_that_is_not_there_is_not_found);
	tcase_add_test(file, two_processes_may_write_at_once);
	suite_add_tcase(suite, file);

	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
