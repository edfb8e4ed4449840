#include "common/domain/money.h"

#define CURRENCY_LETTERS 3

static bool
letters_are_upper(const char *letters)
{
	for (size_t i = 0; i < CURRENCY_LETTERS; i++)
		if (letters[i] < 'A' || letters[i] > 'Z')
			return false;
	return true;
}

bool
currency_from(struct str code, struct currency *ret_currency)
{
	if (code.len != CURRENCY_LETTERS || !letters_are_upper(code.ptr))
		return false;
	*ret_currency = (struct currency){{code.ptr[0], code.ptr[1], code.ptr[2], '\0'}};
	return true;
}

bool
currency_equal(struct currency a, struct currency b)
{
	return memcmp(a.code, b.code, CURRENCY_LETTERS) == 0;
}

bool
money_is_valid(struct money money)
{
	return letters_are_upper(money.currency.code) &&
	       money.currency.code[CURRENCY_LETTERS] == '\0';
}

bool
money_add(struct money a, struct money b, struct money *ret_sum)
{
	int64_t minor;

	CHECK(money_is_valid(a));
	CHECK(currency_equal(a.currency, b.currency));

	if (__builtin_add_overflow(a.minor, b.minor, &minor))
		return false;
	*ret_sum = (struct money){minor, a.currency};
	return true;
}

bool
money_times(struct money price, int64_t quantity, struct money *ret_product)
{
	int64_t minor;

	CHECK(money_is_valid(price));
	CHECK(quantity >= 0);

	if (__builtin_mul_overflow(price.minor, quantity, &minor))
		return false;
	*ret_product = (struct money){minor, price.currency};
	return true;
}
