/* WHAT   One evaluation without a daemon: `pareto-worker --evaluate search.json --ratios 0.2,0.5,0.8`.
 * WHO    worker/main.c; people who try an evaluator before they start a search.
 * UNITS  Ratios: weight of the tuned checkpoint.
 * MEMORY None that outlives the call.
 * ERRORS Those of proto/search_spec.h and worker/evaluator.h.
 * STATE  None. */
#ifndef WORKER_ONCE_H
#define WORKER_ONCE_H

#include "proto/err.h"

#include <stdatomic.h>
#include <stdbool.h>

struct once_options {
    const char *search;  /* path of a search.json */
    const char *ratios;  /* "0.2,0.5,0.8" */
    const char *half;    /* "search" or "heldout" */
    const char *scratch; /* directory */
    bool written;        /* what the model wrote is printed with the scores */
    int slices; /* 0, 1: the evaluation is not cut; else the scores so far are printed after each slice */
};

/* Prints one JSON object on standard output: what a worker would report. With slices, before it a line for each of them
 * but the last. */
int once_run(const struct once_options *options, const atomic_bool *cancel, struct err *err);

#endif
