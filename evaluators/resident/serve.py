#!/usr/bin/env python3
"""A resident evaluator: keeps both checkpoints in memory, merges for each job, and scores a bundle with transformers, on the
GPU where there is one.

    "evaluator": {"type": "resident", "argv": ["python3", "./serve.py", "BUNDLE"], "merge": "plan", "slices": 8}

usage: serve.py BUNDLE [--device cuda|cpu] [--dtype float32|bfloat16|float16] [--ends device|cpu] [--batch-mib N]
"""
import argparse
import hashlib
import json
import os
import sys

import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSequenceClassification

import tasks as kinds
from bundle import Bundle
from chance import deal
from model import Judge, Model
from talk import Stopped, Talk
from weights import Weights

VERSION = 1  # of the states that it leaves
TEXT_BYTES, WRITTEN_BYTES = 2048, 4 << 20  # what the worker takes


class Undefined(Exception):
    """A score that an objective needs has no value."""


def arguments():
    parser = argparse.ArgumentParser(description="scores a bundle with transformers, job after job")
    parser.add_argument("bundle")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--dtype", default="float32", choices=["float32", "bfloat16", "float16"],
                        help="of the computation; weights are rounded as the search's output says, in any case")
    parser.add_argument("--ends", choices=["device", "cpu"], default="cpu", help="where base and tuned are kept")
    parser.add_argument("--batch-mib", type=int, default=0, help="of logits in one batch (cuda: 4096, cpu: 256)")
    return parser.parse_args()


class Server:
    def __init__(self, options, talk):
        self.talk, self.job = talk, None
        self.bundle = Bundle(options.bundle)
        self.digest = self.bundle.digest()
        device, dtype = torch.device(options.device), getattr(torch, options.dtype)
        self.batch_bytes = (options.batch_mib or (4096 if device.type == "cuda" else 256)) << 20
        base, tuned = os.environ.get("PARETOD_BASE"), os.environ.get("PARETOD_TUNED")
        if not base:
            raise ValueError('give evaluator.merge "plan" or "directory": without models there is nothing to score')
        config = AutoConfig.from_pretrained(tuned)
        if config.vocab_size < len(self.bundle.vocab):
            raise ValueError("the bundle has more tokens than the model; make it with this model's tokenizer")
        hf = AutoModelForCausalLM.from_config(config, torch_dtype=dtype).to(device).eval()
        hf.tie_weights()
        self.weights = Weights(hf, base, tuned, device if options.ends == "device" else "cpu")
        self.model = Model(hf, self.batch_bytes, self.check)
        self.device, self.judges = device, {}

    def check(self):
        self.talk.check(self.job)

    def judge(self, task):
        if task.name not in self.judges:
            path = self.bundle.path(task.about["reward_model"])
            hf = AutoModelForSequenceClassification.from_pretrained(path, torch_dtype=torch.float32, num_labels=1)
            self.judges[task.name] = Judge(hf.to(self.device).eval(), self.batch_bytes, self.check)
        return self.judges[task.name]

    # ---- a job ----

    def merge(self, job):
        if "checkpoint" in job:
            self.weights.load(job["checkpoint"])
            return None  # the worker knows it
        return self.weights.merge(job)

    def key(self, job):
        """Of what a state belongs to."""
        what = [VERSION, self.digest, job["half"], job["seed"], job["ratios"], job.get("slices"), job.get("output"),
                job["base"], job["tuned"], job.get("shard")]
        return hashlib.sha256(json.dumps(what).encode()).hexdigest()

    def resumed(self, job):
        """Slices that are done, and their records by task and place."""
        resume = job.get("resume")
        state = resume["state"] if resume else None
        if isinstance(state, dict) and state.get("key") == self.key(job):
            return resume["slices_done"], state["records"]
        return 0, {}

    def run(self, job):
        self.job = job
        self.check()
        needed, wanted = self.bundle.needed(job["objectives"])
        effective = self.merge(job)
        judges = {task.name: self.judge(task) for task in needed if task.type == "reward"}
        run = kinds.Run(self.bundle, self.model, judges, job["seed"])
        slices = job.get("slices", 1)
        parts = {}
        for task in needed:
            items = task.of_half(job["half"], job.get("shard"))
            if not items:
                raise ValueError(f"task {task.name} has no item of the {job['half']} half that this job could evaluate")
            parts[task.name] = (task, items, deal(len(items), slices))
        done, records = self.resumed(job)
        for task in needed:
            records.setdefault(task.name, {})
        for number in range(done + 1, slices + 1):
            for task, items, dealt in parts.values():
                due = [item for item, slice_ in zip(items, dealt) if slice_ == number - 1]
                found = kinds.EVALUATE[task.type](run, task, due) if due else []
                records[task.name].update({str(item["place"]): record for item, record in zip(due, found)})
            if number < slices:
                self.tell_slice(job, number, slices, parts, records, wanted)
        scores, n = self.scores(parts, records, wanted)
        line = {"job": job["job"], "items": n, "scores": scores}
        if effective:
            line["effective"] = effective
        if job.get("written"):
            line.update(written_of(parts, records))
        self.talk.say(**line)

    def tell_slice(self, job, number, slices, parts, records, wanted):
        try:
            scores, n = self.scores(parts, records, wanted)
        except Undefined:
            return  # the next slice tells it
        state = {"key": self.key(job), "records": records}
        self.talk.say(job=job["job"], slice=number, of=slices, items=n, scores=scores, state=state)
        self.check()

    def scores(self, parts, records, wanted):
        """Of the items that are done, and how many they are."""
        out, n = {}, 0
        for task, items, _ in parts.values():
            mine = records[task.name]
            done = [item for item in items if str(item["place"]) in mine]
            n += len(done)
            found = kinds.scores_of(task, done, [mine[str(item["place"])] for item in done]) if done else {}
            for metric in task.metrics:
                name, score = f"{task.name}.{metric}", found.get(metric)
                if score is not None:
                    out[name] = score.line()
                elif name in wanted:
                    raise Undefined(f"{name} of this model is not defined over these {len(done)} items")
        return out, n


