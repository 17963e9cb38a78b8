/* The writer. Layout as the reference writes it: tensors by dtype descending then name ascending, compact JSON with
 * __metadata__ first, blanks until 8 + header is a multiple of 8, then the data without gaps. */
#include "merge/files/safetensors_internal.h"
#include "proto/files.h"
#include "proto/json.h"
#include "proto/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct slot {
    const struct st_tensor *tensor;
    size_t index; /* in the caller's array */
};

static int by_dtype_name(const void *a, const void *b)
{
    const struct st_tensor *x = ((const struct slot *)a)->tensor, *y = ((const struct slot *)b)->tensor;
    if (x->dtype != y->dtype)
        return x->dtype > y->dtype ? -1 : 1;
    return strcmp(x->name, y->name);
}

static int check_tensor(const struct st_tensor *tensor, struct err *err)
{
    struct st_shown name = st_show(tensor->name);
    uint64_t elements, bytes;
    size_t bad;
    if (!st_utf8(tensor->name, strlen(tensor->name), &bad) || strcmp(tensor->name, "__metadata__") == 0)
        return err_set(err, ERR_INVALID, "tensor \"%s\": this name cannot stand in a safetensors file",
                       name.text);
    if (tensor->rank < 0 || tensor->rank > ST_RANK_MAX || (unsigned)tensor->dtype >= ST_DTYPES_N)
        return err_set(err, ERR_INVALID, "tensor \"%s\": rank or dtype out of range", name.text);
    if (st_size(tensor->dtype, tensor->rank, tensor->shape, &elements, &bytes))
        return err_set(err, ERR_INVALID, "tensor \"%s\": shape does not fill whole bytes or overflows",
                       name.text);
    if (bytes != tensor->bytes || elements != tensor->elements)
        return err_set(err, ERR_INVALID, "tensor \"%s\": %llu bytes given, dtype and shape make %llu",
                       name.text, (unsigned long long)tensor->bytes, (unsigned long long)bytes);
    return 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct slot *)a)->tensor->name, ((const struct slot *)b)->tensor->name);
}

/* Fills slots [n] in the order of the file, and checks what can be wrong with them. */
static int order(const struct st_tensor *tensors, size_t n, struct slot *slots, struct err *err)
{
    for (size_t i = 0; i < n; i++) {
        int rc = check_tensor(&tensors[i], err);
        if (rc)
            return rc;
        slots[i] = (struct slot){&tensors[i], i};
    }
    qsort(slots, n, sizeof *slots, by_name);
    for (size_t i = 1; i < n; i++)
        if (by_name(&slots[i - 1], &slots[i]) == 0)
            return err_set(err, ERR_INVALID, "tensor \"%s\" is to be written twice",
                           st_show(slots[i].tensor->name).text);
    qsort(slots, n, sizeof *slots, by_dtype_name);
    return 0;
}

static void write_whole(struct json_out *out, uint64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%llu", (unsigned long long)value);
    json_raw(out, text);
}

static void write_record(struct json_out *out, const struct st_tensor *tensor, uint64_t begin)
{
    json_name(out, tensor->name);
    json_object(out);
    json_put_text(out, "dtype", st_dtype_name(tensor->dtype));
    json_name(out, "shape");
    json_array(out);
    for (int i = 0; i < tensor->rank; i++)
        write_whole(out, tensor->shape[i]);
    json_end_array(out);
    json_name(out, "data_offsets");
    json_array(out);
    write_whole(out, begin);
    write_whole(out, begin + tensor->bytes);
    json_end_array(out);
    json_end_object(out);
}

static int make_header(const struct slot *slots, size_t n, const char *const *metadata, struct buf *buf,
                       struct err *err)
{
    struct json_out out;
    uint64_t begin = 0;
    json_begin(&out, buf);
    json_object(&out);
    if (metadata && metadata[0]) {
        json_name(&out, "__metadata__");
        json_object(&out);
        for (size_t i = 0; metadata[i]; i += 2)
            json_put_text(&out, metadata[i], metadata[i + 1]);
        json_end_object(&out);
    }
    for (size_t i = 0; i < n; i++) {
        if (slots[i].tensor->bytes > (uint64_t)INT64_MAX - begin)
            return err_set(err, ERR_TOO_LARGE, "the tensors together are too large for a file");
        write_record(&out, slots[i].tensor, begin);
        begin += slots[i].tensor->bytes;
    }
    json_end_object(&out);
    while (buf->len % 8 && !buf->full)
        buf_text(buf, " ");
    return buf->full ? err_set(err, ERR_TOO_LARGE, "%zu tensors need a header over the format's limit", n)
                     : 0;
}

