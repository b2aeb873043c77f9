/* What a line of each kind of log is, and what it is called. */
#include "base/mem.h"
#include "job/extractor.h"

#define LEVEL_MASK 7    /* of a number of syslog: above it is who wrote */
#define ALIASES_WHILE 4 /* the first times an id is seen, its other spellings are kept */

/* What an id is made of, besides its text. */
struct naming {
	enum rule_log log;
	enum normal_style style;
	enum weight weight;
	enum error_severity severity;
	enum rule_part part;
	const char *function;
	int64_t finding;
};

static const char *const prefixes[RULES_NLOGS] = {
	[RULES_BUILD] = "build-pkg",
	[RULES_BUILD_FRAME] = "build-pkg",
	[RULES_STDERR] = "stderr",
	[RULES_TEST] = "stderr",
	[RULES_DMESG] = "dmesg",
	[RULES_KMSG] = "kmsg",
	[RULES_CASE] = "test",
	[RULES_NAME] = "test",
};

static bool is_build(enum rule_log log)
{
	return log == RULES_BUILD || log == RULES_BUILD_FRAME;
}

static struct naming naming_of(enum rule_log log, const struct rule *rule)
{
	return (struct naming){
		.log = log,
		.style = is_build(log) ? NORMAL_BUILD : NORMAL_PLAIN,
		.weight = WEIGHT_ORDINARY,
		.severity = rule ? rule->severity : SEVERITY_WARNING,
		.part = rule ? rule->part : PART_OF_NONE,
		.finding = -1,
	};
}

/* Sets `ret` to the id of a text; empty if nothing is left of it. */
static void make_id(const struct extractor *x, struct str *ret, enum rule_log log,
        enum normal_style style, const char *text, size_t len, bool as_lkp)
{
	struct str line = STR_INIT;
	size_t start;

	str_add_bytes(&line, text, len);
	if (!as_lkp || log == RULES_DMESG || log == RULES_KMSG)
		rules_rewrite(x->rules, log, as_lkp ? SPELLING_ALIAS : SPELLING_ID, &line);
	str_setf(ret, "%s.", prefixes[log]);
	start = ret->len;
	normalise(ret, line.buf, line.len, style, as_lkp);
	if (log == RULES_STDERR || log == RULES_TEST) {
		if (ret->len < start + 3)
			str_clear(ret);
		else if (ret->buf[start] == '#')
			str_setf(ret, "%s._%s", prefixes[log],
			        str_setf(&line, "%s", ret->buf + start));
	} else if (ret->len == start) {
		str_clear(ret);
	}
	cut_id(ret);
	str_release(&line);
}

static void add_alias(const struct extractor *x, struct strv *ret, enum rule_log log,
        const char *text, size_t len)
{
	struct str alias = STR_INIT;

	make_id(x, &alias, log, is_build(log) ? NORMAL_BUILD : NORMAL_PLAIN, text, len, true);
	if (alias.len)
		strv_push(ret, alias.buf);
	str_release(&alias);
}

static void note_text(struct extractor *x, const struct naming *naming, const char *text,
        size_t len, const struct place *place, const char *raw, size_t raw_len)
{
	struct strv aliases = STRV_INIT;

	make_id(x, &x->id, naming->log, naming->style, text, len, false);
	if (!x->id.len)
		return;
	if (raw && notes_count(&x->notes, x->id.buf) < ALIASES_WHILE)
		add_alias(x, &aliases, naming->log, raw, raw_len);
	notes_add(&x->notes, &(struct note){
	                             .id = x->id.buf,
	                             .weight = naming->weight,
	                             .severity = naming->severity,
	                             .part = naming->part,
	                             .function = naming->function,
	                             .aliases = &aliases,
	                             .place = place,
	                             .finding = naming->finding,
	                     });
	strv_release(&aliases);
}

static void name_case(
        struct extractor *x, const char *name, size_t len, enum rule_spelling spelling)
{
	struct str plain = STR_INIT;
	size_t before;

