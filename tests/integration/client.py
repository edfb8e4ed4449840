"""A client of the API, as a customer of billd would write it, and what must hold for each answer."""

import itertools
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlparse

import requests
from waiting import eventually

ANSWER_SECONDS = 40  # longer than the longest Prefer: wait
codes = itertools.count(1)


def new_session():
    session = requests.Session()
    session.trust_env = False  # no proxy between us and 127.0.0.1
    return session


def slug(problem):
    return problem["type"].rsplit("/", 1)[-1]


def at_once(*functions):
    """Call each on a thread of its own, all at the same moment as nearly as can be: the answers in order."""
    gate = threading.Barrier(len(functions))

    def call(function):
        gate.wait()
        return function()

    with ThreadPoolExecutor(len(functions)) as pool:
        return list(pool.map(call, functions))


class Client:
    """Who asks with a key, an API key or an access token; `headers` go with each request."""

    def __init__(self, url, key, organisation_id, problem_pages, headers=None):
        self.url, self.key, self.organisation_id, self.problem_pages = url, key, organisation_id, problem_pages
        self.headers = headers or {}
        self.session = new_session()

    def at(self, url):
        """The same caller at another api."""
        return Client(url, self.key, self.organisation_id, self.problem_pages, self.headers)

    def twin(self):
        """The same caller on another connection, for another thread."""
        return self.at(self.url)

    def known_as(self, key):
        """Who asks for the same with another key."""
        return Client(self.url, key, self.organisation_id, self.problem_pages, self.headers)

    # Requests

    def request(self, method, path, body=None, data=None, headers=None, params=None, timeout=ANSWER_SECONDS):
        """An answer, whatever it is, that keeps what every answer promises."""
        sent = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        sent.update(self.headers)
        if data is not None:
            sent["Content-Type"] = "application/json"
        sent.update(headers or {})
        sent = {name: value for name, value in sent.items() if value is not None}
        answer = self.session.request(
            method, self.url + path, json=body, data=data, headers=sent, params=params, timeout=timeout
        )
        assert answer.headers.get("X-Request-Id"), f"{method} {path}: no X-Request-Id in {answer.headers}"
        if answer.status_code >= 400 and method != "HEAD":
            self.check_problem(answer)
        return answer

    def check_problem(self, answer):
        """An error is an RFC 9457 problem, and its type has a page."""
        assert answer.headers["Content-Type"].split(";")[0] == "application/problem+json", answer.text
        problem = answer.json()
        self.check_problem_document(problem)
        assert problem["status"] == answer.status_code, problem

    def check_problem_document(self, problem):
        assert {"type", "title", "status", "detail", "instance"} <= set(problem), problem
        for fault in problem.get("errors", []):
            assert set(fault) == {"pointer", "detail"} and fault["detail"], problem
        path = urlparse(problem["type"]).path
        assert path.startswith("/docs/problems/"), problem
        if path not in self.problem_pages:
            self.problem_pages[path] = new_session().get(self.url + path, timeout=10).status_code
        assert self.problem_pages[path] == 200, f"{path} is no page"

    def get(self, path, **more):
        """The document at a path that exists."""
        answer = self.request("GET", path, **more)
        assert answer.status_code == 200, f"GET {path}: {answer.status_code} {answer.text}"
        return answer.json()

    def made(self, path, body):
        """The document of what is made at once."""
        answer = self.request("POST", path, body)
        assert answer.status_code == 201, f"POST {path}: {answer.status_code} {answer.text}"
        return answer.json()

    def done(self, method, path, body=None):
        """Something that is done at once: its document, or None when it has none."""
        answer = self.request(method, path, body)
        assert answer.status_code in (200, 204), f"{method} {path}: {answer.status_code} {answer.text}"
        assert (answer.status_code == 204) == (answer.content == b""), answer.text
        return answer.json() if answer.content else None

    def refused(self, status, type_slug, method, path, body=None, pointers=None, **more):
        """The problem with which a request is refused at once."""
        answer = self.request(method, path, body, **more)
        assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text}"
        problem = answer.json()
        assert slug(problem) == type_slug and problem["detail"], problem
        if pointers is not None:
            assert sorted(fault["pointer"] for fault in problem.get("errors", [])) == sorted(pointers), problem
        return answer

    # Commands

    def send(self, method, path, body=None, **more):
        """A command that is accepted: its 202's document."""
        answer = self.request(method, path, body, **more)
        assert answer.status_code == 202, f"{method} {path}: {answer.status_code} {answer.text}"
        accepted = answer.json()
        assert accepted["status"] == "pending", accepted
        assert urlparse(answer.headers["Location"]).path == f"/v1/operations/{accepted['operation_id']}"
        uuid.UUID(accepted["operation_id"])
        uuid.UUID(accepted["resource"]["id"])
        return accepted

    def operation(self, operation_id):
        return self.get(f"/v1/operations/{operation_id}")

    def outcome(self, operation_id, seconds=30, from_topic=False):
        """The operation once it is done; what was put straight on the topic is unknown until then."""

        def done():
            answer = self.request("GET", f"/v1/operations/{operation_id}")
            if from_topic and answer.status_code == 404:
                return None
            assert answer.status_code == 200, f"operation {operation_id}: {answer.status_code} {answer.text}"
            return answer.json() if answer.json()["status"] != "pending" else None

        return eventually(done, f"operation {operation_id} is done", seconds)

    def succeed(self, method, path, body=None, **more):
        """A command that must succeed: the id of its resource."""
        accepted = self.send(method, path, body, **more)
        operation = self.outcome(accepted["operation_id"])
        assert operation["status"] == "succeeded" and operation["error"] is None, operation
        assert operation["resource"] == accepted["resource"], operation
        return accepted["resource"]["id"]

    def fail(self, type_slug, method, path, body=None, **more):
        """A command that is accepted and that the rules must refuse: its problem."""
        accepted = self.send(method, path, body, **more)
        return self.failed(accepted["operation_id"], type_slug)

    def failed(self, operation_id, type_slug, **more):
        operation = self.outcome(operation_id, **more)
        assert operation["status"] == "failed", operation
        self.check_problem_document(operation["error"])
        assert slug(operation["error"]) == type_slug, operation
        return operation["error"]

    # What most tests need first

    def customer(self, **more):
        return self.succeed("POST", "/v1/customers", {"name": "Ada Lovelace"} | more)

    def plan(self, **more):
        body = {"code": f"plan-{next(codes)}", "name": "Team", "currency": "USD", "interval": "day"}
        return self.succeed("POST", "/v1/plans", body | {"interval_count": 30, "amount": 2900} | more)

    def subscription(self, customer_id, plan_id, **more):
        return self.succeed("POST", "/v1/subscriptions", {"customer_id": customer_id, "plan_id": plan_id} | more)

    def invoices_of(self, customer_id):
        return self.all(f"/v1/customers/{customer_id}/invoices")

    def pages(self, path, limit=None):
        """Every page of a list."""
        cursor = None
        while True:
            params = {name: value for name, value in (("limit", limit), ("cursor", cursor)) if value}
            page = self.get(path, params=params)
            assert set(page) == {"data", "next_cursor"}, page.keys()
            yield page["data"]
            cursor = page["next_cursor"]
            if cursor is None:
                return

    def all(self, path, limit=100):
        return [item for page in self.pages(path, limit) for item in page]

    def events(self):
        """All of the organisation's events, oldest first."""
        found, after = [], None
        while True:
            page = self.get("/v1/events", params={"limit": 100} | ({"after": after} if after else {}))
            found += page["data"]
            if not page["data"]:
                return found
            after = page["next_cursor"]

    def in_parallel(self, functions, threads=8):
        """Call each function with a client, on several connections at a time: the answers in order."""
        clients = [self.twin() for _ in range(threads)]
        with ThreadPoolExecutor(threads) as pool:
            jobs = [
                pool.submit(lambda mine=functions[i::threads], client=client: [function(client) for function in mine])
                for i, client in enumerate(clients)
            ]
            parts = [job.result() for job in jobs]
        return [parts[i % threads][i // threads] for i in range(len(functions))]
