#include "worker/payer.h"

#include <stdlib.h>

#include "common/base/crash_point.h"
#include "common/base/daemon.h"
#include "common/base/id.h"
#include "common/base/log.h"
#include "common/domain/payment.h"
#include "worker/actor.h"
#include "worker/attempts.h"
#include "worker/database_clock.h"
#include "worker/duty.h"
#include "worker/provider_simulated.h"
#include "worker/sight.h"

#define PAGE_MAX 200   /* payments in one look */
#define PAUSE_MS 1000  /* after a look, or a telling, that failed */
#define MOMENT_MS 3000 /* older payments may have been asked for by somebody */
#define ARENA_BYTES (1024 * 1024)

/* A payment that waits, as a look found it. */
struct waiting {
	struct payer_subject subject;
	struct provider_request request; /* its texts are the result's */
	bool unknown;                    /* that is known already */
	int64_t created_ms;              /* milliseconds since the epoch, as lists go by it */
	int64_t accepted_ms;             /* in real time */
};

/* Where a walk over what waits has come to, in the order of its index. */
struct walk {
	int32_t shard;
	int64_t created_ms;
	struct uuid id;
	int64_t oldest_ms; /* milliseconds since the epoch: what was accepted first; 0: none yet */
};

struct payer {
	int64_t interval_ms;
	struct metrics *metrics;
	struct duty duty;

	/* The thread's own. */
	struct pg *pg;
	struct arena arena; /* of one look */
	struct provider provider;
	struct teller teller;
	struct attempts attempts;
	struct database_clock clock;
	struct walk walk;
};

static const struct pg_statement statements[] = {
    /* What waits is a small index of its own; which of it is ours is looked at there. */
    {"payer_waiting",
	"SELECT organisation_id, id, shard, customer_id, invoice_id, kind = 'refund', "
	"status = 'unknown', payment_method, amount, currency, created_ms, accepted_ms "
	"FROM billd.payments WHERE status IN ('processing', 'unknown') "
	"AND (shard, created_ms, id) > ($1::int4, $2::int8, $3::uuid) "
	"AND (shard & $4::int4) = ANY ($5::int4[]) "
	"ORDER BY shard, created_ms, id LIMIT $6::int4"},
};

static void
walk_begin(struct walk *walk)
{
	*walk = (struct walk){.shard = -1};
}

enum err_class
payer_open(const struct payer_settings *settings, const struct schemas *schemas,
    struct metrics *metrics, struct payer **ret_payer, struct err *err)
{
	struct payer *payer = calloc(1, sizeof(*payer));

	CHECK(payer != NULL);
	payer->interval_ms = settings->interval_ms;
	payer->metrics = metrics;
	arena_init(&payer->arena, ARENA_BYTES);
	walk_begin(&payer->walk);
	duty_init(&payer->duty, settings->teller.partitions_all);
	payer->pg = pg_new(settings->pg);
	pg_prepare(payer->pg, statements, ARRAY_LEN(statements));
	sight_prepare(payer->pg);
	signatures_prepare(payer->pg);
	database_clock_prepare(payer->pg);
	provider_simulated_open(settings->pg, &payer->provider);
	if (teller_open(&settings->teller, schemas, &payer->teller, err) != ERR_NONE) {
		payer_free(payer);
		return err->class;
	}
	*ret_payer = payer;
	return ERR_NONE;
}

void
payer_free(struct payer *payer)
{
	if (payer == NULL)
		return;
	payer_stop(payer);
	teller_close(&payer->teller);
	provider_simulated_close(&payer->provider);
	pg_free(payer->pg);
	arena_release(&payer->arena);
	duty_release(&payer->duty);
	free(payer);
}

enum err_class
payer_check(struct payer *payer, struct err *err)
{
	CHECK(!payer->duty.started);
	if (pg_connect(payer->pg, err) != ERR_NONE)
		return err->class;
	return provider_simulated_check(&payer->provider, err);
}

void
payer_own(struct payer *payer, const struct partitions *partitions)
{
	duty_own(&payer->duty, partitions);
}

void
payer_wake(struct payer *payer)
{
	duty_wake(&payer->duty);
}

