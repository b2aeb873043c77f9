/* Who is put in quarantine, and who is not; time is a number here. */
#include <check.h>
#include <stdlib.h>

#include "bisectd/health.h"

#define START INT64_C(1000000)

static const struct health_rules rules = { .after = 3, .first_ms = 60000, .max_ms = 3600000 };
static struct box_row box;
static int64_t now;

static void set_up(void)
{
	box = (struct box_row){ .name = (char *)"box" };
	now = START;
}

static void tear_down(void)
{
	box.name = NULL;
	box_row_release(&box);
}

/* A failure on a unit that was claimed and given back just now. */
static bool fail_on(struct box_row *row, const char *unit, unsigned times, unsigned boxes,
	enum unit_blame blame)
{
	struct unit_loss loss = { .id = (char *)unit,
		.times = times,
		.boxes = boxes,
		.claimed_ms = ++now,
		.at_ms = now + 1 };

	now += 2;
	return health_failed(row, &rules, &loss, blame, "no room", now);
}

static bool failure(const char *unit)
{
	return fail_on(&box, unit, 1, 1, BLAME_BOX);
}

static enum health health(void)
{
	return health_of(&box, &rules, now);
}

START_TEST(three_failures_in_a_row_on_different_units_are_a_quarantine)
{
	ck_assert(!failure("a"));
	ck_assert(!failure("b"));
	ck_assert_int_eq(health(), HEALTH_OK);
	ck_assert(failure("c"));
	ck_assert_int_eq(health(), HEALTH_QUARANTINE);
	ck_assert_int_eq(box.quarantined_until_ms, now + 60000);
	ck_assert_int_eq(box.failures, 3);
	ck_assert_uint_eq(box.in_a_row, 3);
	ck_assert_str_eq(box.reason, "no room");
	ck_assert_str_eq(box.failed_unit, "c");
}
END_TEST

START_TEST(a_finished_unit_ends_the_row)
{
	failure("a");
	failure("b");
	health_finished(&box, &rules, ++now);
	ck_assert_uint_eq(box.in_a_row, 0);
	failure("c");
	failure("d");
	ck_assert_int_eq(health(), HEALTH_OK);
	ck_assert_int_eq(box.finished, 1);
	ck_assert_int_eq(box.failures, 4);
}
END_TEST

START_TEST(one_broken_unit_quarantines_no_box_however_often_it_is_tried)
{
	for (unsigned i = 1; i <= 8; i++)
		ck_assert(!fail_on(&box, "broken", i, 1, BLAME_BOX));
	/* nor when it was given up and is asked for again */
	for (int i = 1; i <= 8; i++)
		ck_assert(!failure("broken"));
	ck_assert_uint_eq(box.in_a_row, 1);
	ck_assert_int_eq(health(), HEALTH_OK);
}
END_TEST

START_TEST(a_unit_that_failed_elsewhere_too_counts_against_no_box)
{
	failure("a");
	failure("b");
	ck_assert(!fail_on(&box, "suspected", 1, 2, BLAME_BOX));
	ck_assert_uint_eq(box.in_a_row, 2);
	/* and what it cost the first one is taken back */
	ck_assert(health_take_back(&box, "a"));
	ck_assert(!health_take_back(&box, "a"));
	ck_assert_uint_eq(box.in_a_row, 1);
	ck_assert(!failure("c"));
	ck_assert(failure("d"));
}
END_TEST

START_TEST(a_stretch_of_broken_units_quarantines_neither_of_two_boxes)
{
	struct box_row other = { .name = (char *)"other" };

	for (int i = 0; i < 20; i++) {
		char unit[2] = { (char)('a' + i), '\0' };
		struct box_row *first = i % 2 ? &box : &other, *second = i % 2 ? &other : &box;

		ck_assert(!fail_on(first, unit, 1, 1, BLAME_BOX));
		ck_assert(!fail_on(second, unit, 1, 2, BLAME_BOX));
		health_take_back(first, unit);
		health_take_back(second, unit);
	}
	ck_assert_int_eq(health(), HEALTH_OK);
	ck_assert_int_eq(health_of(&other, &rules, now), HEALTH_OK);
	other.name = NULL;
	box_row_release(&other);
}
END_TEST

START_TEST(a_suspected_unit_that_is_finished_by_another_box_counts_again)
{
	bool quarantined;
	int64_t at;

	for (char unit[2] = "p"; unit[0] <= 'r'; unit[0]++) {
		ck_assert(!fail_on(&box, unit, 1, 2, BLAME_BOX));
		at = now;
		ck_assert(health_blame_again(&box, &rules, unit, at, ++now, &quarantined));
		ck_assert(quarantined == (unit[0] == 'r'));
		ck_assert(!health_blame_again(&box, &rules, unit, at, now, &quarantined));
	}
	ck_assert_int_eq(health(), HEALTH_QUARANTINE);
}
END_TEST

START_TEST(a_box_that_finished_something_since_is_not_blamed_for_what_was_before)
{
	struct unit_loss late = { .id = (char *)"b", .times = 1, .boxes = 1 };
	bool quarantined;
	int64_t at;

	fail_on(&box, "a", 1, 2, BLAME_BOX);
	at = now;
	health_finished(&box, &rules, now += 10);
	ck_assert(!health_blame_again(&box, &rules, "a", at, ++now, &quarantined));
	/* A lost lease is learned of late: it was last heard of before it finished something else.
	 */
	late.claimed_ms = at;
	late.at_ms = box.finished_ms - 1;
	ck_assert(!health_failed(&box, &rules, &late, BLAME_BOX, "lost", now));
	ck_assert_uint_eq(box.in_a_row, 0);
}
END_TEST

