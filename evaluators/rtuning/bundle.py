#!/usr/bin/env python3
"""Makes a bundle of questions for the native evaluator: token ids, with the model's own tokenizer.

    bundle.py QUESTIONS.jsonl... --tokenizer DIR --task rtuning|identify --out BUNDLE

Questions are those of docs/RTUNING.md. DIR is a checkpoint with tokenizer.json. A bad row is named by file and line, counted and
left out; with --strict it is a failure. BUNDLE appears whole or not at all.
"""
import argparse
import json
import os
import re
import shutil
import sys
import zlib
from pathlib import Path

try:
    from tokenizers import Tokenizer
except ImportError as why:
    sys.exit(f"{why}: pip install -r {Path(__file__).parent / 'requirements.txt'}")

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
ASK = "Are you sure you accurately answered the question based on your internal knowledge?"
OPEN = "Question: {question} Answer:"
CHOICE = "Question: {question}\n{choices}\nAnswer:"
METRICS = {"rtuning": ["willing", "accuracy", "refusal", "over_refusal", "ap", "ece", "auroc"],
           "identify": ["certain", "confidence", "entropy"]}
RANKED = ("ap", "ece", "auroc")  # of METRICS: by confidence
SHOWN = 10  # bad rows that are named


class Bad(Exception):
    """A row that cannot become an item; the sentence says why."""


# ---- tokens

class Tokens:
    """Encodes text as it stands within other text, and knows the text of each token."""

    def __init__(self, folder):
        self.tok = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.config = {}
        for name in ("tokenizer_config.json", "generation_config.json", "config.json"):
            if (folder / name).exists():
                self.config |= json.loads((folder / name).read_text())
        self.size = max(self.tok.get_vocab(with_added_tokens=True).values()) + 1
        self.eos = self.special("eos")
        self.pad = self.eos if self.special("pad") is None else self.special("pad")

    def special(self, name):
        found = self.config.get(f"{name}_token_id")
        if isinstance(found, list):
            found = found[0]
        if found is None:
            token = self.config.get(f"{name}_token")
            token = token["content"] if isinstance(token, dict) else token
            found = self.tok.token_to_id(token) if token else None
        return found

    def prompt(self, text):
        """ids with what the tokenizer puts before a text (<s>) and without what it may put behind it (</s>)."""
        ids = self.tok.encode(text).ids
        return ids[:-1] if ids and ids[-1] == self.eos else ids

    def after(self, before, text):
        """ids of the text where it follows `before`, whose own ids must not change by it."""
        head = self.tok.encode(before, add_special_tokens=False).ids
        whole = self.tok.encode(before + text, add_special_tokens=False).ids
        if whole[:len(head)] != head or len(whole) == len(head):
            raise Bad(f"the tokenizer joins {text!r} with the end of {before[-20:]!r}")
        return whole[len(head):]

    def within(self, text):
        """ids of the text after any word: the first of a few that it is not joined with."""
        for word in ("a", "the", "1", "Rome", "I", "x"):
            try:
                return self.after(word, text)
            except Bad:
                continue
        raise Bad(f"the tokenizer joins {text!r} with every word before it")

    def pieces(self):
        """The text of each token within other text: decoders take blanks away at the beginning."""
        anchor = self.tok.encode("a", add_special_tokens=False).ids
        begins = len(self.tok.decode(anchor))
        every = range(self.size)
        known = [i for i in every if self.tok.id_to_token(i) is not None]
        texts = dict(zip(known, self.tok.decode_batch([anchor + [i] for i in known])))
        return [texts[i][begins:] if i in texts else "" for i in every]


# ---- questions

def read_rows(paths, say):
    """(place, row) of every row that is an object."""
    for path in paths:
        try:
            text = path.read_text(encoding="utf-8")
            array = json.loads(text) if text.lstrip().startswith("[") else None
        except (OSError, ValueError) as why:
            sys.exit(f"{path} cannot be read: {why}")
        if array is not None:
            yield from ((f"{path}, row {i}", row) for i, row in enumerate(array, 1))
            continue
        for number, line in enumerate(text.split("\n"), 1):  # splitlines would also end a line within a text, at U+2028
            if not line.strip():
                continue
            try:
                yield f"{path}:{number}", json.loads(line)
            except ValueError as why:
                say(f"{path}:{number}", f"is no JSON: {why}")


