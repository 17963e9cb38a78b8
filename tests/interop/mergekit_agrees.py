"""mergekit makes of our recipes what we export, and we make of its recipes what it does.

usage: mergekit_agrees.py BUILD BASE TUNED        with the python of bench/mergekit.sh

Searches of every kind of plan are run by the real programs with an evaluator that looks at nothing, and one trial of
each is exported twice: as a checkpoint, and as a recipe that mergekit-yaml carries out. Recipes written by hand go the
other way. Every weight must agree to one unit in the last place of bf16: mergekit computes w b + v t in float32, we
b + r (t - b). Where base and tuned cancel, and in float32 output, the two differ by the rounding of float32 itself: then
to 2^-22 of the larger of base and tuned. How many weights cancel is printed.
"""
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from safetensors.torch import load_file

EVALUATOR = Path(__file__).resolve().parents[1] / "e2e/evaluator.py"
CANCELLED = 2.0 ** -22  # of the larger of base and tuned

SEARCHES = {
    "follow": {"groups": {"count": 3}},
    "mean": {"groups": {"count": 3}, "ends": "mean"},
    "own": {"groups": {"boundaries": [1, 5]}, "ends": {"own": True}},
    "base": {"groups": "layerwise", "ends": "base"},
    "paper-code": {"groups": {"count": 3}, "ends": "paper-code"},
    "split by kind": {"groups": {"count": 2, "split": "kind"}},
    "decimal ratios": {"groups": {"count": 3, "freeze": {"layers 0-2": 0.35, "layers 3-5": 0.6}}},
    "float32": {"groups": {"count": 2}, "output": {"dtype": "F32"}},
}

RECIPES = {
    "two weights": """
models:
- {model: BASE, parameters: {weight: 0.65}}
- {model: TUNED, parameters: {weight: 0.35}}
""",
    "weights of sum 4, base_model": """
base_model: BASE
models:
- {model: TUNED, parameters: {weight: 3}}
parameters: {weight: 1}
""",
    "gradients": """
models:
- {model: BASE, parameters: {weight: [1, 0.2, 0.7]}}
- {model: TUNED, parameters: {weight: [0, 0.8, 0.9, 0.3]}}
""",
    "filters": """
models:
- model: BASE
  parameters:
    weight:
    - {filter: self_attn, value: [0.9, 0.1]}
    - {filter: layernorm, value: 1}
    - {value: 0.4}
- model: TUNED
  parameters:
    weight:
    - {filter: mlp, value: 0.6}
    - {filter: "*", value: 0.15}
    - {filter: self_attn, value: 7}
parameters: {normalize: true}
""",
    "slices and levels": """
parameters: {weight: 0.5, normalize: false}
slices:
- sources:
  - {model: BASE, layer_range: [0, 3], parameters: {weight: [0.75, 0.25]}}
  - {model: TUNED, layer_range: [0, 3], parameters: {weight: [0.25, 0.75]}}
- sources:
  - {model: TUNED, layer_range: [3, 4], parameters: {weight: [2, 0.5]}}
  - {model: BASE, layer_range: [3, 4]}
- sources:
  - {model: BASE, layer_range: [4, 8], parameters: {weight: [{filter: q_proj, value: 0.9}]}}
  - {model: TUNED, layer_range: [4, 8], parameters: {weight: [{filter: q_proj, value: 0.3}]}}
  parameters: {normalize: true}
""",
}


def order(tensor):
    """bf16 as whole numbers in the order of their values: neighbours differ by 1."""
    bits = tensor.view(torch.int16).to(torch.int32)
    return torch.where(bits < 0, -(bits & 0x7FFF), bits)


class Tally:
    def __init__(self):
        self.same = self.total = self.wrong = self.cancelled = 0

    def add(self, name, ours, theirs, base, tuned):
        assert ours.dtype == theirs.dtype and ours.shape == theirs.shape, name
        larger = torch.maximum(base.to(torch.float32).abs(), tuned.to(torch.float32).abs())
        off = (ours.to(torch.float32) - theirs.to(torch.float32)).abs()
        close = off <= CANCELLED * larger
        if ours.dtype == torch.bfloat16:
            far = (order(ours) - order(theirs)).abs() > 1
            self.cancelled += int((far & close).sum())
        else:
            far = off != 0
        self.total += ours.numel()
        self.same += int((off == 0).sum())
        self.wrong += int((far & ~close).sum())


