#include "common/codec/explanation.h"

#include <jansson.h>
#include <math.h>

#include "tests/unit/charges.h"

/* Each model's line, and what it says of itself; and that the amount can be computed from that
 * alone. */

#define CODE STR("code")
#define LIT(literal)                            \
	{                                       \
		"" literal, sizeof(literal) - 1 \
	} /* as STR, for tables */
#define LINES_MAX 3

#define END ",\"rounding\":\"half_away_from_zero\",\"credit\":false}"

struct line_row {
	const char *name;
	struct charge_text charge;
	const char *quantity;
	int64_t transactions;
	struct fraction fraction, max_fraction;
	const char *expected[LINES_MAX]; /* the explanations of its lines */
};

#define WHOLE        \
	{            \
		1, 1 \
	}
#define TIERS                                    \
	{                                        \
		{5, "700", 100}, {10, "650", 0}, \
		{                                \
			0, "600", 0              \
		}                                \
	}

static const struct line_row line_rows[] = {
    {"flat", {CHARGE_FLAT, CHARGE_ADVANCE, .amount = 2900}, "3", 0, {10, 31}, {10, 31},
	{"{\"model\":\"flat\",\"billing\":\"advance\",\"amount\":2900,\"exact\":\"2900\","
	 "\"fraction\":{\"part\":10,\"whole\":31}" END}},
    {"per unit", {CHARGE_PER_UNIT, CHARGE_ARREARS, .price = "0.0004", .free_units = "100"},
	"1234567.5", 0, WHOLE, WHOLE,
	{"{\"model\":\"per_unit\",\"billing\":\"arrears\",\"quantity\":\"1234567.5\","
	 "\"free_units\":\"100\",\"billable\":\"1234467.5\",\"unit_amount\":\"0.0004\","
	 "\"exact\":\"493.787\"" END}},
    {"graduated", {CHARGE_GRADUATED, CHARGE_ADVANCE, .tiers = TIERS}, "12", 0, WHOLE, WHOLE,
	{"{\"model\":\"graduated\",\"billing\":\"advance\",\"quantity\":\"12\",\"billable\":\"12\","
	 "\"tiers\":[{\"above\":0,\"up_to\":5,\"quantity\":\"5\",\"unit_amount\":\"700\","
	 "\"flat_amount\":100},{\"above\":5,\"up_to\":10,\"quantity\":\"5\","
	 "\"unit_amount\":\"650\",\"flat_amount\":0},{\"above\":10,\"up_to\":null,"
	 "\"quantity\":\"2\",\"unit_amount\":\"600\",\"flat_amount\":0}],\"exact\":\"8050\"" END}},
    {"volume", {CHARGE_VOLUME, CHARGE_ARREARS, .tiers = TIERS}, "7.5", 0, WHOLE, WHOLE,
	{"{\"model\":\"volume\",\"billing\":\"arrears\",\"quantity\":\"7.5\",\"billable\":\"7.5\","
	 "\"tiers\":[{\"above\":5,\"up_to\":10,\"quantity\":\"7.5\",\"unit_amount\":\"650\","
	 "\"flat_amount\":0}],\"exact\":\"4875\"" END}},
    {"package",
	{CHARGE_PACKAGE, CHARGE_ARREARS, .amount = 500, .package_size = 100, .free_units = "50"},
	"251", 0, WHOLE, WHOLE,
	{"{\"model\":\"package\",\"billing\":\"arrears\",\"quantity\":\"251\",\"free_units\":"
	 "\"50\","
	 "\"billable\":\"201\",\"package_size\":100,\"packages\":3,\"amount\":500,"
	 "\"exact\":\"1500\"" END}},
    {"percentage", {CHARGE_PERCENTAGE, CHARGE_ARREARS, .price = "2.9", .fixed_amount = 30}, "10000",
	4, WHOLE, WHOLE,
	{"{\"model\":\"percentage\",\"billing\":\"arrears\",\"quantity\":\"10000\","
	 "\"billable\":\"10000\",\"transactions\":4,\"rate\":\"2.9\",\"fixed_amount\":30,"
	 "\"exact\":\"410\"" END}},
    {"a minimum, prorated", {CHARGE_PER_UNIT, CHARGE_ARREARS, .price = "5", .min_amount = 1000},
	"3", 0, {1, 2}, {1, 2},
	{"{\"model\":\"per_unit\",\"billing\":\"arrears\",\"quantity\":\"3\",\"billable\":\"3\","
	 "\"unit_amount\":\"5\",\"exact\":\"15\"" END,
	    "{\"model\":\"per_unit\",\"billing\":\"arrears\",\"charged\":15,\"min_amount\":1000,"
	    "\"fraction\":{\"part\":1,\"whole\":2}" END}},
    {"a maximum", {CHARGE_PER_UNIT, CHARGE_ADVANCE, .price = "5", .max_amount = 10}, "3", 0, WHOLE,
	WHOLE,
	{"{\"model\":\"per_unit\",\"billing\":\"advance\",\"quantity\":\"3\",\"billable\":\"3\","
	 "\"unit_amount\":\"5\",\"exact\":\"15\"" END,
	    "{\"model\":\"per_unit\",\"billing\":\"advance\",\"charged\":15,"
	    "\"max_amount\":10" END}},
    {"a maximum of time that costs nothing",
	{CHARGE_PER_UNIT, CHARGE_ARREARS, .price = "5", .max_amount = 10}, "3", 0, {0, 30},
	{7776, 25920},
	{"{\"model\":\"per_unit\",\"billing\":\"arrears\",\"quantity\":\"3\",\"billable\":\"3\","
	 "\"unit_amount\":\"5\",\"exact\":\"15\"" END,
	    "{\"model\":\"per_unit\",\"billing\":\"arrears\",\"charged\":15,\"max_amount\":10,"
	    "\"fraction\":{\"part\":7776,\"whole\":25920}" END}},
    {"a maximum of time that costs nothing, whole",
	{CHARGE_PER_UNIT, CHARGE_ARREARS, .price = "5", .max_amount = 10}, "3", 0, {0, 1}, WHOLE,
	{"{\"model\":\"per_unit\",\"billing\":\"arrears\",\"quantity\":\"3\",\"billable\":\"3\","
	 "\"unit_amount\":\"5\",\"exact\":\"15\"" END,
	    "{\"model\":\"per_unit\",\"billing\":\"arrears\",\"charged\":15,"
	    "\"max_amount\":10" END}},
};

