/* paretoctl: see client/README.md and "paretoctl help". */
#include "client/client.h"
#include "client/commands.h"

int main(int argc, char **argv)
{
    struct client client;
    client_open(&client);
    int code = commands_run(&client, argc, (const char *const *)argv);
    client_close(&client);
    if (fflush(stdout) == 0 && !ferror(stdout))
        return code;
    client_say(&client, "standard output cannot be written; what was printed is not whole");
    return code ? code : CLIENT_REFUSED;
}
