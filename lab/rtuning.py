"""What the stages of R-Tuning share: their tokenizer, asking a model, what it knows, and tuning on rows.

A question is a row of knowledge.py. Asked, a model gives an Asked: its greedy answer up to the first ".", what it
thought of it (confidence), and the probability of "sure" against "unsure" after the probe.
"""
import collections
import itertools
import math
import random
from dataclasses import dataclass

import torch

import generate
import model
import stage
import tokens
from knowledge import ASK, EXPRESSIONS, PROBE, SURE, UNSURE, Knowledge

SHAPE = model.SHAPE | {"num_hidden_layers": 6, "max_position_embeddings": 128}
MOST_ANSWER, MOST_CONFIDENCE = 6, 5      # tokens of an answer, and of those that confidence heeds
SAMPLES, TEMPERATURE = 10, 0.7           # of R-Tuning-U and Vanilla-C, section 5.1
FOLDS = 4                                # every part of the entities but the search half can be held out
BATCH = 32
RATE, EPOCHS, FROZEN = 2e-3, 4, 5        # of tuning, R-Tuned and plain alike, unless told otherwise


@dataclass
class Asked:
    ids: list            # the answer without the "."
    text: str
    confidence: float    # geometric mean of the greedy tokens' probabilities, at most MOST_CONFIDENCE of them
    product: float       # of the same probabilities
    sure: float          # P(sure) / (P(sure) + P(unsure)), None where it was not asked for

    def refuses(self):
        """Did it write one of the paper's expressions, whole?"""
        return any(e.rstrip(".") in self.text for e in EXPRESSIONS)

    def right(self, row):
        """The paper's match: a right answer is part of what was written. Unanswerable questions have none."""
        return any(gold in self.text for gold in row.get("answers", []))


class Stage(stage.Stage):
    """A stage whose world is knowledge.py's. Its results are in OUT/rtuning."""

    def __init__(self, name, args):
        args.out, self.fold = args.out / "rtuning", getattr(args, "fold", 0)
        super().__init__(name, args)

    def prepare(self):
        self.world = Knowledge(fold=self.fold)
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

    def until_stop(self, ids):
        """What stands before the first "." or EOS."""
        return list(itertools.takewhile(lambda i: i not in (self.full_stop, tokens.EOS), ids))

    def prompt(self, text):
        return [tokens.BOS] + self.ids(ASK.format(q=text))


@torch.no_grad()
def answer_batch(net, prompts, full_stop, most):
    """-> per prompt the greedy ids before "." or EOS, at most `most`, and the probabilities of the first few"""
    ids, lengths = generate.pad(prompts, left=True)
    pad_left, cache = ids.shape[1] - lengths, model.Cache(net.shape, len(prompts), ids.shape[1] + most)
    made, probabilities, ended = [], [], torch.zeros(len(prompts), 1, dtype=torch.bool)
    while len(made) < most and not ended.all():
        hidden = net.model(ids, pad_left=pad_left, cache=cache)[:, -1]
        best, ids = net.lm_head(hidden).float().softmax(-1).max(-1, keepdim=True)
        made.append(ids)
        probabilities.append(best)
        ended |= (ids == full_stop) | (ids == tokens.EOS)
    rows = []
    for row, p in zip(torch.cat(made, 1).tolist(), torch.cat(probabilities, 1).tolist()):
        end = next((k for k, i in enumerate(row) if i in (full_stop, tokens.EOS)), len(row))
        rows.append((row[:end], p[:max(1, end)][:MOST_CONFIDENCE]))
    return rows


@torch.no_grad()
def sample_batch(net, prompts, full_stop, generator):
    """-> ids [prompts * SAMPLES, at most MOST_ANSWER] drawn at TEMPERATURE; those of a prompt lie together"""
    ids, lengths = generate.pad(prompts, left=True)
    pad_left, cache = ids.shape[1] - lengths, model.Cache(net.shape, len(prompts), ids.shape[1] + MOST_ANSWER)
    hidden = net.model(ids, pad_left=pad_left, cache=cache)[:, -1].repeat_interleave(SAMPLES, 0)
    pad_left, made, ended = pad_left.repeat_interleave(SAMPLES), [], torch.zeros(len(hidden), 1, dtype=torch.bool)
    cache.repeat(SAMPLES)
    while True:
        ids = torch.multinomial((net.lm_head(hidden).float() / TEMPERATURE).softmax(-1), 1, generator=generator)
        made.append(ids)
        ended |= (ids == full_stop) | (ids == tokens.EOS)
        if len(made) == MOST_ANSWER or ended.all():
            return torch.cat(made, 1)
        hidden = net.model(ids, pad_left=pad_left, cache=cache)[:, -1]


def samples(net, tok, rows, seed, most_tokens=4096):
    """-> per row the ids of SAMPLES sampled answers"""
    prompts, generator = [tok.prompt(row["question"]) for row in rows], torch.Generator().manual_seed(seed)
    out = [None] * len(rows)
    for batch in generate.batches([len(p) + MOST_ANSWER for p in prompts], most_tokens):
        made = [tok.until_stop(ids) for ids in
                sample_batch(net, [prompts[i] for i in batch], tok.full_stop, generator).tolist()]
        for k, i in enumerate(batch):
            out[i] = made[k * SAMPLES:(k + 1) * SAMPLES]
    return out


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


def ask(net, tok, rows, most=MOST_ANSWER, probe=True, most_tokens=16384):
    """-> [Asked] in the rows' order, answers of at most `most` tokens"""
    prompts, answers = [tok.prompt(row["question"]) for row in rows], [None] * len(rows)
    for batch in generate.batches([len(p) + most for p in prompts], most_tokens):
        for i, found in zip(batch, answer_batch(net, [prompts[i] for i in batch], tok.full_stop, most)):
            answers[i] = found
    said = [p + ids for p, (ids, _) in zip(prompts, answers)]
    sure = sure_of(net, tok, said) if probe else [None] * len(rows)
    return [Asked(ids, tok.decode(ids), math.prod(p) ** (1 / len(p)), math.prod(p), s)
            for (ids, p), s in zip(answers, sure)]


# -- tuning ----------------------------------------------------------------------------------------


def identified(net, tok, rows):
    """The paper's D1 and D0: [(row, certain: does base answer rightly, its own answer's ids)]"""
    return [(row, a.right(row), a.ids) for row, a in zip(rows, ask(net, tok, rows))]


def entropy(answers):
    """Of the answers' frequencies, in nats."""
    shares = [n / len(answers) for n in collections.Counter(map(tuple, answers)).values()]
    return -sum(p * math.log(p) for p in shares)


def split_by_entropy(net, tok, rows, seed):
    """As identified, but uncertain is the half whose sampled answers differ most; equals stay in order."""
    found = ask(net, tok, rows)
    doubt = [entropy(answers) for answers in samples(net, tok, rows, seed)]
    order = sorted(range(len(rows)), key=lambda i: doubt[i])
    certain = set(order[:len(rows) - len(rows) // 2])
    return [(row, i in certain, a.ids) for i, (row, a) in enumerate(zip(rows, found))]


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
    args.add_argument("--fold", type=int, default=0, choices=range(FOLDS), help="which entities are held out")
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
