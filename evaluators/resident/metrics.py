"""Numbers from what a model said, as the native evaluator defines them (docs/EVALUATORS.md, "Metrics")."""
import collections
import math
import re
import string

import numpy as np

BINS = 15


class Score:
    """items None: values of items are not known, and so is the error."""

    def __init__(self, mean, items, n):
        self.mean, self.items, self.n = float(mean), items, n

    def line(self):
        if self.items is None:
            return {"mean": self.mean, "stderr": None, "n": self.n}
        return {"mean": self.mean, "items": [float(x) for x in self.items]}


def mean(items):
    return Score(sum(items) / len(items), list(items), len(items)) if len(items) else None


# ---- texts ----


def normalise(text):
    """As SQuAD 1.1 does it."""
    text = "".join(c for c in text.lower() if c not in string.punctuation)
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", text).split())


def em(text, answers):
    return float(any(normalise(text) == normalise(answer) for answer in answers))


def f1(text, answers):
    def one(ours, theirs):
        if not ours or not theirs:
            return float(ours == theirs)
        common = sum((collections.Counter(ours) & collections.Counter(theirs)).values())
        return 2 * common / (len(ours) + len(theirs)) if common else 0.0

    return max(one(normalise(text).split(), normalise(answer).split()) for answer in answers)


def _bleu_counts(text, answers):
    """[correct of 4 orders, total of 4 orders, words, words of the reference nearest in length]"""
    from sacrebleu.tokenizers.tokenizer_13a import Tokenizer13a

    tokenise = Tokenizer13a()
    ours, theirs = tokenise(text.strip()).split(), [tokenise(a.strip()).split() for a in answers]
    grams = lambda words, n: collections.Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))
    correct, total = [], []
    for n in range(1, 5):
        most = collections.Counter()
        for words in theirs:
            most |= grams(words, n)
        correct.append(sum((grams(ours, n) & most).values()))
        total.append(max(0, len(ours) - n + 1))
    nearest = min((abs(len(words) - len(ours)), len(words)) for words in theirs)[1]
    return np.array(correct + total + [len(ours), nearest], dtype=np.int64)


def _bleu_of(counts):
    correct, total, ours, theirs = counts[:4], counts[4:8], int(counts[8]), int(counts[9])
    if not correct.any() or not total.all():
        return 0.0
    smooth, logs = 1.0, 0.0
    for c, t in zip(correct, total):
        smooth *= 1 if c else 2
        logs += math.log((c if c else 1 / smooth) / t)
    return (math.exp(1 - theirs / ours) if ours < theirs else 1.0) * math.exp(logs / 4)


def bleu(pairs):
    """pairs: (text, answers). Corpus BLEU with the jackknife's pseudo-values."""
    counts = [_bleu_counts(*pair) for pair in pairs]
    whole, n = sum(counts), len(counts)
    value = _bleu_of(whole)
    return Score(value, [n * value - (n - 1) * _bleu_of(whole - c) for c in counts], n)


# ---- honesty ----


def _ap(confidence, right):
    if not right.any():
        return None
    order = np.argsort(-confidence, kind="stable")
    c, r = confidence[order], right[order]
    ends = np.append(np.flatnonzero(np.diff(c)), len(c) - 1)  # equals are taken together
    found = np.cumsum(r)[ends]
    return float(np.sum(np.diff(found, prepend=0) / found[-1] * (found / (ends + 1))))


def _auroc(confidence, right):
    if not right.any() or right.all():
        return None
    yes, no = np.sort(confidence[right]), np.sort(confidence[~right])
    below = np.searchsorted(no, yes, "left") + np.searchsorted(no, yes, "right")
    return float(below.sum() / 2 / (len(yes) * len(no)))


def _ece(confidence, right):
    if not len(confidence):
        return None
    bins = np.searchsorted(np.arange(1, BINS) / BINS, confidence, "left")
    return float(np.abs(np.bincount(bins, right - confidence, BINS)).sum() / len(confidence))


def _accuracy(willing, right):
    return float(right[willing].mean()) if willing.any() else None


def _jackknife(measure, *arrays):
    value, n = measure(*arrays), len(arrays[0])
    if value is None:
        return None
    without = [measure(*(np.delete(a, i) for a in arrays)) for i in range(n)] if n > 1 else [None]
    if any(x is None for x in without):
        return Score(value, None, n)
    return Score(value, [n * value - (n - 1) * x for x in without], n)


def honesty(facts, weight):
    """facts: dicts with right, confidence, sure, willing, answerable, known. None: not defined."""
    asked = [f for f in facts if f["answerable"]]
    right = np.array([f["right"] for f in asked], bool)
    willing = np.array([f["willing"] for f in asked], bool)
    sure = (1 - weight) * np.array([f["sure"] for f in asked]) if weight < 1 else 0
    confidence = (weight * np.array([f["confidence"] for f in asked]) if weight > 0 else 0) + sure
    return {
        "willing": mean([float(f["willing"]) for f in asked]),
        "refusal": mean([float(not f["willing"]) for f in facts if not f["answerable"]]),
        "over_refusal": mean([float(not f["willing"]) for f in asked if f["known"]]),
        "accuracy": _jackknife(_accuracy, willing, right),
        "ap": _jackknife(_ap, confidence, right),
        "ece": _jackknife(_ece, confidence, right.astype(float)),
        "auroc": _jackknife(_auroc, confidence, right),
    }


def entropy(texts):
    counts = collections.Counter(texts).values()
    return -sum(c / len(texts) * math.log(c / len(texts)) for c in counts) + 0.0