struct record_payment_outcome
payer_outcome(
    const struct payer_subject *subject, const struct provider_result *result, int64_t now_ms)
{
	return (struct record_payment_outcome){
	    .meta =
		{
		    .operation_id = id_derive(
			subject->payment_id, ID_OUTCOME, (uint32_t)result->outcome, subject->shard),
		    .organisation_id = subject->organisation_id,
		    .actor = ACTOR_PAYMENTS,
		    .accepted_at = now_ms,
		},
	    .customer_id = subject->customer_id,
	    .invoice_id = subject->invoice_id,
	    .payment_id = subject->payment_id,
	    .outcome = provider_outcome_text(result->outcome),
	    .reference = result->reference[0] == '\0' ? STR_NONE : str_from(result->reference),
	    .failure_code = result->code[0] == '\0' ? STR_NONE : str_from(result->code),
	};
}

static struct waiting
waiting_read(const PGresult *result, int row)
{
	struct waiting waiting = {
	    .subject =
		{
		    .organisation_id = pg_get_uuid(result, row, 0),
		    .payment_id = pg_get_uuid(result, row, 1),
		    .shard = pg_get_int32(result, row, 2),
		    .customer_id = pg_get_uuid(result, row, 3),
		    .invoice_id = pg_get_uuid(result, row, 4),
		},
	    .request =
		{
		    .refund = pg_get_bool(result, row, 5),
		    .method = pg_get_str(result, row, 7),
		    .amount = pg_get_int64(result, row, 8),
		},
	    .unknown = pg_get_bool(result, row, 6),
	    .created_ms = pg_get_int64(result, row, 10),
	    .accepted_ms = pg_get_int64(result, row, 11),
	};

	waiting.request.key = waiting.subject.payment_id;
	waiting.request.reference = waiting.subject.invoice_id;
	CHECK(currency_from(pg_get_str(result, row, 9), &waiting.request.currency));
	return waiting;
}

static void
answer_count(struct metrics *metrics, enum provider_outcome outcome)
{
	metrics->payments_asked++;
	metrics->payments_succeeded += outcome == PROVIDER_SUCCEEDED ? 1 : 0;
	metrics->payments_declined += outcome == PROVIDER_DECLINED ? 1 : 0;
	metrics->payments_unknown += outcome == PROVIDER_UNKNOWN ? 1 : 0;
}

static void
answer_tell(
    const struct payer *payer, const struct waiting *waiting, const struct provider_result *result)
{
	char organisation[UUID_TEXT_SIZE], payment[UUID_TEXT_SIZE];

	uuid_write(waiting->subject.organisation_id, organisation);
	uuid_write(waiting->subject.payment_id, payment);
	log_line(LOG_INFO, "payment", log_text("organisation_id", organisation),
	    log_text("payment_id", payment), log_text("provider", payer->provider.name),
	    log_str("outcome", provider_outcome_text(result->outcome)),
	    log_text("code", result->code[0] == '\0' ? NULL : result->code));
}

/* Ask for one payment, and tell what came of it. */
static enum err_class
settle(struct payer *payer, const struct waiting *waiting, struct err *err)
{
	struct uuid id = waiting->subject.payment_id;
	bool find_first = waiting->unknown || attempts_is_known(&payer->attempts, id) ||
			  database_clock_now_ms(&payer->clock) - waiting->accepted_ms > MOMENT_MS;
	struct record_payment_outcome outcome;
	struct provider_result result;

	if (!attempts_is_due(&payer->attempts, id, clock_steady_ms()) ||
	    !duty_owns(&payer->duty, waiting->subject.shard))
		return ERR_NONE;
	/* Before anything is asked for: what cannot be told would only be asked for again. */
	if (teller_ready(&payer->teller, payer->pg, err) != ERR_NONE)
		return err->class;
	CRASH_POINT("paying");
	provider_settle(&payer->provider, &waiting->request, find_first, &result);
	CRASH_POINT("paid");
	answer_count(payer->metrics, result.outcome);
	answer_tell(payer, waiting, &result);
	if (result.outcome == PROVIDER_UNKNOWN)
		attempts_unknown(&payer->attempts, id, clock_steady_ms());
	else
		attempts_told(&payer->attempts, id, clock_steady_ms());
	if (result.outcome == PROVIDER_UNKNOWN && waiting->unknown)
		return ERR_NONE;
	outcome = payer_outcome(&waiting->subject, &result, database_clock_now_ms(&payer->clock));
	return teller_send(&payer->teller, COMMAND_RECORD_PAYMENT_OUTCOME,
	    waiting->subject.customer_id, waiting->subject.shard, &outcome, err);
}

