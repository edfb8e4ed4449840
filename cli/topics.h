#ifndef CLI_TOPICS_H
#define CLI_TOPICS_H

/*
 * Our topics on the brokers: make what is missing, set what differs.  Never deletes one, never
 * changes its number of partitions, and leaves alone the properties that it does not name.
 */

#include <librdkafka/rdkafka.h>

#include "common/base/err.h"

#define TOPIC_PROPERTIES_MAX 6

/* How a topic shall be. */
struct topic_property {
	const char *name;
	const char *value;
};

struct topic_wanted {
	const char *name;
	int32_t partitions;
	int32_t replication; /* when it is made; an existing one keeps its own */
	size_t properties_len;
	struct topic_property properties[TOPIC_PROPERTIES_MAX];
};

/**
 * topics_connect(bootstrap, ret_rk, ret_cluster_id, err):
 * Connect, and wait for a broker at most half a minute; the caller frees ${ret_rk} with
 * rd_kafka_destroy and ${ret_cluster_id} with rd_kafka_mem_free.  ERR_RETRY when there is none.
 */
NODISCARD enum err_class topics_connect(
    const char *bootstrap, rd_kafka_t **ret_rk, char **ret_cluster_id, struct err *err);

/**
 * topics_partitions(rk, name, ret_partitions, err):
 * How many partitions the topic has; 0 when it does not exist.
 */
NODISCARD enum err_class topics_partitions(
    rd_kafka_t *rk, const char *name, int32_t *ret_partitions, struct err *err);

/**
 * topics_create(rk, wanted, err):
 * Make a topic that does not exist.
 */
NODISCARD enum err_class topics_create(
    rd_kafka_t *rk, const struct topic_wanted *wanted, struct err *err);

/**
 * topics_alter(rk, wanted, ret_changed, err):
 * Set those properties of an existing topic that differ; ${ret_changed} tells how many did.
 */
NODISCARD enum err_class topics_alter(
    rd_kafka_t *rk, const struct topic_wanted *wanted, int *ret_changed, struct err *err);

#endif
