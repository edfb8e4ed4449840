#include "tests/unit/publishing.h"

/* Events on their way out, and what the broker tells of them. */

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
    UNIT(test_what_is_not_sent_comes_from_the_outbox),

    UNIT_ROWS(test_note, note_rows), UNIT_ABORTS(test_aborts_when_more_is_published_than_committed),
    UNIT_ABORTS(test_aborts_when_numbers_go_back),
    UNIT_ABORTS(test_aborts_on_an_event_that_is_not_committed))
