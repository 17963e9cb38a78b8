/* WHAT   A search as a user writes it: parsed from JSON, every wrong field named at once, defaults filled in.
 * WHO    daemon (at submit), worker (to know the evaluator), client (plan, export).
 * UNITS  Seconds in *_s. Ratios are weights of the tuned checkpoint.
 * MEMORY One struct without pointers but argv and given; search_spec_fini frees these.
 * ERRORS ERR_INVALID, with all wrong fields in struct spec_errors.
 * STATE  None. */
#ifndef PROTO_SEARCH_SPEC_H
#define PROTO_SEARCH_SPEC_H

#include "proto/err.h"
#include "proto/json.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SPEC_NAME_MAX 128
#define SPEC_PATH_MAX 1024
#define SPEC_GROUPS_MAX 64
#define SPEC_OBJECTIVES_MAX 8
#define SPEC_MODELLED_MAX 4 /* objectives of a quadratic or bayes search */
#define SPEC_METRICS_MAX 16 /* metrics in one objective */
#define SPEC_MEANS_MAX 32
#define SPEC_TRIALS_MAX 100000
#define SPEC_ARGV_MAX 64
#define SPEC_PATTERN_MAX 256
#define SPEC_RATIOS_MAX (SPEC_GROUPS_MAX + 1) /* groups, and "ends" */
#define SPEC_GIVEN_MAX 10000
#define SPEC_SOURCE_MAX 64
#define SPEC_SLICES_MAX 64
#define SPEC_SLICES_NATIVE 8 /* unless the search says otherwise */

enum spec_grouping {
    GROUPING_COUNT,      /* count contiguous groups, as equal as can be; the first get the extra layers */
    GROUPING_BOUNDARIES, /* first layer of the 2nd, 3rd … group, ascending */
    GROUPING_NAMED,      /* names with inclusive layer ranges that together cover every layer once */
    GROUPING_LAYERWISE,  /* one group a layer */
};

/* What embeddings (before the layers) and final norm and head (after them) get. */
enum spec_ends {
    ENDS_FOLLOW, /* embeddings with the first group, final norm and head with the last */
    ENDS_MEAN,   /* the mean of the groups' ratios */
    ENDS_BASE,   /* ratio 0 */
    ENDS_TUNED,  /* ratio 1 */
    ENDS_PAPER_CODE, /* embeddings and every norm, those of the layers too, from base; the head at the mean: what the
                      * published code of HMA does */
    ENDS_OWN,        /* one more ratio, the last, named "ends" */
};

enum spec_evaluator {
    EVALUATOR_NATIVE,
    EVALUATOR_COMMAND,  /* a program, started for every evaluation */
    EVALUATOR_RESIDENT, /* a program, started once for many */
    EVALUATOR_EXTERNAL, /* programs that ask and tell; no worker is given its jobs */
};

/* What an evaluator program is handed. Native evaluation is always MERGE_MEMORY; external evaluation is MERGE_NONE
 * without models and MERGE_PLAN with them: its programs merge by themselves. */
enum spec_merge {
    MERGE_MEMORY,
    MERGE_DIRECTORY, /* a merged checkpoint in a temporary directory */
    MERGE_PLAN,      /* the paths of both checkpoints and the plan; the program merges by itself */
    MERGE_NONE,      /* ratios alone: a function of the user's own */
};

enum spec_strategy {
    STRATEGY_SWEEP,
    STRATEGY_HMA,
    STRATEGY_SCALARIZE,
    STRATEGY_SOBOL,
    STRATEGY_QUADRATIC,
    STRATEGY_BAYES,
    STRATEGY_IDENTIFY, /* no search for ratios: trials differ by the items that they evaluate */
};

/* Which tensors of its layers a group has. */
enum spec_kind { KIND_ALL, KIND_ATTENTION, KIND_MLP };

