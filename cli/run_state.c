/* A billing run's JSON, and its amounts as people write them. */

#include "cli/run_state.h"
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
	    .due = run_state_count(json, "due"),
	    .done = run_state_count(json, "done"),
	    .failed = run_state_count(json, "failed"),
	    .invoiced = run_state_count(json, "invoiced"),
	    .parts_all = run_state_count(parts, "all"),
	    .parts_begun = run_state_count(parts, "begun"),
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

/* The length of the control character at ${at}, of ASCII or of Latin 1 in UTF-8; 0: it is none. */
static size_t
control_len(struct str text, size_t at)
{
	unsigned char c = (unsigned char)text.ptr[at];

	if (c < 0x20 || c == 0x7f)
		return 1;
	if (c == 0xc2 && at + 1 < text.len && (unsigned char)text.ptr[at + 1] < 0xa0)
		return 2;
	return 0;
}

void
run_state_put_text(struct buf *out, struct str text)
{
	for (size_t at = 0; at < text.len;) {
		size_t len = control_len(text, at);

		if (len == 0)
			buf_append(out, text.ptr + at++, 1);
		else
			buf_append_char(out, '?');
		at += len;
	}
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
