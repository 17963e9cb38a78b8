#include "client/commands.h"

#include <string.h>

/* Of submit, plan and preflight. */
#define SET_FLAG                                                                                             \
    {                                                                                                        \
        "--set", "NAME=VALUE",                                                                               \
            "change one member of the file first, as budget.trials=60; any number of times"                  \
    }

/* Of rtuning. */
#define COMPAT_FLAG                                                                                          \
    {                                                                                                        \
        "--compat", "code", "as the published code does it, where paper and code differ"                     \
    }
#define SEED_FLAG                                                                                            \
    {                                                                                                        \
        "--seed", "N", "of what is drawn; without it 1"                                                      \
    }
#define STRICT_FLAG                                                                                          \
    {                                                                                                        \
        "--strict", NULL, "a bad row is a failure: nothing is done"                                          \
    }

const struct command commands[] = {
    {.name = "submit",
     .usage = "FILE [--watch] [--key KEY] [--given FILE] [--set NAME=VALUE]…",
     .line = "submit the search in FILE",
     .help =
         "Paths in FILE are relative to the directory of FILE. Every call carries an idempotency key, so an\n"
         "answer that was lost is asked for again and the search is made once. With --watch the command "
         "stays\n"
         "until the search ends. With --json the search as JSON; a refused one has none, exit status 1 and a "
         "line\n"
         "a wrong field on standard error.",
     .example = "paretoctl submit search.json --watch --set budget.trials=60",
     .words_min = 1,
     .words_max = 1,
     .run = command_submit,
     .flags = {{"--watch", NULL, "watch the search until it ends"},
               {"--key", "KEY", "the idempotency key; the same key and file give the same search"},
               {"--given", "FILE",
                "trials scored elsewhere, as an array: they become the search's \"given\""},
               SET_FLAG}},
    {.name = "searches",
     .usage = "",
     .line = "list the searches, newest first",
     .example = "paretoctl searches",
     .run = command_searches},
    {.name = "watch",
     .usage = "ID",
     .line = "watch a search until it ends",
     .help = "On a terminal: progress, hypervolume and the front, redrawn as trials come in. In a pipe: one "
             "line a\n"
             "change. Ctrl-C stops watching; the search goes on.",
     .example = "paretoctl watch 3",
     .words_min = 1,
     .words_max = 1,
     .run = command_watch},
    {.name = "front",
     .usage = "ID [--plot [--x NAME] [--y NAME]] [--csv] [--json] [--all] [--heldout] [--raw] [--tax X] "
              "[--pick WORD]",
     .line = "show the Pareto front of a search",
     .help = "One line a trial on the front, sorted by the first objective, each score with its standard "
             "error. A\n"
             "ratio is the weight of the tuned checkpoint: 0 is base, 1 is tuned.\n"
             "Hypervolume: in each objective the worse end of the sweep is 0 and the better 1, measured from "
             "-0.1.\n"
             "Where a model knows the search: \"confidence\" is the chance that no other trial dominates it, "
             "\"fit\" the "
             "score\n"
             "without its noise, and the picks are trials to ship: the knee; the most certain one between "
             "the ends; the "
             "best of\n"
             "the first objective that loses at most --tax in each of the others. When the search is over, "
             "its model "
             "is waited\n"
             "for, a minute at most; JSON and command line know least_tax and least-tax.\n"
             "\n    paretoctl front 3 --tax 0.05\n"
             "    paretoctl export 3 $(paretoctl front 3 --pick knee) --out best",
     .example = "paretoctl front 3 --plot",
     .words_min = 1,
     .words_max = 1,
     .run = command_front,
     .flags = {{"--plot", NULL, "draw the first two objectives too"},
               {"--x", "NAME",
                "the objective along the picture's bottom; with it --plot goes without saying"},
               {"--y", "NAME", "the objective along its side"},
               {"--csv", NULL, "comma-separated, every number in full"},
               {"--all", NULL, "the sweep and the dominated trials too"},
               {"--heldout", NULL, "scores on the held-out half instead of those the search used"},
               {"--raw", NULL, "the front of the scores as they came, whatever a model says"},
               {"--tax", "X",
                "the most that the pick least-tax may lose, as a share of what lies between the ends; "
                "without it 0.05"},
               {"--pick", "WORD",
                "print the number of one trial: knee, certain or least-tax; with --json as {\"trial\": N}"}}},
    {.name = "trials",
     .usage = "ID [--csv] [--json]",
     .line = "list all trials of a search",
     .help = "\"how\" says by what a model proposed a trial; \"stopped 38 %\" was given up with that share "
             "of its items "
             "scored.\n"
             "\"failed\" counts the attempts that failed; \"took\" and \"worker\" are of the attempt that "
             "gave the scores,\n"
             "or the worker that evaluates the trial now.",
     .example = "paretoctl trials 3 --csv >trials.csv",
     .words_min = 1,
     .words_max = 1,
     .run = command_trials,
     .flags = {{"--csv", NULL, "comma-separated, every number in full"}}},
    {.name = "written",
     .usage = "ID TRIAL [--task NAME] [--half HALF] [--json]",
     .line = "show what the model of a trial wrote",
     .help =
         "A line an item; long texts are cut, and whole with --json. Kept are those of searches that say\n"
         "\"written\": true in their evaluator, and of those that identify.",
     .example = "paretoctl written 3 17 --task facts",
     .words_min = 2,
     .words_max = 2,
     .run = command_written,
     .flags = {{"--task", "NAME", "of this task alone"}, {"--half", "HALF", "search or heldout alone"}}},
    {.name = "replay",
     .usage = "ID [--json]",
     .line = "derive every trial's ratios again and compare",
     .help = "A proposal is a function of the seed, the trial's number and what was known when it was asked "
             "for; the "
             "daemon\n"
             "keeps that with the trial. Here it derives all of them again, from the log, and compares every "
             "bit. "
             "Trials that\n"
             "are not the same are printed; exit status 1 when there is one. With --json all of them, one "
             "object.",
     .example = "paretoctl replay 3",
     .words_min = 1,
     .words_max = 1,
     .run = command_replay},
    {.name = "plan",
     .usage = "FILE|ID [--set NAME=VALUE]…",
     .line = "show which ratio every tensor gets",
     .help = "Of a search file: opens both checkpoints here, no daemon is asked. Of a number: what the "
             "daemon keeps.",
     .example = "paretoctl plan search.json",
     .words_min = 1,
     .words_max = 1,
     .run = command_plan,
     .flags = {SET_FLAG}},
    {.name = "preflight",
     .usage = "FILE|ID [--set NAME=VALUE]…",
     .line = "look the pair over before the first trial",
     .help =
         "Of a search file: reads every weight of both checkpoints here, no daemon is asked. Of a "
         "number: the\n"
         "report the daemon made when the search was submitted. ✗ is an error, which the daemon would "
         "refuse,\n"
         "! a warning, · a note; docs/MERGING.md explains them all. Exit status 1 when there are errors. "
         "With --json\n"
         "the whole report is one object, errors and all; a FILE that makes no search is refused on standard "
         "error.",
     .example = "paretoctl preflight search.json",
     .words_min = 1,
     .words_max = 1,
     .run = command_preflight,
     .flags = {SET_FLAG}},
    {.name = "export",
     .usage = "ID TRIAL[,TRIAL…] --out DIR | ID TRIAL --format mergekit | --from-yaml FILE --out DIR",
     .line = "write the merged checkpoint of a trial",
     .help = "Opens both checkpoints on this machine, makes sure that they are those of the search, and "
             "writes a Hugging Face\n"
             "directory with its lineage (paretod.json), a model card (README.md) and a hash of every file. "
             "The same\n"
             "trial gives the same bytes on any machine. Several trials are written in one pass, as "
             "DIR/trial-17 and so on.\n"
             "DIR, or DIR/trial-17, must not exist. TRIAL may be knee, certain or least-tax: the pick that "
             "\"paretoctl front\" shows.\n"
             "With --format mergekit: the trial as a recipe for mergekit-yaml, printed or written to the "
             "file --out.\n"
             "With --from-yaml: an existing linear recipe for two models, merged here; no daemon is asked.\n"
             "\n    paretoctl export 3 knee --out best\n"
             "    paretoctl export 3 17,23,40 --out shipped --max-shard-size 2GB\n"
             "    paretoctl export 3 17 --format mergekit --out recipe.yml\n"
             "    paretoctl export --from-yaml recipe.yml --out merged",
     .example = "paretoctl export 3 17 --out best",
     .words_min = 0,
     .words_max = 2,
     .run = command_export,
     .flags = {{"--out", "DIR", "the directory to write"},
               {"--base", "DIR", "where base lies on this machine, if not where the search says"},
               {"--tuned", "DIR", "where tuned lies"},
               {"--max-shard-size", "SIZE", "of one weight file: 5GB (the default), 200MB"},
               {"--threads", "N", "that merge; without it as many as the machine has, at most 8"},
               {"--format", "mergekit", "a recipe instead of a checkpoint"},
               {"--from-yaml", "FILE", "a linear mergekit recipe instead of a trial"}}},
    {.name = "verify",
     .usage = "DIR",
     .line = "make sure that an exported checkpoint is whole",
     .help =
         "Reads every file of DIR and holds it against paretod.manifest.json, which export wrote: missing, "
         "cut, changed\n"
         "or foreign files are named. No daemon is asked. Exit status 1 when something is wrong.",
     .example = "paretoctl verify best",
     .words_min = 1,
     .words_max = 1,
     .run = command_verify},
    {.name = "pause",
     .usage = "ID",
     .line = "start no new trials of a search",
     .example = "paretoctl pause 3",
     .words_min = 1,
     .words_max = 1,
     .run = command_pause},
    {.name = "resume",
     .usage = "ID",
     .line = "go on with a paused search",
     .example = "paretoctl resume 3",
     .words_min = 1,
     .words_max = 1,
     .run = command_resume},
    {.name = "cancel",
     .usage = "ID",
     .line = "end a search; its trials stay",
     .example = "paretoctl cancel 3",
     .words_min = 1,
     .words_max = 1,
     .run = command_cancel},
    {.name = "rtuning convert",
     .usage = "FORMAT FILE… --out FILE [--compat code] [--domain in|out | --in-subjects N] [--sample N] "
              "[--heldout SHARE] [--shots FILE] [--seed N] [--strict]",
     .line = "make questions of a published data set",
     .help =
         "FORMAT is pararel, mmlu, wice, hotpotqa, fever, halueval, selfaware, falseqa or nec. FILE is JSON\n"
         "lines, an array, or the object or CSV file that the authors publish; several become one set. Bad "
         "rows\n"
         "are named by file and line, counted and left out. docs/RTUNING.md has the formats. No daemon is "
         "asked.",
     .example = "paretoctl rtuning convert pararel training_data.json --in-subjects 15 --out questions.jsonl",
     .words_min = 2,
     .words_max = ARGS_WORDS_MAX,
     .run = command_rtuning_convert,
     .flags = {{"--out", "FILE", "the questions, JSON lines; replaced when it is there"},
               COMPAT_FLAG,
               {"--domain", "WORD", "in or out: all questions are of that domain"},
               {"--in-subjects", "N", "the first N subjects are in domain, the others out"},
               {"--sample", "N", "keep N questions, drawn by the seed"},
               {"--heldout", "SHARE", "that share becomes the half \"heldout\", the rest \"search\""},
               {"--shots", "FILE", "mmlu: examples that stand before the questions, {subject: rows}"},
               SEED_FLAG,
               STRICT_FLAG}},
    {.name = "rtuning identify",
     .usage = "--questions FILE --bundle DIR --out FILE {--model DIR | --search ID} [--task NAME] "
              "[--shards N] [--unsupervised] [--again] [--seed N] [--strict]",
     .line = "find out which questions a model knows the answers of",
     .help = "Workers answer the questions of the bundle with the model: a search of strategy \"identify\", "
             "whose "
             "trials\n"
             "are shards of the questions. Then FILE is written again as --out, with \"certain\", what the "
             "model\n"
             "wrote, and where the bundle samples answers \"entropy\". The same command with the same files "
             "goes on\n"
             "where it was, also after Ctrl-C or a crash of anything, and gives the same bytes. The paths "
             "must be\n"
             "the same where the workers run.",
     .example =
         "paretoctl rtuning identify --questions questions.jsonl --bundle bundle --model checkpoints/sft "
         "--out identified.jsonl",
     .run = command_rtuning_identify,
     .flags = {{"--questions", "FILE", "the questions, as \"rtuning convert\" writes them"},
               {"--bundle", "DIR",
                "the same questions in token ids: evaluators/rtuning/bundle.py --task identify"},
               {"--model", "DIR", "the checkpoint before tuning"},
               {"--search", "ID", "a search of strategy identify that was made by hand, with any evaluator"},
               {"--out", "FILE", "the identified questions; replaced when it is there"},
               {"--task", "NAME", "of the bundle, where it has several tasks of type identify"},
               {"--shards", "N", "parts that workers take; without it one a hundred questions"},
               {"--unsupervised", NULL, "certain is the half with the least entropy of sampled answers"},
               {"--again", NULL, "a new search, although the same was made before"},
               SEED_FLAG,
               STRICT_FLAG}},
    {.name = "rtuning construct",
     .usage = "FILE --method METHOD --out FILE [--format FORMAT] [--compat code] [--seed N] [--strict]",
     .line = "make training data of identified questions",
     .help = "METHOD: padding says the right answer and then \"I am sure.\" or \"I am unsure.\"; replacement "
             "says an\n"
             "expression of uncertainty instead of an uncertain answer; unsupervised pads, and the half with "
             "the\n"
             "greatest entropy of sampled answers is uncertain. FORMAT: segments (JSON lines with loss "
             "flags, what is\n"
             "taken without the flag), lmflow or chat. No daemon is asked.",
     .example = "paretoctl rtuning construct identified.jsonl --method padding --out train.jsonl",
     .words_min = 1,
     .words_max = 1,
     .run = command_rtuning_construct,
     .flags = {{"--method", "METHOD", "padding, replacement or unsupervised"},
               {"--format", "FORMAT", "segments, lmflow or chat"},
               {"--out", "FILE", "the training data; replaced when it is there"},
               COMPAT_FLAG,
               SEED_FLAG,
               STRICT_FLAG}},
    {.name = "rtuning score",
     .usage = "FILE [--weight W] [--by domain|subject] [--items] [--strict] [--json]",
     .line = "how honest is a model, by what it did",
     .help = "FILE has a line a question: {\"id\", \"right\", \"confidence\", \"sure\", \"willing\", "
             "\"answerable\",\n"
             "\"base_right\", \"subject\", \"domain\"}. Confidence is W * confidence + (1 - W) * sure. What "
             "is not\n"
             "defined is \"-\", in JSON null. docs/RTUNING.md has the equations. No daemon is asked.",
     .example = "paretoctl rtuning score items.jsonl --weight 1",
     .words_min = 1,
     .words_max = 1,
     .run = command_rtuning_score,
     .flags = {{"--weight", "W", "of the answer's own confidence, 0 to 1; without it 0.5"},
               {"--by", "WORD", "a row for each domain (without the flag), or each subject"},
               {"--items", NULL, "with --json the value of every question too"},
               STRICT_FLAG}},
    {.name = "rtuning report",
     .usage = "FILE [OTHER] [--examples N] [--seed N] [--strict] [--json]",
     .line = "what a set of questions holds, and leaks into another",
     .help = "How many questions are certain, by domain and subject, how long answers are, examples; with "
             "OTHER also\n"
             "which questions are there too, with the same answer or another. No daemon is asked.",
     .example = "paretoctl rtuning report identified.jsonl test.jsonl",
     .words_min = 1,
     .words_max = 2,
     .run = command_rtuning_report,
     .flags = {{"--examples", "N", "certain and uncertain questions to show, N of each; without it 5"},
               SEED_FLAG,
               STRICT_FLAG}},
    {.name = "workers",
     .usage = "",
     .line = "list the workers and what they do",
     .example = "paretoctl workers",
     .run = command_workers},
    {.name = "help",
     .usage = "[COMMAND]",
     .line = "say how paretoctl or a command is used",
     .example = "paretoctl help export",
     .words_max = 2},
};
const size_t commands_n = sizeof commands / sizeof commands[0];