START_TEST(units_that_were_held_at_the_same_time_are_one_failure)
{
	int64_t claimed = now;

	for (int i = 0; i < 8; i++) {
		char unit[2] = { (char)('a' + i), '\0' };
		struct unit_loss loss = {
			.id = unit, .times = 1, .boxes = 1, .claimed_ms = claimed, .at_ms = now + 5
		};

		ck_assert(!health_failed(&box, &rules, &loss, BLAME_BOX, "died", now + 60));
	}
	ck_assert_uint_eq(box.in_a_row, 1);
}
END_TEST

START_TEST(a_unit_that_wants_too_much_and_a_full_store_count_against_no_box)
{
	for (int i = 0; i < 10; i++) {
		char unit[2] = { (char)('a' + i), '\0' };

		ck_assert(!fail_on(&box, unit, i % 2, 1, i % 2 ? BLAME_UNIT : BLAME_FARM));
	}
	ck_assert_uint_eq(box.in_a_row, 0);
	ck_assert_int_eq(box.failures, 10);
}
END_TEST

static void ruin(void)
{
	failure("a");
	failure("b");
	ck_assert(failure("c"));
}

START_TEST(after_quarantine_there_is_probation_and_one_finished_unit_clears_it)
{
	ruin();
	now += 60000;
	ck_assert_int_eq(health(), HEALTH_PROBATION);
	health_finished(&box, &rules, ++now);
	ck_assert_int_eq(health(), HEALTH_OK);
	ck_assert(!failure("d"));
	ck_assert(!failure("e"));
	ck_assert(failure("f"));
	ck_assert_int_eq(box.quarantined_until_ms, now + 60000);
}
END_TEST

START_TEST(a_failure_on_probation_doubles_the_quarantine_up_to_its_maximum)
{
	int64_t wanted = 60000;

	ruin();
	for (int i = 0; i < 10; i++) {
		ck_assert_int_eq(box.quarantined_until_ms, now + wanted);
		now = box.quarantined_until_ms;
		ck_assert_int_eq(health(), HEALTH_PROBATION);
		/* the only unit there is will do */
		ck_assert(fail_on(&box, "c", (unsigned)i + 2, 1, BLAME_BOX));
		wanted = wanted * 2 < 3600000 ? wanted * 2 : 3600000;
	}
	ck_assert_int_eq(wanted, 3600000);
}
END_TEST

START_TEST(a_suspected_unit_on_probation_makes_nothing_longer)
{
	ruin();
	now += 60000;
	ck_assert(!fail_on(&box, "suspected", 1, 2, BLAME_BOX));
	ck_assert_int_eq(health(), HEALTH_PROBATION);
	ck_assert_uint_eq(box.quarantines, 1);
}
END_TEST

START_TEST(a_unit_from_before_that_ends_during_the_quarantine_changes_nothing)
{
	ruin();
	health_finished(&box, &rules, ++now);
	ck_assert_int_eq(health(), HEALTH_QUARANTINE);
	ck_assert(!failure("d"));
	ck_assert_uint_eq(box.quarantines, 1);
	now += 60000;
	ck_assert_int_eq(health(), HEALTH_PROBATION);
}
END_TEST

START_TEST(a_clock_that_went_back_keeps_nobody_in_quarantine_for_ever)
{
	ruin();
	now -= 365LL * 24 * 3600 * 1000;
	ck_assert_int_eq(health(), HEALTH_PROBATION);
}
END_TEST

START_TEST(an_administrator_may_lift_a_quarantine)
{
	ruin();
	health_clear(&box);
	ck_assert_int_eq(health(), HEALTH_OK);
	ck_assert_uint_eq(box.in_a_row, 0);
	ck_assert(!failure("d"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("health");
	TCase *tcase = tcase_create("health");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, three_failures_in_a_row_on_different_units_are_a_quarantine);
	tcase_add_test(tcase, a_finished_unit_ends_the_row);
	tcase_add_test(tcase, one_broken_unit_quarantines_no_box_however_often_it_is_tried);
	tcase_add_test(tcase, a_unit_that_failed_elsewhere_too_counts_against_no_box);
	tcase_add_test(tcase, a_stretch_of_broken_units_quarantines_neither_of_two_boxes);
	tcase_add_test(tcase, a_suspected_unit_that_is_finished_by_another_box_counts_again);
	tcase_add_test(
		tcase, a_box_that_finished_something_since_is_not_blamed_for_what_was_before);
	tcase_add_test(tcase, units_that_were_held_at_the_same_time_are_one_failure);
	tcase_add_test(tcase, a_unit_that_wants_too_much_and_a_full_store_count_against_no_box);
	tcase_add_test(tcase, after_quarantine_there_is_probation_and_one_finished_unit_clears_it);
	tcase_add_test(tcase, a_failure_on_probation_doubles_the_quarantine_up_to_its_maximum);
	tcase_add_test(tcase, a_suspected_unit_on_probation_makes_nothing_longer);
	tcase_add_test(tcase, a_unit_from_before_that_ends_during_the_quarantine_changes_nothing);
	tcase_add_test(tcase, a_clock_that_went_back_keeps_nobody_in_quarantine_for_ever);
	tcase_add_test(tcase, an_administrator_may_lift_a_quarantine);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
