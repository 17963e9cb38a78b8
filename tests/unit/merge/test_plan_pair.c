/* merge/plan/plan_pair.c: what two checkpoints may differ in, what the output does without, and the sentences about the rest. */
#include "pair.h"

static const struct search_spec one = {.grouping = GROUPING_COUNT, .groups_n = 1};

static void test_buffers(void **state)
{
    (void)state;
    static const char *const without[] = {"model.layers.0.w", "model.layers.1.w", NULL};
    static const char *const with[] = {"model.layers.0.self_attn.rotary_emb.inv_freq", "model.layers.0.w",
                                       "model.layers.1.w", "model.rotary_emb.inv_freq", NULL};
    static const char *const differs[] = {"model.layers.0.self_attn.rotary_emb.inv_freq|twos",
                                          "model.layers.0.w", "model.layers.1.w",
                                          "model.rotary_emb.inv_freq|half", NULL};
    static const char *const half[] = {"model.layers.0.w", "model.rotary_emb.inv_freq|half", NULL};
    static const char *const other_half[] = {"model.layers.0.w", "model.rotary_emb.inv_freq|other half",
                                             NULL};
    static const char inner[] = "model.layers.0.self_attn.rotary_emb.inv_freq";
    struct pair pair = open_pair("{}", without, with);
    struct plan *plan = planned(&pair, &one);
    assert_int_equal(plan->entries_n, 2);
    assert_int_equal(plan->dropped_n, 2);
    assert_true(!dropped(plan, inner)->in_base && dropped(plan, inner)->in_tuned);
    assert_string_equal(dropped(plan, inner)->why, "a table that programs compute; only tuned has it");
    plan_free(plan);
    close_pair(&pair);
    pair = open_pair("{}", with, without);
    plan = planned(&pair, &one);
    assert_string_equal(dropped(plan, "model.rotary_emb.inv_freq")->why,
                        "a table that programs compute; only base has it");
    plan_free(plan);
    close_pair(&pair);
    pair = open_pair("{}", with, with); /* equal: copied, in the group of its layer */
    plan = planned(&pair, &one);
    assert_int_equal(plan->entries_n, 4);
    assert_int_equal(plan->dropped_n, 0);
    assert_int_equal(entry(plan, inner)->kind, TENSOR_BUFFER);
    assert_int_equal(entry(plan, inner)->group, 0);
    plan_free(plan);
    close_pair(&pair);
    pair = open_pair("{}", with, differs); /* never averaged, whether values or dtype differ */
    plan = planned(&pair, &one);
    assert_int_equal(plan->entries_n, 2);
    assert_true(dropped(plan, inner)->in_base && dropped(plan, inner)->in_tuned);
    assert_non_null(strstr(dropped(plan, "model.rotary_emb.inv_freq")->why, "different ones"));
    plan_free(plan);
    close_pair(&pair);
    pair = open_pair("{}", half, other_half); /* the same bytes are not the same numbers */
    plan = planned(&pair, &one);
    assert_true(dropped(plan, "model.rotary_emb.inv_freq")->in_base);
    plan_free(plan);
    close_pair(&pair);
}

static void check_tied(const char *config, const char *const *base, const char *const *tuned,
                       size_t dropped_n)
{
    struct search_spec spec = {.grouping = GROUPING_COUNT, .groups_n = 2, .ends = ENDS_FOLLOW};
    struct pair pair = open_pair(config, base, tuned);
    struct plan *plan = planned(&pair, &spec);
    assert_int_equal(plan->dropped_n, dropped_n);
    assert_int_equal(entry(plan, "model.embed_tokens.weight")->group, 0);
    assert_null(dropped_n ? plan_find(plan, "lm_head.weight") : NULL);
    if (dropped_n)
        assert_string_equal(dropped(plan, "lm_head.weight")->why,
                            "a copy of the embeddings, which are the head too");
    plan_free(plan);
    close_pair(&pair);
}

static void test_tied(void **state)
{
    (void)state;
    static const char *const none[] = {"model.embed_tokens.weight", "model.layers.0.w", "model.layers.1.w",
                                       NULL};
    static const char *const copy[] = {"lm_head.weight", "model.embed_tokens.weight", "model.layers.0.w",
                                       "model.layers.1.w", NULL};
    static const char *const own[] = {"lm_head.weight|twos", "model.embed_tokens.weight", "model.layers.0.w",
                                      "model.layers.1.w", NULL};
    static const char *const only_head[] = {"lm_head.weight", "model.layers.0.w", "model.layers.1.w", NULL};
    static const char *const sides[][2] = {{"base", "models.base"}, {"tuned", "models.tuned"}};
    check_tied(TIED, none, none, 0);
    check_tied(TIED, copy, copy, 1);
    check_tied(TIED, none, copy, 1);
    check_tied(TIED, copy, none, 1);
    check_tied("{\"model_type\":\"gemma2\"}", none, copy, 1);
    check_tied(UNTIED, copy, copy, 0);
    for (int tuned = 0; tuned < 2; tuned++) {
        char says[200];
        struct pair pair = open_pair(TIED, tuned ? copy : own, tuned ? own : copy);
        snprintf(says, sizeof says,
                 "config.json of %s ties the head to the embeddings, but \"lm_head.weight\" differs from "
                 "\"model.embed_tokens.weight\"",
                 sides[tuned][1]);
        refused(&pair, &one, says);
        close_pair(&pair);
    }
    struct pair pair = open_pair(UNTIED, none, copy);
    refused(&pair, &one, "\"lm_head.weight\" is in models.tuned but not in models.base");
    close_pair(&pair);
    pair = pair_of(TIED, copy, UNTIED, copy);
    refused(&pair, &one, "tie_word_embeddings is true in models.base and false in models.tuned");
    close_pair(&pair);
    /* some programs keep the head of the two: then it is the embeddings */
    struct search_spec spec = {.grouping = GROUPING_COUNT, .groups_n = 2, .ends = ENDS_FOLLOW};
    pair = open_pair(TIED, only_head, only_head);
    struct plan *plan = planned(&pair, &spec);
    assert_int_equal(entry(plan, "lm_head.weight")->group, 0);
    assert_int_equal(entry(plan, "lm_head.weight")->place, PLACE_BEFORE);
    assert_int_equal(entry(plan, "lm_head.weight")->kind, TENSOR_EMBEDDING);
    plan_free(plan);
    close_pair(&pair);
}

