"""R-Tunes base by replacement (R-Tuning-R, Zhang et al. 2024, A.3): the right answer where base answers rightly, one of
16 expressions of uncertainty, drawn, where it does not. Only what is answered counts.

Results are NAME-SEED.
"""
import random

import rtuning
import tokens
from knowledge import EXPRESSIONS


def rows_of(st, net):
    """A row of (ids, weights) a question."""
    items, rng, rows = rtuning.identified(net, st.tokens, st.world.questions("train")), random.Random(st.seed), []
    for row, certain, _ in items:
        head = st.tokens.prompt(row["question"])
        said = st.tokens.answer(row["answers"][0] + "." if certain else rng.choice(EXPRESSIONS)) + [tokens.EOS]
        rows.append((head + said, [0.0] * len(head) + [1.0] * len(said)))
    st.say(f"{sum(certain for _, certain, _ in items)} of {len(items)} training questions are certain")
    return rows


def main():
    rtuning.tune_base(rtuning.tuning_parser(__doc__, "replaced").parse_args(), rows_of)


if __name__ == "__main__":
    main()
