#include "optimizer/algorithm.h"

#include "optimizer/nlopt_replay.h"

#include <string.h>
#include <strings.h>

#define ABSENT "is not compiled into the NLopt that distributions ship; use LN_COBYLA or GN_DIRECT_L"
#define STRANGE "is not known to this version of paretod; use LN_COBYLA"

/* In NLopt's order. `local`: LN_COBYLA because it works in any number of coordinates and makes no smooth
 * model through kinks; LD_LBFGS where gradients were asked for. */
static const struct {
    struct algorithm is;
    const char *why_not;
} table[] = {
    {{"GN_DIRECT", NULL, false, false, 1}, NULL},
    {{"GN_DIRECT_L", NULL, false, false, 1}, NULL},
    {{"GN_DIRECT_L_RAND", NULL, false, false, 1}, NULL},
    {{"GN_DIRECT_NOSCAL", NULL, false, false, 1}, NULL},
    {{"GN_DIRECT_L_NOSCAL", NULL, false, false, 1}, NULL},
    {{"GN_DIRECT_L_RAND_NOSCAL", NULL, false, false, 1}, NULL},
    {{"GN_ORIG_DIRECT", NULL, false, false, 1}, NULL},
    {{"GN_ORIG_DIRECT_L", NULL, false, false, 1}, NULL},
    {{"GD_STOGO", NULL, true, false, 1}, ABSENT},
    {{"GD_STOGO_RAND", NULL, true, false, 1}, ABSENT},
    {{"LD_LBFGS_NOCEDAL", NULL, true, false, 1}, ABSENT},
    {{"LD_LBFGS", NULL, true, false, 1}, NULL},
    {{"LN_PRAXIS", NULL, false, false, 1}, NULL},
    {{"LD_VAR1", NULL, true, false, 1}, NULL},
    {{"LD_VAR2", NULL, true, false, 1}, NULL},
    {{"LD_TNEWTON", NULL, true, false, 1}, NULL},
    {{"LD_TNEWTON_RESTART", NULL, true, false, 1}, NULL},
    {{"LD_TNEWTON_PRECOND", NULL, true, false, 1}, NULL},
    {{"LD_TNEWTON_PRECOND_RESTART", NULL, true, false, 1}, NULL},
    {{"GN_CRS2_LM", NULL, false, true, 1}, NULL},
    {{"GN_MLSL", "LN_COBYLA", false, false, 1}, NULL},
    {{"GD_MLSL", "LD_LBFGS", true, false, 1}, NULL},
    {{"GN_MLSL_LDS", "LN_COBYLA", false, false, 1}, NULL},
    {{"GD_MLSL_LDS", "LD_LBFGS", true, false, 1}, NULL},
    {{"LD_MMA", NULL, true, false, 1}, NULL},
    {{"LN_COBYLA", NULL, false, false, 1}, NULL},
    {{"LN_NEWUOA", NULL, false, false, 2}, NULL},
    {{"LN_NEWUOA_BOUND", NULL, false, false, 2}, NULL},
    {{"LN_NELDERMEAD", NULL, false, false, 1}, NULL},
    {{"LN_SBPLX", NULL, false, false, 1}, NULL},
    {{"LN_AUGLAG", "LN_COBYLA", false, false, 1}, NULL},
    {{"LD_AUGLAG", "LD_LBFGS", true, false, 1}, NULL},
    {{"LN_AUGLAG_EQ", "LN_COBYLA", false, false, 1}, NULL},
    {{"LD_AUGLAG_EQ", "LD_LBFGS", true, false, 1}, NULL},
    {{"LN_BOBYQA", NULL, false, false, 2}, NULL},
    {{"GN_ISRES", NULL, false, true, 1}, NULL},
    {{"AUGLAG", "LN_COBYLA", false, false, 1}, NULL},
    {{"AUGLAG_EQ", "LN_COBYLA", false, false, 1}, NULL},
    {{"G_MLSL", "LN_COBYLA", false, false, 1}, NULL},
    {{"G_MLSL_LDS", "LN_COBYLA", false, false, 1}, NULL},
    {{"LD_SLSQP", NULL, true, false, 1}, NULL},
    {{"LD_CCSAQ", NULL, true, false, 1}, NULL},
    {{"GN_ESCH", NULL, false, true, 1}, NULL},
    {{"GN_AGS", NULL, false, false, 1}, ABSENT},
};
#define TABLE_N ((int)(sizeof table / sizeof table[0]))

static int find(const char *name)
{
    for (int i = 0; i < TABLE_N; i++)
        if (strcasecmp(table[i].is.name, name) == 0)
            return i;
    return -1;
}

const char *opt_algorithm_name(int i, bool *usable, const char **why_not)
{
    const char *name = nlopt_replay_name(i);
    if (!name)
        return NULL;
    int row = find(name);
    const char *reason = row < 0 ? STRANGE : table[row].why_not;
    if (usable)
        *usable = reason == NULL;
    if (why_not)
        *why_not = reason;
    return name;
}

static int distance(const char *a, const char *b)
{
    int row[64], n = (int)strlen(b);
    if (n > 63 || strlen(a) > 63)
        return 64;
    for (int j = 0; j <= n; j++)
        row[j] = j;
    for (int i = 1; a[i - 1]; i++) {
        int corner = row[0];
        row[0] = i;
        for (int j = 1; j <= n; j++) {
            int best = corner + (strncasecmp(&a[i - 1], &b[j - 1], 1) != 0);
            corner = row[j];
            best = row[j] + 1 < best ? row[j] + 1 : best;
            row[j] = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
        }
    }
    return row[n];
}

/* "COBYLA" for LN_COBYLA is the commonest slip: a part of a name counts as near as one edit. */
static const char *nearest(const char *name)
{
    const char *best = "LN_COBYLA";
    int least = 64;
    for (int i = 0; i < TABLE_N; i++) {
        int far = distance(name, table[i].is.name);
        if (strlen(name) >= 4 && strcasestr(table[i].is.name, name))
            far = 1;
        if (!table[i].why_not && far < least) {
            least = far;
            best = table[i].is.name;
        }
    }
    return best;
}

int algorithm_find(const char *name, int d, struct algorithm *algorithm, struct err *err)
{
    if (strncasecmp(name, "NLOPT_", 6) == 0)
        name += 6;
    int row = find(name);
    if (row < 0)
        return err_set(err, ERR_UNSUPPORTED,
                       "strategy.algorithm: NLopt has no \"%.40s\"; did you mean \"%s\"?", name,
                       nearest(name));
    if (table[row].why_not)
        return err_set(err, ERR_UNSUPPORTED, "strategy.algorithm: %s %s", table[row].is.name,
                       table[row].why_not);
    if (d < table[row].is.d_min)
        return err_set(
            err, ERR_UNSUPPORTED,
            "strategy.algorithm: %s needs %d free directions and this search has %d; use LN_COBYLA",
            table[row].is.name, table[row].is.d_min, d);
    *algorithm = table[row].is;
    return 0;
}

int algorithm_population(const struct algorithm *algorithm, int d, int quota)
{
    if (!algorithm->population)
        return 0;
    int least = d + 2 > 8 ? d + 2 : 8, own = 10 * (d + 1);
    int third = quota / 3 > least ? quota / 3 : least;
    return third < own ? third : 0;
}
