#include "worker/publish.h"

#include "common/base/daemon.h"
#include "common/base/log.h"
#include "common/kafka/topic.h"

#define OUTBOX_CHUNK 500      /* events read at once */
#define DEAD_LETTERS_CHUNK 20 /* of up to 1 MiB each */
#define DELIVERIES_CHUNK 1000
#define RETRY_MS 200  /* between two looks into the outbox when the first went wrong */
#define REACH_MS 5000 /* that no broker answers before it is told */
#define STEP_ARENA_BYTES (256 * 1024)

/* The opaque of a message: what its report is about. */
#define OPAQUE_DEAD_LETTER (UINT64_C(1) << 63)
#define OPAQUE_NUMBER_BITS 53

static const struct pg_statement statements[] = {
    {"outbox_after",
	"SELECT organisation_id, number, id, type, subject, key, operation_id, occurred_at, value "
	"FROM billd.outbox WHERE partition = $1::int4 AND number > $2::int8 "
	"AND number <= $3::int8 ORDER BY number LIMIT $4::int4"},
    {"dead_letters_due",
	"SELECT partition, \"offset\", organisation_id, operation_id, reason, key, value "
	"FROM billd.dead_letters WHERE partition = ANY ($1::int4[]) AND NOT published "
	"ORDER BY partition, \"offset\" LIMIT $2::int4"},
    {"dead_letter_published", "UPDATE billd.dead_letters SET published = true "
			      "WHERE partition = $1::int4 AND \"offset\" = $2::int8"},
};

void
publish_prepare(struct pg *pg)
{
	pg_prepare(pg, statements, ARRAY_LEN(statements));
}

void
publisher_init(struct publisher *publisher, struct producer *producer)
{
	*publisher = (struct publisher){.producer = producer, .reached_ms = clock_steady_ms()};
}

/*
 * What the row says is the truth: of a database that was restored, or whose older standby took
 * over, the numbers behind it are given anew, to other events.  Our own reports count on only where
 * nothing was given since: the lane stayed ours, and the row stands where we left it.  Without them
 * a batch that fails again and again, each time with a look at the row, would have the same events
 * published each time, and none behind them.
 */
static void
lane_take(struct lane *lane, const struct partition *partition)
{
	if (!lane->ours || lane->target != partition->event_number ||
	    lane->acked < partition->published_number) {
		lane->acked = partition->published_number;
		lane->foreign = lane->in_flight > 0;
	}
	lane->ours = true;
	lane->target = partition->event_number;
	lane->sent = lane->acked;
	/* What is still in flight from before is waited for first. */
	lane->behind = lane->acked < lane->target || lane->in_flight > 0;
}

void
publisher_take(struct publisher *publisher, const struct partitions *partitions)
{
	size_t taken = 0;

	for (int32_t id = 0; id < CONSUMER_PARTITIONS_MAX; id++)
		if (taken < partitions->len && partitions->items[taken].id == id)
			lane_take(&publisher->lanes[id], &partitions->items[taken++]);
		else
			publisher->lanes[id].ours = false;
	CHECK(taken == partitions->len);
	publisher->dead_letters_due = partitions->len > 0;
	publisher->retry_at_ms = 0;
}

void
publisher_committed(struct publisher *publisher, int32_t partition, int64_t event_number)
{
	CHECK(publisher->lanes[partition].target <= event_number);
	publisher->lanes[partition].target = event_number;
}

bool
publisher_is_committed(const struct publisher *publisher, const struct event *event)
{
	return event->number <= publisher->lanes[event->partition].target;
}

static void *
opaque_of(bool dead_letter, int32_t partition, int64_t number)
{
	return (void *)(uintptr_t)((dead_letter ? OPAQUE_DEAD_LETTER : 0) |
				   (uint64_t)partition << OPAQUE_NUMBER_BITS | (uint64_t)number);
}

