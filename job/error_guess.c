#include "job/error_guess.h"

#include <string.h>

#include "job/junit.h"
#include "job/normalise.h"

#define LINES_MAX 2000

struct votes {
	unsigned lines, kernel, level, build, test;
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
	static const char *const starts[] = { "  CC  ", "  LD  ", "  AR  ", "  HOSTCC", "make[",
		"make: ", "gcc ", "cc ", "clang ", "## ____", "-- The C compiler", "CMake ", "[1/",
		"   Compiling ", "ninja: ", "cargo ",
		"libtool: ", "collect2: ", "ld: ", "/usr/bin/ld: ", "error[E", "  --> ",
		"configure: error", "FAILED: ", "==> ERROR: " };

	for (size_t i = 0; i < sizeof(starts) / sizeof(*starts); i++)
		if (begins(line, len, starts[i]))
			return true;
	return has(line, len, ": error: ") || has(line, len, ": warning: ") ||
	       has(line, len, ": undefined reference to");
}

static void vote(struct votes *votes, const char *line, size_t len)
{
	struct kernel_prefix prefix;

	kernel_prefix(&prefix, line, len);
	votes->lines++;
	if (prefix.has_time ||
	        (prefix.len && len && (*line == '<' || strchr("0123456789", *line)))) {
		votes->kernel++;
		votes->level += *line != '[';
		votes->test += is_test_line(line + prefix.len, len - prefix.len);
	} else {
		votes->test += is_test_line(line, len);
		votes->build += is_build_line(line, len);
	}
}

enum error_source error_source_guess(const char *text, size_t len)
{
	struct votes votes = { 0 };

	for (size_t at = 0; at < len && votes.lines < LINES_MAX;) {
		const char *end = memchr(text + at, '\n', len - at);
		size_t n = end ? (size_t)(end - text) - at : len - at;

		if (n)
			vote(&votes, text + at, n < ERRORID_LINE_MAX ? n : ERRORID_LINE_MAX);
		at += n + 1;
	}
	if (votes.test && votes.test * 20 >= votes.lines - votes.kernel)
		return SOURCE_TEST;
	if (votes.kernel * 2 > votes.lines)
		return votes.level * 2 > votes.kernel ? SOURCE_KMSG : SOURCE_DMESG;
	if (votes.build)
		return SOURCE_BUILD;
	return votes.test ? SOURCE_TEST : SOURCE_STDERR;
}
