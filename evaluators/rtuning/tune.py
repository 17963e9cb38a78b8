#!/usr/bin/env python3
"""Trains a small checkpoint on the rows of `paretoctl rtuning construct` (format "segments"): R-Tuning on one machine.

    paretoctl rtuning construct identified.jsonl --method padding --out train.jsonl
    tune.py train.jsonl --base checkpoints/sft --out checkpoints/r-tuned --verdict-weight 20

Only tokens of marked segments count. Base is a Hugging Face checkpoint with safetensors and tokenizer.json; the result has its
tensors and dtypes, so that both are a pair for a search, and appears whole or not at all. Weights and AdamW are held in
float32: 16 bytes a parameter.
"""
import argparse
import json
import math
import os
import random
import shutil
import sys
import time
from pathlib import Path

try:
    import torch
    import torch.nn.functional as F
    from safetensors import SafetensorError, safe_open
    from safetensors.torch import save_file
    from tokenizers import Tokenizer
    from transformers import AutoModelForCausalLM
except ImportError as why:
    sys.exit(f"{why}: install PyTorch, then pip install -r {Path(__file__).parent / 'requirements-tune.txt'}")

SHOWN = 10  # bad rows that are named
ROLES = ("prompt", "answer", "probe", "verdict")
WARMUP, FLOOR = 10, 0.02  # of the rate: steps, and its last share
DECAY, BETAS, CLIP = 0.01, (0.9, 0.98), 1.0
LINES = 10  # of progress, where the output is no terminal


class Bad(Exception):
    """A row or a checkpoint that cannot be used; the sentence says why."""


# ---- rows: what is learnt

def checked(row):
    """The segments of a row, when they are what docs/RTUNING.md says."""
    segments = row.get("segments") if isinstance(row, dict) else None
    if not isinstance(segments, list) or not segments:
        raise Bad('has no "segments"; make it with paretoctl rtuning construct --format segments')
    for s in segments:
        if not (isinstance(s, dict) and isinstance(s.get("text"), str) and isinstance(s.get("loss"), bool)):
            raise Bad('a segment must have "text" and "loss", true or false')
        if s.get("role") not in ROLES:
            raise Bad(f'a segment\'s "role" must be one of {", ".join(ROLES)}')
    if not any(s["loss"] for s in segments):
        raise Bad("no segment has a loss: there is nothing to learn")
    return segments


def split(tokenizer, segments):
    """[(role, loss, ids)] of the row's text, encoded as a whole. What begins a text for this tokenizer (<s>) is the first segment's,
    what ends one is left out. A token of two segments cannot be half learnt, and no evaluation would read it so: Bad."""
    whole = tokenizer.encode("".join(s["text"] for s in segments))
    parts, end = [], 0
    for s in segments:
        begin, end = end, end + len(s["text"])
        parts.append((s["role"], s["loss"], []))
        for i, (a, b), special in zip(whole.ids, whole.offsets, whole.special_tokens_mask):
            if not special and begin <= a < end:
                if b > end:
                    raise Bad(f"the tokenizer joins the end of {s['text'][-20:]!r} with what follows")
                parts[-1][2].append(i)
    head = next(k for k, special in enumerate(whole.special_tokens_mask + [0]) if not special)
    parts[0][2][:0] = whole.ids[:head]
    if sum(len(ids) for _, _, ids in parts) != head + whole.special_tokens_mask.count(0):
        raise Bad("has a token that stands in no segment")
    return parts


def example(tokenizer, row, verdict_weight=1.0, end=None):
    """(ids, weights): weights[t] is what the prediction of ids[t] counts. `end`: a token to learn after the text, or None."""
    ids, weights = [], []
    for role, loss, part in split(tokenizer, checked(row)):
        ids += part
        weights += [(verdict_weight if role == "verdict" else 1.0) if loss else 0.0] * len(part)
    return (ids, weights) if end is None else (ids + [end], weights + [1.0])


def read_examples(paths, make, longest):
    """All examples, and how many rows are bad; the first of these are named on standard error."""
    made, bad = [], 0
    for path in paths:
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, ValueError) as why:
            raise Bad(f"{path} cannot be read: {why}")
        for number, line in enumerate(text.split("\n"), 1):
            if not line.strip():
                continue
            try:
                ids, weights = make(json.loads(line))
                if len(ids) > longest:
                    raise Bad(f"has {len(ids)} tokens, and the model reads {longest}")
                made.append((ids, weights))
            except (Bad, ValueError) as why:
                bad += 1
                if bad <= SHOWN:
                    print(f"{path}:{number}: {why}", file=sys.stderr)
    if bad:
        print(f"{bad} of {bad + len(made)} rows are bad and left out, {min(bad, SHOWN)} of them named above", file=sys.stderr)
    return made, bad


