/* Chat templates: how a conversation becomes text. */
#include "merge/preflight/preflight_internal.h"

#include "proto/mem.h"

#include <stdio.h>
#include <string.h>

#define TEMPLATE_MAX (1u << 20)

struct template
{
    const char *file; /* where it stands; NULL: there is none */
    struct hash128 hash;
    size_t bytes;
};

static struct template of_text(const char *file, const char *text, size_t n)
{
    return (struct template){file, hash_bytes(text, n), n};
}

/* A file of its own counts before the others. */
static struct template of_jinja(const struct checkpoint *ckpt)
{
    struct template found = {0};
    FILE *file = preflight_open(ckpt, "chat_template.jinja");
    if (!file)
        return found;
    char *text = mem_zero(TEMPLATE_MAX, 1);
    size_t n = fread(text, 1, TEMPLATE_MAX, file);
    fclose(file);
    found = of_text("chat_template.jinja", text, n);
    mem_free(text);
    return found;
}

/* A text, or a list of named ones. */
static struct template of_member(const char *file, const struct json *j)
{
    const struct json *member = json_get(j, "chat_template");
    const char *text = json_string_or(member, NULL);
    struct template found = {0};
    struct buf buf;
    if (!member || json_is(member, JSON_NULL))
        return found;
    if (text)
        return of_text(file, text, strlen(text));
    buf_init(&buf, TEMPLATE_MAX);
    json_write(&buf, member);
    found = of_text(file, buf_str(&buf), buf.len);
    buf_fini(&buf);
    return found;
}

static struct template template_of(struct preflight *p, const struct checkpoint *ckpt)
{
    static const char *const files[] = {"chat_template.json", "tokenizer_config.json"};
    struct template found = of_jinja(ckpt);
    for (size_t i = 0; i < 2 && !found.file; i++) {
        struct json *j = preflight_read(p, ckpt, files[i]);
        found = of_member(files[i], j);
        json_free(j);
    }
    return found;
}

void preflight_template(struct preflight *p)
{
    struct template base = template_of(p, p->base), tuned = template_of(p, p->tuned);
    if (!base.file && !tuned.file)
        return;
    if (!base.file)
        preflight_say(
            p, PREFLIGHT_NOTE, "models.base",
            "has no chat template, tuned has one (%s); merged models get it, and base has never seen it: "
            "near ratio 0 answers may be of another form",
            tuned.file);
    else if (!tuned.file)
        preflight_say(
            p, PREFLIGHT_WARNING, "models.tuned",
            "has no chat template, base has one (%s); exported models get tuned's files: put it there",
            base.file);
    else if (!hash_equal(base.hash, tuned.hash))
        preflight_say(
            p, PREFLIGHT_WARNING, "models",
            "the chat templates differ (%s of base: %zu bytes, %s of tuned: %zu bytes); merged models get "
            "tuned's: see that the evaluator uses it for every ratio",
            base.file, base.bytes, tuned.file, tuned.bytes);
}
