#include "worker/facts_internal.h"

#define GATHERED_CAPACITY_FIRST 2 /* most customers have one subscription */

static struct fact *
fact_of(void *value)
{
	return (struct fact *)(void *)((char *)value - offsetof(struct fact, value));
}

void
facts_init(struct facts *facts, struct arena *arena)
{
	*facts = (struct facts){.arena = arena};
	for (size_t i = 0; i < NEED_MAX; i++)
		index_init(&facts->needs[i].seen, arena);
	for (size_t i = 0; i < TABLE_MAX; i++)
		index_init(&facts->by_id[i], arena);
	index_init(&facts->external_ids, arena);
	index_init(&facts->plan_codes, arena);
	index_init(&facts->idempotency_keys, arena);
	index_init(&facts->subscriptions_of, arena);
	index_init(&facts->quantities_of, arena);
}

void *
facts_grown(struct arena *arena, void *old, size_t len, size_t capacity, size_t size)
{
	void *array = arena_array(arena, capacity, size);

	CHECK(array != NULL);
	if (len > 0)
		memcpy(array, old, len * size);
	return array;
}

/* Where a row is found by its id; tables whose rows are only written have none. */
bool
facts_identity(enum table_id table, const void *value, struct uuid *ret_organisation_id,
    const struct uuid **ret_id)
{
	const struct organisation *organisation = value;
	const struct api_key *key = value;
	const struct membership *membership = value;
	const struct operation *operation = value;
	const struct customer *customer = value;
	const struct plan *plan = value;
	const struct plan_version *version = value;
	const struct subscription *subscription = value;
	const struct quantity *quantity = value;
	const struct test_clock *clock = value;

	switch (table) {
	case TABLE_ORGANISATIONS:
		*ret_organisation_id = organisation->id;
		*ret_id = &organisation->id;
		return true;
	case TABLE_API_KEYS:
		*ret_organisation_id = key->organisation_id;
		*ret_id = &key->id;
		return true;
	case TABLE_MEMBERSHIPS:
		*ret_organisation_id = membership->organisation_id;
		*ret_id = &membership->user_id;
		return true;
	case TABLE_CUSTOMERS:
		*ret_organisation_id = customer->organisation_id;
		*ret_id = &customer->id;
		return true;
	case TABLE_PLANS:
		*ret_organisation_id = plan->organisation_id;
		*ret_id = &plan->id;
		return true;
	case TABLE_SUBSCRIPTIONS:
		*ret_organisation_id = subscription->organisation_id;
		*ret_id = &subscription->id;
		return true;
	case TABLE_PLAN_VERSIONS:
		*ret_organisation_id = version->organisation_id;
		*ret_id = &version->id;
		return true;
	case TABLE_QUANTITIES:
		*ret_organisation_id = quantity->organisation_id;
		*ret_id = &quantity->id;
		return true;
	case TABLE_TEST_CLOCKS:
		*ret_organisation_id = clock->organisation_id;
		*ret_id = &clock->id;
		return true;
	case TABLE_OPERATIONS:
		*ret_organisation_id = operation->organisation_id;
		*ret_id = &operation->id;
		return true;
	case TABLE_INVOICES:
	case TABLE_INVOICE_LINES:
	case TABLE_CREDIT_ENTRIES:
	case TABLE_OUTBOX:
	case TABLE_DEAD_LETTERS:
	case TABLE_MAX:
		break;
	}
	return false;
}

/* Enter a row under everything it can be looked up by.  An entry that is out of date is told by the
 * look-up. */
static void
enter(struct facts *facts, enum table_id table, void *value)
{
	const struct uuid *id;
	struct uuid organisation_id;

	if (!facts_identity(table, value, &organisation_id, &id))
		return;
	index_put(&facts->by_id[table], organisation_id, index_key(id), value);
	if (table == TABLE_CUSTOMERS) {
		const struct customer *customer = value;

		if (customer->external_id.ptr != NULL && instant_is_none(customer->archived_at))
			index_put(
			    &facts->external_ids, organisation_id, customer->external_id, value);
	} else if (table == TABLE_PLANS) {
		const struct plan *plan = value;

		if (instant_is_none(plan->archived_at))
			index_put(&facts->plan_codes, organisation_id, plan->code, value);
	} else if (table == TABLE_OPERATIONS) {
		const struct operation *operation = value;

		if (operation->idempotency_key.ptr != NULL)
			index_put(&facts->idempotency_keys, organisation_id,
			    operation->idempotency_key, value);
	}
}

static void
list_add(struct arena *arena, struct fact_list *list, size_t capacity_first, void *value)
{
	if (list->len == list->capacity) {
		list->capacity = list->capacity == 0 ? capacity_first : list->capacity * 2;
		list->values = facts_grown(
		    arena, list->values, list->len, list->capacity, sizeof(*list->values));
	}
	list->values[list->len++] = value;
}

/* Put a row that is new here among those of its ${owner}. */
static void
gather(struct facts *facts, struct index *index, struct uuid organisation_id,
    const struct uuid *owner, void *value)
{
	struct fact_list *list = index_get(index, organisation_id, index_key(owner));

	if (list == NULL) {
		list = arena_alloc(facts->arena, sizeof(*list));
		CHECK(list != NULL);
		index_put(index, organisation_id, index_key(owner), list);
	}
	list_add(facts->arena, list, GATHERED_CAPACITY_FIRST, value);
}

