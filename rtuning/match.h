/* WHAT   Is a written answer right?
 * WHO    The worker when it identifies and when it scores.
 * UNITS  Text in UTF-8; scores of choices in any one unit.
 * MEMORY Nothing is kept.
 * ERRORS ERR_INVALID for choices that cannot be compared.
 * STATE  None. */
#ifndef RTUNING_MATCH_H
#define RTUNING_MATCH_H

#include "proto/err.h"

#include <stdbool.h>
#include <stddef.h>

enum match_rule {
    MATCH_PAPER,    /* an answer is a substring of what was written (A.1) */
    MATCH_SENTENCE, /* … of what was written before the first '.' */
    MATCH_CODE /* as the published code: as MATCH_SENTENCE, but without a '.' the last character is lost */
};

/* How many bytes of what was written the rule looks at; samples are compared as far. */
size_t match_cut(enum match_rule rule, const char *text);

/* output: the first few tokens as text (the caller limits them; paper and code take 15). Bytes are compared: case counts.
 * Blanks around an answer do not count, and an empty answer is never there.
 * Danger: short answers are found inside longer words ("no" in "nothing"). */
bool match_open(enum match_rule rule, const char *output, char *const *answers, size_t answers_n);

/* The index of the greatest of n scores, the first of equals. ERR_INVALID when n is 0 or one is NaN. */
int match_choice(const double *scores, size_t n, int *out, struct err *err);

/* Whether a chosen choice counts as right: chosen == gold. MATCH_CODE: the right choice's text is a substring of the chosen
 * one's, as the code has it for WiCE, where "supported" is in "not_supported" and every such question is certain. */
bool match_chosen(enum match_rule rule, char *const *choices, int chosen, int gold);

#endif
