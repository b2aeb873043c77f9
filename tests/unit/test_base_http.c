/* The HTTP server: who gets which route, what is read of a request and its body, and where the limits are. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "tests/unit/http_fixture.h"

#define BIG (100u << 20)

static struct http_call_options with_body(const char *text, size_t len)
{
	struct http_call_options options = HTTP_CALL_INIT;

	options.body = text;
	options.body_len = len;
	return options;
}

/* --- Routes. --- */

START_TEST(parameters_queries_headers_and_cookies_are_decoded)
{
	struct raw raw;

	expect("GET", "/echo/a%2Fb%20c?x=1&q=a+b%26c%3d", PLAIN, 200, "GET id=a/b c q=a b&c= h=- c=- body=");
	expect("GET", "/echo/a%2F..%2F..%2Fetc", PLAIN, 200, "GET id=a/../../etc q=- h=- c=- body=");
	expect("GET", "/echo/x?q", PLAIN, 200, "GET id=x q= h=- c=- body=");
	expect("POST", "/echo/x+y", with_body("hello", 5), 200, "POST id=x+y q=- h=- c=- body=hello");
	expect("POST", "/echo/x", PLAIN, 200, "POST id=x q=- h=- c=- body=");
	raw_open(&raw, "GET /echo/1 HTTP/1.1\r\nHost: h\r\nx-thing: v\r\nCookie: a=b; c=d\r\nConnection: close\r\n\r\n");
	UNTIL(raw.closed);
	ck_assert_ptr_nonnull(strstr(raw.in.buf, "GET id=1 q=- h=v c=d body="));
	raw_close(&raw);
}
END_TEST

START_TEST(the_rest_of_a_path_stays_below_where_it_starts)
{
	expect("GET", "/files/a/b%20c/d", PLAIN, 200, "a/b c/d");
	expect("GET", "/files/", PLAIN, 200, "");
	expect("GET", "/files", PLAIN, 404, NULL);
	expect("GET", "/files/a%2F..%2F..%2Fetc", PLAIN, 404, NULL);
	expect_raw("GET /files/../etc HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 400 Bad Request");
	expect_raw("GET /files/%2e%2E/etc HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 400 Bad Request");
	expect_raw("GET /files/a/./b HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 400 Bad Request");
	expect_raw("GET /echo/.. HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 400 Bad Request");
	expect_raw("GET /echo/a%00b HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 400 Bad Request");
	expect_raw("GET /echo/a%g0 HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 400 Bad Request");
	expect_raw("GET /echo/a%2 HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 400 Bad Request");
	expect_raw("GET /echo/a?q=%00 HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 400 Bad Request");
	expect_raw("GET http://h/echo/a HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 400 Bad Request");
}
END_TEST

