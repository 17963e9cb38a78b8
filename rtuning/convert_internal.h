/* WHAT   What the converters share: texts of a row, and one function a format.
 * WHO    rtuning/convert*.c. Nobody else includes it.
 * UNITS  None.
 * MEMORY Fills the caller's question, which convert.c frees when a converter fails.
 * ERRORS ERR_INVALID with a sentence that names the key.
 * STATE  None. */
#ifndef RTUNING_CONVERT_INTERNAL_H
#define RTUNING_CONVERT_INTERNAL_H

#include "rtuning/convert.h"

#define CONVERT_TEXT_MAX ((size_t)256 << 20)

/* A text that is there and not empty, borrowed. */
int convert_text(const struct json *row, const char *key, const char **out, struct err *err);
/* One that may be a number too; the caller's. NULL when there is none. */
char *convert_id(const struct json *row, const char *key);
/* An array of texts joined by `with`; the caller's. */
int convert_joined(const struct json *array, const char *name, const char *with, char **out, struct err *err);
/* Element i of an array when it is a text, else "". */
const char *convert_element(const struct json *array, size_t i);
void convert_add_answer(struct question *q, const char *answer);
void convert_add_choice(struct question *q, const char *choice);

int convert_pararel(const struct json *row, const char *key, bool compat_code, const struct json *shots,
                    struct question *out, struct err *err);
int convert_mmlu(const struct json *row, const char *key, bool compat_code, const struct json *shots,
                 struct question *out, struct err *err);
int convert_wice(const struct json *row, const char *key, bool compat_code, const struct json *shots,
                 struct question *out, struct err *err);
int convert_fever(const struct json *row, const char *key, bool compat_code, const struct json *shots,
                  struct question *out, struct err *err);
int convert_hotpotqa(const struct json *row, const char *key, bool compat_code, const struct json *shots,
                     struct question *out, struct err *err);
int convert_halueval(const struct json *row, const char *key, bool compat_code, const struct json *shots,
                     struct question *out, struct err *err);
int convert_selfaware(const struct json *row, const char *key, bool compat_code, const struct json *shots,
                      struct question *out, struct err *err);
int convert_falseqa(const struct json *row, const char *key, bool compat_code, const struct json *shots,
                    struct question *out, struct err *err);
int convert_nec(const struct json *row, const char *key, bool compat_code, const struct json *shots,
                struct question *out, struct err *err);

#endif