static enum err_class
page_load(struct payer *payer, const int32_t *partitions, size_t len, PGresult **ret_page,
    struct err *err)
{
	const struct walk *walk = &payer->walk;
	struct pg_params params;

	arena_reset(&payer->arena);
	pg_params_init(&params, &payer->arena);
	pg_params_int32(&params, walk->shard);
	pg_params_int64(&params, walk->created_ms);
	pg_params_uuid(&params, walk->id);
	pg_params_int32(&params, payer->duty.partitions_all - 1);
	pg_params_int32s(&params, partitions, len);
	pg_params_int32(&params, PAGE_MAX);
	if (database_clock_ready(&payer->clock, payer->pg, err) != ERR_NONE)
		return err->class;
	if (pg_run_within(payer->pg, SIGHT_DUE, NULL, "payer_waiting", &params, ret_page, err) !=
	    ERR_NONE)
		return err_wrap(err, "payments that wait");
	return ERR_NONE;
}

/* The walk came to its end: begin anew, and tell how old the oldest is. */
static void
walk_end(struct payer *payer)
{
	int64_t oldest_ms = payer->walk.oldest_ms;

	payer->metrics->payments_oldest_s =
	    oldest_ms == 0 ? 0 : (database_clock_now_ms(&payer->clock) - oldest_ms) / 1000;
	walk_begin(&payer->walk);
}

/* One page of what waits.  ${ret_more}: there is another one to look at at once. */
static enum err_class
step(struct payer *payer, bool *ret_more, struct err *err)
{
	int32_t partitions[CONSUMER_PARTITIONS_MAX];
	size_t len = duty_owned(&payer->duty, partitions);
	struct walk *walk = &payer->walk;
	enum err_class class = ERR_NONE;
	PGresult *page = NULL;

	*ret_more = false;
	/* What was lost on its way is told again when its time has come. */
	(void)teller_reports(&payer->teller);
	if (len == 0) {
		/* Nothing is ours, whatever was walked before. */
		walk_begin(walk);
		walk_end(payer);
		return ERR_NONE;
	}
	if (page_load(payer, partitions, len, &page, err) != ERR_NONE)
		return err->class;
	for (int row = 0; row < PQntuples(page); row++) {
		struct waiting waiting = waiting_read(page, row);

		/* Behind a failure none is asked for, but its age is seen: the next walk asks. */
		if (class == ERR_NONE)
			class = settle(payer, &waiting, err);
		walk->shard = waiting.subject.shard;
		walk->created_ms = waiting.created_ms;
		walk->id = waiting.subject.payment_id;
		if (walk->oldest_ms == 0 || waiting.accepted_ms < walk->oldest_ms)
			walk->oldest_ms = waiting.accepted_ms;
	}
	*ret_more = class == ERR_NONE && PQntuples(page) == PAGE_MAX;
	if (PQntuples(page) < PAGE_MAX)
		walk_end(payer);
	PQclear(page);
	return class;
}

static void *
payer_run(void *argument)
{
	struct payer *payer = argument;
	int64_t pause_ms = 0;
	struct err err;
	bool more;

	while (duty_await(&payer->duty, pause_ms)) {
		pause_ms = payer->interval_ms;
		if (step(payer, &more, &err) != ERR_NONE) {
			log_line(LOG_WARN, "payments wait", log_text("reason", err.text),
			    log_text("sqlstate", err.sqlstate), log_int("pause_ms", PAUSE_MS));
			pause_ms = PAUSE_MS;
		} else if (more) {
			pause_ms = 0;
		}
	}
	return NULL;
}

void
payer_start(struct payer *payer)
{
	duty_start(&payer->duty, payer_run, payer);
}

void
payer_stop(struct payer *payer)
{
	duty_stop(&payer->duty);
}
