"""What the load sends about money: coupons that several want the last of, taxes, items, credits, payments by every
method, voids, credit notes. What there is to pay callers find as customers do: by reading the API.
"""

import requests

LOOK_SECONDS = 10
WAIT_SECONDS = 2  # for a payment's outcome; longer than it takes, shorter than a fault
LOOK_MAX = 10  # invoices of one customer that are looked at
GROSS = 10_000_000  # minor units: a part is a share of what there is, up to so much
# name: the fields of a coupon; of those that are limited, a few subscriptions get one.
COUPONS = {
    "fifth": {"percent_off": "20", "duration": "forever"},
    "eighth": {"percent_off": "12.5", "duration": "repeating", "duration_periods": 3},
    "five": {"amount_off": 500, "currency": "USD", "duration": "repeating", "duration_periods": 2},
    "much": {"amount_off": 10**9, "currency": "USD", "duration": "once"},
}
LIMITED = {"percent_off": "50", "duration": "once", "max_redemptions": 4}
LIMITED_COUNT = 6  # coupons of an organisation
# name: the fields of a tax rate
TAX_RATES = {
    "vat": {"name": "VAT", "percentage": "19"},
    "city": {"name": "City", "percentage": "4.4375"},
    "gst": {"name": "GST", "percentage": "10", "inclusive": True, "country": "AU"},
}
FAILS = 2  # times, and then it succeeds:
FAILS_FIRST = f"sim_fail_n_then_ok:{FAILS}"
METHODS = (
    "sim_ok", "sim_ok", "sim_error", "sim_error", "sim_declined", "sim_insufficient_funds", FAILS_FIRST, "manual",
    "cheque",
)  # fmt: skip
PAYERS_MAX = 10  # who paid last, of a caller


def coupon_bodies(orderly):
    """[(name, body)]; who gets the last of a limited one hangs on the order between partitions."""
    bodies = {name: {"code": name, "name": name.title()} | body for name, body in COUPONS.items()}
    for number in range(0 if orderly else LIMITED_COUNT):
        bodies[f"limited-{number}"] = {"code": f"limited-{number}", "name": "Limited"} | LIMITED
    return list(bodies.items())


def tax_rate_bodies():
    return [(name, {"code": name} | body) for name, body in TAX_RATES.items()]


def series_begin(stack, tenant):
    """One of the organisations numbers its documents over all its customers."""
    settings = '{"invoice_numbering": "organisation", "invoice_prefix": "CHAOS", "net_terms_days": "14"}'
    stack.superuser(f"UPDATE identity.organisations SET settings = settings || '{settings}' WHERE id = '{tenant.id}'")


# What is chosen with others' requests


def some_rates(caller, tenant):
    """Up to two tax rates."""
    return caller.random.sample(sorted(tenant.rates.values()), caller.random.randrange(0, 3))


def some_coupons(caller, tenant):
    """Mostly none; sometimes one that several want, or one that is not there."""
    chance = caller.random.random()
    if chance < 0.5:
        return []
    if chance < 0.55:
        return ["no-such-coupon"]
    return caller.random.sample(sorted(tenant.coupons), caller.random.choice((1, 1, 1, 2)))


def of_a_customer(caller, tenant):
    """Fields of a customer."""
    body = {}
    if caller.random.random() < 0.4:
        body["tax_rate_ids"] = some_rates(caller, tenant)
    if caller.random.random() < 0.1:
        body |= {"tax_exempt": caller.random.choice(("exempt", "reverse")), "tax_exempt_reason": "Article 196"}
    if caller.random.random() < 0.1:
        body["net_terms_days"] = 30
    return body


def of_a_subscription(caller, tenant):
    """Fields of a subscription."""
    body = {"coupon_codes": some_coupons(caller, tenant)}
    if caller.random.random() < 0.2:
        body["tax_rate_ids"] = some_rates(caller, tenant)
    return {name: value for name, value in body.items() if value}


# Coupons and tax rates


def new_coupon(caller, customer):
    body = {"code": f"coupon-{caller.number}-{caller.random.randrange(50)}", "name": caller.text("Coupon")}
    return caller.post(customer, "/v1/coupons", body | caller.random.choice(list(COUPONS.values())))


def archive_coupon(caller, customer):
    """One of those whose last ones are wanted, so that it may be gone, too; mostly such as nobody knows any more."""
    coupons = customer.tenant.coupons
    limited = [one for code, one in coupons.items() if code.startswith("limited")]
    if not limited or caller.random.random() < 0.8:
        return new_coupon(caller, customer)
    return caller.request(customer, "DELETE", f"/v1/coupons/{caller.random.choice(limited)}")


def new_tax_rate(caller, customer):
    body = {"code": f"rate-{caller.number}-{caller.random.randrange(50)}", "name": caller.text("Rate")}
    return caller.post(customer, "/v1/tax-rates", body | {"percentage": caller.random.choice(("0", "7", "100"))})


def tax_customer(caller, customer):
    """Whose taxes change; also away from what it had."""
    body = {"tax_rate_ids": some_rates(caller, customer.tenant)} | of_a_customer(caller, customer.tenant)
    return caller.request(customer, "PATCH", f"/v1/customers/{customer.id}", body)


