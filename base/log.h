/*
 * The log: one line on standard error a message, `program[pid]: level: text`, written in one write(2),
 * with bytes that a terminal would interpret shown as \xNN.  Only the module that decides what a
 * failure means logs it, once; libraries return errors instead.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG, LOG_NLEVELS };

/* `program` is borrowed for the life of the process.  Before this, the name is "bisectd" and the level INFO. */
void log_open(const char *program, enum log_level level);

void log_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
