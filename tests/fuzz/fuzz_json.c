/* One JSON value: what is read is written so that it is read as the same. */
#include "tests/fuzz/fuzz.h"

#include "proto/json.h"

#define WRITTEN_MAX (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err = {0};
    struct json *root = NULL, *again = NULL;
    int rc = json_parse((const char *)data, size, &root, &err);
    if (rc) {
        fuzz_refused(rc, &err, root);
        return 0;
    }
    struct buf one, two;
    buf_init(&one, WRITTEN_MAX);
    buf_init(&two, WRITTEN_MAX);
    MUST(json_write(&one, root) == 0);
    MUST(json_parse(one.data, one.len, &again, &err) == 0);
    MUST(json_write(&two, again) == 0);
    MUST(one.len == two.len && memcmp(one.data, two.data, one.len) == 0);
    buf_fini(&one);
    buf_fini(&two);
    json_free(root);
    json_free(again);
    return 0;
}
