"""Texts that mean something to somebody on the way come back as they were sent, in every text field that there is."""

import json
import uuid

import pytest
from billing import Life, charge
from money import (
    APRIL,
    MAY,
    coupon_of,
    fail_to_pay,
    invoice_of,
    note_of,
    one_off,
    path_of,
    pay,
    payments_of,
    provider_away,
    rate_of,
    tell,
    unknown,
)
from people import invite, members_path, new_email, new_password
from programs import ROOT

ODD_TEXTS = {
    "SQL": "'; DROP TABLE identity.users; --",
    "SQL of a comment": "\\' OR 1=1 /* \" `$$ $1 ?",
    "four bytes": "\U0001f642\U00010348\U0010fffd",
    "formats and markup": "%s%n {0} <script>&amp;</script>",
}

# What a worker tells another, of two words and of hexadecimal digits: nobody's text gets there.
NOBODYS = {("FinishBillingRun", "digest"), ("FinishBillingRun", "books")}


def text_fields(kind):
    """(schema's name, field) of what takes any text: without a format, an id, or an enum."""
    found = []
    for path in sorted((ROOT / "schemas" / kind).glob("*.avsc")):
        schema = json.loads(path.read_text())
        for field in schema["fields"]:
            kinds = field["type"] if isinstance(field["type"], list) else [field["type"]]
            texts = "string" in kinds and field.get("format") in (None, "code")
            maps = any(isinstance(one, dict) and one["type"] == "map" for one in kinds)
            lists = any(isinstance(one, dict) and one.get("items") == "string" for one in kinds)
            nobodys = (schema["name"], field["name"]) in NOBODYS
            if (texts or maps or lists) and field.get("in") is None and not nobodys:
                kind = "map" if maps else field.get("format", "text")
                found.append((schema["name"], field["name"], f"list of {kind}s" if lists else kind))
    return found


def lengths(kind):
    """(schema's name, field, the most characters it may have) of the texts of text_fields."""
    texts = {row[:2] for row in text_fields(kind) if row[2] == "text"}
    for path in sorted((ROOT / "schemas" / kind).glob("*.avsc")):
        schema = json.loads(path.read_text())
        for field in schema["fields"]:
            if (schema["name"], field["name"]) in texts:
                yield schema["name"], field["name"], field["maxLength"]


