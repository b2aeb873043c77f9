/*
 * search/ in any order: the same runs give the same belief, verdict and next probe to the last bit, whenever each arrived and
 * whatever was asked in between.
 */
#include <check.h>

#include "tests/unit/rounds.h"
#include "tests/unit/search_worlds.h"

#define MAX_BOXES 6u

static void shuffle(struct seen *seen, unsigned n)
{
	for (unsigned i = n; i > 1; i--) {
		unsigned k = dice(i);
		struct seen held = seen[i - 1];

		seen[i - 1] = seen[k];
		seen[k] = held;
	}
}

/* Runs come as answers to probes, as earlier evidence, after losses; questions are asked in between. */
static struct search *tell_somehow(const struct world *world)
{
	struct search *search = begin(world);
	struct search_probe probe;
	uint32_t flights[4 * MAX_SEEN], n_flights = 0;

	for (unsigned i = 0; i < world->n_seen; i++) {
		const struct seen *seen = &world->seen[i];
		uint32_t useless[4];

		while (dice(2) && n_flights < 4 * MAX_SEEN && search_next(search, &probe))
			flights[n_flights++] = probe.commit;
		if (n_flights && !dice(3))
			search_drop(search, flights[dice(n_flights)]);	/* perhaps a second time: no harm */
		if (!dice(4))
			search_useless(search, useless, 4);
		if (seen->is_ratio)
			search_observe_ratio(search, seen->commit, seen->ratio, dice(2));
		else
			search_observe_by(search, seen->commit, seen->what, dice(2), seen->box);
		if (dice(2))
			search_verdict(search);
	}
	while (n_flights)
		search_drop(search, flights[--n_flights]);
	return search;
}

static void check_same(struct search *one, struct search *two, uint32_t n, const char *what)
{
	double belief[2][MAX_COMMITS];
	const struct search_verdict *a = search_verdict(one), *b = search_verdict(two);
	struct search_probe probe[2];
	bool next;

	search_belief(one, belief[0]);
	search_belief(two, belief[1]);
	ck_assert_msg(!memcmp(belief[0], belief[1], n * sizeof(double)), "%s: beliefs differ", what);
	ck_assert_msg(a->kind == b->kind && a->culprit == b->culprit && a->n_candidates == b->n_candidates &&
		!memcmp(&a->confidence, &b->confidence, sizeof(double)) && a->is_merge == b->is_merge,
		"%s: verdicts differ: %s and %s", what, verdict_kind_name(a->kind), verdict_kind_name(b->kind));
	ck_assert_str_eq(a->reason, b->reason);
	if (a->n_candidates)
		ck_assert_mem_eq(a->candidates, b->candidates, a->n_candidates * sizeof(uint32_t));
	ck_assert_uint_eq(search_remaining(one), search_remaining(two));
	ck_assert_uint_eq(search_runs_left(one), search_runs_left(two));
	ck_assert_int_eq(search_phase(one), search_phase(two));
	next = search_next(one, &probe[0]);
	ck_assert_int_eq(search_next(two, &probe[1]), next);
	if (!next)
		return;
	ck_assert_msg(probe[0].commit == probe[1].commit && probe[0].run == probe[1].run &&
		!memcmp(&probe[0].usefulness, &probe[1].usefulness, sizeof(double)), "%s: probes differ", what);
}

START_TEST(belief_verdict_and_next_probe_are_the_same_to_the_last_bit_in_any_order)
{
	for (uint32_t round = 0; round < ROUNDS(3000); round++) {
		struct world world;
		struct search *in_order;
		char what[64];

		seed = 700000 + round;
		world = random_world(10);
		random_model(&world);
		random_runs(&world, 24, dice(2));
		for (unsigned i = 0; i < world.n_seen; i++) {
			if (!dice(10) && world.seen[i].commit != world.bad)
				world.seen[i].what = dice(2) ? OBSERVED_SKIP : OBSERVED_BROKEN;
		}
		snprintf(what, sizeof(what), "seed %u", 700000 + round);
		if (candidates(&world) >> world.bad & 1) {
			in_order = begin_and_tell(&world);
			for (unsigned times = 0; times < 3; times++) {
				struct search *other;

				shuffle(world.seen, world.n_seen);
				other = tell_somehow(&world);
				check_same(in_order, other, world.graph.n, what);
				search_free(other);
				search_free(in_order);
				in_order = begin_and_tell(&world);
			}
			search_free(in_order);
		}
		graph_release(&world.graph);
	}
}
END_TEST

