"""Bad input over HTTP: each fault has its own clear answer, and none has an effect."""

import json
import uuid

import pytest

GHOST = "0198a0d2-0000-8000-8000-000000000001"
MIB = 1024 * 1024
PLAN = {"code": "p", "name": "P", "currency": "USD", "interval": "month", "amount": 1}
CUSTOMER = {"name": "Ada"}
COUPON = {"code": "c", "name": "C", "percent_off": "20"}
RATE = {"code": "r", "name": "R", "percentage": "19"}
ITEM = {"amount": 1, "description": "I"}
ITEMS, CREDITS, PAY = f"customers/{GHOST}/items", f"customers/{GHOST}/credits", f"invoices/{GHOST}/pay"
NOTE = {"invoice_id": GHOST}
LINE = {"line_id": GHOST, "amount": 1}


@pytest.fixture(scope="module")
def one(stack):
    """Requests that must have no effect can share an organisation."""
    org = stack.organisation()
    yield org
    for path in ("customers", "plans", "subscriptions", "invoices", "coupons", "tax-rates", "payments", "credit-notes",
                 "journal", "test-clocks", "billing-runs", "events"):  # fmt: skip
        assert org.get(f"/v1/{path}")["data"] == [], f"a refused request had an effect on {path}"


# What has ids and a list each, and the lists of what belongs to something.
KINDS = ["customers", "plans", "subscriptions", "invoices", "coupons", "tax-rates", "payments", "credit-notes",
         "test-clocks", "billing-runs"]  # fmt: skip
OF_ANOTHER = [ITEMS, CREDITS, f"invoices/{GHOST}/payments", f"invoices/{GHOST}/credit-notes",
              f"billing-runs/{GHOST}/failures"]  # fmt: skip

# What is no JSON object at all: 400 malformed-json, whatever the schema.
NOT_JSON = {
    "empty text of braces": b"{",
    "plain text": b"hello",
    "an array": b"[]",
    "a number": b"1",
    "null": b"null",
    "a string": b'"x"',
    "two documents": b'{"name":"a"}{"name":"b"}',
    "a trailing comma": b'{"name":"a",}',
    "single quotes": b"{'name':'a'}",
    "a comment": b'{"name":"a"} // x',
    "duplicate keys": b'{"name":"a","name":"b"}',
    "duplicate keys, one of them escaped": b'{"name":"a","n\\u0061me":"b"}',
    "duplicate keys deep inside": b'{"name":"a","metadata":{"k":"1","k":"2"}}',
    "bad UTF-8": b'{"name":"\xff\xfe"}',
    "overlong UTF-8": b'{"name":"\xc0\xaf"}',
    "overlong UTF-8 of three bytes": b'{"name":"\xe0\x80\xaf"}',
    "overlong UTF-8 of four bytes": b'{"name":"\xf0\x80\x80\xaf"}',
    "an overlong NUL": b'{"name":"\xc0\x80"}',
    "UTF-8 beyond Unicode": b'{"name":"\xf4\x90\x80\x80"}',
    "UTF-8 of five bytes": b'{"name":"\xf8\x88\x80\x80\x80"}',
    "a byte that goes on with nothing": b'{"name":"\x80"}',
    "bad UTF-8 in a key": b'{"na\xffme":"a"}',
    "a surrogate in UTF-8": b'{"name":"\xed\xa0\x80"}',
    "a lone high surrogate": b'{"name":"\\ud800"}',
    "a lone low surrogate": b'{"name":"\\udc00"}',
    "surrogates the wrong way round": b'{"name":"\\udc00\\ud800"}',
    "two high surrogates": b'{"name":"\\ud800\\ud800"}',
    "a high surrogate and a letter": b'{"name":"\\ud800a"}',
    "a high surrogate in a key": b'{"\\ud800":"a"}',
    "an escape cut short": b'{"name":"\\u12"}',
    "an escape that is none": b'{"name":"\\x41"}',
    "a truncated UTF-8 sequence": b'{"name":"\xe6\xbc"}',
    "a NUL in a text": b'{"name":"a\\u0000b"}',
    "a NUL in a key": b'{"na\\u0000me":"a"}',
    "a raw NUL": b'{"name":"a\x00b"}',
    "a raw control character": b'{"name":"a\x01"}',
    "a byte order mark": b'\xef\xbb\xbf{"name":"a"}',
    "UTF-16": '{"name":"a"}'.encode("utf-16"),
    "a number over 64 bits": json.dumps(PLAN | {"amount": 2**64}).encode(),
    "a number one over 64 bits": json.dumps(PLAN | {"amount": 2**63}).encode(),
    "a number below 64 bits": json.dumps(PLAN | {"amount": -(2**63) - 1}).encode(),
    "a number of 10,000 digits": b'{"name":"a","amount":' + b"9" * 10_000 + b"}",
    "1e999": b'{"name":"a","amount":1e999}',
    "-1e999": b'{"name":"a","amount":-1e999}',
    "1E400": b'{"name":"a","amount":1E400}',
    "1E400 for a text": b'{"name":1E400}',
    "1e999 in a map": b'{"name":"a","metadata":{"k":1e999}}',
    "1e999 where nothing is known": b'{"name":"a","x":[1e999]}',
    "NaN": b'{"name":"a","amount":NaN}',
    "Infinity": b'{"name":"a","amount":Infinity}',
    "a hexadecimal number": b'{"name":"a","amount":0x10}',
    "a leading zero": b'{"name":"a","amount":01}',
    "a plus": b'{"name":"a","amount":+1}',
    "a number without digits": b'{"name":"a","amount":-}',
    "a fraction without digits": b'{"name":"a","amount":1.}',
    "spaces alone": b" " * 10_000,
    "line ends alone": b"\r\n\r\n",
    "a NUL alone": b"\0",
    "a NUL behind the end": b'{"name":"a"}\0',
    "a megabyte of brackets": b"[" * MIB,
    "brackets too deep": b'{"name":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "objects too deep": b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
}


