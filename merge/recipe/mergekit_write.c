#include "merge/recipe/mergekit_write.h"

#include "merge/floats.h"
#include "merge/recipe/yaml.h"
#include "proto/mem.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* A tensor as mergekit sees it. */
struct item {
    const char *name;
    const char *suffix; /* what follows the layer index; NULL outside the layers */
    int layer;          /* -1: in the first slice; layers_n: in the last */
    double ratio;
    uint64_t elements;
    bool covered; /* by a filter chosen, or by the default */
};

struct filter {
    char *part;
    double ratio;
};

struct slice {
    int first, last; /* layers, inclusive */
    double otherwise;
    struct filter *filters;
    size_t filters_n;
};

struct recipe {
    const struct plan *plan;
    struct item *items; /* [items_n], by layer, then in the order of the plan */
    size_t items_n;
    struct slice *slices;
    size_t slices_n;
};

/* --- tensors by layer --- */

static bool is_index(const char *at, size_t n, int layer)
{
    for (size_t i = 0; i < n; i++)
        if (!isdigit((unsigned char)at[i]))
            return false;
    return n > 0 && n < 10 && atoi(at) == layer;
}

/* What follows the layer index in a name; NULL when it is no component of its own. */
static const char *suffix_of(const char *name, int layer)
{
    for (const char *at = name;;) {
        size_t n = strcspn(at, ".");
        if (!at[n])
            return NULL;
        if (is_index(at, n, layer))
            return at + n + 1;
        at += n + 1;
    }
}

static size_t prefix_length(const struct item *item)
{
    size_t n = (size_t)(item->suffix - item->name) - 1;
    while (n && item->name[n - 1] != '.')
        n--;
    return n;
}

static int by_layer(const void *a, const void *b)
{
    const struct item *x = a, *y = b;
    return x->layer != y->layer ? (x->layer < y->layer ? -1 : 1) : strcmp(x->name, y->name);
}

/* A second copy of a tied head is before the layers for us and after them for mergekit. */
static int mergekit_layer(const struct plan *plan, const struct plan_entry *entry)
{
    if (entry->place == PLACE_LAYER)
        return entry->layer;
    return entry->place == PLACE_BEFORE && strcmp(entry->tensor, "lm_head.weight") != 0 ? -1 : plan->layers_n;
}

static int check_stacks(const struct recipe *recipe, struct err *err)
{
    const struct item *first = NULL;
    for (size_t i = 0; i < recipe->items_n; i++) {
        const struct item *item = &recipe->items[i];
        if (!item->suffix)
            continue;
        if (!first)
            first = item;
        size_t n = prefix_length(first);
        if (prefix_length(item) != n || memcmp(first->name, item->name, n) != 0)
            return err_set(
                err, ERR_UNSUPPORTED,
                "tensors \"%.150s\" and \"%.150s\" are in two stacks of layers; slices of mergekit know one: "
                "export the weights themselves",
                first->name, item->name);
    }
    return 0;
}

static int list_items(struct recipe *recipe, const double *ratios, struct err *err)
{
    const struct plan *plan = recipe->plan;
    recipe->items = mem_zero(plan->entries_n, sizeof *recipe->items);
    for (size_t i = 0; i < plan->entries_n; i++) {
        const struct plan_entry *entry = &plan->entries[i];
        struct item *item = &recipe->items[recipe->items_n++];
        *item = (struct item){.name = entry->tensor,
                              .layer = mergekit_layer(plan, entry),
                              .ratio = plan_ratio(plan, entry, ratios),
                              .elements = entry->elements};
        if (entry->place != PLACE_LAYER)
            continue;
        item->suffix = suffix_of(entry->tensor, entry->layer);
        if (!item->suffix)
            return err_set(err, ERR_UNSUPPORTED,
                           "tensor \"%.200s\": mergekit finds no layer index in this name; export the "
                           "weights themselves",
                           entry->tensor);
    }
    qsort(recipe->items, recipe->items_n, sizeof *recipe->items, by_layer);
    return check_stacks(recipe, err);
}

