#include "base/worker.h"

#include <check.h>
#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#define TASKS 1000

static struct event_base *loop;
static struct worker_pool *pool;
static pthread_t loop_thread;
static int done_count, cancelled_count;
static atomic_int running, most_running, worked;
static pthread_barrier_t gate;

static void set_up(void)
{
	loop = event_base_new();
	loop_thread = pthread_self();
	ck_assert_int_eq(worker_pool_new(&pool, loop, 4, NULL), 0);
}

static void tear_down(void)
{
	worker_pool_free(pool);
	event_base_free(loop);
}

static void on_too_late(evutil_socket_t fd, short what, void *arg)
{
	ck_abort_msg("waited too long");
}

static void turn_until(const int *count, int want)
{
	struct event *late = evtimer_new(loop, on_too_late, NULL);
	struct timeval tv = { .tv_sec = 20 };

	event_add(late, &tv);
	while (*count < want)
		event_base_loop(loop, EVLOOP_ONCE);
	event_free(late);
}

static void square(void *arg)
{
	int *n = arg, now = ++running, most = most_running;

	ck_assert(!pthread_equal(pthread_self(), loop_thread));
	while (now > most && !atomic_compare_exchange_weak(&most_running, &most, now))
		;
	*n *= *n;
	worked++;
	running--;
}

static void on_done(void *arg, bool cancelled)
{
	ck_assert(pthread_equal(pthread_self(), loop_thread));
	done_count++;
	cancelled_count += cancelled;
}

START_TEST(each_task_works_on_a_thread_and_is_done_on_the_loop)
{
	static int numbers[TASKS];

	for (int i = 0; i < TASKS; i++) {
		numbers[i] = i;
		worker_pool_run(pool, square, on_done, &numbers[i]);
	}
	turn_until(&done_count, TASKS);
	for (int i = 0; i < TASKS; i++)
		ck_assert_int_eq(numbers[i], i * i);
	ck_assert_int_eq(cancelled_count, 0);
	ck_assert_int_le(most_running, 4);
}
END_TEST

static void meet(void *arg)
{
	pthread_barrier_wait(&gate);
}

START_TEST(as_many_tasks_as_threads_run_at_once)
{
	/* Four that wait for each other end only if four run together. */
	pthread_barrier_init(&gate, NULL, 4);
	for (int i = 0; i < 4; i++)
		worker_pool_run(pool, meet, on_done, NULL);
	turn_until(&done_count, 4);
	pthread_barrier_destroy(&gate);
}
END_TEST

START_TEST(freeing_finishes_what_runs_and_calls_done_for_all)
{
	static int numbers[TASKS];

	pthread_barrier_init(&gate, NULL, 5);
	for (int i = 0; i < 4; i++)
		worker_pool_run(pool, meet, on_done, NULL);
	for (int i = 0; i < TASKS; i++)
		worker_pool_run(pool, square, on_done, &numbers[i]);
	pthread_barrier_wait(&gate);
	worker_pool_free(pool);
	pool = NULL;
	ck_assert_int_eq(done_count, 4 + TASKS);
	ck_assert_int_eq(worked + cancelled_count, TASKS);
	pthread_barrier_destroy(&gate);
}
END_TEST

static void run_square(void *arg, bool cancelled)
{
	ck_assert(!cancelled);
	worker_pool_run(pool, square, on_done, arg);
}

START_TEST(work_asked_for_while_freeing_is_cancelled)
{
	static int number = 2;

	pthread_barrier_init(&gate, NULL, 2);
	worker_pool_run(pool, meet, run_square, &number);
	pthread_barrier_wait(&gate);
	worker_pool_free(pool);
	pool = NULL;
	ck_assert_int_eq(done_count, 1);
	ck_assert_int_eq(cancelled_count, 1);
	ck_assert_int_eq(number, 2);
	pthread_barrier_destroy(&gate);
}
END_TEST

static void run_again(void *arg, bool cancelled)
{
	on_done(arg, cancelled);
	if (done_count < 5)
		worker_pool_run(pool, square, run_again, arg);
}

START_TEST(done_may_ask_for_more_work)
{
	static int number = 1;

	worker_pool_run(pool, square, run_again, &number);
	turn_until(&done_count, 5);
	ck_assert_int_eq(worked, 5);
}
END_TEST

static void free_pool(void *arg, bool cancelled)
{
	done_count++;
	worker_pool_free(pool);
	pool = NULL;
}

START_TEST(done_may_free_the_pool)
{
	static int number = 1;

	worker_pool_run(pool, square, free_pool, &number);
	turn_until(&done_count, 1);
	ck_assert_ptr_null(pool);
	worker_pool_free(NULL);
}
END_TEST

static void look_at_signals(void *arg)
{
	sigset_t mask;

	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	*(int *)arg = sigismember(&mask, SIGTERM) && sigismember(&mask, SIGINT) && sigismember(&mask, SIGCHLD);
}

START_TEST(signals_are_left_to_the_loop)
{
	static int blocked;
	sigset_t mask;

	worker_pool_run(pool, look_at_signals, on_done, &blocked);
	turn_until(&done_count, 1);
	ck_assert_int_eq(blocked, 1);
	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	ck_assert_int_eq(sigismember(&mask, SIGTERM), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("base_worker");
	TCase *tests = tcase_create("worker");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, each_task_works_on_a_thread_and_is_done_on_the_loop);
	tcase_add_test(tests, as_many_tasks_as_threads_run_at_once);
	tcase_add_test(tests, freeing_finishes_what_runs_and_calls_done_for_all);
	tcase_add_test(tests, work_asked_for_while_freeing_is_cancelled);
	tcase_add_test(tests, done_may_ask_for_more_work);
	tcase_add_test(tests, done_may_free_the_pool);
	tcase_add_test(tests, signals_are_left_to_the_loop);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_set_fork_status(runner, CK_FORK);	/* what one test leaves behind would be in the way of the next */
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
