/* Units that come back unfinished, on one real redis-server: when and how often they are offered again, and to which boxes. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "tests/unit/queue_fixture.h"

/* --- offered no more --- */

START_TEST(a_unit_that_loses_every_lease_is_offered_no_more)
{
	struct strv exhausted = STRV_INIT;

	add("u");
	for (int i = 1; i <= QUEUE_ATTEMPTS_MAX; i++) {
		ck_assert_uint_eq(exhausted.n, 0);
		claim("u", NOW);
		ck_assert_uint_eq(expire(NOW + LEASE, &exhausted), 1);
	}
	ck_assert_uint_eq(exhausted.n, 1);
	ck_assert_str_eq(exhausted.v[0], "u");
	ck_assert_int_eq(state_of("u"), UNIT_CANCELLED);
	claim(NULL, NOW);
	strv_release(&exhausted);
}
END_TEST

/* What happened, without its texts. */
static struct unit_loss give_back_for(const char *id, uint64_t epoch, enum unit_blame blame, unsigned able, int64_t now)
{
	struct unit_loss loss = { 0 };

	assert_ok(queue_release(queue, id, epoch, blame, "no room", able, now, &loss, &err));
	free(loss.id);
	free(loss.owner);
	loss.id = loss.owner = NULL;
	return loss;
}

static struct unit_loss give_back(const char *id, uint64_t epoch, int64_t now)
{
	return give_back_for(id, epoch, BLAME_BOX, 0, now);
}

START_TEST(a_unit_that_is_always_given_back_is_offered_no_more)
{
	add("u");
	for (int i = 1; i <= QUEUE_ATTEMPTS_MAX; i++)
		ck_assert_int_eq(give_back("u", claim("u", NOW), NOW).exhausted, i == QUEUE_ATTEMPTS_MAX);
	ck_assert_int_eq(state_of("u"), UNIT_CANCELLED);
}
END_TEST

/* --- run again elsewhere --- */

START_TEST(a_unit_given_back_keeps_its_place)
{
	uint64_t epoch;

	add("a");
	add("b");
	epoch = claim("a", NOW);
	assert_ok(queue_release(queue, "a", epoch, BLAME_BOX, "", 0, NOW, NULL, &err));
	ck_assert_int_eq(queue_release(queue, "a", epoch, BLAME_BOX, "", 0, NOW, NULL, &err), -ERR_STALE);
	claim("a", NOW);
	claim("b", NOW);
}
END_TEST

static void set_pause(int64_t pause_ms, int64_t pause_max_ms, int64_t patience_ms)
{
	struct queue_rules rules = { QUEUE_ATTEMPTS_MAX, pause_ms, pause_max_ms, patience_ms };

	queue_set_rules(queue, &rules);
}

START_TEST(a_unit_given_back_is_offered_to_another_box_at_once_and_to_the_same_one_after_a_pause)
{
	set_pause(5000, 60000, 0);
	add("u");
	give_back("u", claim_as("sick", "u", NOW), NOW);
	claim_as("sick", NULL, NOW);
	claim_as("sick", NULL, NOW + 4999);
	give_back("u", claim_as("well", "u", NOW), NOW);
	claim_as("sick", "u", NOW + 5000);
}
END_TEST

START_TEST(the_pause_doubles_up_to_its_maximum)
{
	static const int64_t pauses[] = { 5000, 10000, 20000, 30000, 30000 };
	int64_t now = NOW;

	set_pause(5000, 30000, 0);
	add("u");
	for (size_t i = 0; i < sizeof(pauses) / sizeof(pauses[0]); i++) {
		give_back("u", claim("u", now), now);
		claim(NULL, now + pauses[i] - 1);
		now += pauses[i];
	}
	claim("u", now);
}
END_TEST

START_TEST(a_box_that_is_kept_off_a_unit_gets_the_next_one)
{
	set_pause(5000, 60000, 0);
	add_to("first", LANE, 9);
	add_to("second", LANE, 5);
	give_back("first", claim("first", NOW), NOW);
	claim("second", NOW);
	claim(NULL, NOW);
	claim("first", NOW + 5000);
}
END_TEST

