"""The mixed load of a chaos run: callers that send what customers of billd would, good and bad, and record what they
hear.

Everything is chosen by a seeded random source, one for each caller. What the callers hear depends on the faults, so two
runs of one seed send the same kinds of requests in the same order, not the same bytes.
"""

import contextlib
import random
import threading
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

import load_billing
import load_money
import load_runs
import requests
from client import new_session
from history import Attempt
from load_billing import Clock
from poison import Poisoner
from waiting import PATIENCE, eventually

CALLERS = 4
ANSWER_SECONDS = 20  # of an api that takes five to give Kafka up
OWED_MAX = 200  # requests that a caller means to send again; more are given up
KNOWN_MAX = 60  # customers that a caller remembers
SETTLE_SECONDS = 90
BIG_BYTES = 1024 * 1024 + 100  # more than the ingress takes


@dataclass
class Options:
    rate: float = 60.0  # requests a second, of all callers together
    organisations: int = 3
    hot_share: float = 0.0  # of the requests, those about one customer
    poison_share: float = 0.0  # messages of poison for each request
    large_share: float = 0.0  # requests and messages that are too large, likewise
    by_hand: bool = False  # what falls due waits for billing runs, and for commands on the same customers
    orderly: bool = False  # nothing whose outcome hangs on the order between partitions, or on when it is done


@dataclass
class Tenant:
    client: object
    plans: list = field(default_factory=list)  # (id, code) of those that it began with
    spares: list = field(default_factory=list)  # ids of those among them that may be archived
    priced: dict = field(default_factory=dict)  # {name in load_billing.PLANS: id}
    coupons: dict = field(default_factory=dict)  # {code: id} of those that it began with
    rates: dict = field(default_factory=dict)  # {name in load_money.TAX_RATES: id}

    @property
    def id(self):
        return self.client.organisation_id


@dataclass
class Known:
    """A customer that was accepted."""

    tenant: Tenant
    id: str
    clock: str | None = None  # the test clock on which it lives
    subscriptions: list = field(default_factory=list)


@dataclass
class Request:
    tenant: Tenant
    method: str
    path: str
    body: dict | None = None
    key: str | None = None
    customer: Known | None = None
    raw: bytes | None = None  # sent in place of the body
    clock: Clock | None = None  # that is sent on its way
    run: load_runs.Run | None = None  # that is moved
    wait_seconds: int = 0  # until the operation is done, if the client wants to know


