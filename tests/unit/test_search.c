/*
 * search/: every rule of search.h, one by one, on histories small enough to do by hand.
 */
#include <check.h>
#include <math.h>
#include <stdint.h>

#include "search/search.h"

static struct graph graph;
static struct search *search;
static struct search_options options;

static void set_up(void)
{
	graph = (struct graph){ 0 };
	search = NULL;
	options = (struct search_options){ 0 };
}

static void tear_down(void)
{
	search_free(search);
	graph_release(&graph);
}

static uint32_t add(size_t n, const uint32_t *parents)
{
	uint32_t v;

	ck_assert_int_eq(graph_add(&graph, parents, n, &v, NULL), 0);
	return v;
}

/* 0 is the good end, 1..n are candidates, n is the bad end. */
static void start_linear(uint32_t n)
{
	uint32_t good = 0;

	add(0, NULL);
	for (uint32_t v = 0; v < n; v++)
		add(1, &v);
	ck_assert_int_eq(search_new(&search, &graph, n, &good, 1, &options, NULL), 0);
}

static void start_trusted(uint32_t n)
{
	options.trust_ends = options.trust_runs = true;
	start_linear(n);
}

static void see(uint32_t v, enum observation observation)
{
	search_observe(search, v, observation, false);
}

static void see_times(uint32_t v, enum observation observation, unsigned times)
{
	while (times--)
		see(v, observation);
}

static enum verdict_kind kind(void)
{
	return search_verdict(search)->kind;
}

static struct search_probe take(void)
{
	struct search_probe probe;

	ck_assert(search_next(search, &probe));
	return probe;
}

static void take_expecting(uint32_t commit, enum search_purpose purpose)
{
	struct search_probe probe = take();

	ck_assert_uint_eq(probe.commit, commit);
	ck_assert_str_eq(search_purpose_name(probe.purpose), search_purpose_name(purpose));
}

static void none_to_take(void)
{
	struct search_probe probe;

	ck_assert(!search_next(search, &probe));
}

static void answer(uint32_t v, enum observation observation)
{
	search_observe(search, v, observation, true);
}

static void see_both_ends(uint32_t bad)
{
	see(bad, OBSERVED_BAD);
	see(0, OBSERVED_GOOD);
}

/* starting */

START_TEST(ends_outside_the_graph_are_refused)
{
	struct search *none = NULL;
	struct error err = ERROR_INIT;
	uint32_t good = 9;

	add(0, NULL);
	ck_assert_int_eq(search_new(&none, &graph, 1, NULL, 0, NULL, &err), -ERR_INVALID);
	ck_assert_int_eq(search_new(&none, &graph, 0, &good, 1, NULL, &err), -ERR_INVALID);
	ck_assert_ptr_null(none);
	ck_assert(err.text[0]);
}
END_TEST

START_TEST(a_bad_end_that_is_good_or_older_leaves_no_candidate_and_is_refused)
{
	struct search *none = NULL;
	uint32_t root = add(0, NULL), child = add(1, &root);

	ck_assert_int_eq(search_new(&none, &graph, child, &child, 1, NULL, NULL), -ERR_INVALID);
	ck_assert_int_eq(search_new(&none, &graph, root, &child, 1, NULL, NULL), -ERR_INVALID);
}
END_TEST

START_TEST(candidates_are_what_bad_contains_and_no_good_end_does)
{
	uint32_t root = add(0, NULL), good = add(1, &root), side = add(1, &root);
	uint32_t merge = add(2, (uint32_t[]){ good, side }), stranger = add(1, &root);

	ck_assert_int_eq(search_new(&search, &graph, merge, &good, 1, NULL, NULL), 0);
	ck_assert_uint_eq(search_remaining(search), 2);
	ck_assert(search_is_candidate(search, side) && search_is_candidate(search, merge));
	ck_assert(!search_is_candidate(search, root) && !search_is_candidate(search, good));
	ck_assert(!search_is_candidate(search, stranger) && !search_is_candidate(search, 99));
}
END_TEST

START_TEST(a_boundary_without_a_path_to_a_good_end_is_no_candidate_when_the_caller_says_so)
{
	uint32_t boundary = add(0, NULL), good = add(0, NULL), side = add(1, &boundary);
	uint32_t merge = add(2, (uint32_t[]){ good, side });
	const bool in_range[] = { false, false, true, true };

	options.in_range = in_range;
	ck_assert_int_eq(search_new(&search, &graph, merge, &good, 1, &options, NULL), 0);
	ck_assert_uint_eq(search_remaining(search), 2);
	see(boundary, OBSERVED_BAD);
	ck_assert_int_eq(kind(), VERDICT_NO_GOOD_COMMIT);
	ck_assert_uint_eq(search_verdict(search)->culprit, boundary);
}
END_TEST

/* the ends */

START_TEST(ends_are_verified_before_the_search_when_there_is_one_slot)
{
	start_linear(8);
	ck_assert_int_eq(search_phase(search), PHASE_VERIFY);
	take_expecting(8, PURPOSE_VERIFY_BAD);
	answer(8, OBSERVED_BAD);
	take_expecting(0, PURPOSE_VERIFY_GOOD);
	answer(0, OBSERVED_GOOD);
	ck_assert_int_eq(search_phase(search), PHASE_SEARCH);
	take_expecting(4, PURPOSE_SEARCH);
}
END_TEST

