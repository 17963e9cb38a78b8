#include "rtuning/prompt.h"

#include <string.h>
#include <strings.h>

/* Section A.5, after SelfAware (Yin et al. 2023). */
static const char *const expressions[PROMPT_EXPRESSIONS_N] = {
    "The answer is unknown.",
    "The answer is uncertain.",
    "The answer is unclear.",
    "There is no scientific evidence.",
    "There is no definitive answer.",
    "There is no right answer.",
    "There is much debate.",
    "There is no known case.",
    "There is no concrete answer to this question.",
    "There is no public information available.",
    "It is impossible to know.",
    "It is impossible to answer.",
    "It is difficult to predict.",
    "It is not known.",
    "We do not know.",
    "I'm not sure.",
};

static const char *const code_expressions[PROMPT_EXPRESSIONS_N] = {
    "The answer is unknown.",
    "The answer is uncertain.",
    "The answer is unclear.",
    "It is not known.",
    "I do not know the answer.",
    "I'm not sure.",
    "There is no definitive answer.",
    "There is much debate.",
    "There is no concrete answer to this question.",
    "It is impossible to answer.",
    "There is no known case.",
    "There is no public information available.",
    "There is no scientific evidence.",
    "There is no right answer.",
    "It is impossible to know.",
    "It is difficult to predict.",
};

const char *prompt_expression(int i, bool compat_code)
{
    return compat_code ? code_expressions[i] : expressions[i];
}

static void add_context(const struct question *q, struct buf *out)
{
    if (!q->context)
        return;
    buf_text(out, q->context);
    if (q->context[strlen(q->context) - 1] != '\n')
        buf_text(out, "\n");
}

static void add_choices(const struct question *q, struct buf *out)
{
    for (size_t i = 0; i < q->choices_n; i++)
        buf_printf(out, "\n%s. %s", question_letter((int)i), q->choices[i]);
}

void prompt_render(const struct question *q, struct buf *out)
{
    if (q->prompt) {
        buf_text(out, q->prompt);
        return;
    }
    add_context(q, out);
    buf_printf(out, "Question: %s", q->text);
    add_choices(q, out);
    buf_text(out, q->kind == QUESTION_CHOICE ? "\nAnswer:" : " Answer:");
}

void prompt_identify(const struct question *q, bool compat_code, struct buf *out)
{
    if (compat_code && !q->prompt && !q->context && q->kind == QUESTION_OPEN)
        buf_printf(out, "Question:%s Answer:", q->text);
    else
        prompt_render(q, out);
}

void prompt_chat(const struct question *q, struct buf *out)
{
    add_context(q, out);
    buf_text(out, q->text);
    add_choices(q, out);
}

const char *prompt_lead(const struct question *q)
{
    return q->lead ? q->lead : " ";
}

/* The expression without its '.' stands in the text. */
static bool contains(const char *text, const char *expression)
{
    size_t n = strlen(expression) - 1;
    for (; *text; text++)
        if (strncasecmp(text, expression, n) == 0)
            return true;
    return false;
}

bool prompt_refuses(const char *text)
{
    bool found = contains(text, "I am unsure.") || contains(text, "I\u2019m not sure.");
    for (int i = 0; i < PROMPT_EXPRESSIONS_N && !found; i++)
        found = contains(text, expressions[i]) || contains(text, code_expressions[i]);
    return found;
}
