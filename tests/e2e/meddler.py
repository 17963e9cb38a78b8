"""A proxy between workers and the daemon: it says "stop" where the daemon does not, and remembers leases and results."""
import http.client
import json
import socketserver
import threading
from http.server import BaseHTTPRequestHandler


class Meddler:
    """stop: {trial: slices after which it is stopped}, the first time that its slices come by."""

    def __init__(self, port, stop):
        self.stop, self.trial_of = dict(stop), {}
        self.leases, self.results = [], []  # (trial, body)
        meddler = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def forward(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                daemon = http.client.HTTPConnection("127.0.0.1", port, timeout=90)
                try:
                    daemon.request(self.command, self.path, body, {"Content-Type": "application/json"})
                    answer = daemon.getresponse()
                    status, said = answer.status, answer.read()
                except OSError:  # the daemon is away
                    self.close_connection = True
                    return
                finally:
                    daemon.close()
                said = meddler.meddle(self.path, body, status, said)
                try:
                    self.send_response(status)
                    self.send_header("Content-Length", str(len(said)))
                    self.end_headers()
                    self.wfile.write(said)
                except OSError:  # the worker is
                    self.close_connection = True

            do_GET = do_POST = do_DELETE = forward

            def log_message(self, *_):
                pass

        class Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
            daemon_threads, allow_reuse_address = True, True

        self.server = Server(("127.0.0.1", 0), Handler)
        self.address = "127.0.0.1:%d" % self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def meddle(self, path, body, status, said):
        parts = path.split("/")
        if path == "/v1/leases" and status == 200:
            lease = json.loads(said)
            self.trial_of[lease["lease"]] = lease["trial"]
            self.leases.append((lease["trial"], lease))
        elif parts[2:3] == ["leases"] and parts[-1] == "result" and status == 200:
            self.results.append((self.trial_of[parts[3]], json.loads(body)))
            self.stop.pop(self.trial_of[parts[3]], None)
        elif parts[2:3] == ["leases"] and parts[-1] == "slice" and status == 200:
            after = self.stop.get(self.trial_of[parts[3]])
            if after is not None and json.loads(body)["slices_done"] >= after:
                return json.dumps({**json.loads(said), "stop": True}).encode()
        return said

    def close(self):
        self.server.shutdown()
        self.server.server_close()
