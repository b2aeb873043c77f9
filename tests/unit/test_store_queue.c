/* The queue's moves, on one real redis-server; each test has its own prefix. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "store/queue_lua.h"
#include "tests/unit/queue_fixture.h"

/* --- adding and claiming --- */

START_TEST(an_added_unit_is_claimed_with_its_payload)
{
	struct lease lease = { 0 };

	ck_assert_int_eq(add("u1"), UNIT_ABSENT);
	ck_assert_int_eq(state_of("u1"), UNIT_READY);
	assert_ok(queue_claim(queue, lanes, "agent", NOW, LEASE, &lease, &err));
	ck_assert_str_eq(lease.id, "u1");
	ck_assert_str_eq(lease.payload, "{\"kind\":\"build\"}");
	ck_assert_uint_eq(lease.attempt, 1);
	ck_assert_uint_gt(lease.epoch, 0);
	ck_assert_int_eq(lease.until_ms, NOW + LEASE);
	lease_release(&lease);
	ck_assert_int_eq(state_of("u1"), UNIT_LEASED);
	claim(NULL, NOW);
}
END_TEST

START_TEST(an_empty_queue_gives_nothing)
{
	claim(NULL, NOW);
	ck_assert_int_eq(state_of("nobody"), UNIT_ABSENT);
}
END_TEST

START_TEST(higher_priorities_come_first_and_equal_ones_in_order)
{
	add_to("low", LANE, 0);
	add_to("a", LANE, 5);
	add_to("b", LANE, 5);
	add_to("high", LANE, 9);
	add_to("c", LANE, 5);
	claim("high", NOW);
	claim("a", NOW);
	claim("b", NOW);
	claim("c", NOW);
	claim("low", NOW);
	claim(NULL, NOW);
}
END_TEST

START_TEST(the_best_of_several_lanes_is_claimed)
{
	static const char *const both[] = { "test/dc/x86_64", LANE, NULL };
	struct lease lease = { 0 };
	static const char *const order[] = { "t9", "b5", "t5", "b1" };

	add_to("b1", LANE, 1);
	add_to("b5", LANE, 5);
	add_to("t5", "test/dc/x86_64", 5);
	add_to("t9", "test/dc/x86_64", 9);
	add_to("foreign", "build/aarch64", 9);
	for (size_t i = 0; i < 4; i++) {
		assert_ok(queue_claim(queue, both, "agent", NOW, LEASE, &lease, &err));
		ck_assert_str_eq(lease.id, order[i]);
		lease_release(&lease);
	}
	assert_ok(queue_claim(queue, both, "agent", NOW, LEASE, &lease, &err));
	ck_assert_ptr_null(lease.id);
	ck_assert_int_eq(state_of("foreign"), UNIT_READY);
}
END_TEST

START_TEST(added_twice_is_added_once)
{
	size_t ready, leased;

	ck_assert_int_eq(add("u"), UNIT_ABSENT);
	ck_assert_int_eq(add("u"), UNIT_READY);
	assert_ok(queue_depths(queue, &ready, &leased, &err));
	ck_assert_uint_eq(ready, 1);
	claim("u", NOW);
	ck_assert_int_eq(add("u"), UNIT_LEASED);
	claim(NULL, NOW);
	assert_ok(queue_depths(queue, &ready, &leased, &err));
	ck_assert_uint_eq(ready, 0);
	ck_assert_uint_eq(leased, 1);
}
END_TEST

START_TEST(a_done_unit_is_not_added_again)
{
	uint64_t epoch;

	add("u");
	epoch = claim("u", NOW);
	assert_ok(queue_finish(queue, "u", epoch, &err));
	ck_assert_int_eq(add("u"), UNIT_DONE);
	claim(NULL, NOW);
}
END_TEST

