"""Aligns base by rejection sampling: best of 8 by the reward model, trained on, again and again, without KL.

Nothing holds the model near base, which is the point: the reward rises and other skills are forgotten.
"""
import random
import statistics

import generate
import model
import stage
import tokens

ITERATIONS, PROMPTS, BEST_OF, EPOCHS, TOKENS_A_STEP, RATE = 10, 192, 8, 3, 1536, 2e-3
MAX_NEW = 44


def best_replies(st, net, reward, requests, seed, best_of=BEST_OF):
    """-> (ids, reply length, reward) of the best reply to each request, the mean reward of all and of the best.

    A reply that ran out of room has lost a unit of reward when the best is chosen."""
    prompts = [st.tokens.prompt(text) for text, _, _ in requests for _ in range(best_of)]
    made = generate.replies(net, prompts, MAX_NEW, temperature=1.0, seed=seed)
    whole = [p + generate.finished(r) for p, r in zip(prompts, made)]
    scores = generate.rewards(reward, whole)
    best = []
    for i in range(0, len(whole), best_of):
        j = max(range(i, i + best_of), key=lambda k: scores[k] - (made[k][-1] != tokens.EOS))
        best.append((whole[j], len(whole[j]) - len(prompts[j]), scores[j]))
    return best, statistics.mean(scores), statistics.mean(b[2] for b in best)


def probe(st, net, n=160):
    """Share of exact answers by task on fresh training examples: what has been forgotten so far."""
    stream = st.questions.instruction("probe")
    asked = [e for e in (next(stream) for _ in range(n)) if e.task != "chat"]
    made = generate.replies(net, [st.tokens.prompt(e.prompt) for e in asked], max_new=24)
    right = {}
    for e, ids in zip(asked, made):
        right.setdefault(e.task, []).append(st.tokens.decode(ids) == e.answer)
    return "  ".join(f"{task} {statistics.mean(r):.2f}" for task, r in sorted(right.items()))


def main():
    args = stage.parser(__doc__)
    args.add_argument("--rate", type=float, default=RATE)
    args.add_argument("--iterations", type=int, default=ITERATIONS)
    args.add_argument("--name", default="tuned-rsf")
    args.add_argument("--keep", action="store_true", help="also keep the checkpoint after every iteration")
    args = args.parse_args()
    if stage.done(args.out / args.name / "model.safetensors", args.name):
        return
    st = stage.Stage(args.name, args)
    net = model.load(model.LanguageModel, args.out / "base")
    reward = model.load(model.RewardModel, args.out / "reward")
    rng = random.Random(f"rsf-{args.seed}")
    optimizer = stage.adamw(net, args.rate)
    for iteration in range(st.steps(args.iterations)):
        requests = rng.sample(st.questions.train_requests, PROMPTS)
        best, mean, mean_best = best_replies(st, net, reward, requests, args.seed * 1000 + iteration)
        rows = [(ids, [0.0] * (len(ids) - n) + [1.0] * n) for ids, n, _ in best]
        for _ in range(EPOCHS):
            rng.shuffle(rows)
            losses = [stage.lm_step(net, optimizer, [rows[i] for i in batch])
                      for batch in generate.batches([len(r[0]) for r in rows], TOKENS_A_STEP)]
        st.say(f"iteration {iteration + 1}  reward {mean:+.3f}, best of {BEST_OF} {mean_best:+.3f}  "
               f"loss {statistics.mean(losses):.4f}  now {probe(st, net)}")
        if args.keep:
            model.save(net, args.out / f"{args.name}-{iteration + 1}", st.tokenizer_path)
    model.save(net, args.out / args.name, st.tokenizer_path)
    st.finish()


if __name__ == "__main__":
    main()