/* On a line, with one box that makes failures of its own, so that it is sometimes left out and sometimes nearly. */
START_TEST(with_boxes_that_are_left_out_the_order_matters_as_little)
{
	unsigned left_out = 0;

	for (uint32_t round = 0; round < ROUNDS(400); round++) {
		struct world world = { .bad = 7, .n_good = 1 };
		struct search *in_order, *other;
		uint32_t boxes[4], culprit;
		char what[64];

		seed = 800000 + round;
		world.graph = line(8, false);
		find_ancestors(&world);
		culprit = 1 + dice(7);
		for (unsigned i = 0; i < MAX_SEEN; i++) {
			uint32_t v = i < 4 ? 7 : i < 8 ? culprit : i < 16 ? culprit - 1 : dice(8), box = 1 + dice(5);

			push(&world, v, v >= culprit || (box == 3 && dice(2)) ? OBSERVED_BAD : OBSERVED_GOOD);
			world.seen[i].box = box;
		}
		snprintf(what, sizeof(what), "seed %u", 800000 + round);
		in_order = begin_and_tell(&world);
		left_out += search_left_out(in_order, boxes, 4) > 0;
		shuffle(world.seen, world.n_seen);
		other = tell_somehow(&world);
		check_same(in_order, other, world.graph.n, what);
		search_free(in_order);
		search_free(other);
		graph_release(&world.graph);
	}
	ck_assert_uint_ge(left_out, ROUNDS(40));
}
END_TEST

static void check_same_belief(struct search *one, struct search *two, uint32_t n, const char *what)
{
	uint32_t boxes[2][MAX_BOXES];
	size_t n_boxes[2] = { search_left_out(one, boxes[0], MAX_BOXES), search_left_out(two, boxes[1], MAX_BOXES) };

	ck_assert_msg(n_boxes[0] == n_boxes[1] && !memcmp(boxes[0], boxes[1], n_boxes[0] * sizeof(uint32_t)),
		"%s: other boxes left out", what);
	check_same(one, two, n, what);
}

/* On any graph, most runs made by a box of which one is sick, with all that may come in beside good and bad. */
static struct world world_of_boxes(uint32_t most, unsigned runs)
{
	struct world world = random_world(most);
	uint32_t culprit = dice(world.graph.n), n_boxes = 3 + dice(MAX_BOXES - 2);

	random_model(&world);
	world.options.trust_runs = false;
	for (unsigned i = 0; i < runs; i++) {
		uint32_t v = dice(3) ? dice(world.graph.n) : world.bad, box = dice(8) ? 1 + dice(n_boxes) : 0;
		bool bad = (world.inside[v] >> culprit & 1) != world.options.fix;

		push(&world, v, (bad && dice(6)) || (box == 3 && dice(2)) ? OBSERVED_BAD : OBSERVED_GOOD);
		world.seen[i].box = box;
		if (!dice(12) && v != world.bad)
			world.seen[i].what = dice(3) ? OBSERVED_SKIP : OBSERVED_BROKEN;
		else if (!dice(12))
			world.seen[i] = (struct seen){ .commit = v, .is_ratio = true,
				.ratio = ((int)dice(2000) - 1000) / 300.0 };
	}
	return world;
}

START_TEST(fifty_shuffles_of_what_came_in_give_one_belief_whatever_it_was)
{
	unsigned left_out = 0;

	for (uint32_t round = 0; round < ROUNDS(400); round++) {
		struct world world;
		struct search *first;
		uint32_t box;
		char what[64];

		seed = 1000000 + round;
		world = world_of_boxes(9, MAX_SEEN);
		snprintf(what, sizeof(what), "seed %u", 1000000 + round);
		first = candidates(&world) >> world.bad & 1 ? begin_and_tell(&world) : NULL;
		left_out += first && search_left_out(first, &box, 1);
		for (unsigned times = 0; times < 50 && first; times++) {
			struct search *other;

			shuffle(world.seen, world.n_seen);
			other = times % 2 ? begin_and_tell(&world) : tell_somehow(&world);
			check_same_belief(first, other, world.graph.n, what);
			search_free(other);
			search_free(first);
			first = begin_and_tell(&world);
		}
		search_free(first);
		graph_release(&world.graph);
	}
	ck_assert_uint_ge(left_out, ROUNDS(20));
}
END_TEST

