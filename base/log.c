#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <unistd.h>

#include "base/str.h"

#define LOG_TEXT_MAX (16u << 10)

static const char *program_name = "bisectd";
static enum log_level log_up_to = LOG_LEVEL_INFO;

static const char *const level_names[LOG_NLEVELS] = {
	[LOG_LEVEL_ERROR] = "error",
	[LOG_LEVEL_WARNING] = "warning",
	[LOG_LEVEL_INFO] = "info",
	[LOG_LEVEL_DEBUG] = "debug",
};

void log_open(const char *program, enum log_level level)
{
	program_name = program;
	log_up_to = level;
}

static void __attribute__((format(printf, 2, 0)))
log_line(enum log_level level, const char *fmt, va_list ap)
{
	int saved_errno = errno;
	struct str text = STR_INIT;
	struct str line = STR_INIT;
	ssize_t n;

	if (level > log_up_to)
		return;
	str_vaddf(&text, fmt, ap);
	str_trim_right(&text);
	str_addf(&line, "%s[%ld]: %s: ", program_name, (long)getpid(), level_names[level]);
	str_add_printable(&line, text.buf, text.len, LOG_TEXT_MAX);
	str_add_char(&line, '\n');
	do
		n = write(STDERR_FILENO, line.buf, line.len);
	while (n < 0 && errno == EINTR);
	str_release(&line);
	str_release(&text);
	errno = saved_errno;
}

#define LOG_FUNCTION(name, level)                                                                  \
	void name(const char *fmt, ...)                                                            \
	{                                                                                          \
		va_list ap;                                                                        \
                                                                                                   \
		va_start(ap, fmt);                                                                 \
		log_line(level, fmt, ap);                                                          \
		va_end(ap);                                                                        \
	}

LOG_FUNCTION(log_error, LOG_LEVEL_ERROR)
LOG_FUNCTION(log_warning, LOG_LEVEL_WARNING)
LOG_FUNCTION(log_info, LOG_LEVEL_INFO)
LOG_FUNCTION(log_debug, LOG_LEVEL_DEBUG)
