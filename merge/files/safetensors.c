#include "merge/files/safetensors.h"

#include "merge/files/safetensors_internal.h"
#include "proto/json_scan.h"
#include "proto/mem.h"

#include <stdlib.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "tensor data is used as it stands in the file");

struct st_file {
    struct st_disk disk;
    char *names;
    size_t n;
    struct st_tensor *tensors;        /* [n], ascending data offset */
    const struct st_tensor **by_name; /* [n], ascending name */
};

/* --- dtypes --- */

static const struct {
    const char *name;
    unsigned bits;
} dtypes[ST_DTYPES_N] = {
    [ST_BOOL] = {"BOOL", 8},
    [ST_F4] = {"F4", 4},
    [ST_F6_E2M3] = {"F6_E2M3", 6},
    [ST_F6_E3M2] = {"F6_E3M2", 6},
    [ST_U8] = {"U8", 8},
    [ST_I8] = {"I8", 8},
    [ST_F8_E5M2] = {"F8_E5M2", 8},
    [ST_F8_E4M3] = {"F8_E4M3", 8},
    [ST_F8_E8M0] = {"F8_E8M0", 8},
    [ST_F8_E4M3FNUZ] = {"F8_E4M3FNUZ", 8},
    [ST_F8_E5M2FNUZ] = {"F8_E5M2FNUZ", 8},
    [ST_I16] = {"I16", 16},
    [ST_U16] = {"U16", 16},
    [ST_F16] = {"F16", 16},
    [ST_BF16] = {"BF16", 16},
    [ST_I32] = {"I32", 32},
    [ST_U32] = {"U32", 32},
    [ST_F32] = {"F32", 32},
    [ST_C64] = {"C64", 64},
    [ST_F64] = {"F64", 64},
    [ST_I64] = {"I64", 64},
    [ST_U64] = {"U64", 64},
};

const char *st_dtype_name(enum st_dtype dtype)
{
    return (unsigned)dtype < ST_DTYPES_N ? dtypes[dtype].name : "unknown";
}

unsigned st_dtype_bits(enum st_dtype dtype)
{
    return (unsigned)dtype < ST_DTYPES_N ? dtypes[dtype].bits : 0;
}

int st_size(enum st_dtype dtype, int rank, const uint64_t *shape, uint64_t *elements, uint64_t *bytes)
{
    uint64_t n = 1, bits;
    for (int i = 0; i < rank; i++)
        if (__builtin_mul_overflow(n, shape[i], &n))
            return ERR_CORRUPT;
    if (__builtin_mul_overflow(n, (uint64_t)st_dtype_bits(dtype), &bits) || bits % 8)
        return ERR_CORRUPT;
    *elements = n;
    *bytes = bits / 8;
    return 0;
}

/* --- text for sentences --- */

struct st_shown st_show(const char *name)
{
    struct st_shown shown;
    size_t i = 0;
    for (; i + 4 < sizeof shown.text && name[i]; i++)
        shown.text[i] = (unsigned char)name[i] < 0x20 || name[i] == 0x7F ? '?' : name[i];
    if (name[i]) { /* cut between two characters, and say so */
        while (i && ((unsigned char)name[i] & 0xC0) == 0x80)
            i--;
        memcpy(shown.text + i, "...", 3);
        i += 3;
    }
    shown.text[i] = 0;
    return shown;
}

const char *st_show_path(const char *path)
{
    size_t n = strlen(path), max = 200;
    if (n <= max)
        return path;
    const char *end = path + n - max;
    const char *slash = strchr(end, '/');
    return slash ? slash + 1 : end;
}

bool st_utf8(const char *text, size_t n, size_t *bad)
{
    const unsigned char *p = (const unsigned char *)text;
    for (size_t i = 0; i < n;) {
        uint64_t eight;
        if (n - i >= sizeof eight) {
            memcpy(&eight, p + i, sizeof eight);
            if (!(eight & 0x8080808080808080u)) {
                i += sizeof eight;
                continue;
            }
        }
        size_t len = utf8_sequence(p + i, n - i);
        if (!len) {
            *bad = i;
            return false;
        }
        i += len;
    }
    return true;
}