START_TEST(a_cancelled_unit_added_again_is_offered_with_fresh_attempts)
{
	struct lease lease = { 0 };

	add("u");
	claim("u", NOW);
	assert_ok(queue_cancel(queue, "u", &err));
	ck_assert_int_eq(add("u"), UNIT_CANCELLED);
	assert_ok(queue_claim(queue, lanes, "agent", NOW, LEASE, &lease, &err));
	ck_assert_str_eq(lease.id, "u");
	ck_assert_uint_eq(lease.attempt, 1);
	lease_release(&lease);
}
END_TEST

START_TEST(adding_again_raises_a_priority_and_never_lowers_it)
{
	add_to("a", LANE, 5);
	add_to("b", LANE, 4);
	add_to("b", LANE, 8);
	add_to("b", LANE, 1);
	claim("b", NOW);
	add_to("b", LANE, 9);
	add_to("c", LANE, 8);
	/* b comes back in its new place */
	expire(NOW + LEASE, NULL);
	claim("b", NOW);
	claim("c", NOW);
	claim("a", NOW);
}
END_TEST

START_TEST(text_that_looks_like_commands_stays_text)
{
	static const char *const odd_lanes[] = { "la ne\r\n'\"$(x)", NULL };
	struct unit_spec spec = { .id = "i d\r\n*1\r\n", .lane = odd_lanes[0], .priority = 3, .payload = "a\nb\r\n\"\\ \xff" };
	struct lease lease = { 0 };

	assert_ok(queue_add(queue, &spec, NOW, NULL, &err));
	assert_ok(queue_claim(queue, odd_lanes, "o\nwner", NOW, LEASE, &lease, &err));
	ck_assert_str_eq(lease.id, spec.id);
	ck_assert_str_eq(lease.payload, spec.payload);
	lease_release(&lease);
}
END_TEST

START_TEST(a_unit_without_id_lane_or_priority_in_range_is_refused)
{
	struct unit_spec spec = { .id = "", .lane = LANE, .priority = 5, .payload = "" };

	ck_assert_int_eq(queue_add(queue, &spec, NOW, NULL, &err), -ERR_INVALID);
	spec = (struct unit_spec){ .id = "u", .lane = "", .priority = 5 };
	ck_assert_int_eq(queue_add(queue, &spec, NOW, NULL, &err), -ERR_INVALID);
	spec = (struct unit_spec){ .id = "u", .lane = LANE, .priority = 10 };
	ck_assert_int_eq(queue_add(queue, &spec, NOW, NULL, &err), -ERR_INVALID);
	ck_assert_int_eq(state_of("u"), UNIT_ABSENT);
}
END_TEST

/* --- leases and epochs --- */

START_TEST(an_old_epoch_is_refused_everywhere)
{
	uint64_t old, newest;

	add("u");
	old = claim("u", NOW);
	ck_assert_uint_eq(expire(NOW + LEASE, NULL), 1);
	/* back in the ready set: lost, although nobody else has it yet */
	ck_assert_int_eq(queue_finish(queue, "u", old, &err), -ERR_STALE);
	newest = claim("u", NOW + LEASE);
	ck_assert_uint_gt(newest, old);
	ck_assert_int_eq(queue_renew(queue, "u", old, NOW, LEASE, &err), -ERR_STALE);
	ck_assert_int_eq(queue_check(queue, "u", old, &err), -ERR_STALE);
	ck_assert_int_eq(queue_finish(queue, "u", old, &err), -ERR_STALE);
	ck_assert_int_eq(queue_release(queue, "u", old, BLAME_BOX, "", 0, NOW, NULL, &err), -ERR_STALE);
	assert_ok(queue_check(queue, "u", newest, &err));
	assert_ok(queue_finish(queue, "u", newest, &err));
	ck_assert_int_eq(queue_finish(queue, "u", old, &err), -ERR_STALE);
	ck_assert_int_eq(state_of("u"), UNIT_DONE);
}
END_TEST

