/* What can happen to the private redis-server: restarts, kills, deleted and damaged files, servers left behind. */
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "tests/unit/queue_fixture.h"

static void set_up_own(void)
{
	make_room();
	start_server("own");
	open_queue();
}

static void tear_down_own(void)
{
	close_queue();
	stop_server();
	remove_room();
}

static void run_loop_for_a_moment(void)
{
	const struct timeval moment = { .tv_usec = 10000 };

	event_base_loopexit(loop, &moment);
	event_base_dispatch(loop);
}

/* Runs the loop until a server other than `old_pid` answers. */
static void wait_for_another_server(int old_pid)
{
	int64_t deadline = clock_steady_ms() + DEADLINE_MS;

	while (redis_server_pid(server) < 0 || redis_server_pid(server) == old_pid || queue_ping(queue, NULL) < 0) {
		ck_assert_msg(clock_steady_ms() < deadline, "no server after %d ms", DEADLINE_MS);
		run_loop_for_a_moment();
	}
}

START_TEST(functions_survive_a_restart)
{
	static const char *const words[] = { "FCALL", "bisectd_depths", "1", "any", NULL };
	redisReply *reply;

	stop_server();
	start_server("own");
	reply = raw(words);
	ck_assert_int_eq(reply->type, REDIS_REPLY_ARRAY);
	freeReplyObject(reply);
}
END_TEST

START_TEST(every_unit_survives_an_orderly_restart)
{
	uint64_t epoch;

	add("ready");
	add("leased");
	claim("ready", NOW);
	epoch = claim("leased", NOW);
	expire(NOW, NULL);
	stop_server();
	ck_assert_int_eq(queue_ping(queue, &err), -ERR_UNAVAILABLE);
	start_server("own");
	ck_assert_int_eq(state_of("ready"), UNIT_LEASED);
	assert_ok(queue_finish(queue, "leased", epoch, &err));
}
END_TEST

/* Adds units and tells each one that was acknowledged, until Redis is gone. */
static void add_until_killed(int out, int round)
{
	struct queue *own = NULL;
	int rc = queue_open(&own, redis_server_address(server), NULL, "killed", NULL);

	for (int i = 0; rc == 0 && i < 1000000; i++) {
		char *id = mem_printf("%d-%d", round, i);
		struct unit_spec spec = { .id = id, .lane = LANE, .priority = 5, .payload = "{}" };

		rc = queue_add(own, &spec, NOW, NULL, NULL);
		if (rc == 0 && write(out, &i, sizeof(i)) != sizeof(i))
			rc = -1;
		free(id);
	}
	_exit(0);
}

START_TEST(every_acknowledged_write_survives_kill_9_of_redis)
{
	static const int moments[] = { 1, 7, 40, 150, 333 };
	struct strv present = STRV_INIT;

	close_queue();
	assert_ok(queue_open(&queue, redis_server_address(server), NULL, "killed", &err));
	for (int round = 0; round < 5; round++) {
		int old = redis_server_pid(server), fds[2], i, last = -1;
		pid_t writer;

		ck_assert_int_eq(pipe(fds), 0);
		writer = fork();
		if (writer == 0) {
			close(fds[0]);
			add_until_killed(fds[1], round);
		}
		close(fds[1]);
		while (read(fds[0], &i, sizeof(i)) == sizeof(i)) {
			last = i;
			if (i == moments[round])
				ck_assert_int_eq(kill(old, SIGKILL), 0);
		}
		close(fds[0]);
		ck_assert_int_eq(waitpid(writer, NULL, 0), writer);
		ck_assert_int_ge(last, moments[round]);
		wait_for_another_server(old);
		strv_release(&present);
		assert_ok(queue_list(queue, UNIT_READY, &present, &err));
		strv_sort_unique(&present);
		for (i = 0; i <= last; i++) {
			char *id = mem_printf("%d-%d", round, i);

			ck_assert_msg(state_of(id) == UNIT_READY, "%s was acknowledged and is lost", id);
			free(id);
		}
		ck_assert_uint_ge(present.n, (size_t)last + 1);
	}
	strv_release(&present);
}
END_TEST

START_TEST(a_deleted_directory_means_an_empty_queue_that_works)
{
	char *dir = mem_printf("%s/own", room);
	int old = redis_server_pid(server);

	add("u");
	assert_ok(dir_remove(dir, &err));
	wait_for_another_server(old);
	ck_assert_int_eq(state_of("u"), UNIT_ABSENT);
	ck_assert_int_eq(add("v"), UNIT_ABSENT);
	/* and what is added then is kept */
	stop_server();
	start_server("own");
	ck_assert_int_eq(state_of("v"), UNIT_READY);
	/* deleted between two runs */
	stop_server();
	assert_ok(dir_remove(dir, &err));
	start_server("own");
	ck_assert_int_eq(state_of("v"), UNIT_ABSENT);
	claim(NULL, NOW);
	free(dir);
}
END_TEST

