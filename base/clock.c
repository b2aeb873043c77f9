#include "base/clock.h"

#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

/* Workers ask the time too, so these are atomic; -1: the real clock. */
static _Atomic int64_t frozen_wall_ms = -1;
static _Atomic int64_t frozen_steady_ms = -1;

static int64_t read_ms(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_wall_ms(void)
{
	int64_t frozen = atomic_load(&frozen_wall_ms);

	return frozen >= 0 ? frozen : read_ms(CLOCK_REALTIME);
}

int64_t clock_steady_ms(void)
{
	int64_t frozen = atomic_load(&frozen_steady_ms);

	return frozen >= 0 ? frozen : read_ms(CLOCK_MONOTONIC);
}

void clock_freeze(int64_t wall_ms, int64_t steady_ms)
{
	atomic_store(&frozen_wall_ms, wall_ms < 0 ? -1 : wall_ms);
	atomic_store(&frozen_steady_ms, steady_ms < 0 ? -1 : steady_ms);
}

const char *clock_format(char *buf, size_t size, int64_t wall_ms)
{
	time_t seconds = (time_t)(wall_ms / 1000 - (wall_ms % 1000 < 0));
	struct tm tm;

	if (!gmtime_r(&seconds, &tm)) {
		snprintf(buf, size, "?");
		return buf;
	}
	snprintf(buf, size, "%04lld-%02d-%02dT%02d:%02d:%02dZ", tm.tm_year + 1900LL, tm.tm_mon + 1,
	        tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
	return buf;
}

static void format_two(char *buf, size_t size, long long large, const char *large_unit,
        long long small, const char *small_unit)
{
	if (small)
		snprintf(buf, size, "%lld %s %lld %s", large, large_unit, small, small_unit);
	else
		snprintf(buf, size, "%lld %s", large, large_unit);
}

const char *clock_format_duration(char *buf, size_t size, int64_t ms)
{
	long long s = ms / 1000;

	if (ms < 0)
		snprintf(buf, size, "0 ms");
	else if (s < 1)
		snprintf(buf, size, "%lld ms", (long long)ms);
	else if (s < 60)
		snprintf(buf, size, "%lld.%lld s", s, (long long)(ms % 1000 / 100));
	else if (s < 3600)
		format_two(buf, size, s / 60, "min", s % 60, "s");
	else if (s < 48 * 3600)
		format_two(buf, size, s / 3600, "h", s / 60 % 60, "min");
	else
		format_two(buf, size, s / 86400, "d", s / 3600 % 24, "h");
	return buf;
}
