#ifndef API_ROUTE_H
#define API_ROUTE_H

/*
 * The routes: one table, from which requests are dispatched, the OpenAPI document is made and
 * metrics are labelled.  A new command is one .avsc, one row here, one handler in the worker.
 */

#include <stdbool.h>

#include "api/cursor.h"
#include "common/base/id.h"
#include "common/base/str.h"
#include "common/codec/command.h"
#include "common/domain/role.h"

#define ROUTE_PARAMS_MAX 2
#define ROUTE_FILTERS_MAX 2

struct action;
struct request;

/* What a route is about. */
struct resource {
	const char *type;      /* "customer", as operations name it */
	const char *path;      /* where one of them is: "/v1/customers/" and its id */
	const char *statement; /* reads one by id */
	const char *schema;    /* the event's, which is the public form; NULL: the component is */
	enum id_kind id_kind;  /* of a new one */
	const char *component; /* of the OpenAPI document; NULL: named as the schema */
};

extern const struct resource resource_customer, resource_plan, resource_subscription,
    resource_invoice, resource_test_clock, resource_coupon, resource_tax_rate, resource_item,
    resource_credit_entry, resource_credit_note, resource_payment, resource_billing_run;

/* Who may use a route. */
enum route_for {
	FOR_ANYBODY,
	FOR_USER,   /* a person who is logged in, in whatever organisation or none */
	FOR_CALLER, /* a person who is logged in, or an API key */
	FOR_MEMBER, /* who has `permission` in the organisation: that of the path where it has
		       {organisation_id}, else that of the key, or that the header names */
};

enum route_kind {
	ROUTE_SYSTEM,    /* answered by a function, for anybody */
	ROUTE_COMMAND,   /* a schema, a message on the queue */
	ROUTE_ONE,       /* a statement that returns one row */
	ROUTE_LIST,      /* a statement that returns a page */
	ROUTE_OPERATION, /* the outcome of a command */
	ROUTE_EVENTS,    /* the organisation's events */
	ROUTE_ACTION,    /* something done to people, organisations and keys, at once */
};

/* A query parameter that narrows a list. */
struct route_filter {
	const char *name;           /* "document_id": a name that ends in _id takes a UUID */
	const char *const *choices; /* any other takes one of these; NULL behind the last */
	const char *description;    /* in the OpenAPI document */
};

/* What a command is routed by: the Kafka key, and the shard that gives the partition. */
enum route_by {
	BY_ORGANISATION,  /* key: the organisation */
	BY_ITS_SHARD,     /* likewise; what is made carries the organisation's shard in its id */
	BY_NEW,           /* key: the id of what will be created, a customer or a test clock */
	BY_PATH,          /* key: the id in the path, likewise */
	BY_BODY_CUSTOMER, /* key: customer_id of the body */
	BY_BODY_INVOICE,  /* key: invoice_id of the body, whose bits carry its customer's shard */
	BY_PATH_SHARD,    /* key: the id in the path, likewise */
};

struct route {
	const char *method;
	const char
	    *pattern; /* "/v1/customers/{customer_id}"; a name that ends in _id takes a UUID */
	enum route_kind kind;
	enum route_for access;
	enum permission permission; /* FOR_MEMBER */
	/* True when the request is answered; false when it was suspended and handed over, and must
	 * not be touched any more. */
	bool (*run)(struct request *request);
	const char *operation_id; /* in the OpenAPI document */
	const char *tag;
	const char *summary;
	const struct resource *resource; /* NULL: none */
	enum command_type command;       /* ROUTE_COMMAND */
	enum route_by by;
	bool creates;
	bool watched;          /* ROUTE_ONE: also as a stream (api/stream.h) */
	const char *statement; /* ROUTE_LIST */
	enum cursor_kind cursor;
	/* ROUTE_LIST: up to ROUTE_FILTERS_MAX, and a nameless one; NULL: none.  The statement takes
	 * them as texts behind all else, null for one that is not given. */
	const struct route_filter *filters;
	void (*action)(struct action *action); /* ROUTE_ACTION */
	const char *body;   /* ROUTE_ACTION: the schema of its body; NULL: none */
	const char *answer; /* ROUTE_ACTION: the component of the document that it answers with;
			       NULL: nothing, 204 */
	bool slow;          /* ROUTE_ACTION: it hashes a password */
};

extern const struct route route_table[];
extern const size_t route_table_len;

/**
 * route_has_body(route):
 * Whether what comes as a body is kept.
 */
NODISCARD bool route_has_body(const struct route *route);

/* A request's path, matched. */
struct route_match {
	const struct route *route; /* NULL: no such path, or not with this method */
	size_t params_len;
	struct {
		struct str name, text;
	} params[ROUTE_PARAMS_MAX];
	char
	    allow[64]; /* the methods that the path takes, for 405; "" when there is no such path */
};

/**
 * route_find(method, path, ret_match):
 * Find the row for ${method} and ${path} (without its query string).  HEAD finds what GET finds.
 * ${ret_match} borrows from ${path} and the table.
 */
void route_find(struct str method, struct str path, struct route_match *ret_match);

/**
 * route_param_is_id(name):
 * Whether a parameter of that name takes a UUID.
 */
NODISCARD bool route_param_is_id(struct str name);

#endif
