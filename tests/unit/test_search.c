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
	see_times(bad, OBSERVED_BAD, 2);
	see_times(0, OBSERVED_GOOD, 2);
}

/* Runs of `v` as if the error always showed. */
static enum observation as_if(uint32_t culprit, uint32_t v)
{
	return v >= culprit ? OBSERVED_BAD : OBSERVED_GOOD;
}

/* One slot on a line, to the verdict; how many runs it took. */
static unsigned play_linear(uint32_t culprit)
{
	struct search_probe probe;
	unsigned n = 0;

	for (; kind() == VERDICT_NONE; n++) {
		ck_assert_uint_lt(n, 200);
		if (search_next(search, &probe))
			answer(probe.commit, as_if(culprit, probe.commit));
	}
	return n;
}

static double believed(uint32_t v)
{
	double belief[64];

	ck_assert_uint_le(graph.n, 64);
	search_belief(search, belief);
	return belief[v];
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
	see_times(merge, OBSERVED_BAD, 2);
	see_times(boundary, OBSERVED_BAD, 8);
	ck_assert_int_eq(kind(), VERDICT_NO_GOOD_COMMIT);
	ck_assert_uint_eq(search_verdict(search)->culprit, boundary);
}
END_TEST

/* the ends */

START_TEST(the_bad_end_is_verified_before_the_search_when_there_is_one_slot)
{
	options.verify_runs = 2;
	start_linear(8);
	ck_assert_int_eq(search_phase(search), PHASE_VERIFY);
	for (unsigned i = 0; i < 2; i++) {
		take_expecting(8, PURPOSE_VERIFY_BAD);
		answer(8, OBSERVED_BAD);
	}
	ck_assert_int_eq(search_phase(search), PHASE_SEARCH);
	ck_assert_int_eq(take().purpose, PURPOSE_SEARCH);
}
END_TEST

START_TEST(good_ends_are_run_before_the_search_only_when_that_is_asked_for)
{
	options.verify_runs = 1;
	options.verify_good = true;
	start_linear(8);
	take_expecting(8, PURPOSE_VERIFY_BAD);
	answer(8, OBSERVED_BAD);
	take_expecting(0, PURPOSE_VERIFY_GOOD);
	ck_assert_int_eq(search_phase(search), PHASE_VERIFY);
	answer(0, OBSERVED_GOOD);
	ck_assert_int_eq(search_phase(search), PHASE_SEARCH);
	ck_assert_int_eq(take().purpose, PURPOSE_SEARCH);
}
END_TEST

