/* Time, in milliseconds, behind one seam that tests can turn. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

int64_t clock_wall_ms(void);		/* since 1970, may jump; for what is stored and shown */
int64_t clock_steady_ms(void);		/* never goes back; for deadlines and durations */

/* Tests: both clocks stand still at these values until called again; negative: the real ones again. */
void clock_freeze(int64_t wall_ms, int64_t steady_ms);

/* "2026-11-23T10:15:00Z" and "3 min 20 s" / "1.4 s" / "2 h 5 min" in the caller's buffer; returns buf. */
const char *clock_format(char *buf, size_t size, int64_t wall_ms);
const char *clock_format_duration(char *buf, size_t size, int64_t ms);

#endif
