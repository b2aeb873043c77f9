#include "base/worker.h"

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

struct task {
	struct task *next;
	void (*work)(void *arg);
	void (*done)(void *arg, bool cancelled);
	void *arg;
};

struct tasks {
	struct task *first, **end;
};

struct worker_pool {
	pthread_mutex_t lock;		/* for what stands up to `stopping` */
	pthread_cond_t wake;
	struct tasks waiting, finished;
	bool stopping;
	int ready_fd;			/* readable when something has finished */
	struct event *on_ready;
	pthread_t *threads;
	unsigned n_threads;
};

static void tasks_push(struct tasks *tasks, struct task *task)
{
	task->next = NULL;
	*tasks->end = task;
	tasks->end = &task->next;
}

static struct task *tasks_pop(struct tasks *tasks)
{
	struct task *task = tasks->first;

	if (!task)
		return NULL;
	tasks->first = task->next;
	if (!tasks->first)
		tasks->end = &tasks->first;
	return task;
}

static void *worker_main(void *arg)
{
	struct worker_pool *pool = arg;
	const uint64_t one = 1;
	struct task *task;

	pthread_mutex_lock(&pool->lock);
	while (!pool->stopping) {
		task = tasks_pop(&pool->waiting);
		if (!task) {
			pthread_cond_wait(&pool->wake, &pool->lock);
			continue;
		}
		pthread_mutex_unlock(&pool->lock);
		task->work(task->arg);
		pthread_mutex_lock(&pool->lock);
		tasks_push(&pool->finished, task);
		if (write(pool->ready_fd, &one, sizeof(one)) < 0)
			abort();
	}
	pthread_mutex_unlock(&pool->lock);
	return NULL;
}

static struct task *take(struct worker_pool *pool, struct tasks *tasks)
{
	struct task *task;

	pthread_mutex_lock(&pool->lock);
	task = tasks_pop(tasks);
	pthread_mutex_unlock(&pool->lock);
	return task;
}

/* One a turn: what `done` does may take its time, and may even free the pool. */
static void on_finished(evutil_socket_t fd, short what, void *arg)
{
	struct worker_pool *pool = arg;
	struct task *task;
	uint64_t count;

	/* A semaphore: it stays readable for as many turns as there are tasks. */
	if (read(fd, &count, sizeof(count)) < 0)
		return;
	task = take(pool, &pool->finished);
	task->done(task->arg, false);
	free(task);
}

int worker_pool_new(struct worker_pool **ret, struct event_base *loop, unsigned threads, struct error *err)
{
	struct worker_pool *pool;
	sigset_t all, before;
	int fd, r = 0;

	fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE);
	if (fd < 0)
		return error_errno(err, errno, "cannot start worker threads");
	pool = mem_alloc(sizeof(*pool));
	pool->ready_fd = fd;
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->wake, NULL);
	pool->waiting.end = &pool->waiting.first;
	pool->finished.end = &pool->finished.first;
	pool->threads = mem_array(threads ? threads : 1, sizeof(*pool->threads));
	pool->on_ready = event_new(loop, fd, EV_READ | EV_PERSIST, on_finished, pool);
	if (!pool->on_ready || event_add(pool->on_ready, NULL) < 0)
		abort();
	/* Signals belong to the loop. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	while (r == 0 && pool->n_threads < (threads ? threads : 1)) {
		r = pthread_create(&pool->threads[pool->n_threads], NULL, worker_main, pool);
		pool->n_threads += r == 0;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r != 0) {
		worker_pool_free(pool);
		return error_errno(err, r, "cannot start worker threads");
	}
	*ret = pool;
	return 0;
}

void worker_pool_run(struct worker_pool *pool, void (*work)(void *arg), void (*done)(void *arg, bool cancelled),
	void *arg)
{
	struct task *task = mem_alloc(sizeof(*task));

	task->work = work;
	task->done = done;
	task->arg = arg;
	pthread_mutex_lock(&pool->lock);
	tasks_push(&pool->waiting, task);
	pthread_cond_signal(&pool->wake);
	pthread_mutex_unlock(&pool->lock);
}

static void finish_all(struct worker_pool *pool, struct tasks *tasks, bool cancelled)
{
	struct task *task;

	while ((task = take(pool, tasks))) {
		task->done(task->arg, cancelled);
		free(task);
	}
}

void worker_pool_free(struct worker_pool *pool)
{
	if (!pool)
		return;
	pthread_mutex_lock(&pool->lock);
	pool->stopping = true;
	pthread_cond_broadcast(&pool->wake);
	pthread_mutex_unlock(&pool->lock);
	for (unsigned i = 0; i < pool->n_threads; i++)
		pthread_join(pool->threads[i], NULL);
	/* A `done` that asks for more work gets it back as cancelled, for no thread is left. */
	finish_all(pool, &pool->finished, false);
	finish_all(pool, &pool->waiting, true);
	event_free(pool->on_ready);
	file_close(&pool->ready_fd);
	pthread_cond_destroy(&pool->wake);
	pthread_mutex_destroy(&pool->lock);
	free(pool->threads);
	free(pool);
}
