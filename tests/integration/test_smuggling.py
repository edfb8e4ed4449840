"""Requests that could mean two things to two servers, byte by byte: one 400, and the connection is closed."""

import re
import socket
import time

import pytest
from raw import BODY, HOST, chunked, connect, exchange, metric, parse, post, request

LIVE = b"GET /health/live"
PLAIN = request(LIVE)
SMUGGLED = request(LIVE, b"X-Request-Id: smuggled")
CHUNKED = b"Transfer-Encoding: chunked"
CALLER = b"Authorization: Bearer KEY"  # KEY becomes one


def chunks(data):
    return post(CALLER, CHUNKED, body=data)


# Refused by libmicrohttpd itself, which before 1.0 writes the head of such an answer twice.
BAD_LENGTHS = {
    "a list of lengths": post(b"Content-Length: 12, 12"),
    "a signed length": post(b"Content-Length: +12"),
    "a negative length": post(b"Content-Length: -1"),
    "a hexadecimal length": post(b"Content-Length: 0xc"),
    "no length": post(b"Content-Length:"),
    "a length with a space behind it": post(b"Content-Length: 12 "),
    "a length beyond 64 bits": post(b"Content-Length: 18446744073709551628"),
}

# Refused by us: a problem.
AMBIGUOUS = {
    "length and chunks": post(b"Content-Length: 4", CHUNKED, body=chunked(BODY)),
    "chunks and length": post(CHUNKED, b"Content-Length: 4", body=chunked(BODY)),
    "chunks in other spellings, and length": post(b"Content-Length: 12", b"transfer-encoding: Chunked"),
    "unknown coding": post(b"Transfer-Encoding: xchunked", b"Content-Length: 12"),
    "unknown coding alone": post(b"Transfer-Encoding: xchunked"),
    "chunks and a space": post(b"Transfer-Encoding: chunked ", body=chunked(BODY)),
    "chunks behind a vertical tab": post(b"Transfer-Encoding: \x0bchunked", body=chunked(BODY)),
    "two codings": post(b"Transfer-Encoding: gzip, chunked", body=chunked(BODY)),
    "chunked twice in one header": post(b"Transfer-Encoding: chunked, chunked", body=chunked(BODY)),
    "coding twice": post(CHUNKED, b"Transfer-Encoding: identity", body=chunked(BODY)),
    "chunks in HTTP/1.0": chunks(chunked(BODY)).replace(b"HTTP/1.1", b"HTTP/1.0"),
    "two lengths that differ": post(b"Content-Length: 12", b"Content-Length: 0"),
    "two lengths that agree": post(b"Content-Length: 12", b"Content-Length: 12"),
    "a space before the colon of a length": post(b"Content-Length : 12"),
    "a space before the colon of a coding": post(b"Transfer-Encoding : chunked", b"Content-Length: 12"),
    "two hosts": request(LIVE, b"Host: example.com"),
    "two hosts that agree": request(LIVE, HOST[:-2]),
    "no host": request(LIVE, host=b""),
    "an empty host": request(LIVE, host=b"Host:\r\n"),
    "a host with a space": request(LIVE, host=b"Host: a b\r\n"),
    "a host with a path": request(LIVE, host=b"Host: a/b\r\n"),
    "two authorizations": request(LIVE, b"Authorization: Bearer a", b"Authorization: Bearer b"),
    "two types": post(b"Content-Type: text/plain", b"Content-Length: 12"),
    "a bare LF behind the request line": PLAIN.replace(b"HTTP/1.1\r\n", b"HTTP/1.1\n"),
    "a bare LF behind a header": request(LIVE, b"X-A: b\nX-C: d"),
    "a bare LF behind an empty header": request(LIVE, b"X-A:\nX-C: d"),
    "a bare LF behind a space": request(LIVE, b"X-A: b \nX-C: d"),
    "a bare LF behind the last header": PLAIN.replace(b"\r\n\r\n", b"\n\r\n"),
    "a bare LF as the empty line": PLAIN.replace(b"\r\n\r\n", b"\r\n\n"),
    "bare LFs alone": PLAIN.replace(b"\r\n", b"\n"),
    "a bare CR in a value": request(LIVE, b"X-A: b\rContent-Length: 12"),
    "a bare CR in a name": request(LIVE, b"X-A\r: b"),
    "a bare CR before CR LF": request(LIVE, b"X-A: b\r"),
    "a bare CR in the target": request(b"GET /health/live\rx"),
    "a CR before the method": b"\r" + PLAIN,
    "a NUL in a value": request(LIVE, b"X-A: b\0Content-Length: 12"),
    "NULs behind a value": request(LIVE, b"X-A: b\0\0"),
    "a NUL before a name": request(LIVE, b"\0X-A: b"),
    "a NUL in the target": request(b"GET /health/live\0/x"),
    "a NUL in the method": request(b"GET\0X /health/live"),
    "a DEL in a value": request(LIVE, b"X-A: \x7f"),
    "a header without a name": request(LIVE, b": b"),
    "a first line that goes on": request(LIVE, host=b" X-A: b\r\n" + HOST),
    "a folded header": post(b"X-A: b", b" Content-Length: 0", b"Content-Length: 12"),
    "a folded header behind a tab": request(LIVE, b"X-A: b", b"\tc"),
    "a folded host": request(LIVE, host=b"Host:\r\n 127.0.0.1\r\n"),
    "two spaces before the target": request(b"GET  /health/live"),
    "two spaces before the version": request(b"GET /health/live "),
    "a space in the target": request(b"GET /health/live x"),
    "a tab in the target": request(b"GET /health/live\tx"),
    "a version to come": PLAIN.replace(b"HTTP/1.1", b"HTTP/1.2"),
    "a chunk size that ends with a bare LF": chunks(b"c\n" + BODY + b"\r\n0\r\n\r\n"),
    "an extension that ends with a bare LF": chunks(b"c;a=b\n" + BODY + b"\r\n0\r\n\r\n"),
    "a second chunk behind a bare LF": chunks(b"1\r\n{\nb\r\n" + BODY[1:] + b"\r\n0\r\n\r\n"),
    "a trailer with a length": chunks(b"c\r\n" + BODY + b"\r\n0\r\nContent-Length: 5\r\n\r\n"),
    "a trailer with a coding": chunks(b"c\r\n" + BODY + b"\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n"),
    "a trailer with a host": chunks(b"c\r\n" + BODY + b"\r\n0\r\nHost: example.com\r\n\r\n"),
    "a trailer with an authorization": chunks(b"c\r\n" + BODY + b"\r\n0\r\nAuthorization: Bearer x\r\n\r\n"),
    "a trailer with a space before its colon": chunks(b"c\r\n" + BODY + b"\r\n0\r\nX-A : b\r\n\r\n"),
}

