#include "client/args.h"

#include "client/text.h"
#include "proto/search_spec.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct flag args_everywhere[] = {
    {"--daemon", "ADDR", "where paretod listens: unix:/path, host:port or http://host:port"},
    {"--json", NULL,
     "print the answer as JSON on one line; what is refused stays a sentence on standard error"},
    {"--help", NULL, "say how the command is used"},
    {"--version", NULL, "print the version"},
    {0},
};

static const struct command *find_command(const struct command *commands, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

/* Commands of two words begin with `first`. */
static bool is_family(const struct command *commands, size_t n, const char *first)
{
    size_t len = strlen(first);
    for (size_t i = 0; i < n; i++)
        if (strncmp(commands[i].name, first, len) == 0 && commands[i].name[len] == ' ')
            return true;
    return false;
}

static int unknown_command(const struct command *commands, size_t n, const char *name, struct err *err)
{
    const char *words[32];
    assert(n <= sizeof words / sizeof words[0]);
    for (size_t i = 0; i < n; i++)
        words[i] = commands[i].name;
    const char *near = spec_nearest(name, words, n);
    if (near)
        return err_set(err, ERR_INVALID, "there is no command \"%s\"; did you mean \"%s\"?", name, near);
    return err_set(err, ERR_INVALID, "there is no command \"%s\"; \"paretoctl help\" lists them", name);
}

/* Finds the flag whose name is the first len bytes of `text`, in one list. */
static const struct flag *find_in(const struct flag *flags, size_t max, const char *text, size_t len)
{
    for (size_t i = 0; i < max && flags[i].name; i++)
        if (strlen(flags[i].name) == len && memcmp(flags[i].name, text, len) == 0)
            return &flags[i];
    return NULL;
}

static const struct flag *find_flag(const struct command *command, const char *text, size_t len)
{
    const struct flag *flag = find_in(args_everywhere, FLAGS_MAX, text, len);
    if (!flag && command)
        flag = find_in(command->flags, FLAGS_MAX, text, len);
    return flag;
}

static int unknown_flag(const struct command *command, const char *text, size_t len, struct err *err)
{
    const char *words[2 * FLAGS_MAX];
    size_t n = 0;
    for (const struct flag *f = args_everywhere; f->name; f++)
        words[n++] = f->name;
    for (size_t i = 0; command && i < FLAGS_MAX && command->flags[i].name; i++)
        words[n++] = command->flags[i].name;
    char word[64];
    size_t cut = len < sizeof word - 1 ? len : sizeof word - 1;
    memcpy(word, text, cut);
    word[cut] = 0;
    const char *near = spec_nearest(word, words, n);
    if (near)
        return err_set(err, ERR_INVALID, "there is no flag \"%s\"; did you mean \"%s\"?", word, near);
    return err_set(err, ERR_INVALID, "there is no flag \"%s\" here; --help lists them", word);
}

static int keep_flag(struct args *args, const struct flag *flag, const char *value, struct err *err)
{
    if (strcmp(flag->name, "--daemon") == 0)
        args->daemon = value;
    else if (strcmp(flag->name, "--json") == 0)
        args->json = true;
    else if (strcmp(flag->name, "--help") == 0)
        args->help = true;
    else if (strcmp(flag->name, "--version") == 0)
        args->version = true;
    else if (args->given_n == ARGS_GIVEN_MAX)
        return err_set(err, ERR_INVALID, "more than %d flags on one command line", ARGS_GIVEN_MAX);
    else {
        args->given[args->given_n].flag = flag;
        args->given[args->given_n++].value = value;
    }
    return 0;
}

/* Reads the flag at argv[*i] and moves *i over its value. */
static int read_flag(struct args *args, int argc, const char *const *argv, int *i, struct err *err)
{
    const char *text = strcmp(argv[*i], "-h") == 0 ? "--help" : argv[*i];
    const char *equals = strchr(text, '=');
    size_t len = equals ? (size_t)(equals - text) : strlen(text);
    const struct flag *flag = find_flag(args->command, text, len);
    if (!flag)
        return unknown_flag(args->command, text, len, err);
    const char *value = equals ? equals + 1 : NULL;
    if (!flag->value && value)
        return err_set(err, ERR_INVALID, "%s takes no value", flag->name);
    if (flag->value && !value) {
        if (*i + 1 >= argc)
            return err_set(err, ERR_INVALID, "%s needs a value: %s %s", flag->name, flag->name, flag->value);
        value = argv[++*i];
    }
    return keep_flag(args, flag, value, err);
}

/* The word that names the command, or the first or second of two that do. */
static int read_command(struct args *args, const char *word, const struct command *commands, size_t n,
                        struct err *err)
{
    char both[64];
    if (!args->family && is_family(commands, n, word)) {
        args->family = word;
        return 0;
    }
    snprintf(both, sizeof both, "%s%s%s", args->family ? args->family : "", args->family ? " " : "", word);
    args->command = find_command(commands, n, both);
    return args->command ? 0 : unknown_command(commands, n, both, err);
}

static int check_words(const struct args *args, struct err *err)
{
    const struct command *c = args->command;
    if (args->help || args->version)
        return 0;
    if (!c && args->family)
        return err_set(err, ERR_INVALID,
                       "%s is not a whole command; \"paretoctl help %s\" lists what may follow", args->family,
                       args->family);
    if (!c)
        return err_set(err, ERR_INVALID, "no command given; \"paretoctl help\" lists them");
    if (args->words_n < c->words_min)
        return err_set(err, ERR_INVALID, "something is missing: paretoctl %s %s", c->name, c->usage);
    return 0;
}

int args_parse(struct args *args, int argc, const char *const *argv, const struct command *commands, size_t n,
               struct err *err)
{
    *args = (struct args){0};
    bool flags = true;
    for (int i = 1; i < argc; i++) {
        const char *word = argv[i];
        int rc = 0;
        if (flags && strcmp(word, "--") == 0)
            flags = false;
        else if (flags && word[0] == '-' && word[1])
            rc = read_flag(args, argc, argv, &i, err);
        else if (!args->command)
            rc = read_command(args, word, commands, n, err);
        else if (args->words_n >= args->command->words_max || args->words_n >= ARGS_WORDS_MAX)
            rc = err_set(err, ERR_INVALID, "\"%s\" is one word too many: paretoctl %s %s", word,
                         args->command->name, args->command->usage);
        else
            args->words[args->words_n++] = word;
        if (rc)
            return rc;
    }
    return check_words(args, err);
}

const char *args_value(const struct args *args, const char *flag)
{
    const char *value = NULL;
    for (int i = 0; i < args->given_n; i++)
        if (strcmp(args->given[i].flag->name, flag) == 0)
            value = args->given[i].value;
    return value;
}

bool args_has(const struct args *args, const char *flag)
{
    for (int i = 0; i < args->given_n; i++)
        if (strcmp(args->given[i].flag->name, flag) == 0)
            return true;
    return false;
}

int args_number(const struct args *args, int i, const char *what, int64_t least, int64_t *out,
                struct err *err)
{
    assert(i < args->words_n);
    const char *word = args->words[i];
    if (!text_whole(word, least, out))
        return err_set(err, ERR_INVALID, "\"%s\" is not the number of a %s: it is %lld or more", word, what,
                       (long long)least);
    return 0;
}
