"""Checks the shipped fixtures against the bundle's contract; exits 1 and names the first breach.

    check_fixtures.py [--fixtures DIR]     prints the sizes and the tokens that one half's evaluation takes
"""
import argparse
import json
from pathlib import Path

import torch
from safetensors import safe_open
from transformers import PreTrainedTokenizerFast

import evaluate
import generate
import model
import stage
import tokens
from questions import ITEMS_PER_HALF, Questions
from world import World

MOST_BYTES, MOST_TOKENS_A_HALF = 15_000_000, 47_000


def want(truth, complaint):
    if not truth:
        raise SystemExit(f"check_fixtures: {complaint}")


def check_items(task):
    items = task["items"]
    want(len({i["id"] for i in items}) == len(items), f"{task['name']}: an id is used twice")
    want(len({tuple(i["prompt"]) for i in items}) == len(items), f"{task['name']}: a prompt is used twice")
    for half in ("search", "heldout"):
        n = sum(i["half"] == half for i in items)
        want(n == ITEMS_PER_HALF[task["name"]], f"{task['name']}: {n} items in {half}")
    for i in items:
        ids = i["prompt"] + i.get("answer", []) + [t for c in i.get("choices", []) for t in c]
        want(i["prompt"][0] == tokens.BOS and tokens.PAD not in ids, f"{i['id']}: begins without BOS or holds padding")
        want(all(0 <= t < tokens.VOCAB_SIZE for t in ids), f"{i['id']}: an id is out of range")
        if task["type"] == "choice":
            want(len(i["choices"]) == len(i["chars"]) == 4 and 0 <= i["gold"] < 4, f"{i['id']}: choices are off")
        if task["type"] == "loglik":
            want(i["answer"][-1] == tokens.EOS, f"{i['id']}: the answer has no EOS")


def check_vocabulary(fixtures, bundle):
    """vocab.json's pieces, joined, must be what the tokenizer decodes."""
    tok = PreTrainedTokenizerFast.from_pretrained(fixtures / "base")
    want(len(bundle["pieces"]) == len(tok) == tokens.VOCAB_SIZE, "vocab.json has another size than the tokenizer")
    want(all(p.isascii() for p in bundle["pieces"]), "vocab.json holds text beyond ASCII")
    for task in bundle["tasks"]:
        for i in task["items"]:
            ids = i["prompt"] + i.get("answer", [])
            joined = "".join(bundle["pieces"][t] for t in ids)
            want(joined == tok.decode(ids, skip_special_tokens=True), f"{i['id']}: pieces do not join to the text")
            if task["type"] != "loglik":
                want(tok(joined)["input_ids"] == ids, f"{i['id']}: the text encodes to other ids")


def check_world(seed=1):
    """No test prompt is met in a long stretch of the training stream."""
    questions = Questions(World(seed), seed)
    prompts = {e.prompt for task in ITEMS_PER_HALF for e in questions.tests(task)}
    for stream in questions.pretraining(f"pretrain-{seed}"), questions.instruction(f"instruct-{seed}"):
        want(not any(next(stream).prompt in prompts for _ in range(30_000)), "a test prompt is in the training stream")


def check_checkpoint(folder):
    with safe_open(str(folder / "model.safetensors"), "pt") as f:
        want(f.metadata() == {"format": "pt"}, f"{folder.name}: metadata")
        want(all(f.get_tensor(k).dtype == torch.bfloat16 and f.get_tensor(k).isfinite().all() for k in f.keys()),
             f"{folder.name}: a tensor is not finite bf16")


def tokens_of_half(net, bundle):
    """Tokens that evaluating the search half runs through a model: prompts, choices, greedy or sampled text."""
    total = 0
    for task in bundle["tasks"]:
        items = [i for i in task["items"] if i["half"] == "search"]
        n = sum(len(i["prompt"]) + len(i.get("answer", [])) + sum(map(len, i.get("choices", []))) for i in items)
        if "max_new_tokens" in task:
            made = generate.replies(net, [i["prompt"] for i in items], task["max_new_tokens"],
                                    task.get("temperature", 0), seed=1)
            n += sum(map(len, made))
            if task["type"] == "reward":
                n += sum(len(i["prompt"]) + len(generate.finished(r)) for i, r in zip(items, made))
        print(f"{task['name']}: {n} tokens")
        total += n
    return total


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    p.add_argument("--fixtures", type=Path, default=stage.FIXTURES)
    args = p.parse_args()
    torch.set_num_threads(1)
    bundle = evaluate.load_bundle(args.fixtures / "bundle")
    for task in bundle["tasks"]:
        check_items(task)
    check_vocabulary(args.fixtures, bundle)
    check_world()
    for name in ("base", "tuned-rsf", "tuned-dpo", "reward"):
        check_checkpoint(args.fixtures / name)
    spent = tokens_of_half(model.load(model.LanguageModel, args.fixtures / "tuned-rsf"), bundle)
    want(spent <= MOST_TOKENS_A_HALF, f"one half takes {spent} tokens")
    size = sum(f.stat().st_size for f in args.fixtures.rglob("*")
               if f.is_file() and "rtuning" not in f.parts)
    want(size <= MOST_BYTES, f"the fixtures take {size} bytes")
    print(f"fixtures are sound: {size / 1e6:.2f} MB, {spent} tokens a half")


if __name__ == "__main__":
    main()
