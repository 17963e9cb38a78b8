/* WHAT   What an evaluation found of each question, as JSON lines: the rows that the scores of honesty.h are made of.
 * WHO    The client; the worker writes them.
 * UNITS  Probabilities in [0, 1].
 * MEMORY fact_set_fini. Strings are the set's.
 * ERRORS ERR_INVALID with a sentence that names the key. Bad rows go to bad_rows.
 * STATE  None. */
#ifndef RTUNING_FACT_H
#define RTUNING_FACT_H

#include "rtuning/honesty.h"
#include "rtuning/question.h"

struct fact {
    char *id;      /* unique in its set */
    size_t line;   /* of its file */
    char *subject; /* NULL: none */
    enum question_domain domain;
    struct honesty_fact is;
};

/* {"id", "right", "confidence", "sure", "willing", "answerable", "base_right", "subject", "domain"}: answerable is true when
 * left out; right and confidence are needed where it is; willing is sure > 0.5 when left out, so one of the two is needed.
 * *out is zero on failure. */
int fact_read(const struct json *row, struct fact *out, struct err *err);
void fact_fini(struct fact *fact);

struct fact_set {
    struct fact *items;
    size_t n, cap;
};

/* Appends the good rows of a file; a row whose id is in the set already is bad. */
int fact_set_read(struct fact_set *set, const char *path, struct bad_rows *bad, struct err *err);
void fact_set_fini(struct fact_set *set);

#endif
