/* A billing run's JSON, and its amounts as people write them. */

#include "cli/run_state.h"

#include "common/base/utf8.h"
#include "common/icu/glyph.h"
#include "common/icu/iso.h"

#define DIGITS_MAX 24 /* of 64 bits, and the NUL */

struct str
run_state_text(const json_t *json, const char *key)
{
	const json_t *value = json_object_get(json, key);

	if (!json_is_string(value))
		return STR_NONE;
	return (struct str){json_string_value(value), json_string_length(value)};
}

int64_t
run_state_count(const json_t *json, const char *key)
{
	return json_integer_value(json_object_get(json, key));
}

bool
run_state_flag(const json_t *json, const char *key)
{
	return json_is_true(json_object_get(json, key));
}

/* How many of something there are: never fewer than none, whatever an API says. */
static int64_t
read_count(const json_t *json, const char *key)
{
	int64_t count = run_state_count(json, key);

	return count < 0 ? 0 : count;
}

static void
read_amounts(const json_t *json, struct run_state *state)
{
	const char *currency;
	json_t *total;

	/* Jansson's walk has no const; nothing is changed. */
	json_object_foreach(json_object_get(json, "amount_by_currency"), currency, total)
	{
		if (state->amounts_len < RUN_AMOUNTS_MAX)
			state->amounts[state->amounts_len] = (struct run_amount){
			    str_from(currency), json_is_integer(total), json_integer_value(total)};
		state->amounts_len++;
	}
}

bool
run_state_read(const json_t *json, struct run_state *ret_state)
{
	const json_t *parts = json_object_get(json, "parts");
	struct run_state state = {
	    .status = run_state_text(json, "status"),
	    .dry_run = run_state_flag(json, "dry_run"),
	    .due = read_count(json, "due"),
	    .done = read_count(json, "done"),
	    .failed = read_count(json, "failed"),
	    .invoiced = read_count(json, "invoiced"),
	    .parts_all = read_count(parts, "all"),
	    .parts_begun = read_count(parts, "begun"),
	    .books = run_state_text(json, "books"),
	};

	if (state.status.ptr == NULL)
		return false;
	read_amounts(json, &state);
	*ret_state = state;
	return true;
}

bool
run_state_is_over(const struct run_state *state)
{
	return str_equal(state->status, STR("finished")) ||
	       str_equal(state->status, STR("canceled"));
}

/* How many bytes the character at the start of ${text} has, which is not empty, and how many
 * columns it takes; bytes that are none are taken one by one.  ${ret_hidden}: it is not to be
 * shown. */
static size_t
step(struct str text, size_t *ret_columns, bool *ret_hidden)
{
	uint32_t code_point;
	size_t len = utf8_char(text, &code_point);

	*ret_columns = 1;
	*ret_hidden = len == 0 || glyph_is_hidden(code_point);
	if (!*ret_hidden)
		*ret_columns = glyph_columns(code_point);
	return len == 0 ? 1 : len;
}

static struct str
behind(struct str text, size_t len)
{
	return (struct str){text.ptr + len, text.len - len};
}

void
run_state_put_text(struct buf *out, struct str text)
{
	size_t columns;
	bool hidden;

	while (text.len > 0) {
		size_t len = step(text, &columns, &hidden);

		if (hidden)
			buf_append_char(out, '?');
		else
			buf_append(out, text.ptr, len);
		text = behind(text, len);
	}
}

size_t
run_state_columns(struct str text)
{
	size_t sum = 0, columns;
	bool hidden;

	while (text.len > 0) {
		text = behind(text, step(text, &columns, &hidden));
		sum += columns;
	}
	return sum;
}

struct str
run_state_fit(struct str text, size_t columns_max)
{
	size_t len = 0, sum = 0, columns;
	bool hidden;

	while (len < text.len) {
		size_t more = step(behind(text, len), &columns, &hidden);

		if (sum + columns > columns_max)
			break;
		sum += columns;
		len += more;
	}
	return (struct str){text.ptr, len};
}

/* Digits with a comma before each three, from the right. */
static void
put_grouped(struct buf *out, const char *digits, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			buf_append_char(out, ',');
		buf_append_char(out, digits[i]);
	}
}

/* The digits of ${value}, whose sign is appended, at least ${least} of them. */
static size_t
write_digits(struct buf *out, int64_t value, int least, char ret_digits[DIGITS_MAX])
{
	uint64_t size = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

	if (value < 0)
		buf_append_char(out, '-');
	return (size_t)snprintf(ret_digits, DIGITS_MAX, "%0*llu", least, (unsigned long long)size);
}

void
run_state_put_count(struct buf *out, int64_t count)
{
	char digits[DIGITS_MAX];
	size_t len = write_digits(out, count, 1, digits);

	put_grouped(out, digits, len);
}

void
run_state_put_minor(struct buf *out, struct str currency, int64_t minor)
{
	int exponent = iso_currency_exponent(currency);
	size_t decimals = exponent > 0 ? (size_t)exponent : 0;
	char digits[DIGITS_MAX];
	size_t len = write_digits(out, minor, (int)decimals + 1, digits);

	CHECK(len > decimals && len < DIGITS_MAX);
	put_grouped(out, digits, len - decimals);
	if (decimals > 0) {
		buf_append_char(out, '.');
		buf_append(out, digits + len - decimals, decimals);
	}
}

void
run_state_put_amount(struct buf *out, const struct run_amount *amount)
{
	run_state_put_text(out, amount->currency);
	buf_append_char(out, ' ');
	if (amount->known)
		run_state_put_minor(out, amount->currency, amount->minor);
	else
		buf_append_str(out, STR("(beyond 64 bits)"));
}
