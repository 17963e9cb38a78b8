"""Writes tests/fixtures/rtuning: base and tuned (seed 1), the questions of the tests, those of training, and a bundle.

Every answerable question says whether base answers it rightly ("certain"), and a training question what it answered.
The bundle is made of questions.jsonl by evaluators/rtuning/bundle.py.
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


def main():
    args = stage.parser(__doc__)
    args.add_argument("--fixtures", type=Path, default=stage.FIXTURES)
    args = args.parse_args()
    st, target = rtuning.Stage("rtuning fixtures", args), args.fixtures / "rtuning"
    shutil.rmtree(target, ignore_errors=True)
    for name, source in ("base", "base"), ("tuned", "rtuned-1"):
        shutil.copytree(st.out / source, target / name)
    base = model.load(model.LanguageModel, target / "base")
    for name, halves in ("train", ["train"]), ("questions", ["search", "heldout"]):
        rows, lines = [row for half in halves for row in st.world.questions(half)], []
        for row, found in zip(rows, rtuning.ask(base, st.tokens, rows)):
            known = {"certain": found.right(row)} if row.get("answerable", True) else {}
            said = {"output": found.text} if name == "train" else {}
            lines.append(json.dumps(row | known | said))
        (target / f"{name}.jsonl").write_text("\n".join(lines) + "\n")
    subprocess.run([sys.executable, str(stage.LAB.parent / "evaluators" / "rtuning" / "bundle.py"),
                    str(target / "questions.jsonl"), "--tokenizer", str(target / "base"), "--task", "rtuning",
                    "--name", "honesty", "--max-new-tokens", MOST_NEW, "--out", str(target / "bundle")], check=True)
    size = sum(f.stat().st_size for f in target.rglob("*") if f.is_file())
    if size > MOST_BYTES:
        raise SystemExit(f"rtuning_fixtures: {target} takes {size} bytes")
    st.say(f"{target}: {size / 1e6:.2f} MB")
    st.finish()


if __name__ == "__main__":
    main()