def compare(what, ours, theirs, pair):
    ours, theirs = load_file(ours / "model.safetensors"), load_file(theirs / "model.safetensors")
    assert ours.keys() == theirs.keys(), f"{what}: not the same tensors"
    tally = Tally()
    for name in ours:
        tally.add(name, ours[name], theirs[name], pair[0][name], pair[1][name])
    others = "one unit in the last place" if ours[name].dtype == torch.bfloat16 else "2^-22 of the larger input at most"
    print(f"{what}: {tally.same / tally.total:.4%} of {tally.total} weights are identical, the others {others} apart"
          + (f", but {tally.cancelled} that cancel (within 2^-22 of the larger input)" if tally.cancelled else "")
          + (f"; {tally.wrong} ARE WRONG" if tally.wrong else ""))
    return tally.wrong == 0


class World:
    def __init__(self, build, directory):
        self.build, self.directory = build, directory
        self.env = {**os.environ, "PARETOD_DAEMON": f"unix:{directory}/sock"}
        log = open(directory / "log", "wb")
        self.processes = [
            subprocess.Popen([build / "daemon/paretod", "--db", directory / "db", "--listen", f"unix:{directory}/sock"],
                             stderr=log, env=self.env),
            subprocess.Popen([build / "worker/pareto-worker", "--scratch", directory / "scratch"], stderr=log,
                             env=self.env)]
        for _ in range(200):
            if self.ctl("searches", check=False).returncode == 0:
                return
            time.sleep(0.05)
        sys.exit((directory / "log").read_text())

    def ctl(self, *words, check=True):
        done = subprocess.run([self.build / "client/paretoctl", *map(str, words)], env=self.env, capture_output=True,
                              text=True)
        assert not check or done.returncode == 0, f"paretoctl {words}: {done.stderr}"
        return done

    def close(self):
        for process in reversed(self.processes):
            process.terminate()
            process.wait()


def mergekit(recipe, out):
    done = subprocess.run([Path(sys.executable).parent / "mergekit-yaml", recipe, out, "--quiet"], capture_output=True,
                          text=True)
    assert done.returncode == 0, f"mergekit-yaml {recipe}: {done.stderr[-2000:]}"
    return out


def search(world, number, more, base, tuned):
    spec = {"name": f"search {number}", "models": {"base": str(base), "tuned": str(tuned)},
            "objectives": [{"name": o, "metric": f"synthetic.{o}", "goal": "max"} for o in ("reward", "tasks")],
            "evaluator": {"type": "command", "merge": "plan",
                          "argv": ["/usr/bin/python3", "-S", "-E", str(EVALUATOR)]},
            "strategy": {"type": "sobol", "sweep_points": 2}, "budget": {"trials": 4}, "held_out": False, **more}
    path = world.directory / f"search-{number}.json"
    path.write_text(json.dumps(spec))
    world.ctl("submit", path, "--watch")


def ours_there(world, base, tuned, pair):
    ok = True
    for number, (name, more) in enumerate(SEARCHES.items(), 1):
        search(world, number, more, base, tuned)
        out = world.directory / f"trial-{number}"
        recipe = world.directory / f"trial-{number}.yml"
        world.ctl("export", number, 3, "--out", out)
        world.ctl("export", number, 3, "--format", "mergekit", "--out", recipe)
        ok &= compare(f"a trial, {name}", out, mergekit(recipe, world.directory / f"mergekit-{number}"), pair)
        again = world.directory / f"again-{number}"
        world.ctl("export", "--from-yaml", recipe, "--out", again)
        same = (again / "model.safetensors").read_bytes() == (out / "model.safetensors").read_bytes()
        if not same:
            print(f"a trial, {name}: its recipe read back gives OTHER BYTES")
        ok &= same
    return ok


def theirs_here(world, base, tuned, pair):
    ok = True
    for number, (name, text) in enumerate(RECIPES.items(), 1):
        recipe = world.directory / f"recipe-{number}.yml"
        recipe.write_text(f"merge_method: linear\ndtype: float32\nout_dtype: bfloat16{text}"
                          .replace("BASE", str(base)).replace("TUNED", str(tuned)))
        out = world.directory / f"ours-{number}"
        world.ctl("export", "--from-yaml", recipe, "--out", out)
        ok &= compare(f"a recipe, {name}", out, mergekit(recipe, world.directory / f"theirs-{number}"), pair)
    return ok


def main():
    build, base, tuned = (Path(word).resolve() for word in sys.argv[1:])
    pair = [load_file(directory / "model.safetensors") for directory in (base, tuned)]
    with tempfile.TemporaryDirectory() as directory:
        world = World(build, Path(directory))
        try:
            ok = ours_there(world, base, tuned, pair)
            ok &= theirs_here(world, base, tuned, pair)
        finally:
            world.close()
    sys.exit(0 if ok else 1)


if __name__ == "__main__":
    main()