START_TEST(further_slots_search_while_the_ends_are_verified)
{
	start_linear(8);
	take_expecting(8, PURPOSE_VERIFY_BAD);
	take_expecting(0, PURPOSE_VERIFY_GOOD);
	take_expecting(4, PURPOSE_SEARCH);
	ck_assert_int_eq(take().purpose, PURPOSE_SEARCH);
}
END_TEST

START_TEST(a_bad_end_that_never_shows_the_error_is_not_reproduced_after_verify_max_runs)
{
	options.verify_max = 3;
	start_linear(8);
	for (unsigned i = 0; i < 3; i++) {
		ck_assert_int_eq(kind(), VERDICT_NONE);
		ck_assert_uint_eq(take().commit, 8);
		answer(8, OBSERVED_GOOD);
	}
	ck_assert_int_eq(kind(), VERDICT_NOT_REPRODUCED);
	none_to_take();
}
END_TEST

START_TEST(verify_max_is_ten_unless_said_otherwise)
{
	start_linear(8);
	see_times(8, OBSERVED_GOOD, 9);
	ck_assert_int_eq(kind(), VERDICT_NONE);
	see(8, OBSERVED_GOOD);
	ck_assert_int_eq(kind(), VERDICT_NOT_REPRODUCED);
}
END_TEST

START_TEST(a_bad_end_that_passes_and_then_fails_is_reproduced_and_known_flaky)
{
	start_linear(8);
	see(8, OBSERVED_GOOD);
	see(8, OBSERVED_BAD);
	/* one pass in two runs: a bad commit passes with 2/4, so 7 passes make a good one */
	see_times(0, OBSERVED_GOOD, 6);
	ck_assert_int_eq(search_phase(search), PHASE_VERIFY);
	see(0, OBSERVED_GOOD);
	ck_assert_int_eq(search_phase(search), PHASE_SEARCH);
}
END_TEST

START_TEST(passes_of_the_bad_end_rule_nothing_out)
{
	start_linear(8);
	see_times(8, OBSERVED_GOOD, 9);
	ck_assert_uint_eq(search_remaining(search), 8);
}
END_TEST

START_TEST(a_bad_end_that_cannot_be_built_is_not_reproduced_and_says_why)
{
	start_linear(8);
	see(8, OBSERVED_BROKEN);
	ck_assert_int_eq(kind(), VERDICT_NOT_REPRODUCED);
	ck_assert_ptr_nonnull(strstr(search_verdict(search)->reason, "could not be tested"));
}
END_TEST

START_TEST(a_bad_end_that_always_skips_is_not_reproduced_after_its_retries)
{
	start_linear(8);
	for (unsigned i = 0; i < 3; i++) {
		ck_assert_int_eq(kind(), VERDICT_NONE);
		take_expecting(8, PURPOSE_VERIFY_BAD);
		answer(8, OBSERVED_SKIP);
	}
	ck_assert_int_eq(kind(), VERDICT_NOT_REPRODUCED);
	ck_assert_ptr_nonnull(strstr(search_verdict(search)->reason, "could not be tested"));
}
END_TEST

START_TEST(a_good_end_that_shows_the_error_is_no_good_commit_at_once)
{
	start_linear(8);
	see(0, OBSERVED_BAD);
	ck_assert_int_eq(kind(), VERDICT_NO_GOOD_COMMIT);
	ck_assert_uint_eq(search_verdict(search)->culprit, 0);
}
END_TEST

START_TEST(the_good_end_that_shows_the_error_is_the_one_named)
{
	uint32_t a = add(0, NULL), b = add(0, NULL), merge = add(2, (uint32_t[]){ a, b });

	ck_assert_int_eq(search_new(&search, &graph, merge, (uint32_t[]){ a, b }, 2, NULL, NULL), 0);
	see(a, OBSERVED_GOOD);
	see(b, OBSERVED_BAD);
	ck_assert_int_eq(kind(), VERDICT_NO_GOOD_COMMIT);
	ck_assert_uint_eq(search_verdict(search)->culprit, b);
}
END_TEST

START_TEST(every_good_end_is_verified)
{
	uint32_t a = add(0, NULL), b = add(0, NULL), merge = add(2, (uint32_t[]){ a, b });

	ck_assert_int_eq(search_new(&search, &graph, merge, (uint32_t[]){ a, b }, 2, NULL, NULL), 0);
	take_expecting(merge, PURPOSE_VERIFY_BAD);
	take_expecting(a, PURPOSE_VERIFY_GOOD);
	take_expecting(b, PURPOSE_VERIFY_GOOD);
}
END_TEST

START_TEST(a_good_end_that_cannot_be_tested_is_taken_as_good_and_that_is_said)
{
	start_linear(1);
	see_times(1, OBSERVED_BAD, 2);
	see(0, OBSERVED_BROKEN);
	ck_assert_int_eq(kind(), VERDICT_CULPRIT);
	ck_assert_ptr_nonnull(strstr(search_verdict(search)->reason, "taken as good"));
}
END_TEST

