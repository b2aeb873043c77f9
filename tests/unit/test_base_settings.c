#include "base/file.h"
#include "base/mem.h"
#include "base/settings.h"

#include <check.h>
#include <limits.h>
#include <unistd.h>

struct values {
	bool trust;
	bool color;
	char *state_dir;
	char *token;
	char *config;
	struct strv labels;
	long long slots;
	long long timeout;
	long long memory;
	long long offset;
	char *secret;
};

#define AT(field) offsetof(struct values, field)

static const struct setting table[] = {
	{ .name = "", .type = SETTING_HEADING, .help = "What to search" },
	{ .name = "trust",
	        .letter = 't',
	        .type = SETTING_FLAG,
	        .offset = AT(trust),
	        .help = "Believe both ends and every single run, as git does" },
	{ .name = "color",
	        .type = SETTING_FLAG,
	        .offset = AT(color),
	        .standard = "yes",
	        .help = "Use colours." },
	{ .name = "state-dir",
	        .letter = 'd',
	        .type = SETTING_STRING,
	        .offset = AT(state_dir),
	        .argument = "DIR",
	        .standard = "/var/lib/bisectd",
	        .help = "Everything that has to outlive a restart lies below this directory. It is "
	                "made if it is missing, "
	                "and nobody else may write to it." },
	{ .name = "token",
	        .type = SETTING_STRING,
	        .offset = AT(token),
	        .help = "A word that only friends know." },
	{ .name = "config",
	        .letter = 'c',
	        .type = SETTING_STRING,
	        .offset = AT(config),
	        .argument = "FILE",
	        .help = "Read settings from here.",
	        .only_command_line = true },
	{ .name = "", .type = SETTING_HEADING, .help = "Limits" },
	{ .name = "label",
	        .letter = 'l',
	        .type = SETTING_LIST,
	        .offset = AT(labels),
	        .argument = "KEY=VALUE",
	        .standard = "os=any",
	        .help = "What this machine is good for." },
	{ .name = "slots",
	        .letter = 'j',
	        .type = SETTING_NUMBER,
	        .offset = AT(slots),
	        .standard = "1",
	        .min = 1,
	        .max = 64,
	        .help = "How many runs go side by side." },
	{ .name = "timeout",
	        .type = SETTING_SECONDS,
	        .offset = AT(timeout),
	        .standard = "15m",
	        .min = 1,
	        .max = 86400,
	        .help = "A run longer than this is stopped." },
	{ .name = "memory",
	        .type = SETTING_BYTES,
	        .offset = AT(memory),
	        .help = "Memory of a run." },
	{ .name = "a-long-name-of-an-option",
	        .type = SETTING_NUMBER,
	        .offset = AT(offset),
	        .min = -10,
	        .max = -20,
	        .help = "Any number, not less than minus ten." },
	{ .name = "secret",
	        .type = SETTING_STRING,
	        .offset = AT(secret),
	        .only_command_line = true,
	        .help = "Not for files." },
	{ .name = NULL },
};

static const struct command command = {
	.name = "run",
	.synopsis = "--good REV --bad REV [-j N] [--error-id ID] [--json] [options] -- COMMAND "
	            "[ARGUMENT...]",
	.summary = "find the first bad commit with a command of your own",
	.description = "Runs COMMAND on commits between the two ends\nuntil it knows which of them "
	               "brought the error, and "
	               "says how sure it is of that.\n\n  bisectctl run --good v1 --bad HEAD -- "
	               "make check\n\n"
	               ".dots, \\backslashes and 'quotes' are harmless.",
	.settings = table,
	.size = sizeof(struct values),
};

static char dir[] = "/tmp/test_base_settings.XXXXXX";
static struct error err;
static struct values values;
static struct strv arguments;
static bool done;

static void begin(void)
{
	err = (struct error)ERROR_INIT;
	arguments = (struct strv)STRV_INIT;
	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_eq(chdir(dir), 0);
}

static void end(void)
{
	settings_release(&values, &command);
	strv_release(&arguments);
	ck_assert_int_eq(chdir("/"), 0);
	ck_assert_int_eq(dir_remove(dir, NULL), 0);
}

static int read_words(bool stop, const char *config, const char *const *words)
{
	struct strv argv = STRV_INIT;
	int ret;

	settings_release(&values, &command);
	strv_release(&arguments);
	strv_push(&argv, "bisectctl");
	strv_push_all(&argv, words);
	ret = settings_read(&values, &arguments, &done, &command, "bisectctl", (int)argv.n, argv.v,
	        config, stop, &err);
	strv_release(&argv);
	return ret;
}

