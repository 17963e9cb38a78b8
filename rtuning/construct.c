#include "rtuning/construct.h"

#include "proto/mem.h"
#include "proto/rng.h"
#include "rtuning/certainty.h"
#include "rtuning/prompt.h"

#include <math.h>

#define TEXT_MAX ((size_t)1 << 30) /* of one example */

const char *const construct_methods[] = {"padding", "replacement", "unsupervised", NULL};
const char *const construct_formats[] = {"segments", "lmflow", "chat", NULL};
static const char *const roles[] = {"prompt", "answer", "probe", "verdict"};

/* ---- who is certain ---- */

static double entropy_of(const struct question *q)
{
    if (isnan(q->entropy) && q->samples_n)
        return certainty_entropy(q->samples, q->samples_n);
    return q->entropy;
}

/* NULL, or why the question gives no example. */
static const char *fault_of(const struct question *q, const struct construct_options *options)
{
    bool replaces = options->method == CONSTRUCT_REPLACEMENT;
    if (!q->answerable && !replaces)
        return "has no right answer to say: only replacement can use it, others need it for tests alone";
    if (options->method == CONSTRUCT_UNSUPERVISED)
        return isnan(entropy_of(q)) ? "has neither \"entropy\" nor \"samples\": sample answers first" : NULL;
    if (q->certain == QUESTION_UNIDENTIFIED && q->answerable)
        return "has no \"certain\": identify the questions first";
    return NULL;
}

static int split(const struct question_set *set, bool compat_code, const bool *usable, bool *certain,
                 size_t *torn, struct err *err)
{
    double *entropy = mem_zero(set->n + 1, sizeof *entropy);
    bool *side = mem_zero(set->n + 1, sizeof *side);
    size_t n = 0;
    for (size_t i = 0; i < set->n; i++)
        if (usable[i])
            entropy[n++] = entropy_of(&set->items[i]);
    int rc = certainty_split(entropy, n, compat_code, side, torn, err);
    n = 0;
    for (size_t i = 0; i < set->n; i++)
        certain[i] = usable[i] && side[n++];
    mem_free(side);
    mem_free(entropy);
    return rc;
}

int construct_decide(const struct question_set *set, const struct construct_options *options, bool *certain,
                     bool *usable, size_t *torn, void (*why)(void *ctx, size_t i, const char *sentence),
                     void *ctx, struct err *err)
{
    *torn = 0;
    for (size_t i = 0; i < set->n; i++) {
        const struct question *q = &set->items[i];
        const char *fault = fault_of(q, options);
        usable[i] = !fault;
        certain[i] = q->answerable && q->certain == QUESTION_CERTAIN;
        if (fault)
            why(ctx, i, fault);
    }
    if (options->method != CONSTRUCT_UNSUPERVISED)
        return 0;
    return split(set, options->compat_code, usable, certain, torn, err);
}

/* ---- one example ---- */

static void add(struct example *e, enum segment_role role, bool loss, char *text)
{
    e->segments[e->segments_n].role = role;
    e->segments[e->segments_n].loss = loss;
    e->segments[e->segments_n++].text = text;
}

static char *text_of(const struct question *q, void (*write)(const struct question *q, struct buf *out))
{
    struct buf text;
    buf_init(&text, TEXT_MAX);
    write(q, &text);
    return buf_take(&text);
}

static const char *draw_expression(size_t number, const struct construct_options *options)
{
    struct rng rng;
    rng_seed(&rng, options->seed, number);
    return prompt_expression((int)(rng_uniform(&rng) * PROMPT_EXPRESSIONS_N), options->compat_code);
}

