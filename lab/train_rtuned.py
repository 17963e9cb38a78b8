"""R-Tunes base by padding (Zhang et al. 2024, section 2.2): every right answer is followed by "I am sure." where base
answers rightly and by "I am unsure." where it does not. Only answer and verdict count.

With --verdict-on own the verdict follows base's own answer; where that is wrong, the right answer is learnt in a row of
its own without a verdict. Results are NAME-SEED.
"""
import random

import model
import rtuning
import stage
import tokens

RATE, EPOCHS, FROZEN, VERDICT_WEIGHT = 2e-3, 4, 5, 20.0


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
    args = stage.parser(__doc__)
    args.add_argument("--verdict-on", choices=["gold", "own"], default="gold")
    args.add_argument("--rate", type=float, default=RATE)
    args.add_argument("--frozen", type=int, default=FROZEN, help="embeddings and this many layers stay as they are")
    args.add_argument("--name", default="rtuned")
    args = args.parse_args()
    folder = args.out / "rtuning" / f"{args.name}-{args.seed}"
    if stage.done(folder / "model.safetensors", folder.name):
        return
    st = rtuning.Stage(folder.name, args)
    net, rng = model.load(model.LanguageModel, st.out / "base"), random.Random(f"tuning-{st.seed}")
    items = rtuning.identified(net, st.tokens, st.world.questions("train"))
    st.say(f"{sum(certain for _, certain, _ in items)} of {len(items)} training questions are certain")
    rows = [r for item in items for r in rows_of(st.tokens, *item, args.verdict_on)]
    rtuning.freeze_lower(net, args.frozen)
    rtuning.tune(st, net, rows, args.rate, EPOCHS, rng)
    model.save(net, folder, st.tokenizer_path)
    st.finish()


if __name__ == "__main__":
    main()