	str_add_bytes(&plain, name, len);
	rules_rewrite(x->rules, RULES_NAME, spelling, &plain);
	str_clear(&x->id);
	normalise(&x->id, x->suite, strlen(x->suite), NORMAL_NAME, false);
	str_add_char(&x->id, '.');
	before = x->id.len;
	normalise(&x->id, plain.buf, plain.len, NORMAL_NAME, false);
	str_release(&plain);
	if (x->id.len == before)
		str_add(&x->id, "unnamed");
	str_add(&x->id, ".fail");
	cut_id(&x->id);
}

/* A subtest with the tests around it goes by its own name, the last `own_len` bytes, as well. */
static void note_case(struct extractor *x, const char *name, size_t len, size_t own_len)
{
	struct strv aliases = STRV_INIT;

	if (own_len < len) {
		name_case(x, name + len - own_len, own_len, SPELLING_ID);
		strv_push(&aliases, x->id.buf);
	}
	name_case(x, name, len, SPELLING_ALIAS);
	strv_push(&aliases, x->id.buf);
	name_case(x, name, len, SPELLING_ID);
	notes_add(&x->notes, &(struct note){
	                             .id = x->id.buf,
	                             .aliases = &aliases,
	                             .weight = WEIGHT_ORDINARY,
	                             .severity = SEVERITY_ERROR,
	                             .part = x->case_follows ? PART_OF_BEFORE : PART_OF_NONE,
	                             .place = &x->place,
	                             .finding = -1,
	                     });
	strv_release(&aliases);
	x->case_follows = false;
	x->case_open = x->in_section;
	x->in_section = false;
}

/* What follows tells of another case. */
static void note_pass(struct extractor *x, const char *name, size_t len)
{
	name_case(x, name, len, SPELLING_ID);
	passed_cases_add(&x->passed, x->id.buf);
	x->case_follows = x->case_open = x->in_section = false;
}

/* --- Reports: an id that waits for the function that is guilty --- */

/* In the place of {function}, or behind " in "; an empty one adds nothing. */
static void add_function(struct str *text, const char *function)
{
	static const char mark[] = "{function}";
	const char *place = strstr(text->buf, mark);
	char *rest;

	if (place) {
		rest = mem_strdup(place + strlen(mark));
		str_set_len(text, (size_t)(place - text->buf));
		str_addf(text, "%s%s", function, rest);
		free(rest);
	} else if (*function) {
		str_addf(text, " in %s", function);
	}
}

static void close_report(
        struct extractor *x, struct report *report, const char *function, size_t len)
{
	struct naming naming = naming_of(report->log, report->rule);
	struct place place = { report->raw.buf, report->raw.len, report->number, report->offset };

	report->open = false;
	x->open_reports--;
	if (function) {
		str_clear(&report->function);
		str_add_bytes(&report->function, function, len);
	}
	add_function(&report->text, report->function.buf);
	if (report->function.len && !is_build(report->log))
		naming.function = report->function.buf;
	naming.finding = report->finding;
	note_text(x, &naming, report->text.buf, report->text.len, &place, report->raw.buf,
	        report->raw.len);
}

static bool is_of(
        const struct report *report, enum rule_log log, const struct kernel_prefix *prefix)
{
	size_t len = strlen(report->caller);

	if (!report->open || report->log != log)
		return false;
	return !prefix ||
	       (len == prefix->caller_len &&
	               !memcmp(report->caller, prefix->caller ? prefix->caller : "", len));
}

static void close_reports(
        struct extractor *x, enum rule_log log, const struct kernel_prefix *prefix)
{
	for (size_t i = 0; i < REPORTS_MAX && x->open_reports; i++)
		if (is_of(&x->reports[i], log, prefix))
			close_report(x, &x->reports[i], NULL, 0);
}

