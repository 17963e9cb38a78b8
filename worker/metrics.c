#include "worker/metrics.h"

#include "proto/mem.h"
#include "worker/text.h"

#include <ctype.h>
#include <limits.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static bool is_article(const char *word, size_t n)
{
    return (n == 1 && word[0] == 'a') || (n == 2 && memcmp(word, "an", 2) == 0) ||
           (n == 3 && memcmp(word, "the", 3) == 0);
}

/* Lower case, without ASCII punctuation. */
static void simplify(struct buf *out, const char *text)
{
    for (uint32_t c; (c = text_next(&text));) {
        if (c >= 0x80 || !ispunct((int)c))
            text_put(out, text_lower(c));
    }
}

char *metrics_normalise(const char *text)
{
    struct buf simple, out;
    buf_init(&simple, SIZE_MAX);
    buf_init(&out, SIZE_MAX);
    simplify(&simple, text);
    /* A run of word characters is an article or is kept; other characters are kept, blanks become one. */
    bool blank = false;
    for (const char *p = buf_str(&simple), *next = p; *p; p = next) {
        uint32_t c = text_next(&next);
        if (text_word(c)) {
            const char *ahead = next;
            while ((c = text_next(&ahead)) && text_word(c))
                next = ahead;
        }
        if (text_space(c = text_next(&(const char *){p})) ||
            (text_word(c) && is_article(p, (size_t)(next - p)))) {
            blank = true;
            continue;
        }
        if (blank && out.len)
            buf_text(&out, " ");
        blank = false;
        buf_add(&out, p, (size_t)(next - p));
    }
    buf_fini(&simple);
    buf_add(&out, "", 0);
    return out.data ? buf_take(&out) : mem_strdup("");
}

static bool equal(const char *ours, const char *theirs)
{
    return strcmp(ours, theirs) == 0;
}

/* ---- F1 ---- */

struct words {
    char *text; /* cut at its blanks */
    char **word;
    size_t n;
};

static int compare_words(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static struct words split(const char *normalised)
{
    struct words out = {.text = mem_strdup(normalised)};
    char *state = NULL;
    for (char *word = strtok_r(out.text, " ", &state); word; word = strtok_r(NULL, " ", &state)) {
        out.word = mem_grow(out.word, out.n + 1, sizeof *out.word);
        out.word[out.n++] = word;
    }
    if (out.n)
        qsort(out.word, out.n, sizeof *out.word, compare_words);
    return out;
}

static void words_fini(struct words *words)
{
    mem_free(words->text);
    mem_free(words->word);
}

static double f1_of(const struct words *ours, const struct words *theirs)
{
    if (!ours->n || !theirs->n)
        return ours->n == theirs->n;
    size_t common = 0, i = 0, j = 0;
    while (i < ours->n && j < theirs->n) {
        int order = strcmp(ours->word[i], theirs->word[j]);
        common += order == 0;
        i += order <= 0;
        j += order >= 0;
    }
    if (!common)
        return 0;
    double precision = (double)common / (double)ours->n, recall = (double)common / (double)theirs->n;
    return 2 * precision * recall / (precision + recall);
}

double metrics_em(const char *text, char *const *answers, int n)
{
    char *ours = metrics_normalise(text);
    bool found = false;
    for (int i = 0; i < n && !found; i++) {
        char *theirs = metrics_normalise(answers[i]);
        found = equal(ours, theirs);
        mem_free(theirs);
    }
    mem_free(ours);
    return found;
}

double metrics_f1(const char *text, char *const *answers, int n)
{
    char *normalised = metrics_normalise(text);
    struct words ours = split(normalised);
    double best = 0;
    for (int i = 0; i < n; i++) {
        char *answer = metrics_normalise(answers[i]);
        struct words theirs = split(answer);
        best = fmax(best, f1_of(&ours, &theirs));
        words_fini(&theirs);
        mem_free(answer);
    }
    words_fini(&ours);
    mem_free(normalised);
    return best;
}

/* ---- mean ---- */

double metrics_mean(const double *x, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += x[i];
    return sum / (double)n;
}

double metrics_stderr(const double *x, size_t n)
{
    if (n < 2)
        return NAN;
    double mean = metrics_mean(x, n), squares = 0;
    for (size_t i = 0; i < n; i++)
        squares += (x[i] - mean) * (x[i] - mean);
    return sqrt(squares / (double)(n - 1) / (double)n);
}
