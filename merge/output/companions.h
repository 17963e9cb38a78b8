/* WHAT   The files that make a checkpoint whole besides its weights, copied from tuned.
 * WHO    merge/output/export.
 * UNITS  None.
 * MEMORY Block by block.
 * ERRORS ERR_IO, also for what is no regular file and for a link to nothing; ERR_TOO_LARGE for a config.json over 1 MiB.
 * STATE  None.
 *
 * Python files are never copied: they would run at the next load. */
#ifndef MERGE_COMPANIONS_H
#define MERGE_COMPANIONS_H

#include "merge/merge.h"
#include "merge/output/outdir.h"

/* What is there of config.json, generation_config.json, the tokenizer's files, chat templates and
 * the processors' configurations. With another output dtype, torch_dtype or dtype in config.json says so. */
int companions_copy(const char *from, const struct merge_how *how, struct outdir *to, struct err *err);

/* true for a name that is copied, and for others that a program takes beside weights: more of the tokenizer's files, other
 * chat templates, an adapter. Python files are not among them. */
bool companions_is(const char *name);

/* config.json with the values of torch_dtype and dtype replaced, at the top and in the parts of a model of several
 * ("text_config", …; "quantization_config" is not one), every other byte kept. text: JSON that has been read already. */
void companions_set_dtype(const char *text, size_t n, const char *dtype, struct buf *out);

#endif
