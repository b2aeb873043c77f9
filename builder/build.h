/* One build: fetch, check out, run the script in the sandbox, pack what is kept. */
#ifndef BUILDER_BUILD_H
#define BUILDER_BUILD_H

#include "agent/agent.h"

struct builder_values {
	struct agent_values agent;
	char *mirrors_dir;
	bool local_repositories, ccache;
	long long ccache_size;
};

struct builder {
	const struct builder_values *values;
	struct agent *agent;
	char *mirrors_dir, *trees_dir, *ccache_dir;
	const char *ccache_programs;	/* the directory with compilers that are ccache; NULL: none is used */
	char *empty;			/* an empty file */
};

/* For struct agent_kind. */
void build_start(struct run *run, void *builder);
void build_stop(struct run *run, void *builder);

#endif
