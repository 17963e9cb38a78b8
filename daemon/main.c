#include "daemon/options.h"
#include "daemon/paretod.h"
#include "proto/files.h"

#include <signal.h>
#include <stdio.h>

#define FILES_MAX 10000 /* 1000 connections on each of 8 addresses, and what the daemon opens itself */

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
    files_allow(FILES_MAX); /* the usual 1024 are less than the connections we take */
    if (paretod_run(&options, &err)) {
        fprintf(stderr, "paretod: %s\n", err.text);
        return 1;
    }
    return 0;
}