# Refused by libmicrohttpd, in its own words.
BROKEN = {
    "no HTTP at all": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "no version": LIVE + b"\r\n\r\n",
    "a version in small letters": PLAIN.replace(b"HTTP/1.1", b"http/1.1"),
    "a version of four parts": PLAIN.replace(b"HTTP/1.1", b"HTTP/1.1.1"),
    "HTTP/2 in clear": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "tabs in the request line": PLAIN.replace(b" ", b"\t", 2),
    "a space behind the version": PLAIN.replace(b"HTTP/1.1", b"HTTP/1.1 "),
    "a header without a colon": request(LIVE, b"X-A"),
    "a NUL in a name": request(LIVE, b"X\0A: b"),
    "a chunk size that is no number": chunks(b"zz\r\nabc\r\n0\r\n\r\n"),
    "a negative chunk size": chunks(b"-c\r\n" + BODY + b"\r\n0\r\n\r\n"),
    "a chunk size with 0x": chunks(b"0xc\r\n" + BODY + b"\r\n0\r\n\r\n"),
    "a space before a chunk size": chunks(b" c\r\n" + BODY + b"\r\n0\r\n\r\n"),
    "a space behind a chunk size": chunks(b"c \r\n" + BODY + b"\r\n0\r\n\r\n"),
    "no chunk size": chunks(b"\r\n" + BODY + b"\r\n0\r\n\r\n"),
    "an extension without a size": chunks(b";a=b\r\n" + BODY + b"\r\n0\r\n\r\n"),
    "a chunk size beyond 64 bits": chunks(b"1000000000000000c\r\n" + BODY + b"\r\n0\r\n\r\n"),
    "a chunk size behind a bare CR": chunks(b"c\r" + BODY + b"\r\n0\r\n\r\n"),
    "a chunk without its end": chunks(b"c\r\n" + BODY + b"0\r\n\r\n"),
    "a chunk longer than its size": chunks(b"b\r\n" + BODY + b"\r\n0\r\n\r\n"),
    "an LF in an extension": chunks(b'c;a="\nb"\r\n' + BODY + b"\r\n0\r\n\r\n"),
    "an extension without end": chunks(b"c;" + b"x" * 20_000 + b"\r\n" + BODY + b"\r\n0\r\n\r\n"),
    "a trailer without a colon": chunks(b"c\r\n" + BODY + b"\r\n0\r\nGET / HTTP/1.1\r\n\r\n"),
    "trailers without end": chunks(b"c\r\n" + BODY + b"\r\n0\r\n" + b"X-A: b\r\n" * 5000 + b"\r\n"),
}


