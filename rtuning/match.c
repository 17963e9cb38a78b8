#include "rtuning/match.h"

#include "proto/mem.h"

#include <math.h>
#include <string.h>

/* Bytes of the text that count. Python's text[:text.find('.')] without a '.' is text[:-1]: one character fewer. One byte
 * fewer does the same, since no answer ends inside a character. */
size_t match_cut(enum match_rule rule, const char *text)
{
    size_t n = strlen(text);
    const char *end = strchr(text, '.');
    if (rule == MATCH_PAPER)
        return n;
    if (end)
        return (size_t)(end - text);
    while (rule == MATCH_CODE && n && ((unsigned char)text[--n] & 0xc0) == 0x80)
        continue; /* the rest of a character */
    return n;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

bool match_open(enum match_rule rule, const char *output, char *const *answers, size_t answers_n)
{
    size_t n = match_cut(rule, output);
    for (size_t i = 0; i < answers_n; i++) {
        const char *answer = answers[i];
        size_t len = strlen(answer);
        while (len && is_blank(answer[len - 1]))
            len--;
        for (; len && is_blank(*answer); len--)
            answer++;
        if (len && memmem(output, n, answer, len))
            return true;
    }
    return false;
}

int match_choice(const double *scores, size_t n, int *out, struct err *err)
{
    size_t best = 0;
    if (!n)
        return err_set(err, ERR_INVALID, "there is no choice to choose from");
    for (size_t i = 0; i < n; i++) {
        if (isnan(scores[i]))
            return err_set(err, ERR_INVALID, "the score of choice %zu is not a number", i);
        best = scores[i] > scores[best] ? i : best;
    }
    *out = (int)best;
    return 0;
}

bool match_chosen(enum match_rule rule, char *const *choices, int chosen, int gold)
{
    if (rule == MATCH_CODE)
        return strstr(choices[chosen], choices[gold]) != NULL;
    return chosen == gold;
}