static void add_avoiding(const char *box, int64_t now, int64_t until)
{
	struct strv boxes = STRV_INIT;
	struct unit_spec spec = { .id = "u", .lane = LANE, .priority = 5, .payload = "{}", .avoid = &boxes, .avoid_until_ms = until };

	strv_push(&boxes, box);
	assert_ok(queue_add(queue, &spec, now, NULL, &err));
	strv_release(&boxes);
}

START_TEST(a_unit_that_avoids_a_box_goes_to_another_and_to_that_one_where_no_other_comes)
{
	add_avoiding("sick", NOW, NOW + 30000);
	claim_as("sick", NULL, NOW);
	add_avoiding("sick", NOW + 20000, NOW + 50000);
	claim_as("sick", NULL, NOW + 49999);
	claim_as("sick", "u", NOW + 50000);
	assert_ok(queue_cancel(queue, "u", &err));
	add_avoiding("sick", NOW, NOW + 30000);
	claim_as("well", "u", NOW);
}
END_TEST

START_TEST(a_unit_that_was_added_before_avoids_a_box_from_now_on)
{
	set_pause(60000, 60000, 0);
	add("u");
	add_avoiding("sick", NOW, NOW + 30000);
	claim_as("sick", NULL, NOW);
	/* One that failed on it is not let in earlier. */
	give_back("u", claim_as("well", "u", NOW), NOW);
	add_avoiding("well", NOW, NOW + 1000);
	claim_as("well", NULL, NOW + 2000);
	claim_as("well", "u", NOW + 60000);
}
END_TEST

START_TEST(a_box_that_is_kept_off_many_units_still_finds_another_behind_them)
{
	set_pause(5000, 60000, 0);
	for (int i = 0; i < 50; i++) {
		char *id = mem_printf("u%02d", i);

		add_to(id, LANE, 9);
		give_back(id, claim(id, NOW), NOW);
		free(id);
	}
	add_to("fresh", LANE, 1);
	claim("fresh", NOW);
	claim(NULL, NOW);
	claim_as("well", "u00", NOW);
}
END_TEST

START_TEST(a_lost_lease_keeps_its_box_off_from_when_it_was_last_heard_of)
{
	set_pause(LEASE + 5000, 2 * LEASE, 0);
	add("u");
	claim("u", NOW);
	expire(NOW + LEASE, NULL);
	claim(NULL, NOW + LEASE);
	claim("u", NOW + LEASE + 5000);
}
END_TEST

START_TEST(a_clock_that_went_back_keeps_no_box_off)
{
	set_pause(5000, 60000, 0);
	add("u");
	give_back("u", claim("u", NOW), NOW);
	claim("u", NOW - 3600);
}
END_TEST

START_TEST(a_unit_knows_which_boxes_failed_on_it_and_why)
{
	struct unit_info info = { 0 };
	struct unit_loss loss;

	add("u");
	loss = give_back("u", claim_as("a", "u", NOW), NOW + 1);
	ck_assert_uint_eq(loss.times, 1);
	ck_assert_uint_eq(loss.boxes, 1);
	ck_assert_int_eq(loss.claimed_ms, NOW);
	ck_assert_int_eq(loss.at_ms, NOW + 1);
	loss = give_back("u", claim_as("a", "u", NOW), NOW);
	ck_assert_uint_eq(loss.times, 2);
	ck_assert_uint_eq(loss.boxes, 1);
	loss = give_back_for("u", claim_as("b c", "u", NOW), BLAME_UNIT, 0, NOW + 7);
	ck_assert_uint_eq(loss.times, 1);
	ck_assert_uint_eq(loss.boxes, 2);
	ck_assert_uint_eq(loss.attempts, 3);
	assert_ok(queue_get(queue, "u", &info, &err));
	ck_assert_str_eq(info.reason, "no room");
	ck_assert_uint_eq(info.n_failures, 2);
	for (size_t i = 0; i < 2; i++) {
		bool a = !strcmp(info.failures[i].owner, "a");

		ck_assert_str_eq(info.failures[i].owner, a ? "a" : "b c");
		ck_assert_uint_eq(info.failures[i].times, a ? 2 : 1);
		ck_assert_int_eq(info.failures[i].at_ms, a ? NOW : NOW + 7);
		ck_assert_int_eq(info.failures[i].blame, a ? BLAME_BOX : BLAME_UNIT);
	}
	unit_info_release(&info);
}
END_TEST

