#include "merge/output/companions.h"

#include "proto/files.h"
#include "proto/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CONFIG_MAX (1u << 20)

static const char *const copied[] = {
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer.model",
    "spiece.model",
    "sentencepiece.bpe.model",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "vocab.txt",
    "merges.txt",
    "chat_template.jinja",
    "chat_template.json",
    "preprocessor_config.json",
    "processor_config.json",
};

bool companions_is(const char *name)
{
    static const char *const begins[] = {"tokenizer", "chat_template", "adapter_"};
    static const char *const others[] = {"additional_chat_templates", "video_preprocessor_config.json",
                                         "tekken.json"};
    for (size_t i = 0; i < sizeof copied / sizeof *copied; i++)
        if (strcmp(name, copied[i]) == 0)
            return true;
    for (size_t i = 0; i < sizeof begins / sizeof *begins; i++)
        if (strncmp(name, begins[i], strlen(begins[i])) == 0)
            return true;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strcmp(name, others[i]) == 0)
            return true;
    return false;
}

/* --- the dtype in config.json --- */

/* Where a scan of the text stands. Nothing but well-formed JSON comes here. */
struct scan {
    const char *p, *end;
    const char *dtype;
    const char *kept; /* what is not yet in out begins here */
    struct buf *out;
};

static void skip_blanks(struct scan *scan)
{
    while (scan->p < scan->end && strchr(" \t\r\n", *scan->p))
        scan->p++;
}

/* Past a string; *begin, *n: what stands between the quotes. */
static void skip_string(struct scan *scan, const char **begin, size_t *n)
{
    *begin = ++scan->p;
    while (scan->p < scan->end && *scan->p != '"')
        scan->p += *scan->p == '\\' && scan->p + 1 < scan->end ? 2 : 1;
    *n = (size_t)(scan->p - *begin);
    if (scan->p < scan->end)
        scan->p++;
}

/* Past a value of any kind. */
static void skip_value(struct scan *scan)
{
    int depth = 0;
    const char *begin;
    size_t n;
    skip_blanks(scan);
    while (scan->p < scan->end) {
        char c = *scan->p;
        if (depth == 0 && strchr(",}] \t\r\n", c))
            return;
        depth += (c == '{' || c == '[') - (c == '}' || c == ']');
        if (c == '"')
            skip_string(scan, &begin, &n);
        else
            scan->p++;
        if (depth == 0 && (c == '"' || c == '}' || c == ']'))
            return;
    }
}

static bool key_is(const char *key, size_t n, const char *word)
{
    return n == strlen(word) && memcmp(key, word, n) == 0;
}

static bool is_part(const char *key, size_t n)
{
    return n > 7 && memcmp(key + n - 7, "_config", 7) == 0 && !key_is(key, n, "quantization_config");
}

static void replace_value(struct scan *scan)
{
    skip_blanks(scan);
    buf_add(scan->out, scan->kept, (size_t)(scan->p - scan->kept));
    buf_printf(scan->out, "\"%s\"", scan->dtype);
    skip_value(scan);
    scan->kept = scan->p;
}

/* An object; those of the parts one level down too. */
static void scan_object(struct scan *scan, int depth)
{
    scan->p++;
    for (skip_blanks(scan); scan->p < scan->end && *scan->p == '"'; skip_blanks(scan)) {
        const char *key;
        size_t n;
        skip_string(scan, &key, &n);
        skip_blanks(scan);
        scan->p += scan->p < scan->end; /* : */
        skip_blanks(scan);
        char c = scan->p < scan->end ? *scan->p : 0;
        if ((key_is(key, n, "torch_dtype") || key_is(key, n, "dtype")) && (c == '"' || c == 'n'))
            replace_value(scan);
        else if (c == '{' && depth == 0 && is_part(key, n))
            scan_object(scan, 1);
        else
            skip_value(scan);
        skip_blanks(scan);
        if (scan->p < scan->end && *scan->p == ',')
            scan->p++;
    }
    scan->p += scan->p < scan->end; /* } */
}

void companions_set_dtype(const char *text, size_t n, const char *dtype, struct buf *out)
{
    struct scan scan = {.p = text, .end = text + n, .dtype = dtype, .kept = text, .out = out};
    skip_blanks(&scan);
    if (scan.p < scan.end && *scan.p == '{')
        scan_object(&scan, 0);
    buf_add(out, scan.kept, (size_t)(scan.end - scan.kept));
}

