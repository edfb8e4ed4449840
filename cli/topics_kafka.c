/* Topics by librdkafka's Admin API, each request on a queue of its own. */

#include "cli/topics.h"
#include "common/base/daemon.h"
#include "common/kafka/conf.h"

#define BROKER_WAIT_MS 30000
#define BROKER_TRY_MS 1000
#define REQUEST_TIMEOUT_MS 30000
#define TEXT_SIZE 256

enum err_class
topics_connect(const char *bootstrap, rd_kafka_t **ret_rk, char **ret_cluster_id, struct err *err)
{
	const struct kafka_conf_pair pairs[] = {{"bootstrap.servers", bootstrap}, {NULL, NULL}};
	rd_kafka_conf_t *conf = kafka_conf_new();
	int64_t deadline = clock_steady_ms() + BROKER_WAIT_MS;
	char text[TEXT_SIZE];
	rd_kafka_t *rk;

	if (kafka_conf_set(conf, pairs, err) != ERR_NONE) {
		rd_kafka_conf_destroy(conf);
		return err->class;
	}
	rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
	if (rk == NULL) {
		rd_kafka_conf_destroy(conf);
		return err_set(err, ERR_FATAL, "kafka: %s", text);
	}
	do
		*ret_cluster_id = rd_kafka_clusterid(rk, BROKER_TRY_MS);
	while (*ret_cluster_id == NULL && !daemon_stopping() && clock_steady_ms() < deadline);
	if (*ret_cluster_id == NULL) {
		rd_kafka_destroy(rk);
		return err_set(err, ERR_RETRY, "kafka: no broker answers at %s", bootstrap);
	}
	*ret_rk = rk;
	return ERR_NONE;
}

enum err_class
topics_partitions(rd_kafka_t *rk, const char *name, int32_t *ret_partitions, struct err *err)
{
	const struct rd_kafka_metadata *metadata = NULL;
	rd_kafka_resp_err_t code;
	int32_t partitions = 0;

	/* Of all topics: asking for one by its name could make it, where brokers are set so. */
	code = rd_kafka_metadata(rk, 1, NULL, &metadata, REQUEST_TIMEOUT_MS);
	if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
		return err_set(err, ERR_RETRY, "kafka: metadata: %s", rd_kafka_err2str(code));
	for (int i = 0; i < metadata->topic_cnt; i++)
		if (strcmp(metadata->topics[i].topic, name) == 0)
			partitions = metadata->topics[i].partition_cnt;
	rd_kafka_metadata_destroy(metadata);
	*ret_partitions = partitions;
	return ERR_NONE;
}

/* What became of the one topic or resource of a request. */
static enum err_class
judge(const char *doing, const char *topic, rd_kafka_resp_err_t code, const char *text,
    struct err *err)
{
	if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
		return ERR_NONE;
	return err_set(err,
	    code == RD_KAFKA_RESP_ERR__TIMED_OUT || code == RD_KAFKA_RESP_ERR__TRANSPORT
		? ERR_RETRY
		: ERR_FATAL,
	    "kafka: %s %s: %s", doing, topic, text == NULL ? rd_kafka_err2str(code) : text);
}

static rd_kafka_AdminOptions_t *
options_new(rd_kafka_t *rk, rd_kafka_admin_op_t operation)
{
	rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(rk, operation);
	char text[TEXT_SIZE];

	CHECK(options != NULL);
	CHECK(rd_kafka_AdminOptions_set_request_timeout(
		  options, REQUEST_TIMEOUT_MS, text, sizeof(text)) == RD_KAFKA_RESP_ERR_NO_ERROR);
	return options;
}

static rd_kafka_NewTopic_t *
new_topic(const struct topic_wanted *wanted, struct err *err)
{
	char text[TEXT_SIZE];
	rd_kafka_NewTopic_t *topic = rd_kafka_NewTopic_new(
	    wanted->name, wanted->partitions, wanted->replication, text, sizeof(text));

	if (topic == NULL) {
		err_set(err, ERR_FATAL, "kafka: topic %s: %s", wanted->name, text);
		return NULL;
	}
	for (size_t i = 0; i < wanted->properties_len; i++)
		CHECK(rd_kafka_NewTopic_set_config(topic, wanted->properties[i].name,
			  wanted->properties[i].value) == RD_KAFKA_RESP_ERR_NO_ERROR);
	return topic;
}

enum err_class
topics_create(rd_kafka_t *rk, const struct topic_wanted *wanted, struct err *err)
{
	rd_kafka_NewTopic_t *topic = new_topic(wanted, err);
	rd_kafka_AdminOptions_t *options = NULL;
	rd_kafka_queue_t *queue = NULL;
	rd_kafka_event_t *event = NULL;
	enum err_class class;

	if (topic == NULL)
		return err->class;
	options = options_new(rk, RD_KAFKA_ADMIN_OP_CREATETOPICS);
	queue = rd_kafka_queue_new(rk);
	rd_kafka_CreateTopics(rk, &topic, 1, options, queue);
	event = rd_kafka_queue_poll(queue, REQUEST_TIMEOUT_MS);
	if (event == NULL) {
		class = judge("making", wanted->name, RD_KAFKA_RESP_ERR__TIMED_OUT, NULL, err);
	} else if (rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR) {
		class = judge("making", wanted->name, rd_kafka_event_error(event),
		    rd_kafka_event_error_string(event), err);
	} else {
		size_t len;
		const rd_kafka_topic_result_t **results = rd_kafka_CreateTopics_result_topics(
		    rd_kafka_event_CreateTopics_result(event), &len);

		CHECK(len == 1);
		class = judge("making", wanted->name, rd_kafka_topic_result_error(results[0]),
		    rd_kafka_topic_result_error_string(results[0]), err);
	}
	rd_kafka_event_destroy(event);
	rd_kafka_queue_destroy(queue);
	rd_kafka_AdminOptions_destroy(options);
	rd_kafka_NewTopic_destroy(topic);
	return class;
}

