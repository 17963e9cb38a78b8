/* WHAT   What the tests of evaluator programs share: a directory, shell scripts in it, an evaluator that runs one.
 * WHO    tests/unit/worker/test_command*.c, test_resident*.c.
 * UNITS  Seconds.
 * MEMORY set_up and tear_down; everything lies in the fixture and its directory.
 * ERRORS Fail the test.
 * STATE  None. */
#ifndef TESTS_WORKER_COMMAND_FIXTURE_H
#define TESTS_WORKER_COMMAND_FIXTURE_H

#include "worker/command.h"
#include "worker/resident.h"

#include "proto/json.h"
#include "proto/mem.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
    char directory[64];
    char script[96];
    struct search_spec spec;
    struct command *command; /* one of the two */
    struct resident *resident;
    struct scores scores;
    struct err err;
    atomic_bool cancel;
    double ratios[3];
    struct evaluation evaluation;
};

static inline int set_up(void **state)
{
    struct fixture *f = mem_zero(1, sizeof *f);
    snprintf(f->directory, sizeof f->directory, "/tmp/command-test-XXXXXX");
    assert_non_null(mkdtemp(f->directory));
    snprintf(f->script, sizeof f->script, "%s/evaluator", f->directory);
    setenv("DIR", f->directory, 1); /* scripts leave traces there */
    f->ratios[0] = 0.25;
    f->ratios[1] = 0x1p-1074;
    f->ratios[2] = 1;
    f->evaluation = (struct evaluation){.search = 3,
                                        .trial = 7,
                                        .attempt = 2,
                                        .half = "search",
                                        .ratios = f->ratios,
                                        .ratios_n = 3,
                                        .seed = UINT64_MAX,
                                        .cancel = &f->cancel};
    *state = f;
    return 0;
}

static inline int tear_down(void **state)
{
    struct fixture *f = *state;
    char line[128];
    command_close(f->command);
    resident_close(f->resident);
    search_spec_fini(&f->spec);
    scores_fini(&f->scores);
    snprintf(line, sizeof line, "rm -rf %s", f->directory);
    assert_int_equal(system(line), 0);
    mem_free(f);
    return 0;
}

/* Opens the evaluator of a search.json text. */
static inline void open_search(struct fixture *f, const char *text, const char *directory)
{
    static struct spec_errors errors;
    struct json *root;
    if (json_parse(text, strlen(text), &root, &f->err) != 0)
        fail_msg("%s: %s", f->err.text, text);
    if (search_spec_parse(root, &f->spec, &errors) != 0)
        fail_msg("%s %s: %s", errors.item[0].field, errors.item[0].text, text);
    json_free(root);
    assert_int_equal(search_spec_resolve(&f->spec, directory, &f->err), 0);
    int rc = f->spec.evaluator == EVALUATOR_RESIDENT
                 ? resident_open(&f->spec, f->directory, &f->resident, &f->err)
                 : command_open(&f->spec, f->directory, &f->command, &f->err);
    if (rc != 0)
        fail_msg("%s", f->err.text);
}

/* Opens an evaluator of this type with this shell script and merge "none". keys: more members of "evaluator". */
static inline void open_program(struct fixture *f, const char *type, const char *body, const char *keys)
{
    FILE *file = fopen(f->script, "w");
    assert_non_null(file);
    fprintf(file, "#!/bin/sh\n%s\n", body);
    fclose(file);
    assert_int_equal(chmod(f->script, 0700), 0);
    char *text =
        mem_printf("{\"name\":\"t\",\"groups\":{\"count\":3},\"objectives\":["
                   "{\"name\":\"one\",\"metric\":\"toy.a\",\"goal\":\"max\"},"
                   "{\"name\":\"two\",\"mean_of\":[\"toy.a\",\"toy.b\"],\"goal\":\"min\"}],"
                   "\"evaluator\":{\"type\":\"%s\",\"argv\":[\"%s\",\"first argument\"],\"merge\":\"none\","
                   "%s},\"strategy\":{\"type\":\"sweep\"},\"budget\":{\"trials\":11}}",
                   type, f->script, keys);
    open_search(f, text, f->directory);
    mem_free(text);
}

static inline void open_script(struct fixture *f, const char *body, double time_limit_s)
{
    char *limit = mem_printf("\"time_limit_s\":%g", time_limit_s);
    open_program(f, "command", body, limit);
    mem_free(limit);
}

static inline int run(struct fixture *f)
{
    scores_fini(&f->scores);
    f->err = (struct err){0};
    return f->resident ? resident_run(f->resident, &f->evaluation, &f->scores, &f->err)
                       : command_run(f->command, &f->evaluation, &f->scores, &f->err);
}

static inline void run_well(struct fixture *f)
{
    if (run(f) != 0)
        fail_msg("%s", f->err.text);
}

/* The run fails with this code and word, and leaves no score. */
static inline void run_badly(struct fixture *f, int code, const char *word)
{
    int rc = run(f);
    if (rc != code || !strstr(f->err.text, word))
        print_error("wanted %s with \"%s\", got %s: %s\n", err_name(code), word, err_name(rc), f->err.text);
    assert_int_equal(rc, code);
    assert_non_null(strstr(f->err.text, word));
    assert_int_equal(f->scores.n, 0);
    assert_null(f->scores.item);
}

static inline bool exists(const struct fixture *f, const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", f->directory, name);
    return access(path, F_OK) == 0;
}

/* The text of a file in the directory; mem_free. */
static inline char *text_of(const struct fixture *f, const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", f->directory, name);
    FILE *file = fopen(path, "r");
    if (!file)
        fail_msg("there is no %s", path);
    char *text = mem_zero(1 << 20, 1);
    size_t n = fread(text, 1, (1 << 20) - 1, file);
    fclose(file);
    text[n] = 0;
    return text;
}

static inline char process_state(long pid)
{
    char path[64], line[512] = "";
    snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    FILE *file = fopen(path, "r");
    if (!file)
        return 'X';
    size_t n = fread(line, 1, sizeof line - 1, file);
    fclose(file);
    line[n] = 0;
    const char *after_name = strrchr(line, ')');
    return after_name ? after_name[2] : 'X';
}

/* Is the process whose id stands in this file alive? A dead one may wait for its parent (Z), and one that has given
 * up its memory needs a moment to get there. */
static inline bool is_alive(const struct fixture *f, const char *pid_file)
{
    char *text = text_of(f, pid_file);
    long pid = strtol(text, NULL, 10);
    mem_free(text);
    assert_true(pid > 1);
    for (int i = 0; i < 100; i++) {
        char state = process_state(pid);
        if (state == 'Z' || state == 'X')
            return false;
        usleep(1000);
    }
    return true;
}

#endif
