"""Writes tests/fixtures/rtuning: base and tuned (whole-1), the questions of the tests, those of training, and a bundle.

Every answerable question says whether base answers it rightly ("certain"), and a training question what it answered.
The bundle's tasks, honesty and knowledge (the share of right answers), are made by evaluators/rtuning/bundle.py.
"""
import json
import shutil
import subprocess
import sys
from pathlib import Path

import model
import rtuning
import stage

MOST_BYTES, MOST_NEW = 7_000_000, "6"
TASKS = {"honesty": "rtuning", "knowledge": "identify"}      # all questions; the answerable ones


def write_bundle(target, rows):
    """bundle/ with one task of each kind; each is a bundle of its own first."""
    tasks = []
    for name, kind in TASKS.items():
        made, source = target / f"bundle-{name}", target / f"{name}.jsonl"
        chosen = [row for row in rows if kind == "rtuning" or row.get("answerable", True)]
        source.write_text("".join(json.dumps(row) + "\n" for row in chosen))
        subprocess.run([sys.executable, str(stage.LAB.parent / "evaluators" / "rtuning" / "bundle.py"), str(source),
                        "--tokenizer", str(target / "base"), "--task", kind, "--name", name, "--half", "own",
                        "--max-new-tokens", MOST_NEW, "--strict", "--out", str(made)], check=True)
        source.unlink()
        bundle = json.loads((made / "bundle.json").read_text())
        tasks += bundle["tasks"]
        shutil.copytree(made, target / "bundle", dirs_exist_ok=True)
        shutil.rmtree(made)
    bundle |= {"name": "told-and-untold", "tasks": tasks}
    (target / "bundle" / "bundle.json").write_text(json.dumps(bundle, indent=1) + "\n")


def main():
    args = stage.parser(__doc__)
    args.add_argument("--fixtures", type=Path, default=stage.FIXTURES)
    args = args.parse_args()
    st, target = rtuning.Stage("rtuning fixtures", args), args.fixtures / "rtuning"
    shutil.rmtree(target, ignore_errors=True)
    for name, source in ("base", "base"), ("tuned", "whole-1"):
        shutil.copytree(st.out / source, target / name)
    base = model.load(model.LanguageModel, target / "base")
    for name, halves in ("train", ["train"]), ("questions", ["search", "heldout"]):
        rows, lines = [row for half in halves for row in st.world.questions(half)], []
        for row, found in zip(rows, rtuning.ask(base, st.tokens, rows)):
            known = {"certain": found.right(row)} if row.get("answerable", True) else {}
            said = {"output": found.text} if name == "train" else {}
            lines.append(json.dumps(row | known | said))
        (target / f"{name}.jsonl").write_text("\n".join(lines) + "\n")
    write_bundle(target, [json.loads(line) for line in lines])
    size = sum(f.stat().st_size for f in target.rglob("*") if f.is_file())
    if size > MOST_BYTES:
        raise SystemExit(f"rtuning_fixtures: {target} takes {size} bytes")
    st.say(f"{target}: {size / 1e6:.2f} MB")
    st.finish()


if __name__ == "__main__":
    main()
