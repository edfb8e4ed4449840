/* What is asked for, and by which statements it is loaded. */

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
/* The customers whose rows are asked for, each once: many of one's may be in a batch. */
#define ASKED_CUSTOMERS_OF(table)                                                        \
	"FROM (SELECT DISTINCT k.organisation_id, s.customer_id AS id " ASKED_BY_ID VIA( \
	    "r.customer_id", table, OF_TENANT "r.id = k.id") "OFFSET 0) k "
#define ASKED_SUBSCRIBERS ASKED_CUSTOMERS_OF("billd.subscriptions")
#define ASKED_PAYERS ASKED_CUSTOMERS_OF("billd.invoices")
#define ASKED_ITEM_CUSTOMERS ASKED_CUSTOMERS_OF("billd.items")
/* Those first that fall due first, those that never do last. */
#define LIVE_OF(customer)                                                          \
	"CROSS JOIN LATERAL (SELECT * FROM billd.subscriptions r WHERE " OF_TENANT \
	"r.customer_id = " customer " AND " LIVE                                   \
	" ORDER BY r.due_at, r.id LIMIT " TEXT_OF_VALUE(FACTS_LIVE_MAX) ") t"
#define OF_TENANT "r.organisation_id = k.organisation_id AND "

/*
 * Rows that workers of other partitions change too are locked as they are loaded, and are then as
 * whoever had them before left them.  Every worker takes these locks in one order, so that none
 * waits for another in a circle: its partitions' progress, coupons by id (in one statement, however
 * they are named), series of numbers by organisation.
 */
#define LOCKED_ROWS_OF(table, condition) \
	"CROSS JOIN LATERAL (SELECT * FROM " table " r WHERE " condition " OFFSET 0 FOR UPDATE) t"
#define ASKED_COUPONS                                                               \
	"FROM (SELECT k.organisation_id, k.id " ASKED_BY_ID                         \
	"UNION SELECT k.organisation_id, s.id "                                     \
	"FROM unnest($3::uuid[], $4::text[]) k(organisation_id, text) " VIA("r.id", \
	    "billd.coupons",                                                        \
	    OF_TENANT "r.code = k.text AND r.archived_at IS NULL") "ORDER BY 1, 2 OFFSET 0) k "
#define ASKED_SERIES "FROM (SELECT k.organisation_id " ASKED_BY_ID "ORDER BY 1 OFFSET 0) k "

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
	"subscriptions_per_customer, "                                     \
	"coalesce(r.settings ->> 'invoice_numbering', 'customer') AS "     \
	"invoice_numbering, "                                              \
	"coalesce(r.settings ->> 'invoice_prefix', 'INV') AS "             \
	"invoice_prefix, "                                                 \
	"coalesce((r.settings ->> 'net_terms_days')::int8, 0) AS "         \
	"net_terms_days, r.settings ->> 'tax_rate_ids' AS tax_rate_ids"

/* One row of a run's parts, be there any or not. */
#define RUN_SUMS_COLUMNS                                                                 \
	"k.organisation_id, k.id, "                                                      \
	"count(r.finished_at) = (SELECT count(*) FROM billd.progress) AS through, "      \
	"coalesce(sum(r.due), 0)::int8 AS due, coalesce(sum(r.done), 0)::int8 AS done, " \
	"coalesce(sum(r.invoiced), 0)::int8 AS invoiced, "                               \
	"coalesce(sum(r.failed), 0)::int8 AS failed"

