#include "common/codec/transcode_text.h"

#include "common/base/decimal.h"
#include "common/base/utf8.h"
#include "common/icu/iso.h"
#include "common/zone/zone.h"

#define EMAIL_LOCAL_MAX 64 /* bytes, RFC 5321 */
#define EMAIL_DOMAIN_MAX 255
#define EMAIL_LABEL_MAX 63

static bool
is_letter_or_digit(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool
is_one_of(unsigned char c, struct str set)
{
	return memchr(set.ptr, c, set.len) != NULL;
}

/* What HTML's e-mail field takes before the @, and any letter beyond ASCII. */
static bool
email_local_is_valid(struct str local)
{
	if (local.len == 0 || local.len > EMAIL_LOCAL_MAX)
		return false;
	for (size_t i = 0; i < local.len; i++) {
		unsigned char c = (unsigned char)local.ptr[i];

		if (!is_letter_or_digit(c) && c < 0x80 &&
		    !is_one_of(c, STR(".!#$%&'*+/=?^_`{|}~-")))
			return false;
	}
	return true;
}

static bool
email_label_is_valid(struct str label)
{
	if (label.len == 0 || label.len > EMAIL_LABEL_MAX || label.ptr[0] == '-' ||
	    label.ptr[label.len - 1] == '-')
		return false;
	for (size_t i = 0; i < label.len; i++) {
		unsigned char c = (unsigned char)label.ptr[i];

		if (!is_letter_or_digit(c) && c < 0x80 && c != '-')
			return false;
	}
	return true;
}

/* HTML's rule for e-mail fields: what people mean by an address, not all that RFC 5322 allows. */
static bool
email_is_valid(struct str text)
{
	const char *at = memchr(text.ptr, '@', text.len);
	struct str rest, label;

	if (at == NULL || !email_local_is_valid((struct str){text.ptr, (size_t)(at - text.ptr)}))
		return false;
	rest = (struct str){at + 1, text.len - (size_t)(at + 1 - text.ptr)};
	if (rest.len > EMAIL_DOMAIN_MAX)
		return false;
	for (;;) {
		const char *dot = rest.len == 0 ? NULL : memchr(rest.ptr, '.', rest.len);

		label = (struct str){rest.ptr, dot == NULL ? rest.len : (size_t)(dot - rest.ptr)};
		if (!email_label_is_valid(label))
			return false;
		if (dot == NULL)
			return true;
		rest = (struct str){dot + 1, rest.len - label.len - 1};
	}
}

static bool
code_is_valid(struct str text)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];

		if (!is_letter_or_digit(c) && (i == 0 || !is_one_of(c, STR("-_."))))
			return false;
	}
	return text.len > 0;
}

static bool
decimal_is_valid(struct str text)
{
	struct decimal decimal;

	return decimal_read(text, DECIMAL_PLACES, &decimal);
}

static bool
anchor_is_valid(struct str text)
{
	int64_t day;

	return str_equal(text, STR("start")) || str_equal(text, STR("calendar")) ||
	       (text.len > 0 && text.ptr[0] != '0' && str_read_int64(text, 1, 31, &day));
}

static bool
any_is_valid(struct str text)
{
	(void)text;
	return true;
}

static const struct format {
	bool (*is_valid)(struct str text);
	const char *must;
} formats[] = {
    [FORMAT_ANY] = {any_is_valid, ""},
    [FORMAT_EMAIL] = {email_is_valid, "must be an e-mail address"},
    [FORMAT_CURRENCY] = {iso_currency_is_known, "is not a known ISO 4217 currency"},
    [FORMAT_COUNTRY] = {iso_country_is_known, "is not a known ISO 3166-1 alpha-2 country"},
    [FORMAT_TIMEZONE] = {zone_is_known, "is not a known time zone of the tz database"},
    [FORMAT_CODE] = {code_is_valid,
	"must be letters, digits, '-', '_' and '.', beginning with a letter or digit"},
    [FORMAT_DECIMAL] = {decimal_is_valid, "must be a decimal number that is not negative, such as "
					  "12.5, with at most 15 digits before "
					  "the point and 12 behind it"},
    [FORMAT_ANCHOR] = {anchor_is_valid, "must be start, calendar or a day of the month, 1 to 31"},
};

bool
transcode_text_has_control(struct str text)
{
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.ptr[i] < 0x20 || text.ptr[i] == 0x7f)
			return true;
	return false;
}

/* A decimal number's digits behind the point; other texts have none to count. */
static bool
places_are_kept(const struct schema_field *field, struct str text)
{
	struct decimal decimal;

	return field->format != FORMAT_DECIMAL || decimal_read(text, (int)field->places, &decimal);
}

bool
transcode_text_check(const struct schema_field *field, struct str text, struct buf *buf)
{
	size_t count;

	if (text.len == 0 && field->allow_empty)
		return true;
	if (transcode_text_has_control(text)) {
		buf_append_str(buf, STR("must not contain control characters"));
		return false;
	}
	count = utf8_count(text);
	if (count < field->length_min) {
		buf_printf(buf, "must be at least %zu character%s", field->length_min,
		    field->length_min == 1 ? "" : "s");
		return false;
	}
	if (count > field->length_max) {
		buf_printf(buf, "must be at most %zu character%s", field->length_max,
		    field->length_max == 1 ? "" : "s");
		return false;
	}
	if (!formats[field->format].is_valid(text)) {
		buf_append_str(buf, str_from(formats[field->format].must));
		return false;
	}
	if (!places_are_kept(field, text)) {
		buf_printf(buf, "must have at most %zu digits behind the point", field->places);
		return false;
	}
	return true;
}