/* Shows a line to the reports that wait.  True: it is a frame of one. */
static bool show_to_reports(struct extractor *x, enum rule_log log,
        const struct kernel_prefix *prefix, const char *text, size_t len)
{
	struct pattern_group function = { NULL, 0 };
	bool frame, helper;

	if (!x->open_reports)
		return false;
	frame = rules_frame(x->rules, log, text, len, &function);
	helper = frame && rules_is_helper(x->rules, function.text, function.len);
	for (size_t i = 0; i < REPORTS_MAX; i++) {
		struct report *report = &x->reports[i];

		if (!is_of(report, log, prefix))
			continue;
		if (frame && !helper)
			close_report(x, report, function.text, function.len);
		else if (++report->lines > REPORT_LINES)
			close_report(x, report, NULL, 0);
	}
	return frame;
}

static struct report *free_report(struct extractor *x)
{
	struct report *oldest = &x->reports[0];

	for (size_t i = 0; i < REPORTS_MAX; i++) {
		if (!x->reports[i].open)
			return &x->reports[i];
		if (x->reports[i].number < oldest->number)
			oldest = &x->reports[i];
	}
	close_report(x, oldest, NULL, 0);
	return oldest;
}

static void open_report(struct extractor *x, enum rule_log log, const struct kernel_prefix *prefix,
        const struct rule_hit *hit, const char *function, const char *text, size_t len)
{
	struct report *report = free_report(x);

	report->open = true;
	x->open_reports++;
	report->log = log;
	report->rule = hit->rule;
	report->lines = 0;
	report->number = x->place.number;
	report->offset = x->place.offset;
	report->finding = notes_reserve(&x->notes, hit->part, hit->rule->severity, x->place.number);
	snprintf(report->caller, sizeof(report->caller), "%.*s",
	        prefix && prefix->caller ? (int)prefix->caller_len : 0,
	        prefix && prefix->caller ? prefix->caller : "");
	str_setf(&report->function, "%s", function);
	str_clear(&report->raw);
	str_add_bytes(&report->raw, text, len);
	str_setf(&report->text, "%s", x->text.buf);
}

/* --- A line that a rule knows --- */

static void note_hit(struct extractor *x, enum rule_log log, const struct rule_hit *hit,
        const struct kernel_prefix *prefix, const char *text, size_t len, const char *raw,
        size_t raw_len)
{
	struct naming naming = naming_of(log, hit->rule);
	struct str function = STR_INIT;

	naming.part = hit->part;
	str_clear(&x->text);
	if (hit->rule && hit->rule->id)
		pattern_expand(&x->text, hit->rule->id, hit->groups);
	else
		str_add_bytes(&x->text, text, len);
	if (hit->rule && hit->rule->function)
		pattern_expand(&function, hit->rule->function, hit->groups);
	if (hit->rule && x->open_reports && naming.part != PART_OF_BEFORE)
		close_reports(x, log, prefix);
	if (hit->rule && hit->rule->function &&
	        (!function.len || rules_is_helper(x->rules, function.buf, function.len))) {
		open_report(x, log, prefix, hit, function.buf, text, len);
	} else {
		if (function.len) {
			add_function(&x->text, function.buf);
			naming.function = function.buf;
		}
		if (!hit->rule)
			naming.weight = WEIGHT_PLAIN;
		note_text(x, &naming, x->text.buf, x->text.len, &x->place, raw, raw_len);
	}
	str_release(&function);
}

static void ask(
        struct extractor *x, enum rule_log log, const struct rule_line *line, struct rule_hit *hit)
{
	rules_ask(x->rules, log, line, x->tired, hit);
	if (hit->gave_up) {
		x->gave_up++;
		x->gave_up_rule = hit->gave_up->name;
	}
	if (hit->mark) {
		x->boots |= !strcmp(hit->mark->name, "boot-begins");
		x->userspace |= !strcmp(hit->mark->name, "userspace-runs");
		x->notes.callers[x->notes.now].in_stack |= !strcmp(hit->mark->name, "stack-begins");
		if (!strcmp(hit->mark->name, "section-begins")) {
			x->in_section = true;
			x->case_open = x->case_follows = false;
		}
	}
}

