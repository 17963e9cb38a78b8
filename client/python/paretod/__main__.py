"""python -m paretod import-optuna study.db --study NAME --ratios x0,x1 --objectives reward:max,tasks:max > given.json"""
import argparse
import json
import os
import sys

from .optuna_db import ImportRefused, read_study


def objective(text):
    name, colon, goal = text.rpartition(":")
    if not colon:
        return text, None
    if goal not in ("max", "min"):
        raise argparse.ArgumentTypeError(f"{text}: the goal of an objective is max or min")
    return name, goal


def objectives(text):
    return [objective(o) for o in text.split(",")]


def parser():
    top = argparse.ArgumentParser(prog="python -m paretod", description="Tools around paretod's searches.")
    verbs = top.add_subparsers(dest="verb", required=True)
    verb = verbs.add_parser(
        "import-optuna", help="completed trials of an Optuna study as the \"given\" of a search",
        description="Reads a study from Optuna's SQLite storage (Optuna 3, 4, 5) and prints its completed trials as the array "
                    "\"given\" of a search.json. The file is not changed.",
        epilog="example: python -m paretod import-optuna study.db --study merge --ratios x0,x1,x2 "
               "--objectives reward:max,tasks:max > given.json")
    verb.add_argument("file", help="the SQLite file, or sqlite:///FILE as Optuna has it")
    verb.add_argument("--study", help="its name; needed when the file has several")
    verb.add_argument("--ratios", required=True, type=lambda t: t.split(","), metavar="NAME,…",
                      help="the parameters that are ratios, in the order of the search's groups")
    verb.add_argument("--objectives", required=True, type=objectives, metavar="NAME[:GOAL],…",
                      help="names that the search has for the study's objectives, in the study's order; with :max or :min it "
                           "is checked that the study means the same")
    return top


def main(argv=None):
    arguments = parser().parse_args(argv)
    try:
        rows, notes = read_study(arguments.file, arguments.study, arguments.ratios, arguments.objectives)
    except ImportRefused as refused:
        print(f"import-optuna: {refused}", file=sys.stderr)
        return 1
    for note in notes:
        print(f"import-optuna: {note}", file=sys.stderr)
    try:
        print("[")
        for i, row in enumerate(rows):
            print(json.dumps(row) + ("," if i + 1 < len(rows) else ""))
        print("]", flush=True)
    except BrokenPipeError:  # whoever read has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    print(f"import-optuna: {len(rows)} trials", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