static int write_body(int fd, const struct slot *slots, size_t n, const struct buf *header,
                      const struct st_source *source, struct err *err)
{
    uint64_t len = header->len, total = 8 + len;
    for (size_t i = 0; i < n; i++)
        total += slots[i].tensor->bytes;
    /* Claims the room now, so that a full disk says so before the work. Not every file system can. */
    if (fallocate(fd, 0, 0, (off_t)total) != 0 && (errno == ENOSPC || errno == EDQUOT || errno == EFBIG))
        return err_set(err, ERR_IO, "no room for %llu bytes: %s", (unsigned long long)total, strerror(errno));
    if (files_put(fd, &len, 8, 0) || files_put(fd, header->data, len, 8))
        return err_set(err, ERR_IO, "cannot be written: %s", strerror(errno));
    uint64_t at = 8 + len;
    for (size_t i = 0; i < n; i++) {
        const void *bytes = source->bytes(source->ctx, slots[i].index, err);
        if (!bytes)
            return err && err->code ? err->code : ERR_IO;
        if (files_put(fd, bytes, slots[i].tensor->bytes, at))
            return err_set(err, ERR_IO, "cannot be written: %s", strerror(errno));
        at += slots[i].tensor->bytes;
    }
    return fsync(fd) == 0 ? 0 : err_set(err, ERR_IO, "cannot be brought to the disk: %s", strerror(errno));
}

int st_layout(const struct st_tensor *tensors, size_t n, const char *const *metadata, size_t *order_out,
              struct buf *out, struct err *err)
{
    struct slot *slots = mem_zero(n, sizeof *slots);
    struct buf header;
    buf_init(&header, ST_HEADER_MAX);
    int rc = order(tensors, n, slots, err);
    if (!rc)
        rc = make_header(slots, n, metadata, &header, err);
    if (!rc) {
        uint64_t len = header.len;
        buf_add(out, &len, sizeof len);
        buf_add(out, header.data, header.len);
        for (size_t i = 0; i < n; i++)
            order_out[i] = slots[i].index;
        if (out->full)
            rc = err_set(err, ERR_TOO_LARGE, "%zu tensors need a header over the format's limit", n);
    }
    buf_fini(&header);
    mem_free(slots);
    return rc;
}

int st_write_from(const char *path, const struct st_tensor *tensors, size_t n, const char *const *metadata,
                  const struct st_source *source, struct err *err)
{
    struct err why = {0}; /* so that the code of `source` is known also when the caller wants no sentence */
    struct slot *slots = mem_zero(n, sizeof *slots);
    char *partial = mem_printf("%s.partial", path);
    struct buf header;
    buf_init(&header, ST_HEADER_MAX);
    int fd = -1;
    int rc = order(tensors, n, slots, &why);
    if (!rc)
        rc = make_header(slots, n, metadata, &header, &why);
    if (!rc) {
        fd = open(partial, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
        if (fd < 0)
            rc = err_set(&why, ERR_IO, "cannot be created: %s", strerror(errno));
    }
    if (!rc)
        rc = write_body(fd, slots, n, &header, source, &why);
    if (fd >= 0 && close(fd) != 0 && !rc)
        rc = err_set(&why, ERR_IO, "cannot be closed: %s", strerror(errno));
    if (!rc && rename(partial, path) != 0)
        rc = err_set(&why, ERR_IO, "cannot be renamed: %s", strerror(errno));
    if (rc && fd >= 0)
        unlink(partial);
    if (rc && err) {
        *err = why;
        err_prefix(err, rc, "%s", st_show_path(path));
    }
    buf_fini(&header);
    mem_free(partial);
    mem_free(slots);
    return rc;
}

static const void *in_memory(void *ctx, size_t i, struct err *err)
{
    (void)err;
    const void *data = ((const struct st_tensor *)ctx)[i].data;
    return data ? data : ""; /* an empty tensor may come without data */
}

int st_write(const char *path, const struct st_tensor *tensors, size_t n, struct err *err)
{
    static const char *const pt[] = {"format", "pt", NULL};
    struct st_source source = {in_memory, (void *)(uintptr_t)tensors};
    return st_write_from(path, tensors, n, pt, &source, err);
}
