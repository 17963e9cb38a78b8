"""A bundle (docs/EVALUATORS.md, "A bundle"): the items of each task that is asked for, in their order."""
import hashlib
import json
import os

METRICS = {
    "generate": {"em", "f1", "bleu"},
    "choice": {"acc", "acc_norm"},
    "reward": {"reward"},
    "loglik": {"loglik"},
    "rtuning": {"willing", "accuracy", "refusal", "over_refusal", "ap", "ece", "auroc"},
    "identify": {"certain", "entropy", "confidence"},
}


class Task:
    def __init__(self, bundle, about):
        self.bundle, self.about = bundle, about
        self.name, self.type, self.metrics = about["name"], about["type"], about["metrics"]
        unknown = set(self.metrics) - METRICS.get(self.type, set())
        if self.type not in METRICS or unknown:
            raise ValueError(f"task {self.name}: type {self.type} with {', '.join(sorted(unknown)) or 'any metric'} is not known")
        with open(bundle.path(about["file"]), encoding="utf-8") as file:
            self.items = [json.loads(line) for line in file]
        for place, item in enumerate(self.items):
            item["place"] = place
        self.stops = set(about.get("stop_ids", []))
        if "stop_text" in about:
            self.stops |= {i for i, text in enumerate(bundle.vocab) if about["stop_text"] in text}

    def of_half(self, half, shard):
        items = [item for item in self.items if item["half"] == half]
        return items[shard["index"] :: shard["of"]] if shard else items


class Bundle:
    def __init__(self, directory):
        self.directory = directory
        with open(self.path("bundle.json"), encoding="utf-8") as file:
            self.about = json.load(file)
        if self.about.get("format") != "paretod-bundle-1":
            raise ValueError(f'{directory}: "format" must be "paretod-bundle-1"')
        with open(self.path(self.about["vocab"]), encoding="utf-8") as file:
            self.vocab = json.load(file)
        self.tasks = {about["name"]: Task(self, about) for about in self.about["tasks"]}

    def path(self, name):
        return os.path.join(self.directory, name)

    def text(self, ids):
        return "".join(self.vocab[i] for i in ids).strip(" \t\n\v\f\r")

    def digest(self):
        """Of everything that items and their scores depend on."""
        files = sorted({"bundle.json", self.about["vocab"]} | {t.about["file"] for t in self.tasks.values()})
        out = hashlib.sha256()
        for name in files:
            with open(self.path(name), "rb") as file:
                out.update(hashlib.sha256(file.read()).digest())
        return out.hexdigest()

    def needed(self, objectives):
        """The tasks that objectives name, in the bundle's order, and which metrics must be defined."""
        wanted = {metric for objective in objectives for metric in objective["metrics"]}
        for metric in wanted:
            task, _, name = metric.rpartition(".")
            if task not in self.tasks or name not in self.tasks[task].metrics:
                raise ValueError(f"the bundle has no metric {metric}")
        return [t for t in self.tasks.values() if any(m.rpartition(".")[0] == t.name for m in wanted)], wanted