/* Enter a row that was not here before. */
void
facts_enter_new(struct facts *facts, enum table_id table, void *value)
{
	const struct subscription *subscription = value;
	const struct quantity *quantity = value;

	if (table == TABLE_SUBSCRIPTIONS)
		gather(facts, &facts->subscriptions_of, subscription->organisation_id,
		    &subscription->customer_id, value);
	else if (table == TABLE_QUANTITIES)
		gather(facts, &facts->quantities_of, quantity->organisation_id,
		    &quantity->subscription_id, value);
	enter(facts, table, value);
}

/* Room for one more row of ${table}, in the state ${state}; the caller fills and enters it. */
void *
facts_row_new(struct facts *facts, enum table_id table, enum fact_state state)
{
	struct fact_list *list = &facts->lists[table];
	size_t size = row_tables[table]->record->size;
	struct fact *fact = arena_alloc(facts->arena, sizeof(*fact) + size);

	CHECK(fact != NULL);
	fact->state = state;
	list_add(facts->arena, list, LIST_CAPACITY_FIRST, fact->value);
	return fact->value;
}

const struct organisation *
facts_organisation(const struct facts *facts, struct uuid id)
{
	return index_get(&facts->by_id[TABLE_ORGANISATIONS], id, index_key(&id));
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
    struct instant until)
{
	size_t len;
	struct subscription *const *rows =
	    facts_subscriptions_of(facts, organisation_id, customer_id, &len);
	struct subscription *next = NULL;

	for (size_t i = 0; i < len; i++) {
		struct subscription *row = rows[i];

		if (instant_is_none(row->due_at) || row->due_at.s > until.s)
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

		if (quantity->period_start.s == subscription->current_period_start.s)
			quantities[len++] = *quantity;
	}
	*ret_len = len;
	return quantities;
}

void *
facts_add(struct facts *facts, enum table_id table, const void *value)
{
	void *row = facts_row_new(facts, table, FACT_ADDED);

	memcpy(row, value, row_tables[table]->record->size);
	facts_enter_new(facts, table, row);
	return row;
}

void
facts_keep(struct facts *facts, enum table_id table, const void *value)
{
	struct uuid organisation_id;
	const struct uuid *id;
	void *row;

	CHECK(facts_identity(table, value, &organisation_id, &id));
	if (index_get(&facts->by_id[table], organisation_id, index_key(id)) != NULL)
		return;
	row = facts_row_new(facts, table, FACT_LOADED);
	memcpy(row, value, row_tables[table]->record->size);
	enter(facts, table, row);
}

void
facts_change(struct facts *facts, enum table_id table, void *row, const void *value)
{
	CHECK(row_tables[table]->updatable);

	memcpy(row, value, row_tables[table]->record->size);
	if (fact_of(row)->state == FACT_LOADED)
		fact_of(row)->state = FACT_CHANGED;
	enter(facts, table, row);
}

/* Every worker locks rows in this order, so none waits for another in a circle. */
static int
order_by_id(const void *a, const void *b, void *table)
{
	struct uuid organisation_a, organisation_b;
	const struct uuid *id_a, *id_b;
	int order;

	if (!facts_identity(*(enum table_id *)table, *(void *const *)a, &organisation_a, &id_a) ||
	    !facts_identity(*(enum table_id *)table, *(void *const *)b, &organisation_b, &id_b))
		return 0;
	order = uuid_compare(organisation_a, organisation_b);
	return order != 0 ? order : uuid_compare(*id_a, *id_b);
}

typedef enum err_class row_send(struct pg *pg, const struct row_table *table,
    const void *const *rows, size_t len, struct arena *arena, struct err *err);

/* Send the rows of ${table} that are in ${state}, by ${send}. */
static enum err_class
store_send(struct facts *facts, struct pg *pg, enum table_id table, enum fact_state state,
    row_send *send, size_t *sent, struct err *err)
{
	const struct fact_list *list = &facts->lists[table];
	const void **rows;
	size_t len = 0;

	if (list->len == 0)
		return ERR_NONE;
	rows = arena_array(facts->arena, list->len, sizeof(*rows));
	if (rows == NULL)
		return err_set(err, ERR_POISON, "the batch's memory is full");
	for (size_t i = 0; i < list->len; i++)
		if (fact_of(list->values[i])->state == state)
			rows[len++] = list->values[i];
	if (len == 0)
		return ERR_NONE;
	qsort_r(rows, len, sizeof(*rows), order_by_id, &table);
	if (send(pg, row_tables[table], rows, len, facts->arena, err) != ERR_NONE)
		return err_wrap(err, "%s", row_tables[table]->name);
	*sent += 1;
	return ERR_NONE;
}

enum err_class
facts_send_store(struct facts *facts, struct pg *pg, size_t *ret_sent, struct err *err)
{
	size_t sent = 0;

	for (enum table_id table = 0; table < TABLE_MAX; table++)
		if (store_send(facts, pg, table, FACT_CHANGED, row_send_update, &sent, err) !=
		    ERR_NONE)
			return err->class;
	for (enum table_id table = 0; table < TABLE_MAX; table++)
		if (store_send(facts, pg, table, FACT_ADDED, row_send_insert, &sent, err) !=
		    ERR_NONE)
			return err->class;
	*ret_sent = sent;
	return ERR_NONE;
}
