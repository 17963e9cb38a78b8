#include "daemon/options.h"
#include "daemon/paretod.h"

#include <signal.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    struct options options;
    struct err err = {0};
    if (options_read(argc, argv, &options, &err)) {
        fprintf(stderr, "paretod: %s\n", err.text);
        return 2;
    }
    if (options.help) {
        fputs(options_help(), stdout);
        return 0;
    }
    if (options.version) {
        puts("paretod " PARETOD_VERSION);
        return 0;
    }
    log_set_level(options.log_level);
    signal(SIGPIPE, SIG_IGN);
    if (paretod_run(&options, &err)) {
        fprintf(stderr, "paretod: %s\n", err.text);
        return 1;
    }
    return 0;
}
