#include "client/rtuning.h"

#include "client/text.h"

#include <stdlib.h>
#include <string.h>

int rtuning_whole(const struct args *args, const char *flag, int64_t least, int64_t *out, struct err *err)
{
    const char *text = args_value(args, flag);
    if (text && !text_whole(text, least, out))
        return err_set(err, ERR_INVALID, "%s \"%.60s\" must be a whole number of %lld or more", flag, text,
                       (long long)least);
    return 0;
}

int rtuning_share(const struct args *args, const char *flag, double *out, struct err *err)
{
    const char *text = args_value(args, flag);
    char *end;
    if (!text)
        return 0;
    double number = *text && !text[strspn(text, "0123456789.")] ? strtod(text, &end) : -1;
    if (!(number >= 0 && number <= 1) || *end)
        return err_set(err, ERR_INVALID, "%s \"%.60s\" must be a number from 0 to 1", flag, text);
    *out = number;
    return 0;
}

int rtuning_word(const struct args *args, const char *flag, const char *const *words, int *out,
                 struct err *err)
{
    char known[200] = "";
    const char *text = args_value(args, flag);
    if (!text)
        return 0;
    for (int i = 0; words[i]; i++) {
        if (strcmp(words[i], text) == 0) {
            *out = i;
            return 0;
        }
        size_t len = strlen(known);
        snprintf(known + len, sizeof known - len, "%s%s", !i ? "" : words[i + 1] ? ", " : " or ", words[i]);
    }
    return err_set(err, ERR_INVALID, "%s \"%.60s\" is not known: it is %s", flag, text, known);
}

int rtuning_compat(const struct args *args, bool *compat_code, struct err *err)
{
    static const char *const words[] = {"code", NULL};
    int word = -1;
    int rc = rtuning_word(args, "--compat", words, &word, err);
    *compat_code = word == 0;
    return rc;
}

int rtuning_tell_bad(const struct client *client, const struct args *args, const struct bad_rows *bad,
                     size_t good_n)
{
    for (size_t i = 0; i < bad->n && i < BAD_ROWS_KEPT; i++)
        client_say(client, "%s", bad->first[i].text);
    if (bad->n > BAD_ROWS_KEPT)
        client_say(client, "… and %zu more", bad->n - BAD_ROWS_KEPT);
    if (bad->n && args_has(args, "--strict")) {
        client_say(client, "%zu of %zu rows are bad and --strict was given; nothing is done", bad->n,
                   bad->n + good_n);
        return CLIENT_REFUSED;
    }
    if (!good_n) {
        client_say(client, "there is no good row; nothing is done");
        return CLIENT_REFUSED;
    }
    if (bad->n)
        client_say(client, "%zu of %zu rows are bad and left out", bad->n, bad->n + good_n);
    return CLIENT_OK;
}
