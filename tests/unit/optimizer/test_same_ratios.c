/* Searches are replayed after an upgrade: what was proposed once must be proposed again, bit for bit. The golden file
 * has a hash of all ratios of whole searches as they were before groups could have ranges of their own, and the first
 * ratios of each in full. With PRINT_GOLDEN=1 in the environment this program prints the file. */
#include "fake_search.h"
#include "golden.h"

#include <stdio.h>
#include <stdlib.h>

static const struct {
    enum opt_kind kind;
    const char *algorithm;
    int k, m, trials;
    double lower, upper;
    bool fails; /* some of the trials do */
} cases[] = {
    {OPT_SWEEP, "", 3, 2, 17, 0, 1, false},
    {OPT_SWEEP, "", 2, 2, 12, -0.5, 1.25, false},
    {OPT_SOBOL, "", 5, 2, 40, 0, 1, false},
    {OPT_SOBOL, "", 3, 1, 40, -0.3, 1.4, false},
    {OPT_HMA, "LN_COBYLA", 2, 2, 40, 0, 1, false},
    {OPT_HMA, "LN_COBYLA", 3, 2, 120, 0, 1, false},
    {OPT_HMA, "LN_COBYLA", 8, 2, 120, -0.2, 1.1, true},
    {OPT_HMA, "LN_COBYLA", 26, 2, 160, 0, 1, false},
    {OPT_HMA, "LN_BOBYQA", 4, 2, 90, 0, 1, false},
    {OPT_HMA, "LN_SBPLX", 5, 2, 90, 0, 1, true},
    {OPT_HMA, "LN_NELDERMEAD", 3, 1, 90, 0, 1, false},
    {OPT_HMA, "GN_CRS2_LM", 4, 2, 90, 0, 1, false},
    {OPT_HMA, "GN_DIRECT_L", 3, 2, 90, 0, 1, false},
    {OPT_HMA, "LD_SLSQP", 3, 2, 90, 0, 1, false},
    {OPT_SCALARIZE, "LN_COBYLA", 1, 2, 40, 0, 1, false},
    {OPT_SCALARIZE, "LN_COBYLA", 3, 2, 120, 0, 1, true},
    {OPT_SCALARIZE, "LN_COBYLA", 8, 3, 120, -0.2, 1.1, false},
    {OPT_SCALARIZE, "LN_BOBYQA", 4, 2, 90, 0, 1, false},
    {OPT_SCALARIZE, "LN_SBPLX", 5, 2, 90, 0, 1, false},
    {OPT_SCALARIZE, "LN_NELDERMEAD", 3, 1, 90, 0, 1, false},
    {OPT_SCALARIZE, "GN_CRS2_LM", 4, 2, 90, 0, 1, true},
    {OPT_SCALARIZE, "GN_ORIG_DIRECT", 3, 2, 90, 0, 1, false},
    {OPT_SCALARIZE, "LD_MMA", 3, 2, 90, 0, 1, false},
    {OPT_SCALARIZE, "GN_MLSL", 3, 2, 90, 0, 1, false},
};
#define CASES_N (sizeof cases / sizeof cases[0])

static bool bowl_with_holes(const double *ratios, int k, double *scores, int m)
{
    fake_bowl(ratios, k, scores, m);
    return !(ratios[0] > 0.6 && ratios[k - 1] < 0.7);
}

static struct opt_problem problem_of(size_t i)
{
    struct opt_problem p = fake_problem(cases[i].kind, cases[i].k, cases[i].m, cases[i].trials);
    snprintf(p.algorithm, sizeof p.algorithm, "%s", cases[i].algorithm);
    fake_range(&p, cases[i].lower, cases[i].upper);
    p.seed = i + 1;
    return p;
}

/* FNV-1a over the bits of the ratios, the least significant byte first. */
static uint64_t hash_ratios(const double *ratios, size_t n)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < n; i++) {
        uint64_t bits;
        memcpy(&bits, &ratios[i], sizeof bits);
        for (int b = 0; b < 8; b++)
            h = (h ^ ((bits >> (8 * b)) & 0xff)) * 0x100000001b3u;
    }
    return h;
}

/* The last two trials of the search, which rest on all others. */
#define SHOWN 2

static void print_case(size_t i, const struct fake_search *f, const char *hash)
{
    printf("%s{\"hash\":\"%s\",\"last\":[", i ? ",\n " : "[", hash);
    int k = f->problem.k, first = (f->plan.trials - SHOWN) * k;
    for (int j = 0; j < SHOWN * k; j++)
        printf("%s%.17g", j ? "," : "", f->ratios[first + j]);
    printf("]}%s", i + 1 == CASES_N ? "]\n" : "");
}

static void check_case(size_t i, const struct fake_search *f, const char *hash, const struct json *golden)
{
    double last[SHOWN * OPT_K_MAX];
    int k = f->problem.k, first = (f->plan.trials - SHOWN) * k;
    int n = golden_numbers(json_get(golden, "last"), last, SHOWN * OPT_K_MAX);
    assert_int_equal(n, SHOWN * k);
    for (int j = 0; j < n; j++)
        if (f->ratios[first + j] != last[j])
            fail_msg("case %zu (%s): ratio %d of the last trials is %.17g, not %.17g", i, cases[i].algorithm,
                     j, f->ratios[first + j], last[j]);
    if (strcmp(hash, json_string_or(json_get(golden, "hash"), "")) != 0)
        fail_msg("case %zu (%s): the hash of all ratios is %s", i, cases[i].algorithm, hash);
}

static void test_plain_searches_propose_what_they_always_did(void **state)
{
    (void)state;
    bool print = getenv("PRINT_GOLDEN") != NULL;
    struct json *golden = print ? NULL : golden_read("same_ratios");
    const struct json *item = print ? NULL : json_first(golden);
    for (size_t i = 0; i < CASES_N; i++) {
        struct opt_problem p = problem_of(i);
        struct fake_search f;
        fake_init(&f, &p);
        fake_run(&f, cases[i].fails ? bowl_with_holes : fake_bowl);
        char hash[17];
        snprintf(hash, sizeof hash, "%016llx",
                 (unsigned long long)hash_ratios(f.ratios, (size_t)p.trials * (size_t)p.k));
        if (print)
            print_case(i, &f, hash);
        else
            check_case(i, &f, hash, item);
        item = print ? NULL : json_next(item);
        fake_fini(&f);
    }
    json_free(golden);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_searches_propose_what_they_always_did),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
