#include "common/kafka/consumer.h"

#include "common/kafka/conf.h"

struct consumer {
	const char *topic;
	rd_kafka_t *rk;
	rd_kafka_t *asker; /* another client: what is asked of a broker does not wait behind a fetch
			      that waits for messages (measured: 85 ms) */
	rd_kafka_queue_t *queue;                   /* that rk is polled by */
	rd_kafka_topic_partition_list_t *assigned; /* what the group gave us; NULL when nothing */
	enum consumer_event rebalance; /* what the callback saw and poll has not told yet */
	bool closing;
	bool broken; /* a fatal error was told */
};

static const struct kafka_conf_pair consumer_conf[] = {
    {"enable.auto.commit", "false"},
    {"enable.auto.offset.store", "false"},
    {"auto.offset.reset", "error"},
    {"partition.assignment.strategy", "range"},
    {"check.crcs", "true"},
    /* Small prefetch: less to throw away when partitions move.  A fetched piece of a partition is
     * held as a whole until its last message is done; one larger message still comes. */
    {"fetch.message.max.bytes", "131072"},
    {"queued.max.messages.kbytes", "8192"},
    /* As many of each partition as that lets through: librdkafka 2.0.2 waits a second before it
     * fetches again of one that has enough. */
    {"queued.min.messages", "100000"},
    {"fetch.error.backoff.ms", "100"},
    /* What the group asks of a broker waits behind a fetch that waits for messages. */
    {"fetch.wait.max.ms", "100"},
    {NULL, NULL},
};

/* Only notes what happened; consumer_poll tells it, and its caller acts. */
static void
on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t code, rd_kafka_topic_partition_list_t *partitions,
    void *opaque)
{
	struct consumer *consumer = opaque;

	if (consumer->assigned != NULL)
		rd_kafka_topic_partition_list_destroy(consumer->assigned);
	consumer->assigned = NULL;
	if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS && !consumer->closing) {
		consumer->assigned = rd_kafka_topic_partition_list_copy(partitions);
		rd_kafka_topic_partition_list_sort(consumer->assigned, NULL, NULL);
		consumer->rebalance = CONSUMER_ASSIGNED;
	} else {
		consumer->rebalance = CONSUMER_REVOKED;
	}
	if (consumer->closing)
		rd_kafka_assign(rk, NULL);
	rd_kafka_yield(rk);
}

/* A client that neither fetches nor produces. */
static enum err_class
asker_open(const char *bootstrap, rd_kafka_t **ret_asker, struct err *err)
{
	const struct kafka_conf_pair asker_conf[] = {
	    {"bootstrap.servers", bootstrap},
	    {NULL, NULL},
	};
	rd_kafka_conf_t *conf = kafka_conf_new();
	char text[256];

	if (kafka_conf_set(conf, asker_conf, err) != ERR_NONE) {
		rd_kafka_conf_destroy(conf);
		return err->class;
	}
	*ret_asker = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
	if (*ret_asker != NULL)
		return ERR_NONE;
	rd_kafka_conf_destroy(conf);
	return err_set(err, ERR_FATAL, "kafka client: %s", text);
}

