"""An API that a test makes up: it answers what it is told to, and breaks off where it is told to."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from programs import run
from stack import free_ports

KEY = "billd_test_" + "s3cret" * 6


def problem(status, title, detail, **more):
    body = {"type": "/docs/problems/x", "title": title, "status": status, "detail": detail, "instance": "/"}
    return status, body | more


class FakeApi:
    """Answers with what a test puts into `answers`: by "METHOD path", a list of which the last one stays.

    An answer is (status, body), (status, body, headers) or a function of the handler.
    """

    def __init__(self):
        self.answers, self.asked = {}, []
        self.port = free_ports(1)[0]
        self.url = f"http://127.0.0.1:{self.port}"
        self.server = None

    def open(self):
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do(self):
                length = int(self.headers.get("Content-Length") or 0)
                fake.answer(self, self.rfile.read(length))

            do_GET = do_POST = do

        self.server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def answer(self, handler, body):
        self.asked.append((handler.command, handler.path, dict(handler.headers), body))
        queue = self.answers.get(f"{handler.command} {handler.path}") or [problem(404, "Not found", "Nothing is here.")]
        answer = queue.pop(0) if len(queue) > 1 else queue[0]
        if callable(answer):
            answer(handler)
            return
        status, content, headers = (*answer, {})[:3]
        content = content if isinstance(content, bytes) else json.dumps(content).encode()
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    def billd(self, *arguments, expect=0, **more):
        """Run the command: (what it printed, its error). The key is in neither."""
        done = run("billd", *arguments, env={"BILLD_URL": self.url, "BILLD_API_KEY": KEY} | more)
        assert done.returncode == expect, (done.returncode, done.stdout, done.stderr)
        assert KEY not in done.stdout + done.stderr
        assert (done.stderr == "") == (expect == 0) and done.stderr.count("\n") == (expect != 0), done.stderr
        return done.stdout, done.stderr

    def paths(self):
        return [f"{method} {path}" for method, path, *_ in self.asked]


def stream(*pieces, after=0.0, ends=True):
    """The answer of a stream of events: its pieces one by one. One that does not end is broken off."""

    def answer(handler):
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream")
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        for piece in pieces:
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            handler.wfile.flush()
            time.sleep(after)
        if ends:
            handler.wfile.write(b"0\r\n\r\n")
        handler.close_connection = True

    return answer