START_TEST(no_culprit_is_named_before_the_ends_are_verified)
{
	start_linear(2);
	see_times(1, OBSERVED_BAD, 2);
	see_times(0, OBSERVED_GOOD, 2);
	ck_assert_int_eq(kind(), VERDICT_NONE);
	take_expecting(2, PURPOSE_VERIFY_BAD);
	answer(2, OBSERVED_BAD);
	ck_assert_int_eq(kind(), VERDICT_CULPRIT);
}
END_TEST

START_TEST(trusted_ends_are_never_run)
{
	options.trust_ends = true;
	start_linear(2);
	take_expecting(1, PURPOSE_SEARCH);
	answer(1, OBSERVED_BAD);
	take_expecting(1, PURPOSE_CONFIRM_BAD);
	answer(1, OBSERVED_BAD);
	ck_assert_int_eq(kind(), VERDICT_CULPRIT);
	ck_assert_uint_eq(search_verdict(search)->culprit, 1);
}
END_TEST

/* the search */

START_TEST(with_trust_a_single_candidate_is_the_culprit_without_a_run)
{
	start_trusted(1);
	ck_assert_int_eq(kind(), VERDICT_CULPRIT);
	none_to_take();
}
END_TEST

START_TEST(with_trust_one_pass_is_good_and_one_failure_is_bad)
{
	start_trusted(4);
	take_expecting(2, PURPOSE_SEARCH);
	answer(2, OBSERVED_GOOD);
	take_expecting(3, PURPOSE_SEARCH);
	answer(3, OBSERVED_BAD);
	ck_assert_int_eq(kind(), VERDICT_CULPRIT);
	ck_assert_uint_eq(search_verdict(search)->culprit, 3);
	ck_assert_int_eq(search_phase(search), PHASE_DONE);
}
END_TEST

START_TEST(three_slots_cut_the_range_in_four)
{
	struct search_probe probe;
	bool taken[9] = { false };

	start_trusted(8);
	for (unsigned i = 0; i < 3; i++) {
		probe = take();
		taken[probe.commit] = true;
	}
	ck_assert(taken[2] && taken[4] && taken[6]);
}
END_TEST

START_TEST(the_usefulness_of_a_halving_is_one_bit_and_that_of_a_further_run_less_on_a_line)
{
	struct search_probe first, second;

	start_trusted(8);
	first = take();
	second = take();
	ck_assert_double_eq_tol(first.usefulness, 1, 1e-9);
	ck_assert_double_eq_tol(second.usefulness, 0.5, 1e-9);
}
END_TEST

START_TEST(no_commit_is_in_flight_twice_and_when_all_are_nothing_is_offered)
{
	bool taken[9] = { false };

	start_trusted(8);
	for (unsigned i = 0; i < 7; i++) {
		struct search_probe probe = take();

		ck_assert(!taken[probe.commit]);
		taken[probe.commit] = true;
	}
	none_to_take();
}
END_TEST

START_TEST(a_dropped_probe_is_offered_again)
{
	start_trusted(8);
	take_expecting(4, PURPOSE_SEARCH);
	search_drop(search, 4);
	take_expecting(4, PURPOSE_SEARCH);
}
END_TEST

START_TEST(runs_of_a_commit_are_numbered_and_lost_ones_leave_no_gap)
{
	struct search_probe probe;

	start_linear(8);
	ck_assert_uint_eq(take().run, 0);
	search_drop(search, 8);
	ck_assert_uint_eq(take().run, 0);
	answer(8, OBSERVED_GOOD);
	probe = take();
	ck_assert_uint_eq(probe.commit, 8);
	ck_assert_uint_eq(probe.run, 1);
}
END_TEST

START_TEST(a_result_makes_the_probes_that_it_decides_useless)
{
	uint32_t useless[8];

	start_trusted(8);
	for (unsigned i = 0; i < 3; i++)
		take();				/* 4, 2, 6 */
	ck_assert_uint_eq(search_useless(search, useless, 8), 0);
	answer(4, OBSERVED_GOOD);
	ck_assert_uint_eq(search_useless(search, useless, 8), 1);
	ck_assert_uint_eq(useless[0], 2);
	search_drop(search, 2);
	ck_assert_uint_eq(search_useless(search, useless, 8), 0);
	see(5, OBSERVED_BAD);
	ck_assert_uint_eq(search_useless(search, useless, 8), 1);
	ck_assert_uint_eq(useless[0], 6);
}
END_TEST

START_TEST(when_a_verdict_stands_everything_in_flight_is_useless)
{
	uint32_t useless[8];

	start_linear(4);
	for (unsigned i = 0; i < 4; i++)
		take();
	see(0, OBSERVED_BAD);
	ck_assert_uint_eq(search_useless(search, useless, 8), 4);
	ck_assert_uint_eq(search_useless(search, useless, 2), 2);
}
END_TEST

