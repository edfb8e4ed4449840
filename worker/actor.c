#include "worker/actor.h"

/* Whose a worker's own commands are; of all others there is none. */
static const enum actor_kind owners[COMMAND_TYPE_MAX] = {
    [COMMAND_RECORD_PAYMENT_OUTCOME] = ACTOR_SYSTEM_PAYMENTS,
    [COMMAND_SCHEDULE_BILLING_RUN] = ACTOR_SYSTEM_RUNS,
    [COMMAND_FINISH_BILLING_RUN] = ACTOR_SYSTEM_RUNS,
};

/* Take ${prefix} from the head of ${text}. */
static bool
prefix_take(struct str *text, struct str prefix)
{
	if (text->len < prefix.len || memcmp(text->ptr, prefix.ptr, prefix.len) != 0)
		return false;
	text->ptr += prefix.len;
	text->len -= prefix.len;
	return true;
}

/* Likewise a UUID. */
static bool
uuid_take(struct str *text, struct uuid *ret_uuid)
{
	const size_t len = UUID_TEXT_SIZE - 1;

	if (text->len < len || !uuid_read((struct str){text->ptr, len}, ret_uuid))
		return false;
	text->ptr += len;
	text->len -= len;
	return true;
}

struct actor
actor_read(struct str text)
{
	struct actor actor = {.kind = ACTOR_UNKNOWN};
	struct uuid session_id;

	if (prefix_take(&text, STR("api_key:"))) {
		if (uuid_take(&text, &actor.id) && text.len == 0)
			actor.kind = ACTOR_KEY;
	} else if (prefix_take(&text, STR("user:"))) {
		if (uuid_take(&text, &actor.id) && prefix_take(&text, STR(":")) &&
		    uuid_take(&text, &session_id) && text.len == 0)
			actor.kind = ACTOR_USER;
	} else if (str_equal(text, ACTOR_PAYMENTS)) {
		actor.kind = ACTOR_SYSTEM_PAYMENTS;
	} else if (str_equal(text, ACTOR_RUNS)) {
		actor.kind = ACTOR_SYSTEM_RUNS;
	}
	return actor;
}

void
actor_refer(struct facts *facts, struct uuid organisation_id, const struct actor *actor)
{
	switch (actor->kind) {
	case ACTOR_KEY:
		facts_need(facts, NEED_API_KEY, organisation_id, &actor->id);
		break;
	case ACTOR_USER:
		facts_need(facts, NEED_MEMBERSHIP, organisation_id, &actor->id);
		break;
	case ACTOR_SYSTEM_PAYMENTS:
	case ACTOR_SYSTEM_RUNS:
	case ACTOR_UNKNOWN:
		break;
	}
}

static enum actor_verdict
role_judge(struct str role, enum permission permission)
{
	return role_may(role_from(role), permission) ? ACTOR_MAY : ACTOR_ROLE_TOO_SMALL;
}

static enum actor_verdict
key_judge(const struct api_key *key, int64_t accepted_at, enum permission permission)
{
	if (key == NULL)
		return ACTOR_GONE;
	if (key->revoked)
		return ACTOR_REVOKED;
	/* The same command has the same outcome however late it is processed, as far as time goes.
	 */
	if (key->expires_ms <= accepted_at)
		return ACTOR_EXPIRED;
	return role_judge(key->role, permission);
}

static enum actor_verdict
member_judge(const struct membership *membership, enum permission permission)
{
	return membership == NULL ? ACTOR_GONE : role_judge(membership->role, permission);
}

/* The part of a worker that sends ${command}, which is a row of command_table. */
static enum actor_kind
owner_of(const struct command_info *command)
{
	enum actor_kind owner = owners[command - command_table];

	CHECK(owner != ACTOR_UNKNOWN);
	return owner;
}

enum actor_verdict
actor_judge(const struct facts *facts, const struct command_meta *meta, const struct actor *actor,
    const struct command_info *command)
{
	if (actor->kind == ACTOR_UNKNOWN)
		return ACTOR_MALFORMED;
	if (command->internal)
		return owner_of(command) == actor->kind ? ACTOR_MAY : ACTOR_OUT_OF_PLACE;
	switch (actor->kind) {
	case ACTOR_KEY:
		return key_judge(facts_api_key(facts, meta->organisation_id, actor->id),
		    meta->accepted_at, command->permission);
	case ACTOR_USER:
		return member_judge(
		    facts_membership(facts, meta->organisation_id, actor->id), command->permission);
	case ACTOR_SYSTEM_PAYMENTS:
	case ACTOR_SYSTEM_RUNS:
		return ACTOR_OUT_OF_PLACE;
	case ACTOR_UNKNOWN:
		break;
	}
	return ACTOR_MALFORMED;
}

const char *
actor_verdict_text(enum actor_verdict verdict)
{
	static const char *const texts[ACTOR_VERDICT_MAX] = {
	    [ACTOR_MALFORMED] = "The command does not say who asked.",
	    [ACTOR_OUT_OF_PLACE] =
		"The command is not for who asked: it is a worker's own, or he is.",
	    [ACTOR_GONE] = "Who asked is not, or no longer, of this organisation.",
	    [ACTOR_REVOKED] = "The API key was revoked before the command took effect.",
	    [ACTOR_EXPIRED] = "The API key had expired when the command was accepted.",
	    [ACTOR_ROLE_TOO_SMALL] = "The role of who asked does not, or no longer, allow it.",
	};

	CHECK(verdict > ACTOR_MAY && verdict < ACTOR_VERDICT_MAX);
	return texts[verdict];
}
