#include <signal.h>

#include "base/mem.h"
#include "job/errorid.h"
#include "job/normalise.h"
#include "job/pattern.h"
#include "job/rules.h"
#include "job/tap.h"

#define LINE_SHOWN_MAX 1000
#define TRACEBACK_LINES_MAX 2000
#define GIVE_UPS_MAX                                                                               \
	100 /* a pattern that gave up so often is not tried again: it costs milliseconds a line */
#define SLOTS 4096 /* a power of two, several times ERRORID_COUNT_MAX */

/*
 * Room in the list: plain lines of standard error may not fill it up before the line that matters
 * comes, and the match and the end of the run always find a place.
 */
#define PLAIN_COUNT_MAX (ERRORID_COUNT_MAX / 2)
#define ORDINARY_COUNT_MAX (ERRORID_COUNT_MAX - 2)

_Static_assert(
        (SLOTS & (SLOTS - 1)) == 0 && SLOTS > 2 * ERRORID_COUNT_MAX, "the table stays loose");

static const char traceback_header[] = "Traceback (most recent call last):";

enum weight { PLAIN, ORDINARY, ALWAYS };

/* lkp's package builds frame the standard error in the log; once a frame was seen, only frames
 * count. */
enum frame { NO_FRAMES, IN_FRAME, BETWEEN_FRAMES };

/* The line that an id is noted for. */
struct place {
	const char *text;
	size_t len;
	uint64_t number, offset;
};

struct extractor {
	enum error_source source;
	char *suite;
	struct pattern *match;
	char *match_id;

	struct str line; /* the line so far, at most ERRORID_LINE_MAX of it */
	struct str clean, id;
	uint64_t offset; /* bytes fed */
	uint64_t line_offset;
	uint64_t line_number;
	struct place place;
	bool in_line; /* the line has a byte, kept or passed over */

	enum frame frame;
	bool in_traceback;
	struct place traceback; /* its first line */
	size_t traceback_indent;
	unsigned traceback_lines;
	struct tap tap;

	struct found_error *found;
	size_t n, cap, plain;
	uint16_t slots[SLOTS]; /* index into found, plus 1 */
	uint64_t dropped, gave_up;

	bool ended, ran_to_its_end;
};

int extractor_new(struct extractor **ret, enum error_source source, const char *suite,
        const char *match, struct error *err)
{
	struct extractor *x;
	struct pattern *pattern = NULL;

	if ((unsigned)source >= SOURCE_NKINDS)
		return error_set(err, ERR_INVALID, "no such kind of log: %d", (int)source);
	if (match && pattern_new(&pattern, match, err) < 0)
		return error_prefix(err, "error.match");

	x = mem_alloc(sizeof(*x));
	x->source = source;
	x->suite = mem_strdup(suite && *suite ? suite : "test");
	x->match = pattern;
	x->match_id = match ? errorid_of_match(match) : NULL;
	x->line_number = 1;
	str_init(&x->line);
	str_init(&x->clean);
	str_init(&x->id);
	tap_init(&x->tap);
	*ret = x;
	return 0;
}

void extractor_free(struct extractor *x)
{
	if (!x)
		return;
	for (size_t i = 0; i < x->n; i++) {
		free(x->found[i].id);
		free(x->found[i].line);
	}
	free(x->found);
	tap_release(&x->tap);
	str_release(&x->line);
	str_release(&x->clean);
	str_release(&x->id);
	pattern_free(x->match);
	free(x->match_id);
	free(x->suite);
	free(x);
}

/* The slot of an id, or the free one where it would go (FNV-1a, linear probing). */
static uint16_t *find_slot(struct extractor *x, const char *id)
{
	uint64_t hash = 0xcbf29ce484222325u;

	for (const char *p = id; *p; p++)
		hash = (hash ^ (unsigned char)*p) * 0x100000001b3u;
	for (size_t i = hash ^ hash >> 32;; i++) {
		uint16_t *slot = &x->slots[i & (SLOTS - 1)];

		if (!*slot || strcmp(x->found[*slot - 1].id, id) == 0)
			return slot;
	}
}