@pytest.mark.parametrize("data", NOT_JSON.values(), ids=NOT_JSON.keys())
def test_what_is_no_json_object_is_malformed(one, data):
    """400, and the errors say where reading stopped."""
    answer = one.refused(400, "malformed-json", "POST", "/v1/customers", data=data)
    assert answer.json()["errors"], answer.text


def test_a_body_that_is_cut_anywhere_is_malformed(one):
    """After each byte: no piece of a plan is taken for one, and none hurts."""
    body = json.dumps(PLAN | {"metadata": {"k\u00e9": "\\\ud83d\ude42"}, "trial_days": 10}).encode()
    for end in range(1, len(body)):
        one.refused(400, "malformed-json", "POST", "/v1/plans", data=body[:end])


# What is JSON and breaks the schema: 422 invalid-body with the pointers of all faults.
INVALID = {
    "nothing given": ("plans", {}, ["/code", "/name", "/currency", "/interval", ""]),
    "an empty body": ("customers", b"", ["/name"]),
    "an unknown field": ("customers", CUSTOMER | {"nmae": "x"}, ["/nmae"]),
    "a field of the ingress": ("customers", CUSTOMER | {"meta": {}}, ["/meta"]),
    "an unknown field whose name needs escaping": ("customers", CUSTOMER | {"a/b~c": 1}, ["/a~1b~0c"]),
    "a missing field": ("plans", {k: v for k, v in PLAN.items() if k != "code"}, ["/code"]),
    "neither an amount nor charges": ("plans", {k: v for k, v in PLAN.items() if k != "amount"}, [""]),
    "a null that must be given": ("customers", {"name": None}, ["/name"]),
    "a number for a text": ("customers", {"name": 5}, ["/name"]),
    "a text for a number": ("plans", PLAN | {"amount": "1"}, ["/amount"]),
    "a fraction": ("plans", PLAN | {"amount": 1.5}, ["/amount"]),
    "a whole number written as a fraction": ("plans", PLAN | {"amount": 1.0}, ["/amount"]),
    "a boolean for a number": ("plans", PLAN | {"amount": True}, ["/amount"]),
    "an object for a text": ("customers", {"name": {}}, ["/name"]),
    "an array for a map": ("customers", CUSTOMER | {"metadata": []}, ["/metadata"]),
    "a number in a map of texts": ("customers", CUSTOMER | {"metadata": {"a": 1}}, ["/metadata/a"]),
    "a null in a map of texts": ("customers", CUSTOMER | {"metadata": {"a": None}}, ["/metadata/a"]),
    "the largest integer": ("plans", PLAN | {"amount": 2**63 - 1}, ["/amount"]),
    "the smallest integer": ("plans", PLAN | {"amount": -(2**63)}, ["/amount"]),
    "an integer with an exponent": (
        "plans",
        b'{"amount":1e2}',
        ["/amount", "/code", "/name", "/currency", "/interval"],
    ),
    "a fraction next to nothing": (
        "plans",
        b'{"amount":1e-999}',
        ["/amount", "/code", "/name", "/currency", "/interval"],
    ),
    "minus nothing": ("customers", b'{"name":-0.0}', ["/name"]),
    "a negative amount": ("plans", PLAN | {"amount": -1}, ["/amount"]),
    "an amount over the limit": ("plans", PLAN | {"amount": 10**15}, ["/amount"]),
    "a count of 0": ("plans", PLAN | {"interval_count": 0}, ["/interval_count"]),
    "a count over the limit": ("plans", PLAN | {"interval_count": 3661}, ["/interval_count"]),
    "a count over 32 bits": ("plans", PLAN | {"interval_count": 2**32 + 1}, ["/interval_count"]),
    "an unknown interval": ("plans", PLAN | {"interval": "Month"}, ["/interval"]),
    "a line end in a name": ("customers", {"name": "a\nb"}, ["/name"]),
    "a control character in metadata": ("customers", CUSTOMER | {"metadata": {"a": "\t"}}, ["/metadata/a"]),
    "an empty name": ("customers", {"name": ""}, ["/name"]),
    "a name too long": ("customers", {"name": "x" * 201}, ["/name"]),
    "a name too long in code points": ("customers", {"name": "🙂" * 201}, ["/name"]),
    "an external_id too long": ("customers", CUSTOMER | {"external_id": "x" * 256}, ["/external_id"]),
    "an empty external_id": ("customers", CUSTOMER | {"external_id": ""}, ["/external_id"]),
    "an e-mail without an at": ("customers", CUSTOMER | {"email": "ada.example.com"}, ["/email"]),
    "an unknown currency": ("customers", CUSTOMER | {"currency": "ZZZ"}, ["/currency"]),
    "a currency in lower case": ("customers", CUSTOMER | {"currency": "usd"}, ["/currency"]),
    "an unknown country": ("customers", CUSTOMER | {"country": "XX"}, ["/country"]),
    "an unknown time zone": ("customers", CUSTOMER | {"timezone": "Mars/Olympus"}, ["/timezone"]),
    "a path as a time zone": ("customers", CUSTOMER | {"timezone": "../etc/passwd"}, ["/timezone"]),
    "a code with a space": ("plans", PLAN | {"code": "a b"}, ["/code"]),
    "a code that begins with a dash": ("plans", PLAN | {"code": "-a"}, ["/code"]),
    "too many pairs": ("customers", CUSTOMER | {"metadata": {f"k{i}": "" for i in range(51)}}, ["/metadata"]),
    "a key too long": ("customers", CUSTOMER | {"metadata": {"k" * 41: "v"}}, ["/metadata/" + "k" * 41]),
    "a value too long": ("customers", CUSTOMER | {"metadata": {"k": "v" * 501}}, ["/metadata/k"]),
    "no UUID": ("subscriptions", {"customer_id": "1", "plan_code": "p"}, ["/customer_id"]),
    "a UUID and more": ("subscriptions", {"customer_id": GHOST + "0", "plan_code": "p"}, ["/customer_id"]),
    "neither plan": ("subscriptions", {"customer_id": GHOST}, [""]),
    "both plans": ("subscriptions", {"customer_id": GHOST, "plan_id": GHOST, "plan_code": "p"}, [""]),
    "an unknown way to cancel": (f"subscriptions/{GHOST}/cancel", {"effective": "later"}, ["/effective"]),
    "a coupon of nothing": ("coupons", {}, ["/code", "/name", ""]),
    "a coupon of both": ("coupons", COUPON | {"amount_off": 1}, [""]),
    "a percentage as a fraction": ("coupons", COUPON | {"percent_off": 12.5}, ["/percent_off"]),
    "a percentage of 5 places": ("coupons", COUPON | {"percent_off": "1.23456"}, ["/percent_off"]),
    "a percentage with a sign for it": ("coupons", COUPON | {"percent_off": "20 %"}, ["/percent_off"]),
    "a percentage with an exponent": ("coupons", COUPON | {"percent_off": "1e1"}, ["/percent_off"]),
    "an unknown duration": ("coupons", COUPON | {"duration": "twice"}, ["/duration"]),
    "no periods": ("coupons", COUPON | {"duration_periods": 0}, ["/duration_periods"]),
    "no redemptions": ("coupons", COUPON | {"max_redemptions": 0}, ["/max_redemptions"]),
    "a day for a moment": ("coupons", COUPON | {"redeem_by": "2099-12-31"}, ["/redeem_by"]),
    "no plan's id": ("coupons", COUPON | {"plan_ids": [GHOST, "p"]}, ["/plan_ids/1"]),
    "a plan twice": ("coupons", COUPON | {"plan_ids": [GHOST, GHOST]}, ["/plan_ids/1"]),
    "too many plans": ("coupons", COUPON | {"plan_ids": [GHOST[:-3] + f"{i:03}" for i in range(101)]}, ["/plan_ids"]),
    "a coupon's name too long": ("coupons", COUPON | {"name": "x" * 201}, ["/name"]),
    "a tax rate of nothing": ("tax-rates", {}, ["/code", "/name", "/percentage"]),
    "a rate that may be inclusive": ("tax-rates", RATE | {"inclusive": "no"}, ["/inclusive"]),
    "a rate with a comma": ("tax-rates", RATE | {"percentage": "19,6"}, ["/percentage"]),
    "a rate of nowhere": ("tax-rates", RATE | {"country": "XX"}, ["/country"]),
    "an item of nothing": (ITEMS, {}, ["/amount", "/description"]),
    "an item that gives": (ITEMS, ITEM | {"amount": -1}, ["/amount"]),
    "an item in no currency": (ITEMS, ITEM | {"currency": "usd"}, ["/currency"]),
    "an item's rates too many": (
        ITEMS,
        ITEM | {"tax_rate_ids": [GHOST[:-1] + str(i) for i in range(6)]},
        ["/tax_rate_ids"],
    ),
    "an item for somebody else": (ITEMS, ITEM | {"customer_id": GHOST}, ["/customer_id"]),
    "a credit of 0": (CREDITS, ITEM | {"amount": 0}, ["/amount"]),
    "a credit over the limit": (CREDITS, ITEM | {"amount": 10**15}, ["/amount"]),
    "a credit taken back over the limit": (CREDITS, ITEM | {"amount": -(10**15)}, ["/amount"]),
    "a credit without a reason": (CREDITS, {"amount": 1}, ["/description"]),
    "a payment by nothing": (PAY, {}, ["/payment_method"]),
    "a payment of nothing": (PAY, {"payment_method": "manual", "amount": 0}, ["/amount"]),
    "a payment back": (PAY, {"payment_method": "manual", "amount": -1}, ["/amount"]),
    "a payment without a name": (PAY, {"payment_method": "manual", "reference": ""}, ["/reference"]),
    "a reference too long": (PAY, {"payment_method": "manual", "reference": "x" * 256}, ["/reference"]),
    "a payment with its outcome": (PAY, {"payment_method": "manual", "outcome": "succeeded"}, ["/outcome"]),
    "a note of nothing": ("credit-notes", {}, ["/invoice_id"]),
    "a note's line without an amount": ("credit-notes", NOTE | {"lines": [{"line_id": GHOST}]}, ["/lines/0/amount"]),
    "a note's line over 0": ("credit-notes", NOTE | {"lines": [LINE, LINE | {"amount": 0}]}, ["/lines/1/amount"]),
    "a note's line that is none": ("credit-notes", NOTE | {"lines": [1]}, ["/lines/0"]),
    "a note's line with more": ("credit-notes", NOTE | {"lines": [LINE | {"tax": 1}]}, ["/lines/0/tax"]),
    "a note's lines too many": ("credit-notes", NOTE | {"lines": [LINE] * 229}, ["/lines"]),
    "a refund that may be": ("credit-notes", NOTE | {"refund": 1}, ["/refund"]),
    "voiding with a reason": (f"invoices/{GHOST}/void", {"reason": "x"}, ["/reason"]),
    "giving up with an amount": (f"invoices/{GHOST}/mark_uncollectible", {"amount": 1}, ["/amount"]),
}


