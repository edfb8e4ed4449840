#include "worker/publish.h"

#include "tests/unit/worker_kafka.h"

/* Publishing from memory, with a broker that fails as it is told.  What comes from the outbox needs
 * a database: tests/integration. */

#define TIMEOUT_NEVER 0
#define QUEUE_MAX 100000

static struct mock mock;
static struct producer *producer;
static struct publisher publisher;
static struct partitions partitions;

static void
setup(int64_t timeout_ms, int64_t queue_max)
{
	mock_open(&mock);
	producer = mock_producer(&mock, PRODUCER_THROUGHPUT, timeout_ms, queue_max);
	publisher_init(&publisher, producer);
}

static void
teardown(void)
{
	producer_free(producer);
	mock_close(&mock);
}

/* Own ${len} partitions from 0 on, each with that many events given and published. */
static void
take(size_t len, int64_t event_number, int64_t published_number)
{
	partitions.len = len;
	for (size_t i = 0; i < len; i++)
		partitions.items[i] = (struct partition){
		    .id = (int32_t)i,
		    .event_number = event_number,
		    .published_number = published_number,
		};
	publisher_take(&publisher, &partitions);
}

/* As after a commit of events ${first} to ${last}, whose values are ${prefix} and the number. */
static void
commit_as(const char *prefix, int32_t partition, int64_t first, int64_t last)
{
	partitions_find(&partitions, partition)->event_number = last;
	publisher_committed(&publisher, partition, last);
	for (int64_t number = first; number <= last; number++) {
		char text[32];
		const struct event event = {
		    .organisation_id = {{1}},
		    .partition = partition,
		    .number = number,
		    .id = {{2, (uint8_t)number}},
		    .type = STR("billd.customer.created.v1"),
		    .subject = {{3}},
		    .key = {{4}},
		    .operation_id = {{5}},
		    .occurred_at = INT64_C(1801387800123),
		    .value = {text,
			(size_t)snprintf(text, sizeof(text), "%s%lld", prefix, (long long)number)},
		};

		publisher_send(&publisher, &event);
	}
}

static void
commit(int32_t partition, int64_t first, int64_t last)
{
	commit_as("", partition, first, last);
}

/* Take reports until none is missing. */
static void
settle(void)
{
	int64_t until_ms = clock_steady_ms() + MOCK_WAIT_MS;

	while (producer_in_flight(producer) > 0 && clock_steady_ms() < until_ms)
		publisher_reports(&publisher, 50);
	ck_assert_uint_eq(producer_in_flight(producer), 0);
}

/* Where a lane stands. */
static void
assert_lane(int32_t id, int64_t target, int64_t sent, int64_t acked, size_t in_flight, bool behind)
{
	const struct lane *lane = &publisher.lanes[id];

	ck_assert_msg(lane->target == target, "target %" PRId64, lane->target);
	ck_assert_msg(lane->sent == sent, "sent %" PRId64, lane->sent);
	ck_assert_msg(lane->acked == acked, "acked %" PRId64, lane->acked);
	ck_assert_msg(lane->in_flight == in_flight, "%zu in flight", lane->in_flight);
	ck_assert_msg(lane->behind == behind, "%s", lane->behind ? "behind" : "not behind");
}

/* The next events in partition 0 have these values, a word each, and no more come. */
static void
assert_published(const char *values)
{
	rd_kafka_t *witness = mock_consumer(&mock, KAFKA_TOPIC_EVENTS);
	rd_kafka_message_t *message;
	char text[256] = "";
	size_t len = 0;

	while (len < strlen(values) && (message = mock_next(witness, MOCK_WAIT_MS)) != NULL) {
		len += (size_t)snprintf(text + len, sizeof(text) - len, " %.*s", (int)message->len,
		    (const char *)message->payload);
		ck_assert_int_eq(message->partition, 0);
		ck_assert_uint_lt(len, sizeof(text));
		rd_kafka_message_destroy(message);
	}
	ck_assert_ptr_null(mock_next(witness, 300));
	ck_assert_str_eq(text, values);
	mock_consumer_close(witness);
}

