#include "common/domain/journal.h"

#include "tests/unit/unit.h"

#define NOW "2026-06-01T00:00:00Z"
#define ACCOUNTS 9
#define RANDOM_STORIES 500
#define NOTES 5

/* The accounts in the order of the struct's. */
struct accounts {
	int64_t moved[ACCOUNTS];
};

static struct accounts
accounts_of(const struct journal_entry *entry)
{
	return (struct accounts){{entry->receivable, entry->cash, entry->customer_credit,
	    entry->deferred_revenue, entry->revenue, entry->tax_payable, entry->refunds_payable,
	    entry->bad_debt, entry->credits_granted}};
}

static const struct invoice invoice = {.id = {{5}},
    .subtotal = 10000,
    .discount = 1000,
    .tax = 2000,
    .tax_included = 500,
    .total = 10500,
    .credit_applied = 300,
    .amount_due = 10200,
    .amount_credited = 1050,
    .credited_total = 1050};
static const struct credit_entry credit = {
    .id = {{6}}, .amount = 1200, .tax = -200, .balance_after = 1200};
static const struct credit_entry taken_back = {.id = {{6}}, .amount = -700};
static const struct credit_note note = {.id = {{7}},
    .subtotal = 1000,
    .tax = 200,
    .tax_included = 100,
    .total = 1100,
    .applied = 500,
    .credited = 250,
    .refunded = 350};
static const struct payment payment = {.id = {{8}}, .kind = {"payment", 7}, .amount = 900};
static const struct payment refund = {.id = {{9}}, .kind = {"refund", 6}, .amount = 350};
static const struct subscription subscription = {.id = {{4}}};

static void
book_invoice(struct journal_entry *entry)
{
	journal_invoice(&invoice, (struct earnings){2500, 6000}, entry);
}

static void
book_credit(struct journal_entry *entry)
{
	journal_credit(&credit, (struct earnings){50, -1050}, credit.tax, entry);
}

static void
book_grant(struct journal_entry *entry)
{
	struct credit_entry given = credit;

	given.amount = 700;
	journal_grant(&given, entry);
}

static void
book_grant_back(struct journal_entry *entry)
{
	journal_grant(&taken_back, entry);
}

static void
book_revenue(struct journal_entry *entry)
{
	journal_revenue(&subscription, 1000, entry);
}

static void
book_note(struct journal_entry *entry)
{
	journal_credit_note(&note, 600, entry);
}

static void
book_void(struct journal_entry *entry)
{
	journal_void(&invoice, 1800, 4000, entry);
}

static void
book_uncollectible(struct journal_entry *entry)
{
	journal_uncollectible(&invoice, 9150, entry);
}

static void
book_payment(struct journal_entry *entry)
{
	journal_payment(&payment, entry);
}

static void
book_refund(struct journal_entry *entry)
{
	journal_refund(&refund, entry);
}

static void
book_refund_failed(struct journal_entry *entry)
{
	journal_refund_failed(&refund, entry);
}

struct entry_row {
	void (*book)(struct journal_entry *entry);
	const char *reason, *document_type;
	uint8_t document; /* the first byte of its id */
	/* receivable, cash, customer_credit, deferred_revenue, revenue, tax_payable,
	 * refunds_payable, bad_debt, credits_granted */
	struct accounts expected;
};

static const struct entry_row entry_rows[] = {
    {book_invoice, "invoice", "invoice", 5, {{10200, 0, 300, -6000, -2500, -2000, 0, 0, 0}}},
    {book_credit, "credit", "credit_entry", 6, {{0, 0, -1200, 1050, -50, 200, 0, 0, 0}}},
    {book_grant, "credit", "credit_entry", 6, {{0, 0, -700, 0, 0, 0, 0, 0, 700}}},
    {book_grant_back, "credit", "credit_entry", 6, {{0, 0, 700, 0, 0, 0, 0, 0, -700}}},
    {book_revenue, "revenue", "subscription", 4, {{0, 0, 0, 1000, -1000, 0, 0, 0, 0}}},
    {book_note, "credit_note", "credit_note", 7, {{-500, 0, -250, 600, 300, 200, -350, 0, 0}}},
    {book_void, "invoice_void", "invoice", 5, {{-9150, 0, -300, 4000, 3650, 1800, 0, 0, 0}}},
    {book_uncollectible, "invoice_uncollectible", "invoice", 5,
	{{-9150, 0, 0, 0, 0, 0, 0, 9150, 0}}},
    {book_payment, "payment", "payment", 8, {{-900, 900, 0, 0, 0, 0, 0, 0, 0}}},
    {book_refund, "refund", "payment", 9, {{0, -350, 0, 0, 0, 0, 350, 0, 0}}},
    {book_refund_failed, "refund_failed", "payment", 9, {{0, 0, -350, 0, 0, 0, 350, 0, 0}}},
};

