/* WHAT   README.md of an exported directory: a model card as the Hugging Face hub reads them.
 * WHO    merge/output/export.
 * UNITS  Ratio = weight of tuned.
 * MEMORY Appends to the caller's buffer.
 * ERRORS None; a full buffer remembers it.
 * STATE  None. The same arguments give the same bytes on any machine and in any version.
 *
 * Names and paths are text that others chose: in the front matter they are quoted as YAML, in the text they are escaped
 * so that they can be neither Markdown nor HTML, and control characters become '?'. In the front matter a model that
 * was given as a directory stands under the directory's last name, for paths are nobody's business on a hub. */
#ifndef MERGE_CARD_H
#define MERGE_CARD_H

#include "merge/output/export.h"
#include "proto/buf.h"

/* target: ratios, lineage and effective are read; the latter two may be NULL. how: may be NULL. */
void card_write(const struct plan *plan, const struct export_target *target, const struct merge_how *how,
                struct buf *out);

#endif
