/* What the tests of store/ share: a directory of their own and rows to fill it with. */
#ifndef STORE_TEST_H
#define STORE_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h> /* wants the four above */

#include "proto/mem.h"
#include "store/store.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct fixture {
    char directory[64];
    char path[96];
    struct store *store;
    struct err err;
};

static inline void must(const struct fixture *f, int rc)
{
    if (rc)
        print_error("%s: %s\n", err_name(rc), f->err.text);
    assert_int_equal(rc, 0);
}

/* The code and a word of the sentence. */
static inline void must_fail(const struct fixture *f, int rc, int want, const char *word)
{
    if (rc != want || !strstr(f->err.text, word))
        print_error("wanted %s with \"%s\", got %s: %s\n", err_name(want), word, err_name(rc), f->err.text);
    assert_int_equal(rc, want);
    assert_non_null(strstr(f->err.text, word));
}

static inline int set_up(void **state)
{
    struct fixture *f = mem_zero(1, sizeof *f);
    snprintf(f->directory, sizeof f->directory, "/tmp/store-test-XXXXXX");
    assert_non_null(mkdtemp(f->directory));
    snprintf(f->path, sizeof f->path, "%s/paretod.db", f->directory);
    must(f, store_open(f->path, &f->store, &f->err));
    *state = f;
    return 0;
}

static inline int tear_down(void **state)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", "-journal", "-lock", "-other"};
    struct fixture *f = *state;
    store_close(f->store);
    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s%s", f->path, suffixes[i]);
        unlink(path);
    }
    assert_int_equal(rmdir(f->directory), 0);
    mem_free(f);
    return 0;
}

static inline void reopen(struct fixture *f)
{
    store_close(f->store);
    f->store = NULL;
    must(f, store_open(f->path, &f->store, &f->err));
}

static inline struct store_search a_search(void)
{
    return (struct store_search){.name = "tiny",
                                 .spec = "{\"name\":\"tiny\"}",
                                 .groups = "[\"layers 0-1\"]",
                                 .state = "running",
                                 .created_us = 5};
}

static inline struct store_trial a_trial(int64_t search, int number, const double *ratios, int k)
{
    return (struct store_trial){.search = search,
                                .number = number,
                                .step = number,
                                .k = k,
                                .ratios = ratios,
                                .state = "ready",
                                .created_us = 6,
                                .path = "direct",
                                .repeat_of = -1,
                                .gain = NAN};
}

static inline struct store_lease a_lease(int64_t search, int trial, const char *token)
{
    return (struct store_lease){.token = token,
                                .search = search,
                                .trial = trial,
                                .half = "search",
                                .worker = "host:1",
                                .attempt = 1,
                                .state = "active",
                                .granted_us = 7};
}

/* One search with `trials` ready trials; its id. */
static inline int64_t fill(struct fixture *f, int trials)
{
    static const double ratios[] = {0.25, 0.75};
    struct store_search search = a_search();
    int64_t id;
    must(f, store_search_insert(f->store, &search, &id, &f->err));
    for (int i = 0; i < trials; i++) {
        struct store_trial trial = a_trial(id, i, ratios, 2);
        must(f, store_trial_insert(f->store, &trial, &f->err));
    }
    return id;
}

static inline void same_bits(double got, double want)
{
    if (memcmp(&got, &want, sizeof got) != 0)
        print_error("%a is not %a\n", got, want);
    assert_memory_equal(&got, &want, sizeof got);
}

static inline void same_text(const char *got, const char *want)
{
    assert_int_equal(got == NULL, want == NULL);
    if (want)
        assert_string_equal(got, want);
}

#endif