/* The items of one layer: *n of them from the result on. */
static struct item *layer_items(const struct recipe *recipe, int layer, size_t *n)
{
    size_t first = 0;
    while (first < recipe->items_n && recipe->items[first].layer < layer)
        first++;
    size_t end = first;
    while (end < recipe->items_n && recipe->items[end].layer == layer)
        end++;
    *n = end - first;
    return recipe->items + first;
}

/* --- slices --- */

static bool is_uniform(const struct item *items, size_t n, double ratio)
{
    for (size_t i = 0; i < n; i++)
        if (items[i].ratio != ratio)
            return false;
    return true;
}

static bool is_same_layer(const struct item *a, size_t a_n, const struct item *b, size_t b_n)
{
    if (a_n && b_n && is_uniform(a, a_n, a->ratio) && is_uniform(b, b_n, a->ratio))
        return true;
    bool same = a_n == b_n;
    for (size_t i = 0; same && i < a_n; i++)
        same = a[i].ratio == b[i].ratio && strcmp(a[i].suffix, b[i].suffix) == 0;
    return same;
}

static void make_slices(struct recipe *recipe)
{
    recipe->slices = mem_zero((size_t)recipe->plan->layers_n, sizeof *recipe->slices);
    for (int layer = 0; layer < recipe->plan->layers_n; layer++) {
        size_t n, before_n;
        const struct item *items = layer_items(recipe, layer, &n),
                          *before = layer ? layer_items(recipe, layer - 1, &before_n) : NULL;
        if (before && is_same_layer(before, before_n, items, n))
            recipe->slices[recipe->slices_n - 1].last = layer;
        else
            recipe->slices[recipe->slices_n++] = (struct slice){.first = layer, .last = layer};
    }
}

/* --- filters: a tensor gets the value of the first one whose text is part of its name --- */

struct choice {
    char part[256];
    size_t covers;
    double ratio;
};

/* The tensors that must be told apart within a slice: of its first layer, for the others repeat it, and the ends. */
struct view {
    struct item **items;
    size_t n;
};

static void add_layer(struct view *view, const struct recipe *recipe, int layer)
{
    size_t n;
    struct item *items = layer_items(recipe, layer, &n);
    for (size_t i = 0; i < n; i++)
        view->items[view->n++] = &items[i];
}

static struct view view_of(const struct recipe *recipe, const struct slice *slice)
{
    struct view view = {.items = mem_zero(recipe->items_n, sizeof *view.items)};
    if (slice->first == 0)
        add_layer(&view, recipe, -1);
    add_layer(&view, recipe, slice->first);
    if (slice->last == recipe->plan->layers_n - 1)
        add_layer(&view, recipe, recipe->plan->layers_n);
    return view;
}

/* The ratio that most of their weights have; the least of several. */
static double most_common(const struct view *view)
{
    double best = 0;
    uint64_t best_n = 0;
    for (size_t i = 0; i < view->n; i++) {
        uint64_t n = 0;
        for (size_t k = 0; k < view->n; k++)
            n += view->items[k]->ratio == view->items[i]->ratio ? view->items[k]->elements + 1 : 0;
        if (n > best_n || (n == best_n && view->items[i]->ratio < best)) {
            best = view->items[i]->ratio;
            best_n = n;
        }
    }
    return best;
}

/* Takes `part` as the choice when all names that hold it have one ratio and it covers more than the choice so far. */
static void consider(const struct view *view, const char *part, size_t n, double ratio, struct choice *choice)
{
    char text[sizeof choice->part];
    size_t covers = 0;
    if (n >= sizeof text)
        return;
    memcpy(text, part, n);
    text[n] = 0;
    for (size_t i = 0; i < view->n; i++) {
        if (!strstr(view->items[i]->name, text))
            continue;
        if (view->items[i]->ratio != ratio)
            return;
        covers += !view->items[i]->covered;
    }
    if (covers < choice->covers || (covers == choice->covers && n >= strlen(choice->part)))
        return;
    *choice = (struct choice){.covers = covers, .ratio = ratio};
    memcpy(choice->part, text, n + 1);
}

