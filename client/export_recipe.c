/* To and from mergekit's recipes. */
#include "client/export_job.h"

#include "client/text.h"
#include "merge/recipe/mergekit_write.h"
#include "merge/recipe/recipe.h"
#include "merge/recipe/yaml.h"
#include "proto/files.h"
#include "proto/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- from --- */

static int read_file(const char *path, struct buf *out, struct err *err)
{
    char block[1 << 14];
    FILE *file = fopen(path, "rbe");
    if (!file)
        return err_set(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "%s: cannot be opened: %s", path,
                       strerror(errno));
    size_t n;
    int rc = 0;
    while (!rc && (n = fread(block, 1, sizeof block, file)) > 0)
        if (buf_add(out, block, n))
            rc = err_set(err, ERR_TOO_LARGE, "%s: a recipe of more than %u bytes is not read", path,
                         YML_BYTES_MAX);
    if (!rc && ferror(file))
        rc = err_set(err, ERR_IO, "%s: cannot be read: %s", path, strerror(errno));
    fclose(file);
    return rc;
}

/* mergekit would ask a hub for what is no directory. given: with the flag. */
static int check_here(const char *path, const char *flag, bool given, struct err *err)
{
    struct stat there;
    if (stat(path, &there) == 0 && S_ISDIR(there.st_mode))
        return 0;
    if (given)
        return err_set(err, ERR_NOT_FOUND, "%s %s: there is no such directory", flag, path);
    return err_set(
        err, ERR_NOT_FOUND,
        "%s: there is no such directory here; a model on a hub must be downloaded first: then give its "
        "directory in the recipe or with %s DIR",
        path, flag);
}

static int open_recipe(struct export_job *job, struct err *err)
{
    const char *base = job->base_here ? job->base_here : recipe_base(job->recipe);
    const char *tuned = job->tuned_here ? job->tuned_here : recipe_tuned(job->recipe);
    int rc = check_here(base, "--base", job->base_here, err);
    if (!rc)
        rc = check_here(tuned, "--tuned", job->tuned_here, err);
    if (!rc)
        rc = checkpoint_open(base, &job->pair.base, err);
    if (!rc)
        rc = checkpoint_open(tuned, &job->pair.tuned, err);
    if (rc)
        return rc;
    struct export_item *item = &job->items[0];
    rc = recipe_plan(job->recipe, job->pair.base, job->pair.tuned, &job->pair.plan, &item->ratios, err);
    if (rc)
        return err_prefix(err, rc, "%s", job->recipe_file);
    item->ratios_n = (size_t)job->pair.plan->ratios_n;
    job->base = mem_strdup(recipe_base(job->recipe));
    job->tuned = mem_strdup(recipe_tuned(job->recipe));
    job->base_read = base;
    job->tuned_read = tuned;
    job->options.how = recipe_how(job->recipe);
    return 0;
}

int export_read_recipe(struct client *client, struct export_job *job)
{
    struct err err = {0};
    struct buf text;
    buf_init(&text, YML_BYTES_MAX + 1);
    int rc = read_file(job->recipe_file, &text, &err);
    if (!rc && (rc = recipe_read(buf_str(&text), text.len, &job->recipe, &err)))
        err_prefix(&err, rc, "%s", job->recipe_file);
    buf_fini(&text);
    if (!rc)
        rc = open_recipe(job, &err);
    if (rc)
        return client_refuse(client, &err);
    const char *note;
    for (size_t i = 0; (note = recipe_note(job->recipe, i)); i++)
        client_say(client, "note: %s", note);
    return CLIENT_OK;
}

/* --- to --- */

/* A new file with the recipe, or none. */
static int write_file(struct client *client, const char *path, const struct buf *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0 && errno == EEXIST) {
        client_say(client, "%s is there already and stays as it is: give --out a name that is not taken",
                   path);
        return CLIENT_REFUSED;
    }
    bool ok = fd >= 0 && files_put(fd, buf_str(text), text->len, 0) == 0 && fsync(fd) == 0;
    int why = errno;
    if (fd >= 0 && close(fd) != 0 && ok) {
        ok = false;
        why = errno;
    }
    if (ok)
        return CLIENT_OK;
    if (fd >= 0)
        unlink(path);
    client_say(client, "%s: cannot be written: %s", path, strerror(why));
    return CLIENT_REFUSED;
}

static int print_json(struct client *client, const struct export_job *job, const struct buf *recipe)
{
    struct buf text;
    struct json_out json;
    buf_init(&text, CLIENT_BYTES_MAX);
    json_begin(&json, &text);
    json_object(&json);
    json_put_int(&json, "search", job->id);
    json_put_int(&json, "trial", job->items[0].trial);
    json_put_text(&json, "format", "mergekit");
    json_put_text(&json, "file", job->out);
    json_put_text(&json, "recipe", buf_str(recipe));
    json_end_object(&json);
    buf_text(&text, "\n");
    int code = client_print(client, &text);
    buf_fini(&text);
    return code;
}

static int print_line(struct client *client, const struct export_job *job)
{
    struct buf line;
    buf_init(&line, CLIENT_BYTES_MAX);
    buf_text(&line, "wrote ");
    text_clean(&line, job->out);
    buf_printf(&line, ": trial %" PRId64 " of search %" PRId64 " \"", job->items[0].trial, job->id);
    text_clean(&line, job->spec->name);
    buf_text(&line, "\" as a recipe of mergekit\n");
    int code = client_print(client, &line);
    buf_fini(&line);
    return code;
}

int export_write_mergekit(struct client *client, struct export_job *job)
{
    struct err err = {0};
    struct buf text;
    buf_init(&text, CLIENT_BYTES_MAX);
    char *title = mem_printf("trial %" PRId64 " of search \"%s\"", job->items[0].trial, job->spec->name);
    int rc = mergekit_write(job->pair.plan, job->items[0].ratios, job->spec->base, job->spec->tuned,
                            &job->options.how, title, &text, &err);
    mem_free(title);
    int code = rc ? client_refuse(client, &err) : CLIENT_OK;
    if (!code && job->options.how.rounding == ROUND_STOCHASTIC)
        client_say(
            client,
            "the trial was rounded stochastically, mergekit rounds to the nearest: other weights will come "
            "out of this recipe");
    if (!code && job->out)
        code = write_file(client, job->out, &text);
    if (!code && client->json)
        code = print_json(client, job, &text);
    else if (!code)
        code = job->out ? print_line(client, job) : client_print(client, &text);
    buf_fini(&text);
    return code;
}
