"""Nothing falls due ahead of the command log: what was accepted before a moment takes effect before it."""

import signal
import time
from datetime import UTC, datetime, timedelta

import pytest
from billing import documents_of, plan_of, text_of
from waiting import eventually

pytestmark = pytest.mark.usefixtures("breaks_servers")

LATE_SECONDS = 15  # well behind the boundary, the margin of the workers and their session's timeout
LIMIT_SECONDS = 60


def about_to_end(org, seconds):
    """A subscription whose first period ends so soon, and that moment."""
    end = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=seconds)
    plan_id = plan_of(org, amount=100, interval="day")
    return org.subscription(org.customer(), plan_id, start_at=text_of(end - timedelta(days=1))), end


def sleep_until(moment):
    time.sleep(max(0, (moment - datetime.now(UTC)).total_seconds()))


def check_canceled_at(org, subscription_id, end):
    """It ended at its period's end, and nothing was billed from then on."""
    path = f"/v1/subscriptions/{subscription_id}"
    eventually(lambda: org.get(path)["status"] == "canceled", "it is canceled", LIMIT_SECONDS, 0.1)
    subscription = org.get(path)
    assert subscription["ended_at"] == text_of(end)
    assert len(documents_of(org, subscription["customer_id"])) == 1


def test_a_cancel_at_period_end_that_waits_for_a_worker_comes_first(stack, org):
    """No worker runs when it is accepted, nor when the period ends: it takes effect before the renewal."""
    subscription_id, end = about_to_end(org, 6)
    with stack.without_worker():
        canceled = org.send("POST", f"/v1/subscriptions/{subscription_id}/cancel", {"effective": "period_end"})
        sleep_until(end + timedelta(seconds=LATE_SECONDS))
    assert org.outcome(canceled["operation_id"])["status"] == "succeeded"
    check_canceled_at(org, subscription_id, end)


def test_a_cancel_at_period_end_that_waits_for_a_worker_that_slept_comes_first(stack, org):
    """The same with a worker that was stopped in its tracks: what it knows of the topic is old when it wakes up."""
    count = 8
    lives = [about_to_end(org, 10) for _ in range(count)]
    stack.worker.signal(signal.SIGSTOP)
    try:
        canceled = [
            org.send("POST", f"/v1/subscriptions/{one}/cancel", {"effective": "period_end"}) for one, _ in lives
        ]
        assert datetime.now(UTC) < lives[0][1], "the cancellations came too late to show anything"
        sleep_until(lives[-1][1] + timedelta(seconds=LATE_SECONDS))
    finally:
        stack.worker.signal(signal.SIGCONT)
    for answer in canceled:
        assert org.outcome(answer["operation_id"], LIMIT_SECONDS)["status"] == "succeeded"
    for one, end in lives:
        check_canceled_at(org, one, end)
