/* Organisations: made by a user, who owns them; shown and changed by their members. */

#include <stdlib.h>

#include "api/identity/identity.h"
#include "api/identity/identity_internal.h"
#include "api/identity/organisation_settings.h"
#include "api/respond.h"

#define SETTINGS_MAX 50 /* pairs, as the schemas say of one request */

const struct pg_statement organisation_statements[] = {
    /* $1 organisation. */
    {"organisation_lock",
	"SELECT id FROM identity.organisations WHERE id = $1::uuid FOR NO KEY UPDATE"},
    /* $1 organisation, $2 tax rates: those that it cannot have.  One that is archived by now it
     * keeps. */
    {"organisation_rates_refused",
	"SELECT asked.id::text FROM unnest($2::uuid[]) asked(id)"
	" WHERE NOT EXISTS (SELECT FROM billd.tax_rates r"
	"  JOIN identity.organisations o ON o.id = r.organisation_id"
	"  WHERE r.organisation_id = $1::uuid AND r.id = asked.id AND (r.archived_at IS NULL"
	"   OR strpos(o.settings ->> 'tax_rate_ids', asked.id::text) > 0))"},
    /* $1 organisation, $2 user or key. */
    {"organisation_role_of_user", "SELECT role FROM identity.memberships"
				  " WHERE organisation_id = $1::uuid AND user_id = $2::uuid"},
    {"organisation_role_of_key",
	"SELECT role FROM identity.api_keys WHERE organisation_id = $1::uuid AND id = $2::uuid"
	" AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())"},

    /* $1 organisation; $2 name, $3 currency, $4 timezone, $5 country, $6 settings, $7 test. */
    {"organisation_insert",
	"INSERT INTO identity.organisations AS o"
	" (id, name, currency, timezone, country, settings, test)"
	" VALUES ($1::uuid, $2::text, $3::text, $4::text, $5::text, $6::text::jsonb, $7::bool)"
	" RETURNING api.organisation(o, 'owner')::text"},
    /* $1 organisation, $2 user. */
    {"organisation_own", "INSERT INTO identity.memberships (organisation_id, user_id, role)"
			 " VALUES ($1::uuid, $2::uuid, 'owner')"},
    /* $1 organisation, $2 the caller's role. */
    {"organisation_read", "SELECT api.organisation(o, $2::text)::text"
			  " FROM identity.organisations o WHERE o.id = $1::uuid"},
    /* $1 organisation; $2 name, $3 timezone, $4 country ('': none), none: unchanged; $5 settings
     * to set, '' takes one away; $6 the caller's role. */
    {"organisation_update",
	"UPDATE identity.organisations o SET"
	" name = coalesce($2::text, name), timezone = coalesce($3::text, timezone),"
	" country = nullif(coalesce($4::text, country), ''),"
	" settings = (SELECT coalesce(jsonb_object_agg(key, value), '{}')"
	"  FROM jsonb_each(o.settings || $5::text::jsonb) WHERE value <> '\"\"'),"
	" updated_at = now()"
	" WHERE id = $1::uuid RETURNING api.organisation(o, $6::text)::text,"
	" (SELECT count(*) FROM jsonb_object_keys(o.settings))"},
};

const size_t organisation_statements_len = ARRAY_LEN(organisation_statements);

/* What the actions of an organisation share. */

bool
organisation_lock(struct action *action, struct uuid organisation_id)
{
	struct pg_params params = action_params(action);
	PGresult *result;
	bool found;

	pg_params_uuid(&params, organisation_id);
	if (!action_query(action, "organisation_lock", &params, &result))
		return false;
	found = PQntuples(result) == 1;
	PQclear(result);
	if (!found)
		answer_problem(action->request, PROBLEM_NOT_FOUND,
		    "No organisation with this id exists, or none of the caller's.");
	return found;
}

