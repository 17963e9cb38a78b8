#include "daemon/options.h"
#include "daemon/paretod.h"

#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>

#define FILES_MAX 10000 /* 1000 connections on each of 8 addresses, and what the daemon opens itself */

/* The usual 1024 files are less than the connections we take. */
static void allow_files(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) || files.rlim_cur >= FILES_MAX)
        return;
    files.rlim_cur = files.rlim_max < FILES_MAX ? files.rlim_max : FILES_MAX;
    setrlimit(RLIMIT_NOFILE, &files);
}

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
    allow_files();
    if (paretod_run(&options, &err)) {
        fprintf(stderr, "paretod: %s\n", err.text);
        return 1;
    }
    return 0;
}
