/* worker/identity.h: the right files, other files, no files, and the look from outside. */
#include "worker/identity.h"

#include "merge/files/digest.h"
#include "proto/mem.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define FIXTURES TEST_SOURCE_DIR "/tests/fixtures/"

struct answer { /* of the played daemon to GET digests */
    struct buf text;
    int asked;
    bool away;
};

static int answer_get(void *ctx, struct json **out, struct err *err)
{
    struct answer *answer = ctx;
    answer->asked++;
    if (answer->away)
        return err_set(err, ERR_UNREACHABLE, "nobody is there");
    return json_parse(buf_str(&answer->text), answer->text.len, out, err);
}

static void add_digest(const char *directory, char hex[HASH_TEXT_MAX], struct json_out *out)
{
    struct checkpoint *ckpt;
    struct digest digest;
    assert_int_equal(checkpoint_open(directory, &ckpt, NULL), 0);
    assert_int_equal(digest_make(ckpt, NULL, &digest, NULL), 0);
    digest_write(ckpt, &digest, out);
    hash_print(digest.whole, hex);
    digest_fini(&digest);
    checkpoint_close(ckpt);
}

/* A lease of the fixtures, and what the daemon knows of them. */
static void set_up(struct lease *lease, struct answer *answer)
{
    struct json_out out;
    *lease = (struct lease){.spec.has_models = true};
    *answer = (struct answer){0};
    snprintf(lease->spec.base, sizeof lease->spec.base, FIXTURES "base");
    snprintf(lease->spec.tuned, sizeof lease->spec.tuned, FIXTURES "tuned-rsf");
    buf_init(&answer->text, 1 << 20);
    json_begin(&out, &answer->text);
    json_object(&out);
    json_name(&out, "base");
    add_digest(lease->spec.base, lease->base_digest, &out);
    json_name(&out, "tuned");
    add_digest(lease->spec.tuned, lease->tuned_digest, &out);
    json_end_object(&out);
}

static int check(const struct lease *lease, struct answer *answer, struct err *err)
{
    const struct identity_source source = {answer_get, answer};
    *err = (struct err){0};
    return identity_check(lease, &source, NULL, err);
}

static void refused(const struct lease *lease, struct answer *answer, const char *first, const char *second)
{
    struct err err;
    assert_int_equal(check(lease, answer, &err), ERR_CONFLICT);
    if (!strstr(err.text, first) || !strstr(err.text, second) ||
        !strstr(err.text, "give this worker the files"))
        fail_msg("%s", err.text);
}

static void the_right_files_are_found(void **state)
{
    struct lease lease;
    struct answer answer;
    struct err err;
    (void)state;
    set_up(&lease, &answer);
    assert_int_equal(check(&lease, &answer, &err), 0);
    assert_int_equal(answer.asked, 0);
    buf_fini(&answer.text);
}

static void other_files_are_refused_by_tensor(void **state)
{
    struct lease lease;
    struct answer answer;
    (void)state;
    set_up(&lease, &answer);
    snprintf(lease.spec.tuned, sizeof lease.spec.tuned, FIXTURES "tuned-dpo");
    refused(&lease, &answer, "models.tuned: tensor \"", "tuned-dpo");
    assert_int_equal(answer.asked, 1);
    answer.away = true; /* then without the name */
    refused(&lease, &answer, "models.tuned: ", "another checkpoint");
    answer.away = false;
    buf_clear(&answer.text);
    buf_text(&answer.text, "{\"tuned\":7}");
    refused(&lease, &answer, "models.tuned: ", "another checkpoint");
    buf_fini(&answer.text);
}

static void missing_files_are_refused(void **state)
{
    struct lease lease;
    struct answer answer;
    (void)state;
    set_up(&lease, &answer);
    snprintf(lease.spec.base, sizeof lease.spec.base, "/nowhere/base");
    refused(&lease, &answer, "models.base cannot be read here: ", "/nowhere/base");
    memset(lease.spec.base, 'x', 900); /* what to do is said all the same */
    lease.spec.base[900] = 0;
    refused(&lease, &answer, "models.base cannot be read here: ", "then start it again");
    assert_int_equal(answer.asked, 0);
    buf_fini(&answer.text);
}

static void without_digests_nothing_is_read(void **state)
{
    struct lease lease = {.spec.has_models = true};
    struct answer answer = {0};
    struct err err;
    (void)state;
    snprintf(lease.spec.base, sizeof lease.spec.base, "/nowhere");
    assert_int_equal(check(&lease, &answer, &err), 0);
    assert_true(hash_equal(identity_stamp(&lease), (struct hash128){0}));
}

static void write_text(const char *directory, const char *name, const char *text)
{
    char *path = mem_printf("%s/%s", directory, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    mem_free(path);
}

static void the_stamp_sees_what_is_done_to_files(void **state)
{
    static const char *const parts[] = {"config.json", "model-00001-of-00002.safetensors",
                                        "model.safetensors.index.json"};
    char directory[] = "/tmp/identity-test-XXXXXX";
    struct lease lease = {.spec.has_models = true, .base_digest = "a", .tuned_digest = "b"};
    (void)state;
    assert_non_null(mkdtemp(directory));
    snprintf(lease.spec.base, sizeof lease.spec.base, "%s", directory);
    snprintf(lease.spec.tuned, sizeof lease.spec.tuned, "/nowhere");
    struct hash128 before = identity_stamp(&lease);
    for (int i = 0; i < 3; i++) {
        write_text(directory, parts[i], "{}");
        struct hash128 after = identity_stamp(&lease);
        assert_false(hash_equal(before, after));
        assert_true(hash_equal(after, identity_stamp(&lease)));
        write_text(directory, parts[i], "{ }"); /* another size */
        assert_false(hash_equal(after, identity_stamp(&lease)));
        before = identity_stamp(&lease);
    }
    char *config = mem_printf("%s/config.json", directory);
    struct stat was, is;
    assert_int_equal(stat(config, &was), 0);
    const struct timespec times[2] = {was.st_atim, was.st_mtim};
    do { /* the same size, and the old date; until the kernel's clock has moved on */
        write_text(directory, "config.json", "{\t}");
        assert_int_equal(utimensat(AT_FDCWD, config, times, 0), 0);
        assert_int_equal(stat(config, &is), 0);
    } while (is.st_ctim.tv_sec == was.st_ctim.tv_sec && is.st_ctim.tv_nsec == was.st_ctim.tv_nsec);
    assert_false(hash_equal(before, identity_stamp(&lease)));
    mem_free(config);
    before = identity_stamp(&lease);
    strcpy(lease.tuned_digest, "c"); /* other files are asked for */
    assert_false(hash_equal(before, identity_stamp(&lease)));
    strcpy(lease.tuned_digest, "b");
    write_text(directory, "README.md", "it says nothing about the weights");
    assert_true(hash_equal(before, identity_stamp(&lease)));
    for (int i = 0; i < 3; i++) {
        char *path = mem_printf("%s/%s", directory, parts[i]);
        unlink(path);
        mem_free(path);
        assert_false(hash_equal(before, identity_stamp(&lease)));
    }
    char *readme = mem_printf("%s/README.md", directory);
    unlink(readme);
    mem_free(readme);
    assert_int_equal(rmdir(directory), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_right_files_are_found),
        cmocka_unit_test(other_files_are_refused_by_tensor),
        cmocka_unit_test(missing_files_are_refused),
        cmocka_unit_test(without_digests_nothing_is_read),
        cmocka_unit_test(the_stamp_sees_what_is_done_to_files),
    };
    return cmocka_run_group_tests_name("identity", tests, NULL, NULL);
}