START_TEST(epochs_grow_even_if_the_clock_goes_back)
{
	uint64_t first, second, third;

	add("u");
	first = claim("u", NOW);
	expire(NOW + LEASE, NULL);
	second = claim("u", NOW - 5000);
	ck_assert_uint_gt(second, first);
	expire(NOW + LEASE, NULL);
	third = claim("u", INT64_C(1795475245123));
	ck_assert_uint_ge(third, UINT64_C(1795475245123));
	assert_ok(queue_finish(queue, "u", third, &err));
}
END_TEST

START_TEST(an_unknown_unit_is_stale)
{
	ck_assert_int_eq(queue_renew(queue, "none", 1, NOW, LEASE, &err), -ERR_STALE);
	ck_assert_int_eq(queue_check(queue, "none", 1, &err), -ERR_STALE);
	ck_assert_int_eq(queue_finish(queue, "none", 1, &err), -ERR_STALE);
	ck_assert_int_eq(queue_release(queue, "none", 1, BLAME_BOX, "", 0, NOW, NULL, &err), -ERR_STALE);
	ck_assert_int_eq(state_of("none"), UNIT_ABSENT);
}
END_TEST

START_TEST(a_renewed_lease_does_not_expire)
{
	struct unit_info info = { 0 };
	uint64_t epoch;

	add("u");
	epoch = claim("u", NOW);
	assert_ok(queue_renew(queue, "u", epoch, NOW + LEASE - 1, LEASE, &err));
	ck_assert_uint_eq(expire(NOW + LEASE, NULL), 0);
	assert_ok(queue_get(queue, "u", &info, &err));
	ck_assert_int_eq(info.state, UNIT_LEASED);
	ck_assert_int_eq(info.until_ms, NOW + 2 * LEASE - 1);
	ck_assert_str_eq(info.owner, "agent");
	ck_assert_str_eq(info.lane, LANE);
	ck_assert_str_eq(info.payload, "{\"kind\":\"build\"}");
	ck_assert_uint_eq(info.epoch, epoch);
	ck_assert_uint_eq(info.attempts, 1);
	unit_info_release(&info);
	ck_assert_uint_eq(expire(NOW + 2 * LEASE - 1, NULL), 1);
	ck_assert_int_eq(state_of("u"), UNIT_READY);
}
END_TEST

START_TEST(expiring_stops_at_its_maximum_and_oldest_first)
{
	unsigned n = 0;

	add("a");
	add("b");
	add("c");
	claim("a", NOW);
	claim("b", NOW + 1);
	claim("c", NOW + 2);
	assert_ok(queue_expire(queue, NOW + LEASE + 1, 1, LEASE, 0, &n, NULL, NULL, &err));
	ck_assert_uint_eq(n, 1);
	ck_assert_int_eq(state_of("a"), UNIT_READY);
	ck_assert_int_eq(state_of("b"), UNIT_LEASED);
	ck_assert_uint_eq(expire(NOW + LEASE + 1, NULL), 1);
	ck_assert_int_eq(state_of("c"), UNIT_LEASED);
}
END_TEST

START_TEST(finished_twice_is_finished_once)
{
	uint64_t epoch;

	add("u");
	epoch = claim("u", NOW);
	assert_ok(queue_finish(queue, "u", epoch, &err));
	assert_ok(queue_finish(queue, "u", epoch, &err));
	assert_ok(queue_check(queue, "u", epoch, &err));
	ck_assert_int_eq(queue_renew(queue, "u", epoch, NOW, LEASE, &err), -ERR_STALE);
	ck_assert_int_eq(queue_release(queue, "u", epoch, BLAME_BOX, "", 0, NOW, NULL, &err), -ERR_STALE);
	ck_assert_uint_eq(expire(NOW + 10 * LEASE, NULL), 0);
	ck_assert_int_eq(state_of("u"), UNIT_DONE);
}
END_TEST

