/* WHAT   The daemon's answer to GET front as a struct, and its shapes for people: headline, table, CSV,
 *        picture.
 * WHO    front, watch.
 * UNITS  Scores in the objectives' own units; hypervolume in endpoint-normalised units; NaN = not known.
 * MEMORY parse/fini.
 * ERRORS ERR_CORRUPT: the answer is not what the protocol says; the sentence names the member.
 * STATE  None. */
#ifndef CLIENT_FRONT_H
#define CLIENT_FRONT_H

#include "proto/buf.h"
#include "proto/json.h"
#include "proto/search_spec.h"

#include <stdint.h>

struct front_score {
    double mean, stderr_of; /* NaN: none */
};

enum front_set { FRONT_MEMBER, FRONT_SWEEP, FRONT_OTHER, FRONT_DOUBTFUL };

struct front_point {
    int64_t trial;
    char kind[16];
    bool on_front; /* a sweep trial can be */
    bool in_sweep;
    double *ratios;    /* [groups_n] */
    double *effective; /* [groups_n] as they came out, NaN without an update; NULL: not known */
    double mean_ratio;
    double confidence; /* 0 … 1, of being on the front; NaN: not known */
    char verdict[12];  /* "front", "doubtful", "dominated"; "" = not known */
    double share;      /* of its items that are scored */
    char path[12]; /* how it was proposed: "direct", "design", "model", "repeat", "fill"; "" = not known */
    int64_t repeat_of; /* -1: no repeat */
    bool has_posterior;
    bool has_heldout;
    struct front_score scores[SPEC_OBJECTIVES_MAX];    /* [objectives_n] */
    struct front_score heldout[SPEC_OBJECTIVES_MAX];   /* [objectives_n] when has_heldout */
    struct front_score posterior[SPEC_OBJECTIVES_MAX]; /* [objectives_n] when has_posterior: mean and sd */
};

/* Trials to ship; in the order of front_pick_words. */
enum front_pick { FRONT_KNEE, FRONT_CERTAIN, FRONT_LEAST_TAX, FRONT_PICKS_N };

/* What the models say of the whole; NaN: not known. */
struct front_insight {
    double value, low, median, high; /* hypervolume of the posterior means; 5, 50, 95 % of its draws */
    double gain;                     /* of the last proposal */
    int64_t watermark, events;       /* how many events it knows, of how many */
};

struct front_counts {
    int64_t total, done, failed, running, stopped;
};

struct front {
    int64_t id;
    char name[SPEC_NAME_MAX];
    char state[16];
    char *stalled; /* why nobody works on it; NULL: somebody may */
    char *note;    /* why there is no front, nor will be one; NULL: there may be */
    int objectives_n;
    struct {
        char name[64];
        bool minimise;
    } objectives[SPEC_OBJECTIVES_MAX];
    int groups_n;
    char groups[SPEC_GROUPS_MAX + 1][64];
    struct front_counts progress, confirm;
    double eta_s, hypervolume, sweep_hypervolume, heldout_hypervolume, heldout_sweep_hypervolume;
    bool by_posterior; /* the front is that of posterior means, not of the scores as they came */
    bool has_insight, has_confidence; /* of the whole; of some point */
    struct front_insight insight;
    int64_t picks[FRONT_PICKS_N]; /* -1: none */
    size_t points_n;
    struct front_point *points; /* front, sweep, dominated; every trial once */
};

int front_parse(const struct json *j, struct front *front, struct err *err);
void front_fini(struct front *front);

/* True when some point has held-out scores. */
bool front_has_heldout(const struct front *front);

/* "hypervolume 0.9270 (sweep 0.9220), held-out 0.9200 (sweep 0.9100)", or why there is none; without a
 * newline. */
void front_headline(const struct front *front, struct buf *out);

extern const char *const front_pick_words[FRONT_PICKS_N]; /* "knee", "certain", "least-tax" */

/* The pick that the first n bytes are the word of, as it is above or as JSON has it ("least_tax"); -1: none. */
int front_pick_find(const char *word, size_t n);

/* Whether the search of this answer is done and its model does not know all of it yet. */
bool front_is_early(const struct json *j);

/* "the model knows 57 of 152 events …" and a newline, when the search is done and there are more; else nothing. */
void front_lag(const struct front *front, struct buf *out);

/* What the models say, a line each: the hypervolume with its interval, the picks. Nothing when they say nothing. */
void front_says(const struct front *front, struct buf *out);

/* "! nobody works on this search: REASON (paretoctl workers)" and a newline; nothing when it does not stand still. */
void front_stalled(const struct front *front, struct buf *out);

/* A line for each objective whose two ends (the sweep's trials with all ratios smallest and largest) differ by
 * less than 2 standard errors: the unit of the hypervolume is then mostly noise. Nothing without a hypervolume,
 * nor where a standard error is not known and the ends differ. */
void front_warnings(const struct front *front, struct buf *out);

/* What is shown, in which order. */
struct front_view {
    bool all;     /* sweep and dominated trials too */
    bool heldout; /* held-out scores instead of those of the search; points without are left out */
    int columns;  /* of the terminal that the table is for; 0: no terminal, as wide as it is */
    int x, y;     /* of the picture: the number of an objective from 1; 0: as front_picture chooses */
};

/* Sorted by the (shown) first objective, ascending. A line above the table names the groups of the ratios. On a
 * terminal that the table is too wide for, the held-out scores stand in a second table, then columns are left
 * out. */
void front_table(const struct front *front, const struct front_view *view, struct buf *out);
void front_csv(const struct front *front, const struct front_view *view, struct buf *out);

/* Finds an objective by name, *number from 1. ERR_INVALID names the nearest. */
int front_objective(const struct front *front, const char *name, int *number, struct err *err);

/* Two objectives: the first two unless the view says others, or with one objective the mean ratio and the
 * objective. Always all points. */
void front_picture(const struct front *front, const struct front_view *view, int columns, int rows,
                   bool colour, struct buf *out);

#endif
