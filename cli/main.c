#include "config.h"

#include "base/log.h"
#include "cli/errors.h"
#include "cli/expand.h"
#include "cli/remote.h"
#include "cli/run.h"

static const struct {
	const struct command *command;
	int (*main)(int argc, char **argv);
} commands[] = {
	{ &run_command, run_main },
	{ &errors_command, errors_main },
	{ &rules_command, rules_main },
	{ &expand_command, expand_main },
	{ &submit_command, submit_main },
	{ &bisect_command, bisect_main },
	{ &watch_command, watch_main },
	{ &show_command, show_main },
	{ &list_command, list_main },
	{ &cancel_command, cancel_main },
	{ &log_command, log_main },
	{ &resubmit_command, resubmit_main },
	{ &boxes_command, boxes_main },
	{ &token_command, token_main },
};
#define N_COMMANDS (sizeof(commands) / sizeof(*commands))

static const struct setting no_settings[] = {
	{ NULL, 0, SETTING_HEADING, 0, NULL, NULL, 0, 0, NULL, false },
};

static const struct command main_command = {
	.name = "bisectctl",
	.synopsis = "COMMAND [options]",
	.summary = "find the first bad commit: alone in a repository, or with a bisectd",
	.description =
		"bisectctl run works in any git repository, with no daemon and no configuration; the other commands speak to "
		"a bisectd. Each command has its own --help.",
	.settings = no_settings,
};

static void print_help(FILE *out)
{
	fprintf(out, "Usage: bisectctl %s\n\n%s\n\nCommands:\n", main_command.synopsis, main_command.summary);
	for (size_t i = 0; i < N_COMMANDS; i++)
		fprintf(out, "  %-10s %s\n", commands[i].command->name, commands[i].command->summary);
	fputs("\nbisectctl COMMAND --help tells more.\n", out);
}

static void print_man(void)
{
	struct command rows[N_COMMANDS + 1] = { 0 };

	for (size_t i = 0; i < N_COMMANDS; i++)
		rows[i] = *commands[i].command;
	settings_print_man("bisectctl", 1, &main_command, rows);
}

int main(int argc, char **argv)
{
	log_open("bisectctl", LOG_LEVEL_WARNING);
	if (argc < 2) {
		print_help(stderr);
		return RUN_EXIT_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
		print_help(stdout);
		return 0;
	}
	if (!strcmp(argv[1], "--version")) {
		puts("bisectctl " PACKAGE_VERSION);
		return 0;
	}
	if (!strcmp(argv[1], "--man")) {
		print_man();
		return 0;
	}
	for (size_t i = 0; i < N_COMMANDS; i++)
		if (!strcmp(argv[1], commands[i].command->name))
			return commands[i].main(argc - 1, argv + 1);
	fprintf(stderr, "bisectctl: found command '%.80s', allowed are:", argv[1]);
	for (size_t i = 0; i < N_COMMANDS; i++)
		fprintf(stderr, " %s", commands[i].command->name);
	fputc('\n', stderr);
	return RUN_EXIT_USAGE;
}
