#include "tests/unit/worker_money.h"

#include "tests/unit/worker_documents.h"

/* What payments of its latest invoice, and what else becomes of that, make of a subscription. */

static const struct subscription *
subscription(void)
{
	return hand_subscription_at(&hand, 0);
}

/* An attempt to pay the invoice that commands are about, and what came of it. */
static void
attempt(int64_t amount, const char *outcome)
{
	DO(pay("sim_ok", amount));
	DO(record(payment_at(hand_count(&hand, TABLE_PAYMENTS) - 1), outcome));
}

/* Past due by a payment that failed. */
static void
setup_past_due(void)
{
	setup();
	attempt(INT64_MIN, "failed");
	assert_text(subscription()->status, "past_due");
}

/* Behind what was done: the status, and what was told from ${skip} on. */
static void
assert_stands(const char *status, size_t skip, const char *events)
{
	assert_text(subscription()->status, status);
	assert_events_behind(skip, events);
}

START_TEST(test_a_payment_that_fails)
{
	const struct event *event;
	struct subscription before;
	size_t events;

	setup();
	before = *subscription();
	ck_assert(uuid_equal(before.latest_invoice_id, invoice_id));
	DO(pay("sim_declined", INT64_MIN));
	assert_text(subscription()->status, "active");
	events = hand_count(&hand, TABLE_OUTBOX);
	hand.now_ms += 60 * 1000;
	DO(record(payment_at(0), "failed"));
	assert_stands("past_due", events, "payment.failed subscription.past_due");

	/* Because of that command, and with all that it says but its status as it was. */
	event = world_row(&hand.world, TABLE_OUTBOX, events + 1);
	ck_assert(uuid_equal(event->operation_id, hand.decision.cause));
	ck_assert(uuid_equal(event->subject, before.id));
	ck_assert(uuid_equal(event->key, WORLD_CUSTOMER));
	ck_assert_int_eq(subscription()->updated_at.s, hand.now_ms / 1000);
	ck_assert_int_eq(subscription()->due_at.s, before.due_at.s);
	ck_assert_int_eq(subscription()->deferred, before.deferred);
	assert_books();

	/* Another one tells nothing new. */
	events = hand_count(&hand, TABLE_OUTBOX);
	attempt(INT64_MIN, "failed");
	assert_stands("past_due", events, "payment.created payment.failed");
	teardown();
}
END_TEST

START_TEST(test_money_recovers_it)
{
	size_t events;

	setup_past_due();
	events = hand_count(&hand, TABLE_OUTBOX);
	attempt(1000, "succeeded");
	assert_stands("past_due", events, "payment.created payment.succeeded invoice.updated");
	events = hand_count(&hand, TABLE_OUTBOX);
	attempt(INT64_MIN, "succeeded");
	assert_stands("active", events,
	    "payment.created payment.succeeded invoice.paid subscription.recovered");
	assert_books();
	teardown();
}
END_TEST

/* What is not known yet changes nothing, however often it is asked. */
START_TEST(test_no_answer_changes_nothing)
{
	size_t events;

	setup();
	DO(pay("sim_error", INT64_MIN));
	DO(record(payment_at(0), "unknown"));
	assert_text(subscription()->status, "active");
	DO(record(payment_at(0), "failed"));
	assert_text(subscription()->status, "past_due");
	DO(pay("sim_error", INT64_MIN));
	events = hand_count(&hand, TABLE_OUTBOX);
	DO(record(payment_at(1), "unknown"));
	assert_stands("past_due", events, "payment.unknown");
	DO(record(payment_at(1), "succeeded"));
	assert_text(subscription()->status, "active");
	ck_assert_int_eq(record(payment_at(1), "failed"), REFUSAL_PAYMENT_SETTLED);
	assert_text(subscription()->status, "active");
	teardown();
}
END_TEST

/* A part was paid, and the attempt to pay the rest failed. */
START_TEST(test_the_rest_that_fails)
{
	size_t events;

	setup();
	attempt(1000, "succeeded");
	attempt(INT64_MIN, "failed");
	assert_text(subscription()->status, "past_due");
	ck_assert_int_eq(move(COMMAND_VOID_INVOICE), REFUSAL_INVOICE_PARTLY_PAID);
	assert_text(subscription()->status, "past_due");
	events = hand_count(&hand, TABLE_OUTBOX);
	DO(pay("manual", INT64_MIN));
	assert_stands("active", events,
	    "payment.created payment.succeeded invoice.paid subscription.recovered");
	teardown();
}
END_TEST

/* In which ways else nothing is owed any more. */
struct release_row {
	const char *name;
	enum command_type type; /* of an invoice; else a credit note over: */
	int64_t amount;         /* 0: all */
	const char *status;
	const char *events;
};

