#include "common/domain/standing.h"

#include "tests/unit/unit.h"

#define BEFORE "2026-06-01T00:00:00Z"
#define NOW "2026-06-16T00:00:00Z"

#define LATEST ((struct uuid){{0x1a}})
#define EARLIER ((struct uuid){{0x1b}})

static struct subscription
subscription_in(const char *status)
{
	return (struct subscription){
	    .id = {{0x5b}},
	    .status = str_from(status),
	    .latest_invoice_id = LATEST,
	    .updated_at = unit_instant(BEFORE),
	};
}

static struct invoice
invoice_in(struct str status)
{
	return (struct invoice){.id = LATEST, .subscription_id = {{0x5b}}, .status = status};
}

/* What it becomes by its latest invoice, in the order of enum invoice_status: where a payment of
 * that failed, and where not; NULL: it stays what it is. */
struct status_row {
	const char *status;
	const char *declined[INVOICE_STATUS_MAX];
	const char *otherwise[INVOICE_STATUS_MAX];
};

/* open, paid, void, uncollectible */
#define STAYS                          \
	{                              \
		NULL, NULL, NULL, NULL \
	}
#define RECOVERS                                   \
	{                                          \
		NULL, "active", "active", "active" \
	}

static const struct status_row status_rows[SUBSCRIPTION_STATUS_MAX] = {
    [SUBSCRIPTION_SCHEDULED] = {"scheduled", STAYS, STAYS},
    [SUBSCRIPTION_TRIALING] = {"trialing", STAYS, STAYS},
    [SUBSCRIPTION_ACTIVE] = {"active", {"past_due", NULL, NULL, NULL}, STAYS},
    [SUBSCRIPTION_PAST_DUE] = {"past_due", RECOVERS, RECOVERS},
    [SUBSCRIPTION_PAUSED] = {"paused", STAYS, STAYS},
    [SUBSCRIPTION_CANCELED] = {"canceled", STAYS, STAYS},
    [SUBSCRIPTION_EXPIRED] = {"expired", STAYS, STAYS},
};

static void
check_follows(const char *status, int latest, bool declined, const char *expected)
{
	struct subscription subscription = subscription_in(status);
	const struct invoice invoice = invoice_in(invoice_status_name((enum invoice_status)latest));
	bool follows = standing_follow(&subscription, &invoice, declined, unit_instant(NOW));

	ck_assert_msg(follows == (expected != NULL), "%s, %.*s", status, STR_ARG(invoice.status));
	unit_assert_str(subscription.status, expected == NULL ? status : expected, status);
	unit_assert_instant(subscription.updated_at, expected == NULL ? BEFORE : NOW, status);
}

START_TEST(test_every_status)
{
	const struct status_row *row = &status_rows[_i];

	unit_assert_str(
	    subscription_status_name((enum subscription_status)_i), row->status, "the row");
	for (int latest = 0; latest < INVOICE_STATUS_MAX; latest++) {
		check_follows(row->status, latest, true, row->declined[latest]);
		check_follows(row->status, latest, false, row->otherwise[latest]);
	}
}
END_TEST

START_TEST(test_an_earlier_invoice_says_nothing)
{
	struct subscription active = subscription_in("active"), owing = subscription_in("past_due");
	struct invoice open = invoice_in(STR("open")), paid = invoice_in(STR("paid"));

	open.id = EARLIER;
	paid.id = EARLIER;
	ck_assert(!standing_follow(&active, &open, true, unit_instant(NOW)));
	ck_assert(!standing_follow(&owing, &paid, false, unit_instant(NOW)));
	unit_assert_str(active.status, "active", "active");
	unit_assert_str(owing.status, "past_due", "past due");

	/* One of before there were latest ones has none. */
	active.latest_invoice_id = UUID_NIL;
	ck_assert(!standing_follow(&active, &open, true, unit_instant(NOW)));
}
END_TEST

/* Outcomes of a customer on a test clock may come behind what its clock did meanwhile. */
START_TEST(test_no_clock_goes_back)
{
	struct subscription subscription = subscription_in("active");
	const struct invoice open = invoice_in(STR("open"));

	subscription.updated_at = unit_instant("2026-07-01T00:00:00Z");
	ck_assert(standing_follow(&subscription, &open, true, unit_instant(NOW)));
	unit_assert_instant(subscription.updated_at, "2026-07-01T00:00:00Z", "updated_at");
}
END_TEST

START_TEST(test_anothers_invoice_is_a_bug)
{
	struct subscription subscription = subscription_in("active");
	struct invoice open = invoice_in(STR("open"));

	open.subscription_id = (struct uuid){{0x5c}};
	ck_assert(!standing_follow(&subscription, &open, true, unit_instant(NOW)));
}
END_TEST

UNIT_MAIN("standing", UNIT_ROWS(test_every_status, status_rows),
    UNIT(test_an_earlier_invoice_says_nothing), UNIT(test_no_clock_goes_back),
    UNIT_ABORTS(test_anothers_invoice_is_a_bug))
