#include "daemon/facts.h"

#include "proto/mem.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define WARNINGS_MAX ((size_t)1 << 20)

static void read_digest(const struct json *root, const char *which, char out[HASH_TEXT_MAX])
{
    struct hash128 hash;
    const char *text = json_string_or(json_get(json_get(root, which), "digest"), "");
    if (hash_read(text, &hash))
        hash_print(hash, out);
}

static void read_digests(struct facts *facts, const char *text)
{
    struct json *root;
    if (!text || json_parse(text, strlen(text), &root, NULL))
        return;
    read_digest(root, "base", facts->base);
    read_digest(root, "tuned", facts->tuned);
    json_free(root);
}

static void read_warnings(struct facts *facts, const char *text)
{
    struct json *root;
    struct buf buf;
    struct json_out out;
    if (!text || json_parse(text, strlen(text), &root, NULL))
        return;
    buf_init(&buf, WARNINGS_MAX);
    json_begin(&out, &buf);
    const struct json *findings = json_get(root, "findings");
    for (const struct json *f = json_first(findings); f; f = json_next(f)) {
        if (strcmp(json_string_or(json_get(f, "level"), ""), "warning"))
            continue;
        json_object(&out);
        json_put_text(&out, "field", json_string_or(json_get(f, "field"), ""));
        json_put_text(&out, "text", json_string_or(json_get(f, "text"), ""));
        json_end_object(&out);
    }
    json_free(root);
    if (buf.len > 0 && !buf.full)
        facts->warnings = buf_take(&buf);
    buf_fini(&buf);
}

void facts_add(struct facts_table *table, int64_t search, const char *preflight, const char *digests)
{
    struct facts facts = {.search = search};
    read_digests(&facts, digests);
    read_warnings(&facts, preflight);
    if (!facts_have_digests(&facts) && !facts.warnings)
        return;
    assert(table->n == 0 || table->facts[table->n - 1].search < search);
    table->facts = mem_grow(table->facts, table->n + 1, sizeof *table->facts);
    table->facts[table->n++] = facts;
}

const struct facts *facts_find(const struct facts_table *table, int64_t search)
{
    size_t low = 0, high = table->n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (table->facts[mid].search == search)
            return &table->facts[mid];
        if (table->facts[mid].search < search)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

bool facts_have_digests(const struct facts *facts)
{
    return facts && *facts->base && *facts->tuned;
}

void facts_fini(struct facts_table *table)
{
    for (size_t i = 0; i < table->n; i++)
        mem_free(table->facts[i].warnings);
    mem_free(table->facts);
    *table = (struct facts_table){0};
}
