#include "worker/operation.h"

#include <jansson.h>

#include "worker/handler.h"

/* The refusal as RFC 9457 has it, in the arena. */
static struct str
problem_write(
    struct arena *arena, enum refusal refusal, const char *detail, struct uuid operation_id)
{
	const struct refusal_info *info = refusal_info(refusal);
	char type[128], operation[UUID_TEXT_SIZE], instance[64];
	struct str problem;
	json_t *json;
	char *text;

	uuid_write(operation_id, operation);
	snprintf(type, sizeof(type), "/docs/problems/%s", info->slug);
	snprintf(instance, sizeof(instance), "/v1/operations/%s", operation);
	json = json_pack("{s:s, s:s, s:i, s:s, s:s}", "type", type, "title", info->title, "status",
	    info->http_status, "detail", detail[0] != '\0' ? detail : info->explanation, "instance",
	    instance);
	/* A detail that was cut inside a character is no UTF-8 any more. */
	if (json == NULL) {
		CHECK(detail[0] != '\0');
		return problem_write(arena, refusal, "", operation_id);
	}
	text = json_dumps(json, JSON_COMPACT);
	CHECK(text != NULL);
	CHECK(arena_str(arena, str_from(text), &problem));
	free(text);
	json_decref(json);
	return problem;
}

void
operation_write(struct decider *decider, const struct operation_asked *asked, enum refusal refusal,
    const char *detail)
{
	struct facts *facts = decider->facts;
	bool key_taken =
	    asked->idempotency_key.ptr != NULL &&
	    facts_operation_by_key(facts, asked->organisation_id, asked->idempotency_key) != NULL;
	const struct operation operation = {
	    .organisation_id = asked->organisation_id,
	    .id = asked->id,
	    .command = str_from(command_table[asked->type].name),
	    .status = refusal == REFUSAL_NONE ? STR("succeeded") : STR("failed"),
	    .resource_type = str_from(handler_table[asked->type].resource_type),
	    .resource_id = asked->resource_id,
	    .problem = refusal == REFUSAL_NONE
			   ? STR_NONE
			   : problem_write(decider->arena, refusal, detail, asked->id),
	    .idempotency_key = key_taken ? STR_NONE : asked->idempotency_key,
	    .accepted_at = asked->accepted_ms,
	    .actor = asked->actor,
	    .address = asked->address,
	    .request_id = asked->request_id,
	};

	if (facts_operation(facts, operation.organisation_id, operation.id) == NULL)
		facts_add(facts, TABLE_OPERATIONS, &operation);
}
