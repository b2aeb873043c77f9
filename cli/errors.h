#ifndef CLI_ERRORS_H
#define CLI_ERRORS_H

#include "base/settings.h"

extern const struct command errors_command, rules_command;

int errors_main(int argc, char **argv);
int rules_main(int argc, char **argv);

#endif
