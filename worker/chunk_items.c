/* Who was found: the subscriptions of each customer together. */
#include "worker/chunk.h"

#define PLACES                                                                            \
	(2 * CHUNK_SUBSCRIPTIONS_MAX) /* of the table; so it is never more than half full \
				       */

/* Which item is whose, while rows are taken. */
struct places {
	size_t items[PLACES]; /* its number and 1; 0: free */
};

/* Ids are hashes for the most part: their end tells them apart. */
static size_t
place_first(struct uuid id)
{
	size_t hash = 0;

	memcpy(&hash, id.b + sizeof(id.b) - sizeof(hash), sizeof(hash));
	return hash % PLACES;
}

static struct due_item *
item_add(struct due_items *items, const struct due_row *row)
{
	struct due_item *item = &items->items[items->len];

	CHECK(items->len < CHUNK_CUSTOMERS_MAX);
	*item = (struct due_item){
	    .organisation_id = row->organisation_id,
	    .customer_id = row->customer_id,
	    .test_clock_id = row->test_clock_id,
	    .due_at = row->due_at,
	    .horizon = row->horizon,
	    .partition = row->partition,
	};
	items->len++;
	return item;
}

static bool
is_of(const struct due_item *item, const struct due_row *row)
{
	return uuid_equal(item->customer_id, row->customer_id) &&
	       uuid_equal(item->organisation_id, row->organisation_id) &&
	       uuid_equal(item->test_clock_id, row->test_clock_id);
}

/* The item of the customer of ${row}, or the clock's that it is. */
static struct due_item *
item_of(struct due_items *items, struct places *places, const struct due_row *row)
{
	size_t place =
	    place_first(uuid_is_nil(row->customer_id) ? row->test_clock_id : row->customer_id);

	while (places->items[place] != 0) {
		struct due_item *item = &items->items[places->items[place] - 1];

		if (is_of(item, row))
			return item;
		place = (place + 1) % PLACES;
	}
	places->items[place] = items->len + 1;
	return item_add(items, row);
}

void
chunk_items_take(struct due_items *items, const struct due_row *rows, size_t len)
{
	size_t owners[CHUNK_SUBSCRIPTIONS_MAX], before = items->len;
	struct places places = {{0}};

	CHECK(len <= CHUNK_SUBSCRIPTIONS_MAX - items->subscriptions_len);
	for (size_t i = 0; i < len; i++) {
		struct due_item *item = item_of(items, &places, &rows[i]);

		owners[i] = (size_t)(item - items->items);
		item->len += uuid_is_nil(rows[i].subscription_id) ? 0 : 1;
	}
	for (size_t i = before; i < items->len; i++) {
		items->items[i].first = items->subscriptions_len;
		items->subscriptions_len += items->items[i].len;
		items->items[i].len = 0;
	}
	for (size_t i = 0; i < len; i++) {
		struct due_item *item = &items->items[owners[i]];

		if (!uuid_is_nil(rows[i].subscription_id))
			items->subscription_ids[item->first + item->len++] =
			    rows[i].subscription_id;
	}
}
