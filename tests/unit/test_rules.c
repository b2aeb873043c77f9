#include <check.h>
#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "job/errorid.h"
#include "job/rule_literals.h"
#include "job/rules_internal.h"

#define LOG_MAX (1u << 20)

static struct rules *read_rules(const char *text, struct error *err)
{
	char path[] = "/tmp/bisectd-rules-XXXXXX";
	struct rules *rules = NULL;
	int fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(file_write_all(fd, text, strlen(text), err), 0);
	close(fd);
	(void)rules_load(&rules, path, err);
	unlink(path);
	return rules;
}

static void source_path(struct str *ret, const char *name)
{
	const char *srcdir = getenv("srcdir");

	str_setf(ret, "%s/%s", srcdir ? srcdir : ".", name);
}

static struct rules *shipped_rules(void)
{
	struct error err = ERROR_INIT;
	struct str path = STR_INIT;
	struct rules *rules = NULL;

	source_path(&path, "rules");
	ck_assert_msg(rules_load(&rules, path.buf, &err) == 0, "%s", err.text);
	str_release(&path);
	return rules;
}

START_TEST(the_rules_that_ship_are_right_and_none_runs_away)
{
	struct rules *rules = shipped_rules();
	struct strv slow = STRV_INIT;

	rules_check_time(rules, &slow);
	ck_assert_msg(slow.n == 0, "%s", slow.n ? slow.v[0] : "");
	ck_assert_uint_gt(rules_count(rules), 100);
	strv_release(&slow);
	rules_free(rules);
}
END_TEST

START_TEST(a_wrong_rule_is_told_with_its_place_and_what_is_allowed)
{
	static const struct {
		const char *text, *told;
	} wrong[] = {
		{ "errors: []\n", "found no rule" },
		{ "error: []\n", ":1:1: rules: found 'error', allowed is errors, ignore" },
		{ "errors:\n  - {name: a, log: dmesg}\n", ":2:5: errors: a rule without 'match'" },
		{ "errors:\n  - {name: a, log: dmsg, match: x}\n",
		        ":2:20: log: found 'dmsg', allowed is build, build-frame" },
		{ "errors:\n  - {name: a, log: case, match: x}\n", ":2:20: log: found 'case'" },
		{ "errors:\n  - {name: A b, log: dmesg, match: x}\n", ":2:12: name: found 'A b'" },
		{ "errors:\n  - {name: a, log: dmesg, match: 'x('}\n",
		        ":2:34: match: no valid regular expression, at character 3" },
		{ "errors:\n  - {name: a, log: dmesg, match: x, id: '$2'}\n",
		        "has 0 groups, but '$2' wants $2" },
		{ "errors:\n  - {name: a, log: dmesg, match: x, severity: bad}\n",
		        "severity: found 'bad', allowed is warning, error, crash" },
		{ "errors:\n  - {name: a, log: dmesg, match: x, part: yes}\n",
		        "part: found 'yes', allowed is none, before, next" },
		{ "errors:\n  - {name: a, log: test, match: x, id: x, case: y}\n",
		        "more than one of id, case and passed" },
		{ "errors:\n  - {name: a, log: test, match: x, case: x, passed: y}\n",
		        "more than one of id, case and passed" },
		{ "errors:\n  - {name: a, log: [test, dmesg], match: x, passed: y}\n",
		        "log: found another than test beside passed" },
		{ "errors:\n  - {name: a, log: dmesg, match: x, with: y}\n",
		        "errors: found 'with', allowed is name, log, match" },
		{ "errors:\n  - {name: a, log: dmesg, match: x}\n  - {name: a, log: kmsg, match: "
		  "y}\n",
		        ":3:12: name: 'a' is another rule's" },
		{ "frames:\n  - {name: a, log: dmesg, match: x}\n",
		        "a frame names its function with group 1" },
		{ "errors:\n  - {name: a, log: build, match: x, place: '^ --> y'}\n",
		        "place: names the place with group 1" },
		{ "errors:\n  - name: a\n    log: dmesg\n    match: []\n",
		        "match: found an empty list" },
		{ "marks:\n  - {name: boot-begin, log: dmesg, match: x}\n",
		        ":2:12: marks: found 'boot-begin', allowed is boot-begins, userspace-runs" },
		{ "errors: x\n", "errors: a list of rules is allowed" },
		{ "- x\n", "a file of rules is a mapping" },
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		struct error err = ERROR_INIT;

		ck_assert_ptr_null(read_rules(wrong[i].text, &err));
		ck_assert_msg(
		        strstr(err.text, wrong[i].told) != NULL, "%s: %s", wrong[i].text, err.text);
	}
}
END_TEST

START_TEST(rules_that_are_not_there_are_an_error)
{
	struct error err = ERROR_INIT;
	struct rules *rules = NULL;

	ck_assert_int_eq(rules_load(&rules, "/nonexistent/rules", &err), -ERR_NOT_FOUND);
	ck_assert_ptr_null(rules);
	ck_assert_ptr_nonnull(
	        strstr(err.text, "cannot read the rules of error ids in /nonexistent/rules"));
}
END_TEST

