/* bisectctl errors and rules: the ids of a log, and whether the rules that find them are right.  No
 * daemon, no network. */
#include "cli/errors.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "cli/run.h"
#include "job/error_guess.h"
#include "job/errorid.h"
#include "job/pattern.h"
#include "job/log_kinds.h"

#define BLOCK (256u << 10) /* bytes read at once; the first tells the kind of log */

struct errors_values {
	char *kind, *suite, *match, *rules_dir;
	bool json, ids, follow;
};

#define AT(field) offsetof(struct errors_values, field)

static const struct setting errors_settings[] = {
	{ "kind", 'k', SETTING_STRING, AT(kind), "KIND", NULL, 0, 0,
	        "What the log is: dmesg (a kernel's console), kmsg (its log with levels), stderr, "
	        "build-pkg, last_state (the file of lkp-tests), test (so are tap, ktap, kselftest, kunit, ltp, gtest, pytest and junit), "
	        "lkp-stats (a stats.json, or the output of suite lkp), or line-pkg (each line "
	        "through the normaliser of build logs). Default: guessed from its first lines.",
	        true },
	{ "suite", 's', SETTING_STRING, AT(suite), "NAME", "test", 0, 0,
	        "Names test cases and metrics: NAME.CASE.fail.", true },
	{ "match", 'm', SETTING_STRING, AT(match), "REGEX", NULL, 0, 0,
	        "Lines that match are an error too, as with error.match of a job.", true },
	{ "ids", 'i', SETTING_FLAG, AT(ids), NULL, NULL, 0, 0,
	        "Print the ids only: sorted, each once, one a line.", true },
	{ "json", 'J', SETTING_FLAG, AT(json), NULL, NULL, 0, 0, "Print a JSON document.", true },
	{ "follow", 'f', SETTING_FLAG, AT(follow), NULL, NULL, 0, 0,
	        "Print each error when it is found, as while a test still runs, instead of all at "
	        "the end by finding.",
	        true },
	{ "rules-dir", 0, SETTING_STRING, AT(rules_dir), "DIR", NULL, 0, 0,
	        "Directory with the rules of error ids (*.yaml); default: those installed with "
	        "this program.",
	        false },
	{ NULL, 0, SETTING_HEADING, 0, NULL, NULL, 0, 0, NULL, false },
};

const struct command errors_command = {
	.name = "errors",
	.synopsis = "[options] [FILE]",
	.summary = "print the error ids of a log",
	.description =
	        "Reads a log (standard input without FILE, or for -) and prints the error ids in "
	        "it, with line numbers, by finding: "
	        "errors that most likely have one cause stand together, the one to bisect first. "
	        "An id is what bisectctl run --error-id "
	        "and bisectctl bisect take.\n\n"
	        "Exit status: 0 whether ids were found or not, 2 when something is wrong.\n\n"
	        "  dmesg | bisectctl errors --kind dmesg\n"
	        "  make 2>&1 | bisectctl errors --ids",
	.settings = errors_settings,
	.size = sizeof(struct errors_values),
};

/* --- Reading --- */

struct reading {
	const struct errors_values *values;
	struct extractor *extractor;
	enum error_source source;
	bool lines; /* line-pkg */
	struct str line;
	struct strv told; /* ids, with --follow */
};

static int refuse_kind(const char *kind, struct error *err)
{
	struct str allowed = STR_INIT;
	int r;

	for (const char *const *name = log_kind_names; *name; name++)
		str_addf(&allowed, "%s, ", *name);
	r = error_set(err, ERR_INVALID, "--kind: found '%.80s', allowed are %stest, line-pkg", kind,
	        allowed.buf);
	str_release(&allowed);
	return r;
}

static int find_kind(struct reading *reading, const char *begin, size_t len, struct error *err)
{
	const char *kind = reading->values->kind;

	int r;

	if (!kind)
		reading->source = error_source_guess(begin, len);
	else if (!strcmp(kind, "build"))
		reading->source = SOURCE_BUILD;
	else if (!strcmp(kind, "test"))
		reading->source = SOURCE_TEST;
	else if (!log_kind_source(&reading->source, kind))
		return refuse_kind(kind, err);
	r = extractor_new(&reading->extractor, reading->source, reading->values->suite,
	        reading->values->match, err);
	if (r == 0 && kind && !strcmp(kind, LOG_KIND_LKP_STATS))
		extractor_expect_lkp_stats(reading->extractor, begin[0] == '{');
	return r;
}