/* --- Tracebacks --- */

/* The error of a traceback that has ended, in the log's own naming. */
static void note_traceback(struct extractor *x, enum rule_log log)
{
	struct traceback *t = &x->traceback;
	struct place place = { t->text.buf, t->text.len, t->number, t->offset };
	struct naming naming = naming_of(log, NULL);
	struct strv aliases = STRV_INIT;

	naming.severity = t->crash ? SEVERITY_CRASH : SEVERITY_ERROR;
	if (x->case_open)
		naming.part = PART_OF_BEFORE;
	note_text(x, &naming, t->text.buf, t->text.len, &place, t->text.buf, t->text.len);
	for (size_t i = 0; i < t->others.n; i++)
		add_alias(x, &aliases, log, t->others.v[i], strlen(t->others.v[i]));
	if (x->id.len)
		notes_add_aliases(&x->notes, x->id.buf, &aliases);
	strv_release(&aliases);
	x->case_follows = true;
}

/* True: the line belongs to a traceback and is done with. */
static bool read_traceback(struct extractor *x, enum rule_log log, const char *text, size_t len)
{
	switch (traceback_read(&x->traceback, text, len, x->place.number, x->place.offset)) {
	case TRACEBACK_WITHIN:
		return true;
	case TRACEBACK_ENDED:
		note_traceback(x, log);
		return true;
	case TRACEBACK_CUT:
		note_traceback(x, log);
		return read_traceback(x, log, text, len);
	case TRACEBACK_NOT:
		break;
	}
	return false;
}

/* --- The kinds of log --- */

static void read_build(
        struct extractor *x, const char *raw, size_t raw_len, const char *text, size_t len)
{
	enum rule_log log = x->frame == IN_FRAME ? RULES_BUILD_FRAME : RULES_BUILD;
	struct rule_hit hit;

	if (*text == '#' && str_has_prefix(text, "## ____")) {
		if (str_has_suffix(text, ":stderr"))
			x->frame = IN_FRAME;
		else if (str_has_suffix(text, ":enderr"))
			x->frame = BETWEEN_FRAMES;
		return;
	}
	if (x->frame == BETWEEN_FRAMES || read_traceback(x, log, text, len))
		return;
	if (show_to_reports(x, log, NULL, text, len))
		return;
	ask(x, log, &(struct rule_line){ text, len, 0, false }, &hit);
	if (hit.rule && !hit.ignored)
		note_hit(x, log, &hit, NULL, text, len, raw, raw_len);
}

static void read_stderr(
        struct extractor *x, const char *raw, size_t raw_len, const char *text, size_t len)
{
	struct pattern_group function;
	struct rule_hit hit;

	if (read_traceback(x, RULES_STDERR, text, len))
		return;
	show_to_reports(x, RULES_STDERR, NULL, text, len);
	ask(x, RULES_STDERR, &(struct rule_line){ text, len, 0, false }, &hit);
	if (hit.ignored || (!hit.rule && rules_frame(x->rules, RULES_STDERR, text, len, &function)))
		return;
	if (hit.rule && (hit.rule->id || hit.rule->function)) {
		note_hit(x, RULES_STDERR, &hit, NULL, text, len, raw, raw_len);
	} else {
		struct naming naming = naming_of(RULES_STDERR, hit.rule);

		if (!hit.rule)
			naming.weight = WEIGHT_PLAIN;
		else
			close_reports(x, RULES_STDERR, NULL);
		note_text(x, &naming, text, len, &x->place, raw, raw_len);
	}
}

static void read_dmesg(
        struct extractor *x, const char *text, size_t len, const struct kernel_prefix *prefix)
{
	struct caller *caller = notes_hear(
	        &x->notes, prefix->caller ? prefix->caller : "", prefix->caller_len, x->place.number);
	struct rule_hit hit;

