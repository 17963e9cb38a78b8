/* WHAT   Everything that can be known of a pair before the first trial: one report of findings and figures.
 * WHO    daemon (at submit: errors refuse the search, the report is stored with it), client (paretoctl preflight).
 * UNITS  Ratios: weight of tuned. Bytes; seconds in *_s.
 * MEMORY preflight_run allocates; preflight_free. Bounded whatever the size of the models.
 * ERRORS What is wrong with the pair is a finding, not an error. ERR_CANCELLED by tick.
 * STATE  Immutable after the run. */
#ifndef MERGE_PREFLIGHT_H
#define MERGE_PREFLIGHT_H

#include "merge/files/digest.h"
#include "merge/plan/plan.h"

enum preflight_level { PREFLIGHT_ERROR, PREFLIGHT_WARNING, PREFLIGHT_NOTE };

struct preflight_finding {
    enum preflight_level level;
    char field[64]; /* of the search: "models.tuned", "groups", "output.rounding" */
    char text[512]; /* a sentence with what to do */
};

struct preflight;

/* Runs every check that the earlier ones leave possible. spec->has_models must be true; paths as they are. */
int preflight_run(const struct search_spec *spec, const struct digest_progress *progress,
                  struct preflight **out, struct err *err);
void preflight_free(struct preflight *preflight);

/* What can be seen of the evaluator on this machine: its bundle and the bundle's metrics, its program. And whether there
 * is room: on the disk of `directory` for an export, in memory for a native evaluation. spec: the one of the run. For the
 * client alone; the daemon has looks of its own, and nobody knows where its workers are. */
void preflight_here(struct preflight *preflight, const struct search_spec *spec, const char *directory);

size_t preflight_count(const struct preflight *preflight, enum preflight_level level);
const struct preflight_finding *preflight_finding(const struct preflight *preflight,
                                                  size_t i);          /* NULL past the end;
                                                                                  errors, then warnings, then notes */
const struct plan *preflight_plan(const struct preflight *preflight); /* NULL when there is none */

/* {"ok":bool,"findings":[{"level":"error","field","text"}],
 *  "models":{"base":{"directory","digest","architecture","layers","vocabulary","tied","tensors","parameters","bytes",
 *                    "dtypes":{"BF16":81}},"tuned":{…}},
 *  "groups":[{"name","tensors","parameters","changed","update_rms","update_ulps",
 *             "effective":{"nearest":[…],"stochastic":[…]}}],   as preflight "ratios"
 *  "ratios":[0.1,…,0.9],"sampled":bool,
 *  "needs":{"read_bytes","export_bytes","free_bytes","memory_bytes","merge_s","trials"}}
 * changed: share of the weights that differ. update_rms: root mean square of tuned - base over all weights of the group;
 * update_ulps: the same over the root mean square of the weights' units in the last place, in the output dtype: well
 * below 1, most weights cannot take a step between base and tuned. effective: what the ratios come out as, after
 * rounding. merge_s: of one merge in one thread. After the ratios' groups come "mean", "base" and "tuned", where `ends`
 * makes such. Figures that are not known are null. */
void preflight_write(const struct preflight *preflight, struct json_out *out);

/* {"base":…,"tuned":…} of digest_write; the pair's identity, stored with the search. Only when there is a plan. */
void preflight_write_digests(const struct preflight *preflight, struct json_out *out);

#endif
