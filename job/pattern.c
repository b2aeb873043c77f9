#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <ctype.h>
#include <pthread.h>

#include "base/mem.h"
#include "job/pattern.h"

/*
 * A line has at most 8 KiB, on which a sane pattern needs some thousand steps; a million takes
 * milliseconds. The JIT compiler counts more coarsely, so that it stops later than the interpreter,
 * not earlier.
 */
#define STEPS_MAX 1000000
#define DEPTH_MAX 10000
#define HEAP_MAX_KIB 4096
#define PARENS_MAX 100
#define COMPILE_OPTIONS (PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C)

struct pattern {
	pcre2_code *code;
	pcre2_match_context *limits;
	bool knows_first;   /* it matches at the start of a text only, which begins so: */
	bool first[0x80];
};

static pcre2_compile_context *new_compile_context(void)
{
	pcre2_compile_context *context = pcre2_compile_context_create(NULL);

	if (!context)
		abort();
	pcre2_set_max_pattern_length(context, PATTERN_LENGTH_MAX);
	pcre2_set_parens_nest_limit(context, PARENS_MAX);
	return context;
}

/*
 * Most lines begin otherwise than a pattern with "^" wants it, and to tell that by the first byte takes a hundredth of the time of a
 * match.  PCRE2 keeps no such bytes of a pattern that is anchored, but tells those of the same without its "^".
 */
static void learn_first(struct pattern *pattern, const char *regex)
{
	pcre2_compile_context *context;
	uint32_t options = 0, type = 0, unit = 0;
	const uint8_t *bitmap = NULL;
	pcre2_code *code;
	PCRE2_SIZE where;
	int code_error;
	char *rest;

	(void)pcre2_pattern_info(pattern->code, PCRE2_INFO_ALLOPTIONS, &options);
	if (*regex != '^' || !(options & PCRE2_ANCHORED))
		return;
	context = new_compile_context();
	rest = mem_printf("(?:%s)", regex + 1);
	code = pcre2_compile((PCRE2_SPTR)rest, PCRE2_ZERO_TERMINATED, COMPILE_OPTIONS, &code_error, &where, context);
	free(rest);
	pcre2_compile_context_free(context);
	if (!code)
		return;
	(void)pcre2_pattern_info(code, PCRE2_INFO_FIRSTCODETYPE, &type);
	(void)pcre2_pattern_info(code, PCRE2_INFO_FIRSTCODEUNIT, &unit);
	(void)pcre2_pattern_info(code, PCRE2_INFO_FIRSTBITMAP, (void *)&bitmap);
	pattern->knows_first = type == 1 || bitmap;
	/* A unit may be meant without case. */
	for (uint32_t c = 0; c < 0x80; c++)
		pattern->first[c] = type == 1 ? tolower((int)c) == tolower((int)unit) : bitmap && bitmap[c / 8] >> c % 8 & 1;
	pcre2_code_free(code);
}

/* False: it does not match here.  What is no ASCII is left to the match. */
static bool may_begin(const struct pattern *pattern, const char *text, size_t len)
{
	return !pattern->knows_first || len == 0 || (unsigned char)*text >= 0x80 || pattern->first[(unsigned char)*text];
}

int pattern_new(struct pattern **ret, const char *regex, struct error *err)
{
	pcre2_compile_context *context;
	struct pattern *pattern;
	PCRE2_SIZE where;
	pcre2_code *code;
	int code_error;

	if (strlen(regex) > PATTERN_LENGTH_MAX)
		return error_set(err, ERR_LIMIT,
		        "the pattern has %zu bytes, at most %d are allowed", strlen(regex),
		        PATTERN_LENGTH_MAX);

	context = new_compile_context();
	code = pcre2_compile((PCRE2_SPTR)regex, PCRE2_ZERO_TERMINATED,
	        COMPILE_OPTIONS, &code_error, &where, context);
	pcre2_compile_context_free(context);
	if (!code) {
		PCRE2_UCHAR words[256];

		pcre2_get_error_message(code_error, words, sizeof(words));
		return error_set(err, ERR_INVALID,
		        "no valid regular expression, at character %zu: %s", (size_t)where + 1,
		        (const char *)words);
	}
	/* Without executable memory the interpreter does the same, slower. */
	(void)pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);

	pattern = mem_alloc(sizeof(*pattern));
	pattern->code = code;
	pattern->limits = pcre2_match_context_create(NULL);
	if (!pattern->limits)
		abort();
	pcre2_set_match_limit(pattern->limits, STEPS_MAX);
	pcre2_set_depth_limit(pattern->limits, DEPTH_MAX);
	pcre2_set_heap_limit(pattern->limits, HEAP_MAX_KIB);
	learn_first(pattern, regex);
	*ret = pattern;
	return 0;
}