class Caller(threading.Thread):
    """One client: it sends one request after the other, and never two at a time."""

    def __init__(self, load, number):
        super().__init__(name=f"caller-{number}", daemon=True)
        self.load, self.number = load, number
        self.random = random.Random(f"{load.seed}/caller/{number}")
        self.session = new_session()
        self.known, self.owed, self.answered, self.clocks, self.runs = [], [], [], [], []
        self.payers, self.failing = [], []  # load_money.pay: who has paid; what is to be tried once more
        self.falls_due = not load.options.orderly
        self.sent = 0

    def run(self):
        pause = CALLERS / self.load.options.rate
        while not self.load.stopping.is_set():
            began = time.monotonic()
            try:
                # Held by whoever wants silence (Load.silence).
                with self.load.gates[self.number]:
                    self.step()
            except Exception:  # a fault of the driver must not pass for a quiet system
                self.load.errors.append(traceback.format_exc())
                return
            self.load.stopping.wait(max(0.0, began + self.random.uniform(0.5, 1.5) * pause - time.monotonic()))

    # One request and what it teaches

    def send(self, request):
        headers = {"Authorization": f"Bearer {request.tenant.client.key}"}
        if request.key:
            headers["Idempotency-Key"] = request.key
        if request.raw is not None:
            headers["Content-Type"] = "application/json"
        if request.wait_seconds:
            headers["Prefer"] = f"wait={request.wait_seconds}"
        attempt = Attempt(
            time.time(), request.tenant.id, request.method, request.path, request.body, request.key
        )  # fmt: skip
        try:
            answer = self.session.request(
                request.method, request.tenant.client.url + request.path,
                json=request.body if request.raw is None else None, data=request.raw,
                headers=headers, timeout=ANSWER_SECONDS * PATIENCE,
            )  # fmt: skip
            attempt.status, attempt.answer = answer.status_code, answer.json()
        except requests.JSONDecodeError:
            pass  # the status stands
        except requests.RequestException:
            pass  # no answer
        self.load.history.append(attempt)
        self.load.answers[attempt.status] += 1
        self.learn(request, attempt)
        load_runs.learn(self, request, attempt)
        return attempt

    def learn(self, request, attempt):
        if attempt.status == 202:
            made = attempt.answer["resource"]
            if request.method == "POST" and request.path == "/v1/customers":
                self.known.append(Known(request.tenant, made["id"], (request.body or {}).get("test_clock_id")))
                del self.known[:-KNOWN_MAX]
            elif request.path == "/v1/test-clocks":
                self.clocks.append(Clock(request.tenant, made["id"], load_billing.CLOCK_BEGAN))
            elif request.clock:
                request.clock.at = datetime.fromisoformat(request.body["now"]).timestamp()
            elif request.method == "POST" and request.path == "/v1/subscriptions" and request.customer:
                request.customer.subscriptions.append(made["id"])
                del request.customer.subscriptions[:-5]
            if request.key:
                self.answered.append(request)
                del self.answered[:-50]
        elif attempt.status in (None, 503) and request.key:
            self.owed.append(request)
            del self.owed[:-OWED_MAX]

    def step(self):
        options = self.load.options
        if self.owed and self.random.random() < 0.3:
            self.send(self.owed.pop(0))
            return
        if self.random.random() < options.poison_share:
            self.poison(large=False)
        if self.random.random() < options.large_share:
            self.poison(large=True)
            self.too_large()
        if self.random.random() < options.hot_share:
            action = self.choose(HOT_ACTIONS)
            customer = self.load.hot
        else:
            action = self.choose(self.actions())
            customer = self.random.choice(self.known) if self.known else self.load.hot
        request = action(self, customer)
        if request is None:
            return
        if request.key is None and request.raw is None and self.random.random() < 0.5:
            request.key = self.new_key()
        attempt = self.send(request)
        # Someone whose answer was lost on the way sends it again at once.
        if attempt.status == 202 and request.key and self.random.random() < 0.05:
            self.send(request)

    def settle(self, deadline):
        """What got no answer is sent until it gets one, as a client would that wants to be sure; then runs go on."""
        self.get_answers(deadline)
        self.owed += load_runs.last_wishes(self)
        self.get_answers(deadline)

    def get_answers(self, deadline):
        while self.owed:
            assert time.monotonic() < deadline, (
                f"caller {self.number} still gets no answer to {len(self.owed)} requests after {SETTLE_SECONDS} s"
            )
            attempt = self.send(self.owed.pop(0))
            if attempt.status in (None, 503):
                time.sleep(0.5)

    # What there is to send

    def actions(self):
        options = self.load.options
        if options.orderly:
            return ORDERLY_ACTIONS
        return ACTIONS + (BY_HAND_ACTIONS if options.by_hand else ())

    def post(self, of, path, body=None):
        """About a customer, or a clock: whatever has a tenant."""
        return Request(of.tenant, "POST", path, body, customer=of if isinstance(of, Known) else None)

    def request(self, of, method, path, body=None):
        return Request(of.tenant, method, path, body, customer=of)

    def choose(self, table):
        return self.random.choices([action for _, action in table], [weight for weight, _ in table])[0]

    def new_key(self):
        self.sent += 1
        return f"{self.load.name}-{self.number}-{self.sent}"

    def text(self, what):
        self.sent += 1
        return f"{what} {self.load.name} {self.number} {self.sent}"

    def any_tenant(self):
        return self.random.choice(self.load.tenants)

    def new_customer(self, _):
        zones = ("Etc/UTC", "America/New_York", "Asia/Kolkata", "Pacific/Auckland")
        body = {"name": self.text("Customer"), "timezone": self.random.choice(zones), "metadata": {"by": "chaos"}}
        if self.random.random() < 0.3:
            body["external_id"] = self.text("external")
        tenant = self.any_tenant()
        return Request(tenant, "POST", "/v1/customers", body | load_money.of_a_customer(self, tenant))

    def taken_name(self, customer):
        """An external_id that several want: one gets it."""
        body = {"name": self.text("Twin"), "external_id": f"wanted-{self.random.randrange(20)}"}
        return Request(customer.tenant, "POST", "/v1/customers", body)

    def update_customer(self, customer):
        body = {"name": self.text("Renamed"), "metadata": {"round": self.load.name}}
        return Request(customer.tenant, "PATCH", f"/v1/customers/{customer.id}", body, customer=customer)

    def archive_customer(self, customer):
        if customer is self.load.hot:
            return None
        return Request(customer.tenant, "DELETE", f"/v1/customers/{customer.id}", customer=customer)

    def new_plan(self, customer):
        body = {
            "code": f"{self.load.name}-{self.number}-{self.random.randrange(400)}", "name": self.text("Plan"),
            "currency": "USD", "interval": self.random.choice(("day", "week", "month", "year")),
            "interval_count": self.random.randrange(1, 4), "amount": self.random.choice((0, 1, 2900, 10**12)),
        }  # fmt: skip
        return Request(customer.tenant, "POST", "/v1/plans", body)

    def update_plan(self, customer):
        plan_id, _ = self.random.choice(customer.tenant.plans)
        return Request(customer.tenant, "PATCH", f"/v1/plans/{plan_id}", {"name": self.text("Plan")})

    def archive_plan(self, customer):
        return Request(customer.tenant, "DELETE", f"/v1/plans/{self.random.choice(customer.tenant.spares)}")

    def subscribe(self, customer):
        """A first one, or a second one beside a live one, which the rules refuse."""
        plan_id, code = self.random.choice(customer.tenant.plans)
        plan = {"plan_id": plan_id} if self.random.random() < 0.5 else {"plan_code": code}
        body = {"customer_id": customer.id} | plan | load_money.of_a_subscription(self, customer.tenant)
        return Request(customer.tenant, "POST", "/v1/subscriptions", body, customer=customer)

    def cancel(self, customer):
        if not customer.subscriptions:
            return self.subscribe(customer)
        body = self.random.choice(({"effective": "now"}, {"effective": "now"}, {"effective": "period_end"}))
        path = f"/v1/subscriptions/{self.random.choice(customer.subscriptions)}/cancel"
        return Request(customer.tenant, "POST", path, body, customer=customer)

    def trespass(self, customer):
        """Another organisation's customer: no such customer."""
        others = [tenant for tenant in self.load.tenants if tenant is not customer.tenant]
        if not others:
            return None
        tenant = self.random.choice(others)
        if customer.subscriptions and self.random.random() < 0.5:
            return Request(tenant, "POST", f"/v1/subscriptions/{customer.subscriptions[-1]}/cancel", {})
        body = {"customer_id": customer.id, "plan_id": tenant.plans[0][0]}
        return Request(tenant, "POST", "/v1/subscriptions", body)

    def invalid(self, customer):
        """What the ingress refuses at once."""
        body = self.random.choice(
            ({}, {"name": ""}, {"name": 7}, {"name": "x", "colour": "red"}, {"name": "x", "currency": "XXXX"})
        )
        return Request(customer.tenant, "POST", "/v1/customers", body)

    def malformed(self, customer):
        return Request(customer.tenant, "POST", "/v1/customers", None, raw=b'{"name": "half')

    def again(self, _):
        """A request that was accepted, once more with its key: it must meet the same operation."""
        return self.random.choice(self.answered) if self.answered else None

    def other_body(self, _):
        """A key that was used, with another body: refused, now or by the rules."""
        for request in reversed(self.answered):
            if request.method in ("POST", "PATCH") and request.body and request.path.count("/") < 4:
                if request.path == "/v1/test-clocks":
                    continue
                body = request.body | {"metadata": {"other": self.text("body")}}
                return Request(request.tenant, request.method, request.path, body, request.key)
        return None

    def poison(self, large):
        customer = self.random.choice(self.known) if self.known else self.load.hot
        self.load.poisoner.write(customer.tenant.id, customer.id, large)

    def too_large(self):
        """More than the ingress takes; the history has no use for so many bytes."""
        tenant = self.any_tenant()
        self.send(Request(tenant, "POST", "/v1/customers", None, raw=b'{"name": "' + b"x" * BIG_BYTES + b'"}'))


