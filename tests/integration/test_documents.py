"""What the api says of itself: OpenAPI, /docs, problems, metrics, health, request ids."""

import re
import uuid
from urllib.parse import urljoin, urlparse

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from programs import ROOT, fetch
from prometheus_client.parser import text_string_to_metric_families
from waiting import eventually
from wire import COMMANDS, headers


def test_the_openapi_document_is_valid(stack):
    """By the specification's own schema, version 3.1."""
    answer = fetch(stack.url + "/openapi.json")
    document = answer.json()
    assert answer.headers["Content-Type"].split(";")[0] == "application/json"
    assert document["openapi"].startswith("3.1")
    assert [error.message for error in OpenAPIV31SpecValidator(document).iter_errors()] == []


def test_the_openapi_document_has_every_route(stack):
    """Each path of the table but those of pages, with its methods; every operation has an id of its own."""
    paths = fetch(stack.url + "/openapi.json").json()["paths"]
    table = re.sub(r"\s+", " ", (ROOT / "api/route.c").read_text())
    routes = re.findall(r'(?:COMMAND|ACTION|SLOW|MANAGE)\( ?"([A-Z]+)", "([^"]+)"', table)
    routes += [("GET", path) for path in re.findall(r'(?:ONE|WATCHED|LIST\w*|OTHER)\((?:\w+, )*"([^"]+)"', table)]
    assert len(routes) > 80, len(routes)
    told = [(method.upper(), path) for path in paths for method in paths[path] if method != "parameters"]
    assert sorted(told) == sorted(route for route in routes if not route[1].startswith("/docs"))
    ids = [
        operation["operationId"]
        for path in paths.values()
        for method, operation in path.items()
        if method != "parameters"
    ]
    assert len(set(ids)) == len(ids)


# In an order in which each has what it names: {path: what its answer's id is}
EXAMPLES = {
    "/v1/test-clocks": "test_clock_id",
    "/v1/customers": "customer_id",
    "/v1/plans": "plan_id",
    "/v1/coupons": "coupon_id",
    "/v1/tax-rates": "tax_rate_id",
    "/v1/customers/{customer_id}/items": "item_id",
    "/v1/customers/{customer_id}/credits": "credit_entry_id",
    "/v1/subscriptions": "subscription_id",
    "/v1/invoices/{invoice_id}/pay": "invoice_id",
    "/v1/credit-notes": "credit_note_id",
    "/v1/billing-runs": "billing_run_id",
}


def test_commands_in_the_document_have_examples_that_work(stack, org):
    """What Swagger UI sends under "Try it out", with the ids of what was made before, is accepted and succeeds."""
    document = fetch(stack.url + "/openapi.json").json()
    known = {}
    for path, name in EXAMPLES.items():
        example = example_of(document, path)
        body = {name: known.get(str(value).strip("{}"), value) for name, value in example.items()}
        body |= {name: known[name] for name in ("customer_id", "plan_id", "invoice_id") if name in body}
        known[name] = org.succeed("POST", path.format(**known), body)
        if name == "subscription_id":
            known["invoice_id"] = org.invoices_of(known["customer_id"])[0]["id"]


def example_of(document, path):
    content = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]
    if "example" in content:
        return content["example"]
    if "examples" in content:
        return next(iter(content["examples"].values()))["value"]
    schema = content["schema"]
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]]
    if "example" in schema or "examples" in schema:
        return schema.get("example") or schema["examples"][0]
    fields = schema["properties"].items()
    return {name: field["examples"][0] for name, field in fields if "examples" in field}


def test_the_documentation_needs_no_other_host(stack):
    """/docs is a page, and every script, style and picture that it names comes from here."""
    page = fetch(stack.url + "/docs")
    assert page.status_code == 200 and page.headers["Content-Type"].startswith("text/html")
    links = re.findall(r"""(?:src|href)=["']?([^"'\s>]+)""", page.text)
    assets = [link for link in links if not link.startswith(("#", "data:"))]
    assert any(link.endswith(".js") for link in assets) and any(link.endswith(".css") for link in assets)
    for link in assets:
        url = urljoin(page.url, link)
        assert urlparse(url).netloc == urlparse(stack.url).netloc, link
        answer = fetch(url)
        assert answer.status_code == 200 and answer.content, link
        kind = {"js": "javascript", "css": "text/css", "png": "image/png"}.get(url.rsplit(".", 1)[-1], "")
        assert kind in answer.headers["Content-Type"], (link, answer.headers["Content-Type"])
    assert "http://" not in page.text and "https://" not in page.text


def problems():
    """(slug, status, title) of both tables of problems."""
    tables = [(ROOT / name).read_text() for name in ("common/domain/refusal.def", "api/problem.def")]
    return re.findall(r'^(?:REFUSAL|PROBLEM)\(\w+, "([a-z-]+)", (\d+), "([^"]+)"', "\n".join(tables), re.M)


@pytest.mark.parametrize(("slug", "status", "title"), problems())
def test_each_problem_has_a_page(stack, slug, status, title):
    """/docs/problems/<slug> tells its title and status."""
    page = fetch(f"{stack.url}/docs/problems/{slug}")
    assert page.status_code == 200
    assert title in page.text.replace("&#39;", "'").replace("&quot;", '"') and status in page.text
    assert slug in fetch(stack.url + "/docs/problems").text


