/*
 * search/metric: numbers as observations, against tables, by symmetry, and in whole bisections.
 */
#include <check.h>
#include <math.h>
#include <stdint.h>

#include "search/metric.h"
#include "search/search.h"

static uint64_t seed;

/* splitmix64 (Steele, Lea, Flood 2014) */
static double dice(void)
{
	uint64_t x = seed += 0x9e3779b97f4a7c15;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return (double)((x ^ x >> 31) >> 11) * 0x1p-53;
}

static double normal(void)
{
	double r = sqrt(-2 * log(1 - dice()));

	return r * cos(6.283185307179586 * dice());
}

static struct metric make(const double *good, size_t n_good, const double *bad, size_t n_bad,
	const struct metric_options *options)
{
	struct metric metric;

	ck_assert_int_eq(metric_make(&metric, good, n_good, bad, n_bad, options, NULL), 0);
	return metric;
}

/* Alternately -1 and 1 about a mean, so that the sum of squares is n. */
static void plain(double *sample, size_t n, double mean)
{
	for (size_t i = 0; i < n; i++)
		sample[i] = mean + (i % 2 ? 1 : -1);
}

/* The usual: 10 samples a side, means 0 and `change`, spread 1.05. */
static struct metric usual(double change, const struct metric_options *options)
{
	double good[10], bad[10];

	plain(good, 10, 0);
	plain(bad, 10, change);
	return make(good, 10, bad, 10, options);
}

START_TEST(the_probability_of_a_change_is_that_of_student)
{
	/* 97.5 % points: tables of t */
	static const struct { size_t n_good, n_bad; double t; } table[] = { { 2, 2, 4.302653 }, { 4, 2, 2.776445 },
		{ 6, 6, 2.228139 }, { 16, 16, 2.042272 }, { 20, 42, 2.000298 } };
	const struct metric_options up = { .direction = METRIC_UP }, down = { .direction = METRIC_DOWN };

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		double good[64], bad[64], scale, squares = (double)(table[i].n_good + table[i].n_bad);

		scale = sqrt(squares / (squares - 2) * (1.0 / (double)table[i].n_good + 1.0 / (double)table[i].n_bad));
		plain(good, table[i].n_good, 100);
		plain(bad, table[i].n_bad, 100 + table[i].t * scale);
		ck_assert_double_eq_tol(make(good, table[i].n_good, bad, table[i].n_bad, &up).probability, 0.975, 1e-6);
		ck_assert_double_eq_tol(make(good, table[i].n_good, bad, table[i].n_bad, &down).probability, 0.025, 1e-6);
	}
}
END_TEST

START_TEST(the_probability_is_that_of_student_for_odd_degrees_of_freedom_too)
{
	/* 3 degrees of freedom, sums of squares 2 and 2, then 5 */
	const double good[] = { -1, 1 }, scale3 = sqrt(4 / 3.0 * (1 / 2.0 + 1 / 3.0)), scale5 = sqrt(4 / 5.0 * (1 / 2.0 + 1 / 5.0));
	const struct metric_options up = { .direction = METRIC_UP };
	double c = 3.182446 * scale3, bad[5] = { c - 1, c, c + 1 };

	ck_assert_double_eq_tol(make(good, 2, bad, 3, &up).probability, 0.975, 1e-6);
	c = 2.570582 * scale5;
	memcpy(bad, (double[]){ c - 1, c, c, c, c + 1 }, sizeof(bad));
	ck_assert_double_eq_tol(make(good, 2, bad, 5, &up).probability, 0.975, 1e-6);
}
END_TEST

START_TEST(a_change_has_to_have_the_direction_asked_for)
{
	const struct metric_options up = { .direction = METRIC_UP }, down = { .direction = METRIC_DOWN };

	ck_assert(usual(4, NULL).differs && usual(-4, NULL).differs);
	ck_assert(usual(4, &up).differs && !usual(-4, &up).differs);
	ck_assert(!usual(4, &down).differs && usual(-4, &down).differs);
	ck_assert(metric_log_ratio(&(struct metric){ 0 }, 3) == 0);
}
END_TEST

