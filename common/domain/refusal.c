#include "common/domain/refusal.h"

static const struct refusal_info refusal_table[REFUSAL_MAX] = {
#define REFUSAL(name, slug, status, title, explanation) \
	[REFUSAL_##name] = {slug, status, title, explanation},
#include "common/domain/refusal.def"
#undef REFUSAL
};

const struct refusal_info *
refusal_info(enum refusal refusal)
{
	CHECK(refusal > REFUSAL_NONE);
	CHECK(refusal < REFUSAL_MAX);
	return &refusal_table[refusal];
}
