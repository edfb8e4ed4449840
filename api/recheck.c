#include "api/recheck.h"

#include <sodium.h>

#include "api/callers.h"
#include "api/ring.h"

#define ARENA_MAX ((size_t)2 * 1024 * 1024)
/* Asked for in one round trip: a policy compares each row with each of them. */
#define ROUND_MAX 256
#define USE_S 60 /* between two writes of a key's last use */

struct recheck {
	struct ingress *ingress;
	struct pg *pg;
	struct arena arena; /* of a round */
	struct buf list;    /* the round's scope */
	struct caller_entry entries[CALLERS_MAX];
};

#define HASH_ITEM_LEN (2 * CALLER_HASH_BYTES + 6) /* "\\x…", and the comma */

struct recheck *
recheck_new(struct ingress *ingress, struct pg *pg)
{
	struct recheck *recheck = calloc(1, sizeof(*recheck));

	CHECK(recheck != NULL);
	recheck->ingress = ingress;
	recheck->pg = pg;
	arena_init(&recheck->arena, ARENA_MAX);
	buf_init(&recheck->list, ROUND_MAX * HASH_ITEM_LEN + 3);
	return recheck;
}

void
recheck_free(struct recheck *recheck)
{
	if (recheck == NULL)
		return;
	arena_release(&recheck->arena);
	buf_release(&recheck->list);
	sodium_memzero(recheck, sizeof(*recheck));
	free(recheck);
}

static void
round_begin(struct recheck *recheck)
{
	arena_reset(&recheck->arena);
	buf_clear(&recheck->list);
	buf_append_char(&recheck->list, '{');
}

/* Add a hash, or an id, to the array that is the round's scope. */
static void
put_hash(struct buf *list, const uint8_t hash[CALLER_HASH_BYTES])
{
	char hex[2 * CALLER_HASH_BYTES + 1];

	sodium_bin2hex(hex, sizeof(hex), hash, CALLER_HASH_BYTES);
	buf_printf(list, "%s\"\\\\x%s\"", list->len == 1 ? "" : ",", hex);
}

static void
put_uuid(struct buf *list, struct uuid id)
{
	char text[UUID_TEXT_SIZE];

	uuid_write(id, text);
	buf_printf(list, "%s%s", list->len == 1 ? "" : ",", text);
}

/* The round's list, as the parameter of a scope. */
static enum err_class
list_end(struct recheck *recheck, struct pg_params *ret_params, struct err *err)
{
	buf_append_char(&recheck->list, '}');
	if (recheck->list.overflow)
		return err_set(err, ERR_RETRY, "no memory for a list of callers");
	pg_params_init(ret_params, &recheck->arena);
	pg_params_str(ret_params, buf_str(&recheck->list));
	return ERR_NONE;
}

/* One round trip: the scope, then ${statement}, whose result is returned. */
static enum err_class
round_run(struct recheck *recheck, const char *scope, const char *statement,
    const struct pg_params *params, PGresult **ret_result, struct err *err)
{
	struct pg_params list;

	*ret_result = NULL;
	if (list_end(recheck, &list, err) != ERR_NONE)
		return err->class;
	return pg_run_within(recheck->pg, scope, &list, statement, params, ret_result, err);
}

/* The row of the key ${hash}, or -1. */
static int
key_row(const PGresult *result, const uint8_t *hash)
{
	int rows = PQntuples(result);

	for (int row = 0; row < rows; row++)
		if (memcmp(pg_get_str(result, row, 0).ptr, hash, CALLER_HASH_BYTES) == 0)
			return row;
	return -1;
}

static enum err_class
round_keys(struct recheck *recheck, const struct caller_entry *entries, size_t len, struct err *err)
{
	struct callers *callers = recheck->ingress->callers;
	struct pg_params params;
	PGresult *result;
	struct str *hashes;

	round_begin(recheck);
	hashes = arena_array(&recheck->arena, len, sizeof(*hashes));
	if (hashes == NULL)
		return err_set(err, ERR_RETRY, "no memory for a list of callers");
	for (size_t i = 0; i < len; i++) {
		put_hash(&recheck->list, entries[i].hash);
		hashes[i] = (struct str){(const char *)entries[i].hash, CALLER_HASH_BYTES};
	}
	pg_params_init(&params, &recheck->arena);
	pg_params_bytes_array(&params, hashes, len);
	if (round_run(recheck, "scope_key", "keys_known", &params, &result, err) != ERR_NONE)
		return err->class;
	for (size_t i = 0; i < len; i++) {
		int row = key_row(result, entries[i].hash);

		if (row < 0)
			callers_drop(callers, entries[i].hash);
		else
			callers_update(callers, entries[i].hash,
			    role_from(pg_get_str(result, row, 3)), pg_get_int64(result, row, 4));
	}
	PQclear(result);
	return ERR_NONE;
}

/* Know again what ${row} says of an entry; a row of -1 is none. */
static void
user_update(
    struct callers *callers, const struct caller_entry *entry, const PGresult *result, int row)
{
	enum role role = row < 0 ? ROLE_NONE : role_from(pg_get_str(result, row, 2));
	bool in_organisation = !uuid_is_nil(entry->caller.organisation_id);

	if (row < 0 || (in_organisation && role == ROLE_NONE))
		callers_drop(callers, entry->hash);
	else
		callers_update(callers, entry->hash, role, pg_get_int64(result, row, 3));
}

static enum err_class
round_users(
    struct recheck *recheck, const struct caller_entry *entries, size_t len, struct err *err)
{
	struct uuid *sessions, *organisations;
	struct pg_params params;
	int rows[ROUND_MAX];
	PGresult *result;

