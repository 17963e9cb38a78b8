/* WHAT   What a set of questions holds: how many are certain, by subject and domain, how long answers are, a few examples;
 *        and what of it is in another set too.
 * WHO    The client.
 * UNITS  Characters (code points) of answers; shares in [0, 1].
 * MEMORY report_make / report_fini; borrows the questions of both sets until then.
 * ERRORS None.
 * STATE  None. */
#ifndef RTUNING_REPORT_H
#define RTUNING_REPORT_H

#include "rtuning/question.h"

#include <stdint.h>

struct report_counts {
    size_t n, answerable_n, certain_n, uncertain_n;
};

struct report_group {
    const char *name; /* borrowed */
    struct report_counts counts;
};

/* Of the first answers of open questions; all 0 when there is none. */
struct report_length {
    size_t n, min, median, max;
    double mean;
};

/* Pairs of questions, one in each set, that say the same. Both counts are of questions of the first set. */
struct report_leak {
    const struct question *here, *there;
    bool answer_too; /* the same answer too: the label leaks */
};

#define REPORT_LEAKS_KEPT 20

struct report {
    struct report_counts all;
    struct report_group *subjects; /* in alphabetical order; questions without one are in none */
    size_t subjects_n;
    struct report_group domains[2];                                /* "in", "out" */
    struct report_length length, certain_length, uncertain_length; /* all, certain and uncertain questions */
    const struct question **certain, **uncertain; /* [examples_n each, or fewer] drawn by the seed */
    size_t certain_n, uncertain_n;
    size_t repeated_n; /* questions that stand in the set before */
    size_t leaks_n, label_leaks_n;
    struct report_leak leaks[REPORT_LEAKS_KEPT]; /* in the order of the first set */
};

/* other: NULL, or the set to compare with. Two questions are the same when question and context are, both normalised: with
 * another context a question asks something else. */
void report_make(const struct question_set *set, const struct question_set *other, size_t examples_n,
                 uint64_t seed, struct report *out);
void report_fini(struct report *report);

/* Appends text as leaks compare it: ASCII letters lower, everything else of ASCII but digits a blank, blanks joined. */
void report_normalise(const char *text, struct buf *out);

#endif
