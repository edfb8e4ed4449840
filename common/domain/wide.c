#include "common/domain/wide.h"

#define LIMB_BITS 64

static uint64_t
low(uint128 value)
{
	return (uint64_t)value;
}

static uint64_t
high(uint128 value)
{
	return (uint64_t)(value >> LIMB_BITS);
}

/* Each step is at most (2^64 - 1)^2 + 2 * (2^64 - 1) = 2^128 - 1. */
struct wide
wide_product(uint128 a, uint128 b)
{
	uint128 ll = (uint128)low(a) * low(b);
	uint128 lh = (uint128)low(a) * high(b) + high(ll);
	uint128 hl = (uint128)high(a) * low(b) + low(lh);
	uint128 hh = (uint128)high(a) * high(b) + high(lh) + high(hl);

	return (struct wide){{low(ll), low(hl), low(hh), high(hh)}};
}

struct wide
wide_add(struct wide a, struct wide b)
{
	struct wide sum;
	uint128 carry = 0;

	for (int i = 0; i < WIDE_LIMBS; i++) {
		carry += (uint128)a.limbs[i] + b.limbs[i];
		sum.limbs[i] = low(carry);
		carry = high(carry);
	}
	CHECK(carry == 0);
	return sum;
}

struct wide
wide_times(struct wide wide, uint64_t factor)
{
	struct wide product;
	uint128 carry = 0;

	for (int i = 0; i < WIDE_LIMBS; i++) {
		carry += (uint128)wide.limbs[i] * factor;
		product.limbs[i] = low(carry);
		carry = high(carry);
	}
	CHECK(carry == 0);
	return product;
}

struct wide
wide_divide(struct wide wide, uint64_t divisor, uint64_t *ret_remainder)
{
	struct wide quotient;
	uint64_t remainder = 0;

	CHECK(divisor != 0);

	for (int i = WIDE_LIMBS - 1; i >= 0; i--) {
		uint128 left = (uint128)remainder << LIMB_BITS | wide.limbs[i];

		/* Most numbers are small: a division is what takes time here. */
		quotient.limbs[i] = left < divisor ? 0 : low(left / divisor);
		remainder = low(left - (uint128)quotient.limbs[i] * divisor);
	}
	if (ret_remainder != NULL)
		*ret_remainder = remainder;
	return quotient;
}

bool
wide_narrow(struct wide wide, uint128 *ret_value)
{
	if (wide.limbs[2] != 0 || wide.limbs[3] != 0)
		return false;
	*ret_value = (uint128)wide.limbs[1] << LIMB_BITS | wide.limbs[0];
	return true;
}
