/*
 * Any bytes as a file of rules: refused with one line that says where, or read; what is read
 * answers for any line without leaving it, and the literals that it asks of a line are in every
 * line that an expression matches.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "job/errorid.h"
#include "job/rule_literals.h"
#include "job/rules_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void require(int ok)
{
	if (!ok)
		abort();
}

/* Without case, some letters beyond ASCII are equal to one of ASCII: the filter does not know them
 * (rule_literals.h). */
static bool is_ascii(const char *line, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)line[i] >= 0x80)
			return false;
	return true;
}

static bool holds(const char *line, size_t len, const struct strv *literals, bool caseless)
{
	for (size_t i = 0; i < literals->n; i++) {
		size_t n = strlen(literals->v[i]);

		for (size_t at = 0; n <= len && at <= len - n; at++)
			if ((caseless ? strncasecmp(line + at, literals->v[i], n)
			              : memcmp(line + at, literals->v[i], n)) == 0)
				return true;
	}
	return false;
}

static void check_pattern(const struct rule_pattern *row, const char *line, size_t len)
{
	struct strv literals = STRV_INIT;
	bool caseless;

	if (is_ascii(line, len) && rule_literals(&literals, &caseless, row->regex) &&
	        pattern_match(row->pattern, line, len, NULL) == PATTERN_YES)
		require(holds(line, len, &literals, caseless));
	strv_release(&literals);
}

static void ask(const struct rules *rules, const char *line, size_t len)
{
	static uint8_t tired[RULES_PATTERNS_MAX];
	struct str rewritten = STR_INIT;
	struct rule_hit hit;

	for (int log = 0; log < RULES_NLOGS; log++) {
		rules_ask(rules, (enum rule_log)log,
		        &(struct rule_line){ .text = line, .len = len }, tired, &hit);
		for (size_t i = 0; hit.rule && i < PATTERN_GROUPS_MAX; i++)
			require(!hit.groups[i].text ||
			        (hit.groups[i].text >= line &&
			                hit.groups[i].text + hit.groups[i].len <= line + len));
		str_clear(&rewritten);
		str_add_bytes(&rewritten, line, len);
		rules_rewrite(rules, (enum rule_log)log, SPELLING_ID, &rewritten);
	}
	for (size_t i = 0; i < rules->n_patterns; i++)
		check_pattern(rules->patterns[i], line, len);
	str_release(&rewritten);
}

/* The bytes are the rules; the line is their end, so that a corpus of rules finds lines that match.
 */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct rules *rules = mem_alloc(sizeof(*rules));
	struct error err = ERROR_INIT;
	const char *text = (const char *)bytes;
	size_t line = len < 200 ? len : 200;

	str_init(&rules->text);
	if (rules_read(rules, "rules", text, len, &err) < 0)
		require(str_has_prefix(err.text, "rules") && !strchr(err.text, '\n'));
	else if (rules->n_patterns < 50)
		ask(rules, text + len - line, line);
	rules_free(rules);
	return 0;
}
