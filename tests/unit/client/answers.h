/* WHAT   Answers of a daemon as the protocol writes them.
 * WHO    tests/unit/client.
 * UNITS  As in the protocol.
 * MEMORY Static.
 * ERRORS None.
 * STATE  None. */
#ifndef TESTS_CLIENT_ANSWERS_H
#define TESTS_CLIENT_ANSWERS_H

/* A front of two objectives and two groups. STATE, DONE and HELDOUT are put in by the test. Trial 2 is of the
 * sweep and on the front, so it stands in two lists. */
#define FRONT_JSON(STATE, DONE, HELDOUT)                                                                     \
    "{\"id\":3,\"name\":\"toy\",\"state\":\"" STATE "\",\"revision\":9,"                                     \
    "\"objectives\":[{\"name\":\"reward\",\"goal\":\"max\",\"metrics\":[\"c.r\"],\"reference\":null},"       \
    "{\"name\":\"loss\",\"goal\":\"min\",\"metrics\":[\"t.l\"],\"reference\":null}],"                        \
    "\"groups\":[\"layers 0-2\",\"layers 3-5\"],"                                                            \
    "\"progress\":{\"total\":60,\"done\":" DONE ",\"failed\":0,\"running\":2,\"ready\":0},"                  \
    "\"confirm\":{\"total\":0,\"done\":0,\"failed\":0},\"eta_s\":12.5,"                                      \
    "\"hypervolume\":0.927,\"sweep_hypervolume\":0.922,\"hypervolume_history\":[[3,0.9]],"                   \
    "\"heldout\":{\"hypervolume\":0.92,\"sweep_hypervolume\":0.91},"                                         \
    "\"points\":[" POINT_7(HELDOUT) "," POINT_2(HELDOUT) "],"                                                \
                                                         "\"sweep\":[" POINT_1                               \
                                                         "," POINT_2(HELDOUT) "],"                           \
                                                                              "\"dominated\":[" POINT_9 "]}"

/* Of a search without a front. */
#define FRONT_NOTE(STATE, DONE)                                                                              \
    "{\"id\":3,\"name\":\"toy\",\"state\":\"" STATE                                                          \
    "\",\"note\":\"this search identifies\",\"objectives\":["                                                \
    "{\"name\":\"q.certain\",\"goal\":\"max\"}],\"groups\":[\"all\"],\"progress\":{\"total\":4,"             \
    "\"done\":" DONE ",\"failed\":0,\"running\":0,\"ready\":0},\"points\":[],\"sweep\":[],\"dominated\":[]}"

#define POINT_7(HELDOUT)                                                                                     \
    "{\"trial\":7,\"kind\":\"hma\",\"ratios\":[0.1,0.9],\"effective\":[0.1,null],\"mean_ratio\":0.5,"        \
    "\"scores\":[{\"mean\":0.8,\"stderr\":0.011},{\"mean\":2.25,\"stderr\":0.02}],"                          \
    "\"heldout\":" HELDOUT ",\"on_front\":true}"
#define POINT_2(HELDOUT)                                                                                     \
    "{\"trial\":2,\"kind\":\"sweep\",\"ratios\":[1,1],\"mean_ratio\":1,"                                     \
    "\"scores\":[{\"mean\":0.1,\"stderr\":null},{\"mean\":1.5,\"stderr\":null}],"                            \
    "\"heldout\":null,\"on_front\":true}"
#define POINT_1                                                                                              \
    "{\"trial\":1,\"kind\":\"sweep\",\"ratios\":[0,0],\"mean_ratio\":0,"                                     \
    "\"scores\":[{\"mean\":0.05,\"stderr\":0},{\"mean\":3,\"stderr\":0}],\"heldout\":null,\"on_front\":"     \
    "false}"
#define POINT_9                                                                                              \
    "{\"trial\":9,\"kind\":\"hma\",\"ratios\":[0.3,0.2],\"mean_ratio\":0.25,"                                \
    "\"scores\":[{\"mean\":0.4,\"stderr\":0},{\"mean\":4,\"stderr\":0}],\"heldout\":null,\"on_front\":"      \
    "false}"

