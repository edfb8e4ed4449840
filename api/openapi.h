#ifndef API_OPENAPI_H
#define API_OPENAPI_H

/*
 * The OpenAPI document, made once at start: paths from the table of routes, bodies from the schemas
 * of the commands, answers from those of the events, the rest from docs/openapi_base.json.  So it
 * cannot say anything else than what is checked.
 */

#include <jansson.h>
#include <stdbool.h>

#include "common/base/err.h"
#include "common/base/str.h"
#include "common/codec/schema.h"

struct request;

/**
 * openapi_make(schemas, ret_text, err), openapi_free(text):
 * The document as JSON text.  ERR_FATAL when a route names a schema that is not there, or the base
 * is malformed.
 */
NODISCARD enum err_class openapi_make(
    const struct schemas *schemas, struct str *ret_text, struct err *err);
void openapi_free(struct str text);

/**
 * openapi_schema(schema, for_request):
 * The JSON Schema of ${schema}: ${for_request}, that of the body of a command, with its rules; else
 * that of an answer.  A new reference.
 */
NODISCARD json_t *openapi_schema(const struct schema *schema, bool for_request);

/**
 * openapi_example(schema):
 * A body that passes ${schema}, from the examples of its fields, or NULL when a field that must be
 * given has none.  A new reference.
 */
NODISCARD json_t *openapi_example(const struct schema *schema);

/**
 * openapi_run(request):
 * GET /openapi.json (run of struct route).
 */
NODISCARD bool openapi_run(struct request *request);

#endif
