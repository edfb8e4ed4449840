#include "common/base/utf8.h"

/* The forms of more than one byte: RFC 3629's table, where the second byte has its own range. */
static const struct form {
	unsigned char first_min, first_max, second_min, second_max;
	unsigned char len;
} forms[] = {
    {0xc2, 0xdf, 0x80, 0xbf, 2},
    {0xe0, 0xe0, 0xa0, 0xbf, 3},
    {0xe1, 0xec, 0x80, 0xbf, 3},
    {0xed, 0xed, 0x80, 0x9f, 3}, /* beyond are the surrogates */
    {0xee, 0xef, 0x80, 0xbf, 3},
    {0xf0, 0xf0, 0x90, 0xbf, 4},
    {0xf1, 0xf3, 0x80, 0xbf, 4},
    {0xf4, 0xf4, 0x80, 0x8f, 4},
};

/* The length of the character of several bytes at ${at}, or 0 when it is none. */
static size_t
form_len(const unsigned char *at, size_t left)
{
	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		const struct form *form = &forms[i];

		if (at[0] < form->first_min || at[0] > form->first_max)
			continue;
		if (form->len > left || at[1] < form->second_min || at[1] > form->second_max)
			return 0;
		for (size_t j = 2; j < form->len; j++)
			if ((at[j] & 0xc0) != 0x80)
				return 0;
		return form->len;
	}
	return 0;
}

size_t
utf8_char(struct str text, uint32_t *ret_code_point)
{
	const unsigned char *at = (const unsigned char *)text.ptr;
	size_t len;

	if (text.len == 0 || at[0] == 0)
		return 0;
	if (at[0] < 0x80) {
		*ret_code_point = at[0];
		return 1;
	}
	len = form_len(at, text.len);
	if (len == 0)
		return 0;
	*ret_code_point = at[0] & (0xffu >> (len + 1));
	for (size_t i = 1; i < len; i++)
		*ret_code_point = *ret_code_point << 6 | (at[i] & 0x3f);
	return len;
}

bool
utf8_is_valid(struct str text)
{
	uint32_t ignored;

	while (text.len > 0) {
		size_t len = utf8_char(text, &ignored);

		if (len == 0)
			return false;
		text = (struct str){text.ptr + len, text.len - len};
	}
	return true;
}

size_t
utf8_count(struct str text)
{
	size_t count = 0;

	for (size_t i = 0; i < text.len; i++)
		count += ((unsigned char)text.ptr[i] & 0xc0) != 0x80;
	return count;
}