def cut(text):
    raw = text.encode()
    return raw[:TEXT_BYTES].decode(errors="ignore"), len(raw) > TEXT_BYTES


def written_of(parts, records):
    """What the model wrote, by task; nothing when it is more than the worker takes."""
    out = {}
    for task, items, _ in parts.values():
        lines = []
        for item in items:
            record = records[task.name][str(item["place"])]
            if "output" not in record:
                continue
            text, shorter = cut(record["output"])
            line = {"id": item["id"], "output": text}
            if "samples" in record:
                texts = [cut(sample) for sample in record["samples"]]
                line["samples"] = [t for t, _ in texts]
                shorter = shorter or any(s for _, s in texts)
            if shorter:
                line["cut"] = True
            lines.append(line)
        if lines:
            out[task.name] = lines
    if len(json.dumps(out, ensure_ascii=False).encode()) > WRITTEN_BYTES:
        print("what was written is too long to be kept", file=sys.stderr)
        return {}
    return {"written": out} if out else {}


def main():
    talk = Talk()
    try:
        server = Server(arguments(), talk)
    except Exception as error:  # whatever it is, the worker must hear of it
        talk.say(error=f"{type(error).__name__}: {error}")
        raise
    talk.say(ready=True, device=str(server.device))
    for job in talk.jobs():
        try:
            server.run(job)
        except Stopped:
            talk.say(job=job["job"], stopped=True)
        except Exception as error:
            talk.say(job=job["job"], error=f"{type(error).__name__}: {error}"[:300])
            if server.device.type == "cuda":
                torch.cuda.empty_cache()


if __name__ == "__main__":
    main()
