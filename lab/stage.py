"""What every training stage shares: folders, seeds, progress lines, and the weighted next-token step."""
import argparse
import math
import random
import time
from pathlib import Path

import torch
import torch.nn.functional as F

import generate
import tokens
from questions import Questions
from world import World

LAB = Path(__file__).resolve().parent
FIXTURES = LAB.parent / "tests" / "fixtures"
GOLDEN = LAB.parent / "tests" / "golden" / "lab"


def parser(doc):
    """The options that every stage understands."""
    made = argparse.ArgumentParser(description=doc.split("\n\n")[0])
    made.add_argument("--out", type=Path, default=LAB / "out", help="folder of all stages (default lab/out)")
    made.add_argument("--seed", type=int, default=1)
    made.add_argument("--scale", type=float, default=1.0, help="multiplies every number of steps; .1 for a quick look")
    return made


class Stage:
    """One stage of training: world, tokenizer, clock and log. Restarting is the caller's: a stage whose
    result exists is not started (see done)."""

    def __init__(self, name, args):
        self.name, self.out, self.seed, self.scale = name, args.out, args.seed, args.scale
        self.started = time.monotonic()
        torch.set_num_threads(1)     # the backward pass heeds only OMP_NUM_THREADS, see train.sh
        torch.manual_seed(args.seed)
        random.seed(args.seed)
        self.out.mkdir(parents=True, exist_ok=True)
        self.tokenizer_path = self.out / "tokenizer.json"
        self.prepare()

    def prepare(self):
        """The world of this stage and its tokenizer."""
        self.questions = Questions(World(self.seed), self.seed)
        if not self.tokenizer_path.exists():
            tokens.train(self.questions, self.tokenizer_path, self.seed)
        self.tokens = tokens.Tokens(self.tokenizer_path)

    def steps(self, n):
        return max(2, round(n * self.scale))

    def say(self, text):
        print(f"{self.name} {time.monotonic() - self.started:6.0f}s  {text}", flush=True)

    def finish(self):
        """Notes the time that the stage took, for the table in README.md."""
        (self.out / f"{self.name}.seconds").write_text(f"{time.monotonic() - self.started:.0f}\n")
        self.say("done")


def done(path, name):
    if path.exists():
        print(f"{name}: {path} exists, skipped", flush=True)
    return path.exists()


def cosine(step, steps, warmup, floor=0.02):
    """Factor of the learning rate."""
    if step < warmup:
        return (step + 1) / warmup
    return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup)))


def adamw(model, rate, decay=0.01, betas=(0.9, 0.98)):
    """Weight decay on matrices only."""
    matrices = [p for p in model.parameters() if p.dim() > 1]
    others = [p for p in model.parameters() if p.dim() <= 1]
    return torch.optim.AdamW([{"params": matrices, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}],
                             lr=rate, betas=betas)


def lm_step(model, optimizer, rows, micro_tokens=1024, clip=1.0):
    """One optimiser step on rows of (ids, weights); returns the weighted mean loss.

    Rows are cut into micro-batches of like length, so that little padding is computed."""
    total, loss_sum = sum(sum(w[1:]) for _, w in rows), 0.0
    optimizer.zero_grad(set_to_none=True)
    for batch in generate.batches([len(ids) for ids, _ in rows], micro_tokens):
        ids, _ = generate.pad([rows[i][0] for i in batch])
        weights = torch.zeros(ids.shape)
        for r, i in enumerate(batch):
            weights[r, :len(rows[i][1])] = torch.tensor(rows[i][1])
        losses = F.cross_entropy(model(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten(), reduction="none")
        loss = (losses * weights[:, 1:].flatten()).sum() / total
        loss.backward()
        loss_sum += loss.item()
    torch.nn.utils.clip_grad_norm_(model.parameters(), clip)
    optimizer.step()
    return loss_sum


def set_rate(optimizer, rate):
    for group in optimizer.param_groups:
        group["lr"] = rate
