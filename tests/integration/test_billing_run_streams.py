"""The stream of one billing run: whoever follows it is told what becomes of it."""

import contextlib
import signal
import socket
import time
from urllib.parse import urlparse

import pytest
import raw
from planted_runs import (
    EVENTS,
    OF_ORGANISATION,
    RUNS,
    Follow,
    end_run,
    finished,
    move,
    path_of,
    plant_part,
    plant_plans,
    planted,
    write,
)
from waiting import PATIENCE, eventually


def test_a_stream_tells_what_is_there_and_what_becomes_of_it(stack, org):
    """At once, after each change, and no more than that; a finished run ends it."""
    run_id = planted(stack, org)
    plant_part(stack, org, run_id)
    with Follow(org, run_id) as stream:
        first = stream.next()
        assert 1000 <= stream.retry < 2000 and first["data"] == org.get(path_of(run_id))
        seen = [first]
        for done in (3, 6):
            move(stack, org, run_id, done)
            changed, began = stream.next(), time.monotonic()
            assert changed["data"] == org.get(path_of(run_id)) and changed["data"]["done"] == done
            assert time.monotonic() - began < 3 * PATIENCE
            seen.append(changed)
        end_run(stack, org, run_id)
        last = stream.next()
        assert last["data"]["status"] == "finished" and last["data"] == org.get(path_of(run_id))
        assert stream.next() is None
        assert len({event["id"] for event in [*seen, last]}) == 4


def test_a_stream_of_what_is_over_ends_at_once(stack, org):
    for status in ("finished", "canceled"):
        with Follow(org, planted(stack, org, status)) as stream:
            assert stream.next()["data"]["status"] == status
            assert stream.next() is None


def test_a_canceled_run_ends_its_stream(stack, org):
    run_id = planted(stack, org)
    with Follow(org, run_id) as stream:
        assert stream.next()["data"]["status"] == "paused"
        org.succeed("POST", f"{path_of(run_id)}/cancel")
        assert stream.next()["data"]["status"] == "canceled" and stream.next() is None


def test_a_canceled_run_is_told_when_its_chunks_are_done(stack, org):
    """What workers had in hand still counts: the last event has it, and no event says canceled before."""
    run_id = planted(stack, org)
    plant_part(stack, org, run_id)
    with Follow(org, run_id) as stream:
        stream.next()
        end_run(stack, org, run_id, "canceled")
        for done in (1, 2):
            time.sleep(1)
            move(stack, org, run_id, done)
        last = stream.next()["data"]
        assert (last["status"], last["done"]) == ("canceled", 2) and last == org.get(path_of(run_id))
        assert stream.next() is None


def test_a_quiet_stream_shows_that_it_lives(stack, org):
    """While nothing changes there are comments, and no event; then there is one again."""
    run_id = planted(stack, org)
    plant_part(stack, org, run_id)
    with Follow(org, run_id) as stream:
        stream.next()
        began = time.monotonic()
        stream.beat(), stream.beat()
        assert 5 < time.monotonic() - began < 15 * PATIENCE
        move(stack, org, run_id, 1)
        assert stream.next()["data"]["done"] == 1


def test_whoever_comes_again_goes_on(stack, org):
    """A stream that was lost is no loss: the next one begins with what is there, by the same name if it is the same."""
    run_id = planted(stack, org)
    plant_part(stack, org, run_id)
    with Follow(org, run_id) as stream:
        first = stream.next()
    with Follow(org, run_id, last=first["id"]) as stream:
        assert stream.next() == first
    move(stack, org, run_id, 5)
    with Follow(org, run_id, last=first["id"]) as stream:
        again = stream.next()
        assert again["data"]["done"] == 5 and again["id"] != first["id"]


def test_two_follow_the_same_and_others_follow_others(stack, org):
    """Each sees its own, whichever organisation it is of."""
    other = stack.organisation()
    mine, theirs = planted(stack, org), planted(stack, other)
    plant_part(stack, org, mine), plant_part(stack, other, theirs)
    with Follow(org, mine) as a, Follow(org, mine) as b, Follow(other, theirs) as c:
        assert [stream.next()["data"]["id"] for stream in (a, b, c)] == [mine, mine, theirs]
        move(stack, org, mine, 2)
        assert [stream.next()["data"]["done"] for stream in (a, b)] == [2, 2]
        move(stack, other, theirs, 4)
        told = c.next()["data"]
        assert (told["id"], told["done"]) == (theirs, 4)


