"""Golden values of the text metrics: hand-picked predictions and references, and corpus BLEU of several subsets.

Writes tests/golden/lab/metrics.json: "pairs" with em and f1 of each (SQuAD), "corpora" with the indices of the
pairs they hold and sacrebleu's score, sentence counts and brevity penalty.
"""
import argparse
import json
from pathlib import Path

import sacrebleu

import metrics
import stage

PAIRS = [  # (prediction, reference)
    ("", ""), ("", "red cup"), ("red cup", ""), ("the", "a"), ("the", ""), ("an", "red"), ("...", ""), ("?!", "red"),
    ("red cup", "red cup"), ("Red Cup", "red cup"), ("a red cup", "the red cup"), ("a red cup.", "red cup"),
    ("cup red", "red cup"), ("red", "red cup"), ("red cup", "red"), ("red red cup", "red cup"), ("red cup cup", "cup"),
    ("red red red", "red red"), ("the the the", "the"), ("there", "the re"), ("theatre", "the atre"), ("an apple", "apple"),
    ("banana", "a banana"), ("a-b", "ab"), ("well-known", "wellknown"), ("well known", "well-known"), ("it's", "its"),
    ("42", "42"), ("42.", "42"), ("4.2", "42"), ("1,000", "1000"), ("1,000", "1 000"), ("-5", "5"), ("3 + 4", "3 4"),
    ("  red   cup ", "red cup"), ("red\tcup", "red cup"), ("red\ncup", "red cup"), ("dark blue hat", "blue hat"),
    ("the old barn", "the new barn"), ("the big old barn", "the old big barn"), ("yes", "no"), ("A", "a"), ("A an THE", "x"),
    ("one two three four", "one two three four"), ("one two three four five", "one two three four six"),
    ("one two three", "one two three four five six"), ("one two three four five six seven", "one two three four"),
    ("pu dovu dira pu sedi kusi", "pu dovu dira pu sedi kusi"), ("pu dovu pu sedi dira kusi", "pu dovu dira pu sedi kusi"),
    ("ri mana ri bofu kisu lebu", "pu dovu dira pu sedi kusi"), ("pu pu pu pu pu pu", "pu dovu dira pu sedi kusi"),
    ("Hello, world!", "Hello , world !"), ("3.5 apples, please.", "3.5 apples , please ."), ("rate: 5-6%", "rate: 5 - 6 %"),
    ("a&amp;b", "a & b"), ("x &lt; y &gt; z", "x < y > z"), ('say &quot;hi&quot;', 'say "hi"'), ("end-\nline", "endline"),
    ("two\nlines here now", "two lines here now"), ("foo<skipped>bar", "foobar"), ("12,345.67", "12,345.67"),
    ("v1.2-beta", "v1.2 - beta"), ("$5.00 (net)", "$ 5.00 ( net )"), ("we're here; they're not", "we 're here ; they 're not"),
    ("trailing space here ok ", "trailing space here ok"), ("state-of-the-art", "state of the art"),
]
CORPORA = {
    "all": range(len(PAIRS)), "translation": range(47, 51), "one exact sentence": [43], "one near sentence": [44],
    "short hypothesis, brevity penalty": [45], "long hypothesis": [46], "one word": [40], "one equal word": [41],
    "two equal words": [8], "empty hypothesis": [1], "empty reference": [2], "both empty": [0], "no match": [49],
    "repeated words are clipped": [50], "punctuation": range(51, 54), "entities": range(54, 57), "line joins": range(57, 60),
    "numbers": range(60, 63), "with empty ones": [0, 1, 2, 43, 44], "words and a sentence": [8, 13, 14, 47],
}


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    p.add_argument("--golden", type=Path, default=stage.GOLDEN)
    args = p.parse_args()
    pairs = [{"prediction": a, "reference": b, "em": metrics.exact_match(a, [b]), "f1": metrics.f1(a, [b])}
             for a, b in PAIRS]
    corpora = []
    for name, indices in CORPORA.items():
        found = sacrebleu.corpus_bleu([PAIRS[i][0] for i in indices], [[PAIRS[i][1] for i in indices]])
        corpora.append({"name": name, "pairs": list(indices), "bleu": found.score / 100, "brevity_penalty": found.bp,
                        "correct": found.counts, "total": found.totals, "hyp_len": found.sys_len,
                        "ref_len": found.ref_len})
    args.golden.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"pairs": pairs, "corpora": corpora}, separators=(", ", ": "))
    text = text.replace('{"prediction"', '\n{"prediction"').replace('{"name"', '\n{"name"')
    (args.golden / "metrics.json").write_text(text + "\n")
    print(f"{len(pairs)} pairs, {len(corpora)} corpora", flush=True)


if __name__ == "__main__":
    main()
