"""Many connections, slow ones, ones that end in the middle: others are served meanwhile, and nothing stays behind."""

import contextlib
import math
import resource
import select
import socket
import struct
import threading
import time
from pathlib import Path

import pytest
from raw import (
    bearer,
    connect,
    exchange,
    files_of,
    memory_of,
    metric,
    parse,
    port_of,
    post,
    processor_share,
    read_all,
    read_answer,
    request,
    send,
)
from waiting import PATIENCE, eventually

LIVE = b"GET /health/live"
ALLOWED = 16  # the least that BILLD_CONNECTIONS takes
DEADLINE_S = 0.6
KEPT_MAX = 200  # bytes of memory a request: less than any that could be forgotten
BODY = b'{"name":"' + b"x" * 20_000 + b'"}'  # too long a name: without effect


@pytest.fixture(scope="module", autouse=True)
def enough_files():
    """We hold as many connections as the api."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 10_000), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture(scope="module")
def one(stack):
    return stack.organisation()


@pytest.fixture(scope="module")
def strict(stack):
    """An api with short deadlines and few connections."""
    milliseconds = int(DEADLINE_S * 1000)
    with stack.another_api(
        BILLD_HEADER_TIMEOUT_MS=milliseconds,
        BILLD_BODY_TIMEOUT_MS=milliseconds,
        BILLD_IDLE_TIMEOUT_MS=60_000,
        BILLD_CONNECTIONS=ALLOWED,
    ) as api:
        api.url = f"http://127.0.0.1:{port_of(api)}"
        yield api


@pytest.fixture
def idle(strict):
    """The same, without any connection left from before."""
    eventually(lambda: connections_of(strict) == 0, "the connections of other tests are closed", 10)
    return strict


def connections_of(api):
    """How many clients it holds, by its open files: a question over HTTP would be one more."""
    with contextlib.suppress(FileNotFoundError):
        port = f":{port_of(api):04X}"
        inodes = set()
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            _, local, _, state, *_, inode = line.split()[:10]
            if local.endswith(port) and state != "0A":  # listening
                inodes.add(f"socket:[{inode}]")
        return sum(str(link.readlink()) in inodes for link in Path(f"/proc/{api.process.pid}/fd").iterdir())


@contextlib.contextmanager
def many(port, count, data=b""):
    """So many connections at a time, on each of which `data` was sent."""
    with contextlib.ExitStack() as stack:
        socks = [stack.enter_context(connect(port)) for _ in range(count)]
        for sock in socks:
            send(sock, data)
        yield socks


def percentile(numbers, share):
    return sorted(numbers)[int(len(numbers) * share)]


# Slow ones


SLOW = {
    "nothing": b"",
    "a slow request line": LIVE,
    "slow headers": request(LIVE, b"X-A: " + b"a" * 1000),
    "a slow body": post(b"Content-Length: 1000", body=b" " * 1000),
    "a slow chunked body": post(b"Transfer-Encoding: chunked", body=b"1\r\n \r\n" * 1000),
    "slow trailers": post(b"Transfer-Encoding: chunked", body=b"2\r\n{}\r\n0\r\n" + b"X-A: a\r\n" * 1000),
}
AT_ONCE = {"a slow body": 150, "a slow chunked body": 160, "slow trailers": 170}  # the rest comes byte by byte


@pytest.mark.parametrize("name", SLOW)
def test_who_is_slow_is_cut_off_at_a_deadline(idle, name):
    """A byte now and then gains nothing: it is counted from the beginning, of headers and of a body."""
    data = SLOW[name]
    at_once = AT_ONCE.get(name, 0)
    with connect(port_of(idle)) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        began = time.monotonic()
        sock.sendall(data[:at_once])
        for byte in data[at_once:]:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                sock.sendall(bytes([byte]))
            if select.select([sock], [], [], 0.02)[0]:
                break
        assert parse(read_all(sock)) == [], "it was answered"
        took = time.monotonic() - began
    assert DEADLINE_S <= took < (DEADLINE_S + 1) * PATIENCE, took


def test_who_does_not_take_an_answer_does_not_hold_others(idle):
    """It asks for a large document again and again, and reads nothing: its answers wait in its own connection."""
    before = memory_of(idle)
    with connect(port_of(idle)) as deaf:
        deaf.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            for _ in range(1000):
                deaf.send(request(b"GET /openapi.json") * 100)
        for _ in range(20):
            [answer] = parse(exchange(port_of(idle), request(LIVE, b"Connection: close")))
            assert answer.status == 200
        assert processor_share(idle, 0.5) < 0.3
        assert memory_of(idle) - before < 16


# Many


def test_2000_idle_connections_leave_room_for_others(stack, one):
    """Half of them in the middle of a request: commands and reads go on as quickly."""

    def round_trips():
        took = []
        for _ in range(40):
            for method, path, body, status in (
                ("POST", "/v1/customers", {"name": ""}, 422),
                ("GET", "/v1/customers", None, 200),
                ("GET", "/health/live", None, 200),
            ):
                began = time.monotonic()
                assert one.request(method, path, body).status_code == status
                took.append(time.monotonic() - began)
        return percentile(took, 0.95)

    files = files_of(stack.api)
    alone = round_trips()
    with many(stack.api_port, 1000), many(stack.api_port, 1000, LIVE):
        among = round_trips()
        assert processor_share(stack.api, 0.5) < 0.3
    assert among < (alone + 0.05) * PATIENCE, (alone, among)
    eventually(lambda: files_of(stack.api) <= files + 2, "the files of the connections are closed", 10)


def storm(port, data, count):
    """So many clients that send a half and go: one in two says goodbye, the other is gone at once."""
    socks = [connect(port) for _ in range(count)]
    for number, sock in enumerate(socks):
        send(sock, data)
        if number % 2:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    for sock in socks:
        sock.close()


def test_half_a_body_and_gone_leaves_nothing_behind(stack, one):
    """Storm after storm: files and requests are what they were, and memory stops growing.

    It grows at first, up to what the most connections at the same time need, which is the scheduler's chance.
    Who is gone before his half was read is noticed at the deadline of bodies only, which is short here.
    """
    length = b"Content-Length: %d" % len(BODY)
    half = post(bearer(one), length, body=BODY[: len(BODY) // 2])
    chunk = post(bearer(one), b"Transfer-Encoding: chunked", body=b"%x\r\n" % len(BODY) + BODY[: len(BODY) // 2])
    with stack.another_api(BILLD_BODY_TIMEOUT_MS=1000) as api:
        port = port_of(api)
        client = one.at(f"http://127.0.0.1:{port}")
        assert client.request("POST", "/v1/customers", data=BODY).status_code == 422
        client.session.close()
        eventually(lambda: connections_of(api) == 0, "nobody is there", 10)
        files = files_of(api)
        kept = {}  # bytes a request
        for name, data in (("half", half), ("chunk", chunk)):
            kept[name] = []
            while min(kept[name], default=math.inf) > KEPT_MAX and len(kept[name]) < 10:
                before = memory_of(api)
                storm(port, data, 500)
                eventually(lambda: connections_of(api) == 0, "the storm is over", 10)
                kept[name].append((memory_of(api) - before) * 2**20 / 500)
        assert all(min(each) <= KEPT_MAX for each in kept.values()), kept
        assert files_of(api) == files
        assert metric(client.url, "billd_http_requests_in_flight") == 1  # the question
        assert client.request("POST", "/v1/customers", data=BODY).status_code == 422


def test_10_000_requests_in_a_row_are_answered_in_order(stack):
    """Sent without waiting on one connection; what was not read yet waits at the client, not in memory."""
    count = 10_000
    before = memory_of(stack.api)
    received = b""
    with connect(stack.api_port, 30) as sock:

        def send_all():
            for first in range(0, count, 100):
                sock.sendall(b"".join(request(LIVE, b"X-Request-Id: r%d" % i) for i in range(first, first + 100)))
            sock.sendall(request(LIVE, b"X-Request-Id: last", b"Connection: close"))

        sender = threading.Thread(target=send_all)
        sender.start()
        while piece := sock.recv(1 << 20):
            received += piece
        sender.join()
    names = [answer.headers["x-request-id"] for answer in parse(received) if answer.status == 200]
    assert names == [f"r{i}" for i in range(count)] + ["last"]
    assert memory_of(stack.api) - before < 16


def test_commands_in_a_row_are_accepted_in_order(stack, one):
    """Each of 100 is suspended until Kafka has it; the next waits for its answer."""
    sent = [
        request(
            b"POST /v1/customers", bearer(one), b"Content-Type: application/json", b"X-Request-Id: c%d" % i,
            b"Idempotency-Key: row-%d" % (i // 2), b"Content-Length: 14", body=b'{"name":"row"}',
        )
        for i in range(100)
    ]  # fmt: skip
    answers = parse(exchange(stack.api_port, b"".join(sent) + request(LIVE, b"Connection: close"), 30))
    assert [answer.status for answer in answers] == [202] * 100 + [200]
    assert [answer.headers["x-request-id"] for answer in answers[:100]] == [f"c{i}" for i in range(100)]
    places = [answer.headers["location"] for answer in answers[:100]]
    assert places[0::2] == places[1::2] and len(set(places)) == 50


# More than allowed


def is_refused(answers):
    """Whether a connection got a 503 and nothing else, as a problem."""
    assert [answer.status for answer in answers] == [503], answers
    assert answers[0].headers["retry-after"] == "1" and answers[0].headers["connection"] == "close", answers
    assert answers[0].problem()["type"] == "/docs/problems/overloaded"
    return True


def keep(port, seconds=10):
    """A connection that has a request behind it, so that it may be idle."""
    sock = connect(port, seconds)
    send(sock, request(LIVE))
    assert read_answer(sock).status == 200
    return sock


def test_more_connections_than_allowed_are_refused_clearly(idle, one):
    """503 and closed, at once and without a circle; those who are in are served, and others when one leaves."""
    port = port_of(idle)
    refused = metric(idle.url, "billd_http_connections_refused_total")
    eventually(lambda: connections_of(idle) == 0, "the question's connection is closed", 10)
    inside = [keep(port) for _ in range(ALLOWED)]
    try:
        began = time.monotonic()
        for number in range(100):
            data = request(LIVE) if number % 2 else post(bearer(one), b"Content-Length: 2", body=b"{}")
            assert is_refused(parse(exchange(port, data)))
        assert time.monotonic() - began < 5 * PATIENCE
        with many(port, 100):  # those do not even ask
            assert processor_share(idle, 1) < 0.3
            for sock in inside:
                send(sock, request(LIVE))
                assert read_answer(sock).status == 200
        inside.pop().close()
        eventually(lambda: connections_of(idle) == ALLOWED - 1, "the one that left is gone", 10)
        inside.append(keep(port))
        assert is_refused(parse(exchange(port, request(LIVE))))
    finally:
        for sock in inside:
            sock.close()
    eventually(lambda: connections_of(idle) == 0, "all have left", 10)
    assert metric(idle.url, "billd_http_connections_refused_total") - refused == 201
    assert "connections are refused" in "\n".join(idle.log_lines())


def test_without_a_file_left_others_are_refused_and_nobody_is_lost(stack, one):
    """RLIMIT_NOFILE used up: no crash, no circle; who is in is served, others get a 503 until there are files again."""
    with stack.another_api() as api:
        port = port_of(api)
        pid = api.process.pid
        soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        last = max(int(entry.name) for entry in Path(f"/proc/{pid}/fd").iterdir())
        inside = [keep(port) for _ in range(4)]
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (last + 13, hard))
        try:
            while len(inside) < 30:
                sock = connect(port)
                send(sock, request(LIVE))
                answer = read_answer(sock)
                if answer.status == 503:
                    assert is_refused([answer]) and read_all(sock) == b""
                    sock.close()
                    break
                inside.append(sock)
            assert 4 < len(inside) < 30, "the files were not used up"
            body = b'{"name":"in need"}'
            with many(port, 60, request(LIVE)) as others:
                assert processor_share(api, 1) < 0.3
                for sock in inside:
                    send(sock, post(bearer(one), b"Content-Length: %d" % len(body), body=body))
                    assert read_answer(sock).status == 202
                assert all(is_refused(parse(read_all(sock))) for sock in others)
        finally:
            for sock in inside:
                sock.close()
        eventually(lambda: connections_of(api) == 0, "all have left", 10)
        for sock in [keep(port) for _ in range(4)]:
            sock.close()
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))
        for sock in [keep(port) for _ in range(40)]:
            sock.close()
        names = eventually(
            lambda: len([c for c in one.all("/v1/customers") if c["name"] == "in need"]) == len(inside),
            "each accepted command took effect",
            30,
        )
        assert names
        assert api.stop(15) == 0


def test_the_limit_counts_who_is_there_and_not_who_was(idle):
    """Hundreds come and go, one after the other and some at once: never too many at a time, so none is refused."""
    port = port_of(idle)
    for _ in range(40):
        with many(port, ALLOWED // 2, request(LIVE)) as socks:
            assert all(read_answer(sock).status == 200 for sock in socks)
        eventually(lambda: connections_of(idle) == 0, "all have left", 10, 0.005)


# What is held for clients

MOST = 1024 * 1024  # bytes of a body
BODIES_HELD = 256  # of that size, at once
DEAF = 80  # clients that take no answer: more than large answers are held at once


def test_commands_that_wait_for_their_outcomes_hold_no_bodies(stack, one):
    """As many of the largest as may be read at once wait: there is room for others."""
    body = b'{"name":"x"}'.ljust(MOST)
    told = (bearer(one), b"Content-Length: %d" % MOST)
    with stack.another_api() as api, stack.without_worker():
        url = f"http://127.0.0.1:{port_of(api)}"
        with many(port_of(api), BODIES_HELD, post(b"Prefer: wait=30", *told, body=body)):
            eventually(lambda: metric(url, "billd_commands_accepted_total") == BODIES_HELD, "all are accepted", 60)
            with connect(port_of(api)) as sock:
                send(sock, post(*told, body=body))
                assert read_answer(sock).status == 202


def test_large_answers_that_nobody_takes_are_bounded(stack):
    """Clients ask for pages of megabytes and read nothing: further ones are refused, and small answers are not."""
    org = stack.organisation()
    metadata = {f"key-{number}": "€" * 500 for number in range(50)}
    org.in_parallel([lambda client: client.customer(metadata=metadata)] * 60)
    page = request(b"GET /v1/customers?limit=100", bearer(org))
    with stack.another_api() as api:
        client = org.at(f"http://127.0.0.1:{port_of(api)}")

        def page_status():
            return client.request("GET", "/v1/customers", params={"limit": 100}).status_code

        assert page_status() == 200
        with contextlib.ExitStack() as deaf:
            for _ in range(DEAF):
                sock = deaf.enter_context(socket.socket())
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                sock.connect(("127.0.0.1", port_of(api)))
                send(sock, page)
            eventually(lambda: page_status() == 503, "there are too many", 30)
            client.refused(503, "overloaded", "GET", "/v1/customers", params={"limit": 100})
            assert client.get("/v1/me")["kind"] == "api_key"
            assert memory_of(api) < 600
        eventually(lambda: page_status() == 200, "there is room again", 30)
