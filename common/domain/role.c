#include "common/domain/role.h"

const struct role_info role_table[ROLE_MAX] = {
    [ROLE_NONE] = {"none", "No member of the organisation."},
    [ROLE_VIEWER] = {"viewer", "Reads what is billed."},
    [ROLE_BILLING] = {"billing", "Bills: customers, plans, subscriptions, invoices, payments."},
    [ROLE_ADMIN] = {"admin", "All but ownership: members, API keys, settings, the audit log too."},
    [ROLE_OWNER] = {"owner", "All. An organisation with members has one owner at least."},
};

const struct permission_info permission_table[PERMIT_MAX] = {
    [PERMIT_READ] = {"read", "Read what is billed, its events and operations.", ROLE_VIEWER},
    [PERMIT_BILL] = {"bill", "Change what is billed.", ROLE_BILLING},
    [PERMIT_CONFIGURE] = {"configure", "Change the organisation's name and settings.", ROLE_ADMIN},
    [PERMIT_MEMBERS] = {"members", "Invite members, change their roles, remove them.", ROLE_ADMIN},
    [PERMIT_KEYS] = {"keys", "Make and revoke API keys.", ROLE_ADMIN},
    [PERMIT_AUDIT] = {"audit", "Read the audit log.", ROLE_ADMIN},
    [PERMIT_OWN] = {"own", "Give and take ownership.", ROLE_OWNER},
};

enum role
role_from(struct str name)
{
	for (enum role role = ROLE_VIEWER; role < ROLE_MAX; role++)
		if (str_equal(name, str_from(role_table[role].name)))
			return role;
	return ROLE_NONE;
}

bool
role_may(enum role role, enum permission permission)
{
	return role >= permission_table[permission].least;
}

bool
role_may_grant(enum role role, enum role granted)
{
	return role_may(role, granted == ROLE_OWNER ? PERMIT_OWN : PERMIT_MEMBERS);
}
