#include "common/domain/payment.h"

#include "tests/unit/unit.h"

#define NOW "2026-06-01T00:00:00Z"
#define LATER "2026-06-02T00:00:00Z"

static const struct {
	const char *method;
	bool known;
} method_rows[] = {
    {"manual", true},
    {"sim_ok", true},
    {"sim_declined", true},
    {"sim_insufficient_funds", true},
    {"sim_error", true},
    {"sim_fail_n_then_ok:0", true},
    {"sim_fail_n_then_ok:7", true},
    {"sim_fail_n_then_ok:99", true},
    {"sim_fail_n_then_ok:100", false},
    {"sim_fail_n_then_ok:-1", false},
    {"sim_fail_n_then_ok:-0", false},
    {"sim_fail_n_then_ok:", false},
    {"sim_fail_n_then_ok:x", false},
    {"sim_fail_n_then_ok", false},
    {"sim_fail_3_then_ok:7", false},
    {"sim_ok ", false},
    {"SIM_OK", false},
    {"visa", false},
    {"", false},
};

START_TEST(test_methods)
{
	ck_assert_msg(
	    payment_method_is_known(str_from(method_rows[_i].method)) == method_rows[_i].known,
	    "%s", method_rows[_i].method);
}
END_TEST

START_TEST(test_how_often_a_method_fails)
{
	int32_t failures = 5;

	ck_assert(!payment_failures_read(STR("sim_ok"), &failures));
	ck_assert(!payment_failures_read(STR("sim_fail_n_then_ok:100"), &failures));
	ck_assert_int_eq(failures, 5);
	ck_assert(payment_failures_read(STR("sim_fail_n_then_ok:99"), &failures));
	ck_assert_int_eq(failures, 99);
}
END_TEST

START_TEST(test_refunds_have_a_limit)
{
	const size_t max = PAYMENTS_AND_REFUNDS_MAX;

	ck_assert_int_eq(payment_refund(max - 2, 2), REFUSAL_NONE);
	ck_assert_int_eq(payment_refund(max - 1, 2), REFUSAL_PAYMENTS_TOO_MANY);
	ck_assert_int_eq(payment_refund(max, 1), REFUSAL_PAYMENTS_TOO_MANY);
	ck_assert_int_eq(payment_refund(max + PAYMENTS_MAX, 0), REFUSAL_NONE);
}
END_TEST

START_TEST(test_status_names)
{
	static const char *const names[PAYMENT_STATUS_MAX] = {
	    "processing", "unknown", "succeeded", "failed"};

	for (int i = 0; i < PAYMENT_STATUS_MAX; i++) {
		unit_assert_str(payment_status_name((enum payment_status)i), names[i], names[i]);
		ck_assert_int_eq((int)payment_status_from(str_from(names[i])), i);
	}
}
END_TEST

START_TEST(test_an_unknown_status_is_a_bug)
{
	ck_assert_int_eq((int)payment_status_from(STR("pending")), 0);
}
END_TEST

/* Of an invoice of 30.00. */
struct begin_row {
	const char *name;
	const char *method;
	bool in_flight;
	const char *status;
	int64_t paid;
	int64_t amount;
	size_t attempts;
	enum refusal refusal;
};

