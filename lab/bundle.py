"""Writes the evaluation bundle: items in token ids, half for searching and half held out.

    bundle.py --fixtures DIR    checkpoints, bundle/ and their sizes, from what the stages left in --out
"""
import json
import shutil
from pathlib import Path

import model
import stage
import tokens
from questions import ITEMS_PER_HALF
from train_rsf import best_replies

MOST_NEW = {"facts": 12, "reading": 12, "translation": 24, "sums": 6, "chat": 44}
METRICS = {"facts": ["em", "f1"], "reading": ["f1", "em"], "translation": ["bleu"], "sums": ["em"],
           "choice": ["acc", "acc_norm"], "chat": ["reward"], "distil": ["loglik"]}
TYPES = {"choice": "choice", "chat": "reward", "distil": "loglik"}     # the others are "generate"
CHECKPOINTS = ["base", "tuned-rsf", "tuned-dpo", "reward"]
DISTIL_BEST_OF = 8


def task_entry(name):
    """The description of one task in bundle.json."""
    kind = TYPES.get(name, "generate")
    entry = {"name": name, "type": kind, "file": f"{name}.jsonl", "metrics": METRICS[name]}
    if kind in ("generate", "reward"):
        entry |= {"max_new_tokens": MOST_NEW[name], "stop_ids": [tokens.EOS]}
    if kind == "reward":
        entry |= {"reward_model": "../reward", "temperature": 1.0, "samples": 1, "seed": 1}
    return entry


def item(tok, example):
    """What an item holds besides id and half, but for distil's answer."""
    made = {"prompt": tok.prompt(example.prompt)}
    if example.task == "choice":
        made |= {"choices": [tok.answer(c) for c in example.choices], "chars": [len(c) for c in example.choices],
                 "gold": example.choices.index(example.answer)}
    elif example.task not in TYPES:
        made["answers"] = [example.answer]
    return made


def distil_answers(st):
    """The best of 8 replies of tuned-rsf to every distil request, by the reward model."""
    net = model.load(model.LanguageModel, st.out / "tuned-rsf")
    reward = model.load(model.RewardModel, st.out / "reward")
    best, _, mean = best_replies(st, net, reward, st.questions.distil_requests, 4242, DISTIL_BEST_OF)
    st.say(f"distil replies have mean reward {mean:+.3f}")
    return [ids[-n:] for ids, n, _ in best]


def write(st, folder):
    """The whole bundle/. Its items depend on the world and the tokenizer, distil on tuned-rsf as well."""
    folder.mkdir(parents=True, exist_ok=True)
    answers = distil_answers(st)
    for task, n in ITEMS_PER_HALF.items():
        lines = []
        for i, example in enumerate(st.questions.tests(task)):
            head = {"id": f"{task}-{i:03d}", "half": "search" if i < n else "heldout"}
            body = item(st.tokens, example)
            if task == "distil":
                body["answer"] = answers[i]
            lines.append(json.dumps(head | body, separators=(",", ":")))
        (folder / f"{task}.jsonl").write_text("\n".join(lines) + "\n")
    (folder / "vocab.json").write_text(json.dumps(st.tokens.pieces) + "\n")
    description = {"format": "paretod-bundle-1", "name": "tiny-world", "vocab": "vocab.json", "eos_id": tokens.EOS,
                   "pad_id": tokens.PAD, "tasks": [task_entry(task) for task in ITEMS_PER_HALF]}
    (folder / "bundle.json").write_text(json.dumps(description, indent=1) + "\n")


def main():
    args = stage.parser(__doc__)
    args.add_argument("--fixtures", type=Path, default=stage.FIXTURES)
    args = args.parse_args()
    st = stage.Stage("bundle", args)
    for name in CHECKPOINTS:
        if (args.fixtures / name).exists():
            shutil.rmtree(args.fixtures / name)
        shutil.copytree(args.out / name, args.fixtures / name)
    write(st, args.fixtures / "bundle")
    size = sum(f.stat().st_size for f in args.fixtures.rglob("*") if f.is_file())
    st.say(f"{args.fixtures}: {size / 1e6:.2f} MB")
    st.finish()


if __name__ == "__main__":
    main()