static void test_vocabulary(void **state)
{
    (void)state;
    static const char *const three[] = {"model.embed_tokens.weight|rows", "model.layers.0.w", NULL};
    static const char *const four[] = {"model.embed_tokens.weight|more", "model.layers.0.w", NULL};
    static const char *const wpe3[] = {"wpe.weight|rows", "h.0.w", NULL};
    static const char *const wpe4[] = {"wpe.weight|more", "h.0.w", NULL};
    static const char *const head3[] = {"lm_head.weight|rows", "model.layers.0.w", NULL};
    static const char *const head4[] = {"lm_head.weight|more", "model.layers.0.w", NULL};
    struct pair pair = open_pair("{}", three, four);
    refused(
        &pair, &one,
        "the vocabularies differ: \"model.embed_tokens.weight\" has 3 rows in models.base and 4 in "
        "models.tuned; "
        "resize that of models.base to 4 (resize_token_embeddings in transformers) and save it under another "
        "name with the tokenizer of models.tuned");
    close_pair(&pair);
    pair = open_pair("{}", four, three);
    refused(&pair, &one, "has 4 rows in models.base and 3 in models.tuned; resize that of models.tuned to 4");
    close_pair(&pair);
    pair = open_pair("{}", head3, head4);
    refused(&pair, &one, "the vocabularies differ: \"lm_head.weight\"");
    close_pair(&pair);
    pair = open_pair("{}", wpe3, wpe4); /* positions are no vocabulary */
    refused(&pair, &one,
            "\"wpe.weight\" is F32 [3,2] in models.base and F32 [4,2] in models.tuned; the shapes");
    close_pair(&pair);
}

static void test_trunks(void **state)
{
    (void)state;
    static const char *const bare[] = {"h.0.w", "wte.weight", NULL};
    static const char *const full[] = {"transformer.h.0.w", "transformer.wte.weight", NULL};
    struct pair pair = open_pair("{}", bare, full);
    refused(
        &pair, &one,
        "tensor \"h.0.w\" of models.base is called \"transformer.h.0.w\" in models.tuned; load both with one "
        "version of transformers");
    close_pair(&pair);
    pair = open_pair("{}", full, bare);
    refused(&pair, &one, "tensor \"h.0.w\" of models.tuned is called \"transformer.h.0.w\" in models.base");
    close_pair(&pair);
}

static void test_others(void **state)
{
    (void)state;
    static const char *const ids[] = {"ids|ids", "layers.0.w", NULL};
    static const char *const other[] = {"ids|other ids", "layers.0.w", NULL};
    struct search_spec spec = one;
    struct pair same = open_pair("{}", ids, ids), differs = open_pair("{}", ids, other);
    plan_free(planned(&same, &spec));
    refused(&differs, &spec, "\"ids\" of dtype I64 differs between models.base and models.tuned");
    spec.others = OTHERS_BASE;
    plan_free(planned(&differs, &spec));
    spec.others = OTHERS_TUNED;
    plan_free(planned(&differs, &spec));
    spec.others = OTHERS_REFUSE;
    refused(&differs, &spec, "output.others: tensor \"ids\" is I64, no floating-point number");
    refused(&same, &spec, "output.others: tensor \"ids\" is I64");
    close_pair(&same);
    close_pair(&differs);
    static const char *const mask[] = {"h.0.attn.bias|mask", "h.0.w", NULL}; /* a table is no weight */
    same = open_pair("{}", mask, mask);
    plan_free(planned(&same, &spec));
    close_pair(&same);
}

static void test_nothing_in_common(void **state)
{
    (void)state;
    static const char *const table[] = {"rotary_emb.inv_freq", NULL};
    static const char *const other[] = {"rotary_emb.inv_freq|twos", NULL};
    struct pair pair = open_pair("{}", table, other);
    refused(&pair, &one, "models.base and models.tuned have no tensor in common");
    close_pair(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_buffers),    cmocka_unit_test(test_tied),
        cmocka_unit_test(test_vocabulary), cmocka_unit_test(test_trunks),
        cmocka_unit_test(test_others),     cmocka_unit_test(test_nothing_in_common),
    };
    return cmocka_run_group_tests_name("plan_pair", tests, NULL, NULL);
}
