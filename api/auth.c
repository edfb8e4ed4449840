#include "api/auth.h"

#include "api/key_cache.h"
#include "api/reader.h"
#include "api/respond.h"

static void
key_looked_up(struct request *request, const PGresult *result, const struct err *err)
{
	struct key_entry entry;

	if (result == NULL) {
		answer_failed(request, err);
	} else if (PQntuples(result) == 0) {
		answer_problem(
		    request, PROBLEM_UNAUTHORIZED, "The API key is unknown, or was revoked.");
	} else {
		memcpy(entry.hash, request->key_hash, sizeof(entry.hash));
		entry.organisation_id = pg_get_uuid(result, 0, 1);
		entry.key_id = pg_get_uuid(result, 0, 2);
		key_cache_put(request->ingress->keys, &entry);
		request->caller = (struct caller){entry.organisation_id, entry.key_id};
	}
	request_resume(request);
}

static bool
look_up(struct request *request)
{
	const struct str hash = {(const char *)request->key_hash, sizeof(request->key_hash)};
	struct job job = {.scope = SCOPE_KEY, .statement = "keys_known", .done = key_looked_up};

	job.params = reader_params(request);
	if (job.params == NULL) {
		answer_problem(request, PROBLEM_INTERNAL, "There is no memory left.");
		return true;
	}
	pg_params_bytes_array(job.params, &hash, 1);
	return reader_begin(request, &job);
}

bool
auth_begin(struct request *request)
{
	struct str header = request->headers.values[HEADER_AUTHORIZATION];
	struct key_entry entry;
	struct str key;

	if (header.ptr == NULL) {
		answer_problem(
		    request, PROBLEM_UNAUTHORIZED, "The header Authorization is missing.");
		return true;
	}
	if (!header_bearer(header, &key) || !api_key_has_form(key)) {
		answer_problem(
		    request, PROBLEM_UNAUTHORIZED, "The header Authorization holds no API key.");
		return true;
	}
	api_key_hash(key, request->key_hash);
	if (!key_cache_get(request->ingress->keys, request->key_hash, &entry))
		return look_up(request);
	request->caller = (struct caller){entry.organisation_id, entry.key_id};
	return true;
}