struct spec_group {
    char name[64];
    int first, last; /* layers, inclusive; -1, -1 with `tensors` */
    enum spec_kind kind;
    char tensors[SPEC_PATTERN_MAX]; /* a regular expression for whole names; "" = by layers */
};

/* A group's own range; min == max: frozen at that ratio. */
struct spec_bound {
    char group[64];
    double min, max;
};

/* Groups of the same `set` (0 …) share one ratio. */
struct spec_tie {
    char group[64];
    int set;
};

/* What a merged tensor is written as. */
enum spec_dtype { OUTPUT_SAME, OUTPUT_F32, OUTPUT_BF16, OUTPUT_F16 };
enum spec_rounding { ROUND_NEAREST, ROUND_STOCHASTIC };

/* Tensors that are no floating-point numbers. Equal ones are copied under all but OTHERS_REFUSE. */
enum spec_others {
    OTHERS_EQUAL, /* those that differ are refused */
    OTHERS_BASE,  /* those that differ are base's */
    OTHERS_TUNED,
    OTHERS_REFUSE, /* any such tensor is refused */
};

struct spec_objective {
    char name[64];
    bool minimise; /* "goal", which has no default: a wrong guess would search for the worst */
    int metrics_n; /* 1, or more for mean_of */
    char metrics[SPEC_METRICS_MAX][64]; /* "task.metric" */
    bool has_reference;
    double reference; /* in the objective's own unit */
};

/* Trials that were scored elsewhere; row i is trial i. Scores are in the objectives' own units, nothing is flipped. */
struct spec_given {
    int n, k, m;                      /* 1 … SPEC_GIVEN_MAX rows, ratios and objectives of each */
    double *ratios;                   /* [n][k] */
    double *means;                    /* [n][m], in the order of the objectives */
    double *stderrs;                  /* [n][m], NaN: not known */
    char (*sources)[SPEC_SOURCE_MAX]; /* [n], "" where none was named */
};

struct search_spec {
    char name[SPEC_NAME_MAX];
    bool has_models; /* false with merge "none", and where an external search names none */
    char base[SPEC_PATH_MAX], tuned[SPEC_PATH_MAX];

    enum spec_grouping grouping;
    int groups_n; /* COUNT, NAMED: groups; BOUNDARIES: boundaries + 1; LAYERWISE: 0 (the checkpoint says) */
    int boundaries[SPEC_GROUPS_MAX];
    struct spec_group groups[SPEC_GROUPS_MAX]; /* NAMED */
    bool split; /* COUNT, BOUNDARIES, LAYERWISE: every group is two, attention and mlp */
    char layer_pattern
        [SPEC_PATTERN_MAX]; /* finds the layer index in unusual names; "" = the rule of merge/plan/plan.h */
    int bounds_n;           /* groups with a range of their own, frozen ones too */
    struct spec_bound bounds[SPEC_RATIOS_MAX];
    int ties_n;
    struct spec_tie ties[SPEC_RATIOS_MAX];
    enum spec_ends ends;
    double ratio_min, ratio_max;

    enum spec_dtype output_dtype;
    enum spec_rounding rounding; /* stochastic draws from `seed` */
    enum spec_others others;

    int objectives_n;
    struct spec_objective objectives[SPEC_OBJECTIVES_MAX];

    enum spec_evaluator evaluator;
    enum spec_merge merge;
    char bundle[SPEC_PATH_MAX];    /* native */
    char *argv[SPEC_ARGV_MAX + 1]; /* command, resident; NULL-terminated */
    int argv_n;
    double time_limit_s;  /* one evaluation; 0 = none */
    double start_limit_s; /* resident: until the program is ready; 0 = none */
    double idle_limit_s;  /* resident: a program that nobody needs is ended after this; 0 = never */
    int slices;           /* parts that an evaluation is cut into, 1 … SPEC_SLICES_MAX; 1: it is not */
    bool written;         /* what the model wrote is kept with the scores */