START_TEST(epochs_grow_over_a_lost_directory)
{
	char *dir = mem_printf("%s/own", room);
	uint64_t before, after;

	add("u");
	before = claim("u", NOW);
	stop_server();
	assert_ok(dir_remove(dir, &err));
	start_server("own");
	ck_assert_int_eq(queue_check(queue, "u", before, &err), -ERR_STALE);
	add("u");
	after = claim("u", NOW + 1);
	ck_assert_uint_gt(after, before);
	ck_assert_int_eq(queue_finish(queue, "u", before, &err), -ERR_STALE);
	free(dir);
}
END_TEST

/* The file that Redis appends to at present. */
static char *append_only_file(void)
{
	return mem_printf("%s/own/appendonlydir/appendonly.aof.1.incr.aof", room);
}

START_TEST(a_tail_cut_short_loses_only_the_tail)
{
	char *path = append_only_file();
	struct stat st;

	add("whole");
	add("cut");
	stop_server();
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(truncate(path, st.st_size - 5), 0);
	start_server("own");
	ck_assert_int_eq(state_of("whole"), UNIT_READY);
	ck_assert_int_eq(state_of("cut"), UNIT_ABSENT);
	ck_assert_int_eq(add("cut"), UNIT_ABSENT);
	free(path);
}
END_TEST

START_TEST(data_that_cannot_be_read_are_set_aside)
{
	char *path = append_only_file(), *aside = mem_printf("%s/own/appendonlydir.damaged", room);
	char damage[300];
	struct stat st;
	int fd;

	for (int i = 0; i < 50; i++) {
		char *id = mem_printf("u%d", i);

		add(id);
		free(id);
	}
	stop_server();
	memset(damage, 'X', sizeof(damage));
	fd = open(path, O_WRONLY);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert_int_eq(pwrite(fd, damage, sizeof(damage), st.st_size - 2000), sizeof(damage));
	close(fd);
	start_server("own");
	claim(NULL, NOW);
	ck_assert_int_eq(add("new"), UNIT_ABSENT);
	ck_assert_int_eq(access(aside, F_OK), 0);
	free(path);
	free(aside);
}
END_TEST

START_TEST(a_lost_append_only_file_does_not_stop_the_server)
{
	char *path = append_only_file();

	add("u");
	stop_server();
	ck_assert_int_eq(unlink(path), 0);
	start_server("own");
	ck_assert_int_eq(add("new"), UNIT_ABSENT);
	free(path);
}
END_TEST

START_TEST(a_second_server_in_one_directory_is_refused)
{
	struct redis_server *second = NULL;
	char *dir = mem_printf("%s/own", room);

	ck_assert_int_eq(redis_server_start(&second, loop, dir, &err), -ERR_UNAVAILABLE);
	ck_assert_ptr_null(second);
	assert_ok(queue_ping(queue, &err));
	free(dir);
}
END_TEST

/* A process that starts a server, adds unit "u", tells the server's pid, and waits for its end. */
static pid_t start_in_another_process(const char *name, int *ret_redis)
{
	int fds[2];
	pid_t pid;

	ck_assert_int_eq(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		int redis;

		start_server(name);
		open_queue();
		add("u");
		redis = redis_server_pid(server);
		if (write(fds[1], &redis, sizeof(redis)) != sizeof(redis))
			_exit(1);
		for (;;)
			pause();
	}
	close(fds[1]);
	ck_assert_int_eq(read(fds[0], ret_redis, sizeof(*ret_redis)), sizeof(*ret_redis));
	close(fds[0]);
	return pid;
}

START_TEST(the_server_of_a_killed_daemon_is_replaced)
{
	struct pollfd old = { .events = POLLIN };
	char *prefix;
	int redis;
	pid_t other;

	close_queue();
	stop_server();
	other = start_in_another_process("left", &redis);
	old.fd = pidfd_open(redis, 0);
	ck_assert_int_ge(old.fd, 0);
	ck_assert_int_eq(kill(other, SIGKILL), 0);
	ck_assert_int_eq(waitpid(other, NULL, 0), other);
	start_server("left");
	ck_assert_msg(poll(&old, 1, 0) == 1, "two servers write one directory");
	close(old.fd);
	prefix = prefix_of(other);
	assert_ok(queue_open(&queue, redis_server_address(server), NULL, prefix, &err));
	ck_assert_int_eq(state_of("u"), UNIT_READY);
	free(prefix);
}
END_TEST

