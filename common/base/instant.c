#include "common/base/instant.h"

#include "common/base/civil.h"

bool
instant_is_valid(struct instant instant)
{
	return instant.s >= INSTANT_MIN_S && instant.s <= INSTANT_MAX_S;
}

bool
instant_is_none(struct instant instant)
{
	return instant.s == INT64_MIN;
}

struct instant
instant_later(struct instant a, struct instant b)
{
	return a.s >= b.s ? a : b;
}

struct instant
instant_from_ms(int64_t ms)
{
	CHECK(ms >= 0);
	return (struct instant){ms / 1000};
}

static void
digits_write(char *at, int64_t value, int count)
{
	for (int i = count - 1; i >= 0; i--) {
		at[i] = (char)('0' + value % 10);
		value /= 10;
	}
}

void
instant_write(struct instant instant, char ret_text[INSTANT_TEXT_SIZE])
{
	int64_t second_of_day = instant.s % CIVIL_DAY_S;
	struct civil civil;

	CHECK(instant_is_valid(instant));

	civil = civil_from_days(instant.s / CIVIL_DAY_S);
	memcpy(ret_text, "0000-00-00T00:00:00Z", INSTANT_TEXT_SIZE);
	digits_write(ret_text, civil.year, 4);
	digits_write(ret_text + 5, civil.month, 2);
	digits_write(ret_text + 8, civil.day, 2);
	digits_write(ret_text + 11, second_of_day / 3600, 2);
	digits_write(ret_text + 14, second_of_day / 60 % 60, 2);
	digits_write(ret_text + 17, second_of_day % 60, 2);
}

/* Read ${count} digits; false when one of them is none. */
static bool
digits_read(const char *at, int count, int64_t *ret_value)
{
	int64_t value = 0;

	for (int i = 0; i < count; i++) {
		if (at[i] < '0' || at[i] > '9')
			return false;
		value = value * 10 + (at[i] - '0');
	}
	*ret_value = value;
	return true;
}

/* The offset from UTC in seconds: "Z" or "+hh:mm". */
static bool
offset_read(const char *at, size_t len, int64_t *ret_offset_s)
{
	int64_t hours, minutes;

	if (len == 1 && (at[0] == 'Z' || at[0] == 'z')) {
		*ret_offset_s = 0;
		return true;
	}
	if (len != 6 || (at[0] != '+' && at[0] != '-') || at[3] != ':')
		return false;
	if (!digits_read(at + 1, 2, &hours) || !digits_read(at + 4, 2, &minutes))
		return false;
	if (hours > 23 || minutes > 59)
		return false;
	*ret_offset_s = (hours * 3600 + minutes * 60) * (at[0] == '-' ? -1 : 1);
	return true;
}

bool
instant_read(const char *text, size_t len, struct instant *ret_instant)
{
	struct civil civil;
	int64_t hour, minute, second, offset_s;
	struct instant instant;
	size_t at = 19;

	if (len < 20 || text[4] != '-' || text[7] != '-' || (text[10] != 'T' && text[10] != 't') ||
	    text[13] != ':' || text[16] != ':')
		return false;
	if (!digits_read(text, 4, &civil.year) || !digits_read(text + 5, 2, &civil.month) ||
	    !digits_read(text + 8, 2, &civil.day) || !digits_read(text + 11, 2, &hour) ||
	    !digits_read(text + 14, 2, &minute) || !digits_read(text + 17, 2, &second))
		return false;
	if (civil.month < 1 || civil.month > 12 || civil.day < 1 ||
	    civil.day > civil_month_days(civil.year, civil.month) || hour > 23 || minute > 59 ||
	    second > 59)
		return false;
	if (text[at] == '.') {
		size_t fraction = ++at;

		while (at < len && text[at] >= '0' && text[at] <= '9')
			at++;
		if (at == fraction)
			return false;
	}
	if (!offset_read(text + at, len - at, &offset_s))
		return false;

	instant.s =
	    civil_to_days(civil) * CIVIL_DAY_S + hour * 3600 + minute * 60 + second - offset_s;
	if (!instant_is_valid(instant))
		return false;
	*ret_instant = instant;
	return true;
}
