#include "common/domain/role.h"

#include "tests/unit/unit.h"

/* In a table, where a compound literal is no constant. */
#define TEXT(literal)                           \
	{                                       \
		"" literal, sizeof(literal) - 1 \
	}
#define TEXT_NONE       \
	{               \
		NULL, 0 \
	}

/* The matrix, written out: it is what customers were told, so a change of it is a decision. */
static const struct matrix_row {
	const char *permission;
	enum permission value;
	bool may[ROLE_MAX]; /* none, viewer, billing, admin, owner */
} matrix_rows[] = {
    {"read", PERMIT_READ, {false, true, true, true, true}},
    {"bill", PERMIT_BILL, {false, false, true, true, true}},
    {"configure", PERMIT_CONFIGURE, {false, false, false, true, true}},
    {"members", PERMIT_MEMBERS, {false, false, false, true, true}},
    {"keys", PERMIT_KEYS, {false, false, false, true, true}},
    {"audit", PERMIT_AUDIT, {false, false, false, true, true}},
    {"own", PERMIT_OWN, {false, false, false, false, true}},
};

_Static_assert(ARRAY_LEN(matrix_rows) == PERMIT_MAX, "every permission has its row");

START_TEST(test_matrix)
{
	const struct matrix_row *row = &matrix_rows[_i];

	ck_assert_str_eq(permission_table[row->value].name, row->permission);
	ck_assert(permission_table[row->value].summary[0] != '\0');
	for (enum role role = ROLE_NONE; role < ROLE_MAX; role++)
		ck_assert_msg(role_may(role, row->value) == row->may[role], "%s: %s",
		    row->permission, role_table[role].name);
}
END_TEST

static const struct grant_row {
	enum role role;
	bool may[ROLE_MAX]; /* grant none (take a role away), viewer, billing, admin, owner */
} grant_rows[] = {
    {ROLE_NONE, {false, false, false, false, false}},
    {ROLE_VIEWER, {false, false, false, false, false}},
    {ROLE_BILLING, {false, false, false, false, false}},
    {ROLE_ADMIN, {true, true, true, true, false}},
    {ROLE_OWNER, {true, true, true, true, true}},
};

_Static_assert(ARRAY_LEN(grant_rows) == ROLE_MAX, "every role has its row");

START_TEST(test_grants)
{
	const struct grant_row *row = &grant_rows[_i];

	for (enum role granted = ROLE_NONE; granted < ROLE_MAX; granted++)
		ck_assert_msg(role_may_grant(row->role, granted) == row->may[granted],
		    "%s grants %s", role_table[row->role].name, role_table[granted].name);
}
END_TEST

static const struct name_row {
	struct str name;
	enum role role;
} name_rows[] = {
    {TEXT("viewer"), ROLE_VIEWER},
    {TEXT("billing"), ROLE_BILLING},
    {TEXT("admin"), ROLE_ADMIN},
    {TEXT("owner"), ROLE_OWNER},
    {TEXT("none"), ROLE_NONE},
    {TEXT("Owner"), ROLE_NONE},
    {TEXT("owner "), ROLE_NONE},
    {TEXT("owne"), ROLE_NONE},
    {TEXT("owner\0"), ROLE_NONE},
    {TEXT(""), ROLE_NONE},
    {TEXT_NONE, ROLE_NONE},
};

START_TEST(test_names)
{
	const struct name_row *row = &name_rows[_i];

	ck_assert_msg(role_from(row->name) == row->role, "\"%.*s\"", STR_ARG(row->name));
	if (row->role != ROLE_NONE)
		unit_assert_str(row->name, role_table[row->role].name, "back");
	ck_assert(role_table[row->role].summary[0] != '\0');
}
END_TEST

UNIT_MAIN("role", UNIT_ROWS(test_matrix, matrix_rows), UNIT_ROWS(test_grants, grant_rows),
    UNIT_ROWS(test_names, name_rows))
