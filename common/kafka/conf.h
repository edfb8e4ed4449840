#ifndef COMMON_KAFKA_CONF_H
#define COMMON_KAFKA_CONF_H

/*
 * What every librdkafka client of ours is configured with.  Used inside kafka/ and by the
 * operator's command.
 */

#include <librdkafka/rdkafka.h>

#include "common/base/err.h"
#include "common/kafka/topic.h"

/* One property of librdkafka; a table of them ends with {NULL, NULL}. */
struct kafka_conf_pair {
	const char *name;
	const char *value;
};

/**
 * kafka_conf_new():
 * A configuration with what all clients share: quick reconnects, no Nagle delay, no log lines of
 * its own (errors come as events).
 */
NODISCARD rd_kafka_conf_t *kafka_conf_new(void);

/**
 * kafka_conf_set(conf, pairs, err):
 * Set each pair.  ERR_FATAL naming the first one that librdkafka refuses.
 */
NODISCARD enum err_class kafka_conf_set(
    rd_kafka_conf_t *conf, const struct kafka_conf_pair *pairs, struct err *err);

#endif