START_TEST(remaining_candidates_and_runs_left_go_down_with_every_result)
{
	start_trusted(8);
	ck_assert_uint_eq(search_remaining(search), 8);
	ck_assert_uint_eq(search_runs_left(search), 3);
	see(4, OBSERVED_BAD);
	ck_assert_uint_eq(search_remaining(search), 4);
	ck_assert_uint_eq(search_runs_left(search), 2);
	ck_assert(search_is_candidate(search, 4) && !search_is_candidate(search, 5));
	see(2, OBSERVED_GOOD);
	ck_assert_uint_eq(search_remaining(search), 2);
	see(3, OBSERVED_GOOD);
	ck_assert_uint_eq(search_remaining(search), 1);
	ck_assert_uint_eq(search_runs_left(search), 0);
}
END_TEST

START_TEST(evidence_from_earlier_is_as_good_as_a_run)
{
	start_linear(8);
	see_both_ends(8);
	see_times(5, OBSERVED_BAD, 2);
	see_times(4, OBSERVED_GOOD, 2);
	ck_assert_int_eq(kind(), VERDICT_CULPRIT);
	ck_assert_uint_eq(search_verdict(search)->culprit, 5);
	none_to_take();
}
END_TEST

START_TEST(counts_tell_what_was_observed)
{
	unsigned counts[OBSERVED_NKINDS];

	start_linear(4);
	see_times(2, OBSERVED_GOOD, 3);
	see(2, OBSERVED_SKIP);
	see(99, OBSERVED_BAD);		/* not in the graph: no harm */
	search_counts(search, 2, counts);
	ck_assert_uint_eq(counts[OBSERVED_GOOD], 3);
	ck_assert_uint_eq(counts[OBSERVED_BAD], 0);
	ck_assert_uint_eq(counts[OBSERVED_SKIP], 1);
}
END_TEST

/* skips */

START_TEST(a_commit_that_cannot_be_built_is_never_run_again)
{
	start_trusted(4);
	take_expecting(2, PURPOSE_SEARCH);
	answer(2, OBSERVED_BROKEN);
	for (unsigned i = 0; i < 2; i++) {
		struct search_probe probe = take();

		ck_assert_uint_ne(probe.commit, 2);
		answer(probe.commit, probe.commit > 2 ? OBSERVED_BAD : OBSERVED_GOOD);
	}
	ck_assert_int_eq(kind(), VERDICT_RANGE);
	ck_assert_uint_eq(search_verdict(search)->n_candidates, 2);
	ck_assert_uint_eq(search_verdict(search)->candidates[0], 2);
	ck_assert_uint_eq(search_verdict(search)->candidates[1], 3);
}
END_TEST

START_TEST(a_skipped_commit_waits_until_only_skipped_ones_are_left)
{
	start_trusted(4);
	take_expecting(2, PURPOSE_SEARCH);
	answer(2, OBSERVED_SKIP);
	for (unsigned i = 0; i < 2; i++) {
		struct search_probe probe = take();

		ck_assert_uint_ne(probe.commit, 2);
		answer(probe.commit, probe.commit > 2 ? OBSERVED_BAD : OBSERVED_GOOD);
	}
	take_expecting(2, PURPOSE_SEARCH);
	answer(2, OBSERVED_BAD);
	ck_assert_int_eq(kind(), VERDICT_CULPRIT);
	ck_assert_uint_eq(search_verdict(search)->culprit, 2);
}
END_TEST

START_TEST(a_skipped_commit_waits_for_the_others_in_flight)
{
	start_trusted(4);
	see(2, OBSERVED_SKIP);
	for (unsigned i = 0; i < 2; i++)
		ck_assert_uint_ne(take().commit, 2);
	none_to_take();
}
END_TEST

START_TEST(a_skipped_commit_is_tried_skip_retries_times_more_and_then_given_up)
{
	options.skip_retries = 3;
	start_trusted(2);
	for (unsigned i = 0; i < 4; i++) {
		ck_assert_int_eq(kind(), VERDICT_NONE);
		take_expecting(1, PURPOSE_SEARCH);
		answer(1, OBSERVED_SKIP);
	}
	ck_assert_int_eq(kind(), VERDICT_RANGE);
	ck_assert_uint_eq(search_verdict(search)->n_candidates, 2);
}
END_TEST

START_TEST(a_broken_parent_makes_a_range_of_it_and_the_culprit)
{
	start_linear(3);
	see_both_ends(3);
	see(2, OBSERVED_BROKEN);
	see(1, OBSERVED_GOOD);
	take_expecting(3, PURPOSE_CONFIRM_BAD);
	answer(3, OBSERVED_BAD);
	take_expecting(1, PURPOSE_CONFIRM_GOOD);
	answer(1, OBSERVED_GOOD);
	ck_assert_int_eq(kind(), VERDICT_RANGE);
	ck_assert_uint_eq(search_verdict(search)->n_candidates, 2);
	ck_assert(search_verdict(search)->confidence > 0.9);
}
END_TEST

/* confirmation */

START_TEST(the_culprit_and_its_parent_are_each_run_once_more)
{
	start_linear(2);
	see_both_ends(2);
	take_expecting(1, PURPOSE_SEARCH);
	answer(1, OBSERVED_BAD);
	ck_assert_int_eq(search_phase(search), PHASE_CONFIRM);
	take_expecting(1, PURPOSE_CONFIRM_BAD);
	take_expecting(0, PURPOSE_CONFIRM_GOOD);
	none_to_take();
	answer(0, OBSERVED_GOOD);
	ck_assert_int_eq(kind(), VERDICT_NONE);
	answer(1, OBSERVED_BAD);
	ck_assert_int_eq(kind(), VERDICT_CULPRIT);
}
END_TEST