static void must_need(const char *regex, const char *expected)
{
	struct strv literals = STRV_INIT;
	struct str all = STR_INIT;
	bool caseless = false, known = rule_literals(&literals, &caseless, regex);

	for (size_t i = 0; i < literals.n; i++)
		str_addf(&all, "%s%s", i ? "|" : "", literals.v[i]);
	ck_assert_msg(known == (expected != NULL), "%s", regex);
	ck_assert_msg(!expected || !strcmp(all.buf, expected), "%s needs %s", regex, all.buf);
	strv_release(&literals);
	str_release(&all);
}

START_TEST(what_a_line_must_hold_is_read_from_the_expression)
{
	must_need("\\bBUG: ", "BUG: ");
	must_need("^(?:FAIL|FAILED): (\\S.*)$", "FAIL|FAILED");
	must_need("undefined (?:reference|symbol) to ", "undefined ");
	must_need("a.b.c", NULL);
	must_need("error|x", NULL);
	must_need("(?:error)?warnings?", "warning");
	must_need("(error){0,2}", NULL);
	must_need("(error){1,2}", "error");
	must_need("abcd*e", NULL);
	must_need("(?i:Fatal:)", "fatal:");
	must_need("(?!never)always", "always");
	must_need("(?=never)always", "always");
	must_need("x[FE]yz", "xEyz|xFyz");
	must_need("oops[^a]", "oops");
	must_need("oops[]a]", "oops");
	must_need("lines+end", "lines");
	must_need("\\Qerror\\E", NULL);
	must_need("(error)\\1", NULL);
	must_need("(?x) e r r o r", NULL);
	must_need("erro\\x72", NULL);
	must_need("no\\.way", "no.way");
	must_need("caf\xc3\xa9?late", "late");
}
END_TEST

static bool holds_one(const char *line, const struct strv *literals, bool caseless)
{
	for (size_t i = 0; i < literals->n; i++)
		if (caseless ? strcasestr(line, literals->v[i]) : strstr(line, literals->v[i]))
			return true;
	return false;
}

struct needs {
	struct strv literals;
	bool any, caseless;
};

/* Each expression beside each line: what PCRE2 finds, the filter lets through. */
static void check_line(const struct rules *rules, const struct needs *needs, const char *line)
{
	for (size_t i = 0; i < rules->n_patterns; i++) {
		const struct rule_pattern *row = rules->patterns[i];

		if (needs[i].any && !holds_one(line, &needs[i].literals, needs[i].caseless))
			ck_assert_msg(pattern_match(row->pattern, line, strlen(line), NULL) != PATTERN_YES,
			        "%s misses '%s'", row->where, line);
	}
}

START_TEST(the_filter_lets_every_match_through)
{
	struct rules *rules = shipped_rules();
	struct needs *needs = mem_array(rules->n_patterns, sizeof(*needs));
	struct str dir = STR_INIT, path = STR_INIT, text = STR_INIT;
	struct error err = ERROR_INIT;
	struct dirent *entry;
	DIR *handle;

	for (size_t i = 0; i < rules->n_patterns; i++)
		needs[i].any = rule_literals(&needs[i].literals, &needs[i].caseless, rules->patterns[i]->regex);
	source_path(&dir, "tests/errors");
	handle = opendir(dir.buf);
	ck_assert_ptr_nonnull(handle);
	while ((entry = readdir(handle))) {
		char *rest, *line;

		if (!str_has_suffix(entry->d_name, ".log"))
			continue;
		str_clear(&text);
		ck_assert_int_eq(file_read(&text, str_setf(&path, "%s/%s", dir.buf, entry->d_name),
		                         LOG_MAX, &err),
		        0);
		for (line = strtok_r(text.buf, "\n", &rest); line;
		        line = strtok_r(NULL, "\n", &rest))
			check_line(rules, needs, line);
	}
	closedir(handle);
	for (size_t i = 0; i < rules->n_patterns; i++)
		strv_release(&needs[i].literals);
	free(needs);
	rules_free(rules);
	str_release(&dir);
	str_release(&path);
	str_release(&text);
}
END_TEST

START_TEST(a_rule_that_runs_away_is_told_by_the_check_and_stopped_in_use)
{
	static uint8_t tired[RULES_PATTERNS_MAX];
	struct error err = ERROR_INIT;
	struct rules *rules = read_rules(
	        "errors:\n  - {name: slow, log: test, match: 'begin(a+)+$|^(?:a|aa|a?)+b\\1c'}\n",
	        &err);
	struct strv slow = STRV_INIT;
	struct str line = STR_INIT;
	struct rule_hit hit;

	ck_assert_msg(rules != NULL, "%s", err.text);
	rules_check_time(rules, &slow);
	ck_assert_uint_eq(slow.n, 1);
	ck_assert_msg(strstr(slow.v[0], ":2:36: match: takes too many steps on a line of") != NULL,
	        "%s", slow.v[0]);

	str_add(&line, "begin");
	for (int i = 0; i < 4000; i++)
		str_add_char(&line, 'a');
	str_add_char(&line, '!');
	for (int i = 0; i < 1000; i++) {
		rules_ask(rules, RULES_TEST,
		        &(struct rule_line){ .text = line.buf, .len = line.len }, tired, &hit);
		ck_assert_ptr_null(hit.rule);
		ck_assert_str_eq(hit.gave_up->name, "slow");
	}
	strv_release(&slow);
	str_release(&line);
	rules_free(rules);
}
END_TEST

