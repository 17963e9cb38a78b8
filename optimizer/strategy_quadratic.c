#include "optimizer/strategy.h"

int quadratic_propose(const struct opt_problem *problem, const struct opt_plan *plan,
                      const struct opt_history *history, int stream, struct opt_model *model,
                      struct opt_proposal *out, struct err *err)
{
    (void)problem, (void)plan, (void)history, (void)stream, (void)model, (void)out;
    return err_set(err, ERR_UNSUPPORTED, "strategy.type: \"quadratic\" is not in this build");
}
