#ifndef API_INGRESS_H
#define API_INGRESS_H

/*
 * The parts of a running ingress, as requests reach them.  Filled by main before the first request,
 * read-only from then on; each part guards itself.
 */

#include <stdatomic.h>

#include "common/base/err.h"
#include "common/base/id.h"
#include "common/codec/command.h"
#include "common/codec/schema.h"
#include "common/kafka/producer.h"

struct ingress_settings {
	const char *listen, *database_url, *kafka_bootstrap, *secret, *log_level;
	int64_t port, partitions, http_threads, connections, database_connections;
	int64_t produce_timeout_ms, header_timeout_ms, body_timeout_ms, idle_timeout_ms, drain_ms;
	int64_t password_threads, action_threads;       /* of the pools of api/identity/action.h */
	int64_t rate_caller, rate_organisation;         /* requests a second; 0: no limit */
	int64_t login_rate_account, login_rate_address; /* attempts a minute; 0: no limit */
	int64_t forwarded; /* 1: a proxy's X-Forwarded-For names the client */
};

struct ingress {
	const struct ingress_settings *settings;
	struct id_secret secret;
	struct schemas *schemas;
	const struct schema *command_schemas[COMMAND_TYPE_MAX];
	struct str openapi; /* the document */
	struct producer *producer;
	struct callers *callers;  /* that were seen lately */
	struct ring_holder *ring; /* the signing keys, as the refresher saw them last */
	struct limits *limits;    /* how much each may ask */
	struct actions *actions;
	struct reuse *reuse;
	struct reader *reader;
	struct waiter *waiter;
	struct streamer *streamer;
	struct stats *stats;
	struct health *health;
	atomic_int exit_code;   /* with which a stop that nobody asked for ends */
	atomic_bool draining;   /* a clean stop was asked for: no new keep-alive, no waiting */
	atomic_bool closed;     /* the event loops are about to end: no request begins or goes on */
	atomic_int connections; /* that are open */
	atomic_int requests;    /* between their request line and their end */
	atomic_int suspended;   /* of those, without an event loop: something else answers them */
	atomic_int calls;       /* of event loops that are at a request, and may yet hand it over */
	atomic_int_fast64_t bodies;  /* bytes that are held for bodies, */
	atomic_int_fast64_t answers; /* and for large answers */
};

/**
 * ingress_run(settings, err):
 * Open all parts, serve until a clean stop is asked for, drain and close.  The exit code; with
 * ${err} filled when it could not start.
 */
NODISCARD int ingress_run(const struct ingress_settings *settings, struct err *err);

/**
 * ingress_check(settings, err):
 * Open what needs nobody, and see that every statement fits the database; serve nothing.  The exit
 * code; with ${err} filled when something does not fit.
 */
NODISCARD int ingress_check(const struct ingress_settings *settings, struct err *err);

#endif
