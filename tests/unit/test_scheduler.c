#include "worker/scheduler.h"

#include "tests/unit/worker_kafka.h"
#include "tests/unit/worker_message.h"
#include "worker/closing.h"
#include "worker/decode.h"
#include "worker/hourly.h"

/*
 * What is told of billing runs, as a worker reads it from the topic; and the scheduler's thread,
 * from its start to its end, without a database.
 */

static const struct uuid organisation = {{0x0a, 7}};

static struct mock mock;
static struct world world;
static struct err err;
static struct closing closing;

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
teller_settings(void)
{
	return (struct teller_settings){
	    .bootstrap = rd_kafka_mock_cluster_bootstraps(mock.cluster),
	    .partitions_all = MOCK_PARTITIONS,
	};
}

/* Send ${command}, and read it as a worker does: what comes lives as long as ${letter}. */
static const void *
tell(enum command_type type, const void *command, struct letter *letter)
{
	const struct teller_settings settings = teller_settings();
	int32_t shard = id_shard_of_key(organisation);
	rd_kafka_t *consumer = mock_consumer(&mock, KAFKA_TOPIC_COMMANDS);
	char key[UUID_TEXT_SIZE];
	rd_kafka_message_t *message;
	struct teller teller;

	ck_assert_msg(
	    teller_open(&settings, world.schemas, &teller, &err) == ERR_NONE, "%s", err.text);
	ck_assert_msg(teller_send(&teller, type, organisation, shard, command, &err) == ERR_NONE,
	    "%s", err.text);
	ck_assert_uint_eq(teller_settle(&teller, MOCK_WAIT_MS), 0);
	message = mock_next(consumer, MOCK_WAIT_MS);
	ck_assert_ptr_nonnull(message);
	ck_assert_int_eq(message->partition, shard & (MOCK_PARTITIONS - 1));
	uuid_write(organisation, key);
	unit_assert_str(((struct str){message->key, message->key_len}), key, "key");
	letter_bytes(
	    letter, &world, message->partition, (struct str){message->payload, message->len});
	rd_kafka_message_destroy(message);
	mock_consumer_close(consumer);
	teller_close(&teller);
	ck_assert_int_eq(decode(&world.context, &letter->entry, &err), ERR_NONE);
	ck_assert_msg(!letter->entry.dead, "%s", letter->entry.reason);
	ck_assert_int_eq(letter->entry.type, type);
	ck_assert_int_eq(letter->entry.actor.kind, ACTOR_SYSTEM_RUNS);
	return letter->entry.meta;
}

START_TEST(test_a_run_of_the_hour)
{
	const struct start_billing_run start =
	    hourly_command(organisation, WORLD_NOW_MS / 3600000, WORLD_NOW_MS);
	const struct start_billing_run *read;
	struct letter letter;

	setup();
	read = tell(COMMAND_SCHEDULE_BILLING_RUN, &start, &letter);
	ck_assert(uuid_equal(read->meta.operation_id, start.meta.operation_id));
	ck_assert(uuid_equal(read->meta.organisation_id, organisation));
	ck_assert_int_eq(read->as_of.s, WORLD_NOW_MS / 3600000 * 3600);
	ck_assert_int_eq(read->invoices_max, BILLING_RUN_INVOICES_MAX);
	ck_assert(!read->dry_run);
	letter_release(&letter);
	teardown();
}
END_TEST

/* Be it in every currency there is, and with sums that do not fit. */
START_TEST(test_a_run_that_is_through)
{
	const struct finish_billing_run *read;
	struct finish_billing_run finish;
	struct letter letter;

	setup();
	closing = (struct closing){.organisation_id = organisation,
	    .run_id = {{0x77, 1}},
	    .shard = id_shard_of_key(organisation),
	    .due = 5,
	    .read = true};
	closing.reported.len = CLOSING_CURRENCIES_MAX;
	for (size_t i = 0; i < CLOSING_CURRENCIES_MAX; i++) {
		struct closing_sum *sum = &closing.reported.items[i];

		sum->currency =
		    (struct currency){{(char)('A' + i / 26 % 26), (char)('A' + i % 26), 'X', '\0'}};
		for (size_t amount = 0; amount < CLOSING_AMOUNTS; amount++)
			sum->amounts[amount] =
			    amount == CLOSING_TAX ? (int128)INT64_MAX * 2 : INT64_MAX;
	}
	closing.issued = closing.booked = closing.reported;
	finish = closing_command(&closing, WORLD_NOW_MS);
	read = tell(COMMAND_FINISH_BILLING_RUN, &finish, &letter);
	ck_assert(uuid_equal(read->meta.operation_id, finish.meta.operation_id));
	ck_assert(uuid_equal(read->billing_run_id, closing.run_id));
	ck_assert_int_eq(read->due, 5);
	unit_assert_str(read->books, "balanced", "books");
	unit_assert_str(read->digest, "00000000000000000000000000000000", "digest");
	ck_assert_uint_eq(read->totals_len, CLOSING_CURRENCIES_MAX);
	ck_assert_str_eq(read->totals[27].currency.code, "BBX");
	ck_assert_int_eq(read->totals[27].total, INT64_MAX);
	ck_assert_int_eq(read->totals[27].tax, INT64_MIN);
	letter_release(&letter);
	teardown();
}
END_TEST

static struct scheduler *
scheduler_make(struct metrics *metrics, bool hourly)
{
	const struct pg_settings pg = {
	    .url = "postgresql://127.0.0.1:1/none", .connect_timeout_s = 2};
	const struct scheduler_settings settings = {
	    .pg = &pg, .teller = teller_settings(), .hourly = hourly, .interval_ms = 10};
	struct scheduler *scheduler;

	ck_assert_msg(
	    scheduler_open(&settings, world.schemas, metrics, &scheduler, &err) == ERR_NONE, "%s",
	    err.text);
	return scheduler;
}

/* Partitions come and go while the database is away. */
START_TEST(test_the_thread_ends_when_it_is_told)
{
	struct partitions partitions = {.len = 0};
	struct metrics metrics = {.runs_closed = 0};
	struct scheduler *scheduler;

	setup();
	scheduler = scheduler_make(&metrics, _i == 1);
	ck_assert_int_eq(scheduler_check(scheduler, &err), ERR_RETRY);
	scheduler_start(scheduler);
	for (int i = 0; i < 200; i++) {
		partitions.len = (size_t)(i % 3);
		partitions.items[0].id = i % MOCK_PARTITIONS;
		partitions.items[1].id = (i + 1) % MOCK_PARTITIONS;
		scheduler_own(scheduler, &partitions);
	}
	scheduler_stop(scheduler);
	scheduler_stop(scheduler);
	scheduler_free(scheduler);
	ck_assert_int_eq(metrics.runs_closed, 0);
	ck_assert_int_eq(metrics.runs_told, 0);

	/* One that never ran; and none. */
	scheduler_free(scheduler_make(&metrics, false));
	scheduler_free(NULL);
	teardown();
}
END_TEST

static const bool modes[] = {false, true};

UNIT_MAIN("scheduler", UNIT(test_a_run_of_the_hour), UNIT(test_a_run_that_is_through),
    UNIT_ROWS(test_the_thread_ends_when_it_is_told, modes))
