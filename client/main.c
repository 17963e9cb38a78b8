/* paretoctl: see client/README.md and "paretoctl help". */
#include "client/client.h"
#include "client/commands.h"
#include "proto/files.h"

#include <signal.h>

#define FILES_MAX 20000 /* 64 trials exported at once, each in some hundreds of shards */

int main(int argc, char **argv)
{
    struct client client;
    files_allow(FILES_MAX);
    signal(SIGXFSZ, SIG_IGN); /* a limit on the size of files is an error of the write */
    client_open(&client);
    int code = commands_run(&client, argc, (const char *const *)argv);
    client_close(&client);
    if (fflush(stdout) == 0 && !ferror(stdout))
        return code;
    client_say(&client, "standard output cannot be written; what was printed is not whole");
    return code ? code : CLIENT_REFUSED;
}
