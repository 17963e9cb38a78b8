/* WHAT   Refusal-aware training data of identified questions: padding (R-Tuning), replacement (R-Tuning-R), unsupervised
 *        (R-Tuning-U), as segments with loss flags, LMFlow files or chat messages (Zhang et al., NAACL 2024, sections 2.2,
 *        2.3, 5.1, A.3).
 * WHO    The client.
 * UNITS  Text in UTF-8.
 * MEMORY construct_example / example_fini. Writers append to the caller's buffer.
 * ERRORS ERR_INVALID with a sentence: what of a question is missing.
 * STATE  None. Chance is a seed and the question's number, so an example does not depend on its neighbours. */
#ifndef RTUNING_CONSTRUCT_H
#define RTUNING_CONSTRUCT_H

#include "proto/buf.h"
#include "rtuning/question.h"

#include <stdint.h>

enum construct_method { CONSTRUCT_PADDING, CONSTRUCT_REPLACEMENT, CONSTRUCT_UNSUPERVISED };
enum construct_format { CONSTRUCT_SEGMENTS, CONSTRUCT_LMFLOW, CONSTRUCT_CHAT };

/* In the order of the enums; each ends at NULL. */
extern const char *const construct_methods[];
extern const char *const construct_formats[];

struct construct_options {
    enum construct_method method;
    enum construct_format format;
    bool compat_code; /* loss on every token, the code's expressions and split, LMFlow's text_only */
    uint64_t seed;
};

enum segment_role { SEGMENT_PROMPT, SEGMENT_ANSWER, SEGMENT_PROBE, SEGMENT_VERDICT };

#define SEGMENTS_MAX 4

struct example {
    char *id;
    char *asked; /* the prompt as a person would ask it */
    bool certain;
    bool replaced; /* the answer is an expression of uncertainty */
    struct {
        enum segment_role role;
        char *text; /* the example's text is the segments one after the other */
        bool loss;
    } segments[SEGMENTS_MAX];
    int segments_n;
};

/* Decides who is certain, certain[set->n]: as identified, or for CONSTRUCT_UNSUPERVISED by the entropies ("entropy", else of
 * "samples"). usable[i] is false, and `why(ctx, i, sentence)` is called, for a question that gives no example. *torn as in
 * certainty_split. */
int construct_decide(const struct question_set *set, const struct construct_options *options, bool *certain,
                     bool *usable, size_t *torn, void (*why)(void *ctx, size_t i, const char *sentence),
                     void *ctx, struct err *err);

/* Example `number` (of its file, from 0) of a usable question.
 *     padding:      PROMPT lead ANSWER. | Are you sure … I am | sure.        loss on the answer and the verdict alone
 *     replacement:  PROMPT lead ANSWER.   or   PROMPT lead EXPRESSION        loss on what follows the prompt */
void construct_example(const struct question *q, bool certain, size_t number,
                       const struct construct_options *options, struct example *out);
void example_fini(struct example *e);

/* A file: begin, the examples, end. */
void construct_begin(const struct construct_options *options, struct buf *out);
void construct_write(const struct example *e, bool is_first, const struct construct_options *options,
                     struct buf *out);
void construct_end(const struct construct_options *options, struct buf *out);

#endif
