#include "common/base/decimal.h"

#define WHOLE_DIGITS 15 /* of DECIMAL_WHOLE_MAX */

bool
decimal_is_none(struct decimal decimal)
{
	return decimal.units < 0;
}

bool
decimal_is_zero(struct decimal decimal)
{
	return decimal.units == 0;
}

int
decimal_compare(struct decimal a, struct decimal b)
{
	CHECK(a.units >= 0 && b.units >= 0);
	return (a.units > b.units) - (a.units < b.units);
}

struct decimal
decimal_from(int64_t whole)
{
	CHECK(whole >= 0 && whole <= DECIMAL_WHOLE_MAX);
	return (struct decimal){(int128)whole * DECIMAL_SCALE};
}

/* Take the digits of ${text} from ${at} on, at most ${max} of them, into ${ret_value}; how many. */
static size_t
digits_take(struct str text, size_t at, size_t max, int64_t *ret_value)
{
	int64_t value = 0;
	size_t len = 0;

	while (len < max && at + len < text.len && text.ptr[at + len] >= '0' &&
	       text.ptr[at + len] <= '9') {
		value = value * 10 + (text.ptr[at + len] - '0');
		len++;
	}
	*ret_value = value;
	return len;
}

bool
decimal_read(struct str text, int places_max, struct decimal *ret_decimal)
{
	int64_t whole, fraction = 0;
	size_t whole_len, places = 0;

	CHECK(places_max >= 0 && places_max <= DECIMAL_PLACES);

	whole_len = digits_take(text, 0, WHOLE_DIGITS, &whole);
	if (whole_len == 0 || (whole_len > 1 && text.ptr[0] == '0'))
		return false;
	if (whole_len < text.len) {
		places = digits_take(text, whole_len + 1, (size_t)places_max, &fraction);
		if (text.ptr[whole_len] != '.' || places == 0 || whole_len + 1 + places != text.len)
			return false;
	}
	for (; places < DECIMAL_PLACES; places++)
		fraction *= 10;
	*ret_decimal = (struct decimal){(int128)whole * DECIMAL_SCALE + fraction};
	return true;
}

/* Write the last ${len} digits of ${value}. */
static void
digits_write(int64_t value, size_t len, char *text)
{
	for (size_t i = len; i-- > 0; value /= 10)
		text[i] = (char)('0' + value % 10);
}

void
decimal_write(struct decimal decimal, char ret_text[DECIMAL_TEXT_SIZE])
{
	int64_t whole = (int64_t)(decimal.units / DECIMAL_SCALE);
	int64_t fraction = (int64_t)(decimal.units % DECIMAL_SCALE);
	size_t len = 1, places = DECIMAL_PLACES;

	CHECK(decimal.units >= 0 && whole <= DECIMAL_WHOLE_MAX);

	for (int64_t rest = whole / 10; rest > 0; rest /= 10)
		len++;
	digits_write(whole, len, ret_text);
	if (fraction > 0) {
		for (; fraction % 10 == 0; fraction /= 10)
			places--;
		ret_text[len] = '.';
		digits_write(fraction, places, ret_text + len + 1);
		len += 1 + places;
	}
	ret_text[len] = '\0';
}