START_TEST(every_parent_of_a_merge_is_confirmed_and_the_merge_is_marked)
{
	uint32_t root = add(0, NULL), left = add(1, &root), right = add(1, &root);
	uint32_t merge = add(2, (uint32_t[]){ left, right });

	ck_assert_int_eq(search_new(&search, &graph, merge, &root, 1, NULL, NULL), 0);
	see_times(merge, OBSERVED_BAD, 2);
	see(root, OBSERVED_GOOD);
	see_times(left, OBSERVED_GOOD, 2);
	see(right, OBSERVED_GOOD);
	take_expecting(right, PURPOSE_CONFIRM_GOOD);
	answer(right, OBSERVED_GOOD);
	ck_assert_int_eq(kind(), VERDICT_CULPRIT);
	ck_assert_uint_eq(search_verdict(search)->culprit, merge);
	ck_assert(search_verdict(search)->is_merge);
}
END_TEST

START_TEST(a_parent_that_is_only_known_good_through_a_child_is_run_once_itself)
{
	/* 2 passed twice and contains 1; 1 is also the parent of the culprit 3 */
	uint32_t root = add(0, NULL), one = add(1, &root), two = add(1, &one), three = add(1, &one);
	uint32_t merge = add(2, (uint32_t[]){ two, three });

	ck_assert_int_eq(search_new(&search, &graph, merge, &root, 1, NULL, NULL), 0);
	see(merge, OBSERVED_BAD);
	see(root, OBSERVED_GOOD);
	see_times(two, OBSERVED_GOOD, 2);
	see_times(three, OBSERVED_BAD, 2);
	take_expecting(one, PURPOSE_CONFIRM_GOOD);
	none_to_take();
	answer(one, OBSERVED_GOOD);
	ck_assert_int_eq(kind(), VERDICT_CULPRIT);
	ck_assert_uint_eq(search_verdict(search)->culprit, three);
}
END_TEST

START_TEST(no_pass_of_a_bad_commit_speaks_for_its_parent)
{
	start_linear(2);
	see_both_ends(2);
	see(1, OBSERVED_BAD);
	see_times(1, OBSERVED_BAD, 8);
	see_times(2, OBSERVED_GOOD, 4);		/* luck: 5 of 16, so 4 passes are needed */
	see(0, OBSERVED_GOOD);
	see(0, OBSERVED_GOOD);
	ck_assert_int_eq(kind(), VERDICT_NONE);
	see(0, OBSERVED_GOOD);
	ck_assert_int_eq(kind(), VERDICT_CULPRIT);
}
END_TEST

START_TEST(a_boundary_parent_that_cannot_be_built_is_taken_as_good)
{
	uint32_t boundary = add(0, NULL), good = add(1, &boundary), side = add(1, &boundary);
	uint32_t merge = add(2, (uint32_t[]){ good, side });

	ck_assert_int_eq(search_new(&search, &graph, merge, &good, 1, NULL, NULL), 0);
	see(merge, OBSERVED_BAD);
	see(good, OBSERVED_GOOD);
	see_times(side, OBSERVED_BAD, 2);
	take_expecting(boundary, PURPOSE_CONFIRM_GOOD);
	answer(boundary, OBSERVED_BROKEN);
	ck_assert_int_eq(kind(), VERDICT_CULPRIT);
	ck_assert_uint_eq(search_verdict(search)->culprit, side);
}
END_TEST

START_TEST(a_parent_that_fails_when_confirmed_sends_the_search_on)
{
	start_linear(8);
	see_both_ends(8);
	see_times(5, OBSERVED_BAD, 2);
	see(4, OBSERVED_GOOD);
	take_expecting(4, PURPOSE_CONFIRM_GOOD);
	answer(4, OBSERVED_BAD);
	ck_assert_int_eq(kind(), VERDICT_NONE);
	ck_assert(search_is_candidate(search, 4) && !search_is_candidate(search, 5));
	ck_assert_uint_eq(search_remaining(search), 4);
}
END_TEST

START_TEST(a_culprit_that_passes_when_confirmed_raises_the_passes_a_good_commit_needs)
{
	start_linear(8);
	see_both_ends(8);
	see(5, OBSERVED_BAD);
	see(4, OBSERVED_GOOD);
	ck_assert_uint_eq(search_remaining(search), 1);
	take_expecting(5, PURPOSE_CONFIRM_BAD);
	answer(5, OBSERVED_GOOD);
	ck_assert_int_eq(kind(), VERDICT_NONE);
	/* pass rate 2/5: ln 0.01 / ln 0.4 = 5.03, so 6 */
	ck_assert_uint_eq(search_remaining(search), 5);
	see_times(4, OBSERVED_GOOD, 4);
	ck_assert_uint_eq(search_remaining(search), 5);
	see(4, OBSERVED_GOOD);
	ck_assert_uint_eq(search_remaining(search), 1);
}
END_TEST