/* A CloudEvents message in Kafka's binary mode. */
static enum err_class
event_send(struct publisher *publisher, const struct event *event, struct err *err)
{
	char id[UUID_TEXT_SIZE], subject[UUID_TEXT_SIZE], key[UUID_TEXT_SIZE];
	char organisation[UUID_TEXT_SIZE], operation[UUID_TEXT_SIZE];
	char time[INSTANT_TEXT_SIZE], sequence[INT64_TEXT_SIZE];
	const struct message message = {
	    .topic = KAFKA_TOPIC_EVENTS,
	    .partition = event->partition,
	    .key = {key, sizeof(key) - 1},
	    .value = event->value,
	    .headers_len = 10,
	    .headers =
		{
		    {"ce_specversion", STR("1.0")},
		    {"ce_id", {id, sizeof(id) - 1}},
		    {"ce_type", event->type},
		    {"ce_source", STR("billd")},
		    {"ce_subject", {subject, sizeof(subject) - 1}},
		    {"ce_time", {time, sizeof(time) - 1}},
		    {"ce_organisationid", {organisation, sizeof(organisation) - 1}},
		    {"ce_operationid", {operation, sizeof(operation) - 1}},
		    {"ce_sequence", str_write_int64(event->number, sequence)},
		    {"content-type", STR("application/avro")},
		},
	    .opaque = opaque_of(false, event->partition, event->number),
	};

	uuid_write(event->id, id);
	uuid_write(event->subject, subject);
	uuid_write(event->key, key);
	uuid_write(event->organisation_id, organisation);
	uuid_write(event->operation_id, operation);
	instant_write(instant_from_ms(event->occurred_at), time);
	return producer_send(publisher->producer, &message, err);
}

void
publisher_send(struct publisher *publisher, const struct event *event)
{
	struct lane *lane = &publisher->lanes[event->partition];
	struct err err;

	CHECK(publisher_is_committed(publisher, event));
	if (lane->behind || event->number != lane->sent + 1 ||
	    event_send(publisher, event, &err) != ERR_NONE) {
		lane->behind = true;
		return;
	}
	lane->sent = event->number;
	lane->in_flight++;
}

void
publisher_sent(struct publisher *publisher, int32_t partition)
{
	struct lane *lane = &publisher->lanes[partition];

	lane->behind |= lane->sent < lane->target;
}

/* Continue a lane from the outbox: at most one chunk, and not before all that is in flight is
 * reported. */
static enum err_class
lane_catch_up(struct publisher *publisher, int32_t partition, struct pg *pg, struct arena *arena,
    struct err *err)
{
	struct lane *lane = &publisher->lanes[partition];
	struct pg_params params;
	PGresult *result;

	if (lane->in_flight > 0)
		return ERR_NONE;
	lane->sent = lane->acked;
	pg_params_init(&params, arena);
	pg_params_int32(&params, partition);
	pg_params_int64(&params, lane->sent);
	pg_params_int64(&params, lane->target);
	pg_params_int32(&params, OUTBOX_CHUNK);
	if (pg_run(pg, "outbox_after", &params, &result, err) != ERR_NONE)
		return err_wrap(err, "outbox_after");
	for (int i = 0; i < PQntuples(result); i++) {
		const struct event event = {
		    .organisation_id = pg_get_uuid(result, i, 0),
		    .partition = partition,
		    .number = pg_get_int64(result, i, 1),
		    .id = pg_get_uuid(result, i, 2),
		    .type = pg_get_str(result, i, 3),
		    .subject = pg_get_uuid(result, i, 4),
		    .key = pg_get_uuid(result, i, 5),
		    .operation_id = pg_get_uuid(result, i, 6),
		    .occurred_at = pg_get_millis(result, i, 7),
		    .value = pg_get_str(result, i, 8),
		};
		struct err ignored; /* a full queue: the next step goes on from here */

		CHECK(event.number == lane->sent + 1);
		if (event_send(publisher, &event, &ignored) != ERR_NONE) {
			publisher->retry_at_ms = clock_steady_ms() + RETRY_MS;
			break;
		}
		lane->sent = event.number;
		lane->in_flight++;
	}
	PQclear(result);
	lane->behind = lane->sent < lane->target;
	return ERR_NONE;
}