START_TEST(the_version_is_of_the_code_and_of_every_byte_of_the_rules)
{
	struct error err = ERROR_INIT;
	struct rules *a = read_rules("errors:\n  - {name: a, log: test, match: abcd}\n", &err);
	struct rules *b = read_rules("errors:\n  - {name: a, log: test, match: abce}\n", &err);
	struct str prefix = STR_INIT;

	ck_assert_ptr_nonnull(a);
	ck_assert_ptr_nonnull(b);
	str_setf(&prefix, "%d.", ERRORID_VERSION);
	ck_assert(str_has_prefix(rules_version(a), prefix.buf));
	ck_assert_uint_eq(strlen(rules_version(a)), prefix.len + 12);
	ck_assert_str_ne(rules_version(a), rules_version(b));
	str_release(&prefix);
	rules_free(a);
	rules_free(b);
}
END_TEST

START_TEST(a_rewrite_sees_what_the_ones_before_left)
{
	struct error err = ERROR_INIT;
	struct rules *rules =
	        read_rules("rewrite:\n"
	                   "  - {name: a, log: test, match: 'first (\\w+)', with: 'second $1'}\n"
	                   "  - {name: b, log: test, match: 'second (\\w+)', with: 'third $1$1'}\n"
	                   "  - {name: c, log: test, match: 'first', with: 'never'}\n",
	                &err);
	struct str line = STR_INIT;

	ck_assert_msg(rules != NULL, "%s", err.text);
	str_add(&line, "a first x");
	rules_rewrite(rules, RULES_TEST, SPELLING_ID, &line);
	ck_assert_str_eq(line.buf, "a third xx");
	rules_rewrite(rules, RULES_DMESG, SPELLING_ID, &line);
	ck_assert_str_eq(line.buf, "a third xx");
	str_release(&line);
	rules_free(rules);
}
END_TEST

START_TEST(a_pattern_with_a_circumflex_matches_what_it_matches_without_looking_at_the_first_byte)
{
	static const struct {
		const char *regex, *text;
		bool yes;
	} cases[] = {
		{ "^ab", "ab", true }, { "^ab", "xab", false }, { "^ab", "", false }, { "^", "", true }, { "^$", "", true }, { "^$", "a", false },
		{ "^a|^b", "b", true }, { "^a|b", "xb", true }, { "^(?i:x)y", "Xy", true }, { "(?i)^x", "X", true }, { "^(?i)x", "X", true },
		{ "^(?i)k", "\xe2\x84\xaa", true }, { "^\\s*x", "  x", true }, { "^\\s*x", "x", true }, { "^(?:a|\\d)", "7", true },
		{ "^(?:a|\\d)", "b", false }, { "^[^a]", "\xc3\xa9", true }, { "^[^a]", "b", true }, { "^[^a]", "a", false },
		{ "^(?=b)b?", "b", true }, { "^(?!x)y?z", "z", true }, { "^(?!x)y?z", "xz", false }, { "^x?", "y", true },
		{ "^(?:a|)b", "b", true }, { "^a?+b", "b", true }, { "^.", "\xff\xff", false }, { "^(a)?(?(1)b|c)", "c", true },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct pattern *pattern;

		ck_assert_int_eq(pattern_new(&pattern, cases[i].regex, NULL), 0);
		ck_assert_msg((pattern_match(pattern, cases[i].text, strlen(cases[i].text), NULL) == PATTERN_YES) == cases[i].yes,
		        "%s on %s", cases[i].regex, cases[i].text);
		pattern_free(pattern);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("rules");
	TCase *tcase = tcase_create("rules");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, the_rules_that_ship_are_right_and_none_runs_away);
	tcase_add_test(tcase, a_wrong_rule_is_told_with_its_place_and_what_is_allowed);
	tcase_add_test(tcase, rules_that_are_not_there_are_an_error);
	tcase_add_test(tcase, what_a_line_must_hold_is_read_from_the_expression);
	tcase_add_test(tcase, the_filter_lets_every_match_through);
	tcase_add_test(tcase, a_rule_that_runs_away_is_told_by_the_check_and_stopped_in_use);
	tcase_add_test(tcase, the_version_is_of_the_code_and_of_every_byte_of_the_rules);
	tcase_add_test(tcase, a_rewrite_sees_what_the_ones_before_left);
	tcase_add_test(tcase, a_pattern_with_a_circumflex_matches_what_it_matches_without_looking_at_the_first_byte);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
