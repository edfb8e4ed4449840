#include "worker/payer.h"

#include "common/codec/command_signature.h"
#include "tests/unit/worker_kafka.h"
#include "tests/unit/worker_message.h"
#include "worker/decode.h"

/*
 * What is told of a payment, as a worker reads it from the topic; and the payer's thread, from its
 * start to its end, without a database.  That it asks, and what comes of it, is shown on real
 * servers.
 */

#define SECRET "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define SHARD 5

static struct mock mock;
static struct world world;
static struct err err;

static const struct payer_subject subject = {
    .organisation_id = {{0x0a}},
    .payment_id = {{0xaa, 1, 2, 3, 4, 5, 0x80, SHARD, 0x80}},
    .customer_id = {{0xc0, 1}},
    .invoice_id = {{0x11, 1}},
    .shard = SHARD,
};

static const struct provider_result succeeded = {PROVIDER_SUCCEEDED, "sim_1", ""};
static const struct provider_result declined = {PROVIDER_DECLINED, "", "card_declined"};
static const struct provider_result unknown = {PROVIDER_UNKNOWN, "", ""};

static void
setup(void)
{
	world_open(&world);
	world.context.partitions_all = MOCK_PARTITIONS;
	mock_open(&mock);
}

static void
teardown(void)
{
	mock_close(&mock);
	world_close(&world);
}

static struct teller_settings
settings_of(const char *secret)
{
	static struct id_secret read;

	ck_assert(secret == NULL || id_secret_read(str_from(secret), &read));
	return (struct teller_settings){
	    .bootstrap = rd_kafka_mock_cluster_bootstraps(mock.cluster),
	    .secret = secret == NULL ? NULL : &read,
	    .partitions_all = MOCK_PARTITIONS,
	};
}

static void
teller_begin(struct teller *teller, const char *secret)
{
	const struct teller_settings settings = settings_of(secret);

	ck_assert_msg(
	    teller_open(&settings, world.schemas, teller, &err) == ERR_NONE, "%s", err.text);
	if (secret == NULL)
		return;
	ck_assert(signing_ring_add(
	    &teller->signatures.ring, &teller->signatures.secret, SIGNING_COMMAND, STR("newest")));
	teller->signatures.loaded_at_ms = clock_steady_ms();
	ck_assert_int_eq(teller_ready(teller, NULL, &err), ERR_NONE);
}

static void
tell(struct teller *teller, const struct provider_result *result)
{
	const struct record_payment_outcome outcome = payer_outcome(&subject, result, WORLD_NOW_MS);

	ck_assert_msg(teller_send(teller, COMMAND_RECORD_PAYMENT_OUTCOME, subject.customer_id,
			  subject.shard, &outcome, &err) == ERR_NONE,
	    "%s", err.text);
}

static struct str
header(const rd_kafka_message_t *message, const char *name)
{
	rd_kafka_headers_t *headers;
	const void *value;
	size_t len;

	if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR ||
	    rd_kafka_header_get_last(headers, name, &value, &len) != RD_KAFKA_RESP_ERR_NO_ERROR)
		return STR_NONE;
	return (struct str){value, len};
}

/* The next message, decoded as a worker does; it lives as long as ${letter}. */
static const struct record_payment_outcome *
outcome_next(rd_kafka_t *consumer, struct letter *letter)
{
	rd_kafka_message_t *message = mock_next(consumer, MOCK_WAIT_MS);

	ck_assert_ptr_nonnull(message);
	ck_assert_int_eq(message->partition, SHARD & (MOCK_PARTITIONS - 1));
	unit_assert_str(((struct str){message->key, message->key_len}),
	    "c0010000-0000-0000-0000-000000000000", "key");
	letter_bytes(
	    letter, &world, message->partition, (struct str){message->payload, message->len});
	rd_kafka_message_destroy(message);
	ck_assert_int_eq(decode(&world.context, &letter->entry, &err), ERR_NONE);
	ck_assert_msg(!letter->entry.dead, "%s", letter->entry.reason);
	ck_assert_int_eq(letter->entry.type, COMMAND_RECORD_PAYMENT_OUTCOME);
	ck_assert_int_eq(letter->entry.actor.kind, ACTOR_SYSTEM_PAYMENTS);
	return (const void *)letter->entry.meta;
}

