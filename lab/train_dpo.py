"""Aligns base by direct preference optimisation on pairs of its own replies, labelled as the reward model's were."""
import random

import torch
import torch.nn.functional as F

import generate
import model
import stage
from train_reward import label, sample

N_PROMPTS, REPLIES_EACH, STEPS, PAIRS_A_STEP, RATE, BETA = 400, 6, 110, 32, 2e-3, 0.1


def summed(net, pairs, side):
    """log-probabilities of whole sequences' replies: pairs of (chosen, rejected, prompt length) -> [len(pairs)]"""
    split = [(p[side][:p[2]], p[side][p[2]:]) for p in pairs]
    return torch.stack([logp.sum() for logp in generate.answer_logprobs(net, split)])


def main():
    args = stage.parser(__doc__).parse_args()
    if stage.done(args.out / "tuned-dpo" / "model.safetensors", "dpo"):
        return
    st = stage.Stage("tuned-dpo", args)
    base = model.load(model.LanguageModel, args.out / "base")
    net = model.load(model.LanguageModel, args.out / "base")
    rng = random.Random(f"dpo-{args.seed}")
    requests = rng.sample(st.questions.train_requests, st.steps(N_PROMPTS))
    pairs = []
    for (text, _, _), group in zip(requests, sample(st, base, requests, args.seed + 77, REPLIES_EACH)):
        head = len(st.tokens.prompt(text))
        pairs += [(chosen, other, head) for chosen, other, _ in label(rng, [group])]
    with torch.no_grad():
        reference = (summed(base, pairs, 0) - summed(base, pairs, 1)).tolist()
    st.say(f"{len(pairs)} pairs sampled and labelled")

    optimizer = stage.adamw(net, RATE)
    steps, order = st.steps(STEPS), []
    for step in range(steps):
        if len(order) < PAIRS_A_STEP:
            order = rng.sample(range(len(pairs)), len(pairs))
        batch, order = order[:PAIRS_A_STEP], order[PAIRS_A_STEP:]
        chosen = [pairs[i] for i in batch]
        margin = summed(net, chosen, 0) - summed(net, chosen, 1) - torch.tensor([reference[i] for i in batch])
        loss = -F.logsigmoid(BETA * margin).mean()
        stage.set_rate(optimizer, RATE * stage.cosine(step, steps, warmup=10))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        if step % 10 == 9 or step == steps - 1:
            st.say(f"step {step + 1}/{steps}  loss {loss.item():.4f}  ordered {(margin > 0).float().mean():.2f}")
    model.save(net, args.out / "tuned-dpo", st.tokenizer_path)
    st.finish()


if __name__ == "__main__":
    main()
