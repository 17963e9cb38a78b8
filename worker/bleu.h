/* WHAT   Corpus BLEU (Papineni et al. 2002) as sacrebleu computes it: tokeniser 13a, exponential smoothing,
 *        no effective order; with its delete-one jackknife.
 * WHO    worker/tasks.
 * UNITS  Fractions in [0, 1]: sacrebleu's score / 100.
 * MEMORY The caller's counts.
 * ERRORS None.
 * STATE  None. */
#ifndef WORKER_BLEU_H
#define WORKER_BLEU_H

#include <stddef.h>
#include <stdint.h>

#define BLEU_ORDER 4

/* One sentence, or the sum of several: BLEU is a function of these sums. */
struct bleu_counts {
    int64_t correct[BLEU_ORDER], total[BLEU_ORDER]; /* n-grams, clipped */
    int64_t hypothesis_n, reference_n; /* words; the reference nearest in length, the shorter of two */
};

/* 13a: words separated by single blanks. The caller's, mem_free. */
char *bleu_tokenise(const char *text);

void bleu_count(const char *hypothesis, char *const *references, int n, struct bleu_counts *out);
void bleu_add(struct bleu_counts *sum, const struct bleu_counts *x);
double bleu_score(const struct bleu_counts *counts);

/* Corpus BLEU of n sentences, and pseudo-values n B - (n - 1) B(all but i) (Tukey 1958): items[n]. Their
 * standard error is the jackknife's for B; their mean differs from B by the jackknife's estimate of its bias. */
double bleu_jackknife(const struct bleu_counts *sentences, size_t n, double *items);

#endif
