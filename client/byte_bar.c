#include "client/byte_bar.h"

#include "client/progress.h"
#include "client/text.h"

void byte_bar_begin(struct byte_bar *bar, struct client *client, const char *verb)
{
    *bar = (struct byte_bar){client, verb, client->tty && !client->json, -1};
    client_catch_interrupt(client);
}

static void draw(struct byte_bar *bar, uint64_t done_bytes, uint64_t total_bytes)
{
    char done[TEXT_NUMBER_MAX], total[TEXT_NUMBER_MAX];
    int64_t permille = total_bytes ? (int64_t)((double)done_bytes / (double)total_bytes * 1000) : 1000;
    struct buf line;
    if (permille == bar->permille)
        return;
    bar->permille = permille;
    buf_init(&line, 4096);
    text_bytes(done, (double)done_bytes);
    text_bytes(total, (double)total_bytes);
    buf_printf(&line, "\r\033[K%s ", bar->verb);
    progress_bar(&line, (double)done_bytes, (double)total_bytes, 40);
    buf_printf(&line, " %s of %s", done, total);
    client_print(bar->client, &line);
    buf_fini(&line);
}

int byte_bar_tick(void *ctx, uint64_t done_bytes, uint64_t total_bytes)
{
    struct byte_bar *bar = ctx;
    if (bar->shown)
        draw(bar, done_bytes, total_bytes);
    return client_is_interrupted(bar->client);
}

void byte_bar_end(const struct byte_bar *bar)
{
    if (bar->permille < 0)
        return; /* nothing was drawn */
    fputs("\r\033[K", bar->client->out);
    fflush(bar->client->out);
}