def test_what_one_follows_delays_no_other(stack, org):
    """One organisation follows as much as it may, all of it large and moving; another's run is told in time."""
    other = stack.organisation()
    theirs = planted(stack, other)
    plant_part(stack, other, theirs)
    large = [planted(stack, org, at=at) for at in range(1, 25)]
    for run_id in large:
        plant_plans(stack, org, run_id, 2000)
    with contextlib.ExitStack() as streams:
        for run_id in large:
            streams.enter_context(Follow(org, run_id))
        small = streams.enter_context(Follow(other, theirs))
        assert small.next()["data"]["done"] == 0
        for done in range(1, 6):
            write(
                stack, org, "UPDATE billd.billing_run_parts SET done = %s WHERE organisation_id = %s",
                done, org.organisation_id,
            )  # fmt: skip
            move(stack, other, theirs, done)
            began = time.monotonic()
            assert small.next()["data"]["done"] == done
            assert time.monotonic() - began < 3 * PATIENCE
        one = streams.enter_context(Follow(other, theirs))
        began = time.monotonic()
        assert one.next()["data"]["done"] == 5
        assert time.monotonic() - began < 2 * PATIENCE


def test_what_cannot_be_read_in_time_delays_no_other(stack, org):
    """A run whose sums are locked away is left alone; others of the same organisation are told meanwhile."""
    other = stack.organisation()
    stuck, fine, theirs = planted(stack, org), planted(stack, org), planted(stack, other)
    for whose, run_id in ((org, stuck), (org, fine), (other, theirs)):
        plant_part(stack, whose, run_id)
    with Follow(org, stuck) as one, Follow(org, fine) as two, Follow(other, theirs) as three:
        assert all(stream.next() for stream in (one, two, three))
        with stack.connect("owner") as connection, connection.transaction():
            connection.execute("LOCK TABLE billd.billing_run_totals IN ACCESS EXCLUSIVE MODE")
            with stack.connect(organisation_id=org.organisation_id) as mover:
                mover.execute("UPDATE billd.billing_run_parts SET done = 3 WHERE run_id = %s", (stuck,))
            time.sleep(4)
            began = time.monotonic()
        move(stack, other, theirs, 4)
        assert three.next()["data"]["done"] == 4
        move(stack, org, fine, 5)
        assert two.next()["data"]["done"] == 5
        assert time.monotonic() - began < 15 * PATIENCE


def test_a_run_is_followed_from_its_start_to_its_end(org):
    """What the worker does is seen; the last event is the report."""
    run_id = org.succeed("POST", RUNS, {})
    with Follow(org, run_id) as stream:
        events = []
        while event := stream.next():
            events.append(event)
    assert events[-1]["data"] == finished(org, run_id)


@pytest.mark.parametrize(
    ("accept", "streams"),
    [
        ("application/json", False),
        ("*/*", False),
        ("text/*", False),
        ("text/event-stream;q=0", False),
        ("TEXT/event-stream", True),
        ("application/json;q=0.5, text/event-stream", True),
        ("application/json, text/event-stream;q=0.1", False),
    ],
)
def test_who_gets_a_stream(stack, org, accept, streams):
    path = path_of(planted(stack, org, "finished"))
    answer = org.request("GET", path, headers={"Accept": accept})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == (EVENTS if streams else "application/json")
    assert answer.headers["Vary"] == "Accept"
    head = org.request("HEAD", path, headers={"Accept": accept})
    assert head.headers["Content-Type"] == "application/json" and not head.content


def test_a_stream_takes_no_arguments(stack, org):
    path = path_of(planted(stack, org))
    org.refused(400, "bad-parameter", "GET", path, headers={"Accept": EVENTS}, params={"limit": 1})