# ---- the checkpoint

def load(base):
    """The model in float32. A tensor that base does not have would be made up: Bad."""
    if not list(base.glob("*.safetensors")):
        raise Bad(f"{base} has no *.safetensors; save it with transformers' save_pretrained")
    net, about = AutoModelForCausalLM.from_pretrained(base, torch_dtype=torch.float32, output_loading_info=True)
    if about["missing_keys"] or about["mismatched_keys"]:
        raise Bad(f"{base} does not have every tensor of {type(net).__name__}: "
                  f"{(about['missing_keys'] + about['mismatched_keys'])[0]}")
    return net


def freeze_lower(net, layers):
    """Embeddings and the lowest layers stay as they are. 0: nothing is frozen."""
    if layers == 0:
        return
    blocks = next((m for m in net.modules() if isinstance(m, torch.nn.ModuleList) and len(m) == net.config.num_hidden_layers), None)
    if blocks is None or layers > len(blocks):
        raise Bad(f"--frozen {layers}: the model has {net.config.num_hidden_layers} layers")
    for module in [net.get_input_embeddings(), *blocks[:layers]]:
        module.requires_grad_(False)


def write(net, base, out):
    """Base's files again, in their dtypes, with the trained weights; beside its place first, so that half of it is never found."""
    state, new = net.state_dict(), out.with_name(f".{out.name}.new-{os.getpid()}")
    new.mkdir(parents=True)
    try:
        for file in sorted(f for f in base.iterdir() if f.is_file()):
            if file.suffix != ".safetensors":
                if file.suffix not in (".bin", ".pt", ".pth", ".gguf"):  # other copies of base's weights
                    shutil.copyfile(file, new / file.name)
                continue
            with safe_open(file, "pt") as old:
                tensors = {name: old.get_tensor(name) for name in old.keys()}
                metadata = old.metadata()
            # what the model does not have (inverse frequencies, say) stays
            tensors = {name: state[name].to(t.dtype).cpu().contiguous().clone() if name in state else t
                       for name, t in tensors.items()}
            save_file(tensors, new / file.name, metadata=metadata)
        new.rename(out)
    except BaseException as why:
        shutil.rmtree(new, ignore_errors=True)
        if isinstance(why, (OSError, SafetensorError)):  # a full disk, say
            raise Bad(f"{out} cannot be written: {why}") from why
        raise


# ---- training

def share_of_rate(step, steps):
    """Cosine after a short warm-up."""
    warmup = min(WARMUP, steps // 5 + 1)
    if step < warmup:
        return (step + 1) / warmup
    return FLOOR + (1 - FLOOR) * 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup)))


def weighted_loss(net, rows):
    """Sum over the rows' tokens of weight · negative log-likelihood. Padding stands behind each row, where causal attention does
    not look, and weighs nothing."""
    longest, device = max(len(ids) for ids, _ in rows), next(net.parameters()).device
    ids = torch.tensor([i + [0] * (longest - len(i)) for i, _ in rows], device=device)
    weights = torch.tensor([w + [0.0] * (longest - len(w)) for _, w in rows], device=device)
    logits = net(ids[:, :-1], use_cache=False).logits.float()
    losses = F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(), reduction="none")
    return (losses * weights[:, 1:].flatten()).sum()


def step_on(net, optimizer, batch, micro):
    """One step on the batch's weighted mean, `micro` rows at once; -> the mean before the step."""
    total, found = sum(sum(w[1:]) for _, w in batch), 0.0
    batch = sorted(batch, key=lambda row: len(row[0]))  # little padding
    optimizer.zero_grad(set_to_none=True)
    for k in range(0, len(batch), micro):
        loss = weighted_loss(net, batch[k:k + micro]) / total
        loss.backward()
        found += loss.item()
    if not math.isfinite(found):
        raise Bad("the loss is no longer a number; try a smaller --rate")
    torch.nn.utils.clip_grad_norm_([p for p in net.parameters() if p.requires_grad], CLIP)
    optimizer.step()
    return found