START_TEST(an_unconfirmable_culprit_still_gets_a_verdict)
{
	start_linear(2);
	see_both_ends(2);
	see(1, OBSERVED_BAD);
	see(0, OBSERVED_GOOD);
	take_expecting(1, PURPOSE_CONFIRM_BAD);
	answer(1, OBSERVED_BROKEN);
	ck_assert_int_eq(kind(), VERDICT_CULPRIT);
}
END_TEST

START_TEST(trusted_runs_are_not_confirmed)
{
	options.trust_runs = true;
	start_linear(2);
	see_both_ends(2);
	see(1, OBSERVED_BAD);
	ck_assert_int_eq(kind(), VERDICT_CULPRIT);
}
END_TEST

START_TEST(confirm_runs_counts_all_runs_of_the_culprit_and_of_its_parent)
{
	options.confirm_runs = 4;
	start_linear(2);
	see_both_ends(2);
	see_times(1, OBSERVED_BAD, 4);
	see_times(0, OBSERVED_GOOD, 2);
	ck_assert_int_eq(kind(), VERDICT_NONE);
	see(0, OBSERVED_GOOD);
	ck_assert_int_eq(kind(), VERDICT_CULPRIT);
}
END_TEST

/* flakiness and contradictions */

START_TEST(a_flaky_commit_may_run_several_times_at_once_but_not_more_than_needed)
{
	unsigned at_once[5] = { 0 };
	struct search_probe probe;

	start_linear(2);
	see_times(2, OBSERVED_BAD, 2);
	see(2, OBSERVED_GOOD);		/* 2/5: 6 passes needed */
	see_times(0, OBSERVED_GOOD, 6);
	while (search_next(search, &probe))
		at_once[probe.commit]++;
	ck_assert_uint_eq(at_once[1], 6);
	ck_assert_uint_eq(at_once[0] + at_once[2], 0);
}
END_TEST

START_TEST(a_pass_below_a_bad_commit_counts_as_luck)
{
	start_linear(8);
	see_both_ends(8);
	see(3, OBSERVED_BAD);
	see(6, OBSERVED_GOOD);
	ck_assert_uint_eq(search_remaining(search), 3);
	ck_assert(search_is_candidate(search, 3));
	ck_assert_int_eq(kind(), VERDICT_NONE);
}
END_TEST

START_TEST(a_pass_that_leaves_no_candidate_is_repeated_before_anyone_is_called_inconsistent)
{
	/* the only commit that both bad ones contain is also in a good one */
	uint32_t root = add(0, NULL), base = add(1, &root);
	uint32_t left = add(1, &base), right = add(1, &base), good = add(1, &base);
	uint32_t merge = add(3, (uint32_t[]){ left, right, good });
	struct search_probe probe;

	ck_assert_int_eq(search_new(&search, &graph, merge, &root, 1, NULL, NULL), 0);
	see(merge, OBSERVED_BAD);
	see(root, OBSERVED_GOOD);
	see(left, OBSERVED_BAD);
	see(right, OBSERVED_BAD);
	see(good, OBSERVED_GOOD);
	ck_assert_int_eq(kind(), VERDICT_NONE);
	ck_assert_uint_eq(search_remaining(search), 1);
	see_times(good, OBSERVED_GOOD, 19);
	see_times(root, OBSERVED_GOOD, 19);
	ck_assert_int_eq(kind(), VERDICT_INCONSISTENT);
	ck_assert_ptr_nonnull(strstr(search_verdict(search)->reason, "No single commit"));
	ck_assert(!search_next(search, &probe));
}
END_TEST

START_TEST(bad_commits_with_nothing_in_common_are_inconsistent)
{
	uint32_t root = add(0, NULL), left = add(1, &root), right = add(1, &root);
	uint32_t merge = add(2, (uint32_t[]){ left, right });

	ck_assert_int_eq(search_new(&search, &graph, merge, &root, 1, NULL, NULL), 0);
	see(merge, OBSERVED_BAD);
	see(left, OBSERVED_BAD);
	see(right, OBSERVED_BAD);
	ck_assert_int_eq(kind(), VERDICT_NONE);		/* the good end is still to be verified */
	see(root, OBSERVED_GOOD);
	ck_assert_int_eq(kind(), VERDICT_INCONSISTENT);
	ck_assert_ptr_nonnull(strstr(search_verdict(search)->reason, "in common"));
}
END_TEST