static enum err_class
dead_letter_send(struct publisher *publisher, const struct dead_letter *letter)
{
	char partition[INT64_TEXT_SIZE], offset[INT64_TEXT_SIZE], size[INT64_TEXT_SIZE];
	char organisation[UUID_TEXT_SIZE], operation[UUID_TEXT_SIZE];
	struct message message = {
	    .topic = KAFKA_TOPIC_DEAD_LETTERS,
	    .partition = letter->partition,
	    .key = letter->key,
	    .value = letter->value,
	    .headers_len = 3,
	    .headers =
		{
		    {"billd_reason", letter->reason},
		    {"billd_partition", str_write_int64(letter->partition, partition)},
		    {"billd_offset", str_write_int64(letter->offset, offset)},
		},
	    .opaque = opaque_of(true, letter->partition, letter->offset),
	};
	struct err err;

	if (!uuid_is_nil(letter->operation_id)) {
		uuid_write(letter->organisation_id, organisation);
		uuid_write(letter->operation_id, operation);
		message.headers[message.headers_len++] = (struct message_header){
		    "billd_organisation_id", {organisation, sizeof(organisation) - 1}};
		message.headers[message.headers_len++] = (struct message_header){
		    "billd_operation_id", {operation, sizeof(operation) - 1}};
	}
	if (producer_send(publisher->producer, &message, &err) == ERR_NONE)
		return ERR_NONE;
	if (err.class != ERR_POISON)
		return err.class;
	/* What was compressed by a stranger may be larger than any message of ours: it stays in the
	 * table, and the topic tells so. */
	message.value = STR_NONE;
	message.headers[message.headers_len++] = (struct message_header){
	    "billd_value_left_out", str_write_int64((int64_t)letter->value.len, size)};
	if (producer_send(publisher->producer, &message, &err) == ERR_NONE)
		return ERR_NONE;
	if (err.class != ERR_POISON)
		return err.class;
	message.key = STR_NONE;
	return producer_send(publisher->producer, &message, &err);
}

/* Send what dead letters of ours are not on their topic yet.  They are marked as their reports
 * come. */
static enum err_class
dead_letters_send(struct publisher *publisher, struct pg *pg, struct arena *arena, struct err *err)
{
	int32_t ids[CONSUMER_PARTITIONS_MAX];
	struct pg_params params;
	PGresult *result;
	size_t len = 0;

	for (int32_t id = 0; id < CONSUMER_PARTITIONS_MAX; id++)
		if (publisher->lanes[id].ours)
			ids[len++] = id;
	pg_params_init(&params, arena);
	pg_params_int32s(&params, ids, len);
	pg_params_int32(&params, DEAD_LETTERS_CHUNK);
	if (pg_run(pg, "dead_letters_due", &params, &result, err) != ERR_NONE)
		return err_wrap(err, "dead_letters_due");
	for (int i = 0; i < PQntuples(result); i++) {
		const struct dead_letter letter = {
		    .partition = pg_get_int32(result, i, 0),
		    .offset = pg_get_int64(result, i, 1),
		    .organisation_id = pg_get_uuid(result, i, 2),
		    .operation_id = pg_get_uuid(result, i, 3),
		    .reason = pg_get_str(result, i, 4),
		    .key = pg_get_str(result, i, 5),
		    .value = pg_get_str(result, i, 6),
		};

		if (dead_letter_send(publisher, &letter) != ERR_NONE)
			break;
	}
	publisher->dead_letters_due = PQntuples(result) > 0;
	PQclear(result);
	/* What was sent is looked for again until its report has marked it. */
	publisher->retry_at_ms = clock_steady_ms() + RETRY_MS;
	return ERR_NONE;
}

static void
event_reported(struct publisher *publisher, const struct delivery *delivery)
{
	uint64_t opaque = (uintptr_t)delivery->opaque;
	int32_t partition = (int32_t)(opaque >> OPAQUE_NUMBER_BITS);
	int64_t number = (int64_t)(opaque & ((UINT64_C(1) << OPAQUE_NUMBER_BITS) - 1));
	struct lane *lane = &publisher->lanes[partition];

	CHECK(lane->in_flight > 0);
	lane->in_flight--;
	if (!delivery->persisted)
		lane->behind = true;
	else if (!lane->foreign && number == lane->acked + 1)
		lane->acked = number;
	/* Nothing was sent while one of them was in flight: what comes next is of now. */
	if (lane->in_flight == 0)
		lane->foreign = false;
}