/* Of a search that a model knows: trial 7 is doubtful, trial 9 a repeat that was stopped. */
#define FRONT_INSIGHT                                                                                        \
    "{\"id\":3,\"name\":\"toy\",\"state\":\"done\",\"answer\":\"posterior\",\"hypervolume\":0.927,"          \
    "\"sweep_hypervolume\":0.922,\"objectives\":[{\"name\":\"reward\",\"goal\":\"max\"},{\"name\":\"loss\"," \
    "\"goal\":\"min\"}],\"groups\":[\"layers 0-2\",\"layers 3-5\"],"                                         \
    "\"progress\":{\"total\":60,\"done\":57,\"failed\":0,\"stopped\":3,\"running\":0,\"ready\":0},"          \
    "\"insight\":{\"watermark\":70,\"events\":70,\"hypervolume\":{\"value\":0.919,\"low\":0.901,"            \
    "\"median\":0.92,\"high\":0.942},\"gain\":0.0012,\"fit_rms\":[1,1]},"                                    \
    "\"picks\":{\"knee\":7,\"certain\":null,\"least_tax\":2},\"points\":["                                   \
    "{\"trial\":7,\"kind\":\"bayes\",\"ratios\":[0.1,0.9],\"mean_ratio\":0.5,\"scores\":[{\"mean\":0.8,"     \
    "\"stderr\":0.011},{\"mean\":2.25,\"stderr\":0.02}],\"heldout\":null,\"on_front\":true,"                 \
    "\"confidence\":0.43,\"verdict\":\"doubtful\",\"posterior\":[{\"mean\":0.79,\"sd\":0.008},"              \
    "{\"mean\":2.3,\"sd\":0.01}],\"share\":1,\"path\":\"model\",\"watermark\":12,\"repeat_of\":null,"        \
    "\"gain\":0.002}],\"sweep\":["                                                                           \
    "{\"trial\":2,\"kind\":\"sweep\",\"ratios\":[1,1],\"mean_ratio\":1,\"scores\":[{\"mean\":0.1,"           \
    "\"stderr\":null},{\"mean\":1.5,\"stderr\":null}],\"heldout\":null,\"on_front\":true,\"confidence\":1,"  \
    "\"verdict\":\"front\",\"posterior\":null,\"share\":1,\"path\":\"direct\",\"repeat_of\":null}],"         \
    "\"dominated\":[{\"trial\":9,\"kind\":\"bayes\",\"ratios\":[0.1,0.9],\"mean_ratio\":0.5,\"scores\":["    \
    "{\"mean\":0.4,\"stderr\":0.1},{\"mean\":4,\"stderr\":0.2}],\"heldout\":null,\"on_front\":false,"        \
    "\"confidence\":0.03,\"verdict\":\"dominated\",\"posterior\":null,\"share\":0.375,\"path\":\"repeat\","  \
    "\"repeat_of\":7}]}"

/* The same before its model knows all of it. */
#define FRONT_EARLY                                                                                          \
    "{\"id\":3,\"name\":\"toy\",\"state\":\"done\",\"objectives\":[{\"name\":\"reward\",\"goal\":\"max\"}]," \
    "\"groups\":[\"a\"],\"insight\":{\"watermark\":57,\"events\":152},\"picks\":{\"knee\":5},\"points\":[]," \
    "\"sweep\":[],\"dominated\":[]}"

/* Of a search that every worker refuses. */
#define FRONT_STALLED                                                                                        \
    "{\"id\":3,\"name\":\"toy\",\"state\":\"running\",\"stalled\":\"tensor x\\u001b "                        \
    "differs\",\"eta_s\":null,"                                                                              \
    "\"hypervolume\":null,\"objectives\":[{\"name\":\"reward\",\"goal\":\"max\"}],\"groups\":[\"a\"],"       \
    "\"points\":[],"                                                                                         \
    "\"sweep\":[],\"dominated\":[]}"
#define STALLED_LINE "! nobody works on this search: tensor x? differs (paretoctl workers)\n"

/* The two ends of "reward" differ by 0.05, those of "loss" by far more. */
#define FRONT_NEAR_ENDS(STATE, LOW_STDERR, HIGH_STDERR)                                                      \
    "{\"id\":3,\"name\":\"toy\",\"state\":\"" STATE "\",\"hypervolume\":0.9,\"objectives\":["                \
    "{\"name\":\"reward\",\"goal\":\"max\"},{\"name\":\"loss\",\"goal\":\"min\"}],\"groups\":[\"a\",\"b\"]," \
    "\"points\":[],\"dominated\":[],\"sweep\":["                                                             \
    "{\"trial\":0,\"ratios\":[0,0],\"scores\":[{\"mean\":0.5,\"stderr\":" LOW_STDERR                         \
    "},{\"mean\":1,\"stderr\":0.1}]},"                                                                       \
    "{\"trial\":1,\"ratios\":[1,0],\"scores\":[{\"mean\":0.9,\"stderr\":0},{\"mean\":1,\"stderr\":0.1}]},"   \
    "{\"trial\":2,\"ratios\":[0.5,0.5],\"scores\":[{\"mean\":0.9,\"stderr\":0},{\"mean\":1,\"stderr\":0.1}]" \
    "},"                                                                                                     \
    "{\"trial\":3,\"ratios\":[1,1],\"scores\":[{\"mean\":0.55,\"stderr\":" HIGH_STDERR                       \
    "},{\"mean\":9,\"stderr\":0.1}]}]}"

#define HELDOUT_NONE "null"
#define HELDOUT_SCORES "[{\"mean\":0.7,\"stderr\":0.03},{\"mean\":2.5,\"stderr\":null}]"

#endif