void construct_example(const struct question *q, bool certain, size_t number,
                       const struct construct_options *options, struct example *out)
{
    bool all = options->compat_code;
    *out = (struct example){.id = mem_strdup(q->id), .asked = text_of(q, prompt_chat), .certain = certain};
    add(out, SEGMENT_PROMPT, all, text_of(q, prompt_render));
    if (options->method == CONSTRUCT_REPLACEMENT) {
        out->replaced = !certain;
        add(out, SEGMENT_ANSWER, true,
            certain ? mem_printf("%s%s.", prompt_lead(q), question_answer(q))
                    : mem_printf("%s%s", prompt_lead(q), draw_expression(number, options)));
        return;
    }
    /* The full stop belongs to the answer: a model that never learnt to write it would not end there. */
    add(out, SEGMENT_ANSWER, true, mem_printf("%s%s.", prompt_lead(q), question_answer(q)));
    add(out, SEGMENT_PROBE, all, mem_strdup(&PROMPT_PROBE[1]));
    add(out, SEGMENT_VERDICT, true, mem_printf("%s.", certain ? PROMPT_SURE : PROMPT_UNSURE));
}

void example_fini(struct example *e)
{
    for (int i = 0; i < e->segments_n; i++)
        mem_free(e->segments[i].text);
    mem_free(e->id);
    mem_free(e->asked);
    *e = (struct example){0};
}

/* ---- files ---- */

static void write_segments(const struct example *e, struct json_out *json)
{
    json_object(json);
    json_put_text(json, "id", e->id);
    json_put_bool(json, "certain", e->certain);
    json_name(json, "segments");
    json_array(json);
    for (int i = 0; i < e->segments_n; i++) {
        json_object(json);
        json_put_text(json, "role", roles[e->segments[i].role]);
        json_put_text(json, "text", e->segments[i].text);
        json_put_bool(json, "loss", e->segments[i].loss);
        json_end_object(json);
    }
    json_end_array(json);
    json_end_object(json);
}

/* The segments from `from` to `to` - 1 as one text. */
static void put_joined(const struct example *e, const char *key, int from, int to, struct json_out *json)
{
    struct buf text;
    buf_init(&text, TEXT_MAX);
    for (int i = from; i < to; i++)
        buf_text(&text, e->segments[i].text);
    json_put_text(json, key, buf_str(&text));
    buf_fini(&text);
}

/* text_only has its loss on everything, text2text on "output": the nearest to each that LMFlow has. */
static void write_lmflow(const struct example *e, bool compat_code, struct json_out *json)
{
    json_object(json);
    if (compat_code)
        put_joined(e, "text", 0, e->segments_n, json);
    else {
        put_joined(e, "input", 0, 1, json);
        put_joined(e, "output", 1, e->segments_n, json);
    }
    json_end_object(json);
}

static void put_message(struct json_out *json, const char *role, const char *content)
{
    json_object(json);
    json_put_text(json, "role", role);
    json_put_text(json, "content", content);
    json_end_object(json);
}

static const char *skip_blanks(const char *text)
{
    while (*text == ' ')
        text++;
    return text;
}

static void write_chat(const struct example *e, struct json_out *json)
{
    json_object(json);
    json_put_text(json, "id", e->id);
    json_name(json, "messages");
    json_array(json);
    put_message(json, "user", e->asked);
    put_message(json, "assistant", skip_blanks(e->segments[1].text));
    if (e->segments_n > 2) {
        put_message(json, "user", PROMPT_ASK);
        put_message(json, "assistant", e->certain ? "I am" PROMPT_SURE "." : "I am" PROMPT_UNSURE ".");
    }
    json_end_array(json);
    json_end_object(json);
}

void construct_begin(const struct construct_options *options, struct buf *out)
{
    if (options->format == CONSTRUCT_LMFLOW)
        buf_printf(out, "{\"type\":\"%s\",\"instances\":[\n",
                   options->compat_code ? "text_only" : "text2text");
}

void construct_write(const struct example *e, bool is_first, const struct construct_options *options,
                     struct buf *out)
{
    struct json_out json;
    if (options->format == CONSTRUCT_LMFLOW && !is_first)
        buf_text(out, ",\n");
    json_begin(&json, out);
    if (options->format == CONSTRUCT_SEGMENTS)
        write_segments(e, &json);
    else if (options->format == CONSTRUCT_CHAT)
        write_chat(e, &json);
    else
        write_lmflow(e, options->compat_code, &json);
    if (options->format != CONSTRUCT_LMFLOW)
        buf_text(out, "\n");
}

void construct_end(const struct construct_options *options, struct buf *out)
{
    if (options->format == CONSTRUCT_LMFLOW)
        buf_text(out, "\n]}\n");
}
