/* A private redis-server in a directory of its own, a queue on it, and short words for tests. */
#ifndef TESTS_UNIT_QUEUE_FIXTURE_H
#define TESTS_UNIT_QUEUE_FIXTURE_H

#include <check.h>
#include <event2/event.h>
#include <hiredis/hiredis.h>

#include "base/error.h"
#include "store/queue.h"
#include "store/redis_server.h"

#define LANE "build/x86_64"
#define NOW 1000000
#define LEASE 60000
#define DEADLINE_MS 20000

extern const char *const lanes[];	/* LANE alone */
extern char *room;			/* the test program's directory */
extern struct event_base *loop;
extern struct redis_server *server;
extern struct queue *queue;
extern struct error err;

#define assert_ok(call) ck_assert_msg((call) == 0, "%s:%d: %s", __func__, __LINE__, err.text)

void make_room(void);
void remove_room(void);
void start_server(const char *name);	/* in room/name */
void stop_server(void);
/* Room and server for all tests of a program. */
void set_up_shared(void);
void tear_down_shared(void);
char *prefix_of(pid_t pid);		/* of the keys of a process in this test; caller frees */
void open_queue(void);			/* with the prefix of this process */
void open_new_queue(void);		/* one that no earlier test has filled */
void close_queue(void);

enum unit_state add_to(const char *id, const char *lane, int priority);
enum unit_state add(const char *id);	/* to LANE with priority 5 */
uint64_t claim(const char *id, int64_t now);	/* what must be `id` (NULL: nothing); returns its epoch */
uint64_t claim_as(const char *owner, const char *id, int64_t now);
enum unit_state state_of(const char *id);
unsigned expire(int64_t now, struct strv *exhausted);
/* One command on a connection of its own; words end in NULL. */
redisReply *raw(const char *const *words);

#endif