#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static void read_well(const char *const *words)
{
	ck_assert_msg(read_words(false, NULL, words) == 0, "%s", err.text);
	ck_assert(!done);
}

static void refuse(const char *const *words, const char *message)
{
	ck_assert_int_eq(read_words(false, NULL, words), -ERR_INVALID);
	ck_assert_str_eq(err.text, message);
	ck_assert_ptr_null(values.state_dir);
	ck_assert_uint_eq(arguments.n, 0);
}

static void write_config(const char *text)
{
	ck_assert_int_eq(file_write_atomic("c.yaml", text, strlen(text), 0644, &err), 0);
}

static void refuse_config(const char *text, const char *message)
{
	write_config(text);
	ck_assert_int_lt(read_words(false, "c.yaml", (const char *const[]){ NULL }), 0);
	ck_assert_str_eq(err.text, message);
}

START_TEST(nothing_given_means_the_defaults)
{
	read_well((const char *const[]){ NULL });
	ck_assert(!values.trust && values.color);
	ck_assert_str_eq(values.state_dir, "/var/lib/bisectd");
	ck_assert_ptr_null(values.token);
	ck_assert_uint_eq(values.labels.n, 1);
	ck_assert_int_eq(values.slots, 1);
	ck_assert_int_eq(values.timeout, 900);
	ck_assert_int_eq(values.memory, 0);
	ck_assert_uint_eq(arguments.n, 0);
}
END_TEST

START_TEST(options_come_in_every_usual_form)
{
	read_well(WORDS("--trust", "--no-color", "--state-dir=/a=b", "--token", "--x", "-j4", "-l",
	        "a=1", "-lb=2", "--memory=2g"));
	ck_assert(values.trust && !values.color);
	ck_assert_str_eq(values.state_dir, "/a=b");
	ck_assert_str_eq(values.token, "--x");
	ck_assert_int_eq(values.slots, 4);
	ck_assert_uint_eq(values.labels.n, 2);
	ck_assert_str_eq(values.labels.v[1], "b=2");
	ck_assert_int_eq(values.memory, 2LL << 30);
	read_well(
	        WORDS("-tj", "8", "--token=", "--a-long-name-of-an-option", "-10", "--slots", "9"));
	ck_assert(values.trust);
	ck_assert_int_eq(values.slots, 9);
	ck_assert_str_eq(values.token, "");
	ck_assert_int_eq(values.offset, -10);
}
END_TEST

START_TEST(what_is_left_over_are_arguments)
{
	read_well(WORDS("one", "-t", "-", "--", "--trust", "-x"));
	ck_assert_uint_eq(arguments.n, 4);
	ck_assert_str_eq(arguments.v[1], "-");
	ck_assert_str_eq(arguments.v[3], "-x");
	ck_assert_int_eq(read_words(true, NULL, WORDS("-t", "make", "-j4", "--")), 0);
	ck_assert_uint_eq(arguments.n, 3);
	ck_assert_str_eq(arguments.v[0], "make");
	ck_assert_int_eq(values.slots, 1);
	ck_assert_int_eq(read_words(true, NULL, WORDS("--", "--", "x")), 0);
	ck_assert_uint_eq(arguments.n, 2);
}
END_TEST

START_TEST(arguments_are_refused_where_none_are_taken)
{
	char *argv[] = { "bisectd", "x", NULL };

	ck_assert_int_eq(settings_read(&values, NULL, &done, &command, "bisectd", 2, argv, NULL,
	                         false, &err),
	        -ERR_INVALID);
	ck_assert_str_eq(err.text, "\"x\" is one argument too many");
}
END_TEST

START_TEST(a_wrong_option_says_what_is_allowed)
{
	refuse(WORDS("--slot", "3"), "unknown option --slot; did you mean --slots?");
	refuse(WORDS("--mem=3"), "unknown option --mem=3; did you mean --memory?");
	refuse(WORDS("--frobnicate"),
	        "unknown option --frobnicate; \"bisectctl run --help\" lists them");
	refuse(WORDS("-tx"), "unknown option -tx; \"bisectctl run --help\" lists them");
	refuse(WORDS("--no-slots"),
	        "unknown option --no-slots; \"bisectctl run --help\" lists them");
	refuse(WORDS("--trust=yes"),
	        "--trust takes no value; --trust and --no-trust are all there is");
	refuse(WORDS("--slots"), "--slots: a value is missing (N)");
	refuse(WORDS("-d"), "--state-dir: a value is missing (DIR)");
	refuse(WORDS("-j", "0"), "--slots: \"0\" is not allowed, only a whole number from 1 to 64");
	refuse(WORDS("-j", "four"),
	        "--slots: \"four\" is not allowed, only a whole number from 1 to 64");
	refuse(WORDS("--timeout=2d"), "--timeout: \"2d\" is not allowed, only a time such as 90s, "
	                              "15m or 6h from 1s to 1d");
	refuse(WORDS("--memory", "-1"),
	        "--memory: \"-1\" is not allowed, only a size such as 64k, 512m or 2g");
	refuse(WORDS("--a-long-name-of-an-option=-11"),
	        "--a-long-name-of-an-option: \"-11\" is not allowed, only a whole number of at "
	        "least -10");
}
END_TEST

