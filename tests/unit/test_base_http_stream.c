/* HTTP answers that come later or in pieces, and clients that do not wait for them. */
#include <check.h>
#include <string.h>
#include <sys/resource.h>

#include "tests/unit/http_fixture.h"

static int64_t cpu_ms(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000 +
		(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000;
}

/* --- Later answers. --- */

START_TEST(a_long_poll_is_answered_later)
{
	struct reply reply;

	begin(&reply, "GET", "/poll", PLAIN);
	UNTIL(held);
	ck_assert(!reply.done);
	expect("POST", "/wake", PLAIN, 204, "");
	UNTIL(reply.done);
	ck_assert_int_eq(reply.status, 200);
	ck_assert_str_eq(reply.body.buf, "woken");
	UNTIL(released == 1);
	ck_assert_int_eq(closed, 0);
	str_release(&reply.body);
}
END_TEST

START_TEST(waiting_costs_no_time)
{
	struct reply reply;
	int64_t before;

	begin(&reply, "GET", "/poll", PLAIN);
	UNTIL(held);
	before = cpu_ms();
	turn(500);
	ck_assert_int_lt(cpu_ms() - before, 100);
	expect("POST", "/wake", PLAIN, 204, "");
	UNTIL(reply.done);
	str_release(&reply.body);
}
END_TEST

START_TEST(a_client_that_leaves_a_long_poll_is_told_at_once)
{
	struct http_call *one;
	struct reply reply;

	one = begin(&reply, "GET", "/poll", PLAIN);
	UNTIL(held);
	http_call_cancel(one);
	UNTIL(closed == 1);
	UNTIL(released == 1);
	ck_assert(!reply.done);
	ck_assert_ptr_null(held);
	str_release(&reply.body);
}
END_TEST

START_TEST(a_late_answer_to_a_client_that_left_hurts_nobody)
{
	struct http_call *one;
	struct reply reply;

	one = begin(&reply, "GET", "/poll?careless=1", PLAIN);
	UNTIL(held);
	http_call_cancel(one);
	turn(50);
	ck_assert_int_eq(released, 0);
	ck_assert_ptr_null(http_header(held, "Host"));
	ck_assert_str_eq(http_query(held, "careless"), "1");
	expect("POST", "/wake", PLAIN, 204, "");
	ck_assert_int_eq(released, 1);
	/* And one that is never answered ends with the server. */
	one = begin(&reply, "GET", "/poll?careless=1", PLAIN);
	UNTIL(held);
	http_call_cancel(one);
	turn(50);
}
END_TEST

START_TEST(a_server_that_ends_tells_those_who_wait)
{
	struct http_request *poll;
	struct reply reply, stream;

	begin(&reply, "GET", "/poll", PLAIN);
	UNTIL(held);
	poll = held;
	held = NULL;
	begin(&stream, "GET", "/events?careless=1", PLAIN);
	UNTIL(held);
	turn(20);
	held = poll;
	http_server_free(server);
	ck_assert_int_eq(closed, 1);
	ck_assert_int_eq(released, 1);
	server = NULL;
	UNTIL(reply.done && stream.done);
	ck_assert_int_eq(reply.failure.code, ERR_UNAVAILABLE);
	start_server(0);
	str_release(&reply.body);
	str_release(&stream.body);
}
END_TEST

/* --- Streams. --- */

static int stop_after, started_inside;
static struct http_call *cancel_inside;
static struct reply inner;

static bool on_data(const char *bytes, size_t len, void *arg)
{
	str_add_bytes(&seen, bytes, len);
	if (started_inside-- == 1)
		begin(&inner, "GET", "/echo/inner", PLAIN);
	if (cancel_inside)
		http_call_cancel(cancel_inside);
	cancel_inside = NULL;
	return !stop_after || seen.len < (size_t)stop_after;
}

static struct http_call_options streaming(void)
{
	struct http_call_options options = HTTP_CALL_INIT;

	options.on_data = on_data;
	options.timeout_ms = -1;
	return options;
}

START_TEST(a_stream_brings_each_piece_as_it_is_written)
{
	struct reply reply;

	begin(&reply, "GET", "/events?first=1", streaming());
	UNTIL(strcmp(seen.buf, "data: 0\n\n") == 0);
	http_stream_write(held, "data: 1\n\n", 9);
	UNTIL(strcmp(seen.buf, "data: 0\n\ndata: 1\n\n") == 0);
	http_stream_write(held, "x", 1);
	http_stream_write(held, "y", 1);
	http_stream_end(held);
	UNTIL(reply.done);
	ck_assert_str_eq(seen.buf, "data: 0\n\ndata: 1\n\nxy");
	ck_assert_int_eq(reply.status, 200);
	ck_assert_int_eq(closed, 0);
	str_release(&reply.body);
}
END_TEST

START_TEST(the_headers_of_a_silent_stream_are_sent_at_once)
{
	struct raw raw;

	raw_open(&raw, "GET /events HTTP/1.1\r\nHost: h\r\n\r\n");
	UNTIL(held);
	/* No Nagle or cork may hold them: those would let go after 200 ms. */
	turn(60);
	ck_assert_ptr_nonnull(strstr(raw.in.buf, "\r\n\r\n"));
	raw_close(&raw);
	UNTIL(closed == 1);
}
END_TEST

START_TEST(a_megabyte_at_a_time_streams_through)
{
	static char block[1 << 20];
	struct reply reply;

	memset(block, 'b', sizeof(block));
	begin(&reply, "GET", "/events", streaming());
	UNTIL(held);
	for (int i = 1; i <= 20; i++) {
		http_stream_write(held, block, sizeof(block));
		UNTIL(seen.len == (size_t)i * sizeof(block));
	}
	http_stream_end(held);
	UNTIL(reply.done);
	ck_assert_uint_eq(strspn(seen.buf, "b"), seen.len);
	str_release(&reply.body);
}
END_TEST

START_TEST(a_client_that_leaves_a_stream_is_told_at_once)
{
	struct raw raw;

	raw_open(&raw, "GET /events?first=1 HTTP/1.1\r\nHost: h\r\n\r\n");
	UNTIL(strstr(raw.in.buf, "data: 0"));
	raw_close(&raw);
	UNTIL(closed == 1);
	expect("GET", "/echo/alive", PLAIN, 200, NULL);
}
END_TEST

START_TEST(a_client_that_leaves_in_the_middle_of_writing_is_told)
{
	static char block[1 << 20];
	struct raw raw;

	raw_open(&raw, "GET /events HTTP/1.1\r\nHost: h\r\n\r\n");
	UNTIL(held);
	http_stream_write(held, block, sizeof(block));
	UNTIL(raw.in.len > 100000);
	raw_close(&raw);
	UNTIL(closed == 1);
}
END_TEST

START_TEST(a_stream_without_a_listener_may_be_written_on)
{
	struct raw raw;

	raw_open(&raw, "GET /events?careless=1 HTTP/1.1\r\nHost: h\r\n\r\n");
	UNTIL(held);
	raw_close(&raw);
	turn(50);
	http_stream_write(held, "x", 1);
	http_stream_end(held);
	expect("GET", "/echo/alive", PLAIN, 200, NULL);
}
END_TEST

START_TEST(a_client_too_slow_for_its_stream_is_cut_off)
{
	static char block[1 << 20];
	struct raw raw;

	raw_open(&raw, "GET /events HTTP/1.1\r\nHost: h\r\n\r\n");
	UNTIL(held);
	event_del(raw.on_read);
	for (int i = 0; i < 200 && held; i++) {
		http_stream_write(held, block, sizeof(block));
		event_base_loop(loop, EVLOOP_NONBLOCK);
	}
	UNTIL(closed == 1);
	raw_close(&raw);
}
END_TEST

START_TEST(on_data_may_end_its_call_or_cancel_it_or_start_another)
{
	struct reply reply;

	stop_after = 5;
	begin(&reply, "GET", "/events?first=1", streaming());
	UNTIL(reply.done);
	ck_assert_int_eq(reply.status, 200);
	UNTIL(closed == 1);

	stop_after = 0;
	cancel_inside = begin(&reply, "GET", "/events?first=1", streaming());
	UNTIL(closed == 2);
	ck_assert(!reply.done);

	started_inside = 1;
	begin(&reply, "GET", "/events?first=1", streaming());
	UNTIL(inner.done);
	ck_assert_int_eq(inner.status, 200);
	str_release(&inner.body);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("base_http_stream");
	TCase *tests = tcase_create("stream");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, a_long_poll_is_answered_later);
	tcase_add_test(tests, waiting_costs_no_time);
	tcase_add_test(tests, a_client_that_leaves_a_long_poll_is_told_at_once);
	tcase_add_test(tests, a_late_answer_to_a_client_that_left_hurts_nobody);
	tcase_add_test(tests, a_server_that_ends_tells_those_who_wait);
	tcase_add_test(tests, a_stream_brings_each_piece_as_it_is_written);
	tcase_add_test(tests, the_headers_of_a_silent_stream_are_sent_at_once);
	tcase_add_test(tests, a_megabyte_at_a_time_streams_through);
	tcase_add_test(tests, a_client_that_leaves_a_stream_is_told_at_once);
	tcase_add_test(tests, a_client_that_leaves_in_the_middle_of_writing_is_told);
	tcase_add_test(tests, a_stream_without_a_listener_may_be_written_on);
	tcase_add_test(tests, a_client_too_slow_for_its_stream_is_cut_off);
	tcase_add_test(tests, on_data_may_end_its_call_or_cancel_it_or_start_another);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
