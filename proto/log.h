/* WHAT   One line an event on standard error: `time level event key=value …`.
 * WHO    The programs (daemon, worker, client). Lower rooms do not log: they return a code and a sentence.
 * UNITS  Wall time, for people.
 * MEMORY None.
 * ERRORS None.
 * STATE  The level, the one mutable global of the project. */
#ifndef PROTO_LOG_H
#define PROTO_LOG_H

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

void log_set_level(enum log_level level);
/* details: printf format of "key=value key=value"; values with blanks in double quotes. Control characters, which a
 * sentence may quote from outside, become '?': one event is one line. */
void log_event(enum log_level level, const char *event, const char *details, ...)
    __attribute__((format(printf, 3, 4)));

#endif