	text += prefix->len;
	len -= prefix->len;
	if (lockdep_read(&x->lockdep, text, len, prefix->caller, prefix->caller_len)) {
		struct naming naming = naming_of(RULES_DMESG, NULL);

		naming.severity = SEVERITY_ERROR;
		naming.part = PART_OF_BEFORE;
		note_text(x, &naming, x->lockdep.text.buf, x->lockdep.text.len, &x->place, NULL, 0);
		return;
	}
	if (show_to_reports(x, RULES_DMESG, prefix, text, len))
		return;
	ask(x, RULES_DMESG, &(struct rule_line){ text, len, 0, false }, &hit);
	if (hit.rule && hit.rule->once && caller->in_stack)
		return;
	if (hit.rule && !hit.ignored) {
		caller->in_stack = false;
		note_hit(x, RULES_DMESG, &hit, prefix, text, len, text, len);
		x->case_follows = true;
	}
}

/* "<3>[", "kern  :err   : [", and "3,1234,5678,-;" of /dev/kmsg.  No level is no error. */
static bool is_error_level(const char *text)
{
	static const char *const words[] = { "emerg", "alert", "crit", "err" };
	const char *level;

	if (text[0] == '<' && text[1] >= '0' && text[1] <= '9')
		return (strtoul(text + 1, NULL, 10) & LEVEL_MASK) <= 3;
	if (text[0] >= '0' && text[0] <= '9' && text[strspn(text, "0123456789")] == ',')
		return (strtoul(text, NULL, 10) & LEVEL_MASK) <= 3;
	level = text + strspn(text, "abcdefghijklmnopqrstuvwxyz");
	level += strspn(level, " ");
	if (level == text || *level != ':')
		return false;
	level++;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (str_has_prefix(level, words[i]) && strchr(" :", level[strlen(words[i])]))
			return true;
	return false;
}

static void read_kmsg(struct extractor *x, const char *text, size_t len)
{
	bool level = is_error_level(text);
	struct kernel_prefix prefix;
	struct naming naming;
	struct rule_hit hit;

	kernel_prefix(&prefix, text, len);
	text += prefix.len;
	len -= prefix.len;
	ask(x, RULES_KMSG, &(struct rule_line){ text, len, 0, false }, &hit);
	if ((!level && !hit.rule) || hit.ignored)
		return;
	naming = naming_of(RULES_KMSG, hit.rule);
	if (!hit.rule)
		naming.severity = SEVERITY_ERROR;
	note_text(x, &naming, text, len, &x->place, text, len);
}

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
	return tap != TAP_NONE;
}

/* What a case of JUnit failed with, if it is more than the case's own words. */
static void note_failure_of_case(struct extractor *x)
{
	const struct str *failure = &x->junit.failure;
	struct rule_line line = { .text = failure->buf, .len = failure->len, .no_cases = true };
	struct naming naming;
	struct rule_hit hit;

	ask(x, RULES_TEST, &line, &hit);
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

static void read_test(
        struct extractor *x, const char *raw, size_t raw_len, const char *text, size_t len)
{
	struct rule_line line = { .text = text, .len = len };
	struct kernel_prefix prefix;
	struct rule_hit hit;

	if (x->xml) {
		read_junit(x, text, len);
		return;
	}
	if (pytest_read(&x->pytest, text))
		for (size_t i = 0; i < x->pytest.files.n; i++)
			note_pass(x, x->pytest.files.v[i], strlen(x->pytest.files.v[i]));
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
	if (read_tap(x, text, len))
		return;
	line.skip = strspn(text, "# \t"); /* TAP diagnostics */
	line.no_cases = memchr(text, '#', line.skip);
	if (show_to_reports(x, RULES_TEST, NULL, text, len))
		return;
	ask(x, RULES_TEST, &line, &hit);
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
		if (x->text.len)
			note_case(x, x->text.buf, x->text.len, x->text.len);
	} else {
		/* What a point says of its failure stands in comments behind it. */
		if (line.no_cases || x->case_open)
			hit.part = PART_OF_BEFORE;
		if (hit.rule->id || hit.rule->function) {
			note_hit(x, RULES_TEST, &hit, NULL, text + line.skip, len - line.skip, raw,
			        raw_len);
		} else {
			struct naming naming = naming_of(RULES_TEST, hit.rule);

			naming.part = hit.part;
			note_text(x, &naming, text + line.skip, len - line.skip, &x->place, raw,
			        raw_len);
		}
		x->case_follows |= !line.no_cases;
	}
}