START_TEST(the_command_line_wins_over_the_environment_and_that_over_the_file)
{
	write_config("slots: 2\ntimeout: 2m\nstate-dir: /file\nlabel: [x, y]\ntrust: yes\ncolor: "
	             "off\ntoken:\n");
	setenv("BISECTD_TIMEOUT", "3m", 1);
	setenv("BISECTD_STATE_DIR", "/environment", 1);
	setenv("BISECTD_LABEL", "e,,f", 1);
	setenv("BISECTD_TOKEN", "", 1);
	setenv("BISECTD_SECRET", "no", 1);
	ck_assert_msg(read_words(false, "c.yaml", WORDS("--state-dir", "/line", "--no-trust")) == 0,
	        "%s", err.text);
	ck_assert_int_eq(values.slots, 2);
	ck_assert_int_eq(values.timeout, 180);
	ck_assert_str_eq(values.state_dir, "/line");
	ck_assert(!values.trust && !values.color);
	ck_assert_ptr_null(values.token);
	ck_assert_ptr_null(values.secret);
	ck_assert_uint_eq(values.labels.n, 2);
	ck_assert_str_eq(values.labels.v[1], "f");
	ck_assert_int_eq(read_words(false, "c.yaml", WORDS("-l", "one")), 0);
	ck_assert_uint_eq(values.labels.n, 1);
	unsetenv("BISECTD_LABEL");
	ck_assert_int_eq(read_words(false, "c.yaml", WORDS("-t")), 0);
	ck_assert_str_eq(values.labels.v[1], "y");
	setenv("BISECTD_TIMEOUT", "soon", 1);
	refuse(WORDS("-t"), "BISECTD_TIMEOUT: \"soon\" is not allowed, only a time such as 90s, "
	                    "15m or 6h from 1s to 1d");
}
END_TEST

START_TEST(a_file_named_on_the_command_line_takes_the_place_of_the_usual_one)
{
	write_config("slots: 5\n");
	ck_assert_msg(
	        read_words(false, "usual.yaml", WORDS("--config", "c.yaml")) == 0, "%s", err.text);
	ck_assert_int_eq(values.slots, 5);
	ck_assert_int_eq(read_words(false, "usual.yaml", WORDS("-t")), -ERR_NOT_FOUND);
	ck_assert_str_eq(err.text, "cannot open usual.yaml: No such file or directory");
}
END_TEST

START_TEST(a_wrong_line_in_a_file_says_where_it_stood)
{
	refuse_config("trust: yes\nslot: 3\n",
	        "c.yaml:2:1: unknown setting \"slot\"; did you mean \"slots\"?");
	refuse_config("zzzzzzzz: 3\n", "c.yaml:1:1: unknown setting \"zzzzzzzz\"");
	refuse_config("trust: perhaps\n",
	        "c.yaml:1:8: trust: \"perhaps\" is not allowed, only yes or no");
	refuse_config("slots: [3]\n", "c.yaml:1:8: slots: a single value is wanted here");
	refuse_config("label: [a, {b: c}]\n", "c.yaml:1:12: label: a single value is wanted here");
	refuse_config("secret: x\n", "c.yaml:1:1: secret can be given on the command line only");
	refuse_config("- slots\n", "c.yaml:1:1: lines of \"name: value\" are wanted here");
	refuse_config("slots: 3\nslots: 4\n",
	        "c.yaml:2:1: key \"slots\" stands here again, after line 1");
	write_config("# nothing\n");
	ck_assert_int_eq(read_words(false, "c.yaml", WORDS("-t")), 0);
}
END_TEST

