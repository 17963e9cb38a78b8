"""The real programs in a temporary directory, and how to speak with them.

A World is one daemon with its database, socket, workers and client. Everything it starts is a process group of its
own and is gone when the World is closed; a sanitizer's report or a program that does not end well fails the test.
"""
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("PARETOD_BUILD", ROOT / "build/dev")).resolve()
FIXTURES = ROOT / "tests/fixtures"
EVALUATOR = Path(__file__).resolve().parent / "evaluator.py"
PROGRAMS = {"paretod": "daemon", "pareto-worker": "worker", "paretoctl": "client"}
SANITIZER = re.compile(r"ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error:|Assertion .* failed")
ENDED = ("done", "cancelled", "failed")


def program(name):
    path = BUILD / PROGRAMS[name] / name
    assert path.exists(), f"{path} is not built; set PARETOD_BUILD or build the dev preset"
    return str(path)


def wait_until(condition, timeout_s, what):
    """The first true value of condition(). Fails with `what` when there is none in time."""
    end = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"not within {timeout_s} s: {what}"
        time.sleep(0.02)  # the pace of looking, never a guess at how long something takes


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"<{self.status} {self.body[:400]!r}>"


class Api:
    """HTTP over the daemon's Unix socket; a connection a call, so that a restart of the daemon is nothing special."""

    def __init__(self, path):
        self.path = str(path)

    def call(self, method, path, body=None, headers=None, timeout_s=60):
        connection = UnixConnection(self.path, timeout_s)
        try:
            data = None if body is None else json.dumps(body).encode() if not isinstance(body, bytes) else body
            kind = {} if data is None else {"Content-Type": "application/json"}
            connection.request(method, path, body=data, headers={**kind, **(headers or {})})
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def get(self, path, expect=200, **more):
        answer = self.call("GET", path, **more)
        assert answer.status == expect, f"GET {path}: {answer}"
        return answer.json

    def post(self, path, body=None, expect=200, **more):
        answer = self.call("POST", path, body={} if body is None else body, **more)
        assert answer.status == expect, f"POST {path}: {answer}"
        return answer.json

    def submit(self, spec, key=None):
        headers = {"Idempotency-Key": key} if key else {}
        return self.post("/v1/searches", spec, expect=201, headers=headers)["id"]

    def search(self, search):
        return self.get(f"/v1/searches/{search}")

    def front(self, search):
        return self.get(f"/v1/searches/{search}/front")

    def trials(self, search, limit=7):
        """All trials, read in small pages so that every use tests the paging."""
        rows, after = [], None
        while True:
            more = "" if after is None else f"&after={after}"
            page = self.get(f"/v1/searches/{search}/trials?limit={limit}{more}")
            rows += page["trials"]
            if page["next"] is None:
                return rows
            after = page["next"]

    def wait_front(self, search, condition, timeout_s, what):
        """Long polls the front until condition(front) holds."""
        end = time.monotonic() + timeout_s
        etag = None
        while True:
            answer = self.call("GET", f"/v1/searches/{search}/front?wait=5",
                               headers={"If-None-Match": etag} if etag else {})
            assert answer.status in (200, 304), answer
            if answer.status == 200:
                front, etag = answer.json, answer.headers["ETag"]
                if condition(front):
                    return front
            last = f"{front['state']} {front['progress']}"
            assert time.monotonic() < end, f"not within {timeout_s} s: {what}; last {last}"

    def wait_state(self, search, state, timeout_s=60):
        front = self.wait_front(search, lambda f: f["state"] == state or f["state"] in ENDED, timeout_s,
                                f"search {search} {state}")
        assert front["state"] == state, f"search {search} ended {front['state']}: {self.search(search)['reason']}"
        return front


class Process:
    """A program in a process group of its own, its two outputs in one log."""

    def __init__(self, name, argv, log, env=None):
        self.name, self.log = name, log
        self.killed = False
        with open(log, "ab") as out:
            self.popen = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                          start_new_session=True, env={**os.environ, **(env or {})})

    @property
    def alive(self):
        return self.popen.poll() is None

    def text(self):
        return self.log.read_text(errors="replace")

    def kill(self):
        """kill -9 of the whole group, as a power cut would."""
        self.killed = True
        self.group(signal.SIGKILL)
        self.popen.wait()

    def group(self, number):
        try:
            os.killpg(self.popen.pid, number)
        except ProcessLookupError:
            pass

    def terminate(self, timeout_s=30):
        """SIGTERM to the program; its exit status."""
        if self.alive:
            self.popen.terminate()
        try:
            self.popen.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.name} did not end within {timeout_s} s of SIGTERM") from None
        finally:
            self.group(signal.SIGKILL)  # children that outlived it
        return self.popen.returncode