# Items and credits


def item(caller, customer):
    body = {"amount": caller.random.choice((1, 333, 4900, 10**7)), "description": caller.text("Setup")}
    if caller.random.random() < 0.3:
        body["tax_rate_ids"] = some_rates(caller, customer.tenant)
    return caller.post(customer, f"/v1/customers/{customer.id}/items", body)


def give_credit(caller, customer):
    """Given, and taken back; also more than there is."""
    amount = caller.random.choice((100, 2500, 2500, 100_000, -1, -700, -(10**9)))
    body = {"amount": amount, "description": caller.text("Goodwill")}
    return caller.post(customer, f"/v1/customers/{customer.id}/credits", body)


# Invoices


def invoices(caller, customer):
    """The customer's newest invoices as the API shows them; none where it does not answer."""
    path = f"{customer.tenant.client.url}/v1/customers/{customer.id}/invoices"
    headers = {"Authorization": f"Bearer {customer.tenant.client.key}"}
    try:
        answer = caller.session.get(path, params={"limit": LOOK_MAX}, headers=headers, timeout=LOOK_SECONDS)
        return answer.json()["data"] if answer.status_code == 200 else []
    except (requests.RequestException, ValueError):
        return []


def payer(caller, customer):
    """A customer who has had a subscription: the one at hand, or another one."""
    if customer.subscriptions or customer is caller.load.hot:
        return customer
    owners = [known for known in caller.known if known.subscriptions]
    return caller.random.choice(owners) if owners else customer


def chosen(caller, customer, is_wanted):
    """(customer, one of its invoices that is wanted), sometimes another one, None when it has none."""
    customer = payer(caller, customer)
    found = invoices(caller, customer)
    fitting = [one for one in found if is_wanted(one)]
    if not fitting and caller.random.random() < 0.3:
        fitting = found
    return customer, caller.random.choice(fitting) if fitting else None


def is_open(invoice):
    return invoice["status"] == "open"


def is_creditable(invoice):
    """Of which money came, mostly, so that some can go back."""
    return invoice["amount_paid"] > invoice["amount_refunded"]


def act(caller, customer, verb, body=None):
    customer, one = chosen(caller, customer, is_open)
    return caller.post(customer, f"/v1/invoices/{one['id']}/{verb}", body) if one else None


def pay_once_more(caller):
    """What failed the first times, as its method does."""
    customer, path, body = caller.failing.pop(0)
    return caller.post(customer, path, body)


def pay(caller, customer):
    """All that remains, or a part of it; sometimes more than that."""
    if len(caller.failing) > 1 and caller.random.random() < 0.4:
        return pay_once_more(caller)
    customer, one = chosen(caller, customer, is_open)
    if one is None:
        return item(caller, customer)
    remaining = one["amount_due"] - one["amount_paid"] - one["amount_credited"]
    body = {"payment_method": caller.random.choice(METHODS)}
    chance = caller.random.random()
    if chance < 0.35 and remaining > 1:
        body["amount"] = caller.random.randrange(1, min(remaining, GROSS))
    elif chance < 0.4:
        body["amount"] = remaining + 1
    if body["payment_method"] == "manual" and caller.random.random() < 0.5:
        body["reference"] = caller.text("Transfer")
    request = caller.post(customer, f"/v1/invoices/{one['id']}/pay", body)
    caller.payers = [*caller.payers[1 - PAYERS_MAX :], customer]
    if body["payment_method"] == FAILS_FIRST:
        caller.failing += [(customer, request.path, body)] * FAILS
    request.wait_seconds = caller.random.choice((0, 0, WAIT_SECONDS))
    return request


def void(caller, customer):
    return act(caller, customer, "void")


def give_up(caller, customer):
    return act(caller, customer, "mark_uncollectible")


def credit_note(caller, customer):
    """Of all that is left, or of parts of some lines; with and without paying back."""
    if caller.payers and caller.random.random() < 0.7:
        customer = caller.random.choice(caller.payers)
    customer, one = chosen(caller, customer, caller.random.choice((is_creditable, is_creditable, is_open)))
    if one is None:
        return give_credit(caller, customer)
    body = {"invoice_id": one["id"], "refund": caller.random.random() < 0.6}
    lines = []
    for line in one["lines"]:
        left = line["amount"] - line["discount"] - line["credited"]
        if left > 0 and caller.random.random() < 0.7:
            part = caller.random.choice((left, left, 1 + left // 3, min(left, 7), left + 1))
            lines.append({"line_id": line["id"], "amount": part})
    if lines and caller.random.random() < 0.7:
        body["lines"] = lines
    if caller.random.random() < 0.5:
        body["reason"] = caller.text("Mistake")
    return caller.post(customer, "/v1/credit-notes", body)


# How often each is sent, compared with the others: load.ACTIONS.
ORDERLY_ACTIONS = (
    (36, pay),
    (16, credit_note),
    (4, void),
    (3, give_up),
    (10, item),
    (8, give_credit),
    (3, tax_customer),
)
ACTIONS = (
    (2, new_coupon),
    (1, archive_coupon),
    (1, new_tax_rate),
)
