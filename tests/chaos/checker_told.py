"""What events tell of resources: each of the one that it is about, and some of others that change with it."""


class Told:
    """{(schema's name, subject): what was told of it last}"""

    def __init__(self):
        self.found = {}

    def amend(self, schema, one, at, **fields):
        told = self.found.get((schema, one))
        if told:
            self.found[schema, one] = told | fields | {"updated_at": max(told["updated_at"], at)}

    def credit_entry(self, record, before):
        """The customer's balance is what it is behind its last entry."""
        self.amend("Customer", record["customer_id"], record["created_at"], credit_balance=record["balance_after"])

    def item(self, record, before):
        """The customer counts those that wait."""
        self.amend("Customer", record["customer_id"], record["updated_at"])

    def payment(self, record, before):
        """Its invoice waits for it, and a refund is taken off what its payment has left."""
        at, status = record["updated_at"], record["status"]
        if status == "unknown":
            return
        waits = (record["kind"], status) == ("payment", "processing") and record["payment_method"] != "manual"
        self.amend("Invoice", record["invoice_id"], at, payment_id=record["id"] if waits else None)
        left = {"processing": 1, "failed": -1}.get(status)
        paid = self.found.get(("Payment", record["refund_of"]))
        if paid and left:
            refunded = paid["amount_refunded"] + left * record["amount"]
            self.amend("Payment", record["refund_of"], at, amount_refunded=refunded)

    def subscription(self, record, before):
        """A period that was moved by a pause takes along what was reported for it."""
        if not before or before["paused_at"] is None or record["paused_at"] is not None or record["ended_at"]:
            return
        old, new = before["current_period_start"], record["current_period_start"]
        for schema, one in list(self.found):
            told = self.found[schema, one]
            if schema == "Quantity" and told["subscription_id"] == record["id"] and told["period_start"] == old:
                self.amend(schema, one, record["updated_at"], period_start=new)


MORE = {
    "CreditEntry": Told.credit_entry, "Item": Told.item, "Payment": Told.payment, "Subscription": Told.subscription,
}  # fmt: skip


def last_told(events):
    """What is known of each resource behind all events, [(row, schema's name, record)] in order."""
    told = Told()
    for row, name, record in events:
        before = told.found.get((name, row["subject"]))
        told.found[name, row["subject"]] = record
        if name in MORE:
            MORE[name](told, record, before)
    return told.found
