#include <signal.h>

#include "base/mem.h"
#include "job/extractor.h"
#include "job/line_filter.h"
#include "job/rule_literals.h"

#define GIVE_UPS_MAX                                                                               \
	100 /* a pattern that gave up so often is not tried again: it costs milliseconds a line */
#define XML_START 10 /* bytes that tell whether a line begins a JUnit report */

static void set_match(struct extractor *x, struct pattern *pattern, const char *match)
{
	struct strv literals = STRV_INIT;
	bool known, caseless = false;

	if (!match)
		return;
	known = rule_literals(&literals, &caseless, match);
	x->match = pattern;
	x->match_id = errorid_of_match(match);
	x->match_filter = line_filter_new();
	line_filter_add(x->match_filter, known ? &literals : NULL, caseless);
	strv_release(&literals);
}

int extractor_new(struct extractor **ret, enum error_source source, const char *suite,
        const char *match, struct error *err)
{
	struct extractor *x;
	const struct rules *rules;
	struct pattern *pattern = NULL;
	int r = rules_standard(&rules, err);

	if (r < 0)
		return r;
	if ((unsigned)source >= SOURCE_NKINDS)
		return error_set(err, ERR_INVALID, "no such kind of log: %d", (int)source);
	if (match && pattern_new(&pattern, match, err) < 0)
		return error_prefix(err, "error.match");

	x = mem_alloc(sizeof(*x));
	x->source = source;
	x->rules = rules;
	x->suite = mem_strdup(suite && *suite ? suite : "test");
	set_match(x, pattern, match);
	x->line_number = 1;
	str_init(&x->line);
	str_init(&x->clean);
	str_init(&x->raw);
	str_init(&x->text);
	str_init(&x->id);
	str_init(&x->rewritten);
	str_init(&x->cause);
	for (size_t i = 0; i < REPORTS_MAX; i++) {
		str_init(&x->reports[i].text);
		str_init(&x->reports[i].raw);
		str_init(&x->reports[i].function);
	}
	notes_init(&x->notes);
	tap_init(&x->tap);
	lockdep_init(&x->lockdep);
	traceback_init(&x->traceback);
	x->traceback.quotes = source == SOURCE_STDERR;
	x->traceback.printed = source == SOURCE_STDERR || source == SOURCE_TEST;
	junit_release(&x->junit);
	unittest_init(&x->unittest);
	stats_log_init(&x->stats);
	*ret = x;
	return 0;
}

void extractor_free(struct extractor *x)
{
	if (!x)
		return;
	for (size_t i = 0; i < REPORTS_MAX; i++) {
		str_release(&x->reports[i].text);
		str_release(&x->reports[i].raw);
		str_release(&x->reports[i].function);
	}
	notes_release(&x->notes);
	tap_release(&x->tap);
	lockdep_release(&x->lockdep);
	traceback_release(&x->traceback);
	junit_release(&x->junit);
	unittest_release(&x->unittest);
	go_cases_clear(&x->go);
	case_sections_release(&x->sections);
	str_release(&x->cause);
	passed_cases_release(&x->passed);
	pytest_release(&x->pytest);
	metrics_release(&x->metrics);
	stats_log_release(&x->stats);
	str_release(&x->line);
	str_release(&x->clean);
	str_release(&x->raw);
	str_release(&x->text);
	str_release(&x->id);
	str_release(&x->rewritten);
	line_filter_free(x->match_filter);
	pattern_free(x->match);
	free(x->match_id);
	free(x->suite);
	free(x);
}

void extractor_expect_lkp_stats(struct extractor *x, bool from_start)
{
	x->stats.expected = true;
	if (from_start)
		stats_log_begin(&x->stats, 1, 0);
}

bool extractor_has_lkp_stats(const struct extractor *x)
{
	return x->stats.open;
}

const char *extractor_lkp_stats_problem(const struct extractor *x)
{
	return x->ended && x->stats.expected && !x->stats.whole ? x->stats.problem.text : NULL;
}

/* --- Lines --- */

static void try_match(struct extractor *x)
{
	enum pattern_answer answer = PATTERN_GAVE_UP;
	uint16_t possible[LINE_FILTER_MAX];

	if (!line_filter_ask(x->match_filter, x->clean.buf, x->clean.len, possible))
		return;
	if (x->match_tired < GIVE_UPS_MAX)
		answer = pattern_match(x->match, x->clean.buf, x->clean.len, NULL);
	if (answer == PATTERN_YES)
		notes_add(&x->notes, &(struct note){
		                             .id = x->match_id,
		                             .weight = WEIGHT_ALWAYS,
		                             .severity = SEVERITY_ERROR,
		                             .place = &x->place,
		                             .finding = -1,
		                     });
	if (answer == PATTERN_GAVE_UP) {
		x->gave_up++;
		x->match_tired++;
		x->gave_up_rule = "match";
	}
}

