/* Looking up what is there.  Where an index may be out of date, the row itself decides. */

#include "worker/facts_internal.h"

const struct organisation *
facts_organisation(const struct facts *facts, struct uuid id)
{
	return index_get(&facts->by_id[TABLE_ORGANISATIONS], id, index_key(&id));
}

bool
facts_organisation_tax_rates(
    struct facts *facts, const struct organisation *organisation, struct uuid_list *ret_ids)
{
	struct str text = organisation->tax_rate_ids;
	struct uuid *ids = arena_array(facts->arena, TAX_RATES_MAX, sizeof(*ids));
	size_t len = 0;

	CHECK(ids != NULL);
	/* Each id, and a comma between them. */
	for (size_t at = 0; at < text.len; at += UUID_TEXT_SIZE) {
		struct str one = {text.ptr + at, UUID_TEXT_SIZE - 1};

		if (len == TAX_RATES_MAX || text.len - at < one.len ||
		    (text.len - at > one.len && text.ptr[at + one.len] != ',') ||
		    text.len - at == one.len + 1 || !uuid_read(one, &ids[len]))
			return false;
		len++;
	}
	*ret_ids = (struct uuid_list){ids, len};
	return true;
}

const struct api_key *
facts_api_key(const struct facts *facts, struct uuid organisation_id, struct uuid id)
{
	return index_get(&facts->by_id[TABLE_API_KEYS], organisation_id, index_key(&id));
}

const struct membership *
facts_membership(const struct facts *facts, struct uuid organisation_id, struct uuid user_id)
{
	return index_get(&facts->by_id[TABLE_MEMBERSHIPS], organisation_id, index_key(&user_id));
}

const struct operation *
facts_operation(const struct facts *facts, struct uuid organisation_id, struct uuid id)
{
	return index_get(&facts->by_id[TABLE_OPERATIONS], organisation_id, index_key(&id));
}

const struct operation *
facts_operation_by_key(
    const struct facts *facts, struct uuid organisation_id, struct str idempotency_key)
{
	return index_get(&facts->idempotency_keys, organisation_id, idempotency_key);
}

struct customer *
facts_customer(const struct facts *facts, struct uuid organisation_id, struct uuid id)
{
	return index_get(&facts->by_id[TABLE_CUSTOMERS], organisation_id, index_key(&id));
}

struct customer *
facts_customer_by_external_id(
    const struct facts *facts, struct uuid organisation_id, struct str external_id)
{
	struct customer *customer = index_get(&facts->external_ids, organisation_id, external_id);

	if (customer == NULL || !str_equal(customer->external_id, external_id) ||
	    !instant_is_none(customer->archived_at))
		return NULL;
	return customer;
}

struct plan *
facts_plan(const struct facts *facts, struct uuid organisation_id, struct uuid id)
{
	return index_get(&facts->by_id[TABLE_PLANS], organisation_id, index_key(&id));
}

struct plan *
facts_plan_by_code(const struct facts *facts, struct uuid organisation_id, struct str code)
{
	struct plan *plan = index_get(&facts->plan_codes, organisation_id, code);

	if (plan == NULL || !instant_is_none(plan->archived_at))
		return NULL;
	return plan;
}

struct subscription *
facts_subscription(const struct facts *facts, struct uuid organisation_id, struct uuid id)
{
	return index_get(&facts->by_id[TABLE_SUBSCRIPTIONS], organisation_id, index_key(&id));
}

struct subscription *
facts_live_subscription(
    const struct facts *facts, struct uuid organisation_id, struct uuid customer_id)
{
	size_t len;
	struct subscription *const *rows =
	    facts_subscriptions_of(facts, organisation_id, customer_id, &len);

	for (size_t i = 0; i < len; i++)
		if (subscription_is_live(rows[i]))
			return rows[i];
	return NULL;
}

const struct plan_version *
facts_plan_version(const struct facts *facts, struct uuid organisation_id, struct uuid id)
{
	return index_get(&facts->by_id[TABLE_PLAN_VERSIONS], organisation_id, index_key(&id));
}

struct quantity *
facts_quantity(const struct facts *facts, struct uuid organisation_id, struct uuid id)
{
	return index_get(&facts->by_id[TABLE_QUANTITIES], organisation_id, index_key(&id));
}