START_TEST(what_is_nobodys_fault_here_is_no_attempt)
{
	struct unit_loss loss;

	set_pause(5000, 60000, 0);
	add("u");
	for (int i = 0; i < 3 * QUEUE_ATTEMPTS_MAX; i++) {
		loss = give_back_for("u", claim("u", NOW), BLAME_STOP, 0, NOW);
		ck_assert(!loss.exhausted);
		ck_assert_uint_eq(loss.times, 0);
		ck_assert_uint_eq(loss.attempts, 0);
	}
	for (int i = 0; i < 3 * QUEUE_ATTEMPTS_MAX; i++) {
		int64_t now = NOW + i * INT64_C(60000);

		loss = give_back_for("u", claim("u", now), BLAME_FARM, 0, now);
		ck_assert(!loss.exhausted);
		ck_assert_uint_eq(loss.boxes, 0);
		/* but it is not tried again at once */
		claim(NULL, now);
	}
}
END_TEST

static void assert_forgiven(const struct unit_loss *loss, void *arg)
{
	ck_assert_uint_eq(loss->times, 0);
	ck_assert_uint_eq(loss->attempts, 0);
	ck_assert_str_eq(loss->owner, "agent");
}

START_TEST(a_lease_that_nobody_could_renew_is_no_attempt)
{
	unsigned n = 0;

	add("u");
	for (int i = 0; i < 2 * QUEUE_ATTEMPTS_MAX; i++) {
		claim("u", NOW);
		assert_ok(queue_expire(queue, NOW + LEASE, 10, LEASE, NOW + LEASE, &n, assert_forgiven, NULL, &err));
		ck_assert_uint_eq(n, 1);
	}
	claim("u", NOW);
}
END_TEST

START_TEST(an_outage_of_the_whole_farm_gives_no_unit_up_before_its_time)
{
	set_pause(0, 0, 600000);
	add("u");
	for (int i = 0; i < 5 * QUEUE_ATTEMPTS_MAX; i++)
		ck_assert(!give_back("u", claim("u", NOW + i), NOW + i).exhausted);
	ck_assert(!give_back("u", claim("u", NOW), NOW + 599999).exhausted);
	ck_assert(give_back("u", claim("u", NOW), NOW + 600000).exhausted);
	ck_assert_int_eq(state_of("u"), UNIT_CANCELLED);
	claim_as("well", NULL, NOW);
}
END_TEST

/* That is now by the clock, long after NOW. */
static void finish_another(const char *box, const char *id)
{
	add(id);
	assert_ok(queue_finish(queue, id, claim_as(box, id, NOW), &err));
}

START_TEST(a_unit_that_fails_on_boxes_that_finish_others_is_given_up_without_patience)
{
	uint64_t epoch;

	set_pause(0, 0, 600000);
	add_to("u", LANE, 9);
	for (int i = 1; i < QUEUE_ATTEMPTS_MAX; i++)
		ck_assert(!give_back_for("u", claim_as(i % 2 ? "one" : "two", "u", NOW + i), BLAME_UNIT, 2, NOW + i).exhausted);
	epoch = claim_as("two", "u", NOW + 100);
	/* One that works is not both. */
	finish_another("one", "a");
	ck_assert(!give_back_for("u", epoch, BLAME_UNIT, 2, NOW + 101).exhausted);
	epoch = claim_as("two", "u", NOW + 102);
	finish_another("two", "b");
	ck_assert(give_back_for("u", epoch, BLAME_UNIT, 2, NOW + 104).exhausted);
}
END_TEST