START_TEST(test_events_go_out_in_order)
{
	int64_t next[2] = {1, 1};
	rd_kafka_t *witness;

	setup(TIMEOUT_NEVER, QUEUE_MAX);
	take(2, 0, 0);
	ck_assert(publisher_idle(&publisher));
	for (int64_t first = 1; first <= 100; first += 10) {
		commit(0, first, first + 9);
		commit(1, first, first + 9);
	}
	ck_assert(!publisher_idle(&publisher));
	ck_assert_int_eq(publisher_unpublished(&publisher), 200);
	settle();
	assert_lane(0, 100, 100, 100, 0, false);
	assert_lane(1, 100, 100, 100, 0, false);
	ck_assert(publisher_idle(&publisher));
	ck_assert_int_eq(publisher_unpublished(&publisher), 0);

	witness = mock_consumer(&mock, KAFKA_TOPIC_EVENTS);
	for (int i = 0; i < 200; i++) {
		rd_kafka_message_t *message = mock_next(witness, MOCK_WAIT_MS);
		char text[32];

		ck_assert_ptr_nonnull(message);
		ck_assert_int_lt(message->partition, 2);
		snprintf(text, sizeof(text), "%lld", (long long)next[message->partition]++);
		ck_assert(str_equal((struct str){message->payload, message->len}, str_from(text)));
		rd_kafka_message_destroy(message);
	}
	mock_consumer_close(witness);
	teardown();
}
END_TEST

struct header_row {
	const char *name, *value;
};

static const struct header_row header_rows[] = {
    {"ce_specversion", "1.0"},
    {"ce_id", "02070000-0000-0000-0000-000000000000"},
    {"ce_type", "billd.customer.created.v1"},
    {"ce_source", "billd"},
    {"ce_subject", "03000000-0000-0000-0000-000000000000"},
    {"ce_time", "2027-01-31T09:30:00Z"},
    {"ce_organisationid", "01000000-0000-0000-0000-000000000000"},
    {"ce_operationid", "05000000-0000-0000-0000-000000000000"},
    {"ce_sequence", "7"},
    {"content-type", "application/avro"},
};

START_TEST(test_an_event_as_cloudevents_has_it)
{
	rd_kafka_headers_t *headers;
	rd_kafka_message_t *message;
	rd_kafka_t *witness;

	setup(TIMEOUT_NEVER, QUEUE_MAX);
	take(3, 6, 6);
	commit(2, 7, 7);
	settle();
	witness = mock_consumer(&mock, KAFKA_TOPIC_EVENTS);
	message = mock_next(witness, MOCK_WAIT_MS);
	ck_assert_ptr_nonnull(message);
	ck_assert_int_eq(message->partition, 2);
	ck_assert(str_equal((struct str){message->key, message->key_len},
	    STR("04000000-0000-0000-0000-000000000000")));
	ck_assert_int_eq(rd_kafka_message_headers(message, &headers), 0);
	ck_assert_uint_eq(rd_kafka_header_cnt(headers), ARRAY_LEN(header_rows));
	for (size_t i = 0; i < ARRAY_LEN(header_rows); i++) {
		const void *value = NULL;
		size_t len = 0;

		ck_assert_msg(rd_kafka_header_get_last(headers, header_rows[i].name, &value,
				  &len) == RD_KAFKA_RESP_ERR_NO_ERROR,
		    "%s is missing", header_rows[i].name);
		unit_assert_str(
		    ((struct str){value, len}), header_rows[i].value, header_rows[i].name);
	}
	rd_kafka_message_destroy(message);
	mock_consumer_close(witness);
	teardown();
}
END_TEST

