"""Fine-tunes base plainly on the right answers of the training questions: what R-Tuning is compared with.

The questions, the steps and, unless told otherwise, the rate and the frozen layers are those of train_rtuned.py.
Results are NAME-SEED.
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
    args.add_argument("--frozen", type=int, default=FROZEN, help="embeddings and this many layers stay as they are")
    args.add_argument("--name", default="plain")
    args = args.parse_args()
    folder = args.out / "rtuning" / f"{args.name}-{args.seed}"
    if stage.done(folder / "model.safetensors", folder.name):
        return
    st = rtuning.Stage(folder.name, args)
    net, rng = model.load(model.LanguageModel, st.out / "base"), random.Random(f"tuning-{st.seed}")
    rows = []
    for row in st.world.questions("train"):
        head, tail = st.tokens.prompt(row["question"]), st.tokens.answer(row["answers"][0]) + st.tokens.ids(".")
        rows.append((head + tail + [tokens.EOS], [0.0] * len(head) + [1.0] * (len(tail) + 1)))
    rtuning.freeze_lower(net, args.frozen)
    rtuning.tune(st, net, rows, args.rate, EPOCHS, rng)
    model.save(net, folder, st.tokenizer_path)
    st.finish()


if __name__ == "__main__":
    main()
