/* WHAT   The words of a search's JSON, each array in the order of its enum.
 * WHO    proto/search_spec.c and proto/search_spec_write.c, and nobody else.
 * UNITS  None.
 * MEMORY Static.
 * ERRORS None.
 * STATE  None. */
#ifndef PROTO_SPEC_WORDS_H
#define PROTO_SPEC_WORDS_H

static const char *const spec_ends_words[] = {"follow", "mean", "base", "tuned"}; /* ENDS_OWN is an object */
static const char *const spec_goal_words[] = {"max", "min"};
static const char *const spec_evaluator_words[] = {"native", "command"};
static const char *const spec_merge_words[] = {"directory", "plan", "none"}; /* from MERGE_DIRECTORY on */
static const char *const spec_strategy_words[] = {"sweep", "hma", "scalarize", "sobol"};

#endif