static struct bill bill; /* too large for the stack */

/* The bill of ${row}'s one charge; credited where asked for. */
static void
bill_make(const struct line_row *row, bool credit, struct charge *charge,
    struct charge_tier tiers[CHARGES_TIERS_MAX], struct plan_version *version,
    struct quantity *quantity)
{
	struct bill_part part = {
	    .version = version,
	    .billing = row->charge.billing,
	    .period = {{1000}, {2000}},
	    .fraction = row->fraction,
	    .max_fraction = row->max_fraction,
	    .quantities = quantity,
	    .quantities_len = 1,
	    .credit = credit,
	};

	*charge = charges_make(&row->charge, CODE, tiers);
	*version = (struct plan_version){.charges = charge, .charges_len = 1};
	*quantity = (struct quantity){
	    .charge_code = CODE,
	    .quantity = charges_decimal(row->quantity),
	    .transactions = row->transactions,
	};
	if (part.billing == CHARGE_ADVANCE)
		part.quantity = (int64_t)(quantity->quantity.units / DECIMAL_SCALE);
	bill_init(&bill);
	ck_assert_int_eq(bill_add(&bill, &part), REFUSAL_NONE);
}

/* The number that ${object} has as "name"; 0 when it has none. */
static long double
number_of(const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);

	return json_is_string(value) ? strtold(json_string_value(value), NULL)
				     : (long double)json_integer_value(value);
}

/* The amount that the explanation's reader comes to. */
static int64_t
amount_computed(const json_t *object)
{
	const json_t *fraction = json_object_get(object, "fraction");
	long double part = 1, whole = 1, amount;
	const char *bound =
	    json_object_get(object, "min_amount") != NULL ? "min_amount" : "max_amount";
	bool is_bound = json_object_get(object, "charged") != NULL;

	if (fraction != NULL) {
		part = number_of(fraction, "part");
		whole = number_of(fraction, "whole");
	}
	amount = number_of(object, is_bound ? bound : "exact");
	amount = (long double)(int64_t)(amount * part / whole + 0.5L);
	if (is_bound)
		amount -= number_of(object, "charged");
	return (int64_t)(json_is_true(json_object_get(object, "credit")) ? -amount : amount);
}

