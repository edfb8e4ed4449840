#include "common/kafka/producer.h"

#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <stdatomic.h>

#include "common/kafka/conf.h"

#define PURGE_WAIT_MS 100
#define STATISTICS_INTERVAL_MS "1000"

struct producer {
	struct producer_settings settings;
	pthread_rwlock_t lock; /* held for reading by senders, for writing while rk is exchanged */
	rd_kafka_t *rk;        /* under lock */
	rd_kafka_topic_t *topic;   /* of the settings; held so that rk knows it */
	rd_kafka_queue_t *events;  /* reports, errors, statistics; of producer_poll's thread */
	rd_kafka_event_t *reports; /* a delivery event that is not read to its end, or NULL */
	atomic_bool broken;        /* a fatal error: no sending until it is remade */
	atomic_bool reachable;     /* by the last statistics */
	atomic_size_t in_flight;   /* sent and not reported yet */
};

static const struct kafka_conf_pair shared_conf[] = {
    {"enable.idempotence", "true"},
    {"statistics.interval.ms", STATISTICS_INTERVAL_MS},
    {"queue.buffering.max.kbytes", "65536"},
    {"message.max.bytes", "1179648"}, /* a dead letter of the largest command, cli/topics.c */
    {NULL, NULL},
};

/* What differs between the two profiles, beside the settings that both share.  The relay's messages
 * are a series: where one fails, librdkafka would go on with the next; instead the producer breaks,
 * and what was not persisted is sent again in its order. */
static const struct kafka_conf_pair profile_conf[][5] = {
    [PRODUCER_LATENCY] = {{"linger.ms", "1"}, {NULL, NULL}},
    [PRODUCER_THROUGHPUT] = {{"linger.ms", "5"}, {"compression.codec", "lz4"},
	{"batch.size", "1000000"}, {"enable.gapless.guarantee", "true"}, {NULL, NULL}},
};

static enum err_class
rk_new(const struct producer_settings *settings, rd_kafka_t **ret_rk, struct err *err)
{
	char timeout_ms[32], queue_max[32], text[256];
	const struct kafka_conf_pair own_conf[] = {
	    {"bootstrap.servers", settings->bootstrap},
	    {"message.timeout.ms", timeout_ms},
	    {"queue.buffering.max.messages", queue_max},
	    {NULL, NULL},
	};
	rd_kafka_conf_t *conf = kafka_conf_new();

	snprintf(timeout_ms, sizeof(timeout_ms), "%lld", (long long)settings->message_timeout_ms);
	snprintf(queue_max, sizeof(queue_max), "%lld", (long long)settings->queue_messages_max);
	if (kafka_conf_set(conf, shared_conf, err) != ERR_NONE ||
	    kafka_conf_set(conf, profile_conf[settings->profile], err) != ERR_NONE ||
	    kafka_conf_set(conf, own_conf, err) != ERR_NONE) {
		rd_kafka_conf_destroy(conf);
		return err->class;
	}
	rd_kafka_conf_set_events(
	    conf, RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_STATS);
	*ret_rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
	if (*ret_rk == NULL) {
		rd_kafka_conf_destroy(conf);
		return err_set(err, ERR_FATAL, "kafka producer: %s", text);
	}
	return ERR_NONE;
}

/* What the producer holds of its librdkafka instance. */
static void
rk_hold(struct producer *producer)
{
	producer->events = rd_kafka_queue_get_main(producer->rk);
	producer->topic = rd_kafka_topic_new(producer->rk, producer->settings.topic, NULL);
	CHECK(producer->topic != NULL);
}

enum err_class
producer_open(
    const struct producer_settings *settings, struct producer **ret_producer, struct err *err)
{
	struct producer *producer = calloc(1, sizeof(*producer));

	CHECK(producer != NULL);
	producer->settings = *settings;
	if (rk_new(settings, &producer->rk, err) != ERR_NONE) {
		free(producer);
		return err->class;
	}
	rk_hold(producer);
	CHECK(pthread_rwlock_init(&producer->lock, NULL) == 0);
	*ret_producer = producer;
	return ERR_NONE;
}

/* Let go of the librdkafka instance and of all that it has not reported. */
static void
rk_drop(struct producer *producer)
{
	if (producer->reports != NULL)
		rd_kafka_event_destroy(producer->reports);
	rd_kafka_queue_destroy(producer->events);
	rd_kafka_topic_destroy(producer->topic);
	rd_kafka_destroy(producer->rk);
	producer->reports = NULL;
	producer->events = NULL;
	producer->topic = NULL;
	producer->rk = NULL;
}