def tell(step, steps, loss, started):
    """A line that is written over on a terminal, a few lines elsewhere."""
    text = f"step {step}/{steps}  loss {loss:.4f}  {time.monotonic() - started:.0f} s"
    if sys.stderr.isatty():
        print(f"\r{text}\033[K", end="" if step < steps else "\n", file=sys.stderr, flush=True)
    elif step in (1, steps) or step % max(1, steps // LINES) == 0:
        print(text, file=sys.stderr, flush=True)


def train(net, rows, args):
    """AdamW over all rows `epochs` times, each time in another order."""
    trained = [p for p in net.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW([{"params": [p for p in trained if p.dim() > 1], "weight_decay": DECAY},
                                   {"params": [p for p in trained if p.dim() <= 1], "weight_decay": 0.0}],
                                  lr=args.rate, betas=BETAS)
    rng, order, started = random.Random(args.seed), [], time.monotonic()
    steps = args.steps or max(1, math.ceil(args.epochs * len(rows) / args.batch))
    net.train()
    for step in range(steps):
        while len(order) < args.batch:
            order += rng.sample(rows, len(rows))
        batch, order = order[:args.batch], order[args.batch:]
        for group in optimizer.param_groups:
            group["lr"] = args.rate * share_of_rate(step, steps)
        tell(step + 1, steps, step_on(net, optimizer, batch, args.micro_batch), started)


# ---- the program

def positive(kind):
    def read(text):
        value = kind(text)
        if not (math.isfinite(value) and value > 0):
            raise ValueError
        return value
    read.__name__ = "positive " + ("number" if kind is float else "whole number")
    return read


def arguments():
    first, example_text, more = __doc__.split("\n\n")[:3]
    p = argparse.ArgumentParser(description=first, epilog=example_text + "\n\n" + more,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("rows", nargs="+", type=Path, metavar="TRAIN.jsonl")
    p.add_argument("--base", type=Path, required=True, metavar="DIR", help="the checkpoint that answered the questions")
    p.add_argument("--out", type=Path, required=True, metavar="DIR", help="a new directory")
    p.add_argument("--epochs", type=positive(float), default=1.0, help="default 1, as in the paper")
    p.add_argument("--steps", type=positive(int), help="instead of --epochs")
    p.add_argument("--rate", type=positive(float), default=2e-5, help="default 2e-5, as in the paper; small models want more")
    p.add_argument("--batch", type=positive(int), default=4, help="rows a step (default 4, as in the paper)")
    p.add_argument("--micro-batch", type=positive(int), default=8, help="rows in memory at once (default 8)")
    p.add_argument("--verdict-weight", type=positive(float), default=1.0,
                   help="of the verdict's tokens; an answer's weigh 1 (default 1)")
    p.add_argument("--frozen", type=int, default=0, metavar="N", help="embeddings and the N lowest layers stay as they are")
    p.add_argument("--end", action="store_true", help="learn the end token after each row, too")
    p.add_argument("--seed", type=int, default=1, help="of the rows' order (default 1)")
    p.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    p.add_argument("--strict", action="store_true", help="a bad row is a failure")
    args = p.parse_args()
    if args.frozen < 0:
        p.error("--frozen must be at least 0")
    return args


def moved(net, device):
    try:
        return net.to(device)
    except (RuntimeError, AssertionError) as why:  # torch says the second of a CUDA that it has not
        raise Bad(f"--device {device}: {str(why).splitlines()[0]}")


def end_token(net):
    found = net.generation_config.eos_token_id if net.generation_config else None
    found = net.config.eos_token_id if found is None else found
    found = found[0] if isinstance(found, list) else found
    if found is None:
        raise Bad("--end: neither generation_config.json nor config.json has eos_token_id")
    return found


def main():
    args = arguments()
    if args.out.exists():
        sys.exit(f"{args.out} exists; remove it or name another place")
    if not (args.base / "tokenizer.json").exists():
        sys.exit(f"{args.base} has no tokenizer.json; save it there with transformers' fast tokenizer")
    torch.manual_seed(args.seed)
    try:
        net = moved(load(args.base), args.device)
        freeze_lower(net, args.frozen)
        tokenizer, end = Tokenizer.from_file(str(args.base / "tokenizer.json")), end_token(net) if args.end else None
        rows, bad = read_examples(args.rows, lambda row: example(tokenizer, row, args.verdict_weight, end),
                                  getattr(net.config, "max_position_embeddings", None) or sys.maxsize)
        if not rows or bad and args.strict:
            raise Bad("nothing was written: " + ("there is no row to learn from" if not rows else "--strict takes no bad row"))
        train(net, rows, args)
        write(net, args.base, args.out)
    except Bad as why:
        sys.exit(str(why))
    learnt = sum(w > 0 for _, weights in rows for w in weights[1:])
    print(f"{args.out}: learnt {learnt} tokens of {sum(len(ids) for ids, _ in rows)} in {len(rows)} rows")


if __name__ == "__main__":
    main()
