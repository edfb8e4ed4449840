"""billd run: the operator's command asks the API, whatever the API answers, and however often it goes away.

Here against an API that a test makes up, so that each answer, and each way to break off, comes when it is wanted; the
last tests ask the real one.
"""

import contextlib
import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import threading
import time
import uuid

import pytest
from fake_api import KEY, FakeApi, problem, stream
from programs import BIN, clean_environment, run
from stack import free_ports
from waiting import PATIENCE, eventually

RUN = "0199f3a0-0000-7000-8000-000000000001"
PLAN = "0199f3a0-0000-7000-8000-0000000000aa"
OPERATION = "0199f3a0-0000-7000-8000-0000000000ff"
PATH = f"/v1/billing-runs/{RUN}"
OK, ENDED_BADLY, NO_WAY, STOPPED = 0, 1, 2, 3


def sums(**more):
    return {
        "currency": "EUR", "invoices": 2, "subtotal": 300000, "discount": 0, "tax": 1234567, "total": 1534567,
        "credit_applied": 0, "amount_due": 1534567,
    } | more  # fmt: skip


def a_run(**more):
    """A run as the API shows it: finished, and all is well."""
    return {
        "id": RUN,
        "as_of": "2026-02-01T00:00:00Z",
        "dry_run": False,
        "invoices_max": 100,
        "trigger": "request",
        "status": "finished",
        "due": 1200,
        "done": 1200,
        "invoiced": 1201,
        "failed": 0,
        "amount_by_currency": {"EUR": 1534567, "JPY": 2900},
        "totals": [sums(), sums(currency="JPY", total=2900, subtotal=None)],
        "plans": [sums(plan_id=PLAN)],
        "previous": None,
        "first_invoices": [],
        "digest": "d1" * 16,
        "books": "balanced",
        "parts": {"all": 8, "begun": 8, "finished": 8},
        "started_at": "2026-02-01T00:00:01Z",
        "created_at": "2026-02-01T00:00:01Z",
        "updated_at": "2026-02-01T00:00:09Z",
        "finished_at": "2026-02-01T00:00:09Z",
    } | more


def on_its_way(done, **more):
    return a_run(status="running", done=done, invoiced=done, finished_at=None, books=None, digest=None) | more


def event(run, end="\n"):
    lines = ["event: billing_run", f"id: {run['updated_at']}", f"data: {json.dumps(run)}", "", ""]
    return end.join(lines).encode()


@pytest.fixture
def api():
    fake = FakeApi().open()
    yield fake
    fake.close()


# One request


def test_start_names_its_wish_and_prints_the_run(api):
    api.answers["POST /v1/billing-runs"] = [(201, a_run(status="running"))]
    out, _ = api.billd("run", "start", "--as-of", "2026-02-01T00:00:00+01:00", "--dry-run", "--invoices-max", "7")
    assert out == f"{RUN}\n"
    (_, _, headers, body) = api.asked[0]
    assert json.loads(body) == {"as_of": "2026-02-01T00:00:00+01:00", "dry_run": True, "invoices_max": 7}
    assert headers["Authorization"] == f"Bearer {KEY}" and headers["Prefer"] == "wait=30"
    assert headers["Content-Type"] == "application/json"
    uuid.UUID(headers["Idempotency-Key"])


def test_start_with_nothing_told(api):
    api.answers["POST /v1/billing-runs"] = [(201, a_run())]
    api.billd("run", "start", "--idempotency-key", "month-02")
    assert json.loads(api.asked[0][3]) == {} and api.asked[0][2]["Idempotency-Key"] == "month-02"


def accepted(*operations):
    answer = {"operation_id": OPERATION, "status": "pending", "resource": {"type": "billing_run", "id": RUN}}
    return [(202, answer)], [(200, operation) for operation in operations]


def operation(status, error=None):
    return {"id": OPERATION, "status": status, "error": error}


