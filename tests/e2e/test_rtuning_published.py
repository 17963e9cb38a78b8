"""--compat code: the bytes that the published code of R-Tuning writes, a row of each of its data sets. Every expected text is
written out by hand from that code's templates (training/*/run_*.py and evaluation/HaluEvalQA)."""
import json
import subprocess

import pytest
from helpers import program

ASK = " Are you sure you accurately answered the question based on your internal knowledge?"
EXPRESSIONS = {
    "The answer is unknown.", "The answer is uncertain.", "The answer is unclear.", "It is not known.",
    "I do not know the answer.", "I'm not sure.", "There is no definitive answer.", "There is much debate.",
    "There is no concrete answer to this question.", "It is impossible to answer.", "There is no known case.",
    "There is no public information available.", "There is no scientific evidence.", "There is no right answer.",
    "It is impossible to know.", "It is difficult to predict."}

CLAIM = {"claim": "Rome is a town.", "evidence": ["Rome lies on the Tiber.", "It is old."]}
SHOTS = {"high_school_biology": [["Is it alive?", "yes", "no", "both", "neither", "A"],
                                 ["What eats grass?", "a cow", "a cat", "a bat", "an owl", "A"]]}
SETS = {
    "pararel": ([["In which land is Rome?", "Italy", "P17"]],
                "Question: In which land is Rome? Answer:", " Italy"),
    "mmlu": ({"high_school_biology": [["Which is a tree?", "oak", "cat", "tin", "owl", "A"]]},
             "The following are multiple choice questions (with answers) about  high school biology.\n\n"
             "Is it alive?\nA. yes\nB. no\nC. both\nD. neither\nAnswer:A\n\n"
             "What eats grass?\nA. a cow\nB. a cat\nC. a bat\nD. an owl\nAnswer:A\n\n"
             "Which is a tree?\nA. oak\nB. cat\nC. tin\nD. owl\nAnswer:", "A"),
    "wice": ([CLAIM | {"label": "partially_supported"}],
             "Evidence:Rome lies on the Tiber. It is old.\nClaim:Rome is a town.\n"
             "Question:Does the evidence support the claim?\n"
             "A:supported.\nB:partially_supported.\nC:not_supported.\nAnswer:", "B"),
    "fever": ([CLAIM | {"label": "NOT ENOUGH INFO"}],
              "Evidence:Rome lies on the Tiber. It is old.\nClaim:Rome is a town.\n"
              "Question:Does the evidence support the claim?\n"
              "A: SUPPORTS.\nB: REFUTES.\nC: NOT ENOUGH INFO.\nAnswer:", " C"),
    "hotpotqa": ([{"_id": "5a", "question": "Which river is by Rome?", "answer": "the Tiber",
                   "context": [["Rome", ["Rome is a town.", " It lies on the Tiber."]], ["Tiber", ["A river."]]]}],
                 "Rome:Rome is a town.  It lies on the Tiber.\n Tiber:A river.\n\n"
                 "Question: Which river is by Rome?\nAnswer:", " the Tiber"),
    "halueval": ([{"knowledge": "Rome lies on the Tiber.", "question": "Which river is by Rome?", "right_answer": "Tiber",
                   "hallucinated_answer": "Rhine"}],
                 "Knowledge: Rome lies on the Tiber.\nQuestion: Which river is by Rome?\nAnswer:", " Tiber"),
}


@pytest.fixture
def ctl(tmp_path):
    def run(*arguments):
        done = subprocess.run([program("paretoctl"), "rtuning", *map(str, arguments)], cwd=tmp_path, capture_output=True,
                              text=True, timeout=60)
        assert done.returncode == 0, done.stderr
    return run


def identified(ctl, tmp_path, name, certain, times=1):
    """The set's one question, as a model that knows it or does not leaves it; `times` over with other ids."""
    (tmp_path / "set.json").write_text(json.dumps(SETS[name][0]))
    (tmp_path / "shots.json").write_text(json.dumps(SHOTS))
    ctl("convert", name, "set.json", *(["--shots", "shots.json"] if name == "mmlu" else []), "--compat", "code", "--out",
        "questions.jsonl")
    question, = (json.loads(line) for line in (tmp_path / "questions.jsonl").read_text().splitlines())
    rows = [question | {"id": f"{question['id']}-{i}", "certain": certain} for i in range(times)]
    (tmp_path / "identified.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def constructed(ctl, tmp_path, method, of_what="lmflow"):
    ctl("construct", "identified.jsonl", "--method", method, "--format", of_what, "--compat", "code", "--out", "train")
    text = (tmp_path / "train").read_text()
    if of_what == "lmflow":
        flow = json.loads(text)
        assert flow["type"] == "text_only"
        return [row["text"] for row in flow["instances"]]
    return [json.loads(line)["segments"] for line in text.splitlines()]


@pytest.mark.parametrize("name", SETS)
def test_the_bytes_of_the_published_code(ctl, tmp_path, name):
    _, prompt, answer = SETS[name]
    for certain, verdict in ((True, " I am sure."), (False, " I am unsure.")):
        identified(ctl, tmp_path, name, certain)
        assert constructed(ctl, tmp_path, "padding") == [f"{prompt}{answer}.{ASK}{verdict}"]
        segments, = constructed(ctl, tmp_path, "padding", "segments")
        assert "".join(s["text"] for s in segments) == f"{prompt}{answer}.{ASK}{verdict}"
        assert all(s["loss"] for s in segments), "text_only: the loss is on every token"
    identified(ctl, tmp_path, name, True)
    assert constructed(ctl, tmp_path, "replacement") == [f"{prompt}{answer}."]


@pytest.mark.parametrize("name", SETS)
def test_the_expressions_of_the_published_code(ctl, tmp_path, name):
    _, prompt, answer = SETS[name]
    identified(ctl, tmp_path, name, False, times=400)
    lead = " " if answer.startswith(" ") else ""
    texts = constructed(ctl, tmp_path, "replacement")
    assert len(texts) == 400 and set(texts) == {f"{prompt}{lead}{e}" for e in EXPRESSIONS}


def test_the_split_of_the_published_code(ctl, tmp_path):
    """R-Tuning-U: five answers; sorted by entropy, the first half (rounded down) is sure, equals in the order they came."""
    identified(ctl, tmp_path, "pararel", False, times=5)
    samples = ["aaaaa", "abcde", "aaaab", "bbbbb", "aabbc"]
    rows = [json.loads(line) for line in (tmp_path / "identified.jsonl").read_text().splitlines()]
    (tmp_path / "identified.jsonl").write_text(
        "".join(json.dumps(row | {"samples": list(s)}) + "\n" for row, s in zip(rows, samples)))
    verdicts = [text.rsplit(" ", 1)[1] for text in constructed(ctl, tmp_path, "unsupervised")]
    assert verdicts == ["sure.", "unsure.", "unsure.", "sure.", "unsure."]
