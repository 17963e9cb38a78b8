/* A whole safetensors file, read through the map and with pread, and written anew. */
#include "tests/fuzz/fuzz.h"

#include "merge/files/safetensors.h"

#include <sys/mman.h>

/* Every byte that a tensor promises can be read, and is the same by the pointer and by st_read. */
static void read_all(const struct st_file *file)
{
    char room[512];
    struct err err = {0};
    for (size_t i = 0; i < st_count(file); i++) {
        const struct st_tensor *t = st_at(file, i);
        MUST(st_find(file, t->name) == t);
        MUST(t->rank >= 0 && t->rank <= ST_RANK_MAX && (unsigned)t->dtype < ST_DTYPES_N);
        MUST(t->elements <= UINT64_MAX / st_dtype_bits(t->dtype));
        MUST(t->elements * st_dtype_bits(t->dtype) == t->bytes * 8);
        for (uint64_t at = 0; at < t->bytes; at += sizeof room) {
            size_t n = t->bytes - at < sizeof room ? (size_t)(t->bytes - at) : sizeof room;
            const void *part = st_read(t, at, n, room, &err);
            MUST(part);
            MUST(!t->data || memcmp(part, (const char *)t->data + at, n) == 0);
        }
    }
    MUST(!st_at(file, st_count(file)));
}

static void same(const struct st_tensor *a, const struct st_tensor *b)
{
    MUST(a && b && strcmp(a->name, b->name) == 0 && a->dtype == b->dtype && a->rank == b->rank);
    MUST(memcmp(a->shape, b->shape, sizeof a->shape) == 0);
    MUST(a->elements == b->elements && a->bytes == b->bytes);
}

static struct st_file *open_as(const char *path, const char *how, struct err *err)
{
    struct st_file *file = NULL;
    setenv("PARETOD_READ", how, 1);
    int rc = st_open(path, &file, err);
    if (rc)
        fuzz_refused(rc, err, file);
    MUST(rc <= 0);
    return file;
}

/* What was read, written and read again is the same; written twice, it is the same bytes. */
static void round_trip(const struct st_file *file)
{
    size_t n = st_count(file);
    struct st_tensor *tensors = mem_zero(n + 1, sizeof *tensors);
    for (size_t i = 0; i < n; i++)
        tensors[i] = *st_at(file, n - 1 - i);
    struct err err = {0};
    char *path = fuzz_path("again.safetensors");
    MUST(st_write(path, tensors, n, &err) == 0);
    struct st_file *again = open_as(path, "map", &err);
    MUST(again && st_count(again) == n);
    for (size_t i = 0; i < n; i++) {
        const struct st_tensor *t = st_find(again, tensors[i].name);
        same(&tensors[i], t);
        MUST(!t->bytes || memcmp(t->data, tensors[i].data, t->bytes) == 0);
    }
    st_close(again);
    mem_free(path);
    mem_free(tensors);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int fd = -1;
    static char path[64];
    if (fd < 0) {
        fd = memfd_create("safetensors", MFD_CLOEXEC);
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    }
    MUST(fd >= 0 && ftruncate(fd, 0) == 0 && pwrite(fd, data, size, 0) == (ssize_t)size);
    struct err mapped_err = {0}, read_err = {0};
    struct st_file *mapped = open_as(path, "map", &mapped_err), *read = open_as(path, "pread", &read_err);
    MUST(!mapped == !read && strcmp(mapped_err.text, read_err.text) == 0);
    if (mapped) {
        MUST(st_count(mapped) == st_count(read));
        for (size_t i = 0; i < st_count(mapped); i++)
            same(st_at(mapped, i), st_at(read, i));
        read_all(mapped);
        read_all(read);
        round_trip(mapped);
    }
    st_close(mapped);
    st_close(read);
    return 0;
}
