/* The rows that a preview is computed from, read as the worker reads them. */

#include "api/identity/organisation_settings.h"
#include "api/preview/preview.h"
#include "api/preview/preview_internal.h"
#include "api/respond.h"
#include "common/base/daemon.h"
#include "common/rows/rows.h"
#include "common/zone/zone.h"

/* $1 organisation, $2 what it is found by. */
#define OF_TENANT(table) "FROM " table " t WHERE t.organisation_id = $1::uuid AND "

/* The same of what there can be many of, without what is no part of a bill and may be large. */
#define OF_TENANT_BARE(table)                                                                  \
	"FROM " table " r CROSS JOIN LATERAL jsonb_populate_record(r, '{\"metadata\": {}}') t" \
	" WHERE r.organisation_id = $1::uuid AND "

#define ITEMS_LIMIT LIMIT_TEXT(ITEMS_PENDING_MAX)
#define OTHERS_LIMIT LIMIT_TEXT(PREVIEW_OTHERS_MAX)
#define LIMIT_TEXT(number) " LIMIT " NUMBER_TEXT(number)
#define NUMBER_TEXT(number) #number

static const struct {
	const char *name;
	const struct row_table *table;
	const char *from;
} loads[] = {
    {"preview_customer", &rows_customers, OF_TENANT("billd.customers") "t.id = $2::uuid"},
    {"preview_test_clock", &rows_test_clocks, OF_TENANT("billd.test_clocks") "t.id = $2::uuid"},
    {"preview_plan", &rows_plans, OF_TENANT("billd.plans") "t.id = $2::uuid"},
    {"preview_plan_by_code", &rows_plans,
	OF_TENANT("billd.plans") "t.code = $2::text AND t.archived_at IS NULL"},
    {"preview_versions", &rows_plan_versions,
	OF_TENANT("billd.plan_versions") "t.id = ANY ($2::uuid[])"},
    {"preview_subscription", &rows_subscriptions,
	OF_TENANT("billd.subscriptions") "t.id = $2::uuid"},
    /* Those first that fall due first, those that never do last. */
    {"preview_others", &rows_subscriptions,
	OF_TENANT_BARE(
	    "billd.subscriptions") "r.customer_id = $2::uuid AND r.id IS DISTINCT FROM $3::uuid"
				   " AND r.status IN ('scheduled', 'trialing', "
				   "'active', 'past_due', 'paused')"
				   " ORDER BY r.due_at, r.id" OTHERS_LIMIT},
    {"preview_quantities", &rows_quantities,
	"FROM billd.quantities t JOIN billd.subscriptions s ON s.organisation_id = "
	"t.organisation_id"
	" AND s.id = t.subscription_id AND s.current_period_start = t.period_start AND NOT t.closed"
	" WHERE t.organisation_id = $1::uuid AND t.subscription_id = ANY ($2::uuid[])"
	" ORDER BY t.subscription_id"},
    {"preview_coupon", &rows_coupons,
	OF_TENANT_BARE("billd.coupons") "r.code = $2::text AND r.archived_at IS NULL"},
    {"preview_items", &rows_items,
	OF_TENANT_BARE("billd.items") "r.customer_id = $2::uuid AND r.status = 'pending'"
				      " ORDER BY r.created_ms, r.id" ITEMS_LIMIT},
    {"preview_tax_rates", &rows_tax_rates,
	OF_TENANT_BARE("billd.tax_rates") "r.id = ANY ($2::uuid[])"},
};

static const struct pg_statement statements[] = {
    {"preview_organisation", "SELECT coalesce(settings ->> 'proration', 'second'),"
			     " coalesce(settings ->> 'subscriptions_per_customer', 'one'),"
			     " coalesce((settings ->> 'net_terms_days')::int8, 0),"
			     " coalesce(settings ->> 'tax_rate_ids', '')"
			     " FROM identity.organisations WHERE id = $1::uuid"},
};

void
preview_prepare(struct pg *pg, struct arena *arena)
{
	pg_prepare(pg, statements, ARRAY_LEN(statements));
	for (size_t i = 0; i < ARRAY_LEN(loads); i++)
		row_prepare_load(pg, loads[i].table, loads[i].name, loads[i].from, arena);
}

/* Run one of the loads; ${by} is an id, or a text when that is given. */
static bool
query(struct preview *preview, const char *name, struct uuid id, struct str text,
    PGresult **ret_result)
{
	struct pg_params params = action_params(preview->action);

	pg_params_uuid(&params, preview->organisation_id);
	if (text.ptr != NULL)
		pg_params_str(&params, text);
	else
		pg_params_uuid(&params, id);
	return action_query(preview->action, name, &params, ret_result);
}