/* --- opening --- */

#define WEB_PAGE "it is a web page, not the file; download it again, signed in if the model needs that"

const char *st_mistaken_for(const unsigned char *p, size_t n)
{
    static const struct {
        const char *start, *what;
    } known[] = {
        {"version https://git-lfs", "it is a Git LFS pointer, not the file; run \"git lfs pull\""},
        {"<!", WEB_PAGE},
        {"<h", WEB_PAGE},
        {"<H", WEB_PAGE},
        {"<?", WEB_PAGE},
        {"{\"", "it is JSON text, not the weights; download it again"},
        {"PK\x03\x04", "it is a PyTorch or zip file; convert it to safetensors first"},
        {"\x80\x02", "it is a Python pickle; convert it to safetensors first"},
        {"GGUF", "it is a GGUF file; the search needs the safetensors checkpoint"},
        {"Entry not found", "it is an error message saved in place of the file; download it again"},
        {"Access to model",
         "it is an error message saved in place of the file; accept the licence, download again"},
    };
    while (n && (*p == '\n' || *p == '\r' || *p == ' ')) {
        p++;
        n--;
    }
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        size_t len = strlen(known[i].start);
        if (n >= len && memcmp(p, known[i].start, len) == 0)
            return known[i].what;
    }
    return NULL;
}

/* The length of the header, checked against limit and file. */
static int header_length(const struct st_disk *disk, uint64_t *out, struct err *err)
{
    const char *shown = st_show_path(disk->path);
    unsigned char start[512];
    size_t n = disk->bytes < sizeof start ? (size_t)disk->bytes : sizeof start;
    uint64_t len = 0;
    int rc = st_disk_read(disk, 0, n, start, "header", err);
    if (rc)
        return rc;
    if (n >= 8)
        memcpy(&len, start, 8);
    *out = len;
    if (n >= 8 && len <= disk->bytes - 8 && len <= ST_HEADER_MAX)
        return 0;
    /* A length within the limit is a real header cut short, though its first byte may look like a letter. */
    const char *what = n >= 8 && len > ST_HEADER_MAX ? st_mistaken_for(start, n) : NULL;
    if (what)
        return err_set(err, ERR_CORRUPT, "%s: is not a safetensors file: %s", shown, what);
    if (n < 8)
        return err_set(err, ERR_CORRUPT,
                       "%s: is cut short: %zu bytes cannot hold a header; download it again", shown, n);
    if (len > ST_HEADER_MAX)
        return err_set(err, ERR_CORRUPT,
                       "%s: is not a safetensors file: its first 8 bytes ask for a header of %llu bytes, the "
                       "limit is %d",
                       shown, (unsigned long long)len, ST_HEADER_MAX);
    return err_set(err, ERR_CORRUPT,
                   "%s: is cut short: the header has %llu bytes, the file %llu; download it again", shown,
                   (unsigned long long)len, (unsigned long long)disk->bytes);
}

static int by_offset(const void *a, const void *b)
{
    const struct st_record *x = a, *y = b;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    if (x->end != y->end) /* empty tensors first, so that the next one begins where the last ended */
        return x->end < y->end ? -1 : 1;
    return strcmp(x->tensor.name, y->tensor.name);
}

