"""HTTP that is allowed and rare, or too long: one well-formed answer, never a broken one, and no payload in the log."""

import re
import socket
import time

import pytest
from raw import (
    HOST,
    bearer,
    chunked,
    connect,
    exchange,
    memory_of,
    parse,
    post,
    processor_share,
    read_answer,
    request,
    send,
)

CLOSE = b"Connection: close"
LIVE = b"GET /health/live"
MIB = 1024 * 1024


@pytest.fixture(scope="module")
def one(stack):
    """Who calls; nothing here has an effect."""
    org = stack.organisation()
    yield org
    for path in ("customers", "plans", "events"):
        assert org.get(f"/v1/{path}")["data"] == []


def ask(stack, data, method="GET"):
    """The only answer to a request, after which the connection is closed."""
    received = exchange(stack.api_port, data)
    assert received is not None, "the connection stays open"
    [answer] = parse(received, (method,))
    return answer


@pytest.mark.parametrize("path", [b"/health/live", b"/none", b"/v1/customers", b"/openapi.json"])
def test_head_is_get_without_a_body(stack, path):
    """The same status and the length that GET has."""
    get = ask(stack, request(b"GET " + path, CLOSE))
    head = ask(stack, request(b"HEAD " + path, CLOSE), "HEAD")
    assert (head.status, head.body) == (get.status, b"")
    # The name of the request, in a problem, has the same length each time.
    assert head.headers["content-length"] == str(len(get.body))


@pytest.mark.parametrize("method", [b"OPTIONS", b"TRACE", b"PUT"])
def test_a_method_that_no_route_takes_is_405(stack, method):
    """With Allow; TRACE gives nothing back of what was sent."""
    answer = ask(stack, request(method + b" /v1/plans", b"X-Secret: 4711", CLOSE))
    answer.problem()
    assert answer.status == 405 and "GET" in answer.headers["allow"], answer
    assert b"4711" not in answer.body


@pytest.mark.parametrize("method", [b"BREW", b"get", b"G" * 5000, b"\xff", b"PROPFIND", b"PRI", b"GET,POST"])
def test_a_method_that_nobody_knows_is_400(stack, method):
    """And the end of the connection."""
    assert ask(stack, request(method + b" /v1/plans")).status == 400


def test_targets_of_other_forms_are_not_found(stack):
    """OPTIONS *, CONNECT host:port, a path without its slash."""
    for line in (
        b"OPTIONS *",
        b"CONNECT 127.0.0.1:80",
        b"GET health/live",
        b"GET ?a=b",
        b"GET #",
        b"GET //health/live",
    ):
        answer = ask(stack, request(line, CLOSE))
        answer.problem()
        assert answer.status == 404, (line, answer)


@pytest.mark.parametrize(
    ("target", "status"),
    [
        (b"http://127.0.0.1/health/live", 200),
        (b"HTTP://other.example:81/health/live?a=b", 200),
        (b"https://127.0.0.1/health/live", 200),
        (b"http://127.0.0.1", 404),
        (b"http://127.0.0.1?/health/live", 404),
        (b"http:///health/live", 200),
        (b"http://", 404),
        (b"ftp://127.0.0.1/health/live", 404),
    ],
)
def test_a_target_may_be_a_whole_url(stack, target, status):
    """As clients send it that take us for a proxy; RFC 9112 wants it understood."""
    assert ask(stack, request(b"GET " + target, CLOSE)).status == status


ODD_PATHS = [
    b"/v1/customers/%00", b"/v1/customers%2f", b"/v1%2fcustomers", b"/v1/../v1/customers", b"/v1/./customers",
    b"/v1//customers", b"/v1/customers/%zz", b"/v1/customers/%", b"/v1/customers/%c0%af", b"/v1/customers/\xc0\xaf",
    b"/v1/customers/\xff\xfe", b"/v1/customers#", b"/v1/customers;a=b", b"/V1/customers", b"/v1/customers/..%2f",
    b'/v1/"\\<>', b"/" + b"/" * 5000, b"/" + b"a" * 14_000, b"/" + b"%41" * 4000,
]  # fmt: skip