START_TEST(a_change_below_the_least_effect_is_none_and_every_value_says_nothing)
{
	struct metric_options options = { .least_effect = 3 };
	struct metric metric = usual(2, &options);

	ck_assert(!metric.differs && metric.probability < 0.5);
	for (double x = -10; x <= 10; x++)
		ck_assert_double_eq(metric_log_ratio(&metric, x), 0);
	ck_assert(usual(6, &options).differs);
	ck_assert(usual(-6, &options).differs);
}
END_TEST

START_TEST(ends_that_measure_the_same_do_not_differ)
{
	const double same[] = { 5, 5, 5 };
	struct metric metric = make(same, 3, same, 3, NULL);

	ck_assert(!metric.differs);
	ck_assert_double_eq(metric_log_ratio(&metric, 5), 0);
	ck_assert_double_eq(metric_log_ratio(&metric, 50), 0);
}
END_TEST

START_TEST(numbers_that_never_vary_are_told_apart_at_once)
{
	const double good[] = { 5, 5, 5 }, bad[] = { 6, 6, 6 };
	struct metric metric = make(good, 3, bad, 3, NULL);

	ck_assert(metric.differs);
	ck_assert(metric_log_ratio(&metric, 6) > 4);
	ck_assert(metric_log_ratio(&metric, 5) < -4);
	ck_assert(fabs(metric_log_ratio(&metric, 5.5)) < 1e-9);
}
END_TEST

START_TEST(the_ratio_is_symmetric_about_the_middle_and_its_sign_is_the_side)
{
	struct metric metric = usual(3, NULL);

	ck_assert(fabs(metric_log_ratio(&metric, 1.5)) < 1e-12);
	for (double x = 0.01; x < 1e6; x *= 1.7) {
		double above = metric_log_ratio(&metric, 1.5 + x), below = metric_log_ratio(&metric, 1.5 - x);

		ck_assert(x < 10 ? above > 0 && below < 0 : above >= 0 && below <= 0);
		ck_assert_double_eq_tol(above, -below, 1e-9);
	}
	metric = usual(-3, NULL);
	ck_assert(metric_log_ratio(&metric, -3) > 0 && metric_log_ratio(&metric, 0) < 0);
}
END_TEST

START_TEST(the_sign_is_the_side_with_unequal_numbers_of_samples_too)
{
	double good[40], bad[2];
	struct metric metric;

	plain(good, 40, 0);
	plain(bad, 2, 20);
	metric = make(good, 40, bad, 2, NULL);
	ck_assert(metric.differs);
	for (double x = 0.01; x < 1e6; x *= 1.7)
		ck_assert(metric_log_ratio(&metric, 10 + x) >= 0 && metric_log_ratio(&metric, 10 - x) <= 0);
}
END_TEST

START_TEST(a_wild_value_says_little_and_none_decides_alone)
{
	struct metric metric = usual(40, NULL);
	double most = 0;

	for (double x = -1e3; x < 1e3; x++)
		most = fmax(most, fabs(metric_log_ratio(&metric, x)));
	ck_assert(most > 4 && most < 9);
	metric = usual(2, NULL);
	ck_assert(metric_log_ratio(&metric, 1e4) < 0.01);
	ck_assert(metric_log_ratio(&metric, 1e300) < 1e-6);
}
END_TEST

START_TEST(the_unit_does_not_matter)
{
	double good[10], bad[10];
	struct metric metric = usual(3, NULL), scaled;

	plain(good, 10, 0);
	plain(bad, 10, 3);
	for (unsigned i = 0; i < 10; i++) {
		good[i] = 1e9 + 1e-3 * good[i];
		bad[i] = 1e9 + 1e-3 * bad[i];
	}
	scaled = make(good, 10, bad, 10, NULL);
	for (double x = -3; x < 6; x += 0.5)
		ck_assert_double_eq_tol(metric_log_ratio(&metric, x), metric_log_ratio(&scaled, 1e9 + 1e-3 * x), 1e-3);
}
END_TEST

