/* rtuning convert, rtuning construct */
#include "client/commands.h"

#include "client/outfile.h"
#include "client/rtuning.h"
#include "client/text.h"
#include "proto/mem.h"
#include "rtuning/construct.h"
#include "rtuning/convert.h"

#include <string.h>

#define SHOTS_BYTES_MAX ((size_t)256 << 20)

static int refuse(const struct client *client, const struct err *err)
{
    client_say(client, "%s", err->text);
    return CLIENT_USAGE;
}

static int needed(const struct args *args, const char *flag, const char *what, struct err *err)
{
    if (args_has(args, flag))
        return 0;
    return err_set(err, ERR_INVALID, "%s %s is missing: paretoctl %s %s", flag, what, args->command->name,
                   args->command->usage);
}

/* Ctrl-C leaves nothing behind: the partial file goes with outfile_close. */
static int publish(struct client *client, struct outfile *out)
{
    struct err err = {0};
    int rc = client_is_interrupted(client) ? err_set(&err, ERR_CANCELLED, "interrupted")
                                           : outfile_publish(out, &err);
    return rc ? client_refuse(client, &err) : CLIENT_OK;
}

/* ---- convert ---- */

struct converting {
    const struct convert_format *format;
    struct convert_options options;
    struct convert_choice choice;
    struct question_set set;
    struct bad_rows bad;
};

static int read_convert_flags(const struct args *args, struct converting *c, struct err *err)
{
    static const char *const domains[] = {"in", "out", NULL};
    int64_t in_subjects = 0, sample = 0, seed = 1;
    int domain = -1, rc;
    if ((rc = needed(args, "--out", "FILE", err)) ||
        (rc = rtuning_compat(args, &c->options.compat_code, err)) ||
        (rc = rtuning_word(args, "--domain", domains, &domain, err)) ||
        (rc = rtuning_whole(args, "--in-subjects", 1, &in_subjects, err)) ||
        (rc = rtuning_whole(args, "--sample", 1, &sample, err)) ||
        (rc = rtuning_whole(args, "--seed", 0, &seed, err)) ||
        (rc = rtuning_share(args, "--heldout", &c->choice.heldout, err)))
        return rc;
    if (domain >= 0 && in_subjects)
        return err_set(err, ERR_INVALID,
                       "--domain says it of all questions, --in-subjects of some: give one of them");
    if (args_has(args, "--shots") && strcmp(c->format->name, "mmlu") != 0)
        return err_set(err, ERR_INVALID, "--shots are examples for mmlu; %s has none", c->format->name);
    c->choice.domain = domain < 0 ? QUESTION_NO_DOMAIN : domain == 0 ? QUESTION_IN : QUESTION_OUT;
    c->choice.in_subjects = (size_t)in_subjects;
    c->choice.sample_n = (size_t)sample;
    c->choice.seed = (uint64_t)seed;
    return 0;
}

static int read_files(struct client *client, const struct args *args, struct converting *c)
{
    struct err err = {0};
    struct json *shots = NULL;
    const char *path = args_value(args, "--shots");
    int rc = path ? json_parse_file(path, SHOTS_BYTES_MAX, &shots, &err) : 0;
    c->options.shots = shots;
    for (int i = 1; i < args->words_n && !rc; i++)
        rc = convert_file(c->format, args->words[i], &c->options, &c->set, &c->bad, &err);
    json_free(shots);
    return rc ? client_refuse(client, &err) : CLIENT_OK;
}

static int write_questions(struct client *client, const char *path, const struct question_set *set)
{
    struct err err = {0};
    struct outfile out;
    struct buf line;
    buf_init(&line, CLIENT_BYTES_MAX);
    int code = outfile_open(&out, path, &err) ? client_refuse(client, &err) : CLIENT_OK;
    for (size_t i = 0; i < set->n && !code && !client_is_interrupted(client); i++) {
        struct json_out json;
        json_begin(&json, &line);
        question_write(&set->items[i], &json);
        buf_text(&line, "\n");
        outfile_add(&out, &line);
    }
    if (!code)
        code = publish(client, &out);
    outfile_close(&out);
    buf_fini(&line);
    return code;
}