/* A server as an earlier bisectd would have started it, that nobody watches over.  Holds unit "u". */
static pid_t leave_a_server(const char *name)
{
	char *dir = mem_printf("%s/%s", room, name), *pid_path = mem_printf("%s.pid", dir), *address = mem_printf("unix:%s/redis.sock", dir);
	int64_t deadline = clock_steady_ms() + DEADLINE_MS;
	int fd;
	pid_t pid;

	assert_ok(dir_make(dir, 0700, &err));
	fd = open(pid_path, O_RDWR | O_CREAT, 0600);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(flock(fd, LOCK_EX | LOCK_NB), 0);
	pid = fork();
	if (pid == 0) {
		if (chdir(dir) == 0)
			execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", "redis.sock", "--appendonly", "yes",
				"--appendfsync", "always", "--save", "", "--logfile", "old.log", NULL);
		_exit(127);
	}
	ck_assert_int_gt(dprintf(fd, "%d\n", (int)pid), 0);
	close(fd);
	while (queue_open(&queue, address, NULL, "left", NULL) < 0) {
		ck_assert_int_lt(clock_steady_ms(), deadline);
		ck_assert_int_eq(waitpid(pid, NULL, WNOHANG), 0);
	}
	add("u");
	close_queue();
	free(dir);
	free(pid_path);
	free(address);
	return pid;
}

START_TEST(a_server_that_outlived_its_daemon_is_ended_and_its_data_kept)
{
	int status = -1;
	pid_t old;

	close_queue();
	stop_server();
	old = leave_a_server("left");
	start_server("left");
	ck_assert_int_eq(waitpid(old, &status, WNOHANG), old);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	assert_ok(queue_open(&queue, redis_server_address(server), NULL, "left", &err));
	ck_assert_int_eq(state_of("u"), UNIT_READY);
}
END_TEST

START_TEST(a_server_that_outlived_its_daemon_and_will_not_end_is_killed)
{
	int status = -1;
	pid_t old;

	close_queue();
	stop_server();
	old = leave_a_server("left");
	ck_assert_int_eq(kill(old, SIGSTOP), 0);
	start_server("left");
	ck_assert_int_eq(waitpid(old, &status, WNOHANG), old);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	assert_ok(queue_open(&queue, redis_server_address(server), NULL, "left", &err));
	ck_assert_int_eq(state_of("u"), UNIT_READY);
}
END_TEST

START_TEST(a_process_that_an_old_pid_file_names_by_chance_is_left_alone)
{
	char *pid_path = mem_printf("%s/own.pid", room), *text;
	pid_t innocent;

	stop_server();
	innocent = fork();
	if (innocent == 0) {
		for (;;)
			pause();
	}
	text = mem_printf("%d\n", (int)innocent);
	assert_ok(file_write_atomic(pid_path, text, strlen(text), 0600, &err));
	start_server("own");
	ck_assert_int_eq(waitpid(innocent, NULL, WNOHANG), 0);
	ck_assert_int_eq(kill(innocent, SIGKILL), 0);
	ck_assert_int_eq(waitpid(innocent, NULL, 0), innocent);
	free(pid_path);
	free(text);
}
END_TEST

START_TEST(a_server_that_hangs_costs_a_call_its_timeout_and_no_wrong_answer)
{
	int64_t begun = clock_steady_ms();
	struct lease lease = { 0 };

	add("u");
	ck_assert_int_eq(kill(redis_server_pid(server), SIGSTOP), 0);
	ck_assert_int_eq(queue_claim(queue, lanes, "agent", NOW, LEASE, &lease, &err), -ERR_UNAVAILABLE);
	ck_assert_int_le(clock_steady_ms() - begun, QUEUE_TIMEOUT_MS + 1000);
	/* The next ones do not wait for it once more. */
	begun = clock_steady_ms();
	for (int i = 0; i < 100; i++)
		ck_assert_int_eq(queue_ping(queue, &err), -ERR_UNAVAILABLE);
	ck_assert_int_le(clock_steady_ms() - begun, QUEUE_OUT_MS);
	ck_assert_int_eq(kill(redis_server_pid(server), SIGCONT), 0);
	begun = clock_steady_ms();
	while (queue_ping(queue, &err) < 0)
		ck_assert_int_lt(clock_steady_ms() - begun, DEADLINE_MS);
	/* The late answer belongs to the call before, not to this one. */
	ck_assert_int_eq(state_of("other"), UNIT_ABSENT);
	assert_ok(queue_ping(queue, &err));
}
END_TEST