/* Read row ${i} of a result. */
static bool
take(struct preview *preview, const struct row_table *table, const PGresult *result, int i,
    void *value)
{
	struct request *request = preview->action->request;
	struct err err;

	if (row_read(table, result, i, &preview->arena, value, &err) == ERR_NONE)
		return true;
	answer_failed(request, &err);
	return false;
}

/* Read the one row that is asked for.  ${ret_found} false: there is none. */
static bool
load(struct preview *preview, const char *name, const struct row_table *table, struct uuid id,
    struct str text, void *value, bool *ret_found)
{
	PGresult *result;
	bool good;

	if (!query(preview, name, id, text, &result))
		return false;
	*ret_found = PQntuples(result) > 0;
	good = !*ret_found || take(preview, table, result, 0, value);
	PQclear(result);
	return good;
}

/* The same, of something that must be there. */
static bool
load_or(struct preview *preview, enum refusal missing, const char *name,
    const struct row_table *table, struct uuid id, struct str text, void *value)
{
	bool found;

	if (!load(preview, name, table, id, text, value, &found))
		return false;
	if (!found)
		answer_refusal(preview->action->request, missing, "");
	return found;
}

bool
preview_load_organisation(struct preview *preview)
{
	struct pg_params params = action_params(preview->action);
	PGresult *result;
	bool known;

	pg_params_uuid(&params, preview->organisation_id);
	if (!action_query(preview->action, "preview_organisation", &params, &result))
		return false;
	CHECK(PQntuples(result) == 1);
	known = proration_from(pg_get_str(result, 0, 0), &preview->proration);
	preview->many = str_equal(pg_get_str(result, 0, 1), STR("many"));
	preview->invoice_terms.net_terms_days = pg_get_int64(result, 0, 2);
	preview->organisation_rates_len =
	    organisation_settings_read_rates(pg_get_str(result, 0, 3), preview->organisation_rates);
	PQclear(result);
	/* What is not known was written before settings were checked. */
	if (!known)
		preview->proration = PRORATION_SECOND;
	return true;
}

bool
preview_load_customer(struct preview *preview, struct uuid id)
{
	struct customer *customer = &preview->customer;
	struct test_clock clock;

	if (!load_or(preview, REFUSAL_CUSTOMER_NOT_FOUND, "preview_customer", &rows_customers, id,
		STR_NONE, customer))
		return false;
	preview->now = instant_later(instant_from_ms(clock_now_ms()), customer->latest_at);
	if (uuid_is_nil(customer->test_clock_id))
		return true;
	if (!load_or(preview, REFUSAL_TEST_CLOCK_NOT_FOUND, "preview_test_clock", &rows_test_clocks,
		customer->test_clock_id, STR_NONE, &clock))
		return false;
	if (!str_equal(clock.status, STR("ready"))) {
		answer_refusal(preview->action->request, REFUSAL_TEST_CLOCK_ADVANCING, "");
		return false;
	}
	preview->now = clock.now;
	return true;
}

static struct plan_version *
version_add(struct preview *preview)
{
	CHECK(preview->versions_len < PREVIEW_VERSIONS_MAX);
	return &preview->versions[preview->versions_len++];
}

bool
preview_load_plan(struct preview *preview, struct uuid id, struct str code)
{
	if (!load_or(preview, REFUSAL_PLAN_NOT_FOUND,
		code.ptr != NULL ? "preview_plan_by_code" : "preview_plan", &rows_plans, id, code,
		&preview->plan))
		return false;
	*version_add(preview) = plan_current(&preview->plan);
	return true;
}

/* Memory for ${count} things that live as long as the preview; NULL when it is answered that there
 * is none. */
static void *
memory(struct preview *preview, size_t count, size_t size)
{
	void *given = arena_array(&preview->arena, count + 1, size);

	if (given == NULL)
		answer_problem(preview->action->request, PROBLEM_OVERLOADED,
		    "There is no memory for all that it is made of.");
	return given;
}

/* All rows of a result, which is cleared: ${ret_len} values of ${size} each; NULL when an answer is
 * noted. */
