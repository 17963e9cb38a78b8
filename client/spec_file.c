#include "client/spec_file.h"

#include "client/override.h"
#include "client/text.h"
#include "proto/mem.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define SPEC_FILE_BYTES_MAX (1u << 20)

void spec_file_say(const struct client *client, const char *path, const char *field, const char *sentence)
{
    struct buf line;
    buf_init(&line, 4096);
    text_clean(&line, path);
    buf_text(&line, ": ");
    if (*field) {
        text_clean(&line, field);
        buf_text(&line, ": ");
    }
    text_clean(&line, sentence);
    fprintf(client->complaints, "%s\n", buf_str(&line));
    buf_fini(&line);
}

/* The absolute directory of a file. */
static int directory_of(const char *path, char directory[PATH_MAX], struct err *err)
{
    const char *slash = strrchr(path, '/');
    char *name = !slash          ? mem_strdup(".")
                 : slash == path ? mem_strdup("/")
                                 : mem_strndup(path, (size_t)(slash - path));
    int rc = realpath(name, directory) ? 0 : err_set(err, ERR_IO, "%s: %s", name, strerror(errno));
    mem_free(name);
    return rc;
}

/* Puts every --set into the tree; *j is replaced. */
static int apply_sets(const struct args *args, struct json **j, struct err *err)
{
    for (int i = 0; i < args->given_n; i++) {
        if (strcmp(args->given[i].flag->name, "--set") != 0)
            continue;
        struct json *changed;
        int rc = override_apply(*j, args->given[i].value, &changed, err);
        if (rc)
            return rc;
        json_free(*j);
        *j = changed;
    }
    return 0;
}

static int parse_spec(const struct client *client, const char *path, const struct json *j,
                      struct search_spec *spec, struct err *err)
{
    struct spec_errors *errors = mem_zero(1, sizeof *errors);
    char directory[PATH_MAX];
    int rc = search_spec_parse(j, spec, errors);
    for (int i = 0; rc && i < errors->n; i++)
        spec_file_say(client, path, errors->item[i].field, errors->item[i].text);
    if (rc)
        err_set(err, rc, "%s: %d field%s to change", path, errors->n, errors->n == 1 ? "" : "s");
    mem_free(errors);
    if (!rc)
        rc = directory_of(path, directory, err);
    if (!rc)
        rc = search_spec_resolve(spec, directory, err);
    return rc;
}

int spec_file_load(const struct client *client, const struct args *args, const char *path,
                   struct search_spec *spec)
{
    struct err err = {0};
    struct json *j = NULL;
    memset(spec, 0, sizeof *spec);
    int rc = json_parse_file(path, SPEC_FILE_BYTES_MAX, &j, &err);
    if (!rc)
        rc = apply_sets(args, &j, &err);
    if (!rc)
        rc = parse_spec(client, path, j, spec, &err);
    json_free(j);
    if (!rc)
        return CLIENT_OK;
    search_spec_fini(spec);
    memset(spec, 0, sizeof *spec);
    return client_refuse(client, &err);
}
