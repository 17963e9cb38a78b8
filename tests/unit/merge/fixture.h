/* Files and small checkpoints for the tests of merge/, made from bytes in a temporary directory. */
#ifndef TESTS_MERGE_FIXTURE_H
#define TESTS_MERGE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "merge/files/checkpoint.h"
#include "proto/mem.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define UNUSED __attribute__((unused))

/* A fresh directory; the caller gives it to fixture_remove. */
static UNUSED char *fixture_directory(void)
{
    const char *tmp = getenv("TMPDIR");
    char *path = mem_printf("%s/merge-XXXXXX", tmp ? tmp : "/tmp");
    assert_non_null(mkdtemp(path));
    return path;
}

/* Removes a directory with files and one level of directories in it, and frees the path. */
static UNUSED void fixture_remove(char *path)
{
    DIR *dir = opendir(path);
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        char *inner = mem_printf("%s/%s", path, entry->d_name);
        if (unlink(inner) == 0)
            mem_free(inner);
        else
            fixture_remove(inner);
    }
    if (dir)
        closedir(dir);
    rmdir(path);
    mem_free(path);
}

/* Of a group of tests: a directory that is the state of them all. */
static UNUSED int fixture_begin(void **state)
{
    *state = fixture_directory();
    return 0;
}

static UNUSED int fixture_end(void **state)
{
    fixture_remove(*state);
    return 0;
}

static UNUSED void fixture_file(const char *directory, const char *name, const void *bytes, size_t n)
{
    char *path = mem_printf("%s/%s", directory, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
    mem_free(path);
}

static UNUSED void fixture_text(const char *directory, const char *name, const char *text)
{
    fixture_file(directory, name, text, strlen(text));
}

/* The whole file; *n its size. The caller frees. */
static UNUSED char *fixture_read(const char *directory, const char *name, size_t *n)
{
    char *path = mem_printf("%s/%s", directory, name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    *n = (size_t)ftell(file);
    rewind(file);
    char *bytes = mem_zero(*n + 1, 1);
    assert_int_equal(fread(bytes, 1, *n, file), *n);
    fclose(file);
    mem_free(path);
    return bytes;
}

/* An F32 vector tensor over the caller's values. */
static UNUSED struct st_tensor fixture_f32(const char *name, const float *values, uint64_t n)
{
    return (struct st_tensor){.name = name,
                              .dtype = ST_F32,
                              .rank = 1,
                              .shape = {n},
                              .elements = n,
                              .data = values,
                              .bytes = n * 4};
}

/* Writes a checkpoint of F32 vectors of 2 elements, all of value `value`, one a name, and opens it. */
static UNUSED struct checkpoint *fixture_checkpoint(const char *directory, const char *config,
                                                    const char *const *names, float value)
{
    struct st_tensor tensors[256];
    float values[2] = {value, value};
    size_t n = 0;
    for (; names[n]; n++) {
        assert_true(n < 256);
        tensors[n] = fixture_f32(names[n], values, 2);
    }
    struct err err = {0};
    mkdir(directory, 0777);
    fixture_text(directory, "config.json", config);
    char *path = mem_printf("%s/model.safetensors", directory);
    if (st_write(path, tensors, n, &err))
        fail_msg("%s", err.text);
    mem_free(path);
    struct checkpoint *ckpt;
    if (checkpoint_open(directory, &ckpt, &err))
        fail_msg("%s", err.text);
    return ckpt;
}

/* Fails unless rc and err hold the code and the sentence holds `says`. */
static UNUSED void fixture_refused(int rc, int code, const struct err *err, const char *says)
{
    if (rc != code || err->code != code || !strstr(err->text, says))
        fail_msg("expected %s with \"%s\", got %s: %s", err_name(code), says, err_name(rc), err->text);
}

#endif
