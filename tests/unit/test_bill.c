#include "common/domain/bill.h"

#include "tests/unit/charges.h"

#define CHARGES 8
#define START "2026-01-01T00:00:00Z"
#define END "2026-02-01T00:00:00Z"

/* Codes are "a", "b", … in the order of the rows. */
static const struct charge_text charge_rows[CHARGES] = {
    {CHARGE_FLAT, .amount = 1000},                                                  /* a */
    {CHARGE_PER_UNIT, .price = "7", .min_amount = 50},                              /* b */
    {CHARGE_PER_UNIT, CHARGE_ARREARS, .price = "0.5", .min_amount = 20},            /* c */
    {CHARGE_GRADUATED, CHARGE_ARREARS, .tiers = {{10, "3", 0}, {0, "2", 0}}},       /* d */
    {.model = CHARGE_FLAT},                                                         /* e */
    {CHARGE_VOLUME, CHARGE_ARREARS, .tiers = {{0, "4", 9}}, .max_amount = 100},     /* f */
    {CHARGE_PERCENTAGE, CHARGE_ARREARS, .price = "1", .fixed_amount = 3},           /* g */
    {CHARGE_PERCENTAGE, CHARGE_ARREARS, .price = "1", .transaction_min_amount = 9}, /* h */
};

struct world {
	struct charge_tier tiers[CHARGES][CHARGES_TIERS_MAX];
	struct charge charges[CHARGES];
	struct plan_version version;
	struct quantity quantities[CHARGES];
	struct bill_part part;
	struct bill bill;
};

static struct world *
world_make(void)
{
	static struct world world;
	static const char *const codes[CHARGES] = {"a", "b", "c", "d", "e", "f", "g", "h"};

	memset(&world, 0xa5, sizeof(world));
	for (size_t i = 0; i < CHARGES; i++)
		world.charges[i] =
		    charges_make(&charge_rows[i], str_from(codes[i]), world.tiers[i]);
	world.version = (struct plan_version){.charges = world.charges, .charges_len = CHARGES};
	world.part = (struct bill_part){
	    .version = &world.version,
	    .billing = CHARGE_ADVANCE,
	    .period = {unit_instant(START), unit_instant(END)},
	    .fraction = FRACTION_WHOLE,
	    .max_fraction = FRACTION_WHOLE,
	    .quantity = 3,
	    .quantities = world.quantities,
	};
	bill_init(&world.bill);
	return &world;
}

static void
report(struct world *world, struct str code, const char *quantity, int64_t transactions,
    const char *fees)
{
	world->quantities[world->part.quantities_len++] = (struct quantity){
	    .charge_code = code,
	    .quantity = charges_decimal(quantity),
	    .transactions = transactions,
	    .fees = charges_decimal(fees),
	};
}

struct line_row {
	const char *code;
	enum bill_line_kind kind;
	int64_t amount;
};

/* The bill's lines from ${first} on are these, and no others. */
static void
assert_lines(const struct world *world, size_t first, const struct line_row *rows, size_t len)
{
	int64_t total = 0;

	ck_assert_uint_eq(world->bill.len, first + len);
	for (size_t i = 0; i < len; i++) {
		const struct bill_line *line = &world->bill.lines[first + i];
		char what[64];

		snprintf(what, sizeof(what), "line %zu", first + i + 1);
		unit_assert_str(line->rating.charge->code, rows[i].code, what);
		ck_assert_msg(line->kind == rows[i].kind, "%s: kind %d", what, (int)line->kind);
		ck_assert_msg(line->amount == rows[i].amount, "%s: %" PRId64, what, line->amount);
		ck_assert_ptr_eq(line->version, &world->version);
		ck_assert(line->credit == world->part.credit);
		ck_assert(line->proration == world->part.proration);
		unit_assert_instant(line->period.start, START, what);
		unit_assert_instant(line->period.end, END, what);
	}
	for (size_t i = 0; i < world->bill.len; i++)
		total += world->bill.lines[i].amount;
	ck_assert_int_eq(world->bill.total, total);
	ck_assert_int_eq(world->bill.subtotal, total);
}

/* Nothing is taken off a line, or added to it, before it is assessed. */
static void
assert_plain(const struct bill *bill)
{
	for (size_t i = 0; i < bill->len; i++) {
		const struct bill_line *line = &bill->lines[i];

		ck_assert_int_eq(line->discount, 0);
		for (size_t j = 0; j < DISCOUNTS_MAX; j++)
			ck_assert_int_eq(line->discount_shares[j], 0);
		ck_assert_int_eq(line->tax, 0);
		ck_assert_int_eq(line->tax_included, 0);
		ck_assert_uint_eq(line->taxes_len, 0);
	}
	ck_assert(bill->discount == 0 && bill->tax == 0 && bill->tax_included == 0);
	ck_assert(bill->discounts_len == 0 && bill->taxes_len == 0);
}