/* `exact` from what is before it: each model as the rules say it. */
static long double
exact_computed(const json_t *object)
{
	long double billable = number_of(object, "billable"), sum = 0;
	const char *model = json_string_value(json_object_get(object, "model"));
	const json_t *tier;
	size_t i;

	json_array_foreach(json_object_get(object, "tiers"), i, tier) sum +=
	    number_of(tier, "quantity") * number_of(tier, "unit_amount") +
	    number_of(tier, "flat_amount");
	if (strcmp(model, "flat") == 0)
		return number_of(object, "amount");
	if (strcmp(model, "package") == 0)
		return number_of(object, "packages") * number_of(object, "amount");
	if (strcmp(model, "percentage") == 0)
		return billable * number_of(object, "rate") / 100 +
		       number_of(object, "transactions") * number_of(object, "fixed_amount");
	return sum + billable * number_of(object, "unit_amount");
}

START_TEST(test_a_line_tells_how_it_was_computed)
{
	const struct line_row *row = &line_rows[_i];
	struct charge_tier tiers[CHARGES_TIERS_MAX];
	struct plan_version version;
	struct quantity quantity;
	struct charge charge;
	struct buf buf;

	buf_init(&buf, 4096);
	bill_make(row, false, &charge, tiers, &version, &quantity);
	for (size_t i = 0; i < LINES_MAX && row->expected[i] != NULL; i++) {
		ck_assert_msg(i < bill.len, "%s: %zu lines", row->name, bill.len);
		buf_clear(&buf);
		explanation_write(&bill.lines[i], &buf);
		unit_assert_str(buf_str(&buf), row->expected[i], row->name);
	}
	ck_assert_msg(
	    bill.len == (row->expected[1] == NULL ? 1 : 2), "%s: %zu lines", row->name, bill.len);
	buf_release(&buf);
}
END_TEST

static void
assert_computed(const struct line_row *row, bool credit)
{
	struct charge_tier tiers[CHARGES_TIERS_MAX];
	struct plan_version version;
	struct quantity quantity;
	struct charge charge;
	struct buf buf;

	buf_init(&buf, 4096);
	bill_make(row, credit, &charge, tiers, &version, &quantity);
	for (size_t i = 0; i < bill.len; i++) {
		int64_t sign = credit ? -1 : 1;
		json_t *object;

		buf_clear(&buf);
		explanation_write(&bill.lines[i], &buf);
		object = json_loadb(buf.ptr, buf.len, 0, NULL);
		ck_assert_msg(object != NULL, "%s: no JSON", row->name);
		if (json_object_get(object, "exact") != NULL)
			ck_assert_msg(
			    fabsl(exact_computed(object) - number_of(object, "exact")) < 1e-9L,
			    "%s: exact %Lf", row->name, exact_computed(object));
		/* What a maximum takes off is negative by itself. */
		ck_assert_msg(amount_computed(object) == bill.lines[i].amount, "%s, line %zu: %lld",
		    row->name, i, (long long)amount_computed(object));
		ck_assert_msg(bill.lines[i].kind == BILL_MAXIMUM || bill.lines[i].amount * sign > 0,
		    "%s: no amount", row->name);
		json_decref(object);
	}
	buf_release(&buf);
}

START_TEST(test_an_amount_can_be_computed_again)
{
	assert_computed(&line_rows[_i], false);
	assert_computed(&line_rows[_i], true);
}
END_TEST