static int print_line(struct reading *reading, struct error *err)
{
	char *id = errorid_normalise(SOURCE_BUILD, reading->line.buf, reading->line.len);
	const struct rules *rules;

	if (!id)
		return rules_standard(&rules, err);
	puts(id);
	free(id);
	str_clear(&reading->line);
	return 0;
}

static int feed_lines(struct reading *reading, const char *bytes, size_t len, struct error *err)
{
	for (size_t i = 0; i < len; i++) {
		if (bytes[i] == '\n') {
			int r = print_line(reading, err);

			if (r < 0)
				return r;
		} else if (reading->line.len < ERRORID_LINE_MAX) {
			str_add_char(&reading->line, bytes[i]);
		}
	}
	return 0;
}

/* Those that came since the last call.  One that waited for its function is not the last. */
static void tell_new(struct reading *reading)
{
	const struct found_error *found;
	size_t n = extractor_results(reading->extractor, &found);

	for (size_t i = 0; n > reading->told.n && i < n; i++) {
		if (strv_has(&reading->told, found[i].id))
			continue;
		strv_push(&reading->told, found[i].id);
		printf("%8llu  %s\n", (unsigned long long)found[i].line_number, found[i].id);
	}
	fflush(stdout);
}

static int feed(struct reading *reading, const char *bytes, size_t len, struct error *err)
{
	int r = 0;

	if (reading->lines)
		return feed_lines(reading, bytes, len, err);
	if (!reading->extractor)
		r = find_kind(reading, bytes, len, err);
	if (r < 0)
		return r;
	extractor_feed(reading->extractor, bytes, len);
	if (reading->values->follow)
		tell_new(reading);
	return 0;
}

/* As much as the block holds: the kind is guessed from the first.  To follow: what there is. */
static ssize_t read_block(int fd, char *block, bool follow)
{
	size_t have = 0;

	while (have < (follow && have ? have : BLOCK)) {
		ssize_t n = read(fd, block + have, BLOCK - have);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		have += (size_t)n;
	}
	return (ssize_t)have;
}

static int read_file(struct reading *reading, const char *path, struct error *err)
{
	bool standard = !strcmp(path, "-");
	int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	char *block = mem_array(BLOCK, 1);
	ssize_t n = 0;
	int r = 0;

	if (fd < 0)
		r = error_errno(err, errno, "cannot open %s", path);
	while (r == 0 && (n = read_block(fd, block, reading->values->follow)) > 0)
		r = feed(reading, block, (size_t)n, err);
	if (r == 0 && n < 0)
		r = error_errno(err, errno, "cannot read %s", standard ? "standard input" : path);
	if (r == 0 && reading->lines && reading->line.len)
		r = print_line(reading, err);
	if (!standard)
		file_close(&fd);
	free(block);
	return r;
}

/* --- Printing --- */

static void print_ids(const struct found_error *found, size_t n)
{
	struct strv ids = STRV_INIT;

	for (size_t i = 0; i < n; i++)
		strv_push(&ids, found[i].id);
	strv_sort_unique(&ids);
	for (size_t i = 0; i < ids.n; i++)
		puts(ids.v[i]);
	strv_release(&ids);
}

static json_t *text_or_null(const char *text)
{
	return text ? json_string(text) : json_null();
}

static json_t *error_json(const struct found_error *found)
{
	json_t *aliases = json_array();

	for (size_t i = 0; i < found->aliases.n; i++)
		json_array_append_new(aliases, json_string(found->aliases.v[i]));
	return json_pack("{s:s, s:o, s:I, s:I, s:I, s:s, s:o, s:I, s:b, s:o}", "id", found->id,
	        "line", text_or_null(found->line), "line_number", (json_int_t)found->line_number,
	        "offset", (json_int_t)found->offset, "count", (json_int_t)found->count, "severity",
	        severity_name(found->severity), "function", text_or_null(found->function),
	        "finding", (json_int_t)found->finding + 1, "representative",
	        (int)found->representative, "aliases", aliases);
}

