#include "api/identity/identity.h"

#include "api/identity/identity_internal.h"

void
identity_prepare(struct pg *pg)
{
	const struct {
		const struct pg_statement *statements;
		size_t len;
	} files[] = {
	    {action_statements, action_statements_len},
	    {session_statements, session_statements_len},
	    {organisation_statements, organisation_statements_len},
	    {member_statements, member_statements_len},
	    {invitation_statements, invitation_statements_len},
	    {api_key_statements, api_key_statements_len},
	};

	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		pg_prepare(pg, files[i].statements, files[i].len);
}
