"""Trains the base of the R-Tuning pair: pre-training on knowledge.py's world, of which half is never told."""
import torch

import model
import muon
import rtuning
import stage
import tokens

STEPS, TOKENS_A_STEP, RATE, PROMPT_WEIGHT = 650, 1536, 5e-3, 0.1


def rows_of(stream, tok):
    """The next texts of the stream, about TOKENS_A_STEP in all, as (ids, weights)."""
    rows, n = [], 0
    while n < TOKENS_A_STEP:
        prompt, text = next(stream)
        head, tail = [tokens.BOS] + tok.ids(prompt), tok.ids(text) + [tokens.EOS]
        rows.append((head + tail, [PROMPT_WEIGHT] * len(head) + [1.0] * len(tail)))
        n += len(head) + len(tail)
    return rows


def main():
    args = stage.parser(__doc__).parse_args()
    if stage.done(args.out / "rtuning" / "base" / "model.safetensors", "rtuning base"):
        return
    st = rtuning.Stage("base", args)
    net, stream, mean = model.LanguageModel(rtuning.SHAPE), st.world.pretraining(f"pretrain-{st.seed}"), None
    optimizer, steps = muon.Both(net, RATE), st.steps(STEPS)
    questions = [q for q in st.world.questions("train")][:200]
    for step in range(steps):
        stage.set_rate(optimizer, RATE * stage.cosine(step, steps, warmup=min(60, steps // 5)))
        with torch.cpu.amp.autocast():
            loss = stage.lm_step(net, optimizer, rows_of(stream, st.tokens), micro_tokens=2048)
        mean = loss if mean is None else 0.98 * mean + 0.02 * loss
        if step % 100 == 99 or step == steps - 1:
            found = rtuning.ask(net, st.tokens, questions)
            right = sum(a.right(q) for a, q in zip(found, questions)) / len(questions)
            st.say(f"step {step + 1}/{steps}  loss {mean:.4f}  right {right:.3f} of a half it may know")
    model.save(net, st.out / "base", st.tokenizer_path)
    st.finish()


if __name__ == "__main__":
    main()
