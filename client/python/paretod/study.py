"""A search that is scored here."""
import itertools
import json
import logging
import os
import socket
import threading
import time
import uuid

from . import errors
from .daemon import Daemon
from .trial import FinishedTrial, Trial, scores_of

WAIT_S = 20
LOOK_S = 2  # the first wait: then it is looked what we wait for
STATES = {"complete": "complete", "failed": "failed", "fail": "failed", "stopped": "stopped", "pruned": "stopped"}
OVER = ("done", "cancelled", "failed", "confirming")
log = logging.getLogger("paretod")


def _daemon(daemon):
    return daemon if isinstance(daemon, Daemon) else Daemon(daemon)


def _read(path):
    """A search.json; paths in it start from its directory."""
    with open(path, encoding="utf-8") as file:
        search = json.load(file)
    here = os.path.dirname(os.path.realpath(path))
    for side in ("base", "tuned"):
        if side in search.get("models", {}):
            search["models"][side] = os.path.join(here, search["models"][side])
    return search


def create_study(search, daemon=None, *, key=None, given=None, client=None):
    """Submits a search and gives its study. search: a dict or the path of a search.json; without "evaluator" it is external.
    key: the same search under the same key is submitted once, so that a program which is started again goes on with it.
    given: rows of trials that were scored elsewhere (see import-optuna). client: as in Study."""
    daemon = _daemon(daemon)
    search = _read(search) if isinstance(search, (str, os.PathLike)) else dict(search)
    search.setdefault("evaluator", {"type": "external"})
    if given is not None:
        search["given"] = given
    answer = daemon.post("/v1/searches", search, headers={"Idempotency-Key": key or str(uuid.uuid4())}, timeout_s=3600)
    return Study(answer["id"], daemon, client=client)


def load_study(search_id, daemon=None, *, client=None):
    """A search that is there, by its number."""
    if isinstance(search_id, bool) or not isinstance(search_id, int):
        raise TypeError(f"load_study takes the number of a search; {search_id!r} is none. \"paretoctl searches\" lists them; "
                        "create_study with the same search and key= goes on with one, too")
    return Study(search_id, _daemon(daemon), client=client)


