#include "worker/facts_internal.h"

#define GATHERED_CAPACITY_FIRST 2 /* most customers have one subscription */

static struct fact *
fact_of(void *value)
{
	return (struct fact *)(void *)((char *)value - offsetof(struct fact, value));
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

/* Where a row is found by its id. */
struct identity {
	bool found; /* else rows of the table are only written */
	size_t organisation_id, id;
};

#define IDENTITY(type, member)                                                \
	{                                                                     \
		true, offsetof(type, organisation_id), offsetof(type, member) \
	}

static const struct identity identities[TABLE_MAX] = {
    [TABLE_ORGANISATIONS] = {true, offsetof(struct organisation, id),
	offsetof(struct organisation, id)},
    [TABLE_API_KEYS] = IDENTITY(struct api_key, id),
    [TABLE_MEMBERSHIPS] = IDENTITY(struct membership, user_id),
    [TABLE_RUN_SUMS] = IDENTITY(struct run_sums, id),
    [TABLE_NUMBER_SERIES] = IDENTITY(struct number_series, organisation_id),
    [TABLE_COUPONS] = IDENTITY(struct coupon, id),
    [TABLE_TAX_RATES] = IDENTITY(struct tax_rate, id),
    [TABLE_TEST_CLOCKS] = IDENTITY(struct test_clock, id),
    [TABLE_BILLING_RUNS] = IDENTITY(struct billing_run, id),
    [TABLE_CUSTOMERS] = IDENTITY(struct customer, id),
    [TABLE_PLANS] = IDENTITY(struct plan, id),
    [TABLE_PLAN_VERSIONS] = IDENTITY(struct plan_version, id),
    [TABLE_SUBSCRIPTIONS] = IDENTITY(struct subscription, id),
    [TABLE_QUANTITIES] = IDENTITY(struct quantity, id),
    [TABLE_INVOICES] = IDENTITY(struct invoice, id),
    [TABLE_INVOICE_LINES] = IDENTITY(struct invoice_line, id),
    [TABLE_ITEMS] = IDENTITY(struct item, id),
    [TABLE_PAYMENTS] = IDENTITY(struct payment, id),
    [TABLE_OPERATIONS] = IDENTITY(struct operation, id),
};

/* By which text a row is found. */
static const struct {
	enum table_id table;
	size_t text;
	size_t archived_at; /* of one that frees its text when it is archived; else 0 */
	size_t index;       /* in struct facts */
} texts[] = {
    {TABLE_CUSTOMERS, offsetof(struct customer, external_id),
	offsetof(struct customer, archived_at), offsetof(struct facts, external_ids)},
    {TABLE_PLANS, offsetof(struct plan, code), offsetof(struct plan, archived_at),
	offsetof(struct facts, plan_codes)},
    {TABLE_COUPONS, offsetof(struct coupon, code), offsetof(struct coupon, archived_at),
	offsetof(struct facts, coupon_codes)},
    {TABLE_TAX_RATES, offsetof(struct tax_rate, code), offsetof(struct tax_rate, archived_at),
	offsetof(struct facts, tax_rate_codes)},
    {TABLE_OPERATIONS, offsetof(struct operation, idempotency_key), 0,
	offsetof(struct facts, idempotency_keys)},
};

/* Whose a row is one of many. */
static const struct {
	enum table_id table;
	size_t organisation_id, owner;
	size_t index; /* in struct facts */
} owners[] = {
    {TABLE_SUBSCRIPTIONS, offsetof(struct subscription, organisation_id),
	offsetof(struct subscription, customer_id), offsetof(struct facts, subscriptions_of)},
    {TABLE_QUANTITIES, offsetof(struct quantity, organisation_id),
	offsetof(struct quantity, subscription_id), offsetof(struct facts, quantities_of)},
    {TABLE_ITEMS, offsetof(struct item, organisation_id), offsetof(struct item, customer_id),
	offsetof(struct facts, items_of)},
    {TABLE_INVOICE_LINES, offsetof(struct invoice_line, organisation_id),
	offsetof(struct invoice_line, invoice_id), offsetof(struct facts, lines_of)},
    {TABLE_PAYMENTS, offsetof(struct payment, organisation_id),
	offsetof(struct payment, invoice_id), offsetof(struct facts, payments_of)},
};

void
facts_init(struct facts *facts, struct arena *arena)
{
	*facts = (struct facts){.arena = arena};
	for (size_t i = 0; i < NEED_MAX; i++)
		index_init(&facts->needs[i].seen, arena);
	for (size_t i = 0; i < TABLE_MAX; i++)
		index_init(&facts->by_id[i], arena);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		index_init((void *)((char *)facts + texts[i].index), arena);
	for (size_t i = 0; i < ARRAY_LEN(owners); i++)
		index_init((void *)((char *)facts + owners[i].index), arena);
}

bool
facts_identity(enum table_id table, const void *value, struct uuid *ret_organisation_id,
    const struct uuid **ret_id)
{
	const struct identity *identity = &identities[table];

	if (!identity->found)
		return false;
	memcpy(ret_organisation_id, (const char *)value + identity->organisation_id,
	    sizeof(*ret_organisation_id));
	*ret_id = (const void *)((const char *)value + identity->id);
	return true;
}

/* Enter a row of the table of ${texts}[place] under its text, if it has one now. */
static void
enter_text(struct facts *facts, size_t place, struct uuid organisation_id, void *value)
{
	struct index *index = (void *)((char *)facts + texts[place].index);
	struct instant archived_at = INSTANT_NONE;
	struct str text;

	memcpy(&text, (const char *)value + texts[place].text, sizeof(text));
	if (texts[place].archived_at != 0)
		memcpy(&archived_at, (const char *)value + texts[place].archived_at,
		    sizeof(archived_at));
	if (text.ptr != NULL && instant_is_none(archived_at))
		index_put(index, organisation_id, text, value);
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
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		if (texts[i].table == table)
			enter_text(facts, i, organisation_id, value);
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
	for (size_t i = 0; i < ARRAY_LEN(owners); i++) {
		struct uuid organisation_id;

		if (owners[i].table != table)
			continue;
		memcpy(&organisation_id, (const char *)value + owners[i].organisation_id,
		    sizeof(organisation_id));
		gather(facts, (void *)((char *)facts + owners[i].index), organisation_id,
		    (const void *)((const char *)value + owners[i].owner), value);
	}
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

/* The state of ${fact} once ${value} has its place.  Only moves make a move. */
static enum fact_state
changed_state(const struct fact *fact, enum table_id table, const void *value)
{
	if (fact->state == FACT_CHANGED || fact->state == FACT_ADDED)
		return fact->state;
	return row_moves(row_tables[table], fact->value, value) ? FACT_MOVED : FACT_CHANGED;
}

void
facts_change(struct facts *facts, enum table_id table, void *row, const void *value)
{
	CHECK(row_tables[table]->updatable);

	fact_of(row)->state = changed_state(fact_of(row), table, value);
	memcpy(row, value, row_tables[table]->record->size);
	enter(facts, table, row);
}

/* Every worker locks rows in this order, so none waits for another in a circle.  Those of tables
 * that are only written keep that in which they were made. */
static int
order_by_id(const void *a, const void *b, void *table)
{
	struct uuid organisation_a, organisation_b;
	const struct uuid *id_a, *id_b;
	int order;

	CHECK(facts_identity(*(enum table_id *)table, *(void *const *)a, &organisation_a, &id_a));
	CHECK(facts_identity(*(enum table_id *)table, *(void *const *)b, &organisation_b, &id_b));
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
	if (identities[table].found)
		qsort_r(rows, len, sizeof(*rows), order_by_id, &table);
	if (send(pg, row_tables[table], rows, len, facts->arena, err) != ERR_NONE)
		return err_wrap(err, "%s", row_tables[table]->name);
	*sent += 1;
	return ERR_NONE;
}

/* Those that moved come behind those that changed, whatever their ids: of tables with moving
 * columns only the owner of a partition, which has locked its progress, changes rows. */
enum err_class
facts_send_store(struct facts *facts, struct pg *pg, size_t *ret_sent, struct err *err)
{
	size_t sent = 0;

	for (enum table_id table = 0; table < TABLE_MAX; table++)
		if (store_send(facts, pg, table, FACT_CHANGED, row_send_update, &sent, err) !=
			ERR_NONE ||
		    store_send(facts, pg, table, FACT_MOVED, row_send_move, &sent, err) != ERR_NONE)
			return err->class;
	for (enum table_id table = 0; table < TABLE_MAX; table++)
		if (store_send(facts, pg, table, FACT_ADDED, row_send_insert, &sent, err) !=
		    ERR_NONE)
			return err->class;
	*ret_sent = sent;
	return ERR_NONE;
}
