#include "merge/output/shards.h"

#include "proto/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A tensor of the plan on its way into a file. */
struct item {
    const struct plan_entry *entry;
    size_t index; /* in the plan */
    struct st_tensor tensor;
    size_t shard;
};

static int by_state(const void *a, const void *b)
{
    const struct plan_entry *x = ((const struct item *)a)->entry, *y = ((const struct item *)b)->entry;
    if (x->place != y->place)
        return x->place < y->place ? -1 : 1;
    if (x->layer != y->layer)
        return x->layer < y->layer ? -1 : 1;
    return strcmp(x->tensor, y->tensor);
}

static int by_shard(const void *a, const void *b)
{
    const struct item *x = a, *y = b;
    return x->shard != y->shard ? (x->shard < y->shard ? -1 : 1) : by_state(a, b);
}

static int take_item(const struct plan *plan, size_t i, const struct checkpoint *base,
                     const struct merge_how *how, struct item *item, struct err *err)
{
    const struct st_tensor *from = checkpoint_find(base, plan->entries[i].tensor);
    if (!from)
        return err_set(err, ERR_INVALID, "tensor \"%.200s\" of the plan is not in %s",
                       plan->entries[i].tensor, checkpoint_directory(base));
    *item = (struct item){.entry = &plan->entries[i], .index = i, .tensor = *from};
    item->tensor.data = NULL;
    item->tensor.disk = NULL;
    const struct merge_how own = merge_how_for(how, item->entry);
    item->tensor.dtype = merge_dtype(&own, from->dtype);
    if (item->tensor.dtype != from->dtype) /* both whole bytes */
        item->tensor.bytes = from->elements * (st_dtype_bits(item->tensor.dtype) / 8);
    return 0;
}

/* Numbers the items' shards, a shard when it is closed; gives how many there are. One above the limit is closed at once,
 * while the open one goes on. */
static size_t divide(struct item *items, size_t n, uint64_t max)
{
    size_t *number = mem_zero(n, sizeof *number);
    size_t begun = 0, closed = 0, open = SIZE_MAX;
    uint64_t used = 0;
    for (size_t i = 0; i < n; i++) {
        uint64_t bytes = items[i].tensor.bytes;
        if (bytes > max) {
            items[i].shard = begun;
            number[begun++] = closed++;
            continue;
        }
        if (open == SIZE_MAX || bytes > max - used) {
            if (open != SIZE_MAX)
                number[open] = closed++;
            open = begun++;
            used = 0;
        }
        items[i].shard = open;
        used += bytes;
    }
    if (open != SIZE_MAX)
        number[open] = closed++;
    for (size_t i = 0; i < n; i++)
        items[i].shard = number[items[i].shard];
    mem_free(number);
    return closed;
}

/* One file of items [n]: header and the places of its tensors. */
static int lay_out(const struct item *items, size_t n, struct shard_tensor *out, struct shard *shard,
                   struct err *err)
{
    static const char *const metadata[] = {"format", "pt", NULL};
    struct st_tensor *tensors = mem_zero(n, sizeof *tensors);
    size_t *order = mem_zero(n, sizeof *order);
    for (size_t i = 0; i < n; i++)
        tensors[i] = items[i].tensor;
    int rc = st_layout(tensors, n, metadata, order, &shard->header, err);
    shard->bytes = shard->header.len;
    for (size_t i = 0; !rc && i < n; i++) {
        const struct item *item = &items[order[i]];
        out[i] = (struct shard_tensor){item->index, item->tensor, shard->bytes};
        shard->bytes += item->tensor.bytes;
    }
    mem_free(order);
    mem_free(tensors);
    return rc;
}

static int lay_out_all(const struct item *items, size_t n, struct shards *out, struct err *err)
{
    for (size_t s = 0, i = 0; s < out->n; s++) {
        struct shard *shard = &out->shards[s];
        shard->first = i;
        while (i < n && items[i].shard == s)
            i++;
        shard->n = i - shard->first;
        if (out->n == 1)
            snprintf(shard->name, sizeof shard->name, "model.safetensors");
        else
            snprintf(shard->name, sizeof shard->name, "model-%05zu-of-%05zu.safetensors", s + 1, out->n);
        int rc = lay_out(items + shard->first, shard->n, out->tensors + shard->first, shard, err);
        if (rc)
            return rc;
        out->total += shard->bytes;
        out->data += shard->bytes - shard->header.len;
    }
    return 0;
}