def test_a_command_that_takes_its_time_is_waited_for(api):
    api.answers["POST /v1/billing-runs"], api.answers[f"GET /v1/operations/{OPERATION}"] = accepted(
        operation("pending"), operation("succeeded")
    )
    assert api.billd("run", "start")[0] == f"{RUN}\n"
    assert len(api.asked) == 3 and api.asked[1][2]["Prefer"] == "wait=30"


@pytest.mark.parametrize("verb", ["pause", "resume", "cancel"])
def test_a_command_is_done_when_its_operation_has_succeeded(api, verb):
    api.answers[f"POST {PATH}/{verb}"] = [(200, a_run())]
    assert api.billd("run", verb, RUN) == ("", "")
    assert json.loads(api.asked[0][3]) == {}


def test_a_command_that_the_rules_refuse_later(api):
    refusal = problem(409, "The run is over", "It was finished before.")[1]
    api.answers[f"POST {PATH}/pause"], api.answers[f"GET /v1/operations/{OPERATION}"] = accepted(
        operation("failed", refusal)
    )
    _, err = api.billd("run", "pause", RUN, expect=NO_WAY)
    assert err == "billd: The run is over: It was finished before.\n"


@pytest.mark.parametrize("named", [None, 7, "", "../../x", f"{OPERATION}/..", "\x9b31m", OPERATION + "\u202e"])
def test_an_operation_that_is_none_is_neither_asked_for_nor_printed(api, named):
    answer = {"operation_id": named, "status": "pending", "resource": {"type": "billing_run", "id": RUN}}
    api.answers["POST /v1/billing-runs"] = [(202, answer)]
    _, err = api.billd("run", "start", expect=NO_WAY)
    assert err == "billd: the API does not say which operation it is\n" and len(api.asked) == 1


FAULTS = [
    {"pointer": "/as_of", "detail": "must\nlie\x1b[31m within"},
    {"pointer": "/x", "detail": "is unknown"},
]
ERRORS = {
    "no key": (problem(401, "Unauthorized", "The key is unknown."), NO_WAY, "BILLD_API_KEY"),
    "no right": (problem(403, "Forbidden", "A viewer may not."), NO_WAY, "A viewer may not"),
    "unknown": (problem(404, "Not found", "No such run."), NO_WAY, "Not found: No such run."),
    "refused": (problem(409, "Over", "It is over."), NO_WAY, "Over: It is over."),
    "faults": (problem(422, "Invalid", "See.", errors=FAULTS), NO_WAY, "/as_of: must?lie?[31m within; /x: is unknown"),
    "too many": (problem(429, "Too many", "Later."), ENDED_BADLY, "Too many: Later."),
    "away": (problem(503, "Away", "The queue is away."), ENDED_BADLY, "Away: The queue is away."),
    "a proxy's page": ((502, b"<html>"), ENDED_BADLY, "answered 502 without a problem document"),
    "elsewhere": ((302, b"", {"Location": "http://127.0.0.1:1/"}), NO_WAY, "is BILLD_URL right?"),
    "another server": ((200, b"hello"), NO_WAY, "is BILLD_URL right?"),
    "an array": ((200, []), NO_WAY, "is BILLD_URL right?"),
    "nobody we know": ((200, {}), NO_WAY, "does not say which run"),
    "an id that is none": ((200, {"id": "../../x"}), NO_WAY, "does not say which run"),
}  # fmt: skip


@pytest.mark.parametrize("name", ERRORS)
def test_an_error_is_one_line(api, name):
    answer, code, text = ERRORS[name]
    api.answers["POST /v1/billing-runs"] = [answer]
    assert text in api.billd("run", "start", expect=code)[1]
    assert len(api.asked) == 1, "a redirect is not followed"


def test_nobody_is_there():
    port = free_ports(1)[0]
    done = run("billd", "run", "list", env={"BILLD_URL": f"http://127.0.0.1:{port}/", "BILLD_API_KEY": KEY})
    assert done.returncode == ENDED_BADLY and done.stdout == ""
    assert f"127.0.0.1:{port}" in done.stderr and "connect" in done.stderr


