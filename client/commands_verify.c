/* verify */
#include "client/commands.h"

#include "client/byte_bar.h"
#include "client/text.h"
#include "merge/output/manifest.h"

#include <sys/stat.h>

struct verifying {
    struct client *client;
    struct byte_bar bar;
    struct buf found; /* the findings as the members of a JSON array */
    struct json_out json;
};

static void on_wrong(void *ctx, const char *sentence)
{
    struct verifying *verifying = ctx;
    json_text(&verifying->json, sentence);
}

static int on_tick(void *ctx, uint64_t done_bytes, uint64_t total_bytes)
{
    struct verifying *verifying = ctx;
    return byte_bar_tick(&verifying->bar, done_bytes, total_bytes);
}

static void write_json(const char *directory, const struct verify_result *result,
                       const struct verifying *verifying, struct buf *out)
{
    struct json_out json;
    json_begin(&json, out);
    json_object(&json);
    json_put_text(&json, "directory", directory);
    json_put_bool(&json, "ok", result->wrong_n == 0);
    json_put_int(&json, "files", (int64_t)result->files_n);
    json_put_int(&json, "bytes", (int64_t)result->bytes);
    json_name(&json, "wrong");
    json_raw(&json, buf_str(&verifying->found));
    json_end_object(&json);
    buf_text(out, "\n");
}

/* A line a finding, then one for all. */
static void write_lines(const char *directory, const struct verify_result *result,
                        const struct verifying *verifying, struct buf *out)
{
    char bytes[TEXT_NUMBER_MAX];
    struct json *found = NULL;
    if (json_parse(buf_str(&verifying->found), verifying->found.len, &found, NULL) == 0)
        for (const struct json *line = json_first(found); line; line = json_next(line)) {
            buf_text(out, "wrong: ");
            text_clean(out, json_string_or(line, "?"));
            buf_text(out, "\n");
        }
    json_free(found);
    text_bytes(bytes, (double)result->bytes);
    text_clean(out, directory);
    size_t stray = result->stray_n, wrong = result->wrong_n - stray;
    if (wrong)
        buf_printf(out, ": %zu of %zu files wrong; export it again\n", wrong, result->files_n);
    else if (stray)
        buf_printf(out, ": %zu file%s not of this export; remove %s\n", stray, stray == 1 ? " is" : "s are",
                   stray == 1 ? "it" : "them");
    else
        buf_printf(out, ": %zu files, %s, all as they were written\n", result->files_n, bytes);
}

static int say(struct client *client, const char *directory, const struct verify_result *result,
               const struct verifying *verifying)
{
    struct buf out;
    buf_init(&out, CLIENT_BYTES_MAX);
    if (client->json)
        write_json(directory, result, verifying, &out);
    else
        write_lines(directory, result, verifying, &out);
    int code = client_print(client, &out);
    buf_fini(&out);
    return code ? code : result->wrong_n ? CLIENT_REFUSED : CLIENT_OK;
}

int command_verify(struct client *client, const struct args *args)
{
    struct err err = {0};
    struct stat there;
    if (stat(args->words[0], &there) == 0 && !S_ISDIR(there.st_mode)) {
        client_say(client, "%s is a file: give the directory of an export, the one that holds " MANIFEST_NAME,
                   args->words[0]);
        return CLIENT_REFUSED;
    }
    struct verify_result result;
    struct verifying verifying = {.client = client};
    const struct verify_calls calls = {on_wrong, on_tick, &verifying};
    buf_init(&verifying.found, CLIENT_BYTES_MAX);
    json_begin(&verifying.json, &verifying.found);
    json_array(&verifying.json);
    byte_bar_begin(&verifying.bar, client, "reading");
    int rc = manifest_verify(args->words[0], &calls, &result, &err);
    byte_bar_end(&verifying.bar);
    json_end_array(&verifying.json);
    /* findings are an answer; what kept us from looking is a refusal */
    bool looked = !rc || (rc == ERR_CORRUPT && result.wrong_n);
    int code = looked ? say(client, args->words[0], &result, &verifying) : client_refuse(client, &err);
    buf_fini(&verifying.found);
    return code;
}