def test_a_plain_connection_goes_on_behind_a_stream(stack, org):
    """The answer has an end, and the next request on the connection its answer; HTTP/1.0 is closed instead."""
    path = path_of(planted(stack, org, "finished")).encode()
    asked = b"GET " + path + b" HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n" + raw.bearer(org) + b"\r\n\r\n"
    address = ("127.0.0.1", urlparse(org.url).port)
    with socket.create_connection(address, timeout=20) as connection:
        connection.sendall(asked + b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        got = read_all(connection)
        assert got.count(b"HTTP/1.1 200") == 2 and b"Transfer-Encoding: chunked" in got and got.endswith(b'"ok"}')
    with socket.create_connection(address, timeout=20) as connection:
        connection.sendall(asked.replace(b"HTTP/1.1", b"HTTP/1.0"))
        got = read_all(connection)
        assert b"chunked" not in got and got.endswith(b"}\n\n") and b"event: billing_run\n" in got


def read_all(connection):
    pieces = []
    while piece := connection.recv(65536):
        pieces.append(piece)
    return b"".join(pieces)


def test_a_revoked_key_ends_its_streams(stack, org):
    """Within seconds; those of another key go on."""
    run_id = planted(stack, org)
    plant_part(stack, org, run_id)
    made = org.made("/v1/api-keys", {"name": "watch", "role": "viewer"})
    with Follow(org.known_as(made["key"]), run_id) as stream, Follow(org, run_id) as stays:
        stream.next(), stays.next()
        org.done("DELETE", f"/v1/api-keys/{made['id']}")
        began = time.monotonic()
        assert stream.next() is None
        assert time.monotonic() - began < 5 * PATIENCE
        move(stack, org, run_id, 1)
        assert stays.next()["data"]["done"] == 1


def test_a_member_who_leaves_sees_no_more(stack):
    team = stack.team()
    run_id = planted(stack, team.owner)
    with Follow(team.members["viewer"], run_id) as stream:
        stream.next()
        team.owner.done("DELETE", f"/v1/organisations/{team.organisation_id}/members/{team.people['viewer'].id}")
        assert stream.next() is None


def test_streams_have_a_limit(stack, org):
    """Of one organisation; others are not touched, nor are its other requests. Whoever goes makes room."""
    run_id = planted(stack, org)
    streams = [Follow(org, run_id) for _ in range(OF_ORGANISATION)]
    try:
        answer = org.refused(503, "overloaded", "GET", path_of(run_id), headers={"Accept": EVENTS})
        assert int(answer.headers["Retry-After"]) > 0
        assert org.get(path_of(run_id))["id"] == run_id
        other = stack.organisation()
        with Follow(other, planted(stack, other)) as one:
            assert one.next()
        assert all(stream.next() for stream in streams)
        for stream in streams[:8]:
            stream.__exit__()
        gone = time.monotonic()

        def room():
            answer = org.session.get(
                org.url + path_of(run_id), stream=True, timeout=20,
                headers={"Authorization": f"Bearer {org.key}", "Accept": EVENTS},
            )  # fmt: skip
            answer.close()
            return answer.status_code == 200

        eventually(room, "there is room for another stream", 30, 0.1)
        assert time.monotonic() - gone < 3 * PATIENCE
    finally:
        for stream in streams:
            stream.__exit__()


def test_a_stopping_api_ends_its_streams(stack, org):
    """At once and cleanly: the client goes to another."""
    run_id = planted(stack, org)
    with stack.another_api() as api:
        there = org.at(api.ready_url.removesuffix("/health"))
        with Follow(there, run_id) as stream:
            stream.next()
            began = time.monotonic()
            api.stop()
            assert time.monotonic() - began < 3 * PATIENCE
            assert stream.next() is None


def test_a_stopping_api_ends_its_streams_whatever_the_database_does(stack, org):
    """It stands still in the middle of a look: they are ended all the same, and the end is clean."""
    run_id = planted(stack, org)
    plant_part(stack, org, run_id)
    with stack.another_api() as api:
        there = org.at(api.ready_url.removesuffix("/health"))
        with Follow(there, run_id) as stream:
            stream.next()
            with stack.frozen_connections():
                time.sleep(1.5)
                began = time.monotonic()
                api.signal(signal.SIGTERM)
                assert stream.next() is None
                assert time.monotonic() - began < 3 * PATIENCE
                assert api.wait() == 0