static bool is_number(const char *at, size_t n)
{
    return n > 0 && strspn(at, "0123456789") >= n;
}

/* Every run of components of what does not change from layer to layer; none that begins or ends with a number, which
 * other names could hold by chance. */
static void consider_parts(const struct view *view, const struct item *item, struct choice *choice)
{
    const char *whole = item->suffix ? item->suffix : item->name;
    for (const char *from = whole;; from += strcspn(from, ".") + 1) {
        size_t first_n = strcspn(from, ".");
        for (const char *to = from; !is_number(from, first_n);) {
            size_t n = strcspn(to, ".");
            if (!is_number(to, n))
                consider(view, from, (size_t)(to + n - from), item->ratio, choice);
            if (!to[n])
                break;
            to += n + 1;
        }
        if (!from[first_n])
            return;
    }
}

static void add_filter(struct slice *slice, const struct choice *choice)
{
    slice->filters = mem_grow(slice->filters, slice->filters_n + 1, sizeof *slice->filters);
    slice->filters[slice->filters_n++] = (struct filter){mem_strdup(choice->part), choice->ratio};
}

/* Greedily, the text that tells most tensors apart first. */
static int choose_filters(const struct view *view, struct slice *slice, struct err *err)
{
    for (;;) {
        struct choice best = {0};
        const struct item *left = NULL;
        for (size_t i = 0; i < view->n; i++) {
            if (view->items[i]->covered)
                continue;
            left = left ? left : view->items[i];
            consider_parts(view, view->items[i], &best);
        }
        if (!left)
            return 0;
        if (!best.covers)
            return err_set(err, ERR_UNSUPPORTED,
                           "tensor \"%.200s\" has another ratio than those whose names hold its name, which "
                           "no filter of "
                           "mergekit can say; export the weights themselves",
                           left->name);
        add_filter(slice, &best);
        for (size_t i = 0; i < view->n; i++)
            if (strstr(view->items[i]->name, best.part))
                view->items[i]->covered = true;
    }
}

static int fill_slice(const struct recipe *recipe, struct slice *slice, struct err *err)
{
    struct view view = view_of(recipe, slice);
    slice->otherwise = most_common(&view);
    for (size_t i = 0; i < view.n; i++)
        view.items[i]->covered = view.items[i]->ratio == slice->otherwise;
    int rc = choose_filters(&view, slice, err);
    mem_free(view.items);
    return rc;
}

/* What mergekit would give every tensor, held against what it must get. */
static int check(const struct recipe *recipe, struct err *err)
{
    for (size_t i = 0, s = 0; i < recipe->items_n; i++) {
        const struct item *item = &recipe->items[i];
        while (item->layer > recipe->slices[s].last && s + 1 < recipe->slices_n)
            s++;
        const struct slice *slice = &recipe->slices[s];
        double ratio = slice->otherwise;
        for (size_t f = 0; f < slice->filters_n; f++)
            if (strcmp(slice->filters[f].part, "*") == 0 || strstr(item->name, slice->filters[f].part)) {
                ratio = slice->filters[f].ratio;
                break;
            }
        if (ratio != item->ratio)
            return err_set(
                err, ERR_UNSUPPORTED,
                "tensor \"%.200s\": no filters of mergekit give it its ratio; export the weights themselves",
                item->name);
    }
    return 0;
}

/* --- text --- */

static void put_number(struct buf *out, double x)
{
    struct json_out json;
    json_begin(&json, out);
    json_double(&json, x);
}

/* "+" and "@" would begin the name of an adapter or a revision. */
static void put_model(struct buf *out, const char *path)
{
    bool plain = !strpbrk(path, "+@");
    buf_text(out, plain ? "" : "{model: {path: ");
    yml_quote(out, path);
    buf_text(out, plain ? "\n" : "}}\n");
}