class World:
    def __init__(self, lease_s=None):
        # not pytest's directory: a socket's path has at most 107 bytes
        self.directory = Path(tempfile.mkdtemp(prefix="paretod-e2e-"))
        self.socket = self.directory / "d.sock"
        self.address = f"unix:{self.socket}"
        self.api = Api(self.socket)
        self.lease_s = lease_s
        self.processes = []
        self.daemon = None
        self.port = None

    # the programs

    def start_daemon(self, port=0):
        argv = [program("paretod"), "--db", str(self.directory / "db"), "--listen", self.address,
                "--listen", f"127.0.0.1:{port}", "--assets", str(BUILD / "assets")]
        if self.lease_s is not None:
            argv += ["--lease-s", str(self.lease_s)]
        self.daemon = self.start("daemon", argv)
        address = re.compile(r"listening address=127\.0\.0\.1:(\d+)")
        found = wait_until(lambda: address.search(self.daemon.text()) or not self.daemon.alive, 30, "the daemon listens")
        assert self.daemon.alive, f"the daemon ended:\n{self.daemon.text()}"
        self.port = int(found.group(1))
        wait_until(self.ready, 30, "the daemon is ready")
        return self.daemon

    def ready(self):
        try:
            return self.api.call("GET", "/readyz").status == 200
        except OSError:
            return False

    def start_worker(self, slots=1, address=None):
        scratch = self.directory / f"scratch{len(self.processes)}"
        return self.start("worker", [program("pareto-worker"), "--daemon", address or self.address, "--slots", str(slots),
                                     "--scratch", str(scratch)])

    def start(self, name, argv):
        log = self.directory / f"{name}{len(self.processes)}.log"
        process = Process(name, argv, log)
        self.processes.append(process)
        return process

    def ctl(self, *arguments, check=True, timeout_s=120, cwd=None):
        done = subprocess.run([program("paretoctl"), "--daemon", self.address, *map(str, arguments)], text=True,
                              capture_output=True, timeout=timeout_s, stdin=subprocess.DEVNULL, cwd=cwd,
                              env={**os.environ, "NO_COLOR": "1", "PARETOD_DAEMON": ""})
        assert not SANITIZER.search(done.stderr), done.stderr
        said = f"{done.stdout}{done.stderr}"
        assert not check or done.returncode == 0, f"paretoctl {arguments}: {done.returncode}\n{said}"
        return done

    # searches

    def synthetic(self, name="synthetic", groups=3, trials=16, strategy=None, objectives=("reward", "tasks"),
                  attempts=3, held_out=False, seed=1, options=()):
        """A search whose scores are a smooth function of the ratios; see evaluator.py for the options."""
        return {
            "name": name,
            "groups": {"count": groups},
            "objectives": [{"name": o, "metric": f"synthetic.{o}", "goal": "min" if o == "kl" else "max"}
                           for o in objectives],
            "evaluator": {"type": "command", "merge": "none", "time_limit_s": 60,
                          "argv": ["/usr/bin/python3", "-S", "-E", str(EVALUATOR), *map(str, options)]},
            "strategy": strategy or {"type": "hma", "sweep_points": 5, "means": [0.3, 0.6]},
            "budget": {"trials": trials, "attempts": attempts},
            "held_out": held_out,
            "seed": seed,
        }

    # the end

    def close(self):
        faults = []
        for process in self.processes:  # all workers at once, and to a daemon that they can say goodbye to
            if process.name == "worker" and process.alive:
                process.popen.terminate()
        for process in sorted(self.processes, key=lambda p: p.name == "daemon"):
            if not process.killed:
                try:
                    status = process.terminate()
                    if status != 0:
                        faults.append(f"{process.name} ended with status {status}")
                except AssertionError as error:
                    faults.append(str(error))
            found = SANITIZER.search(process.text())
            if found:
                faults.append(f"{process.name}: {process.text()[found.start():][:3000]}")
        return faults

    def logs(self, lines=40):
        return "\n".join(f"--- {p.log.name}\n" + "\n".join(p.text().splitlines()[-lines:]) for p in self.processes)

    def remove(self):
        shutil.rmtree(self.directory, ignore_errors=True)