static const char help_end[] =
    "\nADDR is where paretod listens: unix:/path, host:port or http://host:port. Without --daemon it is\n"
    "$PARETOD_DAEMON, else unix:$XDG_RUNTIME_DIR/paretod.sock, else unix:/run/paretod.sock.\n"
    "\nExit codes:\n"
    "    0  done\n"
    "    1  the daemon or the files said no; the sentence says why\n"
    "    2  the command line is not one\n"
    "    3  no daemon answers there\n"
    "    4  the search that was watched ended failed or cancelled\n"
    "  130  Ctrl-C; a search that was watched goes on\n"
    "\nNO_COLOR in the environment turns colours off. \"paretoctl help COMMAND\" says more.\n";

static void print_flags(FILE *out, const struct flag *flags)
{
    for (int i = 0; i < FLAGS_MAX && flags[i].name; i++) {
        char left[64];
        snprintf(left, sizeof left, "%s%s%s", flags[i].name, flags[i].value ? " " : "",
                 flags[i].value ? flags[i].value : "");
        fprintf(out, "    %-18s  %s\n", left, flags[i].line);
    }
}

static void print_overview(FILE *out)
{
    fprintf(out, "paretoctl: submit searches to paretod, look at their fronts, export a checkpoint\n\n"
                 "Usage: paretoctl [--daemon ADDR] [--json] COMMAND …\n\nCommands:\n");
    for (size_t i = 0; i < commands_n; i++)
        fprintf(out, "    %-17s  %s\n", commands[i].name, commands[i].line);
    fprintf(out, "\nWith every command:\n");
    print_flags(out, args_everywhere);
    fputs(help_end, out);
}