class Texts:
    """How to send a text in a field of each schema, and what came of it: the stored text, or None where none is."""

    def __init__(self, stack, wire):
        self.stack, self.wire, self.person = stack, wire, stack.person()
        self.home = stack.person().found()  # another's, whose sessions stay
        self.second = stack.organisation()  # external ids of updates are not those of creations
        self.plan_id = self.home.plan()

    def command(self, client, kind, method, path, base):
        def send(field, value):
            resource_id = client.succeed(method, path, base() | {field: value})
            return client.get(f"/v1/{kind}/{resource_id}")[field]

        return send

    def action(self, method, path, base):
        def send(field, value):
            document = self.home.request(method, path, base() | {field: value})
            assert document.status_code in (200, 201), document.text
            return document.json().get(field)

        return send

    def register(self, field, value):
        person = self.stack.nobody()
        if field == "invitation_token":
            person.refused_registration(409, "bad-invitation", invitation_token=value)
            assert person.try_log_in().status_code == 401, "the user is there, without the invitation"
            return value
        sent = value + person.password if field == "password" else value
        user = person.register(**{field: sent})
        person.password = sent if field == "password" else person.password
        person.log_in()
        return value if field == "password" else user[field]

    def log_in(self, field, value):
        answer = self.person.try_log_in(**{field: value})
        assert answer.status_code == 401, answer.text
        return value

    def token(self, path, status):
        def send(field, value):
            answer = self.person.request("POST", path, {field: value})
            assert answer.status_code == status, answer.text
            return value

        return send

    def change_password(self, field, value):
        new = value + new_password()
        if field == "current_password":
            assert self.person.try_change(new, current=value).status_code in (401, 403)
            return value
        assert self.person.try_change(new).status_code == 204
        self.person.password = new
        self.person.log_in()
        return value

    def invoice(self):
        """An open one over 2900."""
        customer_id = self.home.customer()
        self.home.subscription(customer_id, self.plan_id)
        return self.home.invoices_of(customer_id)[0]

    def pay(self, field, value):
        invoice = self.invoice()
        if field == "payment_method":
            fail_to_pay(self.home, "payment-method-unknown", invoice, value)
            assert payments_of(self.home, invoice) == []
            return value
        pay(self.home, invoice, "manual", **{field: value})
        return payments_of(self.home, invoice)[0][field]

    def record_outcome(self, field, value):
        """Of a payment that nobody else tells of: the provider is away. What books it would be declined, too."""
        home, invoice = self.home, self.invoice()
        with provider_away(self.stack):
            asked = home.send("POST", path_of(invoice, "pay"), {"payment_method": "sim_declined"})
            unknown(home, invoice)
            told = tell(home, self.wire, payments_of(home, invoice)[0], "failed", **{field: value})
            assert home.outcome(told, from_topic=True)["status"] == "succeeded"
        problem = home.failed(asked["operation_id"], "payment-declined")
        assert problem["detail"] == value or field == "reference"
        return payments_of(home, invoice)[0][field]

    def table(self):
        customer = {"name": "Ada"}
        plan = {"name": "P", "currency": "USD", "interval": "day", "amount": 1}
        codes = iter(range(10**6))
        organisation = {"name": "O", "currency": "USD", "timezone": "Etc/UTC"}
        home = f"/v1/organisations/{self.home.organisation_id}"
        update_customer = f"/v1/customers/{self.second.customer()}"
        charged = f"/v1/customers/{self.home.customer()}"
        coupon, rate = {"name": "C", "percent_off": "20"}, {"name": "T", "percentage": "19"}
        return {
            "CreateCustomer": self.command(self.home, "customers", "POST", "/v1/customers", lambda: customer),
            "UpdateCustomer": self.command(self.second, "customers", "PATCH", update_customer, dict),
            "CreatePlan": self.command(
                self.home, "plans", "POST", "/v1/plans", lambda: plan | {"code": f"odd-{next(codes)}"}
            ),
            "UpdatePlan": self.command(self.home, "plans", "PATCH", f"/v1/plans/{self.plan_id}", dict),
            "CreateSubscription": self.command(
                self.home,
                "subscriptions",
                "POST",
                "/v1/subscriptions",
                lambda: {"customer_id": self.home.customer(), "plan_id": self.plan_id},
            ),
            "CreateOrganisation": self.action("POST", "/v1/organisations", lambda: organisation),
            "UpdateOrganisation": self.action("PATCH", home, dict),
            "CreateApiKey": self.action("POST", "/v1/api-keys", lambda: {"name": "k", "role": "viewer"}),
            "Register": self.register,
            "LogIn": self.log_in,
            "Refresh": self.token("/v1/auth/refresh", 401),
            "LogOut": self.token("/v1/auth/logout", 204),
            "ChangePassword": self.change_password,
            "AcceptInvitation": self.token("/v1/invitations/accept", 409),
            "CreateTestClock": self.command(
                self.home, "test-clocks", "POST", "/v1/test-clocks", lambda: {"now": "2026-01-01T00:00:00Z"}
            ),
            "CreateCoupon": self.command(
                self.home, "coupons", "POST", "/v1/coupons", lambda: coupon | {"code": f"odd-{next(codes)}"}
            ),
            "CreateTaxRate": self.command(
                self.home, "tax-rates", "POST", "/v1/tax-rates", lambda: rate | {"code": f"odd-{next(codes)}"}
            ),
            "CreateItem": self.command(
                self.home, "items", "POST", f"{charged}/items", lambda: {"amount": 1, "description": "I"}
            ),
            "GiveCredit": self.command(
                self.home, "credits", "POST", f"{charged}/credits", lambda: {"amount": 1, "description": "G"}
            ),
            "CreateCreditNote": self.command(
                self.home, "credit-notes", "POST", "/v1/credit-notes", lambda: {"invoice_id": self.invoice()["id"]}
            ),
            "PayInvoice": self.pay,
            "RecordPaymentOutcome": self.record_outcome,
        }


@pytest.fixture(scope="module")
def texts(stack, wire):
    return Texts(stack, wire).table()


FIELDS = text_fields("actions") + text_fields("commands")