static void put_source(struct buf *out, const char *path, const struct slice *slice, bool is_tuned)
{
    buf_text(out, "      - model: ");
    put_model(out, path);
    buf_printf(out, "        layer_range: [%d, %d]\n        parameters:\n          weight:", slice->first,
               slice->last + 1);
    for (size_t i = 0; i < slice->filters_n; i++) {
        buf_text(out, "\n            - filter: ");
        yml_quote(out, slice->filters[i].part);
        buf_text(out, "\n              value: ");
        put_number(out, is_tuned ? slice->filters[i].ratio : 1 - slice->filters[i].ratio);
    }
    buf_text(out, slice->filters_n ? "\n            - value: " : " ");
    put_number(out, is_tuned ? slice->otherwise : 1 - slice->otherwise);
    buf_text(out, "\n");
}

/* mergekit has one dtype for everything: that of most weights. *others: tensors that we write in another. */
static enum st_dtype out_dtype(const struct plan *plan, const struct merge_how *how, size_t *others)
{
    uint64_t elements[ST_DTYPES_N] = {0};
    enum st_dtype best = ST_F32;
    for (size_t i = 0; i < plan->entries_n; i++)
        elements[merge_dtype(how, plan->entries[i].dtype)] += plan->entries[i].elements;
    static const enum st_dtype known[] = {ST_F32, ST_BF16, ST_F16};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (elements[known[i]] > elements[best])
            best = known[i];
    *others = 0;
    for (size_t i = 0; i < plan->entries_n; i++)
        *others += plan->entries[i].kind != TENSOR_BUFFER && merge_dtype(how, plan->entries[i].dtype) != best;
    return best;
}

static void put_head(const struct recipe *recipe, const struct merge_how *how, const char *tuned,
                     const char *title, struct buf *out)
{
    size_t others;
    enum st_dtype dtype = out_dtype(recipe->plan, how, &others);
    buf_text(out, MERGEKIT_FIRST_LINE "\n");
    if (title) {
        buf_text(out, "# ");
        for (const unsigned char *c = (const unsigned char *)title; *c;
             c++) /* a comment is one line of ASCII */
            buf_printf(out, "%c", *c < 0x20 || *c > 0x7e ? '?' : *c);
        buf_text(out, "\n");
    }
    if (how->rounding == ROUND_STOCHASTIC)
        buf_printf(out,
                   "# Not the same: the trial was rounded stochastically (seed %" PRIu64
                   "), mergekit rounds to the nearest.\n",
                   how->seed);
    if (others)
        buf_printf(
            out,
            "# Not the same: %zu tensors are written in another dtype than %s; mergekit writes all in one.\n",
            others, st_dtype_name(dtype));
    buf_printf(out,
               "merge_method: linear\ndtype: float32\nout_dtype: %s\n"
               "# where mergekit takes config.json and the tokenizer from\nbase_model: ",
               dtype == ST_F32    ? "float32"
               : dtype == ST_BF16 ? "bfloat16"
                                  : "float16");
    put_model(out, tuned);
}

static void recipe_fini(struct recipe *recipe)
{
    for (size_t s = 0; s < recipe->slices_n; s++) {
        for (size_t f = 0; f < recipe->slices[s].filters_n; f++)
            mem_free(recipe->slices[s].filters[f].part);
        mem_free(recipe->slices[s].filters);
    }
    mem_free(recipe->slices);
    mem_free(recipe->items);
}

int mergekit_write(const struct plan *plan, const double *ratios, const char *base, const char *tuned,
                   const struct merge_how *how, const char *title, struct buf *out, struct err *err)
{
    static const struct merge_how plainly = {0};
    struct recipe recipe = {.plan = plan};
    int rc = list_items(&recipe, ratios, err);
    if (!rc)
        make_slices(&recipe);
    for (size_t s = 0; !rc && s < recipe.slices_n; s++)
        rc = fill_slice(&recipe, &recipe.slices[s], err);
    if (!rc)
        rc = check(&recipe, err);
    if (!rc) {
        put_head(&recipe, how ? how : &plainly, tuned, title, out);
        buf_text(out, "slices:\n");
    }
    for (size_t s = 0; !rc && s < recipe.slices_n; s++) {
        buf_text(out, "  - sources:\n");
        put_source(out, base, &recipe.slices[s], false);
        put_source(out, tuned, &recipe.slices[s], true);
    }
    recipe_fini(&recipe);
    return rc;
}