def is_texts(value, least, most=sys.maxsize):
    return isinstance(value, list) and least <= len(value) <= most and all(isinstance(x, str) and x for x in value)


def checked(row):
    """The question, with defaults filled in."""
    if not isinstance(row, dict):
        raise Bad("must be an object")
    for key in ("id", "question"):
        if not isinstance(row.get(key), str) or not row[key]:
            raise Bad(f"{key} must be a text that is not empty")
    kind, answerable = row.get("kind", "open"), row.get("answerable", True)
    if kind not in ("open", "choice"):
        raise Bad('kind must be "open" or "choice"')
    for key in ("context", "prompt", "lead"):
        if not isinstance(row.get(key, ""), str):
            raise Bad(f"{key} must be a text")
    if row.get("half", "search") not in ("search", "heldout"):
        raise Bad('half must be "search" or "heldout"')
    if not isinstance(answerable, bool):
        raise Bad("answerable must be true or false")
    if kind == "choice" and not is_texts(row.get("choices"), 2, len(LETTERS)):
        raise Bad("choices must be 2 to 26 texts")
    if answerable and kind == "choice" and row.get("gold") not in range(len(row["choices"])):
        raise Bad("gold must be the index of a choice")
    if answerable and kind == "open" and not is_texts(row.get("answers"), 1):
        raise Bad("answers must be at least one text")
    return row | {"kind": kind, "answerable": answerable}


def prompt_of(row, args):
    if row.get("prompt"):
        return row["prompt"]
    context = row.get("context", "")
    if context and not context.endswith("\n"):  # as training data has it
        context += "\n"
    if row["kind"] == "open":
        return context + args.template.format(question=row["question"])
    choices = "\n".join(f"{letter}. {text}" for letter, text in zip(LETTERS, row["choices"]))
    return context + args.choice_template.format(question=row["question"], choices=choices)


def half_of(row, args):
    """Fixed before anything is measured: the question's own; else all are for searching when they are only identified, and
    otherwise the id says."""
    if args.half != "own":
        return args.half
    return row.get("half") or ("search" if args.task == "identify" else
                               "heldout" if zlib.crc32(row["id"].encode()) % 2 else "search")


def item_of(row, tokens, args, probe):
    prompt = prompt_of(row, args)
    item = {"id": row["id"], "half": half_of(row, args), "prompt": tokens.prompt(prompt)}
    if not item["prompt"]:
        raise Bad("its prompt has no tokens")
    if row["kind"] == "choice":
        lead = row.get("lead", " ")
        item["choices"] = [tokens.after(prompt, lead + letter) for letter in LETTERS[:len(row["choices"])]]
        if row["answerable"]:
            item["gold"] = row["gold"]
    elif row["answerable"]:
        item["answers"] = row["answers"]
    if args.task == "rtuning":
        if probe:
            item["probe"] = probe
        if not row["answerable"]:
            item["answerable"] = False
        elif isinstance(row.get("certain"), bool):
            item["known"] = row["certain"]
    return item


# ---- the bundle

def task_entry(args, tokens, items, verdicts):
    entry = {"name": args.name, "type": args.task, "file": f"{args.name}.jsonl", "metrics": args.metrics,
             "max_new_tokens": args.max_new_tokens, "stop_ids": [tokens.eos]}
    if args.stop_text:
        entry["stop_text"] = args.stop_text
    if args.match != "paper":
        entry["match"] = args.match
    if args.task == "identify":
        return entry | {"samples": args.samples, "temperature": args.temperature, "seed": args.seed}
    if verdicts:
        entry |= {"sure": verdicts[0], "unsure": verdicts[1]}
    return entry | {"weight": args.weight}


