#include "worker/facts.h"

#include <stdalign.h>

#define LIST_CAPACITY_FIRST 64

#define LIVE "r.status IN ('scheduled', 'trialing', 'active', 'past_due', 'paused')"

/*
 * The rows `t` of ${table} for each asked-for row `k` of the arrays.  OFFSET 0 keeps the planner
 * from turning it around: by the statistics of a young table, reading a whole index once seems
 * cheaper than looking up each key (measured: 176 ms for what takes 1 ms).
 */
#define ASKED_BY_ID "FROM unnest($1::uuid[], $2::uuid[]) k(organisation_id, id) "
#define ASKED_BY_TEXT "FROM unnest($1::uuid[], $2::text[]) k(organisation_id, text) "
#define ROWS_WITH(columns, table, condition) \
	"CROSS JOIN LATERAL (SELECT " columns " FROM " table " r WHERE " condition " OFFSET 0) t"
#define ROWS_OF(table, condition) ROWS_WITH("*", table, condition)
#define OF_TENANT "r.organisation_id = k.organisation_id AND "

/* Of who asks the worker may read some columns only.  A key that never expires has no time, and
 * whoever wrote 'infinity' meant the same. */
#define KEY_COLUMNS                                                                               \
	"r.organisation_id, r.id, r.role, r.revoked_at IS NOT NULL AS revoked, "                  \
	"greatest(least(extract(epoch FROM r.expires_at) * 1000, 9223372036854775807), 0)::int8 " \
	"AS expires_ms"
#define MEMBER_COLUMNS "r.organisation_id, r.user_id, r.role"

/* How each need is loaded.  The statements select all columns of `t`. */
static const struct need_info {
	const char *name;
	enum table_id table;
	bool by_text;
	const char *from;
} need_table[NEED_MAX] = {
    [NEED_ORGANISATION] = {"organisations_by_id", TABLE_ORGANISATIONS, false,
	ASKED_BY_ID ROWS_OF("identity.organisations", "r.id = k.id")},
    [NEED_API_KEY] = {"api_keys_by_id", TABLE_API_KEYS, false,
	ASKED_BY_ID ROWS_WITH(KEY_COLUMNS, "identity.api_keys", OF_TENANT "r.id = k.id")},
    [NEED_MEMBERSHIP] = {"memberships_by_user", TABLE_MEMBERSHIPS, false,
	ASKED_BY_ID ROWS_WITH(
	    MEMBER_COLUMNS, "identity.memberships", OF_TENANT "r.user_id = k.id")},
    [NEED_OPERATION] = {"operations_by_id", TABLE_OPERATIONS, false,
	ASKED_BY_ID ROWS_OF("billd.operations", OF_TENANT "r.id = k.id")},
    [NEED_IDEMPOTENCY_KEY] = {"operations_by_key", TABLE_OPERATIONS, true,
	ASKED_BY_TEXT ROWS_OF("billd.operations", OF_TENANT "r.idempotency_key = k.text")},
    [NEED_CUSTOMER] = {"customers_by_id", TABLE_CUSTOMERS, false,
	ASKED_BY_ID ROWS_OF("billd.customers", OF_TENANT "r.id = k.id")},
    [NEED_EXTERNAL_ID] = {"customers_by_external_id", TABLE_CUSTOMERS, true,
	ASKED_BY_TEXT ROWS_OF(
	    "billd.customers", OF_TENANT "r.external_id = k.text AND r.archived_at IS NULL")},
    [NEED_PLAN] = {"plans_by_id", TABLE_PLANS, false,
	ASKED_BY_ID ROWS_OF("billd.plans", OF_TENANT "r.id = k.id")},
    [NEED_PLAN_CODE] = {"plans_by_code", TABLE_PLANS, true,
	ASKED_BY_TEXT ROWS_OF(
	    "billd.plans", OF_TENANT "r.code = k.text AND r.archived_at IS NULL")},
    [NEED_SUBSCRIPTION] = {"subscriptions_by_id", TABLE_SUBSCRIPTIONS, false,
	ASKED_BY_ID ROWS_OF("billd.subscriptions", OF_TENANT "r.id = k.id")},
    [NEED_SUBSCRIBER] = {"customers_by_subscription", TABLE_CUSTOMERS, false,
	ASKED_BY_ID
	"CROSS JOIN LATERAL (SELECT customer_id FROM billd.subscriptions r WHERE " OF_TENANT
	"r.id = k.id OFFSET 0) s " ROWS_OF("billd.customers", OF_TENANT "r.id = s.customer_id")},
    [NEED_LIVE_SUBSCRIPTION] = {"subscriptions_live", TABLE_SUBSCRIPTIONS, false,
	ASKED_BY_ID ROWS_OF("billd.subscriptions", OF_TENANT "r.customer_id = k.id AND " LIVE)},
};

