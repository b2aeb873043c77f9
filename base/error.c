#include "base/error.h"

#include <errno.h>
#include <stdarg.h>

#include "base/str.h"

static const char *const names[ERR_NCODES] = {
	[ERR_NONE] = "none",
	[ERR_INVALID] = "invalid",
	[ERR_NOT_FOUND] = "not-found",
	[ERR_EXISTS] = "exists",
	[ERR_LIMIT] = "limit",
	[ERR_IO] = "io",
	[ERR_NO_SPACE] = "no-space",
	[ERR_UNAVAILABLE] = "unavailable",
	[ERR_TIMEOUT] = "timeout",
	[ERR_STALE] = "stale",
	[ERR_CANCELLED] = "cancelled",
	[ERR_DENIED] = "denied",
	[ERR_CORRUPT] = "corrupt",
	[ERR_FAILED] = "failed",
};

static void set_text(struct error *err, enum error_code code, const struct str *text)
{
	struct str shown = STR_INIT;

	str_add_printable(&shown, text->buf, text->len, ERROR_TEXT_MAX - 1);
	err->code = code;
	memcpy(err->text, shown.buf, shown.len + 1);
	str_release(&shown);
}

int error_set(struct error *err, enum error_code code, const char *fmt, ...)
{
	struct str text = STR_INIT;
	va_list ap;

	if (!err)
		return -(int)code;
	va_start(ap, fmt);
	str_vaddf(&text, fmt, ap);
	va_end(ap);
	set_text(err, code, &text);
	str_release(&text);
	return -(int)code;
}

static enum error_code code_of_errno(int errno_value)
{
	switch (errno_value) {
	case ENOENT:
		return ERR_NOT_FOUND;
	case EEXIST:
		return ERR_EXISTS;
	case ENOSPC:
	case EDQUOT:
		return ERR_NO_SPACE;
	case EACCES:
	case EPERM:
		return ERR_DENIED;
	default:
		return ERR_IO;
	}
}

int error_errno(struct error *err, int errno_value, const char *fmt, ...)
{
	enum error_code code = code_of_errno(errno_value);
	struct str text = STR_INIT;
	char words[128];
	va_list ap;

	if (!err)
		return -(int)code;
	va_start(ap, fmt);
	str_vaddf(&text, fmt, ap);
	va_end(ap);
	str_addf(&text, ": %s", strerror_r(errno_value, words, sizeof(words)));
	set_text(err, code, &text);
	str_release(&text);
	return -(int)code;
}

int error_prefix(struct error *err, const char *fmt, ...)
{
	struct str text = STR_INIT;
	va_list ap;

	if (!err)
		return -ERR_FAILED;
	va_start(ap, fmt);
	str_vaddf(&text, fmt, ap);
	va_end(ap);
	str_addf(&text, ": %s", err->text);
	set_text(err, err->code, &text);
	str_release(&text);
	return -(int)err->code;
}

const char *error_code_name(enum error_code code)
{
	return (unsigned)code < ERR_NCODES ? names[code] : "unknown";
}