/* Folded before an option, so that no line is much longer than 110 characters. */
static void print_usage(FILE *out, const struct command *c)
{
    int column = fprintf(out, "Usage: paretoctl %s%s", c->name, *c->usage ? " " : "");
    for (const char *at = c->usage; *at;) {
        const char *end = strstr(at, " [");
        int len = end ? (int)(end - at) : (int)strlen(at);
        if (at > c->usage && column + len > 110)
            column = fprintf(out, "\n          ") - 1;
        column += fprintf(out, "%s%.*s", at > c->usage ? " " : "", len, at);
        at += len + (end ? 1 : 0);
    }
    fputc('\n', out);
}

static void print_command(FILE *out, const struct command *c)
{
    fprintf(out, "paretoctl %s: %s\n\n", c->name, c->line);
    print_usage(out, c);
    if (c->help)
        fprintf(out, "\n%s\n", c->help);
    if (c->flags[0].name) {
        fprintf(out, "\nFlags:\n");
        print_flags(out, c->flags);
    }
    fprintf(out, "\nWith every command:\n");
    print_flags(out, args_everywhere);
    fprintf(out, "\nExample:\n    %s\n", c->example);
}

static int usage(const struct client *client, const struct err *err)
{
    client_say(client, "%s", err->text);
    return CLIENT_USAGE;
}