enum err_class
consumer_open(
    const struct consumer_settings *settings, struct consumer **ret_consumer, struct err *err)
{
	char session_timeout_ms[32], heartbeat_ms[32], text[256];
	const struct kafka_conf_pair own_conf[] = {
	    {"bootstrap.servers", settings->bootstrap},
	    {"group.id", settings->group},
	    {"session.timeout.ms", session_timeout_ms},
	    {"heartbeat.interval.ms", heartbeat_ms},
	    {NULL, NULL},
	};
	enum err_class class = ERR_FATAL;
	rd_kafka_conf_t *conf = kafka_conf_new();
	rd_kafka_topic_partition_list_t *topics = NULL;
	struct consumer *consumer = calloc(1, sizeof(*consumer));
	rd_kafka_resp_err_t code;

	CHECK(consumer != NULL);
	consumer->topic = settings->topic;
	snprintf(session_timeout_ms, sizeof(session_timeout_ms), "%lld",
	    (long long)settings->session_timeout_ms);
	snprintf(heartbeat_ms, sizeof(heartbeat_ms), "%lld",
	    (long long)settings->session_timeout_ms / 5);
	if (kafka_conf_set(conf, consumer_conf, err) != ERR_NONE ||
	    kafka_conf_set(conf, own_conf, err) != ERR_NONE)
		goto out;
	rd_kafka_conf_set_opaque(conf, consumer);
	rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
	consumer->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof(text));
	if (consumer->rk == NULL) {
		err_set(err, ERR_FATAL, "kafka consumer: %s", text);
		goto out;
	}
	conf = NULL; /* librdkafka owns it now */
	if (asker_open(settings->bootstrap, &consumer->asker, err) != ERR_NONE)
		goto out;
	rd_kafka_poll_set_consumer(consumer->rk);
	consumer->queue = rd_kafka_queue_get_consumer(consumer->rk);
	CHECK(consumer->queue != NULL);
	topics = rd_kafka_topic_partition_list_new(1);
	rd_kafka_topic_partition_list_add(topics, settings->topic, RD_KAFKA_PARTITION_UA);
	code = rd_kafka_subscribe(consumer->rk, topics);
	if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
		err_set(err, ERR_FATAL, "kafka subscribe: %s", rd_kafka_err2str(code));
		goto out;
	}
	*ret_consumer = consumer;
	consumer = NULL;
	class = ERR_NONE;
out:
	if (topics != NULL)
		rd_kafka_topic_partition_list_destroy(topics);
	if (conf != NULL)
		rd_kafka_conf_destroy(conf);
	consumer_free(consumer);
	return class;
}

void
consumer_free(struct consumer *consumer)
{
	if (consumer == NULL)
		return;
	consumer->closing = true;
	if (consumer->queue != NULL)
		rd_kafka_queue_destroy(consumer->queue);
	if (consumer->rk != NULL) {
		rd_kafka_consumer_close(consumer->rk);
		/* Of a topic that was deleted, librdkafka 2.0.2 can hold parts for ever, and wait
		 * for them; after a fatal error the process ends, and takes them along. */
		if (!consumer->broken)
			rd_kafka_destroy(consumer->rk);
	}
	if (consumer->asker != NULL)
		rd_kafka_destroy(consumer->asker);
	if (consumer->assigned != NULL)
		rd_kafka_topic_partition_list_destroy(consumer->assigned);
	free(consumer);
}

/* What an error that came in place of a message asks for. */
static enum consumer_event
failed(struct consumer *consumer, const rd_kafka_message_t *message, struct err *err)
{
	if (message->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET)
		err_set(err, ERR_FATAL,
		    "partition %d has no offset %lld: the topic was deleted and made again, or "
		    "lost messages; nothing was skipped.  See docs/operation.md, \"Offsets that "
		    "Kafka does not have\"",
		    message->partition, (long long)message->offset);
	else if (message->err == RD_KAFKA_RESP_ERR__FATAL)
		err_set(err, ERR_FATAL, "kafka consumer: %s", rd_kafka_message_errstr(message));
	else
		err_set(err, ERR_RETRY, "kafka consumer: %s", rd_kafka_message_errstr(message));
	consumer->broken |= err->class == ERR_FATAL;
	return CONSUMER_FAILED;
}

enum consumer_event
consumer_poll(
    struct consumer *consumer, int timeout_ms, rd_kafka_message_t **ret_message, struct err *err)
{
	enum consumer_event event = CONSUMER_MESSAGE;
	rd_kafka_message_t *message;

	message = rd_kafka_consumer_poll(consumer->rk, timeout_ms);
	if (consumer->rebalance != CONSUMER_NOTHING) {
		event = consumer->rebalance;
		consumer->rebalance = CONSUMER_NOTHING;
		/* A message that came with it belongs to the assignment that ends. */
		CHECK(message == NULL || event == CONSUMER_REVOKED || message->err != 0);
		consumer_message_free(message);
		return event;
	}
	if (message == NULL)
		return CONSUMER_NOTHING;
	if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
		event = failed(consumer, message, err);
		consumer_message_free(message);
		return event;
	}
	*ret_message = message;
	return CONSUMER_MESSAGE;
}

void
consumer_wake(struct consumer *consumer)
{
	rd_kafka_queue_yield(consumer->queue);
}