/* "2024-01-02T10:00:00.1234567Z ", which runners of CI and `docker logs -t` write in front of each line: its length, or 0. */
static size_t runner_time(const char *text, size_t len)
{
	static const char form[] = "0000-00-00T00:00:00";
	size_t n = sizeof(form) - 1;

	if (len <= n || text[4] != '-' || text[10] != 'T')
		return 0;
	for (size_t i = 0; i < n; i++)
		if (form[i] == '0' ? text[i] < '0' || text[i] > '9' : text[i] != form[i])
			return 0;
	if (text[n] == '.')
		n += 1 + strspn(text + n + 1, "0123456789");
	if (text[n] != 'Z')
		return 0;
	/* blanks at the end of a line are gone */
	return text[n + 1] == ' ' ? n + 2 : n + 1 == len ? n + 1 : 0;
}

void extractor_read(struct extractor *x, const char *raw, size_t raw_len)
{
	const char *text = x->place.text;
	size_t len = x->place.len;
	struct kernel_prefix prefix;

	x->notes.now = 0;
	if (x->source == SOURCE_BUILD || x->source == SOURCE_TEST) {
		size_t time = runner_time(text, len), raw_time = time ? runner_time(raw, raw_len) : 0;

		text += time;
		len -= time;
		raw += raw_time;
		raw_len -= raw_time;
		if (time && !len) {
			extractor_read_blank(x);
			return;
		}
	}
	switch (x->source) {
	case SOURCE_BUILD:
		read_build(x, raw, raw_len, text, len);
		break;
	case SOURCE_STDERR:
		read_stderr(x, raw, raw_len, text, len);
		break;
	case SOURCE_DMESG:
		kernel_prefix(&prefix, text, len);
		read_dmesg(x, text, len, &prefix);
		break;
	case SOURCE_KMSG:
		read_kmsg(x, text, len);
		break;
	case SOURCE_TEST:
		read_test(x, raw, raw_len, text, len);
		break;
	case SOURCE_NKINDS:
		break;
	}
}

static enum rule_log log_of(const struct extractor *x)
{
	static const enum rule_log logs[SOURCE_NKINDS] = {
		[SOURCE_BUILD] = RULES_BUILD,
		[SOURCE_STDERR] = RULES_STDERR,
		[SOURCE_DMESG] = RULES_DMESG,
		[SOURCE_KMSG] = RULES_KMSG,
		[SOURCE_TEST] = RULES_TEST,
	};

	return logs[x->source];
}

void extractor_read_blank(struct extractor *x)
{
	if (x->traceback.kind != TRACEBACK_NONE)
		(void)read_traceback(x, log_of(x), "", 0);
}

void extractor_flush(struct extractor *x)
{
	if (traceback_end(&x->traceback))
		note_traceback(x, log_of(x));
	for (int log = 0; log < RULES_NLOGS; log++)
		close_reports(x, (enum rule_log)log, NULL);
}

void extractor_note_hang(struct extractor *x)
{
	static const char text[] =
	        "the kernel began to start, and no program ran before the time was over";

	if (!x->boots || x->userspace)
		return;
	notes_add(&x->notes, &(struct note){
	                             .id = "dmesg.BUG:kernel_hang_in_boot_stage",
	                             .weight = WEIGHT_ALWAYS,
	                             .severity = SEVERITY_CRASH,
	                             .part = PART_OF_BEFORE,
	                             .place = &(struct place){ text, strlen(text), 0, 0 },
	                             .finding = -1,
	                     });
}