START_TEST(the_verdict_does_not_depend_on_the_order_of_the_observations)
{
	static const struct { uint32_t v; enum observation what; } seen[] = {
		{ 8, OBSERVED_BAD }, { 8, OBSERVED_GOOD }, { 0, OBSERVED_GOOD }, { 0, OBSERVED_GOOD },
		{ 4, OBSERVED_GOOD }, { 4, OBSERVED_GOOD }, { 5, OBSERVED_BAD }, { 5, OBSERVED_BAD },
		{ 6, OBSERVED_BAD }, { 3, OBSERVED_BROKEN }, { 2, OBSERVED_SKIP }, { 7, OBSERVED_GOOD },
	};
	const size_t n = sizeof(seen) / sizeof(*seen);
	size_t remaining = 0;
	double first[9], belief[9];

	start_linear(8);
	for (size_t shift = 0; shift < n; shift++) {
		struct search *other;
		uint32_t good = 0;

		ck_assert_int_eq(search_new(&other, &graph, 8, &good, 1, NULL, NULL), 0);
		for (size_t i = 0; i < n; i++) {
			size_t k = (i * 5 + shift) % n;

			search_verdict(other);
			search_observe(other, seen[k].v, seen[k].what, false);
		}
		search_belief(other, belief);
		if (!shift) {
			remaining = search_remaining(other);
			memcpy(first, belief, sizeof(first));
		}
		ck_assert_uint_eq(search_remaining(other), remaining);
		ck_assert_mem_eq(first, belief, sizeof(first));
		search_free(other);
	}
}
END_TEST

START_TEST(the_verdict_does_not_depend_on_what_is_in_flight)
{
	start_linear(2);
	for (unsigned i = 0; i < 3; i++)
		take();
	see_both_ends(2);
	see_times(1, OBSERVED_BAD, 2);
	see(0, OBSERVED_GOOD);
	ck_assert_int_eq(kind(), VERDICT_CULPRIT);
}
END_TEST

/* belief */

static double beta(double a, double b)
{
	return tgamma(a) * tgamma(b) / tgamma(a + b);
}

START_TEST(belief_is_even_at_first_and_leaves_room_for_no_culprit_at_all)
{
	double belief[5];

	start_linear(4);
	search_belief(search, belief);
	ck_assert_double_eq(belief[0], 0);
	for (unsigned v = 1; v <= 4; v++)
		ck_assert_double_eq_tol(belief[v], 0.98 / 4, 1e-12);
}
END_TEST

START_TEST(belief_follows_the_formulas_of_the_model)
{
	double belief[4], weight[4], none, sum = 0;

	start_linear(3);
	see_times(3, OBSERVED_BAD, 2);
	see(3, OBSERVED_GOOD);
	see(1, OBSERVED_GOOD);
	search_belief(search, belief);
	/* passes on the bad side: of 3 always, of 1 too if 1 is the culprit */
	weight[1] = 0.7 * beta(3, 3);
	weight[2] = weight[3] = 0.7 * beta(3, 2) * (0.7 + 0.3 * beta(1, 31) / beta(1, 30));
	none = 0.02 * beta(2.5, 3) / beta(0.5, 1);
	for (unsigned v = 1; v <= 3; v++)
		sum += weight[v] *= 0.98 / 3;
	for (unsigned v = 1; v <= 3; v++)
		ck_assert_double_eq_tol(belief[v], weight[v] / (sum + none), 1e-12);
}
END_TEST

START_TEST(commits_that_are_ruled_out_have_no_belief)
{
	double belief[9], sum = 0;

	start_linear(8);
	see_both_ends(8);
	see(4, OBSERVED_GOOD);
	see(6, OBSERVED_BAD);
	search_belief(search, belief);
	for (unsigned v = 0; v <= 8; v++) {
		ck_assert(v == 5 || v == 6 ? belief[v] > 0.4 : belief[v] <= 0);
		sum += belief[v];
	}
	ck_assert(sum <= 1);
}
END_TEST

START_TEST(more_runs_make_a_verdict_surer)
{
	double before;

	start_linear(2);
	see_both_ends(2);
	see_times(1, OBSERVED_BAD, 2);
	see(0, OBSERVED_GOOD);
	before = search_verdict(search)->confidence;
	ck_assert(before > 0.9 && before < 1);
	see_times(1, OBSERVED_BAD, 3);
	see_times(0, OBSERVED_GOOD, 3);
	ck_assert(search_verdict(search)->confidence > before);
}
END_TEST

START_TEST(thousands_of_runs_do_not_underflow)
{
	double belief[3];

	start_linear(2);
	see_times(2, OBSERVED_BAD, 3000);
	see_times(2, OBSERVED_GOOD, 3000);
	see_times(1, OBSERVED_GOOD, 8);
	search_belief(search, belief);
	ck_assert(isfinite(belief[1]) && belief[2] > belief[1]);
	ck_assert(belief[2] > 0.5 && belief[2] <= 1);
}
END_TEST