class Study:
    """One search. client: the name under which trials are asked for, HOST:PID of its own; a program that is started again
    under the same name gets the trials back that it had not told. Use one name in one process. Threads may share a study."""

    def __init__(self, search_id, daemon, *, client=None):
        self.id, self.daemon = search_id, daemon
        self.client = client or f"{socket.gethostname()}:{os.getpid()}"
        spec = self.search["spec"]
        self.name = spec["name"]
        self.objectives = [o.get("name", o.get("metric")) for o in spec["objectives"]]
        self.directions = ["maximize" if o["goal"] == "max" else "minimize" for o in spec["objectives"]]
        self._path = f"/v1/searches/{search_id}"
        self._lock = threading.Lock()
        self._pending = {}  # slot -> Trial, or None while it is asked for
        self._beat = None  # the thread that shows that we live, while trials are pending
        self._news = threading.Event()
        self._said_waiting = False  # once for each time that nothing is there

    def __repr__(self):
        return f"Study(id={self.id}, name={self.name!r}, daemon={self.daemon.address!r}, client={self.client!r})"

    # --- what the daemon knows

    @property
    def search(self):
        """The summary, and "spec" with every default."""
        return self.daemon.get(f"/v1/searches/{self.id}")

    @property
    def state(self):
        return self.search["state"]

    def front(self, raw=None, tax=None):
        """The answer of GET /v1/searches/ID/front. raw: by scores as they came (True) or by posterior means (False), None: what
        suits the strategy. tax: the largest that the pick "least_tax" may cost."""
        query = {} if raw is None else {"front": "raw" if raw else "posterior"}
        if tax is not None:
            query["tax"] = f"{tax:g}"
        more = "&".join(f"{k}={v}" for k, v in query.items())
        return self.daemon.get(f"{self._path}/front" + (f"?{more}" if more else ""))

    @property
    def best_trials(self):
        """The front."""
        front = self.front()
        return [FinishedTrial(p, front["groups"], p["scores"]) for p in front["points"]]

    @property
    def best_trial(self):
        best = self.best_trials
        if len(self.objectives) > 1:
            raise ValueError("a search of several objectives has no single best trial; see best_trials")
        if not best:
            raise ValueError("no trial is scored yet")
        return best[0]

    @property
    def trials(self):
        """Every trial that was proposed, by number."""
        groups, rows, after = self.front()["groups"], [], -1
        while after is not None:
            page = self.daemon.get(f"{self._path}/trials?limit=1000&after={after}")
            rows += [FinishedTrial(row, groups, row["objectives"]) for row in page["trials"]]
            after = page["next"]
        return rows

    def cancel(self):
        self.daemon.post(f"{self._path}/cancel")

    # --- ask and tell

    def ask(self, timeout=None, lease_s=120):
        """The next trial. Waits until there is one (some strategies need scores first); timeout: seconds, then TimeoutError.
        lease_s: 10 to 86400; a thread shows the daemon meanwhile that we live, and when this process is gone for that long,
        the trial is given to another. Raises SearchOver at the end."""
        with self._lock:
            slot = next(i for i in itertools.count() if i not in self._pending)
            self._pending[slot] = None
        try:
            trial = self._ask(slot, timeout, lease_s)
        except BaseException:
            with self._lock:
                del self._pending[slot]
            raise
        with self._lock:
            self._pending[slot] = trial
            if not self._beat:
                self._beat = threading.Thread(target=self._show_life, name="paretod heartbeat", daemon=True)
                self._beat.start()
        self._news.set()
        return trial

    def _ask(self, slot, timeout, lease_s):
        end = None if timeout is None else time.monotonic() + timeout
        longest_s = LOOK_S
        while True:
            wait_s = longest_s if end is None else max(0, min(longest_s, end - time.monotonic()))
            try:
                answer = self.daemon.post(f"{self._path}/ask", {"client": f"{self.client}/{slot}", "wait_s": wait_s,
                                                               "lease_s": lease_s})
            except errors.Conflict as error:
                if self.state in OVER:
                    raise errors.SearchOver(str(error), error.status, error.code) from None
                raise
            if answer is not None:
                self._said_waiting = False
                return Trial(self, answer, slot)
            if wait_s >= LOOK_S / 2:
                self._say_waiting()
            longest_s = WAIT_S
            if end is not None and time.monotonic() >= end:
                raise TimeoutError(f"search {self.id} had no trial to give for {timeout} s")

    def _say_waiting(self):
        """Which trials we wait for, when they are not our own."""
        if self._said_waiting:
            return
        with self._lock:
            own = {t.number for t in self._pending.values() if t is not None}
        held = [str(t.number) + (f" ({t.row['worker']})" if t.row["worker"] else "") for t in self.trials
                if t.state == "leased" and t.number not in own]
        if held:
            self._said_waiting = True
            log.warning("search %s has no trial to give now; other clients than %r hold trial %s%s, until they tell or their leases end",
                        self.id, self.client, ", ".join(held[:5]), f" and {len(held) - 5} more" if len(held) > 5 else "")

    def tell(self, trial, values=None, state="complete", reason=None):
        """What became of a trial: a Trial, or its number. values: {"OBJECTIVE": mean | (mean, stderr) | {"mean", "stderr",
        "n"}}, or a list of them in the order of the objectives. state: "complete"; "failed", with the reason; "stopped", with
        what was reported last. True when it was told before (it then changed nothing). Raises Gone when the trial needs no score
        any more, and Conflict when it came too late: another has told other scores meanwhile, and these stay."""
        body = {"lease": trial.lease} if isinstance(trial, Trial) else {"trial": int(trial)}
        if state not in STATES:
            raise ValueError(f"state must be one of {', '.join(map(repr, STATES))}, not {state!r}")
        state = STATES[state]
        if state == "stopped":
            if not isinstance(trial, Trial) or trial.last_report is None:
                raise ValueError("a trial is stopped after trial.report(share, scores)")
            share, values = trial.last_report
            body.update(share=share, stopped=True)
        elif state == "failed":
            body["failed"] = reason or "it failed"
        if "failed" not in body:
            body["scores"] = scores_of(values, self.objectives)
        try:
            answer = self.daemon.post(f"{self._path}/tell", body)
        except (errors.Gone, errors.Conflict):
            self._forget(trial)
            raise
        self._forget(trial)
        return answer["duplicate"]

    def give_back(self, trial):
        """The trial is not worked on here; another may have it, and no attempt is counted."""
        self.daemon.post(f"/v1/leases/{trial.lease}/release")
        self._forget(trial)

    def _report(self, trial, share, scores):
        body = {"lease": trial.lease, "share": share, "scores": scores_of(scores, self.objectives)}
        return self.daemon.post(f"{self._path}/tell", body)["stop"]

    def _forget(self, trial):
        with self._lock:
            if isinstance(trial, Trial):
                trial.told = True
                if self._pending.get(trial._slot) is trial:
                    del self._pending[trial._slot]
            else:
                for slot, pending in list(self._pending.items()):
                    if pending is not None and pending.number == int(trial):
                        pending.told = True
                        del self._pending[slot]

    def _show_life(self):
        """Heartbeats of every trial in work, until there is none."""
        while True:
            with self._lock:
                trials = [t for t in self._pending.values() if t is not None and not t.lost]
                if not trials and not any(t is None for t in self._pending.values()):
                    self._beat = None
                    return
            for trial in trials:
                try:
                    self.daemon.post(f"/v1/leases/{trial.lease}/heartbeat", patience_s=0)
                except errors.Gone:
                    trial.lost = not trial.told
                except errors.ParetodError:
                    pass  # the next beat tries again
            self._news.wait(min((t.lease_s for t in trials), default=90) / 3)
            self._news.clear()

    # --- the whole loop

    def optimize(self, function, n_trials=None, n_jobs=1, timeout=None, catch=(), callbacks=()):
        """Asks, calls function(trial) and tells what it returns, until the search is over, or n_trials are told here, or
        timeout seconds are over (trials in work are finished). n_jobs threads. An exception in `catch` fails its trial
        and the loop goes on; any other fails it and is raised here. What is told too late is logged. TrialStopped ends a trial after trial.should_stop().
        callbacks: function(study, trial), after each."""
        end = None if timeout is None else time.monotonic() + timeout
        loop = _Loop(self, function, n_trials, end, tuple(catch) if isinstance(catch, (tuple, list)) else (catch,), callbacks)
        threads = [threading.Thread(target=loop.run, name=f"paretod {i}") for i in range(1, n_jobs)]
        for thread in threads:
            thread.start()
        try:
            loop.run()
        except BaseException as error:
            loop.stop(error)
        for thread in threads:
            thread.join()
        if loop.error is not None:
            raise loop.error


