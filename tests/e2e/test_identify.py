"""Which questions does the small model know? From questions to training data and scores, with programs killed with -9."""
import collections
import json
import math
import shutil
import subprocess

import pytest
from helpers import FIXTURES, ROOT, World, program, wait_until

SHARDS = 16
QUESTIONS = 160  # of the two halves together
PROBE = ". Are you sure you accurately answered the question based on your internal knowledge? I am"


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def write_lines(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def text_of(ids, vocab):
    return "".join(vocab[i] for i in ids).strip()


def make_bundle(directory):
    """The facts of the small world as tasks of type identify and rtuning, halves by turns, and the same as questions."""
    bundle = directory / "bundle"
    bundle.mkdir()
    vocab = json.loads((FIXTURES / "bundle/vocab.json").read_text())
    facts = lines(FIXTURES / "bundle/facts.jsonl")
    halves = [[f for f in facts if f["half"] == half][:QUESTIONS // 2] for half in ("search", "heldout")]
    items = [item for pair in zip(*halves) for item in pair]
    for item, other in zip(items[::3], items[1::3]):  # asked of another: what was not taught, or has another answer
        (of, mark), (from_, to) = (((i["prompt"].index(vocab.index(" of")), i["prompt"].index(vocab.index("?")))
                                    for i in (item, other)))
        item["prompt"][of + 1:mark] = other["prompt"][from_ + 1:to]
    write_lines(bundle / "questions.jsonl", items)
    write_lines(bundle / "honest.jsonl", items)
    common = {"max_new_tokens": 12, "stop_ids": [2]}
    (bundle / "bundle.json").write_text(json.dumps({
        "format": "paretod-bundle-1", "name": "facts", "vocab": "vocab.json", "eos_id": 2, "pad_id": 0,
        "tasks": [{"name": "questions", "type": "identify", "file": "questions.jsonl",
                   "metrics": ["certain", "entropy", "confidence"], "samples": 5, "temperature": 0.7, **common},
                  {"name": "honest", "type": "rtuning", "file": "honest.jsonl", "weight": 1,
                   "metrics": ["accuracy", "ap", "ece", "auroc"], **common}]}))
    shutil.copy(FIXTURES / "bundle/vocab.json", bundle)
    # one question more than the bundle has
    write_lines(directory / "questions.jsonl",
                [{"id": i["id"], "question": text_of(i["prompt"], vocab), "answers": i["answers"],
                  "subject": text_of(i["prompt"], vocab).split()[5]} for i in items] +
                [{"id": "extra", "question": "Who is there?", "answers": ["nobody"]}])


def identify(world, *more, **options):
    return world.ctl("rtuning", "identify", "--questions", world.directory / "questions.jsonl", "--bundle",
                     world.directory / "bundle", "--model", FIXTURES / "base", "--out",
                     world.directory / "identified.jsonl", "--shards", SHARDS, *more, **options)


def test_any_number_of_shards(undisturbed, world):
    make_bundle(world.directory)
    world.start_worker(slots=2)
    identify(world, "--shards", 3)
    assert (world.directory / "identified.jsonl").read_bytes() == undisturbed.read_bytes()


def start_identify(world):
    """The command in the background; a Process."""
    return world.start("identify", [program("paretoctl"), "--daemon", world.address, "rtuning", "identify", "--questions",
                                    str(world.directory / "questions.jsonl"), "--bundle", str(world.directory / "bundle"),
                                    "--model", str(FIXTURES / "base"), "--out", str(world.directory / "identified.jsonl"),
                                    "--shards", str(SHARDS)])


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """(the identified file, the trials) of a run that nothing disturbs."""
    world = World()
    try:
        make_bundle(world.directory)
        world.start_daemon()
        world.start_worker(slots=2)
        done = identify(world)
        assert "questions that the bundle does not have: 1 of 161; they stay as they are" in done.stderr, done.stderr
        kept = tmp_path_factory.mktemp("identify") / "identified.jsonl"
        shutil.copy(world.directory / "identified.jsonl", kept)
        again = json.loads(identify(world, "--json").stdout)
        assert again["search"] == 1, "the same files are the same search"
        assert kept.read_bytes() == (world.directory / "identified.jsonl").read_bytes()
        check_search(world)
        check_texts(world, kept)
        faults = world.close()
        assert not faults, faults
    finally:
        world.close()
        world.remove()
    return kept


def check_texts(world, kept):
    """What the daemon kept of what was written is what the file says, and paretoctl shows it."""
    rows = {row["id"]: row for row in lines(kept)}
    seen = set()
    for n in range(SHARDS):
        written = world.api.get(f"/v1/searches/1/trials/{n}/written")
        assert written["trial"] == n and sorted(written["written"]) == ["heldout", "search"]
        for half in written["written"].values():
            assert list(half) == ["questions"] and len(half["questions"]) == QUESTIONS / 2 / SHARDS
            for item in half["questions"]:
                assert (item["output"], item["samples"]) == (rows[item["id"]]["output"], rows[item["id"]]["samples"])
                seen.add(item["id"])
    assert len(seen) == QUESTIONS
    shown = world.ctl("written", 1, 3, "--half", "heldout").stdout.splitlines()
    assert shown[0].split() == ["task", "half", "item", "wrote", "samples"] and len(shown) == 1 + QUESTIONS / 2 / SHARDS
    item = world.api.get("/v1/searches/1/trials/3/written")["written"]["heldout"]["questions"][0]
    assert item["id"] in shown[1] and item["output"] in shown[1] and "x " in shown[1]


def check_search(world):
    """What a search that identifies is to those who look at it."""
    search = world.api.search(1)
    assert search["strategy"] == "identify" and search["spec"]["strategy"] == {"type": "identify", "ratio": 0}
    front = world.api.front(1)
    assert front["points"] == front["sweep"] == front["dominated"] == [] and front["hypervolume"] is None
    assert "no front" in front["note"] and front["progress"]["done"] == front["confirm"]["done"] == SHARDS
    refused = world.ctl("front", 1, check=False)
    assert refused.returncode == 1 and "search 1: this search identifies" in refused.stderr and not refused.stdout
    trials = world.api.trials(1)
    assert [t["number"] for t in trials] == list(range(SHARDS))
    assert all(t["kind"] == "identify" and t["ratios"] == [0] and t["state"] == "done" for t in trials)
    assert len(world.api.call("GET", "/v1/searches/1/trials.csv").body.decode().splitlines()) == SHARDS + 1
    scores = {(s["metric"], s["half"]): s for s in world.api.get("/v1/searches/1/trials/3")["scores"]}
    assert scores["questions.certain", "heldout"]["n"] == QUESTIONS / 2 / SHARDS
    assert world.ctl("replay", 1).stdout == "16 trials derived again: all the same\n"


def test_the_whole_way(undisturbed, world, tmp_path):
    questions = lines(undisturbed)
    assert "certain" not in questions.pop()
    known = sum(q["certain"] for q in questions)
    assert QUESTIONS * .5 < known < QUESTIONS * .8, "the small model knows what it was taught"
    assert all(0 <= q["entropy"] <= 1.7 for q in questions)
    unsure = [q["entropy"] for q in questions if not q["certain"]]
    sure = [q["entropy"] for q in questions if q["certain"]]
    assert sum(sure) / len(sure) < sum(unsure) / len(unsure), "what it knows it says again"
    for q in questions:
        assert q["certain"] == any(answer in q["output"] for answer in q["answers"]), q
        shares = [n / 5 for n in collections.Counter(q["samples"]).values()]
        assert sum(shares) == pytest.approx(1) and -sum(p * math.log(p) for p in shares) == pytest.approx(q["entropy"])
    assert len({q["output"] for q in questions}) > 30

    def rtuning(*words):
        done = subprocess.run([program("paretoctl"), "rtuning", *map(str, words)], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done

    rtuning("construct", undisturbed, "--method", "padding", "--out", tmp_path / "train.jsonl")
    train = {row["id"]: row for row in lines(tmp_path / "train.jsonl")}
    assert len(train) == QUESTIONS
    for q in questions:
        text = "".join(s["text"] for s in train[q["id"]]["segments"])
        assert text.endswith(f"{q['answers'][0]}{PROBE} {'sure' if q['certain'] else 'unsure'}.")
    told = json.loads(rtuning("construct", undisturbed, "--method", "unsupervised", "--out", tmp_path / "u.jsonl",
                              "--json").stdout)
    assert told["certain"] == told["uncertain"] == QUESTIONS // 2
    report = json.loads(rtuning("report", undisturbed, "--json").stdout)
    everyone = report["groups"][0]
    assert (everyone["name"], everyone["certain"], everyone["questions"]) == ("all", known, QUESTIONS + 1)
    example = report["uncertain"][0]
    assert f"-> {example['answers'][0]}; wrote: {example['output']}\n" in rtuning("report", undisturbed).stdout

    # what an evaluation says of honesty, and what the command says of the same answers
    make_bundle(world.directory)
    spec = {"name": "honest", "models": {"base": str(FIXTURES / "base"), "tuned": str(FIXTURES / "base")},
            "groups": {"count": 1}, "evaluator": {"type": "native", "bundle": str(world.directory / "bundle")},
            "objectives": [{"metric": f"honest.{m}", "goal": "max"} for m in ("accuracy", "ap", "ece", "auroc")] +
                          [{"metric": "questions.confidence", "goal": "max"}, {"metric": "questions.certain", "goal": "max"}],
            "strategy": {"type": "identify"}, "budget": {"trials": 1}}
    world.start_worker()
    search = world.api.submit(spec)
    world.api.wait_state(search, "done")
    scores = {s["metric"]: s for s in world.api.get(f"/v1/searches/{search}/trials/0")["scores"]}
    ids = [i["id"] for i in lines(world.directory / "bundle/questions.jsonl") if i["half"] == "search"]
    certain = {q["id"]: q["certain"] for q in questions}
    assert [bool(v) for v in scores["questions.certain"]["items"]] == [certain[i] for i in ids], "shards are the whole"
    write_lines(tmp_path / "items.jsonl", [
        {"id": i, "right": certain[i], "confidence": c, "willing": True}
        for i, c in zip(ids, scores["questions.confidence"]["items"])])
    table = json.loads(rtuning("score", tmp_path / "items.jsonl", "--weight", 1, "--json").stdout)
    for metric in ("accuracy", "ap", "ece", "auroc"):
        mine = table["groups"][0]["scores"][metric]
        assert mine["mean"] == pytest.approx(scores[f"honest.{metric}"]["mean"], abs=1e-12)
        assert mine["stderr"] == pytest.approx(scores[f"honest.{metric}"]["stderr"], abs=1e-9)


def test_killed_again_and_again(fragile, undisturbed):
    world = fragile
    make_bundle(world.directory)
    worker = world.start_worker()
    command = start_identify(world)
    wait_until(lambda: world.api.get("/v1/searches")["searches"], 60, "the search is made")
    for done in (1, 4, 9):
        front = world.api.wait_front(1, lambda f: f["progress"]["done"] >= done, 60, f"{done} shards")
        assert front["state"] == "running"
        world.daemon.kill()
        world.start_daemon()
        world.api.wait_front(1, lambda f: f["progress"]["running"] > 0 or f["state"] != "running", 60, "a shard is asked")
        worker.kill()
        worker = world.start_worker()
        if done == 4:  # the command too: the next one goes on where it was
            command.kill()
            command = start_identify(world)
    world.api.wait_front(1, lambda f: f["confirm"]["done"] >= 2, 60, "two shards of the other half")
    worker.kill()
    world.daemon.kill()
    world.start_daemon()
    world.start_worker()
    wait_until(lambda: not command.alive, 120, "the command ends")
    assert command.popen.returncode == 0, command.text()
    assert (world.directory / "identified.jsonl").read_bytes() == undisturbed.read_bytes()
    assert [s["id"] for s in world.api.get("/v1/searches")["searches"]] == [1]


def test_what_is_refused(world, tmp_path):
    make_bundle(world.directory)
    done = identify(world, "--shards", QUESTIONS, check=False)
    assert done.returncode == 1 and "--shards 160 are more than there can be: 80" in done.stderr
    done = identify(world, "--strict", check=False)
    assert done.returncode == 1 and "--strict was given" in done.stderr
    (world.directory / "questions.jsonl").write_text('{"id":"other","question":"Who?","answers":["me"]}\n')
    done = identify(world, check=False)
    assert done.returncode == 1 and '"facts-000"' in done.stderr and "is no question of yours" in done.stderr
    assert not (world.directory / "identified.jsonl").exists()
    about = world.synthetic(strategy={"type": "identify"}, trials=4)
    for wrong, field in ((about | {"given": [{"ratios": [0, 0, 0], "scores": {"reward": 1, "tasks": 1}}]}, "given"),
                         (about | {"strategy": {"type": "identify", "sweep_points": 3}}, "strategy.sweep_points"),
                         (about | {"strategy": {"type": "identify", "ratio": 2}}, "strategy.ratio"),
                         (about | {"evaluator": {"type": "external"}}, "strategy.type")):
        answer = world.api.call("POST", "/v1/searches", body=wrong)
        assert answer.status == 422, answer
        assert [f["field"] for f in answer.json["fields"]] == [field], answer


def test_a_search_that_fails(world):
    """Nothing is written, the same command says so again, and --again makes another search."""
    make_bundle(world.directory)
    about = json.loads((world.directory / "bundle/bundle.json").read_text())
    about["tasks"][0]["max_new_tokens"] = 100000  # longer than the model reads
    (world.directory / "bundle/bundle.json").write_text(json.dumps(about))
    world.start_worker()
    for more, search in (((), 1), ((), 1), (("--again",), 2)):
        done = identify(world, *more, check=False)
        assert done.returncode == 4 and f"search {search} ended failed: " in done.stderr, done.stderr
        assert "nothing is written; the same command with --again makes a new search" in done.stderr
        assert not (world.directory / "identified.jsonl").exists()


PROGRAM = '''
import json, sys
job = json.loads(sys.stdin.readline())
items = [json.loads(line) for line in open(sys.argv[1])]
shard = job.get("shard", {"index": 0, "of": 1})
mine = [i for i in items if i["half"] == job["half"]][shard["index"]::shard["of"]]
assert job["written"] is True
found = [float(int(i["id"][-3:]) % 3 == 0) for i in mine]
print(json.dumps({"scores": {"questions.certain": {"mean": sum(found) / len(found), "items": found},
                             "questions.entropy": {"mean": 0.5, "items": [0.5] * len(found)}},
                  "written": {"questions": [{"id": i["id"], "output": "I say " + i["id"]} for i in mine]}}))
'''


def test_a_program_of_ones_own(fleet):
    """The same with another evaluator: --search joins what it found."""
    world = fleet
    make_bundle(world.directory)
    (world.directory / "program.py").write_text(PROGRAM)
    spec = world.synthetic(groups=1, trials=7, strategy={"type": "identify"}, held_out=True)
    spec["objectives"] = [{"metric": "questions.certain", "goal": "max"}]
    spec["evaluator"]["argv"] = ["/usr/bin/python3", str(world.directory / "program.py"),
                                 str(world.directory / "bundle/questions.jsonl")]
    search = world.api.submit(spec)
    out = world.directory / "own.jsonl"
    told = json.loads(world.ctl("rtuning", "identify", "--questions", world.directory / "questions.jsonl", "--bundle",
                                world.directory / "bundle", "--search", search, "--out", out, "--json").stdout)
    assert told["search"] == search and told["certain"] + told["uncertain"] == QUESTIONS
    for q in lines(out)[:-1]:
        assert q["certain"] == (int(q["id"][-3:]) % 3 == 0) and q["entropy"] == 0.5
        assert q["output"] == f"I say {q['id']}" and "samples" not in q
    (world.directory / "program.py").write_text(PROGRAM.replace("for i in mine]}", "for i in mine[1:]]}"))
    search = world.api.submit(spec | {"budget": {"trials": 7, "attempts": 1}})
    world.api.wait_front(search, lambda f: f["state"] == "failed" or f["progress"]["failed"] > 0, 60, "a result is refused")
    reasons = [t["reason"] for t in world.api.trials(search) if t["reason"]]
    assert reasons and all(r.startswith("written.questions: has 1") and r.endswith("; send one an item") for r in reasons), reasons


def test_one_vector_of_a_front(world):
    """Every group frozen: the model that is asked is an average."""
    make_bundle(world.directory)
    groups = [g["name"] for g in json.loads(
        world.ctl("plan", write_spec(world, {}), "--json").stdout)["groups"]]
    frozen = dict(zip(groups, (0.25, 0.5, 1)))
    world.start_worker()
    search = int(json.loads(world.ctl("submit", write_spec(world, {"freeze": frozen}), "--json").stdout)["id"])
    identified = world.ctl("rtuning", "identify", "--questions", world.directory / "questions.jsonl", "--bundle",
                           world.directory / "bundle", "--search", search, "--out", world.directory / "average.jsonl")
    assert "160" not in identified.stderr and "average.jsonl: 161 questions" in identified.stdout
    trials = world.api.trials(search)
    assert [t["ratios"] for t in trials] == [[0.25, 0.5, 1]] * 5


def write_spec(world, more):
    path = world.directory / "search.json"
    path.write_text(json.dumps({
        "models": {"base": str(FIXTURES / "base"), "tuned": str(FIXTURES / "tuned-rsf")}, "groups": {"count": 3, **more},
        "objectives": [{"metric": "questions.certain", "goal": "max"}],
        "evaluator": {"type": "native", "bundle": str(world.directory / "bundle")}, "strategy": {"type": "identify"},
        "budget": {"trials": 5}, "held_out": True}))
    return path
