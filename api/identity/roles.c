/* GET /v1/roles: the matrix of common/domain/role.c, as it is. */

#include "api/arguments.h"
#include "api/identity/identity.h"
#include "api/respond.h"

static void
put_role(struct buf *out, enum role role)
{
	bool first = true;

	buf_append_str(out, STR("{\"role\":"));
	json_put_string(out, str_from(role_table[role].name));
	buf_append_str(out, STR(",\"summary\":"));
	json_put_string(out, str_from(role_table[role].summary));
	buf_append_str(out, STR(",\"permissions\":["));
	for (enum permission permission = 0; permission < PERMIT_MAX; permission++) {
		if (!role_may(role, permission))
			continue;
		if (!first)
			buf_append_char(out, ',');
		first = false;
		json_put_string(out, str_from(permission_table[permission].name));
	}
	buf_append_str(out, STR("]}"));
}

static void
put_permission(struct buf *out, const struct permission_info *info)
{
	buf_append_str(out, STR("{\"name\":"));
	json_put_string(out, str_from(info->name));
	buf_append_str(out, STR(",\"summary\":"));
	json_put_string(out, str_from(info->summary));
	buf_append_str(out, STR(",\"least\":"));
	json_put_string(out, str_from(role_table[info->least].name));
	buf_append_char(out, '}');
}

bool
roles_run(struct request *request)
{
	struct buf *out = &request->out;
	struct arguments arguments;

	if (!arguments_read(request, 0, &arguments))
		return true;
	buf_clear(out);
	buf_append_str(out, STR("{\"data\":["));
	for (enum role role = ROLE_VIEWER; role < ROLE_MAX; role++) {
		if (role > ROLE_VIEWER)
			buf_append_char(out, ',');
		put_role(out, role);
	}
	buf_append_str(out, STR("],\"permissions\":["));
	for (enum permission permission = 0; permission < PERMIT_MAX; permission++) {
		if (permission > 0)
			buf_append_char(out, ',');
		put_permission(out, &permission_table[permission]);
	}
	buf_append_str(out, STR("]}"));
	answer_out(request, MHD_HTTP_OK, JSON_TYPE);
	return true;
}
