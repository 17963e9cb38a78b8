/* export */
#include "client/commands.h"

#include "client/export_job.h"
#include "client/front.h"
#include "proto/mem.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define THREADS_MAX 256

/* --- the command line --- */

/* "5GB", "200MB", "1.5GiB", or bytes: as Hugging Face writes them, GB is 10^9. */
static int read_size(const char *text, uint64_t *bytes, struct err *err)
{
    static const struct {
        const char *unit;
        double bytes;
    } units[] = {{"", 1},      {"B", 1},      {"KB", 1e3},      {"MB", 1e6},         {"GB", 1e9},
                 {"TB", 1e12}, {"KiB", 1024}, {"MiB", 1048576}, {"GiB", 1073741824}, {"TiB", 1099511627776}};
    const char *unit = text + strspn(text, "0123456789.");
    char *end;
    double number = strtod(text, &end);
    for (size_t i = 0; end == unit && i < sizeof units / sizeof *units; i++)
        if (strcasecmp(unit, units[i].unit) == 0 && number * units[i].bytes >= 1 &&
            number * units[i].bytes < 1e18) {
            *bytes = (uint64_t)(number * units[i].bytes);
            return 0;
        }
    return err_set(err, ERR_INVALID, "--max-shard-size \"%.60s\" is no size: give one as 5GB or 200MB", text);
}

static int read_threads(const char *text, int *threads, struct err *err)
{
    char *end;
    long n = strspn(text, "0123456789") ? strtol(text, &end, 10) : 0;
    if (n < 1 || n > THREADS_MAX || *end)
        return err_set(err, ERR_INVALID, "--threads must be a number from 1 to %d", THREADS_MAX);
    *threads = (int)n;
    return 0;
}

static int add_trial(struct export_job *job, const char *word, size_t n, struct err *err)
{
    errno = 0;
    long long number = n && strspn(word, "0123456789") >= n ? strtoll(word, NULL, 10) : -1;
    if (number < 0 || number > INT_MAX || errno)
        return err_set(err, ERR_INVALID,
                       "\"%.*s\" is not the number of a trial (0 or more), nor knee, certain or least-tax",
                       (int)n, word);
    for (size_t i = 0; i < job->items_n; i++)
        if (job->items[i].trial == number)
            return err_set(err, ERR_INVALID, "trial %lld is there twice", number);
    if (job->items_n == EXPORT_TRIALS_MAX)
        return err_set(err, ERR_INVALID, "more than %d trials at once", EXPORT_TRIALS_MAX);
    export_job_add(job, number);
    return 0;
}

/* "17" or "17,23,40". */
static int read_trial_numbers(struct export_job *job, const char *word, struct err *err)
{
    for (;;) {
        size_t n = strcspn(word, ",");
        int rc = add_trial(job, word, n, err);
        if (rc || !word[n])
            return rc;
        word += n + 1;
    }
}

static bool is_pick(const char *word, size_t n)
{
    return front_pick_find(word, n) >= 0;
}

/* The words with a number in place of each pick. A trial that is two picks, or is named too, is there once. The caller's
 * (mem_free). */
static int name_trials(struct client *client, const struct export_job *job, const char *word, char **out)
{
    struct buf text;
    int64_t picked[FRONT_PICKS_N];
    int picked_n = 0, code = CLIENT_OK;
    buf_init(&text, 1 << 20);
    for (; !code; word++) {
        size_t n = strcspn(word, ",");
        if (!is_pick(word, n) || picked_n == FRONT_PICKS_N) {
            buf_printf(&text, "%s%.*s", text.len ? "," : "", (int)n, word);
        } else {
            char *pick = mem_strndup(word, n);
            int64_t trial;
            bool again = false;
            code = command_pick(client, job->id, pick, &trial);
            for (int i = 0; i < picked_n && !code; i++)
                again |= picked[i] == trial;
            if (!code && !again) {
                picked[picked_n++] = trial;
                buf_printf(&text, "%s%" PRId64, text.len ? "," : "", trial);
            }
            mem_free(pick);
        }
        word += n;
        if (!*word)
            break;
    }
    *out = buf_take(&text);
    return code;
}

static int read_flags(const struct args *args, struct export_job *job, struct err *err)
{
    const char *value;
    int rc = 0;
    job->out = args_value(args, "--out");
    job->base_here = args_value(args, "--base");
    job->tuned_here = args_value(args, "--tuned");
    job->recipe_file = args_value(args, "--from-yaml");
    if ((value = args_value(args, "--max-shard-size")))
        rc = read_size(value, &job->options.shard_bytes, err);
    if (!rc && (value = args_value(args, "--threads")))
        rc = read_threads(value, &job->options.threads, err);
    return rc;
}

