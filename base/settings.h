/*
 * Settings: one table a command gives its command line, its configuration file, its --help and its man page.
 *
 * Order of authority: command line, then environment (BISECTD_<NAME>), then the file (YAML: `name: value`), then the
 * default.  A wrong name or value is one line with where it stood and what is allowed.
 */
#ifndef BASE_SETTINGS_H
#define BASE_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/str.h"

enum setting_type {
	SETTING_FLAG,		/* bool; on the command line --name and --no-name; in a file yes/no/true/false */
	SETTING_STRING,		/* char *, owned by the struct; NULL when unset */
	SETTING_LIST,		/* struct strv; repeatable, a sequence or scalar in a file */
	SETTING_NUMBER,		/* long long in [min, max] */
	SETTING_SECONDS,	/* long long; "90s", "15m", "6h" */
	SETTING_BYTES,		/* long long; "512m", "2g" */
	SETTING_HEADING		/* only a heading in --help and the man page: text in `help` */
};

struct setting {
	const char *name;		/* long option, words joined by '-' ("state-dir") */
	char letter;			/* short option or 0 */
	enum setting_type type;
	size_t offset;			/* offsetof in the command's own struct */
	const char *argument;		/* what --help calls the value: "DIR" */
	const char *standard;		/* default as text, parsed like a given value; NULL: zero/empty */
	long long min, max;		/* numbers, seconds, bytes; both 0: any non-negative; max < min: no upper end */
	const char *help;		/* a sentence or more */
	bool only_command_line;		/* no file, no environment */
};

struct command {
	const char *name;		/* "bisectd", or "run" of bisectctl */
	const char *synopsis;		/* "--good REV --bad REV [options] -- COMMAND..." */
	const char *summary;		/* one line, lower case, no full stop */
	/*
	 * Paragraphs split by empty lines; what --help and the man page tell.  One that begins with a blank is shown as
	 * it is written (examples).  May be NULL.
	 */
	const char *description;
	const struct setting *settings;	/* ends with a NULL name (headings have name "") */
	size_t size;			/* of the struct that `offset` counts in */
	int (*run)(const void *values, const struct strv *arguments, struct error *err);	/* may be NULL: caller runs it */
};

/*
 * Fills *values (zeroed here) from argv[1] on.  `--` ends options; the first non-option ends them too if
 * stop_at_argument.  `config` is a file to read first or NULL; a SETTING_STRING of the table named "config" that was
 * given on the command line or in the environment takes its place.  An empty environment variable counts as not set;
 * a list in one is split at commas.  A list from a higher authority replaces a lower one.
 * *ret_arguments is what is left over, for the caller to release; NULL: arguments are refused.
 * On failure values is released.  --help (and -h, if no setting has that letter) prints, releases values and sets
 * *ret_done, which is otherwise false.
 */
int settings_read(void *values, struct strv *ret_arguments, bool *ret_done, const struct command *command,
	const char *program, int argc, char **argv, const char *config, bool stop_at_argument, struct error *err);
void settings_release(void *values, const struct command *command);

void settings_print_help(const char *program, const struct command *command);
/* One man page (mdoc-free roff man(7)) on standard output; section 1 or 8; `commands` may be NULL or NULL-name-ended subcommands. */
void settings_print_man(const char *program, int section, const struct command *main_command, const struct command *commands);

#endif