START_TEST(test_a_period_in_advance)
{
	static const struct line_row lines[] = {
	    {"a", BILL_CHARGE, 1000},
	    {"b", BILL_CHARGE, 21},
	    {"b", BILL_MINIMUM, 29},
	    {"e", BILL_CHARGE, 0},
	};
	struct world *world = world_make();

	/* What was reported is not for charges in advance. */
	report(world, STR("b"), "500", 1, "0");
	ck_assert_int_eq(bill_add(&world->bill, &world->part), REFUSAL_NONE);
	assert_lines(world, 0, lines, ARRAY_LEN(lines));
	ck_assert_int_eq(world->bill.lines[2].rating.minimum, 29);
	ck_assert_int_eq(world->bill.lines[2].rating.amount, 21);
	ck_assert_ptr_null(world->bill.lines[2].item);
	assert_plain(&world->bill);
}
END_TEST

START_TEST(test_a_period_in_arrears)
{
	static const struct line_row lines[] = {
	    {"c", BILL_CHARGE, 13},
	    {"c", BILL_MINIMUM, 7},
	    {"d", BILL_CHARGE, 34},
	    {"f", BILL_CHARGE, 129},
	    {"f", BILL_MAXIMUM, -29},
	    {"g", BILL_CHARGE, 26},
	    {"h", BILL_CHARGE, 19},
	};
	struct world *world = world_make();

	report(world, STR("h"), "200", 2, "18.5");
	report(world, STR("d"), "12", 1, "0");
	report(world, STR("x"), "1000", 1, "0");
	report(world, STR("f"), "30", 4, "0");
	report(world, STR("g"), "2000", 2, "0");
	report(world, STR("c"), "25.5", 1, "0");
	world->part.billing = CHARGE_ARREARS;
	ck_assert_int_eq(bill_add(&world->bill, &world->part), REFUSAL_NONE);
	assert_lines(world, 0, lines, ARRAY_LEN(lines));
	ck_assert_uint_eq(world->bill.lines[2].rating.tiers_len, 2);
	ck_assert_uint_eq(world->bill.lines[4].rating.tiers_len, 1);
}
END_TEST

START_TEST(test_arrears_without_a_report)
{
	static const struct line_row lines[] = {
	    {"c", BILL_MINIMUM, 20},
	    {"d", BILL_CHARGE, 0},
	    {"f", BILL_CHARGE, 9},
	};
	struct world *world = world_make();

	world->part.billing = CHARGE_ARREARS;
	ck_assert_int_eq(bill_add(&world->bill, &world->part), REFUSAL_NONE);
	assert_lines(world, 0, lines, ARRAY_LEN(lines));
}
END_TEST

/* Of no time at all nothing is owed but what was used in it: no first tier, and not what was taken
 * back. */
START_TEST(test_arrears_of_no_time)
{
	static const struct line_row lines[] = {{"f", BILL_CHARGE, 129}};
	struct world *world = world_make();

	report(world, STR("d"), "0", 0, "0");
	report(world, STR("f"), "30", 1, "0");
	world->part.billing = CHARGE_ARREARS;
	world->part.used_only = true;
	world->part.fraction = (struct fraction){0, 1};
	world->part.max_fraction = (struct fraction){0, 1};
	ck_assert_int_eq(bill_add(&world->bill, &world->part), REFUSAL_NONE);
	assert_lines(world, 0, lines, ARRAY_LEN(lines));
}
END_TEST

/* What was used in time that costs nothing is bounded from above, and not from below. */
START_TEST(test_arrears_of_time_that_costs_nothing)
{
	static const struct line_row lines[] = {
	    {"c", BILL_CHARGE, 5},
	    {"f", BILL_CHARGE, 129},
	    {"f", BILL_MAXIMUM, -79},
	};
	struct world *world = world_make();

	report(world, STR("c"), "10", 1, "0");
	report(world, STR("f"), "30", 1, "0");
	world->part.billing = CHARGE_ARREARS;
	world->part.proration = true;
	world->part.fraction = (struct fraction){0, 1};
	world->part.max_fraction = (struct fraction){1, 2};
	ck_assert_int_eq(bill_add(&world->bill, &world->part), REFUSAL_NONE);
	assert_lines(world, 0, lines, ARRAY_LEN(lines));
}
END_TEST

/* A credit of the rest, then a charge for it: each line is rounded for itself, and what is nothing
 * is left out. */
