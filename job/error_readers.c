/* What a line of each kind of log is; of a test's output: error_test.c. */
#include "job/error_readers.h"

#include "job/error_naming.h"
#include "job/lkp_stats.h"

#define LEVEL_MASK 7 /* of a number of syslog: above it is who wrote */

/* --- Tracebacks --- */

/* Of the case whose section is read, or whose thread panicked: Rust's harness gives it the case's name. */
static int64_t finding_of_case(struct extractor *x, enum rule_log log)
{
	static const char thread[] = "thread '";
	const char *name = x->traceback.text.buf + strlen(thread);
	int64_t finding = finding_of_section(x, log);
	struct case_section *section;

	if (finding >= 0 || log != RULES_TEST || !str_has_prefix(x->traceback.text.buf, thread))
		return finding;
	section = case_sections_find(&x->sections, name, strcspn(name, "'"));
	if (!section || section->finding < 0)
		return -1;
	notes_continue(&x->notes, (uint32_t)section->finding, x->place.number);
	return section->finding;
}

/* The error of a traceback that has ended, in the log's own naming. */
static void note_traceback(struct extractor *x, enum rule_log log)
{
	struct traceback *t = &x->traceback;
	struct place place = { t->text.buf, t->text.len, t->number, t->offset };
	struct naming naming = naming_of(log, NULL);
	struct strv aliases = STRV_INIT;

	naming.severity = t->crash ? SEVERITY_CRASH : SEVERITY_ERROR;
	naming.finding = finding_of_case(x, log);
	if (x->case_open || naming.finding >= 0)
		naming.part = PART_OF_BEFORE;
	else if (t->holds_others)
		naming.part = PART_OF_NEXT;
	else if (t->wraps && (naming.finding = notes_wrap(&x->notes, x->cause.buf)) >= 0)
		notes_continue(&x->notes, (uint32_t)naming.finding, t->number);
	note_text(x, &naming, t->text.buf, t->text.len, &place, t->text.buf, t->text.len);
	for (size_t i = 0; i < t->others.n; i++)
		add_alias(x, &aliases, log, t->others.v[i], strlen(t->others.v[i]));
	if (x->id.len)
		notes_add_aliases(&x->notes, x->id.buf, &aliases);
	strv_release(&aliases);
	str_setf(&x->cause, "%s", x->id.buf);
	x->case_follows |= naming.finding < 0 || naming.part == PART_OF_NONE;
}

/* Lines that were held for a traceback and are not of it: each as if it came now. */
static void read_held(struct extractor *x)
{
	struct traceback_held held = x->traceback.held;
	struct place now = x->place;

	x->traceback.held.lines = (struct strv)STRV_INIT;
	for (size_t i = 0; i < held.lines.n; i++) {
		const char *line = held.lines.v[i];

		x->place = (struct place){ line, strlen(line), held.numbers[i], held.offsets[i] };
		if (*line)
			extractor_read(x, line, strlen(line));
		else
			extractor_read_blank(x);
	}
	x->place = now;
	strv_release(&held.lines);
}