START_TEST(test_entries)
{
	const struct entry_row *row = &entry_rows[_i];
	struct journal_entry entry = {.id = {{77}}, .shard = 3, .created_ms = 9};
	struct accounts moved;

	row->book(&entry);
	unit_assert_str(entry.reason, row->reason, row->reason);
	unit_assert_str(entry.document_type, row->document_type, row->reason);
	ck_assert_msg(
	    uuid_equal(entry.document_id, (struct uuid){{row->document}}), "%s", row->reason);
	moved = accounts_of(&entry);
	for (size_t i = 0; i < ACCOUNTS; i++)
		ck_assert_msg(moved.moved[i] == row->expected.moved[i], "%s: account %zu: %" PRId64,
		    row->reason, i, moved.moved[i]);
	/* The rest of it is the caller's. */
	ck_assert(uuid_equal(entry.id, (struct uuid){{77}}));
	ck_assert_int_eq(entry.shard, 3);
	ck_assert_int_eq(entry.created_ms, 9);
}
END_TEST

static void
bug_earnings(struct journal_entry *entry)
{
	journal_invoice(&invoice, (struct earnings){2500, 6001}, entry);
}

static void
bug_tax(struct journal_entry *entry)
{
	journal_credit(&credit, (struct earnings){50, -1050}, 200, entry);
}

static void
bug_void_paid(struct journal_entry *entry)
{
	struct invoice paid = invoice;

	paid.amount_paid = 1;
	journal_void(&paid, 1800, 4000, entry);
}

static void
bug_kind(struct journal_entry *entry)
{
	journal_refund(&payment, entry);
}

static void
bug_nothing_remained(struct journal_entry *entry)
{
	journal_uncollectible(&invoice, 0, entry);
}

static void (*const bug_rows[])(struct journal_entry *entry) = {
    bug_earnings, bug_tax, bug_void_paid, bug_kind, bug_nothing_remained};

START_TEST(test_what_does_not_balance_is_a_bug)
{
	struct journal_entry entry = {.revenue = 0};

	bug_rows[_i](&entry);
}
END_TEST

/* An invoice of one line, and what all entries about it have come to. */
struct story {
	struct invoice invoice;
	struct invoice_line line;
	struct line_tax taxes[2], kept[2];
	struct invoice_tax rates[2];
	struct accounts sums;
	int64_t deferred; /* of what was issued, and not taken back */
	int64_t tax_left;
};

static void
story_book(struct story *story, const struct journal_entry *entry)
{
	struct accounts moved = accounts_of(entry);
	int64_t sum = 0;

	for (size_t i = 0; i < ACCOUNTS; i++) {
		sum += moved.moved[i];
		story->sums.moved[i] += moved.moved[i];
	}
	ck_assert_int_eq(sum, 0);
	story->deferred -= entry->deferred_revenue;
}

/* Two taxes on a line, of which the second is in its price; a part may be paid by the balance. */
static void
story_begin(struct story *story, uint64_t *random)
{
	int64_t amount = 100 + (int64_t)unit_random(random, 100000);
	int64_t added = (int64_t)unit_random(random, (uint64_t)amount / 2);
	int64_t included = (int64_t)unit_random(random, (uint64_t)amount / 2);
	int64_t net = amount - included, total = amount + added;
	int64_t deferred = (int64_t)unit_random(random, (uint64_t)net + 1);
	struct journal_entry entry = {.revenue = 0};

	memset(story, 0, sizeof(*story));
	story->taxes[0] = (struct line_tax){{{1}}, false, added};
	story->taxes[1] = (struct line_tax){{{2}}, true, included};
	story->rates[0] = (struct invoice_tax){.tax_rate_id = {{1}}, .amount = added};
	story->rates[1] =
	    (struct invoice_tax){.tax_rate_id = {{2}}, .inclusive = true, .amount = included};
	story->line = (struct invoice_line){
	    .id = {{6}}, .amount = amount, .taxes = story->taxes, .taxes_len = 2};
	story->invoice = (struct invoice){
	    .id = {{5}},
	    .status = STR("open"),
	    .lines_len = 1,
	    .taxes = story->rates,
	    .taxes_len = 2,
	    .subtotal = amount,
	    .tax = added + included,
	    .tax_included = included,
	    .total = total,
	    .credit_applied = (int64_t)unit_random(random, (uint64_t)total),
	};
	story->invoice.amount_due = total - story->invoice.credit_applied;
	story->tax_left = added + included;
	journal_invoice(&story->invoice, (struct earnings){net - deferred, deferred}, &entry);
	story_book(story, &entry);
}

