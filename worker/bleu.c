#include "worker/bleu.h"

#include "proto/buf.h"
#include "proto/mem.h"
#include "worker/text.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* ---- tokeniser 13a (NIST mteval-v13a, as in sacrebleu) ---- */

/* Works on bytes: every class below is ASCII or "anything but a digit", so bytes of longer characters pass
 * through unchanged and in order. */

static void replace_all(struct buf *text, const char *what, const char *with)
{
    struct buf out;
    buf_init(&out, SIZE_MAX);
    const char *p = buf_str(text);
    for (const char *hit; (hit = strstr(p, what)); p = hit + strlen(what)) {
        buf_add(&out, p, (size_t)(hit - p));
        buf_text(&out, with);
    }
    buf_text(&out, p);
    buf_fini(text);
    *text = out;
}

/* [\{-\~\[-\` -\&\(-\+\:-\@\/] */
static bool is_symbol(char c)
{
    return (c >= '{' && c <= '~') || (c >= '[' && c <= '`') || (c >= ' ' && c <= '&') ||
           (c >= '(' && c <= '+') || (c >= ':' && c <= '@') || c == '/';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_point(char c)
{
    return c == '.' || c == ',';
}

static bool not_digit(char c)
{
    return !is_digit(c);
}

static bool is_dash(char c)
{
    return c == '-';
}

/* Every pair (first, second), left to right without overlap, becomes `format` with both put in: "%c%c " or so. */
static void space_pairs(struct buf *text, bool (*first)(char), bool (*second)(char), const char *format)
{
    struct buf out;
    buf_init(&out, SIZE_MAX);
    for (const char *p = buf_str(text); *p; p++) {
        if (p[1] && first(p[0]) && second(p[1])) {
            buf_printf(&out, format, p[0], p[1]);
            p++;
        } else {
            buf_add(&out, p, 1);
        }
    }
    buf_fini(text);
    *text = out;
}

static void space_symbols(struct buf *text)
{
    struct buf out;
    buf_init(&out, SIZE_MAX);
    for (const char *p = buf_str(text); *p; p++)
        buf_printf(&out, is_symbol(*p) ? " %c " : "%c", *p);
    buf_fini(text);
    *text = out;
}

/* Words joined by single blanks. */
static char *join_words(const char *text)
{
    struct buf out;
    buf_init(&out, SIZE_MAX);
    bool blank = false;
    for (uint32_t c; (c = text_next(&text));) {
        if (text_space(c)) {
            blank = true;
            continue;
        }
        if (blank && out.len)
            buf_text(&out, " ");
        blank = false;
        text_put(&out, c);
    }
    return out.data ? buf_take(&out) : mem_strdup("");
}

char *bleu_tokenise(const char *line)
{
    struct buf text;
    buf_init(&text, SIZE_MAX);
    size_t n = strlen(line);
    while (n && (unsigned char)line[n - 1] < 0x80 && text_space((unsigned char)line[n - 1]))
        n--; /* sacrebleu strips the right end first */
    buf_add(&text, line, n);
    replace_all(&text, "<skipped>", "");
    replace_all(&text, "-\n", "");
    replace_all(&text, "\n", " ");
    if (strchr(buf_str(&text), '&')) {
        replace_all(&text, "&quot;", "\"");
        replace_all(&text, "&amp;", "&");
        replace_all(&text, "&lt;", "<");
        replace_all(&text, "&gt;", ">");
    }
    struct buf padded;
    buf_init(&padded, SIZE_MAX);
    buf_printf(&padded, " %s ", buf_str(&text));
    buf_fini(&text);
    space_symbols(&padded);
    space_pairs(&padded, not_digit, is_point, "%c %c ");
    space_pairs(&padded, is_point, not_digit, " %c %c");
    space_pairs(&padded, is_digit, is_dash, "%c %c ");
    char *out = join_words(buf_str(&padded));
    buf_fini(&padded);
    return out;
}

/* ---- counts ---- */

struct sentence {
    char *text; /* cut at its blanks */
    char **word;
    int n;
};

static struct sentence read_sentence(const char *text)
{
    struct sentence out = {.text = bleu_tokenise(text)};
    char *state = NULL;
    for (char *word = strtok_r(out.text, " ", &state); word; word = strtok_r(NULL, " ", &state)) {
        out.word = mem_grow(out.word, (size_t)out.n + 1, sizeof *out.word);
        out.word[out.n++] = word;
    }
    return out;
}

static void sentence_fini(struct sentence *sentence)
{
    mem_free(sentence->text);
    mem_free(sentence->word);
}

static bool same_gram(char *const *a, char *const *b, int order)
{
    for (int i = 0; i < order; i++) {
        if (strcmp(a[i], b[i]) != 0)
            return false;
    }
    return true;
}

static int64_t occurrences(const struct sentence *in, char *const *gram, int order, int end)
{
    int64_t n = 0;
    for (int i = 0; i + order <= end; i++)
        n += same_gram(in->word + i, gram, order);
    return n;
}

/* Clipped matches: each distinct n-gram of the hypothesis counts at most as often as in one of the
 * references. Quadratic in the sentence, which is short. */
static int64_t count_correct(const struct sentence *hypothesis, const struct sentence *references, int n,
                             int order)
{
    int64_t correct = 0;
    for (int i = 0; i + order <= hypothesis->n; i++) {
        char *const *gram = hypothesis->word + i;
        int64_t before = occurrences(hypothesis, gram, order, i + order - 1), most = 0;
        for (int r = 0; r < n; r++) {
            int64_t there = occurrences(&references[r], gram, order, references[r].n);
            most = there > most ? there : most;
        }
        correct += before < most; /* the (before + 1)-th occurrence of this n-gram */
    }
    return correct;
}

void bleu_count(const char *hypothesis, char *const *references, int n, struct bleu_counts *out)
{
    *out = (struct bleu_counts){0};
    struct sentence ours = read_sentence(hypothesis);
    struct sentence *theirs = mem_zero((size_t)n, sizeof *theirs);
    out->hypothesis_n = ours.n;
    for (int r = 0; r < n; r++) {
        theirs[r] = read_sentence(references[r]);
        int away = abs(theirs[r].n - ours.n), best = abs((int)out->reference_n - ours.n);
        if (r == 0 || away < best || (away == best && theirs[r].n < out->reference_n))
            out->reference_n = theirs[r].n;
    }
    for (int order = 1; order <= BLEU_ORDER; order++) {
        out->total[order - 1] = ours.n >= order ? ours.n - order + 1 : 0;
        out->correct[order - 1] = count_correct(&ours, theirs, n, order);
    }
    for (int r = 0; r < n; r++)
        sentence_fini(&theirs[r]);
    mem_free(theirs);
    sentence_fini(&ours);
}

void bleu_add(struct bleu_counts *sum, const struct bleu_counts *x)
{
    for (int i = 0; i < BLEU_ORDER; i++) {
        sum->correct[i] += x->correct[i];
        sum->total[i] += x->total[i];
    }
    sum->hypothesis_n += x->hypothesis_n;
    sum->reference_n += x->reference_n;
}

/* ---- score ---- */

double bleu_score(const struct bleu_counts *c)
{
    bool any = false;
    for (int i = 0; i < BLEU_ORDER; i++)
        any = any || c->correct[i] > 0;
    if (!any)
        return 0;
    double smooth = 1, logs = 0;
    for (int i = 0; i < BLEU_ORDER; i++) {
        if (!c->total[i])
            return 0; /* no effective order: a precision of 0 */
        if (!c->correct[i])
            smooth *= 2;
        double found = c->correct[i] ? (double)c->correct[i] : 1 / smooth;
        logs += log(found / (double)c->total[i]);
    }
    double brevity = 1;
    if (c->hypothesis_n < c->reference_n)
        brevity = exp(1 - (double)c->reference_n / (double)c->hypothesis_n);
    return brevity * exp(logs / BLEU_ORDER);
}

static void take_away(struct bleu_counts *sum, const struct bleu_counts *x)
{
    for (int i = 0; i < BLEU_ORDER; i++) {
        sum->correct[i] -= x->correct[i];
        sum->total[i] -= x->total[i];
    }
    sum->hypothesis_n -= x->hypothesis_n;
    sum->reference_n -= x->reference_n;
}

double bleu_jackknife(const struct bleu_counts *sentences, size_t n, double *items)
{
    struct bleu_counts all = {0};
    for (size_t i = 0; i < n; i++)
        bleu_add(&all, &sentences[i]);
    double whole = bleu_score(&all);
    for (size_t i = 0; i < n; i++) {
        struct bleu_counts rest = all;
        take_away(&rest, &sentences[i]);
        items[i] = (double)n * whole - (double)(n - 1) * bleu_score(&rest);
    }
    return whole;
}
