/* How true the ratios of a trial came out. */
#include "daemon/views.h"

#include "proto/limits.h"
#include "proto/mem.h"

#include <math.h>

/* What the user can change. */
static const char *advice(const struct search_spec *spec)
{
    if (!spec->has_models)
        return "so says the evaluator, which applies the ratios itself";
    if (spec->output_dtype == OUTPUT_F32)
        return "the update is too small for any dtype";
    if (spec->rounding == ROUND_STOCHASTIC)
        return "set output.dtype to \"F32\"";
    return "set output.rounding to \"stochastic\" or output.dtype to \"F32\"";
}

void view_effective(const struct search *search, int number, struct json_out *out)
{
    const double *effective = search->trials[number].effective;
    json_name(out, "effective");
    if (!effective) {
        json_null(out);
        return;
    }
    json_array(out);
    for (int i = 0; i < search->k; i++)
        json_double(out, effective[i]);
    json_end_array(out);
}

void view_trial_warnings(const struct search *search, int number, struct json_out *out)
{
    const double *effective = search->trials[number].effective, *ratios = search_ratios(search, number);
    json_name(out, "warnings");
    json_array(out);
    for (int i = 0; effective && i < search->k; i++) {
        if (!(fabs(effective[i] - ratios[i]) > LIMIT_RATIO_ERROR)) /* nor NaN: no update there */
            continue;
        char *text = mem_printf("%s: ratio %.4g was asked for, %.4g came out: %s", search->group_names[i],
                                ratios[i], effective[i], advice(&search->spec));
        json_text(out, text);
        mem_free(text);
    }
    json_end_array(out);
}
