#include "merge/output/manifest.h"

#include "proto/json.h"
#include "proto/mem.h"

#include <stdlib.h>
#include <string.h>

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct manifest_file *)a)->name, ((const struct manifest_file *)b)->name);
}

void manifest_write(const struct manifest_file *files, size_t n, struct buf *buf)
{
    struct manifest_file *sorted = mem_zero(n, sizeof *sorted);
    char hash[HASH_TEXT_MAX];
    struct json_out out;
    if (n)
        memcpy(sorted, files, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, by_name);
    json_begin(&out, buf);
    json_object(&out);
    json_put_text(&out, "format", "paretod-manifest-1");
    json_put_text(&out, "hash", "xxh128");
    json_name(&out, "files");
    json_array(&out);
    for (size_t i = 0; i < n; i++) {
        hash_print(sorted[i].hash, hash);
        json_object(&out);
        json_put_text(&out, "name", sorted[i].name);
        json_put_int(&out, "bytes", (int64_t)sorted[i].bytes);
        json_put_text(&out, "hash", hash);
        json_end_object(&out);
    }
    json_end_array(&out);
    json_end_object(&out);
    buf_text(buf, "\n");
    mem_free(sorted);
}
