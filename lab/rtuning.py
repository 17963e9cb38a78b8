"""What the stages of R-Tuning share: their tokenizer, asking a model, what it knows, and tuning on rows.

A question is a row of knowledge.py. Asked, a model gives an Asked: its greedy answer up to the first ".", what it
thought of it (confidence), and the probability of "sure" against "unsure" after the probe.
"""
import math
import random
from dataclasses import dataclass

import torch

import generate
import model
import stage
import tokens
from knowledge import ASK, PROBE, SURE, UNSURE, Knowledge

SHAPE = model.SHAPE | {"num_hidden_layers": 6, "max_position_embeddings": 128}
MOST_ANSWER, MOST_CONFIDENCE = 6, 5      # tokens of an answer, and of those that confidence heeds
BATCH = 32
RATE, EPOCHS, FROZEN = 2e-3, 4, 5        # of tuning, R-Tuned and plain alike, unless told otherwise


@dataclass
class Asked:
    ids: list            # the answer without the "."
    text: str
    confidence: float    # geometric mean of the greedy tokens' probabilities, at most MOST_CONFIDENCE of them
    product: float       # of the same probabilities
    sure: float          # P(sure) / (P(sure) + P(unsure))

    def right(self, row):
        """The paper's match: a right answer is part of what was written. Unanswerable questions have none."""
        return any(gold in self.text for gold in row.get("answers", []))


class Stage(stage.Stage):
    """A stage whose world is knowledge.py's. Its results are in OUT/rtuning."""

    def __init__(self, name, args):
        args.out = args.out / "rtuning"
        super().__init__(name, args)

    def prepare(self):
        self.world = Knowledge()
        if not self.tokenizer_path.exists():
            tokens.learn((p + text for p, text in self.world.pretraining("tok")), self.tokenizer_path)
        self.tokens = Tokens(self.tokenizer_path)


class Tokens(tokens.Tokens):
    """As Tokens, but what is asked is "Question: … Answer:"."""

    def __init__(self, path):
        super().__init__(path)
        self.probe, (self.sure,), (self.unsure,) = self.ids(PROBE), self.ids(SURE), self.ids(UNSURE)
        self.full_stop, = self.ids(".")
        self.verdicts = {True: self.ids(SURE + "."), False: self.ids(UNSURE + ".")}

    def ids(self, text):
        return self.tok.encode(text, add_special_tokens=False).ids

    def prompt(self, text):
        return [tokens.BOS] + self.ids(ASK.format(q=text))


@torch.no_grad()
def answer_batch(net, prompts, full_stop):
    """-> per prompt the greedy ids before "." or EOS and their probabilities"""
    ids, lengths = generate.pad(prompts, left=True)
    pad_left, cache = ids.shape[1] - lengths, model.Cache(net.shape, len(prompts), ids.shape[1] + MOST_ANSWER)
    made, probabilities = [], []
    for _ in range(MOST_ANSWER):
        hidden = net.model(ids, pad_left=pad_left, cache=cache)[:, -1]
        best, ids = net.lm_head(hidden).float().softmax(-1).max(-1, keepdim=True)
        made.append(ids)
        probabilities.append(best)
    rows = []
    for row, p in zip(torch.cat(made, 1).tolist(), torch.cat(probabilities, 1).tolist()):
        end = next((k for k, i in enumerate(row) if i in (full_stop, tokens.EOS)), MOST_ANSWER)
        rows.append((row[:end], p[:max(1, end)][:MOST_CONFIDENCE]))
    return rows


@torch.no_grad()
def sure_of(net, tok, sequences, most_tokens=16384):
    """sequences of prompt and answer -> P(sure) after the probe"""
    out = [0.0] * len(sequences)
    whole = [s + tok.probe for s in sequences]
    for batch in generate.batches([len(s) for s in whole], most_tokens):
        ids, lengths = generate.pad([whole[i] for i in batch])
        logits = net.lm_head(net.model(ids)[torch.arange(len(batch)), lengths - 1])
        for i, p in zip(batch, logits[:, [tok.sure, tok.unsure]].float().softmax(-1)[:, 0].tolist()):
            out[i] = p
    return out


def ask(net, tok, rows, most_tokens=16384):
    """-> [Asked] in the rows' order"""
    prompts, answers = [tok.prompt(row["question"]) for row in rows], [None] * len(rows)
    for batch in generate.batches([len(p) + MOST_ANSWER for p in prompts], most_tokens):
        for i, found in zip(batch, answer_batch(net, [prompts[i] for i in batch], tok.full_stop)):
            answers[i] = found
    sure = sure_of(net, tok, [p + ids for p, (ids, _) in zip(prompts, answers)])
    return [Asked(ids, tok.decode(ids), math.prod(p) ** (1 / len(p)), math.prod(p), s)
            for (ids, p), s in zip(answers, sure)]


# -- tuning ----------------------------------------------------------------------------------------


def identified(net, tok, rows):
    """The paper's D1 and D0: [(row, certain: does base answer rightly, its own answer's ids)]"""
    return [(row, a.right(row), a.ids) for row, a in zip(rows, ask(net, tok, rows))]


def freeze_lower(net, layers):
    """Embeddings and the lowest layers stay as they are, lest names be learnt by heart. 0: nothing is frozen."""
    if layers == 0:
        return
    net.model.embed_tokens.weight.requires_grad_(False)
    for layer in net.model.layers[:layers]:
        layer.requires_grad_(False)


def tune(st, net, rows, rate, epochs, rng):
    """AdamW over rows of (ids, weights), BATCH a step, cosine rate."""
    optimizer, order = stage.adamw(net, rate), []
    steps = st.steps(epochs * len(rows) / BATCH)
    for step in range(steps):
        if len(order) < BATCH:
            order += rng.sample(rows, len(rows))
        batch, order = order[:BATCH], order[BATCH:]
        stage.set_rate(optimizer, rate * stage.cosine(step, steps, warmup=min(10, steps // 5 + 1)))
        with torch.cpu.amp.autocast():
            loss = stage.lm_step(net, optimizer, batch, micro_tokens=4096)
        if step % 40 == 39 or step == steps - 1:
            st.say(f"step {step + 1}/{steps}  loss {loss:.4f}")


def tuning_parser(doc, name):
    """The options of the stages that tune base; results are NAME-SEED."""
    args = stage.parser(doc)
    args.add_argument("--rate", type=float, default=RATE)
    args.add_argument("--frozen", type=int, default=FROZEN, help="embeddings and this many layers stay as they are")
    args.add_argument("--name", default=name)
    return args


def tune_base(args, rows_of):
    """One such stage, unless its result is there. rows_of(st, net): all rows of (ids, weights), from base as it is."""
    folder = args.out / "rtuning" / f"{args.name}-{args.seed}"
    if stage.done(folder / "model.safetensors", folder.name):
        return
    st = Stage(folder.name, args)
    net, rng = model.load(model.LanguageModel, st.out / "base"), random.Random(f"tuning-{st.seed}")
    rows = rows_of(st, net)
    freeze_lower(net, args.frozen)
    tune(st, net, rows, args.rate, EPOCHS, rng)
    model.save(net, folder, st.tokenizer_path)
    st.finish()