START_TEST(further_slots_search_while_the_ends_are_verified)
{
	options.verify_runs = 1;
	options.verify_good = true;
	start_linear(8);
	take_expecting(8, PURPOSE_VERIFY_BAD);
	take_expecting(0, PURPOSE_VERIFY_GOOD);
	ck_assert_int_eq(take().purpose, PURPOSE_SEARCH);
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

START_TEST(a_bad_end_that_passes_and_then_fails_is_reproduced_and_known_flaky)
{
	double as_deterministic, as_flaky;

	options.verify_runs = 2;
	start_linear(8);
	see(8, OBSERVED_GOOD);
	ck_assert_int_eq(search_phase(search), PHASE_VERIFY);
	see(8, OBSERVED_BAD);
	ck_assert_int_eq(search_phase(search), PHASE_SEARCH);
	see(4, OBSERVED_GOOD);
	as_flaky = believed(4);
	search_free(search);
	graph_release(&graph);
	start_linear(8);
	see_times(8, OBSERVED_BAD, 2);
	see(4, OBSERVED_GOOD);
	as_deterministic = believed(4);
	/* a pass says less of a commit when passes of bad ones are known */
	ck_assert(as_flaky > 2 * as_deterministic);
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

START_TEST(a_good_end_that_shows_the_error_again_and_again_is_no_good_commit)
{
	start_linear(8);
	see_times(8, OBSERVED_BAD, 2);
	see(0, OBSERVED_BAD);
	ck_assert_int_eq(kind(), VERDICT_NONE);		/* one failure may be an accident */
	see_times(0, OBSERVED_BAD, 9);
	ck_assert_int_eq(kind(), VERDICT_NO_GOOD_COMMIT);
	ck_assert_uint_eq(search_verdict(search)->culprit, 0);
	ck_assert(search_verdict(search)->confidence >= 0.99);
	none_to_take();
}
END_TEST

START_TEST(with_trust_a_good_end_that_shows_the_error_once_is_no_good_commit)
{
	options.trust_runs = true;
	start_linear(8);
	see(0, OBSERVED_BAD);
	ck_assert_int_eq(kind(), VERDICT_NO_GOOD_COMMIT);
	ck_assert_uint_eq(search_verdict(search)->culprit, 0);
}
END_TEST

START_TEST(a_good_end_that_failed_once_by_accident_is_forgiven)
{
	start_linear(8);
	see(0, OBSERVED_BAD);
	see_times(0, OBSERVED_GOOD, 12);
	play_linear(5);
	ck_assert_int_eq(kind(), VERDICT_CULPRIT);
	ck_assert_uint_eq(search_verdict(search)->culprit, 5);
}
END_TEST

START_TEST(an_error_that_shows_half_the_time_at_both_ends_is_no_change)
{
	start_linear(8);
	for (unsigned i = 0; i < 10; i++) {
		ck_assert_int_ne(kind(), VERDICT_CULPRIT);
		see(8, i % 2 ? OBSERVED_BAD : OBSERVED_GOOD);
		see(0, i % 2 ? OBSERVED_GOOD : OBSERVED_BAD);
	}
	ck_assert_int_eq(kind(), VERDICT_NO_CHANGE);
	ck_assert(search_verdict(search)->confidence >= 0.99);
	ck_assert_ptr_nonnull(strstr(search_verdict(search)->reason, "same rate"));
	none_to_take();
}
END_TEST

START_TEST(without_a_prior_no_change_is_never_the_verdict)
{
	options.no_change = -1;
	start_linear(8);
	see_times(8, OBSERVED_BAD, 10);
	see_times(8, OBSERVED_GOOD, 10);
	see_times(0, OBSERVED_BAD, 10);
	see_times(0, OBSERVED_GOOD, 10);
	ck_assert_int_ne(kind(), VERDICT_NO_CHANGE);
}
END_TEST

START_TEST(where_all_belief_is_in_a_good_end_that_is_bad_it_is_run)
{
	uint32_t root = add(0, NULL), left = add(1, &root), right = add(1, &root);
	uint32_t merge = add(2, (uint32_t[]){ left, right });

	/* no failure is an accident here, so that nobody but root is left */
	options.rates_known = true;
	options.bad_pass = 0.5;
	options.no_change = -1;
	ck_assert_int_eq(search_new(&search, &graph, merge, &root, 1, &options, NULL), 0);
	see(merge, OBSERVED_BAD);
	see(left, OBSERVED_BAD);
	see(right, OBSERVED_BAD);
	take_expecting(root, PURPOSE_VERIFY_GOOD);
	answer(root, OBSERVED_BAD);
	ck_assert_int_eq(kind(), VERDICT_NO_GOOD_COMMIT);
	ck_assert_uint_eq(search_verdict(search)->culprit, root);
}
END_TEST

START_TEST(the_good_end_that_shows_the_error_is_the_one_named)
{
	uint32_t a = add(0, NULL), b = add(0, NULL), merge = add(2, (uint32_t[]){ a, b });

	ck_assert_int_eq(search_new(&search, &graph, merge, (uint32_t[]){ a, b }, 2, NULL, NULL), 0);
	see_times(merge, OBSERVED_BAD, 2);
	see_times(b, OBSERVED_BAD, 12);
	ck_assert_int_eq(kind(), VERDICT_NO_GOOD_COMMIT);
	ck_assert_uint_eq(search_verdict(search)->culprit, b);
}
END_TEST

START_TEST(every_good_end_is_verified_when_that_is_asked_for)
{
	uint32_t a = add(0, NULL), b = add(0, NULL), merge = add(2, (uint32_t[]){ a, b });

	options.verify_good = true;
	options.verify_runs = 1;
	ck_assert_int_eq(search_new(&search, &graph, merge, (uint32_t[]){ a, b }, 2, &options, NULL), 0);
	take_expecting(merge, PURPOSE_VERIFY_BAD);
	take_expecting(a, PURPOSE_VERIFY_GOOD);
	take_expecting(b, PURPOSE_VERIFY_GOOD);
}
END_TEST

START_TEST(a_good_end_that_cannot_be_tested_is_taken_as_good_and_that_is_said)
{
	start_linear(1);
	see_times(1, OBSERVED_BAD, 3);
	see(0, OBSERVED_BROKEN);
	ck_assert_int_eq(kind(), VERDICT_CULPRIT);
	ck_assert_ptr_nonnull(strstr(search_verdict(search)->reason, "taken as good"));
}
END_TEST

START_TEST(no_culprit_is_named_before_the_ends_are_verified)
{
	start_linear(2);
	see_times(1, OBSERVED_BAD, 9);
	see_times(0, OBSERVED_GOOD, 9);
	ck_assert_int_eq(kind(), VERDICT_NONE);
	take_expecting(2, PURPOSE_VERIFY_BAD);
	answer(2, OBSERVED_BAD);
	see(2, OBSERVED_BAD);
	ck_assert_int_eq(kind(), VERDICT_CULPRIT);
}
END_TEST

START_TEST(trusted_ends_are_never_run)
{
	struct search_probe probe;

	options.trust_ends = true;
	start_linear(4);
	for (unsigned i = 0; kind() == VERDICT_NONE && i < 30; i++) {
		probe = take();
		ck_assert_uint_ne(probe.commit, 0);
		ck_assert_uint_ne(probe.commit, 4);
		answer(probe.commit, as_if(2, probe.commit));
	}
	ck_assert_int_eq(kind(), VERDICT_CULPRIT);
	ck_assert_uint_eq(search_verdict(search)->culprit, 2);
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
	uint32_t useless[8], n = 0;
	bool taken[5] = { false };

	start_linear(4);
	for (unsigned i = 0; i < 5; i++)
		taken[take().commit] = true;
	for (unsigned i = 0; i < 5; i++)
		n += taken[i];
	see_times(4, OBSERVED_BAD, 2);
	see_times(0, OBSERVED_BAD, 20);
	ck_assert_int_eq(kind(), VERDICT_NO_GOOD_COMMIT);
	ck_assert_uint_ge(n, 2);
	ck_assert_uint_eq(search_useless(search, useless, 8), n);
	ck_assert_uint_eq(search_useless(search, useless, 1), 1);
}
END_TEST

START_TEST(a_probe_that_promises_little_is_not_useless_as_soon_as_it_is_taken)
{
	uint32_t useless[8];

	/* an error that shows once in fifty runs: no run tells much */
	options.rates_known = true;
	options.bad_pass = 0.98;
	options.no_change = -1;
	start_linear(8);
	see(8, OBSERVED_BAD);
	for (unsigned i = 0; i < 4; i++) {
		ck_assert(take().usefulness < 0.02);
		ck_assert_uint_eq(search_useless(search, useless, 8), 0);
	}
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
	see_times(5, OBSERVED_BAD, 6);
	see_times(4, OBSERVED_GOOD, 12);
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
	see(2, OBSERVED_BROKEN);
	play_linear(3);
	ck_assert_int_eq(kind(), VERDICT_RANGE);
	ck_assert_uint_eq(search_verdict(search)->n_candidates, 2);
	ck_assert_uint_eq(search_verdict(search)->candidates[0], 2);
	ck_assert_uint_eq(search_verdict(search)->candidates[1], 3);
	ck_assert(search_verdict(search)->confidence >= 0.99);
}
END_TEST

START_TEST(a_commit_beside_the_range_that_nobody_runs_keeps_no_range_from_its_end)
{
	uint32_t root = add(0, NULL), broken = add(1, &root), bad = add(1, &broken);

	add(1, &broken);		/* contains the broken one, but is not in the history of bad */
	options.trust_runs = options.trust_ends = true;
	ck_assert_int_eq(search_new(&search, &graph, bad, &root, 1, &options, NULL), 0);
	see(broken, OBSERVED_BROKEN);
	ck_assert_int_eq(kind(), VERDICT_RANGE);
	ck_assert_uint_eq(search_verdict(search)->n_candidates, 2);
}
END_TEST

START_TEST(of_several_skipped_commits_each_gets_its_retries_when_the_rest_is_done)
{
	unsigned tries[6] = { 0 };

	options.skip_retries = 2;
	start_linear(5);
	for (unsigned i = 0; kind() == VERDICT_NONE && i < 60; i++) {
		uint32_t v = take().commit;

		tries[v]++;
		answer(v, v == 2 || v == 3 ? OBSERVED_SKIP : as_if(3, v));
	}
	ck_assert_int_eq(kind(), VERDICT_RANGE);
	ck_assert_uint_eq(search_verdict(search)->n_candidates, 3);
	ck_assert_uint_eq(tries[2], 3);
	ck_assert_uint_eq(tries[3], 3);
}
END_TEST

START_TEST(a_broken_neighbourhood_is_jumped_past)
{
	struct search_probe probe;

	options.trust_ends = options.trust_runs = true;
	options.build_cost = 10;
	options.test_cost = 1;
	start_linear(60);
	see(30, OBSERVED_BROKEN);
	probe = take();
	ck_assert(probe.commit < 26 || probe.commit > 34);
}
END_TEST

/* confirmation */

START_TEST(the_culprit_and_its_parent_are_confirmed_by_runs_of_their_own)
{
	uint32_t root = add(0, NULL), one = add(1, &root), two = add(1, &one), three = add(1, &one);
	uint32_t merge = add(2, (uint32_t[]){ two, three });

	/* two passed and contains one, which is also the parent of the culprit three */
	options.confirm_bad = 3;
	ck_assert_int_eq(search_new(&search, &graph, merge, &root, 1, &options, NULL), 0);
	see_times(merge, OBSERVED_BAD, 8);
	see_times(root, OBSERVED_GOOD, 8);
	see_times(two, OBSERVED_GOOD, 8);
	see_times(three, OBSERVED_BAD, 2);
	ck_assert_int_eq(search_phase(search), PHASE_CONFIRM);
	take_expecting(three, PURPOSE_CONFIRM_BAD);
	take_expecting(one, PURPOSE_CONFIRM_GOOD);
	none_to_take();
	answer(one, OBSERVED_GOOD);
	ck_assert_int_eq(kind(), VERDICT_NONE);
	answer(three, OBSERVED_BAD);
	ck_assert_int_eq(kind(), VERDICT_CULPRIT);
	ck_assert_uint_eq(search_verdict(search)->culprit, three);
}
END_TEST

/* Of the culprit itself, 2 in a line of 3 commits, until the verdict, if the newest passed so often. */
static unsigned failures_of_the_culprit(unsigned passes)
{
	unsigned counts[OBSERVED_NKINDS];

	search_free(search);
	graph_release(&graph);
	start_linear(3);
	see_times(3, OBSERVED_GOOD, passes);
	see_times(3, OBSERVED_BAD, 30);
	see_times(1, OBSERVED_GOOD, 60);
	for (unsigned i = 0; kind() == VERDICT_NONE && i < 60; i++) {
		uint32_t v = take().commit;

		answer(v, as_if(2, v));
	}
	ck_assert_int_eq(kind(), VERDICT_CULPRIT);
	ck_assert_uint_eq(search_verdict(search)->culprit, 2);
	search_counts(search, 2, counts);
	return counts[OBSERVED_BAD];
}

START_TEST(a_culprit_that_never_passed_has_to_fail_three_times)
{
	ck_assert_uint_eq(failures_of_the_culprit(0), 3);
	ck_assert_uint_eq(failures_of_the_culprit(2), 1);
	options.reproducible = 0.9;
	ck_assert_uint_eq(failures_of_the_culprit(0), 1);
	options = (struct search_options){ .confirm_bad = 2 };
	ck_assert_uint_eq(failures_of_the_culprit(0), 2);
}
END_TEST

START_TEST(every_parent_of_a_merge_is_confirmed_and_the_merge_is_marked)
{
	uint32_t root = add(0, NULL), sides[3], merge, last;

	for (unsigned i = 0; i < 3; i++)
		sides[i] = add(1, &root);
	merge = add(3, sides);
	last = add(1, &merge);
	options.confirm_bad = 1;
	ck_assert_int_eq(search_new(&search, &graph, last, &root, 1, &options, NULL), 0);
	for (unsigned i = 0; kind() == VERDICT_NONE && i < 60; i++) {
		uint32_t v = take().commit;

		answer(v, as_if(merge, v));
	}
	ck_assert_int_eq(kind(), VERDICT_CULPRIT);
	ck_assert_uint_eq(search_verdict(search)->culprit, merge);
	ck_assert(search_verdict(search)->is_merge);
	for (unsigned i = 0; i < 3; i++) {
		unsigned counts[OBSERVED_NKINDS];

		search_counts(search, sides[i], counts);
		ck_assert_uint_ge(counts[OBSERVED_GOOD], 1);
	}
}
END_TEST

START_TEST(in_criss_cross_merges_the_culprit_may_be_any_commit)
{
	/* left and right are merged into each other twice, then together; two good ends, two roots */
	uint32_t a = add(0, NULL), b = add(0, NULL), left = add(1, &a), right = add(1, &b);
	uint32_t cross1 = add(2, (uint32_t[]){ left, right }), cross2 = add(2, (uint32_t[]){ right, left });
	uint32_t top1 = add(1, &cross1), top2 = add(1, &cross2), last = add(2, (uint32_t[]){ top1, top2 });

	for (uint32_t culprit = left; culprit <= last; culprit++) {
		ck_assert_int_eq(search_new(&search, &graph, last, (uint32_t[]){ a, b }, 2, NULL, NULL), 0);
		for (unsigned i = 0; kind() == VERDICT_NONE && i < 60; i++) {
			uint32_t v = take().commit;

			answer(v, graph_is_ancestor(&graph, culprit, v) ? OBSERVED_BAD : OBSERVED_GOOD);
		}
		ck_assert_int_eq(kind(), VERDICT_CULPRIT);
		ck_assert_uint_eq(search_verdict(search)->culprit, culprit);
		ck_assert_int_eq(search_verdict(search)->is_merge,
			culprit == cross1 || culprit == cross2 || culprit == last);
		search_free(search);
		search = NULL;
	}
}
END_TEST

START_TEST(passes_of_a_bad_commit_do_not_speak_for_its_parent)
{
	double before;

	start_linear(3);
	see_times(3, OBSERVED_BAD, 4);
	see_times(2, OBSERVED_BAD, 4);
	see(1, OBSERVED_GOOD);
	before = believed(1);
	see_times(2, OBSERVED_GOOD, 3);		/* it failed often enough: these were luck */
	ck_assert(believed(1) > before);
	ck_assert(believed(3) < 0.01);
}
END_TEST

START_TEST(a_boundary_parent_that_cannot_be_built_is_taken_as_good)
{
	uint32_t boundary = add(0, NULL), good = add(1, &boundary), side = add(1, &boundary);
	uint32_t merge = add(2, (uint32_t[]){ good, side });

	ck_assert_int_eq(search_new(&search, &graph, merge, &good, 1, NULL, NULL), 0);
	see_times(merge, OBSERVED_BAD, 2);
	see_times(good, OBSERVED_GOOD, 9);
	see_times(side, OBSERVED_BAD, 9);
	take_expecting(boundary, PURPOSE_CONFIRM_GOOD);
	answer(boundary, OBSERVED_BROKEN);
	ck_assert_int_eq(kind(), VERDICT_CULPRIT);
	ck_assert_uint_eq(search_verdict(search)->culprit, side);
}
END_TEST

START_TEST(a_parent_that_fails_when_confirmed_sends_the_search_on)
{
	uint32_t root = add(0, NULL), one = add(1, &root), two = add(1, &one), three = add(1, &one);
	uint32_t merge = add(2, (uint32_t[]){ two, three });

	ck_assert_int_eq(search_new(&search, &graph, merge, &root, 1, NULL, NULL), 0);
	see_times(merge, OBSERVED_BAD, 4);
	see_times(root, OBSERVED_GOOD, 8);
	see_times(two, OBSERVED_GOOD, 8);
	see_times(three, OBSERVED_BAD, 4);
	take_expecting(one, PURPOSE_CONFIRM_GOOD);
	answer(one, OBSERVED_BAD);
	ck_assert_int_eq(kind(), VERDICT_NONE);
	see_times(one, OBSERVED_BAD, 20);
	ck_assert(believed(three) < 0.9);
	ck_assert(search_verdict(search)->culprit != three);
}
END_TEST

START_TEST(a_culprit_that_passes_when_confirmed_brings_doubt_in_its_parent_back)
{
	double sure;

	options.confirm_bad = 9;
	start_linear(8);
	see_both_ends(8);
	see_times(5, OBSERVED_BAD, 3);
	see_times(4, OBSERVED_GOOD, 3);
	sure = believed(5);
	see(5, OBSERVED_GOOD);
	ck_assert(believed(5) < sure);
	ck_assert(believed(4) + believed(3) > 10 * believed(6));
	see_times(4, OBSERVED_GOOD, 12);
	ck_assert(believed(5) > 0.98);
}
END_TEST

START_TEST(an_unconfirmable_culprit_still_gets_a_verdict)
{
	options.confirm_bad = 9;
	start_linear(2);
	see_times(2, OBSERVED_BAD, 4);
	see_times(0, OBSERVED_GOOD, 9);
	see_times(1, OBSERVED_BAD, 6);
	ck_assert_int_eq(kind(), VERDICT_NONE);
	take_expecting(1, PURPOSE_CONFIRM_BAD);
	answer(1, OBSERVED_BROKEN);
	ck_assert_int_eq(kind(), VERDICT_CULPRIT);
}
END_TEST

START_TEST(trusted_runs_are_not_confirmed)
{
	options.trust_runs = true;
	start_linear(2);
	see(2, OBSERVED_BAD);
	see(1, OBSERVED_BAD);
	ck_assert_int_eq(kind(), VERDICT_CULPRIT);
}
END_TEST

/* flakiness and contradictions */

START_TEST(of_a_flaky_error_one_commit_may_run_several_times_at_once)
{
	unsigned at_once[3] = { 0 };

	options.rates_known = true;
	options.bad_pass = 0.6;
	start_linear(2);
	see_both_ends(2);
	for (unsigned i = 0; i < 4; i++)
		at_once[take().commit]++;
	ck_assert_uint_eq(at_once[1], 4);
}
END_TEST

START_TEST(each_further_run_of_the_same_commit_promises_less)
{
	double last = 1;

	options.rates_known = true;
	options.bad_pass = 0.6;
	start_linear(2);
	see_both_ends(2);
	for (unsigned i = 0; i < 4; i++) {
		struct search_probe probe = take();

		ck_assert(probe.usefulness < last);
		ck_assert_uint_eq(probe.run, i);
		last = probe.usefulness;
	}
}
END_TEST

START_TEST(a_pass_of_what_contains_a_bad_commit_counts_as_luck)
{
	start_linear(8);
	see_both_ends(8);
	see_times(3, OBSERVED_BAD, 6);
	see(6, OBSERVED_GOOD);
	ck_assert(believed(1) + believed(2) + believed(3) > 0.9);
	ck_assert_int_eq(kind(), VERDICT_NONE);
}
END_TEST

START_TEST(with_trust_a_pass_that_contradicts_a_failure_is_inconsistent)
{
	start_trusted(8);
	see(3, OBSERVED_BAD);
	see(6, OBSERVED_GOOD);
	ck_assert_int_eq(kind(), VERDICT_INCONSISTENT);
	ck_assert_ptr_nonnull(strstr(search_verdict(search)->reason, "No single commit"));
	ck_assert_uint_eq(search_remaining(search), 0);
	none_to_take();
}
END_TEST

START_TEST(without_trust_no_contradiction_is_more_than_noise)
{
	/* the only commit that both bad ones contain is also in a good one */
	uint32_t root = add(0, NULL), base = add(1, &root);
	uint32_t left = add(1, &base), right = add(1, &base), good = add(1, &base);
	uint32_t merge = add(3, (uint32_t[]){ left, right, good });

	ck_assert_int_eq(search_new(&search, &graph, merge, &root, 1, NULL, NULL), 0);
	see_times(merge, OBSERVED_BAD, 2);
	see(root, OBSERVED_GOOD);
	see(left, OBSERVED_BAD);
	see(right, OBSERVED_BAD);
	see(good, OBSERVED_GOOD);
	ck_assert_int_eq(kind(), VERDICT_NONE);
	ck_assert(believed(base) > 0);
	take();
}
END_TEST

START_TEST(with_trust_bad_commits_with_nothing_in_common_are_inconsistent)
{
	uint32_t root = add(0, NULL), left = add(1, &root), right = add(1, &root);
	uint32_t merge = add(2, (uint32_t[]){ left, right });

	options.trust_runs = true;
	ck_assert_int_eq(search_new(&search, &graph, merge, &root, 1, &options, NULL), 0);
	see(merge, OBSERVED_BAD);
	see(left, OBSERVED_BAD);
	see(right, OBSERVED_BAD);
	ck_assert_int_eq(kind(), VERDICT_INCONSISTENT);
	ck_assert_ptr_nonnull(strstr(search_verdict(search)->reason, "in common"));
}
END_TEST

START_TEST(nobody_left_to_blame_and_commits_that_do_not_build_are_no_trouble_together)
{
	uint32_t a = add(0, NULL), b = add(0, NULL), broken = add(1, &a);
	uint32_t merge = add(2, (uint32_t[]){ broken, b });

	options.rates_known = true;
	options.no_change = -1;
	ck_assert_int_eq(search_new(&search, &graph, merge, NULL, 0, &options, NULL), 0);
	see(broken, OBSERVED_BROKEN);
	see(merge, OBSERVED_BAD);
	see(a, OBSERVED_BAD);
	see(b, OBSERVED_BAD);
	none_to_take();
	ck_assert_int_eq(kind(), VERDICT_INCONSISTENT);
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
	for (unsigned i = 0; i < 4; i++)
		take();
	see_both_ends(2);
	see_times(1, OBSERVED_BAD, 6);
	see_times(0, OBSERVED_GOOD, 12);
	ck_assert_int_eq(kind(), VERDICT_CULPRIT);
}
END_TEST

/* belief */

START_TEST(belief_is_even_at_first_and_leaves_room_for_no_culprit_at_all)
{
	start_linear(4);
	ck_assert_double_eq(believed(0), 0);
	for (unsigned v = 2; v <= 4; v++)
		ck_assert_double_eq_tol(believed(v), believed(1), 1e-12);
	ck_assert(4 * believed(1) < 0.99 && 4 * believed(1) > 0.5);
}
END_TEST

START_TEST(with_trust_there_is_no_room_for_anything_but_a_culprit)
{
	start_trusted(4);
	for (unsigned v = 1; v <= 4; v++)
		ck_assert_double_eq_tol(believed(v), 0.25, 1e-12);
}
END_TEST

START_TEST(with_trust_commits_that_are_ruled_out_have_no_belief)
{
	start_trusted(8);
	see(4, OBSERVED_GOOD);
	see(6, OBSERVED_BAD);
	for (unsigned v = 0; v <= 8; v++)
		ck_assert_double_eq_tol(believed(v), v == 5 || v == 6 ? 0.5 : 0, 1e-12);
}
END_TEST

START_TEST(more_runs_make_a_verdict_surer)
{
	double before;

	start_linear(2);
	see_both_ends(2);
	see_times(1, OBSERVED_BAD, 6);
	see_times(0, OBSERVED_GOOD, 9);
	ck_assert_int_eq(kind(), VERDICT_CULPRIT);
	before = search_verdict(search)->confidence;
	ck_assert(before >= 0.99 && before < 1);
	see_times(1, OBSERVED_BAD, 3);
	see_times(0, OBSERVED_GOOD, 3);
	ck_assert(search_verdict(search)->confidence > before);
}
END_TEST

START_TEST(a_higher_confidence_asks_for_more_runs)
{
	unsigned usual, high;

	start_linear(16);
	usual = play_linear(7);
	search_free(search);
	graph_release(&graph);
	options.confidence = 0.9999;
	start_linear(16);
	high = play_linear(7);
	ck_assert_uint_gt(high, usual);
	ck_assert(search_verdict(search)->confidence >= 0.9999);
}
END_TEST

/* budget */

START_TEST(a_spent_budget_ends_undecided_with_the_likeliest_candidates_best_first)
{
	const struct search_verdict *verdict;

	options.max_runs = 6;
	start_linear(40);
	see_times(40, OBSERVED_BAD, 2);
	see(20, OBSERVED_GOOD);
	see(20, OBSERVED_GOOD);
	see(30, OBSERVED_BAD);
	ck_assert_int_eq(kind(), VERDICT_NONE);
	see(30, OBSERVED_BAD);
	verdict = search_verdict(search);
	ck_assert_int_eq(verdict->kind, VERDICT_UNDECIDED);
	ck_assert_uint_ge(verdict->n_candidates, 10);
	for (size_t i = 0; i < 10; i++)
		ck_assert(verdict->candidates[i] > 20 && verdict->candidates[i] <= 30);
	for (size_t i = 1; i < verdict->n_candidates; i++)
		ck_assert(believed(verdict->candidates[i - 1]) >= believed(verdict->candidates[i]));
	ck_assert(verdict->confidence > 0.5 && verdict->confidence < 1);
	ck_assert_ptr_nonnull(strstr(verdict->reason, "budget"));
	none_to_take();
}
END_TEST

START_TEST(the_budget_holds_while_the_ends_are_verified)
{
	options.max_runs = 3;
	options.verify_max = 30;
	start_linear(4);
	see_times(4, OBSERVED_GOOD, 3);
	ck_assert_int_eq(kind(), VERDICT_UNDECIDED);
}
END_TEST

START_TEST(a_search_whose_time_is_spent_ends_undecided_whatever_it_waits_for)
{
	const struct search_verdict *verdict;

	start_linear(40);
	search_spend(search);
	ck_assert_int_eq(kind(), VERDICT_UNDECIDED);
	none_to_take();
	search_free(search);
	search = NULL;
	start_linear(40);
	see_times(40, OBSERVED_BAD, 2);
	see(20, OBSERVED_GOOD);
	take();
	search_spend(search);
	verdict = search_verdict(search);
	ck_assert_int_eq(verdict->kind, VERDICT_UNDECIDED);
	ck_assert_uint_gt(verdict->n_candidates, 10);
	ck_assert_uint_gt(verdict->candidates[0], 20);
	ck_assert_ptr_nonnull(strstr(verdict->reason, "The budget is spent"));
	none_to_take();
}
END_TEST

START_TEST(a_verdict_that_stands_is_not_undone_by_a_spent_time)
{
	start_linear(4);
	see_times(4, OBSERVED_BAD, 8);
	see_times(3, OBSERVED_BAD, 8);
	see_times(2, OBSERVED_GOOD, 8);
	ck_assert_int_eq(kind(), VERDICT_CULPRIT);
	search_spend(search);
	ck_assert_int_eq(kind(), VERDICT_CULPRIT);
}
END_TEST

/* runs from before */

START_TEST(earlier_runs_that_showed_the_error_stand_for_the_bad_end)
{
	start_linear(8);
	search_earlier(search, 30, 0, 0, 100);
	ck_assert_int_eq(search_phase(search), PHASE_SEARCH);
	ck_assert_int_eq(take().purpose, PURPOSE_SEARCH);
}
END_TEST

START_TEST(earlier_runs_of_a_deterministic_error_save_runs)
{
	unsigned cold, warm;

	start_linear(32);
	cold = play_linear(20);
	search_free(search);
	graph_release(&graph);
	start_linear(32);
	search_earlier(search, 30, 0, 0, 100);
	warm = play_linear(20);
	ck_assert_int_eq(kind(), VERDICT_CULPRIT);
	ck_assert_uint_eq(search_verdict(search)->culprit, 20);
	ck_assert_uint_lt(warm, cold);
}
END_TEST

START_TEST(earlier_runs_of_a_flaky_error_make_one_pass_say_less)
{
	double unknown, flaky;

	options.trust_ends = true;
	start_linear(2);
	see(1, OBSERVED_GOOD);
	unknown = believed(1);
	search_free(search);
	graph_release(&graph);
	start_linear(2);
	search_earlier(search, 5, 15, 0, 50);
	see(1, OBSERVED_GOOD);
	flaky = believed(1);
	ck_assert(flaky > unknown && flaky < 0.5);
}
END_TEST

START_TEST(earlier_runs_told_late_count_as_if_told_first)
{
	double first[16], late[16];

	start_linear(15);
	search_earlier(search, 12, 8, 0, 90);
	take();
	see(15, OBSERVED_BAD);
	see(7, OBSERVED_GOOD);
	search_belief(search, first);
	search_free(search);
	graph_release(&graph);
	start_linear(15);
	take();
	see(15, OBSERVED_BAD);
	see(7, OBSERVED_GOOD);
	search_verdict(search);
	search_earlier(search, 12, 8, 0, 90);
	search_belief(search, late);
	ck_assert_mem_eq(first, late, sizeof(first));
}
END_TEST

/* costs */

START_TEST(a_commit_with_an_artifact_is_preferred_where_builds_cost_much)
{
	options.trust_ends = true;
	options.build_cost = 10;
	options.test_cost = 1;
	start_linear(32);
	search_built(search, 20);
	search_built(search, 99);		/* not in the graph: no harm */
	take_expecting(20, PURPOSE_SEARCH);
}
END_TEST

START_TEST(an_artifact_that_tells_nothing_is_not_preferred)
{
	options.trust_ends = options.trust_runs = true;
	options.build_cost = 10;
	options.test_cost = 1;
	start_linear(32);
	search_built(search, 32);
	take_expecting(16, PURPOSE_SEARCH);
}
END_TEST

START_TEST(a_commit_that_is_being_built_is_not_offered_to_another_slot)
{
	bool taken[17] = { false };

	options.trust_ends = true;
	options.build_cost = 10;
	options.test_cost = 1;
	start_linear(16);
	for (unsigned i = 0; i < 6; i++) {
		uint32_t v = take().commit;

		ck_assert(!taken[v]);
		taken[v] = true;
	}
}
END_TEST

START_TEST(ends_and_witnesses_that_are_being_built_are_not_built_twice_at_once)
{
	uint32_t root, one, two, three, merge;

	options.build_cost = 10;
	options.test_cost = 1;
	options.verify_runs = 3;
	options.confirm_bad = 3;
	start_linear(8);
	take_expecting(8, PURPOSE_VERIFY_BAD);
	ck_assert_int_eq(take().purpose, PURPOSE_SEARCH);
	search_built(search, 8);
	take_expecting(8, PURPOSE_VERIFY_BAD);
	take_expecting(8, PURPOSE_VERIFY_BAD);
	/* one that is lost before its build ends is offered again */
	search_free(search);
	graph_release(&graph);
	start_linear(8);
	take_expecting(8, PURPOSE_VERIFY_BAD);
	search_drop(search, 8);
	take_expecting(8, PURPOSE_VERIFY_BAD);
	search_free(search);
	graph_release(&graph);
	options.confirm_good = 3;
	root = add(0, NULL);
	one = add(1, &root);
	two = add(1, &one);
	three = add(1, &one);
	merge = add(2, (uint32_t[]){ two, three });
	ck_assert_int_eq(search_new(&search, &graph, merge, &root, 1, &options, NULL), 0);
	see_times(merge, OBSERVED_BAD, 8);
	see_times(root, OBSERVED_GOOD, 8);
	see_times(two, OBSERVED_GOOD, 8);
	see_times(three, OBSERVED_BAD, 3);
	take_expecting(one, PURPOSE_CONFIRM_GOOD);
	none_to_take();
	search_built(search, one);
	take_expecting(one, PURPOSE_CONFIRM_GOOD);
}
END_TEST

START_TEST(a_commit_that_was_built_may_run_on_several_slots_at_once)
{
	options.rates_known = true;
	options.bad_pass = 0.6;
	options.trust_ends = true;
	options.build_cost = 50;
	options.test_cost = 1;
	start_linear(8);
	search_built(search, 4);
	take_expecting(4, PURPOSE_SEARCH);
	take_expecting(4, PURPOSE_SEARCH);
}
END_TEST

/* The parent of the bad end is being built, and its first run will tell nearly all; one of the bad end would be cheap. */
START_TEST(a_slot_waits_for_a_run_in_flight_that_tells_far_more)
{
	options.build_cost = 10;
	options.test_cost = 1;
	start_linear(2);
	see_times(2, OBSERVED_BAD, 4);
	see_times(0, OBSERVED_GOOD, 4);
	take_expecting(1, PURPOSE_SEARCH);
	none_to_take();
	ck_assert_int_eq(kind(), VERDICT_NONE);
	answer(1, OBSERVED_GOOD);
	ck_assert(take().commit <= 2);
}
END_TEST

START_TEST(dear_builds_make_repeats_more_likely_than_new_commits)
{
	unsigned builds[2] = { 0 };

	options.rates_known = true;
	options.bad_pass = 0.75;
	options.trust_ends = true;
	for (unsigned dear = 0; dear < 2; dear++) {
		bool built[33] = { false };
		unsigned passed[33] = { 0 };

		options.build_cost = dear ? 50 : 0;
		options.test_cost = 1;
		start_linear(32);
		for (unsigned i = 0; kind() == VERDICT_NONE && i < 200; i++) {
			uint32_t v = take().commit;

			builds[dear] += !built[v];
			built[v] = true;
			/* three of four runs of a bad commit pass */
			answer(v, v >= 20 && passed[v]++ % 4 == 3 ? OBSERVED_BAD : OBSERVED_GOOD);
		}
		ck_assert_uint_eq(search_verdict(search)->culprit, 20);
		search_free(search);
		search = NULL;
		graph_release(&graph);
	}
	ck_assert_uint_lt(builds[1], builds[0]);
}
END_TEST

/* priors */

static unsigned play_with_prior(uint32_t suspect, uint32_t culprit)
{
	double prior[65] = { 0 };
	unsigned n;

	if (suspect) {
		prior[suspect] = 5;
		options.prior = prior;
	}
	start_linear(64);
	options.prior = NULL;
	n = play_linear(culprit);
	ck_assert_int_eq(kind(), VERDICT_CULPRIT);
	ck_assert_uint_eq(search_verdict(search)->culprit, culprit);
	search_free(search);
	search = NULL;
	graph_release(&graph);
	return n;
}

START_TEST(a_prior_that_comes_later_gives_the_belief_of_one_that_was_there_and_keeps_what_is_in_flight)
{
	double prior[41], from_start[41], later[41];
	struct search_probe first;

	for (uint32_t v = 0; v <= 40; v++)
		prior[v] = v % 7 == 3 ? 20 : 1;
	options.prior = prior;
	start_linear(40);
	see_times(40, OBSERVED_BAD, 2);
	see(20, OBSERVED_GOOD);
	search_belief(search, from_start);
	search_free(search);
	search = NULL;
	graph_release(&graph);
	options.prior = NULL;
	start_linear(40);
	see_times(40, OBSERVED_BAD, 2);
	first = take();
	search_set_prior(search, prior);
	search_set_prior(search, prior);
	memset(prior, 0, sizeof(prior));
	see(20, OBSERVED_GOOD);
	search_belief(search, later);
	ck_assert_mem_eq(from_start, later, sizeof(later));
	search_drop(search, first.commit);
	search_set_prior(search, NULL);
	search_belief(search, later);
	ck_assert_double_eq_tol(later[31], later[32], 1e-12);
}
END_TEST

START_TEST(a_right_prior_saves_runs_and_a_wrong_one_costs_only_a_few)
{
	unsigned even = play_with_prior(0, 40);

	ck_assert_uint_le(play_with_prior(40, 40) + 3, even);
	ck_assert_uint_le(play_with_prior(10, 40), even + 5);
}
END_TEST

START_TEST(a_prior_is_mixed_with_an_even_one_and_its_scale_does_not_matter)
{
	double prior[5] = { 7000, 0, 3e6, 1e6, 0 };
	double even = 0.2 / 4;

	options.prior = prior;
	start_trusted(4);
	ck_assert_double_eq_tol(believed(1), even, 1e-12);
	ck_assert_double_eq_tol(believed(2), even + 0.8 * 0.75, 1e-12);
	ck_assert_double_eq_tol(believed(3), even + 0.8 * 0.25, 1e-12);
}
END_TEST

/* fixes */

START_TEST(in_a_fix_bisection_the_words_are_exchanged)
{
	options.fix = true;
	options.verify_runs = 1;
	start_linear(8);
	take_expecting(0, PURPOSE_VERIFY_BAD);
	answer(0, OBSERVED_BAD);
	for (unsigned i = 0; kind() == VERDICT_NONE && i < 40; i++) {
		uint32_t v = take().commit;

		answer(v, v >= 5 ? OBSERVED_GOOD : OBSERVED_BAD);
	}
	ck_assert_int_eq(kind(), VERDICT_CULPRIT);
	ck_assert_uint_eq(search_verdict(search)->culprit, 5);
	ck_assert_ptr_nonnull(strstr(search_verdict(search)->reason, "passed"));
}
END_TEST

START_TEST(the_parent_of_a_fix_has_to_fail_three_times_if_no_bad_commit_passed)
{
	unsigned counts[OBSERVED_NKINDS];

	options.fix = true;
	start_linear(3);
	see_times(0, OBSERVED_BAD, 30);
	see_times(3, OBSERVED_GOOD, 60);
	for (unsigned i = 0; kind() == VERDICT_NONE && i < 60; i++) {
		uint32_t v = take().commit;

		answer(v, v >= 2 ? OBSERVED_GOOD : OBSERVED_BAD);
	}
	ck_assert_int_eq(kind(), VERDICT_CULPRIT);
	ck_assert_uint_eq(search_verdict(search)->culprit, 2);
	search_counts(search, 1, counts);
	ck_assert_uint_eq(counts[OBSERVED_BAD], 3);
}
END_TEST

START_TEST(with_trust_the_commit_after_the_last_that_shows_the_error_is_the_fix)
{
	options.fix = true;
	start_trusted(4);
	take_expecting(2, PURPOSE_SEARCH);
	answer(2, OBSERVED_BAD);
	take_expecting(3, PURPOSE_SEARCH);
	answer(3, OBSERVED_GOOD);
	ck_assert_int_eq(kind(), VERDICT_CULPRIT);
	ck_assert_uint_eq(search_verdict(search)->culprit, 3);
}
END_TEST

START_TEST(a_new_end_that_still_shows_the_error_is_not_fixed)
{
	options.fix = true;
	start_linear(8);
	see_times(0, OBSERVED_BAD, 2);
	see_times(8, OBSERVED_BAD, 20);
	ck_assert_int_eq(kind(), VERDICT_NO_GOOD_COMMIT);
	ck_assert_uint_eq(search_verdict(search)->culprit, 8);
	ck_assert_ptr_nonnull(strstr(search_verdict(search)->reason, "not fixed"));
}
END_TEST

START_TEST(an_old_end_without_the_error_is_not_reproduced)
{
	options.fix = true;
	options.verify_max = 4;
	start_linear(8);
	see_times(0, OBSERVED_GOOD, 4);
	ck_assert_int_eq(kind(), VERDICT_NOT_REPRODUCED);
	ck_assert_ptr_nonnull(strstr(search_verdict(search)->reason, "old end"));
}
END_TEST

START_TEST(what_never_had_the_error_is_neither_run_nor_taken_for_the_fix)
{
	/* the side branch left before the error came in (at old), and was merged after */
	uint32_t root = add(0, NULL), side1 = add(1, &root), side2 = add(1, &side1), old = add(1, &root);
	uint32_t next = add(1, &old), merge = add(2, (uint32_t[]){ next, side2 }), fix = add(1, &merge);
	uint32_t last = add(1, &fix);

	options.fix = true;
	ck_assert_int_eq(search_new(&search, &graph, last, &old, 1, &options, NULL), 0);
	for (unsigned i = 0; kind() == VERDICT_NONE && i < 40; i++) {
		uint32_t v = take().commit;

		ck_assert(v >= old);
		answer(v, v >= fix ? OBSERVED_GOOD : OBSERVED_BAD);
	}
	ck_assert_int_eq(kind(), VERDICT_CULPRIT);
	ck_assert_uint_eq(search_verdict(search)->culprit, fix);
}
END_TEST

START_TEST(a_fix_that_came_with_a_branch_which_never_had_the_error_is_a_range)
{
	uint32_t root = add(0, NULL), side = add(1, &root), old = add(1, &root);
	uint32_t merge = add(2, (uint32_t[]){ old, side }), last = add(1, &merge);

	options.fix = true;
	ck_assert_int_eq(search_new(&search, &graph, last, &old, 1, &options, NULL), 0);
	for (unsigned i = 0; kind() == VERDICT_NONE && i < 40; i++) {
		uint32_t v = take().commit;

		ck_assert_uint_ne(v, side);
		answer(v, v >= merge ? OBSERVED_GOOD : OBSERVED_BAD);
	}
	ck_assert_int_eq(kind(), VERDICT_RANGE);
	ck_assert_uint_eq(search_verdict(search)->n_candidates, 2);
	ck_assert_uint_eq(search_verdict(search)->candidates[0], side);
	ck_assert_uint_eq(search_verdict(search)->candidates[1], merge);
}
END_TEST

/* measurements */

static void measure(uint32_t v, double log_ratio)
{
	search_observe_ratio(search, v, log_ratio, false);
}

START_TEST(a_measurement_searches_like_a_failure)
{
	start_linear(16);
	for (unsigned i = 0; kind() == VERDICT_NONE && i < 60; i++) {
		struct search_probe probe = take();

		search_observe_ratio(search, probe.commit, probe.commit >= 7 ? 5 : -5, true);
	}
	ck_assert_int_eq(kind(), VERDICT_CULPRIT);
	ck_assert_uint_eq(search_verdict(search)->culprit, 7);
}
END_TEST

START_TEST(measurements_find_a_fix_too)
{
	options.fix = true;
	start_linear(16);
	for (unsigned i = 0; kind() == VERDICT_NONE && i < 60; i++) {
		struct search_probe probe = take();

		search_observe_ratio(search, probe.commit, probe.commit >= 7 ? -5 : 5, true);
	}
	ck_assert_int_eq(kind(), VERDICT_CULPRIT);
	ck_assert_uint_eq(search_verdict(search)->culprit, 7);
}
END_TEST

START_TEST(measurements_that_are_no_numbers_say_nothing_but_end_their_run)
{
	struct search_probe probe;
	double before, after[5];

	options.trust_ends = true;
	start_linear(4);
	measure(2, 1.5);
	before = believed(2);
	probe = take();
	search_observe_ratio(search, probe.commit, NAN, true);
	search_belief(search, after);
	ck_assert_double_eq(after[2], before);
	ck_assert_uint_eq(search_useless(search, &probe.commit, 1), 0);
	ck_assert_uint_ne(take().commit, UINT32_MAX);
	measure(99, 3);				/* not in the graph: no harm */
	ck_assert_double_eq(believed(2), before);
}
END_TEST

START_TEST(the_order_of_measurements_does_not_matter_to_the_last_bit)
{
	static const struct { uint32_t v; double ratio; } seen[] = { { 1, 0.1 }, { 3, 1e-7 }, { 2, -3.3 }, { 4, 700 },
		{ 3, 1 / 3.0 }, { 2, 1e9 }, { 2, -1e9 }, { 1, -0.7 }, { 0, -INFINITY }, { 4, INFINITY } };
	const size_t n = sizeof(seen) / sizeof(*seen);
	double first[5], belief[5];

	for (size_t shift = 0; shift < n; shift++) {
		start_linear(4);
		for (size_t i = 0; i < n; i++)
			measure(seen[(i * 3 + shift) % n].v, seen[(i * 3 + shift) % n].ratio);
		search_belief(search, belief);
		if (!shift)
			memcpy(first, belief, sizeof(first));
		ck_assert_mem_eq(first, belief, sizeof(first));
		ck_assert(belief[1] >= 0 && belief[4] <= 1);
		search_free(search);
		search = NULL;
		graph_release(&graph);
	}
}
END_TEST

START_TEST(overwhelming_measurements_neither_overflow_nor_leave_nobody)
{
	double sum = 0;

	start_linear(4);
	for (unsigned i = 0; i < 5; i++)
		measure(4, 1000);
	for (unsigned i = 0; i < 5; i++)
		measure(0, 1000);
	for (unsigned v = 1; v <= 4; v++)
		sum += believed(v);
	ck_assert(sum < 0.01);			/* even the good end is bad */
	ck_assert_int_eq(kind(), VERDICT_NO_GOOD_COMMIT);
	for (unsigned i = 0; i < 12; i++)
		measure(0, -1000);
	see_times(2, OBSERVED_GOOD, 200);
	measure(2, 900);
	for (unsigned v = 1; v <= 4; v++) {
		ck_assert(isfinite(believed(v)));
		sum += believed(v);
	}
	ck_assert(sum > 0.99);
}
END_TEST

/* known rates */

START_TEST(rates_that_are_known_are_used_as_they_are)
{
	options.rates_known = options.trust_ends = true;
	options.bad_pass = 0.25;
	options.good_fail = 0.125;
	start_linear(2);
	see(1, OBSERVED_BAD);
	/* culprit 1: it fails with 3/4; culprit 2: with 1/8 */
	ck_assert_double_eq_tol(believed(1), 0.75 / (0.75 + 0.125), 1e-12);
	see(1, OBSERVED_GOOD);
	ck_assert_double_eq_tol(believed(1), 0.75 * 0.25 / (0.75 * 0.25 + 0.125 * 0.875), 1e-12);
}
END_TEST

START_TEST(with_known_rates_thousands_of_runs_that_cannot_be_leave_no_garbage)
{
	options.rates_known = true;
	start_linear(4);
	see_times(4, OBSERVED_BAD, 1);
	see_times(2, OBSERVED_BAD, 2000);
	see_times(3, OBSERVED_GOOD, 2000);
	for (unsigned v = 0; v <= 4; v++)
		ck_assert(!isnan(believed(v)));
	ck_assert_uint_le(search_remaining(search), 4);
	ck_assert_uint_le(search_runs_left(search), 100);
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
	tcase_add_test(tests, the_bad_end_is_verified_before_the_search_when_there_is_one_slot);
	tcase_add_test(tests, good_ends_are_run_before_the_search_only_when_that_is_asked_for);
	tcase_add_test(tests, further_slots_search_while_the_ends_are_verified);
	tcase_add_test(tests, a_bad_end_that_never_shows_the_error_is_not_reproduced_after_verify_max_runs);
	tcase_add_test(tests, a_bad_end_that_passes_and_then_fails_is_reproduced_and_known_flaky);
	tcase_add_test(tests, passes_of_the_bad_end_rule_nothing_out);
	tcase_add_test(tests, a_bad_end_that_cannot_be_built_is_not_reproduced_and_says_why);
	tcase_add_test(tests, a_bad_end_that_always_skips_is_not_reproduced_after_its_retries);
	tcase_add_test(tests, a_good_end_that_shows_the_error_again_and_again_is_no_good_commit);
	tcase_add_test(tests, with_trust_a_good_end_that_shows_the_error_once_is_no_good_commit);
	tcase_add_test(tests, a_good_end_that_failed_once_by_accident_is_forgiven);
	tcase_add_test(tests, an_error_that_shows_half_the_time_at_both_ends_is_no_change);
	tcase_add_test(tests, without_a_prior_no_change_is_never_the_verdict);
	tcase_add_test(tests, where_all_belief_is_in_a_good_end_that_is_bad_it_is_run);
	tcase_add_test(tests, the_good_end_that_shows_the_error_is_the_one_named);
	tcase_add_test(tests, every_good_end_is_verified_when_that_is_asked_for);
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
	tcase_add_test(tests, a_probe_that_promises_little_is_not_useless_as_soon_as_it_is_taken);
	tcase_add_test(tests, remaining_candidates_and_runs_left_go_down_with_every_result);
	tcase_add_test(tests, evidence_from_earlier_is_as_good_as_a_run);
	tcase_add_test(tests, counts_tell_what_was_observed);
	tcase_add_test(tests, a_commit_that_cannot_be_built_is_never_run_again);
	tcase_add_test(tests, a_skipped_commit_waits_until_only_skipped_ones_are_left);
	tcase_add_test(tests, a_skipped_commit_waits_for_the_others_in_flight);
	tcase_add_test(tests, a_skipped_commit_is_tried_skip_retries_times_more_and_then_given_up);
	tcase_add_test(tests, a_broken_parent_makes_a_range_of_it_and_the_culprit);
	tcase_add_test(tests, a_commit_beside_the_range_that_nobody_runs_keeps_no_range_from_its_end);
	tcase_add_test(tests, of_several_skipped_commits_each_gets_its_retries_when_the_rest_is_done);
	tcase_add_test(tests, a_broken_neighbourhood_is_jumped_past);
	tcase_add_test(tests, the_culprit_and_its_parent_are_confirmed_by_runs_of_their_own);
	tcase_add_test(tests, a_culprit_that_never_passed_has_to_fail_three_times);
	tcase_add_test(tests, every_parent_of_a_merge_is_confirmed_and_the_merge_is_marked);
	tcase_add_test(tests, in_criss_cross_merges_the_culprit_may_be_any_commit);
	tcase_add_test(tests, passes_of_a_bad_commit_do_not_speak_for_its_parent);
	tcase_add_test(tests, a_boundary_parent_that_cannot_be_built_is_taken_as_good);
	tcase_add_test(tests, a_parent_that_fails_when_confirmed_sends_the_search_on);
	tcase_add_test(tests, a_culprit_that_passes_when_confirmed_brings_doubt_in_its_parent_back);
	tcase_add_test(tests, an_unconfirmable_culprit_still_gets_a_verdict);
	tcase_add_test(tests, trusted_runs_are_not_confirmed);
	tcase_add_test(tests, of_a_flaky_error_one_commit_may_run_several_times_at_once);
	tcase_add_test(tests, each_further_run_of_the_same_commit_promises_less);
	tcase_add_test(tests, a_pass_of_what_contains_a_bad_commit_counts_as_luck);
	tcase_add_test(tests, with_trust_a_pass_that_contradicts_a_failure_is_inconsistent);
	tcase_add_test(tests, without_trust_no_contradiction_is_more_than_noise);
	tcase_add_test(tests, with_trust_bad_commits_with_nothing_in_common_are_inconsistent);
	tcase_add_test(tests, nobody_left_to_blame_and_commits_that_do_not_build_are_no_trouble_together);
	tcase_add_test(tests, the_verdict_does_not_depend_on_the_order_of_the_observations);
	tcase_add_test(tests, the_verdict_does_not_depend_on_what_is_in_flight);
	tcase_add_test(tests, belief_is_even_at_first_and_leaves_room_for_no_culprit_at_all);
	tcase_add_test(tests, with_trust_there_is_no_room_for_anything_but_a_culprit);
	tcase_add_test(tests, with_trust_commits_that_are_ruled_out_have_no_belief);
	tcase_add_test(tests, more_runs_make_a_verdict_surer);
	tcase_add_test(tests, a_higher_confidence_asks_for_more_runs);
	tcase_add_test(tests, a_spent_budget_ends_undecided_with_the_likeliest_candidates_best_first);
	tcase_add_test(tests, the_budget_holds_while_the_ends_are_verified);
	tcase_add_test(tests, a_search_whose_time_is_spent_ends_undecided_whatever_it_waits_for);
	tcase_add_test(tests, a_verdict_that_stands_is_not_undone_by_a_spent_time);
	tcase_add_test(tests, earlier_runs_that_showed_the_error_stand_for_the_bad_end);
	tcase_add_test(tests, earlier_runs_of_a_deterministic_error_save_runs);
	tcase_add_test(tests, earlier_runs_of_a_flaky_error_make_one_pass_say_less);
	tcase_add_test(tests, earlier_runs_told_late_count_as_if_told_first);
	tcase_add_test(tests, a_commit_with_an_artifact_is_preferred_where_builds_cost_much);
	tcase_add_test(tests, an_artifact_that_tells_nothing_is_not_preferred);
	tcase_add_test(tests, a_commit_that_is_being_built_is_not_offered_to_another_slot);
	tcase_add_test(tests, ends_and_witnesses_that_are_being_built_are_not_built_twice_at_once);
	tcase_add_test(tests, a_commit_that_was_built_may_run_on_several_slots_at_once);
	tcase_add_test(tests, a_slot_waits_for_a_run_in_flight_that_tells_far_more);
	tcase_add_test(tests, dear_builds_make_repeats_more_likely_than_new_commits);
	tcase_add_test(tests, a_prior_that_comes_later_gives_the_belief_of_one_that_was_there_and_keeps_what_is_in_flight);
	tcase_add_test(tests, a_right_prior_saves_runs_and_a_wrong_one_costs_only_a_few);
	tcase_add_test(tests, a_prior_is_mixed_with_an_even_one_and_its_scale_does_not_matter);
	tcase_add_test(tests, in_a_fix_bisection_the_words_are_exchanged);
	tcase_add_test(tests, the_parent_of_a_fix_has_to_fail_three_times_if_no_bad_commit_passed);
	tcase_add_test(tests, with_trust_the_commit_after_the_last_that_shows_the_error_is_the_fix);
	tcase_add_test(tests, a_new_end_that_still_shows_the_error_is_not_fixed);
	tcase_add_test(tests, an_old_end_without_the_error_is_not_reproduced);
	tcase_add_test(tests, what_never_had_the_error_is_neither_run_nor_taken_for_the_fix);
	tcase_add_test(tests, a_fix_that_came_with_a_branch_which_never_had_the_error_is_a_range);
	tcase_add_test(tests, a_measurement_searches_like_a_failure);
	tcase_add_test(tests, measurements_find_a_fix_too);
	tcase_add_test(tests, measurements_that_are_no_numbers_say_nothing_but_end_their_run);
	tcase_add_test(tests, the_order_of_measurements_does_not_matter_to_the_last_bit);
	tcase_add_test(tests, overwhelming_measurements_neither_overflow_nor_leave_nobody);
	tcase_add_test(tests, rates_that_are_known_are_used_as_they_are);
	tcase_add_test(tests, with_known_rates_thousands_of_runs_that_cannot_be_leave_no_garbage);
	tcase_add_test(tests, thousands_of_runs_do_not_underflow);
	tcase_add_test(tests, every_name_is_known);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