enum fact_state {
	FACT_LOADED,  /* as the database has it */
	FACT_CHANGED, /* to be updated */
	FACT_ADDED,   /* to be inserted */
};

/* What stands before each row's struct. */
struct fact {
	enum fact_state state;
	alignas(max_align_t) char value[];
};

static struct fact *
fact_of(void *value)
{
	return (struct fact *)(void *)((char *)value - offsetof(struct fact, value));
}

void
facts_prepare(struct pg *pg, struct arena *arena)
{
	for (size_t i = 0; i < NEED_MAX; i++)
		row_prepare_load(pg, &row_tables[need_table[i].table], need_table[i].name,
		    need_table[i].from, arena);
	for (size_t i = TABLE_WRITTEN_FIRST; i < TABLE_MAX; i++)
		row_prepare(pg, &row_tables[i], arena);
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
	index_init(&facts->live_subscriptions, arena);
	index_init(&facts->idempotency_keys, arena);
}

/* An array in the arena with room for one more. */
static void *
grown(struct arena *arena, void *old, size_t len, size_t capacity, size_t size)
{
	void *array = arena_array(arena, capacity, size);

	CHECK(array != NULL);
	if (len > 0)
		memcpy(array, old, len * size);
	return array;
}

static void
need_reserve(struct facts *facts, struct need_list *list)
{
	if (list->len < list->capacity)
		return;
	list->capacity = list->capacity == 0 ? LIST_CAPACITY_FIRST : list->capacity * 2;
	list->organisation_ids = grown(facts->arena, list->organisation_ids, list->len,
	    list->capacity, sizeof(*list->organisation_ids));
	list->ids = grown(facts->arena, list->ids, list->len, list->capacity, sizeof(*list->ids));
	list->texts =
	    grown(facts->arena, list->texts, list->len, list->capacity, sizeof(*list->texts));
}

void
facts_need(struct facts *facts, enum need need, struct uuid organisation_id, const struct uuid *id)
{
	struct need_list *list = &facts->needs[need];

	CHECK(!need_table[need].by_text);
	if (index_get(&list->seen, organisation_id, index_key(id)) != NULL)
		return;
	index_put(&list->seen, organisation_id, index_key(id), list);
	need_reserve(facts, list);
	list->organisation_ids[list->len] = organisation_id;
	list->ids[list->len++] = *id;
}

void
facts_need_text(struct facts *facts, enum need need, struct uuid organisation_id, struct str text)
{
	struct need_list *list = &facts->needs[need];

	CHECK(need_table[need].by_text);
	if (index_get(&list->seen, organisation_id, text) != NULL)
		return;
	index_put(&list->seen, organisation_id, text, list);
	need_reserve(facts, list);
	list->organisation_ids[list->len] = organisation_id;
	list->texts[list->len++] = text;
}

enum err_class
facts_send_load(struct facts *facts, struct pg *pg, struct err *err)
{
	for (size_t i = 0; i < NEED_MAX; i++) {
		const struct need_list *list = &facts->needs[i];
		struct pg_params params;

		if (list->len == 0)
			continue;
		pg_params_init(&params, facts->arena);
		pg_params_uuids(&params, list->organisation_ids, list->len);
		if (need_table[i].by_text)
			pg_params_strs(&params, list->texts, list->len);
		else
			pg_params_uuids(&params, list->ids, list->len);
		if (pg_send(pg, need_table[i].name, &params, err) != ERR_NONE)
			return err_wrap(err, "%s", need_table[i].name);
	}
	return ERR_NONE;
}

