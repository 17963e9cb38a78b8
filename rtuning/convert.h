/* WHAT   Published data sets as questions: ParaRel, MMLU, WiCE, HotpotQA, FEVER, HaluEval, SelfAware, FalseQA, NEC.
 * WHO    The client.
 * UNITS  None.
 * MEMORY Questions are appended to the caller's set.
 * ERRORS ERR_INVALID: no such format. Of the file as in rows.h. Bad rows go to bad_rows.
 * STATE  None. docs/RTUNING.md describes the formats. */
#ifndef RTUNING_CONVERT_H
#define RTUNING_CONVERT_H

#include "rtuning/question.h"

#include <stdint.h>

struct convert_format {
    const char *name;  /* "pararel" */
    const char *line;  /* what its rows look like */
    const char *under; /* as rows_open takes it */
    int (*row)(const struct json *row, const char *key, bool compat_code, const struct json *shots,
               struct question *out, struct err *err);
};

extern const struct convert_format convert_formats[];
extern const size_t convert_formats_n;

/* NULL, and a sentence with the nearest name, when there is none. */
const struct convert_format *convert_find(const char *name, struct err *err);

struct convert_options {
    bool compat_code;         /* the prompts of the published code, to the byte */
    const struct json *shots; /* NULL, or MMLU's examples: {"subject": [[question, A, B, C, D, letter], …]} */
};

/* Appends the questions of a file. One without an id of its own is called FORMAT-N, N its place among the set's. */
int convert_file(const struct convert_format *format, const char *path, const struct convert_options *options,
                 struct question_set *set, struct bad_rows *bad, struct err *err);

struct convert_choice {
    enum question_domain domain; /* of all; QUESTION_NO_DOMAIN: as in_subjects says */
    size_t
        in_subjects; /* the first so many subjects, in the order they come, are "in", others "out"; 0: no */
    size_t sample_n; /* keep so many, drawn by the seed, in the order they came; 0: all */
    double heldout;  /* share that is the half "heldout", drawn; the rest "search"; 0: no halves */
    uint64_t seed;
};

/* Domains first, then the sample, then the halves. */
void convert_choose(struct question_set *set, const struct convert_choice *choice);

#endif
