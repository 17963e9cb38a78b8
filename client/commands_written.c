/* written */
#include "client/commands.h"

#include "client/table.h"
#include "client/text.h"
#include "proto/mem.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define OUTPUT_COLUMNS 100
#define SAMPLE_COLUMNS 40
#define SAMPLES_SHOWN_MAX 4

/* Which of it is shown. */
struct choice {
    const char *half, *task; /* NULL: all */
};

/* A text that samples have in common. */
struct common {
    const char *text;
    size_t first, n;
};

static int by_count(const void *a, const void *b)
{
    const struct common *x = a, *y = b;
    if (x->n != y->n)
        return x->n > y->n ? -1 : 1;
    return x->first < y->first ? -1 : x->first > y->first;
}

/* The different ones of the samples, the most frequent first. The caller's. */
static struct common *count_samples(const struct json *samples, size_t *n)
{
    struct common *all = mem_zero(json_len(samples) + 1, sizeof *all);
    *n = 0;
    for (const struct json *s = json_first(samples); s; s = json_next(s)) {
        const char *text = json_string_or(s, "");
        size_t i = 0;
        while (i < *n && strcmp(all[i].text, text) != 0)
            i++;
        if (i == *n)
            all[(*n)++] = (struct common){text, i, 0};
        all[i].n++;
    }
    qsort(all, *n, sizeof *all, by_count);
    return all;
}

/* "4x Rome, 1x Paris, 2 others" */
static void add_samples(const struct json *samples, struct table *table)
{
    struct buf text;
    size_t n;
    struct common *all = count_samples(samples, &n);
    buf_init(&text, 4096);
    for (size_t i = 0; i < n && i < SAMPLES_SHOWN_MAX; i++) {
        buf_printf(&text, "%s%zux ", i ? ", " : "", all[i].n);
        text_cut(&text, all[i].text, SAMPLE_COLUMNS);
    }
    if (n > SAMPLES_SHOWN_MAX)
        buf_printf(&text, ", %zu others", n - SAMPLES_SHOWN_MAX);
    table_cell(table, buf_str(&text));
    buf_fini(&text);
    mem_free(all);
}

static void add_item(const char *task, const char *half, bool samples, const struct json *item,
                     struct table *table)
{
    struct buf text;
    buf_init(&text, 4096);
    table_cell(table, task);
    table_cell(table, half);
    table_cell(table, json_string_or(json_get(item, "id"), "?"));
    text_cut(&text, json_string_or(json_get(item, "output"), "?"), OUTPUT_COLUMNS);
    table_cell(table, buf_str(&text));
    if (samples)
        add_samples(json_get(item, "samples"), table);
    buf_fini(&text);
}

static bool is_chosen(const char *chosen, const struct json *member)
{
    return !chosen || strcmp(chosen, json_key(member)) == 0;
}

static bool has_samples(const struct json *written)
{
    for (const struct json *half = json_first(written); half; half = json_next(half))
        for (const struct json *task = json_first(half); task; task = json_next(task))
            for (const struct json *item = json_first(task); item; item = json_next(item))
                if (json_get(item, "samples"))
                    return true;
    return false;
}

/* Gives how many items were printed. */
static size_t print_written(const struct json *written, const struct choice *choice, struct buf *out)
{
    struct table table;
    bool samples = has_samples(written);
    size_t n = 0;
    table_init(&table);
    table_column(&table, "task", TABLE_LEFT);
    table_column(&table, "half", TABLE_LEFT);
    table_column(&table, "item", TABLE_LEFT);
    table_column(&table, "wrote", TABLE_LEFT);
    if (samples)
        table_column(&table, "samples", TABLE_LEFT);
    for (const struct json *half = json_first(written); half; half = json_next(half)) {
        for (const struct json *task = json_first(half); task; task = json_next(task)) {
            if (!is_chosen(choice->half, half) || !is_chosen(choice->task, task))
                continue;
            for (const struct json *item = json_first(task); item; item = json_next(item), n++)
                add_item(json_key(task), json_key(half), samples, item, &table);
        }
    }
    table_print(&table, out);
    table_fini(&table);
    return n;
}

static int show(struct client *client, const struct json *answer, const struct choice *choice)
{
    const struct json *written = json_get(answer, "written");
    struct buf text;
    if (client->json)
        return client_print_json(client, answer);
    buf_init(&text, CLIENT_BYTES_MAX);
    size_t n = print_written(written, choice, &text);
    int code = n ? client_print(client, &text) : CLIENT_REFUSED;
    if (!n)
        client_say(client,
                   json_first(written)
                       ? "there are no such texts of this trial; leave --task and --half out"
                       : "no texts of this trial are kept: it is not done, or its search does not say "
                         "\"written\": true in its evaluator");
    buf_fini(&text);
    return code;
}

static int read_words(const struct args *args, struct choice *choice, int64_t *id, int64_t *trial,
                      struct err *err)
{
    *choice = (struct choice){args_value(args, "--half"), args_value(args, "--task")};
    if (choice->half && strcmp(choice->half, "search") != 0 && strcmp(choice->half, "heldout") != 0)
        return err_set(err, ERR_INVALID, "--half \"%s\" must be search or heldout", choice->half);
    int rc = args_number(args, 0, "search", 1, id, err);
    return rc ? rc : args_number(args, 1, "trial", 0, trial, err);
}

int command_written(struct client *client, const struct args *args)
{
    struct err err = {0};
    struct choice choice;
    struct json *answer;
    int64_t id, trial;
    char part[64];
    if (read_words(args, &choice, &id, &trial, &err)) {
        client_say(client, "%s", err.text);
        return CLIENT_USAGE;
    }
    snprintf(part, sizeof part, "/trials/%" PRId64 "/written", trial);
    int code = client_get_search(client, id, part, &answer);
    if (!code)
        code = show(client, answer, &choice);
    json_free(answer);
    return code;
}
