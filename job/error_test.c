/* What a line of a test's output is: TAP, JUnit XML, cases, what tells of a failure, a kernel's console. */
#include "job/error_naming.h"
#include "job/error_readers.h"

/* True: a test point, or another line of TAP. */
static bool read_tap(struct extractor *x, const char *text, size_t len)
{
	const char *name;
	size_t name_len, indent = strspn(text, "# \t");
	enum tap_line tap = tap_line(&x->tap, text, len, &name, &name_len);

	if (tap == TAP_FAILED || tap == TAP_PASSED) {
		str_clear(&x->text);
		tap_add_parents(&x->tap, &x->text);
		str_add_bytes(&x->text, name, name_len);
	}
	if (tap == TAP_FAILED) {
		/* A point with subtests fails because one of them did: it comes of that one. */
		x->case_follows |= indent < x->failed_indent;
		note_case(x, x->text.buf, x->text.len, name_len);
	} else if (tap == TAP_PASSED) {
		note_pass(x, x->text.buf, x->text.len);
	} else if (tap == TAP_EXCUSED) {
		x->case_follows = false;
	}
	if (tap == TAP_FAILED || (tap != TAP_NONE && tap != TAP_OTHER && indent < x->failed_indent))
		x->failed_indent = indent;
	x->point_failed = tap == TAP_FAILED;
	x->in_block &= tap == TAP_NONE;
	return tap != TAP_NONE;
}

/* "  ---" below a point, "  ..." at the end of what it says: of one that failed it is of its failure. */
static bool read_block_mark(struct extractor *x, const char *text, bool failed)
{
	const char *p;

	if (*text != ' ' || !(x->in_block || failed))
		return false;
	p = text + strspn(text, " ");
	if (strcmp(p, x->in_block ? "..." : "---") != 0)
		return false;
	x->in_block = x->case_open = !x->in_block;
	return true;
}

/* What a case of JUnit failed with, if it is more than the case's own words. */
static void note_failure_of_case(struct extractor *x)
{
	const struct str *failure = &x->junit.failure;
	struct rule_line line = { .text = failure->buf, .len = failure->len, .no_cases = true };
	struct naming naming;
	struct rule_hit hit;

	ask_rules(x, RULES_TEST, &line, &hit);
	if (!hit.rule || hit.ignored)
		return;
	naming = naming_of(RULES_TEST, hit.rule);
	naming.part = PART_OF_BEFORE;
	note_text(x, &naming, failure->buf, failure->len, &x->place, NULL, 0);
}

static void read_junit(struct extractor *x, const char *text, size_t len)
{
	const struct str *name = &x->junit.name;

	switch (junit_read(&x->junit, text, len, x->tag_closed)) {
	case JUNIT_FAILED:
		note_case(x, name->buf, name->len, name->len);
		note_failure_of_case(x);
		break;
	case JUNIT_PASSED:
		note_pass(x, name->buf, name->len);
		break;
	case JUNIT_OTHER:
		break;
	}
	if (x->junit.ended) {
		x->xml = false;
		junit_release(&x->junit);
	}
}

void read_test(
        struct extractor *x, const char *raw, size_t raw_len, const char *text, size_t len)
{
	struct rule_line line = { .text = text, .len = len };
	struct kernel_prefix prefix;
	const char *package;
	size_t package_len;
	bool package_ok;
	bool failed = x->point_failed;
	struct rule_hit hit;

	x->point_failed = false;
	if (x->xml) {
		read_junit(x, text, len);
		return;
	}
	pytest_read(&x->pytest, text);
	if (read_traceback(x, RULES_TEST, text, len))
		return;
	if (*text == '[' || *text == '<') {
		kernel_prefix(&prefix, text, len);
		if (prefix.has_time) {
			size_t blanks = prefix.blanks;

			if (!read_tap(x, text + prefix.len - blanks, len - prefix.len + blanks))
				read_dmesg(x, text, len, &prefix);
			return;
		}
	}
	switch (unittest_read(&x->unittest, text, x->in_section)) {
	case UNITTEST_DOCSTRING:
		return;
	case UNITTEST_VERDICT:
		line.text = raw = text = x->unittest.line.buf;
		line.len = raw_len = len = x->unittest.line.len;
		break;
	case UNITTEST_NOT:
		break;
	}
	/* "ok  \tPACKAGE\t0.1s" is go's. */
	if (((*text != 'o' || !str_has_prefix(text, "ok  \t")) && read_tap(x, text, len)) || read_block_mark(x, text, failed))
		return;
	line.skip = strspn(text, "# \t"); /* TAP diagnostics */
	line.no_cases = x->in_block || memchr(text, '#', line.skip);
	if (show_to_reports(x, RULES_TEST, NULL, text, len))
		return;
	if ((package_len = go_cases_package(&package, &package_ok, text))) {
		/* A package that is ok has no failed case: those that wait are of one that was killed. */
		if (package_ok && x->go.n)
			x->incomplete = true;
		note_go_package(x, package, package_ok ? 0 : package_len);
		x->go.any_package = true;
	} else if (go_cases_is_end(text)) {
		x->go.ended = true;
	}
	ask_rules(x, RULES_TEST, &line, &hit);
	if (hit.rule && hit.rule->passed_name) {
		str_clear(&x->text);
		pattern_expand(&x->text, hit.rule->passed_name, hit.groups);
		rules_rewrite(x->rules, RULES_CASE, SPELLING_ID, &x->text);
		if (x->text.len)
			note_pass(x, x->text.buf, x->text.len);
	} else if (!hit.rule || hit.ignored) {
		metrics_read(&x->metrics, x->suite, text, len);
	} else if (hit.rule->case_name) {
		str_clear(&x->text);
		pattern_expand(&x->text, hit.rule->case_name, hit.groups);
		if (x->text.len && x->go.n < GO_CASES_MAX && go_cases_is_one(text))
			note_go_case(x, x->text.buf);
		else if (x->text.len && go_cases_is_one(text))
			note_go_case_alone(x, x->text.buf);
		else if (x->text.len)
			note_case(x, x->text.buf, x->text.len, x->text.len);
	} else {
		/* What a point says of its failure stands in comments behind it. */
		if (line.no_cases || x->case_open)
			hit.part = PART_OF_BEFORE;
		if (hit.rule->id || hit.rule->function || hit.rule->place) {
			note_hit(x, RULES_TEST, &hit, NULL, text + line.skip, len - line.skip, raw,
			        raw_len);
		} else {
			struct naming naming = naming_of(RULES_TEST, hit.rule);

			naming.part = hit.part;
			if ((naming.finding = finding_of_section(x, RULES_TEST)) >= 0)
				naming.part = PART_OF_BEFORE;
			note_text(x, &naming, text + line.skip, len - line.skip, &x->place, raw,
			        raw_len);
		}
		x->case_follows |= !line.no_cases && !x->case_open && !x->sections.open;
	}
}
