/*
 * What tells two reports of the kernel's lock validator apart: which lock is taken where, and which one is held
 * (print_deadlock_bug() and print_circular_bug() of kernel/locking/lockdep.c).  Their headers are alike:
 *
 *     WARNING: possible circular locking dependency detected
 *     getty/4382 is trying to acquire lock:
 *     81bdb92c (console_owner){-.-.}-{0:0}, at: console_unlock+0x1d6/0x38d
 *     but task is already holding lock:
 *     e9518da0 (&rq->lock){-.-.}-{2:2}, at: rq_lock_irqsave+0xf/0x1f
 */
#ifndef JOB_LOCKDEP_H
#define JOB_LOCKDEP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

enum lockdep_step { LOCKDEP_NONE, LOCKDEP_BEGUN, LOCKDEP_TRYING, LOCKDEP_TAKEN, LOCKDEP_HOLDING };

struct lockdep {
	enum lockdep_step step;
	unsigned lines;		/* since the header */
	char caller[16];	/* whose lines these are; others are passed over */
	struct str text;	/* of the report so far, in one line */
	struct str as_lkp;	/* the same with who it was that tried, who has no part in the bug */
};

void lockdep_init(struct lockdep *lockdep);
void lockdep_release(struct lockdep *lockdep);

/*
 * Reads one line without its prefix; `caller` as of struct kernel_prefix, not NUL-terminated.  True at the last line that counts:
 * then `text` is "HEADER is trying to acquire lock: at: FUNCTION but task is already holding lock: at: FUNCTION", and `as_lkp`
 * has the process in front of "is".
 */
bool lockdep_read(struct lockdep *lockdep, const char *text, size_t len, const char *caller, size_t caller_len);

#endif
