#include "worker/closing.h"

#include "common/base/id.h"
#include "tests/unit/unit.h"
#include "worker/actor.h"

/* What a closed run comes to, without a database: what it reads there is shown on real servers. */

static const struct number_row {
	const char *name;
	const char *text;
	bool taken;
	int128 value;
} number_rows[] = {
    {"zero", "0", true, 0},
    {"a digit", "7", true, 7},
    {"a negative one", "-12", true, -12},
    {"the most that 64 bits hold", "9223372036854775807", true, INT64_MAX},
    {"beyond 64 bits", "18446744073709551616", true, (int128)UINT64_MAX + 1},
    {"a million of the largest", "9223372036854775807000000", true, (int128)INT64_MAX * 1000000},
    {"38 digits", "10000000000000000000000000000000000000", true,
	(int128)INT64_C(10000000000000000) * INT64_C(10000000000000000) * 100000},
    {"39 digits", "100000000000000000000000000000000000000", false, 0},
    {"nothing", "", false, 0},
    {"a sign alone", "-", false, 0},
    {"two signs", "--1", false, 0},
    {"a plus", "+1", false, 0},
    {"a fraction", "1.0", false, 0},
    {"what is no number", "NaN", false, 0},
    {"a space", "1 ", false, 0},
};

START_TEST(test_numbers)
{
	const struct number_row *row = &number_rows[_i];
	int128 value = 4711;

	ck_assert_msg(
	    closing_number_read(str_from(row->text), &value) == row->taken, "%s", row->name);
	ck_assert_msg(value == (row->taken ? row->value : 4711), "%s", row->name);
}
END_TEST

static struct closing closing;

static struct closing_sum
sum(const char *currency, int64_t invoices, int64_t total)
{
	struct closing_sum sum = {.invoices = invoices};

	memcpy(sum.currency.code, currency, sizeof(sum.currency.code));
	sum.amounts[CLOSING_SUBTOTAL] = total;
	sum.amounts[CLOSING_TOTAL] = total;
	sum.amounts[CLOSING_AMOUNT_DUE] = total;
	return sum;
}

/* Three invoices in two currencies, of which everybody says the same. */
static void
setup(void)
{
	const struct closing_sums sums = {2, {sum("EUR", 2, 300), sum("USD", 1, 50)}};

	closing = (struct closing){
	    .organisation_id = {{0x0a}},
	    .run_id = {{0x77}},
	    .shard = 5,
	    .due = 4,
	    .done = 3,
	    .invoiced = 3,
	    .failed = 1,
	    .reported = sums,
	    .issued = {2, {sums.items[1], sums.items[0]}},
	    .booked = sums,
	    .read = true,
	};
}

/* What is changed, and whether it is then found. */
static const struct difference_row {
	const char *name;
	enum {
		NOTHING,
		REPORTED,
		ISSUED,
		BOOKED
	} of;
	size_t amount; /* CLOSING_AMOUNTS: the number of invoices */
	const char *found;
} difference_rows[] = {
    {"nothing", NOTHING, 0, NULL},
    {"the report's subtotal", REPORTED, CLOSING_SUBTOTAL, "its totals are not"},
    {"the report's discount", REPORTED, CLOSING_DISCOUNT, "its totals are not"},
    {"the report's tax", REPORTED, CLOSING_TAX, "its totals are not"},
    {"the report's total", REPORTED, CLOSING_TOTAL, "its totals are not"},
    {"the report's credit", REPORTED, CLOSING_CREDIT_APPLIED, "its totals are not"},
    {"the report's amount due", REPORTED, CLOSING_AMOUNT_DUE, "its totals are not"},
    {"the report's invoices", REPORTED, CLOSING_AMOUNTS, "its parts count"},
    {"the invoices' subtotal", ISSUED, CLOSING_SUBTOTAL, "its totals are not"},
    {"the invoices' number", ISSUED, CLOSING_AMOUNTS, "its totals are not"},
    /* An entry knows neither subtotal nor discount. */
    {"the journal's subtotal", BOOKED, CLOSING_SUBTOTAL, NULL},
    {"the journal's discount", BOOKED, CLOSING_DISCOUNT, NULL},
    {"the journal's tax", BOOKED, CLOSING_TAX, "the journal does not"},
    {"the journal's total", BOOKED, CLOSING_TOTAL, "the journal does not"},
    {"the journal's credit", BOOKED, CLOSING_CREDIT_APPLIED, "the journal does not"},
    {"the journal's amount due", BOOKED, CLOSING_AMOUNT_DUE, "the journal does not"},
    {"the journal's number", BOOKED, CLOSING_AMOUNTS, "the journal does not"},
};