static void *
take_all(struct preview *preview, const struct row_table *table, PGresult *result, size_t size,
    size_t *ret_len)
{
	size_t len = (size_t)PQntuples(result);
	char *values = memory(preview, len, size);

	for (size_t i = 0; values != NULL && i < len; i++)
		if (!take(preview, table, result, (int)i, values + i * size))
			values = NULL;
	PQclear(result);
	*ret_len = len;
	return values;
}

/* A preview books nothing, so nothing falls due for the sake of the books. */
static void
unbook(struct subscription *subscription)
{
	subscription->deferred = 0;
	if (!instant_is_none(subscription->due_at))
		subscription->due_at = subscription_due_at(subscription);
}

bool
preview_load_subscription(struct preview *preview, struct uuid id)
{
	struct preview_life *life = &preview->lives[0];
	struct subscription *subscription = &life->subscription;

	if (!load_or(preview, REFUSAL_SUBSCRIPTION_NOT_FOUND, "preview_subscription",
		&rows_subscriptions, id, STR_NONE, subscription))
		return false;
	unbook(subscription);
	return preview_load_customer(preview, subscription->customer_id) &&
	       preview_load_zone(preview, subscription->timezone, &life->zone);
}

/* The customer's live subscriptions beside the preview's own. */
static bool
load_others(struct preview *preview)
{
	struct pg_params params = action_params(preview->action);
	struct subscription *others;
	PGresult *result;
	size_t len;

	pg_params_uuid(&params, preview->organisation_id);
	pg_params_uuid(&params, preview->customer.id);
	pg_params_uuid(&params, preview->lives[0].subscription.id);
	if (!action_query(preview->action, "preview_others", &params, &result))
		return false;
	others = take_all(preview, &rows_subscriptions, result, sizeof(*others), &len);
	for (size_t i = 0; others != NULL && i < len; i++) {
		struct preview_life *life = &preview->lives[preview->lives_len++];

		life->subscription = others[i];
		unbook(&life->subscription);
		if (!preview_load_zone(preview, others[i].timezone, &life->zone))
			return false;
	}
	return others != NULL;
}

/* Ids that are being gathered. */
struct ids {
	struct uuid *ids;
	size_t len;
};

/* All rows of those ${ids}, by a load that takes an array of them. */
static void *
load_all(struct preview *preview, const char *name, const struct row_table *table,
    const struct ids *ids, size_t size, size_t *ret_len)
{
	struct pg_params params = action_params(preview->action);
	PGresult *result;

	pg_params_uuid(&params, preview->organisation_id);
	pg_params_uuids(&params, ids->ids, ids->len);
	if (!action_query(preview->action, name, &params, &result))
		return NULL;
	return take_all(preview, table, result, size, ret_len);
}

/* The versions that subscriptions are on and change to. */
static bool
load_versions(struct preview *preview)
{
	struct uuid buffer[2 * PREVIEW_LIVES_MAX];
	struct ids ids = {buffer, 0};
	struct plan_version *versions;
	size_t len;

	for (size_t i = 0; i < preview->lives_len; i++) {
		const struct subscription *subscription = &preview->lives[i].subscription;

		if (!uuid_is_nil(subscription->plan_version_id))
			buffer[ids.len++] = subscription->plan_version_id;
		if (!uuid_is_nil(subscription->pending_version_id))
			buffer[ids.len++] = subscription->pending_version_id;
	}
	if (ids.len == 0)
		return true;
	ids.len = uuid_unite(ids.ids, ids.len);
	versions = load_all(
	    preview, "preview_versions", &rows_plan_versions, &ids, sizeof(*versions), &len);
	if (versions == NULL)
		return false;
	CHECK(len == ids.len);
	for (size_t i = 0; i < len; i++)
		*version_add(preview) = versions[i];
	return true;
}

/* What was reported of the subscriptions, for their current periods. */
static bool
load_quantities(struct preview *preview)
{
	struct uuid buffer[PREVIEW_LIVES_MAX];
	struct ids ids = {buffer, 0};
	struct quantity *quantities;
	size_t len;

	for (size_t i = 0; i < preview->lives_len; i++)
		buffer[ids.len++] = preview->lives[i].subscription.id;
	quantities = load_all(
	    preview, "preview_quantities", &rows_quantities, &ids, sizeof(*quantities), &len);
	for (size_t i = 0; quantities != NULL && i < preview->lives_len; i++) {
		struct preview_life *life = &preview->lives[i];
		size_t first = 0;

		/* Those of one lie together. */
		while (first < len &&
		       !uuid_equal(quantities[first].subscription_id, life->subscription.id))
			first++;
		life->quantities = &quantities[first];
		while (first + life->quantities_len < len &&
		       uuid_equal(quantities[first + life->quantities_len].subscription_id,
			   life->subscription.id))
			life->quantities_len++;
	}
	return quantities != NULL;
}

