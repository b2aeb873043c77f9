#include "job/error_guess.h"

#include <string.h>

#include "job/junit.h"
#include "job/normalise.h"

#define LINES_MAX 2000

struct votes {
	unsigned lines, kernel, level, build, test;
	unsigned clock, reports; /* of kernel lines without their time, but with another's in front */
	bool banner, command_line;	/* a booting kernel says both, with or without times */
	const struct rules *rules; /* NULL: cannot be read, which others tell */
	uint8_t tired[RULES_PATTERNS_MAX];
};

static bool has(const char *line, size_t len, const char *what)
{
	return memmem(line, len, what, strlen(what));
}

static bool begins(const char *line, size_t len, const char *what)
{
	size_t n = strlen(what);

	return len >= n && !memcmp(line, what, n);
}

static bool is_test_line(const char *line, size_t len)
{
	static const char *const starts[] = { "ok ", "not ok ", "1..", "TAP version ",
		"KTAP version ", "PASS: ", "FAIL: ", "[ RUN ", "[  FAILED", "[       OK",
		"--- FAIL", "--- PASS", "=== RUN", "test result:", "collected " };

	for (size_t i = 0; i < sizeof(starts) / sizeof(*starts); i++)
		if (begins(line, len, starts[i]))
			return true;
	return junit_begins(line, len) || has(line, len, " TFAIL") || has(line, len, " TPASS") ||
	       has(line, len, "::test_") || has(line, len, " ... ok") ||
	       has(line, len, " ... FAIL");
}

static bool is_build_line(const char *line, size_t len)
{
	static const char *const parts[] = { ": error: ", ": warning: ", ": fatal error: ",
		": undefined reference to", " - error TS", "): error TS",
		": Error: ", "relocation truncated to fit", "*** missing separator",
		"meson.build:", "failed to parse manifest", ": ERROR: ", "Assembler messages:" };
	static const char *const starts[] = { "  CC  ", "  LD  ", "  AR  ", "  HOSTCC", "make[",
		"make: ", "gcc ", "cc ", "clang ", "## ____", "-- The C compiler", "CMake ", "[1/",
		"   Compiling ", "ninja: ", "cargo ",
		"libtool: ", "collect2: ", "ld: ", "/usr/bin/ld: ", "error[E", " --> ", "  --> ", "   --> ", "error: could not compile ", "error: aborting due to ",
		"configure: error", "FAILED: ", "==> ERROR: " };

	for (size_t i = 0; i < sizeof(starts) / sizeof(*starts); i++)
		if (begins(line, len, starts[i]))
			return true;
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		if (has(line, len, parts[i]))
			return true;
	return false;
}

/* A failed case by any of the forms that the rules know. */
static bool is_case(struct votes *votes, const char *line, size_t len)
{
	struct rule_hit hit;

	if (!votes->rules)
		return false;
	rules_ask(votes->rules, RULES_TEST, &(struct rule_line){ .text = line, .len = len },
	        votes->tired, &hit);
	return hit.rule && hit.rule->case_name;
}

/* "3,1234,5678,-;", "<4>", "kern  :err   :" */
static bool has_level(const char *line, size_t len)
{
	bool date = len > 4 && line[4] == '-';

	return *line == '<' || (*line >= '0' && *line <= '9' && !date) || (*line >= 'a' && *line <= 'z');
}

static bool is_kernel_report(struct votes *votes, const char *line, size_t len)
{
	struct rule_hit hit;

	if (!votes->rules)
		return false;
	rules_ask(votes->rules, RULES_DMESG, &(struct rule_line){ .text = line, .len = len }, votes->tired, &hit);
	return hit.rule && hit.rule->severity == SEVERITY_CRASH;
}

static void vote(struct votes *votes, const char *line, size_t len)
{
	struct kernel_prefix prefix;

	kernel_prefix(&prefix, line, len);
	votes->lines++;
	if (prefix.has_clock && !prefix.has_time) {
		line += prefix.len;
		len -= prefix.len;
		prefix.len = 0;
		votes->clock++;
		votes->reports += is_kernel_report(votes, line, len);
	}
	votes->banner |= begins(line, len, "Linux version ");
	votes->command_line |= begins(line, len, "Command line: ") || begins(line, len, "Kernel command line: ");
	if (prefix.has_time ||
	        (prefix.len && len && (*line == '<' || strchr("0123456789", *line)))) {
		votes->kernel++;
		votes->level += has_level(line, len) && !prefix.caller;
		votes->test += is_test_line(line + prefix.len, len - prefix.len);
	} else {
		votes->test += is_test_line(line, len) || is_case(votes, line, len);
		votes->build += is_build_line(line, len);
	}
}

enum error_source error_source_guess(const char *text, size_t len)
{
	struct votes votes = { 0 };
	struct str clean = STR_INIT;

	if (rules_standard(&votes.rules, NULL) < 0)
		votes.rules = NULL;
	for (size_t at = 0; at < len && votes.lines < LINES_MAX;) {
		const char *end = memchr(text + at, '\n', len - at);
		size_t n = end ? (size_t)(end - text) - at : len - at;

		str_clear(&clean);
		clean_line(&clean, text + at, n < ERRORID_LINE_MAX ? n : ERRORID_LINE_MAX);
		if (clean.len)
			vote(&votes, clean.buf, clean.len);
		at += n + 1;
	}
	str_release(&clean);
	if (votes.test && votes.test >= votes.build &&
	        votes.test * 50 >= votes.lines - votes.kernel)
		return SOURCE_TEST;
	if (votes.kernel * 2 > votes.lines)
		return votes.level * 2 > votes.kernel ? SOURCE_KMSG : SOURCE_DMESG;
	if (votes.banner && votes.command_line)
		return SOURCE_DMESG;
	if (votes.reports && votes.clock * 2 > votes.lines && !votes.build)
		return SOURCE_DMESG;
	if (votes.build)
		return SOURCE_BUILD;
	return votes.test ? SOURCE_TEST : SOURCE_STDERR;
}