START_TEST(test_differences)
{
	struct closing_sums *const sums[] = {
	    NULL, &closing.reported, &closing.issued, &closing.booked};
	const struct difference_row *row = &difference_rows[_i];

	for (size_t i = 0; i < 2; i++) {
		const char *found;

		setup();
		if (row->of != NOTHING && row->amount == CLOSING_AMOUNTS)
			sums[row->of]->items[i].invoices++;
		else if (row->of != NOTHING)
			sums[row->of]->items[i].amounts[row->amount]++;
		found = closing_difference(&closing);
		ck_assert_msg((found == NULL) == (row->found == NULL), "%s: %s", row->name,
		    found == NULL ? "nothing" : found);
		ck_assert_msg(found == NULL || strstr(found, row->found) == found, "%s: %s",
		    row->name, found);
		unit_assert_str(closing_command(&closing, 1).books,
		    found == NULL ? "balanced" : "unbalanced", row->name);
	}
}
END_TEST

/* Sums that are right, of invoices of which one is booked too high and one too low. */
START_TEST(test_errors_that_cancel_out)
{
	setup();
	closing.misbooked = 2;
	ck_assert_ptr_nonnull(closing_difference(&closing));
}
END_TEST

START_TEST(test_a_currency_that_is_missing)
{
	setup();
	closing.issued.len = 1;
	ck_assert_ptr_nonnull(closing_difference(&closing));
	setup();
	closing.reported.len = 1;
	closing.invoiced = 2;
	ck_assert_ptr_nonnull(closing_difference(&closing));
	setup();
	closing.booked.len = 1;
	ck_assert_ptr_nonnull(closing_difference(&closing));
}
END_TEST

START_TEST(test_a_run_without_invoices)
{
	setup();
	closing.reported.len = closing.issued.len = closing.booked.len = 0;
	closing.invoiced = 0;
	ck_assert_ptr_null(closing_difference(&closing));
	ck_assert_uint_eq(closing_command(&closing, 1).totals_len, 0);
}
END_TEST

START_TEST(test_the_command)
{
	struct finish_billing_run finish;

	setup();
	closing.digest = ((uint128)0x0123456789abcdef << 64) | 0x0fedcba987654321;
	closing.reported.items[0].amounts[CLOSING_TAX] = INT64_MAX;
	closing.reported.items[0].amounts[CLOSING_TOTAL] = (int128)INT64_MAX + 1;
	closing.reported.items[0].amounts[CLOSING_DISCOUNT] = INT64_MIN;
	closing.reported.items[0].amounts[CLOSING_SUBTOTAL] = -5;
	finish = closing_command(&closing, 1234);
	ck_assert(
	    uuid_equal(finish.meta.operation_id, id_derive(closing.run_id, ID_RUN_FINISHED, 0, 5)));
	ck_assert(uuid_equal(finish.meta.organisation_id, closing.organisation_id));
	ck_assert_int_eq(finish.meta.accepted_at, 1234);
	unit_assert_str(finish.meta.actor, "system:runs", "actor");
	ck_assert(uuid_equal(finish.billing_run_id, closing.run_id));
	ck_assert_int_eq(finish.due, 4);
	ck_assert_int_eq(finish.done, 3);
	ck_assert_int_eq(finish.invoiced, 3);
	ck_assert_int_eq(finish.failed, 1);
	unit_assert_str(finish.digest, "0123456789abcdef0fedcba987654321", "digest");
	ck_assert_uint_eq(finish.totals_len, 2);
	ck_assert_str_eq(finish.totals[0].currency.code, "EUR");
	ck_assert_int_eq(finish.totals[0].invoices, 2);
	ck_assert_int_eq(finish.totals[0].subtotal, -5);
	ck_assert_int_eq(finish.totals[0].tax, INT64_MAX);
	/* What does not fit is none. */
	ck_assert_int_eq(finish.totals[0].total, INT64_MIN);
	ck_assert_int_eq(finish.totals[0].discount, INT64_MIN);
	ck_assert_int_eq(finish.totals[1].amount_due, 50);
}
END_TEST

/* A dry run has no documents, so nothing is compared. */
START_TEST(test_a_dry_run)
{
	struct finish_billing_run finish;

	setup();
	closing.dry_run = true;
	closing.read = false;
	closing.issued.len = closing.booked.len = 0;
	closing.digest = 1;
	finish = closing_command(&closing, 1);
	ck_assert_ptr_null(finish.books.ptr);
	unit_assert_str(finish.digest, "00000000000000000000000000000001", "digest");
	ck_assert_uint_eq(finish.totals_len, 2);
}
END_TEST

/* Half of the documents are no reason to say anything. */
START_TEST(test_aborts_before_all_is_read)
{
	setup();
	closing.read = false;
	(void)!closing_difference(&closing);
}
END_TEST

UNIT_MAIN("closing", UNIT_ROWS(test_numbers, number_rows),
    UNIT_ROWS(test_differences, difference_rows), UNIT(test_errors_that_cancel_out),
    UNIT(test_a_currency_that_is_missing), UNIT(test_a_run_without_invoices),
    UNIT(test_the_command), UNIT(test_a_dry_run), UNIT_ABORTS(test_aborts_before_all_is_read))