START_TEST(a_unit_cancelled_under_its_lease_tells_the_holder)
{
	uint64_t epoch;

	add("u");
	epoch = claim("u", NOW);
	assert_ok(queue_cancel(queue, "u", &err));
	assert_ok(queue_cancel(queue, "u", &err));
	ck_assert_int_eq(queue_renew(queue, "u", epoch, NOW, LEASE, &err), -ERR_CANCELLED);
	ck_assert_int_eq(queue_check(queue, "u", epoch, &err), -ERR_CANCELLED);
	ck_assert_int_eq(queue_finish(queue, "u", epoch, &err), -ERR_CANCELLED);
	ck_assert_int_eq(queue_release(queue, "u", epoch, BLAME_BOX, "", 0, NOW, NULL, &err), -ERR_CANCELLED);
	ck_assert_uint_eq(expire(NOW + LEASE, NULL), 0);
	claim(NULL, NOW);
	/* asked for again: the holder of the old lease is out all the same */
	add("u");
	ck_assert_int_eq(queue_finish(queue, "u", epoch, &err), -ERR_STALE);
}
END_TEST

START_TEST(a_ready_unit_that_is_cancelled_is_not_offered)
{
	add("u");
	assert_ok(queue_cancel(queue, "u", &err));
	claim(NULL, NOW);
	assert_ok(queue_cancel(queue, "never added", &err));
	ck_assert_int_eq(state_of("never added"), UNIT_ABSENT);
}
END_TEST

START_TEST(a_done_unit_is_not_cancelled)
{
	add("u");
	assert_ok(queue_finish(queue, "u", claim("u", NOW), &err));
	assert_ok(queue_cancel(queue, "u", &err));
	ck_assert_int_eq(state_of("u"), UNIT_DONE);
}
END_TEST

START_TEST(a_done_unit_whose_result_was_lost_can_be_added_again)
{
	uint64_t epoch;

	add("u");
	epoch = claim("u", NOW);
	assert_ok(queue_again(queue, "u", &err));
	ck_assert_int_eq(state_of("u"), UNIT_LEASED);
	assert_ok(queue_finish(queue, "u", epoch, &err));
	assert_ok(queue_again(queue, "u", &err));
	assert_ok(queue_again(queue, "never added", &err));
	ck_assert_int_eq(add("u"), UNIT_ABSENT);
	ck_assert_int_eq(queue_finish(queue, "u", epoch, &err), -ERR_STALE);
	ck_assert_uint_gt(claim("u", NOW), epoch);
}
END_TEST

START_TEST(settling_makes_any_unit_done)
{
	uint64_t epoch;

	add("ready");
	assert_ok(queue_settle(queue, "ready", &err));
	ck_assert_int_eq(state_of("ready"), UNIT_DONE);
	add("leased");
	epoch = claim("leased", NOW);
	assert_ok(queue_settle(queue, "leased", &err));
	ck_assert_int_eq(state_of("leased"), UNIT_DONE);
	assert_ok(queue_finish(queue, "leased", epoch, &err));
	add("cancelled");
	assert_ok(queue_cancel(queue, "cancelled", &err));
	assert_ok(queue_settle(queue, "cancelled", &err));
	ck_assert_int_eq(state_of("cancelled"), UNIT_DONE);
	assert_ok(queue_settle(queue, "leased", &err));
	assert_ok(queue_settle(queue, "never added", &err));
	ck_assert_int_eq(state_of("never added"), UNIT_ABSENT);
	ck_assert_uint_eq(expire(NOW + 10 * LEASE, NULL), 0);
	claim(NULL, NOW);
}
END_TEST

/* --- forgetting and looking --- */

