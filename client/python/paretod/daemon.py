"""HTTP to the daemon, over a Unix socket or TCP. Every request may be sent again, so a lost answer is asked for again:
submissions carry a key, a client has one trial at a time, and telling twice changes nothing."""
import http.client
import json
import os
import re
import socket
import time

from . import errors

ANSWER_S = 90  # longer than the daemon lets anybody wait
FIRST_S = 2  # for the first answer: whoever has a wrong address shall know it at once
CONNECT_S = 10
FORMS = '"unix:/path", "http://host:port" or "host:port"'


def default_address():
    """As paretoctl has it."""
    return os.environ.get("PARETOD_DAEMON") or f"unix:{os.environ.get('XDG_RUNTIME_DIR') or '/run'}/paretod.sock"


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Daemon:
    """address: "unix:/path", "http://host:port" or "host:port"; None: $PARETOD_DAEMON, as paretoctl does.
    patience_s: for how long a daemon that has answered before and does not now (it restarts, the network is away) is asked
    again; one that never answered is given up after two seconds. May be used by several threads."""

    def __init__(self, address=None, patience_s=60):
        self.address = default_address() if address is None else address
        self.patience_s = patience_s
        self._met = False  # it has answered
        if not isinstance(self.address, str):
            raise TypeError(f"the daemon's address is a text as {FORMS}, not {self.address!r}")
        if self.address.startswith("https:"):
            raise ValueError("paretod speaks no TLS; use its Unix socket or http://")
        tcp = re.fullmatch(r"(http://)?[^/\s]+:\d{1,5}/?", self.address)
        if not tcp and not re.fullmatch(r"unix:.+", self.address):
            raise ValueError(f"{self.address!r} is no address of paretod: give {FORMS}, as paretod --listen has it")

    def __repr__(self):
        return f"Daemon({self.address!r})"

    def _connection(self, timeout_s):
        if self.address.startswith("unix:"):
            return _UnixConnection(self.address[5:], timeout_s)
        return http.client.HTTPConnection(self.address.replace("http://", "", 1).rstrip("/"), timeout=timeout_s)

    def _once(self, method, path, data, headers, timeout_s):
        connection = self._connection(CONNECT_S if self._met else FIRST_S)
        try:
            connection.connect()
            connection.sock.settimeout(timeout_s)
            connection.request(method, path, body=data, headers=headers)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def call(self, method, path, body=None, headers=None, timeout_s=ANSWER_S, patience_s=None):
        """The answer as it was parsed, None without content. Raises errors.ParetodError."""
        data = None if body is None else json.dumps(body, allow_nan=False).encode()
        headers = {**({} if data is None else {"Content-Type": "application/json"}), **(headers or {})}
        patience_s = self.patience_s if patience_s is None else patience_s
        end = time.monotonic() + (patience_s if self._met else min(patience_s, FIRST_S))
        pause_s = 0.05
        while True:
            try:
                status, text = self._once(method, path, data, headers, timeout_s)
                if status != 503:
                    break
                problem = "it is not ready"
            except (OSError, http.client.HTTPException) as error:
                problem = str(error) or type(error).__name__
            if time.monotonic() + pause_s > end:
                raise errors.Unreachable(f"no answer from paretod at {self.address}: {problem}{self._advice()}") from None
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, 2)
        try:
            answer = json.loads(text) if text else None
            self._met = True
        except ValueError:
            answer = None
        if status >= 400:
            raise errors.of_answer(status, answer if isinstance(answer, dict) else {})
        return answer

    def _advice(self):
        return "" if self._met else "; is it running, with --listen there? Say where it listens with daemon= or $PARETOD_DAEMON"

    def get(self, path):
        return self.call("GET", path)

    def post(self, path, body=None, **more):
        return self.call("POST", path, {} if body is None else body, **more)
