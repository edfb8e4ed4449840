#ifndef TESTS_UNIT_WORKER_MONEY_H
#define TESTS_UNIT_WORKER_MONEY_H

/*
 * What the tests of billing share: rows that documents are made of.
 */

#include "tests/unit/worker_hand.h"

#define MONEY_COUPON ((struct uuid){{0xc0, 0x99}})

/**
 * money_organisation(hand), money_item_add(hand, number, amount), money_ten_percent(periods):
 * The organisation's row; a pending item of the customer, by whose number they are in order; a
 * discount of ten percent that is good for so many periods.
 */
static inline struct organisation *
money_organisation(struct hand *hand)
{
	return world_row(&hand->world, TABLE_ORGANISATIONS, 0);
}

static inline struct item *
money_item_add(struct hand *hand, uint8_t number, int64_t amount)
{
	const struct item item = {
	    .organisation_id = WORLD_ORGANISATION,
	    .id = {{0x17, number}},
	    .shard = id_shard_of_key(WORLD_CUSTOMER),
	    .customer_id = WORLD_CUSTOMER,
	    .status = STR("pending"),
	    .description = STR("Set-up"),
	    .amount = amount,
	    .currency = {"EUR"},
	    .created_ms = 1000 + number,
	    .created_at = unit_instant("2027-01-01T00:00:00Z"),
	    .updated_at = unit_instant("2027-01-01T00:00:00Z"),
	};

	hand_customer(hand)->items_pending++;
	return facts_add(hand->world.facts, TABLE_ITEMS, &item);
}

static inline struct discount
money_ten_percent(int64_t periods)
{
	return (struct discount){
	    .coupon_id = MONEY_COUPON,
	    .code = STR("TEN"),
	    .name = STR("Ten off"),
	    .percent_off = decimal_from(10),
	    .amount_off = AMOUNT_NONE,
	    .duration = STR("repeating"),
	    .periods_left = periods,
	    .given_whole = 1,
	};
}

#endif
