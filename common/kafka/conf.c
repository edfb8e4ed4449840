#include "common/kafka/conf.h"

static const struct kafka_conf_pair client_conf[] = {
    {"client.id", "billd"},
    {"socket.nagle.disable", "true"},
    {"socket.keepalive.enable", "true"},
    {"reconnect.backoff.ms", "50"},
    {"reconnect.backoff.max.ms", "1000"},
    {"topic.metadata.refresh.interval.ms", "10000"},
    {"topic.metadata.propagation.max.ms", "5000"},
    {"log.connection.close", "false"},
    {NULL, NULL},
};

enum err_class
kafka_conf_set(rd_kafka_conf_t *conf, const struct kafka_conf_pair *pairs, struct err *err)
{
	char text[256];

	for (; pairs->name != NULL; pairs++)
		if (rd_kafka_conf_set(conf, pairs->name, pairs->value, text, sizeof(text)) !=
		    RD_KAFKA_CONF_OK)
			return err_set(err, ERR_FATAL, "kafka setting %s: %s", pairs->name, text);
	return ERR_NONE;
}

rd_kafka_conf_t *
kafka_conf_new(void)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	struct err err;

	CHECK(conf != NULL);
	CHECK(kafka_conf_set(conf, client_conf, &err) == ERR_NONE);
	rd_kafka_conf_set_log_cb(conf, NULL);
	return conf;
}
