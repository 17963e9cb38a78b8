/* An export whose N-th call of the operating system fails, or is its last: for every N, there is nothing or a whole
 * directory. The functions below stand in front of libc's. */
#include "fixture.h"

#include "merge/output/export.h"
#include "merge/output/manifest.h"
#include "merge/output/outdir.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static atomic_int armed, calls; /* armed: the call that goes wrong; 0: none */
static bool lasting;            /* and all calls after it */
static int why;                 /* errno of the failure; 0: killed */
static const char *last;        /* the call that went wrong */

/* true: this call fails. */
static bool goes_wrong(const char *call)
{
    int n = armed ? atomic_fetch_add(&calls, 1) + 1 : 0;
    if (!armed || (lasting ? n < armed : n != armed))
        return false;
    last = call;
    if (!why)
        kill(getpid(), SIGKILL);
    errno = why;
    return true;
}

int open(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    unsigned mode = flags & O_CREAT ? va_arg(args, unsigned) : 0;
    va_end(args);
    return goes_wrong("open") ? -1 : (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

int close(int fd)
{
    bool writes = (syscall(SYS_fcntl, fd, F_GETFL) & O_ACCMODE) == O_WRONLY; /* others lose nothing */
    int rc = (int)syscall(SYS_close, fd);
    return writes && goes_wrong("close") ? -1 : rc;
}

ssize_t pwrite(int fd, const void *bytes, size_t n, off_t offset)
{
    return goes_wrong("pwrite") ? -1 : syscall(SYS_pwrite64, fd, bytes, n, offset);
}

int fallocate(int fd, int mode, off_t offset, off_t n)
{
    return goes_wrong("fallocate") ? -1 : (int)syscall(SYS_fallocate, fd, mode, offset, n);
}

int fsync(int fd)
{
    return goes_wrong("fsync") ? -1 : (int)syscall(SYS_fsync, fd);
}

int mkdir(const char *path, mode_t mode)
{
    return goes_wrong("mkdir") ? -1 : (int)syscall(SYS_mkdir, path, mode);
}

int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
    return goes_wrong("renameat2") ? -1 : (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, flags);
}

static const char *const names[] = {"model.embed_tokens.weight", "model.layers.0.w", "model.layers.1.w",
                                    NULL};
static const double ratios[] = {0.25, 0.75}, others[] = {0.5, 0.5};

struct world {
    char *directory, *targets[2];
    struct checkpoint *base, *tuned;
    struct plan *plan;
};

static int set_up(void **state)
{
    struct world *w = mem_zero(1, sizeof *w);
    struct err err = {0};
    w->directory = fixture_directory();
    w->targets[0] = mem_printf("%s/one", w->directory);
    w->targets[1] = mem_printf("%s/two", w->directory);
    char *base = mem_printf("%s/base", w->directory), *tuned = mem_printf("%s/tuned", w->directory);
    w->base = fixture_checkpoint(base, "{}", names, 1);
    w->tuned = fixture_checkpoint(tuned, "{}", names, 3);
    fixture_text(tuned, "merges.txt", "a b");
    struct search_spec spec = {.grouping = GROUPING_COUNT, .groups_n = 2};
    assert_int_equal(plan_make(&spec, w->base, w->tuned, &w->plan, &err), 0);
    mem_free(base);
    mem_free(tuned);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    plan_free(w->plan);
    checkpoint_close(w->base);
    checkpoint_close(w->tuned);
    fixture_remove(w->directory);
    mem_free(w->targets[0]);
    mem_free(w->targets[1]);
    mem_free(w);
    return 0;
}

/* Both targets in one pass, in two shards. wrong: which call; code: how. */
static int run(struct world *w, int wrong, int code, struct err *err)
{
    const struct export_target targets[] = {{.directory = w->targets[0], .ratios = ratios},
                                            {.directory = w->targets[1], .ratios = others}};
    const struct export_options options = {.shard_bytes = 16, .threads = 1};
    calls = 0;
    why = code;
    last = "none";
    *err = (struct err){0};
    armed = wrong;
    int rc = export_checkpoints(w->base, w->tuned, w->plan, targets, 2, &options, NULL, err);
    armed = 0;
    return rc;
}

static int entries(const char *directory, const char *part)
{
    int n = 0;
    DIR *list = opendir(directory);
    assert_non_null(list);
    for (struct dirent *entry; (entry = readdir(list));)
        n += entry->d_name[0] != '.' && strstr(entry->d_name, part);
    closedir(list);
    return n;
}

static void is_whole(const char *directory)
{
    struct verify_result result;
    struct err err = {0};
    if (manifest_verify(directory, NULL, &result, &err))
        fail_msg("%s", err.text);
}

/* Nothing but the pair is there, or both targets, whole. true: they are, and are gone now. */
static bool nothing_or_all(struct world *w, const char *when, int n)
{
    bool there = access(w->targets[0], F_OK) == 0;
    if (there != (access(w->targets[1], F_OK) == 0) || entries(w->directory, "partial"))
        fail_msg("%s %d (%s): one target without the other, or something left", when, n, last);
    for (int i = 0; there && i < 2; i++) {
        is_whole(w->targets[i]);
        fixture_remove(mem_strdup(w->targets[i]));
    }
    return there;
}

/* What may fail without harm: the room is not claimed, early write-back. */
static bool harmless(int code)
{
    return strcmp(last, "fallocate") == 0 && code == EIO;
}

static void fails_at_every_call(struct world *w, int code, const char *says)
{
    struct err err;
    int n = 1, rc;
    for (;; n++) {
        rc = run(w, n, code, &err);
        if (strcmp(last, "none") == 0)
            break;
        bool there = nothing_or_all(w, "failure at call", n);
        if (there != !rc || (rc == 0 && !harmless(code)))
            fail_msg("call %d (%s): %s", n, last, rc ? "failed, but is there" : "did not fail");
        if (rc)
            fixture_refused(rc, ERR_IO, &err, says);
    }
    assert_int_equal(rc, 0);
    assert_true(n > 40);
    assert_true(nothing_or_all(w, "no failure", n));
}

static void test_disk_full_at_every_call(void **state)
{
    fails_at_every_call(*state, ENOSPC, "No space left on device");
}

static void test_disk_broken_at_every_call(void **state)
{
    fails_at_every_call(*state, EIO, "Input/output error");
}

/* A disk that stays full: what is published of two is taken back all the same. */
static void test_disk_full_from_every_call_on(void **state)
{
    struct world *w = *state;
    struct err err;
    int n = 1;
    lasting = true;
    for (; run(w, n, ENOSPC, &err); n++)
        if (nothing_or_all(w, "failure from call", n))
            fail_msg("call %d (%s): failed, but is there", n, last);
    lasting = false;
    assert_true(n > 40);
    assert_true(nothing_or_all(w, "no failure", n));
}

static void test_too_many_files(void **state)
{
    struct world *w = *state;
    struct err err;
    int advised = 0;
    for (int n = 1; run(w, n, EMFILE, &err); n++)
        advised += strstr(err.text, "Too many open files; choose larger shards") != NULL;
    assert_true(advised > 8);
}

struct left {
    int n;
    struct world *w;
};

/* A killed export's directory: both who verifies it and who exports to it are told. */
static void on_left(void *ctx, const char *path)
{
    struct left *left = ctx;
    struct verify_result result;
    struct err err = {0};
    assert_true(outdir_is_partial(path));
    fixture_refused(manifest_verify(path, NULL, &result, &err), ERR_CORRUPT, &err,
                    "is what an export that was killed left behind");
    struct outdir dir;
    fixture_refused(outdir_open(&dir, path, false, &err), ERR_CONFLICT, &err, "remove it");
    outdir_close(&dir);
    fixture_remove(mem_strdup(path));
    left->n++;
}

/* true: it was killed; false: it came through. */
static bool kill_at(struct world *w, int n)
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        struct err err;
        _exit(run(w, n, 0, &err) ? 1 : 0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) ? WTERMSIG(status) == SIGKILL : WEXITSTATUS(status) == 0);
    return WIFSIGNALED(status);
}

