#include "common/domain/tax.h"

#include "common/base/check.h"

static const char *const exempt_names[TAX_EXEMPT_MAX] = {
    [TAX_EXEMPT_NONE] = "none",
    [TAX_EXEMPT_EXEMPT] = "exempt",
    [TAX_EXEMPT_REVERSE] = "reverse",
};

struct str
tax_exempt_name(enum tax_exempt exempt)
{
	CHECK(exempt >= TAX_EXEMPT_NONE && exempt < TAX_EXEMPT_MAX);
	return str_from(exempt_names[exempt]);
}

enum tax_exempt
tax_exempt_from(struct str name)
{
	int exempt = TAX_EXEMPT_NONE;

	while (exempt < TAX_EXEMPT_MAX && !str_equal(name, str_from(exempt_names[exempt])))
		exempt++;
	CHECK(exempt < TAX_EXEMPT_MAX);
	return (enum tax_exempt)exempt;
}