static void note(struct extractor *x, const char *id, enum weight weight, const struct place *place)
{
	uint16_t *slot = find_slot(x, id);
	struct str shown = STR_INIT;
	size_t room = weight == ALWAYS ? ERRORID_COUNT_MAX : ORDINARY_COUNT_MAX;

	if (*slot) {
		x->found[*slot - 1].count++;
		return;
	}
	if (x->n >= room || (weight == PLAIN && x->plain >= PLAIN_COUNT_MAX)) {
		x->dropped++;
		return;
	}
	x->plain += weight == PLAIN;
	str_add_printable(&shown, place->text, place->len, LINE_SHOWN_MAX);
	MEM_GROW(x->found, x->n + 1, x->cap);
	x->found[x->n++] = (struct found_error){
		.id = mem_strdup(id),
		.line = str_detach(&shown),
		.line_number = place->number,
		.offset = place->offset,
		.count = 1,
	};
	*slot = (uint16_t)x->n;
}

/* Notes the id that stands in x->id for the current line. */
static void note_id(struct extractor *x, enum weight weight)
{
	cut_id(&x->id);
	note(x, x->id.buf, weight, &x->place);
}

static void note_stderr(struct extractor *x, const char *text, size_t len, enum weight weight)
{
	struct str normal = STR_INIT;

	normalise_plain(&normal, text, len);
	if (normal.len >= 3) {
		str_setf(&x->id, "stderr.%s%s", normal.buf[0] == '#' ? "_" : "", normal.buf);
		note_id(x, weight);
	}
	str_release(&normal);
}

static void note_normal(struct extractor *x, const char *prefix, const char *text, size_t len,
        void (*normalise)(struct str *ret, const char *text, size_t len))
{
	size_t before;

	str_setf(&x->id, "%s.", prefix);
	before = x->id.len;
	normalise(&x->id, text, len);
	if (x->id.len > before)
		note_id(x, ORDINARY);
}

static void note_case(struct extractor *x, const char *name, size_t len)
{
	size_t before;

	str_clear(&x->id);
	normalise_name(&x->id, x->suite, strlen(x->suite));
	str_add_char(&x->id, '.');
	before = x->id.len;
	normalise_name(&x->id, name, len);
	if (x->id.len == before)
		str_add(&x->id, "unnamed");
	str_add(&x->id, ".fail");
	note_id(x, ORDINARY);
}

static void note_failure(struct extractor *x, const char *text, size_t len)
{
	if (x->source == SOURCE_BUILD)
		note_normal(x, "build-pkg", text, len, normalise_build);
	else
		note_stderr(x, text, len, ORDINARY);
}

/* The exception never came: something else wrote, or the run ended. */
static void cut_off_traceback(struct extractor *x)
{
	struct place current = x->place;

	x->in_traceback = false;
	x->place = x->traceback;
	note_failure(x, traceback_header, strlen(traceback_header));
	x->place = current;
}