START_TEST(a_server_that_says_nothing_is_replaced_and_a_slow_call_alone_kills_none)
{
	int64_t deadline = clock_steady_ms() + DEADLINE_MS;
	int pid = redis_server_pid(server);

	add("u");
	redis_server_doubt(server);
	ck_assert_int_eq(redis_server_pid(server), pid);
	assert_ok(queue_ping(queue, &err));
	ck_assert_int_eq(kill(pid, SIGSTOP), 0);
	while (redis_server_pid(server) == pid) {
		ck_assert_int_lt(clock_steady_ms(), deadline);
		redis_server_doubt(server);
		run_loop_for_a_moment();
	}
	wait_for_another_server(pid);
	ck_assert_int_eq(state_of("u"), UNIT_READY);
}
END_TEST

START_TEST(a_socket_path_of_any_length_works)
{
	struct str name = STR_INIT;

	close_queue();
	stop_server();
	for (int i = 0; i < 30; i++)
		str_add(&name, "a-long/");
	str_add(&name, "redis dir");
	start_server(name.buf);
	ck_assert_uint_gt(strlen(redis_server_address(server)), 200);
	open_queue();
	add("u");
	claim("u", NOW);
	str_release(&name);
}
END_TEST

START_TEST(the_server_itself_holds_the_lock_of_its_pid_file)
{
	char *pid_path = mem_printf("%s/own.pid", room), target[PATH_MAX];
	bool held = false;

	for (int fd = 3; fd < 100 && !held; fd++) {
		char *link = mem_printf("/proc/%d/fd/%d", redis_server_pid(server), fd);
		ssize_t len = readlink(link, target, sizeof(target) - 1);

		target[len > 0 ? len : 0] = '\0';
		held = strcmp(target, pid_path) == 0;
		free(link);
	}
	ck_assert(held);
	free(pid_path);
}
END_TEST

START_TEST(only_the_owner_reaches_the_socket)
{
	char *path = mem_printf("%s/own/redis.sock", room);
	struct stat st;

	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(st.st_mode & 077, 0);
	free(path);
}
END_TEST

START_TEST(a_missing_redis_is_an_error_with_its_address)
{
	struct queue *none = NULL;

	ck_assert_int_eq(queue_open(&none, "unix:/nonexistent/redis.sock", NULL, "p", &err), -ERR_UNAVAILABLE);
	ck_assert_ptr_nonnull(strstr(err.text, "unix:/nonexistent/redis.sock"));
	ck_assert_int_eq(queue_open(&none, "nonsense", NULL, "p", &err), -ERR_INVALID);
	ck_assert_int_eq(queue_open(&none, "host:99999", NULL, "p", &err), -ERR_INVALID);
	ck_assert_ptr_null(none);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("redis server");
	TCase *tcase = tcase_create("redis server");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, set_up_own, tear_down_own);
	tcase_set_timeout(tcase, 90);
	tcase_add_test(tcase, functions_survive_a_restart);
	tcase_add_test(tcase, every_unit_survives_an_orderly_restart);
	tcase_add_test(tcase, every_acknowledged_write_survives_kill_9_of_redis);
	tcase_add_test(tcase, a_deleted_directory_means_an_empty_queue_that_works);
	tcase_add_test(tcase, epochs_grow_over_a_lost_directory);
	tcase_add_test(tcase, a_tail_cut_short_loses_only_the_tail);
	tcase_add_test(tcase, data_that_cannot_be_read_are_set_aside);
	tcase_add_test(tcase, a_lost_append_only_file_does_not_stop_the_server);
	tcase_add_test(tcase, a_second_server_in_one_directory_is_refused);
	tcase_add_test(tcase, the_server_of_a_killed_daemon_is_replaced);
	tcase_add_test(tcase, a_server_that_outlived_its_daemon_is_ended_and_its_data_kept);
	tcase_add_test(tcase, a_server_that_outlived_its_daemon_and_will_not_end_is_killed);
	tcase_add_test(tcase, a_process_that_an_old_pid_file_names_by_chance_is_left_alone);
	tcase_add_test(tcase, a_server_that_hangs_costs_a_call_its_timeout_and_no_wrong_answer);
	tcase_add_test(tcase, a_server_that_says_nothing_is_replaced_and_a_slow_call_alone_kills_none);
	tcase_add_test(tcase, a_socket_path_of_any_length_works);
	tcase_add_test(tcase, the_server_itself_holds_the_lock_of_its_pid_file);
	tcase_add_test(tcase, only_the_owner_reaches_the_socket);
	tcase_add_test(tcase, a_missing_redis_is_an_error_with_its_address);
	suite_add_tcase(suite, tcase);

	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
