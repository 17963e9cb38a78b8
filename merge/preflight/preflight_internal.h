/* What the files of preflight share. Nobody else includes this. */
#ifndef MERGE_PREFLIGHT_INTERNAL_H
#define MERGE_PREFLIGHT_INTERNAL_H

#include "merge/merge.h"
#include "merge/preflight/preflight.h"
#include "merge/preflight/survey.h"

#include <stdio.h>

#define PREFLIGHT_SAME_MAX 20  /* findings of one kind; then one that says how many more there are */
#define PREFLIGHT_OFF_MAX 0.02 /* an effective ratio this far from the one asked for is worth a warning */

struct preflight {
    const struct search_spec *spec; /* the caller's; NULL after the run */
    struct merge_how how;
    int trials;
    bool is_native;
    struct checkpoint *base, *tuned;                    /* NULL: cannot be opened */
    struct plan *plan;                                  /* NULL: there is none */
    double low[SPEC_RATIOS_MAX], high[SPEC_RATIOS_MAX]; /* the range of each ratio; with a plan */
    bool has_digests;
    struct digest base_digest, tuned_digest;
    const struct survey *survey;        /* NULL: the weights were not read */
    struct preflight_finding *findings; /* [findings_n] */
    size_t findings_n;
    double free_bytes; /* where one would export; NaN: not asked */
};

struct preflight_needs {
    double read_bytes, export_bytes, memory_bytes, merge_s; /* NaN: not known */
};
struct preflight_needs preflight_needs(const struct preflight *p);

void preflight_say(struct preflight *p, enum preflight_level level, const char *field, const char *format,
                   ...) __attribute__((format(printf, 4, 5)));

/* Errors, warnings, notes; within a level as they were found. */
void preflight_sort(struct preflight *p);

/* Findings of one kind: the first PREFLIGHT_SAME_MAX are said, the others counted. true: say this one. */
bool preflight_one_more(size_t *n);
/* "… and 12 more tensors like these". `what`: "tensors". */
void preflight_say_rest(struct preflight *p, enum preflight_level level, const char *field, size_t n,
                        const char *what);

/* The checks; each needs both checkpoints. */
void preflight_config(struct preflight *p); /* config.json of both */
/* Every tensor that differs; when there is no plan. vocabulary_said: that the vocabularies do has been said. */
void preflight_tensors(struct preflight *p, bool vocabulary_said);
void preflight_layout(
    struct preflight *p); /* plan against config.json, vocabulary, head, what is not merged */
void preflight_tokens(struct preflight *p);   /* tokenizers, special tokens */
void preflight_template(struct preflight *p); /* chat templates */
void preflight_numbers(struct preflight *p);  /* what the survey saw */

/* What a group or a fixed ratio (PLAN_MEAN …) has. */
struct preflight_group {
    const char *name;
    uint64_t tensors, parameters; /* all dtypes */
    struct tally tally;
    uint64_t floats; /* elements that are merged */
};
void preflight_group(const struct preflight *p, int group, struct preflight_group *out);

/* A JSON file of a checkpoint's directory; NULL when it is not there, or cannot be read, which is then a warning. */
struct json *preflight_read(struct preflight *p, const struct checkpoint *ckpt, const char *name);

/* A file of a checkpoint's directory, to fclose; NULL when it is not there, or is no file but a pipe or a directory. */
FILE *preflight_open(const struct checkpoint *ckpt, const char *name);

/* A value as it stands in a sentence, cut to fit; "nothing" for NULL. */
struct preflight_value {
    char text[64];
};
struct preflight_value preflight_value(const struct json *value);
bool preflight_same(const struct json *a, const struct json *b); /* NULL equals null */

#endif
