#include "job/error_naming.h"

#include "base/mem.h"

#define DEATH_LINES 20 /* from the kernel's word that a program died to that of who started it */
#define ALIASES_WHILE 4 /* the first times an id is seen, its other spellings are kept */

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

struct naming naming_of(enum rule_log log, const struct rule *rule)
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

/* " in FUNCTION" behind the text of an id, whatever a rewrite made of its end. */
static void add_place(const struct extractor *x, struct str *ret, enum rule_log log, enum normal_style style,
        const char *function)
{
	struct str name = STR_INIT, place = STR_INIT;

	str_add(&name, function);
	rules_rewrite(x->rules, log, SPELLING_ID, &name);
	/* The last byte of the text tells whether a blank stands there. */
	str_addf(&place, "%c in %s", ret->buf[ret->len - 1], name.buf);
	str_set_len(ret, ret->len - 1);
	normalise(ret, place.buf, place.len, style, false);
	str_release(&place);
	str_release(&name);
}

/* Sets `ret` to the id of a text; empty if nothing is left of it.  `function`: NULL or where it happened, to stand behind it. */
static void make_id(struct extractor *x, struct str *ret, enum rule_log log,
        enum normal_style style, const char *text, size_t len, const char *function, bool as_lkp)
{
	struct str *line = &x->rewritten;
	size_t start;

	str_clear(line);
	str_add_bytes(line, text, len);
	if (!as_lkp || log == RULES_DMESG || log == RULES_KMSG)
		rules_rewrite(x->rules, log, as_lkp ? SPELLING_ALIAS : SPELLING_ID, line);
	str_clear(ret);
	str_add(ret, prefixes[log]);
	str_add_char(ret, '.');
	start = ret->len;
	normalise(ret, line->buf, line->len, style, as_lkp);
	if (log == RULES_STDERR || log == RULES_TEST) {
		if (ret->len < start + 3)
			str_clear(ret);
		else if (ret->buf[start] == '#')
			str_setf(ret, "%s._%s", prefixes[log],
			        str_setf(line, "%s", ret->buf + start));
	} else if (ret->len == start) {
		str_clear(ret);
	}
	if (ret->len && function)
		add_place(x, ret, log, style, function);
	cut_id(ret);
}

void add_alias(struct extractor *x, struct strv *ret, enum rule_log log,
        const char *text, size_t len)
{
	struct str alias = STR_INIT;

	make_id(x, &alias, log, is_build(log) ? NORMAL_BUILD : NORMAL_PLAIN, text, len, NULL, true);
	if (alias.len)
		strv_push(ret, alias.buf);
	str_release(&alias);
}