class _Loop:
    def __init__(self, study, function, n_trials, end, catch, callbacks):
        self.study, self.function, self.end, self.catch, self.callbacks = study, function, end, catch, callbacks
        self.left = n_trials
        self.error = None
        self.lock = threading.Lock()

    def stop(self, error):
        with self.lock:
            self.error = self.error or error

    def take(self):
        """Whether one more may be asked for."""
        with self.lock:
            if self.error is not None or self.left == 0 or (self.end is not None and time.monotonic() >= self.end):
                return False
            if self.left is not None:
                self.left -= 1
            return True

    def next(self):
        """A trial, None at the end. In short waits, so that an error elsewhere ends this one too."""
        while self.error is None and (self.end is None or time.monotonic() < self.end):
            left = 2 if self.end is None else max(0, min(2, self.end - time.monotonic()))
            try:
                return self.study.ask(timeout=left)
            except TimeoutError:
                continue
            except errors.SearchOver:
                return None
        return None

    def run(self):
        while self.take():
            try:
                trial = self.next()
                if trial is None:
                    return
                self.score(trial)
                for callback in self.callbacks:
                    callback(self.study, trial)
            except BaseException as error:  # of any thread: raised where optimize was called
                self.stop(error)
                return

    def tell(self, trial, values=None, **more):
        try:
            self.study.tell(trial, values, **more)
        except (errors.Gone, errors.Conflict) as error:
            log.warning("trial %d was told too late: %s", trial.number, error)

    def score(self, trial):
        try:
            values = self.function(trial)
            if values is None:
                raise ValueError("the objective returned nothing")
            self.tell(trial, values)
        except errors.TrialStopped:
            self.tell(trial, state="stopped")
        except errors.Gone:
            self.study._forget(trial)  # somebody cancelled it, or gave it up
        except KeyboardInterrupt:
            self.study.give_back(trial)
            raise
        except Exception as error:
            if isinstance(error, errors.ParetodError) and not isinstance(error, errors.Invalid):
                raise
            self.tell(trial, state="failed", reason=f"{type(error).__name__}: {error}")
            if not isinstance(error, self.catch):
                raise