/* "KeyError: 'x'", "json.decoder.JSONDecodeError: ...", "zlib.error: ..."; not "make: ***". */
static bool names_exception(const char *line)
{
	bool capital = false;
	const char *p;

	for (p = line; (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
	               (*p >= '0' && *p <= '9') || *p == '_' || *p == '.';
	        p++)
		capital |= (*p >= 'A' && *p <= 'Z') || *p == '.';
	return capital && (*p == ':' || *p == '\0');
}

/*
 * A Python traceback is one error: its last line, which names the exception.  The frames before it
 * say where it went through, and change with every line of the program.
 */
static bool read_traceback(struct extractor *x, const char *text, size_t len)
{
	size_t indent = strspn(text, " \t");

	if (str_has_suffix(text, traceback_header)) {
		x->in_traceback = true;
		x->traceback_indent = indent;
		x->traceback_lines = 0;
		x->traceback = x->place;
		x->traceback.text = traceback_header;
		x->traceback.len = strlen(traceback_header);
		return true;
	}
	if (!x->in_traceback)
		return false;
	if (indent == len)
		return true;
	if (indent > x->traceback_indent && ++x->traceback_lines <= TRACEBACK_LINES_MAX)
		return true;

	x->in_traceback = false;
	if (names_exception(text + indent)) {
		note_failure(x, text + indent, len - indent);
		return true;
	}
	cut_off_traceback(x);
	return false;
}

static void read_build(struct extractor *x, const char *text, size_t len)
{
	enum rule rule = x->frame == IN_FRAME ? RULE_BUILD_FRAMED : RULE_BUILD;

	if (str_has_prefix(text, "## ____")) {
		if (str_has_suffix(text, ":stderr"))
			x->frame = IN_FRAME;
		else if (str_has_suffix(text, ":enderr"))
			x->frame = BETWEEN_FRAMES;
		return;
	}
	if (x->frame == BETWEEN_FRAMES || read_traceback(x, text, len))
		return;
	if (rule_matches(rule, text, len) && !rule_matches(RULE_STDERR_IGNORE, text, len))
		note_normal(x, "build-pkg", text, len, normalise_build);
}

static void read_stderr(struct extractor *x, const char *text, size_t len)
{
	if (read_traceback(x, text, len) || rule_matches(RULE_STDERR_IGNORE, text, len))
		return;
	note_stderr(x, text, len, rule_matches(RULE_SUSPICIOUS, text, len) ? ORDINARY : PLAIN);
}

static void read_dmesg(struct extractor *x, const char *text, size_t len)
{
	size_t prefix = kernel_prefix_len(text, len);

	text += prefix;
	len -= prefix;
	if (rule_matches(RULE_OOPS, text, len) && !rule_matches(RULE_OOPS_IGNORE, text, len))
		note_normal(x, "dmesg", text, len, normalise_kernel);
}

/* "<3>[", "kern  :err   : [", and "3,1234,5678,-;" of /dev/kmsg.  No level is no error. */
static bool is_error_level(const char *text)
{
	static const char *const words[] = { "emerg", "alert", "crit", "err" };
	const char *level;

	if (text[0] == '<' && text[1] >= '0' && text[1] <= '9')
		return text[1] <= '3' && text[2] == '>';
	if (text[0] >= '0' && text[0] <= '9' && text[strspn(text, "0123456789")] == ',')
		return strtoul(text, NULL, 10) <= 3;
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
	size_t prefix = kernel_prefix_len(text, len);

	if (!is_error_level(text) && !rule_matches(RULE_KMSG, text, len))
		return;
	if (!rule_matches(RULE_KMSG_IGNORE, text, len))
		note_normal(x, "kmsg", text + prefix, len - prefix, normalise_kernel);
}

static void read_test(struct extractor *x, const char *text, size_t len)
{
	const char *name;
	size_t name_len, comment;
	enum tap_line tap;

	if (read_traceback(x, text, len))
		return;
	tap = tap_line(&x->tap, text, len, &name, &name_len);
	if (tap == TAP_FAILED ||
	        (tap == TAP_NONE && rules_failed_case(text, len, &name, &name_len))) {
		note_case(x, name, name_len);
		return;
	}
	if (tap != TAP_NONE)
		return;
	comment = strspn(text, "# \t"); /* TAP diagnostics */
	if (rule_matches(RULE_SUSPICIOUS, text + comment, len - comment) &&
	        !rule_matches(RULE_STDERR_IGNORE, text + comment, len - comment))
		note_stderr(x, text + comment, len - comment, ORDINARY);
}

static void (*const readers[SOURCE_NKINDS])(struct extractor *x, const char *text, size_t len) = {
	[SOURCE_BUILD] = read_build,
	[SOURCE_STDERR] = read_stderr,
	[SOURCE_DMESG] = read_dmesg,
	[SOURCE_KMSG] = read_kmsg,
	[SOURCE_TEST] = read_test,
};

static void read_line(struct extractor *x)
{
	str_clear(&x->clean);
	clean_line(&x->clean, x->line.buf, x->line.len);
	str_trim_right(&x->clean);
	str_clear(&x->line);
	x->place = (struct place){ x->clean.buf, x->clean.len, x->line_number, x->line_offset };
	if (x->match) {
		enum pattern_answer answer = PATTERN_GAVE_UP;

		if (x->gave_up < GIVE_UPS_MAX)
			answer = pattern_match(x->match, x->clean.buf, x->clean.len, NULL);
		if (answer == PATTERN_YES)
			note(x, x->match_id, ALWAYS, &x->place);
		x->gave_up += answer == PATTERN_GAVE_UP;
	}
	if (x->clean.len)
		readers[x->source](x, x->clean.buf, x->clean.len);
}

static void add_to_line(struct extractor *x, const char *bytes, size_t len)
{
	size_t room = ERRORID_LINE_MAX - x->line.len;

	str_add_bytes(&x->line, bytes, len < room ? len : room);
	x->in_line |= len > 0;
}

/* A carriage return ends a line for reading, as progress bars use it, but not for counting. */
static void feed_within_line(struct extractor *x, const char *bytes, size_t len)
{
	const char *cr;

	while (len && (cr = memchr(bytes, '\r', len))) {
		size_t part = (size_t)(cr - bytes);

		add_to_line(x, bytes, part);
		x->in_line = true;
		if (x->line.len)
			read_line(x);
		bytes += part + 1;
		len -= part + 1;
	}
	add_to_line(x, bytes, len);
}

void extractor_feed(struct extractor *x, const char *bytes, size_t len)
{
	const char *nl;

	while (len && (nl = memchr(bytes, '\n', len))) {
		size_t part = (size_t)(nl - bytes);

		feed_within_line(x, bytes, part);
		if (x->line.len)
			read_line(x);
		x->line_number++;
		x->in_line = false;
		x->offset += part + 1;
		x->line_offset = x->offset;
		bytes += part + 1;
		len -= part + 1;
	}
	if (len) {
		feed_within_line(x, bytes, len);
		x->offset += len;
	}
}

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
		str_addf(&words, "exit status %d", exit_status);
	}
	note(x, x->id.buf, ALWAYS, &(struct place){ words.buf, words.len, 0, 0 });
	str_release(&words);
}