@pytest.fixture(scope="module")
def one(stack):
    """Who sends them; what is refused had no effect."""
    org = stack.organisation()
    yield org
    names = {customer["name"] for customer in org.all("/v1/customers")}
    assert names <= {"taken"}, names


@pytest.fixture
def nothing_smuggled(stack):
    """The request behind the ambiguous one is not served: no answer to it is counted."""

    def served():
        return metric(stack.url, "billd_http_requests_total", method="GET", route="/health/live", status="2xx")

    before = served()
    yield
    assert served() == before, "a second request was served"


def refused(one, stack, data):
    """All that comes back until the connection is closed, for a request and another behind it."""
    data = exchange(stack.api_port, data.replace(b"KEY", one.key.encode()) + SMUGGLED)
    assert data is not None, "the connection stays open"
    assert b"smuggled" not in data, data
    return data


@pytest.mark.usefixtures("nothing_smuggled")
@pytest.mark.parametrize("data", AMBIGUOUS.values(), ids=AMBIGUOUS.keys())
def test_an_ambiguous_request_is_refused_and_the_connection_closed(one, stack, data):
    """One answer, 400, which says why; what comes behind it on the same connection is never answered."""
    [answer] = parse(refused(one, stack, data))
    assert answer.status == 400 and answer.headers["connection"].lower() == "close", answer
    assert answer.problem()["type"] == "/docs/problems/malformed-request", answer


@pytest.mark.usefixtures("nothing_smuggled")
@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN.keys())
def test_what_is_no_http_is_refused_and_the_connection_closed(one, stack, data):
    """At most one answer, an error, and the end of the connection."""
    answers = parse(refused(one, stack, data))
    assert [answer.status for answer in answers] in ([], [400], [413], [431], [500], [505]), answers


@pytest.mark.usefixtures("nothing_smuggled")
@pytest.mark.parametrize("data", BAD_LENGTHS.values(), ids=BAD_LENGTHS.keys())
def test_a_length_that_is_no_number_is_refused_and_the_connection_closed(one, stack, data):
    """An error of one kind, whose first head covers all that follows."""
    answer = refused(one, stack, data)
    assert set(re.findall(rb"HTTP/1\.[01] (\d{3}) ", answer)) <= {b"400", b"413"}, answer
    assert b"HTTP/1.1 4" in answer and b"\r\nConnection: close\r\n" in answer, answer


# Whole, and in the form that we take: what is behind them is not read all the same.
TAKEN = b'{"name":"taken"}'
CLOSING = {
    "chunks": chunked(TAKEN),
    "two chunks": b"1\r\n{\r\nf\r\n" + TAKEN[1:] + b"\r\n0\r\n\r\n",
    "an extension": b'10;a=b;c="d"\r\n' + TAKEN + b"\r\n0;e\r\n\r\n",
    "zeros before a size": b"000010\r\n" + TAKEN + b"\r\n0000\r\n\r\n",
    "a trailer of the client's own": b"10\r\n" + TAKEN + b"\r\n0\r\nX-Sum: 1\r\n\r\n",
    "a bare LF behind the last chunk": b"10\r\n" + TAKEN + b"\r\n0\n\r\n",
    "a bare LF as the end": b"10\r\n" + TAKEN + b"\r\n0\r\n\n",
}


