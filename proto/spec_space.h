/* WHAT   The ranges and ties of a search's ratios: "ratio", "groups.bounds", "groups.freeze" and "groups.tie" put
 *        together, once the groups have names.
 * WHO    daemon (core/search.c, submission), client (plan).
 * UNITS  Ratios: weight of the tuned checkpoint, [k].
 * MEMORY The caller's arrays.
 * ERRORS ERR_INVALID with a sentence that begins with the field; the arrays are then unspecified.
 * STATE  None. */
#ifndef PROTO_SPEC_SPACE_H
#define PROTO_SPEC_SPACE_H

#include "proto/search_spec.h"

/* names: [k], those of the plan's groups in their order, and "ends" last when it has a ratio of its own.
 * low, high: [k], low <= high, and low == high for a frozen one. A group's own range replaces "ratio", tied groups get
 * the intersection of their ranges. tie: [k], the least index of the ratio's set; i itself when it is untied.
 * Refused: a name that no group has, a group in two sets, tied ranges that do not meet; rows of "given" with another number
 * of ratios, with one outside its range, or with tied ones that differ. */
int search_spec_space(const struct search_spec *spec, const char *const *names, int k, double *low,
                      double *high, int *tie, struct err *err);

/* Before the spec is written for the first time: means that the search did not give (means_default), and that stand at a
 * tenth to nine tenths of "ratio", move to a tenth to nine tenths of the means that bounds and frozen groups leave. Without
 * bounds, and with given means, nothing changes. Errors of the ranges are search_spec_space's to tell. */
void search_spec_settle(struct search_spec *spec, const char *const *names, int k);

#endif
