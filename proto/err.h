/* WHAT   The error codes of every room, and the one sentence that goes with a failure.
 * WHO    Everybody.
 * UNITS  None.
 * MEMORY struct err is the caller's; it owns nothing.
 * ERRORS A function that can fail returns 0 or one of these codes and, when `err` is not NULL, a sentence in
 *        it.
 * STATE  None. */
#ifndef PROTO_ERR_H
#define PROTO_ERR_H

#define ERR_CODES(X)                                                                                         \
    X(INVALID, -1, "invalid")          /* the input breaks a rule; the sentence names the field */           \
    X(NOT_FOUND, -2, "not_found")      /* no such thing */                                                   \
    X(CONFLICT, -3, "conflict")        /* not allowed in the present state */                                \
    X(IO, -4, "io")                    /* the operating system refused */                                    \
    X(CORRUPT, -5, "corrupt")          /* bytes on disk or wire are not what they must be */                 \
    X(TOO_LARGE, -6, "too_large")      /* over a stated limit */                                             \
    X(UNSUPPORTED, -7, "unsupported")  /* well-formed, but not something we do */                            \
    X(TIMEOUT, -8, "timeout")          /* a stated time limit ran out */                                     \
    X(CANCELLED, -9, "cancelled")      /* stopped on request */                                              \
    X(NOT_READY, -10, "not_ready")     /* ask again when more is known */                                    \
    X(UNREACHABLE, -11, "unreachable") /* the peer does not answer */                                        \
    X(EVALUATOR, -12, "evaluator")     /* the evaluator failed; the sentence says how */

enum err_code {
    ERR_OK = 0,
#define X(name, value, text) ERR_##name = value,
    ERR_CODES(X)
#undef X
};

struct err {
    int code;
    char text[512]; /* one sentence for a person: names the field, file or tensor and what to do */
};

/* Fills *err (may be NULL) and returns `code`, so that `return err_set(err, ERR_IO, "…")` is the idiom.
 * A longer sentence is cut at the end of text. */
int err_set(struct err *err, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Puts "prefix: " before the sentence already in *err; returns err->code, or `code` when err is NULL. */
int err_prefix(struct err *err, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Makes text one line: control characters of names and values in it become '?'. err_set and err_prefix do it. */
void err_line(char *text);

/* The name of a code as it stands in JSON, "unknown" for any other number. Static storage. */
const char *err_name(int code);

#endif