	round_begin(recheck);
	sessions = arena_array(&recheck->arena, len, sizeof(*sessions));
	organisations = arena_array(&recheck->arena, len, sizeof(*organisations));
	if (sessions == NULL || organisations == NULL)
		return err_set(err, ERR_RETRY, "no memory for a list of callers");
	for (size_t i = 0; i < len; i++) {
		put_uuid(&recheck->list, entries[i].caller.id);
		sessions[i] = entries[i].caller.session_id;
		organisations[i] = entries[i].caller.organisation_id;
		rows[i] = -1;
	}
	pg_params_init(&params, &recheck->arena);
	pg_params_uuids(&params, sessions, len);
	pg_params_uuids(&params, organisations, len);
	if (round_run(recheck, "scope_user", "sessions_known", &params, &result, err) != ERR_NONE)
		return err->class;
	for (int row = 0; row < PQntuples(result); row++) {
		int32_t place = pg_get_int32(result, row, 0);

		CHECK(place >= 1 && (size_t)place <= len);
		rows[place - 1] = row;
	}
	for (size_t i = 0; i < len; i++)
		user_update(recheck->ingress->callers, &entries[i], result, rows[i]);
	PQclear(result);
	return ERR_NONE;
}

enum err_class
recheck_callers(struct recheck *recheck, struct err *err)
{
	static const struct {
		enum caller_kind kind;
		enum err_class (*round)(struct recheck *recheck, const struct caller_entry *entries,
		    size_t len, struct err *err);
	} kinds[] = {{CALLER_KEY, round_keys}, {CALLER_USER, round_users}};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		size_t len =
		    callers_list(recheck->ingress->callers, kinds[i].kind, recheck->entries);

		for (size_t done = 0, now; done < len; done += now) {
			now = len - done < ROUND_MAX ? len - done : ROUND_MAX;
			if (kinds[i].round(recheck, recheck->entries + done, now, err) != ERR_NONE)
				return err->class;
		}
	}
	return ERR_NONE;
}

enum err_class
recheck_ring(struct recheck *recheck, struct err *err)
{
	struct ingress *ingress = recheck->ingress;
	struct signing_ring ring = {0};
	PGresult *result;

	if (pg_run(recheck->pg, "signing_keys", NULL, &result, err) != ERR_NONE)
		return err->class;
	for (int row = 0; row < PQntuples(result); row++) {
		enum signing_purpose purpose;

		/* What only a later version of us knows is not for this one. */
		if (signing_purpose_from(pg_get_str(result, row, 0), &purpose))
			(void)!signing_ring_add(
			    &ring, &ingress->secret, purpose, pg_get_str(result, row, 1));
	}
	PQclear(result);
	ring_holder_set(ingress->ring, &ring);
	sodium_memzero(&ring, sizeof(ring));
	return ERR_NONE;
}

/* The uses of a round, in one transaction that may write. */
static enum err_class
round_uses(struct recheck *recheck, const struct caller_entry *entries, size_t len, struct err *err)
{
	struct pg *pg = recheck->pg;
	struct uuid *organisations, *ids;
	struct pg_params list, params;
	int64_t *seconds;

	round_begin(recheck);
	organisations = arena_array(&recheck->arena, len, sizeof(*organisations));
	ids = arena_array(&recheck->arena, len, sizeof(*ids));
	seconds = arena_array(&recheck->arena, len, sizeof(*seconds));
	if (organisations == NULL || ids == NULL || seconds == NULL)
		return err_set(err, ERR_RETRY, "no memory for a list of callers");
	for (size_t i = 0; i < len; i++) {
		put_uuid(&recheck->list, entries[i].caller.organisation_id);
		organisations[i] = entries[i].caller.organisation_id;
		ids[i] = entries[i].caller.id;
		seconds[i] = entries[i].used_s;
	}
	pg_params_init(&params, &recheck->arena);
	pg_params_uuids(&params, organisations, len);
	pg_params_uuids(&params, ids, len);
	pg_params_int64s(&params, seconds, len);
	if (list_end(recheck, &list, err) != ERR_NONE || pg_connect(pg, err) != ERR_NONE)
		return err->class;
	if (pg_send(pg, "uses_begin", NULL, err) != ERR_NONE ||
	    pg_send(pg, "scope_organisation", &list, err) != ERR_NONE ||
	    pg_send(pg, "uses_note", &params, err) != ERR_NONE ||
	    pg_send(pg, "uses_end", NULL, err) != ERR_NONE || pg_sync(pg, err) != ERR_NONE ||
	    pg_finish(pg, err) != ERR_NONE) {
		pg_rollback(pg);
		return err->class;
	}
	for (size_t i = 0; i < len; i++)
		callers_noted(recheck->ingress->callers, entries[i].hash, entries[i].used_s);
	return ERR_NONE;
}

enum err_class
recheck_uses(struct recheck *recheck, struct err *err)
{
	size_t len = callers_list(recheck->ingress->callers, CALLER_KEY, recheck->entries);
	size_t due = 0;

	for (size_t i = 0; i < len; i++) {
		const struct caller_entry *entry = &recheck->entries[i];

		if (entry->used_s >= entry->noted_s + USE_S)
			recheck->entries[due++] = *entry;
	}
	for (size_t done = 0, now; done < due; done += now) {
		now = due - done < ROUND_MAX ? due - done : ROUND_MAX;
		if (round_uses(recheck, recheck->entries + done, now, err) != ERR_NONE)
			return err->class;
	}
	return ERR_NONE;
}