START_TEST(test_a_change_inside_a_period)
{
	static const struct line_row credited[] = {
	    {"a", BILL_CHARGE, -333},
	    {"b", BILL_CHARGE, -7},
	    {"b", BILL_MINIMUM, -10},
	};
	static const struct line_row charged[] = {
	    {"a", BILL_CHARGE, 333},
	    {"b", BILL_CHARGE, 14},
	    {"b", BILL_MINIMUM, 3},
	};
	struct world *world = world_make();

	world->part.fraction = world->part.max_fraction = (struct fraction){1, 3};
	world->part.credit = world->part.proration = true;
	ck_assert_int_eq(bill_add(&world->bill, &world->part), REFUSAL_NONE);
	assert_lines(world, 0, credited, ARRAY_LEN(credited));
	ck_assert_int_eq(world->bill.total, -350);

	world->part.credit = false;
	world->part.quantity = 6;
	ck_assert_int_eq(bill_add(&world->bill, &world->part), REFUSAL_NONE);
	assert_lines(world, ARRAY_LEN(credited), charged, ARRAY_LEN(charged));
	ck_assert_int_eq(world->bill.total, 0);
}
END_TEST

START_TEST(test_a_credit_gives_back_what_a_maximum_took_off)
{
	static const struct line_row lines[] = {
	    {"a", BILL_CHARGE, -1000}, {"a", BILL_MAXIMUM, 400}};
	struct world *world = world_make();

	world->charges[0].max_amount = 600;
	world->version.charges_len = 1;
	world->part.credit = true;
	ck_assert_int_eq(bill_add(&world->bill, &world->part), REFUSAL_NONE);
	assert_lines(world, 0, lines, ARRAY_LEN(lines));
}
END_TEST

START_TEST(test_the_most_lines_there_can_be)
{
	struct world *world = world_make();
	struct charge charges[CHARGES_MAX];

	for (size_t i = 0; i < CHARGES_MAX; i++) {
		charges[i] = charge_base(STR("Base"), 1);
		charges[i].min_amount = 2;
	}
	world->version = (struct plan_version){.charges = charges, .charges_len = CHARGES_MAX};
	/* A change has those of the old version and of the new one. */
	ck_assert_int_eq(bill_add(&world->bill, &world->part), REFUSAL_NONE);
	ck_assert_int_eq(bill_add(&world->bill, &world->part), REFUSAL_NONE);
	ck_assert_uint_eq(world->bill.len, 80);
	ck_assert_int_eq(world->bill.total, 80);
	ck_assert_uint_le(world->bill.len, BILL_CHARGE_LINES_MAX);
}
END_TEST

START_TEST(test_items_come_behind_charges)
{
	static const struct item item = {.amount = 250, .currency = {"EUR"}};
	const struct bill_line *line;
	struct world *world = world_make();

	ck_assert_int_eq(bill_add(&world->bill, &world->part), REFUSAL_NONE);
	ck_assert_int_eq(bill_add_item(&world->bill, &item, world->part.period), REFUSAL_NONE);
	ck_assert_uint_eq(world->bill.len, 5);
	line = &world->bill.lines[4];
	ck_assert_int_eq(line->kind, BILL_ITEM);
	ck_assert_ptr_eq(line->item, &item);
	ck_assert_ptr_null(line->version);
	ck_assert(!line->credit && !line->proration);
	ck_assert_int_eq(line->amount, 250);
	unit_assert_instant(line->period.start, START, "item");
	unit_assert_instant(line->period.end, END, "item");
	ck_assert_int_eq(world->bill.subtotal, 1300);
	ck_assert_int_eq(world->bill.total, 1300);
	assert_plain(&world->bill);
}
END_TEST

START_TEST(test_an_item_beyond_the_total)
{
	static const struct item item = {.amount = INT64_MAX};
	struct world *world = world_make();

	ck_assert_int_eq(bill_add_item(&world->bill, &item, world->part.period), REFUSAL_NONE);
	ck_assert_int_eq(
	    bill_add_item(&world->bill, &item, world->part.period), REFUSAL_AMOUNT_OUT_OF_RANGE);
}
END_TEST

struct range_row {
	const char *name;
	int64_t amounts[2], least;
	bool credit;
	enum refusal expected;
};

static const struct range_row range_rows[] = {
    {"up to the largest total", {INT64_MAX - 1, 1}, 0, false, REFUSAL_NONE},
    {"beyond it", {INT64_MAX, 1}, 0, false, REFUSAL_AMOUNT_OUT_OF_RANGE},
    {"the largest credit", {INT64_MAX - 1, 1}, 0, true, REFUSAL_NONE},
    {"beyond it, which no charge could make good", {INT64_MAX, 1}, 0, true,
	REFUSAL_AMOUNT_OUT_OF_RANGE},
    {"a minimum beyond the total", {INT64_MAX - 5, 1}, 9, false, REFUSAL_AMOUNT_OUT_OF_RANGE},
};

