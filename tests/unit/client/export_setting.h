/* WHAT   Two checkpoints of a few bytes, a search of them, and a daemon that tells of it: what an export needs.
 * WHO    tests/unit/client/test_commands_export*.c.
 * UNITS  None.
 * MEMORY set_up and tear_down.
 * ERRORS Asserts (cmocka).
 * STATE  The setting; its files lie in a directory of their own. */
#ifndef TESTS_CLIENT_EXPORT_SETTING_H
#define TESTS_CLIENT_EXPORT_SETTING_H

#include "../merge/fixture.h"
#include "fake.h"

#include "merge/files/digest.h"
#include "proto/buf.h"

#include <dirent.h>
#include <sys/stat.h>

static const char *const names[] = {"lm_head.weight", "model.embed_tokens.weight", "model.layers.0.a.weight",
                                    "model.layers.1.a.weight", NULL};
static const char *const other_names[] = {"lm_head.weight", "model.embed_tokens.weight",
                                          "model.layers.0.b.weight", "model.layers.1.a.weight", NULL};
static const char config[] = "{\"num_hidden_layers\":2}";

struct setting {
    struct fake fake;
    char *directory;
    char *search, *plan, *digests, *export; /* answers and a command line */
};

static inline void make(const char *directory, const char *name, const char *const *tensors, float value)
{
    char *path = mem_printf("%s/%s", directory, name);
    checkpoint_close(fixture_checkpoint(path, config, tensors, value));
    mem_free(path);
}

static inline char *spec_of(const char *base, const char *tuned, const char *more)
{
    return mem_printf(
        "{\"name\":\"toy\",\"models\":{\"base\":\"%s\",\"tuned\":\"%s\"},\"groups\":{\"count\":2},%s"
        "\"objectives\":[{\"name\":\"a\",\"metric\":\"x.a\",\"goal\":\"max\"}],"
        "\"evaluator\":{\"type\":\"command\",\"argv\":[\"./ev\"],\"merge\":\"directory\"},"
        "\"strategy\":{\"type\":\"sweep\"}}",
        base, tuned, more);
}

static inline void put_digest(struct json_out *out, const char *directory, const char *name)
{
    char *path = mem_printf("%s/%s", directory, name);
    struct checkpoint *ckpt;
    struct digest digest;
    assert_int_equal(checkpoint_open(path, &ckpt, NULL), 0);
    assert_int_equal(digest_make(ckpt, NULL, &digest, NULL), 0);
    json_name(out, name);
    digest_write(ckpt, &digest, out);
    digest_fini(&digest);
    checkpoint_close(ckpt);
    mem_free(path);
}

/* What the daemon keeps of base and tuned as they are now. */
static inline char *digests_of(const char *directory)
{
    struct buf text;
    struct json_out out;
    buf_init(&text, 1 << 20);
    json_begin(&out, &text);
    json_object(&out);
    put_digest(&out, directory, "base");
    put_digest(&out, directory, "tuned");
    json_end_object(&out);
    return buf_take(&text);
}

/* more: members of the search, each with a comma after it. */
static inline void set_up_with(struct setting *s, const char *more)
{
    fake_init(&s->fake);
    s->directory = fixture_directory();
    make(s->directory, "base", names, 0);
    make(s->directory, "tuned", names, 1);
    char *spec = spec_of("base", "tuned", more);
    fixture_text(s->directory, "s.json", spec);
    mem_free(spec);
    char *base = mem_printf("%s/base", s->directory), *tuned = mem_printf("%s/tuned", s->directory);
    spec = spec_of(base, tuned, more);
    s->search = mem_printf("{\"id\":3,\"name\":\"toy\",\"spec\":%s}", spec);
    s->export = mem_printf("export 3 7 --out %s/merged", s->directory);
    mem_free(base);
    mem_free(tuned);
    mem_free(spec);
    /* the daemon's plan is what "plan --json" prints here */
    char *line = mem_printf("plan --json %s/s.json", s->directory);
    assert_int_equal(fake_run(&s->fake, line), CLIENT_OK);
    s->plan = mem_strdup(s->fake.out);
    s->digests = digests_of(s->directory);
    mem_free(line);
    fake_fini(&s->fake);
    fake_init(&s->fake);
}

static inline void set_up(struct setting *s)
{
    set_up_with(s, "");
}

static inline void tear_down(struct setting *s)
{
    fake_fini(&s->fake);
    fixture_remove(s->directory);
    mem_free(s->search);
    mem_free(s->plan);
    mem_free(s->digests);
    mem_free(s->export);
}

static inline void says_all(struct setting *s, const char *trial)
{
    fake_says(&s->fake, 200, s->search);
    fake_says(&s->fake, 200, trial);
    fake_says(&s->fake, 200, s->plan);
    fake_says(&s->fake, 200, s->digests);
}

static const char done[] = "{\"number\":7,\"state\":\"done\",\"ratios\":[0.25,0.5]}";

static inline bool is_there(const struct setting *s, const char *name)
{
    char *path = mem_printf("%s/%s", s->directory, name);
    bool there = access(path, F_OK) == 0;
    mem_free(path);
    return there;
}

static inline int entries_of(const char *directory)
{
    int n = 0;
    DIR *there = opendir(directory);
    assert_non_null(there);
    for (struct dirent *entry; (entry = readdir(there));)
        n += entry->d_name[0] != '.';
    closedir(there);
    return n;
}

static inline void same_file(const char *a, const char *b, const char *name)
{
    size_t n, m;
    char *x = fixture_read(a, name, &n), *y = fixture_read(b, name, &m);
    assert_int_equal(n, m);
    assert_memory_equal(x, y, n);
    mem_free(x);
    mem_free(y);
}

#endif
