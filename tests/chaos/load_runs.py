"""What the load sends about billing runs: starts, real and dry, of what fell due some time ago, now, or in a few
seconds; and what can be done to one that is on its way.
"""

import time
from dataclasses import dataclass

from load_billing import DAY, SOON, text

KNOWN_MAX = 4  # the last runs of a caller, of which it chooses one
BACK = (2, 3600, 3 * DAY)  # seconds before now up to which all is done
CAPS = (1, 2, 1000)  # invoices of one subscription
VERBS = ("pause", "pause", "resume", "resume", "cancel")


@dataclass
class Run:
    """A billing run that was accepted, and whether it may have been paused."""

    tenant: object
    id: str
    paused: bool = False


def start(caller, customer):
    """No further ahead than what soon falls due by itself: a round has an end."""
    body, now, chance = {}, time.time(), caller.random.random()
    if chance < 0.3:
        body["as_of"] = text(now - caller.random.choice(BACK))
    elif chance < 0.6:
        body["as_of"] = text(now + caller.random.randrange(*SOON))
    elif chance < 0.63:
        body["as_of"] = text(now + 400 * DAY)  # too far
    if caller.random.random() < 0.3:
        body["dry_run"] = True
    if caller.random.random() < 0.4:
        body["invoices_max"] = caller.random.choice(CAPS)
    return caller.post(customer, "/v1/billing-runs", body)


def move(caller, customer):
    """One of the caller's last runs; sometimes for another organisation, which has no such run."""
    if not caller.runs:
        return start(caller, customer)
    one = caller.random.choice(caller.runs[-KNOWN_MAX:])
    verb = caller.random.choice(VERBS)
    return moved(caller, customer if caller.random.random() < 0.05 else one, one, verb)


def moved(caller, of, one, verb):
    request = caller.post(of, f"/v1/billing-runs/{one.id}/{verb}")
    request.run = one
    return request


def learn(caller, request, attempt):
    """Whatever its answer, a pause may have taken effect."""
    if request.path == "/v1/billing-runs" and attempt.status == 202:
        caller.runs.append(Run(request.tenant, attempt.answer["resource"]["id"]))
    elif request.run and request.path.endswith("/pause"):
        request.run.paused = True


def last_wishes(caller):
    """No run waits for ever for somebody who is gone: what may stand still goes on, or is refused as it does not."""
    found = [moved(caller, one, one, "resume") for one in caller.runs if one.paused]
    for request in found:
        request.key = caller.new_key()
    return found


# How often each is sent, compared with the others: load.ACTIONS.
DUE_ACTIONS = (
    (6, start),
    (6, move),
)