/* The role that the caller has now, ROLE_NONE when it was taken away. */
static bool
role_now(struct action *action, enum role *ret_role)
{
	const struct caller *caller = &action->request->caller;
	struct pg_params params = action_params(action);
	PGresult *result;

	pg_params_uuid(&params, caller->organisation_id);
	pg_params_uuid(&params, caller->id);
	if (!action_query(action,
		caller->kind == CALLER_USER ? "organisation_role_of_user"
					    : "organisation_role_of_key",
		&params, &result))
		return false;
	*ret_role = PQntuples(result) == 0 ? ROLE_NONE : role_from(pg_get_str(result, 0, 0));
	PQclear(result);
	return true;
}

bool
organisation_open(struct action *action, enum permission permission, enum role *ret_role)
{
	const struct caller *caller = &action->request->caller;
	const struct action_scope scope = {.organisation_id = caller->organisation_id};

	CHECK(caller->kind != CALLER_NOBODY);
	CHECK(!uuid_is_nil(caller->organisation_id));

	if (!action_open(action, &scope) || !organisation_lock(action, caller->organisation_id) ||
	    !role_now(action, ret_role))
		return false;
	if (!role_may(*ret_role, permission)) {
		answer_problem(action->request, PROBLEM_FORBIDDEN,
		    "The caller's role there does not have the permission \"%s\".",
		    permission_table[permission].name);
		return false;
	}
	return true;
}

static bool
audit_as(struct action *action, const struct organisation_event *event, const char *outcome)
{
	struct audit audit = {.action = event->action,
	    .outcome = outcome,
	    .resource_type = event->resource_type,
	    .resource_id = event->resource_id,
	    .actor = event->actor};
	char *details = NULL;
	bool done;

	if (event->details != NULL) {
		details = json_dumps(event->details, JSON_COMPACT);
		json_decref(event->details);
		audit.details = str_from(details);
	}
	done = action_audit(action, &audit);
	free(details);
	return done;
}

bool
organisation_audit(struct action *action, const struct organisation_event *event)
{
	return audit_as(action, event, "succeeded");
}

bool
organisation_has_room(struct action *action, const struct organisation_bound *bound)
{
	struct pg_params params = action_params(action);
	PGresult *result;
	int64_t count;

	pg_params_uuid(&params, action->request->caller.organisation_id);
	if (!action_query(action, bound->statement, &params, &result))
		return false;
	count = pg_get_int64(result, 0, 0);
	PQclear(result);
	if (count >= bound->max)
		answer_problem(action->request, bound->problem, "%lld %s; %lld may be.",
		    (long long)count, bound->what, (long long)bound->max);
	return count < bound->max;
}

void
organisation_refuse(struct action *action, const struct organisation_event *event, enum role role,
    enum role granted)
{
	if (!audit_as(action, event, problem_info(PROBLEM_FORBIDDEN)->slug) ||
	    !action_commit(action))
		return;
	answer_problem(action->request, PROBLEM_FORBIDDEN,
	    "Who has the role %s can neither give nor take the role %s.", role_table[role].name,
	    role_table[granted].name);
}

void
organisation_maker(enum caller_kind kind, struct uuid id, char ret_text[MAKER_TEXT_SIZE])
{
	char text[UUID_TEXT_SIZE];

	CHECK(kind != CALLER_NOBODY);

	uuid_write(id, text);
	snprintf(
	    ret_text, MAKER_TEXT_SIZE, "%s:%s", kind == CALLER_USER ? "user" : "api_key", text);
}

void
organisation_answer(
    struct action *action, int status, struct str json, const char *name, const char *secret)
{
	struct buf *out = &action->request->out;

	CHECK(json.len >= 2 && json.ptr[json.len - 1] == '}');

	buf_clear(out);
	if (name == NULL) {
		buf_append_str(out, json);
	} else {
		buf_append(out, json.ptr, json.len - 1);
		buf_printf(out, ",\"%s\":\"%s\"}", name, secret);
	}
	answer_out(action->request, status, JSON_TYPE);
}