START_TEST(only_old_settled_units_are_forgotten)
{
	add("ready");
	add("done");
	assert_ok(queue_settle(queue, "done", &err));
	clock_freeze(NOW, NOW);
	add("cancelled");
	assert_ok(queue_cancel(queue, "cancelled", &err));
	assert_ok(queue_forget(queue, NOW + 999, 1000, &err));
	ck_assert_int_eq(state_of("cancelled"), UNIT_CANCELLED);
	assert_ok(queue_forget(queue, NOW + 1000, 1000, &err));
	ck_assert_int_eq(state_of("cancelled"), UNIT_ABSENT);
	ck_assert_int_eq(state_of("done"), UNIT_DONE);
	ck_assert_int_eq(state_of("ready"), UNIT_READY);
	clock_freeze(-1, -1);
	assert_ok(queue_forget(queue, clock_wall_ms() + 1000, 0, &err));
	ck_assert_int_eq(state_of("done"), UNIT_ABSENT);
	ck_assert_int_eq(state_of("ready"), UNIT_READY);
	ck_assert_int_eq(add("done"), UNIT_ABSENT);
}
END_TEST

START_TEST(thousands_of_units_are_forgotten_in_one_call)
{
	struct strv ids = STRV_INIT;

	for (int i = 0; i < 2500; i++) {
		char *id = mem_printf("u%d", i);

		add(id);
		assert_ok(queue_cancel(queue, id, &err));
		free(id);
	}
	assert_ok(queue_list(queue, UNIT_CANCELLED, &ids, &err));
	ck_assert_uint_eq(ids.n, 2500);
	strv_release(&ids);
	assert_ok(queue_forget(queue, clock_wall_ms() + 1000, 0, &err));
	assert_ok(queue_list(queue, UNIT_CANCELLED, &ids, &err));
	ck_assert_uint_eq(ids.n, 0);
	strv_release(&ids);
}
END_TEST

START_TEST(units_are_listed_by_state)
{
	struct strv ids = STRV_INIT;
	size_t ready, leased;

	add("a");
	add("b");
	add_to("c", "build/aarch64", 5);
	claim("a", NOW);
	assert_ok(queue_list(queue, UNIT_READY, &ids, &err));
	ck_assert_uint_eq(ids.n, 2);
	ck_assert(strv_has(&ids, "b") && strv_has(&ids, "c"));
	strv_release(&ids);
	assert_ok(queue_list(queue, UNIT_LEASED, &ids, &err));
	ck_assert_uint_eq(ids.n, 1);
	ck_assert_str_eq(ids.v[0], "a");
	strv_release(&ids);
	assert_ok(queue_depths(queue, &ready, &leased, &err));
	ck_assert_uint_eq(ready, 2);
	ck_assert_uint_eq(leased, 1);
}
END_TEST

START_TEST(installations_with_different_prefixes_do_not_see_each_other)
{
	struct queue *other = NULL;
	struct lease lease = { 0 };

	add("u");
	assert_ok(queue_open(&other, redis_server_address(server), NULL, "test-other", &err));
	assert_ok(queue_claim(other, lanes, "agent", NOW, LEASE, &lease, &err));
	ck_assert_ptr_null(lease.id);
	queue_free(other);
}
END_TEST

/* --- the functions --- */

START_TEST(the_tables_of_moves_in_c_and_lua_agree)
{
	static const char *const words[] = { "FCALL", "bisectd_moves", "1", "any", NULL };
	redisReply *reply = raw(words);
	struct strv lua = STRV_INIT;
	size_t n = 0;

	ck_assert_int_eq(reply->type, REDIS_REPLY_ARRAY);
	for (size_t i = 0; i < reply->elements; i++)
		strv_push(&lua, reply->element[i]->str);
	freeReplyObject(reply);
	for (int from = 0; from < UNIT_NSTATES; from++) {
		for (int to = 0; to < UNIT_NSTATES; to++) {
			char *row = mem_printf("%s %s", unit_state_name(from), unit_state_name(to));

			ck_assert_msg(unit_may_move(from, to) == strv_has(&lua, row), "%s", row);
			n += unit_may_move(from, to);
			free(row);
		}
	}
	ck_assert_uint_eq(n, lua.n);
	strv_release(&lua);
	ck_assert(!unit_may_move(UNIT_DONE, UNIT_READY));
	ck_assert(!unit_may_move(UNIT_NSTATES, UNIT_READY) && !unit_may_move(UNIT_READY, UNIT_NSTATES));
}
END_TEST

