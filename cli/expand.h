/* bisectctl expand: what a job.yaml makes, without a daemon. */
#ifndef CLI_EXPAND_H
#define CLI_EXPAND_H

#include "base/settings.h"

extern const struct command expand_command;

/* argv[0] is the command's name; returns the exit status. */
int expand_main(int argc, char **argv);

#endif