/* The actions. */

/* Pairs of the body as JSON text, which the caller frees; NULL: none are given. */
static char *
settings_text(const struct action *action)
{
	const json_t *settings = json_object_get(action->body, "settings");

	return settings == NULL ? NULL : json_dumps(settings, JSON_COMPACT);
}

/* Whether the settings of the body are such that billing can go by them; else it is answered.  An
 * empty value is good where it takes one away. */
static bool
check_settings(struct action *action, bool take_away)
{
	struct request *request = action->request;
	const json_t *settings = json_object_get(action->body, "settings");
	struct faults faults = {.arena = &request->arena};
	const struct organisation_setting *setting;

	for (size_t i = 0; (setting = organisation_settings_at(i)) != NULL; i++) {
		struct str value = schema_str(json_object_get(settings, setting->name));
		char pointer[64];

		if (value.ptr == NULL || (value.len == 0 && take_away) ||
		    organisation_settings_take(setting, value))
			continue;
		snprintf(pointer, sizeof(pointer), "/settings/%s", setting->name);
		fault_add(&faults, str_from(pointer), "%s", setting->told);
	}
	if (faults.found > 0)
		answer_faults(request, problem_info(PROBLEM_INVALID_BODY), &faults);
	return faults.found == 0;
}

/* Whether the organisation can have the tax rates that the settings name; else it is answered. */
static bool
rates_are_there(struct action *action, struct uuid organisation_id)
{
	const json_t *settings = json_object_get(action->body, "settings");
	struct pg_params params = action_params(action);
	struct faults faults = {.arena = &action->request->arena};
	struct uuid ids[TAX_RATES_MAX];
	size_t len = organisation_settings_read_rates(
	    schema_str(json_object_get(settings, "tax_rate_ids")), ids);
	PGresult *rows;

	if (len == 0)
		return true;
	pg_params_uuid(&params, organisation_id);
	pg_params_uuids(&params, ids, len);
	if (!action_query(action, "organisation_rates_refused", &params, &rows))
		return false;
	for (int i = 0; i < PQntuples(rows); i++)
		fault_add(&faults, STR("/settings/tax_rate_ids"),
		    "must name tax rates of the organisation that are not archived: %.*s is none",
		    STR_ARG(pg_get_str(rows, i, 0)));
	PQclear(rows);
	if (faults.found > 0)
		answer_faults(action->request, problem_info(PROBLEM_INVALID_BODY), &faults);
	return faults.found == 0;
}

static bool
create(struct action *action, struct uuid id, PGresult **ret_row)
{
	const struct uuid user_id = action->request->caller.id;
	const struct action_scope scope = {.organisation_id = id, .user_id = user_id};
	const struct organisation_event event = {"organisation.create", "organisation", id,
	    STR_NONE, json_pack("{s:O}", "name", json_object_get(action->body, "name"))};
	struct pg_params params = action_params(action), owner = action_params(action);
	char *settings = settings_text(action);
	bool done;

	pg_params_uuid(&params, id);
	pg_params_str(&params, action_text(action, "name"));
	pg_params_str(&params, action_text(action, "currency"));
	pg_params_str(&params, action_text(action, "timezone"));
	pg_params_str(&params, action_text(action, "country"));
	pg_params_str(&params, str_from(settings == NULL ? "{}" : settings));
	pg_params_bool(&params, json_is_true(json_object_get(action->body, "test")));
	pg_params_uuid(&owner, id);
	pg_params_uuid(&owner, user_id);
	done = action_open(action, &scope) && rates_are_there(action, id) &&
	       action_query(action, "organisation_insert", &params, ret_row) &&
	       action_query(action, "organisation_own", &owner, NULL);
	free(settings);
	if (!done) {
		json_decref(event.details);
		return false;
	}
	return organisation_audit(action, &event) && action_commit(action);
}