/* --- copying --- */

static int read_fail(struct err *err, const char *path, const char *what)
{
    return err_set(err, ERR_IO, "%s: %s: %s", path, what, strerror(errno));
}

static ssize_t read_some(int fd, void *block, size_t n)
{
    ssize_t got;
    do
        got = read(fd, block, n);
    while (got < 0 && errno == EINTR);
    return got;
}

/* Copies fd to the new file `name`, hashing. */
static int pump(int in, const char *from, struct outdir *to, const char *name, struct err *err)
{
    char block[1 << 16];
    uint64_t done = 0;
    ssize_t n = 0;
    int out, rc = outdir_create(to, name, &out, err);
    if (rc)
        return rc;
    struct hash_stream *hash = hash_create();
    while (!rc && (n = read_some(in, block, sizeof block)) > 0) {
        hash_add(hash, block, (size_t)n);
        if (files_put(out, block, (size_t)n, done))
            rc = outdir_fail(to, name, "cannot be written", err);
        done += (uint64_t)n;
    }
    if (!rc && n < 0)
        rc = read_fail(err, from, "cannot be read");
    rc = outdir_finish(to, name, out, rc, err);
    if (!rc)
        outdir_record(to, name, done, hash_value(hash));
    hash_destroy(hash);
    return rc;
}

static int put_config(int in, const char *from, const char *dtype, struct outdir *to, const char *name,
                      struct err *err)
{
    struct buf text, changed;
    char block[1 << 14];
    ssize_t n;
    int rc = 0;
    buf_init(&text, CONFIG_MAX);
    buf_init(&changed, CONFIG_MAX + (1u << 16));
    while ((n = read_some(in, block, sizeof block)) > 0)
        buf_add(&text, block, (size_t)n);
    if (n < 0)
        rc = read_fail(err, from, "cannot be read");
    else
        companions_set_dtype(buf_str(&text), text.len, dtype, &changed);
    if (!rc && (text.full || changed.full))
        rc = err_set(err, ERR_TOO_LARGE, "%s: is larger than %u bytes", from, CONFIG_MAX);
    if (!rc)
        rc = outdir_put(to, name, buf_str(&changed), changed.len, err);
    buf_fini(&changed);
    buf_fini(&text);
    return rc;
}

/* *fd: -1 when there is none, which is no failure. A link to nothing is one: caches of the hub are made of links. */
static int open_one(const char *path, int *fd, struct err *err)
{
    struct stat st;
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe in place of a file cannot hold us */
    if (*fd < 0 && errno == ENOENT)
        return lstat(path, &st) != 0 ? 0
                                     : err_set(err, ERR_IO,
                                               "%s: is a link to a file that is not there; download it again "
                                               "or remove the link",
                                               path);
    if (*fd < 0)
        return read_fail(err, path, "cannot be opened");
    if (fstat(*fd, &st) != 0)
        return read_fail(err, path, "cannot be read");
    if (!S_ISREG(st.st_mode))
        return err_set(err, ERR_IO, "%s: is not a regular file; remove it or put the file in its place",
                       path);
    return 0;
}

static int copy_one(const char *directory, const char *name, const char *dtype, struct outdir *to,
                    struct err *err)
{
    char *from = mem_printf("%s/%s", directory, name);
    int in, rc = open_one(from, &in, err);
    if (!rc && in >= 0)
        rc = dtype && strcmp(name, "config.json") == 0 ? put_config(in, from, dtype, to, name, err)
                                                       : pump(in, from, to, name, err);
    if (in >= 0)
        close(in);
    mem_free(from);
    return rc;
}

int companions_copy(const char *from, const struct merge_how *how, struct outdir *to, struct err *err)
{
    static const char *const dtypes[] = {
        [OUTPUT_F32] = "float32", [OUTPUT_BF16] = "bfloat16", [OUTPUT_F16] = "float16"};
    const char *dtype = how->dtype == OUTPUT_SAME ? NULL : dtypes[how->dtype];
    int rc = 0;
    for (size_t i = 0; !rc && i < sizeof copied / sizeof *copied; i++)
        rc = copy_one(from, copied[i], dtype, to, err);
    return rc;
}