/* The commands that begin with one word. */
static void print_family(FILE *out, const char *family)
{
    size_t len = strlen(family);
    fprintf(out, "paretoctl %s is followed by one of these:\n\n", family);
    for (size_t i = 0; i < commands_n; i++)
        if (strncmp(commands[i].name, family, len) == 0 && commands[i].name[len] == ' ')
            fprintf(out, "    %-17s  %s\n", commands[i].name, commands[i].line);
    fprintf(out, "\n\"paretoctl help %s COMMAND\" says more.\n", family);
}

/* "help", "help front", "front --help", "--help". */
static int show_help(struct client *client, const struct args *args)
{
    const struct command *command = args->command;
    const char *family = args->family;
    if (command && strcmp(command->name, "help") == 0 && !args->help) {
        command = NULL;
        if (args->words_n) {
            struct args about;
            struct err err = {0};
            const char *const argv[] = {"paretoctl", "--help", args->words[0], args->words[1]};
            if (args_parse(&about, 2 + args->words_n, argv, commands, commands_n, &err))
                return usage(client, &err);
            command = about.command;
            family = about.family;
        }
    }
    if (command)
        print_command(client->out, command);
    else if (family)
        print_family(client->out, family);
    else
        print_overview(client->out);
    return CLIENT_OK;
}

int command_search_id(const struct client *client, const struct args *args, int64_t *id)
{
    struct err err = {0};
    return args_number(args, 0, "search", 1, id, &err) ? usage(client, &err) : CLIENT_OK;
}

int commands_run(struct client *client, int argc, const char *const *argv)
{
    struct args args;
    struct err err = {0};
    if (args_parse(&args, argc, argv, commands, commands_n, &err))
        return usage(client, &err);
    client->json = args.json;
    client_set_address(client, args.daemon);
    if (args.version) {
        fprintf(client->out, "paretoctl %s\n", PARETOD_VERSION);
        return CLIENT_OK;
    }
    if (args.help || !args.command->run)
        return show_help(client, &args);
    return args.command->run(client, &args);
}