    enum spec_strategy strategy;
    int sweep_points; /* equal ratios, both ends included; first in every search but identify's. 0 or 2 … 1001 */
    double means[SPEC_MEANS_MAX]; /* hma */
    int means_n;
    bool means_default;  /* none were given: search_spec_settle moves them to where bounds leave room */
    int alignment;       /* hma: index of the objective it maximises */
    int streams;         /* scalarize */
    double rho;          /* scalarize: augmentation of the Tchebycheff function */
    char algorithm[32];  /* an NLopt name such as LN_COBYLA */
    double initial_step; /* first step of the local NLopt algorithms, as a share of the ratio range */
    double ratio;        /* identify: of every group that is not frozen, in every trial */
    bool
        has_mean; /* quadratic, bayes: every trial but the sweep's has `mean` as the mean of all its ratios */
    double mean;
    int design; /* quadratic, bayes: evenly spread trials before the model is asked; -1: what suits the groups */
    double repeats; /* bayes: largest share of the budget that scores doubtful trials again, 0 … 0.5 */
    double
        early_stop; /* quadratic, bayes: chance to be on the front below which a trial is stopped; 0: none is */
    double
        screen; /* quadratic, bayes: share of the slices that trials are scored on at first; 0: all of them */

    int trials;      /* budget, sweep points included */
    double budget_s; /* 0 = no limit */
    int64_t items;   /* evaluation items of the search half, all trials together; 0 = no limit */
    double gain;     /* normalised hypervolume: ends when three proposals in a row promise less; 0 = never */
    int attempts;    /* of one job before quarantine */
    bool held_out;   /* score front and sweep again on the held-out half */
    uint64_t seed;
    struct spec_given *given; /* NULL: none */
};

#define SPEC_ERRORS_MAX 32
struct spec_errors {
    int n;
    int more; /* wrong fields beyond these; the last item then says how many */
    struct {
        char field[128]; /* "objectives[1].goal" */
        char text[512];  /* a sentence with what to do: as long as one of struct err or of the preflight */
    } item[SPEC_ERRORS_MAX];
};

/* Reads the object `j`. On ERR_INVALID, `errors` has every wrong field; `spec` is then zero. */
int search_spec_parse(const struct json *j, struct search_spec *spec, struct spec_errors *errors);
void search_spec_fini(struct search_spec *spec);

/* Puts `directory` before relative paths (models, bundle, evaluator arguments that begin with ./ or ../), takes "." and
 * ".." out of them where the directories exist, and checks nothing else. */
int search_spec_resolve(struct search_spec *spec, const char *directory, struct err *err);

/* The same against the directory of the file that the search was read from. ERR_IO when that directory is not there. */
int search_spec_resolve_file(struct search_spec *spec, const char *file, struct err *err);

/* The whole spec as canonical JSON, which search_spec_parse reads back equal. Defaults are spelled out, but for the keys
 * that refine "groups", for "output", "given", and settings of slices, written, screen, items and
 * gain, which are left out when not used: stored texts stay what they were. */
void search_spec_write(const struct search_spec *spec, struct json_out *out);
/* The same without "given", which may be megabytes: for workers, who have no use for it, and for views. */
void search_spec_write_brief(const struct search_spec *spec, struct json_out *out);
/* "output": {"rounding","dtype","others"}, into an open object: how a merged number becomes a stored one. */
void search_spec_write_output(const struct search_spec *spec, struct json_out *out);

/* Shall what the model wrote come back with a trial's scores? Of identification that is half of what it is for. */
static inline bool search_spec_wants_written(const struct search_spec *spec)
{
    return spec->written || spec->strategy == STRATEGY_IDENTIFY;
}

const char *spec_strategy_name(enum spec_strategy strategy);

/* The member of `words` nearest to `word` by edit distance, NULL when none is near: "did you mean …?". */
const char *spec_nearest(const char *word, const char *const *words, size_t n);

#endif
