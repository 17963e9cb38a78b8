#include "worker/likelihood.h"

#include "fixtures.h"

#include <math.h>

#define N 40
#define CHOICES 4

/* Prompts and choices of many lengths, one-token choices among them. */
struct asked {
    int32_t ids[N][64];
    struct ids prompts[N], choices[N][CHOICES];
    struct likelihood all[N];
    double sums[N][CHOICES];
};

static void prepare(struct asked *a)
{
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < 64; j++)
            a->ids[i][j] = (i * 67 + j * 31) % 500;
        a->prompts[i] = (struct ids){a->ids[i], 5 + i % 17};
        for (int c = 0; c < CHOICES; c++)
            a->choices[i][c] = (struct ids){a->ids[i] + 25 + 7 * c, 1 + (i + c) % 6};
        a->all[i] = (struct likelihood){&a->prompts[i], a->choices[i], CHOICES, a->sums[i]};
    }
}

/* log p(continuation | prompt) from the logits of the whole sequence, in double. */
static double by_hand(struct forward *f, const struct ids *prompt, const struct ids *choice)
{
    int32_t ids[64];
    double sum = 0;
    struct err err = {0};
    int columns = forward_columns(f), n = prompt->n + choice->n;
    memcpy(ids, prompt->id, (size_t)prompt->n * sizeof *ids);
    memcpy(ids + prompt->n, choice->id, (size_t)choice->n * sizeof *ids);
    check(forward_run(f, &(struct segment){.n = n, .ids = ids}, 1, NULL, &err), &err);
    float *logits = mem_zero((size_t)columns, sizeof *logits);
    for (int row = prompt->n - 1; row < n - 1; row++) {
        double total = 0;
        forward_logits(f, &row, 1, logits);
        for (int t = 0; t < columns; t++)
            total += exp((double)logits[t]);
        sum += logits[ids[row + 1]] - log(total);
    }
    mem_free(logits);
    return sum;
}

static void test_sums_are_those_of_whole_sequences(void **state)
{
    (void)state;
    static struct asked a;
    struct model *model = open_model("base", HEAD_LANGUAGE);
    struct forward *f;
    struct err err = {0};
    prepare(&a);
    forward_open(model, kernel_best(), 128, 16, 64, &f);
    check(likelihood_run(f, a.all, N, NULL, &err), &err);
    for (int i = 0; i < N; i++) {
        for (int c = 0; c < CHOICES; c++)
            assert_true(fabs(a.sums[i][c] - by_hand(f, &a.prompts[i], &a.choices[i][c])) < 1e-5);
    }
    forward_close(f);
    model_close(model);
}

/* The same bits with other items in the batch, and with each choice asked alone. */
static void test_same_bits_in_any_batch(void **state)
{
    (void)state;
    static struct asked a, b;
    struct model *model = open_model("base", HEAD_LANGUAGE);
    struct forward *many, *one;
    struct err err = {0};
    prepare(&a);
    prepare(&b);
    forward_open(model, kernel_best(), 200, 32, 64, &many);
    forward_open(model, kernel_best(), 50, 1, 64, &one);
    check(likelihood_run(many, a.all, N, NULL, &err), &err);
    for (int i = 0; i < N; i++) {
        for (int c = 0; c < CHOICES; c++) {
            struct likelihood alone = {&b.prompts[i], &b.choices[i][c], 1, &b.sums[i][c]};
            check(likelihood_run(one, &alone, 1, NULL, &err), &err);
        }
    }
    assert_memory_equal(a.sums, b.sums, sizeof a.sums);
    forward_close(many);
    forward_close(one);
    model_close(model);
}

static void test_scores_of_sequences(void **state)
{
    (void)state;
    static struct asked a;
    struct model *model = open_model("reward", HEAD_SCORE);
    struct forward *f;
    struct err err = {0};
    double together[N], alone;
    prepare(&a);
    forward_open(model, kernel_best(), 64, 8, 64, &f);
    check(sequence_scores(f, a.prompts, N, together, NULL, &err), &err);
    for (int i = 0; i < N; i++) {
        check(sequence_scores(f, &a.prompts[i], 1, &alone, NULL, &err), &err);
        assert_true(alone == together[i]);
    }
    forward_close(f);
    model_close(model);
}

/* Padding at the end does not change which token is read. */
static void test_pads_are_not_pooled(void **state)
{
    (void)state;
    struct model *model = open_model("reward", HEAD_SCORE);
    struct forward *f;
    struct err err = {0};
    assert_true(model->config.pad_id >= 0);
    int32_t ids[] = {1, 105, 28, 2, model->config.pad_id, model->config.pad_id};
    struct ids both[] = {{ids, 4}, {ids, 6}};
    double scores[2];
    forward_open(model, kernel_best(), 64, 8, 64, &f);
    check(sequence_scores(f, both, 2, scores, NULL, &err), &err);
    assert_true(scores[0] == scores[1]);
    forward_close(f);
    model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sums_are_those_of_whole_sequences),
        cmocka_unit_test(test_same_bits_in_any_batch),
        cmocka_unit_test(test_scores_of_sequences),
        cmocka_unit_test(test_pads_are_not_pooled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
