"""What the daemon refuses before it looks at the content: ambiguous requests, pages of other origins, too much."""
import json
import os
import resource
import socket
import subprocess

import pytest
from helpers import UnixConnection, program, wait_until


def raw(world, text, on_tcp=True):
    """The status of a request written by hand."""
    if on_tcp:
        connection = socket.create_connection(("127.0.0.1", world.port), timeout=20)
    else:
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(20)
        connection.connect(str(world.socket))
    with connection:
        connection.sendall(text.encode())
        answer = b""
        while b"\r\n" not in answer:
            part = connection.recv(4096)
            if not part:
                return None
            answer += part
    return int(answer.split()[1])


def request(*headers, body="", verb="POST", path="/v1/searches"):
    return "\r\n".join([f"{verb} {path} HTTP/1.1", *headers]) + "\r\n\r\n" + body


JSON = "Content-Type: application/json"


def test_ambiguous_lengths_are_refused(world):
    host = f"Host: 127.0.0.1:{world.port}"
    assert raw(world, request(host, JSON, "Content-Length: 2", "Content-Length: 3", body="{}x")) == 400
    both = request(host, JSON, "Content-Length: 2", "Transfer-Encoding: chunked", body="0\r\n\r\n")
    assert raw(world, both) == 400
    assert raw(world, request(host, "Host: other", verb="GET")) == 400
    assert raw(world, request(host, verb="GET")) == 200


def test_a_page_of_another_origin_cannot_speak_with_it(world):
    host = f"Host: 127.0.0.1:{world.port}"
    body = json.dumps(world.synthetic())
    length = f"Content-Length: {len(body)}"
    assert raw(world, request(host, length, "Content-Type: text/plain", body=body)) == 415
    assert raw(world, request(host, length, body=body)) == 415
    assert raw(world, request(host, length, JSON, "Origin: http://example.org", body=body)) == 403
    assert raw(world, request(host, "Origin: http://example.org", verb="GET")) == 403
    assert raw(world, request("Host: rebound.example.org:80", verb="GET")) == 403
    assert world.api.get("/v1/searches")["searches"] == []
    assert raw(world, request(host, length, JSON, f"Origin: http://127.0.0.1:{world.port}", body=body)) == 201


def test_too_much_is_refused(world):
    host = f"Host: 127.0.0.1:{world.port}"
    assert raw(world, request(host, JSON, f"Content-Length: {1 << 40}")) == 413
    status = raw(world, request(host, "X-Long: " + "x" * 300_000, verb="GET"))
    assert status is None or 400 <= status < 500
    assert world.ready()


def test_what_is_no_request_hurts_nobody(world):
    for text in ("", "\r\n\r\n", "GET\r\n\r\n", "\0\1\2\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "POST / HTTP/1.1\r\n"):
        with socket.create_connection(("127.0.0.1", world.port), timeout=20) as connection:
            connection.sendall(text.encode())
        assert world.ready(), text


def test_many_waiting_readers(world):
    """Long polls cost a connection each and nothing else; a change wakes them all."""
    search = world.api.submit(world.synthetic())
    world.api.wait_front(search, lambda front: front["progress"]["ready"] >= 2, 30, "the first proposals, which are changes too")
    etag = world.api.call("GET", f"/v1/searches/{search}/front").headers["ETag"]
    waiting = []
    for _ in range(100):
        connection = UnixConnection(str(world.socket), 30)
        connection.request("GET", f"/v1/searches/{search}/front?wait=30", headers={"If-None-Match": etag})
        waiting.append(connection)
    assert world.ready()
    world.api.post(f"/v1/searches/{search}/pause")
    for connection in waiting:
        answer = connection.getresponse()
        assert answer.status == 200 and json.loads(answer.read())["state"] == "paused"
        connection.close()


def test_a_full_house_empties_again(world):
    """Out of file descriptors: whoever came too late waits, and everybody is served after the crowd has left."""
    pid = world.daemon.popen.pid
    files = len(os.listdir(f"/proc/{pid}/fd")) + 20
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (files, files))
    crowd = [socket.create_connection(("127.0.0.1", world.port), timeout=20) for _ in range(17)]
    for _ in range(30):
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(str(world.socket))
        crowd.append(connection)
    wait_until(lambda: len(os.listdir(f"/proc/{pid}/fd")) == files, 20, "the house is full")
    for connection in crowd:
        connection.close()
    assert raw(world, request("Host: localhost", verb="GET", path="/healthz")) == 200
    assert raw(world, request("Host: localhost", verb="GET", path="/healthz"), on_tcp=False) == 200


@pytest.mark.parametrize("address", ["here", "127.0.0.1:http", "unix:", "unix:" + "x" * 200])
def test_an_address_that_is_none_leaves_no_database(tmp_path, address):
    argv = [program("paretod"), "--db", str(tmp_path / "db"), "--listen", "127.0.0.1:0", "--listen", address]
    ended = subprocess.run(argv, capture_output=True, text=True, timeout=30)
    assert ended.returncode == 1 and f"--listen {address}: " in ended.stderr
    assert not (tmp_path / "db").exists()