static void check_permutations(const struct world *original, struct world *world, unsigned done, const char *what)
{
	struct search *search[2];

	for (unsigned i = done; i < world->n_seen; i++) {
		struct seen held = world->seen[done];

		world->seen[done] = world->seen[i];
		world->seen[i] = held;
		check_permutations(original, world, done + 1, what);
		world->seen[i] = world->seen[done];
		world->seen[done] = held;
	}
	if (done < world->n_seen)
		return;
	search[0] = begin_and_tell(original);
	search[1] = begin_and_tell(world);
	check_same_belief(search[0], search[1], world->graph.n, what);
	for (unsigned i = 0; i < 2; i++)
		search_free(search[i]);
}

START_TEST(every_permutation_of_six_results_gives_one_belief)
{
	for (uint32_t round = 0; round < ROUNDS(40); round++) {
		struct world world, shuffled;
		char what[64];

		seed = 1100000 + round;
		shuffled = world = world_of_boxes(6, 6);
		snprintf(what, sizeof(what), "seed %u", 1100000 + round);
		if (candidates(&world) >> world.bad & 1)
			check_permutations(&world, &shuffled, 0, what);
		graph_release(&world.graph);
	}
}
END_TEST

START_TEST(asked_after_every_result_the_belief_is_that_of_a_new_search_to_the_last_bit)
{
	for (uint32_t round = 0; round < ROUNDS(300); round++) {
		struct world world, so_far;
		struct search *search = NULL;
		char what[64];

		seed = 1200000 + round;
		world = world_of_boxes(10, MAX_SEEN);
		snprintf(what, sizeof(what), "seed %u", 1200000 + round);
		so_far = world;
		so_far.n_seen = 0;
		if (candidates(&world) >> world.bad & 1)
			search = begin(&world);
		for (unsigned i = 0; search && i < world.n_seen; i++) {
			struct search *again;
			double belief[2][MAX_COMMITS];

			tell(search, &world.seen[i]);
			so_far.n_seen++;
			again = begin_and_tell(&so_far);
			search_belief(search, belief[0]);
			search_belief(again, belief[1]);
			ck_assert_msg(!memcmp(belief[0], belief[1], world.graph.n * sizeof(double)), "%s: after %u", what, i);
			ck_assert_int_eq(search_verdict(search)->kind, search_verdict(again)->kind);
			ck_assert_str_eq(search_verdict(search)->reason, search_verdict(again)->reason);
			search_free(again);
		}
		search_free(search);
		graph_release(&world.graph);
	}
}
END_TEST

START_TEST(the_same_calls_give_the_same_answers)
{
	for (uint32_t round = 0; round < ROUNDS(300); round++) {
		struct world world;
		struct search *search[2];

		seed = 900000 + round;
		world = random_world(10);
		random_model(&world);
		random_runs(&world, 20, true);
		if (candidates(&world) >> world.bad & 1) {
			for (unsigned i = 0; i < 2; i++)
				search[i] = begin_and_tell(&world);
			for (unsigned i = 0; i < 6; i++)
				check_same(search[0], search[1], world.graph.n, "twice");
			search_free(search[0]);
			search_free(search[1]);
		}
		graph_release(&world.graph);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("search in any order");
	TCase *tests = tcase_create("order");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tests, 120);
	tcase_add_test(tests, belief_verdict_and_next_probe_are_the_same_to_the_last_bit_in_any_order);
	tcase_add_test(tests, with_boxes_that_are_left_out_the_order_matters_as_little);
	tcase_add_test(tests, fifty_shuffles_of_what_came_in_give_one_belief_whatever_it_was);
	tcase_add_test(tests, every_permutation_of_six_results_gives_one_belief);
	tcase_add_test(tests, asked_after_every_result_the_belief_is_that_of_a_new_search_to_the_last_bit);
	tcase_add_test(tests, the_same_calls_give_the_same_answers);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