@pytest.mark.parametrize("text", ODD_TEXTS.values(), ids=ODD_TEXTS.keys())
@pytest.mark.parametrize(("schema", "field", "kind"), FIELDS, ids=[f"{row[0]}.{row[1]}" for row in FIELDS])
def test_odd_texts_are_themselves(stack, texts, schema, field, kind, text):
    """They come back as they were sent, or name nothing; what a field cannot hold is refused at its place."""
    of_codes = kind in ("code", "list of codes")
    assert schema in texts or of_codes, "a new schema: say how it is sent"
    if of_codes:
        sender = {
            "CreateCoupon": "/v1/coupons",
            "CreatePlan": "/v1/plans",
            "CreateTaxRate": "/v1/tax-rates",
            "CreateSubscription": "/v1/subscriptions",
            "PreviewInvoice": "/v1/invoices/preview",
            "ReportQuantity": f"/v1/subscriptions/{uuid.UUID(int=1)}/quantities",
        }[schema]
        wish, pointer = (text, f"/{field}") if kind == "code" else ([text], f"/{field}/0")
        answer = stack.organisation().refused(422, "invalid-body", "POST", sender, {field: wish})
        assert pointer in [fault["pointer"] for fault in answer.json()["errors"]]
        return
    value = {"key": text, text: "value"} if kind == "map" else text
    stored = texts[schema](field, value)
    if kind == "map":
        assert {name: stored[name] for name in value} == value
    else:
        assert stored == text


LENGTHS = list(lengths("commands"))


@pytest.mark.parametrize(("schema", "field", "length"), LENGTHS, ids=[f"{row[0]}.{row[1]}" for row in LENGTHS])
def test_texts_of_full_length_are_themselves(texts, schema, field, length):
    """As many characters as there may be, of four bytes each; nothing on the way counts bytes and cuts."""
    text = "\U0001f642" * length
    assert texts[schema](field, text) == text


@pytest.mark.parametrize("text", [*ODD_TEXTS.values(), "\U0001f642" * 200], ids=[*ODD_TEXTS.keys(), "full length"])
def test_odd_texts_are_themselves_in_documents(org, text):
    """Names of a plan, charge, coupon and tax rate, an item and two reasons: on an invoice and its credit note, and in
    what events tell of them.
    """
    coupon = coupon_of(org, name=text, percent_off="10", duration="forever")
    rate_id = rate_of(org, "19", name=text)
    plan = {"name": text, "charges": [charge("flat", "base", "advance", name=text, amount=1000)]}
    life = Life(org, APRIL, plan, customer={"name": text, "tax_rate_ids": [rate_id]}, coupon_codes=[coupon])
    one_off(org, life.customer_id, 500, description=text)
    invoice = invoice_of(org, life.to(MAY).customer_id)
    note = note_of(org, invoice, reason=text)
    assert (len(invoice["lines"]), len(note["lines"]), note["reason"]) == (2, 2, text)
    for line in invoice["lines"] + note["lines"]:
        assert text in line["description"], line
    assert [part["name"] for part in invoice["discounts"] + invoice["taxes"] + note["taxes"]] == [text] * 3
    exempt = org.customer(tax_exempt="reverse", tax_exempt_reason=text)
    org.subscription(exempt, life.plan_id)
    told = {event["subject"]: event["data"] for event in org.events()}
    for one in (invoice_of(org, life.customer_id), note, invoice_of(org, exempt)):
        assert told[one["id"]] == one
    assert invoice_of(org, exempt)["tax_exempt_reason"] == text


@pytest.mark.parametrize(
    "email", ["o'neill--; drop@example.com", '"a b"@example.com', "\U0001f642@example.com", "ä@bücher.example"]
)
def test_odd_emails_are_themselves_or_refused(stack, email):
    """Registered and known again, in an invitation too; or refused at the field everywhere."""
    person = stack.nobody(email=email.replace("@", new_email("n").split("@")[0] + "@"))
    home = stack.person().found()
    answer = person.try_register()
    if answer.status_code == 422:
        home.refused(
            422, "invalid-body", "POST", members_path(home), {"email": person.email, "role": "viewer"}, ["/email"]
        )
        return
    assert answer.status_code == 201 and answer.json()["email"] == person.email
    person.log_in()
    invited = invite(home, person.email, "viewer")
    assert invited["email"] == person.email
    person.accept(invited["token"])
    assert [member["email"] for member in home.all(members_path(home)) if member["role"] == "viewer"] == [person.email]
