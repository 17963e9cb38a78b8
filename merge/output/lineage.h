/* WHAT   paretod.json: where an exported checkpoint comes from, so that it can be made again.
 * WHO    merge/output/export.
 * UNITS  Ratio = weight of tuned.
 * MEMORY Appends to the caller's buffer.
 * ERRORS None; a full buffer remembers it.
 * STATE  None. The same arguments give the same bytes: no path, time or version that the caller did not give.
 *
 * {"format":"paretod-export-2","search","trial","base","tuned","base_digest","tuned_digest","ratio_of":"tuned",
 *  "groups":[name],"ratios":[number],"effective":[number|null],
 *  "output":{"rounding":"nearest"|"stochastic","dtype":"same"|"F32"|"BF16"|"F16","others":…,"seed"},
 *  "scores":[{"name","mean","stderr"}],"plan":{…}}
 * What the caller does not know is left out; seed stands there with stochastic rounding alone. */
#ifndef MERGE_LINEAGE_H
#define MERGE_LINEAGE_H

#include "merge/output/export.h"

#define LINEAGE_NAME "paretod.json"

void lineage_write(const struct plan *plan, const struct export_target *target, const struct merge_how *how,
                   struct buf *out);

#endif
