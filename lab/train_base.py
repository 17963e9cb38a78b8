"""Trains base: pre-training on the mixture and plain statements, then instruction tuning on answers only.

    train_base.py --stage pretrain     out/pretrained/
    train_base.py --stage instruct     out/base/
"""
import model
import muon
import stage

SETTINGS = {  # steps, tokens a step, peak learning rate, weight of prompt tokens in the loss
    "pretrain": (3000, 1536, 5e-3, 0.1),
    "instruct": (1000, 1536, 2e-3, 0.0),
}


def rows_of(stream, tokens, prompt_weight, n_tokens):
    """The next examples of the stream, about n_tokens in all, as (ids, weights)."""
    rows, n = [], 0
    while n < n_tokens:
        rows.append(tokens.example(next(stream), prompt_weight))
        n += len(rows[-1][0])
    return rows


def main():
    args = stage.parser(__doc__)
    args.add_argument("--stage", choices=SETTINGS, required=True)
    args = args.parse_args()
    target = args.out / {"pretrain": "pretrained", "instruct": "base"}[args.stage]
    if stage.done(target / "model.safetensors", args.stage):
        return
    st = stage.Stage(args.stage, args)
    steps, n_tokens, rate, prompt_weight = SETTINGS[args.stage]
    steps = st.steps(steps)
    net = model.LanguageModel() if args.stage == "pretrain" else model.load(model.LanguageModel, args.out / "pretrained")
    optimizer = muon.Both(net, rate)
    draw = st.questions.pretraining if args.stage == "pretrain" else st.questions.instruction
    stream = draw(f"{args.stage}-{args.seed}")
    mean = None
    for step in range(steps):
        stage.set_rate(optimizer, rate * stage.cosine(step, steps, warmup=min(100, steps // 5)))
        loss = stage.lm_step(net, optimizer, rows_of(stream, st.tokens, prompt_weight, n_tokens))
        mean = loss if mean is None else 0.98 * mean + 0.02 * loss
        if step % 100 == 99 or step == steps - 1:
            st.say(f"step {step + 1}/{steps}  loss {mean:.4f}")
    model.save(net, target, st.tokenizer_path)
    st.finish()


if __name__ == "__main__":
    main()
