#include "worker/handler.h"

#define HANDLER(type, shard_function, prefix)                                                      \
	{                                                                                          \
		.resource_type = (type), .resource = prefix##_resource, .shard = (shard_function), \
		.refer = prefix##_refer, .decide = prefix##_decide,                                \
	}

const struct handler handler_table[COMMAND_TYPE_MAX] = {
    [COMMAND_CREATE_CUSTOMER] = HANDLER("customer", customer_create_shard, customer_create),
    [COMMAND_UPDATE_CUSTOMER] = HANDLER("customer", customer_update_shard, customer_update),
    [COMMAND_ARCHIVE_CUSTOMER] = HANDLER("customer", customer_archive_shard, customer_archive),
    [COMMAND_CREATE_PLAN] = HANDLER("plan", plan_shard, plan_create),
    [COMMAND_UPDATE_PLAN] = HANDLER("plan", plan_shard, plan_update),
    [COMMAND_ARCHIVE_PLAN] = HANDLER("plan", plan_shard, plan_archive),
    [COMMAND_CREATE_SUBSCRIPTION] =
	HANDLER("subscription", subscription_create_shard, subscription_create),
    [COMMAND_CANCEL_SUBSCRIPTION] =
	HANDLER("subscription", subscription_cancel_shard, subscription_cancel),
};