# How often each is sent, compared with the others.
ORDERLY_ACTIONS = (
    *load_billing.LIFE_ACTIONS,
    *load_money.ORDERLY_ACTIONS,
    (25, Caller.new_customer),
    (30, Caller.subscribe),
    (14, Caller.cancel),
    (10, Caller.update_customer),
    (2, Caller.archive_customer),
    (2, Caller.trespass),
    (2, Caller.invalid),
    (1, Caller.malformed),
    (4, Caller.again),
)
ACTIONS = (
    *ORDERLY_ACTIONS,
    *load_money.ACTIONS,
    *load_billing.DUE_ACTIONS,
    *load_runs.DUE_ACTIONS,
    (2, Caller.taken_name),
    (4, Caller.new_plan),
    (2, Caller.update_plan),
    (1, Caller.archive_plan),
    (3, Caller.other_body),
)
# Besides, where it waits for runs: much that falls due.
BY_HAND_ACTIONS = (
    (20, Caller.new_customer),
    (30, load_billing.begin_in_the_past),
)
HOT_ACTIONS = (
    (30, Caller.subscribe), (25, Caller.cancel), (10, Caller.update_customer), (10, load_billing.change),
    (5, load_billing.report), (5, load_billing.pause), (10, load_billing.resume), (5, load_billing.cancel_for_credit),
    (15, load_money.pay), (6, load_money.credit_note), (3, load_money.void), (5, load_money.item),
    (5, load_money.give_credit),
)  # fmt: skip


