#include "client/client.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

static int call_daemon(struct client *client, const struct http_request *request,
                       struct http_response *response, struct err *err)
{
    if (!client->http) {
        int rc = http_client_open(client->address, &client->http, err);
        if (rc)
            return rc;
    }
    return http_call(client->http, request, response, err);
}

static int64_t monotonic_us(struct client *client)
{
    struct timespec now;
    (void)client;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* A signal ends the pause early: Ctrl-C need not wait. */
static void pause_us(struct client *client, int64_t us)
{
    struct timespec span = {us / 1000000, us % 1000000 * 1000};
    (void)client;
    nanosleep(&span, NULL);
}

static const struct client_world real_world = {call_daemon, monotonic_us, pause_us};

/* The one thing a signal handler can reach. */
static atomic_bool interrupted;

static void on_interrupt(int signal)
{
    (void)signal;
    atomic_store(&interrupted, true);
}

void client_catch_interrupt(struct client *client)
{
    if (client->interrupted)
        return;
    struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = SA_RESETHAND}, before;
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    static const int others[] = {SIGTERM, SIGHUP};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (sigaction(others[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN) /* nohup */
            sigaction(others[i], &action, NULL);
    client->interrupted = &interrupted;
}

void client_open(struct client *client)
{
    const char *term = getenv("TERM"), *no_color = getenv("NO_COLOR");
    *client = (struct client){.world = &real_world, .out = stdout, .complaints = stderr};
    client->tty = isatty(STDOUT_FILENO) && term && *term && strcmp(term, "dumb") != 0;
    client->colour = client->tty && !(no_color && *no_color);
}

void client_close(struct client *client)
{
    if (client->http)
        http_client_close(client->http);
    client->http = NULL;
}

void client_size(const struct client *client, int *columns, int *rows)
{
    struct winsize size = {0};
    int fd = fileno(client->out); /* -1 for a memory stream */
    if (fd < 0 || ioctl(fd, TIOCGWINSZ, &size) != 0)
        size = (struct winsize){0};
    *columns = size.ws_col ? size.ws_col : 80;
    *rows = size.ws_row ? size.ws_row : 24;
}