def test_a_start_that_was_cut_off_can_be_said_again(api):
    api.answers["POST /v1/billing-runs"] = [lambda handler: handler.connection.shutdown(2)]
    _, err = api.billd("run", "start", expect=ENDED_BADLY)
    assert f"--idempotency-key {api.asked[0][2]['Idempotency-Key']}" in err


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["start", "--as-of", "soon"], "--as-of"),
        (["start", "--invoices-max", "0"], "--invoices-max"),
        (["start", "--idempotency-key", "a b"], "--idempotency-key"),
        (["list", "--limit", "0"], "--limit"),
        (["show", "x"], "ID"),
        (["show"], "arguments are missing"),
        (["stop", RUN], "unknown: stop"),
    ],
)
def test_an_argument_that_is_wrong(api, arguments, text):
    assert text in api.billd("run", *arguments, expect=NO_WAY)[1]
    assert api.asked == []


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"BILLD_API_KEY": ""}, "BILLD_API_KEY must be set"),
        ({"BILLD_API_KEY": "a\r\nX-Evil: b"}, "BILLD_API_KEY"),
        ({"BILLD_URL": "file:///etc/passwd"}, "BILLD_URL"),
        ({"BILLD_URL": "http://127.0.0.1:1\t"}, "BILLD_URL"),
    ],
)
def test_a_setting_that_is_wrong(api, settings, text):
    assert text in api.billd("run", "list", expect=NO_WAY, **settings)[1]
    assert api.asked == []


def test_the_key_may_be_in_a_file_and_goes_past_any_proxy(api, tmp_path):
    (tmp_path / "key").write_text(KEY + "\n")
    api.answers[f"GET {PATH}"] = [(200, a_run())]
    settings = {"BILLD_API_KEY": "", "BILLD_API_KEY_FILE": tmp_path / "key", "http_proxy": "http://127.0.0.1:1"}
    api.billd("run", "show", RUN, **settings)
    assert api.asked[0][2]["Authorization"] == f"Bearer {KEY}"


# What is shown


def test_show_is_a_report(api):
    previous = {
        "id": str(uuid.uuid4()),
        "as_of": "2026-01-01T00:00:00Z",
        "totals": [sums(invoices=-3, total=-100, tax=5, subtotal=None)],
        "plans": [sums(plan_id=PLAN)],
    }
    api.answers[f"GET {PATH}"] = [(200, a_run(previous=previous))]
    out, _ = api.billd("run", "show", RUN)
    words = " ".join(out.split())
    for text in (
        f"billing run {RUN} status finished as of 2026-02-01T00:00:00Z",
        "subscriptions 1,200 due, 1,200 done, 0 failed",
        "books balanced",
        "EUR 2 3,000.00 0.00 12,345.67 15,345.67 0.00 15,345.67",
        "JPY 2 (> 64 bits) 0 1,234,567 2,900 0 1,534,567",
        f"{PLAN} EUR 2 3,000.00",
        f"difference to run {previous['id']}, as of 2026-01-01T00:00:00Z",
        "EUR -3 (> 64 bits) 0.00 +0.05 -1.00 0.00 +15,345.67",
    ):
        assert text in words, out


def test_show_of_a_dry_run_has_the_first_invoices(api):
    invoice = {
        "issued_at": "2026-02-01T00:00:00Z", "customer_id": str(uuid.uuid4()), "subscription_id": str(uuid.uuid4()),
        "currency": "KWD", "total": 1234, "amount_due": -5,
    }  # fmt: skip
    api.answers[f"GET {PATH}"] = [(200, a_run(dry_run=True, books=None, first_invoices=[invoice]))]
    out, _ = api.billd("run", "show", RUN)
    assert out.startswith("dry run ") and "books" not in out
    assert f"{invoice['subscription_id']} KWD 1.234 -0.005" in " ".join(out.split())


def test_show_json_is_what_the_api_says(api):
    text = json.dumps(a_run(), indent=3).encode()
    api.answers[f"GET {PATH}"] = [(200, text)]
    assert api.billd("run", "show", RUN, "--json")[0] == text.decode() + "\n"


