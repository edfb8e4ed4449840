#include "common/postgres/pg_internal.h"
#include "tests/unit/worker_money.h"
#include "worker/facts.h"

/* By which statements rows are stored: libpq's part is played here, and notes what is sent. */

#define ARRAY_HEAD_BYTES 20
#define UUID_CELL_BYTES 20 /* with its length */

static struct buf sent; /* "plans_update 1 2, customers_insert 3": by the rows' numbers */

int
PQsendQueryPrepared(PGconn *conn, const char *name, int len, const char *const *values,
    const int *lengths, const int *formats, int result_format)
{
	(void)conn, (void)formats, (void)result_format;
	ck_assert_int_ge(len, 2);
	buf_printf(&sent, "%s%s", sent.len == 0 ? "" : ", ", name);
	/* The second column of all tables here is the id. */
	for (int at = ARRAY_HEAD_BYTES; at < lengths[1]; at += UUID_CELL_BYTES)
		buf_printf(&sent, " %d", values[1][at + 5]);
	return 1;
}

static struct hand hand;
static struct pg pg;

static void
setup(void)
{
	static char connection;

	hand_open(&hand);
	pg = (struct pg){.conn = (PGconn *)(void *)&connection};
	buf_init(&sent, 1024);
}

/* Store what is here, in so many statements. */
static void
assert_sent(size_t expected_len, const char *expected, const char *name)
{
	struct err err;
	size_t len;

	ck_assert_int_eq(facts_send_store(hand.world.facts, &pg, &len, &err), ERR_NONE);
	unit_assert_str(buf_str(&sent), expected, name);
	ck_assert_msg(len == expected_len, "%s: %zu statements", name, len);
	buf_release(&sent);
	hand_close(&hand);
}

/* Steps of subscriptions by number: "1l" it is loaded, "1a" added, "1m" moves, "1q" changes its
 * quantity, "1s" stays the same. */
struct store_row {
	const char *name;
	const char *steps;
	size_t sent_len;
	const char *sent;
};

static const struct store_row store_rows[] = {
    {"what is as it was loaded is not stored", "1l", 0, ""},
    {"what moved", "1l 1m", 1, "subscriptions_move 1"},
    {"what moved twice is stored once", "1l 1m 1m", 1, "subscriptions_move 1"},
    {"what was put in its own place", "1l 1s", 1, "subscriptions_move 1"},
    {"what changed", "1l 1q", 1, "subscriptions_update 1"},
    {"moved, then changed", "1l 1m 1q", 1, "subscriptions_update 1"},
    {"changed, then moved", "1l 1q 1m", 1, "subscriptions_update 1"},
    {"changed, moved, and not again", "1l 1q 1m 1s", 1, "subscriptions_update 1"},
    {"added", "1a", 1, "subscriptions_insert 1"},
    {"added, then moved", "1a 1m", 1, "subscriptions_insert 1"},
    {"added, then changed and moved", "1a 1q 1m", 1, "subscriptions_insert 1"},
    {"each row once, and by id", "4l 3l 2l 1l 5l 4m 3q 2m 1q", 2,
	"subscriptions_update 1 3, subscriptions_move 2 4"},
    {"what comes is behind what goes", "3l 2a 1l 2m 1m 3q", 3,
	"subscriptions_update 3, subscriptions_move 1, subscriptions_insert 2"},
};

static void
step_take(struct facts *facts, uint8_t number, char what)
{
	struct subscription subscription = world_subscription(WORLD_OPERATION), *row;

	subscription.id = (struct uuid){{0x5b, number}};
	if (what == 'l')
		facts_keep(facts, TABLE_SUBSCRIPTIONS, &subscription);
	if (what == 'a')
		facts_add(facts, TABLE_SUBSCRIPTIONS, &subscription);
	row = facts_subscription(facts, WORLD_ORGANISATION, subscription.id);
	ck_assert_ptr_nonnull(row);
	subscription = *row;
	if (what == 'm')
		subscription.due_at.s += ++subscription.period_index;
	if (what == 'q')
		subscription.quantity++;
	if (what != 'l' && what != 'a')
		facts_change(facts, TABLE_SUBSCRIPTIONS, row, &subscription);
}

