#include "cli/run_progress.h"

#include <stdarg.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/str.h"

void progress_init(struct progress *progress)
{
	const char *term = getenv("TERM");

	*progress = (struct progress){ .terminal = isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0 };
}

void progress_clear(struct progress *progress)
{
	if (progress->shown)
		file_write_all(STDERR_FILENO, "\r\033[K", 4, NULL);
	if (progress->line_open)
		file_write_all(STDERR_FILENO, "\n", 1, NULL);
	progress->shown = progress->line_open = false;
}

void progress_say(struct progress *progress, const char *fmt, ...)
{
	struct str line = STR_INIT, shown = STR_INIT;
	va_list ap;

	va_start(ap, fmt);
	str_vaddf(&line, fmt, ap);
	va_end(ap);
	progress_clear(progress);
	/* Messages carry foreign text (subjects, git's own words): nothing in it may steer the terminal. */
	str_add_printable(&shown, line.buf, line.len, 4096);
	str_add_char(&shown, '\n');
	file_write_all(STDERR_FILENO, shown.buf, shown.len, NULL);
	str_release(&line);
	str_release(&shown);
}

void progress_show(struct progress *progress, const struct progress_state *state)
{
	struct str line = STR_INIT;
	struct winsize size;
	char left[64];

	if (!progress->terminal || progress->line_open)
		return;
	str_addf(&line, "%s: %zu commit%s left, %u running, %zu run%s done", state->phase, state->left,
		state->left == 1 ? "" : "s", state->running, state->runs, state->runs == 1 ? "" : "s");
	if (state->time_left_ms >= 0)
		str_addf(&line, ", about %s left", clock_format_duration(left, sizeof(left), state->time_left_ms));
	/* A wrapped line could not be rewritten. */
	if (!ioctl(STDERR_FILENO, TIOCGWINSZ, &size) && size.ws_col > 1 && line.len >= size.ws_col)
		str_set_len(&line, size.ws_col - 1u);
	file_write_all(STDERR_FILENO, "\r\033[K", 4, NULL);
	file_write_all(STDERR_FILENO, line.buf, line.len, NULL);
	progress->shown = true;
	str_release(&line);
}

void progress_pass_on(struct progress *progress, const char *bytes, size_t len)
{
	if (!len)
		return;
	if (progress->shown)
		progress_clear(progress);
	file_write_all(STDERR_FILENO, bytes, len, NULL);
	progress->line_open = bytes[len - 1] != '\n';
}
