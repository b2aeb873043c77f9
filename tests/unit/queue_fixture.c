#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "store/redis_connection.h"
#include "tests/unit/queue_fixture.h"

const char *const lanes[] = { LANE, NULL };
char *room;
struct event_base *loop;
struct redis_server *server;
struct queue *queue;
struct error err;

static unsigned test;		/* the server may be that of all tests: each has its own keys */

void make_room(void)
{
	const char *tmp = getenv("TMPDIR");

	room = mem_printf("%s/bisectd-queue-XXXXXX", tmp ? tmp : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(room));
}

void remove_room(void)
{
	dir_remove(room, NULL);
	free(room);
}

void start_server(const char *name)
{
	char *dir = mem_printf("%s/%s", room, name);

	loop = event_base_new();
	assert_ok(redis_server_start(&server, loop, dir, &err));
	free(dir);
}

void stop_server(void)
{
	redis_server_stop(server);
	server = NULL;
	event_base_free(loop);
	loop = NULL;
}

void set_up_shared(void)
{
	make_room();
	start_server("shared");
}

void tear_down_shared(void)
{
	stop_server();
	remove_room();
}

/* Nobody waits and nothing is given more time, unless a test wants so. */
static const struct queue_rules at_once = { .attempts_max = QUEUE_ATTEMPTS_MAX };

char *prefix_of(pid_t pid)
{
	return mem_printf("test-%d-%u", (int)pid, test);
}

void open_queue(void)
{
	char *prefix = prefix_of(getpid());

	assert_ok(queue_open(&queue, redis_server_address(server), NULL, prefix, &err));
	queue_set_rules(queue, &at_once);
	free(prefix);
}

void open_new_queue(void)
{
	test++;
	open_queue();
}

void close_queue(void)
{
	queue_free(queue);
	queue = NULL;
}

enum unit_state add_to(const char *id, const char *lane, int priority)
{
	struct unit_spec spec = { .id = id, .lane = lane, .priority = priority, .payload = "{\"kind\":\"build\"}" };
	enum unit_state before = UNIT_NSTATES;

	assert_ok(queue_add(queue, &spec, NOW, &before, &err));
	return before;
}

enum unit_state add(const char *id)
{
	return add_to(id, LANE, 5);
}

uint64_t claim(const char *id, int64_t now)
{
	return claim_as("agent", id, now);
}

uint64_t claim_as(const char *owner, const char *id, int64_t now)
{
	struct lease lease = { 0 };
	uint64_t epoch;

	assert_ok(queue_claim(queue, lanes, owner, now, LEASE, &lease, &err));
	if (id)
		ck_assert_str_eq(lease.id ? lease.id : "(nothing)", id);
	else
		ck_assert_ptr_null(lease.id);
	epoch = lease.epoch;
	lease_release(&lease);
	return epoch;
}

enum unit_state state_of(const char *id)
{
	struct unit_info info = { 0 };
	enum unit_state state;

	assert_ok(queue_get(queue, id, &info, &err));
	state = info.state;
	unit_info_release(&info);
	return state;
}

static void note_exhausted(const struct unit_loss *loss, void *arg)
{
	if (loss->exhausted && arg)
		strv_push(arg, loss->id);
}

unsigned expire(int64_t now, struct strv *exhausted)
{
	unsigned n = 0;

	assert_ok(queue_expire(queue, now, 100, LEASE, 0, &n, note_exhausted, exhausted, &err));
	return n;
}

redisReply *raw(const char *const *words)
{
	struct strv argv = STRV_INIT;
	redisContext *context = NULL;
	redisReply *reply = NULL;
	bool broken;

	strv_push_all(&argv, words);
	assert_ok(redis_connect(&context, redis_server_address(server), 2000, &err));
	assert_ok(redis_command(&reply, context, &argv, 2000, &broken, &err));
	redisFree(context);
	strv_release(&argv);
	return reply;
}
