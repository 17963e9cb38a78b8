"""Trains the reward model from base: Bradley-Terry on pairs of base's own replies.

The pairs are labelled through the hidden utility with logistic noise. A small pull keeps the mean
score near 0, and at the end the head is scaled so that base's replies have standard deviation 1.
"""
import random
import statistics

import torch
import torch.nn.functional as F

import chat
import generate
import model
import stage

N_PROMPTS, REPLIES_EACH, EPOCHS, PAIRS_A_STEP, RATE, CENTRE = 500, 6, 2, 48, 6e-4, 0.01
MAX_NEW = 44
HELD_OUT_PROMPTS = 60


def sample(st, base, requests, seed, each=REPLIES_EACH):
    """-> per request a list of (sequence ids, utility) of base's own replies at temperature 1."""
    prompts = [st.tokens.prompt(text) for text, _, _ in requests for _ in range(each)]
    made = generate.replies(base, prompts, MAX_NEW, temperature=1.0, seed=seed)
    judged = [(p + generate.finished(r), r) for p, r in zip(prompts, made)]
    return [[(ids, chat.utility(verb, thing, st.tokens.decode(r)))
             for ids, r in judged[i * each:(i + 1) * each]]
            for i, (_, verb, thing) in enumerate(requests)]


def label(rng, groups):
    """Neighbouring replies of each request -> (preferred ids, other ids, worth gap)."""
    pairs = []
    for group in groups:
        for (a, worth_a), (b, worth_b) in zip(group, group[1:]):
            if a == b:
                continue
            first = chat.prefers_first(rng, worth_a, worth_b)
            pairs.append((a, b, worth_a - worth_b) if first else (b, a, worth_b - worth_a))
    return pairs


def accuracy(net, pairs):
    """Share of pairs ordered as labelled, and share ordered as the utility has it."""
    gaps = [a - b for a, b in zip(generate.rewards(net, [p[0] for p in pairs]),
                                  generate.rewards(net, [p[1] for p in pairs]))]
    noisy = sum(g > 0 for g in gaps) / len(pairs)
    clean = [(g > 0) == (p[2] > 0) for g, p in zip(gaps, pairs) if abs(p[2]) > 1e-6]
    return noisy, sum(clean) / len(clean)


def main():
    args = stage.parser(__doc__).parse_args()
    if stage.done(args.out / "reward" / "model.safetensors", "reward"):
        return
    st = stage.Stage("reward", args)
    base = model.load(model.LanguageModel, args.out / "base")
    rng = random.Random(f"reward-{args.seed}")
    requests = rng.sample(st.questions.train_requests, st.steps(N_PROMPTS) + HELD_OUT_PROMPTS)
    groups = sample(st, base, requests, args.seed)
    held, train = groups[:HELD_OUT_PROMPTS], groups[HELD_OUT_PROMPTS:]
    held_pairs, pairs = label(rng, held), label(rng, train)
    st.say(f"{len(pairs)} pairs sampled and labelled")

    net = model.load(model.RewardModel, args.out / "base")
    optimizer = stage.adamw(net, RATE)
    steps = EPOCHS * len(pairs) // PAIRS_A_STEP
    for step in range(steps):
        if step * PAIRS_A_STEP % len(pairs) < PAIRS_A_STEP:
            rng.shuffle(pairs)
        start = step * PAIRS_A_STEP % len(pairs)
        batch = pairs[start:start + PAIRS_A_STEP]
        stage.set_rate(optimizer, RATE * stage.cosine(step, steps, warmup=10))
        scores = net(*generate.pad([p[0] for p in batch] + [p[1] for p in batch]))
        better, worse = scores.chunk(2)
        loss = -F.logsigmoid(better - worse).mean() + CENTRE * (better + worse).pow(2).mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        if step % 20 == 19 or step == steps - 1:
            st.say(f"step {step + 1}/{steps}  loss {loss.item():.4f}")

    own = generate.rewards(net, [ids for group in held for ids, _ in group])
    worths = [worth for group in held for _, worth in group]
    with torch.no_grad():
        net.score.weight /= statistics.stdev(own)
    noisy, clean = accuracy(net, held_pairs)
    st.say(f"held-out pairs: {noisy:.3f} as labelled, {clean:.3f} as the utility; "
           f"correlation with the utility {statistics.correlation(own, worths):.3f}; "
           f"base's mean {statistics.mean(own) / statistics.stdev(own):+.3f}")
    model.save(net, args.out / "reward", st.tokenizer_path)
    st.finish()


if __name__ == "__main__":
    main()
