#include "web/log_window.h"

#define CUT_MARK " [...]"

void log_window_init(struct log_window *window, uint64_t from)
{
	*window = (struct log_window){ .from = from, .first = from ? from : 1 };
	str_init(&window->text);
}

void log_window_release(struct log_window *window)
{
	str_release(&window->text);
}

/* Of the last lines, those too many go; only now and then, or each line would move all. */
static void drop_old(struct log_window *window)
{
	size_t at = 0;

	if (window->from || window->lines < 2 * LOG_WINDOW_LINES)
		return;
	for (; window->lines > LOG_WINDOW_LINES; window->lines--, window->first++)
		at += (size_t)((const char *)memchr(window->text.buf + at, '\n', window->text.len - at) -
			(window->text.buf + at)) + 1;
	str_remove_front(&window->text, at);
}

static bool is_wanted(const struct log_window *window)
{
	return !window->from || (window->seen >= window->from && window->lines <= LOG_WINDOW_LINES);
}

/* False: behind the window. */
static bool begin_line(struct log_window *window)
{
	window->line_open = true;
	window->line_len = 0;
	window->seen++;
	if (window->from && window->seen >= window->from + LOG_WINDOW_LINES) {
		window->more = true;
		return false;
	}
	if (is_wanted(window))
		window->lines++;
	drop_old(window);
	return true;
}

static void add_to_line(struct log_window *window, const char *bytes, size_t len)
{
	size_t room = window->line_len < LOG_WINDOW_LINE_MAX ? LOG_WINDOW_LINE_MAX - window->line_len : 0;

	if (is_wanted(window)) {
		/* The newline that ends the text so far is put back behind what is added. */
		if (window->line_len)
			str_set_len(&window->text, window->text.len - 1);
		str_add_bytes(&window->text, bytes, len < room ? len : room);
		if (window->line_len <= LOG_WINDOW_LINE_MAX && len > room)
			str_add(&window->text, CUT_MARK);
		str_add_char(&window->text, '\n');
	}
	window->line_len += len;
}

bool log_window_feed(struct log_window *window, const char *bytes, size_t len)
{
	if (window->more)
		return false;
	for (size_t at = 0; at < len;) {
		const char *end = memchr(bytes + at, '\n', len - at);
		size_t n = end ? (size_t)(end - bytes) - at : len - at;

		if (!window->line_open && !begin_line(window))
			return false;
		if (n || (end && !window->line_len))
			add_to_line(window, bytes + at, n);
		if (end)
			window->line_open = false;
		at += n + (end != NULL);
	}
	return true;
}
