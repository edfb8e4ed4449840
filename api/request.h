#ifndef API_REQUEST_H
#define API_REQUEST_H

/*
 * One request, from its request line to the end of its answer, and what is done with it.
 *
 * A request belongs to an event loop of libmicrohttpd until request_suspend, and then to whoever it
 * was handed to (the delivery thread, a query thread, the waiter), until request_resume gives it
 * back.  So no two threads ever touch one at the same time, and none of it is locked.
 */

#include <microhttpd.h>

#include "api/address.h"
#include "api/header.h"
#include "api/ingress.h"
#include "api/layout.h"
#include "api/problem.h"
#include "api/route.h"
#include "common/base/arena.h"
#include "common/codec/transcode.h"
#include "common/postgres/pg.h"

#define BODY_MAX (1024 * 1024)                  /* bytes of a body */
#define BODY_ANYBODY_MAX (16 * 1024)            /* of one that anybody may send */
#define BODIES_MAX (INT64_C(256) * 1024 * 1024) /* bytes of all bodies that are held at once */
#define REQUEST_ARENA_MAX ((size_t)1024 * 1024) /* bytes of one request's small things */
#define ANSWER_MAX ((size_t)16 * 1024 * 1024)   /* bytes of one answer */
#define ANSWER_SMALL ((size_t)64 * 1024)        /* bytes up to which an answer is not large */
#define ANSWERS_MAX \
	(INT64_C(256) * 1024 * 1024) /* bytes of all large answers that wait for their clients */
#define ANSWER_HEADERS_MAX 16
#define REQUEST_ID_SIZE 129

enum request_phase {
	REQUEST_LINE,    /* the request line was read */
	REQUEST_HEADERS, /* the headers were checked; the caller is being looked up */
	REQUEST_BODY,    /* the body is being read, or dropped when there is an answer already */
	REQUEST_WORK,    /* the body is whole, the answer is being made */
	REQUEST_DONE,    /* the answer was handed to libmicrohttpd */
};

/* What a request is answered with; texts live as long as the request. */
struct answer {
	int status; /* 0: none yet */
	const char *content_type;
	struct str body;
	bool close;            /* the connection cannot be trusted any more */
	int64_t retry_after_s; /* of 429 and 503; 0: soon */
	size_t headers_len;
	struct {
		const char *name, *value;
	} headers[ANSWER_HEADERS_MAX];
};

enum caller_kind {
	CALLER_NOBODY,
	CALLER_KEY,
	CALLER_USER,
};

/* Who asks. */
struct caller {
	enum caller_kind kind;
	struct uuid id;              /* of the key, or of the user */
	struct uuid session_id;      /* of a user */
	struct uuid organisation_id; /* in which the caller acts; nil: in none */
	enum role role;              /* there */
};

enum job_scope {
	SCOPE_ORGANISATION, /* rows of the caller's organisation */
	SCOPE_KEY,          /* the row of the presented key */
	SCOPE_USER,         /* the caller's memberships and organisations */
	SCOPE_NONE,         /* figures that belong to nobody */
};

/* A statement for a query thread, and what is done with its result there. */
struct job {
	enum job_scope scope;
	const char *statement;
	struct pg_params *params;
	/* ${result} is NULL when ${err} says why; answers, or hands on; then the job is over. */
	void (*done)(struct request *request, const PGresult *result, const struct err *err);
};

/* How far the stream is that a request is answered with; see stream.h. */
struct stream {
	int64_t begun_us;            /* clock_steady_us; 0: the answer is no stream */
	int64_t told_ms;             /* clock_steady_ms: when something was sent last */
	struct looker_run *followed; /* what it follows, see looker.h */
	int64_t number;              /* of the event that was told last; 0: none */
	struct sse_event *event;     /* that is being sent; NULL: none */
	struct str text;             /* that is to be sent yet */
	bool parked;                 /* under the streamer's lock: the streamer has the request */
	bool over;                   /* behind `text` nothing comes */
};

