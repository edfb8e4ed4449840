#include "worker/signatures.h"

#include <sodium.h>

#include "common/base/daemon.h"
#include "common/codec/command_signature.h"

/* A key that is retired verifies nothing any more after so long. */
#define RING_AGE_MAX_MS 10000

/* The newest first; as many as a ring has room for. */
static const struct pg_statement statements[] = {
    {"signing_keys", "SELECT name FROM identity.signing_keys "
		     "WHERE purpose = 'command' AND (retires_at IS NULL OR retires_at > now()) "
		     "ORDER BY created_at DESC, name LIMIT $1::int4"},
};

void
signatures_prepare(struct pg *pg)
{
	pg_prepare(pg, statements, ARRAY_LEN(statements));
}

void
signatures_init(struct signatures *signatures, const struct id_secret *secret)
{
	*signatures = (struct signatures){.demanded = secret != NULL};
	if (secret != NULL)
		signatures->secret = *secret;
}

void
signatures_release(struct signatures *signatures)
{
	sodium_memzero(signatures, sizeof(*signatures));
}

enum err_class
signatures_load(struct signatures *signatures, struct pg *pg, struct err *err)
{
	PGresult *result = NULL;
	struct pg_params params;
	enum err_class class;
	struct arena arena;

	arena_init(&arena, 1024);
	pg_params_init(&params, &arena);
	pg_params_int32(&params, SIGNING_KEYS_MAX);
	class = pg_run(pg, "signing_keys", &params, &result, err);
	if (class == ERR_NONE) {
		sodium_memzero(&signatures->ring, sizeof(signatures->ring));
		for (int row = 0; row < PQntuples(result); row++)
			/* The table holds the form of a name, the statement how many. */
			CHECK(signing_ring_add(&signatures->ring, &signatures->secret,
			    SIGNING_COMMAND, pg_get_str(result, row, 0)));
		signatures->loaded_at_ms = clock_steady_ms();
	}
	PQclear(result);
	arena_release(&arena);
	return class == ERR_NONE ? ERR_NONE : err_wrap(err, "signing_keys");
}

bool
signatures_wants(const struct signatures *signatures, struct str text, int64_t now_ms)
{
	if (!signatures->demanded)
		return false;
	return signatures->loaded_at_ms == 0 ||
	       now_ms - signatures->loaded_at_ms > RING_AGE_MAX_MS ||
	       (text.ptr != NULL && !command_signature_is_known(&signatures->ring, text));
}

bool
signatures_allow(const struct signatures *signatures, struct str text, struct str key,
    struct str value, int32_t partition)
{
	return !signatures->demanded ||
	       command_signature_is_good(&signatures->ring, text, key, value, partition);
}