void
producer_free(struct producer *producer)
{
	if (producer == NULL)
		return;
	rd_kafka_purge(producer->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
	rk_drop(producer);
	pthread_rwlock_destroy(&producer->lock);
	free(producer);
}

static rd_kafka_headers_t *
headers_new(const struct message *message)
{
	rd_kafka_headers_t *headers = rd_kafka_headers_new(message->headers_len);

	CHECK(message->headers_len <= PRODUCER_HEADERS_MAX);
	for (size_t i = 0; i < message->headers_len; i++) {
		const struct message_header *header = &message->headers[i];

		rd_kafka_header_add(
		    headers, header->name, -1, header->value.ptr, (ssize_t)header->value.len);
	}
	return headers;
}

/* What to do when librdkafka does not take a message. */
static enum err_class
refused(rd_kafka_resp_err_t code, struct err *err)
{
	const char *text = rd_kafka_err2str(code);

	if (code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE ||
	    code == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION ||
	    code == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC)
		return err_set(err, ERR_POISON, "kafka refuses the message: %s", text);
	return err_set(err, ERR_RETRY, "kafka takes no message now: %s", text);
}

enum err_class
producer_send(struct producer *producer, const struct message *message, struct err *err)
{
	rd_kafka_headers_t *headers;
	rd_kafka_resp_err_t code;

	CHECK(message->partition >= 0);

	if (producer->broken)
		return err_set(err, ERR_RETRY, "the kafka producer is being remade");

	headers = headers_new(message);
	/* Counted first: its report may come before this function returns. */
	producer->in_flight++;
	pthread_rwlock_rdlock(&producer->lock);
	code = rd_kafka_producev(producer->rk, RD_KAFKA_V_TOPIC(message->topic),
	    RD_KAFKA_V_PARTITION(message->partition), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
	    RD_KAFKA_V_KEY(message->key.ptr, message->key.len),
	    RD_KAFKA_V_VALUE((void *)(uintptr_t)message->value.ptr, message->value.len),
	    RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_OPAQUE(message->opaque), RD_KAFKA_V_END);
	/* Under the lock: it speaks of this instance, not of the one that is made in its place. */
	if (code == RD_KAFKA_RESP_ERR__FATAL)
		producer->broken = true;
	pthread_rwlock_unlock(&producer->lock);
	if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
		return ERR_NONE; /* librdkafka owns the headers now */

	producer->in_flight--;
	rd_kafka_headers_destroy(headers);
	return refused(code, err);
}

/* Once the broken instance has reported everything: another one in its place. */
static void
remake(struct producer *producer)
{
	rd_kafka_t *rk = NULL;
	struct err err;

	/* The same settings were accepted before. */
	CHECK(rk_new(&producer->settings, &rk, &err) == ERR_NONE);
	pthread_rwlock_wrlock(&producer->lock);
	rk_drop(producer);
	producer->rk = rk;
	rk_hold(producer);
	producer->broken = false;
	pthread_rwlock_unlock(&producer->lock);
}

/* Reports from the event in hand, at most ${max}. */
static size_t
reports_take(struct producer *producer, struct delivery *deliveries, size_t max)
{
	const rd_kafka_message_t *message;
	size_t len = 0;

	while (len < max && (message = rd_kafka_event_message_next(producer->reports)) != NULL) {
		deliveries[len++] = (struct delivery){
		    .opaque = message->_private,
		    .persisted = message->err == RD_KAFKA_RESP_ERR_NO_ERROR,
		    .partition = message->partition,
		    .offset = message->offset,
		    .reason = rd_kafka_err2str(message->err),
		};
	}
	producer->in_flight -= len;
	if (len < max) {
		rd_kafka_event_destroy(producer->reports);
		producer->reports = NULL;
	}
	return len;
}

static void
event_take(struct producer *producer, rd_kafka_event_t *event)
{
	switch (rd_kafka_event_type(event)) {
	case RD_KAFKA_EVENT_DR:
		producer->reports = event;
		return;
	case RD_KAFKA_EVENT_ERROR:
		if (rd_kafka_event_error_is_fatal(event) ||
		    rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR__FATAL)
			producer->broken = true;
		if (rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
			producer->reachable = false;
		break;
	case RD_KAFKA_EVENT_STATS:
		producer->reachable =
		    strstr(rd_kafka_event_stats(event), "\"state\":\"UP\"") != NULL;
		break;
	default:
		break;
	}
	rd_kafka_event_destroy(event);
}

size_t
producer_poll(struct producer *producer, int timeout_ms, struct delivery *deliveries, size_t max)
{
	size_t len = 0;

	CHECK(max > 0);

	if (producer->broken) {
		if (producer->in_flight == 0)
			remake(producer);
		else
			rd_kafka_purge(
			    producer->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
		if (timeout_ms > PURGE_WAIT_MS)
			timeout_ms = PURGE_WAIT_MS;
	}
	while (len < max) {
		if (producer->reports == NULL) {
			rd_kafka_event_t *event =
			    rd_kafka_queue_poll(producer->events, len == 0 ? timeout_ms : 0);

			if (event == NULL)
				break;
			event_take(producer, event);
			timeout_ms = 0;
		}
		if (producer->reports != NULL)
			len += reports_take(producer, deliveries + len, max - len);
	}
	return len;
}

size_t
producer_in_flight(const struct producer *producer)
{
	return producer->in_flight;
}

bool
producer_reachable(struct producer *producer)
{
	return producer->reachable;
}