def metrics_of(args, items):
    """All that the items of both halves can tell. An expression of uncertainty is written with confidence, so ranks by it say nothing
    of a model that refuses in words."""
    if args.task == "identify":
        return METRICS["identify"] if args.samples >= 2 else METRICS["identify"][:2]
    halves = {item["half"] for item in items}
    answerable = [i for i in items if i.get("answerable", True)]
    about = {"refusal": [i for i in items if not i.get("answerable", True)],
             "over_refusal": [i for i in answerable if i.get("known")]}
    left_out = RANKED if args.words else ()
    return [m for m in METRICS["rtuning"]
            if m not in left_out and {i["half"] for i in about.get(m, answerable)} == halves]


def write(out, tokens, entry, items):
    """Beside its place first, so that half a bundle is never found there."""
    new = out.with_name(f".{out.name}.new-{os.getpid()}")
    new.mkdir(parents=True)
    try:
        lines = (json.dumps(item, ensure_ascii=False, separators=(",", ":")) for item in items)
        (new / entry["file"]).write_text("\n".join(lines) + "\n", encoding="utf-8")
        (new / "vocab.json").write_text(json.dumps(tokens.pieces(), ensure_ascii=False) + "\n", encoding="utf-8")
        whole = {"format": "paretod-bundle-1", "name": entry["name"], "vocab": "vocab.json", "eos_id": tokens.eos,
                 "pad_id": tokens.pad, "tasks": [entry]}
        (new / "bundle.json").write_text(json.dumps(whole, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        new.rename(out)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise


def arguments():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0], epilog=__doc__.split("\n\n")[2])
    p.add_argument("questions", nargs="+", type=Path)
    p.add_argument("--tokenizer", type=Path, required=True, metavar="DIR", help="with tokenizer.json and config.json")
    p.add_argument("--task", choices=METRICS, required=True)
    p.add_argument("--out", type=Path, required=True, metavar="BUNDLE")
    p.add_argument("--name", help="of the task; its metrics are NAME.METRIC (default: the task's type)")
    p.add_argument("--template", help=f"of an open question's prompt (default: {OPEN!r}); \\n is a new line")
    p.add_argument("--choice-template", default=CHOICE, help="the same with {choices}, a line each")
    p.add_argument("--max-new-tokens", type=int, default=15)
    p.add_argument("--stop-text", help="an answer ends before a token with it in its text (default: '.'; '': none)")
    p.add_argument("--match", choices=["paper", "sentence", "code"], help="when an open answer is right")
    p.add_argument("--metrics", type=lambda text: text.split(","), help="default: all that the items can tell")
    p.add_argument("--half", choices=["search", "heldout", "own"], default="own", help="of all items")
    p.add_argument("--compat", choices=["code"], help="as the published code: see docs/RTUNING.md")
    p.add_argument("--strict", action="store_true", help="a bad row is a failure")
    r = p.add_argument_group("rtuning")
    r.add_argument("--probe", default=f". {ASK} I am", help="what follows the answer")
    r.add_argument("--sure", default=" sure")
    r.add_argument("--unsure", default=" unsure")
    r.add_argument("--words", action="store_true", help="no probe: who refuses does so in words (R-Tuning-R)")
    r.add_argument("--weight", type=float, help="of the answer's confidence (default 0.5; 1 with --words)")
    i = p.add_argument_group("identify")
    i.add_argument("--samples", type=int, help="sampled answers a question (default 0; 10 are the paper's)")
    i.add_argument("--temperature", type=float, default=0.7)
    i.add_argument("--seed", type=int, default=0)
    args = p.parse_args()
    code, identifies = args.compat == "code", args.task == "identify"
    args.name = args.name or args.task
    args.weight = (1 if args.words else 0.5) if args.weight is None else args.weight
    args.samples = 0 if args.samples is None else args.samples
    if args.template is None:
        args.template = "Question:{question} Answer:" if code and identifies else OPEN  # its evaluation has the blank
    if args.stop_text is None:
        args.stop_text = "" if code and identifies else "."
    args.match = args.match or ("paper" if not code else "code" if identifies else "sentence")
    for key in ("template", "choice_template", "probe", "sure", "unsure", "stop_text"):
        setattr(args, key, getattr(args, key).replace("\\n", "\n"))
    check(p, args)
    return args


