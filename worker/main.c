/* pareto-worker: merges and evaluates what paretod leases to it. */
#include "worker/once.h"
#include "worker/session.h"

#include "proto/files.h"
#include "proto/log.h"
#include "proto/mem.h"
#include "proto/search_spec.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILES_MAX 20000 /* 256 slots, each with a pair of some tens of shards */

static const char help[] =
    "pareto-worker: merges and evaluates what paretod leases to it\n"
    "\n"
    "  pareto-worker --daemon unix:/run/paretod.sock --slots 2\n"
    "  pareto-worker --evaluate search.json --ratios 0.2,0.5,0.8     # once, without a daemon\n"
    "\n"
    "  --daemon ADDR    unix:PATH or HOST:PORT (default: $PARETOD_DAEMON, else unix:/run/paretod.sock)\n"
    "  --slots N        evaluations at once, one thread each (default 1)\n"
    "  --name NAME      shown in lists of workers (default HOST:PID)\n"
    "  --scratch DIR    for merged checkpoints and logs of evaluator commands (default: a new one in "
    "$TMPDIR)\n"
    "  --evaluate FILE  evaluate one ratio vector of a search and print its scores as JSON\n"
    "  --ratios LIST    weights of the tuned checkpoint, one a group (with --evaluate)\n"
    "  --half HALF      search or heldout items (with --evaluate; default search)\n"
    "  --slices N       cut the evaluation into N parts and print the scores after each (with --evaluate)\n"
    "  --written        print what the model wrote to each item, too (with --evaluate)\n"
    "  --log-level L    debug, info, warn, error (default info)\n"
    "  --version, --help\n"
    "\n"
    "SIGTERM and SIGINT stop it cleanly: a lease in hand is given back. Exit codes: 0 stopped as told,\n"
    "1 the evaluation of --evaluate failed, 2 wrong usage.\n";

/* The one thing a signal handler may touch. */
static atomic_bool stop_requested;

static void on_signal(int number)
{
    (void)number;
    atomic_store(&stop_requested, true);
}

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

struct options {
    struct session_options session;
    struct once_options once;
};

static int usage_error(const char *what, const char *value)
{
    fprintf(stderr, "pareto-worker: %s%s%s; see pareto-worker --help\n", what, value ? ": " : "",
            value ? value : "");
    return 2;
}

static int log_level_of(const char *word)
{
    static const char *const words[] = {"debug", "info", "warn", "error"};
    for (int i = 0; i < 4; i++)
        if (strcmp(words[i], word) == 0)
            return i;
    return -1;
}

/* -1: go on; otherwise the exit code. */
static int read_options(int argc, char **argv, struct options *options)
{
    static const struct option known[] = {
        {"daemon", 1, NULL, 'd'},  {"slots", 1, NULL, 's'},    {"name", 1, NULL, 'n'},
        {"scratch", 1, NULL, 't'}, {"evaluate", 1, NULL, 'e'}, {"ratios", 1, NULL, 'r'},
        {"half", 1, NULL, 'a'},    {"slices", 1, NULL, 'c'},   {"log-level", 1, NULL, 'l'},
        {"written", 0, NULL, 'w'}, {"version", 0, NULL, 'v'},  {"help", 0, NULL, 'h'},
        {NULL, 0, NULL, 0}};
    char *end;
    long slots; /* or slices */
    for (int c; (c = getopt_long(argc, argv, "h", known, NULL)) != -1;) {
        switch (c) {
        case 'd':
            options->session.daemon = optarg;
            break;
        case 's':
            slots = strtol(optarg, &end, 10);
            if (*end || slots < 1 || slots > SESSION_SLOTS_MAX)
                return usage_error("--slots must be a whole number from 1 to 256", optarg);
            options->session.slots = (int)slots;
            break;
        case 'n':
            options->session.name = optarg;
            break;
        case 't':
            options->session.scratch = optarg;
            break;
        case 'e':
            options->once.search = optarg;
            break;
        case 'r':
            options->once.ratios = optarg;
            break;
        case 'a':
            options->once.half = optarg;
            if (strcmp(optarg, "search") != 0 && strcmp(optarg, "heldout") != 0)
                return usage_error("--half must be search or heldout", optarg);
            break;
        case 'c':
            slots = strtol(optarg, &end, 10);
            if (*end || slots < 1 || slots > SPEC_SLICES_MAX)
                return usage_error("--slices must be a whole number from 1 to 64", optarg);
            options->once.slices = (int)slots;
            break;
        case 'w':
            options->once.written = true;
            break;
        case 'l':
            if (log_level_of(optarg) < 0)
                return usage_error("--log-level must be debug, info, warn or error", optarg);
            log_set_level((enum log_level)log_level_of(optarg));
            break;
        case 'v':
            puts("pareto-worker " PARETOD_VERSION);
            return 0;
        case 'h':
            fputs(help, stdout);
            return 0;
        default:
            return usage_error("wrong usage", NULL);
        }
    }
    return optind < argc ? usage_error("unexpected argument", argv[optind]) : -1;
}