/* What does not go together. */
static int check_words(const struct args *args, const struct export_job *job, struct err *err)
{
    const char *format = args_value(args, "--format");
    if (job->recipe_file && args->words_n)
        return err_set(err, ERR_INVALID, "--from-yaml exports a recipe, \"%s\" a search: give one of them",
                       args->words[0]);
    if (!job->recipe_file && args->words_n < 2)
        return err_set(err, ERR_INVALID, "something is missing: paretoctl export ID TRIAL --out DIR");
    if (format && strcmp(format, "mergekit") != 0)
        return err_set(
            err, ERR_INVALID,
            "--format \"%.60s\" is not known: it is mergekit; without --format a directory is written",
            format);
    if (format && (job->recipe_file || args_has(args, "--threads") || args_has(args, "--max-shard-size")))
        return err_set(err, ERR_INVALID,
                       "--format mergekit writes the recipe of a trial: --from-yaml, --threads and "
                       "--max-shard-size do not "
                       "go with it");
    if (!format && (!job->out || !*job->out))
        return err_set(err, ERR_INVALID, "--out DIR is missing: where is the checkpoint to be written?");
    return 0;
}

static bool is_directory(const char *path)
{
    struct stat there;
    return stat(path, &there) == 0 && S_ISDIR(there.st_mode);
}

/* The directory that `out` is to lie in. */
static int check_parent(const struct client *client, const char *out)
{
    size_t n = strlen(out);
    while (n > 1 && out[n - 1] == '/')
        n--;
    while (n && out[n - 1] != '/')
        n--;
    while (n > 1 && out[n - 1] == '/')
        n--;
    char *parent = n ? mem_strndup(out, n) : mem_strdup(".");
    bool ok = is_directory(parent);
    if (!ok)
        client_say(client,
                   access(parent, F_OK) == 0 ? "--out: %s is no directory: give a name in one that is"
                                             : "--out: there is no directory %s: make it first",
                   parent);
    mem_free(parent);
    return ok ? CLIENT_OK : CLIENT_REFUSED;
}

/* --out of several trials: is made, or is there. */
static int check_out(const struct client *client, const struct export_job *job)
{
    if (job->items_n > 1 && access(job->out, F_OK) == 0 && !is_directory(job->out)) {
        client_say(client, "--out: %s is no directory: several trials need one", job->out);
        return CLIENT_REFUSED;
    }
    return check_parent(client, job->out);
}

/* Where every item goes; nothing of it may be there. */
static int place(const struct client *client, struct export_job *job)
{
    struct stat there;
    for (size_t i = 0; i < job->items_n; i++) {
        struct export_item *item = &job->items[i];
        item->directory =
            job->items_n == 1 ? mem_strdup(job->out) : mem_printf("%s/trial-%" PRId64, job->out, item->trial);
        if (lstat(item->directory, &there) != 0)
            continue;
        client_say(client, "%s is there already and stays as it is: give --out a name that is not taken",
                   item->directory);
        return CLIENT_REFUSED;
    }
    return check_out(client, job);
}

static int read_words(struct client *client, const struct args *args, struct export_job *job)
{
    struct err err = {0};
    int code = CLIENT_OK, rc = read_flags(args, job, &err);
    if (!rc)
        rc = check_words(args, job, &err);
    if (!rc && !job->recipe_file) {
        code = command_search_id(client, args, &job->id);
        char *trials = NULL;
        if (!code)
            code = name_trials(client, job, args->words[1], &trials);
        if (!code)
            rc = read_trial_numbers(job, trials, &err);
        mem_free(trials);
        if (code)
            return code;
    }
    if (!rc && args_has(args, "--format") && job->items_n > 1)
        rc = err_set(&err, ERR_INVALID, "--format mergekit writes one trial at a time");
    if (rc) {
        client_say(client, "%s", err.text);
        return CLIENT_USAGE;
    }
    if (job->recipe_file)
        export_job_add(job, -1);
    if (args_has(args, "--format"))
        return job->out ? check_out(client, job) : CLIENT_OK;
    return place(client, job);
}

/* --- the command --- */

static int export_trials(struct client *client, const struct args *args, struct export_job *job)
{
    int code = export_read_trials(client, job);
    if (!code)
        code = export_open_pair(client, job);
    if (!code && args_has(args, "--format"))
        return export_write_mergekit(client, job);
    if (!code)
        code = export_check_digests(client, job);
    return code ? code : export_write(client, job);
}

static int export_recipe(struct client *client, struct export_job *job)
{
    int code = export_read_recipe(client, job);
    if (!code)
        code = export_check_digests(client, job);
    return code ? code : export_write(client, job);
}

int command_export(struct client *client, const struct args *args)
{
    struct export_job job = {0};
    int code = read_words(client, args, &job);
    if (!code)
        code = job.recipe_file ? export_recipe(client, &job) : export_trials(client, args, &job);
    export_job_fini(&job);
    return code;
}
