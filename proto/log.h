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
/* details: printf format of "key=value key=value"; text from elsewhere as key=%s of LOG_QUOTE. Control characters, which a
 * sentence may quote from outside, become '?': one event is one line. */
void log_event(enum log_level level, const char *event, const char *details, ...)
    __attribute__((format(printf, 3, 4)));

#define LOG_VALUE_MAX 1100 /* the sentence of a struct err, every byte of it escaped */
/* text (NULL: empty) in double quotes, with \" and \\ before what would end or change it; cut at LOG_VALUE_MAX.
 * Returns out. */
const char *log_quote(const char *text, char out[LOG_VALUE_MAX]);
/* The same in a buffer that lives until the end of the enclosing block. */
#define LOG_QUOTE(text) log_quote((text), (char[LOG_VALUE_MAX]){0})

#endif
