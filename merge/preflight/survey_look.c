/* One tensor of a survey: hashed, counted, and a sample of it merged at all ratios. */
#include "merge/floats.h"
#include "merge/preflight/survey_internal.h"
#include "proto/mem.h"

#include <time.h>

#define CHUNK (1u << 20) /* bytes read at a time, of each side */
#define BITE (64u << 10) /* bytes looked at in all ways while they are in the cache */

struct survey_hands {
    struct hash_stream *streams[2];
    char *rooms[2];              /* [CHUNK] */
    void *outs[SURVEY_RATIOS_N]; /* [SURVEY_SPAN_N] of 8 bytes */
    double merge_s;
};

/* Where a tensor is looked at. */
struct look {
    struct survey_pass *pass;
    struct survey_hands *hands;
    struct survey_work *work;
    struct merge_task nearest, stochastic;
    size_t width; /* bytes an element */
};

struct survey_hands *survey_hands_create(void)
{
    struct survey_hands *hands = mem_zero(1, sizeof *hands);
    for (int side = 0; side < 2; side++) {
        hands->streams[side] = hash_create();
        hands->rooms[side] = mem_zero(CHUNK, 1);
    }
    for (size_t r = 0; r < SURVEY_RATIOS_N; r++)
        hands->outs[r] = mem_zero(SURVEY_SPAN_N, 8);
    return hands;
}

double survey_hands_destroy(struct survey_hands *hands)
{
    double merge_s = hands->merge_s;
    for (int side = 0; side < 2; side++) {
        hash_destroy(hands->streams[side]);
        mem_free(hands->rooms[side]);
    }
    for (size_t r = 0; r < SURVEY_RATIOS_N; r++)
        mem_free(hands->outs[r]);
    mem_free(hands);
    return merge_s;
}

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* A span at all ratios, rounded both ways. */
static int try_span(struct look *look, const char *base, const char *tuned, uint64_t first, uint64_t n,
                    struct err *err)
{
    struct survey_hands *hands = look->hands;
    struct survey_tensor *seen = look->work->seen;
    double began_s = now_s();
    int rc = merge_span(&look->nearest, base, tuned, first, n, SURVEY_RATIOS_N, survey_ratios, hands->outs,
                        seen->nearest, err);
    /* The sample stands for `stride` times as much; at one ratio of the nine. */
    hands->merge_s += (now_s() - began_s) / SURVEY_RATIOS_N * (double)look->pass->stride;
    if (!rc)
        rc = merge_span(&look->stochastic, base, tuned, first, n, SURVEY_RATIOS_N, survey_ratios, hands->outs,
                        seen->stochastic, err);
    return rc;
}

static int measure(struct look *look, const char *base, const char *tuned, uint64_t at, size_t bytes,
                   struct err *err)
{
    uint64_t first = at / look->width, n = bytes / look->width;
    int rc = 0;
    for (uint64_t i = 0; i < n; i += TALLY_BLOCK_N) {
        size_t block = n - i < TALLY_BLOCK_N ? (size_t)(n - i) : TALLY_BLOCK_N;
        tally_block(look->nearest.base->dtype, look->nearest.dtype, base + i * look->width,
                    tuned + i * look->width, block, &look->work->seen->tally);
    }
    for (uint64_t i = 0; !rc && i < n; i += SURVEY_SPAN_N)
        if ((first + i) / SURVEY_SPAN_N % look->pass->stride == 0)
            rc = try_span(look, base + i * look->width, tuned + i * look->width, first + i,
                          n - i < SURVEY_SPAN_N ? n - i : SURVEY_SPAN_N, err);
    return rc;
}

/* Bytes `at` … of both sides, bite by bite. */
static int look_at(struct look *look, uint64_t at, size_t n, struct err *err)
{
    const char *bytes[2] = {NULL, NULL};
    for (int side = 0; side < 2; side++) {
        if (!look->work->of[side])
            continue;
        bytes[side] = st_read(look->work->of[side], at, n, look->hands->rooms[side], err);
        if (!bytes[side])
            return err->code;
    }
    int rc = 0;
    for (size_t i = 0; !rc && i < n; i += BITE) {
        size_t bite = n - i < BITE ? n - i : BITE;
        for (int side = 0; side < 2; side++)
            if (bytes[side])
                hash_add(look->hands->streams[side], bytes[side] + i, bite);
        if (look->width)
            rc = measure(look, bytes[0] + i, bytes[1] + i, at + i, bite, err);
    }
    for (int side = 0; side < 2; side++)
        if (bytes[side])
            st_behind(look->work->of[side], at, n);
    return rc;
}

/* Both sides beside each other when they have the same size; then each for itself. */
static int walk(struct look *look, uint64_t bytes, struct err *err)
{
    int sides = (look->work->of[0] != NULL) + (look->work->of[1] != NULL);
    for (int side = 0; side < 2; side++)
        hash_reset(look->hands->streams[side]);
    for (uint64_t at = 0; at < bytes; at += CHUNK) {
        size_t n = bytes - at < CHUNK ? (size_t)(bytes - at) : CHUNK;
        int rc = look_at(look, at, n, err);
        if (!rc)
            rc = survey_advance(look->pass, (uint64_t)sides * n, err);
        if (rc)
            return rc;
    }
    for (int side = 0; side < 2; side++)
        if (look->work->of[side])
            *look->work->hash[side] = hash_value(look->hands->streams[side]);
    return 0;
}

/* A name whose tensors are not a pair: each is hashed for itself. */
static int walk_alone(struct look *look, struct err *err)
{
    struct survey_work both = *look->work, one;
    int rc = 0;
    for (int side = 0; !rc && side < 2; side++) {
        if (!both.of[side])
            continue;
        one = (struct survey_work){0};
        one.of[side] = both.of[side];
        one.hash[side] = both.hash[side];
        look->work = &one;
        rc = walk(look, one.of[side]->bytes, err);
    }
    return rc;
}

int survey_look(struct survey_pass *pass, struct survey_hands *hands, struct survey_work *work,
                struct err *err)
{
    struct look look = {.pass = pass, .hands = hands, .work = work};
    struct survey_tensor *seen = work->seen;
    if (!seen || work->of[0]->bytes != work->of[1]->bytes)
        return walk_alone(&look, err);
    struct merge_how nearest = pass->how, stochastic = pass->how;
    nearest.rounding = ROUND_NEAREST;
    stochastic.rounding = ROUND_STOCHASTIC;
    seen->elements = work->of[0]->elements;
    seen->is_float = floats_can(work->of[0]->dtype);
    if (seen->is_float) {
        int rc = merge_begin(&look.nearest, work->of[0], work->of[1], &nearest, err);
        if (!rc)
            rc = merge_begin(&look.stochastic, work->of[0], work->of[1], &stochastic, err);
        if (rc)
            return rc;
        look.width = st_dtype_bits(work->of[0]->dtype) / 8;
    }
    return walk(&look, work->of[0]->bytes, err);
}
