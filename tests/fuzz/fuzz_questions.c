/* Files of R-Tuning. The first byte says which: questions, facts, or one of the published formats. Whatever the bytes are, each
 * row is taken or told of, and what is taken is a question that is written and read as the same, and makes an example. */
#include "tests/fuzz/fuzz.h"

#include "rtuning/construct.h"
#include "rtuning/convert.h"
#include "rtuning/fact.h"
#include "rtuning/report.h"

#define WRITTEN_MAX (1u << 20)

static void write_one(const struct question *q, struct buf *out)
{
    struct json_out json;
    buf_init(out, WRITTEN_MAX);
    json_begin(&json, out);
    question_write(q, &json);
}

static void look(const struct question *q)
{
    struct buf one, two;
    struct json *j;
    struct question again;
    struct err err = {0};
    struct example e;
    write_one(q, &one);
    MUST(json_parse(one.data, one.len, &j, &err) == 0);
    MUST(question_read(j, &again, &err) == 0);
    write_one(&again, &two);
    MUST(one.len == two.len && memcmp(one.data, two.data, one.len) == 0);
    for (int method = CONSTRUCT_PADDING; method <= CONSTRUCT_REPLACEMENT; method++) {
        struct construct_options options = {.method = (enum construct_method)method,
                                            .compat_code = one.len & 1};
        if (method == CONSTRUCT_PADDING && !q->answerable)
            continue;
        construct_example(q, q->answerable, one.len, &options, &e);
        MUST(e.segments_n == (method == CONSTRUCT_PADDING ? 4 : 2));
        example_fini(&e);
    }
    json_free(j);
    question_fini(&again);
    buf_fini(&one);
    buf_fini(&two);
}

static void look_at_all(struct question_set *set, struct bad_rows *bad)
{
    struct report report;
    for (size_t i = 0; i < set->n; i++)
        look(&set->items[i]);
    for (size_t i = 0; i < bad->n && i < BAD_ROWS_KEPT; i++)
        MUST(bad->first[i].line > 0 && *bad->first[i].text);
    report_make(set, set, 2, 1, &report);
    MUST(report.leaks_n == set->n); /* every question is in its own set */
    report_fini(&report);
    question_set_fini(set);
    bad_rows_fini(bad);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct question_set set = {0};
    struct bad_rows bad = {0};
    struct fact_set facts = {0};
    if (!size)
        return 0;
    size_t kind = data[0] % (2 * convert_formats_n + 2);
    const struct convert_format *format = kind >= 2 ? &convert_formats[(kind - 2) / 2] : NULL;
    char *path = fuzz_path(format && data[0] & 0x80 ? "rows.csv" : "rows.json");
    fuzz_write(path, data + 1, size - 1);
    if (kind == 0)
        MUST(question_set_read(&set, path, &bad, NULL) == 0);
    else if (kind == 1)
        MUST(fact_set_read(&facts, path, &bad, NULL) == 0);
    else {
        struct convert_options options = {.compat_code = kind % 2};
        MUST(convert_file(format, path, &options, &set, &bad, NULL) == 0);
    }
    look_at_all(&set, &bad);
    fact_set_fini(&facts);
    mem_free(path);
    return 0;
}
