/* Multiple choice: MMLU, WiCE, FEVER. */
#include "rtuning/convert_internal.h"

#include "proto/mem.h"

#include <string.h>

/* ---- MMLU: rows [question, A, B, C, D, letter] under their subject ---- */

/* "high_school_biology" with blanks. */
static char *subject_words(const char *subject)
{
    char *words = mem_strdup(subject);
    for (char *p = words; *p; p++)
        *p = *p == '_' ? ' ' : *p;
    return words;
}

/* Question, choices and "\nAnswer:". */
static void add_sum(const struct json *row, struct buf *out)
{
    size_t choices = json_len(row) - 2;
    buf_text(out, convert_element(row, 0));
    for (size_t i = 0; i < choices; i++)
        buf_printf(out, "\n%s. %s", question_letter((int)i), convert_element(row, i + 1));
    buf_text(out, "\nAnswer:");
}

static int check_mmlu(const struct json *row, const char *key, int *gold, struct err *err)
{
    size_t n = json_len(row);
    if (!key || !*key || !json_is(row, JSON_ARRAY) || n < 4 || n > QUESTION_CHOICES_MAX + 2)
        return err_set(err, ERR_INVALID, "a row of MMLU is [question, A, B, C, D, letter] under its subject");
    for (size_t i = 0; i < n; i++)
        if (!*convert_element(row, i))
            return err_set(err, ERR_INVALID, "[%zu] must be a text that is not empty", i);
    const char *letter = convert_element(row, n - 1);
    *gold = letter[0] - 'A';
    if (letter[1] || *gold < 0 || (size_t)*gold >= n - 2)
        return err_set(err, ERR_INVALID, "the answer \"%s\" must be the letter of a choice, A to %s", letter,
                       question_letter((int)n - 3));
    return 0;
}

/* lead: what stands before each answer of the examples. */
static int add_shots(const struct json *shots, const char *key, const char *lead, struct buf *out,
                     struct err *err)
{
    int gold;
    if (shots && !json_is(shots, JSON_OBJECT))
        return err_set(err, ERR_INVALID, "the examples must be {subject: rows}, as the questions are");
    for (const struct json *shot = json_first(json_get(shots, key)); shot; shot = json_next(shot)) {
        int rc = check_mmlu(shot, key, &gold, err);
        if (rc)
            return err_prefix(err, rc, "an example of \"%s\"", key);
        add_sum(shot, out);
        buf_printf(out, "%s%s\n\n", lead, convert_element(shot, json_len(shot) - 1));
    }
    return 0;
}

int convert_mmlu(const struct json *row, const char *key, bool compat_code, const struct json *shots,
                 struct question *out, struct err *err)
{
    int rc = check_mmlu(row, key, &out->gold, err);
    if (rc)
        return rc;
    char *subject = subject_words(key);
    struct buf text;
    buf_init(&text, CONVERT_TEXT_MAX);
    out->kind = QUESTION_CHOICE;
    out->subject = mem_strdup(key);
    out->text = mem_strdup(convert_element(row, 0));
    for (size_t i = 1; i + 1 < json_len(row); i++)
        convert_add_choice(out, convert_element(row, i));
    /* the code puts a blank before each word of the subject, so there are two before the first */
    buf_printf(&text, "The following are multiple choice questions (with answers) about%s %s.\n\n",
               compat_code ? " " : "", subject);
    rc = add_shots(shots, key, compat_code ? "" : " ", &text, err);
    if (compat_code) {
        add_sum(row, &text);
        out->prompt = buf_take(&text);
        out->lead = mem_strdup("");
    } else if (json_len(json_get(shots, key)))
        out->context = buf_take(&text);
    buf_fini(&text);
    mem_free(subject);
    return rc;
}

/* ---- WiCE and FEVER: does the evidence support the claim? ---- */

struct verdicts {
    const char *labels[3];
    const char *dot;  /* between letter and choice in the code's prompt */
    const char *lead; /* of the code's answer */
};

static int read_label(const struct json *row, const struct verdicts *verdicts, int *gold, struct err *err)
{
    const char *label = json_string_or(json_get(row, "label"), "");
    for (int i = 0; i < 3; i++)
        if (strcmp(label, verdicts->labels[i]) == 0) {
            *gold = i;
            return 0;
        }
    return err_set(err, ERR_INVALID, "\"label\" must be %s, %s or %s", verdicts->labels[0],
                   verdicts->labels[1], verdicts->labels[2]);
}

/* The published training data: "Evidence:E\nClaim:C\nQuestion:…\nA:supported.\n…\nAnswer:". */
static char *code_prompt(const char *evidence, const char *claim, const struct verdicts *verdicts)
{
    struct buf text;
    buf_init(&text, CONVERT_TEXT_MAX);
    buf_printf(&text, "Evidence:%s\nClaim:%s\nQuestion:Does the evidence support the claim?", evidence,
               claim);
    for (int i = 0; i < 3; i++)
        buf_printf(&text, "\n%s:%s%s.", question_letter(i), verdicts->dot, verdicts->labels[i]);
    buf_text(&text, "\nAnswer:");
    return buf_take(&text);
}

static int convert_claim(const struct json *row, const struct verdicts *verdicts, bool compat_code,
                         struct question *out, struct err *err)
{
    const char *claim;
    char *evidence = NULL;
    int rc = convert_text(row, "claim", &claim, err);
    if (!rc)
        rc = read_label(row, verdicts, &out->gold, err);
    if (!rc)
        rc = convert_joined(json_get(row, "evidence"), "evidence", " ", &evidence, err);
    if (!rc) {
        out->kind = QUESTION_CHOICE;
        out->text = mem_printf("Does the evidence support the claim? Claim: %s", claim);
        out->context = mem_printf("Evidence: %s", evidence);
        for (int i = 0; i < 3; i++)
            convert_add_choice(out, verdicts->labels[i]);
        if (compat_code) {
            out->prompt = code_prompt(evidence, claim, verdicts);
            out->lead = mem_strdup(verdicts->lead);
        }
    }
    mem_free(evidence);
    return rc;
}

int convert_wice(const struct json *row, const char *key, bool compat_code, const struct json *shots,
                 struct question *out, struct err *err)
{
    static const struct verdicts wice = {{"supported", "partially_supported", "not_supported"}, "", ""};
    (void)key, (void)shots;
    out->id = convert_id(json_get(row, "meta"), "id");
    return convert_claim(row, &wice, compat_code, out, err);
}

int convert_fever(const struct json *row, const char *key, bool compat_code, const struct json *shots,
                  struct question *out, struct err *err)
{
    static const struct verdicts fever = {{"SUPPORTS", "REFUTES", "NOT ENOUGH INFO"}, " ", " "};
    (void)key, (void)shots;
    out->id = convert_id(row, "id");
    return convert_claim(row, &fever, compat_code, out, err);
}