@pytest.mark.usefixtures("nothing_smuggled")
@pytest.mark.parametrize("data", CLOSING.values(), ids=CLOSING.keys())
def test_behind_a_chunked_body_nothing_is_read(one, stack, data):
    """It is accepted, and the connection is closed: where such a body ends, servers differ."""
    [answer] = parse(refused(one, stack, chunks(data)))
    assert answer.status == 202 and answer.headers["connection"].lower() == "close", answer


@pytest.mark.usefixtures("nothing_smuggled")
@pytest.mark.parametrize("size", [b"fffffffffffffff0", b"7fffffffffffffff", b"80000000"])
def test_a_huge_chunk_is_cut_off(one, stack, size):
    """All that follows belongs to it; beyond eight times the limit of a body the connection is closed."""
    assert refused(one, stack, chunks(size + b"\r\n" + SMUGGLED * 150_000)) == b""


@pytest.mark.usefixtures("nothing_smuggled")
def test_a_request_within_a_body_is_body(stack):
    """Of a GET, of a refused POST, of an unknown path: what the length covers is not a request."""
    length = b"Content-Length: %d" % len(SMUGGLED)
    for line in (b"GET /health", b"POST /v1/customers", b"POST /none", b"DELETE /health/live"):
        answers = parse(exchange(stack.api_port, request(line, length, b"Connection: close", body=SMUGGLED)))
        assert len(answers) == 1 and b"smuggled" not in answers[0].body, answers


def test_two_good_requests_in_one_packet_get_two_answers(stack):
    """The same means show that a connection is kept otherwise."""
    before = metric(stack.url, "billd_http_requests_total", method="GET", route="/health/live", status="2xx")
    answers = parse(exchange(stack.api_port, SMUGGLED + request(LIVE, b"Connection: close")))
    assert [answer.status for answer in answers] == [200, 200], answers
    assert answers[0].headers["x-request-id"] == "smuggled"
    after = metric(stack.url, "billd_http_requests_total", method="GET", route="/health/live", status="2xx")
    assert after == before + 2


def test_empty_lines_before_a_request_are_ignored(stack):
    """As RFC 9112 wishes."""
    [answer] = parse(exchange(stack.api_port, b"\r\n\r\n" + request(LIVE, b"Connection: close")))
    assert answer.status == 200


GOOD_HEADERS = {
    "an empty value": [b"X-A:"],
    "no space behind the colon": [b"X-A:b"],
    "blanks around the value": [b"X-A: \t b \t"],
    "bytes beyond ASCII": ["X-A: ä🙂".encode()],
    "the same header twice": [b"X-A: b", b"X-A: c"],
    "a hundred headers": [b"X-%d: a" % i for i in range(100)],
    "a long header": [b"X-A: " + b"a" * 12_000],
    "cookies": [b"Cookie: a=b; c=d", b"Cookie: e=f"],
}


@pytest.mark.parametrize("target", [b"/health/live", b"/health/live?a=b&c&&d=", b"/health/live?"])
@pytest.mark.parametrize("headers", GOOD_HEADERS.values(), ids=GOOD_HEADERS.keys())
@pytest.mark.parametrize("cut", [0, 20, 45])
def test_what_is_odd_and_allowed_is_served(stack, headers, cut, target):
    """Also in two packets, and behind another request on the same connection."""
    line = b"GET " + target
    data = request(line, *headers) + request(line, *headers, b"Connection: close")
    with connect(stack.api_port) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.sendall(data[:cut])
        time.sleep(0.01)
        sock.sendall(data[cut:])
        received = b""
        while piece := sock.recv(65536):
            received += piece
    assert [answer.status for answer in parse(received)] == [200, 200], received


def test_a_request_in_single_bytes_is_answered(stack):
    """However it is cut; a chunked one, too."""
    data = PLAIN + chunks(chunked(BODY))
    with connect(stack.api_port) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in data:
            sock.sendall(bytes([byte]))
        received = b""
        while piece := sock.recv(65536):
            received += piece
    assert [answer.status for answer in parse(received)] == [200, 401], received


def test_headers_that_never_end_are_cut_off(stack):
    """A megabyte of headers gets an error or a closed connection, not memory."""
    data = request(LIVE, *[b"X-%d: %s" % (i, b"y" * 1000) for i in range(1000)])
    answers = parse(exchange(stack.api_port, data))
    assert [answer.status for answer in answers] in ([], [431]), answers
