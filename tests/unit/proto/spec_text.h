/* WHAT   What the tests of searches' texts share: parsing, the one error that a text must have, pieces of texts.
 * WHO    tests/unit/proto/test_search_spec*.c.
 * UNITS  As in proto/search_spec.h.
 * MEMORY A spec that was parsed with 0 is the test's, search_spec_fini.
 * ERRORS Asserts (cmocka).
 * STATE  None. */
#ifndef TESTS_PROTO_SPEC_TEXT_H
#define TESTS_PROTO_SPEC_TEXT_H

#include "proto/search_spec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* A search with every part of its own. */
#define WHOLE                                                                                                \
    "{\"name\":\"tiny\",\"models\":{\"base\":\"pre\",\"tuned\":\"/post\"},\"groups\":{\"count\":4},"         \
    "\"ends\":{\"own\":true},\"ratio\":{\"min\":0,\"max\":1},"                                               \
    "\"objectives\":[{\"name\":\"reward\",\"metric\":\"chat.reward\",\"goal\":\"max\",\"reference\":-1.5},"  \
    "{\"name\":\"tasks\",\"mean_of\":[\"facts.em\",\"reading.f1\"],\"goal\":\"max\"}],"                      \
    "\"evaluator\":{\"type\":\"native\",\"bundle\":\"bundle\"},"                                             \
    "\"strategy\":{\"type\":\"hma\",\"means\":[0.25,0.5],\"algorithm\":\"LN_BOBYQA\",\"objective\":"         \
    "\"tasks\"}"                                                                                             \
    ","                                                                                                      \
    "\"budget\":{\"trials\":44,\"seconds\":600},\"seed\":7}"

/* A search up to its evaluator, and a comma. */
#define MODELS                                                                                               \
    "{\"models\":{\"base\":\"a\",\"tuned\":\"b\"},\"objectives\":[{\"metric\":\"f\",\"goal\":\"max\"}],"     \
    "\"evaluator\":{\"type\":\"native\",\"bundle\":\"b\"},"

#define WITH(evaluator, rest)                                                                                \
    "{\"models\":{\"base\":\"a\",\"tuned\":\"b\"},\"objectives\":[{\"metric\":\"f\",\"goal\":\"max\"}],"     \
    "\"evaluator\":{" evaluator "}," rest "}"

static inline int parse(const char *text, struct search_spec *spec, struct spec_errors *errors)
{
    struct json *root;
    assert_int_equal(json_parse(text, strlen(text), &root, NULL), 0);
    int rc = search_spec_parse(root, spec, errors);
    json_free(root);
    return rc;
}

static inline const char *error_of(const struct spec_errors *errors, const char *field)
{
    for (int i = 0; i < errors->n; i++)
        if (strcmp(errors->item[i].field, field) == 0)
            return errors->item[i].text;
    return NULL;
}

/* This field is wrong and no other, and the sentence says so. */
static inline void refuses(const char *text, const char *field, const char *sentence)
{
    struct search_spec spec;
    struct spec_errors errors;
    assert_int_equal(parse(text, &spec, &errors), ERR_INVALID);
    if (errors.n != 1 || strcmp(errors.item[0].field, field) != 0 || !strstr(errors.item[0].text, sentence))
        fail_msg("%s: %d %s: %s", text, errors.n, errors.item[0].field, errors.item[0].text);
}

/* The text of a search as it is stored, or as a worker is sent it; mem_free. */
static inline char *written(const struct search_spec *spec, bool brief)
{
    struct buf text;
    struct json_out out;
    buf_init(&text, 64u << 20);
    json_begin(&out, &text);
    (brief ? search_spec_write_brief : search_spec_write)(spec, &out);
    return buf_take(&text);
}

#endif
