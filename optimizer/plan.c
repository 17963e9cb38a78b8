#include "optimizer/algorithm.h"
#include "optimizer/strategy.h"

#include <math.h>
#include <string.h>

/* A mean this close to the least or greatest possible, as a share of what is between them, leaves no room for groups to
 * differ. */
#define MEAN_MARGIN 1e-3

#define BOUND_MAX 1e6
#define ANCHORS 3 /* besides the ends of the sweep */
#define DESIGN_MAX 1000
#define DESIGN_MIN 4
#define MODELLED_M_MAX 4 /* boxes of more objectives are too many */
#define WIDTH_MIN 1e-6   /* of a range; narrower ones are frozen in all but name */

int strategy_dimensions(const struct opt_problem *problem)
{
    struct space space;
    space_box(&space, problem);
    return problem->kind == OPT_HMA ? space.n - 1 : space.n;
}

/* Which setting a range comes from: "ratio" when all have the same one. */
static const char *range_field(const struct opt_problem *p)
{
    for (int i = 1; i < p->k; i++)
        if (p->low[i] != p->low[0] || p->high[i] != p->high[0])
            return "groups.bounds";
    return "ratio";
}

/* The caller has named the group where a person made the mistake; these sentences are for what it let through. */
static int check_range(const struct opt_problem *p, int i, struct err *err)
{
    double low = p->low[i], high = p->high[i];
    if (!isfinite(low) || !isfinite(high) || !(low <= high) || fabs(low) > BOUND_MAX ||
        fabs(high) > BOUND_MAX)
        return err_set(
            err, ERR_INVALID,
            "%s: ratio %d has the range %.17g to %.17g; its max must not be below its min, and both "
            "within one million",
            range_field(p), i, low, high);
    if (low < high && high - low < WIDTH_MIN)
        return err_set(err, ERR_INVALID,
                       "%s: the range of ratio %d, %.17g to %.17g, is narrower than one millionth; freeze it "
                       "(groups.freeze)",
                       range_field(p), i, low, high);
    int first = p->tie[i];
    if (first < 0 || first > i || p->tie[first] != first || p->low[first] != low || p->high[first] != high)
        return err_set(err, ERR_INVALID, "groups.tie: ratio %d is tied to %d, which has another range or tie",
                       i, first);
    return 0;
}

static int check_ranges(const struct opt_problem *p, struct err *err)
{
    int free_n = 0;
    for (int i = 0; i < p->k; i++) {
        int rc = check_range(p, i, err);
        if (rc)
            return rc;
        free_n += p->low[i] < p->high[i];
    }
    if (free_n == 0 && p->kind != OPT_IDENTIFY)
        return err_set(
            err, ERR_INVALID,
            "groups.freeze: every ratio is frozen, so there is one model and nothing to search; leave "
            "at least one group free");
    return 0;
}

static int check_common(const struct opt_problem *p, struct err *err)
{
    if (p->k < 1 || p->k > OPT_K_MAX)
        return err_set(err, ERR_INVALID, "groups: %d ratios; this program searches 1 to %d", p->k, OPT_K_MAX);
    if (p->m < 1 || p->m > OPT_M_MAX)
        return err_set(err, ERR_INVALID, "objectives: %d of them; 1 to %d are possible", p->m, OPT_M_MAX);
    int rc = check_ranges(p, err);
    if (rc)
        return rc;
    if (p->sweep_points < 0 || p->sweep_points == 1)
        return err_set(err, ERR_INVALID, "strategy.sweep_points: %d; use 0 for no sweep, or 2 and more",
                       p->sweep_points);
    int least = p->kind == OPT_SWEEP || p->sweep_points ? 2 : 1;
    if (p->trials < least)
        return err_set(err, ERR_INVALID, "budget.trials: %d; at least %d are needed%s", p->trials, least,
                       least == 2 ? ", the two ends of the sweep" : "");
    return 0;
}

/* Every mean inside what the ranges allow, none twice. */
static int check_means(const struct opt_problem *p, const struct space *space, struct err *err)
{
    double lowest, highest;
    space_means(space, &lowest, &highest);
    double margin = MEAN_MARGIN * (highest - lowest);
    for (int i = 0; i < p->means_n; i++) {
        if (!(p->means[i] >= lowest + margin && p->means[i] <= highest - margin))
            return err_set(
                err, ERR_INVALID, "strategy.means[%d]: %g is not between %g and %g, %s", i, p->means[i],
                lowest + margin, highest - margin,
                space->plain
                    ? "and at ratio.min and ratio.max every ratio is fixed; the sweep has that point"
                    : "the means of all groups that groups.bounds and groups.freeze leave room for; give "
                      "strategy.means within them");
        for (int j = 0; j < i; j++)
            if (p->means[j] == p->means[i])
                return err_set(err, ERR_INVALID, "strategy.means[%d]: %g is already means[%d]; name it once",
                               i, p->means[i], j);
    }
    return 0;
}

