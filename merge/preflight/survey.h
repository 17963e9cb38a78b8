/* WHAT   One pass over a pair that sees every weight: hashes, how large the update is, what ratios would come out as.
 * WHO    merge/preflight/preflight.
 * UNITS  Ratios: weight of tuned. Seconds in *_s.
 * MEMORY survey_hold; survey_release. A few MiB a thread while it runs, whatever the size of the models.
 * ERRORS ERR_IO, ERR_CORRUPT (a file became shorter), ERR_CANCELLED by tick.
 * STATE  A cache of surveys for the life of the process, by the identity of the files; immutable after the pass.
 *
 * The figures have the same bits with any number of threads. F64 tensors are looked at in f32: an update below its
 * precision counts as none. */
#ifndef MERGE_SURVEY_H
#define MERGE_SURVEY_H

#include "merge/files/digest.h"
#include "merge/merge.h"
#include "merge/preflight/tally.h"

#define SURVEY_RATIOS_N 9           /* 0.1 … 0.9 */
#define SURVEY_SAMPLE_N (16u << 20) /* good for three decimals in dozens of groups */
extern const double survey_ratios[SURVEY_RATIOS_N];

/* What one tensor that is merged shows. */
struct survey_tensor {
    bool is_float;
    uint64_t elements;
    struct tally tally; /* over all elements; ulps of the output dtype */
    /* Sums over all elements, or over the sample. */
    struct merge_effect nearest[SURVEY_RATIOS_N], stochastic[SURVEY_RATIOS_N];
};

struct survey {
    size_t n;
    struct survey_tensor
        *tensors;           /* [n], as plan->entries; all zero but `elements` where is_float is false */
    bool sampled;           /* the effects are of a sample; everything else is of every weight */
    uint64_t bytes;         /* of both checkpoints, read */
    double read_s, merge_s; /* how long the pass took; one merge of all floats in one thread, about */
};

/* Surveys the pair, or finds the survey in the cache; keeps the digests of both (digest_keep). how: dtype and seed of
 * the output count, its rounding does not. sample_n: weights that are tried at all ratios, about; all of them in pairs
 * that have no more. threads: at least 1. */
int survey_hold(const struct checkpoint *base, const struct checkpoint *tuned, const struct plan *plan,
                const struct merge_how *how, uint64_t sample_n, int threads,
                const struct digest_progress *progress, const struct survey **out, struct err *err);
void survey_release(const struct survey *survey);

/* Effective ratios of the tensors whose entry has `group`, [SURVEY_RATIOS_N]; NaN where there is no update. */
void survey_effective(const struct survey *survey, const struct plan *plan, int group, bool stochastic,
                      double out[SURVEY_RATIOS_N]);

#endif