static const struct topic_property *
find_property(const struct topic_wanted *wanted, const char *name)
{
	for (size_t i = 0; i < wanted->properties_len; i++)
		if (strcmp(wanted->properties[i].name, name) == 0)
			return &wanted->properties[i];
	return NULL;
}

/*
 * The new set of a topic's own properties, as Kafka replaces it as a whole: what we want, and what
 * somebody else has set.  The number of those of ours that differ from what there is.
 */
static int
merge(const struct topic_wanted *wanted, const rd_kafka_ConfigResource_t *present,
    rd_kafka_ConfigResource_t *changed)
{
	size_t len;
	const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs(present, &len);
	int differing = 0;

	for (size_t i = 0; i < wanted->properties_len; i++)
		rd_kafka_ConfigResource_set_config(
		    changed, wanted->properties[i].name, wanted->properties[i].value);
	for (size_t i = 0; i < len; i++) {
		const char *name = rd_kafka_ConfigEntry_name(entries[i]);
		const char *value = rd_kafka_ConfigEntry_value(entries[i]);
		const struct topic_property *ours = find_property(wanted, name);

		if (ours != NULL)
			differing += value == NULL || strcmp(value, ours->value) != 0;
		else if (rd_kafka_ConfigEntry_source(entries[i]) ==
			     RD_KAFKA_CONFIG_SOURCE_DYNAMIC_TOPIC_CONFIG &&
			 value != NULL)
			rd_kafka_ConfigResource_set_config(changed, name, value);
	}
	return differing;
}

/* Wait for the event of a request about one resource; ${ret_event} lives as long as ${present}. */
static enum err_class
await_resource(rd_kafka_queue_t *queue, const char *doing, const char *topic,
    rd_kafka_event_t **ret_event, struct err *err)
{
	rd_kafka_event_t *event = rd_kafka_queue_poll(queue, REQUEST_TIMEOUT_MS);
	rd_kafka_resp_err_t code =
	    event == NULL ? RD_KAFKA_RESP_ERR__TIMED_OUT : rd_kafka_event_error(event);

	*ret_event = event;
	return judge(
	    doing, topic, code, event == NULL ? NULL : rd_kafka_event_error_string(event), err);
}

static enum err_class
describe(rd_kafka_t *rk, rd_kafka_queue_t *queue, const char *topic, rd_kafka_event_t **ret_event,
    const rd_kafka_ConfigResource_t **ret_present, struct err *err)
{
	rd_kafka_ConfigResource_t *asked =
	    rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic);
	rd_kafka_AdminOptions_t *options = options_new(rk, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
	const rd_kafka_ConfigResource_t **resources;
	enum err_class class;
	size_t len;

	rd_kafka_DescribeConfigs(rk, &asked, 1, options, queue);
	class = await_resource(queue, "describing", topic, ret_event, err);
	if (class == ERR_NONE) {
		resources = rd_kafka_DescribeConfigs_result_resources(
		    rd_kafka_event_DescribeConfigs_result(*ret_event), &len);
		CHECK(len == 1);
		*ret_present = resources[0];
		class = judge("describing", topic, rd_kafka_ConfigResource_error(resources[0]),
		    rd_kafka_ConfigResource_error_string(resources[0]), err);
	}
	rd_kafka_AdminOptions_destroy(options);
	rd_kafka_ConfigResource_destroy(asked);
	return class;
}

static enum err_class
alter(rd_kafka_t *rk, rd_kafka_queue_t *queue, const char *topic,
    rd_kafka_ConfigResource_t *changed, struct err *err)
{
	rd_kafka_AdminOptions_t *options = options_new(rk, RD_KAFKA_ADMIN_OP_ALTERCONFIGS);
	const rd_kafka_ConfigResource_t **resources;
	rd_kafka_event_t *event = NULL;
	enum err_class class;
	size_t len;

	rd_kafka_AlterConfigs(rk, &changed, 1, options, queue);
	class = await_resource(queue, "altering", topic, &event, err);
	if (class == ERR_NONE) {
		resources = rd_kafka_AlterConfigs_result_resources(
		    rd_kafka_event_AlterConfigs_result(event), &len);
		CHECK(len == 1);
		class = judge("altering", topic, rd_kafka_ConfigResource_error(resources[0]),
		    rd_kafka_ConfigResource_error_string(resources[0]), err);
	}
	if (event != NULL)
		rd_kafka_event_destroy(event);
	rd_kafka_AdminOptions_destroy(options);
	return class;
}

enum err_class
topics_alter(rd_kafka_t *rk, const struct topic_wanted *wanted, int *ret_changed, struct err *err)
{
	rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
	rd_kafka_ConfigResource_t *changed =
	    rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, wanted->name);
	const rd_kafka_ConfigResource_t *present = NULL;
	rd_kafka_event_t *event = NULL;
	enum err_class class;

	class = describe(rk, queue, wanted->name, &event, &present, err);
	if (class == ERR_NONE) {
		*ret_changed = merge(wanted, present, changed);
		if (*ret_changed > 0)
			class = alter(rk, queue, wanted->name, changed, err);
	}
	if (event != NULL)
		rd_kafka_event_destroy(event);
	rd_kafka_ConfigResource_destroy(changed);
	rd_kafka_queue_destroy(queue);
	return class;
}
