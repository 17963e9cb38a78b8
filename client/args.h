/* WHAT   The command line: which command, its flags and its words.
 * WHO    commands.c parses; every command reads its own flags.
 * UNITS  None.
 * MEMORY struct args borrows from argv.
 * ERRORS ERR_INVALID with a sentence that names the word and, where there is one, the nearest right word.
 * STATE  None. */
#ifndef CLIENT_ARGS_H
#define CLIENT_ARGS_H

#include "proto/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FLAGS_MAX 12      /* of one command */
#define ARGS_WORDS_MAX 64 /* words of one command */
#define ARGS_GIVEN_MAX 32 /* flags on one command line */

struct client;
struct args;

struct flag {
    const char *name;  /* "--key" */
    const char *value; /* what stands for the value in the usage, NULL for a switch */
    const char *line;
};

struct command {
    const char *name;  /* one word, or two: "rtuning convert" */
    const char *usage; /* what follows the name: "ID [--plot]" */
    const char *line;
    const char *help; /* more lines, NULL when the one line says it all */
    const char *example;
    int words_min, words_max;
    struct flag flags[FLAGS_MAX];                               /* ends at a NULL name */
    int (*run)(struct client *client, const struct args *args); /* gives an exit code */
};

struct args {
    const struct command *command; /* NULL with --version, or --help alone */
    const char *family; /* the first of two words; with command NULL: --help stands where the second should */
    const char *daemon; /* --daemon, or NULL */
    bool json, help, version;
    const char *words[ARGS_WORDS_MAX];
    int words_n;
    struct {
        const struct flag *flag;
        const char *value; /* NULL for a switch */
    } given[ARGS_GIVEN_MAX];
    int given_n;
};

/* The flags every command takes; ends at a NULL name. */
extern const struct flag args_everywhere[];

/* commands: [n]. Flags may stand before and after the words, as "--key KEY" or "--key=KEY"; "--" ends them.
 * With --help or --version nothing is asked of the words. On failure args->command is the command when it
 * was known. */
int args_parse(struct args *args, int argc, const char *const *argv, const struct command *commands, size_t n,
               struct err *err);

bool args_has(const struct args *args, const char *flag);
/* The last value given for a flag, NULL when it was not given. */
const char *args_value(const struct args *args, const char *flag);
/* Word i as a whole number of at least `least`; `what` names it in the sentence ("search", "trial"). */
int args_number(const struct args *args, int i, const char *what, int64_t least, int64_t *out,
                struct err *err);

#endif