START_TEST(every_name_is_known)
{
	for (int i = 0; i < PURPOSE_NKINDS; i++)
		ck_assert_str_ne(search_purpose_name((enum search_purpose)i), "unknown");
	for (int i = 0; i < VERDICT_NKINDS; i++)
		ck_assert_str_ne(verdict_kind_name((enum verdict_kind)i), "unknown");
	ck_assert_str_eq(search_phase_name(PHASE_CONFIRM), "confirm");
	ck_assert_str_eq(verdict_kind_name(VERDICT_NO_GOOD_COMMIT), "no-good-commit");
	search_free(NULL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("search");
	TCase *tests = tcase_create("search");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, ends_outside_the_graph_are_refused);
	tcase_add_test(tests, a_bad_end_that_is_good_or_older_leaves_no_candidate_and_is_refused);
	tcase_add_test(tests, candidates_are_what_bad_contains_and_no_good_end_does);
	tcase_add_test(tests, a_boundary_without_a_path_to_a_good_end_is_no_candidate_when_the_caller_says_so);
	tcase_add_test(tests, ends_are_verified_before_the_search_when_there_is_one_slot);
	tcase_add_test(tests, further_slots_search_while_the_ends_are_verified);
	tcase_add_test(tests, a_bad_end_that_never_shows_the_error_is_not_reproduced_after_verify_max_runs);
	tcase_add_test(tests, verify_max_is_ten_unless_said_otherwise);
	tcase_add_test(tests, a_bad_end_that_passes_and_then_fails_is_reproduced_and_known_flaky);
	tcase_add_test(tests, passes_of_the_bad_end_rule_nothing_out);
	tcase_add_test(tests, a_bad_end_that_cannot_be_built_is_not_reproduced_and_says_why);
	tcase_add_test(tests, a_bad_end_that_always_skips_is_not_reproduced_after_its_retries);
	tcase_add_test(tests, a_good_end_that_shows_the_error_is_no_good_commit_at_once);
	tcase_add_test(tests, the_good_end_that_shows_the_error_is_the_one_named);
	tcase_add_test(tests, every_good_end_is_verified);
	tcase_add_test(tests, a_good_end_that_cannot_be_tested_is_taken_as_good_and_that_is_said);
	tcase_add_test(tests, no_culprit_is_named_before_the_ends_are_verified);
	tcase_add_test(tests, trusted_ends_are_never_run);
	tcase_add_test(tests, with_trust_a_single_candidate_is_the_culprit_without_a_run);
	tcase_add_test(tests, with_trust_one_pass_is_good_and_one_failure_is_bad);
	tcase_add_test(tests, three_slots_cut_the_range_in_four);
	tcase_add_test(tests, the_usefulness_of_a_halving_is_one_bit_and_that_of_a_further_run_less_on_a_line);
	tcase_add_test(tests, no_commit_is_in_flight_twice_and_when_all_are_nothing_is_offered);
	tcase_add_test(tests, a_dropped_probe_is_offered_again);
	tcase_add_test(tests, runs_of_a_commit_are_numbered_and_lost_ones_leave_no_gap);
	tcase_add_test(tests, a_result_makes_the_probes_that_it_decides_useless);
	tcase_add_test(tests, when_a_verdict_stands_everything_in_flight_is_useless);
	tcase_add_test(tests, remaining_candidates_and_runs_left_go_down_with_every_result);
	tcase_add_test(tests, evidence_from_earlier_is_as_good_as_a_run);
	tcase_add_test(tests, counts_tell_what_was_observed);
	tcase_add_test(tests, a_commit_that_cannot_be_built_is_never_run_again);
	tcase_add_test(tests, a_skipped_commit_waits_until_only_skipped_ones_are_left);
	tcase_add_test(tests, a_skipped_commit_waits_for_the_others_in_flight);
	tcase_add_test(tests, a_skipped_commit_is_tried_skip_retries_times_more_and_then_given_up);
	tcase_add_test(tests, a_broken_parent_makes_a_range_of_it_and_the_culprit);
	tcase_add_test(tests, the_culprit_and_its_parent_are_each_run_once_more);
	tcase_add_test(tests, every_parent_of_a_merge_is_confirmed_and_the_merge_is_marked);
	tcase_add_test(tests, a_parent_that_is_only_known_good_through_a_child_is_run_once_itself);
	tcase_add_test(tests, no_pass_of_a_bad_commit_speaks_for_its_parent);
	tcase_add_test(tests, a_boundary_parent_that_cannot_be_built_is_taken_as_good);
	tcase_add_test(tests, a_parent_that_fails_when_confirmed_sends_the_search_on);
	tcase_add_test(tests, a_culprit_that_passes_when_confirmed_raises_the_passes_a_good_commit_needs);
	tcase_add_test(tests, an_unconfirmable_culprit_still_gets_a_verdict);
	tcase_add_test(tests, trusted_runs_are_not_confirmed);
	tcase_add_test(tests, confirm_runs_counts_all_runs_of_the_culprit_and_of_its_parent);
	tcase_add_test(tests, a_flaky_commit_may_run_several_times_at_once_but_not_more_than_needed);
	tcase_add_test(tests, a_pass_below_a_bad_commit_counts_as_luck);
	tcase_add_test(tests, a_pass_that_leaves_no_candidate_is_repeated_before_anyone_is_called_inconsistent);
	tcase_add_test(tests, bad_commits_with_nothing_in_common_are_inconsistent);
	tcase_add_test(tests, the_verdict_does_not_depend_on_the_order_of_the_observations);
	tcase_add_test(tests, the_verdict_does_not_depend_on_what_is_in_flight);
	tcase_add_test(tests, belief_is_even_at_first_and_leaves_room_for_no_culprit_at_all);
	tcase_add_test(tests, belief_follows_the_formulas_of_the_model);
	tcase_add_test(tests, commits_that_are_ruled_out_have_no_belief);
	tcase_add_test(tests, more_runs_make_a_verdict_surer);
	tcase_add_test(tests, thousands_of_runs_do_not_underflow);
	tcase_add_test(tests, every_name_is_known);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
