#include "common/icu/iso.h"

#include "tests/unit/unit.h"

struct currency_row {
	const char *name;
	struct str code;
	int exponent; /* -1 when it is not known */
};

/* From the published list of ISO 4217. */
static const struct currency_row currency_rows[] = {
    {"two decimals", {"USD", 3}, 2},
    {"the euro", {"EUR", 3}, 2},
    {"no decimals", {"JPY", 3}, 0},
    {"no decimals: won", {"KRW", 3}, 0},
    {"no decimals: Chilean peso", {"CLP", 3}, 0},
    {"no decimals: Iceland's krona", {"ISK", 3}, 0},
    {"no decimals: Uganda's shilling", {"UGX", 3}, 0},
    {"three decimals", {"KWD", 3}, 3},
    {"three decimals: Tunisia's dinar", {"TND", 3}, 3},
    {"three decimals, though none is shown", {"IQD", 3}, 3},
    {"two decimals, though none is shown", {"RSD", 3}, 2},
    {"two decimals of which ICU 72 shows none", {"LBP", 3}, 2},
    {"the ouguiya's fifths count as two decimals", {"MRU", 3}, 2},
    {"newer than ICU 72", {"XCG", 3}, 2},
    {"a currency of several countries", {"XOF", 3}, 0},
    {"first of the list", {"AED", 3}, 2},
    {"last of the list", {"ZWG", 3}, 2},
    {"only the length counts, not the NUL", {"USDX", 3}, 2},
    {"a withdrawn currency", {"DEM", 3}, -1},
    {"withdrawn since ICU 72", {"HRK", 3}, -1},
    {"gold", {"XAU", 3}, -1},
    {"the test code", {"XTS", 3}, -1},
    {"no currency", {"XXX", 3}, -1},
    {"a fund", {"CHE", 3}, -1},
    {"an unit of account", {"CLF", 3}, -1},
    {"letters that mean nothing", {"QQQ", 3}, -1},
    {"lower case", {"usd", 3}, -1},
    {"mixed case", {"UsD", 3}, -1},
    {"two letters", {"US", 2}, -1},
    {"four letters", {"USDX", 4}, -1},
    {"digits", {"840", 3}, -1},
    {"empty", {"", 0}, -1},
    {"none", {NULL, 0}, -1},
    {"bytes beyond ASCII", {"\xe2\x82\xac", 3}, -1},
};

static void
init(void)
{
	struct err err;

	ck_assert_int_eq(iso_init(&err), ERR_NONE);
}

START_TEST(test_currencies)
{
	const struct currency_row *row = &currency_rows[_i];

	init();
	ck_assert_msg(iso_currency_is_known(row->code) == (row->exponent >= 0), "%s", row->name);
	ck_assert_msg(iso_currency_exponent(row->code) == row->exponent, "%s: %d", row->name,
	    iso_currency_exponent(row->code));
}
END_TEST

struct country_row {
	const char *name;
	struct str code;
	bool known;
};

static const struct country_row country_rows[] = {
    {"Austria", {"AT", 2}, true},
    {"the United Kingdom is GB", {"GB", 2}, true},
    {"not UK", {"UK", 2}, false},
    {"first of the list", {"AD", 2}, true},
    {"last of the list", {"ZW", 2}, true},
    {"South Sudan, since 2011", {"SS", 2}, true},
    {"a territory", {"AX", 2}, true},
    {"Kosovo's code is its users'", {"XK", 2}, false},
    {"the Canary Islands are only reserved", {"IC", 2}, false},
    {"the European Union is only reserved", {"EU", 2}, false},
    {"the unknown region", {"ZZ", 2}, false},
    {"withdrawn: the Netherlands Antilles", {"AN", 2}, false},
    {"withdrawn: Yugoslavia", {"YU", 2}, false},
    {"lower case", {"at", 2}, false},
    {"three letters", {"AUT", 3}, false},
    {"one letter", {"A", 1}, false},
    {"empty", {"", 0}, false},
    {"none", {NULL, 0}, false},
};

START_TEST(test_countries)
{
	const struct country_row *row = &country_rows[_i];

	init();
	ck_assert_msg(iso_country_is_known(row->code) == row->known, "%s", row->name);
}
END_TEST

/* Count what is known: a list that was read by half would pass the rows above. */
START_TEST(test_the_lists_are_whole)
{
	int currencies = 0, countries = 0;

	init();
	for (char a = 'A'; a <= 'Z'; a++) {
		for (char b = 'A'; b <= 'Z'; b++) {
			char code[3] = {a, b, 'A'};

			countries += iso_country_is_known((struct str){code, 2}) ? 1 : 0;
			for (; code[2] <= 'Z'; code[2]++)
				currencies += iso_currency_is_known((struct str){code, 3}) ? 1 : 0;
		}
	}
	ck_assert_int_eq(countries, 249);
	/* 155 today; a few come and go with each version of ICU. */
	ck_assert_int_ge(currencies, 150);
	ck_assert_int_le(currencies, 160);
}
END_TEST

START_TEST(test_init_twice_does_no_harm)
{
	init();
	init();
	ck_assert_int_eq(iso_currency_exponent(STR("KWD")), 3);
	ck_assert(iso_country_is_known(STR("AT")));
}
END_TEST

START_TEST(test_asking_before_init_is_a_bug)
{
	ck_assert(!iso_currency_is_known(STR("USD")));
}
END_TEST

START_TEST(test_asking_for_countries_before_init_is_a_bug)
{
	ck_assert(!iso_country_is_known(STR("AT")));
}
END_TEST

UNIT_MAIN("iso", UNIT_ROWS(test_currencies, currency_rows), UNIT_ROWS(test_countries, country_rows),
    UNIT(test_the_lists_are_whole), UNIT(test_init_twice_does_no_harm),
    UNIT_ABORTS(test_asking_before_init_is_a_bug),
    UNIT_ABORTS(test_asking_for_countries_before_init_is_a_bug))