static int check_hma(const struct opt_problem *p, struct err *err)
{
    struct space space;
    space_box(&space, p);
    if (space.n == 1)
        return err_set(err, ERR_INVALID,
                       "strategy.type: with one %s a mean ratio leaves nothing to search; use \"sweep\"",
                       p->k == 1 ? "group" : "ratio that is neither frozen nor tied to another");
    if (p->means_n < 1 || p->means_n > OPT_MEANS_MAX)
        return err_set(err, ERR_INVALID, "strategy.means: %d of them; 1 to %d are possible", p->means_n,
                       OPT_MEANS_MAX);
    if (p->alignment < 0 || p->alignment >= p->m)
        return err_set(err, ERR_INVALID, "strategy.objective: objective %d of %d does not exist",
                       p->alignment, p->m);
    return check_means(p, &space, err);
}

static int check_scalarize(const struct opt_problem *p, struct err *err)
{
    if (p->streams < 1 || p->streams > OPT_STREAMS_MAX - 1)
        return err_set(err, ERR_INVALID, "strategy.streams: %d; 1 to %d are possible", p->streams,
                       OPT_STREAMS_MAX - 1);
    if (!(p->rho >= 0 && p->rho <= 1))
        return err_set(err, ERR_INVALID, "strategy.rho: %g; use 0 to 1 (0.05 is usual)", p->rho);
    return 0;
}

static int check_identify(const struct opt_problem *p, struct err *err)
{
    double ratios[OPT_K_MAX];
    if (p->sweep_points || p->given)
        return err_set(err, ERR_INVALID, "strategy.type: \"identify\" has neither a sweep nor given trials");
    identify_ratios(p, ratios);
    for (int i = 0; i < p->k; i++)
        if (!(ratios[i] >= p->low[i] && ratios[i] <= p->high[i]))
            return err_set(err, ERR_INVALID,
                           "strategy.ratio: %g is not in the range of ratio %d, %g to %g (%s)", ratios[i], i,
                           p->low[i], p->high[i], range_field(p));
    return 0;
}

static bool modelled(const struct opt_problem *p)
{
    return p->kind == OPT_BAYES || p->kind == OPT_QUADRATIC;
}

static int check_mean(const struct opt_problem *p, struct err *err)
{
    struct space space;
    double lowest, highest;
    space_box(&space, p);
    if (space.n == 1)
        return err_set(err, ERR_INVALID,
                       "strategy.mean: with one %s a mean leaves nothing to search; leave strategy.mean out",
                       p->k == 1 ? "group" : "ratio that is neither frozen nor tied to another");
    space_means(&space, &lowest, &highest);
    double margin = MEAN_MARGIN * (highest - lowest);
    if (p->mean >= lowest + margin && p->mean <= highest - margin)
        return 0;
    return err_set(err, ERR_INVALID, "strategy.mean: %g is not between %g and %g, %s", p->mean,
                   lowest + margin, highest - margin,
                   space.plain
                       ? "and at ratio.min and ratio.max every ratio is fixed; the sweep has that point"
                       : "the means of all groups that groups.bounds and groups.freeze leave room for");
}

static int check_modelled(const struct opt_problem *p, struct err *err)
{
    if (p->m > MODELLED_M_MAX)
        return err_set(
            err, ERR_INVALID,
            "strategy.type: \"bayes\" and \"quadratic\" take up to %d objectives, and there are %d; "
            "\"sweep\", \"hma\", \"scalarize\" and \"sobol\" take up to %d",
            MODELLED_M_MAX, p->m, OPT_M_MAX);
    if (p->design < -1 || p->design > DESIGN_MAX)
        return err_set(err, ERR_INVALID,
                       "strategy.design: %d; use 0 to %d, or leave it out for as many as suit the groups",
                       p->design, DESIGN_MAX);
    if (!(p->repeats >= 0 && p->repeats <= 0.5))
        return err_set(err, ERR_INVALID, "strategy.repeats: %g; it is a share of the budget, 0 to 0.5",
                       p->repeats);
    for (int j = 0; j < p->m; j++)
        if (p->has_reference[j] && !isfinite(p->reference[j]))
            return err_set(err, ERR_INVALID, "objectives[%d].reference: not a finite number", j);
    return p->has_mean ? check_mean(p, err) : 0;
}

static int check_problem(const struct opt_problem *p, struct err *err)
{
    int rc = check_common(p, err);
    if (!rc && modelled(p))
        return check_modelled(p, err);
    if (!rc && p->kind == OPT_IDENTIFY)
        return check_identify(p, err);
    if (rc || (p->kind != OPT_HMA && p->kind != OPT_SCALARIZE))
        return rc;
    rc = p->kind == OPT_HMA ? check_hma(p, err) : check_scalarize(p, err);
    if (rc)
        return rc;
    if (!(p->initial_step > 0 && p->initial_step <= 1))
        return err_set(err, ERR_INVALID,
                       "strategy.initial_step: %g; it is a share of the ratio range, above 0 up to 1",
                       p->initial_step);
    struct algorithm algorithm;
    if (!memchr(p->algorithm, 0, sizeof p->algorithm))
        return err_set(err, ERR_INVALID, "strategy.algorithm: the name is too long");
    return algorithm_find(p->algorithm, strategy_dimensions(p), &algorithm, err);
}

