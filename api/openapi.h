#ifndef API_OPENAPI_H
#define API_OPENAPI_H

/*
 * The OpenAPI document, made once at start: paths from the table of routes, bodies from the schemas
 * of commands and actions, answers from those of the events, the rest from docs/openapi_base.json.
 * So it cannot say anything else than what is checked.
 */

#include <jansson.h>
#include <stdbool.h>

#include "common/base/err.h"
#include "common/base/str.h"
#include "common/codec/schema.h"

struct request;
struct resource;
struct route;

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
 * openapi_answers(route), openapi_errors():
 * All that ${route} may answer, by status; and the component of errors that they refer to.  New
 * references.
 */
NODISCARD json_t *openapi_answers(const struct route *route);
NODISCARD json_t *openapi_errors(void);

/**
 * openapi_reference(section, name), openapi_resource_name(resource):
 * A reference to a component; and the name of the one that has a resource's form.
 */
NODISCARD json_t *openapi_reference(const char *section, const char *name);
NODISCARD const char *openapi_resource_name(const struct resource *resource);

/**
 * openapi_run(request):
 * GET /openapi.json (run of struct route).
 */
NODISCARD bool openapi_run(struct request *request);

#endif