void extractor_end(struct extractor *x, int exit_status, int signal, bool timed_out)
{
	if (x->ended)
		return;
	x->ended = true;
	if (x->line.len)
		read_line(x);
	if (x->in_traceback)
		cut_off_traceback(x);

	signal = fatal_signal(exit_status, signal);
	if (timed_out || signal || exit_status)
		note_end(x, exit_status, signal, timed_out);
	if (timed_out || signal || x->gave_up || (x->dropped && !x->match))
		x->ran_to_its_end = false;
	else if (exit_status == 0)
		x->ran_to_its_end = !tap_is_broken(&x->tap);
	else
		x->ran_to_its_end = tap_is_complete(&x->tap);
}

size_t extractor_results(const struct extractor *x, const struct found_error **ret)
{
	*ret = x->found;
	return x->n;
}

uint64_t extractor_lines(const struct extractor *x)
{
	return x->line_number - 1 + x->in_line;
}

uint64_t extractor_dropped(const struct extractor *x)
{
	return x->dropped;
}

uint64_t extractor_gave_up(const struct extractor *x)
{
	return x->gave_up;
}

bool extractor_ran_to_its_end(const struct extractor *x)
{
	return x->ended && x->ran_to_its_end;
}

char *errorid_of_match(const char *pattern)
{
	struct str id = STR_INIT;

	str_add(&id, "match.");
	normalise_pattern(&id, pattern, strlen(pattern));
	cut_id(&id);
	return str_detach(&id);
}

char *errorid_normalise(enum error_source source, const char *line, size_t len)
{
	struct str clean = STR_INIT, id = STR_INIT;
	size_t prefix;

	clean_line(&clean, line, len < ERRORID_LINE_MAX ? len : ERRORID_LINE_MAX);
	switch (source) {
	case SOURCE_BUILD:
		normalise_build(&id, clean.buf, clean.len);
		break;
	case SOURCE_DMESG:
	case SOURCE_KMSG:
		prefix = kernel_prefix_len(clean.buf, clean.len);
		normalise_kernel(&id, clean.buf + prefix, clean.len - prefix);
		break;
	default:
		normalise_plain(&id, clean.buf, clean.len);
	}
	cut_id(&id);
	str_release(&clean);
	return str_detach(&id);
}
