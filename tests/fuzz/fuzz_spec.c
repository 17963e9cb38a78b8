/* A search: what is read is written as canonical JSON that reads back as the same; what is refused says field by field
 * why. */
#include "tests/fuzz/fuzz.h"

#include "proto/search_spec.h"

#define WRITTEN_MAX (1u << 20)

static void write_spec(const struct search_spec *spec, struct buf *buf)
{
    struct json_out out;
    buf_init(buf, WRITTEN_MAX);
    json_begin(&out, buf);
    search_spec_write(spec, &out);
    MUST(!buf->full);
}

static void round_trip(const struct search_spec *spec)
{
    struct buf one, two;
    struct json *root = NULL;
    struct search_spec *again = mem_zero(1, sizeof *again);
    struct spec_errors errors = {0};
    write_spec(spec, &one);
    MUST(json_parse(one.data, one.len, &root, NULL) == 0);
    MUST(search_spec_parse(root, again, &errors) == 0);
    write_spec(again, &two);
    MUST(one.len == two.len && memcmp(one.data, two.data, one.len) == 0);
    search_spec_fini(again);
    mem_free(again);
    json_free(root);
    buf_fini(&one);
    buf_fini(&two);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct json *root = NULL;
    if (json_parse((const char *)data, size, &root, NULL))
        return 0;
    struct search_spec *spec = mem_zero(1, sizeof *spec);
    struct spec_errors errors = {0};
    int rc = search_spec_parse(root, spec, &errors);
    if (rc == 0) {
        round_trip(spec);
        search_spec_fini(spec);
    } else {
        MUST(rc == ERR_INVALID && errors.n > 0 && errors.n <= SPEC_ERRORS_MAX);
        for (int i = 0; i < errors.n; i++)
            MUST(errors.item[i].text[0] && !strchr(errors.item[i].text, '\n') &&
                 !strchr(errors.item[i].field, '\n'));
    }
    mem_free(spec);
    json_free(root);
    return 0;
}
