"""Bytes as they go over a socket, for what no client of HTTP would send; and answers, taken apart strictly."""

import contextlib
import json
import re
import socket
import time
from dataclasses import dataclass
from pathlib import Path

import programs
from waiting import PATIENCE

HOST = b"Host: 127.0.0.1\r\n"
BODY = b'{"name":"x"}'
PROBLEM = "application/problem+json"


@dataclass
class Answer:
    status: int
    headers: dict
    body: bytes

    def problem(self):
        """Its problem document, which must be one."""
        assert self.headers["content-type"] == PROBLEM, self
        problem = json.loads(self.body)
        assert {"type", "title", "status", "detail", "instance"} <= set(problem), problem
        assert problem["status"] == self.status, self
        return problem


def request(line, *headers, body=b"", host=HOST):
    """A request: its line without the version, its headers without their ends."""
    return line + b" HTTP/1.1\r\n" + host + b"".join(header + b"\r\n" for header in headers) + b"\r\n" + body


def post(*headers, body=BODY):
    return request(b"POST /v1/customers", b"Content-Type: application/json", *headers, body=body)


def chunked(body):
    return b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)


def bearer(org):
    return b"Authorization: Bearer " + org.key.encode()


def parse(data, methods=()):
    """The answers in `data`, which must be nothing but whole answers: `methods` says which requests were HEAD."""
    answers = []
    while data:
        head, _, data = data.partition(b"\r\n\r\n")
        status, *lines = head.decode("ascii").split("\r\n")
        match = re.fullmatch(r"HTTP/1\.[01] ([1-5]\d\d) [ -~]*", status)
        assert match, f"no status line: {status!r}"
        headers = {}
        for line in lines:
            name, colon, value = line.partition(": ")
            assert colon and re.fullmatch(r"[A-Za-z0-9-]+", name), f"no header: {line!r}"
            assert name.lower() not in headers, f"{name} comes twice: {head!r}"
            headers[name.lower()] = value
        code = int(match[1])
        bodiless = code < 200 or methods[len(answers) : len(answers) + 1] == ("HEAD",)
        length = 0 if bodiless else int(headers["content-length"])
        assert len(data) >= length, f"the body has {len(data)} bytes, not {length}: {head!r}"
        answers.append(Answer(code, headers, data[:length]))
        data = data[length:]
    return answers


def connect(port, seconds=10):
    return socket.create_connection(("127.0.0.1", port), timeout=seconds * PATIENCE)


def send(sock, data):
    """Send what the server takes; it may answer and close before it has all."""
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        sock.sendall(data)


def read_all(sock):
    """All that comes until the server closes; None when it does not close in time."""
    data = b""
    try:
        while piece := sock.recv(65536):
            data += piece
    except ConnectionResetError:
        pass
    except TimeoutError:
        return None
    return data


def exchange(port, data, seconds=10):
    """Send `data` on a connection of its own: all that comes back until the server closes, or None."""
    with connect(port, seconds) as sock:
        send(sock, data)
        return read_all(sock)


def read_answer(sock, method="GET"):
    """One answer of a connection that stays open."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = sock.recv(65536)
        assert piece, f"closed in the middle of an answer: {data!r}"
        data += piece
    length = re.search(rb"(?i)content-length: (\d+)", data)
    whole = data.index(b"\r\n\r\n") + 4 + (int(length[1]) if length and method != "HEAD" else 0)
    while len(data) < whole:
        data += sock.recv(65536)
    [answer] = parse(data, (method,))
    return answer


# What a process uses


def port_of(program):
    return int(program.settings["BILLD_PORT"])


def metric(url, name, **labels):
    """A figure of /metrics; 0 when it is not there."""
    text = programs.fetch(url + "/metrics").text
    for line in text.splitlines():
        match = re.fullmatch(r"(\w+)(?:\{(.*)\})? (\S+)", line)
        if match and match[1] == name and dict(re.findall(r'(\w+)="([^"]*)"', match[2] or "")) == labels:
            return float(match[3])
    return 0


def files_of(program):
    """How many files it has open."""
    return len(list(Path(f"/proc/{program.process.pid}/fd").iterdir()))


def memory_of(program):
    """Its resident memory in MiB."""
    pages = int(Path(f"/proc/{program.process.pid}/statm").read_text().split()[1])
    return pages * 4096 / 2**20


def processor_share(program, seconds=1.0):
    """Which share of one processor it uses for so long."""

    def ticks():
        fields = Path(f"/proc/{program.process.pid}/stat").read_text().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])

    before, began = ticks(), time.monotonic()
    time.sleep(seconds)
    return (ticks() - before) / 100 / (time.monotonic() - began)
