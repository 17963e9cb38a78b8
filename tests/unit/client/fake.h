/* WHAT   A daemon that says what a test wrote down, and a client that talks to it.
 * WHO    tests/unit/client.
 * UNITS  The clock moves only when the client pauses, or waits for an answer that says so.
 * MEMORY fake_init, fake_fini.
 * ERRORS Asserts (cmocka).
 * STATE  Answers are used up in order; requests are kept for the test to look at. */
#ifndef TESTS_CLIENT_FAKE_H
#define TESTS_CLIENT_FAKE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../contains.h"

#include "client/client.h"
#include "client/commands.h"
#include "proto/mem.h"

#include <stdlib.h>
#include <string.h>

#define FAKE_MAX 32

struct fake_answer {
    int rc; /* of the call itself */
    int status;
    const char *etag, *body;
    bool interrupts;  /* Ctrl-C comes while the client waits for this answer */
    int64_t waits_us; /* how long the client waits for it */
};

struct fake {
    struct client client;
    struct fake_answer answers[FAKE_MAX];
    int answers_n, asked_n;
    struct {
        char *path, *body, *key, *etag;
        double timeout_s;
    } asked[FAKE_MAX];
    int64_t now_us;
    int pauses_n;
    atomic_bool interrupted;
    char *out, *complaints;
    size_t out_len, complaints_len;
};

static char *fake_copy(const char *text)
{
    return text ? mem_strdup(text) : NULL;
}

static int fake_call(struct client *client, const struct http_request *request,
                     struct http_response *response, struct err *err)
{
    struct fake *fake = client->ctx;
    *response = (struct http_response){0};
    buf_init(&response->body, 1 << 20);
    assert_true(fake->asked_n < fake->answers_n);
    int i = fake->asked_n++;
    const struct fake_answer *answer = &fake->answers[i];
    fake->asked[i].path = fake_copy(request->path);
    fake->asked[i].body = fake_copy(request->body);
    fake->asked[i].key = fake_copy(request->idempotency_key);
    fake->asked[i].etag = fake_copy(request->if_none_match);
    fake->asked[i].timeout_s = request->timeout_s;
    fake->now_us += answer->waits_us;
    if (request->waits && (double)answer->waits_us >= request->waits_s * 1e6)
        request->waits(request->waits_ctx);
    if (answer->interrupts)
        atomic_store(&fake->interrupted, true);
    if (answer->rc)
        return err_set(err, answer->rc, "unix:/there: nothing");
    response->status = answer->status;
    snprintf(response->etag, sizeof response->etag, "%s", answer->etag ? answer->etag : "");
    buf_text(&response->body, answer->body ? answer->body : "");
    return 0;
}

static int64_t fake_now(struct client *client)
{
    return ((struct fake *)client->ctx)->now_us;
}

static void fake_pause(struct client *client, int64_t us)
{
    struct fake *fake = client->ctx;
    fake->now_us += us;
    fake->pauses_n++;
}

static const struct client_world fake_world = {fake_call, fake_now, fake_pause};

static inline void fake_init(struct fake *fake)
{
    *fake = (struct fake){0};
    fake->client.world = &fake_world;
    fake->client.ctx = fake;
    fake->client.interrupted = &fake->interrupted;
    fake->client.out = open_memstream(&fake->out, &fake->out_len);
    fake->client.complaints = open_memstream(&fake->complaints, &fake->complaints_len);
}

static inline void fake_fini(struct fake *fake)
{
    fclose(fake->client.out);
    fclose(fake->client.complaints);
    free(fake->out);
    free(fake->complaints);
    for (int i = 0; i < fake->asked_n; i++) {
        mem_free(fake->asked[i].path);
        mem_free(fake->asked[i].body);
        mem_free(fake->asked[i].key);
        mem_free(fake->asked[i].etag);
    }
}

static inline void fake_answer(struct fake *fake, struct fake_answer answer)
{
    assert_true(fake->answers_n < FAKE_MAX);
    fake->answers[fake->answers_n++] = answer;
}

static inline void fake_says(struct fake *fake, int status, const char *body)
{
    fake_answer(fake, (struct fake_answer){.status = status, .body = body});
}

/* Runs "paretoctl" with the words of `line` (blanks between); out and complaints are whole afterwards. */
static inline int fake_run(struct fake *fake, const char *line)
{
    const char *argv[32] = {"paretoctl"};
    int argc = 1;
    char *words = mem_strdup(line), *rest = words;
    for (char *word; (word = strsep(&rest, " "));)
        if (*word)
            argv[argc++] = word;
    int code = commands_run(&fake->client, argc, argv);
    mem_free(words);
    fflush(fake->client.out);
    fflush(fake->client.complaints);
    return code;
}

#endif