@pytest.mark.parametrize("path", ODD_PATHS, ids=lambda path: repr(path[:24]))
def test_an_odd_path_is_no_path(stack, one, path):
    """404 with a problem, whose instance is a URI reference whatever came."""
    problem = ask(stack, request(b"GET " + path, bearer(one), CLOSE)).problem()
    assert problem["status"] == 404
    assert re.fullmatch(r"([!#$&-;=?-Z_a-z~\[\]]|%[0-9A-Fa-f]{2}|%)+", problem["instance"]), problem["instance"][:99]


TOO_LONG = {
    "a path": (414, request(b"GET /" + b"a" * 100_000)),
    "a query": (414, request(b"GET /v1/customers?limit=" + b"1" * 100_000)),
    "a method": (414, b"G" * 100_000 + b" / HTTP/1.1\r\n" + HOST + b"\r\n"),
    "a value": (431, request(LIVE, b"X-A: " + b"a" * 100_000)),
    "a name": (431, request(LIVE, b"a" * 100_000 + b": b")),
    "10,000 headers": (431, request(LIVE, *[b"X-%d: a" % i for i in range(10_000)])),
    "1,000 headers": (431, request(LIVE, *[b"X-%d: a" % i for i in range(1000)])),
    "the same header 10,000 times": (431, request(LIVE, *[b"X: a"] * 10_000)),
    "cookies": (431, request(LIVE, *[b"Cookie: a=b"] * 2000)),
    "an authorization": (431, request(b"GET /v1/customers", b"Authorization: Bearer " + b"a" * 20_000)),
}


@pytest.mark.parametrize(("status", "data"), TOO_LONG.values(), ids=TOO_LONG.keys())
def test_what_is_too_long_is_told(stack, status, data):
    """414 for the first line, 431 for headers, and the end of the connection."""
    assert ask(stack, data).status == status


def test_too_many_parameters_are_cut_off(stack):
    """libmicrohttpd loses its way in them: no answer, but the connection is closed at its deadline, and none spins."""
    with stack.another_api(BILLD_HEADER_TIMEOUT_MS=500) as api:
        port = int(api.settings["BILLD_PORT"])
        with connect(port) as sock:
            send(sock, request(LIVE + b"?" + b"a&" * 5000))
            assert processor_share(api, 0.3) < 0.3
            assert parse(sock.recv(65536) or b"") in ([],)
        assert parse(exchange(port, request(LIVE, CLOSE)))[0].status == 200


