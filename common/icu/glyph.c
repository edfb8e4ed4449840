#include "common/icu/glyph.h"

#include <unicode/uchar.h>

#define HIDDEN \
	(U_GC_CC_MASK | U_GC_CF_MASK | U_GC_CS_MASK | U_GC_CN_MASK | U_GC_ZL_MASK | U_GC_ZP_MASK)

bool
glyph_is_hidden(uint32_t code_point)
{
	return code_point > UCHAR_MAX_VALUE || (U_GET_GC_MASK((UChar32)code_point) & HIDDEN) != 0;
}

size_t
glyph_columns(uint32_t code_point)
{
	CHECK(code_point <= UCHAR_MAX_VALUE);

	if ((U_GET_GC_MASK((UChar32)code_point) & (U_GC_MN_MASK | U_GC_ME_MASK)) != 0)
		return 0;
	switch (u_getIntPropertyValue((UChar32)code_point, UCHAR_EAST_ASIAN_WIDTH)) {
	case U_EA_WIDE:
	case U_EA_FULLWIDTH:
		return 2;
	default:
		return 1;
	}
}
