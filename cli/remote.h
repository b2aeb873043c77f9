/* The commands of bisectctl that speak to a daemon. */
#ifndef CLI_REMOTE_H
#define CLI_REMOTE_H

#include "base/settings.h"

extern const struct command submit_command, bisect_command, watch_command, show_command, list_command, cancel_command, log_command,
	resubmit_command, boxes_command, token_command;

/* argv[0] is the command's name; returns the exit status. */
int submit_main(int argc, char **argv);
int bisect_main(int argc, char **argv);
int watch_main(int argc, char **argv);
int show_main(int argc, char **argv);
int list_main(int argc, char **argv);
int cancel_main(int argc, char **argv);
int log_main(int argc, char **argv);
int resubmit_main(int argc, char **argv);
int boxes_main(int argc, char **argv);
int token_main(int argc, char **argv);

#endif