@pytest.mark.parametrize(
    ("headers", "version", "statuses"),
    [
        ((), b"1.0", [200]),
        ((b"Connection: keep-alive",), b"1.0", [200, 200]),
        ((b"Connection: close",), b"1.1", [200]),
        ((b"Connection: Close",), b"1.1", [200]),
        ((b"Connection: keep-alive, close",), b"1.1", [200]),
        ((b"Connection: keep-alive",), b"1.1", [200, 200]),
        ((b"Connection: Upgrade", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAAQAAP__"), b"1.1", [200, 200]),
        ((b"Connection: Upgrade", b"Upgrade: websocket"), b"1.1", [200, 200]),
        ((b"Connection: Host, Authorization",), b"1.1", [200, 200]),
    ],
)
def test_a_connection_lasts_as_long_as_its_client_wishes(stack, headers, version, statuses):
    """No upgrade is offered or taken; HTTP/1.0 closes unless told."""
    first = request(LIVE, *headers).replace(b"HTTP/1.1", b"HTTP/" + version)
    answers = parse(exchange(stack.api_port, first + request(LIVE, CLOSE)))
    assert [answer.status for answer in answers] == statuses


# Expect: 100-continue. A client that asks is told before it sends, one that only sends reads its answer.


def expecting(org, length, *headers):
    return post(bearer(org), b"Content-Length: %d" % length, b"Expect: 100-continue", *headers, body=b"")


def test_a_client_that_asks_is_told_to_go_on(stack, one):
    """100, then what its body deserves."""
    with connect(stack.api_port) as sock:
        send(sock, expecting(one, 2))
        assert read_answer(sock).status == 100
        send(sock, b"{}")
        assert read_answer(sock).status == 422


@pytest.mark.parametrize("length", [MIB + 1, 5 * MIB, 99_999_999_999])
def test_a_client_that_asks_for_too_much_is_told_at_once(stack, one, length):
    """413 without a 100, and the connection is closed."""
    answer = ask(stack, expecting(one, length))
    assert answer.status == 413 and answer.headers["connection"].lower() == "close"
    answer.problem()


def test_a_client_that_asks_in_vain_is_told_at_once(stack, one):
    """401, 404 and 405 need no body either."""
    nobody = expecting(one, 12).replace(bearer(one), b"X: y")
    elsewhere = expecting(one, 12).replace(b"/v1/customers", b"/none")
    wrong = expecting(one, 12).replace(b"POST", b"PUT")
    assert [ask(stack, data).status for data in (nobody, elsewhere, wrong)] == [401, 404, 405]


@pytest.mark.parametrize("value", [b"nonsense", b"", b"100-continue, x", b"200-ok"])
def test_another_expectation_changes_nothing(stack, one, value):
    """One answer, whatever it is: 417 would be allowed, 422 for the body is what comes."""
    data = post(bearer(one), b"Content-Length: 2", b"Expect: " + value, CLOSE, body=b"{}")
    assert ask(stack, data).status in (417, 422)


@pytest.mark.parametrize("length", [MIB + 1, 5 * MIB])
def test_a_client_that_sends_too_much_can_read_why(stack, one, length):
    """It sends it all before it looks: it is not cut off in the middle, so that no answer is lost on any system."""
    for headers in ((bearer(one),), ()):
        data = post(*headers, b"Content-Length: %d" % length, body=b"x" * length)
        with connect(stack.api_port) as sock:
            sock.sendall(data)
            received = b""
            while piece := sock.recv(65536):
                received += piece
        [answer] = parse(received)
        assert answer.status == 413, answer


def test_who_sends_without_end_is_cut_off(stack, one):
    """A length of 100 GB and a chunked body without end: closed after 8 MiB, and not kept in memory."""
    before = memory_of(stack.api)
    for head in (
        post(b"Content-Length: 100000000000", body=b""),
        post(bearer(one), b"Transfer-Encoding: chunked", body=b"fffffff\r\n"),
    ):
        with connect(stack.api_port) as sock:
            began = time.monotonic()
            with pytest.raises((BrokenPipeError, ConnectionResetError)):
                sock.sendall(head)
                for _ in range(100):
                    sock.sendall(b"x" * MIB)
            assert time.monotonic() - began < 10
    assert memory_of(stack.api) - before < 16


def test_a_client_that_only_reads_half_gets_the_other_half(stack):
    """It closes its sending side behind the request: the answer comes all the same."""
    with connect(stack.api_port) as sock:
        sock.sendall(request(b"GET /openapi.json", CLOSE))
        sock.shutdown(socket.SHUT_WR)
        received = b""
        while piece := sock.recv(65536):
            received += piece
    assert [answer.status for answer in parse(received)] == [200]


def test_no_payload_is_in_the_log(stack, one):
    """Neither of what was understood nor of what was not: body, query, headers, path, whatever the log's level."""
    word = "payload4711"
    raw = word.encode()
    body = b'{"%s":"%s"' % (raw, raw)
    for data in (
        post(bearer(one), b"Content-Length: %d" % len(body), CLOSE, body=body),
        post(bearer(one), b"Content-Length: %d" % (len(body) + 1), CLOSE, body=body + b"}"),
        post(bearer(one), b"Transfer-Encoding: chunked", body=chunked(body)),
        post(bearer(one), b"Transfer-Encoding: chunked", body=raw + b"\r\n"),
        post(bearer(one), b"Content-Length: " + raw),
        post(bearer(one), b"Idempotency-Key: " + raw, b"Content-Length: 2", CLOSE, body=b"{}"),
        request(LIVE, b"X-A: " + raw, b"Cookie: a=" + raw, raw + b" : a"),
        request(b"GET /" + raw + b"?" + raw + b"=" + raw, CLOSE),
        request(b"GET /v1/customers?cursor=" + raw, bearer(one), CLOSE),
        request(b"GET /v1/customers", b"Authorization: Bearer " + raw, CLOSE),
        request(b"GET /v1/customers", b"Authorization: " + raw + b" x", CLOSE),
        request(b"GET /", host=b"Host: " + raw + b"\r\n" + raw + b"\r\n"),
        raw + b" " + raw + b" " + raw + b"\r\n\r\n",
    ):
        assert exchange(stack.api_port, data) is not None
    log = "\n".join(stack.api.log_lines())
    assert '"route":"/v1/customers"' in log
    assert word not in log, [line for line in stack.api.log_lines() if word in line]