def test_lists_have_all_pages(api):
    runs = [a_run(id=str(uuid.uuid4()), dry_run=number % 2 == 0) for number in range(150)]
    api.answers["GET /v1/billing-runs?limit=100"] = [(200, {"data": runs[:100], "next_cursor": "a_b-c"})]
    api.answers["GET /v1/billing-runs?limit=50&cursor=a_b-c"] = [(200, {"data": runs[100:], "next_cursor": "more"})]
    lines = api.billd("run", "list", "--limit", "150")[0].splitlines()
    assert [line.split()[0] for line in lines[1:]] == [each["id"] for each in runs]
    assert "dry_run" in lines[1] and "dry_run" not in lines[2] and lines[1].endswith("EUR 15,345.67, JPY 2,900")


def test_failures_have_all_pages(api):
    failures = [
        {
            "subscription_id": str(uuid.uuid4()),
            "customer_id": str(uuid.uuid4()),
            "due_at": "2026-01-31T00:00:00Z",
            "reason": "amount-out-of-range",
            "detail": None if number else "\x1b]0;what a name\x07 Zoë\x9b \u202e1\u2069\u200f",
        }
        for number in range(3)
    ]
    api.answers[f"GET {PATH}/failures?limit=100"] = [(200, {"data": failures[:2], "next_cursor": "x"})]
    api.answers[f"GET {PATH}/failures?limit=100&cursor=x"] = [(200, {"data": failures[2:], "next_cursor": None})]
    lines = api.billd("run", "failures", RUN)[0].splitlines()
    assert [line.split()[0] for line in lines[1:]] == [each["subscription_id"] for each in failures]
    assert lines[1].endswith("amount-out-of-range       ?]0;what a name? Zoë? ?1??")


@pytest.mark.parametrize("cursor", ["a&limit=1", "a b", "a\x7f", "\x9b", "\u202e"])
def test_a_cursor_that_would_be_more_than_one_is_not_followed(api, cursor):
    api.answers["GET /v1/billing-runs?limit=20"] = [(200, {"data": [a_run()], "next_cursor": cursor})]
    assert "cursor" in api.billd("run", "list", expect=NO_WAY)[1]


# Watching

VERDICTS = {
    "all is well": (a_run(), OK, ""),
    "a dry run has no books": (a_run(dry_run=True, books=None), OK, ""),
    "some failed": (a_run(failed=2), ENDED_BADLY, "could not be billed"),
    "the books": (a_run(books="unbalanced"), ENDED_BADLY, "unbalanced"),
    "canceled": (a_run(status="canceled", books=None), ENDED_BADLY, "canceled"),
}


@pytest.mark.parametrize("name", VERDICTS)
def test_watch_ends_as_the_run_does(api, name):
    over, code, text = VERDICTS[name]
    api.answers[f"GET {PATH}"] = [stream(b"retry: 200\n\n", event(on_its_way(300)), b": \n\n", event(over))]
    out, err = api.billd("run", "watch", RUN, expect=code)
    assert text in err
    assert api.asked[0][2]["Accept"] == "text/event-stream"
    lines = out.splitlines()
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ  running   25 %  300/1,200  0 invoices/s  EUR 15,345.67  JPY 2,900", lines[0]
    )
    assert f"{over['status']}  100 %" in lines[1] or over["status"] == "canceled"
    assert "digest" in out


IMPOSSIBLE = [
    {"invoiced": -(2**63), "done": -(2**63), "due": -1},
    {"invoiced": 2**63 - 1, "done": 2**63 - 1, "due": 2**63 - 1, "failed": 2**63 - 1},
    {"invoiced": -9 * 10**18, "done": -1, "due": 2**63 - 1, "failed": -(2**63)},
    {"invoiced": 9 * 10**18, "done": 7, "due": -(2**63), "parts": {"all": -1, "begun": -(2**63)}},
]