START_TEST(test_stores_what_moved_alone)
{
	const struct store_row *row = &store_rows[_i];

	setup();
	world_clear(&hand.world);
	for (const char *step = row->steps; *step != '\0'; step += step[2] == ' ' ? 3 : 2)
		step_take(hand.world.facts, (uint8_t)(step[0] - '0'), step[1]);
	assert_sent(row->sent_len, row->sent, row->name);
}
END_TEST

START_TEST(test_customers_and_what_does_not_move)
{
	struct customer customers[] = {
	    world_customer(WORLD_CUSTOMER), world_customer(WORLD_OTHER_CUSTOMER)};
	struct plan plan = world_plan(WORLD_PLAN);
	struct facts *facts;

	setup();
	facts = hand.world.facts;
	world_clear(&hand.world);
	for (size_t i = 0; i < ARRAY_LEN(customers); i++)
		facts_keep(facts, TABLE_CUSTOMERS, &customers[i]);
	facts_keep(facts, TABLE_PLANS, &plan);
	customers[0].invoice_count++;
	facts_change(facts, TABLE_CUSTOMERS,
	    facts_customer(facts, WORLD_ORGANISATION, WORLD_CUSTOMER), &customers[0]);
	customers[1].credit_note_count++;
	facts_change(facts, TABLE_CUSTOMERS,
	    facts_customer(facts, WORLD_ORGANISATION, WORLD_OTHER_CUSTOMER), &customers[1]);
	plan.updated_at = unit_instant(WORLD_NOW);
	facts_change(facts, TABLE_PLANS, facts_plan(facts, WORLD_ORGANISATION, WORLD_PLAN), &plan);
	assert_sent(3, "customers_update 2, customers_move 1, plans_update 1", "sent");
}
END_TEST

/* ---- What of that is a move: of what falls due what comes again and again. */

static void
goes_on(struct subscription *row)
{
	ck_assert_ptr_nonnull(row);
}

static void
has_discount(struct subscription *row)
{
	static struct discount discounts[1];

	discounts[0] = money_ten_percent(2);
	row->discounts = discounts;
	row->discounts_len = ARRAY_LEN(discounts);
}

static void
is_trial(struct subscription *row)
{
	row->status = STR("trialing");
	row->trial_start = row->current_period_start;
	row->trial_end = row->current_period_end;
}

static void
changes_quantity(struct subscription *row)
{
	row->pending_plan_id = row->plan_id;
	row->pending_version_id = row->plan_version_id;
	row->pending_quantity = 2;
}

static void
ends(struct subscription *row)
{
	row->end_at = row->current_period_end;
}

struct due_row {
	const char *name;
	void (*prepare)(struct subscription *row);
	bool moves;
};

static const struct due_row due_rows[] = {
    {"a renewal", goes_on, true},
    {"a renewal with a discount", has_discount, true},
    {"the end of a trial", is_trial, true},
    {"a renewal with another quantity", changes_quantity, false},
    {"the end", ends, false},
};

START_TEST(test_what_falls_due_moves)
{
	const struct due_row *row = &due_rows[_i];
	struct subscription subscription, *subscription_row;
	struct customer customer;

	setup();
	hand_subscribe(&hand, WORLD_PLAN);
	money_item_add(&hand, 1, 1000);
	subscription_row = world_row(&hand.world, TABLE_SUBSCRIPTIONS, 0);
	row->prepare(subscription_row);
	subscription = *subscription_row;
	customer = *hand_customer(&hand);
	hand_chunk(&hand, "2027-02-28T09:30:00Z");
	ck_assert_msg(subscription.due_at.s != subscription_row->due_at.s, "%s", row->name);
	ck_assert_msg(row_moves(&rows_subscriptions, &subscription, subscription_row) == row->moves,
	    "%s: the subscription", row->name);
	ck_assert_msg(customer.latest_at.s != hand_customer(&hand)->latest_at.s, "%s", row->name);
	ck_assert_msg(row_moves(&rows_customers, &customer, hand_customer(&hand)),
	    "%s: the customer", row->name);
	hand_close(&hand);
	buf_release(&sent);
}
END_TEST

UNIT_MAIN("facts_store", UNIT_ROWS(test_stores_what_moved_alone, store_rows),
    UNIT(test_customers_and_what_does_not_move), UNIT_ROWS(test_what_falls_due_moves, due_rows))