void
consumer_message_free(rd_kafka_message_t *message)
{
	if (message != NULL)
		rd_kafka_message_destroy(message);
}

size_t
consumer_partitions(
    const struct consumer *consumer, int32_t ret_partitions[CONSUMER_PARTITIONS_MAX])
{
	size_t len = consumer->assigned == NULL ? 0 : (size_t)consumer->assigned->cnt;

	CHECK(len <= CONSUMER_PARTITIONS_MAX);
	for (size_t i = 0; i < len; i++)
		ret_partitions[i] = consumer->assigned->elems[i].partition;
	return len;
}

enum err_class
consumer_start(struct consumer *consumer, const int32_t *partitions, const int64_t *offsets,
    size_t len, struct err *err)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)len);
	rd_kafka_resp_err_t code;

	for (size_t i = 0; i < len; i++)
		rd_kafka_topic_partition_list_add(list, consumer->topic, partitions[i])->offset =
		    offsets[i];
	code = rd_kafka_assign(consumer->rk, list);
	rd_kafka_topic_partition_list_destroy(list);
	if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
		return err_set(err, ERR_FATAL, "kafka assign: %s", rd_kafka_err2str(code));
	return ERR_NONE;
}

void
consumer_stop(struct consumer *consumer)
{
	rd_kafka_assign(consumer->rk, NULL);
}

void
consumer_pause(struct consumer *consumer, bool paused)
{
	if (consumer->assigned == NULL)
		return;
	if (paused)
		rd_kafka_pause_partitions(consumer->rk, consumer->assigned);
	else
		rd_kafka_resume_partitions(consumer->rk, consumer->assigned);
}

int64_t
consumer_end_offset(const struct consumer *consumer, int32_t partition)
{
	int64_t low, high;

	if (rd_kafka_get_watermark_offsets(consumer->rk, consumer->topic, partition, &low, &high) !=
		RD_KAFKA_RESP_ERR_NO_ERROR ||
	    high < 0)
		return -1;
	return high;
}

enum err_class
consumer_end_offsets(struct consumer *consumer, const int32_t *partitions, size_t len,
    int timeout_ms, int64_t *ret_offsets, struct err *err)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)len);
	enum err_class class = ERR_NONE;
	rd_kafka_resp_err_t code;

	/* In place of a time: the end. */
	for (size_t i = 0; i < len; i++)
		rd_kafka_topic_partition_list_add(list, consumer->topic, partitions[i])->offset =
		    RD_KAFKA_OFFSET_END;
	code = rd_kafka_offsets_for_times(consumer->asker, list, timeout_ms);
	for (size_t i = 0; i < len && code == RD_KAFKA_RESP_ERR_NO_ERROR; i++) {
		const rd_kafka_topic_partition_t *answer =
		    rd_kafka_topic_partition_list_find(list, consumer->topic, partitions[i]);

		CHECK(answer != NULL);
		code = answer->err;
		if (code == RD_KAFKA_RESP_ERR_NO_ERROR && answer->offset < 0)
			code = RD_KAFKA_RESP_ERR__NO_OFFSET;
		ret_offsets[i] = answer->offset;
	}
	if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
		class = err_set(err, ERR_RETRY, "kafka end offsets: %s", rd_kafka_err2str(code));
	rd_kafka_topic_partition_list_destroy(list);
	return class;
}

enum err_class
consumer_cluster_id(
    struct consumer *consumer, int timeout_ms, char **ret_cluster_id, struct err *err)
{
	char *from_kafka = rd_kafka_clusterid(consumer->rk, timeout_ms);

	if (from_kafka == NULL)
		return err_set(err, ERR_RETRY, "no kafka broker answers");
	*ret_cluster_id = strdup(from_kafka);
	rd_kafka_mem_free(consumer->rk, from_kafka);
	CHECK(*ret_cluster_id != NULL);
	return ERR_NONE;
}

struct str
consumer_header(const rd_kafka_message_t *message, const char *name)
{
	rd_kafka_headers_t *headers;
	const void *value;
	size_t len;

	if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR ||
	    rd_kafka_header_get_last(headers, name, &value, &len) != RD_KAFKA_RESP_ERR_NO_ERROR ||
	    value == NULL)
		return STR_NONE;
	return (struct str){value, len};
}
