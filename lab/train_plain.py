"""Fine-tunes base plainly on the right answers of the training questions: what R-Tuning is compared with.

The questions, the steps and the frozen layers are those of train_rtuned.py. At the same rate a result is
plain-SEED, at another one plain-RATE-SEED.
"""
import random

import model
import rtuning
import stage
import tokens
from train_rtuned import EPOCHS, FROZEN, RATE


def main():
    args = stage.parser(__doc__)
    args.add_argument("--rate", type=float, default=RATE)
    args = args.parse_args()
    folder = args.out / "rtuning" / (f"plain-{args.seed}" if args.rate == RATE else f"plain-{args.rate:g}-{args.seed}")
    if stage.done(folder / "model.safetensors", folder.name):
        return
    st = rtuning.Stage(folder.name, args)
    net, rng = model.load(model.LanguageModel, st.out / "base"), random.Random(f"tuning-{st.seed}")
    rows = []
    for row in st.world.questions("train"):
        head, tail = st.tokens.prompt(row["question"]), st.tokens.answer(row["answers"][0]) + st.tokens.ids(".")
        rows.append((head + tail + [tokens.EOS], [0.0] * len(head) + [1.0] * (len(tail) + 1)))
    rtuning.freeze_lower(net, FROZEN)
    rtuning.tune(st, net, rows, args.rate, EPOCHS, rng)
    model.save(net, folder, st.tokenizer_path)
    st.finish()


if __name__ == "__main__":
    main()
