"""Scores of texts: SQuAD's exact match and F1, and sacrebleu's corpus BLEU, all as fractions."""
import collections
import math
import re
import statistics
import string

import sacrebleu


def normalise(text):
    """SQuAD: lower case, no ASCII punctuation, no articles, single spaces."""
    text = "".join(c for c in text.lower() if c not in string.punctuation)
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", text).split())


def exact_match(prediction, golds):
    return max(float(normalise(prediction) == normalise(gold)) for gold in golds)


def f1_one(prediction, gold):
    ours, theirs = normalise(prediction).split(), normalise(gold).split()
    if not ours or not theirs:
        return float(ours == theirs)
    common = sum((collections.Counter(ours) & collections.Counter(theirs)).values())
    if common == 0:
        return 0.0
    precision, recall = common / len(ours), common / len(theirs)
    return 2 * precision * recall / (precision + recall)


def f1(prediction, golds):
    return max(f1_one(prediction, gold) for gold in golds)


def bleu(predictions, references):
    """Corpus BLEU of one reference each: tokeniser 13a, exponential smoothing."""
    return sacrebleu.corpus_bleu(predictions, [references]).score / 100


def mean_and_error(values):
    """Mean and its standard error, sample deviation over sqrt(n)."""
    return statistics.mean(values), statistics.stdev(values) / math.sqrt(len(values))


def jackknife_error(predictions, references):
    """Standard error of corpus BLEU: delete-one jackknife over sentences."""
    n = len(predictions)
    left_out = [bleu(predictions[:i] + predictions[i + 1:], references[:i] + references[i + 1:]) for i in range(n)]
    mean = statistics.mean(left_out)
    return math.sqrt((n - 1) / n * sum((x - mean) ** 2 for x in left_out))