static void
story_credit(struct story *story, uint64_t *random)
{
	struct credit_note_line lines[1];
	struct line_tax taxes[4];
	struct invoice_tax rates[2];
	const struct credit_note_room room = {lines, taxes, rates};
	struct credit_wish wish = {
	    {{6}}, 1 + (int64_t)unit_random(random, (uint64_t)story->line.amount)};
	struct credit_note made = {.id = {{7}}};
	struct journal_entry entry = {.revenue = 0};
	bool all = unit_random(random, 8) == 0;
	int64_t net;

	if (credit_note_issue(&story->invoice, &story->line, &wish, all ? 0 : 1,
		unit_random(random, 2) == 0, &room, unit_instant(NOW), &made) != REFUSAL_NONE)
		return;
	memcpy(story->kept, story->line.credited_taxes, sizeof(story->kept));
	story->line.credited_taxes = story->kept;
	story->tax_left -= made.tax;
	net = made.subtotal - made.tax_included;
	net = net < story->deferred ? net : story->deferred;
	journal_credit_note(&made, (int64_t)unit_random(random, (uint64_t)net + 1), &entry);
	story_book(story, &entry);
	if (made.refunded == 0)
		return;
	{
		struct payment back = {.id = {{9}}, .kind = STR("refund"), .amount = made.refunded};

		if (unit_random(random, 2) == 0)
			journal_refund(&back, &entry);
		else
			journal_refund_failed(&back, &entry);
		story_book(story, &entry);
	}
}

static void
story_pay(struct story *story, uint64_t *random)
{
	struct payment made = {.id = {{8}},
	    .kind = STR("payment"),
	    .amount = 1 + (int64_t)unit_random(random, (uint64_t)story->line.amount)};
	struct journal_entry entry = {.revenue = 0};

	if (invoice_pay(&story->invoice, made.amount, unit_instant(NOW)) != REFUSAL_NONE)
		return;
	journal_payment(&made, &entry);
	story_book(story, &entry);
}

static void
story_end(struct story *story, uint64_t *random)
{
	int64_t remaining = invoice_remaining(&story->invoice);
	struct journal_entry entry = {.revenue = 0};

	if (unit_random(random, 2) == 0 &&
	    invoice_void(&story->invoice, unit_instant(NOW)) == REFUSAL_NONE) {
		journal_void(&story->invoice, story->tax_left, story->deferred, &entry);
		story_book(story, &entry);
	} else if (invoice_give_up(&story->invoice, unit_instant(NOW)) == REFUSAL_NONE) {
		journal_uncollectible(&story->invoice, remaining, &entry);
		story_book(story, &entry);
	}
}

static void
assert_agrees(const struct story *story)
{
	const struct invoice *told = &story->invoice;
	const int64_t *moved = story->sums.moved;
	bool is_void = str_equal(told->status, STR("void"));

	/* The journal's receivable is what is to be paid, its tax what is left of it. */
	ck_assert_int_eq(moved[0], invoice_remaining(told));
	ck_assert_int_eq(-moved[5], is_void ? 0 : story->tax_left);
	ck_assert_int_le(moved[1], told->amount_paid);
	ck_assert_int_ge(moved[1], told->amount_paid - told->amount_refunded);
	ck_assert_int_eq(moved[6], 0);
	if (is_void)
		for (size_t i = 0; i < ACCOUNTS; i++)
			ck_assert_int_eq(moved[i], 0);
	else
		ck_assert_int_eq(-moved[3] - moved[4],
		    told->total - told->tax -
			(told->credited_total - (told->tax - story->tax_left)));
}

/* An invoice is issued, paid, credited, and perhaps let go, in any order. */
START_TEST(test_random_stories_balance)
{
	uint64_t random = unit_seed("journal");
	int voids = 0;

	for (int n = 0; n < RANDOM_STORIES; n++) {
		bool unpaid = unit_random(&random, 2) == 0;
		struct story story;

		story_begin(&story, &random);
		assert_agrees(&story);
		for (int m = 0; m < NOTES; m++) {
			if (!unpaid && unit_random(&random, 2) == 0)
				story_pay(&story, &random);
			else
				story_credit(&story, &random);
			assert_agrees(&story);
		}
		story_end(&story, &random);
		assert_agrees(&story);
		voids += str_equal(story.invoice.status, STR("void")) ? 1 : 0;
	}
	ck_assert_int_gt(voids, 0);
}
END_TEST

UNIT_MAIN("journal", UNIT_ROWS(test_entries, entry_rows),
    UNIT_ABORTS_ROWS(test_what_does_not_balance_is_a_bug, bug_rows),
    UNIT(test_random_stories_balance))