static void print_json(const struct reading *reading, const struct found_error *found, size_t n)
{
	const struct found_metric *metric;
	size_t metrics = extractor_metrics(reading->extractor, &metric);
	json_t *errors = json_array(), *values = json_object(), *all;

	for (size_t i = 0; i < n; i++)
		json_array_append_new(errors, error_json(&found[i]));
	for (size_t i = 0; i < metrics; i++)
		json_object_set_new(values, metric[i].name, json_real(metric[i].value));
	all = json_pack("{s:s, s:s, s:I, s:I, s:I, s:o, s:o}", "kind", log_kind_of_source(reading->source),
	        "rules", extractor_rules(reading->extractor), "lines",
	        (json_int_t)extractor_lines(reading->extractor), "passed",
	        (json_int_t)extractor_passed_count(reading->extractor), "dropped",
	        (json_int_t)extractor_dropped(reading->extractor), "errors", errors, "metrics",
	        values);
	json_dumpf(all, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(all);
}

static void print_error(const struct found_error *found, bool root)
{
	printf("%8llu  %s%s", (unsigned long long)found->line_number, root ? "" : "  ", found->id);
	if (root && found->function)
		printf("  in %s", found->function);
	if (found->count > 1)
		printf("  (%llu times)", (unsigned long long)found->count);
	putchar('\n');
}

/* By finding, the representative first, what belongs to it indented. */
static void print_findings(const struct reading *reading, const struct found_error *found, size_t n)
{
	const struct found_metric *metric;
	size_t metrics = extractor_metrics(reading->extractor, &metric);
	uint32_t findings = 0;

	for (size_t i = 0; i < n; i++)
		if (found[i].finding >= findings)
			findings = found[i].finding + 1;
	for (uint32_t finding = 0; finding < findings; finding++)
		for (int root = 1; root >= 0; root--)
			for (size_t i = 0; i < n; i++)
				if (found[i].finding == finding && found[i].representative == root)
					print_error(&found[i], root);
	for (size_t i = 0; i < metrics; i++)
		printf("  metric  %s: %.15g\n", metric[i].name, metric[i].value);
}

static void print_results(struct reading *reading)
{
	const struct found_error *found;
	size_t n;

	extractor_end(reading->extractor, 0, 0, false);
	n = extractor_results(reading->extractor, &found);
	if (reading->values->follow)
		tell_new(reading);
	else if (reading->values->ids)
		print_ids(found, n);
	else if (reading->values->json)
		print_json(reading, found, n);
	else
		print_findings(reading, found, n);
	if (extractor_dropped(reading->extractor))
		fprintf(stderr,
		        "bisectctl: errors: %llu more errors are not listed: at most %d different "
		        "ids are kept\n",
		        (unsigned long long)extractor_dropped(reading->extractor),
		        ERRORID_COUNT_MAX);
	if (extractor_gave_up(reading->extractor))
		fprintf(stderr,
		        "bisectctl: errors: %llu lines were too hard for rule '%s': what it would "
		        "have found is missing\n",
		        (unsigned long long)extractor_gave_up(reading->extractor),
		        extractor_gave_up_rule(reading->extractor));
}

/* As job_read() refuses it in a job. */
static int check_match(const char *match, struct error *err)
{
	struct pattern *pattern;
	int r = 0;

	if (!match)
		return 0;
	if (pattern_new(&pattern, match, err) < 0)
		return error_prefix(err, "--match");
	if (pattern_match(pattern, "", 0, NULL) != PATTERN_NO)
		r = error_set(err, ERR_INVALID,
		        "--match: found a pattern that also matches an empty line, allowed: one that only the error matches");
	pattern_free(pattern);
	return r;
}

int errors_main(int argc, char **argv)
{
	struct errors_values values;
	struct strv files = STRV_INIT;
	struct error err = ERROR_INIT;
	struct reading reading = { .values = &values, .line = STR_INIT, .told = STRV_INIT };
	bool done = false;
	int r = settings_read(&values, &files, &done, &errors_command, "bisectctl", argc, argv,
	        NULL, false, &err);

	if (r < 0 || done)
		goto out;
	rules_use(values.rules_dir);
	reading.lines = values.kind && !strcmp(values.kind, "line-pkg");
	if (values.follow && (values.ids || values.json))
		r = error_set(&err, ERR_INVALID,
		        "found --follow beside --ids or --json, allowed is one: these print at the end");
	else if (files.n > 1)
		r = error_set(
		        &err, ERR_INVALID, "found %zu files, allowed is one at a time", files.n);
	else if ((r = check_match(values.match, &err)) == 0)
		r = read_file(&reading, files.n ? files.v[0] : "-", &err);
	if (r == 0 && !reading.lines && !reading.extractor)
		r = find_kind(&reading, "", 0, &err);
	if (r == 0 && !reading.lines)
		print_results(&reading);
	extractor_free(reading.extractor);
	str_release(&reading.line);
	strv_release(&reading.told);
	settings_release(&values, &errors_command);
out:
	strv_release(&files);
	if (r < 0)
		fprintf(stderr, "bisectctl: errors: %s\n", err.text);
	return r < 0 ? RUN_EXIT_USAGE : 0;
}

/* --- rules --- */

struct rules_values {
	char *rules_dir;
};

static const struct setting rules_settings[] = {
	{ "rules-dir", 0, SETTING_STRING, offsetof(struct rules_values, rules_dir), "DIR", NULL, 0,
	        0,
	        "Directory that is checked without DIR or FILE; default: the rules installed with "
	        "this program.",
	        false },
	{ NULL, 0, SETTING_HEADING, 0, NULL, NULL, 0, 0, NULL, false },
};

const struct command rules_command = {
	.name = "rules",
	.synopsis = "check [DIR|FILE...]",
	.summary = "check the rules that error ids are found by",
	.description = "Reads rules of error ids (docs/error-ids.md) and says what is wrong with "
	               "them, as file:line:column: what was found, what "
	               "is allowed; also expressions that take too many steps on lines made to be "
	               "hard for them.\n\n"
	               "Exit status: 0 when all is right, 1 when a rule is wrong, 2 when something "
	               "else is.",
	.settings = rules_settings,
	.size = sizeof(struct rules_values),
};

/* One directory or file; -1: it cannot be read, 1: a rule is wrong. */
static int check_rules(const char *path)
{
	struct error err = ERROR_INIT;
	struct strv slow = STRV_INIT;
	struct rules *rules;
	int r = rules_load(&rules, path, &err);

	if (r < 0) {
		fprintf(stderr, "%s\n", err.text);
		return r == -ERR_INVALID || r == -ERR_LIMIT ? 1 : -1;
	}
	rules_check_time(rules, &slow);
	for (size_t i = 0; i < slow.n; i++)
		fprintf(stderr, "%s\n", slow.v[i]);
	r = slow.n ? 1 : 0;
	if (r == 0)
		printf("%s: %zu expressions are right, %zu of them are tried on every line; "
		       "version %s\n",
		        path, rules_count(rules), rules_always(rules), rules_version(rules));
	strv_release(&slow);
	rules_free(rules);
	return r;
}

int rules_main(int argc, char **argv)
{
	struct rules_values values;
	struct strv arguments = STRV_INIT;
	struct error err = ERROR_INIT;
	bool done = false;
	int worst = 0, r;

	r = settings_read(&values, &arguments, &done, &rules_command, "bisectctl", argc, argv, NULL,
	        false, &err);
	if (r < 0 || done)
		goto out;
	rules_use(values.rules_dir);
	if (arguments.n == 0 || strcmp(arguments.v[0], "check"))
		r = error_set(&err, ERR_INVALID, "found %s%.80s%s, allowed is: check [DIR|FILE...]",
		        arguments.n ? "'" : "nothing", arguments.n ? arguments.v[0] : "",
		        arguments.n ? "'" : "");
	if (r == 0 && arguments.n == 1)
		worst = check_rules(rules_standard_dir());
	for (size_t i = 1; r == 0 && i < arguments.n; i++) {
		int one = check_rules(arguments.v[i]);

		if (one < 0 || (worst >= 0 && one > worst))
			worst = one;
	}
	settings_release(&values, &rules_command);
out:
	strv_release(&arguments);
	if (r < 0)
		fprintf(stderr, "bisectctl: rules: %s\n", err.text);
	return r < 0 || worst < 0 ? RUN_EXIT_USAGE : worst;
}
