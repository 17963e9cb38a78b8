/* Questions with a written answer: ParaRel, HotpotQA, HaluEval-QA. */
#include "rtuning/convert_internal.h"

#include "proto/mem.h"

/* ---- ParaRel: [question, answer, relation] ---- */

int convert_pararel(const struct json *row, const char *key, bool compat_code, const struct json *shots,
                    struct question *out, struct err *err)
{
    (void)key, (void)compat_code, (void)shots; /* the code's prompt is ours */
    const char *question = convert_element(row, 0), *answer = convert_element(row, 1),
               *relation = convert_element(row, 2);
    if (!json_is(row, JSON_ARRAY) || json_len(row) != 3 || !*question || !*answer)
        return err_set(err, ERR_INVALID, "a row of ParaRel is [question, answer, relation], three texts");
    out->text = mem_strdup(question);
    convert_add_answer(out, answer);
    if (*relation)
        out->subject = mem_strdup(relation);
    return 0;
}

/* ---- HotpotQA: context is [[title, [sentence, …]], …], or Hugging Face's {"title": […], "sentences": [[…], …]} ---- */

/* "TITLE:SENTENCES\n"; the code joins sentences and paragraphs by blanks though both have their own. */
static int add_paragraph(const char *title, const struct json *sentences, bool compat_code, struct buf *out,
                         struct err *err)
{
    char *text;
    int rc = convert_joined(sentences, "context", compat_code ? " " : "", &text, err);
    if (!rc && compat_code)
        buf_printf(out, "%s%s:%s\n", out->len ? " " : "", title, text);
    else if (!rc)
        buf_printf(out, "%s: %s\n", title, text);
    mem_free(text);
    return rc;
}

static int add_contexts(const struct json *context, bool compat_code, struct buf *out, struct err *err)
{
    int rc = 0;
    if (json_is(context, JSON_OBJECT)) {
        const struct json *title = json_first(json_get(context, "title"));
        const struct json *sentences = json_first(json_get(context, "sentences"));
        for (; title && sentences && !rc; title = json_next(title), sentences = json_next(sentences))
            rc = add_paragraph(json_string_or(title, ""), sentences, compat_code, out, err);
        if (!rc && (title || sentences))
            rc = err_set(err, ERR_INVALID, "\"context\" must have as many sentences as title");
    } else
        for (const struct json *c = json_first(context); c && !rc; c = json_next(c)) {
            const struct json *title = json_first(c);
            rc = add_paragraph(json_string_or(title, ""), title ? json_next(title) : NULL, compat_code, out,
                               err);
        }
    if (!rc && !out->len)
        rc = err_set(err, ERR_INVALID, "\"context\" must be [[title, [sentence, …]], …]");
    return rc;
}

int convert_hotpotqa(const struct json *row, const char *key, bool compat_code, const struct json *shots,
                     struct question *out, struct err *err)
{
    (void)key, (void)shots;
    const char *question, *answer;
    struct buf context;
    int rc = convert_text(row, "question", &question, err);
    if (!rc)
        rc = convert_text(row, "answer", &answer, err);
    if (rc)
        return rc;
    buf_init(&context, CONVERT_TEXT_MAX);
    rc = add_contexts(json_get(row, "context"), compat_code, &context, err);
    if (!rc) {
        out->id = convert_id(row, json_get(row, "_id") ? "_id" : "id");
        out->text = mem_strdup(question);
        convert_add_answer(out, answer);
        if (compat_code)
            out->prompt = mem_printf("%s\nQuestion: %s\nAnswer:", buf_str(&context), question);
        out->context = buf_take(&context);
    }
    buf_fini(&context);
    return rc;
}

/* ---- HaluEval-QA ---- */

int convert_halueval(const struct json *row, const char *key, bool compat_code, const struct json *shots,
                     struct question *out, struct err *err)
{
    (void)key, (void)shots;
    const char *knowledge, *question, *answer;
    int rc = convert_text(row, "knowledge", &knowledge, err);
    if (!rc)
        rc = convert_text(row, "question", &question, err);
    if (!rc)
        rc = convert_text(row, "right_answer", &answer, err);
    if (rc)
        return rc;
    out->text = mem_strdup(question);
    convert_add_answer(out, answer);
    out->context = mem_printf("Knowledge: %s", knowledge);
    if (compat_code)
        out->prompt = mem_printf("Knowledge: %s\nQuestion: %s\nAnswer:", knowledge, question);
    return 0;
}