def test_health_tells_each_part(stack):
    """200 with database and kafka; /health/live needs neither."""
    answer = fetch(stack.url + "/health")
    assert answer.status_code == 200
    assert {name: answer.json()[name] for name in ("status", "database", "kafka")} == dict.fromkeys(
        ("status", "database", "kafka"), "ok"
    )
    assert fetch(stack.url + "/health/live").status_code == 200


def test_head_is_get_without_a_body(stack, org):
    """Same status and length, no body."""
    for path in ("/health", "/openapi.json"):
        got, head = fetch(stack.url + path), org.session.head(stack.url + path, timeout=10)
        assert head.status_code == 200 and head.content == b""
        assert head.headers["Content-Type"] == got.headers["Content-Type"]


# Metrics


def metrics(url):
    """{family: samples} of a program's metrics."""
    answer = fetch(url + "/metrics")
    assert answer.status_code == 200 and answer.headers["Content-Type"].startswith("text/plain"), answer.headers
    return {family.name: family for family in text_string_to_metric_families(answer.text)}


PROMISED = {
    "requests": r"http_requests_total",
    "latencies": r"http_request_seconds_bucket",
    "accepted commands": r"commands_accepted",
    "refused commands": r"commands_refused",
    "commands by outcome": r"commands_total.*outcome",
    "batch sizes": r"batch.*size",
    "transaction times": r"transaction_.*seconds",
    "consumer lag": r"consumer_lag",
    "unpublished events": r"events_unpublished",
    "dead letters": r"dead_letters",
    "age of the oldest operation not yet done": r"oldest_pending_operation",
    "times a provider was asked": r"payments_asked_total",
    "what providers answered": r"payments_answered_total.*outcome.*unknown",
    "age of the oldest payment not settled": r"payments_oldest_seconds",
}


def test_metrics_have_what_is_promised(stack, org):
    """Each series is there in one of the programs, all begin with billd_, and each has a help text."""
    org.customer()
    series = []
    for url in (stack.url, stack.worker.url):
        families = metrics(url)
        assert [name for name in families if not name.startswith(("billd_", "process_"))] == []
        assert [name for name, family in families.items() if not family.documentation] == []
        series += [f"{sample.name} {sample.labels}" for family in families.values() for sample in family.samples]
    missing = [what for what, pattern in PROMISED.items() if not any(re.search(pattern, one) for one in series)]
    assert missing == [], series


def total(url, pattern):
    return sum(
        sample.value
        for name, family in metrics(url).items()
        for sample in family.samples
        if re.search(pattern, sample.name) and not sample.name.endswith(("_bucket", "_sum", "_created"))
    )


def test_metrics_count_what_happens(stack, org):
    """A command more is a request more and a command more."""
    before = total(stack.url, r"requests"), total(stack.url, r"commands")
    org.customer()
    org.refused(422, "invalid-body", "POST", "/v1/customers", {})
    assert total(stack.url, r"requests") >= before[0] + 2
    assert total(stack.url, r"commands") >= before[1] + 1


def test_metrics_have_few_labels_for_many_paths(stack, org):
    """Random paths and ids make no series of their own."""
    for _ in range(30):
        org.request("GET", f"/v1/{uuid.uuid4()}")
        org.request("GET", f"/v1/customers/{uuid.uuid4()}")
    assert sum(len(family.samples) for family in metrics(stack.url).values()) < 5000
    assert not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}", fetch(stack.url + "/metrics").text)


# Request ids


def test_a_request_id_goes_with_its_command_to_the_worker(stack, org):
    """It comes back in the answer and stands in the log lines of both programs for that command."""
    request_id = f"test-{uuid.uuid4()}"
    accepted = org.request("POST", "/v1/customers", {"name": "Ada"}, headers={"X-Request-Id": request_id})
    assert accepted.headers["X-Request-Id"] == request_id
    org.outcome(accepted.json()["operation_id"])
    for program in (stack.api, stack.worker):
        eventually(
            lambda program=program: any(request_id in line for line in program.log_lines()),
            f"{program.name} logs {request_id}",
            10,
        )


@pytest.mark.parametrize("given", [None, "", "x" * 300, "ä", 'a"b\\c', "a b"])
def test_a_request_id_that_will_not_do_is_replaced(org, given):
    """What comes back is safe to log and never empty."""
    sent = {} if given is None else {"X-Request-Id": given.encode()}
    told = org.request("GET", "/v1/plans", headers=sent).headers["X-Request-Id"]
    assert re.fullmatch(r"[!-~]{1,128}", told) and '"' not in told and "\\" not in told


def test_a_traceparent_goes_on_kafka_with_the_command(org, wire):
    """W3C's header is carried through the topic."""
    trace = uuid.uuid4().hex
    org.send("POST", "/v1/plans", plan_body(), headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-01"})
    found = [headers(message) for message in wire.read_all(COMMANDS)]
    assert any(trace in given.get("traceparent", "") for given in found)


def plan_body():
    return {"code": uuid.uuid4().hex, "name": "P", "currency": "USD", "interval": "day", "amount": 1}