/* How each need is loaded.  The statements select all columns of `t`. */
static const struct need_info {
	const char *name; /* NULL: loaded by the statement of another one */
	enum table_id table;
	bool by_text;
	const char *from;
	enum need with; /* another need that the statement loads, too; 0: none */
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
    [NEED_BILLING_RUN] = {"billing_runs_by_id", TABLE_BILLING_RUNS, false,
	ASKED_BY_ID ROWS_OF("billd.billing_runs", OF_TENANT "r.id = k.id")},
    [NEED_RUN_SUMS] = {"run_sums", TABLE_RUN_SUMS, false,
	ASKED_BY_ID ROWS_WITH(
	    RUN_SUMS_COLUMNS, "billd.billing_run_parts", OF_TENANT "r.run_id = k.id")},
    [NEED_BILLING_RUNS_OPEN] = {"billing_runs_open_of", TABLE_BILLING_RUNS, false,
	ASKED_BY_ID
	"CROSS JOIN LATERAL (SELECT * FROM billd.billing_runs r WHERE r.organisation_id = k.id "
	"AND r.status IN ('running', 'paused') LIMIT " TEXT_OF_VALUE(BILLING_RUNS_OPEN_MAX) ") t"},
    [NEED_PLAN_VERSION] = {"plan_versions_by_id", TABLE_PLAN_VERSIONS, false,
	ASKED_BY_ID ROWS_OF("billd.plan_versions", OF_TENANT "r.id = k.id")},
    [NEED_QUANTITIES] = {"quantities_by_subscription", TABLE_QUANTITIES, false,
	ASKED_BY_ID VIA("r.current_period_start", "billd.subscriptions", OF_TENANT "r.id = k.id")
	    ROWS_OF("billd.quantities",
		OF_TENANT "r.subscription_id = k.id AND r.period_start = s.current_period_start "
			  "AND NOT r.closed")},
    [NEED_ITEMS] = {"items_pending", TABLE_ITEMS, false,
	ASKED_BY_ID ROWS_OF(
	    "billd.items", OF_TENANT "r.customer_id = k.id AND r.status = 'pending'")},
    [NEED_NUMBER_SERIES] = {"number_series_locked", TABLE_NUMBER_SERIES, false,
	ASKED_SERIES LOCKED_ROWS_OF(
	    "billd.number_series", "r.organisation_id = k.organisation_id")},
    [NEED_COUPON] = {"coupons_locked", TABLE_COUPONS, false,
	ASKED_COUPONS LOCKED_ROWS_OF("billd.coupons", OF_TENANT "r.id = k.id"), NEED_COUPON_CODE},
    [NEED_COUPON_CODE] = {NULL, TABLE_COUPONS, true, NULL},
    [NEED_TAX_RATE] = {"tax_rates_by_id", TABLE_TAX_RATES, false,
	ASKED_BY_ID ROWS_OF("billd.tax_rates", OF_TENANT "r.id = k.id")},
    [NEED_TAX_RATE_CODE] = {"tax_rates_by_code", TABLE_TAX_RATES, true,
	ASKED_BY_TEXT ROWS_OF(
	    "billd.tax_rates", OF_TENANT "r.code = k.text AND r.archived_at IS NULL")},
    [NEED_INVOICE] = {"invoices_by_id", TABLE_INVOICES, false,
	ASKED_BY_ID ROWS_OF("billd.invoices", OF_TENANT "r.id = k.id")},
    [NEED_INVOICE_LINES] = {"invoice_lines_by_invoice", TABLE_INVOICE_LINES, false,
	ASKED_BY_ID ROWS_OF("billd.invoice_lines", OF_TENANT "r.invoice_id = k.id")},
    [NEED_CHARGED] = {"subscriptions_by_invoice", TABLE_SUBSCRIPTIONS, false,
	ASKED_BY_ID VIA("r.subscription_id", "billd.invoices", OF_TENANT "r.id = k.id")
	    ROWS_OF("billd.subscriptions", OF_TENANT "r.id = s.subscription_id")},
    [NEED_PAYER] = {"customers_by_invoice", TABLE_CUSTOMERS, false,
	ASKED_PAYERS ROWS_OF("billd.customers", OF_TENANT "r.id = k.id")},
    [NEED_PAYER_SIBLINGS] = {"subscriptions_by_payer", TABLE_SUBSCRIPTIONS, false,
	ASKED_PAYERS LIVE_OF("k.id")},
    [NEED_PAYMENTS] = {"payments_by_invoice", TABLE_PAYMENTS, false,
	ASKED_BY_ID ROWS_OF("billd.payments", OF_TENANT "r.invoice_id = k.id")},
    [NEED_PAYMENT] = {"payments_by_id", TABLE_PAYMENTS, false,
	ASKED_BY_ID ROWS_OF("billd.payments", OF_TENANT "r.id = k.id")},
    [NEED_ITEM] = {"items_by_id", TABLE_ITEMS, false,
	ASKED_BY_ID ROWS_OF("billd.items", OF_TENANT "r.id = k.id")},
    [NEED_ITEM_CUSTOMER] = {"customers_by_item", TABLE_CUSTOMERS, false,
	ASKED_ITEM_CUSTOMERS ROWS_OF("billd.customers", OF_TENANT "r.id = k.id")},
    [NEED_ITEM_SIBLINGS] = {"subscriptions_by_item", TABLE_SUBSCRIPTIONS, false,
	ASKED_ITEM_CUSTOMERS LIVE_OF("k.id")},
};