START_TEST(test_a_worker_reads_what_is_told)
{
	const struct record_payment_outcome *outcome;
	struct uuid first, second, third;
	struct letter letter;
	struct teller teller;
	rd_kafka_t *consumer;

	setup();
	teller_begin(&teller, NULL);
	consumer = mock_consumer(&mock, KAFKA_TOPIC_COMMANDS);
	tell(&teller, &succeeded);
	outcome = outcome_next(consumer, &letter);
	first = outcome->meta.operation_id;
	unit_assert_str(outcome->outcome, "succeeded", "outcome");
	unit_assert_str(outcome->reference, "sim_1", "reference");
	ck_assert(outcome->failure_code.ptr == NULL);
	ck_assert_int_eq(outcome->meta.accepted_at, WORLD_NOW_MS);
	ck_assert(uuid_equal(outcome->payment_id, subject.payment_id));
	ck_assert(uuid_equal(outcome->invoice_id, subject.invoice_id));
	ck_assert(uuid_equal(outcome->customer_id, subject.customer_id));
	letter_release(&letter);

	tell(&teller, &declined);
	outcome = outcome_next(consumer, &letter);
	second = outcome->meta.operation_id;
	unit_assert_str(outcome->outcome, "failed", "outcome");
	unit_assert_str(outcome->failure_code, "card_declined", "code");
	ck_assert(outcome->reference.ptr == NULL);
	letter_release(&letter);

	tell(&teller, &unknown);
	outcome = outcome_next(consumer, &letter);
	third = outcome->meta.operation_id;
	unit_assert_str(outcome->outcome, "unknown", "outcome");
	letter_release(&letter);
	ck_assert(!uuid_equal(first, second) && !uuid_equal(second, third));

	/* Told again it is the same, whoever tells it. */
	tell(&teller, &succeeded);
	outcome = outcome_next(consumer, &letter);
	ck_assert(uuid_equal(outcome->meta.operation_id, first));
	letter_release(&letter);
	mock_consumer_close(consumer);
	teller_close(&teller);
	teardown();
}
END_TEST

START_TEST(test_it_is_signed_where_there_is_a_secret)
{
	rd_kafka_message_t *message;
	struct teller teller;
	rd_kafka_t *consumer;

	setup();
	teller_begin(&teller, SECRET);
	consumer = mock_consumer(&mock, KAFKA_TOPIC_COMMANDS);
	tell(&teller, &succeeded);
	message = mock_next(consumer, MOCK_WAIT_MS);
	ck_assert_ptr_nonnull(message);
	ck_assert(command_signature_is_good(&teller.signatures.ring,
	    header(message, COMMAND_SIGNATURE_HEADER), (struct str){message->key, message->key_len},
	    (struct str){message->payload, message->len}, message->partition));
	rd_kafka_message_destroy(message);
	teller_close(&teller);

	teller_begin(&teller, NULL);
	tell(&teller, &succeeded);
	message = mock_next(consumer, MOCK_WAIT_MS);
	ck_assert_ptr_nonnull(message);
	ck_assert(header(message, COMMAND_SIGNATURE_HEADER).ptr == NULL);
	rd_kafka_message_destroy(message);
	mock_consumer_close(consumer);
	teller_close(&teller);
	teardown();
}
END_TEST

START_TEST(test_without_a_key_nothing_can_be_told)
{
	struct teller_settings settings;
	struct teller teller;

	setup();
	settings = settings_of(SECRET);
	ck_assert_int_eq(teller_open(&settings, world.schemas, &teller, &err), ERR_NONE);
	teller.signatures.loaded_at_ms = clock_steady_ms();
	ck_assert_int_eq(teller_ready(&teller, NULL, &err), ERR_RETRY);
	teller_close(&teller);
	teardown();
}
END_TEST

/* What did not arrive is counted: it is told again. */
START_TEST(test_what_is_lost_is_reported)
{
	int64_t until_ms = clock_steady_ms() + MOCK_WAIT_MS;
	struct teller teller;
	size_t lost = 0;

	setup();
	teller_begin(&teller, NULL);
	mock_down(&mock);
	tell(&teller, &succeeded);
	while (lost == 0 && clock_steady_ms() < until_ms)
		lost = teller_reports(&teller);
	ck_assert_uint_eq(lost, 1);
	mock_up(&mock);
	teller_close(&teller);
	teardown();
}
END_TEST

static struct payer *
payer_make(struct metrics *metrics)
{
	const struct pg_settings pg = {
	    .url = "postgresql://127.0.0.1:1/none", .connect_timeout_s = 2};
	const struct payer_settings settings = {
	    .pg = &pg, .teller = settings_of(NULL), .interval_ms = 10};
	struct payer *payer;

	ck_assert_msg(payer_open(&settings, world.schemas, metrics, &payer, &err) == ERR_NONE, "%s",
	    err.text);
	return payer;
}

/* Partitions come and go, and news with them, while the database is away. */
START_TEST(test_the_thread_ends_when_it_is_told)
{
	struct partitions partitions = {.len = 0};
	struct metrics metrics = {.payments_asked = 0};
	struct payer *payer;

	setup();
	payer = payer_make(&metrics);
	ck_assert_int_eq(payer_check(payer, &err), ERR_RETRY);
	payer_start(payer);
	for (int i = 0; i < 200; i++) {
		partitions.len = (size_t)(i % 3);
		partitions.items[0].id = i % MOCK_PARTITIONS;
		partitions.items[1].id = (i + 1) % MOCK_PARTITIONS;
		payer_own(payer, &partitions);
		payer_wake(payer);
	}
	payer_stop(payer);
	payer_stop(payer);
	payer_free(payer);
	ck_assert_int_eq(metrics.payments_asked, 0);

	/* One that never ran; and none. */
	payer_free(payer_make(&metrics));
	payer_free(NULL);
	teardown();
}
END_TEST

UNIT_MAIN("payer", UNIT(test_a_worker_reads_what_is_told),
    UNIT(test_it_is_signed_where_there_is_a_secret), UNIT(test_without_a_key_nothing_can_be_told),
    UNIT(test_what_is_lost_is_reported), UNIT(test_the_thread_ends_when_it_is_told))