START_TEST(the_order_of_the_samples_does_not_matter_to_the_last_bit)
{
	double good[9], bad[9], rotated[9];
	struct metric first, other;

	for (unsigned i = 0; i < 9; i++) {
		good[i] = normal();
		bad[i] = 3 + normal();
	}
	first = make(good, 9, bad, 9, NULL);
	for (unsigned shift = 1; shift < 9; shift++) {
		for (unsigned i = 0; i < 9; i++)
			rotated[i] = good[(i * 2 + shift) % 9];
		other = make(rotated, 9, bad, 9, NULL);
		ck_assert(!memcmp(&first.good_mean, &other.good_mean, sizeof(double)) &&
			!memcmp(&first.scale, &other.scale, sizeof(double)) &&
			!memcmp(&first.probability, &other.probability, sizeof(double)));
	}
}
END_TEST

START_TEST(what_makes_no_metric_is_refused_and_said)
{
	const double two[] = { 1, 2 }, wild[] = { 1, INFINITY }, huge[] = { -1.7e308, 1.7e308 };
	struct metric metric = { .degrees = 77 };
	struct error err = ERROR_INIT;

	ck_assert_int_eq(metric_make(&metric, two, 1, two, 2, NULL, &err), -ERR_INVALID);
	ck_assert_ptr_nonnull(strstr(err.text, "good end"));
	ck_assert_int_eq(metric_make(&metric, two, 2, two, 0, NULL, &err), -ERR_INVALID);
	ck_assert_ptr_nonnull(strstr(err.text, "bad end"));
	ck_assert_int_eq(metric_make(&metric, two, 2, wild, 2, NULL, &err), -ERR_INVALID);
	ck_assert_int_eq(metric_make(&metric, huge, 2, two, 2, NULL, &err), -ERR_INVALID);
	ck_assert_int_eq(metric_make(&metric, two, 2, two, 2, &(struct metric_options){ .least_effect = -1 }, &err),
		-ERR_INVALID);
	ck_assert_int_eq(metric_make(&metric, two, 2, two, 2, &(struct metric_options){ .confidence = 1 }, &err),
		-ERR_INVALID);
	ck_assert_int_eq(metric_make(&metric, two, 2, two, 2, &(struct metric_options){ .direction = METRIC_NDIRECTIONS },
		&err), -ERR_INVALID);
	ck_assert_uint_eq(metric.degrees, 77);
}
END_TEST

START_TEST(a_value_that_is_no_number_is_a_skip)
{
	struct metric metric = usual(3, NULL);

	ck_assert(isnan(metric_log_ratio(&metric, NAN)) && isnan(metric_log_ratio(&metric, INFINITY)));
}
END_TEST

/* bisections on a line of 200 commits, deviation 1 */

struct played {
	unsigned differ, right, runs, most_runs;
};

static struct played play(unsigned trials, unsigned samples, double change, double outliers, const struct metric_options *how)
{
	struct played played = { 0 };
	struct graph graph = { 0 };
	const struct search_options options = { .trust_ends = true };
	const uint32_t good = 0, n = 200;

	ck_assert_int_eq(graph_add(&graph, NULL, 0, NULL, NULL), 0);
	for (uint32_t v = 0; v < n; v++)
		ck_assert_int_eq(graph_add(&graph, &v, 1, NULL, NULL), 0);
	for (unsigned trial = 0; trial < trials; trial++) {
		double at_good[32], at_bad[32];
		struct metric metric;
		struct search *search;
		struct search_probe probe;
		unsigned runs = 0;
		uint32_t culprit;

		seed = trial * 1000003u + samples;
		culprit = 1 + (uint32_t)(dice() * n);
		for (unsigned i = 0; i < samples; i++) {
			at_good[i] = 50 + normal();
			at_bad[i] = 50 + change + normal();
		}
		metric = make(at_good, samples, at_bad, samples, how);
		if (!metric.differs)
			continue;
		played.differ++;
		ck_assert_int_eq(search_new(&search, &graph, n, &good, 1, &options, NULL), 0);
		for (; search_next(search, &probe); runs++) {
			double value = 50 + (probe.commit >= culprit ? change : 0) + normal();

			if (dice() < outliers)
				value += 100 * (dice() - 0.5);
			search_observe_ratio(search, probe.commit, metric_log_ratio(&metric, value), true);
		}
		played.right += search_verdict(search)->kind == VERDICT_CULPRIT &&
			search_verdict(search)->culprit == culprit;
		played.runs += runs;
		if (runs > played.most_runs)
			played.most_runs = runs;
		search_free(search);
	}
	graph_release(&graph);
	if (getenv("SEARCH_METRIC_VERBOSE"))
		printf("%u samples, change %g: %u differ, %u right, %.1f runs, most %u\n", samples, change, played.differ,
			played.right, played.differ ? (double)played.runs / played.differ : 0, played.most_runs);
	return played;
}