/* The given directory, made when absent; else a fresh one in $TMPDIR. One that cannot be used is refused now: later it
 * would be a failure of every trial. *made: it was not there before. */
static int make_scratch(const char **scratch, char *fresh, size_t size, bool *made)
{
    const char *tmp = getenv("TMPDIR");
    if (*scratch) {
        struct stat info;
        *made = mkdir(*scratch, 0700) == 0;
        bool there = *made || errno == EEXIST;
        if (there && stat(*scratch, &info) == 0 && !S_ISDIR(info.st_mode))
            errno = ENOTDIR;
        else if (there && access(*scratch, R_OK | W_OK | X_OK) == 0)
            return 0;
        fprintf(stderr, "pareto-worker: --scratch %s: %s; give a directory that this user can write to\n",
                *scratch, strerror(errno));
        return 2;
    }
    snprintf(fresh, size, "%s/pareto-worker-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    if (!mkdtemp(fresh)) {
        fprintf(stderr, "pareto-worker: %s: %s; give --scratch DIR\n", fresh, strerror(errno));
        return 2;
    }
    *scratch = fresh;
    *made = true;
    return 0;
}

/* A directory that this process made stays only when it holds what an evaluator's program said. */
static void leave_scratch(const char *scratch, bool once)
{
    if (rmdir(scratch) != 0 && once && (errno == ENOTEMPTY || errno == EEXIST))
        fprintf(stderr, "pareto-worker: what the program wrote on standard error is in %s\n", scratch);
}

static int run(struct options *options)
{
    struct err err = {0};
    if (options->once.search) {
        options->once.scratch = options->session.scratch;
        int rc = once_run(&options->once, &stop_requested, &err);
        if (rc)
            fprintf(stderr, "pareto-worker: %s\n", err.text);
        return rc ? 1 : 0;
    }
    int rc = session_run(&options->session, &stop_requested, &err);
    if (rc)
        fprintf(stderr, "pareto-worker: %s\n", err.text);
    return rc ? 2 : 0;
}

int main(int argc, char **argv)
{
    const char *daemon = getenv("PARETOD_DAEMON");
    char host[64] = "worker", name[96], fresh[256] = "";
    struct options options = {.once.half = "search"};
    bool made = false;
    gethostname(host, sizeof host - 1);
    snprintf(name, sizeof name, "%s:%d", host, (int)getpid());
    options.session = (struct session_options){
        .daemon = daemon && *daemon ? daemon : "unix:/run/paretod.sock", .name = name, .slots = 1};
    int code = read_options(argc, argv, &options);
    if (code >= 0)
        return code;
    if (!options.once.search != !options.once.ratios)
        return usage_error("--evaluate and --ratios go together", NULL);
    if (options.once.slices && !options.once.search)
        return usage_error("--slices goes with --evaluate; a search's slices stand in its search.json", NULL);
    if (options.once.written && !options.once.search)
        return usage_error("--written goes with --evaluate; a search says \"written\": true in its evaluator",
                           NULL);
    code = make_scratch(&options.session.scratch, fresh, sizeof fresh, &made);
    if (code)
        return code;
    catch_signals();
    files_allow(FILES_MAX);
    code = run(&options);
    if (made)
        leave_scratch(options.session.scratch, options.once.search != NULL);
    return code;
}