/* What a waiter is told; texts are borrowed for the call. */
struct outcome {
	bool succeeded;
	struct str problem; /* when it failed */
	struct str json;    /* the operation */
};

struct request {
	struct ingress *ingress;
	struct MHD_Connection *connection;
	struct peer *peer;    /* its connection's deadline, see server.c */
	struct request *next; /* in whatever list holds it */
	enum request_phase phase;
	bool discard;    /* what comes of the body is dropped */
	int64_t dropped; /* bytes of body that came, kept or not */
	bool odd_target; /* with bytes that no target has */
	bool suspended;  /* by us, and not seen again by its event loop */
	struct arena arena;
	struct buf body, out;
	struct headers headers;
	struct layout layout;
	const char *framing; /* of a chunked body: behind what was looked at */
	struct str target;   /* the path and the query as they came; later only where they were */
	struct str method, path;
	struct route_match match;
	struct caller caller;
	uint8_t key_hash[32]; /* by which api/callers.h knows the caller */
	uint8_t nonce[16];
	char id[REQUEST_ID_SIZE];        /* X-Request-Id */
	char address[ADDRESS_TEXT_SIZE]; /* the client's */
	int64_t began_us;
	struct answer answer;
	int64_t answer_held; /* bytes of it that are counted among all answers' */

	/* Of a command, and of GET of an operation. */
	struct uuid operation_id; /* nil: none */
	struct uuid resource_id;
	int32_t partition; /* -1: not known */
	int64_t offset;    /* of the message; -1: not known */

	/* Of an action. */
	json_t *json; /* the body, parsed and checked; NULL: none */

	struct job job;
	int32_t limit; /* of a page */
	int64_t *seen; /* of GET /v1/events: the last number of each partition */

	struct stream stream;

	int64_t wait_until_ms; /* clock_steady_ms */
	int64_t wait_asked_at; /* the waiter's turn in which its row was last asked for; 0: never */
	void (*waited)(
	    struct request *request, const struct outcome *outcome); /* NULL: time is up */
};

/* Requests are kept for the next ones, up to a limit. */
struct request_pool;

/**
 * request_pool_new(kept_max), request_pool_free(pool):
 * A pool that keeps up to ${kept_max} requests that are not used.  Never NULL; free accepts NULL.
 */
NODISCARD struct request_pool *request_pool_new(size_t kept_max);
void request_pool_free(struct request_pool *pool);

/**
 * request_take(pool, ingress), request_give(pool, request):
 * A request with nothing in it but ${ingress}, or NULL when memory is out; and back.
 */
NODISCARD struct request *request_take(struct request_pool *pool, struct ingress *ingress);
void request_give(struct request_pool *pool, struct request *request);

/**
 * request_suspend(request), request_resume(request):
 * Take it from its event loop, by that loop's thread, before it is handed over; and give it back,
 * by whoever has it.  After request_resume it must not be touched.
 */
void request_suspend(struct request *request);
void request_resume(struct request *request);

/**
 * request_body_max(request):
 * How many bytes its body may have.
 */
NODISCARD int64_t request_body_max(const struct request *request);

/**
 * request_body_add(request, bytes, len):
 * Keep a piece of the body.  False when it is too large, or all bodies are.
 */
NODISCARD bool request_body_add(struct request *request, const char *bytes, size_t len);

/**
 * request_body_drop(request):
 * All that it said is taken over: forget it, so that it takes no room while the request waits.
 */
void request_body_drop(struct request *request);

/**
 * request_answer_hold(request):
 * Count what stands in ${request}->out among the answers that are held until their clients have
 * taken them; once, however often it is called.  False when it is large and of no ROUTE_SYSTEM, and
 * with it they would be too many.
 */
NODISCARD bool request_answer_hold(struct request *request);

/**
 * request_param(request, name):
 * The parameter of the path with that name, which it has.
 */
NODISCARD struct str request_param(const struct request *request, const char *name);

#endif
