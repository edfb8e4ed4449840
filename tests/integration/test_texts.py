"""Texts that mean something to somebody on the way come back as they were sent, in every text field that there is."""

import json
import uuid

import pytest
from people import invite, members_path, new_email, new_password
from programs import ROOT

ODD_TEXTS = {
    "SQL": "'; DROP TABLE identity.users; --",
    "SQL of a comment": "\\' OR 1=1 /* \" `$$ $1 ?",
    "four bytes": "\U0001f642\U00010348\U0010fffd",
    "formats and markup": "%s%n {0} <script>&amp;</script>",
}


def text_fields(kind):
    """(schema's name, field) of what takes any text: without a format, an id, or an enum."""
    found = []
    for path in sorted((ROOT / "schemas" / kind).glob("*.avsc")):
        schema = json.loads(path.read_text())
        for field in schema["fields"]:
            kinds = field["type"] if isinstance(field["type"], list) else [field["type"]]
            texts = "string" in kinds and field.get("format") in (None, "code")
            maps = any(isinstance(one, dict) and one["type"] == "map" for one in kinds)
            if (texts or maps) and field.get("in") is None:
                found.append((schema["name"], field["name"], "map" if maps else field.get("format", "text")))
    return found


class Texts:
    """How to send a text in a field of each schema, and what came of it: the stored text, or None where none is."""

    def __init__(self, stack):
        self.stack, self.person = stack, stack.person()
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

    def table(self):
        customer = {"name": "Ada"}
        plan = {"name": "P", "currency": "USD", "interval": "day", "amount": 1}
        codes = iter(range(10**6))
        organisation = {"name": "O", "currency": "USD", "timezone": "Etc/UTC"}
        home = f"/v1/organisations/{self.home.organisation_id}"
        update_customer = f"/v1/customers/{self.second.customer()}"
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
        }


@pytest.fixture(scope="module")
def texts(stack):
    return Texts(stack).table()


FIELDS = text_fields("actions") + text_fields("commands")


@pytest.mark.parametrize("text", ODD_TEXTS.values(), ids=ODD_TEXTS.keys())
@pytest.mark.parametrize(("schema", "field", "kind"), FIELDS, ids=[f"{row[0]}.{row[1]}" for row in FIELDS])
def test_odd_texts_are_themselves(stack, texts, schema, field, kind, text):
    """They come back as they were sent, or name nothing; what a field cannot hold is refused at its place."""
    assert schema in texts or kind == "code", "a new schema: say how it is sent"
    if kind == "code":
        sender = {
            "CreatePlan": "/v1/plans",
            "CreateSubscription": "/v1/subscriptions",
            "PreviewInvoice": "/v1/invoices/preview",
            "ReportQuantity": f"/v1/subscriptions/{uuid.UUID(int=1)}/quantities",
        }[schema]
        answer = stack.organisation().refused(422, "invalid-body", "POST", sender, {field: text})
        assert f"/{field}" in [fault["pointer"] for fault in answer.json()["errors"]]
        return
    value = {"key": text, text: "value"} if kind == "map" else text
    stored = texts[schema](field, value)
    if kind == "map":
        assert {name: stored[name] for name in value} == value
    else:
        assert stored == text


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
