/* One test: artifact, testbox, script, result. */
#ifndef TESTERS_TEST_H
#define TESTERS_TEST_H

#include "agent/agent.h"

struct tester_values {
	struct agent_values agent;
	long long cache_size;
};

struct tester {
	const struct tester_values *values;
	struct agent *agent;
	char *cache_dir;
};

/* For struct agent_kind. */
void test_lanes(struct strv *ret, const struct agent *agent);
void test_start(struct run *run, void *tester);
void test_stop(struct run *run, void *tester);

#endif