/* Names are a customer's own: what JSON cannot hold is escaped. */
START_TEST(test_lines_as_an_invoice_has_them)
{
	struct charge_tier tiers[CHARGES_TIERS_MAX];
	struct plan_version version;
	struct quantity quantity;
	struct charge charge;
	json_t *array, *line;
	struct buf buf;

	buf_init(&buf, 4096);
	bill_make(&line_rows[6], true, &charge, tiers, &version, &quantity);
	charge.name = STR("Über \"A\\B\"\n");
	explanation_write_lines(&bill, &buf);
	array = json_loadb(buf.ptr, buf.len, 0, NULL);
	ck_assert_msg(array != NULL, "%.*s", STR_ARG(buf_str(&buf)));
	ck_assert_uint_eq(json_array_size(array), 2);
	line = json_array_get(array, 1);
	ck_assert_str_eq(
	    json_string_value(json_object_get(line, "description")), "Über \"A\\B\"\n");
	ck_assert_str_eq(json_string_value(json_object_get(line, "kind")), "minimum");
	ck_assert_int_eq(json_integer_value(json_object_get(line, "amount")), -485);
	ck_assert_str_eq(
	    json_string_value(json_object_get(line, "period_start")), "1970-01-01T00:16:40Z");
	ck_assert(json_is_null(json_object_get(line, "unit_amount_decimal")));
	ck_assert(json_is_object(json_object_get(line, "explanation")));
	json_decref(array);
	buf_clear(&buf);
	bill_init(&bill);
	explanation_write_lines(&bill, &buf);
	unit_assert_str(buf_str(&buf), "[]", "no lines");
	buf_clear(&buf);
	explanation_write_discounts(&bill, &buf);
	explanation_write_taxes(&bill, &buf);
	unit_assert_str(buf_str(&buf), "[][]", "no discounts and taxes");
	buf_release(&buf);
}
END_TEST

static const struct item setup = {
    .id = {{6}},
    .description = LIT("Setup \"on site\""),
    .amount = 5000,
};
static const struct tax_rate rates[] = {
    {.id = {{5}}, .code = LIT("at"), .name = LIT("USt"), .percentage = {20 * DECIMAL_SCALE}},
    {.id = {{8}}, .code = LIT("none"), .name = LIT("Zero"), .percentage = {0}, .inclusive = true},
};
static const struct discount coupons[] = {
    {.coupon_id = {{7}}, .code = LIT("SPRING"), .name = LIT("Spring \"sale\"")},
    {.coupon_id = {{9}}, .code = LIT("LATER"), .name = LIT("Later")},
};

/* One item, with a coupon's share and two taxes; what assess would make of it is not the question.
 */
static void
bill_item_make(void)
{
	struct bill_line *line = &bill.lines[0];

	bill_init(&bill);
	ck_assert_int_eq(
	    bill_add_item(&bill, &setup, (struct period){{1000}, {2000}}), REFUSAL_NONE);
	bill.plan_id = (struct uuid){{3}};
	bill.discounts_len = 2;
	bill.discounts[0] = (struct bill_discount){&coupons[0], 1000};
	bill.discounts[1] = (struct bill_discount){&coupons[1], 0};
	line->discount = line->discount_shares[0] = 1000;
	bill.taxes_len = line->taxes_len = 2;
	for (size_t i = 0; i < 2; i++) {
		bill.taxes[i] = (struct bill_tax){&rates[i], 4000, i == 0 ? 800 : 0};
		line->taxes[i] = (struct bill_line_tax){&rates[i], i == 0 ? 800 : 0};
	}
	line->tax = 800;
}

struct text_row {
	struct str text;
	const char *json;
};

static const struct text_row text_rows[] = {
    {{NULL, 0}, "\"\""},
    {{"", 0}, "\"\""},
    {{"a b", 3}, "\"a b\""},
    {{"\"", 1}, "\"\\\"\""},
    {{"\\\\", 2}, "\"\\\\\\\\\""},
    {{"\001", 1}, "\"\\u0001\""},
    {{"\n\037", 2}, "\"\\u000a\\u001f\""},
    {{"ab\"cd\\ef\tgh", 11}, "\"ab\\\"cd\\\\ef\\u0009gh\""},
    {{"\"ab\"", 4}, "\"\\\"ab\\\"\""},
    {{"\303\234\177", 3}, "\"\303\234\177\""},
    {{"a\0b", 3}, "\"a\\u0000b\""},
};