@pytest.mark.parametrize(("path", "body", "pointers"), INVALID.values(), ids=INVALID.keys())
def test_what_breaks_the_schema_is_invalid(one, path, body, pointers):
    """422, with the pointer of each fault."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    one.refused(422, "invalid-body", "POST", f"/v1/{path}", data=data, pointers=pointers)


def test_all_faults_are_told_at_once(one):
    """Seven faults in one body: seven errors."""
    body = {"code": "", "name": 5, "currency": "ZZZ", "interval": "moon", "interval_count": -1, "x": 1}
    pointers = ["/code", "/name", "/currency", "/interval", "/interval_count", "", "/x"]
    one.refused(422, "invalid-body", "POST", "/v1/plans", body, pointers=pointers)


@pytest.mark.parametrize("body", [{f"{i:x}": 1 for i in range(100_000)}, CUSTOMER | {"x": [{}] * 100_000}])
def test_very_many_faults_are_bounded(one, body):
    """100,000 unknown fields are one answer of bounded size, and so are as many values where none may be."""
    data = json.dumps(body, separators=(",", ":")).encode()
    answer = one.refused(422, "invalid-body", "POST", "/v1/customers", data=data)
    assert 0 < len(answer.json()["errors"]) <= 100 and len(answer.content) < 64_000


def test_names_as_long_as_a_body_are_bounded(one):
    """Their faults are told of what holds them; a name of 16,000 characters is told as it is."""
    for length, count in ((MIB - 10, 1), (16_000, 60), (200, 4000)):
        data = b"{" + b",".join(b'"%0*d":1' % (length, i) for i in range(count)) + b"}"
        answer = one.refused(422, "invalid-body", "POST", "/v1/customers", data=data)
        assert len(answer.json()["errors"]) <= 100 and len(answer.content) <= 1.1 * MIB


def test_a_megabyte_of_escapes_is_read(one):
    """In a value, and in 60,000 names, each of which must be compared with the others."""
    escapes = b'{"name":"' + b"\\u0041" * ((MIB - 11) // 6) + b'"}'
    one.refused(422, "invalid-body", "POST", "/v1/customers", data=escapes, pointers=["/name"])
    keys = b'{"metadata":{' + b",".join(b'"\\u00%02x%d":""' % (32 + i % 90, i) for i in range(60_000)) + b"}}"
    one.refused(422, "invalid-body", "POST", "/v1/customers", data=keys, pointers=["/name", "/metadata"])


@pytest.mark.parametrize(
    "name", ["x" * 200, "🙂" * 200, " ", "O'Brien; DROP TABLE billd.customers; --", "\u200b\ufeff\uffff"]
)
def test_what_is_odd_and_within_the_rules_is_kept_as_it_is(org, name):
    """Up to 200 code points of anything but control characters."""
    assert org.get(f"/v1/customers/{org.customer(name=name)}")["name"] == name


@pytest.mark.parametrize(
    "content_type", [None, "text/plain", "application/xml", "application/jsonx", "multipart/form-data", ""]
)
def test_a_body_that_is_not_declared_as_json_is_refused(one, content_type):
    """415 unsupported-media-type."""
    headers = {"Content-Type": content_type}
    one.refused(415, "unsupported-media-type", "POST", "/v1/customers", data=b'{"name":"a"}', headers=headers)


@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=utf-8", "Application/JSON"])
def test_json_may_be_declared_in_any_case_and_with_parameters(org, content_type):
    """202."""
    org.send("POST", "/v1/customers", data=b'{"name":"a"}', headers={"Content-Type": content_type})


def test_a_body_over_1_mib_is_too_large(one):
    """413 with a length that says so and with chunks that add up to it; 1 MiB exactly is only read."""
    fat = b'{"name":"' + b"x" * MIB + b'"}'
    one.twin().refused(413, "body-too-large", "POST", "/v1/customers", data=fat)
    one.twin().refused(
        413,
        "body-too-large",
        "POST",
        "/v1/customers",
        data=iter([fat[i : i + 65536] for i in range(0, len(fat), 65536)]),
    )
    exact = b'{"name":"' + b"x" * (MIB - 11) + b'"}'
    assert len(exact) == MIB
    one.refused(422, "invalid-body", "POST", "/v1/customers", data=exact, pointers=["/name"])


@pytest.mark.parametrize(
    "path",
    ["/", "/v1", "/v1/", "/v2/customers", "/v1/customers/", "/v1/customer", "/v1/customers/" + GHOST + "/x",
     "/v1/customers/not-a-uuid", "/v1/operations/1", "/docs/problems/none-such", "/docs/../etc/passwd",
     "/docs/%2e%2e/%2e%2e/etc/passwd", "/v1/customers/" + GHOST + "%00", "/v1/customers%2f" + GHOST,
     "/v1/coupons/WELCOME20", "/v1/tax_rates", "/v1/items", "/v1/credits", "/v1/refunds",
     f"/v1/invoices/{GHOST}/refund", f"/v1/customers/{GHOST}/payments", f"/v1/journal/{GHOST}"],
)  # fmt: skip
def test_an_unknown_path_is_not_found(one, path):
    """404 not-found."""
    one.refused(404, "not-found", "GET", path)


@pytest.mark.parametrize("kind", [*KINDS, "operations", "items", "credits"])
def test_an_unknown_id_is_not_found(one, kind):
    """404 not-found."""
    one.refused(404, "not-found", "GET", f"/v1/{kind}/{uuid.uuid4()}")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/v1/customers", {"GET", "POST"}),
        ("DELETE", "/v1/customers", {"GET", "POST"}),
        ("POST", f"/v1/customers/{GHOST}", {"GET", "PATCH", "DELETE"}),
        ("GET", f"/v1/subscriptions/{GHOST}/cancel", {"POST"}),
        ("DELETE", f"/v1/invoices/{GHOST}", {"GET"}),
        ("PATCH", f"/v1/coupons/{GHOST}", {"GET", "DELETE"}),
        ("PUT", f"/v1/tax-rates/{GHOST}", {"GET", "DELETE"}),
        ("PATCH", f"/v1/items/{GHOST}", {"GET", "DELETE"}),
        ("DELETE", f"/v1/credits/{GHOST}", {"GET"}),
        ("DELETE", f"/v1/credit-notes/{GHOST}", {"GET"}),
        ("POST", f"/v1/payments/{GHOST}", {"GET"}),
        ("POST", "/v1/payments", {"GET"}),
        ("POST", f"/v1/invoices/{GHOST}/payments", {"GET"}),
        ("GET", f"/v1/{PAY}", {"POST"}),
        ("DELETE", f"/v1/invoices/{GHOST}/void", {"POST"}),
        ("POST", "/v1/journal", {"GET"}),
        ("POST", "/health", {"GET"}),
        ("POST", "/v1/events", {"GET"}),
    ],
)
def test_a_wrong_method_is_told_the_right_ones(one, method, path, allowed):
    """405 with Allow."""
    answer = one.refused(405, "method-not-allowed", method, path)
    told = {name.strip() for name in answer.headers["Allow"].split(",")}
    assert allowed <= told <= allowed | {"HEAD", "OPTIONS"}


def test_a_method_that_nobody_knows_is_refused(one):
    """400, 405 or 501, and never taken for another."""
    assert one.request("BREW", "/v1/plans", {"code": "x"}).status_code in (400, 405, 501)


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer ", "Bearer x", "Basic dXNlcjpwYXNz", "Bearer billd_live_" + "A" * 43,
     "Bearer billd_live_" + "A" * 100_0, "Bearer ../../etc"],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_without_a_valid_key_nothing_is_told(one, method, authorization):
    """401 with WWW-Authenticate, also for a path with an id and with a bad body."""
    headers = {"Authorization": authorization}
    answer = one.refused(401, "unauthorized", method, "/v1/customers", headers=headers)
    assert "Bearer" in answer.headers["WWW-Authenticate"]
    one.refused(401, "unauthorized", "GET", f"/v1/customers/{GHOST}", headers=headers)


@pytest.mark.parametrize("limit", ["0", "101", "-1", "x", "", "1.5", "99999999999999999999", "1 "])
def test_a_bad_limit_is_refused(one, limit):
    """1 to 100."""
    one.refused(400, "bad-parameter", "GET", "/v1/customers", params={"limit": limit})


@pytest.mark.parametrize("query", ["?colour=red", "?limit=1&limit=2"])
def test_a_query_that_means_nothing_is_refused(one, query):
    """An unknown or repeated parameter would otherwise be silently ignored."""
    one.refused(400, "bad-parameter", "GET", "/v1/customers" + query)


@pytest.mark.parametrize("cursor", ["x", "", "AAAA", "A" * 34, "A" * 5000, "%%%", "🙂"])
@pytest.mark.parametrize("kind", [*KINDS, "journal", *OF_ANOTHER])
def test_a_bad_cursor_is_refused(one, kind, cursor):
    """400 bad-cursor."""
    one.refused(400, "bad-cursor", "GET", f"/v1/{kind}", params={"cursor": cursor})


def test_a_cursor_of_another_list_is_refused(org):
    """A cursor goes on in the list that gave it."""
    for _ in range(2):
        org.customer()
    cursor = org.get("/v1/customers", params={"limit": 1})["next_cursor"]
    for kind in ["plans", "invoices", "coupons", "tax-rates", "payments", "credit-notes", "journal", *OF_ANOTHER]:
        org.refused(400, "bad-cursor", "GET", f"/v1/{kind}", params={"cursor": cursor})
    org.refused(400, "bad-cursor", "GET", "/v1/events", params={"after": cursor})


@pytest.mark.parametrize("key", ["", "x" * 256, "ä", "a b", "a\tb"])
def test_a_bad_idempotency_key_is_refused(one, key):
    """1 to 255 visible ASCII characters."""
    headers = {"Idempotency-Key": key.encode()}
    one.refused(400, "bad-idempotency-key", "POST", "/v1/customers", CUSTOMER, headers=headers)


def test_a_key_of_255_characters_is_good(org):
    """The limit itself."""
    org.send("POST", "/v1/customers", CUSTOMER, headers={"Idempotency-Key": "~" * 255})


def test_a_body_where_none_is_wanted_breaks_nothing(org):
    """A GET with a body is answered; an archiving with fields is told that they are unknown."""
    customer_id = org.customer()
    assert org.get(f"/v1/customers/{customer_id}", data=b'{"a":1}')["id"] == customer_id
    org.refused(422, "invalid-body", "DELETE", f"/v1/customers/{customer_id}", {"a": 1}, pointers=["/a"])
    assert org.get(f"/v1/customers/{customer_id}")["archived_at"] is None