/* From the third row on, each refusal has the causes of those behind it as well. */
static const struct begin_row begin_rows[] = {
    {"all that remains", "sim_ok", false, "open", 1000, INT64_MIN, 0, REFUSAL_NONE},
    {"a part", "manual", false, "open", 0, 1, PAYMENTS_MAX - 1, REFUSAL_NONE},
    {"as much as remains", "manual", false, "open", 1000, 2000, 3, REFUSAL_NONE},
    {"no such method", "cash", true, "paid", 0, 9999, PAYMENTS_MAX, REFUSAL_PAYMENT_METHOD_UNKNOWN},
    {"one is on its way", "sim_ok", true, "void", 0, 9999, PAYMENTS_MAX,
	REFUSAL_PAYMENT_IN_PROGRESS},
    {"manual, while one is", "manual", true, "open", 0, 1, 1, REFUSAL_PAYMENT_IN_PROGRESS},
    {"of a void one", "sim_ok", false, "void", 0, 9999, PAYMENTS_MAX, REFUSAL_INVOICE_FINAL},
    {"of a paid one", "sim_ok", false, "paid", 3000, INT64_MIN, 1, REFUSAL_INVOICE_FINAL},
    {"of one that was given up", "sim_ok", false, "uncollectible", 0, INT64_MIN, 0,
	REFUSAL_INVOICE_FINAL},
    {"too much", "sim_ok", false, "open", 1000, 2001, PAYMENTS_MAX, REFUSAL_PAYMENT_TOO_LARGE},
    {"too often", "sim_ok", false, "open", 0, 1, PAYMENTS_MAX, REFUSAL_PAYMENTS_TOO_MANY},
};

START_TEST(test_begin)
{
	const struct begin_row *row = &begin_rows[_i];
	struct invoice invoice = {
	    .status = str_from(row->status),
	    .amount_due = 3000,
	    .amount_paid = row->paid,
	    .payment_id = {{row->in_flight ? 1 : 0}},
	};

	ck_assert_msg(payment_begin(&invoice, row->attempts, str_from(row->method), row->amount) ==
			  row->refusal,
	    "%s", row->name);
}
END_TEST

START_TEST(test_no_payment_of_nothing)
{
	struct invoice invoice = {.status = STR("open"), .amount_due = 3000};

	ck_assert_int_eq(payment_begin(&invoice, 0, STR("manual"), 0), REFUSAL_NONE);
}
END_TEST

/* Every status to every other. */
START_TEST(test_settle)
{
	enum payment_status from = (enum payment_status)_i;
	bool final = from == PAYMENT_SUCCEEDED || from == PAYMENT_FAILED;

	for (int to = PAYMENT_UNKNOWN; to < PAYMENT_STATUS_MAX; to++) {
		struct payment payment = {
		    .status = payment_status_name(from),
		    .updated_at = unit_instant(NOW),
		    .settled_at = final ? unit_instant(NOW) : INSTANT_NONE,
		};
		enum refusal refusal =
		    payment_settle(&payment, (enum payment_status)to, unit_instant(LATER));

		if (final) {
			ck_assert_int_eq(refusal, REFUSAL_PAYMENT_SETTLED);
			ck_assert_int_eq((int)payment_status_from(payment.status), (int)from);
			unit_assert_instant(payment.settled_at, NOW, "settled_at");
			unit_assert_instant(payment.updated_at, NOW, "updated_at");
			continue;
		}
		ck_assert_int_eq(refusal, REFUSAL_NONE);
		ck_assert_int_eq((int)payment_status_from(payment.status), to);
		unit_assert_instant(
		    payment.settled_at, to == PAYMENT_UNKNOWN ? NULL : LATER, "settled_at");
		unit_assert_instant(payment.updated_at, LATER, "updated_at");
	}
}
END_TEST

static const char status_rows[PAYMENT_STATUS_MAX];

START_TEST(test_nothing_begins_anew)
{
	struct payment payment = {.status = STR("unknown")};

	ck_assert_int_eq(
	    payment_settle(&payment, PAYMENT_PROCESSING, unit_instant(NOW)), REFUSAL_NONE);
}
END_TEST

UNIT_MAIN("payment", UNIT(test_how_often_a_method_fails), UNIT(test_refunds_have_a_limit),
    UNIT_ROWS(test_methods, method_rows), UNIT(test_status_names),
    UNIT_ABORTS(test_an_unknown_status_is_a_bug), UNIT_ROWS(test_begin, begin_rows),
    UNIT_ABORTS(test_no_payment_of_nothing), UNIT_ROWS(test_settle, status_rows),
    UNIT_ABORTS(test_nothing_begins_anew))
