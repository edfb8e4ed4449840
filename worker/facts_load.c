/* What is asked for, by which statements it is loaded, and what that leads to. */

#include "worker/facts_internal.h"

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
/* One column of the row that the asked-for one leads to. */
#define VIA(columns, table, condition) \
	"CROSS JOIN LATERAL (SELECT " columns " FROM " table " r WHERE " condition " OFFSET 0) s "
#define TEXT_OF(number) #number
#define TEXT_OF_VALUE(number) TEXT_OF(number)
/* The customers whose subscriptions are asked for, each once: many of one's may be in a batch. */
#define ASKED_SUBSCRIBERS                                                                \
	"FROM (SELECT DISTINCT k.organisation_id, s.customer_id AS id " ASKED_BY_ID VIA( \
	    "r.customer_id", "billd.subscriptions", OF_TENANT "r.id = k.id") "OFFSET 0) k "
/* Those first that fall due first, those that never do last. */
#define LIVE_OF(customer)                                                          \
	"CROSS JOIN LATERAL (SELECT * FROM billd.subscriptions r WHERE " OF_TENANT \
	"r.customer_id = " customer " AND " LIVE                                   \
	" ORDER BY r.due_at, r.id LIMIT " TEXT_OF_VALUE(FACTS_LIVE_MAX) ") t"
#define OF_TENANT "r.organisation_id = k.organisation_id AND "

/* Of who asks the worker may read some columns only.  A key that never expires has no time, and
 * whoever wrote 'infinity' meant the same. */
#define KEY_COLUMNS                                                                               \
	"r.organisation_id, r.id, r.role, r.revoked_at IS NOT NULL AS revoked, "                  \
	"greatest(least(extract(epoch FROM r.expires_at) * 1000, 9223372036854775807), 0)::int8 " \
	"AS expires_ms"
#define MEMBER_COLUMNS "r.organisation_id, r.user_id, r.role"
/* What an organisation did not set is as the rules have it. */
#define ORGANISATION_COLUMNS                                               \
	"r.id, r.currency, r.timezone, "                                   \
	"coalesce(r.settings ->> 'proration', 'second') AS proration, "    \
	"coalesce(r.settings ->> 'subscriptions_per_customer', 'one') AS " \
	"subscriptions_per_customer"

/* How each need is loaded.  The statements select all columns of `t`. */
static const struct need_info {
	const char *name;
	enum table_id table;
	bool by_text;
	const char *from;
} need_table[NEED_MAX] = {
    [NEED_ORGANISATION] = {"organisations_by_id", TABLE_ORGANISATIONS, false,
	ASKED_BY_ID ROWS_WITH(ORGANISATION_COLUMNS, "identity.organisations", "r.id = k.id")},
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
	ASKED_SUBSCRIBERS ROWS_OF("billd.customers", OF_TENANT "r.id = k.id")},
    [NEED_SIBLINGS] = {"subscriptions_siblings", TABLE_SUBSCRIPTIONS, false,
	ASKED_SUBSCRIBERS LIVE_OF("k.id")},
    [NEED_LIVE_SUBSCRIPTION] = {"subscriptions_live", TABLE_SUBSCRIPTIONS, false,
	ASKED_BY_ID LIVE_OF("k.id")},
    [NEED_TEST_CLOCK] = {"test_clocks_by_id", TABLE_TEST_CLOCKS, false,
	ASKED_BY_ID ROWS_OF("billd.test_clocks", OF_TENANT "r.id = k.id")},
    [NEED_PLAN_VERSION] = {"plan_versions_by_id", TABLE_PLAN_VERSIONS, false,
	ASKED_BY_ID ROWS_OF("billd.plan_versions", OF_TENANT "r.id = k.id")},
    [NEED_QUANTITIES] = {"quantities_by_subscription", TABLE_QUANTITIES, false,
	ASKED_BY_ID VIA("r.current_period_start", "billd.subscriptions", OF_TENANT "r.id = k.id")
	    ROWS_OF("billd.quantities",
		OF_TENANT "r.subscription_id = k.id AND r.period_start = s.current_period_start")},
};

void
facts_prepare(struct pg *pg, struct arena *arena)
{
	for (size_t i = 0; i < NEED_MAX; i++)
		row_prepare_load(pg, row_tables[need_table[i].table], need_table[i].name,
		    need_table[i].from, arena);
	for (size_t i = TABLE_WRITTEN_FIRST; i < TABLE_MAX; i++)
		row_prepare(pg, row_tables[i], arena);
}

static void
need_reserve(struct facts *facts, struct need_list *list)
{
	if (list->len < list->capacity)
		return;
	list->capacity = list->capacity == 0 ? LIST_CAPACITY_FIRST : list->capacity * 2;
	list->organisation_ids = facts_grown(facts->arena, list->organisation_ids, list->len,
	    list->capacity, sizeof(*list->organisation_ids));
	list->ids =
	    facts_grown(facts->arena, list->ids, list->len, list->capacity, sizeof(*list->ids));
	list->texts =
	    facts_grown(facts->arena, list->texts, list->len, list->capacity, sizeof(*list->texts));
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
		size_t from = list->loaded, len = list->len - from;
		struct pg_params params;

		if (len == 0)
			continue;
		pg_params_init(&params, facts->arena);
		pg_params_uuids(&params, list->organisation_ids + from, len);
		if (need_table[i].by_text)
			pg_params_strs(&params, list->texts + from, len);
		else
			pg_params_uuids(&params, list->ids + from, len);
		if (pg_send(pg, need_table[i].name, &params, err) != ERR_NONE)
			return err_wrap(err, "%s", need_table[i].name);
	}
	return ERR_NONE;
}