static const struct release_row release_rows[] = {
    {"void", COMMAND_VOID_INVOICE, 0, "active", "invoice.voided subscription.recovered"},
    {"given up", COMMAND_MARK_UNCOLLECTIBLE, 0, "active",
	"invoice.marked_uncollectible subscription.recovered"},
    {"credited", COMMAND_CREATE_CREDIT_NOTE, 0, "active",
	"credit_note.issued invoice.paid subscription.recovered"},
    {"not in part", COMMAND_CREATE_CREDIT_NOTE, 100, "past_due",
	"credit_note.issued invoice.updated"},
};

START_TEST(test_what_releases_it)
{
	const struct release_row *row = &release_rows[_i];
	size_t events;

	setup_past_due();
	events = hand_count(&hand, TABLE_OUTBOX);
	DO(row->type == COMMAND_CREATE_CREDIT_NOTE ? correct(row->amount, false) : move(row->type));
	assert_stands(row->status, events, row->events);
	assert_books();
	teardown();
}
END_TEST

/* It goes on being billed, and the newer invoice is what there is to pay. */
START_TEST(test_a_newer_invoice_takes_its_place)
{
	size_t events;

	setup_past_due();
	events = hand_count(&hand, TABLE_OUTBOX);
	hand_chunk(&hand, "2027-03-01T00:00:00Z");
	assert_stands("past_due", events, "subscription.renewed invoice.issued");
	ck_assert(uuid_equal(subscription()->latest_invoice_id, hand_invoice(&hand, 1)->id));

	hand_at(&hand, "2027-03-01T00:00:00Z");
	DO(pay("manual", INT64_MIN));
	assert_text(subscription()->status, "past_due");
	invoice_id = hand_invoice(&hand, 1)->id;
	DO(pay("manual", INT64_MIN));
	assert_text(subscription()->status, "active");
	teardown();
}
END_TEST

/* The outcome comes behind the newer invoice, of one batch: the older one says nothing any more. */
START_TEST(test_an_outcome_behind_a_newer_invoice)
{
	size_t events;

	setup();
	DO(pay("sim_declined", INT64_MIN));
	hand_at(&hand, "2027-03-01T00:00:00Z");
	events = hand_count(&hand, TABLE_OUTBOX);
	DO(record(payment_at(0), "failed"));
	assert_stands("active", events, "subscription.renewed invoice.issued payment.failed");
	invoice_id = hand_invoice(&hand, 1)->id;
	attempt(INT64_MIN, "failed");
	assert_text(subscription()->status, "past_due");
	teardown();
}
END_TEST

/* Credit pays the newer invoice at once. */
START_TEST(test_a_newer_invoice_that_is_paid_at_once)
{
	size_t events;

	setup_past_due();
	hand_customer(&hand)->credit_balance = PRICE;
	hand_customer(&hand)->credit_count = 1;
	events = hand_count(&hand, TABLE_OUTBOX);
	hand_chunk(&hand, "2027-03-01T00:00:00Z");
	assert_stands("active", events,
	    "subscription.renewed invoice.issued invoice.paid credit.recorded "
	    "subscription.recovered");
	assert_text(invoice()->status, "open");
	/* What the period's end made of it stays. */
	unit_assert_instant(
	    subscription()->current_period_start, "2027-02-28T09:30:00Z", "the new period");
	ck_assert_int_eq(subscription()->deferred, PRICE);
	ck_assert_int_eq(subscription()->updated_at.s, subscription()->current_period_start.s);

	/* What is still owed of the one before is no concern of its standing. */
	attempt(INT64_MIN, "failed");
	assert_text(subscription()->status, "active");
	teardown();
}
END_TEST

/* A change that is invoiced at once makes the latest invoice; one that is credited makes none. */
START_TEST(test_changes)
{
	struct change_subscription change;
	struct plan plan = world_plan(WORLD_OTHER_PLAN);
	struct charge charge = charge_base(STR("Other"), 2 * PRICE);
	struct uuid first;

	setup();
	plan.code = STR("other");
	plan.charges = &charge;
	world_plan_add(&hand.world, &plan);
	at_part(1, 2);
	first = invoice_id;
	change = hand_change(subscription()->id, WORLD_OTHER_PLAN);
	hand_do(&hand, COMMAND_CHANGE_SUBSCRIPTION, &change);
	invoice_id = hand_invoice(&hand, 1)->id;
	ck_assert(uuid_equal(subscription()->latest_invoice_id, invoice_id));
	attempt(INT64_MIN, "failed");
	assert_text(subscription()->status, "past_due");

	at_part(3, 4);
	change = hand_change(subscription()->id, WORLD_PLAN);
	hand_do(&hand, COMMAND_CHANGE_SUBSCRIPTION, &change);
	ck_assert_uint_eq(hand_count(&hand, TABLE_INVOICES), 2);
	assert_text(subscription()->status, "past_due");
	ck_assert(uuid_equal(subscription()->latest_invoice_id, invoice_id));
	invoice_id = first;
	DO(pay("manual", INT64_MIN));
	assert_text(subscription()->status, "past_due");
	invoice_id = hand_invoice(&hand, 1)->id;
	DO(pay("manual", INT64_MIN));
	assert_text(subscription()->status, "active");
	teardown();
}
END_TEST