START_TEST(another_version_of_the_functions_is_replaced)
{
	static const char *const load[] = { "FUNCTION", "LOAD", "REPLACE",
		"#!lua name=bisectd\nredis.register_function('bisectd_add', function() return 'ready' end)", NULL };
	static const char *const list[] = { "FUNCTION", "LIST", "LIBRARYNAME", "bisectd", "WITHCODE", NULL };
	redisReply *reply;
	bool found = false;

	freeReplyObject(raw(load));
	close_queue();
	open_queue();
	ck_assert_int_eq(add("u"), UNIT_ABSENT);
	reply = raw(list);
	ck_assert_uint_eq(reply->elements, 1);
	for (size_t i = 0; i < reply->element[0]->elements; i++) {
		const redisReply *field = reply->element[0]->element[i];

		found = found || (field->type == REDIS_REPLY_STRING && strcmp(field->str, queue_lua) == 0);
	}
	ck_assert(found);
	freeReplyObject(reply);
}
END_TEST

START_TEST(flushed_functions_are_loaded_again)
{
	static const char *const flush[] = { "FUNCTION", "FLUSH", NULL };

	add("u");
	freeReplyObject(raw(flush));
	claim("u", NOW);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("queue");
	TCase *tcase = tcase_create("queue");
	SRunner *runner;
	int failed;

	tcase_add_unchecked_fixture(tcase, set_up_shared, tear_down_shared);
	tcase_add_checked_fixture(tcase, open_new_queue, close_queue);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, an_added_unit_is_claimed_with_its_payload);
	tcase_add_test(tcase, an_empty_queue_gives_nothing);
	tcase_add_test(tcase, higher_priorities_come_first_and_equal_ones_in_order);
	tcase_add_test(tcase, the_best_of_several_lanes_is_claimed);
	tcase_add_test(tcase, added_twice_is_added_once);
	tcase_add_test(tcase, a_done_unit_is_not_added_again);
	tcase_add_test(tcase, a_cancelled_unit_added_again_is_offered_with_fresh_attempts);
	tcase_add_test(tcase, adding_again_raises_a_priority_and_never_lowers_it);
	tcase_add_test(tcase, text_that_looks_like_commands_stays_text);
	tcase_add_test(tcase, a_unit_without_id_lane_or_priority_in_range_is_refused);
	tcase_add_test(tcase, an_old_epoch_is_refused_everywhere);
	tcase_add_test(tcase, epochs_grow_even_if_the_clock_goes_back);
	tcase_add_test(tcase, an_unknown_unit_is_stale);
	tcase_add_test(tcase, a_renewed_lease_does_not_expire);
	tcase_add_test(tcase, expiring_stops_at_its_maximum_and_oldest_first);
	tcase_add_test(tcase, finished_twice_is_finished_once);
	tcase_add_test(tcase, a_unit_cancelled_under_its_lease_tells_the_holder);
	tcase_add_test(tcase, a_ready_unit_that_is_cancelled_is_not_offered);
	tcase_add_test(tcase, a_done_unit_is_not_cancelled);
	tcase_add_test(tcase, a_done_unit_whose_result_was_lost_can_be_added_again);
	tcase_add_test(tcase, settling_makes_any_unit_done);
	tcase_add_test(tcase, only_old_settled_units_are_forgotten);
	tcase_add_test(tcase, thousands_of_units_are_forgotten_in_one_call);
	tcase_add_test(tcase, units_are_listed_by_state);
	tcase_add_test(tcase, installations_with_different_prefixes_do_not_see_each_other);
	tcase_add_test(tcase, the_tables_of_moves_in_c_and_lua_agree);
	tcase_add_test(tcase, another_version_of_the_functions_is_replaced);
	tcase_add_test(tcase, flushed_functions_are_loaded_again);
	suite_add_tcase(suite, tcase);

	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