/* What `print` writes on standard output. */
static void capture(struct str *ret, void (*print)(void))
{
	FILE *f = tmpfile();
	int saved = dup(STDOUT_FILENO);
	char piece[4096];
	size_t n;

	fflush(stdout);
	dup2(fileno(f), STDOUT_FILENO);
	print();
	fflush(stdout);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	rewind(f);
	while ((n = fread(piece, 1, sizeof(piece), f)))
		str_add_bytes(ret, piece, n);
	fclose(f);
}

static void print_help(void)
{
	ck_assert_int_eq(read_words(false, NULL, WORDS("-t", "arg", "--help", "--bogus")), 0);
	ck_assert(done);
	ck_assert_uint_eq(arguments.n, 0);
}

static void print_man(void)
{
	static const struct setting none[] = { { .name = NULL } };
	const struct command main_command = {
		.name = "bisectctl",
		.synopsis = "COMMAND [options]",
		.summary = "talk to bisectd",
		.settings = none,
		.description = "Some words.",
	};
	const struct command commands[] = { command, { .name = NULL } };

	settings_print_man("bisectctl", 1, &main_command, commands);
}

START_TEST(help_fits_in_eighty_columns)
{
	struct str help = STR_INIT;
	char *line, *next;

	capture(&help, print_help);
	ck_assert_msg(str_has_prefix(help.buf, "Usage: bisectctl run --good REV"), "%s", help.buf);
	ck_assert_ptr_nonnull(
	        strstr(help.buf, "\n  bisectctl run --good v1 --bad HEAD -- make check\n"));
	ck_assert_ptr_nonnull(strstr(help.buf, "\nLimits:\n"));
	ck_assert_ptr_nonnull(strstr(help.buf, "\n  -t, --trust             Believe both ends"));
	ck_assert_ptr_nonnull(
	        strstr(help.buf, "\n      --[no-]color        Use colours. Default: yes.\n"));
	ck_assert_ptr_nonnull(strstr(help.buf, "\n  -d, --state-dir=DIR     Everything"));
	ck_assert_ptr_nonnull(strstr(
	        help.buf, "--a-long-name-of-an-option=N\n                          Any number"));
	ck_assert_ptr_nonnull(strstr(help.buf, "BISECTD_STATE_DIR"));
	for (line = help.buf; *line; line = next + 1) {
		next = strchr(line, '\n');
		ck_assert_ptr_nonnull(next);
		ck_assert_msg(next - line < 80, "%.*s", (int)(next - line), line);
		ck_assert(next == line || next[-1] != ' ');
	}
	str_release(&help);
}
END_TEST

START_TEST(the_man_page_lets_no_text_become_a_request)
{
	struct str man = STR_INIT;

	capture(&man, print_man);
	ck_assert(str_has_prefix(man.buf, ".TH BISECTCTL 1 "));
	ck_assert_ptr_nonnull(strstr(man.buf, "\n.SS bisectctl run\n"));
	ck_assert_ptr_nonnull(
	        strstr(man.buf, "\n\\&.dots, \\ebackslashes and \\(aqquotes\\(aq are harmless.\n"));
	ck_assert_ptr_nonnull(
	        strstr(man.buf, ".TP\n\\fB\\-j\\fR, \\fB\\-\\-slots\\fR=\\fIN\\fR\n"));
	str_release(&man);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite;
	TCase *tests;
	SRunner *runner;
	int failed;

	if (argc > 1) { /* To look at them: `test_base_settings help`, `test_base_settings man | man
		           -l -`. */
		if (strcmp(argv[1], "man") == 0)
			print_man();
		else
			settings_print_help("bisectctl", &command);
		return EXIT_SUCCESS;
	}
	suite = suite_create("base/settings");
	tests = tcase_create("settings");
	tcase_add_checked_fixture(tests, begin, end);
	tcase_add_test(tests, nothing_given_means_the_defaults);
	tcase_add_test(tests, options_come_in_every_usual_form);
	tcase_add_test(tests, what_is_left_over_are_arguments);
	tcase_add_test(tests, arguments_are_refused_where_none_are_taken);
	tcase_add_test(tests, a_wrong_option_says_what_is_allowed);
	tcase_add_test(tests, the_command_line_wins_over_the_environment_and_that_over_the_file);
	tcase_add_test(tests, a_file_named_on_the_command_line_takes_the_place_of_the_usual_one);
	tcase_add_test(tests, a_wrong_line_in_a_file_says_where_it_stood);
	tcase_add_test(tests, help_fits_in_eighty_columns);
	tcase_add_test(tests, the_man_page_lets_no_text_become_a_request);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_set_fork_status(runner, CK_FORK);	/* what one test leaves behind would be in the way of the next */
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