START_TEST(a_mean_shifted_by_two_deviations_is_found_in_ninety_nine_of_a_hundred_bisections)
{
	const struct metric_options up = { .direction = METRIC_UP }, down = { .direction = METRIC_DOWN };
	struct played played = play(400, METRIC_ENOUGH, 2, 0, &up);

	ck_assert_uint_ge(played.differ, 380);
	ck_assert(played.right >= 0.99 * played.differ);
	ck_assert_uint_le(played.runs, 40 * played.differ);
	ck_assert_uint_le(played.most_runs, 400);
	played = play(200, 16, -2, 0, &down);
	ck_assert_uint_ge(played.differ, 199);
	ck_assert(played.right >= 0.99 * played.differ);
}
END_TEST

START_TEST(a_shift_of_four_deviations_costs_hardly_more_than_an_error_that_always_shows)
{
	struct played played = play(200, METRIC_ENOUGH, 4, 0, NULL);

	ck_assert_uint_eq(played.differ, 200);
	ck_assert_uint_ge(played.right, 198);
	ck_assert_uint_le(played.runs, 15 * 200);
}
END_TEST

START_TEST(wild_values_now_and_then_do_not_mislead)
{
	struct played played = play(300, 16, 2, 0.03, NULL);

	ck_assert_uint_ge(played.differ, 295);
	ck_assert(played.right >= 0.985 * played.differ);
}
END_TEST

START_TEST(where_nothing_changed_that_is_said_before_any_search)
{
	struct played played = play(1000, METRIC_ENOUGH, 0, 0, &(struct metric_options){ .direction = METRIC_UP });

	ck_assert_uint_le(played.differ, 20);		/* at confidence 0.99 */
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("search on numbers");
	TCase *tests = tcase_create("metric");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tests, 120);
	tcase_add_test(tests, the_probability_of_a_change_is_that_of_student);
	tcase_add_test(tests, the_probability_is_that_of_student_for_odd_degrees_of_freedom_too);
	tcase_add_test(tests, a_change_has_to_have_the_direction_asked_for);
	tcase_add_test(tests, a_change_below_the_least_effect_is_none_and_every_value_says_nothing);
	tcase_add_test(tests, ends_that_measure_the_same_do_not_differ);
	tcase_add_test(tests, numbers_that_never_vary_are_told_apart_at_once);
	tcase_add_test(tests, the_ratio_is_symmetric_about_the_middle_and_its_sign_is_the_side);
	tcase_add_test(tests, the_sign_is_the_side_with_unequal_numbers_of_samples_too);
	tcase_add_test(tests, a_wild_value_says_little_and_none_decides_alone);
	tcase_add_test(tests, the_unit_does_not_matter);
	tcase_add_test(tests, the_order_of_the_samples_does_not_matter_to_the_last_bit);
	tcase_add_test(tests, what_makes_no_metric_is_refused_and_said);
	tcase_add_test(tests, a_value_that_is_no_number_is_a_skip);
	tcase_add_test(tests, a_mean_shifted_by_two_deviations_is_found_in_ninety_nine_of_a_hundred_bisections);
	tcase_add_test(tests, a_shift_of_four_deviations_costs_hardly_more_than_an_error_that_always_shows);
	tcase_add_test(tests, wild_values_now_and_then_do_not_mislead);
	tcase_add_test(tests, where_nothing_changed_that_is_said_before_any_search);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
