#include "rtuning/report.h"

#include "proto/mem.h"
#include "proto/rng.h"

#include <stdlib.h>
#include <string.h>

#define TEXT_MAX ((size_t)1 << 30)

/* ---- counts ---- */

static void count(struct report_counts *counts, const struct question *q)
{
    counts->n++;
    counts->answerable_n += q->answerable;
    counts->certain_n += q->certain == QUESTION_CERTAIN;
    counts->uncertain_n += q->certain == QUESTION_UNCERTAIN;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct report_group *)a)->name, ((const struct report_group *)b)->name);
}

static void count_subjects(const struct question_set *set, struct report *out)
{
    size_t n = 0, kept = 0;
    out->subjects = mem_zero(set->n + 1, sizeof *out->subjects);
    for (size_t i = 0; i < set->n; i++) {
        if (!set->items[i].subject)
            continue;
        out->subjects[n].name = set->items[i].subject;
        count(&out->subjects[n++].counts, &set->items[i]);
    }
    qsort(out->subjects, n, sizeof *out->subjects, by_name);
    for (size_t i = 0; i < n; i++) {
        struct report_group *last = kept ? &out->subjects[kept - 1] : NULL;
        const struct report_counts *more = &out->subjects[i].counts;
        if (!last || strcmp(last->name, out->subjects[i].name) != 0) {
            out->subjects[kept++] = out->subjects[i];
            continue;
        }
        last->counts.n += more->n;
        last->counts.answerable_n += more->answerable_n;
        last->counts.certain_n += more->certain_n;
        last->counts.uncertain_n += more->uncertain_n;
    }
    out->subjects_n = kept;
}

/* ---- lengths ---- */

static size_t characters(const char *text)
{
    size_t n = 0;
    for (; *text; text++)
        n += ((unsigned char)*text & 0xC0) != 0x80;
    return n;
}

static int by_size(const void *a, const void *b)
{
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return (x > y) - (x < y);
}

static void measure(const struct question_set *set, enum question_certain which, struct report_length *out)
{
    size_t *lengths = mem_zero(set->n + 1, sizeof *lengths), n = 0;
    for (size_t i = 0; i < set->n; i++) {
        const struct question *q = &set->items[i];
        if (q->kind != QUESTION_OPEN || !q->answerable)
            continue;
        if (which != QUESTION_UNIDENTIFIED && q->certain != which)
            continue;
        lengths[n] = characters(q->answers[0]);
        out->mean += (double)lengths[n++];
    }
    qsort(lengths, n, sizeof *lengths, by_size);
    out->n = n;
    if (n) {
        out->min = lengths[0];
        out->median = lengths[(n - 1) / 2];
        out->max = lengths[n - 1];
        out->mean /= (double)n;
    }
    mem_free(lengths);
}

/* ---- examples ---- */

/* At most k of those identified as `which`, each as likely as the others, in the order of the set. */
static size_t draw(const struct question_set *set, enum question_certain which, size_t k, uint64_t seed,
                   const struct question ***out)
{
    struct rng rng;
    size_t left = 0, n = 0;
    for (size_t i = 0; i < set->n; i++)
        left += set->items[i].certain == which;
    k = k < left ? k : left;
    *out = mem_zero(k + 1, sizeof **out);
    rng_seed(&rng, seed, (uint64_t)which);
    for (size_t i = 0; i < set->n && n < k; i++) {
        if (set->items[i].certain != which)
            continue;
        if (rng_uniform(&rng) * (double)left-- < (double)(k - n))
            (*out)[n++] = &set->items[i];
    }
    return n;
}

/* ---- leaks ---- */

void report_normalise(const char *text, struct buf *out)
{
    bool blank = false;
    size_t begin = out->len;
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        bool upper = c >= 'A' && c <= 'Z';
        bool keep = upper || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c >= 0x80;
        if (!keep) {
            blank = out->len > begin;
            continue;
        }
        char lower = upper ? (char)(c - 'A' + 'a') : (char)c;
        if (blank)
            buf_add(out, " ", 1);
        blank = false;
        buf_add(out, &lower, 1);
    }
}