bool read_traceback(struct extractor *x, enum rule_log log, const char *text, size_t len)
{
	switch (traceback_read(&x->traceback, text, len, x->place.number, x->place.offset)) {
	case TRACEBACK_WITHIN:
		return true;
	case TRACEBACK_ENDED:
		note_traceback(x, log);
		return true;
	case TRACEBACK_CUT:
		note_traceback(x, log);
		read_held(x);
		return read_traceback(x, log, text, len);
	case TRACEBACK_LEFT:
		read_held(x);
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
		else if (str_has_suffix(text, ":enderr") || str_has_suffix(text, ":stdout") || str_has_suffix(text, ":endout"))
			x->frame = BETWEEN_FRAMES;
		return;
	}
	if (x->frame == BETWEEN_FRAMES || read_traceback(x, log, text, len))
		return;
	if (show_to_reports(x, log, NULL, text, len))
		return;
	ask_rules(x, log, &(struct rule_line){ text, len, 0, false }, &hit);
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
	ask_rules(x, RULES_STDERR, &(struct rule_line){ text, len, 0, false }, &hit);
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

/* What ends a report that waits for its function. */
static void read_mark(
        struct extractor *x, const char *mark, struct caller *caller, const struct kernel_prefix *prefix)
{
	bool dump = !strcmp(mark, "dump-begins");

	if (dump)
		caller->in_stack = false;
	if (dump || !strcmp(mark, "report-ends"))
		close_reports(x, RULES_DMESG, prefix);
}

void read_dmesg(
        struct extractor *x, const char *text, size_t len, const struct kernel_prefix *prefix)
{
	struct caller *caller = notes_hear(
	        &x->notes, prefix->caller ? prefix->caller : "", prefix->caller_len, x->place.number);
	bool aside = caller->aside;
	struct rule_hit hit;

	caller->aside = false;
	text += prefix->len;
	len -= prefix->len;
	if (lockdep_read(&x->lockdep, text, len, prefix->caller, prefix->caller_len)) {
		struct naming naming = naming_of(RULES_DMESG, NULL);

		naming.severity = SEVERITY_ERROR;
		naming.part = PART_OF_BEFORE;
		naming.telling = true;
		note_text(x, &naming, x->lockdep.text.buf, x->lockdep.text.len, &x->place, x->lockdep.as_lkp.buf,
		        x->lockdep.as_lkp.len);
		return;
	}
	/* The blanks in front tell whose stack it is. */
	if (!aside && show_to_reports(x, RULES_DMESG, prefix, text - prefix->blanks, len + prefix->blanks))
		return;
	ask_rules(x, RULES_DMESG, &(struct rule_line){ text, len, 0, false }, &hit);
	if (hit.mark)
		read_mark(x, hit.mark->name, caller, prefix);
	if (hit.rule && hit.rule->once && caller->in_stack && !caller->stalled)
		return;
	if (hit.rule && !hit.ignored) {
		caller->in_stack = false;
		caller->stalled = hit.mark && !strcmp(hit.mark->name, "stall-begins");
		note_hit(x, RULES_DMESG, &hit, prefix, text, len, text, len);
		if (hit.mark && !strcmp(hit.mark->name, "death-known") &&
		        notes_current(&x->notes, x->place.number, &x->died_finding))
			x->died_line = x->place.number;
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
	ask_rules(x, RULES_KMSG, &(struct rule_line){ text, len, 0, false }, &hit);
	if ((!level && !hit.rule) || hit.ignored)
		return;
	naming = naming_of(RULES_KMSG, hit.rule);
	if (!hit.rule)
		naming.severity = SEVERITY_ERROR;
	note_text(x, &naming, text, len, &x->place, text, len);
}

/* "test.ltp.exit_code.1: 1" of lkp's last_state: what its stats.json has, read in the same way. */
static void read_last_state(struct extractor *x, const char *text, size_t len)
{
	const char *colon = memrchr(text, ':', len);
	struct strv aliases = STRV_INIT;
	struct str key = STR_INIT;

	if (!colon || colon == text || colon[1] != ' ' || !colon[2] || colon[2 + strspn(colon + 2, "0123456789")] ||
	        !colon[2 + strspn(colon + 2, "0")] || memchr(text, ' ', (size_t)(colon - text)) ||
	        memchr(text, '\t', (size_t)(colon - text)))
		return;
	str_setf(&key, "last_state.%.*s", (int)(colon - text), text);
	x->incomplete |= !strcmp(key.buf, LKP_STATS_INCOMPLETE);
	if (lkp_stat_is_error(key.buf)) {
		stats_log_id(&x->id, key.buf);
		strv_push(&aliases, key.buf);
		notes_add(&x->notes, &(struct note){
		                             .id = x->id.buf,
		                             .weight = WEIGHT_ORDINARY,
		                             .severity = lkp_stat_severity(key.buf),
		                             .aliases = &aliases,
		                             .place = &x->place,
		                             .finding = -1,
		                     });
	}
	strv_release(&aliases);
	str_release(&key);
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
	case SOURCE_LAST_STATE:
		read_last_state(x, text, len);
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
		[SOURCE_LAST_STATE] = RULES_NAME,
		[SOURCE_TEST] = RULES_TEST,
	};

	return logs[x->source];
}

void extractor_read_blank(struct extractor *x)
{
	unittest_read_blank(&x->unittest);
	if (x->traceback.kind != TRACEBACK_NONE)
		(void)read_traceback(x, log_of(x), "", 0);
}

void extractor_flush(struct extractor *x)
{
	/* A line that was held may begin another. */
	while (x->traceback.kind != TRACEBACK_NONE) {
		if (traceback_end(&x->traceback))
			note_traceback(x, log_of(x));
		read_held(x);
	}
	/* A program of tests that is run by itself names no package; of go test it was killed. */
	x->incomplete |= x->go.n && (!x->go.ended || x->go.any_package);
	note_go_package(x, "", 0);
	for (size_t i = 0; i < x->pytest.files.n && pytest_is_sure(&x->pytest); i++)
		note_pass(x, x->pytest.files.v[i], strlen(x->pytest.files.v[i]));
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