static int say_converted(struct client *client, const char *path, const struct converting *c)
{
    struct buf text;
    struct json_out json;
    buf_init(&text, CLIENT_BYTES_MAX);
    if (client->json) {
        json_begin(&json, &text);
        json_object(&json);
        json_put_text(&json, "out", path);
        json_put_text(&json, "format", c->format->name);
        json_put_int(&json, "questions", (int64_t)c->set.n);
        json_put_int(&json, "bad", (int64_t)c->bad.n);
        json_end_object(&json);
        buf_text(&text, "\n");
    } else {
        text_clean(&text, path);
        buf_printf(&text, ": %zu question%s of %s\n", c->set.n, c->set.n == 1 ? "" : "s", c->format->name);
    }
    int code = client_print(client, &text);
    buf_fini(&text);
    return code;
}

int command_rtuning_convert(struct client *client, const struct args *args)
{
    struct err err = {0};
    struct converting c = {.format = convert_find(args->words[0], &err)};
    if (!c.format || read_convert_flags(args, &c, &err))
        return refuse(client, &err);
    client_catch_interrupt(client);
    int code = read_files(client, args, &c);
    if (!code)
        code = rtuning_tell_bad(client, args, &c.bad, c.set.n);
    if (!code) {
        const char *path = args_value(args, "--out");
        if (c.choice.sample_n > c.set.n)
            client_say(client, "--sample %zu: there are only %zu questions, and all are kept",
                       c.choice.sample_n, c.set.n);
        convert_choose(&c.set, &c.choice);
        code = write_questions(client, path, &c.set);
        if (!code)
            code = say_converted(client, path, &c);
    }
    question_set_fini(&c.set);
    bad_rows_fini(&c.bad);
    return code;
}

/* ---- construct ---- */

struct constructing {
    struct construct_options options;
    struct question_set set;
    struct bad_rows bad; /* rows, and questions that give no example */
    const char *file;
    bool *certain, *usable;
    size_t torn, certain_n, uncertain_n, left_out_n;
};

static int read_construct_flags(const struct args *args, struct constructing *c, struct err *err)
{
    int64_t seed = 1;
    int method = 0, format = 0, rc;
    if ((rc = needed(args, "--out", "FILE", err)) || (rc = needed(args, "--method", "METHOD", err)) ||
        (rc = rtuning_word(args, "--method", construct_methods, &method, err)) ||
        (rc = rtuning_word(args, "--format", construct_formats, &format, err)) ||
        (rc = rtuning_compat(args, &c->options.compat_code, err)) ||
        (rc = rtuning_whole(args, "--seed", 0, &seed, err)))
        return rc;
    c->options.method = (enum construct_method)method;
    c->options.format = (enum construct_format)format;
    c->options.seed = (uint64_t)seed;
    return 0;
}

static void leave_out(void *ctx, size_t i, const char *sentence)
{
    struct constructing *c = ctx;
    char *text = mem_printf("question \"%s\" %s", c->set.items[i].id, sentence);
    bad_rows_add(&c->bad, c->file, c->set.items[i].line, text);
    c->left_out_n++;
    mem_free(text);
}

/* Whoever trains on the questions that will score the model should know. */
static void warn_of_tests(const struct client *client, const struct question_set *set)
{
    size_t out = 0, halves = 0;
    for (size_t i = 0; i < set->n; i++) {
        out += set->items[i].domain == QUESTION_OUT;
        halves += set->items[i].half != QUESTION_NO_HALF;
    }
    if (out)
        client_say(client,
                   "questions marked out of domain: %zu; a model trained on them is tested on them no more",
                   out);
    if (halves)
        client_say(
            client,
            "questions with a half: %zu; they score searches and judge no model that was trained on them",
            halves);
}