struct test_clock *
facts_test_clock(const struct facts *facts, struct uuid organisation_id, struct uuid id)
{
	return index_get(&facts->by_id[TABLE_TEST_CLOCKS], organisation_id, index_key(&id));
}

struct billing_run *
facts_billing_run(const struct facts *facts, struct uuid organisation_id, struct uuid id)
{
	return index_get(&facts->by_id[TABLE_BILLING_RUNS], organisation_id, index_key(&id));
}

const struct run_sums *
facts_run_sums(const struct facts *facts, struct uuid organisation_id, struct uuid run_id)
{
	return index_get(&facts->by_id[TABLE_RUN_SUMS], organisation_id, index_key(&run_id));
}

struct test_clock *
facts_clock_of(const struct facts *facts, const struct customer *customer)
{
	struct test_clock *clock;

	if (uuid_is_nil(customer->test_clock_id))
		return NULL;
	clock = facts_test_clock(facts, customer->organisation_id, customer->test_clock_id);
	CHECK(clock != NULL);
	return clock;
}

struct subscription *const *
facts_subscriptions_of(const struct facts *facts, struct uuid organisation_id,
    struct uuid customer_id, size_t *ret_len)
{
	const struct fact_list *list =
	    index_get(&facts->subscriptions_of, organisation_id, index_key(&customer_id));

	*ret_len = list == NULL ? 0 : list->len;
	return list == NULL ? NULL : (struct subscription *const *)(void *)list->values;
}

struct subscription *
facts_next_due(const struct facts *facts, struct uuid organisation_id, struct uuid customer_id,
    struct horizon horizon)
{
	size_t len;
	struct subscription *const *rows =
	    facts_subscriptions_of(facts, organisation_id, customer_id, &len);
	struct subscription *next = NULL;

	for (size_t i = 0; i < len; i++) {
		struct subscription *row = rows[i];

		if (instant_is_none(row->due_at) || row->due_at.s > horizon.at.s ||
		    (row->due_at.s == horizon.at.s && uuid_compare(row->id, horizon.id) > 0))
			continue;
		if (next == NULL || row->due_at.s < next->due_at.s ||
		    (row->due_at.s == next->due_at.s && uuid_compare(row->id, next->id) < 0))
			next = row;
	}
	return next;
}

const struct quantity *
facts_quantities(struct facts *facts, const struct subscription *subscription, size_t *ret_len)
{
	const struct fact_list *list = index_get(
	    &facts->quantities_of, subscription->organisation_id, index_key(&subscription->id));
	struct quantity *quantities;
	size_t len = 0;

	*ret_len = 0;
	if (list == NULL)
		return NULL;
	quantities = arena_array(facts->arena, list->len, sizeof(*quantities));
	CHECK(quantities != NULL);
	for (size_t i = 0; i < list->len; i++) {
		const struct quantity *quantity = list->values[i];

		if (quantity->period_start.s == subscription->current_period_start.s &&
		    !quantity->closed)
			quantities[len++] = *quantity;
	}
	*ret_len = len;
	return quantities;
}

struct coupon *
facts_coupon(const struct facts *facts, struct uuid organisation_id, struct uuid id)
{
	return index_get(&facts->by_id[TABLE_COUPONS], organisation_id, index_key(&id));
}

struct coupon *
facts_coupon_by_code(const struct facts *facts, struct uuid organisation_id, struct str code)
{
	struct coupon *coupon = index_get(&facts->coupon_codes, organisation_id, code);

	if (coupon == NULL || !instant_is_none(coupon->archived_at))
		return NULL;
	return coupon;
}

struct tax_rate *
facts_tax_rate(const struct facts *facts, struct uuid organisation_id, struct uuid id)
{
	return index_get(&facts->by_id[TABLE_TAX_RATES], organisation_id, index_key(&id));
}

struct tax_rate *
facts_tax_rate_by_code(const struct facts *facts, struct uuid organisation_id, struct str code)
{
	struct tax_rate *rate = index_get(&facts->tax_rate_codes, organisation_id, code);

	if (rate == NULL || !instant_is_none(rate->archived_at))
		return NULL;
	return rate;
}