/* The numbers of dead letters that were reported, at most ${max}.  All reports that are there are
 * taken: a chunk of a billing run makes more events than DELIVERIES_CHUNK, and what is not taken
 * piles up, with the events themselves. */
static size_t
reports_take(struct publisher *publisher, int timeout_ms, uint64_t *ret_dead_letters, size_t max)
{
	struct delivery deliveries[DELIVERIES_CHUNK];
	size_t dead_letters = 0, len = ARRAY_LEN(deliveries);

	for (; len == ARRAY_LEN(deliveries); timeout_ms = 0) {
		len = producer_poll(
		    publisher->producer, timeout_ms, deliveries, ARRAY_LEN(deliveries));
		for (size_t i = 0; i < len; i++) {
			uint64_t opaque = (uintptr_t)deliveries[i].opaque;

			if ((opaque & OPAQUE_DEAD_LETTER) == 0)
				event_reported(publisher, &deliveries[i]);
			else if (deliveries[i].persisted && dead_letters < max)
				ret_dead_letters[dead_letters++] = opaque & ~OPAQUE_DEAD_LETTER;
		}
	}
	return dead_letters;
}

void
publisher_reports(struct publisher *publisher, int timeout_ms)
{
	/* A dead letter whose report is passed over stays due, and is published again. */
	(void)reports_take(publisher, timeout_ms, NULL, 0);
}

static enum err_class
dead_letter_mark(struct pg *pg, uint64_t opaque, struct arena *arena, struct err *err)
{
	struct pg_params params;

	pg_params_init(&params, arena);
	pg_params_int32(&params, (int32_t)(opaque >> OPAQUE_NUMBER_BITS));
	pg_params_int64(&params, (int64_t)(opaque & ((UINT64_C(1) << OPAQUE_NUMBER_BITS) - 1)));
	return pg_run(pg, "dead_letter_published", &params, NULL, err);
}

enum err_class
publisher_step(struct publisher *publisher, struct pg *pg, struct err *err)
{
	uint64_t dead_letters[DEAD_LETTERS_CHUNK * 2];
	enum err_class class = ERR_NONE;
	struct arena arena;
	size_t len = reports_take(publisher, 0, dead_letters, ARRAY_LEN(dead_letters));

	arena_init(&arena, STEP_ARENA_BYTES);
	for (size_t i = 0; i < len && class == ERR_NONE; i++)
		class = dead_letter_mark(pg, dead_letters[i], &arena, err);
	if (class != ERR_NONE || clock_steady_ms() < publisher->retry_at_ms)
		goto out;
	for (int32_t id = 0; id < CONSUMER_PARTITIONS_MAX && class == ERR_NONE; id++)
		if (publisher->lanes[id].ours && publisher->lanes[id].behind)
			class = lane_catch_up(publisher, id, pg, &arena, err);
	if (class == ERR_NONE && publisher->dead_letters_due)
		class = dead_letters_send(publisher, pg, &arena, err);
out:
	arena_release(&arena);
	return class;
}

bool
publisher_reaches(struct publisher *publisher)
{
	int64_t now_ms = clock_steady_ms();
	bool unreachable;

	if (producer_reachable(publisher->producer))
		publisher->reached_ms = now_ms;
	unreachable = now_ms - publisher->reached_ms > REACH_MS;
	if (unreachable != publisher->unreachable)
		log_event(unreachable ? LOG_WARN : LOG_INFO,
		    unreachable ? "kafka is out of reach" : "kafka is back");
	publisher->unreachable = unreachable;
	return !unreachable;
}

bool
publisher_note(const struct publisher *publisher, struct partition *partition)
{
	int64_t acked = publisher->lanes[partition->id].acked;

	CHECK(acked <= partition->event_number);
	if (acked <= partition->published_number)
		return false;
	partition->published_number = acked;
	return true;
}

bool
publisher_idle(const struct publisher *publisher)
{
	return publisher_unpublished(publisher) == 0;
}

int64_t
publisher_unpublished(const struct publisher *publisher)
{
	int64_t count = 0;

	for (size_t i = 0; i < CONSUMER_PARTITIONS_MAX; i++)
		if (publisher->lanes[i].ours)
			count += publisher->lanes[i].target - publisher->lanes[i].acked;
	return count;
}
