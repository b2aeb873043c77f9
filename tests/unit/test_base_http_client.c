/* The HTTP client, the one on a loop and the one that blocks: whatever happens is an answer or an error that says why. */
#include <check.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/http_fixture.h"

START_TEST(no_answer_is_an_error_that_says_why)
{
	struct http_call_options options = HTTP_CALL_INIT;
	struct reply reply = { .body = STR_INIT };
	int port = http_server_port(server);

	http_server_free(server);
	server = NULL;
	options.url = "http://127.0.0.1:1/";
	http_call_start(client, &options, on_done, &reply);
	UNTIL(reply.done);
	ck_assert_int_eq(reply.failure.code, ERR_UNAVAILABLE);
	ck_assert_ptr_nonnull(strstr(reply.failure.text, "GET http://127.0.0.1:1/: "));
	reply = (struct reply){ .body = STR_INIT };
	options.url = "file:///etc/passwd";
	http_call_start(client, &options, on_done, &reply);
	UNTIL(reply.done);
	ck_assert_int_eq(reply.failure.code, ERR_INVALID);
	reply = (struct reply){ .body = STR_INIT };
	options.token = "two\nlines";
	http_call_start(client, &options, on_done, &reply);
	ck_assert(!reply.done);
	UNTIL(reply.done);
	ck_assert_int_eq(reply.failure.code, ERR_INVALID);
	ck_assert_int_gt(port, 0);
	start_server(0);
}
END_TEST

START_TEST(a_deadline_for_the_answer_holds)
{
	struct http_call_options options = HTTP_CALL_INIT;
	struct reply reply;

	options.timeout_ms = 100;
	call(&reply, "GET", "/poll", options);
	ck_assert_int_eq(reply.failure.code, ERR_TIMEOUT);
	UNTIL(closed == 1);
}
END_TEST

START_TEST(an_answer_past_its_limit_is_an_error)
{
	struct http_call_options options = HTTP_CALL_INIT;
	struct reply reply;

	options.answer_max = 1000;
	call(&reply, "GET", "/file", options);
	ck_assert_int_eq(reply.failure.code, ERR_LIMIT);
	ck_assert_ptr_nonnull(strstr(reply.failure.text, "longer than 1000 bytes"));
}
END_TEST

static void free_client(const struct http_answer *answer, const struct error *failure, void *arg)
{
	http_client_free(client);
	client = NULL;
}

START_TEST(a_client_freed_by_its_own_answer_ends_the_other_calls)
{
	struct http_call_options options = HTTP_CALL_INIT;
	struct reply reply;

	begin(&reply, "GET", "/poll", PLAIN);
	UNTIL(held);
	options.url = url_of("/echo/1");
	http_call_start(client, &options, free_client, NULL);
	UNTIL(!client);
	UNTIL(closed == 1);
	ck_assert(!reply.done);
	http_call_cancel(NULL);
}
END_TEST

/* The blocking client needs a server that is not this thread: a process of its own, told its end by a signal. */
START_TEST(the_blocking_client_answers_and_fails_as_the_other)
{
	struct http_call_options options = HTTP_CALL_INIT;
	struct http_answer answer;
	char address[64];
	int fds[2], port = 0;
	pid_t pid;

	ck_assert_int_eq(pipe(fds), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		struct http_server_options own = { .address = "127.0.0.1", .routes = routes };

		loop = event_base_new();
		if (http_server_new(&server, loop, &own, NULL) < 0)
			_exit(1);
		port = http_server_port(server);
		if (write(fds[1], &port, sizeof(port)) < 0)
			_exit(1);
		event_base_dispatch(loop);
		_exit(0);
	}
	ck_assert_int_eq(read(fds[0], &port, sizeof(port)), (ssize_t)sizeof(port));
	snprintf(address, sizeof(address), "http://127.0.0.1:%d/echo/1", port);
	options.url = address;
	options.method = "POST";
	options.body = "b";
	options.body_len = 1;
	ck_assert_int_eq(http_call_run(&answer, &options, &err), 0);
	ck_assert_int_eq(answer.status, 200);
	ck_assert_str_eq(answer.body.buf, "POST id=1 q=- h=- c=- body=b");
	http_answer_release(&answer);
	snprintf(address, sizeof(address), "http://127.0.0.1:%d/poll", port);
	options = PLAIN;
	options.url = address;
	options.timeout_ms = 50;
	ck_assert_int_eq(http_call_run(&answer, &options, &err), -ERR_TIMEOUT);
	kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	ck_assert_int_eq(http_call_run(&answer, &options, &err), -ERR_UNAVAILABLE);
	close(fds[0]);
	close(fds[1]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("base_http_client");
	TCase *tests = tcase_create("client");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, no_answer_is_an_error_that_says_why);
	tcase_add_test(tests, a_deadline_for_the_answer_holds);
	tcase_add_test(tests, an_answer_past_its_limit_is_an_error);
	tcase_add_test(tests, a_client_freed_by_its_own_answer_ends_the_other_calls);
	tcase_add_test(tests, the_blocking_client_answers_and_fails_as_the_other);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
