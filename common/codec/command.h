#ifndef COMMON_CODEC_COMMAND_H
#define COMMON_CODEC_COMMAND_H

/*
 * Commands in C: one struct for each schema in schemas/commands/, its field table, and the row that
 * names it.  The ingress writes `meta`, the worker reads the whole.
 */

#include "common/base/instant.h"
#include "common/base/record.h"
#include "common/base/str.h"
#include "common/base/uuid.h"
#include "common/domain/money.h"
#include "common/domain/role.h"

/* The first field of every command. */
struct command_meta {
	struct uuid operation_id;
	struct uuid organisation_id;
	struct str actor;           /* "api_key:<id>", "user:<id>:<session's id>" */
	int64_t accepted_at;        /* milliseconds since the epoch */
	struct str idempotency_key; /* none when the client gave none */
	struct str address;         /* where the request came from; none: not known */
};

struct create_customer {
	struct command_meta meta;
	struct str name, email, external_id;
	struct currency currency; /* empty: the organisation's */
	struct str country, timezone;
	struct str_map metadata;
};

struct update_customer {
	struct command_meta meta;
	struct uuid customer_id;
	struct str name, email, external_id, country,
	    timezone; /* none: unchanged; empty: taken away */
	struct str_map metadata;
};

struct archive_customer {
	struct command_meta meta;
	struct uuid customer_id;
};

struct create_plan {
	struct command_meta meta;
	struct str code, name;
	struct currency currency;
	struct str interval;
	int32_t interval_count;
	int64_t amount;
	struct str_map metadata;
};

struct update_plan {
	struct command_meta meta;
	struct uuid plan_id;
	struct str name; /* none: unchanged */
	struct str_map metadata;
};

struct archive_plan {
	struct command_meta meta;
	struct uuid plan_id;
};

struct create_subscription {
	struct command_meta meta;
	struct uuid customer_id;
	struct uuid plan_id;  /* nil: by code */
	struct str plan_code; /* none: by id */
	struct str_map metadata;
};

struct cancel_subscription {
	struct command_meta meta;
	struct uuid subscription_id;
	struct str effective; /* "now" or "period_end" */
};

/* One row for each command; handlers and routes name them by this. */
enum command_type {
	COMMAND_CREATE_CUSTOMER,
	COMMAND_UPDATE_CUSTOMER,
	COMMAND_ARCHIVE_CUSTOMER,
	COMMAND_CREATE_PLAN,
	COMMAND_UPDATE_PLAN,
	COMMAND_ARCHIVE_PLAN,
	COMMAND_CREATE_SUBSCRIPTION,
	COMMAND_CANCEL_SUBSCRIPTION,
	COMMAND_TYPE_MAX,
};

struct command_info {
	const char *schema_name;    /* "billd.command.CreateCustomer" */
	const char *name;           /* "create_customer", as operations show it */
	enum permission permission; /* what the actor needs, when it is asked for and when it takes
				       effect */
	const struct record
	    *record; /* describes its struct, which begins with a struct command_meta */
};

extern const struct command_info command_table[COMMAND_TYPE_MAX];
extern const struct record command_meta_record;

#endif