/* x->clean holds the line, `raw` what it was made of. */
static void read_clean(struct extractor *x, const char *raw, size_t raw_len)
{
	str_trim_right(&x->clean);
	x->place = (struct place){ x->clean.buf, x->clean.len, x->line_number, x->line_offset };
	if (x->match)
		try_match(x);
	x->mark |= x->stats.expected && stats_log_is_mark(x->clean.buf, x->clean.len);
	if (x->stats.open || x->mark)
		return;
	if (x->clean.len || x->tag_closed)
		extractor_read(x, raw, raw_len);
	else
		extractor_read_blank(x);
}

static void read_line(struct extractor *x)
{
	bool clean = line_is_clean(x->line.buf, x->line.len);

	str_clear(&x->clean);
	str_clear(&x->raw);
	if (clean) {
		str_add_bytes(&x->clean, x->line.buf, x->line.len);
	} else {
		clean_line(&x->clean, x->line.buf, x->line.len);
		clean_line_as_lkp(&x->raw, x->line.buf, x->line.len);
	}
	str_clear(&x->line);
	read_clean(x, clean ? x->clean.buf : x->raw.buf, clean ? x->clean.len : x->raw.len);
}

static void add_to_line(struct extractor *x, const char *bytes, size_t len)
{
	size_t room = ERRORID_LINE_MAX - x->line.len;

	str_add_bytes(&x->line, bytes, len < room ? len : room);
	/* The end tells whether it is that of a comment. */
	for (size_t i = room; x->xml && i < len; i++) {
		if (i + 2 < len)
			i = len - 2;
		x->line.buf[ERRORID_LINE_MAX - 2] = x->line.buf[ERRORID_LINE_MAX - 1];
		x->line.buf[ERRORID_LINE_MAX - 1] = bytes[i];
	}
	x->in_line |= len > 0;
}

/* In XML a tag is what a line is elsewhere: a report may be one line of megabytes. */
static void add_text(struct extractor *x, const char *bytes, size_t len)
{
	const char *gt;

	if (x->source == SOURCE_TEST && !x->xml && x->line.len < XML_START) {
		size_t part = XML_START - x->line.len < len ? XML_START - x->line.len : len;

		add_to_line(x, bytes, part);
		bytes += part;
		len -= part;
		x->xml = junit_begins(x->line.buf, x->line.len);
		if (x->xml && x->line.buf[x->line.len - 1] == '>')
			read_line(x);	/* too short for a tag of ours */
	}
	while (x->xml && len && (gt = memchr(bytes, '>', len))) {
		size_t part = (size_t)(gt - bytes);

		add_to_line(x, bytes, part);
		x->tag_closed = true;
		if (x->line.len || x->junit.in_tag)
			read_line(x);
		x->tag_closed = false;
		x->in_line = true;
		bytes += part + 1;
		len -= part + 1;
	}
	add_to_line(x, bytes, len);
}

/* A carriage return ends a line for reading, as progress bars use it, but not for counting. */
static void feed_within_line(struct extractor *x, const char *bytes, size_t len)
{
	const char *cr;

	while (len && (cr = memchr(bytes, '\r', len))) {
		size_t part = (size_t)(cr - bytes);

		add_text(x, bytes, part);
		x->in_line = true;
		if (x->line.len)
			read_line(x);
		bytes += part + 1;
		len -= part + 1;
	}
	add_text(x, bytes, len);
}

/* A whole line of a kind that needs no second look: most of them. */
static bool feed_plain_line(struct extractor *x, const char *bytes, size_t len)
{
	if (len && bytes[len - 1] == '\r')
		len--;
	if (x->in_line || x->xml || len > ERRORID_LINE_MAX || (len && *bytes == '<') ||
	        !line_is_clean(bytes, len))
		return false;
	str_clear(&x->clean);
	str_add_bytes(&x->clean, bytes, len);
	read_clean(x, x->clean.buf, x->clean.len);
	return true;
}

/* A UTF-8 byte order mark at the beginning of a log is none of its text.  It may come in pieces. */
static size_t feed_byte_order_mark(struct extractor *x, const char *bytes, size_t len)
{
	static const char mark[] = "\xef\xbb\xbf";
	size_t i = 0;

	while (i < len && x->byte_order_mark < 3 && bytes[i] == mark[x->byte_order_mark]) {
		x->byte_order_mark++;
		i++;
	}
	if (x->byte_order_mark < 3 && i == len)
		return i;
	if (x->byte_order_mark < 3)
		add_text(x, mark, x->byte_order_mark);
	x->byte_order_mark = 4;
	return i;
}