void
facts_prepare(struct pg *pg, struct arena *arena)
{
	for (size_t i = 0; i < NEED_MAX; i++)
		if (need_table[i].name != NULL)
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

/* Of those of ${need} how many are still to be loaded. */
static size_t
pending(const struct facts *facts, enum need need)
{
	return facts->needs[need].len - facts->needs[need].loaded;
}

/* Whether the statement of ${need} is sent: it has one, and something to load. */
static bool
is_sent(const struct facts *facts, enum need need)
{
	enum need with = need_table[need].with;

	return need_table[need].name != NULL &&
	       (pending(facts, need) > 0 || (with != 0 && pending(facts, with) > 0));
}

static void
params_need(struct pg_params *params, const struct facts *facts, enum need need)
{
	const struct need_list *list = &facts->needs[need];
	size_t from = list->loaded, len = list->len - from;

	/* Without a place to point to, an array is empty all the same. */
	pg_params_uuids(params, len == 0 ? NULL : list->organisation_ids + from, len);
	if (need_table[need].by_text)
		pg_params_strs(params, len == 0 ? NULL : list->texts + from, len);
	else
		pg_params_uuids(params, len == 0 ? NULL : list->ids + from, len);
}

enum err_class
facts_send_load(struct facts *facts, struct pg *pg, struct err *err)
{
	for (enum need need = 0; need < NEED_MAX; need++) {
		const struct need_info *info = &need_table[need];
		struct pg_params params;

		if (!is_sent(facts, need))
			continue;
		pg_params_init(&params, facts->arena);
		params_need(&params, facts, need);
		if (info->with != 0)
			params_need(&params, facts, info->with);
		if (pg_send(pg, info->name, &params, err) != ERR_NONE)
			return err_wrap(err, "%s", info->name);
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
	struct row_lists lists = {.next = 0};

	for (int i = 0; i < PQntuples(result); i++) {
		struct uuid organisation_id;
		const struct uuid *id;
		void *value;

		if (!has_room(facts->arena))
			return err_set(
			    err, ERR_POISON, "the memory is full of %s", row_tables[table]->name);
		value = facts_row_new(facts, table, FACT_LOADED);
		if (row_read_next(row_tables[table], result, i, &lists, facts->arena, value, err) !=
		    ERR_NONE)
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
	for (enum need need = 0; need < NEED_MAX; need++) {
		const struct need_info *info = &need_table[need];
		PGresult *result;
		enum err_class class;

		if (!is_sent(facts, need))
			continue;
		facts->needs[need].loaded = facts->needs[need].len;
		if (info->with != 0)
			facts->needs[info->with].loaded = facts->needs[info->with].len;
		if (pg_receive(pg, &result, err) != ERR_NONE)
			return err_wrap(err, "%s", info->name);
		class = rows_take(facts, info->table, result, err);
		PQclear(result);
		if (class != ERR_NONE)
			return class;
	}
	return ERR_NONE;
}
