"""A pair that takes long to read: the daemon does everything else meanwhile, and ends at once when it is told to."""
import json
import struct
import threading

import pytest
from helpers import wait_until

BYTES = 64 << 30  # a hole in a file: nothing on the disk, and more than anybody reads while a test runs


@pytest.fixture
def large(world):
    """A search over a pair of sparse files."""
    spec = world.synthetic(trials=4)
    spec["groups"] = {"count": 1}
    spec["evaluator"]["merge"] = "plan"
    spec["models"] = {}
    for side in ("base", "tuned"):
        directory = world.directory / side
        directory.mkdir()
        (directory / "config.json").write_text('{"model_type":"llama","num_hidden_layers":1}')
        header = {"model.layers.0.w": {"dtype": "BF16", "shape": [BYTES // 2], "data_offsets": [0, BYTES]}}
        text = json.dumps(header).encode()
        text += b" " * (-len(text) % 8)
        with open(directory / "model.safetensors", "wb") as out:
            out.write(struct.pack("<Q", len(text)) + text)
            out.truncate(8 + len(text) + BYTES)
        spec["models"][side] = str(directory)
    return spec


def submit_aside(world, spec, answers, key):
    def call():
        try:
            answers.append(world.api.call("POST", "/v1/searches", body=spec, headers={"Idempotency-Key": key}))
        except OSError as error:
            answers.append(error)
    thread = threading.Thread(target=call)
    thread.start()
    return thread


def test_a_file_that_is_cut_short_meanwhile(world, large):
    """Somebody copies over a checkpoint that is being read: the submitter hears of it, and nobody else does."""
    answers = []
    thread = submit_aside(world, large, answers, "key")
    wait_until(lambda: "reading_pair" in world.daemon.text(), 30, "it is read")
    weights = world.directory / "base/model.safetensors"
    with open(weights, "r+b") as out:
        out.truncate(1 << 20)
    thread.join()
    (answer,) = answers
    assert world.daemon.alive, world.daemon.text()
    assert answer.status == 422 and str(weights) in answer.json["error"], answer


def test_others_are_served_and_an_end_is_an_end(world, large):
    answers = []
    threads = [submit_aside(world, large, answers, f"key{i}") for i in range(5)]  # more than are read at a time
    wait_until(lambda: world.daemon.text().count("reading_pair") == 2, 30, "two of them are read")
    world.start_worker()
    quick = world.api.submit(world.synthetic(trials=8))  # proposals need the same pool
    world.api.wait_state(quick, "done")
    assert "pair_read" not in world.daemon.text() and not answers
    assert world.daemon.terminate() == 0  # within its 30 s: the rest of the pair is not read
    for thread in threads:
        thread.join()
    assert len(answers) == 5 and all(isinstance(a, OSError) or a.status == 503 for a in answers), answers
    world.start_daemon()
    assert [s["id"] for s in world.api.get("/v1/searches")["searches"]] == [quick]
