#include "api/identity/organisation_settings.h"

#include "common/domain/invoice.h"

#define CHOICES_MAX 3
#define PREFIX_MAX 12 /* characters of invoice_prefix */

static bool
is_prefix(struct str value)
{
	for (size_t i = 0; i < value.len; i++)
		if (!(value.ptr[i] >= 'A' && value.ptr[i] <= 'Z') &&
		    !(value.ptr[i] >= '0' && value.ptr[i] <= '9'))
			return false;
	return value.len >= 1 && value.len <= PREFIX_MAX;
}

/* As a number is written: without a sign, or a zero before it. */
static bool
is_net_terms(struct str value)
{
	int64_t days;

	return str_read_int64(value, 0, NET_TERMS_DAYS_MAX, &days) &&
	       (value.len == 1 || (value.ptr[0] >= '1' && value.ptr[0] <= '9'));
}

static bool
is_rate_list(struct str value)
{
	struct uuid ids[TAX_RATES_MAX];

	return organisation_settings_read_rates(value, ids) > 0;
}

static const struct rule {
	struct organisation_setting setting;
	const char *choices[CHOICES_MAX + 1];
	bool (*is_good)(struct str value); /* NULL: one of the choices is */
} rules[] = {
    {{"subscriptions_per_customer", "must be one or many"}, {"one", "many"}, NULL},
    {{"proration", "must be second, day or none"}, {"second", "day", "none"}, NULL},
    {{"invoice_numbering", "must be customer or organisation"}, {"customer", "organisation"}, NULL},
    {{"invoice_prefix", "must be 1 to 12 of the characters A to Z and 0 to 9"}, {NULL}, is_prefix},
    {{"net_terms_days", "must be a number of days from 0 to 365"}, {NULL}, is_net_terms},
    {{"tax_rate_ids", "must be up to 5 different ids of tax rates, with commas between them"},
	{NULL}, is_rate_list},
};

const struct organisation_setting *
organisation_settings_at(size_t i)
{
	return i < ARRAY_LEN(rules) ? &rules[i].setting : NULL;
}

bool
organisation_settings_take(const struct organisation_setting *setting, struct str value)
{
	/* It is the first of its rule. */
	const struct rule *rule = (const struct rule *)setting;

	CHECK(rule >= rules && rule < rules + ARRAY_LEN(rules));

	if (rule->is_good != NULL)
		return rule->is_good(value);
	for (size_t i = 0; rule->choices[i] != NULL; i++)
		if (str_equal(value, str_from(rule->choices[i])))
			return true;
	return false;
}

static bool
is_among(struct uuid id, const struct uuid *ids, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (uuid_equal(ids[i], id))
			return true;
	return false;
}

size_t
organisation_settings_read_rates(struct str value, struct uuid ret_ids[TAX_RATES_MAX])
{
	const size_t size = UUID_TEXT_SIZE; /* of one with its comma, which the last has not */
	const size_t len = (value.len + 1) / size;
	char text[UUID_TEXT_SIZE];

	if (len < 1 || len > TAX_RATES_MAX || value.len != len * size - 1)
		return 0;
	for (size_t i = 0; i < len; i++) {
		struct str id = {value.ptr + i * size, size - 1};

		if (!uuid_read(id, &ret_ids[i]) || (i > 0 && id.ptr[-1] != ',') ||
		    is_among(ret_ids[i], ret_ids, i))
			return 0;
		/* As we write it, by which a rate is found in the text. */
		uuid_write(ret_ids[i], text);
		if (!str_equal(id, str_from(text)))
			return 0;
	}
	return len;
}