void note_text(struct extractor *x, const struct naming *naming, const char *text,
        size_t len, const struct place *place, const char *raw, size_t raw_len)
{
	struct strv aliases = STRV_INIT;
	uint64_t count;

	make_id(x, &x->id, naming->log, naming->style, text, len, naming->in_function, false);
	if (!x->id.len)
		return;
	count = raw ? notes_count(&x->notes, x->id.buf) : ALIASES_WHILE;
	if (count < ALIASES_WHILE && (count || notes_has_room(&x->notes, naming->weight)))
		add_alias(x, &aliases, naming->log, raw, raw_len);
	notes_add(&x->notes, &(struct note){
	                             .id = x->id.buf,
	                             .weight = naming->weight,
	                             .severity = naming->severity,
	                             .part = naming->part,
	                             .function = naming->function,
	                             .telling = naming->telling,
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

int64_t finding_of_section(struct extractor *x, enum rule_log log)
{
	struct case_section *section = log == RULES_TEST ? case_sections_open(&x->sections) : NULL;

	if (!section)
		return -1;
	if (section->finding < 0)
		section->finding = notes_reserve(&x->notes, PART_OF_NONE, SEVERITY_ERROR, x->place.number);
	notes_continue(&x->notes, (uint32_t)section->finding, x->place.number);
	return section->finding;
}

static void note_named(struct extractor *x, const char *name, size_t len, size_t own_len, enum rule_part part,
        const struct place *place, int64_t finding)
{
	/* What the case of a section of pytest prints is its own, whatever it looks like. */
	int64_t inner = finding < 0 && x->pytest.in_session ? finding_of_section(x, RULES_TEST) : -1;
	struct case_section *section = NULL;
	struct strv aliases = STRV_INIT;

	if (own_len < len) {
		name_case(x, name + len - own_len, own_len, SPELLING_ID);
		strv_push(&aliases, x->id.buf);
	}
	name_case(x, name, len, SPELLING_ALIAS);
	strv_push(&aliases, x->id.buf);
	name_case(x, name, len, SPELLING_ID);
	if (inner >= 0) {
		finding = inner;
		part = PART_OF_BEFORE;
	} else if (finding < 0 && !notes_count(&x->notes, x->id.buf) && (section = case_sections_case(&x->sections, name, len))) {
		finding = section->finding;
		if (finding >= 0)
			part = PART_OF_NONE;
	}
	notes_add(&x->notes, &(struct note){
	                             .id = x->id.buf,
	                             .aliases = &aliases,
	                             .weight = WEIGHT_ORDINARY,
	                             .severity = SEVERITY_ERROR,
	                             .part = part,
	                             .place = place,
	                             .finding = finding,
	                     });
	if (section)
		section->finding = notes_finding(&x->notes, x->id.buf);
	strv_release(&aliases);
}

static enum rule_part part_of_case(const struct extractor *x)
{
	return x->case_follows ? PART_OF_BEFORE : PART_OF_NONE;
}

static void begin_next_case(struct extractor *x)
{
	x->case_follows = false;
	x->case_open = x->in_section;
	x->in_section = false;
}

void note_case(struct extractor *x, const char *name, size_t len, size_t own_len)
{
	note_named(x, name, len, own_len, part_of_case(x), &x->place, -1);
	begin_next_case(x);
}

void note_go_case(struct extractor *x, const char *name)
{
	enum rule_part part = part_of_case(x);
	struct str shown = STR_INIT;

	str_add_bytes(&shown, x->place.text, x->place.len < GO_CASES_LINE_MAX ? x->place.len : GO_CASES_LINE_MAX);
	go_cases_add(&x->go, &(struct go_case){
	                             .name = (char *)name,
	                             .line = shown.buf,
	                             .number = x->place.number,
	                             .offset = x->place.offset,
	                             .finding = notes_reserve(&x->notes, part, SEVERITY_ERROR, x->place.number),
	                             .part = part == PART_OF_BEFORE,
	                     });
	str_release(&shown);
	begin_next_case(x);
}

void note_go_case_alone(struct extractor *x, const char *name)
{
	note_case(x, name, strlen(name), strlen(name));
	x->incomplete = true;
}

void note_go_package(struct extractor *x, const char *package, size_t len)
{
	struct str name = STR_INIT;

	for (size_t i = 0; i < x->go.n; i++) {
		const struct go_case *one = &x->go.v[i];
		struct place place = { one->line, strlen(one->line), one->number, one->offset };

		str_setf(&name, "%.*s%s%s", (int)len, package, len ? "." : "", one->name);
		note_named(x, name.buf, name.len, strlen(one->name), one->part ? PART_OF_BEFORE : PART_OF_NONE, &place,
		        one->finding);
	}
	go_cases_clear(&x->go);
	str_release(&name);
}

/* What follows tells of another case. */
void note_pass(struct extractor *x, const char *name, size_t len)
{
	name_case(x, name, len, SPELLING_ID);
	passed_cases_add(&x->passed, x->id.buf);
	x->case_follows = x->case_open = x->in_section = false;
}

/* --- Reports: an id that waits for the function that is guilty --- */

/* In the place of {function}; without one it is to stand behind the id, unless it is empty. */
static void add_function(struct str *text, struct naming *naming, const char *function)
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
		naming->in_function = function;
	}
}

/* What a case printed, in its section: the case is what is bisected, whatever that names. */
static void be_of_case(struct naming *naming)
{
	naming->part = PART_OF_BEFORE;
	naming->telling = false;
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
	add_function(&report->text, &naming, report->function.buf);
	if (report->function.len && !is_build(report->log)) {
		naming.function = report->function.buf;
		naming.telling = function;
	}
	naming.finding = report->finding;
	if (report->of_case)
		be_of_case(&naming);
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

void close_reports(
        struct extractor *x, enum rule_log log, const struct kernel_prefix *prefix)
{
	for (size_t i = 0; i < REPORTS_MAX && x->open_reports; i++)
		if (is_of(&x->reports[i], log, prefix))
			close_report(x, &x->reports[i], NULL, 0);
}

/* This is the only line that may tell where it is; true: it does. */
static bool close_at_place(struct extractor *x, struct report *report, const char *text, size_t len)
{
	struct pattern_group groups[PATTERN_GROUPS_MAX];
	bool found = pattern_match(report->rule->place, text, len, groups) == PATTERN_YES && groups[1].len;
	struct str named = STR_INIT;

	if (found) {
		str_add_bytes(&named, groups[1].text, groups[1].len);
		str_addf(&named, ": %s", report->text.buf);
		str_setf(&report->text, "%s", named.buf);
	}
	close_report(x, report, NULL, 0);
	str_release(&named);
	return found;
}

bool show_to_reports(struct extractor *x, enum rule_log log,
        const struct kernel_prefix *prefix, const char *text, size_t len)
{
	struct pattern_group function = { NULL, 0 };
	bool frame, helper;

	if (!x->open_reports)
		return false;
	frame = rules_frame(x->rules, log, text, len, &function);
	helper = frame && rules_is_helper(x->rules, log, function.text, function.len);
	for (size_t i = 0; i < REPORTS_MAX; i++) {
		struct report *report = &x->reports[i];

		if (!is_of(report, log, prefix))
			continue;
		if (report->rule->place) {
			frame = close_at_place(x, report, text, len);
			helper = true;
		} else if (frame && !helper)
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
	int64_t section;

	report->open = true;
	x->open_reports++;
	report->log = log;
	report->rule = hit->rule;
	report->lines = 0;
	report->awaits_next = hit->part == PART_OF_NEXT;
	report->number = x->place.number;
	report->offset = x->place.offset;
	section = finding_of_section(x, log);
	report->of_case = section >= 0;
	report->finding = section >= 0 ? (uint32_t)section
	                               : notes_reserve(&x->notes, notes_part(&x->notes, hit->part, true, x->place.number),
	                                         hit->rule->severity, x->place.number);
	snprintf(report->caller, sizeof(report->caller), "%.*s",
	        prefix && prefix->caller ? (int)prefix->caller_len : 0,
	        prefix && prefix->caller ? prefix->caller : "");
	str_setf(&report->function, "%s", function);
	str_clear(&report->raw);
	str_add_bytes(&report->raw, text, len);
	str_setf(&report->text, "%s", x->text.buf);
}

/* --- A line that a rule knows --- */

static void set_function(const struct extractor *x, struct naming *naming, const char *function)
{
	if (!*function)
		return;
	naming->function = function;
	naming->telling = !rules_is_helper(x->rules, naming->log, function, strlen(function));
}

/* Another error begins: reports before it have ended, but for one that is part of the next. */
static void end_reports(struct extractor *x, enum rule_log log, const struct kernel_prefix *prefix)
{
	for (size_t i = 0; i < REPORTS_MAX && x->open_reports; i++) {
		struct report *report = &x->reports[i];

		if (!is_of(report, log, prefix))
			continue;
		if (!report->awaits_next)
			close_report(x, report, NULL, 0);
		report->awaits_next = false;
	}
}

void note_hit(struct extractor *x, enum rule_log log, const struct rule_hit *hit,
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
		end_reports(x, log, prefix);
	if (hit->rule && hit->rule->place) {
		open_report(x, log, prefix, hit, "", text, len);
	} else if (hit->rule && hit->rule->function &&
	        (!function.len || rules_is_helper(x->rules, log, function.buf, function.len))) {
		open_report(x, log, prefix, hit, function.buf, text, len);
	} else {
		if (function.len) {
			add_function(&x->text, &naming, function.buf);
			set_function(x, &naming, function.buf);
		}
		if (hit->rule && hit->rule->names) {
			pattern_expand(&function, hit->rule->names, hit->groups);
			set_function(x, &naming, function.buf);
		}
		if (!hit->rule)
			naming.weight = WEIGHT_PLAIN;
		if (log == RULES_TEST && (naming.finding = finding_of_section(x, log)) >= 0)
			be_of_case(&naming);
		note_text(x, &naming, x->text.buf, x->text.len, &x->place, raw, raw_len);
	}
	str_release(&function);
}

void ask_rules(struct extractor *x, enum rule_log log, const struct rule_line *line,
        struct rule_hit *hit)
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
		x->notes.callers[x->notes.now].aside |= !strcmp(hit->mark->name, "aside-follows");
		if (!strcmp(hit->mark->name, "death-told") && x->died_line && x->place.number - x->died_line <= DEATH_LINES) {
			notes_continue(&x->notes, x->died_finding, x->place.number);
			hit->part = PART_OF_BEFORE;
		}
		if (!strcmp(hit->mark->name, "section-begins")) {
			x->in_section = true;
			x->case_open = x->case_follows = false;
			case_sections_end(&x->sections);
		}
		if (!strcmp(hit->mark->name, "case-section-begins"))
			case_sections_begin(&x->sections, hit->mark_group.text, hit->mark_group.len);
		else if (!strcmp(hit->mark->name, "case-section-ends"))
			case_sections_end(&x->sections);
	}
}
