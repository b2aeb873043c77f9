/*
 * The test cases that a run says have passed.  If one of them is asked for, it is known not to have failed, whatever else did in
 * that run: the run came to the end of this case.
 *
 * Of pytest without -v a whole file may have passed but for the cases that are told to have failed (job/pytest.h): it is kept as
 * "<suite>.<file>.fail", and stands for all cases "<suite>.<file>::<name>.fail".  The cases "<suite>.<package>.Test<name>.fail" of a
 * package of go test ("ok  \tPACKAGE") are kept together, too.  So whoever asks has to know first that the case has not failed.
 *
 * A case is kept by the id it would have had if it had failed ("<suite>.<name>.fail"), as the first 48 bits of the SHA-256 of that;
 * written as text, the cases are those bits in 12 lower-case hex digits, one behind the other, in order, each once.
 */
#ifndef JOB_PASSED_CASES_H
#define JOB_PASSED_CASES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PASSED_CASES_MAX 16384u		/* of a run; of further ones nothing is known */
#define PASSED_CASE_DIGITS 12u

struct passed_cases {
	uint64_t *cases;
	size_t n, cap;
	bool in_order;		/* and each once */
};

void passed_cases_release(struct passed_cases *passed);
void passed_cases_add(struct passed_cases *passed, const char *id);
void passed_cases_remove(struct passed_cases *passed, const char *id);
bool passed_cases_has(struct passed_cases *passed, const char *id);
size_t passed_cases_count(struct passed_cases *passed);
char *passed_cases_text(struct passed_cases *passed);	/* NULL: none; the caller frees */

/* Is foreign text such text, and is a case in it? */
bool passed_text_is_valid(const char *text);
bool passed_text_has(const char *text, const char *id);	/* of valid text; NULL has none */

#endif