START_TEST(test_a_failed_delivery_leaves_the_lane_behind)
{
	setup(2500, QUEUE_MAX);
	take(2, 0, 0);
	commit(0, 1, 3);
	settle();
	assert_lane(0, 3, 3, 3, 0, false);
	mock_down(&mock);
	commit(0, 4, 6);
	settle();
	/* Nothing is acknowledged beyond the gap, and nothing goes out from memory any more. */
	assert_lane(0, 6, 6, 3, 0, true);
	mock_up(&mock);
	commit(0, 7, 8);
	ck_assert_uint_eq(producer_in_flight(producer), 0);
	assert_lane(0, 8, 6, 3, 0, true);
	ck_assert_int_eq(publisher_unpublished(&publisher), 5);
	ck_assert(!publisher_idle(&publisher));
	/* Another partition's events are not held up. */
	commit(1, 1, 2);
	settle();
	assert_lane(1, 2, 2, 2, 0, false);
	teardown();
}
END_TEST

/* A fatal error of librdkafka: all that was in flight is reported as lost, whatever became of it.
 */
START_TEST(test_a_broken_producer_leaves_lanes_behind)
{
	setup(TIMEOUT_NEVER, QUEUE_MAX);
	take(1, 0, 0);
	commit(0, 1, 3);
	settle();
	rd_kafka_mock_push_request_errors(
	    mock.cluster, MOCK_PRODUCE, 1, RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
	commit(0, 4, 50);
	settle();
	ck_assert(publisher.lanes[0].behind);
	ck_assert_int_ge(publisher.lanes[0].acked, 3);
	ck_assert_int_lt(publisher.lanes[0].acked, 50);
	ck_assert_uint_eq(publisher.lanes[0].in_flight, 0);
	teardown();
}
END_TEST

START_TEST(test_a_full_queue_leaves_the_lane_behind)
{
	setup(TIMEOUT_NEVER, 5);
	take(2, 0, 0);
	mock_down(&mock);
	commit(0, 1, 8);
	assert_lane(0, 8, 5, 0, 5, true);
	commit(1, 1, 1);
	assert_lane(1, 1, 0, 0, 0, true);
	mock_up(&mock);
	settle();
	assert_lane(0, 8, 5, 5, 0, true);
	teardown();
}
END_TEST

/* publisher_send takes the next number and no other. */
START_TEST(test_only_the_next_number_is_sent)
{
	setup(TIMEOUT_NEVER, QUEUE_MAX);
	take(3, 0, 0);
	mock_down(&mock);
	commit(0, 2, 2);
	assert_lane(0, 2, 0, 0, 0, true);
	commit(1, 1, 1);
	publisher_committed(&publisher, 1, 2);
	commit(1, 1, 2);
	assert_lane(1, 2, 1, 0, 1, true);
	teardown();
}
END_TEST

/* Of a transaction whose events nobody has in hand any more. */
START_TEST(test_what_is_not_sent_comes_from_the_outbox)
{
	setup(TIMEOUT_NEVER, QUEUE_MAX);
	take(2, 0, 0);
	mock_down(&mock);
	commit(0, 1, 2);
	publisher_sent(&publisher, 0);
	assert_lane(0, 2, 2, 0, 2, false);
	publisher_committed(&publisher, 1, 2);
	publisher_sent(&publisher, 1);
	assert_lane(1, 2, 0, 0, 0, true);
	teardown();
}
END_TEST

/* What a lane begins with, from the table and from what it knows itself. */
struct take_row {
	const char *name;
	bool ours;             /* until now */
	int64_t target, acked; /* as we know it */
	size_t in_flight;      /* likewise */
	int64_t event_number, published_number;
	int64_t expected_acked;
	bool behind, foreign;
};

static const struct take_row take_rows[] = {
    {"a fresh partition", false, 0, 0, 0, 0, 0, 0, false, false},
    {"all is published", false, 0, 0, 0, 9, 9, 9, false, false},
    {"the one before died before it published", false, 0, 0, 0, 9, 4, 4, true, false},
    {"nothing was ever published", false, 0, 0, 0, 9, 0, 0, true, false},
    {"it was ours once, and where we left it", false, 9, 9, 0, 9, 4, 4, true, false},
    {"it was ours once, and others passed us since", false, 9, 9, 0, 20, 4, 4, true, false},
    {"it was ours once, and others published", false, 9, 2, 0, 20, 20, 20, false, false},
    {"it was ours once, and some of ours are still under way", false, 9, 7, 2, 9, 9, 9, true, true},
    {"it stayed ours, and all is noted", true, 9, 9, 0, 9, 9, 9, false, false},
    {"it stayed ours, and we know better", true, 9, 9, 0, 9, 4, 9, false, false},
    {"it stayed ours, and we know a little better", true, 9, 6, 0, 9, 4, 6, true, false},
    {"it stayed ours, and some are still under way", true, 9, 7, 2, 9, 4, 7, true, false},
    {"it stayed ours, and the table knows better", true, 9, 2, 0, 9, 4, 4, true, false},
    {"it stayed ours, and we committed more than we knew", true, 9, 9, 0, 12, 4, 4, true, false},
    {"it is an older one", true, 9, 9, 0, 8, 8, 8, false, false},
    {"it is an older one, from before it was published", true, 9, 9, 0, 8, 4, 4, true, false},
    {"it is an older one, from behind what is under way", true, 9, 7, 2, 8, 8, 8, true, true},
    {"it is an older one that others have moved on", true, 9, 9, 0, 20, 7, 7, true, false},
};

START_TEST(test_take)
{
	const struct take_row *row = &take_rows[_i];

	publisher_init(&publisher, NULL);
	publisher.lanes[0] = (struct lane){
	    .ours = row->ours,
	    .target = row->target,
	    .acked = row->acked,
	    .in_flight = row->in_flight,
	    .sent = 100,
	    .behind = !row->behind,
	};
	publisher.lanes[1].ours = true;
	take(1, row->event_number, row->published_number);
	assert_lane(0, row->event_number, row->expected_acked, row->expected_acked, row->in_flight,
	    row->behind);
	ck_assert_msg(publisher.lanes[0].foreign == row->foreign, "%s", row->name);
	ck_assert_msg(publisher.lanes[0].ours && !publisher.lanes[1].ours, "%s", row->name);
	ck_assert_msg(publisher_unpublished(&publisher) == row->event_number - row->expected_acked,
	    "%s: %" PRId64, row->name, publisher_unpublished(&publisher));
	/* The table may hold dead letters of an earlier owner. */
	ck_assert(publisher.dead_letters_due);
	take(0, 0, 0);
	ck_assert(!publisher.lanes[0].ours);
	ck_assert(publisher_idle(&publisher));
	ck_assert(!publisher.dead_letters_due);
}
END_TEST

START_TEST(test_reports_for_a_partition_that_is_no_longer_ours)
{
	setup(TIMEOUT_NEVER, QUEUE_MAX);
	take(1, 0, 0);
	mock_down(&mock);
	commit(0, 1, 5);
	/* It goes while five are in flight, and comes back before they are reported. */
	take(0, 0, 0);
	ck_assert(publisher_idle(&publisher));
	take(1, 5, 0);
	assert_lane(0, 5, 0, 0, 5, true);
	take(0, 0, 0);
	mock_up(&mock);
	settle();
	ck_assert_uint_eq(publisher.lanes[0].in_flight, 0);
	/* Whether these are the table's numbers nobody knows: they are published once more. */
	take(1, 5, 0);
	assert_lane(0, 5, 0, 0, 0, true);
	/* Of what another owner published there is nothing to be done. */
	take(0, 0, 0);
	take(1, 5, 5);
	commit(0, 6, 6);
	settle();
	assert_lane(0, 6, 6, 6, 0, false);
	teardown();
}
END_TEST

/* Whether ${published_number} is what is noted of partition 0. */
static void
assert_noted(int64_t published_number)
{
	(void)publisher_note(&publisher, &partitions.items[0]);
	ck_assert_int_eq(partitions.items[0].published_number, published_number);
}

/* An older standby took over, or a backup was restored: it gives numbers anew that we published. */
START_TEST(test_numbers_that_are_given_anew_are_published)
{
	setup(TIMEOUT_NEVER, QUEUE_MAX);
	take(1, 96, 96);
	commit_as("old", 0, 97, 100);
	settle();
	assert_lane(0, 100, 100, 100, 0, false);
	assert_noted(100);
	take(1, 98, 98);
	assert_lane(0, 98, 98, 98, 0, false);
	ck_assert_int_eq(publisher_unpublished(&publisher), 0);
	assert_noted(98);
	publisher_committed(&publisher, 0, 98);
	commit_as("new", 0, 99, 101);
	ck_assert_int_eq(publisher_unpublished(&publisher), 3);
	assert_noted(98);
	settle();
	assert_lane(0, 101, 101, 101, 0, false);
	assert_noted(101);
	assert_published(" old97 old98 old99 old100 new99 new100 new101");
	teardown();
}
END_TEST

/* It went away, others gave our numbers anew and died before they published them, and it comes
 * back. */
START_TEST(test_numbers_that_others_gave_anew_are_published)
{
	setup(TIMEOUT_NEVER, QUEUE_MAX);
	take(1, 96, 96);
	commit(0, 97, 100);
	settle();
	take(0, 0, 0);
	take(1, 150, 98);
	/* 99 to 150 come from the outbox, and until then nothing is noted, nor goes out of turn. */
	assert_lane(0, 150, 98, 98, 0, true);
	ck_assert_int_eq(publisher_unpublished(&publisher), 52);
	assert_noted(98);
	commit(0, 151, 151);
	assert_lane(0, 151, 98, 98, 0, true);
	ck_assert_uint_eq(producer_in_flight(producer), 0);
	teardown();
}
END_TEST

/* The older one comes while the numbers that it will give anew are under way. */
START_TEST(test_late_reports_say_nothing_of_numbers_given_anew)
{
	setup(TIMEOUT_NEVER, QUEUE_MAX);
	take(1, 95, 95);
	mock_down(&mock);
	commit_as("old", 0, 96, 100);
	take(1, 96, 95);
	/* As when it is read again before they are reported. */
	take(1, 96, 95);
	assert_lane(0, 96, 95, 95, 5, true);
	commit_as("new", 0, 97, 98);
	assert_lane(0, 98, 95, 95, 5, true);
	mock_up(&mock);
	settle();
	assert_lane(0, 98, 95, 95, 0, true);
	assert_noted(95);
	assert_published(" old96 old97 old98 old99 old100");
	teardown();
}
END_TEST

/* And those that come behind the last late one count. */
START_TEST(test_reports_count_again_behind_the_late_ones)
{
	setup(TIMEOUT_NEVER, QUEUE_MAX);
	take(1, 95, 95);
	mock_down(&mock);
	commit_as("old", 0, 96, 100);
	take(1, 96, 96);
	assert_lane(0, 96, 96, 96, 5, true);
	mock_up(&mock);
	settle();
	assert_lane(0, 96, 96, 96, 0, true);
	/* Nothing is left to come from the outbox. */
	take(1, 96, 96);
	assert_lane(0, 96, 96, 96, 0, false);
	commit_as("new", 0, 97, 98);
	settle();
	assert_lane(0, 98, 98, 98, 0, false);
	assert_published(" old96 old97 old98 old99 old100 new97 new98");
	teardown();
}
END_TEST

/* As while batches fail again and again: what is published is not forgotten each time. */
START_TEST(test_what_stays_ours_and_as_it_was_goes_on)
{
	setup(TIMEOUT_NEVER, QUEUE_MAX);
	take(1, 0, 0);
	commit(0, 1, 3);
	settle();
	take(1, 3, 0);
	assert_lane(0, 3, 3, 3, 0, false);
	mock_down(&mock);
	commit(0, 4, 6);
	take(1, 6, 0);
	assert_lane(0, 6, 3, 3, 3, true);
	mock_up(&mock);
	settle();
	assert_lane(0, 6, 3, 6, 0, true);
	take(1, 6, 0);
	assert_lane(0, 6, 6, 6, 0, false);
	assert_noted(6);
	assert_published(" 1 2 3 4 5 6");
	teardown();
}
END_TEST

/* Only what follows without a gap counts, and nothing moves back. */
START_TEST(test_acknowledgements_out_of_turn)
{
	setup(TIMEOUT_NEVER, QUEUE_MAX);
	take(2, 0, 0);
	mock_down(&mock);
	commit(0, 1, 5);
	/* Meanwhile another owner published as far as 7, and the partition came back. */
	take(2, 7, 7);
	/* Number 10 is under way, and 8 and 9 are not known to be persisted. */
	publisher.lanes[1].sent = 9;
	commit(1, 10, 10);
	mock_up(&mock);
	settle();
	assert_lane(0, 7, 7, 7, 0, true);
	assert_lane(1, 10, 10, 7, 0, false);
	teardown();
}
END_TEST

struct note_row {
	const char *name;
	int64_t acked, published_number, event_number;
	bool news;
};

static const struct note_row note_rows[] = {
    {"nothing happened", 0, 0, 0, false},
    {"the table knows it", 5, 5, 9, false},
    {"some were published since", 7, 5, 9, true},
    {"all were published since", 9, 5, 9, true},
    {"the table knows more than we", 4, 5, 9, false},
};

START_TEST(test_note)
{
	const struct note_row *row = &note_rows[_i];
	struct partition partition = {
	    .id = 3, .published_number = row->published_number, .event_number = row->event_number};

	publisher_init(&publisher, NULL);
	publisher.lanes[3].acked = row->acked;
	ck_assert_msg(publisher_note(&publisher, &partition) == row->news, "%s", row->name);
	ck_assert_msg(
	    partition.published_number == (row->news ? row->acked : row->published_number),
	    "%s: %" PRId64, row->name, partition.published_number);
	ck_assert_msg(!publisher_note(&publisher, &partition), "%s: news twice", row->name);
}
END_TEST

START_TEST(test_aborts_when_more_is_published_than_committed)
{
	struct partition partition = {.id = 3, .published_number = 5, .event_number = 9};

	publisher_init(&publisher, NULL);
	publisher.lanes[3].acked = 10;
	publisher_note(&publisher, &partition);
}
END_TEST

START_TEST(test_aborts_when_numbers_go_back)
{
	publisher_init(&publisher, NULL);
	take(1, 5, 5);
	publisher_committed(&publisher, 0, 4);
}
END_TEST

START_TEST(test_aborts_on_an_event_that_is_not_committed)
{
	const struct event event = {.partition = 0, .number = 6};

	publisher_init(&publisher, NULL);
	take(1, 5, 5);
	publisher_send(&publisher, &event);
}
END_TEST

UNIT_MAIN("publish", UNIT(test_events_go_out_in_order), UNIT(test_an_event_as_cloudevents_has_it),
    UNIT(test_a_failed_delivery_leaves_the_lane_behind),
    UNIT(test_a_broken_producer_leaves_lanes_behind),
    UNIT(test_a_full_queue_leaves_the_lane_behind), UNIT(test_only_the_next_number_is_sent),
    UNIT(test_what_is_not_sent_comes_from_the_outbox), UNIT_ROWS(test_take, take_rows),
    UNIT(test_reports_for_a_partition_that_is_no_longer_ours),
    UNIT(test_numbers_that_are_given_anew_are_published),
    UNIT(test_numbers_that_others_gave_anew_are_published),
    UNIT(test_late_reports_say_nothing_of_numbers_given_anew),
    UNIT(test_reports_count_again_behind_the_late_ones),
    UNIT(test_what_stays_ours_and_as_it_was_goes_on), UNIT(test_acknowledgements_out_of_turn),
    UNIT_ROWS(test_note, note_rows), UNIT_ABORTS(test_aborts_when_more_is_published_than_committed),
    UNIT_ABORTS(test_aborts_when_numbers_go_back),
    UNIT_ABORTS(test_aborts_on_an_event_that_is_not_committed))
