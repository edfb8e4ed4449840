#include "tests/bench/bare_kafka.h"

#include "common/kafka/conf.h"
#include "tests/bench/bench.h"

#define METADATA_TIMEOUT_MS 10000

/* As common/kafka/producer.c sets them, but for the statistics. */
static const struct kafka_conf_pair shared_conf[] = {
    {"enable.idempotence", "true"},
    {"queue.buffering.max.kbytes", "65536"},
    {"queue.buffering.max.messages", "100000"},
    {"message.max.bytes", "1100000"},
    {NULL, NULL},
};

static const struct kafka_conf_pair profile_conf[][4] = {
    [PRODUCER_LATENCY] = {{"linger.ms", "1"}, {NULL, NULL}},
    [PRODUCER_THROUGHPUT] = {{"linger.ms", "5"}, {"compression.codec", "lz4"},
	{"batch.size", "1000000"}, {NULL, NULL}},
};

static void
on_report(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
	struct bare_kafka *bare = opaque;

	(void)rk;
	if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR)
		bench_die("a message was not persisted: %s", rd_kafka_err2str(message->err));
	bare->in_flight--;
	if (bare->delivered != NULL)
		bare->delivered(message->_private, bare->context);
}

void
bare_kafka_open(const char *bootstrap, const char *topic, enum producer_profile profile,
    struct bare_kafka *bare)
{
	const struct kafka_conf_pair own_conf[] = {{"bootstrap.servers", bootstrap}, {NULL, NULL}};
	const struct rd_kafka_metadata *metadata;
	rd_kafka_conf_t *conf = kafka_conf_new();
	char text[256];
	struct err err;

	if (kafka_conf_set(conf, shared_conf, &err) != ERR_NONE ||
	    kafka_conf_set(conf, profile_conf[profile], &err) != ERR_NONE ||
	    kafka_conf_set(conf, own_conf, &err) != ERR_NONE)
		bench_die("%s", err.text);
	rd_kafka_conf_set_opaque(conf, bare);
	rd_kafka_conf_set_dr_msg_cb(conf, on_report);
	bare->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
	if (bare->rk == NULL)
		bench_die("kafka producer: %s", text);
	bare->topic = rd_kafka_topic_new(bare->rk, topic, NULL);
	bare->in_flight = 0;
	if (bare->topic == NULL || rd_kafka_metadata(bare->rk, 0, bare->topic, &metadata,
				       METADATA_TIMEOUT_MS) != RD_KAFKA_RESP_ERR_NO_ERROR)
		bench_die("the topic %s is not to be reached", topic);
	rd_kafka_metadata_destroy(metadata);
}

void
bare_kafka_close(struct bare_kafka *bare)
{
	rd_kafka_topic_destroy(bare->topic);
	rd_kafka_destroy(bare->rk);
}

bool
bare_kafka_send(struct bare_kafka *bare, const struct message *message)
{
	rd_kafka_headers_t *headers = rd_kafka_headers_new(message->headers_len);
	rd_kafka_resp_err_t code;

	for (size_t i = 0; i < message->headers_len; i++)
		rd_kafka_header_add(headers, message->headers[i].name, -1,
		    message->headers[i].value.ptr, (ssize_t)message->headers[i].value.len);
	code = rd_kafka_producev(bare->rk, RD_KAFKA_V_RKT(bare->topic),
	    RD_KAFKA_V_PARTITION(message->partition), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
	    RD_KAFKA_V_KEY(message->key.ptr, message->key.len),
	    RD_KAFKA_V_VALUE((void *)(uintptr_t)message->value.ptr, message->value.len),
	    RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_OPAQUE(message->opaque), RD_KAFKA_V_END);
	if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
		bare->in_flight++;
		return true;
	}
	rd_kafka_headers_destroy(headers);
	if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL)
		bench_die("kafka takes no message: %s", rd_kafka_err2str(code));
	return false;
}

void
bare_kafka_poll(struct bare_kafka *bare, int timeout_ms)
{
	rd_kafka_poll(bare->rk, timeout_ms);
}