/* A budget of `trials` over n streams, as evenly as can be; earlier streams get the extra ones. Streams that
 * would get none are left out. */
static void add_streams(const struct opt_problem *p, int n, int trials, struct opt_plan *plan)
{
    for (int i = 0; i < n; i++) {
        int quota = trials / n + (i < trials % n);
        if (quota == 0)
            return;
        struct opt_stream *stream = &plan->streams[plan->streams_n++];
        *stream = (struct opt_stream){.kind = p->kind, .phase = 1, .first = plan->trials, .quota = quota};
        stream->adaptive = p->kind == OPT_HMA || p->kind == OPT_SCALARIZE;
        if (p->kind == OPT_HMA)
            stream->mean = p->means[i];
        if (p->kind == OPT_SCALARIZE)
            scalarize_weights(p, i, n, stream->weights);
        plan->trials += quota;
    }
}

/* Of the `left` trials after the sweep's `grid` points. Twice the free ratios and a little more, or 16, whichever is more, up
 * to 40, are enough for a first model; what the sweep and the given trials say of a line through the box does not do
 * without a few spread points; and the model is to have half of the budget at least. */
static int design_quota(const struct opt_problem *p, int grid, int left)
{
    if (p->design >= 0)
        return p->design < left ? p->design : left;
    struct space space;
    space_box(&space, p);
    int want = 2 * (space.n + 1);
    want = want < 16 ? 16 : want > 40 ? 40 : want;
    want -= grid + (p->given < want ? p->given : want);
    want = want < DESIGN_MIN ? DESIGN_MIN : want;
    return want < left / 2 ? want : left / 2;
}

/* The design, then the stream that asks the model. */
static void add_modelled(const struct opt_problem *p, int grid, int trials, struct opt_plan *plan)
{
    int design = design_quota(p, grid, trials);
    struct opt_stream spread = {.kind = OPT_SOBOL, .phase = 1, .first = plan->trials, .quota = design};
    struct opt_stream own = {.kind = p->kind,
                             .phase = 1,
                             .first = plan->trials + design,
                             .quota = trials - design,
                             .modelled = true};
    if (spread.quota > 0)
        plan->streams[plan->streams_n++] = spread;
    if (own.quota > 0)
        plan->streams[plan->streams_n++] = own;
    plan->trials += trials;
}

/* Phase 0: what was given, and the sweep. Returns the sweep's points. */
static int add_known(const struct opt_problem *p, struct opt_plan *plan)
{
    int grid = p->kind == OPT_SWEEP ? p->trials : p->sweep_points;
    grid = grid < p->trials ? grid : p->trials;
    if (p->given > 0)
        plan->streams[plan->streams_n++] = (struct opt_stream){.kind = OPT_GIVEN, .quota = p->given};
    if (grid > 0)
        plan->streams[plan->streams_n++] =
            (struct opt_stream){.kind = OPT_SWEEP, .first = p->given, .quota = grid};
    plan->trials = p->given + grid;
    return grid;
}

int opt_plan_make(const struct opt_problem *problem, struct opt_plan *plan, struct err *err)
{
    *plan = (struct opt_plan){0};
    int rc = check_problem(problem, err);
    if (rc)
        return rc;
    int grid = add_known(problem, plan), left = problem->trials - grid;
    if (modelled(problem))
        add_modelled(problem, grid, left, plan);
    else if (problem->kind != OPT_SWEEP)
        add_streams(problem,
                    problem->kind == OPT_HMA         ? problem->means_n
                    : problem->kind == OPT_SCALARIZE ? problem->streams
                                                     : 1,
                    left, plan);
    return 0;
}

/* Spread over the inside of the sweep; where that has too few points, the first of what comes after it. */
bool opt_plan_is_anchor(const struct opt_plan *plan, int trial)
{
    int wanted = ANCHORS;
    for (int s = 0; s < plan->streams_n && wanted > 0; s++) {
        const struct opt_stream *stream = &plan->streams[s];
        bool sweep = stream->kind == OPT_SWEEP;
        int ends = sweep ? 2 : 0, inner = stream->quota - ends, step = trial - stream->first;
        if (stream->kind == OPT_GIVEN)
            continue;
        if (step >= 0 && step < ends)
            return true;
        int n = inner < wanted ? inner : wanted, apart = sweep && n > 0 ? inner / n : 1;
        for (int i = 0; i < n; i++)
            if (step == ends + i * apart)
                return true;
        wanted -= n > 0 ? n : 0;
    }
    return false;
}
