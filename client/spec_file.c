#include "client/spec_file.h"

#include "client/override.h"
#include "client/text.h"
#include "proto/limits.h"
#include "proto/mem.h"

#include <string.h>

#define SPEC_FILE_BYTES_MAX LIMIT_BODY_BYTES /* what the daemon takes */

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

void spec_file_total(const struct client *client, const char *path, size_t fields_n)
{
    client_say(client, "%s: %zu field%s to change", path, fields_n, fields_n == 1 ? "" : "s");
}

/* Says a --set that is not one, as other faults of the command line are said. */
static int check_sets(const struct client *client, const struct args *args)
{
    struct err err = {0};
    for (int i = 0; i < args->given_n; i++)
        if (strcmp(args->given[i].flag->name, "--set") == 0 && override_check(args->given[i].value, &err)) {
            client_say(client, "%s", err.text);
            return CLIENT_USAGE;
        }
    return CLIENT_OK;
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

/* Puts the rows of --given into the tree; *j is replaced. */
static int add_given(const char *path, struct json **j, struct err *err)
{
    struct json *rows = NULL, *changed = NULL;
    struct buf text;
    struct json_out out;
    int rc = json_parse_file(path, SPEC_FILE_BYTES_MAX, &rows, err);
    if (rc)
        return rc;
    if (json_get(*j, "given"))
        rc = err_set(err, ERR_INVALID,
                     "given: stands in the search file already; leave it out there, or leave --given out");
    buf_init(&text, 2 * SPEC_FILE_BYTES_MAX);
    json_begin(&out, &text);
    json_object(&out);
    for (const struct json *c = json_first(*j); c && !rc; c = json_next(c)) {
        json_name(&out, json_key(c));
        rc = json_write(&text, c);
        out.comma = true;
    }
    json_name(&out, "given");
    if (!rc)
        rc = json_write(&text, rows);
    out.comma = true;
    json_end_object(&out);
    if (!rc)
        rc = json_parse(buf_str(&text), text.len, &changed, err);
    if (!rc) {
        json_free(*j);
        *j = changed;
    }
    buf_fini(&text);
    json_free(rows);
    return rc;
}

static bool has_good_fields(const struct client *client, const char *path, const struct json *j,
                            struct search_spec *spec)
{
    struct spec_errors *errors = mem_zero(1, sizeof *errors);
    bool good = search_spec_parse(j, spec, errors) == 0;
    for (int i = 0; !good && i < errors->n; i++)
        spec_file_say(client, path, errors->item[i].field, errors->item[i].text);
    if (!good)
        spec_file_total(client, path, (size_t)(errors->n + errors->more - (errors->more > 0)));
    mem_free(errors);
    return good;
}

int spec_file_load(const struct client *client, const struct args *args, const char *path,
                   struct search_spec *spec)
{
    struct err err = {0};
    struct json *j = NULL;
    *spec = (struct search_spec){0};
    int code = check_sets(client, args);
    if (code)
        return code;
    const char *given = args_value(args, "--given");
    if (json_parse_file(path, SPEC_FILE_BYTES_MAX, &j, &err) || apply_sets(args, &j, &err) ||
        (given && add_given(given, &j, &err)))
        code = client_refuse(client, &err);
    else if (!has_good_fields(client, path, j, spec))
        code = CLIENT_REFUSED;
    else if (search_spec_resolve_file(spec, path, &err))
        code = client_refuse(client, &err);
    json_free(j);
    if (code)
        search_spec_fini(spec);
    return code;
}
