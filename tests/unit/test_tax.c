#include "common/domain/tax.h"

#include "tests/unit/unit.h"

struct name_row {
	enum tax_exempt exempt;
	const char *name;
};

static const struct name_row name_rows[] = {
    {TAX_EXEMPT_NONE, "none"},
    {TAX_EXEMPT_EXEMPT, "exempt"},
    {TAX_EXEMPT_REVERSE, "reverse"},
};

START_TEST(test_names_and_back)
{
	const struct name_row *row = &name_rows[_i];

	ck_assert_uint_eq(ARRAY_LEN(name_rows), TAX_EXEMPT_MAX);
	unit_assert_str(tax_exempt_name(row->exempt), row->name, row->name);
	ck_assert_int_eq(tax_exempt_from(str_from(row->name)), row->exempt);
}
END_TEST

START_TEST(test_an_unknown_name_is_a_bug)
{
	(void)!tax_exempt_from(STR("sometimes"));
}
END_TEST

START_TEST(test_an_unknown_kind_is_a_bug)
{
	ck_assert(tax_exempt_name(TAX_EXEMPT_MAX).len == 0);
}
END_TEST

UNIT_MAIN("tax", UNIT_ROWS(test_names_and_back, name_rows),
    UNIT_ABORTS(test_an_unknown_name_is_a_bug), UNIT_ABORTS(test_an_unknown_kind_is_a_bug))
