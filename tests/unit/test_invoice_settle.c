#include "common/domain/invoice.h"

#include "tests/unit/unit.h"

#define NOW "2026-06-01T00:00:00Z"
#define HALF "2026-06-16T00:00:00Z"

START_TEST(test_status_names)
{
	static const char *const names[INVOICE_STATUS_MAX] = {
	    "open", "paid", "void", "uncollectible"};

	for (int i = 0; i < INVOICE_STATUS_MAX; i++) {
		unit_assert_str(invoice_status_name((enum invoice_status)i), names[i], names[i]);
		ck_assert_int_eq((int)invoice_status_from(str_from(names[i])), i);
	}
}
END_TEST

START_TEST(test_an_unknown_status_is_a_bug)
{
	ck_assert_int_eq((int)invoice_status_from(STR("draft")), 0);
}
END_TEST

/* What happens to an invoice of 30.00. */
enum deed {
	PAY,
	VOID,
	GIVE_UP,
};

struct deed_row {
	const char *name;
	const char *status;
	int64_t paid, credited; /* before */
	bool in_flight;         /* a payment is on its way */
	enum deed deed;
	int64_t amount; /* of a payment */
	enum refusal refusal;
	const char *after;
	int64_t remaining; /* after */
};

static const struct deed_row deed_rows[] = {
    {"all of it", "open", 0, 0, false, PAY, 3000, REFUSAL_NONE, "paid", 0},
    {"a part", "open", 0, 0, false, PAY, 2999, REFUSAL_NONE, "open", 1},
    {"the rest", "open", 2999, 0, false, PAY, 1, REFUSAL_NONE, "paid", 0},
    {"the rest behind a note", "open", 1000, 1500, false, PAY, 500, REFUSAL_NONE, "paid", 0},
    {"of the payment that is on its way", "open", 0, 0, true, PAY, 3000, REFUSAL_NONE, "paid", 0},
    {"too much", "open", 0, 0, false, PAY, 3001, REFUSAL_PAYMENT_TOO_LARGE, "open", 3000},
    {"too much of the rest", "open", 1000, 1500, false, PAY, 501, REFUSAL_PAYMENT_TOO_LARGE, "open",
	500},
    {"of a paid one", "paid", 3000, 0, false, PAY, 1, REFUSAL_INVOICE_FINAL, "paid", 0},
    {"of a void one", "void", 0, 0, false, PAY, 1, REFUSAL_INVOICE_FINAL, "void", 0},
    {"of one that was given up", "uncollectible", 0, 0, false, PAY, 1, REFUSAL_INVOICE_FINAL,
	"uncollectible", 0},
    {"void", "open", 0, 0, false, VOID, 0, REFUSAL_NONE, "void", 0},
    {"void what is credited in part", "open", 0, 1, false, VOID, 0, REFUSAL_NONE, "void", 0},
    {"not what is paid in part", "open", 1, 0, false, VOID, 0, REFUSAL_INVOICE_PARTLY_PAID, "open",
	2999},
    {"nor while a payment is on its way", "open", 1, 0, true, VOID, 0, REFUSAL_PAYMENT_IN_PROGRESS,
	"open", 2999},
    {"nor what is paid", "paid", 3000, 0, true, VOID, 0, REFUSAL_INVOICE_FINAL, "paid", 0},
    {"nor what is void", "void", 0, 0, false, VOID, 0, REFUSAL_INVOICE_FINAL, "void", 0},
    {"given up", "open", 0, 0, false, GIVE_UP, 0, REFUSAL_NONE, "uncollectible", 0},
    {"also when it is paid in part", "open", 1, 0, false, GIVE_UP, 0, REFUSAL_NONE, "uncollectible",
	0},
    {"not while a payment is on its way", "open", 1, 0, true, GIVE_UP, 0,
	REFUSAL_PAYMENT_IN_PROGRESS, "open", 2999},
    {"nor what is given up", "uncollectible", 1, 0, true, GIVE_UP, 0, REFUSAL_INVOICE_FINAL,
	"uncollectible", 0},
};

static enum refusal
deed_do(struct invoice *invoice, const struct deed_row *row)
{
	struct instant now = unit_instant(HALF);

	switch (row->deed) {
	case PAY:
		return invoice_pay(invoice, row->amount, now);
	case VOID:
		return invoice_void(invoice, now);
	case GIVE_UP:
		return invoice_give_up(invoice, now);
	}
	ck_abort_msg("no deed");
}

START_TEST(test_deeds)
{
	const struct deed_row *row = &deed_rows[_i];
	struct invoice invoice = {
	    .status = str_from(row->status),
	    .total = 3000,
	    .amount_due = 3000,
	    .amount_paid = row->paid,
	    .amount_credited = row->credited,
	    .payment_id = {{row->in_flight ? 1 : 0}},
	    .paid_at = INSTANT_NONE,
	    .voided_at = INSTANT_NONE,
	    .uncollectible_at = INSTANT_NONE,
	    .updated_at = unit_instant(NOW),
	};
	bool done = row->refusal == REFUSAL_NONE;
	const char *when = done ? HALF : NULL;

	ck_assert_msg(deed_do(&invoice, row) == row->refusal, "%s", row->name);
	unit_assert_str(invoice.status, row->after, row->name);
	ck_assert_msg(invoice_remaining(&invoice) == row->remaining, "%s", row->name);
	ck_assert_msg(invoice.amount_paid == row->paid + (done ? row->amount : 0), "%s", row->name);
	unit_assert_instant(
	    invoice.paid_at, strcmp(row->after, "paid") == 0 ? when : NULL, row->name);
	unit_assert_instant(
	    invoice.voided_at, strcmp(row->after, "void") == 0 ? when : NULL, row->name);
	unit_assert_instant(invoice.uncollectible_at,
	    strcmp(row->after, "uncollectible") == 0 ? when : NULL, row->name);
	unit_assert_instant(invoice.updated_at, done ? HALF : NOW, row->name);
}
END_TEST

START_TEST(test_a_payment_of_nothing_is_a_bug)
{
	struct invoice invoice = {.status = STR("open"), .amount_due = 1};

	ck_assert_int_eq(invoice_pay(&invoice, 0, unit_instant(NOW)), REFUSAL_NONE);
}
END_TEST

UNIT_MAIN("invoice_settle", UNIT(test_status_names), UNIT_ABORTS(test_an_unknown_status_is_a_bug),
    UNIT_ROWS(test_deeds, deed_rows), UNIT_ABORTS(test_a_payment_of_nothing_is_a_bug))
