#include "worker/intake.h"

#include "tests/unit/worker_kafka.h"

/* Real messages, on their way into batches that nobody processes. */

#define EACH 6 /* messages of a partition */

static struct mock mock;
static rd_kafka_t *witness; /* whose the messages are */
static struct err err;
static struct partitions partitions;
static struct batch_context contexts[FLIGHTS];
static struct flights flights;
static struct intake intake;
static rd_kafka_message_t *messages[MOCK_PARTITIONS][EACH];

/* EACH messages of each partition. */
static void
messages_make(void)
{
	static struct ledger ledger;
	struct producer *producer = mock_producer(&mock, PRODUCER_LATENCY, 0, 1000);

	for (size_t i = 0; i < (size_t)MOCK_PARTITIONS * EACH; i++)
		ck_assert_int_eq(ledger_send(&ledger, producer, i, &err), ERR_NONE);
	ledger_settle(&ledger, producer);
	producer_free(producer);
	witness = mock_consumer(&mock, KAFKA_TOPIC_EVENTS);
	for (size_t i = 0; i < (size_t)MOCK_PARTITIONS * EACH; i++) {
		rd_kafka_message_t *message = mock_next(witness, MOCK_WAIT_MS);

		ck_assert_ptr_nonnull(message);
		ck_assert_int_lt(message->offset, EACH);
		messages[message->partition][message->offset] = message;
	}
}

static void
set_up(void)
{
	mock_open(&mock);
	messages_make();
	partitions.len = MOCK_PARTITIONS;
	for (int32_t id = 0; id < MOCK_PARTITIONS; id++)
		partitions.items[id] = (struct partition){.id = id};
	for (size_t i = 0; i < FLIGHTS; i++) {
		flights.items[i].context = &contexts[i];
		flights.items[i].entries =
		    calloc(BATCH_MESSAGES_MAX, sizeof(*flights.items[i].entries));
	}
	intake = (struct intake){.batch_max = 4, .flights = &flights, .partitions = &partitions};
}

/* A batch is processed: all of it. */
static void
process(struct flight *flight)
{
	for (size_t i = 0; i < flight->len; i++) {
		flight->entries[i].partition->next_offset = flight->entries[i].message->offset + 1;
		consumer_message_free(flight->entries[i].message);
	}
	flight->len = flight->bytes = 0;
}

/* The batch is lent to be stored. */
static void
lend(void)
{
	struct flight *flight = flights_filling(&flights);

	flight->context->touched.len = 0;
	for (size_t i = 0; i < flight->len; i++)
		partition_set_add(&flight->context->touched, flight->entries[i].partition);
	flight->storing = true;
	flights.filling = (flights.filling + 1) % FLIGHTS;
}

/* All that was lent comes to its end. */
static void
land(void)
{
	for (size_t i = 0; i < FLIGHTS; i++)
		if (flights.items[i].storing) {
			flights.items[i].storing = false;
			process(&flights.items[i]);
		}
}

/* The rest of the messages belongs to the test. */
static void
tear_down(void)
{
	if (flights_storing(&flights))
		land();
	flights_abandon(&flights);
	intake_drop(&intake);
	ck_assert_uint_eq(intake.len, 0);
	for (size_t i = 0; i < MOCK_PARTITIONS; i++)
		for (size_t j = 0; j < EACH; j++)
			consumer_message_free(messages[i][j]);
	mock_consumer_close(witness);
	for (size_t i = 0; i < FLIGHTS; i++)
		free(flights.items[i].entries);
	mock_close(&mock);
}

/* Give the intake a message, which is taken from the test's.  Whether it wants more. */
static bool
take(int32_t partition, int64_t offset)
{
	bool more = true;

	ck_assert_msg(intake_take(&intake, messages[partition][offset], &more, &err) == ERR_NONE,
	    "%s", err.text);
	messages[partition][offset] = NULL;
	return more;
}

/* The batch as text: "partition:offset" of each of its messages. */
static void
assert_batch(const char *expected, const char *when)
{
	const struct flight *flight = flights_filling(&flights);
	char text[256] = "";

	for (size_t i = 0; i < flight->len; i++) {
		const rd_kafka_message_t *message = flight->entries[i].message;

		ck_assert_int_eq(flight->entries[i].partition->id, message->partition);
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%d:%lld",
		    i == 0 ? "" : " ", message->partition, (long long)message->offset);
	}
	ck_assert_msg(strcmp(text, expected) == 0, "%s: \"%s\", not \"%s\"", when, text, expected);
}

