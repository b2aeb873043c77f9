/* What artifacts.c and live_log.c share. */
#ifndef STORE_ARTIFACTS_INTERNAL_H
#define STORE_ARTIFACTS_INTERNAL_H

struct artifacts {
	char *dir;
	char *tmp;		/* dir/tmp: being written */
	char *live;		/* dir/live: logs of runs in progress */
};

#endif