/* Whatever is in a name, byte for byte. */
START_TEST(test_a_text)
{
	const struct text_row *row = &text_rows[_i];
	struct item item = setup;
	char expected[100];
	struct buf buf;
	int len =
	    snprintf(expected, sizeof(expected), "\"description\":%s,\"plan_id\":", row->json);

	buf_init(&buf, 4096);
	bill_item_make();
	item.description = row->text;
	bill.lines[0].item = &item;
	explanation_write_lines(&bill, &buf);
	ck_assert_msg(memmem(buf.ptr, buf.len, expected, (size_t)len) != NULL, "%s: %.*s", expected,
	    STR_ARG(buf_str(&buf)));
	buf_release(&buf);
}
END_TEST

#define UUID(first) "\"" first "000000-0000-0000-0000-000000000000\""

START_TEST(test_discounts_and_taxes)
{
	struct buf buf;

	buf_init(&buf, 4096);
	bill_item_make();
	explanation_write(&bill.lines[0], &buf);
	unit_assert_str(buf_str(&buf),
	    "{\"kind\":\"item\",\"item_id\":" UUID("06") ",\"amount\":5000}", "an item");
	buf_clear(&buf);
	explanation_write_lines(&bill, &buf);
	unit_assert_str(buf_str(&buf),
	    "[{\"kind\":\"item\",\"charge_code\":\"item\",\"description\":\"Setup "
	    "\\\"on site\\\"\",\"plan_id\":" UUID(
		"03") ",\"proration\":false,\"quantity\":1,"
		      "\"quantity_decimal\":\"1\",\"unit_amount\":5000,\"unit_amount_decimal\":"
		      "\"5000\","
		      "\"amount\":5000,\"discount\":1000,\"discounts\":[{\"coupon_id\":" UUID(
			  "07") ",\"amount\":1000}],\"tax\":800,\"tax_included\":0,\"taxes\":[{"
				"\"tax_rate_id\":" UUID(
				    "05") ",\"inclusive\":false,\"amount\":800}"
					  ",{\"tax_rate_id\":" UUID(
					      "08") ",\"i"
						    "nclu"
						    "sive"
						    "\":"
						    "true"
						    ",\"a"
						    "moun"
						    "t\":"
						    "0}],"
						    "\"de"
						    "ferr"
						    "ed\""
						    ":fal"
						    "se,"
						    "\"cr"
						    "edit"
						    "ed\""
						    ":0,"
						    "\"pe"
						    "riod"
						    "_sta"
						    "rt\""
						    ":\"1"
						    "970-"
						    "01-"
						    "01T0"
						    "0:"
						    "16:"
						    "40Z"
						    "\","
						    "\"pe"
						    "riod"
						    "_end"
						    "\":"
						    "\"19"
						    "70-"
						    "01-"
						    "01T0"
						    "0:"
						    "33:"
						    "20Z"
						    "\","
						    "\"ex"
						    "plan"
						    "atio"
						    "n\":"
						    "{\"k"
						    "ind"
						    "\":"
						    "\"it"
						    "em\""
						    ",\"i"
						    "tem_"
						    "id\""
						    ":" UUID("06") ",\"amount\":5000}}]",
	    "an item's line");
	buf_clear(&buf);
	explanation_write_discounts(&bill, &buf);
	unit_assert_str(buf_str(&buf),
	    "[{\"coupon_id\":" UUID("07") ",\"code\":\"SPRING\",\"name\":\"Spring \\\"sale\\\"\","
					  "\"amount\":1000}]",
	    "what coupons take off");
	buf_clear(&buf);
	explanation_write_taxes(&bill, &buf);
	unit_assert_str(buf_str(&buf),
	    "[{\"tax_rate_id\":" UUID(
		"05") ",\"code\":\"at\",\"name\":\"USt\",\"percentage\":\"20\","
		      "\"inclusive\":false,\"taxable\":4000,\"amount\":800},{\"tax_rate_id\":" UUID(
			  "08") ",\"code\":\"none\",\"name\":\"Zero\",\"percentage\":\"0\","
				"\"inclusive\":true,"
				"\"taxable\":4000,\"amount\":0}]",
	    "what taxes come to");
	buf_release(&buf);
}
END_TEST

UNIT_MAIN("explanation", UNIT_ROWS(test_a_line_tells_how_it_was_computed, line_rows),
    UNIT_ROWS(test_an_amount_can_be_computed_again, line_rows),
    UNIT(test_lines_as_an_invoice_has_them), UNIT_ROWS(test_a_text, text_rows),
    UNIT(test_discounts_and_taxes))