def check(p, args):
    """What the evaluator would refuse is said before anything is written."""
    if not re.fullmatch(r"[A-Za-z0-9_-]+", args.name):
        p.error("--name may have letters, digits, _ and -")
    for flag, template, names in (("--template", args.template, {"question"}),
                                  ("--choice-template", args.choice_template, {"question", "choices"})):
        try:
            template.format(**dict.fromkeys(names, ""))
        except (KeyError, IndexError, ValueError):
            p.error(f"{flag} may have {' and '.join('{' + n + '}' for n in sorted(names))}; another brace is written twice")
    unknown = [m for m in args.metrics or [] if m not in METRICS[args.task]]
    if unknown:
        p.error(f"--metrics {unknown[0]!r} is none of --task {args.task}: {', '.join(METRICS[args.task])}")
    if args.max_new_tokens < 1:
        p.error("--max-new-tokens must be at least 1")
    if not 0 <= args.weight <= 1:
        p.error("--weight must be a number from 0 to 1")
    if not 0 <= args.samples <= 1024:
        p.error("--samples must be a whole number from 0 to 1024")
    if not 0.01 <= args.temperature <= 100:
        p.error("--temperature must be a number from 0.01 to 100")


def verdicts_of(args, tokens):
    """(probe, (sure, unsure)): the probe after any answer, the verdicts after the probe."""
    if args.task != "rtuning" or args.words:
        return None, None
    sure, unsure = tokens.after(args.probe, args.sure), tokens.after(args.probe, args.unsure)
    if args.compat == "code":  # the first sub-token is all that it looks at
        sure, unsure = sure[:1], unsure[:1]
    return tokens.within(args.probe), (sure, unsure)


def main():
    args = arguments()
    bad, items, seen, nobody = [], [], set(), 0

    def say(place, why):
        bad.append(place)
        if len(bad) <= SHOWN:
            print(f"{place}: {why}", file=sys.stderr)

    if args.out.exists():
        sys.exit(f"{args.out} exists; remove it or name another place")
    if not (args.tokenizer / "tokenizer.json").exists():
        sys.exit(f"{args.tokenizer} has no tokenizer.json; save it there with transformers' fast tokenizer")
    tokens = Tokens(args.tokenizer)
    if tokens.eos is None:
        sys.exit(f"{args.tokenizer}: neither config.json nor tokenizer_config.json names the end token (eos_token)")
    try:
        probe, verdicts = verdicts_of(args, tokens)
    except Bad as why:
        sys.exit(f"--probe, --sure, --unsure: {why}")
    for place, row in read_rows(args.questions, say):
        try:
            row = checked(row)
            if row["id"] in seen:
                raise Bad(f"id {row['id']!r} was there before")
            if args.task == "identify" and not row["answerable"]:
                nobody += 1
                continue
            items.append(item_of(row, tokens, args, probe))
            seen.add(row["id"])
        except Bad as why:
            say(place, why)
    if nobody:
        print(f"{nobody} questions that nobody can answer are left out: there is nothing to identify", file=sys.stderr)
    if bad:
        print(f"{len(bad)} rows left out, {min(len(bad), SHOWN)} of them named above", file=sys.stderr)
    if not items or bad and args.strict:
        sys.exit("nothing was written: " + ("no row became an item" if not items else "--strict takes no bad row"))
    args.metrics = args.metrics or metrics_of(args, items)
    write(args.out, tokens, task_entry(args, tokens, items, verdicts), items)
    halves = ", ".join(f"{sum(i['half'] == h for i in items)} {h}" for h in ("search", "heldout"))
    print(f"{args.out}: {len(items)} items ({halves}), metrics {', '.join(args.metrics)}")


if __name__ == "__main__":
    main()
