"""The conversation with the worker (docs/EVALUATORS.md, "The resident evaluator"): a JSON object a line, both ways."""
import json
import os
import queue
import sys
import threading


class Stopped(Exception):
    """The job need not go on."""


class Talk:
    """Standard output is for these lines alone: what libraries print there goes to standard error."""

    def __init__(self):
        self.out = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)
        self.jobs_to_come = queue.Queue()
        self.stopped = 0  # the newest job that need not go on
        self.over = False
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        for line in sys.stdin:
            message = json.loads(line)
            if message.get("stop"):
                self.stopped = max(self.stopped, message["job"])
            else:
                self.jobs_to_come.put(message)
        self.over = True
        self.jobs_to_come.put(None)

    def say(self, **line):
        print(json.dumps(line, allow_nan=False, ensure_ascii=False), file=self.out, flush=True)

    def jobs(self):
        """One after another, until the worker closes its end."""
        while (job := self.jobs_to_come.get()) is not None:
            yield job

    def check(self, job):
        """To be called every now and then while a job is worked on."""
        if self.over or self.stopped >= job["job"]:
            raise Stopped()