START_TEST(test_totals_never_wrap)
{
	const struct range_row *row = &range_rows[_i];
	struct world *world = world_make();
	struct charge charges[2] = {
	    charge_base(STR("One"), row->amounts[0]), charge_base(STR("Two"), row->amounts[1])};

	charges[1].min_amount = row->least == 0 ? AMOUNT_NONE : row->least;
	world->version = (struct plan_version){.charges = charges, .charges_len = 2};
	world->part.credit = row->credit;
	ck_assert_msg(bill_add(&world->bill, &world->part) == row->expected, "%s", row->name);
}
END_TEST

START_TEST(test_a_line_out_of_range)
{
	struct world *world = world_make();

	world->charges[1].unit_amount = decimal_from(DECIMAL_WHOLE_MAX);
	world->part.quantity = DECIMAL_WHOLE_MAX;
	ck_assert_int_eq(bill_add(&world->bill, &world->part), REFUSAL_AMOUNT_OUT_OF_RANGE);
}
END_TEST

START_TEST(test_kinds)
{
	unit_assert_str(bill_line_kind_name(BILL_CHARGE), "charge", "kind");
	unit_assert_str(bill_line_kind_name(BILL_MINIMUM), "minimum", "kind");
	unit_assert_str(bill_line_kind_name(BILL_MAXIMUM), "maximum", "kind");
	unit_assert_str(bill_line_kind_name(BILL_ITEM), "item", "kind");
}
END_TEST

START_TEST(test_what_a_balance_can_take)
{
	struct world *world = world_make();

	world->bill.total = -1;
	ck_assert(bill_fits(&world->bill, INT64_MAX - 1));
	ck_assert(!bill_fits(&world->bill, INT64_MAX));
	world->bill.total = INT64_MAX;
	ck_assert(bill_fits(&world->bill, 0));
	ck_assert(bill_fits(&world->bill, INT64_MAX));
}
END_TEST

/* Of its lines alone: what lies behind them is of bills before. */
START_TEST(test_which_discounts_it_has)
{
	static struct bill bill;

	memset(&bill, 0xa5, sizeof(bill));
	bill_init(&bill);
	ck_assert(uuid_is_nil(bill.plan_id));
	ck_assert(bill.subtotal == 0 && bill.total == 0);
	ck_assert(bill.discount == 0 && bill.tax == 0 && bill.tax_included == 0);
	bill.discounts_len = 3;
	bill.len = 2;
	memset(bill.lines[0].discount_shares, 0, sizeof(bill.lines[0].discount_shares));
	memset(bill.lines[1].discount_shares, 0, sizeof(bill.lines[1].discount_shares));
	bill.lines[1].discount_shares[1] = -1;
	bill.lines[0].discount_shares[2] = 1;
	ck_assert(!bill_has_discount(&bill, 0));
	ck_assert(bill_has_discount(&bill, 1));
	ck_assert(bill_has_discount(&bill, 2));
}
END_TEST

START_TEST(test_a_bill_that_is_full_is_a_bug)
{
	struct world *world = world_make();

	for (int i = 0; i < BILL_CHARGE_LINES_MAX; i++)
		ck_assert_int_eq(bill_add(&world->bill, &world->part), REFUSAL_NONE);
}
END_TEST

START_TEST(test_an_item_of_nothing_is_a_bug)
{
	static const struct item item = {.amount = 0};
	struct world *world = world_make();

	ck_assert_int_eq(bill_add_item(&world->bill, &item, world->part.period), REFUSAL_NONE);
}
END_TEST

START_TEST(test_a_negative_quantity_is_a_bug)
{
	struct world *world = world_make();

	world->part.quantity = -1;
	ck_assert_int_eq(bill_add(&world->bill, &world->part), REFUSAL_NONE);
}
END_TEST

UNIT_MAIN("bill", UNIT(test_a_period_in_advance), UNIT(test_a_period_in_arrears),
    UNIT(test_arrears_without_a_report), UNIT(test_arrears_of_time_that_costs_nothing),
    UNIT(test_arrears_of_no_time), UNIT(test_a_change_inside_a_period),
    UNIT(test_a_credit_gives_back_what_a_maximum_took_off), UNIT(test_the_most_lines_there_can_be),
    UNIT(test_items_come_behind_charges), UNIT(test_an_item_beyond_the_total),
    UNIT_ROWS(test_totals_never_wrap, range_rows), UNIT(test_a_line_out_of_range), UNIT(test_kinds),
    UNIT(test_what_a_balance_can_take), UNIT(test_which_discounts_it_has),
    UNIT_ABORTS(test_a_bill_that_is_full_is_a_bug), UNIT_ABORTS(test_an_item_of_nothing_is_a_bug),
    UNIT_ABORTS(test_a_negative_quantity_is_a_bug))