int shards_make(const struct plan *plan, const struct checkpoint *base, const struct merge_how *how,
                uint64_t max, struct shards *out, struct err *err)
{
    size_t n = plan->entries_n;
    struct item *items = mem_zero(n, sizeof *items);
    int rc = 0;
    *out = (struct shards){.tensors_n = n};
    for (size_t i = 0; !rc && i < n; i++)
        rc = take_item(plan, i, base, how, &items[i], err);
    if (!rc) {
        qsort(items, n, sizeof *items, by_state);
        out->n = divide(items, n, max);
        qsort(items, n, sizeof *items, by_shard);
        out->shards = mem_zero(out->n, sizeof *out->shards);
        out->tensors = mem_zero(n, sizeof *out->tensors);
        for (size_t s = 0; s < out->n; s++)
            buf_init(&out->shards[s].header, 8 + ST_HEADER_MAX);
        rc = lay_out_all(items, n, out, err);
    }
    mem_free(items);
    return rc;
}

void shards_fini(struct shards *shards)
{
    for (size_t s = 0; shards->shards && s < shards->n; s++)
        buf_fini(&shards->shards[s].header);
    mem_free(shards->shards);
    mem_free(shards->tensors);
    *shards = (struct shards){0};
}

/* --- the index --- */

static int by_name(const void *a, const void *b)
{
    const struct shard_tensor *const *x = a, *const *y = b;
    return strcmp((*x)->tensor.name, (*y)->tensor.name);
}

/* One code point of well-formed UTF-8. */
static uint32_t next_code(const unsigned char **text)
{
    const unsigned char *p = *text;
    int more = *p < 0x80 ? 0 : *p < 0xE0 ? 1 : *p < 0xF0 ? 2 : 3;
    uint32_t code = more == 0 ? *p : *p & (0x3Fu >> more);
    for (int i = 1; i <= more; i++)
        code = code << 6 | (p[i] & 0x3Fu);
    *text = p + 1 + more;
    return code;
}

/* As Python's json.dumps writes it: everything outside of ASCII escaped. */
static void write_ascii(struct buf *out, const char *text)
{
    static const char plain[] = "\"\\\b\f\n\r\t", letter[] = "\"\\bfnrt";
    const unsigned char *p = (const unsigned char *)text;
    buf_text(out, "\"");
    while (*p) {
        uint32_t code = next_code(&p);
        const char *known = code < 0x80 ? strchr(plain, (int)code) : NULL;
        if (known)
            buf_printf(out, "\\%c", letter[known - plain]);
        else if (code >= 0x20 && code <= 0x7E)
            buf_printf(out, "%c", (char)code);
        else if (code < 0x10000)
            buf_printf(out, "\\u%04x", code);
        else
            buf_printf(out, "\\u%04x\\u%04x", 0xD800 + ((code - 0x10000) >> 10), 0xDC00 + (code & 0x3FF));
    }
    buf_text(out, "\"");
}

void shards_write_index(const struct shards *shards, struct buf *out)
{
    size_t n = shards->tensors_n;
    const struct shard_tensor **sorted = mem_zero(n, sizeof *sorted);
    for (size_t i = 0; i < n; i++)
        sorted[i] = &shards->tensors[i];
    qsort(sorted, n, sizeof *sorted, by_name);
    buf_printf(out, "{\n  \"metadata\": {\n    \"total_size\": %llu\n  },\n  \"weight_map\": {",
               (unsigned long long)shards->data);
    for (size_t i = 0; i < n; i++) {
        size_t at = (size_t)(sorted[i] - shards->tensors), s = 0;
        while (at >= shards->shards[s].first + shards->shards[s].n)
            s++;
        buf_text(out, i ? ",\n    " : "\n    ");
        write_ascii(out, sorted[i]->tensor.name);
        buf_printf(out, ": \"%s\"", shards->shards[s].name);
    }
    buf_text(out, n ? "\n  }\n}\n" : "}\n}\n");
    mem_free(sorted);
}
