/* Questions to a table of settings, for base/settings*.c only. */
#ifndef BASE_SETTINGS_TABLE_H
#define BASE_SETTINGS_TABLE_H

#include <stdbool.h>

#include "base/settings.h"
#include "base/str.h"

bool setting_is_row(const struct setting *s); /* false: a heading */

/* NULL if there is none. */
const struct setting *setting_find(const struct command *command, const char *name);
const struct setting *setting_find_letter(const struct command *command, char letter);

/* "bisectctl run", or only "bisectd" where the command is the program. */
void setting_add_command(struct str *to, const char *program, const struct command *command);
/* BISECTD_STATE_DIR */
void setting_add_variable(struct str *to, const struct setting *s);
/* What to call its value: DIR, N, TIME, ... */
const char *setting_argument(const struct setting *s);
/* yes, no, true, false, on, off, 1, 0; false leaves *ret untouched. */
bool setting_parse_flag(const char *text, bool *ret);

#endif
