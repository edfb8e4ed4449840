#ifndef API_RESPOND_H
#define API_RESPOND_H

/*
 * Answers: noted in the request by whoever has it, sent by its event loop.  The first answer of a
 * request stands until the next is noted; nothing is sent before respond_send.
 */

#include "api/request.h"

#define JSON_TYPE "application/json"
#define PROBLEM_TYPE "application/problem+json"
#define EVENTS_TYPE "text/event-stream"

/**
 * answer_out(request, status, content_type):
 * Answer with what is in ${request}->out; with an internal problem when that overflowed.
 */
void answer_out(struct request *request, int status, const char *content_type);

/**
 * answer_bytes(request, status, content_type, bytes):
 * Answer with ${bytes}, which outlive the request.
 */
void answer_bytes(struct request *request, int status, const char *content_type, struct str bytes);

/**
 * answer_nothing(request):
 * Answer 204: it is done, and there is nothing to tell.
 */
void answer_nothing(struct request *request);

/**
 * answer_header(request, name, value):
 * Add a header; both outlive the request (constants, or its arena).
 */
void answer_header(struct request *request, const char *name, const char *value);

/**
 * answer_problem(request, problem, format, ...):
 * Answer with ${problem}; the rest says what happened this time.  With what the problem's status
 * asks for: Retry-After with 429 and 503, WWW-Authenticate with 401.
 */
void answer_problem(struct request *request, enum problem problem, const char *format, ...)
    PRINTF_LIKE(3, 4);

/**
 * answer_refusal(request, refusal, detail):
 * The same with a problem of the rules that is seen here already.
 */
void answer_refusal(struct request *request, enum refusal refusal, const char *detail);

/**
 * answer_faults(request, info, faults):
 * Answer with a problem of either table and every fault of a body.
 */
void answer_faults(
    struct request *request, const struct refusal_info *info, const struct faults *faults);

/**
 * answer_failed(request, err):
 * The problem for a statement that failed: the database is away, or it is a fault of ours.
 */
void answer_failed(struct request *request, const struct err *err);

/**
 * json_put_string(buf, text):
 * Append ${text}, UTF-8, as a JSON string.
 */
void json_put_string(struct buf *buf, struct str text);

/**
 * json_put_uuid(buf, uuid):
 * Append ${uuid} as a JSON string.
 */
void json_put_uuid(struct buf *buf, struct uuid uuid);

/**
 * respond_send(request):
 * Give the noted answer to libmicrohttpd.
 */
NODISCARD enum MHD_Result respond_send(struct request *request);

#endif