START_TEST(what_was_finished_before_says_nothing_of_an_outage)
{
	int64_t later;

	set_pause(0, 0, 600000);
	finish_another("agent", "a");
	later = clock_wall_ms() + 1;
	add("u");
	for (int i = 0; i < 3 * QUEUE_ATTEMPTS_MAX; i++)
		ck_assert(!give_back("u", claim("u", later + i), later + i).exhausted);
}
END_TEST

START_TEST(no_unit_is_given_up_while_a_box_that_has_not_tried_it_could)
{
	add("u");
	for (int i = 1; i < 4 * QUEUE_ATTEMPTS_MAX; i++)
		ck_assert(!give_back_for("u", claim_as(i % 2 ? "sick" : "ill", "u", NOW), BLAME_BOX, 3, NOW).exhausted);
	/* but not for ever */
	ck_assert(give_back_for("u", claim_as("ill", "u", NOW), BLAME_BOX, 3, NOW).exhausted);
	add("u");
	for (int i = 1; i < QUEUE_ATTEMPTS_MAX; i++)
		give_back_for("u", claim_as("sick", "u", NOW), BLAME_BOX, 2, NOW);
	ck_assert(give_back_for("u", claim_as("well", "u", NOW), BLAME_BOX, 2, NOW).exhausted);
}
END_TEST

START_TEST(a_unit_asked_for_again_knows_nothing_of_earlier_failures)
{
	struct unit_info info = { 0 };

	set_pause(5000, 60000, 0);
	add("u");
	give_back("u", claim("u", NOW), NOW);
	assert_ok(queue_cancel(queue, "u", &err));
	add("u");
	assert_ok(queue_get(queue, "u", &info, &err));
	ck_assert_uint_eq(info.n_failures, 0);
	ck_assert_ptr_null(info.reason);
	unit_info_release(&info);
	claim("u", NOW);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("queue again");
	TCase *tcase = tcase_create("queue again");
	SRunner *runner;
	int failed;

	tcase_add_unchecked_fixture(tcase, set_up_shared, tear_down_shared);
	tcase_add_checked_fixture(tcase, open_new_queue, close_queue);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, a_unit_that_loses_every_lease_is_offered_no_more);
	tcase_add_test(tcase, a_unit_that_is_always_given_back_is_offered_no_more);
	tcase_add_test(tcase, a_unit_given_back_keeps_its_place);
	tcase_add_test(tcase, a_unit_given_back_is_offered_to_another_box_at_once_and_to_the_same_one_after_a_pause);
	tcase_add_test(tcase, the_pause_doubles_up_to_its_maximum);
	tcase_add_test(tcase, a_box_that_is_kept_off_a_unit_gets_the_next_one);
	tcase_add_test(tcase, a_unit_that_avoids_a_box_goes_to_another_and_to_that_one_where_no_other_comes);
	tcase_add_test(tcase, a_unit_that_was_added_before_avoids_a_box_from_now_on);
	tcase_add_test(tcase, a_box_that_is_kept_off_many_units_still_finds_another_behind_them);
	tcase_add_test(tcase, a_lost_lease_keeps_its_box_off_from_when_it_was_last_heard_of);
	tcase_add_test(tcase, a_clock_that_went_back_keeps_no_box_off);
	tcase_add_test(tcase, a_unit_knows_which_boxes_failed_on_it_and_why);
	tcase_add_test(tcase, what_is_nobodys_fault_here_is_no_attempt);
	tcase_add_test(tcase, a_lease_that_nobody_could_renew_is_no_attempt);
	tcase_add_test(tcase, an_outage_of_the_whole_farm_gives_no_unit_up_before_its_time);
	tcase_add_test(tcase, a_unit_that_fails_on_boxes_that_finish_others_is_given_up_without_patience);
	tcase_add_test(tcase, what_was_finished_before_says_nothing_of_an_outage);
	tcase_add_test(tcase, no_unit_is_given_up_while_a_box_that_has_not_tried_it_could);
	tcase_add_test(tcase, a_unit_asked_for_again_knows_nothing_of_earlier_failures);
	suite_add_tcase(suite, tcase);

	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
