/* WHAT   The table of commands and the way from a command line to an exit code.
 * WHO    main.c, tests.
 * UNITS  None.
 * MEMORY None.
 * ERRORS Exit codes (enum client_exit); what went wrong has been said.
 * STATE  None. */
#ifndef CLIENT_COMMANDS_H
#define CLIENT_COMMANDS_H

#include "client/args.h"
#include "client/client.h"
#include "client/watch.h"

extern const struct command commands[];
extern const size_t commands_n;

/* Parses the command line and runs its command. Sets the client's address and json. */
int commands_run(struct client *client, int argc, const char *const *argv);

/* One an entry of the table. */
int command_submit(struct client *client, const struct args *args);
int command_searches(struct client *client, const struct args *args);
int command_pause(struct client *client, const struct args *args);
int command_resume(struct client *client, const struct args *args);
int command_cancel(struct client *client, const struct args *args);
int command_front(struct client *client, const struct args *args);
int command_trials(struct client *client, const struct args *args);
int command_written(struct client *client, const struct args *args);
int command_replay(struct client *client, const struct args *args);
int command_watch(struct client *client, const struct args *args);
int command_plan(struct client *client, const struct args *args);
int command_preflight(struct client *client, const struct args *args);
int command_export(struct client *client, const struct args *args);
int command_verify(struct client *client, const struct args *args);
int command_rtuning_identify(struct client *client, const struct args *args);
int command_rtuning_convert(struct client *client, const struct args *args);
int command_rtuning_construct(struct client *client, const struct args *args);
int command_rtuning_score(struct client *client, const struct args *args);
int command_rtuning_report(struct client *client, const struct args *args);
int command_workers(struct client *client, const struct args *args);

/* The trial that is a search's knee, certain or least-tax (front_pick_words), of the daemon's front. Said when there is none. */
int command_pick(struct client *client, int64_t id, const char *word, int64_t *trial);

/* Reads word 0 as the number of a search; CLIENT_USAGE when it is none. */
int command_search_id(const struct client *client, const struct args *args, int64_t *id);

#endif
