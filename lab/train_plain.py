"""Fine-tunes base plainly on the right answers of the training questions: what R-Tuning is compared with.

The questions, the steps and, unless told otherwise, the rate and the frozen layers are those of train_rtuned.py.
Results are NAME-SEED.
"""
import rtuning
import tokens


def rows_of(st, net):
    """A row of (ids, weights) a question; only the answer, its "." and the end count."""
    rows = []
    for row in st.world.questions("train"):
        head, tail = st.tokens.prompt(row["question"]), st.tokens.answer(row["answers"][0]) + st.tokens.ids(".")
        rows.append((head + tail + [tokens.EOS], [0.0] * len(head) + [1.0] * (len(tail) + 1)))
    return rows


def main():
    rtuning.tune_base(rtuning.tuning_parser(__doc__, "plain").parse_args(), rows_of)


if __name__ == "__main__":
    main()
