/* WHAT   What the tests of the native evaluator share: paths, models, reference tensors, golden JSON, temporary files.
 * WHO    tests/unit/worker.
 * UNITS  None.
 * MEMORY As each function says.
 * ERRORS A fixture that cannot be read fails the test with its sentence.
 * STATE  None. */
#ifndef TESTS_WORKER_FIXTURES_H
#define TESTS_WORKER_FIXTURES_H

#include "merge/plan/plan.h"
#include "proto/json.h"
#include "proto/mem.h"
#include "worker/forward.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define FIXTURES TEST_SOURCE_DIR "/tests/fixtures/"
#define GOLDEN TEST_SOURCE_DIR "/tests/golden/lab/"

#define UNUSED __attribute__((unused))

/* Fails with the sentence when rc is not 0. */
#define check(rc, err)                                                                                       \
    do {                                                                                                     \
        if (rc)                                                                                              \
            fail_msg("%s", (err)->text);                                                                     \
    } while (0)

#define assert_says(err, words)                                                                              \
    do {                                                                                                     \
        if (!strstr((err)->text, words))                                                                     \
            fail_msg("\"%s\" does not say \"%s\"", (err)->text, words);                                      \
    } while (0)

static UNUSED struct json *read_json(const char *path)
{
    struct json *root;
    struct err err = {0};
    check(json_parse_file(path, (size_t)1 << 28, &root, &err), &err);
    return root;
}

/* A model with the weights of a checkpoint directory. */
static UNUSED struct model *open_model_at(const char *path, enum model_head head)
{
    struct checkpoint *ckpt;
    struct model *model;
    struct err err = {0};
    check(checkpoint_open(path, &ckpt, &err), &err);
    check(model_open(ckpt, head, &model, &err), &err);
    check(model_load(model, &(struct weights){.base = ckpt}, NULL, &err), &err);
    checkpoint_close(ckpt);
    return model;
}

/* That of tests/fixtures/NAME. */
static UNUSED struct model *open_model(const char *name, enum model_head head)
{
    char *path = mem_printf("%s%s", FIXTURES, name);
    struct model *model = open_model_at(path, head);
    mem_free(path);
    return model;
}

/* The spec of a search over base and tuned-rsf in three groups; metric NULL: an objective that fits the bundle. */
static UNUSED void open_spec(const char *metric, struct search_spec *spec)
{
    char *text =
        mem_printf("{\"name\":\"test\",\"models\":{\"base\":\"%sbase\",\"tuned\":\"%stuned-rsf\"},"
                   "\"groups\":{\"count\":3},\"objectives\":[{\"name\":\"one\",\"metric\":\"%s\",\"goal\":"
                   "\"max\"},{\"name\":\"two\",\"metric\":\"facts.em\",\"goal\":\"max\"}],"
                   "\"evaluator\":{\"type\":\"native\",\"bundle\":\"%sbundle\"}}",
                   FIXTURES, FIXTURES, metric ? metric : "sums.em", FIXTURES);
    struct json *root;
    struct err err = {0};
    struct spec_errors errors = {0};
    check(json_parse(text, strlen(text), &root, &err), &err);
    if (search_spec_parse(root, spec, &errors))
        fail_msg("%s: %s", errors.item[0].field, errors.item[0].text);
    json_free(root);
    mem_free(text);
}

/* One tensor of reference/logits.safetensors as floats; NULL when there is none. The caller's, mem_free. */
static UNUSED float *read_reference(const struct st_file *file, const char *name, int i, const char *what,
                                    size_t *n)
{
    char *full = mem_printf("%s.%d.%s", name, i, what);
    const struct st_tensor *t = st_find(file, full);
    mem_free(full);
    if (!t)
        return NULL;
    float *out = mem_zero(t->elements, sizeof *out);
    struct err err = {0};
    *n = t->elements;
    check(tensor_to_f32(t, 0, t->elements, out, &err), &err);
    return out;
}

static UNUSED int32_t *read_ids(const struct st_file *file, const char *name, int i, size_t *n)
{
    char *full = mem_printf("%s.%d.ids", name, i);
    const struct st_tensor *t = st_find(file, full);
    mem_free(full);
    if (!t)
        return NULL;
    int32_t *out = mem_zero(t->elements, sizeof *out);
    *n = t->elements;
    for (size_t j = 0; j < *n; j++) {
        int64_t id;
        memcpy(&id, (const char *)t->data + j * sizeof id, sizeof id);
        out[j] = (int32_t)id;
    }
    return out;
}

/* A new folder; the caller removes it with remove_folder and frees the name. */
static UNUSED char *make_folder(void)
{
    char *path = mem_strdup("/tmp/paretod-test-XXXXXX");
    assert_non_null(mkdtemp(path));
    return path;
}

static UNUSED void write_file(const char *folder, const char *name, const char *text)
{
    char *path = mem_printf("%s/%s", folder, name);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
    mem_free(path);
}

static UNUSED void remove_folder(char *folder, const char *const *names)
{
    for (; *names; names++) {
        char *path = mem_printf("%s/%s", folder, *names);
        unlink(path);
        mem_free(path);
    }
    rmdir(folder);
    mem_free(folder);
}

#endif
