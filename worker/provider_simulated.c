#include "worker/provider_simulated.h"

#include <stdlib.h>

#include "common/base/arena.h"
#include "common/base/crash_point.h"
#include "common/domain/payment.h"

#define ARENA_BYTES (64 * 1024)
#define REFERENCE_PREFIX "sim_"

struct simulated {
	struct pg *pg;
	struct arena arena; /* of the request in hand */
};

static const struct pg_statement statements[] = {
    {"simulated_find",
	"SELECT outcome, code FROM simulated_provider.transfers WHERE key = $1::uuid"},
    /* One statement, one transaction: a key that is there is only counted. */
    {"simulated_transfer",
	"INSERT INTO simulated_provider.transfers AS t "
	"(key, reference, kind, method, amount, currency, outcome, code) "
	"SELECT $1::uuid, $2::text, $3::text, $4::text, $5::int8, $6::text, "
	"CASE WHEN d.declines THEN 'declined' ELSE 'succeeded' END, "
	"CASE WHEN d.declines THEN $8::text END "
	"FROM (SELECT count(*) < $7::int4 AS declines FROM simulated_provider.transfers "
	"WHERE reference = $2::text AND method = $4::text AND outcome = 'declined') d "
	"ON CONFLICT (key) DO UPDATE SET asked = t.asked + 1 "
	"RETURNING outcome, code, asked"},
};

bool
provider_simulated_terms(struct str method, bool refund, struct provider_simulated_terms *ret_terms)
{
	static const struct {
		const char *method;
		struct provider_simulated_terms terms;
	} table[] = {
	    {"sim_ok", {0, NULL, false}},
	    {"sim_declined", {INT32_MAX, "card_declined", false}},
	    {"sim_insufficient_funds", {INT32_MAX, "insufficient_funds", false}},
	    {"sim_error", {0, NULL, true}},
	};
	struct provider_simulated_terms terms = {0, "card_declined", false};
	bool known = payment_failures_read(method, &terms.declines);

	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (str_equal(method, str_from(table[i].method))) {
			terms = table[i].terms;
			known = true;
		}
	if (!known)
		return false;
	if (refund)
		terms.declines = 0;
	*ret_terms = terms;
	return true;
}

/* What a row of the book says. */
static void
row_take(const struct provider_request *request, const PGresult *result,
    struct provider_result *ret_result)
{
	struct str code = pg_get_str(result, 0, 1);
	char key[UUID_TEXT_SIZE];

	if (str_equal(pg_get_str(result, 0, 0), STR("succeeded"))) {
		uuid_write(request->key, key);
		ret_result->outcome = PROVIDER_SUCCEEDED;
		snprintf(ret_result->reference, sizeof(ret_result->reference),
		    REFERENCE_PREFIX "%s", key);
		return;
	}
	ret_result->outcome = PROVIDER_DECLINED;
	snprintf(ret_result->code, sizeof(ret_result->code), "%.*s", STR_ARG(code));
}

static void
simulated_find(
    void *state, const struct provider_request *request, struct provider_result *ret_result)
{
	struct simulated *simulated = state;
	struct pg_params params;
	PGresult *result = NULL;
	struct err err;

	arena_reset(&simulated->arena);
	*ret_result = (struct provider_result){.outcome = PROVIDER_UNKNOWN};
	pg_params_init(&params, &simulated->arena);
	pg_params_uuid(&params, request->key);
	if (pg_run(simulated->pg, "simulated_find", &params, &result, &err) != ERR_NONE)
		return;
	if (PQntuples(result) == 0)
		ret_result->outcome = PROVIDER_NOT_FOUND;
	else
		row_take(request, result, ret_result);
	PQclear(result);
}

static void
simulated_transfer(
    void *state, const struct provider_request *request, struct provider_result *ret_result)
{
	struct simulated *simulated = state;
	struct provider_simulated_terms terms;
	char reference[UUID_TEXT_SIZE];
	struct pg_params params;
	PGresult *result = NULL;
	struct err err;

	arena_reset(&simulated->arena);
	*ret_result = (struct provider_result){.outcome = PROVIDER_UNKNOWN};
	if (!provider_simulated_terms(request->method, request->refund, &terms)) {
		*ret_result = (struct provider_result){PROVIDER_DECLINED, "", "unknown_method"};
		return;
	}
	uuid_write(request->reference, reference);
	pg_params_init(&params, &simulated->arena);
	pg_params_uuid(&params, request->key);
	pg_params_str(&params, str_from(reference));
	pg_params_str(&params, request->refund ? STR("refund") : STR("payment"));
	pg_params_str(&params, request->method);
	pg_params_int64(&params, request->amount);
	pg_params_str(&params, str_from(request->currency.code));
	pg_params_int32(&params, terms.declines);
	pg_params_str(&params, terms.code == NULL ? STR_NONE : str_from(terms.code));
	if (pg_run(simulated->pg, "simulated_transfer", &params, &result, &err) != ERR_NONE)
		return;
	CRASH_POINT("transferred");
	if (!terms.silent_before || pg_get_int32(result, 0, 2) > 1)
		row_take(request, result, ret_result);
	PQclear(result);
}

void
provider_simulated_open(const struct pg_settings *settings, struct provider *ret_provider)
{
	struct simulated *simulated = calloc(1, sizeof(*simulated));

	CHECK(simulated != NULL);
	arena_init(&simulated->arena, ARENA_BYTES);
	simulated->pg = pg_new(settings);
	pg_prepare(simulated->pg, statements, ARRAY_LEN(statements));
	*ret_provider = (struct provider){
	    .name = "simulated",
	    .charge = simulated_transfer,
	    .refund = simulated_transfer,
	    .find = simulated_find,
	    .state = simulated,
	};
}

enum err_class
provider_simulated_check(const struct provider *provider, struct err *err)
{
	const struct simulated *simulated = provider->state;

	return pg_connect(simulated->pg, err);
}

void
provider_simulated_close(struct provider *provider)
{
	struct simulated *simulated = provider->state;

	if (simulated == NULL)
		return;
	pg_free(simulated->pg);
	arena_release(&simulated->arena);
	free(simulated);
	*provider = (struct provider){.name = NULL};
}
