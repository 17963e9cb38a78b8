/* WHAT   A question with its right answers, as one JSON object a line: what is asked, how it is split, what a model knew.
 * WHO    rtuning/convert makes them; rtuning/construct, rtuning/report, the worker and the client read them.
 * UNITS  gold counts choices from 0; entropy in nats.
 * MEMORY question_fini; a set owns its questions (question_set_fini). Strings are never NULL where not said so.
 * ERRORS ERR_INVALID with a sentence that names the key.
 * STATE  None. */
#ifndef RTUNING_QUESTION_H
#define RTUNING_QUESTION_H

#include "rtuning/rows.h"

#include <stdbool.h>
#include <stddef.h>

#define QUESTION_CHOICES_MAX 26 /* A to Z */

enum question_kind { QUESTION_OPEN, QUESTION_CHOICE };
enum question_domain { QUESTION_NO_DOMAIN, QUESTION_IN, QUESTION_OUT };
enum question_half { QUESTION_NO_HALF, QUESTION_SEARCH, QUESTION_HELDOUT };
/* What identification found: D1 of the paper is certain, D0 uncertain. */
enum question_certain { QUESTION_UNIDENTIFIED, QUESTION_CERTAIN, QUESTION_UNCERTAIN };

struct question {
    char *id;    /* unique in its file; never empty */
    size_t line; /* of the file it was read from; 0: of none */
    char *text;  /* "question": never empty */
    enum question_kind kind;
    char **answers; /* of open ones, at least one when answerable; the first is what training says */
    size_t answers_n;
    char **choices; /* of choice ones, 2 to QUESTION_CHOICES_MAX */
    size_t choices_n;
    int gold;      /* of choice ones; -1 when not answerable */
    char *context; /* NULL: none. What stands before the question: evidence, knowledge, examples */
    char *subject; /* NULL: none. Relation, field, … */
    char *prompt;  /* NULL: made from the fields (prompt.h); else the exact text before the answer */
    char *lead;    /* NULL: a blank; else the exact text between prompt and answer, perhaps "" */
    bool answerable;
    enum question_domain domain;
    enum question_half half;
    /* what identification adds */
    enum question_certain certain;
    double entropy; /* of sampled answers; NaN: none taken */
    char *output;   /* NULL: not kept. What the model wrote */
    char **samples; /* sampled answers */
    size_t samples_n;
};

/* An answerable open question with nothing in it yet. */
void question_init(struct question *q);
/* Fills *out from a row; unknown keys are refused, with the nearest known one. *out is zero on failure. */
int question_read(const struct json *row, struct question *out, struct err *err);
/* The object with the keys that hold something. Reads back as the same question. */
void question_write(const struct question *q, struct json_out *out);
void question_fini(struct question *q);
/* Frees output and samples: there are none then. */
void question_forget_written(struct question *q);
/* What training says: the first answer, or the letter of the right choice; NULL when the question is not answerable. */
const char *question_answer(const struct question *q);
/* "A" … "Z"; static storage. */
const char *question_letter(int choice);

/* twin[i] of n ids: the same one stands before. */
void question_twins(const char *const *ids, size_t n, bool *twin);

struct question_set {
    struct question *items;
    size_t n, cap;
};

void question_set_fini(struct question_set *set);
/* Moves *q into the set; *q is zero afterwards. */
void question_set_take(struct question_set *set, struct question *q);
/* Appends every good row of a file. Bad rows, and rows whose id is in the set already, go to `bad`. */
int question_set_read(struct question_set *set, const char *path, struct bad_rows *bad, struct err *err);

#endif