/* A plan brings its current version along: a later command of the batch may find the plan moved on,
 * and the version taken. */
static void
current_version_take(struct facts *facts, const struct plan *plan)
{
	struct plan_version *version;

	if (facts_plan_version(facts, plan->organisation_id, plan->version_id) != NULL)
		return;
	version = facts_row_new(facts, TABLE_PLAN_VERSIONS, FACT_LOADED);
	*version = plan_current(plan);
	facts_enter_new(facts, TABLE_PLAN_VERSIONS, version);
}

/* What is loaded leaves as much room for what is made of it: where it does not, fewer are to be
 * loaded together. */
static bool
has_room(const struct arena *arena)
{
	return arena->used <= arena->capacity / 2;
}

/* Take the rows of one result; one that another need brought already is there once. */
static enum err_class
rows_take(struct facts *facts, enum table_id table, const PGresult *result, struct err *err)
{
	for (int i = 0; i < PQntuples(result); i++) {
		struct uuid organisation_id;
		const struct uuid *id;
		void *value;

		if (!has_room(facts->arena))
			return err_set(
			    err, ERR_POISON, "the memory is full of %s", row_tables[table]->name);
		value = facts_row_new(facts, table, FACT_LOADED);
		if (row_read(row_tables[table], result, i, facts->arena, value, err) != ERR_NONE)
			return err_wrap(err, "%s", row_tables[table]->name);
		CHECK(facts_identity(table, value, &organisation_id, &id));
		if (index_get(&facts->by_id[table], organisation_id, index_key(id)) != NULL)
			facts->lists[table].len--;
		else
			facts_enter_new(facts, table, value);
		if (table == TABLE_PLANS)
			current_version_take(facts, value);
	}
	return ERR_NONE;
}

enum err_class
facts_receive_load(struct facts *facts, struct pg *pg, struct err *err)
{
	for (size_t i = 0; i < NEED_MAX; i++) {
		struct need_list *list = &facts->needs[i];
		PGresult *result;
		enum err_class class;

		if (list->loaded == list->len)
			continue;
		list->loaded = list->len;
		if (pg_receive(pg, &result, err) != ERR_NONE)
			return err_wrap(err, "%s", need_table[i].name);
		class = rows_take(facts, need_table[i].table, result, err);
		PQclear(result);
		if (class != ERR_NONE)
			return class;
	}
	return ERR_NONE;
}

/* Ask for a version that is not here yet. */
static void
version_follow(struct facts *facts, struct uuid organisation_id, const struct uuid *id)
{
	if (!uuid_is_nil(*id) && facts_plan_version(facts, organisation_id, *id) == NULL)
		facts_need(facts, NEED_PLAN_VERSION, organisation_id, id);
}

bool
facts_follow(struct facts *facts)
{
	const struct fact_list *customers = &facts->lists[TABLE_CUSTOMERS];
	const struct fact_list *subscriptions = &facts->lists[TABLE_SUBSCRIPTIONS];
	const struct fact_list *clocks = &facts->lists[TABLE_TEST_CLOCKS];

	for (size_t i = 0; i < customers->len; i++) {
		const struct customer *customer = customers->values[i];

		if (!uuid_is_nil(customer->test_clock_id) &&
		    facts_test_clock(facts, customer->organisation_id, customer->test_clock_id) ==
			NULL)
			facts_need(facts, NEED_TEST_CLOCK, customer->organisation_id,
			    &customer->test_clock_id);
	}
	for (size_t i = 0; i < subscriptions->len; i++) {
		const struct subscription *subscription = subscriptions->values[i];

		version_follow(
		    facts, subscription->organisation_id, &subscription->plan_version_id);
		if (!instant_is_none(subscription->ended_at))
			continue;
		version_follow(
		    facts, subscription->organisation_id, &subscription->pending_version_id);
		facts_need(
		    facts, NEED_QUANTITIES, subscription->organisation_id, &subscription->id);
	}
	for (size_t i = 0; i < clocks->len; i++) {
		const struct test_clock *clock = clocks->values[i];

		if (uuid_is_nil(clock->advance_operation_id))
			continue;
		facts_need(
		    facts, NEED_OPERATION, clock->organisation_id, &clock->advance_operation_id);
		if (clock->advance_idempotency_key.ptr != NULL)
			facts_need_text(facts, NEED_IDEMPOTENCY_KEY, clock->organisation_id,
			    clock->advance_idempotency_key);
	}
	for (size_t i = 0; i < NEED_MAX; i++)
		if (facts->needs[i].loaded < facts->needs[i].len)
			return true;
	return false;
}
