/* WHAT   Exact match and F1 of short answers as in SQuAD 1.1, and the mean of a list with its standard error.
 * WHO    worker/tasks.
 * UNITS  Fractions in [0, 1].
 * MEMORY None kept.
 * ERRORS None.
 * STATE  None. */
#ifndef WORKER_METRICS_H
#define WORKER_METRICS_H

#include <stddef.h>

/* The text in lower case, without ASCII punctuation, without the words a, an, the, single blanks between
 * words (Rajpurkar et al. 2016, evaluate-v1.1.py). The caller's, mem_free. */
char *metrics_normalise(const char *text);

/* 1 when the normalised texts are equal, for the best of answers[n]. */
double metrics_em(const char *text, char *const *answers, int n);

/* Harmonic mean of precision and recall of the words (as multisets), for the best of answers[n]. When one of
 * the two has no words: 1 if both have none, else 0. */
double metrics_f1(const char *text, char *const *answers, int n);

double metrics_mean(const double *x, size_t n);
/* Sample standard deviation (n - 1) / sqrt(n); NaN for n < 2. */
double metrics_stderr(const double *x, size_t n);

#endif