void extractor_feed(struct extractor *x, const char *bytes, size_t len)
{
	const char *nl;

	if (x->byte_order_mark <= 3 && len) {
		size_t part = feed_byte_order_mark(x, bytes, len);

		x->offset += part;
		bytes += part;
		len -= part;
	}
	while (len && (nl = memchr(bytes, '\n', len))) {
		size_t part = (size_t)(nl - bytes);

		stats_log_feed(&x->stats, bytes, part + 1);
		if (!feed_plain_line(x, bytes, part)) {
			feed_within_line(x, bytes, part);
			if (x->line.len)
				read_line(x);
		}
		x->line_number++;
		x->in_line = false;
		x->offset += part + 1;
		x->line_offset = x->offset;
		if (x->mark)
			stats_log_begin(&x->stats, x->line_number, x->line_offset);
		x->mark = false;
		bytes += part + 1;
		len -= part + 1;
	}
	if (len) {
		stats_log_feed(&x->stats, bytes, len);
		feed_within_line(x, bytes, len);
		x->offset += len;
	}
}

/* --- The end --- */

/* The signal that ended the run, directly or as a shell tells it (128 + signal); 0 for none. */
static int fatal_signal(int exit_status, int signal)
{
	static const int fatal[] = { SIGHUP, SIGINT, SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGBUS,
		SIGFPE, SIGKILL, SIGSEGV, SIGPIPE, SIGTERM, SIGXCPU, SIGXFSZ, SIGSYS };

	if (signal > 0)
		return signal;
	for (size_t i = 0; i < sizeof(fatal) / sizeof(fatal[0]); i++)
		if (exit_status == 128 + fatal[i])
			return fatal[i];
	return 0;
}

static void note_end(struct extractor *x, int exit_status, int signal, bool timed_out)
{
	struct str words = STR_INIT;
	struct strv aliases = STRV_INIT;

	if (timed_out) {
		str_setf(&x->id, "last_state.timeout");
		str_add(&words, "timed out");
	} else if (signal) {
		const char *name = sigabbrev_np(signal);

		if (name)
			str_setf(&x->id, "last_state.signal_%s", name);
		else
			str_setf(&x->id, "last_state.signal_%d", signal);
		str_addf(&words, "ended by signal %d", signal);
		if (sigdescr_np(signal))
			str_addf(&words, " (%s)", sigdescr_np(signal));
	} else {
		str_setf(&x->id, "last_state.exit_%d", exit_status);
		strv_push(&aliases, "last_state.exit_fail");
		str_addf(&words, "exit status %d", exit_status);
	}
	notes_open_worst(&x->notes);
	notes_add(&x->notes, &(struct note){
	                             .id = x->id.buf,
	                             .weight = WEIGHT_ALWAYS,
	                             .severity = signal ? SEVERITY_CRASH : SEVERITY_ERROR,
	                             .part = PART_OF_BEFORE,
	                             .place = &(struct place){ words.buf, words.len, 0, 0 },
	                             .finding = -1,
	                             .aliases = &aliases,
	                     });
	strv_release(&aliases);
	str_release(&words);
}

void extractor_end(struct extractor *x, int exit_status, int signal, bool timed_out)
{
	if (x->ended)
		return;
	x->ended = true;
	if (x->line.len)
		read_line(x);
	extractor_flush(x);
	if (x->stats.expected)
		stats_log_end(&x->stats, &x->notes, &x->metrics);

	signal = fatal_signal(exit_status, signal);
	if (timed_out || signal || exit_status)
		note_end(x, exit_status, signal, timed_out);
	if (timed_out)
		extractor_note_hang(x);
	notes_choose(&x->notes);
	for (size_t i = 0; i < x->notes.n; i++)
		passed_cases_remove(&x->passed, x->notes.found[i].id);
	if (timed_out || signal || x->gave_up || x->incomplete || (x->notes.dropped && !x->match))
		x->ran_to_its_end = false;
	else if (x->stats.expected)
		x->ran_to_its_end = x->stats.whole && !tap_is_broken(&x->tap);
	else if (exit_status == 0)
		x->ran_to_its_end = !tap_is_broken(&x->tap);
	else
		x->ran_to_its_end = tap_is_complete(&x->tap);
}

size_t extractor_results(const struct extractor *x, const struct found_error **ret)
{
	*ret = x->notes.found;
	return x->notes.n;
}

uint64_t extractor_lines(const struct extractor *x)
{
	return x->line_number - 1 + x->in_line;
}