class Load:
    """All callers of one round. Use: prepare, start, [silence,] cease, settle."""

    def __init__(self, stack, history, seed, name, options=None):
        self.stack, self.history, self.seed, self.name = stack, history, seed, name
        self.options = options or Options()
        self.answers = Counter()  # by status; None: no answer
        self.errors = []
        self.stopping = threading.Event()
        self.gates = [threading.Lock() for _ in range(CALLERS)]
        self.tenants, self.hot = [], None
        self.callers = [Caller(self, number) for number in range(CALLERS)]

    def prepare(self, partitions):
        """Organisations, each with plans that exist, and the hot customer. All must be well meanwhile."""
        self.poisoner = Poisoner(self.stack, self.history, random.Random(f"{self.seed}/poison"), partitions)
        for number in range(self.options.organisations):
            tenant = Tenant(self.stack.organisation(name=f"{self.name} {number}"))
            self.tenants.append(tenant)
            for interval in ("day", "month"):
                code = f"{self.name}-{interval}"
                body = {"code": code, "name": "Base", "currency": "USD", "interval": interval, "amount": 2900}
                tenant.plans.append((self.insist(tenant, "/v1/plans", body), code))
            for spare in range(3):
                body = {"code": f"spare-{spare}", "name": "Spare", "currency": "USD", "interval": "day", "amount": 1}
                tenant.plans.append((self.insist(tenant, "/v1/plans", body), body["code"]))
                tenant.spares.append(tenant.plans[-1][0])
            for name, body in load_billing.plan_bodies():
                tenant.priced[name] = self.insist(tenant, "/v1/plans", body)
            for name, body in load_money.coupon_bodies(self.options.orderly):
                tenant.coupons[name] = self.insist(tenant, "/v1/coupons", body)
            for name, body in load_money.tax_rate_bodies():
                tenant.rates[name] = self.insist(tenant, "/v1/tax-rates", body)
        if not self.options.orderly:
            load_money.series_begin(self.stack, self.tenants[-1])
        body = {"name": f"Hot {self.name}"}
        self.hot = Known(self.tenants[0], self.insist(self.tenants[0], "/v1/customers", body))
        return self

    def insist(self, tenant, path, body):
        """A command that must succeed: the id of what it makes."""
        attempt = self.command(tenant, path, body)
        assert attempt.status == 202, attempt
        operation = tenant.client.outcome(attempt.answer["operation_id"], 60)
        assert operation["status"] == "succeeded", operation
        return attempt.answer["resource"]["id"]

    def command(self, tenant, path, body, key=None):
        """One POST of a fault's or the round's own, recorded like the others."""
        caller = Caller(self, CALLERS)  # never started: it has a connection and no past
        return caller.send(Request(tenant, "POST", path, body, key))

    def start(self):
        for caller in self.callers:
            caller.start()
        return self

    @contextlib.contextmanager
    def silence(self):
        """Nobody is in the middle of a request, and nobody begins one, for as long as this is held."""
        with contextlib.ExitStack() as held:
            for gate in self.gates:
                assert gate.acquire(timeout=3 * ANSWER_SECONDS * PATIENCE), "a caller does not come to an end"
                held.callback(gate.release)
            self.poisoner.flush()
            yield

    def cease(self):
        """No new requests. What is owed still is."""
        self.stopping.set()
        for caller in self.callers:
            if caller.is_alive():
                caller.join(3 * ANSWER_SECONDS * PATIENCE)
                assert not caller.is_alive(), f"{caller.name} does not come to an end"

    def settle(self):
        """When all is well again: every owed request gets its answer, and all poison is on the topic."""
        deadline = time.monotonic() + SETTLE_SECONDS * PATIENCE
        eventually(self._is_served, "the api is healthy", SETTLE_SECONDS, 0.2)
        for caller in self.callers:
            caller.settle(deadline)
        self.poisoner.flush()

    def _is_served(self):
        try:
            return self.callers[0].session.get(self.stack.url + "/health", timeout=10).status_code == 200
        except requests.RequestException:
            return False