void pattern_free(struct pattern *pattern)
{
	if (!pattern)
		return;
	pcre2_match_context_free(pattern->limits);
	pcre2_code_free(pattern->code);
	free(pattern);
}

unsigned pattern_groups(const struct pattern *pattern)
{
	uint32_t count = 0;

	(void)pcre2_pattern_info(pattern->code, PCRE2_INFO_CAPTURECOUNT, &count);
	return count;
}

static pthread_key_t data_key;
static pthread_once_t data_once = PTHREAD_ONCE_INIT;

static void free_data(void *data)
{
	pcre2_match_data_free(data);
}

static void make_key(void)
{
	if (pthread_key_create(&data_key, free_data))
		abort();
}

/* One a thread: what a match needs costs as much to make as a match. */
static pcre2_match_data *match_data(void)
{
	pcre2_match_data *data;

	pthread_once(&data_once, make_key);
	data = pthread_getspecific(data_key);
	if (!data) {
		data = pcre2_match_data_create(PATTERN_GROUPS_MAX, NULL);
		if (!data || pthread_setspecific(data_key, data))
			abort();
	}
	return data;
}

static int match_at(const struct pattern *pattern, const char *text, size_t len, size_t start,
        pcre2_match_data *data)
{
	return pcre2_match(pattern->code, (PCRE2_SPTR)text, len, start, 0, data, pattern->limits);
}

static void read_groups(
        struct pattern_group *groups, pcre2_match_data *data, int count, const char *text)
{
	const PCRE2_SIZE *ends = pcre2_get_ovector_pointer(data);

	/* A count of 0 says that there were more groups than room. */
	if (count == 0)
		count = PATTERN_GROUPS_MAX;
	for (int i = 0; i < PATTERN_GROUPS_MAX; i++) {
		bool set =
		        i < count && ends[2 * i] != PCRE2_UNSET && ends[2 * i] <= ends[2 * i + 1];

		groups[i].text = set ? text + ends[2 * i] : NULL;
		groups[i].len = set ? ends[2 * i + 1] - ends[2 * i] : 0;
	}
}

enum pattern_answer pattern_match(
        const struct pattern *pattern, const char *text, size_t len, struct pattern_group *groups)
{
	pcre2_match_data *data;
	enum pattern_answer answer;
	int count;

	if (!may_begin(pattern, text, len))
		return PATTERN_NO;
	data = match_data();
	count = match_at(pattern, text, len, 0, data);
	if (count >= 0) {
		answer = PATTERN_YES;
		if (groups)
			read_groups(groups, data, count, text);
	} else {
		answer = count == PCRE2_ERROR_NOMATCH ? PATTERN_NO : PATTERN_GAVE_UP;
	}
	return answer;
}

void pattern_expand(struct str *s, const char *with, const struct pattern_group *groups)
{
	for (const char *p = with; *p; p++) {
		if (*p == '$' && p[1] >= '0' && p[1] < '0' + PATTERN_GROUPS_MAX) {
			p++;
			str_add_bytes(s, groups[*p - '0'].text ? groups[*p - '0'].text : "",
			        groups[*p - '0'].len);
		} else {
			if (*p == '$' && p[1] == '$')
				p++;
			str_add_char(s, *p);
		}
	}
}

bool pattern_replace(const struct pattern *pattern, struct str *s, const char *with)
{
	pcre2_match_data *data;
	struct pattern_group groups[PATTERN_GROUPS_MAX];
	struct str changed = STR_INIT;
	size_t at = 0, kept = 0;
	bool replaced = false;
	int count;

	if (!may_begin(pattern, s->buf, s->len))
		return false;
	data = match_data();

	while (at <= s->len && (count = match_at(pattern, s->buf, s->len, at, data)) >= 0) {
		size_t start, end;

		read_groups(groups, data, count, s->buf);
		if (!groups[0].text) /* \K in a lookahead can end before it starts */
			break;
		start = (size_t)(groups[0].text - s->buf);
		end = start + groups[0].len;
		if (start < kept)
			break;
		str_add_bytes(&changed, s->buf + kept, start - kept);
		pattern_expand(&changed, with, groups);
		kept = end;
		replaced = true;
		at = end > start ? end : end + 1;
	}
	if (replaced) {
		str_add_bytes(&changed, s->buf + kept, s->len - kept);
		str_clear(s);
		str_add_bytes(s, changed.buf, changed.len);
	}
	str_release(&changed);
	return replaced;
}
