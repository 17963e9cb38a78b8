/* Tokenizers and special tokens: what a row of the embeddings stands for must be the same on both sides. */
#include "merge/preflight/preflight_internal.h"

#include "proto/buf.h"
#include "proto/mem.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX_BYTES (96u << 20) /* the largest public tokenizer.json has 35 MB */

struct json *preflight_read(struct preflight *p, const struct checkpoint *ckpt, const char *name)
{
    struct err err = {0};
    struct json *j = NULL;
    char *path = mem_printf("%s/%s", checkpoint_directory(ckpt), name);
    int rc = json_parse_file(path, FILE_MAX_BYTES, &j, &err);
    if (rc && rc != ERR_NOT_FOUND)
        preflight_say(p, PREFLIGHT_WARNING, ckpt == p->base ? "models.base" : "models.tuned",
                      "%.400s; get the file again, or take it away", err.text);
    mem_free(path);
    return j;
}

FILE *preflight_open(const struct checkpoint *ckpt, const char *name)
{
    char *path = mem_printf("%s/%s", checkpoint_directory(ckpt), name);
    /* O_NONBLOCK so that a pipe in place of a file cannot hold us. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    bool plain = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    FILE *file = plain ? fdopen(fd, "rb") : NULL;
    if (!file && fd >= 0)
        close(fd);
    mem_free(path);
    return file;
}

/* --- whole files --- */

enum same { SAME, DIFFERENT, BASE_LACKS, TUNED_LACKS, BOTH_LACK };

static bool same_bytes(FILE *a, FILE *b)
{
    char x[65536], y[sizeof x];
    for (;;) {
        size_t n = fread(x, 1, sizeof x, a), m = fread(y, 1, sizeof y, b);
        if (n != m || memcmp(x, y, n) != 0)
            return false;
        if (n == 0)
            return true;
    }
}

static enum same compare_files(const struct preflight *p, const char *name)
{
    FILE *a = preflight_open(p->base, name), *b = preflight_open(p->tuned, name);
    enum same same = !a && !b           ? BOTH_LACK
                     : !a               ? BASE_LACKS
                     : !b               ? TUNED_LACKS
                     : same_bytes(a, b) ? SAME
                                        : DIFFERENT;
    if (a)
        fclose(a);
    if (b)
        fclose(b);
    return same;
}

/* --- vocabularies --- */

struct token {
    const char *text;
    double id;
};

struct vocabulary {
    size_t n;
    struct token *tokens; /* [n], ascending text; borrows from the file */
};

/* The same text twice, which no program writes, is ordered by id. */
static int by_text(const void *a, const void *b)
{
    const struct token *x = a, *y = b;
    int order = strcmp(x->text, y->text);
    return order ? order : (x->id > y->id) - (x->id < y->id);
}

static void add_token(struct vocabulary *v, const char *text, double id)
{
    if (text)
        v->tokens[v->n++] = (struct token){text, id};
}

/* model.vocab is {"token": id} (BPE, WordPiece, WordLevel) or [["token", score], …] (Unigram); added_tokens are
 * [{"id", "content"}]. A token that stands in both counts once. */
static struct vocabulary read_vocabulary(const struct json *tokenizer)
{
    const struct json *vocab = json_get(json_get(tokenizer, "model"), "vocab");
    const struct json *added = json_get(tokenizer, "added_tokens");
    struct vocabulary v = {0};
    double i = 0;
    v.tokens = mem_zero(json_len(vocab) + json_len(added), sizeof *v.tokens);
    for (const struct json *t = json_first(vocab); t; t = json_next(t), i++) {
        if (json_is(t, JSON_ARRAY))
            add_token(&v, json_string_or(json_first(t), NULL), i);
        else
            add_token(&v, json_key(t), json_number_or(t, -1));
    }
    for (const struct json *t = json_first(added); t; t = json_next(t))
        add_token(&v, json_string_or(json_get(t, "content"), NULL), json_number_or(json_get(t, "id"), -1));
    qsort(v.tokens, v.n, sizeof *v.tokens, by_text);
    size_t kept = 0;
    for (size_t t = 0; t < v.n; t++)
        if (kept == 0 || strcmp(v.tokens[kept - 1].text, v.tokens[t].text) != 0)
            v.tokens[kept++] = v.tokens[t];
    v.n = kept;
    return v;
}

struct vocabulary_difference {
    size_t moved, base_alone, tuned_alone;
    struct token moved_base, moved_tuned, first_base, first_tuned;
};

static void compare_vocabularies(const struct vocabulary *b, const struct vocabulary *t,
                                 struct vocabulary_difference *out)
{
    for (size_t i = 0, j = 0; i < b->n || j < t->n;) {
        const struct token *x = i < b->n ? &b->tokens[i] : NULL, *y = j < t->n ? &t->tokens[j] : NULL;
        int order = !x ? 1 : !y ? -1 : strcmp(x->text, y->text);
        if (order < 0 && out->base_alone++ == 0)
            out->first_base = *x;
        if (order > 0 && out->tuned_alone++ == 0)
            out->first_tuned = *y;
        if (order == 0 && x->id != y->id && out->moved++ == 0) {
            out->moved_base = *x;
            out->moved_tuned = *y;
        }
        i += order <= 0;
        j += order >= 0;
    }
}

static void say_alone(struct preflight *p, size_t n, const struct token *first, const char *side,
                      const char *other)
{
    if (n)
        preflight_say(
            p, PREFLIGHT_WARNING, "models",
            "tokenizer.json: %zu token%s %s in models.%s alone, the first \"%.60s\" with id %.0f; its row of "
            "the embeddings is averaged with whatever %s has there: see that both were made for the same "
            "tokens",
            n, n == 1 ? "" : "s", n == 1 ? "is" : "are", side, first->text, first->id, other);
}

static size_t say_vocabulary(struct preflight *p, const struct json *base, const struct json *tuned)
{
    struct vocabulary b = read_vocabulary(base), t = read_vocabulary(tuned);
    struct vocabulary_difference d = {0};
    compare_vocabularies(&b, &t, &d);
    if (d.moved)
        preflight_say(
            p, PREFLIGHT_ERROR, "models",
            "tokenizer.json: %zu token%s %s another id in models.tuned than in models.base, the first "
            "\"%.60s\" %.0f in base and %.0f in tuned; rows of different tokens cannot be averaged: give a "
            "pair with one tokenizer",
            d.moved, d.moved == 1 ? "" : "s", d.moved == 1 ? "has" : "have", d.moved_base.text,
            d.moved_base.id, d.moved_tuned.id);
    say_alone(p, d.base_alone, &d.first_base, "base", "tuned");
    say_alone(p, d.tuned_alone, &d.first_tuned, "tuned", "base");
    mem_free(b.tokens);
    mem_free(t.tokens);
    return d.moved + d.base_alone + d.tuned_alone;
}

/* The parts besides the vocabulary: how text is cut into tokens. */
static void say_parts(struct preflight *p, const struct json *base, const struct json *tuned)
{
    static const char *const parts[] = {"normalizer", "pre_tokenizer", "post_processor", "decoder"};
    struct buf names;
    buf_init(&names, 200);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (!preflight_same(json_get(base, parts[i]), json_get(tuned, parts[i])))
            buf_printf(&names, "%s%s", names.len ? ", " : "", parts[i]);
    if (names.len)
        preflight_say(
            p, PREFLIGHT_WARNING, "models",
            "tokenizer.json differs in %s; merged models get tuned's: see that base reads its prompts the "
            "same way",
            buf_str(&names));
    buf_fini(&names);
}

static void compare_tokenizers(struct preflight *p)
{
    size_t warned = p->findings_n;
    struct json *base = preflight_read(p, p->base, "tokenizer.json");
    struct json *tuned = preflight_read(p, p->tuned, "tokenizer.json");
    if (base && tuned) {
        say_vocabulary(p, base, tuned);
        say_parts(p, base, tuned);
        if (p->findings_n == warned)
            preflight_say(p, PREFLIGHT_NOTE, "models",
                          "tokenizer.json differs, but not in its vocabulary; merged models get tuned's");
    }
    json_free(base);
    json_free(tuned);
}

static void say_file(struct preflight *p, enum same same, const char *name)
{
    if (same == DIFFERENT)
        preflight_say(p, PREFLIGHT_WARNING, "models",
                      "%s differs; merged models get tuned's: see that both were made for the same tokens",
                      name);
    else if (same == BASE_LACKS)
        preflight_say(p, PREFLIGHT_NOTE, "models.base",
                      "has no %s, which tuned has; whether both have the same tokens cannot be told", name);
}

static bool has_file(const struct checkpoint *ckpt, const char *name)
{
    FILE *file = preflight_open(ckpt, name);
    if (file)
        fclose(file);
    return file != NULL;
}

/* Every file of base's tokenizer that tuned lacks, so that it is put right in one go. */
static void say_lacking(struct preflight *p)
{
    static const char *const files[] = {"tokenizer.json",
                                        "tokenizer.model",
                                        "spiece.model",
                                        "sentencepiece.bpe.model",
                                        "vocab.json",
                                        "vocab.txt",
                                        "merges.txt",
                                        "tokenizer_config.json",
                                        "special_tokens_map.json",
                                        "added_tokens.json",
                                        "generation_config.json"};
    struct buf list;
    size_t n = 0;
    buf_init(&list, 400);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (has_file(p->base, files[i]) && !has_file(p->tuned, files[i]))
            buf_printf(&list, "%s%s", n++ ? ", " : "", files[i]);
    preflight_say(p, PREFLIGHT_WARNING, "models.tuned",
                  "has no %s, which base has; exported models get tuned's files: put %s there",
                  buf_str(&list), n == 1 ? "it" : "them");
    buf_fini(&list);
}

static void check_tokenizer_files(struct preflight *p)
{
    static const char *const files[] = {"tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt",
                                        "merges.txt"};
    enum same first = compare_files(p, files[0]);
    size_t found = first != BOTH_LACK, lacking = first == TUNED_LACKS;
    if (first == DIFFERENT)
        compare_tokenizers(p);
    else
        say_file(p, first, files[0]);
    /* With tokenizer.json on both sides the others are older forms of it. */
    for (size_t i = 1; i < sizeof files / sizeof *files && first != SAME && first != DIFFERENT; i++) {
        enum same same = compare_files(p, files[i]);
        found += same != BOTH_LACK;
        lacking += same == TUNED_LACKS;
        say_file(p, same, files[i]);
    }
    if (lacking)
        say_lacking(p);
    if (!found)
        preflight_say(p, PREFLIGHT_NOTE, "models.tuned",
                      "neither checkpoint has a tokenizer; exported models will have none");
}

/* --- special tokens --- */

struct companions {
    struct json *config, *map,
        *generation; /* tokenizer_config, special_tokens_map, generation_config; or NULL */
};

static struct companions read_companions(struct preflight *p, const struct checkpoint *ckpt)
{
    return (struct companions){preflight_read(p, ckpt, "tokenizer_config.json"),
                               preflight_read(p, ckpt, "special_tokens_map.json"),
                               preflight_read(p, ckpt, "generation_config.json")};
}

static void free_companions(struct companions *files)
{
    json_free(files->config);
    json_free(files->map);
    json_free(files->generation);
}

/* A token is a string, or an object with its "content". */
static const struct json *token_of(const struct companions *files, const char *key)
{
    const struct json *token = json_get(files->config, key);
    if (!token || json_is(token, JSON_NULL))
        token = json_get(files->map, key);
    return json_is(token, JSON_OBJECT) ? json_get(token, "content") : token;
}

static void say_special(struct preflight *p, const char *where, const char *key, const struct json *base,
                        const struct json *tuned)
{
    struct preflight_value b = preflight_value(base), t = preflight_value(tuned);
    bool ends = strncmp(key, "eos", 3) == 0;
    if (preflight_same(base, tuned))
        return;
    preflight_say(
        p, PREFLIGHT_WARNING, "models",
        "%s: %s is %s in models.base and %s in models.tuned; merged models get tuned's%s", where, key, b.text,
        t.text,
        ends ? ", so the nearer to base, the longer their answers may run: let the evaluator stop at both"
             : ": see that base was made with it too");
}

static void check_special_tokens(struct preflight *p)
{
    static const char *const tokens[] = {"bos_token", "eos_token", "pad_token", "unk_token"};
    static const char *const ids[] = {"bos_token_id", "eos_token_id", "pad_token_id"};
    struct companions base = read_companions(p, p->base), tuned = read_companions(p, p->tuned);
    for (size_t i = 0;
         i < sizeof tokens / sizeof *tokens && (base.config || base.map) && (tuned.config || tuned.map); i++)
        say_special(p, "tokenizer_config.json", tokens[i], token_of(&base, tokens[i]),
                    token_of(&tuned, tokens[i]));
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        say_special(p, "config.json", ids[i], json_get(checkpoint_config(p->base), ids[i]),
                    json_get(checkpoint_config(p->tuned), ids[i]));
        if (base.generation && tuned.generation)
            say_special(p, "generation_config.json", ids[i], json_get(base.generation, ids[i]),
                        json_get(tuned.generation, ids[i]));
    }
    free_companions(&base);
    free_companions(&tuned);
}

void preflight_tokens(struct preflight *p)
{
    check_tokenizer_files(p);
    check_special_tokens(p);
}
