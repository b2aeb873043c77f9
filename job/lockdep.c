#include <string.h>

#include "job/lockdep.h"

#define LINES_MAX 24	/* processors write in turns, and a lock's name may come in pieces */

void lockdep_init(struct lockdep *lockdep)
{
	*lockdep = (struct lockdep){ .step = LOCKDEP_NONE };
	str_init(&lockdep->text);
	str_init(&lockdep->as_lkp);
}

void lockdep_release(struct lockdep *lockdep)
{
	str_release(&lockdep->text);
	str_release(&lockdep->as_lkp);
	lockdep_init(lockdep);
}

static bool has(const char *text, size_t len, const char *part)
{
	return memmem(text, len, part, strlen(part));
}

static bool begins(const char *text, size_t len)
{
	/* most lines begin otherwise */
	if (!len || (*text != 'W' && *text != 'I'))
		return false;
	return (has(text, len, "WARNING: possible ") || has(text, len, "INFO: possible ")) && has(text, len, " lock") &&
		has(text, len, " detected");
}

static void add(struct lockdep *lockdep, const char *bytes, size_t len)
{
	str_add_bytes(&lockdep->text, bytes, len);
	str_add_bytes(&lockdep->as_lkp, bytes, len);
}

/* "getty/4382 is trying to acquire lock:", "ksoftirqd/1/16 is ..." */
static bool read_trying(struct lockdep *lockdep, const char *text, size_t len)
{
	static const char words[] = " is trying to acquire lock:";
	const char *end = memmem(text, len, words, strlen(words)), *slash;

	if (!end)
		return false;
	slash = memchr(text, '/', (size_t)(end - text));
	str_add_char(&lockdep->as_lkp, ' ');
	str_add_bytes(&lockdep->as_lkp, text, (size_t)((slash ? slash : end) - text));
	add(lockdep, words, strlen(words));
	return true;
}

/* "81bdb92c (console_owner){-.-.}-{0:0}, at: console_unlock+0x1d6/0x38d" */
static bool read_place(struct lockdep *lockdep, const char *text, size_t len)
{
	const char *at = memmem(text, len, "at: ", 4), *plus;

	if (!at || (at > text && at[-1] != ' ') || !(plus = memmem(at, (size_t)(text + len - at), "+0x", 3)))
		return false;
	add(lockdep, " ", 1);
	add(lockdep, at, (size_t)(plus - at));
	return true;
}

static void begin(struct lockdep *lockdep, const char *text, size_t len, const char *caller, size_t caller_len)
{
	str_clear(&lockdep->text);
	str_add_bytes(&lockdep->text, text, len);
	str_trim_right(&lockdep->text);
	str_clear(&lockdep->as_lkp);
	str_add_bytes(&lockdep->as_lkp, lockdep->text.buf, lockdep->text.len);
	memcpy(lockdep->caller, caller, caller_len);
	lockdep->caller[caller_len] = '\0';
	lockdep->lines = 0;
	lockdep->step = LOCKDEP_BEGUN;
}

bool lockdep_read(struct lockdep *lockdep, const char *text, size_t len, const char *caller, size_t caller_len)
{
	static const char holding[] = " but task is already holding lock:";

	if (caller_len >= sizeof(lockdep->caller))
		return false;
	if (!caller)
		caller = "";
	if (begins(text, len)) {
		begin(lockdep, text, len, caller, caller_len);
		return false;
	}
	if (lockdep->step == LOCKDEP_NONE || strlen(lockdep->caller) != caller_len ||
		memcmp(lockdep->caller, caller, caller_len))
		return false;
	if (++lockdep->lines > LINES_MAX) {
		lockdep->step = LOCKDEP_NONE;
		return false;
	}
	if (lockdep->step == LOCKDEP_BEGUN && read_trying(lockdep, text, len)) {
		lockdep->step = LOCKDEP_TRYING;
	} else if (lockdep->step == LOCKDEP_TRYING && read_place(lockdep, text, len)) {
		lockdep->step = LOCKDEP_TAKEN;
	} else if (lockdep->step == LOCKDEP_TAKEN && has(text, len, "but task is already holding lock:")) {
		add(lockdep, holding, strlen(holding));
		lockdep->step = LOCKDEP_HOLDING;
	} else if (lockdep->step == LOCKDEP_HOLDING && read_place(lockdep, text, len)) {
		lockdep->step = LOCKDEP_NONE;
		return true;
	}
	return false;
}
