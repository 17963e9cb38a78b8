/* WHAT   The words of R-Tuning: what stands before an answer, the question about certainty after it, the verdicts, and the
 *        expressions of uncertainty (Zhang et al., NAACL 2024, sections 2.2 and A.5).
 * WHO    rtuning/construct, the worker, the client.
 * UNITS  Text in UTF-8.
 * MEMORY Appends to the caller's buffer; constants are static.
 * ERRORS None.
 * STATE  None. */
#ifndef RTUNING_PROMPT_H
#define RTUNING_PROMPT_H

#include "proto/buf.h"
#include "rtuning/question.h"

/* After the answer: PROMPT_PROBE, then a verdict. */
#define PROMPT_ASK "Are you sure you accurately answered the question based on your internal knowledge?"
#define PROMPT_PROBE ". " PROMPT_ASK " I am"
#define PROMPT_SURE " sure"
#define PROMPT_UNSURE " unsure"

#define PROMPT_EXPRESSIONS_N 16
/* compat_code: the published code has "I do not know the answer." for "We do not know.", in another order. */
const char *prompt_expression(int i, bool compat_code);

/* What stands before the answer: the question's own prompt, or
 *     [context\n]Question: TEXT Answer:                            open
 *     [context\n]Question: TEXT\nA. CHOICE\nB. CHOICE … \nAnswer:  choice */
void prompt_render(const struct question *q, struct buf *out);
/* What identification shows to the model: the same. compat_code: open questions without context or prompt of their own are
 * asked as "Question:TEXT Answer:", without the blank that training has. */
void prompt_identify(const struct question *q, bool compat_code, struct buf *out);
/* What a person would ask: the same without "Question:" and "Answer:", for chat formats. */
void prompt_chat(const struct question *q, struct buf *out);
/* What stands between prompt and answer. */
const char *prompt_lead(const struct question *q);

/* True when the text has one of the expressions (of the paper or the code) or "I am unsure" in it, whatever the case of
 * ASCII letters. An answer of a model tuned by replacement refuses by that. */
bool prompt_refuses(const char *text);

#endif
