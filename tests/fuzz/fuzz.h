/* What the fuzz targets share: a directory in memory, and files in it that are written anew for every input. */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <assert.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/err.h"
#include "proto/mem.h"

#define UNUSED __attribute__((unused))

/* A whole safetensors file of one BF16 tensor "x". */
#define FUZZ_WEIGHTS                                                                                         \
    "\x3d\0\0\0\0\0\0\0{\"x\":{\"dtype\":\"BF16\",\"shape\":[2,1],\"data_offsets\":[0,4]}}   "               \
    "\x80\x3f\0\xc0"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A check that stays in every build; libFuzzer keeps the input that breaks it. */
#define MUST(x) ((x) ? (void)0 : fuzz_broken(__FILE__, __LINE__, #x))

static UNUSED void fuzz_broken(const char *file, int line, const char *what)
{
    fprintf(stderr, "%s:%d: broken: %s\n", file, line, what);
    abort();
}

static UNUSED void fuzz_write(const char *path, const void *bytes, size_t n)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    MUST(fd >= 0);
    for (size_t done = 0; done < n;) {
        ssize_t part = write(fd, (const char *)bytes + done, n - done);
        MUST(part > 0);
        done += (size_t)part;
    }
    close(fd);
}

/* One directory a process, under TMPDIR; tests/fuzz.sh gives one in memory and removes it. */
static UNUSED const char *fuzz_directory(void)
{
    static char *path;
    if (path)
        return path;
    const char *under = getenv("TMPDIR");
    path = mem_printf("%s/fuzz-XXXXXX", under ? under : "/tmp");
    MUST(mkdtemp(path));
    return path;
}

/* A file of that directory. The caller frees. */
static UNUSED char *fuzz_path(const char *name)
{
    return mem_printf("%s/%s", fuzz_directory(), name);
}

/* A refusal says why, in one sentence of one line, and gives nothing. */
static UNUSED void fuzz_refused(int rc, const struct err *err, const void *out)
{
    MUST(rc < 0 && err->code == rc && err->text[0] && !out);
    MUST(!strchr(err->text, '\n'));
}

#endif
