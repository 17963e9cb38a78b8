/* plan: kinds, ranges and what is left out. The rest is in test_commands_export.c. */
#include "../merge/pair.h"
#include "fake.h"

static const char *const base_names[] = {"model.embed_tokens.weight",
                                         "model.layers.0.mlp.up_proj.weight",
                                         "model.layers.0.self_attn.q_proj.weight",
                                         "model.layers.1.mlp.up_proj.weight",
                                         "model.layers.1.self_attn.q_proj.weight",
                                         "model.norm.weight",
                                         NULL};
static const char *const tuned_names[] = {"model.embed_tokens.weight",
                                          "model.layers.0.mlp.up_proj.weight",
                                          "model.layers.0.self_attn.q_proj.weight",
                                          "model.layers.0.self_attn.rotary_emb.inv_freq",
                                          "model.layers.1.mlp.up_proj.weight",
                                          "model.layers.1.self_attn.q_proj.weight",
                                          "model.norm.weight",
                                          NULL};

struct setting {
    struct fake fake;
    struct pair pair;
    char *spec, *line;
};

/* groups: the members of "groups" and what follows it. */
static void set_up(struct setting *s, const char *groups)
{
    fake_init(&s->fake);
    s->pair = open_pair(UNTIED, base_names, tuned_names);
    s->spec = mem_printf("{\"models\":{\"base\":\"%s/base\",\"tuned\":\"%s/tuned\"},"
                         "\"objectives\":[{\"metric\":\"x.a\",\"goal\":\"max\"}],"
                         "\"evaluator\":{\"type\":\"command\",\"argv\":[\"ev\"]},\"groups\":%s}",
                         s->pair.directory, s->pair.directory, groups);
    fixture_text(s->pair.directory, "s.json", s->spec);
    s->line = mem_printf("plan %s/s.json", s->pair.directory);
}

static void tear_down(struct setting *s)
{
    fake_fini(&s->fake);
    close_pair(&s->pair);
    mem_free(s->spec);
    mem_free(s->line);
}

static void test_ranges_kinds_and_what_is_left_out(void **state)
{
    (void)state;
    struct setting s;
    set_up(&s,
           "{\"count\":2,\"split\":\"kind\",\"freeze\":{\"layer 0 mlp\":0.25},\"bounds\":{\"layer 1 mlp\":"
           "{\"min\":0.5}},\"tie\":[[\"layer 0 attention\",\"layer 1 attention\"]]},\"ends\":\"paper-code\"");
    assert_int_equal(fake_run(&s.fake, s.line), CLIENT_OK);
    assert_contains(s.fake.out, "layer 0 attention  0             1           2  0 to 1\n");
    assert_contains(s.fake.out, "layer 0 mlp        0             1           2  fixed at 0.25\n");
    assert_contains(s.fake.out, "layer 1 attention  1             1           2  as layer 0 attention\n");
    assert_contains(s.fake.out, "layer 1 mlp        1             1           2  0.5 to 1\n");
    assert_contains(s.fake.out, "base               -             2           4  0\n");
    assert_contains(s.fake.out,
                    "layer 0 mlp        layer   mlp        F32             2  model.layers.0.mlp.up");
    assert_contains(s.fake.out,
                    "base               after   norm       F32             2  model.norm.weight\n");
    assert_contains(s.fake.out,
                    "model.layers.0.self_attn.rotary_emb.inv_freq  a table that programs compute; only "
                    "tuned has it\n");
    tear_down(&s);
}

static void test_unknown_group(void **state)
{
    (void)state;
    struct setting s;
    set_up(&s, "{\"count\":2,\"freeze\":{\"layer 3\":0}}");
    assert_int_equal(fake_run(&s.fake, s.line), CLIENT_REFUSED);
    assert_contains(s.fake.complaints, "groups.freeze: there is no group \"layer 3\"");
    tear_down(&s);
}

/* A plan that was stored before there were kinds, of a search that this version cannot read. */
static void test_old_plan(void **state)
{
    (void)state;
    struct setting s;
    set_up(&s, "{\"count\":2}");
    fake_says(&s.fake, 200,
              "{\"layers\":1,\"ratios\":[\"layer 0\"],\"groups\":[{\"name\":\"layer "
              "0\",\"parameters\":2,\"tensors\":1}],"
              "\"tensors\":[{\"name\":\"h.0.w\",\"group\":\"layer "
              "0\",\"place\":\"layer\",\"layer\":0,\"dtype\":\"F32\","
              "\"parameters\":2}]}");
    fake_says(&s.fake, 200, "{\"id\":3,\"spec\":{\"future\":1}}");
    assert_int_equal(fake_run(&s.fake, "plan 3"), CLIENT_OK);
    assert_contains(s.fake.out, "layer 0  0             1           2\n");
    assert_contains(s.fake.out, "layer 0  layer  -     F32             2  h.0.w\n");
    tear_down(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ranges_kinds_and_what_is_left_out),
        cmocka_unit_test(test_unknown_group),
        cmocka_unit_test(test_old_plan),
    };
    return cmocka_run_group_tests_name("commands_plan", tests, NULL, NULL);
}
