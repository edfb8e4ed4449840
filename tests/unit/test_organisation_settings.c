#include "api/identity/organisation_settings.h"
#include "tests/unit/unit.h"

#define A "01a201d3-0cb9-8800-a560-2c2096ed7ca9"
#define B "01a201d3-0cb9-8800-a560-2c2096ed7caa"
#define C "01a201d3-0cb9-8800-a560-2c2096ed7cab"
#define D "01a201d3-0cb9-8800-a560-2c2096ed7cac"
#define E "01a201d3-0cb9-8800-a560-2c2096ed7cad"
#define F "01a201d3-0cb9-8800-a560-2c2096ed7cae"

static const struct organisation_setting *
setting_find(const char *name)
{
	const struct organisation_setting *setting;

	for (size_t i = 0; (setting = organisation_settings_at(i)) != NULL; i++)
		if (strcmp(setting->name, name) == 0)
			return setting;
	ck_abort_msg("there is no setting %s", name);
}

static const struct take {
	const char *name, *value;
	bool good;
} take_rows[] = {
    {"subscriptions_per_customer", "many", true},
    {"subscriptions_per_customer", "none", false},
    {"proration", "none", true},
    {"proration", "Day", false},
    {"invoice_numbering", "customer", true},
    {"invoice_numbering", "organisation", true},
    {"invoice_numbering", "series", false},
    {"invoice_prefix", "R", true},
    {"invoice_prefix", "ACME2026ABCD", true},
    {"invoice_prefix", "ACME2026ABCDE", false},
    {"invoice_prefix", "", false},
    {"invoice_prefix", "acme", false},
    {"invoice_prefix", "AC-ME", false},
    {"invoice_prefix", "AC ME", false},
    {"net_terms_days", "0", true},
    {"net_terms_days", "9", true},
    {"net_terms_days", "30", true},
    {"net_terms_days", "365", true},
    {"net_terms_days", "366", false},
    {"net_terms_days", "030", false},
    {"net_terms_days", "00", false},
    {"net_terms_days", "-1", false},
    {"net_terms_days", "+1", false},
    {"net_terms_days", "-0", false},
    {"net_terms_days", "3.0", false},
    {"net_terms_days", " 3", false},
    {"net_terms_days", "", false},
    {"tax_rate_ids", A, true},
    {"tax_rate_ids", A "," B "," C "," D "," E, true},
    {"tax_rate_ids", A "," B "," C "," D "," E "," F, false},
    {"tax_rate_ids", A "," A, false},
    {"tax_rate_ids", A "," B "," A, false},
    {"tax_rate_ids", A ",", false},
    {"tax_rate_ids", "," A, false},
    {"tax_rate_ids", A ", " B, false},
    {"tax_rate_ids", A ";" B, false},
    {"tax_rate_ids", "01A201D3-0CB9-8800-A560-2C2096ED7CA9", false},
    {"tax_rate_ids", "vat-de", false},
    {"tax_rate_ids", "", false},
};

START_TEST(test_take)
{
	const struct take *row = &take_rows[_i];

	ck_assert_msg(
	    organisation_settings_take(setting_find(row->name), str_from(row->value)) == row->good,
	    "%s \"%s\"", row->name, row->value);
}
END_TEST

START_TEST(test_rates)
{
	struct uuid ids[TAX_RATES_MAX];
	char text[UUID_TEXT_SIZE];

	ck_assert_uint_eq(organisation_settings_read_rates(STR(B "," A "," F), ids), 3);
	uuid_write(ids[0], text);
	ck_assert_str_eq(text, B);
	uuid_write(ids[2], text);
	ck_assert_str_eq(text, F);
	ck_assert_uint_eq(organisation_settings_read_rates(STR_NONE, ids), 0);
}
END_TEST

/* Each name is there once, and says what it takes. */
START_TEST(test_table)
{
	const struct organisation_setting *setting;
	size_t len = 0;

	for (; (setting = organisation_settings_at(len)) != NULL; len++) {
		ck_assert_ptr_eq(setting_find(setting->name), setting);
		ck_assert_int_eq(strncmp(setting->told, "must be ", 8), 0);
	}
	ck_assert_uint_eq(len, 6);
}
END_TEST

UNIT_MAIN(
    "organisation_settings", UNIT_ROWS(test_take, take_rows), UNIT(test_rates), UNIT(test_table))
