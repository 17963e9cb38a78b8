/* Sets of questions that nobody can answer, with answerable ones beside them: SelfAware, FalseQA, NEC. */
#include "rtuning/convert_internal.h"

#include "proto/mem.h"

#include <string.h>

/* ---- SelfAware ---- */

static int add_answers(const struct json *answers, struct question *out, struct err *err)
{
    for (const struct json *c = json_first(answers); c; c = json_next(c)) {
        const char *answer = json_string_or(c, "");
        if (*answer)
            convert_add_answer(out, answer);
    }
    if (!out->answers_n)
        return err_set(err, ERR_INVALID, "\"answer\" must be an array of texts where \"answerable\" is true");
    return 0;
}

int convert_selfaware(const struct json *row, const char *key, bool compat_code, const struct json *shots,
                      struct question *out, struct err *err)
{
    (void)key, (void)compat_code, (void)shots;
    const char *question, *source = json_string_or(json_get(row, "source"), "");
    const struct json *answerable = json_get(row, "answerable");
    int rc = convert_text(row, "question", &question, err);
    if (rc)
        return rc;
    if (!json_is(answerable, JSON_BOOL))
        return err_set(err, ERR_INVALID, "\"answerable\" must be true or false");
    out->id = convert_id(row, "question_id");
    out->text = mem_strdup(question);
    out->answerable = json_bool_or(answerable, true);
    if (*source)
        out->subject = mem_strdup(source);
    return out->answerable ? add_answers(json_get(row, "answer"), out, err) : 0;
}

/* ---- FalseQA and NEC: label 1 cannot be answered ---- */

/* 0 or 1, as a number or, in CSV, a text. */
static int read_label(const struct json *row, bool *answerable, struct err *err)
{
    const struct json *label = json_get(row, "label");
    const char *text = json_string_or(label, "");
    int64_t number = -1;
    if (!json_whole(label, 0, 1, &number) && (!*text || text[1] || (*text != '0' && *text != '1')))
        return err_set(err, ERR_INVALID, "\"label\" must be 1 (cannot be answered) or 0");
    *answerable = number < 0 ? *text == '0' : number == 0;
    return 0;
}

/* The items of a list as Python prints it, ['a', "b"], or the text as it is when it is no list. */
static void add_python_list(const char *text, struct question *out)
{
    const char *p = text + strspn(text, " ");
    if (*p != '[') {
        if (*p)
            convert_add_answer(out, p);
        return;
    }
    for (p++; *p && *p != ']'; p++) {
        char quote = *p;
        if (quote != '\'' && quote != '"')
            continue;
        struct buf item;
        buf_init(&item, CONVERT_TEXT_MAX);
        for (p++; *p && *p != quote; p++) {
            if (*p == '\\' && p[1])
                p++;
            buf_add(&item, p, 1);
        }
        if (item.len)
            convert_add_answer(out, buf_str(&item));
        buf_fini(&item);
        if (!*p)
            return;
    }
}

/* A question whose answers, if any, stand under "answer". */
static int convert_labelled(const struct json *row, struct question *out, struct err *err)
{
    const char *question;
    int rc = convert_text(row, json_get(row, "prompt") ? "prompt" : "question", &question, err);
    if (!rc)
        rc = read_label(row, &out->answerable, err);
    if (rc)
        return rc;
    out->text = mem_strdup(question);
    if (!out->answerable)
        return 0; /* FalseQA's answers to these say what is wrong with the question */
    add_python_list(json_string_or(json_get(row, "answer"), ""), out);
    if (!out->answers_n)
        return err_set(
            err, ERR_INVALID,
            "can be answered (label 0) but comes without an answer, so nobody could tell whether it "
            "was answered rightly");
    return 0;
}

int convert_falseqa(const struct json *row, const char *key, bool compat_code, const struct json *shots,
                    struct question *out, struct err *err)
{
    (void)key, (void)compat_code, (void)shots;
    return convert_labelled(row, out, err);
}

int convert_nec(const struct json *row, const char *key, bool compat_code, const struct json *shots,
                struct question *out, struct err *err)
{
    (void)key, (void)compat_code, (void)shots;
    const char *category = json_string_or(json_get(row, "category"), "");
    if (*category)
        out->subject = mem_strdup(category);
    return convert_labelled(row, out, err);
}