START_TEST(a_path_without_a_row_is_404_and_a_wrong_method_405_with_allow)
{
	struct raw raw;

	expect("GET", "/nothing", PLAIN, 404, "{\"error\":\"not-found\",\"message\":\"there is nothing at this path\"}");
	expect("GET", "/echo/", PLAIN, 404, NULL);
	expect("GET", "/echo/a/b", PLAIN, 404, NULL);
	expect("POST", "/nothing", with_body("body", 4), 404, NULL);
	raw_open(&raw, "DELETE /echo/1 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
	UNTIL(raw.closed);
	ck_assert(str_has_prefix(raw.in.buf, "HTTP/1.1 405 "));
	ck_assert_ptr_nonnull(strstr(raw.in.buf, "\r\nAllow: GET, HEAD, POST\r\n"));
	raw_close(&raw);
}
END_TEST

START_TEST(head_is_get_without_the_body)
{
	struct raw raw;

	raw_open(&raw, "HEAD /file HTTP/1.1\r\nHost: h\r\n\r\nHEAD /echo/1 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
	UNTIL(raw.closed);
	ck_assert_ptr_nonnull(strstr(raw.in.buf, "\r\nContent-Length: 5000000\r\n"));
	ck_assert_uint_lt(raw.in.len, 600);
	ck_assert_ptr_null(strstr(raw.in.buf, "id=1"));
	raw_close(&raw);
	/* A stream has nothing to say to it: it is over at once, and the handler is told. */
	expect("HEAD", "/events", PLAIN, 200, "");
	UNTIL(closed == 1);
}
END_TEST

START_TEST(who_may_not_is_told_before_the_body_is_read)
{
	struct http_call_options options = HTTP_CALL_INIT;

	expect("GET", "/secret/1", PLAIN, 401, "who are you");
	options.token = "right";
	expect("GET", "/secret/1", options, 200, NULL);
	expect("POST", "/secret/1", with_body("small", 5), 401, "who are you");
	options = PLAIN;
	options.body_fd = big_file(BIG);
	options.body_len = BIG;
	expect("POST", "/secret/1", options, 401, "who are you");
	close(options.body_fd);
}
END_TEST

START_TEST(a_second_answer_is_ignored_and_errors_are_json)
{
	struct http_answer answer = { 0, STR_INIT };
	struct reply reply;

	call(&reply, "GET", "/error", PLAIN);
	ck_assert_int_eq(reply.status, 409);
	ck_assert_str_eq(reply.body.buf,
		"{\"error\":\"stale\",\"message\":\"epoch 4 is over: \\\\xff\\\"\"}");
	answer.status = reply.status;
	answer.body = reply.body;
	http_answer_error(&err, &answer, "finish");
	ck_assert_int_eq(err.code, ERR_STALE);
	ck_assert_str_eq(err.text, "finish: epoch 4 is over: \\xff\"");
	str_release(&reply.body);
	answer = (struct http_answer){ 502, STR_INIT };
	http_answer_error(&err, &answer, "claim");
	ck_assert_int_eq(err.code, ERR_UNAVAILABLE);
	ck_assert_str_eq(err.text, "claim: the server answered with status 502");
}
END_TEST

START_TEST(a_redirect_is_an_answer_and_no_header_can_be_smuggled)
{
	struct raw raw;

	expect("GET", "/redirect", PLAIN, 303, "");
	raw_open(&raw, "GET /redirect HTTP/1.0\r\n\r\n");
	UNTIL(raw.closed);
	ck_assert_ptr_nonnull(strstr(raw.in.buf, "Location: /echo/there\r\n"));
	ck_assert_ptr_null(strstr(raw.in.buf, "stolen"));
	raw_close(&raw);
}
END_TEST

/* --- Bodies. --- */

START_TEST(a_body_past_its_limit_is_413_announced_or_in_chunks)
{
	static char text[1002];
	struct raw raw;

	memset(text, 'x', sizeof(text) - 1);
	expect("POST", "/echo/1", with_body(text, 1000), 200, NULL);
	expect("POST", "/echo/1", with_body(text, 1001), 413, NULL);
	raw_open(&raw, "POST /echo/1 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n");
	raw_send(&raw, text);
	UNTIL(raw.closed);
	ck_assert(str_has_prefix(raw.in.buf, "HTTP/1.1 413 "));
	ck_assert_ptr_nonnull(strstr(raw.in.buf, "\"error\":\"limit\""));
	raw_close(&raw);
	expect_raw("POST /echo/1 HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999\r\n\r\n", "HTTP/1.1 413 Content Too Large");
	expect_raw("PUT /limited HTTP/1.1\r\nHost: h\r\nContent-Length: 2000001\r\n\r\n", "HTTP/1.1 413 Content Too Large");
}
END_TEST

START_TEST(a_length_that_is_no_number_is_400)
{
	expect_raw("POST /echo/1 HTTP/1.1\r\nHost: h\r\nContent-Length: abc\r\n\r\n", "HTTP/1.1 400 Bad Request");
	expect_raw("POST /echo/1 HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n", "HTTP/1.1 400 Bad Request");
	expect_raw("POST /echo/1 HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999999\r\n\r\n",
		"HTTP/1.1 413 Content Too Large");
	expect_raw("POST /echo/1 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
		"HTTP/1.1 400 Bad Request");
}
END_TEST

START_TEST(a_body_where_none_belongs_is_400_and_the_connection_lives)
{
	struct raw raw;

	raw_open(&raw, "POST /wake HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nabcde"
		"GET /echo/next HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
	UNTIL(raw.closed);
	ck_assert(str_has_prefix(raw.in.buf, "HTTP/1.1 400 "));
	ck_assert_ptr_nonnull(strstr(raw.in.buf, "id=next"));
	raw_close(&raw);
}
END_TEST

START_TEST(headers_past_the_limit_are_431)
{
	struct str text = STR_INIT;

	str_add(&text, "GET /echo/1 HTTP/1.1\r\nHost: h\r\n");
	while (text.len < HTTP_HEADER_MAX + 1000)
		str_addf(&text, "X-%zu: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n", text.len);
	str_add(&text, "\r\n");
	expect_raw(text.buf, "HTTP/1.1 431 Request Header Fields Too Large");
	str_clear(&text);
	str_add(&text, "GET /echo/1 HTTP/1.1\r\nHost: h\r\nX: ");
	while (text.len < 1000000)
		str_add(&text, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
	expect_raw(text.buf, "HTTP/1.1 431 Request Header Fields Too Large");
	str_release(&text);
}
END_TEST

static long resident_kb(void)
{
	struct str text = STR_INIT;
	const char *at;
	long kb;

	ck_assert_int_eq(file_read(&text, "/proc/self/status", 1 << 20, &err), 0);
	at = strstr(text.buf, "RssAnon:");
	ck_assert_ptr_nonnull(at);
	kb = atol(at + strlen("RssAnon:"));
	str_release(&text);
	return kb;
}

START_TEST(a_hundred_megabytes_go_up_in_flat_memory)
{
	struct http_call_options options = HTTP_CALL_INIT;
	struct reply reply;
	long before, most = 0;

	expect("PUT", "/upload", with_body("warm", 4), 201, "4");
	received = 0;
	before = resident_kb();
	options.body_fd = big_file(BIG);
	options.body_len = BIG;
	begin(&reply, "PUT", "/upload", options);
	for (int turns = 0; !reply.done; turns++) {
		event_base_loop(loop, EVLOOP_ONCE);
		if (turns % 256 == 0 && resident_kb() > most)
			most = resident_kb();
	}
	ck_assert_int_eq(reply.status, 201);
	ck_assert_str_eq(reply.body.buf, "104857600");
	ck_assert_int_eq(begun, 2);
	ck_assert_int_gt(most, 0);
	ck_assert_int_lt(most - before, 8 << 10);
	str_release(&reply.body);
	close(options.body_fd);
}
END_TEST

START_TEST(a_streamed_body_may_be_refused_at_its_start_and_on_its_way)
{
	struct http_call_options options = HTTP_CALL_INIT;

	expect("PUT", "/upload?refuse=1", with_body("abc", 3), 409, "no need");
	options.body_fd = big_file(BIG);
	options.body_len = BIG;
	expect("PUT", "/upload?refuse=1", options, 409, "no need");
	ck_assert_uint_eq(received, 0);
	refused_at = 3000000;
	expect("PUT", "/upload", options, 507, "full");
	ck_assert_uint_lt(received, 4000000);
	close(options.body_fd);
}
END_TEST

START_TEST(an_upload_that_breaks_off_never_reaches_its_handler)
{
	struct raw raw;

	raw_open(&raw, "PUT /upload HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nabc");
	UNTIL(received == 3);
	raw_close(&raw);
	raw_open(&raw, "PUT /upload HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n10\r\nabc");
	UNTIL(received == 6);
	raw_close(&raw);
	expect("GET", "/echo/alive", PLAIN, 200, NULL);
}
END_TEST

START_TEST(a_file_is_sent_whole_into_a_descriptor)
{
	struct http_call_options options = HTTP_CALL_INIT;

	options.output_fd = big_file(0);
	expect("GET", "/file", options, 200, "");
	ck_assert_int_eq(lseek(options.output_fd, 0, SEEK_END), 5000000);
	/* What is no success does not belong there. */
	ck_assert_int_eq(ftruncate(options.output_fd, 0), 0);
	expect("GET", "/error", options, 409, NULL);
	ck_assert_int_eq(lseek(options.output_fd, 0, SEEK_END), 0);
	close(options.output_fd);
}
END_TEST

/* --- The server's limits. --- */

START_TEST(one_connection_too_many_is_503)
{
	struct raw raw[3];

	http_server_free(server);
	start_server(3);
	for (int i = 0; i < 3; i++) {
		raw_open(&raw[i], "GET /echo/1 HTTP/1.1\r\nHost: h\r\n\r\n");
		UNTIL(strstr(raw[i].in.buf, "id=1"));
	}
	expect_raw("GET /echo/1 HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 503 Service Unavailable");
	for (int i = 0; i < 3; i++)
		raw_close(&raw[i]);
	turn(20);
	expect("GET", "/echo/1", PLAIN, 200, NULL);
}
END_TEST

START_TEST(a_port_in_use_is_an_error_with_its_number)
{
	struct http_server_options options = { .address = "127.0.0.1", .port = http_server_port(server), .routes = routes };
	struct http_server *second = NULL;
	char want[100];

	ck_assert_int_eq(http_server_new(&second, loop, &options, &err), -ERR_IO);
	snprintf(want, sizeof(want), "cannot listen at 127.0.0.1 port %d: Address already in use", options.port);
	ck_assert_str_eq(err.text, want);
	options.address = "localhost.example";
	ck_assert_int_eq(http_server_new(&second, loop, &options, &err), -ERR_INVALID);
	ck_assert_ptr_null(second);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("base_http");
	TCase *tests = tcase_create("http");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, parameters_queries_headers_and_cookies_are_decoded);
	tcase_add_test(tests, the_rest_of_a_path_stays_below_where_it_starts);
	tcase_add_test(tests, a_path_without_a_row_is_404_and_a_wrong_method_405_with_allow);
	tcase_add_test(tests, head_is_get_without_the_body);
	tcase_add_test(tests, who_may_not_is_told_before_the_body_is_read);
	tcase_add_test(tests, a_second_answer_is_ignored_and_errors_are_json);
	tcase_add_test(tests, a_redirect_is_an_answer_and_no_header_can_be_smuggled);
	tcase_add_test(tests, a_body_past_its_limit_is_413_announced_or_in_chunks);
	tcase_add_test(tests, a_length_that_is_no_number_is_400);
	tcase_add_test(tests, a_body_where_none_belongs_is_400_and_the_connection_lives);
	tcase_add_test(tests, headers_past_the_limit_are_431);
	tcase_add_test(tests, a_hundred_megabytes_go_up_in_flat_memory);
	tcase_add_test(tests, a_streamed_body_may_be_refused_at_its_start_and_on_its_way);
	tcase_add_test(tests, an_upload_that_breaks_off_never_reaches_its_handler);
	tcase_add_test(tests, a_file_is_sent_whole_into_a_descriptor);
	tcase_add_test(tests, one_connection_too_many_is_503);
	tcase_add_test(tests, a_port_in_use_is_an_error_with_its_number);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