void
organisation_create(struct action *action)
{
	struct uuid id = uuid_new();
	PGresult *row = NULL;

	if (check_settings(action, false) && create(action, id, &row))
		organisation_answer(action, MHD_HTTP_CREATED, pg_get_str(row, 0, 0), NULL, NULL);
	PQclear(row);
}

void
organisation_one(struct action *action)
{
	const struct caller *caller = &action->request->caller;
	const struct action_scope scope = {.organisation_id = caller->organisation_id};
	struct pg_params params = action_params(action);
	PGresult *rows;

	pg_params_uuid(&params, caller->organisation_id);
	pg_params_str(&params, str_from(role_table[caller->role].name));
	if (!action_open(action, &scope) ||
	    !action_query(action, "organisation_read", &params, &rows))
		return;
	if (PQntuples(rows) == 0)
		answer_problem(
		    action->request, PROBLEM_NOT_FOUND, "No organisation with this id exists.");
	else
		organisation_answer(action, MHD_HTTP_OK, pg_get_str(rows, 0, 0), NULL, NULL);
	PQclear(rows);
}

/* Whether anything is given: null is as good as nothing. */
static bool
changes(const struct action *action)
{
	json_t *body = (json_t *)(uintptr_t)action->body; /* Jansson's iterators know no const */
	bool given = false;
	const char *name;
	json_t *value;

	json_object_foreach(body, name, value)
	{
		(void)name;
		given = given || !json_is_null(value);
	}
	return given;
}

/* The names of what is given, for the audit log: what was said of them is in the organisation. */
static json_t *
changed_names(const struct action *action)
{
	json_t *body = (json_t *)(uintptr_t)action->body;
	json_t *names = json_array();
	const char *name;
	json_t *value;

	json_object_foreach(body, name, value)
	{
		if (!json_is_null(value))
			CHECK(json_array_append_new(names, json_string(name)) == 0);
	}
	return json_pack("{s:o}", "changed", names);
}

static void
answer_too_many_settings(struct request *request)
{
	struct faults faults = {.arena = &request->arena};

	fault_add(&faults, STR("/settings"),
	    "must leave at most %d pairs, those that were there "
	    "before included",
	    SETTINGS_MAX);
	answer_faults(request, problem_info(PROBLEM_INVALID_BODY), &faults);
}

static bool
update(struct action *action, PGresult **ret_row)
{
	struct request *request = action->request;
	struct organisation_event event = {
	    "organisation.update", "organisation", request->caller.organisation_id, STR_NONE, NULL};
	struct pg_params params = action_params(action);
	char *settings;
	enum role role;
	bool done;

	if (!organisation_open(action, PERMIT_CONFIGURE, &role) ||
	    !rates_are_there(action, request->caller.organisation_id))
		return false;
	settings = settings_text(action);
	pg_params_uuid(&params, request->caller.organisation_id);
	pg_params_str(&params, action_text(action, "name"));
	pg_params_str(&params, action_text(action, "timezone"));
	pg_params_str(&params, action_text(action, "country"));
	pg_params_str(&params, str_from(settings == NULL ? "{}" : settings));
	pg_params_str(&params, str_from(role_table[role].name));
	done = action_query(action, "organisation_update", &params, ret_row);
	free(settings);
	if (!done)
		return false;
	if (pg_get_int64(*ret_row, 0, 1) > SETTINGS_MAX) {
		answer_too_many_settings(request);
		return false;
	}
	event.details = changed_names(action);
	return organisation_audit(action, &event) && action_commit(action);
}

void
organisation_update(struct action *action)
{
	PGresult *row = NULL;

	if (!changes(action)) {
		organisation_one(action);
		return;
	}
	if (check_settings(action, true) && update(action, &row))
		organisation_answer(action, MHD_HTTP_OK, pg_get_str(row, 0, 0), NULL, NULL);
	PQclear(row);
}