/* A question as leaks compare it, and its right answer as a text: the choice, not its letter. */
struct said {
    char *question, *answer;
    const struct question *q;
};

static char *normalised(const char *first, const char *second)
{
    struct buf text;
    buf_init(&text, TEXT_MAX);
    report_normalise(first, &text);
    buf_text(&text, "\n");
    report_normalise(second, &text);
    return buf_take(&text);
}

static struct said say(const struct question *q)
{
    const char *answer = "";
    if (q->answerable)
        answer = q->kind == QUESTION_CHOICE ? q->choices[q->gold] : q->answers[0];
    return (struct said){normalised(q->context ? q->context : "", q->text), normalised(answer, ""), q};
}

/* Equals in the order of their set, since qsort need not keep it. */
static int by_said(const void *a, const void *b)
{
    const struct said *x = a, *y = b;
    int order = strcmp(x->question, y->question);
    return order ? order : (x->q > y->q) - (x->q < y->q);
}

static struct said *say_all(const struct question_set *set)
{
    struct said *all = mem_zero(set->n + 1, sizeof *all);
    for (size_t i = 0; i < set->n; i++)
        all[i] = say(&set->items[i]);
    return all;
}

static void said_free(struct said *all, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        mem_free(all[i].question);
        mem_free(all[i].answer);
    }
    mem_free(all);
}

/* The first of [n] sorted that asks the same. */
static const struct said *find(const struct said *sorted, size_t n, const struct said *what)
{
    size_t low = 0, high = n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(sorted[middle].question, what->question) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < n && strcmp(sorted[low].question, what->question) == 0 ? &sorted[low] : NULL;
}

static void find_leaks(const struct question_set *set, const struct question_set *other, struct report *out)
{
    struct said *here = say_all(set), *there = say_all(other);
    qsort(there, other->n, sizeof *there, by_said);
    for (size_t i = 0; i < set->n; i++) {
        const struct said *hit = find(there, other->n, &here[i]), *end = there + other->n;
        if (!hit)
            continue;
        const struct said *same = hit;
        while (same < end && strcmp(same->question, hit->question) == 0 &&
               strcmp(same->answer, here[i].answer) != 0)
            same++;
        bool answer_too = here[i].q->answerable && same < end && strcmp(same->question, hit->question) == 0;
        if (out->leaks_n < REPORT_LEAKS_KEPT)
            out->leaks[out->leaks_n] =
                (struct report_leak){here[i].q, answer_too ? same->q : hit->q, answer_too};
        out->leaks_n++;
        out->label_leaks_n += answer_too;
    }
    said_free(here, set->n);
    said_free(there, other->n);
}

static size_t count_repeated(const struct question_set *set)
{
    struct said *all = say_all(set);
    size_t n = 0;
    qsort(all, set->n, sizeof *all, by_said);
    for (size_t i = 1; i < set->n; i++)
        n += strcmp(all[i - 1].question, all[i].question) == 0;
    said_free(all, set->n);
    return n;
}

/* ---- all of it ---- */

void report_make(const struct question_set *set, const struct question_set *other, size_t examples_n,
                 uint64_t seed, struct report *out)
{
    *out = (struct report){.domains = {{.name = "in"}, {.name = "out"}}};
    for (size_t i = 0; i < set->n; i++) {
        const struct question *q = &set->items[i];
        count(&out->all, q);
        if (q->domain != QUESTION_NO_DOMAIN)
            count(&out->domains[q->domain == QUESTION_OUT].counts, q);
    }
    count_subjects(set, out);
    measure(set, QUESTION_UNIDENTIFIED, &out->length);
    measure(set, QUESTION_CERTAIN, &out->certain_length);
    measure(set, QUESTION_UNCERTAIN, &out->uncertain_length);
    out->certain_n = draw(set, QUESTION_CERTAIN, examples_n, seed, &out->certain);
    out->uncertain_n = draw(set, QUESTION_UNCERTAIN, examples_n, seed, &out->uncertain);
    out->repeated_n = count_repeated(set);
    if (other)
        find_leaks(set, other, out);
}

void report_fini(struct report *report)
{
    mem_free(report->subjects);
    mem_free(report->certain);
    mem_free(report->uncertain);
    *report = (struct report){0};
}
