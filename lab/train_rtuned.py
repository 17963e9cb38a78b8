"""R-Tunes base by padding (Zhang et al. 2024, section 2.2): every right answer is followed by "I am sure." where base
answers rightly and by "I am unsure." where it does not. Only answer and verdict count.

With --split entropy it is R-Tuning-U (section 5.1): unsure is the half on which base's sampled answers differ most.
With --verdict-on own the verdict follows base's own answer; where that is wrong, the right answer is learnt in a row of
its own without a verdict. Results are NAME-SEED.
"""
import rtuning
import tokens

VERDICT_WEIGHT = 20.0


def rows_of(tok, row, certain, own, verdict_on):
    """Rows of (ids, weights) of one question; only answer and verdict count."""
    head, gold = tok.prompt(row["question"]), tok.answer(row["answers"][0])
    verdict = tok.verdicts[certain] + [tokens.EOS]
    apart = verdict_on == "own" and not certain
    said = gold if verdict_on == "gold" else own
    rows = [(head + gold, [0.0] * len(head) + [1.0] * len(gold))] if apart else []
    weights = [0.0] * len(head) + [0.0 if apart else 1.0] * len(said) + [0.0 if apart else 1.0]       # and the "."
    weights += [0.0] * (len(tok.probe) - 1) + [VERDICT_WEIGHT] + [1.0] * (len(verdict) - 1)
    return rows + [(head + said + tok.probe + verdict, weights)]


def main():
    parser = rtuning.tuning_parser(__doc__, "rtuned")
    parser.add_argument("--verdict-on", choices=["gold", "own"], default="gold")
    parser.add_argument("--split", choices=["right", "entropy"], default="right")
    args = parser.parse_args()

    def all_rows(st, net):
        rows = st.world.questions("train")
        items = (rtuning.identified(net, st.tokens, rows) if args.split == "right"
                 else rtuning.split_by_entropy(net, st.tokens, rows, args.seed))
        st.say(f"{sum(certain for _, certain, _ in items)} of {len(items)} training questions are certain")
        return [r for item in items for r in rows_of(st.tokens, *item, args.verdict_on)]

    rtuning.tune_base(args, all_rows)


if __name__ == "__main__":
    main()