/* Where a row is found by its id; tables whose rows are only written have none. */
static bool
identity(enum table_id table, const void *value, struct uuid *ret_organisation_id,
    const struct uuid **ret_id)
{
	const struct organisation *organisation = value;
	const struct api_key *key = value;
	const struct membership *membership = value;
	const struct operation *operation = value;
	const struct customer *customer = value;
	const struct plan *plan = value;
	const struct subscription *subscription = value;

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
	case TABLE_OPERATIONS:
		*ret_organisation_id = operation->organisation_id;
		*ret_id = &operation->id;
		return true;
	case TABLE_INVOICES:
	case TABLE_INVOICE_LINES:
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

	if (!identity(table, value, &organisation_id, &id))
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
	} else if (table == TABLE_SUBSCRIPTIONS) {
		const struct subscription *subscription = value;

		if (subscription_is_live(subscription))
			index_put(&facts->live_subscriptions, organisation_id,
			    index_key(&subscription->customer_id), value);
	} else if (table == TABLE_OPERATIONS) {
		const struct operation *operation = value;

		if (operation->idempotency_key.ptr != NULL)
			index_put(&facts->idempotency_keys, organisation_id,
			    operation->idempotency_key, value);
	}
}

/* Room for one more row of ${table}, in the state ${state}; the caller fills and enters it. */
static void *
row_new(struct facts *facts, enum table_id table, enum fact_state state)
{
	struct fact_list *list = &facts->lists[table];
	size_t size = row_tables[table].record->size;
	struct fact *fact = arena_alloc(facts->arena, sizeof(*fact) + size);

	CHECK(fact != NULL);
	if (list->len == list->capacity) {
		list->capacity = list->capacity == 0 ? LIST_CAPACITY_FIRST : list->capacity * 2;
		list->values = grown(
		    facts->arena, list->values, list->len, list->capacity, sizeof(*list->values));
	}
	fact->state = state;
	list->values[list->len++] = fact->value;
	return fact->value;
}

/* Take the rows of one result; one that another need brought already is there once. */
static enum err_class
rows_take(struct facts *facts, enum table_id table, const PGresult *result, struct err *err)
{
	for (int i = 0; i < PQntuples(result); i++) {
		void *value = row_new(facts, table, FACT_LOADED);
		struct uuid organisation_id;
		const struct uuid *id;

		if (row_read(&row_tables[table], result, i, facts->arena, value, err) != ERR_NONE)
			return err_wrap(err, "%s", row_tables[table].name);
		CHECK(identity(table, value, &organisation_id, &id));
		if (index_get(&facts->by_id[table], organisation_id, index_key(id)) != NULL)
			facts->lists[table].len--;
		else
			enter(facts, table, value);
	}
	return ERR_NONE;
}

enum err_class
facts_receive_load(struct facts *facts, struct pg *pg, struct err *err)
{
	for (size_t i = 0; i < NEED_MAX; i++) {
		PGresult *result;
		enum err_class class;

		if (facts->needs[i].len == 0)
			continue;
		if (pg_receive(pg, &result, err) != ERR_NONE)
			return err_wrap(err, "%s", need_table[i].name);
		class = rows_take(facts, need_table[i].table, result, err);
		PQclear(result);
		if (class != ERR_NONE)
			return class;
	}
	return ERR_NONE;
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
	struct subscription *subscription =
	    index_get(&facts->live_subscriptions, organisation_id, index_key(&customer_id));

	if (subscription == NULL || !subscription_is_live(subscription))
		return NULL;
	return subscription;
}

void *
facts_add(struct facts *facts, enum table_id table, const void *value)
{
	void *row = row_new(facts, table, FACT_ADDED);

	memcpy(row, value, row_tables[table].record->size);
	enter(facts, table, row);
	return row;
}

void
facts_change(struct facts *facts, enum table_id table, void *row, const void *value)
{
	CHECK(row_tables[table].updatable);

	memcpy(row, value, row_tables[table].record->size);
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

	if (!identity(*(enum table_id *)table, *(void *const *)a, &organisation_a, &id_a) ||
	    !identity(*(enum table_id *)table, *(void *const *)b, &organisation_b, &id_b))
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
	if (send(pg, &row_tables[table], rows, len, facts->arena, err) != ERR_NONE)
		return err_wrap(err, "%s", row_tables[table].name);
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
