"""Batched sampling and scoring of replies."""
import torch

import tokens
from model import Cache


def batches(lengths, most_tokens):
    """Splits indices, sorted by length, into lists whose padded size is at most most_tokens."""
    order, batch = sorted(range(len(lengths)), key=lambda i: lengths[i]), []
    for i in order:
        if batch and (len(batch) + 1) * lengths[i] > most_tokens:
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch


def pad(rows, left=False):
    """list of id lists -> ids [B, T] and the lengths [B]"""
    width = max(map(len, rows))
    fill = [[tokens.PAD] * (width - len(r)) for r in rows]
    padded = [f + r if left else r + f for r, f in zip(rows, fill)]
    return torch.tensor(padded), torch.tensor([len(r) for r in rows])


@torch.no_grad()
def reply_batch(model, prompts, max_new, temperature, generator):
    """prompts: id lists -> id lists of replies, each ended by EOS unless max_new ran out."""
    ids, lengths = pad(prompts, left=True)
    pad_left = ids.shape[1] - lengths
    cache = Cache(model.shape, len(prompts), ids.shape[1] + max_new)
    done, made = torch.zeros(len(prompts), dtype=torch.bool), []
    for _ in range(max_new):
        hidden = model.model(ids, pad_left=pad_left, cache=cache)[:, -1]
        logits = model.lm_head(hidden).float()
        if temperature == 0:
            ids = logits.argmax(-1, keepdim=True)
        else:
            ids = torch.multinomial((logits / temperature).softmax(-1), 1, generator=generator)
        made.append(ids)
        done |= ids[:, 0] == tokens.EOS
        if done.all():
            break
    rows = torch.cat(made, 1).tolist()
    return [r[:r.index(tokens.EOS) + 1] if tokens.EOS in r else r for r in rows]


def replies(model, prompts, max_new, temperature=0.0, seed=0, most_tokens=16384):
    """As reply_batch for any number of prompts, in their order."""
    generator, out = torch.Generator().manual_seed(seed), [None] * len(prompts)
    for batch in batches([len(p) + max_new for p in prompts], most_tokens):
        made = reply_batch(model, [prompts[i] for i in batch], max_new, temperature, generator)
        for i, row in zip(batch, made):
            out[i] = row
    return out


def finished(reply):
    """The reply with exactly one EOS at its end."""
    return reply if reply and reply[-1] == tokens.EOS else reply + [tokens.EOS]


@torch.no_grad()
def rewards(reward_model, sequences, most_tokens=16384):
    """Scores of whole sequences (prompt + reply + EOS) -> list of floats."""
    out = [0.0] * len(sequences)
    for batch in batches([len(s) for s in sequences], most_tokens):
        scores = reward_model(*pad([sequences[i] for i in batch])).tolist()
        for i, score in zip(batch, scores):
            out[i] = score
    return out


def answer_logprobs(model, pairs, most_tokens=8192):
    """pairs: (prompt ids, answer ids) -> list of [len(answer)] tensors of log-probabilities. Differentiable
    if gradients are on."""
    out = [None] * len(pairs)
    for batch in batches([len(p) + len(a) for p, a in pairs], most_tokens):
        ids, _ = pad([pairs[i][0] + pairs[i][1] for i in batch])
        logp = model(ids).float().log_softmax(-1)[:, :-1].gather(2, ids[:, 1:, None])[:, :, 0]   # [B, T-1]
        for row, i in enumerate(batch):
            start = len(pairs[i][0]) - 1
            out[i] = logp[row, start:start + len(pairs[i][1])]
    return out