uint64_t extractor_dropped(const struct extractor *x)
{
	return x->notes.dropped;
}

uint64_t extractor_gave_up(const struct extractor *x)
{
	return x->gave_up;
}

const char *extractor_gave_up_rule(const struct extractor *x)
{
	return x->gave_up_rule;
}

size_t extractor_metrics(const struct extractor *x, const struct found_metric **ret)
{
	*ret = x->metrics.found;
	return x->metrics.n;
}

const char *extractor_rules(const struct extractor *x)
{
	return rules_version(x->rules);
}

bool extractor_ran_to_its_end(const struct extractor *x)
{
	return x->ended && x->ran_to_its_end;
}

/* An error that found no room in the list, or a line that was given up, may be a failure of the same case, and so may what is missing
 * of another program's TAP, or of pytest's output. */
static bool knows_passes(const struct extractor *x)
{
	return x->ended && !x->notes.dropped && !x->gave_up && !x->incomplete && !tap_is_mixed_up(&x->tap) &&
	       !x->pytest.in_session;
}

bool extractor_case_passed(struct extractor *x, const char *asked)
{
	char *plain;
	bool passed;

	if (!knows_passes(x))
		return false;
	for (size_t i = 0; i < x->notes.n; i++)
		if (errorid_is(asked, x->notes.found[i].id, &x->notes.found[i].aliases))
			return false;
	plain = errorid_plain_source(asked);
	passed = passed_cases_has(&x->passed, plain);
	free(plain);
	return passed;
}

char *extractor_passed(struct extractor *x)
{
	return knows_passes(x) ? passed_cases_text(&x->passed) : NULL;
}

size_t extractor_passed_count(struct extractor *x)
{
	return passed_cases_count(&x->passed);
}

char *errorid_of_match(const char *pattern)
{
	struct str id = STR_INIT;

	str_add(&id, "match.");
	normalise_pattern(&id, pattern, strlen(pattern));
	cut_id(&id);
	return str_detach(&id);
}

bool errorid_is_build_source(const char *name, size_t len)
{
	static const char *const builds[] = { "makepkg", "pkgbuild", "rpmbuild" };

	for (size_t i = 0; i < sizeof(builds) / sizeof(*builds); i++)
		if (strlen(builds[i]) == len && !memcmp(builds[i], name, len))
			return true;
	return false;
}

char *errorid_plain_source(const char *asked)
{
	const char *dot = strchr(asked, '.'), *rest = dot;
	struct str id = STR_INIT;

	if (!dot)
		return mem_strdup(asked);
	if (str_has_prefix(dot, ".eid."))
		rest = dot + 4;
	if (errorid_is_build_source(asked, (size_t)(dot - asked)))
		str_add(&id, "build-pkg");
	else
		str_add_bytes(&id, asked, (size_t)(dot - asked));
	str_add(&id, rest);
	return str_detach(&id);
}

bool errorid_is(const char *asked, const char *id, const struct strv *aliases)
{
	char *plain;
	bool same;

	if (!strcmp(asked, id) || (aliases && strv_has(aliases, asked)))
		return true;
	plain = errorid_plain_source(asked);
	same = strcmp(plain, asked) &&
	       (!strcmp(plain, id) || (aliases && strv_has(aliases, plain)));
	free(plain);
	return same;
}

char *errorid_normalise(enum error_source source, const char *line, size_t len)
{
	static const enum rule_log logs[SOURCE_NKINDS] = {
		[SOURCE_BUILD] = RULES_BUILD,
		[SOURCE_STDERR] = RULES_STDERR,
		[SOURCE_DMESG] = RULES_DMESG,
		[SOURCE_KMSG] = RULES_KMSG,
		[SOURCE_LAST_STATE] = RULES_NAME,
		[SOURCE_TEST] = RULES_TEST,
	};
	struct str clean = STR_INIT, id = STR_INIT;
	struct kernel_prefix prefix;
	const struct rules *rules;

	if (rules_standard(&rules, NULL) < 0)
		return NULL;
	clean_line(&clean, line, len < ERRORID_LINE_MAX ? len : ERRORID_LINE_MAX);
	if (source == SOURCE_DMESG || source == SOURCE_KMSG) {
		kernel_prefix(&prefix, clean.buf, clean.len);
		str_remove_front(&clean, prefix.len);
	}
	rules_rewrite(rules, logs[source], SPELLING_ID, &clean);
	normalise(&id, clean.buf, clean.len, source == SOURCE_BUILD ? NORMAL_BUILD : NORMAL_PLAIN,
	        false);
	cut_id(&id);
	str_release(&clean);
	return str_detach(&id);
}
