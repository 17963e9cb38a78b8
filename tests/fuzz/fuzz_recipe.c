/* A mergekit recipe: the YAML door, then recipe and plan against a small pair. The same bytes as a text are quoted and
 * read back. */
#include "tests/fuzz/fuzz.h"

#include "merge/recipe/recipe.h"
#include "merge/recipe/yaml.h"
#include "proto/json_scan.h"

static struct checkpoint *make(const char *name, float value)
{
    static const char *const names[] = {"model.embed_tokens.weight",
                                        "model.layers.0.self_attn.q_proj.weight",
                                        "model.layers.0.mlp.up_proj.weight",
                                        "model.layers.1.self_attn.q_proj.weight",
                                        "model.layers.1.mlp.up_proj.weight",
                                        "model.norm.weight",
                                        "lm_head.weight"};
    enum { N = sizeof names / sizeof *names };
    struct st_tensor list[N];
    struct err err = {0};
    struct checkpoint *ckpt = NULL;
    char *directory = fuzz_path(name), *weights = mem_printf("%s/model.safetensors", directory);
    char *config = mem_printf("%s/config.json", directory);
    for (size_t i = 0; i < N; i++)
        list[i] = (struct st_tensor){.name = names[i],
                                     .dtype = ST_F32,
                                     .rank = 1,
                                     .shape = {1},
                                     .elements = 1,
                                     .data = &value,
                                     .bytes = 4};
    mkdir(directory, 0777);
    fuzz_write(config, "{\"model_type\":\"llama\",\"num_hidden_layers\":2}", 44);
    MUST(st_write(weights, list, N, &err) == 0 && checkpoint_open(directory, &ckpt, &err) == 0);
    mem_free(directory);
    mem_free(weights);
    mem_free(config);
    return ckpt;
}

/* Every number of a plan from a recipe is finite, and every tensor has one of them. */
static void look(const struct plan *plan, const double *ratios)
{
    MUST(plan->entries_n == 7 && plan->ratios_n > 0);
    for (int i = 0; i < plan->ratios_n; i++)
        MUST(__builtin_isfinite(ratios[i]));
    for (size_t i = 0; i < plan->entries_n; i++)
        MUST(plan->entries[i].group >= PLAN_TUNED && plan->entries[i].group < plan->ratios_n);
}

static void read_recipe(const char *text, size_t size)
{
    static struct checkpoint *base, *tuned;
    if (!base) {
        base = make("base", 1);
        tuned = make("tuned", 2);
    }
    struct err err = {0};
    struct recipe *recipe = NULL;
    struct plan *plan = NULL;
    double *ratios = NULL;
    int rc = recipe_read(text, size, &recipe, &err);
    if (rc) {
        fuzz_refused(rc, &err, recipe);
        return;
    }
    MUST(recipe_base(recipe) && recipe_tuned(recipe));
    recipe_how(recipe);
    for (size_t i = 0; recipe_note(recipe, i); i++)
        MUST(i < 1000);
    rc = recipe_plan(recipe, base, tuned, &plan, &ratios, &err);
    if (rc)
        fuzz_refused(rc, &err, plan);
    else
        look(plan, ratios);
    mem_free(ratios);
    plan_free(plan);
    recipe_free(recipe);
}

/* Any text of whole characters comes back from its quotes as it was. */
static void quote(const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < size;) {
        size_t n = data[i] ? utf8_sequence(data + i, size - i) : 0;
        if (!n)
            return;
        i += n;
    }
    struct buf buf;
    struct err err = {0};
    struct yml *root = NULL;
    char *text = mem_strndup((const char *)data, size);
    buf_init(&buf, YML_BYTES_MAX);
    buf_text(&buf, "a: ");
    yml_quote(&buf, text);
    buf_text(&buf, "\n");
    MUST(yml_parse(buf.data, buf.len, &root, &err) == 0);
    MUST(yml_text(yml_get(root, "a")) && strcmp(yml_text(yml_get(root, "a")), text) == 0);
    yml_free(root);
    buf_fini(&buf);
    mem_free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    read_recipe((const char *)data, size);
    quote(data, size);
    return 0;
}