static int decide(struct client *client, struct constructing *c)
{
    struct err err = {0};
    c->certain = mem_zero(c->set.n + 1, sizeof *c->certain);
    c->usable = mem_zero(c->set.n + 1, sizeof *c->usable);
    if (construct_decide(&c->set, &c->options, c->certain, c->usable, &c->torn, leave_out, c, &err))
        return client_refuse(client, &err);
    for (size_t i = 0; i < c->set.n; i++) {
        c->certain_n += c->usable[i] && c->certain[i];
        c->uncertain_n += c->usable[i] && !c->certain[i];
    }
    warn_of_tests(client, &c->set);
    if (c->torn)
        client_say(
            client,
            "%zu questions are as uncertain as the one in the middle; their order in the file decides who is "
            "certain",
            c->torn);
    return CLIENT_OK;
}

static int write_examples(struct client *client, const char *path, const struct constructing *c)
{
    struct err err = {0};
    struct outfile out;
    struct buf text;
    bool is_first = true;
    buf_init(&text, CLIENT_BYTES_MAX);
    int code = outfile_open(&out, path, &err) ? client_refuse(client, &err) : CLIENT_OK;
    construct_begin(&c->options, &text);
    for (size_t i = 0; i < c->set.n && !code && !client_is_interrupted(client); i++) {
        struct example e;
        if (!c->usable[i])
            continue;
        construct_example(&c->set.items[i], c->certain[i], i, &c->options, &e);
        construct_write(&e, is_first, &c->options, &text);
        example_fini(&e);
        is_first = false;
        outfile_add(&out, &text);
    }
    construct_end(&c->options, &text);
    if (!code) {
        outfile_add(&out, &text);
        code = publish(client, &out);
    }
    outfile_close(&out);
    buf_fini(&text);
    return code;
}

static int say_constructed(struct client *client, const char *path, const struct constructing *c)
{
    struct buf text;
    struct json_out json;
    size_t n = c->certain_n + c->uncertain_n;
    buf_init(&text, CLIENT_BYTES_MAX);
    if (client->json) {
        json_begin(&json, &text);
        json_object(&json);
        json_put_text(&json, "out", path);
        json_put_text(&json, "method", construct_methods[c->options.method]);
        json_put_text(&json, "format", construct_formats[c->options.format]);
        json_put_int(&json, "examples", (int64_t)n);
        json_put_int(&json, "certain", (int64_t)c->certain_n);
        json_put_int(&json, "uncertain", (int64_t)c->uncertain_n);
        json_put_int(&json, "torn", (int64_t)c->torn);
        json_put_int(&json, "bad", (int64_t)c->bad.n);
        json_end_object(&json);
        buf_text(&text, "\n");
    } else {
        text_clean(&text, path);
        buf_printf(&text, ": %zu examples, %zu certain and %zu uncertain (%.1f %% certain)\n", n,
                   c->certain_n, c->uncertain_n, 100 * (double)c->certain_n / (double)n);
    }
    int code = client_print(client, &text);
    buf_fini(&text);
    return code;
}

int command_rtuning_construct(struct client *client, const struct args *args)
{
    struct err err = {0};
    struct constructing c = {.file = args->words[0]};
    const char *path = args_value(args, "--out");
    if (read_construct_flags(args, &c, &err))
        return refuse(client, &err);
    client_catch_interrupt(client);
    int code =
        question_set_read(&c.set, c.file, &c.bad, &err) ? client_refuse(client, &err) : decide(client, &c);
    if (!code)
        code = rtuning_tell_bad(client, args, &c.bad, c.certain_n + c.uncertain_n);
    if (!code)
        code = write_examples(client, path, &c);
    if (!code)
        code = say_constructed(client, path, &c);
    mem_free(c.certain);
    mem_free(c.usable);
    question_set_fini(&c.set);
    bad_rows_fini(&c.bad);
    return code;
}