@pytest.mark.parametrize("first", range(len(IMPOSSIBLE)))
@pytest.mark.parametrize("width", [0, 100])
def test_watch_outlives_numbers_that_cannot_be(api, width, first):
    """Whatever a server says, it is shown or left out, and the run is watched to its end."""
    events = [event(on_its_way(1) | more) for more in IMPOSSIBLE[first:] + IMPOSSIBLE[:first]]
    over = event(a_run(invoices_max=-(2**63), parts={"all": -(2**63)}, previous={"totals": [], "plans": []}))
    api.answers[f"GET {PATH}"] = [stream(*events, over, after=0.05)]
    with watching(api, width) as watch:
        assert watch.wait() == OK, watch.text()
    assert "100 %" in watch.text() and "neither has invoiced anything" in watch.text()


def test_start_can_go_on_watching(api):
    api.answers["POST /v1/billing-runs"] = [(201, on_its_way(0))]
    api.answers[f"GET {PATH}"] = [problem(503, "Away", "Soon.", headers={}), stream(event(a_run()))]
    out, _ = api.billd("run", "start", "--watch")
    assert out.startswith(f"{RUN}\n") and "again in 1 s: Away: Soon." in out and "100 %" in out


def test_watch_survives_whatever_breaks_the_stream(api):
    """It ends by itself, is cut within an event, is refused for a time, tells nonsense, and goes on."""
    half = event(on_its_way(900))
    api.answers[f"GET {PATH}"] = [
        stream(b"retry: 100\r\n\r\n", event(on_its_way(100), "\r\n"), event(on_its_way(200), "\r")),
        stream(b"retry: 100\n\n", event(on_its_way(300)), half[: len(half) // 2], ends=False),
        problem(503, "Too many streams", "Come again."),
        stream(b"event: billing_run\ndata: nonsense\n\n"),
        stream(b"event: other\ndata: {}\n\n", b"data: {}\n\n"),
        stream(*(event(on_its_way(1100))[at : at + 1] for at in range(len(event(on_its_way(1100)))))),
        stream(event(a_run())),
    ]
    out, _ = api.billd("run", "watch", RUN)
    assert [line.split("%")[1].split()[0] for line in out.splitlines() if "running" in line] == [
        "100/1,200", "200/1,200", "300/1,200", "1,100/1,200",
    ]  # fmt: skip
    assert out.count("again in") == 6 and "Too many streams" in out and "no billing run" in out
    assert len(api.asked) == 7


def test_watch_survives_an_api_that_is_restarted():
    api = FakeApi().open()
    api.answers[f"GET {PATH}"] = [stream(b"retry: 100\n\n", event(on_its_way(100)), after=0.2, ends=False)]
    with watching(api) as watch:
        eventually(lambda: "100/1,200" in watch.text(), "it has begun", 20)
        api.close()
        eventually(lambda: "onnect" in watch.text(), "it says that the API is away", 20)
        api.answers[f"GET {PATH}"] = [stream(event(a_run()))]
        api.open()
        assert watch.wait() == OK
    assert "100 %" in watch.text() and "books         balanced" in watch.text()
    api.close()


@pytest.mark.parametrize("name", ["no key", "unknown", "a proxy's page", "another server"])
def test_what_was_never_seen_is_not_waited_for(api, name):
    answer, _, text = ERRORS[name]
    api.answers[f"GET {PATH}"] = [answer]
    _, err = api.billd("run", "watch", RUN, expect=NO_WAY)
    assert text in err or "stream of events" in err
    assert len(api.asked) == 1


def test_a_key_that_is_revoked_ends_it(api):
    api.answers[f"GET {PATH}"] = [stream(b"retry: 100\n\n", event(on_its_way(100))), ERRORS["no key"][0]]
    _, err = api.billd("run", "watch", RUN, expect=NO_WAY)
    assert "BILLD_API_KEY" in err


class Watch:
    """The command on a terminal of a width, or with its output in a pipe."""

    def __init__(self, api, width, *arguments, key=KEY):
        self.read_end, write_end = pty.openpty() if width else os.pipe()
        if width:
            fcntl.ioctl(write_end, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
        self.process = subprocess.Popen(
            [BIN / "billd", "run", *(arguments or ("watch", RUN))],
            env=clean_environment({"BILLD_URL": api.url, "BILLD_API_KEY": key, "TERM": "xterm"}),
            stdin=subprocess.DEVNULL,
            stdout=write_end,
            stderr=subprocess.PIPE,
        )
        os.close(write_end)
        self.bytes = b""
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        # A terminal whose other end is closed is an error to read.
        with contextlib.suppress(OSError):
            while more := os.read(self.read_end, 65536):
                self.bytes += more

    def text(self):
        return self.bytes.decode(errors="replace")

    def wait(self):
        code = self.process.wait(30 * PATIENCE)
        self.reader.join(10)
        return code


@contextlib.contextmanager
def watching(api, width=0, *arguments, **more):
    watch = Watch(api, width, *arguments, **more)
    try:
        yield watch
    finally:
        if watch.process.poll() is None:
            watch.process.kill()
        watch.process.wait()
        watch.process.stderr.close()
        watch.reader.join(10)
        os.close(watch.read_end)


@pytest.mark.parametrize("width", [1, 10, 40, 100, 300])
def test_on_a_terminal_it_is_one_line(api, width):
    pieces = [event(on_its_way(done, failed=1)) for done in (0, 300, 600, 900, 1200)]
    api.answers[f"GET {PATH}"] = [stream(b"retry: 100\n\n", *pieces, event(a_run()), after=0.1)]
    with watching(api, width) as watch:
        assert watch.wait() == OK
    bar, report = watch.text().split("\r\n", 1)
    drawn = bar.split("\r")[1:]
    assert len(drawn) >= 6 and all(line.endswith("\x1b[K") for line in drawn), bar
    assert all(len(line) - len("\x1b[K") < width for line in drawn), bar
    assert width < 40 or (any(" 75 %" in line and "[" in line for line in drawn) and "100 %" in drawn[-1]), bar
    assert ("1 failed" in bar and "JPY 2,900" in bar) or width < 100, bar
    assert "billing run" in report and "\x1b" not in report


def test_why_it_waits_has_room_on_a_narrow_terminal(api):
    """By characters, of which none is cut."""
    api.answers[f"GET {PATH}"] = [
        stream(b"retry: 100\n\n", event(on_its_way(100))),
        problem(503, "日本語" * 9, "Soon."),
        stream(event(a_run())),
    ]
    with watching(api, 30) as watch:
        assert watch.wait() == OK
    drawn = [line.removesuffix("\x1b[K") for line in watch.text().split("\r\n", 1)[0].split("\r")]
    assert "again in 1 s: 日本語日本語日" in drawn, drawn


def test_a_table_is_as_narrow_as_its_rows(api):
    """A report with small amounts has room on a terminal of 80 columns."""
    api.answers[f"GET {PATH}"] = [(200, a_run(plans=[]))]
    out, _ = api.billd("run", "show", RUN)
    assert max(len(line) for line in out.splitlines()) < 90
    head, first, second = out.split("by currency\n")[1].splitlines()
    assert len(head) == len(first) == len(second)
    wide = a_run(totals=[sums(total=10**17), sums(currency="日本", total=5)])
    api.answers[f"GET {PATH}"] = [(200, wide | {"plans": []})]
    _, first, second = api.billd("run", "show", RUN)[0].split("by currency\n")[1].splitlines()
    assert "1,000,000,000,000,000.00" in first and len(first) == len(second) + 2


@pytest.mark.parametrize("width", [0, 80])
def test_a_signal_ends_watching_and_not_the_run(api, width):
    api.answers[f"GET {PATH}"] = [stream(event(on_its_way(100)), *[b": \n\n"] * 100, after=0.1)]
    with watching(api, width) as watch:
        eventually(lambda: "100/1,200" in watch.text(), "it has begun", 20)
        watch.process.send_signal(signal.SIGINT)
        assert watch.wait() == STOPPED
        assert "the run itself goes on" in watch.process.stderr.read().decode()
    assert api.paths() == [f"GET {PATH}"]


def test_a_signal_ends_the_pause_before_a_reconnect(api):
    api.answers[f"GET {PATH}"] = [
        stream(event(on_its_way(100))),
        (*problem(503, "Away", "Long."), {"Retry-After": "60"}),
    ]
    with watching(api) as watch:
        eventually(lambda: "again in 60 s: Away" in watch.text(), "it rests", 20)
        watch.process.send_signal(signal.SIGTERM)
        assert watch.wait() == STOPPED


# The real API


class Operator:
    """Who has the command and an organisation's key, and no rights on the database."""

    def __init__(self, stack, org):
        self.url, self.key = stack.url, org.key

    def __call__(self, *arguments, expect=OK):
        done = run("billd", "run", *arguments, env={"BILLD_URL": self.url, "BILLD_API_KEY": self.key}, timeout=60)
        assert done.returncode == expect, (done.returncode, done.stdout, done.stderr)
        return done.stdout if expect == OK else done.stderr


@pytest.fixture
def operator(stack, org):
    """An operator whose organisation has three subscriptions, which are due again in 30 days."""
    plan_id = org.plan()
    for _ in range(3):
        org.subscription(org.customer(), plan_id)
    return Operator(stack, org)


def in_days(days):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + days * 86400))


def test_a_dry_run_and_the_real_one(operator, org):
    as_of = in_days(31)
    dry_id = operator("start", "--as-of", as_of, "--dry-run").strip()
    assert "3/3" in operator("watch", dry_id)
    out = operator("start", "--as-of", as_of, "--watch", "--idempotency-key", "month-1")
    real_id = out.splitlines()[0]
    assert "USD 87.00" in out and "books         balanced" in out

    dry, real = (json.loads(operator("show", run_id, "--json")) for run_id in (dry_id, real_id))
    assert real == org.get(f"/v1/billing-runs/{real_id}")
    assert dry["digest"] == real["digest"] and dry["plans"] == real["plans"] and len(dry["first_invoices"]) == 3
    shown = operator("show", dry_id)
    assert "first invoices" in shown and all(each["subscription_id"] in shown for each in dry["first_invoices"])

    assert operator("start", "--as-of", as_of, "--idempotency-key", "month-1").strip() == real_id
    assert [line.split()[0] for line in operator("list").splitlines()[1:]] == [real_id, dry_id]
    assert operator("failures", real_id).count("\n") == 1
    assert "The billing run is over" in operator("pause", real_id, expect=NO_WAY)


def test_the_real_api_refuses(operator):
    assert "as_of" in operator("start", "--as-of", in_days(400), expect=NO_WAY)
    assert "/invoices_max" in operator("start", "--invoices-max", "1001", expect=NO_WAY)
    for verb in ("show", "watch", "failures", "pause", "resume", "cancel"):
        assert re.search("billing[_ ]run", operator(verb, RUN, expect=NO_WAY))
    operator.key = "billd_test_" + "x" * 43
    assert "BILLD_API_KEY" in operator("list", expect=NO_WAY)


def test_watching_lasts_while_the_real_api_is_restarted(operator, org, breaks_servers):
    """Paused and resumed meanwhile, with the api killed under the stream."""
    stack = breaks_servers
    with stack.without_worker():
        run_id = org.send("POST", "/v1/billing-runs", {"as_of": in_days(31)})["resource"]["id"]
        pause = org.send("POST", f"/v1/billing-runs/{run_id}/pause", {})
    assert org.outcome(pause["operation_id"])["status"] == "succeeded"
    api = FakeApi()
    api.url = stack.url
    with watching(api, 0, "watch", run_id, key=org.key) as watch:
        eventually(lambda: "paused" in watch.text(), "it watches", 20)
        stack.api.kill()
        eventually(lambda: "again in" in watch.text(), "it says that the API is away", 20)
        stack.api.start()
        operator("resume", run_id)
        assert watch.wait() == OK
    assert "finished  100 %" in watch.text() and "USD 87.00" in watch.text()