/* Who left meanwhile is not asked any more. */
struct left_row {
	const char *name;
	enum command_type type;
	const char *status;
};

static const struct left_row left_rows[] = {
    {"canceled", COMMAND_CANCEL_SUBSCRIPTION, "canceled"},
    {"paused", COMMAND_PAUSE_SUBSCRIPTION, "paused"},
};

static void
leave(const struct left_row *row)
{
	struct cancel_subscription cancel = {
	    .subscription_id = subscription()->id, .effective = STR("now")};
	struct move_subscription pause = {.subscription_id = subscription()->id};

	if (row->type == COMMAND_CANCEL_SUBSCRIPTION)
		hand_do(&hand, row->type, &cancel);
	else
		hand_do(&hand, row->type, &pause);
	assert_text(subscription()->status, row->status);
}

START_TEST(test_outcomes_behind_an_end_or_a_pause)
{
	const struct left_row *row = &left_rows[_i];
	struct move_subscription resume;
	size_t events;

	setup();
	DO(pay("sim_declined", INT64_MIN));
	leave(row);
	events = hand_count(&hand, TABLE_OUTBOX);
	DO(record(payment_at(0), "failed"));
	assert_stands(row->status, events, "payment.failed");
	teardown();

	setup_past_due();
	leave(row);
	events = hand_count(&hand, TABLE_OUTBOX);
	DO(pay("manual", INT64_MIN));
	assert_stands(row->status, events, "payment.created payment.succeeded invoice.paid");
	teardown();

	if (row->type != COMMAND_PAUSE_SUBSCRIPTION)
		return;
	/* Whatever it owes, it is active when it is resumed; and past due with the next attempt. */
	setup_past_due();
	leave(row);
	resume = (struct move_subscription){.subscription_id = subscription()->id};
	hand_do(&hand, COMMAND_RESUME_SUBSCRIPTION, &resume);
	assert_text(subscription()->status, "active");
	attempt(INT64_MIN, "failed");
	assert_text(subscription()->status, "past_due");
	teardown();
}
END_TEST

/* What ends while it is owed for is canceled, and does not expire. */
START_TEST(test_its_end)
{
	struct create_subscription create = hand_subscription(WORLD_PLAN);

	hand_open(&hand);
	create.end_at = unit_instant("2027-02-10T00:00:00Z");
	hand_do(&hand, COMMAND_CREATE_SUBSCRIPTION, &create);
	invoice_id = hand_invoice(&hand, 0)->id;
	attempt(INT64_MIN, "failed");
	hand_chunk(&hand, "2027-02-10T00:00:00Z");
	assert_text(subscription()->status, "canceled");
	DO(pay("manual", INT64_MIN));
	assert_text(subscription()->status, "canceled");
	teardown();
}
END_TEST

/* One that could not be billed stays parked, whatever is paid. */
START_TEST(test_one_that_is_parked)
{
	setup();
	hand_park(&hand, subscription()->id);
	attempt(INT64_MIN, "failed");
	assert_text(subscription()->status, "past_due");
	DO(pay("manual", INT64_MIN));
	assert_text(subscription()->status, "active");
	assert_text(subscription()->billing_problem, "amount-out-of-range");
	ck_assert(instant_is_none(subscription()->due_at));
	teardown();
}
END_TEST

UNIT_MAIN("handler_standing", UNIT(test_a_payment_that_fails), UNIT(test_money_recovers_it),
    UNIT(test_no_answer_changes_nothing), UNIT(test_the_rest_that_fails),
    UNIT_ROWS(test_what_releases_it, release_rows), UNIT(test_a_newer_invoice_takes_its_place),
    UNIT(test_an_outcome_behind_a_newer_invoice), UNIT(test_a_newer_invoice_that_is_paid_at_once),
    UNIT(test_changes), UNIT_ROWS(test_outcomes_behind_an_end_or_a_pause, left_rows),
    UNIT(test_its_end), UNIT(test_one_that_is_parked))