static int by_name(const void *a, const void *b)
{
    const struct st_tensor *const *x = a, *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

/* Sorted by offset the tensors must follow each other without hole or overlap and end with the file. */
static int check_layout(const struct st_header *header, const char *path, uint64_t data_bytes,
                        struct err *err)
{
    const char *shown = st_show_path(path);
    uint64_t end = 0;
    for (size_t i = 0; i < header->n; i++) {
        const struct st_record *record = &header->records[i];
        if (record->begin != end)
            return err_set(
                err, ERR_CORRUPT,
                "%s: tensor \"%s\": its data begin at offset %llu, but the tensor before ends at %llu", shown,
                st_show(record->tensor.name).text, (unsigned long long)record->begin,
                (unsigned long long)end);
        end = record->end;
    }
    if (end > data_bytes)
        return err_set(
            err, ERR_CORRUPT,
            "%s: is cut short: the header promises %llu bytes of tensors (the last is \"%s\"), the file "
            "has %llu; download it again",
            shown, (unsigned long long)end, st_show(header->records[header->n - 1].tensor.name).text,
            (unsigned long long)data_bytes);
    if (end < data_bytes)
        return err_set(err, ERR_CORRUPT,
                       "%s: has %llu bytes after the last tensor%s%s%s; it is not the file it should be",
                       shown, (unsigned long long)(data_bytes - end), header->n ? " \"" : "",
                       header->n ? st_show(header->records[header->n - 1].tensor.name).text : "",
                       header->n ? "\"" : "");
    return 0;
}

static int check_names(const struct st_file *file, const char *path, struct err *err)
{
    for (size_t i = 1; i < file->n; i++)
        if (strcmp(file->by_name[i - 1]->name, file->by_name[i]->name) == 0)
            return err_set(err, ERR_CORRUPT, "%s: tensor \"%s\" stands twice in the header",
                           st_show_path(path), st_show(file->by_name[i]->name).text);
    return 0;
}

/* Both orders of the tensors, without data yet. Takes the names from the header. */
static void index_tensors(struct st_file *file, struct st_header *header)
{
    file->n = header->n;
    file->names = header->names;
    header->names = NULL;
    file->tensors = mem_zero(file->n, sizeof *file->tensors);
    file->by_name = mem_zero(file->n, sizeof *file->by_name);
    for (size_t i = 0; i < file->n; i++) {
        file->tensors[i] = header->records[i].tensor;
        file->by_name[i] = &file->tensors[i];
    }
    qsort(file->by_name, file->n, sizeof *file->by_name, by_name);
}

/* Tensors, names and places from the header's text. */
static int take_header(struct st_file *file, const char *text, size_t len, struct err *err)
{
    struct st_disk *disk = &file->disk;
    struct st_header header;
    int rc = st_scan(disk->path, text, len, &header, err);
    if (!rc) {
        if (header.n)
            qsort(header.records, header.n, sizeof *header.records, by_offset);
        index_tensors(file, &header);
        rc = check_names(file, disk->path,
                         err); /* before the layout: the clearer sentence for a repeated name */
    }
    if (!rc)
        rc = check_layout(&header, disk->path, disk->bytes - 8 - len, err);
    for (size_t i = 0; !rc && i < file->n; i++) {
        struct st_tensor *tensor = &file->tensors[i];
        tensor->disk = disk;
        tensor->offset = 8 + len + header.records[i].begin;
        tensor->data = disk->map ? disk->map + tensor->offset : NULL;
    }
    st_header_fini(&header);
    return rc;
}

static int read_header(struct st_file *file, struct err *err)
{
    uint64_t len = 0;
    int rc = header_length(&file->disk, &len, err);
    if (rc)
        return rc;
    char *text = mem_zero(len ? len : 1, 1);
    rc = st_disk_read(&file->disk, 8, len, text, "header", err);
    if (!rc)
        rc = take_header(file, text, len, err);
    mem_free(text);
    return rc;
}

int st_open(const char *path, struct st_file **out, struct err *err)
{
    struct st_file *file = mem_zero(1, sizeof *file);
    int rc = st_disk_open(&file->disk, path, err);
    if (!rc)
        rc = read_header(file, err);
    if (rc) {
        st_close(file);
        file = NULL;
    }
    *out = file;
    return rc;
}

void st_close(struct st_file *file)
{
    if (!file)
        return;
    st_disk_close(&file->disk);
    mem_free(file->names);
    mem_free(file->tensors);
    mem_free(file->by_name);
    mem_free(file);
}

void st_identity(const struct st_file *file, uint64_t out[ST_IDENTITY_N])
{
    memcpy(out, file->disk.identity, sizeof file->disk.identity);
}

size_t st_count(const struct st_file *file)
{
    return file->n;
}

const struct st_tensor *st_at(const struct st_file *file, size_t i)
{
    return i < file->n ? &file->tensors[i] : NULL;
}

const struct st_tensor *st_find(const struct st_file *file, const char *name)
{
    size_t low = 0, high = file->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(name, file->by_name[middle]->name);
        if (order == 0)
            return file->by_name[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}