START_TEST(test_a_full_batch_takes_no_more)
{
	set_up();
	ck_assert(intake_refill(&intake));
	ck_assert(take(0, 0));
	ck_assert(take(1, 0));
	ck_assert(take(0, 1));
	ck_assert(!take(1, 1));
	assert_batch("0:0 1:0 0:1 1:1", "full");
	/* One that comes all the same waits. */
	ck_assert(!take(0, 2));
	assert_batch("0:0 1:0 0:1 1:1", "over full");
	ck_assert(intake_waits(&intake, &partitions.items[0]));
	ck_assert(!intake_waits(&intake, &partitions.items[1]));
	process(flights_filling(&flights));
	ck_assert(intake_refill(&intake));
	assert_batch("0:2", "the next one");
	ck_assert(!intake_waits(&intake, &partitions.items[0]));
	tear_down();
}
END_TEST

START_TEST(test_what_is_being_stored_holds_its_partitions)
{
	set_up();
	ck_assert(intake_refill(&intake));
	ck_assert(take(0, 0));
	ck_assert(take(2, 0));
	lend();
	ck_assert(flights_storing(&flights));
	ck_assert(intake_refill(&intake));
	ck_assert(take(0, 1));
	ck_assert(take(1, 0));
	ck_assert(take(2, 1));
	ck_assert(take(0, 2));
	assert_batch("1:0", "beside it");
	land();
	lend();
	/* Of what waited, in its order, what nobody holds: partition 1 is. */
	ck_assert(intake_refill(&intake));
	ck_assert(take(1, 1));
	assert_batch("0:1 2:1 0:2", "behind it");
	ck_assert(intake_waits(&intake, &partitions.items[1]));
	ck_assert(!take(2, 2));
	assert_batch("0:1 2:1 0:2 2:2", "filled up");
	tear_down();
}
END_TEST

START_TEST(test_a_message_that_is_tried_alone)
{
	set_up();
	partitions.items[1].attempts = TAKEOVERS_MAX + 1;
	ck_assert(partition_is_careful(&partitions.items[1]));
	ck_assert(intake_refill(&intake));
	ck_assert(take(0, 0));
	ck_assert(take(1, 0));
	ck_assert(take(1, 1));
	ck_assert(take(0, 1));
	assert_batch("0:0 0:1", "others first");
	process(flights_filling(&flights));
	ck_assert(!intake_refill(&intake));
	assert_batch("1:0", "alone");
	process(flights_filling(&flights));
	ck_assert(!intake_refill(&intake));
	assert_batch("1:1", "and the next one");
	process(flights_filling(&flights));
	ck_assert(intake_refill(&intake));
	ck_assert(!take(1, 2));
	assert_batch("1:2", "as it comes");
	tear_down();
}
END_TEST

START_TEST(test_what_was_processed_is_left_out)
{
	struct partition *partition = &partitions.items[0];
	bool more = true;

	set_up();
	partition->next_offset = 2;
	partition->verify = true;
	message_hash(messages[0][1], partition->last_hash);
	ck_assert(take(0, 1));
	assert_batch("", "the one before the first");
	ck_assert(!partition->verify);
	ck_assert(take(0, 2));
	assert_batch("0:2", "the first");

	partitions.items[1].next_offset = 2;
	partitions.items[1].verify = true;
	ck_assert_int_eq(intake_take(&intake, messages[1][1], &more, &err), ERR_FATAL);
	ck_assert_ptr_nonnull(strstr(err.text, "another message at offset 1"));
	partitions.items[2].next_offset = 2;
	partitions.items[2].verify = true;
	ck_assert_int_eq(intake_take(&intake, messages[2][2], &more, &err), ERR_FATAL);
	ck_assert_ptr_nonnull(strstr(err.text, "messages are missing"));
	messages[1][1] = messages[2][2] = NULL;

	/* Of a partition that is not ours any more. */
	partitions.len = 3;
	ck_assert(take(3, 0));
	assert_batch("0:2", "not ours");
	tear_down();
}
END_TEST

UNIT_MAIN("intake", UNIT(test_a_full_batch_takes_no_more),
    UNIT(test_what_is_being_stored_holds_its_partitions), UNIT(test_a_message_that_is_tried_alone),
    UNIT(test_what_was_processed_is_left_out))