const struct tax_rate *const *
facts_tax_rates(const struct facts *facts, size_t *ret_len)
{
	const struct fact_list *list = &facts->lists[TABLE_TAX_RATES];

	*ret_len = list->len;
	return (const struct tax_rate *const *)(void *)list->values;
}

struct invoice *
facts_invoice(const struct facts *facts, struct uuid organisation_id, struct uuid id)
{
	return index_get(&facts->by_id[TABLE_INVOICES], organisation_id, index_key(&id));
}

struct item *
facts_item(const struct facts *facts, struct uuid organisation_id, struct uuid id)
{
	return index_get(&facts->by_id[TABLE_ITEMS], organisation_id, index_key(&id));
}

struct payment *
facts_payment(const struct facts *facts, struct uuid organisation_id, struct uuid id)
{
	return index_get(&facts->by_id[TABLE_PAYMENTS], organisation_id, index_key(&id));
}

struct number_series *
facts_number_series(const struct facts *facts, struct uuid organisation_id)
{
	return index_get(
	    &facts->by_id[TABLE_NUMBER_SERIES], organisation_id, index_key(&organisation_id));
}

/* A copy of the list of ${owner}, to be sorted; with one place at least. */
static void **
list_copy(struct facts *facts, const struct index *index, struct uuid organisation_id,
    const struct uuid *owner, size_t *ret_len)
{
	const struct fact_list *list = index_get(index, organisation_id, index_key(owner));
	void **values;

	*ret_len = list == NULL ? 0 : list->len;
	values = arena_array(facts->arena, *ret_len + 1, sizeof(*values));
	CHECK(values != NULL);
	if (*ret_len > 0)
		memcpy(values, list->values, *ret_len * sizeof(*values));
	return values;
}

/* By created_ms, then id. */
static int
order_by_age(int64_t created_ms_a, struct uuid id_a, int64_t created_ms_b, struct uuid id_b)
{
	if (created_ms_a != created_ms_b)
		return created_ms_a < created_ms_b ? -1 : 1;
	return uuid_compare(id_a, id_b);
}

static int
order_items(const void *a, const void *b)
{
	const struct item *const *item_a = a, *const *item_b = b;

	return order_by_age(
	    (*item_a)->created_ms, (*item_a)->id, (*item_b)->created_ms, (*item_b)->id);
}

static int
order_payments(const void *a, const void *b)
{
	const struct payment *const *payment_a = a, *const *payment_b = b;

	return order_by_age(
	    (*payment_a)->created_ms, (*payment_a)->id, (*payment_b)->created_ms, (*payment_b)->id);
}

static int
order_lines(const void *a, const void *b)
{
	const struct invoice_line *const *line_a = a, *const *line_b = b;

	return ((*line_a)->position > (*line_b)->position) -
	       ((*line_a)->position < (*line_b)->position);
}

struct item *const *
facts_items(
    struct facts *facts, struct uuid organisation_id, struct uuid customer_id, size_t *ret_len)
{
	size_t all, len = 0;
	void **values = list_copy(facts, &facts->items_of, organisation_id, &customer_id, &all);

	for (size_t i = 0; i < all; i++)
		if (str_equal(((const struct item *)values[i])->status, STR("pending")))
			values[len++] = values[i];
	qsort(values, len, sizeof(*values), order_items);
	*ret_len = len;
	return (struct item *const *)(void *)values;
}

struct invoice_line *const *
facts_invoice_lines(
    struct facts *facts, struct uuid organisation_id, struct uuid invoice_id, size_t *ret_len)
{
	void **values = list_copy(facts, &facts->lines_of, organisation_id, &invoice_id, ret_len);

	qsort(values, *ret_len, sizeof(*values), order_lines);
	return (struct invoice_line *const *)(void *)values;
}

struct payment *const *
facts_payments_of(
    struct facts *facts, struct uuid organisation_id, struct uuid invoice_id, size_t *ret_len)
{
	void **values =
	    list_copy(facts, &facts->payments_of, organisation_id, &invoice_id, ret_len);

	qsort(values, *ret_len, sizeof(*values), order_payments);
	return (struct payment *const *)(void *)values;
}
