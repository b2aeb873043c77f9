/*
 * Failed cases of go test, which says of what package they are only behind them all ("FAIL\tdemo.org/store\t0.1s"): two packages may
 * have a case of one name.  They wait for that line.
 */
#ifndef JOB_GO_CASES_H
#define JOB_GO_CASES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

#define GO_CASES_MAX 500 /* that wait; what is more gets its name without a package */
#define GO_CASES_LINE_MAX 1000 /* bytes of their lines that are kept */

struct go_case {
	char *name, *line;
	uint64_t number, offset;
	uint32_t finding;
	bool part;		/* it comes of what stood before it */
};

struct go_cases {
	struct go_case *v;
	size_t n, cap;
	bool any_package;	/* a line named one */
	bool ended;		/* the program of the last case came to its end */
};

/* "--- FAIL: TestX (0.01s)", "    --- FAIL: TestX/sub (0.01s)" */
bool go_cases_is_one(const char *line);
/* "FAIL" or "PASS", with which a program of tests ends. */
bool go_cases_is_end(const char *line);
/* The package whose cases stand before this line; 0: it names none.  *ret is in `line`; *ret_ok: none of them failed. */
size_t go_cases_package(const char **ret, bool *ret_ok, const char *line);
void go_cases_add(struct go_cases *cases, const struct go_case *added);	/* its texts are copied */
void go_cases_clear(struct go_cases *cases);	/* the cases; what else is known stays */

#endif