bool
preview_load_lives(struct preview *preview)
{
	return load_others(preview) && load_versions(preview) && load_quantities(preview);
}

bool
preview_load_zone(struct preview *preview, struct str name, const struct zone **ret_zone)
{
	struct err err;

	if (zone_cache_get(&preview->zones, name, ret_zone, &err) == ERR_NONE)
		return true;
	answer_failed(preview->action->request, &err);
	return false;
}

const struct plan_version *
preview_version(const struct preview *preview, struct uuid id)
{
	for (size_t i = 0; i < preview->versions_len; i++)
		if (uuid_equal(preview->versions[i].id, id))
			return &preview->versions[i];
	CHECK(uuid_is_nil(id));
	return NULL;
}

bool
preview_load_coupons(struct preview *preview)
{
	const json_t *codes = json_object_get(preview->action->body, "coupon_codes");

	/* The schema holds how many they are. */
	CHECK(json_array_size(codes) <= DISCOUNTS_MAX);
	preview->coupons_len = json_array_size(codes);
	for (size_t i = 0; i < preview->coupons_len; i++)
		if (!load_or(preview, REFUSAL_COUPON_NOT_FOUND, "preview_coupon", &rows_coupons,
			UUID_NIL, schema_str(json_array_get(codes, i)), &preview->coupons[i]))
			return false;
	return true;
}

/* The items that wait for the next bill. */
static bool
load_items(struct preview *preview)
{
	const struct item **listed;
	struct item *items;
	PGresult *result;

	if (preview->customer.items_pending == 0)
		return true;
	if (!query(preview, "preview_items", preview->customer.id, STR_NONE, &result))
		return false;
	items = take_all(preview, &rows_items, result, sizeof(*items), &preview->items_len);
	listed = items == NULL ? NULL : memory(preview, preview->items_len, sizeof(void *));
	for (size_t i = 0; listed != NULL && i < preview->items_len; i++)
		listed[i] = &items[i];
	preview->items = listed;
	return listed != NULL;
}

/* Add ids, or count them where there is no room yet. */
static void
ids_add(struct ids *ids, struct uuid_list more)
{
	for (size_t i = 0; i < more.len; i++, ids->len++)
		if (ids->ids != NULL)
			ids->ids[ids->len] = more.items[i];
}

/* Every tax rate that anything of ${preview} names. */
static void
rate_ids_gather(const struct preview *preview, struct ids *ids)
{
	ids_add(
	    ids, (struct uuid_list){preview->organisation_rates, preview->organisation_rates_len});
	ids_add(ids, preview->customer.tax_rate_ids);
	ids_add(ids, preview->tax_rate_ids);
	for (size_t i = 0; i < preview->lives_len; i++)
		ids_add(ids, preview->lives[i].subscription.tax_rate_ids);
	for (size_t i = 0; i < preview->items_len; i++)
		ids_add(ids, preview->items[i]->tax_rate_ids);
	for (size_t i = 0; i < preview->versions_len; i++)
		for (size_t j = 0; j < preview->versions[i].charges_len; j++)
			ids_add(ids, preview->versions[i].charges[j].tax_rate_ids);
}

static bool
load_rates(struct preview *preview)
{
	struct ids counted = {NULL, 0}, ids = {NULL, 0};
	const struct tax_rate **listed;
	struct tax_rate *rates;

	rate_ids_gather(preview, &counted);
	if (counted.len == 0)
		return true;
	ids.ids = memory(preview, counted.len, sizeof(*ids.ids));
	if (ids.ids == NULL)
		return false;
	rate_ids_gather(preview, &ids);
	ids.len = uuid_unite(ids.ids, ids.len);
	rates = load_all(preview, "preview_tax_rates", &rows_tax_rates, &ids, sizeof(*rates),
	    &preview->rates_len);
	listed = rates == NULL ? NULL : memory(preview, preview->rates_len, sizeof(void *));
	for (size_t i = 0; listed != NULL && i < preview->rates_len; i++)
		listed[i] = &rates[i];
	preview->rates = listed;
	return listed != NULL;
}

bool
preview_load_assessed(struct preview *preview)
{
	return load_items(preview) && load_rates(preview);
}