static void test_killed_at_every_call(void **state)
{
    struct world *w = *state;
    int n = 1, whole = 0, left_n = 0;
    for (; kill_at(w, n); n++) {
        struct left left = {0, w};
        for (int i = 0; i < 2; i++) {
            outdir_leftovers(w->targets[i], on_left, &left);
            if (access(w->targets[i], F_OK) != 0)
                continue;
            is_whole(w->targets[i]);
            fixture_remove(mem_strdup(w->targets[i]));
            whole++;
        }
        left_n += left.n;
        if (entries(w->directory, "partial"))
            fail_msg("killed at call %d: something is left that outdir_leftovers does not name", n);
    }
    assert_true(n > 40 && left_n > 40);
    assert_true(whole > 0); /* killed after a rename */
    assert_true(nothing_or_all(w, "not killed", n));
}

static void test_no_room_names_what_is_left(void **state)
{
    struct world *w = *state;
    struct err err;
    pid_t gone = fork();
    if (gone == 0)
        _exit(0);
    waitpid(gone, NULL, 0);
    char *left = mem_printf("%s.partial-%d", w->targets[0], (int)gone);
    assert_int_equal(mkdir(left, 0777), 0);
    for (int n = 1;; n++) {
        int rc = run(w, n, ENOSPC, &err);
        assert_int_equal(rc, ERR_IO); /* the allocation comes before the end */
        if (strcmp(last, "fallocate") == 0)
            break;
    }
    fixture_refused(ERR_IO, ERR_IO, &err, "no room for ");
    fixture_refused(ERR_IO, ERR_IO, &err, "B are free): ");
    fixture_refused(ERR_IO, ERR_IO, &err, left);
    assert_int_equal(rmdir(left), 0);
    mem_free(left);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_disk_full_at_every_call, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_disk_broken_at_every_call, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_disk_full_from_every_call_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_too_many_files, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_killed_at_every_call, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_room_names_what_is_left, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
